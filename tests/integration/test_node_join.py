# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The join on the lab: honest and hostile kubelets, an API with bad days, and Ansible around it all."""

from __future__ import annotations

import base64
import json
import pathlib
import threading
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import issued_certificate
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Join
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Settings
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import machine
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from lab import namespace
from lab.control_plane import real_available
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import REQUESTS
from lab.kubelet import SERVING_SIGNER
from lab.kubelet import Timing
from lab.simulator import SimulatedControlPlane
from lab.simulator.faults import Faults
from lab.site import Site
from lab.site import machine_address
from lab.site import machine_spec
from lab.site import machine_specs

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


def test_check_mode_says_what_would_be_approved_and_writes_nothing(bench: Callable[..., Bench]) -> None:
    site = bench(2)
    site.start("worker-arm-1")
    request = site.site.machines["worker-arm-1"].wait_for("client_csr").details["name"]
    began = time.monotonic()
    result = site.join().look()
    assert time.monotonic() - began < 5
    assert [entry["name"] for entry in result["approved"]] == [request]
    assert result["machines"][0]["reason"] == f"would approve {request}."
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


RULES = [
    {
        "apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "apiGroups": ["certificates.k8s.io"],
        "resources": ["certificatesigningrequests/approval"],
        "verbs": ["update"],
    },
    {
        "apiGroups": ["certificates.k8s.io"],
        "resources": ["signers"],
        "resourceNames": [CLIENT_SIGNER, SERVING_SIGNER],
        "verbs": ["approve"],
    },
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch", "patch"]},
    {
        "apiGroups": ["config.openshift.io"],
        "resources": ["infrastructures", "networks", "ingresses", "dnses"],
        "resourceNames": ["cluster"],
        "verbs": ["get"],
    },
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
    dual = machine_spec(2, block=site_block, rsa=True)
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
