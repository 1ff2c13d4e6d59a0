# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook approve_csrs by itself, long after machines joined: to look, and as a scheduled job."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from lab import namespace
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import SERVING_SIGNER
from lab.kubelet import Timing
from lab.site import Site
from lab.site import machine_specs

MakeSite = Callable[..., Site]
DONE = "proven" if namespace.inside() else "joined, not proven"
SCHEDULED = {"approve_csrs_timeout": 30, "approve_csrs_heartbeat": 10}
BOOTSTRAPPER = "system:serviceaccount:openshift-machine-config-operator:node-bootstrapper"


@pytest.fixture
def site(make_site: MakeSite, site_block: int) -> Site:
    """A node whose serving certificate rotates, one that boots late, one with expired certificates, and a stranger."""
    timing = Timing(serving_delay=0.02, ready_delay=0.02)
    made = make_site(machines=machine_specs(3, block=site_block), timing=timing)
    made.existing_node("worker-arm-1")
    rotating = made.machines["worker-arm-1"]
    rotating.kubelet.serving = None
    rotating.restart_kubelet()
    rotating.wait_for("serving_csr", count=2)
    made.existing_node("worker-arm-3", ready=False)
    time.sleep(2.1)  # creation times have whole seconds: the Node is older than its new request, and than the run
    for name in ("worker-arm-2", "worker-arm-3"):
        made.machines[name].start_kubelet()
        made.machines[name].wait_for("client_csr")
    made.stranger().client_request("localhost.localdomain")
    return made


def pending(site: Site, name: str, signer: str) -> str:
    [found] = [item for item in site.requests_of(name, signer) if not item["status"].get("conditions")]
    return str(found["metadata"]["name"])


def test_look_says_what_waits_and_why_and_changes_nothing(site: Site) -> None:
    rotation = pending(site, "worker-arm-1", SERVING_SIGNER)
    late = pending(site, "worker-arm-2", CLIENT_SIGNER)
    expired = pending(site, "worker-arm-3", CLIENT_SIGNER)
    nameless = pending(site, "localhost.localdomain", CLIENT_SIGNER)
    uid = site.api.get("/api/v1/nodes/worker-arm-3")["metadata"]["uid"]
    files, since = site.files(), len(site.plane.requests)

    run = site.run("approve_csrs", "--check", extra_vars=SCHEDULED)

    assert site.files() == files
    wrote = {
        request.path
        for request in site.plane.requests[since:]
        if request.user == "system:admin" and request.verb not in ("get", "list", "watch")
    }
    assert wrote == {"/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"}
    listing = entries(run.stdout)
    assert set(listing) == {rotation, late, expired, nameless}
    for name, node, signer, by in (
        (rotation, "worker-arm-1", "serving", "system:node:worker-arm-1"),
        (late, "worker-arm-2", "client", BOOTSTRAPPER),
        (expired, "worker-arm-3", "client", BOOTSTRAPPER),
        (nameless, "localhost.localdomain", "client", BOOTSTRAPPER),
    ):
        who, why, command = listing[name]
        assert who.startswith(f"{name}  {signer} request for {node}, ")
        assert who.endswith(f"s old, made by {by}")
        if name in (rotation, late):
            assert why == "to be approved: it is what the kubelet of the machine sends."
            assert command == "run this without --check"
        else:
            assert command == f"oc adm certificate approve {name}"
    assert listing[expired][1] == (
        "left alone: the node worker-arm-3 exists already and is not Ready."
        f" If its certificates have expired, set machine_replace_node_uid: {uid};"
        " if it is to be installed again, power it off before."
    )
    assert listing[nameless][1] == ("left alone: it is for localhost.localdomain, which is no machine of this run.")
    assert f'"worker-arm-1: {DONE}, would approve {rotation}"' in run.stdout
    assert f"worker-arm-2: would approve {late}" in run.stdout
    assert ".." not in run.stdout.replace("...", "")


def entries(output: str) -> dict[str, tuple[str, str, str]]:
    lines = [line.strip() for line in output.partition("\nWaiting:\n")[2].splitlines()]
    found: dict[str, tuple[str, str, str]] = {}
    while lines and lines[0].startswith("csr-"):
        found[lines[0].split()[0]] = (lines[0], lines[1], lines[2])
        lines = lines[3:]
    return found


def test_scheduled_job_approves_rotation_late_boot_and_expired_certificates(site: Site) -> None:
    node = site.api.get("/api/v1/nodes/worker-arm-3")
    overrides: dict[str, Any] = {"worker-arm-3": {"machine_replace_node_uid": node["metadata"]["uid"]}}
    inventory = site.inventory(overrides=overrides)

    run = site.run("approve_csrs", inventory=inventory, extra_vars=SCHEDULED)

    assert run.rc == 0, run.stdout
    for name in site.machines:
        assert f"{name}: {DONE}" in run.stdout
        assert not [item for item in site.requests_of(name) if not item["status"].get("certificate")]
    # the same Node, alive again
    assert site.api.get("/api/v1/nodes/worker-arm-3")["metadata"]["uid"] == node["metadata"]["uid"]
    assert pending(site, "localhost.localdomain", CLIENT_SIGNER)

    again = site.run("approve_csrs", inventory=inventory, extra_vars=SCHEDULED)
    assert (again.rc, again.changed) == (0, 0), again.stdout
    assert again.stdout.count(f"{DONE}, unchanged") >= 3


def test_expired_certificates_without_the_uid_fail_that_machine_alone_and_name_it(site: Site) -> None:
    uid = site.api.get("/api/v1/nodes/worker-arm-3")["metadata"]["uid"]
    run = site.run("approve_csrs", extra_vars=SCHEDULED)
    assert run.failed == ["worker-arm-3"], run.stdout
    assert f"machine_replace_node_uid: {uid}" in run.stdout
    for name in ("worker-arm-1", "worker-arm-2"):
        assert f"{name}: {DONE}" in run.stdout
