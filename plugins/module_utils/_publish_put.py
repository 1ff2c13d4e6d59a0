# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish by PUT (WebDAV): a temporary name and MOVE where the server has it, else one PUT of checked bytes.

Private to the collection.
"""

from __future__ import annotations

import contextlib
import posixpath
import secrets
import tempfile
import threading

from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Artifact
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Digest
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import address_below
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import Transfer
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_folder import DiskSpace
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_source import Content
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_source import Sources
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import CHUNK_SIZE
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import TransferError


class PutTarget:
    """A WebDAV folder. ``reader`` and ``read_url`` are how the published files are seen by those who fetch them."""

    def __init__(
        self,
        put_url: str,
        sources: Sources,
        space: DiskSpace,
        *,
        writer: Client,
        reader: Client,
        read_url: str,
        spool_directory: str,
    ) -> None:
        self._put_url = put_url
        self._sources = sources
        self._space = space
        self._writer = writer
        self._reader = reader
        self._read_url = read_url
        self._spool_directory = spool_directory
        self._lock = threading.Lock()
        self._folders: set[str] = set()
        self._moves: bool | None = None

    def find(self, artifact: Artifact) -> Digest | None:
        """What is served under the artifact's name now; all of it is read, for a size proves nothing."""
        url = address_below(self._read_url, artifact.name)
        digest = Digest(artifact.algorithm)
        try:
            with self._reader.request("GET", url) as response:
                for chunk in self._reader.read(response):
                    digest.update(chunk)
        except TransferError as exc:
            if 400 <= exc.status < 500:
                return None
            raise OperationError(
                f"{artifact.name}: asking for {url} failed: {exc.reason}.",
                "Give the CA that signed it as ca_path." if exc.untrusted else "Check that the web server runs.",
            ) from exc
        return digest

    def store(self, artifact: Artifact, transfer: Transfer) -> Digest:
        try:
            self._make_folders(artifact.name)
            if self._can_move():
                with self._sources.open(artifact) as content:
                    if content.size is not None:
                        return self._put_and_move(artifact, content, transfer)
            return self._put_spooled(artifact, transfer)
        except TransferError as exc:
            url = address_below(self._put_url, artifact.name)
            raise OperationError(
                f"{artifact.name}: uploading to {url} failed: {exc.reason}.", _upload_hint(exc)
            ) from exc

    def _put_and_move(self, artifact: Artifact, content: Content, transfer: Transfer) -> Digest:
        url = address_below(self._put_url, artifact.name)
        part = address_below(self._put_url, f"{artifact.name}.{secrets.token_hex(8)}.part")
        digest = Digest(artifact.algorithm)
        try:
            self._writer.put(part, self._sources.checked(artifact, content, digest, transfer), content.size or 0)
            self._writer.request("MOVE", part, {"Destination": url, "Overwrite": "T"}).close()
        except (OperationError, TransferError):
            with contextlib.suppress(TransferError):  # the first error is the one to tell
                self._writer.request("DELETE", part).close()
            raise
        return digest

    def _put_spooled(self, artifact: Artifact, transfer: Transfer) -> Digest:
        digest = Digest(artifact.algorithm)
        with tempfile.TemporaryFile(dir=self._spool_directory) as spool:
            with self._sources.open(artifact) as content:
                transfer.total = content.size
                self._space.claim(artifact, self._spool_directory, transfer)
                try:
                    for chunk in self._sources.checked(artifact, content, digest, transfer):
                        spool.write(chunk)
                    spool.flush()
                except OSError as exc:
                    raise OperationError(
                        f"{artifact.name}: keeping it in {self._spool_directory} on the way to the server failed: "
                        f"{exc.strerror}.",
                        "Free some space there and run again.",
                    ) from exc
            spool.seek(0)
            pieces = iter(lambda: spool.read(CHUNK_SIZE), b"")
            self._writer.put(address_below(self._put_url, artifact.name), pieces, digest.size)
        return digest

    def _make_folders(self, name: str) -> None:
        folder = ""
        for part in posixpath.dirname(name).split("/"):
            folder = f"{folder}{part}/"
            with self._lock:
                if not part or folder in self._folders:
                    continue
                self._folders.add(folder)
                try:
                    self._writer.request("MKCOL", address_below(self._put_url, folder)).close()
                except TransferError as exc:
                    # A folder that exists, or a server that makes folders by itself, refuses as well: PUT will tell.
                    if exc.status in (0, 401):
                        self._folders.discard(folder)
                        raise

    def _can_move(self) -> bool:
        """Servers hide MOVE from OPTIONS, so move something that is not there: 404 means that MOVE is understood."""
        with self._lock:
            if self._moves is None:
                absent = address_below(self._put_url, f"{secrets.token_hex(8)}.part")
                try:
                    self._writer.request("MOVE", absent, {"Destination": absent + "2", "Overwrite": "F"}).close()
                    self._moves = True
                except TransferError as exc:
                    if exc.status in (0, 401):
                        raise
                    self._moves = exc.status in (404, 409, 412)
            return self._moves


def _upload_hint(exc: TransferError) -> str:
    if exc.untrusted:
        return "Give the CA that signed it as ca_path."
    if exc.status in (401, 403):
        return "Check username and password, or token, and that this user may write there."
    if exc.status in (404, 405, 409, 501):
        return "The server must allow PUT there, and MKCOL or folders that exist; check put_url."
    if exc.status == 413:
        return "The server refuses files of this size (nginx: client_max_body_size)."
    if exc.status in (500, 507):
        return "Look at the server's log: its disk may be full."
    return "Check that the server runs and look at its log."


__all__ = ("PutTarget",)
