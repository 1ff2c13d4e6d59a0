# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each check of the decision is needed: without it at least one spoiled request passes."""

from __future__ import annotations

import functools

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._csr import CHECKS
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import Check
from ansible_collections.multiarch.openshift.plugins.module_utils._csr import decide
from support import csr_corpus as corpus
from support import csr_mutants

# Checks that another one stands behind, and why they are there all the same.
REDUNDANT = {
    "request_size": "what is too long is no canonical PEM either; this one spares the parser",
    "request_readable": "nothing can be said about what cannot be read; the checks behind it find nothing to approve",
    "attributes": "the canonical encoding has none; this one names them",
}


@functools.lru_cache(maxsize=1)
def scenes() -> tuple[corpus.Scene, ...]:
    bases = (corpus.client_scene(), corpus.serving_scene())
    return tuple(scene for base in bases for _label, scene in csr_mutants.mutants(base))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_without_the_check_a_spoiled_request_passes(check: Check) -> None:
    rest = [other for other in CHECKS if other is not check]
    passed = any(
        decide(scene.csr, scene.machines, scene.world(), scene.now, checks=rest).verdict == "approve"
        for scene in scenes()
    )
    assert passed is (check.name not in REDUNDANT)


def test_every_deliberate_redundancy_is_a_check() -> None:
    assert set(REDUNDANT) <= {check.name for check in CHECKS}
