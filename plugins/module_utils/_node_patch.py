# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes to a Node the moment it appears: labels, taints and a cordon of ours. Private to the collection."""

from __future__ import annotations

import typing as t

CORDON = "multiarch.openshift/cordoned"


def arrival_patch(
    machine: t.Mapping[str, t.Any], node: t.Mapping[str, t.Any], *, cordon: bool = False
) -> dict[str, t.Any] | None:
    """The merge patch that gives a Node its labels, its taints and the cordon; None where it has them.

    It carries the Node's resourceVersion: a merge patch replaces the whole list of taints, and the cluster's own
    controllers write to it in these seconds.
    """
    labels = node["metadata"].get("labels") or {}
    taints = list((node.get("spec") or {}).get("taints") or [])
    metadata: dict[str, t.Any] = {}
    spec: dict[str, t.Any] = {}
    missing = {key: value for key, value in (machine.get("labels") or {}).items() if labels.get(key) != value}
    if missing:
        metadata["labels"] = missing
    wanted = {(taint["key"], taint["effect"]): dict(taint) for taint in machine.get("taints") or []}
    present = {(taint["key"], taint["effect"]): taint.get("value") or "" for taint in taints}
    if any(present.get(key) != (taint.get("value") or "") for key, taint in wanted.items()):
        others = [taint for taint in taints if (taint["key"], taint["effect"]) not in wanted]
        spec["taints"] = others + [{name: value for name, value in taint.items() if value} for taint in wanted.values()]
    if cordon and not is_cordoned(node) and not (node.get("spec") or {}).get("unschedulable"):
        metadata["annotations"] = {CORDON: "true"}
        spec["unschedulable"] = True
    if not metadata and not spec:
        return None
    metadata["resourceVersion"] = node["metadata"]["resourceVersion"]
    return {"metadata": metadata, **({"spec": spec} if spec else {})}


def is_cordoned(node: t.Mapping[str, t.Any]) -> bool:
    """Whether the Node carries a cordon of ours."""
    return CORDON in (node["metadata"].get("annotations") or {})


def uncordon_patch(node: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The merge patch that lifts our cordon."""
    return {
        "metadata": {"annotations": {CORDON: None}, "resourceVersion": node["metadata"]["resourceVersion"]},
        "spec": {"unschedulable": None},
    }


__all__ = ("arrival_patch", "is_cordoned", "uncordon_patch")
