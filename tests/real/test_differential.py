# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The run says and does the same with real and with simulated machines and control planes."""

from __future__ import annotations

import re

import pytest

from support.rehearsal import FOREIGN_NODE
from support.rehearsal import SCENARIOS
from support.rehearsal import Outcome
from support.rehearsal import Scenario

pytestmark = pytest.mark.real

each = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)

# Stages that both kinds of machines tell of; the installer's own steps only the simulated one knows.
BOOTED = ("power_on", "boot_file", "iso", "kernel", "network", "rootfs", "live_ignition", "login")
INSTALLED = ("installing", "installed", "stuck", "local", "local_boot")
JOINED = ("first_boot", "client_csr", "client_certificate", "keys_lost", "registered", "ready", "serving")
# As the run lists them: whose it is and how old, then why it was left alone
LEFT = re.compile(r"^csr-\w+  (\w+ request for \S+), \S+ old, (made by \S+)\n  (.*)$", re.MULTILINE)
STAGES = (*BOOTED, *INSTALLED, *JOINED)


def comparable(text: str, outcome: Outcome) -> str:
    """Without what differs from run to run: folders, names of requests, seconds."""
    text = text.replace(str(outcome.directory), "DIRECTORY")
    text = re.sub(r"csr-[a-z0-9]{5}", "csr-NAME", text)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UID", text)
    # each site has a block of addresses
    text = re.sub(r"\b198\.18\.\d+\.", "BLOCK.", text)
    text = re.sub(r"\b52-54-00-(\w\w)-\w\w-", r"52-54-00-\1-BLOCK-", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text)
    # the hash of an ignition, in which the CA of this very site is
    text = re.sub(r"-[0-9a-f]{16}\.ign", "-HASH.ign", text)
    # two minutes and more are told in minutes
    return re.sub(r"\d+ (s|min)\b", "N s", text)


@each
def test_verdict_is_the_same(real: Outcome, simulated: Outcome, scenario: Scenario) -> None:
    there, here = real.results[scenario.name], simulated.results[scenario.name]
    assert comparable(here.verdict, simulated) == comparable(there.verdict, real)


@each
def test_decisions_on_requests_are_the_same(real: Outcome, simulated: Outcome, scenario: Scenario) -> None:
    there, here = real.results[scenario.name], simulated.results[scenario.name]
    assert (here.approved, here.pending) == (there.approved, there.pending)


def left_alone(outcome: Outcome) -> list[str]:
    """Every request that was left alone at the end: for whom, by whom, and why that was not approved."""
    text = outcome.run.stdout.rpartition("\nLeft alone:\n")[2]
    return sorted(comparable(" ".join(match.groups()), outcome) for match in LEFT.finditer(text))


def test_what_is_left_alone_is_so_for_the_same_reasons(real: Outcome, simulated: Outcome) -> None:
    found = left_alone(real)
    assert len(found) == len(real.report["requests"]["left"])
    for name in ("late-restart", "localhost.localdomain", "taken-name", FOREIGN_NODE):
        assert [f" request for {name} made by " in line for line in found].count(True) == 1
    assert left_alone(simulated) == found


@each
def test_run_tells_the_same_of_requests_on_the_way(real: Outcome, simulated: Outcome, scenario: Scenario) -> None:
    """What it left alone for the time being is approved by its end; and what it has warned of."""
    assert told_on_the_way(simulated, scenario.name) == told_on_the_way(real, scenario.name)


def told_on_the_way(outcome: Outcome, name: str) -> list[str]:
    (found,) = [each for each in outcome.report["machines"] if each["name"] == name]
    return [comparable(each["text"], outcome) for each in found["events"] if each["event"] in ("left", "warning")]


@each
def test_machine_came_as_far(real: Outcome, simulated: Outcome, scenario: Scenario) -> None:
    """The same stages in the same order; what only one of the two can tell is left out."""
    there, here = real.results[scenario.name].machine, simulated.results[scenario.name].machine
    assert there is not None
    assert here is not None
    # a kubelet gets Ready and gets its serving certificate at the same time, whichever is first
    for other in ("ready", "serving"):
        assert [event.what for event in here.seen if event.what in STAGES and event.what != other] == [
            event.what for event in there.seen if event.what in STAGES and event.what != other
        ]


def test_strangers_are_treated_the_same(real: Outcome, simulated: Outcome) -> None:
    assert simulated.others == real.others
