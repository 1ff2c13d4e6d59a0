# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What BMCs do differently, as data. Private to the collection.

Each row says on which hardware it was seen, what shows, what is done about it, and where that is known from. The tests
have a stub BMC for each row, docs/bmc.md has them as a table, and the rules below are what the code looks at.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
import urllib.parse

CD = ("Cd", "UsbCd")
NETWORK = ("Pxe", "UefiHttp")
# No target of Redfish: the virtual CD in the attributes of an iDRAC
VIRTUAL_CD = "VCD-DVD"


class Quirk(t.NamedTuple):
    """One thing that is different."""

    seen_on: str
    shows: str
    done: str
    source: str


QUIRKS: dict[str, Quirk] = {
    "image_only": Quirk(
        "Supermicro X11, X12",
        "InsertMedia refuses Inserted and WriteProtected",
        "only Image is sent at first",
        "openstack/sushy resources/manager/virtual_media.py; ansible-collections/community.general#4839",
    ),
    "transfer_protocol": Quirk(
        "Cisco C845A M8 and others",
        "InsertMedia wants TransferProtocolType, named only in MessageArgs",
        "it is added when the refusal names it",
        "openstack/sushy resources/manager/virtual_media.py",
    ),
    "transfer_method": Quirk(
        "several",
        "InsertMedia wants TransferMethod",
        "Stream is added when the refusal names it",
        "openstack/sushy resources/manager/virtual_media.py",
    ),
    "credentials": Quirk(
        "NVIDIA DGX",
        "InsertMedia wants UserName and Password for a server that has none",
        "both are sent as none when the refusal names them",
        "bugs.launchpad.net/sushy/+bug/2071945",
    ),
    "patch_media": Quirk(
        "Lenovo SD530",
        "virtual media have no actions, but allow PATCH",
        "Image, Inserted and WriteProtected are patched, with the ETag",
        "openstack/sushy resources/manager/virtual_media.py",
    ),
    "remote_slots": Quirk(
        "Lenovo XCC",
        "slots RDOC… and Remote… list CD and cannot insert",
        "they are passed over",
        "ansible-collections/community.general plugins/module_utils/redfish_utils.py",
    ),
    "second_slot": Quirk(
        "HPE iLO",
        "the first slot is a floppy",
        "the slot is chosen by MediaTypes",
        "HewlettPackard/ilo-ansible-collection#37",
    ),
    "systems_media": Quirk(
        "Dell iDRAC10",
        "virtual media are below the system, not below the manager, with other ids",
        "both links are followed",
        "dell/terraform-provider-redfish#331",
    ),
    "eject_body": Quirk(
        "HPE iLO",
        "EjectMedia without a body is answered with 415 or 400",
        "it is sent again with {}",
        "openstack/sushy resources/manager/virtual_media.py",
    ),
    "stale_image": Quirk(
        "Supermicro",
        "ImageName stays after an ejection",
        "ConnectedVia NotConnected counts as empty",
        "ansible-collections/community.general#6969",
    ),
    "accepted": Quirk(
        "Supermicro",
        "InsertMedia answers 202 and inserts later, or fails in the task",
        "the slot and the task are read until the media is there",
        "ansible-collections/community.general#6969",
    ),
    "web_root": Quirk(
        "Supermicro",
        "an image in the web server's root is not found",
        "refused with that reason before anything is changed",
        "redhatci.ocp roles/vendors/supermicro",
    ),
    "ipv6_media": Quirk(
        "Supermicro ARS-111GL-NHR",
        "no virtual media from IPv6 addresses",
        "refused with that reason before anything is changed",
        "OpenShift 4.20 release notes, OCPBUGS-60070",
    ),
    "usb_cd": Quirk(
        "Supermicro X11, X12",
        "Cd is offered, but media boot only from UsbCd",
        "UsbCd comes first",
        "openstack/sushy resources/system/system.py",
    ),
    "grace_cd": Quirk(
        "Supermicro ARS-111GL-NHR (Grace)",
        "UsbCd is offered, but media boot only from Cd",
        "Cd comes first",
        "openstack/sushy, _supermicro_models_cd_vmedia",
    ),
    "grace_disk": Quirk(
        "Supermicro ARS-111GL-NHR (Grace), newer firmware",
        "the disk is booted though media were set for once",
        "a warning; machine_bmc_boot_target chooses the other name",
        "openshift/openshift-docs#112542 (release notes of 4.22)",
    ),
    "virtual_cd": Quirk(
        "Dell iDRAC",
        "Cd means the physical drive",
        "a warning; machine_bmc_boot_target: VCD-DVD sets the iDRAC's own one-time boot instead",
        "dell/iDRAC-Redfish-Scripting#90; ansible-collections/community.general#494",
    ),
    "detached": Quirk(
        "Dell iDRAC",
        "an image is inserted and the machine does not see it: the attach mode is Detached",
        "refused with that reason before anything is changed",
        "dell/iDRAC-Redfish-Scripting#236; openshift/openshift-docs#29321",
    ),
    "media_in_use": Quirk(
        "Dell iDRAC",
        "InsertMedia is refused while a session or an eHTML5 console holds the media",
        "the machine's reason says so and its hint what to close",
        "openshift/openshift-docs#29321; redhat-performance/jetlag#429, #670",
    ),
    "no_dns": Quirk(
        "Dell iDRAC and others",
        "an image is not found by the name of its server: the BMC has no DNS",
        "the hint says so where the URL has a name",
        "redhat-performance/jetlag#641",
    ),
    "verify_certificate": Quirk(
        "Dell iDRAC10, sushy-tools and others",
        "an image by https is verified by the drive's own Certificates, or not at all",
        "publish_ca_path is added to them, and VerifyCertificate is switched on; else a warning where it is off",
        "DMTF Redfish schema VirtualMedia; ansible-collections/community.general#2269",
    ),
    "no_backend": Quirk(
        "OpenBMC (Ampere and others)",
        "virtual media are listed, and there is no service behind them",
        "refused with that reason before anything is changed",
        "openbmc/bmcweb#172, redfish-core/lib/virtual_media.hpp",
    ),
    "settings": Quirk(
        "Dell iDRAC10, AMI MegaRAC",
        "boot options are refused at the system, and taken at its @Redfish.Settings",
        "they are patched where they are listed",
        "openstack/sushy resources/system/system.py; DMTF/Redfish-Tacklebox#144",
    ),
    "no_mode": Quirk(
        "OpenBMC",
        "BootSourceOverrideMode is not offered, or without UEFI",
        "it is left out",
        "openbmc/bmcweb redfish-core/lib/systems.hpp; jgato/jgato Configuring_SuperMicro_UEFI.md",
    ),
    "mode_read_only": Quirk(
        "HPE ProLiant",
        "BootSourceOverrideMode is shown and cannot be written",
        "the request is sent again without it",
        "ansible-collections/community.general#3509",
    ),
    "mode_reverts": Quirk(
        "Supermicro",
        "the mode falls back to Legacy where a request leaves it out",
        "it is sent wherever it is offered",
        "DMTF/Redfishtool#106",
    ),
    "clear_wants_mode": Quirk(
        "several",
        "an override is not cleared by a request without the mode",
        "the request is sent again with it",
        "ansible-collections/community.general#11542",
    ),
    "clear_ignored": Quirk(
        "sushy-tools",
        "a request that disables the override is taken and has no effect, unless it names a target",
        "what is shown is read, and the request sent again with the target None; a warning where it stays",
        "sushy-tools emulator/main.py, where it was seen",
    ),
    "continuous": Quirk(
        "Supermicro, sushy-tools",
        "Once is taken and kept for every boot",
        "a warning; cleared once the installer has fetched the ignition (publish_access_log), else when the machine is"
        " disarmed",
        "redhat-performance/jetlag#18",
    ),
    "etag": Quirk(
        "several",
        "a PATCH with the ETag as it was given is answered with 412",
        "sent again with it made strong, then without quotes, then without it",
        "openstack/sushy connector.py; community.general option strip_etag_quotes",
    ),
    "ilo_not_ready": Quirk(
        "HPE iLO",
        "InvalidOperationForSystemState right after a change of power",
        "asked again until the step's time is over",
        "openstack/sushy connector.py",
    ),
    "idrac_not_ready": Quirk(
        "Dell iDRAC",
        "SYS518 right after an operation",
        "asked again until the step's time is over",
        "openstack/sushy connector.py",
    ),
    "action_info": Quirk(
        "OpenBMC and others",
        "allowed reset types are in @Redfish.ActionInfo",
        "it is read",
        "DMTF DSP0266, ActionInfo",
    ),
    "no_force_off": Quirk(
        "several",
        "ForceOff is not among the reset types",
        "a machine that may be restarted is restarted in one step, by the first of ForceRestart, PowerCycle, "
        "GracefulRestart that is allowed",
        "DMTF Redfish schema Resource.ResetType",
    ),
}


class Hardware(t.NamedTuple):
    """What a system says it is; empty where it does not."""

    manufacturer: str
    model: str

    def fits(self, manufacturer: str, model: str = "") -> bool:
        return bool(re.search(manufacturer, self.manufacturer, re.I) and re.search(model, self.model, re.I))


class Step(t.NamedTuple):
    """Fields that are added to a request when its refusal has one of these words."""

    quirk: str
    words: tuple[str, ...]
    fields: t.Callable[[str], dict[str, str]]


# In the order in which they are tried; each is added to what was sent before.
INSERT_LADDER = (
    Step(
        "transfer_protocol",
        ("TransferProtocolType",),
        lambda url: {"TransferProtocolType": urllib.parse.urlsplit(url).scheme.upper()},
    ),
    Step("transfer_method", ("TransferMethod",), lambda _url: {"TransferMethod": "Stream"}),
    Step(
        "credentials",
        ("UserName", "Password", "parameter missing"),
        lambda _url: {"UserName": "none", "Password": "none"},
    ),
)
# All words of a row must be in the refusal; it is then asked again, also where the request changes something: the BMC
# says that it did not do it.
_NOT_READY = {"ilo_not_ready": ("iLO", "InvalidOperationForSystemState"), "idrac_not_ready": ("SYS518",)}
# First row that fits; the fields are regular expressions for manufacturer and model.
_CD_TARGETS = (
    ("grace_cd", "supermicro", "ARS-111GL-NHR", ("Cd", "UsbCd")),
    ("usb_cd", "supermicro", "", ("UsbCd", "Cd")),
)
_PASSED_OVER = re.compile(r"(RDOC|Remote)\w*$")


def not_ready(says: str) -> bool:
    """Whether a refusal means: not now."""
    return any(all(word in says for word in row) for row in _NOT_READY.values())


def cd_targets(hardware: Hardware) -> tuple[str, ...]:
    """Boot targets that mean virtual media, best first."""
    for _quirk, manufacturer, model, targets in _CD_TARGETS:
        if hardware.fits(manufacturer, model):
            return targets
    return CD


def target_warning(hardware: Hardware, target: str) -> str:
    """What may come of booting this hardware from this target; empty where nothing is known."""
    if target == "Cd" and hardware.fits("dell"):
        return f"Cd may mean the physical drive of a Dell: if its disk boots, set machine_bmc_boot_target: {VIRTUAL_CD}"
    if target == "Cd" and hardware.fits("supermicro", "ARS-111GL-NHR"):
        return "some firmware of an ARS-111GL-NHR boots its disk: if it does, set machine_bmc_boot_target: UsbCd"
    return ""


def passed_over(slot: str) -> bool:
    """Whether a slot of this id never takes an image."""
    return _PASSED_OVER.match(slot) is not None


def image_problem(hardware: Hardware, url: str) -> str:
    """Why this hardware cannot take its image from this URL; empty where it can."""
    parts = urllib.parse.urlsplit(url)
    if hardware.fits("supermicro") and parts.path.count("/") < 2:
        return "Supermicro's BMCs do not find an image in the root of a web server; publish it in a folder"
    try:
        version = ipaddress.ip_address(parts.hostname or "").version
    except ValueError:
        return ""
    if hardware.fits("supermicro", "ARS-111GL-NHR") and version == 6:
        return "the BMC of an ARS-111GL-NHR takes no image from an IPv6 address"
    return ""


__all__ = (
    "CD",
    "INSERT_LADDER",
    "NETWORK",
    "QUIRKS",
    "VIRTUAL_CD",
    "Hardware",
    "cd_targets",
    "image_problem",
    "not_ready",
    "passed_over",
    "target_warning",
)
