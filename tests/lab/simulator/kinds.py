# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds that the simulator serves, and what is special about each of them."""

from __future__ import annotations

from dataclasses import dataclass

CERTIFICATES = "certificates.k8s.io"
RBAC = "rbac.authorization.k8s.io"
CONFIG = "config.openshift.io"
MACHINE_CONFIG = "machineconfiguration.openshift.io"
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Kind:
    """One resource of the API."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = False
    subresources: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    # Custom resources have generations, know no strategic merge patch and want a resourceVersion in every update.
    custom: bool = False
    # Reviews are answered and not stored.
    stored: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        return self.kind.lower()


def _custom(group: str, kind: str, plural: str, *, status: bool = True, short_names: tuple[str, ...] = ()) -> Kind:
    return Kind(
        group, "v1", kind, plural, subresources=("status",) if status else (), short_names=short_names, custom=True
    )


def _rbac(kind: str, *, namespaced: bool) -> Kind:
    return Kind(RBAC, "v1", kind, kind.lower() + "s", namespaced=namespaced)


NAMESPACE = Kind("", "v1", "Namespace", "namespaces", False, ("status",), ("ns",), ("status.phase",))
NODE = Kind("", "v1", "Node", "nodes", False, ("status",), ("no",), ("spec.unschedulable",))
SECRET = Kind("", "v1", "Secret", "secrets", True, fields=("type",))
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", True, short_names=("cm",))
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", True, ("token",), ("sa",))
EVENT = Kind(
    "",
    "v1",
    "Event",
    "events",
    True,
    short_names=("ev",),
    fields=("involvedObject.kind", "involvedObject.name", "involvedObject.namespace", "reason", "type"),
)
POD = Kind("", "v1", "Pod", "pods", True, ("status",), ("po",), ("spec.nodeName", "status.phase"))
DAEMON_SET = Kind("apps", "v1", "DaemonSet", "daemonsets", True, ("status",), ("ds",))
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases", True)
REQUEST = Kind(
    CERTIFICATES,
    "v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    False,
    ("approval", "status"),
    ("csr",),
    ("spec.signerName",),
)
ROLE = _rbac("Role", namespaced=True)
ROLE_BINDING = _rbac("RoleBinding", namespaced=True)
CLUSTER_ROLE = _rbac("ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDING = _rbac("ClusterRoleBinding", namespaced=False)
ACCESS_REVIEW = Kind("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", stored=False)
SUBJECT_REVIEW = Kind("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", stored=False)
BARE_METAL_HOST = Kind(
    "metal3.io", "v1alpha1", "BareMetalHost", "baremetalhosts", True, ("status",), ("bmh",), custom=True
)
AGENT = Kind("agent-install.openshift.io", "v1beta1", "Agent", "agents", True, ("status",), custom=True)
INGRESS_CONTROLLER = Kind(
    "operator.openshift.io", "v1", "IngressController", "ingresscontrollers", True, ("status",), custom=True
)

KINDS = (
    NAMESPACE,
    NODE,
    SECRET,
    CONFIG_MAP,
    SERVICE_ACCOUNT,
    EVENT,
    POD,
    DAEMON_SET,
    LEASE,
    REQUEST,
    ROLE,
    ROLE_BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ACCESS_REVIEW,
    SUBJECT_REVIEW,
    _custom(CONFIG, "ClusterVersion", "clusterversions"),
    _custom(CONFIG, "Infrastructure", "infrastructures"),
    _custom(CONFIG, "Network", "networks", status=False),
    _custom(CONFIG, "Ingress", "ingresses"),
    _custom(CONFIG, "DNS", "dnses"),
    _custom(CONFIG, "Proxy", "proxies"),
    INGRESS_CONTROLLER,
    BARE_METAL_HOST,
    AGENT,
    _custom(MACHINE_CONFIG, "MachineConfigPool", "machineconfigpools", short_names=("mcp",)),
    _custom(MACHINE_CONFIG, "OSImageStream", "osimagestreams"),
)
BY_PATH = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
