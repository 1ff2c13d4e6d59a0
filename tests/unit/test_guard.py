# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._guard import guard
from ansible_collections.multiarch.openshift.plugins.module_utils._neighbours import Neighbours
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import Claim
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import agent_claim
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import host_claim
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import same_bmc

UID = "a5b7115d-a7a2-4cc3-9780-4da94453d333"
MACHINE: dict[str, t.Any] = {
    "name": "worker-arm-1",
    "node_name": "worker-arm-1",
    "addresses": ["192.0.2.11"],
    "architecture": "aarch64",
    "boot_method": "grub",
    "replace_node_uid": None,
    "failed": False,
}


def node(
    name: str = "worker-arm-1", address: str = "192.0.2.11", architecture: str = "arm64", ready: str = "True"
) -> dict[str, t.Any]:
    return {
        "metadata": {"name": name, "uid": UID},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": ready}],
            "nodeInfo": {"architecture": architecture},
        },
    }


def test_a_machine_without_a_node_may_be_armed() -> None:
    record = guard(MACHINE, [node("other", "192.0.2.99")])
    assert record["arm"]
    assert record["existing_node"] is None


@pytest.mark.parametrize("ready", ["True", "False", "Unknown"])
def test_a_machine_whose_node_exists_is_never_armed_in_any_state(ready: str) -> None:
    record = guard(MACHINE, [node(ready=ready)])
    assert not record["arm"]
    assert not record["failed"]
    assert record["existing_node"]["uid"] == UID


@pytest.mark.parametrize(
    ("in_the_way", "said"),
    [
        (node("other"), "the node other already has the address 192.0.2.11"),
        (node(architecture="amd64"), "is amd64, not arm64"),
        (node(address="192.0.2.77"), "reports 192.0.2.77"),
    ],
)
def test_a_node_that_does_not_fit_refuses_the_machine_by_name(in_the_way: dict[str, t.Any], said: str) -> None:
    record = guard(MACHINE, [in_the_way])
    assert record["failed"]
    assert not record["arm"]
    assert said in record["reason"]


def test_a_node_of_another_name_with_the_address_counts_even_if_its_own_exists() -> None:
    record = guard(MACHINE, [node(), node("other")])
    assert record["failed"]
    assert "other" in record["reason"]


def test_the_uid_of_a_node_that_is_not_ready_opens_a_reinstall() -> None:
    record = guard({**MACHINE, "replace_node_uid": UID}, [node(ready="Unknown")])
    assert record["arm"]
    assert not record["failed"]


@pytest.mark.parametrize(
    ("uid", "ready", "said"),
    [(UID, "True", "is Ready and is not re-installed"), (UID.replace("a", "b"), "False", "has the UID")],
)
def test_a_reinstall_is_refused_otherwise(uid: str, ready: str, said: str) -> None:
    record = guard({**MACHINE, "replace_node_uid": uid}, [node(ready=ready)])
    assert record["failed"]
    assert not record["arm"]
    assert said in record["reason"]


def test_a_failed_machine_passes_through() -> None:
    machine = {**MACHINE, "failed": True, "reason": "x"}
    assert guard(machine, [node("other")]) == machine


def gateway(node: dict[str, t.Any], mac: str) -> dict[str, t.Any]:
    config = '{"default":{"mode":"shared","interface-id":"br-ex_a","mac-address":"%s","ip-address":"192.0.2.99/24"}}'
    node["metadata"]["annotations"] = {"k8s.ovn.org/l3-gateway-config": config % mac}
    return node


def test_the_nodes_that_do_not_tell_their_mac_are_counted_and_named() -> None:
    telling = gateway(node("master-0"), "52:54:00:00:00:01")
    assert Neighbours().not_comparable == Neighbours(nodes=[telling]).not_comparable == []
    [sentence] = Neighbours(nodes=[telling, node("old"), node("older")]).not_comparable
    assert sentence.startswith("MAC addresses of 2 of 3 nodes are not comparable: old, older without the annotation")
    refused = Neighbours(nodes=[node("old")], not_permitted=["Agents are not comparable."])
    assert [sentence.partition(" are ")[0] for sentence in refused.not_comparable] == [
        "Agents",
        "MAC addresses of 1 of 1 nodes",
    ]


def of_system(node: dict[str, t.Any], uuid: str) -> dict[str, t.Any]:
    node["status"]["nodeInfo"]["systemUUID"] = uuid
    return node


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ([gateway(node("old", "192.0.2.99"), "52:54:00:00:00:0B")], "has the MAC address 52:54:00:00:00:0b"),
        ([gateway(node("old", "192.0.2.99"), "52:54:00:00:00:0c")], ""),
        ([of_system(node("old", "192.0.2.99"), "00112233-4455-6677-8899-aabbccddeeff")], "has the system UUID 0011"),
        ([of_system(node("old", "192.0.2.99"), "33221100-5544-7766-8899-AABBCCDDEEFF")], "has the system UUID 3322"),
        ([of_system(node("old", "192.0.2.99"), "10112233-4455-6677-8899-aabbccddeeff")], ""),
        # several nodes report it: it tells nothing
        ([of_system(node(name, "192.0.2.99"), "00112233-4455-6677-8899-aabbccddeeff") for name in ("old", "b")], ""),
    ],
)
def test_a_node_of_another_name_on_the_same_hardware_refuses_the_machine(
    nodes: list[dict[str, t.Any]], said: str
) -> None:
    machine = {**MACHINE, "macs": ["52:54:00:00:00:0b"], "system_uuid": "00112233-4455-6677-8899-aabbccddeeff"}
    record = guard(machine, nodes)
    assert record["failed"] == (not record["arm"]) == bool(said)
    assert said in record.get("reason", "")
    if said:
        assert "oc delete node old" in record["hint"]


def test_a_machine_without_a_known_uuid_is_no_nodes_hardware() -> None:
    nodes = [of_system(node("old", "192.0.2.99"), "00000000-0000-0000-0000-000000000000")]
    assert guard({**MACHINE, "macs": [], "system_uuid": "00000000-0000-0000-0000-000000000000"}, nodes)["arm"]
    assert guard({**MACHINE, "macs": [], "system_uuid": None}, nodes)["arm"]


def test_a_placeholder_or_a_uuid_of_several_nodes_is_not_compared_and_that_is_said() -> None:
    zeros = "00000000-0000-0000-0000-000000000000"
    record = guard({**MACHINE, "macs": [], "system_uuid": zeros, "warnings": []}, [])
    assert "is one that many machines have" in record["warnings"][0]
    assert guard(record, [])["warnings"] == record["warnings"]
    given = "00112233-4455-6677-8899-aabbccddeeff"
    nodes = [of_system(node(name, "192.0.2.99"), given) for name in ("old", "older")]
    record = guard({**MACHINE, "macs": [], "system_uuid": given, "warnings": []}, nodes)
    assert record["arm"]
    assert "2 nodes report the system UUID" in record["warnings"][0]


def test_the_mac_of_a_nic_of_machine_network_counts_as_well() -> None:
    network = {"interfaces": [{"name": "eno1", "mac": "52:54:00:00:00:0b"}]}
    record = guard({**MACHINE, "network": network}, [gateway(node("old", "192.0.2.99"), "52:54:00:00:00:0b")])
    assert record["failed"]


def claims(kind: t.Callable[[dict[str, t.Any]], Claim], **parts: t.Any) -> list[Claim]:
    return [kind({"metadata": {"name": "arm-7", "namespace": "openshift-machine-api"}, **parts})]


BY_BMC = {**MACHINE, "macs": ["52:54:00:00:00:0b"], "bmc_url": "https://192.0.2.205"}


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        (claims(host_claim, spec={"bootMACAddress": "52:54:00:00:00:0B"}), "has the MAC address 52:54:00:00:00:0b"),
        (claims(host_claim, status={"hardware": {"nics": [{"mac": "52:54:00:00:00:0b"}]}}), "BareMetalHost openshift-"),
        (
            claims(host_claim, spec={"bmc": {"address": "redfish-virtualmedia://192.0.2.205/redfish/v1/Systems/1"}}),
            "BMC",
        ),
        (claims(host_claim, spec={"bmc": {"address": "ipmi://192.0.2.205:623"}}), "has the BMC 192.0.2.205"),
        (claims(host_claim, spec={"bmc": {"address": "192.0.2.205"}}), "has the BMC 192.0.2.205"),
        (
            claims(agent_claim, status={"inventory": {"interfaces": [{"macAddress": "52:54:00:00:00:0b"}]}}),
            "the Agent ",
        ),
        (claims(agent_claim, status={"inventory": {"bmcAddress": "192.0.2.205"}}), "has the BMC 192.0.2.205"),
        (claims(host_claim, spec={"bootMACAddress": "52:54:00:00:00:0c", "bmc": {"address": "ipmi://192.0.2.9"}}), ""),
        (claims(host_claim, spec={"bmc": {"address": ""}}), ""),
        (claims(agent_claim, status={"inventory": {"bmcAddress": "0.0.0.0", "interfaces": [{}]}}), ""),
        (claims(agent_claim), ""),
    ],
)
def test_what_another_installer_of_the_cluster_knows_is_refused(claim: list[Claim], said: str) -> None:
    record = guard(BY_BMC, [], claim)
    assert record["failed"] == (not record["arm"]) == bool(said)
    assert said in record.get("reason", "")
    if said:
        assert record["reason_code"] == "other_installer"


def test_a_node_that_exists_goes_on_whoever_has_installed_it() -> None:
    claim = claims(host_claim, spec={"bootMACAddress": "52:54:00:00:00:0b"})
    assert not guard(BY_BMC, [node()], claim)["failed"]
    assert not guard({**BY_BMC, "boot_method": "external"}, [], claim)["failed"]
    again = guard({**BY_BMC, "replace_node_uid": UID}, [node(ready="Unknown")], claim)
    assert again["reason_code"] == "other_installer"


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("https://192.0.2.205/redfish/v1/Systems/1", "idrac-virtualmedia://192.0.2.205/redfish/v1/Systems/1/", True),
        ("https://192.0.2.205/redfish/v1/Systems/1", "redfish://192.0.2.205/redfish/v1/Systems/2", False),
        ("https://192.0.2.205", "redfish+https://192.0.2.205:443/redfish/v1/Systems/2", True),
        ("https://192.0.2.205:8001", "redfish://192.0.2.205:8000/redfish/v1/Systems/1", False),
        ("https://192.0.2.205:8001", "redfish+http://192.0.2.205/redfish/v1/Systems/1", False),
        ("https://[2001:db8::5]", "redfish://[2001:DB8:0::5]/redfish/v1/Systems/1", True),
        ("https://[2001:db8::5]", "2001:db8::5", True),
        ("https://bmc-7.example.com", "redfish://BMC-7.example.com./redfish/v1/Systems/1", True),
        ("https://192.0.2.205", "redfish://[broken", False),
        ("", "192.0.2.205", False),
    ],
)
def test_bmcs_are_compared_by_address_port_and_system(ours: str, theirs: str, same: bool) -> None:
    assert same_bmc(ours, theirs) is same


@pytest.mark.parametrize(("uid", "ready"), [(UID, "True"), (UID.replace("a", "b"), "False")])
def test_replacement_that_is_over_is_no_error_where_nothing_is_installed(uid: str, ready: str) -> None:
    record = guard({**MACHINE, "replace_node_uid": uid}, [node(ready=ready)], installing=False)
    assert (record["failed"], record["arm"]) == (False, False)


def test_replacement_that_is_due_is_due_also_where_nothing_is_installed() -> None:
    record = guard({**MACHINE, "replace_node_uid": UID}, [node(ready="Unknown")], installing=False)
    assert (record["failed"], record["arm"]) == (False, True)
