# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder for what only one run may keep."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess

from ansible_collections.multiarch.openshift.plugins.plugin_utils._private_folder import private_folder


def test_a_run_has_one_folder_that_nobody_else_reads(tmp_path: pathlib.Path) -> None:
    mine = tmp_path / "ansible-local-1"
    mine.mkdir()
    folder = private_folder(str(mine))
    assert folder.parent == mine
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "worker.ign").write_text("{}")
    assert private_folder(str(mine)) == folder
    assert (folder / "worker.ign").exists()


def test_what_killed_runs_have_left_goes_and_what_others_use_stays(tmp_path: pathlib.Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left = tmp_path / f"ansible-local-2/multiarch-private-{gone.pid}"
    used = tmp_path / f"ansible-local-3/multiarch-private-{os.getpid()}"
    other = tmp_path / "ansible-local-4/somebody-elses"
    for folder in (left, used, other, tmp_path / "ansible-local-1"):
        folder.mkdir(parents=True)
        (folder / "worker.ign").write_text("{}")
    private_folder(str(tmp_path / "ansible-local-1"))
    assert [folder.exists() for folder in (left, used, other)] == [False, True, True]
