# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated control plane: the server in its own event loop in a thread."""

from __future__ import annotations

import asyncio
import pathlib
import re
import ssl
import threading
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

from aiohttp import web

from lab import objects
from lab.plane import ADMIN
from lab.plane import SERVICE_ACCOUNT
from lab.plane import Approval
from lab.plane import ControlPlane
from lab.plane import Request
from lab.simulator import access
from lab.simulator import kinds
from lab.simulator.access import Access
from lab.simulator.access import Identity
from lab.simulator.controllers import NodeLifecycle
from lab.simulator.controllers import Signer
from lab.simulator.controllers import publish_root_ca
from lab.simulator.faults import Faults
from lab.simulator.server import Server
from lab.simulator.store import Item
from lab.simulator.store import Store

T = TypeVar("T")
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
SYSTEM = Identity("system:apiserver", ("system:masters",))


class SimulatedControlPlane(ControlPlane):
    """A Kubernetes API server, signer and node lifecycle on one address of this machine."""

    port: int

    def __init__(
        self,
        directory: pathlib.Path,
        address: str = "127.0.0.1",
        *,
        node_grace_seconds: float = 3600.0,
        bookmark_seconds: float = 1.0,
        history: int = 20000,
    ) -> None:
        super().__init__(directory, address)
        self._store = Store(history)
        self._access = Access(self._store)
        self._server = Server(self._store, self._access, bookmark_seconds=bookmark_seconds)
        self._signer = Signer(self._store, self.authority)
        self._lifecycle = NodeLifecycle(self._store, node_grace_seconds)
        publish_root_ca(self._store, self.ca_pem)
        self._server.faults = Faults(self._inject)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    @property
    def requests(self) -> list[Request]:
        return self._server.requests

    @property
    def approvals(self) -> list[Approval]:
        return self._server.approvals

    @property
    def faults(self) -> Faults:
        return self._server.faults

    def start(self) -> None:
        self._tls.load_cert_chain(*self.authority.server("kube-apiserver", self._server_names()))
        self._tls.load_verify_locations(self.ca_path)
        self._tls.verify_mode = ssl.CERT_OPTIONAL
        # A resumed session would have to be matched to its certificate; connections are few, so do without.
        self._tls.num_tickets = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="control-plane", daemon=True)
        self._thread.start()
        try:
            self._call(self._open)
        except BaseException:
            self.stop()
            raise
        self.api.apply(objects.node_bootstrapper())

    def stop(self) -> None:
        self._close_api()
        if self._loop is None or self._thread is None:
            return
        self._call(self._close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def token(
        self,
        user: str,
        groups: Sequence[str] = (),
        uid: str | None = None,
        extra: dict[str, list[str]] | None = None,
    ) -> str:
        return self._do(lambda: self._make_token(user, tuple(groups), uid, extra))

    def revoke(self, token: str) -> None:
        """The token is no longer valid: 401 from now on."""
        self._do(lambda: self._server.tokens.pop(token, None))

    def restrict(self, user: str, rules: Sequence[dict[str, Any]]) -> None:
        """Beats every other right of this user, the administrator's too."""
        user = ADMIN[0] if user == "admin" else user
        self._do(lambda: self._access.restrict(user, rules))

    @property
    def open_watches(self) -> list[str]:
        """Paths of the watches that are open now."""
        return self._do(lambda: [watch.path for watch in self._server.watches])

    def _make_token(
        self, user: str, groups: tuple[str, ...], uid: str | None, extra: dict[str, list[str]] | None
    ) -> str:
        match = SERVICE_ACCOUNT.fullmatch(user)
        if not match or groups or uid:
            groups = groups if "system:authenticated" in groups else (*groups, "system:authenticated")
            return self._server.add_token(Identity(user, groups, uid or "", extra or {}))
        account = self._account(match["namespace"], match["name"])
        if extra is None:
            return self._server.account_token(account)
        token = self._server.secret_token(account)
        if extra:
            known = self._server.tokens[token]
            self._server.add_token(Identity(known.name, known.groups, known.uid, extra), token)
        return token

    def _account(self, namespace: str, name: str) -> Item:
        resources = self._server.resources
        if self._store.get(kinds.NAMESPACE, ("", namespace)) is None:
            resources.create(kinds.NAMESPACE, "", {"metadata": {"name": namespace}}, SYSTEM)
        account = self._store.get(kinds.SERVICE_ACCOUNT, (namespace, name))
        if account is None:
            body = {"metadata": {"name": name}}
            account = resources.create(kinds.SERVICE_ACCOUNT, namespace, body, SYSTEM)
        return account

    def _furnish(self) -> None:
        """What is there after the first start of a real one."""
        resources = self._server.resources
        for namespace in NAMESPACES:
            resources.create(kinds.NAMESPACE, "", {"metadata": {"name": namespace}}, SYSTEM)
        for name, rules in access.CLUSTER_ROLES.items():
            resources.create(kinds.CLUSTER_ROLE, "", {"metadata": {"name": name}, "rules": list(rules)}, SYSTEM)
        for name, groups in access.CLUSTER_ROLE_BINDINGS.items():
            body = {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": kinds.RBAC, "kind": "ClusterRole", "name": name},
                "subjects": [{"apiGroup": kinds.RBAC, "kind": "Group", "name": group} for group in groups],
            }
            resources.create(kinds.CLUSTER_ROLE_BINDING, "", body, SYSTEM)

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    async def _open(self) -> None:
        if self._store.revision == 1:
            self._furnish()
        self._runner = web.AppRunner(
            self._server.application(),
            access_log=None,
            handle_signals=False,
            # What a client that went away had asked for is not done any more.
            handler_cancellation=True,
            shutdown_timeout=0.05,
        )
        await self._runner.setup()
        await self._listen()
        self._keep(self._lifecycle.run())

    async def _listen(self) -> None:
        assert self._runner is not None
        site = web.TCPSite(
            self._runner, self.address, self.port, ssl_context=self._tls, backlog=1024, reuse_address=True
        )
        await site.start()
        # Port 0 is any free one; a restart takes the same again.
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._drop_connections()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _drop_connections(self) -> None:
        server = self._runner.server if self._runner else None
        for connection in list(server.connections) if server else []:
            transport = connection.transport
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    def _inject(self, action: str, path: str, seconds: float) -> None:
        if action == "restart":
            self._call(lambda: self._go_away(seconds))
        elif action == "forget":
            self._do(self._store.forget)
        else:
            self._do(lambda: self._disturb(action, path))

    def _disturb(self, action: str, path: str) -> None:
        for watch in list(self._server.watches):
            if re.search(path, watch.path):
                {"drop": watch.drop, "silence": watch.silence, "expire": watch.expire}[action]()

    async def _go_away(self, seconds: float) -> None:
        assert self._runner is not None
        for site in list(self._runner.sites):
            await site.stop()
        self._drop_connections()
        self._keep(self._come_back(seconds))

    async def _come_back(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    def _keep(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _call(self, start: Callable[[], Any]) -> Any:
        """Runs a coroutine in the server's loop and waits for it."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(start(), self._loop).result(30)

    def _do(self, action: Callable[[], T]) -> T:
        """Runs a function in the server's loop: the store belongs to that thread."""

        async def run() -> T:
            return action()

        if self._loop is None:
            return action()
        return self._call(run)
