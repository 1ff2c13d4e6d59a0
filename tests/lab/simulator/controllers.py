# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kube-controller-manager does: sign approved requests, and follow the health of nodes."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Any

from lab.pki import Authority
from lab.simulator import certificates
from lab.simulator import kinds
from lab.simulator.admission import NOT_READY
from lab.simulator.kinds import Kind
from lab.simulator.resources import timestamp
from lab.simulator.store import Change
from lab.simulator.store import Item
from lab.simulator.store import Key
from lab.simulator.store import Store
from lab.simulator.store import key_of

SIGNERS = (certificates.CLIENT_SIGNER, *certificates.NODE_SIGNERS)
# What was seen on the real one.
SIGNING_SECONDS = (0.010, 0.040)
UNREACHABLE = "node.kubernetes.io/unreachable"
TAINTS = {"True": [], "False": [NOT_READY], "Unknown": [UNREACHABLE]}


class Signer:
    """Signs what is approved, or says why not."""

    def __init__(self, store: Store, authority: Authority) -> None:
        self._store = store
        self._authority = authority
        self._waiting: set[Key] = set()
        store.observers.append(self._notice)

    def _notice(self, kind: Kind, change: Change) -> None:
        if kind is not kinds.REQUEST or change.type == "DELETED":
            return
        key = key_of(change.item)
        if self._is_due(change.item) and key not in self._waiting:
            self._waiting.add(key)
            asyncio.get_running_loop().call_later(random.uniform(*SIGNING_SECONDS), self._sign, key)

    @staticmethod
    def _is_due(item: Item) -> bool:
        return (
            item["spec"]["signerName"] in SIGNERS
            and certificates.is_decided(item, "Approved")
            and not certificates.is_decided(item, "Denied")
            and not certificates.is_decided(item, "Failed")
            and not item["status"].get("certificate")
        )

    def _sign(self, key: Key) -> None:
        self._waiting.discard(key)
        item = self._store.get(kinds.REQUEST, key)
        if item is None or not self._is_due(item):
            return
        status = dict(item["status"])
        try:
            status["certificate"] = certificates.sign(item, self._authority)
        except ValueError as error:
            now = timestamp()
            condition = {
                "type": "Failed",
                "status": "True",
                "reason": "SignerValidationFailure",
                "message": str(error),
                "lastUpdateTime": now,
                "lastTransitionTime": now,
            }
            status["conditions"] = [*status["conditions"], condition]
        self._store.put(kinds.REQUEST, {**item, "status": status})


class NodeLifecycle:
    """A node without heartbeats goes Unknown; taints follow the Ready condition."""

    def __init__(self, store: Store, grace_seconds: float) -> None:
        self._store = store
        self._grace = grace_seconds
        self._last: dict[str, float] = {}
        self._writing = False
        store.observers.append(self._notice)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(min(0.5, self._grace / 4))
            self.check(time.monotonic())

    def check(self, now: float) -> None:
        """Marks the nodes whose last heartbeat is too long ago."""
        for name, last in list(self._last.items()):
            item = self._store.get(kinds.NODE, ("", name))
            if item is not None and now - last > self._grace and _ready(item) != "Unknown":
                self._mark_unknown(item)

    def _notice(self, kind: Kind, change: Change) -> None:
        if kind is kinds.LEASE and change.item["metadata"]["namespace"] == "kube-node-lease":
            self._beat(change.item["metadata"]["name"])
        if kind is not kinds.NODE or self._writing:
            return
        name = change.item["metadata"]["name"]
        if change.type == "DELETED":
            self._last.pop(name, None)
            return
        previous = (change.previous or {}).get("status")
        if previous != change.item.get("status"):
            self._beat(name)
        if _ready(change.item) and _lifecycle_taints(change.item) != _wanted_taints(change.item):
            asyncio.get_running_loop().call_later(0.02, self._taint, name)

    def _beat(self, name: str) -> None:
        self._last[name] = time.monotonic()

    def _mark_unknown(self, item: Item) -> None:
        now = timestamp()
        conditions = {each["type"]: each for each in (item.get("status") or {}).get("conditions") or []}
        for kind in ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready"):
            known = conditions.get(kind)
            conditions[kind] = {
                "type": kind,
                "status": "Unknown",
                "lastHeartbeatTime": (known or {}).get("lastHeartbeatTime") or item["metadata"]["creationTimestamp"],
                "lastTransitionTime": now,
                "reason": "NodeStatusUnknown" if known else "NodeStatusNeverUpdated",
                "message": "Kubelet stopped posting node status." if known else "Kubelet never posted node status.",
            }
        status = {**(item.get("status") or {}), "conditions": list(conditions.values())}
        self._put(_with_taints({**item, "status": status}))

    def _taint(self, name: str) -> None:
        item = self._store.get(kinds.NODE, ("", name))
        if item is not None and _lifecycle_taints(item) != _wanted_taints(item):
            self._put(_with_taints(item))

    def _put(self, item: Item) -> None:
        # Its own writes are no heartbeats.
        self._writing = True
        try:
            self._store.put(kinds.NODE, item)
        finally:
            self._writing = False


def publish_root_ca(store: Store, pem: str) -> None:
    """ConfigMap kube-root-ca.crt in every namespace, now and later."""

    def furnish(namespace: str) -> None:
        metadata = {"name": "kube-root-ca.crt", "namespace": namespace, "creationTimestamp": timestamp()}
        uid = str(uuid.uuid4())
        store.put(
            kinds.CONFIG_MAP,
            {
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {**metadata, "uid": uid},
                "data": {"ca.crt": pem},
            },
        )

    def notice(kind: Kind, change: Change) -> None:
        if kind is kinds.NAMESPACE and change.type == "ADDED":
            furnish(change.item["metadata"]["name"])

    store.observers.append(notice)


def _ready(item: Item) -> str:
    for condition in (item.get("status") or {}).get("conditions") or []:
        if condition["type"] == "Ready":
            return str(condition["status"])
    return ""


def _wanted_taints(item: Item) -> set[tuple[str, str]]:
    return {(key, "NoSchedule") for key in TAINTS.get(_ready(item), [])}


def _lifecycle_taints(item: Item) -> set[tuple[str, str]]:
    return {(taint["key"], taint["effect"]) for taint in _taints(item) if taint["key"] in (NOT_READY, UNREACHABLE)}


def _with_taints(item: Item) -> Item:
    wanted = _wanted_taints(item)
    kept: list[dict[str, Any]] = [
        taint
        for taint in _taints(item)
        if taint["key"] not in (NOT_READY, UNREACHABLE) or (taint["key"], taint["effect"]) in wanted
    ]
    new = wanted - {(taint["key"], taint["effect"]) for taint in kept}
    kept += [{"key": key, "effect": effect, "timeAdded": timestamp()} for key, effect in sorted(new)]
    spec = {key: value for key, value in (item.get("spec") or {}).items() if key != "taints"}
    return {**item, "spec": {**spec, "taints": kept} if kept else spec}


def _taints(item: Item) -> list[dict[str, Any]]:
    return (item.get("spec") or {}).get("taints") or []
