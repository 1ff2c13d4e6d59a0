# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cluster has that a machine could be mistaken for. Private to the collection."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._finding import some
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Forbidden
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import UnknownApi
from ansible_collections.multiarch.openshift.plugins.module_utils._node_hardware import tells_mac
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import AGENT
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import BARE_METAL_HOST
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import Claim
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import agent_claim
from ansible_collections.multiarch.openshift.plugins.module_utils._other_installers import host_claim
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import claimed_node
from ansible_collections.multiarch.openshift.plugins.module_utils._world import condition

_INSTALLERS = ((BARE_METAL_HOST, host_claim), (AGENT, agent_claim))


@dataclass
class Neighbours:
    """All nodes, and all machines that other installers know."""

    nodes: list[dict[str, t.Any]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    not_permitted: list[str] = field(default_factory=list)
    """One sentence for each kind that this account may not list."""

    @property
    def untold(self) -> str:
        """A sentence on what the cluster does not tell, whatever the account may do; empty where it tells all."""
        silent = [node["metadata"]["name"] for node in self.nodes if not tells_mac(node)]
        if not silent:
            return ""
        return (
            f"MAC addresses of {len(silent)} of {len(self.nodes)} nodes are not comparable: {some(silent)} without the"
            " annotation k8s.ovn.org/l3-gateway-config."
        )

    @property
    def not_comparable(self) -> list[str]:
        """All that machines could not be compared with, a sentence each."""
        return [*self.not_permitted, *([self.untold] if self.untold else [])]


def look_at_neighbours(cluster: t.Any) -> Neighbours:
    """Ask the cluster.

    :raises OperationError: nodes cannot be listed
    """
    found = Neighbours(nodes=cluster.list("v1", "Node")[0])
    for (api_version, kind), claim in _INSTALLERS:
        try:
            items, _version = cluster.list(api_version, kind)
        except UnknownApi:
            continue  # this cluster has no such installer
        except Forbidden:
            found.not_permitted.append(
                f"{kind}s are not comparable: the account may not list them in all namespaces (docs/rbac.yml)."
            )
            continue
        found.claims += [claim(item) for item in items]
    return found


def nodes_that_ask(cluster: t.Any) -> set[str]:
    """Names of nodes for which a client certificate is asked for, whoever asks; empty where that may not be read."""
    try:
        csrs = cluster.list(
            "certificates.k8s.io/v1", "CertificateSigningRequest", field_selector=f"spec.signerName={CLIENT_SIGNER}"
        )[0]
    except Forbidden:
        return set()
    refused = ("Denied", "Failed")
    going_on = [csr for csr in csrs if not any(condition(csr, kind) for kind in refused)]
    return {name for csr in going_on if (name := claimed_node(csr))}


__all__ = ("Neighbours", "look_at_neighbours", "nodes_that_ask")
