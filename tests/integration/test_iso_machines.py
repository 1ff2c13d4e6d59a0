# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job with machines that boot from an ISO, by themselves and by hand, beside network boot."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from typing import Any

import pytest

from lab.bmc import Bmc
from lab.bmc import BmcSystem
from lab.bmc import Boot
from lab.iso import LiveIso
from lab.machines import MachineSpec
from lab.pki import Authority
from lab.playbook import Run
from lab.site import Site
from lab.site import machine_spec
from support.paths import program

MakeSite = Callable[..., Site]
pytestmark = pytest.mark.real
UNATTENDED = {"machine_iso_install": "unattended"}


@pytest.fixture(autouse=True)
def _installer() -> None:
    program("coreos-installer")


def static_network(spec: MachineSpec) -> dict[str, Any]:
    """Address, NIC and name server of this machine, as machine_network has them."""
    address = spec.addresses[0]
    nic = {"name": "eno1", "mac": spec.macs[0], "addresses": [f"{address}/24"]}
    gateway = f"{address.rpartition('.')[0]}.1"
    return {"interfaces": [{**nic, "gateways": [gateway]}], "nameservers": [gateway]}


def iso_machine(number: int, block: int, **variables: Any) -> MachineSpec:
    """With its own network; the disk is the same for all, so that an ISO can be shared."""
    disk = "/dev/disk/by-path/pci-0000:01:00.0-nvme-1"
    spec = machine_spec(number, block=block, boot_method="iso", install_device=disk)
    spec.variables = {"machine_network": static_network(spec), **variables}
    return spec


def verdict(run: Run, name: str) -> str:
    found = re.findall(rf'"msg": "({name}: .*)"', run.stdout.rpartition("TASK [Give the verdict]")[2])
    assert found, run.stdout
    return str(found[-1])


def customised(site: Site) -> list[pathlib.Path]:
    return sorted(site.publish_directory.glob(f"{site.infrastructure_name}/install-*.iso"))


def test_iso_and_network_machines_join_in_one_run_and_a_second_changes_nothing(
    make_site: MakeSite, site_block: int
) -> None:
    machines = [
        machine_spec(1, block=site_block),
        machine_spec(2, block=site_block, boot_method="ipxe"),
        iso_machine(3, site_block, **UNATTENDED),
        iso_machine(4, site_block, **UNATTENDED),
        iso_machine(
            5, site_block, **UNATTENDED, machine_consoles=["ttyAMA0,115200n8"], machine_kernel_arguments=["a=b"]
        ),
        iso_machine(6, site_block, machine_consoles=["ttyAMA0,115200n8"]),
        iso_machine(7, site_block, machine_set_hostname=True),
    ]
    site = make_site(machines=machines)
    inventory = site.inventory()

    files = site.files()
    check = site.run("add_arm_workers", "--check", "--diff", inventory=inventory)
    assert check.rc == 0, check.stdout
    assert site.files() == files
    assert not site.install_directory.exists()
    assert "would ask to boot it from http" in verdict(check, "worker-arm-3"), check.stdout
    assert "(2 ISOs of machines among it)" in " ".join(check.stdout.split())

    with site.operator():
        run = site.run("add_arm_workers", inventory=inventory)
    assert run.rc == 0, run.stdout
    for name in site.machines:
        assert verdict(run, name).startswith(f"{name}: proven"), run.stdout

    # as many ISOs as differ
    assert len(customised(site)) == 2
    three, four, five, six, seven = (site.machines[f"worker-arm-{number}"] for number in range(3, 8))
    assert three.media == four.media != five.media
    assert six.media.endswith("-live-iso.aarch64.iso")
    assert three.events("network")[0].details["keyfiles"] == ["worker-arm-3-eno1.nmconnection"]
    assert five.disk["installation"].kernel_arguments == ("a=b",)
    assert five.disk["installation"].consoles == six.disk["installation"].consoles == ("ttyAMA0,115200n8",)
    assert seven.disk["host_name"] == "worker-arm-7"
    assert all(each.events("ignition")[0].details["verified"] for each in (three, four, five, six, seven))
    page = (site.install_directory / "all-machines.txt").read_text()
    assert all(f"Install worker-arm-{number} (" in page for number in range(3, 8))

    files = site.files()
    again = site.run("add_arm_workers", inventory=inventory)
    assert again.rc == 0, again.stdout
    assert again.changed == 0, again.stdout
    assert site.files() == files


BOOTS_BY_BMC = """
- name: Prepare
  ansible.builtin.import_playbook: multiarch.openshift.prepare

- name: Boot through the BMCs
  hosts: arm_workers
  gather_facts: false
  tasks:
    - name: Boot
      multiarch.openshift.redfish_boot:
        machines: "{{ prepare_iso_result }}"
      run_once: true
"""


def test_a_bmc_that_is_told_to_boots_the_machine_from_that_iso(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(machines=[iso_machine(1, site_block), iso_machine(2, site_block)])
    machine = site.machines["worker-arm-1"]
    inserted: list[str] = []

    async def boots(boot: Boot) -> None:
        inserted.append(boot.image)
        machine.insert_iso(boot.image)
        await machine.switch_on()

    authority = Authority(tmp_path / "pki", "bmc-ca")
    tls = authority.server("bmc", ["127.0.0.1"])
    system = BmcSystem(macs=machine.spec.macs, on_boot=boots)
    bmc = Bmc([system], loop=site.loop, tls=tls, username="admin", password="canary-password").start()
    try:
        values = {
            "machine_bmc_url": bmc.url,
            "machine_bmc_username": "admin",
            "machine_bmc_password": "canary-password",
            "machine_bmc_ca_path": str(authority.certificate_path),
        }
        playbook = tmp_path / "boot.yml"
        playbook.write_text(BOOTS_BY_BMC)
        inventory = site.inventory(overrides={"worker-arm-1": values})
        run = site.run(str(playbook), inventory=inventory)
        assert run.rc == 0, run.stdout
        machine.wait_for("installed", 20)
        # the preflight knows the ISO that lies there by the name that it would get
        looked = site.run("preflight", "-e", "preflight_bmc=false", inventory=inventory)
        assert "holds the boot artifacts" in " ".join(looked.stdout.split()), looked.stdout
    finally:
        bmc.close()
    (iso,) = customised(site)
    assert inserted == [f"{site.base_url}/{site.infrastructure_name}/{iso.name}"]
    assert machine.events("iso")[0].details["url"] == inserted[0]
    # whom a BMC boots needs no person, and no page
    assert [path.name for path in sorted(site.install_directory.iterdir())] == ["all-machines.txt", "worker-arm-2.txt"]
    assert "canary-password" not in run.stdout


def test_an_x86_machine_boots_an_iso_too(make_site: MakeSite, site_block: int) -> None:
    spec = machine_spec(1, block=site_block, boot_method="iso", architecture="x86_64", variables=dict(UNATTENDED))
    site = make_site(machines=[spec])
    with site.operator():
        run = site.run("add_arm_workers")
    assert run.rc == 0, run.stdout
    assert verdict(run, "worker-arm-1").startswith("worker-arm-1: proven")
    assert LiveIso(customised(site)[0].read_bytes()).architecture == "x86_64"


def test_a_changed_ignition_is_refused_whoever_starts_the_installer(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[iso_machine(1, site_block, **UNATTENDED), iso_machine(2, site_block)])
    prepared = site.run("prepare")
    assert prepared.rc == 0, prepared.stdout
    (published,) = site.publish_directory.rglob("*.ign")
    published.write_bytes(published.read_bytes() + b" ")
    with site.operator():
        for machine in site.machines.values():
            stuck = machine.wait_for("stuck")
            assert "failed to validate Ignition configuration digest" in stuck.details["reason"]


def test_a_machine_of_another_run_finds_no_network_on_the_iso(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[iso_machine(1, site_block, **UNATTENDED), iso_machine(2, site_block, **UNATTENDED)])
    assert site.run("prepare", "--limit", "worker-arm-1").rc == 0
    url = re.search(r"# (http\S+)", (site.install_directory / "worker-arm-1.txt").read_text())
    assert url
    other = site.machines["worker-arm-2"]
    other.insert_iso(url.group(1))
    other.power_on()
    assert "no keyfile for any of its NICs" in other.wait_for("stuck").details["reason"]


def test_nodes_that_exist_get_no_iso(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[iso_machine(1, site_block, **UNATTENDED)])
    site.existing_node("worker-arm-1")
    run = site.run("add_arm_workers")
    assert run.rc == 0, run.stdout
    assert verdict(run, "worker-arm-1") == "worker-arm-1: proven, unchanged"
    assert customised(site) == []


def test_without_the_program_the_other_machines_go_on(make_site: MakeSite, site_block: int) -> None:
    machines = [iso_machine(1, site_block, **UNATTENDED), iso_machine(2, site_block), machine_spec(3, block=site_block)]
    site = make_site(machines=machines)
    inventory = site.inventory({"iso_installer_command": ["/nonexistent/coreos-installer"]})
    with site.operator():
        run = site.run("add_arm_workers", inventory=inventory)
    assert run.failed == ["worker-arm-1"], run.stdout
    assert "/nonexistent/coreos-installer cannot be run here" in verdict(run, "worker-arm-1")
    assert "docs/iso.md" in verdict(run, "worker-arm-1")
