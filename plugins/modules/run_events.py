#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_events
short_description: Write down what a run has done, for its report
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Appends events to a file of JSON lines, a batch for all machines in one call. M(multiarch.openshift.node_join)
    appends to the same file while it waits, and M(multiarch.openshift.run_report) makes a report of it.
  - Only what a report shows is written. The file is made with mode V(0600).
  - Runs on the controller, as an action plugin.
options:
  path:
    description:
      - The file of events. Its folder is made where it does not exist.
      - When left out or empty, nothing is written.
    type: path
  step:
    description:
      - V(started) marks where the events of a run begin.
      - V(in_place) is for the moment before anybody waits for machines, when payload, published files and armed
        machines are known.
      - V(ended) has how the run ended for each machine.
    type: str
    choices: [started, in_place, ended]
    required: true
  names:
    description: Names of all machines of the run.
    type: list
    elements: str
    required: true
  machines:
    description: The machine records; none where the run stopped before there were any.
    type: list
    elements: dict
    default: []
  findings:
    description: What M(multiarch.openshift.preflight_info) found; none where it did not come to that.
    type: list
    elements: dict
    default: []
  payload:
    description: What M(multiarch.openshift.payload_info) returned; empty where it did not come to that.
    type: dict
    default: {}
  published:
    description: Published C(ignition), C(initrds) and C(artifacts); empty where it did not come to that.
    type: dict
    default: {}
  join:
    description: What M(multiarch.openshift.node_join) returned; empty where it did not come to that.
    type: dict
    default: {}
  ingress:
    description: What M(multiarch.openshift.ingress_info) returned; empty where it was not asked.
    type: dict
    default: {}
  site_changes:
    description:
      - Folder with what M(multiarch.openshift.site_changes) wrote; empty where it wrote nothing.
    type: str
    default: ""
  verdicts:
    description: What the filter P(multiarch.openshift.verdicts#filter) says of each machine.
    type: dict
    default: {}
  stop:
    description: Why the whole run stopped; empty where it did not.
    type: str
    default: ""
  armed:
    description: Why boot files could not be removed; empty where they were.
    type: str
    default: ""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing anything.
    support: full
    details:
      - In check mode nothing is written.
  diff_mode:
    description: Returns the text that is written when in diff mode.
    support: none
notes:
  - Appended events are no change of the site, so C(changed) is always V(false).
seealso:
  - module: multiarch.openshift.run_report
"""

EXAMPLES = r"""
- name: Note that the run begins
  multiarch.openshift.run_events:
    path: multiarch-report/events.jsonl
    step: started
    names: "{{ ansible_play_hosts_all }}"
  run_once: true
"""

RETURN = r"""
summary:
  description: The run in a few numbers.
  returned: when O(step=ended)
  type: dict
  contains:
    machines:
      description: Machines of the run.
      type: int
    proven:
      description: Those that are proven nodes.
      type: int
    joined:
      description: Those that are nodes without the proof.
      type: int
    unchanged:
      description: Those of both that were so before.
      type: int
    failed:
      description: The others.
      type: int
    failed_machines:
      description: Their names.
      type: list
      elements: str
    stopped:
      description: Why the whole run stopped; empty where it did not.
      type: str
  sample:
    machines: 3
    proven: 2
    joined: 0
    unchanged: 1
    failed: 1
    failed_machines: [worker-arm-3]
    stopped: ""
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path"},
    "step": {"type": "str", "choices": ["started", "in_place", "ended"], "required": True},
    "names": {"type": "list", "elements": "str", "required": True},
    "machines": {"type": "list", "elements": "dict", "default": []},
    "findings": {"type": "list", "elements": "dict", "default": []},
    "payload": {"type": "dict", "default": {}},
    "published": {"type": "dict", "default": {}},
    "join": {"type": "dict", "default": {}},
    "ingress": {"type": "dict", "default": {}},
    "verdicts": {"type": "dict", "default": {}},
    "site_changes": {"type": "str", "default": ""},
    "stop": {"type": "str", "default": ""},
    "armed": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(
        msg="multiarch.openshift.run_events runs as an action plugin of the same name, which was not found."
        " Call it by its full name, with the collection installed where Ansible runs."
    )


if __name__ == "__main__":
    main()
