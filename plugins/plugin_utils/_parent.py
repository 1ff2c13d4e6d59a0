# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ends a long action with the ansible-playbook that started it. Private to the collection."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import typing as t

LOOK_SECONDS = 0.5


@contextlib.contextmanager
def ended_with_parent() -> t.Iterator[None]:
    """While this lasts, SIGTERM comes when the parent process is gone.

    ansible-core gives each worker a session of its own: it survives an ansible-playbook that was killed, and would go
    on approving requests that nobody waits for.
    """
    parent = os.getppid()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(LOOK_SECONDS):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    watcher = threading.Thread(target=watch, name="parent", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()


__all__ = ("ended_with_parent",)
