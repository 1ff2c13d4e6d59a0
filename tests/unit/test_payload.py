# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
import typing as t

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import OC_COMMAND
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import next_step
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import parse_given_metadata
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import parse_metadata_file
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import payload
from ansible_collections.multiarch.openshift.plugins.module_utils._payload import running_operator
from support import paths

Document = dict[str, t.Any]
MULTI = {"release.openshift.io/architecture": "multi", "url": "https://errata.example.com/4.18.3"}
IMAGE = "registry.example.com/release@sha256:1111"


@pytest.fixture
def cluster_version() -> Document:
    return yaml.safe_load((paths.FIXTURES / "cluster" / "clusterversion.yml").read_text(encoding="utf-8"))


@pytest.fixture
def pools() -> list[Document]:
    return yaml.safe_load((paths.FIXTURES / "cluster" / "machineconfigpools.yml").read_text(encoding="utf-8"))


def condition(cluster_version: Document, name: str) -> Document:
    return next(entry for entry in cluster_version["status"]["conditions"] if entry["type"] == name)


def without(cluster_version: Document, *names: str) -> Document:
    changed = copy.deepcopy(cluster_version)
    conditions = changed["status"]["conditions"]
    changed["status"]["conditions"] = [entry for entry in conditions if entry["type"] not in names]
    return changed


def accepted(cluster_version: Document, **changes: str) -> Document:
    changed = copy.deepcopy(cluster_version)
    condition(changed, "ReleaseAccepted").update(changes)
    return changed


def test_multi_payload_is_known_by_the_message_of_release_accepted(cluster_version: Document) -> None:
    found = payload(cluster_version, [])
    assert (found.architecture, found.source) == ("multi", "ReleaseAccepted")
    assert (found.version, found.image) == ("4.18.3", IMAGE)
    assert found.metadata == MULTI
    assert next_step(found) == (True, "The payload 4.18.3 is multi-architecture, says ReleaseAccepted.", [])


def test_desired_architecture_counts_before_everything_else(cluster_version: Document) -> None:
    silent = without(cluster_version, "ReleaseAccepted")
    silent["status"]["desired"]["architecture"] = "Multi"
    found = payload(silent, [])
    assert (found.architecture, found.source, found.metadata) == ("multi", "status.desired.architecture", MULTI)
    assert next_step(found)[0]


def test_single_payload_stops_with_the_command_that_migrates(cluster_version: Document) -> None:
    single = accepted(cluster_version, message=f'Payload loaded version="4.18.3" image="{IMAGE}" architecture="amd64"')
    found = payload(single, [])
    assert (found.architecture, found.single_architecture) == ("single", "amd64")
    assert found.metadata == {"url": "https://errata.example.com/4.18.3"}
    ok, sentence, _warnings = next_step(found)
    assert not ok
    assert "single-architecture (amd64)" in sentence
    assert "`oc adm upgrade --to-multi-arch`" in sentence
    assert "no way back" in sentence
    assert "RetrievedUpdates is True." in sentence


def test_single_payload_without_updates_says_that_the_command_would_do_nothing(cluster_version: Document) -> None:
    single = accepted(cluster_version, message='architecture="arm64"')
    updates = {"status": "False", "reason": "VersionNotFound", "message": "not in the channel"}
    condition(single, "RetrievedUpdates").update(updates)
    found = payload(single, [])
    assert found.retrieved_updates == updates
    sentence = next_step(found)[1]
    assert "RetrievedUpdates is False (VersionNotFound: not in the channel)." in sentence
    assert "nothing happens" in sentence


def test_request_that_the_cluster_has_not_taken_up_is_not_asked_for_again(cluster_version: Document) -> None:
    single = accepted(cluster_version, message='architecture="amd64"')
    single["spec"]["desiredUpdate"] = {"architecture": "Multi", "version": "4.18.3"}
    found = payload(single, [])
    assert found.multi_requested
    assert "was run already" in next_step(found)[1]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"message": f'Payload loaded version="4.18.3" image="{IMAGE}"'}, "names no architecture"),
        ({"message": 'image="other@sha256:2222" architecture="Multi"'}, "about another image"),
        ({"message": 'architecture="riscv64"'}, "names the architecture 'riscv64'"),
        ({"status": "False", "reason": "RetrievePayload"}, "ReleaseAccepted is False"),
        ({"status": "Unknown"}, "ReleaseAccepted is Unknown"),
    ],
)
def test_what_proves_nothing_leaves_the_answer_unknown(
    cluster_version: Document, changes: dict[str, str], why: str
) -> None:
    found = payload(accepted(cluster_version, **changes), [])
    assert (found.architecture, found.source, found.metadata) == ("unknown", "none", {})
    ok, sentence, _warnings = next_step(found)
    assert not ok
    assert why in sentence
    assert OC_COMMAND in sentence
    assert "verify_payload_release_metadata" in sentence


def test_given_metadata_answers_only_where_the_cluster_does_not(cluster_version: Document) -> None:
    silent = without(cluster_version, "ReleaseAccepted")
    found = payload(silent, [], given_metadata=parse_given_metadata(json.dumps(MULTI)))
    assert (found.architecture, found.source, found.metadata) == ("multi", "given", MULTI)
    ok, _sentence, warnings = next_step(found)
    assert ok
    assert warnings == ["The payload is multi by the metadata that was given, not by the cluster's own word."]

    found = payload(cluster_version, [], given_metadata={"url": "https://errata.example.com/4.18.3"})
    assert (found.architecture, found.source) == ("multi", "ReleaseAccepted")
    assert "says single, but the cluster says multi" in next_step(found)[2][0]


def test_given_metadata_of_another_release_is_a_warning(cluster_version: Document) -> None:
    given = {**MULTI, "url": "https://errata.example.com/4.17.9"}
    found = payload(without(cluster_version, "ReleaseAccepted"), [], given_metadata=given)
    assert "has the URL https://errata.example.com/4.17.9" in next_step(found)[2][1]


@pytest.mark.parametrize(
    ("given", "architecture"),
    [
        ({"url": "https://u"}, "single"),
        ({"release.openshift.io/architecture": "amd64"}, "unknown"),
        ({"release.openshift.io/architecture": "Multi"}, "unknown"),
        ({"kind": "cincinnati-metadata-v0", "metadata": {"release.openshift.io/architecture": "multi"}}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_given_metadata_is_read_strictly(cluster_version: Document, given: Document, architecture: str) -> None:
    found = payload(without(cluster_version, "ReleaseAccepted"), [], given_metadata=given)
    assert found.architecture == architecture


@pytest.mark.parametrize("text", ["map[release.openshift.io/architecture:multi]", '"multi"', "[]", "{"])
def test_given_text_that_oc_did_not_print_is_refused_with_the_command(text: str) -> None:
    with pytest.raises(OperationError) as caught:
        parse_given_metadata(text)
    assert "not the JSON object that oc prints" in str(caught.value)
    assert OC_COMMAND in str(caught.value)


def test_empty_given_text_is_not_given() -> None:
    assert parse_given_metadata(" \n") == {}


def test_metadata_file_of_the_payload_answers(cluster_version: Document) -> None:
    text = json.dumps({"kind": "cincinnati-metadata-v0", "version": "4.18.3", "metadata": MULTI})
    silent = without(cluster_version, "ReleaseAccepted")
    found = payload(silent, [], metadata_file=parse_metadata_file(text, "4.18.3"))
    assert (found.architecture, found.source, found.metadata) == ("multi", "release-metadata", MULTI)
    assert next_step(found)[0]


def test_metadata_file_that_could_not_be_read_is_a_reason_for_unknown(cluster_version: Document) -> None:
    found = payload(without(cluster_version, "ReleaseAccepted"), [], metadata_file_problem="HTTP 403: no exec.")
    assert found.unknown_because[-1] == "HTTP 403: no exec"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no", "is not JSON"),
        ('{"kind": "x"}', "is not of the kind"),
        ('{"kind": "cincinnati-metadata-v0", "version": "4.18.2"}', "is of the release 4.18.2, not of 4.18.3"),
    ],
)
def test_metadata_file_of_something_else_is_refused(text: str, problem: str) -> None:
    with pytest.raises(OperationError, match=problem):
        parse_metadata_file(text, "4.18.3")


def test_only_an_operator_of_this_payload_is_asked() -> None:
    def pod(name: str, image: str, phase: str = "Running") -> Document:
        containers = [{"name": "cluster-version-operator", "image": image}]
        return {"metadata": {"name": name}, "spec": {"containers": containers}, "status": {"phase": phase}}

    old = pod("old", "registry.example.com/release@sha256:0000")
    pods = [old, pod("starting", IMAGE, "Pending"), pod("new", IMAGE)]
    assert running_operator(pods, IMAGE) == ("new", "cluster-version-operator")
    assert running_operator(pods[:2], IMAGE) is None


def test_migration_under_way_waits(cluster_version: Document) -> None:
    history = cluster_version["status"]["history"]
    previous = {"state": "Completed", "version": "4.18.3", "image": "registry.example.com/release@sha256:0000"}
    cluster_version["status"]["history"] = [{**history[0], "state": "Partial"}, previous]
    condition(cluster_version, "Progressing").update(status="True", message="Working towards 4.18.3: 10 of 20 done")
    found = payload(cluster_version, [])
    assert (found.architecture, found.completed, found.progressing, found.migrating) == ("multi", False, True, True)
    ok, sentence, _warnings = next_step(found)
    assert not ok
    assert "is migrating to the multi-architecture payload 4.18.3 (Working towards 4.18.3: 10 of 20 done)" in sentence
    assert "`oc get clusterversion version --watch`" in sentence


def test_payload_is_not_finished_before_it_stands_in_the_history(cluster_version: Document) -> None:
    cluster_version["status"]["history"][0]["image"] = "registry.example.com/release@sha256:0000"
    assert not payload(cluster_version, []).completed
    cluster_version["status"]["history"] = []
    assert not next_step(payload(cluster_version, []))[0]


def test_cluster_without_the_condition_progressing_is_not_finished(cluster_version: Document) -> None:
    assert not next_step(payload(without(cluster_version, "Progressing"), []))[0]


def test_pool_that_is_not_updated_paused_or_degraded_is_a_warning(
    cluster_version: Document, pools: list[Document]
) -> None:
    found = payload(cluster_version, pools)
    assert found.pools[0] == {
        "name": "worker",
        "updated": True,
        "updating": False,
        "degraded": False,
        "paused": False,
        "machine_count": 3,
        "updated_machine_count": 3,
    }
    ok, _sentence, warnings = next_step(found)
    assert ok
    assert len(warnings) == 1
    start = "MachineConfigPool infra is paused, is degraded, is not updated (1 of 2 machines are):"
    assert warnings[0].startswith(start)


def test_refused_update_on_a_finished_payload_is_a_warning(cluster_version: Document) -> None:
    refused = accepted(cluster_version, status="False", reason="RetrievePayload", message="not found.")
    refused["status"]["desired"]["architecture"] = "Multi"
    ok, _sentence, warnings = next_step(payload(refused, []))
    assert ok
    assert warnings == ["The cluster refuses a requested release: False (RetrievePayload: not found)."]


@pytest.mark.parametrize(
    ("name", "architecture", "single", "finished", "migrating"),
    [
        ("clusterversion-4.15-multi.yaml", "multi", "", False, False),
        ("clusterversion-4.18-to-multi-arch.yaml", "multi", "", False, True),
        ("clusterversion-4.14-amd64.yaml", "single", "amd64", True, False),
        ("clusterversion-4.7-no-releaseaccepted.json", "unknown", "", True, False),
    ],
)
def test_recorded_cluster_version(name: str, architecture: str, single: str, finished: bool, migrating: bool) -> None:
    found = payload(yaml.safe_load(paths.shared_data(name).read_text(encoding="utf-8")), [])
    assert (found.architecture, found.single_architecture, found.migrating) == (architecture, single, migrating)
    assert (found.completed and not found.progressing) is finished
    assert not next_step(found)[0]


def test_recorded_release_metadata() -> None:
    text = paths.shared_data("release-metadata-multi.json").read_text(encoding="utf-8")
    assert parse_metadata_file(text, "1.0.0-abc")["release.openshift.io/architecture"] == "multi"
