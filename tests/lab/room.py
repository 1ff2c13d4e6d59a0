# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A room of its own for programs: mounts, processes and host name that exist for them alone, all gone with the room."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import signal
from collections.abc import Mapping

from lab.processes import Process


class Room:
    """Runs a shell script in new mount, process and host name namespaces, and in a network that is there.

    The script is the first process of its namespace: when it ends, or is ended, the kernel ends all others.
    """

    def __init__(
        self,
        script: str,
        log: pathlib.Path,
        *,
        host_name: str,
        environment: Mapping[str, str],
        network: str,
    ) -> None:
        """
        :param network: path of the network namespace
        """
        self.log = log
        self._process = Process(
            [
                *("nsenter", f"--net={network}", "--"),
                *("unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc", "--"),
                *("/bin/sh", "-euc", 'printf %s "$1" >/proc/sys/kernel/hostname\n' + script, "room", host_name),
            ],
            log,
            environment={"PATH": os.environ["PATH"], **environment},
        )

    @property
    def running(self) -> bool:
        return self._process.running

    def end(self) -> None:
        """At once, as when the power is cut; returns when nothing of it is left. May be called twice."""
        first = _child(self._process.pid) if self.running else None
        if first is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
            # unshare ends with its child, and the kernel keeps that until all others of the namespace are gone
            self._process.stop(timeout=10)
        self._process.stop(timeout=0)

    async def finished(self) -> int:
        """Exit status of the script; where the waiting is cancelled the room ends."""
        try:
            while self._process.running:
                await asyncio.sleep(0.02)
            return self._process.code
        finally:
            self.end()


def _child(parent: int) -> int | None:
    """Process id of the only child; None where it has none (any more)."""
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # name in parentheses, state, parent
            if int(entry.read_text().rpartition(")")[2].split()[1]) == parent:
                return int(entry.parent.name)
    return None
