# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped playbook and machines made of real parts: what becomes of each, and how it came there."""

from __future__ import annotations

import datetime
import pathlib
import re
import shlex
import subprocess
import urllib.parse

import pytest

from lab import live
from lab.iso import LiveIso
from lab.kubelet import CLIENT_SIGNER
from lab.live import KernelLine
from lab.loop_disk import attached
from lab.machines import NODE_ARCHITECTURE
from lab.processes import processes_of
from lab.real_machine import RealMachine
from support.rehearsal import FOREIGN_NODE
from support.rehearsal import SCENARIOS
from support.rehearsal import Outcome
from support.rehearsal import Scenario

pytestmark = pytest.mark.real

each = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
PROVEN = [s for s in SCENARIOS if s.proven]
each_proven = pytest.mark.parametrize("scenario", PROVEN, ids=lambda scenario: scenario.name)
NETWORK_BOOTED = [s for s in PROVEN if s.values.get("boot_method") not in ("external", "iso")]
each_network_booted = pytest.mark.parametrize("scenario", NETWORK_BOOTED, ids=lambda scenario: scenario.name)
# Those that get as far as the installer, whatever becomes of them
STARTED = [
    s
    for s in SCENARIOS
    if s.values.get("boot_method") not in ("external", "iso") and s.name not in ("foreign-file", "taken-name")
]
each_started = pytest.mark.parametrize("scenario", STARTED, ids=lambda scenario: scenario.name)
BY_ISO = [s for s in PROVEN if s.values.get("boot_method") == "iso"]
each_by_iso = pytest.mark.parametrize("scenario", BY_ISO, ids=lambda scenario: scenario.name)
LIVE_IGNITION_FILE = "/etc/coreos/installer.d/20-ignition-hash.yaml"


def machine(outcome: Outcome, scenario: Scenario) -> RealMachine:
    found = outcome.results[scenario.name].machine
    assert isinstance(found, RealMachine)
    return found


def told(seen: RealMachine) -> list[str]:
    """What the product and RHCOS told the installer: all but the one thing that the lab adds, as live media do."""
    command, option, media, *rest = seen.installer_said
    assert (command, option, pathlib.Path(media).name) == ("install", "--config-file", "media.yaml")
    image = pathlib.Path(media).with_name("metal.raw")
    assert seen.live_media == {"image-file": str(image), "insecure": True}
    return rest


@each
def test_machine_ends_as_it_must(real: Outcome, scenario: Scenario) -> None:
    result = real.results[scenario.name]
    seen = machine(real, scenario)
    story = f"{seen.result}; {'; '.join(map(str, seen.seen))}\n{real.run.stdout}"
    assert result.verdict.startswith(f"{scenario.name}: proven") == scenario.proven, f"{result.verdict}\n{story}"
    assert re.search(scenario.says, result.verdict), f"{result.verdict}\n{story}"
    assert (scenario.name in real.run.failed) == (not scenario.proven)


@each
def test_exactly_its_own_requests_are_approved(real: Outcome, scenario: Scenario) -> None:
    assert real.results[scenario.name].approved == scenario.approved, real.run.stdout


def test_second_client_request_is_approved_when_the_first_is_old_and_no_node_came_of_it(real: Outcome) -> None:
    """A kubelet that has lost its keys; until then the run says what it waits for."""
    name = "early-restart"
    approved = [entry for entry in real.report["requests"]["approved"] if entry["machine"] == name]
    first, second = [entry for entry in approved if entry["signer"] == CLIENT_SIGNER]
    # times of the API, in whole seconds
    assert seconds_of(second["approved_at"]) - seconds_of(first["created"]) >= real.max_csr_age
    assert seconds_of(second["created"]) - seconds_of(first["approved_at"]) < real.max_csr_age
    assert re.search(
        rf"^{name}  {second['name']} left alone: another client request for {name} was approved \d+ s ago; a second is"
        rf" approved only {real.max_csr_age} s after it",
        real.run.stdout,
        re.MULTILINE,
    )


def seconds_of(text: str) -> float:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@each_proven
def test_node_is_what_the_inventory_says_and_presents_what_was_issued(real: Outcome, scenario: Scenario) -> None:
    result = real.results[scenario.name]
    assert result.architecture == NODE_ARCHITECTURE[scenario.values.get("architecture", "aarch64")]
    assert result.presents_what_was_issued
    # counted above, and these are the ones
    assert result.holds_what_was_issued


@each
def test_no_boot_file_of_ours_is_left(real: Outcome, scenario: Scenario) -> None:
    left = real.results[scenario.name].boot_files
    if scenario.name == "foreign-file":  # the site's own stays as it was
        assert len(left) == 1
    else:
        assert left == []


def test_nothing_is_approved_for_strangers(real: Outcome) -> None:
    assert real.others == {FOREIGN_NODE: (0, 0), "localhost.localdomain": (0, 0)}
    assert "oc adm certificate approve" in real.run.stdout
    for name in real.others:
        assert name in real.run.stdout


@each_started
def test_installer_got_what_was_published_and_nothing_else(real: Outcome, scenario: Scenario) -> None:
    seen = machine(real, scenario)
    line = KernelLine(seen.events("kernel")[0].details["line"])
    device, url = line.value("coreos.inst.install_dev"), line.value("coreos.inst.ignition_url")
    verified = "documented" not in scenario.values.get("variables", {}).values()
    expected = ["--config-file", LIVE_IGNITION_FILE] if verified else []
    expected += [device or "", "--ignition-url", url or "", "--insecure-ignition"]
    kept = "".join(f"ip={value} " for value in line.values("ip"))
    if kept:
        expected += ["--firstboot-args", f"rd.neednet=1 {kept}"]
    assert told(seen) == [*expected, "--fetch-retries", "infinite"]
    # what is pinned came out of a published initrd and is the hash in the name of the published ignition
    assert list(seen.installer_files) == ([LIVE_IGNITION_FILE] if verified else [])
    if verified:
        pinned = seen.installer_files[LIVE_IGNITION_FILE].partition("ignition-hash: sha512-")[2].strip()
        assert pinned[:16] in str(url)
        assert f"-{pinned[:16]}.img" in str(seen.events("live_ignition")[0].details["path"])


@each_network_booted
def test_what_is_on_the_disk_is_what_was_published(real: Outcome, scenario: Scenario) -> None:
    seen = machine(real, scenario)
    line = KernelLine(seen.events("kernel")[0].details["line"])
    assert seen.disk is not None
    assert seen.disk.ignition == real.published[line.value("coreos.inst.ignition_url") or ""]
    assert "ignition.platform.id=metal" in seen.disk.entry
    if line.values("ip"):
        assert f"ip={line.value('ip')} " in seen.disk.first_boot


def test_consoles_and_kernel_arguments_are_in_the_installed_system(real: Outcome) -> None:
    seen = real.results["ipxe-static"].machine
    assert isinstance(seen, RealMachine)
    assert seen.disk is not None
    # coreos-installer itself says it in kernel arguments and in GRUB's words
    assert "console=tty0 console=ttyAMA0,115200n8" in seen.disk.entry
    assert "site.note=1" in seen.disk.entry
    assert "serial --unit=0 --speed=115200" in seen.disk.grub


def test_iso_that_installs_by_itself_has_all_that_the_installer_is_told(real: Outcome) -> None:
    seen = real.results["iso-unattended"].machine
    assert isinstance(seen, RealMachine)
    written = live.apply_live_ignition(LiveIso(real.published[seen.media]).ignition)
    files = sorted(path for path in written if path.startswith("/etc/coreos/installer.d/"))
    assert files
    assert seen.installer_files == {path: written[path].decode() for path in files}
    options = [word for path in files for word in ("--config-file", path)]
    assert told(seen) == [*options, "--fetch-retries", "infinite"]


def test_person_types_what_was_printed_and_nothing_else(real: Outcome) -> None:
    seen = real.results["iso-typed"].machine
    assert isinstance(seen, RealMachine)
    printed = [line for line in real.instructions["iso-typed"].splitlines() if not line.startswith("#")]
    (command,) = re.findall(r"^sudo coreos-installer install (?:.*\\\n)*.*$", "\n".join(printed), re.MULTILINE)
    assert told(seen) == shlex.split(command.replace("\\\n", ""))[3:]
    assert seen.installer_files == {}


@each_by_iso
def test_what_an_iso_installs_is_what_was_published(real: Outcome, scenario: Scenario) -> None:
    seen = machine(real, scenario)
    assert seen.disk is not None
    text = "".join(seen.installer_files.values()) + real.instructions[scenario.name]
    (url,) = set(re.findall(r"ignition-url[:=] ?\"?([^\"\s]+)", text))
    assert seen.disk.ignition == real.published[url]
    (keyfile,) = seen.disk.keyfiles.values()
    assert f"mac-address={seen.spec.macs[0]}" in keyfile
    if scenario.name == "iso-unattended":
        assert "console=ttyAMA0,115200n8" in seen.disk.entry
        assert "site.note=2" in seen.disk.entry


def test_ignition_goes_over_tls_with_a_private_authority_where_machines_can(real: Outcome) -> None:
    """Uploaded and compared by https. Who types the command fetches it by https; boot loaders know no authority."""
    typed = real.results["iso-typed"].machine
    assert isinstance(typed, RealMachine)
    own = {(request.method, request.status) for request in real.uploads if "/typed-" in request.path}
    assert ("GET", 200) in own
    assert own & {("PUT", 201), ("MOVE", 201)}
    fetched = [request for request in real.uploads if request.address == typed.spec.addresses[0]]
    assert [request.status for request in fetched if "/typed-" in request.path] == [200]
    assert typed.disk is not None
    assert typed.disk.ignition in {real.published[url] for url in real.published if url.startswith("https://")}
    # the same file for machines that boot from the network: compared by https, fetched by http, with its hash pinned
    compared = {request.path for request in real.uploads if (request.method, request.status) == ("GET", 200)}
    for scenario in NETWORK_BOOTED:
        line = KernelLine(machine(real, scenario).events("kernel")[0].details["line"])
        url = urllib.parse.urlsplit(line.value("coreos.inst.ignition_url") or "")
        assert url.scheme == "http"
        if "machine_pool" not in scenario.values.get("variables", {}):
            assert url.path in compared


def test_changed_ignition_is_refused_by_the_installer(real: Outcome) -> None:
    seen = real.results["changed-ignition"].machine
    assert seen is not None
    assert "failed to validate Ignition configuration digest" in seen.result


def test_changed_ignition_is_installed_where_nothing_pins_it(real: Outcome) -> None:
    seen = real.results["changed-documented"].machine
    assert isinstance(seen, RealMachine)
    assert seen.disk is not None
    assert seen.disk.ignition.endswith(b" ")


def test_changed_ignition_raises_the_alarm(real: Outcome) -> None:
    said = " ".join(real.run.stdout.split())
    assert re.search(r"ALARM: \S+/edge-\w+\.ign no longer returns what this run published", said)
    assert "Machines that check the hash refuse it, others install what somebody else put there" in said


def test_stale_authority_is_refused_by_ignition(real: Outcome) -> None:
    seen = real.results["stale-ca"].machine
    assert seen is not None
    assert seen.events("installed")
    assert "certificate" in seen.result


def test_machine_config_server_answers_ignition_at_the_machines_own_address(real: Outcome) -> None:
    asked = {(request.path, request.status) for request in real.machine_config if "ignition+json" in request.accept}
    assert asked == {("/config/worker", 200), ("/config/edge", 200), ("/config/typed", 200)}
    expected = {real.results[scenario.name].machine.spec.addresses[0] for scenario in PROVEN}  # type: ignore[union-attr]
    assert expected <= {request.address for request in real.machine_config}


def test_disk_that_is_not_there_is_refused_by_the_installer(real: Outcome) -> None:
    seen = real.results["wrong-file"].machine
    assert seen is not None
    assert "No such file" in seen.result


def test_killed_run_ended_between_client_and_serving_request(real: Outcome) -> None:
    assert real.first_approved == (1, 0)
    assert real.results["interrupted"].verdict == "interrupted: proven"
    assert "client CSR" in real.first
    assert "serving CSR" not in real.first
    assert "PLAY RECAP" not in real.first


def test_nothing_of_the_machines_is_left(real: Outcome) -> None:
    assert attached(real.directory) == []
    assert str(real.directory) not in subprocess.run(["mount"], capture_output=True, text=True, check=True).stdout
    assert processes_of(real.directory) == []
    # each has the process in its name that holds its other end
    links = subprocess.run(["ip", "-oneline", "link"], capture_output=True, text=True, check=True).stdout
    holders = re.findall(r"^\d+: lab(\d+)", links, re.MULTILINE)
    assert [holder for holder in holders if not pathlib.Path("/proc", holder).exists()] == []
