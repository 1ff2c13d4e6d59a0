#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: install_iso
short_description: Make the ISOs that install machines by themselves
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Gives copies of the published RHCOS live ISO what their installer has to know, with C(coreos-installer iso
    customize). Of each machine these are the URL and hash of the ignition, the disk, consoles, kernel arguments and
    network.
  - Machines that differ in nothing but their network share one ISO. Its keyfiles know each NIC by its MAC address.
  - The ignition stays outside. The installer fetches it and compares its hash, so there is no secret in an ISO.
  - Before anything is written, the ISO is asked whether its live system knows what it will be told, and whether there
    is room for it.
  - An ISO's name changes with everything that goes in. One that lies there whole is not made again.
  - A machine whose ISO cannot be made is marked as failed; the others go on.
  - Machines with C(iso_install) V(by_hand) get the URL of the published ISO as it is.
options:
  machines:
    description:
      - The machine records, as the P(multiarch.openshift.machines#filter) filter makes them. Those count that boot from
        an ISO, are to be armed and have not failed.
    type: list
    elements: dict
    required: true
  cluster:
    description:
      - Infrastructure name of the cluster. The ISOs go to a folder of that name.
    type: str
    required: true
  ignition:
    description:
      - The published ignition of each pool, with C(pool), C(hash) and C(url), or C(uploaded_url) for machines that a
        person installs.
    type: list
    elements: dict
    required: true
  artifacts:
    description:
      - The published boot artifacts. Those of the kind V(iso) count, with C(architecture), C(release), C(name),
        C(sha256) and C(url), or C(uploaded_url) for machines that a person installs.
    type: list
    elements: dict
    required: true
  directory:
    description:
      - The folder on this host where boot artifacts lie below release and architecture. Everything that is read and
        written lies below it. Empty where no ISO is to be made.
    type: path
    required: true
  base_url:
    description:
      - URL of O(directory) as the machines, or their BMCs, see it.
    type: str
    required: true
  certificate_authority:
    description:
      - Certificates in PEM that the live system trusts before it fetches the ignition by C(https).
      - When left out, it trusts what RHCOS trusts.
    type: str
    default: ''
  command:
    description:
      - The coreos-installer program, 0.12.0 or later, and what stands before its arguments.
    type: list
    elements: str
    default: [coreos-installer]
extends_documentation_fragment:
  - multiarch.openshift.attributes.diff
seealso:
  - module: multiarch.openshift.install_instructions
  - module: multiarch.openshift.redfish_boot
"""

EXAMPLES = r"""
- name: Make the ISOs
  multiarch.openshift.install_iso:
    machines: "{{ multiarch_machines }}"
    cluster: lab-x7k2p
    ignition: "{{ published.ignition }}"
    artifacts: "{{ published.artifacts }}"
    directory: /var/www/openshift
    base_url: http://192.0.2.5:8080/openshift
  delegate_to: web
  run_once: true
  register: made

- name: Make them with the program's container
  multiarch.openshift.install_iso:
    machines: "{{ multiarch_machines }}"
    cluster: lab-x7k2p
    ignition: "{{ published.ignition }}"
    artifacts: "{{ published.artifacts }}"
    directory: /var/www/openshift
    base_url: http://192.0.2.5:8080/openshift
    command:
      - podman
      - run
      - --rm
      - --security-opt=label=disable
      - --volume=/var/www/openshift:/var/www/openshift
      - quay.io/coreos/coreos-installer:release
  delegate_to: web
  run_once: true
"""

RETURN = r"""
machines:
  description:
    - The records. Machines that boot from an ISO have its C(iso_url), and C(iso), its name below O(directory).
    - A machine whose ISO cannot be made has C(failed), C(reason) and C(hint), and C(reason_code) V(iso).
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      iso: lab-x7k2p/install-aarch64-9a71c02f5b1de603.iso
      iso_url: http://192.0.2.5:8080/openshift/lab-x7k2p/install-aarch64-9a71c02f5b1de603.iso
isos:
  description: One entry for each customised ISO.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name below O(directory).
      type: str
    path:
      description: Path on this host.
      type: str
    url:
      description: Its URL.
      type: str
    sha256:
      description: Its hash; empty in check mode where it would be made.
      type: str
    architecture:
      description: Its architecture.
      type: str
    machines:
      description: Names of the machines that it installs.
      type: list
      elements: str
  sample:
    - name: lab-x7k2p/install-aarch64-9a71c02f5b1de603.iso
      path: /var/www/openshift/lab-x7k2p/install-aarch64-9a71c02f5b1de603.iso
      url: http://192.0.2.5:8080/openshift/lab-x7k2p/install-aarch64-9a71c02f5b1de603.iso
      sha256: 5d41402a…
      architecture: aarch64
      machines: [worker-arm-1, worker-arm-2]
artifacts:
  description: The ISOs as M(multiarch.openshift.artifact_publish) takes them, to have verified what the server returns.
  returned: success
  type: list
  elements: dict
  sample:
    - name: lab-x7k2p/install-aarch64-9a71c02f5b1de603.iso
      kind: iso
      remote_file: /var/www/openshift/lab-x7k2p/install-aarch64-9a71c02f5b1de603.iso
      sha256: 5d41402a…
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._arming import check_machines_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import Customization
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import apart
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import check_room
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import customization
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import described
from ansible_collections.multiarch.openshift.plugins.module_utils._customization import shared
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._iso import read_iso
from ansible_collections.multiarch.openshift.plugins.module_utils._iso_build import Installer
from ansible_collections.multiarch.openshift.plugins.module_utils._iso_build import build_iso
from ansible_collections.multiarch.openshift.plugins.module_utils._iso_build import lying_sha256
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import address_for
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import published_name

ARGUMENT_SPEC: dict[str, t.Any] = {
    "machines": {"type": "list", "elements": "dict", "required": True},
    "cluster": {"type": "str", "required": True},
    "ignition": {"type": "list", "elements": "dict", "required": True},
    "artifacts": {"type": "list", "elements": "dict", "required": True},
    "directory": {"type": "path", "required": True},
    "base_url": {"type": "str", "required": True},
    "certificate_authority": {"type": "str", "default": ""},
    "command": {"type": "list", "elements": "str", "default": ["coreos-installer"]},
}


class _Isos:
    """The ISOs of one call: what there is, what is made, and what became of the machines."""

    def __init__(self, params: t.Mapping[str, t.Any], *, check_mode: bool) -> None:
        self._params = params
        self._check_mode = check_mode
        self._installer = Installer(params["command"])
        self._version_is_good = False
        self.machines = {machine["name"]: dict(machine) for machine in params["machines"]}
        self.made: list[dict[str, t.Any]] = []
        self.diff: list[dict[str, str]] = []

    def run(self) -> None:
        params = self._params
        wanted: list[Customization] = []
        for machine in list(self.machines.values()):
            if machine["boot_method"] != "iso" or machine["failed"] or machine.get("arm") is False:
                continue
            try:
                if machine["iso_install"] == "by_hand":
                    artifact = self._artifact(machine)
                    url = address_for(machine, artifact)
                    self._keep([machine["name"]], published_name(artifact), url, changed=False)
                else:
                    authority = params["certificate_authority"]
                    wanted.append(customization(machine, params["ignition"], certificate_authority=authority))
            except OperationError as exc:
                self._fail([machine["name"]], exc)
        for one in shared(wanted, apart(self.machines.values())):
            try:
                self._provide(one)
            except OperationError as exc:
                self._fail(one.machines, exc)

    def _provide(self, wanted: Customization) -> None:
        params = self._params
        artifact = self._artifact(self.machines[wanted.machines[0]])
        base = os.path.join(params["directory"], published_name(artifact))
        name = f"{params['cluster']}/{wanted.name(artifact['sha256'])}"
        path, url = os.path.join(params["directory"], name), f"{params['base_url'].rstrip('/')}/{name}"
        sha256 = lying_sha256(path)
        changed = sha256 is None
        if changed:
            # in check mode the base may not have been published yet
            if not self._check_mode or os.path.exists(base):
                check_room(read_iso(base), wanted, artifact["name"])
            self._check_installer()
            sha256 = "" if self._check_mode else build_iso(self._installer, base, wanted, path)
            self.diff.append({"header": path, "before": "", "after": described(wanted)})
        self._keep(wanted.machines, name, url, changed=changed)
        self.made.append(
            {
                "name": name,
                "path": path,
                "url": url,
                "sha256": sha256,
                "architecture": wanted.architecture,
                "machines": list(wanted.machines),
                "changed": changed,
            }
        )

    def _check_installer(self) -> None:
        if not self._version_is_good:
            self._installer.check_version()
            self._version_is_good = True

    def _artifact(self, machine: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
        wanted = (machine["architecture"], "iso")
        for entry in self._params["artifacts"]:
            if (entry["architecture"], entry["kind"]) == wanted and address_for(machine, entry):
                return t.cast("t.Mapping[str, t.Any]", entry)
        raise OperationError(f"No ISO for {wanted[0]} is published.", "Publish the boot artifacts first.")

    def _keep(self, names: t.Iterable[str], iso: str, url: str, *, changed: bool) -> None:
        for name in names:
            machine = self.machines[name]
            machine.update(iso=iso, iso_url=url, changed=bool(machine.get("changed") or changed))

    def _fail(self, names: t.Iterable[str], problem: OperationError) -> None:
        for name in names:
            self.machines[name].update(
                failed=True, reason_code="iso", reason=problem.message.rstrip("."), hint=problem.hint
            )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    isos = _Isos(module.params, check_mode=module.check_mode)
    try:
        check_machines_cluster(module.params["machines"], module.params["cluster"])
        isos.run()
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    result: dict[str, t.Any] = {
        "changed": any(iso["changed"] for iso in isos.made),
        "machines": list(isos.machines.values()),
        "isos": [{key: value for key, value in iso.items() if key != "changed"} for iso in isos.made],
        "artifacts": [
            {"name": iso["name"], "kind": "iso", "remote_file": iso["path"], "sha256": iso["sha256"]}
            for iso in isos.made
            if iso["sha256"]
        ],
    }
    if module._diff:
        result["diff"] = isos.diff
    module.exit_json(**result)


if __name__ == "__main__":
    main()
