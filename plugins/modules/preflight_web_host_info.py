#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_web_host_info
short_description: Collect what the web host sees of the site
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Looks, from the web host, at the machine-config server, at names and addresses, at the served folder and at the
    source of the boot artifacts. All questions are asked at the same time.
  - Returns facts and judges nothing. M(multiarch.openshift.preflight_info) does that, and runs this module by itself.
  - Needs nothing but Python 3.9 on the web host, and writes nothing there.
options:
  directory:
    description:
      - The folder on the web host that is served.
      - When left out, it is not looked at.
    type: str
    default: ""
  base_url:
    description:
      - The URL of that folder as machines see it.
      - When left out, the server is not asked.
    type: str
    default: ""
  sources:
    description: Addresses of the machine-config server.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: The URL that the ignition names. It is asked by HEAD, since the answer to GET holds a token.
        type: str
        required: true
      accept:
        description: The header C(Accept) that Ignition sends.
        type: str
        required: true
      authorities:
        description: The certificate authorities of the ignition, in PEM.
        type: str
        default: ""
  names:
    description: Node names to resolve.
    type: list
    elements: str
    default: []
  addresses:
    description: Addresses to resolve backwards.
    type: list
    elements: str
    default: []
  artifacts:
    description: What will be published.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name below O(directory).
        type: str
        required: true
      location:
        description: A URL, or a path on the web host.
        type: str
        required: true
  proxy:
    description:
      - Proxy for the sizes of the boot artifacts, and for nothing else.
      - When left out, none is used, whatever the environment says.
    type: str
    default: ""
  installer:
    description:
      - The command of coreos-installer, as M(multiarch.openshift.install_iso) takes it, to ask for its version. Of a
        command of several words, which may start a container, only the first is looked for.
      - When left out, it is not looked for.
    type: list
    elements: str
    default: []
  tftp:
    description:
      - What to look at where this host runs the TFTP server.
      - When left out, nothing.
    type: dict
    suboptions:
      machines:
        description: The machine records.
        type: list
        elements: dict
        required: true
      directory:
        description: The folder of the TFTP server.
        type: str
        default: ""
      grub_directory:
        description: The folder of GRUB's own files.
        type: str
        default: ""
      address:
        description: The address of the TFTP server. One block of the boot loader in the folders is asked for there.
        type: str
        required: true
  timeout:
    description: Seconds after which a question counts as not answered, all of them together.
    type: float
    default: 2.0
extends_documentation_fragment:
  - multiarch.openshift.attributes.info
seealso:
  - module: multiarch.openshift.preflight_info
"""

EXAMPLES = r"""
- name: Look at the site from the web host
  multiarch.openshift.preflight_web_host_info:
    directory: /srv/www/openshift
    base_url: http://192.0.2.5:8080/openshift
    names: [worker-arm-1.example.com]
    addresses: [192.0.2.11]
  delegate_to: web.example.com
  register: site
"""

RETURN = r"""
facts:
  description:
    - What was seen. Answers that did not come in time are null or say so.
  returned: success
  type: dict
  contains:
    time:
      description: The web host's time, in seconds since 1970.
      type: float
      sample: 1795603200.5
    machine_config:
      description: For each of O(sources), C(state), and C(status) and C(not_after) where it answered.
      type: list
      elements: dict
      sample: [{url: "https://api-int.lab.example.com:22623/config/worker", state: answered, status: 200, detail: ""}]
    forward:
      description: The addresses of each name.
      type: dict
      sample: {worker-arm-1.example.com: [192.0.2.11]}
    reverse:
      description: The names of each address.
      type: dict
      sample: {192.0.2.11: [worker-arm-1.example.com]}
    web:
      description: How the server answered for one file of the folder. Null without O(base_url).
      type: dict
      sample: {state: answered, file: /srv/www/openshift/lab/worker.ign, head: 200, range: 206, same: true, local: true}
    folder:
      description: The folder, or the nearest one above that exists. Null without O(directory).
      type: dict
      sample:
        exists: true
        nearest: /srv/www/openshift
        is_directory: true
        writable: true
        free: 53687091200
        device: 64768
        isos: [lab-x7k2p/install-aarch64-5d41402abc4b2a76.iso]
        type: ""
        enforcing: false
    installer:
      description: What coreos-installer says, or the problem. Null without O(installer).
      type: dict
      sample: {said: coreos-installer 0.23.0, problem: "", hint: ""}
    tftp:
      description:
        - The folders, the boot loader found in them, and what the server sends for it. Null without O(tftp), and where
          no machine boots by TFTP.
      type: dict
      sample:
        directories: {/var/lib/tftpboot: {exists: true, writable: true}}
        room: {free: 53687091200, device: 64768, files: [416.94.202405291527-0/aarch64/kernel]}
        address: 192.0.2.5
        loaders: [grubaa64.efi]
        loader: /var/lib/tftpboot/grub/grubaa64.efi
        state: same
        name: grub/grubaa64.efi
        detail: ""
    artifacts:
      description: For each of O(artifacts), whether it is C(present), and its C(size) in bytes where that is known.
      type: list
      elements: dict
      sample: [{name: 416.94.202405291527-0/aarch64/kernel, present: false, size: 12345678}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import look


def main() -> None:
    source = {
        "url": {"type": "str", "required": True},
        "accept": {"type": "str", "required": True},
        "authorities": {"type": "str", "default": ""},
    }
    artifact = {"name": {"type": "str", "required": True}, "location": {"type": "str", "required": True}}
    tftp = {
        "machines": {"type": "list", "elements": "dict", "required": True},
        "directory": {"type": "str", "default": ""},
        "grub_directory": {"type": "str", "default": ""},
        "address": {"type": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "str", "default": ""},
            "base_url": {"type": "str", "default": ""},
            "sources": {"type": "list", "elements": "dict", "default": [], "options": source},
            "names": {"type": "list", "elements": "str", "default": []},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "artifacts": {"type": "list", "elements": "dict", "default": [], "options": artifact},
            "proxy": {"type": "str", "default": ""},
            "installer": {"type": "list", "elements": "str", "default": []},
            "tftp": {"type": "dict", "options": tftp},
            "timeout": {"type": "float", "default": 2.0},
        },
        supports_check_mode=True,
    )
    params = module.params
    facts = look(
        directory=params["directory"],
        base_url=params["base_url"],
        sources=params["sources"],
        names=params["names"],
        addresses=params["addresses"],
        artifacts=params["artifacts"],
        proxy=params["proxy"],
        seconds=params["timeout"],
        installer=params["installer"],
        tftp_questions=params["tftp"],
    )
    module.exit_json(changed=False, facts=facts)


if __name__ == "__main__":
    main()
