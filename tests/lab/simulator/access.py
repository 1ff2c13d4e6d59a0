# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what: a node's own rights, RBAC from the stored roles, and what a test allows one user."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from lab.simulator import kinds
from lab.simulator.store import Change
from lab.simulator.store import Store

Rule = Mapping[str, Any]
NODE_USER = "system:node:"
SERVICE_ACCOUNT_USER = "system:serviceaccount:"

_READ = ["get", "list", "watch"]
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY = [*_PUBLIC, "/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"]
# As Kubernetes makes them on its first start, as far as they matter here.
CLUSTER_ROLES: dict[str, list[Rule]] = {
    "cluster-admin": [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
    ],
    "system:basic-user": [
        {"apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"], "verbs": ["create"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
    ],
    "system:discovery": [{"nonResourceURLs": _DISCOVERY, "verbs": ["get"]}],
    "system:public-info-viewer": [{"nonResourceURLs": _PUBLIC, "verbs": ["get"]}],
    "system:node-bootstrapper": [
        {
            "apiGroups": [kinds.CERTIFICATES],
            "resources": ["certificatesigningrequests"],
            "verbs": ["create", *_READ],
        }
    ],
}
CLUSTER_ROLE_BINDINGS = {
    "cluster-admin": ["system:masters"],
    "system:basic-user": ["system:authenticated"],
    "system:discovery": ["system:authenticated"],
    "system:public-info-viewer": ["system:authenticated", "system:unauthenticated"],
}
NODE_RULES: list[Rule] = [
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["create", *_READ, "update", "patch"]},
    {"apiGroups": [""], "resources": ["nodes/status"], "verbs": ["update", "patch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "update", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": [*_READ, "create", "delete"]},
    {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["update", "patch"]},
    {
        "apiGroups": [kinds.CERTIFICATES],
        "resources": ["certificatesigningrequests"],
        "verbs": ["create", *_READ],
    },
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "create", "update", "patch", "delete"],
    },
]


@dataclass(frozen=True)
class Identity:
    """Who asks."""

    name: str
    groups: tuple[str, ...]
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict, hash=False)

    @property
    def node(self) -> str:
        """The node's name, when a node asks."""
        if self.name.startswith(NODE_USER) and "system:nodes" in self.groups:
            return self.name[len(NODE_USER) :]
        return ""


ANONYMOUS = Identity("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Question:
    """What is asked for; `resource` has its subresource behind a slash."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Access:
    """Answers questions from the roles and bindings in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._restricted: dict[str, list[Rule]] = {}
        self._known: dict[tuple[str, tuple[str, ...]], list[tuple[str, Rule]]] = {}
        store.observers.append(self._forget)

    def restrict(self, user: str, rules: Sequence[Rule]) -> None:
        self._restricted[user] = list(rules)

    def allows(self, identity: Identity, question: Question) -> tuple[bool, str]:
        """Whether, and for a refusal the words that come after the usual ones."""
        if identity.node and identity.name not in self._restricted:
            allowed, why = _node_allows(identity.node, question)
            if allowed or why:
                return allowed, why
        for namespace, rule in self._rules(identity):
            if namespace and namespace != question.namespace:
                continue
            if _matches(rule, question):
                return True, ""
        return False, ""

    def _rules(self, identity: Identity) -> list[tuple[str, Rule]]:
        if identity.name in self._restricted:
            basic = [*CLUSTER_ROLES["system:basic-user"], *CLUSTER_ROLES["system:discovery"]]
            return [("", rule) for rule in [*self._restricted[identity.name], *basic]]
        key = identity.name, identity.groups
        if key not in self._known:
            self._known[key] = self._bound(identity)
        return self._known[key]

    def _bound(self, identity: Identity) -> list[tuple[str, Rule]]:
        result: list[tuple[str, Rule]] = []
        for binding in self._store.items(kinds.CLUSTER_ROLE_BINDING):
            if _is_subject(identity, binding):
                result += [("", rule) for rule in self._role("", binding)]
        for binding in self._store.items(kinds.ROLE_BINDING):
            if _is_subject(identity, binding):
                namespace = binding["metadata"]["namespace"]
                result += [(namespace, rule) for rule in self._role(namespace, binding)]
        return result

    def _role(self, namespace: str, binding: Mapping[str, Any]) -> list[Rule]:
        reference = binding["roleRef"]
        if reference["kind"] == "ClusterRole":
            role = self._store.get(kinds.CLUSTER_ROLE, ("", reference["name"]))
        else:
            role = self._store.get(kinds.ROLE, (namespace, reference["name"]))
        return list((role or {}).get("rules") or [])

    def _forget(self, kind: kinds.Kind, change: Change) -> None:
        del change
        if kind.group == kinds.RBAC:
            self._known.clear()


def _is_subject(identity: Identity, binding: Mapping[str, Any]) -> bool:
    for subject in binding.get("subjects") or []:
        if subject["kind"] == "User" and subject["name"] == identity.name:
            return True
        if subject["kind"] == "Group" and subject["name"] in identity.groups:
            return True
        if subject["kind"] == "ServiceAccount":
            namespace = subject.get("namespace") or binding["metadata"].get("namespace", "")
            if identity.name == f"{SERVICE_ACCOUNT_USER}{namespace}:{subject['name']}":
                return True
    return False


def _node_allows(node: str, question: Question) -> tuple[bool, str]:
    """The node authorizer: a node reads itself, and objects that a pod of it needs (of which there are none here)."""
    reads = question.verb in _READ
    if question.resource == "nodes" and reads and not question.group:
        if question.name == node:
            return True, ""
        what = f"'{question.name}'" if question.name else "all nodes"
        return False, f"node '{node}' cannot read {what}, only its own Node object"
    if question.resource in ("secrets", "configmaps") and reads and not question.group:
        if not question.namespace or not question.name:
            return False, "can only read namespaced object of this type"
        return False, f"no relationship found between node '{node}' and this object"
    return any(_matches(rule, question) for rule in NODE_RULES), ""


def _matches(rule: Rule, question: Question) -> bool:
    if not _has(rule.get("verbs"), question.verb):
        return False
    if question.path:
        return any(
            pattern in ("*", question.path) or (pattern.endswith("*") and question.path.startswith(pattern[:-1]))
            for pattern in rule.get("nonResourceURLs") or []
        )
    names = rule.get("resourceNames")
    resources = rule.get("resources") or []
    subresource = "/" in question.resource and f"*/{question.resource.split('/')[1]}"
    return (
        _has(rule.get("apiGroups"), question.group)
        and (_has(resources, question.resource) or subresource in resources)
        and (not names or question.name in names)
    )


def _has(values: Sequence[str] | None, value: str) -> bool:
    return bool(values) and ("*" in values or value in values)  # type: ignore[operator]
