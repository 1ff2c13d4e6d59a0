# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a machine stands follows from what the cluster shows, whatever happened before."""

from __future__ import annotations

import typing as t

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.multiarch.openshift.plugins.module_utils._certificate import signed_by
from ansible_collections.multiarch.openshift.plugins.module_utils._join import Assessment
from ansible_collections.multiarch.openshift.plugins.module_utils._join import Proof
from ansible_collections.multiarch.openshift.plugins.module_utils._join import Run
from ansible_collections.multiarch.openshift.plugins.module_utils._join import assess
from ansible_collections.multiarch.openshift.plugins.module_utils._near_miss import near_misses
from ansible_collections.multiarch.openshift.plugins.module_utils._node_patch import arrival_patch
from ansible_collections.multiarch.openshift.plugins.module_utils._node_patch import is_cordoned
from ansible_collections.multiarch.openshift.plugins.module_utils._node_patch import uncordon_patch
from ansible_collections.multiarch.openshift.plugins.module_utils._probe import Answer
from ansible_collections.multiarch.openshift.plugins.module_utils._tables import csr_table
from ansible_collections.multiarch.openshift.plugins.module_utils._tables import node_table
from ansible_collections.multiarch.openshift.plugins.module_utils._tables import spell_age
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Approval
from ansible_collections.multiarch.openshift.plugins.module_utils._world import World
from ansible_collections.multiarch.openshift.plugins.module_utils._world import timestamp
from support import csr_corpus as corpus
from support.csr_corpus import NOW

NAME = "worker-arm-1"
STARTED = NOW - 100


class Cluster:
    """What the cluster shows about one machine, built up step by step."""

    def __init__(self) -> None:
        self.machine = corpus.machine()
        self.world = World(bootstrapper_uid=corpus.BOOTSTRAPPER_UID)
        self.run = Run(started=STARTED, timeout=5400)
        self.now = NOW

    def client(self, state: str, *, ours: bool = True, born: float = NOW - 10, **values: t.Any) -> Cluster:
        csr, _parts = corpus.client_csr(born=born, **values)
        return self._put(csr, state, ours)

    def serving(self, state: str, *, ours: bool = True, born: float = NOW - 3, **values: t.Any) -> Cluster:
        csr, _parts = corpus.serving_csr(born=born, **values)
        return self._put(csr, state, ours)

    def _put(self, csr: dict[str, t.Any], state: str, ours: bool) -> Cluster:
        if state == "approved":
            csr = corpus.approve(csr)
        elif state == "issued":
            csr = corpus.issue(csr)
        elif state in ("Denied", "Failed"):
            csr = corpus.approve(csr) if state == "Failed" else {**csr, "status": {"conditions": []}}
            csr["status"]["conditions"].append({"type": state, "status": "True", "lastUpdateTime": corpus.stamp(NOW)})
        if ours and state not in ("pending", "Denied"):
            at = NOW - 5
            self.world.approved_here[csr["metadata"]["uid"]] = Approval(NAME, csr["spec"]["signerName"], at)
        self.world.put_csr(csr)
        return self

    def node(self, **values: t.Any) -> Cluster:
        self.world.put_node(corpus.node(**values))
        return self

    def shown(self, certificate: bytes | None, problem: str = "", *, for_seconds: float = 0.0) -> Cluster:
        answer = Answer("192.0.2.11", certificate, problem, "refused")
        self.run.proofs[NAME] = Proof(answer, NOW, NOW - for_seconds)
        return self

    def shows_issued(self) -> Cluster:
        issued = next(csr for csr in self.world.csrs.values() if csr["spec"]["username"].startswith("system:node:"))
        return self.shown(
            corpus.x509.load_pem_x509_certificate(
                corpus.base64.b64decode(issued["status"]["certificate"])
            ).public_bytes(Encoding.DER)
        )

    def found(self) -> Assessment:
        return assess(self.machine, self.world, self.now, run=self.run)


def other_certificate() -> bytes:
    return corpus.certificate(corpus.serving_csr(serial=55)[0]).public_bytes(Encoding.DER)


def registered(cluster: Cluster) -> Cluster:
    return cluster.client("issued").node(ready=False)


STAGES: list[tuple[str, t.Callable[[Cluster], Cluster], str]] = [
    ("nothing yet", lambda c: c, "armed"),
    ("client request pending", lambda c: c.client("pending"), "armed"),
    ("client request approved", lambda c: c.client("approved"), "client_approved"),
    ("client request failed by the signer", lambda c: c.client("Failed"), "armed"),
    ("client request denied by somebody", lambda c: c.client("Denied"), "armed"),
    ("client certificate issued", lambda c: c.client("issued"), "client_issued"),
    ("node registered", registered, "registered"),
    ("node Ready, serving request pending", lambda c: c.client("issued").node().serving("pending"), "registered"),
    ("serving request approved", lambda c: registered(c).serving("approved"), "serving_approved"),
    ("serving certificate issued", lambda c: registered(c).serving("issued"), "serving_issued"),
    ("Ready with its certificate", lambda c: c.client("issued").node().serving("issued"), "ready"),
    ("the port presents it", lambda c: c.client("issued").node().serving("issued").shows_issued(), "proven"),
]


@pytest.mark.parametrize(("label", "build", "stage"), STAGES, ids=[label for label, _build, _stage in STAGES])
def test_stage_follows_from_what_the_cluster_shows(
    label: str, build: t.Callable[[Cluster], Cluster], stage: str
) -> None:
    found = build(Cluster()).found()
    assert (found.stage, found.failed) == (stage, False)
    assert found.final is (stage == "proven")
    assert bool(found.reason) is not found.final


def test_certificate_for_fewer_addresses_than_the_node_reports_is_not_enough() -> None:
    cluster = Cluster().client("issued").serving("issued").node(addresses=["192.0.2.11", "2001:db8::11"])
    cluster.machine["addresses"].append("2001:db8::11")
    found = cluster.found()
    assert (found.stage, found.final) == ("serving_approved", False)


def test_port_that_cannot_be_reached_ends_joined_with_a_warning() -> None:
    cluster = Cluster().client("issued").node().serving("issued").shown(None, "unreachable", for_seconds=7)
    found = cluster.found()
    assert (found.stage, found.final, found.failed) == ("joined", True, False)
    assert "joined, not proven" in found.warning


def test_port_that_cannot_be_reached_is_asked_again_where_the_proof_is_required() -> None:
    cluster = Cluster().client("issued").node().serving("issued").shown(None, "unreachable", for_seconds=700)
    cluster.run.probe_kubelet = "require"
    found = cluster.found()
    assert (found.stage, found.final, found.probe) == ("ready", False, True)


def test_another_certificate_on_the_port_fails_the_machine_once_it_is_sure() -> None:
    cluster = Cluster().client("issued").node().serving("issued").shown(other_certificate(), for_seconds=1)
    assert cluster.found().final is False
    found = cluster.shown(other_certificate(), for_seconds=31).found()
    assert (found.code, found.failed) == ("proof_failed", True)
    assert "oc adm cordon worker-arm-1" in found.hint


def test_node_whose_request_the_api_forgot_is_proven_by_the_authority() -> None:
    certificate = corpus.certificate(corpus.serving_csr()[0]).public_bytes(Encoding.DER)
    cluster = Cluster().node(born=NOW - 90000)
    assert (cluster.found().probe, cluster.found().final) == (True, False)
    cluster.shown(certificate)
    cluster.run.authorities = corpus.authority()[1].public_bytes(Encoding.PEM).decode()
    assert (cluster.found().stage, cluster.found().proof) == ("proven", "authority")
    cluster.run.authorities = ""
    assert cluster.found().stage == "joined"


def test_ready_node_without_an_address_is_not_joined() -> None:
    cluster = Cluster().client("issued").node(addresses=[]).serving("issued", addresses=[])
    cluster.shown(None, "unreachable", for_seconds=60)
    found = cluster.found()
    assert (found.stage, found.code, found.final) == ("registered", "no_address", False)
    assert "reports no address" in found.reason


@pytest.mark.parametrize("now", [timestamp("2026-10-31T00:00:00Z"), timestamp("2027-11-02T00:00:00Z")])
@pytest.mark.parametrize("readable", [True, False])
def test_certificate_that_is_out_of_date_proves_nothing(now: float, readable: bool) -> None:
    certificate = corpus.certificate(corpus.serving_csr()[0]).public_bytes(Encoding.DER)
    cluster = Cluster().node(born=NOW - 90000).shown(certificate, for_seconds=60)
    if readable:
        cluster.run.authorities = corpus.authority()[1].public_bytes(Encoding.PEM).decode()
    cluster.now = cluster.run.started = now
    found = cluster.found()
    assert (found.stage, found.final, found.probe) == ("registered", False, True)
    assert "out of date" in found.reason


def test_authority_that_is_out_of_date_proves_nothing() -> None:
    certificate = corpus.certificate(corpus.serving_csr()[0]).public_bytes(Encoding.DER)
    authorities = corpus.authority()[1].public_bytes(Encoding.PEM).decode()
    assert signed_by(certificate, authorities, NOW)
    assert not signed_by(certificate, authorities, NOW + 10 * 366 * 86400)


@pytest.mark.parametrize("probe", ["auto", "never"])
def test_ready_node_without_a_serving_request_is_not_joined_while_its_client_request_is_remembered(probe: str) -> None:
    cluster = Cluster().client("issued").node().shown(None, "unreachable", for_seconds=60)
    cluster.run.probe_kubelet = probe
    found = cluster.found()
    assert (found.stage, found.final) == ("registered", False)
    assert "asked for no serving certificate" in found.reason


def test_kubelet_that_lost_its_keys_after_its_node_came_is_told_as_that() -> None:
    cluster = Cluster().client("issued").node(born=NOW - 8).client("pending", born=NOW - 2, serial=7, name="csr-again")
    found = cluster.found()
    assert (found.code, found.final) == ("node_exists", False)
    assert "asks for a new client certificate" in found.reason
    assert "machine_replace_node_uid" in found.hint


def test_state_approved_is_content_with_the_certificates() -> None:
    cluster = Cluster().client("issued").node(ready=False).serving("issued")
    cluster.run.state = "approved"
    assert (cluster.found().stage, cluster.found().final) == ("serving_issued", True)


def test_machine_config_operator_must_be_done_where_it_speaks() -> None:
    cluster = Cluster().client("issued").node().serving("issued").shows_issued()
    cluster.world.nodes[NAME]["metadata"]["annotations"]["machineconfiguration.openshift.io/state"] = "Working"
    assert (cluster.found().stage, cluster.found().final) == ("ready", False)
    cluster.world.nodes[NAME]["metadata"]["annotations"]["machineconfiguration.openshift.io/state"] = "Done"
    assert cluster.found().stage == "proven"


@pytest.mark.parametrize(
    ("node", "code"),
    [
        ({"architecture": "amd64", "born": NOW - 5000}, "node_exists"),
        ({"addresses": ["192.0.2.99"], "born": NOW - 5000}, "node_exists"),
        ({"ready": False, "born": NOW - 5000}, "node_exists"),
        ({"architecture": "amd64"}, "architecture"),
    ],
)
def test_node_that_is_another_machine_fails_this_one(node: dict[str, t.Any], code: str) -> None:
    found = Cluster().node(**node).found()
    assert (found.final, found.failed, found.code) == (True, True, code)


def test_silent_node_is_told_with_the_uid_that_opens_a_re_installation() -> None:
    cluster = Cluster().node(ready=False, born=NOW - 5000)
    assert cluster.world.nodes[NAME]["metadata"]["uid"] in cluster.found().hint


def test_node_to_be_replaced_counts_as_absent_until_it_is_ready_again() -> None:
    cluster = Cluster().node(ready=False, born=NOW - 5000)
    cluster.machine["replace_node_uid"] = cluster.world.nodes[NAME]["metadata"]["uid"]
    assert cluster.found().stage == "armed"
    cluster.client("issued")
    assert cluster.found().stage == "client_issued"
    cluster.serving("issued").node(ready=True, born=NOW - 5000)
    assert cluster.found().stage == "ready"


def test_approval_by_another_is_welcome_where_the_rules_share_it() -> None:
    cluster = Cluster().client("issued", ours=False)
    assert (cluster.found().stage, cluster.found().approved_by) == ("client_issued", "an earlier run")


def test_approval_by_another_that_the_rules_refuse_fails_the_machine() -> None:
    cluster = Cluster().client("pending", name="csr-rival", serial=7)
    cluster.client("issued", ours=False)
    found = cluster.found()
    assert (found.code, found.failed) == ("approved_by_other", True)
    assert "csr-client" in found.reason


def refused_earlier(reason: str, *, node_born: float) -> Cluster:
    """A Ready node, proven, for which somebody approved long before the run what the rules refuse."""
    cluster = Cluster()
    csr, _parts = corpus.client_csr(born=NOW - 2000)
    csr["spec"]["groups"].append("system:masters")
    csr = corpus.issue(csr, reason=reason)
    cluster.world.put_csr(csr)
    made_with = corpus.fingerprint(csr)
    return cluster.node(born=node_born).serving("issued", born=NOW - 1950, fingerprint=made_with).shows_issued()


def test_second_run_does_not_forget_that_somebody_else_let_the_machine_in() -> None:
    found = refused_earlier("OcApprove", node_born=NOW - 1990).found()
    assert (found.code, found.failed) == ("approved_by_other", True)
    assert "csr-client (OcApprove)" in found.reason


def test_time_between_power_on_and_the_start_of_the_run_belongs_to_it() -> None:
    cluster = refused_earlier("OcApprove", node_born=NOW - 2100)
    cluster.machine["powered_on"] = corpus.stamp(NOW - 2200)
    assert cluster.found().code == "approved_by_other"


def test_old_approval_for_a_node_that_was_there_before_is_history_and_a_warning() -> None:
    found = refused_earlier("OcApprove", node_born=NOW - 90000).found()
    assert (found.stage, found.failed) == ("proven", False)
    assert "somebody else approved csr-client (OcApprove)" in found.history


def test_what_an_earlier_run_approved_for_a_node_that_is_there_is_its_own() -> None:
    found = refused_earlier("InventoryApproved", node_born=NOW - 1990).found()
    assert (found.stage, found.failed, found.history) == ("proven", False, "")


def test_earlier_run_is_judged_again_while_no_node_has_come_of_it() -> None:
    cluster = refused_earlier("InventoryApproved", node_born=NOW - 1990)
    cluster.world.replace_nodes([])
    assert cluster.found().code == "approved_by_other"


def test_certificate_of_a_machine_that_another_node_asked_for_fails_it() -> None:
    cluster = Cluster()
    csr, _parts = corpus.client_csr()
    csr["spec"].update(username="system:node:worker-x86-1", groups=["system:nodes", "system:authenticated"])
    cluster.world.put_csr(corpus.issue(csr, reason="OcApprove"))
    assert cluster.found().code == "approved_by_other"
    csr["spec"]["username"] = "system:node:worker-arm-1"
    cluster.world.put_csr(corpus.issue(csr, reason="AutoApproved"))
    cluster.run.foreign.clear()
    assert cluster.found().failed is False


@pytest.mark.parametrize(
    ("build", "stage", "word"),
    [
        (lambda c: c, "armed", "it sent no request"),
        (lambda c: c.client("issued"), "client_issued", "no Node has come"),
        (registered, "registered", "is not Ready"),
    ],
)
def test_deadline_says_how_far_the_machine_came(build: t.Callable[[Cluster], Cluster], stage: str, word: str) -> None:
    cluster = build(Cluster())
    cluster.now = STARTED + 5401
    found = cluster.found()
    assert (found.stage, found.final, found.failed, found.code) == (stage, True, True, "timed_out")
    assert word in found.reason
    assert found.reason.endswith("after 5401 s.")
    assert found.hint


def test_deadline_counts_from_the_power_on_where_that_is_known() -> None:
    cluster = Cluster()
    cluster.machine["powered_on"] = corpus.stamp(NOW + 1000)
    cluster.now = STARTED + 5401
    assert cluster.found().final is False
    cluster.now = NOW + 1000 + 5400
    assert cluster.found().code == "timed_out"


def test_refused_request_is_the_reason_of_a_machine_that_waits() -> None:
    cluster = Cluster()
    csr, _parts = corpus.client_csr()
    csr["spec"]["groups"].append("system:masters")
    cluster.world.put_csr(csr)
    found = cluster.found()
    assert (found.code, found.stage) == ("groups", "armed")
    assert "csr-client was left alone" in found.reason


@pytest.mark.parametrize(
    ("claimed", "likely", "why"),
    [
        ("localhost.localdomain", NAME, "the only machine that is still silent"),
        ("worker-arm-1.lab.example.com", NAME, "with a domain"),
        ("ip-192-0-2-11.lab.example.com", NAME, "DHCP or reverse DNS"),
        ("worker-arm-9", "", ""),
    ],
)
def test_near_miss_names_the_likely_machine(claimed: str, likely: str, why: str) -> None:
    cluster = Cluster()
    cluster.world.put_csr(corpus.client_csr(claimed, born=NOW - 40)[0])
    misses = near_misses({NAME: cluster.machine}, cluster.world, NOW)
    assert [(miss["claimed_node"], miss["likely_machine"], miss["age"]) for miss in misses] == [(claimed, likely, 40)]
    assert why in misses[0]["why"]
    cluster.run.misses = misses
    assert claimed in cluster.found().reason


def test_localhost_is_nobodys_while_several_machines_are_silent() -> None:
    world = World()
    world.put_csr(corpus.client_csr("localhost.localdomain")[0])
    machines = {name: corpus.machine(name) for name in (NAME, "worker-arm-2")}
    assert near_misses(machines, world, NOW)[0]["likely_machine"] == ""


def test_node_of_another_name_with_the_address_explains_a_silent_machine() -> None:
    cluster = Cluster().node(name="localhost.localdomain")
    found = cluster.found()
    assert found.code == "other_name"
    assert "localhost.localdomain reports its address 192.0.2.11" in found.reason


def test_labels_taints_and_cordon_are_one_patch_and_then_none() -> None:
    taints = [{"key": "arm", "value": "", "effect": "NoSchedule"}]
    machine = {**corpus.machine(), "labels": {"zone": "a"}, "taints": taints}
    node = corpus.node()
    node["spec"]["taints"] = [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]
    patch = arrival_patch(machine, node, cordon=True)
    assert patch is not None
    assert patch["metadata"]["labels"] == {"zone": "a"}
    assert patch["metadata"]["resourceVersion"] == "7"
    assert [taint["key"] for taint in patch["spec"]["taints"]] == ["node.kubernetes.io/not-ready", "arm"]
    node["metadata"].update(labels=patch["metadata"]["labels"], annotations=patch["metadata"]["annotations"])
    node["spec"].update(patch["spec"])
    assert arrival_patch(machine, node, cordon=True) is None
    assert is_cordoned(node)
    assert uncordon_patch(node)["spec"] == {"unschedulable": None}


def test_cordon_of_somebody_else_is_not_made_ours() -> None:
    node = corpus.node()
    node["spec"]["unschedulable"] = True
    assert arrival_patch(corpus.machine(), node, cordon=True) is None


def test_tables_have_the_columns_of_oc() -> None:
    pending, issued = corpus.client_csr(born=NOW - 75)[0], corpus.issue(corpus.serving_csr(born=NOW - 3)[0])
    lines = csr_table([pending, issued], NOW)
    assert lines[0].split() == ["NAME", "AGE", "SIGNERNAME", "REQUESTOR", "REQUESTEDDURATION", "CONDITION"]
    assert lines[1].split()[1::4] == ["75s", "Pending"]
    assert lines[2].split()[1::4] == ["3s", "Approved,Issued"]
    node = corpus.node(ready=False, born=NOW - 400)
    node["metadata"]["labels"] = {"node-role.kubernetes.io/worker": ""}
    node["spec"]["unschedulable"] = True
    assert node_table([node], NOW)[1].split() == [NAME, "NotReady,SchedulingDisabled", "worker", "6m40s", "v1.34.4"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (345, "5m45s"),
        (700, "11m"),
        (10800, "3h"),
        (20000, "5h33m"),
        (90000, "25h"),
        (200000, "2d7h"),
        (900000, "10d"),
        (70000000, "2y80d"),
    ],
)
def test_ages_are_spelled_as_oc_spells_them(seconds: float, text: str) -> None:
    assert spell_age(seconds) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T00:01:00.123456Z", 60),
        ("1970-01-01T01:01:00+01:00", 60),
        ("1970-01-01T00:01:00", 60),
        ("", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_of_the_api_and_of_records_are_read(text: str | None, seconds: float | None) -> None:
    assert timestamp(text) == seconds


@pytest.mark.parametrize(
    ("state", "words"), [("Denied", "was denied by somebody"), ("Failed", "was refused by the signer")]
)
def test_request_that_somebody_ended_is_the_reason_of_a_machine_that_waits(state: str, words: str) -> None:
    found = Cluster().client(state).found()
    assert (found.code, found.final) == (state.lower(), False)
    assert words in found.reason
    assert "oc describe csr csr-client" in found.hint


@pytest.mark.parametrize("tried", [False, True])
def test_request_whose_approval_the_api_does_not_take_is_not_said_to_be_missing(tried: bool) -> None:
    cluster = Cluster().client("pending")
    if tried:
        uid = next(iter(cluster.world.csrs))
        cluster.world.approved_here[uid] = Approval(NAME, corpus.CLIENT_SIGNER, NOW)
    cluster.now = STARTED + 200
    cluster.machine["powered_on"] = corpus.stamp(NOW - 60)
    found = cluster.found()
    assert (found.stage, found.code) == ("armed", "waiting")
    assert "csr-client is what its kubelet sends, and the API has not taken the approval yet" in found.reason


def test_serving_request_that_is_left_alone_is_the_reason_of_a_ready_node() -> None:
    cluster = Cluster().client("issued").node()
    csr, _parts = corpus.serving_csr()
    csr["spec"]["groups"].append("system:masters")
    cluster.world.put_csr(csr)
    found = cluster.found()
    assert (found.stage, found.code) == ("registered", "groups")


def test_client_request_for_a_node_that_existed_before_needs_a_word_of_the_inventory() -> None:
    found = Cluster().node(ready=False, born=NOW - 300).client("pending").found()
    assert (found.code, found.failed) == ("node_exists", True)
    assert "machine_replace_node_uid: " in found.hint
