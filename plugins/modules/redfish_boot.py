#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: redfish_boot
short_description: Boot machines once from the network or from an ISO through their BMCs
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Talks Redfish to the BMCs of all machines at the same time, and shows a line for each event.
  - Before anything is powered, inserted or set, the BMC must prove to be the machine's. It must list one of the
    machine's MAC addresses, or its UUID in either byte order, and processors of its architecture. The variable
    C(machine_bmc_identity=unchecked) vouches for a machine instead.
  - A machine that runs is never restarted, unless its C(machine_power_policy) is V(restart).
  - A machine whose node exists (C(arm) is false in its record), and one that has failed already, are left alone. From
    the drives of a node, media of ours that an earlier run has left are ejected.
  - What fails for one machine marks that machine as failed. The task itself fails only where its arguments are wrong.
  - User and password are read from the variables C(machine_bmc_username) and C(machine_bmc_password) of each machine,
    and its CA from C(machine_bmc_ca_path). They are in no argument, result, record or message.
  - Runs in Ansible's own process, on the controller.
extends_documentation_fragment:
  - multiarch.openshift.attributes
options:
  machines:
    description:
      - The machine records, as the P(multiarch.openshift.machines#filter) filter makes them. Those without C(bmc_url)
        pass through untouched.
      - With O(state=booted) they must have been through M(multiarch.openshift.existing_node_info), which knows the
        machines that are nodes already. Others are an error, before any BMC is asked.
      - A machine that boots from an ISO needs its URL as C(iso_url).
    type: list
    elements: dict
    required: true
  state:
    description:
      - With V(booted), machines that boot from the network are set to do so once. Of the others, the virtual drives
        are emptied, their ISO is inserted, and they are set to boot from it once. Then all are powered on.
      - With V(disarmed), media of ours are ejected and boot overrides of ours are cleared. Power is never touched.
      - With V(checked), each BMC is only asked whether it can be reached and is the machine's. C(bmc_power) in its
        record then says whether the machine is on.
    type: str
    choices: [booted, disarmed, checked]
    default: booted
  base_url:
    description:
      - Media whose URL lies below this one are ours, so that what a killed run has left is ejected too, with
        O(state=disarmed), and from the drives of nodes with O(state=booted).
      - When left out, only the image that is named in the record is.
    type: str
    default: ""
  ca_path:
    description:
      - File on the controller with the authority of the certificate of the server that the ISOs lie on. Where a BMC's
        drive has certificates of its own, it is added to them before an ISO is fetched by C(https), and the drive is
        told to verify. It stays there.
      - When left out, the drives are left as they are. Of one that does not verify a warning tells.
    type: str
    default: ""
  site:
    description:
      - What M(multiarch.openshift.site_watch_info) has returned. A machine that is on and has no boot file, but has
        fetched rootfs and ignition below O(base_url), was started by a run that was killed; it is left alone, and its
        requests are waited for.
      - When left out, such a machine is marked as failed for being on.
    type: dict
  request_timeout:
    description: Seconds that a BMC has for one answer, unless the step itself has longer.
    type: int
    default: 60
  media_timeout:
    description: Seconds that a BMC has to insert or eject an image.
    type: int
    default: 300
  power_timeout:
    description: Seconds that a BMC has to change the power.
    type: int
    default: 120
  parallel:
    description: How many BMCs are talked to at the same time.
    type: int
    default: 16
  events_path:
    description:
      - File on the controller to which what a BMC has done is appended as a line of JSON, as it happens.
        M(multiarch.openshift.run_report) makes a report of it.
      - When left out, and in check mode, nothing is written.
    type: path
attributes:
  check_mode:
    details:
      - The BMCs are asked everything that is asked before a change. C(would) in each record then says what would be
        done.
  diff_mode:
    support: none
notes:
  - Certificates are always verified. C(machine_bmc_ca_path) may hold the CA of the BMC's certificate, or that very
    certificate, which then may name any host, as those do that BMCs come with.
  - The client is the collection's own, on Python's standard library. The library C(sushy) was considered. It sends a
    restart again when an answer is lost, takes proxies and C(.netrc) from the environment, and cannot trust a BMC's own
    certificate.
  - A request with a wrong password is never repeated, since BMCs lock accounts.
seealso:
  - module: multiarch.openshift.existing_node_info
  - module: multiarch.openshift.netboot_config
  - module: multiarch.openshift.node_join
"""

EXAMPLES = r"""
---
- name: Ask all BMCs whether they are the machines' own
  multiarch.openshift.redfish_boot:
    machines: "{{ multiarch_machines }}"
    state: checked
  run_once: true
  register: checked

- name: Look for nodes that exist
  multiarch.openshift.existing_node_info:
    machines: "{{ multiarch_machines }}"
  delegate_to: localhost
  run_once: true
  register: guarded

- name: Boot all machines that have a BMC
  multiarch.openshift.redfish_boot:
    machines: "{{ guarded.machines }}"
  run_once: true
  register: booted

- name: Take away what is still in place
  multiarch.openshift.redfish_boot:
    machines: "{{ booted.machines }}"
    state: disarmed
    base_url: http://192.0.2.2:8080/openshift
  run_once: true
"""

RETURN = r"""
machines:
  description:
    - The machine records, with C(powered_on), the time at which a machine was powered on, C(bmc), what was put in
      place, C(would), what check mode would do, C(bmc_power) (V(on), V(off) or V(unknown)), and C(failed), C(reason),
      C(reason_code) and C(hint).
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      stage: armed
      failed: false
      powered_on: "2026-11-25T02:31:36Z"
      bmc: {system: /redfish/v1/Systems/1, media: "", target: Pxe}
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "machines": {"type": "list", "elements": "dict", "required": True},
    "state": {"type": "str", "choices": ["booted", "disarmed", "checked"], "default": "booted"},
    "base_url": {"type": "str", "default": ""},
    "ca_path": {"type": "str", "default": ""},
    "site": {"type": "dict"},
    "request_timeout": {"type": "int", "default": 60},
    "media_timeout": {"type": "int", "default": 300},
    "power_timeout": {"type": "int", "default": 120},
    "parallel": {"type": "int", "default": 16},
    "events_path": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(
        msg="multiarch.openshift.redfish_boot runs as an action plugin of the same name, which was not found."
        " Call it by its full name, with the collection installed where Ansible runs."
    )


if __name__ == "__main__":
    main()
