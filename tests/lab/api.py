# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small synchronous client for the lab and its tests: plain HTTPS, plain dicts, no cleverness."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import requests
import requests.adapters

PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}
Item = dict[str, Any]
Items = list[Item]
# What a recorded object carries that belongs to the cluster it was recorded on.
RECORDED = ("uid", "resourceVersion", "managedFields", "creationTimestamp", "generation", "selfLink")


class ApiError(Exception):
    """An answer of the API server that is not a success; `.status` is its Status body."""

    def __init__(self, method: str, path: str, code: int, body: str, headers: dict[str, str]) -> None:
        try:
            status = json.loads(body)
        except ValueError:
            status = {}
        self.status: dict[str, Any] = status if isinstance(status, dict) else {}
        self.code = code
        self.reason = str(self.status.get("reason", ""))
        self.message = str(self.status.get("message", body))
        self.headers = headers
        super().__init__(f"{method} {path}: {code} {self.reason}: {self.message}")


class Api:
    """Requests to one API server as one user: a bearer token or a (certificate, key) pair of paths, or anonymous."""

    def __init__(
        self,
        url: str,
        ca: str | os.PathLike[str],
        credential: str | tuple[os.PathLike[str] | str, os.PathLike[str] | str] | None = None,
        *,
        timeout: float = 30.0,
    ) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._session = requests.Session()
        # Otherwise REQUESTS_CA_BUNDLE beats `verify`, and a proxy catches loopback calls.
        self._session.trust_env = False
        self._session.verify = os.fspath(ca)
        self._session.mount("https://", requests.adapters.HTTPAdapter(pool_connections=4, pool_maxsize=32))
        if isinstance(credential, str):
            self._session.headers["Authorization"] = f"Bearer {credential}"
        elif credential is not None:
            self._session.cert = (os.fspath(credential[0]), os.fspath(credential[1]))

    def close(self) -> None:
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = "application/json",
        query: dict[str, Any] | None = None,
    ) -> Any:
        """One request; the JSON answer (text where it is not JSON). ApiError for anything but a 2xx."""
        answer = self._session.request(
            method,
            self.url + path,
            data=None if body is None else json.dumps(body),
            params=query,
            headers={"Content-Type": content_type} if body is not None else None,
            timeout=self.timeout,
        )
        if not answer.ok:
            raise ApiError(method, path, answer.status_code, answer.text, dict(answer.headers))
        if "json" in answer.headers.get("Content-Type", ""):
            return answer.json()
        return answer.text

    def get(self, path: str, **query: Any) -> Any:
        return self.request("GET", path, query=query)

    def list(self, path: str, **query: Any) -> Items:
        """All items of a list, following `continue`."""
        items: Items = []
        while True:
            page = self.request("GET", path, query=query)
            items += page["items"]
            query["continue"] = page["metadata"].get("continue")
            if not query["continue"]:
                return items

    def watch(self, path: str, *, read_timeout: float = 30.0, **query: Any) -> Iterator[dict[str, Any]]:
        """Events of a watch, as they come; ends when the server ends it."""
        query = {"watch": "true", **query}
        answer = self._session.get(self.url + path, params=query, stream=True, timeout=(self.timeout, read_timeout))
        with answer:
            if not answer.ok:
                raise ApiError("GET", path, answer.status_code, answer.text, dict(answer.headers))
            buffer = b""
            for chunk in answer.iter_content(chunk_size=None):
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)

    def post(self, path: str, body: Any, **query: Any) -> Any:
        return self.request("POST", path, body, query=query)

    def put(self, path: str, body: Any, **query: Any) -> Any:
        return self.request("PUT", path, body, query=query)

    def patch(self, path: str, body: Any, kind: str = "merge", **query: Any) -> Any:
        return self.request("PATCH", path, body, content_type=PATCH_TYPES[kind], query=query)

    def delete(self, path: str, body: Any = None, **query: Any) -> Any:
        return self.request("DELETE", path, body, query=query)

    def path_of(self, item: dict[str, Any], *, name: bool = True) -> str:
        """The path of an object, or of its collection; asks the server how the kind is called."""
        api_version, kind = item["apiVersion"], item["kind"]
        resource = self._resource(api_version, kind)
        path = self._group(api_version)
        if resource["namespaced"]:
            path += f"/namespaces/{item['metadata'].get('namespace', 'default')}"
        path += f"/{resource['name']}"
        return f"{path}/{item['metadata']['name']}" if name else path

    def apply(self, objects: Iterable[dict[str, Any]]) -> Items:
        """Creates recorded objects, or brings existing ones to what was recorded: spec first, then the status.

        Lists are taken apart; namespaces are made on demand.
        """
        result: Items = []
        for item in objects:
            if item["kind"] == "List" and "items" in item:
                result += self.apply(item["items"])
            else:
                result.append(self._apply(item))
        return result

    def wait_for(self, path: str, condition: Any, timeout: float = 10.0, message: str = "") -> dict[str, Any]:
        """Reads an object until condition(object) is true; AssertionError with the last one seen when it never is."""
        deadline = time.monotonic() + timeout
        while True:
            item = self.get(path)
            if condition(item):
                return dict(item)
            if time.monotonic() > deadline:
                raise AssertionError(f"{message or path} not so after {timeout} s: {json.dumps(item)[:2000]}")
            time.sleep(0.02)

    def _apply(self, item: dict[str, Any]) -> dict[str, Any]:
        item = copy.deepcopy(item)
        for key in RECORDED:
            item["metadata"].pop(key, None)
        self._require_namespace(item["metadata"].get("namespace"))
        status = item.get("status")
        try:
            stored = self.post(self.path_of(item, name=False), item)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            spec = {key: value for key, value in item.items() if key != "status"}
            stored = self.patch(self.path_of(item), spec)
        if status and "status" in self._resource(item["apiVersion"], item["kind"])["subresources"]:
            stored = self._put_status(stored, status)
        return dict(stored)

    def _put_status(self, stored: dict[str, Any], status: dict[str, Any]) -> Any:
        """PUT and not PATCH, because a merge patch cannot write a null, and ClusterVersion has one that is required."""
        path = self.path_of(stored)
        while True:
            try:
                return self.put(path + "/status", {**stored, "status": status})
            except ApiError as error:
                if error.reason != "Conflict":
                    raise
                stored = self.get(path)

    def _require_namespace(self, namespace: str | None) -> None:
        if not namespace:
            return
        try:
            self.get(f"/api/v1/namespaces/{namespace}")
        except ApiError as error:
            if error.code != 404:
                raise
            self.post("/api/v1/namespaces", {"metadata": {"name": namespace}})

    @staticmethod
    def _group(api_version: str) -> str:
        return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"

    def _resource(self, api_version: str, kind: str) -> dict[str, Any]:
        resources = self.get(self._group(api_version))["resources"]
        for resource in resources:
            if resource["kind"] == kind and "/" not in resource["name"]:
                prefix = resource["name"] + "/"
                subresources = [r["name"][len(prefix) :] for r in resources if r["name"].startswith(prefix)]
                return {**resource, "subresources": subresources}
        raise LookupError(f"{self.url} knows no {kind} in {api_version}")
