# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What belongs to the cluster itself is on the deny list, whatever the platform calls it."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._deny import cluster_deny_list
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._san import kubelet_names
from support.csr_corpus import CLUSTER_OBJECTS

DENY = cluster_deny_list(
    CLUSTER_OBJECTS, deny_addresses=["198.51.100.0/24", "203.0.113.9"], deny_names=["Mirror.example.com"]
)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "localhost.localdomain",
        "localhost4",
        "localhost6.localdomain6",
        "Localhost-1",
        "kubernetes",
        "kubernetes.default",
        "kubernetes1",
        "kubernetes-api.lab.example.com",
        "kubernetes.default.svc.cluster.local",
        "openshift.default.svc",
        "registry.ns.svc",
        "api.lab.example.com",
        "API-INT.lab.example.com.",
        "console.apps.lab.example.com",
        "apps.lab.example.com",
        "mirror.example.com",
        "*.example.com",
        "192.0.2.11",
        "2001:db8::1",
        "",
    ],
)
def test_name_is_denied(name: str) -> None:
    assert DENY.name_reason(name)


@pytest.mark.parametrize(
    "name", ["worker-arm-1", "worker.lab.example.com", "api-gateway", "my-kubernetes", "openshift-1", "svc"]
)
def test_name_of_a_worker_is_not_denied(name: str) -> None:
    assert DENY.name_reason(name) == ""


@pytest.mark.parametrize(
    "address",
    [
        "192.0.2.5",
        "2001:db8::5",
        "192.0.2.6",
        "10.128.0.1",
        "10.131.255.254",
        "172.30.0.1",
        "198.51.100.77",
        "203.0.113.9",
        "127.0.0.1",
        "::1",
        "0.0.0.0",
        "224.0.0.1",
        "169.254.1.1",
        "fe80::1",
        "::ffff:192.0.2.11",
    ],
)
def test_address_is_denied(address: str) -> None:
    assert DENY.address_reason(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["192.0.2.11", "10.132.0.1", "2001:db8::11", "203.0.113.10"])
def test_address_of_a_worker_is_not_denied(address: str) -> None:
    assert DENY.address_reason(ipaddress.ip_address(address)) == ""


@pytest.mark.parametrize(
    "platform",
    [
        {"type": "None"},
        {"type": "BareMetal", "baremetal": {"apiServerInternalIP": "192.0.2.5"}},
        {"type": "VSphere", "vsphere": {"apiServerInternalIPs": ["192.0.2.5"], "ingressIPs": []}},
        {"type": "Nutanix", "nutanix": {"ingressIP": "192.0.2.5"}},
    ],
)
def test_virtual_addresses_are_found_on_every_platform(platform: dict[str, t.Any]) -> None:
    deny = cluster_deny_list({"Infrastructure": {"status": {"platformStatus": platform}}})
    assert bool(deny.address_reason(ipaddress.ip_address("192.0.2.5"))) is (platform["type"] != "None")


def test_entry_that_is_no_address_is_named() -> None:
    with pytest.raises(OperationError, match=r"'10\.0\.0\.300'"):
        cluster_deny_list({}, deny_addresses=["10.0.0.300"])


@pytest.mark.parametrize(
    ("addresses", "names", "numbers"),
    [
        ([("InternalIP", "192.0.2.11"), ("Hostname", "w1")], {"w1"}, {"192.0.2.11"}),
        ([("InternalIP", "2001:DB8::11"), ("InternalIP", "192.0.2.11")], set(), {"2001:db8::11", "192.0.2.11"}),
        ([("Hostname", "192.0.2.11"), ("ExternalIP", "192.0.2.12")], set(), {"192.0.2.11", "192.0.2.12"}),
        ([("InternalDNS", "w1.lan"), ("ExternalDNS", "w1.example.com")], {"w1.lan", "w1.example.com"}, set()),
        ([("InternalIP", "no address"), ("Hostname", ""), ("Other", "x")], set(), set()),
    ],
)
def test_names_are_those_that_the_kubelet_derives(
    addresses: list[tuple[str, str]], names: set[str], numbers: set[str]
) -> None:
    node = {"status": {"addresses": [{"type": kind, "address": text} for kind, text in addresses]}}
    found_names, found_addresses = kubelet_names(node)
    assert (found_names, {str(address) for address in found_addresses}) == (names, numbers)
