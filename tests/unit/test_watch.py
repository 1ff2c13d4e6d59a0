# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A feed tells all that happens, whatever the API does meanwhile."""

from __future__ import annotations

import queue
import threading
import time
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._kube import ApiError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Forbidden
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Gone
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import TooManyRequests
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unavailable
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import Collection
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import Feed
from ansible_collections.multiarch.openshift.plugins.module_utils._watch import Report

Step = t.Union[ApiError, dict[str, t.Any], float]


def fail(error: ApiError) -> t.NoReturn:
    raise error


class Script:
    """An API that plays a script: what each list and each watch does. After the script watches are quiet."""

    def __init__(self, lists: t.Sequence[t.Any], watches: t.Sequence[t.Sequence[Step]]) -> None:
        self.lists, self.watches = list(lists), [list(steps) for steps in watches]
        self.listed: list[float] = []
        self.resumed: list[str] = []
        self.timeouts: list[tuple[int, float]] = []
        self.over = threading.Event()

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, field_selector: str | None = None
    ) -> t.Any:
        self.listed.append(time.monotonic())
        answer = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(answer, ApiError):
            raise answer
        return answer

    def watch(self, api_version: str, kind: str, **options: t.Any) -> t.Iterator[dict[str, t.Any]]:
        self.resumed.append(options["resource_version"])
        self.timeouts.append((options["timeout_seconds"], options["read_timeout"]))
        for step in self.watches.pop(0) if self.watches else [3600.0]:
            if isinstance(step, dict):
                yield step
            elif isinstance(step, float):
                if self.over.wait(step):
                    return
            else:
                fail(step)


class Player:
    """A feed on a script, and what it reports."""

    def __init__(self, script: Script, *, relist_seconds: float = 60.0) -> None:
        self.script = script
        self.queue: queue.Queue[Report] = queue.Queue()
        collection = Collection("nodes", "v1", "Node", "spec.x=y")
        self.feed = Feed(
            script,
            collection,
            self.queue,
            relist_seconds=relist_seconds,
            silence_seconds=7.0,
            back_off_seconds=(0.02, 0.1),
        )

    def __enter__(self) -> Player:
        self.feed.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.feed.stop()
        self.script.over.set()
        self.feed.join(5)
        assert not self.feed.is_alive()

    def reports(self, count: int) -> list[Report]:
        return [self.queue.get(timeout=5) for _unused in range(count)]

    def kinds(self, count: int) -> list[str]:
        return [report.kind for report in self.reports(count)]


def item(name: str, version: str = "1") -> dict[str, t.Any]:
    return {"metadata": {"name": name, "resourceVersion": version}}


def event(name: str, version: str = "11") -> dict[str, t.Any]:
    return {"type": "ADDED", "object": item(name, version)}


def bookmark(version: str) -> dict[str, t.Any]:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}


LIST = ([item("a")], "10")


def test_list_comes_first_and_then_each_event() -> None:
    with Player(Script([LIST], [[event("b"), event("c"), 3600.0]])) as player:
        first, *rest = player.reports(3)
        assert (first.kind, [found["metadata"]["name"] for found in first.items]) == ("listed", ["a"])
        assert [report.event["object"]["metadata"]["name"] for report in rest] == ["b", "c"]


def test_watch_begins_at_the_version_of_the_list_and_ends_before_silence_counts_as_a_lost_connection() -> None:
    script = Script([LIST], [])
    with Player(script, relist_seconds=33) as player:
        player.reports(1)
        while not script.timeouts:
            time.sleep(0.01)
        assert script.resumed == ["10"]
        assert script.timeouts == [(6, 7.0)]


def test_stream_that_ends_is_resumed_from_the_last_bookmark_and_not_from_an_object() -> None:
    script = Script([LIST], [[event("b", "50"), bookmark("40"), event("c", "60")], [event("d")]])
    with Player(script) as player:
        assert player.kinds(4) == ["listed", "event", "event", "event"]
        assert script.resumed[:2] == ["10", "40"]
        assert len(script.listed) == 1


@pytest.mark.parametrize("error", [Gone("old"), Unavailable("silence")], ids=["410", "broken stream"])
def test_broken_watch_ends_in_a_new_list_at_once(error: ApiError) -> None:
    script = Script([LIST, ([item("a"), item("b")], "20")], [[event("b"), 0.05, error]])
    with Player(script) as player:
        reports = [report for report in player.reports(3 if isinstance(error, Gone) else 4) if report.kind != "trouble"]
        assert [report.kind for report in reports] == ["listed", "event", "listed"]
        assert len(reports[-1].items) == 2
        while len(script.resumed) < 2:
            time.sleep(0.01)
        assert script.resumed == ["10", "20"]


def test_list_comes_again_without_any_reason() -> None:
    script = Script([LIST], [[0.1], [0.1], [0.1], [0.1]])
    with Player(script, relist_seconds=0.1) as player:
        assert player.kinds(3) == ["listed", "listed", "listed"]


def test_api_that_is_away_is_asked_again_with_pauses_until_it_is_back() -> None:
    script = Script([Unavailable("refused")] * 5 + [LIST], [])
    with Player(script) as player:
        assert player.kinds(6) == ["trouble"] * 5 + ["listed"]
        pauses = [later - earlier for earlier, later in zip(script.listed, script.listed[1:])]
        assert pauses[0] < 0.02
        assert max(pauses) >= 0.035


def test_overloaded_api_is_given_the_time_that_it_asks_for() -> None:
    script = Script([TooManyRequests("slow down", retry_after=0.2), LIST], [])
    with Player(script) as player:
        assert player.kinds(2) == ["trouble", "listed"]
        assert script.listed[1] - script.listed[0] >= 0.2


def test_api_that_forgets_at_once_is_not_asked_in_a_spin() -> None:
    script = Script([LIST], [[Gone("old")]] * 1000)
    with Player(script) as player:
        time.sleep(0.5)
        assert 3 <= len(script.listed) <= 30
        assert set(player.kinds(3)) == {"listed"}


def test_stream_that_ends_at_once_is_not_resumed_in_a_spin() -> None:
    script = Script([LIST], [[]] * 1000)
    with Player(script):
        time.sleep(0.3)
        assert 2 <= len(script.resumed) <= 20


def test_missing_right_ends_the_feed_and_is_reported() -> None:
    with Player(Script([Forbidden("no")], [])) as player:
        report = player.reports(1)[0]
        assert (report.kind, type(report.error)) == ("failed", Forbidden)
