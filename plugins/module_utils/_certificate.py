# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an issued or presented certificate says. Private to the collection."""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import hashlib
import warnings
from dataclasses import dataclass

from ansible_collections.multiarch.openshift.plugins.module_utils._request import Address

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID
except ImportError:  # pragma: no cover - parse_request names the missing package before anything comes here
    pass


@dataclass(frozen=True)
class Certificate:
    """What is compared of a certificate."""

    fingerprint: str
    common_name: str
    organizations: tuple[str, ...]
    dns_names: tuple[str, ...]
    addresses: tuple[Address, ...]


def issued_certificate(csr: dict) -> Certificate | None:
    """The certificate in ``status.certificate`` of a CSR; None where none is issued or it cannot be read."""
    encoded = (csr.get("status") or {}).get("certificate")
    return _decode(encoded) if encoded else None


def presented_certificate(der: bytes) -> Certificate | None:
    """The certificate that a server presented; None where it cannot be read."""
    try:
        return _facts(x509.load_der_x509_certificate(der))
    except (ValueError, TypeError):
        return None


def in_date(der: bytes, now: float) -> bool:
    """Whether the certificate ``der`` is valid at this time."""
    try:
        return _is_in_date(x509.load_der_x509_certificate(der), now)
    except (ValueError, TypeError):
        return False


def signed_by(der: bytes, authorities: str, now: float) -> bool:
    """Whether a certificate of the PEM bundle ``authorities`` that is valid at this time signed the certificate."""
    try:
        leaf = x509.load_der_x509_certificate(der)
        bundle = x509.load_pem_x509_certificates(authorities.encode())
    except (ValueError, TypeError):
        return False
    for authority in bundle:
        if not _is_in_date(authority, now):
            continue
        try:
            leaf.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _is_in_date(certificate: x509.Certificate, now: float) -> bool:
    try:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except AttributeError:  # cryptography before 42: in UTC, without saying so
        begin, end = certificate.not_valid_before, certificate.not_valid_after
        begin, end = (moment.replace(tzinfo=datetime.timezone.utc) for moment in (begin, end))
    return bool(begin.timestamp() <= now <= end.timestamp())


@functools.lru_cache(maxsize=4096)
def _decode(encoded: str) -> Certificate | None:
    try:
        return _facts(x509.load_pem_x509_certificate(base64.b64decode(encoded)))
    except (binascii.Error, ValueError, TypeError):
        return None


def _facts(certificate: x509.Certificate) -> Certificate:
    names: list[str] = []
    addresses: list[Address] = []
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        # A client certificate has none.
        san = None
    if san is not None:
        names = san.get_values_for_type(x509.DNSName)
        addresses = san.get_values_for_type(x509.IPAddress)
    with warnings.catch_warnings():
        # X.509 limits a common name to 64 characters; node names can be longer.
        warnings.simplefilter("ignore", UserWarning)
        subject = certificate.subject
    common_names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    organizations = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return Certificate(
        fingerprint=hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        common_name=str(common_names[-1].value) if common_names else "",
        organizations=tuple(str(organization.value) for organization in organizations),
        dns_names=tuple(names),
        addresses=tuple(addresses),
    )


__all__ = ("Certificate", "in_date", "issued_certificate", "presented_certificate", "signed_by")
