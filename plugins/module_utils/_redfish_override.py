# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a system boots from next. Private to the collection."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import System
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Json
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import link
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import wait_for
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_idrac import boot_virtual_cd_once
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_idrac import check_virtual_cd
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_idrac import clear_virtual_cd
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import VIRTUAL_CD

_TARGET = "BootSourceOverrideTarget"
_ENABLED = "BootSourceOverrideEnabled"
_MODE = "BootSourceOverrideMode"


class _Place(t.NamedTuple):
    """The resource whose boot options are written: the system, or its settings for the next boot."""

    path: str
    answer: Answer

    @property
    def boot(self) -> Json:
        boot = self.answer.body.get("Boot")
        return boot if isinstance(boot, dict) else {}


def _places(system: System) -> list[_Place]:
    """Where boot options are listed, the one to write first."""
    main = _Place(system.path, system.answer)
    path = link(system.body, "@Redfish.Settings", "SettingsObject")
    if not path:
        return [main]
    try:
        settings = _Place(path, system.client.get(path))
    except Refused:
        return [main]
    return [settings, main] if _TARGET in settings.boot or _ENABLED in settings.boot else [main]


def _listed(places: t.Sequence[_Place], name: str) -> list[str]:
    """The values that a boot option can have; empty where the BMC does not say."""
    for place in places:
        values = place.boot.get(f"{name}@Redfish.AllowableValues")
        if values:
            return [str(value) for value in values]
    return []


def choose_target(targets: t.Sequence[str], listed: t.Sequence[str]) -> str:
    """The best target that is offered; empty where none is."""
    return next((target for target in targets if not listed or target in listed), "")


def target_of(system: System, targets: t.Sequence[str]) -> str:
    """The target that would be set."""
    if VIRTUAL_CD in targets:
        check_virtual_cd(system)
        return VIRTUAL_CD
    listed = _listed(_places(system), _TARGET)
    target = choose_target(targets, listed)
    if not target:
        raise BmcError(
            "bmc_boot",
            f"its BMC {system.client.address} offers none of {', '.join(targets)} to boot from,"
            f" only {', '.join(listed)}",
            "Switch network boot or virtual media on in the firmware's settings.",
        )
    return target


def boot_once(system: System, targets: t.Sequence[str], *, uefi: bool) -> tuple[str, str]:
    """Lets the next boot be from the best target; the target, and a warning where the BMC does it otherwise.

    :param uefi: the next boot must be UEFI; else the mode stays what it is
    """
    if VIRTUAL_CD in targets:
        return VIRTUAL_CD, boot_virtual_cd_once(system)
    system.refresh()
    target = target_of(system, targets)
    places = _places(system)
    wanted = {_ENABLED: "Once", _TARGET: target}
    mode = _mode(places, uefi=uefi)
    try:
        _write(system, places[0], {**wanted, **mode})
    except Refused as refused:
        if not mode or refused.status not in (400, 403, 405, 422):
            raise
        _write(system, places[0], wanted)
    shown = _shown(system, target)
    if shown.get(_TARGET) != target:
        return target, f"its BMC took {target} as the next boot's source and does not show it"
    if shown.get(_ENABLED) == "Continuous":
        return target, f"its BMC keeps {target} for every boot until it is cleared"
    return target, ""


def _mode(places: t.Sequence[_Place], *, uefi: bool) -> dict[str, str]:
    current = next((place.boot[_MODE] for place in places if place.boot.get(_MODE)), None)
    listed = _listed(places, _MODE)
    if current is None and not listed:
        return {}
    wanted = "UEFI" if uefi else current
    if not wanted or (listed and wanted not in listed):
        return {}
    return {_MODE: wanted}


def _shown(system: System, target: str) -> Json:
    """The boot options, once they show the target; some BMCs need a moment."""

    def look() -> Json:
        system.refresh()
        shown = [place.boot for place in _places(system)]
        return next((boot for boot in shown if boot.get(_TARGET) == target), {})

    limits = system.limits
    return dict(wait_for(look, seconds=limits.setting, clock=limits.clock, sleep=limits.sleep))


def clear(system: System, targets: t.Collection[str], *, ours: bool) -> tuple[bool, str]:
    """Takes the override away if it is one of these targets; whether there was one, and a warning where it stays.

    :param ours: this run has set it; else only one that is for a single boot is taken for a leftover of ours
    """
    cleared = VIRTUAL_CD in targets and clear_virtual_cd(system, ours=ours)
    system.refresh()
    places = _places(system)

    def pending(place: _Place) -> bool:
        return _pending(place.boot, targets, ours=ours)

    if not any(map(pending, places)):
        return cleared, ""
    gone = _disable(system, places, places[0], pending)
    system.refresh()
    for place in _places(system)[1:]:
        if pending(place):
            # what the settings have taken is what the next boot goes by, also where the system refuses to be written to
            with contextlib.suppress(Refused):
                _disable(system, places, place, pending)
    return True, "" if gone else f"its BMC goes on to show {places[0].boot.get(_TARGET)} as the next boot's source"


def _disable(system: System, places: t.Sequence[_Place], place: _Place, pending: t.Callable[[_Place], bool]) -> bool:
    """Whether the override is gone. Some BMCs refuse a spelling of that, and some take it without doing it."""
    listed = _listed(places, _TARGET)
    disabled = {_ENABLED: "Disabled", **({_TARGET: "None"} if not listed or "None" in listed else {})}
    mode = {_MODE: place.boot[_MODE]} if place.boot.get(_MODE) else {}
    refusal: Refused | None = None
    taken = False
    for boot in (disabled, {**disabled, **mode}, {_ENABLED: "Disabled", _TARGET: "None", **mode}):
        try:
            _write(system, place, boot)
        except Refused as refused:
            if refused.status not in (400, 422):
                raise
            refusal = refused
            continue
        taken = True
        place = _again(system, place)
        if not pending(place):
            return True
    if refusal is not None and not taken:
        raise refusal
    limits = system.limits
    return bool(
        wait_for(
            lambda: not pending(_again(system, place)),
            seconds=limits.setting,
            clock=limits.clock,
            sleep=limits.sleep,
        )
    )


def _again(system: System, place: _Place) -> _Place:
    return _Place(place.path, system.client.get(place.path))


def _pending(boot: Json, targets: t.Collection[str], *, ours: bool) -> bool:
    enabled = boot.get(_ENABLED)
    return boot.get(_TARGET) in targets and (enabled == "Once" or (ours and enabled == "Continuous"))


def _write(system: System, place: _Place, boot: t.Mapping[str, t.Any]) -> None:
    limits = system.limits
    system.client.patch(place.path, {"Boot": dict(boot)}, etag=place.answer.etag, seconds=limits.setting)


__all__ = ("boot_once", "choose_target", "clear", "target_of")
