# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks before anything is touched, on what the cluster says. Private to the collection.

Each check takes plain data and returns one row of the table.
"""

from __future__ import annotations

import calendar
import ipaddress
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._deny import DenyList
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import FAIL
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import OK
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import WARN
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import Finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import some
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import INSTALLED
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NODE_ARCHITECTURE
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import Payload
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import next_step
from ansible_collections.multiarch.openshift.plugins.module_utils._san import parse_address

Object = t.Mapping[str, t.Any]
Machines = t.Sequence[t.Mapping[str, t.Any]]

DAY = 86400
EXPIRY_DAYS = 30
# Approved this soon after it came, without anybody who could have read it
QUICK_SECONDS = 90
# The cluster's own: its machine approver, and the signer's renewals of client certificates
OWN_APPROVALS = ("NodeCSRApprove", "AutoApproved")
ARCHITECTURE_LABEL = "kubernetes.io/arch"
PLACEMENT = "ClusterPodPlacementConfig of the Multiarch Tuning Operator"
# Their images are the payload's, for every architecture of a multi payload
PLATFORM_NAMESPACES = ("openshift-", "kube-")
SKEW_WARN, SKEW_FAIL = 10, 240


def unanswered(check: str, error: Exception) -> Finding:
    """A question that the cluster did not answer; it says nothing about what was asked."""
    text = str(error)
    return finding(check, FAIL, text.splitlines()[0] if text else type(error).__name__)


def payload(found: Payload) -> Finding:
    finished, sentence, _warnings = next_step(found)
    return finding("payload", OK if finished else FAIL, sentence)


def pools(found: t.Sequence[Object], machines: Machines) -> Finding:
    """Whether the machines' pools exist, and hand out what they should."""
    wanted = sorted({machine["pool"] for machine in machines})
    states = {pool["name"]: pool for pool in found}
    absent = [name for name in wanted if name not in states]
    if absent:
        return finding(
            "pools",
            FAIL,
            f"There is no MachineConfigPool {some(absent)}; there are {some(sorted(states))}.",
            "Correct machine_pool, or make the pool first.",
            machines=[machine["name"] for machine in machines if machine["pool"] in absent],
        )
    troubled = []
    for name in wanted:
        state = states[name]
        words = [word for word in ("paused", "degraded") if state[word]]
        words += [] if state["updated"] else ["not updated"]
        if words:
            troubled.append(f"{name} is {' and '.join(words)}")
    if troubled:
        return finding(
            "pools",
            WARN,
            f"MachineConfigPool {'; '.join(troubled)}: its new nodes may get an old configuration or none.",
            f"oc describe mcp {wanted[0] if len(wanted) == 1 else ''}".strip(),
        )
    return finding("pools", OK, f"MachineConfigPool {some(wanted)}: updated, not paused, not degraded.")


def ignition(entries: t.Mapping[str, t.Any]) -> Finding:
    """Whether each pool has an ignition that today's machines can use.

    :param entries: by pool what was read, or the error
    """
    problems = {pool: str(entry) for pool, entry in entries.items() if isinstance(entry, Exception)}
    if problems:
        return finding("ignition", FAIL, " ".join(text.splitlines()[0] for text in problems.values()))
    words = [f"{pool} (spec {entry.spec_version})" for pool, entry in sorted(entries.items())]
    return finding("ignition", OK, f"The ignition of the pool {some(words)} is there.")


def authorities(entries: t.Mapping[str, t.Any], now: float) -> Finding:
    """Whether the certificate authorities in the ignition are valid today and in a month."""
    check = "ignition_ca"
    seen = [
        (pool, authority)
        for pool, entry in sorted(entries.items())
        if not isinstance(entry, Exception)
        for authority in entry.certificate_authorities
    ]
    unreadable = [f"{pool}: {authority['problem']}" for pool, authority in seen if authority["problem"]]
    if unreadable:
        return finding(
            check,
            WARN,
            f"A certificate authority in the ignition cannot be read ({some(unreadable)}).",
            "Machines may be unable to verify the machine-config server.",
        )
    if not seen:
        return finding(check, WARN, "The ignition carries no certificate authority.", "oc get co machine-config")
    ends = sorted((_seconds(authority["not_after"]), authority, pool) for pool, authority in seen)
    end, authority, pool = ends[0]
    name = f"The certificate authority {authority['subject']} in the ignition of {pool}"
    renew = "The Machine Config Operator renews it: oc get co machine-config; oc get secret -n openshift-machine-api"
    if end <= now:
        return finding(check, FAIL, f"{name} expired on {authority['not_after']}.", renew)
    if end - now < EXPIRY_DAYS * DAY:
        return finding(check, WARN, f"{name} expires on {authority['not_after']}.", renew)
    return finding(check, OK, f"{name} is valid until {authority['not_after']}.")


def boot_artifacts(found: t.Sequence[Object], warnings: t.Sequence[str]) -> Finding:
    if warnings:
        return finding(
            "boot_artifacts", WARN, " ".join(warnings), "Wait until `oc get clusterversion` shows no progress."
        )
    if not found:
        return finding("boot_artifacts", OK, "No machine of this run needs any.")
    releases = sorted({f"{entry['release']} for {entry['architecture']}" for entry in found})
    return finding("boot_artifacts", OK, f"The cluster names RHCOS {some(releases)}, with hashes.")


def access(
    missing: t.Sequence[str], optional: t.Sequence[str], server: str, manifests: str = "docs/rbac.yml"
) -> Finding:
    """Whether the account has every right that the run will need.

    :param missing: rights without which the run fails
    :param optional: rights without which it does less
    """
    manifest = f"An administrator applies {manifests} of the collection."
    if missing:
        return finding("access", FAIL, f"On {server} the account may not {some(missing, 8)}.", manifest)
    if optional:
        return finding(
            "access", WARN, f"The account may not {some(optional, 8)}; what depends on it is left out.", manifest
        )
    return finding("access", OK, f"The account has every right that the run needs on {server}.")


def existing_nodes(guarded: Machines, not_permitted: t.Sequence[str] = (), untold: str = "") -> Finding:
    """Whether another node or installer is in the way of a machine (the records after the guard).

    :param not_permitted: a sentence for each thing that machines could not be compared with for want of a right
    :param untold: a sentence on what the cluster does not tell anybody
    """
    check = "existing_nodes"
    in_the_way = ("node_exists", "other_installer")
    refused = [record for record in guarded if record.get("reason_code") in in_the_way and record["failed"]]
    if refused:
        reasons = "; ".join(f"{record['name']}: {record['reason']}" for record in refused[:3])
        more = f" (and {len(refused) - 3} more)" if len(refused) > 3 else ""
        return finding(
            check,
            FAIL,
            f"Refused, the others go on: {reasons}{more}.",
            refused[0]["hint"],
            machines=[record["name"] for record in refused],
        )
    known = [record["name"] for record in guarded if record.get("existing_node")]
    sentence = "No node has the name or an address of a machine."
    if known:
        sentence = f"{len(known)} of {len(guarded)} machines are nodes: {some(known)}."
    sentence = " ".join(filter(None, [sentence, *not_permitted, untold]))
    return finding(check, WARN if not_permitted else OK, sentence, machines=known)


def own_addresses(machines: Machines, deny: DenyList) -> Finding:
    """Whether a machine claims what belongs to the cluster: its certificate would never be approved."""
    problems: dict[str, str] = {}
    for machine in machines:
        reason = deny.name_reason(machine["node_name"])
        if reason:
            problems[machine["name"]] = f"the node name {machine['node_name']}: {reason}"
        for text in machine["addresses"]:
            address = parse_address(text)
            reason = deny.address_reason(address) if address else ""
            if reason:
                problems[machine["name"]] = f"{text}: {reason}"
    if problems:
        words = some([f"{name}: {problem}" for name, problem in problems.items()], 3)
        return finding(
            "cluster_addresses",
            FAIL,
            f"No certificate can be approved for {words}.",
            "Correct machine_addresses or machine_node_name.",
            machines=problems,
        )
    return finding("cluster_addresses", OK, "No machine has a name or an address of the cluster's own.")


def approvers(csrs: t.Sequence[Object], own_reason: str) -> Finding:
    """Whether somebody else approves kubelets' requests here: it would approve those of this run, unread.

    :param own_reason: what this collection's runs give as reason
    """
    check = "other_approvers"
    foreign: dict[str, list[tuple[str, float]]] = {}
    for csr in csrs:
        for condition in (csr.get("status") or {}).get("conditions") or []:
            if condition.get("type") != "Approved":
                continue
            reason = condition.get("reason") or "no reason given"
            if reason != own_reason and reason not in OWN_APPROVALS:
                at = _seconds(condition.get("lastUpdateTime") or csr["metadata"]["creationTimestamp"])
                waited = at - _seconds(csr["metadata"]["creationTimestamp"])
                foreign.setdefault(reason, []).append((csr["metadata"]["name"], waited))
    if not foreign:
        return finding(check, OK, "Nobody else has approved a kubelet's request lately.")
    reason, found = max(foreign.items(), key=lambda item: len(item[1]))
    total = sum(len(requests) for requests in foreign.values())
    quick = [name for name, waited in found if waited <= QUICK_SECONDS]
    names = some([name for name, _waited in found], 3)
    if len(quick) > 1:
        return finding(
            check,
            WARN,
            f"Something approves kubelets' requests by itself: {len(quick)} within {QUICK_SECONDS} s of their coming"
            f" ({reason}: {names}).",
            "Stop it before machines are powered on: a loop of `oc adm certificate approve`, a cron job, another"
            " approver. It approves unread, and not only these machines.",
        )
    return finding(
        check,
        WARN,
        f"Somebody else approved {total} kubelets' requests lately ({reason}: {names}).",
        "If that was not a person, find what approves here: oc get csr --sort-by=.metadata.creationTimestamp",
    )


def no_proxy(proxy: Object | None, machines: Machines) -> Finding:
    """Whether the cluster reaches the machines without its proxy, where it has one."""
    status = (proxy or {}).get("status") or {}
    if not (status.get("httpProxy") or status.get("httpsProxy")):
        return finding("no_proxy", OK, "The cluster has no proxy.")
    networks, names = [], []
    for entry in filter(None, (part.strip() for part in (status.get("noProxy") or "").split(","))):
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            names.append(entry)
    left = {
        machine["name"]: address
        for machine in machines
        for address in machine["addresses"]
        if "*" not in names and not any(ipaddress.ip_address(address) in network for network in networks)
    }
    if left:
        return finding(
            "no_proxy",
            WARN,
            f"The cluster has a proxy, and its noProxy does not cover {some(left.values())}.",
            "Add the machines' network to spec.noProxy: oc edit proxy cluster (every pool then rolls out anew).",
            machines=left,
        )
    return finding("no_proxy", OK, "The cluster's noProxy covers the machines' addresses.")


def proxy_unread() -> Finding:
    return finding(
        "no_proxy",
        WARN,
        "The account may not read Proxy cluster, so whether the cluster has a proxy is not known (docs/rbac.yml).",
        "Where it has one, the machines' network must be in its spec.noProxy: oc get proxy cluster -o yaml",
    )


def needs_placement(machines: Machines, nodes: t.Sequence[Object]) -> bool:
    """Whether these are the first arm64 nodes, and nothing keeps work for other machines away from them."""
    coming = [machine for machine in machines if NODE_ARCHITECTURE[machine["architecture"]] == "arm64"]
    there = any(_node_architecture(node) == "arm64" for node in nodes)
    return bool(coming) and not there and not all(_keeps_away(machine["taints"]) for machine in coming)


def first_of_architecture(first: bool, placement: bool | None, daemon_sets: t.Sequence[Object] | None) -> Finding:
    """What would be scheduled on the first arm64 nodes and cannot run there.

    :param first: what :func:`needs_placement` said
    :param placement: whether there is a ClusterPodPlacementConfig; None where that may not be read
    :param daemon_sets: None where they may not be listed
    """
    check = "amd64_only_work"
    if not first:
        return finding(check, OK, "There are arm64 nodes already, or taints keep other work away.")
    # The operator leaves pods of DaemonSets alone, so those matter even where it is installed
    unbound = [_where(entry) for entry in daemon_sets or [] if not _bound(entry) and not _platform(entry)]
    if placement and daemon_sets is not None and not unbound:
        return finding(check, OK, f"These are the first arm64 nodes, and there is a {PLACEMENT}.")
    sentence = "These are the first arm64 nodes"
    if placement is None:
        sentence += f", and whether there is a {PLACEMENT} cannot be read (docs/rbac.yml)"
    elif not placement:
        sentence += f", and there is no {PLACEMENT}: pods with amd64 images alone may be scheduled on them"
    if unbound:
        sentence += f"; DaemonSets without a choice of architecture: {some(unbound)}"
    elif daemon_sets is None:
        sentence += "; DaemonSets cannot be listed (docs/rbac.yml)"
    taint = "  machine_taints: [{key: multiarch.openshift.io/arch, value: arm64, effect: NoSchedule}]"
    return finding(check, WARN, f"{sentence}.", f"To keep other work away, give all machines:\n{taint}")


def clock(api_offset: float | None, web_offset: float | None) -> Finding | None:
    """Whether API, controller and web host have the same time; None where neither was asked.

    :param api_offset: the API's time minus the controller's, in seconds; None where it was not asked
    :param web_offset: the web host's time minus the controller's; None likewise
    """
    # The API tells whole seconds
    exact = 0.0 if api_offset is not None and abs(api_offset) <= 1.5 else api_offset
    offsets = {"API": exact, "web host": web_offset}
    differences = {who: offset for who, offset in offsets.items() if offset is not None}
    if not differences:
        return None
    who, worst = max(differences.items(), key=lambda item: abs(item[1]))
    if abs(worst) < SKEW_WARN:
        agree = f"agree within {max(1, round(abs(worst)))} s"
        if len(differences) == len(offsets):
            return finding("clocks", OK, f"API, controller and web host {agree}.")
        [silent] = offsets.keys() - differences.keys()
        return finding("clocks", OK, f"{who} and controller {agree}; the {silent} did not tell its time.")
    word = "ahead of" if worst > 0 else "behind"
    return finding(
        "clocks",
        FAIL if abs(worst) >= SKEW_FAIL else WARN,
        f"The clock of the {who} is {abs(worst):.0f} s {word} the controller's.",
        "Set it by NTP: the age of requests and the validity of certificates are judged by clocks.",
    )


def bmcs(checked: Machines) -> Finding:
    """Whether each BMC is reachable, takes the credentials and is the machine's own (the records after that check)."""
    asked = [record for record in checked if record.get("bmc_url")]
    refused = [record for record in asked if record["failed"]]
    if refused:
        reasons = "; ".join(f"{record['name']}: {record['reason'].rstrip('.')}" for record in refused[:3])
        more = f" (and {len(refused) - 3} more)" if len(refused) > 3 else ""
        return finding(
            "bmc",
            FAIL,
            f"{len(refused)} of {len(asked)} BMCs: {reasons}{more}.",
            refused[0].get("hint") or "",
            machines=[record["name"] for record in refused],
        )
    return finding("bmc", OK, f"{len(asked)} BMCs answer, and each is its machine's own.")


def needs_publishing(machines: Machines) -> bool:
    """Whether anything of these machines comes from the web host."""
    return any(machine["boot_method"] in INSTALLED for machine in machines)


# -- small parts -------------------------------------------------------------------------------------------------------


def _seconds(timestamp: str) -> float:
    return float(calendar.timegm(time.strptime(timestamp[:19], "%Y-%m-%dT%H:%M:%S")))


def _node_architecture(node: Object) -> str:
    return str(((node.get("status") or {}).get("nodeInfo") or {}).get("architecture") or "")


def _keeps_away(taints: t.Iterable[Object]) -> bool:
    return any(taint["effect"] in ("NoSchedule", "NoExecute") for taint in taints)


def _where(item: Object) -> str:
    return f"{item['metadata']['namespace']}/{item['metadata']['name']}"


def _platform(item: Object) -> bool:
    namespace = item["metadata"]["namespace"]
    return namespace == "openshift" or namespace.startswith(PLATFORM_NAMESPACES)


def _bound(daemon_set: Object) -> bool:
    """Whether its pods name an architecture, or are for nodes of another role."""
    spec = ((daemon_set.get("spec") or {}).get("template") or {}).get("spec") or {}
    selector = spec.get("nodeSelector") or {}
    if ARCHITECTURE_LABEL in selector or any(key.endswith(("/master", "/control-plane")) for key in selector):
        return True
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    terms = affinity.get("nodeSelectorTerms") or []
    # Terms are alternatives: one that names no architecture lets the pod go anywhere
    return bool(terms) and all(
        any(expression.get("key") == ARCHITECTURE_LABEL for expression in term.get("matchExpressions") or [])
        for term in terms
    )


__all__ = (
    "access",
    "approvers",
    "authorities",
    "bmcs",
    "boot_artifacts",
    "clock",
    "existing_nodes",
    "first_of_architecture",
    "ignition",
    "needs_placement",
    "needs_publishing",
    "no_proxy",
    "own_addresses",
    "payload",
    "pools",
    "proxy_unread",
    "unanswered",
)
