# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is put into an ISO so that it installs machines by itself. Private to the collection.

The worker's ignition stays outside and opaque: the ISO holds its URL and its hash, and the installer compares them. So
nothing in the ISO is secret, and machines that differ in nothing but their network share one.
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import json
import lzma
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import cpio_entry
from ansible_collections.multiarch.openshift.plugins.module_utils._iso import Iso
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import check_argument
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import given_arguments
from ansible_collections.multiarch.openshift.plugins.module_utils._keyfile import keyfiles
from ansible_collections.multiarch.openshift.plugins.module_utils._keyfile import needs_own_iso
from ansible_collections.multiarch.openshift.plugins.module_utils._pem import certificates
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import NAME_DIGITS
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import address_for

CA_PATH = "/etc/pki/ca-trust/source/anchors/multiarch-openshift.pem"
TRUST_SCRIPT = "#!/bin/sh\nexec update-ca-trust extract\n"

# The unit that coreos-installer writes for the script, compressed
_TRUST_UNIT = 260
# What an .xz file has around its only block, less that block's place in a common index; and what ends many of them
_XZ_FRAME, _XZ_END = 28, 180

Machine = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Customization:
    """The content of one ISO."""

    architecture: str
    pool: str
    installer: t.Mapping[str, t.Any]
    """The installer's config."""
    live_arguments: tuple[str, ...]
    """Kernel arguments of the live system, besides those that the ISO has."""
    keyfiles: t.Mapping[str, str]
    certificate_authority: str
    """PEM; empty where the live system trusts the web host anyway."""
    machines: tuple[str, ...]

    @property
    def installer_config(self) -> str:
        """YAML with block lists: a console's commas would take a flow list apart."""
        lines = []
        for key, value in self.installer.items():
            if isinstance(value, (list, tuple)):
                lines += [f"{key}:", *(f"  - {json.dumps(item)}" for item in value)]
            else:
                lines.append(f"{key}: {json.dumps(value)}")
        return "\n".join([*lines, ""])

    @property
    def live_config(self) -> str:
        """Ignition config of the live system that lays the CA down; spec 3.2.0 is read by every tool and release."""
        contents = {"source": "data:," + urllib.parse.quote(self.certificate_authority)}
        file = {"path": CA_PATH, "mode": 0o644, "contents": contents}
        return json.dumps({"ignition": {"version": "3.2.0"}, "storage": {"files": [file]}})

    def name(self, base_sha256: str) -> str:
        """A name that changes with everything that goes in, and with nothing else."""
        content = {**dataclasses.asdict(self), "base": base_sha256}
        # the same ISO serves whichever machines there are
        del content["machines"], content["pool"]
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return f"install-{self.architecture}-{digest[:NAME_DIGITS]}.iso"

    def packed_size(self) -> int:
        """Bytes that all this takes in the ISO; coreos-installer's own comes out within a few percent.

        It compresses each keyfile by itself, so many machines need much more than one.
        """
        texts = {"installer.yaml": self.installer_config, "customize.yaml": "dest-device: /dev/none\n"}
        if self.certificate_authority:
            texts = {**texts, "ca.json": self.live_config, "trust": TRUST_SCRIPT}
        sources = {
            f"/etc/coreos/installer.d/{name}": base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
            for name, text in texts.items()
        }
        config = json.dumps({"ignition": {"version": "3.3.0"}, "storage": {"files": sources}})
        network = {f"etc/coreos-firstboot-network/{name}": text for name, text in self.keyfiles.items()}
        blocks = [
            lzma.compress(cpio_entry(name, text.encode(), mode=0))
            for name, text in ({"config.ign": config, **network}).items()
        ]
        unit = _TRUST_UNIT if self.certificate_authority else 0
        return sum(len(block) - _XZ_FRAME for block in blocks) + _XZ_END + unit


def customization(
    machine: Machine, ignition: t.Sequence[t.Mapping[str, t.Any]], *, certificate_authority: str = ""
) -> Customization:
    """What the ISO of this machine holds.

    :raises OperationError: the machine cannot be installed that way
    """
    pointer = next((entry for entry in ignition if entry["pool"] == machine["pool"]), None)
    address = address_for(machine, pointer) if pointer else ""
    if pointer is None or not address:
        raise OperationError(f"No ignition of the pool {machine['pool']} is published.", "Export and publish it first.")
    if not machine.get("install_device"):
        raise OperationError("machine_install_device is not set.", "Name the disk, best as /dev/disk/by-id/….")
    network = given_arguments(machine, "network_arguments")
    if network and "rd.neednet=1" not in network:
        network.append("rd.neednet=1")
    # With arguments for its network a machine takes no keyfile; the arguments go on to the first boot by themselves.
    files = keyfiles(machine["name"], machine["network"]) if machine.get("network") and not network else {}
    consoles = list(machine.get("consoles") or ())
    installer: dict[str, t.Any] = {
        "ignition-url": address,
        "ignition-hash": pointer["hash"],
        "dest-device": machine["install_device"],
    }
    if consoles:
        installer["console"] = consoles
    if machine.get("kernel_arguments"):
        installer["append-karg"] = given_arguments(machine, "kernel_arguments")
    if files:
        installer["copy-network"] = True
    live_arguments = (
        *network,
        *(check_argument(f"console={console}", "machine_consoles") for console in consoles),
        *given_arguments(machine, "live_kernel_arguments"),
    )
    trusted = _certificates(certificate_authority) if address.startswith("https:") else ""
    return Customization(
        machine["architecture"], machine["pool"], installer, live_arguments, files, trusted, (machine["name"],)
    )


def _certificates(bundle: str) -> str:
    """The certificates of a bundle, without what is written between them."""
    found = certificates(bundle)
    if bundle.strip() and not found:
        raise OperationError("The bundle of certificate authorities has no certificate in PEM.", "Set publish_ca_path.")
    return "".join(found)


def shared(customizations: t.Iterable[Customization], apart: t.Container[str] = ()) -> list[Customization]:
    """The fewest ISOs that do: one for all that differ in nothing but the keyfiles of their machines.

    :param apart: machines whose keyfiles others would take up as well
    """
    together: dict[str, Customization] = {}
    for one in customizations:
        own = one.machines[0] if one.machines[0] in apart else ""
        key = json.dumps([one.architecture, one.installer, one.live_arguments, one.certificate_authority, own])
        first = together.get(key)
        if first is not None:
            one = dataclasses.replace(
                first, keyfiles={**first.keyfiles, **one.keyfiles}, machines=(*first.machines, *one.machines)
            )
        together[key] = one
    return list(together.values())


def apart(machines: t.Iterable[Machine]) -> set[str]:
    """Machines that cannot share an ISO."""
    return {machine["name"] for machine in machines if needs_own_iso(machine.get("network"))}


def described(wanted: Customization) -> str:
    """What goes into the ISO, for a person to read."""
    parts = [("installer", wanted.installer_config), ("live kernel arguments", " ".join(wanted.live_arguments))]
    parts += [("certificate authority", wanted.certificate_authority), *wanted.keyfiles.items()]
    return "\n".join(f"# {title}\n{text.rstrip()}\n" for title, text in parts if text)


def check_room(iso: Iso, wanted: Customization, name: str) -> None:
    """Whether the ISO can hold it and its live system understands it.

    :raises OperationError: with what is missing, or the sizes
    """
    if iso.customized:
        raise OperationError(f"The ISO {name} was customised by somebody before.", "Publish the original.")
    missing = sorted(_needed(iso, wanted) - iso.features)
    if missing:
        raise OperationError(
            f"The ISO {name} cannot be told what to install: its COREOS/FEATURES.JSO has no {', '.join(missing)}.",
            "Use a newer boot image, network boot, or machine_iso_install: by_hand.",
        )
    size = wanted.packed_size()
    if size > iso.ignition_room:
        raise OperationError(
            f"The ISO {name} has {iso.ignition_room} bytes for its config, and that of {len(wanted.machines)}"
            f" machine(s) has {size}.",
            "Install fewer machines that share an ISO in one run (--limit), or shorten the CA bundle.",
        )
    # the area also holds the newline that ends them
    length = len(" ".join([iso.kernel_arguments, *wanted.live_arguments])) + 1
    if wanted.live_arguments and length > iso.kernel_arguments_room:
        raise OperationError(
            f"The ISO {name} has {iso.kernel_arguments_room} bytes for kernel arguments, and {length} are wanted.",
            "Use machine_network without machine_set_hostname, or fewer live kernel arguments.",
        )


def _needed(iso: Iso, wanted: Customization) -> set[str]:
    needed = {"installer-config"}
    if wanted.keyfiles:
        needed.add("live-initrd-network")
    if iso.names_directives:
        needed |= {f"installer-config-directives.{key}" for key in wanted.installer}
    elif "console" in wanted.installer:
        # the one key that an installer without a list of its keys does not know
        needed.add("installer-config-directives.console")
    return needed


__all__ = ("CA_PATH", "TRUST_SCRIPT", "Customization", "apart", "check_room", "customization", "described", "shared")
