#!/usr/bin/python
# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: site_watch_info
short_description: See on the web host what machines have fetched, and whether the ignition is still the same
version_added: 0.1.0
author: multiarch.openshift contributors (@multiarch-openshift)
description:
  - Reads what came into the access log of the web server since the last look. Understands the formats C(combined) of
    nginx, and C(common), C(combined) and C(vhost_combined) of httpd.
  - Fetches the published ignition and compares its hash.
  - M(multiarch.openshift.node_join) runs it by itself, on the web host, while machines install.
  - Needs nothing but Python 3.9 on the web host, and writes nothing there.
options:
  access_log:
    description:
      - Path of the access log.
      - When left out, none is read.
    type: str
    default: ""
  position:
    description:
      - Where the last look ended, as it returned it.
      - When left out, the end of the log is read, as far back as O(seconds).
    type: dict
  seconds:
    description: How far back the first look goes.
    type: float
    default: 300.0
  path:
    description: Only requests for paths that begin like this are returned.
    type: str
    default: /
  ignition:
    description: Published ignition to compare.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: Where it is served.
        type: str
        required: true
      hash:
        description: The hash that it must have, for example V(sha512-cf83e1…), or the beginning of that.
        type: str
        required: true
  timeout:
    description: Seconds that the web server has for one answer.
    type: float
    default: 5.0
extends_documentation_fragment:
  - multiarch.openshift.attributes.info
seealso:
  - module: multiarch.openshift.node_join
"""

EXAMPLES = r"""
- name: See what machines have fetched in the last hour
  multiarch.openshift.site_watch_info:
    access_log: /var/log/nginx/access.log
    seconds: 3600
    path: /openshift/
  delegate_to: web.example.com
  register: watch
"""

RETURN = r"""
time:
  description: The web host's time, in seconds since 1970.
  returned: success
  type: float
  sample: 1795603200.5
hits:
  description: The requests, oldest first.
  returned: success
  type: list
  elements: dict
  sample:
    - {time: 1795603199.0, address: 192.0.2.11, method: GET, path: /openshift/worker.ign, status: 200, size: 1738}
read:
  description: How many new lines have one of the usual forms, whatever was asked for.
  returned: success
  type: int
  sample: 12
unread:
  description: How many new lines have another form.
  returned: success
  type: int
  sample: 0
position:
  description: Where the next look goes on. Null where no log is read.
  returned: success
  type: dict
  sample: {inode: 1049, offset: 40960}
problem:
  description: Why the log could not be read; empty where it was.
  returned: success
  type: str
  sample: ""
ignition:
  description:
    - For each of O(ignition), V(same), V(changed) or V(unavailable), with the reason; V(unknown) where this host does
      not trust the server's certificate.
  returned: success
  type: list
  elements: dict
  sample: [{url: "http://192.0.2.5:8080/openshift/worker.ign", state: same, detail: ""}]
"""

import hashlib
import http.client
import ssl
import time
import typing as t
import urllib.error
import urllib.request

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.multiarch.openshift.plugins.module_utils._access_log import is_usual
from ansible_collections.multiarch.openshift.plugins.module_utils._access_log import parse_line
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._log_tail import read_new

# An ignition has a few kilobytes; whatever answers with more has changed
MOST_IGNITION = 16 * 1024 * 1024
NO_LOG: dict[str, t.Any] = {"hits": [], "read": 0, "unread": 0, "position": None}


def new_hits(params: t.Mapping[str, t.Any], now: float) -> dict[str, t.Any]:
    """The requests of the new lines, how many lines have a usual form and how many another, the position after them."""
    if not params["access_log"]:
        return NO_LOG
    position = {key: int(value) for key, value in (params["position"] or {}).items()} or None
    lines, after = read_new(params["access_log"], position)
    lines = list(filter(None, lines))
    found = [parse_line(line) for line in lines]
    hits = [hit.as_dict() for hit in found if hit is not None and hit.path.startswith(params["path"])]
    if position is None:
        hits = [hit for hit in hits if hit["time"] >= now - params["seconds"]]
    others = [line for line, hit in zip(lines, found) if hit is None and not is_usual(line)]
    return {"hits": hits, "read": len(lines) - len(others), "unread": len(others), "position": after}


def compared(entry: t.Mapping[str, str], timeout: float) -> dict[str, str]:
    """Whether the server still returns what was published."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(entry["url"], timeout=timeout) as answer:
            content = answer.read(MOST_IGNITION)
    except urllib.error.HTTPError as error:
        return {"url": entry["url"], "state": "unavailable", "detail": f"the server answers {error.code}"}
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        # an authority that machines are given and this host does not have says nothing of the bytes
        state = "unknown" if isinstance(reason, ssl.SSLCertVerificationError) else "unavailable"
        return {"url": entry["url"], "state": state, "detail": str(reason)}
    algorithm, _dash, digest = entry["hash"].partition("-")
    same = hashlib.new(algorithm, content).hexdigest().startswith(digest)
    return {"url": entry["url"], "state": "same" if same else "changed", "detail": ""}


def main() -> None:
    ignition = {"url": {"type": "str", "required": True}, "hash": {"type": "str", "required": True}}
    module = AnsibleModule(
        argument_spec={
            "access_log": {"type": "str", "default": ""},
            "position": {"type": "dict"},
            "seconds": {"type": "float", "default": 300.0},
            "path": {"type": "str", "default": "/"},
            "ignition": {"type": "list", "elements": "dict", "default": [], "options": ignition},
            "timeout": {"type": "float", "default": 5.0},
        },
        supports_check_mode=True,
    )
    now = time.time()
    comparison = [compared(entry, module.params["timeout"]) for entry in module.params["ignition"]]
    problem = ""
    try:
        found = new_hits(module.params, now)
    except OperationError as exc:
        # what was compared counts all the same
        found, problem = NO_LOG, str(exc)
    module.exit_json(changed=False, time=now, problem=problem, ignition=comparison, **found)


if __name__ == "__main__":
    main()
