# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every control plane of the lab has in common: its authority, certificates, kubeconfigs and audit records."""

from __future__ import annotations

import abc
import hashlib
import json
import pathlib
import re
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

from lab.api import Api
from lab.pki import Authority

SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)")
ADMIN = ("system:admin", ("system:masters",))


class Request(NamedTuple):
    """A request that the API server answered."""

    time: float
    user: str
    verb: str
    path: str
    status: int


class Approval(NamedTuple):
    """A certificate request that somebody approved."""

    uid: str
    name: str
    user: str


class ControlPlane(abc.ABC):
    """An API server with a signer and a node lifecycle; `with` starts and stops it."""

    def __init__(self, directory: pathlib.Path, address: str = "127.0.0.1") -> None:
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.address = address
        self.port = 0
        self.authority = Authority(self.directory / "pki")
        self._api: Api | None = None

    @abc.abstractmethod
    def start(self) -> None:
        """Returns when the API answers."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Ends everything; may be called twice."""

    @property
    @abc.abstractmethod
    def requests(self) -> list[Request]:
        """Every request that was answered, in order."""

    @property
    @abc.abstractmethod
    def approvals(self) -> list[Approval]:
        """Who approved which certificate request."""

    @abc.abstractmethod
    def token(
        self,
        user: str,
        groups: Sequence[str] = (),
        uid: str | None = None,
        extra: dict[str, list[str]] | None = None,
    ) -> str:
        """A bearer token. A ServiceAccount (and its namespace) is made when it is not there.

        Without `extra` a ServiceAccount's token is one of TokenRequest, which carries a credential id;
        with `extra={}` it is one of a Secret, as the machine-config server of OpenShift hands out, which carries none.
        """

    @abc.abstractmethod
    def restrict(self, user: str, rules: Sequence[dict[str, Any]]) -> None:
        """Allows this user exactly these rules (RBAC's PolicyRule), beside what everybody may do."""

    def __enter__(self) -> ControlPlane:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"https://{host}:{self.port}"

    @property
    def ca_path(self) -> pathlib.Path:
        return self.authority.certificate_path

    @property
    def ca_pem(self) -> str:
        return self.authority.pem

    @property
    def api(self) -> Api:
        """The administrator's client."""
        if self._api is None:
            self._api = Api(self.url, self.ca_path, self.client_certificate(*ADMIN))
        return self._api

    def api_as(self, user: str, groups: Iterable[str] = ()) -> Api:
        """A client with a certificate of this user."""
        return Api(self.url, self.ca_path, self.client_certificate(user, groups))

    def client_certificate(self, user: str, groups: Iterable[str] = ()) -> tuple[pathlib.Path, pathlib.Path]:
        """Paths of a client certificate and its key; made once per user and groups."""
        groups = tuple(groups)
        name = self._file_name(user, groups)
        paths = self.authority.directory / f"{name}.crt", self.authority.directory / f"{name}.key"
        return paths if paths[1].exists() else self.authority.client(name, user, groups)

    def kubeconfig(self, user: str = "admin", groups: Iterable[str] = (), *, token: str | None = None) -> pathlib.Path:
        """Path of a kubeconfig: of the administrator, of a user with a client certificate, or with a given token."""
        if token is not None:
            account: dict[str, Any] = {"token": token}
            name = "token-" + hashlib.sha256(token.encode()).hexdigest()[:12]
        else:
            user, groups = ADMIN if user == "admin" else (user, tuple(groups))
            certificate, key = self.client_certificate(user, groups)
            account = {"client-certificate": str(certificate), "client-key": str(key)}
            name = self._file_name(user, groups)
        path = self.directory / f"{name}.kubeconfig"
        cluster = {"server": self.url, "certificate-authority": str(self.ca_path)}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "lab", "user": account}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
            "current-context": "lab",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(content, indent=1))  # JSON is YAML
        return path

    def _server_names(self) -> list[str]:
        fixed = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "127.0.0.1", "::1"]
        return list(dict.fromkeys([self.address, *fixed]))

    def _close_api(self) -> None:
        if self._api is not None:
            self._api.close()
            self._api = None

    @staticmethod
    def _file_name(user: str, groups: Iterable[str]) -> str:
        digest = hashlib.sha256(json.dumps([user, *groups]).encode()).hexdigest()[:8]
        return re.sub(r"[^A-Za-z0-9.-]+", "-", user) + "-" + digest
