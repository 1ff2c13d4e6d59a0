# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guard before anything is armed: is this machine a node already? Private to the collection."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import INSTALLED
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NODE_ARCHITECTURE
from ansible_collections.multiarch.openshift.plugins.module_utils._node_hardware import same_hardware
from ansible_collections.multiarch.openshift.plugins.module_utils._node_hardware import uuid_warning
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import Claim
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import claimed_by


def node_addresses(node: t.Mapping[str, t.Any]) -> set[str]:
    """The IP addresses that a Node reports, in canonical text."""
    found = set()
    for entry in (node.get("status") or {}).get("addresses") or []:
        try:
            found.add(str(ipaddress.ip_address(entry["address"])))
        except ValueError:
            continue  # Hostname and InternalDNS entries are names
    return found


def is_ready(node: t.Mapping[str, t.Any]) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _summary(node: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    info = (node.get("status") or {}).get("nodeInfo") or {}
    return {
        "name": node["metadata"]["name"],
        "uid": node["metadata"]["uid"],
        "ready": is_ready(node),
        "architecture": info.get("architecture") or "",
        "addresses": sorted(node_addresses(node)),
    }


def _refusal(machine: t.Mapping[str, t.Any], node: t.Mapping[str, t.Any], hardware: str) -> tuple[str, str]:
    """Why a Node in the way is not this machine, or two empty texts where it is.

    :param hardware: what shows that the Node runs on this machine
    """
    name = node["metadata"]["name"]
    if name != machine["node_name"]:
        held = ", ".join(sorted(node_addresses(node) & set(machine["addresses"])))
        if not held:
            return (
                f"the node {name} runs on this machine: it has {hardware}",
                f"Set machine_node_name: {name} if it is meant; if that node is gone for good: oc delete node {name}.",
            )
        return (
            f"the node {name} already has the address {held}",
            "Correct machine_addresses or machine_node_name; nothing was touched.",
        )
    architecture = _summary(node)["architecture"]
    expected = NODE_ARCHITECTURE[machine["architecture"]]
    if architecture and architecture != expected:
        return (
            f"a node {name} exists and is {architecture}, not {expected}",
            "It is another machine: choose another machine_node_name; nothing was touched.",
        )
    foreign = sorted(node_addresses(node) - set(machine["addresses"]))
    if foreign:
        return (
            f"a node {name} exists and reports {', '.join(foreign)}, which machine_addresses does not list",
            "If it is this machine, add the address to machine_addresses; nothing was touched.",
        )
    return "", ""


def guard(
    machine: dict[str, t.Any],
    nodes: t.Sequence[t.Mapping[str, t.Any]],
    claims: t.Sequence[Claim] = (),
    *,
    installing: bool = True,
) -> dict[str, t.Any]:
    """The record with ``arm`` and ``existing_node`` set, or marked as failed where something is in the way.

    A machine whose Node exists is never armed, also where the Node has another name and addresses, but a MAC address or
    the system UUID of the machine. Where name, architecture and addresses fit, its join goes on. Only
    ``replace_node_uid``, equal to the UID of a Node that is not Ready, opens a re-install. What another installer of
    the cluster claims is not armed either.

    :param installing: False where nothing is installed: a ``replace_node_uid`` whose Node is Ready, or is another by
        now, is then done with and no error
    """
    if machine["failed"]:
        return machine
    record = _compared_with_nodes(machine, nodes, installing=installing)
    warning, warnings = uuid_warning(machine, nodes), list(machine.get("warnings") or [])
    if warning and warning not in warnings:
        record = {**record, "warnings": [*warnings, warning]}
    return _compared_with_claims(record, claims) if record["arm"] else record


def _compared_with_claims(record: dict[str, t.Any], claims: t.Sequence[Claim]) -> dict[str, t.Any]:
    holder, what = claimed_by(record, claims)
    if not holder:
        return record
    return {
        **_refused(
            record,
            f"the {holder} has {what}: the cluster installs this machine by itself",
            "Add it through that object; or take it away first, which for a BareMetalHost may power the machine off and"
            " wipe it. Nothing was touched.",
        ),
        "arm": False,
        "reason_code": "other_installer",
    }


def _compared_with_nodes(
    machine: dict[str, t.Any], nodes: t.Sequence[t.Mapping[str, t.Any]], *, installing: bool
) -> dict[str, t.Any]:
    in_the_way = [
        node
        for node in nodes
        if node["metadata"]["name"] == machine["node_name"]
        or node_addresses(node) & set(machine["addresses"])
        or same_hardware(machine, node, nodes)
    ]
    # the Node of this name last: one of another name is the worse finding
    in_the_way.sort(key=lambda node: node["metadata"]["name"] == machine["node_name"])
    record = {**machine, "arm": machine["boot_method"] in INSTALLED, "existing_node": None}
    if not in_the_way:
        return record
    node = in_the_way[0]
    record["existing_node"] = _summary(node)
    record["arm"] = False
    uid = machine["replace_node_uid"]
    if not installing and (uid != node["metadata"]["uid"] or is_ready(node)):
        uid = None
    if uid and node["metadata"]["name"] == machine["node_name"]:
        if uid != node["metadata"]["uid"]:
            return _refused(
                record,
                f"machine_replace_node_uid is {uid}, but the node {machine['node_name']} has the UID"
                f" {node['metadata']['uid']}",
                "The node was replaced already, or the UID is another's; nothing was touched.",
            )
        if is_ready(node):
            return _refused(
                record,
                f"the node {machine['node_name']} is Ready and is not re-installed",
                f"If it really must go: oc adm drain {machine['node_name']}, then power the machine off and run again.",
            )
        record["arm"] = machine["boot_method"] in INSTALLED
        return record
    reason, hint = _refusal(machine, node, same_hardware(machine, node, nodes))
    return _refused(record, reason, hint) if reason else record


def _refused(record: dict[str, t.Any], reason: str, hint: str) -> dict[str, t.Any]:
    return {**record, "failed": True, "reason_code": "node_exists", "reason": reason, "hint": hint}


__all__ = ("guard", "is_ready", "node_addresses")
