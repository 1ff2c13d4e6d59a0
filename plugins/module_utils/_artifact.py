# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be published: names, sources and hashes, checked before anything is done. Private to the collection."""

from __future__ import annotations

import hashlib
import re
import typing as t
import urllib.parse
from dataclasses import dataclass

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_format import HEAD_SIZE

_DIGEST_LENGTH = {"sha256": 64, "sha512": 128}


@dataclass(frozen=True)
class Artifact:
    """One file with the hash it must have."""

    name: str
    algorithm: str
    digest: str
    url: str
    path: str
    kind: str
    verify: str
    # False for a file that lies where the playbook runs and has not been brought to this host.
    readable: bool
    # "gzip": a decompressed copy is published beside it, if it is a gzip file.
    decompress: str = ""
    # The source is a gzip file, and its content is what is published.
    unpack: bool = False

    @property
    def source(self) -> str:
        """What messages call the source; a query can hold a token, so it is left out."""
        return self.url.split("?")[0] or self.path


class Digest:
    """Hash, size and first bytes of a stream, taken while it passes."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self.size = 0
        self.head = b""
        self._hash = hashlib.new(algorithm)

    def update(self, chunk: bytes) -> None:
        if len(self.head) < HEAD_SIZE:
            self.head += chunk[: HEAD_SIZE - len(self.head)]
        self.size += len(chunk)
        self._hash.update(chunk)

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()

    def matches(self, artifact: Artifact) -> bool:
        return self.hex == artifact.digest


def parse_artifacts(items: t.Sequence[t.Mapping[str, t.Any]]) -> list[Artifact]:
    """The checked items; raises one error that lists every problem of every item."""
    artifacts = []
    problems = []
    names = set()
    for item in items:
        name = item["name"]
        item_problems = [*_name_problems(name), *_source_problems(item), *_hash_problems(item)]
        if name in names:
            item_problems.append("the name is used twice")
        names.add(name)
        problems += [f"{name!r}: {problem}." for problem in item_problems]
        if not item_problems:
            artifacts.append(_artifact(item))
    if problems:
        raise OperationError("The list of artifacts cannot be used:\n- " + "\n- ".join(problems))
    return artifacts


def web_address(url: str, option: str) -> str:
    """``url`` with exactly one slash at its end; raises where it is not a plain http or https address."""
    problems = _url_problems(url)
    if problems:
        raise OperationError(f"{option} cannot be used: {'; '.join(problems)}.")
    return url.rstrip("/") + "/"


def address_below(base_url: str, name: str) -> str:
    return base_url + urllib.parse.quote(name)


def _artifact(item: t.Mapping[str, t.Any]) -> Artifact:
    algorithm = "sha256" if item.get("sha256") else "sha512"
    carried = item.get("carried_file") or ""
    return Artifact(
        name=item["name"],
        algorithm=algorithm,
        digest=_hex(item[algorithm], algorithm),
        url=item.get("url") or "",
        path=carried or item.get("remote_file") or item.get("file") or "",
        kind=item.get("kind") or "",
        verify=item.get("verify") or "",
        readable=bool(carried or not item.get("file")),
        decompress=item.get("decompress") or "",
    )


def _hex(text: str, algorithm: str) -> str:
    text = text.strip().lower()
    prefix = f"{algorithm}-"
    return text[len(prefix) :] if text.startswith(prefix) else text


def _name_problems(name: str) -> list[str]:
    if not name or name.startswith("/") or name.endswith("/"):
        return ["the name must be a path below the published folder"]
    if any(part in ("", ".", "..") for part in name.split("/")):
        return ["the name may not contain '..', '.' or empty parts"]
    if any(ord(character) < 32 or character in "\\\x7f" for character in name):
        return ["the name may not contain control characters or backslashes"]
    return []


def _source_problems(item: t.Mapping[str, t.Any]) -> list[str]:
    given = [key for key in ("file", "url", "remote_file") if item.get(key)]
    if len(given) != 1:
        return ["exactly one of file, url and remote_file says where it comes from"]
    return _url_problems(item["url"]) if given == ["url"] else []


def _url_problems(url: str) -> list[str]:
    try:
        parts = urllib.parse.urlsplit(url)
        has_host = bool(parts.hostname)
        parts.port  # noqa: B018 - raises where the port is not a number
    except ValueError:
        return ["the URL cannot be read"]
    if parts.scheme not in ("http", "https") or not has_host:
        return ["the URL must start with http:// or https:// and name a host"]
    if parts.username is not None or parts.password is not None:
        return ["the URL may not hold a user name or password, for every log would show it"]
    if re.search(r"[\s\x00-\x1f]", url):
        return ["the URL may not contain spaces or line ends"]
    return []


def _hash_problems(item: t.Mapping[str, t.Any]) -> list[str]:
    given = [algorithm for algorithm in _DIGEST_LENGTH if item.get(algorithm)]
    if len(given) != 1:
        return ["exactly one of sha256 and sha512 is needed: nothing is published unchecked"]
    algorithm = given[0]
    if not re.fullmatch(f"[0-9a-f]{{{_DIGEST_LENGTH[algorithm]}}}", _hex(item[algorithm], algorithm)):
        return [f"{algorithm} must be {_DIGEST_LENGTH[algorithm]} hexadecimal digits"]
    return []


__all__ = ("Artifact", "Digest", "address_below", "parse_artifacts", "web_address")
