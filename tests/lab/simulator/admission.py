# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Admission: what NodeRestriction, CertificateApproval, CertificateSubjectRestriction and TaintNodesByCondition do."""

from __future__ import annotations

from typing import Any

from lab.simulator import certificates
from lab.simulator import kinds
from lab.simulator.access import NODE_USER
from lab.simulator.access import Access
from lab.simulator.access import Identity
from lab.simulator.access import Question
from lab.simulator.errors import StatusError
from lab.simulator.errors import details
from lab.simulator.kinds import Kind

Item = dict[str, Any]

NOT_READY = "node.kubernetes.io/not-ready"
# Labels of these domains are the administrator's, but for the ones that kubelets set.
RESERVED_DOMAINS = ("kubernetes.io", "k8s.io")
KUBELET_LABELS = {
    "kubernetes.io/arch",
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
}
KUBELET_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")


def forbidden(kind: Kind, name: str, words: str) -> StatusError:
    subject = f'{kind.qualified} "{name}" is forbidden' if name else f"{kind.qualified} is forbidden"
    return StatusError(403, f"{subject}: {words}", details=details(kind.group, kind.plural, name))


def admit_create(kind: Kind, item: Item, identity: Identity) -> Item:
    """The object as it may be created, or 403."""
    name = item["metadata"].get("name") or item["metadata"].get("generateName", "")
    if identity.node:
        _restrict_node(kind, item, None, identity.node, name)
    if kind is kinds.NODE:
        taints = item.get("spec", {}).get("taints") or []
        if not any(taint.get("key") == NOT_READY and taint.get("effect") == "NoSchedule" for taint in taints):
            taints = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]
        item = {**item, "spec": {**item.get("spec", {}), "taints": taints}}
    return item


def admit_request(kind: Kind, item: Item) -> None:
    """A request that was validated: nobody asks to be system:masters."""
    spec = item["spec"]
    if spec["signerName"] != certificates.CLIENT_SIGNER:
        return
    if "system:masters" in certificates.parse(spec["request"]).organizations:
        words = f"use of {certificates.CLIENT_SIGNER} signer with system:masters group is not allowed"
        raise forbidden(kind, item["metadata"]["name"], words)


def admit_update(kind: Kind, subresource: str, new: Item, old: Item, identity: Identity, access: Access) -> None:
    name = old["metadata"]["name"]
    if identity.node:
        _restrict_node(kind, new, old, identity.node, name)
    if kind is kinds.REQUEST and subresource == "approval":
        signer = old["spec"]["signerName"]
        domain = signer.split("/")[0]
        questions = [Question("approve", kinds.CERTIFICATES, "signers", name=each) for each in (signer, f"{domain}/*")]
        if not any(access.allows(identity, question)[0] for question in questions):
            raise forbidden(kind, name, f'user not permitted to approve requests with signerName "{signer}"')


def _restrict_node(kind: Kind, new: Item, old: Item | None, node: str, name: str) -> None:
    if kind is kinds.REQUEST and old is None:
        _restrict_request(kind, new, node, name)
    if kind is kinds.LEASE and (new["metadata"].get("namespace"), name) != ("kube-node-lease", node):
        raise forbidden(kind, name, "can only access node lease with the same name as the requesting node")
    if kind is not kinds.NODE:
        return
    if name != node:
        raise forbidden(kind, name, f'node "{node}" is not allowed to modify node "{name}"')
    if old is None:
        reserved = _reserved(new["metadata"].get("labels") or {})
        if reserved:
            words = f'node "{node}" is not allowed to set the following labels: {", ".join(reserved)}'
            raise forbidden(kind, name, words)
        return
    if (new.get("spec") or {}).get("taints") != (old.get("spec") or {}).get("taints"):
        raise forbidden(kind, name, f'node "{node}" is not allowed to modify taints')
    before, after = old["metadata"].get("labels") or {}, new["metadata"].get("labels") or {}
    changed = {key: "" for key in {*before, *after} if before.get(key) != after.get(key)}
    reserved = _reserved(changed)
    if reserved:
        raise forbidden(kind, name, f"is not allowed to modify labels: {', '.join(reserved)}")


def _restrict_request(kind: Kind, new: Item, node: str, name: str) -> None:
    spec = new.get("spec") or {}
    if spec.get("signerName") not in certificates.NODE_SIGNERS:
        return
    try:
        common_name = certificates.parse(spec.get("request") or "").common_name
    except ValueError:
        return  # validation says it better
    if common_name != NODE_USER + node:
        raise forbidden(kind, name, f"can only create a node CSR with CN={NODE_USER}{node}")


def _reserved(labels: Item) -> list[str]:
    result = []
    for key in sorted(labels):
        domain = key.split("/")[0] if "/" in key else ""
        if key in KUBELET_LABELS or _within(domain, KUBELET_DOMAINS):
            continue
        if _within(domain, RESERVED_DOMAINS):
            result.append(key)
    return result


def _within(domain: str, domains: tuple[str, ...]) -> bool:
    return any(domain == each or domain.endswith("." + each) for each in domains)
