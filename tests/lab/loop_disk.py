# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk for a real machine: a file behind a loop device that is gone with the process that made it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pathlib
import struct

_CONFIGURE, _GET_FREE = 0x4C0A, 0x4C82
# The kernel detaches the device when its last user is gone, and forgets its partitions.
_AUTOCLEAR, _PARTITIONS = 4, 8
_INFO = struct.Struct("=5Q4I64s64s32s2Q")
_CONFIG = struct.Struct(f"=II{_INFO.size}s8Q")


class LoopDisk:
    """An empty disk of this size."""

    def __init__(self, file: pathlib.Path, size: int) -> None:
        self.file = file
        with file.open("wb") as stream:
            stream.truncate(size)
        self.device, self._handle = _attach(file)
        fcntl.flock(self._handle, fcntl.LOCK_SH)  # a running udevd keeps its hands off

    def close(self) -> None:
        """May be called twice."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1
            self.file.unlink(missing_ok=True)


def _attach(file: pathlib.Path) -> tuple[str, int]:
    with file.open("r+b") as backing, open("/dev/loop-control", "rb") as control:
        name = bytes(file)[-63:]
        info = _INFO.pack(0, 0, 0, 0, 0, 0, 0, 0, _AUTOCLEAR | _PARTITIONS, name, b"", b"", 0, 0)
        config = _CONFIG.pack(backing.fileno(), 512, info, *[0] * 8)
        while True:
            device = f"/dev/loop{fcntl.ioctl(control, _GET_FREE)}"
            handle = os.open(device, os.O_RDWR)
            try:
                fcntl.ioctl(handle, _CONFIGURE, config)
            except OSError as error:
                os.close(handle)
                if error.errno != errno.EBUSY:  # another process took it first
                    raise
            else:
                return device, handle


def attached(folder: pathlib.Path) -> list[str]:
    """Loop devices whose file lies in this folder."""
    found = []
    for entry in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if entry.read_text().startswith(str(folder)):
                found.append(f"/dev/{entry.parts[3]}")
    return sorted(found)
