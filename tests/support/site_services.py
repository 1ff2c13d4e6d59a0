# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""DHCP and DNS servers that tests/setup/site_services.sh unpacked, run through the loader that came with them."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from support.paths import ROOT

SERVICES = ROOT / ".cache" / "site-services"
_LIBRARIES = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/lib")


def command(program: str) -> list[str]:
    """The words that start it; skips the test where it was not fetched."""
    if not (SERVICES / "made-from").exists():
        pytest.skip(
            f"no DHCP servers in {SERVICES}: run tests/setup/site_services.sh {SERVICES} on a Debian with a network"
        )
    root = SERVICES / "root"
    libraries = ":".join(str(root / folder) for folder in _LIBRARIES)
    path = next(path for folder in ("usr/sbin", "usr/bin") if (path := root / folder / program).exists())
    return [str(root / "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries, str(path)]


def environment(folder: pathlib.Path) -> dict[str, str]:
    """Where Kea may write."""
    return {**os.environ, "KEA_LOCKFILE_DIR": "none", "KEA_PIDFILE_DIR": str(folder), "LC_ALL": "C"}


def check(folder: pathlib.Path, program: str, *arguments: str) -> str:
    """What a syntax test says; fails where the program does not accept what it reads."""
    done = subprocess.run(
        [*command(program), *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


__all__ = ("SERVICES", "check", "command", "environment")
