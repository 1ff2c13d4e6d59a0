# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The BMC of OpenStack's sushy-tools: not our code, with HTTPS, accounts, and images that it really fetches.

Its fake driver tells of every change; a machine of the rack is switched by that, and boots the bytes that the emulator
has fetched. Like some real BMCs it keeps what was set for one boot.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from typing import NamedTuple

import bcrypt
from aiohttp import web

from lab.loop import LoopThread
from lab.machines import RackMachine

_PROGRAM = pathlib.Path(sys.prefix, "bin", "sushy-emulator")


class Account(NamedTuple):
    username: str
    password: str


@contextlib.contextmanager
def emulator(
    directory: pathlib.Path,
    system: dict[str, Any],
    *,
    tls: tuple[pathlib.Path, pathlib.Path],
    account: Account,
    address: str = "127.0.0.1",
    notified: str = "",
) -> Iterator[str]:
    """The URL of an emulator with one system.

    :param system: its uuid, name and nics; it is off
    :param notified: the URL that is told of each change
    """
    # it comes with every other package of the tests, so that nothing is skipped without it
    if not _PROGRAM.exists():
        raise FileNotFoundError(f"{_PROGRAM} is missing: pip install -r tests/requirements.txt")
    with socket.create_server((address, 0)) as probe:
        port = probe.getsockname()[1]
    for folder in ("state", "images"):
        (directory / folder).mkdir(parents=True)
    secret = bcrypt.hashpw(account.password.encode(), bcrypt.gensalt(4)).decode()
    (directory / "htpasswd").write_text(f"{account.username}:{secret}\n")
    settings = {
        "SUSHY_EMULATOR_LISTEN_IP": address,
        "SUSHY_EMULATOR_LISTEN_PORT": port,
        "SUSHY_EMULATOR_SSL_CERT": str(tls[0]),
        "SUSHY_EMULATOR_SSL_KEY": str(tls[1]),
        "SUSHY_EMULATOR_AUTH_FILE": str(directory / "htpasswd"),
        "SUSHY_EMULATOR_FAKE_DRIVER": True,
        "SUSHY_EMULATOR_STATE_DIR": str(directory / "state"),
        "SUSHY_EMULATOR_FAKE_SYSTEMS": [{"power_state": "Off", "external_notifier": bool(notified), **system}],
        "EXTERNAL_NOTIFICATION_URL": notified,
    }
    (directory / "sushy.conf").write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    environment = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(_PROGRAM), "--config", str(directory / "sushy.conf")],
            stdout=log,
            stderr=log,
            env={**environment, "TMPDIR": str(directory / "images")},
        )
    try:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((address, port), 1):
                break
            time.sleep(0.1)
        yield f"https://{address}:{port}"
    finally:
        process.terminate()
        process.wait(10)


class Bridge:
    """Does with a machine what the emulator says that it did with its system."""

    def __init__(self, machine: RackMachine, loop: LoopThread, address: str) -> None:
        self._machine = machine
        self._loop = loop
        self._address = address
        self._power, self._image, self._target = "Off", "", ""
        self._changes: asyncio.Task[None] | None = None
        machine.keeps_media = lambda: self._target == "Cd" and bool(self._image)

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """The URL that is to be told."""
        runner = self._loop.run(self._listen())
        try:
            yield f"http://{self._address}:{runner.addresses[0][1]}/"
        finally:
            self._loop.run(runner.cleanup())

    async def _listen(self) -> web.ServerRunner:
        runner = web.ServerRunner(web.Server(self._told, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, self._address, 0).start()
        return runner

    async def _told(self, request: web.BaseRequest) -> web.StreamResponse:
        system = await request.json()
        before, self._power = self._power, system["power_state"]
        self._target = system.get("boot_device") or ""
        image = ((system.get("boot_image") or {}).get("Cd") or [""])[0] or ""
        if self._image and image != self._image:
            self._machine.eject_iso(self._image)
        self._image = image
        if self._power != before:
            # it waits for this answer, and must not wait for the machine
            self._changes = asyncio.get_running_loop().create_task(self._switch(self._power, self._target, image))
        return web.Response()

    async def _switch(self, power: str, target: str, image: str) -> None:
        if power != "On":
            await self._machine.switch_off()
            return
        boots = image if target == "Cd" else ""
        self._machine.tell("bmc_boot", target=target, image=boots)
        if boots:
            self._machine.insert_iso(boots)
        await self._machine.switch_on()


__all__ = ("Account", "Bridge", "emulator")
