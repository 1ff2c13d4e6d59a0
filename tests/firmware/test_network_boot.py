# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netboot_config writes, read by real boot loaders: every argument and both initrds arrive in a real kernel."""

from __future__ import annotations

import hashlib
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import initrd_name
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import LINE_LIMIT
from ansible_collections.multiarch.openshift.plugins.module_utils._pxelinux import PATH_LIMIT
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SiteServices
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import rules
from firmware.dhcp import HttpBootDhcp
from firmware.guest import Guest
from firmware.guest import boot
from firmware.parts import part
from firmware.parts import qemu
from firmware.site import IGNITION
from firmware.site import IGNITION_HASH
from firmware.site import MAC
from firmware.site import ROOTFS
from firmware.site import Site
from firmware.site import ignition_path
from firmware.web import WebServer

pytestmark = pytest.mark.firmware

FILE_NAME = MAC.replace(":", "-")
NETWORK = [
    "ip=192.0.2.11::192.0.2.1:255.255.255.0:worker-1.example.com:enp1s0:none",
    "ip=[2001:db8::11]::[2001:db8::1]:64:worker-1:enp1s0:none",
    "nameserver=192.0.2.53",
]
# What a boot loader's language could take for its own
LIVE = ["site.note=a&b;c|d<e>f$g{h}#i*j!k~l%m(n)o?p", "site.empty=", "quiet"]
INSTALLED = "site.installed=a&b"
CONSOLES = {"aarch64": ["tty0", "ttyAMA0,115200n8"], "x86_64": ["tty0", "ttyS0,115200n8"]}


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Iterator[Site]:
    for architecture in ("aarch64", "x86_64"):
        qemu(architecture)
    www = tmp_path / "www"
    www.mkdir()
    with WebServer(www) as web:
        yield Site(tmp_path, web, www=www)


def variables(architecture: str, method: str, transport: str = "http") -> dict[str, Any]:
    return {
        "machine_architecture": architecture,
        "machine_boot_method": method,
        "machine_boot_transport": transport,
        "machine_network_arguments": NETWORK,
        "machine_live_kernel_arguments": LIVE,
        "machine_consoles": CONSOLES[architecture],
        "machine_kernel_arguments": [INSTALLED],
    }


def arguments(site: Site, architecture: str, *, counted: list[str]) -> list[str]:
    """Our arguments on a line as long as the product allows, with the ``counted`` words of the loader in front."""
    words = [
        f"coreos.live.rootfs_url={site.web.url}{site.artifact_path(architecture, 'rootfs')}",
        "coreos.inst.install_dev=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
        f"coreos.inst.ignition_url={site.web.url}/{ignition_path()}",
        "ignition.firstboot",
        "ignition.platform.id=metal",
        *NETWORK,
        "rd.neednet=1",
        *(f"console={console}" for console in CONSOLES[architecture]),
        *LIVE,
        "site.filler=",
    ]
    words[-1] += "x" * (LINE_LIMIT - len(" ".join((*counted, *words))))
    return words


def filled(values: dict[str, Any], words: list[str]) -> dict[str, Any]:
    """The variables with that line's filler."""
    return {**values, "machine_live_kernel_arguments": [*LIVE, words[-1]]}


def check_boot(guest: Guest, line: list[str]) -> None:
    assert guest.line == line
    consoles = [word.removeprefix("console=") for word in line if word.startswith("console=")]
    assert guest.installer_config.splitlines() == [
        f"ignition-hash: {IGNITION_HASH}",
        "console:",
        *(f'  - "{console}"' for console in consoles),
        "append-karg:",
        f'  - "{INSTALLED}"',
    ]
    assert guest.fetched == {
        "coreos.live.rootfs_url": hashlib.sha512(ROOTFS).hexdigest(),
        "coreos.inst.ignition_url": hashlib.sha512(IGNITION).hexdigest(),
    }


def grub_words(site: Site, transport: str) -> list[str]:
    """What GRUB puts in front."""
    device = f"(http,{site.web.url.removeprefix('http://')})" if transport == "http" else ""
    return [f"BOOT_IMAGE={device}{site.artifact_path('aarch64', 'kernel')}"]


def lay_grub(site: Site, version: str) -> str:
    """Debian's signed image looks for no MAC until a second configuration asks it to; return its boot file."""
    grub = part(f"grub-{version}")
    shutil.copy(grub / "grubaa64.efi", site.grub)
    shutil.copytree(grub / "arm64-efi", site.grub / "arm64-efi")
    (site.tftp / "grub").mkdir()
    (site.tftp / "grub" / "grub.cfg").write_text("set prefix=(tftp,$net_default_server)/efi\nnormal\n")
    return "efi/grubaa64.efi"


@pytest.mark.parametrize(("version", "transport"), [("2.06", "tftp"), ("2.06", "http"), ("2.12", "http")])
def test_grub_that_came_by_tftp_finds_the_file_of_its_mac(
    site: Site, tmp_path: pathlib.Path, version: str, transport: str
) -> None:
    by_loader = grub_words(site, transport)
    ours = arguments(site, "aarch64", counted=by_loader)
    site.arm(filled(variables("aarch64", "grub", transport), ours))
    guest = boot("aarch64", tmp_path, mac=MAC, tftp=site.tftp, boot_file=lay_grub(site, version))
    check_boot(guest, [*by_loader, *ours])
    assert bool(site.web.statuses(site.artifact_path("aarch64", "kernel"))) == (transport == "http")


def test_grub_that_came_by_tftp_leaves_once_its_machine_is_installed(site: Site, tmp_path: pathlib.Path) -> None:
    site.arm(variables("aarch64", "grub"))
    site.withdraw()
    # GRUB of Debian knows no exit code, and so the firmware shows its menu. RHEL's does (rhboot/grub2).
    boot_file = lay_grub(site, "2.06")
    guest = boot("aarch64", tmp_path, mac=MAC, tftp=site.tftp, boot_file=boot_file, until="UiApp")
    assert "UiApp" in guest.screen, guest.screen
    assert site.web.statuses(site.artifact_path("aarch64", "kernel")) == []


def http_boot(site: Site, folder: pathlib.Path, until: str = "") -> Guest:
    """Debian's GRUB has /grub as its prefix, which is where the product lays it, beside the dispatcher."""
    grub = part("grub-2.12")
    shutil.copy(grub / "grubaa64.efi", site.www / "grub")
    shutil.copytree(grub / "arm64-efi", site.www / "grub" / "arm64-efi")
    (rule,) = rules(("grub", "aarch64"), SiteServices(base_url=site.web.url))
    with HttpBootDhcp(rule.file) as dhcp:
        return boot("aarch64", folder, mac=MAC, dhcp=dhcp.netdev, until=until)


def test_uefi_http_boot_reaches_the_file_of_the_mac_through_the_dispatcher(site: Site, tmp_path: pathlib.Path) -> None:
    by_loader = grub_words(site, "http")
    ours = arguments(site, "aarch64", counted=by_loader)
    dispatcher = str(site.www / "grub" / "grub.cfg")
    site.arm(filled(variables("aarch64", "grub"), ours), entry_paths={"grub": dispatcher})
    check_boot(http_boot(site, tmp_path), [*by_loader, *ours])


def test_dispatcher_gives_a_machine_without_a_file_back_to_its_firmware(site: Site, tmp_path: pathlib.Path) -> None:
    site.arm(
        {**variables("aarch64", "grub"), "machine_macs": ["52:54:00:00:00:99"]},
        entry_paths={"grub": str(site.www / "grub" / "grub.cfg")},
    )
    # GRUB of Debian knows no exit code, and so the firmware shows its menu. RHEL's does (rhboot/grub2).
    guest = http_boot(site, tmp_path, until="UiApp")
    assert "UiApp" in guest.screen, guest.screen
    assert f"/grub/grub.cfg-01-{FILE_NAME}' not found" in guest.screen
    assert site.web.statuses(site.artifact_path("aarch64", "kernel")) == []


def arm_ipxe(site: Site, architecture: str, values: dict[str, Any], *, decompressed: bool = False) -> str:
    """Write script and chain entry; return the boot file that leads there."""
    if architecture == "x86_64":
        site.arm(values, entry_paths={"ipxe": str(site.www / "boot.ipxe")})
        return f"{site.web.url}/boot.ipxe"
    # iPXE that came by TFTP asks for autoexec.ipxe before anything else.
    site.arm(values, entry_paths={"ipxe": str(site.tftp / "autoexec.ipxe")}, decompressed=decompressed)
    shutil.copy(part("ipxe-arm64.efi"), site.tftp)
    return "ipxe-arm64.efi"


@pytest.mark.parametrize("architecture", ["aarch64", "x86_64"])
def test_ipxe_reaches_the_script_of_its_mac_through_the_chain_entry(
    site: Site, tmp_path: pathlib.Path, architecture: str
) -> None:
    kernel = site.artifact_path(architecture, "kernel").rsplit("/", 1)[1]
    initrds = ["initrd=main", "initrd=verify"]
    ours = arguments(site, architecture, counted=[kernel, *initrds])
    boot_file = arm_ipxe(site, architecture, filled(variables(architecture, "ipxe"), ours))
    guest = boot(architecture, tmp_path, mac=MAC, tftp=site.tftp, boot_file=boot_file)
    # For UEFI iPXE puts the kernel's name in front, which ends at the last dot once the kernel is unpacked.
    by_loader = [kernel.rpartition(".")[0], *initrds] if architecture == "aarch64" else initrds
    check_boot(guest, [*by_loader, *ours])


def test_ipxe_boots_the_decompressed_copy_of_the_kernel(site: Site, tmp_path: pathlib.Path) -> None:
    boot_file = arm_ipxe(site, "aarch64", variables("aarch64", "ipxe"), decompressed=True)
    assert boot("aarch64", tmp_path, mac=MAC, tftp=site.tftp, boot_file=boot_file).booted
    kernel = site.artifact_path("aarch64", "kernel")
    assert 200 in site.web.statuses(f"{kernel}.decompressed")
    assert site.web.statuses(kernel) == []


@pytest.mark.parametrize(
    ("architecture", "firmware_says"), [("aarch64", "BdsDxe: failed to start"), ("x86_64", "No bootable device")]
)
def test_chain_entry_gives_a_machine_without_a_script_back_to_its_firmware(
    site: Site, tmp_path: pathlib.Path, architecture: str, firmware_says: str
) -> None:
    values = {**variables(architecture, "ipxe"), "machine_macs": ["52:54:00:00:00:99"]}
    boot_file = arm_ipxe(site, architecture, values)
    guest = boot(architecture, tmp_path, mac=MAC, tftp=site.tftp, boot_file=boot_file, until=firmware_says)
    assert firmware_says in guest.screen, guest.screen
    assert 404 in site.web.statuses(f"/ipxe/{FILE_NAME}.ipxe")
    assert site.web.statuses(site.artifact_path(architecture, "kernel")) == []


@pytest.mark.parametrize(
    ("loader", "transport"), [("pxelinux.0", "tftp"), ("lpxelinux.0", "tftp"), ("lpxelinux.0", "http")]
)
def test_pxelinux_finds_the_file_of_its_mac(site: Site, tmp_path: pathlib.Path, loader: str, transport: str) -> None:
    root = site.web.url if transport == "http" else ""
    longest = len(root + site.artifact_path("x86_64", "initramfs"))
    site.below = "/" + "p" * (PATH_LIMIT - longest - 1)
    kernel = root + site.artifact_path("x86_64", "kernel")
    initramfs = root + site.artifact_path("x86_64", "initramfs")
    name = initrd_name(IGNITION_HASH, consoles=CONSOLES["x86_64"], kernel_arguments=[INSTALLED])
    verify = f"{root}/lab-x7k2p/{name}"
    by_loader = [f"BOOT_IMAGE={kernel}", f"initrd={initramfs},{verify}"]
    ours = arguments(site, "x86_64", counted=by_loader)
    site.arm(filled(variables("x86_64", "pxelinux", transport), ours))
    for name in (loader, "ldlinux.c32"):
        shutil.copy(part(name), site.tftp)
    guest = boot("x86_64", tmp_path, mac=MAC, tftp=site.tftp, boot_file=loader)
    check_boot(guest, [*by_loader, *ours])
    assert bool(site.web.statuses(site.artifact_path("x86_64", "kernel"))) == (transport == "http")


def boot_sector(words: bytes) -> bytes:
    """A disk that says these words by the BIOS and stops."""
    # mov si, 0x7c11; next: lodsb; or al, al; jz stop; mov ah, 0x0e; int 0x10; jmp next; stop: hlt; jmp stop
    code = bytes.fromhex("be117c ac 08c0 7406 b40e cd10 ebf5 f4 ebfd".replace(" ", ""))
    text = code + bytes(0x11 - len(code)) + words + b"\0"
    return text + bytes(510 - len(text)) + b"\x55\xaa"


@pytest.mark.parametrize("loader", ["pxelinux.0", "lpxelinux.0"])
def test_pxelinux_starts_the_disk_once_its_machine_is_installed(
    site: Site, tmp_path: pathlib.Path, loader: str
) -> None:
    site.arm(variables("x86_64", "pxelinux", "http" if loader == "lpxelinux.0" else "tftp"))
    site.withdraw()
    for name in (loader, "ldlinux.c32"):
        shutil.copy(part(name), site.tftp)
    disk = tmp_path / "disk.img"
    disk.write_bytes(boot_sector(b"the disk starts") + bytes(1 << 20))
    guest = boot("x86_64", tmp_path, mac=MAC, tftp=site.tftp, boot_file=loader, disk=disk, until="the disk starts")
    assert "the disk starts" in guest.screen, guest.screen
    # not without having been to the network first
    assert "PXELINUX" in guest.screen
