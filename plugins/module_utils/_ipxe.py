# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts for iPXE. Private to the collection."""

from __future__ import annotations

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import kernel_line
from ansible_collections.multiarch.openshift.plugins.module_utils._machine_url import machine_url
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import ENTRY
from ansible_collections.multiarch.openshift.plugins.module_utils._marker import Marker

# The NIC that the script came by, then the others: any MAC of the machine may be the one in the inventory.
_NICS = ("netX", "net0", "net1", "net2", "net3")


def ipxe_script(
    marker: Marker, kernel_url: str, *, initrd_urls: t.Mapping[str, str], arguments: t.Sequence[str]
) -> str:
    """The script of one machine. ``initrd_urls`` gives each initrd's name, which the kernel line repeats, and URL."""
    kernel = machine_url(kernel_url, "kernel")
    # UEFI: without initrd= the kernel gets no initrd.
    names = [f"initrd={name}" for name in initrd_urls]
    kernel_line(arguments, " ".join([kernel.path.rsplit("/", 1)[-1], *names]))
    words = ["kernel", kernel.text, *names, *arguments]
    initrds = [f"initrd --name {name} {machine_url(url, 'initrd').text}" for name, url in initrd_urls.items()]
    for word in (*words, *initrds):
        if "${" in word:
            raise OperationError(f"iPXE would replace the ${{…}} in {word!r} by a setting of its own.", "Remove it.")
    return "\n".join(["#!ipxe", str(marker), " ".join(words), *initrds, "boot"]) + "\n"


def ipxe_chain(base_url: str) -> str:
    """The script that sends each machine to its own; a machine without one leaves iPXE."""
    folder = machine_url(base_url, "published folder").text
    lines = ["#!ipxe", ENTRY, "isset ${netX/ip} || dhcp ||"]
    for nic in _NICS:
        lines.append(f"isset ${{{nic}/mac}} && chain --autofree {folder}/ipxe/${{{nic}/mac:hexhyp}}.ipxe ||")
    lines += ["# No script for this machine: the firmware goes on with its next boot device.", "exit 1"]
    return "\n".join(lines) + "\n"


__all__ = ("ipxe_chain", "ipxe_script")
