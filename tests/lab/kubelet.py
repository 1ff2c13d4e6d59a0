# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubelets of simulated machines: real keys and requests, a Node, heartbeats, TLS on port 10250; all in one loop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import ipaddress
import json
import pathlib
import ssl
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import aiohttp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID

from lab import objects
from lab.pki import general_names
from lab.pki import key_pem
from lab.pki import write_private

PORT = 10250
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
BOOTSTRAPPER = "system:serviceaccount:openshift-machine-config-operator:node-bootstrapper"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
# TLS record: alert, fatal, internal error (80)
_ALERT_INTERNAL_ERROR = bytes([0x15, 3, 3, 0, 2, 2, 80])
_UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\nConnection: close\r\n\r\nUnauthorized"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Refused(Exception):
    """The API server said no, for a reason that will not go away by itself."""


class Pair(NamedTuple):
    """A certificate and its key, in files and at hand."""

    path: pathlib.Path
    certificate: x509.Certificate


class Timing:
    """How fast a kubelet is; a real one gives up after 15 minutes and posts its serving request 1 to 4 s later."""

    def __init__(
        self,
        *,
        certificate_wait: float = 900.0,
        retry: float = 0.2,
        serving_delay: float = 0.05,
        ready_delay: float = 0.05,
        heartbeat: float = 10.0,
    ) -> None:
        self.certificate_wait = certificate_wait
        self.retry = retry
        self.serving_delay = serving_delay
        self.ready_delay = ready_delay
        self.heartbeat = heartbeat


class ApiConnection:
    """The API server as one identity; calls are repeated while the server is away."""

    def __init__(self, url: str, context: ssl.SSLContext, *, token: str | None = None, limit: int = 2) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # an open TLS connection costs half a megabyte (both ends are in this process)
        connector = aiohttp.TCPConnector(ssl=context, limit=limit, keepalive_timeout=1.0)
        self._session = aiohttp.ClientSession(connector=connector)

    async def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """The answer; Refused where it is a 4xx."""
        pause = 0.05
        while True:
            try:
                async with self._session.request(
                    method,
                    self._url + path,
                    data=None if body is None else json.dumps(body),
                    headers={**self._headers, "Content-Type": content_type},
                    timeout=aiohttp.ClientTimeout(total=30),
                ) as answer:
                    text = await answer.text()
                    if answer.status < 400:
                        return dict(json.loads(text))
                    if answer.status < 500 and answer.status != 429:
                        raise Refused(f"{method} {path}: {answer.status} {_message(text)}")
            except (aiohttp.ClientError, asyncio.TimeoutError, ValueError):
                pass  # the server restarts; a kubelet just tries again
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)

    def watch(self, path: str) -> Any:
        return self._session.get(
            self._url + path, headers=self._headers, timeout=aiohttp.ClientTimeout(total=None, sock_read=120)
        )

    async def close(self) -> None:
        await self._session.close()


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:200]


class CertificateWatch:
    """One watch of all certificate requests for all kubelets, with the rights that each of them has."""

    def __init__(self, connection: ApiConnection) -> None:
        self._connection = connection
        self._known: dict[str, dict[str, Any]] = {}
        self._by_node: dict[str, list[str]] = {}
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to watch; may be called twice."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    def of(self, node_name: str) -> list[str]:
        """Names of the client requests for this node that were seen so far, oldest first."""
        return self._by_node.get(f"system:node:{node_name}", [])

    async def issued(self, name: str, timeout: float) -> bytes:
        """The certificate in PEM. Refused where the request was denied or failed, TimeoutError where nothing came."""
        self.start()
        request = self._known.get(name)
        if request is None or not _decided(request):
            future = self._waiting.setdefault(name, asyncio.get_running_loop().create_future())
            try:
                request = await asyncio.wait_for(asyncio.shield(future), timeout)
            finally:
                self._waiting.pop(name, None)
        refusal = _decided(request)
        if refusal != "Issued":
            raise Refused(f"the request {name} is {refusal}")
        return base64.b64decode(request["status"]["certificate"])

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, ValueError, Refused):
                listed = await self._connection.call("GET", REQUESTS)
                for item in listed["items"]:
                    self._take(item)
                await self._events(listed["metadata"]["resourceVersion"])
            await asyncio.sleep(0.1)

    async def _events(self, version: str) -> None:
        async with self._connection.watch(f"{REQUESTS}?watch=true&resourceVersion={version}") as answer:
            if answer.status != 200:
                return  # the version is too old, or the server has a bad moment: list again
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._take(event["object"])

    def _take(self, request: dict[str, Any]) -> None:
        name = request["metadata"]["name"]
        if name not in self._known and request["spec"]["signerName"] == CLIENT_SIGNER:
            parsed = x509.load_pem_x509_csr(base64.b64decode(request["spec"]["request"]))
            for common_name in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
                self._by_node.setdefault(str(common_name.value), []).append(name)
        self._known[name] = request
        future = self._waiting.get(name)
        if future is not None and not future.done() and _decided(request):
            future.set_result(request)


def _decided(request: dict[str, Any]) -> str:
    """Issued, Denied or Failed; empty while the request is open."""
    status = request.get("status") or {}
    if status.get("certificate"):
        return "Issued"
    types = {condition["type"] for condition in status.get("conditions", [])}
    return next((kind for kind in ("Denied", "Failed") if kind in types), "")


class Cluster:
    """What all kubelets of a site share."""

    def __init__(self, url: str, ca_path: pathlib.Path, token: str, timing: Timing) -> None:
        self.url = url
        self.ca_path = ca_path
        self.timing = timing
        self.bootstrap = ApiConnection(url, self.context(), token=token, limit=20)
        self.certificates = CertificateWatch(self.bootstrap)

    def context(self, pair: Pair | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca_path)
        if pair:
            context.load_cert_chain(pair.path)
        return context

    async def close(self) -> None:
        await self.certificates.close()
        await self.bootstrap.close()


class Identity(NamedTuple):
    """How the machine calls itself."""

    name: str
    addresses: tuple[str, ...]
    architecture: str  # arm64 or amd64
    system_uuid: str
    rsa: bool = False


class Kubelet:
    """One kubelet. Its keys lie in `directory` and outlive a restart.

    :param tell: called with the name of an event and its details
    :param serves: whether it asks for a serving certificate at all
    :param listens: the addresses that the machine really has, or none where this system has no lab network
    """

    def __init__(
        self,
        cluster: Cluster,
        identity: Identity,
        directory: pathlib.Path,
        tell: Callable[..., None],
        *,
        serves: bool = True,
        listens: Sequence[str] = (),
    ) -> None:
        self.identity = identity
        self.client: Pair | None = None
        self.serving: Pair | None = None
        self._cluster = cluster
        self._directory = directory
        self._tell = tell
        self.serves = serves
        self._listens = list(listens)
        self._serving_context: ssl.SSLContext | None = None

    def forget_keys(self) -> None:
        """As after `rm -r /var/lib/kubelet/pki` and the kubeconfig beside it."""
        self.client = self.serving = None
        self._serving_context = None

    async def run(self) -> None:
        """Until it is cancelled."""
        async with contextlib.AsyncExitStack() as stack:
            if self.client is None:
                self.client = await self._repeat(self._client_certificate)
            connection = ApiConnection(self._cluster.url, self._cluster.context(self.client))
            stack.push_async_callback(connection.close)
            await self._repeat(lambda: self._register(connection))
            if self._listens:
                server = await asyncio.start_server(self._answer, self._listens, PORT, reuse_address=True)
                stack.callback(server.close)
            serving = asyncio.get_running_loop().create_task(self._serving(connection))
            stack.callback(serving.cancel)
            await asyncio.sleep(self._cluster.timing.ready_delay)
            since = _now()
            await self._repeat(lambda: self._report(connection, since))
            self._tell("ready")
            while True:
                await asyncio.sleep(self._cluster.timing.heartbeat)
                with contextlib.suppress(Refused):  # its Node was deleted: a kubelet goes on and logs
                    await self._report(connection, since)

    async def _repeat(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """Until the step succeeds, with the pauses of a kubelet."""
        pause = self._cluster.timing.retry
        while True:
            try:
                return await step()
            except (Refused, asyncio.TimeoutError) as error:
                self._tell("gave_up", reason=str(error) or "no certificate in time")
            await asyncio.sleep(pause)
            pause = min(16 * self._cluster.timing.retry, pause * 2)

    async def _client_certificate(self) -> Pair:
        key = await self._new_key()
        pem = certificate_request(self.identity.name, key)
        return await self._certificate("client", self._cluster.bootstrap, CLIENT_SIGNER, key, pem)

    async def _serving(self, connection: ApiConnection) -> None:
        if not self.serves or self.serving:
            return
        await asyncio.sleep(self._cluster.timing.serving_delay)

        async def step() -> Pair:
            key = await self._new_key()
            pem = certificate_request(self.identity.name, key, names=[self.identity.name, *self.identity.addresses])
            return await self._certificate("serving", connection, SERVING_SIGNER, key, pem)

        self.serving = await self._repeat(step)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.serving.path)
        self._serving_context = context
        self._tell("serving")

    async def _certificate(self, purpose: str, connection: ApiConnection, signer: str, key: Key, pem: bytes) -> Pair:
        """Posts one request and waits for its certificate, as long as a kubelet does."""
        usages = request_usages(purpose, key)
        request = await connection.call("POST", REQUESTS, request_object(pem, signer, usages))
        name = request["metadata"]["name"]
        self._tell(f"{purpose}_csr", name=name)
        certificate = await self._cluster.certificates.issued(name, self._cluster.timing.certificate_wait)
        path = self._directory / f"kubelet-{purpose}.pem"
        write_private(path, certificate + key_pem(key))
        self._tell(f"{purpose}_certificate", name=name)
        return Pair(path, x509.load_pem_x509_certificate(certificate))

    async def _new_key(self) -> Key:
        if not self.identity.rsa:
            return ec.generate_private_key(ec.SECP256R1())
        return await asyncio.to_thread(rsa.generate_private_key, 65537, 2048)

    async def _register(self, connection: ApiConnection) -> None:
        try:
            stored = await connection.call("POST", "/api/v1/nodes", node_object(self.identity))
        except Refused as refusal:
            if " 409 " not in str(refusal):
                raise
            await self._take_over(connection)
            self._tell("registered", existed=True)
            return
        self._tell("registered", existed=False, uid=stored["metadata"]["uid"])

    async def _take_over(self, connection: ApiConnection) -> None:
        """The Node is there already: its status becomes ours."""
        path = f"/api/v1/nodes/{self.identity.name}"
        node = await connection.call("GET", path)
        node["status"] = {**node.get("status", {}), **node_object(self.identity)["status"]}
        await connection.call("PUT", f"{path}/status", node)

    async def _report(self, connection: ApiConnection, since: str) -> None:
        """A heartbeat: the conditions, Ready among them."""
        conditions = node_object(self.identity, ready=True, since=since)["status"]["conditions"]
        path = f"/api/v1/nodes/{self.identity.name}/status"
        body = {"status": {"conditions": conditions}}
        await connection.call("PATCH", path, body, "application/strategic-merge-patch+json")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """TLS with the certificate of the moment; before there is one, the alert that Go sends."""
        with contextlib.suppress(OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
            if self._serving_context is None:
                await asyncio.wait_for(reader.read(65536), 10)
                writer.write(_ALERT_INTERNAL_ERROR)
            else:
                await writer.start_tls(self._serving_context)
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                # a kubelet tells nothing to those that it does not know
                writer.write(_UNAUTHORIZED)
            await writer.drain()
        writer.close()


def certificate_request(
    node_name: str, key: Key, *, names: Sequence[str] = (), organizations: Sequence[str] = ("system:nodes",)
) -> bytes:
    """PKCS#10 in PEM, byte for byte as Go writes it (PrintableString, names before addresses)."""
    parts = [(NameOID.ORGANIZATION_NAME, organization) for organization in organizations]
    parts.append((NameOID.COMMON_NAME, f"system:node:{node_name}"))
    subject = x509.Name([x509.NameAttribute(oid, text, _ASN1Type.PrintableString) for oid, text in parts])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(general_names(names)), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def request_usages(purpose: str, key: Key) -> list[str]:
    """Kubelet 1.34: key encipherment for RSA only."""
    extra = ["key encipherment"] if isinstance(key, rsa.RSAPrivateKey) else []
    return ["digital signature", *extra, f"{'client' if purpose == 'client' else 'server'} auth"]


def request_object(pem: bytes, signer: str, usages: Sequence[str]) -> dict[str, Any]:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"generateName": "csr-"},
        "spec": {"request": base64.b64encode(pem).decode(), "signerName": signer, "usages": list(usages)},
    }


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def node_object(identity: Identity, *, ready: bool = False, since: str | None = None) -> dict[str, Any]:
    """The Node as this kubelet reports it now."""
    # no roles: NodeRestriction of an unpatched API server refuses them from a kubelet
    node = objects.node(identity.name, identity.addresses[0], identity.architecture, roles=(), ready=ready)
    for condition in node["status"]["conditions"]:
        condition["lastHeartbeatTime"] = _now()
        condition["lastTransitionTime"] = since or _now()
    addresses = [str(ipaddress.ip_address(address)) for address in identity.addresses]
    node["status"]["addresses"] = [
        *({"address": address, "type": "InternalIP"} for address in addresses),
        {"address": identity.name, "type": "Hostname"},
    ]
    node["status"]["nodeInfo"].update(systemUUID=identity.system_uuid, machineID=identity.system_uuid.replace("-", ""))
    return {"apiVersion": "v1", "kind": "Node", **node}
