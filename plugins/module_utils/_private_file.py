# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that only their owner may read. Private to the collection."""

from __future__ import annotations

import os
import pathlib
import stat
import tempfile

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError


def ensure_private_directory(path: pathlib.Path) -> None:
    """Make the folder with mode 0700; one that exists must not let others change what is in it.

    :raises OperationError: it cannot be made, or others can write to it
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as exc:
        raise OperationError(f"The folder {path} cannot be made: {exc.strerror}.") from None
    if mode & 0o022:
        raise OperationError(
            f"The folder {path} is no place for ignition: others can write to it (mode {mode:04o}).",
            f"Run `chmod 700 {path}`, or name a folder that does not exist yet.",
        )


def read_private_file(path: pathlib.Path) -> bytes | None:
    """What is in the file; None where there is none, or where it is a link or may be read by others."""
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode) or stat.S_IMODE(state.st_mode) != 0o600:
            return None
        return path.read_bytes()
    except OSError:
        return None


def write_private_file(path: pathlib.Path, content: bytes) -> None:
    """Put the content in place at once, with mode 0600.

    :raises OperationError: it cannot be written
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError as exc:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise OperationError(f"{path} cannot be written: {exc.strerror}.") from None


__all__ = ("ensure_private_directory", "read_private_file", "write_private_file")
