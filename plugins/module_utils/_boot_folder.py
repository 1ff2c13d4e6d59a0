# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boot files on the disk of the web or TFTP host. Private to the collection."""

from __future__ import annotations

import os
import re
import tempfile
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Folders

_MAC = r"[0-9a-f]{2}(-[0-9a-f]{2}){5}"
# Ours are far smaller; of a foreign one only the first line is shown.
_READ_LIMIT = 65536


def check_tftp_folders(folders: Folders) -> None:
    """The TFTP server's folders are the site's: one that does not exist is a mistake, not ours to make."""
    for option, folder in (("grub_directory", folders.grub), ("tftp_directory", folders.tftp)):
        if folder and not os.path.isdir(folder):
            raise OperationError(
                f"{option} {folder} does not exist on this host.",
                "Name the folder that the TFTP server serves, on the host that runs it.",
            )


def read_boot_files(folders: Folders) -> dict[str, str]:
    """Path and text of every boot file of a MAC that lies in the folders, whoever's it is."""
    found = {}
    for _loader, folder, pattern in folders.boot_folders():
        name_pattern = re.compile(re.escape(pattern).replace(re.escape("{mac}"), _MAC))
        try:
            names = os.listdir(folder)
        except FileNotFoundError:
            continue
        except OSError as exc:
            raise OperationError(f"The folder {folder} cannot be read: {exc.strerror}.") from exc
        paths = [os.path.join(folder, name) for name in sorted(names) if name_pattern.fullmatch(name)]
        found.update(read_files(paths))
    return found


def read_files(paths: t.Iterable[str]) -> dict[str, str]:
    """Path and text of those files that exist."""
    return {path: _read(path) for path in paths if os.path.lexists(path)}


def file_diff(path: str, before: str, after: str) -> dict[str, str]:
    """What Ansible shows of a file in diff mode; an empty text where there is none."""
    return {"before_header": path, "after_header": path, "before": before, "after": after}


def write_file(path: str, content: str | bytes) -> None:
    """Replace the file in one step, readable to everyone, as the servers run under users of their own."""
    folder = os.path.dirname(path)
    try:
        _make_folder(folder)
        # In the target folder, so that the file takes that folder's SELinux type.
        handle, temporary = tempfile.mkstemp(prefix=".multiarch-", dir=folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content if isinstance(content, bytes) else content.encode("ascii"))
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as exc:
        raise OperationError(f"The boot file {path} cannot be written: {exc.strerror}.") from exc


def remove_file(path: str) -> None:
    """Remove a boot file; one that went in the meantime is no error."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise OperationError(
            f"The boot file {path} cannot be removed: {exc.strerror}.",
            "Remove it by hand: as long as it lies there, the machine may install again.",
        ) from exc


def _make_folder(folder: str) -> None:
    if os.path.isdir(folder):
        return
    _make_folder(os.path.dirname(folder))
    os.mkdir(folder)
    # Whatever the umask: the servers have to get through.
    os.chmod(folder, 0o755)


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_READ_LIMIT).decode("utf-8", "replace")
    except (FileNotFoundError, IsADirectoryError):
        # A broken link or a folder of that name: it has no marker, so it is the site's.
        return ""
    except OSError as exc:
        raise OperationError(f"The file {path} cannot be read: {exc.strerror}.") from exc


__all__ = ("check_tftp_folders", "file_diff", "read_boot_files", "read_files", "remove_file", "write_file")
