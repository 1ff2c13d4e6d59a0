# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The real control plane: etcd, kube-apiserver and kube-controller-manager as processes on one address."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import pathlib
import shutil
import socket
import time
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import yaml

from lab import objects
from lab.api import Api
from lab.api import ApiError
from lab.plane import SERVICE_ACCOUNT
from lab.plane import Approval
from lab.plane import ControlPlane
from lab.plane import Request
from lab.processes import Process

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
START_SECONDS = 60.0
START_ATTEMPTS = 3
# Without csrapproving: on OpenShift the approver is a person, cluster-machine-approver or this collection.
CONTROLLERS = (
    "certificatesigningrequest-signing-controller",
    "certificatesigningrequest-cleaner-controller",
    "namespace-controller",
    "node-lifecycle-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
)
# The body is kept for approvals only: the decision is in it.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {
            "level": "RequestResponse",
            "resources": [{"group": "certificates.k8s.io", "resources": ["certificatesigningrequests/approval"]}],
        },
        {"level": "Metadata"},
    ],
}


def missing_programs(programs: pathlib.Path) -> list[str]:
    return [name for name in PROGRAMS if not (programs / name).exists()]


class RealControlPlane(ControlPlane):
    """etcd, kube-apiserver and kube-controller-manager; OpenShift's kinds come from the given CRDs."""

    def __init__(
        self,
        directory: pathlib.Path,
        programs: pathlib.Path,
        address: str = "127.0.0.1",
        *,
        crds: pathlib.Path | None = None,
        node_grace_seconds: float = 3600.0,
    ) -> None:
        super().__init__(directory, address)
        self.programs = pathlib.Path(programs)
        self.crds = crds
        self.node_grace_seconds = node_grace_seconds
        self._processes: list[Process] = []

    def start(self) -> None:
        for attempts_left in reversed(range(START_ATTEMPTS)):
            try:
                self._start()
                break
            except BaseException as error:
                self.stop()
                # Between choosing a port and listening on it, somebody else may have taken it.
                if not attempts_left or "address already in use" not in str(error):
                    raise

    def stop(self) -> None:
        self._close_api()
        while self._processes:
            self._processes.pop().stop()
        shutil.rmtree(self.directory / "etcd", ignore_errors=True)

    @property
    def requests(self) -> list[Request]:
        """From the API server's audit log."""
        return [
            Request(
                datetime.datetime.fromisoformat(event["requestReceivedTimestamp"].replace("Z", "+00:00")).timestamp(),
                event["user"].get("username", ""),
                event["verb"],
                event["requestURI"],
                event.get("responseStatus", {}).get("code", 0),
            )
            for event in self._audit()
        ]

    @property
    def approvals(self) -> list[Approval]:
        result: dict[str, Approval] = {}
        for event in self._audit():
            if event.get("objectRef", {}).get("subresource") != "approval" or "responseObject" not in event:
                continue
            if event.get("responseStatus", {}).get("code") != 200:
                continue
            answer = event["responseObject"]
            conditions = answer.get("status", {}).get("conditions", [])
            if any(condition["type"] == "Approved" for condition in conditions):
                metadata = answer["metadata"]
                approval = Approval(metadata["uid"], metadata["name"], event["user"]["username"])
                result.setdefault(approval.uid, approval)
        return list(result.values())

    def token(
        self,
        user: str,
        groups: Sequence[str] = (),
        uid: str | None = None,
        extra: dict[str, list[str]] | None = None,
    ) -> str:
        match = SERVICE_ACCOUNT.fullmatch(user)
        if not match or groups or uid or extra:
            raise ValueError(f"the real API server gives tokens to ServiceAccounts as they are, not to {user}")
        namespace, name = match["namespace"], match["name"]
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": namespace, "name": name}}
        self.api.apply([account])
        if extra is None:
            path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
            return str(self.api.post(path, {"spec": {}})["status"]["token"])
        secret = {
            "metadata": {
                "generateName": f"{name}-token-",
                "annotations": {"kubernetes.io/service-account.name": name},
            },
            "type": "kubernetes.io/service-account-token",
        }
        stored = self.api.post(f"/api/v1/namespaces/{namespace}/secrets", secret)
        path = f"/api/v1/namespaces/{namespace}/secrets/{stored['metadata']['name']}"
        stored = self.api.wait_for(path, lambda item: "token" in item.get("data", {}))
        return base64.b64decode(stored["data"]["token"]).decode()

    def restrict(self, user: str, rules: Sequence[dict[str, Any]]) -> None:
        if user == "admin":
            raise ValueError("the real API server lets nobody restrict system:masters; give the rules to another user")
        self.api.apply(objects.rights(user, rules))
        if rules:
            # The authorizer learns of roles by a watch.
            self._wait(user, lambda: self._may(user, rules[0]))

    def _start(self) -> None:
        missing = missing_programs(self.programs)
        if missing:
            raise FileNotFoundError(f"{', '.join(missing)} not in {self.programs}")
        client, peer, self.port = _free_ports(self.address, 3)
        names = self._server_names()
        certificate, key = self.authority.server("kube-apiserver", names)
        private, public = self.authority.service_account_key()
        policy = self.directory / "audit-policy.json"
        policy.write_text(json.dumps(AUDIT_POLICY))
        store, own = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
        self._run(
            "etcd",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={store}",
            f"--advertise-client-urls={store}",
            f"--listen-peer-urls={own}",
            f"--initial-advertise-peer-urls={own}",
            f"--initial-cluster=default={own}",
            "--unsafe-no-fsync",
        )
        self._run(
            "kube-apiserver",
            f"--etcd-servers={store}",
            f"--bind-address={self.address}",
            f"--advertise-address={self.address}",
            f"--secure-port={self.port}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--client-ca-file={self.ca_path}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-signing-key-file={private}",
            f"--service-account-key-file={public}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._audit_path}",
        )
        self._wait("kube-apiserver", lambda: self.api.get("/readyz") == "ok")
        self._run(
            "kube-controller-manager",
            f"--kubeconfig={self.kubeconfig('system:kube-controller-manager')}",
            f"--bind-address={self.address}",
            "--secure-port=0",
            "--leader-elect=false",
            # The default of 20 signs only 20 certificates a second.
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
            f"--controllers={','.join(CONTROLLERS)}",
            f"--cluster-signing-cert-file={self.ca_path}",
            f"--cluster-signing-key-file={self.authority.key_path}",
            f"--root-ca-file={self.ca_path}",
            f"--service-account-private-key-file={private}",
            "--use-service-account-credentials=true",
            f"--node-monitor-grace-period={self.node_grace_seconds}s",
            f"--node-monitor-period={min(5.0, self.node_grace_seconds / 4)}s",
        )
        if self.crds is not None:
            self.load_crds(self.crds)
        self._wait("kube-controller-manager", lambda: bool(self.api.get(DEFAULT_ACCOUNT)))
        self.api.apply(objects.node_bootstrapper())

    def _may(self, user: str, rule: dict[str, Any]) -> bool:
        resource, _slash, subresource = rule["resources"][0].partition("/")
        attributes = {
            "group": rule["apiGroups"][0],
            "resource": resource,
            "subresource": subresource,
            "verb": rule["verbs"][0],
            "name": (rule.get("resourceNames") or [""])[0],
        }
        review = {
            "kind": "SubjectAccessReview",
            "apiVersion": "authorization.k8s.io/v1",
            "spec": {"user": user, "resourceAttributes": attributes},
        }
        answer = self.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    def _run(self, name: str, *arguments: str) -> None:
        log = self.directory / f"{name}.log"
        self._processes.append(Process([self.programs / name, *arguments], log))

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(ApiError, OSError):
                if ready():
                    return
            for process in self._processes:
                if not process.running:
                    raise RuntimeError(f"{process.log.stem} ended while it was started:\n{process.last_lines()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"{name} is not ready after {START_SECONDS:.0f} s; logs are in {self.directory}")
            time.sleep(0.05)

    def load_crds(self, path: pathlib.Path) -> None:
        """Serves the kinds of a file from now on."""
        crds = [document for document in yaml.load_all(path.read_text(), yaml.CSafeLoader) if document]
        for crd in crds:
            self.api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
        for crd in crds:
            version = crd["spec"]["versions"][0]["name"]
            served = f"/apis/{crd['spec']['group']}/{version}"
            kind = crd["spec"]["names"]["kind"]
            self._wait(kind, lambda served=served, kind=kind: _serves(self.api, served, kind))  # type: ignore[misc]

    @property
    def _audit_path(self) -> pathlib.Path:
        return self.directory / "audit.log"

    def _audit(self) -> Iterator[dict[str, Any]]:
        with self._audit_path.open() as stream:
            for line in stream:
                if line.endswith("\n"):
                    yield json.loads(line)


DEFAULT_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"


def _serves(api: Api, path: str, kind: str) -> bool:
    return any(resource["kind"] == kind for resource in api.get(path)["resources"])


def _free_ports(address: str, count: int) -> list[int]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(family)) for _unused in range(count)]
        for each in sockets:
            each.bind((address, 0))
        return [each.getsockname()[1] for each in sockets]
