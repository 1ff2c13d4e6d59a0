# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine in QEMU that boots from the network, and what it says on its serial console.

Emulated throughout (TCG), as the boot loaders are for 64-bit ARM: 10 to 40 s a boot.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.parse
from typing import Any

from firmware.initramfs import CONFIG
from firmware.initramfs import DONE
from firmware.initramfs import FAILED
from firmware.initramfs import FETCHED
from firmware.initramfs import LINE
from firmware.parts import part
from firmware.parts import qemu

LIMIT = float(os.environ.get("MULTIARCH_FIRMWARE_LIMIT", "180"))
"""Seconds. Five times what a boot takes on an idle machine: other tests run beside it."""

# Where the guest has nothing more to say, so that a failure does not wait for the limit.
_END = re.compile(
    rf"{DONE}|{FAILED}|Kernel panic|PXE-E\d+|Command line is too long|grub> |boot: $|Shell> |No bootable device"
)
_TERMINAL_CONTROL = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]|\r|\0")


@dataclasses.dataclass(frozen=True)
class Guest:
    """What was seen on the serial console."""

    screen: str
    seconds: float

    @property
    def booted(self) -> bool:
        """Whether the initramfs ran to its end."""
        return DONE in self.screen

    @property
    def line(self) -> list[str]:
        """The words of the kernel line."""
        (found,) = re.findall(rf"^{LINE} (.*)$", self._whole(), re.MULTILINE)
        return str(found).split()

    @property
    def live_config(self) -> dict[str, Any] | None:
        """The live Ignition that came with the second initrd."""
        found = re.search(rf"^{CONFIG} (\S+)$", self._whole(), re.MULTILINE)
        return dict(json.loads(base64.b64decode(found[1]))) if found else None

    @property
    def installer_config(self) -> str:
        """The file for coreos-installer that the live Ignition would write."""
        config = self.live_config or {"storage": {"files": []}}
        (file,) = config["storage"]["files"]
        return urllib.parse.unquote(file["contents"]["source"].removeprefix("data:,"))

    @property
    def fetched(self) -> dict[str, str]:
        """SHA-512 of what lies behind each URL of the kernel line, as the guest fetched it."""
        return dict(re.findall(rf"^{FETCHED} (\S+) ([0-9a-f]{{128}})$", self._whole(), re.MULTILINE))

    def _whole(self) -> str:
        assert self.booted, (
            f"the guest did not boot in {self.seconds:.0f} s; its console ends with\n{self.screen[-2000:]}"
        )
        return self.screen


def boot(
    architecture: str,
    folder: pathlib.Path,
    *,
    mac: str,
    tftp: pathlib.Path | None = None,
    boot_file: str = "",
    dhcp: str = "",
    disk: pathlib.Path | None = None,
    until: str = "",
) -> Guest:
    """Start the machine, and end it as soon as it has said what there is to say.

    :param folder: for the serial console's log
    :param tftp: root of the TFTP server
    :param boot_file: what the DHCP server names: a file of the TFTP server, or for iPXE a URL
    :param dhcp: a netdev on which another DHCP server answers
    :param disk: from which it boots where the network gives it back
    :param until: text on the console that ends a boot which is expected to fail
    """
    serial = folder / "serial.log"
    serial.touch()
    network = "user,id=user,ipv6=off"
    if tftp is not None:
        network += f",tftp={tftp}"
    if boot_file:
        network += f",bootfile={boot_file}"
    command = [
        *(qemu(architecture), "-accel", "tcg", "-m", "1024", "-nodefaults", "-display", "none", "-monitor", "none"),
        *("-no-reboot", "-serial", f"file:{serial}", "-netdev", network),
    ]
    nic = f"virtio-net-pci,mac={mac},bootindex=0"
    if architecture == "aarch64":
        command += ["-M", "virt", "-cpu", "cortex-a57", "-bios", str(part("QEMU_EFI.fd"))]
        # UEFI has a driver of its own; on x86 the ROM of the NIC is an iPXE.
        nic += ",romfile="
        # The firmware speaks no TCP without a source of random numbers.
        command += ["-device", "virtio-rng-pci"]
    else:
        # Without graphics the BIOS uses the serial console.
        command += ["-M", "pc,graphics=off"]
    if dhcp:
        # Otherwise the firmware waits a minute for an answer to PXE before it tries HTTP boot.
        command += [
            word for ip in ("IPv4", "IPv6") for word in ("-fw_cfg", f"name=opt/org.tianocore/{ip}PXESupport,string=n")
        ]
        command += ["-netdev", dhcp, "-netdev", "hubport,id=wire,hubid=0"]
        for name in ("user", "dhcp"):
            command += ["-netdev", f"hubport,id=port-{name},hubid=0,netdev={name}"]
    command += ["-device", f"{nic},netdev={'wire' if dhcp else 'user'}"]
    if disk is not None:
        command += ["-drive", f"file={disk},format=raw,if=none,id=disk"]
        command += ["-device", "virtio-blk-pci,drive=disk,bootindex=1"]
    end = re.compile(re.escape(until)) if until else _END
    started = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None and time.monotonic() - started < LIMIT and not end.search(_text(serial)):
                time.sleep(0.1)
        finally:
            process.kill()
    guest = Guest(_text(serial), time.monotonic() - started)
    print(f"{guest.seconds:.1f} s; the console:\n{guest.screen}")
    return guest


def _text(serial: pathlib.Path) -> str:
    return _TERMINAL_CONTROL.sub("", serial.read_bytes().decode("utf-8", "replace"))


__all__ = ("Guest", "boot")
