# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of a serving certificate, as the kubelet derives them from its Node. Private to the collection."""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._request import Address


def parse_address(text: str) -> Address | None:
    """An IP address of the plain kinds: no scope id, no IPv4 address in IPv6 clothes. None for all else."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped is not None or "%" in text):
        return None
    return address


def kubelet_names(node: t.Mapping[str, t.Any]) -> tuple[frozenset[str], frozenset[Address]]:
    """DNS names and addresses that a kubelet asks for, from its Node's status.

    Source: kubernetes ``pkg/kubelet/certificate/kubelet.go``, ``addressesToHostnamesAndIPs``.
    """
    names: set[str] = set()
    addresses: set[Address] = set()
    for entry in (node.get("status") or {}).get("addresses") or []:
        kind, text = entry.get("type"), entry.get("address") or ""
        address = parse_address(text)
        if address is not None and kind in ("InternalIP", "ExternalIP", "Hostname"):
            addresses.add(address)
        elif kind in ("Hostname", "InternalDNS", "ExternalDNS") and text:
            names.add(text)
    return frozenset(names), frozenset(addresses)


def spell(names: t.Iterable[object]) -> str:
    """Names for a sentence, in a fixed order."""
    return ", ".join(sorted(str(name) for name in names)) or "none"


__all__ = ("kubelet_names", "parse_address", "spell")
