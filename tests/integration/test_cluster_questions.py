# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Payload, ignition and boot artifacts, asked of the lab's API server."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.modules import boot_artifact_info
from ansible_collections.multiarch.openshift.plugins.modules import ignition_export
from ansible_collections.multiarch.openshift.plugins.modules import payload_info
from lab import objects
from lab.control_plane import control_plane
from lab.plane import ControlPlane
from lab.playbook import start_playbook
from lab.simulator.container import PRINTS
from support.module import run_module

Document = dict[str, t.Any]
VERSION = "4.18.3"
RELEASE = "418.94.202601010000-0"
NAMESPACE = objects.MACHINE_API_NAMESPACE
MODULES = {
    "payload_info": payload_info.main,
    "ignition_export": ignition_export.main,
    "boot_artifact_info": boot_artifact_info.main,
}


def artifact(kind: str) -> Document:
    name = objects.artifact_name("aarch64", kind, RELEASE)
    return {"location": f"https://rhcos.example.com/{name}", "sha256": hashlib.sha256(kind.encode()).hexdigest()}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[ControlPlane]:
    streams = {"aarch64": {"release": RELEASE, **{kind: artifact(kind) for kind in objects.SUFFIXES}}}
    with control_plane(tmp_path_factory.mktemp("plane")) as plane:
        server = "https://192.0.2.2:22623"
        plane.api.apply(objects.cluster_objects("lab-x7k2p", VERSION, plane.address, server, plane.ca_pem, streams))
        plane.api.apply([objects.user_data_secret("storage", server, plane.ca_pem)])
        stub = {"ignition": {"version": "2.2.0", "config": {"append": [{"source": "https://canary-5d1c/"}]}}}
        for name, entries in {
            "stub-user-data": {"userData": json.dumps(stub)},
            "broken-user-data": {"userData": '{"canary-5d1c'},
            "empty-user-data": {"disableTemplating": "true\n"},
        }.items():
            encoded = {key: base64.b64encode(text.encode()).decode() for key, text in entries.items()}
            plane.api.apply([secret(name, encoded)])
        yield plane


def secret(name: str, data: dict[str, str]) -> Document:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": NAMESPACE}, "data": data}


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("K8S_AUTH_KUBECONFIG", "K8S_AUTH_HOST", "K8S_AUTH_VERIFY_SSL", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ask(plane: ControlPlane) -> t.Callable[..., Document]:
    def run(module: str, *, check: bool = False, user: str = "admin", **arguments: t.Any) -> Document:
        kubeconfig = str(plane.kubeconfig(user))
        return run_module(MODULES[module], {"kubeconfig": kubeconfig, **arguments}, check=check, diff=True)

    return run


def machine(name: str = "a", pool: str = "worker", **more: t.Any) -> Document:
    record = {"name": name, "pool": pool, "architecture": "aarch64", "boot_method": "grub", "failed": False}
    return {**record, **more}


def identity(plane: ControlPlane) -> Document:
    uid = plane.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    return {"name": "lab-x7k2p", "uid": uid}


# --- payload_info


@pytest.fixture
def set_payload(plane: ControlPlane) -> t.Iterator[t.Callable[[str], None]]:
    def change(kind: str) -> None:
        plane.api.apply([objects.cluster_version(VERSION, kind)])

    yield change
    change("multi")


def test_multi_payload_marks_the_machines_with_the_cluster(ask: t.Callable[..., Document], plane: ControlPlane) -> None:
    records = [machine("a"), machine("b", failed=True, reason="before")]
    answer = ask("payload_info", machines=records)
    assert (answer["architecture"], answer["source"], answer["ok"]) == ("multi", "ReleaseAccepted", True)
    assert answer["metadata"] == {"release.openshift.io/architecture": "multi"}
    assert answer["cluster"] == identity(plane)
    assert answer["machines"] == [{**records[0], "cluster": identity(plane)}, records[1]]
    assert [pool["name"] for pool in answer["pools"]] == ["master", "worker"]
    assert answer["changed"] is False


@pytest.mark.parametrize(
    ("kind", "architecture", "step"),
    [
        ("single", "single", "oc adm upgrade --to-multi-arch"),
        ("migrating", "multi", "oc get clusterversion version --watch"),
        ("unknown", "unknown", "verify_payload_release_metadata"),
    ],
)
def test_anything_but_a_finished_multi_payload_says_what_to_do(
    ask: t.Callable[..., Document], set_payload: t.Callable[[str], None], kind: str, architecture: str, step: str
) -> None:
    set_payload(kind)
    answer = ask("payload_info")
    assert (answer["architecture"], answer["ok"], answer["machines"]) == (architecture, False, [])
    assert step in answer["next_step"]


def test_given_metadata_answers_for_a_cluster_that_does_not(
    ask: t.Callable[..., Document], set_payload: t.Callable[[str], None]
) -> None:
    set_payload("unknown")
    answer = ask("payload_info", release_metadata='{"release.openshift.io/architecture":"multi"}')
    assert (answer["architecture"], answer["source"], answer["ok"]) == ("multi", "given", True)
    assert ask("payload_info", release_metadata="")["architecture"] == "unknown"
    assert "not the JSON object that oc prints" in ask("payload_info", release_metadata="multi")["msg"]


def test_payload_without_a_pod_to_ask_stays_unknown(
    ask: t.Callable[..., Document], set_payload: t.Callable[[str], None]
) -> None:
    set_payload("unknown")
    answer = ask("payload_info", exec=True)
    assert answer["architecture"] == "unknown"
    assert "No pod of the cluster-version operator runs from" in answer["next_step"]


def operator_pod(image: str, metadata: Document, version: str = VERSION) -> Document:
    text = json.dumps({"kind": "cincinnati-metadata-v0", "version": version, "metadata": metadata})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "cluster-version-operator-7d9c5",
            "namespace": payload_info.OPERATOR_NAMESPACE,
            "labels": {"k8s-app": "cluster-version-operator"},
            "annotations": {PRINTS: text},
        },
        "spec": {"nodeName": "master-0", "containers": [{"name": "cluster-version-operator", "image": image}]},
        "status": {"phase": "Running"},
    }


def test_payload_is_asked_in_the_pod_only_on_request(
    ask: t.Callable[..., Document], plane: ControlPlane, set_payload: t.Callable[[str], None]
) -> None:
    set_payload("unknown")
    image = plane.api.get("/apis/config.openshift.io/v1/clusterversions/version")["status"]["desired"]["image"]
    pod = operator_pod(image, {"release.openshift.io/architecture": "multi", "url": "https://é"})
    plane.api.apply([pod])
    try:
        assert ask("payload_info")["architecture"] == "unknown"
        answer = ask("payload_info", exec=True)
        assert (answer["architecture"], answer["source"], answer["ok"]) == ("multi", "release-metadata", True)
        assert answer["metadata"]["url"] == "https://é"
    finally:
        plane.api.delete(plane.api.path_of(pod))


@pytest.mark.parametrize("module", MODULES)
def test_machines_of_another_cluster_stop_every_question(ask: t.Callable[..., Document], module: str) -> None:
    elsewhere = machine(cluster={"name": "other", "uid": "1"})
    answer = ask(module, machines=[elsewhere])
    assert answer["failed"]
    assert "The run began on cluster other (1)" in answer["msg"]


def test_missing_right_is_named(ask: t.Callable[..., Document]) -> None:
    answer = ask("payload_info", user="nobody")
    assert answer["failed"]
    assert "HTTP 403" in answer["msg"]


# --- ignition_export


def test_ignition_is_kept_as_it_is_and_shown_nowhere(
    ask: t.Callable[..., Document], plane: ControlPlane, tmp_path: pathlib.Path
) -> None:
    records = [machine("a"), machine("b", "storage"), machine("c", "absent", failed=True)]
    dest = tmp_path / "private" / "ignition"
    answer = ask("ignition_export", machines=records, dest=str(dest))
    content = objects.pointer_ignition("https://192.0.2.2:22623", "worker", plane.ca_pem)
    assert [entry["pool"] for entry in answer["ignition"]] == ["storage", "worker"]
    worker = answer["ignition"][1]
    assert pathlib.Path(worker["path"]).read_bytes() == content
    assert worker["hash"] == "sha512-" + hashlib.sha512(content).hexdigest()
    assert (worker["size"], worker["spec_version"]) == (len(content), "3.4.0")
    assert worker["merge_sources"] == ["https://192.0.2.2:22623/config/worker"]
    assert worker["certificate_authorities"][0]["subject"].startswith("CN=")
    assert (dest.stat().st_mode & 0o777, pathlib.Path(worker["path"]).stat().st_mode & 0o777) == (0o700, 0o600)
    assert (answer["changed"], answer["directory"], answer["machines"]) == (True, str(dest), records)
    assert answer["diff"][1]["after"] == f"{worker['hash']}\n"
    assert "certificateAuthorities" not in json.dumps(answer)

    again = ask("ignition_export", machines=records, dest=str(dest))
    assert (again["changed"], again["diff"], again["ignition"]) == (False, [], answer["ignition"])


def test_check_mode_writes_nothing(ask: t.Callable[..., Document], tmp_path: pathlib.Path) -> None:
    dest = tmp_path / "ignition"
    answer = ask("ignition_export", check=True, pools=["worker"], dest=str(dest))
    assert (answer["changed"], answer["ignition"][0]["path"]) == (True, str(dest / "worker.ign"))
    assert not dest.exists()


def test_the_module_alone_writes_nowhere_where_it_is_told_nothing(
    ask: t.Callable[..., Document], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ask("ignition_export", pools=["worker"])
    assert (answer["failed"], "dest is missing" in answer["msg"]) == (True, True)
    assert list(tmp_path.iterdir()) == []


def test_problems_of_all_pools_are_one_message_without_their_text(
    ask: t.Callable[..., Document], tmp_path: pathlib.Path
) -> None:
    pools = ["stub", "broken", "empty", "absent", "../x"]
    dest = tmp_path / "ignition"
    answer = ask("ignition_export", pools=pools, secret_name="{pool}-user-data", dest=str(dest))
    lines = answer["msg"].splitlines()
    assert "'../x' is no name of a pool" in lines[0]
    assert "Secret openshift-machine-api/absent-user-data with the ignition of the pool absent does not" in lines[1]
    assert "key userData, is not JSON" in lines[2]
    assert "has no key userData. It has disableTemplating." in lines[3]
    assert "Use the Secret stub-user-data-managed" in lines[4]
    assert len(lines) == 5
    assert "canary-5d1c" not in json.dumps(answer)
    assert not dest.exists()


def test_no_machine_needs_no_ignition(ask: t.Callable[..., Document], tmp_path: pathlib.Path) -> None:
    answer = ask("ignition_export", machines=[], dest=str(tmp_path / "ignition"))
    assert (answer["ignition"], answer["changed"]) == ([], False)
    assert "one of the following is required: pools, machines" in ask("ignition_export")["msg"]


# --- boot_artifact_info


def test_artifacts_of_the_machines_are_found(ask: t.Callable[..., Document]) -> None:
    answer = ask("boot_artifact_info", machines=[machine("a"), machine("b", boot_method="external")])
    assert [(entry["kind"], entry["sha256"]) for entry in answer["artifacts"]] == [
        (kind, artifact(kind)["sha256"]) for kind in ("kernel", "initramfs", "rootfs")
    ]
    assert answer["artifacts"][0]["release"] == RELEASE
    assert answer["stream"] == "stream"


def test_artifacts_on_a_mirror_keep_name_and_hash(ask: t.Callable[..., Document]) -> None:
    answer = ask("boot_artifact_info", architectures=["aarch64"], formats=["iso"], source="http://192.0.2.5/rhcos/")
    name = objects.artifact_name("aarch64", "iso", RELEASE)
    assert answer["artifacts"][0]["location"] == f"http://192.0.2.5/rhcos/{name}"
    assert answer["artifacts"][0]["sha256"] == artifact("iso")["sha256"]


def test_holes_of_the_config_map_are_one_message(ask: t.Callable[..., Document]) -> None:
    machines = [machine("a"), machine("b", architecture="x86_64", boot_method="pxelinux")]
    assert ask("boot_artifact_info", machines=machines)["msg"] == (
        "ConfigMap openshift-machine-config-operator/coreos-bootimages, stream:"
        " .architectures.x86_64 is missing (there is only aarch64)."
    )
    named = ask("boot_artifact_info", machines=machines, stream="rhel-10")
    assert "has no streams to choose 'rhel-10' from" in named["msg"]


def test_machines_that_boot_by_other_means_need_no_artifacts(ask: t.Callable[..., Document]) -> None:
    assert ask("boot_artifact_info", machines=[machine(boot_method="external")])["artifacts"] == []


# --- all three as tasks

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/multiarch.openshift.cluster:
      kubeconfig: "{{ kubeconfig }}"
  tasks:
    - multiarch.openshift.payload_info:
        machines: "{{ machines }}"
      register: payload
    - multiarch.openshift.ignition_export:
        machines: "{{ payload.machines }}"
        dest: "{{ playbook_dir }}/ignition"
      register: exported
    - multiarch.openshift.boot_artifact_info:
        machines: "{{ payload.machines }}"
        stream: ""
      register: found
    - ansible.builtin.copy:
        content: "{{ {'payload': payload, 'exported': exported, 'found': found} | to_json }}"
        dest: "{{ playbook_dir }}/results.json"
        mode: "0600"
    - ansible.builtin.assert:
        that:
          - payload.metadata | multiarch.openshift.jsonpath('{}') == '{"release.openshift.io/architecture":"multi"}'
          - lookup('ansible.builtin.file', exported.ignition[0].path, rstrip=False) | multiarch.openshift.ignition_hash
            == exported.ignition[0].hash
"""


def test_tasks_of_a_playbook_hand_their_results_on(plane: ControlPlane, tmp_path: pathlib.Path) -> None:
    pool = objects.machine_config_pool("tired", 2)
    pool["spec"]["paused"] = True
    plane.api.apply([pool])
    playbook = tmp_path / "playbook.yml"
    playbook.write_text(PLAYBOOK, encoding="utf-8")
    inventory = tmp_path / "inventory"
    inventory.write_text("localhost ansible_connection=local ansible_python_interpreter={{ansible_playbook_python}}\n")
    run = start_playbook(
        str(playbook),
        "--diff",
        "-v",
        inventory=inventory,
        directory=tmp_path / "run",
        environment={"PATH": "/usr/bin:/bin", "K8S_AUTH_KUBECONFIG": "/nonexistent"},
        extra_vars={"kubeconfig": str(plane.kubeconfig()), "machines": [machine()]},
    ).wait()
    assert run.rc == 0, run.stdout
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["payload"]["machines"] == [machine(cluster=identity(plane))]
    assert "MachineConfigPool tired is paused" in results["payload"]["warnings"][0]
    assert "MachineConfigPool tired is paused" in run.stdout
    assert [entry["kind"] for entry in results["found"]["artifacts"]] == ["kernel", "initramfs", "rootfs"]
    assert results["exported"]["changed"] is True
    assert "certificateAuthorities" not in run.stdout
