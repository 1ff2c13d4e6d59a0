# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Appends a batch of events in Ansible's own process: no step of a run may cost a module for its report."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pathlib
import platform
import typing as t

import yaml
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as ansible_version

from ansible_collections.multiarch.openshift.plugins.module_utils import _run_events as run_events
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._event_file import EventFile
from ansible_collections.multiarch.openshift.plugins.modules.run_events import ARGUMENT_SPEC

COLLECTION = pathlib.Path(__file__).resolve().parents[2]


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        result["changed"] = False
        if arguments["step"] == "ended":
            result["summary"] = run_events.summary(
                arguments["machines"], arguments["verdicts"], names=arguments["names"], stop=arguments["stop"]
            )
        if self._task.check_mode or not arguments["path"]:
            return result
        try:
            with EventFile(arguments["path"]) as file:
                for event in _events(arguments):
                    file.note(event)
        except OperationError as error:
            return {**result, "failed": True, "msg": str(error)}
        return result


def _events(arguments: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    if arguments["step"] == "started":
        return run_events.started(arguments["names"], _versions())
    facts = {name: arguments[name] for name in ("findings", "payload", "published")}
    if arguments["step"] == "in_place":
        return run_events.in_place(arguments["machines"], **facts)
    return run_events.ended(
        arguments["machines"],
        **facts,
        join=arguments["join"],
        ingress=arguments["ingress"],
        verdicts=arguments["verdicts"],
        site_changes=arguments["site_changes"],
        stop=arguments["stop"],
        armed=arguments["armed"],
    )


def _versions() -> dict[str, str]:
    versions = {
        "multiarch.openshift": _collection_version(COLLECTION),
        "ansible-core": ansible_version,
        "Python": platform.python_version(),
        "kubernetes.core": _collection_version(_folder("ansible_collections.kubernetes.core")),
    }
    for distribution in ("kubernetes", "openshift"):
        try:
            versions[f"{distribution} (Python)"] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {name: version for name, version in versions.items() if version}


def _folder(package: str) -> pathlib.Path | None:
    try:
        return pathlib.Path(next(iter(importlib.import_module(package).__path__)))
    except (ImportError, StopIteration):
        return None


def _collection_version(folder: pathlib.Path | None) -> str:
    """The version of an installed collection, or of a checkout."""
    if folder is None:
        return ""
    try:
        return str(json.loads((folder / "MANIFEST.json").read_text())["collection_info"]["version"])
    except OSError:
        galaxy = folder / "galaxy.yml"
        return str(yaml.safe_load(galaxy.read_text())["version"]) if galaxy.exists() else ""


__all__ = ("ActionModule",)
