# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests and nodes as lines, in the columns of ``oc get csr`` and ``oc get nodes``. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._guard import is_ready
from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import created

_ROLE = "node-role.kubernetes.io/"


def csr_table(csrs: t.Iterable[t.Mapping[str, t.Any]], now: float) -> list[str]:
    """Lines of ``oc get csr``."""
    rows = [("NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION")]
    for csr in sorted(csrs, key=lambda csr: csr["metadata"]["name"]):
        spec = csr["spec"]
        seconds = spec.get("expirationSeconds")
        rows.append(
            (
                csr["metadata"]["name"],
                spell_age(now - created(csr)),
                spec.get("signerName") or "<none>",
                spec.get("username") or "<none>",
                spell_age(seconds) if seconds else "<none>",
                _condition(csr),
            )
        )
    return _lines(rows)


def node_table(nodes: t.Iterable[t.Mapping[str, t.Any]], now: float) -> list[str]:
    """Lines of ``oc get nodes``."""
    rows = [("NAME", "STATUS", "ROLES", "AGE", "VERSION")]
    for node in sorted(nodes, key=lambda node: node["metadata"]["name"]):
        labels = node["metadata"].get("labels") or {}
        status = "Ready" if is_ready(node) else "NotReady"
        if (node.get("spec") or {}).get("unschedulable"):
            status += ",SchedulingDisabled"
        roles = sorted(label[len(_ROLE) :] for label in labels if label.startswith(_ROLE))
        version = ((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") or ""
        rows.append(
            (node["metadata"]["name"], status, ",".join(roles) or "<none>", spell_age(now - created(node)), version)
        )
    return _lines(rows)


def pending_lines(entries: t.Iterable[t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    """Requests that wait: who asks and since when; what is decided and why; the next command."""
    words = {"approve": "to be approved", "wait": "undecided"}
    for entry in entries:
        kind = "client" if entry["signer"] == CLIENT_SIGNER else "serving"
        whose = f" for {entry['node_name']}" if entry["node_name"] else ""
        yield f"{entry['name']}  {kind} request{whose}, {spell_age(entry['age'])} old, made by {entry['requestor']}"
        yield f"  {words.get(entry['decision'], 'left alone')}: {entry['detail']} {entry['hint']}".rstrip()
        yield "  run this without --check" if entry["decision"] == "approve" else f"  {entry['command']}"


def spell_age(seconds: float) -> str:
    """An age as ``oc`` spells it. Source: k8s.io/apimachinery, ``duration.HumanDuration``."""
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _two(days // 365, "y", days % 365, "d")


def _two(first: int, unit: str, second: int, smaller: str) -> str:
    return f"{first}{unit}{second}{smaller}" if second else f"{first}{unit}"


def _condition(csr: t.Mapping[str, t.Any]) -> str:
    status = csr.get("status") or {}
    kinds = [entry["type"] for entry in status.get("conditions") or []]
    words = [kind for kind in ("Approved", "Denied", "Failed") if kind in kinds] or ["Pending"]
    return ",".join(words + (["Issued"] if status.get("certificate") else []))


def _lines(written: t.Sequence[tuple[str, ...]]) -> list[str]:
    rows = [tuple(printable(cell) for cell in row) for row in written]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


__all__ = ("csr_table", "node_table", "pending_lines", "spell_age")
