# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The texts for each loader, against files that a person has read."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._grub import grub_dispatcher
from ansible_collections.multiarch.openshift.plugins.module_utils._ipxe import ipxe_chain
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import BootFile
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Published
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import boot_file
from support.netboot import BASE_URL
from support.netboot import CLUSTER
from support.netboot import RELEASE
from support.netboot import artifacts
from support.netboot import ignition
from support.netboot import initrds
from support.netboot import machine
from support.paths import FIXTURES

GOLDEN = FIXTURES / "netboot"
IPV6_URL = "http://[2001:db8::5]:8080/openshift"
NAME_URL = "http://web.example.com:8080/openshift"
LOUD = ["a=1&b", "c;d", "e=$f", "g={h}", "i|j", "k<l>m", "n#o"]

MACHINES: dict[str, dict[str, t.Any]] = {
    "grub-http.cfg": {"consoles": ["tty0", "ttyAMA0,115200n8"], "live_kernel_arguments": ["rd.net.timeout.carrier=30"]},
    "grub-tftp.cfg": {"boot_transport": "tftp"},
    "grub-documented.cfg": {"ignition_delivery": "documented"},
    "grub-quoting.cfg": {"live_kernel_arguments": LOUD},
    "grub-ipv6.cfg": {"network_arguments": ["ip=[2001:db8::11]::[2001:db8::1]:64:worker-arm-1:eno1:none"]},
    "machine.ipxe": {"boot_method": "ipxe", "consoles": ["ttyAMA0"], "live_kernel_arguments": LOUD},
    "machine-documented.ipxe": {"boot_method": "ipxe", "ignition_delivery": "documented"},
    "machine-x86.ipxe": {"boot_method": "ipxe", "architecture": "x86_64"},
    "pxelinux-http": {"boot_method": "pxelinux", "architecture": "x86_64"},
    "pxelinux-tftp": {"boot_method": "pxelinux", "architecture": "x86_64", "boot_transport": "tftp"},
}


def published(base_url: str = BASE_URL, **changes: t.Any) -> Published:
    both = [*artifacts("aarch64", base_url), *artifacts("x86_64", base_url)]
    given: dict[str, t.Any] = {
        "ignition": ignition(base_url),
        "artifacts": both,
        "initrds": initrds(base_url),
        "version": "4.16.3",
        **changes,
    }
    return Published(**given)


def render(changes: dict[str, t.Any], base_url: str = BASE_URL, **published_changes: t.Any) -> BootFile:
    for_it = {key: changes[key] for key in ("consoles", "kernel_arguments") if key in changes}
    published_changes.setdefault("initrds", [{**entry, **for_it} for entry in initrds(base_url)])
    return boot_file(machine(**changes), published(base_url, **published_changes), cluster=CLUSTER)


def golden(name: str) -> str:
    """The approved text; the files of iPXE scripts begin after the line that makes them scripts."""
    first = "#!ipxe\n" if name.endswith(".ipxe") else ""
    return first + (GOLDEN / name).read_text()


@pytest.mark.parametrize("name", MACHINES)
def test_the_boot_file_reads_as_a_person_has_approved_it(name: str) -> None:
    base_url = IPV6_URL if name == "grub-ipv6.cfg" else BASE_URL
    assert render(MACHINES[name], base_url).text == golden(name)


def test_the_dispatcher_reads_as_a_person_has_approved_it() -> None:
    assert grub_dispatcher(BASE_URL) == (GOLDEN / "dispatcher.cfg").read_text()


def test_the_chain_entry_reads_as_a_person_has_approved_it() -> None:
    assert ipxe_chain(BASE_URL) == golden("chain.ipxe")


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.cfg")), ids=lambda path: path.name)
def test_grub_itself_finds_no_fault(path: pathlib.Path) -> None:
    checker = shutil.which("grub-script-check") or shutil.which("grub2-script-check")
    if not checker:
        pytest.skip("grub-script-check is not here: apt-get install grub-common")
    assert subprocess.run([checker, str(path)], check=False, capture_output=True, text=True).stderr == ""


@pytest.mark.parametrize("name", [name for name in MACHINES if name.endswith(".ipxe")])
def test_ipxe_names_each_initrd_as_the_kernel_line_does(name: str) -> None:
    text = render(MACHINES[name]).text
    (kernel,) = [line for line in text.splitlines() if line.startswith("kernel ")]
    assert re.findall(r" initrd=(\S+)", kernel) == re.findall(r"^initrd --name (\S+) ", text, re.MULTILINE) != []


@pytest.mark.parametrize(
    ("changes", "loaders"),
    [
        ({}, ("grub over http", "grub over tftp")),
        ({"boot_transport": "tftp"}, ("grub over tftp",)),
        ({"boot_method": "ipxe"}, ("ipxe",)),
        ({"boot_method": "pxelinux", "architecture": "x86_64"}, ("pxelinux",)),
    ],
)
def test_each_loader_finds_the_file_in_its_own_place(changes: dict[str, t.Any], loaders: tuple[str, ...]) -> None:
    assert render(changes).loaders == loaders


def line_of(text: str) -> str:
    """The kernel line that arrives from a GRUB file without quotes."""
    (line,) = [line for line in text.splitlines() if line.startswith("  linux ")]
    return "BOOT_IMAGE=" + line[len("  linux ") :]


def test_the_longest_line_that_the_kernel_takes_is_written_and_one_more_byte_is_not() -> None:
    room = 2046 - len(line_of(render({}).text)) - 1
    assert len(line_of(render({"live_kernel_arguments": ["a" * room]}).text)) == 2046
    with pytest.raises(OperationError, match="2047 bytes"):
        render({"live_kernel_arguments": ["a" * (room + 1)]})


@pytest.mark.parametrize(
    ("changes", "prefix"),
    [
        ({"boot_method": "ipxe"}, f"rhcos-{RELEASE}-live-kernel-aarch64 initrd=main initrd=verify"),
        (
            {"boot_method": "pxelinux", "architecture": "x86_64", "boot_transport": "tftp"},
            f"BOOT_IMAGE=/{RELEASE}/x86_64/rhcos-{RELEASE}-live-kernel-x86_64 initrd=/{RELEASE}/x86_64/"
            f"rhcos-{RELEASE}-live-initramfs.x86_64.img,/{CLUSTER}/verify-0123456789abcdef.img",
        ),
    ],
)
def test_what_the_loader_adds_counts_towards_the_limit(changes: dict[str, t.Any], prefix: str) -> None:
    line = line_of(render({**changes, "boot_method": "grub", "architecture": "aarch64", "boot_transport": "http"}).text)
    own = line.split(" ", 1)[1].replace("aarch64", changes.get("architecture", "aarch64"))
    room = 2046 - len(f"{prefix} {own} ")
    assert render({**changes, "live_kernel_arguments": ["a" * room]}).text
    with pytest.raises(OperationError, match="2047 bytes"):
        render({**changes, "live_kernel_arguments": ["a" * (room + 1)]})


def test_pxelinux_takes_127_characters_of_a_path() -> None:
    changes = {"boot_method": "pxelinux", "architecture": "x86_64"}
    longest = max(len(artifact["url"]) for artifact in artifacts("x86_64") if artifact["kind"] != "rootfs")
    room = 127 - longest
    assert render(changes, BASE_URL + "x" * room).text
    with pytest.raises(OperationError, match="128 characters"):
        render(changes, BASE_URL + "x" * (room + 1))


PXELINUX = {"boot_method": "pxelinux", "architecture": "x86_64"}


@pytest.mark.parametrize(
    ("changes", "base_url", "said"),
    [
        ({"boot_method": "pxelinux"}, BASE_URL, "pxelinux does not boot aarch64"),
        ({"architecture": "x86_64"}, BASE_URL, "grub does not boot x86_64"),
        ({}, NAME_URL, "web.example.com"),
        (PXELINUX, IPV6_URL, "IPv4"),
        (PXELINUX, BASE_URL + "/a,b", "comma"),
        ({"boot_method": "ipxe", "live_kernel_arguments": ["a=${b}"]}, BASE_URL, "iPXE would replace"),
        ({"boot_method": "ipxe"}, BASE_URL + "/${a}", "iPXE would replace"),
        ({}, BASE_URL.replace("http:", "https:"), "let machines fetch by http with the hash pinned"),
        ({"boot_method": "ipxe"}, BASE_URL.replace("http:", "https:"), "private CA"),
        ({"ignition_delivery": "documented"}, BASE_URL.replace("http:", "https:"), "private CA"),
        ({}, BASE_URL + "/it's", "quote"),
        ({"pool": "infra"}, BASE_URL, "pool infra"),
        ({"macs": []}, BASE_URL, "machine_macs is empty"),
        ({"macs": ["../../etc/x"]}, BASE_URL, "not a MAC address"),
        ({"name": "a b"}, BASE_URL, "name 'a b'"),
        ({"install_device": "sda"}, BASE_URL, "/dev/"),
        (
            {"kernel_arguments": ["quiet"], "ignition_delivery": "documented"},
            BASE_URL,
            "only with machine_ignition_delivery: verified",
        ),
        ({"kernel_arguments": ["a b"]}, BASE_URL, "machine_kernel_arguments"),
        ({"consoles": ["ttyS0 115200"]}, BASE_URL, "machine_consoles"),
    ],
)
def test_a_file_that_would_not_boot_the_machine_is_refused(changes: dict[str, t.Any], base_url: str, said: str) -> None:
    with pytest.raises(OperationError, match=re.escape(said)):
        render(changes, base_url)


def without(entries: list[dict[str, t.Any]], key: str) -> list[dict[str, t.Any]]:
    return [{name: value for name, value in entry.items() if name != key} for entry in entries]


@pytest.mark.parametrize(
    ("changes", "missing", "said"),
    [
        ({}, {"artifacts": artifacts()[1:]}, "No kernel for aarch64"),
        ({}, {"artifacts": artifacts("x86_64")}, "No kernel for aarch64"),
        ({}, {"artifacts": without(artifacts(), "url")}, "not published"),
        ({}, {"artifacts": [*artifacts()[:2], *artifacts(release="415.1")[2:]]}, "different releases"),
        ({}, {"ignition": []}, "No ignition of the pool worker"),
        ({}, {"ignition": without(ignition(), "url")}, "not published"),
        ({}, {"initrds": []}, "No initrd with the hash"),
        ({}, {"initrds": [{**initrds()[0], "hash": "sha512-" + "0" * 128}]}, "No initrd with the hash"),
        ({"boot_transport": "tftp"}, {"artifacts": without(artifacts(), "tftp_path")}, "no copy on the TFTP server"),
        ({"boot_transport": "tftp"}, {"initrds": without(initrds(), "tftp_path")}, "no copy on the TFTP server"),
        ({}, {"version": "4.11.9"}, "OpenShift 4.11.9 is too old"),
        ({}, {"artifacts": artifacts(release="410.84.202201251203-0")}, "410.84.202201251203-0 is too old"),
    ],
)
def test_what_is_not_published_is_named(changes: dict[str, t.Any], missing: dict[str, t.Any], said: str) -> None:
    with pytest.raises(OperationError, match=re.escape(said)):
        render(changes, **missing)


def test_documented_delivery_needs_no_initrd_and_no_new_release() -> None:
    assert render({"ignition_delivery": "documented"}, initrds=[], version="4.10.1").text.count("verify") == 0


def test_a_record_that_is_not_from_the_plan_is_refused() -> None:
    with pytest.raises(OperationError, match="has no architecture, boot_method"):
        boot_file({"name": "a", "macs": []}, published(), cluster=CLUSTER)


def test_a_name_in_the_url_is_a_warning_for_ipxe() -> None:
    assert "web.example.com" in render({"boot_method": "ipxe"}, NAME_URL).warnings[0]
    assert render({"boot_method": "ipxe"}).warnings == ()


def test_pxelinux_by_http_warns_that_it_needs_lpxelinux() -> None:
    assert "lpxelinux.0" in render(PXELINUX).warnings[0]
    assert render({**PXELINUX, "boot_transport": "tftp"}).warnings == ()


def test_a_gzip_kernel_is_a_warning_for_ipxe_until_a_decompressed_copy_is_there() -> None:
    packed = [{**entry, "format": "gzip"} if entry["kind"] == "kernel" else entry for entry in artifacts()]
    warned = render({"boot_method": "ipxe"}, artifacts=packed)
    assert "publish_decompressed_kernel" in warned.warnings[0]
    assert render({}, artifacts=packed).warnings == ()
    copied = [{**entry, "decompressed_url": f"{BASE_URL}/plain"} if "format" in entry else entry for entry in packed]
    used = render({"boot_method": "ipxe"}, artifacts=copied)
    assert used.warnings == ()
    assert f"kernel {BASE_URL}/plain initrd=main" in used.text


@pytest.mark.parametrize(
    ("changes", "kernel", "said"),
    [
        ({}, "image", ""),
        (
            {},
            "efi-zboot",
            'no boot loader was tried with, and GRUB before 2.12 may refuse it with "invalid magic number"',
        ),
        ({"boot_method": "ipxe"}, "efi-zboot", "no boot loader was tried with."),
        ({}, "unknown", "does not begin as a kernel for aarch64 does"),
        ({"boot_method": "ipxe"}, "unknown", "does not begin as a kernel for aarch64 does"),
        # the three formats are those of the other architecture
        ({"architecture": "x86_64", "boot_method": "ipxe"}, "unknown", ""),
    ],
)
def test_a_kernel_that_a_loader_may_refuse_is_a_warning(changes: dict[str, t.Any], kernel: str, said: str) -> None:
    both = [*artifacts(), *artifacts("x86_64")]
    found = [{**entry, "format": kernel} if entry["kind"] == "kernel" else entry for entry in both]
    warnings = render(changes, artifacts=found).warnings
    assert len(warnings) == bool(said)
    assert said in "".join(warnings)


def test_each_machine_gets_the_initrd_of_its_own_consoles_and_kernel_arguments() -> None:
    plain = initrds()[0]
    entries = [
        {**plain, "consoles": ["ttyAMA0"], "kernel_arguments": ["nosmt"], "url": f"{BASE_URL}/both.img"},
        {**plain, "consoles": ["ttyAMA0"], "kernel_arguments": [], "url": f"{BASE_URL}/console.img"},
        {**plain, "url": f"{BASE_URL}/plain.img"},
    ]
    for changes, name in (
        ({"consoles": ["ttyAMA0"], "kernel_arguments": ["nosmt"]}, "both.img"),
        ({"consoles": ["ttyAMA0"]}, "console.img"),
        ({}, "plain.img"),
    ):
        text = render(changes, initrds=entries).text
        assert f"{name}\n" in text
        # it is for the installed system only
        assert "nosmt" not in text
    with pytest.raises(OperationError, match="No initrd with the hash"):
        render({"kernel_arguments": ["nosmt"]}, initrds=entries)


def test_consoles_of_documented_delivery_are_for_the_installer_alone() -> None:
    rendered = render({"ignition_delivery": "documented", "consoles": ["ttyAMA0"]}, initrds=[])
    assert " console=ttyAMA0" in rendered.text
    (warning,) = rendered.warnings
    assert "machine_consoles are those of the installer alone" in warning
    assert render({"ignition_delivery": "documented"}, initrds=[]).warnings == ()
