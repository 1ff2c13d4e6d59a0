# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts a DHCP server on a wire and asks it what firmware would ask. Runs in a network namespace of its own:

unshare --net python ask_dhcp.py <<< '{"server": ["dnsmasq", …], "questions": [{"mac": …, "architecture": 11}]}'

The server's side of the wire is `srv`, 192.0.2.1/24. Prints one offer for each question, null where there is none.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import subprocess
import sys
import time
from typing import Any

_COOKIE = b"\x63\x82\x53\x63"
_ANSWER_SECONDS = 2.0
_START_SECONDS = 20.0


def discover(mac: str, architecture: int, *, ipxe: bool, number: int) -> bytes:
    """A whole Ethernet frame."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    kind = "HTTPClient" if architecture in (15, 16, 18, 19) else "PXEClient"
    options = [
        (53, b"\x01"),
        (55, bytes((1, 3, 6, 12, 15, 43, 60, 66, 67))),
        (60, f"{kind}:Arch:{architecture:05d}:UNDI:003016".encode()),
        (93, architecture.to_bytes(2, "big")),
        (94, b"\x01\x03\x10"),
        (97, b"\0" + hardware.ljust(16, b"\0")),
        *([(77, b"iPXE")] if ipxe else []),
    ]
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, number, 0, 0x8000) + bytes(16) + hardware.ljust(16, b"\0") + bytes(192)
    body = head + _COOKIE + b"".join(bytes((code, len(value))) + value for code, value in options) + b"\xff"
    body = body.ljust(300, b"\0")
    udp = struct.pack(">HHHH", 68, 67, 8 + len(body), 0) + body
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes(4) + b"\xff" * 4
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xFFFF) + (total >> 16)
    ip = ip[:10] + struct.pack(">H", ~total & 0xFFFF) + ip[12:]
    return b"\xff" * 6 + hardware + b"\x08\x00" + ip + udp


def offer(frame: bytes, number: int) -> dict[str, Any] | None:
    """What the frame offers to the question of that number."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    body = frame[14 + 4 * (frame[14] & 15) + 8 :]
    if len(body) < 240 or body[0] != 2 or body[4:8] != number.to_bytes(4, "big"):
        return None
    options = {}
    rest = body[240:]
    while rest and rest[0] != 255:
        if rest[0] == 0:
            rest = rest[1:]
            continue
        options[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :]
    file = options.get(67) or body[108:236]
    return {
        "address": socket.inet_ntoa(body[16:20]),
        "server": socket.inet_ntoa(body[20:24]),
        "file": file.rstrip(b"\0").decode(),
        "name": options.get(12, b"").rstrip(b"\0").decode(),
        "vendor": options.get(60, b"").decode(),
    }


def ask(wire: socket.socket, question: dict[str, Any], number: int) -> dict[str, Any] | None:
    wire.send(discover(question["mac"], question["architecture"], ipxe=bool(question.get("ipxe")), number=number))
    until = time.monotonic() + _ANSWER_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            found = offer(wire.recv(4096), number)
            if found:
                return found
    return None


def offers(
    server: list[str], questions: list[dict[str, Any]], environment: dict[str, str]
) -> tuple[list[dict[str, Any] | None], str]:
    """The offers of a server that is started with these words, and what it said itself."""
    asked = subprocess.run(
        ["unshare", "--net", sys.executable, __file__],
        input=json.dumps({"server": server, "questions": questions}),
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert asked.returncode == 0, asked.stderr
    return json.loads(asked.stdout), asked.stderr


def main() -> None:
    asked = json.load(sys.stdin)
    for words in (
        "link set lo up",
        "link add srv type veth peer name cli",
        "address add 192.0.2.1/24 dev srv",
        "link set srv up",
        "link set cli up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    with subprocess.Popen(asked["server"], stdout=sys.stderr, stderr=sys.stderr) as server:
        try:
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
                wire.bind(("cli", 0))
                wire.settimeout(0.1)
                # the first question is asked until the server is up
                until = time.monotonic() + _START_SECONDS
                number = 1
                while ask(wire, asked["questions"][0], number) is None and time.monotonic() < until:
                    number += 1
                    if server.poll() is not None:
                        sys.exit(f"the server ended with {server.returncode}")
                print(json.dumps([ask(wire, each, 1000 + i) for i, each in enumerate(asked["questions"])]))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
