# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of a run's events: a line of JSON each, appended as they happen. Private to the collection."""

from __future__ import annotations

import json
import os
import stat
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._world import rfc3339


class EventFile:
    """Appends events; whoever reads the file at the same time sees whole lines only.

    Without a path it takes events and keeps none.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._handle: int | None = None

    def __enter__(self) -> EventFile:
        if self._path:
            try:
                os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
                # The names and addresses of a site are nobody else's business.
                self._handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
                if _ends_in_half_a_line(self._handle):
                    self._append(b"\n")
            except OSError as error:
                self.__exit__()
                raise OperationError(
                    f"The run's events cannot be appended to {self._path}: {error.strerror}.",
                    "Name another place by report_directory or report_events.",
                ) from None
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def note(self, event: t.Mapping[str, t.Any]) -> None:
        """Append an event with the time of now."""
        self._append(json.dumps({"time": rfc3339(time.time()), **event}, sort_keys=True).encode() + b"\n")

    def _append(self, content: bytes) -> None:
        """In one go, so that what another thread or process appends does not get in between."""
        while self._handle is not None and content:
            content = content[os.write(self._handle, content) :]


def _ends_in_half_a_line(handle: int) -> bool:
    """Whether a run was killed while it wrote: what comes next would be lost with it."""
    facts = os.fstat(handle)
    return stat.S_ISREG(facts.st_mode) and facts.st_size > 0 and os.pread(handle, 1, facts.st_size - 1) != b"\n"


def parse_events(text: str) -> tuple[list[dict[str, t.Any]], int]:
    """The events of such a file, and how many lines were none: a run that is killed may leave half a line."""
    events, broken = [], 0
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and isinstance(event.get("event"), str) and isinstance(event.get("time"), str):
            events.append(event)
        else:
            broken += bool(line.strip())
    return events, broken


__all__ = ("EventFile", "parse_events")
