# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which boot files a machine gets, and what is in them. Private to the collection."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._grub import grub_device_path
from ansible_collections.multiarch.openshift.plugins.module_utils._grub import grub_dispatcher
from ansible_collections.multiarch.openshift.plugins.module_utils._grub import grub_local_boot
from ansible_collections.multiarch.openshift.plugins.module_utils._grub import grub_menu
from ansible_collections.multiarch.openshift.plugins.module_utils._grub import grub_without_a_file
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import check_verified_delivery
from ansible_collections.multiarch.openshift.plugins.module_utils._ipxe import ipxe_chain
from ansible_collections.multiarch.openshift.plugins.module_utils._ipxe import ipxe_script
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import check_argument
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import given_arguments
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import live_arguments
from ansible_collections.multiarch.openshift.plugins.module_utils._loader_text import passes_unchanged
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import METHODS
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT
from ansible_collections.multiarch.openshift.plugins.module_utils._machine_url import machine_url
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import Marker
from ansible_collections.multiarch.openshift.plugins.module_utils._pxelinux import pxelinux_config
from ansible_collections.multiarch.openshift.plugins.module_utils._pxelinux import pxelinux_local_boot
from ansible_collections.multiarch.openshift.plugins.module_utils._pxelinux import pxelinux_without_a_file

_NEEDED = (
    *("name", "architecture", "boot_method", "macs", "pool", "install_device", "ignition_delivery"),
    *("consoles", "network_arguments", "live_kernel_arguments"),
)
# Loaders that wait for somebody where they find no file. The others leave, by dispatcher and chain entry.
_LOCAL_BOOT = {"grub over tftp": grub_local_boot, "pxelinux": pxelinux_local_boot}
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclasses.dataclass(frozen=True)
class Folders:
    """The folders of the host at hand; an empty text where it has none of that kind."""

    publish: str = ""
    """What the HTTP server serves."""
    grub: str = ""
    """Where ``grubaa64.efi`` lies on the TFTP server."""
    tftp: str = ""
    """Root of the TFTP server."""

    def boot_folders(self) -> list[tuple[str, str, str]]:
        """Loader, folder and file name pattern of every place where a machine's boot file can lie."""
        places = []
        if self.publish:
            places.append(("grub over http", os.path.join(self.publish, "grub"), "grub.cfg-01-{mac}"))
            places.append(("ipxe", os.path.join(self.publish, "ipxe"), "{mac}.ipxe"))
        if self.grub:
            places.append(("grub over tftp", self.grub, "grub.cfg-01-{mac}"))
        if self.tftp:
            places.append(("pxelinux", os.path.join(self.tftp, "pxelinux.cfg"), "01-{mac}"))
        return places

    def fallbacks(self) -> list[str]:
        """What loaders that read by TFTP take where a machine has no boot file."""
        grub = [os.path.join(self.grub, "grub.cfg")] if self.grub else []
        return [*grub, *([os.path.join(self.tftp, "pxelinux.cfg", "default")] if self.tftp else [])]


@dataclasses.dataclass(frozen=True)
class Published:
    """What was published for machines to fetch, as the steps before returned it."""

    ignition: t.Sequence[t.Mapping[str, t.Any]]
    artifacts: t.Sequence[t.Mapping[str, t.Any]]
    initrds: t.Sequence[t.Mapping[str, t.Any]]
    version: str = ""
    """The cluster's OpenShift version."""


@dataclasses.dataclass(frozen=True)
class BootFile:
    """The text for one machine, wherever it is laid."""

    text: str
    loaders: tuple[str, ...]
    """The kinds of place (Folders.boot_folders) that it is for."""
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class InstalledSystem:
    """What a machine's initrd asks of the installer for the system that it installs."""

    consoles: tuple[str, ...] = ()
    kernel_arguments: tuple[str, ...] = ()


def boot_file(machine: t.Mapping[str, t.Any], published: Published, *, cluster: str) -> BootFile:
    """Render a machine's boot file; raise OperationError where it could not boot from it."""
    missing = [key for key in _NEEDED if key not in machine]
    if missing:
        raise OperationError(f"The machine record has no {', '.join(missing)}.", "Take it from the machines filter.")
    marker = _marker(machine, cluster)
    method, architecture = machine["boot_method"], machine["architecture"]
    if method not in METHODS.get(architecture, ()):
        raise OperationError(
            f"machine_boot_method {method} does not boot {architecture}.",
            f"For {architecture}: {', '.join(METHODS.get(architecture, ())) or 'nothing'}.",
        )
    installed = installed_system(machine)
    if not machine["macs"]:
        raise OperationError("machine_macs is empty.", "List the MAC of every NIC that may boot from the network.")
    for mac in machine["macs"]:
        if not _MAC.fullmatch(mac):
            raise OperationError(f"{mac!r} is not a MAC address in lower case with colons.")
    ignition = _ignition(machine, published)
    kernel, initramfs, rootfs = (_artifact(machine, published, kind) for kind in ("kernel", "initramfs", "rootfs"))
    if len({entry.get("release") for entry in (kernel, initramfs, rootfs)}) > 1:
        raise OperationError(
            f"kernel, initramfs and rootfs for {architecture} are of different releases.", "Publish one set."
        )
    initrds = [initramfs]
    if machine["ignition_delivery"] == "verified":
        check_verified_delivery(published.version, str(kernel.get("release") or ""))
        initrds.append(_verifying_initrd(ignition, published, installed))
    arguments = live_arguments(machine, _url(rootfs, "rootfs"), ignition_url=_url(ignition, "ignition"))
    warnings = _name_warnings(_url(rootfs, "rootfs")) + _console_warnings(machine) + _kernel_warnings(machine, kernel)
    if method == "ipxe":
        urls = {name: _url(entry, "initrd") for name, entry in zip(("main", "verify"), initrds)}
        kernel_url = str(kernel.get("decompressed_url") or _url(kernel, "kernel"))
        text = ipxe_script(marker, kernel_url, initrd_urls=urls, arguments=arguments)
        return BootFile(text, ("ipxe",), warnings)
    transport = machine.get("boot_transport") or "http"
    locate = _tftp_path if transport == "tftp" else _url
    if method == "pxelinux":
        names = [locate(entry, "boot artifact") for entry in (kernel, *initrds)]
        text = pxelinux_config(marker, names[0], initrds=names[1:], arguments=arguments)
        if transport == "http":
            warnings += ("machine_boot_transport http needs lpxelinux.0; plain pxelinux.0 loads only by TFTP.",)
        return BootFile(text, ("pxelinux",), warnings)
    if transport == "http":
        names = [grub_device_path(_url(entry, "boot artifact"), "boot artifact") for entry in (kernel, *initrds)]
        loaders: tuple[str, ...] = ("grub over http", "grub over tftp")
    else:
        names = [_tftp_path(entry, "boot artifact") for entry in (kernel, *initrds)]
        # A GRUB that came by HTTP would look for the TFTP path on the web server.
        loaders = ("grub over tftp",)
    text = grub_menu(marker, names[0], initrds=names[1:], arguments=arguments, transport=transport)
    return BootFile(text, loaders, warnings)


def boot_paths(machine: t.Mapping[str, t.Any], folders: Folders, loaders: t.Sequence[str] | None = None) -> list[str]:
    """Paths of a machine's boot files, one for each MAC; of every loader where ``loaders`` is left out."""
    return [
        os.path.join(folder, pattern.format(mac=mac.replace(":", "-")))
        for loader, folder, pattern in folders.boot_folders()
        if loaders is None or loader in loaders
        for mac in machine.get("macs") or ()
        if _MAC.fullmatch(mac)
    ]


def local_boot_file(path: str, machine: t.Mapping[str, t.Any], folders: Folders, *, cluster: str) -> str | None:
    """What in the place of a boot file lets the machine start from its disk; None where nothing need lie there."""
    loaders = {folder: loader for loader, folder, _pattern in folders.boot_folders()}
    make = _LOCAL_BOOT.get(loaders.get(os.path.dirname(path), ""))
    return make(Marker(cluster, machine["name"])) if make else None


def entries(machines: t.Sequence[t.Mapping[str, t.Any]], folders: Folders, *, base_url: str) -> list[dict[str, str]]:
    """What these machines need to find their files, or to do without one, with the path that suits it.

    That is the dispatcher, what GRUB and PXELINUX do that find no file by TFTP, and the chain entry.
    """
    by_http = {machine["boot_method"] for machine in machines if (machine.get("boot_transport") or "http") == "http"}
    by_ipxe = any(machine["boot_method"] == "ipxe" for machine in machines)
    base = base_url.rstrip("/")
    needed = []
    if folders.publish and "grub" in by_http:
        path = os.path.join(folders.publish, "grub", "grub.cfg")
        needed.append({"kind": "grub", "path": path, "text": grub_dispatcher(base)})
    if folders.grub and any(machine["boot_method"] == "grub" for machine in machines):
        path = os.path.join(folders.grub, "grub.cfg")
        needed.append({"kind": "grub_tftp", "path": path, "text": grub_without_a_file()})
    if folders.tftp and any(machine["boot_method"] == "pxelinux" for machine in machines):
        path = os.path.join(folders.tftp, "pxelinux.cfg", "default")
        needed.append({"kind": "pxelinux", "path": path, "text": pxelinux_without_a_file()})
    if folders.publish and by_ipxe:
        path = os.path.join(folders.publish, "boot.ipxe")
        needed.append({"kind": "ipxe", "path": path, "text": ipxe_chain(base)})
    return needed


def gets_boot_file(machine: t.Mapping[str, t.Any]) -> bool:
    """Whether the machine is to be armed by network boot. The guard forbids it where a node exists."""
    return machine.get("boot_method") in NETWORK_BOOT and machine.get("arm", True) is not False


def installed_system(machine: t.Mapping[str, t.Any]) -> InstalledSystem:
    """What the machine's initrd asks for, checked; nothing under documented delivery, which has no such initrd."""
    if machine["ignition_delivery"] != "verified":
        if machine.get("kernel_arguments"):
            raise OperationError(
                "machine_kernel_arguments are for the installed system, and a network boot carries them there only with"
                " machine_ignition_delivery: verified.",
                "Set that, or set the arguments with a MachineConfig.",
            )
        return InstalledSystem()
    consoles = tuple(machine.get("consoles") or ())
    for console in consoles:
        check_argument(f"console={console}", "machine_consoles")
    return InstalledSystem(consoles, tuple(given_arguments(machine, "kernel_arguments")))


def pins(machines: t.Iterable[t.Mapping[str, t.Any]]) -> list[tuple[str, InstalledSystem]]:
    """Pool and system of every initrd that machines which are to be armed need, each once."""
    wanted: dict[tuple[str, InstalledSystem], None] = {}
    for machine in machines:
        if gets_boot_file(machine) and not machine.get("failed") and machine.get("ignition_delivery") == "verified":
            # A machine with an argument that cannot be used is told so when its boot file is made.
            with contextlib.suppress(OperationError):
                wanted[machine["pool"], installed_system(machine)] = None
    return list(wanted)


def _marker(machine: t.Mapping[str, t.Any], cluster: str) -> Marker:
    for name in (cluster, machine["name"]):
        if not passes_unchanged(name):
            raise OperationError(f"The name {name!r} has a space, a quote or a letter outside ASCII.", "Rename it.")
    return Marker(cluster, machine["name"])


def _ignition(machine: t.Mapping[str, t.Any], published: Published) -> t.Mapping[str, t.Any]:
    for entry in published.ignition:
        if entry["pool"] == machine["pool"]:
            return entry
    raise OperationError(f"No ignition of the pool {machine['pool']} is published.", "Export and publish it first.")


def _artifact(machine: t.Mapping[str, t.Any], published: Published, kind: str) -> t.Mapping[str, t.Any]:
    for entry in published.artifacts:
        if (entry["architecture"], entry["kind"]) == (machine["architecture"], kind):
            return entry
    raise OperationError(f"No {kind} for {machine['architecture']} is published.", "Publish the boot artifacts first.")


def _verifying_initrd(
    ignition: t.Mapping[str, t.Any], published: Published, installed: InstalledSystem
) -> t.Mapping[str, t.Any]:
    for entry in published.initrds:
        made_for = InstalledSystem(tuple(entry.get("consoles") or ()), tuple(entry.get("kernel_arguments") or ()))
        if entry["hash"] == ignition["hash"] and made_for == installed:
            return entry
    raise OperationError(
        f"No initrd with the hash of the ignition of the pool {ignition['pool']} and the machine's consoles and kernel"
        " arguments is published.",
        "Make it with ignition_initrd and publish it, or set machine_ignition_delivery: documented.",
    )


def _url(entry: t.Mapping[str, t.Any], what: str) -> str:
    if not entry.get("url"):
        named = f"{what} {entry['name']}" if entry.get("name") else what
        raise OperationError(f"The {named} has no url: it was not published.", "Publish it first.")
    return str(entry["url"])


def _tftp_path(entry: t.Mapping[str, t.Any], what: str) -> str:
    path = entry.get("tftp_path")
    if not path:
        raise OperationError(
            f"The {what} {entry.get('name')} has no copy on the TFTP server.",
            "Set netboot_tftp_directory, or machine_boot_transport: http.",
        )
    if not (passes_unchanged(path) and path.startswith("/")):
        raise OperationError(f"The TFTP path {path!r} is not an absolute path without spaces and quotes.")
    return str(path)


def _name_warnings(url: str) -> tuple[str, ...]:
    parts = machine_url(url, "rootfs")
    if parts.has_address:
        return ()
    return (f"The machine has to resolve the name {parts.host} while it boots; an IP address is safer.",)


def _console_warnings(machine: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    if machine["ignition_delivery"] == "verified" or not machine.get("consoles"):
        return ()
    return (
        "machine_consoles are those of the installer alone with machine_ignition_delivery: documented; the installed"
        " system gets them with verified, or from a MachineConfig.",
    )


def _kernel_warnings(machine: t.Mapping[str, t.Any], kernel: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    """What speaks against this kernel with this loader. The formats are those of 64-bit ARM."""
    if machine["architecture"] != "aarch64":
        return ()
    name, found, by_ipxe = kernel.get("name"), kernel.get("format"), machine["boot_method"] == "ipxe"
    if found == "gzip" and by_ipxe and not kernel.get("decompressed_url"):
        return (
            f"The kernel {name} is a gzip file, which iPXE before February 2022 or without IMAGE_GZIP"
            ' refuses with "Exec format error"; set publish_decompressed_kernel: true for such an iPXE.',
        )
    if found == "efi-zboot":
        why = "" if by_ipxe else ', and GRUB before 2.12 may refuse it with "invalid magic number"'
        return (f"The kernel {name} is an EFI zboot file, which no boot loader was tried with{why}.",)
    if found == "unknown":
        return (
            f"The kernel {name} does not begin as a kernel for aarch64 does (Image, gzip or EFI zboot): loaders will"
            " probably refuse it. Is it the right file?",
        )
    return ()


__all__ = (
    "BootFile",
    "Folders",
    "InstalledSystem",
    "Published",
    "boot_file",
    "boot_paths",
    "entries",
    "gets_boot_file",
    "installed_system",
    "local_boot_file",
    "pins",
)
