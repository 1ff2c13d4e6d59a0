# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine presents on its kubelet's port, or why nothing."""

from __future__ import annotations

import contextlib
import pathlib
import socket
import ssl
import threading
import typing as t

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization import NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat

from ansible_collections.multiarch.openshift.plugins.module_utils._probe import ask_kubelet
from support import csr_corpus as corpus

# TLS record: alert, fatal, internal error; what a kubelet without a serving certificate sends
ALERT = bytes([0x15, 3, 3, 0, 2, 2, 80])
Answer = t.Callable[[socket.socket], None]


@contextlib.contextmanager
def server(answer: Answer) -> t.Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _address = listener.accept()
                with connection:
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


def alert(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(ALERT)


def silence(connection: socket.socket) -> None:
    connection.settimeout(5)
    while connection.recv(4096):
        pass


def test_presented_certificate_is_returned_as_it_is(tmp_path: pathlib.Path) -> None:
    certificate = corpus.certificate(corpus.serving_csr()[0])
    private = corpus.key("p256", 1).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "pair.pem").write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pair.pem")

    def handshake(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            context.wrap_socket(connection, server_side=True).close()

    with server(handshake) as port:
        answer = ask_kubelet(["127.0.0.1"], port=port)
    assert (answer.address, answer.problem) == ("127.0.0.1", "")
    assert answer.certificate == certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(alert, "no_certificate"), (lambda connection: None, "unreachable"), (silence, "unreachable")],
)
def test_port_without_a_certificate_says_why(answer: Answer, problem: str) -> None:
    with server(answer) as port:
        found = ask_kubelet(["127.0.0.1"], port=port, timeout=2.0)
    assert (found.certificate, found.problem) == (None, problem)
    assert found.detail


def test_next_address_is_asked_where_the_first_is_closed() -> None:
    with server(alert) as port:
        found = ask_kubelet(["127.0.0.2", "127.0.0.1"], port=port, timeout=2.0)
    assert (found.address, found.problem) == ("127.0.0.1", "no_certificate")
