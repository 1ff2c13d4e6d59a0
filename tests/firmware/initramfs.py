# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The initramfs that stands for RHCOS's: it prints its kernel line and second initrd, and fetches what they name."""

from __future__ import annotations

import gzip
import stat

from firmware.parts import part

# In the order in which they need one another
MODULES = (
    *("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci"),
    *("failover", "net_failover", "virtio_net"),
)
LINE, CONFIG, FETCHED, FAILED, DONE = (*("GUEST-LINE", "GUEST-CONFIG", "GUEST-FETCHED", "GUEST-FAILED", "GUEST-DONE"),)

_INIT = f"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
# The kernel's own messages would end up in the middle of ours.
echo 1 > /proc/sys/kernel/printk
echo
echo "{LINE} $(cat /proc/cmdline)"
if [ -e /config.ign ]; then echo "{CONFIG} $(base64 -w 0 /config.ign)"; fi
for module in {" ".join(MODULES)}; do insmod /modules/$module.ko; done
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
for word in $(cat /proc/cmdline); do
  case "$word" in
    coreos.live.rootfs_url=*|coreos.inst.ignition_url=*)
      if wget -q -O /fetched "${{word#*=}}"; then
        echo "{FETCHED} ${{word%%=*}} $(sha512sum < /fetched | cut -d ' ' -f 1)"
      else
        echo "{FAILED} $word"
      fi;;
  esac
done
echo "{DONE}"
poweroff -f
"""


def initramfs(architecture: str) -> bytes:
    """A gzip'd newc archive for the kernel of that architecture."""
    folder = part(architecture)
    files = [("init", _INIT.encode(), 0o755), ("bin/busybox", (folder / "busybox").read_bytes(), 0o755)]
    files += [(f"modules/{name}.ko", (folder / f"{name}.ko").read_bytes(), 0o644) for name in MODULES]
    archive = b"".join(_entry(name, b"", stat.S_IFDIR | 0o755) for name in ("bin", "modules", "proc", "sys", "dev"))
    # Before init runs the kernel opens /dev/console, or the guest would be silent.
    archive += _entry("dev/console", b"", stat.S_IFCHR | 0o600, device=(5, 1))
    archive += b"".join(_entry(name, content, stat.S_IFREG | mode) for name, content, mode in files)
    return gzip.compress(archive + _entry("TRAILER!!!", b"", 0), compresslevel=1, mtime=0)


def _entry(name: str, content: bytes, mode: int, *, device: tuple[int, int] = (0, 0)) -> bytes:
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return _padded(header) + _padded(content)


def _padded(block: bytes) -> bytes:
    return block + b"\0" * (-len(block) % 4)


__all__ = ("CONFIG", "DONE", "FAILED", "FETCHED", "LINE", "initramfs")
