# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`ansible-playbook` as a user starts it, and what came of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from lab.processes import Process

_RECAP = re.compile(r"^(\S+)\s+:\s+((?:\w+=\d+\s*)+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Run:
    """A playbook run that is over."""

    rc: int
    stdout: str
    stats: dict[str, dict[str, int]]
    """The recap: host to ok, changed, unreachable, failed, skipped, rescued, ignored."""
    seconds: float
    directory: pathlib.Path
    """Where it ran; files that it wrote relative to there are here."""

    @property
    def changed(self) -> int:
        return sum(counts.get("changed", 0) for counts in self.stats.values())

    @property
    def failed(self) -> list[str]:
        return sorted(host for host, counts in self.stats.items() if counts.get("failed") or counts.get("unreachable"))


class RunningPlaybook:
    """A playbook run that goes on."""

    def __init__(self, arguments: list[str], directory: pathlib.Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self._log = directory / "output.txt"
        self._started = time.monotonic()
        self._process = Process(arguments, self._log, environment=environment, directory=directory)

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process.running

    def wait_for_output(self, text: str, timeout: float = 60.0) -> None:
        """Until this text was printed; AssertionError with the output where it never is."""
        deadline = time.monotonic() + timeout
        while text not in self.output:
            if not self.running or time.monotonic() > deadline:
                raise AssertionError(f"{text!r} was not printed:\n{self.output}")
            time.sleep(0.05)

    def interrupt(self) -> None:
        """As Ctrl-C in the terminal: every process of the run gets it."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """Without a chance to clean up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kills it where it still runs."""
        if self.running:
            self.kill()

    def wait(self, timeout: float = 120.0) -> Run:
        """Its end; where that does not come in time it is killed, and AssertionError shows the output."""
        ended = self._process.ends(timeout)
        seconds = time.monotonic() - self._started
        if not ended:
            self.kill()
        code = self._process.code
        self._process.stop()
        if not ended:
            raise AssertionError(f"the playbook did not end within {timeout} s:\n{self.output}")
        return Run(code, self.output, _stats(self.output), seconds, self.directory)


def start_playbook(
    playbook: str,
    *arguments: str,
    inventory: pathlib.Path,
    directory: pathlib.Path,
    environment: Mapping[str, str],
    extra_vars: Mapping[str, Any] | None = None,
) -> RunningPlaybook:
    """Starts it in a folder of its own. A name without a slash or suffix is a playbook of this collection."""
    directory.mkdir(parents=True)
    if "/" not in playbook and "." not in playbook:
        playbook = f"multiarch.openshift.{playbook}"
    command = [str(pathlib.Path(sys.prefix, "bin", "ansible-playbook")), playbook, "-i", str(inventory), *arguments]
    if extra_vars:
        command += ["-e", json.dumps(extra_vars)]
    return RunningPlaybook(command, directory, {**environment, "HOME": str(directory)})


def _stats(output: str) -> dict[str, dict[str, int]]:
    recap = output.rpartition("PLAY RECAP")[2]
    return {
        host: {key: int(value) for key, value in (count.split("=") for count in counts.split())}
        for host, counts in _RECAP.findall(recap)
    }
