# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the server says about itself: groups, versions, resources with their subresources."""

from __future__ import annotations

from typing import Any

from lab.simulator import kinds
from lab.simulator.kinds import KINDS
from lab.simulator.kinds import VERBS
from lab.simulator.kinds import Kind

Item = dict[str, Any]

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.4",
    "gitCommit": "simulated",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}
HEALTH = ("/healthz", "/livez", "/readyz")


def document(path: str) -> Item | str | None:
    """The answer to a path that is no resource; None where there is none."""
    path = path.rstrip("/")
    if path in HEALTH:
        return "ok"
    if path == "/version":
        return VERSION
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if path == "/apis":
        groups = dict.fromkeys(kind.group for kind in KINDS if kind.group)
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in groups]}
    parts = path.strip("/").split("/")
    if parts[0] == "apis" and len(parts) == 2 and _versions(parts[1]):
        return {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1])}
    if parts == ["api", "v1"]:
        return _resources("", "v1")
    if parts[0] == "apis" and len(parts) == 3 and parts[2] in _versions(parts[1]):
        return _resources(parts[1], parts[2])
    return None


def serves(group: str, version: str) -> bool:
    return version in _versions(group)


def _versions(group: str) -> list[str]:
    return list(dict.fromkeys(kind.version for kind in KINDS if kind.group == group))


def _group(group: str) -> Item:
    versions = [{"groupVersion": f"{group}/{version}", "version": version} for version in _versions(group)]
    return {"name": group, "versions": versions, "preferredVersion": versions[0]}


def _resources(group: str, version: str) -> Item:
    resources: list[Item] = []
    for kind in KINDS:
        if (kind.group, kind.version) == (group, version):
            resources += _resource(kind)
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _resource(kind: Kind) -> list[Item]:
    result: list[Item] = [
        {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": list(VERBS) if kind.stored else ["create"],
        }
    ]
    if kind.short_names:
        result[0]["shortNames"] = list(kind.short_names)
    for subresource in kind.subresources:
        entry: Item = {
            "name": f"{kind.plural}/{subresource}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": ["get", "patch", "update"],
        }
        if kind is kinds.SERVICE_ACCOUNT:
            entry.update(kind="TokenRequest", group="authentication.k8s.io", version="v1", verbs=["create"])
        result.append(entry)
    return result
