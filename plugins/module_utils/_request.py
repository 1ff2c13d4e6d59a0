# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a PKCS#10 request says. Private to the collection.

Reads generously and judges nothing: every oddity becomes a fact of the ``Request``, and the checks of ``_csr`` refuse on
facts, so that each refusal has a name and can be tested alone.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import ipaddress
import re
from dataclasses import dataclass, field
from typing import List, Optional, Tuple, Union

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509.oid import ExtensionOID, NameOID, SignatureAlgorithmOID

    CRYPTOGRAPHY_MISSING = ""
except ImportError as error:  # pragma: no cover - every supported installation has it
    CRYPTOGRAPHY_MISSING = str(error)

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

NODE_PREFIX = "system:node:"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
# A kubelet's request has 400 to 1100 bytes; the API takes anything.
MAX_REQUEST_BYTES = 16 * 1024
_PEM = re.compile(rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----(.*?)-----END (?:NEW )?CERTIFICATE REQUEST-----", re.S)


@dataclass(frozen=True)
class Request:
    """Facts of one ``spec.request``. Where ``error`` is not empty, nothing after it is known."""

    error: str = ""
    size: int = 0
    strict_base64: bool = False
    canonical_pem: bool = False
    canonical_der: bool = False
    subject: Tuple[Tuple[Tuple[str, str], ...], ...] = ()
    attributes: Tuple[str, ...] = ()
    extensions: Tuple[str, ...] = ()
    dns_names: Tuple[str, ...] = ()
    addresses: Tuple[Address, ...] = ()
    other_names: Tuple[str, ...] = ()
    key: str = ""
    key_sha256: str = ""
    signature_algorithm: str = ""
    signature_valid: bool = False
    common_names: Tuple[str, ...] = field(default=(), compare=False)

    @property
    def node_name(self) -> Optional[str]:
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
        der = base64.b64decode(block.group(1).split(b"\n\n")[-1])
        return _read(text, pem, der)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return Request(error="it is no PKCS#10 request that can be read", size=len(pem))


def certificate_facts(pem: str) -> Optional[Certificate]:
    """Facts of the first certificate of a PEM text; None where there is none."""
    try:
        return _certificate(pem)
    except (ValueError, TypeError):
        return None


def leaf_facts(der: bytes) -> Optional[Certificate]:
    """Facts of a DER certificate; None where it is none."""
    try:
        return _facts_of(x509.load_der_x509_certificate(der))
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True)
class Certificate:
    """What is compared of an issued or presented certificate."""

    fingerprint: str
    common_name: str
    organizations: Tuple[str, ...]
    dns_names: Tuple[str, ...]
    addresses: Tuple[Address, ...]


def signed_by(der: bytes, authorities: str) -> bool:
    """Whether a certificate of the PEM bundle ``authorities`` signed the certificate ``der``."""
    leaf = x509.load_der_x509_certificate(der)
    for authority in x509.load_pem_x509_certificates(authorities.encode()):
        try:
            leaf.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


@functools.lru_cache(maxsize=4096)
def _certificate(pem: str) -> Certificate:
    return _facts_of(x509.load_pem_x509_certificate(pem.encode()))


def _facts_of(certificate: x509.Certificate) -> Certificate:
    names: List[str] = []
    addresses: List[Address] = []
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        pass
    else:
        names = san.get_values_for_type(x509.DNSName)
        addresses = san.get_values_for_type(x509.IPAddress)
    subject = certificate.subject
    common_names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        fingerprint=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        common_name=str(common_names[-1].value) if common_names else "",
        organizations=tuple(str(a.value) for a in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)),
        dns_names=tuple(names),
        addresses=tuple(addresses),
    )


def _read(text: str, pem: bytes, der: bytes) -> Request:
    csr = x509.load_der_x509_csr(der)
    subject = tuple(
        tuple((attribute.oid.dotted_string, str(attribute.value)) for attribute in rdn) for rdn in csr.subject.rdns
    )
    dns_names: List[str] = []
    addresses: List[Address] = []
    other_names: List[str] = []
    for extension in csr.extensions:
        if extension.oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME:
            continue
        for name in extension.value:
            if isinstance(name, x509.DNSName):
                dns_names.append(name.value)
            elif isinstance(name, x509.IPAddress):
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
        signature_algorithm=_SIGNATURE_ALGORITHMS.get(csr.signature_algorithm_oid, ("", b""))[0],
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
    attributes = (
        _tlv(0x30, _oid(EXTENSION_REQUEST), _tlv(0x31, _tlv(0x30, extensions))) if extensions else b""
    )
    information = _tlv(0x30, b"\x02\x01\x00", subject, spki, _tlv(0xA0, attributes))
    algorithm = _SIGNATURE_ALGORITHMS.get(csr.signature_algorithm_oid)
    if algorithm is None:
        # Refused by its own check; here the algorithm has no say, so that the two stay apart.
        start = len(_tlv(0x30, information, b"")) and len(information)
        return _whole_with_foreign_algorithm(csr, information, start)
    return _tlv(0x30, information, algorithm[1], _tlv(0x03, b"\x00", csr.signature))
