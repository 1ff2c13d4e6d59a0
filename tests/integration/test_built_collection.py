# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection as Galaxy hands it out: built, installed into an empty place, and run from there."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable

import pytest
import yaml

from lab.site import Site
from lab.site import machine_specs
from support.paths import ROOT

MakeSite = Callable[..., Site]
NAME = "multiarch.openshift"
VERSION = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
# A collection has to work with nothing else
NEEDED = {"meta", "playbooks", "plugins", "roles"}
# Made by the build
GENERATED = {"FILES.json", "MANIFEST.json"}
NOT_FOR_USERS = ("Makefile", "galaxy.yml", "pyproject.toml", "tests", "extensions/molecule")


def galaxy(*arguments: str, collections: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    # the checkout is on Python's path, as the collection; it must not be found there
    environment |= {"ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    done = subprocess.run(
        [str(pathlib.Path(sys.prefix, "bin", "ansible-galaxy")), "collection", *arguments],
        env=environment,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("built")
    galaxy("build", str(ROOT), "--output-path", str(folder), collections=str(folder))
    return folder / f"{NAME.replace('.', '-')}-{VERSION}.tar.gz"


@pytest.fixture(scope="module")
def dependencies(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """kubernetes.core of the ansible package, and no other collection."""
    folder = tmp_path_factory.mktemp("dependencies")
    (folder / "ansible_collections").mkdir()
    installed = pathlib.Path(sysconfig.get_path("purelib"), "ansible_collections", "kubernetes")
    (folder / "ansible_collections" / "kubernetes").symlink_to(installed)
    return folder


@pytest.fixture(scope="module")
def installed(
    tarball: pathlib.Path, dependencies: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    """The folder, in an empty place, that the tarball was installed into."""
    folder = tmp_path_factory.mktemp("installed")
    galaxy("install", "--offline", str(tarball), "-p", str(folder), collections=f"{folder}:{dependencies}")
    return folder


def test_what_is_built_is_what_users_need(tarball: pathlib.Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, text=True, capture_output=True
    )
    with tarfile.open(tarball) as archive:
        built = {member.name for member in archive.getmembers() if member.isfile()}
    assert built - set(listed.stdout.splitlines()) == GENERATED
    unwanted = [name for name in built if name.startswith((".", *(f"{name}/" for name in NOT_FOR_USERS)))]
    assert unwanted == []
    assert built.isdisjoint(NOT_FOR_USERS)
    assert {name.partition("/")[0] for name in built} >= {*NEEDED, "README.md", "LICENSE", "CHANGELOG.md", "docs"}


def test_the_installed_collection_joins_machines(
    installed: pathlib.Path, dependencies: pathlib.Path, make_site: MakeSite, site_block: int
) -> None:
    collections = f"{installed}:{dependencies}"
    said = galaxy("list", NAME, collections=collections)
    assert re.findall(r"^# (\S+)", said, re.MULTILINE) == [str(installed / "ansible_collections")]
    assert re.search(rf"^{NAME}\s+{re.escape(VERSION)}\s*$", said, re.MULTILINE)
    for path in (installed / "ansible_collections" / "multiarch" / "openshift").iterdir():
        if path.is_dir() and path.name not in NEEDED:
            shutil.rmtree(path)

    site = make_site(machines=machine_specs(1, block=site_block))
    environment = {"ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    with site.operator():
        run = site.run("add_arm_workers", "-vvv", environment=environment, timeout=240)

    assert run.rc == 0, run.stdout
    for name in site.machines:
        assert f'"msg": "{name}: proven' in run.stdout
    modules = set(re.findall(r"Using module file (\S+)/plugins/", run.stdout))
    assert str(installed / "ansible_collections" / "multiarch" / "openshift") in modules, modules
    assert not re.search(rf"{re.escape(str(ROOT))}/(plugins|roles|playbooks)/", run.stdout)
    assert "site-packages/ansible_collections/multiarch" not in run.stdout
