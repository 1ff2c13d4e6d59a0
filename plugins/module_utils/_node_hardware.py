# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which machine a Node runs on, where the cluster knows it. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._network import known_macs
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import uuid_spellings

# OVN-Kubernetes notes there the MAC address of the NIC that has the node's address.
_GATEWAY = "k8s.ovn.org/l3-gateway-config"

Node = t.Mapping[str, t.Any]


def same_hardware(machine: t.Mapping[str, t.Any], node: Node, nodes: t.Sequence[Node]) -> str:
    """What shows that this Node runs on this machine; empty where nothing does.

    :param nodes: all of them: a UUID that several report is a maker's placeholder
    """
    config = _gateway(node)
    mac = next((mac for mac in known_macs(machine) if mac in config), "")
    if mac:
        return f"the MAC address {mac}"
    uuid = _uuid(node)
    spellings = uuid_spellings(machine.get("system_uuid") or "")
    if uuid in spellings and len(_nodes_with(spellings, nodes)) == 1:
        return f"the system UUID {uuid}"
    return ""


def uuid_warning(machine: t.Mapping[str, t.Any], nodes: t.Sequence[Node]) -> str:
    """Why the machine's UUID tells nothing; empty where it tells something, or none is given."""
    given = machine.get("system_uuid") or ""
    if not given:
        return ""
    spellings = uuid_spellings(given)
    if not spellings:
        return f"machine_system_uuid {given} is one that many machines have: it is not compared with nodes"
    holders = _nodes_with(spellings, nodes)
    if len(holders) > 1:
        return f"{len(holders)} nodes report the system UUID {given} ({', '.join(holders[:3])}): it is not compared"
    return ""


def tells_mac(node: Node) -> bool:
    """Whether this Node tells the MAC address of its NIC."""
    return "mac-address" in _gateway(node)


def _gateway(node: Node) -> str:
    return str((node["metadata"].get("annotations") or {}).get(_GATEWAY) or "").lower()


def _nodes_with(spellings: t.Container[str], nodes: t.Iterable[Node]) -> list[str]:
    return [node["metadata"]["name"] for node in nodes if _uuid(node) in spellings]


def _uuid(node: Node) -> str:
    return str(((node.get("status") or {}).get("nodeInfo") or {}).get("systemUUID") or "").lower()


__all__ = ("same_hardware", "tells_mac", "uuid_warning")
