# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The decision approves what kubelets send for machines of the run, and nothing else."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import sys
import typing as t
from types import FrameType

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from ansible_collections.multiarch.openshift.plugins.module_utils._csr import Decision
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import decide
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import would_approve
from ansible_collections.multiarch.openshift.plugins.module_utils._request import parse_request
from ansible_collections.multiarch.openshift.plugins.module_utils._world import CLIENT_SIGNER
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Approval
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from ansible_collections.multiarch.openshift.plugins.module_utils._world import created
from support import csr_corpus as corpus
from support import csr_mutants
from support.csr_corpus import NOW
from support.csr_corpus import Scene
from support.paths import shared_data

BASES = {
    "client": corpus.client_scene(),
    "client RSA": corpus.client_scene(kind="rsa2048", version=26),
    "client P-521": corpus.client_scene(kind="p521"),
    "serving": corpus.serving_scene(),
    "serving IPv6": corpus.serving_scene(family="IPv6"),
    "serving dual stack": corpus.serving_scene(family="dual"),
    "serving RSA dual stack": corpus.serving_scene(kind="rsa2048", version=31, family="dual"),
}


def verdict(scene: Scene) -> Decision:
    return decide(scene.csr, scene.machines, scene.world(), scene.now)


GOOD = dict(corpus.good_scenes())


@pytest.mark.parametrize("label", GOOD)
def test_request_of_a_kubelet_is_approved(label: str) -> None:
    scene = GOOD[label]
    decision = verdict(scene)
    assert (decision.verdict, decision.machine, decision.detail) == ("approve", next(iter(scene.machines)), "")


@pytest.mark.parametrize("family", csr_mutants.FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("base", ["client", "serving"])
def test_no_spoiled_request_is_approved(base: str, family: t.Callable[[Scene], t.Iterator[csr_mutants.Mutant]]) -> None:
    decisions = {label: verdict(scene) for label, scene in family(BASES[base])}
    assert len(decisions) > 10
    assert [label for label, decision in decisions.items() if decision.verdict == "approve"] == []
    unexplained = [label for label, decision in decisions.items() if not decision.code or decision.detail[-1:] != "."]
    assert unexplained == []


# What damages the bytes of a request does so whatever it says: with every kind of key and every family of addresses.
BYTE_FAMILIES = (csr_mutants.text_mutants, csr_mutants.element_mutants, csr_mutants.byte_mutants)


@pytest.mark.parametrize("family", BYTE_FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize("base", BASES)
def test_no_request_with_damaged_bytes_is_approved_though_it_is_signed_again(
    base: str, family: t.Callable[[Scene], t.Iterator[csr_mutants.Mutant]]
) -> None:
    decisions = {label: verdict(scene).verdict for label, scene in family(BASES[base])}
    assert len(decisions) > 20
    assert [label for label, said in decisions.items() if said == "approve"] == []


# What changes the parts of a request comes before what damages its bytes, or it would be lost.
LAYERS = (
    csr_mutants.subject_mutants,
    csr_mutants.profile_mutants,
    csr_mutants.element_mutants,
    csr_mutants.text_mutants,
    csr_mutants.object_mutants,
    csr_mutants.world_mutants,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    base=st.sampled_from(["client", "serving"]),
    picks=st.dictionaries(st.integers(0, len(LAYERS) - 1), st.integers(0, 10**6), min_size=2, max_size=4),
)
def test_no_request_that_is_spoiled_in_several_ways_is_approved(base: str, picks: dict[int, int]) -> None:
    scene, labels = BASES[base], set()
    for layer in sorted(picks):
        try:
            found = list(LAYERS[layer](scene))
        except IndexError:
            continue  # what it would spoil is not there any more
        label, scene = found[picks[layer] % len(found)]
        labels.add(label)
    if _says_the_same(scene, BASES[base]):
        return  # one has taken back what the other did
    decision = verdict(scene)
    assert decision.verdict != "approve", labels
    assert decision.code
    assert decision.detail.endswith(".")


def _says_the_same(scene: Scene, other: Scene) -> bool:
    def said(each: Scene) -> t.Any:
        # signatures, and with them requests, are not always of the same length
        request = dataclasses.replace(parse_request(each.csr["spec"]["request"]), size=0)
        spec = {**each.csr["spec"], "request": request}
        return (
            spec,
            {**each.csr, "spec": None},
            each.machines,
            each.csrs,
            each.nodes,
            each.parameters,
            each.approved_here,
        )

    return bool(said(scene) == said(other))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(base=st.sampled_from(sorted(BASES)), seed=st.integers(0, 2**32), in_der=st.booleans())
def test_no_randomly_damaged_request_is_approved(base: str, seed: int, in_der: bool) -> None:
    scene, source = BASES[base].copy(), random.Random(seed)
    good = scene.parts.der() if in_der else corpus.pem(scene.parts.der())
    damaged = bytearray(good)
    for _unused in range(source.randint(1, 4)):
        place = source.randrange(len(damaged))
        damaged[place : place + source.randint(0, 2)] = source.randbytes(source.randint(0, 2))
    if bytes(damaged) != good:
        raw = corpus.pem(bytes(damaged)) if in_der else bytes(damaged)
        scene.csr["spec"]["request"] = base64.b64encode(raw).decode()
        assert verdict(scene).verdict != "approve"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    base=st.sampled_from(["client", "serving"]),
    field=st.sampled_from(
        ["signerName", "username", "uid", "groups", "usages", "extra", "request", "expirationSeconds"]
    ),
    value=st.none() | st.text(max_size=8) | st.lists(st.text(max_size=8), max_size=3) | st.integers(-9, 2**33),
)
def test_no_value_of_any_type_in_a_field_stops_a_pass_or_is_approved(base: str, field: str, value: object) -> None:
    # what the API stores: texts where texts belong, lists where lists belong, or nothing
    wanted = {"groups": list, "usages": list, "extra": dict, "expirationSeconds": int}.get(field, str)
    scene = BASES[base].copy()
    harmless = not value and field in ("extra", "expirationSeconds") and value != 0
    if (isinstance(value, wanted) or value is None) and not harmless:
        if field == "expirationSeconds" and 600 <= t.cast(int, value) <= 31622400:
            return
        if field == "uid" and base == "serving" and not value:
            return
        scene.csr["spec"][field] = value
        assert verdict(scene).verdict != "approve"


def test_requests_of_real_kubelets_are_approved() -> None:
    items = json.loads(shared_data("csrs-kubelet-1.34.json").read_text())["items"]
    names = {"worker-arm-1": ("192.0.2.11", "aarch64"), "worker-x86-1": ("192.0.2.12", "x86_64")}
    machines = {name: {**corpus.machine(name, [address]), "architecture": a} for name, (address, a) in names.items()}
    clients = [csr for csr in items if csr["spec"]["signerName"] == CLIENT_SIGNER]
    servings = [csr for csr in items if csr["spec"]["signerName"] != CLIENT_SIGNER]
    world = World(bootstrapper_uid=clients[0]["spec"]["uid"])
    for csr in items:
        world.put_csr(csr)
    assert {decide(csr, machines, world, created(csr) + 1).verdict for csr in clients} == {"approve"}
    assert {decide(csr, machines, world, created(csr) + 1).code for csr in servings} == {"node_missing"}
    for name, (address, architecture) in names.items():
        world.put_node(corpus.node(name, [address], architecture={"aarch64": "arm64"}.get(architecture, "amd64")))
    assert {decide(csr, machines, world, created(csr) + 1).verdict for csr in servings} == {"approve"}


def test_request_that_is_no_kubelets_is_ignored_unread() -> None:
    csr = json.loads(shared_data("csr-unapproved.json").read_text())
    csr["metadata"]["uid"] = "u"
    decision = decide(csr, {"worker-arm-1": corpus.machine()}, World(), NOW)
    assert (decision.verdict, decision.code, decision.machine) == ("ignore", "signer", None)


def test_renewal_of_a_client_certificate_is_left_to_the_cluster() -> None:
    csr, _parts = corpus.client_csr()
    csr["spec"].update(username="system:node:worker-arm-1", groups=["system:nodes", "system:authenticated"])
    scene = Scene(csr, _parts, {"worker-arm-1": corpus.machine()})
    assert verdict(scene).code == "client_requestor"


@pytest.mark.parametrize("name", ["localhost.localdomain", "worker-arm-1.lab.example.com", "fedora"])
def test_name_that_is_not_in_the_inventory_is_ignored(name: str) -> None:
    csr, parts = corpus.client_csr(name)
    decision = verdict(Scene(csr, parts, {"worker-arm-1": corpus.machine()}))
    assert (decision.verdict, decision.code, decision.machine) == ("ignore", "not_inventory", None)


def test_unreadable_account_leaves_the_uid_of_the_bootstrapper_unchecked() -> None:
    scene = BASES["client"].copy()
    scene.bootstrapper_uid, scene.csr["spec"]["uid"] = None, "any"
    assert verdict(scene).verdict == "approve"


def test_two_young_keys_wait_and_name_both_requests() -> None:
    scene = BASES["client"].copy()
    scene.csrs = [corpus.client_csr(name="csr-rival", serial=7, born=NOW - 300)[0]]
    decision = verdict(scene)
    assert (decision.verdict, decision.code) == ("wait", "ambiguous")
    assert "csr-rival (300 s old, key " in decision.detail
    assert "csr-client (10 s old, key " in decision.detail


@pytest.mark.parametrize("ambiguous", ["fail", "newest"])
@pytest.mark.parametrize("born", [NOW - 10, NOW - 1])
def test_copy_of_the_machines_own_request_does_not_hold_it_up(ambiguous: str, born: float) -> None:
    scene = BASES["client"].copy()
    scene.parameters = Parameters(ambiguous=ambiguous)
    copies = [corpus.client_csr(name=f"csr-copy-{number}", born=born)[0] for number in range(3)]
    for copy in copies:
        copy["metadata"]["resourceVersion"] = "101"
    scene.csrs = copies
    assert (verdict(scene).verdict, verdict(scene).notes) == ("approve", ())
    world = scene.world()
    decision = decide(copies[0], scene.machines, world, NOW)
    assert (decision.verdict, decision.code) == ("ignore", "copied")
    assert "csr-client has the same key and is older" in decision.detail


def test_copy_is_known_as_one_when_its_original_comes_or_goes() -> None:
    scene = BASES["client"].copy()
    copy = corpus.client_csr(name="csr-copy", born=NOW - 1)[0]
    world = World(bootstrapper_uid=corpus.BOOTSTRAPPER_UID)
    world.put_csr(copy)
    assert decide(copy, scene.machines, world, NOW).verdict == "approve"
    world.put_csr(scene.csr)
    assert decide(copy, scene.machines, world, NOW).code == "copied"
    world.remove_csr(scene.csr["metadata"]["uid"])
    assert decide(copy, scene.machines, world, NOW).verdict == "approve"


def test_copy_of_an_old_request_is_no_rival_of_the_new_one() -> None:
    scene = BASES["client"].copy()
    scene.csrs = [
        corpus.client_csr(name="csr-old", serial=7, born=NOW - 2000)[0],
        corpus.client_csr(name="csr-copy", serial=7, born=NOW - 5)[0],
    ]
    assert verdict(scene).verdict == "approve"


def test_copy_of_an_approved_request_does_not_change_what_is_thought_of_it() -> None:
    scene = BASES["serving"].copy()  # its client request was approved at NOW - 8, which made it the newer version
    for born in (NOW - 10, NOW - 9, NOW - 2):
        copy = corpus.client_csr(name=f"csr-copy-{born:.0f}", born=born)[0]
        copy["metadata"]["resourceVersion"] = "99"
        scene.csrs.append(copy)
    assert would_approve(scene.csrs[0], scene.machines, scene.world()).verdict == "approve"
    assert verdict(scene).verdict == "approve"


def test_newest_of_two_keys_is_approved_with_a_note_where_that_is_wanted() -> None:
    scene = BASES["client"].copy()
    scene.csrs = [corpus.client_csr(name="csr-rival", serial=7, born=NOW - 300)[0]]
    scene.parameters = Parameters(ambiguous="newest")
    decision = verdict(scene)
    assert decision.verdict == "approve"
    assert "csr-rival" in decision.notes[0]


@pytest.mark.parametrize("spoil", ["age", "group", "unsigned", "denied", "before power-on", "before boot"])
def test_rival_that_could_never_be_approved_does_not_hold_up_the_machine(spoil: str) -> None:
    scene = BASES["client"].copy()
    rival, parts = corpus.client_csr(name="csr-rival", serial=7, born=NOW - 100)
    if spoil == "age":
        rival["metadata"]["creationTimestamp"] = corpus.stamp(NOW - 901)
    elif spoil == "group":
        rival["spec"]["groups"].append("system:masters")
    elif spoil == "unsigned":
        rival["spec"]["request"] = corpus.wrap(corpus.signed(parts.information(), corpus.key("p256", 78)))
    elif spoil == "denied":
        rival["status"]["conditions"] = [{"type": "Denied", "status": "True", "lastUpdateTime": corpus.stamp(NOW - 50)}]
    else:
        began = {"before power-on": "powered_on", "before boot": "booted"}[spoil]
        scene.machines["worker-arm-1"][began] = corpus.stamp(NOW - 30)
    scene.csrs = [rival]
    assert verdict(scene).verdict == "approve"


def test_second_client_request_is_approved_once_the_first_is_surely_lost() -> None:
    scene = BASES["client"].copy()
    scene.csrs = [corpus.issue(corpus.client_csr(name="csr-first", serial=8, born=NOW - 910)[0], at=NOW - 905)]
    assert verdict(scene).verdict == "approve"
    scene.csrs = [corpus.issue(corpus.client_csr(name="csr-first", serial=8, born=NOW - 910)[0], at=NOW - 895)]
    assert verdict(scene).code == "approved_before"


def test_approval_that_the_signer_refused_does_not_hold_up_the_next_request() -> None:
    scene = BASES["client"].copy()
    refused = corpus.approve(corpus.client_csr(name="csr-first", serial=8, born=NOW - 60)[0])
    failure = {"type": "Failed", "status": "True", "lastUpdateTime": corpus.stamp(NOW - 59)}
    refused["status"]["conditions"].append(failure)
    scene.csrs = [refused]
    assert verdict(scene).verdict == "approve"


def test_approvals_of_this_run_count_though_the_api_forgot_them() -> None:
    scene = BASES["client"].copy()
    scene.approved_here = {"gone": Approval("worker-arm-1", CLIENT_SIGNER, NOW - 30)}
    assert verdict(scene).code == "approved_before"


def test_node_named_for_replacement_by_its_uid_opens_the_client_request() -> None:
    scene = BASES["client"].copy()
    scene.nodes = [corpus.node(ready=False, born=NOW - 86400)]
    assert verdict(scene).code == "node_exists"
    scene.machines["worker-arm-1"]["replace_node_uid"] = scene.nodes[0]["metadata"]["uid"]
    assert verdict(scene).verdict == "approve"


def test_node_that_reported_after_the_power_on_is_not_replaced() -> None:
    scene = BASES["client"].copy()
    scene.nodes = [corpus.node(ready=False, born=NOW - 86400)]
    scene.nodes[0]["status"]["conditions"][0]["lastHeartbeatTime"] = corpus.stamp(NOW - 5)
    scene.machines["worker-arm-1"].update(
        replace_node_uid=scene.nodes[0]["metadata"]["uid"], powered_on=corpus.stamp(NOW - 600)
    )
    assert verdict(scene).code == "node_exists"


def test_node_named_for_replacement_that_has_just_fallen_silent_says_how_long_it_takes() -> None:
    scene = BASES["client"].copy()
    scene.nodes = [corpus.node(ready=False, born=NOW - 45)]
    scene.machines["worker-arm-1"]["replace_node_uid"] = scene.nodes[0]["metadata"]["uid"]
    decision = verdict(scene)
    assert (decision.verdict, decision.code) == ("reject", "node_exists")
    assert "reported 45 s ago" in decision.detail
    assert "silent for 900 s" in decision.detail


def test_refusal_names_the_uid_that_would_open_it() -> None:
    scene = BASES["client"].copy()
    scene.nodes = [corpus.node(ready=False, born=NOW - 86400)]
    assert scene.nodes[0]["metadata"]["uid"] in verdict(scene).hint


def test_serving_request_waits_for_node_and_addresses() -> None:
    scene = corpus.serving_scene(family="dual")
    scene.nodes = []
    assert (verdict(scene).verdict, verdict(scene).code) == ("wait", "node_missing")
    scene.nodes = [corpus.node(addresses=["192.0.2.11"])]
    assert (verdict(scene).verdict, verdict(scene).code) == ("wait", "san_differs")


def test_address_outside_the_inventory_is_named() -> None:
    scene = BASES["serving"].rebuild(
        names=(corpus.dns("worker-arm-1"), corpus.ip("192.0.2.11"), corpus.ip("198.51.100.7"))
    )
    decision = verdict(scene)
    assert (decision.verdict, decision.code) == ("reject", "san_addresses")
    assert "198.51.100.7" in decision.detail


@pytest.mark.parametrize("text", ["2001:DB8:0:0::11", "2001:db8::11"])
def test_addresses_are_compared_as_addresses(text: str) -> None:
    scene = corpus.serving_scene(family="IPv6")
    scene.machines["worker-arm-1"]["addresses"] = [text]
    assert verdict(scene).verdict == "approve"


def test_system_uuid_is_compared_in_both_byte_orders() -> None:
    scene = BASES["serving"].copy()
    scene.machines["worker-arm-1"]["system_uuid"] = "4c4c4544-0042-3010-8047-b7c04f523733"
    scene.nodes[0]["status"]["nodeInfo"]["systemUUID"] = "44454c4c-4200-1030-8047-b7c04f523733"
    assert verdict(scene).verdict == "approve"


def test_unbound_serving_request_is_approved_and_noted() -> None:
    scene = BASES["serving"].copy()
    scene.csrs = []
    decision = verdict(scene)
    assert decision.verdict == "approve"
    assert "not tied to a client certificate" in decision.notes[0]


def test_renewed_certificate_is_worth_what_the_first_was() -> None:
    scene = csr_mutants.renewed(BASES["serving"], of=BASES["serving"].csrs[0])
    scene = csr_mutants.renewed(scene, of=scene.csrs[-1], serial=5)
    scene.parameters = Parameters(bind_credential="require")
    assert (verdict(scene).verdict, verdict(scene).notes) == ("approve", ())


def test_renewed_certificate_whose_first_request_is_gone_is_approved_and_noted() -> None:
    scene = csr_mutants.renewed(BASES["serving"], of=BASES["serving"].csrs[0])
    scene.csrs = scene.csrs[1:]
    decision = verdict(scene)
    assert decision.verdict == "approve"
    assert "renewed" in decision.notes[0]
    scene.parameters = Parameters(bind_credential="require")
    assert verdict(scene).code == "credential_unbound"


def test_request_made_just_before_the_renewal_is_approved_and_noted_where_the_first_request_is_gone() -> None:
    scene = csr_mutants.renewed(BASES["serving"], of=BASES["serving"].csrs[0])
    scene.csr["spec"]["extra"] = scene.csrs[-1]["spec"]["extra"]
    scene.csrs = scene.csrs[1:]
    assert "not tied to a client certificate" in verdict(scene).notes[0]


def test_certificate_that_this_run_approved_stands_whatever_became_of_the_node() -> None:
    scene = BASES["serving"].copy()
    scene.csrs[0]["spec"]["groups"] = []
    scene.approved_here = {scene.csrs[0]["metadata"]["uid"]: Approval("worker-arm-1", CLIENT_SIGNER, NOW - 8)}
    assert verdict(scene).verdict == "approve"


def test_approval_by_another_that_the_rules_share_is_recognised() -> None:
    scene = BASES["serving"].copy()
    world = scene.world()
    assert would_approve(scene.csrs[0], scene.machines, world).verdict == "approve"
    assert would_approve(corpus.approve(scene.csr, at=NOW), scene.machines, world).verdict == "approve"


def test_approval_by_another_that_the_rules_refuse_is_recognised() -> None:
    scene = BASES["client"].copy()
    scene.csrs = [corpus.client_csr(name="csr-rival", serial=7, born=NOW - 20)[0]]
    approved = corpus.approve(scene.csr, at=NOW)
    world = scene.world()
    world.put_csr(approved)
    assert would_approve(approved, scene.machines, world).code == "ambiguous"
    foreign, _parts = corpus.serving_csr(addresses=["192.0.2.77"])
    world.put_node(corpus.node())
    assert would_approve(corpus.approve(foreign, at=NOW), scene.machines, world).code == "san_addresses"


def test_rival_that_came_after_an_approval_does_not_change_what_is_thought_of_it() -> None:
    scene = BASES["serving"].copy()  # its client request was approved at NOW - 8
    scene.csrs.append(corpus.client_csr(name="csr-rival", serial=7, born=NOW - 7)[0])
    assert would_approve(scene.csrs[0], scene.machines, scene.world()).verdict == "approve"
    assert verdict(scene).verdict == "approve"
    scene.csrs.append(corpus.client_csr(name="csr-before", serial=8, born=NOW - 8)[0])
    assert would_approve(scene.csrs[0], scene.machines, scene.world()).code == "ambiguous"


def test_serving_request_that_came_of_a_second_approval_does_not_speak_against_it() -> None:
    scene = BASES["serving"].copy()
    scene.csrs.append(corpus.issue(corpus.client_csr(name="csr-lost", serial=8, born=NOW - 960)[0], at=NOW - 950))
    assert would_approve(scene.csrs[0], scene.machines, scene.world()).verdict == "approve"


def _decided_flood(length: int) -> tuple[list[Decision], int]:
    """The decisions on so many requests for one machine, and how many functions were called for them."""
    world = World(bootstrapper_uid=corpus.BOOTSTRAPPER_UID)
    flood = [corpus.client_csr(name=f"csr-{i}", serial=i % 40, born=NOW - i % 800)[0] for i in range(length)]
    for csr in flood:
        world.put_csr(csr)
    machines = {"worker-arm-1": corpus.machine()}
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        decisions = [decide(csr, machines, world, NOW) for csr in flood]
    finally:
        sys.setprofile(None)
    return decisions, calls


def test_flood_for_one_machine_costs_no_more_than_its_length() -> None:
    decisions, calls = _decided_flood(800)
    assert calls < 5 * _decided_flood(200)[1]
    ambiguous = [decision for decision in decisions if decision.code == "ambiguous"]
    assert len(ambiguous) == 40
    assert {decision.code for decision in decisions} == {"ambiguous", "copied"}
    assert max(len(decision.detail) for decision in decisions) < 400
    assert ambiguous[0].detail.endswith("more.")
