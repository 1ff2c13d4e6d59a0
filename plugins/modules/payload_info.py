#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: payload_info
short_description: Find out whether the release payload is multi-architecture
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Reads the C(ClusterVersion) and the C(MachineConfigPools), and says whether the payload is multi-architecture, how
    that is known, and whether the cluster is done with it.
  - The answer is V(unknown) where the cluster does not say it. It is never guessed; in particular, boot images for
    C(aarch64) prove nothing, for single-architecture payloads have them as well.
options:
  exec:
    description:
      - Whether to read C(/release-manifests/release-metadata) in the pod of the cluster-version operator where the
        C(ClusterVersion) does not say the architecture.
      - This needs the rights to list C(pods) and to get and create C(pods/exec) in the namespace
        C(openshift-cluster-version). The latter is as good as C(cluster-admin), for the pod's service account has that
        role. Give it only to accounts that have as much.
    type: bool
    default: false
  release_metadata:
    description:
      - What C(oc adm release info -o jsonpath="{ .metadata.metadata}") printed for this cluster, for the case that the
        cluster does not say it.
      - Counts only where everything else leaves the answer V(unknown). Empty text counts as not given.
    type: json
  machines:
    description:
      - Machine records. They are returned with C(cluster) set, by which later steps notice when they see another one.
      - When left out, no records are returned.
    type: list
    elements: dict
    default: []
extends_documentation_fragment:
  - multiarch.openshift.auth
  - multiarch.openshift.attributes.info
requirements:
  - jmespath
seealso:
  - module: multiarch.openshift.boot_artifact_info
"""

EXAMPLES = r"""
---
- name: Ask the cluster for its payload
  multiarch.openshift.payload_info:
  register: payload

- name: Stop unless ARM machines may be added now
  ansible.builtin.assert:
    that: payload.ok
    fail_msg: "{{ payload.next_step }}"

- name: Ask again with the words of oc, and mark the machine records with the cluster
  multiarch.openshift.payload_info:
    release_metadata: '{"release.openshift.io/architecture":"multi","url":"https://access.redhat.com/errata/RHSA-2024:1210"}'
    machines: "{{ multiarch_machines | default([]) }}"
  register: payload
"""

RETURN = r"""
architecture:
  description: V(multi), V(single) or V(unknown).
  returned: success
  type: str
  sample: multi
single_architecture:
  description: Which architecture a single-architecture payload is for, in Go's words; empty where that is not known.
  returned: success
  type: str
  sample: amd64
source:
  description:
    - How the answer is known. V(status.desired.architecture) and V(ReleaseAccepted) are the C(ClusterVersion),
      V(release-metadata) is the file in the pod, V(given) is O(release_metadata), V(none) goes with V(unknown).
  returned: success
  type: str
  sample: ReleaseAccepted
metadata:
  description: The release's metadata, as C(oc adm release info -o jsonpath="{ .metadata.metadata}") prints it.
  returned: success
  type: dict
  sample:
    release.openshift.io/architecture: multi
    url: https://access.redhat.com/errata/RHSA-2024:1210
image:
  description: The release image that the cluster is to run.
  returned: success
  type: str
  sample: quay.io/example/release@sha256:79347bc3313a05e374a40fe47de804e23cc14f795ee51699721e459706cfe2c0
version:
  description: The version that the cluster is to run.
  returned: success
  type: str
  sample: 4.18.3
completed:
  description: Whether the newest entry of the history is this image and C(Completed).
  returned: success
  type: bool
  sample: true
progressing:
  description: Whether the condition C(Progressing) is anything but C(False).
  returned: success
  type: bool
  sample: false
progress:
  description: The message of the condition C(Progressing).
  returned: success
  type: str
  sample: Cluster version is 4.18.3
migrating:
  description: Whether the cluster is on the way from one image of this version to another one of the same version.
  returned: success
  type: bool
  sample: false
multi_requested:
  description: Whether C(oc adm upgrade --to-multi-arch) was run and its request still stands.
  returned: success
  type: bool
  sample: false
retrieved_updates:
  description: Condition C(RetrievedUpdates) with C(status) (C(absent) where there is none), C(reason) and C(message).
  returned: success
  type: dict
  sample: {status: "True", reason: "", message: ""}
release_accepted:
  description: Condition C(ReleaseAccepted), in the same shape.
  returned: success
  type: dict
  sample: {status: "True", reason: PayloadLoaded, message: 'Payload loaded version="4.18.3" architecture="Multi"'}
pools:
  description: The C(MachineConfigPools) and their state.
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker
      updated: true
      updating: false
      degraded: false
      paused: false
      machine_count: 3
      updated_machine_count: 3
unknown_because:
  description: Why each source gave no answer, where the architecture is V(unknown).
  returned: success
  type: list
  elements: str
  sample: []
remarks:
  description: What O(release_metadata) decided, or where it does not agree with the cluster.
  returned: success
  type: list
  elements: str
  sample: []
ok:
  description: Whether the payload is multi-architecture and rolled out, so that ARM machines may be added.
  returned: success
  type: bool
  sample: true
next_step:
  description: One line for a person - what was found, and what to do where RV(ok) is false.
  returned: success
  type: str
  sample: The payload 4.18.3 is multi-architecture, says ReleaseAccepted.
cluster:
  description: What tells this cluster from any other - infrastructure name, and UID of the namespace kube-system.
  returned: success
  type: dict
  sample: {name: lab-x7k2p, uid: 1f96e9e9-83d0-4310-baca-ef36fd539304}
machines:
  description: O(machines) with C(cluster) set. Records of machines that have failed are passed through untouched.
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      cluster: {name: lab-x7k2p, uid: 1f96e9e9-83d0-4310-baca-ef36fd539304}
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import check_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import Payload
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import next_step
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import parse_given_metadata
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import parse_metadata_file
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import payload
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import running_operator

OPERATOR_NAMESPACE = "openshift-cluster-version"
OPERATOR_LABEL = "k8s-app=cluster-version-operator"
METADATA_FILE = "/release-manifests/release-metadata"


def read_metadata_file(cluster: Cluster, found: Payload) -> dict[str, t.Any]:
    """The metadata in the pod that runs from the payload itself: no registry is asked."""
    pods, _version = cluster.list("v1", "Pod", OPERATOR_NAMESPACE, label_selector=OPERATOR_LABEL)
    operator = running_operator(pods, found.image)
    if operator is None:
        raise OperationError(f"No pod of the cluster-version operator runs from {found.image}.")
    pod, container = operator
    return parse_metadata_file(cluster.exec(OPERATOR_NAMESPACE, pod, container, ["cat", METADATA_FILE]), found.version)


def ask(cluster: Cluster, *, execute: bool, release_metadata: str) -> Payload:
    given = parse_given_metadata(release_metadata)
    cluster_version = cluster.get("config.openshift.io/v1", "ClusterVersion", "version")
    if cluster_version is None:
        raise OperationError(f"The cluster at {cluster.server} has no ClusterVersion version.", "Is it OpenShift?")
    pools, _version = cluster.list("machineconfiguration.openshift.io/v1", "MachineConfigPool")
    found = payload(cluster_version, pools)
    if found.architecture != "unknown" or not execute:
        return payload(cluster_version, pools, given_metadata=given)
    try:
        metadata_file = read_metadata_file(cluster, found)
    except OperationError as exc:
        return payload(cluster_version, pools, metadata_file_problem=str(exc), given_metadata=given)
    return payload(cluster_version, pools, metadata_file=metadata_file, given_metadata=given)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARGUMENT_SPEC,
            "exec": {"type": "bool", "default": False},
            "release_metadata": {"type": "json"},
            "machines": {"type": "list", "elements": "dict", "default": []},
        },
        supports_check_mode=True,
    )
    machines = module.params["machines"]
    try:
        cluster = connect(module.params)
        identity = cluster.identity()
        check_cluster(machines, identity)
        found = ask(cluster, execute=module.params["exec"], release_metadata=module.params["release_metadata"] or "")
        ok, sentence, warnings = next_step(found)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    for warning in warnings:
        module.warn(warning)
    module.exit_json(
        changed=False,
        ok=ok,
        next_step=sentence,
        cluster=identity,
        machines=[machine if machine.get("failed") else {**machine, "cluster": identity} for machine in machines],
        **asdict(found),
    )


if __name__ == "__main__":
    main()
