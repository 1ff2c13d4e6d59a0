# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run costs: python -m bench [MACHINES ...]; 1, 50, 300 and 1000 if none are given. Prints a table and writes
bench.json.

`python -m bench approvals` measures the approval of requests alone, which comes last when no number is given.

The own time of a run is its wall time less the wait for machines and the transfer of artifacts. Both are taken as what
their tasks take longer than in a second run, in which there is nothing to wait for and nothing to transfer.
The own time of a step is what its tasks took in the first run, or in the second where they wait or transfer.
The reference playbook asks and writes less, each task once per host, and beside it a job approves every 30 s whatever
waits. It runs on a site of its own with as many machines. It takes seconds per machine, so for more than 300 it runs
only where `reference` is an argument.
Ends with 1 where a goal is missed: 20 s of own time for 300 machines, and twice that of 1.
"""

from __future__ import annotations

import json
import logging
import os
import pathlib
import re
import resource
import sys
import tempfile
import threading
from typing import Any

from bench import approvals
from lab import namespace
from lab.site import Site
from lab.site import machine_spec
from lab.site import machine_specs

HERE = pathlib.Path(__file__).resolve().parent
JOIN = "multiarch.openshift.approve_csrs : Approve the requests of the machines and wait for their nodes"
PUBLISH = "multiarch.openshift.publish_artifacts : Publish ignition and boot artifacts on the web host"
WAITING_TASKS = (JOIN, PUBLISH)
MACHINES = (1, 50, 300, 1000)
MOST_FOR_REFERENCE = 300
POLL_SECONDS = 30.0
GOAL_MACHINES = 300
GOAL_SECONDS = 20.0
GOAL_RATIO = 2.0
# Steps that take less are left out of the table; bench.json has them all
SHOWN_SECONDS = 0.5


def run(site: Site, playbook: str, inventory: pathlib.Path) -> dict[str, Any]:
    """Wall seconds, CPU seconds, seconds of each task, and the largest process in MiB."""
    record = site.directory / "task-seconds.json"
    environment = {
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_seconds",
        "TASK_SECONDS_FILE": str(record),
        "ANSIBLE_FORKS": "20",
    }
    before = _cpu()
    ended = site.run(playbook, inventory=inventory, environment=environment, timeout=1800)
    if ended.rc != 0:
        sys.exit(f"{playbook} failed:\n{ended.stdout}")
    return {
        "wall": ended.seconds,
        "cpu": _cpu() - before,
        "changed": ended.changed,
        **json.loads(record.read_text()),
    }


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def own_seconds(first: dict[str, Any], second: dict[str, Any]) -> float:
    waited = sum(max(0.0, first["tasks"][name] - second["tasks"][name]) for name in WAITING_TASKS)
    return float(first["wall"]) - waited


def own_seconds_of_steps(first: dict[str, Any], second: dict[str, Any]) -> dict[str, float]:
    """By role; `playbook` is what belongs to none, and `ansible` its start and end."""
    steps: dict[str, float] = {}
    for name, seconds in first["tasks"].items():
        own = min(seconds, second["tasks"][name]) if name in WAITING_TASKS else seconds
        role = re.match(r"multiarch\.openshift\.(\w+) : ", name)
        step = role[1] if role else "playbook"
        steps[step] = steps.get(step, 0.0) + own
    return {**steps, "ansible": first["wall"] - sum(first["tasks"].values())}


def measure(machines: int, *, with_reference: bool) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="multiarch-bench-") as directory,
        Site(pathlib.Path(directory), machines=machine_specs(machines)) as site,
    ):
        # the lab answers all from one process, which here has much to do
        inventory = site.inventory({"preflight_timeout": 30})
        with site.operator():
            first = run(site, "add_arm_workers", inventory)
        second = run(site, "add_arm_workers", inventory)
    return {
        "machines": machines,
        "own_seconds": own_seconds(first, second),
        "own_seconds_of_steps": own_seconds_of_steps(first, second),
        "largest_process_mib": max(first["largest_process_mib"], second["largest_process_mib"]),
        "lab_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "first": first,
        "second": second,
        "reference": reference(machines) if with_reference else None,
        "load": os.getloadavg()[0],
    }


def reference(machines: int) -> dict[str, Any]:
    """The reference playbook with machines that start by themselves, and a job that approves all that waits."""
    over = threading.Event()
    specs = [machine_spec(number, boot_method="external") for number in range(1, machines + 1)]
    with (
        tempfile.TemporaryDirectory(prefix="multiarch-bench-") as directory,
        Site(pathlib.Path(directory), machines=specs) as site,
    ):
        job = threading.Thread(target=approvals.approve_all_that_waits, args=(site.api, POLL_SECONDS, over))
        job.start()
        try:
            with site.operator():
                return run(site, str(HERE / "reference.yml"), site.inventory())
        finally:
            over.set()
            job.join()


def goals(results: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """What was to be reached with these numbers of machines, and whether it was."""
    own = {result["machines"]: result["own_seconds"] for result in results}
    if GOAL_MACHINES not in own:
        return []
    said = [(f"own time of {GOAL_MACHINES} machines at most {GOAL_SECONDS:.0f} s", own[GOAL_MACHINES] <= GOAL_SECONDS)]
    if 1 in own:
        ratio = own[GOAL_MACHINES] / own[1]
        said.append((f"at most {GOAL_RATIO:.0f} times that of 1 ({ratio:.2f})", ratio <= GOAL_RATIO))
    return said


def table_lines(result: dict[str, Any]) -> list[str]:
    """The row of the table, and below it the steps that count."""
    first, beside = result["first"]["wall"], result["reference"]
    row = (
        f"{result['machines']:8}{result['own_seconds']:8.1f}{first:14.1f}{result['second']['wall']:15.1f}"
        f"{result['second']['cpu']:12.1f}{result['largest_process_mib']:14.0f}"
    )
    row += f"{beside['wall']:14.1f}{beside['wall'] / first:18.1f}" if beside else f"{'-':>14}{'-':>18}"
    steps = sorted(result["own_seconds_of_steps"].items(), key=lambda item: -item[1])
    return [
        row,
        "         " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in steps if seconds >= SHOWN_SECONDS),
    ]


def main() -> None:
    logging.disable(logging.CRITICAL)
    if sys.argv[1:] == ["approvals"]:
        approvals.main()
        return
    counts = [int(argument) for argument in sys.argv[1:] if argument != "reference"] or MACHINES
    if not namespace.enter():
        sys.exit("the bench needs a network namespace of its own")
    print("machines   own s   first run s   second run s   its CPU s   largest MiB   reference s   reference/first")
    results = []
    for count in counts:
        result = measure(count, with_reference=count <= MOST_FOR_REFERENCE or "reference" in sys.argv)
        results.append(result)
        print("\n".join(table_lines(result)), flush=True)
    pathlib.Path("bench.json").write_text(json.dumps(results, indent=1) + "\n")
    if not sys.argv[1:]:
        approvals.main()
    reached = goals(results)
    for text, met in reached:
        print(f"goal {'reached' if met else 'MISSED'}: {text}")
    if not all(met for _text, met in reached):
        sys.exit(1)


if __name__ == "__main__":
    main()
