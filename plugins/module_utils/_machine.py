# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan: inventory variables become machine records. Private to the collection.

A record is a plain dictionary that every step takes and returns. It holds no password.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t
import urllib.parse
import uuid

from ansible_collections.multiarch.openshift.plugins.module_utils._deny import DenyList
from ansible_collections.multiarch.openshift.plugins.module_utils._dracut import network_arguments
from ansible_collections.multiarch.openshift.plugins.module_utils._network import Network
from ansible_collections.multiarch.openshift.plugins.module_utils._network import known_macs
from ansible_collections.multiarch.openshift.plugins.module_utils._network import read_network
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_identity import uuid_spellings
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import CD
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import NETWORK
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import VIRTUAL_CD

METHODS = {
    "aarch64": ("grub", "ipxe", "iso", "external"),
    "x86_64": ("ipxe", "pxelinux", "iso", "external"),
}
NETWORK_BOOT = ("grub", "ipxe", "pxelinux")
# What this collection puts an installer in place for
INSTALLED = (*NETWORK_BOOT, "iso")
# Names of the Go architecture, as a Node reports it.
NODE_ARCHITECTURE = {"aarch64": "arm64", "x86_64": "amd64"}

_DEFAULTS: dict[str, t.Any] = {
    "machine_node_name": None,
    "machine_addresses": [],
    "machine_architecture": "aarch64",
    "machine_boot_method": None,
    "machine_macs": [],
    "machine_boot_transport": "http",
    "machine_pool": "worker",
    "machine_install_device": None,
    "machine_ignition_delivery": "verified",
    "machine_consoles": [],
    "machine_kernel_arguments": [],
    "machine_live_kernel_arguments": [],
    "machine_network": None,
    "machine_network_arguments": [],
    "machine_set_hostname": None,
    "machine_iso_install": None,
    "machine_labels": {},
    "machine_taints": [],
    "machine_replace_node_uid": None,
    "machine_bmc_url": None,
    "machine_bmc_username": None,
    "machine_bmc_password": None,
    "machine_bmc_ca_path": None,
    "machine_bmc_identity": "checked",
    "machine_bmc_boot_target": None,
    "machine_power_policy": "only_if_off",
    "machine_system_uuid": None,
}
# RFC 1123: what a Node can be called (Kubernetes, object names: DNS subdomain).
_NODE_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
# Source: coreos-installer, src/install.rs: it sets these for kernel and GRUB, and refuses others.
_CONSOLE = re.compile(r"(tty\d+|hvc0|ttysclp0|ttyS\d+|ttyAMA\d+)(,\d+([neo][5-8]?)?)?")
_TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


class _Reader:
    """Reads one host's variables and collects what is wrong with them."""

    def __init__(self, host: str, variables: t.Mapping[str, t.Any]) -> None:
        self.host = host
        self.problems: list[str] = []
        self._variables = variables

    def problem(self, text: str) -> None:
        self.problems.append(f"{self.host}: {text}")

    def value(self, name: str) -> t.Any:
        given = self._variables.get(name)
        # an empty answer of a survey and null count as not given
        return _DEFAULTS[name] if given is None or given == "" else given

    def text(self, name: str) -> str:
        value = self.value(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(f"{name} must be text, not {value!r}.")
            return ""
        return str(value)

    def texts(self, name: str) -> list[str]:
        value = self.value(name)
        if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
            self.problem(f"{name} must be a list of text, not {value!r}.")
            return []
        return [str(item) for item in value]

    def choice(self, name: str, choices: t.Sequence[str]) -> str:
        value = self.text(name)
        if value and value not in choices:
            self.problem(f"{name} is {value!r}; it can be {', '.join(choices)}.")
            return ""
        return value

    def flag(self, name: str) -> bool | None:
        """True or false, also as text from the command line; None where it was not given."""
        value = self.value(name)
        if value is None or isinstance(value, bool):
            return value
        found = {"true": True, "yes": True, "false": False, "no": False}.get(str(value).lower())
        if found is None:
            self.problem(f"{name} is {value!r}; it can be true or false.")
        return found

    def unknown(self) -> None:
        """Names that look like a slip of the pen. Others that begin with machine_ may be the site's own."""
        for name in sorted(str(name) for name in self._variables if str(name).startswith("machine_")):
            if name in _DEFAULTS:
                continue
            near = difflib.get_close_matches(name, _DEFAULTS, n=1, cutoff=0.85)
            if near:
                self.problem(f"there is no variable {name}; do you mean {near[0]}?")


def _addresses(reader: _Reader) -> list[str]:
    given = reader.texts("machine_addresses")
    if not given and not reader.problems:
        reader.problem("machine_addresses is missing: list every IP address that the node will report.")
    addresses = []
    for text in given:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            reader.problem(f"machine_addresses: {text!r} is not an IP address.")
            continue
        if (
            address.is_loopback
            or address.is_multicast
            or address.is_unspecified
            or address.is_link_local
            or getattr(address, "ipv4_mapped", None)
            or getattr(address, "scope_id", None)
        ):
            reader.problem(f"machine_addresses: {text} cannot be a node's address.")
            continue
        addresses.append(str(address))
    return addresses


def _macs(reader: _Reader, *, required: bool) -> list[str]:
    macs = []
    given = reader.texts("machine_macs")
    if required and not given:
        reader.problem("machine_macs is missing: list the MAC address of every NIC that may boot from the network.")
    for text in given:
        mac = text.strip().lower().replace("-", ":")
        # the lowest bit of the first byte marks a group address (IEEE 802)
        if not _MAC.fullmatch(mac) or int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
            reader.problem(f"machine_macs: {text!r} is not the MAC address of a NIC.")
            continue
        macs.append(mac)
    return macs


def _device(reader: _Reader, *, required: bool) -> tuple[str | None, list[str]]:
    device = reader.text("machine_install_device")
    if not device:
        if required:
            reader.problem(
                "machine_install_device is missing: name the disk to install to; there is no default, a guess could"
                " wipe a disk."
            )
        return None, []
    if not device.startswith("/dev/") or not re.fullmatch(r"[-/\w.:+@]+", device):
        reader.problem(f"machine_install_device is {device!r}; it must be a path below /dev/, without spaces.")
        return None, []
    if not device.startswith("/dev/disk/by-"):
        return device, [f"{device} may be another disk after the next boot; /dev/disk/by-id/… is always the same one."]
    return device, []


def _taints(reader: _Reader) -> list[dict[str, str]]:
    value = reader.value("machine_taints")
    taints = []
    for taint in value if isinstance(value, (list, tuple)) else [value]:
        if (
            not isinstance(taint, t.Mapping)
            or not isinstance(taint.get("key"), str)
            or taint.get("effect") not in _TAINT_EFFECTS
        ):
            reader.problem(
                f"machine_taints: {taint!r} needs key, effect ({', '.join(_TAINT_EFFECTS)}) and, if wanted, value."
            )
            continue
        taints.append(
            {"key": str(taint["key"]), "value": str(taint.get("value") or ""), "effect": str(taint["effect"])}
        )
    return taints


def _labels(reader: _Reader) -> dict[str, str]:
    value = reader.value("machine_labels")
    if not isinstance(value, t.Mapping) or not all(isinstance(item, str) for item in value.values()):
        reader.problem(f"machine_labels must be a dictionary of text to text, not {value!r}.")
        return {}
    return {str(key): str(item) for key, item in value.items()}


def _bmc_url(reader: _Reader) -> str | None:
    """The BMC's address in one spelling. Its user and password are looked at, but never kept."""
    given = reader.text("machine_bmc_url")
    if not given:
        return None
    for name in ("machine_bmc_username", "machine_bmc_password"):
        # not by reader.text, whose message shows the value
        if not isinstance(reader.value(name), str):
            reader.problem(f"{name} is missing or not text; machine_bmc_url needs it.")
    reader.text("machine_bmc_ca_path")
    example = "write it as https://192.0.2.5 or https://192.0.2.5/redfish/v1/Systems/<id>."
    try:
        parts = urllib.parse.urlsplit(given.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        reader.problem(f"machine_bmc_url is not a URL; {example}")
        return None
    if parts.username is not None or parts.password is not None:
        reader.problem(f"machine_bmc_url holds a user or password; they have variables of their own, {example}")
    elif parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        reader.problem(f"machine_bmc_url is {given!r}; {example}")
    elif parts.path.strip("/") and not parts.path.startswith("/redfish/v1"):
        reader.problem(f"machine_bmc_url is {given!r}, which names no Redfish system; {example}")
    else:
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        path = parts.path.rstrip("/")
        return f"https://{host}{port}{'' if path == '/redfish/v1' else path}"
    return None


def _bmc_boot_target(reader: _Reader, method: str) -> str | None:
    if method not in INSTALLED:
        return None
    targets = (*CD, VIRTUAL_CD) if method == "iso" else NETWORK
    return reader.choice("machine_bmc_boot_target", targets) or None


def _system_uuid(reader: _Reader) -> str | None:
    given = reader.text("machine_system_uuid")
    if not given:
        return None
    if not _is_uuid(given.strip()):
        reader.problem(f"machine_system_uuid is {given!r}, not a UUID as dmidecode -s system-uuid shows it.")
        return None
    return given.strip().lower()


def _network(reader: _Reader, method: str, addresses: t.Sequence[str], name: str) -> tuple[Network | None, list[str]]:
    """``machine_network`` in its plain form, and the dracut arguments that the machine gets."""
    arguments = reader.texts("machine_network_arguments")
    given, host_name = reader.value("machine_network"), reader.flag("machine_set_hostname")
    if given is None and host_name:
        reader.problem("machine_set_hostname needs machine_network: the name is given to an interface.")
    if given is None or method not in INSTALLED:
        return None, arguments
    if arguments:
        reader.problem("machine_network and machine_network_arguments exclude each other; give one of them.")
    # An ISO serves many machines, so a name in it makes one for this machine alone: only on request.
    by_arguments = method in NETWORK_BOOT or bool(host_name)
    network, problems = read_network(given, addresses, named=by_arguments, bound=not by_arguments)
    for problem in problems:
        reader.problem(problem)
    if network is not None and by_arguments:
        arguments = network_arguments(network, "" if host_name is False else name)
    return network, arguments


def _iso(reader: _Reader, method: str) -> str | None:
    """How the installer of a machine that boots an ISO is started."""
    chosen = reader.choice("machine_iso_install", ("unattended", "by_hand"))
    if method != "iso":
        return None
    return chosen or ("unattended" if reader.text("machine_bmc_url") else "by_hand")


def _check_installed_system(reader: _Reader, method: str, delivery: str) -> None:
    """Consoles and kernel arguments are the installer's business, unless it gets documented kernel arguments only."""
    if method in NETWORK_BOOT and delivery == "documented":
        if reader.texts("machine_kernel_arguments"):
            reader.problem(
                "machine_kernel_arguments are for the installed system, and a network boot carries them there only with"
                " machine_ignition_delivery: verified; set that, or set the arguments with a MachineConfig."
            )
        return
    for console in reader.texts("machine_consoles") if method in INSTALLED else ():
        if not _CONSOLE.fullmatch(console):
            reader.problem(
                f"machine_consoles: coreos-installer does not set {console!r}; write console={console} into"
                " machine_kernel_arguments and machine_live_kernel_arguments."
            )


def machine(host: str, variables: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
    """The record of one machine and all problems of its variables.

    :param host: the inventory's name of it
    :param variables: its variables; those that begin with ``machine_`` are read
    """
    reader = _Reader(host, variables)
    reader.unknown()
    architecture = reader.choice("machine_architecture", tuple(METHODS))
    method = reader.choice("machine_boot_method", (*INSTALLED, "external"))
    if not reader.text("machine_boot_method"):
        reader.problem(f"machine_boot_method is missing: {', '.join(METHODS[architecture or 'aarch64'])}.")
    elif method and architecture and method not in METHODS[architecture]:
        reader.problem(
            f"machine_boot_method {method} does not boot {architecture};"
            f" for {architecture}: {', '.join(METHODS[architecture])}."
        )
    node_name = reader.text("machine_node_name") or host
    if not _NODE_NAME.fullmatch(node_name) or len(node_name) > 253:
        reader.problem(
            f"{node_name!r} cannot be a node's name (RFC 1123: lower case letters, digits, '-' and '.');"
            " set machine_node_name."
        )
    elif DenyList().name_reason(node_name):
        reader.problem(
            f"{node_name!r} cannot be a node's name: {DenyList().name_reason(node_name)}, and no certificate for it is"
            " approved; set machine_node_name."
        )
    replace = reader.text("machine_replace_node_uid")
    if replace and not _is_uuid(replace):
        reader.problem(
            f"machine_replace_node_uid is {replace!r}, not a UID;"
            f" oc get node {node_name} -o jsonpath={{.metadata.uid}} shows it."
        )
    installs = method in INSTALLED
    device, warnings = _device(reader, required=installs)
    addresses = _addresses(reader)
    network, arguments = _network(reader, method, addresses, node_name)
    delivery = reader.choice("machine_ignition_delivery", ("verified", "documented"))
    _check_installed_system(reader, method, delivery)
    record: dict[str, t.Any] = {
        "name": host,
        "node_name": node_name,
        "addresses": addresses,
        "architecture": architecture,
        "boot_method": method,
        "boot_transport": reader.choice("machine_boot_transport", ("http", "tftp")),
        "macs": _macs(reader, required=method in NETWORK_BOOT),
        "pool": reader.text("machine_pool"),
        "install_device": device,
        "ignition_delivery": delivery,
        "consoles": reader.texts("machine_consoles"),
        "kernel_arguments": reader.texts("machine_kernel_arguments"),
        "live_kernel_arguments": reader.texts("machine_live_kernel_arguments"),
        "network": network,
        "network_arguments": arguments,
        "iso_install": _iso(reader, method),
        "labels": _labels(reader),
        "taints": _taints(reader),
        "replace_node_uid": replace or None,
        "bmc_url": _bmc_url(reader),
        "bmc_identity": reader.choice("machine_bmc_identity", ("checked", "unchecked")),
        "bmc_boot_target": _bmc_boot_target(reader, method),
        "power_policy": reader.choice("machine_power_policy", ("only_if_off", "restart")),
        "system_uuid": _system_uuid(reader),
        "arm": installs,
        "stage": "planned",
        "failed": False,
        "reason": "",
        "reason_code": "",
        "hint": "",
        "changed": False,
        "warnings": warnings,
    }
    return record, reader.problems


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def runs(record: t.Mapping[str, t.Any]) -> bool:
    """Whether its BMC has said that it is on, and it must not be restarted: what it does, it goes on with."""
    return record.get("bmc_power") == "on" and record.get("power_policy") != "restart"


def _one_system(record: t.Mapping[str, t.Any]) -> list[str]:
    """The BMC's URL where it can only mean one system: several may share a BMC if their identity finds the system."""
    url = record["bmc_url"] or ""
    return [url] if "/redfish/" in url or record["bmc_identity"] == "unchecked" else []


def _shared(records: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """Values that only one machine can have, held by several."""
    problems = []
    unique = (
        ("MAC address", known_macs),
        ("address", lambda record: record["addresses"]),
        ("node name", lambda record: [record["node_name"]]),
        ("system UUID", lambda record: [record["system_uuid"]] if uuid_spellings(record["system_uuid"] or "") else []),
        ("system behind a BMC", _one_system),
    )
    for label, values in unique:
        holders: dict[str, list[str]] = {}
        for record in records:
            for value in filter(None, values(record)):
                holders.setdefault(value, []).append(record["name"])
        problems += [
            f"{', '.join(dict.fromkeys(hosts))}: the {label} {value} is given {len(hosts)} times."
            for value, hosts in holders.items()
            if len(hosts) > 1
        ]
    return problems


def plan(
    variables: t.Mapping[str, t.Mapping[str, t.Any]], hosts: t.Sequence[str], group: t.Sequence[str]
) -> tuple[list[dict[str, t.Any]], list[str]]:
    """Records of the hosts and every problem of every host.

    :param variables: each host's variables
    :param hosts: the machines that this run deals with
    :param group: all machines of the site, so that a duplicate is found also beyond a limit
    """
    records: dict[str, dict[str, t.Any]] = {}
    problems: list[str] = []
    for host in dict.fromkeys([*hosts, *group]):
        record, found = machine(host, variables[host])
        records[host] = record
        if host in hosts:
            problems += found
    problems += _shared(list(records.values()))
    return [records[host] for host in hosts], problems


__all__ = ("INSTALLED", "METHODS", "NETWORK_BOOT", "NODE_ARCHITECTURE", "machine", "plan", "runs")
