# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far each machine has come before it talks to the cluster: by what it fetched. Private to the collection."""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._access_log import request_path
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import address_for
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import takes_uploads
from ansible_collections.multiarch.openshift.plugins.module_utils._world import timestamp

# In the order in which a machine fetches them
STAGES = ("boot file", "kernel", "initramfs", "rootfs", "ignition")
# What is no stage: it asked once more for what installs it, and got it or not
AGAIN, IN_VAIN = "again", "again in vain"
# What the machine is likely to be stuck in, by the first thing that it did not fetch
_NEXT = {
    "kernel": "The loader has read its boot file and stopped: look at its screen, and whether it can fetch the kernel.",
    "initramfs": "The loader has stopped after the kernel: look at its screen; is there memory for the initramfs?",
    "rootfs": "The kernel did not start, or the live system has no network: look at its console, NIC and"
    " machine_network_arguments.",
    "ignition": "The live system runs, and the installer has not asked for the ignition: look at its console and NIC;"
    " journalctl -u coreos-installer",
    # coreos-installer asks for the ignition before it looks at the disk
    "": "It installs, has installed, or its installer has stopped: look at its console; is machine_install_device"
    " there, does it start from its disk, and does it reach ports 22623 and 6443 of the cluster?",
}
_MAC_FILE = re.compile(r"(?:^|[/-])((?:[0-9a-f]{2}-){5}[0-9a-f]{2})(?:\.ipxe)?$")

Machine = t.Mapping[str, t.Any]


class Fetches:
    """Takes hits of the access log in and tells what is new.

    :param published: entries with ``url`` in ``ignition``, ``initrds`` and ``artifacts``, as the run published them;
        what is not among them is known by its name
    :param since: API time before which no request belongs to this run
    """

    def __init__(
        self, machines: t.Sequence[Machine], published: t.Mapping[str, t.Any], *, base_url: str, since: float
    ) -> None:
        self._base = request_path(base_url).rstrip("/") + "/"
        self._kinds = _kinds(published)
        self._ignition_size = {entry["pool"]: entry.get("size") or 0 for entry in published.get("ignition") or []}
        # Each start of such an ISO's live system installs; else a person types the command, perhaps twice
        self._unattended = {
            machine["name"]: machine["pool"] for machine in machines if machine.get("iso_install") == "unattended"
        }
        self._ignition_name = {
            entry["pool"]: posixpath.basename(request_path(entry["url"]))
            for entry in published.get("ignition") or []
            if entry.get("url")
        }
        # A person may have the installer fetch it from elsewhere
        self._by_iso = {machine["name"] for machine in machines if _asks_web_host(machine, published)}
        self._by_mac = {
            mac.replace(":", "-"): machine["name"] for machine in machines for mac in machine.get("macs") or []
        }
        self._by_address = {address: machine["name"] for machine in machines for address in machine["addresses"]}
        # A machine that was powered on by the run has its own beginning
        powered_on = {machine["name"]: timestamp(machine.get("powered_on")) for machine in machines}
        self._begin = {name: since if at is None else at - 5 for name, at in powered_on.items()}
        self.begin = min(self._begin.values(), default=since)
        self._fetched: dict[str, dict[str, float]] = {}
        self._booted: dict[str, float] = {}
        self._refused: dict[str, tuple[str, int]] = {}
        self._shared = False
        self.seen_log = False

    def take(self, hits: t.Iterable[Machine], *, clock: float = 0.0) -> dict[str, list[str]]:
        """What each machine has newly fetched, in its order.

        :param clock: API time minus the web host's
        """
        self.seen_log = True
        new: dict[str, list[str]] = {}
        for hit in hits:
            at = hit["time"] + clock
            kind, name = self._read(hit)
            # the log has whole seconds
            if not kind or not name or at < self._begin[name] - 1:
                continue
            served = hit["status"] in (200, 206)
            # The kernel tells of loaders that read their boot files by TFTP.
            if kind in ("boot file", "kernel") and self._has_ignition_since(name, at):
                # Whether it was still there or not: the firmware starts from the network before the disk.
                new.setdefault(name, []).append(AGAIN if served else IN_VAIN)
            if kind == "boot file" and not served:
                continue
            if not served:
                self._refused[name] = (hit["path"], hit["status"])
            elif hit["method"] == "GET":
                fetched = self._fetched.setdefault(name, {})
                if kind == "ignition" and self._installs_again(name, hit["size"], at):
                    new.setdefault(name, []).append(AGAIN)
                if kind not in fetched:
                    new.setdefault(name, []).append(kind)
                fetched[kind] = at
                if kind in ("boot file", "kernel"):
                    self._booted.setdefault(name, at)
                self._refused.pop(name, None)
        return {name: sorted(set(kinds), key=_order) for name, kinds in new.items()}

    def _has_ignition_since(self, name: str, at: float) -> bool:
        fetched = self._fetched.get(name) or {}
        return "ignition" in fetched and at > fetched["ignition"]

    def _installs_again(self, name: str, size: int, at: float) -> bool:
        """Whether the ISO of this machine has been booted once more; a download that broke off is only repeated."""
        before = (self._fetched.get(name) or {}).get("ignition", at)
        return name in self._unattended and size >= self._ignition_size.get(self._unattended[name], 0) and at > before

    def _read(self, hit: Machine) -> tuple[str, str]:
        """What was asked for, and by which machine; empty texts where that is not known."""
        path = hit["path"]
        if not path.startswith(self._base):
            return "", ""
        boot_file = _MAC_FILE.search(path)
        if boot_file is not None:
            name = self._by_mac.get(boot_file[1], "")
            if name and hit["status"] == 200:
                self._learn(hit["address"], name)
            return "boot file", name
        return self._kinds.get(path) or _kind_by_name(path), self._by_address.get(hit["address"], "")

    def _learn(self, address: str, name: str) -> None:
        """A machine may have any address while it installs; one that several have is a proxy's and tells nothing."""
        if self._by_address.setdefault(address, name) != name:
            self._by_address[address] = ""
            self._shared = True

    def booted_at(self, name: str) -> float | None:
        """When it was first seen to boot from the network; API time."""
        return self._booted.get(name)

    def installed_at(self, name: str) -> float | None:
        """When it fetched the last of what an installation needs; None where it has not."""
        fetched = self._fetched.get(name) or {}
        return max(fetched["rootfs"], fetched["ignition"]) if self.installed(name) else None

    def installed(self, name: str) -> bool:
        """Whether it has all that an installation needs: it does not boot from the network again."""
        fetched = self._fetched.get(name) or {}
        return "rootfs" in fetched and "ignition" in fetched

    def ignition_at(self, name: str) -> float | None:
        """When it fetched its ignition, as far as the log tells; API time."""
        return (self._fetched.get(name) or {}).get("ignition")

    def diagnosis(self, machine: Machine, now: float) -> tuple[str, str] | None:
        """Reason and hint for a machine that is silent; None where the log tells nothing about it."""
        name = machine["name"]
        by_network = machine["boot_method"] in NETWORK_BOOT
        if not self.seen_log or self._shared or not machine.get("arm") or not (by_network or name in self._by_iso):
            return None
        if name in self._refused:
            path, status = self._refused[name]
            return (
                f"it asked the web server for {posixpath.basename(path)} and was answered {status}",
                f"Is the file there and readable? {path}",
            )
        fetched = self._fetched.get(name)
        addresses, since = ", ".join(machine["addresses"]), age(now - self._begin[name])
        if not fetched and by_network:
            return (
                f"it sent no request, and has fetched nothing from the web server (no line from {addresses} and none"
                f" for {', '.join(machine.get('macs') or [])} in the last {since})",
                "Is it on, does it boot from the network first, and does DHCP give it the loader?",
            )
        if not fetched:
            return (
                f"it sent no request, and has not asked the web server for {self._word('ignition', machine)} (no line"
                f" from {addresses} in the last {since})",
                "Look at its console: has it booted the ISO, does its installer run, and has its NIC that address?",
            )
        latest = max(fetched, key=_order)
        missing = STAGES[_order(latest) + 1] if latest != STAGES[-1] else ""
        words = [self._word(kind, machine) for kind in STAGES if kind in fetched]
        text = f"it fetched {_and(words)} {age(now - fetched[latest])} ago"
        text += f" but not {self._word(missing, machine)}" if missing else " and sent no request since"
        return text, _NEXT[missing]

    def _word(self, kind: str, machine: Machine) -> str:
        return self._ignition_name.get(machine["pool"], kind) if kind == "ignition" else kind


def _asks_web_host(machine: Machine, published: t.Mapping[str, t.Any]) -> bool:
    """Whether this machine boots an ISO whose installer fetches the ignition from the web host."""
    entries = [entry for entry in published.get("ignition") or [] if entry["pool"] == machine.get("pool")]
    if machine["boot_method"] != "iso":
        return False
    if not entries:
        return not takes_uploads(machine)
    return any(entry.get("url") and address_for(machine, entry) == entry["url"] for entry in entries)


def new_text(kinds: t.Sequence[str]) -> str:
    return f"fetched {_and(list(kinds))}"


def _kinds(published: t.Mapping[str, t.Any]) -> dict[str, str]:
    kinds = {request_path(entry["url"]): "ignition" for entry in published.get("ignition") or [] if entry.get("url")}
    for entry in published.get("artifacts") or []:
        if entry.get("url") and entry["kind"] in STAGES:
            kinds[request_path(entry["url"])] = entry["kind"]
    return kinds


def _kind_by_name(path: str) -> str:
    """For a wait that does not know what was published: a run that was taken up again."""
    name = posixpath.basename(path)
    if name.endswith(".ign"):
        return "ignition"
    return next((kind for kind in ("kernel", "initramfs", "rootfs") if kind in name), "")


def _order(kind: str) -> int:
    return STAGES.index(kind) if kind in STAGES else len(STAGES)


def _and(words: t.Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


__all__ = ("AGAIN", "IN_VAIN", "STAGES", "Fetches", "new_text")
