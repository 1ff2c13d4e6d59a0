# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import pathlib
import resource
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: task_seconds
type: notification
short_description: writes how long each task took, and how large the largest process was
description: To the file that TASK_SECONDS_FILE names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "task_seconds"

    def __init__(self) -> None:
        super().__init__()
        self._starts: list[tuple[str, float]] = []

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._starts.append((task.get_name(), time.monotonic()))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        ends = [start for _name, start in self._starts[1:]] + [time.monotonic()]
        seconds: dict[str, float] = {}
        for (name, start), end in zip(self._starts, ends, strict=True):
            seconds[name] = seconds.get(name, 0.0) + end - start
        with open(os.environ["TASK_SECONDS_FILE"], "w", encoding="utf-8") as stream:
            json.dump({"tasks": seconds, "largest_process_mib": _largest_process()}, stream)


def _largest_process() -> float:
    """Of ansible-playbook, its workers and what these have started on this host."""
    # What getrusage says of this process counts the one that started it in
    status = pathlib.Path("/proc/self/status").read_text(encoding="ascii")
    own = int(status.partition("VmHWM:")[2].split()[0])
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
