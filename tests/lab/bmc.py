# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""BMCs that speak Redfish: strict ones, and one for each thing that real ones do differently.

A system that is powered on consumes its one-shot boot and calls a hook with what it boots from. The ids in paths are
unlike any maker's, so that who builds paths instead of following links fails.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hmac
import ipaddress
import itertools
import json
import pathlib
import ssl
import urllib.parse
import uuid
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from aiohttp import web

from lab.loop import LoopThread

ROOT = "/redfish/v1"
MANAGER = f"{ROOT}/Managers/controller-7f"
QUIRKS = (
    "image_only",
    "transfer_protocol",
    "transfer_method",
    "credentials",
    "patch_media",
    "remote_slots",
    "second_slot",
    "systems_media",
    "eject_body",
    "stale_image",
    "accepted",
    "web_root",
    "ipv6_media",
    "usb_cd",
    "grace_cd",
    "grace_disk",
    "virtual_cd",
    "detached",
    "media_in_use",
    "no_dns",
    "verify_certificate",
    "no_backend",
    "settings",
    "no_mode",
    "mode_read_only",
    "mode_reverts",
    "clear_wants_mode",
    "clear_ignored",
    "continuous",
    "etag",
    "ilo_not_ready",
    "idrac_not_ready",
    "action_info",
    "no_force_off",
)
_GRACE = {"grace_cd", "grace_disk", "ipv6_media"}
_SUPERMICRO = {"image_only", "stale_image", "accepted", "web_root", "usb_cd", "mode_reverts", *_GRACE}
_IDRAC = {"virtual_cd", "detached", "media_in_use"}
TARGETS = ("None", "Pxe", "Cd", "UsbCd", "Hdd", "UefiHttp")
_INSTRUCTIONS = {"aarch64": ("ARM", "ARM-A64"), "x86_64": ("x86", "x86-64")}


class Boot(NamedTuple):
    """What a system was started with."""

    target: str
    image: str
    """The image in the drive that it boots from; empty where it does not boot from one."""
    mode: str
    enabled: str


class BmcRequest(NamedTuple):
    """A request, and how it was answered."""

    method: str
    path: str
    body: Any
    status: int


class BmcFault(Exception):
    """The BMC says no."""

    def __init__(self, status: int, message: str, message_id: str = "Base.1.18.GeneralError", *arguments: str) -> None:
        super().__init__(message)
        self.status = status
        self._message_id = message_id
        self._arguments = list(arguments)

    def body(self, more: str = "") -> dict[str, Any]:
        said = {"MessageId": self._message_id, "Message": f"{self}{more}", "MessageArgs": self._arguments}
        return {
            "error": {
                "code": self._message_id,
                "message": "See @Message.ExtendedInfo.",
                "@Message.ExtendedInfo": [{**said, "Severity": "Warning"}],
            }
        }


@dataclasses.dataclass
class Drive:
    """A virtual drive."""

    name: str
    media_types: tuple[str, ...] = ("CD", "DVD")
    image: str = ""
    stale: str = ""
    verifies: bool = False
    certificates: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class BmcSystem:
    """A system behind a BMC."""

    macs: list[str]
    architecture: str = "aarch64"
    name: str = "node-0a"
    uuid: str = ""
    manufacturer: str = "Lab"
    model: str = "L1"
    power: str = "Off"
    power_delay: float = 0.05
    processors: bool = True
    targets: list[str] = dataclasses.field(default_factory=lambda: list(TARGETS))
    on_boot: Callable[[Boot], Awaitable[None]] | None = None
    on_off: Callable[[], Awaitable[None]] | None = None
    on_eject: Callable[[str], None] | None = None
    """Called with the image that was taken out of a drive."""
    runs: Callable[[], bool] | None = None
    """Whether the machine is on, where somebody else may have pressed its button."""
    drives: list[Drive] = dataclasses.field(default_factory=list)
    boots: list[Boot] = dataclasses.field(default_factory=list)
    """Every start so far."""
    target: str = "None"
    enabled: str = "Disabled"
    mode: str = "UEFI"
    attributes: dict[str, str] = dataclasses.field(default_factory=dict)
    """What the BMC has beside Redfish, as an iDRAC does."""

    def __post_init__(self) -> None:
        self.uuid = self.uuid or str(uuid.uuid5(uuid.NAMESPACE_DNS, self.macs[0] if self.macs else self.name))

    @property
    def path(self) -> str:
        return f"{ROOT}/Systems/{self.name}"

    def look(self) -> str:
        """Its power, as it is now."""
        if self.runs is not None and self.runs():
            self.power = "On"
        return self.power

    def keeps_media(self) -> bool:
        """Whether a restart of the machine's own boots from a virtual drive as well: what was set for once was kept."""
        return self.enabled == "Continuous" and self.target in ("Cd", "UsbCd") and bool(self.images)

    @property
    def images(self) -> list[str]:
        return [drive.image for drive in self.drives if drive.image]


class Bmc:
    """One BMC with its address, account, systems and quirks.

    :param tls: paths of its certificate and key
    :param quirks: of QUIRKS
    :param repeats_secrets: its errors and tasks repeat the user and password of the request
    :param loses: actions, by their last word, that it carries out and whose answer never arrives
    """

    def __init__(
        self,
        systems: Sequence[BmcSystem],
        *,
        loop: LoopThread,
        tls: tuple[pathlib.Path, pathlib.Path],
        address: str = "127.0.0.1",
        username: str = "lab-operator",
        password: str = "lab-secret",
        quirks: Sequence[str] = (),
        repeats_secrets: bool = False,
        loses: Sequence[str] = (),
    ) -> None:
        unknown = set(quirks) - set(QUIRKS)
        if unknown:
            raise ValueError(f"no quirk {', '.join(sorted(unknown))}; there are {', '.join(QUIRKS)}")
        self.systems = list(systems)
        self.address = address
        self.port = 0
        self.username = username
        self.password = password
        self.quirks = frozenset(quirks)
        self.requests: list[BmcRequest] = []
        self.repeats_secrets = repeats_secrets
        self.loses = frozenset(loses)
        self._loop = loop
        self._tls = tls
        self._runner: web.ServerRunner | None = None
        self._versions = itertools.count(1)
        self._version = next(self._versions)
        self._not_ready = 2
        self._tasks: dict[str, dict[str, Any]] = {}
        self._running: set[asyncio.Task[None]] = set()
        for system in self.systems:
            if self.quirks & _SUPERMICRO:
                system.manufacturer = "Supermicro"
            if self.quirks & _GRACE:
                system.model = "ARS-111GL-NHR"
            if self.quirks & _IDRAC:
                system.manufacturer = "Dell Inc."
                attached = "Detached" if "detached" in self.quirks else "AutoAttach"
                boot = {"ServerBoot.1.BootOnce": "Enabled", "ServerBoot.1.FirstBootDevice": "Normal"}
                system.attributes = {"VirtualMedia.1.Attached": attached, **boot}
            if "clear_ignored" in self.quirks:
                system.targets = [target for target in system.targets if target != "None"]
            system.drives = system.drives or self._drives()

    def _drives(self) -> list[Drive]:
        drives = [Drive("drive-c")]
        if "second_slot" in self.quirks:
            drives.insert(0, Drive("drive-a", ("Floppy", "USBStick")))
        if "remote_slots" in self.quirks:
            drives[:0] = [Drive("RDOC1"), Drive("Remote1")]
        return drives

    # --- life -----------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"https://{self.address}:{self.port}"

    def start(self) -> Bmc:
        self._loop.run(self._listen())
        return self

    def close(self) -> None:
        if self._runner is not None:
            self._loop.run(self._runner.cleanup())
            self._runner = None

    async def _listen(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._tls)
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address, self.port, ssl_context=context, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    def changing_requests(self) -> list[BmcRequest]:
        return [request for request in self.requests if request.method != "GET"]

    # --- requests -------------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = urllib.parse.unquote(request.rel_url.path).rstrip("/")
        content = await request.read()
        body = json.loads(content) if content else None
        headers: dict[str, str] = {}
        try:
            self._authenticate(request)
            status, answer, headers = await self._answer(request, path, body)
        except BmcFault as fault:
            said = ""
            if self.repeats_secrets:
                said = f" ({self.username} {self.password} {request.headers.get('Authorization')})"
            status, answer = fault.status, fault.body(said)
        self.requests.append(BmcRequest(request.method, path, body, status))
        if path.rpartition(".")[2] in self.loses and request.transport is not None:
            request.transport.abort()
        if status == 204:
            return web.Response(status=204, headers=headers)
        return web.json_response(answer, status=status, headers=headers)

    def _authenticate(self, request: web.BaseRequest) -> None:
        pair = f"{self.username}:{self.password}".encode()
        wanted = f"Basic {base64.b64encode(pair).decode()}"
        if not hmac.compare_digest(request.headers.get("Authorization", ""), wanted):
            raise BmcFault(401, "While accessing the resource, the service received an authorization error.")

    async def _answer(
        self, request: web.BaseRequest, path: str, body: Any
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        if request.method == "GET":
            found = self._documents().get(path)
            if "no_backend" in self.quirks and path.endswith("/Media"):
                raise BmcFault(500, "The request failed due to an internal service error.", "Base.1.18.InternalError")
            if found is None:
                raise BmcFault(404, f"The resource at the URI {path} was not found.")
            patchable = "PATCH" if "patch_media" in self.quirks or "#ComputerSystem" in found["@odata.type"] else ""
            return 200, found, {"ETag": self._etag, "Allow": f"GET, HEAD, {patchable}".rstrip(", ")}
        headers: dict[str, str] = {}
        status = 204
        if request.method == "PATCH":
            self._precondition(request)
            self._patch(path, body)
        elif request.method == "POST" and "/Actions/" in path:
            status, headers = await self._act(path, body)
        elif request.method == "POST" and path.endswith("/Trusted"):
            self._add_certificate(path, body)
        else:
            raise BmcFault(405, "The method is not allowed.")
        self._version = next(self._versions)
        return status, {}, headers

    @property
    def _etag(self) -> str:
        return f'W/"{self._version}"' if "etag" in self.quirks else f'"{self._version}"'

    def _precondition(self, request: web.BaseRequest) -> None:
        given = request.headers.get("If-Match")
        wanted = str(self._version) if "etag" in self.quirks else self._etag
        if given != wanted and (given or "patch_media" in self.quirks):
            raise BmcFault(412, "The ETag supplied did not match the ETag of the resource.")

    # --- documents ------------------------------------------------------------------------------------------

    def _documents(self) -> dict[str, dict[str, Any]]:
        documents: dict[str, dict[str, Any]] = {
            ROOT: {"@odata.type": "#ServiceRoot", "Systems": _link(f"{ROOT}/Systems")},
            **self._tasks,
        }
        self._collect(documents, f"{ROOT}/Systems", [system.path for system in self.systems])
        for system in self.systems:
            self._system(documents, system)
        return {path: {"@odata.id": path, **document} for path, document in documents.items()}

    @staticmethod
    def _collect(documents: dict[str, dict[str, Any]], path: str, members: Sequence[str]) -> None:
        """A collection, two members a page."""
        for start in range(0, max(1, len(members)), 2):
            page = path if start == 0 else f"{path}/page-{start}"
            shown = [_link(member) for member in members[start : start + 2]]
            documents[page] = {"@odata.type": "#Collection", "Members": shown}
            if start + 2 < len(members):
                documents[page]["Members@odata.nextLink"] = f"{path}/page-{start + 2}"

    def _system(self, documents: dict[str, dict[str, Any]], system: BmcSystem) -> None:
        manager = f"{MANAGER}-{system.name}"
        in_system = "systems_media" in self.quirks
        media = f"{system.path if in_system else manager}/Media"
        nics = [f"{system.path}/Interfaces/if-{number}" for number in range(len(system.macs))]
        settings = f"{system.path}/Pending"
        documents[system.path] = {
            "@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem",
            "Id": system.name,
            "UUID": system.uuid.upper(),
            "Manufacturer": system.manufacturer,
            "Model": system.model,
            "PowerState": system.look(),
            "Boot": self._boot_options(system),
            "EthernetInterfaces": _link(f"{system.path}/Interfaces"),
            "Processors": _link(f"{system.path}/Cores"),
            "Links": {"ManagedBy": [_link(manager)]},
            "Actions": {"#ComputerSystem.Reset": self._reset_action(documents, system)},
            **({"VirtualMedia": _link(media)} if in_system else {}),
        }
        if "settings" in self.quirks:
            documents[system.path]["@Redfish.Settings"] = {"SettingsObject": _link(settings)}
            # the system shows them as well, and refuses to be written to
            boot = self._boot_options(system)
            documents[settings] = {"@odata.type": "#ComputerSystem.v1_20_0.ComputerSystem", "Boot": boot}
        documents[manager] = {
            "@odata.type": "#Manager",
            "Links": {"ManagerForServers": [_link(system.path)]},
            **({} if in_system else {"VirtualMedia": _link(media)}),
        }
        if system.attributes:
            # the first has others, as there
            sets = {f"{manager}/Own/set-0": {"SystemInfo.1.Lab": "x"}, f"{manager}/Own/set-1": system.attributes}
            documents[manager]["Links"]["Oem"] = {"Dell": {"DellAttributes": [_link(path) for path in sets]}}
            for path, values in sets.items():
                documents[path] = {"@odata.type": "#DellAttributes", "Attributes": values}
        self._collect(documents, f"{system.path}/Interfaces", nics)
        for path, mac in zip(nics, system.macs):
            documents[path] = {"@odata.type": "#EthernetInterface", "MACAddress": mac.upper()}
        self._processors(documents, system)
        self._collect(documents, media, [f"{media}/{drive.name}" for drive in system.drives])
        for drive in system.drives:
            path = f"{media}/{drive.name}"
            documents[path] = self._drive(drive, path)
            if "verify_certificate" in self.quirks:
                documents[path].update(VerifyCertificate=drive.verifies, Certificates=_link(f"{path}/Trusted"))
                held = [f"{path}/Trusted/{number}" for number in range(len(drive.certificates))]
                self._collect(documents, f"{path}/Trusted", held)
                for one, certificate in zip(held, drive.certificates):
                    documents[one] = {"@odata.type": "#Certificate", "CertificateString": certificate}

    @staticmethod
    def _processors(documents: dict[str, dict[str, Any]], system: BmcSystem) -> None:
        paths = [f"{system.path}/Cores/p-0"] if system.processors else []
        Bmc._collect(documents, f"{system.path}/Cores", paths)
        architecture, instructions = _INSTRUCTIONS[system.architecture]
        for path in paths:
            documents[path] = {
                "@odata.type": "#Processor",
                "ProcessorType": "CPU",
                "ProcessorArchitecture": architecture,
                "InstructionSet": instructions,
            }

    def _boot_options(self, system: BmcSystem) -> dict[str, Any]:
        options: dict[str, Any] = {
            "BootSourceOverrideEnabled": system.enabled,
            "BootSourceOverrideTarget": system.target,
            "BootSourceOverrideTarget@Redfish.AllowableValues": system.targets,
        }
        if "no_mode" not in self.quirks:
            options["BootSourceOverrideMode"] = system.mode
            options["BootSourceOverrideMode@Redfish.AllowableValues"] = ["Legacy", "UEFI"]
        return options

    @property
    def _reset_types(self) -> list[str]:
        return ["On", "ForceRestart"] if "no_force_off" in self.quirks else ["On", "ForceOff", "ForceRestart"]

    def _reset_action(self, documents: dict[str, dict[str, Any]], system: BmcSystem) -> dict[str, Any]:
        action: dict[str, Any] = {"target": f"{system.path}/Actions/ComputerSystem.Reset"}
        if "action_info" not in self.quirks:
            return {**action, "ResetType@Redfish.AllowableValues": self._reset_types}
        path = f"{system.path}/ResetInfo"
        parameters = [{"Name": "ResetType", "Required": True, "AllowableValues": self._reset_types}]
        documents[path] = {"@odata.type": "#ActionInfo", "Parameters": parameters}
        return {**action, "@Redfish.ActionInfo": path}

    def _drive(self, drive: Drive, path: str) -> dict[str, Any]:
        document: dict[str, Any] = {
            "@odata.type": "#VirtualMedia",
            "Id": drive.name,
            "MediaTypes": list(drive.media_types),
            "Image": drive.image or None,
            "ImageName": drive.image.rpartition("/")[2] or drive.stale or None,
            "Inserted": bool(drive.image),
            "ConnectedVia": "URI" if drive.image else "NotConnected",
        }
        if "stale_image" in self.quirks:
            del document["Inserted"]
            document["Image"] = None
        if "patch_media" not in self.quirks:
            document["Actions"] = {
                f"#VirtualMedia.{name}": {"target": f"{path}/Actions/VirtualMedia.{name}"}
                for name in ("InsertMedia", "EjectMedia")
            }
        return document

    # --- changes --------------------------------------------------------------------------------------------

    def _patch(self, path: str, body: Any) -> None:
        for system in self.systems:
            if path == system.path and "settings" in self.quirks:
                raise BmcFault(
                    400,
                    "Support of this operation is moved to the FutureState URI.",
                    "Ami.1.0.OperationSupportedInFutureStateURI",
                )
            if path in (system.path, f"{system.path}/Pending"):
                return self._patch_boot(system, body["Boot"])
            if path == f"{MANAGER}-{system.name}/Own/set-1" and system.attributes:
                return system.attributes.update(body["Attributes"])
            for drive in system.drives:
                if path.endswith(f"/{drive.name}") and "patch_media" in self.quirks:
                    return self._patch_drive(system, drive, body)
                if path.endswith(f"/{drive.name}") and "verify_certificate" in self.quirks:
                    drive.verifies = body["VerifyCertificate"]
                    return None
        raise BmcFault(405, "The resource cannot be changed.")

    def _add_certificate(self, path: str, body: Any) -> None:
        drive = next(drive for system in self.systems for drive in system.drives if f"/{drive.name}/" in path)
        if body["CertificateType"] != "PEM":
            raise BmcFault(400, "Only PEM is supported.")
        drive.certificates.append(body["CertificateString"])

    def _patch_boot(self, system: BmcSystem, boot: dict[str, Any]) -> None:
        mode = boot.get("BootSourceOverrideMode")
        if mode and self.quirks & {"no_mode", "mode_read_only"}:
            raise BmcFault(400, "The property is read-only.", "Base.1.4.PropertyNotWritable", "BootSourceOverrideMode")
        enabled = boot.get("BootSourceOverrideEnabled", system.enabled)
        if "clear_wants_mode" in self.quirks and enabled == "Disabled" and not mode:
            raise BmcFault(400, "The property BootSourceOverrideMode is a required property.")
        if "clear_ignored" in self.quirks and "BootSourceOverrideTarget" not in boot:
            if not mode:
                raise BmcFault(400, "Missing the BootSourceOverrideTarget and/or BootSourceOverrideMode.")
            return
        target = boot.get("BootSourceOverrideTarget", system.target)
        if target not in system.targets and not ("clear_ignored" in self.quirks and target == "None"):
            raise BmcFault(400, f"The value {target} is not in the list of acceptable values.")
        system.target, system.enabled = target, enabled
        if "continuous" in self.quirks and enabled == "Once":
            system.enabled = "Continuous"
        if mode or "mode_reverts" in self.quirks:
            system.mode = mode or "Legacy"

    def _patch_drive(self, system: BmcSystem, drive: Drive, body: dict[str, Any]) -> None:
        if body.get("Image") and not (body.get("Inserted") is True and "WriteProtected" in body):
            raise BmcFault(400, "The properties Inserted and WriteProtected are required.")
        if not body.get("Image"):
            self._take_out(system, drive)
        drive.image = body.get("Image") or ""

    async def _act(self, path: str, body: Any) -> tuple[int, dict[str, str]]:
        if self.quirks & {"ilo_not_ready", "idrac_not_ready"} and self._not_ready > 0:
            self._not_ready -= 1
            if "ilo_not_ready" in self.quirks:
                raise BmcFault(400, "The operation was not successful.", "iLO.2.14.InvalidOperationForSystemState")
            raise BmcFault(503, "iDRAC is not ready. The configuration values cannot be accessed.", "IDRAC.2.5.SYS518")
        for system in self.systems:
            if path == f"{system.path}/Actions/ComputerSystem.Reset":
                return self._reset(system, body["ResetType"])
            for drive in system.drives:
                # drives of several systems have the same names
                media = system.path if "systems_media" in self.quirks else f"{MANAGER}-{system.name}"
                if path == f"{media}/Media/{drive.name}/Actions/VirtualMedia.InsertMedia":
                    return self._insert(drive, body)
                if path == f"{media}/Media/{drive.name}/Actions/VirtualMedia.EjectMedia":
                    return self._eject(system, drive, body)
        raise BmcFault(404, "The action was not found.")

    def _insert(self, drive: Drive, body: dict[str, Any]) -> tuple[int, dict[str, str]]:
        image = body["Image"]
        if drive.image:
            raise BmcFault(500, "Virtual media are already connected.")
        if drive.name in ("RDOC1", "Remote1", "drive-a"):
            raise BmcFault(400, f"The drive {drive.name} takes no such image.")
        if "image_only" in self.quirks and set(body) & {"Inserted", "WriteProtected"}:
            raise BmcFault(400, "The property Inserted is not in the list of valid properties.")
        if "transfer_protocol" in self.quirks and body.get("TransferProtocolType") != "HTTP":
            arguments = ("VirtualMedia.InsertMedia", "TransferProtocolType")
            raise BmcFault(400, "The action is missing a parameter.", "Base.1.18.ActionParameterMissing", *arguments)
        if "transfer_method" in self.quirks and body.get("TransferMethod") != "Stream":
            raise BmcFault(400, "TransferMethod must be Stream.")
        if "credentials" in self.quirks and not (body.get("UserName") and body.get("Password")):
            raise BmcFault(400, "The action InsertMedia requires the parameter UserName to be present.")
        if "media_in_use" in self.quirks:
            raise BmcFault(400, "Virtual Media is detached or the drive is already in use.", "IDRAC.2.8.VRM0021")
        if "no_dns" in self.quirks and not _is_address(urllib.parse.urlsplit(image).hostname):
            raise BmcFault(400, f"The image {image} cannot be reached.")
        if drive.verifies and not drive.certificates and image.startswith("https:"):
            raise BmcFault(400, "The certificate of the server is not trusted.")
        if "missing" in image and "accepted" not in self.quirks:
            raise BmcFault(400, f"The image {image} cannot be reached.")
        if "accepted" not in self.quirks:
            drive.image = image
            return 204, {}
        task = f"{ROOT}/Jobs/job-{len(self._tasks)}"
        self._tasks[task] = {"@odata.type": "#Task", "TaskState": "Running"}
        self._later(self._finish(task, drive, image))
        return 202, {"Location": task}

    async def _finish(self, task: str, drive: Drive, image: str) -> None:
        await asyncio.sleep(0.3)
        if "missing" in image:
            said = f" ({self.username} {self.password})" if self.repeats_secrets else ""
            self._tasks[task].update(TaskState="Exception", Messages=[{"Message": f"The image was not found.{said}"}])
        else:
            self._tasks[task].update(TaskState="Completed")
            drive.image = image

    @staticmethod
    def _take_out(system: BmcSystem, drive: Drive) -> None:
        if drive.image and system.on_eject is not None:
            system.on_eject(drive.image)
        drive.image = ""

    def _eject(self, system: BmcSystem, drive: Drive, body: Any) -> tuple[int, dict[str, str]]:
        if "eject_body" in self.quirks and body is None:
            raise BmcFault(415, "The media type is not supported.")
        if "stale_image" in self.quirks:
            drive.stale = drive.image.rpartition("/")[2]
        self._take_out(system, drive)
        return 204, {}

    def _reset(self, system: BmcSystem, kind: str) -> tuple[int, dict[str, str]]:
        if kind not in self._reset_types:
            raise BmcFault(400, f"The value {kind} for the parameter ResetType is not supported.")
        if kind == "On" and system.look() == "On":
            raise BmcFault(409, "The system is on already.")
        self._later(self._switch(system, kind))
        return 204, {}

    async def _switch(self, system: BmcSystem, kind: str) -> None:
        await asyncio.sleep(system.power_delay)
        if kind != "On":
            system.power = "Off"
            if system.on_off is not None:
                await system.on_off()
        if kind == "ForceOff":
            return
        target, own = system.target, system.attributes.get("ServerBoot.1.FirstBootDevice")
        if own not in (None, "Normal"):
            target, system.attributes["ServerBoot.1.FirstBootDevice"] = own, "Normal"
        boot = Boot(target, self._boot_image(system, target), system.mode, system.enabled)
        if system.enabled == "Once":
            system.target, system.enabled = "None", "Disabled"
        system.boots.append(boot)
        if system.on_boot is not None:
            await system.on_boot(boot)
        system.power = "On"

    def _boot_image(self, system: BmcSystem, target: str) -> str:
        """What is booted from a virtual drive; some boards boot it only by one of the names."""
        works = {"Cd", "UsbCd"}
        if self.quirks & {"usb_cd", "grace_disk"}:
            works = {"UsbCd"}
        elif "virtual_cd" in self.quirks:
            works = {"VCD-DVD"}
        elif "grace_cd" in self.quirks:
            works = {"Cd"}
        return next(iter(system.images), "") if target in works else ""

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)


def _is_address(host: str | None) -> bool:
    try:
        ipaddress.ip_address(host or "")
    except ValueError:
        return False
    return True


def _link(path: str) -> dict[str, str]:
    return {"@odata.id": path}


__all__ = ("QUIRKS", "Bmc", "BmcRequest", "BmcSystem", "Boot", "Drive")
