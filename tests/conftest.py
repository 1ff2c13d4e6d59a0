# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of all tests. Everything runs in one network of its own, in which the lab's addresses are local.

MULTIARCH_TEST_REQUIRE: names of markers with commas between them; a test with one of them that would be skipped fails.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest

from lab import namespace
from lab.site import Site

# Before anything starts: workers of xdist and every program that a test starts inherit it.
NAMESPACE = namespace.enter()
BLOCKS_PER_WORKER = 8
REHEARSAL = ("tests/real/test_differential.py", "tests/real/test_real_machines.py")
REQUIRED_MARKERS = frozenset(filter(None, os.environ.get("MULTIARCH_TEST_REQUIRE", "").split(",")))


def pytest_report_header() -> str:
    return "lab: " + ("in its own network" if NAMESPACE else f"on loopback only, {NAMESPACE.reason}")


@pytest.fixture(scope="session")
def _blocks() -> Iterator[int]:
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    return itertools.cycle(range(worker * BLOCKS_PER_WORKER, (worker + 1) * BLOCKS_PER_WORKER))


@pytest.fixture
def site_block(_blocks: Iterator[int]) -> int:
    """A block of addresses that no other running test has (`Site(block=...)`, `machine_specs(block=...)`)."""
    return next(_blocks)


@pytest.fixture
def make_site(tmp_path_factory: pytest.TempPathFactory, site_block: int) -> Iterator[Callable[..., Site]]:
    """Starts sites: `make_site(machines=..., payload=...)`; all of them end with the test."""
    sites: list[Site] = []

    def make(**values: Any) -> Site:
        if sites and "block" not in values:
            raise ValueError("a second site at the same time needs a block of its own")
        site = Site(tmp_path_factory.mktemp("site"), **{"block": site_block, **values})
        sites.append(site)
        return site.__enter__()

    yield make
    for site in reversed(sites):
        site.close()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """One worker has all tests of the rehearsal, which is played once.

    xdist's own way, groups, has no effect in pytest 9.2 (xdist 3.8).
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "rehearsal" if nodeid.startswith(REHEARSAL) else nodeid

    return Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.skipped and _is_required(item):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"MULTIARCH_TEST_REQUIRE={','.join(sorted(REQUIRED_MARKERS))}, but: {reason}"
    return report


def _is_required(item: pytest.Item) -> bool:
    # a parameter may name the kind without a marker
    parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
    return any(item.get_closest_marker(name) or name in parameters for name in REQUIRED_MARKERS)
