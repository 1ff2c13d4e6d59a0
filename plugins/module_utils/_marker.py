# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The comment line by which a boot file is known as ours. Private to the collection."""

from __future__ import annotations

import dataclasses
import re

ENTRY = "# multiarch.openshift entry"
"""First line of dispatcher and chain entry; they serve every cluster and name none."""

_MACHINE = re.compile(r"# multiarch\.openshift cluster=(\S+) machine=(\S+)")


@dataclasses.dataclass(frozen=True)
class Marker:
    """Whose boot file it is."""

    cluster: str
    machine: str

    def __str__(self) -> str:
        return f"# multiarch.openshift cluster={self.cluster} machine={self.machine}"


def read_marker(text: str) -> Marker | None:
    """The marker of a boot file, or None where it is not ours."""
    found = _MACHINE.fullmatch(_marker_line(text))
    return Marker(found.group(1), found.group(2)) if found else None


def is_entry(text: str) -> bool:
    """Whether the text is a dispatcher or chain entry of ours."""
    return _marker_line(text) == ENTRY


def _marker_line(text: str) -> str:
    lines = text.splitlines()
    if lines and lines[0] == "#!ipxe":
        # iPXE knows a script by its very first line.
        lines = lines[1:]
    return lines[0].rstrip() if lines else ""


__all__ = ("ENTRY", "Marker", "is_entry", "read_marker")
