# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run publishes, and under which names. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import INSTALLED

# 64 bits of the hash tell one version from the next; the whole hash is checked by the machine.
NAME_DIGITS = 16
# An ISO that installs by itself
CUSTOMIZED_NAME = re.compile(rf"install-(?:aarch64|x86_64)-[0-9a-f]{{{NAME_DIGITS}}}\.iso")


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


def takes_uploads(machine: t.Mapping[str, t.Any]) -> bool:
    """Whether what it fetches can lie on a server that files are sent to by PUT: nothing is made there for it.

    A customised ISO is made on the web host, boot loaders and BMCs read from it, and boot files are written there.
    """
    if machine["boot_method"] == "external":
        return True
    by_hand = machine["boot_method"] == "iso" and machine.get("iso_install") == "by_hand"
    return by_hand and not machine.get("bmc_url")


def address_for(machine: t.Mapping[str, t.Any], entry: t.Mapping[str, t.Any]) -> str:
    """Where this machine fetches a published entry; empty where that was not published for it."""
    uploaded = entry.get("uploaded_url") if takes_uploads(machine) else ""
    return str(uploaded or entry.get("url") or "")


def publication(
    machines: t.Sequence[t.Mapping[str, t.Any]],
    ignition: t.Sequence[t.Mapping[str, t.Any]],
    artifacts: t.Sequence[t.Mapping[str, t.Any]],
    initrds: t.Sequence[t.Mapping[str, t.Any]],
    *,
    base_url: str,
    put_url: str = "",
    decompressed_kernel: bool = False,
) -> dict[str, list[dict[str, t.Any]]]:
    """Items for the web host (``web``), for the TFTP host (``tftp``) and for an upload (``put``).

    :param base_url: where the TFTP host, and an upload, fetch what the web host has published by then; empty where
        nothing will have been published, as in check mode: they then ask where the web host would
    :param put_url: where uploads go; empty where there is no such server, and the web host serves all that boot
    :param decompressed_kernel: whether a decompressed copy of the kernel is published for machines that boot by iPXE
    """
    going = [machine for machine in machines if not machine["failed"]]
    uploaded: list[t.Mapping[str, t.Any]] = []
    served: list[t.Mapping[str, t.Any]] = []
    for machine in going:
        (uploaded if put_url and takes_uploads(machine) else served).append(machine)
    booted = [machine for machine in served if machine["boot_method"] in INSTALLED]
    web = _web_items(booted, ignition, artifacts, initrds, left_out=uploaded) if booted else []
    architectures = {machine["architecture"] for machine in _by_tftp(booted)}
    tftp = []
    for item in web:
        wanted = item["kind"] == "initrd" and architectures
        wanted = wanted or (item["kind"] in ("kernel", "initramfs") and item["name"].split("/")[1] in architectures)
        if wanted:
            tftp.append(_copied(item, base_url))
    put = _put_items(uploaded, ignition, artifacts, {item["name"] for item in web}, base_url)
    if decompressed_kernel:
        by_ipxe = {machine["architecture"] for machine in booted if machine["boot_method"] == "ipxe"}
        web = [
            {**item, "decompress": "gzip"}
            if item["kind"] == "kernel" and item["name"].split("/")[1] in by_ipxe
            else item
            for item in web
        ]
    return {"web": web, "tftp": tftp, "put": put}


def _web_items(
    booted: t.Sequence[t.Mapping[str, t.Any]],
    ignition: t.Sequence[t.Mapping[str, t.Any]],
    artifacts: t.Sequence[t.Mapping[str, t.Any]],
    initrds: t.Sequence[t.Mapping[str, t.Any]],
    *,
    left_out: t.Sequence[t.Mapping[str, t.Any]],
) -> list[dict[str, t.Any]]:
    """:param left_out: machines that fetch what is uploaded for them"""
    cluster = booted[0]["cluster"]["name"]
    elsewhere = {machine["pool"] for machine in left_out} - {machine["pool"] for machine in booted}
    web = [_ignition_item(entry, booted[0]) for entry in ignition if entry["pool"] not in elsewhere]
    for entry in initrds:
        name = f"{cluster}/{entry['name']}"
        web.append({"name": name, "file": entry["path"], "sha256": entry["sha256"], "kind": "initrd"})
    with_iso = {machine["architecture"] for machine in booted if machine["boot_method"] == "iso"}
    without_iso = {machine["architecture"] for machine in left_out if machine["boot_method"] == "iso"} - with_iso
    return web + [
        _artifact_item(entry)
        for entry in artifacts
        if not (entry["kind"] == "iso" and entry["architecture"] in without_iso)
    ]


def _put_items(
    uploaded: t.Sequence[t.Mapping[str, t.Any]],
    ignition: t.Sequence[t.Mapping[str, t.Any]],
    artifacts: t.Sequence[t.Mapping[str, t.Any]],
    on_web: t.Container[str],
    base_url: str,
) -> list[dict[str, t.Any]]:
    """:param on_web: names of what the web host has"""
    pools = {machine["pool"] for machine in uploaded}
    architectures = {machine["architecture"] for machine in uploaded if machine["boot_method"] == "iso"}
    items = [_ignition_item(entry, uploaded[0]) for entry in ignition if entry["pool"] in pools]
    for entry in artifacts:
        if entry["kind"] == "iso" and entry["architecture"] in architectures:
            item = _artifact_item(entry)
            items.append(_copied(item, base_url) if item["name"] in on_web else item)
    return items


def _ignition_item(entry: t.Mapping[str, t.Any], machine: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    name = f"{machine['cluster']['name']}/{_ignition_name(entry)}"
    return {"name": name, "file": entry["path"], "sha512": entry["hash"], "kind": "ignition"}


def _ignition_name(entry: t.Mapping[str, t.Any]) -> str:
    return hashed_name(entry["pool"], entry["hash"], ".ign")


def _artifact_item(entry: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    location = entry["location"]
    source = "url" if "://" in location else "remote_file"
    return {"name": published_name(entry), source: location, "sha256": entry["sha256"], "kind": entry["kind"]}


def _copied(item: dict[str, t.Any], base_url: str) -> dict[str, t.Any]:
    """The item as it is fetched from the web host, where it has been published by then."""
    if not base_url:
        return item
    kept = {key: value for key, value in item.items() if key not in ("file", "url", "remote_file")}
    return {**kept, "url": f"{base_url.rstrip('/')}/{item['name']}"}


def published(
    ignition: t.Sequence[t.Mapping[str, t.Any]],
    artifacts: t.Sequence[t.Mapping[str, t.Any]],
    initrds: t.Sequence[t.Mapping[str, t.Any]],
    *,
    web: t.Sequence[t.Mapping[str, t.Any]],
    tftp: t.Sequence[t.Mapping[str, t.Any]],
    put: t.Sequence[t.Mapping[str, t.Any]] = (),
) -> dict[str, list[dict[str, t.Any]]]:
    """The entries that were published, with the URL, and the TFTP path where there is one, under which machines find
    them.

    :param web: what the web host answered
    :param tftp: what the TFTP host answered
    :param put: what the server answered that takes uploads; its URL is ``uploaded_url``
    """
    answers = _Answers(web, tftp, put)
    return {
        # the folder is the cluster's, which the entries do not know
        "ignition": answers.found((entry, f"/{_ignition_name(entry)}") for entry in ignition),
        "initrds": answers.found((entry, f"/{entry['name']}") for entry in initrds),
        "artifacts": answers.found((entry, published_name(entry)) for entry in artifacts),
    }


class _Answers:
    """What was published, by its name or the end of it."""

    def __init__(self, *hosts: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        self._web, self._tftp, self._put = ({item["name"]: item for item in host} for host in hosts)

    def found(self, entries: t.Iterable[tuple[t.Mapping[str, t.Any], str]]) -> list[dict[str, t.Any]]:
        done = ({**entry, **self._where(name)} for entry, name in entries)
        return [entry for entry in done if entry.get("url") or entry.get("uploaded_url")]

    def _where(self, name: str) -> dict[str, t.Any]:
        item, copy, uploaded = (_named(host, name) for host in (self._web, self._tftp, self._put))
        where: dict[str, t.Any] = {}
        if item:
            where["url"] = item["url"]
        if copy:
            where["tftp_path"] = f"/{copy['name']}"
        if uploaded:
            where["uploaded_url"] = uploaded["url"]
        if item.get("format"):
            where["format"] = item["format"]
        if item.get("decompressed"):
            where["decompressed_url"] = item["decompressed"]["url"]
        return where


def _named(items: t.Mapping[str, t.Mapping[str, t.Any]], name: str) -> t.Mapping[str, t.Any]:
    """:param name: a whole name, or its end from a slash on"""
    if not name.startswith("/"):
        return items.get(name) or {}
    return next((item for key, item in items.items() if key.endswith(name)), {})


__all__ = (
    "CUSTOMIZED_NAME",
    "NAME_DIGITS",
    "address_for",
    "hashed_name",
    "publication",
    "published",
    "published_name",
    "takes_uploads",
)
