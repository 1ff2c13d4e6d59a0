#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Check cluster and site before any machine is touched
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Asks the cluster from Ansible's own process, then runs M(multiarch.openshift.preflight_web_host_info) on the host
    that the task is delegated to, which is to be the web host. Two conversations for all machines, however many.
  - Shows one table with a row per check. A row is V(ok), V(warn) or V(fail), and says what to do.
  - All checks run even when one fails. A question that is not answered is a failed check of its own.
  - Writes nothing anywhere. Does not fail by itself, but for wrong arguments; RV(stops) says what should stop a run.
options:
  machines:
    description: The machine records.
    type: list
    elements: dict
    required: true
  fatal:
    description:
      - Names of the checks that stop a run when they fail.
      - When left out, none does.
    type: list
    elements: str
    default: []
  directory:
    description:
      - The folder on the web host that its HTTP server serves.
      - When left out, folder and server are not looked at.
    type: str
    default: ""
  base_url:
    description:
      - The URL of that folder as machines see it.
      - When left out, the server is not asked.
    type: str
    default: ""
  source:
    description: Where boot artifacts come from, as M(multiarch.openshift.boot_artifact_info) takes it.
    type: str
    default: stream
  stream:
    description: Name of the stream, where the cluster has several.
    type: str
    default: ""
  download_proxy:
    description:
      - Proxy for downloads, used to learn their sizes. The cluster is asked by O(proxy).
      - When left out, none is used, whatever the environment says.
    type: str
    default: ""
  account:
    description: As M(multiarch.openshift.node_join) will be given it; V(temporary) needs more rights.
    type: str
    choices: [none, temporary]
    default: none
  cordon:
    description: As M(multiarch.openshift.node_join) will be given it; it needs the right to change nodes.
    type: bool
    default: false
  exec:
    description: As for M(multiarch.openshift.payload_info).
    type: bool
    default: false
  release_metadata:
    description: As for M(multiarch.openshift.payload_info).
    type: json
  bmc_checked:
    description:
      - What M(multiarch.openshift.redfish_boot) with C(state=checked) returned as C(machines).
      - When left out, the table has no row for BMCs.
    type: list
    elements: dict
    default: []
  installer:
    description:
      - The command of coreos-installer on the web host, as M(multiarch.openshift.install_iso) takes it.
      - When left out, it is not looked for. It is not either where no ISO is made for a machine.
    type: list
    elements: str
    default: []
  tftp_host:
    description:
      - Name of the host that runs the TFTP server, for the table.
      - When left out, TFTP is not looked at.
    type: str
    default: ""
  tftp_directory:
    description: The folder of the TFTP server where boot files and artifacts are written.
    type: str
    default: ""
  grub_directory:
    description: The folder of GRUB's own files there.
    type: str
    default: ""
  tftp_address:
    description: The address of the TFTP server.
    type: str
    default: ""
  tftp_seen:
    description:
      - RV(seen), which this module returned with O(look) V(tftp_host), delegated to that host.
      - When left out, O(tftp_host) is the web host and is asked with it.
    type: dict
  look:
    description:
      - With V(tftp_host) the task is delegated to O(tftp_host), and only that host is asked. Nothing is shown.
    type: str
    choices: [all, tftp_host]
    default: all
  put_url:
    description:
      - The server that files are sent to by PUT, as M(multiarch.openshift.artifact_publish) takes it. It is asked from
        where Ansible runs, by C(OPTIONS) or C(HEAD).
      - When left out, it is not asked. It is not either where no machine takes files from there.
    type: str
    default: ""
  put_username:
    description: User for O(put_url).
    type: str
    default: ""
  put_password:
    description: Password of that user.
    type: str
    default: ""
  put_token:
    description: Bearer token for O(put_url), instead of a user.
    type: str
    default: ""
  put_ca_path:
    description:
      - File with the certificates that O(put_url) is verified by, beside the system's own. ISOs of machines that fetch
        by https are told to trust them, so it tells those that lie there already.
    type: str
    default: ""
  timeout:
    description: Seconds that the web host has for all its questions together.
    type: float
    default: 2.0
extends_documentation_fragment:
  - multiarch.openshift.auth
  - multiarch.openshift.attributes.info
seealso:
  - module: multiarch.openshift.preflight_web_host_info
"""

EXAMPLES = r"""
- name: Check cluster and site
  multiarch.openshift.preflight_info:
    machines: "{{ hostvars | multiarch.openshift.machines(groups['arm_workers']) }}"
    directory: /srv/www/openshift
    base_url: http://192.0.2.5:8080/openshift
    fatal: [cluster, access, payload]
  delegate_to: web.example.com
  run_once: true
  register: preflight

- name: Stop where that is of no use
  ansible.builtin.assert:
    that: preflight.stops | length == 0
    fail_msg: "{{ preflight.message }}"
  run_once: true
"""

RETURN = r"""
findings:
  description: One entry per check.
  returned: success
  type: list
  elements: dict
  contains:
    check:
      description: Its name, as in O(fatal).
      type: str
      sample: machine_config_server
    verdict:
      description: V(ok), V(warn) or V(fail).
      type: str
      sample: warn
    sentence:
      description: What was found.
      type: str
      sample: https://api-int.lab.example.com:22623/config/worker is not reachable from web.example.com.
    to_do:
      description: What to do about it; may be empty.
      type: str
      sample: Check DNS of api-int, load balancer and firewall for port 22623.
    machines:
      description: Names of the machines that it is about; empty where it is about all or none.
      type: list
      elements: str
      sample: []
table:
  description: The findings as lines of at most 100 columns.
  returned: success
  type: list
  elements: str
  sample: ["ok    payload  The payload 4.18.3 is multi-architecture, says ReleaseAccepted."]
stops:
  description: The failed checks among O(fatal).
  returned: success
  type: list
  elements: str
  sample: []
message:
  description: One line that says why the run stops; empty where it goes on.
  returned: success
  type: str
  sample: ""
seen:
  description: What the TFTP host answered, to be judged with the rest.
  returned: with O(look) V(tftp_host)
  type: dict
  sample: {facts: {tftp: {directories: {/var/lib/tftpboot: {exists: true, writable: true}}}}}
machines:
  description: O(machines), with C(cluster) set where the cluster answered.
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      cluster: {name: lab-x7k2p, uid: 1f96e9e9-83d0-4310-baca-ef36fd539304}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    **AUTH_ARGUMENT_SPEC,
    "machines": {"type": "list", "elements": "dict", "required": True},
    "fatal": {"type": "list", "elements": "str", "default": []},
    "directory": {"type": "str", "default": ""},
    "base_url": {"type": "str", "default": ""},
    "source": {"type": "str", "default": "stream"},
    "stream": {"type": "str", "default": ""},
    "download_proxy": {"type": "str", "default": ""},
    "account": {"type": "str", "choices": ["none", "temporary"], "default": "none"},
    "cordon": {"type": "bool", "default": False},
    "exec": {"type": "bool", "default": False},
    "release_metadata": {"type": "json"},
    "bmc_checked": {"type": "list", "elements": "dict", "default": []},
    "installer": {"type": "list", "elements": "str", "default": []},
    "tftp_host": {"type": "str", "default": ""},
    "tftp_directory": {"type": "str", "default": ""},
    "grub_directory": {"type": "str", "default": ""},
    "tftp_address": {"type": "str", "default": ""},
    "tftp_seen": {"type": "dict"},
    "look": {"type": "str", "choices": ["all", "tftp_host"], "default": "all"},
    "put_url": {"type": "str", "default": ""},
    "put_username": {"type": "str", "default": ""},
    "put_password": {"type": "str", "default": "", "no_log": True},
    "put_token": {"type": "str", "default": "", "no_log": True},
    "put_ca_path": {"type": "str", "default": ""},
    "timeout": {"type": "float", "default": 2.0},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(
        msg="multiarch.openshift.preflight_info runs as an action plugin of the same name, which was not found."
        " Call it by its full name, with the collection installed where Ansible runs."
    )


if __name__ == "__main__":
    main()
