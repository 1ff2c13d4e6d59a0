# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On which new nodes routers may run, and who has to hear of it. Private to the collection."""

from __future__ import annotations

import typing as t

# Where spec.nodePlacement is left out; Ingress cluster says which of the two it is.
DEFAULT_PLACEMENTS: dict[str, dict[str, str]] = {
    "Workers": {"kubernetes.io/os": "linux", "node-role.kubernetes.io/worker": ""},
    "ControlPlane": {"kubernetes.io/os": "linux", "node-role.kubernetes.io/master": ""},
}
# What joins by worker ignition becomes a worker, also where the label has not come yet.
WORKER = {"node-role.kubernetes.io/worker": ""}
DEFAULT_CONTROLLER = "default"

Item = t.Mapping[str, t.Any]


def load_balancers(
    controllers: t.Sequence[Item], nodes: t.Sequence[Item], *, ingress: Item, infrastructure: Item
) -> list[dict[str, t.Any]]:
    """The ingress controllers whose load balancer needs to know these nodes: ``controller``, ``why``, ``addresses``.

    Left out are those that the cluster publishes by itself, and those whose routers cannot run on any of the nodes.

    :param controllers: the IngressControllers
    :param nodes: the new Nodes
    :param ingress: Ingress cluster of config.openshift.io
    :param infrastructure: Infrastructure cluster of config.openshift.io
    """
    found = []
    for controller in controllers:
        name = controller["metadata"]["name"]
        if _published_by_the_cluster(controller, infrastructure):
            continue
        selector, why = _selector(controller, ingress)
        tolerations = ((controller.get("spec") or {}).get("nodePlacement") or {}).get("tolerations") or []
        addresses = [address for node in nodes if _may_run(node, selector, tolerations) for address in _addresses(node)]
        if addresses:
            found.append({"controller": name, "why": why, "addresses": addresses})
    return found


def _published_by_the_cluster(controller: Item, infrastructure: Item) -> bool:
    strategy = (controller.get("status") or {}).get("endpointPublishingStrategy") or {}
    if strategy.get("type", "HostNetwork") != "HostNetwork":
        # a Service leads to the routers wherever they are, or nothing does
        return True
    platform = (infrastructure.get("status") or {}).get("platformStatus") or {}
    bare_metal = platform.get("baremetal") or {}
    managed = (bare_metal.get("loadBalancer") or {}).get("type", "OpenShiftManagedDefault") == "OpenShiftManagedDefault"
    return controller["metadata"]["name"] == DEFAULT_CONTROLLER and bool(bare_metal.get("ingressIPs")) and managed


def _selector(controller: Item, ingress: Item) -> tuple[Item, str]:
    placement = (controller.get("spec") or {}).get("nodePlacement") or {}
    given = placement.get("nodeSelector") or {}
    if not given:
        default = (ingress.get("status") or {}).get("defaultPlacement") or "Workers"
        words = "it has no nodeSelector, so they run on any worker" if default == "Workers" else "by default placement"
        return {"matchLabels": DEFAULT_PLACEMENTS.get(default, {})}, words
    return given, "its nodeSelector selects them"


def _may_run(node: Item, selector: Item, tolerations: t.Sequence[Item]) -> bool:
    labels = {**WORKER, **(node["metadata"].get("labels") or {})}
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    if not all(_matches(labels, expression) for expression in selector.get("matchExpressions") or []):
        return False
    taints = (node.get("spec") or {}).get("taints") or []
    hard = [taint for taint in taints if taint.get("effect") in ("NoSchedule", "NoExecute") and not _passing(taint)]
    return all(any(_tolerates(toleration, taint) for toleration in tolerations) for taint in hard)


def _matches(labels: t.Mapping[str, str], expression: Item) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    return {
        "In": key in labels and labels[key] in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(operator, True)


def _passing(taint: Item) -> bool:
    """Whether the cluster itself takes this taint away again, for a node that has only just come up."""
    return str(taint.get("key", "")).startswith("node.kubernetes.io/") or taint.get("key") == (
        "node.cloudprovider.kubernetes.io/uninitialized"
    )


def _tolerates(toleration: Item, taint: Item) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    exists = toleration.get("operator") == "Exists"
    if not toleration.get("key"):
        return exists
    same = exists or (toleration.get("value") or "") == (taint.get("value") or "")
    return toleration["key"] == taint.get("key") and same


def _addresses(node: Item) -> list[str]:
    return [
        entry["address"]
        for entry in (node.get("status") or {}).get("addresses") or []
        if entry.get("type") == "InternalIP"
    ]


__all__ = ("load_balancers",)
