# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules on a host that a task is not delegated to, while its action plugin runs. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.executor.task_executor import TaskExecutor
from ansible.plugins.action import ActionBase


class OtherHost:
    """Reached as a task of its own would reach it.

    To be made in the plugin's own thread, since variables are templates; modules may run beside it.
    """

    def __init__(self, action: ActionBase, name: str, task_vars: t.Mapping[str, t.Any]) -> None:
        hostvars = task_vars["hostvars"]
        if name not in hostvars:
            raise AnsibleActionFail(f"The inventory has no host {name}, where boot files are to be withdrawn.")
        self._variables = {**hostvars.raw_get(name), "hostvars": hostvars}
        task = action._task.copy()
        task.delegate_to = None
        executor = TaskExecutor(
            *(None, task, self._variables, action._play_context, action._loader, action._shared_loader_obj, None, None)
        )
        templar = executor._task_templar
        executor._play_context = action._play_context.set_task_and_variable_override(
            task=task, variables=self._variables, templar=templar
        )
        kind = templar.template(self._variables.get("ansible_connection") or task.connection)
        executor._connection = executor._get_connection(self._variables, templar, kind)
        executor._set_connection_options(self._variables, templar)
        executor._connection.update_vars(self._variables)
        task.action = "ansible.legacy.normal"
        self.task = task
        self._connection = executor._connection
        self._handler = executor._get_action_handler(templar)

    def execute_module(self, module_name: str, module_args: dict[str, t.Any]) -> dict[str, t.Any]:
        answer = self._handler._execute_module(
            module_name=module_name, module_args=module_args, task_vars=self._variables
        )
        return dict(answer)

    def close(self) -> None:
        self._connection.close()


__all__ = ("OtherHost",)
