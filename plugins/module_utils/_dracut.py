# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel arguments of a machine's network, as dracut.cmdline(7) has them. Private to the collection.

RHCOS reads them with NetworkManager's nm-initrd-generator. What that does with a line depends on the lines before it:
an interface's addresses come first, since a line with an address ends what an earlier one said of DHCP.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._network import Network
from ansible_collections.multiarch.openshift.plugins.module_utils._network import default_interface
from ansible_collections.multiarch.openshift.plugins.module_utils._network import family_of

_Interface = t.Mapping[str, t.Any]


def network_arguments(network: Network, host_name: str) -> list[str]:
    """The arguments, in the order of OpenShift's documentation: ip=, nameserver=, then what interfaces are made of.

    :param host_name: the name that the machine gets; empty where it has one by other means
    """
    interfaces = network["interfaces"]
    addressed = [interface for interface in interfaces if interface["dhcp"] or interface["addresses"]]
    # The name belongs to the machine, but stands in one interface's line.
    main = default_interface(network, "ipv4") or default_interface(network, "ipv6")
    arguments = []
    for interface in interfaces:
        arguments += _ip_lines(interface, host_name if interface["name"] == main else "")
    if len(addressed) > 1:
        arguments.append(f"bootdev={main}")
    arguments += [f"nameserver={_bracketed(server)}" for server in network["nameservers"]]
    for interface in interfaces:
        if interface["kind"] == "bond":
            options = ",".join(f"{key}={value}" for key, value in interface["options"].items())
            mtu = f":{interface['mtu']}" if interface["mtu"] else ""
            arguments.append(f"bond={interface['name']}:{','.join(interface['members'])}:{options}{mtu}")
    arguments += [f"vlan={vlan['name']}:{vlan['parent']}" for vlan in interfaces if vlan["kind"] == "vlan"]
    arguments += [_route(route) for route in network["routes"]]
    return arguments


def _ip_lines(interface: _Interface, host_name: str) -> list[str]:
    lines = []
    gateways = {family_of(gateway): gateway for gateway in interface["gateways"]}
    for address in interface["addresses"]:
        gateway = gateways.pop(family_of(address), "")
        lines.append(_ip(interface, "none", host_name, address=address, gateway=gateway))
    if "ipv4" in interface["dhcp"]:
        # it leaves IPv6 to what the router announces
        lines.append(_ip(interface, "dhcp", host_name))
    elif interface["dhcp"]:
        lines.append(_ip(interface, "auto6", host_name))
    if not lines and interface["mtu"] and interface["kind"] == "ethernet":
        # what a VLAN is built on
        lines.append(_ip(interface, "none", ""))
    return lines


def _ip(interface: _Interface, method: str, host_name: str, *, address: str = "", gateway: str = "") -> str:
    name, mtu = interface["name"], interface["mtu"]
    # That of a bond stands in bond=
    end = f":{mtu}" if mtu and interface["kind"] != "bond" else ""
    if not (address or host_name or end):
        return f"ip={name}:{method}"
    client = netmask = ""
    if address:
        parsed = ipaddress.ip_interface(address)
        client = _bracketed(str(parsed.ip))
        netmask = str(parsed.netmask) if parsed.version == 4 else str(parsed.network.prefixlen)
    return f"ip={client}::{_bracketed(gateway)}:{netmask}:{host_name}:{name}:{method}{end}"


def _route(route: t.Mapping[str, str]) -> str:
    # dracut.cmdline(7) has the prefix of an IPv6 network inside the brackets
    return f"rd.route={_bracketed(route['to'])}:{_bracketed(route['via'])}:{route['interface']}"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


__all__ = ("network_arguments",)
