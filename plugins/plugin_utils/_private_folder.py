# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder for what only one run may keep. Private to the collection."""

from __future__ import annotations

import os
import pathlib
import shutil

# With the process ID of the run, so that the next one knows what a killed one has left
NAME = "multiarch-private-{pid}"


def private_folder(local_temporary: str) -> pathlib.Path:
    """The run's own folder, made with mode 0700; those of runs that are no more are removed.

    It lies in the folder that ansible-core removes when the run ends, also at Ctrl-C.

    :param local_temporary: ansible-core's ``DEFAULT_LOCAL_TMP``
    """
    # tasks run in children of the run's own process
    folder = pathlib.Path(local_temporary, NAME.format(pid=os.getppid()))
    for left in folder.parent.parent.glob(f"*/{NAME.format(pid='[0-9]*')}"):
        if not _runs(int(left.name.rpartition("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


__all__ = ("private_folder",)
