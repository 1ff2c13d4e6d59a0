# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collections of the API, followed by list and watch. Private to the collection.

Each feed is a thread that reports into one queue, and whoever reads the queue decides alone. A report is either the
whole list, which replaces what was known, or one event. What can go wrong on the way ends in a new list: a stream that
falls silent or breaks, a version that the API has forgotten, an API that restarts. And without any reason the list
comes again every minute.
"""

from __future__ import annotations

import math
import queue
import random
import threading
import time
import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._kube import ApiError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Gone
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import TooManyRequests
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unavailable

RELIST_SECONDS = 60.0
# A stream without any byte for so long counts as half open. Bookmarks come about once a minute, so a quiet
# collection is listed again now and then, which costs little.
SILENCE_SECONDS = 20.0
BACK_OFF_SECONDS = (0.5, 10.0)

LISTED, EVENT, TROUBLE, FAILED = "listed", "event", "trouble", "failed"


@dataclass(frozen=True)
class Collection:
    """What to follow."""

    name: str
    api_version: str
    kind: str
    field_selector: str | None = None


@dataclass(frozen=True)
class Report:
    """What a feed saw: a list, an event, trouble that it deals with itself, or an error that ends it."""

    collection: str
    kind: str
    items: tuple[dict[str, t.Any], ...] = ()
    event: dict[str, t.Any] = field(default_factory=dict)
    error: ApiError | None = None
    seen: float = 0.0
    feed: Feed | None = field(default=None, compare=False, repr=False)


class Source(t.Protocol):
    """The two requests that a feed makes."""

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, field_selector: str | None = None
    ) -> tuple[list[dict[str, t.Any]], str]: ...

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        resource_version: str,
        field_selector: str | None = None,
        timeout_seconds: int = 270,
        read_timeout: float = 30.0,
    ) -> t.Iterator[dict[str, t.Any]]: ...


class Feed(threading.Thread):
    """Follows one collection until it is stopped."""

    def __init__(
        self,
        source: Source,
        collection: Collection,
        reports: queue.Queue[t.Any],
        *,
        relist_seconds: float = RELIST_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
        back_off_seconds: tuple[float, float] = BACK_OFF_SECONDS,
    ) -> None:
        super().__init__(name=f"feed {collection.name}", daemon=True)
        self._source = source
        self._collection = collection
        self._reports = reports
        self._relist_seconds = relist_seconds
        self._silence_seconds = silence_seconds
        self._back_off_seconds = back_off_seconds
        self._stopped = threading.Event()
        self._failures = 0

    def stop(self) -> None:
        """Ask the thread to end; a read under way ends at the latest with its silence."""
        self._stopped.set()

    def run(self) -> None:
        while not self._stopped.is_set():
            begun = time.monotonic()
            try:
                self._follow()
            except Gone:
                # The list is the cure; only an API that forgets its own list at once is let alone for a while.
                self._wait_after(begun)
            except TooManyRequests as error:
                self._report(TROUBLE, error=error)
                self._stopped.wait(error.retry_after)
            except Unavailable as error:
                self._report(TROUBLE, error=error)
                self._wait_after(begun)
            except ApiError as error:
                self._report(FAILED, error=error)
                return

    def _follow(self) -> None:
        """List once, then watch from there until the next list is due."""
        collection = self._collection
        items, version = self._source.list(
            collection.api_version, collection.kind, field_selector=collection.field_selector
        )
        self._report(LISTED, items=tuple(items))
        due = time.monotonic() + self._relist_seconds
        while not self._stopped.is_set():
            remaining = due - time.monotonic()
            if remaining <= 0:
                break
            begun = time.monotonic()
            version = self._watch(version, remaining)
            if time.monotonic() - begun < 1.0:
                # An API that ends every stream at once is asked again with pauses, not in a spin.
                self._stopped.wait(self._back_off_seconds[0])
        self._failures = 0

    def _watch(self, version: str, seconds: float) -> str:
        """Watch until the stream ends; returns the version to resume from.

        That is the list's or the last bookmark's, never the last object's: with those, events are replayed or lost.
        """
        collection = self._collection
        for event in self._source.watch(
            collection.api_version,
            collection.kind,
            resource_version=version,
            field_selector=collection.field_selector,
            # The API ends the stream before the silence counts as a lost connection: a quiet cluster is no trouble.
            timeout_seconds=max(1, math.ceil(min(seconds, 0.75 * self._silence_seconds))),
            read_timeout=self._silence_seconds,
        ):
            self._failures = 0
            if event.get("type") == "BOOKMARK":
                version = event["object"]["metadata"]["resourceVersion"]
            else:
                self._report(EVENT, event=event)
            if self._stopped.is_set():
                break
        return version

    def _wait_after(self, begun: float) -> None:
        """Back off, longer with each failure in a row; not at all after a stream that lived for a while."""
        first, most = self._back_off_seconds
        if time.monotonic() - begun > first:
            self._failures = 0
            return
        self._failures += 1
        if self._failures > 1:
            # Random, so that many runs do not come back to a restarted API in step.
            self._stopped.wait(min(most, first * 2 ** (self._failures - 2)) * random.uniform(0.5, 1.0))

    def _report(self, kind: str, **content: t.Any) -> None:
        if not self._stopped.is_set():
            self._reports.put(Report(self._collection.name, kind, seen=time.monotonic(), feed=self, **content))


__all__ = ("EVENT", "FAILED", "LISTED", "TROUBLE", "Collection", "Feed", "Report", "Source")
