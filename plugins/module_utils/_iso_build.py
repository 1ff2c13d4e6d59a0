# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Customised ISOs on the disk: made by coreos-installer, at once or not at all. Private to the collection."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._customization import TRUST_SCRIPT
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import Customization
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._iso import read_iso

FIRST_VERSION = (0, 12, 0)
"""The first coreos-installer with `iso customize`."""

_VERSION = re.compile(r"coreos-installer (\d+)\.(\d+)\.(\d+)")
_CHUNK = 1024 * 1024
_WORK = ".multiarch-iso-"
# Seconds; nothing that still goes on takes that long.
_ABANDONED = 6 * 3600
_BACKTRACES = {"RUST_BACKTRACE": "0", "RUST_LIB_BACKTRACE": "0"}


class Installer:
    """The real coreos-installer, as a program or through a container engine."""

    def __init__(self, command: t.Sequence[str]) -> None:
        self._command = list(command)

    def check_version(self, seconds: float | None = None) -> str:
        """What it calls itself, where it is there and new enough.

        :raises OperationError: it is not
        :raises subprocess.TimeoutExpired: it did not end within these seconds
        """
        said = self._run("--version", seconds=seconds)
        found = _VERSION.search(said)
        if not found or tuple(int(number) for number in found.groups()) < FIRST_VERSION:
            first = ".".join(str(number) for number in FIRST_VERSION)
            raise OperationError(
                f"{' '.join(self._command)} calls itself {said.strip()!r};"
                f" ISOs are customised by coreos-installer {first} and later.",
                _INSTALL,
            )
        return said.strip()

    def customize(self, base: str, wanted: Customization, *, folder: str, output: str) -> None:
        """Write a customised copy of the base ISO.

        :param folder: where what goes in can be written meanwhile
        :raises OperationError: with the program's own words
        """
        config = _written(folder, "install.yaml", wanted.installer_config)
        arguments = ["--installer-config", config]
        if wanted.certificate_authority:
            arguments += ["--live-ignition", _written(folder, "trust.ign", wanted.live_config)]
            arguments += ["--pre-install", _written(folder, "trust", TRUST_SCRIPT)]
        for name, text in wanted.keyfiles.items():
            arguments += ["--network-keyfile", _written(folder, name, text)]
        for argument in wanted.live_arguments:
            arguments += ["--live-karg-append", argument]
        self._run("iso", "customize", *arguments, "--output", output, base)

    def _run(self, *arguments: str, seconds: float | None = None) -> str:
        command = [*self._command, *arguments]
        try:
            # run_command of Ansible knows no limit of time
            done = subprocess.run(  # pylint: disable=ansible-bad-function
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                env={**os.environ, **_BACKTRACES},
                timeout=seconds,
            )
        except OSError as exc:
            raise OperationError(f"{command[0]} cannot be run here: {exc.strerror}.", _INSTALL) from None
        if done.returncode:
            said = " ".join(done.stderr.decode(errors="replace").split("Stack backtrace")[0].split())
            raise OperationError(
                f"{' '.join([*self._command, *arguments[:2]])} ended with {done.returncode}: {said[-1000:]}"
            )
        return done.stdout.decode(errors="replace")


_INSTALL = (
    "Install it (dnf install coreos-installer), or set prepare_iso_command to run it through podman (docs/iso.md)."
)


def lying_sha256(path: str) -> str | None:
    """The hash of an ISO that lies there whole; None where there is none, or not the one that was written."""
    try:
        with open(f"{path}.sha256", encoding="ascii") as file:
            wanted = file.read().partition(" ")[0]
        return wanted if _sha256(path) == wanted else None
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    except OSError as exc:
        raise OperationError(f"The ISO {path} cannot be read: {exc.strerror}.") from None


def build_iso(installer: Installer, base: str, wanted: Customization, path: str) -> str:
    """Make the ISO in the folder of its place, and put it there when it is whole. Returns its hash.

    :raises OperationError: it could not be made
    """
    work, folder = "", os.path.dirname(path)
    try:
        os.makedirs(folder, mode=0o755, exist_ok=True)
        # in the same folder: of its file system, and of the type that SELinux gives to published files
        _remove_abandoned(folder)
        work = tempfile.mkdtemp(prefix=_WORK, dir=folder)
        output = os.path.join(work, "new.iso")
        installer.customize(base, wanted, folder=work, output=output)
        if not read_iso(output).customized:
            raise OperationError(f"{base} is as it was after it was customised.", "Look at coreos-installer's version.")
        os.chmod(output, 0o644)  # the web server must read it
        sha256 = _sha256(output)
        checksum = _written(work, "sha256", f"{sha256}  {os.path.basename(path)}\n")
        os.chmod(checksum, 0o644)
        os.replace(checksum, f"{path}.sha256")
        os.replace(output, path)
        return sha256
    except OSError as exc:
        raise OperationError(f"The ISO {path} cannot be written: {exc.strerror}.") from None
    finally:
        if work:
            shutil.rmtree(work, ignore_errors=True)


def _remove_abandoned(folder: str) -> None:
    """What killed runs have left: each is as large as an ISO."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if name.startswith(_WORK) and os.stat(path).st_mtime < time.time() - _ABANDONED:
            shutil.rmtree(path, ignore_errors=True)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _written(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


__all__ = ("FIRST_VERSION", "Installer", "build_iso", "lying_sha256")
