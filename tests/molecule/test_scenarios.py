# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each role in Molecule: as it is, and with other values. Every scenario has a site of the lab of its own."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from lab.site import Site
from lab.site import machine_spec
from support.paths import ROOT
from support.paths import program

MakeSite = Callable[..., Site]
SCENARIOS = ROOT / "extensions" / "molecule"
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
# What the machines of a scenario are; two that boot from the network where nothing is said
MACHINES: dict[str, dict[str, Any]] = {
    "prepare_iso": {"boot_method": "iso"},
    "prepare_iso_alternative": {"boot_method": "iso", "variables": {"machine_iso_install": "unattended"}},
    "prepare_netboot_alternative": {"boot_method": "ipxe"},
}


def test_each_role_has_a_default_and_another_scenario() -> None:
    expected = [name for role in ROLES for name in (role, f"{role}_alternative")]
    assert sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml")) == sorted(expected)


@pytest.mark.parametrize("scenario", sorted(path.parent.name for path in SCENARIOS.glob("*/molecule.yml")))
def test_scenario(scenario: str, make_site: MakeSite, site_block: int, tmp_path: pathlib.Path) -> None:
    if scenario == "prepare_iso_alternative":
        program("coreos-installer")
    values = MACHINES.get(scenario, {})
    machines = [machine_spec(number, block=site_block, **values) for number in (1, 2)]
    site = make_site(machines=machines)
    inventory = site.inventory({"prepare_netboot_site_changes": str(tmp_path / "site-changes")})
    with site.operator():
        done = subprocess.run(
            [sys.executable, "-m", "molecule", "test", "--scenario-name", scenario],
            cwd=ROOT,
            env={
                **site.environment,
                "HOME": str(tmp_path),
                "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
                "MULTIARCH_MOLECULE_INVENTORY": str(inventory),
                "PATH": f"{pathlib.Path(sys.prefix, 'bin')}:{site.environment['PATH']}",
            },
            check=False,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=280,
        )
    assert done.returncode == 0, done.stdout
