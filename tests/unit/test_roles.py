# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml

from support.paths import ROOT

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def load(path: pathlib.Path) -> t.Any:
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("role", ROLES)
def test_argument_specification_and_defaults_say_the_same(role: str) -> None:
    defaults = load(ROOT / "roles" / role / "defaults" / "main.yml")
    options = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert set(options) == set(defaults)
    for name, option in options.items():
        assert option["type"], name
        assert option["description"], name
        default = defaults[name]
        # a default that is computed is described in words
        if isinstance(default, str) and "{{" in default:
            assert "default" not in option, name
        else:
            assert option["default"] == default, name


@pytest.mark.parametrize("role", ROLES)
def test_role_variables_carry_the_role_name(role: str) -> None:
    for name in load(ROOT / "roles" / role / "defaults" / "main.yml"):
        assert name.startswith(f"{role}_")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_has_a_readme(role: str) -> None:
    assert (ROOT / "roles" / role / "README.md").read_text().startswith(f"# multiarch.openshift.{role}\n")
