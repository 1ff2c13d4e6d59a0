# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.multiarch.openshift.plugins.filter.machines import machines
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import machine
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan

GOOD: dict[str, t.Any] = {
    "machine_addresses": ["192.0.2.11"],
    "machine_macs": ["52:54:00:00:00:0B"],
    "machine_boot_method": "grub",
    "machine_install_device": "/dev/disk/by-id/nvme-1",
    "ansible_user": "somebody",
}


def test_a_complete_host_becomes_a_record_without_problems() -> None:
    record, problems = machine("worker-arm-1", GOOD)
    assert problems == []
    assert record["node_name"] == "worker-arm-1"
    assert record["macs"] == ["52:54:00:00:00:0b"]
    assert record["architecture"] == "aarch64"
    assert record["ignition_delivery"] == "verified"
    assert record["warnings"] == []
    assert record["stage"] == "planned"
    assert not record["failed"]


def test_addresses_are_kept_in_canonical_text() -> None:
    record, problems = machine("w", {**GOOD, "machine_addresses": ["2001:DB8:0:0::1"]})
    assert problems == []
    assert record["addresses"] == ["2001:db8::1"]


def test_empty_survey_answers_count_as_not_given() -> None:
    record, problems = machine("w", {**GOOD, "machine_pool": "", "machine_consoles": None, "machine_node_name": ""})
    assert problems == []
    assert (record["pool"], record["consoles"], record["node_name"]) == ("worker", [], "w")


def test_a_record_holds_no_password() -> None:
    record, _problems = machine("w", {**GOOD, "machine_bmc_password": "canary-password"})
    assert "canary-password" not in repr(record)


BMC: dict[str, t.Any] = {
    "machine_bmc_url": "https://192.0.2.5",
    "machine_bmc_username": "canary-user",
    "machine_bmc_password": "canary-password",
    "machine_bmc_ca_path": "/etc/pki/canary-bmc.pem",
}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://192.0.2.5", "https://192.0.2.5"),
        ("https://192.0.2.5/", "https://192.0.2.5"),
        ("https://BMC-1.example.com:8443/redfish/v1/", "https://bmc-1.example.com:8443"),
        ("https://[2001:db8::5]/redfish/v1/Systems/1/", "https://[2001:db8::5]/redfish/v1/Systems/1"),
        (None, None),
        ("", None),
    ],
)
def test_a_bmc_url_is_kept_in_one_spelling(given: str | None, kept: str | None) -> None:
    record, problems = machine("w", {**GOOD, **BMC, "machine_bmc_url": given})
    assert problems == []
    assert record["bmc_url"] == kept
    assert (record["bmc_identity"], record["power_policy"], record["system_uuid"]) == ("checked", "only_if_off", None)
    assert "canary" not in repr(record)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"machine_bmc_url": "192.0.2.5"}, "write it as https://"),
        ({"machine_bmc_url": "http://192.0.2.5"}, "write it as https://"),
        ({"machine_bmc_url": "https://192.0.2.5:x"}, "is not a URL"),
        ({"machine_bmc_url": "https://192.0.2.5/ui/login"}, "names no Redfish system"),
        ({"machine_bmc_url": "https://canary-user:canary-password@192.0.2.5"}, "holds a user or password"),
        ({"machine_bmc_username": None}, "machine_bmc_username is missing"),
        ({"machine_bmc_password": ""}, "machine_bmc_password is missing"),
        ({"machine_bmc_password": ["canary-password"]}, "machine_bmc_password is missing or not text"),
        ({"machine_bmc_ca_path": 5}, "machine_bmc_ca_path must be text"),
        ({"machine_bmc_identity": "hoped"}, "it can be checked, unchecked"),
        ({"machine_bmc_boot_target": "UsbCd"}, "it can be Pxe, UefiHttp"),
        ({"machine_bmc_boot_target": "Hdd", "machine_boot_method": "iso"}, "it can be Cd, UsbCd, VCD-DVD"),
        ({"machine_power_policy": "always"}, "it can be only_if_off, restart"),
        ({"machine_system_uuid": "123"}, "not a UUID"),
    ],
)
def test_what_is_wrong_with_a_bmc_is_named_without_its_secrets(change: dict[str, t.Any], said: str) -> None:
    record, problems = machine("w", {**GOOD, **BMC, **change})
    assert any(said in problem for problem in problems), problems
    assert "canary" not in repr((record, problems))


@pytest.mark.parametrize(
    ("method", "given", "kept"),
    [("grub", "UefiHttp", "UefiHttp"), ("iso", "VCD-DVD", "VCD-DVD"), ("iso", "", None), ("external", "Cd", None)],
)
def test_what_a_bmc_boots_from_can_be_named(method: str, given: str, kept: str | None) -> None:
    record, problems = machine("w", {**GOOD, **BMC, "machine_boot_method": method, "machine_bmc_boot_target": given})
    assert problems == []
    assert record["bmc_boot_target"] == kept


@pytest.mark.parametrize(
    ("bmc", "said"),
    [
        ({"machine_bmc_url": "https://192.0.2.5"}, []),
        (
            {"machine_bmc_url": "https://192.0.2.5/redfish/v1/Systems/1"},
            ["a, b: the system behind a BMC https://192.0.2.5/redfish/v1/Systems/1 is given 2 times."],
        ),
        (
            {"machine_bmc_url": "https://192.0.2.5", "machine_bmc_identity": "unchecked"},
            ["a, b: the system behind a BMC https://192.0.2.5 is given 2 times."],
        ),
        (
            {"machine_system_uuid": "27946b59-9e44-4fa7-8e91-f3527a1ef094"},
            ["a, b: the system UUID 27946b59-9e44-4fa7-8e91-f3527a1ef094 is given 2 times."],
        ),
    ],
)
def test_machines_share_a_bmc_only_where_identity_tells_them_apart(bmc: dict[str, t.Any], said: list[str]) -> None:
    other = {"machine_addresses": ["192.0.2.12"], "machine_macs": ["52:54:00:00:00:0c"]}
    _records, problems = plan({"a": {**GOOD, **BMC, **bmc}, "b": {**GOOD, **BMC, **bmc, **other}}, ["a", "b"], [])
    assert problems == said


def test_a_device_that_can_change_its_name_warns() -> None:
    record, problems = machine("w", {**GOOD, "machine_install_device": "/dev/sda"})
    assert problems == []
    assert "/dev/sda" in record["warnings"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"machine_macs": []}, "machine_macs is missing"),
        ({"machine_macs": ["52:54:00:00:00"]}, "not the MAC address"),
        ({"machine_macs": ["01:00:5e:00:00:01"]}, "not the MAC address"),
        ({"machine_macs": "52:54:00:00:00:0b"}, "must be a list of text"),
        ({"machine_addresses": []}, "machine_addresses is missing"),
        ({"machine_addresses": ["worker.example.com"]}, "is not an IP address"),
        ({"machine_addresses": ["127.0.0.1"]}, "cannot be a node's address"),
        ({"machine_addresses": ["fe80::1"]}, "cannot be a node's address"),
        ({"machine_addresses": ["::ffff:192.0.2.1"]}, "cannot be a node's address"),
        ({"machine_boot_method": None}, "machine_boot_method is missing"),
        ({"machine_boot_method": "floppy"}, "it can be grub, ipxe, pxelinux, iso, external"),
        ({"machine_boot_method": "pxelinux"}, "does not boot aarch64"),
        ({"machine_architecture": "x86_64"}, "grub does not boot x86_64"),
        ({"machine_architecture": "riscv64"}, "it can be aarch64, x86_64"),
        ({"machine_install_device": None}, "machine_install_device is missing"),
        ({"machine_install_device": "sda"}, "must be a path below /dev/"),
        ({"machine_install_device": "/dev/sda quiet"}, "must be a path below /dev/"),
        ({"machine_node_name": "Worker_1"}, "cannot be a node's name"),
        ({"machine_node_name": "localhost4"}, "it names every machine"),
        ({"machine_node_name": "kubernetes-1.example.com"}, "it names the cluster's API"),
        ({"machine_ignition_delivery": "hoped"}, "it can be verified, documented"),
        ({"machine_replace_node_uid": "yes"}, "not a UID"),
        ({"machine_taints": [{"key": "a", "effect": "Never"}]}, "needs key, effect"),
        ({"machine_labels": {"a": 1}}, "must be a dictionary of text"),
        ({"machine_instal_device": "/dev/sda"}, "do you mean machine_install_device?"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, t.Any], said: str) -> None:
    _record, problems = machine("worker-arm-1", {**GOOD, **change})
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("worker-arm-1: ") for problem in problems)


def test_an_external_machine_needs_neither_mac_nor_disk() -> None:
    _record, problems = machine("w", {"machine_addresses": ["192.0.2.1"], "machine_boot_method": "external"})
    assert problems == []


def test_two_hosts_with_one_mac_are_a_problem_also_beyond_the_limit() -> None:
    variables = {"a": GOOD, "b": {**GOOD, "machine_addresses": ["192.0.2.12"]}}
    records, problems = plan(variables, ["a"], ["a", "b"])
    assert [record["name"] for record in records] == ["a"]
    assert problems == ["a, b: the MAC address 52:54:00:00:00:0b is given 2 times."]


def test_problems_of_hosts_outside_the_limit_do_not_stop_the_run() -> None:
    _records, problems = plan({"a": GOOD, "b": {}}, ["a"], ["a", "b"])
    assert problems == []


def test_the_filter_reports_every_problem_of_every_host_at_once() -> None:
    hostvars = {"a": {**GOOD, "machine_macs": ["x"]}, "b": {**GOOD, "machine_addresses": ["y"]}, "c": {}}
    with pytest.raises(AnsibleFilterError) as failure:
        machines(hostvars, ["a", "b", "c"])
    text = str(failure.value)
    assert "a: machine_macs" in text
    assert "b: machine_addresses" in text
    assert "c: machine_boot_method is missing" in text


@pytest.mark.parametrize(("hostvars", "hosts"), [([], ["a"]), ({}, "a")])
def test_the_filter_refuses_other_types_by_name(hostvars: t.Any, hosts: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"multiarch\.openshift\.machines"):
        machines(hostvars, hosts)
