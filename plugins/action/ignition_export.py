# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives the module a folder that goes with the run, where the user has named none."""

from __future__ import annotations

import typing as t

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.multiarch.openshift.plugins.plugin_utils._private_folder import private_folder


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        kept = bool(arguments.get("dest"))
        if not kept and self._connection.transport != "local":
            return {**result, "failed": True, "msg": "dest is missing: without it, ignition stays on the controller."}
        if not kept and not self._task.check_mode:
            arguments["dest"] = str(private_folder(constants.DEFAULT_LOCAL_TMP))
        result.update(self._execute_module(module_args=arguments, task_vars=task_vars))
        if not kept:
            # what goes with the run is no change that anybody keeps
            result["changed"] = False
            result.pop("diff", None)
        return result
