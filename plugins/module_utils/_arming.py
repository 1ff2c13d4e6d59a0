# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written and removed so that machines are armed or disarmed. Private to the collection.

What the site owns stays the site's: only absent files, or files that carry our marker for this cluster, are touched.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import runs
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import Marker
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import is_entry
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import read_marker
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Folders
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Published
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import boot_file
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import boot_paths
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import entries
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import gets_boot_file
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import local_boot_file

Machine = dict[str, t.Any]
Files = t.Mapping[str, str]

_MAC_IN_NAME = re.compile(r"([0-9a-f]{2}(?:-[0-9a-f]{2}){5})(?:\.ipxe)?$")


@dataclasses.dataclass
class Decision:
    """The machines' records afterwards, and what has to be done to get there."""

    machines: list[Machine]
    write: dict[str, str] = dataclasses.field(default_factory=dict)
    """Path to text; only what differs from what lies there."""
    remove: list[str] = dataclasses.field(default_factory=list)
    foreign: list[dict[str, str]] = dataclasses.field(default_factory=list)
    """Files of the site that were left alone: path, machine, first line."""
    entries: list[dict[str, str]] = dataclasses.field(default_factory=list)
    """Dispatcher and chain entry that a person has to put in place."""
    warnings: list[str] = dataclasses.field(default_factory=list)


class _Ownership:
    """Whose the lying files are."""

    def __init__(self, machines: t.Sequence[Machine], lying: Files, cluster: str) -> None:
        self._lying = lying
        self._cluster = cluster
        self._markers = {path: read_marker(text) for path, text in lying.items()}
        self._macs = {machine["name"]: set(machine.get("macs") or ()) for machine in machines}

    def text(self, path: str) -> str:
        return self._lying[path]

    def belongs(self, path: str, machine: Machine) -> bool:
        """Whether the lying file may be replaced or removed for the machine: ours, and no one else's of the plan."""
        marker = self._markers[path]
        if marker is None or marker.cluster != self._cluster:
            return False
        # A marker of a machine without this MAC was left behind when the NIC moved or the machine was renamed.
        return marker.machine == machine["name"] or _mac_of(path) not in self._macs.get(marker.machine, set())

    def held_by(self, machine: Machine, folders: Folders) -> list[str]:
        """The lying files that are the machine's: at its MACs, or of a NIC that it no longer has."""
        marker = Marker(self._cluster, machine["name"])
        marked = [path for path, found in self._markers.items() if found == marker]
        at_its_macs = [path for path in boot_paths(machine, folders) if path in self._lying]
        return [path for path in dict.fromkeys((*at_its_macs, *marked)) if self.belongs(path, machine)]

    def foreign(self, paths: t.Iterable[str], machine: Machine) -> list[dict[str, str]]:
        """The lying files among the paths that are the site's."""
        return [
            {"path": path, "machine": machine["name"], "first_line": _first_line(self._lying[path])}
            for path in paths
            if path in self._lying and not self.belongs(path, machine)
        ]


def check_machines_cluster(machines: t.Iterable[Machine], cluster: str) -> None:
    """A record that an earlier step stamped with another cluster stops the step."""
    for machine in machines:
        stamped = (machine.get("cluster") or {}).get("name")
        if stamped and stamped != cluster:
            raise OperationError(
                f"{machine['name']} is planned for the cluster {stamped}, and this step is about {cluster}.",
                "Check which cluster the kubeconfig or credential of this run belongs to.",
            )


def arm(
    machines: t.Sequence[Machine],
    published: Published,
    *,
    folders: Folders,
    lying: Files,
    cluster: str,
    base_url: str,
    entry_paths: t.Mapping[str, str],
    lying_entries: Files,
    check_mode: bool,
) -> Decision:
    """Give every machine that is to be armed its boot files, and take those of the others away.

    ``lying`` are the boot files that exist, ``lying_entries`` what exists at ``entry_paths`` and beside GRUB. A
    machine that had failed before passes untouched; one that fails here loses its files, the others go on.
    """
    ownership = _Ownership(machines, lying, cluster)
    decision = Decision([])
    wanted: dict[str, str] = {}
    withdrawn: list[str] = []
    armed: list[Machine] = []
    warned: dict[str, list[str]] = {}
    for given in machines:
        machine = dict(given)
        decision.machines.append(machine)
        if machine.get("failed"):
            continue
        if gets_boot_file(machine) and runs(machine) and not _is_armed(machine, ownership, folders, cluster=cluster):
            continue  # what it was started with, it goes on with; a boot file would install it again
        files: dict[str, str] = {}
        if gets_boot_file(machine):
            try:
                rendered = boot_file(machine, published, cluster=cluster)
                files = dict.fromkeys(boot_paths(machine, folders, rendered.loaders), rendered.text)
                _check_places(files, machine, wanted=wanted, ownership=ownership)
            except _ForeignFileError as exc:
                decision.foreign += exc.files
                files = {}
                _fail(machine, "foreign_file", exc)
            except OperationError as exc:
                files = {}
                _fail(machine, "boot_configuration", exc)
            else:
                wanted.update(files)
                armed.append(machine)
                machine["warnings"] = list(dict.fromkeys([*(machine.get("warnings") or ()), *rendered.warnings]))
                for warning in rendered.warnings:
                    warned.setdefault(warning, []).append(machine["name"])
        stale = [path for path in ownership.held_by(machine, folders) if path not in files]
        withdrawn += stale
        written = [path for path, text in files.items() if lying.get(path) != text]
        machine["changed"] = bool(machine.get("changed") or stale or written)
        earlier = [path for path in machine.get("boot_files") or () if path not in stale and path not in files]
        machine["boot_files"] = [*earlier, *files]
    for machine in armed:
        if not check_mode and machine["boot_files"] and machine.get("stage", "planned") == "planned":
            machine["stage"] = "armed"
    decision.write = {path: text for path, text in wanted.items() if lying.get(path) != text}
    decision.remove = [path for path in dict.fromkeys(withdrawn) if path not in wanted]
    _decide_entries(decision, entries(armed, folders, base_url=base_url), entry_paths, lying_entries)
    decision.warnings += [f"{_some(names)}: {warning}" for warning, names in warned.items()]
    return decision


def _is_armed(machine: Machine, ownership: _Ownership, folders: Folders, *, cluster: str) -> bool:
    """Whether a boot file of it lies there that would install it."""
    return any(
        ownership.text(path) != local_boot_file(path, machine, folders, cluster=cluster)
        for path in ownership.held_by(machine, folders)
    )


def disarm(
    machines: t.Sequence[Machine], *, folders: Folders, lying: Files, cluster: str, local_boot: bool = False
) -> Decision:
    """Take every machine's boot files away, failed machines' too; what is the site's is only told.

    :param local_boot: whether loaders that would wait without a file get one that starts the machine from its disk
    """
    ownership = _Ownership(machines, lying, cluster)
    decision = Decision([])
    for given in machines:
        machine = dict(given)
        decision.machines.append(machine)
        decision.foreign += ownership.foreign(boot_paths(machine, folders), machine)
        ours = [path for path in ownership.held_by(machine, folders) if path not in decision.remove]
        instead = {path: local_boot_file(path, machine, folders, cluster=cluster) for path in ours if local_boot}
        write = {path: text for path, text in instead.items() if text is not None and lying[path] != text}
        remove = [path for path in ours if instead.get(path) is None]
        decision.write.update(write)
        decision.remove += remove
        machine["changed"] = bool(machine.get("changed") or write or remove)
        machine["boot_files"] = [path for path in machine.get("boot_files") or () if path not in ours]
    return decision


def _decide_entries(
    decision: Decision,
    needed: t.Sequence[dict[str, str]],
    entry_paths: t.Mapping[str, str],
    lying_entries: Files,
) -> None:
    for entry in needed:
        path = entry_paths.get(entry["kind"])
        if not path and entry["path"] in lying_entries and entry["kind"] in ("grub_tftp", "pxelinux"):
            # what the site's loader does without a file is settled
            continue
        if not path:
            decision.entries.append(entry)
            continue
        there = lying_entries.get(path)
        if there is not None and not is_entry(there):
            decision.entries.append({**entry, "path": path})
            decision.warnings.append(
                f"{path} is not ours (it begins with {_first_line(there)!r}) and was left alone;"
                f" add the {entry['kind']} entry to it by hand."
            )
        elif there != entry["text"]:
            decision.write[path] = entry["text"]


class _ForeignFileError(OperationError):
    """Files of the site lie where the machine's boot files would go."""

    def __init__(self, files: list[dict[str, str]]) -> None:
        path, line = files[0]["path"], files[0]["first_line"]
        super().__init__(
            f"foreign_file: {path} is not ours and was left alone; it begins with {line!r}",
            f"Look at it; if {files[0]['machine']} may be installed, remove it (rm {path}) and run again.",
        )
        self.files = files


def _check_places(
    files: t.Mapping[str, str], machine: Machine, *, wanted: t.Mapping[str, str], ownership: _Ownership
) -> None:
    shared = [path for path in files if path in wanted]
    if shared:
        raise OperationError(f"Another machine of the plan has the MAC address {_mac_of(shared[0])}.")
    foreign = ownership.foreign(files, machine)
    if foreign:
        raise _ForeignFileError(foreign)


def _fail(machine: Machine, code: str, problem: OperationError) -> None:
    machine.update(failed=True, reason_code=code, reason=problem.message.rstrip("."), hint=problem.hint)


def _first_line(text: str) -> str:
    """The first line that says something, short enough for a message."""
    lines = [line.strip() for line in text.splitlines() if line.strip() not in ("", "#!ipxe")]
    return lines[0][:120] if lines else ""


def _mac_of(path: str) -> str:
    found = _MAC_IN_NAME.search(path)
    return found.group(1).replace("-", ":") if found else ""


def _some(names: t.Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


__all__ = ("Decision", "arm", "check_machines_cluster", "disarm")
