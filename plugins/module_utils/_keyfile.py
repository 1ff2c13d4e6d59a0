# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkManager keyfiles of a machine's network. Private to the collection.

One ISO carries the keyfiles of many machines, and each machine must take up its own alone. So a NIC is known by its MAC
address. A bond does not start by itself: its members, which are known by theirs, start it.
"""

from __future__ import annotations

import typing as t
import uuid

from ansible_collections.multiarch.openshift.plugins.module_utils._network import FAMILIES
from ansible_collections.multiarch.openshift.plugins.module_utils._network import Network
from ansible_collections.multiarch.openshift.plugins.module_utils._network import default_interface
from ansible_collections.multiarch.openshift.plugins.module_utils._network import family_of

# Any fixed value: the same machine has the same connection in every run.
_NAMESPACE = uuid.UUID("6f6d2f0e-6d0a-5b6e-8a43-5f2a1f3c7d10")

_Interface = t.Mapping[str, t.Any]
_Section = list[tuple[str, str]]


def keyfiles(machine: str, network: Network) -> dict[str, str]:
    """File name and text of each interface's keyfile; the names carry the machine's."""
    interfaces = {interface["name"]: interface for interface in network["interfaces"]}
    bonds = {member: name for name, interface in interfaces.items() for member in interface["members"]}
    return {
        f"{machine}-{name}.nmconnection": _text(_keyfile(machine, interface, network, interfaces, bonds.get(name)))
        for name, interface in interfaces.items()
    }


def needs_own_iso(network: Network | None) -> bool:
    """Whether other machines would take its keyfiles up as well: nothing ties a VLAN on a bond to one machine."""
    interfaces = (network or {}).get("interfaces", [])
    bonds = {interface["name"] for interface in interfaces if interface["kind"] == "bond"}
    return any(interface["parent"] in bonds for interface in interfaces)


def _keyfile(
    machine: str, interface: _Interface, network: Network, interfaces: t.Mapping[str, _Interface], bond: str | None
) -> dict[str, _Section]:
    name, kind = interface["name"], interface["kind"]
    connection = [("id", f"{machine}-{name}"), ("uuid", _uuid(machine, name)), ("type", kind)]
    ethernet: _Section = []
    sections: dict[str, _Section] = {"connection": connection, "ethernet": ethernet}
    if kind == "ethernet":
        ethernet.append(("mac-address", interface["mac"]))
    else:
        connection.append(("interface-name", name))
    if kind == "bond":
        connection.append(("autoconnect", "false"))
        sections["bond"] = list(interface["options"].items())
    if kind == "vlan":
        sections["vlan"] = [("id", str(interface["id"]))]
        parent = interfaces[interface["parent"]]
        if parent["kind"] == "bond":
            sections["vlan"].append(("parent", _uuid(machine, parent["name"])))
        else:
            # nm-settings(5): without a parent, the MAC address says on which NIC
            ethernet.append(("mac-address", parent["mac"]))
    if interface["mtu"]:
        ethernet.append(("mtu", str(interface["mtu"])))
    if bond:
        connection += [("master", _uuid(machine, bond)), ("slave-type", "bond")]
    else:
        for family in FAMILIES:
            sections[family] = _addressing(interface, network, family)
    return {title: entries for title, entries in sections.items() if entries}


def _addressing(interface: _Interface, network: Network, family: str) -> _Section:
    addresses = [address for address in interface["addresses"] if family_of(address) == family]
    if family in interface["dhcp"]:
        entries = [("method", "auto")]
    elif addresses:
        entries = [("method", "manual")]
    else:
        return [("method", "disabled")]
    entries += [(f"address{number}", address) for number, address in enumerate(addresses, 1)]
    entries += [("gateway", gateway) for gateway in interface["gateways"] if family_of(gateway) == family]
    if default_interface(network, family) == interface["name"]:
        servers = [server for server in network["nameservers"] if family_of(server) == family]
        entries += [("dns", "".join(f"{server};" for server in servers))] if servers else []
    routes = [
        route
        for route in network["routes"]
        if route["interface"] == interface["name"] and family_of(route["to"]) == family
    ]
    entries += [(f"route{number}", f"{route['to']},{route['via']}") for number, route in enumerate(routes, 1)]
    # With both families one of them may be late; the first that there is must not be given up.
    entries.append(("may-fail", "false" if family == _needed(interface) else "true"))
    return entries


def _needed(interface: _Interface) -> str:
    """The family without which the interface is not up."""
    has_ipv4 = "ipv4" in interface["dhcp"] or any(family_of(address) == "ipv4" for address in interface["addresses"])
    return "ipv4" if has_ipv4 else "ipv6"


def _uuid(machine: str, interface: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{machine}/{interface}"))


def _text(sections: t.Mapping[str, _Section]) -> str:
    return "\n".join(
        "\n".join([f"[{title}]", *(f"{key}={value}" for key, value in entries), ""])
        for title, entries in sections.items()
    )


__all__ = ("keyfiles", "needs_own_iso")
