# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The task's environment, which reaches modules only. Private to the collection."""

from __future__ import annotations

import os
import typing as t


def apply_environment(parts: t.Iterable[t.Any] | None) -> None:
    """Set what the keyword ``environment`` of a task holds: the K8S_AUTH_* in it are meant for action plugins too.

    An action plugin runs in a process of its own, which ends with its task.
    """
    for part in parts or []:
        if isinstance(part, dict):
            os.environ.update({str(name): str(value) for name, value in part.items()})
