# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where test data and programs lie. The only file that reads these environment variables.

MULTIARCH_TEST_DATA   folder of recorded public objects (default: ../shared/data beside the checkout)
KUBEBUILDER_ASSETS    folder of etcd, kube-apiserver, kube-controller-manager and kubectl (the envtest convention)
                      and, for real machines, of coreos-installer, ignition, kubelet and the other programs that
                      docs/testing.md names (default: .cache/bin of the checkout)
"""

from __future__ import annotations

import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
SHARED_DATA = pathlib.Path(os.environ.get("MULTIARCH_TEST_DATA") or ROOT.parent / "shared" / "data")
PROGRAMS = pathlib.Path(os.environ.get("KUBEBUILDER_ASSETS") or ROOT / ".cache" / "bin")


def shared_data(name: str) -> pathlib.Path:
    """Path of a recorded public object; skips the test where the folder is absent."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not here: set MULTIARCH_TEST_DATA to the folder of recorded objects")
    return path


def program(name: str) -> pathlib.Path:
    """Path of a real program; skips the test where it is absent."""
    path = PROGRAMS / name
    if not path.exists():
        pytest.skip(f"{name} is not here: set KUBEBUILDER_ASSETS to a folder that has it")
    return path
