# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._verdict import power_on_line
from ansible_collections.multiarch.openshift.plugins.module_utils._verdict import verdicts

MACHINE: dict[str, t.Any] = {
    "name": "a",
    "boot_method": "grub",
    "macs": ["52:54:00:00:00:0b"],
    "stage": "proven",
    "failed": False,
    "reason": "",
    "hint": "",
    "changed": True,
}


@pytest.mark.parametrize(
    ("machine", "options", "failed", "line"),
    [
        ({}, {}, False, "a: proven"),
        ({"changed": False}, {}, False, "a: proven, unchanged"),
        ({"would": ["eject x.iso by its BMC"]}, {"check": True}, False, "a: proven, would eject x.iso by its BMC"),
        ({"stage": "joined", "reason": "port closed"}, {}, False, "a: joined, not proven: port closed"),
        ({"failed": True, "reason": "no request came", "hint": "Look."}, {}, True, "a: no request came. Look."),
        ({"stage": "armed"}, {"stop": "Not multi."}, True, "a: Not multi. It had reached: armed."),
        ({"stage": "armed"}, {}, True, "a: the run ended before this machine was done. It had reached: armed."),
        (
            {"stage": "planned", "arm": True, "boot_files": ["/x"]},
            {"check": True},
            False,
            "a: would arm (/x), then ask to power it on",
        ),
        ({}, {"armed": "disk full"}, True, "a: proven, but it may still be armed: disk full."),
        ({"boot_method": "external"}, {"armed": "disk full"}, False, "a: proven"),
        ({"stage": "planned"}, {"check": True, "stop": "no"}, True, "a: no. It had reached: planned."),
    ],
)
def test_each_machine_gets_one_line(
    machine: dict[str, t.Any], options: dict[str, t.Any], failed: bool, line: str
) -> None:
    assert verdicts([{**MACHINE, **machine}], **options) == {"a": {"failed": failed, "line": line}}


def test_a_person_is_told_mac_loader_and_time() -> None:
    line = power_on_line(MACHINE, seconds=5400)
    assert "GRUB" in line
    assert "52:54:00:00:00:0b" in line
    assert "90 min" in line
    assert "own means" in power_on_line({**MACHINE, "boot_method": "external"}, seconds=60)


@pytest.mark.parametrize(
    ("iso_install", "said"),
    [("unattended", "and read /home/me/a.txt"), ("by_hand", "and type what stands in /home/me/a.txt")],
)
def test_a_person_is_told_which_iso_to_boot(iso_install: str, said: str) -> None:
    machine = {**MACHINE, "boot_method": "iso", "iso_url": "http://192.0.2.5/a.iso", "instructions": "/home/me/a.txt"}
    line = power_on_line({**machine, "iso_install": iso_install}, seconds=5400)
    assert line.startswith("a: boot it from http://192.0.2.5/a.iso ")
    assert said in line
    assert "90 min" in line


def test_check_mode_names_the_iso_that_a_person_would_boot() -> None:
    machine = {**MACHINE, "boot_method": "iso", "iso_url": "http://192.0.2.5/a.iso", "stage": "planned", "arm": True}
    line = verdicts([machine], check=True)["a"]["line"]
    assert line == "a: would ask to boot it from http://192.0.2.5/a.iso"


def test_host_without_a_record_has_failed_with_what_stopped_the_run() -> None:
    found = verdicts([MACHINE], names=["a", "b"], stop="no such device")
    assert found["a"] == {"failed": False, "line": "a: proven"}
    assert found["b"] == {"failed": True, "line": "b: no such device."}


def test_host_without_a_record_has_failed_where_nobody_knows_why() -> None:
    assert verdicts([], names=["b"]) == {"b": {"failed": True, "line": "b: the run did not begin."}}


def test_machine_of_which_only_certificates_were_wanted_has_not_failed() -> None:
    machine = {**MACHINE, "stage": "serving_issued", "done": True}
    assert verdicts([machine])["a"] == {"failed": False, "line": "a: certificates issued"}


def test_check_mode_says_why_a_machine_would_be_waited_for() -> None:
    machine = {**MACHINE, "stage": "planned", "reason": "it sent no request.", "hint": "Look at its console."}
    line = verdicts([machine], check=True)["a"]["line"]
    assert line == "a: would wait for its requests: it sent no request. Look at its console."
