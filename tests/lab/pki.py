# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates of the lab: one authority, server and client certificates.

ECDSA, because making an RSA key takes 50 times as long.
"""

from __future__ import annotations

import datetime
import ipaddress
import pathlib
from collections.abc import Iterable
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.oid import NameOID

# Real signers backdate as well, so that a client whose clock is a little behind takes the certificate.
BACKDATE = datetime.timedelta(minutes=5)
USAGES = {
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
}
EXTENDED_USAGES = {
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
}


def subject(common_name: str, organizations: Iterable[str] = ()) -> x509.Name:
    """A subject as Kubernetes reads it: groups are organizations, the user is the common name."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    """Subject alternative names: what reads as an address is one."""
    result: list[x509.GeneralName] = []
    for name in names:
        try:
            result.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            result.append(x509.DNSName(name))
    return result


def certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_private(path: pathlib.Path, content: bytes) -> None:
    """Writes a key that only its owner reads."""
    path.touch(mode=0o600)
    path.write_bytes(content)


def certificate_request(
    common_name: str,
    organizations: Sequence[str] = ("system:nodes",),
    *,
    names: Iterable[str] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """A PKCS#10 request in PEM, and its key."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(common_name, organizations))
    alternative = general_names(names)
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), key


class Authority:
    """A certificate authority in a folder; made there on first use, read again afterwards."""

    def __init__(self, directory: pathlib.Path, name: str = "lab-ca") -> None:
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.certificate_path = self.directory / "ca.crt"
        self.key_path = self.directory / "ca.key"
        if not self.key_path.exists():
            self._create(name)
        self.certificate = x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
        key = serialization.load_pem_private_key(self.key_path.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(f"{self.key_path} is not an ECDSA key")
        self._key = key

    @property
    def pem(self) -> str:
        return self.certificate_path.read_text()

    def server(self, file_name: str, names: Iterable[str]) -> tuple[pathlib.Path, pathlib.Path]:
        """Paths of a server certificate for these names and addresses, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.issue(subject(file_name), key.public_key(), ["server auth"], general_names(names))
        return self._save(file_name, certificate, key)

    def client(self, file_name: str, user: str, groups: Iterable[str] = ()) -> tuple[pathlib.Path, pathlib.Path]:
        """Paths of a client certificate for this user in these groups, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.issue(subject(user, groups), key.public_key(), ["client auth"], [])
        return self._save(file_name, certificate, key)

    def issue(
        self,
        name: x509.Name,
        public_key: x509.base.CertificatePublicKeyTypes,
        usages: Iterable[str],
        names: Iterable[x509.GeneralName],
        *,
        lifetime: datetime.timedelta = datetime.timedelta(days=365),
    ) -> x509.Certificate:
        """Signs a certificate; usages are Kubernetes' words."""
        wanted = set(usages)
        now = datetime.datetime.now(datetime.timezone.utc)
        bits = {field: word in wanted for word, field in USAGES.items()}
        if not any(bits.values()):
            bits["digital_signature"] = True
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.certificate.subject)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(min(now + lifetime, self.certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(**bits, encipher_only=False, decipher_only=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        extended = [oid for word, oid in EXTENDED_USAGES.items() if word in wanted]
        if extended:
            builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
        alternative = list(names)
        if alternative:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternative), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def service_account_key(self) -> tuple[pathlib.Path, pathlib.Path]:
        """Paths of the private and the public key that sign ServiceAccount tokens."""
        private, public = self.directory / "service-account.key", self.directory / "service-account.pub"
        if not private.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            write_private(private, key_pem(key))
            public.write_bytes(
                key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
        return private, public

    def _create(self, name: str) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject(name))
            .issuer_name(subject(name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        self._save("ca", certificate, key)

    def _save(
        self, file_name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> tuple[pathlib.Path, pathlib.Path]:
        paths = self.directory / f"{file_name}.crt", self.directory / f"{file_name}.key"
        paths[0].write_bytes(certificate_pem(certificate))
        write_private(paths[1], key_pem(key))
        return paths
