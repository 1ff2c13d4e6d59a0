# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""machine_network: what is refused, and what keyfiles and kernel arguments say, by NetworkManager's own reading too."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._dracut import network_arguments
from ansible_collections.multiarch.openshift.plugins.module_utils._keyfile import keyfiles
from ansible_collections.multiarch.openshift.plugins.module_utils._keyfile import needs_own_iso
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import machine
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan
from ansible_collections.multiarch.openshift.plugins.module_utils._network import read_network
from support import network_manager

MAC = "52:54:00:00:00:0b"
OTHER_MAC = "52:54:00:00:00:0c"
NIC: dict[str, t.Any] = {"name": "eno1", "mac": MAC}
SECOND: dict[str, t.Any] = {"name": "eno2", "mac": OTHER_MAC}
BOND: dict[str, t.Any] = {"name": "bond0", "bond": {"members": ["eno1", "eno2"], "options": {"mode": "802.3ad"}}}
STATIC: dict[str, t.Any] = {"addresses": ["192.0.2.11/24"], "gateways": ["192.0.2.1"]}
STATIC6: dict[str, t.Any] = {"addresses": ["2001:db8::11/64"], "gateways": ["2001:db8::1"]}
DUAL: dict[str, t.Any] = {key: STATIC[key] + STATIC6[key] for key in STATIC}
DNS = ["192.0.2.53", "192.0.2.54"]

SHAPES: dict[str, tuple[dict[str, t.Any], list[str], list[str]]] = {
    "dhcp-on-one-of-several": (
        {"interfaces": [{**NIC, "dhcp": "ipv4"}]},
        ["192.0.2.11"],
        ["ip=::::worker-1:eno1:dhcp"],
    ),
    "dhcp-on-both-families": (
        {"interfaces": [{**NIC, "dhcp": "both", "mtu": 9000}]},
        ["192.0.2.11", "2001:db8::11"],
        ["ip=::::worker-1:eno1:dhcp:9000"],
    ),
    "ipv6-by-router": (
        {"interfaces": [{**NIC, "dhcp": "ipv6"}]},
        ["2001:db8::11"],
        ["ip=::::worker-1:eno1:auto6"],
    ),
    "static": (
        {"interfaces": [{**NIC, **STATIC}], "nameservers": DNS},
        ["192.0.2.11"],
        ["ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1:eno1:none", "nameserver=192.0.2.53", "nameserver=192.0.2.54"],
    ),
    "dual-stack": (
        {"interfaces": [{**NIC, **DUAL, "mtu": 1400}], "nameservers": [DNS[0], "2001:db8::53"]},
        ["192.0.2.11", "2001:db8::11"],
        [
            "ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1:eno1:none:1400",
            "ip=[2001:db8::11]::[2001:db8::1]:64:worker-1:eno1:none:1400",
            "nameserver=192.0.2.53",
            "nameserver=[2001:db8::53]",
        ],
    ),
    "dhcp-and-static-ipv6": (
        {"interfaces": [{**NIC, "dhcp": "ipv4", **STATIC6}]},
        ["192.0.2.11", "2001:db8::11"],
        ["ip=[2001:db8::11]::[2001:db8::1]:64:worker-1:eno1:none", "ip=::::worker-1:eno1:dhcp"],
    ),
    "static-and-ipv6-by-router": (
        {"interfaces": [{**NIC, "dhcp": "ipv6", **STATIC}]},
        ["192.0.2.11", "2001:db8::11"],
        ["ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1:eno1:none", "ip=::::worker-1:eno1:auto6"],
    ),
    "bond": (
        {"interfaces": [NIC, SECOND, {**BOND, **STATIC, "mtu": 9000}], "nameservers": DNS[:1]},
        ["192.0.2.11"],
        [
            "ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1:bond0:none",
            "nameserver=192.0.2.53",
            "bond=bond0:eno1,eno2:mode=802.3ad,miimon=100:9000",
        ],
    ),
    "vlan": (
        {
            "interfaces": [
                {**NIC, "mtu": 9000},
                {"name": "eno1.100", "vlan": {"parent": "eno1", "id": 100}, "dhcp": "ipv4", "mtu": 1400},
            ]
        },
        ["192.0.2.11"],
        ["ip=:::::eno1:none:9000", "ip=::::worker-1:eno1.100:dhcp:1400", "vlan=eno1.100:eno1"],
    ),
    "vlan-on-bond": (
        {
            "interfaces": [
                NIC,
                SECOND,
                BOND,
                {"name": "bond0.100", "vlan": {"parent": "bond0", "id": 100}, **STATIC},
            ],
            "nameservers": DNS[:1],
        },
        ["192.0.2.11"],
        [
            "ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1:bond0.100:none",
            "nameserver=192.0.2.53",
            "bond=bond0:eno1,eno2:mode=802.3ad,miimon=100",
            "vlan=bond0.100:bond0",
        ],
    ),
    "two-networks-and-routes": (
        {
            "interfaces": [{**NIC, **DUAL}, {**SECOND, "addresses": ["198.51.100.11/24"]}],
            "nameservers": DNS[:1],
            "routes": [
                {"to": "203.0.113.0/24", "via": "198.51.100.1", "interface": "eno2"},
                {"to": "2001:db8:1::/48", "via": "2001:db8::2", "interface": "eno1"},
            ],
        },
        ["192.0.2.11", "2001:db8::11"],
        [
            "ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1:eno1:none",
            "ip=[2001:db8::11]::[2001:db8::1]:64:worker-1:eno1:none",
            "ip=198.51.100.11:::255.255.255.0::eno2:none",
            "bootdev=eno1",
            "nameserver=192.0.2.53",
            "rd.route=203.0.113.0/24:198.51.100.1:eno2",
            "rd.route=[2001:db8:1::/48]:[2001:db8::2]:eno1",
        ],
    ),
}


def network(name: str) -> dict[str, t.Any]:
    given, addresses, _arguments = SHAPES[name]
    read, problems = read_network(given, addresses, named=True, bound=True)
    assert problems == []
    assert read is not None
    return read


@pytest.mark.parametrize("name", SHAPES)
def test_kernel_arguments_are_those_of_dracut(name: str) -> None:
    assert network_arguments(network(name), "worker-1") == SHAPES[name][2]


def test_without_a_name_the_interface_alone_is_named() -> None:
    assert network_arguments(network("dhcp-on-one-of-several"), "") == ["ip=eno1:dhcp"]


@pytest.mark.parametrize("name", SHAPES)
def test_networkmanager_reads_keyfiles_without_loss_and_kernel_arguments_alike(name: str) -> None:
    given = network(name)
    texts = keyfiles("worker-1", given)
    by_files: dict[str, network_manager.Profile] = {}
    for interface, text in zip((each["name"] for each in given["interfaces"]), texts.values()):
        mine, understood = network_manager.parse(text), network_manager.read_keyfile(text)
        for section, entries in mine.items():
            for key, value in entries.items():
                if key == "gateway":  # it writes that behind the first address
                    assert understood[section]["address1"].endswith(f",{value}")
                elif (key, value) not in (("may-fail", "true"), ("autoconnect", "true")):  # not written where default
                    assert understood[section].get(key, "").lower().startswith(value), f"[{section}] {key}={value}"
        by_files[interface] = understood
    host_name, by_arguments = network_manager.from_kernel_arguments(
        [*network_arguments(given, "worker-1"), "rd.neednet=1"]
    )
    assert host_name == "worker-1"
    assert set(by_arguments) == set(by_files)
    for interface, profile in by_files.items():
        other = by_arguments[interface]
        assert profile["connection"]["type"] == other["connection"]["type"]
        assert ("master" in profile["connection"]) == ("master" in other["connection"])
        for family in ("ipv4", "ipv6"):
            ours, theirs = profile.get(family, {}), other.get(family, {})
            if ours.get("method") == "disabled" and theirs.get("method") == "auto":
                continue  # dracut has no way to leave IPv6 out where IPv4 comes by DHCP
            for key in ("method", "address1", "route1"):
                assert ours.get(key) == theirs.get(key), (interface, family)
        assert profile.get("ethernet", {}).get("mtu") == other.get("ethernet", {}).get("mtu")
        assert profile.get("vlan", {}).get("id") == other.get("vlan", {}).get("id")
        assert profile.get("bond") == other.get("bond")


def test_a_keyfile_takes_a_nic_by_its_mac_address_and_no_other_way() -> None:
    text = keyfiles("worker-1", network("static"))["worker-1-eno1.nmconnection"]
    assert f"mac-address={MAC}" in text
    assert "interface-name" not in text


def test_nothing_but_its_own_members_starts_a_bond() -> None:
    texts = keyfiles("worker-1", network("bond"))
    assert "autoconnect=false" in texts["worker-1-bond0.nmconnection"]
    bond = network_manager.parse(texts["worker-1-bond0.nmconnection"])["connection"]["uuid"]
    for member in ("eno1", "eno2"):
        connection = network_manager.parse(texts[f"worker-1-{member}.nmconnection"])["connection"]
        assert connection["master"] == bond
    # and the bond of another machine is another one
    assert bond not in keyfiles("worker-2", network("bond"))["worker-2-eno1.nmconnection"]


def test_only_a_vlan_on_a_bond_keeps_machines_from_sharing_an_iso() -> None:
    assert [name for name in SHAPES if needs_own_iso(network(name))] == ["vlan-on-bond"]


def one(**values: t.Any) -> dict[str, t.Any]:
    return {"interfaces": [{**NIC, **values}], "nameservers": DNS}


REFUSED: list[t.Any] = [
    ([], "must be a dictionary"),
    ({}, "it has no interfaces"),
    ({"interface": []}, "it can have interfaces, nameservers, routes"),
    (one(dhcp=True), "dhcp is True; it can be ipv4, ipv6, both"),
    (one(adresses=[]), "interface 1 has 'adresses'"),
    (one(name="eno1:0", dhcp="ipv4"), "interface's name in Linux"),
    (one(name="a-name-that-is-too-long", dhcp="ipv4"), "interface's name in Linux"),
    (one(mac="01:00:5e:00:00:01", dhcp="ipv4"), "is not the MAC address of a NIC"),
    (one(mac=None, dhcp="ipv4"), "eno1 needs its mac"),
    (one(dhcp="ipv4", mtu="big"), "eno1: mtu is 'big'"),
    (one(dhcp="both", mtu=1000), "ipv6 needs 1280"),
    (one(), "neither dhcp nor addresses"),
    (one(addresses=["192.0.2.11"]), "write it with its prefix"),
    (one(addresses=["192.0.2.12/24"]), "machine_addresses has 192.0.2.11, which no interface gets"),
    (one(addresses=["192.0.2.11/24", "192.0.2.12/24"], gateways=["192.0.2.1"]), "add it to machine_addresses"),
    (one(addresses=["192.0.2.11/24"], gateways=["198.51.100.1"]), "is in no network of eno1"),
    (one(addresses=["192.0.2.11/24"], gateways=["192.0.2.11"]), "is its own address"),
    (one(addresses=["192.0.2.11/24"], dhcp="both"), "choose one"),
    (one(addresses=["192.0.2.11/24", "192.0.2.255/24"]), "broadcast address"),
    (one(addresses=["192.0.2.11/24", "192.0.2.11/24"]), "192.0.2.11 is there 2 times"),
    (one(addresses=["192.0.2.11/24", "fe80::1/64"]), "cannot be a machine's address"),
    ({"interfaces": [{**NIC, **STATIC}]}, "no nameservers"),
    ({"interfaces": [{**NIC, **STATIC}], "nameservers": ["2001:db8::53"]}, "no interface has ipv6"),
    ({"interfaces": [{**NIC, **STATIC}], "nameservers": ["dns.example.com"]}, "is not an IP address"),
    (
        {"interfaces": [{**NIC, "dhcp": "ipv4"}, {**SECOND, "name": "eno1", "dhcp": "ipv4"}]},
        "interface eno1 is there 2",
    ),
    ({"interfaces": [{**NIC, "dhcp": "ipv4"}, {**NIC, "name": "eno2", "dhcp": "ipv4"}]}, f"MAC address {MAC}"),
    ({"interfaces": [NIC, SECOND, {**BOND, "bond": {"members": []}, "dhcp": "ipv4"}]}, "needs members"),
    ({"interfaces": [NIC, {**BOND, "dhcp": "ipv4"}]}, "its member eno2 is no NIC"),
    ({"interfaces": [{**NIC, "dhcp": "ipv4"}, SECOND, {**BOND, "dhcp": "ipv4"}]}, "eno1 is a member of bond0"),
    (
        {"interfaces": [NIC, {**BOND, "bond": {"members": ["eno1"], "options": {"mode": "fast"}}, "dhcp": "ipv4"}]},
        "bond mode is fast",
    ),
    (
        {"interfaces": [NIC, {**BOND, "bond": {"members": ["eno1"], "options": {"mii": 1}}, "dhcp": "ipv4"}]},
        "mii=1 is no option",
    ),
    (
        {"interfaces": [NIC, {"name": "eno1.7", "vlan": {"parent": "eno1", "id": 4095}, "dhcp": "ipv4"}]},
        "a number from 1 to 4094",
    ),
    (
        {"interfaces": [NIC, {"name": "storage", "vlan": {"parent": "eno1", "id": 7}, "dhcp": "ipv4"}]},
        "call it eno1.7 or vlan7",
    ),
    (
        {
            "interfaces": [
                {**NIC, "dhcp": "ipv4"},
                {"name": "eno9.7", "vlan": {"parent": "eno9", "id": 7}, "dhcp": "ipv4"},
            ]
        },
        "its parent eno9 is no NIC or bond",
    ),
    (
        {"interfaces": [NIC, {"name": "vlan7", "vlan": {"parent": "eno1", "id": 7}, "dhcp": "ipv4", "mtu": 9000}]},
        "is larger than that of eno1, 1500",
    ),
    (
        {
            "interfaces": [{**NIC, "dhcp": "ipv4"}],
            "routes": [{"to": "203.0.113.1/24", "via": "192.0.2.1", "interface": "eno1"}],
        },
        "has host bits set",
    ),
    (
        {
            "interfaces": [{**NIC, "dhcp": "ipv4"}],
            "routes": [{"to": "203.0.113.0/24", "via": "2001:db8::1", "interface": "eno1"}],
        },
        "of the other IP version",
    ),
    (
        {
            "interfaces": [{**NIC, "dhcp": "ipv4"}],
            "routes": [{"to": "203.0.113.0/24", "via": "192.0.2.1", "interface": "eno2"}],
        },
        "there is no interface eno2",
    ),
]


@pytest.mark.parametrize(("given", "said"), REFUSED)
def test_what_cannot_work_is_refused_by_name(given: t.Any, said: str) -> None:
    read, problems = read_network(given, ["192.0.2.11"], named=True, bound=True)
    assert read is None
    assert any(said in problem for problem in problems), problems


def test_several_gateways_are_refused() -> None:
    second = {**SECOND, "addresses": ["198.51.100.11/24"], "gateways": ["198.51.100.1"]}
    given = {"interfaces": [{**NIC, **STATIC}, second], "nameservers": DNS}
    _read, problems = read_network(given, ["192.0.2.11", "198.51.100.11"], named=True, bound=True)
    assert problems == ["machine_network: eno1 and eno2 have gateways of ipv4; a machine has one default route."]


# In the plan

HOST: dict[str, t.Any] = {
    "machine_addresses": ["192.0.2.11"],
    "machine_macs": [MAC],
    "machine_boot_method": "grub",
    "machine_install_device": "/dev/disk/by-id/nvme-1",
    "machine_network": SHAPES["static"][0],
}


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        ({}, SHAPES["static"][2]),
        (
            {"machine_node_name": "worker-1.example.com"},
            ["ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1.example.com:eno1:none", *SHAPES["static"][2][1:]],
        ),
        (
            {"machine_set_hostname": "no"},
            ["ip=192.0.2.11::192.0.2.1:255.255.255.0::eno1:none", *SHAPES["static"][2][1:]],
        ),
        ({"machine_boot_method": "iso"}, []),
        ({"machine_boot_method": "iso", "machine_set_hostname": True}, SHAPES["static"][2]),
        ({"machine_boot_method": "external"}, []),
    ],
)
def test_a_machine_gets_kernel_arguments_where_no_keyfile_serves(
    change: dict[str, t.Any], arguments: list[str]
) -> None:
    record, problems = machine("worker-1", {**HOST, **change})
    assert problems == []
    assert record["network_arguments"] == arguments
    assert (record["network"] is None) == (record["boot_method"] == "external")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"machine_network_arguments": ["ip=eno1:dhcp"]}, "exclude each other"),
        ({"machine_network": None, "machine_set_hostname": True}, "machine_set_hostname needs machine_network"),
        ({"machine_set_hostname": "perhaps"}, "it can be true or false"),
        ({"machine_network": {}}, "machine_network: it has no interfaces"),
        (
            {"machine_kernel_arguments": ["quiet"], "machine_ignition_delivery": "documented"},
            "only with machine_ignition_delivery: verified",
        ),
        ({"machine_consoles": ["ttyUSB0"]}, "console=ttyUSB0"),
        ({"machine_boot_method": "iso", "machine_consoles": ["ttyUSB0"]}, "console=ttyUSB0"),
        ({"machine_boot_method": "iso", "machine_iso_install": "magic"}, "it can be unattended, by_hand"),
    ],
)
def test_the_plan_names_what_does_not_go_together(change: dict[str, t.Any], said: str) -> None:
    _record, problems = machine("worker-1", {**HOST, **change})
    assert any(said in problem for problem in problems), problems


def test_a_nic_of_two_machines_is_found_in_their_networks() -> None:
    hosts = {
        "a": {**HOST, "machine_macs": [OTHER_MAC]},
        "b": {**HOST, "machine_addresses": ["192.0.2.12"], "machine_network": one(addresses=["192.0.2.12/24"])},
    }
    _records, problems = plan(hosts, ["a", "b"], [])
    assert problems == [f"a, b: the MAC address {MAC} is given 2 times."]


def test_an_iso_machine_is_installed_unattended_where_a_bmc_can_start_it() -> None:
    bmc = {"machine_bmc_url": "https://192.0.2.5", "machine_bmc_username": "a", "machine_bmc_password": "b"}
    methods = {"machine_boot_method": "iso", "machine_macs": []}
    for change, wanted in (({}, "by_hand"), (bmc, "unattended"), ({"machine_iso_install": "unattended"}, "unattended")):
        record, problems = machine("worker-1", {**HOST, **methods, **change})
        assert problems == []
        assert (record["iso_install"], record["arm"]) == (wanted, True)
