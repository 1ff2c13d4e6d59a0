# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A room of its own for programs: mounts, processes and host name that exist for them alone, all gone with the room."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pathlib
import time
from collections.abc import Mapping

from lab.processes import Process

_PROLOGUE = 'printf %s "$1" >/proc/sys/kernel/hostname; exec 9>"$2"; flock 9\n'


class Room:
    """Runs a shell script in new mount, process and host name namespaces; the network stays the lab's.

    The script is the first process of its namespace: when it ends, or is ended, the kernel ends all others.
    """

    def __init__(self, script: str, log: pathlib.Path, *, host_name: str, environment: Mapping[str, str]) -> None:
        self.log = log
        self._lock = log.with_suffix(".lock")
        self._process = Process(
            [
                *("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc", "--"),
                *("/bin/sh", "-euc", _PROLOGUE + script, "room", host_name, str(self._lock)),
            ],
            log,
            environment={"PATH": os.environ["PATH"], **environment},
        )

    @property
    def running(self) -> bool:
        return self._process.running

    def end(self) -> None:
        """At once, as when the power is cut; returns when nothing of it is left. May be called twice."""
        self._process.stop(timeout=0)
        deadline = time.monotonic() + 10
        with self._lock.open("ab") as stream:
            # every process of the room has inherited the lock
            while time.monotonic() < deadline:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                time.sleep(0.005)

    async def finished(self) -> int:
        """Exit status of the script; where the waiting is cancelled the room ends."""
        try:
            while self._process.running:
                await asyncio.sleep(0.02)
            return self._process.code
        finally:
            self.end()
