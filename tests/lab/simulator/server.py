# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTP side: who asks, for what, with which faults on the way."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import uuid
from typing import Any

import yaml
from aiohttp import web
from cryptography import x509
from cryptography.x509.oid import NameOID

from lab.plane import SERVICE_ACCOUNT
from lab.plane import Approval
from lab.plane import Request
from lab.simulator import certificates
from lab.simulator import container
from lab.simulator import discovery
from lab.simulator import faults
from lab.simulator import kinds
from lab.simulator.access import ANONYMOUS
from lab.simulator.access import Access
from lab.simulator.access import Identity
from lab.simulator.access import Question
from lab.simulator.admission import forbidden
from lab.simulator.errors import FieldError
from lab.simulator.errors import StatusError
from lab.simulator.errors import invalid
from lab.simulator.kinds import Kind
from lab.simulator.resources import Resources
from lab.simulator.resources import service_account_identity
from lab.simulator.resources import timestamp
from lab.simulator.selectors import selector
from lab.simulator.store import Item
from lab.simulator.store import Store
from lab.simulator.store import encode
from lab.simulator.watching import Watch

CREDENTIAL = "authentication.kubernetes.io/credential-id"
MAX_BODY = 3 * 1024 * 1024
SHORTEST_TOKEN = 600


class Target:
    """A path below /api or /apis, taken apart."""

    def __init__(self, path: str) -> None:
        parts = path.strip("/").split("/")
        self.group = "" if parts[0] == "api" else parts[1]
        self.version, rest = (parts[1], parts[2:]) if parts[0] == "api" else (parts[2], parts[3:])
        self.namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            self.namespace, rest = rest[1], rest[2:]
        self.plural, self.name, self.subresource = (*rest, "", "")[:3]
        self.deeper = len(rest) > 3

    @staticmethod
    def is_resource(path: str) -> bool:
        parts = path.strip("/").split("/")
        return (parts[0] == "api" and len(parts) > 2) or (parts[0] == "apis" and len(parts) > 3)


class Server:
    """Answers requests from the store; one instance lives in one event loop."""

    def __init__(self, store: Store, access: Access, *, bookmark_seconds: float) -> None:
        self.store = store
        self.access = access
        self.resources = Resources(store, access, self.secret_token)
        self.tokens: dict[str, Identity] = {}
        self.watches: set[Watch] = set()
        self.requests: list[Request] = []
        self.approvals: list[Approval] = []
        self.faults = faults.Faults(self._nothing)
        self._bookmark_seconds = bookmark_seconds
        self._certificates: dict[bytes, Identity] = {}

    def application(self) -> web.Application:
        application = web.Application(client_max_size=MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self.handle)
        return application

    def add_token(self, identity: Identity, token: str = "") -> str:
        # As a header value it must be ASCII, as a secret it must not be guessable.
        token = token or f"lab-{uuid.uuid4().hex}{uuid.uuid4().hex}"
        self.tokens[token] = identity
        return token

    def secret_token(self, account: Item) -> str:
        """A ServiceAccount's token that lies in a Secret: it has no credential id."""
        return self.add_token(_account_identity(account, {}))

    def account_token(self, account: Item) -> str:
        """A token of TokenRequest."""
        return self.add_token(_account_identity(account, {CREDENTIAL: [f"JTI={uuid.uuid4()}"]}))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        started = time.time()
        identity, verb = ANONYMOUS, _verb(request)
        response: web.StreamResponse
        try:
            identity = self._authenticate(request)
            response = await self._answer(request, identity, verb, started)
        except StatusError as error:
            headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            response = _json(error.body(), error.code, headers)
        if verb != "watch" or response.status != 200:
            self.requests.append(Request(started, identity.name, verb, request.path_qs, response.status))
        return response

    async def _answer(self, request: web.Request, identity: Identity, verb: str, started: float) -> web.StreamResponse:
        path = request.path
        if not Target.is_resource(path):
            return await self._answer_document(request, identity)
        target = Target(path)
        met = await self._meet_faults(verb, request.path_qs, identity)
        self._authorize(identity, verb, target, request.query.get("fieldSelector", ""))
        kind = kinds.BY_PATH.get((target.group, target.version, target.plural))
        if kind is kinds.POD and target.subresource == "exec" and verb == "get":
            return await container.run(request, self.resources.get(kind, (target.namespace, target.name)))
        if not discovery.serves(target.group, target.version):
            return web.Response(status=404, text="404 page not found\n")
        if kind is None or target.deeper or (target.subresource and target.subresource not in kind.subresources):
            raise StatusError(404, "the server could not find the requested resource", details={})
        if verb == "watch":
            self.requests.append(Request(started, identity.name, verb, request.path_qs, 200))
            return await self._watch(request, kind, target, met)
        return await self._resource(request, kind, target, verb, identity)

    async def _answer_document(self, request: web.Request, identity: Identity) -> web.StreamResponse:
        path = request.path
        await self._meet_faults("get", request.path_qs, identity)
        allowed, _why = self.access.allows(identity, Question("get", path=path))
        if not allowed:
            words = f'forbidden: User "{identity.name}" cannot get path "{path}"'
            raise StatusError(403, words, details={})
        document = discovery.document(path)
        if document is None:
            return web.Response(status=404, text="404 page not found\n")
        return web.Response(text=document) if isinstance(document, str) else _json(document)

    async def _meet_faults(self, verb: str, path: str, identity: Identity) -> list[faults.Fault]:
        met = self.faults.take(verb, path, identity.name)
        for fault in met:
            if fault.kind == faults.DELAY:
                await asyncio.sleep(fault.seconds)
        for fault in met:
            if fault.kind == faults.FAIL:
                raise fault.error()
        return met

    def _authorize(self, identity: Identity, verb: str, target: Target, field_selector: str) -> None:
        resource = f"{target.plural}/{target.subresource}" if target.subresource else target.plural
        namespace = target.namespace or (target.name if target.plural == "namespaces" else "")
        # A list of one name counts as a question for that name.
        chosen = re.fullmatch(r"metadata\.name=([^,]+)", field_selector)
        name = chosen[1] if chosen else target.name
        question = Question(verb, target.group, resource, namespace, name)
        allowed, why = self.access.allows(identity, question)
        if allowed:
            return
        place = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
        words = (
            f'User "{identity.name}" cannot {verb} resource "{resource}" in API group "{target.group}" {place}'
            f"{': ' + why if why else ''}"
        )
        raise forbidden(Kind(target.group, target.version, "", target.plural), name, words)

    async def _watch(
        self, request: web.Request, kind: Kind, target: Target, met: list[faults.Fault]
    ) -> web.StreamResponse:
        query = request.query
        watch = Watch(
            self.store,
            kind,
            target.namespace,
            selector(kind, query),
            query,
            path=request.path_qs,
            bookmark_seconds=self._bookmark_seconds,
        )
        for fault in met:
            if fault.kind == faults.SILENT:
                watch.silence()
            elif fault.kind == faults.GONE:
                watch.expire()
        self.watches.add(watch)
        try:
            return await watch.run(request)
        finally:
            self.watches.discard(watch)

    async def _resource(
        self, request: web.Request, kind: Kind, target: Target, verb: str, identity: Identity
    ) -> web.StreamResponse:
        resources, query = self.resources, request.query
        key = (target.namespace, target.name) if kind.namespaced else ("", target.name)
        dry_run = _dry_run(verb, query.get("dryRun", ""))
        if verb == "get":
            return _json(resources.get(kind, key))
        if verb == "list":
            return _json(resources.list_items(kind, target.namespace, selector(kind, query), query))
        body = _decode(await request.read(), request.content_type)
        if verb == "create":
            if not kind.stored:
                return _json(self._review(kind, body, identity), 201)
            if kind is kinds.SERVICE_ACCOUNT and target.subresource == "token":
                return _json(self._token_request(resources.get(kind, key), body), 201)
            if target.name:
                raise _no_method()
            return _json(resources.create(kind, target.namespace, body, identity, dry_run=dry_run), 201)
        if verb == "update":
            before = self.store.get(kind, key)
            item = resources.replace(kind, key, target.subresource, body, identity, dry_run=dry_run)
            self._note_approval(kind, before, item, identity, dry_run=dry_run)
            return _json(item)
        if verb == "patch":
            before = self.store.get(kind, key)
            item, created = resources.patch(
                kind, key, target.subresource, request.content_type, body, identity, query, dry_run=dry_run
            )
            self._note_approval(kind, before, item, identity, dry_run=dry_run)
            return _json(item, 201 if created else 200)
        if verb == "delete":
            return _json(resources.delete(kind, key, body, dry_run=dry_run))
        if verb == "deletecollection":
            match = selector(kind, query)
            return _json(resources.delete_all(kind, target.namespace, match, query, dry_run=dry_run))
        raise _no_method()

    def _note_approval(self, kind: Kind, before: Item | None, item: Item, identity: Identity, *, dry_run: bool) -> None:
        if kind is not kinds.REQUEST or dry_run or before is None:
            return
        if certificates.is_decided(item, "Approved") and not certificates.is_decided(before, "Approved"):
            metadata = item["metadata"]
            self.approvals.append(Approval(metadata["uid"], metadata["name"], identity.name))

    def _review(self, kind: Kind, body: Any, identity: Identity) -> Item:
        answer: Item = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}}
        if kind is kinds.SUBJECT_REVIEW:
            user: Item = {"username": identity.name, "uid": identity.uid, "groups": list(identity.groups)}
            user["extra"] = dict(identity.extra)
            return {**answer, "status": {"userInfo": {name: value for name, value in user.items() if value}}}
        spec = (body or {}).get("spec") or {}
        asked = spec.get("resourceAttributes")
        if asked is not None:
            resource = asked.get("resource", "")
            if asked.get("subresource"):
                resource += f"/{asked['subresource']}"
            question = Question(
                asked.get("verb", ""),
                asked.get("group", ""),
                resource,
                asked.get("namespace", ""),
                asked.get("name", ""),
            )
        else:
            asked = spec.get("nonResourceAttributes") or {}
            question = Question(asked.get("verb", ""), path=asked.get("path", ""))
        allowed, why = self.access.allows(identity, question)
        status: Item = {"allowed": allowed}
        if why:
            status["reason"] = why
        return {**answer, "spec": spec, "status": status}

    def _is_gone(self, identity: Identity) -> bool:
        """Whether it is a ServiceAccount that is there no more: its tokens die with it."""
        match = SERVICE_ACCOUNT.fullmatch(identity.name)
        if match is None:
            return False
        account = self.store.get(kinds.SERVICE_ACCOUNT, (match["namespace"], match["name"]))
        return account is None or account["metadata"]["uid"] != identity.uid

    def _token_request(self, account: Item, body: Any) -> Item:
        seconds = ((body or {}).get("spec") or {}).get("expirationSeconds") or 3600
        if seconds < SHORTEST_TOKEN:
            words = "may not specify a duration less than 10 minutes"
            errors = [FieldError.invalid("spec.expirationSeconds", str(seconds), words)]
            raise invalid("authentication.k8s.io", "TokenRequest", "", errors)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": {
                "name": account["metadata"]["name"],
                "namespace": account["metadata"]["namespace"],
                "creationTimestamp": timestamp(),
            },
            "spec": {"audiences": ["https://kubernetes.default.svc"], "expirationSeconds": seconds},
            "status": {"token": self.account_token(account), "expirationTimestamp": expires},
        }

    def _authenticate(self, request: web.Request) -> Identity:
        authorization = request.headers.get("Authorization", "")
        if authorization.startswith("Bearer "):
            identity = self.tokens.get(authorization[len("Bearer ") :].strip())
            if identity is None or self._is_gone(identity):
                raise StatusError(401, "Unauthorized")
            return identity
        tls = request.transport.get_extra_info("ssl_object") if request.transport else None
        der = tls.getpeercert(binary_form=True) if tls else None
        if not der:
            return ANONYMOUS
        if der not in self._certificates:
            self._certificates[der] = _certificate_identity(der)
        return self._certificates[der]

    @staticmethod
    def _nothing(action: str, path: str, seconds: float) -> None:
        """Stands in until the plane that runs this server puts its own in."""
        raise RuntimeError(f"{action}: the control plane is not started")


def _account_identity(account: Item, extra: dict[str, list[str]]) -> Identity:
    metadata = account["metadata"]
    name, groups = service_account_identity(metadata["namespace"], metadata["name"])
    return Identity(name, groups, metadata["uid"], extra)


def _certificate_identity(der: bytes) -> Identity:
    subject = x509.load_der_x509_certificate(der).subject
    names = [str(part.value) for part in subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(part.value) for part in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    extra = {CREDENTIAL: [f"X509SHA256={hashlib.sha256(der).hexdigest()}"]}
    return Identity(names[-1] if names else "", (*groups, "system:authenticated"), extra=extra)


def _verb(request: web.Request) -> str:
    """Kubernetes' word for what is done; outside of resources it is always get."""
    method = request.method
    if not Target.is_resource(request.path):
        return method.lower()
    target = Target(request.path)
    if method in ("GET", "HEAD"):
        if target.name:
            return "get"
        return "watch" if request.query.get("watch") in ("true", "1") else "list"
    if method == "DELETE":
        return "delete" if target.name else "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch"}.get(method, method.lower())


def _dry_run(verb: str, value: str) -> bool:
    if value in ("", "All"):
        return value == "All"
    options = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
    words = f'Unsupported value: ["{value}"]: supported values: "All"'
    errors = [FieldError("FieldValueNotSupported", "dryRun", words)]
    raise invalid("meta.k8s.io", options.get(verb, "DeleteOptions"), "", errors)


def _decode(content: bytes, content_type: str) -> Any:
    if not content:
        return None
    if content_type == "application/vnd.kubernetes.protobuf":
        raise StatusError(415, "the body of the request was in an unknown format - only JSON and YAML are read here")
    try:
        if content_type.endswith("yaml"):
            return yaml.safe_load(content)
        return json.loads(content)
    except (ValueError, yaml.YAMLError) as error:
        raise StatusError(400, f"couldn't get version/kind; json parse error: {error}") from error


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=encode(body), status=status, headers=headers, content_type="application/json")


def _no_method() -> StatusError:
    return StatusError(405, "the server does not allow this method on the requested resource", details={})
