#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netboot_dhcp
short_description: Let dnsmasq on this host serve machines that boot from the network
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Writes one file of its own into dnsmasq's folder of configuration files, for exactly the machines that boot from the
    network, and restarts dnsmasq. Other machines of the network get no answer by it.
  - Stops where another DHCP server runs or is enabled on this host, and where the file is not ours.
  - Lines of machines that are not among O(machines) are kept, unless these have one of their MACs or addresses.
  - dnsmasq checks the file before it is put in place. If dnsmasq does not start with it, what was there before is put
    back and dnsmasq is started again.
options:
  machines:
    description:
      - The machine records. With O(state=absent) they are not looked at.
    type: list
    elements: dict
    default: []
  cluster:
    description:
      - Infrastructure name of the cluster. It stands in the first line of the file.
    type: str
    required: true
  state:
    description:
      - V(absent) removes the file, if it is ours.
    type: str
    choices: [present, absent]
    default: present
  path:
    description:
      - The file.
    type: path
    required: true
  restart:
    description:
      - The command that restarts dnsmasq, which reads the file only when it starts.
      - If empty, nothing is restarted, and a warning says so.
    type: list
    elements: str
    default: [systemctl, restart, dnsmasq]
extends_documentation_fragment:
  - multiarch.openshift.site_services
  - multiarch.openshift.attributes.diff
seealso:
  - module: multiarch.openshift.site_changes
"""

EXAMPLES = r"""
- name: Let dnsmasq serve the machines
  multiarch.openshift.netboot_dhcp:
    machines: "{{ multiarch_machines }}"
    cluster: lab-x7k2p
    path: /etc/dnsmasq.d/multiarch-lab-x7k2p.conf
    base_url: http://192.0.2.5:8080/openshift
  delegate_to: web
  run_once: true

- name: Let it serve them no more
  multiarch.openshift.netboot_dhcp:
    state: absent
    cluster: lab-x7k2p
    path: /etc/dnsmasq.d/multiarch-lab-x7k2p.conf
  delegate_to: web
  run_once: true
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
  sample: /etc/dnsmasq.d/multiarch-lab-x7k2p.conf
restarted:
  description: Whether dnsmasq was restarted, or in check mode would be.
  returned: success
  type: bool
  sample: true
outside:
  description: Addresses of machines in none of this host's networks. dnsmasq needs a C(dhcp-range) of yours for them.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os
import pathlib
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import file_diff
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import read_files
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import remove_file
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import write_file
from ansible_collections.multiarch.openshift.plugins.module_utils._dhcp_servers import connected_networks
from ansible_collections.multiarch.openshift.plugins.module_utils._dhcp_servers import other_dhcp_servers
from ansible_collections.multiarch.openshift.plugins.module_utils._dnsmasq_file import dnsmasq_file
from ansible_collections.multiarch.openshift.plugins.module_utils._dnsmasq_file import first_line
from ansible_collections.multiarch.openshift.plugins.module_utils._dnsmasq_file import is_ours
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import SITE_SERVICES_SPEC
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import gaps
from ansible_collections.multiarch.openshift.plugins.module_utils._site_changes import site_services

ARGUMENT_SPEC: dict[str, t.Any] = {
    "machines": {"type": "list", "elements": "dict", "default": []},
    "cluster": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "path", "required": True},
    "restart": {"type": "list", "elements": "str", "default": ["systemctl", "restart", "dnsmasq"]},
    **SITE_SERVICES_SPEC,
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    path = module.params["path"]
    try:
        before = read_files([path]).get(path)
        if before is not None and not is_ours(before, module.params["cluster"]):
            raise OperationError(
                f"{path} is not ours and was left alone: its first line is not"
                f" {first_line(module.params['cluster'])!r}.",
                "Look at it; remove it, or set prepare_netboot_dhcp_path to another file.",
            )
        after, outside = ("", []) if module.params["state"] == "absent" else _wanted(module, before or "")
        changed = after != (before or "")
        if changed and not module.check_mode:
            _put(module, path, before or "", after)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    if outside:
        module.warn(
            f"{', '.join(outside)}: no network of this host holds that address, so dnsmasq serves it only with a"
            " dhcp-range of yours, for a relay."
        )
    for gap in gaps(module.params["machines"], site_services(module.params)):
        module.warn(gap)
    if changed and not module.params["restart"]:
        module.warn(f"dnsmasq reads {path} when it starts, and was not restarted: restart it.")
    result: dict[str, t.Any] = {
        "changed": changed,
        "path": path,
        "restarted": changed and bool(module.params["restart"]),
        "outside": outside,
    }
    if module._diff:
        result["diff"] = [file_diff(path, before or "", after)] if changed else []
    module.exit_json(**result)


def _wanted(module: AnsibleModule, before: str) -> tuple[str, list[str]]:
    params = module.params
    others = other_dhcp_servers()
    if others:
        raise OperationError(
            f"dnsmasq was not told to answer DHCP on this host: {'; '.join(others)}.",
            "Take over what the machines need from the folder site-changes, and set prepare_netboot_dhcp: false.",
        )
    if not os.path.isdir(os.path.dirname(params["path"])):
        raise OperationError(
            f"{os.path.dirname(params['path'])} does not exist on this host.",
            "Install dnsmasq there, or set prepare_netboot_dhcp_path to a file that its configuration includes.",
        )
    try:
        routes = pathlib.Path("/proc/net/route").read_text()
    except OSError as exc:
        raise OperationError(f"The networks of this host cannot be read: {exc.strerror}.") from exc
    site = site_services(params)
    text, outside = dnsmasq_file(
        params["machines"], site, cluster=params["cluster"], lying=before, networks=connected_networks(routes)
    )
    if text != before:
        _check(module, text)
    return text, outside


def _check(module: AnsibleModule, text: str) -> None:
    """dnsmasq's own opinion, before the file lies where it counts."""
    program = module.get_bin_path("dnsmasq", opt_dirs=["/usr/sbin", "/sbin"])
    if program is None:
        raise OperationError("There is no dnsmasq on this host.", "Install it, or set prepare_netboot_dhcp: false.")
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        code, _out, said = module.run_command([program, "--test", f"--conf-file={file.name}"])
    if code != 0:
        raise OperationError(
            f"dnsmasq does not take what was to be written to {module.params['path']}, where nothing was changed:"
            f" {said.strip()}.",
            "Correct what it names in the inventory; if that is a machine which is no longer there, remove its lines"
            " from the file.",
        )


def _put(module: AnsibleModule, path: str, before: str, after: str) -> None:
    """Write and restart; where that fails, as it was."""
    _lay(path, after)
    restart = module.params["restart"]
    if not restart:
        return
    code, out, said = module.run_command(restart)
    if code != 0:
        _lay(path, before)
        module.run_command(restart)
        raise OperationError(
            f"dnsmasq did not start with {path}, which was taken back ({' '.join(restart)}: {(said or out).strip()}).",
            "Look at its log (journalctl -u dnsmasq).",
        )


def _lay(path: str, text: str) -> None:
    if text:
        write_file(path, text)
    else:
        remove_file(path)


if __name__ == "__main__":
    main()
