# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""artifact_publish without Ansible around it: folders, uploads and proofs against a server with faults."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import pathlib
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import typing as t
import urllib.parse
from collections import namedtuple

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import parse_artifacts
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_format import kernel_format
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import progress_lines
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import readable_size
from ansible_collections.multiarch.openshift.plugins.module_utils._publish import failure_message
from ansible_collections.multiarch.openshift.plugins.modules.artifact_publish import ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.modules.artifact_publish import build_publisher
from lab.pki import Authority
from lab.processes import Process
from support.faulty_server import FaultyServer

OLD = b"the old file"
CREDENTIALS: dict[str, t.Any] = {"username": "publisher", "password": "pass"}


class Result(t.NamedTuple):
    artifacts: list[dict[str, t.Any]]
    message: str
    warnings: list[str]

    @property
    def actions(self) -> list[str]:
        return [artifact["action"] for artifact in self.artifacts]


def publish(*items: dict[str, t.Any], check_mode: bool = False, **params: t.Any) -> Result:
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    params = {**defaults, "timeout": 5, **params}
    for name in ("directory", "ca_path"):
        params[name] = str(params[name]) if params[name] else None
    params["spool_directory"] = str(params.get("spool_directory", "/tmp"))
    spool = params.pop("spool_directory")
    publisher = build_publisher(params, threading.Event(), spool)
    outcomes = publisher.publish(parse_artifacts(items), check_mode=check_mode)
    return Result([o.result() for o in outcomes], failure_message(outcomes), publisher.warnings(outcomes))


@pytest.fixture
def site(tmp_path: pathlib.Path) -> t.Iterator[t.Any]:
    """A source to download from and a web host; ``folder`` is what the web host serves."""
    Site = namedtuple("Site", "source web folder")
    for name in ("source", "web"):
        (tmp_path / name).mkdir()
    source, web = FaultyServer(tmp_path / "source"), FaultyServer(tmp_path / "web")
    yield Site(source, web, tmp_path / "web")
    source.close()
    web.close()


def item(site: t.Any, name: str, content: bytes = b"content", **more: t.Any) -> dict[str, t.Any]:
    """An artifact that the source server has."""
    path = site.source.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {
        "name": name,
        "url": f"{site.source.url}/{urllib.parse.quote(name)}",
        "sha256": hashlib.sha256(content).hexdigest(),
        **more,
    }


def files(folder: pathlib.Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# What is asked for


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "/etc/passwd"}, "must be a path below"),
        ({"name": "a/../../b"}, "may not contain '..'"),
        ({"name": ""}, "must be a path below"),
        ({"name": "a\nb"}, "control characters"),
        ({"url": None}, "exactly one of file, url and remote_file"),
        ({"file": "/a"}, "exactly one of file, url and remote_file"),
        ({"url": "file:///etc/passwd"}, "must start with http"),
        ({"url": "http://user:canary@mirror/x"}, "may not hold a user name or password"),
        ({"url": "http://mirror:port/x"}, "cannot be read"),
        ({"sha256": None}, "nothing is published unchecked"),
        ({"sha512": "0" * 128}, "exactly one of sha256 and sha512"),
        ({"sha256": "12ab"}, "64 hexadecimal digits"),
    ],
)
def test_item_that_cannot_be_used_is_refused(change: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(OperationError, match=problem) as refusal:
        parse_artifacts([{"name": "a/b", "url": "http://mirror/x", "sha256": "0" * 64, **change}])
    assert "canary" not in str(refusal.value)


def test_all_problems_of_all_items_are_told_at_once() -> None:
    with pytest.raises(OperationError) as refusal:
        parse_artifacts([{"name": "../a", "sha256": "xy"}, {"name": "b"}, {"name": "b"}])
    message = str(refusal.value)
    assert message.count("\n- ") == 8
    assert "used twice" in message


@pytest.mark.parametrize("written", ["sha512-" + "AB" * 64, "ab" * 64, " sha512-" + "ab" * 64 + "\n"])
def test_sha512_is_taken_with_and_without_ignitions_prefix(written: str) -> None:
    (artifact,) = parse_artifacts([{"name": "a", "url": "http://mirror/x", "sha512": written}])
    assert artifact.digest == "ab" * 64


@pytest.mark.parametrize(
    ("first_bytes", "wanted"),
    [
        (b"\x1f\x8b\x08\x00" + bytes(60), "gzip"),
        (b"MZ\x00\x00zimg" + bytes(56), "efi-zboot"),
        (b"MZ" + bytes(0x36) + b"ARM\x64" + bytes(4), "image"),
        (b"MZ" + bytes(62), "unknown"),
        (b"", "unknown"),
    ],
)
def test_kernel_format_is_told_by_magic_bytes(first_bytes: bytes, wanted: str) -> None:
    assert kernel_format(first_bytes) == wanted


def test_progress_is_told_in_percent_or_bytes() -> None:
    state = [
        {"name": "416.94/aarch64/rootfs.img", "done": 450_000_000, "total": 1_090_000_000},
        {"name": "x.iso", "done": 5 << 20, "total": None},
    ]
    assert progress_lines(state) == ["rootfs.img  41% of 1.0 GiB", "x.iso  5.0 MiB so far"]
    assert [readable_size(size) for size in (0, 1023, 1536, 3 << 40)] == ["0 B", "1023 B", "1.5 KiB", "3072.0 GiB"]


# Into a folder


def test_published_files_are_readable_by_a_web_server_whatever_the_umask(site: t.Any) -> None:
    before = os.umask(0o077)
    try:
        result = publish(
            item(site, "416/aarch64/kernel", b"\x1f\x8b kernel", kind="kernel"),
            directory=site.folder,
            base_url=site.web.url,
        )
    finally:
        os.umask(before)
    assert not result.message
    assert result.artifacts == [
        {
            "name": "416/aarch64/kernel",
            "kind": "kernel",
            "url": f"{site.web.url}/416/aarch64/kernel",
            "sha256": hashlib.sha256(b"\x1f\x8b kernel").hexdigest(),
            "size": 9,
            "action": "published",
            "format": "gzip",
        }
    ]
    assert (site.folder / "416/aarch64/kernel").stat().st_mode & 0o777 == 0o644
    assert [path.stat().st_mode & 0o777 for path in (site.folder / "416", site.folder / "416/aarch64")] == [0o755] * 2
    assert files(site.folder) == ["416/aarch64/kernel"]


def test_second_run_neither_downloads_nor_writes(site: t.Any) -> None:
    artifact = item(site, "a/b")
    publish(artifact, directory=site.folder, base_url=site.web.url)
    written = (site.folder / "a/b").stat()
    site.source.requests.clear()
    result = publish(artifact, directory=site.folder, base_url=site.web.url)
    assert result.actions == ["present"]
    assert site.source.requests == []
    assert (site.folder / "a/b").stat() == written


def test_local_file_and_folder_of_the_web_host_are_sources(site: t.Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "mirrored").write_bytes(b"mirrored")
    wanted = hashlib.sha512(b"mirrored").hexdigest()
    result = publish(
        {"name": "one", "remote_file": str(tmp_path / "mirrored"), "sha512": wanted},
        {"name": "two", "file": str(tmp_path / "mirrored"), "sha512": f"sha512-{wanted}"},
        {"name": "three", "remote_file": str(tmp_path / "absent"), "sha512": wanted},
        directory=site.folder,
    )
    assert result.actions == ["published", "published", "failed"]
    assert result.message == f"three: reading {tmp_path}/absent failed: No such file or directory."
    assert [artifact["url"] for artifact in result.artifacts] == [None] * 3


FAULTS = {
    "wrong": "(7 bytes), wanted",
    "html": "(7 bytes of type text/html), wanted",
    "short": "the body ended after 3 of 7 bytes",
    "reset": "the server hung up",
    "silent": "nothing came for 1 seconds",
    401: "answered 401 Unauthorized. Allow this host",
    403: "answered 403 Forbidden. Allow this host",
    404: "answered 404 Not Found. Check the address",
    407: "The proxy wants credentials",
    500: "answered 500 Internal Server Error. The source is in trouble",
    503: "answered 503 Service Unavailable",
}


def test_each_failed_download_is_named_and_the_rest_goes_on(site: t.Any) -> None:
    items = [item(site, f"416/{fault}.img") for fault in FAULTS]
    site.source.faults = {f"{fault}.img": fault for fault in FAULTS}
    site.source.faults |= {"redirected.img": "redirect", "chunked.img": "chunked"}
    good = [item(site, name) for name in ("redirected.img", "final.img", "chunked.img")]
    (site.folder / "416").mkdir()
    for fault in FAULTS:
        (site.folder / f"416/{fault}.img").write_bytes(OLD)

    result = publish(*items, *good, directory=site.folder, base_url=site.web.url, timeout=1)

    assert result.actions == ["failed"] * len(FAULTS) + ["published"] * 3
    lines = result.message.splitlines()
    starts = [f"{len(FAULTS)} of {len(FAULTS) + 3} artifacts failed, the first: ", *["- "] * (len(FAULTS) - 1)]
    for line, start, (fault, words) in zip(lines, starts, FAULTS.items(), strict=True):
        assert line.startswith(f"{start}416/{fault}.img: ")
        assert f"{site.source.url}/416/{fault}.img" in line
        if fault != "reset":
            assert words in line
    assert files(site.folder) == sorted(
        [f"416/{fault}.img" for fault in FAULTS] + ["redirected.img", "final.img", "chunked.img"]
    )
    assert all((site.folder / f"416/{fault}.img").read_bytes() == OLD for fault in FAULTS)


def test_query_of_a_source_is_in_no_message(site: t.Any) -> None:
    artifact = item(site, "a")
    artifact["url"] = artifact["url"] + "-absent?token=canary"
    message = publish(artifact, directory=site.folder).message
    assert "404" in message
    assert "canary" not in message


def test_what_does_not_fit_is_refused_before_its_first_byte(site: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 1000))
    result = publish(item(site, "big", bytes(3000)), item(site, "small"), directory=site.folder, parallel=1)
    assert result.message == (
        f"big: {site.folder} has 1000 B free, and 2.9 KiB are needed. Free some space there and run again."
    )
    assert files(site.folder) == ["small"]


def test_disk_that_fills_up_on_the_way_leaves_the_old_file(site: t.Any) -> None:
    (site.folder / "big").write_bytes(OLD)
    site.source.faults = {"big": "chunked"}  # its size is not known before
    artifact = item(site, "big", bytes(4 << 20))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, limits[1]))
    try:
        result = publish(artifact, directory=site.folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert f"big: writing {site.folder}/big failed: the disk is full" in result.message
    assert files(site.folder) == ["big"]
    assert (site.folder / "big").read_bytes() == OLD


# Decompressed copies


def test_decompressed_copy_lies_beside_the_kernel_and_is_proven_like_it(site: t.Any) -> None:
    plain = b"MZ" + bytes(54) + b"ARM\x64" + os.urandom(3_000_000)
    wanted = item(site, "a/kernel", gzip.compress(plain), kind="kernel", decompress="gzip")
    first = publish(wanted, directory=site.folder, base_url=site.web.url)
    assert (first.message, first.actions) == ("", ["published"])
    copy = first.artifacts[0]["decompressed"]
    assert copy == {
        "name": "a/kernel.decompressed",
        "kind": "kernel",
        "url": f"{site.web.url}/a/kernel.decompressed",
        "sha256": hashlib.sha256(plain).hexdigest(),
        "size": len(plain),
        "action": "published",
        "format": "image",
    }
    assert (site.folder / "a/kernel.decompressed").read_bytes() == plain
    second = publish(wanted, directory=site.folder, base_url=site.web.url)
    assert (second.artifacts[0]["action"], second.artifacts[0]["decompressed"]["action"]) == ("present", "present")


def test_kernel_that_is_no_gzip_file_gets_no_copy(site: t.Any) -> None:
    result = publish(item(site, "kernel", b"MZ" + bytes(70), kind="kernel", decompress="gzip"), directory=site.folder)
    assert "decompressed" not in result.artifacts[0]
    assert files(site.folder) == ["kernel"]


def test_kernel_with_the_wrong_hash_is_not_decompressed(site: t.Any) -> None:
    wrong = {**item(site, "kernel", gzip.compress(b"x"), kind="kernel", decompress="gzip"), "sha256": "0" * 64}
    assert "wanted 0000" in publish(wrong, directory=site.folder).message
    assert files(site.folder) == []


def test_gzip_file_that_ends_too_early_is_named(site: t.Any) -> None:
    half = gzip.compress(os.urandom(5000))[:3000]
    result = publish(item(site, "kernel", half, kind="kernel", decompress="gzip"), directory=site.folder)
    assert "kernel.decompressed: unpacking" in result.message
    assert files(site.folder) == ["kernel"]


def test_check_mode_writes_nothing_and_asks_only_for_heads(site: t.Any) -> None:
    present, absent, lost = item(site, "present"), item(site, "new/absent"), item(site, "lost")
    publish(present, directory=site.folder)
    (site.source.root / "lost").unlink()
    site.source.requests.clear()
    result = publish(present, absent, lost, directory=site.folder, base_url=site.web.url, check_mode=True)
    assert result.actions == ["present", "would_publish", "failed"]
    assert result.artifacts[1]["size"] == 7
    assert "lost: downloading" in result.message
    assert sorted(site.source.requests) == ["HEAD /lost", "HEAD /new/absent"]
    assert [path.name for path in site.folder.iterdir()] == ["present"]


def test_check_mode_names_what_it_cannot_reach(site: t.Any) -> None:
    artifact = item(site, "kernel")
    site.source.close()
    result = publish(artifact, directory=site.folder, base_url=site.web.url, check_mode=True)
    assert result.actions == ["would_publish"]
    assert result.message == ""
    assert result.artifacts[0]["sha256"] == artifact["sha256"]
    (warning,) = result.warnings
    assert (
        warning == f"not reachable from here: kernel: downloading {artifact['url']} failed: the connection was refused."
    )
    again = publish(artifact, directory=site.folder, base_url=site.web.url)
    assert again.actions == ["failed"]
    assert "the connection was refused" in again.message


# TLS and proxies


@pytest.fixture
def private_ca(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path / "ca")


def test_private_authority_is_trusted_only_when_given(
    site: t.Any, private_ca: Authority, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority(tmp_path / "other", "other-ca")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(other.certificate_path))
    certificate, key = private_ca.server("web", ["127.0.0.1"])
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(certificate, key)
    source = FaultyServer(site.source.root, trust=trust)
    web = FaultyServer(site.folder, trust=trust)
    try:
        artifact = {**item(site, "a"), "url": f"{source.url}/a"}
        refused = publish(artifact, directory=site.folder, base_url=web.url)
        assert "its certificate is not trusted" in refused.message
        assert "Give the CA that signed it as ca_path." in refused.message
        assert not files(site.folder)
        ca_path = private_ca.certificate_path
        assert publish(artifact, directory=site.folder, base_url=web.url, ca_path=ca_path).message == ""
        uploaded = publish({**artifact, "name": "b"}, put_url=web.url, ca_path=ca_path)
        assert uploaded.actions == ["published"]
        assert not uploaded.message
    finally:
        source.close()
        web.close()


def test_ca_path_that_cannot_be_read_is_named(site: t.Any) -> None:
    with pytest.raises(OperationError, match="Reading the CA certificates of /absent failed"):
        publish(item(site, "a"), directory=site.folder, ca_path="/absent")


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, address)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("dead_proxy")
def test_proxy_is_for_downloads_only(site: t.Any) -> None:
    artifact = item(site, "a")
    assert "the connection was refused" in publish(artifact, directory=site.folder).message

    proxy = site.source.url  # serves what it is asked for by its path
    elsewhere = {**artifact, "url": "http://mirror.example.com/a"}
    result = publish(elsewhere, directory=site.folder, base_url=site.web.url, proxy=proxy)
    assert not result.message
    assert site.source.asked("GET") == ["http://mirror.example.com/a"]
    assert site.web.asked("GET") == ["/a"]
    assert not publish({**elsewhere, "name": "b"}, put_url=site.web.url, proxy=proxy).message


# The proof through base_url


def test_web_server_that_returns_something_else_is_found_out(site: t.Any) -> None:
    site.web.faults = {"small": "wrong", "forbidden": 403, "lost": 404, "redirected": "redirect", "broken": 502}
    large = item(site, "large", bytes(2 << 20))
    names = ["small", "forbidden", "lost", "redirected", "broken"]
    result = publish(*(item(site, name) for name in names), large, directory=site.folder, base_url=site.web.url)
    assert result.actions == ["published"] * 6
    first, *others = result.message.splitlines()
    assert first.startswith("5 of 6 artifacts failed, the first: small: ")
    assert [line.partition(":")[0] for line in others] == [f"- {name}" for name in names[1:]]
    for words in (
        "/small returns other bytes",
        "check the web server's rules",
        "compare it with the web server's document root",
        "Boot loaders do not follow redirects",
        "Look at the web server's log",
    ):
        assert words in result.message
    assert site.web.asked("HEAD") == ["/large"]
    assert "/large" not in site.web.asked("GET")


def test_size_and_hash_of_large_files_are_compared_as_asked(site: t.Any, tmp_path: pathlib.Path) -> None:
    artifact = item(site, "large", bytes(2 << 20))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/large").write_bytes(bytes(10))
    elsewhere = FaultyServer(tmp_path / "elsewhere")
    try:
        result = publish(artifact, directory=site.folder, base_url=elsewhere.url)
    finally:
        elsewhere.close()
    assert "/large returns 10 bytes, wanted 2097152" in result.message
    site.web.faults = {"large": "wrong"}
    assert not publish(artifact, directory=site.folder, base_url=site.web.url).message
    assert "other bytes" in publish(artifact, directory=site.folder, base_url=site.web.url, verify_full=True).message
    asked = {**artifact, "verify": "full"}
    assert "other bytes" in publish(asked, directory=site.folder, base_url=site.web.url).message


def test_web_server_without_head_or_ranges_is_a_warning_and_for_the_rootfs_a_failure(site: t.Any) -> None:
    site.web.methods -= {"HEAD"}
    site.web.ranges = False
    large = [item(site, kind, bytes(2 << 20), kind=kind) for kind in ("initramfs", "rootfs")]
    result = publish(*large, directory=site.folder, base_url=site.web.url)
    assert result.message.startswith("rootfs: it is published, but asking for")
    assert "must answer HEAD" in result.message
    assert len(result.warnings) == 2
    assert "/initramfs does not answer HEAD (501)" in result.warnings[0]
    assert "GRUB needs them" in result.warnings[1]


# Uploads


@pytest.mark.parametrize("moves", [True, False])
def test_upload_makes_folders_and_gives_the_name_last(site: t.Any, moves: bool, tmp_path: pathlib.Path) -> None:
    if not moves:
        site.web.methods -= {"MOVE", "MKCOL"}
        (site.folder / "lab").mkdir()
    site.web.credentials = "publisher:pass"
    (tmp_path / "spool").mkdir()
    artifact = item(site, "lab/install.iso", bytes(3 << 20), kind="iso")
    where: dict[str, t.Any] = {"put_url": site.web.url, "base_url": site.web.url, **CREDENTIALS}
    where["spool_directory"] = tmp_path / "spool"
    result = publish(artifact, **where)
    assert not result.message
    assert result.actions == ["published"]
    (uploaded,) = site.web.asked("PUT")
    assert uploaded.endswith(".part") is moves
    assert files(site.folder) == ["lab/install.iso"]
    assert not files(tmp_path / "spool")
    site.source.requests.clear()
    assert publish(artifact, **where).actions == ["present"]
    assert publish(artifact, **where, check_mode=True).actions == ["present"]
    assert len(site.web.asked("PUT")) == 1
    assert site.source.requests == []


@pytest.mark.parametrize("moves", [True, False])
def test_upload_of_wrong_bytes_leaves_the_old_file(site: t.Any, moves: bool) -> None:
    if not moves:
        site.web.methods -= {"MOVE"}
    site.source.faults = {"wrong": "wrong", "short": "short"}
    items = [item(site, "wrong"), item(site, "short"), item(site, "right")]
    for name in ("wrong", "short"):
        (site.folder / name).write_bytes(OLD)
    result = publish(*items, put_url=site.web.url)
    assert result.actions == ["failed", "failed", "published"]
    assert "2 of 3 artifacts failed" in result.message
    deadline = time.monotonic() + 3
    while len(files(site.folder)) > 3 and time.monotonic() < deadline:
        time.sleep(0.05)  # the server may still be writing what broke off
    assert [path for path in files(site.folder) if not path.endswith(".part")] == ["right", "short", "wrong"]
    assert (site.folder / "wrong").read_bytes() == (site.folder / "short").read_bytes() == OLD


def test_refused_uploads_say_what_to_do(site: t.Any) -> None:
    site.web.credentials = "publisher:other"
    artifact = item(site, "a", bytes(9 << 20))
    refused = publish(artifact, put_url=site.web.url, **CREDENTIALS).message
    assert f"a: uploading to {site.web.url}/a failed: the server answered 401" in refused
    assert "Check username and password" in refused
    site.web.credentials = "Bearer abc"
    site.web.put_limit = 1000
    assert "client_max_body_size" in publish(artifact, put_url=site.web.url, token="abc").message
    site.web.put_limit = 1 << 40
    site.web.methods -= {"PUT"}
    assert "The server must allow PUT there" in publish(artifact, put_url=site.web.url, token="abc").message
    assert files(site.folder) == []


@pytest.fixture
def nginx(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[tuple[str, pathlib.Path]]:
    """Debian's nginx with its own dav module, which makes no folders by itself."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if not program:
        pytest.skip("nginx is not here: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "root").mkdir()
    (folder / "htpasswd").write_text("publisher:{PLAIN}pass\n")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(f"""
        daemon off; {"user root;" if os.getuid() == 0 else ""} pid {folder}/nginx.pid; error_log {folder}/error.log;
        events {{ worker_connections 64; }}
        http {{ access_log off; client_max_body_size 8m; {paths}
          server {{ listen 127.0.0.1:{port}; root {folder}/root;
            location / {{
              dav_methods PUT DELETE MKCOL MOVE; dav_access user:rw group:r all:r;
              limit_except GET HEAD {{ auth_basic "publish"; auth_basic_user_file {folder}/htpasswd; }}
        }} }} }}""")
    process = Process([program, "-c", folder / "nginx.conf", "-e", folder / "error.log"], folder / "log")
    try:
        deadline = time.monotonic() + 10
        while process.running and time.monotonic() < deadline:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        assert process.running, process.last_lines()
        yield f"http://127.0.0.1:{port}/", folder / "root"
    finally:
        process.stop()


def test_upload_to_nginx(site: t.Any, nginx: tuple[str, pathlib.Path]) -> None:
    url, folder = nginx
    artifact = item(site, "lab-x7k2p/a folder/install.iso", os.urandom(3 << 20))
    first = publish(artifact, put_url=url, base_url=url, **CREDENTIALS)
    assert (first.message, first.warnings, first.actions) == ("", [], ["published"])
    assert files(folder) == [artifact["name"]]
    assert publish(artifact, put_url=url, base_url=url, **CREDENTIALS).actions == ["present"]
    changed = item(site, artifact["name"], os.urandom(3 << 20))
    assert publish(changed, put_url=url, base_url=url, **CREDENTIALS).actions == ["published"]
    assert "401" in publish(item(site, "other"), put_url=url, username="publisher", password="no").message
    too_big = publish(item(site, "big", bytes(30 << 20)), put_url=url, **CREDENTIALS).message
    assert "413" in too_big
    assert files(folder) == [artifact["name"]]


# Interruptions and memory: each in a process of its own

CHILD = textwrap.dedent("""
    import re, signal, sys, threading
    from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import parse_artifacts
    from ansible_collections.multiarch.openshift.plugins.module_utils._publish import failure_message
    from ansible_collections.multiarch.openshift.plugins.modules.artifact_publish import ARGUMENT_SPEC, build_publisher
    # Not getrusage: its maximum starts with what the parent process had.
    peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read()).group(1))
    target, value, base_url, url, sha256 = sys.argv[1:]
    params = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    params |= {target: value, "base_url": base_url, "timeout": 20}
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *unused: stop.set())
    publisher = build_publisher(params, stop, "/tmp")
    before = peak()
    items = parse_artifacts([{"name": "folder/large.img", "url": url, "sha256": sha256}])
    outcomes = publisher.publish(items)
    print(peak() - before, failure_message(outcomes))
""")


def child(site: t.Any, sha256: str, **target: str) -> subprocess.Popen[str]:
    name, value = next(iter(target.items()))
    arguments = [name, value, site.web.url, f"{site.source.url}/large.img", sha256]
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
def test_interrupted_download_leaves_no_visible_name(site: t.Any, ending: signal.Signals) -> None:
    content = bytes(4 << 20)
    artifact = item(site, "large.img", content)
    site.source.seconds_per_mebibyte = 0.3
    process = child(site, artifact["sha256"], directory=str(site.folder))
    parts = site.folder / "folder"
    deadline = time.monotonic() + 10
    while not any(path.stat().st_size for path in parts.glob(".*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    (part,) = parts.glob(".*.part")
    assert part.stat().st_mode & 0o777 == 0o600
    process.send_signal(ending)
    output, _unused = process.communicate(timeout=10)
    assert not (parts / "large.img").exists()
    assert part.exists() is (ending == signal.SIGKILL)
    if ending == signal.SIGTERM:
        assert "interrupted" in output

    site.source.seconds_per_mebibyte = 0.0
    result = publish({**artifact, "name": "folder/large.img"}, directory=site.folder)
    assert result.actions == ["published"]
    assert files(site.folder) == ["folder/large.img"]


@pytest.mark.parametrize("target", ["directory", "put_url"])
def test_memory_stays_constant(site: t.Any, target: str) -> None:
    size = 300 << 20
    with (site.source.root / "large.img").open("wb") as sparse:
        sparse.truncate(size)
    digest = hashlib.sha256()
    for _block in range(300):
        digest.update(bytes(1 << 20))
    process = child(site, digest.hexdigest(), **{target: str(site.folder) if target == "directory" else site.web.url})
    output, _unused = process.communicate(timeout=60)
    growth, _unused, message = output.strip().partition(" ")
    assert not message
    assert (site.folder / "folder/large.img").stat().st_size == size
    assert 0 < int(growth) < 64 * 1024  # KiB
    (site.folder / "folder/large.img").unlink()
