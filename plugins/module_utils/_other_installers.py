# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines that the cluster installs by itself: two that power and install the same one destroy each other's work.

Private to the collection.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._network import known_macs
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import canonical_mac

BARE_METAL_HOST = ("metal3.io/v1alpha1", "BareMetalHost")
AGENT = ("agent-install.openshift.io/v1beta1", "Agent")

Object = t.Mapping[str, t.Any]


class Claim(t.NamedTuple):
    """A machine as an object of the cluster knows it."""

    holder: str
    """Kind and name of the object."""
    macs: frozenset[str]
    bmcs: tuple[str, ...]
    """Addresses of its BMC, as that object spells them."""


def host_claim(host: Object) -> Claim:
    """Source: baremetal-operator, apis/metal3.io/v1alpha1/baremetalhost_types.go."""
    spec, status = host.get("spec") or {}, host.get("status") or {}
    nics = (status.get("hardware") or {}).get("nics") or []
    bmc = str((spec.get("bmc") or {}).get("address") or "")
    return _claim("BareMetalHost", host, [spec.get("bootMACAddress"), *(nic.get("mac") for nic in nics)], [bmc])


def agent_claim(agent: Object) -> Claim:
    """Source: assisted-service, api/v1beta1/agent_types.go."""
    inventory = (agent.get("status") or {}).get("inventory") or {}
    macs = [interface.get("macAddress") for interface in inventory.get("interfaces") or []]
    return _claim("Agent", agent, macs, [str(inventory.get(key) or "") for key in ("bmcAddress", "bmcV6Address")])


def _claim(kind: str, item: Object, macs: t.Iterable[str | None], bmcs: t.Iterable[str]) -> Claim:
    metadata = item["metadata"]
    # what a BMC tells its own system where it has no address
    told = tuple(bmc for bmc in bmcs if _host(bmc) not in ("", "0.0.0.0", "::"))
    known = frozenset(filter(None, (canonical_mac(mac or "") for mac in macs)))
    return Claim(f"{kind} {metadata.get('namespace') or ''}/{metadata['name']}", known, told)


def claimed_by(machine: Object, claims: t.Sequence[Claim]) -> tuple[str, str]:
    """The object that this machine belongs to, and what shows it; two empty texts where none does."""
    macs = set(known_macs(machine))
    for claim in claims:
        common = sorted(macs & claim.macs)
        if common:
            return claim.holder, f"the MAC address {common[0]}"
        bmc = next((bmc for bmc in claim.bmcs if same_bmc(machine.get("bmc_url") or "", bmc)), "")
        if bmc:
            return claim.holder, f"the BMC {_host(bmc)}"
    return "", ""


def same_bmc(url: str, address: str) -> bool:
    """Whether a machine's BMC is the one at this address, which may have a driver's name for a scheme, or none.

    Several systems may be behind one BMC, and several BMCs behind one address: where both name theirs, these must be
    equal.
    """
    if not url or not address or _host(url) != _host(address):
        return False
    named = ((_system(url), _system(address)), (_port(url), _port(address)))
    return all(not ours or not theirs or ours == theirs for ours, theirs in named)


def _parts(address: str) -> urllib.parse.SplitResult:
    try:
        # as the baremetal operator does: without a scheme it is an address
        return urllib.parse.urlsplit(address if "://" in address else f"//{_bracketed(address)}")
    except ValueError:
        return urllib.parse.urlsplit("")


def _bracketed(address: str) -> str:
    try:
        return f"[{address}]" if ipaddress.ip_address(address).version == 6 else address
    except ValueError:
        return address


def _host(address: str) -> str:
    host = (_parts(address).hostname or "").rstrip(".")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host


def _port(address: str) -> int | None:
    """The port for Redfish; None where the address is another protocol's."""
    parts = _parts(address)
    if not re.search("http|redfish|virtualmedia", parts.scheme):
        return None
    try:
        return parts.port or (80 if re.search("[+]http$|^http$", parts.scheme) else 443)
    except ValueError:
        return None


def _system(address: str) -> str:
    found = re.search(r"/redfish/v1/Systems/([^/]+)", urllib.parse.unquote(_parts(address).path))
    return found[1] if found else ""


__all__ = ("AGENT", "BARE_METAL_HOST", "Claim", "agent_claim", "claimed_by", "host_claim", "same_bmc")
