# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that the lab starts, each ended by its own id, whatever happens to the process that started them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
from collections.abc import Mapping
from collections.abc import Sequence


class Process:
    """One program with what it starts, and a guard that ends them when this interpreter is gone, killed or not.

    They are one process group, so that a wrapper (an emulator, `unshare --fork`) leaves nothing behind.
    The guard waits on a pipe whose other end only this interpreter holds: when it exits in any way, the pipe closes.
    """

    def __init__(
        self,
        arguments: Sequence[str | os.PathLike[str]],
        log: pathlib.Path,
        *,
        environment: Mapping[str, str] | None = None,
        directory: pathlib.Path | None = None,
    ) -> None:
        self.log = log
        self._stopped = False
        with log.open("ab") as stream:
            self._program = subprocess.Popen(
                [os.fspath(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=directory,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -9 "-$1" 2>/dev/null', "guard", str(self._program.pid)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._program.pid

    @property
    def running(self) -> bool:
        return self._program.poll() is None

    @property
    def code(self) -> int:
        """Exit status; waits for it."""
        return self._program.wait()

    def ends(self, timeout: float) -> bool:
        """Whether it ends by itself within this time; waits for that."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(timeout)
        return not self.running

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the program, and its guard before it, so that the guard can never hit a reused id."""
        if self._stopped:
            return
        self._stopped = True
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin:
            self._guard.stdin.close()
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._program.wait(timeout)
        self._signal(signal.SIGKILL)
        self._program.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._program.pid, number)

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def processes_of(folder: pathlib.Path) -> list[str]:
    """Command lines, with their ids, of all processes that name something in this folder."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(folder) in line:
                found.append(f"{entry.parent.name} {line}")
    return found
