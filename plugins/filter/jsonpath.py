# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: jsonpath
short_description: Text that a Kubernetes JSONPath template makes of an object
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Renders a JSONPath template as C(oc get -o jsonpath=TEMPLATE) and C(kubectl) do, without either program.
  - A key that is missing prints nothing. Objects and lists print as compact JSON, texts print bare.
  - The order of the keys of an object is their alphabetical order for C(.*) and C(..), where C(oc) has none.
  - C(['a.b']) is the path C(.a.b), as in C(oc). Where that path finds nothing, the key C(a.b) is looked for,
    which C(oc) finds only when it is written C(['a\.b']).
  - As in C(oc), an integer and a number with decimals cannot be compared in a filter.
positional: template
options:
  _input:
    description: The object.
    type: raw
    required: true
  template:
    description:
      - The template. Expressions stand in braces, everything else is text.
      - C({.a.b}), C({.a[0]}), C({.a[-1]}), C({.a[0:2]}), C({.a[*]}), C({.a.*}), C({..a}), C({.a['b','c']}), C({.a\.b}),
        C({.a[?(@.b=="c")]}) with C(==), C(!=), C(<), C(<=), C(>), C(>=) or the mere presence of a key,
        C({range .a[*]}…{end}), C({@}), C({"\n"}).
    type: str
    required: true
"""

EXAMPLES = r"""
---
- name: Print the architecture of the payload from recorded output of oc
  ansible.builtin.debug:
    msg: "{{ {'metadata': {'metadata': {'release.openshift.io/architecture': 'multi'}}}
      | multiarch.openshift.jsonpath('{ .metadata.metadata}') }}"
    # {"release.openshift.io/architecture":"multi"}

- name: Print a line per node
  ansible.builtin.debug:
    msg: "{{ {'items': [{'metadata': {'name': 'a'}}, {'metadata': {'name': 'b'}}]}
      | multiarch.openshift.jsonpath('{range .items[*]}{.metadata.name}{\"\\n\"}{end}') }}"

- name: Print the addresses of one type
  ansible.builtin.debug:
    msg: "{{ {'addresses': [{'type': 'InternalIP', 'address': '192.0.2.11'}, {'type': 'Hostname', 'address': 'a'}]}
      | multiarch.openshift.jsonpath('{.addresses[?(@.type==\"InternalIP\")].address}') }}"
    # 192.0.2.11
"""

RETURN = r"""
_value:
  description: The text.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._jsonpath import render


def jsonpath(document: t.Any, template: t.Any) -> str:
    if not isinstance(template, str):
        raise AnsibleFilterError(
            f"multiarch.openshift.jsonpath: the template must be a text, not {type(template).__name__}."
        )
    try:
        return render(template, document)
    except OperationError as exc:
        raise AnsibleFilterError(f"multiarch.openshift.jsonpath: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"jsonpath": jsonpath}
