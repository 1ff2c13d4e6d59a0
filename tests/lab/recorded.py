# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of real clusters, as they were recorded, with what a site of the lab must have of its own in them."""

from __future__ import annotations

import base64
import copy
import json
import pathlib
from typing import Any

import yaml

Item = dict[str, Any]

VERSION, USER_DATA, BOOT_IMAGES = (
    "clusterversion-4.15-multi.yaml",
    "worker-user-data-secrets.json",
    "coreos-bootimages-4.10-aarch64.yaml",
)
# The API server's own
_SERVER_SIDE = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")


def instead_of(made: Item, data: pathlib.Path) -> Item:
    """The recorded object in place of one that the lab has made; that one where nothing like it was recorded.

    :param data: folder of the recorded objects
    """
    key = (made["kind"], made["metadata"]["name"])
    file_name, patch = {
        ("ClusterVersion", "version"): (VERSION, _cluster_version),
        ("Secret", "worker-user-data-managed"): (USER_DATA, _user_data),
        ("ConfigMap", "coreos-bootimages"): (BOOT_IMAGES, _boot_images),
    }.get(key, ("", None))
    if patch is None or not (data / file_name).exists():
        return made
    recorded = yaml.safe_load((data / file_name).read_text())
    recorded = next(item for item in recorded.get("items", [recorded]) if item["metadata"]["name"] == key[1])
    kept = {name: value for name, value in recorded["metadata"].items() if name not in _SERVER_SIDE}
    return patch({**recorded, "metadata": kept}, copy.deepcopy(made))


def _cluster_version(recorded: Item, made: Item) -> Item:
    """Of this version, and with its update at an end: no finished multi-architecture one was recorded."""
    status, own = recorded["status"], made["status"]
    text = json.dumps(recorded).replace(status["desired"]["version"], own["desired"]["version"])
    recorded = json.loads(text.replace(status["desired"]["image"], own["desired"]["image"]))
    finished = {entry["type"]: entry for entry in own["conditions"] if entry["type"] in ("Available", "Progressing")}
    status = recorded["status"]
    status["conditions"] = [finished.get(entry["type"], entry) for entry in status["conditions"]]
    status["history"][0] = own["history"][0]
    return recorded


def _user_data(recorded: Item, made: Item) -> Item:
    """The pointer config with the machine-config server of this site, and its CA."""
    config, own = (json.loads(base64.b64decode(item["data"]["userData"])) for item in (recorded, made))
    config["ignition"]["config"]["merge"][0]["source"] = own["ignition"]["config"]["merge"][0]["source"]
    authorities, own_ones = (each["ignition"]["security"]["tls"]["certificateAuthorities"] for each in (config, own))
    authorities[0]["source"] = own_ones[0]["source"]
    text = json.dumps(config, separators=(",", ":"))
    recorded["data"]["userData"] = base64.b64encode(text.encode()).decode()
    return recorded


def _boot_images(recorded: Item, made: Item) -> Item:
    """With what the site's mirror has; all other platforms, formats and architectures stay."""
    stream, own = (json.loads(item["data"]["stream"]) for item in (recorded, made))
    for architecture, content in own["architectures"].items():
        metal = stream["architectures"][architecture]["artifacts"]["metal"]
        metal["release"] = content["artifacts"]["metal"]["release"]
        metal["formats"].update(content["artifacts"]["metal"]["formats"])
    recorded["data"].update(releaseVersion=made["data"]["releaseVersion"], stream=json.dumps(stream, indent=2))
    return recorded
