# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the join has to know of the cluster before it looks at requests. Private to the collection."""

from __future__ import annotations

import concurrent.futures
import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._deny import cluster_deny_list
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Forbidden
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import UnknownApi
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import check_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SIGNERS
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World

CERTIFICATES = "certificates.k8s.io"
REQUESTS = "certificatesigningrequests"
CONFIG = "config.openshift.io"
# Kinds whose objects named "cluster" say what belongs to the cluster itself, with their resources.
DENY_KINDS = {"Infrastructure": "infrastructures", "Network": "networks", "Ingress": "ingresses", "DNS": "dnses"}
# Those that tell addresses. Of names a certificate can only have the machine's own, whatever the others say.
INDISPENSABLE = ("Infrastructure", "Network")


@dataclass(frozen=True)
class Right:
    """One verb on one resource, as an access review asks for it."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""
    name: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        group = f" of {self.group}" if self.group else ""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {what}{group}" + (f" named {self.name}" if self.name else "") + where


@dataclass(frozen=True)
class Surroundings:
    """The world without its nodes and requests, and what could not be read."""

    world: World
    authorities: str = ""
    warnings: list[str] = field(default_factory=list)


def needed_rights(*, approve: bool, patch_nodes: bool) -> list[Right]:
    """What the account must be allowed to do."""
    rights = [Right(verb, REQUESTS, CERTIFICATES) for verb in ("get", "list", "watch")]
    rights += [Right(verb, "nodes") for verb in ("get", "list", "watch")]
    rights += [Right("get", resource, CONFIG, name="cluster") for resource in DENY_KINDS.values()]
    if approve:
        rights.append(Right("update", REQUESTS, CERTIFICATES, "approval"))
        rights += [Right("approve", "signers", CERTIFICATES, name=signer) for signer in SIGNERS]
    if patch_nodes:
        rights.append(Right("patch", "nodes"))
    return rights


def missing_rights(cluster: t.Any, rights: t.Sequence[Right]) -> list[Right]:
    """Ask the API for each right; those that the account does not have."""

    def allowed(right: Right) -> bool:
        return cluster.allowed(
            right.verb,
            right.resource,
            group=right.group,
            subresource=right.subresource,
            namespace=right.namespace,
            name=right.name,
        )

    with concurrent.futures.ThreadPoolExecutor(4) as executor:
        return [right for right, yes in zip(rights, executor.map(allowed, rights)) if not yes]


def review_access(cluster: t.Any, rights: t.Sequence[Right], *, manifest: str = "docs/rbac.yml") -> None:
    """Ask the API for each right.

    :param manifest: the file that gives these rights
    :raises OperationError: naming every right that the account does not have
    """
    missing = [str(right) for right in missing_rights(cluster, rights)]
    if missing:
        raise OperationError(
            f"The account may not {', '.join(missing)} on {cluster.server}.",
            f"{manifest} is the manifest that gives a run these rights; docs/rbac.md explains it.",
        )


def check_same_cluster(cluster: t.Any, machines: t.Sequence[t.Mapping[str, t.Any]]) -> None:
    """Stop where this is not the cluster of the records.

    :raises OperationError: a record was made on another cluster
    """
    if any(machine.get("cluster") for machine in machines):
        check_cluster(machines, cluster.identity())


def look_around(
    cluster: t.Any,
    machines: t.Sequence[t.Mapping[str, t.Any]],
    parameters: Parameters,
    *,
    deny_addresses: t.Sequence[str] = (),
    deny_names: t.Sequence[str] = (),
) -> Surroundings:
    """Check that this is the cluster of the records, and read what belongs to the cluster itself.

    :raises OperationError: what tells the cluster's own addresses and networks is not there
    """
    check_same_cluster(cluster, machines)
    warnings: list[str] = []
    objects: dict[str, t.Any] = {}
    for kind in DENY_KINDS:
        found = _read(cluster, f"{CONFIG}/v1", kind, "cluster")
        if found is None and kind in INDISPENSABLE:
            raise OperationError(
                f"{kind} cluster of {CONFIG} is not there on {cluster.server}: which addresses belong to the cluster"
                " itself is not known, and nothing is approved.",
                f"Is this an OpenShift cluster? oc get {DENY_KINDS[kind]} cluster",
            )
        if found is None:
            warnings.append(f"{kind} cluster is not there, so what it names is not on the deny list.")
        else:
            objects[kind] = found
    account = _read(cluster, "v1", "ServiceAccount", "node-bootstrapper", "openshift-machine-config-operator")
    if account is None:
        warnings.append("The account node-bootstrapper cannot be read, so its UID is not compared.")
    bundle = _read(cluster, "v1", "ConfigMap", "csr-controller-ca", "openshift-config-managed") or {}
    deny = cluster_deny_list(objects, deny_addresses=deny_addresses, deny_names=deny_names)
    if not deny.addresses and not deny_addresses:
        warnings.append(
            "The cluster does not tell the addresses of its API and ingress, as on platform None: name them in"
            " approve_csrs_deny_addresses, or a machine to whose machine_addresses one was written by mistake gets a"
            " certificate for it."
        )
    world = World(
        parameters=parameters,
        deny=deny,
        bootstrapper_uid=account["metadata"]["uid"] if account else None,
    )
    return Surroundings(world, (bundle.get("data") or {}).get("ca-bundle.crt") or "", warnings)


def _read(cluster: t.Any, api_version: str, kind: str, name: str, namespace: str | None = None) -> t.Any:
    """The object; None where it is absent or may not be read. What must be readable was asked for before."""
    try:
        return cluster.get(api_version, kind, name, namespace)
    except (Forbidden, UnknownApi):
        return None


__all__ = (
    "Right",
    "Surroundings",
    "check_same_cluster",
    "look_around",
    "missing_rights",
    "needed_rights",
    "review_access",
)
