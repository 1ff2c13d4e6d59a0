# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`make demo` from its first line to its last, and the picture of it on the first page."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree

import pytest

from support.paths import PROGRAMS
from support.paths import ROOT

# As `python -m lab.demo`, in a network of its own: the demo's addresses are those of another test's site
DEMO = """
import contextlib, runpy
from lab import namespace
with contextlib.suppress(OSError, AttributeError):
    namespace._unshare()
    namespace._configure_loopback()
runpy.run_module("lab.demo", run_name="__main__")
"""
JOINED = {f"worker-arm-{number}" for number in (1, 2, 3, 4, 5, 7, 8)}


def _make_demo() -> str:
    assert "\n\t@PYTHONPATH=tests $(BIN)/python -m lab.demo\n" in (ROOT / "Makefile").read_text()
    done = subprocess.run(
        [sys.executable, "-c", DEMO],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _words(lines: list[str]) -> set[str]:
    """Without names, numbers and paths, which differ from run to run; folded lines do no harm."""
    text = re.sub(r"csr-\w+", "0", " ".join(lines))
    return {"0" if re.search(r"[\d/]", word) else word for word in text.split()}


@pytest.mark.timeout(600)
def test_seven_machines_join_and_nobody_else_and_the_picture_shows_it() -> None:
    output = _make_demo()
    first, second = output.split("*** ansible-playbook multiarch.openshift.add_arm_workers -i inventory")[1].split(
        "The same command again:"
    )
    proven = "Without the proof on port 10250" not in output
    for run in (first, second) if proven else ():
        assert set(re.findall(r"^(\S+)  proven: ", run, re.M)) >= JOINED
    assert set(re.findall(r"^(\S+) +Ready +arm64 ", first, re.M)) == JOINED | {"worker-arm-6"}
    decided = set(re.findall(r"^(\S+)  client CSR \S+ approved", output, re.M))
    assert decided == JOINED
    (stranger,) = set(re.findall(r"The stranger's (csr-\w+) is still pending", output))
    for run in (first, second):
        assert f"oc adm certificate approve {stranger}" in run.partition("Left alone:")[2]
    assert second.rstrip().endswith("*** Second run: changed=0.")

    if not (proven and (PROGRAMS / "coreos-installer").exists()):
        return  # it says so, and the picture is of a demo that has both
    drawing = runpy.run_path(str(ROOT / "tests/setup/record_demo.py"))
    drawn = [text for text, _kind in drawing["excerpt"](output)]
    picture = xml.etree.ElementTree.parse(ROOT / "docs/demo.svg").getroot()
    shown = [text.text or "" for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert _words(shown[1:]) == _words(drawn), "make picture draws it anew"
