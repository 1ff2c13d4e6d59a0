# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Systems behind a BMC, found by links alone. Private to the collection."""

from __future__ import annotations

import time
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._network import known_macs
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Json
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import link
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import links
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import Facts
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import architecture_of
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import canonical_mac
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import is_machine
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import Hardware

ROOT = "/redfish/v1/"


class Talk(t.Protocol):
    """What is needed of a client."""

    address: str

    def get(self, path: str) -> Answer: ...

    def post(self, path: str, body: Json | None, *, seconds: float) -> Answer: ...

    def patch(self, path: str, body: Json, *, etag: str, seconds: float) -> Answer: ...

    def told(self, text: str) -> str: ...


class Limits(t.NamedTuple):
    """How long steps may take, in seconds, and how waiting is done."""

    media: float = 300.0
    power: float = 120.0
    setting: float = 30.0
    sleep: t.Callable[[float], None] = time.sleep
    clock: t.Callable[[], float] = time.monotonic


class System:
    """One system, as read last."""

    def __init__(self, client: Talk, path: str, limits: Limits) -> None:
        self.client = client
        self.path = path
        self.limits = limits
        self.answer = client.get(path)

    @property
    def body(self) -> Json:
        return self.answer.body

    @property
    def hardware(self) -> Hardware:
        return Hardware(str(self.body.get("Manufacturer") or ""), str(self.body.get("Model") or ""))

    def refresh(self) -> Json:
        self.answer = self.client.get(self.path)
        return self.body

    def managers(self) -> list[Json]:
        """The BMC's own resources of this system."""
        paths = links(self.body, "Links", "ManagedBy") or links(self.body, "Links", "Managers")
        return [self.client.get(path).body for path in paths]

    def facts(self, wanted: t.Collection[str]) -> Facts:
        """Its UUID, MAC addresses and architecture.

        :param wanted: MAC addresses that are looked for; adapters are asked only where interfaces do not list them
        """
        macs = set(self._interface_macs())
        if not macs & set(wanted):
            macs |= set(self._adapter_macs())
        processors = [answer.body for answer in optional_members(self.client, link(self.body, "Processors"))]
        summary = self.body.get("ProcessorSummary")
        return Facts(
            str(self.body.get("UUID") or "").lower(),
            frozenset(filter(None, macs)),
            architecture_of(processors, summary if isinstance(summary, dict) else {}),
        )

    def _interface_macs(self) -> t.Iterator[str]:
        for answer in optional_members(self.client, link(self.body, "EthernetInterfaces")):
            yield from _macs(answer.body)

    def _adapter_macs(self) -> t.Iterator[str]:
        for chassis in links(self.body, "Links", "Chassis"):
            adapters = link(_optional(self.client, chassis), "NetworkAdapters")
            for adapter in optional_members(self.client, adapters):
                for function in optional_members(self.client, link(adapter.body, "NetworkDeviceFunctions")):
                    yield from _macs(function.body.get("Ethernet") or {})


def _macs(body: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    for name in ("PermanentMACAddress", "MACAddress"):
        yield canonical_mac(str(body.get(name) or ""))


def _optional(client: Talk, path: str) -> Json:
    try:
        return client.get(path).body
    except Refused:
        return {}


def members(client: Talk, collection: str) -> list[str]:
    """The paths of a collection's members, over all its pages."""
    found: list[str] = []
    seen: set[str] = set()
    while collection and collection not in seen:
        seen.add(collection)
        body = client.get(collection).body
        found += links(body, "Members")
        collection = str(body.get("Members@odata.nextLink") or "")
    return found


def optional_members(client: Talk, collection: str) -> list[Answer]:
    """The members of a collection that need not exist: many BMCs link to what they do not have."""
    if not collection:
        return []
    try:
        paths = members(client, collection)
    except Refused:
        return []
    found = []
    for path in paths:
        try:
            found.append(client.get(path))
        except Refused:
            continue
    return found


def find_system(client: Talk, machine: t.Mapping[str, t.Any], limits: Limits) -> System:
    """The machine's system: the one that the URL names, the only one, or the one with its UUID or MAC address."""
    collection = link(client.get(ROOT).body, "Systems")
    if not collection:
        raise BmcError(
            "bmc_system",
            f"its BMC {client.address} has no Redfish systems",
            "Correct machine_bmc_url; Redfish may have to be switched on.",
        )
    listed = members(client, collection)
    named = urllib.parse.urlsplit(machine["bmc_url"]).path.rstrip("/")
    paths = [path for path in listed if not named or path.rstrip("/") == named]
    if not paths:
        raise BmcError(
            "bmc_system",
            f"its BMC {client.address} has no system {named}".rstrip(),
            f"It has {', '.join(listed) or 'none at all'}.",
        )
    systems = [System(client, path, limits) for path in paths]
    if len(systems) == 1:
        return systems[0]
    fitting = [system for system in systems if is_machine(machine, system.facts(known_macs(machine)))]
    if len(fitting) != 1:
        raise BmcError(
            "bmc_system",
            f"its BMC {client.address} has {len(systems)} systems, and {len(fitting) or 'none'} of them"
            " with the machine's UUID or a MAC address of it",
            f"Name one in machine_bmc_url: {', '.join(paths)}.",
        )
    return fitting[0]


__all__ = ("Limits", "System", "Talk", "find_system", "members", "optional_members")
