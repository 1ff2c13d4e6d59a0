# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stand-in for the machine-config server: what an installed machine asks for its configuration on port 22623."""

from __future__ import annotations

import base64
import json
import pathlib
import re
import ssl
import threading
from collections.abc import Iterable
from typing import Any
from typing import NamedTuple

from aiohttp import web

from lab.loop import LoopThread
from lab.pki import Authority

PORT = 22623
# The versions that it renders, as OpenShift 4.19 does
_VERSIONS = ("3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0")
_IGNITION = re.compile(r"application/vnd\.coreos\.ignition\+json;\s*version=(\d+)\.(\d+)\.(\d+)")


class Asked(NamedTuple):
    """A request for a configuration."""

    address: str
    method: str
    path: str
    accept: str
    status: int


class MachineConfigServer:
    """Answers `/config/<pool>` with what makes a machine join: the bootstrap kubeconfig, and the cluster's CA in it.

    :param address: of the cluster's API, where machines look for it
    :param authority: signs its certificate; the pointer config carries its CA
    :param kubeconfig: the bootstrapper's, as text
    """

    def __init__(
        self,
        address: str,
        authority: Authority,
        kubeconfig: str,
        *,
        pools: Iterable[str] = ("master", "worker"),
        loop: LoopThread,
    ) -> None:
        self.address = address
        self.authority = authority
        self.requests: list[Asked] = []
        self.broken = False
        """Rendering fails, as with a degraded pool."""
        self._kubeconfig = kubeconfig
        self.pools = set(pools)
        self._loop = loop
        self._runner: web.ServerRunner | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{host}:{PORT}"

    def start(self) -> MachineConfigServer:
        if self._runner is None:
            self._loop.run(self._listen())
        return self

    def stop(self) -> None:
        if self._runner is not None:
            self._loop.run(self._runner.cleanup())
            self._runner = None

    async def _listen(self) -> None:
        certificate, key = self.authority.server("machine-config-server", [self.address])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        runner = web.ServerRunner(web.Server(self._answer))
        await runner.setup()
        await web.TCPSite(runner, self.address, PORT, ssl_context=context).start()
        self._runner = runner

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        accept = request.headers.get("Accept", "")
        status, content = self._content(request.method, request.path, accept)
        with self._lock:
            self.requests.append(Asked(request.remote or "", request.method, request.path, accept, status))
        return web.Response(status=status, body=content, content_type="application/json")

    def _content(self, method: str, path: str, accept: str) -> tuple[int, bytes]:
        """As pkg/server/api.go of the machine-config operator decides."""
        if method not in ("GET", "HEAD"):
            return 405, b""
        version = _version(accept)
        if version is None:
            return 400, b""
        if not path.startswith("/config/") or path.removeprefix("/config/") not in self.pools:
            return 404, b""
        if self.broken:
            return 500, b""
        return 200, json.dumps(self._config(version)).encode()

    def _config(self, version: str) -> dict[str, Any]:
        source = "data:;base64," + base64.b64encode(self._kubeconfig.encode()).decode()
        file: dict[str, Any] = {"path": "/etc/kubernetes/kubeconfig", "mode": 0o600, "overwrite": True}
        file["contents"] = {"source": source}
        if version.startswith("2."):
            file["filesystem"] = "root"
        return {"ignition": {"version": version}, "storage": {"files": [file]}}


def _version(accept: str) -> str | None:
    """The version of the spec to answer with; None where it has none that the client reads."""
    wanted = _IGNITION.search(accept)
    if wanted is None:
        # curl and old Ignition: the oldest that is still rendered
        return "2.2.0" if not accept or "*/*" in accept else None
    major, minor, _unused = (int(number) for number in wanted.groups())
    if major == 2:
        return "2.2.0" if minor >= 2 else None
    if major != 3:
        return None
    rendered = [version for version in _VERSIONS if int(version.split(".")[1]) <= minor]
    return rendered[-1] if rendered else None


def bootstrap_kubeconfig(url: str, ca_path: pathlib.Path, token: str) -> str:
    """What the machine-config server hands out: all in one file."""
    ca = base64.b64encode(ca_path.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": {"server": url, "certificate-authority-data": ca}}],
        "users": [{"name": "kubelet", "user": {"token": token}}],
        "contexts": [{"name": "kubelet", "context": {"cluster": "local", "user": "kubelet"}}],
        "current-context": "kubelet",
    }
    return json.dumps(content, indent=1)
