# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sentence per machine: at the end of a run, and for whoever powers machines on. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT

DONE = ("proven", "joined")
LOADERS = {"grub": "GRUB", "ipxe": "iPXE", "pxelinux": "PXELINUX"}


def _would(machine: t.Mapping[str, t.Any]) -> str:
    """What a run without check mode would do with this machine."""
    parts = []
    if machine.get("arm") and machine.get("boot_files"):
        parts.append(f"arm ({', '.join(machine['boot_files'])})")
        if not machine.get("bmc_url"):
            parts.append("ask to power it on")
    if machine.get("arm") and machine["boot_method"] == "iso" and not machine.get("bmc_url"):
        parts.append(f"ask to boot it from {machine.get('iso_url') or 'its ISO'}")
    parts += machine.get("would", [])
    if not parts:
        why = f": {_sentence(machine['reason'])} {machine['hint']}".rstrip() if machine["reason"] else ""
        return f"would wait for its requests{why}"
    return f"would {', then '.join(parts)}"


def verdict(machine: t.Mapping[str, t.Any], *, stop: str, armed: str, check: bool) -> dict[str, t.Any]:
    """Whether the machine failed, and the line that says where it stands.

    :param stop: why the whole run stopped; empty where it did not
    :param armed: why boot files could not be removed; empty where they were
    :param check: the run was in check mode
    """
    if machine["failed"]:
        reason, hint = machine["reason"], machine["hint"]
        return {"failed": True, "line": f"{machine['name']}: {_sentence(reason)} {hint}".strip()}
    if machine["stage"] in DONE or machine.get("done"):
        line = {"proven": "proven", "joined": "joined, not proven"}.get(machine["stage"], "certificates issued")
        if check and machine.get("would"):
            line += f", {_would(machine)}"
        elif not machine["changed"]:
            line += ", unchanged"
        if armed and not stop and machine["boot_method"] in NETWORK_BOOT:
            return {"failed": True, "line": f"{machine['name']}: {line}, but it may still be armed: {_sentence(armed)}"}
        return {"failed": False, "line": ": ".join([machine["name"], *_all(line, machine)])}
    if check and not stop:
        return {"failed": False, "line": f"{machine['name']}: {_would(machine)}"}
    reason = stop or "the run ended before this machine was done"
    return {"failed": True, "line": f"{machine['name']}: {_sentence(reason)} It had reached: {machine['stage']}."}


def _all(line: str, machine: t.Mapping[str, t.Any]) -> list[str]:
    return [line, *([machine["reason"]] if machine["reason"] else [])]


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def verdicts(
    machines: t.Sequence[t.Mapping[str, t.Any]],
    *,
    names: t.Sequence[str] = (),
    stop: str = "",
    armed: str = "",
    check: bool = False,
) -> dict[str, dict[str, t.Any]]:
    """:func:`verdict` of each machine, by name.

    :param names: the hosts of the run: one without a record has failed, since nothing was done for it
    """
    nothing = _sentence(stop or "the run did not begin")
    missing = {name: {"failed": True, "line": f"{name}: {nothing}"} for name in names}
    return {
        **missing,
        **{machine["name"]: verdict(machine, stop=stop, armed=armed, check=check) for machine in machines},
    }


def power_on_line(machine: t.Mapping[str, t.Any], *, seconds: int) -> str:
    """What a person has to do for a machine without a BMC.

    :param seconds: how long the machine has, from now
    """
    if machine["boot_method"] == "external":
        return f"{machine['name']}: boot it by your own means; it has {seconds // 60} min to become a node."
    if machine["boot_method"] == "iso":
        what = "type what stands in" if machine.get("iso_install") == "by_hand" else "read"
        text = machine.get("instructions")
        more = f" and {what} {text}" if text else ""
        return (
            f"{machine['name']}: boot it from {machine.get('iso_url') or 'its ISO'}{more};"
            f" it has {seconds // 60} min to become a node."
        )
    loader = LOADERS[machine["boot_method"]]
    macs = ", ".join(machine["macs"])
    return (
        f"{machine['name']}: power it on and let it boot from the network ({loader}, MAC {macs});"
        f" it has {seconds // 60} min to become a node."
    )


__all__ = ("power_on_line", "verdict", "verdicts")
