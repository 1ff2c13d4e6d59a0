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
from ansible.playbook.task import Task
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
from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import may_be_told
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import disarm_all
from ansible_collections.multiarch.openshift.plugins.module_utils._tables import pending_lines
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from ansible_collections.multiarch.openshift.plugins.module_utils._world import timestamp
from ansible_collections.multiarch.openshift.plugins.modules.node_join import ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.plugin_utils._bmc_accounts import bmc_accounts
from ansible_collections.multiarch.openshift.plugins.plugin_utils._environment import apply_environment
from ansible_collections.multiarch.openshift.plugins.plugin_utils._kept_report import Ask
from ansible_collections.multiarch.openshift.plugins.plugin_utils._kept_report import KeptReport
from ansible_collections.multiarch.openshift.plugins.plugin_utils._other_host import OtherHost
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


class Place(t.NamedTuple):
    """A host with boot files."""

    ask: Ask
    files: dict[str, t.Any]
    task: Task

    def withdraw(self, machines: list[dict[str, t.Any]]) -> dict[str, t.Any]:
        names = [{"name": machine["name"], "macs": machine.get("macs") or []} for machine in machines]
        return self.ask(DISARM_MODULE, {**self.files, "machines": names, "state": "local_boot"})

    @contextlib.contextmanager
    def only_looking(self) -> t.Iterator[None]:
        before, self.task.check_mode = self.task.check_mode, True
        try:
            yield
        finally:
            self.task.check_mode = before


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
                places = self._places(arguments, task_vars or {}, stack)
                machines = _marked(arguments["machines"], places)
                by_bmc = self._by_bmc(machines, arguments["watch"], task_vars or {}, events.note)
                look_at_site = self._look_at_site(arguments, task_vars or {})

                def make(
                    cluster: Cluster,
                    reconnect: t.Callable[[], Cluster],
                    say: Say = display.display,
                    note: Note = events.note,
                ) -> Join:
                    return Join(
                        cluster,
                        machines,
                        _settings(arguments),
                        say=say,
                        note=note,
                        disarm=_disarming(places) if places else None,
                        by_bmc=by_bmc,
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
            display.display(printable(line))
        return {**result, **found}

    def cleanup(self, force: bool = False) -> None:
        """A web host that has gone away by now does not take the result with it."""
        try:
            super().cleanup(force)
        except AnsibleConnectionFailure as error:
            display.warning(f"The web host is unreachable, and may keep a temporary folder: {error}")

    def _places(
        self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any], stack: contextlib.ExitStack
    ) -> list[Place]:
        """Every host that has boot files."""
        places = []
        if arguments["disarm"]:
            places.append(Place(self._on_web_host(task_vars), arguments["disarm"], self._task))
        for name, files in {} if self._task.check_mode else (arguments["disarm_hosts"] or {}).items():
            try:
                host = OtherHost(self, name, task_vars)
            except Exception as error:  # nothing that is done for convenience may stop the join
                display.warning(f"Boot files on {name} stay until the end of the run, which cannot use it now: {error}")
                continue
            stack.callback(host.close)
            places.append(Place(_asking(host.execute_module, name), files, host.task))
        return places

    def _by_bmc(
        self, machines: list[dict[str, t.Any]], watch: dict[str, t.Any] | None, task_vars: dict[str, t.Any], note: Note
    ) -> ByBmc | None:
        """Takes back what BMCs have been told; one that fails is asked again at the end of the run."""
        told = [machine for machine in machines if not machine["failed"] and may_be_told(machine)]
        if not told:
            return None
        accounts = bmc_accounts(told, task_vars["hostvars"], self._loader)

        def connect(machine: dict[str, t.Any]) -> Client:
            return Client(machine["bmc_url"], accounts[machine["name"]], timeout=BMC_TIMEOUT)

        def take_back(machines: list[dict[str, t.Any]], media: bool) -> None:
            due = [machine for machine in machines if machine["name"] in accounts]
            records, _changed = disarm_all(
                due,
                connect,
                say=display.display,
                note=note,
                limits=Limits(media=BMC_TIMEOUT),
                base_url=(watch or {}).get("base_url") or "",
                media=media,
                parallel=len(due),
                check_mode=False,
            )
            for record in records:
                # a second wrong password may lock the account
                if record.get("bmc_trouble") == "bmc_credentials":
                    accounts.pop(record["name"], None)

        return take_back

    def _look_at_site(
        self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]
    ) -> t.Callable[[dict[str, t.Any]], dict[str, t.Any]] | None:
        watch = arguments["watch"] or {}
        # without a web host, what was uploaded is looked at all the same
        if not (watch.get("base_url") or (watch.get("published") or {}).get("ignition")):
            return None
        ask = self._on_web_host(task_vars)
        kept = None
        if arguments["report"] and arguments["events_path"]:
            kept = KeptReport(ask, arguments["events_path"], arguments["report"], display.warning)

        def look(question: dict[str, t.Any]) -> dict[str, t.Any]:
            answer = ask(WATCH_MODULE, question)
            if kept is not None:
                kept.write()
            return answer

        return look

    def _on_web_host(self, task_vars: dict[str, t.Any]) -> Ask:
        def execute(module: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
            return dict(self._execute_module(module_name=module, module_args=arguments, task_vars=task_vars))

        return _asking(execute, "the web host")


def _disarming(places: t.Sequence[Place]) -> t.Callable[[list[dict[str, t.Any]]], bool]:
    """Withdraws boot files, on every host that has some."""

    def disarm(machines: list[dict[str, t.Any]]) -> bool:
        changed, problems = False, []
        for place in places:
            try:
                answer = place.withdraw(machines)
            except OperationError as error:
                problems.append(error)
            else:
                changed = changed or bool(answer.get("changed"))
        if problems:
            raise problems[0]
        return changed

    return disarm


def _marked(machines: list[dict[str, t.Any]], places: t.Sequence[Place]) -> list[dict[str, t.Any]]:
    """The records, with ``armed_earlier`` where a boot file shows that another run has armed the machine.

    Its BMC was then told to boot it, and may have kept for every boot what was meant for one.
    """
    unknown = [
        m for m in machines if not m["failed"] and may_be_told(m) and "bmc" not in m and m["boot_method"] != "iso"
    ]
    armed: set[str] = set()
    for place in places if unknown else ():
        # what is not known here is found out when the boot files are withdrawn
        with contextlib.suppress(OperationError), place.only_looking():
            armed |= {machine["name"] for machine in place.withdraw(unknown)["machines"] if machine["changed"]}
    return [{**machine, "armed_earlier": True} if machine["name"] in armed else machine for machine in machines]


def _asking(execute: Ask, host: str) -> Ask:
    """The answers of modules on a host; this may run beside the loop."""

    def ask(module: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
        try:
            answer = execute(module, arguments)
        except AnsibleConnectionFailure as error:
            answer = {"unreachable": True, "msg": str(error)}
        if answer.get("failed") or answer.get("unreachable"):
            raise OperationError(str(answer.get("msg") or f"{host} did not answer"))
        return answer

    return ask


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
