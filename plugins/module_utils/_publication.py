# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run publishes, and under which names. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import INSTALLED

# 64 bits of the hash tell one version from the next; the whole hash is checked by the machine.
NAME_DIGITS = 16


def hashed_name(stem: str, ignition_hash: str, suffix: str) -> str:
    """A name that changes with the bytes, so that a later run never changes what a booting machine reads.

    :param ignition_hash: ``sha512-<hex>``
    """
    return f"{stem}-{ignition_hash.partition('-')[2][:NAME_DIGITS]}{suffix}"


def published_name(artifact: t.Mapping[str, t.Any]) -> str:
    """Where a boot artifact lies in the published folder."""
    return f"{artifact['release']}/{artifact['architecture']}/{artifact['name']}"


def _by_tftp(machines: t.Iterable[t.Mapping[str, t.Any]]) -> list[t.Mapping[str, t.Any]]:
    return [
        machine
        for machine in machines
        if machine["boot_method"] in ("grub", "pxelinux") and machine["boot_transport"] == "tftp"
    ]


def publication(
    machines: t.Sequence[t.Mapping[str, t.Any]],
    ignition: t.Sequence[t.Mapping[str, t.Any]],
    artifacts: t.Sequence[t.Mapping[str, t.Any]],
    initrds: t.Sequence[t.Mapping[str, t.Any]],
    *,
    base_url: str,
    decompressed_kernel: bool = False,
) -> dict[str, list[dict[str, t.Any]]]:
    """Items for the web host (``web``), for the TFTP host (``tftp``) and, for machines that boot by other means, for an
    upload (``put``).

    :param base_url: where the TFTP host fetches what the web host has published by then; empty where nothing will have
        been published, as in check mode: it then asks where the web host would
    :param decompressed_kernel: whether a decompressed copy of the kernel is published for machines that boot by iPXE
    """
    going = [machine for machine in machines if not machine["failed"]]
    booted = [machine for machine in going if machine["boot_method"] in INSTALLED]
    uploaded = {machine["pool"] for machine in going if machine["boot_method"] == "external"}
    put = [_ignition_item(entry, going[0]) for entry in ignition if entry["pool"] in uploaded]
    if not booted:
        return {"web": [], "tftp": [], "put": put}
    cluster = booted[0]["cluster"]["name"]
    web = [_ignition_item(entry, booted[0]) for entry in ignition]
    for entry in initrds:
        name = f"{cluster}/{entry['name']}"
        web.append({"name": name, "file": entry["path"], "sha256": entry["sha256"], "kind": "initrd"})
    for entry in artifacts:
        location = entry["location"]
        source = "url" if "://" in location else "remote_file"
        web.append({"name": published_name(entry), source: location, "sha256": entry["sha256"], "kind": entry["kind"]})
    architectures = {machine["architecture"] for machine in _by_tftp(booted)}
    tftp = []
    for item in web:
        wanted = item["kind"] == "initrd" and architectures
        wanted = wanted or (item["kind"] in ("kernel", "initramfs") and item["name"].split("/")[1] in architectures)
        if wanted:
            published_copy = {**_without_source(item), "url": f"{base_url.rstrip('/')}/{item['name']}"}
            tftp.append(published_copy if base_url else item)
    if decompressed_kernel:
        by_ipxe = {machine["architecture"] for machine in booted if machine["boot_method"] == "ipxe"}
        web = [
            {**item, "decompress": "gzip"}
            if item["kind"] == "kernel" and item["name"].split("/")[1] in by_ipxe
            else item
            for item in web
        ]
    return {"web": web, "tftp": tftp, "put": put}


def _ignition_item(entry: t.Mapping[str, t.Any], machine: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    name = hashed_name(f"{machine['cluster']['name']}/{entry['pool']}", entry["hash"], ".ign")
    return {"name": name, "file": entry["path"], "sha512": entry["hash"], "kind": "ignition"}


def _without_source(item: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {key: value for key, value in item.items() if key not in ("file", "url", "remote_file")}


def published(
    ignition: t.Sequence[t.Mapping[str, t.Any]],
    artifacts: t.Sequence[t.Mapping[str, t.Any]],
    initrds: t.Sequence[t.Mapping[str, t.Any]],
    *,
    web: t.Sequence[t.Mapping[str, t.Any]],
    tftp: t.Sequence[t.Mapping[str, t.Any]],
) -> dict[str, list[dict[str, t.Any]]]:
    """The entries with the URL, and the TFTP path where there is one, under which machines find them.

    :param web: what the web host answered, in the order of :func:`publication`
    :param tftp: what the TFTP host answered
    """
    paths = {item["name"]: f"/{item['name']}" for item in tftp}
    entries = iter([*ignition, *initrds, *artifacts])
    done = []
    for item, entry in zip(web, entries):
        location = {"url": item["url"]}
        if item["name"] in paths:
            location["tftp_path"] = paths[item["name"]]
        if item.get("format"):
            location["format"] = item["format"]
        if item.get("decompressed"):
            location["decompressed_url"] = item["decompressed"]["url"]
        done.append({**entry, **location})
    first, second = len(ignition), len(ignition) + len(initrds)
    return {"ignition": done[:first], "initrds": done[first:second], "artifacts": done[second:]}


__all__ = ("NAME_DIGITS", "hashed_name", "publication", "published", "published_name")
