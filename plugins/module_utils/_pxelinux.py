# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts for PXELINUX on x86_64. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import kernel_line
from ansible_collections.multiarch.openshift.plugins.module_utils._machine_url import machine_url
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import ENTRY
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import Marker

_LOCAL_BOOT = ("DEFAULT disk", "PROMPT 0", "LABEL disk", "  LOCALBOOT 0")
PATH_LIMIT = 127
"""Characters of a file name, path or URL included."""


def pxelinux_config(marker: Marker, kernel: str, *, initrds: t.Sequence[str], arguments: t.Sequence[str]) -> str:
    """The file ``pxelinux.cfg/01-<mac>``. Kernel and initrds are paths of the TFTP server, or http URLs."""
    for name in (kernel, *initrds):
        _check_name(name)
    append = f"initrd={','.join(initrds)}"
    kernel_line(arguments, f"BOOT_IMAGE={kernel} {append}")
    lines = [
        str(marker),
        "DEFAULT install",
        "PROMPT 0",
        "LABEL install",
        f"  KERNEL {kernel}",
        f"  APPEND {' '.join((append, *arguments))}",
    ]
    return "\n".join(lines) + "\n"


def pxelinux_local_boot(marker: Marker) -> str:
    """The file of a MAC that lets its machine start from its disk."""
    return "\n".join([str(marker), *_LOCAL_BOOT]) + "\n"


def pxelinux_without_a_file() -> str:
    """The file ``pxelinux.cfg/default``, without which PXELINUX finds nothing for a machine that is disarmed."""
    return "\n".join([ENTRY, "# No file for this machine. A menu of your own goes here instead.", *_LOCAL_BOOT]) + "\n"


def _check_name(name: str) -> None:
    if len(name) > PATH_LIMIT:
        raise OperationError(
            f"PXELINUX would load {name}, which has {len(name)} characters, and it takes {PATH_LIMIT}.",
            "Publish below a shorter URL, or use iPXE (machine_boot_method: ipxe).",
        )
    if "," in name:
        raise OperationError(f"PXELINUX would load {name}, and takes a comma as the end of a name.", "Rename it.")
    if name.startswith("http:") and machine_url(name, "boot artifact").ip_version == 6:
        raise OperationError(f"PXELINUX would load {name}, and speaks only IPv4.", "Use iPXE, or an IPv4 address.")


__all__ = ("PATH_LIMIT", "pxelinux_config", "pxelinux_local_boot", "pxelinux_without_a_file")
