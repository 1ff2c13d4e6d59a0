#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: artifact_publish
short_description: Publish files and downloads on a web host, hashed on the way and proven by a GET
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Puts boot artifacts and Ignition configs into the folder of a web server, or uploads them by PUT, and asks for them
    through the address that machines use.
  - A file gets its name only after its hash was found right. Until then the old file stays as it is.
  - An artifact that is there with the right hash is neither downloaded nor written again.
  - The failure of one artifact does not stop the others. All failures are reported together.
  - The host that this runs on needs nothing but Python 3.9 or newer.
options:
  artifacts:
    description: What to publish.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Path below O(directory) or O(put_url). Absolute paths and C(..) are refused.
        type: str
        required: true
      file:
        description:
          - A file of the machine where the playbook runs. It is carried to the web host as a private file that is
            removed at the end.
          - Exactly one of O(artifacts[].file), O(artifacts[].url) and O(artifacts[].remote_file) is needed.
        type: path
      url:
        description: A C(http) or C(https) address that the web host downloads from.
        type: str
      remote_file:
        description: A file of the web host, for sites without a way to the internet.
        type: path
      carried_file:
        description: Set by the action plugin. Where on the web host it has laid O(artifacts[].file).
        type: path
      sha256:
        description:
          - The SHA-256 that the file must have, in hexadecimal digits.
          - Exactly one of O(artifacts[].sha256) and O(artifacts[].sha512) is needed.
        type: str
      sha512:
        description: The SHA-512 that the file must have, in hexadecimal digits or as C(sha512-<hex>), like Ignition.
        type: str
      kind:
        description:
          - What the artifact is, for example V(kernel), V(initramfs), V(rootfs), V(iso) or V(ignition).
          - V(kernel) returns RV(artifacts[].format) as well.
          - V(rootfs) makes a web server that does not answer HEAD a failure, for the live system asks that way.
        type: str
        default: ''
      verify:
        description:
          - How the published file is compared through O(base_url).
          - V(full) reads it and compares the hash.
          - V(size) compares the length that the server announces.
          - When left out, files up to 1 MiB are read and larger ones are compared by size.
        type: str
        choices: [full, size]
      decompress:
        description:
          - V(gzip) publishes the content of a gzip file as well, as C(<name>.decompressed) beside it, once the file
            itself was found right. It is for iPXE before February 2022, which boots no compressed kernel.
          - A file that is no gzip file gets no such copy. It cannot be used with O(put_url).
        type: str
        choices: [gzip]
  directory:
    description:
      - The published folder on the web host. Folders that are missing are made with mode V(0755), files get V(0644).
      - Exactly one of O(directory) and O(put_url) is needed.
    type: path
  put_url:
    description:
      - Address of a WebDAV folder that files are uploaded to.
      - Where the server has MOVE, files are uploaded to a temporary name and moved. Elsewhere they are collected and
        checked on this host, and then uploaded once.
    type: str
  base_url:
    description:
      - Address of the published folder as machines see it. Every artifact is asked for there, without credentials and
        without a proxy.
      - When left out with O(directory), nothing is asked for by HTTP, as it fits copies for TFTP. When left out with
        O(put_url), that address is asked instead, with the credentials.
    type: str
  username:
    description:
      - User name for O(put_url), sent as basic authentication with every request.
      - When left out, and without O(token), no credentials are sent.
    type: str
  password:
    description: Password for O(username).
    type: str
  token:
    description: Bearer token for O(put_url), instead of O(username) and O(password).
    type: str
  ca_path:
    description:
      - PEM file, on the host that the task runs on, with certificate authorities to trust besides the host's own.
      - When left out, only the host's own are trusted.
    type: path
  proxy:
    description:
      - Proxy for downloads, as C(http://host:port). It is never used for O(put_url) and O(base_url).
      - When left out, downloads use the proxies of the environment. Its E(no_proxy) applies in both cases.
      - A proxy that asks for credentials is given by E(https_proxy) in the environment of the task; no log shows that.
    type: str
  parallel:
    description: How many artifacts are worked on at the same time.
    type: int
    default: 4
  timeout:
    description: How many seconds a server may stay silent before its artifact fails.
    type: int
    default: 60
  verify_full:
    description: Compare the hash of every artifact through O(base_url), whatever its size.
    type: bool
    default: false
  progress_path:
    description:
      - Set by the action plugin. A file that this module makes and keeps up to date while it runs.
      - When left out, no progress is kept.
    type: path
extends_documentation_fragment:
  - multiarch.openshift.attributes
notes:
  - In check mode an artifact that is not there is only asked for at its source, by HEAD. Where nobody answers, a
    warning says so, and it counts as one that would be published.
seealso:
  - module: multiarch.openshift.boot_artifact_info
  - module: multiarch.openshift.ignition_export
  - module: multiarch.openshift.netboot_config
"""

EXAMPLES = r"""
---
- name: Publish the boot artifacts and the Ignition config of the workers
  multiarch.openshift.artifact_publish:
    directory: /var/www/html/openshift
    base_url: http://192.0.2.10:8080/openshift
    artifacts:
      - name: 416.94.202405291527-0/aarch64/rhcos-live-kernel-aarch64
        kind: kernel
        url: https://mirror.example.com/rhcos/rhcos-live-kernel-aarch64
        sha256: "{{ kernel_sha256 }}"
      - name: lab-x7k2p/worker-1f0c5d1a9e3b7c42.ign
        kind: ignition
        file: /home/admin/private/worker.ign
        sha512: "{{ ignition_hash }}"
  delegate_to: web.example.com

- name: Upload an ISO to a WebDAV server
  multiarch.openshift.artifact_publish:
    put_url: https://files.example.com/dav/openshift
    base_url: http://files.example.com/openshift
    username: publisher
    password: "{{ dav_password }}"
    ca_path: /etc/pki/site-ca.pem
    artifacts:
      - name: lab-x7k2p/install-aarch64.iso
        kind: iso
        remote_file: /var/lib/images/install-aarch64.iso
        sha256: "{{ iso_sha256 }}"
"""

RETURN = r"""
artifacts:
  description: What became of each artifact, in the order of O(artifacts). It is returned by a failure as well.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name below the published folder.
      type: str
      sample: lab-x7k2p/worker-1f0c5d1a9e3b7c42.ign
    kind:
      description: The kind that was given.
      type: str
      sample: ignition
    url:
      description:
        - The address that machines fetch it from.
        - It is null where neither O(base_url) nor O(put_url) was given.
      type: str
      sample: http://192.0.2.10:8080/openshift/lab-x7k2p/worker-1f0c5d1a9e3b7c42.ign
    sha256:
      description: The SHA-256 in hexadecimal digits.
      returned: when O(artifacts[].sha256) was given
      type: str
      sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
    sha512:
      description: The SHA-512 in hexadecimal digits.
      returned: when O(artifacts[].sha512) was given
      type: str
    size:
      description:
        - The size in bytes.
        - It is null where it is not known, as in check mode for a source that does not tell.
      type: int
      sample: 2083
    action:
      description:
        - V(published) where it was written, V(present) where it was right already.
        - V(would_publish) in check mode.
        - V(failed) where it is not published.
      type: str
      sample: published
    format:
      description:
        - Format of a kernel, one of V(gzip), V(efi-zboot), V(image) and V(unknown).
      returned: for kind V(kernel), when the file was read
      type: str
      sample: gzip
    decompressed:
      description: The decompressed copy, with C(name), C(url), C(sha256), C(size) and C(action) as above.
      returned: when O(artifacts[].decompress) was given and it is a gzip file
      type: dict
"""

import signal
import sys
import threading
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import parse_artifacts
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import web_address
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import ProgressFile
from ansible_collections.multiarch.openshift.plugins.module_utils._publish import Publisher
from ansible_collections.multiarch.openshift.plugins.module_utils._publish import Target
from ansible_collections.multiarch.openshift.plugins.module_utils._publish import Verifier
from ansible_collections.multiarch.openshift.plugins.module_utils._publish import failure_message
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_folder import DiskSpace
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_folder import FolderTarget
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_put import PutTarget
from ansible_collections.multiarch.openshift.plugins.module_utils._publish_source import Sources
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import authorization_header
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import trusted_authorities

ARTIFACT_SPEC = {
    "name": {"type": "str", "required": True},
    "file": {"type": "path"},
    "url": {"type": "str"},
    "remote_file": {"type": "path"},
    "carried_file": {"type": "path"},
    "sha256": {"type": "str"},
    "sha512": {"type": "str"},
    "kind": {"type": "str", "default": ""},
    "verify": {"type": "str", "choices": ["full", "size"]},
    "decompress": {"type": "str", "choices": ["gzip"]},
}

ARGUMENT_SPEC = {
    "artifacts": {"type": "list", "elements": "dict", "required": True, "options": ARTIFACT_SPEC},
    "directory": {"type": "path"},
    "put_url": {"type": "str"},
    "base_url": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "ca_path": {"type": "path"},
    "proxy": {"type": "str"},
    "parallel": {"type": "int", "default": 4},
    "timeout": {"type": "int", "default": 60},
    "verify_full": {"type": "bool", "default": False},
    "progress_path": {"type": "path"},
}


def build_publisher(params: dict[str, t.Any], stop: threading.Event, spool_directory: str) -> Publisher:
    """The parts of one run, with their addresses checked."""
    trust = trusted_authorities(params["ca_path"] or "")
    timeout = params["timeout"]
    proxies = None
    if params["proxy"]:
        proxy = web_address(params["proxy"], "proxy")
        proxies = {"http": proxy, "https": proxy}
    sources = Sources(Client(timeout=timeout, trust=trust, proxies=proxies, follow_redirects=True), stop)
    space = DiskSpace()
    reader = Client(timeout=timeout, trust=trust, proxies={})
    read_url = web_address(params["base_url"], "base_url") if params["base_url"] else ""
    target: Target
    if params["put_url"]:
        put_url = web_address(params["put_url"], "put_url")
        authorization = authorization_header(params["username"] or "", params["password"] or "", params["token"] or "")
        writer = Client(timeout=timeout, trust=trust, proxies={}, authorization=authorization)
        if not read_url:
            reader, read_url = writer, put_url
        target = PutTarget(
            put_url,
            sources,
            space,
            writer=writer,
            reader=reader,
            read_url=read_url,
            spool_directory=spool_directory,
        )
    else:
        target = FolderTarget(params["directory"], sources, space)
    verifier = Verifier(reader, read_url, full=params["verify_full"]) if read_url else None
    parallel = max(1, params["parallel"])
    return Publisher(target, sources, verifier, parallel=parallel, directory=params["directory"] or "")


def main() -> None:
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_one_of=[["directory", "put_url"]],
        mutually_exclusive=[["directory", "put_url"], ["token", "username"]],
        required_together=[["username", "password"]],
        supports_check_mode=True,
    )
    if sys.version_info < (3, 9):  # noqa: UP036 - Ansible itself still starts modules on 3.8
        module.fail_json(
            msg=f"artifact_publish needs Python 3.9 or newer on the host that it runs on, and {sys.executable} is "
            f"{sys.version.split()[0]}. Install one there and name it as ansible_python_interpreter."
        )

    # An interrupted transfer removes what it has written so far; the other handlers are Ansible's.
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *unused: stop.set())

    try:
        artifacts = parse_artifacts(module.params["artifacts"])
        if module.params["put_url"] and any(artifact.decompress for artifact in artifacts):
            raise OperationError("decompress cannot be used with put_url.", "Publish into a folder: give directory.")
        publisher = build_publisher(module.params, stop, module.tmpdir)
    except OperationError as exc:
        module.fail_json(msg=str(exc), artifacts=[])

    if module.params["progress_path"]:
        with ProgressFile(module.params["progress_path"], publisher.transfers):
            outcomes = publisher.publish(artifacts, check_mode=module.check_mode)
    else:
        outcomes = publisher.publish(artifacts, check_mode=module.check_mode)

    for warning in publisher.warnings(outcomes):
        module.warn(warning)
    result = {
        "artifacts": [outcome.result() for outcome in outcomes],
        "changed": any(outcome.changed for outcome in outcomes),
    }
    message = failure_message(outcomes)
    if message:
        module.fail_json(msg=message, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
