# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An account that lives as long as one join and may do what a join needs, no more. Private to the collection.

It lies in kube-system: the namespace is always there, and whoever may write there is an administrator anyway. All of
its objects carry the run's id, the time after which nobody can need them, and the process that made them, so that the
next run finds what a killed one has left, and leaves alone what another one uses.
"""

from __future__ import annotations

import os
import secrets
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import TooManyRequests
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unauthorized
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unavailable
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import Right
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import missing_rights
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import needed_rights
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import review_access
from ansible_collections.multiarch.openshift.plugins.module_utils._world import rfc3339
from ansible_collections.multiarch.openshift.plugins.module_utils._world import timestamp

NAMESPACE = "kube-system"
RBAC = "rbac.authorization.k8s.io"
RUN_LABEL = "multiarch.openshift/run"
EXPIRES = "multiarch.openshift/expires"
PROCESS = "multiarch.openshift/process"
# In the order of their removal: without its binding the account may do nothing any more.
KINDS: tuple[tuple[str, str, str | None], ...] = (
    (f"{RBAC}/v1", "ClusterRoleBinding", None),
    ("v1", "ServiceAccount", NAMESPACE),
    (f"{RBAC}/v1", "ClusterRole", None),
)
# The token lives longer than the last machine may take by this much: the end of the loop, clocks that differ.
MARGIN_SECONDS = 900.0
SHORTEST_TOKEN = 600.0
# The API's authorizer learns of a binding by a watch, after a fraction of a second.
EFFECT_SECONDS = 30.0
REMOVAL_SECONDS = 30.0

Object = dict[str, t.Any]


def granted_rights(*, patch_nodes: bool) -> list[Right]:
    """What the account is given: what the join needs, and to know which cluster it is."""
    return [*needed_rights(approve=True, patch_nodes=patch_nodes), Right("get", "namespaces", name=NAMESPACE)]


def useful_rights() -> list[Right]:
    """What the account is given besides, where the one who makes it has it in the whole cluster."""
    return [
        Right("get", "serviceaccounts", name="node-bootstrapper"),
        Right("get", "configmaps", name="csr-controller-ca"),
    ]


def maker_rights() -> list[Right]:
    """What making and removing the account needs, beside what it is given: nobody can give what he does not have."""
    rights = [Right(verb, "serviceaccounts", namespace=NAMESPACE) for verb in ("create", "list", "delete")]
    rights.append(Right("create", "serviceaccounts", subresource="token", namespace=NAMESPACE))
    for resource in ("clusterroles", "clusterrolebindings"):
        rights += [Right(verb, resource, RBAC) for verb in ("create", "list", "delete")]
    return rights


def policy_rules(rights: t.Iterable[Right]) -> list[Object]:
    """The rights as RBAC's PolicyRules, one per resource and name."""
    rules: dict[tuple[str, str, str], Object] = {}
    for right in rights:
        resource = f"{right.resource}/{right.subresource}" if right.subresource else right.resource
        rule = rules.setdefault(
            (right.group, resource, right.name), {"apiGroups": [right.group], "resources": [resource], "verbs": []}
        )
        if right.name:
            rule["resourceNames"] = [right.name]
        rule["verbs"].append(right.verb)
    return list(rules.values())


class TemporaryAccount:
    """A context in which the account is there; ``connect`` gives the cluster as that account.

    :param own: the cluster as the one who makes it
    :param until: API time until which the token must live
    :param say: takes a line for people
    """

    def __init__(self, own: t.Any, *, until: float, patch_nodes: bool, say: t.Callable[[str], None]) -> None:
        self.name = f"multiarch-openshift-{secrets.token_hex(5)}"
        self.remains = ""
        self._own = own
        self._until = until
        self._patch_nodes = patch_nodes
        self._say = say

    def __enter__(self) -> TemporaryAccount:
        granted = granted_rights(patch_nodes=self._patch_nodes)
        review_access(self._own, [*maker_rights(), *granted], manifest="docs/rbac-temporary.yml")
        missing = missing_rights(self._own, useful_rights())
        self._rights = [*granted, *(right for right in useful_rights() if right not in missing)]
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        self._say(f"The account {self.name} is there for this run")
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self._remove()
        except BaseException:
            # Interrupted in the middle of it: what is begun is brought to its end.
            self._remove()
            raise

    def connect(self) -> t.Any:
        """The cluster as this account, with a token of its own.

        :raises OperationError: the API does not give a token that lives long enough
        """
        seconds = max(SHORTEST_TOKEN, self._until - self._now() + MARGIN_SECONDS)
        token, expires = self._own.account_token(NAMESPACE, self.name, int(seconds))
        if (timestamp(expires) or 0.0) < self._until:
            raise OperationError(
                f"The API at {self._own.server} gives tokens until {expires} at the longest, and the last machine of"
                f" this run may take until {rfc3339(self._until)}.",
                "Shorten approve_csrs_timeout, or use approve_csrs_account: none.",
            )
        return self._own.with_token(token)

    def _make(self) -> None:
        metadata: Object = {
            "name": self.name,
            "labels": {RUN_LABEL: self.name.rpartition("-")[2]},
            "annotations": {EXPIRES: rfc3339(self._until + 2 * MARGIN_SECONDS), PROCESS: this_process()},
        }
        subject = {"kind": "ServiceAccount", "name": self.name, "namespace": NAMESPACE}
        role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": self.name}
        contents: dict[str, Object] = {
            "ServiceAccount": {"automountServiceAccountToken": False},
            "ClusterRole": {"rules": policy_rules(self._rights)},
            "ClusterRoleBinding": {"roleRef": role, "subjects": [subject]},
        }
        for api_version, kind, namespace in reversed(KINDS):
            self._own.create(api_version, kind, {"metadata": metadata, **contents[kind]}, namespace)
        self._await_effect()

    def _await_effect(self) -> None:
        """Wait until the API grants what was written."""
        until = time.monotonic() + EFFECT_SECONDS
        cluster = self.connect()
        while True:
            try:
                missing = missing_rights(cluster, self._rights)
            except Unauthorized:
                missing = self._rights
            if not missing:
                return
            if time.monotonic() > until:
                raise OperationError(
                    f"The account {self.name} may still not {missing[0]}, {EFFECT_SECONDS:.0f} s after it was made.",
                    "Use approve_csrs_account: none.",
                )
            time.sleep(0.1)

    def _remove(self) -> None:
        """Remove all three; what is not removed is in ``remains``, as the command that does it."""
        left = []
        until = time.monotonic() + REMOVAL_SECONDS
        for api_version, kind, namespace in KINDS:
            error = _delete(self._own, api_version, kind, self.name, namespace, until=until)
            if error is not None:
                left.append((kind, error))
        if left:
            where = f" -n {NAMESPACE}" if any(kind == "ServiceAccount" for kind, _error in left) else ""
            command = f"oc delete {','.join(kind.lower() for kind, _error in left)} {self.name}{where}"
            self.remains = f"The account of this run is not removed completely: {left[0][1]} Remove it: {command}"
            self._say(f"WARNING  {self.remains}")

    def _now(self) -> float:
        return time.time() + self._own.clock_offset


def _delete(
    own: t.Any, api_version: str, kind: str, name: str, namespace: str | None, *, until: float
) -> OperationError | None:
    """Delete, again where the API was away; the last error where that did not help."""
    while True:
        try:
            own.delete(api_version, kind, name, namespace)
        except (Unavailable, TooManyRequests) as error:
            if time.monotonic() > until:
                return error
            time.sleep(min(error.retry_after, 5.0))
        except OperationError as error:
            return error
        else:
            return None


def remove_leftovers(own: t.Any, say: t.Callable[[str], None]) -> None:
    """Remove the accounts of runs that are no more.

    :raises OperationError: the account may not do that
    """
    rights = [right for right in maker_rights() if right.verb in ("list", "delete")]
    review_access(own, rights, manifest="docs/rbac-temporary.yml")
    names = set()
    for api_version, kind, namespace in KINDS:
        for item in own.list(api_version, kind, namespace, label_selector=RUN_LABEL)[0]:
            if is_left_over(item["metadata"].get("annotations") or {}, time.time() + own.clock_offset):
                own.delete(api_version, kind, item["metadata"]["name"], namespace)
                names.add(item["metadata"]["name"])
    for name in sorted(names):
        say(f"The account {name} of an earlier run is removed")


def is_left_over(annotations: t.Mapping[str, str], now: float) -> bool:
    """Whether nobody can need an account any more: its time is over, or its process is surely gone."""
    expires = timestamp(annotations.get(EXPIRES))
    return (expires is not None and expires < now) or _is_gone(annotations.get(PROCESS) or "")


def this_process() -> str:
    """This process, so that another one of the same system can tell whether it still runs; empty where nobody can."""
    start = _start_of(os.getpid())
    return f"{_place()} {os.getpid()} {start}" if start else ""


def _is_gone(process: str) -> bool:
    place, _space, rest = process.rpartition(" ")[0].rpartition(" ")
    start = process.rpartition(" ")[2]
    # Of a process of another system, or in another container, nothing is known.
    return bool(place) and place == _place() and rest.isdigit() and _start_of(int(rest)) != start


def _place() -> str:
    """This system since it was started, and the space in which process numbers mean the same."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:
            return f"{stream.read().strip()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _start_of(number: int) -> str:
    """When this process was started, in ticks; empty where there is none."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as stream:
            # the program's name may hold spaces and parentheses
            state, *rest = stream.read().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if state == "Z" else rest[18]


__all__ = (
    "TemporaryAccount",
    "granted_rights",
    "is_left_over",
    "maker_rights",
    "policy_rules",
    "remove_leftovers",
    "this_process",
    "useful_rights",
)
