# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small second initrd that makes the installer check the ignition hash on network boot. Private to the collection.

It carries a live Ignition config as ``config.ign``; that config writes one file for coreos-installer, which holds
the hash and, where the machine has any, what no argument of the kernel line can say: consoles and kernel arguments of
the installed system. Disk, network and URL stay documented arguments of the kernel line.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import re
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

FIRST_MINOR = 12
"""The first OpenShift 4 minor whose live system takes this initrd."""

_HASH = re.compile(r"sha512-[0-9a-f]{128}")
_CLUSTER_VERSION = re.compile(r"4\.(\d+)(?:\.|$)")
# 48.84.202109241901-0 is RHCOS of 4.8, 416.94.202405291527-0 of 4.16; 9.8.20260428-0 and later name no minor.
_BOOT_IMAGE_RELEASE = re.compile(r"4(\d{1,2})\.\d{2}\.\d{12}-\d+")


def verifying_initrd(
    ignition_hash: str, *, consoles: t.Sequence[str] = (), kernel_arguments: t.Sequence[str] = ()
) -> bytes:
    """The initrd that pins ``ignition_hash``: a newc archive of one file in one xz stream, always the same bytes."""
    content = live_config(ignition_hash, consoles=consoles, kernel_arguments=kernel_arguments)
    config = cpio_entry("config.ign", content, mode=0o100600)
    archive = config + cpio_entry("TRAILER!!!", b"", mode=0)
    # The kernel's decoder knows CRC32 only.
    return lzma.compress(archive, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC32)


def initrd_name(ignition_hash: str, *, consoles: t.Sequence[str] = (), kernel_arguments: t.Sequence[str] = ()) -> str:
    """Name under which that initrd is published; it changes with the content, so a later run never changes that."""
    settings = ""
    if consoles or kernel_arguments:
        text = _installer_config(ignition_hash, consoles, kernel_arguments)
        settings = f"{hashlib.sha256(text.encode()).hexdigest()[:8]}-"
    return f"verify-{settings}{_hex(ignition_hash)[:16]}.img"


def live_config(ignition_hash: str, *, consoles: t.Sequence[str] = (), kernel_arguments: t.Sequence[str] = ()) -> bytes:
    """Ignition config of the live system. Spec 3.2.0 is read by every release that takes the initrd."""
    _hex(ignition_hash)
    text = urllib.parse.quote(_installer_config(ignition_hash, consoles, kernel_arguments))
    file = {
        "path": "/etc/coreos/installer.d/20-ignition-hash.yaml",
        "mode": 0o644,
        "contents": {"source": f"data:,{text}"},
    }
    config = {"ignition": {"version": "3.2.0"}, "storage": {"files": [file]}}
    return json.dumps(config, separators=(",", ":")).encode()


def check_verified_delivery(version: str, release: str) -> None:
    """Raise OperationError if the cluster's version or the boot image's release is known to be too old.

    ``version`` is that of OpenShift (4.16.3), ``release`` that of RHCOS (416.94.202405291527-0); either may be empty.
    """
    for name, text, pattern in (
        ("OpenShift", version, _CLUSTER_VERSION),
        ("The boot image", release, _BOOT_IMAGE_RELEASE),
    ):
        minor = pattern.match(text)
        if minor and int(minor.group(1)) < FIRST_MINOR:
            raise OperationError(
                f"{name} {text} is too old for machine_ignition_delivery: verified, which needs 4.{FIRST_MINOR}.",
                "Set machine_ignition_delivery: documented, or boot these machines with an ISO.",
            )


def _installer_config(ignition_hash: str, consoles: t.Sequence[str], kernel_arguments: t.Sequence[str]) -> str:
    """YAML with block lists: a console's commas would take a flow list apart."""
    lines = [f"ignition-hash: {ignition_hash}"]
    for key, values in (("console", consoles), ("append-karg", kernel_arguments)):
        if values:
            lines += [f"{key}:", *(f"  - {json.dumps(value)}" for value in values)]
    return "\n".join(lines)


def _hex(ignition_hash: str) -> str:
    if not _HASH.fullmatch(ignition_hash):
        raise OperationError(f"{ignition_hash!r} is not an ignition hash of the form sha512-<128 hex digits>.")
    return ignition_hash[len("sha512-") :]


def cpio_entry(name: str, content: bytes, *, mode: int) -> bytes:
    """One entry of a newc archive: root's, without time or device, so that equal content gives equal bytes."""
    encoded_name = name.encode() + b"\0"
    inode, owner, group, links, time, device, checksum = (0, 0, 0, 1, 0, 0, 0)
    fields = (
        *(inode, mode, owner, group, links, time, len(content)),
        *(device, device, device, device, len(encoded_name), checksum),
    )
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + encoded_name) + _padded(content)


def _padded(part: bytes) -> bytes:
    return part + b"\0" * (-len(part) % 4)


__all__ = ("FIRST_MINOR", "check_verified_delivery", "cpio_entry", "initrd_name", "live_config", "verifying_initrd")
