#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: existing_node_info
short_description: Find out which machines are nodes already, or another installer's
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Compares the machine records with all nodes of the cluster, by name, address, MAC address and system UUID, in one
    call.
  - A machine whose node exists is never armed, whatever the node's state. Where name, architecture and addresses fit,
    its join goes on where it stopped; where they do not, the machine is marked as failed and named.
  - Only C(machine_replace_node_uid), equal to the UID of a node that is not Ready, allows a re-install.
  - A machine that would be armed and whose MAC address or BMC is that of a C(BareMetalHost) (C(metal3.io)) or of an
    C(Agent) (C(agent-install.openshift.io)) is marked as failed, since the cluster installs it by itself. A cluster
    that does not serve these kinds has none.
  - System UUIDs are compared in both byte orders. One of zeros, and one that several nodes report, are not compared,
    and the machine's record has a warning.
options:
  machines:
    description: The machine records.
    type: list
    elements: dict
    required: true
  installing:
    description:
      - Whether machines may be installed after this. If not, a C(machine_replace_node_uid) whose node is Ready, or has
        another UID by now, is done with, and no reason to fail the machine.
    type: bool
    default: true
extends_documentation_fragment:
  - multiarch.openshift.auth
  - multiarch.openshift.attributes.info
"""

EXAMPLES = r"""
- name: Look for nodes that exist
  multiarch.openshift.existing_node_info:
    machines: "{{ hostvars | multiarch.openshift.machines(groups['arm_workers']) }}"
  delegate_to: localhost
  run_once: true
  register: guarded
"""

RETURN = r"""
machines:
  description:
    - The records, with C(arm) (whether boot files or media may be put in place), C(existing_node), and C(asks_to_join)
      (whether somebody asks for a client certificate in its name).
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      arm: false
      asks_to_join: false
      existing_node: {name: worker-arm-1, ready: true, architecture: arm64, addresses: [192.0.2.11]}
not_comparable:
  description:
    - One sentence for each thing that machines could not be compared with, for example BareMetalHosts that the account
      may not list, or nodes that do not tell their MAC address. Each is shown as a warning as well.
  returned: success
  type: list
  elements: str
  sample:
    - "Agents are not comparable: the account may not list them in all namespaces (docs/rbac.yml)."
"""


from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._guard import guard
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import check_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._neighbours import look_at_neighbours
from ansible_collections.multiarch.openshift.plugins.module_utils._neighbours import nodes_that_ask


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARGUMENT_SPEC,
            "machines": {"type": "list", "elements": "dict", "required": True},
            "installing": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    machines, installing = module.params["machines"], module.params["installing"]
    try:
        cluster = connect(module.params)
        identity = cluster.identity()
        check_cluster(machines, identity)
        found = look_at_neighbours(cluster)
        asking = nodes_that_ask(cluster)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    for sentence in found.not_comparable:
        module.warn(sentence)
    module.exit_json(
        changed=False,
        machines=[
            guard(
                {**machine, "cluster": identity, "asks_to_join": machine["node_name"] in asking},
                found.nodes,
                found.claims,
                installing=installing,
            )
            for machine in machines
        ],
        not_comparable=found.not_comparable,
    )


if __name__ == "__main__":
    main()
