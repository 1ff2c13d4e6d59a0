# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publish artifacts and prove that a GET returns them. Private to the collection."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Artifact
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import Digest
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import address_below
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_format import kernel_format
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import Transfer
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_source import Sources
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_source import Unreachable
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import TransferError

# Up to this size the whole is read back; above it the size is compared, unless asked otherwise.
FULL_VERIFY_SIZE = 1024 * 1024


class Target(t.Protocol):
    """Where artifacts go."""

    def find(self, artifact: Artifact) -> Digest | None: ...

    def store(self, artifact: Artifact, transfer: Transfer) -> Digest: ...


class Outcome:
    """What became of one artifact."""

    def __init__(self, artifact: Artifact, url: str | None) -> None:
        self.artifact = artifact
        self.url = url
        self.action = ""
        self.size: int | None = None
        self.head = b""
        self.problem = ""
        self.warning = ""
        self.decompressed: Outcome | None = None

    @property
    def changed(self) -> bool:
        copied = self.decompressed is not None and self.decompressed.changed
        return copied or self.action in ("published", "would_publish")

    def result(self) -> dict[str, t.Any]:
        entry = {
            "name": self.artifact.name,
            "kind": self.artifact.kind,
            "url": self.url,
            self.artifact.algorithm: self.artifact.digest,
            "size": self.size,
            "action": self.action or "failed",
        }
        if self.artifact.kind == "kernel" and self.head:
            entry["format"] = kernel_format(self.head)
        if self.decompressed:
            entry["decompressed"] = self.decompressed.result()
        return entry


class Verifier:
    """Asks for published artifacts as machines do: through the base URL, without credentials and proxies."""

    def __init__(self, client: Client, base_url: str, *, full: bool) -> None:
        self.base_url = base_url
        self.without_ranges = False
        self._client = client
        self._full = full

    def verify(self, outcome: Outcome) -> None:
        url = address_below(self.base_url, outcome.artifact.name)
        try:
            if self._reads_all(outcome):
                self._compare_content(outcome, url)
            else:
                self._compare_size(outcome, url)
        except TransferError as exc:
            raise OperationError(
                f"{outcome.artifact.name}: it is published, but asking for {url} failed: {exc.reason}.",
                _serve_hint(exc),
            ) from exc

    def _reads_all(self, outcome: Outcome) -> bool:
        if self._full or outcome.artifact.verify == "full":
            return True
        return not outcome.artifact.verify and (outcome.size or 0) <= FULL_VERIFY_SIZE

    def _compare_content(self, outcome: Outcome, url: str) -> None:
        digest = Digest(outcome.artifact.algorithm)
        with self._client.request("GET", url) as response:
            for chunk in self._client.read(response):
                digest.update(chunk)
            self._note_ranges(response)
        if not digest.matches(outcome.artifact):
            raise OperationError(
                f"{outcome.artifact.name}: it is published, but {url} returns other bytes: {digest.algorithm} "
                f"{digest.hex} over {digest.size} bytes, wanted {outcome.artifact.digest} over {outcome.size}.",
                _OTHER_BYTES_HINT,
            )

    def _compare_size(self, outcome: Outcome, url: str) -> None:
        try:
            response = self._client.request("HEAD", url)
        except TransferError as exc:
            # The live system asks for its rootfs by HEAD first, and gives up where that fails.
            if exc.status not in (405, 501) or outcome.artifact.kind == "rootfs":
                raise
            outcome.warning = (
                f"{url} does not answer HEAD ({exc.status}); the live system asks for its rootfs that way."
            )
            response = self._client.request("GET", url)
        with response:
            length = response.headers.get("Content-Length")
            self._note_ranges(response)
        if length is None:
            self._compare_content(outcome, url)
        elif length != str(outcome.size):
            raise OperationError(
                f"{outcome.artifact.name}: it is published, but {url} returns {length} bytes, wanted {outcome.size}.",
                _OTHER_BYTES_HINT,
            )

    def _note_ranges(self, response: t.Any) -> None:
        if "bytes" not in (response.headers.get("Accept-Ranges") or "").lower():
            self.without_ranges = True


class Publisher:
    """Takes every artifact through the same steps; the failure of one is its own."""

    def __init__(
        self, target: Target, sources: Sources, verifier: Verifier | None, *, parallel: int, directory: str = ""
    ) -> None:
        self.transfers: list[Transfer] = []
        self._directory = directory
        self._target = target
        self._sources = sources
        self._verifier = verifier
        self._parallel = parallel

    def publish(self, artifacts: t.Sequence[Artifact], *, check_mode: bool = False) -> list[Outcome]:
        self.transfers.extend(Transfer(artifact.name) for artifact in artifacts)
        with concurrent.futures.ThreadPoolExecutor(self._parallel) as pool:
            futures = [
                pool.submit(self._outcome, artifact, transfer, check_mode=check_mode)
                for artifact, transfer in zip(artifacts, self.transfers)
            ]
        return [future.result() for future in futures]

    def warnings(self, outcomes: t.Sequence[Outcome]) -> list[str]:
        warnings = [outcome.warning for outcome in outcomes if outcome.warning]
        if self._verifier and self._verifier.without_ranges:
            warnings.append(
                f"{self._verifier.base_url} does not answer requests for ranges of bytes (no Accept-Ranges: bytes); "
                "GRUB needs them to load files by HTTP."
            )
        return warnings

    def _outcome(self, artifact: Artifact, transfer: Transfer, *, check_mode: bool) -> Outcome:
        outcome = Outcome(artifact, address_below(self._verifier.base_url, artifact.name) if self._verifier else None)
        try:
            self._publish_one(outcome, transfer, check_mode=check_mode)
        except OperationError as exc:
            outcome.problem = str(exc)
        return outcome

    def _publish_one(self, outcome: Outcome, transfer: Transfer, *, check_mode: bool) -> None:
        artifact = outcome.artifact
        digest = self._target.find(artifact)
        if digest and digest.matches(artifact):
            outcome.action = "present"
        elif check_mode:
            try:
                outcome.size = self._sources.size(artifact)
            except Unreachable as exc:
                # which files are wanted is asked before there is a way to them: a mirror is filled by the answer
                outcome.warning = f"not reachable from here: {exc.message}"
            outcome.action = "would_publish"
            return
        else:
            transfer.running = True
            try:
                digest = self._target.store(artifact, transfer)
            finally:
                transfer.running = False
            outcome.action = "published"
        outcome.size = digest.size
        outcome.head = digest.head
        if self._verifier:
            self._verifier.verify(outcome)
        if artifact.decompress and kernel_format(digest.head) == artifact.decompress:
            outcome.decompressed = self._decompressed(artifact, check_mode=check_mode)
            outcome.problem = outcome.decompressed.problem

    def _decompressed(self, artifact: Artifact, *, check_mode: bool) -> Outcome:
        """Publish the content of a gzip file that is published itself, with the right hash, by now."""
        packed = dataclasses.replace(
            artifact,
            name=f"{artifact.name}.decompressed",
            algorithm="sha256",
            url="",
            path=os.path.join(self._directory, artifact.name),
            readable=True,
            decompress="",
            unpack=True,
        )
        copy = dataclasses.replace(packed, digest=self._sources.digest(packed).hex)
        transfer = Transfer(copy.name)
        self.transfers.append(transfer)
        return self._outcome(copy, transfer, check_mode=check_mode)


def failure_message(outcomes: t.Sequence[Outcome]) -> str:
    """Every problem in one message, whose first line can stand alone; empty where there is none."""
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    if len(problems) < 2:
        return "".join(problems)
    first = f"{len(problems)} of {len(outcomes)} artifacts failed, the first: {problems[0]}"
    return "\n- ".join([first, *problems[1:]])


_OTHER_BYTES_HINT = "base_url must be the address of the published folder, with no cache in between."


def _serve_hint(exc: TransferError) -> str:
    if exc.untrusted:
        return "Give the CA that signed it as ca_path."
    if exc.status in (401, 403):
        return (
            "Machines fetch without credentials: check the web server's rules, the modes of the file and of the "
            "folders above it, and its SELinux type (restorecon -R)."
        )
    if exc.status == 404:
        return "base_url must be the address of the published folder; compare it with the web server's document root."
    if 300 <= exc.status < 400:
        return "Boot loaders do not follow redirects: give the final address as base_url."
    if exc.status in (405, 501):
        return "The web server must answer HEAD as well as GET."
    if exc.status >= 500:
        return "Look at the web server's log."
    return "Check that the web server runs and that this host reaches it."


__all__ = ("Outcome", "Publisher", "Target", "Verifier", "failure_message")
