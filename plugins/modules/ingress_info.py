#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ingress_info
short_description: Find out whether a load balancer needs the addresses of new nodes
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Where an ingress controller has no node selector that keeps its routers away, they may move to new nodes at any
    time, and a load balancer that does not know those then has nobody behind it.
  - Compares the node placement of every C(IngressController) with the labels and taints of the nodes of machines that
    became nodes in this run.
  - Controllers that the cluster publishes by itself are left out, such as the default one where the cluster manages the
    virtual address of a bare-metal platform, and those with C(LoadBalancerService) or C(NodePortService).
  - Where the cluster does not tell, RV(unknown) says why, and the module does not fail.
options:
  machines:
    description:
      - The machine records. Those count that are C(proven) or C(joined) and were changed.
    type: list
    elements: dict
    required: true
extends_documentation_fragment:
  - multiarch.openshift.auth
  - multiarch.openshift.attributes.info
"""

EXAMPLES = r"""
- name: Ask whose load balancer needs the new nodes
  multiarch.openshift.ingress_info:
    machines: "{{ multiarch_machines }}"
  delegate_to: localhost
  run_once: true
  register: ingress
"""

RETURN = r"""
load_balancers:
  description: The ingress controllers whose load balancer needs addresses, each with the addresses.
  returned: success
  type: list
  elements: dict
  contains:
    controller:
      description: Name of the C(IngressController).
      type: str
    why:
      description: Why its routers may run on new nodes.
      type: str
    addresses:
      description: The C(InternalIP) addresses of the nodes.
      type: list
      elements: str
  sample:
    - controller: default
      why: it has no nodeSelector, so they run on any worker
      addresses: [192.0.2.11, 192.0.2.12]
unknown:
  description: Why the question could not be answered; empty where it was.
  returned: success
  type: str
  sample: ""
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._ingress import load_balancers
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect

NAMESPACE = "openshift-ingress-operator"
CONFIG = "config.openshift.io/v1"


def ask(params: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    names = {
        machine["node_name"]
        for machine in params["machines"]
        if machine["stage"] in ("proven", "joined") and machine.get("changed")
    }
    if not names:
        return []
    cluster = connect(params)
    controllers, _version = cluster.list("operator.openshift.io/v1", "IngressController", NAMESPACE)
    nodes, _version = cluster.list("v1", "Node")
    return load_balancers(
        controllers,
        [node for node in nodes if node["metadata"]["name"] in names],
        ingress=cluster.get(CONFIG, "Ingress", "cluster") or {},
        infrastructure=cluster.get(CONFIG, "Infrastructure", "cluster") or {},
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={**AUTH_ARGUMENT_SPEC, "machines": {"type": "list", "elements": "dict", "required": True}},
        supports_check_mode=True,
    )
    found: list[dict[str, t.Any]] = []
    unknown = ""
    try:
        found = ask(module.params)
    except OperationError as exc:
        unknown = str(exc)
    module.exit_json(changed=False, load_balancers=found, unknown=unknown)


if __name__ == "__main__":
    main()
