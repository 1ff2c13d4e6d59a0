# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file that dnsmasq gets, put in place on this host and read by dnsmasq."""

from __future__ import annotations

import ipaddress
import pathlib
import shlex
from typing import Any

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._dnsmasq_file import dnsmasq_file
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SiteServices
from ansible_collections.multiarch.openshift.plugins.modules import netboot_dhcp
from firmware.ask_dhcp import offers
from lab import namespace
from support.module import run_module
from support.netboot import BASE_URL
from support.netboot import CLUSTER
from support.netboot import machine
from support.site_services import command
from support.site_services import environment

pytestmark = pytest.mark.firmware


class Host:
    """A host with dnsmasq; what restarts it counts."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.path = folder / "dnsmasq.d" / f"multiarch-{CLUSTER}.conf"
        self.path.parent.mkdir()
        self.starts = folder / "starts"
        self.fails = folder / "fails"
        program = folder / "bin" / "dnsmasq"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.join(command("dnsmasq"))} "$@"\n')
        program.chmod(0o755)
        self.restart = folder / "restart"
        self.restart.write_text(f"#!/bin/sh\necho start >> {self.starts}\ntest ! -e {self.fails}\n")
        self.restart.chmod(0o755)

    def run(self, *machines: dict[str, Any], check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        given = {
            "machines": list(machines),
            "cluster": CLUSTER,
            "path": str(self.path),
            "restart": [str(self.restart)],
            "base_url": BASE_URL,
            "tftp_address": "192.0.2.5",
            "tftp_directory": "/srv/tftp",
            "grub_directory": "/srv/tftp/grub",
            **options,
        }
        return run_module(netboot_dhcp.main, given, check=check, diff=diff)


@pytest.fixture
def host(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    made = Host(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return made


def test_it_is_written_and_loaded_once_and_taken_away_again(host: Host) -> None:
    predicted = host.run(machine(), check=True, diff=True)
    assert not host.path.exists()
    done = host.run(machine(), diff=True)
    assert [done[key] for key in ("changed", "restarted", "diff")] == [True, True, predicted["diff"]]
    assert "dhcp-host=52:54:00:00:00:0b," in host.path.read_text()
    assert [host.run(machine())[key] for key in ("changed", "restarted")] == [False, False]
    assert len(host.starts.read_text().splitlines()) == 1
    assert host.run(state="absent")["changed"] is True
    assert not host.path.exists()
    assert len(host.starts.read_text().splitlines()) == 2


def test_where_dnsmasq_does_not_start_everything_is_as_before(host: Host) -> None:
    host.run(machine())
    before = host.path.read_text()
    host.fails.touch()
    result = host.run(machine(addresses=["192.0.2.99"]))
    assert "was taken back" in result["msg"]
    assert host.path.read_text() == before
    assert len(host.starts.read_text().splitlines()) == 3


@pytest.mark.parametrize("first_line", ["# the site's\n", "# multiarch.openshift dhcp cluster=other-q1w2e\n"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_foreign_file_is_left_alone(host: Host, first_line: str, state: str) -> None:
    host.path.write_text(first_line)
    assert "is not ours" in host.run(machine(), state=state)["msg"]
    assert host.path.read_text() == first_line


def test_a_file_that_dnsmasq_does_not_take_is_not_put_in_place(host: Host) -> None:
    result = host.run(machine(macs=["no mac"]))
    assert f"dnsmasq does not take what was to be written to {host.path}" in result["msg"]
    assert not host.path.exists()


def test_a_machine_may_be_renamed_and_an_address_have_a_new_owner(host: Host) -> None:
    host.run(machine())
    renamed = machine(name="arm-renamed", node_name="arm-renamed")
    assert host.run(renamed)["changed"] is True
    heir = machine(name="heir", node_name="heir", macs=["52:54:00:00:00:0c"])
    assert host.run(heir)["changed"] is True
    assert [line for line in host.path.read_text().splitlines() if line.startswith("dhcp-host=")] == [
        f"dhcp-host=52:54:00:00:00:0c,set:multiarch-{CLUSTER}-grub-aarch64,192.0.2.11,heir"
    ]


def server(folder: pathlib.Path) -> list[str]:
    """dnsmasq with the files of this folder."""
    own = ["--interface=srv", "--port=0", "--user=root", "--pid-file=", "--no-ping", "--log-dhcp"]
    own += [f"--dhcp-leasefile={folder}/leases"]
    return [*command("dnsmasq"), "--no-daemon", f"--conf-dir={folder},*.conf", "--conf-file=/dev/null", *own]


@pytest.mark.skipif(not namespace.inside(), reason="a wire of its own needs root, or namespaces for every user")
def test_dnsmasq_serves_the_machine_and_nobody_else(tmp_path: pathlib.Path) -> None:
    network = ipaddress.IPv4Network("192.0.2.0/24")
    site = SiteServices(BASE_URL, "192.0.2.5", "/srv/tftp", "/srv/tftp/grub")
    named = machine(node_name="worker-arm-1.example.com")
    text, _outside = dnsmasq_file([named], site, cluster=CLUSTER, lying="", networks=[network])
    (tmp_path / "multiarch.conf").write_text(text)
    questions = [{"mac": mac, "architecture": 11} for mac in ("52:54:00:00:00:0b", "52:54:00:00:00:99")]
    found, said = offers(server(tmp_path), questions, environment(tmp_path))
    assert found == [
        {
            "address": "192.0.2.11",
            "server": "192.0.2.5",
            "file": "grub/grubaa64.efi",
            "name": "worker-arm-1.example.com",
            "vendor": "",
        },
        None,
    ], said


@pytest.mark.skipif(not namespace.inside(), reason="a wire of its own needs root, or namespaces for every user")
def test_machines_of_two_clusters_are_sent_to_their_own(tmp_path: pathlib.Path) -> None:
    network = ipaddress.IPv4Network("192.0.2.0/24")
    questions, expected = [], []
    for number, cluster in enumerate(("aaa-q1w2e", "bbb-q1w2e"), start=1):
        url, mac = f"http://192.0.2.5:8080/{cluster}", f"52:54:00:00:00:0{number}"
        site = SiteServices(url, "192.0.2.5", "/srv/tftp", f"/srv/tftp/{cluster}")
        ours = machine(name=cluster, node_name=cluster, macs=[mac], addresses=[f"192.0.2.1{number}"])
        text, _outside = dnsmasq_file([ours], site, cluster=cluster, lying="", networks=[network])
        (tmp_path / f"multiarch-{cluster}.conf").write_text(text)
        questions += [{"mac": mac, "architecture": architecture} for architecture in (11, 19)]
        expected += [f"{cluster}/grubaa64.efi", f"{url}/grub/grubaa64.efi"]
    found, said = offers(server(tmp_path), questions, environment(tmp_path))
    assert [answer and answer["file"] for answer in found] == expected, said
