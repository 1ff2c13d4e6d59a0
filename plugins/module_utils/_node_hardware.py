# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which machine a Node runs on, where the cluster knows it. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import uuid_spellings

# OVN-Kubernetes notes there the MAC address of the NIC that has the node's address.
_GATEWAY = "k8s.ovn.org/l3-gateway-config"

Node = t.Mapping[str, t.Any]


def same_hardware(machine: t.Mapping[str, t.Any], node: Node, nodes: t.Sequence[Node]) -> str:
    """What shows that this Node runs on this machine; empty where nothing does.

    :param nodes: all of them: a UUID that several report is a maker's placeholder
    """
    config = str((node["metadata"].get("annotations") or {}).get(_GATEWAY) or "").lower()
    mac = next((mac for mac in machine.get("macs") or [] if mac in config), "")
    if mac:
        return f"the MAC address {mac}"
    uuid = _uuid(node)
    spellings = uuid_spellings(machine.get("system_uuid") or "")
    if uuid in spellings and sum(_uuid(other) in spellings for other in nodes) == 1:
        return f"the system UUID {uuid}"
    return ""


def _uuid(node: Node) -> str:
    return str(((node.get("status") or {}).get("nodeInfo") or {}).get("systemUUID") or "").lower()


__all__ = ("same_hardware",)
