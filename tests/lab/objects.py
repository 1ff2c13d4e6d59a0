# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster's objects, as a bare-metal OpenShift cluster has them; made here, in the shapes of recorded ones."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

Item = dict[str, Any]

MCO_NAMESPACE = "openshift-machine-config-operator"
MACHINE_API_NAMESPACE = "openshift-machine-api"
SINCE = "2026-01-15T08:00:00Z"
# What the ReleaseAccepted condition says; None leaves it away, as clusters before 4.12 do.
ARCHITECTURES = {"multi": "Multi", "migrating": "Multi", "single": "amd64", "unknown": None}
MASTERS = {"master-0": "203.0.113.10", "master-1": "203.0.113.11", "master-2": "203.0.113.12"}
SUFFIXES = {
    "kernel": "live-kernel.{architecture}",
    "initramfs": "live-initramfs.{architecture}.img",
    "rootfs": "live-rootfs.{architecture}.img",
    "iso": "live-iso.{architecture}.iso",
}


def cluster_objects(
    infrastructure_name: str,
    version: str,
    api_vip: str,
    machine_config_server_url: str,
    ca_pem: str,
    streams: dict[str, Item],
    payload: str = "multi",
    *,
    signer_ca_pem: str | None = None,
) -> list[Item]:
    """Everything that the product reads on a cluster.

    `streams` has per architecture the release and, for kernel, initramfs, rootfs and iso, location and sha256:
    `{"aarch64": {"release": "416.94.…", "kernel": {"location": "http://…", "sha256": "…"}, …}}`; what is left out is
    missing in the ConfigMap as well. `payload` is what the ClusterVersion says: multi, single, unknown or migrating.
    """
    domain = f"{cluster_name(infrastructure_name)}.example.com"
    return [
        *node_bootstrapper(),
        cluster_version(version, payload),
        infrastructure(infrastructure_name, domain, api_vip),
        network(),
        ingress(domain),
        dns(domain),
        proxy(),
        machine_config_pool("master", 3),
        machine_config_pool("worker", 0),
        user_data_secret("worker", machine_config_server_url, ca_pem),
        boot_images(version, streams),
        config_map("openshift-config-managed", "csr-controller-ca", {"ca-bundle.crt": signer_ca_pem or ca_pem}),
        *(master_node(name, address) for name, address in MASTERS.items()),
    ]


def cluster_name(infrastructure_name: str) -> str:
    """`lab` of `lab-x7k2p`: the installer adds five random characters."""
    return re.sub(r"-[a-z0-9]{5}$", "", infrastructure_name)


def node_bootstrapper() -> list[Item]:
    """The account with which machines ask for their first certificate, and its right to do so."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MCO_NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "node-bootstrapper", "namespace": MCO_NAMESPACE},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "system-bootstrap-node-bootstrapper"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:node-bootstrapper",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "node-bootstrapper", "namespace": MCO_NAMESPACE}],
        },
    ]


def rights(user: str, rules: Sequence[Item]) -> list[Item]:
    """A ClusterRole with these rules, bound to this user alone."""
    name = "lab-" + hashlib.sha256(user.encode()).hexdigest()[:12]
    group = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": name},
            "rules": list(rules),
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        },
    ]


def cluster_version(version: str, payload: str = "multi") -> Item:
    """ClusterVersion `version` with the signs of this payload as 4.12 to 4.20 show them (no `desired.architecture`)."""
    architecture = ARCHITECTURES[payload]
    migrating = payload == "migrating"
    image = f"quay.io/openshift-release-dev/ocp-release@sha256:{_digest(version, architecture)}"
    previous = f"quay.io/openshift-release-dev/ocp-release@sha256:{_digest(version, 'amd64')}"
    conditions = [
        _condition("RetrievedUpdates", "True"),
        _condition("Available", "True", message=f"Done applying {version}"),
        _condition("Failing", "False"),
    ]
    if migrating:
        progress = f"Working towards {version}: 761 of 890 done (85% complete), waiting on machine-config"
        conditions.append(_condition("Progressing", "True", "ClusterOperatorUpdating", progress))
    else:
        conditions.append(_condition("Progressing", "False", message=f"Cluster version is {version}"))
    if architecture:
        message = f'Payload loaded version="{version}" image="{image}" architecture="{architecture}"'
        conditions.append(_condition("ReleaseAccepted", "True", "PayloadLoaded", message))
    history = [_update(version, image, None if migrating else "2026-01-15T09:00:00Z")]
    if migrating:
        history.append(_update(version, previous, "2026-01-14T09:00:00Z"))
    minor = ".".join(version.split(".")[:2])
    spec: Item = {"channel": f"stable-{minor}", "clusterID": _uuid(version)}
    if migrating:
        spec["desiredUpdate"] = {"architecture": "Multi", "force": False, "image": "", "version": version}
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "ClusterVersion",
        "metadata": {"name": "version"},
        "spec": spec,
        "status": {
            "availableUpdates": None,
            "conditions": conditions,
            "desired": {"channels": [f"stable-{minor}"], "image": image, "version": version},
            "history": history,
            "observedGeneration": 1,
            "versionHash": _digest(version, "hash")[:11],
        },
    }


def infrastructure(name: str, domain: str, api_vip: str) -> Item:
    ingress_vip = "203.0.113.3"
    networks = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Infrastructure",
        "metadata": {"name": "cluster"},
        "spec": {
            "cloudConfig": {"name": ""},
            "platformSpec": {
                "baremetal": {
                    "apiServerInternalIPs": [api_vip],
                    "ingressIPs": [ingress_vip],
                    "machineNetworks": networks,
                },
                "type": "BareMetal",
            },
        },
        "status": {
            "apiServerInternalURI": f"https://api-int.{domain}:6443",
            "apiServerURL": f"https://api.{domain}:6443",
            "controlPlaneTopology": "HighlyAvailable",
            "cpuPartitioning": "None",
            "etcdDiscoveryDomain": "",
            "infrastructureName": name,
            "infrastructureTopology": "HighlyAvailable",
            "platform": "BareMetal",
            "platformStatus": {
                "baremetal": {
                    "apiServerInternalIP": api_vip,
                    "apiServerInternalIPs": [api_vip],
                    "ingressIP": ingress_vip,
                    "ingressIPs": [ingress_vip],
                    "loadBalancer": {"type": "OpenShiftManagedDefault"},
                    "machineNetworks": networks,
                },
                "type": "BareMetal",
            },
        },
    }


def network() -> Item:
    settings: Item = {
        "clusterNetwork": [{"cidr": "10.128.0.0/14", "hostPrefix": 23}],
        "networkType": "OVNKubernetes",
        "serviceNetwork": ["172.30.0.0/16"],
    }
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Network",
        "metadata": {"name": "cluster"},
        "spec": {**settings, "externalIP": {"policy": {}}},
        "status": {**settings, "clusterNetworkMTU": 1400},
    }


def ingress(domain: str) -> Item:
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "cluster"},
        "spec": {"domain": f"apps.{domain}", "loadBalancer": {"platform": {"type": ""}}},
        "status": {"defaultPlacement": "Workers"},
    }


def dns(domain: str) -> Item:
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "DNS",
        "metadata": {"name": "cluster"},
        "spec": {"baseDomain": domain, "platform": {"aws": None, "type": ""}},
        "status": {},
    }


def proxy() -> Item:
    return {
        "apiVersion": "config.openshift.io/v1",
        "kind": "Proxy",
        "metadata": {"name": "cluster"},
        "spec": {"trustedCA": {"name": ""}},
        "status": {},
    }


def machine_config_pool(name: str, machines: int) -> Item:
    """A pool that is up to date."""
    rendered = f"rendered-{name}-{_digest(name, 'rendered')[:32]}"
    configuration = {
        "name": rendered,
        "source": [
            {"apiVersion": "machineconfiguration.openshift.io/v1", "kind": "MachineConfig", "name": f"00-{name}"}
        ],
    }
    return {
        "apiVersion": "machineconfiguration.openshift.io/v1",
        "kind": "MachineConfigPool",
        "metadata": {
            "name": name,
            "labels": {
                "machineconfiguration.openshift.io/mco-built-in": "",
                f"pools.operator.machineconfiguration.openshift.io/{name}": "",
            },
        },
        "spec": {
            "configuration": configuration,
            "machineConfigSelector": {"matchLabels": {"machineconfiguration.openshift.io/role": name}},
            "nodeSelector": {"matchLabels": {f"node-role.kubernetes.io/{name}": ""}},
            "paused": False,
        },
        "status": {
            "conditions": [
                _condition("RenderDegraded", "False", "", ""),
                _condition("NodeDegraded", "False", "", ""),
                _condition("Degraded", "False", "", ""),
                _condition("Updated", "True", "", f"All nodes are updated with MachineConfig {rendered}"),
                _condition("Updating", "False", "", ""),
            ],
            "configuration": configuration,
            "degradedMachineCount": 0,
            "machineCount": machines,
            "observedGeneration": 1,
            "readyMachineCount": machines,
            "unavailableMachineCount": 0,
            "updatedMachineCount": machines,
        },
    }


def pointer_ignition(machine_config_server_url: str, pool: str, ca_pem: str, spec_version: str = "3.4.0") -> bytes:
    """The exact bytes of a pointer config, as the machine-config operator writes them: no spaces, empty structs."""
    ca = "data:text/plain;charset=utf-8;base64," + base64.b64encode(ca_pem.encode()).decode()
    source = f"{machine_config_server_url.rstrip('/')}/config/{quote(pool)}"
    config = {
        "ignition": {
            "config": {
                "merge": [{"source": source, "verification": {}}],
                "replace": {"verification": {}},
            },
            "proxy": {},
            "security": {"tls": {"certificateAuthorities": [{"source": ca, "verification": {}}]}},
            "timeouts": {},
            "version": spec_version,
        },
        "kernelArguments": {},
        "passwd": {},
        "storage": {},
        "systemd": {},
    }
    return json.dumps(config, separators=(",", ":")).encode()


def user_data_secret(pool: str, machine_config_server_url: str, ca_pem: str, spec_version: str = "3.4.0") -> Item:
    user_data = pointer_ignition(machine_config_server_url, pool, ca_pem, spec_version)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{pool}-user-data-managed", "namespace": MACHINE_API_NAMESPACE},
        "type": "Opaque",
        "data": {
            "disableTemplating": base64.b64encode(b"true\n").decode(),
            "userData": base64.b64encode(user_data).decode(),
        },
    }


def boot_images(version: str, streams: dict[str, Item]) -> Item:
    """ConfigMap coreos-bootimages with the metal artifacts of these architectures."""
    minor = ".".join(version.split(".")[:2])
    stream = {
        "stream": f"rhcos-{minor}",
        "metadata": {"last-modified": "2026-01-10T12:00:00Z", "generator": "plume cosa2stream 0.15.0"},
        "architectures": {name: _architecture(description) for name, description in streams.items()},
    }
    values = {"releaseVersion": version, "stream": json.dumps(stream, indent=2)}
    return config_map(MCO_NAMESPACE, "coreos-bootimages", values)


def artifact_name(architecture: str, kind: str, release: str) -> str:
    """The name that RHCOS gives this artifact since 4.19; the product must not build names, only the lab may."""
    return f"rhcos-{release}-" + SUFFIXES[kind].format(architecture=architecture)


def config_map(namespace: str, name: str, values: dict[str, str]) -> Item:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": values,
    }


def master_node(name: str, address: str) -> Item:
    """A Ready control plane node on x86_64, with what OVN-Kubernetes notes of its NIC."""
    made = node(name, address, "amd64", roles=("control-plane", "master"))
    mac = ":".join(["0a", "58", *(f"{int(part):02x}" for part in address.split("."))])
    gateway = {"mode": "shared", "mac-address": mac, "ip-address": f"{address}/24", "node-port-enable": "true"}
    annotations = made["metadata"].setdefault("annotations", {})
    annotations["k8s.ovn.org/l3-gateway-config"] = json.dumps({"default": gateway})
    return made


def node(name: str, address: str, architecture: str, *, roles: Sequence[str] = ("worker",), ready: bool = True) -> Item:
    """A Node as its kubelet reports it."""
    identity = _uuid(name)
    labels = {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.openshift.io/os_id": "rhcos",
        **{f"node-role.kubernetes.io/{role}": "" for role in roles},
    }
    spec = {}
    if "master" in roles:
        spec = {"taints": [{"effect": "NoSchedule", "key": "node-role.kubernetes.io/master"}]}
    amount = {"cpu": "8", "memory": "32768Mi", "pods": "250"}
    problems = {
        "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    }
    conditions = [_heartbeat(kind, "False", *words) for kind, words in problems.items()]
    if ready:
        conditions.append(_heartbeat("Ready", "True", "KubeletReady", "kubelet is posting ready status"))
    else:
        message = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady"
        conditions.append(_heartbeat("Ready", "False", "KubeletNotReady", message))
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
        },
        "spec": spec,
        "status": {
            "addresses": [{"address": address, "type": "InternalIP"}, {"address": name, "type": "Hostname"}],
            "allocatable": amount,
            "capacity": amount,
            "conditions": conditions,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "architecture": architecture,
                "bootID": identity,
                "containerRuntimeVersion": "cri-o://1.34.1-2.rhaos4.21.git2ad4ff9.el9",
                "kernelVersion": f"5.14.0-570.62.1.el9_6.{'aarch64' if architecture == 'arm64' else 'x86_64'}",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.34.1",
                "machineID": identity.replace("-", ""),
                "operatingSystem": "linux",
                "osImage": "Red Hat Enterprise Linux CoreOS 9.6.20251125-1 (Plow)",
                "systemUUID": identity,
            },
        },
    }


def _architecture(description: Item) -> Item:
    formats: Item = {}
    network_boot = {kind: dict(description[kind]) for kind in ("kernel", "initramfs", "rootfs") if kind in description}
    if "iso" in description:
        formats["iso"] = {"disk": dict(description["iso"])}
    if network_boot:
        formats["pxe"] = network_boot
    if not formats:
        return {"artifacts": {}, "images": {}}
    return {"artifacts": {"metal": {"release": description["release"], "formats": formats}}, "images": {}}


def _condition(kind: str, status: str, reason: str | None = None, message: str | None = None) -> Item:
    result = {"lastTransitionTime": SINCE, "status": status, "type": kind}
    if reason is not None:
        result["reason"] = reason
    if message is not None:
        result["message"] = message
    return result


def _heartbeat(kind: str, status: str, reason: str, message: str) -> Item:
    return {**_condition(kind, status, reason, message), "lastHeartbeatTime": SINCE}


def _update(version: str, image: str, completed: str | None) -> Item:
    return {
        "completionTime": completed,
        "image": image,
        "startedTime": SINCE if completed is None else "2026-01-14T08:00:00Z",
        "state": "Completed" if completed else "Partial",
        "verified": True,
        "version": version,
    }


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(" ".join(str(part) for part in parts).encode()).hexdigest()


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
