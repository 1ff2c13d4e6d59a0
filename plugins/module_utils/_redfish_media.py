# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual media of a system: what lies in its drives, insert, eject. Private to the collection."""

from __future__ import annotations

import ipaddress
import posixpath
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import System
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import optional_members
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Json
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import Refused
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import link
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import links
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import wait_for
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import words
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_idrac import check_attached
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import INSERT_LADDER
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_quirks import passed_over

_OPTICAL = {"CD", "DVD"}
_HELD = "close consoles and sessions that hold virtual media; stuck ones may need a reset of the BMC"
_TASK_FAILED = ("Exception", "Killed", "Cancelled", "Interrupted")
# Answers that mean `not this way here`; the next drive may take it.
_TRY_NEXT = (400, 404, 405, 409, 422, 500, 501)


class Drive:
    """A virtual drive that takes images of CDs."""

    def __init__(self, system: System, answer: Answer) -> None:
        self._system = system
        self._client = system.client
        self._answer = answer
        self.path = str(answer.body.get("@odata.id") or "")

    @property
    def body(self) -> Json:
        return self._answer.body

    @property
    def name(self) -> str:
        return str(self.body.get("Id") or posixpath.basename(self.path.rstrip("/")))

    @property
    def image(self) -> str:
        """What lies in it, as far as the BMC says; empty where nothing does."""
        if self.body.get("ConnectedVia") == "NotConnected" or self.body.get("Inserted") is False:
            return ""
        found = str(self.body.get("Image") or self.body.get("ImageName") or "")
        return found or ("an image without a name" if self.body.get("Inserted") else "")

    @property
    def shown(self) -> str:
        """The image as it may be shown: what somebody else has inserted may have a password in its URL."""
        return shown_url(self.image)

    def holds(self, url: str) -> bool:
        """Whether this image lies in it. Some BMCs show the file's name alone, or the URL in another spelling."""
        wanted = urllib.parse.urlsplit(url)
        try:
            shown = urllib.parse.urlsplit(self.image)
        except ValueError:
            return False
        if "/" not in self.image:
            return bool(self.image) and shown.path == posixpath.basename(wanted.path)
        same_host = not shown.hostname or shown.hostname == wanted.hostname
        return same_host and urllib.parse.unquote(shown.path) == urllib.parse.unquote(wanted.path)

    @property
    def usable(self) -> bool:
        return bool(self._action("InsertMedia")) or self._answer.patchable

    @property
    def optical(self) -> bool:
        return bool(_OPTICAL & set(self.body.get("MediaTypes") or []))

    def _action(self, name: str) -> str:
        action = (self.body.get("Actions") or {}).get(f"#VirtualMedia.{name}") or {}
        return str(action.get("target") or "")

    def _refresh(self) -> Drive:
        self._answer = self._client.get(self.path)
        return self

    def insert(self, url: str) -> None:
        """Returns when the BMC shows the image in the drive."""
        answer = self._sent(url)
        task = answer.headers.get("location", "") if answer.status == 202 else ""

        def there() -> bool:
            if self._refresh().holds(url) and self.body.get("Inserted") is not False:
                return True
            self._look_at_task(task, url)
            return False

        if not self._wait(there):
            raise BmcError(
                "bmc_media",
                f"its BMC {self._client.address} took {url} and does not show it in the drive {self.name}",
                f"See that virtual media are attached and licensed, and {_HELD}. {_reach(url)}",
            )

    def trust(self, certificates: t.Sequence[str]) -> str:
        """Lets the drive verify servers by these certificates; a warning where it goes on without.

        :param certificates: in PEM; empty where those will do that it knows
        """
        collection = link(self.body, "Certificates")
        seconds = self._system.limits.setting
        try:
            if certificates and collection:
                held = [answer.body for answer in optional_members(self._client, collection)]
                known = {_bare(str(body.get("CertificateString") or "")) for body in held}
                for certificate in certificates:
                    if _bare(certificate) not in known:
                        wanted = {"CertificateString": certificate, "CertificateType": "PEM"}
                        self._client.post(collection, wanted, seconds=seconds)
                if self._refresh().body.get("VerifyCertificate") is False:
                    verified = {"VerifyCertificate": True}
                    self._client.patch(self.path, verified, etag=self._answer.etag, seconds=seconds)
                    self._refresh()
        except Refused as refused:
            return (
                f"the drive {self.name} of its BMC does not take the certificates of publish_ca_path: {refused.message}"
            )
        if self.body.get("VerifyCertificate") is False:
            return f"the drive {self.name} of its BMC does not verify the certificate of the image's server"
        return ""

    def _sent(self, url: str) -> Answer:
        seconds = self._system.limits.media
        target = self._action("InsertMedia")
        if not target:
            wanted = {"Image": url, "Inserted": True, "WriteProtected": True}
            return self._client.patch(self.path, wanted, etag=self._answer.etag, seconds=seconds)
        payload = {"Image": url}
        while True:
            try:
                return self._client.post(target, dict(payload), seconds=seconds)
            except Refused as refused:
                missing = _missing(refused, url, payload)
                if not missing:
                    raise
                payload.update(missing)

    def _look_at_task(self, task: str, url: str) -> None:
        """A task that failed says why; the drive does not."""
        if not task:
            return
        try:
            body = self._client.get(task).body
        except Refused:
            return  # forgotten as soon as it ended
        if body.get("TaskState") in _TASK_FAILED or body.get("TaskStatus") == "Critical":
            said = " ".join(str(entry.get("Message") or "") for entry in body.get("Messages") or []).strip()
            why = self._client.told(said or words(body)) or "no reason given"
            raise BmcError(
                "bmc_media",
                f"its BMC {self._client.address} could not insert {url}: {why}",
                _reach(url),
            )

    def eject(self) -> None:
        """Returns when the drive is empty."""
        target = self._action("EjectMedia")
        seconds = self._system.limits.media
        try:
            if not target:
                self._client.patch(
                    self.path, {"Image": None, "Inserted": False}, etag=self._answer.etag, seconds=seconds
                )
            else:
                self._post_ejection(target, seconds)
        except Refused:
            if self._refresh().image:
                raise
        if not self._wait(lambda: not self._refresh().image):
            raise BmcError(
                "bmc_media",
                f"its BMC {self._client.address} does not eject {self.shown} from the drive {self.name}",
                "Eject it on the BMC's own page; stuck media may need a reset of the BMC.",
            )

    def _post_ejection(self, target: str, seconds: float) -> None:
        try:
            self._client.post(target, None, seconds=seconds)
        except Refused as refused:
            if refused.status not in (400, 415):
                raise
            self._client.post(target, {}, seconds=seconds)

    def _wait(self, look: t.Callable[[], bool]) -> bool:
        limits = self._system.limits
        return bool(wait_for(look, seconds=limits.media, clock=limits.clock, sleep=limits.sleep))


def shown_url(url: str) -> str:
    """A URL, or another name of an image, without user, password and query."""
    beginning, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if not separator:
        return url
    return f"{beginning}://{host.rpartition('@')[2]}{slash}{path}".partition("?")[0].partition("#")[0]


def _missing(refused: Refused, url: str, payload: t.Mapping[str, str]) -> dict[str, str]:
    """The fields that a refusal asks for and that were not sent yet."""
    for step in INSERT_LADDER:
        fields = step.fields(url)
        if not set(fields) <= set(payload) and any(word in refused.says for word in step.words):
            return fields
    return {}


def _reach(url: str) -> str:
    """What to look at where a BMC does not get an image."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"See that the BMC itself reaches that URL; it may know no DNS, so try an address in place of {host}."
    return "See that the BMC itself reaches that URL."


def _bare(certificate: str) -> str:
    return "".join(certificate.split())


def drives(system: System) -> list[Drive]:
    """The drives for CDs of this system and no other, best first."""
    collections = [link(system.body, "VirtualMedia")]
    for manager in system.managers():
        # the media of a manager of several systems would be another's as well
        if len(links(manager, "Links", "ManagerForServers")) <= 1:
            collections.append(link(manager, "VirtualMedia"))
    found: dict[str, Drive] = {}
    for collection in filter(None, collections):
        for answer in optional_members(system.client, collection):
            drive = Drive(system, answer)
            if drive.path and drive.optical and drive.usable and not passed_over(drive.name):
                found.setdefault(drive.path, drive)
    return list(found.values())


def usable_drives(system: System) -> list[Drive]:
    """The drives, of which there must be one, and the machine must see what lies in it."""
    available = drives(system)
    if not available:
        raise BmcError(
            "bmc_media",
            f"its BMC {system.client.address} has no virtual drive that takes the image of a CD from a URL",
            "Virtual media may need a license, and on OpenBMC a service that is not part of every build; else use"
            " machine_boot_method grub or ipxe.",
        )
    check_attached(system)
    return available


def insert(
    system: System,
    url: str,
    say: t.Callable[[str], None],
    warn: t.Callable[[str], None],
    *,
    certificates: t.Sequence[str] = (),
) -> bool:
    """Leaves this image in one drive and nothing in the others; False where it was so before.

    :param certificates: of authorities that the image's server is verified by
    """
    available = usable_drives(system)
    before = next((drive for drive in available if drive.holds(url)), None)
    for drive in available:
        if drive.image and drive is not before:
            image = drive.shown
            drive.eject()
            say(f"{image} ejected by its BMC")
    if before is not None:
        return False
    _insert_somewhere(available, url, warn, certificates)
    return True


def _insert_somewhere(
    available: t.Sequence[Drive], url: str, warn: t.Callable[[str], None], certificates: t.Sequence[str]
) -> None:
    for last, drive in enumerate(available, 1 - len(available)):
        warning = drive.trust(certificates) if url.startswith("https:") else ""
        try:
            drive.insert(url)
        except Refused as refused:
            if refused.status not in _TRY_NEXT:
                raise
            if last == 0:
                refused.hint = f"The BMC's own words say what it wants. Else {_HELD}. {_reach(url)}"
                raise
            continue
        if warning:
            warn(warning)
        return


__all__ = ("Drive", "drives", "insert", "shown_url", "usable_drives")
