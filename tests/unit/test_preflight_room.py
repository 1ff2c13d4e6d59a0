# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which large files a run will write, before it writes them."""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._preflight_room import Files
from ansible_collections.multiarch.openshift.plugins.module_utils._preflight_room import files
from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import folder

Record = dict[str, t.Any]
HASH = "sha512-" + "ab" * 64
BASE_URL = "http://192.0.2.5:8080/openshift"
RELEASE = "416.94.202405291527-0"


def artifact(kind: str, architecture: str = "aarch64") -> Record:
    name = f"rhcos-{kind}"
    location = f"https://mirror.example.com/{architecture}/{name}"
    return {
        "architecture": architecture,
        "kind": kind,
        "name": name,
        "release": RELEASE,
        "location": location,
        "sha256": "0" * 64,
    }


ARTIFACTS = [artifact(kind) for kind in ("iso", "kernel", "initramfs", "rootfs")]
ISO = f"{RELEASE}/aarch64/rhcos-iso"


def machine(number: int = 1, **values: t.Any) -> Record:
    return {
        "name": f"worker-arm-{number}",
        "architecture": "aarch64",
        "boot_method": "iso",
        "boot_transport": "http",
        "iso_install": "unattended",
        "bmc_url": None,
        "pool": "worker",
        "cluster": {"name": "lab-x7k2p", "uid": "1"},
        "install_device": "/dev/sda",
        "network": None,
        "failed": False,
        **values,
    }


def wanted(*machines: Record, put_url: str = "") -> Files:
    return files(machines, {"worker": HASH}, ARTIFACTS, base_url=BASE_URL, put_url=put_url)


def test_each_iso_that_is_made_has_the_size_of_the_one_it_is_made_from() -> None:
    found = wanted(machine(), machine(2), machine(3, install_device="/dev/vda"))
    assert set(found.isos.values()) == {ISO}
    # two machines share one
    assert len(found.isos) == 2
    answers = [{"name": ISO, "present": True, "size": 1000}]
    assert found.sizes_of_isos(answers, []) == [1000, 1000]
    assert found.sizes_of_isos(answers, [sorted(found.isos)[0]]) == [1000]
    assert found.sizes_of_isos([], sorted(found.isos)[:1]) == [None]


def test_machines_without_an_iso_of_their_own_need_none() -> None:
    others = [
        machine(iso_install="by_hand"),
        machine(2, failed=True),
        machine(3, arm=False),
        machine(4, install_device=None),
        machine(5, boot_method="ipxe"),
    ]
    assert wanted(*others).isos == {}
    assert wanted() == Files()


def test_what_is_uploaded_needs_no_room_on_the_web_host() -> None:
    by_hand = machine(iso_install="by_hand")
    assert [entry["name"] for entry in wanted(by_hand).artifacts if "iso" in entry["name"]] == [ISO]
    assert wanted(by_hand, put_url="https://dav.example.com/").artifacts == []


def test_copies_for_tftp_are_kernel_and_initramfs() -> None:
    found = wanted(machine(boot_method="grub", boot_transport="tftp"))
    names = [f"{RELEASE}/aarch64/rhcos-{kind}" for kind in ("kernel", "initramfs")]
    assert found.copies == names
    answers = [{"name": name, "present": False, "size": 5} for name in names]
    assert found.sizes_of_copies(answers, []) == [5, 5]
    assert found.sizes_of_copies(answers, names[:1]) == [5]
    assert {entry["location"] for entry in found.artifacts} == {entry["location"] for entry in ARTIFACTS}
    assert wanted(machine(boot_method="grub")).copies == []


def test_isos_that_are_there_are_known_by_name(tmp_path: pathlib.Path) -> None:
    names = list(wanted(machine()).isos)
    assert len(names) == 1
    for path in (*names, "lab-x7k2p/other.iso", ISO):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"iso")
    assert folder(str(tmp_path))["isos"] == names
