# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the TFTP host has and serves, seen from that host itself. Private to the collection.

Facts alone. Reads one block of one file as firmware would, and writes nothing.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import struct
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT

Facts = dict[str, t.Any]
Machines = t.Sequence[t.Mapping[str, t.Any]]

# What firmware loads, under the names that distributions give it. iPXE is often in the firmware or comes by
# other ways, so it is not looked for.
LOADERS = {
    ("grub", "aarch64"): ("grubaa64.efi", "grubnetaa64.efi", "grubnetaa64.efi.signed", "shimaa64.efi", "bootaa64.efi"),
    ("grub", "x86_64"): ("grubx64.efi", "grubnetx64.efi", "grubnetx64.efi.signed", "shimx64.efi", "bootx64.efi"),
    ("pxelinux", "x86_64"): ("lpxelinux.0", "pxelinux.0"),
}

PORT = 69
BLOCK = 512
# RFC 1350
_READ, _DATA, _ERROR = 1, 3, 5
# Linux then tells an unconnected socket too that nothing listens; the answer comes from another port, so connected it
# cannot be
_TELL_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
# A boot folder may hold a whole distribution's tree
MOST_ENTRIES = 2000
ARCHITECTURES = ("aarch64", "x86_64")


def tftp(
    machines: Machines, directory: str, grub_directory: str, address: str, seconds: float, *, port: int = PORT
) -> Facts | None:
    """The folders, the boot loader in them, and whether the server returns its bytes.

    :param directory: folder of the TFTP server
    :param grub_directory: folder of GRUB's own files; either may be empty
    :param address: where the server is asked
    :return: None where no machine boots by TFTP
    """
    written = _written(machines, directory, grub_directory)
    if not written:
        return None
    wanted = sorted({(machine["boot_method"], machine["architecture"]) for machine in machines})
    loaders = [name for pair in wanted for name in LOADERS.get(pair, ())]
    loader = find(list(written), loaders) if loaders else None
    facts: Facts = {
        "directories": {path: _folder(path, needed) for path, needed in written.items()},
        "room": _room(pathlib.Path(directory)) if written.get(directory) else None,
        "address": address,
        "loaders": loaders,
        "loader": str(loader or ""),
        "state": "",
        "detail": "",
        "name": "",
    }
    if loader is not None:
        facts.update(_served(loader, list(written), address, port, seconds))
    return facts


def _written(machines: Machines, directory: str, grub_directory: str) -> dict[str, bool]:
    """The folders, and whether a run writes there."""
    booted = [machine for machine in machines if machine["boot_method"] in NETWORK_BOOT]
    by_grub = [machine for machine in booted if machine["boot_method"] == "grub"]
    copied = [machine for machine in by_grub if machine["boot_transport"] == "tftp"]
    found: dict[str, bool] = {}
    if directory and booted:
        found[directory] = bool(copied) or any(machine["boot_method"] == "pxelinux" for machine in booted)
    if grub_directory and booted:
        found[grub_directory] = bool(by_grub)
    return found


def _folder(path: str, written: bool) -> Facts:
    exists = os.path.isdir(path)
    target = pathlib.Path(path)
    return {"exists": exists, "writable": exists and (not written or os.access(target, os.W_OK | os.X_OK))}


def _room(directory: pathlib.Path) -> Facts:
    """What is free in the folder, and which copies of boot artifacts lie there."""
    free, device = free_space(directory)
    found = (path for architecture in ARCHITECTURES for path in directory.glob(f"*/{architecture}/*"))
    names = sorted(path.relative_to(directory).as_posix() for path in found if not path.name.startswith("."))
    return {"free": free, "device": device, "files": names}


def free_space(path: pathlib.Path) -> tuple[int | None, int | None]:
    """Bytes that may be written there, and the file system's number; None where that cannot be known."""
    try:
        filesystem = os.statvfs(path)
        return filesystem.f_bavail * filesystem.f_frsize, os.stat(path).st_dev
    except OSError:
        return None, None


def find(directories: t.Iterable[str], loaders: t.Collection[str]) -> pathlib.Path | None:
    """The boot loader that is wanted most."""
    order = {name: number for number, name in enumerate(loaders)}
    best: tuple[int, pathlib.Path] | None = None
    seen = 0
    for directory in directories:
        for parent, folders, names in os.walk(directory):
            folders.sort()
            seen += len(names)
            for name in sorted(names):
                number = order.get(name.lower())
                if number is not None and (best is None or number < best[0]):
                    best = number, pathlib.Path(parent, name)
            if seen > MOST_ENTRIES:
                break
    return best[1] if best else None


def _served(loader: pathlib.Path, directories: t.Sequence[str], address: str, port: int, seconds: float) -> Facts:
    """The server's answer; its own root is not known, so the names are tried under which it may know the file."""
    try:
        with loader.open("rb") as stream:
            begin = stream.read(BLOCK)
    except OSError as error:
        return {"state": "unreadable", "detail": error.strerror or str(error)}
    names = list(dict.fromkeys([*(_below(loader, directory) for directory in directories), str(loader)]))
    facts: Facts = {"state": "silent", "detail": "no answer"}
    until = time.monotonic() + seconds
    for name in filter(None, names):
        facts = _first_block(name, begin, address, port, until - time.monotonic())
        if facts["state"] in ("same", "silent"):
            break
    return facts


def _below(path: pathlib.Path, directory: str) -> str:
    try:
        return path.relative_to(directory).as_posix()
    except ValueError:
        return ""


def _first_block(name: str, wanted: bytes, address: str, port: int, seconds: float) -> Facts:
    """What the server sends for the name, as far as one packet tells."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    request = struct.pack("!H", _READ) + os.fsencode(name) + b"\0octet\0"
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            with contextlib.suppress(OSError):
                client.setsockopt(*_TELL_ERRORS[family], 1)
            until = time.monotonic() + max(0.1, seconds)
            packet, server = b"", None
            while len(packet) < 4:
                # a datagram may be lost, or the server may be starting
                client.settimeout(min(0.5, max(0.05, until - time.monotonic())))
                client.sendto(request, (address, port))
                try:
                    packet, server = client.recvfrom(BLOCK + 4)
                except socket.timeout:
                    if time.monotonic() >= until:
                        return {"state": "silent", "detail": f"no answer within {seconds:.1f} s"}
            kind = struct.unpack("!H", packet[:2])[0]
            if kind == _DATA and server is not None:
                # the server need not send the rest
                client.sendto(struct.pack("!HH", _ERROR, 0) + b"enough\0", server)
    except OSError as error:
        return {"state": "silent", "detail": error.strerror or str(error)}
    if kind == _ERROR:
        said = packet[4:].split(b"\0")[0].decode("utf-8", "replace")
        return {"state": "refused", "detail": said or "an error", "name": name}
    same = kind == _DATA and packet[4:] == wanted
    return {"state": "same" if same else "differs", "detail": "", "name": name}


__all__ = ("find", "free_space", "tftp")
