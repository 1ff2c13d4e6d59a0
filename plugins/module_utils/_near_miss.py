# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that look like a machine of the run under another name. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._csr import REJECT
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import WAIT
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import decide
from ansible_collections.multiarch.openshift.plugins.module_utils._request import parse_request
from ansible_collections.multiarch.openshift.plugins.module_utils._san import parse_address
from ansible_collections.multiarch.openshift.plugins.module_utils._world import BOOTSTRAPPER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from ansible_collections.multiarch.openshift.plugins.module_utils._world import created

Machine = t.Mapping[str, t.Any]
# What a system calls itself that was given no name.
_NAMELESS = ("localhost", "fedora", "rhcos", "rhel", "coreos", "ip6-localhost")


def near_misses(machines: t.Mapping[str, Machine], world: World, now: float) -> list[dict[str, t.Any]]:
    """Pending requests of new nodes whose name is no machine of the run, and the machine that each may come from.

    They are shown to a person and never approved.

    :param machines: the records by node name
    """
    found = []
    for csr in world.csrs.values():
        spec = csr["spec"]
        if spec.get("signerName") != CLIENT_SIGNER or spec.get("username") != BOOTSTRAPPER:
            continue
        status = csr.get("status") or {}
        claimed = parse_request(spec.get("request") or "").node_name or ""
        if status.get("conditions") or status.get("certificate") or claimed in machines:
            continue
        machine, why = _likely(claimed, machines, world)
        found.append(
            {
                "name": csr["metadata"]["name"],
                "claimed_node": claimed,
                "age": round(now - created(csr)),
                "likely_machine": machine,
                "why": why,
            }
        )
    return sorted(found, key=lambda miss: (miss["age"], miss["name"]))


def _likely(claimed: str, machines: t.Mapping[str, Machine], world: World) -> tuple[str, str]:
    """The machine that a name may belong to, and why; two empty texts where nothing speaks for one."""
    short = claimed.split(".")[0].lower()
    for node_name, machine in machines.items():
        if node_name.split(".")[0] == short and claimed != node_name:
            kind = "in capitals" if claimed.lower() == node_name else "short" if "." not in claimed else "with a domain"
            return machine["name"], f"it is the same name, {kind}"
    silent = [machine["name"] for node_name, machine in machines.items() if _is_silent(node_name, world)]
    if short in _NAMELESS and len(silent) == 1:
        return silent[0], "it is the name of a system without one, and this is the only machine that is still silent"
    addresses = {address: machine["name"] for machine in machines.values() for address in machine["addresses"]}
    dashed = {str(address).replace(".", "-").replace(":", "-"): name for address, name in addresses.items()}
    for text, name in dashed.items():
        if text in claimed:
            return name, "the name is made of the machine's address (DHCP or reverse DNS)"
    return "", ""


def _is_silent(node_name: str, world: World) -> bool:
    return node_name not in world.nodes and not world.claims(CLIENT_SIGNER, node_name)


def explain_silence(
    machine: Machine, world: World, now: float, *, misses: t.Sequence[t.Mapping[str, t.Any]] = ()
) -> tuple[str, str, str]:
    """Code, reason and hint for a machine without an approved request or a Node.

    :param misses: what ``near_misses`` found for the whole run
    """
    name = machine["node_name"]
    pending = world.claims(CLIENT_SIGNER, name)
    for csr in reversed(pending):
        decision = decide(csr, {name: machine}, world, now)
        if decision.verdict in (REJECT, WAIT):
            return decision.code, f"{csr['metadata']['name']} was left alone: {decision.detail}", decision.hint
    for text in machine["addresses"]:
        address = parse_address(text)
        holders = world.holders(address) - {name} if address is not None else set()
        if holders:
            other = sorted(holders)[0]
            return (
                "other_name",
                f"it sent no request, and the node {other} reports its address {text}",
                f"It probably joined as {other}: set machine_node_name to that, or give it its name and install again.",
            )
    recent = [miss for miss in misses if miss["age"] <= world.parameters.max_csr_age]
    likely = [miss for miss in recent if miss["likely_machine"] == machine["name"]]
    likely += [miss for miss in recent if not miss["likely_machine"]]
    if likely:
        miss = likely[0]
        return (
            "near_miss",
            f"it sent no request; {miss['name']} for '{miss['claimed_node']}' came {miss['age']} s ago"
            + (f" ({miss['why']})" if miss["why"] else ""),
            f"If that is this machine, give it the name {name} (machine_set_hostname, DHCP) and install again;"
            " do not approve the other name.",
        )
    return (
        "waiting",
        "it sent no request",
        "Look at its console: did it boot from the network, install, and reach port 22623 and 6443 of the cluster?",
    )


__all__ = ("explain_silence", "near_misses")
