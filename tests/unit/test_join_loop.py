# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The loop, against an API that answers in an order that a real one shows only now and then."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import pathlib
import queue
import re
import threading
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.action.node_join import _closing_lines
from ansible_collections.multiarch.openshift.plugins.module_utils import _site_watch
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Join
from ansible_collections.multiarch.openshift.plugins.module_utils._join_loop import Settings
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Conflict
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Forbidden
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unauthorized
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import Unavailable
from ansible_collections.multiarch.openshift.plugins.modules.site_watch_info import NO_LOG
from ansible_collections.multiarch.openshift.plugins.modules.site_watch_info import compared
from lab.web import WebServer
from support import csr_corpus as corpus

Object = dict[str, t.Any]


class Api:
    """Lists what it is given, and tells its watchers what it is told; ``on_approval`` is what an approval does."""

    server = "https://api.test:6443"
    clock_offset = 0.0

    def __init__(self, csr: Object) -> None:
        self.csrs = {csr["metadata"]["name"]: csr}
        self.nodes: list[Object] = []
        self.puts: list[Object] = []
        self.on_approval: t.Callable[[Object], Object] = lambda csr: csr
        self.refuse_lists = 0
        self.events: queue.Queue[Object] = queue.Queue()
        self.over = threading.Event()

    def allowed(self, *_right: object, **_more: object) -> bool:
        return True

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        if kind == "CertificateSigningRequest":
            return copy.deepcopy(self.csrs.get(name))
        return t.cast("Object | None", corpus.CLUSTER_OBJECTS.get(kind))

    def list(
        self, api_version: str, kind: str, namespace: str | None = None, *, field_selector: str | None = None
    ) -> tuple[list[Object], str]:
        if self.refuse_lists:
            self.refuse_lists -= 1
            raise Unauthorized("the token has expired")
        if kind == "Node":
            return copy.deepcopy(self.nodes), "1"
        mine = [csr for csr in self.csrs.values() if field_selector == f"spec.signerName={csr['spec']['signerName']}"]
        return copy.deepcopy(mine), "1"

    def watch(self, api_version: str, kind: str, **options: t.Any) -> t.Iterator[Object]:
        while not self.over.wait(0.01):
            if "client" in (options["field_selector"] or ""):
                try:
                    yield self.events.get_nowait()
                except queue.Empty:
                    continue

    def put_approval(self, csr: Object) -> Object:
        self.puts.append(csr)
        return self.on_approval(csr)

    def store(self, csr: Object) -> Object:
        self.csrs[csr["metadata"]["name"]] = csr
        self.events.put({"type": "MODIFIED", "object": copy.deepcopy(csr)})
        return csr


@pytest.fixture
def api() -> t.Iterator[Api]:
    csr, _parts = corpus.client_csr(born=corpus.time.time())
    found = Api(csr)
    yield found
    found.over.set()


def join(
    api: Api,
    *,
    timeout: float = 1.5,
    disarm: t.Callable[[list[Object]], bool] | None = None,
    reconnect: t.Callable[[], Api] | None = None,
) -> Object:
    settings = Settings(timeout=timeout, heartbeat=3600)
    lines: list[str] = []
    return Join(api, [corpus.machine()], settings, say=lines.append, disarm=disarm, reconnect=reconnect).run()


def test_answer_to_the_approval_that_comes_after_the_certificate_does_not_hide_it(api: Api) -> None:
    def late(csr: Object) -> Object:
        approved = {key: value for key, value in csr.items() if key not in ("apiVersion", "kind")}
        api.store(corpus.issue(approved))
        threading.Event().wait(0.3)
        return approved

    api.on_approval = late
    assert join(api)["machines"][0]["stage"] == "client_issued"


def test_request_that_changed_is_decided_again_and_not_approved_where_it_is_decided_now(api: Api) -> None:
    def denied(csr: Object) -> Object:
        stored = copy.deepcopy(csr)
        stored["status"]["conditions"] = [{"type": "Denied", "status": "True"}]
        api.store(stored)
        raise Conflict("the object has been modified")

    api.on_approval = denied
    result = join(api)
    assert (len(api.puts), result["approved"], result["machines"][0]["changed"]) == (1, [], False)


def test_a_request_that_is_left_alone_is_noted_with_its_reason_at_once(api: Api) -> None:
    (csr,) = api.csrs.values()
    csr["spec"]["groups"] = ["system:masters"]
    notes: list[Object] = []
    settings = Settings(timeout=1.5, heartbeat=3600)
    result = Join(api, [corpus.machine()], settings, say=lambda line: None, note=notes.append).run()
    (left,) = [note for note in notes if note["event"] == "left"]
    (entry,) = result["left"]
    assert {key: left[key] for key in ("machine", "code", "detail", "hint")} == {
        key: entry[key] for key in ("machine", "code", "detail", "hint")
    }
    assert left["csr"] == entry["name"]
    assert 0 <= left["age"] <= entry["age"]


def test_conflicts_without_end_are_given_up_after_five_tries(api: Api) -> None:
    def conflict(_csr: Object) -> Object:
        raise Conflict("the object has been modified")

    api.on_approval = conflict
    join(api)
    assert len(api.puts) == 5


def test_approval_whose_answer_was_lost_counts_once(api: Api) -> None:
    def lost(csr: Object) -> Object:
        api.store(corpus.issue({key: value for key, value in csr.items() if key not in ("apiVersion", "kind")}))
        raise Unavailable("connection reset")

    api.on_approval = lost
    result = join(api)
    assert (len(api.puts), len(result["approved"])) == (1, 1)
    assert result["machines"][0]["approved_by"] == "this run"


def test_error_that_nobody_expects_does_not_silence_a_machine(api: Api) -> None:
    def broken_once(csr: Object) -> Object:
        if len(api.puts) == 1:
            raise RuntimeError("a bug")
        return api.store(corpus.issue(csr))

    api.on_approval = broken_once
    assert (len(join(api)["approved"]), len(api.puts)) == (1, 2)


def test_api_that_is_away_at_the_start_is_waited_for(api: Api) -> None:
    answers = iter([Unavailable("connection refused"), Unavailable("connection refused")])

    def allowed(*_right: object, **_more: object) -> bool:
        for error in answers:
            raise error
        return True

    api.allowed = allowed  # type: ignore[method-assign]
    api.on_approval = lambda csr: api.store(corpus.issue(csr))
    assert len(join(api)["approved"]) == 1


def test_copies_of_the_machines_request_are_warned_of_and_do_not_keep_it_from_its_approval(api: Api) -> None:
    api.on_approval = lambda csr: api.store(corpus.issue(csr))
    born = corpus.time.time()
    for number in range(40):
        copy_of_it, _parts = corpus.client_csr(name=f"csr-copy-{number}", born=born)
        copy_of_it["metadata"]["resourceVersion"] = str(101 + number)
        api.csrs[copy_of_it["metadata"]["name"]] = copy_of_it
    result = join(api)
    assert [entry["name"] for entry in result["approved"]] == ["csr-client"]
    warnings = result["machines"][0]["warnings"]
    assert all("csr-client has the same key and is older" in warning for warning in warnings)
    assert len(warnings) == 1


@pytest.mark.parametrize("look", [False, True])
def test_nothing_is_given_to_a_machine_for_which_somebody_approved_what_the_rules_refuse(api: Api, look: bool) -> None:
    refused = api.csrs["csr-client"]
    refused["spec"]["groups"].append("system:masters")
    refused = corpus.issue(refused, reason="OcApprove")
    serving, _parts = corpus.serving_csr(born=corpus.time.time())
    api.csrs = {"csr-client": refused, "csr-serving": serving}
    api.nodes = [corpus.node(born=corpus.time.time())]
    found = Join(api, [corpus.machine()], Settings(timeout=60, heartbeat=3600), say=lambda line: None)
    result = found.look() if look else found.run()
    assert (api.puts, result["approved"]) == ([], [])
    assert result["machines"][0]["reason_code"] == "approved_by_other"


EVIL = "worker-arm-1.\x1b[2K\r\nworker-arm-1  client CSR csr-evil approved\n\x1b]0;pwn\x07\u202e"


def test_nothing_that_others_have_written_reaches_a_terminal_or_a_result_as_it_is(api: Api) -> None:
    now = corpus.time.time()

    def request(name: str, *rdns: bytes) -> Object:
        csr, parts = corpus.client_csr(name=name, born=now)
        csr["spec"]["request"] = corpus.wrap(dataclasses.replace(parts, rdns=rdns).der())
        return csr

    organization = corpus.tlv(0x31, corpus.attribute(corpus.O_OID, "system:nodes"))
    named = corpus.tlv(0x31, corpus.attribute(corpus.CN_OID, "system:node:worker-arm-1"))
    csrs = [
        request(
            "csr-name", organization, corpus.tlv(0x31, corpus.attribute(corpus.CN_OID, f"system:node:{EVIL}", 0x0C))
        ),
        request("csr-organization", corpus.tlv(0x31, corpus.attribute(corpus.O_OID, EVIL, 0x0C)), named),
        corpus.approve(corpus.client_csr("worker-arm-2", name="csr-denied", born=now)[0]),
        corpus.issue(corpus.client_csr("worker-arm-4", name="csr-by", born=now)[0], reason=EVIL),
        corpus.client_csr("worker-arm-4", name="csr-rival", born=now - 1, serial=7)[0],
        {**corpus.serving_csr("worker-arm-3", born=now)[0], "spec": {**api.csrs["csr-client"]["spec"]}},
    ]
    csrs[2]["status"]["conditions"][0].update(type="Denied", message=EVIL)
    csrs[5]["spec"]["username"] = EVIL
    api.csrs = {csr["metadata"]["name"]: csr for csr in csrs}
    node = corpus.node("worker-arm-3", ["192.0.2.13"], ready=False, born=now)
    node["status"]["conditions"][0]["message"] = EVIL
    node["status"]["nodeInfo"]["kubeletVersion"] = EVIL
    api.nodes = [node]
    machines = [corpus.machine(f"worker-arm-{number}", [f"192.0.2.1{number}"]) for number in (1, 2, 3, 4)]
    lines: list[str] = []
    notes: list[Object] = []
    settings = Settings(timeout=2.5, heartbeat=3600)
    result = Join(api, machines, settings, say=lines.append, note=notes.append).run()
    lines += _closing_lines(result, check=False)

    assert all(line.isprintable() for line in lines)
    assert not [text for text in _texts([result, notes]) if not text.isprintable()]
    shown = {machine["name"]: machine["reason"] for machine in result["machines"]}
    assert all("csr-evil approved" in reason for reason in shown.values()), shown


def _texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def test_missing_right_to_approve_fails_the_machine_at_once(api: Api) -> None:
    def forbidden(_csr: Object) -> Object:
        raise Forbidden("user may not approve")

    api.on_approval = forbidden
    machine = join(api, timeout=60)["machines"][0]
    assert (machine["failed"], machine["reason_code"]) == (True, "forbidden")


def test_approval_carries_the_version_that_was_judged(api: Api) -> None:
    api.on_approval = lambda csr: api.store(corpus.issue(csr))
    join(api)
    put = api.puts[0]
    assert (put["metadata"]["resourceVersion"], put["metadata"]["uid"]) == (
        "100",
        api.csrs["csr-client"]["metadata"]["uid"],
    )
    condition = put["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Approved", "True", "InventoryApproved")
    assert "worker-arm-1" in condition["message"]


def test_expired_token_is_read_again_once(api: Api) -> None:
    api.on_approval = lambda csr: api.store(corpus.issue(csr))
    api.refuse_lists = 1
    connections: list[Api] = []

    def reconnect() -> Api:
        connections.append(api)
        return api

    result = join(api, reconnect=reconnect)
    assert (len(connections), len(result["approved"]), result["stopped"]) == (1, 1, "")


def test_token_that_is_refused_to_all_at_once_is_read_again_once(api: Api) -> None:
    api.on_approval = lambda csr: api.store(corpus.issue(csr))
    api.refuse_lists = 3
    connections: list[Api] = []

    def reconnect() -> Api:
        connections.append(api)
        while api.refuse_lists:
            api.over.wait(0.01)
        api.over.wait(0.1)  # the reports of the other two come in
        return api

    result = join(api, timeout=3, reconnect=reconnect)
    assert (len(connections), len(result["approved"]), result["stopped"]) == (1, 1, "")


def test_token_that_is_refused_to_an_approval_is_read_again_and_uses_up_no_try(api: Api) -> None:
    names = ("worker-arm-1", "worker-arm-2", "worker-arm-3")
    csrs = [corpus.client_csr(name, name=f"csr-{name}", born=corpus.time.time())[0] for name in names]
    api.csrs = {csr["metadata"]["name"]: csr for csr in csrs}
    expired = threading.Event()
    expired.set()
    connections: list[Api] = []

    def approve(csr: Object) -> Object:
        if expired.is_set():
            raise Unauthorized("the token has expired")
        return api.store(corpus.issue(csr))

    def reconnect() -> Api:
        connections.append(api)
        while len(api.puts) < len(names):
            api.over.wait(0.01)
        expired.clear()
        return api

    api.on_approval = approve
    settings = Settings(timeout=6, heartbeat=3600)
    machines = [corpus.machine(name, [f"192.0.2.{number}"]) for number, name in enumerate(names, 11)]
    result = Join(api, machines, settings, say=lambda line: None, reconnect=reconnect).run()
    assert (len(connections), len(api.puts), len(result["approved"])) == (1, 6, 3)
    assert {machine["stage"] for machine in result["machines"]} == {"client_issued"}


def test_token_that_an_approval_is_refused_with_for_good_stops_the_run(api: Api) -> None:
    def refuse(_csr: Object) -> Object:
        raise Unauthorized("the token has expired")

    api.on_approval = refuse
    result = join(api, timeout=60, reconnect=lambda: api)
    assert (len(api.puts), "the token has expired" in result["stopped"]) == (2, True)


def test_token_that_is_read_again_must_be_for_the_same_cluster(api: Api) -> None:
    api.refuse_lists = 1
    identities = iter(["uid-1", "uid-2"])
    api.identity = lambda: {"name": "lab", "uid": next(identities)}  # type: ignore[attr-defined]
    machine = {**corpus.machine(), "cluster": {"name": "lab", "uid": "uid-1"}}
    settings = Settings(timeout=60, heartbeat=3600)
    result = Join(api, [machine], settings, say=lambda line: None, reconnect=lambda: api).run()
    assert "this step sees lab (uid-2)" in result["stopped"]
    assert api.puts == []


def test_token_that_stays_refused_stops_the_run_with_a_reason_for_each_machine(api: Api) -> None:
    api.refuse_lists = 1000
    result = join(api, timeout=60, reconnect=lambda: api)
    assert "the token has expired" in result["stopped"]
    assert (result["machines"][0]["failed"], result["machines"][0]["reason_code"]) == (True, "stopped")


def test_boot_files_go_when_the_client_request_comes(api: Api) -> None:
    api.on_approval = lambda csr: api.store(corpus.issue(csr))
    withdrawn: list[str] = []

    def disarm(machines: list[Object]) -> bool:
        withdrawn.extend(machine["name"] for machine in machines)
        return True

    join(api, disarm=disarm)
    assert withdrawn == ["worker-arm-1"]


def test_boot_files_stay_while_only_an_earlier_try_has_left_a_certificate(api: Api) -> None:
    now = corpus.time.time()
    api.csrs = {"csr-client": corpus.issue(corpus.client_csr(born=now - 300)[0], at=now - 299)}
    calls: list[list[Object]] = []

    def disarm(machines: list[Object]) -> bool:
        calls.append(machines)
        return True

    join(api, disarm=disarm)
    assert calls == []


IGNITION = {"pool": "worker", "url": "http://192.0.2.5/openshift/lab/worker-00.ign", "hash": "sha512-00", "size": 9}
BY_ISO = {
    "boot_method": "iso",
    "iso_install": "unattended",
    "pool": "worker",
    "bmc_url": "https://192.0.2.205",
    "bmc": {"system": "/redfish/v1/Systems/1", "media": "http://192.0.2.5/openshift/lab/install.iso", "target": "Cd"},
}
WATCHED = Settings(
    timeout=2.5,
    heartbeat=3600,
    access_log="/var/log/access.log",
    base_url="http://192.0.2.5/openshift",
    published={"ignition": [IGNITION]},
)


def _seen(hits: list[Object], offset: int) -> Object:
    """What the web host answers when it is looked at."""
    return {
        "time": corpus.time.time(),
        "hits": hits,
        "read": 1,
        "unread": 0,
        "position": {"offset": offset},
        "problem": "",
        "ignition": [],
    }


def test_the_installer_of_an_iso_loses_its_override_at_once_and_its_image_when_it_starts_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_site_watch, "LOOK_SECONDS", 0.1)
    api.csrs = {}
    told: list[str] = []
    started = corpus.time.time()

    looked_again = threading.Event()

    def by_bmc(machines: list[Object], media: bool) -> None:
        # a slow one; the web host is looked at meanwhile
        looked_again.wait(10)
        told.extend(f"{'media' if media else 'override'} of {machine['name']}" for machine in machines)

    def look_at_site(question: Object) -> Object:
        position = (question["position"] or {"offset": 0})["offset"]
        if position:
            looked_again.set()
        # first one installation, at the next look a second one
        found = {"address": "192.0.2.11", "method": "GET", "path": "/openshift/lab/worker-00.ign", "status": 200}
        hits = [{**found, "size": 9, "time": started + position}] if position < 2 else []
        return _seen(hits, position + 1)

    join = Join(
        api,
        [{**corpus.machine(), **BY_ISO}],
        WATCHED,
        say=lambda line: None,
        by_bmc=by_bmc,
        look_at_site=look_at_site,
    )
    machine = join.run()["machines"][0]
    assert told[0] == "override of worker-arm-1"
    assert told[1:] == ["media of worker-arm-1"]
    assert "it has booted its ISO again instead of its disk" in machine["warnings"][0]


def test_what_another_run_has_told_a_bmc_is_taken_back_when_the_client_request_comes(api: Api) -> None:
    api.on_approval = lambda csr: api.store(corpus.issue(csr))
    withdrawn = threading.Event()
    told: list[tuple[str, bool, bool]] = []

    def disarm(_machines: list[Object]) -> bool:
        withdrawn.set()
        return True

    def by_bmc(machines: list[Object], media: bool) -> None:
        told.extend((machine["name"], media, withdrawn.wait(30)) for machine in machines)

    # without "bmc": the plan is all that this run knows
    machine = {**corpus.machine(), "boot_method": "grub", "bmc_url": "https://192.0.2.205"}
    settings = Settings(timeout=1.5, heartbeat=3600)
    found = Join(api, [machine], settings, say=lambda line: None, disarm=disarm, by_bmc=by_bmc).run()
    assert told == [("worker-arm-1", True, True)]
    assert "warnings" not in found["machines"][0] or found["machines"][0]["warnings"] == []


def test_an_ignition_that_changes_while_machines_install_is_an_alarm_and_goes_on_to_be_one(
    api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr(_site_watch, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(_site_watch, "IGNITION_SECONDS", 0.1)
    api.csrs = {}
    told: list[str] = []
    states: list[str] = []
    served = tmp_path / "worker-00.ign"
    served.write_bytes(b"{}")
    server = WebServer(tmp_path, "127.0.0.1")
    server.start()

    def look_at_site(question: Object) -> Object:
        (found,) = [compared(entry, 5) for entry in question["ignition"]]
        states.append(found["state"])
        if states.count("same") == 2:
            served.write_bytes(b"{ }")
        return {"time": corpus.time.time(), "ignition": [found], "problem": "", **NO_LOG}

    entry = {**IGNITION, "url": f"{server.url}/worker-00.ign", "hash": f"sha512-{hashlib.sha512(b'{}').hexdigest()}"}
    settings = Settings(timeout=2.5, heartbeat=3600, base_url=server.url, published={"ignition": [entry]})
    booted = {**corpus.machine(), "boot_method": "ipxe", "pool": "worker", "macs": ["52:54:00:00:00:01"]}
    try:
        result = Join(api, [booted], settings, say=told.append, look_at_site=look_at_site).run()
    finally:
        server.close()
    assert states[:2] == ["same", "same"]
    assert set(states[2:]) == {"changed"}
    alarm = f"ALARM: {entry['url']} no longer returns what this run published."
    assert [text.startswith(alarm) for text in result["warnings"]].count(True) == 1
    assert [line.startswith(f"WARNING  {alarm}") for line in told].count(True) == 1


def test_a_change_of_the_ignition_is_told_of_machines_that_are_done_and_of_those_that_never_come(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_site_watch, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(_site_watch, "IGNITION_SECONDS", 0.1)
    now = corpus.time.time()
    client, serving = corpus.client_csr(born=now)[0], corpus.serving_csr(born=now)[0]
    api.csrs = {csr["metadata"]["name"]: corpus.issue(csr) for csr in (client, serving)}
    api.nodes = [corpus.node(born=now)]
    states: list[str] = []
    joins: list[Join] = []

    def look_at_site(question: Object) -> Object:
        is_done = joins[0].records[0].get("done")
        states.append("changed" if is_done and "same" in states else "same")
        looked = [{"url": entry["url"], "state": states[-1], "detail": ""} for entry in question["ignition"]]
        return {"time": corpus.time.time(), "ignition": looked, "problem": "", **NO_LOG}

    settings = Settings(timeout=3, heartbeat=3600, state="approved", published={"ignition": [IGNITION]})
    common = {"boot_method": "ipxe", "pool": "worker", "macs": ["52:54:00:00:00:01"]}
    machines = [
        {**corpus.machine(), **common, "ignition_delivery": "documented"},
        {**corpus.machine("worker-arm-2", ["192.0.2.12"]), **common, "ignition_delivery": "verified"},
    ]
    joins.append(Join(api, machines, settings, say=lambda line: None, look_at_site=look_at_site))
    done, silent = joins[0].run()["machines"]
    assert (done["failed"], silent["failed"]) == (False, True)
    words = r"the published ignition has changed since \d{4}-\d\d-\d\dT\S+Z, and "
    (warning,) = done["warnings"]
    assert re.fullmatch(f"{words}it may have installed what somebody else put there: oc adm cordon .*", warning)
    assert done["reason"] == warning
    assert re.search(f"; {words}its installer refuses it, after", silent["reason"])
    assert silent["warnings"] == []


def test_a_machine_that_is_installed_again_loses_its_boot_files_although_its_rootfs_was_not_seen(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_site_watch, "LOOK_SECONDS", 0.1)
    api.csrs = {}
    told: list[str] = []
    started = corpus.time.time()
    paths = ["ipxe/52-54-00-00-00-01.ipxe", "lab/worker-00.ign", "ipxe/52-54-00-00-00-01.ipxe"]

    def disarm(machines: list[Object]) -> bool:
        told.extend(machine["name"] for machine in machines)
        return True

    def look_at_site(question: Object) -> Object:
        position = (question["position"] or {"offset": 0})["offset"]
        found = {"address": "192.0.2.11", "method": "GET", "status": 200, "size": 9}
        hits = [{**found, "path": f"/openshift/{path}", "time": started + position} for path in paths[position:][:1]]
        return _seen(hits, position + 1)

    booted = {**corpus.machine(), "boot_method": "ipxe", "pool": "worker", "macs": ["52:54:00:00:00:01"]}
    join = Join(api, [booted], WATCHED, say=lambda line: None, disarm=disarm, look_at_site=look_at_site)
    machine = join.run()["machines"][0]
    assert told == ["worker-arm-1"]
    assert "it was booted from the network again after the ignition" in machine["warnings"][0]
    assert "is installed again" in machine["warnings"][0]
