# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches: events since a revision, bookmarks, the end of the time, and what faults do to them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from lab.simulator.errors import StatusError
from lab.simulator.kinds import Kind
from lab.simulator.selectors import Match
from lab.simulator.store import Change
from lab.simulator.store import Item
from lab.simulator.store import Store
from lab.simulator.store import encode

INITIAL_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One open watch."""

    def __init__(
        self,
        store: Store,
        kind: Kind,
        namespace: str,
        match: Match | None,
        query: Mapping[str, str],
        *,
        path: str,
        bookmark_seconds: float,
    ) -> None:
        self.path = path
        self._store = store
        self._kind = kind
        self._namespace = namespace
        self._match = match
        self._bookmarks = query.get("allowWatchBookmarks") == "true"
        self._bookmark_seconds = bookmark_seconds
        self._seconds = float(query.get("timeoutSeconds") or random.uniform(1800, 3600))
        self._wants_initial = query.get("sendInitialEvents") == "true"
        version = query.get("resourceVersion") or ""
        if version and not version.isdigit():
            words = f'resourceVersion: Invalid value: "{version}": strconv.ParseUint: parsing "{version}": '
            raise StatusError(500, words + "invalid syntax", reason="")
        self._position = int(version) if version else 0
        self._transport: asyncio.BaseTransport | None = None
        self._silent = False
        self._gone = False
        self._wake = asyncio.Event()

    def drop(self) -> None:
        """Cuts the connection."""
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    def silence(self) -> None:
        self._silent = True

    def expire(self) -> None:
        self._gone = True
        self._wake.set()

    async def run(self, request: web.Request) -> web.StreamResponse:
        self._transport = request.transport
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        # The status line goes out at once, even when the first event takes long.
        await response.write(b"")
        self._wake = self._store.watch(self._kind)
        try:
            # Most watches end when the client goes away.
            with contextlib.suppress(ConnectionError):
                await self._serve_to_the_end(response)
        finally:
            self._store.unwatch(self._kind, self._wake)
        return response

    async def _serve_to_the_end(self, response: web.StreamResponse) -> None:
        try:
            await self._serve(response)
        except StatusError as error:
            await response.write(encode({"type": "ERROR", "object": error.body()}) + b"\n")
        await response.write_eof()

    async def _serve(self, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._seconds
        next_bookmark = loop.time() + self._bookmark_seconds
        from_now = not self._position or self._wants_initial
        initial = self._initial() if from_now else b""
        if from_now and self._bookmarks:
            initial += self._bookmark(INITIAL_END)
        if initial and not self._silent:
            await response.write(initial)
        while True:
            self._wake.clear()
            if self._gone:
                raise StatusError(410, f"too old resource version: {self._position} ({self._store.revision})")
            lines = b"".join(self._lines(self._store.since(self._kind, self._position)))
            self._position = max(self._position, self._store.revision)
            now = loop.time()
            if self._bookmarks and (now >= next_bookmark or now >= end):
                lines += self._bookmark()
                next_bookmark = now + self._bookmark_seconds
            if lines and not self._silent:
                await response.write(lines)
            if now >= end and not self._silent:
                return
            until = min(end, next_bookmark) if self._bookmarks else end
            if self._silent:
                until = now + 3600
            try:
                await asyncio.wait_for(self._wake.wait(), max(0.0, until - now))
            except asyncio.TimeoutError:
                continue

    def _initial(self) -> bytes:
        """Everything that is there now, for a watch without a revision (or with 0)."""
        self._position = self._store.revision
        items = [item for item in self._store.items(self._kind) if self._selects(item)]
        return b"".join(encode({"type": "ADDED", "object": item}) + b"\n" for item in items)

    def _lines(self, changes: list[Change]) -> list[bytes]:
        """Events as this watch sees them: an object that stops to match is deleted, one that starts is added."""
        result = []
        for change in changes:
            now = change.type != "DELETED" and self._selects(change.item)
            before = change.previous is not None and self._selects(change.previous)
            if now and before:
                result.append(_line(change, "MODIFIED"))
            elif now:
                result.append(_line(change, "ADDED"))
            elif before:
                result.append(_line(change, "DELETED"))
        return result

    def _selects(self, item: Item) -> bool:
        if self._namespace and item["metadata"].get("namespace") != self._namespace:
            return False
        return self._match is None or self._match(item)

    def _bookmark(self, annotations: Mapping[str, str] | None = None) -> bytes:
        metadata: dict[str, Any] = {"resourceVersion": str(self._position)}
        if annotations:
            metadata["annotations"] = dict(annotations)
        item = {"kind": self._kind.kind, "apiVersion": self._kind.api_version, "metadata": metadata}
        return encode({"type": "BOOKMARK", "object": item}) + b"\n"


def _line(change: Change, kind: str) -> bytes:
    if change.type == kind:
        return change.line()
    # What leaves a selection is shown as it was, under the revision at which it left.
    item = change.item
    if kind == "DELETED" and change.previous is not None:
        metadata = {**change.previous["metadata"], "resourceVersion": item["metadata"]["resourceVersion"]}
        item = {**change.previous, "metadata": metadata}
    return encode({"type": kind, "object": item}) + b"\n"
