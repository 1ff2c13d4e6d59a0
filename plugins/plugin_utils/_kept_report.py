# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run that has not ended, kept where it outlives this controller. Private to the collection."""

from __future__ import annotations

import pathlib
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

REPORT_MODULE = "multiarch.openshift.run_report"
SECONDS = 60.0

# Runs a module by its name and arguments.
Ask = t.Callable[[str, dict[str, t.Any]], dict[str, t.Any]]


class KeptReport:
    """Writes the report now and then, as far as the run has come; the events go along, the file of them stays here.

    :param ask: runs a module on the host of the report
    :param arguments: ``directory`` and ``served_directory`` of run_report
    :param warn: takes why it cannot be written; that is then not tried again
    """

    def __init__(self, ask: Ask, events_path: str, arguments: dict[str, t.Any], warn: t.Callable[[str], None]) -> None:
        self._ask = ask
        self._events = pathlib.Path(events_path)
        self._arguments = {key: value for key, value in arguments.items() if value}
        self._warn = warn
        self._next = time.monotonic()
        self._size = 0

    def write(self) -> None:
        """Where it is time for that, and something has happened."""
        now, size = time.monotonic(), self._events.stat().st_size
        if now < self._next or size == self._size:
            return
        self._next, self._size = now + SECONDS, size
        try:
            self._ask(REPORT_MODULE, {"events": self._events.read_text(encoding="utf-8"), **self._arguments})
        except OperationError as error:
            self._next = float("inf")
            self._warn(f"No report is kept while the run goes on: {error}")


__all__ = ("Ask", "KeptReport")
