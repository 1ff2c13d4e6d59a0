# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real GRUB, in FAT as mtools makes it, out of an ISO onto the TFTP server, and started from there."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
import subprocess

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._fat import FatImage
from ansible_collections.multiarch.openshift.plugins.modules import boot_loaders
from firmware.guest import boot
from firmware.parts import part
from firmware.parts import qemu
from lab.iso import make_iso
from support.module import run_module
from support.site_services import command

pytestmark = pytest.mark.firmware

MAC = "52:54:00:00:00:0b"


def efi_image(folder: pathlib.Path, files: dict[str, pathlib.Path], *options: str) -> pathlib.Path:
    """A file system by mformat, mmd and mcopy."""
    image = folder / "efiboot.img"

    def mtools(program: str, *arguments: str) -> None:
        subprocess.run([*command("mtools"), "-c", program, "-i", str(image), *arguments], check=True, timeout=60)

    mtools("mformat", "-C", *options, "::")
    folders = {str(parent) for name in files for parent in pathlib.PurePosixPath(name).parents} - {"."}
    for name in sorted(folders):
        mtools("mmd", f"::/{name}")
    for name, path in files.items():
        mtools("mcopy", str(path), f"::/{name}")
    return image


@pytest.mark.parametrize(
    ("options", "bits"),
    [
        pytest.param(("-f", "2880"), 12, id="floppy"),
        pytest.param(("-T", "20000", "-h", "16", "-s", "32", "-c", "4"), 16, id="10 MB"),
        pytest.param(("-T", "80000", "-h", "16", "-s", "32", "-c", "1", "-F"), 32, id="FAT32"),
    ],
)
def test_files_come_out_of_every_kind_of_fat(tmp_path: pathlib.Path, options: tuple[str, ...], bits: int) -> None:
    files = {}
    for number, name in enumerate(["EFI/BOOT/BOOTAA64.EFI", "EFI/redhat/grubaa64.efi", "EFI/redhat/shimaa64.efi"]):
        files[name] = tmp_path / f"{number}.efi"
        files[name].write_bytes(hashlib.shake_128(name.encode()).digest(300_000 + number))
    image = FatImage(efi_image(tmp_path, files, *options).read_bytes())
    assert image._bits == bits
    for name, path in files.items():
        assert image.read(name) == path.read_bytes()
    assert image.read("EFI/redhat/mmaa64.efi") is None


def test_grub_out_of_the_iso_starts_from_the_tftp_server(tmp_path: pathlib.Path) -> None:
    qemu("aarch64")
    grub = part("grub-2.06") / "grubaa64.efi"
    image = efi_image(tmp_path, {"EFI/redhat/grubaa64.efi": grub}, "-T", "20000", "-h", "16", "-s", "32", "-c", "4")
    iso = make_iso(tmp_path / "live.iso", "aarch64", "9.6.20251125-1", efi=image.read_bytes())
    tftp = tmp_path / "tftp"
    laid = run_module(
        boot_loaders.main,
        {
            "iso": str(iso),
            "iso_sha256": hashlib.sha256(iso.read_bytes()).hexdigest(),
            "directories": [str(tftp / "grub")],
        },
    )
    assert laid["written"] == [str(tftp / "grub/grubaa64.efi")], laid
    # where Debian's GRUB looks for its menu
    (tftp / "grub/grub.cfg").write_text("echo GRUB of the ISO runs\nsleep 60\n")
    shutil.copytree(part("grub-2.06") / "arm64-efi", tftp / "grub/arm64-efi")
    guest = boot("aarch64", tmp_path, mac=MAC, tftp=tftp, boot_file="grub/grubaa64.efi", until="GRUB of the ISO runs")
    assert "GRUB of the ISO runs" in guest.screen
