# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines that the cluster installs by itself (BareMetalHosts, Agents) are left to it."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.modules import existing_node_info
from lab import objects
from lab.control_plane import control_plane
from lab.plane import ControlPlane
from lab.real_plane import RealControlPlane
from lab.site import Site
from lab.site import machine_spec
from support.module import run_module
from support.paths import ROOT

MakeSite = Callable[..., Site]
OPERATOR = "system:serviceaccount:multiarch-openshift:add-arm-workers"
NAMESPACE = objects.MACHINE_API_NAMESPACE
CRDS = [ROOT / f"tests/fixtures/cluster/{kinds}-crd.yml" for kinds in ("baremetalhosts", "agents")]


def host(name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost", "metadata": metadata, "spec": spec}


def agent(name: str, mac: str) -> dict[str, Any]:
    status = {"inventory": {"interfaces": [{"name": "eno1", "macAddress": mac}], "bmcAddress": "0.0.0.0"}}
    metadata = {"name": name, "namespace": NAMESPACE}
    head = {"apiVersion": "agent-install.openshift.io/v1beta1", "kind": "Agent", "metadata": metadata}
    return {**head, "spec": {"approved": True, "role": "worker"}, "status": status}


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.real)])
def plane(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[ControlPlane]:
    with control_plane(tmp_path / "plane", request.param) as plane:
        plane.api.apply(
            objects.cluster_objects("lab-x7k2p", "4.21.3", plane.address, "https://192.0.2.2:22623", plane.ca_pem, {})
        )
        yield plane


def machine(name: str, mac: str, bmc_url: str | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "node_name": name,
        "addresses": [],
        "architecture": "aarch64",
        "boot_method": "grub",
        "macs": [mac],
        "bmc_url": bmc_url,
        "failed": False,
        "warnings": [],
        "replace_node_uid": None,
    }


MACHINES = [
    machine("a", "52:54:00:00:00:0a"),
    machine("b", "52:54:00:00:00:0b", "https://192.0.2.205"),
    machine("c", "52:54:00:00:00:0c"),
    machine("d", "52:54:00:00:00:0d", "https://192.0.2.206"),
]


def asked(plane: ControlPlane, user: str = "") -> dict[str, Any]:
    kubeconfig = plane.kubeconfig(token=plane.token(user)) if user else plane.kubeconfig()
    found = run_module(existing_node_info.main, {"kubeconfig": str(kubeconfig), "machines": MACHINES})
    assert not found.get("failed"), found
    return found


def test_hosts_and_agents_of_the_cluster_refuse_their_machines(plane: ControlPlane) -> None:
    # the real API server does not know the kinds yet: then there are none
    assert [record["arm"] for record in asked(plane)["machines"]] == [True] * 4
    if isinstance(plane, RealControlPlane):
        for path in CRDS:
            plane.load_crds(path)
    plane.api.apply(
        [
            host("arm-a", bootMACAddress="52:54:00:00:00:0A"),
            host("arm-b", bmc={"address": "redfish-virtualmedia://192.0.2.205/redfish/v1/Systems/1"}),
            agent("0f6d6c4e-arm-c", "52:54:00:00:00:0c"),
        ]
    )
    found = asked(plane)["machines"]
    assert [record["arm"] for record in found] == [False, False, False, True]
    assert [record.get("reason_code") for record in found] == [*["other_installer"] * 3, None]
    assert f"BareMetalHost {NAMESPACE}/arm-a has the MAC address 52:54:00:00:00:0a" in found[0]["reason"]
    assert f"BareMetalHost {NAMESPACE}/arm-b has the BMC 192.0.2.205" in found[1]["reason"]
    assert f"Agent {NAMESPACE}/0f6d6c4e-arm-c has the MAC address" in found[2]["reason"]

    # the manifest gives what is needed to see them
    plane.api.apply(yaml.safe_load((ROOT / "docs/rbac.yml").read_text())["items"])
    seen = asked(plane, OPERATOR)
    assert [record["arm"] for record in seen["machines"]] == [False, False, False, True]
    assert not [sentence for sentence in seen["not_comparable"] if "may not list" in sentence]

    # without that right the run goes on, and says what it cannot know
    rules = [
        {"apiGroups": [""], "resources": ["nodes", "namespaces"], "verbs": ["get", "list"]},
        {"apiGroups": ["config.openshift.io"], "resources": ["infrastructures"], "verbs": ["get"]},
    ]
    plane.api.apply(objects.rights("system:serviceaccount:default:lesser", rules))
    lesser = asked(plane, "system:serviceaccount:default:lesser")
    assert [record["arm"] for record in lesser["machines"]] == [True] * 4
    for kind in ("BareMetalHosts", "Agents"):
        [sentence] = [text for text in lesser["not_comparable"] if text.startswith(kind)]
        assert "are not comparable: the account may not list them" in sentence
        assert sentence in str(lesser["warnings"])


def test_in_a_run_the_machine_of_a_host_is_refused_and_the_others_join(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block), machine_spec(2, block=site_block, bmc=True)])
    bmc = site.bmcs["worker-arm-2"]
    address = f"redfish-virtualmedia://{bmc.address}:{bmc.port}{bmc.systems[0].path}"
    site.api.apply([host("arm-2", bmc={"address": address})])
    with site.operator():
        run = site.run("add_arm_workers")
    assert run.failed == ["worker-arm-2"], run.stdout
    said = dict(re.findall(r'"msg": "([-\w.]+): (.*)"', run.stdout.rpartition("TASK [Give the verdict]")[2]))
    assert said["worker-arm-1"].startswith("proven")
    assert f"BareMetalHost {NAMESPACE}/arm-2 has the BMC" in said["worker-arm-2"]
    looked = " ".join(run.stdout.split())
    assert f"Refused, the others go on: worker-arm-2: the BareMetalHost {NAMESPACE}/arm-2" in looked
    assert bmc.changing_requests() == []
    assert site.boot_files("worker-arm-2") == []
