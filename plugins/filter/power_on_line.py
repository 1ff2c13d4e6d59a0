# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: power_on_line
short_description: Say what a person has to do to boot a machine
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - One sentence with the machine, its boot loader, its MAC addresses and how long it has.
options:
  _input:
    description: A machine record.
    type: dict
    required: true
  seconds:
    description: How many seconds the machine has, from now.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Say what to power on
  ansible.builtin.debug:
    msg: "{{ multiarch_machines | map('multiarch.openshift.power_on_line', seconds=5400) }}"
"""

RETURN = r"""
_value:
  description: The sentence.
  type: str
"""

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._verdict import power_on_line


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"power_on_line": power_on_line}
