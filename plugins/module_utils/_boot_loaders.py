# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GRUB and shim for 64-bit ARM, as an installation medium has them. Private to the collection."""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._fat import FatImage
from ansible_collections.multiarch.openshift.plugins.module_utils._iso9660 import read_iso_file

GRUB, SHIM = "grubaa64.efi", "shimaa64.efi"
_EFI_IMAGE = "images/efiboot.img"
_FALLBACK = "BOOT"
"""The folder that firmware looks in by itself; shim has the name BOOTAA64.EFI there."""
_EFI_IMAGE_LIMIT = 256 * 1024 * 1024
# Source: PE format, "Machine Types"
_ARM64 = 0xAA64


def loaders_of_iso(iso: t.BinaryIO) -> dict[str, bytes]:
    """GRUB and, where the medium has it, shim, by the names under which shim looks for GRUB."""
    image = FatImage(read_iso_file(iso, _EFI_IMAGE, limit=_EFI_IMAGE_LIMIT))
    vendors = [entry.name for entry in image.entries("EFI") if entry.is_folder and not entry.name.startswith(".")]
    # a vendor's folder before the fallback
    for folder in sorted(vendors, key=lambda name: (name == _FALLBACK, name)):
        grub = image.read(f"EFI/{folder}/{GRUB}")
        if grub is None:
            continue
        shim = image.read(f"EFI/{folder}/{SHIM}") or image.read(f"EFI/{_FALLBACK}/BOOTAA64.EFI")
        return {GRUB: grub, **({SHIM: shim} if shim else {})}
    raise OperationError(f"There is no {GRUB} in the folders of its {_EFI_IMAGE}: {', '.join(vendors) or 'none'}.")


def check_loader(name: str, content: bytes) -> None:
    """Raise OperationError where the firmware of a 64-bit ARM machine could not start it."""
    try:
        (header,) = struct.unpack_from("<I", content, 0x3C)
        magic, machine = struct.unpack_from("<4sH", content, header)
    except struct.error:
        magic, machine = b"", 0
    if content[:2] != b"MZ" or magic != b"PE\0\0":
        raise OperationError(
            f"{name} is not a program for UEFI.", "Name the file grubaa64.efi or shimaa64.efi of a distribution."
        )
    if machine != _ARM64:
        raise OperationError(
            f"{name} is a program for UEFI, and not for 64-bit ARM (its machine type is {machine:#06x}).",
            "Take it from a package or ISO for aarch64.",
        )


__all__ = ("GRUB", "SHIM", "check_loader", "loaders_of_iso")
