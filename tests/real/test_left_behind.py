# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing of real machines outlives the tests, however those end."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from lab.loop_disk import attached
from lab.processes import processes_of
from support.paths import ROOT

pytestmark = pytest.mark.real
KINDS = ("mnt", "net", "pid", "uts")
# Where installers look for what they are told: each has one of its own.
CONFIGURATION = pathlib.Path("/etc/coreos")

# A kubelet that waits for its certificate, an installer that waits for a server, and a playbook that waits for both.
STORY = """
import pathlib, signal, sys
from lab import namespace
from lab.live import KernelLine
from lab.site import Site, machine_specs

# as in a terminal, also where all this was started in the background
signal.signal(signal.SIGINT, signal.default_int_handler)
namespace.enter()
block = int(sys.argv[2])
specs = machine_specs(2, block=block)
with Site(pathlib.Path(sys.argv[1]), specs, control_plane="real", machine_kind="real", block=block) as site:
    kubelet, installer = site.machines.values()
    line = f"coreos.inst.install_dev={installer.spec.install_device} coreos.inst.ignition_url=http://192.0.2.9:1/"
    site.loop.spawn(installer._live_system(KernelLine(line), []))
    kubelet.start_kubelet()
    running = site.start("add_arm_workers")
    kubelet.wait_for("client_csr", 180)
    running.wait_for_output("Waiting for", 180)
    print("up", flush=True)
    running.wait(600)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_is_left_of_machines_and_runs(tmp_path: pathlib.Path, site_block: int, number: signal.Signals) -> None:
    before = made_in(CONFIGURATION)
    tests = subprocess.Popen(
        [sys.executable, "-c", STORY, str(tmp_path), str(site_block)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        text=True,
    )
    try:
        assert tests.stdout is not None
        assert tests.stdout.readline() == "up\n"
        assert attached(tmp_path) != []
        assert len(processes_of(tmp_path)) > 5
        assert made_in(CONFIGURATION) == before
        own = {link for line in processes_of(tmp_path) for link in namespaces(line.split()[0])}
        own -= set(namespaces("self"))
        assert {link.partition(":")[0] for link in own} == set(KINDS)
        inhabitants = {life(number) for number in processes() if own & set(namespaces(number))} - {""}
        tests.send_signal(number)
        tests.wait(180)
    finally:
        tests.kill()
        tests.wait()
    eventually_none(lambda: attached(tmp_path))
    eventually_none(lambda: processes_of(tmp_path))
    # a namespace is gone with the last of them
    eventually_none(lambda: sorted(inhabitants & {life(number) for number in processes()}))
    assert str(tmp_path) not in pathlib.Path("/proc/self/mounts").read_text()
    assert made_in(CONFIGURATION) == before


def made_in(folder: pathlib.Path) -> list[tuple[str, int]]:
    """The folder and what is in it, with when each was last changed; empty where there is none."""
    found = [folder, *sorted(folder.rglob("*"))] if folder.exists() else []
    return [(str(path), path.lstat().st_mtime_ns) for path in found]


def processes() -> list[str]:
    return [entry.name for entry in pathlib.Path("/proc").glob("[0-9]*")]


def life(process: str) -> str:
    """Its number and when it was born, for numbers are used again; empty where it is gone."""
    with contextlib.suppress(OSError):
        return f"{process} {pathlib.Path('/proc', process, 'stat').read_text().rpartition(')')[2].split()[19]}"
    return ""


def namespaces(process: str) -> list[str]:
    """Those of a process, as links name them; none where it is gone."""
    found = []
    for kind in KINDS:
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/{process}/ns/{kind}"))
    return found


def eventually_none(left: Callable[[], list[str]]) -> None:
    deadline = time.monotonic() + 60
    while found := left():
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
