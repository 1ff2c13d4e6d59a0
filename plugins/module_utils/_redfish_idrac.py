# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an iDRAC has in attributes of its own instead of in Redfish, found by its links. Private to the collection.

Its one-time boot from the virtual CD, which is no boot target of Redfish: Cd may mean the physical drive. And whether
virtual media are attached to the machine at all.
"""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import System
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import links
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import VIRTUAL_CD

_ATTACHED = "VirtualMedia.1.Attached"
_FIRST = "ServerBoot.1.FirstBootDevice"
_ONCE = "ServerBoot.1.BootOnce"


class _Place(t.NamedTuple):
    """The resource that has an attribute."""

    path: str
    answer: Answer

    def value(self, name: str) -> str:
        return str((self.answer.body.get("Attributes") or {}).get(name) or "")


def _find(system: System, name: str) -> _Place | None:
    for manager in system.managers():
        for path in links(manager, "Links", "Oem", "Dell", "DellAttributes"):
            try:
                place = _Place(path, system.client.get(path))
            except Refused:
                continue
            if place.value(name):
                return place
    return None


def check_attached(system: System) -> None:
    """Nothing where the BMC is no iDRAC.

    :raises BmcError: the machine would not see an image that is inserted
    """
    place = _find(system, _ATTACHED)
    if place is not None and place.value(_ATTACHED) == "Detached":
        raise BmcError(
            "bmc_media",
            f"virtual media of its BMC {system.client.address} are detached ({_ATTACHED})",
            "Set their attach mode to AutoAttach on the iDRAC's page, or by racadm set iDRAC.VirtualMedia.Attached"
            " AutoAttach.",
        )


def check_virtual_cd(system: System) -> None:
    """
    :raises BmcError: the BMC does not boot from its virtual CD that way
    """
    _boot_place(system)


def boot_virtual_cd_once(system: System) -> str:
    """Lets the next boot be from the virtual CD; a warning where the BMC does not show it."""
    place = _boot_place(system)
    _write(system, place, {_ONCE: "Enabled", _FIRST: VIRTUAL_CD})
    if _boot_place(system).value(_FIRST) != VIRTUAL_CD:
        return f"its BMC took {VIRTUAL_CD} as the next boot's source and does not show it"
    return ""


def clear_virtual_cd(system: System, *, ours: bool) -> bool:
    """Takes that away again; True where it was set.

    :param ours: this run has set it; else only what is for a single boot is taken for a leftover of ours
    """
    place = _find(system, _FIRST)
    if place is None or place.value(_FIRST) != VIRTUAL_CD or not (ours or place.value(_ONCE) == "Enabled"):
        return False
    _write(system, place, {_FIRST: "Normal"})
    return True


def _boot_place(system: System) -> _Place:
    place = _find(system, _FIRST)
    if place is None:
        raise BmcError(
            "bmc_boot",
            f"its BMC {system.client.address} has no attribute {_FIRST}, by which an iDRAC 9 boots from {VIRTUAL_CD}",
            "Set machine_bmc_boot_target to Cd or UsbCd, or leave it out.",
        )
    return place


def _write(system: System, place: _Place, attributes: t.Mapping[str, str]) -> None:
    system.client.patch(
        place.path, {"Attributes": dict(attributes)}, etag=place.answer.etag, seconds=system.limits.setting
    )


__all__ = ("boot_virtual_cd_once", "check_attached", "check_virtual_cd", "clear_virtual_cd")
