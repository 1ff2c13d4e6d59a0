# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as one HTML file: no script, nothing from elsewhere, for a telephone as well. Private to the collection."""

from __future__ import annotations

import html
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._report import DONE
from ansible_collections.multiarch.openshift.plugins.module_utils._report import seconds_of
from ansible_collections.multiarch.openshift.plugins.module_utils._report_style import STYLE
from ansible_collections.multiarch.openshift.plugins.module_utils._report_words import duration

OUTCOMES = {
    "done": "All machines are nodes",
    "failed": "Some machines failed",
    "stopped": "The run stopped",
    "interrupted": "The run was interrupted",
}
RESULTS = {"proven": "proven", "joined": "joined, not proven", "failed": "failed", "unfinished": "unfinished"}
# The bar of a machine: what it did up to the first of these events.
PHASES = (
    ("boot", "boots and installs", ("client_approved", "client_issued", "registered")),
    ("join", "becomes a node", ("registered",)),
    ("proof", "is proven", ("proven", "joined")),
)
SIGNERS = {"kubernetes.io/kube-apiserver-client-kubelet": "client", "kubernetes.io/kubelet-serving": "serving"}
VERDICTS = {"warn": "unfinished", "fail": "failed"}
# A flood of strangers' requests must not make the page unreadable; report.json has all of them.
MOST_LEFT = 200
MOST_OPEN = 10

Document = t.Mapping[str, t.Any]


def html_report(document: Document) -> str:
    """The page."""
    title = f"ARM workers of {document['cluster'].get('name') or 'the cluster'}"
    parts = [
        _header(document, title),
        "<main>",
        _machines(document),
        _requests(document["requests"]),
        _checks(document["checks"]),
        _artifacts(document["artifacts"]),
        _versions(document),
        _left_to_you(document["left_to_you"]),
        "</main>",
    ]
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _text(value: object) -> str:
    return html.escape(printable(value))


def _code(value: object) -> str:
    return f"<code>{_text(value)}</code>"


# -- the top -----------------------------------------------------------------------------------------------------------


def _header(document: Document, title: str) -> str:
    outcome, left = document["outcome"], document["left_to_you"]
    if document["started"]:
        begin, end = _moment(document["started"]), _moment(document["ended"])
        end = end if begin[:10] != end[:10] else end[11:]
        when = f"{begin} to {end} UTC, {duration(document['seconds'])}"
    else:
        when = "The file of events holds no run."
    lines = [
        "<header>",
        f"<h1>{_text(title)}</h1>",
        f'<p class="outcome {outcome}">{OUTCOMES[outcome]}</p>',
        f"<p>{_text(when)}</p>",
    ]
    if document["stopped"]:
        lines.append(f'<p class="problem">{_text(document["stopped"])}</p>')
    lines.append(_tiles(document["counts"]))
    if left:
        things = "1 thing is" if len(left) == 1 else f"{len(left)} things are"
        lines.append(f'<p><a href="#left">{things} left to you</a></p>')
    lines += [f'<p class="warning">{_text(warning)}</p>' for warning in document["warnings"]]
    if document["broken_lines"]:
        lines.append(f'<p class="warning">{document["broken_lines"]} unreadable lines of the events were left out.</p>')
    return "\n".join([*lines, "</header>"])


def _tiles(counts: t.Mapping[str, int]) -> str:
    tiles = [
        f'<div class="tile {key}"><dd>{counts[key]}</dd><dt>{key}</dt></div>'
        for key in ("machines", "proven", "joined", "failed", "unfinished", "unchanged")
        if counts[key] or key in ("machines", "proven", "failed")
    ]
    return f'<dl class="tiles">{"".join(tiles)}</dl>'


def _moment(moment: str) -> str:
    return moment.replace("T", " ").rstrip("Z")


# -- machines ----------------------------------------------------------------------------------------------------------


def _machines(document: Document) -> str:
    legend = "".join(f'<span><i class="{name}"></i>{words}</span>' for name, words, _events in PHASES)
    # whoever needs a person first
    machines = sorted(document["machines"], key=lambda machine: machine["result"] in DONE)
    rows = [_machine(machine, document) for machine in machines]
    return "\n".join(
        [
            "<section><h2>Machines</h2>",
            f'<p class="legend">{legend}<span><i class="stopped"></i>stopped there</span></p>',
            *rows,
            "</section>",
        ]
    )


def _machine(machine: Document, document: Document) -> str:
    done = machine["result"] in DONE
    facts = [machine["architecture"], machine["boot_method"], *machine["addresses"], *machine["macs"]]
    if machine["node_name"] != machine["name"]:
        facts.insert(0, f"node {machine['node_name']}")
    if machine["pool"] and machine["pool"] != "worker":
        facts.append(f"pool {machine['pool']}")
    note = RESULTS[machine["result"]] + (", unchanged" if done and not machine["changed"] else "")
    lines = [
        f'<details class="machine"{"" if done else " open"}>',
        f'<summary><span class="name">{_text(machine["name"])}</span>'
        f'<span class="pill {machine["result"]}">{note}</span>{_bar(machine, document)}</summary>',
        f'<p class="facts">{" · ".join(_text(fact) for fact in facts if fact)}</p>',
    ]
    if not done and machine["reason"]:
        lines.append(f'<p class="problem">{_text(machine["reason"])}</p>')
    if machine["hint"]:
        lines.append(f'<p class="hint">{_text(machine["hint"])}</p>')
    lines += [f'<p class="warning">{_text(warning)}</p>' for warning in machine["warnings"]]
    lines.append(_timeline(machine, document["started"]))
    return "\n".join([*lines, "</details>"])


def _timeline(machine: Document, started: str) -> str:
    events = machine["events"]
    if not events:
        return '<p class="facts">Nothing happened to it in this run.</p>'
    rows = [
        f'<li class="{_text(event["event"])}">'
        f'<time datetime="{_text(event["time"])}">{_offset(event["time"], started)}</time>'
        f"<span>{_text(_event_text(event, machine))}</span></li>"
        for event in events
    ]
    return f'<ol class="timeline">{"".join(rows)}</ol>'


def _event_text(event: Document, machine: Document) -> str:
    if event["event"] == "failed" and machine["reason"]:
        # the reason stands above
        return f"failed at {machine['stage']}"
    return event.get("text") or event["event"]


def _offset(moment: str, started: str) -> str:
    return f"+{duration(max(0, seconds_of(moment) - seconds_of(started)))}"


def _bar(machine: Document, document: Document) -> str:
    """The way of a machine as a bar, on the run's own scale; decoration, for the timeline says the same in words."""
    whole, events = max(1, document["seconds"]), machine["events"]
    if not events:
        return ""
    first: dict[str, int] = {}
    for event in events:
        first.setdefault(event["event"], seconds_of(event["time"]) - seconds_of(document["started"]))
    begin = first.get("powered_on", first.get("armed", min(first.values())))
    last = first.get("failed", seconds_of(events[-1]["time"]) - seconds_of(document["started"]))
    pieces = []
    for name, _words, ends in PHASES:
        reached = [first[event] for event in ends if event in first]
        if not reached:
            stopped = machine["result"] not in DONE
            pieces.append(_piece("stopped" if stopped else name, begin, max(begin, last), whole))
            break
        pieces.append(_piece(name, begin, min(reached), whole))
        begin = max(begin, min(reached))
    return f'<span class="bar" aria-hidden="true">{"".join(pieces)}</span>'


def _piece(name: str, begin: int, end: int, whole: int) -> str:
    left, width = 100 * begin / whole, 100 * max(0, end - begin) / whole
    return f'<i class="{name}" style="left:{min(left, 99.0):.1f}%;width:{min(width, 100.0):.1f}%"></i>'


# -- tables ------------------------------------------------------------------------------------------------------------


def _table(heads: t.Sequence[str], rows: t.Sequence[t.Sequence[str]]) -> str:
    """Cells are HTML; on a narrow screen each row is a card whose cells carry their heads."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    cells = ["".join(f'<td data-head="{name}">{cell}</td>' for name, cell in zip(heads, row)) for row in rows]
    body = "\n".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _requests(requests: Document) -> str:
    approved, left = requests["approved"], requests["left"]
    lines = ["<section><h2>Certificate requests</h2>"]
    if not (approved or left):
        lines.append("<p>No request was decided on.</p>")
    if left:
        rows = [
            (
                _code(entry["name"]),
                _text(entry.get("machine") or "none"),
                f"{_text(entry['detail'])} {_text(entry.get('hint') or '')}<br>{_code(entry['command'])}",
            )
            for entry in left[:MOST_LEFT]
        ]
        lines.append(f'<h3><span class="pill unfinished">left alone</span> {len(left)}</h3>')
        lines.append(_table(("request", "machine", "reason"), rows))
    if len(left) > MOST_LEFT:
        lines.append(f"<p>{len(left) - MOST_LEFT} more were left alone; report.json has them.</p>")
    if approved:
        rows = [
            (
                _code(entry["name"]),
                _text(entry.get("machine") or ""),
                f"{_text(SIGNERS.get(entry.get('signer') or '', ''))}: it passed every check" + _after(entry),
            )
            for entry in approved
        ]
        lines.append(
            f"<details{' open' if len(rows) <= MOST_OPEN else ''}>"
            f'<summary><span class="pill proven">approved</span> {len(rows)}</summary>'
        )
        lines.append(_table(("request", "machine", "reason"), rows) + "</details>")
    lines += [
        f"<p>{_code(miss['name'])} for {_code(miss['claimed_node'])} may be {_text(miss['likely_machine'])}:"
        f" {_text(miss['why'])}.</p>"
        for miss in requests["near_misses"]
        if miss.get("likely_machine")
    ]
    return "\n".join([*lines, "</section>"])


def _after(entry: Document) -> str:
    return f", {entry['seconds']:.1f} s after it appeared" if isinstance(entry.get("seconds"), (int, float)) else ""


def _checks(findings: t.Sequence[Document]) -> str:
    shown = [finding for finding in findings if finding["verdict"] != "ok"]
    if not findings:
        return ""
    rows = [
        (
            f'<span class="pill {VERDICTS.get(finding["verdict"], "unfinished")}">{_text(finding["verdict"])}</span>',
            _text(finding["check"]),
            _text(finding["sentence"]),
        )
        for finding in shown
    ]
    table = _table(("verdict", "check", "found"), rows) if rows else ""
    well = len(findings) - len(shown)
    return f"<section><h2>Checks of cluster and site</h2>\n<p>{well} of {len(findings)} are ok.</p>\n{table}</section>"


def _artifacts(artifacts: Document) -> str:
    rows = [
        (f"ignition of pool {_text(entry['pool'])}", _code(entry["hash"]), _text(entry.get("url") or ""))
        for entry in artifacts["ignition"]
    ]
    rows += [
        (f"initrd that pins the ignition of {_text(entry['pool'])}", _sha256(entry), _text(entry.get("url") or ""))
        for entry in artifacts["initrds"]
    ]
    rows += [
        (
            f"{_text(entry['kind'])} {_text(entry['architecture'])} {_text(entry.get('release') or '')}",
            _sha256(entry),
            _text(entry.get("url") or ""),
        )
        for entry in artifacts["boot_artifacts"]
    ]
    table = _table(("artifact", "hash", "published as"), rows) if rows else "<p>This run has published nothing.</p>"
    return f"<section><h2>Artifacts</h2>\n{table}</section>"


def _sha256(entry: Document) -> str:
    return _code(f"sha256-{entry['sha256']}")


def _versions(document: Document) -> str:
    payload, cluster = document["payload"], document["cluster"]
    rows = [("OpenShift", payload.get("version")), ("payload", payload.get("image"))]
    if payload.get("architecture"):
        rows.append(("architecture", f"{payload['architecture']} (says {payload.get('source') or 'nobody'})"))
    rows += [("remark", remark) for remark in payload.get("remarks") or []]
    rows += [("cluster UID", cluster.get("uid"))]
    rows += [(name.replace("_", "-"), version) for name, version in document["versions"].items()]
    cells = "".join(f"<dt>{_text(name)}</dt><dd>{_code(value)}</dd>" for name, value in rows if value)
    return f'<section><h2>Versions</h2>\n<dl class="versions">{cells}</dl></section>'


# -- the end -----------------------------------------------------------------------------------------------------------


def _left_to_you(items: t.Sequence[Document]) -> str:
    if not items:
        return '<section id="left"><h2>Left to you</h2>\n<p>Nothing.</p></section>'
    rows = []
    for item in items:
        machine = f'<span class="name">{_text(item["machine"])}</span> ' if item["machine"] else ""
        command = "\n".join(_text(line) for line in item["command"].splitlines())
        command = f"<pre>{command}</pre>" if command else ""
        rows.append(f'<li class="{_text(item["kind"])}">{machine}{_text(item["text"])}{command}</li>')
    return '<section id="left"><h2>Left to you</h2>\n<ol class="left">' + "\n".join(rows) + "</ol></section>"


__all__ = ("html_report",)
