# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: publication
short_description: Decide what a run publishes, and under which names
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Puts ignition, initrds and boot artifacts together as the module M(multiarch.openshift.artifact_publish) takes them.
  - Ignition and initrds lie under the cluster's name and carry the ignition's hash in theirs; boot artifacts lie under
    release and architecture.
positional: ignition, artifacts, initrds
options:
  _input:
    description: The machine records.
    type: list
    elements: dict
    required: true
  ignition:
    description: Entries of M(multiarch.openshift.ignition_export).
    type: list
    elements: dict
    required: true
  artifacts:
    description: Entries of M(multiarch.openshift.boot_artifact_info).
    type: list
    elements: dict
    required: true
  initrds:
    description: Entries of M(multiarch.openshift.ignition_initrd).
    type: list
    elements: dict
    required: true
  base_url:
    description:
      - URL of the published folder, from which the TFTP host, and an upload, fetch their copies.
      - Empty where nothing will have been published, as in check mode.
    type: str
    required: true
  put_url:
    description:
      - Where files are uploaded to for machines that boot by other means, and for those that a person installs from an
        ISO.
      - When left out, nothing is, and the web host serves the latter.
    type: str
    default: ''
  decompressed_kernel:
    description: Whether a decompressed copy of a gzip kernel is published for machines that boot by iPXE.
    type: bool
    default: false
seealso:
  - plugin: multiarch.openshift.published
    plugin_type: filter
    description: Brings the published URLs back to the entries.
"""

EXAMPLES = r"""
- name: Show what would be published
  ansible.builtin.debug:
    msg: >-
      {{ multiarch_machines | multiarch.openshift.publication(exported.ignition, found.artifacts, made.initrds,
      base_url='http://192.0.2.5:8080/openshift') }}
"""

RETURN = r"""
_value:
  description: Items for the web host in C(web), for the TFTP host in C(tftp), for an upload in C(put).
  type: dict
"""

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._publication import publication


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"publication": publication}
