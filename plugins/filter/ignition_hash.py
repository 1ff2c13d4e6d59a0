# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: ignition_hash
short_description: Hash of an Ignition config in the form that Ignition and coreos-installer take
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Returns V(sha512-) or V(sha256-) and the hash in hexadecimal.
  - The hash is of exact bytes. A text is hashed as its UTF-8 encoding, which is what a server sends only if nothing
    was changed on the way to this filter. P(ansible.builtin.file#lookup) removes spaces and line feeds at the end
    unless it is called with C(rstrip=False), and C(from_json) followed by C(to_json) gives other bytes.
  - Where the config comes from the cluster, M(multiarch.openshift.ignition_export) hashes the bytes of the Secret.
options:
  _input:
    description: The config, as text or bytes.
    type: raw
    required: true
  algorithm:
    description: The hash function.
    type: str
    choices: [sha512, sha256]
    default: sha512
seealso:
  - module: multiarch.openshift.ignition_export
"""

EXAMPLES = r"""
---
- name: Hash a file as coreos-installer would
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', '/srv/worker.ign', rstrip=False) | multiarch.openshift.ignition_hash }}"

- name: Hash userData of a Secret
  ansible.builtin.debug:
    msg: "{{ 'eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMy40LjAifX0=' | b64decode | multiarch.openshift.ignition_hash }}"

- name: Hash with the shorter function
  ansible.builtin.debug:
    msg: "{{ 'a text' | multiarch.openshift.ignition_hash(algorithm='sha256') }}"
"""

RETURN = r"""
_value:
  description: The hash.
  type: str
  sample: sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import ALGORITHMS
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import ignition_hash as hash_of


def ignition_hash(content: t.Any, algorithm: str = "sha512") -> str:
    if not isinstance(content, (str, bytes)):
        raise AnsibleFilterError(
            f"multiarch.openshift.ignition_hash: the input must be a text or bytes, not {type(content).__name__}."
        )
    if algorithm not in ALGORITHMS:
        raise AnsibleFilterError(
            f"multiarch.openshift.ignition_hash: algorithm must be one of {', '.join(ALGORITHMS)}, not {algorithm!r}."
        )
    return hash_of(content.encode("utf-8") if isinstance(content, str) else content, algorithm)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ignition_hash": ignition_hash}
