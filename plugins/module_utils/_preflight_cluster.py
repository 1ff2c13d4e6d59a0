# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the cluster what the checks of the preflight need. Private to the collection.

One question without an answer is one failed check; the others are asked all the same.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight as checks
from ansible_collections.multiarch.openshift.plugins.module_utils._account import maker_rights
from ansible_collections.multiarch.openshift.plugins.module_utils._deny import cluster_deny_list
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import Finding
from ansible_collections.multiarch.openshift.plugins.module_utils._guard import guard
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import Ignition
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import read_secret
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import trusted_authorities
from ansible_collections.multiarch.openshift.plugins.module_utils._join import APPROVAL_REASON
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Forbidden
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import UnknownApi
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import check_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._neighbours import look_at_neighbours
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import Payload
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import NAME as BOOT_IMAGES
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import NAMESPACE as BOOT_IMAGES_NAMESPACE
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import boot_artifacts
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import needed
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import read_stream
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import stamp_warnings
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import CONFIG
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import DENY_KINDS
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import Right
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import missing_rights
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import needed_rights
from ansible_collections.multiarch.openshift.plugins.module_utils._world import SIGNERS

Record = dict[str, t.Any]

MACHINE_API_NAMESPACE = "openshift-machine-api"
USER_DATA = "{pool}-user-data-managed"
MACHINE_CONFIG = "machineconfiguration.openshift.io"
PLACEMENT_API, PLACEMENT_KIND = "multiarch.openshift.io/v1beta1", "ClusterPodPlacementConfig"


@dataclass
class ClusterView:
    """The cluster's part of the table, and what the web host has to be asked with."""

    findings: list[Finding] = field(default_factory=list)
    machines: list[Record] = field(default_factory=list)
    guarded: list[Record] = field(default_factory=list)
    """Those that may be armed, and those in whose way another node is; empty where the nodes are not known."""
    ignition: dict[str, Ignition] = field(default_factory=dict)
    artifacts: list[dict[str, str]] = field(default_factory=list)
    node_names: list[str] = field(default_factory=list)
    clock_offset: float | None = None
    """None where the API was not reached."""

    def add(self, check: str, make: t.Callable[[], Finding]) -> None:
        """Add the check's row, also where its question was not answered."""
        try:
            self.findings.append(make())
        except OperationError as error:
            self.findings.append(checks.unanswered(check, error))


def run_rights(pools: t.Iterable[str], *, patch_nodes: bool, account: str = "none") -> list[Right]:
    """Every right of the whole run, from the payload to the join."""
    return [
        *(maker_rights() if account == "temporary" else ()),
        Right("get", "clusterversions", CONFIG, name="version"),
        Right("list", "machineconfigpools", MACHINE_CONFIG),
        Right("get", "namespaces", name="kube-system"),
        *(Right("get", "secrets", name=USER_DATA.format(pool=pool), namespace=MACHINE_API_NAMESPACE) for pool in pools),
        Right("get", "configmaps", name=BOOT_IMAGES, namespace=BOOT_IMAGES_NAMESPACE),
        *needed_rights(approve=True, patch_nodes=patch_nodes),
    ]


def useful_rights() -> list[Right]:
    """Rights without which the run goes on, and knows less."""
    return [
        Right("get", "serviceaccounts", name="node-bootstrapper", namespace=BOOT_IMAGES_NAMESPACE),
        Right("get", "configmaps", name="csr-controller-ca", namespace="openshift-config-managed"),
        Right("get", "proxies", CONFIG, name="cluster"),
    ]


def look_at_cluster(
    cluster: t.Any,
    machines: t.Sequence[Record],
    ask_payload: t.Callable[[], Payload],
    *,
    stream: str,
    source: str,
    now: float,
    account: str = "none",
    cordon: bool = False,
) -> ClusterView:
    """Every check that the cluster can answer.

    :param ask_payload: reads ClusterVersion and pools
    :param account: as the join will be given it, and so ``cordon``
    :raises OperationError: this is no OpenShift cluster, or another one than that of the records
    """
    identity = cluster.identity()
    check_cluster(machines, identity)
    view = ClusterView(machines=[{**machine, "cluster": identity} for machine in machines])
    pools = sorted({machine["pool"] for machine in machines})
    patch_nodes = cordon or any(machine.get("labels") or machine.get("taints") for machine in machines)
    view.add("access", lambda: _access(cluster, pools, patch_nodes=patch_nodes, account=account))
    found: list[Payload] = []

    def payload() -> Finding:
        found.append(ask_payload())
        return checks.payload(found[0])

    view.add("payload", payload)
    if found:
        view.add("pools", lambda: checks.pools(found[0].pools, machines))
    view.add("ignition", lambda: _ignition(cluster, pools, view))
    if view.ignition:
        view.add("ignition_ca", lambda: checks.authorities(view.ignition, now))
    version = found[0].version if found else ""
    view.add("boot_artifacts", lambda: _boot_artifacts(cluster, machines, view, stream, source, version))
    view.add("cluster_addresses", lambda: checks.own_addresses(machines, _deny_list(cluster)))
    view.add("no_proxy", lambda: proxy(cluster, machines))
    view.add("other_approvers", lambda: checks.approvers(_requests(cluster), APPROVAL_REASON))
    nodes: list[Record] = []

    def existing() -> Finding:
        seen = look_at_neighbours(cluster)
        nodes.extend(seen.nodes)
        view.guarded = [guard({**machine, "cluster": identity}, nodes, seen.claims) for machine in machines]
        return checks.existing_nodes(view.guarded, seen.not_permitted, seen.untold)

    view.add("existing_nodes", existing)
    view.node_names = [node["metadata"]["name"] for node in nodes]
    if nodes:
        view.add("amd64_only_work", lambda: other_work(cluster, machines, nodes))
    view.clock_offset = cluster.clock_offset
    return view


def _access(cluster: t.Any, pools: t.Sequence[str], *, patch_nodes: bool, account: str) -> Finding:
    needed_ones, useful = run_rights(pools, patch_nodes=patch_nodes, account=account), useful_rights()
    missing = missing_rights(cluster, [*needed_ones, *useful])
    return checks.access(
        [str(right) for right in missing if right in needed_ones],
        [str(right) for right in missing if right in useful],
        cluster.server,
        "docs/rbac.yml and docs/rbac-temporary.yml" if account == "temporary" else "docs/rbac.yml",
    )


def _ignition(cluster: t.Any, pools: t.Sequence[str], view: ClusterView) -> Finding:
    entries: dict[str, t.Any] = {}
    for pool in pools:
        name = USER_DATA.format(pool=pool)
        try:
            secret = cluster.get("v1", "Secret", name, MACHINE_API_NAMESPACE)
            entries[pool] = view.ignition[pool] = read_secret(
                secret, namespace=MACHINE_API_NAMESPACE, name=name, key="userData", pool=pool
            )
        except OperationError as error:
            entries[pool] = error
    return checks.ignition(entries)


def _boot_artifacts(
    cluster: t.Any, machines: t.Sequence[Record], view: ClusterView, stream: str, source: str, version: str
) -> Finding:
    pairs = needed(machines)
    if not pairs:
        return checks.boot_artifacts([], [])
    config_map = cluster.get("v1", "ConfigMap", BOOT_IMAGES, BOOT_IMAGES_NAMESPACE)
    document, where = read_stream(config_map, stream)
    view.artifacts = boot_artifacts(document, where, pairs, source=source)
    return checks.boot_artifacts(view.artifacts, stamp_warnings(config_map or {}, version))


def _deny_list(cluster: t.Any) -> t.Any:
    objects = {kind: cluster.get(f"{CONFIG}/v1", kind, "cluster") for kind in DENY_KINDS}
    return cluster_deny_list({kind: entry for kind, entry in objects.items() if entry is not None})


def _requests(cluster: t.Any) -> list[Record]:
    found: list[Record] = []
    for signer in SIGNERS:
        found += cluster.list(
            "certificates.k8s.io/v1", "CertificateSigningRequest", field_selector=f"spec.signerName={signer}"
        )[0]
    return found


def other_work(cluster: t.Any, machines: t.Sequence[Record], nodes: t.Sequence[Record]) -> Finding:
    if not checks.needs_placement(machines, nodes):
        return checks.first_of_architecture(False, False, None)
    # both are rights that a run need not have
    placement: bool | None
    try:
        placement = cluster.get(PLACEMENT_API, PLACEMENT_KIND, "cluster") is not None
    except UnknownApi:
        placement = False  # the operator is not installed
    except Forbidden:
        placement = None
    try:
        daemon_sets = cluster.list("apps/v1", "DaemonSet")[0]
    except Forbidden:
        daemon_sets = None
    return checks.first_of_architecture(True, placement, daemon_sets)


def proxy(cluster: t.Any, machines: t.Sequence[Record]) -> Finding:
    try:
        return checks.no_proxy(cluster.get(f"{CONFIG}/v1", "Proxy", "cluster"), machines)
    except Forbidden:
        return checks.proxy_unread()


def sources(ignition: t.Mapping[str, Ignition]) -> list[dict[str, str]]:
    """Each address of the machine-config server, with what a machine sends and trusts there."""
    found: dict[str, dict[str, str]] = {}
    for entry in ignition.values():
        for url in entry.merge_sources:
            if url.startswith("https://"):
                # Source: Ignition, internal/resource/url.go
                accept = f"application/vnd.coreos.ignition+json;version={entry.spec_version}, */*;q=0.1"
                found[url] = {"url": url, "accept": accept, "authorities": trusted_authorities(entry.content)}
    return list(found.values())


__all__ = ("ClusterView", "look_at_cluster", "other_work", "proxy", "run_rights", "sources", "useful_rights")
