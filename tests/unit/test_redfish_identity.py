# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Law 11: which system is taken for the machine, and which is not."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import Facts
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import architecture_of
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import canonical_mac
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import identity_problem
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import identity_warning
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import uuid_spellings

MAC = "52:54:00:00:00:0b"
UUID = "00112233-4455-6677-8899-aabbccddeeff"
SWAPPED = "33221100-5544-7766-8899-aabbccddeeff"
MACHINE: dict[str, t.Any] = {"macs": [MAC], "architecture": "aarch64", "system_uuid": None}


@pytest.mark.parametrize(
    ("machine", "uuid", "macs", "architecture", "said"),
    [
        ({}, "", {MAC}, "aarch64", ""),
        ({}, "", {MAC, "52:54:00:00:00:0c"}, "aarch64", ""),
        ({"system_uuid": UUID}, UUID, set(), "aarch64", ""),
        ({"system_uuid": UUID}, SWAPPED, set(), "aarch64", ""),
        ({"system_uuid": UUID}, SWAPPED.upper(), set(), "aarch64", ""),
        ({}, UUID, set(), "aarch64", "another machine's"),
        ({}, "", {"52:54:00:00:00:0c"}, "aarch64", "lists 52:54:00:00:00:0c"),
        ({"system_uuid": UUID}, "10112233-4455-6677-8899-aabbccddeeff", set(), "aarch64", "nor machine_system_uuid"),
        ({}, "", set(), "aarch64", "no MAC address and no usable UUID"),
        ({"system_uuid": "00000000-0000-0000-0000-000000000000"}, "0" * 32, set(), "aarch64", "no usable UUID"),
        ({}, "", {MAC}, "x86_64", "x86_64, not aarch64"),
        ({"architecture": "x86_64"}, "", {MAC}, "aarch64", "aarch64, not x86_64"),
        ({"architecture": "x86_64"}, "", {MAC}, "x86_64", ""),
        ({}, "", {MAC}, "power", "power, not aarch64"),
        ({}, "", {MAC}, "", "does not say which architecture"),
    ],
)
def test_a_system_is_the_machine_only_where_identity_and_architecture_fit(
    machine: dict[str, t.Any], uuid: str, macs: set[str], architecture: str, said: str
) -> None:
    problem, hint = identity_problem({**MACHINE, **machine}, Facts(uuid, frozenset(macs), architecture))
    assert bool(problem) == bool(said) == bool(hint)
    assert said in problem


@pytest.mark.parametrize(
    ("wanted", "shown", "said"),
    [
        (None, UUID, ""),
        (UUID, SWAPPED, ""),
        (UUID, "", ""),
        (UUID, "10112233-4455-6677-8899-aabbccddeeff", "not 00112233"),
        (UUID, "00000000-0000-0000-0000-000000000000", "only MAC addresses were compared"),
        ("03000200-0400-0500-0006-000700080009", UUID, "only MAC addresses were compared"),
    ],
)
def test_a_uuid_that_does_not_fit_beside_a_mac_is_a_warning(wanted: str | None, shown: str, said: str) -> None:
    warning = identity_warning({**MACHINE, "system_uuid": wanted}, Facts(shown, frozenset({MAC}), "aarch64"))
    assert bool(warning) == bool(said)
    assert said in warning


@pytest.mark.parametrize(
    ("text", "spellings"),
    [
        (UUID, {UUID, SWAPPED}),
        ("00112233445566778899AABBCCDDEEFF", {UUID, SWAPPED}),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", set()),
        ("Not Settable", set()),
        ("", set()),
    ],
)
def test_uuids_are_compared_in_both_byte_orders_unless_they_tell_nothing(text: str, spellings: set[str]) -> None:
    assert uuid_spellings(text) == spellings


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("52:54:00:00:00:0B", MAC),
        ("52-54-00-00-00-0b", MAC),
        ("52540000000b", MAC),
        ("00:00:00:00:00:00", ""),
        ("N/A", ""),
        ("", ""),
    ],
)
def test_mac_addresses_are_read_in_every_spelling(text: str, mac: str) -> None:
    assert canonical_mac(text) == mac


@pytest.mark.parametrize(
    ("processors", "summary", "architecture"),
    [
        ([{"ProcessorArchitecture": "ARM", "InstructionSet": "ARM-A64"}], {}, "aarch64"),
        ([{"ProcessorArchitecture": "ARM", "InstructionSet": None}], {}, "aarch64"),
        ([{"ProcessorArchitecture": "x86", "InstructionSet": "x86-64"}], {}, "x86_64"),
        ([{"InstructionSet": "x86_64"}], {}, "x86_64"),
        ([{"ProcessorArchitecture": "ARM", "InstructionSet": "ARM-A32"}], {}, "arm-a32"),
        ([{"ProcessorArchitecture": "OEM", "Manufacturer": "Ampere(R)", "Model": "Altra(R) Max"}], {}, "aarch64"),
        ([{"Manufacturer": "NVIDIA", "Model": "Grace A02"}], {}, "aarch64"),
        ([{"ProcessorType": "GPU", "Model": "NVIDIA GH200 120GB"}], {}, ""),
        # an ARM processor on a network card says nothing about the server
        (
            [
                {"ProcessorType": "DSP", "InstructionSet": "ARM-A64"},
                {"ProcessorType": "CPU", "InstructionSet": "x86-64"},
            ],
            {},
            "x86_64",
        ),
        (
            [{"Status": {"State": "Absent"}, "InstructionSet": "x86-64"}, {"InstructionSet": "ARM-A64"}],
            {},
            "aarch64",
        ),
        ([], {"Model": "Intel(R) Xeon(R) Gold 6330"}, "x86_64"),
        ([{}], {"Model": None}, ""),
        ([], {}, ""),
    ],
)
def test_the_architecture_is_that_of_the_cpus(
    processors: list[dict[str, t.Any]], summary: dict[str, t.Any], architecture: str
) -> None:
    assert architecture_of(processors, summary) == architecture
