# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cluster looks like to the decision: plain objects with an index. Private to the collection.

The index answers "which requests claim this node" and "which Node holds this address" without a pass over everything,
so that 200 machines cost no more per event than one.
"""

from __future__ import annotations

import calendar
import functools
import time
import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._deny import DenyList
from ansible_collections.multiarch.openshift.plugins.module_utils._request import NODE_PREFIX
from ansible_collections.multiarch.openshift.plugins.module_utils._request import Address
from ansible_collections.multiarch.openshift.plugins.module_utils._request import parse_request
from ansible_collections.multiarch.openshift.plugins.module_utils._san import kubelet_names

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
SIGNERS = (CLIENT_SIGNER, SERVING_SIGNER)
BOOTSTRAPPER = "system:serviceaccount:openshift-machine-config-operator:node-bootstrapper"


@dataclass(frozen=True)
class Parameters:
    """The knobs of the decision. All times in seconds."""

    max_csr_age: float = 900.0
    max_approvals: int = 3
    ambiguous: str = "fail"
    bind_credential: str = "auto"


@dataclass
class World:
    """Nodes, requests of the two signers, and what is known of the cluster and of this run."""

    parameters: Parameters = field(default_factory=Parameters)
    deny: DenyList = field(default_factory=DenyList)
    bootstrapper_uid: str | None = None
    # UIDs of the requests that this run approved, and when; kept when the API forgets the request.
    approved_here: dict[str, Approval] = field(default_factory=dict)
    nodes: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    csrs: dict[str, dict[str, t.Any]] = field(default_factory=dict)
    # Whether a request is written as a kubelet's, by UID; and the last answer about who contends for a node.
    profiles: dict[str, bool] = field(default_factory=dict)
    contenders: tuple[tuple[str, str, float], list[dict[str, t.Any]]] | None = None
    # The oldest client request of each key, by node and key; kept until a request for the node comes or goes.
    first_of_key: dict[str, dict[str, dict[str, t.Any]]] = field(default_factory=dict)
    # UID of each request to the node that it claims: what was read once is not read again.
    claimed: dict[str, str | None] = field(default_factory=dict)
    _claims: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    _holders: dict[Address, set[str]] = field(default_factory=dict)

    def put_csr(self, csr: dict[str, t.Any]) -> None:
        uid = csr["metadata"]["uid"]
        if uid not in self.csrs:
            claim = self.claimed[uid] = claimed_node(csr)
            if claim is not None:
                self._claims.setdefault((csr["spec"]["signerName"], claim), set()).add(uid)
        self.csrs[uid] = csr
        self.contenders = None
        self.first_of_key.pop(self.claimed[uid] or "", None)

    def remove_csr(self, uid: str) -> None:
        csr = self.csrs.pop(uid, None)
        self.profiles.pop(uid, None)
        claim = self.claimed.pop(uid, None)
        self.contenders = None
        self.first_of_key.pop(claim or "", None)
        if csr is not None and claim is not None:
            self._claims[csr["spec"]["signerName"], claim].discard(uid)

    def replace_csrs(self, signer: str, csrs: t.Sequence[dict[str, t.Any]]) -> None:
        """Take the list of one signer as the whole truth."""
        present = {csr["metadata"]["uid"] for csr in csrs}
        gone = [uid for uid, csr in self.csrs.items() if csr["spec"]["signerName"] == signer and uid not in present]
        for uid in gone:
            self.remove_csr(uid)
        for csr in csrs:
            self.put_csr(csr)

    def put_node(self, node: dict[str, t.Any]) -> None:
        name = node["metadata"]["name"]
        self.remove_node(name)
        self.nodes[name] = node
        for address in kubelet_names(node)[1]:
            self._holders.setdefault(address, set()).add(name)

    def remove_node(self, name: str) -> None:
        node = self.nodes.pop(name, None)
        for address in kubelet_names(node)[1] if node else ():
            self._holders[address].discard(name)

    def replace_nodes(self, nodes: t.Sequence[dict[str, t.Any]]) -> None:
        """Take the list of Nodes as the whole truth."""
        for name in self.nodes.keys() - {node["metadata"]["name"] for node in nodes}:
            self.remove_node(name)
        for node in nodes:
            self.put_node(node)

    def claims(self, signer: str, node_name: str) -> list[dict[str, t.Any]]:
        """The requests that claim this node, oldest first."""
        return sorted((self.csrs[uid] for uid in self._claims.get((signer, node_name), ())), key=seniority)

    def holders(self, address: Address) -> set[str]:
        """Names of the Nodes that report this address."""
        return self._holders.get(address, set())


@dataclass(frozen=True)
class Approval:
    """An approval that this run gave."""

    node_name: str
    signer: str
    at: float


def claimed_node(csr: t.Mapping[str, t.Any]) -> str | None:
    """The node that a request of one of the two signers is about; None where it cannot be a new machine's request."""
    spec = csr["spec"]
    username = spec.get("username") or ""
    if spec.get("signerName") == SERVING_SIGNER:
        return username[len(NODE_PREFIX) :] if username.startswith(NODE_PREFIX) else None
    if spec.get("signerName") == CLIENT_SIGNER and (username == BOOTSTRAPPER or username.startswith(NODE_PREFIX)):
        return parse_request(spec.get("request") or "").node_name
    return None


def seniority(csr: t.Mapping[str, t.Any]) -> tuple[float, int, str]:
    """Sort key by age. Creation times have whole seconds; among equals the lower resourceVersion is the older."""
    metadata = csr["metadata"]
    version = metadata.get("resourceVersion") or ""
    return (created(csr), int(version) if version.isdigit() else 0, metadata["name"])


def created(item: t.Mapping[str, t.Any]) -> float:
    """Creation time of an object, in API time."""
    return timestamp(item["metadata"].get("creationTimestamp")) or 0.0


@functools.lru_cache(maxsize=8192)
def timestamp(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time, fractions dropped; None for none."""
    if not text:
        return None
    head, zone = text[:19], text[19:].lstrip(".0123456789")
    try:
        seconds = float(calendar.timegm(time.strptime(head, "%Y-%m-%dT%H:%M:%S")))
        if zone in ("Z", "z", ""):
            return seconds
        hours, minutes = zone[1:].split(":")
        offset = 3600 * int(hours) + 60 * int(minutes)
    except ValueError:
        return None
    return seconds + offset if zone[0] == "-" else seconds - offset


def rfc3339(seconds: float) -> str:
    """Seconds since the epoch as the API writes a time; what :func:`timestamp` reads."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def is_decided(csr: t.Mapping[str, t.Any]) -> bool:
    """Whether somebody has approved or denied a request, or its signer has acted on it."""
    status = csr.get("status") or {}
    return bool(status.get("conditions") or status.get("certificate"))


def condition(csr: t.Mapping[str, t.Any], kind: str) -> dict[str, t.Any] | None:
    """The condition of this type of a request, if any."""
    for entry in (csr.get("status") or {}).get("conditions") or []:
        if entry.get("type") == kind:
            return entry
    return None


def approved_at(csr: t.Mapping[str, t.Any]) -> float | None:
    """When a request was approved; None where it is not."""
    entry = condition(csr, "Approved")
    if entry is None:
        return None
    return timestamp(entry.get("lastUpdateTime")) or timestamp(entry.get("lastTransitionTime")) or created(csr)


__all__ = (
    "BOOTSTRAPPER",
    "CLIENT_SIGNER",
    "SERVING_SIGNER",
    "SIGNERS",
    "Approval",
    "Parameters",
    "World",
    "approved_at",
    "claimed_node",
    "condition",
    "created",
    "is_decided",
    "rfc3339",
    "seniority",
    "timestamp",
)
