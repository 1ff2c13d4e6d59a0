# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verdicts
short_description: Say in one line per machine how the run ended for it
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - A machine that is neither proven nor joined has failed, whatever stopped it.
options:
  _input:
    description: The machine records.
    type: list
    elements: dict
    required: true
  names:
    description: The hosts of the run. One that has no record has failed, since nothing was done for it.
    type: list
    elements: str
    default: []
  stop:
    description: Why the whole run stopped. Empty where it did not.
    type: str
    default: ""
  armed:
    description: Why the boot files could not be removed. Empty where they were.
    type: str
    default: ""
  check:
    description: Whether the run was in check mode. Machines that wait for their turn have then not failed.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show how it went
  ansible.builtin.debug:
    msg: "{{ (multiarch_machines | multiarch.openshift.verdicts).values() | map(attribute='line') }}"
"""

RETURN = r"""
_value:
  description: For each machine's name, C(failed) and the C(line).
  type: dict
  sample:
    worker-arm-1: {failed: false, line: "worker-arm-1: proven"}
"""

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._verdict import verdicts


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"verdicts": verdicts}
