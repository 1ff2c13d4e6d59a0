#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: boot_loaders
short_description: Put GRUB and shim for 64-bit ARM beside a site's other boot loaders
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Takes C(grubaa64.efi) and C(shimaa64.efi) out of the EFI image of an aarch64 ISO, or takes given files, and lays
    them into folders of this host.
  - What lies there with other bytes is never replaced, and nothing is written then. So the loaders of x86 machines stay
    as they are.
  - Every file is compared with its hash before anything is written, and has to be a UEFI program for 64-bit ARM.
options:
  iso:
    description:
      - Path of the ISO on this host.
      - Exactly one of O(iso) and O(loaders) is needed.
    type: path
  iso_sha256:
    description:
      - SHA-256 of the ISO. Needed with O(iso).
    type: str
  loaders:
    description: The files.
    type: list
    elements: dict
    suboptions:
      name:
        description: What the file is called in the folders.
        type: str
        required: true
      sha256:
        description: The SHA-256 that it must have.
        type: str
        required: true
      path:
        description:
          - Its path on this host.
          - Exactly one of O(loaders[].path) and O(loaders[].url) is needed.
        type: path
      url:
        description: The address that this host fetches it from.
        type: str
  directories:
    description:
      - The folders. They are made where they do not exist.
    type: list
    elements: path
    required: true
  proxy:
    description:
      - Proxy for O(loaders[].url), as C(http://host:port).
      - When left out, no proxy is used.
    type: str
  base_url:
    description:
      - URL of the first of O(directories), for RV(loaders[].url).
      - When left out, that is empty.
    type: str
    default: ''
extends_documentation_fragment:
  - multiarch.openshift.attributes
seealso:
  - module: multiarch.openshift.site_changes
"""

EXAMPLES = r"""
- name: Take GRUB and shim out of the ISO
  multiarch.openshift.boot_loaders:
    iso: /var/www/openshift/9.6.20251125-1/aarch64/rhcos-live-iso.aarch64.iso
    iso_sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
    directories: [/var/www/openshift/grub, /srv/tftp/grub]
  delegate_to: web
  run_once: true

- name: Lay GRUB of the distribution
  multiarch.openshift.boot_loaders:
    loaders:
      - name: grubaa64.efi
        path: /root/grubaa64.efi
        sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
    directories: [/srv/tftp/grub]
  delegate_to: web
  run_once: true
"""

RETURN = r"""
loaders:
  description: The files. In check mode an ISO may not be there yet; C(sha256) is empty then.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the file in the folders.
      type: str
    sha256:
      description: Its SHA-256.
      type: str
    url:
      description: Its address below O(base_url).
      type: str
  sample:
    - name: grubaa64.efi
      sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
      url: http://192.0.2.5:8080/openshift/grub/grubaa64.efi
written:
  description: Paths of the files that were written, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: [/srv/tftp/grub/grubaa64.efi]
"""

import hashlib
import os
import re
import ssl
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._boot_folder import write_file
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_loaders import GRUB
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_loaders import SHIM
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_loaders import check_loader
from ansible_collections.multiarch.openshift.plugins.module_utils._boot_loaders import loaders_of_iso
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import TransferError

# Loaders have some megabytes.
LOADER_LIMIT = 64 * 1024 * 1024
CHUNK_SIZE = 1024 * 1024
TIMEOUT = 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

ARGUMENT_SPEC: dict[str, t.Any] = {
    "iso": {"type": "path"},
    "iso_sha256": {"type": "str"},
    "loaders": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "sha256": {"type": "str", "required": True},
            "path": {"type": "path"},
            "url": {"type": "str"},
        },
        "mutually_exclusive": [("path", "url")],
        "required_one_of": [("path", "url")],
    },
    "directories": {"type": "list", "elements": "path", "required": True},
    "proxy": {"type": "str"},
    "base_url": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        mutually_exclusive=[("iso", "loaders")],
        required_one_of=[("iso", "loaders")],
        required_by={"iso": "iso_sha256"},
        supports_check_mode=True,
    )
    try:
        contents = _contents(module.params, check_mode=module.check_mode)
        write = _missing(contents, module.params["directories"])
        if not module.check_mode:
            for path, name in write.items():
                write_file(path, contents[name] or b"")
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    known = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items() if content is not None}
    module.exit_json(
        changed=bool(write),
        loaders=[_told(name, known.get(name, ""), module.params["base_url"]) for name in contents],
        written=list(write),
    )


def _told(name: str, sha256: str, base_url: str) -> dict[str, str]:
    return {"name": name, "sha256": sha256, "url": f"{base_url.rstrip('/')}/{name}" if base_url else ""}


def _contents(params: t.Mapping[str, t.Any], *, check_mode: bool) -> dict[str, bytes | None]:
    """By name; None in check mode for what is not there yet, since the steps before have written nothing either."""
    contents: dict[str, bytes | None] = {}
    if params["iso"]:
        if check_mode and not os.path.exists(params["iso"]):
            return dict.fromkeys((GRUB, SHIM))
        contents.update(_from_iso(params["iso"], params["iso_sha256"]))
    for loader in params["loaders"] or []:
        if not _NAME.fullmatch(loader["name"]):
            raise OperationError(f"The boot loader's name {loader['name']!r} is not that of a file.")
        contents[loader["name"]] = _given(loader, params["proxy"], check_mode=check_mode)
    for name, content in contents.items():
        if content is not None:
            check_loader(name, content)
    return contents


def _from_iso(path: str, sha256: str) -> dict[str, bytes]:
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as iso:
            for chunk in iter(lambda: iso.read(CHUNK_SIZE), b""):
                digest.update(chunk)
            if digest.hexdigest() != sha256.lower():
                raise OperationError(
                    f"{path} has sha256 {digest.hexdigest()}, wanted {sha256}: no boot loader was taken from it.",
                    "Publish it again.",
                )
            return _loaders_in(path, iso)
    except OSError as exc:
        raise OperationError(f"The ISO {path} cannot be read: {exc.strerror}.") from exc


def _loaders_in(path: str, iso: t.BinaryIO) -> dict[str, bytes]:
    try:
        return loaders_of_iso(iso)
    except OperationError as exc:
        raise OperationError(
            f"No boot loader can be taken from {path}. {exc.message}", "Give the files instead (netboot_boot_loaders)."
        ) from exc


def _given(loader: t.Mapping[str, t.Any], proxy: str | None, *, check_mode: bool) -> bytes | None:
    source = loader["path"] or loader["url"]
    try:
        if loader["path"]:
            with open(loader["path"], "rb") as file:
                content = file.read(LOADER_LIMIT + 1)
        else:
            client = Client(
                timeout=TIMEOUT,
                trust=ssl.create_default_context(),
                proxies=dict.fromkeys(("http", "https"), proxy) if proxy else {},
            )
            with client.request("GET", loader["url"]) as response:
                content = response.read(LOADER_LIMIT + 1)
    except (OSError, TransferError) as exc:
        if check_mode:
            return None
        reason = exc.reason if isinstance(exc, TransferError) else exc.strerror
        raise OperationError(f"The boot loader {source} cannot be read: {reason}.") from exc
    found = hashlib.sha256(content).hexdigest()
    if found != loader["sha256"].lower():
        raise OperationError(f"The boot loader {source} has sha256 {found}, wanted {loader['sha256']}.")
    return content


def _missing(contents: t.Mapping[str, bytes | None], directories: t.Iterable[str]) -> dict[str, str]:
    """Path to name of what is not there; raises where something else is."""
    missing = {}
    for directory in directories:
        for name, content in contents.items():
            path = os.path.join(directory, name)
            lying = _read(path)
            if lying is None:
                missing[path] = name
            elif content is not None and lying != content:
                raise OperationError(
                    f"{path} is another boot loader than the one to be laid there, and was left alone.",
                    "Remove it if no machine needs it any more, or leave out the boot loaders.",
                )
    return missing


def _read(path: str) -> bytes | None:
    if not os.path.lexists(path):
        return None
    try:
        with open(path, "rb") as file:
            return file.read(LOADER_LIMIT + 1)
    except OSError as exc:
        raise OperationError(f"{path} is there and cannot be read: {exc.strerror}.") from exc


if __name__ == "__main__":
    main()
