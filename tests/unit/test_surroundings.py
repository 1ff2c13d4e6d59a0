# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing is decided where it is not known what belongs to the cluster itself."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import UnknownApi
from ansible_collections.multiarch.openshift.plugins.module_utils._surroundings import look_around
from ansible_collections.multiarch.openshift.plugins.module_utils._world import Parameters
from support.csr_corpus import CLUSTER_OBJECTS

ACCOUNT = {"metadata": {"uid": "61bcba2a"}}
NO_ADDRESSES = {"status": {"apiServerURL": "https://api.lab.example.com:6443", "platformStatus": {"type": "None"}}}


class Api:
    server = "https://api.test:6443"

    def __init__(self, **objects: t.Any) -> None:
        self.objects = {**CLUSTER_OBJECTS, "ServiceAccount": ACCOUNT, **objects}

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> t.Any:
        found = self.objects.get(kind)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.mark.parametrize("kind", ["Infrastructure", "Network"])
@pytest.mark.parametrize("answer", [None, UnknownApi("no such kind")])
def test_what_tells_the_clusters_addresses_must_be_there(kind: str, answer: object) -> None:
    with pytest.raises(OperationError, match=f"{kind} cluster of config.openshift.io is not there .* nothing is appr"):
        look_around(Api(**{kind: answer}), [], Parameters())


@pytest.mark.parametrize("kind", ["Ingress", "DNS"])
def test_what_tells_names_is_missed_with_a_warning(kind: str) -> None:
    found = look_around(Api(**{kind: None}), [], Parameters())
    assert found.warnings == [f"{kind} cluster is not there, so what it names is not on the deny list."]


def test_cluster_that_tells_its_addresses_needs_no_word_about_them() -> None:
    assert look_around(Api(), [], Parameters()).warnings == []


def test_cluster_that_does_not_tell_its_addresses_is_warned_of_until_somebody_names_them() -> None:
    api = Api(Infrastructure=NO_ADDRESSES)
    (warning,) = look_around(api, [], Parameters()).warnings
    assert "approve_csrs_deny_addresses" in warning
    assert look_around(api, [], Parameters(), deny_addresses=["192.0.2.5"]).warnings == []
