# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of a run of any size, as its steps write them down: for tests of the report, and to look at one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from ansible_collections.multiarch.openshift.plugins.module_utils import _run_events as run_events
from ansible_collections.multiarch.openshift.plugins.module_utils._verdict import verdicts

Record = dict[str, Any]
BEGIN = 1_764_000_000
CLUSTER = {"name": "lab-x7k2p", "uid": "3f70fac4-7d96-47a9-a807-15b6b3ccade8"}
PAYLOAD = {
    "version": "4.21.3",
    "architecture": "multi",
    "source": "ReleaseAccepted",
    "image": "quay.io/openshift-release-dev/ocp-release@sha256:" + "e3" * 32,
    "cluster": CLUSTER,
    "next_step": "The payload 4.21.3 is multi-architecture.",
}
PUBLISHED = {
    "ignition": [
        {
            "pool": "worker",
            "hash": "sha512-" + "d4" * 64,
            "size": 1700,
            "path": "/private/worker.ign",
            "url": "http://someone:canary-password@192.0.2.2:8080/lab-x7k2p/worker-d4d4d4d4d4d4d4d4.ign",
        }
    ],
    "initrds": [
        {"pool": "worker", "hash": "sha512-" + "d4" * 64, "sha256": "a1" * 32, "url": "http://192.0.2.2/v.img"}
    ],
    "artifacts": [
        {
            "architecture": "aarch64",
            "kind": kind,
            "release": "9.6.20251125-1",
            "sha256": "b2" * 32,
            "url": f"http://192.0.2.2/{kind}",
        }
        for kind in ("kernel", "initramfs", "rootfs")
    ],
}
FINDINGS = [
    {"check": "payload", "verdict": "ok", "sentence": PAYLOAD["next_step"], "to_do": "", "machines": []},
    {
        "check": "selinux",
        "verdict": "warn",
        "sentence": "/srv/www has the type default_t, which httpd may not read",
        "to_do": "Give it the right one:\n  semanage fcontext -a -t httpd_sys_content_t /srv\n  restorecon -R /srv/www",
        "machines": [],
    },
]
INGRESS = {
    "load_balancers": [
        {
            "controller": "default",
            "why": "it has no nodeSelector, so they run on any worker",
            "addresses": ["192.0.2.11"],
        }
    ],
    "unknown": "",
}


def record(number: int, **values: Any) -> Record:
    return {
        "name": f"worker-arm-{number}",
        "node_name": f"worker-arm-{number}",
        "addresses": [f"192.0.2.{10 + number % 240}"],
        "macs": [f"52:54:00:00:{number >> 8:02x}:{number & 255:02x}"],
        "architecture": "aarch64",
        "boot_method": "grub",
        "pool": "worker",
        "bmc_url": "https://admin:canary-password@bmc.example.com",
        "arm": True,
        "boot_files": [f"/var/lib/tftpboot/grub/grub.cfg-01-52-54-00-00-00-{number & 255:02x}"],
        "existing_node": None,
        "stage": "armed",
        "failed": False,
        "changed": True,
        "reason": "",
        "reason_code": "",
        "hint": "",
        "warnings": [],
        **values,
    }


def join_events(name: str, start: int, *, until: str = "proven") -> list[Record]:
    """What node_join says of a machine, up to this event."""
    steps = [
        ("client_approved", 240, f"client CSR csr-c-{name} approved (0.1 s after it appeared)"),
        ("client_issued", 240, "client certificate issued"),
        ("disarmed", 241, "boot files withdrawn"),
        ("registered", 243, f"node {name} registered"),
        ("serving_approved", 244, f"serving CSR csr-s-{name} approved (0.1 s after it appeared)"),
        ("serving_issued", 244, "serving certificate issued"),
        ("ready", 270, f"node {name} Ready"),
        ("proven", 272, f"proven: port 10250 presents the certificate issued to {name}"),
    ]
    found = []
    for event, after, text in steps:
        entry = {"time": start + after, "event": event, "machine": name, "text": text}
        if event.endswith("_approved"):
            entry["csr"] = text.split()[2]
        found.append(entry)
        if event == until:
            break
    return found


def stamped(events: Iterable[Record], seconds: int = 0) -> list[Record]:
    """The events with times as the file has them; ``seconds`` after the begin where they have none."""
    return [
        {**event, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN + event.get("time", seconds)))}
        for event in events
    ]


def lines(events: Iterable[Record]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def begun(machines: list[Record]) -> list[Record]:
    names = [machine["name"] for machine in machines]
    versions = {"multiarch.openshift": "0.1.0", "ansible-core": "2.19.14"}
    return [
        *stamped(run_events.started(names, versions)),
        *stamped(run_events.in_place(machines, findings=FINDINGS, payload=PAYLOAD, published=PUBLISHED), 20),
    ]


def finished(
    machines: list[Record],
    *,
    seconds: int = 600,
    stop: str = "",
    armed: str = "",
    left: Iterable[Record] = (),
    site_changes: str = "",
) -> list[Record]:
    approved = [
        {"name": f"csr-c-{machine['name']}", "machine": machine["name"], "signer": SIGNER, "seconds": 0.1}
        for machine in machines
        if machine["stage"] == "proven"
    ]
    end = run_events.ended(
        machines,
        findings=FINDINGS,
        payload=PAYLOAD,
        published=PUBLISHED,
        join={"approved": approved, "left": list(left), "near_misses": [], "warnings": []},
        ingress=INGRESS,
        site_changes=site_changes,
        verdicts=verdicts(machines, stop=stop, armed=armed),
        stop=stop,
        armed=armed,
    )
    return stamped(end, seconds)


SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"


def left_request(name: str, detail: str, machine: str = "") -> Record:
    return {
        "name": name,
        "machine": machine,
        "age": 41,
        "code": "not_inventory",
        "detail": detail,
        "hint": "",
        "command": f"oc adm certificate approve {name}",
    }


def approving_run() -> list[Record]:
    """One that only approves: nothing was checked, exported or published in it."""
    before = [record(1, stage="planned", boot_files=[]), record(2, stage="planned", boot_files=[])]
    cluster = {"cluster": CLUSTER}
    after = [
        {**before[0], **cluster, "stage": "proven", "client_csr": "csr-c-worker-arm-1", "approved_by": "this run"},
        {**before[1], **cluster, "failed": True, "reason": "it sent no request, after 540 s.", "hint": "Look at it."},
    ]
    names = [machine["name"] for machine in before]
    end = run_events.ended(
        after,
        findings=[],
        payload={},
        published={},
        join={"approved": [], "left": [], "near_misses": [], "warnings": []},
        ingress={},
        site_changes="",
        verdicts=verdicts(after),
        stop="",
        armed="",
    )
    return [
        *stamped(run_events.started(names, {"ansible-core": "2.19.14"})),
        *stamped(join_events("worker-arm-1", 0)),
        *stamped([{"event": "failed", "machine": "worker-arm-2", "text": "failed at planned"}], 560),
        *stamped(end, 561),
    ]


def mixed_run() -> list[Record]:
    """Two proven, one that is a node already, one joined, two failed, and strangers."""
    before = [record(number) for number in range(1, 7)]
    before[2].update(stage="planned", arm=False, existing_node={"name": "worker-arm-3", "ready": True})
    before[4].update(
        stage="planned",
        failed=True,
        reason="/var/lib/tftpboot/grub/grub.cfg-01-52-54-00-00-00-05 is not ours and was left alone",
        reason_code="foreign_file",
        boot_files=[],
        hint="Look at it; if worker-arm-5 may be installed, remove it and run again.",
    )
    after = [{**machine} for machine in before]
    for number in (0, 1):
        after[number].update(stage="proven", client_csr=f"csr-c-worker-arm-{number + 1}", approved_by="this run")
    after[2].update(stage="proven", changed=False)
    after[3].update(stage="joined", warnings=["joined, not proven: port 10250 of 192.0.2.14 cannot be reached"])
    after[5].update(
        failed=True,
        reason="it sent no certificate request, after 540 s.",
        reason_code="timed_out",
        hint="Look at its console; is it on, and does it boot from the network?",
    )
    events = begun(before)
    for number, start in ((1, 20), (2, 31), (4, 64)):
        until = "ready" if number == 4 else "proven"
        events += stamped(join_events(f"worker-arm-{number}", start, until=until))
    events += stamped([{"event": "failed", "machine": "worker-arm-6", "text": "failed at armed: it sent no"}], 560)
    left = [
        left_request("csr-2xbqk", "it is for localhost.localdomain, which is no machine of this run."),
        left_request("csr-9vm4t", "its subject has a second organization <b>system:masters</b>", "worker-arm-6"),
    ]
    return [*events, *finished(after, left=left)]


def large_run(count: int) -> list[Record]:
    before = [record(number) for number in range(1, count + 1)]
    events = begun(before)
    after = []
    for number, machine in enumerate(before):
        silent = number % 25 == 24
        change = {"failed": True, "reason": "it sent no certificate request.", "hint": "Look at its console."}
        after.append({**machine, **(change if silent else {"stage": "proven"})})
        if not silent:
            events += stamped(join_events(machine["name"], 20 + number % 90))
    return [*events, *finished(after)]
