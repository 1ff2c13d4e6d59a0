# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ISOs that install by themselves, in the drives of BMCs: none is booted for ever, and none is left behind."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from lab.machines import MachineSpec
from lab.playbook import Run
from lab.site import Site
from lab.site import machine_spec
from support.paths import program

MakeSite = Callable[..., Site]
NAME = "worker-arm-1"


def iso_machine(block: int, behaviour: str = "") -> MachineSpec:
    return machine_spec(1, block=block, boot_method="iso", bmc=True, behaviour=behaviour)


def verdict(run: Run) -> str:
    found = re.findall(rf'"msg": "{NAME}: (.*)"', run.stdout.rpartition("TASK [Give the verdict]")[2])
    assert found, run.stdout
    return str(found[-1])


@pytest.mark.real
def test_a_boot_override_that_a_bmc_keeps_is_cleared_while_the_installer_runs(
    make_site: MakeSite, site_block: int
) -> None:
    program("coreos-installer")
    site = make_site(machines=[iso_machine(site_block, "patient")])
    site.bmcs[NAME].quirks = frozenset({"continuous"})
    run = site.run("add_arm_workers")
    assert run.rc == 0, run.stdout
    assert verdict(run).startswith("proven")
    assert len(site.machines[NAME].events("installed")) == 1
    # the image has to stay until the installed system shows: the installer reads from it
    cleared = run.stdout.index(f"{NAME}  boot override cleared by its BMC")
    requested = run.stdout.index(f"{NAME}  client CSR")
    ejected = re.search(rf"^{NAME}  \S+\.iso ejected by its BMC$", run.stdout, re.M)
    assert ejected
    assert cleared < requested < ejected.start()


@pytest.mark.real
def test_a_machine_that_boots_its_iso_again_loses_it_at_once(make_site: MakeSite, site_block: int) -> None:
    program("coreos-installer")
    # its firmware has virtual drives before the disk, whatever the BMC says
    site = make_site(machines=[iso_machine(site_block, "network_first")])
    run = site.run("add_arm_workers")
    assert run.rc == 0, run.stdout
    assert f"{NAME}  warning: it has booted its ISO again instead of its disk" in run.stdout
    warned = run.stdout.index(f"{NAME}  warning: it has booted its ISO again")
    ejected = re.search(rf"^{NAME}  \S+\.iso ejected by its BMC$", run.stdout, re.M)
    assert ejected
    assert warned < ejected.start() < run.stdout.index(f"{NAME}  client CSR")
    assert len(site.machines[NAME].events("installed")) >= 2
    assert verdict(run).startswith("proven")


def test_what_an_earlier_run_has_left_in_the_drives_of_a_node_is_ejected_at_the_start(
    make_site: MakeSite, site_block: int
) -> None:
    site = make_site(machines=[iso_machine(site_block)])
    site.existing_node(NAME)
    [drive] = site.bmcs[NAME].systems[0].drives
    ours = f"{site.base_url}/{site.infrastructure_name}/install-aarch64-0123456789abcdef.iso"
    drive.image = ours

    check = site.run("add_arm_workers", "--check")
    assert check.rc == 0, check.stdout
    assert f"would eject {ours} by its BMC" in verdict(check)
    assert drive.image == ours

    run = site.run("add_arm_workers")
    assert run.rc == 0, run.stdout
    assert run.stdout.index(f"{NAME}  {ours} ejected by its BMC") < run.stdout.index(
        "TASK [multiarch.openshift.approve_csrs : "
    )
    assert drive.image == ""
    asked = [request.path for request in site.bmcs[NAME].changing_requests()]
    assert [path.rpartition(".")[2] for path in asked] == ["EjectMedia"]

    drive.image = "http://192.0.2.99/somebody/else.iso"
    again = site.run("add_arm_workers")
    assert (again.rc, again.changed) == (0, 0), again.stdout
    assert drive.image == "http://192.0.2.99/somebody/else.iso"


def test_check_mode_names_what_would_be_ejected_inserted_and_restarted(make_site: MakeSite, site_block: int) -> None:
    restarted = iso_machine(site_block)
    restarted.variables = {"machine_power_policy": "restart", "machine_iso_install": "by_hand"}
    site = make_site(machines=[restarted])
    [system] = site.bmcs[NAME].systems
    system.drives[0].image = "http://192.0.2.99/somebody/else.iso"
    system.runs, system.power = None, "On"
    run = site.run("add_arm_workers", "--check")
    assert run.rc == 0, run.stdout
    assert re.search(
        r"would eject http://192\.0\.2\.99/somebody/else\.iso by its BMC,"
        r" then insert http\S+-live-iso\.aarch64\.iso by its BMC, then restart it by its BMC to boot once from Cd",
        verdict(run),
    ), run.stdout
    assert site.bmcs[NAME].changing_requests() == []
