# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the web host shows of a run while machines install. Private to the collection."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._access_log import request_path
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import Fetches
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import new_text
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import address_for

# A machine may have been powered on while the others were being armed
LOOK_BACK_SECONDS = 300.0
LOOK_SECONDS = 5.0
IGNITION_SECONDS = 60.0

Record = dict[str, t.Any]
Machine = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class News:
    """What one look has brought: events by machine, and what people must know at once."""

    events: list[tuple[str, str, list[str]]] = field(default_factory=list)
    reinstalling: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class SiteWatch:
    """Says what to ask the web host, and takes its answers.

    :param access_log: path on the web host; empty where it is not known
    :param published: what the run published, by kind
    :param now: API time
    """

    def __init__(
        self,
        machines: t.Sequence[Machine],
        *,
        access_log: str,
        base_url: str,
        published: t.Mapping[str, t.Any],
        now: float,
    ) -> None:
        armed = [machine for machine in machines if machine.get("arm") and not machine.get("failed")]
        self._access_log = access_log if armed else ""
        self._path = request_path(base_url).rstrip("/") + "/"
        # As the machines fetch it: from the web host, or from where it was uploaded for those that a person installs
        fetched = {
            address_for(machine, entry): entry["hash"]
            for entry in published.get("ignition") or []
            for machine in armed
            if machine["pool"] == entry["pool"]
        }
        self._ignition = [{"url": url, "hash": value} for url, value in fetched.items() if url]
        self._fetches = Fetches(machines, published, base_url=base_url, since=now - LOOK_BACK_SECONDS)
        self._position: t.Mapping[str, int] | None = None
        self._next_look = self._next_ignition = now
        self._unread = 0

    def due(self, now: float) -> Record | None:
        """The arguments of the next look, where it is time for one."""
        ignition = self._ignition if now >= self._next_ignition else []
        if now < self._next_look or not (self._access_log or ignition):
            return None
        self._next_look = now + LOOK_SECONDS
        if ignition:
            self._next_ignition = now + IGNITION_SECONDS
        return {
            "access_log": self._access_log,
            "position": self._position,
            "seconds": LOOK_BACK_SECONDS,
            "path": self._path,
            "ignition": ignition,
        }

    def take(self, answer: t.Mapping[str, t.Any], now: float) -> News:
        news = News()
        for entry in answer["ignition"]:
            if entry["state"] == "changed":
                news.warnings.append(
                    f"ALARM: {entry['url']} no longer returns what this run published. Machines that check the hash"
                    " refuse it, others install what somebody else put there: power off what is installing, and find"
                    " out who wrote to the web host."
                )
            elif entry["state"] == "unavailable":
                news.warnings.append(f"{entry['url']} cannot be fetched any more: {entry['detail']}.")
        if answer["problem"]:
            news.warnings.append(f"{answer['problem']} What machines fetch is not shown.")
            self._access_log = ""
        if answer["position"] is None:
            return news
        self._position = answer["position"]
        self._unread += answer["unread"]
        if self._unread and not answer["hits"]:
            news.warnings.append(
                f"The access log {self._access_log} has lines that are neither nginx' nor httpd's usual format; what"
                " they say of machines is not known."
            )
        for name, kinds in self._fetches.take(answer["hits"], clock=now - answer["time"]).items():
            if "again" in kinds:
                news.reinstalling.append(name)
            known = [kind for kind in kinds if kind != "again"]
            if known:
                news.events.append((name, new_text(known), known))
        return news

    def installed(self, name: str) -> bool:
        """Whether the machine has fetched all that an installation needs."""
        return self._fetches.installed(name)

    def diagnosis(self, machine: Machine, now: float) -> tuple[str, str] | None:
        return self._fetches.diagnosis(machine, now)


__all__ = ("News", "SiteWatch")
