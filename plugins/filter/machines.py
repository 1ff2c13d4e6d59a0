# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: machines
short_description: Turn the inventory's variables into the plan
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Reads the C(machine_*) variables of each host and returns one machine record per host, as the roles and modules of
    this collection take them.
  - Every problem of every host is reported in one error.
  - A record holds no password.
positional: hosts
options:
  _input:
    description: The variable C(hostvars).
    type: dict
    required: true
  hosts:
    description: Names of the machines, for example C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  group:
    description:
      - All machines of the site. A MAC address, an IP address or a node name that two of them share is an error.
      - When left out, O(hosts) are compared with each other alone.
    type: list
    elements: str
seealso:
  - plugin: multiarch.openshift.plan
    plugin_type: module
    description: Checks the site's variables and the inputs of the roles as well.
"""

EXAMPLES = r"""
- name: Show what the inventory says
  ansible.builtin.debug:
    msg: "{{ hostvars | multiarch.openshift.machines(groups['arm_workers']) | map(attribute='node_name') }}"
"""

RETURN = r"""
_value:
  description: One record per host, in the order of O(hosts).
  type: list
  elements: dict
"""

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan


def machines(hostvars: t.Any, hosts: t.Any, group: t.Any = None) -> list[dict[str, t.Any]]:
    """Records of the hosts; see DOCUMENTATION."""
    if not isinstance(hostvars, Mapping):
        raise AnsibleFilterError(
            f"multiarch.openshift.machines: the input must be hostvars, not {type(hostvars).__name__}."
        )
    for name, value in (("hosts", hosts), ("group", group or [])):
        if not isinstance(value, (list, tuple)):
            raise AnsibleFilterError(
                f"multiarch.openshift.machines: {name} must be a list of host names, not {type(value).__name__}."
            )
    records, problems = plan(hostvars, [str(host) for host in hosts], [str(host) for host in group or []])
    if problems:
        raise AnsibleFilterError("\n".join([f"The inventory has {len(problems)} problem(s):", *problems]))
    return records


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"machines": machines}
