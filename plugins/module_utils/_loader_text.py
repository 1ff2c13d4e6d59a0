# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Text that every boot loader passes on as it is written. Private to the collection."""

from __future__ import annotations

import re

# Measured with GRUB, iPXE and PXELINUX: quotes and backslashes arrive changed, spaces split.
_UNCHANGED = re.compile(r"(?:(?![\"'\\`])[!-~])+")


def passes_unchanged(text: str) -> bool:
    """Whether the text is one word of printable ASCII without quotes, backslash and backtick."""
    return bool(_UNCHANGED.fullmatch(text))


__all__ = ("passes_unchanged",)
