#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run_report
short_description: Make the report of a run from its events
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Reads the events that M(multiarch.openshift.run_events) and M(multiarch.openshift.node_join) have appended and
    writes C(report.json), C(report.html) and C(junit.xml) about the last run among them. A run that was interrupted has
    a report like any other.
  - The same events always give the same bytes. Each file is put in place at once.
  - The page is one file, without scripts and without anything from elsewhere.
  - Needs nothing but Python 3.9 or newer where it runs.
options:
  events_path:
    description:
      - The file of events, on the host where the module runs.
      - Exactly one of O(events_path) and O(events) is needed.
    type: path
  events:
    description:
      - The content of a file of events, where the report is written on another host than the controller.
    type: str
  directory:
    description: The folder for the three files. It is made where it does not exist.
    type: path
    required: true
  served_directory:
    description:
      - A folder that a web server on this host publishes. A report names machines and addresses, so O(directory) may
        not be inside it.
      - When left out, this is not checked.
    type: path
extends_documentation_fragment:
  - multiarch.openshift.attributes
seealso:
  - module: multiarch.openshift.run_events
"""

EXAMPLES = r"""
- name: Make the report of a run
  multiarch.openshift.run_report:
    events_path: multiarch-report/events.jsonl
    directory: multiarch-report
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
path:
  description: Path of C(report.html).
  returned: success
  type: str
  sample: /home/me/multiarch-report/report.html
paths:
  description: Paths of the three files.
  returned: success
  type: list
  elements: str
  sample:
    - /home/me/multiarch-report/report.json
    - /home/me/multiarch-report/report.html
    - /home/me/multiarch-report/junit.xml
outcome:
  description: V(done), V(failed), V(stopped) or V(interrupted).
  returned: success
  type: str
  sample: done
counts:
  description: Machines by result.
  returned: success
  type: dict
  sample: {machines: 3, proven: 2, joined: 0, failed: 1, unfinished: 0, unchanged: 1}
left_to_you:
  description: What is left to a person, in the order of doing it.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: What it is about, see docs/report.md.
      type: str
    machine:
      description: The machine that it is about; empty where it is about more than one or none.
      type: str
    text:
      description: What to do, and why.
      type: str
    command:
      description: What to type; may be empty.
      type: str
  sample:
    - kind: request
      machine: ""
      text: >-
        csr-2xbqk was left alone: it is for localhost.localdomain, which is no machine of this run. Approve it only if
        you know whose it is.
      command: oc adm certificate approve csr-2xbqk
"""

import json
import os
import tempfile
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._event_file import parse_events
from ansible_collections.multiarch.openshift.plugins.module_utils._report import report
from ansible_collections.multiarch.openshift.plugins.module_utils._report_html import html_report
from ansible_collections.multiarch.openshift.plugins.module_utils._report_junit import junit


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "events_path": {"type": "path"},
            # nothing secret, but much: it is in no log of the host
            "events": {"type": "str", "no_log": True},
            "directory": {"type": "path", "required": True},
            "served_directory": {"type": "path"},
        },
        required_one_of=[("events_path", "events")],
        mutually_exclusive=[("events_path", "events")],
        supports_check_mode=True,
    )
    params = module.params
    directory = os.path.abspath(params["directory"])
    try:
        _refuse_served(directory, params["served_directory"])
        text = params["events"] if params["events"] is not None else _read(params["events_path"])
        events, broken = parse_events(text)
        document = report(events, broken_lines=broken)
        files = {
            os.path.join(directory, "report.json"): json.dumps(document, indent=2, ensure_ascii=False) + "\n",
            os.path.join(directory, "report.html"): html_report(document),
            os.path.join(directory, "junit.xml"): junit(document),
        }
        stale = {path: content.encode() for path, content in files.items() if not _holds(path, content.encode())}
        if not module.check_mode:
            _write(directory, stale)
    except OperationError as exc:
        module.fail_json(msg=str(exc))
    module.exit_json(
        changed=bool(stale),
        path=os.path.join(directory, "report.html"),
        paths=list(files),
        outcome=document["outcome"],
        counts=document["counts"],
        left_to_you=document["left_to_you"],
    )


def _refuse_served(directory: str, served: str | None) -> None:
    if not served:
        return
    inside, outside = os.path.realpath(directory), os.path.realpath(served)
    if os.path.commonpath([inside, outside]) == outside:
        raise OperationError(
            f"The report is not written to {directory}: the web server publishes {served}.",
            "Name a folder outside of it by report_directory.",
        )


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as exc:
        raise OperationError(
            f"The events of a run cannot be read from {path}: {exc.strerror}.",
            "Start from the folder where the run was started, or name the file by report_events.",
        ) from None


def _holds(path: str, content: bytes) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read() == content
    except OSError:
        return False


def _write(directory: str, files: t.Mapping[str, bytes]) -> None:
    try:
        os.makedirs(directory, exist_ok=True)
        for path, content in files.items():
            _replace(path, content)
    except OSError as exc:
        raise OperationError(
            f"The report cannot be written to {directory}: {exc.strerror}.", "Correct report_directory."
        ) from None


def _replace(path: str, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".multiarch-", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


if __name__ == "__main__":
    main()
