# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each machine stands on its way into the cluster. Private to the collection.

``assess`` derives a machine's stage from what the cluster shows now, never from what was seen before: a run that was
killed, an event that was lost or another approver that was faster change nothing in the answer.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import Certificate
from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import in_date
from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import issued_certificate
from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import presented_certificate
from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import signed_by
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import APPROVE
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import CLOCK_SKEW
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import Decision
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import would_approve
from ansible_collections.multiarch.openshift.plugins.module_utils._guard import is_ready
from ansible_collections.multiarch.openshift.plugins.module_utils._guard import node_addresses
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NODE_ARCHITECTURE
from ansible_collections.multiarch.openshift.plugins.module_utils._near_miss import explain_request
from ansible_collections.multiarch.openshift.plugins.module_utils._near_miss import explain_silence
from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._probe import NO_CERTIFICATE
from ansible_collections.multiarch.openshift.plugins.module_utils._probe import UNREACHABLE
from ansible_collections.multiarch.openshift.plugins.module_utils._probe import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._request import NODE_PREFIX
from ansible_collections.multiarch.openshift.plugins.module_utils._san import kubelet_names
from ansible_collections.multiarch.openshift.plugins.module_utils._san import spell
from ansible_collections.multiarch.openshift.plugins.module_utils._world import BOOTSTRAPPER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SERVING_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SIGNERS
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from ansible_collections.multiarch.openshift.plugins.module_utils._world import approved_at
from ansible_collections.multiarch.openshift.plugins.module_utils._world import condition
from ansible_collections.multiarch.openshift.plugins.module_utils._world import created
from ansible_collections.multiarch.openshift.plugins.module_utils._world import timestamp

STAGES = (
    "planned",
    "armed",
    "client_approved",
    "client_issued",
    "registered",
    "serving_approved",
    "serving_issued",
    "ready",
    "proven",
)
JOINED = "joined"
FINAL_STAGES = ("proven", JOINED)
# A kubelet takes its new certificate within a second; what it presents after this time is what it has.
PROOF_PATIENCE = 30.0
# A port that is closed now will not open: kubelet listens before it registers its Node.
REACH_PATIENCE = 6.0
# A kubelet reports at least every five minutes.
SILENT_SECONDS = 600.0
APPROVAL_REASON = "InventoryApproved"
MCO_STATE = "machineconfiguration.openshift.io/state"
# Decisions that cannot be made yet about a request that somebody else approved.
_UNDECIDED = ("node_missing", "architecture_unknown", "system_uuid_unknown")

Machine = t.Mapping[str, t.Any]
Node = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Proof:
    """What the last look at a machine's port 10250 showed. ``since`` is when it first showed that."""

    answer: Answer
    at: float
    since: float


@dataclass
class Run:
    """What belongs to this run rather than to the cluster."""

    started: float
    timeout: float = 5400.0
    state: str = "proven"
    probe_kubelet: str = "auto"
    # PEM bundle of the authorities of kubelets' serving certificates, where it can be read.
    authorities: str = ""
    proofs: dict[str, Proof] = field(default_factory=dict)
    # Near misses of the whole run, see explain_silence.
    misses: list[dict[str, t.Any]] = field(default_factory=list)
    # Decisions on requests that somebody else approved, by UID.
    foreign: dict[str, Decision] = field(default_factory=dict)
    # What the web server knows of a machine that is silent, where somebody looks at its log.
    diagnose: t.Callable[[t.Mapping[str, t.Any], float], tuple[str, str] | None] | None = None

    @property
    def since(self) -> float:
        """The start, as it compares with times of the API, which have whole seconds."""
        return int(self.started) - 1.0


@dataclass(frozen=True)
class Assessment:
    """Where a machine stands.

    ``probe`` asks for a (new) look at its port 10250. ``warning`` belongs to the stage, ``history`` warns of what was
    before.
    """

    stage: str
    code: str = ""
    reason: str = ""
    hint: str = ""
    final: bool = False
    failed: bool = False
    probe: bool = False
    warning: str = ""
    history: str = ""
    client_csr: str = ""
    serving_csr: str = ""
    approved_by: str = ""
    proof: str = ""


def deadline(machine: Machine, run: Run) -> float:
    """When to give a machine up: counted from its power-on where that is known, else from the start of the wait."""
    return (timestamp(machine.get("powered_on")) or run.started) + run.timeout


def assess(machine: Machine, world: World, now: float, *, run: Run) -> Assessment:
    """Where a machine stands, why, and what to do about it."""
    node = world.nodes.get(machine["node_name"])
    refused = list(_refused_approvals(machine, world, run))
    foreign = _let_in_by_another(refused)
    if foreign is not None:
        found = _failed(_stage_of_requests(machine, world, run), "approved_by_other", *foreign)
    elif node is None or _is_replaced(machine, node):
        found = _without_node(machine, world, now, run)
    else:
        found = _with_node(machine, node, world, now, run)
    found = _named(found, machine, world)
    earlier = "; ".join(printable(text) for text, let_in in refused if not let_in)
    if earlier:
        doubt = f"{earlier}; the node was there before, so it may be somebody else by now"
        found = _replace(found, history=doubt)
    if not found.final and now >= deadline(machine, run):
        waited = now - (timestamp(machine.get("powered_on")) or run.started)
        return _replace(
            found,
            final=True,
            failed=True,
            code="timed_out" if found.code in ("", "waiting") else found.code,
            reason=f"{found.reason.rstrip('.')}, after {waited:.0f} s.",
        )
    return found


def needs_boot_file(machine: Machine, world: World, run: Run) -> bool:
    """Whether an armed machine may still have to boot into the installer.

    Only what came in this run speaks against it: a certificate of an earlier try, which the API remembers for an hour,
    says nothing about a machine that is about to be installed again.
    """
    name = machine["node_name"]
    node = world.nodes.get(name)
    if node is not None and not _is_replaced(machine, node):
        return False
    return not any(
        csr["metadata"]["uid"] in world.approved_here or (approved_at(csr) or 0.0) >= run.since
        for csr in world.claims(CLIENT_SIGNER, name)
        if csr["spec"].get("username") == BOOTSTRAPPER
    )


# -- before the Node ---------------------------------------------------------------------------------------------------


def _without_node(machine: Machine, world: World, now: float, run: Run) -> Assessment:
    stage = _stage_of_requests(machine, world, run)
    if stage == "client_issued":
        return Assessment(
            stage,
            "waiting",
            "its client certificate is issued, and no Node has come",
            "Look at the kubelet: journalctl -u kubelet; a host name that changed since its request is a known cause.",
        )
    if stage == "client_approved":
        return Assessment(
            stage,
            "waiting",
            "its client request is approved, and no certificate is issued",
            "Is kube-controller-manager running? oc get co kube-controller-manager",
        )
    code, reason, hint = explain_silence(machine, world, now, misses=run.misses)
    seen = run.diagnose(machine, now) if run.diagnose is not None and code == "waiting" else None
    if seen is not None:
        reason, hint = seen
    return Assessment(stage, code, reason, hint)


def _stage_of_requests(machine: Machine, world: World, run: Run) -> str:
    issued = approved = False
    node = world.nodes.get(machine["node_name"])
    for csr in world.claims(CLIENT_SIGNER, machine["node_name"]):
        at = approved_at(csr)
        if at is None or csr["spec"].get("username") != BOOTSTRAPPER or condition(csr, "Failed") is not None:
            continue
        if node is not None and _is_replaced(machine, node) and at <= created(node) + 1:
            continue  # of the machine's earlier life
        if at < run.since - world.parameters.max_csr_age:
            continue  # of an earlier try that came to nothing
        approved = True
        issued = issued or issued_certificate(csr) is not None
    if issued:
        return "client_issued"
    if approved:
        return "client_approved"
    return machine["stage"] if machine.get("stage") in ("planned", "armed") else "planned"


def _is_replaced(machine: Machine, node: Node) -> bool:
    """Whether the Node is one that the inventory names to be replaced, and its machine has not come back yet."""
    return machine.get("replace_node_uid") == node["metadata"]["uid"] and not is_ready(node)


# -- from the Node on --------------------------------------------------------------------------------------------------


def _with_node(machine: Machine, node: Node, world: World, now: float, run: Run) -> Assessment:
    existed = created(node) < run.since and machine.get("replace_node_uid") != node["metadata"]["uid"]
    misfit = _misfit(machine, node, existed)
    if misfit is not None:
        return misfit
    name = machine["node_name"]
    servings = world.claims(SERVING_SIGNER, name)
    issued = [csr for csr in servings if _fits(issued_certificate(csr), node)]
    if run.state == "approved" and issued:
        return Assessment("ready" if is_ready(node) else "serving_issued", final=True)
    if not is_ready(node):
        stage = _serving_stage(servings, issued)
        request = _young_client_request(machine, world, now) if existed else None
        if request is not None:
            return _failed(
                stage,
                "node_exists",
                f"{request['metadata']['name']} asks for a new client certificate of the node {name}, which exists",
                "If the machine was installed again or lost its certificate, allow it by"
                f" machine_replace_node_uid: {node['metadata']['uid']}",
            )
        if existed and _silent_for(node, now) > SILENT_SECONDS:
            return _failed(
                stage,
                "node_exists",
                f"the node {name} exists and its kubelet has been silent for {_silent_for(node, now):.0f} s",
                "If it runs, look at its kubelet. If it is to be installed again: power it off and set"
                f" machine_replace_node_uid: {node['metadata']['uid']}",
            )
        hint = f"oc describe node {name}"
        if existed:
            hint += f"; to install it again, power it off and set machine_replace_node_uid: {node['metadata']['uid']}"
        return Assessment(stage, "waiting", f"the node {name} is not Ready: {_ready_message(node)}", hint)
    if issued:
        return _proof(machine, node, world, now, run=run, issued=issued)
    left = explain_request(machine, world, now, signer=SERVING_SIGNER)
    if left is not None:
        return Assessment(_serving_stage(servings, issued), *left)
    if any(_pending_or_approved(csr) for csr in servings):
        return Assessment(
            _serving_stage(servings, issued),
            "waiting",
            f"the node {name} is Ready, and its serving certificate is not issued for its addresses",
            "Until then oc logs and oc exec fail on it.",
        )
    # The API forgets issued requests after an hour: the port itself tells whether there is a certificate.
    found = _proof(machine, node, world, now, run=run, issued=[])
    if found.stage == "proven" or not _client_request_is_remembered(machine, world):
        return found
    return _without_serving_request(machine, node, world)


def _client_request_is_remembered(machine: Machine, world: World) -> bool:
    """Whether the API still has the approved client request: then it would have a later serving request as well."""
    return any(
        approved_at(csr) is not None and csr["spec"].get("username") == BOOTSTRAPPER
        for csr in world.claims(CLIENT_SIGNER, machine["node_name"])
    )


def _without_serving_request(machine: Machine, node: Node, world: World) -> Assessment:
    """A node that is Ready and has never asked for a serving certificate: it is no use yet, reachable or not."""
    name = machine["node_name"]
    again = [csr for csr in world.claims(CLIENT_SIGNER, name) if _pending(csr) and created(csr) >= created(node)]
    if again:
        return Assessment(
            "registered",
            "node_exists",
            f"{again[-1]['metadata']['name']} asks for a new client certificate of the node {name}, which exists",
            "If the machine was installed again or lost its certificate, power it off until the node is not Ready, and"
            f" set machine_replace_node_uid: {node['metadata']['uid']}",
            probe=True,
        )
    return Assessment(
        "registered",
        "waiting",
        f"the node {name} is Ready and has asked for no serving certificate yet",
        "Look at its kubelet (serverTLSBootstrap must be true): journalctl -u kubelet",
        probe=True,
    )


def _pending(csr: Node) -> bool:
    return not (csr.get("status") or {}).get("conditions") and csr["spec"].get("username") == BOOTSTRAPPER


def _misfit(machine: Machine, node: Node, existed: bool) -> Assessment | None:
    """Why a Node of the machine's name is not that machine."""
    name = machine["node_name"]
    expected = NODE_ARCHITECTURE[machine["architecture"]]
    found = ((node.get("status") or {}).get("nodeInfo") or {}).get("architecture") or ""
    if found and found != expected:
        return _failed(
            "registered",
            "node_exists" if existed else "architecture",
            f"the node {name} is {found}, the inventory says {expected}",
            "Two machines may have changed names: compare MAC addresses and machine_architecture.",
        )
    foreign = node_addresses(node) - set(machine["addresses"])
    if not foreign:
        if node_addresses(node) or not is_ready(node):
            return None
        return Assessment(
            "registered",
            "no_address",
            f"the node {name} is Ready and reports no address",
            f"Look at its kubelet (--node-ip): oc get node {name} -o wide",
        )
    reason = f"the node {name} reports {spell(foreign)}, which machine_addresses does not list"
    hint = "If the address is the machine's own, add it to machine_addresses and run again."
    if existed:
        return _failed("registered", "node_exists", reason, hint)
    return Assessment("registered", "san_addresses", reason, hint)


def _serving_stage(servings: t.Sequence[Node], issued: t.Sequence[Node]) -> str:
    if issued:
        return "serving_issued"
    if any(approved_at(csr) is not None and condition(csr, "Failed") is None for csr in servings):
        return "serving_approved"
    return "registered"


def _pending_or_approved(csr: Node) -> bool:
    return condition(csr, "Denied") is None and condition(csr, "Failed") is None


def _fits(certificate: Certificate | None, node: Node) -> bool:
    """Whether a serving certificate names exactly what the Node reports now."""
    if certificate is None or certificate.common_name != NODE_PREFIX + node["metadata"]["name"]:
        return False
    names, addresses = kubelet_names(node)
    return set(certificate.dns_names) == names and set(certificate.addresses) == addresses


def _silent_for(node: Node, now: float) -> float:
    heartbeats = [
        timestamp(entry.get("lastHeartbeatTime")) or 0.0
        for entry in (node.get("status") or {}).get("conditions") or []
        if entry.get("type") == "Ready"
    ]
    return now - max([*heartbeats, created(node)])


def _young_client_request(machine: Machine, world: World, now: float) -> dict[str, t.Any] | None:
    """A pending request of the bootstrapper for this node that a kubelet may still wait for."""
    for csr in reversed(world.claims(CLIENT_SIGNER, machine["node_name"])):
        if _pending(csr):
            return csr if now - created(csr) <= world.parameters.max_csr_age else None
    return None


def _ready_message(node: Node) -> str:
    for entry in (node.get("status") or {}).get("conditions") or []:
        if entry.get("type") == "Ready":
            return entry.get("message") or entry.get("reason") or "no reason given"
    return "it has not reported yet"


# -- the proof ---------------------------------------------------------------------------------------------------------


def _proof(
    machine: Machine, node: Node, world: World, now: float, *, run: Run, issued: t.Sequence[dict[str, t.Any]]
) -> Assessment:
    """A Ready node: is what it presents on port 10250 what was issued to it?"""
    name = machine["node_name"]
    stage = "ready" if issued else "registered"
    mco = (node["metadata"].get("annotations") or {}).get(MCO_STATE)
    if mco not in (None, "Done"):
        return Assessment(
            stage,
            "waiting",
            f"the machine-config operator's state of the node {name} is {mco}, not Done",
            f"oc describe node {name}; oc get mcp",
        )
    if run.probe_kubelet == "never":
        return _joined("its certificate was not looked at (probe_kubelet: never)")
    proof = run.proofs.get(name)
    if proof is None:
        return Assessment(stage, "waiting", "its port 10250 was not seen yet", probe=True)
    where = f"port 10250 of {proof.answer.address or name}"
    shown_for = proof.at - proof.since
    if proof.answer.certificate is not None:
        presented = presented_certificate(proof.answer.certificate)
        fingerprints = {certificate.fingerprint for certificate in map(issued_certificate, issued) if certificate}
        if presented is not None and presented.fingerprint in fingerprints:
            return Assessment("proven", final=True, proof="certificate")
        if not issued and _fits(presented, node) and not in_date(proof.answer.certificate, now):
            return Assessment(
                stage,
                "waiting",
                f"the certificate on {where} names the node, and is out of date",
                f"Does its kubelet ask for a new one? oc get csr; journalctl -u kubelet on {name}; is its clock right?",
                probe=True,
            )
        by_authority = bool(run.authorities) and signed_by(proof.answer.certificate, run.authorities, now)
        if not issued and by_authority and _fits(presented, node):
            return Assessment("proven", final=True, proof="authority")
        if not issued and not run.authorities and _fits(presented, node):
            return _joined(
                f"the certificate on {where} names the node, but neither its request nor the authority can be read"
            )
        if shown_for < PROOF_PATIENCE:
            return Assessment(stage, "waiting", f"{where} does not present the issued certificate yet", probe=True)
        return _failed(
            stage,
            "proof_failed",
            f"{where} presents another certificate than the one issued to {name}",
            f"Something else answers there, or the machine was replaced: oc adm cordon {name}, then find out.",
        )
    if proof.answer.problem == UNREACHABLE and shown_for >= REACH_PATIENCE and run.probe_kubelet == "auto":
        return _joined(f"{where} cannot be reached from here ({proof.answer.detail})")
    if proof.answer.problem == NO_CERTIFICATE:
        reason = f"{where} presents no certificate ({proof.answer.detail})"
        hint = "The kubelet asks again within 15 minutes; systemctl restart kubelet makes it do so at once."
        return Assessment(stage, "waiting", reason, hint, probe=True)
    reason = f"{where} cannot be reached ({proof.answer.detail})"
    return Assessment(stage, "waiting", reason, "Open the port, or set probe_kubelet: auto.", probe=True)


def _joined(why: str) -> Assessment:
    return Assessment(JOINED, "not_proven", final=True, warning=f"joined, not proven: {why}", proof="none")


# -- somebody else approved --------------------------------------------------------------------------------------------


def foreign_approval(machine: Machine, world: World, run: Run) -> tuple[str, str] | None:
    """Reason and hint where somebody else let this machine in by an approval that the rules refuse."""
    return _let_in_by_another(_refused_approvals(machine, world, run))


def _let_in_by_another(refused: t.Iterable[tuple[str, bool]]) -> tuple[str, str] | None:
    for text, let_in in refused:
        if let_in:
            return text, "Find out who or what approves requests here, and whether the machine is the one you mean."
    return None


def _refused_approvals(machine: Machine, world: World, run: Run) -> t.Iterator[tuple[str, bool]]:
    """A sentence on each approval by somebody else that the rules refuse, and whether the machine came in by it."""
    node = world.nodes.get(machine["node_name"])
    since = min(run.since, timestamp(machine.get("powered_on")) or run.since)
    existed = node is not None and created(node) < since
    begin = _let_in(node, world, since) if node is not None and existed else 0.0
    for signer in SIGNERS:
        for csr in world.claims(signer, machine["node_name"]):
            at = approved_at(csr)
            if at is None or csr["metadata"]["uid"] in world.approved_here:
                continue
            by = (condition(csr, "Approved") or {}).get("reason") or "no reason given"
            if existed and at < since and by == APPROVAL_REASON:
                continue  # an earlier run knew what this one cannot: when it had powered the machine on, its options
            decision = _foreign_decision(csr, machine, world, run)
            if decision is not None:
                name, why = csr["metadata"]["name"], decision.detail.rstrip(".")
                yield f"somebody else approved {name} ({by}), which the rules refuse: {why}", at >= begin


def _let_in(node: Node, world: World, since: float) -> float:
    """The first approval of which a Node may have come, where the API still has it; else ``since``.

    What is older belongs to the life of a node that was there before.
    """
    approvals = [
        approved_at(csr)
        for csr in world.claims(CLIENT_SIGNER, node["metadata"]["name"])
        if csr["spec"].get("username") == BOOTSTRAPPER
    ]
    return min([since, *(at for at in approvals if at is not None and at <= created(node) + CLOCK_SKEW)])


def _foreign_decision(csr: dict[str, t.Any], machine: Machine, world: World, run: Run) -> Decision | None:
    """The decision that refuses an approval by somebody else; None where it is shared or cannot be made yet."""
    uid = csr["metadata"]["uid"]
    decision = run.foreign.get(uid)
    if decision is None:
        then = {**machine, "failed": False}
        for began in ("powered_on", "booted"):
            if (approved_at(csr) or 0.0) < (timestamp(machine.get(began)) or 0.0):
                del then[began]  # it was another one, of an earlier run
        decision = would_approve(csr, {machine["node_name"]: then}, world)
        if decision.code in _UNDECIDED:
            return None
        run.foreign[uid] = decision
    # A kubelet's renewal of its own client certificate is the cluster's to approve.
    renewal = decision.code == "client_requestor" and csr["spec"].get("username") == NODE_PREFIX + machine["node_name"]
    return None if decision.verdict == APPROVE or renewal else decision


# -- small parts -------------------------------------------------------------------------------------------------------


def _failed(stage: str, code: str, reason: str, hint: str) -> Assessment:
    return Assessment(stage, code, reason, hint, final=True, failed=True)


def _by(csr: dict[str, t.Any], world: World) -> str:
    """Who approved a request, for people: the reason of an approval can be written by anybody."""
    if csr["metadata"]["uid"] in world.approved_here:
        return "this run"
    return "an earlier run" if (condition(csr, "Approved") or {}).get("reason") == APPROVAL_REASON else "other"


def _replace(found: Assessment, **changes: t.Any) -> Assessment:
    return Assessment(**{**found.__dict__, **changes})


def _named(found: Assessment, machine: Machine, world: World) -> Assessment:
    """The assessment with the requests that it rests on."""
    names, by = {}, ""
    for signer in SIGNERS:
        approved = [csr for csr in world.claims(signer, machine["node_name"]) if approved_at(csr) is not None]
        if approved:
            names[signer] = approved[-1]["metadata"]["name"]
            by = _by(approved[-1], world) if by in ("", "this run") else by
    return _replace(
        found,
        client_csr=names.get(CLIENT_SIGNER, ""),
        serving_csr=names.get(SERVING_SIGNER, ""),
        approved_by=by,
        reason=printable(found.reason if not found.reason or found.reason.endswith(".") else found.reason + "."),
        hint=printable(found.hint),
        warning=printable(found.warning),
    )


__all__ = (
    "APPROVAL_REASON",
    "FINAL_STAGES",
    "JOINED",
    "STAGES",
    "Assessment",
    "Proof",
    "Run",
    "assess",
    "deadline",
    "foreign_approval",
    "needs_boot_file",
)
