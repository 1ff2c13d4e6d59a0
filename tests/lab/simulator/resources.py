# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create, read, update, patch and delete: the registry strategies of the API server."""

from __future__ import annotations

import base64
import copy
import datetime
import json
import random
import re
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from lab.simulator import admission
from lab.simulator import certificates
from lab.simulator import kinds
from lab.simulator import patching
from lab.simulator.access import SERVICE_ACCOUNT_USER
from lab.simulator.access import Access
from lab.simulator.access import Identity
from lab.simulator.errors import FieldError
from lab.simulator.errors import StatusError
from lab.simulator.errors import details
from lab.simulator.errors import invalid
from lab.simulator.kinds import Kind
from lab.simulator.selectors import Match
from lab.simulator.store import Item
from lab.simulator.store import Key
from lab.simulator.store import Store

SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
SUBDOMAIN_WORDS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    f"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SUBDOMAIN}')"
)
LABEL_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
LABEL_WORDS = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{LABEL_NAME}')"
)
NODE_INFO = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)
# What a client can never change.
FIXED_METADATA = ("name", "namespace", "uid", "creationTimestamp", "generateName", "deletionTimestamp", "selfLink")


def timestamp() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Resources:
    """The objects of the API, with everything that a write has to pass."""

    def __init__(self, store: Store, access: Access, make_token: Callable[[Item], str]) -> None:
        self.store = store
        self.access = access
        self._make_token = make_token

    def get(self, kind: Kind, key: Key) -> Item:
        item = self.store.get(kind, key)
        if item is None:
            raise not_found(kind, key[1])
        return item

    def list_items(self, kind: Kind, namespace: str, match: Match | None, query: Mapping[str, str]) -> Item:
        """A List, or a page of one."""
        revision, start = self.store.revision, ("", "")
        if query.get("continue"):
            revision, start = _continuation(query["continue"])
            try:
                items = self.store.at(kind, revision)
            except StatusError as error:
                words = "The provided continue parameter is too old to display a consistent list result."
                raise StatusError(410, words) from error
        else:
            items = self.store.items(kind)
        if namespace:
            items = [item for item in items if item["metadata"].get("namespace") == namespace]
        if match:
            items = [item for item in items if match(item)]
        items = [item for item in items if _place(item) > start]
        metadata: Item = {"resourceVersion": str(revision)}
        limit = int(query.get("limit") or 0)
        if limit and len(items) > limit:
            token = json.dumps([revision, *_place(items[limit - 1])])
            metadata["continue"] = base64.urlsafe_b64encode(token.encode()).decode()
            if match is None:
                metadata["remainingItemCount"] = len(items) - limit
            items = items[:limit]
        if not kind.custom:
            # As in Go's typed lists: the items do not say what they are.
            bare = ("kind", "apiVersion")
            items = [{name: value for name, value in item.items() if name not in bare} for item in items]
        return {"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata, "items": items}

    def create(self, kind: Kind, namespace: str, body: Any, identity: Identity, *, dry_run: bool = False) -> Item:
        item = self._decode(kind, body)
        metadata = dict(item["metadata"])
        if metadata.get("resourceVersion"):
            raise StatusError(500, "resourceVersion should not be set on objects to be created", reason="")
        _check_namespace(kind, metadata, namespace)
        item["metadata"] = metadata
        item = admission.admit_create(kind, item, identity)
        metadata = item["metadata"]
        if not metadata.get("name"):
            if not metadata.get("generateName"):
                words = "name or generateName is required"
                raise self._invalid(kind, "", [FieldError.required("metadata.name", words)])
            letters = "".join(random.choices(SUFFIX_LETTERS, k=5))
            metadata["name"] = metadata["generateName"] + letters
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=timestamp())
        metadata.pop("managedFields", None)
        self._prepare_create(kind, item, identity)
        errors = _validate(kind, item)
        if kind is kinds.REQUEST:
            errors += certificates.validate(item)
        if errors:
            raise self._invalid(kind, metadata["name"], errors)
        if kind is kinds.REQUEST:
            admission.admit_request(kind, item)
        if namespace and self.store.get(kinds.NAMESPACE, ("", namespace)) is None:
            raise not_found(kinds.NAMESPACE, namespace)
        key = namespace, metadata["name"]
        if self.store.get(kind, key) is not None:
            words = f'{kind.qualified} "{key[1]}" already exists'
            raise StatusError(409, words, reason="AlreadyExists", details=details(kind.group, kind.plural, key[1]))
        if dry_run:
            return item
        item = self.store.put(kind, item)
        if kind is kinds.NAMESPACE:
            self._furnish(metadata["name"])
        return item

    def replace(
        self, kind: Kind, key: Key, subresource: str, body: Any, identity: Identity, *, dry_run: bool = False
    ) -> Item:
        item = self._decode(kind, body)
        item["metadata"] = dict(item["metadata"])
        item["metadata"].setdefault("name", key[1])
        return self._write(kind, key, subresource, item, identity, dry_run=dry_run)

    def patch(
        self,
        kind: Kind,
        key: Key,
        subresource: str,
        content_type: str,
        body: Any,
        identity: Identity,
        query: Mapping[str, str],
        *,
        dry_run: bool = False,
    ) -> tuple[Item, bool]:
        """The object as patched, and whether it is new (only server-side apply makes one)."""
        if content_type == "application/apply-patch+yaml":
            return self._apply(kind, key, subresource, body, identity, query, dry_run=dry_run)
        old = self.get(kind, key)
        if content_type == "application/merge-patch+json":
            item = patching.merge(old, body)
        elif content_type == "application/json-patch+json":
            item = patching.json_patch(old, body)
        elif content_type == "application/strategic-merge-patch+json" and not kind.custom:
            item = patching.strategic(old, body)
        elif content_type == "application/strategic-merge-patch+json":
            words = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
            prefix = "the body of the request was in an unknown format - accepted media types include: "
            raise StatusError(415, prefix + words)
        else:
            raise StatusError(415, "415: Unsupported Media Type", details={})
        return self._write(kind, key, subresource, copy.deepcopy(item), identity, dry_run=dry_run), False

    def delete(self, kind: Kind, key: Key, body: Any, *, dry_run: bool = False) -> Item:
        item = self.get(kind, key)
        metadata = item["metadata"]
        wanted = (body or {}).get("preconditions") or {}
        for field, word, happened in (
            ("uid", "UID", "deleted and then recreated"),
            ("resourceVersion", "ResourceVersion", "modified"),
        ):
            if wanted.get(field) not in (None, metadata[field]):
                words = (
                    f'Operation cannot be fulfilled on {kind.kind} "{key[1]}": the {word} in the precondition '
                    f"({wanted[field]}) does not match the {word} in record ({metadata[field]}). "
                    f"The object might have been {happened}"
                )
                raise StatusError(409, words, details=details(kind.group, kind.kind, key[1]))
        if not dry_run:
            if metadata.get("finalizers"):
                marked = {**metadata, "deletionTimestamp": metadata.get("deletionTimestamp") or timestamp()}
                return self.store.put(kind, {**item, "metadata": marked})
            self._remove(kind, key)
        if kind in (kinds.NAMESPACE, kinds.POD):
            return item
        about = details(kind.group, kind.plural, key[1], uid=metadata["uid"])
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": about}

    def delete_all(
        self, kind: Kind, namespace: str, match: Match | None, query: Mapping[str, str], *, dry_run: bool = False
    ) -> Item:
        result = self.list_items(kind, namespace, match, query)
        for item in result["items"]:
            if not dry_run:
                self._remove(kind, (item["metadata"].get("namespace", ""), item["metadata"]["name"]))
        return result

    def _remove(self, kind: Kind, key: Key) -> None:
        self.store.remove(kind, key)
        if kind is kinds.NAMESPACE:
            for other in kinds.KINDS:
                for item in self.store.items(other) if other.namespaced else []:
                    if item["metadata"]["namespace"] == key[1]:
                        self.store.remove(other, (key[1], item["metadata"]["name"]))

    def _decode(self, kind: Kind, body: Any) -> Item:
        if not isinstance(body, dict):
            words = f"the object provided is unrecognized (must be of type {kind.kind}): couldn't get version/kind"
            raise StatusError(400, words)
        if kind.custom and not body.get("kind"):
            words = f"the object provided is unrecognized (must be of type {kind.kind}): Object 'Kind' is missing"
            raise StatusError(400, words)
        given = body.get("apiVersion") or kind.api_version, body.get("kind") or kind.kind
        if given != (kind.api_version, kind.kind):
            version = given[0].split("/")[-1]
            words = f'{given[1]} in version "{version}" cannot be handled as a {kind.kind}: unknown conversion'
            raise StatusError(400, words)
        rest = {name: value for name, value in body.items() if name not in ("apiVersion", "kind", "metadata")}
        metadata = body.get("metadata") or {}
        item = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata, **rest}
        if kind is kinds.REQUEST:
            certificates.require_base64(item, "spec.request", (item.get("spec") or {}).get("request"))
            certificates.require_base64(item, "status.certificate", (item.get("status") or {}).get("certificate"))
        return item

    def _prepare_create(self, kind: Kind, item: Item, identity: Identity) -> None:
        if kind.custom:
            item["metadata"]["generation"] = 1
            if "status" in kind.subresources:
                item.pop("status", None)
        elif kind is kinds.REQUEST:
            spec = dict(item.get("spec") or {})
            for field in ("username", "uid", "groups", "extra"):
                spec.pop(field, None)
            spec["username"] = identity.name
            spec["groups"] = list(identity.groups)
            if identity.uid:
                spec["uid"] = identity.uid
            if identity.extra:
                spec["extra"] = {key: list(values) for key, values in identity.extra.items()}
            item["spec"], item["status"] = spec, {}
        elif kind is kinds.NAMESPACE:
            labels = item["metadata"].setdefault("labels", {})
            labels["kubernetes.io/metadata.name"] = item["metadata"]["name"]
            item["spec"], item["status"] = {"finalizers": ["kubernetes"]}, {"phase": "Active"}
        elif kind is kinds.POD:
            item["status"] = {"phase": "Pending"}
        elif kind is kinds.NODE:
            _default_node(item)
        elif kind is kinds.SECRET:
            self._prepare_secret(item)

    def _prepare_secret(self, item: Item) -> None:
        values = item.pop("stringData", None) or {}
        if values:
            encoded = {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}
            item["data"] = {**(item.get("data") or {}), **encoded}
        item.setdefault("type", "Opaque")
        if item["type"] == "kubernetes.io/service-account-token":
            annotations = item["metadata"].get("annotations") or {}
            name = annotations.get("kubernetes.io/service-account.name", "")
            account = self.get(kinds.SERVICE_ACCOUNT, (item["metadata"]["namespace"], name))
            token = self._make_token(account)
            item["data"] = {**(item.get("data") or {}), "token": base64.b64encode(token.encode()).decode()}

    def _furnish(self, namespace: str) -> None:
        """What controllers put in every new namespace."""
        account = {"metadata": {"name": "default", "namespace": namespace}}
        nobody = Identity("system:serviceaccount:kube-system:service-account-controller", ())
        self.create(kinds.SERVICE_ACCOUNT, namespace, account, nobody)

    def _write(self, kind: Kind, key: Key, subresource: str, item: Item, identity: Identity, *, dry_run: bool) -> Item:
        old = self.get(kind, key)
        metadata, stored = item["metadata"], old["metadata"]
        if metadata.get("name") != key[1]:
            words = f"the name of the object ({metadata.get('name')}) does not match the name on the URL ({key[1]})"
            raise StatusError(400, words)
        _check_namespace(kind, metadata, key[0])
        version = metadata.get("resourceVersion")
        if not version and kind.custom:
            words = "must be specified for an update"
            errors = [FieldError.invalid("metadata.resourceVersion", "0", words)]
            raise invalid(kind.group, kind.plural, key[1], errors)
        if metadata.get("uid") not in (None, "", stored["uid"]):
            words = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {stored['uid']}"
            raise conflict(kind, key[1], words)
        if version not in (None, "", stored["resourceVersion"]):
            raise conflict(kind, key[1])
        new = self._prepare_update(kind, subresource, item, old)
        admission.admit_update(kind, subresource, new, old, identity, self.access)
        errors = _validate(kind, new)
        if kind is kinds.REQUEST:
            errors += certificates.validate_update(new, old, subresource)
        if errors:
            raise self._invalid(kind, key[1], errors)
        if new == old:
            return old
        if dry_run:
            return new
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            return self.store.remove(kind, key)
        return self.store.put(kind, new)

    def _prepare_update(self, kind: Kind, subresource: str, item: Item, old: Item) -> Item:
        """The parts that this subresource may write from the new object, everything else from the stored one."""
        metadata = {name: value for name, value in item["metadata"].items() if name not in FIXED_METADATA}
        metadata.update({name: old["metadata"][name] for name in FIXED_METADATA if name in old["metadata"]})
        metadata["resourceVersion"] = old["metadata"]["resourceVersion"]
        if "generation" in old["metadata"]:
            metadata["generation"] = old["metadata"]["generation"]
        if subresource:
            if kind.custom:
                metadata = old["metadata"]
            new = {**old, "metadata": metadata, "status": item.get("status") or {}}
            if kind is kinds.NODE:
                _default_node(new)
            if kind is kinds.REQUEST:
                new["status"] = self._request_status(subresource, new, old)
            return new
        new = {**item, "metadata": metadata}
        if "status" in kind.subresources:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        if kind is kinds.REQUEST:
            new["spec"] = old["spec"]
        if kind is kinds.SECRET:
            self._prepare_secret(new)
        if kind.custom and {**new, "metadata": 0, "status": 0} != {**old, "metadata": 0, "status": 0}:
            metadata["generation"] = metadata.get("generation", 1) + 1
        return new

    @staticmethod
    def _request_status(subresource: str, new: Item, old: Item) -> Item:
        status = copy.deepcopy(new["status"])
        before = old.get("status") or {}
        if subresource == "approval":
            status.pop("certificate", None)
            if "certificate" in before:
                status["certificate"] = before["certificate"]
        new["status"] = status
        certificates.stamp_conditions(new, old, timestamp())
        return status

    def _apply(
        self,
        kind: Kind,
        key: Key,
        subresource: str,
        body: Any,
        identity: Identity,
        query: Mapping[str, str],
        *,
        dry_run: bool,
    ) -> tuple[Item, bool]:
        manager = query.get("fieldManager")
        if not manager:
            errors = [FieldError.required("fieldManager", "is required for apply patch")]
            raise invalid("meta.k8s.io", "PatchOptions", "", errors)
        patch = self._decode(kind, body)
        old = self.store.get(kind, key)
        empty: Item = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {"name": key[1]}}
        force = query.get("force") == "true"
        item = patching.server_side_apply(old or empty, patch, manager, force=force, time=timestamp())
        if old is not None:
            return self._write(kind, key, subresource, item, identity, dry_run=dry_run), False
        managed = item["metadata"].pop("managedFields")
        created = self.create(kind, key[0], item, identity, dry_run=dry_run)
        managed_item = {**created, "metadata": {**created["metadata"], "managedFields": managed}}
        return (managed_item if dry_run else self.store.put(kind, managed_item)), True

    @staticmethod
    def _invalid(kind: Kind, name: str, errors: list[FieldError]) -> StatusError:
        return invalid(kind.group, kind.kind, name, errors)


def _default_node(item: Item) -> None:
    """What Go's structs have even when nobody set it."""
    status = dict(item.get("status") or {})
    status.setdefault("daemonEndpoints", {"kubeletEndpoint": {"Port": 0}})
    status["nodeInfo"] = {**dict.fromkeys(NODE_INFO, ""), **(status.get("nodeInfo") or {})}
    item["status"] = status


def not_found(kind: Kind, name: str) -> StatusError:
    return StatusError(404, f'{kind.qualified} "{name}" not found', details=details(kind.group, kind.plural, name))


def conflict(kind: Kind, name: str, words: str = "") -> StatusError:
    words = words or ("the object has been modified; please apply your changes to the latest version and try again")
    message = f'Operation cannot be fulfilled on {kind.qualified} "{name}": {words}'
    return StatusError(409, message, details=details(kind.group, kind.plural, name))


def service_account_identity(namespace: str, name: str) -> tuple[str, tuple[str, ...]]:
    """User and groups of a ServiceAccount."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return f"{SERVICE_ACCOUNT_USER}{namespace}:{name}", groups


def _check_namespace(kind: Kind, metadata: Item, namespace: str) -> None:
    if not kind.namespaced:
        metadata.pop("namespace", None)
        return
    if metadata.get("namespace") not in (None, "", namespace):
        words = "the namespace of the provided object does not match the namespace sent on the request"
        raise StatusError(400, words)
    metadata["namespace"] = namespace


def _validate(kind: Kind, item: Item) -> list[FieldError]:
    metadata, errors = item["metadata"], []
    name = metadata["name"]
    if kind.group != kinds.RBAC and (not re.fullmatch(SUBDOMAIN, name) or len(name) > 253):
        errors.append(FieldError.invalid("metadata.name", f'"{name}"', SUBDOMAIN_WORDS))
    for label in metadata.get("labels") or {}:
        if not re.fullmatch(LABEL_NAME, label.split("/")[-1]):
            errors.append(FieldError.invalid("metadata.labels", f'"{label}"', LABEL_WORDS))
    if kind.custom and "spec" not in item:
        errors.append(FieldError.required("spec"))
    return errors


def _place(item: Item) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _continuation(token: str) -> tuple[int, Key]:
    try:
        revision, namespace, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise StatusError(400, f"invalid continue token: {error}") from error
    return int(revision), (namespace, name)
