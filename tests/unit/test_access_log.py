# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the web server's log tells of machines: its lines, its rotation, the stages and the diagnosis."""

from __future__ import annotations

import hashlib
import pathlib
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._access_log import Hit
from ansible_collections.multiarch.openshift.plugins.module_utils._access_log import parse_line
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._fetches import Fetches
from ansible_collections.multiarch.openshift.plugins.module_utils._log_tail import read_new
from ansible_collections.multiarch.openshift.plugins.module_utils._site_watch import SiteWatch
from ansible_collections.multiarch.openshift.plugins.modules.site_watch_info import compared
from ansible_collections.multiarch.openshift.plugins.modules.site_watch_info import new_hits
from lab.web import WebServer

Record = dict[str, t.Any]
NOW = 1_764_046_800.0  # 2025-11-25T05:00:00Z
BASE = "http://192.0.2.2:8080/openshift"
PATH = "/openshift/worker.ign"


def hit(path: str, *, at: float = NOW, address: str = "192.0.2.11", status: int = 200, method: str = "GET") -> Record:
    return Hit(at, address, method, f"/openshift/{path}", status, 100).as_dict()


@pytest.mark.parametrize(
    "line",
    [
        # nginx, combined
        '192.0.2.11 - - [25/Nov/2025:05:00:00 +0000] "GET /openshift/worker.ign HTTP/1.1" 200 1738 "-" "curl/7.76"',
        # httpd, common
        '192.0.2.11 - - [25/Nov/2025:05:00:00 +0000] "GET /openshift/worker.ign HTTP/1.0" 200 1738',
        # httpd, combined, another zone
        '192.0.2.11 - - [25/Nov/2025:10:30:00 +0530] "GET /openshift/worker.ign HTTP/1.1" 200 1738 "-" "a \\"b\\" c"',
        '192.0.2.11 - - [24/Nov/2025:23:00:00 -0600] "GET /openshift/worker.ign HTTP/1.1" 200 1738 "-" "-"',
        # httpd, vhost_combined
        'web:80 192.0.2.11 - - [25/Nov/2025:05:00:00 +0000] "GET /openshift/worker.ign HTTP/1.1" 200 1738 "-" "-"',
        # a user with blanks, an absolute target, escapes, a query, doubled slashes, one socket for both families
        '192.0.2.11 - jane doe [25/Nov/2025:05:00:00 +0000] "GET /openshift/worker.ign HTTP/1.1" 200 1738 "-" "-"',
        '192.0.2.11 - - [25/Nov/2025:05:00:00 +0000] "GET http://web/openshift/worker.ign HTTP/1.1" 200 1738 "-" "-"',
        '192.0.2.11 - - [25/Nov/2025:05:00:00 +0000] "GET //openshift//w%6frker.ign?x=1 HTTP/1.1" 200 1738 "-" "-"',
        '::ffff:192.0.2.11 - - [25/Nov/2025:05:00:00 +0000] "GET /openshift/worker.ign HTTP/1.1" 200 1738 "-" "-"',
    ],
)
def test_lines_of_the_usual_formats(line: str) -> None:
    assert parse_line(line) == Hit(NOW, "192.0.2.11", "GET", PATH, 200, 1738)


def test_an_address_of_version_6_and_an_answer_without_a_body() -> None:
    line = '2001:db8::11 - - [25/Nov/2025:05:00:00 +0000] "HEAD /openshift/worker.ign HTTP/1.1" 304 - "-" "-"'
    assert parse_line(line) == Hit(NOW, "2001:db8::11", "HEAD", PATH, 304, 0)


@pytest.mark.parametrize(
    "line",
    [
        "",
        '{"remote": "192.0.2.11", "status": 200}',
        '192.0.2.11 - - [yesterday] "GET / HTTP/1.1" 200 1738 "-" "-"',
        '192.0.2.11 - - [25/Foo/2025:05:00:00 +0000] "GET / HTTP/1.1" 200 1738 "-" "-"',
        '192.0.2.11 - - [25/Nov/2025:05:00:00 +0000] "\\x16\\x03\\x01" 400 166 "-" "-"',
        'machine.example.com - - [25/Nov/2025:05:00:00 +0000] "GET / HTTP/1.1" 200 1738 "-" "-"',
    ],
)
def test_other_lines_are_no_hits(line: str) -> None:
    assert parse_line(line) is None


# -- the file ----------------------------------------------------------------------------------------------------------


def test_only_what_is_new_is_read_and_half_a_line_is_left_for_later(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("one\ntwo\nthr")
    lines, position = read_new(str(log), None)
    assert lines == ["one", "two"]
    with log.open("a") as stream:
        stream.write("ee\n")
    lines, position = read_new(str(log), position)
    assert lines == ["three"]
    assert read_new(str(log), position)[0] == []


def test_a_rotated_log_loses_nothing(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("one\n")
    _lines, position = read_new(str(log), None)
    with log.open("a") as stream:
        stream.write("two\n")
    log.rename(tmp_path / "access.log.1")
    log.write_text("three\n")
    lines, position = read_new(str(log), position)
    assert lines == ["two", "three"]
    # copytruncate: the same file, shorter
    log.write_text("")
    assert read_new(str(log), position)[0] == []
    log.write_text("four\n")
    assert read_new(str(log), {"inode": position["inode"], "offset": 999})[0] == ["four"]


def test_a_log_that_cannot_be_read_is_said(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OperationError, match="publish_access_log"):
        read_new(str(tmp_path / "absent.log"), None)


# -- the stages --------------------------------------------------------------------------------------------------------

KERNEL, INITRAMFS, ROOTFS = ("9.6/aarch64/vmlinuz", "9.6/aarch64/live-initramfs.img", "9.6/aarch64/live-rootfs.img")
IGNITION, BOOT_FILE = "lab/worker-00ff.ign", "ipxe/52-54-00-00-00-01.ipxe"
PUBLISHED: Record = {
    "ignition": [{"pool": "worker", "url": f"{BASE}/{IGNITION}", "hash": "sha512-00"}],
    "artifacts": [
        {"kind": "kernel", "url": f"{BASE}/{KERNEL}"},
        {"kind": "initramfs", "url": f"{BASE}/{INITRAMFS}"},
        {"kind": "rootfs", "url": f"{BASE}/{ROOTFS}"},
    ],
}


def machine(number: int = 1, **values: t.Any) -> Record:
    return {
        "name": f"worker-arm-{number}",
        "addresses": [f"192.0.2.{10 + number}"],
        "macs": [f"52:54:00:00:00:0{number}"],
        "boot_method": "ipxe",
        "pool": "worker",
        "arm": True,
        **values,
    }


def fetches(*machines: Record, published: Record | None = None) -> Fetches:
    found = list(machines) or [machine(1), machine(2)]
    return Fetches(found, PUBLISHED if published is None else published, base_url=BASE, since=NOW - 60)


def test_stages_are_told_once_and_in_order() -> None:
    seen = fetches()
    assert seen.take([hit(BOOT_FILE), hit(KERNEL), hit(INITRAMFS)]) == {
        "worker-arm-1": ["boot file", "kernel", "initramfs"]
    }
    assert seen.take([hit(KERNEL), hit(ROOTFS, method="HEAD"), hit(ROOTFS), hit(IGNITION)]) == {
        "worker-arm-1": ["rootfs", "ignition"]
    }
    assert seen.installed("worker-arm-1")
    assert not seen.installed("worker-arm-2")


def test_a_boot_is_known_by_the_first_boot_file_or_kernel() -> None:
    seen = fetches()
    assert seen.booted_at("worker-arm-1") is None
    seen.take([hit(ROOTFS, at=NOW - 20), hit(BOOT_FILE, at=NOW - 10), hit(KERNEL, at=NOW)])
    assert seen.booted_at("worker-arm-1") == NOW - 10
    assert seen.booted_at("worker-arm-2") is None


def test_a_machine_is_known_by_the_address_from_which_it_fetched_its_own_boot_file() -> None:
    seen = fetches()
    found = seen.take([hit(BOOT_FILE, address="192.0.2.77"), hit(KERNEL, address="192.0.2.77")])
    assert found == {"worker-arm-1": ["boot file", "kernel"]}


def test_an_address_of_several_machines_tells_nothing() -> None:
    seen = fetches()
    other = "ipxe/52-54-00-00-00-02.ipxe"
    proxied = [hit(path, address="192.0.2.9") for path in (BOOT_FILE, other, ROOTFS, IGNITION)]
    assert seen.take(proxied) == {"worker-arm-1": ["boot file"], "worker-arm-2": ["boot file"]}
    assert not seen.installed("worker-arm-1")
    assert not seen.installed("worker-arm-2")
    assert seen.diagnosis(machine(1), NOW) is None


def test_what_is_not_of_this_run_does_not_count() -> None:
    seen = fetches(machine(1, powered_on="2025-11-25T05:00:00Z"), machine(2))
    assert seen.take([hit(KERNEL, at=NOW - 30), hit(KERNEL, address="203.0.113.1"), hit("readme.txt")]) == {}
    assert seen.take([hit(KERNEL, at=NOW - 300, address="192.0.2.12")]) == {}
    # the web host's clock is an hour behind
    assert seen.take([hit(KERNEL, at=NOW - 3600)], clock=3600) == {"worker-arm-1": ["kernel"]}


def test_a_run_that_is_taken_up_again_knows_files_by_their_names() -> None:
    seen = fetches(published={})
    found = seen.take([hit("9.6/aarch64/rhcos-live-kernel.aarch64"), hit(ROOTFS), hit(IGNITION)])
    assert found == {"worker-arm-1": ["kernel", "rootfs", "ignition"]}


def test_a_boot_file_after_the_ignition_is_a_second_installation() -> None:
    seen = fetches()
    seen.take([hit(BOOT_FILE), hit(ROOTFS), hit(IGNITION)])
    assert seen.take([hit(BOOT_FILE, at=NOW + 300)]) == {"worker-arm-1": ["again"]}


def test_a_kernel_after_the_ignition_is_one_by_a_loader_that_reads_its_boot_file_by_tftp() -> None:
    seen = fetches()
    seen.take([hit(KERNEL), hit(KERNEL, status=206), hit(ROOTFS), hit(IGNITION)])
    assert seen.take([hit(KERNEL, at=NOW + 300)]) == {"worker-arm-1": ["again"]}


def test_a_boot_file_that_is_gone_sends_a_machine_to_its_disk_and_is_told() -> None:
    seen = fetches()
    # iPXE asks for the files of other NICs as well
    assert seen.take([hit(BOOT_FILE, status=404), hit(BOOT_FILE), hit(ROOTFS), hit(IGNITION)]) == {
        "worker-arm-1": ["boot file", "rootfs", "ignition"]
    }
    assert seen.take([hit(BOOT_FILE, at=NOW + 300, status=404)]) == {"worker-arm-1": ["again in vain"]}


@pytest.mark.parametrize(
    ("hits", "reason", "hint"),
    [
        ([], "has fetched nothing from the web server (no line from 192.0.2.11 and none for 52:54", "DHCP"),
        ([hit(BOOT_FILE)], "it fetched boot file 6 min ago but not kernel", "loader"),
        ([hit(KERNEL)], "it fetched kernel 6 min ago but not initramfs", "memory"),
        ([hit(BOOT_FILE), hit(KERNEL), hit(INITRAMFS)], "kernel and initramfs 6 min ago but not rootfs", "network"),
        ([hit(KERNEL), hit(ROOTFS)], "fetched kernel and rootfs 6 min ago but not worker-00ff.ign", "coreos-installer"),
        ([hit(ROOTFS), hit(IGNITION)], "rootfs and worker-00ff.ign 6 min ago and sent no request since", "22623"),
        ([hit(IGNITION, status=404)], "asked the web server for worker-00ff.ign and was answered 404", "readable"),
    ],
)
def test_a_silent_machine_is_explained(hits: list[Record], reason: str, hint: str) -> None:
    seen = fetches()
    seen.take(hits)
    found = seen.diagnosis(machine(1), NOW + 360)
    assert found is not None
    assert reason in found[0]
    assert hint in found[1]


@pytest.mark.parametrize("published", [PUBLISHED, {}])
def test_a_silent_machine_that_boots_an_iso_is_explained(published: Record) -> None:
    by_iso = machine(1, boot_method="iso", iso_install="unattended", macs=[])
    name = "worker-00ff.ign" if published else "ignition"
    seen = fetches(by_iso, published=published)
    seen.take([])
    never = seen.diagnosis(by_iso, NOW + 360)
    assert never is not None
    assert f"has not asked the web server for {name} (no line from 192.0.2.11 in the last 7 min)" in never[0]
    assert "booted the ISO" in never[1]
    seen.take([hit(IGNITION)])
    silent = seen.diagnosis(by_iso, NOW + 360)
    assert silent is not None
    assert silent[0] == f"it fetched {name} 6 min ago and sent no request since"
    assert "22623" in silent[1]


def test_nothing_is_said_of_an_iso_whose_ignition_lies_elsewhere() -> None:
    by_hand = machine(1, boot_method="iso", iso_install="by_hand")
    entry = {**PUBLISHED["ignition"][0], "uploaded_url": "https://dav.example.com/lab/worker-00ff.ign"}
    for published in ({"ignition": [entry]}, {}):
        seen = fetches(by_hand, published=published)
        seen.take([])
        assert seen.diagnosis(by_hand, NOW) is None


def test_nothing_is_said_of_machines_that_fetch_nothing_here() -> None:
    seen = fetches()
    assert seen.diagnosis(machine(1), NOW) is None  # the log was not read yet
    seen.take([])
    assert seen.diagnosis(machine(1, arm=False), NOW) is None
    assert seen.diagnosis(machine(1, boot_method="external"), NOW) is None


# -- the watch ---------------------------------------------------------------------------------------------------------


def watch(**values: t.Any) -> SiteWatch:
    given = {"access_log": "/var/log/access.log", "base_url": BASE, "published": PUBLISHED, "now": NOW, **values}
    return SiteWatch([machine(1), machine(2)], **given)


def answer(**values: t.Any) -> Record:
    position = {"inode": 1, "offset": 9}
    lines = {"hits": [], "read": 0, "unread": 0, "position": position, "problem": ""}
    return {"time": NOW, "ignition": [], **lines, **values}


def test_the_log_is_read_every_few_seconds_and_the_ignition_every_minute() -> None:
    site = watch()
    first = site.due(NOW)
    assert first is not None
    assert (first["position"], first["path"]) == (None, "/openshift/")
    assert first["ignition"] == [{"url": f"{BASE}/{IGNITION}", "hash": "sha512-00"}]
    site.take(answer(), NOW)
    assert site.due(NOW + 1) is None
    second = site.due(NOW + 6)
    assert second is not None
    assert (second["position"], second["ignition"]) == ({"inode": 1, "offset": 9}, [])
    third = site.due(NOW + 61)
    assert third is not None
    assert third["ignition"]


def test_the_log_is_read_from_the_start_of_the_run_or_for_as_long_as_an_installation_takes() -> None:
    def seconds(*machines: Record, since: float | None) -> float:
        site = SiteWatch(machines, access_log="/l", base_url=BASE, published=PUBLISHED, since=since, now=NOW)
        question = site.due(NOW)
        assert question is not None
        return float(question["seconds"])

    assert seconds(machine(), since=NOW - 900) == 901
    assert seconds(machine(), since=None) == 1801
    # the machine that was powered on first
    early, late = machine(1, powered_on="2025-11-25T03:00:05Z"), machine(2, powered_on="2025-11-25T04:50:00Z")
    assert seconds(early, late, since=None) == 7201


def test_what_a_machine_fetched_long_before_the_wait_counts() -> None:
    site = watch(since=NOW - 900)
    paths = [BOOT_FILE, KERNEL, INITRAMFS, ROOTFS, IGNITION]
    site.take(answer(hits=[hit(path, at=NOW - 800) for path in paths]), NOW)
    assert site.installed("worker-arm-1")
    news = site.take(answer(hits=[hit(BOOT_FILE)]), NOW)
    assert list(news.reinstalling) == ["worker-arm-1"]
    silent = site.diagnosis(machine(2), NOW + 60)
    assert silent is not None
    assert "and none for 52:54:00:00:00:02 in the last 16 min)" in silent[0]


def test_without_a_log_only_the_ignition_is_looked_at() -> None:
    site = watch(access_log="")
    assert site.due(NOW) is not None
    assert site.due(NOW + 30) is None
    assert site.due(NOW + 60) is not None
    assert watch(access_log="", published={}).due(NOW) is None


def test_the_ignition_is_looked_at_where_each_machine_fetches_it() -> None:
    uploaded = "https://dav.example.com/lab/worker-00ff.ign"
    entry = {"pool": "worker", "url": f"{BASE}/{IGNITION}", "uploaded_url": uploaded, "hash": "sha512-00"}
    by_hand = machine(3, boot_method="iso", iso_install="by_hand")
    asked = SiteWatch(
        [machine(1), by_hand], access_log="", base_url=BASE, published={"ignition": [entry]}, now=NOW
    ).due(NOW)
    assert asked is not None
    assert [look["url"] for look in asked["ignition"]] == [entry["url"], uploaded]
    # no web host at all
    del entry["url"]
    asked = SiteWatch([by_hand], access_log="", base_url="", published={"ignition": [entry]}, now=NOW).due(NOW)
    assert asked is not None
    assert [look["url"] for look in asked["ignition"]] == [uploaded]


def test_an_ignition_that_changes_is_an_alarm() -> None:
    changed = {"url": f"{BASE}/{IGNITION}", "state": "changed", "detail": ""}
    news = watch().take(answer(ignition=[changed]), NOW)
    assert [text.startswith(f"ALARM: {BASE}/{IGNITION}") for text in news.warnings] == [True]
    away = {"url": f"{BASE}/{IGNITION}", "state": "unavailable", "detail": "the server answers 404"}
    news = watch().take(answer(ignition=[away]), NOW)
    assert "cannot be fetched any more: the server answers 404" in news.warnings[0]


def test_a_certificate_that_the_web_host_does_not_trust_leaves_the_ignition_unwatched_and_is_said() -> None:
    unknown = {"url": f"{BASE}/{IGNITION}", "state": "unknown", "detail": "self-signed certificate"}
    (said,) = watch().take(answer(ignition=[unknown]), NOW).warnings
    assert said.startswith("The published ignition is not watched: the web host does not trust the certificate of")
    assert said.endswith("(self-signed certificate).")
    assert watch().blind == ""


def test_the_ignition_of_another_run_is_known_by_its_name_once_it_was_fetched() -> None:
    site = watch(published={})
    assert site.blind == ""
    first = site.due(NOW)
    assert first is not None
    assert first["ignition"] == []
    fetched = "lab-x7k2p/worker-0123456789abcdef.ign"
    site.take(answer(hits=[hit(fetched), hit("lab-x7k2p/other-0123456789abcdee.ign", status=404)]), NOW)
    second = site.due(NOW + 6)
    assert second is not None
    assert second["ignition"] == [{"url": f"{BASE}/{fetched}", "hash": "sha512-0123456789abcdef"}]
    state = {"url": f"{BASE}/{fetched}", "state": "changed", "detail": ""}
    (said,) = site.take(answer(ignition=[state]), NOW + 6).warnings
    assert said.startswith(f"ALARM: {BASE}/{fetched} no longer returns what it was published as.")
    # it may have been one of an earlier try
    assert site.take(answer(ignition=[{**state, "state": "unavailable"}]), NOW + 66).warnings == []


def test_a_run_that_can_see_no_ignition_says_so() -> None:
    assert "not watched: another run has published it" in watch(access_log="", published={}).blind
    nobody = SiteWatch([machine(arm=False)], access_log="", base_url=BASE, published={}, now=NOW)
    assert nobody.blind == ""


CHANGED = {"url": f"{BASE}/{IGNITION}", "state": "changed", "detail": ""}
SAME = {**CHANGED, "state": "same"}
REFUSES = "the published ignition has changed since 2025-11-25T05:01:00Z, and its installer refuses it"
INSTALLS = "has changed since 2025-11-25T05:01:00Z, and it may have installed what somebody else put there"


def watch_a_change(one: Record, *hits: Record, log: bool = True) -> SiteWatch:
    """It is the same after a minute and has changed after two."""
    values = {"access_log": "/var/log/access.log" if log else "", "base_url": BASE, "published": PUBLISHED}
    site = SiteWatch([one], now=NOW, **values)
    for minute, state in ((1, SAME), (2, CHANGED)):
        at = NOW + 60 * minute
        new = [each for each in hits if at - 60 <= each["time"] < at]
        site.take(answer(time=at, hits=new, ignition=[state], position={"inode": 1, "offset": 9} if log else None), at)
    return site


@pytest.mark.parametrize("log", [True, False])
def test_a_silent_machine_whose_ignition_has_changed_is_explained_by_that(log: bool) -> None:
    for one, words in ((machine(), REFUSES), (machine(boot_method="iso"), REFUSES)):
        found = watch_a_change(one, hit(ROOTFS, at=NOW + 70), hit(IGNITION, at=NOW + 80), log=log).diagnosis(
            one, NOW + 300
        )
        assert found is not None
        assert found[0].endswith(f"; {words}")
        assert "machine_install_device" not in found[1]
        assert "publishes it anew" in found[1]
    one = machine(ignition_delivery="documented")
    found = watch_a_change(one, hit(IGNITION, at=NOW + 80), log=log).diagnosis(one, NOW + 300)
    assert found is not None
    assert found[0].endswith(INSTALLS)
    assert found[1].startswith("Power it off.")


@pytest.mark.parametrize(
    ("hits", "reason"),
    [
        # it has not come so far
        ([], "has fetched nothing"),
        ([hit(BOOT_FILE, at=NOW + 70)], "but not kernel"),
        # it had it before
        ([hit(ROOTFS, at=NOW + 10), hit(IGNITION, at=NOW + 20)], "ago and sent no request since"),
    ],
)
def test_what_stopped_a_machine_otherwise_is_not_put_down_to_a_changed_ignition(
    hits: list[Record], reason: str
) -> None:
    found = watch_a_change(machine(), *hits).diagnosis(machine(), NOW + 300)
    assert found is not None
    assert reason in found[0]
    assert "changed" not in found[0]


@pytest.mark.parametrize("log", [True, False])
def test_a_machine_that_checks_nothing_and_has_come_is_doubted(log: bool) -> None:
    one = machine(ignition_delivery="documented", node_name="worker-arm-1")
    said = watch_a_change(one, hit(IGNITION, at=NOW + 80), log=log).doubt(one)
    assert INSTALLS in said
    assert "oc adm cordon worker-arm-1" in said
    # before the first look
    site = watch()
    site.take(answer(ignition=[CHANGED]), NOW)
    assert "has changed since this run published it" in site.doubt(one)


def test_a_machine_that_had_the_published_ignition_or_checks_it_is_not_doubted() -> None:
    one = machine(ignition_delivery="documented", node_name="worker-arm-1")
    assert watch_a_change(one, hit(IGNITION, at=NOW + 20)).doubt(one) == ""
    assert watch_a_change(machine(), hit(IGNITION, at=NOW + 80)).doubt(machine()) == ""
    by_iso = machine(boot_method="iso", ignition_delivery="documented")
    assert watch_a_change(by_iso, hit(IGNITION, at=NOW + 80)).doubt(by_iso) == ""
    assert watch().doubt(one) == ""


def test_a_log_that_cannot_be_read_for_a_moment_is_read_again_and_explains_nothing_meanwhile() -> None:
    site = watch()
    site.take(answer(), NOW)
    gone = answer(position=None, problem="The access log cannot be read.")
    assert len(site.take(gone, NOW + 5).warnings) == 1
    assert site.diagnosis(machine(), NOW + 5) is None
    assert site.due(NOW + 30) is None
    later = site.due(NOW + 65)
    assert later is not None
    assert (later["access_log"], later["position"]) == ("/var/log/access.log", {"inode": 1, "offset": 9})
    assert site.take(answer(hits=[hit(KERNEL, at=NOW + 20)]), NOW + 65).events
    assert site.diagnosis(machine(), NOW + 65) is not None


def test_a_log_that_cannot_be_read_does_not_hide_a_changed_ignition() -> None:
    site = watch()
    changed = {"url": f"{BASE}/{IGNITION}", "state": "changed", "detail": ""}
    said = site.take(answer(position=None, problem="The access log cannot be read.", ignition=[changed]), NOW).warnings
    assert ["ALARM" in text for text in said] == [True, False]
    assert said[1] == "The access log cannot be read. What machines fetch is not shown until it can be."
    later = site.due(NOW + 60)
    assert later is not None
    assert len(later["ignition"]) == 1


def test_a_log_of_another_form_is_said_unless_other_lines_can_be_read() -> None:
    assert "neither nginx' nor httpd's" in watch().take(answer(unread=3), NOW).warnings[0]
    site = watch()
    assert site.take(answer(read=1, unread=3), NOW).warnings == []
    assert site.take(answer(unread=3), NOW + 5).warnings == []


def test_lines_of_requests_that_were_none_are_of_the_usual_form(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "access.log"
    usual = [f"192.0.2.9 - - [25/Nov/2020:10:00:00 +0000] {text}" for text in ('"-" 408 - "-" "-"', '"" 400 0 "-" "-"')]
    usual.append('192.0.2.9 - - [25/Nov/2025:05:00:00 +0000] "\\x16\\x03\\x01" 400 157 "-" "-"')
    log.write_text("\n".join([*usual, "", '{"remote": "192.0.2.11"}', "web - - [25/Nov/2025:05:00:00 +0000] x", ""]))
    params = {"access_log": str(log), "position": None, "seconds": 300.0, "path": "/openshift/"}
    found = new_hits(params, NOW)
    assert (found["hits"], found["read"], found["unread"]) == ([], 3, 2)


def test_the_served_ignition_is_compared_by_its_hash(tmp_path: pathlib.Path) -> None:
    (tmp_path / "worker.ign").write_bytes(b"{}")
    server = WebServer(tmp_path, "127.0.0.1")
    server.start()
    try:
        entry = {"url": f"{server.url}/worker.ign", "hash": f"sha512-{hashlib.sha512(b'{}').hexdigest()}"}
        assert compared(entry, 5)["state"] == "same"
        assert compared({**entry, "hash": entry["hash"][:23]}, 5)["state"] == "same"
        (tmp_path / "worker.ign").write_bytes(b"{ }")
        assert compared(entry, 5)["state"] == "changed"
        (tmp_path / "worker.ign").unlink()
        assert compared(entry, 5) == {"url": entry["url"], "state": "unavailable", "detail": "the server answers 404"}
    finally:
        server.close()


# -- machines that boot an ISO -----------------------------------------------------------------------------------------

SIZED = {**PUBLISHED, "ignition": [{**PUBLISHED["ignition"][0], "size": 2083}]}
BY_ISO: Record = {"boot_method": "iso", "iso_install": "unattended"}


def test_a_second_ignition_is_a_second_installation_where_the_iso_installs_by_itself() -> None:
    seen = fetches(machine(1, **BY_ISO), published=SIZED)
    assert seen.take([{**hit(IGNITION), "size": 2083}]) == {"worker-arm-1": ["ignition"]}
    assert seen.take([{**hit(IGNITION, at=NOW + 300), "size": 2083}]) == {"worker-arm-1": ["again"]}


def test_a_download_that_broke_off_and_a_command_that_is_typed_twice_are_none() -> None:
    seen = fetches(machine(1, **BY_ISO), published=SIZED)
    seen.take([{**hit(IGNITION), "size": 2083}])
    assert seen.take([{**hit(IGNITION, at=NOW + 300), "size": 100}]) == {}
    by_hand = fetches(machine(1, boot_method="iso", iso_install="by_hand"), published=SIZED)
    by_hand.take([{**hit(IGNITION), "size": 2083}])
    assert by_hand.take([{**hit(IGNITION, at=NOW + 300), "size": 2083}]) == {}
