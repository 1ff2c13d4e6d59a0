# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mirror of the operating system's maker: made-up boot artifacts under real-looking names, and their hashes."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from lab.iso import make_iso
from lab.loop import LoopThread
from lab.objects import artifact_name
from lab.web import WebServer

RELEASE = "9.6.20251125-1"
# Small enough for hundreds of machines; a test of big artifacts says so.
SIZES = {"kernel": 48 * 1024, "initramfs": 64 * 1024, "rootfs": 96 * 1024, "iso": 32 * 1024}
_RANDOM_PART = 1024 * 1024


class Artifact(NamedTuple):
    architecture: str
    kind: str
    name: str
    url: str
    sha256: str
    size: int


class Mirror:
    """A web server with kernel, initramfs, rootfs and ISO of each architecture."""

    def __init__(
        self,
        directory: pathlib.Path,
        address: str = "127.0.0.1",
        *,
        release: str = RELEASE,
        architectures: Sequence[str] = ("aarch64", "x86_64"),
        sizes: Mapping[str, int] | None = None,
        loop: LoopThread | None = None,
    ) -> None:
        self.release = release
        self.web = WebServer(directory, address, loop=loop)
        self.artifacts: list[Artifact] = []
        self._architectures = tuple(architectures)
        self._sizes = {**SIZES, **(sizes or {})}

    @property
    def url(self) -> str:
        return self.web.url

    @property
    def fault(self) -> Any:
        """Faults of its web server: `mirror.fault("wrong_bytes", "*kernel*")`."""
        return self.web.fault

    @property
    def streams(self) -> dict[str, dict[str, Any]]:
        """What the cluster's ConfigMap says about these artifacts (the argument of `lab.objects.cluster_objects`)."""
        result: dict[str, dict[str, Any]] = {}
        for artifact in self.artifacts:
            stream = result.setdefault(artifact.architecture, {"release": self.release})
            stream[artifact.kind] = {"location": artifact.url, "sha256": artifact.sha256}
        return result

    def by_sha256(self) -> dict[str, Artifact]:
        return {artifact.sha256: artifact for artifact in self.artifacts}

    def start(self) -> Mirror:
        self.web.start()
        if not self.artifacts:
            self.artifacts = [
                self._make(architecture, kind, size)
                for architecture in self._architectures
                for kind, size in self._sizes.items()
            ]
        return self

    def close(self) -> None:
        self.web.close()

    def _make(self, architecture: str, kind: str, size: int) -> Artifact:
        name = artifact_name(architecture, kind, self.release)
        relative = pathlib.PurePosixPath("art/storage/prod/streams/builds", self.release, architecture, name)
        path = self.web.directory / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "iso":
            make_iso(path, architecture, self.release, rootfs=bytes(size))
            size = path.stat().st_size
        else:
            self._fill(path, architecture, kind, size)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return Artifact(architecture, kind, name, f"{self.url}/{relative}", digest, size)

    def _fill(self, path: pathlib.Path, architecture: str, kind: str, size: int) -> None:
        seed = f"{self.release} {architecture} {kind}".encode()
        head = _MAGIC.get((architecture, kind), b"") + hashlib.shake_128(seed).digest(min(size, _RANDOM_PART))
        with path.open("wb") as stream:
            stream.write(head[:size])
            stream.truncate(size)  # big ones are sparse


# What a program that looks at the first bytes sees: arm64 kernels are gzip or EFI.
_MAGIC = {("aarch64", "kernel"): b"\x1f\x8b\x08\0\0\0\0\0\x02\x03", ("x86_64", "kernel"): b"MZ"}
