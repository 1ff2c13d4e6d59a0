# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the web host shows of a run while machines install. Private to the collection."""

from __future__ import annotations

import re
import typing as t
import urllib.parse
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._access_log import request_path
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import AGAIN
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import IN_VAIN
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import STAGES
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import Fetches
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import new_text
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import address_for
from ansible_collections.multiarch.openshift.plugins.module_utils._world import rfc3339

# Where nobody has said since when requests count: as long as an installation takes
LOOK_BACK_SECONDS = 1800.0
LOOK_SECONDS = 5.0
IGNITION_SECONDS = 60.0
# The name has the beginning of the hash
_NAMED_BY_HASH = re.compile(r"-([0-9a-f]{16})\.ign$")

Record = dict[str, t.Any]
Machine = t.Mapping[str, t.Any]


@dataclass(frozen=True)
class News:
    """What one look has brought: events by machine, and what people must know at once."""

    events: list[tuple[str, str, list[str]]] = field(default_factory=list)
    reinstalling: dict[str, bool] = field(default_factory=dict)
    """Who asked once more for what installs it, and whether it got that."""
    warnings: list[str] = field(default_factory=list)


class SiteWatch:
    """Says what to ask the web host, and takes its answers.

    :param access_log: path on the web host; empty where it is not known
    :param published: what the run published, by kind
    :param since: when the run began to arm machines; None where that was another run. API time, as ``now`` is
    """

    def __init__(
        self,
        machines: t.Sequence[Machine],
        *,
        access_log: str,
        base_url: str,
        published: t.Mapping[str, t.Any],
        since: float | None = None,
        now: float,
    ) -> None:
        armed = [machine for machine in machines if machine.get("arm") and not machine.get("failed")]
        self._access_log = access_log if armed else ""
        self._base_url, self._path = base_url, request_path(base_url).rstrip("/") + "/"
        # As the machines fetch it: from the web host, or from where it was uploaded for those that a person installs
        entries = {entry["pool"]: entry for entry in published.get("ignition") or []}
        readers = [machine for machine in armed if machine.get("pool") in entries]
        self._url = {machine["name"]: address_for(machine, entries[machine["pool"]]) for machine in readers}
        fetched = {self._url[machine["name"]]: entries[machine["pool"]]["hash"] for machine in readers}
        self._ignition = [{"url": url, "hash": value} for url, value in fetched.items() if url]
        # Else another run has published it, and the log tells which one machines fetch
        self._published = bool(entries) or not armed
        # By URL, in API time: when it was last seen to be what was published, and since when it is not
        self._same: dict[str, float] = {}
        self._changed: dict[str, float] = {}
        since = now - LOOK_BACK_SECONDS if since is None else since
        self._fetches = Fetches(machines, published, base_url=base_url, since=since)
        self._position: t.Mapping[str, int] | None = None
        self._next_look = self._next_ignition = now
        self._readable = True
        self._read = self._unread = 0

    @property
    def blind(self) -> str:
        """Why nobody would see that the ignition changes; empty where somebody would."""
        if self._published or self._access_log:
            return ""
        return (
            "The published ignition is not watched: another run has published it, and without publish_access_log"
            " nothing shows what machines fetch."
        )

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
            # the log has whole seconds
            "seconds": now - self._fetches.begin + 1,
            "path": self._path,
            "ignition": ignition,
        }

    def take(self, answer: t.Mapping[str, t.Any], now: float) -> News:
        news = News()
        for entry in answer["ignition"]:
            if entry["state"] == "same":
                self._same[entry["url"]] = now
            elif entry["state"] == "changed":
                self._changed.setdefault(entry["url"], self._same.get(entry["url"], 0.0))
                words = "what this run published" if self._published else "what it was published as"
                news.warnings.append(
                    f"ALARM: {entry['url']} no longer returns {words}. Machines that check the hash refuse it, others"
                    " install what somebody else put there: power off what is installing, and find out who wrote to the"
                    " web host."
                )
            elif entry["state"] == "unknown":
                news.warnings.append(
                    f"The published ignition is not watched: the web host does not trust the certificate of"
                    f" {entry['url']} ({entry['detail']})."
                )
            elif entry["state"] == "unavailable" and self._published:
                news.warnings.append(f"{entry['url']} cannot be fetched any more: {entry['detail']}.")
        if answer["problem"]:
            news.warnings.append(f"{answer['problem']} What machines fetch is not shown until it can be.")
            self._next_look = now + IGNITION_SECONDS
        self._readable = not answer["problem"]
        if answer["position"] is None:
            return news
        self._position = answer["position"]
        self._read += answer["read"]
        self._unread += answer["unread"]
        if self._unread and not self._read:
            news.warnings.append(
                f"The lines of the access log {self._access_log} are in neither nginx' nor httpd's usual format; what"
                " they say of machines is not known."
            )
        if not self._published:
            self._watch_fetched(answer["hits"], now)
        for name, kinds in self._fetches.take(answer["hits"], clock=now - answer["time"]).items():
            if AGAIN in kinds or IN_VAIN in kinds:
                news.reinstalling[name] = AGAIN in kinds
            known = [kind for kind in kinds if kind in STAGES]
            if known:
                news.events.append((name, new_text(known), known))
        return news

    def _watch_fetched(self, hits: t.Iterable[Machine], now: float) -> None:
        """From here on, look at each ignition that was fetched: by its name, which has the beginning of its hash."""
        for hit in hits:
            named = _NAMED_BY_HASH.search(hit["path"])
            if named is None or hit["status"] != 200:
                continue
            entry = {"url": urllib.parse.urljoin(self._base_url, hit["path"]), "hash": f"sha512-{named[1]}"}
            if entry not in self._ignition:
                self._ignition.append(entry)
                self._next_ignition = now

    def booted_at(self, name: str) -> float | None:
        """When the machine was first seen to boot from the network; API time."""
        return self._fetches.booted_at(name)

    def installed(self, name: str) -> bool:
        """Whether the machine has fetched all that an installation needs."""
        return self._fetches.installed(name)

    def diagnosis(self, machine: Machine, now: float) -> tuple[str, str] | None:
        """Reason and hint for a machine that is silent; None where nothing is known of it."""
        found = self._fetches.diagnosis(machine, now) if self._readable else None
        changed = self._has_changed(machine)
        if not changed or (found is not None and self._fetches.ignition_at(machine["name"]) is None):
            return found
        reason, _hint = found or ("it sent no request", "")
        hint = "Find out who wrote to the web host; run again, which publishes it anew, and let the machine boot again."
        if _checks_nothing(machine):
            reason += f"; {changed}, and it may have installed what somebody else put there"
            return reason, f"Power it off. {hint}"
        return f"{reason}; {changed}, and its installer refuses it", hint

    def doubt(self, machine: Machine) -> str:
        """Why a machine that has joined may not be what was published; empty where it is."""
        changed = self._has_changed(machine) if _checks_nothing(machine) else ""
        if not changed:
            return ""
        return (
            f"{changed}, and it may have installed what somebody else put there: oc adm cordon {machine['node_name']},"
            " then find out"
        )

    def _has_changed(self, machine: Machine) -> str:
        """Words for an ignition that changed, as far as is known before this machine had it; else empty."""
        since = self._changed.get(self._url.get(machine["name"], ""))
        at = self._fetches.ignition_at(machine["name"])
        # the log has whole seconds
        if since is None or (at is not None and at < since - 1):
            return ""
        return f"the published ignition has changed since {rfc3339(since) if since else 'this run published it'}"


def _checks_nothing(machine: Machine) -> bool:
    """Whether it installs what it is given; an ISO, and a command that a person types, have the hash."""
    return machine["boot_method"] in NETWORK_BOOT and machine.get("ignition_delivery") == "documented"


__all__ = ("News", "SiteWatch")
