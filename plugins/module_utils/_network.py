# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``machine_network``: a machine's interfaces in one plain form, and everything that is wrong with what was given.

Private to the collection. The form is what keyfiles (``_keyfile``) and dracut arguments (``_dracut``) are made from.
"""

from __future__ import annotations

import collections
import ipaddress
import re
import typing as t

FAMILIES = ("ipv4", "ipv6")

_DHCP = {"ipv4": ("ipv4",), "ipv6": ("ipv6",), "both": FAMILIES}
_KEYS = ("interfaces", "nameservers", "routes")
_INTERFACE_KEYS = ("name", "mac", "bond", "vlan", "mtu", "dhcp", "addresses", "gateways")
_ROUTE_KEYS = ("to", "via", "interface")
# Linux takes 15 bytes; dracut splits at colons and commas.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
# Source: Linux, Documentation/networking/bonding.rst
_BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
# fmt: off
_BOND_OPTIONS = frozenset(
    [
        "mode", "active_slave", "ad_actor_sys_prio", "ad_actor_system", "ad_select", "ad_user_port_key",
        "all_slaves_active", "arp_all_targets", "arp_interval", "arp_ip_target", "arp_missed_max",
        "arp_validate", "downdelay", "fail_over_mac", "lacp_active", "lacp_rate", "lp_interval", "miimon",
        "min_links", "num_grat_arp", "num_unsol_na", "packets_per_slave", "peer_notif_delay", "primary",
        "primary_reselect", "resend_igmp", "tlb_dynamic_lb", "updelay", "use_carrier", "xmit_hash_policy",
    ]
)
# fmt: on
_OPTION_VALUE = re.compile(r"[A-Za-z0-9_.:+/-]+")
_SMALLEST_MTU = {"ipv4": 576, "ipv6": 1280}
_LARGEST_MTU = 65535

Network = dict[str, t.Any]
_Interface = dict[str, t.Any]


def read_network(
    given: t.Any, addresses: t.Sequence[str], *, named: bool, bound: bool
) -> tuple[Network | None, list[str]]:
    """The network in its plain form and all problems; the form is None where there is a problem.

    :param given: the variable as it stands in the inventory
    :param addresses: ``machine_addresses``: what the node may report
    :param named: dracut arguments are made from it, which know an interface by its name alone
    :param bound: keyfiles are made from it, which know a NIC by its MAC address alone
    """
    reader = _Reader()
    network = reader.network(given)
    if not reader.problems:
        reader.problems += _topology_problems(network, named=named, bound=bound)
    if not reader.problems:
        reader.problems += _address_problems(network, addresses)
    if reader.problems:
        return None, [f"machine_network: {problem}" for problem in reader.problems]
    return network, []


def network_macs(network: Network | None) -> list[str]:
    """MAC addresses of its NICs."""
    return [interface["mac"] for interface in (network or {}).get("interfaces", []) if interface["mac"]]


def known_macs(machine: t.Mapping[str, t.Any]) -> list[str]:
    """Every MAC address that a machine record tells: those that it boots by, and those of its network."""
    return list(dict.fromkeys([*(machine.get("macs") or []), *network_macs(machine.get("network"))]))


def family_of(address: str) -> str:
    """The family of an address, with or without prefix."""
    return f"ipv{ipaddress.ip_interface(address).version}"


def default_interface(network: Network, family: str) -> str | None:
    """The interface that carries the default route, and so the name servers; None where none has this family."""
    for has in (_gateways, _dhcp, _addresses):
        for interface in network["interfaces"]:
            if has(interface, family):
                return str(interface["name"])
    return None


def _gateways(interface: _Interface, family: str) -> list[str]:
    return [gateway for gateway in interface["gateways"] if family_of(gateway) == family]


def _dhcp(interface: _Interface, family: str) -> bool:
    return family in interface["dhcp"]


def _addresses(interface: _Interface, family: str) -> list[str]:
    return [address for address in interface["addresses"] if family_of(address) == family]


class _Reader:
    """Turns what was given into the plain form and collects what cannot be read."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def network(self, given: t.Any) -> Network:
        values = self._mapping(given, "it", _KEYS)
        interfaces = [self._interface(item, number) for number, item in enumerate(self._list(values, "interfaces"), 1)]
        if not interfaces and not self.problems:
            self.problems.append("it has no interfaces.")
        nameservers = [self._address(item, "nameservers") for item in self._list(values, "nameservers")]
        routes = [self._route(item) for item in self._list(values, "routes")]
        return {"interfaces": interfaces, "nameservers": nameservers, "routes": routes}

    def _mapping(self, given: t.Any, what: str, keys: t.Sequence[str]) -> t.Mapping[str, t.Any]:
        if not isinstance(given, t.Mapping):
            self.problems.append(f"{what} must be a dictionary with {', '.join(keys)}, not {given!r}.")
            return {}
        for key in given:
            if key not in keys:
                self.problems.append(f"{what} has {key!r}; it can have {', '.join(keys)}.")
        return given

    def _list(self, values: t.Mapping[str, t.Any], key: str) -> list[t.Any]:
        given = values.get(key)
        if given is None:
            return []
        if not isinstance(given, (list, tuple)):
            self.problems.append(f"{key} must be a list, not {given!r}.")
            return []
        return list(given)

    def _number(self, given: t.Any, what: str, least: int, most: int) -> int | None:
        # also text, as it comes out of a template; a bool would be a number to Python
        if isinstance(given, str) and given.isdecimal():
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
            self.problems.append(f"{what} is {given!r}; it must be a number from {least} to {most}.")
            return None
        return given

    def _address(self, given: t.Any, what: str) -> str:
        try:
            return str(ipaddress.ip_address(given if isinstance(given, str) else ""))
        except ValueError:
            self.problems.append(f"{what}: {given!r} is not an IP address.")
            return ""

    def _interface(self, given: t.Any, number: int) -> _Interface:
        values = self._mapping(given, f"interface {number}", _INTERFACE_KEYS)
        name = values.get("name")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self.problems.append(
                f"interface {number}: name is {name!r}; it must be the interface's name in Linux, for example eno1."
            )
            name = f"interface {number}"
        interface: _Interface = {
            "name": name,
            "kind": "ethernet",
            "mac": self._mac(values.get("mac"), name),
            "members": [],
            "options": {},
            "parent": None,
            "id": None,
            "mtu": None,
            "dhcp": [],
            "addresses": [self._with_prefix(item, name) for item in self._list(values, "addresses")],
            "gateways": [self._address(item, f"{name}: gateways") for item in self._list(values, "gateways")],
        }
        if values.get("mtu") is not None:
            interface["mtu"] = self._number(values["mtu"], f"{name}: mtu", _SMALLEST_MTU["ipv4"], _LARGEST_MTU)
        dhcp = values.get("dhcp")
        if dhcp is not None:
            if not isinstance(dhcp, str) or dhcp not in _DHCP:
                self.problems.append(f"{name}: dhcp is {dhcp!r}; it can be {', '.join(_DHCP)}.")
            else:
                interface["dhcp"] = list(_DHCP[dhcp])
        if values.get("bond") is not None:
            self._bond(values["bond"], interface)
        if values.get("vlan") is not None:
            self._vlan(values["vlan"], interface)
        if values.get("bond") is not None and values.get("vlan") is not None:
            self.problems.append(f"{name} is a bond or a VLAN, not both.")
        if interface["kind"] != "ethernet" and interface["mac"]:
            self.problems.append(f"{name}: only a NIC has a mac; a {interface['kind']} has that of its NIC.")
        return interface

    def _mac(self, given: t.Any, name: str) -> str | None:
        if given is None:
            return None
        mac = str(given).strip().lower().replace("-", ":")
        # the lowest bit of the first byte marks a group address (IEEE 802)
        if not _MAC.fullmatch(mac) or int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
            self.problems.append(f"{name}: {given!r} is not the MAC address of a NIC.")
            return None
        return mac

    def _with_prefix(self, given: t.Any, name: str) -> str:
        text = given if isinstance(given, str) else ""
        try:
            address = ipaddress.ip_interface(text)
        except ValueError:
            text = ""
        if "/" not in text:
            self.problems.append(f"{name}: addresses has {given!r}; write it with its prefix, like 192.0.2.11/24.")
            return ""
        return str(address)

    def _bond(self, given: t.Any, interface: _Interface) -> None:
        name = interface["name"]
        values = self._mapping(given, f"{name}: bond", ("members", "options"))
        members = self._list(values, "members")
        if not members or not all(isinstance(member, str) for member in members):
            self.problems.append(f"{name}: bond needs members, the names of its NICs.")
            members = []
        options = values.get("options") or {}
        if not isinstance(options, t.Mapping):
            self.problems.append(f"{name}: bond options must be a dictionary, not {options!r}.")
            options = {}
        kept: dict[str, str] = {}
        for key, value in options.items():
            # arp_ip_target and others take several values; NetworkManager and dracut both separate these by commas,
            # which dracut cannot tell from its own, so one value it is
            if key not in _BOND_OPTIONS or not isinstance(value, (str, int)) or not _OPTION_VALUE.fullmatch(str(value)):
                self.problems.append(f"{name}: {key}={value} is no option that a bond takes (one value each).")
                continue
            kept[str(key)] = str(int(value) if isinstance(value, bool) else value)
        if "mode" in kept and kept["mode"] not in _BOND_MODES:
            self.problems.append(f"{name}: bond mode is {kept['mode']}; it can be {', '.join(_BOND_MODES)}.")
        interface.update(kind="bond", members=members, options={"mode": "active-backup", "miimon": "100", **kept})
        if "arp_interval" in kept and "miimon" not in kept:
            del interface["options"]["miimon"]

    def _vlan(self, given: t.Any, interface: _Interface) -> None:
        name = interface["name"]
        values = self._mapping(given, f"{name}: vlan", ("parent", "id"))
        if not isinstance(values.get("parent"), str):
            self.problems.append(f"{name}: vlan needs its parent, the name of a NIC or bond.")
        number = self._number(values.get("id"), f"{name}: vlan id", 1, 4094)
        interface.update(kind="vlan", parent=values.get("parent"), id=number)

    def _route(self, given: t.Any) -> dict[str, str]:
        values = self._mapping(given, "a route", _ROUTE_KEYS)
        text = values.get("to")
        try:
            to = str(ipaddress.ip_network(text if isinstance(text, str) else ""))
        except ValueError as exc:
            self.problems.append(f"route to {text!r}: {exc}.")
            to = ""
        via = self._address(values.get("via"), f"route to {text}: via")
        if to and via and family_of(to) != family_of(via):
            self.problems.append(f"route to {to}: {via} is of the other IP version.")
        if not isinstance(values.get("interface"), str):
            self.problems.append(f"route to {text} needs its interface.")
        return {"to": to, "via": via, "interface": str(values.get("interface"))}


def _topology_problems(network: Network, *, named: bool, bound: bool) -> t.Iterator[str]:
    interfaces = {interface["name"]: interface for interface in network["interfaces"]}
    names = [interface["name"] for interface in network["interfaces"]]
    for what, values in (("interface", names), ("MAC address", network_macs(network))):
        for value, count in collections.Counter(values).items():
            if count > 1:
                yield f"the {what} {value} is there {count} times."
    held: dict[str, str] = {}
    for interface in network["interfaces"]:
        name = interface["name"]
        if interface["kind"] == "ethernet" and bound and not interface["mac"]:
            yield f"{name} needs its mac: an ISO serves many machines and knows a NIC by its MAC address."
        for member in interface["members"]:
            if member not in interfaces or interfaces[member]["kind"] != "ethernet":
                yield f"{name}: its member {member} is no NIC among the interfaces."
            elif held.setdefault(member, name) != name:
                yield f"{member} is a member of {held[member]} and of {name}."
        if interface["kind"] == "vlan":
            yield from _vlan_problems(interface, interfaces, named=named)
    for name in held:
        member = interfaces.get(name)
        if member and (member["dhcp"] or member["addresses"] or member["gateways"]):
            yield f"{name} is a member of {held[name]}, so {held[name]} has dhcp, addresses and gateways, not {name}."
    parents = {interface["parent"] for interface in network["interfaces"]}
    for name, interface in interfaces.items():
        if name not in held and name not in parents and not interface["dhcp"] and not interface["addresses"]:
            yield f"{name} has neither dhcp nor addresses, and nothing is built on it."
        if name in held and name in parents:
            yield f"{name} is a member of {held[name]}; put the VLAN on {held[name]}."
    for route in network["routes"]:
        if route["interface"] not in interfaces:
            yield f"route to {route['to']}: there is no interface {route['interface']}."


def _vlan_problems(vlan: _Interface, interfaces: t.Mapping[str, _Interface], *, named: bool) -> t.Iterator[str]:
    name, parent = vlan["name"], interfaces.get(vlan["parent"])
    if parent is None or parent["kind"] == "vlan":
        yield f"{name}: its parent {vlan['parent']} is no NIC or bond among the interfaces."
    elif vlan["mtu"] and vlan["mtu"] > (parent["mtu"] or 1500):
        yield f"{name}: its mtu {vlan['mtu']} is larger than that of {parent['name']}, {parent['mtu'] or 1500}."
    # dracut.cmdline(7): vlan5, vlan0005, eth0.5, eth0.0005
    digits = re.search(r"(?:\.|^vlan)(\d+)$", name)
    if named and (not digits or int(digits.group(1)) != vlan["id"]):
        yield (
            f"{name}: network boot takes the VLAN's number from its name;"
            f" call it {vlan['parent']}.{vlan['id']} or vlan{vlan['id']}."
        )


def _address_problems(network: Network, addresses: t.Sequence[str]) -> t.Iterator[str]:
    own: list[str] = []
    for interface in network["interfaces"]:
        yield from _interface_address_problems(interface, addresses)
        own += [text.partition("/")[0] for text in interface["addresses"]]
    for address, count in collections.Counter(own).items():
        if count > 1:
            yield f"{address} is there {count} times."
    for family in FAMILIES:
        with_gateway = [each["name"] for each in network["interfaces"] if _gateways(each, family)]
        if len(with_gateway) > 1:
            yield f"{' and '.join(with_gateway)} have gateways of {family}; a machine has one default route."
        by_dhcp = any(_dhcp(interface, family) for interface in network["interfaces"])
        for address in addresses:
            if family_of(address) == family and not by_dhcp and address not in own:
                yield f"machine_addresses has {address}, which no interface gets."
    for server in network["nameservers"]:
        if default_interface(network, family_of(server)) is None:
            yield f"no interface has {family_of(server)} to reach the name server {server} by."
    if not network["nameservers"] and not any(interface["dhcp"] for interface in network["interfaces"]):
        yield "it has no nameservers, and none come by DHCP."
    interfaces = {interface["name"]: interface for interface in network["interfaces"]}
    for route in network["routes"]:
        family = family_of(route["via"])
        interface = interfaces[route["interface"]]
        if not _dhcp(interface, family) and not _reaches(interface, route["via"]):
            yield f"route to {route['to']}: {route['via']} is in no network of {route['interface']}."


def _interface_address_problems(interface: _Interface, addresses: t.Sequence[str]) -> t.Iterator[str]:
    name = interface["name"]
    for text in interface["addresses"]:
        address = ipaddress.ip_interface(text)
        family = family_of(text)
        if _dhcp(interface, family):
            yield f"{name} has {text} and DHCP for {family}; choose one."
        if address.ip.is_loopback or address.ip.is_multicast or address.ip.is_unspecified or address.ip.is_link_local:
            yield f"{name}: {text} cannot be a machine's address."
        elif family == "ipv4" and _is_reserved(address):
            yield f"{name}: {text} is the network's own or its broadcast address."
        if _gateways(interface, family) and str(address.ip) not in addresses:
            yield f"{name} has {address.ip} and the default route: add it to machine_addresses, the node may report it."
    for family in FAMILIES:
        gateways = _gateways(interface, family)
        if len(gateways) > 1:
            yield f"{name} has {len(gateways)} gateways of {family}; it takes one."
        for gateway in gateways:
            if _dhcp(interface, family):
                yield f"{name} has the gateway {gateway} and DHCP for {family}; choose one."
            elif not _reaches(interface, gateway):
                yield f"{name}: the gateway {gateway} is in no network of {name}."
            elif gateway in [text.partition("/")[0] for text in interface["addresses"]]:
                yield f"{name}: the gateway {gateway} is its own address."
        mtu = interface["mtu"]
        if mtu and (_dhcp(interface, family) or _addresses(interface, family)) and mtu < _SMALLEST_MTU[family]:
            yield f"{name}: mtu is {mtu}; {family} needs {_SMALLEST_MTU[family]}."


def _is_reserved(address: ipaddress.IPv4Interface | ipaddress.IPv6Interface) -> bool:
    network = address.network
    return network.prefixlen < 31 and address.ip in (network.network_address, network.broadcast_address)


def _reaches(interface: _Interface, gateway: str) -> bool:
    address = ipaddress.ip_address(gateway)
    if address.version == 6 and address.is_link_local:
        return bool(_addresses(interface, "ipv6"))
    return any(address in ipaddress.ip_interface(text).network for text in _addresses(interface, family_of(gateway)))


__all__ = ("FAMILIES", "Network", "default_interface", "family_of", "known_macs", "network_macs", "read_network")
