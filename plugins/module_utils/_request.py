# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a PKCS#10 request says. Private to the collection.

Reads generously and judges nothing: every oddity becomes a fact of the ``Request``, and the checks of ``_csr`` refuse
on facts, so that each refusal has a name and can be tested alone.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import ipaddress
import re
import warnings
from dataclasses import dataclass
from typing import Union

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

try:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.hazmat.primitives.serialization import PublicFormat
    from cryptography.x509.oid import ExtensionOID
    from cryptography.x509.oid import NameOID

    CRYPTOGRAPHY_MISSING = ""
    # cryptography has no common ancestor for what it finds wrong with a request.
    _UNREADABLE = (
        ValueError,
        TypeError,
        UnsupportedAlgorithm,
        x509.DuplicateExtension,
        x509.InvalidVersion,
        x509.UnsupportedGeneralNameType,
    )
except ImportError as error:  # pragma: no cover - every supported installation has it
    CRYPTOGRAPHY_MISSING = str(error)

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

NODE_PREFIX = "system:node:"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
# A kubelet's request has 400 to 1100 bytes; the API takes anything.
MAX_REQUEST_BYTES = 16 * 1024
# The algorithms of kubelets' keys; SHA-1 and the rest have no name here.
_RSA = "1.2.840.113549.1.1."
_SIGNATURE_ALGORITHMS = {
    _RSA + "11": "RSA with SHA-256",
    _RSA + "12": "RSA with SHA-384",
    _RSA + "13": "RSA with SHA-512",
    "1.2.840.10045.4.3.2": "ECDSA with SHA-256",
    "1.2.840.10045.4.3.3": "ECDSA with SHA-384",
    "1.2.840.10045.4.3.4": "ECDSA with SHA-512",
}
_PEM = re.compile(rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----(.*?)-----END (?:NEW )?CERTIFICATE REQUEST-----", re.S)


@dataclass(frozen=True)
class Request:
    """Facts of one ``spec.request``. Where ``error`` is not empty, nothing after it is known."""

    error: str = ""
    size: int = 0
    strict_base64: bool = False
    canonical_pem: bool = False
    canonical_der: bool = False
    subject: tuple[tuple[tuple[str, str], ...], ...] = ()
    attributes: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    other_names: tuple[str, ...] = ()
    key: str = ""
    key_sha256: str = ""
    signature_algorithm: str = ""
    signature_valid: bool = False
    common_names: tuple[str, ...] = ()

    @property
    def node_name(self) -> str | None:
        """The node that the request claims; of several common names the last, as Go and so the signer read it."""
        if not self.common_names or not self.common_names[-1].startswith(NODE_PREFIX):
            return None
        return self.common_names[-1][len(NODE_PREFIX) :]


@functools.lru_cache(maxsize=8192)
def parse_request(text: str) -> Request:
    """Facts of a ``spec.request`` (base64 of PEM of DER). The spec of a CSR never changes, so the text is the key."""
    if CRYPTOGRAPHY_MISSING:
        raise OperationError(
            f"Reading a certificate signing request needs the Python package cryptography ({CRYPTOGRAPHY_MISSING}).",
            "Install it where the playbook runs: pip install cryptography",
        )
    size = len(text) * 3 // 4
    if size > 4 * MAX_REQUEST_BYTES:
        # Far beyond any limit: not worth decoding.
        return Request(error=f"it has {size} bytes", size=size)
    try:
        pem = base64.b64decode(text)
    except (binascii.Error, ValueError):
        return Request(error="it is not base64", size=size)
    block = _PEM.search(pem)
    if block is None:
        return Request(error="it holds no PEM block CERTIFICATE REQUEST", size=len(pem))
    try:
        der = base64.b64decode(b"".join(line for line in block.group(1).splitlines() if b":" not in line))
        return _read(text, pem, der)
    except _UNREADABLE:
        return Request(error="it is no PKCS#10 request that can be read", size=len(pem))


def _read(text: str, pem: bytes, der: bytes) -> Request:
    csr = x509.load_der_x509_csr(der)
    with warnings.catch_warnings():
        # X.509 limits a common name to 64 characters; Kubernetes and Go do not, and node names can be longer.
        warnings.simplefilter("ignore", UserWarning)
        return _facts(text, pem, der, csr)


def _facts(text: str, pem: bytes, der: bytes, csr: x509.CertificateSigningRequest) -> Request:
    subject = tuple(
        tuple((attribute.oid.dotted_string, str(attribute.value)) for attribute in rdn) for rdn in csr.subject.rdns
    )
    dns_names: list[str] = []
    addresses: list[Address] = []
    other_names: list[str] = []
    for extension in csr.extensions:
        if extension.oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            continue
        for name in extension.value:
            if isinstance(name, x509.DNSName):
                dns_names.append(name.value)
            elif isinstance(name.value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
                addresses.append(name.value)
            else:
                other_names.append(type(name).__name__)
    public_key = csr.public_key()
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Request(
        size=len(pem),
        strict_base64=base64.b64encode(pem) == text.encode(),
        canonical_pem=pem == _canonical_pem(der),
        canonical_der=der == _canonical_der(csr, spki),
        subject=subject,
        attributes=tuple(attribute.oid.dotted_string for attribute in csr.attributes),
        extensions=tuple(extension.oid.dotted_string for extension in csr.extensions),
        dns_names=tuple(dns_names),
        addresses=tuple(addresses),
        other_names=tuple(other_names),
        key=_describe_key(public_key),
        key_sha256=hashlib.sha256(spki).hexdigest(),
        signature_algorithm=_SIGNATURE_ALGORITHMS.get(csr.signature_algorithm_oid.dotted_string, ""),
        signature_valid=csr.is_signature_valid,
        common_names=tuple(value for rdn in subject for oid, value in rdn if oid == NameOID.COMMON_NAME.dotted_string),
    )


def _describe_key(key: object) -> str:
    """Kind of the key in words; empty for a kind or size that no kubelet uses."""
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)):
        return f"ECDSA {key.curve.name}"
    if isinstance(key, rsa.RSAPublicKey) and 2048 <= key.key_size <= 8192 and key.public_numbers().e == 65537:
        return f"RSA {key.key_size}"
    return ""


def _canonical_pem(der: bytes) -> bytes:
    body = base64.b64encode(der)
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return b"\n".join([b"-----BEGIN CERTIFICATE REQUEST-----", *lines, b"-----END CERTIFICATE REQUEST-----", b""])


# -- The request as Go's x509.CreateCertificateRequest writes it -------------------------------------------------------
# Written again from what was understood and compared byte for byte: a request that another parser could understand in
# another way does not come out the same.


def _tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def _oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    encoded = bytearray()
    for number in (40 * first + second, *rest):
        septets = [number & 0x7F]
        while number > 0x7F:
            number >>= 7
            septets.append(0x80 | (number & 0x7F))
        encoded += bytes(reversed(septets))
    return _tlv(0x06, bytes(encoded))


_PRINTABLE = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*\Z")


def _string(value: str) -> bytes:
    return _tlv(0x13 if _PRINTABLE.match(value) else 0x0C, value.encode())


def _canonical_der(csr: x509.CertificateSigningRequest, spki: bytes) -> bytes:
    subject = _tlv(
        0x30,
        *(
            _tlv(0x31, *(_tlv(0x30, _oid(a.oid.dotted_string), _string(str(a.value))) for a in rdn))
            for rdn in csr.subject.rdns
        ),
    )
    extensions = b"".join(
        _tlv(0x30, _oid(e.oid.dotted_string), _tlv(0x04, e.value.public_bytes())) for e in csr.extensions
    )
    attributes = _tlv(0x30, _oid(EXTENSION_REQUEST), _tlv(0x31, _tlv(0x30, extensions))) if extensions else b""
    information = _tlv(0x30, b"\x02\x01\x00", subject, spki, _tlv(0xA0, attributes))
    signature_algorithm = csr.signature_algorithm_oid.dotted_string
    parameters = b"\x05\x00" if signature_algorithm.startswith(_RSA) else b""
    return _tlv(
        0x30, information, _tlv(0x30, _oid(signature_algorithm), parameters), _tlv(0x03, b"\x00", csr.signature)
    )


__all__ = ("MAX_REQUEST_BYTES", "NODE_PREFIX", "Address", "Request", "parse_request")
