# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The join on the lab: honest and hostile kubelets, an API with bad days, and Ansible around it all."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import dataclasses
import itertools
import json
import pathlib
import random
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import pytest
import requests
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import issued_certificate
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import Decision
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import decide
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Join
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Settings
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import machine
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SIGNERS
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from lab import namespace
from lab.api import Api
from lab.api import ApiError as LabApiError
from lab.control_plane import real_available
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import REQUESTS
from lab.kubelet import SERVING_SIGNER
from lab.kubelet import Identity
from lab.kubelet import Timing
from lab.kubelet import certificate_request
from lab.kubelet import node_object
from lab.kubelet import request_object
from lab.kubelet import request_usages
from lab.pki import key_pem
from lab.pki import write_private
from lab.simulator import SimulatedControlPlane
from lab.simulator.faults import Faults
from lab.site import Site
from lab.site import machine_address
from lab.site import machine_spec
from lab.site import machine_specs
from lab.site import node_of
from lab.strangers import Stranger
from support import csr_corpus as corpus
from support.paths import ROOT

MakeSite = Callable[..., Site]
DONE = "proven" if namespace.inside() else "joined"
needs_network = pytest.mark.skipif(not namespace.inside(), reason="no network namespace on this system")
QUICK = Timing(serving_delay=0.02, ready_delay=0.02)


class Bench:
    """A site, the records of its machines, and joins on it."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.lines: list[str] = []
        self.notes: list[dict[str, Any]] = []
        self.armed: set[str] = set(site.machines)
        self.disarmed: list[str] = []

    def records(self, names: Sequence[str] | None = None, **changes: Any) -> list[dict[str, Any]]:
        chosen = self.site.machines if names is None else names
        return [{**self.record(name), **changes} for name in chosen]

    def record(self, name: str) -> dict[str, Any]:
        record, problems = machine(name, self.site._machine_variables(self.site.machines[name].spec))
        assert problems == []
        return record

    def join(
        self, records: list[dict[str, Any]] | None = None, *, kubeconfig: pathlib.Path | None = None, **settings: Any
    ) -> Join:
        cluster = connect({"kubeconfig": str(kubeconfig or self.site.kubeconfig)})
        values = {"timeout": 30.0, "heartbeat": 3600.0, **settings}
        return Join(
            cluster,
            self.records() if records is None else records,
            Settings(**values),
            say=self.lines.append,
            note=self.notes.append,
            disarm=self._disarm,
        )

    def _disarm(self, machines: list[dict[str, Any]]) -> bool:
        names = {item["name"] for item in machines} & self.armed
        self.armed -= names
        self.disarmed += sorted(names)
        return bool(names)

    def start(self, *names: str) -> None:
        for name in names or self.site.machines:
            self.site.machines[name].start_kubelet()

    @property
    def faults(self) -> Faults:
        assert isinstance(self.site.plane, SimulatedControlPlane)
        return self.site.plane.faults

    @property
    def approved_names(self) -> list[str]:
        return [approval.name for approval in self.site.plane.approvals]


def stages(result: dict[str, Any]) -> dict[str, str]:
    return {record["name"]: "failed" if record["failed"] else record["stage"] for record in result["machines"]}


def codes(result: dict[str, Any]) -> dict[str, str]:
    return {entry["name"]: entry["code"] for entry in result["left"]}


@pytest.fixture
def bench(make_site: MakeSite, site_block: int) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(machines: Any = 3, **values: Any) -> Bench:
        specs = machine_specs(machines, block=site_block) if isinstance(machines, int) else machines
        made.append(Bench(make_site(**{"machines": specs, "timing": QUICK, **values})))
        return made[-1]

    yield make
    assert [line for each in made for line in each.lines if ".." in line] == []


def test_machines_become_proven_nodes_and_a_second_run_changes_nothing(
    bench: Callable[..., Bench], site_block: int
) -> None:
    rsa = machine_spec(3, block=site_block, rsa=True)
    site = bench([*machine_specs(2, block=site_block), rsa])
    site.start()
    result = site.join().run()
    assert set(stages(result).values()) == {DONE}
    assert result["changed"] is True
    assert len(result["approved"]) == 6
    assert sorted(site.approved_names) == sorted(entry["name"] for entry in result["approved"])
    assert result["left"] == result["rejected"] == []
    assert sorted(site.disarmed) == sorted(site.site.machines)
    assert any("client CSR" in line and "s after it appeared)" in line for line in site.lines)

    again = site.join().run()
    assert (again["changed"], set(stages(again).values())) == (False, {DONE})
    assert len(site.approved_names) == 6


def test_requests_of_strangers_are_left_alone_with_reason_and_command(
    bench: Callable[..., Bench], site_block: int
) -> None:
    site = bench(2)
    stranger = site.site.stranger()
    hostile = {
        "escalation": stranger.client_request(
            "worker-arm-1",
            signer="kubernetes.io/kube-apiserver-client",
            organizations=("system:nodes", "system:cluster-admins"),
        ),
        "not_inventory": stranger.client_request("localhost.localdomain"),
        "subject_shape": stranger.client_request("worker-arm-2", organizations=("system:nodes", "system:masters")),
        "extensions": stranger.client_request("worker-arm-2", names=("worker-arm-2",)),
        "serving_requestor": stranger.serving_request("master-9", ("master-9", "192.0.2.9")),
        "groups": stranger.serving_request(
            "worker-arm-1", ("worker-arm-1",), groups=("system:nodes", "system:cluster-admins")
        ),
        "foreign name": stranger.serving_request("worker-arm-1", ("api.example.com",)),
    }
    flood = stranger.flood(30)
    site.start()
    result = site.join().run()
    assert set(stages(result).values()) == {DONE}
    names = {request["metadata"]["name"] for request in [*hostile.values(), *flood]}
    assert names.isdisjoint(site.approved_names)
    left = codes(result)
    for label in ("not_inventory", "subject_shape", "serving_requestor", "groups"):
        assert left[hostile[label]["metadata"]["name"]] == label
    # of a signer that is not ours: never even read
    assert hostile["escalation"]["metadata"]["name"] not in left
    commands = {entry["command"] for entry in result["left"]}
    assert f"oc adm certificate approve {flood[0]['metadata']['name']}" in commands


# What the collection's own account meets; the kubelets have theirs.
US = "system:admin"
FAULTS: dict[str, Callable[[Any], Any]] = {
    "409 on approval": lambda faults: faults.conflict_on_approval(3, user=US),
    "429 on lists": lambda faults: faults.too_many_requests(1, count=2, verb="list", user=US),
    "429 on approval": lambda faults: faults.too_many_requests(1, path="/approval", user=US),
    "503 on approval": lambda faults: faults.fail(503, count=3, path="/approval", user=US),
    "500 on lists": lambda faults: faults.fail(500, count=4, verb="list", user=US),
    "410 in the stream": lambda faults: faults.expire_watches(6, user=US),
    "slow answers": lambda faults: faults.delay(0.3, count=8, user=US),
    "503 on watches": lambda faults: faults.fail(503, count=4, verb="watch", user=US),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_machines_join_whatever_the_api_does(bench: Callable[..., Bench], fault: str) -> None:
    site = bench(3)
    join = site.join()
    FAULTS[fault](site.faults)
    site.start()
    result = join.run()
    assert set(stages(result).values()) == {DONE}, result["machines"]
    uids = [approval.uid for approval in site.site.plane.approvals]
    assert len(uids) == len(set(uids)) == 6


@pytest.mark.parametrize("fault", ["restart", "drop", "expire", "forget", "silence"])
def test_machines_join_though_open_watches_break(bench: Callable[..., Bench], fault: str) -> None:
    site = bench(3)
    faults = site.faults
    hurt = {
        "restart": lambda: faults.restart(1.0),
        "drop": faults.drop_open_watches,
        "expire": faults.expire_open_watches,
        "forget": faults.forget_history,
        "silence": lambda: faults.silence_open_watches("certificatesigningrequests|nodes"),
    }[fault]
    join = site.join(silence_seconds=1.5)
    running = threading.Thread(target=join.run)
    running.start()
    deadline = time.monotonic() + 5
    while not site.lines and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    hurt()
    site.start()
    running.join(30)
    assert not running.is_alive()
    assert {record["stage"] for record in join.records} == {DONE}
    uids = [approval.uid for approval in site.site.plane.approvals]
    assert len(uids) == len(set(uids)) == 6


def test_silent_machine_is_given_up_alone_and_explained(bench: Callable[..., Bench], site_block: int) -> None:
    nameless = machine_spec(2, block=site_block, host_name="localhost.localdomain", behaviour="localhost")
    site = bench([machine_spec(1, block=site_block), nameless])
    site.site.stranger().client_request("localhost.localdomain")
    site.start("worker-arm-1")
    result = site.join(timeout=4.0).run()
    assert stages(result) == {"worker-arm-1": DONE, "worker-arm-2": "failed"}
    silent = result["machines"][1]
    assert silent["reason_code"] == "near_miss"
    assert "localhost.localdomain" in silent["reason"]
    assert [miss["likely_machine"] for miss in result["near_misses"]] == ["worker-arm-2"]


def test_run_that_was_killed_between_the_approvals_is_taken_up(bench: Callable[..., Bench]) -> None:
    site = bench(2)
    site.start()
    for name in site.site.machines:
        request = site.site.machines[name].wait_for("client_csr").details["name"]
        site.site.approve(request)
        site.site.machines[name].wait_for("serving_csr")
    result = site.join().run()
    assert set(stages(result).values()) == {DONE}
    assert {entry["signer"] for entry in result["approved"]} == {SERVING_SIGNER}
    assert {record["approved_by"] for record in result["machines"]} == {"other"}


def test_pending_serving_request_of_a_ready_node_is_decided_and_nothing_else(bench: Callable[..., Bench]) -> None:
    site = bench(1)
    before = site.site.existing_node("worker-arm-1", pending_serving=True)
    time.sleep(2.1)  # creation times have whole seconds
    records = site.records(arm=False, labels={"zone": "a"})
    result = site.join(records).run()
    assert stages(result) == {"worker-arm-1": DONE}
    assert [entry["signer"] for entry in result["approved"]] == [SERVING_SIGNER]
    after = site.site.node("worker-arm-1")
    assert after is not None
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert site.disarmed == []


def test_client_request_for_an_existing_node_needs_its_uid(bench: Callable[..., Bench]) -> None:
    site = bench(1)
    node = site.site.existing_node("worker-arm-1", ready=False)
    request = site.site.stranger().client_request("worker-arm-1")
    time.sleep(2.1)
    refused = site.join(timeout=60.0).run()
    assert stages(refused) == {"worker-arm-1": "failed"}
    assert codes(refused)[request["metadata"]["name"]] == "node_exists"
    assert site.approved_names == []
    site.site.api.delete(f"{REQUESTS}/{request['metadata']['name']}")
    site.start()
    result = site.join(site.records(replace_node_uid=node["metadata"]["uid"])).run()
    assert stages(result) == {"worker-arm-1": DONE}


def test_approval_by_another_that_the_rules_refuse_fails_that_machine_alone(bench: Callable[..., Bench]) -> None:
    site = bench(2)
    bad = site.site.stranger().client_request("worker-arm-1", names=("worker-arm-1",))
    site.site.approve(bad["metadata"]["name"])
    site.start("worker-arm-2")
    result = site.join().run()
    assert stages(result) == {"worker-arm-1": "failed", "worker-arm-2": DONE}
    assert result["machines"][0]["reason_code"] == "approved_by_other"


def test_two_keys_for_one_machine_wait_and_the_newest_is_taken_only_on_request(bench: Callable[..., Bench]) -> None:
    site = bench(1)
    rival = site.site.stranger().client_request("worker-arm-1")
    time.sleep(1.1)
    site.start()
    site.site.machines["worker-arm-1"].wait_for("client_csr")
    waiting = site.join(timeout=2.0).run()
    assert (waiting["machines"][0]["reason_code"], site.approved_names) == ("ambiguous", [])
    result = site.join(parameters=Parameters(ambiguous="newest")).run()
    assert stages(result) == {"worker-arm-1": DONE}
    assert rival["metadata"]["name"] not in site.approved_names
    assert any("newest of several" in warning for warning in result["machines"][0]["warnings"])


def test_node_that_lies_about_its_addresses_gets_no_serving_certificate(
    bench: Callable[..., Bench], site_block: int
) -> None:
    liar = machine_spec(1, block=site_block, reported_addresses=[machine_address(1, site_block), "192.0.2.200"])
    site = bench([liar])
    site.start()
    result = site.join(timeout=3.0).run()
    assert stages(result) == {"worker-arm-1": "failed"}
    assert "192.0.2.200" in result["machines"][0]["reason"]
    assert [entry["signer"] for entry in result["approved"]] == [CLIENT_SIGNER]


def test_labels_taints_and_cordon_come_with_the_node_and_the_cordon_goes(bench: Callable[..., Bench]) -> None:
    site = bench(1)
    taint = {"key": "arch", "value": "arm64", "effect": "NoSchedule"}
    site.start()
    result = site.join(site.records(labels={"zone": "a"}, taints=[taint]), cordon=True).run()
    assert stages(result) == {"worker-arm-1": DONE}
    node = site.site.node("worker-arm-1")
    assert node is not None
    assert node["metadata"]["labels"]["zone"] == "a"
    assert taint in node["spec"]["taints"]
    assert not node["spec"].get("unschedulable")
    assert "multiarch.openshift/cordoned" not in node["metadata"].get("annotations", {})
    assert site.join(site.records(labels={"zone": "a"}, taints=[taint])).run()["changed"] is False


@pytest.mark.parametrize("works", [True, False])
def test_labels_come_before_the_serving_certificate_and_where_they_fail_it_comes_all_the_same(
    bench: Callable[..., Bench], works: bool
) -> None:
    site = bench(1)
    if not works:
        site.faults.fail(500, count=1000, verb="patch", path="/nodes/", user="system:admin")
    site.start()
    result = site.join(site.records(labels={"zone": "a"})).run()
    assert stages(result) == {"worker-arm-1": DONE}
    written = [
        "label" if request.verb == "patch" else "approval"
        for request in site.site.plane.requests
        if (
            request.verb == "patch"
            and request.path.startswith("/api/v1/nodes/")
            and not request.path.endswith("/status")
        )
        or request.path.endswith("/approval")
    ]
    first = written.index("label")
    assert (written[:first], written.count("approval")) == (["approval"], 2)
    warnings = " ".join(result["machines"][0]["warnings"])
    assert ("was not changed as the inventory says" in warnings) is not works
    # an API in trouble is not asked without a pause
    assert written.count("label") < 12


def test_check_mode_says_what_would_be_approved_and_writes_nothing(bench: Callable[..., Bench]) -> None:
    site = bench(2)
    site.start("worker-arm-1")
    request = site.site.machines["worker-arm-1"].wait_for("client_csr").details["name"]
    began = time.monotonic()
    result = site.join().look()
    assert time.monotonic() - began < 5
    assert [entry["name"] for entry in result["approved"]] == [request]
    assert result["machines"][0]["would"] == [f"approve {request}"]
    assert [record["changed"] for record in result["machines"]] == [True, False]
    assert [record["failed"] for record in result["machines"]] == [False, False]
    assert site.approved_names == []


def test_missing_rights_are_named_before_anything_is_listed(bench: Callable[..., Bench]) -> None:
    site = bench(1)
    reads = {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]}
    site.site.plane.restrict("somebody", [reads])
    with pytest.raises(OperationError) as caught:
        site.join(kubeconfig=site.site.plane.kubeconfig("somebody")).run()
    for right in ("list certificatesigningrequests", "approve signers of certificates.k8s.io named " + SERVING_SIGNER):
        assert right in str(caught.value)
    assert "nodes" not in str(caught.value)


MANIFEST = yaml.safe_load((ROOT / "docs/rbac.yml").read_text())["items"]
ACCOUNT = "system:serviceaccount:multiarch-openshift:add-arm-workers"
# What the join itself asks for; the other rules are of other steps, or only make it say more.
OF_THE_JOIN = {
    "certificatesigningrequests",
    "certificatesigningrequests/approval",
    "signers",
    "nodes",
    "infrastructures",
}
GRANTED = [rule for item in MANIFEST if item["kind"] == "ClusterRole" for rule in item["rules"]]
RULES = [
    # as the manifest says for machine_labels
    {**rule, "verbs": [*rule["verbs"], "patch"]} if rule["resources"] == ["nodes"] else rule
    for rule in GRANTED
    if OF_THE_JOIN & set(rule["resources"])
]


def test_account_with_just_the_needed_rights_is_enough(bench: Callable[..., Bench]) -> None:
    site = bench(1)
    site.site.plane.restrict("joiner", RULES)
    site.start()
    join = site.join(site.records(labels={"zone": "a"}), kubeconfig=site.site.plane.kubeconfig("joiner"))
    result = join.run()
    assert stages(result) == {"worker-arm-1": DONE}
    assert [approval.user for approval in site.site.plane.approvals] == ["joiner", "joiner"]
    assert result["warnings"] == ["The account node-bootstrapper cannot be read, so its UID is not compared."]


@pytest.mark.real
@pytest.mark.skipif(bool(real_available()), reason=real_available())
def test_documented_manifest_is_enough_for_the_account_that_it_makes(bench: Callable[..., Bench]) -> None:
    site = bench(2, control_plane="real")
    site.site.api.apply(MANIFEST)
    kubeconfig = site.site.plane.kubeconfig(token=site.site.plane.token(ACCOUNT))
    site.start()
    run = site.site.run(
        "approve_csrs",
        environment={"K8S_AUTH_KUBECONFIG": str(kubeconfig)},
        extra_vars={"approve_csrs_account": "none", "approve_csrs_timeout": 90},
    )
    assert run.rc == 0, run.stdout
    assert run.stdout.count(f": {DONE}") >= 2, run.stdout
    assert [approval.user for approval in site.site.plane.approvals] == [ACCOUNT] * 4
    # nothing that the run asks for was refused to it; the client library asks for a version that it can do without
    refused = {item.path for item in site.site.plane.requests if item.user == ACCOUNT and item.status == 403}
    assert refused <= {"/version/openshift"}
    assert "node-bootstrapper cannot be read" not in run.stdout


@pytest.mark.parametrize("missing", range(len(RULES)))
def test_each_missing_right_is_named(bench: Callable[..., Bench], missing: int) -> None:
    site = bench(1)
    site.site.plane.restrict("joiner", [rule for number, rule in enumerate(RULES) if number != missing])
    join = site.join(site.records(labels={"zone": "a"}), kubeconfig=site.site.plane.kubeconfig("joiner"))
    with pytest.raises(OperationError) as caught:
        join.run()
    rule = RULES[missing]
    for verb in rule["verbs"]:
        for resource in rule["resources"]:
            assert f"{verb} {resource}" in str(caught.value)
    assert "docs/rbac.md" in str(caught.value)


def test_honest_machines_join_in_a_storm_and_nobody_else_does(bench: Callable[..., Bench]) -> None:
    site = bench(8)
    faults, plane = site.faults, site.site.plane
    stranger, hostile = site.site.stranger(), set()
    over, raged = threading.Event(), threading.Event()

    def storm() -> None:
        number = 0
        while not over.is_set():
            number += 1
            name = f"worker-arm-{number % 8 + 1}"
            for request in (
                stranger.client_request(f"worker-flood-{number}"),
                stranger.client_request(name, organizations=("system:nodes", "system:masters")),
                stranger.client_request(name, usages=["digital signature", "server auth"]),
                stranger.client_request(name, names=(name,)),
            ):
                hostile.add(request["metadata"]["uid"])
            faults.conflict_on_approval(1, user=US)
            faults.fail(503, count=1, path="/approval", user=US)
            if number % 3 == 0:
                faults.drop_open_watches()
            if number % 5 == 0:
                faults.expire_open_watches()
            raged.set()
            over.wait(0.1)

    weather = threading.Thread(target=storm)
    weather.start()
    try:
        assert raged.wait(30)
        site.start()
        result = site.join(timeout=60).run()
    finally:
        over.set()
        weather.join(10)
    assert set(stages(result).values()) == {DONE}
    uids = [approval.uid for approval in plane.approvals]
    assert len(uids) == len(set(uids)) == 16
    assert hostile.isdisjoint(uids)
    assert {entry["uid"] for entry in result["approved"]} == set(uids)


class Checked:
    """The cluster; before each approval the pure function is asked about the object as the API then has it.

    :param after: what happens to a machine in the moment in which its client request was approved
    """

    def __init__(self, join: Join, site: Site, *, after: Callable[[str], Any] = lambda _node_name: None) -> None:
        self._cluster, self._join, self._site, self._after = join._cluster, join, site, after
        self.refused: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    def put_approval(self, csr: dict[str, Any]) -> dict[str, Any]:
        decision = self._decision(csr["metadata"]["uid"])
        # what was approved already by an answer that was lost is the API's to refuse
        if decision.verdict != "approve" and decision.code != "not_pending":
            self.refused.append(f"{csr['metadata']['name']}: {decision.detail}")
        stored = dict(self._cluster.put_approval(csr))
        if csr["spec"]["signerName"] == CLIENT_SIGNER:
            self._after(node_of(csr))
        return stored

    def _decision(self, uid: str) -> Decision:
        known = self._join._world
        given = {other: approval for other, approval in known.approved_here.items() if other != uid}
        world = World(known.parameters, known.deny, known.bootstrapper_uid, given)
        world.replace_nodes(self._read("/api/v1/nodes"))
        for request in self._read(REQUESTS):
            if request["spec"]["signerName"] in SIGNERS:
                world.put_csr(request)
        return decide(world.csrs[uid], self._join._active, world, time.time())

    def _read(self, path: str) -> list[dict[str, Any]]:
        while True:
            with contextlib.suppress(LabApiError, requests.RequestException):
                return self._site.api.list(path)
            time.sleep(0.05)


@pytest.mark.parametrize("seed", range(2))
def test_invariants_hold_under_any_schedule_of_faults_and_strangers(
    bench: Callable[..., Bench], site_block: int, seed: int
) -> None:
    """Honest machines are proven, and nobody else gets anything.

    A liar and a nameless one end by their deadline, and so does one whose request somebody races.
    """
    honest = [f"worker-arm-{number}" for number in (1, 2, 3, 4)]
    liar = machine_spec(5, block=site_block, reported_addresses=[machine_address(5, site_block), "192.0.2.200"])
    renamed = machine_spec(6, block=site_block, host_name="localhost.localdomain", behaviour="localhost")
    raced = machine_spec(7, block=site_block)
    site = bench([*machine_specs(4, block=site_block), liar, renamed, raced])
    source, stranger = random.Random(seed), site.site.stranger()
    faults, over, raged = site.faults, threading.Event(), threading.Event()
    hostile: set[str] = set()
    numbers = itertools.count(1)

    def rival(name: str) -> None:
        stored = False
        while not stored:
            with contextlib.suppress(LabApiError, requests.RequestException):
                stored = bool(post_first(stranger, name, next(numbers)))

    racers = [lambda: rival(raced.name), lambda: site.start(raced.name)]
    for racer in racers if seed else reversed(racers):
        racer()
    site.site.machines[raced.name].wait_for("client_csr")
    # Each once: a request whose approval meets conflicts without end is given up after five.
    blows: list[Callable[[], Any]] = [
        *(lambda fault=fault: fault(faults) for fault in FAULTS.values()),
        faults.drop_open_watches,
        faults.expire_open_watches,
        faults.forget_history,
        lambda: faults.restart(0.3),
    ]
    source.shuffle(blows)

    def storm() -> None:
        number = 0
        # all of it in this process: without an end it would be a test of the machine that it runs on
        while not over.is_set() and number < 120:
            number += 1
            name = source.choice(honest)
            with contextlib.suppress(LabApiError, requests.RequestException):
                request = post_something_hostile(stranger, source, name, number)
                hostile.add(request["metadata"]["uid"])
            if number % 4 == 0 and blows:
                blows.pop()()
            raged.set()
            over.wait(0.05)

    join = site.join(timeout=40.0)
    checked = Checked(join, site.site, after=rival)
    join._cluster = checked
    weather = threading.Thread(target=storm)
    weather.start()
    try:
        assert raged.wait(30)
        site.start(*honest, liar.name, renamed.name)
        result = join.run()
    finally:
        over.set()
        weather.join(10)
    unlucky = [liar.name, renamed.name, raced.name]
    expected = {**dict.fromkeys(honest, DONE), **dict.fromkeys(unlucky, "failed")}
    assert stages(result) == expected, [(r["name"], r["stage"], r["reason"]) for r in result["machines"]]
    assert result["machines"][-1]["reason_code"] == "ambiguous"
    assert checked.refused == []
    approvals = site.site.plane.approvals
    uids = [approval.uid for approval in approvals]
    assert len(uids) == len(set(uids)) == 2 * len(honest) + 1  # the liar has its client certificate
    assert hostile.isdisjoint(uids)
    assert {entry["uid"] for entry in result["approved"]} == set(uids)
    planned = {*honest, liar.name}
    assert {node_of(site.site.api.get(f"{REQUESTS}/{approval.name}")) for approval in approvals} == planned
    # each had its rival, as good as its own request, and first in every list
    rivals = [item for item in site.site.api.list(REQUESTS) if item["metadata"]["name"].startswith(FIRST)]
    assert {node_of(item) for item in rivals} == {*planned, raced.name}
    assert {item["metadata"]["uid"] for item in rivals}.isdisjoint(uids)


def post_something_hostile(stranger: Stranger, source: random.Random, name: str, number: int) -> dict[str, Any]:
    """One of the requests that a holder of the bootstrap token, or a node, may try."""
    attempts: list[Callable[[], dict[str, Any]]] = [
        lambda: stranger.client_request(f"worker-flood-{number}"),
        lambda: stranger.client_request(f"{name}.example.com"),
        lambda: stranger.client_request(name, organizations=("system:nodes", "system:masters")),
        lambda: stranger.client_request(name, names=(name,)),
        lambda: stranger.client_request(name, user=name, groups=("system:nodes",)),
        lambda: stranger.serving_request(name, (name, "192.0.2.201")),
        lambda: stranger.serving_request("master-0", ("master-0",), user=f"system:node:{name}"),
    ]
    return source.choice(attempts)()


# Sorts before all names that the API makes for kubelets
FIRST = "csr-00000-"


def post_first(stranger: Stranger, name: str, number: int) -> dict[str, Any]:
    """A rival with a key of its own that is as good as the machine's request, and whose name sorts first."""
    key = ec.generate_private_key(ec.SECP256R1())
    body = request_object(certificate_request(name, key), CLIENT_SIGNER, request_usages("client", key))
    return dict(stranger.bootstrap.post(REQUESTS, {**body, "metadata": {"name": f"{FIRST}{number}"}}))


def verbs() -> Iterator[tuple[str, list[dict[str, Any]], str]]:
    """Each right of the manifest by name, the rules without it, and how it is named."""
    for number, rule in enumerate(RULES):
        names = rule.get("resourceNames", [""])
        for verb, resource, name in itertools.product(rule["verbs"], rule["resources"], names):
            rest = [
                {
                    "apiGroups": other["apiGroups"],
                    "resources": [kind],
                    "verbs": [each],
                    **({"resourceNames": [one]} if one else {}),
                }
                for place, other in enumerate(RULES)
                for each, kind, one in itertools.product(
                    other["verbs"], other["resources"], other.get("resourceNames", [""])
                )
                if (place, each, kind, one) != (number, verb, resource, name)
            ]
            group = f" of {rule['apiGroups'][0]}" if rule["apiGroups"][0] else ""
            yield f"{verb}-{resource}-{name}", rest, f"{verb} {resource}{group}" + (f" named {name}" if name else "")


@pytest.mark.real
@pytest.mark.skipif(bool(real_available()), reason=real_available())
def test_real_control_plane_is_asked_for_each_right_and_each_missing_one_is_named(bench: Callable[..., Bench]) -> None:
    site = bench(1, control_plane="real")
    records = site.records(labels={"zone": "a"})
    named = {}
    for number, (right, rules, words) in enumerate(verbs()):
        site.site.plane.restrict(f"joiner-{number}", rules)
        join = site.join(records, kubeconfig=site.site.plane.kubeconfig(f"joiner-{number}"))
        # the real authorizer learns of a role after a moment: until then more is missing
        deadline = time.monotonic() + 20
        while True:
            with pytest.raises(OperationError) as caught:
                join.run()
            missing = str(caught.value).partition(" on https:")[0].removeprefix("The account may not ")
            if "," not in missing or time.monotonic() > deadline:
                break
        named[right] = (missing, words)
    assert len(named) == 3 + 1 + 2 + 4 + 4
    assert {right: said for right, (said, _words) in named.items()} == {
        right: words for right, (_said, words) in named.items()
    }
    assert site.approved_names == []


def test_request_of_a_failed_machine_is_listed_with_what_is_wrong_with_itself(bench: Callable[..., Bench]) -> None:
    site = bench(2)
    stranger = site.site.stranger()
    bad = stranger.client_request("worker-arm-1", organizations=("system:nodes", "system:masters"))
    good = stranger.client_request("worker-arm-2")
    records = site.records(failed=True, reason="its disk is not there.")
    result = site.join(records).look()
    found = {entry["name"]: (entry["code"], entry["detail"]) for entry in result["left"]}
    assert found[bad["metadata"]["name"]][0] == "subject_shape"
    # only where nothing else is against it
    assert found[good["metadata"]["name"]] == ("machine_failed", "worker-arm-2 failed: its disk is not there.")
    assert site.approved_names == []


def test_boot_files_are_said_to_be_withdrawn_only_where_a_machine_can_have_some(
    bench: Callable[..., Bench], site_block: int
) -> None:
    methods = ("grub", "iso", "external")
    site = bench(machine_specs(3, block=site_block, methods=methods))
    site.start()
    result = site.join([{**site.record(name), "arm": True} for name in site.site.machines]).run()
    assert set(stages(result).values()) == {DONE}
    assert [line for line in site.lines if "boot files" in line] == ["worker-arm-1  boot files withdrawn"]


def test_records_of_another_cluster_stop_the_step(bench: Callable[..., Bench]) -> None:
    site = bench(1)
    records = site.records(cluster={"name": "other-12345", "uid": "0"})
    with pytest.raises(OperationError, match="The run began on cluster other-12345"):
        site.join(records).run()


@pytest.mark.real
@pytest.mark.skipif(bool(real_available()), reason=real_available())
def test_real_control_plane_signs_exactly_the_identities_that_were_approved(
    bench: Callable[..., Bench], site_block: int
) -> None:
    both = [machine_address(2, site_block), f"2001:db8:{site_block:x}::2"]
    dual = machine_spec(2, block=site_block, addresses=both, rsa=True)
    site = bench([machine_spec(1, block=site_block), dual], control_plane="real")
    stranger = site.site.stranger()
    stranger.client_request("worker-arm-9")
    site.start()
    result = site.join().run()
    assert set(stages(result).values()) == {DONE}
    for record in result["machines"]:
        for name in (record["client_csr"], record["serving_csr"]):
            stored = site.site.api.get(f"{REQUESTS}/{name}")
            certificate = issued_certificate(stored)
            assert certificate is not None
            assert certificate.common_name == f"system:node:{record['node_name']}"
            assert certificate.organizations == ("system:nodes",)
            serving = stored["spec"]["signerName"] == SERVING_SIGNER
            assert [str(address) for address in certificate.addresses] == (record["addresses"] if serving else [])
            assert list(certificate.dns_names) == ([record["node_name"]] if serving else [])
    assert [entry["code"] for entry in result["left"]] == ["not_inventory"]


class Asker:
    """Asks for a machine's certificates with the requests of the positive corpus."""

    def __init__(self, site: Site, stranger: Stranger, name: str, kind: str, version: int) -> None:
        self.name, self._kind, self._version = name, kind, version
        self._site, self._bootstrap = site, stranger.bootstrap
        self._addresses = site.machines[name].spec.addresses
        self.asked: dict[str, tuple[str, corpus.Parts]] = {}
        """Name and parts of the request by its signer."""

    def ask_for_client(self) -> None:
        self._ask(self._bootstrap, *corpus.client_csr(self.name, kind=self._kind, version=self._version))

    def register_and_ask_for_serving(self) -> None:
        name, parts = self.asked[CLIENT_SIGNER]
        found = self._site.api.wait_for(f"{REQUESTS}/{name}", lambda item: "certificate" in item["status"], 60)
        path = self._site.directory / f"{self.name}.pem"
        write_private(path, base64.b64decode(found["status"]["certificate"]) + key_pem(parts.key))
        with contextlib.closing(Api(self._site.plane.url, self._site.plane.ca_path, (path, path))) as api:
            identity = Identity(self.name, tuple(self._addresses), "arm64", "")
            node = node_object(identity)
            # a label has 63 characters at most, and so has a host name
            node["metadata"]["labels"]["kubernetes.io/hostname"] = self.name.partition(".")[0]
            api.post("/api/v1/nodes", node)
            made = corpus.serving_csr(self.name, self._addresses, kind=self._kind, version=self._version)
            self._ask(api, *made)
            ready = node_object(identity, ready=True)["status"]["conditions"]
            api.patch(f"/api/v1/nodes/{self.name}/status", {"status": {"conditions": ready}}, "strategic")

    def _ask(self, api: Api, csr: dict[str, Any], parts: corpus.Parts) -> None:
        spec = csr["spec"]
        # Go takes the hash that goes with the curve
        parts = dataclasses.replace(parts, digest={"p384": "sha384", "p521": "sha512"}.get(self._kind, "sha256"))
        made = api.post(REQUESTS, request_object(corpus.pem(parts.der()), spec["signerName"], spec["usages"]))
        self.asked[spec["signerName"]] = (made["metadata"]["name"], parts)


@pytest.mark.real
@pytest.mark.skipif(bool(real_available()), reason=real_available())
def test_real_control_plane_signs_all_keys_families_and_names_that_are_approved(
    bench: Callable[..., Bench], site_block: int
) -> None:
    def addresses(number: int, family: str) -> list[str]:
        mine = {"IPv4": machine_address(number, site_block), "IPv6": f"2001:db8:{site_block:x}::{number:x}"}
        return list(mine.values()) if family == "dual" else [mine[family]]

    kinds = ("p256", "p384", "p521", "rsa2048", "rsa4096")
    wanted = [(kind, family, "") for kind, family in itertools.product(kinds, corpus.FAMILIES)]
    wanted += [("p256", "dual", name) for name in corpus.NAMES[1:]]
    specs, askers = [], []
    for number, (_kind, family, name) in enumerate(wanted, 1):
        named = {"name": name} if name else {}
        specs.append(machine_spec(number, block=site_block, addresses=addresses(number, family), **named))
    site = bench(specs, control_plane="real")
    stranger = site.site.stranger()
    for spec, (kind, _family, _name), version in zip(specs, wanted, itertools.cycle(corpus.KUBELET_VERSIONS)):
        askers.append(Asker(site.site, stranger, spec.name, kind, version))
    join = site.join(timeout=120.0, probe_kubelet="never")
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        running = executor.submit(join.run)
        for asker in askers:
            asker.ask_for_client()
        for asker in askers:
            asker.register_and_ask_for_serving()
        result = running.result()
    assert set(stages(result).values()) == {"joined"}, [(r["name"], r["reason"]) for r in result["machines"]]
    assert len(site.approved_names) == 2 * len(wanted)
    for asker, record in zip(askers, result["machines"]):
        for signer, (name, parts) in asker.asked.items():
            serving = signer == SERVING_SIGNER
            assert name in site.approved_names
            assert record["serving_csr" if serving else "client_csr"] == name
            stored = site.site.api.get(f"{REQUESTS}/{name}")
            certificate = issued_certificate(stored)
            assert certificate is not None, stored["status"]
            assert certificate.common_name == f"system:node:{asker.name}"
            assert certificate.organizations == ("system:nodes",)
            assert sorted(map(str, certificate.addresses)) == (sorted(record["addresses"]) if serving else [])
            assert list(certificate.dns_names) == ([asker.name] if serving else [])
            issued = x509.load_pem_x509_certificate(base64.b64decode(stored["status"]["certificate"]))
            assert corpus.spki(issued) == corpus.spki(parts.key)
            [purpose] = issued.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            assert purpose == (ExtendedKeyUsageOID.SERVER_AUTH if serving else ExtendedKeyUsageOID.CLIENT_AUTH)
            assert issued.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    assert result["left"] == []


PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Join
      multiarch.openshift.node_join:
        machines: "{{ records }}"
        timeout: 30
        events_path: "{{ events }}"
        disarm:
          cluster: lab-x7k2p
          directory: "{{ directory }}"
      environment:
        K8S_AUTH_KUBECONFIG: "{{ kubeconfig }}"
      register: join
    - name: Show
      ansible.builtin.copy:
        content: "{{ join | to_json }}"
        dest: "{{ result }}"
        mode: "0600"
      check_mode: false
"""


def test_playbook_shows_events_as_lines_and_withdraws_boot_files(
    bench: Callable[..., Bench], tmp_path: pathlib.Path
) -> None:
    site = bench(2)
    folder = site.site.publish_directory / "ipxe"
    folder.mkdir(exist_ok=True)
    boot_files = []
    for name, found in site.site.machines.items():
        path = folder / f"{found.spec.macs[0].replace(':', '-')}.ipxe"
        path.write_text(f"#!ipxe\n# multiarch.openshift cluster=lab-x7k2p machine={name}\n")
        boot_files.append(path)
    play = tmp_path / "play.yml"
    play.write_text(PLAY)
    values = {
        "records": site.records(),
        "events": str(tmp_path / "events.jsonl"),
        "directory": str(site.site.publish_directory),
        "kubeconfig": str(site.site.kubeconfig),
        "result": str(tmp_path / "result.json"),
    }
    site.start()
    checked = site.site.run(str(play), "--check", extra_vars=values, environment={"K8S_AUTH_KUBECONFIG": ""})
    assert checked.rc == 0, checked.stdout
    assert site.approved_names == []
    run = site.site.run(str(play), extra_vars=values, environment={"K8S_AUTH_KUBECONFIG": ""})
    assert run.rc == 0, run.stdout
    assert run.changed >= 1
    result = json.loads((tmp_path / "result.json").read_text())
    assert set(stages(result).values()) == {DONE}
    assert "worker-arm-1  client CSR" in run.stdout
    assert "boot files withdrawn" in run.stdout
    assert "REQUESTEDDURATION" in run.stdout
    assert [path for path in boot_files if path.exists()] == []
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert {event["event"] for event in events} >= {"client_approved", "serving_approved", "disarmed", DONE}
    assert base64.b64encode(b"BEGIN CERTIFICATE REQUEST").decode()[:20] not in run.stdout


def test_interrupted_run_leaves_its_events(bench: Callable[..., Bench], tmp_path: pathlib.Path) -> None:
    site = bench(1)
    play = tmp_path / "play.yml"
    play.write_text(PLAY)
    values = {
        "records": site.records(),
        "events": str(tmp_path / "events.jsonl"),
        "directory": str(site.site.publish_directory),
        "kubeconfig": str(site.site.kubeconfig),
        "result": str(tmp_path / "result.json"),
    }
    running = site.site.start(str(play), extra_vars=values)
    running.wait_for_output("Waiting for 1 machines")
    running.interrupt()
    running.wait(20)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert events[-1]["event"] == "interrupted"
    assert events[-1]["machines"] == {"worker-arm-1": "planned"}
