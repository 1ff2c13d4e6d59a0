# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Live ISOs as RHCOS has them: the areas that coreos-installer fills, in a file system as small as it can be.

Nothing in them boots. What a machine would find in one when it boots is read here without any code of the product.
"""

from __future__ import annotations

import io
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import pycdlib

from lab import live
from lab.efi import efi_image

IGNITION_ROOM = 256 * 1024
KERNEL_ARGUMENTS_ROOM = 1139
_SECTOR = 2048
_DIRECTIVES = (
    *("append-karg", "architecture", "console", "copy-network", "delete-karg", "dest-device", "fetch-retries"),
    *("ignition-file", "ignition-hash", "ignition-url", "image-file", "image-url", "insecure", "insecure-ignition"),
    *("network-dir", "offline", "platform", "preserve-on-error", "save-partindex", "save-partlabel", "stream"),
)
FEATURES: dict[str, Any] = {
    "installer-config": True,
    "installer-config-directives": dict.fromkeys(_DIRECTIVES, True),
    "live-initrd-network": True,
}
_END = "#" * 32 + " COREOS_KARG_EMBED_AREA\n"
# The loader's files that hold the kernel's arguments; ISOs for ARM have no isolinux.
_LOADERS = {"aarch64": ["EFI/redhat/grub.cfg"], "x86_64": ["EFI/redhat/grub.cfg", "isolinux/isolinux.cfg"]}
_NETWORK = "etc/coreos-firstboot-network/"


def make_iso(
    path: pathlib.Path,
    architecture: str,
    release: str,
    *,
    features: Mapping[str, Any] | None = None,
    ignition_room: int = IGNITION_ROOM,
    kernel_arguments_room: int = KERNEL_ARGUMENTS_ROOM,
    rootfs: bytes = b"rootfs\n",
    efi: bytes | None = None,
) -> pathlib.Path:
    """Writes an ISO of this architecture; the same arguments give an ISO that differs in its dates alone.

    :param features: what COREOS/FEATURES.JSO says; default: everything
    :param efi: the image from which UEFI boots; default: one that looks like it
    """
    default = f"coreos.liveiso=rhcos-{release} ignition.firstboot ignition.platform.id=metal"
    area = (default + "\n").ljust(kernel_arguments_room, "#")
    files: dict[str, bytes] = {}
    places = []
    for loader in _LOADERS[architecture]:
        head = f"menuentry 'RHEL CoreOS (Live)' {{\n\tlinux /images/pxeboot/vmlinuz {architecture} "
        tail = "\tinitrd /images/pxeboot/initrd.img /images/ignition.img\n}\n"
        files[loader] = f"{head}{area}{_END}{tail}".encode()
        places.append({"path": loader, "offset": len(head), "pad": "#", "end": "\n"})
    documents = {
        "coreos/features.jso": FEATURES if features is None else features,
        "coreos/igninfo.jso": {"file": "images/ignition.img"},
        "coreos/kargs.jso": {"default": default, "files": places, "size": kernel_arguments_room},
    }
    files |= {name: (json.dumps(document, indent=2) + "\n").encode() for name, document in documents.items()}
    files |= {
        "images/ignition.img": bytes(ignition_room),
        "images/efiboot.img": efi if efi is not None else efi_image(architecture),
        "images/pxeboot/vmlinuz": f"a kernel for {architecture}\n".encode(),
        "images/pxeboot/initrd.img": f"an initramfs of {release}\n".encode(),
        "images/pxeboot/rootfs.img": rootfs,
    }
    _write(path, f"rhcos-{release}"[:32], files)
    return path


def _write(path: pathlib.Path, volume: str, files: Mapping[str, bytes]) -> None:
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=3, sys_ident="LINUX", vol_ident=volume)
    folders = {str(parent) for name in files for parent in pathlib.PurePosixPath(name).parents} - {"."}
    for folder in sorted(folders):
        iso.add_directory(f"/{folder.upper()}")
    for name, content in files.items():
        iso.add_fp(io.BytesIO(content), len(content), f"/{_file_name(name)}")
    iso.write(str(path))
    iso.close()


def _file_name(name: str) -> str:
    upper = name.upper()
    return f"{upper};1" if "." in upper.rpartition("/")[2] else f"{upper}.;1"


class LiveIso:
    """What a machine finds when it boots an ISO; `live.Panic` where it would find nothing that boots."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._iso = pycdlib.PyCdlib()
        try:
            self._iso.open_fp(io.BytesIO(content))
            self._kargs = json.loads(self.file("coreos/kargs.jso"))
            info = json.loads(self.file("coreos/igninfo.jso"))
            self._ignition = self._place(info["file"])
            self._lines = [self._area(place) for place in self._kargs["files"]]
        except (pycdlib.pycdlibexception.PyCdlibException, ValueError, KeyError) as error:
            raise live.Panic(f"No bootable device: no CoreOS ISO ({error})") from None
        self.architecture = "aarch64" if b"vmlinuz aarch64" in self.file(self._kargs["files"][0]["path"]) else "x86_64"

    def file(self, name: str) -> bytes:
        start, size = self._place(name)
        return self._content[start : start + size]

    @property
    def kernel_line(self) -> str:
        """The arguments that the loader gives to the kernel; all loaders' files must agree."""
        lines = {self._text(start) for start in self._lines}
        if len(lines) != 1:
            raise live.Panic(f"the loaders' files differ: {sorted(lines)}")
        return lines.pop()

    @property
    def packed_size(self) -> int:
        """Bytes of the ignition area that are used."""
        start, size = self._ignition
        return len(self._content[start : start + size].rstrip(b"\0"))

    @property
    def initrd_files(self) -> dict[str, bytes]:
        """What the embedded initrd adds to the live system's initramfs."""
        start, size = self._ignition
        area = self._content[start : start + size]
        if not area.strip(b"\0"):
            return {}
        try:
            return live.unpack_initrd(area)
        except ValueError as error:
            raise live.Panic(f"Initramfs unpacking failed: {error}") from None

    @property
    def ignition(self) -> bytes:
        """The live system's Ignition config; empty where there is none."""
        return self.initrd_files.get("config.ign", b"")

    @property
    def keyfiles(self) -> dict[str, str]:
        """NetworkManager keyfiles for the live system, by file name."""
        files = self.initrd_files
        return {name.removeprefix(_NETWORK): files[name].decode() for name in files if name.startswith(_NETWORK)}

    @property
    def original(self) -> bytes:
        """The ISO as its maker published it: with nothing in its areas."""
        content = bytearray(self._content)
        start, size = self._ignition
        content[start : start + size] = bytes(size)
        default = (self._kargs["default"].strip() + "\n").encode().ljust(self._kargs["size"], b"#")
        for start in self._lines:
            content[start : start + len(default)] = default
        return bytes(content)

    def _place(self, name: str) -> tuple[int, int]:
        record = self._iso.get_record(iso_path=f"/{_file_name(name)}")
        return record.extent_location() * _SECTOR, record.get_data_length()

    def _area(self, place: Mapping[str, Any]) -> int:
        return self._place(place["path"])[0] + int(place["offset"])

    def _text(self, start: int) -> str:
        return self._content[start : start + int(self._kargs["size"])].decode().rstrip("#").strip()
