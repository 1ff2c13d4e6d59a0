# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts for GRUB on 64-bit ARM. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import kernel_line
from ansible_collections.multiarch.openshift.plugins.module_utils._machine_url import machine_url
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import ENTRY
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import Marker

_LEAVE = (
    "# No file for this machine. After exit 1 GRUB of RHEL and Fedora lets the firmware go on with its next boot",
    "# device; others, which know no exit code, end in the firmware's menu. A menu of your own goes here instead.",
    "exit 1",
)
_PLAIN = re.compile(r"[A-Za-z0-9_./:,=@%+()\[\]-]+")


def grub_menu(
    marker: Marker, kernel: str, *, initrds: t.Sequence[str], arguments: t.Sequence[str], transport: str
) -> str:
    """The file ``grub.cfg-01-<mac>``: one entry that is booted at once.

    Kernel and initrds are as GRUB names them: a device in parentheses and a path, or a path of the TFTP server.
    """
    kernel_line(arguments, f"BOOT_IMAGE={kernel}")
    lines = [
        str(marker),
        "set default=0",
        "set timeout=0",
        # RHEL 8 and 9 ship the aarch64 kernel as a gzip file.
        "insmod gzio",
        f"insmod {transport}",
        f"menuentry 'Install RHCOS on {marker.machine}' {{",
        f"  linux {' '.join(_quoted(word) for word in (kernel, *arguments))}",
        f"  initrd {' '.join(_quoted(initrd) for initrd in initrds)}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def grub_dispatcher(base_url: str) -> str:
    """The file ``grub.cfg`` for UEFI HTTP boot, where GRUB looks for no file of a MAC by itself."""
    folder = grub_device_path(base_url, "published folder")
    groups = " ".join(f"--set={number}:m{number}" for number in range(1, 7))
    name = "-".join(f"$m{number}" for number in range(1, 7))
    lines = [
        ENTRY,
        "insmod regexp",
        "insmod http",
        f"if regexp {groups} '^(..):(..):(..):(..):(..):(..)$' \"$net_default_mac\"; then",
        f"  configfile {_quoted(folder)}/grub/grub.cfg-01-{name}",
        "fi",
        *_LEAVE,
    ]
    return "\n".join(lines) + "\n"


def grub_without_a_file() -> str:
    """The file ``grub.cfg`` beside a GRUB that came by TFTP, which looks for the file of a MAC first.

    Without it, GRUB would wait at its prompt once the machine is disarmed.
    """
    return "\n".join([ENTRY, *_LEAVE]) + "\n"


def grub_local_boot(marker: Marker) -> str:
    """The file of a MAC that sends its machine back to the firmware, as :func:`grub_without_a_file` does all."""
    return "\n".join([str(marker), "# It is installed, and starts from its disk.", "exit 1"]) + "\n"


def grub_device_path(url: str, what: str) -> str:
    """How GRUB names a file behind an http URL: ``(http,192.0.2.5:8080)/path``."""
    parts = machine_url(url, what)
    if not parts.has_address:
        raise OperationError(
            f"GRUB would fetch the {what} from {url}, and GRUB often cannot resolve the name {parts.host}.",
            "Set publish_base_url to a URL with the web host's IP address.",
        )
    return f"(http,{parts.authority}){parts.path}"


def _quoted(word: str) -> str:
    """Single quotes keep everything but a single quote, which no checked word has."""
    return word if _PLAIN.fullmatch(word) else f"'{word}'"


__all__ = ("grub_device_path", "grub_dispatcher", "grub_local_boot", "grub_menu", "grub_without_a_file")
