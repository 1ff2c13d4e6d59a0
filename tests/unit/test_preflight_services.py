# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preflight on TFTP, uploads and the maker of ISOs."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import subprocess
import sys
import threading
import time
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight_services as services
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import FAIL
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import OK
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import WARN
from ansible_collections.multiarch.openshift.plugins.module_utils._tftp_look import find
from ansible_collections.multiarch.openshift.plugins.module_utils._tftp_look import tftp
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import authorization_header
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import trusted_authorities
from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import iso_installer
from lab.web import WebServer
from support.site_services import command
from support.site_services import environment

Record = dict[str, t.Any]
LOADER = bytes(range(256)) * 4


def machine(boot_method: str = "grub", architecture: str = "aarch64", **values: t.Any) -> Record:
    return {
        "name": "worker-arm-1",
        "boot_method": boot_method,
        "boot_transport": "http",
        "architecture": architecture,
        **values,
    }


# -- TFTP --------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def tftp_server(answer: t.Callable[[bytes], bytes | None]) -> t.Iterator[int]:
    """One that answers each first packet by what the function makes of the name; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    packet, client = server.recvfrom(1024)
                except (TimeoutError, socket.timeout):
                    continue
                if packet[:2] == b"\0\1" and (reply := answer(packet[2:].split(b"\0")[0])) is not None:
                    # a server answers from a port of its own
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as transfer:
                        transfer.sendto(reply, client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


def data(content: bytes) -> bytes:
    return b"\0\3\0\1" + content[:512]


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "grub").mkdir()
    (tmp_path / "grub" / "grubaa64.efi").write_bytes(LOADER)
    return tmp_path


def seen(folder: pathlib.Path, port: int, machines: t.Sequence[Record] = (machine(),), seconds: float = 5) -> Record:
    facts = tftp(machines, str(folder), str(folder / "grub"), "127.0.0.1", seconds, port=port)
    assert facts is not None
    return facts


@pytest.mark.parametrize(
    ("answer", "state", "verdict", "said"),
    [
        (lambda name: data(LOADER), "same", OK, "serves grub/grubaa64.efi by TFTP"),
        (lambda name: data(b"other"), "differs", WARN, "gives other bytes"),
        (lambda name: b"\0\5\0\1File not found\0", "refused", WARN, "File not found"),
        # the server's own root is the folder above, or it wants whole paths
        (lambda name: data(LOADER) if name.startswith(b"/") else b"\0\5\0\1\0", "same", OK, "by TFTP"),
        (lambda name: data(LOADER) if name == b"grubaa64.efi" else b"\0\5\0\2\0", "same", OK, "by TFTP"),
    ],
)
def test_the_loader_is_asked_for_as_firmware_does(
    folder: pathlib.Path, answer: t.Any, state: str, verdict: str, said: str
) -> None:
    with tftp_server(answer) as port:
        facts = seen(folder, port)
    assert facts["state"] == state
    row = services.tftp_host(facts, "tftp.example.com")
    assert row["verdict"] == verdict
    assert said in row["sentence"]
    assert verdict == OK or row["to_do"]


def test_a_datagram_that_is_lost_is_sent_again(folder: pathlib.Path) -> None:
    asked: list[bytes] = []

    def second_time(name: bytes) -> bytes | None:
        asked.append(name)
        return data(LOADER) if len(asked) > 1 else None

    with tftp_server(second_time) as port:
        assert seen(folder, port)["state"] == "same"


def test_a_server_that_is_silent_is_said(folder: pathlib.Path) -> None:
    with tftp_server(lambda name: None) as port:
        facts = seen(folder, port, seconds=0.3)
    row = services.tftp_host(facts, "tftp.example.com")
    assert row["verdict"] == WARN
    assert "No TFTP server answers at 127.0.0.1 port 69" in row["sentence"]


def test_folders_must_be_there_and_writable_and_have_a_loader(tmp_path: pathlib.Path) -> None:
    facts = tftp([machine()], str(tmp_path), str(tmp_path / "grub"), "127.0.0.1", 0.1, port=1)
    assert facts is not None
    row = services.tftp_host(facts, "tftp.example.com")
    assert (row["verdict"], row["sentence"]) == (FAIL, f"{tmp_path}/grub does not exist on tftp.example.com.")
    (tmp_path / "grub").mkdir()
    facts = tftp([machine()], str(tmp_path), str(tmp_path / "grub"), "127.0.0.1", 0.1, port=1)
    assert facts is not None
    row = services.tftp_host(facts, "tftp.example.com")
    assert row["verdict"] == WARN
    assert "No boot loader lies in" in row["sentence"]
    assert "grubaa64.efi" in row["sentence"]
    facts["room"] = {"free": 1024**2, "device": 1, "files": []}
    row = services.tftp_host(facts, "tftp.example.com", [1024**2, 1])
    assert (row["verdict"], "has 1.0 MiB free" in row["sentence"]) == (FAIL, True)
    assert services.tftp_host(facts, "tftp.example.com", [1024, None])["verdict"] == WARN
    facts["directories"][str(tmp_path)]["writable"] = False
    row = services.tftp_host(facts, "tftp.example.com")
    assert row["verdict"] == FAIL
    assert "cannot be written to" in row["sentence"]


@pytest.mark.parametrize(
    ("machines", "written"),
    [
        ([], None),
        ([machine("iso")], None),
        ([machine("ipxe")], {"/t": False, "/t/grub": False}),
        ([machine()], {"/t": False, "/t/grub": True}),
        ([machine(boot_transport="tftp")], {"/t": True, "/t/grub": True}),
        ([machine("pxelinux", "x86_64")], {"/t": True, "/t/grub": False}),
    ],
)
def test_only_what_a_run_writes_to_has_to_be_writable(
    monkeypatch: pytest.MonkeyPatch, machines: list[Record], written: Record | None
) -> None:
    facts = tftp(machines, "/t", "/t/grub", "127.0.0.1", 0.1, port=1)
    if written is None:
        assert facts is None
        return
    assert facts is not None
    assert set(facts["directories"]) == set(written)
    assert facts["loader"] == ""
    monkeypatch.setattr("os.path.isdir", lambda path: True)
    facts = tftp(machines, "/t", "/t/grub", "127.0.0.1", 0.1, port=1)
    assert facts is not None
    assert {path: not entry["writable"] for path, entry in facts["directories"].items()} == written


def test_copies_of_boot_artifacts_that_are_there_are_told(tmp_path: pathlib.Path) -> None:
    for name in ("416/aarch64/kernel", "416/aarch64/.kernel.x.part", "grub/fonts/unicode.pf2"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    facts = tftp([machine(boot_transport="tftp")], str(tmp_path), "", "127.0.0.1", 0.1, port=1)
    assert facts is not None
    assert facts["room"]["files"] == ["416/aarch64/kernel"]
    assert facts["room"]["free"] > 0
    # where only boot files are written
    facts = tftp([machine()], str(tmp_path), str(tmp_path / "grub"), "127.0.0.1", 0.1, port=1)
    assert facts is not None
    assert facts["room"] is None


def test_the_loader_that_is_wanted_most_is_found(folder: pathlib.Path) -> None:
    (folder / "shimaa64.efi").write_bytes(b"shim")
    assert find([str(folder)], ["grubaa64.efi", "shimaa64.efi"]) == folder / "grub" / "grubaa64.efi"
    assert find([str(folder)], ["shimaa64.efi", "grubaa64.efi"]) == folder / "shimaa64.efi"
    assert find([str(folder)], ["lpxelinux.0"]) is None


@pytest.mark.firmware
def test_the_tftp_server_of_dnsmasq_is_understood(folder: pathlib.Path) -> None:
    arguments = ["--no-daemon", "--conf-file=/dev/null", "--port=0", "--enable-tftp", f"--tftp-root={folder}"]
    arguments += ["--interface=lo", "--bind-interfaces", "--user=root", "--group=root", "--no-hosts", "--no-resolv"]
    log = folder / "dnsmasq.log"
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [*command("dnsmasq"), *arguments], env=environment(folder), stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + 20
        while "TFTP root is" not in log.read_text(errors="replace"):
            if server.poll() is not None or time.monotonic() > until:
                pytest.fail(log.read_text(errors="replace"))
            time.sleep(0.05)
        facts = tftp([machine()], str(folder), str(folder / "grub"), "127.0.0.1", 10)
        assert facts is not None
        assert (facts["state"], facts["name"]) == ("same", "grub/grubaa64.efi")
    finally:
        server.terminate()
        server.wait()


# -- the maker of ISOs -------------------------------------------------------------------------------------------------


def program(folder: pathlib.Path, body: str) -> str:
    path = folder / "coreos-installer"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("body", "verdict", "said"),
    [
        ("echo coreos-installer 0.23.0", OK, "coreos-installer 0.23.0"),
        ("echo coreos-installer 0.11.0", FAIL, "0.12.0 and later"),
        ("echo something else", FAIL, "calls itself"),
        ("exit 3", FAIL, "ended with 3"),
    ],
)
def test_the_maker_of_isos_is_asked_for_its_version(tmp_path: pathlib.Path, body: str, verdict: str, said: str) -> None:
    row = services.iso_installer(iso_installer([program(tmp_path, body)], 10), ["worker-arm-1"], "web")
    assert row["verdict"] == verdict
    assert said in row["sentence"]
    assert row["machines"] == ([] if verdict == OK else ["worker-arm-1"])


def test_a_maker_that_is_absent_fails_its_machines_with_what_to_do() -> None:
    row = services.iso_installer(iso_installer(["coreos-installer-absent"], 10), ["worker-arm-1"], "web")
    assert row["verdict"] == FAIL
    assert "cannot be run here: No such file" in row["sentence"]
    assert "dnf install coreos-installer" in row["to_do"]
    absent = iso_installer(["podman-absent", "run", "image"], 10)
    assert services.iso_installer(absent, [], "web")["verdict"] == FAIL


def test_what_starts_a_container_is_not_started(tmp_path: pathlib.Path) -> None:
    engine = program(tmp_path, f"touch {tmp_path}/started")
    assert services.iso_installer(iso_installer([engine, "run", "image"], 10), [], "web")["verdict"] == OK
    assert not (tmp_path / "started").exists()


def test_a_maker_that_hangs_is_a_warning(tmp_path: pathlib.Path) -> None:
    found = iso_installer([program(tmp_path, f"exec {sys.executable} -c 'input()' < /dev/zero")], 0.3)
    assert services.iso_installer(found, [], "web")["verdict"] == WARN


def test_only_machines_with_an_iso_of_their_own_need_the_maker() -> None:
    machines = [
        machine("iso", iso_install="by_hand"),
        machine("grub"),
        machine("iso", name="b", iso_install="unattended"),
    ]
    assert services.customised(machines) == ["b"]


# -- uploads -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def dav(tmp_path: pathlib.Path) -> t.Iterator[WebServer]:
    with WebServer(
        tmp_path, "127.0.0.1", writable=True, credentials=("publisher", "right"), protect_reads=True
    ) as server:
        yield server


def client(password: str) -> Client:
    authorization = authorization_header("publisher", password, "")
    return Client(timeout=5, trust=trusted_authorities(""), proxies={}, authorization=authorization)


@pytest.mark.parametrize(("password", "verdict"), [("right", OK), ("wrong", FAIL)])
def test_the_upload_target_is_asked_with_the_credentials_and_nothing_is_written(
    dav: WebServer, tmp_path: pathlib.Path, password: str, verdict: str
) -> None:
    row = services.upload_target(f"{dav.url}/", lambda: client(password))
    assert row["verdict"] == verdict, row
    assert verdict == OK or "publish_password" in row["to_do"]
    assert password not in row["sentence"]
    assert [path.name for path in tmp_path.iterdir()] == []
    assert {request.method for request in dav.requests} <= {"OPTIONS", "HEAD"}


@pytest.mark.parametrize(
    ("statuses", "verdict", "said"),
    [
        ([200], OK, "takes the credentials"),
        ([405, 404], OK, "answers;"),
        ([403, 404], OK, "answers;"),
        ([501, 405], OK, "answers;"),
        ([401], FAIL, "401"),
        ([403, 403], FAIL, "403"),
        ([500], FAIL, "500"),
        ([302], FAIL, "302"),
    ],
)
def test_what_servers_say_to_a_question_that_writes_nothing(statuses: list[int], verdict: str, said: str) -> None:
    rest = list(statuses)
    methods: list[str] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            methods.append(connection.recv(4096).split(b" ")[0].decode())
            status = rest.pop(0)
            more = "Location: http://127.0.0.1/elsewhere\r\n" if status == 302 else ""
            connection.sendall(f"HTTP/1.1 {status} x\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            for _status in statuses:
                serve(server.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        row = services.upload_target(f"http://127.0.0.1:{server.getsockname()[1]}/", lambda: client("right"))
        thread.join(5)
    assert row["verdict"] == verdict, row
    assert said in row["sentence"]
    assert methods == ["OPTIONS", "HEAD"][: len(statuses)]


def test_a_target_that_is_away_or_whose_ca_is_missing_is_a_failure(tmp_path: pathlib.Path) -> None:
    row = services.upload_target("http://127.0.0.1:1/", lambda: client("right"))
    assert (row["verdict"], "refused" in row["sentence"]) == (FAIL, True)

    def without_ca() -> Client:
        return Client(timeout=5, trust=trusted_authorities(str(tmp_path / "absent.pem")), proxies={})

    row = services.upload_target("http://127.0.0.1:1/", without_ca)
    assert (row["verdict"], "absent.pem" in row["sentence"]) == (FAIL, True)
