# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults that a real API server shows on bad days, on demand: each limited by count, verb, path and user."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field

from lab.simulator.errors import StatusError

DELAY, FAIL, SILENT, GONE = "delay", "fail", "silent", "gone"
WORDS = {
    401: "Unauthorized",
    409: "the object has been modified; please apply your changes to the latest version and try again",
    429: "Too many requests, please try again later.",
    500: "Internal error occurred: etcdserver: request timed out",
    503: "the server is currently unable to handle the request",
    504: "Timeout: request did not complete within the allotted timeout",
}


@dataclass
class Fault:
    """One fault; `hits` tells how often it happened."""

    kind: str
    count: int = 1
    verb: str = ""
    path: str = ""
    user: str = ""
    seconds: float = 0.0
    status: int = 0
    retry_after: int | None = None
    hits: int = 0

    def matches(self, verb: str, path: str, user: str) -> bool:
        return (
            self.hits < self.count
            and self.verb in ("", verb)
            and self.user in ("", user)
            and re.search(self.path, path) is not None
        )

    def error(self) -> StatusError:
        return StatusError(self.status, WORDS.get(self.status, "injected"), retry_after=self.retry_after)


@dataclass
class Faults:
    """What the next requests meet. `verb` is Kubernetes' (get, list, watch, create, update, patch, delete), `path` a
    regular expression that is searched in the path with its query, `user` a user name; left out, any."""

    _do: Callable[[str, str, float], None]
    _faults: list[Fault] = field(default_factory=list)

    def delay(self, seconds: float, *, count: int = 1, verb: str = "", path: str = "", user: str = "") -> Fault:
        """A slow answer."""
        return self._add(Fault(DELAY, count, verb, path, user, seconds=seconds))

    def fail(
        self,
        status: int = 503,
        *,
        count: int = 1,
        verb: str = "",
        path: str = "",
        user: str = "",
        retry_after: int | None = None,
    ) -> Fault:
        """An error instead of an answer; nothing is written."""
        return self._add(Fault(FAIL, count, verb, path, user, status=status, retry_after=retry_after))

    def too_many_requests(
        self, retry_after: int = 1, *, count: int = 1, verb: str = "", path: str = "", user: str = ""
    ) -> Fault:
        """429 with Retry-After."""
        return self.fail(429, count=count, verb=verb, path=path, user=user, retry_after=retry_after)

    def conflict_on_approval(self, count: int = 1, *, user: str = "") -> Fault:
        """409 for the next approvals, as when somebody wrote the request in between."""
        return self.fail(409, count=count, path="/approval", user=user)

    def silence_watches(self, count: int = 1, *, path: str = "", user: str = "") -> Fault:
        """The next watches are accepted and then say nothing, as half-open connections do."""
        return self._add(Fault(SILENT, count, "watch", path, user))

    def expire_watches(self, count: int = 1, *, path: str = "", user: str = "") -> Fault:
        """The next watches answer 200 and then, inside the stream, an ERROR event with 410."""
        return self._add(Fault(GONE, count, "watch", path, user))

    def drop_open_watches(self, path: str = "") -> None:
        """Cuts the connections of the watches that are open now."""
        self._do("drop", path, 0.0)

    def silence_open_watches(self, path: str = "") -> None:
        """The watches that are open now say nothing any more and stay open."""
        self._do("silence", path, 0.0)

    def expire_open_watches(self, path: str = "") -> None:
        """The watches that are open now get an ERROR event with 410, and end."""
        self._do("expire", path, 0.0)

    def forget_history(self) -> None:
        """Compaction in etcd: a watch from any revision before now gets 410."""
        self._do("forget", "", 0.0)

    def restart(self, seconds: float = 1.0) -> None:
        """The server is away: connections are cut and new ones refused for so long; returns when it is down."""
        self._do("restart", "", seconds)

    def clear(self) -> None:
        """No faults any more (what is already under way goes on)."""
        self._faults.clear()

    def take(self, verb: str, path: str, user: str) -> list[Fault]:
        """The faults that this request meets; counts them."""
        met = [fault for fault in self._faults if fault.matches(verb, path, user)]
        for fault in met:
            fault.hits += 1
        return met

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault
