# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the events of a run to its report."""

from __future__ import annotations

import json
import pathlib
import re
import shutil
import stat
import subprocess
import time
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils import _join
from ansible_collections.multiarch.openshift.plugins.module_utils import _run_events as run_events
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._event_file import EventFile
from ansible_collections.multiarch.openshift.plugins.module_utils._event_file import parse_events
from ansible_collections.multiarch.openshift.plugins.module_utils._printable import printable
from ansible_collections.multiarch.openshift.plugins.module_utils._report import STAGES
from ansible_collections.multiarch.openshift.plugins.module_utils._report import report
from ansible_collections.multiarch.openshift.plugins.module_utils._report_html import html_report
from ansible_collections.multiarch.openshift.plugins.module_utils._report_junit import junit
from ansible_collections.multiarch.openshift.plugins.module_utils._report_words import duration
from ansible_collections.multiarch.openshift.plugins.module_utils._run_events import summary
from ansible_collections.multiarch.openshift.plugins.module_utils._verdict import verdicts
from ansible_collections.multiarch.openshift.plugins.modules import run_report
from ansible_collections.multiarch.openshift.plugins.plugin_utils import _kept_report
from support import events
from support.module import run_module
from support.paths import ROOT

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
REASON = {"age": 7, "code": "ambiguous", "hint": "Wait."}
VOID = {"meta", "br", "link", "img", "hr", "input"}


def left(document: dict[str, Any], kind: str) -> list[dict[str, str]]:
    return [item for item in document["left_to_you"] if item["kind"] == kind]


def by_name(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {machine["name"]: machine for machine in document["machines"]}


# -- the document ------------------------------------------------------------------------------------------------------


def test_every_machine_has_its_result_and_its_story() -> None:
    document = report(events.mixed_run())
    assert document["schema_version"] == 1
    assert document["outcome"] == "failed"
    assert document["seconds"] == 600
    assert document["counts"] == {
        "machines": 6,
        "proven": 3,
        "joined": 1,
        "failed": 2,
        "unfinished": 0,
        "unchanged": 1,
    }
    machines = by_name(document)
    assert [machines[f"worker-arm-{number}"]["result"] for number in range(1, 7)] == [
        "proven",
        "proven",
        "proven",
        "joined",
        "failed",
        "failed",
    ]
    assert [event["event"] for event in machines["worker-arm-3"]["events"]] == ["existing_node"]
    assert [event["event"] for event in machines["worker-arm-6"]["events"]] == ["armed", "failed", "disarmed"]
    assert machines["worker-arm-1"]["events"][1]["csr"] == "csr-c-worker-arm-1"


def test_what_is_left_to_a_person_comes_in_the_order_of_doing_it() -> None:
    document = report(events.mixed_run())
    kinds = [item["kind"] for item in document["left_to_you"]]
    assert kinds == ["failed", "failed", "again", "not_proven", "request", "request", "check", "load_balancer"]
    assert left(document, "again")[0]["command"].endswith("--limit worker-arm-5,worker-arm-6")
    assert left(document, "request")[0]["command"] == "oc adm certificate approve csr-2xbqk"
    assert "192.0.2.11" in left(document, "load_balancer")[0]["text"]


def test_what_is_to_be_copied_stands_apart() -> None:
    (item,) = left(report(events.mixed_run()), "check")
    assert item["text"].endswith("httpd may not read. Give it the right one:")
    assert item["command"].splitlines()[1] == "restorecon -R /srv/www"
    assert "\nrestorecon -R /srv/www</pre>" in html_report(report(events.mixed_run()))


def test_a_run_without_trouble_leaves_nothing_but_the_site_itself() -> None:
    before = [events.record(1)]
    run = [*events.begun(before), *events.finished([{**before[0], "stage": "proven"}])]
    document = report(run)
    assert document["outcome"] == "done"
    assert [item["kind"] for item in document["left_to_you"]] == ["check", "load_balancer"]


def test_an_interrupted_run_shows_how_far_everybody_came() -> None:
    before = [events.record(number) for number in (1, 2, 3)]
    run = [
        *events.begun(before),
        *events.stamped(events.join_events("worker-arm-1", 20)),
        *events.stamped(events.join_events("worker-arm-2", 20, until="client_approved")),
    ]
    document = report(run)
    assert document["outcome"] == "interrupted"
    assert {name: (m["result"], m["stage"]) for name, m in by_name(document).items()} == {
        "worker-arm-1": ("proven", "proven"),
        "worker-arm-2": ("unfinished", "client_approved"),
        "worker-arm-3": ("unfinished", "armed"),
    }
    approved = [(entry["name"], entry["signer"]) for entry in document["requests"]["approved"]]
    assert ("csr-c-worker-arm-2", "kubernetes.io/kube-apiserver-client-kubelet") in approved
    assert len(approved) == 3
    assert left(document, "interrupted")
    assert document["requests"]["left"] == []


def test_an_interrupted_run_tells_of_requests_that_were_left_alone() -> None:
    def left_alone(name: str, detail: str) -> dict[str, Any]:
        why = {"csr": name, "age": 7, "code": "ambiguous", "detail": detail, "hint": "Wait."}
        return {"event": "left", "machine": "worker-arm-1", "text": f"{name} left alone: {detail}", "time": 30, **why}

    said = [left_alone("csr-other", "there are two."), left_alone("csr-other", "there are three.")]
    said.append(left_alone("csr-c-worker-arm-1", "there are two."))
    said.append({"event": "left", "machine": "worker-arm-1", "text": "more requests come in", "time": 31})
    approved = events.join_events("worker-arm-1", 20, until="client_approved")
    document = report([*events.begun([events.record(1)]), *events.stamped([*said, *approved])])
    (entry,) = document["requests"]["left"]
    assert entry == {**events.left_request("csr-other", "there are three.", "worker-arm-1"), **REASON}
    assert "there are three." in html_report(document)
    assert [item["command"] for item in left(document, "request")] == ["oc adm certificate approve csr-other"]


def test_a_run_that_stopped_names_its_reason_once() -> None:
    stop = "The payload is for one architecture: oc adm upgrade --to-multi-arch"
    names = ["worker-arm-1", "worker-arm-2"]
    planned = [events.record(number, stage="planned", arm=False) for number in (1, 2)]
    from_plan = report([*events.begun(planned)[:1], *events.finished(planned, stop=stop)])
    before_plan = report([*events.begun(planned)[:1], *events.finished([], stop=stop)])
    for document in (from_plan, before_plan):
        assert document["outcome"] == "stopped"
        assert [machine["result"] for machine in document["machines"]] == ["failed", "failed"]
        assert [machine["name"] for machine in document["machines"]] == names
        assert [item["text"].count(stop) for item in left(document, "stopped")] == [1]
        assert left(document, "failed") == left(document, "again") == []


def test_machines_that_may_be_armed_still_are_named() -> None:
    before = [events.record(1), events.record(2)]
    after = [{**before[0], "stage": "proven"}, before[1]]
    run = [*events.begun(before), *events.stamped(events.join_events("worker-arm-1", 20))]
    document = report([*run, *events.finished(after, armed="the web host is unreachable")])
    assert "worker-arm-2" in left(document, "armed")[0]["text"]
    assert "worker-arm-1" not in left(document, "armed")[0]["text"]


def test_what_the_site_s_servers_need_is_named_while_there_are_new_machines() -> None:
    folder = "/home/me/site-changes"
    done = [events.record(1, stage="proven", changed=False)]
    assert left(report([*events.begun(done)[:1], *events.finished(done, site_changes=folder)]), "site_services") == []
    new = [*done, events.record(2, stage="proven", changed=True)]
    (item,) = left(report([*events.begun(new)[:1], *events.finished(new, site_changes=folder)]), "site_services")
    assert folder in item["text"]


def test_an_alarm_is_seen_also_where_the_run_was_interrupted() -> None:
    alarm = events.stamped([{"event": "alarm", "text": "the published ignition has changed"}], 60)
    run = [*events.begun([events.record(1)]), *alarm]
    assert report(run)["warnings"] == ["the published ignition has changed"]
    assert "the published ignition has changed" in html_report(report(run))


def test_the_last_run_in_the_file_counts() -> None:
    document = report([*events.mixed_run(), *events.begun([events.record(9)])])
    assert list(by_name(document)) == ["worker-arm-9"]
    assert document["outcome"] == "interrupted"


def test_a_file_without_a_run_has_a_report_that_says_so() -> None:
    document = report([])
    assert document["machines"] == []
    assert "holds no run" in html_report(document)
    assert ElementTree.fromstring(junit(document)).get("tests") == "0"


def test_stages_are_those_of_the_join() -> None:
    assert (*_join.STAGES, _join.JOINED) == STAGES


def test_every_field_is_described() -> None:
    described = set(re.findall(r"`([\w.?\[\]]+)`", (ROOT / "docs/report.md").read_text()))
    names = {part for path in described for part in re.split(r"[.?\[\]]+", path)}
    document = report(events.mixed_run())
    assert fields(document) - {"openshift", "ansible-core", "multiarch.openshift"} <= names


def fields(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(fields, value))
    if isinstance(value, dict):
        return {name for name in value if "-" not in name} | set().union(*map(fields, value.values()))
    return set()


# -- events ------------------------------------------------------------------------------------------------------------


def test_nothing_secret_is_written_down() -> None:
    text = events.lines(events.mixed_run())
    assert "canary" not in text
    assert "/private/" not in text
    assert "http://192.0.2.2:8080/lab-x7k2p/worker-d4d4d4d4d4d4d4d4.ign" in text


def test_the_summary_counts_machines_without_records_as_failed() -> None:
    machines = [events.record(1, stage="proven"), events.record(2, stage="joined", changed=False)]
    found = summary(machines, verdicts(machines), names=["worker-arm-1", "worker-arm-2", "worker-arm-3"], stop="")
    assert found == {
        "machines": 3,
        "proven": 1,
        "joined": 1,
        "unchanged": 1,
        "failed": 1,
        "failed_machines": ["worker-arm-3"],
        "stopped": "",
    }


def test_the_file_of_events_is_private_and_grows(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "new/events.jsonl"
    for text in ("one", "two"):
        with EventFile(str(path)) as file:
            file.note({"event": "warning", "machine": "worker-arm-1", "text": text})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found, broken = parse_events(path.read_text())
    assert [event["text"] for event in found] == ["one", "two"]
    assert broken == 0


def test_half_a_line_of_a_killed_run_does_not_swallow_the_beginning_of_the_next(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "events.jsonl"
    text = events.lines(events.begun([events.record(1)]))
    path.write_text(text[:-30])
    with EventFile(str(path)) as file:
        for event in run_events.started(["worker-arm-2"], {}):
            file.note(event)
    found, broken = parse_events(path.read_text())
    assert list(by_name(report(found))) == ["worker-arm-2"]
    assert broken == 1
    # nothing is added to whole lines
    before = path.read_bytes()
    with EventFile(str(path)):
        pass
    assert path.read_bytes() == before


def test_a_link_in_place_of_the_file_is_refused(tmp_path: pathlib.Path) -> None:
    (tmp_path / "events.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OperationError, match="report_directory"), EventFile(str(tmp_path / "events.jsonl")):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_half_a_line_and_lines_of_others_are_counted_and_left_out() -> None:
    found, broken = parse_events('{"time": "2026-11-25T04:56:21Z", "event": "warning"}\n[1]\n\nnot json\n{"time": "20')
    assert len(found) == 1
    assert broken == 3


# -- a report that outlives its controller -----------------------------------------------------------------------------


def test_the_report_is_kept_elsewhere_now_and_then_and_only_where_something_has_happened(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kept_report, "SECONDS", 0.0)
    path, asked = tmp_path / "events.jsonl", []
    path.write_text("one\n")

    def ask(module: str, arguments: dict[str, Any]) -> dict[str, Any]:
        asked.append((module, arguments))
        return {}

    kept = _kept_report.KeptReport(ask, str(path), {"directory": "~/r", "served_directory": ""}, pytest.fail)
    kept.write()
    kept.write()
    assert asked == [("multiarch.openshift.run_report", {"events": "one\n", "directory": "~/r"})]
    path.write_text("one\ntwo\n")
    kept.write()
    assert [arguments["events"] for _module, arguments in asked] == ["one\n", "one\ntwo\n"]
    monkeypatch.setattr(_kept_report, "SECONDS", 3600.0)
    path.write_text("one\ntwo\nthree\n")
    kept.write()
    path.write_text("one\ntwo\nthree\nfour\n")
    kept.write()
    assert len(asked) == 3


def test_a_report_that_cannot_be_kept_is_said_once_and_nothing_else(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_kept_report, "SECONDS", 0.0)
    path = tmp_path / "events.jsonl"
    said: list[str] = []

    def ask(_module: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        raise OperationError("The report cannot be written to /r: Permission denied.")

    kept = _kept_report.KeptReport(ask, str(path), {"directory": "/r"}, said.append)
    for text in ("one\n", "one\ntwo\n"):
        path.write_text(text)
        kept.write()
    assert said == ["No report is kept while the run goes on: The report cannot be written to /r: Permission denied."]


# -- HTML --------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Takes a page apart; fails where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_is_whole_and_asks_for_nothing_from_elsewhere() -> None:
    text = html_report(report(events.mixed_run()))
    page = Page(text)
    names = {tag for tag, _attributes in page.tags}
    assert not names & {"script", "link", "img", "iframe", "object", "form"}
    assert "url(" not in text
    assert "@import" not in text
    attributes = [item for _tag, found in page.tags for item in found.items()]
    assert [value for key, value in attributes if key in ("href", "src")] == ["#left"]
    assert not [key for key, _value in attributes if key.startswith("on")]
    assert "width=device-width" in text
    assert "prefers-color-scheme: dark" in text


def test_the_page_tells_what_the_document_says() -> None:
    page = Page(html_report(report(events.mixed_run()))).text
    for said in (
        "Some machines failed",
        "worker-arm-1 proven",
        "it sent no certificate request, after 540 s.",
        "csr-2xbqk",
        "sha512-" + "d4" * 64,
        "4.21.3",
        "oc adm certificate approve csr-9vm4t",
        "+4 min 20 s client CSR csr-c-worker-arm-1 approved",
    ):
        assert said in page, said
    assert page.rindex("Left to you") > page.rindex("Versions")


def test_a_run_that_only_approves_tells_of_its_cluster_and_leaves_out_what_it_did_not_do() -> None:
    document = report(events.approving_run())
    assert document["cluster"] == events.CLUSTER
    assert (document["outcome"], document["checks"], document["payload"]) == ("failed", [], {})
    page = Page(html_report(document)).text
    assert "ARM workers of lab-x7k2p" in page
    assert "This run has published nothing." in page
    assert "Checks of cluster and site" not in page
    assert "failed at planned" in page
    ElementTree.fromstring(junit(document))


def test_nothing_that_a_request_says_becomes_part_of_the_page() -> None:
    evil = '<script>alert(1)</script>" onload="x\u202egpj.\x00\x1b[2J'
    machine = events.record(1, name=evil, reason=evil, hint=evil, failed=True, warnings=[evil])
    run = [*events.begun([machine]), *events.finished([machine], left=[events.left_request("csr-1", evil)])]
    document = report(run)
    text = html_report(document)
    Page(text)
    assert "<script" not in text
    assert ' onload="x' not in text
    assert not re.search("[\u202e\x00\x1b]", text)
    # XML refuses what it cannot hold
    ElementTree.fromstring(junit(document))


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("outcome", ["mixed", "interrupted", "approving"])
def test_the_page_fits_a_screen_and_a_telephone(tmp_path: pathlib.Path, width: int, outcome: str) -> None:
    run = events.approving_run() if outcome == "approving" else events.mixed_run()
    document = report(run[:-12] if outcome == "interrupted" else run)
    # the report itself has no script: this one looks at the layout, in a frame as wide as the screen
    page = html_report(document).replace("default-src 'none'", "script-src 'unsafe-inline'")
    measure = (
        "<script>onload = () => {"
        " const most = document.documentElement.clientWidth;"
        " const wide = [...document.body.querySelectorAll('*')].filter("
        "   e => e.getBoundingClientRect().right > most + 1 && getComputedStyle(e.parentElement).overflow != 'hidden');"
        " document.title = 'wide=' + wide.length + ' width=' + most;"
        " parent.document.title = document.title }</script></body>"
    )
    (tmp_path / "report.html").write_text(page.replace("</body>", measure))
    # headless Chromium has no window narrower than 500
    frame = f'<title>?</title><iframe src="report.html" style="border: 0; width: {width}px; height: 900px"></iframe>'
    (tmp_path / "frame.html").write_text(frame)
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,1000", "--virtual-time-budget=3000"]
    answer = subprocess.run(
        [*command, "--dump-dom", (tmp_path / "frame.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r"<title>wide=(\d+) width=(\d+)</title>", answer.stdout)
    assert found, answer.stdout[:500] + answer.stderr[-500:]
    assert found[1] == "0"
    assert width - 20 <= int(found[2]) <= width


# -- JUnit -------------------------------------------------------------------------------------------------------------


def test_junit_has_a_case_per_machine() -> None:
    suite = ElementTree.fromstring(junit(report(events.mixed_run())))[0]
    cases = {case.get("name"): case for case in suite}
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("6", "2", "0")
    failure = cases["worker-arm-6"].find("failure")
    assert failure is not None
    assert failure.get("type") == "timed_out"
    assert failure.get("message") == "it sent no certificate request, after 540 s."
    assert cases["worker-arm-1"].find("failure") is None
    assert cases["worker-arm-1"].get("time") == "292"
    output = cases["worker-arm-1"].find("system-out")
    assert output is not None
    assert "node worker-arm-1 Ready" in (output.text or "")


def test_what_an_interrupted_run_left_unfinished_is_an_error() -> None:
    suite = ElementTree.fromstring(junit(report(events.begun([events.record(1)]))))[0]
    assert suite.get("errors") == "1"
    assert suite[0].find("error") is not None


# -- words -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (3600, "1 h"), (7500, "2 h 5 min")],
)
def test_durations_are_read_at_a_glance(seconds: int, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a\nb", "a b"), ("tür", "tür"), ("a\x00b", "a\ufffdb"), ("a\u202eb", "a\ufffdb"), ("a\u200bb", "a\ufffdb")],
)
def test_letters_that_do_not_show_are_replaced(given: str, shown: str) -> None:
    assert printable(given) == shown


# -- the module --------------------------------------------------------------------------------------------------------


def test_the_module_writes_three_files_once(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(events.lines(events.mixed_run()))
    arguments = {"events_path": str(path), "directory": str(tmp_path / "report")}
    assert run_module(run_report.main, arguments, check=True)["changed"] is True
    assert not (tmp_path / "report").exists()
    first = run_module(run_report.main, arguments)
    assert first["changed"] is True
    assert first["outcome"] == "failed"
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["junit.xml", "report.html", "report.json"]
    document = json.loads((tmp_path / "report/report.json").read_text())
    assert document == report(events.mixed_run())
    assert "oc adm certificate approve csr-2xbqk" in [item["command"] for item in first["left_to_you"]]
    assert run_module(run_report.main, arguments)["changed"] is False
    again = run_module(run_report.main, {"events": path.read_text(), "directory": arguments["directory"]})
    assert again["changed"] is False


def test_the_module_keeps_out_of_a_folder_that_is_served(tmp_path: pathlib.Path) -> None:
    (tmp_path / "www").mkdir()
    arguments = {"events": "", "directory": str(tmp_path / "www/report"), "served_directory": str(tmp_path / "www")}
    refused = run_module(run_report.main, arguments)
    assert refused["failed"] is True
    assert "report_directory" in refused["msg"]
    beside = run_module(run_report.main, {**arguments, "directory": str(tmp_path / "www-report")})
    assert beside["changed"] is True


def test_the_module_says_where_it_looked_for_events(tmp_path: pathlib.Path) -> None:
    answer = run_module(run_report.main, {"events_path": str(tmp_path / "none"), "directory": str(tmp_path)})
    assert answer["failed"] is True
    assert str(tmp_path / "none") in answer["msg"]


def test_three_hundred_machines_take_no_time() -> None:
    run = events.large_run(300)
    begin = time.process_time()
    document = report(run)
    size = len(html_report(document)) + len(junit(document))
    assert time.process_time() - begin < 2
    assert size < 2_000_000
