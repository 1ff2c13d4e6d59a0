# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of runs on a site in a box, whatever became of them, and the rerun of what failed."""

from __future__ import annotations

import html
import json
import os
import pathlib
import re
import shutil
import stat
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from lab.machines import MachineSpec
from lab.playbook import Run
from lab.site import Site
from lab.site import machine_spec
from lab.site import machine_specs

MakeSite = Callable[..., Site]
SHORT = {"approve_csrs_timeout": 6, "approve_csrs_heartbeat": 5}
STATS = {"ANSIBLE_SHOW_CUSTOM_STATS": "true"}
INGRESS_CONTROLLER: dict[str, Any] = {
    "apiVersion": "operator.openshift.io/v1",
    "kind": "IngressController",
    "metadata": {"namespace": "openshift-ingress-operator"},
    "spec": {"replicas": 2},
    "status": {"endpointPublishingStrategy": {"type": "HostNetwork"}},
}


def put_ingress_controllers(site: Site) -> None:
    """One that the cluster itself publishes by its virtual address, one behind the site's own load balancer."""
    for name in ("default", "internal"):
        metadata = {**INGRESS_CONTROLLER["metadata"], "name": name}
        site.api.apply([{**INGRESS_CONTROLLER, "metadata": metadata}])


def report_of(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((run.directory / "multiarch-report/report.json").read_text())
    return document


def results(document: dict[str, Any]) -> dict[str, str]:
    return {machine["name"]: machine["result"] for machine in document["machines"]}


def left_to_you(document: dict[str, Any], kind: str) -> list[dict[str, str]]:
    return [item for item in document["left_to_you"] if item["kind"] == kind]


def summary(run: Run) -> dict[str, Any]:
    match = re.search(r'"multiarch_report":\s*(\{.*?\})', run.stdout.rpartition("CUSTOM STATS:")[2], re.S)
    assert match, run.stdout[-3000:]
    found: dict[str, Any] = json.loads(match[1])
    return found


def failing_machines(block: int) -> list[MachineSpec]:
    return [
        machine_spec(1, block=block),
        machine_spec(2, block=block, boot_method="ipxe", bmc=True),
        machine_spec(3, block=block, behaviour="dead"),
        machine_spec(4, block=block),  # the site has a boot file of its own for it
        machine_spec(5, block=block, behaviour="never_serving"),
    ]


def test_failures_are_explained_and_a_rerun_of_the_failed_goes_on_where_each_stopped(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(machines=failing_machines(site_block))
    put_ingress_controllers(site)
    own = site.grub_directory / f"grub.cfg-01-{site.machines['worker-arm-4'].spec.macs[0].replace(':', '-')}"
    own.write_text("# the site's own menu\n")
    stranger = site.stranger().client_request("worker-arm-7")["metadata"]["name"]
    inventory = site.inventory()
    environment = {**STATS, "ANSIBLE_RETRY_FILES_ENABLED": "true", "ANSIBLE_RETRY_FILES_SAVE_PATH": str(tmp_path)}
    with site.operator():
        run = site.run("add_arm_workers", inventory=inventory, extra_vars=SHORT, environment=environment)
    assert run.rc == 2, run.stdout
    failed = ["worker-arm-3", "worker-arm-4", "worker-arm-5"]
    assert run.failed == failed
    assert_report_explains(run, site, own, stranger)
    assert_stats(run, failed)

    # what was in the way is mended
    site.machines["worker-arm-3"].spec.behaviour = frozenset()
    site.machines["worker-arm-3"].power_off()
    own.unlink()
    site.machines["worker-arm-5"].kubelet.serves = True
    site.machines["worker-arm-5"].restart_kubelet()
    boots = {name: len(machine.events("boot_file")) for name, machine in site.machines.items()}
    done = {name: site.requests_of(name) for name in ("worker-arm-1", "worker-arm-2")}
    limit = ["--limit", f"@{tmp_path / 'add_arm_workers.retry'}"]
    with site.operator():
        again = site.run("add_arm_workers", *limit, inventory=inventory, environment=STATS)
    assert again.rc == 0, again.stdout
    assert sorted(again.stats) == failed
    assert again.failed == []
    assert results(report_of(again)) == dict.fromkeys(failed, "proven")
    assert summary(again)["failed_machines"] == []
    # a node is not installed again for want of its serving certificate, nor is anybody who was done
    assert len(site.machines["worker-arm-3"].events("boot_file")) == boots["worker-arm-3"] + 1
    for name in ("worker-arm-1", "worker-arm-2", "worker-arm-5"):
        assert len(site.machines[name].events("boot_file")) == boots[name], name
    assert {name: site.requests_of(name) for name in done} == done


def assert_report_explains(run: Run, site: Site, own: pathlib.Path, stranger: str) -> None:
    document = report_of(run)
    assert document["outcome"] == "failed"
    assert results(document) == {
        "worker-arm-1": "proven",
        "worker-arm-2": "proven",
        "worker-arm-3": "failed",
        "worker-arm-4": "failed",
        "worker-arm-5": "failed",
    }
    told = {machine["name"]: [event["event"] for event in machine["events"]] for machine in document["machines"]}
    for name in ("worker-arm-1", "worker-arm-2"):
        assert {"armed", "client_approved", "registered", "serving_approved", "disarmed", "proven"} <= set(told[name])
    assert told["worker-arm-2"][:2] == ["armed", "powered_on"]
    assert told["worker-arm-3"] == ["armed", "failed", "disarmed"]
    approved = {entry["name"] for entry in document["requests"]["approved"]}
    requests = [request for name in site.machines for request in site.requests_of(name)]
    assert approved == {request["metadata"]["name"] for request in requests}
    assert len(document["artifacts"]["boot_artifacts"]) == 3
    assert [entry["pool"] for entry in document["artifacts"]["ignition"]] == ["worker"]
    assert document["payload"]["version"] == site.version
    assert document["cluster"]["name"] == site.infrastructure_name

    explained = {item["machine"]: item["text"] for item in left_to_you(document, "failed")}
    assert set(explained) == set(run.failed)
    assert str(own) in explained["worker-arm-4"]
    assert f"oc adm certificate approve {stranger}" in [item["command"] for item in left_to_you(document, "request")]
    assert "--limit worker-arm-3,worker-arm-4,worker-arm-5" in left_to_you(document, "again")[0]["command"]
    balancers = left_to_you(document, "load_balancer")
    assert len(balancers) == 1
    assert "ingress controller internal" in balancers[0]["text"]
    for name in ("worker-arm-1", "worker-arm-2"):
        assert site.machines[name].spec.addresses[0] in balancers[0]["text"]

    folder = run.directory / "multiarch-report"
    assert stat.S_IMODE((folder / "events.jsonl").stat().st_mode) == 0o600
    suite = ElementTree.parse(folder / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "3", "0")
    assert "worker-arm-5" in (folder / "report.html").read_text()


def assert_stats(run: Run, failed: list[str]) -> None:
    handed_on = summary(run)
    assert handed_on["path"] == str(run.directory / "multiarch-report/report.html")
    assert handed_on["failed_machines"] == failed
    assert (handed_on["machines"], handed_on["proven"], handed_on["failed"]) == (5, 2, 3)


def test_the_report_says_whose_word_the_payload_is(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block), payload="unknown")
    given = {"verify_payload_release_metadata": '{"release.openshift.io/architecture":"multi"}'}
    with site.operator():
        run = site.run("add_arm_workers", extra_vars=given)
    assert run.rc == 0, run.stdout
    payload = report_of(run)["payload"]
    said = "The payload is multi by the metadata that was given, not by the cluster's own word."
    assert (payload["architecture"], payload["source"], payload["remarks"]) == ("multi", "given", [said])
    page = (run.directory / "multiarch-report/report.html").read_text()
    assert html.escape(said) in page


def test_an_interrupted_run_has_a_report(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block), machine_spec(2, block=site_block, behaviour="dead")])
    with site.operator():
        running = site.start("add_arm_workers")
        running.wait_for_output("worker-arm-1  proven")
        assert list(running.directory.rglob("worker.ign"))
        running.interrupt()
        run = running.wait()
    assert run.rc != 0, run.stdout
    assert list(run.directory.rglob("worker.ign")) == [], "the private copy goes with the run"
    folder = run.directory / "multiarch-report"
    assert not (folder / "report.json").exists()
    # a relative path starts where ansible-playbook was started, not where modules start
    relative = os.path.relpath(folder, run.directory.parent / "any")
    rendered = site.run("report", extra_vars={"report_directory": relative})
    assert rendered.rc == 0, rendered.stdout
    document = report_of(run)
    assert document["outcome"] == "interrupted"
    assert results(document) == {"worker-arm-1": "proven", "worker-arm-2": "unfinished"}
    assert left_to_you(document, "interrupted")
    assert len(document["requests"]["approved"]) == 2
    # the same events again
    files = {path: path.read_bytes() for path in folder.iterdir()}
    site.run("report", extra_vars={"report_directory": str(folder)})
    assert {path: path.read_bytes() for path in folder.iterdir()} == files


def test_a_run_that_stops_early_has_a_report_and_check_mode_none(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(2, block=site_block), payload="single")
    check = site.run("add_arm_workers", "--check", environment=STATS)
    assert check.rc == 2, check.stdout
    assert not (check.directory / "multiarch-report").exists()
    assert summary(check)["path"] == ""
    run = site.run("add_arm_workers", environment=STATS)
    assert run.rc == 2, run.stdout
    document = report_of(run)
    assert document["outcome"] == "stopped"
    assert results(document) == {"worker-arm-1": "failed", "worker-arm-2": "failed"}
    assert "oc adm upgrade --to-multi-arch" in left_to_you(document, "stopped")[0]["text"]
    assert left_to_you(document, "failed") == []
    assert summary(run)["stopped"] == document["stopped"]


def test_a_folder_that_cannot_be_written_stops_the_run_before_anything_else(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    (tmp_path / "file").write_text("")
    files, since = site.files(), len(site.plane.requests)
    run = site.run("add_arm_workers", extra_vars={"report_directory": str(tmp_path / "file")})
    assert run.rc == 2, run.stdout
    assert "Name another place by report_directory" in run.stdout
    assert "No report was written" in run.stdout
    assert site.files() == files
    assert len(site.plane.requests) == since


def test_a_job_of_awx_that_is_cancelled_leaves_a_report_on_the_web_host(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block, behaviour="dead")])
    inventory = site.inventory()
    inventory.write_text(inventory.read_text().replace("localhost:", "web.example.com:"))
    job = f"{os.getpid()}-{site_block}"
    try:
        running = site.start("add_arm_workers", inventory=inventory, extra_vars={"awx_job_id": job})
        path = running.directory / f"multiarch-report/job-{job}/report.json"
        until = time.monotonic() + 240
        while not path.exists():
            assert running.running, running.output
            assert time.monotonic() < until, running.output
            time.sleep(0.05)
        running.interrupt()
        run = running.wait()
        document = json.loads(path.read_text())
        assert document["outcome"] == "interrupted", run.stdout
        assert [event["event"] for event in document["machines"][0]["events"]] == ["armed"]
        assert list(run.directory.rglob("events.jsonl")) == []
    finally:
        shutil.rmtree(f"/tmp/multiarch-report-{job}", ignore_errors=True)


def test_under_awx_the_report_lies_on_the_web_host(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    site.existing_node("worker-arm-1")
    inventory = site.inventory()
    inventory.write_text(inventory.read_text().replace("localhost:", "web.example.com:"))
    job = f"{os.getpid()}-{site_block}"
    try:
        own = site.run("add_arm_workers", inventory=inventory, extra_vars={"awx_job_id": job}, environment=STATS)
        assert own.rc == 0, own.stdout
        assert not list(site.directory.rglob("events.jsonl"))
        path = own.directory / f"multiarch-report/job-{job}/report.html"  # this is the home of Ansible's user
        assert (summary(own)["path"], summary(own)["unchanged"]) == (str(path), 1)
        assert path.exists()

        folder = site.directory / "kept"
        values = {"awx_job_id": job, "report_directory": str(folder)}
        kept = site.run("add_arm_workers", inventory=inventory, extra_vars=values, environment=STATS)
        assert kept.rc == 0, kept.stdout
        assert sorted(path.name for path in folder.iterdir()) == ["junit.xml", "report.html", "report.json"]
        assert summary(kept)["path"] == str(folder / "report.html")
    finally:
        shutil.rmtree(f"/tmp/multiarch-report-{job}", ignore_errors=True)
