# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate requests: what the API server validates and what the signers of kube-controller-manager ask for."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from lab.pki import Authority
from lab.pki import certificate_pem
from lab.simulator.access import NODE_USER
from lab.simulator.errors import FieldError
from lab.simulator.errors import StatusError

Item = dict[str, Any]

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING_SIGNER = "kubernetes.io/kubelet-serving"
NODE_SIGNERS = (KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER)
DECISIONS = ("Approved", "Denied", "Failed")
NOT_A_REQUEST = "PEM block type must be CERTIFICATE REQUEST"
# Sorted, as the message lists them.
USAGES = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
]
MINIMUM_SECONDS = 600
YEAR = datetime.timedelta(days=365)


class Subject:
    """A request as Go reads it: the last common name, every organization, the four kinds of alternative names."""

    def __init__(self, request: x509.CertificateSigningRequest) -> None:
        self.request = request
        names = [str(part.value) for part in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        self.common_name = names[-1] if names else ""
        parts = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        self.organizations = [str(part.value) for part in parts]
        try:
            value = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            self.names: list[x509.GeneralName] = list(value)
        except x509.ExtensionNotFound:
            self.names = []

    def has(self, kind: type[x509.GeneralName]) -> bool:
        return any(isinstance(name, kind) for name in self.names)


def parse(encoded: str) -> Subject:
    """The request in `spec.request`; ValueError in the API server's words when it is none or its signature is wrong."""
    text = base64.b64decode(encoded).decode("ascii", errors="replace")
    block = re.search(r"-----BEGIN ([^-]+)-----\s(.*?)-----END \1-----", text, re.S)
    if not block or block[1] != "CERTIFICATE REQUEST":
        raise ValueError(NOT_A_REQUEST)
    request = x509.load_pem_x509_csr(block[0].encode())
    if not _signature_is_right(request):
        raise ValueError("x509: signature verification failure")
    return Subject(request)


def _signature_is_right(request: x509.CertificateSigningRequest) -> bool:
    key, algorithm = request.public_key(), request.signature_hash_algorithm
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm:
            key.verify(request.signature, request.tbs_certrequest_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey) and algorithm:
            key.verify(request.signature, request.tbs_certrequest_bytes, padding.PKCS1v15(), algorithm)
        else:
            return bool(request.is_signature_valid)
    except InvalidSignature:
        return False
    return True


def require_base64(item: Item, field: str, value: Any) -> None:
    """Bytes that are no base64 do not even decode: 400, not 422."""
    try:
        base64.b64decode(value or "", validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        kind, version = item["kind"], item["apiVersion"].split("/")[-1]
        where = f"{field}: illegal base64 data" if not isinstance(value, str) else "illegal base64 data at input byte 0"
        message = f'{kind} in version "{version}" cannot be handled as a {kind}: {where}'
        raise StatusError(400, message) from error


def validate(item: Item) -> list[FieldError]:
    """What the API server validates of any request, new or stored."""
    spec = item.get("spec") or {}
    errors = []
    encoded = spec.get("request") or ""
    if not encoded:
        errors.append(FieldError.invalid("spec.request", '""', NOT_A_REQUEST))
    else:
        try:
            parse(encoded)
        except ValueError as error:
            errors.append(FieldError.invalid("spec.request", f'"{encoded}"', str(error)))
    usages = spec.get("usages") or []
    if not usages:
        errors.append(FieldError.required("spec.usages"))
    for index, usage in enumerate(usages):
        if usage not in USAGES:
            errors.append(FieldError.unsupported(f"spec.usages[{index}]", usage, USAGES))
        if usage in usages[:index]:
            errors.append(FieldError.duplicate(f"spec.usages[{index}]", usage))
    signer = spec.get("signerName") or ""
    if not signer:
        errors.append(FieldError.required("spec.signerName"))
    elif not re.fullmatch(r"[a-z0-9.-]+\.[a-z0-9-]+/\S+", signer):
        words = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        errors.append(FieldError.invalid("spec.signerName", f'"{signer}"', words))
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < MINIMUM_SECONDS:
        words = "may not specify a duration less than 600 seconds (10 minutes)"
        errors.append(FieldError.invalid("spec.expirationSeconds", str(seconds), words))
    return errors + _validate_conditions((item.get("status") or {}).get("conditions") or [])


def validate_update(new: Item, old: Item, subresource: str) -> list[FieldError]:
    """Decisions stay: none can be removed, and only the approval subresource can add one."""
    errors = validate(new)
    after, before = _conditions(new), _conditions(old)
    for decision in DECISIONS:
        now, then = _count(after, decision), _count(before, decision)
        if now < then:
            words = f'updates may not remove a condition of type "{decision}"'
            errors.append(FieldError.forbidden("status.conditions", words))
        elif now > then and decision != "Failed" and subresource != "approval":
            words = f'updates may not add a condition of type "{decision}"'
            errors.append(FieldError.forbidden("status.conditions", words))
    certificate = (new.get("status") or {}).get("certificate")
    stored = (old.get("status") or {}).get("certificate")
    if certificate != stored:
        if certificate and b"-----BEGIN CERTIFICATE-----" not in base64.b64decode(certificate):
            words = "must contain at least one CERTIFICATE PEM block"
            errors.append(FieldError.invalid("status.certificate", '"<certificate data>"', words))
        if stored:
            words = "updates may not modify existing certificate content"
            errors.append(FieldError.forbidden("status.certificate", words))
    return errors


def stamp_conditions(new: Item, old: Item, now: str) -> None:
    """Fills in the times of conditions, as the API server does when they are left out."""
    before = {condition.get("type"): condition for condition in _conditions(old)}
    for condition in _conditions(new):
        known = before.get(condition.get("type"), {})
        if not condition.get("lastUpdateTime"):
            condition["lastUpdateTime"] = known.get("lastUpdateTime") or now
        if not condition.get("lastTransitionTime"):
            same = known.get("status") == condition.get("status")
            condition["lastTransitionTime"] = (known.get("lastTransitionTime") if same else None) or now


def is_decided(item: Item, decision: str) -> bool:
    return _count(_conditions(item), decision) > 0


def sign(item: Item, authority: Authority) -> str:
    """The certificate (base64 of PEM) for an approved request; ValueError with the signer's reason for Failed."""
    spec = item["spec"]
    subject = parse(spec["request"])
    usages = spec["usages"]
    _check_signer(spec["signerName"], subject, usages)
    seconds = spec.get("expirationSeconds")
    lifetime = YEAR if seconds is None else min(YEAR, datetime.timedelta(seconds=seconds))
    certificate = authority.issue(
        subject.request.subject, subject.request.public_key(), usages, subject.names, lifetime=lifetime
    )
    return base64.b64encode(certificate_pem(certificate)).decode()


def _check_signer(signer: str, subject: Subject, usages: Sequence[str]) -> None:
    if signer == CLIENT_SIGNER:
        for usage in usages:
            if usage not in ("client auth", "digital signature", "key encipherment"):
                raise ValueError(f"invalid usage for client certificate: {usage}")
        if "client auth" not in usages:
            raise ValueError("missing required usage for client certificate: client auth")
        return
    if subject.organizations != ["system:nodes"]:
        raise ValueError("subject organization is not system:nodes")
    forbidden: list[tuple[str, type[x509.GeneralName]]] = [
        ("email", x509.RFC822Name),
        ("URI", x509.UniformResourceIdentifier),
    ]
    if signer == KUBELET_CLIENT_SIGNER:
        forbidden = [("DNS", x509.DNSName), forbidden[0], ("IP", x509.IPAddress), forbidden[1]]
        required = "client auth"
    else:
        if not subject.has(x509.DNSName) and not subject.has(x509.IPAddress):
            raise ValueError("DNS or IP subjectAltName is required")
        required = "server auth"
    for word, kind in forbidden:
        if subject.has(kind):
            raise ValueError(f"{word} subjectAltNames are not allowed")
    if not subject.common_name.startswith(NODE_USER):
        raise ValueError("subject common name does not begin with system:node:")
    if set(usages) - {"key encipherment"} != {required, "digital signature"}:
        everything = sorted([required, "digital signature", "key encipherment"])
        raise ValueError(f"usages did not match [{' '.join(everything)}]")


def _validate_conditions(conditions: Iterable[Item]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: list[str] = []
    for index, condition in enumerate(conditions):
        field = f"status.conditions[{index}]"
        kind, status = condition.get("type") or "", condition.get("status") or ""
        if not kind:
            errors.append(FieldError.required(f"{field}.type"))
        elif kind in seen:
            errors.append(FieldError.duplicate(f"{field}.type", kind))
        seen.append(kind)
        if {"Approved", "Denied"} <= set(seen) and kind in ("Approved", "Denied"):
            words = "Approved and Denied conditions are mutually exclusive"
            errors.append(FieldError.invalid("status.conditions", f'"{kind}"', words))
        if not status:
            errors.append(FieldError.required(f"{field}.status"))
        elif kind in DECISIONS and status != "True":
            errors.append(FieldError.unsupported(f"{field}.status", status, ["True"]))
        elif status not in ("True", "False", "Unknown"):
            errors.append(FieldError.unsupported(f"{field}.status", status, ["False", "True", "Unknown"]))
    return errors


def _conditions(item: Item) -> list[Item]:
    return (item.get("status") or {}).get("conditions") or []


def _count(conditions: list[Item], kind: str) -> int:
    return sum(condition.get("type") == kind for condition in conditions)
