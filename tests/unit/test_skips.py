# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where tests must not be skipped, a skip is a failure; elsewhere it stays a skip."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

from support.paths import ROOT

TESTS = """
import pytest

@pytest.mark.firmware
def test_firmware():
    pytest.skip("no boot loaders")

@pytest.mark.real
@pytest.mark.skipif(True, reason="no kubelet")
def test_real():
    pass

@pytest.mark.parametrize("plane", ["real"])
def test_parameter(plane):
    pytest.skip("no etcd")

def test_other():
    pytest.skip("no data")
"""


@pytest.mark.parametrize(
    ("required", "failed"),
    [
        ("", []),
        ("firmware,browser", ["firmware"]),
        ("firmware,browser,real", ["firmware", "parameter[real]", "real"]),
    ],
)
def test_skip_is_a_failure_where_its_marker_is_required(
    tmp_path: pathlib.Path, required: str, failed: list[str]
) -> None:
    (tmp_path / "test_skips.py").write_text(TESTS)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "conftest", "-c", ROOT / "pyproject.toml", tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "MULTIARCH_TEST_REQUIRE": required},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line.split()[1] for line in run.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    assert sorted(line.partition("::test_")[2] for line in lines) == failed, run.stdout
    assert f"{4 - len(failed)} skipped" in run.stdout
    assert run.returncode == bool(failed)


@pytest.mark.parametrize(("required", "code"), [("", 0), ("firmware,browser", 0), ("firmware,legs", 1)])
def test_a_python_that_is_not_there_fails_its_leg_where_legs_are_required(required: str, code: int) -> None:
    run = subprocess.run(
        [ROOT / "tests/setup/leg.sh", "3.0"],
        env={**os.environ, "MULTIARCH_TEST_REQUIRE": required},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code, run.stderr
    assert "No Python 3.0 here" in run.stdout
