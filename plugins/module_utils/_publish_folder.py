# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish into a folder of this host: nothing has its final name before it is right. Private to the collection."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import os
import shutil
import tempfile
import threading
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Artifact
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Digest
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import Transfer
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import readable_size
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_source import Sources
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import CHUNK_SIZE


class DiskSpace:
    """Refuses what will not fit, before its first byte; counts what other transfers still have to write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._claims: list[Transfer] = []

    def claim(self, artifact: Artifact, folder: str, transfer: Transfer) -> None:
        with self._lock:
            free = shutil.disk_usage(folder).free - sum(claim.missing for claim in self._claims if claim.running)
            if transfer.missing > free:
                raise OperationError(
                    f"{artifact.name}: {folder} has {readable_size(max(0, free))} free, and "
                    f"{readable_size(transfer.missing)} are needed.",
                    "Free some space there and run again.",
                )
            self._claims.append(transfer)


class FolderTarget:
    """The published folder of this host."""

    def __init__(self, directory: str, sources: Sources, space: DiskSpace) -> None:
        self._directory = directory
        self._sources = sources
        self._space = space

    def find(self, artifact: Artifact) -> Digest | None:
        """What lies under the artifact's name now."""
        path = self._path(artifact)
        digest = Digest(artifact.algorithm)
        try:
            with open(path, "rb") as published:
                while True:
                    chunk = published.read(CHUNK_SIZE)
                    if not chunk:
                        return digest
                    digest.update(chunk)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise _file_error(artifact, f"reading {path}", exc) from exc

    def store(self, artifact: Artifact, transfer: Transfer) -> Digest:
        path = self._path(artifact)
        digest = Digest(artifact.algorithm)
        with self._sources.open(artifact) as content:
            try:
                _make_folders(os.path.dirname(path))
                transfer.total = content.size
                self._space.claim(artifact, os.path.dirname(path), transfer)
                with _unfinished(path) as part:
                    for chunk in self._sources.checked(artifact, content, digest, transfer):
                        part.write(chunk)
                    part.flush()
                    os.fchmod(part.fileno(), 0o644)
                    os.fsync(part.fileno())
                    os.replace(part.name, path)
                _sync_folder(os.path.dirname(path))
            except OSError as exc:
                raise _file_error(artifact, f"writing {path}", exc) from exc
        return digest

    def _path(self, artifact: Artifact) -> str:
        return os.path.join(self._directory, artifact.name)


@contextlib.contextmanager
def _unfinished(path: str) -> t.Iterator[t.Any]:
    """A private file beside ``path``, made there so that it takes the folder's SELinux type; gone at the end.

    Its lock says that its writer lives. What a killed run left has none, and is removed.
    """
    folder, name = os.path.split(path)
    for left in glob.glob(os.path.join(glob.escape(folder), f".{glob.escape(name)}.*.part")):
        _remove_if_left(left)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{name}.", suffix=".part", delete=False) as part:
        try:
            with contextlib.suppress(OSError):  # a file system without locks: then nothing of it is ever tidied up
                fcntl.flock(part, fcntl.LOCK_EX)
            yield part
        finally:
            with contextlib.suppress(FileNotFoundError):  # it has got its final name
                os.unlink(part.name)


def _remove_if_left(path: str) -> None:
    with contextlib.suppress(OSError), open(path, "rb") as part:  # locked, gone or another user's: not ours to remove
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


def _make_folders(folder: str) -> None:
    """Like makedirs, but every folder that it makes is 0755 whatever the umask: the web server must enter it."""
    if os.path.isdir(folder):
        return
    _make_folders(os.path.dirname(folder))
    with contextlib.suppress(FileExistsError):  # another artifact's thread was faster
        os.mkdir(folder)
        os.chmod(folder, 0o755)


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_error(artifact: Artifact, action: str, exc: OSError) -> OperationError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return OperationError(
            f"{artifact.name}: {action} failed: the disk is full ({exc.strerror}).", "Free some space and run again."
        )
    if exc.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = "Run the task as a user who may do that (become), or correct directory."
        return OperationError(f"{artifact.name}: {action} failed: {exc.strerror}.", hint)
    return OperationError(f"{artifact.name}: {action} failed: {exc.strerror or exc}.")


__all__ = ("DiskSpace", "FolderTarget")
