# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine and published files as the steps before netboot_config return them."""

from __future__ import annotations

import typing as t

BASE_URL = "http://192.0.2.5:8080/openshift"
CLUSTER = "lab-x7k2p"
RELEASE = "416.94.202405291527-0"
IGNITION_HASH = "sha512-" + "0123456789abcdef" * 8
SHORT = "0123456789abcdef"


def machine(**changes: t.Any) -> dict[str, t.Any]:
    """The record of an ARM machine that boots by GRUB."""
    return {
        "name": "worker-arm-1",
        "node_name": "worker-arm-1",
        "addresses": ["192.0.2.11"],
        "architecture": "aarch64",
        "boot_method": "grub",
        "boot_transport": "http",
        "macs": ["52:54:00:00:00:0b"],
        "pool": "worker",
        "install_device": "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
        "ignition_delivery": "verified",
        "consoles": [],
        "live_kernel_arguments": [],
        "network_arguments": ["ip=eno1:dhcp"],
        "arm": True,
        "stage": "planned",
        "failed": False,
        "reason": "",
        "reason_code": "",
        "hint": "",
        "changed": False,
        "warnings": [],
        **changes,
    }


def artifacts(
    architecture: str = "aarch64", base_url: str = BASE_URL, release: str = RELEASE
) -> list[dict[str, t.Any]]:
    """Kernel, initramfs and rootfs, published."""
    names = {
        "kernel": f"rhcos-{release}-live-kernel-{architecture}",
        "initramfs": f"rhcos-{release}-live-initramfs.{architecture}.img",
        "rootfs": f"rhcos-{release}-live-rootfs.{architecture}.img",
    }
    return [
        {
            "architecture": architecture,
            "kind": kind,
            "name": name,
            "release": release,
            "url": f"{base_url}/{release}/{architecture}/{name}",
            "tftp_path": f"/{release}/{architecture}/{name}",
        }
        for kind, name in names.items()
    ]


def ignition(base_url: str = BASE_URL) -> list[dict[str, t.Any]]:
    """The worker pool's ignition, published."""
    return [{"pool": "worker", "hash": IGNITION_HASH, "url": f"{base_url}/{CLUSTER}/worker-{SHORT}.ign"}]


def initrds(base_url: str = BASE_URL) -> list[dict[str, t.Any]]:
    """The initrd that pins it, published."""
    name = f"verify-{SHORT}.img"
    return [
        {
            "pool": "worker",
            "hash": IGNITION_HASH,
            "name": name,
            "url": f"{base_url}/{CLUSTER}/{name}",
            "tftp_path": f"/{CLUSTER}/{name}",
        }
    ]
