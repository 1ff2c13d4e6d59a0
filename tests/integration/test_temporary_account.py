# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The account of one run: enough for the join, for nothing else, and gone afterwards."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.module_utils import _account
from ansible_collections.multiarch.openshift.plugins.module_utils import _world
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unauthorized
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from lab import namespace
from lab.control_plane import real_available
from lab.kubelet import Timing
from lab.simulator import SimulatedControlPlane
from lab.site import Site
from lab.site import machine_specs
from support.paths import ROOT

MakeSite = Callable[..., Site]
OPERATOR = "system:serviceaccount:multiarch-openshift:add-arm-workers"
ACCOUNT = re.compile(r"system:serviceaccount:kube-system:multiarch-openshift-[0-9a-f]{10}")
DONE = "proven" if namespace.inside() else "joined"
TEMPORARY = {"approve_csrs_account": "temporary", "approve_csrs_heartbeat": 5}
each_plane = pytest.mark.parametrize(
    "kind",
    [
        "simulated",
        pytest.param(
            "real", marks=[pytest.mark.real, pytest.mark.skipif(bool(real_available()), reason=real_available())]
        ),
    ],
)


def manifest(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((ROOT / "docs" / name).read_text())["items"])


def objects_of_accounts(site: Site) -> list[str]:
    return [
        f"{kind} {item['metadata']['name']}"
        for kind in ("serviceaccounts", "clusterroles", "clusterrolebindings")
        for item in site.api.list(
            f"/api/v1/{kind}" if kind == "serviceaccounts" else f"/apis/rbac.authorization.k8s.io/v1/{kind}",
            labelSelector=_account.RUN_LABEL,
        )
    ]


@pytest.fixture
def site(make_site: MakeSite, site_block: int) -> Callable[..., Site]:
    def make(kind: str = "simulated", machines: int = 2) -> Site:
        specs = machine_specs(machines, block=site_block)
        timing = Timing(serving_delay=0.02, ready_delay=0.02)
        return make_site(machines=specs, timing=timing, control_plane=kind)

    return make


def start(site: Site) -> None:
    for machine in site.machines.values():
        machine.start_kubelet()


def as_operator(site: Site) -> dict[str, str]:
    """The environment of somebody who has what the two manifests give, and nothing else."""
    site.api.apply([*manifest("rbac.yml"), *manifest("rbac-temporary.yml")])
    return {"K8S_AUTH_KUBECONFIG": str(site.plane.kubeconfig(token=site.plane.token(OPERATOR)))}


@each_plane
def test_all_is_done_as_an_account_that_is_gone_afterwards(site: Callable[..., Site], kind: str) -> None:
    made = site(kind)
    environment = as_operator(made)
    start(made)
    run = made.run("approve_csrs", "-vvvv", environment=environment, extra_vars=TEMPORARY)
    assert run.rc == 0, run.stdout
    assert run.stdout.count(f": {DONE}") >= 2, run.stdout
    approvals = made.plane.approvals
    assert len(approvals) == 4
    [user] = {approval.user for approval in approvals}
    assert ACCOUNT.fullmatch(user)
    assert objects_of_accounts(made) == []
    # its token dies with it, and nobody has seen it
    for path in made.directory.rglob("*"):
        if path.is_file() and path.suffix in (".txt", ".json", ".jsonl"):
            assert not re.search(r"lab-[0-9a-f]{64}|\beyJ[\w-]{20,}\.", path.read_text(errors="replace")), path
    watched = {request.user for request in made.plane.requests if "watch" in request.verb}
    assert user in watched
    assert OPERATOR not in watched

    # nothing is left to join: no account is made
    before = len(made.plane.requests)
    again = made.run("approve_csrs", environment=environment, extra_vars=TEMPORARY)
    assert (again.rc, again.changed) == (0, 0), again.stdout
    assert f": {DONE}, unchanged" in again.stdout
    assert not [request for request in made.plane.requests[before:] if ACCOUNT.search(request.user)]


@each_plane
def test_account_may_approve_for_kubelets_and_do_nothing_else(site: Callable[..., Site], kind: str) -> None:
    made = site(kind, machines=1)
    own = connect({"kubeconfig": as_operator(made)["K8S_AUTH_KUBECONFIG"]})
    lines: list[str] = []
    with _account.TemporaryAccount(own, until=time.time() + 5400, patch_nodes=False, say=lines.append) as account:
        cluster = account.connect()
        rights = [
            *_account.granted_rights(patch_nodes=True),
            *_account.maker_rights(),
            _account.Right("get", "secrets", name="worker-user-data-managed", namespace="openshift-machine-api"),
            _account.Right("approve", "signers", "certificates.k8s.io", name="kubernetes.io/kube-apiserver-client"),
        ]
        missing = [str(right) for right in _account.missing_rights(cluster, rights)]
        assert missing == [
            "patch nodes",
            *map(str, _account.maker_rights()),
            "get secrets named worker-user-data-managed in openshift-machine-api",
            "approve signers of certificates.k8s.io named kubernetes.io/kube-apiserver-client",
        ]
    assert lines == [f"The account {account.name} is there for this run"]
    assert objects_of_accounts(made) == []
    wait_until_unauthorized(cluster)


def wait_until_unauthorized(cluster: Cluster) -> None:
    """The real API server may know a token for some seconds more than its account."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            cluster.allowed("get", "nodes")
        except Unauthorized:
            return
        time.sleep(0.1)
    raise AssertionError("the token is still valid")


@each_plane
def test_token_outlives_the_longest_deadline(site: Callable[..., Site], kind: str) -> None:
    made = site(kind, machines=1)
    own = connect({"kubeconfig": str(made.kubeconfig)})
    until = time.time() + 20 * 3600
    with _account.TemporaryAccount(own, until=until, patch_nodes=True, say=print) as account:
        [stored] = made.api.list(
            "/api/v1/namespaces/kube-system/serviceaccounts", labelSelector=f"{_account.RUN_LABEL}={account.name[-10:]}"
        )
        assert _account.timestamp(stored["metadata"]["annotations"][_account.EXPIRES]) > until
        _token, expires = own.account_token("kube-system", account.name, 20 * 3600)
        assert (_account.timestamp(expires) or 0) >= until - 1


def test_token_that_the_api_cuts_short_is_refused(site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch) -> None:
    made = site(machines=1)
    own = connect({"kubeconfig": str(made.kubeconfig)})
    monkeypatch.setattr(own, "account_token", lambda *_arguments: ("t", _world.rfc3339(time.time() + 3600)))
    account = _account.TemporaryAccount(own, until=time.time() + 5400, patch_nodes=False, say=print)
    with pytest.raises(OperationError, match="Shorten approve_csrs_timeout"):
        account.__enter__()
    assert objects_of_accounts(made) == []


@each_plane
def test_each_missing_right_to_make_it_is_named_and_nothing_is_left(site: Callable[..., Site], kind: str) -> None:
    made = site(kind, machines=1)
    made.api.apply(manifest("rbac.yml"))
    own = connect({"kubeconfig": str(made.plane.kubeconfig(token=made.plane.token(OPERATOR)))})
    with pytest.raises(OperationError) as caught:
        _account.TemporaryAccount(own, until=time.time(), patch_nodes=False, say=print).__enter__()
    assert str(caught.value).startswith(
        f"The account may not {', '.join(map(str, _account.maker_rights()))} on {made.plane.url}."
    )
    assert "docs/rbac-temporary.yml" in str(caught.value)
    assert objects_of_accounts(made) == []


def test_preflight_names_what_the_account_will_need(site: Callable[..., Site]) -> None:
    made = site(machines=1)
    made.api.apply(manifest("rbac.yml"))
    environment = {"K8S_AUTH_KUBECONFIG": str(made.plane.kubeconfig(token=made.plane.token(OPERATOR)))}
    run = made.run("preflight", environment=environment, extra_vars=TEMPORARY)
    said = " ".join(run.stdout.split())
    assert "the account may not create serviceaccounts in kube-system, list serviceaccounts" in said
    assert "docs/rbac.yml and docs/rbac-temporary.yml" in said
    run = made.run("preflight", environment=as_operator(made), extra_vars=TEMPORARY)
    assert "create serviceaccounts" not in " ".join(run.stdout.split())
    assert run.rc == 0, run.stdout
    run = made.run("preflight", environment=environment, extra_vars={**TEMPORARY, "approve_csrs_cordon": True})
    assert "may not patch nodes" in " ".join(run.stdout.split())


def test_nothing_is_made_in_check_mode(site: Callable[..., Site]) -> None:
    made = site()
    start(made)
    made.machines["worker-arm-1"].wait_for("client_csr")
    before = len(made.plane.requests)
    run = made.run("approve_csrs", "--check", extra_vars=TEMPORARY)
    assert run.rc == 0, run.stdout
    wrote = [
        request.path
        for request in made.plane.requests[before:]
        if request.user == "system:admin" and request.verb not in ("get", "list", "watch")
    ]
    assert set(wrote) == {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}


def test_account_goes_after_a_failure_and_after_ctrl_c(site: Callable[..., Site]) -> None:
    made = site()
    failed = made.run("approve_csrs", extra_vars={**TEMPORARY, "approve_csrs_timeout": 2})
    assert failed.rc != 0
    assert "is there for this run" in failed.stdout
    assert objects_of_accounts(made) == []

    running = made.start("approve_csrs", extra_vars={**TEMPORARY, "approve_csrs_timeout": 600})
    running.wait_for_output("Waiting for 2 machines")
    assert len(objects_of_accounts(made)) == 3
    running.interrupt()
    running.wait(60)
    assert objects_of_accounts(made) == []


def test_leftovers_of_a_killed_run_go_and_a_live_one_keeps_its_own(site: Callable[..., Site]) -> None:
    made = site()
    own = connect({"kubeconfig": str(made.kubeconfig)})
    killed = made.start("approve_csrs", extra_vars={**TEMPORARY, "approve_csrs_timeout": 600})
    killed.wait_for_output("Waiting for 2 machines")
    left = set(objects_of_accounts(made))
    kill_all(killed)
    assert set(objects_of_accounts(made)) == left
    assert len(left) == 3
    until = time.time() + 5400
    with _account.TemporaryAccount(own, until=until, patch_nodes=False, say=print) as alive:
        start(made)
        run = made.run("approve_csrs", extra_vars=TEMPORARY)
        assert run.rc == 0, run.stdout
        assert "of an earlier run is removed" in run.stdout
        assert {name.split()[1] for name in objects_of_accounts(made)} == {alive.name}
        alive.connect().allowed("get", "nodes")


def kill_all(running: Any) -> None:
    """The run and its worker, which has a session of its own, at the same moment."""
    parent = running._process.pid
    family = [parent]
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            family.append(int(stat.parent.name))
    for number in reversed(family):
        os.kill(number, signal.SIGKILL)
    running.wait(30)


@pytest.mark.parametrize(
    ("annotations", "gone"),
    [
        ({}, False),
        ({_account.EXPIRES: "2026-01-01T00:00:00Z"}, True),
        ({_account.EXPIRES: "2099-01-01T00:00:00Z"}, False),
        ({_account.EXPIRES: "soon"}, False),
        ({_account.EXPIRES: "2099-01-01T00:00:00Z", _account.PROCESS: _account.this_process()}, False),
        ({_account.EXPIRES: "2099-01-01T00:00:00Z", _account.PROCESS: _account.this_process() + "9"}, True),
        ({_account.EXPIRES: "2099-01-01T00:00:00Z", _account.PROCESS: "elsewhere pid:[1] 1 2"}, False),
        ({_account.EXPIRES: "2099-01-01T00:00:00Z", _account.PROCESS: "nonsense"}, False),
    ],
)
def test_account_is_left_over_when_its_time_is_over_or_its_process_gone(
    annotations: dict[str, str], gone: bool
) -> None:
    assert _account.is_left_over(annotations, 1.78e9) is gone


def test_manifests_give_what_the_account_is_given() -> None:
    rules = [
        rule
        for name in ("rbac.yml", "rbac-temporary.yml")
        for item in manifest(name)
        if item["kind"] == "ClusterRole"
        for rule in item["rules"]
    ]
    for rule in _account.policy_rules([*_account.granted_rights(patch_nodes=False), *_account.useful_rights()]):
        covering = [
            wider
            for wider in rules
            if set(rule["apiGroups"]) <= set(wider["apiGroups"])
            and set(rule["resources"]) <= set(wider["resources"])
            and set(rule["verbs"]) <= set(wider["verbs"])
            and ("resourceNames" not in wider or set(rule.get("resourceNames", ())) <= set(wider["resourceNames"]))
        ]
        assert covering, json.dumps(rule)


def test_simulator_refuses_tokens_as_the_real_api_does(site: Callable[..., Site]) -> None:
    made = site(machines=1)
    assert isinstance(made.plane, SimulatedControlPlane)
    path = "/api/v1/namespaces/kube-system/serviceaccounts/default/token"
    with pytest.raises(Exception, match="may not specify a duration less than 10 minutes"):
        made.api.post(path, {"spec": {"expirationSeconds": 599}})
