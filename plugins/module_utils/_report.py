# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The events of a run, told as one document. Private to the collection.

Nothing but the events goes in, and no clock is read: a run that was interrupted has a report like any other, and the
same events always give the same report. docs/report.md describes the document.
"""

from __future__ import annotations

import calendar
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT

SCHEMA_VERSION = 1
STAGES = (
    "planned",
    "armed",
    "client_approved",
    "client_issued",
    "registered",
    "serving_approved",
    "serving_issued",
    "ready",
    "proven",
    "joined",
)
DONE = ("proven", "joined")
SIGNERS = {
    "client_approved": "kubernetes.io/kube-apiserver-client-kubelet",
    "serving_approved": "kubernetes.io/kubelet-serving",
}
AGAIN = "ansible-playbook multiarch.openshift.add_arm_workers -i INVENTORY"
# More names in one command are unreadable; a run without a limit does the same, for it leaves proven machines alone.
MOST_LIMITED = 20
# Requests that a person is asked about one by one; the document has all of them.
MOST_ASKED = 50

Event = t.Mapping[str, t.Any]


def report(events: t.Sequence[Event], *, broken_lines: int = 0) -> dict[str, t.Any]:
    """The document about the last run in these events."""
    run = _last_run(events)
    facts = {event["event"]: event for event in run if "machine" not in event}
    end = facts.get("run_ended")
    machines = _machines(run, facts)
    requests = _requests(run, facts)
    document: dict[str, t.Any] = {
        "schema_version": SCHEMA_VERSION,
        "outcome": _outcome(machines, end),
        "started": run[0]["time"] if run else "",
        "ended": run[-1]["time"] if run else "",
        "seconds": _seconds(run[0]["time"], run[-1]["time"]) if run else 0,
        "stopped": (end or {}).get("stop") or "",
        "cluster": (facts.get("payload") or {}).get("cluster") or (facts.get("plan") or {}).get("cluster") or {},
        "versions": (facts.get("run_started") or {}).get("versions") or {},
        "payload": _without(facts.get("payload"), "cluster"),
        "counts": _counts(machines),
        "checks": [dict(finding) for finding in (facts.get("preflight") or {}).get("findings") or []],
        "machines": machines,
        "requests": requests,
        "artifacts": _artifacts(facts.get("published") or {}),
        "warnings": _warnings(run, facts),
        "broken_lines": broken_lines,
    }
    document["left_to_you"] = _left_to_you(document, end, facts)
    return document


def _last_run(events: t.Sequence[Event]) -> t.Sequence[Event]:
    starts = [index for index, event in enumerate(events) if event["event"] == "run_started"]
    return events[starts[-1] :] if starts else events


def _without(event: Event | None, *more: str) -> dict[str, t.Any]:
    return {key: value for key, value in (event or {}).items() if key not in ("time", "event", "text", *more)}


def _outcome(machines: t.Sequence[Event], end: Event | None) -> str:
    if end is None:
        return "interrupted"
    if end.get("stop"):
        return "stopped"
    return "done" if all(machine["result"] in DONE for machine in machines) else "failed"


def _counts(machines: t.Sequence[Event]) -> dict[str, int]:
    results = [machine["result"] for machine in machines]
    counts = {result: results.count(result) for result in ("proven", "joined", "failed", "unfinished")}
    unchanged = sum(machine["result"] in DONE and not machine["changed"] for machine in machines)
    return {"machines": len(machines), **counts, "unchanged": unchanged}


# -- machines ----------------------------------------------------------------------------------------------------------


def _machines(run: t.Sequence[Event], facts: t.Mapping[str, Event]) -> list[dict[str, t.Any]]:
    planned = {machine["name"]: machine for machine in (facts.get("plan") or {}).get("machines") or []}
    names = list((facts.get("run_started") or {}).get("names") or [])
    told: dict[str, list[Event]] = {name: [] for name in [*names, *planned]}
    for event in run:
        if event.get("machine"):
            told.setdefault(event["machine"], []).append(event)
    end = facts.get("run_ended")
    return [_machine(name, planned.get(name, {}), events, end) for name, events in told.items()]


def _machine(name: str, planned: Event, events: t.Sequence[Event], end: Event | None) -> dict[str, t.Any]:
    verdict = next((event for event in reversed(events) if event["event"] == "verdict"), None)
    failure = next((event for event in events if event["event"] == "failed"), None)
    stage = _stage(events, verdict)
    told = verdict or {}
    reason = told.get("reason") or (failure or {}).get("text") or ""
    if not reason and stage not in DONE:
        reason = (end or {}).get("stop") or ""
    story = [event for event in events if event["event"] != "verdict"]
    return {
        "name": name,
        "node_name": planned.get("node_name") or name,
        "architecture": planned.get("architecture") or "",
        "pool": planned.get("pool") or "",
        "boot_method": planned.get("boot_method") or "",
        "addresses": list(planned.get("addresses") or []),
        "macs": list(planned.get("macs") or []),
        "result": _result(stage, verdict, failure, end),
        "stage": stage,
        "changed": bool(told.get("changed", any(event["event"] in SIGNERS for event in story))),
        "reason": reason,
        "reason_code": told.get("reason_code") or "",
        "hint": told.get("hint") or "",
        "line": told.get("text") or "",
        "warnings": list(told.get("warnings") or []),
        "client_csr": told.get("client_csr") or "",
        "serving_csr": told.get("serving_csr") or "",
        "approved_by": told.get("approved_by") or "",
        "proof": told.get("proof") or "",
        "events": [_only(event, ("time", "event", "text", "csr")) for event in story],
    }


def _stage(events: t.Sequence[Event], verdict: Event | None) -> str:
    if verdict is not None and verdict.get("stage") in STAGES:
        return str(verdict["stage"])
    reached = [STAGES.index(event["event"]) for event in events if event["event"] in STAGES]
    return STAGES[max(reached, default=0)]


def _result(stage: str, verdict: Event | None, failure: Event | None, end: Event | None) -> str:
    if verdict["failed"] if verdict is not None else failure is not None:
        return "failed"
    if stage in DONE:
        return stage
    if verdict is not None:
        return "joined"  # its certificates are issued, and more was not asked for
    return "failed" if end is not None else "unfinished"


def _only(event: Event, keys: t.Sequence[str]) -> dict[str, t.Any]:
    return {key: event[key] for key in keys if key in event}


# -- requests and artifacts --------------------------------------------------------------------------------------------


def _requests(run: t.Sequence[Event], facts: t.Mapping[str, Event]) -> dict[str, list[dict[str, t.Any]]]:
    told = facts.get("requests")
    if told is None:
        # the run was interrupted before it could say more than this
        left = {event["csr"]: event for event in run if event["event"] == "left" and event.get("csr")}
        approved = [
            {
                "name": event["csr"],
                "machine": event["machine"],
                "signer": SIGNERS[event["event"]],
                "approved_at": event["time"],
            }
            for event in run
            if event["event"] in SIGNERS and event.get("csr")
        ]
        for entry in approved:
            left.pop(entry["name"], None)
        return {"approved": approved, "left": [_left_alone(event) for event in left.values()], "near_misses": []}
    return {key: [dict(entry) for entry in told.get(key) or []] for key in ("approved", "left", "near_misses")}


def _left_alone(event: Event) -> dict[str, t.Any]:
    name, why = event["csr"], _only(event, ("machine", "age", "code", "detail", "hint"))
    return {"name": name, **why, "command": f"oc adm certificate approve {name}"}


def _artifacts(published: Event) -> dict[str, list[dict[str, t.Any]]]:
    return {
        key: [dict(entry) for entry in published.get(key) or []] for key in ("ignition", "initrds", "boot_artifacts")
    }


def _warnings(run: t.Sequence[Event], facts: t.Mapping[str, Event]) -> list[str]:
    # what was said while the run waited comes again at its end, if it comes to that
    said = [event["text"] for event in run if event["event"] == "alarm"]
    return list(dict.fromkeys([*said, *((facts.get("requests") or {}).get("warnings") or [])]))


# -- what is left to a person ------------------------------------------------------------------------------------------


def _left_to_you(document: Event, end: Event | None, facts: t.Mapping[str, Event]) -> list[dict[str, str]]:
    return [
        *_run_again(document, end),
        *_still_armed(document, end),
        *_failed_machines(document),
        *_not_proven(document),
        *_requests_left(document),
        *_checks(document),
        *_load_balancers(facts.get("ingress") or {}),
        *_site_services(document, facts.get("site_changes") or {}),
    ]


def _item(kind: str, text: str, *, machine: str = "", command: str = "") -> dict[str, str]:
    return {"kind": kind, "machine": machine, "text": text, "command": command}


def _run_again(document: Event, end: Event | None) -> t.Iterator[dict[str, str]]:
    if end is None:
        text = (
            "The run was interrupted, and machines may still be armed. Run it again: it goes on where each machine"
            " stopped, and ends with no machine armed."
        )
        yield _item("interrupted", text, command=AGAIN)
    elif document["stopped"]:
        text = f"The whole run stopped: {_sentence(document['stopped'])} When that is mended, run it again."
        yield _item("stopped", text, command=AGAIN)


def _still_armed(document: Event, end: Event | None) -> t.Iterator[dict[str, str]]:
    if end is None or not end.get("armed"):
        return
    names = ", ".join(
        machine["name"]
        for machine in document["machines"]
        if any(event["event"] == "armed" for event in machine["events"])
        and not any(event["event"] == "disarmed" for event in machine["events"])
    )
    text = f"Boot files could not be removed: {_sentence(end['armed'])} Booted from the network, these install again"
    yield _item("armed", f"{text}: {names or 'all machines of this run'}.")


def _failed_machines(document: Event) -> t.Iterator[dict[str, str]]:
    failed = [machine for machine in document["machines"] if machine["result"] == "failed"]
    own = [machine for machine in failed if machine["reason"] and machine["reason"] != document["stopped"]]
    for machine in own:
        text = " ".join(_sentence(part) for part in (machine["reason"], machine["hint"]) if part)
        yield _item("failed", text, machine=machine["name"])
    if own and not document["stopped"]:
        again = f"{AGAIN} --limit {','.join(machine['name'] for machine in failed)}"
        text = "When that is done, run again: each machine goes on where it stopped, and the others are left alone."
        yield _item("again", text, command=again if len(failed) <= MOST_LIMITED else AGAIN)


def _not_proven(document: Event) -> t.Iterator[dict[str, str]]:
    for machine in document["machines"]:
        if machine["result"] == "joined":
            why = " ".join(_sentence(warning) for warning in machine["warnings"]) or "It joined, and was not proven."
            yield _item("not_proven", why, machine=machine["name"])


def _requests_left(document: Event) -> t.Iterator[dict[str, str]]:
    left = document["requests"]["left"]
    for entry in left[:MOST_ASKED]:
        text = f"{entry['name']} was left alone: {_sentence(entry['detail'])} Approve it only if you know whose it is."
        yield _item("request", text, machine=entry.get("machine") or "", command=entry["command"])
    if len(left) > MOST_ASKED:
        yield _item("request", f"{len(left) - MOST_ASKED} more requests were left alone.", command="oc get csr")


def _checks(document: Event) -> t.Iterator[dict[str, str]]:
    for finding in document["checks"]:
        if finding["verdict"] != "ok" and finding["to_do"]:
            # what is to be copied stands on lines of its own, indented
            lines = finding["to_do"].splitlines()
            words = [_sentence(finding["sentence"]), *(line for line in lines if not line.startswith("  "))]
            command = "\n".join(line.strip() for line in lines if line.startswith("  "))
            yield _item("check", " ".join(words), command=command)


def _load_balancers(ingress: Event) -> t.Iterator[dict[str, str]]:
    for entry in ingress.get("load_balancers") or []:
        text = (
            f"Routers of the ingress controller {entry['controller']} may run on new nodes ({entry['why']}). Add their"
            f" addresses to its load balancer (ports 80 and 443): {', '.join(entry['addresses'])}."
        )
        yield _item("load_balancer", text)
    if ingress.get("unknown"):
        text = (
            f"Whether routers may run on the new nodes is not known: {_sentence(ingress['unknown'])}"
            " If they may, the load balancer of the ingress needs the nodes' addresses."
        )
        command = "oc -n openshift-ingress-operator get ingresscontrollers -o yaml"
        yield _item("load_balancer", text, command=command)


def _site_services(document: Event, written: Event) -> t.Iterator[dict[str, str]]:
    booted = [machine for machine in document["machines"] if machine["boot_method"] in NETWORK_BOOT]
    # Who was a node before the run gets what it needs from the site's servers.
    if not written or all(machine["result"] in DONE and not machine["changed"] for machine in booted):
        return
    text = (
        "What the DHCP and DNS servers of the site need for the machines that boot from the network is in"
        f" {written['directory']}; nothing of it was applied."
    )
    yield _item("site_services", text)


# -- small parts -------------------------------------------------------------------------------------------------------


def seconds_of(moment: str) -> int:
    """Seconds since the epoch; 0 for a text that is no time."""
    try:
        return calendar.timegm(time.strptime(moment, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return 0


def _seconds(begin: str, end: str) -> int:
    return max(0, seconds_of(end) - seconds_of(begin))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


__all__ = ("DONE", "SCHEMA_VERSION", "STAGES", "report", "seconds_of")
