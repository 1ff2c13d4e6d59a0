# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JUnit XML: a test case per machine. Private to the collection."""

from __future__ import annotations

import typing as t
from xml.etree import ElementTree

from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._report import DONE
from ansible_collections.multiarch.openshift.plugins.module_utils._report import seconds_of


def junit(document: t.Mapping[str, t.Any]) -> str:
    """The XML. A failed machine is a failure; one that an interrupted run left unfinished is an error."""
    counts, started = document["counts"], document["started"]
    totals = {
        "name": "multiarch.openshift.add_arm_workers",
        "tests": str(counts["machines"]),
        "failures": str(counts["failed"]),
        "errors": str(counts["unfinished"]),
        "skipped": "0",
        "time": str(document["seconds"]),
    }
    suites = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(suites, "testsuite", {**totals, "timestamp": started.rstrip("Z"), "hostname": ""})
    cluster = printable(document["cluster"].get("name") or "cluster")
    for machine in document["machines"]:
        suite.append(_case(machine, cluster, started))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _case(machine: t.Mapping[str, t.Any], cluster: str, started: str) -> ElementTree.Element:
    events = machine["events"]
    seconds = max(0, seconds_of(events[-1]["time"]) - seconds_of(started)) if events else 0
    case = ElementTree.Element(
        "testcase", {"name": printable(machine["name"]), "classname": cluster, "time": str(seconds)}
    )
    if machine["result"] not in DONE:
        failed = machine["result"] == "failed"
        message = machine["reason"] or f"the run ended at {machine['stage']}"
        problem = ElementTree.SubElement(
            case,
            "failure" if failed else "error",
            {"message": printable(message), "type": machine["reason_code"] or machine["result"]},
        )
        problem.text = printable(f"{message} {machine['hint']}".strip())
    lines = [f"{event['time']}  {printable(event.get('text') or event['event'])}" for event in events]
    if lines:
        ElementTree.SubElement(case, "system-out").text = "\n".join(lines)
    return case


__all__ = ("junit",)
