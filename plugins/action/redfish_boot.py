# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boots machines through their BMCs, in Ansible's own process: passwords stay here, and each event is shown at once."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.multiarch.openshift.plugins.module_utils import _redfish_machine as procedures
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Credentials
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import booting_failed
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import disarming_failed
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import run
from ansible_collections.multiarch.openshift.plugins.modules.redfish_boot import ARGUMENT_SPEC

Record = dict[str, t.Any]
Say = t.Callable[[str], None]
display = Display()


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        machines: list[Record] = arguments["machines"]
        state = arguments["state"]
        due = procedures.due_to_disarm if state == "disarmed" else procedures.due_to_boot
        # hostvars are templates, and templating is for one thread alone
        hostvars = (task_vars or {})["hostvars"]
        credentials = {machine["name"]: self._credentials(hostvars, machine) for machine in machines if due(machine)}
        limits = Limits(media=arguments["media_timeout"], power=arguments["power_timeout"])

        def work(machine: Record, say: Say, changes: Record) -> None:
            client = Client(machine["bmc_url"], credentials[machine["name"]], timeout=arguments["request_timeout"])
            if state == "checked":
                procedures.check(machine, client, limits, say, changes)
            elif state == "booted":
                procedures.boot(machine, client, limits, say, changes, check_mode=self._task.check_mode)
            else:
                procedures.disarm(
                    machine,
                    client,
                    limits,
                    say,
                    changes,
                    base_url=arguments["base_url"],
                    check_mode=self._task.check_mode,
                )

        records, changed = run(
            machines,
            due,
            work,
            failed=disarming_failed if state == "disarmed" else booting_failed,
            parallel=arguments["parallel"],
            say=display.display,
        )
        return {**result, "changed": changed, "machines": records}

    def _credentials(self, hostvars: t.Mapping[str, t.Any], machine: Record) -> Credentials:
        """The machine's credentials, from its own variables: in arguments they would be in every log."""
        if machine["name"] not in hostvars:
            raise AnsibleActionFail(
                f"The inventory has no host {machine['name']}, whose BMC's user and password are needed."
            )
        variables = hostvars[machine["name"]]
        ca_path = str(variables.get("machine_bmc_ca_path") or "")
        return Credentials(
            str(variables.get("machine_bmc_username") or ""),
            str(variables.get("machine_bmc_password") or ""),
            self._loader.path_dwim(ca_path) if ca_path else "",
        )
