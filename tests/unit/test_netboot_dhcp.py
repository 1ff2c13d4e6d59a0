# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether dnsmasq may serve machines here, and with which file; tests/firmware asks dnsmasq itself."""

from __future__ import annotations

import ipaddress
import pathlib

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._dhcp_servers import connected_networks
from ansible_collections.multiarch.openshift.plugins.module_utils._dhcp_servers import other_dhcp_servers
from ansible_collections.multiarch.openshift.plugins.module_utils._dnsmasq_file import dnsmasq_file
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SiteServices
from ansible_collections.multiarch.openshift.plugins.modules import netboot_dhcp
from support.module import run_module
from support.netboot import BASE_URL
from support.netboot import CLUSTER
from support.netboot import machine

SITE = SiteServices(BASE_URL, "192.0.2.5", "/srv/tftp", "/srv/tftp/efi")
NETWORKS = [ipaddress.IPv4Network("192.0.2.0/24"), ipaddress.IPv4Network("203.0.113.0/25")]
UDP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LISTENS = "  1: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0 0\n"
DNS = "  2: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4712 2 0 0\n"


def host(root: pathlib.Path, *, udp: str = "", processes: dict[int, tuple[str, str]] | None = None) -> str:
    """A host's /proc: UDP sockets, and processes by number with name and open socket ('': root alone may see it)."""
    (root / "proc/net").mkdir(parents=True)
    (root / "proc/net/udp").write_text(UDP + udp)
    for pid, (name, socket) in (processes or {}).items():
        folder = root / "proc" / str(pid)
        folder.mkdir()
        (folder / "comm").write_text(f"{name}\n")
        if socket:
            (folder / "fd").mkdir()
            (folder / "fd" / "5").symlink_to(f"socket:[{socket}]")
    return str(root)


@pytest.mark.parametrize(
    ("udp", "processes", "said"),
    [
        ("", {}, []),
        ("", {1: ("systemd", ""), 77: ("dnsmasq", "")}, []),
        (LISTENS, {77: ("dnsmasq", "4711")}, []),
        (LISTENS, {77: ("dnsmasq", "")}, []),
        (DNS, {77: ("named", "4712")}, []),
        ("", {88: ("dhcpd", "")}, ["ISC dhcpd runs (process 88)"]),
        (LISTENS, {88: ("kea-dhcp4", ""), 77: ("dnsmasq", "4711")}, ["Kea runs (process 88)"]),
        (LISTENS, {99: ("systemd-network", "4711")}, ["systemd-network listens on UDP port 67"]),
        (LISTENS, {99: ("something", "")}, ["something listens on UDP port 67"]),
    ],
)
def test_another_dhcp_server_on_the_host_is_found(
    tmp_path: pathlib.Path, udp: str, processes: dict[int, tuple[str, str]], said: list[str]
) -> None:
    assert other_dhcp_servers(host(tmp_path, udp=udp, processes=processes)) == said


def test_one_that_is_enabled_and_does_not_run_counts_as_well(tmp_path: pathlib.Path) -> None:
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    for unit in ("dhcpd.service", "dnsmasq.service", "sshd.service"):
        (wants / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    assert other_dhcp_servers(host(tmp_path)) == ["dhcpd.service is enabled"]


def test_beside_another_dhcp_server_nothing_is_written(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = host(tmp_path, processes={88: ("dhcpd", "")})
    monkeypatch.setattr(netboot_dhcp, "other_dhcp_servers", lambda: other_dhcp_servers(root))
    path = tmp_path / f"multiarch-{CLUSTER}.conf"
    given = {"machines": [machine()], "cluster": CLUSTER, "path": str(path), "restart": [], "base_url": BASE_URL}
    result = run_module(netboot_dhcp.main, given)
    assert result["failed"]
    assert "dnsmasq was not told to answer DHCP on this host: ISC dhcpd runs (process 88)" in result["msg"]
    assert "set prepare_netboot_dhcp: false" in result["msg"]
    assert not path.exists()


def test_networks_are_those_that_need_no_gateway() -> None:
    table = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eno1\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eno1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "eno1\t006433C6\t050200C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "eno2\t807100CB\t00000000\t0001\t0\t0\t0\t80FFFFFF\t0\t0\t0\n"
    )
    assert [str(network) for network in connected_networks(table)] == ["192.0.2.0/24", "203.0.113.128/25"]


def file(*machines: dict[str, object], lying: str = "") -> tuple[str, list[str]]:
    return dnsmasq_file(machines, SITE, cluster=CLUSTER, lying=lying, networks=NETWORKS)


def test_the_file_serves_the_machines_alone() -> None:
    text, outside = file(machine(), machine(name="b", node_name="b", addresses=["198.51.100.7"]))
    assert text.startswith(f"# multiarch.openshift dhcp cluster={CLUSTER}\n")
    assert [line for line in text.splitlines() if line.startswith("dhcp-range=")] == [
        "dhcp-range=192.0.2.0,static,255.255.255.0"
    ]
    assert outside == ["198.51.100.7"]
    assert f"# multiarch.openshift cluster={CLUSTER} machine=worker-arm-1\ndhcp-host=52:54:00:00:00:0b," in text


def test_lines_of_machines_outside_of_the_run_are_kept() -> None:
    other = machine(name="b", node_name="b", macs=["52:54:00:00:00:0c"], addresses=["192.0.2.12"], boot_method="ipxe")
    both, _outside = file(machine(), other)
    assert file(machine(), lying=both)[0] == both
    moved, _outside = file(machine(addresses=["192.0.2.99"]), lying=both)
    assert moved == both.replace("192.0.2.11", "192.0.2.99")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "renamed", "node_name": "renamed"},
        {"name": "moved", "node_name": "moved", "macs": ["52:54:00:00:00:0b"], "addresses": ["192.0.2.77"]},
        {"name": "heir", "node_name": "heir", "macs": ["52:54:00:00:00:77"], "addresses": ["192.0.2.11"]},
    ],
)
def test_lines_of_an_earlier_name_or_an_earlier_owner_go(changes: dict[str, object]) -> None:
    kept = machine(name="b", node_name="b", macs=["52:54:00:00:00:0c"], addresses=["192.0.2.12"])
    lying, _outside = file(machine(), kept)
    text, _outside = file(machine(**changes), lying=lying)
    assert text == file(machine(**changes), kept)[0]


def test_rules_are_for_the_machines_of_one_cluster() -> None:
    text, _outside = file(machine())
    assert text.count(f"tag:multiarch-{CLUSTER}-grub-aarch64,") == text.count("tag:multiarch-arch-") == 3


def test_a_machine_that_boots_by_other_means_loses_its_lines_and_the_last_one_takes_the_file_along() -> None:
    b = machine(name="b", node_name="b", macs=["52:54:00:00:00:0c"], addresses=["192.0.2.12"])
    both, _outside = file(machine(), b)
    alone, _outside = file({**b, "boot_method": "iso"}, lying=both)
    assert alone == file(machine())[0]
    assert file(machine(boot_method="iso"), lying=alone) == ("", [])
