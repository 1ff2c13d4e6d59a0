#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: boot_artifact_info
short_description: Find the RHCOS boot artifacts that belong to the cluster
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Reads the ConfigMap C(coreos-bootimages) of the namespace C(openshift-machine-config-operator) and returns
    locations, names and hashes of ISO, kernel, initramfs and rootfs for bare metal.
  - Names are taken from the locations and never built. Everything that is missing is reported in one message, which
    names the path and what there is instead.
options:
  machines:
    description:
      - Machine records. What they boot from is looked for, C(pxe) for C(grub), C(ipxe) and C(pxelinux), C(iso) for
        C(iso), nothing for C(external); machines that have failed do not count. If the records were made on another
        cluster than this one, the module stops.
      - When left out, O(architectures) and O(formats) say what is looked for.
    type: list
    elements: dict
  architectures:
    description: Architectures to look for, each in all O(formats).
    type: list
    elements: str
    choices: [aarch64, x86_64]
  formats:
    description: Formats to look for. V(pxe) is kernel, initramfs and rootfs.
    type: list
    elements: str
    choices: [iso, pxe]
  stream:
    description:
      - Name of a stream, as the key C(streams) of the ConfigMap has it, for example V(rhel-10).
      - When left out or empty, the cluster's default stream.
    type: str
  source:
    description:
      - Where the artifacts are to be taken from. V(stream) leaves the locations as the ConfigMap has them. A base URL
        or an absolute folder on the web host replaces all but the file's name.
      - The hashes are always those of the ConfigMap.
    type: str
    default: stream
  payload_version:
    description:
      - Version that the cluster is to run. A warning tells when the ConfigMap was stamped by another version's Machine
        Config Operator.
      - When left out, the stamp is not looked at.
    type: str
extends_documentation_fragment:
  - multiarch.openshift.auth
  - multiarch.openshift.attributes.info
requirements:
  - jmespath
seealso:
  - module: multiarch.openshift.payload_info
"""

EXAMPLES = r"""
---
- name: Find kernel, initramfs and rootfs for ARM machines
  multiarch.openshift.boot_artifact_info:
    architectures: [aarch64]
    formats: [pxe]
  register: found

- name: Find the ISO images on an internal mirror
  multiarch.openshift.boot_artifact_info:
    architectures: [aarch64, x86_64]
    formats: [iso]
    source: http://mirror.example.com/rhcos
"""

RETURN = r"""
artifacts:
  description: One entry per file.
  returned: success
  type: list
  elements: dict
  contains:
    architecture:
      description: The architecture.
      type: str
      sample: aarch64
    kind:
      description: V(kernel), V(initramfs), V(rootfs) or V(iso).
      type: str
      sample: kernel
    location:
      description: URL of the file, or its path on the web host.
      type: str
      sample: https://mirror.example.com/rhcos/rhcos-416.94.202405291527-0-live-kernel-aarch64
    name:
      description: The file's name.
      type: str
      sample: rhcos-416.94.202405291527-0-live-kernel-aarch64
    sha256:
      description: The hash by the ConfigMap.
      type: str
      sample: a47119009e8d37fc2b63518c33c52e8db61021586424621de6c6a381b70c7157
    release:
      description: The release of RHCOS.
      type: str
      sample: 416.94.202405291527-0
stream:
  description: Where in the ConfigMap the artifacts were found; empty where none were needed.
  returned: success
  type: str
  sample: streams[rhel-10]
machines:
  description: O(machines), untouched.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import check_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import NAME
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import NAMESPACE
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import boot_artifacts
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import check_source
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import needed
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import read_stream
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import stamp_warnings


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARGUMENT_SPEC,
            "machines": {"type": "list", "elements": "dict"},
            "architectures": {"type": "list", "elements": "str", "choices": ["aarch64", "x86_64"]},
            "formats": {"type": "list", "elements": "str", "choices": ["iso", "pxe"]},
            "stream": {"type": "str"},
            "source": {"type": "str", "default": "stream"},
            "payload_version": {"type": "str"},
        },
        mutually_exclusive=[["machines", "architectures"]],
        required_one_of=[["machines", "architectures"]],
        required_together=[["architectures", "formats"]],
        supports_check_mode=True,
    )
    params = module.params
    machines = params["machines"] or []
    if params["machines"] is None:
        pairs = [(architecture, form) for architecture in params["architectures"] for form in params["formats"]]
    else:
        pairs = needed(machines)
    try:
        check_source(params["source"])
        cluster = connect(params)
        if machines:
            check_cluster(machines, cluster.identity())
        if not pairs:  # machines that are booted by other means
            module.exit_json(changed=False, artifacts=[], stream="", machines=machines)
        config_map = cluster.get("v1", "ConfigMap", NAME, NAMESPACE)
        document, where = read_stream(config_map, params["stream"] or "")
        artifacts = boot_artifacts(document, where, pairs, source=params["source"])
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    for warning in stamp_warnings(config_map or {}, params["payload_version"] or ""):
        module.warn(warning)
    module.exit_json(
        changed=False,
        artifacts=artifacts,
        stream=where,
        machines=machines,
    )


if __name__ == "__main__":
    main()
