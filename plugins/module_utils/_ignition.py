# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worker ignition: what the Secret holds, checked but never changed. Private to the collection.

The bytes are opaque. They are decoded once, hashed, and written as they are; nothing here serialises JSON.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import datetime
import gzip
import hashlib
import json
import re
import sys
import typing as t
import urllib.parse
import zlib
from dataclasses import dataclass

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._jmespath import search

try:
    from cryptography import x509

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

ALGORITHMS = ("sha512", "sha256")

_VERSION = "ignition.version"
_MERGE_SOURCES = "ignition.config.merge[].source"
_APPEND = "ignition.config.append"
_AUTHORITIES = "ignition.security.tls.certificateAuthorities[]"

_SPEC_3 = re.compile(r"3\.\d+\.\d+(-[0-9A-Za-z.-]+)?")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Ignition:
    """One pool's ignition. ``content`` stays in the process that publishes it."""

    content: bytes
    hash: str
    spec_version: str
    merge_sources: list[str]
    certificate_authorities: list[dict[str, str]]

    def facts(self) -> dict[str, t.Any]:
        """What may be shown: all but the content."""
        return {
            "hash": self.hash,
            "size": len(self.content),
            "spec_version": self.spec_version,
            "merge_sources": self.merge_sources,
            "certificate_authorities": self.certificate_authorities,
        }


def ignition_hash(content: bytes, algorithm: str = "sha512") -> str:
    """The hash in Ignition's form, for example ``sha512-cf83e1…``."""
    return f"{algorithm}-{hashlib.new(algorithm, content).hexdigest()}"


def read_secret(secret: t.Mapping[str, t.Any] | None, *, namespace: str, name: str, key: str, pool: str) -> Ignition:
    """The ignition in a Secret.

    :raises OperationError: there is none, or no machine of today could use it; the message holds none of its text
    """
    where = f"Secret {namespace}/{name}"
    if secret is None:
        raise OperationError(
            f"{where} with the ignition of the pool {pool} does not exist.",
            f"Is there such a pool (`oc get mcp {pool}`)? Clusters before 4.10 have only worker-user-data.",
        )
    entries = secret.get("data") or {}
    if key not in entries:
        raise OperationError(f"{where} has no key {key}.", f"It has {', '.join(sorted(entries)) or 'no keys at all'}.")
    where = f"{where}, key {key},"
    try:
        content = base64.b64decode(entries[key] or "", validate=True)
    except (binascii.Error, ValueError):
        raise OperationError(f"{where} is not valid base64.") from None
    managed = f"{pool}-user-data-managed"
    if name == managed:
        hint = "The Machine Config Operator keeps this Secret: see `oc get clusteroperator machine-config`."
    else:
        hint = f"Use the Secret {managed}, which the Machine Config Operator keeps at spec 3."
    return _checked(content, where=where, hint=hint)


def _checked(content: bytes, *, where: str, hint: str) -> Ignition:
    try:
        config = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise OperationError(f"{where} is not JSON: byte {exc.start} is not UTF-8.") from None
    except ValueError as exc:
        raise OperationError(f"{where} is not JSON: {exc}.") from None
    if not isinstance(config, dict) or not isinstance(config.get("ignition"), dict):
        raise OperationError(f"{where} is JSON, but no Ignition config: it has no object 'ignition'.")
    version = str(search(_VERSION, config) or "")
    if version.startswith("2.") or search(_APPEND, config):
        raise OperationError(
            f"{where} has an Ignition config of spec {version or '2.x'} (config.append), which RHCOS no longer reads.",
            hint,
        )
    if not _SPEC_3.fullmatch(version):
        raise OperationError(f"{where} has the Ignition spec version {version!r}; expected 3.x.")
    sources = [str(source) for source in search(_MERGE_SOURCES, config) or [] if source]
    if not sources:
        raise OperationError(
            f"{where} has no config.merge with a source, so a machine would not learn where its configuration is.",
            hint,
        )
    authorities = search(_AUTHORITIES, config) or []
    return Ignition(
        content=content,
        hash=ignition_hash(content),
        spec_version=version,
        merge_sources=sources,
        certificate_authorities=[found for authority in authorities for found in _authorities(authority)],
    )


def _authorities(authority: t.Any) -> list[dict[str, str]]:
    """Subject and end of each certificate of one entry; what cannot be read is said, for the bytes stay opaque."""
    try:
        certificates = _CERTIFICATE.findall(_resource(authority))
    except ValueError as exc:
        return [_authority(problem=str(exc))]
    return [_certificate(pem) for pem in certificates] or [_authority(problem="it holds no PEM certificate")]


def _authority(subject: str = "", not_after: str = "", problem: str = "") -> dict[str, str]:
    return {"subject": subject, "not_after": not_after, "problem": problem}


def _certificate(pem: bytes) -> dict[str, str]:
    if not HAS_CRYPTOGRAPHY:
        raise OperationError(
            f"A requirement of multiarch.openshift is missing for {sys.executable}: cryptography:"
            " pip install cryptography"
        )
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        return _authority(certificate.subject.rfc4514_string(), f"{_not_after(certificate):%Y-%m-%dT%H:%M:%SZ}")
    except ValueError:
        return _authority(problem="it is no X.509 certificate")


def _not_after(certificate: t.Any) -> datetime.datetime:
    try:
        return certificate.not_valid_after_utc
    except AttributeError:  # cryptography before 42
        return certificate.not_valid_after.replace(tzinfo=datetime.timezone.utc)


def _resource(resource: t.Any) -> bytes:
    """What an Ignition resource with a data URL (RFC 2397) holds.

    :raises ValueError: it cannot be read from here
    """
    source = resource.get("source") if isinstance(resource, dict) else None
    if not isinstance(source, str) or not source.startswith("data:"):
        raise ValueError("its source is no data URL")
    head, comma, body = source[len("data:") :].partition(",")
    if not comma:
        raise ValueError("its data URL has no comma")
    content = urllib.parse.unquote_to_bytes(body)
    if head.endswith(";base64"):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            raise ValueError("it is not valid base64") from None
    if resource.get("compression") == "gzip":
        try:
            return gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            raise ValueError("it is not valid gzip") from None
    return content


def trusted_authorities(content: bytes) -> str:
    """The certificate authorities of a config that was read already, as one PEM text; empty where none can be read."""
    found: list[bytes] = []
    for authority in search(_AUTHORITIES, json.loads(content)) or []:
        with contextlib.suppress(ValueError):
            found += _CERTIFICATE.findall(_resource(authority))
    return "\n".join(pem.decode("ascii", "replace") for pem in found)


def expiry_warnings(pool: str, authorities: t.Sequence[t.Mapping[str, str]], now: datetime.datetime) -> list[str]:
    """What to say about certificate authorities that machines would not accept."""
    warnings = []
    for authority in authorities:
        if authority["problem"]:
            warnings.append(
                f"Ignition of the pool {pool}: a certificate authority cannot be read: {authority['problem']}."
            )
        elif authority["not_after"] <= f"{now:%Y-%m-%dT%H:%M:%SZ}":
            warnings.append(
                f"Ignition of the pool {pool}: the certificate authority {authority['subject']} expired on"
                f" {authority['not_after']}; machines will not trust the Machine Config Server."
            )
    return warnings


__all__ = ("ALGORITHMS", "Ignition", "expiry_warnings", "ignition_hash", "read_secret", "trusted_authorities")
