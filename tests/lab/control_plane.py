# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One way to a control plane, simulated or real."""

from __future__ import annotations

import pathlib
import typing as t

from lab.real_plane import RealControlPlane
from lab.real_plane import missing_programs
from lab.simulator import SimulatedControlPlane
from support.paths import PROGRAMS
from support.paths import SHARED_DATA

CRDS = "openshift-crds.yaml"


def control_plane(
    directory: pathlib.Path,
    kind: str = "simulated",
    address: str = "127.0.0.1",
    *,
    node_grace_seconds: float = 3600.0,
) -> t.Any:
    """A control plane that is not started yet; `kind` is simulated or real."""
    if kind == "simulated":
        return SimulatedControlPlane(directory, address, node_grace_seconds=node_grace_seconds)
    if kind == "real":
        crds = SHARED_DATA / CRDS
        return RealControlPlane(directory, PROGRAMS, address, crds=crds, node_grace_seconds=node_grace_seconds)
    raise ValueError(f"a control plane is simulated or real, not {kind}")


def real_available() -> str:
    """Empty when the real control plane can be used, else one line that says how to get it."""
    missing = missing_programs(PROGRAMS)
    if missing:
        return f"{', '.join(missing)} not in {PROGRAMS}: set KUBEBUILDER_ASSETS to a folder that has them"
    if not (SHARED_DATA / CRDS).exists():
        return f"{CRDS} not in {SHARED_DATA}: set MULTIARCH_TEST_DATA to a folder that has OpenShift's CRDs"
    return ""
