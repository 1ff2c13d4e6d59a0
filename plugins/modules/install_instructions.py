#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: install_instructions
short_description: Write down how a person installs machines from an ISO
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Writes a text file for each machine that boots from an ISO and that no BMC boots, and one with the texts of all.
  - A text has the ISO's URL and hash and, for machines with C(iso_install) V(by_hand), the exact commands to type in
    the live system's shell, which compare the hash of the ignition.
  - Everything but the commands is a comment, so that a text can be pasted as it is.
  - A machine that cannot be installed that way is marked as failed; the others go on.
options:
  machines:
    description:
      - The machine records, with C(iso_url), as M(multiarch.openshift.install_iso) returns them.
    type: list
    elements: dict
    required: true
  ignition:
    description:
      - The published ignition of each pool, with C(pool), C(hash), C(url) and, where it was uploaded, C(uploaded_url).
    type: list
    elements: dict
    required: true
  isos:
    description:
      - ISOs with their C(sha256), and C(url) or C(uploaded_url), published boot artifacts and customised ones alike.
    type: list
    elements: dict
    required: true
  directory:
    description:
      - Folder for the files, on the host where this module runs. It is made where it does not exist.
      - When left out, no file is written, and RV(texts) is all there is.
    type: path
  show:
    description:
      - Whether the texts are shown as well, as they are, so that commands can be pasted.
    type: bool
    default: false
  certificate_authority:
    description:
      - Certificates in PEM that a machine has to trust before it fetches the ignition by C(https).
      - When left out, nothing is said about it.
    type: str
    default: ''
extends_documentation_fragment:
  - multiarch.openshift.attributes.diff
seealso:
  - module: multiarch.openshift.install_iso
"""

EXAMPLES = r"""
- name: Write down what to type
  multiarch.openshift.install_instructions:
    machines: "{{ made.machines }}"
    ignition: "{{ published.ignition }}"
    isos: "{{ published.artifacts + made.isos }}"
    directory: /home/me/install
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
machines:
  description:
    - The records. Machines that a person installs have the path of their text in C(instructions).
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      instructions: /home/me/install/worker-arm-1.txt
page:
  description: Path of the file with the texts of all; empty where there is none.
  returned: success
  type: str
  sample: /home/me/install/all-machines.txt
texts:
  description: The texts.
  returned: success
  type: list
  elements: str
  sample: ['# Install worker-arm-1 …']
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import write_file
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._install_command import pages

PAGE = "all-machines.txt"

ARGUMENT_SPEC: dict[str, t.Any] = {
    "machines": {"type": "list", "elements": "dict", "required": True},
    "ignition": {"type": "list", "elements": "dict", "required": True},
    "isos": {"type": "list", "elements": "dict", "required": True},
    "directory": {"type": "path"},
    "certificate_authority": {"type": "str", "default": ""},
    # what the action plugin of the same name does
    "show": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    hashes = {
        entry[key]: entry["sha256"] for entry in params["isos"] for key in ("url", "uploaded_url") if entry.get(key)
    }
    texts, problems = pages(
        params["machines"], params["ignition"], hashes, certificate_authority=params["certificate_authority"]
    )
    folder = params["directory"]
    machines = [_marked(machine, folder, texts, problems) for machine in params["machines"]]
    wanted = {os.path.join(folder, f"{name}.txt"): text for name, text in texts.items()} if folder else {}
    if wanted:
        wanted[os.path.join(folder, PAGE)] = f"\n{'#' * 100}\n\n".join(texts.values())
    try:
        lying = {path: _read(path) for path in wanted}
        stale = [path for path, text in wanted.items() if lying[path] != text]
        if not module.check_mode:
            for path in stale:
                write_file(path, wanted[path])
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=f"The folder {folder} cannot be read: {exc.strerror}.")
    result: dict[str, t.Any] = {
        "changed": bool(stale),
        "machines": machines,
        "page": os.path.join(folder, PAGE) if wanted else "",
        "texts": list(texts.values()),
    }
    if module._diff:
        result["diff"] = [{"header": path, "before": lying[path], "after": wanted[path]} for path in stale]
    module.exit_json(**result)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _marked(
    machine: dict[str, t.Any], folder: str | None, texts: t.Mapping[str, str], problems: t.Mapping[str, OperationError]
) -> dict[str, t.Any]:
    name = machine["name"]
    if name in problems:
        problem = problems[name]
        reason = problem.message.rstrip(".")
        return {**machine, "failed": True, "reason_code": "iso", "reason": reason, "hint": problem.hint}
    if name not in texts or not folder:
        return machine
    return {**machine, "instructions": os.path.join(folder, f"{name}.txt")}


if __name__ == "__main__":
    main()
