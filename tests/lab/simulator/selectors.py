# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Label and field selectors."""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from lab.simulator.errors import StatusError
from lab.simulator.kinds import Kind

Item = dict[str, Any]
Match = Callable[[Item], bool]
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_EQUALITY = re.compile(rf"\s*({_NAME})\s*(==|=|!=)\s*([-A-Za-z0-9_.]*)\s*")
_SET = re.compile(rf"\s*({_NAME})\s+(in|notin)\s+\(([^()]*)\)\s*")
_EXISTS = re.compile(rf"\s*(!?)\s*({_NAME})\s*")


def selector(kind: Kind, query: Mapping[str, str]) -> Match | None:
    """What `labelSelector` and `fieldSelector` select; None for everything."""
    tests: list[Match] = []
    for term in re.split(r",(?![^(]*\))", query.get("labelSelector") or ""):
        if term.strip():
            tests.append(_label(term))
    for term in (query.get("fieldSelector") or "").split(","):
        if term.strip():
            tests.append(_field(kind, term))
    if not tests:
        return None
    return lambda item: all(test(item) for test in tests)


def _label(term: str) -> Match:
    match = _EQUALITY.fullmatch(term)
    if match:
        key, operator, value = match.groups()
        if operator == "!=":
            return lambda item: _labels(item).get(key) != value
        return lambda item: _labels(item).get(key) == value
    match = _SET.fullmatch(term)
    if match:
        key, operator = match[1], match[2]
        values = {each.strip() for each in match[3].split(",")}
        if operator == "in":
            return lambda item: _labels(item).get(key) in values
        return lambda item: _labels(item).get(key) not in values
    match = _EXISTS.fullmatch(term)
    if match:
        absent, key = bool(match[1]), match[2]
        return lambda item: (key in _labels(item)) is not absent
    raise StatusError(400, f"unable to parse requirement: {term}")


def _labels(item: Item) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _field(kind: Kind, term: str) -> Match:
    match = re.fullmatch(r"\s*([A-Za-z.]+)\s*(==|=|!=)\s*(.*?)\s*", term)
    if not match:
        raise StatusError(400, f"invalid field selector: {term}")
    path, operator, value = match.groups()
    supported = ("metadata.name", *(("metadata.namespace",) if kind.namespaced else ()), *kind.fields)
    if path not in supported:
        raise StatusError(400, f"field label not supported: {path}")
    steps = path.split(".")
    return lambda item: (_text(item, steps) == value) is (operator != "!=")


def _text(item: Any, steps: list[str]) -> str:
    for step in steps:
        item = item.get(step) if isinstance(item, dict) else None
    if item is None:
        # Go's zero value: an absent boolean is false, an absent text is empty.
        return "false" if steps[-1] == "unschedulable" else ""
    return str(item).lower() if isinstance(item, bool) else str(item)
