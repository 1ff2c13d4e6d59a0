# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How fast requests are decided and approved, beside a bare client, pollers and kubectl: python -m bench approvals.

Everything but the decision runs on a real API server of this machine, which shares its cores with the clients, the
signer and whatever else runs: the load is shown with each line. Seconds are the API server's own, from the end of a
request's creation to the end of its approval, both in its audit log. Pollers wait in earnest.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.multiarch.openshift.plugins.module_utils._csr import decide
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import PARALLEL_APPROVALS
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Join
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Settings
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._request import parse_request
from lab import objects
from lab.api import Api
from lab.control_plane import control_plane
from lab.control_plane import real_available
from lab.kubelet import BOOTSTRAPPER
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import REQUESTS
from lab.kubelet import certificate_request
from lab.kubelet import request_object
from lab.kubelet import request_usages
from support import csr_corpus as corpus
from support.paths import PROGRAMS

MACHINES = 200
POSTERS = 16
CONDITION = {"type": "Approved", "status": "True", "reason": "Bench", "message": "approved by the bench"}
CLUSTER: dict[str, Any] = {
    "infrastructure_name": "lab-x7k2p",
    "version": "4.20.4",
    "api_vip": "203.0.113.2",
    "machine_config_server_url": "https://203.0.113.2:22623",
    "streams": {},
}
Approver = Callable[[threading.Event], None]


# -- the decision ------------------------------------------------------------------------------------------------------


def decisions() -> dict[str, float]:
    """Decisions per second, for a request that is seen for the first time and for one that was read before."""
    found = {}
    for name, scene in (("client", corpus.client_scene()), ("serving", corpus.serving_scene())):
        world = scene.world()
        for label, times, prepare in (("new", 300, parse_request.cache_clear), ("again", 2000, lambda: None)):
            seconds = 0.0
            for number in range(times):
                prepare()
                world.profiles.clear()
                # time on the processor: other programs must not count
                began = time.thread_time()
                decision = decide(scene.csr, scene.machines, world, scene.now + number / 1e6)
                seconds += time.thread_time() - began
                assert decision.verdict == "approve"
            found[f"{name}, {label}"] = times / seconds
    return found


# -- the API server and who approves on it -----------------------------------------------------------------------------


class Arena:
    """A real control plane, and requests for it that are made before time is taken."""

    def __init__(self, plane: Any) -> None:
        self.plane = plane
        self.names = [f"worker-arm-{number}" for number in range(1, MACHINES + 1)]
        self._bootstrap = Api(plane.url, plane.ca_path, plane.token(BOOTSTRAPPER, extra={}))
        self._rounds = 0

    def bodies(self) -> list[dict[str, Any]]:
        self._rounds += 1
        found = []
        for name in self.names:
            key = ec.generate_private_key(ec.SECP256R1())
            body = request_object(certificate_request(name, key), CLIENT_SIGNER, request_usages("client", key))
            found.append({**body, "metadata": {"name": f"csr-{self._rounds:02}-{name}"}})
        return found

    def post(self, bodies: Sequence[dict[str, Any]], seconds: float) -> None:
        """Spread over so many seconds, or as fast as it goes."""
        began = time.monotonic()

        def one(pair: tuple[int, dict[str, Any]]) -> None:
            number, body = pair
            time.sleep(max(0.0, began + seconds * number / len(bodies) - time.monotonic()))
            self._bootstrap.post(REQUESTS, body)

        with concurrent.futures.ThreadPoolExecutor(POSTERS) as pool:
            list(pool.map(one, enumerate(bodies)))

    def race(self, approver: Approver, seconds: float, patience: float = 90.0) -> list[float]:
        """Seconds from creation to approval of all machines' requests, which come while the approver runs."""
        bodies, over = self.bodies(), threading.Event()
        running = threading.Thread(target=approver, args=(over,), daemon=True)
        running.start()
        time.sleep(1.5)  # until it waits
        try:
            self.post(bodies, seconds)
            self._await(bodies, patience)
        finally:
            over.set()
            running.join(90)
        return self._latencies(bodies)

    def told_at_once(self, threads: int) -> list[float]:
        """As `race` in one instant, with a client that is handed each request and checks nothing: the limit."""
        bodies, api = self.bodies(), self.admin()
        with (
            concurrent.futures.ThreadPoolExecutor(threads) as approvers,
            concurrent.futures.ThreadPoolExecutor(POSTERS) as posters,
        ):
            list(posters.map(lambda body: approvers.submit(_put, api, self._bootstrap.post(REQUESTS, body)), bodies))
        self._await(bodies, 90.0)
        return self._latencies(bodies)

    def admin(self) -> Api:
        certificate = self.plane.client_certificate("system:admin", ["system:masters"])
        return Api(self.plane.url, self.plane.ca_path, certificate)

    def backlog(self, approver: Approver) -> float:
        """Approvals per second of requests that are all there when the approver starts."""
        bodies, over = self.bodies(), threading.Event()
        self.post(bodies, 0.0)
        running = threading.Thread(target=approver, args=(over,), daemon=True)
        running.start()
        try:
            self._await(bodies, 90.0)
        finally:
            over.set()
            running.join(90)
        ended = sorted(end for _begin, end in self._approvals(bodies).values())
        began = min(begin for begin, _end in self._approvals(bodies).values())
        return len(bodies) / (ended[-1] - began)

    def clear(self) -> None:
        self.plane.api.delete(REQUESTS)

    def _await(self, bodies: Sequence[dict[str, Any]], patience: float) -> None:
        mine = {body["metadata"]["name"] for body in bodies}
        until = time.monotonic() + patience
        while len(self._approvals(bodies)) < len(mine):
            if time.monotonic() > until:
                sys.exit(f"only {len(self._approvals(bodies))} of {len(mine)} requests were approved")
            time.sleep(0.5)

    def _approvals(self, bodies: Sequence[dict[str, Any]]) -> dict[str, tuple[float, float]]:
        """When the successful approval of each request was received, and when it was answered."""
        return self._events(bodies, "update", "approval")

    def _latencies(self, bodies: Sequence[dict[str, Any]]) -> list[float]:
        made, approved = self._events(bodies, "create", ""), self._approvals(bodies)
        return sorted(approved[name][1] - made[name][1] for name in approved)

    def _events(self, bodies: Sequence[dict[str, Any]], verb: str, subresource: str) -> dict[str, tuple[float, float]]:
        mine = {body["metadata"]["name"] for body in bodies}
        found: dict[str, tuple[float, float]] = {}
        for event in self.plane._audit():
            about = event.get("objectRef") or {}
            if about.get("name") not in mine or event["verb"] != verb or about.get("subresource", "") != subresource:
                continue
            if event["responseStatus"]["code"] < 300:
                times = _seconds(event["requestReceivedTimestamp"]), _seconds(event["stageTimestamp"])
                found.setdefault(about["name"], times)
        return found


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def ours(arena: Arena) -> Approver:
    """The join of this collection, with all its checks."""
    machines = [corpus.machine(name, [f"192.0.{2 + n // 250}.{n % 250 + 1}"]) for n, name in enumerate(arena.names)]

    def approve(over: threading.Event) -> None:
        cluster = connect({"kubeconfig": str(arena.plane.kubeconfig())})
        join = Join(cluster, machines, Settings(timeout=3600.0, heartbeat=3600.0), say=lambda line: None)
        running = threading.Thread(target=join.run, daemon=True)
        running.start()
        over.wait()
        join._run.timeout = 0.0  # every machine has reached its deadline: the join ends
        running.join(60)

    return approve


def bare(arena: Arena, threads: int) -> Approver:
    """A client that approves whatever it is told to, as fast as it can: the limit of API and Python."""

    def approve(over: threading.Event) -> None:
        api = arena.admin()
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda item: _put(api, item), _pending(api)))
        over.wait()

    return approve


def approve_all_that_waits(api: Api, seconds: float, over: threading.Event) -> None:
    """Lists every so often and approves all that is pending, one after the other, without any check."""
    while not over.wait(seconds):
        for item in _pending(api):
            _put(api, item)


def poller(arena: Arena, seconds: float) -> Approver:
    return lambda over: approve_all_that_waits(arena.admin(), seconds, over)


def kubectl(arena: Arena) -> Approver:
    """`kubectl get csr`, then `kubectl certificate approve` of all that is pending, again and again."""
    program, kubeconfig = str(PROGRAMS / "kubectl"), f"--kubeconfig={arena.plane.kubeconfig()}"
    template = '{{range .items}}{{if not .status.conditions}}{{.metadata.name}}{{"\\n"}}{{end}}{{end}}'

    def approve(over: threading.Event) -> None:
        while not over.is_set():
            listed = subprocess.run(
                [program, kubeconfig, "get", "csr", f"-o=go-template={template}"],
                capture_output=True,
                text=True,
                check=False,
            )
            names = listed.stdout.split()
            if names:
                command = [program, kubeconfig, "certificate", "approve", *names]
                subprocess.run(command, capture_output=True, check=False)

    return approve


def _pending(api: Api) -> list[dict[str, Any]]:
    return [item for item in api.list(REQUESTS) if not item["status"].get("conditions")]


def _put(api: Api, item: dict[str, Any]) -> None:
    body = {**item, "status": {"conditions": [CONDITION]}}
    api.put(f"{REQUESTS}/{item['metadata']['name']}/approval", body)


# -- the table ---------------------------------------------------------------------------------------------------------


def line(label: str, latencies: Sequence[float]) -> dict[str, Any]:
    p50, p95, load = statistics.median(latencies), latencies[int(0.95 * len(latencies))], os.getloadavg()[0]
    print(f"{label:52}{p50:9.3f}{p95:9.3f}{latencies[-1]:9.3f}{load:7.1f}", flush=True)
    return {"what": label, "p50": p50, "p95": p95, "max": latencies[-1], "load": load}


def measure() -> dict[str, Any]:
    """All figures; prints them as they come."""
    found: dict[str, Any] = {"decisions_per_second": decisions()}
    print(
        "decisions per second of one core    "
        + ", ".join(f"{k}: {v:.0f}" for k, v in found["decisions_per_second"].items())
    )
    if real_available():
        print(f"no more figures: {real_available()}")
        return found
    with tempfile.TemporaryDirectory(prefix="multiarch-bench-") as directory:
        plane = control_plane(pathlib.Path(directory), "real")
        with plane:
            plane.api.apply(objects.cluster_objects(**CLUSTER, ca_pem=plane.ca_pem))
            arena = Arena(plane)
            found["approvals_per_second"] = _throughput(arena)
            found["latency"] = _latency(arena)
    return found


def _throughput(arena: Arena) -> dict[str, float]:
    found = {}
    for label, approver in (
        (f"bare client, {PARALLEL_APPROVALS} at once", bare(arena, PARALLEL_APPROVALS)),
        ("bare client, one after the other", bare(arena, 1)),
        ("node_join", ours(arena)),
    ):
        found[label] = arena.backlog(approver)
        arena.clear()
    print("approvals per second    " + ", ".join(f"{label}: {rate:.0f}" for label, rate in found.items()), flush=True)
    return found


def _latency(arena: Arena) -> list[dict[str, Any]]:
    print(f"{f'from creation to approval, {MACHINES} machines':52}    p50 s    p95 s    max s   load")
    found = []
    rounds: list[tuple[str, Approver, float]] = [
        ("node_join, machines within 10 s", ours(arena), 10.0),
        ("node_join, all in one instant", ours(arena), 0.0),
        ("poller of 1 s, machines within 10 s", poller(arena, 1.0), 10.0),
        ("poller of 1 s, all in one instant", poller(arena, 1.0), 0.0),
        ("poller of 5 s, machines within 20 s", poller(arena, 5.0), 20.0),
        ("poller of 30 s, machines within 60 s", poller(arena, 30.0), 60.0),
        ("poller of 60 s, machines within 60 s", poller(arena, 60.0), 60.0),
    ]
    if (PROGRAMS / "kubectl").exists():
        rounds.insert(4, ("kubectl certificate approve in a loop, within 10 s", kubectl(arena), 10.0))
    found.append(line("bare client that is told, all in one instant", arena.told_at_once(PARALLEL_APPROVALS)))
    arena.clear()
    for label, approver, seconds in rounds:
        found.append(line(label, arena.race(approver, seconds)))
        arena.clear()
    return found


def main() -> None:
    pathlib.Path("bench-approvals.json").write_text(json.dumps(measure(), indent=1) + "\n")
