# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person is told to type, and the files in which it is written down."""

from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._install_command import install_command
from ansible_collections.multiarch.openshift.plugins.module_utils._install_command import instructions
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import machine as read_machine
from ansible_collections.multiarch.openshift.plugins.modules.install_instructions import main
from lab import live
from support.module import run_module

HASH = "sha512-" + "0123456789abcdef" * 8
IGNITION = [{"pool": "worker", "hash": HASH, "url": "http://192.0.2.5/openshift/worker.ign"}]
BY_HTTPS = [{**IGNITION[0], "url": "https://web.example.com/worker.ign"}]
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
ISO_URL = "http://192.0.2.5/openshift/live.iso"
STATIC = {
    "interfaces": [{"name": "eno1", "mac": "52:54:00:00:00:0b", "addresses": ["192.0.2.11/24"]}],
    "nameservers": ["192.0.2.53"],
}


def machine(name: str = "worker-arm-1", **variables: t.Any) -> dict[str, t.Any]:
    given = {
        "machine_addresses": ["192.0.2.11"],
        "machine_boot_method": "iso",
        "machine_install_device": "/dev/disk/by-id/nvme-1",
        **variables,
    }
    record, problems = read_machine(name, given)
    assert problems == []
    return {**record, "iso_url": ISO_URL}


def text(ignition: t.Sequence[dict[str, str]] | None = None, authority: str = "", **variables: t.Any) -> str:
    return instructions(
        machine(**variables),
        IGNITION if ignition is None else list(ignition),
        "a" * 64,
        certificate_authority=authority,
    )


def test_the_command_names_url_hash_and_disk() -> None:
    assert install_command(machine(), IGNITION) == [
        "sudo",
        "coreos-installer",
        "install",
        f"--ignition-url={IGNITION[0]['url']}",
        f"--ignition-hash={HASH}",
        "/dev/disk/by-id/nvme-1",
    ]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"machine_consoles": ["tty0", "ttyAMA0,115200n8"]}, ["--console=tty0", "--console=ttyAMA0,115200n8"]),
        ({"machine_kernel_arguments": ["a=b;c&$(d)"]}, ["--append-karg=a=b;c&$(d)"]),
        ({"machine_network": STATIC}, ["--copy-network"]),
        ({"machine_network_arguments": ["ip=eno1:dhcp"]}, ["--firstboot-args=rd.neednet=1 ip=eno1:dhcp"]),
    ],
)
def test_a_shell_reads_the_text_as_it_was_meant(variables: dict[str, t.Any], words: list[str]) -> None:
    command = text(**variables).split("sudo coreos-installer")[1].split("\n\n")[0]
    said = shlex.split(command.replace("\\\n", ""))
    assert set(words) <= set(said)
    assert said[-1] == "/dev/disk/by-id/nvme-1"


@pytest.mark.parametrize("variables", [{}, {"machine_network": STATIC}])
def test_a_text_is_a_script_that_the_shell_takes(variables: dict[str, t.Any]) -> None:
    script = text(BY_HTTPS, AUTHORITY, **variables)
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False, capture_output=True).stderr == ""
    assert live.typed_installation(script).ignition_hash == HASH


def test_the_iso_is_taken_away_from_a_machine_that_is_off() -> None:
    """The live system runs from it."""
    last = text().splitlines()[-1]
    assert re.search("poweroff.*take the ISO away.*switch it on", last)


def test_an_authority_is_added_before_the_installer_runs_and_only_for_https() -> None:
    script = text(BY_HTTPS, f"Our CA:\n{AUTHORITY}")
    assert live.typed_files(script) == {"/etc/pki/ca-trust/source/anchors/multiarch-openshift.pem": AUTHORITY}
    assert script.index("sudo update-ca-trust extract") < script.index("sudo coreos-installer install")
    assert "CERTIFICATE" not in text(IGNITION, AUTHORITY)


def test_an_iso_that_installs_by_itself_needs_no_command_but_a_warning() -> None:
    said = text(machine_iso_install="unattended")
    assert ISO_URL in said
    assert "WHATEVER MACHINE" in said
    assert all(line.startswith("#") for line in said.splitlines())


def run(folder: pathlib.Path, *machines: dict[str, t.Any], **values: t.Any) -> dict[str, t.Any]:
    arguments = {
        "machines": list(machines),
        "ignition": IGNITION,
        "isos": [{"url": ISO_URL, "sha256": "a" * 64}],
        "directory": str(folder / "install"),
    }
    return run_module(main, arguments, **values)


def test_each_machine_has_a_file_and_all_have_one_page(tmp_path: pathlib.Path) -> None:
    machines = [
        machine("a"),
        machine("b"),
        {**machine("c"), "bmc_url": "https://192.0.2.9", "iso_install": "unattended"},
    ]
    checked = run(tmp_path, *machines, check=True, diff=True)
    assert checked["changed"]
    assert not (tmp_path / "install").exists()
    assert "sudo coreos-installer" in checked["diff"][0]["after"]
    result = run(tmp_path, *machines)
    names = sorted(path.name for path in (tmp_path / "install").iterdir())
    assert names == ["a.txt", "all-machines.txt", "b.txt"]
    assert pathlib.Path(result["machines"][0]["instructions"]).read_text() in pathlib.Path(result["page"]).read_text()
    assert "instructions" not in result["machines"][2]
    assert not run(tmp_path, *machines)["changed"]


def test_a_machine_that_cannot_be_installed_fails_alone(tmp_path: pathlib.Path) -> None:
    result = run(tmp_path, machine("a", machine_pool="infra"), machine("b"))
    assert [each["failed"] for each in result["machines"]] == [True, False]
    assert "No ignition of the pool infra" in result["machines"][0]["reason"]
