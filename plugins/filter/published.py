# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: published
short_description: Bring the published URLs back to the entries
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Gives each entry of ignition, initrds and boot artifacts the URL, and the TFTP path where there is one, under which
    machines find it. Entries that were not published are left out.
  - A kernel gets its C(format) and, where one was published, C(decompressed_url).
positional: artifacts, initrds
options:
  _input:
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
  web:
    description: What M(multiarch.openshift.artifact_publish) returned for the web host.
    type: list
    elements: dict
    required: true
  tftp:
    description: What it returned for the TFTP host.
    type: list
    elements: dict
    required: true
  put:
    description: What it returned for an upload. The URL of such an entry is its C(uploaded_url).
    type: list
    elements: dict
    default: []
seealso:
  - plugin: multiarch.openshift.publication
    plugin_type: filter
    description: Decides what is published.
"""

EXAMPLES = r"""
- name: Show where machines find their ignition
  ansible.builtin.debug:
    msg: >-
      {{ (exported.ignition | multiarch.openshift.published(found.artifacts, made.initrds, web=on_web.artifacts,
      tftp=[])).ignition | map(attribute='url') }}
"""

RETURN = r"""
_value:
  description: The entries in C(ignition), C(initrds) and C(artifacts).
  type: dict
"""

import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._publication import published


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"published": published}
