# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rack with everything that can happen to a machine, played with real or with simulated machines.

Many machines and faults in one run of the shipped playbook: what a run costs is the wait for machines that never come.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
import re
import ssl
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from lab import objects
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import PORT
from lab.kubelet import REQUESTS
from lab.kubelet import SERVING_SIGNER
from lab.kubelet import Timing
from lab.machines import MachineSpec
from lab.machines import RackMachine
from lab.mcs import Asked
from lab.pki import Authority
from lab.playbook import Run
from lab.processes import processes_of
from lab.site import Site
from lab.site import machine_address
from lab.site import machine_spec
from lab.site import node_of
from lab.web import WebRequest

VERDICT = re.compile(r'"msg": "(?P<line>(?P<name>[-\w.]+): .*)"')
FOREIGN_NODE = "worker-foreign"
# Of the product's 15 minutes
SHORTEST_CSR_AGE = 30
_FOREIGN_FILE = "# the site's own menu\nexit\n"


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A machine of the inventory, and what must become of it."""

    name: str
    proven: bool
    approved: tuple[int, int]
    """Client and serving requests of its node that the run approves."""
    says: str = ""
    """What the verdict on it says, as a pattern, beside that it is proven."""
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Of its MachineSpec."""
    before: Callable[[Site, RackMachine], None] | None = None
    """What happens between its boot file and the power button."""


def change_ignition(site: Site, machine: RackMachine) -> None:
    pool = machine.spec.variables["machine_pool"]
    (path,) = site.publish_directory.glob(f"{site.infrastructure_name}/{pool}-*.ign")
    path.write_bytes(path.read_bytes().rstrip() + b" ")


def name_another_disk(site: Site, machine: RackMachine) -> None:
    for path in site.boot_files(machine.name):
        path.write_text(path.read_text().replace(machine.spec.install_device, "/dev/disk/by-id/nvme-lab-9999"))


def let_another_take_its_name(site: Site, machine: RackMachine) -> None:
    _visitor(site, 51, "impostor", machine.name, machine.spec.architecture)
    _visitor(site, 52, "foreigner", FOREIGN_NODE, "x86_64")


def _visitor(site: Site, number: int, name: str, host_name: str, architecture: str) -> None:
    values = {"name": name, "host_name": host_name, "architecture": architecture, "boot_method": "external"}
    site.visitor(machine_spec(number, block=site.block, **values)).start_kubelet()


X86_DOCUMENTED = {"architecture": "x86_64", "variables": {"machine_ignition_delivery": "documented"}}
SCENARIOS = (
    Scenario("grub-verified", True, (1, 1)),
    Scenario(
        "grub-documented",
        True,
        (1, 1),
        values={"loader": "grub-http", "variables": {"machine_ignition_delivery": "documented"}},
    ),
    # it would call itself localhost.localdomain, were it not for ip=
    Scenario(
        "ipxe-static",
        True,
        (1, 1),
        values={
            "boot_method": "ipxe",
            "behaviour": "localhost",
            "variables": {
                "machine_consoles": ["tty0", "ttyAMA0,115200n8"],
                "machine_kernel_arguments": ["site.note=1"],
            },
        },
    ),
    Scenario("x86-pxelinux", True, (1, 1), values={"boot_method": "pxelinux", "architecture": "x86_64"}),
    Scenario(
        "x86-pxelinux-documented",
        True,
        (1, 1),
        values={"boot_method": "pxelinux", **X86_DOCUMENTED},
    ),
    Scenario(
        "x86-ipxe",
        True,
        (1, 1),
        values={"boot_method": "ipxe", **X86_DOCUMENTED},
    ),
    # its ISO has all that it needs, and comes by http
    Scenario(
        "iso-unattended",
        True,
        (1, 1),
        values={
            "boot_method": "iso",
            "variables": {
                "machine_iso_install": "unattended",
                "machine_consoles": ["ttyAMA0,115200n8"],
                "machine_kernel_arguments": ["site.note=2"],
            },
        },
    ),
    # somebody types what the run has printed; its ignition was uploaded by https, and comes by https
    Scenario("iso-typed", True, (1, 1), values={"boot_method": "iso", "variables": {"machine_pool": "typed"}}),
    Scenario("external", True, (1, 1), values={"boot_method": "external"}),
    Scenario("interrupted", True, (1, 1)),
    Scenario("early-restart", True, (2, 1), values={"behaviour": "loses_keys_early", "pace": 8.0}),
    Scenario(
        "late-restart",
        False,
        (1, 0),
        "asks for a new client certificate.* set machine_replace_node_uid: [-0-9a-f]{36}",
        values={"behaviour": "loses_keys_late"},
    ),
    Scenario("nameless", False, (0, 0), "sent no request since", values={"behaviour": "localhost"}),
    Scenario("wrong-file", False, (0, 0), "is machine_install_device there", before=name_another_disk),
    Scenario("foreign-file", False, (0, 0), "grub.cfg-01-"),
    Scenario(
        "changed-ignition",
        False,
        (0, 0),
        "sent no request since; the published ignition has changed since .*, and its installer refuses it",
        values={"variables": {"machine_pool": "edge"}},
        before=change_ignition,
    ),
    # nothing on this way looks at a hash: the machine installs what it is given, and the run raises the alarm
    Scenario(
        "changed-documented",
        True,
        (1, 1),
        "the published ignition has changed since .*, and it may have installed what somebody else put there",
        values={"variables": {"machine_pool": "edge", "machine_ignition_delivery": "documented"}},
        before=change_ignition,
    ),
    Scenario("stale-ca", False, (0, 0), "sent no request since", values={"variables": {"machine_pool": "stale"}}),
    Scenario(
        "taken-name",
        False,
        (1, 0),
        "which machine_addresses does not list",
        values={"behaviour": "dead"},
        before=let_another_take_its_name,
    ),
)
INTERRUPTED = "interrupted"


@dataclasses.dataclass
class Result:
    """What became of one machine."""

    verdict: str = ""
    approved: tuple[int, int] = (0, 0)
    pending: tuple[int, int] = (0, 0)
    architecture: str = ""
    presents_what_was_issued: bool = False
    holds_what_was_issued: bool = False
    """Whether its kubelet has one client and one serving certificate, both of requests that the run approved."""
    boot_files: list[pathlib.Path] = dataclasses.field(default_factory=list)
    machine: RackMachine | None = None


@dataclasses.dataclass
class Outcome:
    """What became of all of them; the site is gone."""

    first: str
    """Output of the run that was killed."""
    first_approved: tuple[int, int]
    """What it had approved for its machine when nothing of it ran any more, and the serving request was there."""
    run: Run
    results: dict[str, Result]
    others: dict[str, tuple[int, int]]
    """Requests that were approved for nodes of no machine."""
    published: dict[str, bytes]
    """Published files by URL, also those by https."""
    uploads: list[WebRequest]
    """What was asked of the server that takes uploads."""
    instructions: dict[str, str]
    """What the run has printed for people, by machine."""
    machine_config: list[Asked]
    """What was asked of the machine-config server."""
    report: dict[str, Any]
    """What the run has written down of itself."""
    max_csr_age: int
    directory: pathlib.Path


def specs(scenarios: Sequence[Scenario], block: int) -> list[MachineSpec]:
    made = []
    for number, scenario in enumerate(scenarios, start=1):
        spec = machine_spec(number, block=block, **{"name": scenario.name, **scenario.values})
        spec.variables = dict(spec.variables)
        if scenario.name == "ipxe-static":
            address, gateway = machine_address(number, block), machine_address(0, block)
            line = f"ip={address}::{gateway}:255.255.255.0:{spec.name}:eno1:none"
            spec.variables["machine_network_arguments"] = [line]
        if spec.boot_method == "iso":
            nic = {"name": "eno1", "mac": spec.macs[0], "addresses": [f"{spec.addresses[0]}/24"]}
            spec.variables["machine_network"] = {"interfaces": [nic], "nameservers": [machine_address(0, block)]}
        made.append(spec)
    return made


def play(
    directory: pathlib.Path,
    scenarios: Sequence[Scenario] = SCENARIOS,
    *,
    machine_kind: str,
    control_plane: str,
    block: int,
    patience: int,
) -> Outcome:
    """Plays all scenarios in one run, after one that is killed half way through one of them.

    :param patience: seconds in which machines of this kind join, on two cores that do nothing else
    """
    site = Site(
        directory,
        specs(scenarios, block),
        machine_kind=machine_kind,
        control_plane=control_plane,
        block=block,
        uploads=True,
        timing=Timing(serving_delay=1.5),
    )
    with site:
        _prepare(site)
        # one pool has a stale CA, and the machines of the others are to be seen
        inventory = site.inventory({"approve_csrs_heartbeat": 10, "preflight_fatal": []})
        first, pace = _killed_run(site, inventory)
        first_approved, _pending = _requests(site)[INTERRUPTED]
        hooks = {scenario.name: _hook(site, scenario) for scenario in scenarios if scenario.before}
        # A request that waits since the killed run must still be young when this one, with more machines, looks at it;
        # and who lost his keys is approved again once the first request is old.
        age = max(SHORTEST_CSR_AGE, round(2 * pace) + 10)
        timeout = age + patience + round(pace)
        running = site.start(
            "add_arm_workers",
            inventory=inventory,
            extra_vars={"approve_csrs_timeout": timeout, "approve_csrs_max_csr_age": age},
        )
        running.wait_for_output("Waiting for", 180)
        with site.operator(hooks):
            run = running.wait(timeout + 120)
        asked = list(site.machine_config.requests)
        report = json.loads((run.directory / "multiarch-report/report.json").read_text())
        outcome = Outcome(
            first, first_approved, run, {}, {}, {}, site.uploads.seen(), {}, asked, report, age, directory
        )
        _look(site, outcome)
    return outcome


def _hook(site: Site, scenario: Scenario) -> Callable[[], None]:
    def run() -> None:
        if scenario.before:
            scenario.before(site, site.machines[scenario.name])

    return run


def _prepare(site: Site) -> None:
    """More pools, one of them with the CA of long ago; and a boot file that is not ours."""
    url, current = site.machine_config.url, site.machine_config_authority.pem
    stale = Authority(site.directory / "old-machine-config", "machine-config-server-ca").pem
    for pool, ca in (("edge", current), ("typed", current), ("stale", stale)):
        site.api.apply([objects.machine_config_pool(pool, 0), objects.user_data_secret(pool, url, ca)])
        site.machine_config.pools.add(pool)
    if "foreign-file" in site.machines:
        dashes = site.machines["foreign-file"].spec.macs[0].replace(":", "-")
        (site.grub_directory / f"grub.cfg-01-{dashes}").write_text(_FOREIGN_FILE)


def _killed_run(site: Site, inventory: pathlib.Path) -> tuple[str, float]:
    """A run for one machine that ends between its client and its serving request; and its seconds up to its wait."""
    machine = site.machines[INTERRUPTED]
    started = time.monotonic()
    running = site.start("add_arm_workers", "--limit", INTERRUPTED, inventory=inventory)
    try:
        running.wait_for_output("Waiting for", 120)
        pace = time.monotonic() - started
        machine.power_on()
        running.wait_for_output(f"{INTERRUPTED}  client CSR", 120)
    finally:
        running.kill()
    output = running.wait().stdout
    _wait_for_workers(site)
    deadline = time.monotonic() + 60
    while len(site.requests_of(INTERRUPTED)) < 2:
        if time.monotonic() > deadline:
            raise AssertionError(f"{INTERRUPTED} asked for no serving certificate: {machine.state} {machine.result}")
        time.sleep(0.1)
    return output, pace


def _wait_for_workers(site: Site) -> None:
    """Workers of ansible-playbook, which outlive it in sessions of their own, end by themselves."""
    deadline = time.monotonic() + 30
    while any("ansible-playbook" in line for line in processes_of(site.directory)):
        if time.monotonic() > deadline:
            raise AssertionError(f"what is left of the killed run goes on: {processes_of(site.directory)}")
        time.sleep(0.1)


def _look(site: Site, outcome: Outcome) -> None:
    said = VERDICT.finditer(outcome.run.stdout.rpartition("TASK [Give the verdict]")[2])
    verdicts = {match["name"]: match["line"] for match in said}
    counts = _requests(site)
    for name, machine in site.machines.items():
        node = site.node(name)
        approved, pending = counts.pop(name, ((0, 0), (0, 0)))
        outcome.results[name] = Result(
            verdicts.get(name, ""),
            approved,
            pending,
            node["status"]["nodeInfo"]["architecture"] if node else "",
            _presents_what_was_issued(site, name, machine.spec.addresses[0]),
            _holds_what_was_issued(site, name),
            site.boot_files(name),
            machine,
        )
    outcome.instructions = {path.stem: path.read_text() for path in site.install_directory.glob("*.txt")}
    outcome.others = {name: approved for name, (approved, _unused) in counts.items()}
    for path in site.publish_directory.rglob("*"):
        if path.is_file():
            for url in (site.web.url, site.uploads.url):
                outcome.published[f"{url}/{path.relative_to(site.publish_directory.parent)}"] = path.read_bytes()


def _requests(site: Site) -> dict[str, tuple[tuple[int, int], tuple[int, int]]]:
    """Approved and pending requests of each node, client and serving ones."""
    approved_names = {approval.name for approval in site.plane.approvals}
    found: dict[str, dict[bool, list[int]]] = {}
    for request in site.api.list(REQUESTS):
        counts = found.setdefault(node_of(request), {True: [0, 0], False: [0, 0]})
        serving = request["spec"]["signerName"] != CLIENT_SIGNER
        counts[request["metadata"]["name"] in approved_names][serving] += 1
    return {name: (_pair(counts[True]), _pair(counts[False])) for name, counts in found.items()}


def _pair(counts: list[int]) -> tuple[int, int]:
    return counts[0], counts[1]


def _holds_what_was_issued(site: Site, name: str) -> bool:
    approved = {approval.name for approval in site.plane.approvals}
    issued = {
        base64.b64decode(request["status"]["certificate"]): request["spec"]["signerName"]
        for request in site.requests_of(name)
        if request["metadata"]["name"] in approved and request["status"].get("certificate")
    }
    held = {
        path.read_bytes().partition(b"-----BEGIN EC")[0].partition(b"-----BEGIN PRIVATE")[0]
        for path in (site.directory / "machines" / name).rglob("kubelet-*.pem")
        if not path.is_symlink()  # to a path of the machine's own mounts
    }
    return len(held) == 2 and {issued.get(certificate) for certificate in held} == {CLIENT_SIGNER, SERVING_SIGNER}


def _presents_what_was_issued(site: Site, name: str, address: str) -> bool:
    issued = {
        base64.b64decode(request["status"]["certificate"]).decode().strip()
        for request in site.requests_of(name)
        if request["spec"]["signerName"] != CLIENT_SIGNER and request["status"].get("certificate")
    }
    try:
        presented = ssl.get_server_certificate((address, PORT), timeout=5)
    except OSError:
        return False
    return presented.strip() in issued
