# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run costs: python -m bench [MACHINES ...], 1, 50 and 300 if none are given. Prints a table, writes bench.json.

The own time of a run is its wall time less the wait for machines and the transfer of artifacts. Both are taken as what
their tasks take longer than in a second run, in which there is nothing to wait for and nothing to transfer.
The reference playbook asks and writes less, each task once per host; it runs on the same site, when all machines are
nodes.
"""

from __future__ import annotations

import json
import logging
import os
import pathlib
import resource
import sys
import tempfile
from typing import Any

from lab import namespace
from lab.site import Site
from lab.site import machine_specs

HERE = pathlib.Path(__file__).resolve().parent
JOIN = "multiarch.openshift.approve_csrs : Approve the requests of the machines and wait for their nodes"
PUBLISH = "multiarch.openshift.publish_artifacts : Publish ignition and boot artifacts on the web host"
WAITING_TASKS = (JOIN, PUBLISH)


def run(site: Site, playbook: str, inventory: pathlib.Path) -> dict[str, Any]:
    """Wall seconds, CPU seconds, largest process in MiB and seconds of each task."""
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
        "largest_process_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
        "tasks": json.loads(record.read_text()),
    }


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def own_seconds(first: dict[str, Any], second: dict[str, Any]) -> float:
    waited = sum(max(0.0, first["tasks"][name] - second["tasks"][name]) for name in WAITING_TASKS)
    return float(first["wall"]) - waited


def measure(machines: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="multiarch-bench-") as directory,
        Site(pathlib.Path(directory), machines=machine_specs(machines)) as site,
    ):
        inventory = site.inventory()
        with site.operator():
            first = run(site, "add_arm_workers", inventory)
        second = run(site, "add_arm_workers", inventory)
        reference = run(site, str(HERE / "reference.yml"), inventory)
    return {
        "machines": machines,
        "own_seconds": own_seconds(first, second),
        "first": first,
        "second": second,
        "reference": reference,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    counts = [int(argument) for argument in sys.argv[1:]] or [1, 50, 300]
    if not namespace.enter():
        sys.exit("the bench needs a network namespace of its own")
    logging.disable(logging.CRITICAL)
    print("machines   own s   first run s   second run s   its CPU s   reference s   reference/second")
    results = []
    for count in counts:
        result = measure(count)
        results.append(result)
        second, reference = result["second"]["wall"], result["reference"]["wall"]
        print(
            f"{count:8}{result['own_seconds']:8.1f}{result['first']['wall']:14.1f}{second:15.1f}"
            f"{result['second']['cpu']:12.1f}{reference:14.1f}{reference / second:19.1f}",
            flush=True,
        )
    pathlib.Path("bench.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
