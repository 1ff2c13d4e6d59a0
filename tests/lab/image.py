# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The metal image that a real machine's installer writes: as small as it takes one, made without privileges."""

from __future__ import annotations

import json
import pathlib
import subprocess
import tempfile

MEBIBYTE = 1024 * 1024
IMAGE_SIZE = 96 * MEBIBYTE
_BOOT_SIZE = 40 * MEBIBYTE
_TABLE = f"label: gpt\nsize=1MiB, name=BIOS-BOOT\nsize={_BOOT_SIZE // MEBIBYTE}MiB, name=boot\nsize=40MiB, name=root\n"
INITRAMFS = "an initramfs"
# What the installer edits: consoles in grub.cfg, kernel arguments in the boot entry, first-boot arguments in the stamp,
# and behind the initramfs the network configuration that it copies.
_BOOT_FILES = {
    "initramfs": INITRAMFS,
    "ignition.firstboot": "",
    "grub2/grub.cfg": "set timeout=1\n# CONSOLE-SETTINGS-START\n# CONSOLE-SETTINGS-END\nblscfg\n",
    "loader/entries/ostree-1.conf": "title lab\nversion 1\n"
    "options ignition.platform.id=metal $ignition_firstboot root=UUID=1\nlinux /vmlinuz\ninitrd /initramfs\n",
}


def make_image(path: pathlib.Path) -> pathlib.Path:
    """Writes an image with a partition table and a `boot` file system."""
    with path.open("wb") as stream:
        stream.truncate(IMAGE_SIZE)
    _run("sfdisk", "--quiet", str(path), stdin=_TABLE)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name, text in _BOOT_FILES.items():
            file = pathlib.Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        pathlib.Path(folder, "ignition").mkdir()
        options = ["-q", "-F", "-t", "ext4", "-L", "boot", "-d", folder, "-E", f"offset={_boot_offset(str(path))}"]
        _run("mke2fs", *options, str(path), f"{_BOOT_SIZE // 1024}k")
    return path


def read_boot(disk: str, name: str) -> bytes:
    """A file of the `boot` file system of a disk or image; empty where there is none."""
    return _run("debugfs", "-R", f"cat /{name}", f"{disk}?offset={_boot_offset(disk)}")


def _boot_offset(disk: str) -> int:
    table = json.loads(_run("sfdisk", "--json", disk))["partitiontable"]
    for partition in table.get("partitions", []):
        if partition.get("name") == "boot":
            return int(partition["start"]) * 512
    raise ValueError(f"{disk} has no partition boot")


def _run(*arguments: str, stdin: str = "") -> bytes:
    done = subprocess.run(arguments, input=stdin.encode(), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
