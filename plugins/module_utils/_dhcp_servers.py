# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who answers DHCP on this host, and which networks it is in. Private to the collection."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import typing as t

DHCP_PORT = 67
# The kernel cuts a process' name to 15 characters.
_OTHERS = {"dhcpd": "ISC dhcpd", "kea-dhcp4": "Kea", "udhcpd": "udhcpd", "bootpd": "bootpd"}
_UNITS = ("dhcpd.service", "isc-dhcp-server.service", "kea-dhcp4.service", "kea-dhcp4-server.service", "udhcpd.service")


def other_dhcp_servers(root: str = "/") -> list[str]:
    """What speaks against a dnsmasq that answers DHCP here, as parts of a sentence; empty where nothing does.

    :param root: where ``proc`` and ``etc`` lie
    """
    base = pathlib.Path(root)
    names = _process_names(base / "proc")
    found = [f"{_OTHERS[name]} runs (process {pid})" for pid, name in sorted(names.items()) if name in _OTHERS]
    found += [
        f"{path.name} is enabled"
        for path in sorted((base / "etc/systemd/system").glob("*.wants/*"))
        if path.name in _UNITS
    ]
    if not found:
        found += _strange_listeners(base / "proc", names)
    return found


def connected_networks(route_table: str) -> list[ipaddress.IPv4Network]:
    """The networks that this host is in, by what /proc/net/route says."""
    networks = []
    for line in route_table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[2] != "00000000" or fields[7] == "00000000":
            continue
        destination, mask = (int.from_bytes(bytes.fromhex(fields[number]), "little") for number in (1, 7))
        with contextlib.suppress(ValueError):
            networks.append(ipaddress.IPv4Network((destination, str(ipaddress.IPv4Address(mask)))))
    return networks


def _process_names(proc: pathlib.Path) -> dict[int, str]:
    names = {}
    for folder in proc.glob("[0-9]*"):
        # a process may end at any moment
        with contextlib.suppress(OSError):
            names[int(folder.name)] = (folder / "comm").read_text().strip()
    return names


def _strange_listeners(proc: pathlib.Path, names: t.Mapping[int, str]) -> t.Iterator[str]:
    sockets = _listening_sockets(proc)
    if not sockets:
        return
    owners = {names.get(pid, "") for pid in names if _holds(proc / str(pid) / "fd", sockets)}
    # whose sockets they are is told to root alone
    if not owners and "dnsmasq" not in names.values():
        yield f"something listens on UDP port {DHCP_PORT}"
    for name in sorted(owners - {"dnsmasq"}):
        yield f"{name} listens on UDP port {DHCP_PORT}"


def _listening_sockets(proc: pathlib.Path) -> set[str]:
    try:
        lines = (proc / "net/udp").read_text().splitlines()[1:]
    except OSError:
        return set()
    fields = [line.split() for line in lines]
    return {f"socket:[{each[9]}]" for each in fields if int(each[1].rpartition(":")[2], 16) == DHCP_PORT}


def _holds(folder: pathlib.Path, sockets: t.Container[str]) -> bool:
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            with contextlib.suppress(OSError):
                if os.readlink(folder / name) in sockets:
                    return True
    return False


__all__ = ("connected_networks", "other_dhcp_servers")
