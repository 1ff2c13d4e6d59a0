# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries files to the web host, runs the module there, and tells how far long transfers are."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.multiarch.openshift.plugins.module_utils._progress import progress_lines

MODULE = "multiarch.openshift.artifact_publish"
# Files up to this size are carried without asking first whether the web host has them.
ASK_FIRST_SIZE = 1024 * 1024
# Between lines of progress, and the longest pause between two looks.
LINE_INTERVAL = 5.0
LONGEST_PAUSE = 2.0
# A job that runs longer is killed. Servers that stay silent are noticed by the module itself.
JOB_LIMIT = 24 * 3600

display = Display()


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        arguments = dict(self._task.args)
        artifacts = [dict(item) for item in _items(arguments)]
        if artifacts:
            arguments["artifacts"] = artifacts
        for item in artifacts:
            item.pop("carried_file", None)
        if self._task.check_mode:
            # Files need not be there yet: the steps before this one have written nothing either.
            return self._execute_module(MODULE, arguments, task_vars=task_vars)
        for item in artifacts:
            if item.get("file"):
                item["file"] = self._local_path(item)

        folder = self._carry(self._files_to_carry(arguments, artifacts, task_vars))
        try:
            if any(item.get("url") or item.get("remote_file") for item in artifacts):
                return self._run_with_progress(arguments, task_vars)
            return self._execute_module(MODULE, arguments, task_vars=task_vars)
        finally:
            if folder:
                self._remove_tmp_path(folder, force=True)

    def _local_path(self, item: dict[str, t.Any]) -> str:
        try:
            return self._find_needle("files", item["file"])
        except AnsibleError as exc:
            raise AnsibleActionFail(f"{item.get('name')}: {exc.message}") from exc

    def _files_to_carry(
        self, arguments: dict[str, t.Any], artifacts: list[dict[str, t.Any]], task_vars: dict[str, t.Any]
    ) -> list[dict[str, t.Any]]:
        files = [item for item in artifacts if item.get("file")]
        if self._connection.transport == "local" and not self._connection.become:
            return []  # the module reads them where they lie
        large = [item for item in files if os.path.getsize(item["file"]) > ASK_FIRST_SIZE]
        if not large:
            return files
        self._task.check_mode = True
        try:
            answer = self._execute_module(MODULE, {**arguments, "artifacts": large}, task_vars=task_vars)
        finally:
            self._task.check_mode = False
        present = {item["name"] for item in answer.get("artifacts", []) if item["action"] == "present"}
        return [item for item in files if item.get("name") not in present]

    def _carry(self, files: list[dict[str, t.Any]]) -> str:
        """Lay the files in a private folder of the web host, which is returned."""
        if not files:
            return ""
        # Beside the folder of the module: an asynchronous one takes its folder away at its end.
        folder_of_module = self._connection._shell.tmpdir
        folder = self._make_tmp_path()
        self._connection._shell.tmpdir = folder_of_module
        for number, item in enumerate(files):
            item["carried_file"] = self._connection._shell.join_path(folder, f"artifact-{number}")
            self._transfer_file(item["file"], item["carried_file"])
        paths = [item["carried_file"] for item in files]
        self._remote_chmod(paths, "0600")
        self._fixup_perms2([folder, *paths], execute=False)
        return folder

    def _run_with_progress(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Run the module as an asynchronous job and look at its progress until it is over.

        A controller that goes away leaves the job to finish: what it publishes is checked, and the next run finds it.
        """
        progress_path = f"/tmp/.artifact-publish-{secrets.token_hex(16)}"
        arguments = {**arguments, "progress_path": progress_path}
        self._task.async_val = JOB_LIMIT
        try:
            started = self._execute_module(MODULE, arguments, task_vars=task_vars, wrap_async=True)
        finally:
            self._task.async_val = 0
        if "ansible_job_id" not in started:
            return started  # it never started, or the connection cannot do this and has run it at once
        try:
            result = self._follow(started["ansible_job_id"], progress_path, task_vars)
        finally:
            self._job(started["ansible_job_id"], "cleanup", task_vars)
        for key in ("ansible_job_id", "started", "finished", "results_file", "stdout", "stdout_lines"):
            result.pop(key, None)
        return result

    def _follow(self, job_id: str, progress_path: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        pause = 0.2
        next_line = time.monotonic() + LINE_INTERVAL
        next_question = time.monotonic()
        while True:
            time.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)
            state = self._progress(progress_path)
            now = time.monotonic()
            # The file is there while the module runs; one that was killed leaves it, so ask from time to time anyhow.
            if state is None or now >= next_question + 30:
                result = self._job(job_id, "status", task_vars)
                if result.get("finished"):
                    return result
                next_question = now
            elif now >= next_line:
                for line in progress_lines(state):
                    display.display(line)
                next_line = now + LINE_INTERVAL

    def _progress(self, path: str) -> list[dict[str, t.Any]] | None:
        answer = self._low_level_execute_command(f"cat {shlex.quote(path)}")
        if answer["rc"] != 0:
            return None
        try:
            return json.loads(answer["stdout"])
        except ValueError:
            return []  # read while it was being written

    def _job(self, job_id: str, mode: str, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        arguments = {
            "jid": job_id,
            "mode": mode,
            "_async_dir": self.get_shell_option("async_dir", default="~/.ansible_async"),
        }
        return self._execute_module("ansible.legacy.async_status", arguments, task_vars=task_vars)


def _items(arguments: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """The artifacts, where they are of the right shape; the module tells where they are not."""
    artifacts = arguments.get("artifacts")
    if isinstance(artifacts, list) and all(isinstance(item, dict) for item in artifacts):
        return artifacts
    return []
