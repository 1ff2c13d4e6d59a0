# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done with one machine through its BMC. Private to the collection.

Each procedure notes in ``changes``, which become part of the machine's record, what it has done so far: also where the
next step fails, so that what was put in place is taken away again.
"""

from __future__ import annotations

import posixpath
import time
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import age
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import INSTALLED
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import runs
from ansible_collections.multiarch.openshift.plugins.module_utils._network import known_macs
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import CUSTOMIZED_NAME
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import System
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Talk
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import find_system
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import identity_problem
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import identity_warning
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_media import Drive
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_media import drives
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_media import insert
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_media import usable_drives
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_override import boot_once
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_override import clear
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_override import target_of
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_power import is_on
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_power import power_of
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_power import power_off
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_power import power_on
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_power import restart
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import CD
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import NETWORK
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import VIRTUAL_CD
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import cd_targets
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import image_problem
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import target_warning
from ansible_collections.multiarch.openshift.plugins.module_utils._world import rfc3339

# Reasons that come before anything is put in place, and after which a BMC is not asked a second time: it may lock
# accounts. The first comes for a lost answer to a change as well; the record then says in ``bmc`` what was asked for.
NEVER_REACHED = ("bmc_unreachable", "bmc_tls", "bmc_credentials", "bmc_identity", "bmc_system", "bmc_answer")
Record = t.Mapping[str, t.Any]
# Takes a line for people and, where it is not the usual one, the name of the event that it tells
Say = t.Callable[..., None]


def due_to_boot(machine: Record) -> bool:
    return bool(
        machine.get("bmc_url")
        and not machine["failed"]
        and machine["arm"]
        and machine["boot_method"] in (*NETWORK_BOOT, "iso")
    )


def due_to_clean(machine: Record) -> bool:
    """Whether an image of an earlier run may lie in the drives of a node: it would install again when it restarts.

    However it boots by now: the image is of the time when it was an ISO.
    """
    return bool(
        machine.get("bmc_url") and not machine["failed"] and machine.get("existing_node") and not machine["arm"]
    )


def due_to_disarm(machine: Record) -> bool:
    """Whether something of ours may be in place: from this run, or what another one has left."""
    if not machine.get("bmc_url"):
        return False
    never_looked_at = "bmc" not in machine
    return bool(machine.get("bmc")) or (never_looked_at and machine.get("reason_code") not in NEVER_REACHED)


def may_be_told(machine: Record) -> bool:
    """Whether a BMC may have been told to boot this machine: by this run, or by the one that has armed it."""
    return bool(machine.get("bmc")) or bool(machine.get("arm") and due_to_disarm(machine))


def known_system(machine: Record, client: Talk, limits: Limits, changes: dict[str, t.Any]) -> System:
    """The machine's system, proven to be it."""
    system = find_system(client, machine, limits)
    if machine["bmc_identity"] == "unchecked":
        return system
    facts = system.facts(known_macs(machine))
    problem, hint = identity_problem(machine, facts)
    if problem:
        raise BmcError("bmc_identity", problem, hint)
    warning = identity_warning(machine, facts)
    if warning:
        _warn(machine, changes, warning)
    return system


def check(machine: Record, client: Talk, limits: Limits, say: Say, changes: dict[str, t.Any]) -> None:
    """Reaches the BMC and proves that it is the machine's; changes nothing."""
    system = known_system(machine, client, limits, changes)
    changes["bmc_power"] = power_of(system)
    described = " ".join(filter(None, system.hardware)) or "a system"
    say(f"its BMC answers: {described}, power {changes['bmc_power']}")


def boot(
    machine: Record,
    client: Talk,
    limits: Limits,
    say: Say,
    changes: dict[str, t.Any],
    *,
    base_url: str,
    certificates: t.Sequence[str] = (),
    check_mode: bool,
) -> None:
    """Lets the machine boot once from the network or from its ISO.

    :param certificates: of authorities that the ISO's server is verified by, in PEM
    """
    system = known_system(machine, client, limits, changes)
    image = _image(machine, system, check_mode=check_mode)
    targets = _targets(machine, system)
    running = is_on(system)
    if running and machine["power_policy"] != "restart":
        lying = _lying(machine, system, base_url) if machine["boot_method"] == "iso" else []
        why = "with an image of ours inserted already" if lying else _begun_earlier(machine)
        if why:
            changes["bmc"] = {"system": system.path, "media": lying[0].image if lying else image}
            say(f"is on {why}; left alone")
            return
        raise BmcError(
            "powered_on",
            "its BMC says that it is on, and machine_power_policy is only_if_off",
            "If it is installing already, the playbook approve_csrs goes on with it; else power it off, or set"
            " machine_power_policy: restart.",
        )
    if is_unarmed(machine):
        raise BmcError(
            "powered_on",
            "its BMC said that it is on, so that it was given no boot file, and by now it is off",
            "Run again: it is armed then.",
        )
    # before it is switched off: one that cannot be booted stays on
    target = target_of(system, targets)
    if machine["boot_method"] == "iso":
        to_eject: t.Sequence[Drive] = []
        media = _media_changes(usable_drives(system), image)
    else:
        to_eject = _lying(machine, system, base_url)
        media = (f"eject {drive.shown} by its BMC" for drive in to_eject)
    if check_mode:
        changes["changed"] = True
        changes["would"] = [
            *_said(machine, changes, "would"),
            *media,
            f"{'restart it' if running else 'power it on'} by its BMC to boot once from {target}",
        ]
        return
    if running and power_off(system):
        running = False
        changes["changed"] = True
        say("powered off by its BMC")
    changes["bmc"] = {"system": system.path, "media": image}
    _eject(to_eject, say, changes)
    if image and insert(
        system, image, say, lambda warning: _warn(machine, changes, warning), certificates=certificates
    ):
        changes["changed"] = True
        say(f"{posixpath.basename(urllib.parse.urlsplit(image).path)} inserted by its BMC")
    # x86 machines may boot by BIOS; what they do is not changed
    target, warning = boot_once(system, targets, uefi=machine["architecture"] == "aarch64")
    changes["bmc"]["target"] = target
    changes["changed"] = True
    for text in (warning, "" if machine.get("bmc_boot_target") else target_warning(system.hardware, target)):
        if text:
            _warn(machine, changes, text)
    if running:
        restart(system)
    else:
        power_on(system)
    changes["powered_on"] = rfc3339(time.time())
    if machine["stage"] == "planned":
        changes["stage"] = "armed"
    say(f"{'restarted' if running else 'powered on'} by its BMC, boots once from {target}", "powered_on")


def is_unarmed(machine: Record) -> bool:
    """Whether it boots from the network and has no boot file because it was on."""
    return machine["boot_method"] in NETWORK_BOOT and runs(machine) and not machine.get("boot_files")


def _begun_earlier(machine: Record) -> str:
    """Why a machine that is on was started by an earlier run, which was killed; empty where nothing says so."""
    if machine.get("asks_to_join"):
        return "and a certificate is asked for in its name already"
    if machine["boot_method"] in NETWORK_BOOT and machine.get("boot_files") and not machine.get("changed"):
        return "and its boot file lay there before this run"
    if machine.get("fetched_ago") is not None:
        return f"and fetched rootfs and ignition {age(machine['fetched_ago'])} ago, at an earlier run"
    return ""


def disarm(
    machine: Record,
    client: Talk,
    limits: Limits,
    say: Say,
    changes: dict[str, t.Any],
    *,
    base_url: str,
    check_mode: bool,
) -> None:
    """Takes away what this run or a killed one has put in place. Never touches power."""
    system = known_system(machine, client, limits, changes)
    ours = bool(machine.get("bmc"))
    lying = _lying(machine, system, base_url)
    if check_mode:
        for drive in lying:
            changes["changed"] = True
            said, eject = _said(machine, changes, "would"), f"eject {drive.shown} by its BMC"
            changes["would"] = said if eject in said else [*said, eject]
        return
    _eject(lying, say, changes)
    # a node that boots from the network may have been set to do so once more by the site
    if ours or machine["arm"] or machine["boot_method"] == "iso":
        _clear(machine, system, say, changes, ours=ours or _armed_earlier(machine, lying))
    changes["bmc"] = {}


def clear_override(
    machine: Record, client: Talk, limits: Limits, say: Say, changes: dict[str, t.Any], *, base_url: str
) -> None:
    """Lets the next boot be as the firmware has it, for BMCs that keep what was set for one boot. The image stays."""
    system = known_system(machine, client, limits, changes)
    ours = bool(machine.get("bmc")) or _armed_earlier(machine, _lying(machine, system, base_url))
    _clear(machine, system, say, changes, ours=ours)


def _armed_earlier(machine: Record, lying: t.Sequence[Drive]) -> bool:
    """Whether another run has armed it, so that an override for every boot is ours as well, set for one boot."""
    return bool(machine.get("armed_earlier")) or (machine["boot_method"] == "iso" and bool(lying))


def _clear(machine: Record, system: System, say: Say, changes: dict[str, t.Any], *, ours: bool) -> None:
    if machine["boot_method"] not in INSTALLED:
        return
    cleared, warning = clear(system, _set_earlier(machine), ours=ours)
    if warning:
        _warn(machine, changes, warning)
    elif cleared:
        say("boot override cleared by its BMC")
    # what earlier steps have changed stays so
    if cleared:
        changes["changed"] = True


def _lying(machine: Record, system: System, base_url: str) -> list[Drive]:
    """The drives with an image of ours: this machine's, or one that lies below the published folder's URL."""
    named = [url for url in (machine.get("iso_url"), (machine.get("bmc") or {}).get("media")) if url]
    try:
        available = drives(system)
    except Refused:
        if machine["boot_method"] == "iso":
            raise
        return []  # where the account may not see the drives, it has put nothing there
    return [drive for drive in available if _is_ours(drive.image, base_url) or any(drive.holds(url) for url in named)]


def _eject(lying: t.Sequence[Drive], say: Say, changes: dict[str, t.Any]) -> None:
    for drive in lying:
        image = drive.shown
        drive.eject()
        changes["changed"] = True
        say(f"{image} ejected by its BMC")


def _media_changes(available: t.Sequence[Drive], image: str) -> t.Iterator[str]:
    """What would be done with the drives, as check mode says it."""
    before = next((drive for drive in available if image and drive.holds(image)), None)
    for drive in available:
        if drive.image and drive is not before:
            yield f"eject {drive.shown} by its BMC"
    if before is None:
        yield f"insert {image or 'its ISO'} by its BMC"


def _image(machine: Record, system: System, *, check_mode: bool) -> str:
    if machine["boot_method"] != "iso":
        return ""
    image = str(machine.get("iso_url") or "")
    if not image:
        if check_mode:
            return ""  # it is not made yet
        raise BmcError("no_iso", "no ISO was published for it", "Run the steps that make and publish it first.")
    problem = image_problem(system.hardware, image)
    if problem:
        raise BmcError("bmc_media", problem, f"The URL is {image}.")
    return image


def _is_ours(image: str, base_url: str) -> bool:
    if "/" not in image:
        # some BMCs show the file's name alone
        return CUSTOMIZED_NAME.fullmatch(image) is not None
    return bool(base_url) and image.startswith(f"{base_url.rstrip('/')}/")


def _targets(machine: Record, system: System) -> t.Sequence[str]:
    if machine.get("bmc_boot_target"):
        return (machine["bmc_boot_target"],)
    return cd_targets(system.hardware) if machine["boot_method"] == "iso" else NETWORK


def _set_earlier(machine: Record) -> t.Sequence[str]:
    """Targets that a run may have set, this one or one that was told otherwise."""
    if machine["boot_method"] != "iso":
        return NETWORK
    return (*CD, VIRTUAL_CD) if machine.get("bmc_boot_target") == VIRTUAL_CD else CD


def _warn(machine: Record, changes: dict[str, t.Any], warning: str) -> None:
    before = _said(machine, changes, "warnings")
    if warning not in before:
        changes["warnings"] = [*before, warning]


def _said(machine: Record, changes: t.Mapping[str, t.Any], key: str) -> list[str]:
    """A list of the record, as it is by now."""
    return list(changes[key] if key in changes else machine.get(key) or [])


__all__ = (
    "boot",
    "check",
    "clear_override",
    "disarm",
    "due_to_boot",
    "due_to_clean",
    "due_to_disarm",
    "known_system",
    "may_be_told",
)
