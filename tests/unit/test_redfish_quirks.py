# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what BMCs do differently, and the rules that follow from it."""

from __future__ import annotations

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import INSERT_LADDER
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import QUIRKS
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import Hardware
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import cd_targets
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import image_problem
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import not_ready
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import passed_over
from lab.bmc import QUIRKS as STUBS
from support.paths import ROOT


def test_every_quirk_has_a_source_a_stub_and_a_row_in_the_documentation() -> None:
    assert set(STUBS) == set(QUIRKS)
    assert {step.quirk for step in INSERT_LADDER} < set(QUIRKS)
    page = (ROOT / "docs" / "bmc.md").read_text()
    for name, quirk in QUIRKS.items():
        row = f"| `{name}` | {quirk.seen_on} | {quirk.shows} | {quirk.done} | {quirk.source} |"
        assert row in page


@pytest.mark.parametrize(
    ("manufacturer", "model", "first"),
    [
        ("Supermicro", "SYS-220P", "UsbCd"),
        ("Super Micro", "x", "Cd"),
        ("Supermicro", "ARS-111GL-NHR", "Cd"),
        ("HPE", "ProLiant RL300", "Cd"),
        ("", "", "Cd"),
    ],
)
def test_the_name_under_which_media_boot_follows_the_hardware(manufacturer: str, model: str, first: str) -> None:
    assert cd_targets(Hardware(manufacturer, model))[0] == first


@pytest.mark.parametrize(
    ("hardware", "url", "said"),
    [
        (Hardware("Supermicro", "X12"), "http://192.0.2.2/worker.iso", "in the root"),
        (Hardware("Supermicro", "X12"), "http://192.0.2.2/openshift/worker.iso", ""),
        (Hardware("Supermicro", "ARS-111GL-NHR"), "http://[2001:db8::2]/openshift/worker.iso", "IPv6"),
        (Hardware("Supermicro", "ARS-111GL-NHR"), "http://192.0.2.2/openshift/worker.iso", ""),
        (Hardware("Dell Inc.", "R760"), "http://[2001:db8::2]/worker.iso", ""),
        (Hardware("", ""), "http://web.example.com/worker.iso", ""),
    ],
)
def test_an_image_that_hardware_cannot_take_is_known_before(hardware: Hardware, url: str, said: str) -> None:
    assert bool(image_problem(hardware, url)) == bool(said)
    assert said in image_problem(hardware, url)


@pytest.mark.parametrize(
    ("says", "later"),
    [
        ("iLO.2.14.InvalidOperationForSystemState", True),
        ("IDRAC.2.5.SYS518 iDRAC is not ready", True),
        ("InvalidOperationForSystemState", False),
        ("Base.1.18.GeneralError", False),
    ],
)
def test_only_known_words_mean_not_now(says: str, later: bool) -> None:
    assert not_ready(says) == later


@pytest.mark.parametrize(
    ("slot", "skipped"), [("RDOC1", True), ("Remote4", True), ("EXT1", False), ("1", False), ("CD", False)]
)
def test_slots_that_take_no_image_are_passed_over(slot: str, skipped: bool) -> None:
    assert passed_over(slot) == skipped
