# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that look like a machine of the run under another name. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._csr import APPROVE
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import REJECT
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import WAIT
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import decide
from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._san import parse_address
from ansible_collections.multiarch.openshift.plugins.module_utils._world import BOOTSTRAPPER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from ansible_collections.multiarch.openshift.plugins.module_utils._world import condition
from ansible_collections.multiarch.openshift.plugins.module_utils._world import created
from ansible_collections.multiarch.openshift.plugins.module_utils._world import is_decided

Machine = t.Mapping[str, t.Any]
MOST = 200
# What a system calls itself that was given no name.
_NAMELESS = ("localhost", "fedora", "rhcos", "rhel", "coreos", "ip6-localhost")


def near_misses(machines: t.Mapping[str, Machine], world: World, now: float) -> list[dict[str, t.Any]]:
    """Pending requests of new nodes whose name is no machine of the run, and the machine that each may come from.

    They are shown to a person and never approved.

    :param machines: the records by node name
    """
    candidates = []
    for uid, csr in world.csrs.items():
        spec = csr["spec"]
        if spec.get("signerName") != CLIENT_SIGNER or spec.get("username") != BOOTSTRAPPER:
            continue
        claimed = world.claimed[uid] or ""
        if not is_decided(csr) and claimed not in machines:
            candidates.append((round(now - created(csr)), csr["metadata"]["name"], claimed))
    guess = _Guess(machines, world)
    # A flood of requests must not cost more than a look at the newest.
    return [
        {"name": name, "claimed_node": printable(claimed), "age": age, "likely_machine": machine, "why": why}
        for age, name, claimed in sorted(candidates)[:MOST]
        for machine, why in [guess.machine(claimed)]
    ]


class _Guess:
    """Guesses which machine may hide behind a name."""

    def __init__(self, machines: t.Mapping[str, Machine], world: World) -> None:
        self._short: dict[str, list[str]] = {}
        self._names = {node_name: machine["name"] for node_name, machine in machines.items()}
        for node_name in machines:
            self._short.setdefault(node_name.split(".")[0], []).append(node_name)
        self._silent = [
            machine["name"]
            for node_name, machine in machines.items()
            if node_name not in world.nodes and not world.claims(CLIENT_SIGNER, node_name)
        ]
        self._dashed = {
            re.sub(r"[.:]", "-", address): machine["name"]
            for machine in machines.values()
            for address in machine["addresses"]
        }

    def machine(self, claimed: str) -> tuple[str, str]:
        """The machine, and why; two empty texts where nothing speaks for one."""
        short = claimed.split(".")[0].lower()
        for node_name in self._short.get(short, ()):
            if claimed.lower() == node_name:
                return self._names[node_name], "it is the same name, in capitals"
            kind = "with a domain" if "." in claimed else "short"
            return self._names[node_name], f"it is the same name, {kind}"
        if short in _NAMELESS and len(self._silent) == 1:
            why = "it is the name of a system without one, and this is the only machine that is still silent"
            return self._silent[0], why
        for text, name in self._dashed.items():
            if text in claimed:
                return name, "the name is made of the machine's address (DHCP or reverse DNS)"
        return "", ""


def explain_request(machine: Machine, world: World, now: float, *, signer: str) -> tuple[str, str, str] | None:
    """Code, reason and hint of the newest request of a machine that led to nothing; None where there is none."""
    name = machine["node_name"]
    for csr in reversed(world.claims(signer, name)):
        request = csr["metadata"]["name"]
        on_its_way = csr["metadata"]["uid"] in world.approved_here and condition(csr, "Failed") is None
        if on_its_way and is_decided(csr):
            continue
        decision = decide(csr, {name: machine}, world, now)
        if on_its_way or decision.verdict == APPROVE:
            return (
                "waiting",
                f"{request} is what its kubelet sends, and the API has not taken the approval yet",
                f"oc describe csr {request}",
            )
        if decision.verdict in (REJECT, WAIT):
            return decision.code, f"{request} was left alone: {decision.detail}", decision.hint
        for kind, words in (("Denied", "was denied by somebody"), ("Failed", "was refused by the signer")):
            ended = condition(csr, kind)
            if ended is not None and now - created(csr) <= world.parameters.max_csr_age:
                why = ended.get("message") or ended.get("reason") or "no reason given"
                return kind.lower(), f"{request} {words}: {why}", f"oc describe csr {request}; the kubelet asks again."
    return None


def explain_silence(
    machine: Machine, world: World, now: float, *, misses: t.Sequence[t.Mapping[str, t.Any]] = ()
) -> tuple[str, str, str]:
    """Code, reason and hint for a machine without an approved request or a Node.

    :param misses: what ``near_misses`` found for the whole run
    """
    name = machine["node_name"]
    left = explain_request(machine, world, now, signer=CLIENT_SIGNER)
    if left is not None:
        return left
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
