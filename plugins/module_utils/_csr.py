# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision on one certificate signing request. Private to the collection.

``decide`` is a pure function of plain objects: nothing is read, written or waited for. It approves a request only if
every check in ``CHECKS`` lets it pass; it never denies. The checks stand in the order in which they run: nothing that
looks into a request runs before it is known that the request could be one of ours, and names outside the inventory are
ignored rather than refused.
"""

from __future__ import annotations

import re
import typing as t
import uuid
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import issued_certificate
from ansible_collections.multiarch.openshift.plugins.module_utils._guard import is_ready
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NODE_ARCHITECTURE
from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._request import EXTENSION_REQUEST
from ansible_collections.multiarch.openshift.plugins.module_utils._request import MAX_REQUEST_BYTES
from ansible_collections.multiarch.openshift.plugins.module_utils._request import NODE_PREFIX
from ansible_collections.multiarch.openshift.plugins.module_utils._request import Address
from ansible_collections.multiarch.openshift.plugins.module_utils._request import Request
from ansible_collections.multiarch.openshift.plugins.module_utils._request import parse_request
from ansible_collections.multiarch.openshift.plugins.module_utils._san import kubelet_names
from ansible_collections.multiarch.openshift.plugins.module_utils._san import parse_address
from ansible_collections.multiarch.openshift.plugins.module_utils._san import spell
from ansible_collections.multiarch.openshift.plugins.module_utils._world import BOOTSTRAPPER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SERVING_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SIGNERS
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from ansible_collections.multiarch.openshift.plugins.module_utils._world import approved_at
from ansible_collections.multiarch.openshift.plugins.module_utils._world import condition
from ansible_collections.multiarch.openshift.plugins.module_utils._world import created
from ansible_collections.multiarch.openshift.plugins.module_utils._world import is_decided
from ansible_collections.multiarch.openshift.plugins.module_utils._world import seniority
from ansible_collections.multiarch.openshift.plugins.module_utils._world import timestamp

APPROVE, IGNORE, REJECT, WAIT = "approve", "ignore", "reject", "wait"

ORGANIZATION = "system:nodes"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
CLIENT_GROUPS = {
    "system:serviceaccounts",
    "system:serviceaccounts:openshift-machine-config-operator",
    "system:authenticated",
}
SERVING_GROUPS = {"system:nodes", "system:authenticated"}
# Clocks of machines and API may differ by this much; creation times are whole seconds.
CLOCK_SKEW = 60.0
MIN_EXPIRATION, MAX_EXPIRATION = 600, 31622400
MOST_DESCRIBED = 5
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
_OID_ORGANIZATION, _OID_COMMON_NAME = "2.5.4.10", "2.5.4.3"
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

Machine = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Decision:
    """What to do with a request, and why.

    ``machine`` is the inventory's name of the machine that the request claims, where it claims one. ``notes`` go with
    an approval: what could not be checked.
    """

    verdict: str
    machine: str | None = None
    code: str = ""
    detail: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()


class Finding(t.NamedTuple):
    """Why a check does not let a request pass."""

    verdict: str
    code: str
    detail: str
    hint: str = ""


@dataclass
class Case:
    """One request under judgement. ``decided`` marks a look back on a request that somebody approved at ``now``."""

    csr: dict[str, t.Any]
    machines: t.Mapping[str, Machine]
    world: World
    now: float
    decided: bool = False
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name: str = self.csr["metadata"]["name"]
        self.spec: dict[str, t.Any] = self.csr["spec"]
        self.serving: bool = self.spec.get("signerName") == SERVING_SIGNER
        self.username: str = self.spec.get("username") or ""

    @property
    def request(self) -> Request:
        return parse_request(self.spec.get("request") or "")

    @property
    def node_name(self) -> str:
        return self.request.node_name or ""

    @property
    def machine(self) -> Machine | None:
        requestor = self.username[len(NODE_PREFIX) :] if self.username.startswith(NODE_PREFIX) else ""
        if self.serving and requestor in self.machines:
            return self.machines[requestor]
        return self.machines.get(self.node_name)

    @property
    def node(self) -> dict[str, t.Any] | None:
        return self.world.nodes.get(self.node_name)

    @property
    def addresses(self) -> set[Address]:
        """The machine's addresses in the inventory."""
        parsed = (parse_address(text) for text in (self.machine or {}).get("addresses") or ())
        return {address for address in parsed if address is not None}


def decide(
    csr: dict[str, t.Any],
    machines: t.Mapping[str, Machine],
    world: World,
    now: float,
    *,
    checks: t.Sequence[Check] | None = None,
) -> Decision:
    """Decide on a request.

    :param machines: the machine records of this run by node name
    :param now: API time in seconds since the epoch
    :param checks: the checks to run, by default all of them
    """
    return _judge(Case(csr, machines, world, now), CHECKS if checks is None else checks)


def would_approve(csr: dict[str, t.Any], machines: t.Mapping[str, Machine], world: World) -> Decision:
    """What ``decide`` would have said at the moment when somebody approved this request."""
    then = max(approved_at(csr) or 0.0, created(csr))
    return _judge(Case(csr, machines, world, then, decided=True), CHECKS)


def _judge(case: Case, checks: t.Sequence[Check]) -> Decision:
    for check in checks:
        finding = check.run(case)
        if finding is not None:
            # A request of a foreign signer is nobody's, and stays unread.
            machine = case.machine if case.spec.get("signerName") in SIGNERS else None
            detail, hint = printable(finding.detail), printable(finding.hint)
            return Decision(finding.verdict, machine["name"] if machine else None, finding.code, detail, hint)
    machine = case.machine
    notes = tuple(printable(note) for note in case.notes)
    return Decision(APPROVE, machine["name"] if machine else None, "approved", notes=notes)


def _reject(code: str, detail: str, hint: str = "") -> Finding:
    return Finding(REJECT, code, detail, hint)


# -- 1 to 3: could it be one of ours? ----------------------------------------------------------------------------------


def _signer(case: Case) -> Finding | None:
    signer = case.spec.get("signerName")
    if signer in SIGNERS:
        return None
    return Finding(IGNORE, "signer", f"its signer is {signer}, not one of the kubelet's.")


def _pending(case: Case) -> Finding | None:
    if case.decided:
        return None
    if is_decided(case.csr):
        kinds = [entry.get("type") for entry in case.csr["status"].get("conditions") or []]
        return Finding(IGNORE, "not_pending", f"it is decided already ({spell(kinds)}).")
    if case.csr["metadata"].get("deletionTimestamp"):
        return Finding(IGNORE, "not_pending", "it is being deleted.")
    return None


def _requestor(case: Case) -> Finding | None:
    if not case.serving:
        if case.username == BOOTSTRAPPER:
            return None
        # Renewals of client certificates are kube-controller-manager's own to approve.
        return Finding(IGNORE, "client_requestor", f"it was made by {case.username}, not by the node bootstrapper.")
    if case.username.startswith(NODE_PREFIX) and case.username[len(NODE_PREFIX) :] in case.machines:
        return None
    return Finding(IGNORE, "serving_requestor", f"it was made by {case.username}, which is no machine of this run.")


# -- 4 to 6: what does it ask for? -------------------------------------------------------------------------------------


def _request_size(case: Case) -> Finding | None:
    size = case.request.size
    return _reject("request_size", f"its request has {size} bytes.") if size > MAX_REQUEST_BYTES else None


def _request_readable(case: Case) -> Finding | None:
    error = case.request.error
    return _reject("request_unreadable", f"its request cannot be read: {error}.") if error else None


def _request_base64(case: Case) -> Finding | None:
    return None if case.request.strict_base64 else _reject("request_base64", "its request is no plain base64.")


def _request_pem(case: Case) -> Finding | None:
    if case.request.canonical_pem:
        return None
    return _reject("request_pem", "its request is not one PEM block as a kubelet writes it.")


def _subject_shape(case: Case) -> Finding | None:
    kinds = [[oid for oid, _value in rdn] for rdn in case.request.subject]
    if kinds == [[_OID_ORGANIZATION], [_OID_COMMON_NAME]]:
        return None
    return _reject("subject_shape", "its subject is not one organization and one common name.")


def _subject_organization(case: Case) -> Finding | None:
    organizations = [value for rdn in case.request.subject for oid, value in rdn if oid == _OID_ORGANIZATION]
    if set(organizations) == {ORGANIZATION}:
        return None
    return _reject("subject_organization", f"its organization is {spell(organizations)}, not {ORGANIZATION}.")


def _subject_name(case: Case) -> Finding | None:
    if _NODE_NAME.fullmatch(case.node_name):
        return None
    return _reject("subject_name", f"its common name is {spell(case.request.common_names)}, not {NODE_PREFIX}NAME.")


def _inventory(case: Case) -> Finding | None:
    machine = case.machines.get(case.node_name)
    if machine is None:
        return Finding(IGNORE, "not_inventory", f"it is for {case.node_name}, which is no machine of this run.")
    if machine.get("failed"):
        reason = (machine.get("reason") or "see its record").rstrip(".")
        return Finding(IGNORE, "machine_failed", f"{machine['name']} failed: {reason}.")
    return None


# -- 7: is the request written as a kubelet writes it? -----------------------------------------------------------------


def _attributes(case: Case) -> Finding | None:
    extra = [oid for oid in case.request.attributes if oid != EXTENSION_REQUEST]
    if not extra:
        return None
    return _reject("attributes", f"its request has attributes that no kubelet sends: {spell(extra)}.")


def _extensions(case: Case) -> Finding | None:
    extra = [oid for oid in case.request.extensions if oid != SUBJECT_ALTERNATIVE_NAME]
    if not extra:
        return None
    return _reject("extensions", f"it asks for extensions that no kubelet asks for: {spell(extra)}.")


def _san_types(case: Case) -> Finding | None:
    others = case.request.other_names
    return _reject("san_types", f"it asks for names that are neither DNS nor IP: {spell(others)}.") if others else None


def _san_duplicates(case: Case) -> Finding | None:
    names, addresses = case.request.dns_names, case.request.addresses
    if len(set(names)) == len(names) and len(set(addresses)) == len(addresses):
        return None
    return _reject("san_duplicates", "it asks for a name twice.")


def _key(case: Case) -> Finding | None:
    if case.request.key:
        return None
    return _reject("key", "its key is none of a kubelet's (ECDSA P-256, P-384, P-521 or RSA of 2048 to 8192 bits).")


def _signature_algorithm(case: Case) -> Finding | None:
    if case.request.signature_algorithm:
        return None
    return _reject("signature_algorithm", "it is not signed with ECDSA or RSA and SHA-2.")


def _signature(case: Case) -> Finding | None:
    return None if case.request.signature_valid else _reject("signature", "its signature does not fit its key.")


def _encoding(case: Case) -> Finding | None:
    if case.request.canonical_der:
        return None
    return _reject("encoding", "its bytes are not the ones that a kubelet writes for what it says.")


# -- 8: who asks, and what for? ----------------------------------------------------------------------------------------


def _uid(case: Case) -> Finding | None:
    uid = case.spec.get("uid") or ""
    if case.serving:
        if not uid:
            return None
        return _reject("uid", f"its requestor has the UID {uid}; a kubelet with a certificate has none.")
    if case.world.bootstrapper_uid is not None and uid != case.world.bootstrapper_uid:
        return _reject("uid", f"its requestor has the UID {uid or 'none'}, not the node bootstrapper's.")
    return None


def _groups(case: Case) -> Finding | None:
    groups = case.spec.get("groups") or []
    wanted = SERVING_GROUPS if case.serving else CLIENT_GROUPS
    if sorted(groups) == sorted(wanted):
        return None
    return _reject("groups", f"its requestor is in the groups {spell(groups)}, not {spell(wanted)}.")


def _extra(case: Case) -> Finding | None:
    extra = case.spec.get("extra") or {}
    if not extra or (set(extra) == {CREDENTIAL_ID} and len(extra[CREDENTIAL_ID] or ()) == 1):
        return None
    return _reject("extra", f"its requestor carries {spell(extra)}: that is a pod or a person, not a kubelet.")


def _usages(case: Case) -> Finding | None:
    usages = case.spec.get("usages") or []
    wanted = ["digital signature", "server auth" if case.serving else "client auth"]
    # kubelets before 1.27 ask for key encipherment with every key, later ones with RSA keys
    if sorted(usages) in (sorted(wanted), sorted([*wanted, "key encipherment"])):
        return None
    return _reject("usages", f"it asks for the usages {spell(usages)}, not {spell(wanted)}.")


def _expiration(case: Case) -> Finding | None:
    seconds = case.spec.get("expirationSeconds")
    # True and False are numbers too
    number = isinstance(seconds, int) and not isinstance(seconds, bool)
    if seconds is None or (number and MIN_EXPIRATION <= seconds <= MAX_EXPIRATION):
        return None
    return _reject("expiration", f"it asks for {seconds} seconds, not {MIN_EXPIRATION} to {MAX_EXPIRATION}.")


# -- 9: is it of now, the only one, and within the quota? --------------------------------------------------------------


def _born_after_power_on(case: Case) -> Finding | None:
    machine = case.machine or {}
    for key, event in (("powered_on", "was powered on"), ("booted", "was seen to boot from the network")):
        began = timestamp(machine.get(key))
        if began is not None and created(case.csr) < began - CLOCK_SKEW:
            seconds = began - created(case.csr)
            return _reject("before_power_on", f"it was made {seconds:.0f} s before the machine {event}.")
    return None


def _born_before_now(case: Case) -> Finding | None:
    if created(case.csr) <= case.now + CLOCK_SKEW:
        return None
    return _reject("in_future", f"it was made {created(case.csr) - case.now:.0f} s in the future.")


def _young(case: Case) -> Finding | None:
    age = case.now - created(case.csr)
    limit = case.world.parameters.max_csr_age
    if age <= limit:
        return None
    return _reject(
        "too_old",
        f"it is {age:.0f} s old, and a kubelet gives a request up after {limit:.0f} s.",
        "Nothing to do: the kubelet makes a new one. systemctl restart kubelet on the machine makes it do so at once.",
    )


def _only_one(case: Case) -> Finding | None:
    original = None if case.serving else _original(case)
    if original is not None:
        return Finding(
            IGNORE,
            "copied",
            f"{original['metadata']['name']} has the same key and is older; a kubelet makes a new key for each request,"
            " so this one is a copy that somebody else has posted.",
            "Find out who has the token of the node bootstrapper.",
        )
    rivals = _rivals(case)
    younger = [rival for rival in rivals if seniority(rival) > seniority(case.csr)]
    if case.serving:
        # The node itself made them all, with its own certificate: the newest is the one it waits for.
        return _superseded(younger) if younger and not case.decided else None
    if rivals and case.world.parameters.ambiguous == "fail":
        return Finding(
            WAIT,
            "ambiguous",
            f"several young requests claim {case.node_name} with different keys:"
            f" {_describe_all([case.csr, *rivals], case.now)}.",
            "Find out which one the machine made (journalctl -u kubelet); real kubelets ask again by themselves.",
        )
    if younger:
        return _superseded(younger)
    if rivals:
        case.notes.append(
            f"{case.name} is the newest of several requests for {case.node_name} with different keys:"
            f" {_describe_all(rivals, case.now)}"
        )
    return None


def _original(case: Case) -> dict[str, t.Any] | None:
    """The first request with the key of this client request, where that is another one.

    The token with which machines ask for their first certificate reads all requests and can post their bytes again. A
    copy is never older than what it was made of; only its maker can use the key, and waits for the first.
    """
    first = _first_of_each_key(case.world, case.node_name).get(case.request.key_sha256, case.csr)
    older = first["metadata"]["uid"] != case.csr["metadata"]["uid"]
    if case.decided:
        # Versions have changed since then: among requests of one second nobody can tell.
        older = created(first) < created(case.csr)
    return first if older else None


def _first_of_each_key(world: World, node_name: str) -> dict[str, dict[str, t.Any]]:
    """The oldest client request of each key, whatever has become of it."""
    if node_name not in world.first_of_key:
        claims = world.claims(CLIENT_SIGNER, node_name)
        world.first_of_key[node_name] = {_key_of(csr): csr for csr in reversed(claims)}
    return world.first_of_key[node_name]


def _superseded(younger: list[dict[str, t.Any]]) -> Finding:
    return Finding(IGNORE, "superseded", f"{younger[-1]['metadata']['name']} is newer.")


def _rivals(case: Case) -> list[dict[str, t.Any]]:
    """Other requests for the same certificate that were as good as this one at the time."""
    mine = case.csr["metadata"]["uid"]
    found = contenders(case.spec["signerName"], case.node_name, case.machines, case.world, case.now)
    others = [other for other in found if other["metadata"]["uid"] != mine]
    if not case.serving:
        others = [other for other in others if _key_of(other) != case.request.key_sha256]
    # Looking back: what was made after the decision was no rival of it. (A pending one may be ahead of our clock.)
    return [other for other in others if created(other) <= case.now] if case.decided else others


def contenders(
    signer: str, node_name: str, machines: t.Mapping[str, Machine], world: World, now: float
) -> list[dict[str, t.Any]]:
    """The pending requests for a node's certificate that nothing but the state of the world speaks against.

    Of client requests with the same key, the first alone: the others are copies.
    """
    key = (signer, node_name, now)
    if world.contenders is None or world.contenders[0] != key:
        claims = world.claims(signer, node_name)
        if signer == CLIENT_SIGNER:
            claims = sorted(_first_of_each_key(world, node_name).values(), key=seniority)
        found = [csr for csr in claims if _undecided(csr, now) and _plausible(Case(csr, machines, world, now))]
        world.contenders = (key, found)
    return world.contenders[1]


def _undecided(csr: dict[str, t.Any], now: float) -> bool:
    """Whether a request was pending at this time."""
    status = csr.get("status") or {}
    decided = [timestamp(entry.get("lastUpdateTime")) or created(csr) for entry in status.get("conditions") or []]
    return not csr["metadata"].get("deletionTimestamp") and all(at > now for at in decided)


def _plausible(case: Case) -> bool:
    """Whether nothing but the state of the world could be said against a request.

    What asks for foreign names is no rival: a node that asks for them now and then would never get its own.
    """
    uid = case.csr["metadata"]["uid"]
    if uid not in case.world.profiles:
        case.world.profiles[uid] = all(check.run(case) is None for check in CHECKS if check.static)
    return case.world.profiles[uid] and all(check(case) is None for check in _AGE_AND_NAMES)


def _key_of(csr: dict[str, t.Any]) -> str:
    return parse_request(csr["spec"].get("request") or "").key_sha256


def _describe_all(csrs: list[dict[str, t.Any]], now: float) -> str:
    newest = sorted(csrs, key=seniority)[-MOST_DESCRIBED:]
    more = f"; and {len(csrs) - len(newest)} more" if len(csrs) > len(newest) else ""
    return "; ".join(_describe(csr, now) for csr in newest) + more


def _describe(csr: dict[str, t.Any], now: float) -> str:
    return f"{csr['metadata']['name']} ({now - created(csr):.0f} s old, key {_key_of(csr)[:16]})"


def _quota(case: Case) -> Finding | None:
    if case.serving:
        return None
    parameters = case.world.parameters
    here = {uid: at for uid, at in _approvals_here(case).items() if uid != case.csr["metadata"]["uid"]}
    if len(here) >= parameters.max_approvals:
        return _reject("quota", f"this run approved {len(here)} client requests for {case.node_name} already.")
    given = {**_approvals_in_api(case), **here}
    failed = {uid for uid in given if condition(case.world.csrs.get(uid) or {}, "Failed") is not None}
    # What a machine that is installed again got in its earlier life does not count.
    born = created(case.node) if case.node is not None and _replaceable(case) else 0.0
    given = {uid: at for uid, at in given.items() if uid not in failed and at > born}
    if not given:
        return None
    last_uid, last = max(given.items(), key=lambda item: item[1])
    servings = case.world.claims(SERVING_SIGNER, case.node_name)
    if case.decided:
        servings = [csr for csr in servings if created(csr) < case.now]
    if any(created(csr) >= int(last) for csr in servings):
        first = (case.world.csrs.get(last_uid) or {}).get("metadata", {}).get("name")
        return _reject(
            "certificate_in_use",
            f"a client certificate was issued to {case.node_name} {case.now - last:.0f} s ago and is in use.",
            f"If the machine was installed again since, forget the first: oc delete csr {first}" if first else "",
        )
    if case.now - last <= parameters.max_csr_age:
        return Finding(
            WAIT,
            "approved_before",
            f"another client request for {case.node_name} was approved {case.now - last:.0f} s ago;"
            f" a second is approved only {parameters.max_csr_age:.0f} s after it, if no node came of the first.",
        )
    return None


def _approvals_here(case: Case) -> dict[str, float]:
    """Client approvals of this run for the same node: UID and time."""
    wanted = (CLIENT_SIGNER, case.node_name)
    return {
        uid: approval.at
        for uid, approval in case.world.approved_here.items()
        if (approval.signer, approval.node_name) == wanted and approval.at <= case.now
    }


def _approvals_in_api(case: Case) -> dict[str, float]:
    """Approvals by anybody of bootstrap requests for the same node, before this one: UID and time."""
    found = {}
    for csr in case.world.claims(CLIENT_SIGNER, case.node_name):
        at = approved_at(csr)
        if at is None or csr["spec"].get("username") != BOOTSTRAPPER or csr is case.csr:
            continue
        if (at, seniority(csr)) < (case.now, seniority(case.csr)):
            found[csr["metadata"]["uid"]] = at
    found.pop(case.csr["metadata"]["uid"], None)
    return found


# -- 10: client ------------------------------------------------------------------------------------------------------


def _client_extensions(case: Case) -> Finding | None:
    if case.serving or not case.request.extensions:
        return None
    return _reject("client_extensions", "it asks for names in a client certificate.")


def _node_absent(case: Case) -> Finding | None:
    node = case.node
    if case.serving or node is None:
        return None
    if case.decided and created(node) >= int(case.now):
        return None  # the Node came of this very request
    if _replaceable(case):
        return None
    uid = node["metadata"]["uid"]
    if not is_ready(node) and (case.machine or {}).get("replace_node_uid") == uid:
        seconds, limit = case.now - _last_report(node), case.world.parameters.max_csr_age
        return _reject(
            "node_exists",
            f"the node {case.node_name} reported {seconds:.0f} s ago; machine_replace_node_uid replaces it once it has"
            f" been silent for {limit:.0f} s, or since before this run has powered the machine on.",
        )
    state = "is Ready already" if is_ready(node) else "exists already and is not Ready"
    return _reject(
        "node_exists",
        f"the node {case.node_name} {state}.",
        f"If its certificates have expired, set machine_replace_node_uid: {uid}; if it is to be installed again, power"
        " it off before.",
    )


def _replaceable(case: Case) -> bool:
    """Whether the inventory names this very Node as one to replace, and it is really gone."""
    node, machine = case.node, case.machine
    if node is None or machine is None or machine.get("replace_node_uid") != node["metadata"]["uid"]:
        return False
    if case.decided:
        return True  # it may be Ready by now: as the node that it became
    if is_ready(node):
        return False
    powered_on = timestamp(machine.get("powered_on"))
    # A node that has just fallen silent may be starting again: nobody else may have its name meanwhile.
    silent_since = case.now - case.world.parameters.max_csr_age if powered_on is None else powered_on + CLOCK_SKEW
    return _last_report(node) <= silent_since


def _last_report(node: t.Mapping[str, t.Any]) -> float:
    """When the kubelet of a Node last reported; its creation where it never has."""
    heartbeats = [
        timestamp(entry.get("lastHeartbeatTime")) or 0.0
        for entry in (node.get("status") or {}).get("conditions") or []
        if entry.get("type") == "Ready"
    ]
    return max(heartbeats, default=created(node))


# -- 11 and 12: serving ----------------------------------------------------------------------------------------------


def _serving_identity(case: Case) -> Finding | None:
    if not case.serving or case.username == NODE_PREFIX + case.node_name:
        return None
    return _reject("serving_identity", f"{case.username} asks for the certificate of {case.node_name}.")


def _san_present(case: Case) -> Finding | None:
    # The proof at the end rests on the address. A kubelet asks again when its node has one.
    if not case.serving or case.request.addresses:
        return None
    return _reject("san_present", "it names no address.")


def _san_denied(case: Case) -> Finding | None:
    if not case.serving:
        return None
    for name in case.request.dns_names:
        reason = case.world.deny.name_reason(name)
        if reason:
            return _reject("san_denied", f"it asks for the name '{name}': {reason}.")
    for address in case.request.addresses:
        reason = case.world.deny.address_reason(address)
        if reason:
            return _reject("san_denied", f"it asks for the address {address}: {reason}.")
    return None


def _san_names(case: Case) -> Finding | None:
    extra = set(case.request.dns_names) - {case.node_name}
    if not case.serving or not extra:
        return None
    return _reject("san_names", f"it asks for the name {spell(extra)}, which is not {case.node_name}.")


def _san_addresses(case: Case) -> Finding | None:
    extra = set(case.request.addresses) - case.addresses
    if not case.serving or not extra:
        return None
    return _reject(
        "san_addresses",
        f"it asks for the address {spell(extra)}, which is not in the machine's machine_addresses.",
        "If the address is the machine's own, add it to machine_addresses and run again.",
    )


_AGE_AND_NAMES = (_born_after_power_on, _born_before_now, _young, _san_names, _san_addresses)


def _san_held(case: Case) -> Finding | None:
    if not case.serving:
        return None
    for address in case.request.addresses:
        others = case.world.holders(address) - {case.node_name}
        if others:
            return _reject(
                "san_held",
                f"it asks for the address {address}, which the node {spell(others)} reports.",
                f"oc get node {' '.join(sorted(others))} -o wide",
            )
    return None


def _node_present(case: Case) -> Finding | None:
    if not case.serving or case.node is not None:
        return None
    return Finding(WAIT, "node_missing", f"the node {case.node_name} does not exist yet.")


def _architecture(case: Case) -> Finding | None:
    if not case.serving or case.node is None or case.machine is None:
        return None
    expected = NODE_ARCHITECTURE.get(case.machine.get("architecture") or "", "")
    found = ((case.node.get("status") or {}).get("nodeInfo") or {}).get("architecture") or ""
    if not expected or found == expected:
        return None
    if not found:
        return Finding(WAIT, "architecture_unknown", f"the node {case.node_name} has not said its architecture yet.")
    return _reject(
        "architecture",
        f"the node {case.node_name} is {found}, the inventory says {expected}.",
        "Two machines may have changed names: compare MAC addresses and machine_architecture.",
    )


def _system_uuid(case: Case) -> Finding | None:
    expected = (case.machine or {}).get("system_uuid")
    if not case.serving or case.node is None or not expected:
        return None
    found = ((case.node.get("status") or {}).get("nodeInfo") or {}).get("systemUUID") or ""
    if not found:
        return Finding(WAIT, "system_uuid_unknown", f"the node {case.node_name} has not said its UUID yet.")
    if _uuid_orders(expected) & _uuid_orders(found):
        return None
    return _reject(
        "system_uuid",
        f"the node {case.node_name} has the system UUID {found}, the inventory says {expected}.",
        "Two machines may have changed names: compare their MAC addresses.",
    )


def _uuid_orders(text: str) -> set[bytes]:
    """A UUID in both byte orders: firmware does not agree on one."""
    try:
        value = uuid.UUID(text)
    except ValueError:
        return set()
    return {value.bytes, value.bytes_le}


def _san_equal(case: Case) -> Finding | None:
    # Looking back, the node's addresses of then are not known any more; the inventory's were checked.
    if not case.serving or case.node is None or case.decided:
        return None
    names, addresses = kubelet_names(case.node)
    if set(case.request.dns_names) == names and set(case.request.addresses) == addresses:
        return None
    asked = spell([*case.request.dns_names, *case.request.addresses])
    return Finding(
        WAIT,
        "san_differs",
        f"it asks for {asked}, and the node {case.node_name} reports {spell([*names, *addresses])}.",
        "The kubelet asks again when its addresses settle.",
    )


# -- 13: was it made with a certificate that we stand for? -------------------------------------------------------------


def _credential(case: Case) -> Finding | None:
    bind = case.world.parameters.bind_credential
    if not case.serving or bind == "never":
        return None
    made_with = _credential_of(case.csr)
    if made_with is None:
        return _unbound(case, "the API does not say with which certificate it was made (Kubernetes before 1.32)")
    kind, _equals, fingerprint = made_with.partition("=")
    if kind != "X509SHA256":
        return _reject("credential_kind", f"it was made with {kind}, not with a client certificate.")
    known = _client_certificates(case)
    own = NODE_PREFIX + case.node_name
    origin = _origin(case.csr, known)
    if origin is not None and origin["spec"].get("username") != own:
        return None if _stands(origin, case) else _refused_certificate(origin)
    # It comes from a certificate whose request the API has forgotten, as it does an hour after the issue. Where it
    # still knows of one that brought the node in, this one came another way; else nobody can tell.
    entrances = [csr for csr in known.values() if csr["spec"].get("username") != own]
    if any(_stands(csr, case) for csr in entrances):
        return _reject(
            "credential_foreign",
            f"it was made with the certificate {fingerprint[:16]}, which was not issued to the machine.",
        )
    if entrances:
        return _refused_certificate(entrances[-1])
    if origin is not None:
        return _unbound(case, "it was made with a renewed certificate, and the request of the first is gone")
    return _unbound(case, "no client certificate of this node is in the API any more")


def _origin(csr: dict[str, t.Any], known: t.Mapping[str, dict[str, t.Any]]) -> dict[str, t.Any] | None:
    """The first request in the chain of certificates with which a request was made, as far as the API has it.

    A certificate that a kubelet renewed is worth what the one was worth with which it asked for it.
    """
    origin = None
    for _unused in known:
        kind, _equals, fingerprint = (_credential_of(origin or csr) or "").partition("=")
        if kind != "X509SHA256" or fingerprint not in known:
            break
        origin = known[fingerprint]
    return origin


def _credential_of(csr: dict[str, t.Any]) -> str | None:
    values = (csr["spec"].get("extra") or {}).get(CREDENTIAL_ID) or []
    return str(values[0]) if values else None


def _refused_certificate(csr: dict[str, t.Any]) -> Finding:
    return _reject(
        "credential_unapproved",
        f"the node was let in by the certificate of {csr['metadata']['name']}, which the rules refuse.",
        "Find out who approved it.",
    )


def _unbound(case: Case, why: str) -> Finding | None:
    if case.world.parameters.bind_credential == "require":
        return _reject("credential_unbound", f"it cannot be tied to a client certificate: {why}.")
    case.notes.append(f"{case.name} is not tied to a client certificate: {why}")
    return None


def _client_certificates(case: Case) -> dict[str, dict[str, t.Any]]:
    """The client requests whose certificates are issued to this node, by the certificates' fingerprints."""
    found = {}
    for csr in case.world.claims(CLIENT_SIGNER, case.node_name):
        certificate = issued_certificate(csr)
        if certificate is not None and certificate.common_name == NODE_PREFIX + case.node_name:
            found[certificate.fingerprint] = csr
    return found


def _stands(csr: dict[str, t.Any], case: Case) -> bool:
    """Whether the rules stand for a client certificate: this run approved it, or would have."""
    if csr["metadata"]["uid"] in case.world.approved_here:
        return True
    return approved_at(csr) is not None and would_approve(csr, case.machines, case.world).verdict == APPROVE


@dataclass(frozen=True)
class Check:
    """One named check. ``static`` ones depend on the request alone, not on the state of the world."""

    run: t.Callable[[Case], Finding | None]
    static: bool = True

    @property
    def name(self) -> str:
        return self.run.__name__.lstrip("_")


CHECKS: tuple[Check, ...] = (
    Check(_signer),
    Check(_pending, static=False),
    Check(_requestor),
    Check(_request_size),
    Check(_request_readable),
    Check(_request_base64),
    Check(_request_pem),
    Check(_subject_shape),
    Check(_subject_organization),
    Check(_subject_name),
    Check(_inventory, static=False),
    Check(_attributes),
    Check(_extensions),
    Check(_san_types),
    Check(_san_duplicates),
    Check(_key),
    Check(_signature_algorithm),
    Check(_signature),
    Check(_encoding),
    Check(_uid),
    Check(_groups),
    Check(_extra),
    Check(_usages),
    Check(_expiration),
    Check(_born_after_power_on, static=False),
    Check(_born_before_now, static=False),
    Check(_young, static=False),
    Check(_client_extensions),
    Check(_node_absent, static=False),
    Check(_only_one, static=False),
    Check(_quota, static=False),
    Check(_serving_identity),
    Check(_san_present),
    Check(_san_denied),
    Check(_san_names, static=False),
    Check(_san_addresses, static=False),
    Check(_san_held, static=False),
    Check(_node_present, static=False),
    Check(_architecture, static=False),
    Check(_system_uuid, static=False),
    Check(_san_equal, static=False),
    Check(_credential, static=False),
)

__all__ = (
    "APPROVE",
    "CHECKS",
    "CLOCK_SKEW",
    "IGNORE",
    "REJECT",
    "WAIT",
    "Case",
    "Check",
    "Decision",
    "contenders",
    "decide",
    "would_approve",
)
