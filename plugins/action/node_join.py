# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the join in Ansible's own process, so that a line can be shown for each event as it happens."""

from __future__ import annotations

import contextlib
import os
import signal
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.multiarch.openshift.plugins.module_utils._account import TemporaryAccount
from ansible_collections.multiarch.openshift.plugins.module_utils._account import remove_leftovers
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._event_file import EventFile
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Join
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Settings
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import disarm_all
from ansible_collections.multiarch.openshift.plugins.module_utils._tables import pending_lines
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from ansible_collections.multiarch.openshift.plugins.module_utils._world import timestamp
from ansible_collections.multiarch.openshift.plugins.modules.node_join import ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.plugin_utils._bmc_accounts import bmc_accounts
from ansible_collections.multiarch.openshift.plugins.plugin_utils._environment import apply_environment
from ansible_collections.multiarch.openshift.plugins.plugin_utils._parent import ended_with_parent

DISARM_MODULE = "multiarch.openshift.netboot_config"
# A BMC that is slower than this is left to the end of the run.
BMC_TIMEOUT = 60
WATCH_MODULE = "multiarch.openshift.site_watch_info"
# Requests left alone are shown up to this number; the result has all of them.
SHOWN_LEFT = 30

Say = t.Callable[[str], None]
Note = t.Callable[[dict[str, t.Any]], None]
# Takes back what was told to the BMCs of these machines; the media too, or the boot override alone.
ByBmc = t.Callable[[list[dict[str, t.Any]], bool], None]

display = Display()


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        apply_environment(self._task.environment)
        with contextlib.ExitStack() as stack:
            try:
                path = None if self._task.check_mode else arguments["events_path"]
                events = stack.enter_context(EventFile(path))
                own = connect(arguments)
                by_bmc = self._by_bmc(arguments, task_vars or {})
                disarm = self._disarm(arguments, task_vars or {}, by_bmc)
                look_at_site = self._look_at_site(arguments["watch"], task_vars or {})

                def make(
                    cluster: Cluster,
                    reconnect: t.Callable[[], Cluster],
                    say: Say = display.display,
                    note: Note = events.note,
                ) -> Join:
                    return Join(
                        cluster,
                        arguments["machines"],
                        _settings(arguments),
                        say=say,
                        note=note,
                        disarm=disarm,
                        clear_override=(lambda machines: by_bmc(machines, False)) if by_bmc else None,
                        look_at_site=look_at_site,
                        reconnect=reconnect,
                    )

                if self._task.check_mode:
                    found = make(own, lambda: own).look()
                elif arguments["account"] == "temporary":
                    found = _until_interrupted(lambda: _join_as_temporary_account(own, make, events.note))
                else:
                    found = _until_interrupted(make(own, lambda: connect(arguments)).run)
            except OperationError as error:
                raise AnsibleActionFail(str(error)) from None
        for line in _closing_lines(found, check=self._task.check_mode):
            display.display(line)
        return {**result, **found}

    def _disarm(
        self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any], by_bmc: ByBmc | None
    ) -> t.Callable[[list[dict[str, t.Any]]], bool] | None:
        """Withdraws boot files, and what BMCs have been told."""
        files = arguments["disarm"]
        if not files and not by_bmc:
            return None

        def disarm(machines: list[dict[str, t.Any]]) -> bool:
            try:
                if not files:
                    return False
                names = [{"name": machine["name"], "macs": machine.get("macs") or []} for machine in machines]
                wanted = {**files, "machines": names, "state": "absent"}
                return bool(self._ask_web_host(DISARM_MODULE, wanted, task_vars).get("changed"))
            finally:
                if by_bmc:
                    by_bmc(machines, True)

        return disarm

    def _by_bmc(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> ByBmc | None:
        """Takes back what BMCs have been told; one that fails is asked again at the end of the run."""
        told = [machine for machine in arguments["machines"] if machine.get("bmc_url") and machine.get("bmc")]
        if not told:
            return None
        accounts = bmc_accounts(told, task_vars["hostvars"], self._loader)

        def connect(machine: dict[str, t.Any]) -> Client:
            return Client(machine["bmc_url"], accounts[machine["name"]], timeout=BMC_TIMEOUT)

        def take_back(machines: list[dict[str, t.Any]], media: bool) -> None:
            due = [machine for machine in machines if machine["name"] in accounts]
            disarm_all(
                due,
                connect,
                say=display.display,
                limits=Limits(media=BMC_TIMEOUT),
                base_url="",
                media=media,
                parallel=len(due),
                check_mode=False,
            )

        return take_back

    def _look_at_site(
        self, arguments: dict[str, t.Any] | None, task_vars: dict[str, t.Any]
    ) -> t.Callable[[dict[str, t.Any]], dict[str, t.Any]] | None:
        published = (arguments or {}).get("published") or {}
        # without a web host, what was uploaded is looked at all the same
        if not arguments or not (arguments["base_url"] or published.get("ignition")):
            return None
        return lambda question: self._ask_web_host(WATCH_MODULE, question, task_vars)

    def _ask_web_host(self, module: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The answer of a module on the web host; this may run beside the loop."""
        try:
            answer = self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            answer = {"unreachable": True, "msg": str(error)}
        if answer.get("failed") or answer.get("unreachable"):
            raise OperationError(str(answer.get("msg") or "the web host did not answer"))
        return answer


def _settings(arguments: dict[str, t.Any]) -> Settings:
    watch = arguments["watch"] or {"access_log": "", "base_url": "", "published": None, "since": ""}
    return Settings(
        parameters=Parameters(
            max_csr_age=arguments["max_csr_age"],
            max_approvals=arguments["max_approvals"],
            ambiguous=arguments["ambiguous"],
            bind_credential=arguments["bind_credential"],
        ),
        state=arguments["state"],
        timeout=arguments["timeout"],
        heartbeat=arguments["heartbeat"],
        probe_kubelet=arguments["probe_kubelet"],
        cordon=arguments["cordon"],
        deny_addresses=tuple(arguments["deny_addresses"]),
        deny_names=tuple(arguments["deny_names"]),
        access_log=watch["access_log"],
        base_url=watch["base_url"],
        published=watch["published"] or {},
        since=timestamp(watch["since"]),
    )


def _join_as_temporary_account(own: Cluster, make: t.Callable[..., Join], note: Note) -> dict[str, t.Any]:
    """Join as an account that is made for it, where there is anything to join."""
    remove_leftovers(own, display.display)
    lines: list[str] = []
    notes: list[dict[str, t.Any]] = []
    look = make(own, lambda: own, lines.append, notes.append)
    found = look.look()
    if look.settled:
        look.tell()
        for line in lines:
            display.display(line)
        for event in notes:
            note(event)
        return found
    account = TemporaryAccount(own, until=look.longest_deadline, patch_nodes=look.patches_nodes, say=display.display)
    with account:
        found = make(account.connect(), account.connect).run()
    if account.remains:
        found["warnings"] = [*found["warnings"], account.remains]
    return found


def _until_interrupted(run: t.Callable[[], dict[str, t.Any]]) -> dict[str, t.Any]:
    """Run; a signal ends the run with its last event written, and then does what it would have done."""
    received: list[int] = []

    def interrupt(number: int, _frame: object) -> None:
        received.append(number)
        # ansible-playbook sends another one while the run tidies up
        if len(received) == 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with ended_with_parent():
            return run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if received:
            os.kill(os.getpid(), received[0])


def _closing_lines(found: dict[str, t.Any], *, check: bool) -> t.Iterator[str]:
    if len(found["node_table"]) > 1:
        yield from ("", *found["node_table"])
    if len(found["csr_table"]) > 1:
        yield from ("", *found["csr_table"])
    waiting = found["pending" if check else "left"]
    if waiting:
        yield from ("", "Waiting:" if check else "Left alone:")
    elif check:
        yield from ("", "No request waits.")
    yield from pending_lines(waiting[:SHOWN_LEFT])
    if len(waiting) > SHOWN_LEFT:
        yield f"and {len(waiting) - SHOWN_LEFT} more (oc get csr)"
    for miss in found["near_misses"]:
        if miss["likely_machine"]:
            yield f"{miss['name']} for '{miss['claimed_node']}' may be {miss['likely_machine']}: {miss['why']}."
    for warning in found["warnings"]:
        yield f"Warning: {warning}"
