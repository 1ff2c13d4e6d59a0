# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of what a run uses at a site beside its web server: TFTP, uploads, the maker of ISOs.

Private to the collection. What has to be asked and what the answers mean; nothing is asked here but the upload target.
"""

from __future__ import annotations

import secrets
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import address_below
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import FAIL
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import OK
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import WARN
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import Finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import some
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import readable_size
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import takes_uploads
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import TransferError

Facts = t.Mapping[str, t.Any]
Machines = t.Sequence[t.Mapping[str, t.Any]]

# A plain file server knows no OPTIONS, and has no page for a folder; a file that is not there is asked for next
NO_OPTIONS = (400, 403, 404, 405, 501)
NO_SUCH_FILE = (404, 405, 410, 501)


# -- TFTP --------------------------------------------------------------------------------------------------------------


def tftp_host(facts: Facts, host: str, copies: t.Sequence[int | None] = ()) -> Finding:
    """Whether boot files can be written there, and firmware gets its loader.

    :param copies: bytes of each boot artifact that will be copied there; None where they are not known
    """
    check = "tftp_host"
    folders, wanted, address = facts["directories"], facts["loaders"], facts["address"]
    absent = [path for path, folder in folders.items() if not folder["exists"]]
    if absent:
        return finding(
            check,
            FAIL,
            f"{some(absent)} does not exist on {host}.",
            "Correct netboot_tftp_directory or netboot_grub_directory: the folders that the TFTP server serves.",
        )
    locked = [path for path, folder in folders.items() if not folder["writable"]]
    if locked:
        return finding(
            check,
            FAIL,
            f"{some(locked)} on {host} cannot be written to by Ansible's user.",
            "Give it to that user, or set ansible_become for that host.",
        )
    needed, room = sum(size or 0 for size in copies), facts["room"]
    if needed and room and room["free"] is not None and needed > room["free"]:
        return finding(
            check,
            FAIL,
            f"The TFTP server's folder on {host} has {readable_size(room['free'])} free, the kernels and initramfs"
            f" that are copied there need {readable_size(needed)}.",
            "Make room, or let netboot_tftp_directory lie on another file system.",
        )
    where = some(folders)
    if not wanted:
        return finding(check, OK, f"{where} on {host} is there.")
    if not facts["loader"]:
        return finding(
            check,
            WARN,
            f"No boot loader lies in {where} on {host}: {some(wanted)}.",
            "Firmware that boots by TFTP has nothing to load, unless netboot_boot_loaders has the run lay it there.",
        )
    if facts["state"] == "same":
        return finding(check, OK, f"{where} is there, and {host} serves {facts['name']} by TFTP.")
    said = {
        "silent": f"No TFTP server answers at {address} port 69 for {facts['loader']} ({facts['detail']}).",
        "refused": f"The TFTP server at {address} does not give {facts['loader']}: {facts['detail']}.",
        "differs": f"The TFTP server at {address} gives other bytes than {facts['loader']} has.",
        "unreadable": f"{facts['loader']} cannot be read by Ansible's user: {facts['detail']}.",
    }
    return finding(
        check,
        WARN,
        said[facts["state"]],
        "Start it (systemctl enable --now tftp.socket), or correct its folder, the file's mode or netboot_tftp_address."
        " Of no matter where machines load GRUB by HTTP.",
    )


# -- ISOs --------------------------------------------------------------------------------------------------------------


def customised(machines: Machines) -> list[str]:
    """Names of the machines for which an ISO is made."""
    return [
        machine["name"]
        for machine in machines
        if machine["boot_method"] == "iso" and machine.get("iso_install") != "by_hand"
    ]


def iso_installer(facts: Facts | None, machines: t.Sequence[str], host: str) -> Finding:
    """Whether ISOs can be made; if not, these machines fail and the others go on.

    :param facts: None where the program did not end in time
    """
    check = "iso_installer"
    if facts is None:
        return finding(check, WARN, f"coreos-installer on {host} did not say its version in time.")
    if facts["problem"]:
        return finding(check, FAIL, f"On {host}: {facts['problem']}", facts["hint"], machines=machines)
    return finding(check, OK, f"On {host}: {facts['said']}.")


# -- uploads -----------------------------------------------------------------------------------------------------------


def uploads(machines: Machines) -> bool:
    """Whether anything is sent by PUT for these machines, where there is a server for that."""
    return any(map(takes_uploads, machines))


def upload_target(put_url: str, connect: t.Callable[[], Client]) -> Finding:
    """Whether the server that takes uploads answers, and knows the credentials. Nothing is written.

    :param connect: a client with the credentials of the run
    """
    check = "upload"
    try:
        client = connect()
        allowed = _asked(client, put_url)
    except OperationError as error:
        return finding(check, FAIL, error.message, error.hint)
    except TransferError as error:
        to_do = "Check that it runs, its address, and the way there."
        if error.untrusted:
            to_do = "Give the CA that signed it as publish_ca_path."
        elif error.status in (401, 403):
            to_do = "Check publish_username and publish_password, or publish_token."
        elif error.status:
            to_do = "Correct publish_put_url, or look at the server's log."
        return finding(check, FAIL, f"Asking {put_url} failed: {error.reason}.", to_do)
    return finding(check, OK, f"{put_url} answers{allowed}; whether it takes files shows when they are sent.")


def _asked(client: Client, put_url: str) -> str:
    """What a question that changes nothing tells.

    :raises TransferError: it was refused, or not answered
    """
    try:
        client.request("OPTIONS", address_below(put_url, "")).close()
        return ", and takes the credentials"
    except TransferError as error:
        if error.status not in NO_OPTIONS:
            raise
    try:
        client.request("HEAD", address_below(put_url, f"{secrets.token_hex(8)}.part")).close()
    except TransferError as error:
        if error.status not in NO_SUCH_FILE:
            raise
    return ""


__all__ = (
    "customised",
    "iso_installer",
    "tftp_host",
    "upload_target",
    "uploads",
)
