# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that others have written, for terminals, logs and results. Private to the collection.

Whoever holds the bootstrap token can write any bytes as a name into a certificate request, and a node into its status.
A terminal obeys some of them, and a line break forges a line of the log.
"""

from __future__ import annotations

import unicodedata

# Control characters, and those that change direction or look of what follows.
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def printable(text: object) -> str:
    """The text with a replacement character for everything that does not show as itself; line breaks become spaces."""
    plain = str(text)
    if plain.isprintable():
        return plain
    spaced = " ".join(plain.splitlines())
    return "".join("\ufffd" if unicodedata.category(letter) in _HIDDEN else letter for letter in spaced)


__all__ = ("printable",)
