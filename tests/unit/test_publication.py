# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._publication import address_for
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import publication
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import published

HASH = "sha512-" + "0123456789abcdef" * 8
IGNITION = [{"pool": "worker", "path": "/private/worker.ign", "hash": HASH}]
INITRDS = [{"pool": "worker", "name": "verify-0123456789abcdef.img", "path": "/private/v.img", "sha256": "a" * 64}]
ARTIFACTS = [
    {
        "architecture": "aarch64",
        "kind": kind,
        "name": f"live-{kind}",
        "location": f"https://mirror.example.com/live-{kind}",
        "release": "416.94",
        "sha256": "b" * 64,
    }
    for kind in ("kernel", "initramfs", "rootfs")
]
BASE = "http://192.0.2.5/x"
PUT = "https://files.example.com/dav"


def machine(method: str = "grub", transport: str = "http") -> dict[str, t.Any]:
    return {
        "name": "a",
        "architecture": "aarch64",
        "boot_method": method,
        "pool": "worker",
        "boot_transport": transport,
        "failed": False,
        "cluster": {"name": "lab-x7k2p", "uid": "u"},
    }


def test_ignition_lies_under_the_cluster_and_carries_its_hash_in_the_name() -> None:
    names = [item["name"] for item in publication([machine()], IGNITION, ARTIFACTS, INITRDS, base_url=BASE)["web"]]
    assert names == [
        "lab-x7k2p/worker-0123456789abcdef.ign",
        "lab-x7k2p/verify-0123456789abcdef.img",
        "416.94/aarch64/live-kernel",
        "416.94/aarch64/live-initramfs",
        "416.94/aarch64/live-rootfs",
    ]


def test_external_machines_get_their_ignition_uploaded_and_nothing_else() -> None:
    items = publication([machine("external")], IGNITION, ARTIFACTS, INITRDS, base_url=BASE, put_url=PUT)
    assert (items["web"], items["tftp"]) == ([], [])
    assert [item["name"] for item in items["put"]] == ["lab-x7k2p/worker-0123456789abcdef.ign"]
    assert publication([machine("external")], IGNITION, ARTIFACTS, INITRDS, base_url=BASE)["put"] == []


def test_nothing_is_uploaded_for_machines_that_boot_from_the_network() -> None:
    assert publication([machine()], IGNITION, ARTIFACTS, INITRDS, base_url=BASE, put_url=PUT)["put"] == []


ISO = {**ARTIFACTS[0], "kind": "iso", "name": "live.iso", "location": "https://mirror.example.com/live.iso"}
BY_HAND = {**machine("iso"), "name": "b", "iso_install": "by_hand", "bmc_url": None}


def test_iso_and_ignition_of_a_machine_installed_by_hand_are_uploaded_and_need_no_web_host() -> None:
    items = publication([BY_HAND], IGNITION, [ISO], [], base_url="", put_url=PUT)
    assert items["web"] == items["tftp"] == []
    assert [(item["kind"], item.get("url")) for item in items["put"]] == [
        ("ignition", None),
        ("iso", "https://mirror.example.com/live.iso"),
    ]
    assert publication([BY_HAND], IGNITION, [ISO], [], base_url=BASE)["put"] == []


def test_a_bmc_and_a_customised_iso_need_the_web_host() -> None:
    by_bmc = {**BY_HAND, "bmc_url": "https://192.0.2.205"}
    unattended = {**BY_HAND, "iso_install": "unattended"}
    for one in (by_bmc, unattended):
        items = publication([one], IGNITION, [ISO], [], base_url=BASE, put_url=PUT)
        assert [item["kind"] for item in items["web"]] == ["ignition", "iso"]
        assert items["put"] == []


def test_what_the_web_host_has_is_uploaded_from_there_and_nothing_lies_there_needlessly() -> None:
    unattended = {**BY_HAND, "name": "c", "iso_install": "unattended"}
    items = publication([BY_HAND, unattended], IGNITION, [ISO], [], base_url=BASE, put_url=PUT)
    assert items["put"][1]["url"] == "http://192.0.2.5/x/416.94/aarch64/live.iso"
    items = publication([BY_HAND, machine()], IGNITION, [*ARTIFACTS, ISO], [], base_url=BASE, put_url=PUT)
    assert "iso" not in [item["kind"] for item in items["web"]]
    assert items["put"][1]["url"] == "https://mirror.example.com/live.iso"


def test_each_machine_is_told_where_its_own_files_lie() -> None:
    items = publication([BY_HAND, machine()], IGNITION, [*ARTIFACTS, ISO], INITRDS, base_url=BASE, put_url=PUT)
    answers = {
        host: [{"name": item["name"], "url": f"{url}/{item['name']}"} for item in items[host]]
        for host, url in (("web", BASE), ("put", PUT))
    }
    found = published(IGNITION, [*ARTIFACTS, ISO], INITRDS, tftp=[], **answers)
    assert address_for(machine(), found["ignition"][0]) == f"{BASE}/lab-x7k2p/worker-0123456789abcdef.ign"
    assert address_for(BY_HAND, found["ignition"][0]) == f"{PUT}/lab-x7k2p/worker-0123456789abcdef.ign"
    assert address_for(BY_HAND, found["artifacts"][-1]) == f"{PUT}/416.94/aarch64/live.iso"
    assert address_for({**BY_HAND, "bmc_url": "https://192.0.2.205"}, found["artifacts"][-1]) == ""


def test_a_mirror_folder_on_the_web_host_is_read_there() -> None:
    artifacts = [{**ARTIFACTS[0], "location": "/mirror/live-kernel"}]
    item = publication([machine()], IGNITION, artifacts, INITRDS, base_url=BASE)["web"][-1]
    assert item["remote_file"] == "/mirror/live-kernel"
    assert "url" not in item


def test_tftp_gets_what_the_loader_fetches_and_never_rootfs_or_ignition() -> None:
    items = publication([machine(transport="tftp")], IGNITION, ARTIFACTS, INITRDS, base_url=BASE)["tftp"]
    assert [item["kind"] for item in items] == ["initrd", "kernel", "initramfs"]
    assert items[1]["url"] == "http://192.0.2.5/x/416.94/aarch64/live-kernel"
    assert all("file" not in item for item in items)


def test_published_urls_find_their_way_back_to_the_entries() -> None:
    plan = publication([machine(transport="tftp")], IGNITION, ARTIFACTS, INITRDS, base_url=BASE)
    web = [{"name": item["name"], "url": f"{BASE}/{item['name']}"} for item in plan["web"]]
    result = published(IGNITION, ARTIFACTS, INITRDS, web=web, tftp=plan["tftp"])
    assert result["ignition"][0]["url"] == f"{BASE}/lab-x7k2p/worker-0123456789abcdef.ign"
    assert "tftp_path" not in result["ignition"][0]
    assert result["initrds"][0]["tftp_path"] == "/lab-x7k2p/verify-0123456789abcdef.img"
    assert [entry["kind"] for entry in result["artifacts"] if "tftp_path" in entry] == ["kernel", "initramfs"]


def test_only_the_kernel_of_ipxe_machines_is_decompressed_and_only_on_request() -> None:
    machines = [machine("ipxe"), machine("grub", "tftp")]
    asked = publication(machines, IGNITION, ARTIFACTS, INITRDS, base_url=BASE, decompressed_kernel=True)
    assert [item["kind"] for item in asked["web"] if item.get("decompress") == "gzip"] == ["kernel"]
    assert all("decompress" not in item for item in asked["tftp"])
    for given, on_request in ((machines, False), ([machine("grub")], True)):
        items = publication(given, IGNITION, ARTIFACTS, INITRDS, base_url=BASE, decompressed_kernel=on_request)["web"]
        assert all("decompress" not in item for item in items)


def test_format_and_decompressed_copy_find_their_way_to_the_kernel() -> None:
    items = publication([machine()], IGNITION, ARTIFACTS, INITRDS, base_url=BASE)["web"]
    web: list[dict[str, t.Any]] = [{"name": item["name"], "url": f"{BASE}/{item['name']}"} for item in items]
    web[2].update(format="gzip", decompressed={"url": f"{BASE}/plain"})
    kernel, initramfs, _rootfs = published(IGNITION, ARTIFACTS, INITRDS, web=web, tftp=[])["artifacts"]
    assert (kernel["format"], kernel["decompressed_url"]) == ("gzip", f"{BASE}/plain")
    assert "format" not in initramfs
