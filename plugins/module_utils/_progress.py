# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far transfers are, and how that is told. Private to the collection.

The module writes the state to a small file while it runs; the action plugin reads it and prints lines.
"""

from __future__ import annotations

import json
import os
import posixpath
import threading
import typing as t


class Transfer:
    """One artifact on its way. Only the thread that moves the bytes changes it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.total: int | None = None
        self.done = 0
        self.running = False

    @property
    def missing(self) -> int:
        """Bytes that are still to come, as far as known."""
        return max(0, (self.total or 0) - self.done)


class ProgressFile:
    """Keeps the state of the running transfers in a private file, which is there only while they run."""

    def __init__(self, path: str, transfers: t.Sequence[Transfer], interval: float = 0.5) -> None:
        self._path = path
        self._transfers = transfers
        self._interval = interval
        self._over = threading.Event()
        self._writer = threading.Thread(target=self._write_until_over, daemon=True)
        self._descriptor = -1

    def __enter__(self) -> ProgressFile:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._writer.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._over.set()
        self._writer.join()
        os.close(self._descriptor)
        os.unlink(self._path)

    def _write_until_over(self) -> None:
        while not self._over.is_set():
            state = [
                {"name": transfer.name, "done": transfer.done, "total": transfer.total}
                for transfer in self._transfers
                if transfer.running
            ]
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, json.dumps(state).encode(), 0)
            self._over.wait(self._interval)


def progress_lines(state: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """One line per running transfer: ``rootfs.img  41% of 1.0 GiB``."""
    lines = []
    for transfer in state:
        name = posixpath.basename(transfer["name"])
        if transfer["total"]:
            percent = 100 * transfer["done"] // transfer["total"]
            lines.append(f"{name}  {percent}% of {readable_size(transfer['total'])}")
        else:
            lines.append(f"{name}  {readable_size(transfer['done'])} so far")
    return lines


def readable_size(size: int) -> str:
    amount = float(size)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


__all__ = ("ProgressFile", "Transfer", "progress_lines", "readable_size")
