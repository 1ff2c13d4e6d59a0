# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rehearsal, played once with everything real and once with everything simulated."""

from __future__ import annotations

import concurrent.futures
import pathlib
import threading

import pytest

from lab import namespace
from lab import real_machine
from lab.control_plane import real_available
from support.paths import PROGRAMS
from support.rehearsal import Outcome
from support.rehearsal import play

HERE = pathlib.Path(__file__).parent
BLOCK, SIMULATED_BLOCK = 31, 30
# Long enough for arm64 kubelets under qemu-user on two cores, one of which waits so long for its client certificate
# that it tries its serving request every 32 s only; machines that never come cost all of it.
PATIENCE = 70
# Simulated ones are quicker; what the run says differs in its numbers only.
SIMULATED_PATIENCE = 35


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = unavailable()
    for item in items:
        if item.path.is_relative_to(HERE):
            # whichever test comes first waits for the whole rehearsal, which a busy machine makes long
            item.add_marker(pytest.mark.timeout(900))
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


def unavailable() -> str:
    """Empty, or one line that says why real machines cannot be made here and what to do."""
    if not namespace.inside():
        return "real machines need the lab's own network, which this system does not allow"
    return real_machine.missing(PROGRAMS) or real_available()


@pytest.fixture(scope="session")
def _simulation(tmp_path_factory: pytest.TempPathFactory) -> concurrent.futures.Future[Outcome]:
    """The simulated one plays while the real one waits for machines that never come."""
    directory = tmp_path_factory.mktemp("simulated")
    future: concurrent.futures.Future[Outcome] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome = play(
                directory,
                machine_kind="simulated",
                control_plane="simulated",
                block=SIMULATED_BLOCK,
                patience=SIMULATED_PATIENCE,
            )
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(outcome)

    threading.Thread(target=run, name="simulation", daemon=True).start()
    return future


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Outcome:
    """Real control plane, real installer, real Ignition, real kubelets."""
    if any("simulated" in getattr(item, "fixturenames", ()) for item in request.session.items):
        request.getfixturevalue("_simulation")
    return play(
        tmp_path_factory.mktemp("real"),
        machine_kind="real",
        control_plane="real",
        block=BLOCK,
        patience=PATIENCE,
    )


@pytest.fixture(scope="session")
def simulated(_simulation: concurrent.futures.Future[Outcome]) -> Outcome:
    """The same with the simulated control plane and simulated machines."""
    return _simulation.result(600)
