# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site for one machine: web root, TFTP root, and boot files made by the collection's own modules."""

from __future__ import annotations

import gzip
import hashlib
import pathlib
from typing import Any

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan
from ansible_collections.multiarch.openshift.plugins.modules import ignition_initrd
from ansible_collections.multiarch.openshift.plugins.modules import netboot_config
from firmware.initramfs import initramfs
from firmware.parts import part
from firmware.web import WebServer
from support.module import run_module
from support.netboot import CLUSTER
from support.netboot import RELEASE
from support.netboot import artifacts

MAC = "52:54:00:00:00:0b"
IGNITION = b'{"ignition":{"version":"3.4.0"},"storage":{},"kernelArguments":{}}\n'
IGNITION_HASH = f"sha512-{hashlib.sha512(IGNITION).hexdigest()}"
ROOTFS = bytes(range(256)) * 4096
VARIABLES: dict[str, Any] = {
    "machine_addresses": ["192.0.2.11"],
    "machine_macs": [MAC],
    "machine_install_device": "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
}


class Site:
    """Folders as a site's web and TFTP server have them. Kernel and initrds lie in both."""

    def __init__(self, folder: pathlib.Path, web: WebServer, *, www: pathlib.Path) -> None:
        self.folder, self.www, self.tftp, self.web = folder, www, folder / "tftp", web
        self.below = ""
        """Folder of the boot artifacts, with a slash in front."""
        self.grub = self.tftp / "efi"
        self.grub.mkdir(parents=True)

    def lay(self, name: str, content: bytes) -> None:
        """Put a file below both roots."""
        for root in (self.www, self.tftp):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)

    def artifact_path(self, architecture: str, kind: str) -> str:
        """Where a boot artifact lies below the web and TFTP roots."""
        names = {entry["kind"]: entry["name"] for entry in artifacts(architecture)}
        return f"{self.below}/{RELEASE}/{architecture}/{names[kind]}"

    def arm(
        self, variables: dict[str, Any], *, entry_paths: dict[str, str] | None = None, decompressed: bool = False
    ) -> dict[str, Any]:
        """Plan the machine, publish what it needs, write its boot files; return what netboot_config said.

        :param decompressed: whether a decompressed copy of the kernel is published, as artifact_publish names it
        """
        records, problems = plan({"worker-1": {**VARIABLES, **variables}}, ["worker-1"], ["worker-1"])
        assert problems == []
        architecture = records[0]["architecture"]
        published = artifacts(architecture, self.web.url + self.below)
        for entry in published:
            entry["tftp_path"] = self.below + entry["tftp_path"]
            content = _content(architecture, entry["kind"])
            self.lay(entry["tftp_path"].lstrip("/"), content)
            if decompressed and entry["kind"] == "kernel":
                entry["decompressed_url"] = f"{entry['url']}.decompressed"
                self.lay(f"{entry['tftp_path']}.decompressed".lstrip("/"), gzip.decompress(content))
        ignition = {"pool": "worker", "hash": IGNITION_HASH, "url": f"{self.web.url}/{ignition_path()}"}
        self.lay(ignition_path(), IGNITION)
        private = self.folder / "private"
        made = run_module(ignition_initrd.main, {"machines": records, "ignition": [ignition], "dest": str(private)})[
            "initrds"
        ]
        for entry in made:
            entry["tftp_path"] = f"/{CLUSTER}/{entry['name']}"
            entry["url"] = f"{self.web.url}/{CLUSTER}/{entry['name']}"
            self.lay(entry["tftp_path"].lstrip("/"), pathlib.Path(entry["path"]).read_bytes())
        result = run_module(
            netboot_config.main,
            {
                "machines": records,
                "cluster": CLUSTER,
                "ignition": [ignition],
                "artifacts": published,
                "initrds": made,
                "version": "4.16.3",
                "base_url": self.web.url,
                "directory": str(self.www),
                "grub_directory": str(self.grub),
                "tftp_directory": str(self.tftp),
                "entry_paths": entry_paths or {},
            },
        )
        assert [machine["reason"] for machine in result["machines"]] == [""]
        assert result["written"]
        return result

    def withdraw(self) -> None:
        """Take the machine's boot files away while the run goes on."""
        result = run_module(
            netboot_config.main,
            {
                "machines": [{"name": "worker-1", "macs": [MAC]}],
                "state": "local_boot",
                "cluster": CLUSTER,
                "directory": str(self.www),
                "grub_directory": str(self.grub),
                "tftp_directory": str(self.tftp),
            },
        )
        assert result["changed"]


def ignition_path() -> str:
    """Where the worker pool's ignition lies below the web root."""
    return f"{CLUSTER}/worker-{IGNITION_HASH[len('sha512-') :][:16]}.ign"


def _content(architecture: str, kind: str) -> bytes:
    if kind == "rootfs":
        return ROOTFS
    if kind == "initramfs":
        return initramfs(architecture)
    kernel = (part(architecture) / "kernel").read_bytes()
    # RHEL 8 and 9 ship the aarch64 kernel as a gzip file.
    return gzip.compress(kernel, compresslevel=1) if architecture == "aarch64" else kernel


__all__ = ("IGNITION", "IGNITION_HASH", "MAC", "ROOTFS", "Site", "ignition_path")
