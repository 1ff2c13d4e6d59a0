#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netboot_config
short_description: Arm and disarm machines for network boot
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Writes the boot files of all machines in one call, one for each MAC address, on the host whose server hands them
    out.
  - GRUB (64-bit ARM) gets C(grub.cfg-01-<mac>), iPXE C(<mac>.ipxe), PXELINUX (x86_64) C(pxelinux.cfg/01-<mac>).
  - A machine whose C(bmc_power) is V(on), as M(multiarch.openshift.redfish_boot) has found it, and whose
    C(power_policy) is not V(restart), is not armed anew. It is left alone with what lies there.
  - A machine that must not be armed, because a node of it exists or because it boots by other means, loses the boot
    files that an earlier run left for it.
  - Only files that are absent, or that carry the marker of this collection for the same cluster, are written or
    removed. A file of the site in the place of a machine's boot file marks this machine as failed; the others go on.
  - A machine whose boot file would not work (kernel line too long, no install device, nothing published for it, …) is
    marked as failed and left without boot files.
  - Consoles go onto the installer's own line. The installed system gets them, and its kernel arguments, by the initrd
    that M(multiarch.openshift.ignition_initrd) makes, so only with C(ignition_delivery) V(verified).
options:
  machines:
    description:
      - The machine records, as the P(multiarch.openshift.machines#filter) filter makes them.
      - With O(state=absent) the keys C(name) and C(macs) are enough.
    type: list
    elements: dict
    required: true
  cluster:
    description:
      - Infrastructure name of the cluster. It stands in the marker of every boot file.
    type: str
    required: true
  state:
    description:
      - V(present) arms the machines.
      - V(absent) removes their boot files, whatever their state, and never marks a machine as failed.
      - V(local_boot) does the same, but for GRUB by TFTP and PXELINUX, which would wait for somebody without a file
        where the site has none for all machines, and get a file that starts the machine from its disk. V(absent) takes
        it away.
    type: str
    choices: [present, absent, local_boot]
    default: present
  ignition:
    description:
      - The published ignition of each pool, with C(pool), C(hash) and C(url).
    type: list
    elements: dict
    default: []
  artifacts:
    description:
      - The published kernel, initramfs and rootfs of each architecture, with C(architecture), C(kind), C(release),
        C(url) and, for machines that boot by TFTP, C(tftp_path).
      - iPXE gets C(decompressed_url) of the kernel in the place of C(url) where there is one. Without it, a C(format)
        of V(gzip) is a warning for machines that boot by iPXE. V(efi-zboot) and V(unknown) are one for every loader of
        64-bit ARM.
    type: list
    elements: dict
    default: []
  initrds:
    description:
      - The published initrds that pin the ignition, from M(multiarch.openshift.ignition_initrd), with C(hash),
        C(consoles), C(kernel_arguments), C(url) and, for machines that boot by TFTP, C(tftp_path).
      - Only needed by machines whose C(ignition_delivery) is V(verified).
    type: list
    elements: dict
    default: []
  version:
    description:
      - OpenShift version of the cluster. Before 4.12 the ignition's hash cannot be checked on network boot, so
        machines whose C(ignition_delivery) is V(verified) are marked as failed.
      - When left out, only the release of the boot artifacts is looked at.
    type: str
    default: ''
  base_url:
    description:
      - URL of O(directory) as the machines see it, for RV(entries).
      - When left out, a machine that needs an entry is an error.
    type: str
    default: ''
  directory:
    description:
      - The folder that the HTTP server serves. Boot files go to C(grub/) and C(ipxe/) below it.
      - When left out, no boot file for loaders that read by HTTP is written or removed.
    type: path
  grub_directory:
    description:
      - The folder of C(grubaa64.efi) on the TFTP server.
      - When left out, no boot file for a GRUB that came by TFTP is written or removed.
    type: path
  tftp_directory:
    description:
      - Root of the TFTP server. Boot files go to C(pxelinux.cfg/) below it.
      - When left out, no boot file for PXELINUX is written or removed.
    type: path
  entry_paths:
    description:
      - Where the entry may be written through which a loader finds the machines' files.
      - An entry that is left out, or whose path holds a file of the site, is returned in RV(entries) instead.
    type: dict
    default: {}
    suboptions:
      grub:
        description: Path of the C(grub.cfg) that GRUB reads when UEFI loaded it by HTTP.
        type: path
      grub_tftp:
        description:
          - Path of the C(grub.cfg) that GRUB reads in O(grub_directory) where a machine has no boot file there. It lets
            the firmware go on with its next boot device.
        type: path
      ipxe:
        description: Path of the script that iPXE is sent to.
        type: path
extends_documentation_fragment:
  - multiarch.openshift.attributes.diff
seealso:
  - module: multiarch.openshift.ignition_initrd
"""

EXAMPLES = r"""
- name: Arm the machines
  multiarch.openshift.netboot_config:
    machines: "{{ multiarch_machines }}"
    cluster: lab-x7k2p
    version: 4.16.3
    base_url: http://192.0.2.5:8080/openshift
    directory: /var/www/openshift
    ignition: "{{ published.ignition }}"
    artifacts: "{{ published.artifacts }}"
    initrds: "{{ published.initrds }}"
  delegate_to: web
  run_once: true
  register: armed

- name: Disarm one machine
  multiarch.openshift.netboot_config:
    state: absent
    machines:
      - name: worker-arm-1
        macs: ['52:54:00:00:00:0b']
    cluster: lab-x7k2p
    directory: /var/www/openshift
  delegate_to: web
  run_once: true
"""

RETURN = r"""
machines:
  description:
    - The records. Armed machines have C(stage) V(armed), except in check mode, and their files in C(boot_files).
    - A machine that could not be armed has C(failed), C(reason) and C(hint); C(reason_code) is V(foreign_file) where
      a file of the site is in the way, and V(boot_configuration) where its boot file would not work.
  returned: success
  type: list
  elements: dict
  sample:
    - name: worker-arm-1
      stage: armed
      boot_files: [/var/www/openshift/grub/grub.cfg-01-52-54-00-00-00-0b]
written:
  description: Paths of the files that were written, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [/var/www/openshift/grub/grub.cfg-01-52-54-00-00-00-0b]
removed:
  description: Paths of the files that were removed, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: []
foreign:
  description: Files of the site in the places of boot files; they were left alone.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: Path of the file.
      type: str
    machine:
      description: Name of the machine whose MAC address is in the path.
      type: str
    first_line:
      description: The file's first line.
      type: str
  sample: []
entries:
  description:
    - Entries that the machines need and that nobody wrote, for the site to put into its menu.
    - Empty unless O(state=present). Entries are left in place, as they serve other machines and clusters as well.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(grub), V(grub_tftp), V(pxelinux) or V(ipxe).
        - V(grub_tftp) and V(pxelinux) are what these loaders take where a machine has no boot file. They are returned
          only where no file lies in their place.
      type: str
    path:
      description: Path that suits the entry.
      type: str
    text:
      description: The text.
      type: str
  sample:
    - kind: ipxe
      path: /var/www/openshift/boot.ipxe
      text: |
        #!ipxe
        # multiarch.openshift entry
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._arming import Decision
from ansible_collections.multiarch.openshift.plugins.module_utils._arming import arm
from ansible_collections.multiarch.openshift.plugins.module_utils._arming import check_machines_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._arming import disarm
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import check_tftp_folders
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import file_diff
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import read_boot_files
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import read_files
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import remove_file
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import write_file
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Folders
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Published

ARGUMENT_SPEC: dict[str, t.Any] = {
    "machines": {"type": "list", "elements": "dict", "required": True},
    "cluster": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent", "local_boot"], "default": "present"},
    "ignition": {"type": "list", "elements": "dict", "default": []},
    "artifacts": {"type": "list", "elements": "dict", "default": []},
    "initrds": {"type": "list", "elements": "dict", "default": []},
    "version": {"type": "str", "default": ""},
    "base_url": {"type": "str", "default": ""},
    "directory": {"type": "path"},
    "grub_directory": {"type": "path"},
    "tftp_directory": {"type": "path"},
    "entry_paths": {
        "type": "dict",
        "default": {},
        "options": {"grub": {"type": "path"}, "grub_tftp": {"type": "path"}, "ipxe": {"type": "path"}},
    },
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    params = module.params
    # Without a trailing slash, so that the same file has the same path in every run.
    folders = Folders(
        *((params[option] or "").rstrip("/") for option in ("directory", "grub_directory", "tftp_directory"))
    )
    try:
        check_machines_cluster(params["machines"], params["cluster"])
        lying = read_boot_files(folders)
        if params["state"] == "absent":
            decision = disarm(params["machines"], folders=folders, lying=lying, cluster=params["cluster"])
        elif params["state"] == "local_boot":
            decision = disarm(
                params["machines"], folders=folders, lying=lying, cluster=params["cluster"], local_boot=True
            )
        else:
            check_tftp_folders(folders)
            entry_paths = {kind: path for kind, path in params["entry_paths"].items() if path}
            lying_entries = read_files([*entry_paths.values(), *folders.fallbacks()])
            published = Published(params["ignition"], params["artifacts"], params["initrds"], params["version"])
            decision = arm(
                params["machines"],
                published,
                folders=folders,
                lying=lying,
                cluster=params["cluster"],
                base_url=params["base_url"],
                entry_paths=entry_paths,
                lying_entries=lying_entries,
                check_mode=module.check_mode,
            )
            lying = {**lying, **lying_entries}
        if not module.check_mode:
            # First what must not boot any more.
            for path in decision.remove:
                remove_file(path)
            for path, text in decision.write.items():
                write_file(path, text)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    for warning in decision.warnings:
        module.warn(warning)
    result: dict[str, t.Any] = {
        "changed": bool(decision.write or decision.remove),
        "machines": decision.machines,
        "written": sorted(decision.write),
        "removed": sorted(decision.remove),
        "foreign": decision.foreign,
        "entries": decision.entries,
    }
    if module._diff:
        result["diff"] = _diff(decision, lying)
    module.exit_json(**result)


def _diff(decision: Decision, lying: t.Mapping[str, str]) -> list[dict[str, str]]:
    return [
        file_diff(path, lying.get(path, ""), decision.write.get(path, ""))
        for path in sorted((*decision.write, *decision.remove))
    ]


if __name__ == "__main__":
    main()
