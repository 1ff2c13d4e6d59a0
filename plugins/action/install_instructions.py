# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows the texts as they are: in a task's result they would be quoted, and no command could be pasted from it."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.multiarch.openshift.plugins.modules.install_instructions import ARGUMENT_SPEC

display = Display()


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result.update(self._execute_module(task_vars=task_vars))
        if arguments["show"]:
            for text in result.get("texts") or []:
                display.display(f"\n{text}")
        return result
