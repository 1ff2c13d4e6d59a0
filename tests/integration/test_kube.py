# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge to the API, against the lab's API server."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.module_utils import _kube
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from lab.control_plane import control_plane
from lab.objects import infrastructure
from lab.simulator import SimulatedControlPlane


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[SimulatedControlPlane]:
    with control_plane(tmp_path_factory.mktemp("plane")) as plane:
        yield plane


@pytest.fixture
def cluster(plane: SimulatedControlPlane) -> _kube.Cluster:
    return _kube.connect({"kubeconfig": str(plane.kubeconfig())}, patient=False)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    """Neither the settings of whoever runs the tests nor a CA bundle of the environment count."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("K8S_AUTH_KUBECONFIG", "K8S_AUTH_HOST", "K8S_AUTH_VERIFY_SSL", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")


def test_an_absent_object_is_none_but_an_unknown_kind_is_an_error(cluster: _kube.Cluster) -> None:
    assert cluster.get("v1", "Secret", "nobody", "default") is None
    with pytest.raises(_kube.UnknownApi, match="does not serve Nonsense"):
        cluster.get("example.com/v1", "Nonsense", "x")


def test_lists_are_read_page_by_page(
    cluster: _kube.Cluster, plane: SimulatedControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kube, "PAGE_SIZE", 3)
    for number in range(7):
        plane.api.post("/api/v1/nodes", {"metadata": {"name": f"page-{number}"}})
    items, version = cluster.list("v1", "Node")
    assert len([item for item in items if item["metadata"]["name"].startswith("page-")]) == 7
    assert version.isdigit()


def test_a_watch_goes_on_from_the_list(cluster: _kube.Cluster, plane: SimulatedControlPlane) -> None:
    _items, version = cluster.list("v1", "Node")
    plane.api.post("/api/v1/nodes", {"metadata": {"name": "seen-by-watch"}})
    events = cluster.watch("v1", "Node", resource_version=version, timeout_seconds=5, read_timeout=10)
    event = next(event for event in events if event["type"] == "ADDED")
    assert event["object"]["metadata"]["name"] == "seen-by-watch"


def test_410_inside_the_stream_is_gone(cluster: _kube.Cluster, plane: SimulatedControlPlane) -> None:
    plane.faults.expire_watches()
    with pytest.raises(_kube.Gone):
        list(cluster.watch("v1", "Node", resource_version="0", timeout_seconds=2, read_timeout=5))


def test_a_silent_watch_is_found_by_its_read_timeout(cluster: _kube.Cluster, plane: SimulatedControlPlane) -> None:
    plane.faults.silence_watches()
    with pytest.raises(_kube.Unavailable):
        list(cluster.watch("v1", "Node", resource_version="0", timeout_seconds=30, read_timeout=0.3))


@pytest.mark.parametrize(
    ("status", "error"), [(401, _kube.Unauthorized), (429, _kube.TooManyRequests), (503, _kube.Unavailable)]
)
def test_http_errors_have_names(
    cluster: _kube.Cluster, plane: SimulatedControlPlane, status: int, error: type[_kube.ApiError]
) -> None:
    cluster.get("v1", "Namespace", "default")
    plane.faults.fail(status, path="namespaces/default", retry_after=7 if status == 429 else None)
    with pytest.raises(error) as failure:
        cluster.get("v1", "Namespace", "default")
    assert failure.value.status == status
    if status == 429:
        assert failure.value.retry_after == 7


def test_a_question_is_asked_again_when_the_server_says_when(plane: SimulatedControlPlane) -> None:
    cluster = _kube.connect({"kubeconfig": str(plane.kubeconfig("patient", ["system:masters"]))})
    cluster.get("v1", "Namespace", "default")
    plane.faults.too_many_requests(1, path="namespaces/default")
    assert cluster.get("v1", "Namespace", "default") is not None


def test_a_missing_right_is_named_with_the_servers_words(plane: SimulatedControlPlane) -> None:
    plane.restrict("reader", [{"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}])
    cluster = _kube.connect({"kubeconfig": str(plane.kubeconfig("reader"))})
    with pytest.raises(_kube.Forbidden, match="secrets is forbidden"):
        cluster.list("v1", "Secret")
    assert cluster.allowed("get", "nodes")
    assert not cluster.allowed("list", "secrets")


@pytest.mark.parametrize(
    ("params", "environment"),
    [
        ({"validate_certs": False}, {}),
        ({}, {"K8S_AUTH_VERIFY_SSL": "False"}),
        ({}, {"K8S_AUTH_VALIDATE_CERTS": "no"}),
        ({"kubeconfig": "insecure"}, {}),
        ({"host": "http://127.0.0.1:1"}, {}),
    ],
)
def test_switched_off_verification_is_refused_before_anything_is_sent(
    plane: SimulatedControlPlane,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    params: dict[str, t.Any],
    environment: dict[str, str],
) -> None:
    params = {"kubeconfig": str(plane.kubeconfig()), **params}
    if params["kubeconfig"] == "insecure":
        content = yaml.safe_load(plane.kubeconfig().read_text())
        content["clusters"][0]["cluster"] = {"server": plane.url, "insecure-skip-tls-verify": True}
        path = tmp_path / "insecure.kubeconfig"
        path.write_text(yaml.safe_dump(content))
        params["kubeconfig"] = str(path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = len(plane.requests)
    with pytest.raises(OperationError, match="TLS") as failure:
        _kube.connect(params)
    assert "AWX" in str(failure.value)
    assert len(plane.requests) == before


def test_an_unreachable_api_is_named_with_its_address(plane: SimulatedControlPlane, tmp_path: pathlib.Path) -> None:
    content = yaml.safe_load(plane.kubeconfig().read_text())
    content["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path = tmp_path / "away.kubeconfig"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(_kube.Unavailable, match="cannot be reached"):
        _kube.connect({"kubeconfig": str(path)})


def test_no_settings_at_all_name_the_variables() -> None:
    with pytest.raises(OperationError, match="K8S_AUTH_KUBECONFIG"):
        _kube.connect({})


def test_two_clusters_are_told_apart(cluster: _kube.Cluster, plane: SimulatedControlPlane) -> None:
    plane.api.apply([infrastructure("lab-x7k2p", "lab.example.com", "192.0.2.2")])
    identity = cluster.identity()
    assert identity["name"] == "lab-x7k2p"
    _kube.check_cluster([{"cluster": identity}, {}], identity)
    with pytest.raises(OperationError, match="The run began on cluster other"):
        _kube.check_cluster([{"cluster": {"name": "other", "uid": "1"}}], identity)
