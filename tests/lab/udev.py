# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""udevd, which coreos-installer asks about disks: started where none runs, and then stopped again."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import time

from lab.processes import Process

_PROGRAMS = ("/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd")
_RUNTIME = pathlib.Path("/run/udev")


def program() -> str | None:
    """Path of udevd, if it is installed."""
    return next((path for path in _PROGRAMS if pathlib.Path(path).exists()), None)


class Udev:
    """A running udevd, ours or the system's."""

    def __init__(self, log: pathlib.Path) -> None:
        self._own: Process | None = None
        self._made = not _RUNTIME.exists()
        if _answers():
            return
        found = program()
        if found is None:
            raise FileNotFoundError("systemd-udevd is not installed: apt-get install udev")
        self._own = Process([found], log)
        deadline = time.monotonic() + 10
        while not _answers():
            if not self._own.running or time.monotonic() > deadline:
                lines = self._own.last_lines()
                self.close()
                raise RuntimeError(f"udevd does not answer:\n{lines}")
            time.sleep(0.05)

    def close(self) -> None:
        """May be called twice."""
        if self._own is None:
            return
        self._own.stop()
        self._own = None
        if self._made:
            shutil.rmtree(_RUNTIME, ignore_errors=True)


def _answers() -> bool:
    if not (_RUNTIME / "control").exists():
        return False
    ping = ["udevadm", "control", "--ping"]
    try:
        return subprocess.run(ping, capture_output=True, timeout=5, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False
