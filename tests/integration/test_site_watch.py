# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run sees of machines before they talk to the cluster, on a site in a box."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable

import pytest

from lab.nginx import nginx_program
from lab.site import Site
from lab.site import machine_spec

MakeSite = Callable[..., Site]
SHORT = {"approve_csrs_timeout": 9, "approve_csrs_heartbeat": 5}


def test_a_machine_that_fails_is_explained_by_what_it_fetched(make_site: MakeSite, site_block: int) -> None:
    machines = [
        machine_spec(1, block=site_block, boot_method="ipxe", behaviour="silent"),
        machine_spec(2, block=site_block, behaviour="dead"),
    ]
    site = make_site(machines=machines, web="nginx" if nginx_program() else "lab")
    events = site.directory / "events.jsonl"
    with site.operator():
        run = site.run("add_arm_workers", extra_vars={**SHORT, "report_events": str(events)})
    assert run.rc == 2, run.stdout
    assert "worker-arm-1  fetched boot file, kernel, initramfs, rootfs and ignition" in run.stdout
    assert "worker-arm-1: it fetched boot file, kernel, initramfs, rootfs and worker-" in run.stdout
    assert "and sent no request since" in run.stdout
    assert f"has fetched nothing from the web server (no line from {machines[1].addresses[0]}" in run.stdout
    # what it has to install it has: it does not boot from the network again
    assert "worker-arm-1  boot files withdrawn" in run.stdout
    noted = [json.loads(line) for line in events.read_text().splitlines()]
    assert [event["machine"] for event in noted if event["event"] == "fetched"] == ["worker-arm-1"]


@pytest.mark.parametrize(
    ("delivery", "rc", "verdict"),
    [
        ("verified", 2, "; the published ignition has changed since .*, and its installer refuses it, after"),
        ("documented", 0, "proven: the published ignition has changed since .* what somebody else put there"),
    ],
)
def test_an_ignition_that_somebody_changes_is_an_alarm(
    make_site: MakeSite, site_block: int, delivery: str, rc: int, verdict: str
) -> None:
    variables = {"machine_ignition_delivery": delivery}
    site = make_site(machines=[machine_spec(1, block=site_block, boot_method="ipxe", variables=variables)])

    def change() -> None:
        (ignition,) = site.publish_directory.rglob("*.ign")
        ignition.write_bytes(ignition.read_bytes() + b" ")

    with site.operator({"worker-arm-1": change}):
        run = site.run("add_arm_workers", extra_vars={"approve_csrs_timeout": 8})
    assert run.rc == rc, run.stdout
    assert "WARNING  ALARM: http://" in run.stdout, run.stdout
    assert "no longer returns what this run published" in run.stdout
    assert re.search(f"worker-arm-1: .*{verdict}", run.stdout), run.stdout
    assert ("worker-arm-1  warning: the published ignition has changed" in run.stdout) == (delivery == "documented")


def test_a_log_that_cannot_be_read_does_not_stop_the_run(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block)])
    inventory = site.inventory({"publish_access_log": str(site.directory / "absent.log")})
    with site.operator():
        run = site.run("add_arm_workers", inventory=inventory)
    assert run.rc == 0, run.stdout
    assert "absent.log cannot be read" in run.stdout


@pytest.mark.parametrize(
    ("boot_method", "architecture"), [("grub", "aarch64"), ("ipxe", "aarch64"), ("pxelinux", "x86_64")]
)
def test_a_machine_that_boots_from_the_network_first_is_installed_once(
    make_site: MakeSite, site_block: int, boot_method: str, architecture: str
) -> None:
    network_first = machine_spec(
        1, block=site_block, boot_method=boot_method, architecture=architecture, behaviour="network_first"
    )
    site = make_site(machines=[network_first], reboot=120)
    with site.operator():
        run = site.run("add_arm_workers", timeout=240)
    assert run.rc == 0, run.stdout
    machine = site.machines["worker-arm-1"]
    assert len(machine.events("installed")) == 1
    # it asked its loader a second time, was sent to its disk, and nothing is left of that
    assert len(machine.events("local_boot")) == 1
    assert site.boot_files("worker-arm-1") == []
    assert "worker-arm-1: proven" in run.stdout
    assert "worker-arm-1  boot files withdrawn" in run.stdout


@pytest.mark.parametrize("tftp_host", ["localhost", "tftp1"])
def test_boot_files_on_a_tftp_host_are_withdrawn_at_the_same_moment(
    make_site: MakeSite, site_block: int, tftp_host: str
) -> None:
    """That host may be the web host by its name, or another one."""
    site = make_site(machines=[machine_spec(1, block=site_block, behaviour="network_first")], reboot=120)
    more = site.directory / "tftp-host.yml"
    here = f"{{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}"
    more.write_text(f"tftp_host:\n  hosts:\n    {tftp_host}: {here}\n")
    with site.operator():
        run = site.run("add_arm_workers", "-i", str(more), timeout=240)
    assert run.rc == 0, run.stdout
    assert len(site.machines["worker-arm-1"].events("installed")) == 1
    assert "worker-arm-1  boot files withdrawn" in run.stdout
    assert "still there" not in run.stdout


def test_who_asks_for_a_boot_file_again_is_warned_of(make_site: MakeSite, site_block: int) -> None:
    never_joins = {"network_first", "silent"}
    machine = machine_spec(1, block=site_block, boot_method="ipxe", behaviour=never_joins)
    site = make_site(machines=[machine], reboot=120)
    with site.operator():
        running = site.start("add_arm_workers")
        running.wait_for_output("worker-arm-1  warning: it asked for its boot file again after the ignition", 240)
        running.interrupt()
        running.wait()
    assert len(site.machines["worker-arm-1"].events("installed")) == 1
