# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The patch kinds: merge, strategic merge, JSON patch and server-side apply."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import jsonpointer

from lab.simulator.errors import StatusError

Item = dict[str, Any]

# Lists that a strategic merge patch merges, by their path; all others are replaced (Node.spec.taints among them).
MERGE_KEYS = {
    "metadata.ownerReferences": "uid",
    "status.conditions": "type",
    "status.addresses": "type",
    "spec.volumes": "name",
    "spec.containers": "name",
    "spec.initContainers": "name",
    "spec.imagePullSecrets": "name",
    "secrets": "name",
    "imagePullSecrets": "name",
}
# Kinds whose conditions carry no patch strategy are replaced as a whole.
ATOMIC_CONDITIONS = {"CertificateSigningRequest"}


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(target: Item, patch: Item) -> Item:
    """Kubernetes' strategic merge patch, with the directives `$patch: delete` and `$patch: replace`."""
    skip = {"status.conditions"} if target.get("kind") in ATOMIC_CONDITIONS else set()
    result = _strategic(target, patch, "", skip)
    return dict(result)


def json_patch(target: Item, patch: Any) -> Item:
    """RFC 6902."""
    try:
        return dict(jsonpatch.JsonPatch(patch).apply(copy.deepcopy(target)))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError) as error:
        message = "the server rejected our request due to an error in our request"
        raise StatusError(422, message, details={}) from error


def server_side_apply(target: Item, patch: Item, manager: str, *, force: bool, time: str) -> Item:
    """Server-side apply on the level of leaves; lists are leaves, so an applied list replaces the stored one."""
    patch = {key: value for key, value in patch.items() if key not in ("apiVersion", "kind", "status")}
    patch["metadata"] = {
        key: value for key, value in patch.get("metadata", {}).items() if key in ("labels", "annotations", "finalizers")
    }
    managed = [dict(entry) for entry in target["metadata"].get("managedFields", [])]
    own = next((entry for entry in managed if entry["manager"] == manager and entry["operation"] == "Apply"), None)
    wanted = _leaves(patch)
    conflicts = []
    for entry in managed:
        if entry is own:
            continue
        for path in _paths(entry["fieldsV1"]):
            if path in wanted and _value(target, path) != wanted[path]:
                conflicts.append((entry["manager"], "." + ".".join(path)))
    if conflicts and not force:
        causes = [
            {"reason": "FieldManagerConflict", "message": f'conflict with "{who}"', "field": field}
            for who, field in conflicts
        ]
        count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
        words = ", ".join(f'conflict with "{who}": {field}' for who, field in conflicts)
        raise StatusError(409, f"Apply failed with {count}: {words}", details={"causes": causes})
    result = copy.deepcopy(target)
    for path in _paths(own["fieldsV1"]) if own else []:
        if path not in wanted:
            _remove(result, path)
    result = merge(result, patch)
    fields: Item = {}
    for path in wanted:
        place = fields
        for step in path:
            place = place.setdefault(f"f:{step}", {})
    entry = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": target["apiVersion"],
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    others = [each for each in managed if own is None or each["manager"] != manager]
    result["metadata"]["managedFields"] = [*others, entry]
    return dict(result)


def _strategic(target: Any, patch: Any, path: str, skip: set[str]) -> Any:
    if isinstance(patch, list):
        key = MERGE_KEYS.get(path)
        if key and path not in skip and isinstance(target, list):
            return _merge_list(target, patch, key)
        return patch
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            result.pop(key, None)
        else:
            result[key] = _strategic(result.get(key), value, f"{path}.{key}".lstrip("."), skip)
    return result


def _merge_list(target: list[Item], patch: list[Item], key: str) -> list[Item]:
    if any(each.get("$patch") == "replace" for each in patch):
        return [each for each in patch if "$patch" not in each]
    result = {item.get(key): item for item in target}
    for each in patch:
        if each.get("$patch") == "delete":
            result.pop(each.get(key), None)
        else:
            result[each.get(key)] = merge(result.get(each.get(key), {}), each)
    return list(result.values())


def _leaves(value: Item, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    result: dict[tuple[str, ...], Any] = {}
    for key, each in value.items():
        if isinstance(each, dict) and each:
            result.update(_leaves(each, (*path, key)))
        elif each != {}:
            result[(*path, key)] = each
    return result


def _paths(fields: Item, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    result = []
    for key, each in fields.items():
        here = (*path, key.removeprefix("f:"))
        result += _paths(each, here) if each else [here]
    return result


def _value(item: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        item = item.get(step) if isinstance(item, dict) else None
    return item


def _remove(item: Item, path: tuple[str, ...]) -> None:
    parent = _value(item, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)
