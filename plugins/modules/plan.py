#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Check the inventory and make the machine records of a run
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - The first step of every playbook of this collection. Reads the C(machine_*) variables of the hosts, the variables of
    the site and the inputs of the roles, and fails with one message that lists every problem of all of them.
  - Connects to nothing. How the cluster will be reached is looked at for one reason, that a connection
    without verification of TLS is refused now.
  - Runs on the controller, as an action plugin.
options:
  hosts:
    description:
      - Names of the machines that this run deals with.
      - When left out, all hosts of the play.
    type: list
    elements: str
  group:
    description:
      - All machines of the site. Duplicates are looked for among these, actions are taken on O(hosts) alone.
      - When left out, duplicates are looked for among O(hosts).
    type: list
    elements: str
  site:
    description:
      - The site's variables.
      - When left out, they are not checked.
    type: dict
    suboptions:
      publish_directory:
        description: Folder on the web host that its HTTP server serves.
        type: str
        default: ""
      publish_base_url:
        description: URL of that folder as machines see it.
        type: str
        default: ""
      publish_put_url:
        description: Where files are uploaded for machines that take none from the web host.
        type: str
        default: ""
      publish_put_base_url:
        description: URL from which those machines fetch them, where it is another one.
        type: str
        default: ""
      netboot_tftp_directory:
        description: Folder of the TFTP server.
        type: str
        default: ""
      netboot_grub_directory:
        description: Folder from which GRUB reads its files by TFTP.
        type: str
        default: ""
      boot_artifacts_source:
        description: Where boot artifacts come from.
        type: str
        default: ""
  roles:
    description:
      - Roles of this collection that the run will use. Their inputs are checked now, before anything is touched.
    type: list
    elements: str
extends_documentation_fragment:
  - multiarch.openshift.auth
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing anything.
    support: full
    details:
      - This action only reads, so it does the same in check mode.
  diff_mode:
    description: Returns the text that is written when in diff mode.
    support: N/A
seealso:
  - plugin: multiarch.openshift.machines
    plugin_type: filter
    description: The records alone.
"""

EXAMPLES = r"""
- name: Check the inventory and all inputs
  multiarch.openshift.plan:
    group: "{{ groups['arm_workers'] }}"
  run_once: true
  register: plan
"""

RETURN = r"""
machines:
  description: One record per machine.
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      node_name: worker-arm-1
      addresses: [192.0.2.11]
      stage: planned
"""


from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC

SITE_VARIABLES = (
    "publish_directory",
    "publish_base_url",
    "publish_put_url",
    "publish_put_base_url",
    "netboot_tftp_directory",
    "netboot_grub_directory",
    "boot_artifacts_source",
)
ARGUMENT_SPEC = {
    **AUTH_ARGUMENT_SPEC,
    "hosts": {"type": "list", "elements": "str"},
    "group": {"type": "list", "elements": "str"},
    "site": {"type": "dict", "options": {name: {"type": "str", "default": ""} for name in SITE_VARIABLES}},
    "roles": {"type": "list", "elements": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="multiarch.openshift.plan runs as an action plugin of the same name, which was not found.")


if __name__ == "__main__":
    main()
