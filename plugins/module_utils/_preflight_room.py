# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The large files that a run will write, as far as the preflight can know them. Private to the collection.

Named as the steps name them that write them, so that what lies there already needs no room.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._customization import Customization
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import apart
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import customization
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import shared
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import hashed_name
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import publication
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import published_name

Record = t.Mapping[str, t.Any]
Sizes = list[t.Optional[int]]
"""Bytes of each file; None where they are not known."""


@dataclass
class Files:
    artifacts: list[dict[str, str]] = field(default_factory=list)
    """``name`` below the published folder and ``location`` of each boot artifact."""
    isos: dict[str, str] = field(default_factory=dict)
    """Name of each ISO that will be made, and of the one that it is made from."""
    copies: list[str] = field(default_factory=list)
    """Names below the TFTP server's folder of what is copied there."""

    def sizes_of_isos(self, answers: t.Iterable[Record], there: t.Container[str]) -> Sizes:
        """:param answers: the web host's, for ``artifacts``"""
        sizes = {answer["name"]: answer["size"] for answer in answers}
        return [sizes.get(base) for name, base in self.isos.items() if name not in there]

    def sizes_of_copies(self, answers: t.Iterable[Record], there: t.Container[str]) -> Sizes:
        sizes = {answer["name"]: answer["size"] for answer in answers}
        return [sizes.get(name) for name in self.copies if name not in there]


def files(
    machines: t.Sequence[Record],
    hashes: t.Mapping[str, str],
    artifacts: t.Sequence[Record],
    *,
    base_url: str,
    put_url: str,
    certificate_authority: str = "",
) -> Files:
    """What will be written for these machines, which know their cluster.

    :param hashes: that of each pool's ignition
    :param artifacts: those of :mod:`_stream`
    :param certificate_authority: what the live systems of ISOs will be told to trust
    """
    if not machines:
        return Files()
    cluster = machines[0]["cluster"]["name"]
    ignition = [
        {
            "pool": pool,
            "hash": value,
            "path": "",
            "url": f"{base_url.rstrip('/')}/{cluster}/{hashed_name(pool, value, '.ign')}",
        }
        for pool, value in sorted(hashes.items())
    ]
    # without a URL to copy from, an item says where it comes from
    plan = publication(machines, ignition, artifacts, [], base_url="", put_url=put_url)
    bases = {entry["architecture"]: entry for entry in artifacts if entry["kind"] == "iso"}
    made = [one for one in _customizations(machines, ignition, certificate_authority) if one.architecture in bases]
    return Files(
        artifacts=[
            {"name": item["name"], "location": item.get("url") or item["remote_file"]}
            for item in plan["web"]
            if item["kind"] != "ignition"
        ],
        isos={
            f"{cluster}/{one.name(base['sha256'])}": published_name(base)
            for one in made
            for base in (bases[one.architecture],)
        },
        copies=[item["name"] for item in plan["tftp"]],
    )


def _customizations(
    machines: t.Sequence[Record], ignition: t.Sequence[Record], certificate_authority: str
) -> list[Customization]:
    found = []
    for machine in machines:
        by_itself = machine["boot_method"] == "iso" and machine["iso_install"] != "by_hand"
        if not by_itself or machine["failed"] or machine.get("arm") is False:
            continue
        try:
            found.append(customization(machine, ignition, certificate_authority=certificate_authority))
        except OperationError:
            continue  # this machine will fail, and has no ISO
    return shared(found, apart(machines))


__all__ = ("Files", "Sizes", "files")
