# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that the lab starts, each ended by its own id, whatever happens to the process that started them."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
from collections.abc import Mapping
from collections.abc import Sequence


class Process:
    """One program, and a guard that ends it when this interpreter is gone, even if that was killed.

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
            ["/bin/sh", "-c", 'read -r _; kill -9 "$1" 2>/dev/null', "guard", str(self._program.pid)],
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

    def stop(self, timeout: float = 5.0) -> None:
        """Ends the program, and its guard before it, so that the guard can never hit a reused id."""
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin:
            self._guard.stdin.close()
        if self.running:
            self._program.send_signal(signal.SIGTERM)
        try:
            self._program.wait(timeout)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()

    def last_lines(self, count: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])
