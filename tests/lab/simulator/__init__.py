# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Kubernetes API server in this process.

tests/integration/test_control_plane_compat.py holds it equal to the real one.
"""

from __future__ import annotations

from lab.simulator.plane import SimulatedControlPlane

__all__ = ("SimulatedControlPlane",)
