# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: kernel_arguments
short_description: Join kernel arguments into one checked line
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Joins kernel arguments in their order into one line that GRUB, iPXE and PXELINUX all hand to the kernel as it is.
  - An argument with a space, a control character, a quote, a backslash or a letter outside ASCII is an error, as is a
    line of more than 2046 bytes, or one with more than 30 words C(key=value) without a dot in the key.
options:
  _input:
    description:
      - A list of arguments, or a dictionary of their names and values.
      - In a dictionary a list repeats the argument, null and V(true) give the bare name, and V(false) leaves it out.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Show the line
  ansible.builtin.debug:
    msg: "{{ arguments | multiarch.openshift.kernel_arguments }}"
  vars:
    arguments:
      ip: eno1:dhcp
      rd.neednet: 1
      console: [tty0, 'ttyAMA0,115200n8']
  # ip=eno1:dhcp rd.neednet=1 console=tty0 console=ttyAMA0,115200n8
"""

RETURN = r"""
_value:
  description: The line.
  type: str
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import check_argument
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import kernel_line
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import mapping_arguments

NAME = "multiarch.openshift.kernel_arguments"


def kernel_arguments(arguments: t.Any) -> str:
    """One checked line; see DOCUMENTATION."""
    if not isinstance(arguments, (list, tuple, Mapping)):
        raise AnsibleFilterError(f"{NAME}: the input must be a list or a dictionary, not {type(arguments).__name__}.")
    try:
        words = mapping_arguments(arguments) if isinstance(arguments, Mapping) else list(arguments)
        for word in words:
            if not isinstance(word, str):
                raise AnsibleFilterError(f"{NAME}: every argument must be text, not {type(word).__name__}: {word!r}.")
            check_argument(word, "The list")
        return kernel_line(words)
    except OperationError as exc:
        raise AnsibleFilterError(f"{NAME}: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"kernel_arguments": kernel_arguments}
