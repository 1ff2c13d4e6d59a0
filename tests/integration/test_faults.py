# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs that are killed at each step that writes, in the middle of it, each on what the one before has left."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import pathlib
import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._account import RUN_LABEL
from ansible_collections.multiarch.openshift.plugins.module_utils._event_file import parse_events
from lab.kubelet import Timing
from lab.playbook import RunningPlaybook
from lab.site import Site
from lab.site import machine_spec
from lab.web import WebServer
from support.paths import PROGRAMS

MakeSite = Callable[..., Site]
SETTINGS = {"approve_csrs_account": "temporary", "approve_csrs_heartbeat": 5, "boot_machines_parallel": 1}
LABELS = {"machine_labels": {"multiarch.openshift/lab": "true"}}
# Longer than whoever survives his run may live on
HELD = 3.0
# For one run, on a machine that has much else to do
MOST_SECONDS = 600
# Before Ctrl-C is pressed again
PATIENCE = 2


@dataclasses.dataclass(frozen=True)
class Moment:
    """When a run is killed: its output shows the text, or what is armed at the site says that it is the time."""

    name: str
    signal: str
    output: str = ""
    arm: Callable[[Site], Callable[[], bool]] | None = None
    playbook: str = "add_arm_workers"


def held(verb: str, path: str) -> Callable[[Site], Callable[[], bool]]:
    """A request to the API: it has come, and is not answered yet."""

    def arm(site: Site) -> Callable[[], bool]:
        fault = site.plane.faults.delay(HELD, verb=verb, path=path)
        return lambda: fault.hits > 0

    return arm


def a_bmc_is_told(site: Site) -> Callable[[], bool]:
    """One of them is told to change something."""
    before = changes(site)
    return lambda: changes(site) > before


def lies(*patterns: str) -> Callable[[Site], Callable[[], bool]]:
    """A file of such a name has come to lie on the web or TFTP host, or where uploads go."""

    def arm(site: Site) -> Callable[[], bool]:
        before = found(site, *patterns)
        return lambda: found(site, *patterns) > before

    return arm


def rootfs_is_fetched_again(site: Site) -> Callable[[], bool]:
    """What the killed run had begun is brought to its end by a job on the web host; then it is taken away."""
    deadline = time.monotonic() + MOST_SECONDS
    while found(site, ".*.part") or not (rootfs := found(site, "*rootfs*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for path in rootfs:
        path.unlink()
    return lies(".*.part")(site)


def tftp_copy(site: Site) -> Callable[[], bool]:
    """A kernel has come to lie on the TFTP host, or a part of it."""
    return lambda: any(site.tftp_directory.rglob("*kernel*"))


def an_upload(site: Site) -> Callable[[], bool]:
    """The server has been sent a file, and does not answer yet."""
    fault = site.uploads.fault("slow", methods=("PUT",), times=1, seconds=HELD)
    return lambda: fault.hits > 0


def late_comer_joins(site: Site) -> Callable[[], bool]:
    """The last machine asks for its certificates, and at the end of the run its account is removed."""
    start_late_comer(site)
    return held("delete", "/clusterrolebindings")(site)


def start_late_comer(site: Site) -> None:
    late = site.machines["worker-arm-4"]
    if late.state == "off":
        late.start_kubelet()


def changes(site: Site) -> int:
    return sum(len(bmc.changing_requests()) for bmc in site.bmcs.values())


def found(site: Site, *patterns: str) -> set[pathlib.Path]:
    roots = (site.publish_directory, site.tftp_directory, site.uploads.directory)
    return {path for root in roots for name in patterns for path in root.rglob(name)}


# In the order of a run: each finds what those before it have left
BEFORE_ANY_MACHINE_IS_ON = [
    Moment("preflight", "kill", "preflight : Check cluster and site]"),
    Moment("export", "interrupt", "export_ignition : Export the ignition of each pool]"),
    Moment("artifact", "kill", arm=lies(".*.part")),
    Moment("artifact again", "interrupt", arm=rootfs_is_fetched_again),
    Moment("copy for TFTP", "kill", arm=tftp_copy, playbook="publish"),
    Moment("upload", "kill", arm=an_upload, playbook="publish"),
    Moment("boot loaders", "kill", arm=lies("grubaa64.efi", "shimaa64.efi", ".multiarch-*")),
    Moment("boot files", "kill", arm=lies("grub.cfg-01-*", "*.ipxe", ".multiarch-*")),
    Moment("iso", "kill", arm=lies(".multiarch-iso-*", "install-*.iso*")),
]
# What is past the boot is the same in both playbooks, and comes sooner in the one that only approves
FROM_THE_BOOT_ON = [
    Moment("begin of the report", "kill", "report : Write down how far the run has come]"),
    Moment("a BMC", "interrupt", arm=a_bmc_is_told),
    Moment("another BMC", "kill", arm=a_bmc_is_told),
    Moment("the last BMC", "interrupt", arm=a_bmc_is_told),
    Moment("account", "kill", arm=held("create", "/clusterrolebindings")),
    Moment("approval", "kill", arm=held("update", "/approval"), playbook="approve_csrs"),
    Moment("approval again", "interrupt", arm=held("update", "/approval"), playbook="approve_csrs"),
    Moment("node", "kill", arm=held("patch", "/nodes/"), playbook="approve_csrs"),
    Moment("serving approval", "kill", arm=held("update", "/approval"), playbook="approve_csrs"),
    Moment("removal of the account", "interrupt", arm=late_comer_joins, playbook="approve_csrs"),
    Moment("end", "kill", "prepare_netboot : Remove the boot files on the web host]", playbook="approve_csrs"),
    Moment("end of the report", "interrupt", "report : Write the report]", playbook="approve_csrs"),
]


def strike(site: Site, running: RunningPlaybook, moment: Moment, is_time: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while not (is_time() or (moment.output and moment.output in running.output)):
        assert running.running, f"{moment.name} never came:\n{running.output[-6000:]}"
        assert time.monotonic() < deadline, f"{moment.name} did not come in time:\n{running.output[-6000:]}"
        time.sleep(0.002 if not moment.output else 0.02)
    if moment.signal == "kill":
        running.kill()
    else:
        # Ansible may be deaf to one that comes while it starts a worker; people press Ctrl-C again
        while running.running and time.monotonic() < deadline:
            running.interrupt()
            wait_while(lambda: running.running, PATIENCE)
    running.wait()
    # Ansible's workers see after a moment that nobody hears them any more; a job on the web host goes on to its end
    wait_while(lambda: survives(running.directory), MOST_SECONDS)
    assert not survives(running.directory), moment.name


def survives(directory: pathlib.Path) -> bool:
    """Whether a process of the run in this folder is still there."""
    home = f"HOME={directory}".encode()
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if home in path.read_bytes().split(b"\0"):
                return True
    return False


def wait_while(goes_on: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while goes_on() and time.monotonic() < deadline:
        time.sleep(0.05)


class Contents:
    """What has ever lain under a name: the same name never holds other bytes, nor a part of them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._seen: dict[pathlib.Path, str] = {}

    def check(self, moment: str) -> None:
        for path in sorted(found(self._site, "*")):
            # names with a dot are unfinished, and no server's client knows them
            if path.is_dir() or any(part.startswith(".") for part in path.relative_to(self._site.directory).parts):
                continue
            content = path.read_bytes()
            if b"It is installed, and starts from its disk." in content:
                # the boot file of a machine that is disarmed while the run goes on
                continue
            digest = hashlib.sha256(content).hexdigest()
            assert self._seen.setdefault(path, digest) == digest, f"{path} changed by {moment}"
            hashed = path.with_name(f"{path.name}.sha256")
            if path.suffix == ".iso" and hashed.exists():
                assert hashed.read_text().startswith(digest), moment


@pytest.mark.real
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(BEFORE_ANY_MACHINE_IS_ON, id="before-the-boot"),
        pytest.param(FROM_THE_BOOT_ON, id="from-the-boot-on"),
    ],
)
def test_runs_that_are_killed_anywhere_converge_and_touch_no_machine_twice(
    make_site: MakeSite,
    site_block: int,
    tmp_path: pathlib.Path,
    request: pytest.FixtureRequest,
    moments: list[Moment],
) -> None:
    if not (PROGRAMS / "coreos-installer").exists():
        pytest.skip("no coreos-installer: tests/support/paths.py says where it is looked for")
    # what is past the boot does not depend on these, and each costs every run some tasks
    wide = moments is BEFORE_ANY_MACHINE_IS_ON
    site = make_site(
        machines=[
            machine_spec(1, block=site_block, bmc=True, boot_transport="tftp" if wide else "http", variables=LABELS),
            machine_spec(2, block=site_block, bmc=True, boot_method="ipxe", variables=LABELS),
            machine_spec(3, block=site_block, bmc=True, boot_method="iso", variables=LABELS),
            machine_spec(4, block=site_block, boot_method="external", variables=LABELS),
        ],
        timing=Timing(serving_delay=2.0),
        artifact_sizes={"rootfs": 8 * 1024 * 1024},
    )
    for bmc in site.bmcs.values():
        for system in bmc.systems:
            system.power_delay = 1.5  # who is killed while one machine is powered on gets to no other
    site.uploads = WebServer(site.directory / "uploads", site.service_address(5), writable=True, loop=site.loop).start()
    request.addfinalizer(site.uploads.stop)
    settings: dict[str, Any] = dict(SETTINGS)
    if wide:
        settings |= {"netboot_boot_loaders_from_iso": True, "publish_put_url": site.uploads.url}
        # the run lays its own
        (site.grub_directory / "grubaa64.efi").unlink()
    inventory = site.inventory({**settings, "report_directory": str(tmp_path / "report")})
    contents = Contents(site)
    for moment in moments:
        is_time = moment.arm(site) if moment.arm else lambda: False
        running = site.start(moment.playbook, inventory=inventory)
        strike(site, running, moment, is_time)
        site.plane.faults.clear()
        contents.check(moment.name)
        print(f"{time.strftime('%X')} {moment.name}: {[machine.state for machine in site.machines.values()]}")
    start_late_comer(site)
    run = site.run("add_arm_workers", inventory=inventory, timeout=MOST_SECONDS)
    contents.check("the last run")
    assert run.rc == 0, run.stdout
    assert_converged(site, tmp_path / "report", len(moments))


def assert_converged(site: Site, report: pathlib.Path, runs: int) -> None:
    for name, machine in site.machines.items():
        assert site.boot_files(name) == []
        if name in site.bmcs:
            assert len(machine.events("bmc_boot")) == 1, name
            assert len(machine.events("installed")) == 1, name
            assert [system.images for system in site.bmcs[name].systems] == [[]]
        requests = site.requests_of(name)
        assert [bool(request["status"].get("certificate")) for request in requests] == [True, True], name
        for request in requests:
            approved = [approval for approval in site.plane.approvals if approval.name == request["metadata"]["name"]]
            assert len(approved) == 1, name
        node = site.node(name)
        assert node is not None
        assert node["metadata"]["labels"]["multiarch.openshift/lab"] == "true"
    left: list[Any] = [
        item["metadata"]["name"]
        for path in (
            "/api/v1/serviceaccounts",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        )
        for item in site.api.list(path, labelSelector=RUN_LABEL)
    ]
    assert left == []
    assert [path.name for path in found(site, ".*.part")] == []
    events, broken = parse_events((report / "events.jsonl").read_text())
    assert broken <= runs
    assert events[-1]["event"] == "run_ended"
    assert (report / "report.html").read_text().endswith("</html>\n")
