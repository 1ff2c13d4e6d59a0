#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: node_join
short_description: Approve the certificate requests of machines and wait until they are proven nodes
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Follows the certificate signing requests and nodes of a cluster and brings all machines of a run into it at once.
  - A request is approved only if it is proven to be one that a kubelet of a machine of this run makes. Nothing else is
    ever approved, nothing is ever denied, and for each request that is left alone the result has the reason and the
    command that a person would type.
  - A machine is C(proven) when its node is Ready, has the expected architecture, and presents on port 10250 the very
    serving certificate that was issued to it for the addresses that it reports. Where the port cannot be reached it is
    C(joined), with a warning.
  - Each machine has its own deadline, and a machine that fails does not hold up the others. The step itself fails only
    where nothing could be done at all.
  - Shows a line for each event as it happens, and the number of machines in each stage now and then.
  - Runs in Ansible's own process; delegate the task to the web host if O(disarm) is used.
extends_documentation_fragment:
  - multiarch.openshift.auth
  - multiarch.openshift.attributes
options:
  machines:
    description:
      - The machine records, as the P(multiarch.openshift.machines#filter) filter makes them.
      - Records that have failed already pass through untouched.
    type: list
    elements: dict
    required: true
  state:
    description:
      - V(proven) waits until the machines are proven nodes.
      - V(approved) is content with their certificates being issued.
    type: str
    choices: [proven, approved]
    default: proven
  timeout:
    description:
      - Seconds after which a machine is given up, counted from its C(powered_on) where the record has it, else from the
        start of this task.
    type: int
    default: 5400
  max_csr_age:
    description:
      - Seconds after which a request is too old to be approved. A kubelet gives its request up after 900 seconds.
    type: int
    default: 900
  max_approvals:
    description:
      - Most client certificates that are approved for one machine in this run.
    type: int
    default: 3
  ambiguous:
    description:
      - What to do when several young requests with different keys claim one machine, which looks the same for a kubelet
        that was restarted and for somebody who is after the machine's identity.
      - V(fail) approves none of them while they are young.
      - V(newest) approves the newest, with a warning.
    type: str
    choices: [fail, newest]
    default: fail
  bind_credential:
    description:
      - Whether a serving request must have been made with a client certificate that the rules stand for. The API says
        which certificate that was from Kubernetes 1.32 on.
      - V(auto) checks it where the API says it and the certificate's own request is still there, and warns where not.
        A renewed certificate is followed to the first.
      - V(require) refuses what cannot be checked.
      - V(never) does not look.
    type: str
    choices: [auto, require, never]
    default: auto
  probe_kubelet:
    description:
      - Whether the certificate on port 10250 of the machine's own addresses is compared with the one that was issued.
      - V(auto) ends with C(joined) and a warning where the port cannot be reached from here.
      - V(require) waits for the port until the machine's deadline. It is the safer one wherever the port can be reached
        from the host that runs Ansible, for whoever has taken a machine's name can keep the port closed.
      - V(never) does not look, and ends with C(joined).
    type: str
    choices: [auto, require, never]
    default: auto
  deny_addresses:
    description:
      - Addresses and networks that no serving certificate may carry, beside the cluster's virtual addresses and its
        service and cluster networks.
      - On platform C(None) the cluster does not tell the addresses of its API and ingress. They belong here then; as
        long as this is empty there, the result has a warning.
    type: list
    elements: str
    default: []
  deny_names:
    description:
      - DNS names that no serving certificate may carry, beside the cluster's own.
    type: list
    elements: str
    default: []
  account:
    description:
      - V(none) uses the account of the connection for everything.
      - V(temporary) uses it only to make another account, which may do what the join needs and nothing more, and to
        remove that at the end, also after a failure or an interruption. What a run that was killed has left behind is
        removed by the next one. Where there is nothing to join, none is made.
      - The account of the connection then needs the rights of C(docs/rbac-temporary.yml) too.
    type: str
    choices: [none, temporary]
    default: none
  cordon:
    description:
      - Whether a node is cordoned the moment it appears, and uncordoned when it is proven or joined. Only a cordon of
        this module is ever lifted; it is marked by the annotation C(multiarch.openshift/cordoned).
    type: bool
    default: false
  heartbeat:
    description:
      - Seconds between two lines that say how many machines are in which stage.
    type: int
    default: 30
  events_path:
    description:
      - File on the controller to which each event is appended as a line of JSON, as it happens. It is made with mode
        V(0600); M(multiarch.openshift.run_report) makes a report of it.
      - When left out, and in check mode, nothing is written.
    type: path
  report:
    description:
      - Where to write the report of the run so far, with M(multiarch.openshift.run_report), on the host that the task
        is delegated to. It is written once a minute, after a look at the web server (O(watch)), while machines install.
        It needs O(events_path).
      - When left out, none is written. The file of events is enough where it outlives the run.
    type: dict
    suboptions:
      directory:
        description: The folder of the report.
        type: str
        required: true
      served_directory:
        description:
          - A folder that a web server publishes; the report is not written into it.
          - When left out, this is not checked.
        type: str
        default: ""
  disarm:
    description:
      - Arguments of M(multiarch.openshift.netboot_config), without C(machines) and C(state), with which the boot files
        of a machine are withdrawn as soon as its client request is approved, while the others go on. What is left of
        them starts its disk, and goes with C(state) V(absent).
      - When left out, boot files stay where they are.
      - What M(multiarch.openshift.redfish_boot) has put in place for a machine is taken away at the same moment, in any
        case.
    type: dict
  disarm_hosts:
    description:
      - The same for other hosts where boot files of the machines lie, by their names in the inventory.
      - When left out, only the host that the task is delegated to has some.
    type: dict
  watch:
    description:
      - How to look at the web server while machines install, with M(multiarch.openshift.site_watch_info), on the host
        that the task is delegated to. What machines fetch is shown as it happens and explains why one is silent. A
        machine that has fetched rootfs and ignition loses its boot file. The published ignition is fetched and hashed
        every minute; a change is an alarm. One that another run has published is looked at from the moment that the log
        shows a machine fetching it, and known by the hash in its name.
      - When left out, the web server is not looked at.
    type: dict
    suboptions:
      access_log:
        description:
          - Path of the web server's access log.
          - When left out, only the ignition is looked at.
        type: str
        default: ""
      base_url:
        description: The URL of the published folder as machines see it.
        type: str
        default: ""
      published:
        description: The published entries in C(ignition), C(initrds) and C(artifacts).
        type: dict
      since:
        description:
          - When the run began that has armed the machines, for example V(2026-11-25T02:31:36Z). What they fetched
            earlier does not count. A machine with C(powered_on) in its record has a beginning of its own.
          - When left out, half an hour before this task.
        type: str
        default: ""
notes:
  - The account needs C(get), C(list), C(watch) on certificatesigningrequests and nodes, C(update) on
    certificatesigningrequests/approval, C(approve) on the two signers of kubelets, C(get) on the objects C(cluster) of
    config.openshift.io, and C(patch) on nodes where labels, taints or a cordon are used. Each missing right is named
    before anything is done.
  - In check mode the requests are listed once, nothing is approved, and nothing is waited for.
seealso:
  - module: multiarch.openshift.netboot_config
"""

EXAMPLES = r"""
---
- name: Approve the requests of the machines and wait until all are proven nodes
  multiarch.openshift.node_join:
    machines: "{{ multiarch_machines }}"
    timeout: 3600
  register: join

- name: Withdraw boot files while the loop goes on
  multiarch.openshift.node_join:
    machines: "{{ multiarch_machines }}"
    disarm:
      cluster: lab-x7k2p
      directory: /var/www/html
      grub_directory: /var/lib/tftpboot
  delegate_to: "{{ groups['web_host'] | first }}"
  register: join

- name: Say what waits and why, without approving anything
  multiarch.openshift.node_join:
    machines: "{{ multiarch_machines }}"
  check_mode: true
  register: waiting
"""

RETURN = r"""
machines:
  description:
    - The machine records, with C(stage), C(failed), C(reason), C(reason_code), C(hint), C(client_csr), C(serving_csr),
      C(approved_by) and C(proof) brought up to date.
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      node_name: worker-arm-1
      stage: proven
      failed: false
      reason: ""
      hint: ""
      client_csr: csr-lxz5z
      serving_csr: csr-6xxg7
      approved_by: this run
      proof: certificate
approved:
  description: The requests that were approved, or in check mode would be.
  returned: success
  type: list
  elements: dict
  sample:
    - name: csr-lxz5z
      uid: d7b36388-9d7c-495d-8dae-fe22c7ad3cf1
      machine: worker-arm-1
      signer: kubernetes.io/kube-apiserver-client-kubelet
      created: "2026-11-25T02:31:36Z"
      approved_at: "2026-11-25T02:31:36Z"
      seconds: 0.04
rejected:
  description: The entries of C(pending) that claim a machine of this run and are not what its kubelet would send.
  returned: success
  type: list
  elements: dict
  sample: []
near_misses:
  description: Pending requests of new nodes whose name is no machine of this run, and the machine they may come from.
  returned: success
  type: list
  elements: dict
  sample:
    - name: csr-2xbqk
      claimed_node: localhost.localdomain
      age: 41
      likely_machine: worker-arm-3
      why: it is the name of a system without one, and this is the only machine that is still silent
pending:
  description:
    - Every pending request of the two signers at the end, with who asks and since when, what the rules say of it and
      why, and the command with which a person would approve it.
    - C(decision) is C(approve) (in check mode, or where it came too late for the run), C(wait), C(reject) or C(ignore).
  returned: success
  type: list
  elements: dict
  sample:
    - name: csr-2xbqk
      signer: kubernetes.io/kube-apiserver-client-kubelet
      requestor: system:serviceaccount:openshift-machine-config-operator:node-bootstrapper
      node_name: localhost.localdomain
      machine: ""
      age: 41
      decision: ignore
      code: not_inventory
      detail: it is for localhost.localdomain, which is no machine of this run.
      hint: ""
      command: oc adm certificate approve csr-2xbqk
left:
  description: The entries of C(pending) that were left alone.
  returned: success
  type: list
  elements: dict
  sample: []
warnings:
  description: What could not be checked for the run as a whole. Warnings about a machine are in its record.
  returned: success
  type: list
  elements: str
  sample: []
csr_table:
  description: The requests of this run's machines and those still pending, as lines in the columns of C(oc get csr).
  returned: success
  type: list
  elements: str
  sample: []
node_table:
  description: The nodes of this run's machines, as lines in the columns of C(oc get nodes).
  returned: success
  type: list
  elements: str
  sample: []
stopped:
  description: Why nothing could go on, where that happened after the start; empty otherwise.
  returned: success
  type: str
  sample: ""
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._kube import AUTH_ARGUMENT_SPEC

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    **AUTH_ARGUMENT_SPEC,
    "machines": {"type": "list", "elements": "dict", "required": True},
    "state": {"type": "str", "choices": ["proven", "approved"], "default": "proven"},
    "timeout": {"type": "int", "default": 5400},
    "max_csr_age": {"type": "int", "default": 900},
    "max_approvals": {"type": "int", "default": 3},
    "ambiguous": {"type": "str", "choices": ["fail", "newest"], "default": "fail"},
    "bind_credential": {"type": "str", "choices": ["auto", "require", "never"], "default": "auto"},
    "probe_kubelet": {"type": "str", "choices": ["auto", "require", "never"], "default": "auto"},
    "deny_addresses": {"type": "list", "elements": "str", "default": []},
    "deny_names": {"type": "list", "elements": "str", "default": []},
    "account": {"type": "str", "choices": ["none", "temporary"], "default": "none"},
    "cordon": {"type": "bool", "default": False},
    "heartbeat": {"type": "int", "default": 30},
    "events_path": {"type": "path"},
    "report": {
        "type": "dict",
        "options": {
            "directory": {"type": "str", "required": True},
            "served_directory": {"type": "str", "default": ""},
        },
    },
    "disarm": {"type": "dict"},
    "disarm_hosts": {"type": "dict"},
    "watch": {
        "type": "dict",
        "options": {
            "access_log": {"type": "str", "default": ""},
            "base_url": {"type": "str", "default": ""},
            "published": {"type": "dict"},
            "since": {"type": "str", "default": ""},
        },
    },
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(
        msg="multiarch.openshift.node_join runs as an action plugin of the same name, which was not found."
        " Call it by its full name, with the collection installed where Ansible runs."
    )


if __name__ == "__main__":
    main()
