# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file by which dnsmasq serves the machines of one cluster. Private to the collection."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._marker import Marker
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import read_marker
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SiteServices
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import booted
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import dnsmasq_host
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import dnsmasq_rules

_GROUP = r"set:multiarch-{cluster}-(grub|ipxe|pxelinux)-(aarch64|x86_64)\b"
_HOST = re.compile(r"^dhcp-host=(.*)$", re.MULTILINE)
_ADDRESS = re.compile(r"^dhcp-host=.*,(\d+\.\d+\.\d+\.\d+)(?:,|$)", re.MULTILINE)

Networks = t.Sequence[ipaddress.IPv4Network]


def first_line(cluster: str) -> str:
    return f"# multiarch.openshift dhcp cluster={cluster}"


def is_ours(text: str, cluster: str) -> bool:
    return text.partition("\n")[0] == first_line(cluster)


def dnsmasq_file(
    machines: t.Sequence[t.Mapping[str, t.Any]], site: SiteServices, *, cluster: str, lying: str, networks: Networks
) -> tuple[str, list[str]]:
    """The text, and the addresses that no network of this host holds; an empty text where there is nobody to serve.

    :param lying: the file of an earlier run; in it the lines of machines that this run does not know are kept
    """
    known = {machine["name"] for machine in machines}
    # What a machine of this run has, an earlier name of it or an earlier owner has no more; dnsmasq refuses both.
    held = {held for machine in machines for held in (*(machine.get("macs") or ()), *machine["addresses"])}
    blocks = {
        name: block
        for name, block in _blocks(lying).items()
        if name not in known and not any(held & set(words.split(",")) for words in _HOST.findall(block))
    }
    for machine in booted(machines):
        blocks[machine["name"]] = "\n".join(
            [str(Marker(cluster, machine["name"])), *dnsmasq_host(machine, cluster=cluster)]
        )
    if not blocks:
        return "", []
    every = "\n".join(blocks.values())
    groups = set(re.findall(_GROUP.format(cluster=re.escape(cluster)), every))
    addresses = sorted({ipaddress.IPv4Address(text) for text in _ADDRESS.findall(every)})
    ranges = [network for network in networks if any(address in network for address in addresses)]
    outside = [str(address) for address in addresses if not any(address in network for network in ranges)]
    head = [
        first_line(cluster),
        "# Each run writes the lines of its own machines anew and leaves those of others alone.",
        # Serves who has a dhcp-host, and nobody else.
        *(f"dhcp-range={network.network_address},static,{network.netmask}" for network in dict.fromkeys(ranges)),
        *dnsmasq_rules(sorted(groups), site, cluster=cluster),
    ]
    parts = ["\n".join(head), *(block for _name, block in sorted(blocks.items()))]
    return "\n\n".join(parts) + "\n", outside


def _blocks(text: str) -> dict[str, str]:
    """What stands below each machine's marker, the marker included."""
    blocks: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        marker = read_marker(line)
        name = marker.machine if marker else name
        if name and line:
            blocks.setdefault(name, []).append(line)
    return {name: "\n".join(lines) for name, lines in blocks.items()}


__all__ = ("dnsmasq_file", "first_line", "is_ours")
