# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which certificate a machine presents on its kubelet's port. Private to the collection."""

from __future__ import annotations

import socket
import ssl
import typing as t
from dataclasses import dataclass

KUBELET_PORT = 10250
# The port answers in a millisecond or is behind a firewall.
CONNECT_SECONDS = 3.0

UNREACHABLE, NO_CERTIFICATE = "unreachable", "no_certificate"


@dataclass(frozen=True)
class Answer:
    """The certificate (DER) that was presented, or why there is none."""

    address: str = ""
    certificate: bytes | None = None
    problem: str = ""
    detail: str = ""


def ask_kubelet(addresses: t.Sequence[str], *, port: int = KUBELET_PORT, timeout: float = CONNECT_SECONDS) -> Answer:
    """The answer of the first address that presents a certificate, else of the one that said most."""
    answer = Answer(problem=UNREACHABLE, detail="it has no address")
    for address in addresses:
        answer = _ask(address, port, timeout)
        if answer.problem != UNREACHABLE:
            return answer
    return answer


def _ask(address: str, port: int, timeout: float) -> Answer:
    # Nothing is trusted or sent here: the certificate itself is the answer, and the caller compares it.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((address, port), timeout=timeout) as plain, context.wrap_socket(plain) as tls:
            certificate = tls.getpeercert(binary_form=True)
    except ssl.SSLEOFError:
        # Whatever closes the connection without a word of TLS is no kubelet.
        return Answer(address, problem=UNREACHABLE, detail="the connection was closed")
    except ssl.SSLError as error:
        # A kubelet without a serving certificate ends the handshake with the alert "internal error".
        return Answer(address, problem=NO_CERTIFICATE, detail=error.reason or str(error))
    except OSError as error:
        return Answer(address, problem=UNREACHABLE, detail=error.strerror or str(error))
    if certificate is None:
        return Answer(address, problem=NO_CERTIFICATE, detail="the handshake ended without a certificate")
    return Answer(address, certificate)


__all__ = ("KUBELET_PORT", "NO_CERTIFICATE", "UNREACHABLE", "Answer", "ask_kubelet")
