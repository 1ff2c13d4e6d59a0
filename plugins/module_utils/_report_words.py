# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words and numbers of a report, for people. Private to the collection."""

from __future__ import annotations

import unicodedata

# Control characters, and those that change direction or look of what follows: a report quotes names that anybody
# can write into a certificate request.
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def printable(text: object) -> str:
    """The text with a replacement character for everything that does not show as itself; line breaks become spaces."""
    spaced = " ".join(str(text).splitlines())
    return "".join("\ufffd" if unicodedata.category(letter) in _HIDDEN else letter for letter in spaced)


def duration(seconds: int) -> str:
    """7 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


__all__ = ("duration", "printable")
