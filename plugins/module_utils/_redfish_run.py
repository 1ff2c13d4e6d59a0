# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All machines' BMCs at the same time, each machine for itself. Private to the collection."""

from __future__ import annotations

import queue
import threading
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Talk
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import Say
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import clear_override
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import disarm
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import due_to_disarm

Record = dict[str, t.Any]
# Does the work of one machine: the record, a function that shows a line, and what has changed so far
Work = t.Callable[[Record, Say, Record], None]
Note = t.Callable[[Record], None]
# What a BMC has done, beside what has a name of its own
EVENT = "bmc"


def _forget(_event: Record) -> None:
    pass


def run(
    machines: t.Sequence[Record],
    due: t.Callable[[Record], bool],
    work: Work,
    *,
    failed: t.Callable[[Record, OperationError], Record],
    parallel: int,
    say: t.Callable[[str], None],
    note: Note = _forget,
) -> tuple[list[Record], bool]:
    """The records after the work, in their order, and whether the work changed anything.

    :param failed: what an error changes in the record
    :param say: called from the caller's own thread, with ``<name>  <line>``
    :param note: the same, with the line as an event
    """
    width = max((len(machine["name"]) for machine in machines), default=0)
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    told: queue.SimpleQueue[tuple[int, str, str, Record]] = queue.SimpleQueue()
    records = list(machines)
    changed = False
    remaining = 0
    for index, machine in enumerate(machines):
        if due(machine):
            waiting.put(index)
            remaining += 1

    def serve() -> None:
        while True:
            try:
                index = waiting.get_nowait()
            except queue.Empty:
                return
            told.put((index, "", "", _one(index)))

    def _one(index: int) -> Record:
        def tell(line: str, event: str = EVENT) -> None:
            told.put((index, line, event, {}))

        changes: Record = {}
        try:
            work(machines[index], tell, changes)
        except OperationError as error:
            changes.update(failed({**machines[index], **changes}, error))
        except Exception as error:  # one machine's mistake must not hold up the others
            unexpected = BmcError("unexpected", f"an error of this collection: {type(error).__name__}", "Report it.")
            changes.update(failed({**machines[index], **changes}, unexpected))
        return changes

    for _unused in range(min(parallel, remaining)):
        # daemons, so that an interrupted run ends at once
        threading.Thread(target=serve, daemon=True).start()
    while remaining:
        index, line, event, changes = told.get()
        if line:
            say(f"{machines[index]['name']:<{width}}  {line}")
            note({"event": event, "machine": machines[index]["name"], "text": line})
            continue
        remaining -= 1
        changed = changed or bool(changes.get("changed"))
        records[index] = {**records[index], **changes}
    return records, changed


def disarm_all(
    machines: t.Sequence[Record],
    connect: t.Callable[[Record], Talk],
    *,
    say: t.Callable[[str], None],
    limits: Limits,
    base_url: str,
    parallel: int,
    check_mode: bool,
    media: bool = True,
    note: Note = _forget,
) -> tuple[list[Record], bool]:
    """Takes away what was put in place for these machines.

    :param connect: a client of the machine's BMC
    :param media: also the images, which a machine may still be reading
    """

    def work(machine: Record, tell: Say, changes: Record) -> None:
        client = connect(machine)
        if media:
            disarm(machine, client, limits, tell, changes, base_url=base_url, check_mode=check_mode)
        elif not check_mode:
            clear_override(machine, client, limits, tell, changes, base_url=base_url)

    return run(machines, due_to_disarm, work, failed=disarming_failed, parallel=parallel, say=say, note=note)


def booting_failed(machine: Record, error: OperationError) -> Record:
    """What a failure on the way to the boot changes: of a node, whose leftovers alone were looked for, nothing."""
    if not machine["arm"]:
        return disarming_failed(machine, error)
    return {
        "failed": True,
        "reason": error.message,
        "reason_code": getattr(error, "code", "bmc"),
        "hint": error.hint,
    }


def disarming_failed(machine: Record, error: OperationError) -> Record:
    """What a failure to disarm changes: the reason of a machine that has failed already stays."""
    text = f"its BMC may still hold what was put in place: {error.message}"
    trouble = {"bmc_trouble": getattr(error, "code", "bmc")}
    if machine["failed"] or not machine.get("bmc"):
        return {"warnings": [*machine["warnings"], text], **trouble}
    return {"failed": True, "reason": text, "reason_code": "still_armed", "hint": error.hint, **trouble}


__all__ = ("booting_failed", "disarm_all", "run")
