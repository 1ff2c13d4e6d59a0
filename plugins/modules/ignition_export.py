#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ignition_export
short_description: Export the ignition that new nodes of a pool start from
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Reads one Secret per pool and writes the exact bytes of its user data to a private file, with their hash.
  - The bytes are never parsed and written again. They are only looked at, and refused where no machine of today could
    use them - no JSON, an Ignition spec other than 3, or nothing to merge.
  - All problems of all pools are reported in one message. The text of the ignition is in no result, message or diff.
options:
  pools:
    description:
      - Pools whose ignition is exported.
      - When left out, the pools of O(machines), without machines that have failed.
    type: list
    elements: str
  machines:
    description:
      - Machine records. Their pools are exported unless O(pools) names others, and if they were made on another cluster
        than this one, the module stops.
    type: list
    elements: dict
  namespace:
    description: Namespace of the Secrets.
    type: str
    default: openshift-machine-api
  secret_name:
    description: Name of the Secrets, where C({pool}) stands for the pool.
    type: str
    default: "{pool}-user-data-managed"
  key:
    description: Key in the Secrets.
    type: str
    default: userData
  dest:
    description:
      - Folder on the host where this module runs. It is made with mode V(0700); if it exists, others must not be able
        to write to it. Each pool gets a file V(<pool>.ign) of mode V(0600), which is written at once or not at all.
      - When left out, a folder on the controller that is removed when the run ends, also at Ctrl-C; what a killed run
        has left goes at the next export. That is no change.
    type: path
extends_documentation_fragment:
  - multiarch.openshift.auth
  - multiarch.openshift.attributes
attributes:
  diff_mode:
    description: Returns the text that is written when in diff mode.
    support: partial
    details:
      - The diff shows the hashes, never the text.
requirements:
  - cryptography
  - jmespath
seealso:
  - plugin: multiarch.openshift.ignition_hash
    plugin_type: filter
    description: Hashes a config that is at hand already.
"""

EXAMPLES = r"""
---
- name: Export the ignition of the workers
  multiarch.openshift.ignition_export:
    pools: [worker]
    dest: "{{ lookup('ansible.builtin.env', 'HOME') }}/ignition"
  register: exported

- name: Show the hash
  ansible.builtin.debug:
    msg: "{{ exported.ignition[0].path }} is {{ exported.ignition[0].hash }}"
"""

RETURN = r"""
ignition:
  description: One entry per pool, in the order of the pools' names.
  returned: success
  type: list
  elements: dict
  contains:
    pool:
      description: The pool.
      type: str
      sample: worker
    path:
      description: The private file. In check mode it may not be there.
      type: str
      sample: /home/me/ignition/worker.ign
    hash:
      description: The hash of the bytes in the form that coreos-installer takes.
      type: str
      sample: sha512-997e0a6ea35754fc5a537c2604d22d7d4d099be8c1e70d2c4ab53c0c3ddf4209c3bd90a4264bd9b0b9b3f4f870a11ac1b5
    size:
      description: The number of bytes.
      type: int
      sample: 1738
    spec_version:
      description: The version of the Ignition spec.
      type: str
      sample: 3.4.0
    merge_sources:
      description: Where a machine fetches its configuration from.
      type: list
      elements: str
      sample: ["https://192.168.111.5:22623/config/worker"]
    certificate_authorities:
      description:
        - Subject and end of the certificate authorities that a machine trusts there; C(problem) says what is wrong with
          one that cannot be read.
      type: list
      elements: dict
      sample: [{subject: "CN=root-ca,OU=openshift", not_after: "2036-01-13T08:00:00Z", problem: ""}]
directory:
  description: The folder of the files; empty in check mode where O(dest) was left out.
  returned: success
  type: str
  sample: /home/me/ignition
machines:
  description: O(machines), untouched.
  returned: success
  type: list
  elements: dict
  sample: []
"""

import datetime
import pathlib
import re
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import Ignition
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import expiry_warnings
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import ignition_hash
from ansible_collections.multiarch.openshift.plugins.module_utils._ignition import read_secret
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unauthorized
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unavailable
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import check_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._private_file import ensure_private_directory
from ansible_collections.multiarch.openshift.plugins.module_utils._private_file import read_private_file
from ansible_collections.multiarch.openshift.plugins.module_utils._private_file import write_private_file

# RFC 1123 subdomain, as Kubernetes names pools; it also becomes a file name
POOL_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


def wanted_pools(params: t.Mapping[str, t.Any]) -> list[str]:
    names = params["pools"]
    if names is None:
        names = [machine["pool"] for machine in params["machines"] if not machine.get("failed")]
    return sorted(set(names))


def read_pools(cluster: Cluster, pools: t.Sequence[str], params: t.Mapping[str, t.Any]) -> dict[str, Ignition]:
    """The ignition of every pool.

    :raises OperationError: with the problems of all pools
    """
    found: dict[str, Ignition] = {}
    problems: list[str] = []
    for pool in pools:
        name = params["secret_name"].replace("{pool}", pool)
        try:
            if not POOL_NAME.fullmatch(pool):
                raise OperationError(f"{pool!r} is no name of a pool.")
            secret = cluster.get("v1", "Secret", name, params["namespace"])
            found[pool] = read_secret(secret, namespace=params["namespace"], name=name, key=params["key"], pool=pool)
        except (Unauthorized, Unavailable):
            raise  # the same for every other pool
        except OperationError as exc:
            problems.append(str(exc))
    if problems:
        raise OperationError("\n".join(problems))
    return found


def private_path(directory: str, pool: str) -> pathlib.Path:
    return pathlib.Path(directory, f"{pool}.ign")


def keep(exported: t.Mapping[str, Ignition], directory: str, *, write: bool) -> list[dict[str, str]]:
    """Put the files that differ in place; the diff as hashes.

    :raises OperationError: a file or the folder cannot be written
    """
    diff = []
    if write:
        ensure_private_directory(pathlib.Path(directory))
    for pool, ignition in exported.items():
        path = private_path(directory, pool)
        old = read_private_file(path)
        if old == ignition.content:
            continue
        header = {"before_header": str(path), "after_header": str(path)}
        before = f"{ignition_hash(old)}\n" if old is not None else ""
        diff.append({**header, "before": before, "after": f"{ignition.hash}\n"})
        if write:
            write_private_file(path, ignition.content)
    return diff


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARGUMENT_SPEC,
            "pools": {"type": "list", "elements": "str"},
            "machines": {"type": "list", "elements": "dict"},
            "namespace": {"type": "str", "default": "openshift-machine-api"},
            "secret_name": {"type": "str", "default": "{pool}-user-data-managed"},
            # the key's name in the Secret, which is no secret
            "key": {"type": "str", "default": "userData", "no_log": False},
            "dest": {"type": "path"},
        },
        required_one_of=[["pools", "machines"]],
        supports_check_mode=True,
    )
    machines = module.params["machines"] or []
    # without one, the action plugin names a folder; there is none in check mode
    directory = module.params["dest"] or ""
    try:
        cluster = connect(module.params)
        if machines:
            check_cluster(machines, cluster.identity())
        exported = read_pools(cluster, wanted_pools(module.params), module.params)
        if not directory and not module.check_mode:
            raise OperationError("dest is missing, and the action plugin, which names a folder, was not found.")
        diff = keep(exported, directory, write=not module.check_mode)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    now = datetime.datetime.now(datetime.timezone.utc)
    for pool, ignition in exported.items():
        for warning in expiry_warnings(pool, ignition.certificate_authorities, now):
            module.warn(warning)
    module.exit_json(
        changed=bool(diff),
        ignition=[
            {"pool": pool, "path": str(private_path(directory, pool)), **ignition.facts()}
            for pool, ignition in exported.items()
        ],
        directory=directory,
        machines=machines,
        diff=diff,
    )


if __name__ == "__main__":
    main()
