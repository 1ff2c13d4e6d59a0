# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was added to a log since the last look, also where it was rotated in between. Private to the collection."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

# A first look goes back as far as this, a later one reads no more than this: a line has about 200 bytes
MOST_BYTES = 8 * 1024 * 1024

Position = dict[str, int]


def read_new(path: str, position: t.Mapping[str, int] | None) -> tuple[list[str], Position]:
    """The whole lines since a position, and the position after them.

    :param position: what the last look returned; None at the first
    :raises OperationError: the log cannot be read
    """
    try:
        with open(path, "rb") as stream:
            facts = os.fstat(stream.fileno())
            size, inode = facts.st_size, facts.st_ino
            start, rest = max(0, size - MOST_BYTES), b""
            if position and position["inode"] == inode and position["offset"] <= size:
                start = max(start, position["offset"])
            elif position:
                rest = _rotated(f"{path}.1", position)
            stream.seek(start)
            content = stream.read(size - start)
    except OSError as error:
        raise OperationError(
            f"The access log {path} cannot be read: {error.strerror}.",
            "Correct publish_access_log, and let Ansible's user read it.",
        ) from None
    # The server may be in the middle of a line
    whole = content[: content.rfind(b"\n") + 1]
    lines = (rest + whole).decode("utf-8", "replace").splitlines()
    return lines, {"inode": inode, "offset": start + len(whole)}


def _rotated(path: str, position: t.Mapping[str, int]) -> bytes:
    """What came into the old log after the last look, where logrotate has only renamed it."""
    try:
        with open(path, "rb") as stream:
            if os.fstat(stream.fileno()).st_ino != position["inode"]:
                return b""
            stream.seek(position["offset"])
            return stream.read(MOST_BYTES)
    except OSError:
        return b""


__all__ = ("Position", "read_new")
