# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkManager itself makes of keyfiles and kernel arguments; tests/setup/network_manager.sh gets it."""

from __future__ import annotations

import configparser
import os
import pathlib
import re
import subprocess
import typing as t

import pytest

from support.paths import ROOT

UNPACKED = ROOT / ".cache" / "network-manager"
Profile = dict[str, dict[str, str]]


def read_keyfile(text: str) -> Profile:
    """What nmcli understands of a keyfile; it leaves out in silence what it does not take."""
    # a change that it makes on the way, for without one it prints nothing
    said = _run("usr/bin/nmcli", "--offline", "connection", "modify", "connection.zone", "lab", stdin=text)
    return parse(said)


def from_kernel_arguments(arguments: t.Sequence[str]) -> tuple[str, dict[str, Profile]]:
    """Host name and profiles that the live system starts with."""
    said = _run("usr/lib/NetworkManager/nm-initrd-generator", "-s", "--", *arguments)
    host_name = re.search(r"\*\*\* Hostname '(.*)' \*\*\*", said)
    parts = re.split(r"\*\*\* (Connection|Configuration|Hostname) '(.*)' \*\*\*", said)
    profiles = {
        name: parse(text) for kind, name, text in zip(parts[1::3], parts[2::3], parts[3::3]) if kind == "Connection"
    }
    return host_name.group(1) if host_name else "", profiles


def parse(text: str) -> Profile:
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def _run(program: str, *arguments: str, stdin: str = "") -> str:
    path = UNPACKED / program
    if not path.exists():
        path = pathlib.Path("/", program)
    if not path.exists():
        pytest.skip(f"{path.name} is not here: tests/setup/network_manager.sh .cache/network-manager")
    libraries = [str(folder) for folder in (UNPACKED / "usr/lib").glob("*-linux-gnu")]
    done = subprocess.run(
        [str(path), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries), "LC_ALL": "C"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
