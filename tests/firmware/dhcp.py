# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy DHCP server for UEFI HTTP boot, as QEMU's own DHCP server knows only TFTP.

It stands on the same wire and answers only firmware that names itself HTTPClient; the address comes from QEMU's.
"""

from __future__ import annotations

import pathlib
import socket
import struct
import tempfile
import threading

_ADDRESS = bytes((10, 0, 2, 9))
_BROADCAST = b"\xff" * 4
_MAC = b"\x52\x54\x00\xff\xff\x09"
_COOKIE = b"\x63\x82\x53\x63"
_VENDOR_CLASS, _MESSAGE_TYPE, _SERVER, _BOOT_FILE, _END = 60, 53, 54, 67, 255
_DISCOVER, _OFFER = 1, 2


class HttpBootDhcp:
    """Answers on a socket of Ethernet frames; `netdev` is QEMU's end of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        # Not in the test's own folder: the path of a socket is short.
        self._folder = tempfile.TemporaryDirectory(prefix="dhcp-")
        self._here, self._there = (pathlib.Path(self._folder.name) / name for name in ("here", "qemu"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._here))
        self._thread = threading.Thread(target=self._answer_all, daemon=True)
        self.netdev = (
            f"dgram,id=dhcp,local.type=unix,local.path={self._there},remote.type=unix,remote.path={self._here}"
        )

    def __enter__(self) -> HttpBootDhcp:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # An empty frame wakes the thread.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", str(self._here))
        self._thread.join()
        self._socket.close()
        self._folder.cleanup()

    def _answer_all(self) -> None:
        while frame := self._socket.recv(65536):
            offer = http_boot_offer(frame, self._url)
            if offer:
                self._socket.sendto(offer, str(self._there))


def http_boot_offer(frame: bytes, url: str) -> bytes | None:
    """The answer to the frame, if it holds a DHCPDISCOVER of an HTTP boot client."""
    if frame[12:14] != b"\x08\x00" or frame[23] != socket.IPPROTO_UDP:
        return None
    datagram = frame[14 + 4 * (frame[14] & 15) :]
    request = datagram[8:]
    if datagram[2:4] != b"\0\x43" or request[236:240] != _COOKIE:
        return None
    options = _options(request[240:])
    if options.get(_MESSAGE_TYPE) != bytes((_DISCOVER,)) or not options.get(_VENDOR_CLASS, b"").startswith(
        b"HTTPClient"
    ):
        return None
    head = bytes((2, 1, 6, 0)) + request[4:8] + bytes(4) + bytes(8) + _ADDRESS + request[24:44] + bytes(192)
    answered = (
        (_MESSAGE_TYPE, bytes((_OFFER,))),
        (_SERVER, _ADDRESS),
        (_VENDOR_CLASS, b"HTTPClient"),
        (_BOOT_FILE, url.encode()),
    )
    body = head + _COOKIE + b"".join(bytes((code, len(value))) + value for code, value in answered) + bytes((_END,))
    udp = struct.pack(">HHHH", 67, 68, 8 + len(body), 0) + body
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0) + _ADDRESS + _BROADCAST
    ip = ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:]
    return b"\xff" * 6 + _MAC + b"\x08\x00" + ip + udp


def _options(block: bytes) -> dict[int, bytes]:
    options = {}
    while block and block[0] != _END:
        if block[0] == 0:
            block = block[1:]
            continue
        length = block[1]
        options[block[0]] = block[2 : 2 + length]
        block = block[2 + length :]
    return options


def _checksum(header: bytes) -> int:
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


__all__ = ("HttpBootDhcp", "http_boot_offer")
