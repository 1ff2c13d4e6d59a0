# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificate signing requests as kubelets 1.25 to 1.34 make them, and every way that we could think of to spoil one.

A request is written byte by byte, so that each DER element can be replaced on its own and the result signed again with
the attacker's own key: a spoiled request is refused for what it says, not for a broken signature.
"""

from __future__ import annotations

import base64
import calendar
import copy
import datetime
import functools
import ipaddress
import time
import typing as t
import uuid
import warnings
from dataclasses import dataclass
from dataclasses import field
from dataclasses import replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import PublicFormat
from cryptography.x509.oid import NameOID

from ansible_collections.multiarch.openshift.plugins.module_utils._deny import cluster_deny_list
from ansible_collections.multiarch.openshift.plugins.module_utils._world import BOOTSTRAPPER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SERVING_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Approval
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World

NOW = float(calendar.timegm((2026, 11, 25, 3, 0, 0, 0, 0, 0)))
BOOTSTRAPPER_UID = "61bcba2a-13d1-49b2-95f0-8d4ba528eb8b"
CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"
PRINTABLE, UTF8 = 0x13, 0x0C
O_OID, OU_OID, CN_OID = "2.5.4.10", "2.5.4.11", "2.5.4.3"
SAN_OID, EXTENSION_REQUEST = "2.5.29.17", "1.2.840.113549.1.9.14"
KUBELET_VERSIONS = tuple(range(25, 35))

CLUSTER_OBJECTS = {
    "Infrastructure": {
        "status": {
            "apiServerURL": "https://api.lab.example.com:6443",
            "apiServerInternalURI": "https://api-int.lab.example.com:6443",
            "platformStatus": {
                "type": "BareMetal",
                "baremetal": {
                    "apiServerInternalIP": "192.0.2.5",
                    "apiServerInternalIPs": ["192.0.2.5", "2001:db8::5"],
                    "ingressIP": "192.0.2.6",
                    "ingressIPs": ["192.0.2.6"],
                },
            },
        }
    },
    "Network": {"status": {"clusterNetwork": [{"cidr": "10.128.0.0/14"}], "serviceNetwork": ["172.30.0.0/16"]}},
    "Ingress": {"spec": {"domain": "apps.lab.example.com"}},
    "DNS": {"spec": {"baseDomain": "lab.example.com"}},
}


# -- DER, as Go writes it ----------------------------------------------------------------------------------------------


def tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    if len(content) < 128:
        return bytes((tag, len(content))) + content
    length = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def oid(dotted: str) -> bytes:
    return x509.Name([x509.NameAttribute(x509.ObjectIdentifier(dotted), "x")]).public_bytes()[6:-3]


def attribute(dotted: str, value: str, tag: int = PRINTABLE) -> bytes:
    return tlv(0x30, oid(dotted), tlv(tag, value.encode()))


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return tlv(0x30, oid(dotted), b"\x01\x01\xff" if critical else b"", tlv(0x04, value))


def dns(name: str) -> bytes:
    return tlv(0x82, name.encode())


def ip(text: str) -> bytes:
    return tlv(0x87, ipaddress.ip_address(text).packed)


@functools.cache
def key(kind: str, serial: int = 0) -> t.Any:
    """A private key; the same for the same arguments, since making RSA keys takes time."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind.startswith("rsa"):
        exponent = 3 if kind.endswith("e3") else 65537
        return rsa.generate_private_key(exponent, int(kind[3:].removesuffix("e3")))
    curves: dict[str, ec.EllipticCurve] = {
        "p256": ec.SECP256R1(),
        "p384": ec.SECP384R1(),
        "p521": ec.SECP521R1(),
        "p224": ec.SECP224R1(),
        "k256": ec.SECP256K1(),
    }
    return ec.generate_private_key(curves[kind])


def spki(holder: t.Any) -> bytes:
    """The public key of a private key or a certificate."""
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


_ALGORITHMS = {
    ("ec", "sha256"): tlv(0x30, oid("1.2.840.10045.4.3.2")),
    ("ec", "sha384"): tlv(0x30, oid("1.2.840.10045.4.3.3")),
    ("ec", "sha512"): tlv(0x30, oid("1.2.840.10045.4.3.4")),
    ("ec", "sha1"): tlv(0x30, oid("1.2.840.10045.4.1")),
    ("ec", "sha224"): tlv(0x30, oid("1.2.840.10045.4.3.1")),
    ("rsa", "sha256"): tlv(0x30, oid("1.2.840.113549.1.1.11"), b"\x05\x00"),
    ("rsa", "sha512"): tlv(0x30, oid("1.2.840.113549.1.1.13"), b"\x05\x00"),
    ("rsa", "sha1"): tlv(0x30, oid("1.2.840.113549.1.1.5"), b"\x05\x00"),
    ("ed", ""): tlv(0x30, oid("1.3.101.112")),
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


def sign(private_key: t.Any, content: bytes, digest: str) -> tuple[bytes, bytes]:
    """Algorithm identifier and signature."""
    if isinstance(private_key, ec.EllipticCurvePrivateKey):
        return _ALGORITHMS["ec", digest], private_key.sign(content, ec.ECDSA(_HASHES[digest]))
    if isinstance(private_key, rsa.RSAPrivateKey):
        return _ALGORITHMS["rsa", digest], private_key.sign(content, padding.PKCS1v15(), _HASHES[digest])
    return _ALGORITHMS["ed", ""], private_key.sign(content)


@dataclass(frozen=True)
class Parts:
    """A PKCS#10 request before it is put together."""

    rdns: tuple[bytes, ...]
    key: t.Any
    names: tuple[bytes, ...] = ()
    extensions: tuple[bytes, ...] | None = None  # None: the names, where there are any
    attributes: tuple[bytes, ...] | None = None  # None: the extensions, where there are any
    version: bytes = b"\x02\x01\x00"
    public_key: bytes | None = None
    digest: str = "sha256"

    def information(self) -> bytes:
        extensions = self.extensions
        if extensions is None:
            extensions = (extension(SAN_OID, tlv(0x30, *self.names)),) if self.names else ()
        attributes = self.attributes
        if attributes is None:
            attributes = (extension_request(*extensions),) if extensions else ()
        subject = tlv(0x30, *self.rdns)
        return tlv(0x30, self.version, subject, self.public_key or spki(self.key), tlv(0xA0, *attributes))

    def der(self) -> bytes:
        return signed(self.information(), self.key, self.digest)


def extension_request(*extensions: bytes) -> bytes:
    return tlv(0x30, oid(EXTENSION_REQUEST), tlv(0x31, tlv(0x30, *extensions)))


def signed(information: bytes, private_key: t.Any, digest: str = "sha256") -> bytes:
    algorithm, signature = sign(private_key, information, digest)
    return tlv(0x30, information, algorithm, tlv(0x03, b"\x00", signature))


def pem(der: bytes) -> bytes:
    body = base64.b64encode(der).decode()
    lines = "\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{lines}\n-----END CERTIFICATE REQUEST-----\n".encode()


def wrap(der: bytes) -> str:
    return base64.b64encode(pem(der)).decode()


def subject(node_name: str) -> tuple[bytes, ...]:
    return (
        tlv(0x31, attribute(O_OID, "system:nodes")),
        tlv(0x31, attribute(CN_OID, f"system:node:{node_name}")),
    )


# -- A scene: one request, and the world that it comes into ------------------------------------------------------------


@dataclass
class Scene:
    """What ``decide`` is asked about, and the parts of the request so that it can be spoiled and signed again."""

    csr: dict[str, t.Any]
    parts: Parts
    machines: dict[str, dict[str, t.Any]]
    csrs: list[dict[str, t.Any]] = field(default_factory=list)
    nodes: list[dict[str, t.Any]] = field(default_factory=list)
    parameters: Parameters = field(default_factory=Parameters)
    bootstrapper_uid: str | None = BOOTSTRAPPER_UID
    approved_here: dict[str, Approval] = field(default_factory=dict)
    now: float = NOW

    def world(self) -> World:
        world = World(
            parameters=self.parameters,
            deny=cluster_deny_list(CLUSTER_OBJECTS),
            bootstrapper_uid=self.bootstrapper_uid,
            approved_here=dict(self.approved_here),
        )
        for csr in [*self.csrs, self.csr]:
            world.put_csr(csr)
        for node in self.nodes:
            world.put_node(node)
        return world

    def copy(self) -> Scene:
        return replace(
            self,
            csr=copy.deepcopy(self.csr),
            machines=copy.deepcopy(self.machines),
            csrs=copy.deepcopy(self.csrs),
            nodes=copy.deepcopy(self.nodes),
            approved_here=dict(self.approved_here),
        )

    def rebuild(self, **changes: t.Any) -> Scene:
        """The scene with other parts of the request, signed again."""
        scene = self.copy()
        scene.parts = replace(self.parts, **changes)
        scene.csr["spec"]["request"] = wrap(scene.parts.der())
        return scene


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def machine(name: str = "worker-arm-1", addresses: t.Sequence[str] = ("192.0.2.11",)) -> dict[str, t.Any]:
    return {
        "name": name,
        "node_name": name,
        "addresses": list(addresses),
        "architecture": "aarch64",
        "boot_method": "grub",
        "labels": {},
        "taints": [],
        "replace_node_uid": None,
        "arm": True,
        "stage": "armed",
        "failed": False,
        "reason": "",
        "reason_code": "",
        "hint": "",
        "changed": False,
        "warnings": [],
    }


def node(
    name: str = "worker-arm-1",
    addresses: t.Sequence[str] = ("192.0.2.11",),
    *,
    ready: bool = True,
    born: float = NOW - 5,
    architecture: str = "arm64",
) -> dict[str, t.Any]:
    return {
        "metadata": {
            "name": name,
            "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
            "creationTimestamp": stamp(born),
            "resourceVersion": "7",
            "labels": {},
            "annotations": {},
        },
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address} for address in addresses]
            + [{"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False", "lastHeartbeatTime": stamp(born)}],
            "nodeInfo": {"architecture": architecture, "kubeletVersion": "v1.34.4", "systemUUID": ""},
        },
    }


def envelope(name: str, spec: dict[str, t.Any], born: float) -> dict[str, t.Any]:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {
            "name": name,
            "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "creationTimestamp": stamp(born),
            "resourceVersion": "100",
        },
        "spec": spec,
        "status": {},
    }


def usages(purpose: str, kind: str, version: int) -> list[str]:
    if kind.startswith("rsa") or version < 27:
        return ["key encipherment", "digital signature", purpose]
    return ["digital signature", purpose]


def client_csr(
    node_name: str = "worker-arm-1",
    *,
    name: str = "csr-client",
    kind: str = "p256",
    serial: int = 0,
    version: int = 34,
    born: float = NOW - 10,
) -> tuple[dict[str, t.Any], Parts]:
    parts = Parts(subject(node_name), key(kind, serial))
    spec: dict[str, t.Any] = {
        "signerName": CLIENT_SIGNER,
        "username": BOOTSTRAPPER,
        "uid": BOOTSTRAPPER_UID,
        "groups": [
            "system:serviceaccounts",
            "system:serviceaccounts:openshift-machine-config-operator",
            "system:authenticated",
        ],
        "usages": usages("client auth", kind, version),
        "request": wrap(parts.der()),
    }
    if version >= 32:
        spec["extra"] = {CREDENTIAL_ID: ["JTI=fcf5bf65-143d-4f6c-bda8-7f02f35a13f5"]}
    return envelope(name, spec, born), parts


def serving_csr(
    node_name: str = "worker-arm-1",
    addresses: t.Sequence[str] = ("192.0.2.11",),
    *,
    name: str = "csr-serving",
    kind: str = "p256",
    serial: int = 1,
    version: int = 34,
    born: float = NOW - 3,
    fingerprint: str | None = None,
) -> tuple[dict[str, t.Any], Parts]:
    parts = Parts(subject(node_name), key(kind, serial), names=(dns(node_name), *map(ip, sorted(addresses))))
    spec: dict[str, t.Any] = {
        "signerName": SERVING_SIGNER,
        "username": f"system:node:{node_name}",
        "groups": ["system:nodes", "system:authenticated"],
        "usages": usages("server auth", kind, version),
        "request": wrap(parts.der()),
    }
    if fingerprint is not None:
        spec["extra"] = {CREDENTIAL_ID: [f"X509SHA256={fingerprint}"]}
    return envelope(name, spec, born), parts


def approve(csr: dict[str, t.Any], *, at: float | None = None, reason: str = "InventoryApproved") -> dict[str, t.Any]:
    """The request with an approval."""
    born = calendar.timegm(time.strptime(csr["metadata"]["creationTimestamp"], "%Y-%m-%dT%H:%M:%SZ"))
    moment = stamp(born if at is None else at)
    condition = {"type": "Approved", "status": "True", "reason": reason, "lastUpdateTime": moment}
    return {**csr, "status": {**csr.get("status", {}), "conditions": [condition]}}


@functools.lru_cache(maxsize=1)
def authority() -> tuple[t.Any, x509.Certificate]:
    """A CA's key and certificate."""
    private_key = key("p256", 99)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-signer")])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, private_key.public_key(), 1, start, start.replace(year=2036))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return private_key, builder.sign(private_key, hashes.SHA256())


def certificate(csr: dict[str, t.Any]) -> x509.Certificate:
    """What a signer makes of a request."""
    private_key, issuer = authority()
    request = x509.load_pem_x509_csr(base64.b64decode(csr["spec"]["request"]))
    start = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names of more than 64 characters
        subject_name = request.subject
    builder = x509.CertificateBuilder(
        issuer.subject,
        subject_name,
        request.public_key(),
        x509.random_serial_number(),
        start,
        start.replace(year=2027),
    )
    for item in request.extensions:
        builder = builder.add_extension(item.value, critical=False)
    return builder.sign(private_key, hashes.SHA256())


def issue(csr: dict[str, t.Any], *, at: float | None = None, reason: str = "InventoryApproved") -> dict[str, t.Any]:
    """The request approved and signed."""
    approved = approve(csr, at=at, reason=reason)
    encoded = base64.b64encode(certificate(csr).public_bytes(Encoding.PEM)).decode()
    return {**approved, "status": {**approved["status"], "certificate": encoded}}


def fingerprint(csr: dict[str, t.Any]) -> str:
    """SHA-256 fingerprint of the certificate of an issued request."""
    return (
        x509.load_pem_x509_certificate(base64.b64decode(csr["status"]["certificate"]))
        .fingerprint(hashes.SHA256())
        .hex()
    )


# -- Requests that must be approved ------------------------------------------------------------------------------------

FAMILIES = {
    "IPv4": ("192.0.2.11",),
    "IPv6": ("2001:db8::11",),
    "dual": ("192.0.2.11", "2001:db8::11"),
}
NAMES = ("worker-arm-1", "worker-arm-1.rack-7.datacentre-of-a-very-long-name.lab.example.com", "0")


def client_scene(*, kind: str = "p256", version: int = 34, family: str = "IPv4", name: str = "worker-arm-1") -> Scene:
    csr, parts = client_csr(name, kind=kind, version=version)
    return Scene(csr, parts, {name: machine(name, FAMILIES[family])})


def serving_scene(*, kind: str = "p256", version: int = 34, family: str = "IPv4", name: str = "worker-arm-1") -> Scene:
    client = issue(client_csr(name, kind=kind, version=version)[0], at=NOW - 8)
    made_with = fingerprint(client) if version >= 32 else None
    addresses = FAMILIES[family]
    csr, parts = serving_csr(name, addresses, kind=kind, version=version, fingerprint=made_with)
    return Scene(csr, parts, {name: machine(name, addresses)}, csrs=[client], nodes=[node(name, addresses)])


def good_scenes() -> t.Iterator[tuple[str, Scene]]:
    """Requests of every kubelet, key, address family and length of name."""
    for build in (client_scene, serving_scene):
        label = build.__name__.partition("_")[0]
        for version in KUBELET_VERSIONS:
            for kind in ("p256", "rsa2048"):
                for family in FAMILIES:
                    yield f"{label}-1.{version}-{kind}-{family}", build(kind=kind, version=version, family=family)
        for kind in ("p384", "p521", "rsa4096"):
            yield f"{label}-{kind}", build(kind=kind)
        for name in NAMES[1:]:
            yield f"{label}-{name}", build(name=name)
