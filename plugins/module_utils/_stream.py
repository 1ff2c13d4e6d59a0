# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boot artifacts: what the cluster's own ConfigMap says about RHCOS images. Private to the collection.

Names are taken from the locations and never built: their scheme changed more than once.
"""

from __future__ import annotations

import json
import posixpath
import re
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._jmespath import search

NAMESPACE = "openshift-machine-config-operator"
NAME = "coreos-bootimages"
CONFIG_MAP = f"ConfigMap {NAMESPACE}/{NAME}"
# Source: stream-metadata-go, stream/stream.go
FORMATS: dict[str, dict[str, str]] = {
    "iso": {"iso": "disk"},
    "pxe": {"kernel": "kernel", "initramfs": "initramfs", "rootfs": "rootfs"},
}
# What a machine that is booted this way needs; "external" is booted by other means
FORMAT_BY_BOOT_METHOD = {"grub": "pxe", "ipxe": "pxe", "pxelinux": "pxe", "iso": "iso"}

_SHA256 = re.compile(r"[0-9a-f]{64}")
# It stands in boot files and on kernel lines: nothing that a loader or a URL would read as something else
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*")


class _Hole(Exception):
    """One thing that the stream does not have."""


def needed(machines: t.Sequence[t.Mapping[str, t.Any]]) -> list[tuple[str, str]]:
    """Architecture and format of what machines boot from, without those that have failed."""
    pairs = {
        (machine["architecture"], FORMAT_BY_BOOT_METHOD[machine["boot_method"]])
        for machine in machines
        if not machine.get("failed") and machine["boot_method"] in FORMAT_BY_BOOT_METHOD
    }
    return sorted(pairs)


def read_stream(config_map: t.Mapping[str, t.Any] | None, stream: str = "") -> tuple[dict[str, t.Any], str]:
    """The stream metadata and where it stands: the default stream, or the one that is named in ``streams``.

    :raises OperationError: there is no such stream
    """
    if config_map is None:
        raise OperationError(
            f"{CONFIG_MAP} does not exist.", "Clusters have it since 4.8; is this one older, or does it miss a part?"
        )
    entries = config_map.get("data") or {}
    key = "streams" if stream else "stream"
    if not entries.get(key):
        if stream:
            raise OperationError(
                f"{CONFIG_MAP} has no streams to choose {stream!r} from, only its default one.",
                "Leave the stream out.",
            )
        raise OperationError(f"{CONFIG_MAP} has no key {key}.", f"It has {_names(entries)}.")
    try:
        document = json.loads(entries[key])
    except ValueError as exc:
        raise OperationError(f"{CONFIG_MAP}, key {key}, is not JSON: {exc}.") from None
    if not isinstance(document, dict):
        raise OperationError(f"{CONFIG_MAP}, key {key}, is JSON, but no object.")
    if not stream:
        return document, key
    # By the key alone: the name inside a stream's metadata is not the name that the cluster knows it by.
    if not isinstance(document.get(stream), dict):
        raise OperationError(f"{CONFIG_MAP} has no stream {stream!r}.", f"It has {_names(document)}.")
    return document[stream], f"streams[{stream}]"


def boot_artifacts(
    document: t.Mapping[str, t.Any],
    where: str,
    pairs: t.Sequence[tuple[str, str]],
    *,
    source: str = "stream",
) -> list[dict[str, str]]:
    """The artifacts of each architecture and format, with hashes by the ConfigMap whatever the source.

    :raises OperationError: with everything that is missing
    """
    check_source(source)
    artifacts: list[dict[str, str]] = []
    holes: list[str] = []
    for architecture, image_format in pairs:
        for kind, field in FORMATS[image_format].items():
            metal = ["architectures", architecture, "artifacts", "metal"]
            entry = [*metal, "formats", image_format, field]
            artifact = {"architecture": architecture, "kind": kind}
            for read, path in ((_location, "location"), (_sha256, "sha256"), (_release, "release")):
                try:
                    artifact.update(read(document, [*(metal if path == "release" else entry), path]))
                except _Hole as hole:
                    holes.append(str(hole))
            if source != "stream" and "name" in artifact:
                artifact["location"] = f"{source.rstrip('/')}/{artifact['name']}"
            artifacts.append(artifact)
    if holes:
        # one missing parent is found many times
        raise OperationError("\n".join(f"{CONFIG_MAP}, {where}: {hole}." for hole in dict.fromkeys(holes)))
    return artifacts


def check_source(source: str) -> None:
    """Refuse what is neither ``stream`` nor a base URL nor an absolute folder.

    :raises OperationError: says which of them it fails to be
    """
    if source == "stream" or source.startswith("/"):
        return
    parts = _web_url(source)
    if parts is None:
        raise OperationError(
            f"The source of boot artifacts is {source!r}.",
            "Give 'stream', an http or https URL, or an absolute folder.",
        )
    if "@" in parts.netloc:
        raise OperationError(
            f"The source of boot artifacts at {parts.hostname} has a password in its URL, which would be in every log.",
            "Give a mirror that needs none, or copy the files to a folder on the web host.",
        )
    if parts.query or parts.fragment:
        raise OperationError(f"The source of boot artifacts {source!r} is no base URL: it has a query or fragment.")


def _web_url(text: str) -> urllib.parse.SplitResult | None:
    try:
        parts = urllib.parse.urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", text)
    except ValueError:
        return None
    return parts if usable else None


def _location(document: t.Mapping[str, t.Any], path: t.Sequence[str]) -> dict[str, str]:
    location = _text(document, path)
    parts = _web_url(location)
    if parts is None:
        raise _Hole(f"{_path(path)} is {location!r}, no http or https URL")
    name = posixpath.basename(parts.path)
    if not _FILE_NAME.fullmatch(name):
        raise _Hole(f"{_path(path)} ends in {name!r}, which cannot be used as a file name")
    return {"location": location, "name": name}


def _sha256(document: t.Mapping[str, t.Any], path: t.Sequence[str]) -> dict[str, str]:
    sha256 = _text(document, path).lower()
    if not _SHA256.fullmatch(sha256):
        raise _Hole(f"{_path(path)} is {sha256!r}, not 64 hexadecimal digits")
    return {"sha256": sha256}


def _release(document: t.Mapping[str, t.Any], path: t.Sequence[str]) -> dict[str, str]:
    release = _text(document, path)
    if not _FILE_NAME.fullmatch(release):
        raise _Hole(f"{_path(path)} is {release!r}, which cannot be used as a folder name")
    return {"release": release}


def _text(document: t.Mapping[str, t.Any], path: t.Sequence[str]) -> str:
    """The text at the end of the path; a hole at the first step that is missing."""
    parent: t.Any = document
    for index in range(len(path)):
        found = search(_expression(path[: index + 1]), document)
        # jq writes the word null for what is missing, and people build ConfigMaps with it
        if found is None or found in ("", "null"):
            raise _Hole(f"{_path(path[: index + 1])} is missing{_existing(parent)}")
        parent = found
    if not isinstance(parent, str):
        raise _Hole(f"{_path(path)} is {json.dumps(parent)[:60]}, not a text")
    return parent


def _expression(path: t.Sequence[str]) -> str:
    return ".".join(json.dumps(step) for step in path)


def _path(path: t.Sequence[str]) -> str:
    return "." + ".".join(step if re.fullmatch(r"\w+", step) else f'"{step}"' for step in path)


def _existing(parent: t.Any) -> str:
    return f" (there is only {_names(parent)})" if isinstance(parent, dict) else ""


def _names(entries: t.Mapping[str, t.Any]) -> str:
    return ", ".join(sorted(entries)) or "nothing"


def stamp_warnings(config_map: t.Mapping[str, t.Any], payload_version: str) -> list[str]:
    """What to say where the ConfigMap was last stamped by another release's Machine Config Operator."""
    stamp = (config_map.get("data") or {}).get("MCOReleaseImageVersion")
    if not payload_version or not stamp or stamp == payload_version:
        return []
    return [
        f"{CONFIG_MAP} is stamped by the Machine Config Operator of {stamp}, while the cluster is to run"
        f" {payload_version}: an update may still be going on."
    ]


__all__ = ("FORMATS", "boot_artifacts", "check_source", "needed", "read_stream", "stamp_warnings")
