# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests that nobody of this site made: what a holder of the bootstrap token, or another node, may post."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from lab.api import Api
from lab.kubelet import BOOTSTRAPPER
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import REQUESTS
from lab.kubelet import SERVING_SIGNER
from lab.kubelet import certificate_request
from lab.kubelet import request_object
from lab.kubelet import request_usages
from lab.plane import ControlPlane


class Stranger:
    """Posts requests with real keys; every method returns the stored object."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._bootstrap: Api | None = None

    @property
    def bootstrap(self) -> Api:
        """The API as the holder of the bootstrap token."""
        if self._bootstrap is None:
            token = self._plane.token(BOOTSTRAPPER, extra={})
            self._bootstrap = Api(self._plane.url, self._plane.ca_path, token)
        return self._bootstrap

    def client_request(
        self,
        node_name: str,
        *,
        signer: str = CLIENT_SIGNER,
        organizations: Sequence[str] = ("system:nodes",),
        usages: Sequence[str] | None = None,
        names: Sequence[str] = (),
        user: str | None = None,
        groups: Sequence[str] = (),
    ) -> dict[str, Any]:
        """A request for a client certificate of this node, as the bootstrapper, or as another user."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = certificate_request(node_name, key, names=names, organizations=organizations)
        api = self.bootstrap if user is None else self._plane.api_as(user, groups)
        return dict(api.post(REQUESTS, request_object(pem, signer, usages or request_usages("client", key))))

    def serving_request(
        self,
        node_name: str,
        names: Sequence[str],
        *,
        user: str | None = None,
        groups: Sequence[str] = ("system:nodes",),
        usages: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """A request for a serving certificate of this node, as that node's user or as another one."""
        key = ec.generate_private_key(ec.SECP256R1())
        pem = certificate_request(node_name, key, names=names)
        api = self._plane.api_as(user or f"system:node:{node_name}", groups)
        body = request_object(pem, SERVING_SIGNER, usages or request_usages("serving", key))
        return dict(api.post(REQUESTS, body))

    def flood(self, count: int, node_name: str = "worker-flood-{}") -> list[dict[str, Any]]:
        """Many client requests at once, as a broken or hostile machine makes them."""
        return [self.client_request(node_name.format(number)) for number in range(count)]

    def close(self) -> None:
        if self._bootstrap is not None:
            self._bootstrap.close()
