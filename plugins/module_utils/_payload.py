# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is the payload multi-architecture, and how do we know? Private to the collection.

The only reader of ClusterVersion and MachineConfigPool. Boot images for aarch64 are no evidence: single-architecture
payloads carry those of every architecture.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._jmespath import search

ARCHITECTURE_KEY = "release.openshift.io/architecture"
OC_COMMAND = 'oc adm release info -o jsonpath="{ .metadata.metadata}"'
WATCH_COMMAND = "oc get clusterversion version --watch"
METADATA_VARIABLE = "verify_payload_release_metadata"

# Where an answer came from, in the order in which they are asked
BY_DESIRED = "status.desired.architecture"
BY_RELEASE_ACCEPTED = "ReleaseAccepted"
BY_METADATA_FILE = "release-metadata"
BY_GIVEN_TEXT = "given"
BY_NOTHING = "none"

_DESIRED = "status.desired"
_REQUESTED_ARCHITECTURE = "spec.desiredUpdate.architecture"
_HISTORY = "status.history[:2]"
_CONDITION = "status.conditions[?type=='{}'] | [0].{{status: status, reason: reason, message: message}}"
_POOL = """{
    name: metadata.name,
    paused: spec.paused,
    updated: status.conditions[?type=='Updated'] | [0].status,
    updating: status.conditions[?type=='Updating'] | [0].status,
    degraded: status.conditions[?type=='Degraded'] | [0].status,
    machine_count: status.machineCount,
    updated_machine_count: status.updatedMachineCount
}"""

_MESSAGE_ARCHITECTURE = re.compile(r'\barchitecture="([^"]*)"')
_MESSAGE_IMAGE = re.compile(r'\bimage="([^"]*)"')
# GOARCH of the architectures that OpenShift is built for
_SINGLE = ("amd64", "arm64", "ppc64le", "s390x")


@dataclass(frozen=True)
class Payload:
    """The release payload that the cluster is to run (``status.desired``), and how far it is."""

    architecture: str
    single_architecture: str
    source: str
    metadata: dict[str, str]
    image: str
    version: str
    completed: bool
    progressing: bool
    progress: str
    migrating: bool
    multi_requested: bool
    retrieved_updates: dict[str, str]
    release_accepted: dict[str, str]
    pools: list[dict[str, t.Any]]
    unknown_because: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Evidence:
    """One answer. ``metadata`` is what the release says of itself, where the source has it."""

    source: str
    architecture: str = "unknown"
    single_architecture: str = ""
    metadata: dict[str, str] | None = None
    why_not: str = ""


def condition(cluster_version: t.Mapping[str, t.Any], name: str) -> dict[str, str]:
    """Status, reason and message of a condition; status ``absent`` where the cluster has no such condition."""
    found = search(_CONDITION.format(name), cluster_version) or {}
    return {
        "status": str(found.get("status") or "absent"),
        "reason": str(found.get("reason") or ""),
        "message": " ".join(str(found.get("message") or "").split()),
    }


def _by_desired(desired: t.Mapping[str, t.Any]) -> _Evidence:
    if desired.get("architecture") == "Multi":
        return _Evidence(BY_DESIRED, "multi")
    # Absence says nothing: before 4.21 the field is absent on multi clusters, too.
    return _Evidence(BY_DESIRED, why_not="status.desired.architecture is not set")


def _by_release_accepted(accepted: t.Mapping[str, str], image: str) -> _Evidence:
    architecture = _MESSAGE_ARCHITECTURE.search(accepted["message"])
    named_image = _MESSAGE_IMAGE.search(accepted["message"])
    if accepted["status"] != "True":
        why_not = f"the condition ReleaseAccepted is {accepted['status']}"
    elif architecture is None:
        why_not = "the message of ReleaseAccepted names no architecture"
    elif named_image is not None and named_image.group(1) != image:
        why_not = "the message of ReleaseAccepted is about another image than status.desired.image"
    elif architecture.group(1).lower() == "multi":
        return _Evidence(BY_RELEASE_ACCEPTED, "multi")
    elif architecture.group(1) in _SINGLE:
        return _Evidence(BY_RELEASE_ACCEPTED, "single", architecture.group(1))
    else:
        why_not = f"the message of ReleaseAccepted names the architecture {architecture.group(1)!r}"
    return _Evidence(BY_RELEASE_ACCEPTED, why_not=why_not)


def _by_metadata(source: str, metadata: t.Mapping[str, t.Any]) -> _Evidence:
    texts = {str(key): str(value) for key, value in metadata.items() if isinstance(value, str)}
    architecture = metadata.get(ARCHITECTURE_KEY)
    if architecture == "multi":
        return _Evidence(source, "multi", metadata=texts)
    if architecture is not None:
        # Source: cluster-version-operator, pkg/payload: "multi" is the only value that a release may have.
        return _Evidence(source, metadata=texts, why_not=f"{ARCHITECTURE_KEY} is {architecture!r}, not 'multi'")
    if texts and len(texts) == len(metadata):
        return _Evidence(source, "single", metadata=texts)
    return _Evidence(source, why_not=f"the metadata ({source}) is not a release's: it has no {ARCHITECTURE_KEY} or url")


def running_operator(pods: t.Sequence[t.Mapping[str, t.Any]], image: str) -> tuple[str, str] | None:
    """Pod and container of the cluster-version operator that runs from this payload; None where there is none."""
    for pod in pods:
        if search("status.phase", pod) == "Running":
            for container in search("spec.containers", pod) or []:
                if container["image"] == image:
                    return pod["metadata"]["name"], container["name"]
    return None


def parse_metadata_file(text: str, version: str) -> dict[str, t.Any]:
    """``metadata`` of a release's /release-manifests/release-metadata.

    :raises OperationError: it is no such file, or another release's
    """
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise OperationError(f"/release-manifests/release-metadata is not JSON: {exc}.") from None
    if not isinstance(document, dict) or document.get("kind") != "cincinnati-metadata-v0":
        raise OperationError("/release-manifests/release-metadata is not of the kind cincinnati-metadata-v0.")
    if document.get("version") != version:
        raise OperationError(
            f"/release-manifests/release-metadata is of the release {document.get('version')}, not of {version}.",
            "The cluster-version operator is being replaced: wait for the update to end.",
        )
    metadata = document.get("metadata") or {}
    return metadata if isinstance(metadata, dict) else {}


def parse_given_metadata(text: str) -> dict[str, t.Any]:
    """What ``oc adm release info -o jsonpath="{ .metadata.metadata}"`` printed; empty text was not given.

    :raises OperationError: it is something else
    """
    if not text.strip():
        return {}
    try:
        document = json.loads(text)
    except ValueError as exc:
        document = exc
    if not isinstance(document, dict):
        reason = str(document) if isinstance(document, ValueError) else "it is no object"
        raise OperationError(
            f"The release metadata that was given is not the JSON object that oc prints: {reason}.",
            f"Give the output of: {OC_COMMAND}",
        )
    return document


def _pool(pool: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found = search(_POOL, pool)
    return {
        "name": found["name"],
        "updated": found["updated"] == "True",
        "updating": found["updating"] == "True",
        "degraded": found["degraded"] == "True",
        "paused": bool(found["paused"]),
        "machine_count": int(found["machine_count"] or 0),
        "updated_machine_count": int(found["updated_machine_count"] or 0),
    }


def _given_remarks(answer: _Evidence, given: _Evidence | None, desired: t.Mapping[str, t.Any]) -> list[str]:
    if given is None:
        return []
    if answer.source != BY_GIVEN_TEXT:
        if "unknown" not in (given.architecture, answer.architecture) and given.architecture != answer.architecture:
            return [
                f"The release metadata that was given says {given.architecture}, but the cluster says"
                f" {answer.architecture} ({answer.source}); the cluster's word counts."
            ]
        return []
    remarks = [f"The payload is {answer.architecture} by the metadata that was given, not by the cluster's own word."]
    url, desired_url = (given.metadata or {}).get("url"), desired.get("url")
    if url and desired_url and url != desired_url:
        remarks.append(f"The metadata that was given has the URL {url}, the cluster's release {desired_url}.")
    return remarks


def payload(
    cluster_version: t.Mapping[str, t.Any],
    pools: t.Sequence[t.Mapping[str, t.Any]],
    *,
    metadata_file: t.Mapping[str, t.Any] | None = None,
    metadata_file_problem: str = "",
    given_metadata: t.Mapping[str, t.Any] | None = None,
) -> Payload:
    """What the cluster says about its payload.

    ``metadata_file`` is ``metadata`` of the release-metadata file in the payload, ``metadata_file_problem`` why it
    could not be read; ``given_metadata`` is what a person read with oc. Both count only where the ClusterVersion says
    nothing.
    """
    desired = search(_DESIRED, cluster_version) or {}
    image, version = str(desired.get("image") or ""), str(desired.get("version") or "")
    accepted = condition(cluster_version, "ReleaseAccepted")
    progressing = condition(cluster_version, "Progressing")
    evidence = [_by_desired(desired), _by_release_accepted(accepted, image)]
    if metadata_file is not None:
        evidence.append(_by_metadata(BY_METADATA_FILE, metadata_file))
    elif metadata_file_problem:
        evidence.append(_Evidence(BY_METADATA_FILE, why_not=metadata_file_problem.rstrip(".")))
    given = _by_metadata(BY_GIVEN_TEXT, given_metadata) if given_metadata else None
    if given is not None:
        evidence.append(given)
    nothing = _Evidence(BY_NOTHING)
    answer = next((one for one in evidence if one.architecture != "unknown"), nothing)

    metadata = answer.metadata
    if metadata is None:
        metadata = {ARCHITECTURE_KEY: "multi"} if answer.architecture == "multi" else {}
        if answer is not nothing and desired.get("url"):
            metadata["url"] = str(desired["url"])

    history = search(_HISTORY, cluster_version) or []
    latest = history[0] if history else {}
    return Payload(
        architecture=answer.architecture,
        single_architecture=answer.single_architecture,
        source=answer.source,
        metadata=metadata,
        image=image,
        version=version,
        # A target that was only just set has no line in the history yet.
        completed=latest.get("state") == "Completed" and latest.get("image") == image,
        progressing=progressing["status"] != "False",
        progress=progressing["message"],
        migrating=(
            len(history) > 1
            and latest.get("state") != "Completed"
            and latest.get("version") == history[1].get("version")
            and latest.get("image") != history[1].get("image")
        ),
        multi_requested=search(_REQUESTED_ARCHITECTURE, cluster_version) == "Multi",
        retrieved_updates=condition(cluster_version, "RetrievedUpdates"),
        release_accepted=accepted,
        pools=[_pool(pool) for pool in pools],
        unknown_because=[one.why_not for one in evidence] if answer is nothing else [],
        remarks=_given_remarks(answer, given, desired),
    )


def _because(state: t.Mapping[str, str]) -> str:
    """A condition in words, for example ``False (VersionNotFound: …)``."""
    words = ": ".join(text.rstrip(".") for text in (state["reason"], state["message"]) if text)
    return f"{state['status']} ({words})" if words else state["status"]


def _unknown(found: Payload) -> str:
    return (
        f"Whether the payload {found.version} is multi-architecture cannot be told: {'; '.join(found.unknown_because)}."
        f" Run `{OC_COMMAND}` and give what it prints as {METADATA_VARIABLE}."
    )


def _single(found: Payload) -> str:
    which = f"single-architecture ({found.single_architecture})" if found.single_architecture else "single-architecture"
    updates = found.retrieved_updates
    parts = [
        f"The payload {found.version} is {which}, says {found.source}:"
        " nodes of another architecture cannot run its images."
    ]
    if found.multi_requested:
        parts.append(
            "`oc adm upgrade --to-multi-arch` was run already, but the cluster has not begun:"
            f" ReleaseAccepted is {_because(found.release_accepted)}."
        )
    else:
        parts.append(
            "Run `oc adm upgrade --to-multi-arch`, and start again when it is done; there is no way back to a"
            " single-architecture payload."
        )
    parts.append(f"RetrievedUpdates is {_because(updates)}.")
    if updates["status"] != "True":
        # Source: OCPBUGS-8252
        parts.append("Until it is True, that command succeeds and nothing happens: correct the channel or upstream.")
    return " ".join(parts)


def _unfinished(found: Payload) -> str:
    what = "is migrating to the multi-architecture payload" if found.migrating else "is not done with the payload"
    return (
        f"The cluster {what} {found.version}{f' ({found.progress})' if found.progress else ''}."
        f" Wait until `{WATCH_COMMAND}` shows PROGRESSING False, and start again."
    )


def _warnings(found: Payload) -> list[str]:
    warnings = list(found.remarks)
    if found.release_accepted["status"] == "False":
        warnings.append(f"The cluster refuses a requested release: {_because(found.release_accepted)}.")
    for pool in found.pools:
        states = [
            text
            for holds, text in (
                (pool["paused"], "is paused"),
                (pool["degraded"], "is degraded"),
                (
                    not pool["updated"],
                    f"is not updated ({pool['updated_machine_count']} of {pool['machine_count']} machines are)",
                ),
            )
            if holds
        ]
        if states:
            warnings.append(
                f"MachineConfigPool {pool['name']} {', '.join(states)}: its new nodes may get an old configuration or"
                f" none. See `oc describe mcp {pool['name']}`."
            )
    return warnings


def next_step(found: Payload) -> tuple[bool, str, list[str]]:
    """Whether ARM machines may be added now, a sentence that says why or what to do, and warnings."""
    if found.architecture == "unknown":
        return False, _unknown(found), _warnings(found)
    if found.architecture == "single":
        return False, _single(found), _warnings(found)
    if not found.completed or found.progressing:
        return False, _unfinished(found), _warnings(found)
    return True, f"The payload {found.version} is multi-architecture, says {found.source}.", _warnings(found)


__all__ = (
    "OC_COMMAND",
    "Payload",
    "next_step",
    "parse_given_metadata",
    "parse_metadata_file",
    "payload",
    "running_operator",
)
