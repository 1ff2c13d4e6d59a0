# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A network of its own for the lab: one process tree, in which the documentation networks are local.

Kubelets refuse loopback addresses, and so does the collection; here every machine has one that looks like a real one.
Nothing needs a program or a privilege: an ordinary user gets the network together with a user namespace of his own.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from typing import NamedTuple

# RFC 5737 (documentation) and RFC 2544 (benchmarks: room for labs with hundreds of machines).
NETWORKS = ("192.0.2.1/24", "198.51.100.1/24", "203.0.113.1/24", "198.18.0.1/15")

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_LOOPBACK = 1  # index of lo in every new network namespace
_NEWLINK, _NEWADDR = 16, 20
_REQUEST, _ACK, _CREATE = 0x1, 0x4, 0x400 | 0x100  # create or replace
_UP = 1
_MAIN_ADDRESS, _LOCAL_ADDRESS = 1, 2
_NO_DUPLICATE_CHECK = 2


class Entry(NamedTuple):
    """What came of `enter`: true inside the lab's network, otherwise false with the reason."""

    inside: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.inside


def inside() -> bool:
    """True where an address of the lab can be used."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("192.0.2.254", 0))
        except OSError:
            return False
    return True


def enter() -> Entry:
    """Moves this process, and whatever it starts from now on, into the lab's network.

    To be called before the process starts threads: a user namespace takes a single-threaded process only.
    """
    if inside():
        return Entry(True)
    if os.environ.get("MULTIARCH_LAB_NAMESPACE") == "no":
        return Entry(False, "MULTIARCH_LAB_NAMESPACE=no asks for the host's own network")
    try:
        _unshare()
        _configure_loopback()
    except (OSError, AttributeError) as error:
        return Entry(False, f"this system does not allow a network namespace ({error})")
    return Entry(True) if inside() else Entry(False, "the addresses of the lab's network cannot be used")


def _unshare() -> None:
    user, group = os.getuid(), os.getgid()
    # As root no user namespace is needed, and without one mounts and loop devices go on working.
    flags = _CLONE_NEWNET if user == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if user:
        for name, content in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:
                stream.write(content)


def _configure_loopback() -> None:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        _ask(netlink, _NEWLINK, 0, struct.pack("=BxHiII", socket.AF_UNSPEC, 0, _LOOPBACK, _UP, _UP))
        for network in NETWORKS:
            address, prefix = network.split("/")
            packed = socket.inet_pton(socket.AF_INET, address)
            body = struct.pack("=BBBBI", socket.AF_INET, int(prefix), 0, 0, _LOOPBACK)
            attributes = _attribute(_LOCAL_ADDRESS, packed) + _attribute(_MAIN_ADDRESS, packed)
            _ask(netlink, _NEWADDR, _CREATE, body + attributes)


def add_address(address: str) -> None:
    """Makes one more address local. IPv6 needs it for each: there a whole network cannot be made local."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    body = struct.pack("=BBBBI", family, 8 * len(packed), _NO_DUPLICATE_CHECK, 0, _LOOPBACK)
    attributes = _attribute(_LOCAL_ADDRESS, packed) + _attribute(_MAIN_ADDRESS, packed)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        _ask(netlink, _NEWADDR, _CREATE, body + attributes)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value


def _ask(netlink: socket.socket, kind: int, flags: int, body: bytes) -> None:
    netlink.send(struct.pack("=IHHII", 16 + len(body), kind, _REQUEST | _ACK | flags, 1, 0) + body)
    answer = netlink.recv(4096)
    error = struct.unpack("=i", answer[16:20])[0]
    if error:
        raise OSError(-error, os.strerror(-error))
