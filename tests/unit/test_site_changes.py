# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What DHCP and DNS servers are told; tests/firmware asks the servers themselves."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import Rule
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SiteServices
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import fragments
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import rules
from ansible_collections.multiarch.openshift.plugins.modules import site_changes
from support.module import run_module
from support.netboot import BASE_URL
from support.netboot import CLUSTER
from support.netboot import machine

SITE = SiteServices(BASE_URL, "192.0.2.5", "/srv/tftp", "/srv/tftp/efi")
NO_TFTP = SiteServices(BASE_URL)
ENTRY = Rule(f"{BASE_URL}/boot.ipxe", by_ipxe=True)

RULES: list[t.Any] = [
    (("grub", "aarch64"), SITE, [Rule("efi/grubaa64.efi", (11,)), Rule(f"{BASE_URL}/grub/grubaa64.efi", (19,))]),
    (("grub", "aarch64"), NO_TFTP, [Rule(f"{BASE_URL}/grub/grubaa64.efi", (19,))]),
    (
        ("grub", "aarch64"),
        SiteServices("", "192.0.2.5", "/srv/tftp", "/srv/tftp/", "shimaa64.efi"),
        [Rule("shimaa64.efi", (11,))],
    ),
    (
        ("ipxe", "aarch64"),
        SITE,
        [ENTRY, Rule("ipxe-arm64.efi", (11,)), Rule(f"{BASE_URL}/ipxe-arm64.efi", (19,))],
    ),
    (
        ("ipxe", "x86_64"),
        SITE,
        [
            ENTRY,
            Rule("undionly.kpxe", (0,)),
            Rule("ipxe.efi", (7, 9)),
            Rule(f"{BASE_URL}/ipxe.efi", (16,)),
        ],
    ),
    (("ipxe", "x86_64"), SiteServices(BASE_URL, ipxe_entry="http://192.0.2.9/menu.ipxe"), None),
    (("pxelinux", "x86_64"), SITE, [Rule("lpxelinux.0", (0,))]),
]


@pytest.mark.parametrize(("group", "site", "expected"), RULES)
def test_each_architecture_is_sent_to_its_loader(group: t.Any, site: SiteServices, expected: list[Rule] | None) -> None:
    found = rules(group, site)
    if expected is None:
        assert found[0] == Rule("http://192.0.2.9/menu.ipxe", by_ipxe=True)
    else:
        assert found == expected
    assert [rule.echo for rule in found] == [bool({16, 19} & set(rule.architectures)) for rule in found]


def test_only_machines_that_boot_from_the_network_are_in_the_fragments() -> None:
    machines = [
        machine(),
        machine(node_name="by-iso", macs=["52:54:00:00:00:77"], boot_method="iso"),
        machine(node_name="by-hand", macs=["52:54:00:00:00:78"], boot_method="external"),
        machine(node_name="a-node-already", macs=["52:54:00:00:00:79"], arm=False),
    ]
    texts = fragments(machines, SITE, cluster=CLUSTER)
    for name in ("dhcpd.conf", "kea-dhcp4.json", "dnsmasq.conf"):
        assert "52:54:00:00:00:0b" in texts[name]
        assert "52:54:00:00:00:79" in texts[name]
        assert "by-iso" not in texts[name]
        assert "by-hand" not in texts[name]
    assert fragments(machines[1:3], SITE, cluster=CLUSTER) == {}


def test_every_mac_of_a_machine_has_its_address() -> None:
    texts = fragments([machine(macs=["52:54:00:00:00:0b", "52:54:00:00:00:0c"])], SITE, cluster=CLUSTER)
    assert texts["dhcpd.conf"].count("fixed-address 192.0.2.11;") == 2
    kea = json.loads("".join(re.findall(r"^[^/].*$", texts["kea-dhcp4.json"], re.MULTILINE)))["Dhcp4"]
    assert [entry["ip-address"] for entry in kea["reservations"]] == ["192.0.2.11", "192.0.2.11"]
    assert kea["ip-reservations-unique"] is False
    assert (
        "dhcp-host=52:54:00:00:00:0b,52:54:00:00:00:0c,set:multiarch-lab-x7k2p-grub-aarch64,192.0.2.11,"
        in texts["dnsmasq.conf"]
    )


def test_records_go_both_ways_and_a_name_without_a_domain_gets_no_ptr() -> None:
    machines = [
        machine(node_name="w1.lab.example.com", addresses=["192.0.2.11", "2001:db8::11"]),
        machine(node_name="w2", addresses=["192.0.2.12"]),
    ]
    texts = fragments(machines, SITE, cluster=CLUSTER)
    assert [name for name in texts if name.startswith("bind-")] == [
        "bind-0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.zone",
        "bind-2.0.192.in-addr.arpa.zone",
        "bind-forward.zone",
        "bind-lab.example.com.zone",
    ]
    assert "w1.lab.example.com. IN AAAA 2001:db8::11\n" in texts["bind-lab.example.com.zone"]
    assert "\nw2 IN A 192.0.2.12\n" in texts["bind-forward.zone"]
    reverse = texts["bind-2.0.192.in-addr.arpa.zone"]
    assert "\n11.2.0.192.in-addr.arpa. IN PTR w1.lab.example.com.\n" in reverse
    assert "\n; 192.0.2.12: the node is called w2" in reverse


def test_an_unknown_address_of_the_tftp_server_is_asked_for() -> None:
    texts = fragments([machine()], SiteServices(BASE_URL, "", "/srv/tftp", "/srv/tftp/efi"), cluster=CLUSTER)
    assert "netboot_tftp_address" in texts["dhcpd.conf"]
    assert "next-server 1" not in texts["dhcpd.conf"]
    assert "netboot_tftp_address" not in fragments([machine()], SITE, cluster=CLUSTER)["dhcpd.conf"]


def test_a_folder_of_grub_without_the_root_of_the_tftp_server_is_a_gap_that_is_told() -> None:
    rootless = SiteServices(BASE_URL, "192.0.2.5", "", "/srv/tftp/efi")
    texts = fragments([machine()], rootless, cluster=CLUSTER)
    for name in ("dhcpd.conf", "kea-dhcp4.json", "dnsmasq.conf"):
        assert "is not told where grubaa64.efi lies: set netboot_tftp_directory" in texts[name]
        assert "netboot_tftp_directory" not in fragments([machine()], SITE, cluster=CLUSTER)[name]
    assert "netboot_tftp_directory" not in fragments([machine()], NO_TFTP, cluster=CLUSTER)["dhcpd.conf"]


def run(folder: pathlib.Path | None, *machines: dict[str, t.Any], **changes: t.Any) -> dict[str, t.Any]:
    check, diff = changes.pop("check", False), changes.pop("diff", False)
    given = {
        "machines": list(machines),
        "cluster": CLUSTER,
        "directory": str(folder) if folder else None,
        "base_url": BASE_URL,
        "tftp_address": "192.0.2.5",
        "tftp_directory": "/srv/tftp",
        "grub_directory": "/srv/tftp/efi",
        **changes,
    }
    return run_module(site_changes.main, given, check=check, diff=diff)


def test_the_folder_is_written_once_and_changes_with_the_plan(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "site-changes"
    predicted = run(folder, machine(node_name="w1.example.com"), check=True, diff=True)
    assert not folder.exists()
    first = run(folder, machine(node_name="w1.example.com"), diff=True)
    assert (predicted["changed"], predicted["diff"], predicted["files"]) == (True, first["diff"], first["files"])
    assert sorted(path.name for path in folder.iterdir()) == [
        "bind-2.0.192.in-addr.arpa.zone",
        "bind-example.com.zone",
        "dhcpd.conf",
        "dnsmasq.conf",
        "kea-dhcp4.json",
    ]
    again = run(folder, machine(node_name="w1.example.com"), diff=True)
    assert (again["changed"], again["diff"]) == (False, [])
    (folder / "own.conf").write_text("# the site's\n")
    other = run(folder, machine(node_name="w1.example.org"))
    assert other["removed"] == [str(folder / "bind-example.com.zone")]
    assert (folder / "own.conf").exists()
    gone = run(folder, machine(boot_method="iso"))
    assert [path.name for path in folder.iterdir()] == ["own.conf"]
    assert gone["files"] == []


def test_a_foreign_file_is_left_alone(tmp_path: pathlib.Path) -> None:
    theirs = tmp_path / "dhcpd.conf"
    theirs.write_text("# the site's own\n")
    result = run(tmp_path, machine())
    assert theirs.read_text() == "# the site's own\n"
    assert result["foreign"] == [str(theirs)]
    assert (tmp_path / "dnsmasq.conf").exists()


def test_the_fragments_of_another_cluster_are_foreign(tmp_path: pathlib.Path) -> None:
    run(tmp_path, machine(node_name="w1.example.com"))
    before = {path: path.read_text() for path in tmp_path.iterdir()}
    result = run(tmp_path, machine(node_name="w1.example.org"), cluster="other-q1w2e")
    assert {path: path.read_text() for path in before} == before
    assert str(tmp_path / "dhcpd.conf") in result["foreign"]
    assert (result["removed"], result["files"]) == ([], [str(tmp_path / "bind-example.org.zone")])
    assert "another cluster's" in str(result["warnings"])


def test_without_a_folder_the_texts_are_returned() -> None:
    result = run(None, machine(), tftp_address="tftp.example.com")
    assert (result["changed"], result["files"]) == (False, [])
    assert "netboot_tftp_address" in result["texts"]["dhcpd.conf"]
