# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects and the history of their changes, under one revision counter as in etcd.

Objects are never changed in place: a write puts a new one. So history and readers share them without copies.
"""

from __future__ import annotations

import asyncio
import bisect
import json
from collections.abc import Callable
from typing import Any

from lab.simulator.errors import StatusError
from lab.simulator.kinds import Kind

Item = dict[str, Any]
Key = tuple[str, str]


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def key_of(item: Item) -> Key:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


class Change:
    """One write: what is now (what was last, for a deletion) and what was before."""

    __slots__ = ("_line", "item", "previous", "revision", "type")

    def __init__(self, revision: int, kind: str, item: Item, previous: Item | None) -> None:
        self.revision = revision
        self.type = kind
        self.item = item
        self.previous = previous
        self._line: bytes | None = None

    def line(self) -> bytes:
        """The watch event; made once for all watchers."""
        if self._line is None:
            self._line = encode({"type": self.type, "object": self.item}) + b"\n"
        return self._line


class Store:
    """All objects of all kinds."""

    def __init__(self, history: int = 20000) -> None:
        self.revision = 1
        self.observers: list[Callable[[Kind, Change], None]] = []
        self._history_length = history
        self._items: dict[Kind, dict[Key, Item]] = {}
        self._changes: dict[Kind, list[Change]] = {}
        self._forgotten: dict[Kind, int] = {}
        self._watchers: dict[Kind, set[asyncio.Event]] = {}

    def get(self, kind: Kind, key: Key) -> Item | None:
        return self._items.get(kind, {}).get(key)

    def items(self, kind: Kind) -> list[Item]:
        """All objects in the order of their keys."""
        return [item for _unused, item in sorted(self._items.get(kind, {}).items())]

    def put(self, kind: Kind, item: Item) -> Item:
        """Stores an object under the next revision; returns it as stored."""
        self.revision += 1
        key = key_of(item)
        item = {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.revision)}}
        items = self._items.setdefault(kind, {})
        previous = items.get(key)
        items[key] = item
        self._record(kind, Change(self.revision, "MODIFIED" if previous else "ADDED", item, previous))
        return item

    def remove(self, kind: Kind, key: Key) -> Item:
        self.revision += 1
        previous = self._items[kind].pop(key)
        item = {**previous, "metadata": {**previous["metadata"], "resourceVersion": str(self.revision)}}
        self._record(kind, Change(self.revision, "DELETED", item, previous))
        return item

    def since(self, kind: Kind, revision: int) -> list[Change]:
        """Changes after a revision; 410 when it is forgotten."""
        forgotten = self._forgotten.get(kind, 0)
        if revision < forgotten:
            raise StatusError(410, f"too old resource version: {revision} ({forgotten})")
        changes = self._changes.get(kind, [])
        return changes[bisect.bisect_right(changes, revision, key=lambda change: change.revision) :]

    def at(self, kind: Kind, revision: int) -> list[Item]:
        """All objects as they were at a revision, so that the pages of a list are one list."""
        items = dict(self._items.get(kind, {}))
        for change in reversed(self.since(kind, revision)):
            if change.previous is None:
                items.pop(key_of(change.item), None)
            else:
                items[key_of(change.item)] = change.previous
        return [item for _unused, item in sorted(items.items())]

    def forget(self) -> None:
        """Compaction: every revision up to now is too old, for all kinds."""
        for kind in self._items:
            self._changes[kind] = []
            self._forgotten[kind] = self.revision

    def watch(self, kind: Kind) -> asyncio.Event:
        """An event that is set with every change of this kind; hand it back with `unwatch`."""
        event = asyncio.Event()
        self._watchers.setdefault(kind, set()).add(event)
        return event

    def unwatch(self, kind: Kind, event: asyncio.Event) -> None:
        self._watchers[kind].discard(event)

    def _record(self, kind: Kind, change: Change) -> None:
        changes = self._changes.setdefault(kind, [])
        changes.append(change)
        if len(changes) > 2 * self._history_length:
            del changes[: self._history_length]
            self._forgotten[kind] = changes[0].revision - 1
        for event in self._watchers.get(kind, ()):
            event.set()
        for observer in self.observers:
            observer(kind, change)
