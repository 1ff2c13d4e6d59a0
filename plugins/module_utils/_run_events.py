# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run writes down about itself, as events. Private to the collection.

Only what is named here leaves a step for the report, so that nothing secret can get there by accident.
"""

from __future__ import annotations

import typing as t
import urllib.parse

Record = t.Mapping[str, t.Any]
Event = dict[str, t.Any]

MACHINE_KEYS = ("name", "node_name", "architecture", "pool", "boot_method", "addresses", "macs")
VERDICT_KEYS = (
    "stage",
    "changed",
    "reason",
    "reason_code",
    "hint",
    "warnings",
    "client_csr",
    "serving_csr",
    "approved_by",
    "proof",
)
PAYLOAD_KEYS = ("version", "architecture", "source", "image", "cluster", "remarks")
IGNITION_KEYS = ("pool", "hash", "size", "spec_version", "url")
ARTIFACT_KEYS = ("architecture", "kind", "name", "release", "sha256", "url")
INITRD_KEYS = ("pool", "hash", "name", "sha256", "size", "url")
REQUEST_KEYS = ("name", "machine", "signer", "created", "approved_at", "seconds")
LEFT_KEYS = ("name", "machine", "age", "code", "detail", "hint", "command")
MISS_KEYS = ("name", "claimed_node", "age", "likely_machine", "why")
FINDING_KEYS = ("check", "verdict", "sentence", "to_do", "machines")
INGRESS_KEYS = ("load_balancers", "unknown")


def started(names: t.Sequence[str], versions: Record) -> list[Event]:
    """The first events of a run: everything after them belongs to it."""
    text = f"the run begins, with {len(names)} machine{'' if len(names) == 1 else 's'}"
    return [{"event": "run_started", "text": text, "names": list(names), "versions": dict(versions)}]


def in_place(
    machines: t.Sequence[Record], *, findings: t.Sequence[Record], payload: Record, published: Record
) -> list[Event]:
    """What is known and armed before anybody waits for machines.

    :param findings: those of the preflight; empty where it did not come to that
    """
    return [*_facts(machines, findings=findings, payload=payload, published=published), *_guarded(machines)]


def ended(
    machines: t.Sequence[Record],
    *,
    findings: t.Sequence[Record],
    payload: Record,
    published: Record,
    join: Record,
    ingress: Record,
    site_changes: str,
    verdicts: t.Mapping[str, Record],
    stop: str,
    armed: str,
) -> list[Event]:
    """How the run ended.

    Facts come again: a run that stopped early has not written them down before.

    :param join: what node_join returned; empty where it did not come to that
    :param site_changes: folder with what the site's servers need; empty where there is none
    :param stop: why the whole run stopped; empty where it did not
    :param armed: why boot files could not be removed; empty where they were
    """
    events = _facts(machines, findings=findings, payload=payload, published=published)
    if join:
        events.append(
            {
                "event": "requests",
                "approved": [_only(REQUEST_KEYS, entry) for entry in join.get("approved") or []],
                "left": [_only(LEFT_KEYS, entry) for entry in join.get("left") or []],
                "near_misses": [_only(MISS_KEYS, entry) for entry in join.get("near_misses") or []],
                "warnings": list(join.get("warnings") or []),
            }
        )
    if ingress.get("load_balancers") or ingress.get("unknown"):
        events.append({"event": "ingress", **_only(INGRESS_KEYS, ingress)})
    if site_changes:
        events.append({"event": "site_changes", "directory": site_changes})
    if not armed:
        # whoever came further was disarmed on the way
        late = [machine["name"] for machine in machines if machine["stage"] == "armed" and machine.get("boot_files")]
        events += [{"event": "disarmed", "machine": name, "text": "boot files withdrawn at the end"} for name in late]
    by_name = {machine["name"]: machine for machine in machines}
    for name, verdict in verdicts.items():
        kept = _only(VERDICT_KEYS, by_name.get(name, {}))
        said = {"failed": verdict["failed"], "text": verdict["line"]}
        events.append({"event": "verdict", "machine": name, **said, **kept})
    text = f"the run stopped: {stop}" if stop else "the run ended"
    return [*events, {"event": "run_ended", "text": text, "stop": stop, "armed": armed}]


def summary(
    machines: t.Sequence[Record], verdicts: t.Mapping[str, Record], *, names: t.Sequence[str], stop: str
) -> dict[str, t.Any]:
    """The run in a few numbers, for workflow conditions.

    :param names: the machines of the run, also where it stopped before there were records
    """
    good = {machine["name"]: machine for machine in machines if not verdicts[machine["name"]]["failed"]}
    return {
        "machines": len(names),
        "proven": sum(machine["stage"] == "proven" for machine in good.values()),
        "joined": sum(machine["stage"] == "joined" for machine in good.values()),
        "unchanged": sum(not machine.get("changed") for machine in good.values()),
        "failed": len(names) - len(good),
        "failed_machines": [name for name in names if name not in good],
        "stopped": stop,
    }


def _facts(
    machines: t.Sequence[Record], *, findings: t.Sequence[Record], payload: Record, published: Record
) -> list[Event]:
    events: list[Event] = []
    if findings:
        events.append({"event": "preflight", "findings": [_only(FINDING_KEYS, entry) for entry in findings]})
    if machines:
        plan = {"event": "plan", "machines": [_only(MACHINE_KEYS, machine) for machine in machines]}
        events.append({**plan, "cluster": machines[0].get("cluster") or {}})
    if payload.get("version"):
        events.append({"event": "payload", "text": str(payload.get("next_step") or ""), **_only(PAYLOAD_KEYS, payload)})
    if published:
        events.append(
            {
                "event": "published",
                "ignition": [_only(IGNITION_KEYS, entry) for entry in published.get("ignition") or []],
                "initrds": [_only(INITRD_KEYS, entry) for entry in published.get("initrds") or []],
                "boot_artifacts": [_only(ARTIFACT_KEYS, entry) for entry in published.get("artifacts") or []],
            }
        )
    return events


def _guarded(machines: t.Sequence[Record]) -> t.Iterator[Event]:
    for machine in machines:
        name, node = machine["name"], machine.get("existing_node")
        if machine.get("failed"):
            text = f"failed at {machine['stage']}: {machine['reason'].rstrip('.')}. {machine['hint']}".rstrip()
            yield {"event": "failed", "machine": name, "text": text}
        elif machine["stage"] == "armed":
            text = f"armed: {', '.join(machine.get('boot_files') or [])}"
            yield {"event": "armed", "machine": name, "text": text}
        elif node:
            state = "Ready" if node["ready"] else "not Ready"
            yield {"event": "existing_node", "machine": name, "text": f"node {node['name']} exists and is {state}"}


def _only(keys: t.Sequence[str], entry: Record) -> dict[str, t.Any]:
    kept = {key: entry[key] for key in keys if key in entry}
    if isinstance(kept.get("url"), str):
        kept["url"] = _without_credentials(kept["url"])
    return kept


def _without_credentials(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


__all__ = ("ended", "in_place", "started", "summary")
