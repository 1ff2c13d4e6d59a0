# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real machine's own network and addresses, on a wire to the lab's: what its programs ask for comes from there."""

from __future__ import annotations

import os
import pathlib
import subprocess
import time

from lab.processes import Process


class Wire:
    """The network exists as long as its holder; the kernel takes the wire away with it.

    While it is up its addresses are reached over it, and no longer belong to the lab's own network.
    """

    def __init__(self, addresses: list[str], log: pathlib.Path) -> None:
        self._holder = Process(["unshare", "--net", "--", "sleep", "infinity"], log)
        self._name = f"lab{self._holder.pid}"
        try:
            self._connect([address for address in addresses if ":" not in address])
        except BaseException:
            self.close()
            raise

    @property
    def namespace(self) -> str:
        """Its path, for nsenter."""
        return f"/proc/{self._holder.pid}/ns/net"

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """May be called twice."""
        # at once, so that the address is local again; the kernel would take its time
        subprocess.run(["ip", "link", "delete", self._name], capture_output=True, check=False)
        self._holder.stop(timeout=1.0)

    def _connect(self, addresses: list[str]) -> None:
        deadline = time.monotonic() + 5
        while os.readlink(self.namespace) == os.readlink("/proc/self/ns/net"):
            if time.monotonic() > deadline or not self._holder.running:
                raise RuntimeError(f"no network namespace: {self._holder.last_lines()}")
            time.sleep(0.005)
        _ip(f"link add {self._name} type veth peer name eth0 netns {self._holder.pid}", f"link set {self._name} up")
        inside = ["link set lo up", *(f"address add {address}/32 dev eth0" for address in addresses)]
        _ip(*inside, "link set eth0 up", "route add default dev eth0", within=self.namespace)
        # the whole network is local in the lab, and the longer prefix wins
        _ip(*(f"route replace unicast {address}/32 dev {self._name} table local" for address in addresses))


def _ip(*commands: str, within: str = "") -> None:
    enter = ["nsenter", f"--net={within}", "--"] if within else []
    done = subprocess.run(
        [*enter, "ip", "-batch", "-"], input="\n".join(commands) + "\n", capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"ip: {done.stderr.strip()}")
