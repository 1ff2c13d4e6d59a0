#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: site_changes
short_description: Write down what a site's DHCP and DNS servers need for network boot
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Writes fragments for ISC dhcpd, Kea, dnsmasq and BIND, for exactly the machines that boot from the network. Nothing
    is applied anywhere.
  - They hold the boot file for each client architecture (BIOS, UEFI and UEFI HTTP boot, with the C(HTTPClient) that the
    latter wants to hear), iPXE's way to its script, each machine's address and name, and the records both ways.
  - Each file says in its first lines where it belongs and how it is tested.
  - Files of an earlier run that are not needed any more are removed. A file that is not ours, or of
    another cluster, is left alone.
options:
  machines:
    description:
      - The machine records.
    type: list
    elements: dict
    required: true
  cluster:
    description:
      - Infrastructure name of the cluster, for the first line of each file.
    type: str
    required: true
  directory:
    description:
      - Folder for the files, on the host where this module runs. It is made where it does not exist.
      - When left out, no file is written, and RV(texts) is all there is.
    type: path
extends_documentation_fragment:
  - multiarch.openshift.site_services
  - multiarch.openshift.attributes.diff
seealso:
  - module: multiarch.openshift.netboot_config
"""

EXAMPLES = r"""
- name: Write down what the site's servers need
  multiarch.openshift.site_changes:
    machines: "{{ multiarch_machines }}"
    cluster: lab-x7k2p
    directory: /home/me/site-changes
    base_url: http://192.0.2.5:8080/openshift
    tftp_address: 192.0.2.5
    tftp_directory: /srv/tftp
    grub_directory: /srv/tftp/grub
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
files:
  description: Paths of the fragments; empty where no machine boots from the network or O(directory) is left out.
  returned: success
  type: list
  elements: str
  sample: [/home/me/site-changes/dhcpd.conf]
removed:
  description: Paths of fragments of an earlier run that were removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: []
foreign:
  description: Paths where a file that is not ours, or another cluster's, lies. It was left alone.
  returned: success
  type: list
  elements: str
  sample: []
texts:
  description: Text of each fragment by its file name.
  returned: success
  type: dict
  sample:
    dhcpd.conf: "# multiarch.openshift site changes cluster=lab-x7k2p\n"
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import file_diff
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import read_files
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import remove_file
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import write_file
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SITE_SERVICES_SPEC
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import fragments
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import is_fragment
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import site_services

ARGUMENT_SPEC: dict[str, t.Any] = {
    "machines": {"type": "list", "elements": "dict", "required": True},
    "cluster": {"type": "str", "required": True},
    "directory": {"type": "path"},
    **SITE_SERVICES_SPEC,
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    site = site_services(params)
    cluster = params["cluster"]
    texts = fragments(params["machines"], site, cluster=cluster)
    folder = params["directory"]
    wanted = {os.path.join(folder, name): text for name, text in texts.items()} if folder else {}
    try:
        lying = read_files([*wanted, *_others(folder, wanted)])
        foreign = [path for path in wanted if path in lying and not is_fragment(lying[path], cluster)]
        write = {path: text for path, text in wanted.items() if lying.get(path) != text and path not in foreign}
        remove = sorted(path for path, text in lying.items() if path not in wanted and is_fragment(text, cluster))
        if not module.check_mode:
            for path, text in write.items():
                write_file(path, text)
            for path in remove:
                remove_file(path)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    for path in foreign:
        module.warn(
            f"{path} is not ours, or another cluster's, and was left alone: remove it, or set"
            " prepare_netboot_site_changes to another folder."
        )
    result: dict[str, t.Any] = {
        "changed": bool(write or remove),
        "files": [path for path in wanted if path not in foreign],
        "removed": remove,
        "foreign": foreign,
        "texts": texts,
    }
    if module._diff:
        result["diff"] = [file_diff(path, lying.get(path, ""), write.get(path, "")) for path in (*write, *remove)]
    module.exit_json(**result)


def _others(folder: str | None, wanted: t.Container[str]) -> list[str]:
    """Files of the folder that an earlier run may have left."""
    if not folder or not os.path.isdir(folder):
        return []
    try:
        paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError as exc:
        raise OperationError(f"The folder {folder} cannot be read: {exc.strerror}.") from exc
    return [path for path in paths if path not in wanted and path.endswith((".conf", ".json", ".zone"))]


if __name__ == "__main__":
    main()
