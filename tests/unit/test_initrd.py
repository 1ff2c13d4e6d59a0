# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import lzma
import pathlib
import re
import subprocess
import typing as t
import urllib.parse

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import check_verified_delivery
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import initrd_name
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import live_config
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import verifying_initrd
from ansible_collections.multiarch.openshift.plugins.modules import ignition_initrd
from support.module import run_module
from support.netboot import IGNITION_HASH
from support.netboot import machine
from support.paths import program

OTHER_HASH = "sha512-" + "ff" * 64


def entries(archive: bytes) -> list[tuple[str, dict[str, int], bytes]]:
    """Read a newc archive the way the kernel does."""
    names = ("ino", "mode", "uid", "gid", "nlink", "mtime", "filesize", "dev", "dev", "rdev", "rdev", "size", "check")
    found = []
    offset = 0
    while offset < len(archive):
        header = archive[offset : offset + 110]
        assert header[:6] == b"070701"
        fields = {name: int(header[6 + 8 * i : 14 + 8 * i], 16) for i, name in enumerate(names)}
        start = offset + 110
        name = archive[start : start + fields["size"] - 1].decode()
        body = start + fields["size"] + -(offset + 110 + fields["size"]) % 4
        found.append((name, fields, archive[body : body + fields["filesize"]]))
        offset = body + fields["filesize"] + -fields["filesize"] % 4
    return found


def test_the_initrd_is_one_private_file_of_root_without_a_time() -> None:
    (name, fields, content), (trailer, _fields, nothing) = entries(lzma.decompress(verifying_initrd(IGNITION_HASH)))
    assert (name, trailer) == ("config.ign", "TRAILER!!!")
    assert fields["mode"] == 0o100600
    assert (fields["uid"], fields["gid"], fields["mtime"], fields["nlink"]) == (0, 0, 0, 1)
    assert (content, nothing) == (live_config(IGNITION_HASH), b"")


def test_the_initrd_is_xz_with_crc32_which_the_kernel_reads() -> None:
    image = verifying_initrd(IGNITION_HASH)
    assert image[:6] == b"\xfd7zXZ\0"
    assert image[7] == lzma.CHECK_CRC32
    assert len(image) % 4 == 0
    assert len(image) < 400


def test_the_same_hash_gives_the_same_bytes() -> None:
    assert verifying_initrd(IGNITION_HASH) == verifying_initrd(IGNITION_HASH) != verifying_initrd(OTHER_HASH)


def test_the_live_config_writes_nothing_but_the_hash() -> None:
    config = json.loads(live_config(IGNITION_HASH))
    assert config["ignition"] == {"version": "3.2.0"}
    (file,) = config["storage"]["files"]
    assert file["path"] == "/etc/coreos/installer.d/20-ignition-hash.yaml"
    assert file["mode"] == 420
    assert urllib.parse.unquote(file["contents"]["source"]) == f"data:,ignition-hash: {IGNITION_HASH}"


def test_consoles_and_kernel_arguments_of_the_installed_system_are_block_lists() -> None:
    settings = {"consoles": ["tty0", "ttyAMA0,115200n8"], "kernel_arguments": ["nosmt", "a=b,c: #d"]}
    (file,) = json.loads(live_config(IGNITION_HASH, **settings))["storage"]["files"]
    text = urllib.parse.unquote(file["contents"]["source"].removeprefix("data:,"))
    assert yaml.safe_load(text) == {
        "ignition-hash": IGNITION_HASH,
        "console": settings["consoles"],
        "append-karg": settings["kernel_arguments"],
    }
    assert "[" not in text


def test_the_name_changes_with_the_content() -> None:
    plain = initrd_name(IGNITION_HASH)
    assert plain == "verify-0123456789abcdef.img"
    others = {
        initrd_name(IGNITION_HASH, consoles=["ttyAMA0"]),
        initrd_name(IGNITION_HASH, kernel_arguments=["ttyAMA0"]),
        initrd_name(IGNITION_HASH, consoles=["ttyAMA0"], kernel_arguments=["nosmt"]),
    }
    assert len(others) == 3
    assert all(re.fullmatch(r"verify-[0-9a-f]{8}-0123456789abcdef\.img", name) for name in others)


@pytest.mark.real
def test_the_real_installer_reads_the_initrd(tmp_path: pathlib.Path) -> None:
    image = tmp_path / "verify.img"
    image.write_bytes(verifying_initrd(IGNITION_HASH))
    command = [str(program("coreos-installer")), "pxe", "ignition", "unwrap", str(image)]
    assert subprocess.run(command, check=True, capture_output=True).stdout == live_config(IGNITION_HASH)


@pytest.mark.real
def test_the_archive_is_the_real_installers_byte_for_byte(tmp_path: pathlib.Path) -> None:
    (tmp_path / "live.ign").write_bytes(live_config(IGNITION_HASH))
    command = [str(program("coreos-installer")), "pxe", "ignition", "wrap", "-i", str(tmp_path / "live.ign")]
    theirs = subprocess.run(command, check=True, capture_output=True).stdout
    assert lzma.decompress(theirs) == lzma.decompress(verifying_initrd(IGNITION_HASH))


@pytest.mark.real
def test_the_real_validator_accepts_the_live_config(tmp_path: pathlib.Path) -> None:
    (tmp_path / "live.ign").write_bytes(live_config(IGNITION_HASH))
    command = [str(program("ignition-validate")), str(tmp_path / "live.ign")]
    validated = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (validated.returncode, validated.stdout, validated.stderr) == (0, "", "")


@pytest.mark.parametrize("given", ["", "sha256-" + "ab" * 32, "sha512-ab", "sha512-" + "AB" * 64, "ab" * 64])
def test_anything_but_a_sha512_is_refused(given: str) -> None:
    with pytest.raises(OperationError, match="not an ignition hash"):
        verifying_initrd(given)


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("4.12.0", ""),
        ("4.12.0-rc.1", "412.86.202301311551-0"),
        ("4.16.3", "416.94.202405291527-0"),
        ("4.21.0", "9.8.20260428-0"),
        ("5.0.0-ec.2", "10.2.20260715-0"),
        ("", ""),
        ("0.0.1-snapshot", "39.20231101.3.0"),
    ],
)
def test_verified_delivery_is_accepted_from_4_12_on(version: str, release: str) -> None:
    check_verified_delivery(version, release)


@pytest.mark.parametrize(
    ("version", "release", "said"),
    [
        ("4.11.58", "", "OpenShift 4.11.58"),
        ("4.9", "", "OpenShift 4.9"),
        ("4.16.3", "411.86.202212072103-0", "boot image 411.86.202212072103-0"),
        ("", "48.84.202109241901-0", "boot image 48.84.202109241901-0"),
    ],
)
def test_verified_delivery_is_refused_by_name_before_4_12(version: str, release: str, said: str) -> None:
    with pytest.raises(OperationError, match="machine_ignition_delivery: documented") as caught:
        check_verified_delivery(version, release)
    assert said in str(caught.value)


def run(tmp_path: pathlib.Path, machines: list[dict[str, t.Any]], *, check: bool = False) -> dict[str, t.Any]:
    exported = [
        {"pool": "worker", "hash": IGNITION_HASH},
        {"pool": "infra", "hash": IGNITION_HASH},
        {"pool": "edge", "hash": OTHER_HASH},
    ]
    arguments = {"machines": machines, "ignition": exported, "dest": str(tmp_path / "private")}
    return run_module(ignition_initrd.main, arguments, check=check)


def test_one_private_initrd_is_written_for_each_hash(tmp_path: pathlib.Path) -> None:
    machines = [machine(), machine(name="b", pool="infra"), machine(name="c", pool="edge", boot_method="ipxe")]
    result = run(tmp_path, machines)
    assert result["changed"] is True
    first, second = result["initrds"]
    assert (first["pool"], first["hash"], first["name"]) == ("worker", IGNITION_HASH, initrd_name(IGNITION_HASH))
    assert (second["pool"], second["hash"]) == ("edge", OTHER_HASH)
    written = pathlib.Path(first["path"])
    assert written.read_bytes() == verifying_initrd(IGNITION_HASH)
    assert first["size"] == written.stat().st_size
    assert written.stat().st_mode & 0o777 == 0o600
    assert written.parent.stat().st_mode & 0o777 == 0o700


def test_machines_that_differ_in_their_installed_system_get_an_initrd_each(tmp_path: pathlib.Path) -> None:
    machines = [
        machine(),
        machine(name="b", consoles=["ttyAMA0"]),
        machine(name="c", consoles=["ttyAMA0"], kernel_arguments=["nosmt"]),
        machine(name="d", consoles=["ttyAMA0"]),
        machine(name="e", kernel_arguments=["two words"]),
    ]
    made = run(tmp_path, machines)["initrds"]
    assert [(entry["consoles"], entry["kernel_arguments"]) for entry in made] == [
        ([], []),
        (["ttyAMA0"], []),
        (["ttyAMA0"], ["nosmt"]),
    ]
    assert len({entry["name"] for entry in made}) == 3
    for entry in made:
        image = verifying_initrd(IGNITION_HASH, consoles=entry["consoles"], kernel_arguments=entry["kernel_arguments"])
        assert pathlib.Path(entry["path"]).read_bytes() == image


def test_a_second_run_changes_nothing(tmp_path: pathlib.Path) -> None:
    first = run(tmp_path, [machine()])
    second = run(tmp_path, [machine()])
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["initrds"] == second["initrds"]


def test_check_mode_returns_the_entries_and_writes_nothing(tmp_path: pathlib.Path) -> None:
    result = run(tmp_path, [machine()], check=True)
    assert result["changed"] is True
    assert list(tmp_path.iterdir()) == []
    assert result["initrds"] == run(tmp_path, [machine()])["initrds"]


@pytest.mark.parametrize(
    "changes",
    [
        {"ignition_delivery": "documented"},
        {"boot_method": "external"},
        {"arm": False},
        {"failed": True},
        {"pool": "gone"},
    ],
)
def test_a_machine_that_needs_no_initrd_gets_none(tmp_path: pathlib.Path, changes: dict[str, t.Any]) -> None:
    assert run(tmp_path, [machine(**changes)])["initrds"] == []
