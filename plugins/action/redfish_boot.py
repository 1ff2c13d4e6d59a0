# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boots machines through their BMCs, in Ansible's own process: passwords stay here, and each event is shown at once."""

from __future__ import annotations

import contextlib
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.multiarch.openshift.plugins.module_utils import _redfish_machine as procedures
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._event_file import EventFile
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import Fetches
from ansible_collections.multiarch.openshift.plugins.module_utils._pem import certificates
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import booting_failed
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import disarm_all
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import run
from ansible_collections.multiarch.openshift.plugins.modules.redfish_boot import ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.plugin_utils._bmc_accounts import bmc_accounts
from ansible_collections.multiarch.openshift.plugins.plugin_utils._parent import ended_with_parent

Record = dict[str, t.Any]
display = Display()


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        machines = _fetched(arguments["machines"], arguments["site"], arguments["base_url"])
        state = arguments["state"]
        due = {"disarmed": procedures.due_to_disarm, "checked": procedures.due_to_boot}.get(
            state, _due_to_boot_or_clean
        )
        if state == "booted":
            _check_compared(machines)
        accounts = bmc_accounts(filter(due, machines), (task_vars or {})["hostvars"], self._loader)
        authorities = self._authorities(arguments["ca_path"])
        limits = Limits(media=arguments["media_timeout"], power=arguments["power_timeout"])

        common: dict[str, t.Any] = {"parallel": arguments["parallel"], "say": display.display}

        def connect(machine: Record) -> Client:
            return Client(machine["bmc_url"], accounts[machine["name"]], timeout=arguments["request_timeout"])

        def work(machine: Record, say: procedures.Say, changes: Record) -> None:
            client = connect(machine)
            if state == "checked":
                procedures.check(machine, client, limits, say, changes)
                return
            given: dict[str, t.Any] = {"base_url": arguments["base_url"], "check_mode": self._task.check_mode}
            if procedures.due_to_boot(machine):
                procedures.boot(machine, client, limits, say, changes, certificates=authorities, **given)
            else:
                procedures.disarm(machine, client, limits, say, changes, **given)

        path = None if self._task.check_mode else arguments["events_path"]
        # nobody hears any more what a BMC is told after that
        with _events(path) as events, ended_with_parent():
            common["note"] = events.note
            if state == "disarmed":
                records, changed = disarm_all(
                    machines,
                    connect,
                    limits=limits,
                    base_url=arguments["base_url"],
                    check_mode=self._task.check_mode,
                    **common,
                )
            else:
                records, changed = run(machines, due, work, failed=booting_failed, **common)
        return {**result, "changed": changed, "machines": records}

    def _authorities(self, ca_path: str) -> list[str]:
        if not ca_path:
            return []
        path = self._loader.path_dwim(ca_path)
        try:
            with open(path, encoding="ascii", errors="replace") as stream:
                found = certificates(stream.read())
        except OSError as error:
            raise AnsibleActionFail(f"publish_ca_path {path} cannot be read: {error.strerror}.") from None
        if not found:
            raise AnsibleActionFail(f"publish_ca_path {path} holds no certificate in PEM.")
        return found


def _fetched(machines: list[Record], site: Record | None, base_url: str) -> list[Record]:
    """The records, with how long ago those without a boot file, for being on, fetched all that installs them."""
    unarmed = [machine for machine in machines if not machine["failed"] and procedures.is_unarmed(machine)]
    if not unarmed or not site:
        return machines
    fetches = Fetches(unarmed, {}, base_url=base_url, since=0.0)
    fetches.take(site["hits"])
    at = {machine["name"]: fetches.installed_at(machine["name"]) for machine in unarmed}
    return [
        machine if at.get(machine["name"]) is None else {**machine, "fetched_ago": site["time"] - at[machine["name"]]}
        for machine in machines
    ]


def _check_compared(machines: list[Record]) -> None:
    """A machine that nobody has looked for among the nodes may be one, and would be installed again."""
    unknown = [
        machine["name"] for machine in machines if procedures.due_to_boot(machine) and "existing_node" not in machine
    ]
    if unknown:
        raise AnsibleActionFail(
            f"{', '.join(unknown)}: not compared with the nodes of the cluster yet, and a node is never booted anew."
            " Run multiarch.openshift.existing_node_info first, and hand its machines on."
        )


@contextlib.contextmanager
def _events(path: str | None) -> t.Iterator[EventFile]:
    try:
        with EventFile(path) as events:
            yield events
    except OperationError as error:
        raise AnsibleActionFail(str(error)) from None


def _due_to_boot_or_clean(machine: Record) -> bool:
    return procedures.due_to_boot(machine) or procedures.due_to_clean(machine)
