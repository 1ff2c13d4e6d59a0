# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's own parts: objects in the shapes of recorded ones, patches, selectors, certificates, programs that end."""

from __future__ import annotations

import base64
import json
import pathlib
import stat
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from ansible_collections.multiarch.openshift.plugins.module_utils._payload import next_step
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import payload
from lab import objects
from lab import recorded
from lab.pki import Authority
from lab.pki import certificate_request
from lab.processes import Process
from lab.simulator import certificates
from lab.simulator import kinds
from lab.simulator import patching
from lab.simulator.selectors import selector
from support.paths import ROOT
from support.paths import SHARED_DATA
from support.paths import shared_data

NODES: list[dict[str, Any]] = [
    {"metadata": {"name": "a", "labels": {"arch": "arm64"}}, "spec": {"unschedulable": True}},
    {"metadata": {"name": "b", "labels": {"arch": "amd64", "role": "worker"}}, "spec": {}},
    {"metadata": {"name": "c"}, "spec": {}},
]


def shape(value: Any) -> Any:
    """The same with texts left away: which keys there are, and of what type."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


# Objects


def test_user_data_has_the_shape_of_a_recorded_one(tmp_path: pathlib.Path) -> None:
    recorded = json.loads(shared_data("worker-user-data-secrets.json").read_text())["items"][0]
    made = objects.user_data_secret("worker", "https://203.0.113.2:22623", Authority(tmp_path).pem)
    assert shape(made) == shape(recorded)
    assert made["data"]["disableTemplating"] == recorded["data"]["disableTemplating"]
    mine, theirs = (base64.b64decode(each["data"]["userData"]) for each in (made, recorded))
    assert shape(json.loads(mine)) == shape(json.loads(theirs))
    assert b" " not in mine.replace(b"-----BEGIN CERTIFICATE", b"")
    assert mine.startswith(b'{"ignition":{"config":{"merge":[{"source":"https://203.0.113.2:22623/config/worker",')


def test_boot_images_have_the_shape_of_recorded_ones() -> None:
    recorded = yaml.safe_load(shared_data("coreos-bootimages-4.10-aarch64.yaml").read_text())
    theirs = json.loads(recorded["data"]["stream"])["architectures"]["aarch64"]["artifacts"]["metal"]
    artifact = {"location": "http://192.0.2.1/x", "sha256": "0" * 64}
    kinds_of_artifact = ("kernel", "initramfs", "rootfs", "iso")
    description = {"release": "9.6.1-0", **dict.fromkeys(kinds_of_artifact, artifact)}
    made = objects.boot_images("4.20.4", {"aarch64": description})
    mine = json.loads(made["data"]["stream"])["architectures"]["aarch64"]["artifacts"]["metal"]
    assert shape(mine["formats"]["pxe"]) == shape(theirs["formats"]["pxe"])
    assert shape(mine["formats"]["iso"]) == shape(theirs["formats"]["iso"])
    assert mine["release"] == "9.6.1-0"
    assert made["metadata"] == {"name": "coreos-bootimages", "namespace": "openshift-machine-config-operator"}


@pytest.mark.parametrize(
    ("payload", "file_name"),
    [("single", "clusterversion-4.14-amd64.yaml"), ("migrating", "clusterversion-4.18-to-multi-arch.yaml")],
)
def test_cluster_version_says_its_payload_as_a_recorded_one_does(payload: str, file_name: str) -> None:
    recorded = yaml.safe_load(shared_data(file_name).read_text())
    made = objects.cluster_version("4.20.4", payload)

    def signs(item: dict[str, Any]) -> Any:
        accepted = next(each for each in item["status"]["conditions"] if each["type"] == "ReleaseAccepted")
        architecture = accepted["message"].split("architecture=")[1]
        history = item["status"]["history"][0]
        wanted = item["spec"].get("desiredUpdate", {}).get("architecture")
        return architecture, history["state"], history["completionTime"] is None, wanted

    assert signs(made) == signs(recorded)
    assert "architecture" not in made["status"]["desired"]


STREAMS = {
    architecture: {
        "release": "9.6.1",
        **{kind: {"location": f"http://192.0.2.3/{kind}", "sha256": "00"} for kind in objects.SUFFIXES},
    }
    for architecture in ("aarch64", "x86_64")
}


def test_recorded_objects_stand_for_made_ones_with_what_is_local(tmp_path: pathlib.Path) -> None:
    for name in (recorded.VERSION, recorded.USER_DATA, recorded.BOOT_IMAGES):
        shared_data(name)
    url, pem = "https://203.0.113.2:22623", Authority(tmp_path).pem
    made = objects.cluster_objects("lab-x7k2p", "4.21.3", "203.0.113.2", url, pem, STREAMS)
    mine = {item["metadata"]["name"]: item for item in made if item["kind"] != "MachineConfigPool"}
    theirs = {name: recorded.instead_of(item, SHARED_DATA) for name, item in mine.items()}
    assert {name for name in mine if theirs[name] != mine[name]} == {"version", "coreos-bootimages"}
    finished, _sentence, _warnings = next_step(payload(theirs["version"], []))
    assert finished
    assert theirs["version"]["status"]["capabilities"]
    # the pointer config is, to the byte, what the lab makes
    secret = json.loads(shared_data(recorded.USER_DATA).read_text())["items"][0]
    own, local = (base64.b64decode(item["data"]["userData"]) for item in (secret, theirs["worker-user-data-managed"]))
    assert (own != local, url in local.decode()) == (True, True)
    streams = [json.loads(each["coreos-bootimages"]["data"]["stream"])["architectures"] for each in (mine, theirs)]
    for architecture in STREAMS:
        few, many = (each[architecture]["artifacts"]["metal"]["formats"] for each in streams)
        assert many.items() > few.items()
    assert set(streams[1]) > set(STREAMS)


def test_unknown_payload_has_no_sign_at_all() -> None:
    text = json.dumps(objects.cluster_version("4.20.4", "unknown"))
    assert "ReleaseAccepted" not in text
    assert "rchitecture" not in text


def test_node_has_the_shape_of_a_recorded_one() -> None:
    recorded = json.loads(shared_data("node-kubelet-1.34-arm64.json").read_text())
    made = objects.node("worker-arm-1", "192.0.2.11", "arm64")
    assert set(made["status"]) == set(recorded["status"])
    assert shape(made["status"]["addresses"]) == shape(recorded["status"]["addresses"])
    assert shape(made["status"]["nodeInfo"]) == shape(recorded["status"]["nodeInfo"])
    assert [each["type"] for each in made["status"]["conditions"]] == [
        each["type"] for each in recorded["status"]["conditions"]
    ]
    assert set(recorded["metadata"]["labels"]) <= set(made["metadata"]["labels"])


def test_cluster_name_is_the_infrastructure_name_without_its_suffix() -> None:
    assert objects.cluster_name("my-lab-x7k2p") == "my-lab"


# Parts of the simulator


def test_merge_patch_of_the_rfc() -> None:
    target = {"title": "Goodbye!", "author": {"given": "John", "family": "Doe"}, "tags": ["a", "b"], "content": "x"}
    patch = {"title": "Hello!", "phone": "+01", "author": {"family": None}, "tags": ["a"]}
    expected = {"title": "Hello!", "author": {"given": "John"}, "tags": ["a"], "content": "x", "phone": "+01"}
    assert patching.merge(target, patch) == expected


def test_strategic_patch_merges_addresses_by_type_and_can_replace_them() -> None:
    target = {"kind": "Node", "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}}
    host = {"type": "Hostname", "address": "a"}
    merged = patching.strategic(target, {"status": {"addresses": [host]}})
    assert [each["type"] for each in merged["status"]["addresses"]] == ["InternalIP", "Hostname"]
    replaced = patching.strategic(target, {"status": {"addresses": [{"$patch": "replace"}, host]}})
    assert replaced["status"]["addresses"] == [host]


def test_strategic_patch_replaces_the_conditions_of_a_certificate_request() -> None:
    target = {"kind": "CertificateSigningRequest", "status": {"conditions": [{"type": "A"}]}}
    merged = patching.strategic(target, {"status": {"conditions": [{"type": "B"}]}})
    assert merged["status"]["conditions"] == [{"type": "B"}]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"labelSelector": "arch in (arm64,ppc64le)"}, "a"),
        ({"labelSelector": "arch!=arm64"}, "bc"),
        ({"labelSelector": "arch,role==worker"}, "b"),
        ({"labelSelector": "!arch"}, "c"),
        ({"fieldSelector": "spec.unschedulable=false"}, "bc"),
        ({"fieldSelector": "metadata.name!=a", "labelSelector": "arch"}, "b"),
    ],
)
def test_selector_selects(query: dict[str, str], found: str) -> None:
    match = selector(kinds.NODE, query)
    assert match is not None
    assert "".join(node["metadata"]["name"] for node in NODES if match(node)) == found


def test_request_is_read_as_go_reads_it() -> None:
    """Go takes the last common name; a reader of the first one could be deceived."""
    pem, _key = certificate_request("system:node:last", ["system:nodes"])
    request = x509.load_pem_x509_csr(pem)
    oid = x509.oid.NameOID.COMMON_NAME
    name = x509.Name([x509.NameAttribute(oid, "system:node:first"), *request.subject])
    _pem, key = certificate_request("x")
    from_two = x509.CertificateSigningRequestBuilder().subject_name(name)
    signed = from_two.sign(key, hashes.SHA256())
    assert certificates.Subject(signed).common_name == "system:node:last"


# Certificates and programs


def test_authority_keeps_its_key_to_itself_and_is_read_again(tmp_path: pathlib.Path) -> None:
    first, again = Authority(tmp_path), Authority(tmp_path)
    assert first.certificate == again.certificate
    certificate, key = again.server("web", ["192.0.2.1", "web.example.com"])
    assert stat.S_IMODE(key.stat().st_mode) == stat.S_IMODE(first.key_path.stat().st_mode) == 0o600
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    made.verify_directly_issued_by(first.certificate)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["192.0.2.1", "web.example.com"]


def test_program_ends_with_stop(tmp_path: pathlib.Path) -> None:
    code = "import time; print('hello', flush=True); time.sleep(60)"
    process = Process([sys.executable, "-c", code], tmp_path / "log")
    deadline = time.monotonic() + 10
    while "hello" not in process.last_lines() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert process.running
    process.stop()
    assert not process.running
    assert process.last_lines() == "hello"


def test_what_a_program_started_ends_with_it(tmp_path: pathlib.Path) -> None:
    process = Process(["/bin/sh", "-c", "sleep 60 & echo $!; wait"], tmp_path / "log")
    deadline = time.monotonic() + 10
    while not process.last_lines() and time.monotonic() < deadline:
        time.sleep(0.02)
    child = pathlib.Path(f"/proc/{int(process.last_lines())}/stat")
    process.stop()
    deadline = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(child)


def test_program_ends_when_the_one_who_started_it_is_killed(tmp_path: pathlib.Path) -> None:
    code = f"""
        import os, pathlib, sys
        sys.path.insert(0, {str(ROOT / "tests")!r})
        from lab.processes import Process
        print(Process(["sleep", "60"], pathlib.Path({str(tmp_path / "log")!r})).pid, flush=True)
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True, timeout=30, check=False
    )
    status = pathlib.Path(f"/proc/{int(done.stdout)}/stat")
    deadline = time.monotonic() + 10
    while is_alive(status) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(status)


def is_alive(status: pathlib.Path) -> bool:
    """An ended program whose parent does not look stays as a zombie."""
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
