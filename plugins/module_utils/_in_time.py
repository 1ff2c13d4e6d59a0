# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many questions at once, and the answers that came in time. Private to the collection."""

from __future__ import annotations

import queue
import threading
import time
import typing as t

Question = t.Callable[[], t.Any]


def answers_in_time(questions: t.Mapping[t.Any, Question], seconds: float, *, parallel: int = 32) -> dict[t.Any, t.Any]:
    """The answers by key; a question that had none within ``seconds`` has no key.

    A resolver cannot be interrupted, so what is late is left to itself: its thread ends with the process.
    """
    waiting: queue.SimpleQueue[tuple[t.Any, Question]] = queue.SimpleQueue()
    answered: queue.SimpleQueue[tuple[t.Any, t.Any]] = queue.SimpleQueue()
    for item in questions.items():
        waiting.put(item)

    def work() -> None:
        while True:
            try:
                key, question = waiting.get_nowait()
            except queue.Empty:
                return
            answered.put((key, question()))

    for _number in range(min(parallel, len(questions))):
        threading.Thread(target=work, daemon=True).start()
    found: dict[t.Any, t.Any] = {}
    end = time.monotonic() + seconds
    while len(found) < len(questions):
        try:
            key, answer = answered.get(timeout=max(0.0, end - time.monotonic()))
        except queue.Empty:
            break
        found[key] = answer
    return found


__all__ = ("answers_in_time",)
