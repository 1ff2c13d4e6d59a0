# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run does for the site's own DHCP, DNS and TFTP servers, on a site in a box."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
from collections.abc import Callable

import pytest

from lab.efi import efi_program
from lab.site import Site
from lab.site import machine_spec
from support.site_services import command

MakeSite = Callable[..., Site]


def test_a_run_writes_down_what_the_site_s_servers_need(make_site: MakeSite, site_block: int) -> None:
    machines = [
        machine_spec(1, block=site_block, variables={"machine_node_name": "worker-arm-1.example.com"}),
        machine_spec(2, block=site_block, boot_method="ipxe"),
        machine_spec(3, block=site_block, boot_method="external"),
    ]
    site = make_site(machines=machines)
    check = site.run("prepare", "--check")
    assert check.rc == 0, check.stdout
    assert not (check.directory / "site-changes").exists()
    run = site.run("prepare")
    assert run.rc == 0, run.stdout
    folder = run.directory / "site-changes"
    assert f"is in {folder}" in run.stdout
    dhcpd = (folder / "dhcpd.conf").read_text()
    address = site.web.address
    assert f'next-server {address};\n    filename "grub/grubaa64.efi";' in dhcpd
    assert f'filename "{site.base_url}/boot.ipxe";' in dhcpd
    assert f"fixed-address {machines[0].addresses[0]};" in dhcpd
    assert machines[2].macs[0] not in dhcpd
    assert (
        f"worker-arm-1.example.com. IN A {machines[0].addresses[0]}" in (folder / "bind-example.com.zone").read_text()
    )
    assert sorted(path.name for path in folder.glob("[dk]*")) == ["dhcpd.conf", "dnsmasq.conf", "kea-dhcp4.json"]


def test_under_awx_it_is_shown(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block)])
    run = site.run(
        "prepare", "--check", extra_vars={"prepare_netboot_site_changes": "", "netboot_tftp_address": "192.0.2.9"}
    )
    assert run.rc == 0, run.stdout
    assert "next-server 192.0.2.9;" in run.stdout
    assert not (run.directory / "site-changes").exists()


@pytest.mark.firmware
def test_dnsmasq_is_told_on_request_and_a_second_run_changes_nothing(make_site: MakeSite, site_block: int) -> None:
    machines = [machine_spec(1, block=site_block), machine_spec(2, block=site_block, boot_method="ipxe")]
    site = make_site(machines=machines)
    folder = site.directory / "dnsmasq.d"
    folder.mkdir()
    program = site.directory / "bin" / "dnsmasq"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command("dnsmasq"))} "$@"\n')
    program.chmod(0o755)
    starts = site.directory / "starts"
    path = folder / "machines.conf"
    wanted = {
        "prepare_netboot_dhcp": True,
        "prepare_netboot_dhcp_path": str(path),
        "prepare_netboot_dhcp_restart": ["sh", "-c", f"echo start >> {starts}"],
    }
    inventory = site.inventory(wanted)
    environment = {"PATH": f"{program.parent}:{os.environ['PATH']}"}
    check = site.run("prepare", "--check", "--diff", inventory=inventory, environment=environment)
    assert check.rc == 0, check.stdout
    assert f"+dhcp-host={machines[0].macs[0]}," in check.stdout
    assert not path.exists()
    run = site.run("prepare", inventory=inventory, environment=environment)
    assert run.rc == 0, run.stdout
    assert path.read_text().count("\ndhcp-host=") == 2
    again = site.run("prepare", "--limit", "worker-arm-2", inventory=inventory, environment=environment)
    assert again.changed == 0, again.stdout
    assert starts.read_text() == "start\n"
    path.write_text("# the site's own\n")
    refused = site.run("prepare", inventory=inventory, environment=environment)
    assert refused.rc == 2
    assert f"{path} is not ours" in refused.stdout


def test_boot_loaders_come_out_of_the_iso_and_dhcp_is_told_of_shim(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block)])
    (site.grub_directory / "grubaa64.efi").unlink()
    inventory = site.inventory({"netboot_boot_loaders_from_iso": True})
    files = site.files()
    check = site.run("prepare", "--check", inventory=inventory)
    assert check.rc == 0, check.stdout
    assert site.files() == files
    run = site.run("prepare", inventory=inventory)
    assert run.rc == 0, run.stdout
    for folder in (site.grub_directory, site.publish_directory / "grub"):
        assert (folder / "grubaa64.efi").read_bytes() == efi_program("aarch64", "grub")
        assert (folder / "shimaa64.efi").read_bytes() == efi_program("aarch64", "shim")
    dhcpd = (run.directory / "site-changes" / "dhcpd.conf").read_text()
    assert 'filename "grub/shimaa64.efi";' in dhcpd
    assert f'filename "{site.base_url}/grub/shimaa64.efi";' in dhcpd
    assert site.run("prepare", inventory=inventory).changed == 0


def test_a_boot_loader_of_the_site_is_not_replaced_and_nothing_is_armed(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block)])
    mine = site.directory / "mine.efi"
    mine.write_bytes(efi_program("aarch64", "grub"))
    sha256 = hashlib.sha256(mine.read_bytes()).hexdigest()
    loaders = [{"name": "grubaa64.efi", "path": str(mine), "sha256": sha256}]
    theirs = site.grub_directory / "grubaa64.efi"
    before = theirs.read_bytes()
    run = site.run("prepare", inventory=site.inventory({"netboot_boot_loaders": loaders}))
    assert run.rc == 2, run.stdout
    assert f"{theirs} is another boot loader" in run.stdout
    assert theirs.read_bytes() == before
    assert site.boot_files("worker-arm-1") == []


def test_a_tftp_host_of_its_own_gets_the_boot_loaders_from_the_web_host(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block)])
    (site.grub_directory / "grubaa64.efi").unlink()
    inventory = site.inventory({"netboot_boot_loaders_from_iso": True})
    more = site.directory / "tftp-host.yml"
    more.write_text(
        "tftp_host:\n  hosts:\n    tftp1:\n      ansible_connection: local\n"
        f"      ansible_python_interpreter: {sys.executable}\n"
    )
    check = site.run("prepare", "--check", "-i", str(more), inventory=inventory)
    assert check.rc == 0, check.stdout
    run = site.run("prepare", "-i", str(more), inventory=inventory)
    assert run.rc == 0, run.stdout
    assert (site.grub_directory / "shimaa64.efi").read_bytes() == efi_program("aarch64", "shim")
    # a name is no address that DHCP can hand out
    assert "netboot_tftp_address" in (run.directory / "site-changes" / "dhcpd.conf").read_text()
