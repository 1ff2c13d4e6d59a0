# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The EFI image of an installation medium: a FAT12 file system with shim and GRUB, which here are headers alone."""

from __future__ import annotations

import struct
from collections.abc import Mapping

_SECTOR = 512
_CLUSTERS = 2048
_TABLE_SECTORS = (_CLUSTERS + 2) * 3 // 2 // _SECTOR + 1
_ROOT_ENTRIES = 112
_FOLDER, _FILE = 0x10, 0x20
_LAST = 0xFFF
_MACHINE_TYPES = {"aarch64": 0xAA64, "x86_64": 0x8664}
_SUFFIX = {"aarch64": "aa64", "x86_64": "x64"}


def efi_program(architecture: str, name: str) -> bytes:
    """What looks like a program for UEFI as long as nobody starts it."""
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x80)
    return head.ljust(0x80, b"\0") + struct.pack("<4sH", b"PE\0\0", _MACHINE_TYPES[architecture]) + name.encode() * 200


def efi_image(architecture: str) -> bytes:
    """As it lies in RHCOS' ISOs: shim twice, GRUB beside it in the vendor's folder."""
    suffix = _SUFFIX[architecture]
    shim, grub = (efi_program(architecture, name) for name in ("shim", "grub"))
    return fat_image(
        {
            f"EFI/BOOT/BOOT{suffix}.EFI": shim,
            f"EFI/redhat/shim{suffix}.efi": shim,
            f"EFI/redhat/grub{suffix}.efi": grub,
        }
    )


def fat_image(files: Mapping[str, bytes]) -> bytes:
    """A FAT12 file system of 1 MiB; names of 8.3 characters."""
    disk = _Disk()
    root = disk.folder("", files, first=0, parent=0)
    boot = b"\xeb\x3c\x90lab     " + struct.pack(
        "<HBHBHHBHHHII", _SECTOR, 1, 1, 1, _ROOT_ENTRIES, disk.sectors, 0xF8, _TABLE_SECTORS, 32, 2, 0, 0
    )
    return boot.ljust(510, b"\0") + b"\x55\xaa" + disk.table() + root.ljust(_ROOT_ENTRIES * 32, b"\0") + disk.data()


class _Disk:
    def __init__(self) -> None:
        self._next = [0xFF8, _LAST]
        self._clusters: list[bytes] = []
        self.sectors = 1 + _TABLE_SECTORS + _ROOT_ENTRIES * 32 // _SECTOR + _CLUSTERS

    def table(self) -> bytes:
        entries = [*self._next, *[0] * (_CLUSTERS + 2 - len(self._next))]
        packed = b"".join(
            (low | high << 12).to_bytes(3, "little") for low, high in zip(entries[::2], entries[1::2], strict=True)
        )
        return packed.ljust(_TABLE_SECTORS * _SECTOR, b"\0")

    def data(self) -> bytes:
        return b"".join(self._clusters).ljust(_CLUSTERS * _SECTOR, b"\0")

    def folder(self, path: str, files: Mapping[str, bytes], *, first: int, parent: int) -> bytes:
        """The entries of a folder, whose files and folders are stored."""
        entries = [_entry(".", _FOLDER, first, 0), _entry("..", _FOLDER, parent, 0)] if path else []
        below = {name.removeprefix(path): content for name, content in files.items() if name.startswith(path)}
        for name in dict.fromkeys(name.partition("/")[0] for name in below):
            if name in below:
                entries.append(_entry(name, _FILE, self._store(below[name]), len(below[name])))
            else:
                number = self._store(bytes(_SECTOR))
                content = self.folder(f"{path}{name}/", files, first=number, parent=first)
                self._clusters[number - 2] = content.ljust(_SECTOR, b"\0")
                entries.append(_entry(name, _FOLDER, number, 0))
        return b"".join(entries)

    def _store(self, content: bytes) -> int:
        number = len(self._next)
        for start in range(0, len(content), _SECTOR):
            self._clusters.append(content[start : start + _SECTOR].ljust(_SECTOR, b"\0"))
            self._next.append(len(self._next) + 1)
        self._next[-1] = _LAST
        return number


def _entry(name: str, attributes: int, cluster: int, size: int) -> bytes:
    stem, _dot, extension = name.partition(".") if name.strip(".") else (name, "", "")
    short = stem.upper().ljust(8).encode() + extension.upper().ljust(3).encode()
    return short + bytes([attributes]) + bytes(14) + struct.pack("<HI", cluster, size)


__all__ = ("efi_image", "efi_program", "fat_image")
