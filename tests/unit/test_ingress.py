# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose load balancer has to hear of new nodes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._ingress import load_balancers

MANAGED = {"status": {"platformStatus": {"type": "BareMetal", "baremetal": {"ingressIPs": ["203.0.113.3"]}}}}
USER_MANAGED = {
    "status": {
        "platformStatus": {
            "type": "BareMetal",
            "baremetal": {"ingressIPs": ["203.0.113.3"], "loadBalancer": {"type": "UserManaged"}},
        }
    }
}
NONE = {"status": {"platformStatus": {"type": "None"}}}
WORKERS = {"status": {"defaultPlacement": "Workers"}}
CONTROL_PLANE = {"status": {"defaultPlacement": "ControlPlane"}}
ARM_TAINT = {"key": "kubernetes.io/arch", "value": "arm64", "effect": "NoSchedule"}
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def node(labels: dict[str, str] | None = None, taints: list[dict[str, str]] | None = None) -> dict[str, Any]:
    system = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"}
    return {
        "metadata": {"name": "worker-arm-1", "labels": {**system, **(labels or {})}},
        "spec": {"taints": taints or []},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": "192.0.2.11"},
                {"type": "Hostname", "address": "worker-arm-1"},
            ]
        },
    }


def controller(
    name: str = "default", *, strategy: str = "HostNetwork", placement: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"nodePlacement": placement} if placement else {},
        "status": {"endpointPublishingStrategy": {"type": strategy}},
    }


def selector(**match: Any) -> dict[str, Any]:
    return {"nodeSelector": match}


def expression(operator: str, *values: str) -> dict[str, Any]:
    found: dict[str, Any] = {"key": "kubernetes.io/arch", "operator": operator}
    return selector(matchExpressions=[{**found, "values": list(values)} if values else found])


NAMED: list[Any] = [
    pytest.param(controller(), node(), WORKERS, NONE, id="no-selector"),
    pytest.param(controller(), node(taints=[NOT_READY]), WORKERS, NONE, id="a-taint-that-passes"),
    pytest.param(controller(), node(), WORKERS, USER_MANAGED, id="user-managed-virtual-address"),
    pytest.param(controller("internal"), node(), WORKERS, MANAGED, id="not-the-default-controller"),
    pytest.param(
        controller(placement=selector(matchLabels={"router": "yes"})),
        node({"router": "yes"}),
        WORKERS,
        NONE,
        id="label",
    ),
    pytest.param(controller(placement=expression("In", "arm64", "amd64")), node(), WORKERS, NONE, id="in"),
    pytest.param(controller(placement=expression("Exists")), node(), WORKERS, NONE, id="exists"),
    pytest.param(
        controller(placement={"tolerations": [{"key": "kubernetes.io/arch", "operator": "Exists"}]}),
        node(taints=[ARM_TAINT]),
        WORKERS,
        NONE,
        id="tolerated",
    ),
]
LEFT_OUT: list[Any] = [
    pytest.param(controller(), node(), WORKERS, MANAGED, id="managed-virtual-address"),
    pytest.param(controller(), node(), CONTROL_PLANE, NONE, id="routers-on-the-control-plane"),
    pytest.param(controller(), node(taints=[ARM_TAINT]), WORKERS, NONE, id="taint"),
    pytest.param(controller(placement=selector(matchLabels={"router": "yes"})), node(), WORKERS, NONE, id="label"),
    pytest.param(controller(placement=expression("NotIn", "arm64")), node(), WORKERS, NONE, id="not-in"),
    pytest.param(controller(placement=expression("DoesNotExist")), node(), WORKERS, NONE, id="does-not-exist"),
    pytest.param(controller(strategy="LoadBalancerService"), node(), WORKERS, NONE, id="service"),
    pytest.param(controller(strategy="Private"), node(), WORKERS, NONE, id="private"),
]


@pytest.mark.parametrize(("item", "new", "ingress", "infrastructure"), NAMED)
def test_a_load_balancer_that_needs_the_nodes_is_named(
    item: dict[str, Any], new: dict[str, Any], ingress: dict[str, Any], infrastructure: dict[str, Any]
) -> None:
    (found,) = load_balancers([item], [new], ingress=ingress, infrastructure=infrastructure)
    assert found["controller"] == item["metadata"]["name"]
    assert found["addresses"] == ["192.0.2.11"]
    assert found["why"]


@pytest.mark.parametrize(("item", "new", "ingress", "infrastructure"), LEFT_OUT)
def test_who_needs_nothing_is_left_out(
    item: dict[str, Any], new: dict[str, Any], ingress: dict[str, Any], infrastructure: dict[str, Any]
) -> None:
    assert load_balancers([item], [new], ingress=ingress, infrastructure=infrastructure) == []


def test_no_selector_is_said_plainly() -> None:
    (found,) = load_balancers([controller()], [node()], ingress=WORKERS, infrastructure=NONE)
    assert found["why"] == "it has no nodeSelector, so they run on any worker"
