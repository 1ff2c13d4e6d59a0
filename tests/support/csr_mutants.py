# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every way that we could think of to spoil a good request, or the world that it comes into."""

from __future__ import annotations

import base64
import typing as t
from dataclasses import replace

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import PublicFormat

from ansible_collections.multiarch.openshift.plugins.module_utils._world import BOOTSTRAPPER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SERVING_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Approval
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from support import csr_corpus as corpus
from support.csr_corpus import CN_OID
from support.csr_corpus import CREDENTIAL_ID
from support.csr_corpus import NOW
from support.csr_corpus import O_OID
from support.csr_corpus import OU_OID
from support.csr_corpus import PRINTABLE
from support.csr_corpus import SAN_OID
from support.csr_corpus import UTF8
from support.csr_corpus import Scene
from support.csr_corpus import attribute
from support.csr_corpus import dns
from support.csr_corpus import extension
from support.csr_corpus import extension_request
from support.csr_corpus import ip
from support.csr_corpus import oid
from support.csr_corpus import tlv

Mutant = tuple[str, Scene]
ORGANIZATION = tlv(0x31, attribute(O_OID, "system:nodes"))


def common_name(text: str, tag: int = PRINTABLE) -> bytes:
    return tlv(0x31, attribute(CN_OID, text, tag))


def spec(scene: Scene, **changes: t.Any) -> Scene:
    """The scene with other fields of the request's spec; None removes one."""
    changed = scene.copy()
    for name, value in changes.items():
        changed.csr["spec"][name] = value
        if value is None:
            del changed.csr["spec"][name]
    return changed


def text(scene: Scene, raw: bytes) -> Scene:
    """The scene with this PEM text as its request."""
    return spec(scene, request=base64.b64encode(raw).decode())


def metadata(scene: Scene, **changes: t.Any) -> Scene:
    changed = scene.copy()
    changed.csr["metadata"].update(changes)
    return changed


def born(scene: Scene, at: float) -> Scene:
    return metadata(scene, creationTimestamp=corpus.stamp(at))


# -- the object --------------------------------------------------------------------------------------------------------


def object_mutants(scene: Scene) -> t.Iterator[Mutant]:
    serving = scene.csr["spec"]["signerName"] == SERVING_SIGNER
    for signer in (
        "kubernetes.io/kube-apiserver-client",
        "kubernetes.io/legacy-unknown",
        "kubernetes.io/kubelet-serving2",
        CLIENT_SIGNER.upper(),
        "example.com/any",
        CLIENT_SIGNER if serving else SERVING_SIGNER,
    ):
        yield f"signer {signer}", spec(scene, signerName=signer)
    for kind in ("Approved", "Denied", "Failed"):
        changed = scene.copy()
        changed.csr["status"]["conditions"] = [{"type": kind, "status": "True", "lastUpdateTime": corpus.stamp(NOW)}]
        yield f"condition {kind}", changed
    issued = scene.copy()
    issued.csr["status"]["certificate"] = "LS0t"
    yield "certificate without condition", issued
    yield "being deleted", metadata(scene, deletionTimestamp=corpus.stamp(NOW))
    own = "system:node:worker-arm-1"
    for username in (
        own if not serving else BOOTSTRAPPER,
        "system:node:",
        "system:node:master-0",
        "system:node:worker-arm-1 ",
        "system:node:Worker-arm-1",
        "system:serviceaccount:openshift-machine-config-operator:node-bootstrapper2",
        "system:serviceaccount:default:node-bootstrapper",
        "kube:admin",
        "worker-arm-1",
        "",
    ):
        yield f"username {username!r}", spec(scene, username=username)
    for uid in ("1b2f8a0c-0000-4000-8000-000000000000", "x", "" if not serving else "61bcba2a"):
        yield f"uid {uid!r}", spec(scene, uid=uid)
    groups = scene.csr["spec"]["groups"]
    for index, group in enumerate(groups):
        yield f"group {group} left out", spec(scene, groups=groups[:index] + groups[index + 1 :])
        yield f"group {group} twice", spec(scene, groups=[*groups, group])
    for group in ("system:masters", "system:cluster-admins", "system:nodes", "system:serviceaccounts"):
        if group not in groups:
            yield f"group {group} added", spec(scene, groups=[*groups, group])
    yield "no groups", spec(scene, groups=None)
    extras: tuple[dict[str, list[str]], ...] = (
        {"authentication.kubernetes.io/pod-name": ["a"]},
        {"authentication.kubernetes.io/node-name": ["master-0"]},
        {"scopes.authorization.openshift.io": ["user:full"]},
        {CREDENTIAL_ID: []},
        {CREDENTIAL_ID: ["JTI=a", "JTI=b"]},
    )
    for extra in extras:
        yield f"extra {extra}", spec(scene, extra=extra)
        yield f"extra {extra} added", spec(scene, extra={**scene.csr["spec"].get("extra", {}), **extra})
    wanted = scene.csr["spec"]["usages"]
    purpose = "server auth" if serving else "client auth"
    other = "client auth" if serving else "server auth"
    yield "no usages", spec(scene, usages=[])
    for usage in (other, "cert sign", "any", "signing", "code signing", "digital signature", purpose):
        yield f"usage {usage} added", spec(scene, usages=[*wanted, usage])
    for usage in wanted:
        if usage != "key encipherment":
            yield f"usage {usage} left out", spec(scene, usages=[item for item in wanted if item != usage])
    yield "usage swapped", spec(scene, usages=[other if item == purpose else item for item in wanted])
    for seconds in (0, 599, -1, 31622401, 2**31, True, "3600"):
        yield f"expirationSeconds {seconds!r}", spec(scene, expirationSeconds=seconds)


# -- the text around the request ---------------------------------------------------------------------------------------


def text_mutants(scene: Scene) -> t.Iterator[Mutant]:
    der = scene.parts.der()
    good = corpus.pem(der)
    encoded = base64.b64encode(good).decode()
    for label, request in (
        ("empty", ""),
        ("not base64", "*" * 40),
        ("space in base64", encoded[:40] + " " + encoded[40:]),
        ("line break in base64", encoded + "\n"),
        ("base64 in lines", base64.encodebytes(good).decode()),
        ("huge", base64.b64encode(good + b"\n" * 17000).decode()),
        ("very huge", base64.b64encode(good * 200).decode()),
    ):
        yield f"request {label}", spec(scene, request=request)
    other = corpus.pem(corpus.client_csr("master-0", serial=5)[1].der())
    body = base64.b64encode(der)
    for label, raw in (
        ("text before", b"hello\n" + good),
        ("text after", good + b"hello\n"),
        ("blank line after", good + b"\n"),
        ("no line break at the end", good[:-1]),
        ("CRLF", good.replace(b"\n", b"\r\n")),
        ("second block", good + other),
        ("second block of the same", good + good),
        ("another block first", other.replace(b"CERTIFICATE REQUEST", b"CERTIFICATE") + good),
        ("NEW CERTIFICATE REQUEST", good.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")),
        ("CERTIFICATE", good.replace(b"CERTIFICATE REQUEST", b"CERTIFICATE")),
        ("header", good.replace(b"-----\n", b"-----\nComment: a\n\n", 1)),
        ("blank lines", good.replace(b"\n", b"\n\n", 2)),
        ("spaces", good.replace(b"\n", b" \n", 1)),
        ("one line", b"-----BEGIN CERTIFICATE REQUEST-----\n" + body + b"\n-----END CERTIFICATE REQUEST-----\n"),
        ("DER alone", der),
        ("base64 alone", body),
        ("nothing in the block", b"-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n"),
        ("byte after the DER", corpus.pem(der + b"\x00")),
        ("DER cut short", corpus.pem(der[:-1])),
    ):
        yield f"PEM {label}", text(scene, raw)


# -- the request itself, signed again ----------------------------------------------------------------------------------


def subject_mutants(scene: Scene) -> t.Iterator[Mutant]:
    name = "system:node:worker-arm-1"
    cn = common_name(name)
    subjects: dict[str, tuple[bytes, ...]] = {
        "empty": (),
        "no organization": (cn,),
        "no common name": (ORGANIZATION,),
        "two common names": (ORGANIZATION, common_name("system:node:master-0"), cn),
        "two common names, ours first": (ORGANIZATION, cn, common_name("system:node:master-0")),
        "common name twice": (ORGANIZATION, cn, cn),
        "two organizations": (ORGANIZATION, tlv(0x31, attribute(O_OID, "system:masters")), cn),
        "organization twice": (ORGANIZATION, ORGANIZATION, cn),
        "organization system:cluster-admins": (tlv(0x31, attribute(O_OID, "system:cluster-admins")), cn),
        "organization system:node": (tlv(0x31, attribute(O_OID, "system:node")), cn),
        "organization in capitals": (tlv(0x31, attribute(O_OID, "SYSTEM:NODES")), cn),
        "organization with a space": (tlv(0x31, attribute(O_OID, "system:nodes ")), cn),
        "organizational unit": (ORGANIZATION, tlv(0x31, attribute(OU_OID, "a")), cn),
        "name in the organizational unit": (
            ORGANIZATION,
            tlv(0x31, attribute(OU_OID, "x, CN = system:node:worker-arm-1, y")),
            common_name("system:node:master-0"),
        ),
        "Kubernetes UID attribute": (ORGANIZATION, cn, tlv(0x31, attribute("1.3.6.1.4.1.57683.2", "a", UTF8))),
        "serial number": (ORGANIZATION, cn, tlv(0x31, attribute("2.5.4.5", "1"))),
        "one RDN of two values": (tlv(0x31, attribute(CN_OID, name), attribute(O_OID, "system:nodes")),),
        "common name in capitals": (ORGANIZATION, common_name("system:node:Worker-arm-1")),
        "common name of another": (ORGANIZATION, common_name("system:node:master-0")),
        "common name empty": (ORGANIZATION, common_name("system:node:")),
        "common name without prefix": (ORGANIZATION, common_name("worker-arm-1")),
        "common name with a dot": (ORGANIZATION, common_name(name + ".")),
        "common name with a domain": (ORGANIZATION, common_name(name + ".example.com")),
        "common name with a space": (ORGANIZATION, common_name(name + " ")),
        "common name with a NUL": (ORGANIZATION, common_name(name + "\0", UTF8)),
        "common name localhost": (ORGANIZATION, common_name("system:node:localhost.localdomain")),
        "common name as UTF8String": (ORGANIZATION, common_name(name, UTF8)),
        "organization as UTF8String": (tlv(0x31, attribute(O_OID, "system:nodes", UTF8)), cn),
        "common name as IA5String": (ORGANIZATION, common_name(name, 0x16)),
        "common name as TeletexString": (ORGANIZATION, common_name(name, 0x14)),
        "common name as BMPString": (
            ORGANIZATION,
            tlv(0x31, tlv(0x30, oid(CN_OID), tlv(0x1E, name.encode("utf-16-be")))),
        ),
        "common name first": (cn, ORGANIZATION),
    }
    for label, rdns in subjects.items():
        yield f"subject {label}", scene.rebuild(rdns=rdns)
    bare = scene.copy()
    bare.machines = {**bare.machines, "a b": corpus.machine("a b")}
    yield (
        "subject is no RFC 1123 name, though the inventory has it",
        bare.rebuild(rdns=(ORGANIZATION, common_name("system:node:a b"))),
    )


def profile_mutants(scene: Scene) -> t.Iterator[Mutant]:
    serving = scene.csr["spec"]["signerName"] == SERVING_SIGNER
    names = scene.parts.names
    san = (extension(SAN_OID, tlv(0x30, *names)),) if names else ()
    for label, extra in (
        ("basicConstraints CA", extension("2.5.29.19", tlv(0x30, b"\x01\x01\xff"))),
        ("keyUsage", extension("2.5.29.15", b"\x03\x02\x01\x06")),
        ("extendedKeyUsage", extension("2.5.29.37", tlv(0x30, oid("1.3.6.1.5.5.7.3.2")))),
        ("unknown extension", extension("1.3.6.1.4.1.99999.1", b"\x05\x00")),
        ("subjectKeyIdentifier", extension("2.5.29.14", tlv(0x04, b"a" * 20))),
    ):
        yield f"extension {label}", scene.rebuild(extensions=(*san, extra))
    for label, attributes in (
        ("challengePassword", (tlv(0x30, oid("1.2.840.113549.1.9.7"), tlv(0x31, tlv(UTF8, b"secret"))),)),
        ("unknown attribute", (tlv(0x30, oid("1.3.6.1.4.1.99999.2"), tlv(0x31, tlv(UTF8, b"x"))),)),
        ("extension request twice", (extension_request(*san),)),
        ("empty extension request", (extension_request(),) if not serving else ()),
    ):
        own = (extension_request(*san),) if san else ()
        if attributes or not serving:
            yield f"attribute {label}", scene.rebuild(attributes=(*own, *attributes))
    yield "version 1", scene.rebuild(version=b"\x02\x01\x01")
    for kind in ("ed25519", "p224", "k256", "rsa1024", "rsa2048e3"):
        if kind != "rsa2048e3" or not serving:
            yield f"key {kind}", scene.rebuild(key=corpus.key(kind), digest="sha256")
    yield "signature ECDSA with SHA-1", scene.rebuild(digest="sha1")
    yield "signature ECDSA with SHA-224", scene.rebuild(digest="sha224")
    yield "signature RSA with SHA-1", scene.rebuild(key=corpus.key("rsa2048"), digest="sha1")
    stranger = corpus.spki(corpus.key("p256", 77))
    yield "public key of another", scene.rebuild(public_key=stranger)
    broken = corpus.signed(scene.parts.information(), corpus.key("p256", 78))
    yield "signed by another", text(scene, corpus.pem(broken))
    compressed = corpus.key("p256", 0).public_key()
    yield (
        "compressed point",
        scene.rebuild(
            key=corpus.key("p256", 0),
            public_key=tlv(
                0x30,
                tlv(0x30, oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
                tlv(0x03, b"\x00", compressed.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)),
            ),
        ),
    )
    if serving:
        yield from san_mutants(scene, names)
    else:
        yield "client with DNS name", scene.rebuild(names=(dns("worker-arm-1"),))
        yield "client with address", scene.rebuild(names=(ip("192.0.2.11"),))
        yield "client with URI", scene.rebuild(names=(tlv(0x86, b"spiffe://a"),))
        yield "client with empty SAN", scene.rebuild(extensions=(extension(SAN_OID, tlv(0x30)),))


def san_mutants(scene: Scene, names: tuple[bytes, ...]) -> t.Iterator[Mutant]:
    for label, changed in (
        ("none", ()),
        ("DNS only", names[:1]),
        ("address only", names[1:]),
        ("DNS twice", (names[0], *names)),
        ("address twice", (*names, names[-1])),
        ("foreign DNS", (names[0], dns("master-0"), *names[1:])),
        ("DNS in capitals", (dns("WORKER-ARM-1"), *names[1:])),
        ("DNS with dot", (dns("worker-arm-1."), *names[1:])),
        ("empty DNS", (names[0], dns(""), *names[1:])),
        ("wildcard", (names[0], dns("*.worker-arm-1"), *names[1:])),
        ("FQDN", (dns("worker-arm-1.lab.example.com"), *names[1:])),
        ("localhost", (names[0], dns("localhost"), *names[1:])),
        ("kubernetes", (names[0], dns("kubernetes.default.svc"), *names[1:])),
        ("API", (names[0], dns("api-int.lab.example.com"), *names[1:])),
        ("address as DNS", (names[0], dns("192.0.2.11"), *names[1:])),
        ("foreign address", (*names, ip("192.0.2.99"))),
        ("API address", (*names, ip("192.0.2.5"))),
        ("loopback", (*names, ip("127.0.0.1"))),
        ("IPv4-mapped", (*names, tlv(0x87, bytes(10) + b"\xff\xff" + bytes((192, 0, 2, 11))))),
        ("address with mask", (*names, tlv(0x87, bytes((192, 0, 2, 11, 255, 255, 255, 255))))),
        ("e-mail", (*names, tlv(0x81, b"a@example.com"))),
        ("URI", (*names, tlv(0x86, b"https://api"))),
        ("other name", (*names, tlv(0xA0, oid("1.3.6.1.4.1.311.20.2.3"), tlv(0xA0, tlv(UTF8, b"admin"))))),
        ("registered id", (*names, tlv(0x88, oid("1.2.3.4")[2:]))),
        ("directory name", (*names, tlv(0xA4, tlv(0x30, ORGANIZATION)))),
        ("foreign only", (dns("a"),)),
    ):
        yield f"SAN {label}", scene.rebuild(names=changed)
    sequence = tlv(0x30, *names)
    yield "SAN critical", scene.rebuild(extensions=(extension(SAN_OID, sequence, critical=True),))
    yield "SAN twice", scene.rebuild(extensions=(extension(SAN_OID, sequence),) * 2)


def byte_mutants(scene: Scene) -> t.Iterator[Mutant]:
    """Each byte of what is signed changed in three ways, and signed again where the key is not changed with it."""
    information = scene.parts.information()
    for index in range(len(information)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(information)
            changed[index] ^= flip
            der = corpus.signed(bytes(changed), scene.parts.key)
            yield f"byte {index} ^ {flip:#04x}", text(scene, corpus.pem(der))


def element_mutants(scene: Scene) -> t.Iterator[Mutant]:
    """Each DER element left out, doubled, emptied, or with an indefinite or overlong length; signed again."""
    information = scene.parts.information()
    for path, changed in _damaged(information):
        if changed == information:
            continue  # an empty element emptied
        yield f"element {path}", text(scene, corpus.pem(corpus.signed(changed, scene.parts.key)))


def _split(data: bytes) -> list[tuple[int, int, bytes]] | None:
    """Tag, header length and content of each element; None where this is no DER."""
    found, position = [], 0
    while position < len(data):
        if position + 2 > len(data):
            return None
        length, header = data[position + 1], 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 2:
                return None
            header += count
            length = int.from_bytes(data[position + 2 : position + header], "big")
        if position + header + length > len(data):
            return None
        found.append((data[position], header, data[position + header : position + header + length]))
        position += header + length
    return found


def _damaged(data: bytes, path: str = "") -> t.Iterator[tuple[str, bytes]]:
    elements = _split(data)
    if not elements:
        return
    whole = [tlv(tag, content) for tag, _header, content in elements]
    for index, (tag, _header, content) in enumerate(elements):
        before, after = b"".join(whole[:index]), b"".join(whole[index + 1 :])
        here = f"{path}/{index}:{tag:02x}"
        yield f"{here} left out", before + after
        yield f"{here} doubled", before + whole[index] * 2 + after
        yield f"{here} emptied", before + tlv(tag) + after
        if len(content) < 128:
            yield f"{here} overlong", before + bytes((tag, 0x81, len(content))) + content + after
        yield f"{here} indefinite", before + bytes((tag, 0x80)) + content + b"\0\0" + after
        yield f"{here} NULL added", before + tlv(tag, content, b"\x05\x00") + after
        # an extension's value, and an RSA key in its bit string, hold elements too
        lead = b"\0" if tag == 0x03 else b""
        if tag & 0x20 or (tag in (0x03, 0x04) and content.startswith(lead + b"\x30")):
            for inner, changed in _damaged(content[len(lead) :], here):
                yield inner, before + tlv(tag, lead, changed) + after


# -- time and world ----------------------------------------------------------------------------------------------------


def world_mutants(scene: Scene) -> t.Iterator[Mutant]:
    serving = scene.csr["spec"]["signerName"] == SERVING_SIGNER
    yield "older than a kubelet waits", born(scene, NOW - 901)
    yield "in the future", born(scene, NOW + 61)
    powered = scene.copy()
    powered.machines["worker-arm-1"]["powered_on"] = corpus.stamp(NOW + 55 if not serving else NOW + 58)
    yield "before the machine had power", powered
    seen = scene.copy()
    seen.machines["worker-arm-1"]["booted"] = powered.machines["worker-arm-1"]["powered_on"]
    yield "before the machine was seen to boot", seen
    failed = scene.copy()
    failed.machines["worker-arm-1"]["failed"] = True
    yield "machine failed", failed
    absent = scene.copy()
    absent.machines = {"worker-arm-2": corpus.machine("worker-arm-2")}
    yield "machine not in the run", absent
    if not serving:
        yield from client_world_mutants(scene)
    else:
        yield from serving_world_mutants(scene)


def client_world_mutants(scene: Scene) -> t.Iterator[Mutant]:
    for ready in (True, False):
        existing = scene.copy()
        existing.nodes = [corpus.node(ready=ready, born=NOW - 500)]
        yield f"Node exists, ready {ready}", existing
    other = scene.copy()
    other.nodes = [corpus.node(ready=False, born=NOW - 500)]
    other.machines["worker-arm-1"]["replace_node_uid"] = "00000000-0000-4000-8000-000000000000"
    yield "replace_node_uid of another Node", other
    ready_node = scene.copy()
    ready_node.nodes = [corpus.node(born=NOW - 500)]
    ready_node.machines["worker-arm-1"]["replace_node_uid"] = ready_node.nodes[0]["metadata"]["uid"]
    yield "replace_node_uid of a Ready Node", ready_node
    for seconds in (45, 890):
        silent = scene.copy()
        silent.nodes = [corpus.node(ready=False, born=NOW - seconds)]
        silent.nodes[0]["metadata"]["creationTimestamp"] = corpus.stamp(NOW - 86400)
        silent.machines["worker-arm-1"]["replace_node_uid"] = silent.nodes[0]["metadata"]["uid"]
        yield f"replace_node_uid of a Node that reported {seconds} s ago", silent
    empty = silent.copy()
    empty.nodes[0]["metadata"]["creationTimestamp"] = corpus.stamp(NOW - 60)
    empty.nodes[0]["status"]["conditions"] = []
    yield "replace_node_uid of a Node that has not reported yet", empty
    rival = scene.copy()
    rival.csrs = [corpus.client_csr(name="csr-rival", serial=7, born=NOW - 300)[0]]
    yield "older rival with another key", rival
    younger = scene.copy()
    younger.csrs = [corpus.client_csr(name="csr-rival", serial=7, born=NOW - 1)[0]]
    yield "younger rival with another key", younger
    copied = scene.copy()
    copied.csrs = [corpus.client_csr(name="csr-original", born=NOW - 11)[0]]
    yield "copy of an older request", copied
    for label, original in (
        ("approved", corpus.issue(copied.csrs[0])),
        ("denied", {**copied.csrs[0], "status": {"conditions": [{"type": "Denied", "status": "True"}]}}),
        ("too old", born(replace(copied, csr=copied.csrs[0]), NOW - 2000).csr),
    ):
        late = copied.copy()
        late.csrs = [original]
        yield f"copy of a request that is {label}", late
    newest = younger.copy()
    newest.parameters = Parameters(ambiguous="newest")
    yield "older of two, newest wanted", newest
    before = scene.copy()
    before.csrs = [corpus.issue(corpus.client_csr(name="csr-first", serial=8, born=NOW - 60)[0])]
    yield "another approved a minute ago", before
    in_use = scene.copy()
    in_use.csrs = [
        corpus.issue(corpus.client_csr(name="csr-first", serial=8, born=NOW - 2000)[0]),
        corpus.serving_csr(name="csr-of-first", born=NOW - 1900)[0],
    ]
    yield "another certificate in use", in_use
    quota = scene.copy()
    quota.approved_here = {
        str(number): Approval("worker-arm-1", CLIENT_SIGNER, NOW - 1000 * number) for number in range(1, 4)
    }
    yield "quota used up", quota


def renewed(
    scene: Scene, *, of: dict[str, t.Any] | None, by: str = "system:node:worker-arm-1", serial: int = 4
) -> Scene:
    """The scene with the request made with a renewal of a certificate, or of one that nobody knows."""
    renewal, _parts = corpus.client_csr(name=f"csr-renewal-{serial}", serial=serial, born=NOW - 6)
    made_with = corpus.fingerprint(of) if of else "cd" * 32
    renewal["spec"].update(
        username=by, groups=["system:nodes", "system:authenticated"], extra={CREDENTIAL_ID: [f"X509SHA256={made_with}"]}
    )
    del renewal["spec"]["uid"]
    renewal = corpus.issue(renewal)
    changed = spec(scene, extra={CREDENTIAL_ID: [f"X509SHA256={corpus.fingerprint(renewal)}"]})
    changed.csrs.append(renewal)
    return changed


def serving_world_mutants(scene: Scene) -> t.Iterator[Mutant]:
    gone = scene.copy()
    gone.nodes = []
    yield "no Node yet", gone
    newer = scene.copy()
    newer.csrs.append(corpus.serving_csr(name="csr-newer", serial=9, born=NOW - 1)[0])
    yield "newer serving request", newer
    wrong = scene.copy()
    wrong.nodes = [corpus.node(architecture="amd64")]
    yield "Node of another architecture", wrong
    silent = scene.copy()
    silent.nodes = [corpus.node(architecture="")]
    yield "Node without architecture", silent
    for label, found in (("another", "11111111-2222-4333-8444-555555555555"), ("no", "")):
        other = scene.copy()
        other.machines["worker-arm-1"]["system_uuid"] = "4c4c4544-0042-3010-8047-b7c04f523733"
        other.nodes[0]["status"]["nodeInfo"]["systemUUID"] = found
        yield f"{label} system UUID", other
    for label, addresses in (
        ("more addresses", ["192.0.2.11", "192.0.2.12"]),
        ("another address", ["192.0.2.12"]),
        ("no address", []),
    ):
        moved = scene.copy()
        moved.nodes = [corpus.node(addresses=addresses)]
        yield f"Node reports {label}", moved
    lying = scene.rebuild(names=(dns("worker-arm-1"), ip("192.0.2.11"), ip("192.0.2.77")))
    lying.nodes = [corpus.node(addresses=["192.0.2.11", "192.0.2.77"])]
    yield "Node lies about its addresses", lying
    renamed = scene.rebuild(names=(dns("worker-arm-1"), dns("registry.example.com"), ip("192.0.2.11")))
    renamed.nodes[0]["status"]["addresses"].append({"type": "InternalDNS", "address": "registry.example.com"})
    yield "Node lies about its names", renamed
    for address in ("192.0.2.5", "2001:db8::5", "192.0.2.6", "10.128.3.4", "172.30.0.1", "127.0.0.1", "fe80::1"):
        denied = scene.rebuild(names=(dns("worker-arm-1"), ip(address)))
        denied.machines["worker-arm-1"]["addresses"] = [address]
        denied.nodes = [corpus.node(addresses=[address])]
        yield f"inventory and Node have the cluster's {address}", denied
    placeless = scene.rebuild(names=(dns("worker-arm-1"),))
    placeless.nodes = [corpus.node(addresses=[])]
    yield "Node without an address", placeless
    nobody = scene.rebuild(names=())
    nobody.nodes[0]["status"]["addresses"] = []
    yield "nothing reported and nothing asked for", nobody
    held = scene.copy()
    held.nodes.append(corpus.node("worker-x86-1", ["192.0.2.11"], architecture="amd64"))
    yield "another Node has the address", held
    crossed = scene.copy()
    crossed.machines["worker-arm-2"] = corpus.machine("worker-arm-2", ["192.0.2.11"])
    crossed.csr["spec"]["username"] = "system:node:worker-arm-2"
    yield "made by another machine of the run", crossed
    credential = spec(scene, extra={CREDENTIAL_ID: ["X509SHA256=" + "ab" * 32]})
    yield "made with another certificate", credential
    yield "made with a token", spec(scene, extra={CREDENTIAL_ID: ["JTI=ab"]})
    unapproved = scene.copy()
    first = unapproved.csrs[0]
    first["spec"]["groups"] = [*first["spec"]["groups"], "system:masters"]
    yield "made with a certificate that the rules refuse", unapproved
    yield "made with a renewal of a certificate that the rules refuse", renewed(unapproved, of=first)
    twice = renewed(unapproved, of=first)
    yield "made with a renewal of such a renewal", renewed(twice, of=twice.csrs[-1], serial=5)
    yield (
        "made with an unknown certificate beside one that the rules refuse",
        spec(unapproved, extra={CREDENTIAL_ID: ["X509SHA256=" + "ab" * 32]}),
    )
    yield "made with a renewal of an unknown certificate beside a good one", renewed(scene, of=None)
    yield "made with a certificate that another node asked for", renewed(scene, of=None, by="system:node:worker-x86-1")
    stolen = renewed(scene, of=None, by="system:node:worker-x86-1")
    stolen.csrs = stolen.csrs[-1:]
    yield "made with one that another node asked for, the client request gone", stolen
    unbound = scene.copy()
    unbound.parameters = replace(unbound.parameters, bind_credential="require")
    unbound.csrs = []
    yield "binding required, client request gone", unbound
    nameless = spec(unbound, extra=None)
    yield "binding required, no credential", nameless


FAMILIES: tuple[t.Callable[[Scene], t.Iterator[Mutant]], ...] = (
    object_mutants,
    text_mutants,
    subject_mutants,
    profile_mutants,
    world_mutants,
    element_mutants,
)


def mutants(scene: Scene) -> t.Iterator[Mutant]:
    for family in FAMILIES:
        yield from family(scene)
