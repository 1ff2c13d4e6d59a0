#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ignition_initrd
short_description: Make the initrds that pin the ignition on network boot
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Over the documented kernel arguments alone, a machine installs whatever ignition it is served. A second, tiny
    initrd makes the installer compare the ignition's hash.
  - It also tells the installer what no kernel argument of the live system can, the consoles and kernel arguments of the
    installed system.
  - This module makes one such initrd for each distinct set of hash, consoles and kernel arguments. It holds nothing
    else, so it is no secret; M(multiarch.openshift.artifact_publish) publishes it and
    M(multiarch.openshift.netboot_config) names it in the boot files.
  - Equal content gives equal bytes, and the file's name changes with the content.
options:
  machines:
    description:
      - The machine records. Those count that boot from the network with C(ignition_delivery) V(verified), are to be
        armed and have not failed.
    type: list
    elements: dict
    required: true
  ignition:
    description:
      - The exported ignition of each pool, with C(pool) and C(hash).
      - A pool that is missing here gets no initrd; M(multiarch.openshift.netboot_config) then marks its machines as
        failed.
    type: list
    elements: dict
    required: true
  dest:
    description:
      - A private folder of the user that runs the playbook. It is made with mode V(0700) where it does not exist.
    type: path
    required: true
extends_documentation_fragment:
  - multiarch.openshift.attributes
seealso:
  - module: multiarch.openshift.netboot_config
"""

EXAMPLES = r"""
- name: Pin the ignition
  multiarch.openshift.ignition_initrd:
    machines: "{{ multiarch_machines }}"
    ignition: "{{ exported.ignition }}"
    dest: "{{ private_directory }}"
  delegate_to: localhost
  run_once: true
  register: pinned
"""

RETURN = r"""
initrds:
  description: One entry for each distinct content, also in check mode, when no file is written.
  returned: success
  type: list
  elements: dict
  contains:
    pool:
      description: The pool whose ignition is pinned; the first one where several pools have the same.
      type: str
    hash:
      description: The ignition's hash.
      type: str
    consoles:
      description: Consoles of the installed system.
      type: list
      elements: str
    kernel_arguments:
      description: Kernel arguments of the installed system.
      type: list
      elements: str
    path:
      description: Path of the initrd.
      type: str
    name:
      description: Name to publish it under.
      type: str
    sha256:
      description: SHA-256 of the initrd.
      type: str
    size:
      description: Size in bytes.
      type: int
  sample:
    - pool: worker
      hash: sha512-9a71…
      consoles: []
      kernel_arguments: []
      path: /home/me/.private/verify-9a71c02f5b1de603.img
      name: verify-9a71c02f5b1de603.img
      sha256: 5d41402a…
      size: 300
"""

import dataclasses
import hashlib
import os
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import initrd_name
from ansible_collections.multiarch.openshift.plugins.module_utils._initrd import verifying_initrd
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import pins


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "machines": {"type": "list", "elements": "dict", "required": True},
            "ignition": {"type": "list", "elements": "dict", "required": True},
            "dest": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        images = _images(module.params["machines"], module.params["ignition"], folder=module.params["dest"])
        stale = [(entry, image) for entry, image in images if not _holds(entry["path"], image)]
        if not module.check_mode:
            for entry, image in stale:
                _write(entry["path"], image)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=f"The initrds cannot be written to {module.params['dest']}: {exc.strerror}.")
    module.exit_json(changed=bool(stale), initrds=[entry for entry, _image in images])


def _images(
    machines: t.Sequence[t.Mapping[str, t.Any]], ignition: t.Sequence[t.Mapping[str, t.Any]], *, folder: str
) -> list[tuple[dict[str, t.Any], bytes]]:
    hashes = {exported["pool"]: exported["hash"] for exported in ignition}
    images: dict[str, tuple[dict[str, t.Any], bytes]] = {}
    for pool, installed in pins(machines):
        if pool not in hashes:
            continue
        settings = dataclasses.asdict(installed)
        name = initrd_name(hashes[pool], **settings)
        if name in images:
            continue
        image = verifying_initrd(hashes[pool], **settings)
        entry = {
            "pool": pool,
            "hash": hashes[pool],
            **{key: list(values) for key, values in settings.items()},
            "path": os.path.join(folder, name),
            "name": name,
            "sha256": hashlib.sha256(image).hexdigest(),
            "size": len(image),
        }
        images[name] = (entry, image)
    return list(images.values())


def _holds(path: str, image: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == image
    except FileNotFoundError:
        return False


def _write(path: str, image: bytes) -> None:
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    # mkstemp makes the file with mode 0600.
    handle, temporary = tempfile.mkstemp(prefix=".multiarch-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(image)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


if __name__ == "__main__":
    main()
