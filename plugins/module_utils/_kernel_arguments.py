# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel line of a machine's live boot. Private to the collection."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._loader_text import passes_unchanged
from ansible_collections.multiarch.openshift.plugins.module_utils._machine_url import machine_url

LINE_LIMIT = 2046
"""Bytes of a kernel line, loader prefix included.

COMMAND_LINE_SIZE is 2048 with its NUL on arm64 and x86, and of 2047 bytes PXELINUX 6.04 drops the last without a word.
"""

VARIABLE_LIMIT = 30
"""Words ``key=value`` without a dot: the kernel hands unknown ones to init and panics when there are too many."""

# Any other first character would be an operator to iPXE or the end of the kernel's own arguments ("--").
_START = re.compile(r"[A-Za-z0-9_]")

_BRACKETED_ADDRESS = re.compile(r"\[[0-9A-Fa-f:.]+(?:/\d+)?\]")

_VARIABLE = re.compile(r"[^.=]+=")

# Written once, by us: a second one from the inventory would win, or void the check of the ignition hash.
_OWN_NAMES = {
    "coreos.live.rootfs_url": "boot_artifacts_source",
    "coreos.inst.install_dev": "machine_install_device",
    "coreos.inst.ignition_url": "machine_pool",
    "initrd": "boot_artifacts_source",
    "ignition.config.url": "machine_pool",
    "ignition.firstboot": "machine_ignition_delivery",
    "ignition.platform.id": "machine_ignition_delivery",
}

_VERIFIED_ARGUMENTS = ("ignition.firstboot", "ignition.platform.id=metal")


def live_arguments(machine: t.Mapping[str, t.Any], rootfs_url: str, *, ignition_url: str) -> list[str]:
    """The arguments of a machine's live boot in order, each of them checked.

    The URLs are those that the machine itself fetches.
    """
    machine_url(rootfs_url, "rootfs")
    machine_url(ignition_url, "ignition")
    network = given_arguments(machine, "network_arguments")
    for argument in network:
        _check_brackets(argument)
    return [
        check_argument(f"coreos.live.rootfs_url={rootfs_url}", "the URL of the rootfs"),
        check_argument(f"coreos.inst.install_dev={_install_device(machine)}", "machine_install_device"),
        check_argument(f"coreos.inst.ignition_url={ignition_url}", "the URL of the ignition"),
        *(_VERIFIED_ARGUMENTS if machine["ignition_delivery"] == "verified" else ()),
        *network,
        # Some builds lose the network of the live boot without it; elsewhere it does no harm.
        *(() if "rd.neednet=1" in network else ("rd.neednet=1",)),
        *(check_argument(f"console={console}", "machine_consoles") for console in machine.get("consoles") or ()),
        *given_arguments(machine, "live_kernel_arguments"),
    ]


def kernel_line(arguments: t.Sequence[str], prefix: str = "") -> str:
    """Join checked arguments; ``prefix`` is what the loader itself puts in front of them."""
    line = " ".join(arguments)
    size = len(f"{prefix} {line}" if prefix else line)
    if size > LINE_LIMIT:
        raise OperationError(
            f"The kernel line has {size} bytes, loader prefix included, and only {LINE_LIMIT} arrive.",
            "Shorten the network or live kernel arguments, or the path of the published folder.",
        )
    variables = sum(1 for argument in arguments if _VARIABLE.match(argument))
    if variables > VARIABLE_LIMIT:
        raise OperationError(
            f"The kernel line has {variables} words of the form key=value without a dot in the key, and the kernel "
            f"may panic above {VARIABLE_LIMIT}.",
            "Use fewer network or live kernel arguments.",
        )
    return line


def check_argument(argument: str, source: str) -> str:
    """Return the argument if every loader hands it to the kernel as it is written."""
    if not (passes_unchanged(argument) and _START.match(argument)):
        raise OperationError(
            f"{source} has the kernel argument {argument!r}; an argument starts with a letter, a digit or an underscore"
            " and has no space, control character, quote, backslash or letter outside ASCII."
        )
    return argument


def mapping_arguments(arguments: t.Mapping[str, t.Any]) -> list[str]:
    """Arguments from a mapping: null or true gives the bare key, false nothing, a list one argument per item."""
    words: list[str] = []
    for key, value in arguments.items():
        if not isinstance(key, str):
            raise OperationError(f"The name of a kernel argument must be text, not {type(key).__name__}: {key!r}.")
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is None or item is True:
                words.append(key)
            elif isinstance(item, (str, int)) and item is not False:
                words.append(f"{key}={item}")
            elif item is not False:
                raise OperationError(
                    f"The kernel argument {key!r} has a value of type {type(item).__name__}; "
                    "it takes text, a whole number, a boolean, null or a list of these."
                )
    return words


def given_arguments(machine: t.Mapping[str, t.Any], key: str) -> list[str]:
    """Arguments from the inventory: checked, and none of those that only we write."""
    arguments = [check_argument(argument, f"machine_{key}") for argument in machine.get(key) or ()]
    for argument in arguments:
        name = argument.split("=", 1)[0]
        if name in _OWN_NAMES:
            raise OperationError(
                f"machine_{key} has {argument!r}, and {name} is written by the product.",
                f"Remove it; {_OWN_NAMES[name]} decides it.",
            )
    return arguments


def _install_device(machine: t.Mapping[str, t.Any]) -> str:
    device = machine.get("install_device")
    if not device:
        raise OperationError("machine_install_device is not set.", "Name the disk, best as /dev/disk/by-id/….")
    if not device.startswith("/dev/"):
        raise OperationError(f"machine_install_device {device!r} does not start with /dev/.", "Give the full path.")
    return str(device)


def _check_brackets(argument: str) -> None:
    """dracut splits at colons, so each IPv6 address of a network argument stands in brackets."""
    if re.search(r"[\[\]]", _BRACKETED_ADDRESS.sub("", argument)):
        raise OperationError(
            f"machine_network_arguments has {argument!r}, whose brackets do not each enclose an IPv6 address.",
            "Write it like ip=[2001:db8::11]::[2001:db8::1]:64:worker-1:eno1:none.",
        )


__all__ = (
    "LINE_LIMIT",
    "VARIABLE_LIMIT",
    "check_argument",
    "given_arguments",
    "kernel_line",
    "live_arguments",
    "mapping_arguments",
)
