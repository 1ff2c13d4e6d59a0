# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import datetime
import gzip
import hashlib
import json
import pathlib
import typing as t
import urllib.parse

import pytest
from ansible.errors import AnsibleFilterError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from ansible_collections.multiarch.openshift.plugins.filter.ignition_hash import ignition_hash
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import Ignition
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import expiry_warnings
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import read_secret
from ansible_collections.multiarch.openshift.plugins.module_utils._private_file import ensure_private_directory
from ansible_collections.multiarch.openshift.plugins.module_utils._private_file import read_private_file
from ansible_collections.multiarch.openshift.plugins.module_utils._private_file import write_private_file
from support import paths

UTC = datetime.timezone.utc
CANARY = "canary-7f3a"


def certificate(name: str, not_after: datetime.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_after(not_after)
    builder = builder.not_valid_before(not_after - datetime.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def authority(pem: bytes, **more: str) -> dict[str, str]:
    return {"source": "data:text/plain;charset=utf-8;base64," + base64.b64encode(pem).decode(), **more}


def pointer(*authorities: t.Any, version: str = "3.4.0", config: t.Any = None) -> dict[str, t.Any]:
    """A pointer config as the Machine Config Operator writes it."""
    config = {"merge": [{"source": "https://192.0.2.2:22623/config/worker"}]} if config is None else config
    return {
        "ignition": {
            "config": config,
            "security": {"tls": {"certificateAuthorities": list(authorities)}},
            "version": version,
        },
        "storage": {"note": CANARY},
    }


def secret(content: bytes, key: str = "userData") -> dict[str, t.Any]:
    return {"data": {key: base64.b64encode(content).decode(), "disableTemplating": "dHJ1ZQo="}}


def read(content: bytes, name: str = "worker-user-data-managed", pool: str = "worker") -> Ignition:
    return read_secret(secret(content), namespace="openshift-machine-api", name=name, key="userData", pool=pool)


def refusal(found: dict[str, t.Any] | None, name: str = "worker-user-data-managed") -> str:
    with pytest.raises(OperationError) as caught:
        read_secret(found, namespace="openshift-machine-api", name=name, key="userData", pool="worker")
    assert CANARY not in str(caught.value)
    return str(caught.value)


def test_bytes_are_kept_and_hashed_as_they_are() -> None:
    # spaces, order and the line feed at the end would not survive a second serialisation
    content = b'{ "storage": {}, "ignition":{"version":"3.4.0",  "config":{"merge":[{"source":"https://a/"}]}} }\n'
    ignition = read(content)
    assert ignition.content == content
    assert ignition.hash == "sha512-" + hashlib.sha512(content).hexdigest()
    assert ignition.facts() == {
        "hash": ignition.hash,
        "size": len(content),
        "spec_version": "3.4.0",
        "merge_sources": ["https://a/"],
        "certificate_authorities": [],
    }


def test_subjects_and_ends_of_the_certificate_authorities_are_read() -> None:
    first = certificate("root-ca", datetime.datetime(2036, 1, 13, 8, tzinfo=UTC))
    second = certificate("machine-config-server-ca", datetime.datetime(2030, 1, 1, tzinfo=UTC))
    zipped = gzip.compress(second)
    quoted = {"source": "data:," + urllib.parse.quote(first.decode())}
    config = pointer(authority(first + second), authority(zipped, compression="gzip"), quoted)
    ignition = read(json.dumps(config).encode())
    root = {"subject": "CN=root-ca", "not_after": "2036-01-13T08:00:00Z", "problem": ""}
    server = {"subject": "CN=machine-config-server-ca", "not_after": "2030-01-01T00:00:00Z", "problem": ""}
    assert ignition.certificate_authorities == [root, server, server, root]


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        ({"source": "data:text/plain;charset=utf-8;base64,LS0tL_Fake_LS0tCg=="}, "it is not valid base64"),
        ({"source": "data:;base64"}, "its data URL has no comma"),
        ({"source": "https://ca.example.com/ca.pem"}, "its source is no data URL"),
        ({}, "its source is no data URL"),
        ("text", "its source is no data URL"),
        (authority(b"nothing"), "it holds no PEM certificate"),
        (authority(b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----"), "it is no X.509 certificate"),
        (authority(b"nothing", compression="gzip"), "it is not valid gzip"),
    ],
)
def test_certificate_authority_that_cannot_be_read_is_recorded_and_no_error(broken: t.Any, problem: str) -> None:
    ignition = read(json.dumps(pointer(broken)).encode())
    assert ignition.certificate_authorities == [{"subject": "", "not_after": "", "problem": problem}]


def test_expired_and_unreadable_certificate_authorities_are_warnings() -> None:
    authorities = [
        {"subject": "CN=old", "not_after": "2025-01-01T00:00:00Z", "problem": ""},
        {"subject": "CN=new", "not_after": "2035-01-01T00:00:00Z", "problem": ""},
        {"subject": "", "not_after": "", "problem": "it is not valid base64"},
    ]
    warnings = expiry_warnings("worker", authorities, datetime.datetime(2026, 1, 1, tzinfo=UTC))
    assert len(warnings) == 2
    assert "CN=old expired on 2025-01-01T00:00:00Z" in warnings[0]
    assert "cannot be read: it is not valid base64" in warnings[1]


def test_missing_secret_is_named_with_the_pool() -> None:
    message = refusal(None)
    assert "Secret openshift-machine-api/worker-user-data-managed" in message
    assert "oc get mcp worker" in message


def test_missing_key_is_answered_with_those_that_exist() -> None:
    assert "has no key userData. It has disableTemplating, user-data." in refusal(secret(b"{}", key="user-data"))
    assert "It has no keys at all" in refusal({})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not JSON"),
        (b'{"a": "canary-7f3a"', "is not JSON"),
        (b"\xff\xfe{\x00}\x00", "byte 0 is not UTF-8"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b"[]", "no Ignition config"),
        (b'{"ignition": []}', "no Ignition config"),
        (json.dumps(pointer(version="4.0.0")).encode(), "'4.0.0'; expected 3.x"),
        (b'{"ignition": {}}', "''; expected 3.x"),
        (json.dumps(pointer(config={})).encode(), "no config.merge"),
        (json.dumps(pointer(config={"merge": []})).encode(), "no config.merge"),
        (json.dumps(pointer(config={"merge": [{"source": ""}]})).encode(), "no config.merge"),
        (json.dumps(pointer(config={"merge": "https://a"})).encode(), "no config.merge"),
    ],
)
def test_user_data_that_no_machine_could_use_is_refused(content: bytes, problem: str) -> None:
    message = refusal(secret(content))
    assert "Secret openshift-machine-api/worker-user-data-managed, key userData," in message
    assert problem in message


@pytest.mark.parametrize("text", ["not base64!", "e30", "e30=\n "])
def test_user_data_that_is_not_base64_is_refused(text: str) -> None:
    assert "is not valid base64" in refusal({"data": {"userData": text}})


def test_spec_2_points_to_the_managed_secret() -> None:
    stub = pointer(version="2.2.0", config={"append": [{"source": "https://a/"}]})
    message = refusal(secret(json.dumps(stub).encode()), name="worker-user-data")
    assert "spec 2.2.0 (config.append)" in message
    assert "Use the Secret worker-user-data-managed" in message
    assert "oc get clusteroperator machine-config" in refusal(secret(json.dumps(stub).encode()))


def test_recorded_secrets() -> None:
    items = json.loads(paths.shared_data("worker-user-data-secrets.json").read_text(encoding="utf-8"))["items"]
    found = {}
    for item in items:
        name = item["metadata"]["name"]
        raw = base64.b64decode(item["data"]["userData"])
        try:
            ignition = read_secret(item, namespace="n", name=name, key="userData", pool="worker")
        except OperationError as exc:
            found[name] = str(exc)
            continue
        assert ignition.content == raw
        assert ignition.hash == "sha512-" + hashlib.sha512(raw).hexdigest()
        found[name] = f"{ignition.spec_version} {ignition.certificate_authorities[0]['problem']}"
    assert found["worker-user-data-managed"] == "3.4.0 it is not valid base64"
    assert found["worker-user-data-spec-3.2"] == "3.2.0 it is no X.509 certificate"
    assert "spec 2.2.0 (config.append)" in found["worker-user-data"]


def test_filter_hashes_text_and_bytes_alike() -> None:
    digest = hashlib.sha512("é\n".encode()).hexdigest()
    assert ignition_hash("é\n") == ignition_hash("é\n".encode()) == f"sha512-{digest}"
    assert ignition_hash("", algorithm="sha256") == f"sha256-{hashlib.sha256(b'').hexdigest()}"


def test_filter_refuses_objects_and_other_algorithms() -> None:
    with pytest.raises(AnsibleFilterError, match="ignition_hash: the input must be a text or bytes, not dict"):
        ignition_hash({})
    with pytest.raises(AnsibleFilterError, match="algorithm must be one of sha512, sha256, not 'md5'"):
        ignition_hash("", algorithm="md5")


def test_private_file_is_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "a" / "b"
    ensure_private_directory(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    path = folder / "worker.ign"
    write_private_file(path, b"one")
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_private_file(path) == b"one"
    assert [entry.name for entry in folder.iterdir()] == ["worker.ign"]


def test_file_that_others_could_read_or_that_is_a_link_counts_as_another(tmp_path: pathlib.Path) -> None:
    target = tmp_path / "target"
    write_private_file(target, b"one")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert read_private_file(link) is None
    target.chmod(0o644)
    assert read_private_file(target) is None
    assert read_private_file(tmp_path / "absent") is None
    write_private_file(link, b"two")
    assert (link.is_symlink(), target.read_bytes()) == (False, b"one")


def test_folder_that_others_can_write_to_is_refused(tmp_path: pathlib.Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(OperationError, match=r"others can write to it \(mode 0777\)"):
        ensure_private_directory(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(OperationError, match="cannot be made"):
        ensure_private_directory(tmp_path / "file" / "below")
    with pytest.raises(OperationError, match="cannot be written"):
        write_private_file(tmp_path / "absent" / "worker.ign", b"")
