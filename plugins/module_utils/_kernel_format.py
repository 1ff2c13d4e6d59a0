# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which of the three formats an arm64 kernel comes. Private to the collection."""

from __future__ import annotations

# As many bytes as kernel_format() looks at.
HEAD_SIZE = 64


def kernel_format(first_bytes: bytes) -> str:
    """``gzip``, ``efi-zboot``, ``image`` (plain arm64 Image) or ``unknown``, by the magic bytes.

    GRUB opens the first two by itself; iPXE needs IMAGE_GZIP for gzip.
    """
    if first_bytes[:2] == b"\x1f\x8b":
        return "gzip"
    if first_bytes[:2] == b"MZ":
        if first_bytes[4:8] == b"zimg":
            return "efi-zboot"
        if first_bytes[0x38:0x3C] == b"ARM\x64":
            return "image"
    return "unknown"


__all__ = ("HEAD_SIZE", "kernel_format")
