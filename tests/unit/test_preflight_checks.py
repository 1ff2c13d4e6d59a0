# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of the preflight, each on plain data."""

from __future__ import annotations

import ipaddress
import threading
import time
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight as checks
from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight_cluster as preflight_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight_site as site
from ansible_collections.multiarch.openshift.plugins.module_utils._deny import DenyList
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import FAIL
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import OK
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import WARN
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import stops
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import table
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import Ignition
from ansible_collections.multiarch.openshift.plugins.module_utils._in_time import answers_in_time
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import ApiError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Forbidden
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unavailable
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import UnknownApi

Record = dict[str, t.Any]
NOW = 1_795_000_000.0  # 2026-11-18


def machine(number: int = 1, **values: t.Any) -> Record:
    return {
        "name": f"worker-arm-{number}",
        "node_name": f"worker-arm-{number}",
        "addresses": [f"192.0.2.{10 + number}"],
        "architecture": "aarch64",
        "boot_method": "grub",
        "pool": "worker",
        "labels": {},
        "taints": [],
        "failed": False,
        **values,
    }


def pool(name: str = "worker", **values: t.Any) -> Record:
    return {"name": name, "updated": True, "paused": False, "degraded": False, **values}


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# -- the cluster -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "verdict", "said"),
    [
        ([pool(), pool("master")], OK, "worker"),
        ([pool("master")], FAIL, "There is no MachineConfigPool worker; there are master."),
        ([pool(paused=True)], WARN, "worker is paused"),
        ([pool(degraded=True, updated=False)], WARN, "degraded and not updated"),
        ([pool(), pool("infra", degraded=True)], OK, "worker"),
    ],
)
def test_pools(found: list[Record], verdict: str, said: str) -> None:
    row = checks.pools(found, [machine()])
    assert row["verdict"] == verdict
    assert said in row["sentence"]


def ignition(not_after: str = "", problem: str = "") -> Ignition:
    authorities = [{"subject": "CN=ca", "not_after": not_after, "problem": problem}] if not_after or problem else []
    return Ignition(b"{}", "sha512-00", "3.4.0", ["https://api-int:22623/config/worker"], authorities)


@pytest.mark.parametrize(
    ("entry", "verdict", "said"),
    [
        (ignition(stamp(NOW + 40 * 86400)), OK, "is valid until"),
        (ignition(stamp(NOW + 29 * 86400)), WARN, "expires on"),
        (ignition(stamp(NOW - 1)), FAIL, "expired on"),
        (ignition(problem="its source is no data URL"), WARN, "cannot be read"),
        (ignition(), WARN, "no certificate authority"),
    ],
)
def test_the_ignitions_authorities(entry: Ignition, verdict: str, said: str) -> None:
    row = checks.authorities({"worker": entry}, NOW)
    assert row["verdict"] == verdict
    assert said in row["sentence"]


def test_an_ignition_that_cannot_be_read_is_named_beside_one_that_can() -> None:
    row = checks.ignition({"worker": ignition(), "infra": OperationError("Secret infra-user-data does not exist.")})
    assert row["verdict"] == FAIL
    assert row["sentence"] == "Secret infra-user-data does not exist."


@pytest.mark.parametrize(
    ("missing", "optional", "verdict"),
    [([], [], OK), ([], ["get proxies"], WARN), (["approve signers"], ["get proxies"], FAIL)],
)
def test_access(missing: list[str], optional: list[str], verdict: str) -> None:
    row = checks.access(missing, optional, "https://api:6443")
    assert row["verdict"] == verdict
    assert all(right in row["sentence"] for right in (missing or optional))


def test_existing_nodes_in_the_way_are_named_with_what_to_do() -> None:
    refused = machine(2, failed=True, reason_code="node_exists", reason="a node has its address", hint="Correct it.")
    row = checks.existing_nodes([machine(1), refused])
    assert (row["verdict"], row["machines"], row["to_do"]) == (FAIL, ["worker-arm-2"], "Correct it.")
    assert "a node has its address" in row["sentence"]
    known = machine(1, existing_node={"name": "worker-arm-1"})
    assert checks.existing_nodes([known, machine(2)])["sentence"].startswith("1 of 2 machines are nodes: worker-arm-1")


def test_a_virtual_address_of_the_cluster_is_no_machines() -> None:
    deny = DenyList(addresses=frozenset({ipaddress.ip_address("192.0.2.11")}))
    row = checks.own_addresses([machine(1), machine(2)], deny)
    assert (row["verdict"], row["machines"]) == (FAIL, ["worker-arm-1"])
    assert "192.0.2.11: it is a virtual address of the cluster" in row["sentence"]
    assert checks.own_addresses([machine(2)], deny)["verdict"] == OK


def request(name: str, reason: str, waited: float) -> Record:
    condition = {"type": "Approved", "reason": reason, "lastUpdateTime": stamp(NOW + waited)}
    return {"metadata": {"name": name, "creationTimestamp": stamp(NOW)}, "status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("requests", "verdict", "said"),
    [
        ([], OK, "Nobody else"),
        ([request("a", "InventoryApproved", 1), request("b", "AutoApproved", 1)], OK, "Nobody else"),
        ([request("a", "NodeCSRApprove", 1)] * 3, OK, "Nobody else"),
        ([request("a", "KubectlApprove", 600)], WARN, "Somebody else approved 1"),
        ([request("a", "KubectlApprove", 5), request("b", "KubectlApprove", 8)], WARN, "by itself: 2 within"),
        ([{"metadata": {"name": "a", "creationTimestamp": stamp(NOW)}, "status": {}}], OK, "Nobody else"),
    ],
)
def test_another_approver_at_work(requests: list[Record], verdict: str, said: str) -> None:
    row = checks.approvers(requests, "InventoryApproved")
    assert row["verdict"] == verdict
    assert said in row["sentence"]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (None, OK),
        ({}, OK),
        ({"httpsProxy": "http://proxy:3128", "noProxy": ".example.com,192.0.2.0/24"}, OK),
        ({"httpsProxy": "http://proxy:3128", "noProxy": "192.0.2.11"}, OK),
        ({"httpProxy": "http://proxy:3128", "noProxy": "*"}, OK),
        ({"httpProxy": "http://proxy:3128", "noProxy": "10.0.0.0/8, .svc"}, WARN),
        ({"httpProxy": "http://proxy:3128"}, WARN),
    ],
)
def test_no_proxy(status: Record | None, verdict: str) -> None:
    row = checks.no_proxy(None if status is None else {"status": status}, [machine()])
    assert row["verdict"] == verdict
    assert verdict == OK or "192.0.2.11" in row["sentence"]


def node(architecture: str) -> Record:
    return {"metadata": {"name": architecture}, "status": {"nodeInfo": {"architecture": architecture}}}


TAINT = {"key": "multiarch.openshift.io/arch", "value": "arm64", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("machines", "nodes", "needed"),
    [
        ([machine()], [node("amd64")], True),
        ([machine()], [node("amd64"), node("arm64")], False),
        ([machine(architecture="x86_64")], [node("amd64")], False),
        ([machine(taints=[TAINT])], [node("amd64")], False),
        ([machine(taints=[TAINT]), machine(2)], [node("amd64")], True),
        ([machine(taints=[{**TAINT, "effect": "PreferNoSchedule"}])], [node("amd64")], True),
    ],
)
def test_first_arm64_nodes_need_something_that_keeps_other_work_away(
    machines: list[Record], nodes: list[Record], needed: bool
) -> None:
    assert checks.needs_placement(machines, nodes) is needed


def daemon_set(name: str, namespace: str = "shop", **spec: t.Any) -> Record:
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"template": {"spec": spec}}}


def affinity(*keys: str) -> Record:
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": ["amd64"]}]} for key in keys]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"nodeAffinity": required}


@pytest.mark.parametrize(
    ("entry", "listed"),
    [
        (daemon_set("agent"), True),
        (daemon_set("agent", nodeSelector={"kubernetes.io/os": "linux"}), True),
        (daemon_set("agent", nodeSelector={"kubernetes.io/arch": "amd64"}), False),
        (daemon_set("agent", nodeSelector={"node-role.kubernetes.io/master": ""}), False),
        (daemon_set("agent", affinity=affinity("kubernetes.io/arch")), False),
        (daemon_set("agent", affinity=affinity("kubernetes.io/arch", "zone")), True),
        (daemon_set("agent", affinity={}), True),
        (daemon_set("node-ca", "openshift-image-registry"), False),
        (daemon_set("mine", "openshifty"), True),
    ],
)
def test_daemon_sets_without_a_choice_of_architecture_are_listed(entry: Record, listed: bool) -> None:
    row = checks.first_of_architecture(True, False, [entry])
    assert (f"{entry['metadata']['namespace']}/{entry['metadata']['name']}" in row["sentence"]) is listed
    assert "machine_taints: [{key: multiarch.openshift.io/arch" in row["to_do"]


def test_the_tuning_operator_leaves_daemon_sets_alone() -> None:
    assert checks.first_of_architecture(True, True, [])["verdict"] == OK
    row = checks.first_of_architecture(True, True, [daemon_set("agent")])
    assert row["verdict"] == WARN
    assert "there is no" not in row["sentence"]


class Answers:
    """A cluster that has these objects, and fails as it is told for all others."""

    def __init__(self, error: type[ApiError], **objects: t.Any) -> None:
        self._error, self._objects = error, objects

    def get(self, _api_version: str, kind: str, _name: str) -> t.Any:
        if kind not in self._objects:
            raise self._error(f"Could not read {kind}.")
        return self._objects[kind]

    def list(self, api_version: str, kind: str) -> t.Any:
        return self.get(api_version, kind, ""), "1"


@pytest.mark.parametrize(
    ("cluster", "verdict", "said"),
    [
        (Answers(UnknownApi, DaemonSet=[]), WARN, "there is no ClusterPodPlacementConfig"),
        (
            Answers(Forbidden, DaemonSet=[]),
            WARN,
            "whether there is a ClusterPodPlacementConfig of the Multiarch Tuning",
        ),
        (Answers(Forbidden, ClusterPodPlacementConfig={}), WARN, "DaemonSets cannot be listed"),
        (Answers(Forbidden, ClusterPodPlacementConfig={}, DaemonSet=[]), OK, "there is a ClusterPodPlacementConfig"),
    ],
)
def test_what_may_not_be_read_is_not_called_absent(cluster: Answers, verdict: str, said: str) -> None:
    row = preflight_cluster.other_work(cluster, [machine()], [node("amd64")])
    assert row["verdict"] == verdict
    assert said in row["sentence"]


def test_an_api_that_fails_says_nothing_of_what_was_asked() -> None:
    with pytest.raises(Unavailable):
        preflight_cluster.other_work(Answers(Unavailable, DaemonSet=[]), [machine()], [node("amd64")])


def test_a_proxy_that_may_not_be_read_is_a_warning() -> None:
    row = preflight_cluster.proxy(Answers(Forbidden), [machine()])
    assert (row["check"], row["verdict"]) == ("no_proxy", WARN)
    assert preflight_cluster.proxy(Answers(Forbidden, Proxy=None), [machine()])["verdict"] == OK


@pytest.mark.parametrize(
    ("api", "web", "verdict", "said"),
    [
        (0.4, 0.0, OK, "API, controller and web host"),
        (1.2, None, OK, "API and controller agree within 1 s; the web host did not tell its time."),
        (None, 1.2, OK, "web host and controller agree within 1 s; the API did not tell its time."),
        (None, 400.0, FAIL, "web host is 400 s ahead of"),
        (-30.0, 0.0, WARN, "API is 30 s behind"),
        (0.0, 400.0, FAIL, "web host is 400 s ahead of"),
    ],
)
def test_clocks(api: float | None, web: float | None, verdict: str, said: str) -> None:
    row = checks.clock(api, web)
    assert row is not None
    assert row["verdict"] == verdict
    assert said in row["sentence"]


def test_clocks_that_nobody_told_have_no_row() -> None:
    assert checks.clock(None, None) is None


def test_bmcs() -> None:
    good = machine(1, bmc_url="https://192.0.2.200")
    bad = machine(2, bmc_url="https://192.0.2.201", failed=True, reason="refuses the password.", hint="Mend it.")
    assert checks.bmcs([good])["verdict"] == OK
    row = checks.bmcs([good, bad])
    assert (row["verdict"], row["machines"], row["to_do"]) == (FAIL, ["worker-arm-2"], "Mend it.")


# -- the site ----------------------------------------------------------------------------------------------------------

URL = "https://api-int.lab.example.com:22623/config/worker"


def answer(state: str = "answered", status: int = 200, days: float = 400, detail: str = "") -> Record:
    return {"url": URL, "state": state, "status": status, "not_after": NOW + days * 86400, "detail": detail}


@pytest.mark.parametrize(
    ("answers", "verdict", "said"),
    [
        ([answer()], OK, "answers Ignition"),
        ([answer(days=20)], WARN, "certificate ends on"),
        ([answer("unreachable", detail="Connection refused")], WARN, "is not reachable from web: Connection refused"),
        ([answer("untrusted", detail="unable to get local issuer certificate")], FAIL, "does not verify"),
        ([answer("broken", detail="TLS: WRONG_VERSION_NUMBER")], FAIL, "does not answer as a machine-config server"),
        ([answer(status=500)], FAIL, "answers 500"),
        ([answer(status=404)], FAIL, "answers 404"),
        ([answer(), answer(status=503)], FAIL, "answers 503"),
        ([], WARN, "No ignition"),
    ],
)
def test_machine_config_server(answers: list[Record], verdict: str, said: str) -> None:
    row = site.machine_config_server(answers, NOW, "web")
    assert row["verdict"] == verdict
    assert said in row["sentence"]
    assert row["verdict"] == OK or row["to_do"] or not answers


@pytest.mark.parametrize(
    ("names", "verdict", "said"),
    [
        (["worker-arm-1"], OK, "resolve"),
        (["other.example.com", "worker-arm-1"], OK, "resolve"),
        (["Worker-Arm-1."], OK, "resolve"),
        (["worker-arm-1.example.com"], FAIL, "192.0.2.11 is worker-arm-1.example.com, not worker-arm-1"),
        ([], WARN, "no PTR record"),
        (None, WARN, "did not answer in time for 1 names"),
    ],
)
def test_dns_reverse(names: list[str] | None, verdict: str, said: str) -> None:
    row = site.dns_reverse([machine()], {"192.0.2.11": names}, "web")
    assert row["verdict"] == verdict
    assert said in row["sentence"]


def test_a_machine_that_is_told_its_name_needs_no_ptr_record() -> None:
    named = machine(network_arguments=["ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-arm-1:eno1:none"])
    for names in ([], None, ["worker-arm-1"]):
        assert site.dns_reverse([named], {"192.0.2.11": names}, "web")["verdict"] == OK
    # its address may be another's
    row = site.dns_reverse([named, machine(2)], {"192.0.2.11": ["other.example.com"]}, "web")
    assert (row["verdict"], row["machines"]) == (WARN, ["worker-arm-1"])
    assert "192.0.2.11 is other.example.com, not worker-arm-1" in row["sentence"]
    wrong = {"192.0.2.11": ["other.example.com"], "192.0.2.12": ["third.example.com"]}
    row = site.dns_reverse([named, machine(2)], wrong, "web")
    assert (row["verdict"], row["machines"]) == (FAIL, ["worker-arm-2"])
    assert site.dns_reverse([named, machine(2)], {"192.0.2.12": []}, "web")["machines"] == ["worker-arm-2"]


@pytest.mark.parametrize(
    ("addresses", "verdict"), [(["192.0.2.11"], OK), (["192.0.2.99"], WARN), ([], WARN), (None, WARN)]
)
def test_dns_forward(addresses: list[str] | None, verdict: str) -> None:
    assert site.dns_forward([machine()], {"worker-arm-1": addresses}, "web")["verdict"] == verdict


@pytest.mark.parametrize(
    ("node_names", "name", "verdict"),
    [
        (["master-0", "master-1"], "worker-arm-1", OK),
        (["master-0", "master-1"], "worker-arm-1.example.com", WARN),
        (["master-0.example.com"], "worker-arm-1", WARN),
        (["master-0.example.com"], "worker-arm-1.example.com", OK),
        (["master-0.example.com", "master-1"], "worker-arm-1", OK),
    ],
)
def test_names_have_the_form_of_the_clusters_nodes(node_names: list[str], name: str, verdict: str) -> None:
    assert site.name_form([machine(node_name=name)], node_names)["verdict"] == verdict


BASE, FOLDER = "http://192.0.2.2:8080/openshift", "/srv/www/openshift"
SERVED: Record = {
    "state": "answered",
    "detail": "",
    "local": True,
    "file": f"{FOLDER}/lab/worker.ign",
    "type": "",
    "head": 200,
    "head_fits": True,
    "range": 206,
    "same": True,
}


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({}, OK, "answers HEAD and ranges"),
        ({"state": "unreachable", "detail": "Connection refused"}, FAIL, "Nothing serves"),
        ({"state": "untrusted", "detail": "certificate has expired"}, FAIL, "does not trust the certificate"),
        ({"file": ""}, WARN, "holds no file yet"),
        ({"head": 404, "same": False}, FAIL, "does not serve"),
        ({"head": 403, "same": False}, FAIL, "answers 403"),
        ({"head": 405}, FAIL, "refuses HEAD"),
        ({"same": False}, FAIL, "with other bytes"),
        ({"range": 200}, WARN, "answers no ranges"),
        ({"head_fits": False}, WARN, "gives no length"),
        ({"local": False}, WARN, "not this host's"),
    ],
)
def test_web_server(changes: Record, verdict: str, said: str) -> None:
    row = site.web_server({**SERVED, **changes}, BASE, FOLDER)
    assert row["verdict"] == verdict
    assert said in row["sentence"]


FREE: Record = {
    "exists": True,
    "nearest": FOLDER,
    "is_directory": True,
    "writable": True,
    "free": 10 * 1024**3,
    "type": "",
    "enforcing": False,
}


@pytest.mark.parametrize(
    ("changes", "web", "verdict"),
    [
        ({}, None, OK),
        ({"type": "httpd_sys_content_t", "enforcing": True}, None, OK),
        ({"type": "var_t", "enforcing": False}, None, WARN),
        ({"type": "var_t", "enforcing": True}, None, FAIL),
        ({"type": "var_t", "enforcing": True}, {**SERVED, "type": "var_t"}, OK),
        ({"type": "var_t", "enforcing": True}, {**SERVED, "type": "httpd_sys_content_t"}, FAIL),
    ],
)
def test_selinux(changes: Record, web: Record | None, verdict: str) -> None:
    row = site.selinux({**FREE, **changes}, web, FOLDER)
    assert row["verdict"] == verdict
    if verdict == FAIL:
        line = "semanage fcontext -a -t httpd_sys_content_t '/srv/www/openshift(/.*)?' && restorecon -Rv"
        assert line in row["to_do"]


def artifact(size: int | None, *, present: bool = False) -> Record:
    return {"name": "r/aarch64/rootfs", "present": present, "size": size}


@pytest.mark.parametrize(
    ("changes", "sizes", "verdict", "said"),
    [
        ({}, [1024**3], OK, "1.0 GiB will be written, 10.0 GiB are free"),
        ({"free": 1024**3}, [1024**3], FAIL, "1.0 GiB free, what will be written needs 1.0 GiB."),
        ({}, [None], WARN, "have no size"),
        ({"writable": False}, [1], FAIL, "cannot be written to"),
        ({"writable": False, "exists": False, "nearest": "/srv"}, [1], FAIL, "does not exist, and /srv"),
        ({"is_directory": False}, [1], FAIL, "is no folder"),
    ],
)
def test_publish_folder(changes: Record, sizes: list[int | None], verdict: str, said: str) -> None:
    row = site.publish_folder({**FREE, **changes}, [artifact(size) for size in sizes], FOLDER)
    assert row["verdict"] == verdict
    assert said in row["sentence"]


def test_what_is_made_of_boot_artifacts_needs_room_as_well() -> None:
    there = [artifact(1024**3, present=True)]
    row = site.publish_folder({**FREE, "free": 1024}, there, FOLDER)
    assert (row["verdict"], "holds the boot artifacts" in row["sentence"]) == (OK, True)
    row = site.publish_folder(FREE, there, FOLDER, isos=[1024**3] * 3)
    assert (row["verdict"], "3.0 GiB will be written (3 ISOs of machines among it)" in row["sentence"]) == (OK, True)
    row = site.publish_folder(FREE, there, FOLDER, isos=[1024**3] * 9, copies=[1024**3])
    assert row["verdict"] == FAIL
    assert "needs 10.0 GiB (9 ISOs of machines and the copies for TFTP among it)." in row["sentence"]


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_table_fits_a_terminal_and_says_what_to_do_of_what_is_not_ok() -> None:
    to_do = "Mend it.\n  oc get a-very-long-line " + "x" * 90
    rows = [
        finding("payload", OK, "Fine. " * 30, "not shown"),
        finding("machine_config_server", FAIL, "It does not answer. " * 12, to_do),
    ]
    lines = table(rows, ["payload", "machine_config_server"])
    assert all(len(line) <= 100 for line in lines if "oc get" not in line)
    assert lines[0].startswith("ok    payload                Fine.")
    assert not any("not shown" in line for line in lines)
    assert any(line.strip() == "-> Mend it." for line in lines)
    # what is to be copied is whole
    assert any(line.endswith("x" * 90) and "oc get" in line for line in lines)
    assert lines[-1] == "Preflight: 1 ok, 0 warn, 1 fail; these stop the run: machine_config_server."


def test_only_failed_checks_that_are_named_stop_the_run() -> None:
    rows = [finding("payload", WARN, "a"), finding("dns_reverse", FAIL, "b"), finding("access", FAIL, "c")]
    assert [row["check"] for row in stops(rows, ["payload", "access"])] == ["access"]


def test_a_question_without_an_answer_does_not_hold_up_the_others() -> None:
    never = threading.Event()
    questions: dict[str, t.Any] = {"late": never.wait, **{str(number): (lambda: "answer") for number in range(50)}}
    started = time.monotonic()
    found = answers_in_time(questions, 0.3, parallel=2)
    never.set()
    assert time.monotonic() - started < 2
    assert found == {str(number): "answer" for number in range(50)}
