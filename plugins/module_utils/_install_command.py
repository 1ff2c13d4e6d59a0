# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person does to install a machine from an ISO. Private to the collection.

The text is a shell script as well: everything but the commands is a comment, so that it can be pasted as it is.
"""

from __future__ import annotations

import shlex
import textwrap
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._customization import CA_PATH
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import customization
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

_BOOT_IT = "Boot it from this ISO, from a USB stick or as virtual media:"
_CONNECTIONS = "/etc/NetworkManager/system-connections"
_WIDTH = 100

Machine = t.Mapping[str, t.Any]
Entries = t.Sequence[t.Mapping[str, t.Any]]


def is_installed_by_a_person(machine: Machine) -> bool:
    """Whether somebody has to boot it from its ISO: no BMC does, or somebody types the command."""
    booted = machine["boot_method"] == "iso" and machine.get("arm") is not False and not machine["failed"]
    return booted and (machine["iso_install"] == "by_hand" or not machine.get("bmc_url"))


def install_command(machine: Machine, ignition: Entries) -> list[str]:
    """The words of the command that installs the machine from the live system's shell.

    :raises OperationError: the machine cannot be installed that way
    """
    wanted = customization(machine, ignition)
    installer = wanted.installer
    words = ["sudo", "coreos-installer", "install"]
    words += [f"--{key}={installer[key]}" for key in ("ignition-url", "ignition-hash")]
    words += [f"--console={console}" for console in installer.get("console", [])]
    words += [f"--append-karg={argument}" for argument in installer.get("append-karg", [])]
    if wanted.keyfiles:
        words.append("--copy-network")
    if machine.get("network_arguments"):
        # the installer's service would take them from the kernel line by itself; typed, they are told to it
        arguments = [each for each in wanted.live_arguments if each in machine["network_arguments"]]
        words.append(
            f"--firstboot-args={' '.join(['rd.neednet=1', *(each for each in arguments if each != 'rd.neednet=1')])}"
        )
    return [*words, str(installer["dest-device"])]


def instructions(machine: Machine, ignition: Entries, iso_sha256: str, *, certificate_authority: str = "") -> str:
    """The page of one machine.

    :param iso_sha256: hash of the ISO at ``iso_url``
    :raises OperationError: the machine cannot be installed that way
    """
    device = machine["install_device"]
    said = [
        f"Install {machine['name']} ({machine['architecture']}, node {machine['node_name']}) on {device}",
        "",
        "Its BMC boots it from this ISO:" if machine.get("bmc_url") else _BOOT_IT,
        str(machine["iso_url"]),
        f"sha256 {iso_sha256}",
    ]
    if machine["iso_install"] == "unattended":
        said += [
            "",
            "It installs by itself, and overwrites that disk of WHATEVER MACHINE boots it. Take it away afterwards.",
        ]
        return _comment(said)
    wanted = customization(machine, ignition, certificate_authority=certificate_authority)
    if wanted.live_arguments:
        said += [
            "",
            "In its boot menu press e, and add this to the line that begins with linux, then press Ctrl-X:",
            " ".join(wanted.live_arguments),
        ]
    parts = [_comment(said)]
    if wanted.keyfiles:
        parts += [_comment(["Give it its network:"]), *_network(wanted.keyfiles)]
    if wanted.certificate_authority:
        parts += [_comment(["Let it trust the web host:"]), _file(CA_PATH, wanted.certificate_authority)]
        parts.append("sudo update-ca-trust extract\n")
    parts.append(_comment([f"Install it. This overwrites {device}:"]))
    words = [shlex.quote(word) for word in install_command(machine, ignition)]
    parts.append(" \\\n  ".join([" ".join(words[:3]), *words[3:]]) + "\n")
    parts.append(_comment(["Then switch it off (sudo systemctl poweroff), take the ISO away, and switch it on."]))
    return "\n".join(parts)


def _network(keyfiles: t.Mapping[str, str]) -> t.Iterator[str]:
    for name, text in keyfiles.items():
        yield _file(f"{_CONNECTIONS}/{name}", text)
    # NetworkManager reads none that others can read
    yield f"sudo chmod 600 {_CONNECTIONS}/*.nmconnection\nsudo nmcli connection reload\n"
    for name, text in keyfiles.items():
        # a bond starts with its members
        if "autoconnect=false" not in text:
            yield f"sudo nmcli connection up id {shlex.quote(name[: -len('.nmconnection')])}\n"


def _file(path: str, text: str) -> str:
    return f"sudo tee {shlex.quote(path)} >/dev/null <<'END-OF-FILE'\n{text.rstrip()}\nEND-OF-FILE\n"


def _comment(lines: t.Sequence[str]) -> str:
    wrapped: list[str] = []
    for line in lines:
        wrapped += textwrap.wrap(line, _WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    return "".join(f"# {line}".rstrip() + "\n" for line in wrapped)


def pages(
    machines: t.Sequence[Machine],
    ignition: Entries,
    hashes: t.Mapping[str, str],
    *,
    certificate_authority: str = "",
) -> tuple[dict[str, str], dict[str, OperationError]]:
    """Text by machine, and what stands against one.

    :param hashes: sha256 of each ISO by its URL
    """
    texts: dict[str, str] = {}
    problems: dict[str, OperationError] = {}
    for machine in machines:
        if not is_installed_by_a_person(machine):
            continue
        try:
            sha256 = hashes.get(machine.get("iso_url") or "", "")
            texts[machine["name"]] = instructions(
                machine, ignition, sha256, certificate_authority=certificate_authority
            )
        except OperationError as exc:
            problems[machine["name"]] = exc
    return texts, problems


__all__ = ("install_command", "instructions", "is_installed_by_a_person", "pages")
