# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and addresses that no serving certificate of a worker may carry, whatever the inventory says.

Private to the collection.
"""

from __future__ import annotations

import ipaddress
import typing as t
import urllib.parse
from dataclasses import dataclass

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._request import Address
from ansible_collections.multiarch.openshift.plugins.module_utils._san import parse_address

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class DenyList:
    """What belongs to the cluster itself: virtual addresses, networks, names, and all names below ``domains``."""

    addresses: frozenset[Address] = frozenset()
    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    def name_reason(self, name: str) -> str:
        """Why this DNS name is denied; empty where it is not."""
        plain = name.lower().rstrip(".")
        if not plain or "*" in plain:
            return "it is a wildcard or empty"
        if plain.startswith("localhost"):
            return "it names every machine"
        if plain.startswith(("kubernetes", "openshift.")) or plain == "openshift":
            return "it names the cluster's API"
        if plain.endswith((".svc", ".cluster.local")) or ".svc." in plain:
            return "it names a service"
        if _is_address(plain):
            return "it is an address in the place of a name"
        if plain in self.names:
            return "it is a name of the cluster's own"
        if any(plain == domain or plain.endswith("." + domain) for domain in self.domains):
            return "it lies in the domain of the cluster's routes"
        return ""

    def address_reason(self, address: Address) -> str:
        """Why this address is denied; empty where it is not."""
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            return "it is an IPv4 address in IPv6 form"
        if address.is_loopback or address.is_unspecified or address.is_multicast or address.is_link_local:
            return "it is no address of one machine"
        if address in self.addresses:
            return "it is a virtual address of the cluster"
        for network in self.networks:
            if address.version == network.version and address in network:
                return f"it lies in the cluster's own network {network}"
        return ""


def cluster_deny_list(
    objects: t.Mapping[str, t.Mapping[str, t.Any]],
    *,
    deny_addresses: t.Sequence[str] = (),
    deny_names: t.Sequence[str] = (),
) -> DenyList:
    """The deny list of a cluster.

    :param objects: the objects ``cluster`` of config.openshift.io/v1 by kind: Infrastructure, Network, Ingress, DNS
    :param deny_addresses: more addresses or networks
    :param deny_names: more names
    :raises OperationError: an entry of deny_addresses is neither an address nor a network
    """
    infrastructure = objects.get("Infrastructure", {}).get("status") or {}
    addresses: set[Address] = set()
    names = {name.lower().rstrip(".") for name in deny_names}
    for platform in (infrastructure.get("platformStatus") or {}).values():
        if isinstance(platform, dict):
            addresses |= {address for address in map(parse_address, _virtual_addresses(platform)) if address}
    for key in ("apiServerURL", "apiServerInternalURI"):
        host = urllib.parse.urlsplit(infrastructure.get(key) or "").hostname
        if host:
            address = parse_address(host)
            names.add(host)
            addresses |= {address} if address else set()
    base_domain = (objects.get("DNS", {}).get("spec") or {}).get("baseDomain")
    if base_domain:
        names |= {f"{name}.{base_domain}".lower() for name in ("api", "api-int")}
    routes = (objects.get("Ingress", {}).get("spec") or {}).get("domain")
    network = objects.get("Network", {})
    blocks: list[str] = []
    for part in (network.get("spec") or {}, network.get("status") or {}):
        blocks += part.get("serviceNetwork") or []
        blocks += [entry["cidr"] for entry in part.get("clusterNetwork") or []]
    networks = {ipaddress.ip_network(block, strict=False) for block in blocks}
    for entry in deny_addresses:
        try:
            networks.add(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            raise OperationError(
                f"deny_addresses has '{entry}', which is neither an IP address nor a network.", "Correct the entry."
            ) from None
    return DenyList(
        addresses=frozenset(addresses),
        networks=tuple(sorted(networks, key=str)),
        names=frozenset(names),
        domains=frozenset({routes.lower()} if routes else ()),
    )


def _virtual_addresses(platform: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    """API and ingress addresses of one platform's status, in its old and its new spelling."""
    for key in ("apiServerInternalIP", "ingressIP", "nodeDNSIP"):
        if platform.get(key):
            yield platform[key]
    for key in ("apiServerInternalIPs", "ingressIPs"):
        yield from platform.get(key) or []


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


__all__ = ("DenyList", "cluster_deny_list")
