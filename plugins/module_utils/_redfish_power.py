# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Power of a system. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import System
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import wait_for

_ON = ("On", "ForceOn")
_OFF = ("ForceOff",)
_RESTART = ("ForceRestart", "PowerCycle", "GracefulRestart")


def power_of(system: System) -> str:
    """on or off, as it was read last; unknown where that is about to change, or is not said."""
    state = str(system.body.get("PowerState") or "")
    if state in ("", "PoweringOff"):
        return "unknown"
    return "off" if state == "Off" else "on"


def is_on(system: System) -> bool:
    """Whether it runs. A system of which that is not known is not switched."""

    def settled() -> str:
        state = str(system.refresh().get("PowerState") or "")
        return "" if state == "PoweringOff" else state

    limits = system.limits
    state = wait_for(settled, seconds=limits.power, clock=limits.clock, sleep=limits.sleep)
    if not state:
        raise BmcError(
            "bmc_power",
            f"its BMC {system.client.address} does not say whether it is on",
            "Look at the BMC's own page, and power the machine on by hand if it says nothing either.",
        )
    return bool(state != "Off")


def power_off(system: System) -> bool:
    """Switches a running system off at once; False where the BMC offers only to restart it."""
    if not _allowed(system, _OFF):
        return False
    _reset(system, _OFF)
    _wait_for_state(system, "Off")
    return True


def power_on(system: System) -> None:
    _reset(system, _ON)
    _wait_for_state(system, "On")


def restart(system: System) -> None:
    _reset(system, _RESTART)
    _wait_for_state(system, "On")


def _action(system: System) -> dict[str, t.Any]:
    action = (system.body.get("Actions") or {}).get("#ComputerSystem.Reset") or {}
    if not action.get("target"):
        raise BmcError(
            "bmc_power",
            f"its BMC {system.client.address} offers no power control",
            "The account may lack that right; else power the machine on by hand.",
        )
    return dict(action)


def _allowed(system: System, kinds: t.Sequence[str]) -> str:
    """The first of these that the BMC offers; the first of all where it does not say what it offers."""
    action = _action(system)
    listed = action.get("ResetType@Redfish.AllowableValues") or []
    if not listed and action.get("@Redfish.ActionInfo"):
        try:
            parameters = system.client.get(str(action["@Redfish.ActionInfo"])).body.get("Parameters") or []
        except Refused:
            parameters = []
        listed = next((entry.get("AllowableValues") for entry in parameters if entry.get("Name") == "ResetType"), [])
    return next((kind for kind in kinds if not listed or kind in listed), "")


def _reset(system: System, kinds: t.Sequence[str]) -> None:
    kind = _allowed(system, kinds)
    if not kind:
        raise BmcError(
            "bmc_power",
            f"its BMC {system.client.address} offers none of {', '.join(kinds)}",
            "Power the machine by hand.",
        )
    system.client.post(str(_action(system)["target"]), {"ResetType": kind}, seconds=system.limits.power)


def _wait_for_state(system: System, state: str) -> None:
    limits = system.limits
    reached = wait_for(
        lambda: system.refresh().get("PowerState") == state,
        seconds=limits.power,
        clock=limits.clock,
        sleep=limits.sleep,
    )
    if not reached:
        raise BmcError(
            "bmc_power",
            f"its BMC {system.client.address} took the order and says {system.body.get('PowerState')} instead of"
            f" {state} after {int(limits.power)} s",
            "Look at the machine; power_timeout can be longer.",
        )


__all__ = ("is_on", "power_of", "power_off", "power_on", "restart")
