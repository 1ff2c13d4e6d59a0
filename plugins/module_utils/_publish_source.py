# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the bytes come from, and the check that every stream passes. Private to the collection."""

from __future__ import annotations

import contextlib
import gzip
import os
import threading
import typing as t
import zlib

from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Artifact
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Digest
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import Transfer
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import CHUNK_SIZE
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import TransferError


class Unreachable(OperationError):
    """Nobody has answered where a download lies."""


class Content:
    """An opened source. ``size`` is None where the server does not announce it."""

    def __init__(self, chunks: t.Iterator[bytes], size: int | None, content_type: str = "") -> None:
        self.chunks = chunks
        self.size = size
        self.content_type = content_type


class Sources:
    """Opens the sources of artifacts: downloads and files of this host."""

    def __init__(self, downloads: Client, stop: threading.Event) -> None:
        self._downloads = downloads
        self._stop = stop

    def size(self, artifact: Artifact) -> int | None:
        """Asks for the size only.

        :raises Unreachable: nobody answers at its address
        :raises OperationError: the source cannot be had
        """
        if artifact.path:
            if not artifact.readable and not os.path.exists(artifact.path):
                return None
            with self.open(artifact) as content:
                return content.size
        try:
            with self._downloads.request("HEAD", artifact.url) as response:
                length = response.headers.get("Content-Length")
                return int(length) if length and length.isdigit() else None
        except TransferError as exc:
            if exc.status in (405, 501):
                return None
            raise _download_error(artifact, exc) from exc

    @contextlib.contextmanager
    def open(self, artifact: Artifact) -> t.Iterator[Content]:
        if artifact.path:
            with _open_file(artifact) as source:
                if artifact.unpack:
                    yield Content(_unpacked_chunks(artifact, source), None)
                    return
                yield Content(_file_chunks(artifact, source), os.fstat(source.fileno()).st_size)
            return
        try:
            response = self._downloads.request("GET", artifact.url)
        except TransferError as exc:
            raise _download_error(artifact, exc) from exc
        with response:
            content_type = (response.headers.get("Content-Type") or "").partition(";")[0]
            yield Content(self._download_chunks(artifact, response), response.length, content_type)

    def digest(self, artifact: Artifact) -> Digest:
        """Reads it once, for the hash that nobody has given."""
        digest = Digest(artifact.algorithm)
        with self.open(artifact) as content:
            for chunk in content.chunks:
                digest.update(chunk)
        return digest

    def checked(self, artifact: Artifact, content: Content, digest: Digest, transfer: Transfer) -> t.Iterator[bytes]:
        """The content as it comes; raises at its end where the hash is another than was asked for."""
        transfer.total = content.size
        for chunk in content.chunks:
            if self._stop.is_set():
                raise OperationError(f"{artifact.name}: interrupted.")
            digest.update(chunk)
            transfer.done = digest.size
            yield chunk
        if not digest.matches(artifact):
            kind = f" of type {content.content_type}" if content.content_type else ""
            raise OperationError(
                f"{artifact.name}: {artifact.source} has {digest.algorithm} {digest.hex} ({digest.size} bytes{kind}), "
                f"wanted {artifact.digest}; it was not published.",
                "Find out who changed the file at the source, or which proxy answered in its place.",
            )

    def _download_chunks(self, artifact: Artifact, response: t.Any) -> t.Iterator[bytes]:
        try:
            yield from self._downloads.read(response)
        except TransferError as exc:
            raise _download_error(artifact, exc) from exc


def _open_file(artifact: Artifact) -> t.BinaryIO:
    try:
        return open(artifact.path, "rb")
    except OSError as exc:
        raise OperationError(f"{artifact.name}: reading {artifact.path} failed: {exc.strerror}.") from exc


def _file_chunks(artifact: Artifact, source: t.BinaryIO) -> t.Iterator[bytes]:
    while True:
        try:
            chunk = source.read(CHUNK_SIZE)
        except OSError as exc:
            raise OperationError(f"{artifact.name}: reading {artifact.path} failed: {exc.strerror}.") from exc
        if not chunk:
            return
        yield chunk


def _unpacked_chunks(artifact: Artifact, source: t.BinaryIO) -> t.Iterator[bytes]:
    with gzip.GzipFile(fileobj=source) as unpacked:
        while True:
            try:
                chunk = unpacked.read(CHUNK_SIZE)
            except (OSError, EOFError, zlib.error) as exc:
                raise OperationError(f"{artifact.name}: unpacking {artifact.path} failed: {exc}.") from exc
            if not chunk:
                return
            yield chunk


def _download_error(artifact: Artifact, exc: TransferError) -> OperationError:
    kind = OperationError if exc.status or exc.untrusted else Unreachable
    return kind(f"{artifact.name}: downloading {artifact.source} failed: {exc.reason}.", _download_hint(exc))


def _download_hint(exc: TransferError) -> str:
    if exc.untrusted:
        return "Give the CA that signed it as ca_path."
    if exc.status in (401, 403):
        return "Allow this host to read it there, or lay the file in a folder of this host and name that as the source."
    if exc.status in (404, 410):
        return "Check the address; a mirror must hold every file of the release under the same name."
    if exc.status == 407:
        return "The proxy wants credentials: set https_proxy in the environment of the task."
    if exc.status >= 500:
        return "The source is in trouble: look at its log and run again."
    return "Check that this host reaches it (name, firewall, proxy) and run again."


__all__ = ("Content", "Sources", "Unreachable")
