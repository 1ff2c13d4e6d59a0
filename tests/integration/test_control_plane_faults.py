# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults that only the simulated control plane can show on demand."""

from __future__ import annotations

import base64
import queue
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from lab.api import Api
from lab.api import ApiError
from lab.pki import certificate_request
from lab.simulator import SimulatedControlPlane

NODES = "/api/v1/nodes"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
BOOKMARK_SECONDS = 0.2


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedControlPlane]:
    plane = SimulatedControlPlane(tmp_path_factory.mktemp("plane"), bookmark_seconds=BOOKMARK_SECONDS)
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def plane(started: SimulatedControlPlane) -> Iterator[SimulatedControlPlane]:
    yield started
    started.faults.clear()


@pytest.fixture
def name() -> str:
    return "t" + uuid.uuid4().hex[:10]


class Watcher:
    """A watch in a thread; what it saw, and how it ended."""

    def __init__(self, api: Api, path: str, *, read_timeout: float = 30.0, **query: Any) -> None:
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.error: Exception | None = None
        arguments = (api, path, read_timeout, {"timeoutSeconds": 20, **query})
        self._thread = threading.Thread(target=self._run, args=arguments, daemon=True)
        self._thread.start()

    def next(self) -> dict[str, Any]:
        return self.events.get(timeout=5)

    def ended(self) -> bool:
        self._thread.join(5)
        return not self._thread.is_alive()

    def _run(self, api: Api, path: str, read_timeout: float, query: dict[str, Any]) -> None:
        try:
            for event in api.watch(path, read_timeout=read_timeout, **query):
                self.events.put(event)
        except (ApiError, requests.RequestException) as error:
            self.error = error


def open_watch(plane: SimulatedControlPlane, path: str = CONFIG_MAPS, **query: Any) -> Watcher:
    """A watch from now on, that the server has."""
    version = plane.api.get(path)["metadata"]["resourceVersion"]
    before = len(plane.open_watches)
    watcher = Watcher(plane.api, path, resourceVersion=version, **query)
    deadline = time.monotonic() + 5
    while len(plane.open_watches) <= before and time.monotonic() < deadline:
        time.sleep(0.01)
    return watcher


def test_delay_is_limited_by_path_and_count(plane: SimulatedControlPlane) -> None:
    fault = plane.faults.delay(0.3, path="/nodes")
    durations = []
    for path in (CONFIG_MAPS, NODES, NODES):
        started = time.monotonic()
        plane.api.get(path)
        durations.append(time.monotonic() - started)
    assert [duration > 0.25 for duration in durations] == [False, True, False]
    assert fault.hits == 1


def test_too_many_requests_says_when_to_come_back(plane: SimulatedControlPlane, name: str) -> None:
    plane.faults.too_many_requests(7, verb="create")
    plane.api.get(CONFIG_MAPS)
    with pytest.raises(ApiError) as caught:
        plane.api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    assert (caught.value.code, caught.value.reason) == (429, "TooManyRequests")
    assert caught.value.headers["Retry-After"] == "7"
    plane.api.post(CONFIG_MAPS, {"metadata": {"name": name}})


@pytest.mark.parametrize(("status", "reason"), [(500, "InternalError"), (503, "ServiceUnavailable")])
def test_server_error_happens_so_often(plane: SimulatedControlPlane, status: int, reason: str) -> None:
    plane.faults.fail(status, count=2)
    codes = []
    for _attempt in range(3):
        try:
            plane.api.get(NODES)
            codes.append((200, ""))
        except ApiError as error:
            codes.append((error.code, error.reason))
    assert codes == [(status, reason), (status, reason), (200, "")]


def test_fault_meets_one_user(plane: SimulatedControlPlane) -> None:
    plane.faults.fail(503, user="other")
    assert plane.api.get(NODES)["kind"] == "NodeList"
    with pytest.raises(ApiError, match="503"):
        Api(plane.url, plane.ca_path, plane.token("other", ["system:masters"])).get(NODES)


def test_conflict_on_approval_leaves_the_request_undecided(plane: SimulatedControlPlane, name: str) -> None:
    pem, _key = certificate_request(f"system:node:{name}")
    spec = {
        "request": base64.b64encode(pem).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
        "usages": ["digital signature", "client auth"],
    }
    body = {"metadata": {"generateName": "csr-"}, "spec": spec}
    item = plane.api.post(REQUESTS, body)
    path = f"{REQUESTS}/{item['metadata']['name']}"
    item["status"] = {"conditions": [{"type": "Approved", "status": "True", "reason": "R", "message": "m"}]}
    plane.faults.conflict_on_approval(2)
    for _attempt in range(2):
        with pytest.raises(ApiError) as caught:
            plane.api.put(f"{path}/approval", item)
        assert caught.value.reason == "Conflict"
        assert plane.api.get(path)["status"] == {}
    plane.api.put(f"{path}/approval", item)
    plane.api.wait_for(path, lambda each: "certificate" in each["status"])


def test_dropped_watch_ends_with_an_error_and_the_next_goes_on(plane: SimulatedControlPlane, name: str) -> None:
    watcher = open_watch(plane)
    plane.faults.drop_open_watches("/configmaps")
    assert watcher.ended()
    assert isinstance(watcher.error, requests.RequestException)
    again = open_watch(plane)
    plane.api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    assert again.next()["object"]["metadata"]["name"] == name
    plane.faults.drop_open_watches()


def test_silent_watch_is_accepted_and_says_nothing(plane: SimulatedControlPlane, name: str) -> None:
    fault = plane.faults.silence_watches(path="/configmaps")
    watcher = open_watch(plane, allowWatchBookmarks="true", read_timeout=0.6)
    plane.api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    assert watcher.ended()
    assert isinstance(watcher.error, requests.ConnectionError)
    assert watcher.events.empty()
    assert fault.hits == 1


def test_open_watch_can_go_silent(plane: SimulatedControlPlane, name: str) -> None:
    watcher = open_watch(plane, read_timeout=0.6)
    plane.api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    assert watcher.next()["type"] == "ADDED"
    plane.faults.silence_open_watches()
    plane.api.delete(f"{CONFIG_MAPS}/{name}")
    assert watcher.ended()
    assert watcher.events.empty()


def test_expired_watch_is_a_410_inside_the_stream(plane: SimulatedControlPlane) -> None:
    watcher = open_watch(plane)
    plane.faults.expire_open_watches()
    event = watcher.next()
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert watcher.ended()
    assert watcher.error is None
    plane.faults.expire_watches()
    version = plane.api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    assert Watcher(plane.api, CONFIG_MAPS, resourceVersion=version).next()["object"]["code"] == 410


def test_watch_from_a_forgotten_version_is_a_410_inside_the_stream(plane: SimulatedControlPlane, name: str) -> None:
    version = plane.api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    page = plane.api.get("/api/v1/namespaces", limit=1)
    plane.api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    plane.faults.forget_history()
    events = list(plane.api.watch(CONFIG_MAPS, resourceVersion=version, timeoutSeconds=5))
    assert [event["object"]["code"] for event in events] == [410]
    with pytest.raises(ApiError) as caught:
        plane.api.get("/api/v1/namespaces", limit=1, **{"continue": page["metadata"]["continue"]})
    assert (caught.value.code, caught.value.reason) == (410, "Expired")
    now = plane.api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    assert not list(plane.api.watch(CONFIG_MAPS, resourceVersion=now, timeoutSeconds=0.2))


def test_bookmarks_come_while_nothing_happens(plane: SimulatedControlPlane) -> None:
    watcher = open_watch(plane, allowWatchBookmarks="true")
    plane.api.patch("/api/v1/namespaces/default", {"metadata": {"labels": {"run": uuid.uuid4().hex}}})
    version = plane.api.get("/api/v1/namespaces/default")["metadata"]["resourceVersion"]
    for _attempt in range(3):
        event = watcher.next()
    assert event["type"] == "BOOKMARK"
    # Also when other kinds move on, so that a resumed watch is never far behind.
    assert int(event["object"]["metadata"]["resourceVersion"]) >= int(version)
    plane.faults.drop_open_watches()


def test_restart_refuses_connections_and_comes_back_on_the_same_port(plane: SimulatedControlPlane, name: str) -> None:
    watcher = open_watch(plane)
    plane.api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    url = plane.url
    plane.faults.restart(0.5)
    with pytest.raises(requests.ConnectionError):
        plane.api.get(NODES)
    assert watcher.ended()
    deadline = time.monotonic() + 5
    while True:
        try:
            assert plane.api.get(f"{CONFIG_MAPS}/{name}")
            break
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert plane.url == url


def test_revoked_token_is_unauthorized(plane: SimulatedControlPlane) -> None:
    token = plane.token("somebody", ["system:masters"])
    api = Api(plane.url, plane.ca_path, token)
    api.get(NODES)
    plane.revoke(token)
    with pytest.raises(ApiError) as caught:
        api.get(NODES)
    assert caught.value.code == 401


def test_administrator_can_be_restricted(tmp_path: Any) -> None:
    with SimulatedControlPlane(tmp_path) as plane:
        plane.restrict("admin", [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}])
        assert plane.api.get(NODES)["items"] == []
        with pytest.raises(ApiError, match="cannot create resource"):
            plane.api.post(NODES, {"metadata": {"name": "n"}})
