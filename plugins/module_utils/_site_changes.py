# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a site's DHCP and DNS servers have to say so that the machines boot. Private to the collection.

Fragments for people to take over, for the machines of the plan and no others: nothing here tells another machine of
the site what to boot.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import itertools
import json
import posixpath
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT

Machine = t.Mapping[str, t.Any]
Group = tuple[str, str]
"""Boot method and architecture."""

MARK = "multiarch.openshift site changes"
"""In the first line of each file, behind whatever begins a comment there."""
_PREFIX = "multiarch"
# Client architectures: RFC 5970 and the list of IANA ("Processor Architecture Types").
_ARCHITECTURE_WORDS = {
    0: "x86 BIOS",
    7: "x86_64 UEFI",
    9: "x86_64 UEFI",
    11: "64-bit ARM UEFI",
    16: "x86_64 UEFI HTTP boot",
    19: "64-bit ARM UEFI HTTP boot",
}
_HTTP_BOOT = (16, 19)
_TITLES = {
    ("grub", "aarch64"): "GRUB on 64-bit ARM",
    ("ipxe", "aarch64"): "iPXE on 64-bit ARM",
    ("ipxe", "x86_64"): "iPXE on x86_64",
    ("pxelinux", "x86_64"): "PXELINUX on x86_64",
}
# As Debian's packages name them; upstream's own builds have other names.
IPXE_LOADERS = {"aarch64": {11: "ipxe-arm64.efi"}, "x86_64": {0: "undionly.kpxe", 7: "ipxe.efi", 9: "ipxe.efi"}}
_HTTP_BOOT_OF = {"aarch64": (19, 11), "x86_64": (16, 7)}
PXELINUX_LOADER = "lpxelinux.0"


@dataclasses.dataclass(frozen=True)
class SiteServices:
    """Where machines find what they boot."""

    base_url: str = ""
    """Of the published folder; empty where nothing is published there."""
    tftp_address: str = ""
    """IPv4 address of the TFTP server; empty where it is not known."""
    tftp_directory: str = ""
    grub_directory: str = ""
    grub_loader: str = "grubaa64.efi"
    """What the firmware loads: shim or GRUB itself."""
    ipxe_entry: str = ""
    """URL of the chain entry; default: boot.ipxe in the published folder."""


SITE_SERVICES_SPEC: dict[str, dict[str, t.Any]] = {
    "base_url": {"type": "str", "default": ""},
    "tftp_address": {"type": "str", "default": ""},
    "tftp_directory": {"type": "str", "default": ""},
    "grub_directory": {"type": "str", "default": ""},
    "grub_loader": {"type": "str", "default": "grubaa64.efi"},
    "ipxe_entry_url": {"type": "str", "default": ""},
}


def site_services(options: t.Mapping[str, t.Any]) -> SiteServices:
    """By the options that modules have for it, those of :data:`SITE_SERVICES_SPEC`."""
    try:
        address = ipaddress.ip_address(options["tftp_address"])
    except ValueError:
        address = None
    return SiteServices(
        base_url=options["base_url"],
        tftp_address=str(address) if address and address.version == 4 else "",
        tftp_directory=options["tftp_directory"],
        grub_directory=options["grub_directory"],
        grub_loader=options["grub_loader"],
        ipxe_entry=options["ipxe_entry_url"],
    )


@dataclasses.dataclass(frozen=True)
class Rule:
    """What one kind of client is sent to."""

    file: str
    """Path on the TFTP server, or URL."""
    architectures: tuple[int, ...] = ()
    """Client architectures; none: whatever it is."""
    by_ipxe: bool = False
    """For an iPXE that runs already, and not for the firmware that has to load it."""

    @property
    def echo(self) -> bool:
        """Whether the client takes the answer only with its own vendor class in it."""
        return any(number in _HTTP_BOOT for number in self.architectures)

    @property
    def by_tftp(self) -> bool:
        return "://" not in self.file

    @property
    def words(self) -> str:
        if self.by_ipxe:
            return "iPXE, once it runs"
        return ", ".join(dict.fromkeys(_ARCHITECTURE_WORDS[number] for number in self.architectures))


def booted(machines: t.Iterable[Machine]) -> list[Machine]:
    """The machines that these services are for: also those that are nodes already, and keep address and name."""
    return [machine for machine in machines if machine["boot_method"] in NETWORK_BOOT and machine.get("macs")]


def rules(group: Group, site: SiteServices) -> list[Rule]:
    """The most particular first."""
    method, architecture = group
    base = site.base_url.rstrip("/")
    found = []
    if method == "grub":
        if site.grub_directory and site.tftp_directory:
            folder = posixpath.relpath(site.grub_directory, site.tftp_directory)
            found.append(Rule(posixpath.normpath(posixpath.join(folder, site.grub_loader)), (11,)))
        if base:
            found.append(Rule(f"{base}/grub/{site.grub_loader}", (19,)))
    elif method == "ipxe":
        if base:
            found.append(Rule(site.ipxe_entry or f"{base}/boot.ipxe", by_ipxe=True))
        loaders = IPXE_LOADERS[architecture]
        if site.tftp_directory:
            for file in dict.fromkeys(loaders.values()):
                found.append(Rule(file, tuple(number for number, name in loaders.items() if name == file)))
        if base:
            number, like = _HTTP_BOOT_OF[architecture]
            found.append(Rule(f"{base}/{loaders[like]}", (number,)))
    elif site.tftp_directory:
        found.append(Rule(PXELINUX_LOADER, (0,)))
    return found


def groups_of(machines: t.Iterable[Machine]) -> list[Group]:
    return sorted({(machine["boot_method"], machine["architecture"]) for machine in machines})


def fragments(machines: t.Sequence[Machine], site: SiteServices, *, cluster: str) -> dict[str, str]:
    """File name and text of every fragment; nothing where no machine boots from the network."""
    ours = sorted(booted(machines), key=lambda machine: str(machine["node_name"]))
    if not ours:
        return {}
    return {
        "dhcpd.conf": _isc(ours, site, cluster),
        "kea-dhcp4.json": _kea(ours, site, cluster),
        "dnsmasq.conf": _dnsmasq(ours, site, cluster),
        **_bind(ours, cluster),
    }


def is_fragment(text: str, cluster: str) -> bool:
    """Whether a file is one of ours: the mark stands in its first line, behind what begins a comment."""
    return text.partition("\n")[0].lstrip("#/; ").rstrip() == _mark(cluster)


def _mark(cluster: str) -> str:
    return f"{MARK} cluster={cluster}"


def _head(cluster: str, lines: t.Sequence[str], *, comment: str = "#") -> list[str]:
    words = [_mark(cluster), "Written by a run and never applied; a later run writes it anew.", *lines]
    return [f"{comment} {line}".rstrip() for line in words]


def _ipv4(machine: Machine) -> list[str]:
    return [address for address in machine["addresses"] if ":" not in address]


def _tag(cluster: str, group: Group) -> str:
    """With the cluster: one server may serve the machines of several, each from its own folders."""
    return f"{_PREFIX}-{cluster}-{'-'.join(group)}"


def gaps(machines: t.Iterable[Machine], site: SiteServices) -> list[str]:
    """What machines are not told since it is not known here, a sentence each."""
    methods = {machine["boot_method"] for machine in booted(machines)}
    if "grub" in methods and site.grub_directory and not site.tftp_directory:
        return [
            f"Firmware that loads by TFTP is not told where {site.grub_loader} lies: set netboot_tftp_directory, the"
            " root of the TFTP server."
        ]
    return []


def _notes(machines: t.Sequence[Machine], site: SiteServices) -> list[str]:
    notes = gaps(machines, site)
    if site.tftp_directory and not site.tftp_address:
        notes.append(
            "The address of the TFTP server is not known here: add it (next-server), or set netboot_tftp_address."
        )
    return notes


# -- ISC dhcpd ---------------------------------------------------------------------------------------------------------


def _isc(machines: t.Sequence[Machine], site: SiteServices, cluster: str) -> str:
    lines = _head(
        cluster,
        [
            'ISC dhcpd: lay it beside dhcpd.conf, name it there outside of any subnet (include "FILE";), test it with',
            "dhcpd -t and restart dhcpd. The subnets of the addresses must be declared.",
            *_notes(machines, site),
        ],
    )
    lines += ["", f"option {_PREFIX}-architecture code 93 = unsigned integer 16;"]
    for group in groups_of(machines):
        lines += ["", f"# {_TITLES[group]}", "group {"]
        keyword = "if"
        for rule in rules(group, site):
            lines.append(f"  {keyword} {_isc_test(rule)} {{  # {rule.words}")
            if rule.echo:
                lines.append('    option vendor-class-identifier "HTTPClient";')
            if rule.by_tftp and site.tftp_address:
                lines.append(f"    next-server {site.tftp_address};")
            lines += [f'    filename "{rule.file}";', "  }"]
            keyword = "elsif"
        for machine in machines:
            if (machine["boot_method"], machine["architecture"]) == group:
                lines += _isc_hosts(machine)
        lines.append("}")
    return "\n".join(lines) + "\n"


def _isc_test(rule: Rule) -> str:
    if rule.by_ipxe:
        return 'exists user-class and option user-class = "iPXE"'
    return " or ".join(
        f"option {_PREFIX}-architecture = {number >> 8:02x}:{number & 255:02x}" for number in rule.architectures
    )


def _isc_hosts(machine: Machine) -> t.Iterator[str]:
    for number, mac in enumerate(machine["macs"], start=1):
        # a host declaration has one MAC; the same address in several is fine, as one of them asks at a time
        yield f"  host {machine['node_name']}-{number} {{"
        yield f"    hardware ethernet {mac};"
        if _ipv4(machine):
            yield f"    fixed-address {', '.join(_ipv4(machine))};"
        yield f'    option host-name "{machine["node_name"]}";'
        yield "  }"


# -- Kea ---------------------------------------------------------------------------------------------------------------


def _kea(machines: t.Sequence[Machine], site: SiteServices, cluster: str) -> str:
    classes: list[dict[str, t.Any]] = []
    for group in groups_of(machines):
        classes.append({"name": _tag(cluster, group)})
        for number, rule in enumerate(rules(group, site), start=1):
            classes.append(_kea_class(f"{_tag(cluster, group)}-{number}", _kea_test(cluster, group, rule), rule, site))
    reservations = [
        {
            "hw-address": mac,
            **({"ip-address": _ipv4(machine)[0]} if _ipv4(machine) else {}),
            "hostname": machine["node_name"],
            "client-classes": [_tag(cluster, (machine["boot_method"], machine["architecture"]))],
        }
        for machine in machines
        for mac in machine["macs"]
    ]
    dhcp4: dict[str, t.Any] = {
        "client-classes": classes,
        "reservations-global": True,
        "reservations-in-subnet": True,
    }
    if any(len(machine["macs"]) > 1 and _ipv4(machine) for machine in machines):
        dhcp4["ip-reservations-unique"] = False
    dhcp4["reservations"] = reservations
    head = _head(
        cluster,
        [
            "Kea: add these members to Dhcp4 of kea-dhcp4.conf, to the lists that are there already, and test it with",
            "kea-dhcp4 -t. Reservations may as well stand in the subnet of their address, without reservations-global.",
            *(
                ["ip-reservations-unique is false since several NICs of a machine share its address."]
                if "ip-reservations-unique" in dhcp4
                else []
            ),
            *_notes(machines, site),
        ],
        comment="//",
    )
    return "\n".join([*head, json.dumps({"Dhcp4": dhcp4}, indent=2)]) + "\n"


def _kea_test(cluster: str, group: Group, rule: Rule) -> str:
    # With KNOWN, Kea looks at the class after it has found the reservation that puts the client into the group.
    known = f"member('KNOWN') and member('{_tag(cluster, group)}')"
    ipxe = "substring(option[77].hex, 0, 4) == 'iPXE'"
    if rule.by_ipxe:
        return f"{known} and {ipxe}"
    architectures = " or ".join(f"option[93].hex == 0x{number:04x}" for number in rule.architectures)
    return f"{known} and ({architectures})" + (f" and not ({ipxe})" if group[0] == "ipxe" else "")


def _kea_class(name: str, test: str, rule: Rule, site: SiteServices) -> dict[str, t.Any]:
    made: dict[str, t.Any] = {"name": name, "test": test}
    if rule.by_tftp and site.tftp_address:
        made["next-server"] = site.tftp_address
    made["boot-file-name"] = rule.file
    if rule.echo:
        made["option-data"] = [{"name": "vendor-class-identifier", "data": "HTTPClient", "always-send": True}]
    return made


# -- dnsmasq -----------------------------------------------------------------------------------------------------------


def _dnsmasq(machines: t.Sequence[Machine], site: SiteServices, cluster: str) -> str:
    lines = _head(
        cluster,
        [
            "dnsmasq: lay it into /etc/dnsmasq.d, test it with dnsmasq --test and restart dnsmasq. A dhcp-range must",
            "cover the addresses (dhcp-range=NETWORK,static serves these machines alone).",
            *gaps(machines, site),
        ],
    )
    lines += ["", *dnsmasq_rules(groups_of(machines), site, cluster=cluster)]
    for machine in machines:
        lines += ["", *dnsmasq_host(machine, cluster=cluster)]
    return "\n".join(lines) + "\n"


def dnsmasq_rules(groups: t.Sequence[Group], site: SiteServices, *, cluster: str) -> list[str]:
    """What is told to the members of these groups."""
    chosen = {group: rules(group, site) for group in groups}
    every = list(itertools.chain.from_iterable(chosen.values()))
    lines = [
        f"dhcp-match=set:{_PREFIX}-arch-{number},option:client-arch,{number}"
        for number in sorted({number for rule in every for number in rule.architectures})
    ]
    if any(rule.by_ipxe for rule in every):
        lines.append(f"dhcp-userclass=set:{_PREFIX}-runs-ipxe,iPXE")
    for group, members in chosen.items():
        lines.append(f"# {_TITLES[group]}")
        for rule in members:
            for tags in _dnsmasq_tags(cluster, group, rule):
                if rule.echo:
                    lines.append(f"dhcp-option-force={tags},60,HTTPClient")
                server = f",,{site.tftp_address}" if rule.by_tftp and site.tftp_address else ""
                lines.append(f"dhcp-boot={tags},{rule.file}{server}")
    return lines


def _dnsmasq_tags(cluster: str, group: Group, rule: Rule) -> t.Iterator[str]:
    ours = _tag(cluster, group)
    if rule.by_ipxe:
        yield f"tag:{ours},tag:{_PREFIX}-runs-ipxe"
    for number in rule.architectures:
        loads = f"tag:{ours},tag:{_PREFIX}-arch-{number}"
        yield loads + (f",tag:!{_PREFIX}-runs-ipxe" if group[0] == "ipxe" else "")


def dnsmasq_host(machine: Machine, *, cluster: str) -> list[str]:
    """Address and name of one machine, by DHCP and by DNS."""
    name = machine["node_name"]
    tag = _tag(cluster, (machine["boot_method"], machine["architecture"]))
    parts = [*machine["macs"], f"set:{tag}", *([f"set:{_PREFIX}-{name}"] if "." in name else []), *_ipv4(machine)[:1]]
    lines = []
    if "." in name:
        # As dhcp-host takes no domain but dnsmasq's own, and the machine has to get its whole name.
        lines += [f"dhcp-host={','.join(parts)}", f"dhcp-option=tag:{_PREFIX}-{name},12,{name}"]
    else:
        lines.append(f"dhcp-host={','.join([*parts, name])}")
    ipv6 = [address for address in machine["addresses"] if ":" in address]
    for pair in itertools.zip_longest(_ipv4(machine), ipv6):
        lines.append(f"host-record={','.join([name, *(address for address in pair if address)])}")
    return lines


# -- BIND --------------------------------------------------------------------------------------------------------------


def _bind(machines: t.Sequence[Machine], cluster: str) -> dict[str, str]:
    records: dict[str, list[str]] = {}
    for machine in machines:
        name = machine["node_name"]
        domain = name.partition(".")[2]
        # a name without a domain takes that of the zone which includes the file
        forward = f"bind-{domain}.zone" if domain else "bind-forward.zone"
        owner = f"{name}." if domain else name
        for address in map(ipaddress.ip_address, machine["addresses"]):
            records.setdefault(forward, []).append(f"{owner} IN {'A' if address.version == 4 else 'AAAA'} {address}")
            reverse = f"bind-{_reverse_zone(address)}.zone"
            if domain:
                records.setdefault(reverse, []).append(f"{address.reverse_pointer}. IN PTR {owner}")
            else:
                # a machine without a name from DHCP would call itself by all of what PTR says, and be another node
                text = f"; {address}: the node is called {name}, and PTR needs a domain, which would become part of it"
                records.setdefault(reverse, []).append(text)
    texts = {}
    for file, lines in sorted(records.items()):
        zone = file[len("bind-") : -len(".zone")]
        where = "zone of the machines' domain" if zone == "forward" else f"zone {zone}, or the one that holds it"
        head = [
            f'BIND: include it in the file of the {where} ($INCLUDE "FILE"),',
            "raise the zone's serial number, test it with named-checkzone and reload the zone (rndc reload).",
        ]
        texts[file] = "\n".join([*_head(cluster, head, comment=";"), "", *lines]) + "\n"
    return texts


def _reverse_zone(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Of the address' /24 or /64; where the site cuts its zones is not known."""
    labels = address.reverse_pointer.split(".")
    return ".".join(labels[1:] if address.version == 4 else labels[16:])


__all__ = (
    "IPXE_LOADERS",
    "SITE_SERVICES_SPEC",
    "Rule",
    "SiteServices",
    "booted",
    "dnsmasq_host",
    "dnsmasq_rules",
    "fragments",
    "gaps",
    "groups_of",
    "is_fragment",
    "rules",
    "site_services",
)
