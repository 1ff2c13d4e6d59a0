# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ISOs that install by themselves: what goes in, which machines share one, and what the real coreos-installer makes."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import pathlib
import subprocess
import typing as t

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.module_utils._customization import CA_PATH
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import apart
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import customization
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import shared
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._iso import read_iso
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import machine as read_machine
from ansible_collections.multiarch.openshift.plugins.modules.install_iso import main
from lab import live
from lab.iso import FEATURES
from lab.iso import LiveIso
from lab.iso import make_iso
from support.module import run_module
from support.paths import ROOT
from support.paths import program
from support.paths import shared_data

RELEASE = "9.6.20251125-1"
BASE_URL = "http://192.0.2.5:8080/openshift"
HASH = "sha512-" + "0123456789abcdef" * 8
IGNITION = [{"pool": "worker", "hash": HASH, "url": f"{BASE_URL}/lab-x7k2p/worker-0123456789abcdef.ign"}]
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def machine(number: int = 1, **variables: t.Any) -> dict[str, t.Any]:
    """The record of a machine that installs itself from an ISO, with a static address."""
    address = f"192.0.2.{10 + number}"
    nic = {"name": "eno1", "mac": f"52:54:00:00:00:{number:02x}", "addresses": [f"{address}/24"]}
    given = {
        "machine_addresses": [address],
        "machine_boot_method": "iso",
        "machine_iso_install": "unattended",
        "machine_install_device": "/dev/disk/by-id/nvme-1",
        "machine_network": {"interfaces": [{**nic, "gateways": ["192.0.2.1"]}], "nameservers": ["192.0.2.53"]},
        **variables,
    }
    record, problems = read_machine(f"worker-arm-{number}", given)
    assert problems == []
    return {**record, "cluster": {"name": "lab-x7k2p", "uid": "u"}}


def isos(*machines: dict[str, t.Any]) -> list[list[str]]:
    made = shared([customization(each, IGNITION) for each in machines], apart(machines))
    return [list(each.machines) for each in made]


# What goes in


def test_the_installer_is_told_url_hash_and_disk_and_lists_stay_whole() -> None:
    wanted = customization(
        machine(machine_consoles=["tty0", "ttyAMA0,115200n8"], machine_kernel_arguments=["a=b"]), IGNITION
    )
    assert yaml.safe_load(wanted.installer_config) == {
        "ignition-url": IGNITION[0]["url"],
        "ignition-hash": HASH,
        "dest-device": "/dev/disk/by-id/nvme-1",
        "console": ["tty0", "ttyAMA0,115200n8"],
        "append-karg": ["a=b"],
        "copy-network": True,
    }
    assert wanted.live_arguments == ("console=tty0", "console=ttyAMA0,115200n8")


def test_a_machine_that_gets_its_name_by_the_iso_has_arguments_and_no_keyfile() -> None:
    wanted = customization(machine(machine_set_hostname=True), IGNITION)
    assert wanted.keyfiles == {}
    assert wanted.live_arguments[0] == "ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-arm-1:eno1:none"
    assert "rd.neednet=1" in wanted.live_arguments
    assert "copy-network" not in wanted.installer


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"machine_live_kernel_arguments": ["coreos.inst.ignition_url=http://x/"]}, "is written by the product"),
        ({"machine_kernel_arguments": ["a b"]}, "has no space"),
        ({"machine_pool": "infra"}, "No ignition of the pool infra"),
    ],
)
def test_what_would_not_arrive_is_refused(variables: dict[str, t.Any], said: str) -> None:
    with pytest.raises(OperationError, match=said):
        customization(machine(**variables), IGNITION)


# Who shares


def test_machines_that_differ_in_their_network_alone_share_an_iso() -> None:
    assert isos(*(machine(number) for number in range(1, 4))) == [["worker-arm-1", "worker-arm-2", "worker-arm-3"]]


@pytest.mark.parametrize(
    "variables",
    [
        {"machine_install_device": "/dev/disk/by-id/nvme-2"},
        {"machine_consoles": ["ttyAMA0"]},
        {"machine_kernel_arguments": ["a=b"]},
        {"machine_live_kernel_arguments": ["a=b"]},
        {"machine_architecture": "x86_64"},
        {"machine_set_hostname": True},
        # with keyfiles in it, the live system does not ask DHCP on other NICs
        {"machine_network": None},
    ],
)
def test_machines_that_differ_otherwise_have_an_iso_each(variables: dict[str, t.Any]) -> None:
    assert isos(machine(1), machine(2, **variables), machine(3)) == [["worker-arm-1", "worker-arm-3"], ["worker-arm-2"]]


def test_machines_with_a_vlan_on_a_bond_have_an_iso_each() -> None:
    def with_vlan(number: int) -> dict[str, t.Any]:
        interfaces = [
            {"name": "eno1", "mac": f"52:54:00:00:01:{number:02x}"},
            {"name": "bond0", "bond": {"members": ["eno1"]}},
            {"name": "bond0.5", "vlan": {"parent": "bond0", "id": 5}, "dhcp": "ipv4"},
        ]
        return machine(number, machine_network={"interfaces": interfaces})

    assert isos(with_vlan(1), with_vlan(2)) == [["worker-arm-1"], ["worker-arm-2"]]


def test_the_name_changes_with_what_goes_in_and_not_with_who_is_installed() -> None:
    one = customization(machine(1, machine_network=None), IGNITION)
    names = {
        one.name("a" * 64),
        shared([one, customization(machine(2, machine_network=None), IGNITION)])[0].name("a" * 64),
    }
    assert len(names) == 1
    assert one.name("b" * 64) not in names
    assert (
        customization(machine(1, machine_network=None), [{**IGNITION[0], "hash": HASH[::-1]}]).name("a" * 64)
        not in names
    )


# What an ISO says about itself


@pytest.mark.parametrize(
    ("name", "directives", "room"),
    [("2020-09", False, 0), ("2021-12", False, 1139), ("2023-07.x86_64", True, 1139)],
)
def test_isos_of_three_years_are_read(name: str, directives: bool, room: int, tmp_path: pathlib.Path) -> None:
    iso = read_iso(recorded(name, tmp_path))
    assert (iso.ignition_room, iso.kernel_arguments_room, iso.names_directives) == (262144, room, directives)
    assert ("installer-config" in iso.features) == (name != "2020-09")
    assert not iso.customized


@pytest.mark.parametrize("architecture", ["aarch64", "x86_64"])
def test_the_labs_isos_are_read_as_real_ones(architecture: str, tmp_path: pathlib.Path) -> None:
    path = make_iso(tmp_path / "a.iso", architecture, RELEASE)
    real = read_iso(recorded("2023-07.x86_64", tmp_path))
    iso = read_iso(str(path))
    assert (iso.ignition_room, iso.kernel_arguments_room) == (real.ignition_room, real.kernel_arguments_room)
    assert {"installer-config", "live-initrd-network", "installer-config-directives.console"} <= iso.features
    assert iso.kernel_arguments == LiveIso(path.read_bytes()).kernel_line


@pytest.mark.parametrize("content", [b"", b"MZ" * 40000, bytes(16 * 2048) + b"\x01CD001" + b"\xff" * 4096])
def test_what_is_no_iso_is_said_to_be_none(content: bytes, tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.iso").write_bytes(content)
    with pytest.raises(OperationError, match="is no RHCOS live ISO"):
        read_iso(str(tmp_path / "a.iso"))


def recorded(name: str, folder: pathlib.Path) -> str:
    path = folder / f"{name}.iso"
    path.write_bytes(lzma.decompress(shared_data(f"embed-areas-{name}.iso.xz").read_bytes()))
    return str(path)


# The module and the real program


class WebHost:
    """A published folder with the ISOs of both architectures, and the module's arguments for it."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.artifacts: list[dict[str, t.Any]] = []
        for architecture in ("aarch64", "x86_64"):
            self.publish(make_iso(self._place(architecture), architecture, RELEASE), architecture)

    def publish(self, path: pathlib.Path, architecture: str) -> None:
        place = self._place(architecture)
        place.write_bytes(path.read_bytes())
        self.artifacts = [each for each in self.artifacts if each["architecture"] != architecture]
        self.artifacts.append(
            {
                "architecture": architecture,
                "kind": "iso",
                "release": RELEASE,
                "name": place.name,
                "sha256": hashlib.sha256(place.read_bytes()).hexdigest(),
                "url": f"{BASE_URL}/{RELEASE}/{architecture}/{place.name}",
            }
        )

    def run(
        self, *machines: dict[str, t.Any], check: bool = False, diff: bool = False, **values: t.Any
    ) -> dict[str, t.Any]:
        arguments = {
            "machines": list(machines),
            "cluster": "lab-x7k2p",
            "ignition": IGNITION,
            "artifacts": self.artifacts,
            "directory": str(self.directory),
            "base_url": BASE_URL,
            "command": [str(program("coreos-installer"))],
            **values,
        }
        return run_module(main, arguments, check=check, diff=diff)

    def files(self) -> dict[str, tuple[int, int]]:
        found = {path: path.stat() for path in self.directory.rglob("*") if path.is_file()}
        return {str(path): (state.st_mtime_ns, state.st_ino) for path, state in found.items()}

    def _place(self, architecture: str) -> pathlib.Path:
        folder = self.directory / RELEASE / architecture
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"rhcos-{RELEASE}-live-iso.{architecture}.iso"


@pytest.fixture
def web_host(tmp_path: pathlib.Path) -> WebHost:
    return WebHost(tmp_path / "www")


@pytest.mark.real
def test_the_real_program_puts_in_what_the_live_system_needs(web_host: WebHost) -> None:
    ignition = [{**IGNITION[0], "url": "https://web.example.com/worker.ign"}]
    given = machine(machine_consoles=["ttyAMA0,115200n8"], machine_live_kernel_arguments=["rd.net.timeout.carrier=30"])
    result = web_host.run(
        given, machine(2, machine_consoles=["ttyAMA0,115200n8"]), ignition=ignition, certificate_authority=AUTHORITY
    )
    assert [each["failed"] for each in result["machines"]] == [False, False]
    assert [each["machines"] for each in result["isos"]] == [["worker-arm-1"], ["worker-arm-2"]]
    made = result["isos"][0]
    content = pathlib.Path(made["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == made["sha256"]
    assert result["machines"][0]["iso_url"] == made["url"] == f"{BASE_URL}/{made['name']}"
    iso = LiveIso(content)
    assert iso.kernel_line.endswith("ignition.platform.id=metal console=ttyAMA0,115200n8 rd.net.timeout.carrier=30")
    assert list(iso.keyfiles) == ["worker-arm-1-eno1.nmconnection"]
    files = live.apply_live_ignition(iso.ignition)
    assert files[CA_PATH].decode() == AUTHORITY
    installer = yaml.safe_load(files["/etc/coreos/installer.d/0000-install.yaml"])
    assert (installer["ignition-hash"], installer["copy-network"]) == (HASH, True)
    # the unit that runs it before the installer is the program's own
    unit = next(unit for unit in json.loads(iso.ignition)["systemd"]["units"] if "trust" in unit["name"])
    assert "Before=coreos-installer.service" in unit["contents"]
    assert files["/usr/local/bin/pre-install-trust"].decode().endswith("update-ca-trust extract\n")
    assert pathlib.Path(made["path"]).stat().st_mode & 0o777 == 0o644


@pytest.mark.real
def test_a_second_run_makes_nothing_and_a_damaged_iso_is_made_again(web_host: WebHost) -> None:
    first = web_host.run(machine(1), machine(2))
    assert first["changed"]
    assert len(first["isos"]) == 1
    before = web_host.files()
    assert not [path for path in before if "/.multiarch-" in path]
    again = web_host.run(machine(2), machine(1))
    assert (again["changed"], again["isos"][0]["sha256"]) == (False, first["isos"][0]["sha256"])
    assert web_host.files() == before
    path = pathlib.Path(first["isos"][0]["path"])
    path.write_bytes(path.read_bytes()[:-1])
    repaired = web_host.run(machine(1), machine(2))
    assert repaired["changed"]
    assert repaired["isos"][0]["sha256"] == first["isos"][0]["sha256"]
    assert read_iso(str(path)).customized


@pytest.mark.real
def test_what_a_killed_run_has_left_is_removed_once_it_is_old(web_host: WebHost) -> None:
    old, young = (web_host.directory / "lab-x7k2p" / f".multiarch-iso-{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "new.iso").write_bytes(b"half an ISO")
    os.utime(old, (0, 0))
    assert web_host.run(machine())["changed"]
    assert (old.exists(), young.exists()) == (False, True)


@pytest.mark.real
def test_check_mode_says_what_would_be_made_and_writes_nothing(web_host: WebHost) -> None:
    before = web_host.files()
    result = web_host.run(machine(), check=True, diff=True)
    assert (result["changed"], result["isos"][0]["sha256"]) == (True, "")
    assert result["machines"][0]["iso_url"] == result["isos"][0]["url"]
    assert f'ignition-hash: "{HASH}"' in result["diff"][0]["after"]
    assert web_host.files() == before


def test_machines_that_are_not_to_be_armed_get_none(web_host: WebHost) -> None:
    others = [{**machine(1), "arm": False}, {**machine(2), "failed": True}, {**machine(3), "boot_method": "grub"}]
    result = web_host.run(*others, command=["/nonexistent"])
    assert (result["changed"], result["isos"], result["machines"]) == (False, [], others)


def test_a_machine_that_is_installed_by_hand_gets_the_original(web_host: WebHost) -> None:
    result = web_host.run(machine(machine_iso_install="by_hand"), command=["/nonexistent"])
    assert result["machines"][0]["iso_url"] == web_host.artifacts[0]["url"]
    assert (result["changed"], result["isos"]) == (False, [])


def podman(web_host: WebHost) -> list[str]:
    """The command as docs/iso.md has it, with the stand-in for podman."""
    described = (ROOT / "docs/iso.md").read_text().partition("iso_installer_command:\n")[2].partition("```")[0]
    words: list[str] = yaml.safe_load(described)
    assert words[0] == "podman"
    here = [word.replace("/var/www/openshift", str(web_host.directory)) for word in words[1:]]
    return [str(ROOT / "tests/lab/shims/podman"), *here]


@pytest.mark.real
def test_the_program_runs_through_podman_as_documented(
    web_host: WebHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "said"
    monkeypatch.setenv("LAB_SAID", str(said))
    monkeypatch.setenv("LAB_INSTALLER", str(program("coreos-installer")))
    ignition = [{**IGNITION[0], "url": "https://web.example.com/worker.ign"}]
    values: dict[str, t.Any] = {"ignition": ignition, "certificate_authority": AUTHORITY}
    given = machine(machine_live_kernel_arguments=["rd.net.timeout.carrier=30"])
    result = web_host.run(given, command=podman(web_host), **values)
    assert not result["machines"][0]["failed"], result
    version, customize = (line.split() for line in said.read_text().splitlines())
    start = podman(web_host)[1:]
    assert version == [*start, "--version"]
    assert customize[: len(start) + 2] == [*start, "iso", "customize"]
    # the same ISO as the program makes by itself
    path = pathlib.Path(result["isos"][0]["path"])
    by_podman = path.read_bytes()
    path.unlink()
    alone = web_host.run(given, **values)
    assert alone["isos"][0]["path"] == str(path)
    assert path.read_bytes() == by_podman


def test_an_image_with_an_older_program_is_refused_before_anything_is_written(
    web_host: WebHost, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "coreos-installer"
    old.write_text("#!/bin/sh\necho coreos-installer 0.11.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("LAB_SAID", str(tmp_path / "said"))
    monkeypatch.setenv("LAB_INSTALLER", str(old))
    before = web_host.files()
    result = web_host.run(machine(), command=podman(web_host))
    assert "calls itself 'coreos-installer 0.11.0'" in result["machines"][0]["reason"]
    assert (tmp_path / "said").read_text().endswith("--version\n")
    assert web_host.files() == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nonexistent/coreos-installer"], "/nonexistent/coreos-installer cannot be run here: No such file"),
        (
            ["sh", "-c", "echo coreos-installer 0.11.0"],
            "calls itself 'coreos-installer 0.11.0'; ISOs are customised by",
        ),
        (["sh", "-c", "echo cannot pull >&2; exit 125"], "ended with 125: cannot pull"),
    ],
)
def test_without_the_program_its_machines_fail_and_others_go_on(
    web_host: WebHost, command: list[str], said: str
) -> None:
    result = web_host.run(machine(1), machine(2, machine_iso_install="by_hand"), command=command)
    assert [each["failed"] for each in result["machines"]] == [True, False]
    assert said in result["machines"][0]["reason"]


@pytest.mark.parametrize(
    ("iso", "variables", "said"),
    [
        ({"features": {}}, {}, "has no installer-config, live-initrd-network"),
        ({"features": {"installer-config": True}}, {"machine_network": None}, ""),
        ({"features": {"installer-config": True}}, {}, "has no live-initrd-network"),
        (
            {"features": {key: FEATURES[key] for key in ("installer-config", "live-initrd-network")}},
            {"machine_consoles": ["tty0"]},
            "has no installer-config-directives.console",
        ),
        ({"ignition_room": 600}, {}, "has 600 bytes for its config, and that of 1 machine(s) has "),
        (
            {"kernel_arguments_room": 120},
            {"machine_live_kernel_arguments": ["a=" + "b" * 60]},
            "has 120 bytes for kernel arguments, and 145 are wanted",
        ),
    ],
)
@pytest.mark.real
def test_an_iso_that_cannot_do_it_is_refused_before_anything_is_written(
    web_host: WebHost, tmp_path: pathlib.Path, iso: dict[str, t.Any], variables: dict[str, t.Any], said: str
) -> None:
    web_host.publish(make_iso(tmp_path / "poor.iso", "aarch64", RELEASE, **iso), "aarch64")
    before = web_host.files()
    given = machine(**variables)
    result = web_host.run(given, machine(2, machine_architecture="x86_64"), check=True)
    assert result["machines"][0]["failed"] == bool(said)
    assert said in result["machines"][0]["reason"]
    assert not result["machines"][1]["failed"]
    assert web_host.files() == before


@pytest.mark.real
@pytest.mark.parametrize("name", ["2020-09", "2021-12", "2023-07.x86_64"])
def test_the_real_program_and_we_agree_on_recorded_isos(web_host: WebHost, tmp_path: pathlib.Path, name: str) -> None:
    web_host.publish(pathlib.Path(recorded(name, tmp_path)), "x86_64")
    plain, with_console = (
        web_host.run(machine(machine_architecture="x86_64", machine_consoles=consoles))["machines"][0]["failed"]
        for consoles in ([], ["ttyS0"])
    )
    assert (plain, with_console) == (name == "2020-09", name != "2023-07.x86_64")


@pytest.mark.real
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_the_real_program_and_we_agree_on_the_room_for_kernel_arguments(
    web_host: WebHost, tmp_path: pathlib.Path, more: int
) -> None:
    iso = make_iso(tmp_path / "small.iso", "aarch64", RELEASE, kernel_arguments_room=300)
    used = len(read_iso(str(iso)).kernel_arguments) + len(" a=") + len("\n")
    argument = "a=" + "b" * (300 - used + more)
    command = [str(program("coreos-installer")), "iso", "customize", "--live-karg-append", argument]
    command += ["-o", str(tmp_path / "real.iso"), str(iso)]
    real = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ("kargs too large for area: 301 vs 300" in real.stderr) == (real.returncode != 0) == (more > 0)
    web_host.publish(iso, "aarch64")
    result = web_host.run(machine(machine_live_kernel_arguments=[argument]))["machines"][0]
    assert result["failed"] == (more > 0)
    assert ("has 300 bytes for kernel arguments, and 301 are wanted" in result["reason"]) == (more > 0)


@pytest.mark.real
def test_an_iso_that_somebody_customised_is_refused(web_host: WebHost) -> None:
    first = web_host.run(machine())["isos"][0]
    web_host.publish(pathlib.Path(first["path"]), "aarch64")
    assert "was customised by somebody before" in web_host.run(machine())["machines"][0]["reason"]


@pytest.mark.real
@pytest.mark.parametrize(("count", "authorities"), [(1, 0), (1, 3), (40, 0), (200, 30)])
def test_the_size_that_we_foretell_is_that_which_the_program_needs(
    web_host: WebHost, count: int, authorities: int
) -> None:
    ignition = [{**IGNITION[0], "url": "https://web.example.com/worker.ign"}]
    bundle = "".join(AUTHORITY.replace("MIIB", hashlib.sha512(bytes([i])).hexdigest() * 8) for i in range(authorities))
    machines = [machine(number) for number in range(1, count + 1)]
    (wanted,) = shared([customization(each, ignition, certificate_authority=bundle) for each in machines])
    result = web_host.run(*machines, ignition=ignition, certificate_authority=bundle)
    area = LiveIso(pathlib.Path(result["isos"][0]["path"]).read_bytes()).packed_size
    assert wanted.packed_size() == pytest.approx(area, rel=0.05, abs=50)
