# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One list of checks for both control planes of the lab: what the real API server does, the simulator must do."""

from __future__ import annotations

import base64
import itertools
import json
import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from kubernetes import client as kubernetes_client
from kubernetes import config as kubernetes_config
from kubernetes.dynamic import DynamicClient

from lab import objects
from lab.api import Api
from lab.api import ApiError
from lab.control_plane import control_plane
from lab.control_plane import real_available
from lab.pki import certificate_request
from lab.pki import key_pem
from lab.plane import Approval
from lab.plane import ControlPlane
from support.paths import shared_data

NODES = "/api/v1/nodes"
GROUP = "certificates.k8s.io"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
REQUESTS = f"/apis/{GROUP}/v1/certificatesigningrequests"
VERSIONS = "/apis/config.openshift.io/v1/clusterversions"
PROXIES = "/apis/config.openshift.io/v1/proxies"
ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
BOOTSTRAPPER = "system:serviceaccount:openshift-machine-config-operator:node-bootstrapper"
CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING = "kubernetes.io/kubelet-serving"
BLOCK = b"CERTIFICATE REQUEST"
CREDENTIAL = "authentication.kubernetes.io/credential-id"
APPROVED = {"type": "Approved", "status": "True", "reason": "Tested", "message": "by a test"}
# A node that is silent for so long is Unknown; short, so that a test can see it.
GRACE_SECONDS = 3.0

Item = dict[str, Any]


@pytest.fixture(scope="module", params=["simulated", pytest.param("real", marks=pytest.mark.real)])
def plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    if request.param == "real" and real_available():
        pytest.skip(real_available())
    directory = tmp_path_factory.mktemp(request.param)
    with control_plane(directory, request.param, node_grace_seconds=GRACE_SECONDS) as plane:
        plane.api.apply(objects.cluster_objects(**CLUSTER, ca_pem=plane.ca_pem))
        yield plane


@pytest.fixture
def api(plane: ControlPlane) -> Api:
    return plane.api


@pytest.fixture
def name() -> str:
    return "t" + uuid.uuid4().hex[:10]


STREAM = {"release": "9.6.20251125-1", "kernel": {"location": "http://192.0.2.1/kernel", "sha256": "0" * 64}}
CLUSTER: dict[str, Any] = {
    "infrastructure_name": "lab-x7k2p",
    "version": "4.20.4",
    "api_vip": "203.0.113.2",
    "machine_config_server_url": "https://203.0.113.2:22623",
    "streams": {"aarch64": STREAM},
}


# Errors


def test_existing_object_is_a_409_already_exists(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name}})
    error = refused(lambda: api.post(NODES, {"metadata": {"name": name}}))
    assert (error.code, error.reason, error.message) == (409, "AlreadyExists", f'nodes "{name}" already exists')
    assert error.status["details"] == {"name": name, "kind": "nodes"}


@pytest.mark.parametrize(
    ("path", "qualified"),
    [(NODES, "nodes"), (REQUESTS, "certificatesigningrequests.certificates.k8s.io")],
)
def test_absent_object_is_a_404_with_its_name(api: Api, path: str, qualified: str) -> None:
    error = refused(lambda: api.get(path + "/absent"))
    assert (error.code, error.reason, error.message) == (404, "NotFound", f'{qualified} "absent" not found')


def test_absent_resource_is_a_404_without_a_name(api: Api) -> None:
    error = refused(lambda: api.get("/api/v1/gadgets"))
    assert (error.code, error.message) == (404, "the server could not find the requested resource")


def test_absent_group_is_a_404_that_is_no_status(api: Api) -> None:
    error = refused(lambda: api.get("/apis/absent.example.com/v1/gadgets"))
    assert (error.code, error.status) == (404, {})


def test_object_in_an_absent_namespace_is_a_404_of_the_namespace(api: Api, name: str) -> None:
    error = refused(lambda: api.post(f"/api/v1/namespaces/{name}/configmaps", {"metadata": {"name": "a"}}))
    assert (error.code, error.message) == (404, f'namespaces "{name}" not found')


def test_name_that_is_none_is_a_422_with_its_cause(api: Api) -> None:
    error = refused(lambda: api.post(NODES, {"metadata": {"name": "Worker_1"}}))
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message.startswith('Node "Worker_1" is invalid: metadata.name: Invalid value: "Worker_1"')
    assert error.status["details"]["causes"][0]["field"] == "metadata.name"


def test_object_without_a_name_is_a_422(api: Api) -> None:
    error = refused(lambda: api.post(NODES, {"metadata": {}}))
    assert error.message == 'Node "" is invalid: metadata.name: Required value: name or generateName is required'


def test_other_kind_is_a_400(api: Api, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
    assert refused(lambda: api.post(NODES, body)).code == 400


def test_method_that_the_resource_does_not_have_is_a_405(api: Api, name: str) -> None:
    error = refused(lambda: api.post(f"{NODES}/{name}", {}))
    assert (error.code, error.reason) == (405, "MethodNotAllowed")


# Objects


def test_created_object_has_uid_version_and_time(api: Api, name: str) -> None:
    metadata = api.post(NODES, {"metadata": {"name": name, "uid": "mine"}})["metadata"]
    assert uuid.UUID(metadata["uid"])
    assert int(metadata["resourceVersion"]) > 0
    assert metadata["creationTimestamp"].endswith("Z")


def test_generated_name_has_five_letters_more(api: Api) -> None:
    created = api.post(CONFIG_MAPS, {"metadata": {"generateName": "made-"}})["metadata"]
    assert created["name"].startswith("made-")
    assert len(created["name"]) == len("made-") + 5


def test_new_node_is_tainted_until_it_is_ready(api: Api, name: str) -> None:
    taint = {"key": "example.com/arm", "effect": "NoSchedule"}
    body = {"metadata": {"name": name}, "spec": {"taints": [taint]}}
    taints = api.post(NODES, body)["spec"]["taints"]
    assert {each["key"] for each in taints} == {"example.com/arm", "node.kubernetes.io/not-ready"}
    heartbeat(api, name)
    api.wait_for(f"{NODES}/{name}", lambda item: item["spec"]["taints"] == [taint])


def test_put_replaces_the_whole_object(api: Api, name: str) -> None:
    stored = api.post(CONFIG_MAPS, {"metadata": {"name": name}, "data": {"a": "1", "b": "2"}})
    stored["data"] = {"c": "3"}
    api.put(f"{CONFIG_MAPS}/{name}", stored)
    assert api.get(f"{CONFIG_MAPS}/{name}")["data"] == {"c": "3"}


def test_put_of_an_old_version_is_a_409_conflict(api: Api, name: str) -> None:
    stored = api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    api.patch(f"{CONFIG_MAPS}/{name}", {"data": {"a": "1"}})
    error = refused(lambda: api.put(f"{CONFIG_MAPS}/{name}", stored))
    assert (error.code, error.reason) == (409, "Conflict")
    assert error.message == (
        f'Operation cannot be fulfilled on configmaps "{name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


def test_put_with_another_uid_is_a_409(api: Api, name: str) -> None:
    stored = api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    stored["metadata"].update(uid=str(uuid.uuid4()))
    assert refused(lambda: api.put(f"{CONFIG_MAPS}/{name}", stored)).code == 409


def test_put_of_an_absent_object_is_a_404(api: Api, name: str) -> None:
    assert refused(lambda: api.put(f"{NODES}/{name}", {"metadata": {"name": name}})).code == 404


def test_put_under_another_name_is_a_400(api: Api, name: str) -> None:
    stored = api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    stored["metadata"]["name"] = "other"
    error = refused(lambda: api.put(f"{CONFIG_MAPS}/{name}", stored))
    assert error.message == f"the name of the object (other) does not match the name on the URL ({name})"


def test_custom_resource_wants_a_version_in_every_update(api: Api) -> None:
    body = {"apiVersion": "config.openshift.io/v1", "kind": "Proxy", "metadata": {"name": "cluster"}, "spec": {}}
    error = refused(lambda: api.put(f"{PROXIES}/cluster", body))
    assert (error.code, error.status["details"]["causes"][0]["field"]) == (422, "metadata.resourceVersion")


def test_generation_counts_changes_of_the_spec_only(api: Api, name: str) -> None:
    body = {"apiVersion": "config.openshift.io/v1", "kind": "Proxy", "metadata": {"name": name}, "spec": {}}
    generations = [api.post(PROXIES, body)["metadata"]["generation"]]
    for change in ({"metadata": {"labels": {"a": "b"}}}, {"spec": {"noProxy": "192.0.2.0/24"}}):
        generations.append(api.patch(f"{PROXIES}/{name}", change)["metadata"]["generation"])
    assert generations == [1, 1, 2]


def test_dry_run_writes_nothing(api: Api, name: str) -> None:
    assert api.post(CONFIG_MAPS, {"metadata": {"name": name}}, dryRun="All")["metadata"]["uid"]
    assert refused(lambda: api.get(f"{CONFIG_MAPS}/{name}")).code == 404
    api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    api.patch(f"{CONFIG_MAPS}/{name}", {"data": {"a": "1"}}, dryRun="All")
    api.delete(f"{CONFIG_MAPS}/{name}", dryRun="All")
    assert "data" not in api.get(f"{CONFIG_MAPS}/{name}")


def test_unknown_dry_run_is_a_422(api: Api, name: str) -> None:
    error = refused(lambda: api.post(CONFIG_MAPS, {"metadata": {"name": name}}, dryRun="Some"))
    assert error.message.endswith('is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"')


def test_delete_answers_with_a_status_and_the_object_is_gone(api: Api, name: str) -> None:
    stored = api.post(NODES, {"metadata": {"name": name}})
    answer = api.delete(f"{NODES}/{name}")
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": name, "kind": "nodes", "uid": stored["metadata"]["uid"]}
    assert refused(lambda: api.get(f"{NODES}/{name}")).code == 404


def test_delete_with_another_uid_is_a_409(api: Api, name: str) -> None:
    api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    error = refused(lambda: api.delete(f"{CONFIG_MAPS}/{name}", {"preconditions": {"uid": "other"}}))
    assert (error.code, error.reason) == (409, "Conflict")


def test_finalizer_keeps_an_object_until_it_is_removed(api: Api, name: str) -> None:
    api.post(CONFIG_MAPS, {"metadata": {"name": name, "finalizers": ["example.com/wait"]}})
    api.delete(f"{CONFIG_MAPS}/{name}")
    assert api.get(f"{CONFIG_MAPS}/{name}")["metadata"]["deletionTimestamp"]
    api.patch(f"{CONFIG_MAPS}/{name}", {"metadata": {"finalizers": None}})
    assert refused(lambda: api.get(f"{CONFIG_MAPS}/{name}")).code == 404


# Patches


def test_merge_patch_removes_with_null(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name, "labels": {"a": "1", "b": "2"}}})
    labels = api.patch(f"{NODES}/{name}", {"metadata": {"labels": {"a": None}}})["metadata"]["labels"]
    assert labels == {"b": "2"}


def test_strategic_patch_replaces_taints_and_merges_conditions(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name}, "spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}})
    path = f"{NODES}/{name}"
    patched = api.patch(path, {"spec": {"taints": [{"key": "b", "effect": "NoSchedule"}]}}, "strategic")
    assert [taint["key"] for taint in patched["spec"]["taints"]] == ["b"]
    for kind in ("First", "Second"):
        condition = {"type": kind, "status": "True", "reason": "R", "message": "m"}
        patched = api.patch(f"{path}/status", {"status": {"conditions": [condition]}}, "strategic")
    assert {condition["type"] for condition in patched["status"]["conditions"]} == {"First", "Second"}


def test_strategic_patch_deletes_by_directive(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name}})
    path = f"{NODES}/{name}/status"
    conditions = [{"type": kind, "status": "True", "reason": "R", "message": "m"} for kind in ("First", "Second")]
    api.patch(path, {"status": {"conditions": conditions}}, "strategic")
    patch = {"status": {"conditions": [{"type": "First", "$patch": "delete"}]}}
    patched = api.patch(path, patch, "strategic")
    assert [condition["type"] for condition in patched["status"]["conditions"]] == ["Second"]


def test_strategic_patch_of_a_custom_resource_is_a_415(api: Api) -> None:
    error = refused(lambda: api.patch(f"{PROXIES}/cluster", {}, "strategic"))
    assert (error.code, error.reason) == (415, "UnsupportedMediaType")


def test_json_patch_does_its_operations_or_none(api: Api, name: str) -> None:
    api.post(CONFIG_MAPS, {"metadata": {"name": name}, "data": {"a": "1"}})
    path = f"{CONFIG_MAPS}/{name}"
    api.patch(path, [{"op": "replace", "path": "/data/a", "value": "2"}], "json")
    wrong = [{"op": "add", "path": "/data/b", "value": "3"}, {"op": "test", "path": "/data/a", "value": "1"}]
    error = refused(lambda: api.patch(path, wrong, "json"))
    assert error.code == 422
    assert api.get(path)["data"] == {"a": "2"}


def test_patch_with_an_old_version_is_a_409(api: Api, name: str) -> None:
    api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    patch = {"metadata": {"resourceVersion": "1"}, "data": {"a": "1"}}
    assert refused(lambda: api.patch(f"{CONFIG_MAPS}/{name}", patch)).reason == "Conflict"


def test_patch_that_changes_nothing_keeps_the_version(api: Api, name: str) -> None:
    stored = api.post(CONFIG_MAPS, {"metadata": {"name": name}, "data": {"a": "1"}})
    patched = api.patch(f"{CONFIG_MAPS}/{name}", {"data": {"a": "1"}})
    assert patched["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


def test_server_side_apply_creates_owns_and_refuses_other_owners(api: Api, name: str) -> None:
    path = f"{CONFIG_MAPS}/{name}"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1", "b": "2"}}
    created = api.patch(path, body, "apply", fieldManager="first")
    assert created["metadata"]["managedFields"][0]["manager"] == "first"
    changed = {**body, "data": {"a": "2"}}
    error = refused(lambda: api.patch(path, changed, "apply", fieldManager="second"))
    assert (error.code, error.message) == (409, 'Apply failed with 1 conflict: conflict with "first": .data.a')
    assert api.patch(path, changed, "apply", fieldManager="first")["data"] == {"a": "2"}
    forced = api.patch(path, {**body, "data": {"a": "3"}}, "apply", fieldManager="second", force="true")
    assert forced["data"] == {"a": "3"}


# Subresources


def test_status_patch_leaves_the_spec_alone(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name}})
    patch = {"spec": {"unschedulable": True}, "status": {"phase": "Running"}}
    patched = api.patch(f"{NODES}/{name}/status", patch)
    assert patched["status"]["phase"] == "Running"
    assert "unschedulable" not in patched["spec"]


def test_main_patch_leaves_the_status_alone(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name}})
    api.patch(f"{NODES}/{name}", {"status": {"phase": "Running"}})
    assert "phase" not in api.get(f"{NODES}/{name}")["status"]


def test_custom_resource_is_created_without_its_status(api: Api, name: str) -> None:
    body: Item = {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Infrastructure",
        "metadata": {"name": name},
        "spec": {"cloudConfig": {"name": ""}},
        "status": {"infrastructureName": "mine"},
    }
    path = "/apis/config.openshift.io/v1/infrastructures"
    assert "status" not in api.post(path, body)
    body["metadata"]["labels"] = {"a": "b"}
    stored = api.get(f"{path}/{name}")
    stored = api.put(f"{path}/{name}/status", {**body, "metadata": {**stored["metadata"], "labels": {"a": "b"}}})
    assert stored["status"]["infrastructureName"] == "mine"
    assert "labels" not in stored["metadata"]


# Lists


def test_list_says_what_it_is_but_its_items_do_not(api: Api) -> None:
    answer = api.get(NODES)
    assert (answer["kind"], answer["apiVersion"]) == ("NodeList", "v1")
    assert int(answer["metadata"]["resourceVersion"]) > 0
    assert not any("kind" in item for item in answer["items"])
    assert all(item["kind"] == "ClusterVersion" for item in api.get(VERSIONS)["items"])


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("run={name}", ["a", "b"]),
        ("run={name},kind=x", ["a"]),
        ("run={name},kind!=x", ["b"]),
        ("run={name},kind in (x, y)", ["a", "b"]),
        ("run={name},kind notin (y)", ["a"]),
        ("run={name},extra", ["b"]),
        ("run={name},!extra", ["a"]),
    ],
)
def test_label_selector(api: Api, name: str, selector: str, found: list[str]) -> None:
    for each, labels in (("a", {"kind": "x"}), ("b", {"kind": "y", "extra": ""})):
        api.post(CONFIG_MAPS, {"metadata": {"name": f"{name}-{each}", "labels": {"run": name, **labels}}})
    items = api.list(CONFIG_MAPS, labelSelector=selector.format(name=name))
    assert [item["metadata"]["name"].removeprefix(f"{name}-") for item in items] == found


def test_field_selector(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name}})
    items = api.list(NODES, fieldSelector=f"metadata.name={name}")
    assert [item["metadata"]["name"] for item in items] == [name]
    assert not api.list(REQUESTS, fieldSelector="spec.signerName=example.com/absent")


def test_field_selector_that_is_not_supported_is_a_400(api: Api) -> None:
    error = refused(lambda: api.get(NODES, fieldSelector="status.phase=Running"))
    assert (error.code, error.message) == (400, "field label not supported: status.phase")


def test_pages_are_one_list_even_when_objects_change_in_between(api: Api, name: str) -> None:
    for index in range(5):
        api.post(CONFIG_MAPS, {"metadata": {"name": f"{name}-{index}", "labels": {"run": name}}})
    query = {"limit": 2, "labelSelector": f"run={name}"}
    first = api.get(CONFIG_MAPS, **query)
    api.delete(f"{CONFIG_MAPS}/{name}-4")
    api.post(CONFIG_MAPS, {"metadata": {"name": f"{name}-5", "labels": {"run": name}}})
    names = [item["metadata"]["name"] for item in first["items"]]
    page = first
    while page["metadata"].get("continue"):
        page = api.get(CONFIG_MAPS, **query, **{"continue": page["metadata"]["continue"]})
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        names += [item["metadata"]["name"] for item in page["items"]]
    assert names == [f"{name}-{index}" for index in range(5)]


def test_continue_that_is_none_is_a_400(api: Api) -> None:
    assert refused(lambda: api.get(NODES, limit=1, **{"continue": "none"})).code == 400


# Watches


def test_watch_shows_what_happens_after_the_list(api: Api, name: str) -> None:
    path, selector = f"{CONFIG_MAPS}/{name}", f"metadata.name={name}"
    version = api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    api.patch(path, {"data": {"a": "1"}})
    api.delete(path)
    events = first(3, api.watch(CONFIG_MAPS, resourceVersion=version, timeoutSeconds=2, fieldSelector=selector))
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert events[1]["object"]["data"] == {"a": "1"}
    assert (events[0]["object"]["kind"], events[0]["object"]["apiVersion"]) == ("ConfigMap", "v1")
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(versions)


def test_watch_tells_at_once_and_ends_in_time(api: Api, name: str) -> None:
    version = api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    seen: list[float] = []

    def watch() -> None:
        query = {"resourceVersion": version, "timeoutSeconds": 1, "fieldSelector": f"metadata.name={name}"}
        seen.extend(time.monotonic() for _event in api.watch(CONFIG_MAPS, **query))

    started = time.monotonic()
    thread = threading.Thread(target=watch)
    thread.start()
    time.sleep(0.3)
    written = time.monotonic()
    api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    thread.join(5)
    assert 0.9 < time.monotonic() - started < 3
    assert len(seen) == 1
    assert seen[0] - written < 0.5


def test_watch_without_a_version_begins_with_what_is_there(api: Api) -> None:
    [event] = first(1, api.watch(NODES, timeoutSeconds=2, fieldSelector="metadata.name=master-0"))
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "master-0")


def test_watch_of_a_selection_shows_leaving_as_deletion(api: Api, name: str) -> None:
    version = api.get(CONFIG_MAPS)["metadata"]["resourceVersion"]
    api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    for labels in ({"run": name}, {"run": None}):
        api.patch(f"{CONFIG_MAPS}/{name}", {"metadata": {"labels": labels}})
    events = first(2, api.watch(CONFIG_MAPS, resourceVersion=version, timeoutSeconds=2, labelSelector=f"run={name}"))
    assert [event["type"] for event in events] == ["ADDED", "DELETED"]


def test_bookmark_is_a_place_to_resume_from(api: Api, name: str) -> None:
    # Both send one after what is there; later ones come once a minute from the real one, too late for a test.
    api.post(CONFIG_MAPS, {"metadata": {"name": name}})
    events = api.watch(CONFIG_MAPS, allowWatchBookmarks="true", timeoutSeconds=5)
    bookmark = next(event for event in events if event["type"] == "BOOKMARK")["object"]
    assert bookmark["kind"] == "ConfigMap"
    api.post(CONFIG_MAPS, {"metadata": {"name": f"{name}-later"}})
    place = bookmark["metadata"]["resourceVersion"]
    [event] = first(1, api.watch(CONFIG_MAPS, resourceVersion=place, timeoutSeconds=2))
    assert event["object"]["metadata"]["name"] == f"{name}-later"


def test_watch_list_ends_its_beginning_with_a_bookmark(api: Api) -> None:
    query: Item = {
        "allowWatchBookmarks": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "timeoutSeconds": 2,
        "fieldSelector": "metadata.name=master-0",
    }
    events = first(2, api.watch(NODES, **query))
    assert [event["type"] for event in events] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


# Discovery and the clients that the product uses


def test_discovery_names_subresources_and_short_names(api: Api) -> None:
    resources = {each["name"]: each for each in api.get("/apis/certificates.k8s.io/v1")["resources"]}
    assert set(resources) >= {
        "certificatesigningrequests",
        "certificatesigningrequests/approval",
        "certificatesigningrequests/status",
    }
    assert resources["certificatesigningrequests"]["shortNames"] == ["csr"]
    assert resources["certificatesigningrequests/approval"]["verbs"] == ["get", "patch", "update"]
    groups = {group["name"] for group in api.get("/apis")["groups"]}
    assert groups >= {"certificates.k8s.io", "config.openshift.io", "machineconfiguration.openshift.io"}


def test_dynamic_client_finds_kubernetes_and_openshift_kinds(plane: ControlPlane) -> None:
    loaded = kubernetes_client.Configuration()
    kubernetes_config.load_kube_config(str(plane.kubeconfig()), client_configuration=loaded)
    with kubernetes_client.ApiClient(loaded) as client:
        dynamic = DynamicClient(client, cache_file=str(plane.directory / "discovery.json"))
        requests = dynamic.resources.get(api_version="certificates.k8s.io/v1", kind="CertificateSigningRequest")
        assert set(requests.subresources) >= {"approval", "status"}
        assert requests.get().kind == "CertificateSigningRequestList"
        versions = dynamic.resources.get(api_version="config.openshift.io/v1", kind="ClusterVersion")
        assert versions.get(name="version").status.desired.version == "4.20.4"
        typed = kubernetes_client.CoreV1Api(client).list_node(field_selector="metadata.name=master-0")
        assert typed.to_dict()["items"][0]["status"]["node_info"]["architecture"] == "amd64"


def test_server_says_its_version_and_health_to_anybody(plane: ControlPlane) -> None:
    anybody = Api(plane.url, plane.ca_path)
    assert anybody.get("/version")["gitVersion"].startswith("v1.34")
    assert anybody.get("/readyz") == "ok"


# Who asks, and what for


def test_nobody_is_forbidden_and_a_wrong_token_is_unauthorized(plane: ControlPlane) -> None:
    error = refused(lambda: Api(plane.url, plane.ca_path).get(NODES))
    assert (error.code, error.reason) == (403, "Forbidden")
    assert error.message == (
        'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope'
    )
    error = refused(lambda: Api(plane.url, plane.ca_path, "wrong").get(NODES))
    assert (error.code, error.reason, error.message) == (401, "Unauthorized", "Unauthorized")


def test_restricted_user_may_do_what_the_rules_say_and_nothing_else(plane: ControlPlane, name: str) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"], "verbs": ["get"]},
    ]
    plane.restrict(name, rules)
    user = plane.api_as(name)
    assert user.get(f"{NODES}/master-0")["kind"] == "Node"
    error = refused(lambda: user.patch(f"{NODES}/master-0", {}))
    assert error.message == (
        f'nodes "master-0" is forbidden: User "{name}" cannot patch resource "nodes" in API group "" '
        "at the cluster scope"
    )
    error = refused(lambda: user.get("/api/v1/namespaces/default/secrets/two"))
    assert error.message == (
        f'secrets "two" is forbidden: User "{name}" cannot get resource "secrets" in API group "" '
        'in the namespace "default"'
    )
    assert refused(lambda: user.get("/api/v1/namespaces/default/secrets/one")).code == 404
    assert refused(lambda: user.put(f"{REQUESTS}/{name}/approval", {})).message == (
        f'certificatesigningrequests.certificates.k8s.io "{name}" is forbidden: User "{name}" cannot update resource '
        '"certificatesigningrequests/approval" in API group "certificates.k8s.io" at the cluster scope'
    )


def test_access_review_answers_for_the_one_who_asks(plane: ControlPlane, name: str) -> None:
    rules = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
        {"apiGroups": [GROUP], "resources": ["certificatesigningrequests/approval"], "verbs": ["update"]},
    ]
    plane.restrict(name, rules)
    user = plane.api_as(name)
    assert may(user, verb="list", resource="nodes")
    assert not may(user, verb="delete", resource="nodes")
    resource = "certificatesigningrequests"
    assert may(user, verb="update", group=GROUP, resource=resource, subresource="approval")
    assert not may(user, verb="update", group=GROUP, resource=resource)
    assert may(plane.api, verb="update", group=GROUP, resource=resource, subresource="approval")


def test_approval_needs_the_right_for_the_signer_too(plane: ControlPlane, name: str) -> None:
    rules = [
        {"apiGroups": [GROUP], "resources": ["certificatesigningrequests/approval"], "verbs": ["update"]},
        {"apiGroups": [GROUP], "resources": ["signers"], "resourceNames": [CLIENT], "verbs": ["approve"]},
    ]
    plane.restrict(name, rules)
    user = plane.api_as(name)
    serving = post_request(plane.api, name, SERVING, names=[name])
    error = refused(lambda: approve(user, serving))
    assert (error.code, error.message) == (
        403,
        f'certificatesigningrequests.certificates.k8s.io "{serving["metadata"]["name"]}" is forbidden: '
        f'user not permitted to approve requests with signerName "{SERVING}"',
    )
    client = post_request(plane.api, name, CLIENT)
    approve(user, client)
    metadata = client["metadata"]
    assert Approval(metadata["uid"], metadata["name"], name) in plane.approvals
    assert serving["metadata"]["uid"] not in [approval.uid for approval in plane.approvals]


def test_requests_are_recorded_with_their_user(plane: ControlPlane, name: str) -> None:
    refused(lambda: plane.api_as(name).get(f"{NODES}/{name}"))
    matching = [request for request in plane.requests if request.user == name]
    assert [(each.verb, each.path, each.status) for each in matching] == [("get", f"{NODES}/{name}", 403)]
    assert abs(matching[0].time - time.time()) < 10


# Certificate requests


def test_requester_is_written_into_the_request_as_kubelets_have_it(plane: ControlPlane, name: str) -> None:
    recorded = json.loads(shared_data("csrs-kubelet-1.34.json").read_text())["items"]
    token = plane.token(BOOTSTRAPPER)
    client = post_request(Api(plane.url, plane.ca_path, token), name, CLIENT, spec={"username": "me", "groups": ["x"]})
    expected = next(item for item in recorded if item["spec"]["signerName"] == CLIENT)
    assert_same_requester(client, expected)
    account = plane.api.get("/api/v1/namespaces/openshift-machine-config-operator/serviceaccounts/node-bootstrapper")
    assert client["spec"]["uid"] == account["metadata"]["uid"]
    issued, node = issue_client(plane, name, token)
    serving = post_request(node, name, SERVING, names=[name])
    expected = next(item for item in recorded if item["spec"]["signerName"] == SERVING)
    assert_same_requester(serving, expected)
    fingerprint = issued.fingerprint(hashes.SHA256()).hex()
    assert serving["spec"]["extra"] == {CREDENTIAL: [f"X509SHA256={fingerprint}"]}


def test_token_of_a_secret_carries_no_credential_id(plane: ControlPlane, name: str) -> None:
    api = Api(plane.url, plane.ca_path, plane.token(BOOTSTRAPPER, extra={}))
    spec = post_request(api, name, CLIENT)["spec"]
    assert "extra" not in spec
    assert spec["username"] == BOOTSTRAPPER


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"request": base64.b64encode(b"none").decode()}, "spec.request", "PEM block type must be CERTIFICATE REQUEST"),
        ({"signerName": "short"}, "spec.signerName", "must be a fully qualified domain and path"),
        ({"signerName": ""}, "spec.signerName", "Required value"),
        ({"usages": []}, "spec.usages", "Required value"),
        ({"usages": ["client auth", "client auth"]}, "spec.usages[1]", "Duplicate value"),
        ({"usages": ["cooking"]}, "spec.usages[0]", "Unsupported value"),
        ({"expirationSeconds": 599}, "spec.expirationSeconds", "may not specify a duration less than 600 seconds"),
    ],
)
def test_request_is_validated_when_it_is_made(api: Api, name: str, change: Item, field: str, words: str) -> None:
    error = refused(lambda: post_request(api, name, CLIENT, spec=change))
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message.startswith("CertificateSigningRequest.certificates.k8s.io")
    cause = error.status["details"]["causes"][0]
    assert cause["field"] == field
    assert words in cause["message"]


def test_request_with_a_wrong_signature_is_refused(api: Api, name: str) -> None:
    pem, _key = certificate_request(f"system:node:{name}")
    request = x509.load_pem_x509_csr(pem)
    der = bytearray(request.public_bytes(Encoding.DER))
    der[der.index(b"system:nodes")] ^= 1
    wrong = b"-----BEGIN %b-----\n%b-----END %b-----\n" % (BLOCK, base64.encodebytes(bytes(der)), BLOCK)
    error = refused(lambda: post_request(api, name, CLIENT, spec={"request": base64.b64encode(wrong).decode()}))
    assert error.code == 422


def test_request_that_is_no_base64_is_a_400(api: Api, name: str) -> None:
    assert refused(lambda: post_request(api, name, CLIENT, spec={"request": "!"})).code == 400


def test_nobody_asks_to_be_system_masters(api: Api, name: str) -> None:
    signer = "kubernetes.io/kube-apiserver-client"
    error = refused(lambda: post_request(api, name, signer, organizations=["system:masters"]))
    assert (error.code, error.reason) == (403, "Forbidden")
    assert error.message.endswith(f"use of {signer} signer with system:masters group is not allowed")


@pytest.mark.parametrize(
    ("conditions", "field", "words"),
    [
        ([{**APPROVED, "status": "False"}], "status.conditions[0].status", 'supported values: "True"'),
        ([{"type": "Approved", "reason": "R"}], "status.conditions[0].status", "Required value"),
        ([APPROVED, APPROVED], "status.conditions[1].type", "Duplicate value"),
        ([APPROVED, {**APPROVED, "type": "Denied"}], "status.conditions", "are mutually exclusive"),
    ],
)
def test_approval_has_rules(api: Api, name: str, conditions: list[Item], field: str, words: str) -> None:
    item = post_request(api, name, CLIENT)
    error = refused(lambda: approve(api, item, conditions))
    cause = error.status["details"]["causes"][0]
    assert (error.code, cause["field"]) == (422, field)
    assert words in cause["message"]


def test_approval_cannot_be_taken_back(api: Api, name: str) -> None:
    item = approve(api, post_request(api, name, CLIENT))
    # Without a version, because the signer writes as well.
    del item["metadata"]["resourceVersion"]
    error = refused(lambda: approve(api, item, []))
    assert error.code == 422
    assert error.message.endswith('status.conditions: Forbidden: updates may not remove a condition of type "Approved"')


def test_approval_of_an_old_version_is_a_409(api: Api, name: str) -> None:
    item = post_request(api, name, CLIENT)
    api.patch(path_of(item), {"metadata": {"labels": {"seen": "yes"}}})
    assert refused(lambda: approve(api, item)).reason == "Conflict"


def test_approval_works_by_its_subresource_alone(api: Api, name: str) -> None:
    item = post_request(api, name, CLIENT)
    body = {**item, "status": {"conditions": [APPROVED]}}
    assert api.put(path_of(item), body)["status"] == {}
    error = refused(lambda: api.put(path_of(item) + "/status", body))
    assert error.message.endswith('Forbidden: updates may not add a condition of type "Approved"')


def test_approval_changes_neither_spec_nor_certificate(api: Api, name: str) -> None:
    item = post_request(api, name, CLIENT)
    changed = {**item, "spec": {**item["spec"], "usages": ["server auth"], "username": "other"}}
    changed["status"] = {"certificate": base64.b64encode(b"mine").decode()}
    approved = approve(api, changed)
    assert approved["spec"] == item["spec"]
    assert "certificate" not in approved["status"]
    condition = approved["status"]["conditions"][0]
    assert condition["lastUpdateTime"]
    assert condition["lastTransitionTime"]


def test_signed_certificate_is_what_was_asked_for(plane: ControlPlane, name: str) -> None:
    names = [name, "192.0.2.11"]
    item = post_request(plane.api, name, SERVING, names=names)
    assert plane.api.get(path_of(item))["status"] == {}
    started = time.monotonic()
    approve(plane.api, item)
    certificate = wait_for_certificate(plane.api, item)
    assert time.monotonic() - started < 2
    certificate.verify_directly_issued_by(plane.authority.certificate)
    assert certificate.subject.rfc4514_string() == f"CN=system:node:{name},O=system:nodes"
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(each.value) for each in alternative} == set(names)
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]


def test_signer_clamps_the_lifetime(api: Api, name: str) -> None:
    item = post_request(api, name, CLIENT, spec={"expirationSeconds": 900})
    approve(api, item)
    certificate = wait_for_certificate(api, item)
    lifetime = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert 900 <= lifetime.total_seconds() <= 900 + 600


@pytest.mark.parametrize(
    ("signer", "change", "message"),
    [
        (CLIENT, {"organizations": ["system:masters"]}, "subject organization is not system:nodes"),
        (CLIENT, {"organizations": ["system:nodes", "x"]}, "subject organization is not system:nodes"),
        (CLIENT, {"names": ["worker"]}, "DNS subjectAltNames are not allowed"),
        (CLIENT, {"names": ["192.0.2.11"]}, "IP subjectAltNames are not allowed"),
        (CLIENT, {"common_name": "worker"}, "subject common name does not begin with system:node:"),
        (
            CLIENT,
            {"spec": {"usages": ["client auth"]}},
            "usages did not match [client auth digital signature key encipherment]",
        ),
        (SERVING, {}, "DNS or IP subjectAltName is required"),
        (SERVING, {"names": ["w"], "organizations": []}, "subject organization is not system:nodes"),
        (
            SERVING,
            {"names": ["w"], "spec": {"usages": ["digital signature", "server auth", "client auth"]}},
            "usages did not match [digital signature key encipherment server auth]",
        ),
    ],
)
def test_signer_fails_what_breaks_its_rules(api: Api, name: str, signer: str, change: Item, message: str) -> None:
    item = post_request(api, name, signer, **change)
    approve(api, item)
    failed = api.wait_for(path_of(item), lambda each: len(each["status"]["conditions"]) == 2)
    condition = failed["status"]["conditions"][1]
    assert (condition["type"], condition["status"]) == ("Failed", "True")
    assert (condition["reason"], condition["message"]) == ("SignerValidationFailure", message)
    assert "certificate" not in failed["status"]


def test_denied_request_is_not_signed(api: Api, name: str) -> None:
    item = post_request(api, name, CLIENT)
    approve(api, item, [{**APPROVED, "type": "Denied"}])
    time.sleep(0.15)
    assert "certificate" not in api.get(path_of(item))["status"]


# Nodes


def test_issued_certificate_makes_its_own_node_and_no_other(plane: ControlPlane, name: str) -> None:
    _certificate, node = issue_client(plane, name, plane.token(BOOTSTRAPPER))
    error = refused(lambda: node.post(NODES, {"metadata": {"name": "other"}}))
    assert error.message == f'nodes "other" is forbidden: node "{name}" is not allowed to modify node "other"'
    role = {"node-role.kubernetes.io/worker": ""}
    error = refused(lambda: node.post(NODES, {"metadata": {"name": name, "labels": role}}))
    assert error.message == (
        f'nodes "{name}" is forbidden: node "{name}" is not allowed to set the following labels: '
        "node-role.kubernetes.io/worker"
    )
    labels = {"kubernetes.io/arch": "arm64", "node.openshift.io/os_id": "rhcos"}
    assert node.post(NODES, {"metadata": {"name": name, "labels": labels}})["metadata"]["labels"] == labels
    heartbeat(node, name)
    assert node.get(f"{NODES}/{name}")["status"]["conditions"][0]["status"] == "True"


def test_node_changes_itself_only_and_not_its_taints_and_roles(plane: ControlPlane, name: str) -> None:
    node = plane.api_as(f"system:node:{name}", ["system:nodes"])
    node.post(NODES, {"metadata": {"name": name}})
    assert refused(lambda: node.patch(f"{NODES}/master-0/status", {"status": {}})).code == 403
    for label in ("node-role.kubernetes.io/worker", "node-restriction.kubernetes.io/x"):
        error = refused(lambda label=label: node.patch(f"{NODES}/{name}", {"metadata": {"labels": {label: ""}}}))  # type: ignore[misc]
        assert error.message == f'nodes "{name}" is forbidden: is not allowed to modify labels: {label}'
    patch = {"spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}}
    error = refused(lambda: node.patch(f"{NODES}/{name}", patch))
    assert error.message == f'nodes "{name}" is forbidden: node "{name}" is not allowed to modify taints'
    assert refused(lambda: node.delete(f"{NODES}/{name}")).code == 403


def test_node_reads_only_itself(plane: ControlPlane, name: str) -> None:
    node = plane.api_as(f"system:node:{name}", ["system:nodes"])
    node.post(NODES, {"metadata": {"name": name}})
    assert node.list(NODES, fieldSelector=f"metadata.name={name}")
    error = refused(lambda: node.get(f"{NODES}/master-0"))
    assert error.message.endswith(f": node '{name}' cannot read 'master-0', only its own Node object")
    assert refused(lambda: node.get(NODES)).code == 403
    secret = "/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data-managed"
    assert refused(lambda: node.get(secret)).code == 403


def test_node_asks_for_certificates_in_its_own_name_only(plane: ControlPlane, name: str) -> None:
    node = plane.api_as(f"system:node:{name}", ["system:nodes"])
    assert post_request(node, name, CLIENT)["spec"]["username"] == f"system:node:{name}"
    for signer, names in ((CLIENT, []), (SERVING, ["other"])):
        error = refused(lambda signer=signer, names=names: post_request(node, "other", signer, names=names))  # type: ignore[misc]
        assert error.code == 403
        assert error.message.endswith(f"can only create a node CSR with CN=system:node:{name}")


def test_bootstrapper_only_asks_for_certificates(plane: ControlPlane, name: str) -> None:
    api = Api(plane.url, plane.ca_path, plane.token(BOOTSTRAPPER))
    item = post_request(api, name, CLIENT)
    assert api.get(path_of(item))["kind"] == "CertificateSigningRequest"
    for attempt in (
        lambda: api.get(NODES),
        lambda: api.post(NODES, {"metadata": {"name": name}}),
        lambda: approve(api, item),
        lambda: api.get(CONFIG_MAPS),
    ):
        assert refused(attempt).code == 403


def test_silent_node_goes_unknown_and_comes_back_with_a_heartbeat(api: Api, name: str) -> None:
    api.post(NODES, {"metadata": {"name": name}})
    heartbeat(api, name)
    path = f"{NODES}/{name}"
    unknown = api.wait_for(path, lambda item: ready(item) == "Unknown", GRACE_SECONDS * 3)
    condition = next(each for each in unknown["status"]["conditions"] if each["type"] == "Ready")
    assert condition["reason"] == "NodeStatusUnknown"
    assert condition["message"] == "Kubelet stopped posting node status."
    api.wait_for(path, lambda item: taint_keys(item) == {"node.kubernetes.io/unreachable"})
    heartbeat(api, name)
    api.wait_for(path, lambda item: ready(item) == "True" and not taint_keys(item))


# OpenShift


@pytest.mark.parametrize("payload", ["multi", "single", "unknown", "migrating"])
def test_cluster_objects_are_valid_and_stored_as_given(plane: ControlPlane, payload: str) -> None:
    wanted = objects.cluster_objects(**CLUSTER, ca_pem=plane.ca_pem, payload=payload)
    plane.api.apply(wanted)
    stored = {each["metadata"]["name"]: each for each in plane.api.get(VERSIONS)["items"]}["version"]
    expected = next(each for each in wanted if each["kind"] == "ClusterVersion")
    assert stored["status"] == expected["status"]
    assert stored["spec"] == expected["spec"]
    for kind in ("Infrastructure", "Network", "MachineConfigPool"):
        for item in (each for each in wanted if each["kind"] == kind):
            found = plane.api.get(plane.api.path_of(item))
            assert found["status"] == item["status"], kind


def test_recorded_cluster_versions_can_be_loaded(api: Api) -> None:
    for file_name in ("clusterversion-4.14-amd64.yaml", "clusterversion-4.15-multi.yaml"):
        recorded = yaml.safe_load(shared_data(file_name).read_text())
        [stored] = api.apply([{**recorded, "metadata": {**recorded["metadata"], "name": "recorded"}}])
        assert stored["status"]["conditions"] == recorded["status"]["conditions"]
    api.delete(f"{VERSIONS}/recorded")


def test_admin_of_a_kubeconfig_reaches_the_address_by_tls(plane: ControlPlane) -> None:
    context = ssl.create_default_context(cafile=str(plane.ca_path))
    with (
        socket.create_connection((plane.address, plane.port), 5) as raw,
        context.wrap_socket(raw, server_hostname=plane.address) as tls,
    ):
        assert tls.version() in ("TLSv1.2", "TLSv1.3")


# Helpers


def refused(attempt: Callable[[], Any]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        attempt()
    return caught.value


def first(count: int, events: Iterator[Item]) -> list[Item]:
    """The first events of a watch, without waiting for its end."""
    return list(itertools.islice(events, count))


def path_of(item: Item) -> str:
    return f"{REQUESTS}/{item['metadata']['name']}"


def post_request(
    api: Api,
    node: str,
    signer: str,
    *,
    organizations: list[str] | None = None,
    names: list[str] | None = None,
    common_name: str | None = None,
    spec: Item | None = None,
    pem: bytes | None = None,
) -> Item:
    """A request as a kubelet posts it, with what a test wants to be otherwise."""
    if pem is None:
        groups = ["system:nodes"] if organizations is None else organizations
        pem, _key = certificate_request(common_name or f"system:node:{node}", groups, names=names or [])
    usage = "server auth" if signer == SERVING else "client auth"
    wanted = {
        "request": base64.b64encode(pem).decode(),
        "signerName": signer,
        "usages": ["digital signature", usage],
        **(spec or {}),
    }
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "csr-"},
        "spec": wanted,
    }
    return dict(api.post(REQUESTS, body))


def approve(api: Api, item: Item, conditions: list[Item] | None = None) -> Item:
    status = {**item["status"], "conditions": [APPROVED] if conditions is None else conditions}
    return dict(api.put(path_of(item) + "/approval", {**item, "status": status}))


def wait_for_certificate(api: Api, item: Item) -> x509.Certificate:
    signed = api.wait_for(path_of(item), lambda each: "certificate" in each["status"], 5)
    return x509.load_pem_x509_certificate(base64.b64decode(signed["status"]["certificate"]))


def issue_client(plane: ControlPlane, node: str, token: str) -> tuple[x509.Certificate, Api]:
    """What a kubelet does first; the client with its certificate."""
    pem, key = certificate_request(f"system:node:{node}")
    item = post_request(Api(plane.url, plane.ca_path, token), node, CLIENT, pem=pem)
    approve(plane.api, item)
    certificate = wait_for_certificate(plane.api, item)
    paths = plane.directory / f"{node}.crt", plane.directory / f"{node}.key"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(key_pem(key))
    return certificate, Api(plane.url, plane.ca_path, paths)


def assert_same_requester(made: Item, recorded: Item) -> None:
    """Node names and ids differ; users, groups, usages and the kind of credential do not."""
    mine, theirs = made["spec"], recorded["spec"]
    assert mine["groups"] == theirs["groups"]
    assert mine["usages"] == theirs["usages"]
    assert mine["username"].rpartition(":")[0] == theirs["username"].rpartition(":")[0]
    assert ("uid" in mine) == ("uid" in theirs)
    assert set(mine["extra"]) == set(theirs["extra"])
    prefix = theirs["extra"][CREDENTIAL][0].partition("=")[0]
    assert mine["extra"][CREDENTIAL][0].startswith(f"{prefix}=")


def may(api: Api, **attributes: str) -> bool:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.post(ACCESS_REVIEWS, review)["status"]["allowed"])


def heartbeat(api: Api, node: str) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    api.patch(f"{NODES}/{node}/status", {"status": {"conditions": [condition]}}, "strategic")


def ready(item: Item) -> str:
    conditions = item["status"].get("conditions", [])
    return next((each["status"] for each in conditions if each["type"] == "Ready"), "")


def taint_keys(item: Item) -> set[str]:
    return {taint["key"] for taint in item["spec"].get("taints", [])}
