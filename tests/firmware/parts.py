# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the boot loaders and kernels lie that tests/setup/firmware.sh unpacked from Debian's packages."""

from __future__ import annotations

import pathlib
import shutil

import pytest

from support.paths import ROOT

PARTS = ROOT / ".cache" / "firmware"
QEMU = {"aarch64": "qemu-system-aarch64", "x86_64": "qemu-system-x86_64"}
QEMU_PACKAGES = "qemu-system-arm qemu-system-x86"


def qemu(architecture: str) -> str:
    """The emulator; skips the test where it is not installed."""
    program = shutil.which(QEMU[architecture])
    if program is None:
        pytest.skip(f"{QEMU[architecture]} is not here: apt-get install --no-install-recommends {QEMU_PACKAGES}")
    return program


def part(name: str) -> pathlib.Path:
    """A boot loader, kernel or folder of modules; skips the test where they were not fetched."""
    if not (PARTS / "made-from").exists():
        pytest.skip(f"no boot loaders in {PARTS}: run tests/setup/firmware.sh {PARTS} on a Debian with a network")
    return PARTS / name


__all__ = ("part", "qemu")
