# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is the system behind this BMC the machine of the inventory? Private to the collection.

Nothing is powered, inserted or set before the answer is yes (law: power only a machine that is what we think).
"""

from __future__ import annotations

import re
import typing as t
import uuid

from ansible_collections.multiarch.openshift.plugins.module_utils._network import known_macs

# Names in a processor's model, for BMCs that leave architecture and instruction set empty
_MODELS = (
    ("aarch64", re.compile(r"ampere|altra|neoverse|\bgrace\b|\barm\b|aarch64|thunderx|kunpeng|cortex", re.I)),
    ("x86_64", re.compile(r"intel|xeon|\bamd\b|epyc|opteron|x86", re.I)),
)
# Redfish schema Processor: InstructionSet, ProcessorArchitecture
_INSTRUCTION_SETS = {"arm-a64": "aarch64", "aarch64": "aarch64", "x86-64": "x86_64"}
_ARCHITECTURES = {"arm": "aarch64", "x86": "x86_64"}
# Left in by makers that never set one: all machines of a model have it
_PLACEHOLDERS = {"03000200-0400-0500-0006-000700080009", "12345678-1234-5678-90ab-cddeefaabbcc"}


class Facts(t.NamedTuple):
    """What a BMC says about its system."""

    uuid: str
    macs: frozenset[str]
    architecture: str
    """aarch64 or x86_64; empty where it does not say; else its own word."""


def uuid_spellings(text: str) -> set[str]:
    """A UUID as it is and with its first three fields in the other byte order; empty where it tells nothing.

    SMBIOS stores those fields little-endian; some BMCs show them as they lie there.
    """
    try:
        value = uuid.UUID(text)
    except ValueError:
        return set()
    if len(set(value.hex)) == 1 or str(value) in _PLACEHOLDERS:
        return set()
    return {str(value), str(uuid.UUID(bytes=value.bytes_le))}


def canonical_mac(text: str) -> str:
    """Lower case with colons; empty where it is no MAC address."""
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    return ":".join(re.findall("..", digits)) if len(digits) == 12 and set(digits) != {"0"} else ""


def architecture_of(processors: t.Iterable[t.Mapping[str, t.Any]], summary: t.Mapping[str, t.Any]) -> str:
    """The architecture of a system's CPUs.

    :param processors: members of its Processors collection
    :param summary: its ProcessorSummary
    """
    found = []
    for processor in processors:
        kind = processor.get("ProcessorType")
        absent = (processor.get("Status") or {}).get("State") == "Absent"
        # GPUs and DPUs stand in the same collection; a DPU is an ARM processor in any server
        if absent or kind not in (None, "", "CPU"):
            continue
        found.append(_processor(processor))
    found.append(_model(summary))
    return next(filter(None, found), "")


def _processor(processor: t.Mapping[str, t.Any]) -> str:
    instructions = str(processor.get("InstructionSet") or "").replace("_", "-").lower()
    architecture = str(processor.get("ProcessorArchitecture") or "").lower()
    if instructions and instructions != "oem":
        return _INSTRUCTION_SETS.get(instructions, instructions)
    if architecture and architecture != "oem":
        return _ARCHITECTURES.get(architecture, architecture)
    return _model(processor)


def _model(part: t.Mapping[str, t.Any]) -> str:
    text = f"{part.get('Manufacturer') or ''} {part.get('Model') or ''}"
    return next((architecture for architecture, names in _MODELS if names.search(text)), "")


def is_machine(machine: t.Mapping[str, t.Any], facts: Facts) -> bool:
    """Whether a MAC address or the UUID of this system is the machine's."""
    wanted = machine.get("system_uuid") or ""
    return bool(facts.macs & set(known_macs(machine))) or bool(uuid_spellings(wanted) & uuid_spellings(facts.uuid))


def identity_problem(machine: t.Mapping[str, t.Any], facts: Facts) -> tuple[str, str]:
    """Why this system is not taken for the machine, and what to do; two empty texts where it is."""
    vouch = "or vouch for it with machine_bmc_identity: unchecked."
    if not is_machine(machine, facts):
        if not facts.macs and not uuid_spellings(facts.uuid):
            return (
                "its BMC lists no MAC address and no usable UUID, so nothing shows that it is this machine's",
                f"Many BMCs list NICs only after the machine's first start: power it on once, {vouch}",
            )
        listed = ", ".join([*sorted(facts.macs), *([f"UUID {facts.uuid}"] if facts.uuid else [])])
        return (
            f"its BMC is another machine's: it lists {listed}, and none of machine_macs or machine_network"
            + (" nor machine_system_uuid" if machine.get("system_uuid") else ""),
            f"Correct machine_bmc_url, machine_macs or machine_network, {vouch}",
        )
    if not facts.architecture:
        return (
            "its BMC does not say which architecture the processors have",
            f"Many BMCs say it only after the machine's first start: power it on once, {vouch}",
        )
    if facts.architecture != machine["architecture"]:
        return (
            f"its BMC says that the processors are {facts.architecture}, not {machine['architecture']}",
            f"Correct machine_bmc_url or machine_architecture, {vouch}",
        )
    return "", ""


def identity_warning(machine: t.Mapping[str, t.Any], facts: Facts) -> str:
    """What does not fit though a MAC address does, or could not be compared; empty where all is well."""
    wanted = machine.get("system_uuid") or ""
    if not wanted or not facts.uuid:
        return ""
    if not uuid_spellings(wanted) or not uuid_spellings(facts.uuid):
        return f"the UUID {facts.uuid} or {wanted} is one that many machines have; only MAC addresses were compared"
    if not uuid_spellings(wanted) & uuid_spellings(facts.uuid):
        return f"its BMC says that the UUID is {facts.uuid}, not {wanted}"
    return ""


__all__ = (
    "Facts",
    "architecture_of",
    "canonical_mac",
    "identity_problem",
    "identity_warning",
    "is_machine",
    "uuid_spellings",
)
