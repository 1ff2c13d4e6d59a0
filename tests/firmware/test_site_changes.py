# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fragments for a site's DHCP and DNS servers, read by these servers."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SiteServices
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import fragments
from firmware.ask_dhcp import offers
from lab import namespace
from support.netboot import BASE_URL
from support.netboot import machine
from support.site_services import check
from support.site_services import command
from support.site_services import environment

pytestmark = pytest.mark.firmware

SITE = SiteServices(
    base_url=BASE_URL,
    tftp_address="192.0.2.5",
    tftp_directory="/srv/tftp",
    grub_directory="/srv/tftp/grub",
    grub_loader="shimaa64.efi",
)
MACHINES: list[dict[str, Any]] = [
    machine(node_name="worker-arm-1.example.com", addresses=["192.0.2.11", "198.51.100.11", "2001:db8::11"]),
    machine(node_name="worker-arm-2", macs=["52:54:00:00:00:0c", "52:54:00:00:00:0d"], addresses=["192.0.2.12"]),
    machine(node_name="worker-arm-3", macs=["52:54:00:00:00:0e"], addresses=["2001:db8::13"], boot_method="ipxe"),
    machine(
        node_name="worker-1.example.com",
        macs=["52:54:00:00:00:0f"],
        addresses=["192.0.2.14"],
        boot_method="ipxe",
        architecture="x86_64",
    ),
    machine(
        node_name="worker-2",
        macs=["52:54:00:00:00:10"],
        addresses=["192.0.2.15"],
        boot_method="pxelinux",
        architecture="x86_64",
    ),
]
SITES = [pytest.param(SITE, id="all"), pytest.param(SiteServices(base_url=BASE_URL), id="http only")]


def lay(folder: pathlib.Path, site: SiteServices = SITE) -> dict[str, str]:
    texts = fragments(MACHINES, site, cluster="lab-x7k2p")
    for name, text in texts.items():
        (folder / name).write_text(text)
    return texts


@pytest.mark.parametrize("site", SITES)
def test_dhcpd_takes_the_fragment_beside_a_site_s_own_configuration(tmp_path: pathlib.Path, site: SiteServices) -> None:
    lay(tmp_path, site)
    own = "option arch code 93 = unsigned integer 16;\nsubnet 192.0.2.0 netmask 255.255.255.0 { }\n"
    (tmp_path / "own.conf").write_text(f'{own}include "{tmp_path}/dhcpd.conf";\n')
    check(tmp_path, "dhcpd", "-t", "-cf", str(tmp_path / "own.conf"), "-lf", "/dev/null")


@pytest.mark.parametrize("site", SITES)
def test_kea_takes_the_fragment(tmp_path: pathlib.Path, site: SiteServices) -> None:
    lay(tmp_path, site)
    check(tmp_path, "kea-dhcp4", "-t", "kea-dhcp4.json")


@pytest.mark.parametrize("site", SITES)
def test_dnsmasq_takes_the_fragment(tmp_path: pathlib.Path, site: SiteServices) -> None:
    lay(tmp_path, site)
    assert "syntax check OK" in check(tmp_path, "dnsmasq", "--test", "--conf-file=dnsmasq.conf")


def test_bind_takes_the_records_into_its_zones(tmp_path: pathlib.Path) -> None:
    texts = lay(tmp_path)
    zones = {}
    for name in texts:
        if name.startswith("bind-"):
            zone = name[len("bind-") : -len(".zone")].replace("forward", "short.example.com")
            zones[zone] = tmp_path / f"db.{zone}"
            start = (
                "$TTL 3600\n@ IN SOA ns.example.net. root.example.net. 1 3600 600 86400 3600\n@ IN NS ns.example.net.\n"
            )
            zones[zone].write_text(f'{start}$INCLUDE "{tmp_path / name}"\n')
            check(tmp_path, "named-checkzone", "-k", "fail", zone, str(zones[zone]))
    named = "".join(f'zone "{zone}" {{ type primary; file "{path}"; }};\n' for zone, path in zones.items())
    (tmp_path / "named.conf").write_text(named)
    said = check(tmp_path, "named-checkconf", "-z", str(tmp_path / "named.conf"))
    assert "2.0.192.in-addr.arpa" in said


STRANGER = "52:54:00:00:00:99"
QUESTIONS: list[dict[str, Any]] = [
    {"mac": "52:54:00:00:00:0b", "architecture": 11},
    {"mac": "52:54:00:00:00:0d", "architecture": 19},
    {"mac": "52:54:00:00:00:0e", "architecture": 11},
    {"mac": "52:54:00:00:00:0e", "architecture": 11, "ipxe": True},
    {"mac": "52:54:00:00:00:0f", "architecture": 9},
    {"mac": "52:54:00:00:00:0f", "architecture": 16},
    {"mac": "52:54:00:00:00:0f", "architecture": 7, "ipxe": True},
    {"mac": "52:54:00:00:00:10", "architecture": 0},
    {"mac": STRANGER, "architecture": 11},
    {"mac": STRANGER, "architecture": 7, "ipxe": True},
]
# name, address, file, vendor class
OFFERS = [
    ("worker-arm-1.example.com", "192.0.2.11", "grub/shimaa64.efi", ""),
    ("worker-arm-2", "192.0.2.12", f"{BASE_URL}/grub/shimaa64.efi", "HTTPClient"),
    ("worker-arm-3", "", "ipxe-arm64.efi", ""),
    ("worker-arm-3", "", f"{BASE_URL}/boot.ipxe", ""),
    ("worker-1.example.com", "192.0.2.14", "ipxe.efi", ""),
    ("worker-1.example.com", "192.0.2.14", f"{BASE_URL}/ipxe.efi", "HTTPClient"),
    ("worker-1.example.com", "192.0.2.14", f"{BASE_URL}/boot.ipxe", ""),
    ("worker-2", "192.0.2.15", "lpxelinux.0", ""),
    ("", "", "", ""),
    ("", "", "", ""),
]


def dhcpd(folder: pathlib.Path) -> list[str]:
    subnet = "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.120; }\n"
    (folder / "own.conf").write_text(f'ping-check false;\n{subnet}include "{folder}/dhcpd.conf";\n')
    (folder / "leases").touch()
    files = ["-cf", str(folder / "own.conf"), "-lf", str(folder / "leases"), "--no-pid"]
    return [*command("dhcpd"), "-f", "-d", *files, "srv"]


def kea(folder: pathlib.Path) -> list[str]:
    text = (folder / "kea-dhcp4.json").read_text()
    own = json.loads("".join(line for line in text.splitlines(True) if not line.startswith("//")))
    own["Dhcp4"] |= {
        "interfaces-config": {"interfaces": ["srv"]},
        "lease-database": {"type": "memfile", "persist": False},
        "subnet4": [{"subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.100 - 192.0.2.120"}]}],
    }
    (folder / "own.json").write_text(json.dumps(own))
    return [*command("kea-dhcp4"), "-c", str(folder / "own.json")]


def dnsmasq(folder: pathlib.Path) -> list[str]:
    own = [f"--conf-file={folder}/dnsmasq.conf", "--interface=srv", "--port=0", "--user=root", "--pid-file="]
    own += [f"--dhcp-leasefile={folder}/leases", "--dhcp-range=192.0.2.100,192.0.2.120", "--no-ping"]
    return [*command("dnsmasq"), "--no-daemon", *own]


@pytest.mark.skipif(not namespace.inside(), reason="a wire of its own needs root, or namespaces for every user")
@pytest.mark.parametrize("server", [dhcpd, kea, dnsmasq])
def test_each_machine_is_told_what_to_load_and_a_stranger_is_not(tmp_path: pathlib.Path, server: Any) -> None:
    lay(tmp_path)
    found, said = offers(server(tmp_path), QUESTIONS, environment(tmp_path))
    for question, (name, address, file, vendor), got in zip(QUESTIONS, OFFERS, found, strict=True):
        assert got is not None, (question, said)
        assert (got["name"], got["file"], got["vendor"]) == (name, file, vendor), (question, said)
        # without a reservation of its own it gets one of the site's pool
        assert got["address"] == address if address else int(got["address"].rpartition(".")[2]) >= 100, question
        assert got["server"] == "192.0.2.5" if file and "://" not in file else True, question
