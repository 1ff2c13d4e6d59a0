# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done with one machine through its BMC, where things do not go as usual; against BMCs of the lab."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils import _redfish_machine as procedures
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Credentials
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_media import shown_url
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import booting_failed
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import disarm_all
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import run
from lab.bmc import Bmc
from lab.bmc import BmcSystem
from lab.bmc import Drive
from lab.loop import LoopThread
from lab.pki import Authority

Record = dict[str, t.Any]
BASE_URL = "http://192.0.2.2:8080/openshift"
ISO = f"{BASE_URL}/lab/install-aarch64-0123456789abcdef.iso"
EARLIER_ISO = f"{BASE_URL}/lab/install-aarch64-ffffffffffffffff.iso"
MAC = "52:54:00:00:07:01"
USERNAME, PASSWORD = "operator", "canary-pw"
LIMITS = Limits(media=3, power=3, setting=1)


class Bench:
    """One machine with its BMC, and what is done with them."""

    def __init__(self, directory: pathlib.Path, loop: LoopThread, stack: contextlib.ExitStack) -> None:
        self._authority = Authority(directory / "pki", "bmc-ca")
        self._tls = self._authority.server("bmc", ["127.0.0.1"])
        self._loop = loop
        self._stack = stack
        self.lines: list[str] = []
        self.events: list[Record] = []

    def machine(
        self,
        *,
        system: Record | None = None,
        variables: Record | None = None,
        record: Record | None = None,
        **bmc: t.Any,
    ) -> tuple[Bmc, BmcSystem, Record]:
        """One that boots from an ISO; what is given differs from that."""
        known = BmcSystem(**{"macs": [MAC], **(system or {})})
        served = Bmc([known], loop=self._loop, tls=self._tls, username=USERNAME, password=PASSWORD, **bmc).start()
        self._stack.callback(served.close)
        host = {
            "machine_addresses": ["192.0.2.11"],
            "machine_boot_method": "iso",
            "machine_macs": [MAC],
            "machine_install_device": "/dev/disk/by-id/nvme-lab",
            "machine_bmc_url": served.url,
            "machine_bmc_username": USERNAME,
            "machine_bmc_password": PASSWORD,
            **(variables or {}),
        }
        records, problems = plan({"worker": host}, ["worker"], [])
        assert problems == []
        iso = {"iso_url": ISO} if host["machine_boot_method"] == "iso" else {}
        return served, known, {**records[0], **iso, **(record or {})}

    def client(self, machine: Record) -> Client:
        return Client(
            machine["bmc_url"], Credentials(USERNAME, PASSWORD, str(self._authority.certificate_path)), timeout=5
        )

    def boot(self, machine: Record, *, check_mode: bool = False) -> Record:
        def work(record: Record, say: t.Callable[[str], None], changes: Record) -> None:
            procedures.boot(record, self.client(record), LIMITS, say, changes, base_url=BASE_URL, check_mode=check_mode)

        tell: Record = {"say": self.lines.append, "note": self.events.append}
        records, _changed = run([machine], procedures.due_to_boot, work, failed=booting_failed, parallel=1, **tell)
        return records[0]

    def disarm(self, machine: Record) -> Record:
        records, _changed = disarm_all(
            [machine],
            self.client,
            say=self.lines.append,
            note=self.events.append,
            limits=LIMITS,
            base_url=BASE_URL,
            parallel=1,
            check_mode=False,
        )
        return records[0]


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> t.Iterator[Bench]:
    loop = LoopThread("bmcs")
    with contextlib.ExitStack() as stack:
        stack.callback(loop.close)
        yield Bench(tmp_path, loop, stack)


def test_what_a_bmc_does_is_an_event_as_it_happens(bench: Bench) -> None:
    _bmc, _system, machine = bench.machine()
    record = bench.boot(machine)
    bench.disarm(record)
    assert [(event["event"], event["text"].partition(" by its BMC")[0]) for event in bench.events] == [
        ("bmc", f"{ISO.rpartition('/')[2]} inserted"),
        ("powered_on", "powered on"),
        ("bmc", f"{ISO} ejected"),
    ]
    assert {event["machine"] for event in bench.events} == {"worker"}
    assert [line.partition("  ")[2] for line in bench.lines] == [event["text"] for event in bench.events]


@pytest.mark.parametrize("action", ["InsertMedia", "Reset"])
def test_an_image_is_ejected_though_the_answer_to_its_insertion_or_to_the_power_on_was_lost(
    bench: Bench, action: str
) -> None:
    bmc, system, machine = bench.machine(loses=[action])
    record = bench.boot(machine)
    assert (record["failed"], record["reason_code"]) == (True, "bmc_unreachable")
    assert "whether it took the POST is not known" in record["reason"]
    assert system.images == [ISO]
    bmc.loses = frozenset()
    bench.disarm(record)
    assert system.images == []


def test_an_override_that_two_resources_show_is_cleared_where_it_can_be_written(bench: Bench) -> None:
    _bmc, system, machine = bench.machine(quirks=["settings", "continuous"])
    record = bench.boot(machine)
    assert system.enabled == "Continuous"
    record = bench.disarm(record)
    assert (record["failed"], record["bmc"], system.enabled) == (False, {}, "Disabled")


@pytest.mark.parametrize("system", [{"drives": [Drive("a", ("Floppy",))]}, {"targets": ["None", "Hdd"]}])
def test_a_machine_that_cannot_be_booted_is_not_switched_off_for_it(bench: Bench, system: Record) -> None:
    restart = {"machine_power_policy": "restart"}
    bmc, known, machine = bench.machine(system={"power": "On", **system}, variables=restart)
    for check_mode in (True, False):
        record = bench.boot(machine, check_mode=check_mode)
        assert (record["failed"], known.power, bmc.changing_requests()) == (True, "On", [])


def test_a_machine_is_recognised_by_the_nics_of_its_network_too(bench: Bench) -> None:
    network = {"interfaces": [{"name": "eno1", "mac": MAC, "dhcp": "ipv4"}]}
    _bmc, system, machine = bench.machine(variables={"machine_macs": None, "machine_network": network})
    assert not bench.boot(machine)["failed"]
    assert system.images == [ISO]


def test_a_machine_that_is_on_with_another_iso_of_ours_is_left_to_it(bench: Bench) -> None:
    """What the ISO of several machines is called depends on which of them are still to be installed."""
    bmc, system, machine = bench.machine(system={"power": "On", "drives": [Drive("c", image=EARLIER_ISO)]})
    record = bench.boot(machine)
    assert (record["failed"], record["bmc"]["media"], bmc.changing_requests()) == (False, EARLIER_ISO, [])
    # the installed system shows
    bench.disarm(record)
    assert system.images == []
    # what earlier steps have changed stays so where nothing is left to take away
    assert bench.disarm({**record, "changed": True})["changed"]


def test_a_machine_that_is_off_gets_the_iso_of_this_run(bench: Bench) -> None:
    _bmc, system, machine = bench.machine(system={"drives": [Drive("c", image=EARLIER_ISO)]})
    assert not bench.boot(machine)["failed"]
    assert [boot.image for boot in system.boots] == [ISO]


BY_NETWORK = {"machine_boot_method": "grub"}


def test_an_override_that_a_bmc_keeps_is_cleared_where_an_image_or_a_boot_file_shows_who_set_it(bench: Bench) -> None:
    _bmc, system, machine = bench.machine(quirks=["continuous"])
    bench.boot(machine)
    assert system.enabled == "Continuous"
    # another run, which has only the plan to go by
    bench.disarm(machine)
    assert (system.images, system.enabled) == ([], "Disabled")

    _bmc, system, machine = bench.machine(quirks=["continuous"], variables=BY_NETWORK)
    bench.boot(machine)
    bench.disarm(machine)
    assert system.enabled == "Continuous"
    bench.disarm({**machine, "armed_earlier": True})
    assert system.enabled == "Disabled"


def test_an_image_of_the_time_when_a_machine_booted_from_an_iso_does_not_stay(bench: Bench) -> None:
    lying: Record = {"drives": [Drive("c", image=EARLIER_ISO)]}
    _bmc, system, machine = bench.machine(system=lying, variables=BY_NETWORK)
    assert bench.boot(machine, check_mode=True)["would"][0] == f"eject {EARLIER_ISO} by its BMC"
    record = bench.boot(machine)
    assert (record["failed"], system.images, system.boots[0].target) == (False, [], "Pxe")

    node = {"arm": False, "existing_node": {"name": "worker"}}
    for method in ("grub", "external"):
        lying = {"drives": [Drive("c", image=EARLIER_ISO)], "target": "Pxe", "enabled": "Once"}
        variables = {"machine_boot_method": method}
        _bmc, system, machine = bench.machine(system=lying, variables=variables, record=node)
        assert procedures.due_to_clean(machine)
        bench.disarm(machine)
        # the node's owner may have set it to boot from the network
        assert (system.images, system.enabled) == ([], "Once")


def test_a_machine_that_has_no_boot_file_because_it_was_on_is_left_alone_or_refused(bench: Bench) -> None:
    was_on = {"bmc_power": "on"}
    bmc, _system, machine = bench.machine(system={"power": "On"}, variables=BY_NETWORK, record=was_on)
    assert bench.boot(machine)["reason_code"] == "powered_on"
    record = bench.boot({**machine, "fetched_ago": 600.0})
    assert (record["failed"], bench.lines[-1]) == (
        False,
        "worker  is on and fetched rootfs and ignition 10 min ago, at an earlier run; left alone",
    )
    assert bmc.changing_requests() == []

    # somebody has switched it off since: there is nothing that it could boot
    bmc, _system, machine = bench.machine(variables=BY_NETWORK, record=was_on)
    record = bench.boot(machine)
    assert (record["reason_code"], bmc.changing_requests()) == ("powered_on", [])
    assert "by now it is off" in record["reason"]


def test_a_drive_that_does_not_say_whether_its_image_is_inserted_is_taken_at_its_image(bench: Bench) -> None:
    bmc, system, machine = bench.machine()
    shown = bmc._drive  # pylint: disable=protected-access
    bmc._drive = lambda drive, path: {**shown(drive, path), "Inserted": None}  # type: ignore[method-assign]
    assert not bench.boot(machine)["failed"]
    assert system.images == [ISO]


def test_what_a_task_says_is_told_without_user_and_password(bench: Bench) -> None:
    missing = {"iso_url": f"{BASE_URL}/missing.iso"}
    _bmc, _system, machine = bench.machine(record=missing, quirks=["accepted"], repeats_secrets=True)
    assert bench.boot(machine)["reason"].endswith("missing.iso: The image was not found. (… …)")


def test_images_of_others_are_shown_without_what_their_urls_let_in(bench: Bench) -> None:
    image = "https://backup:S3cret@198.51.100.9/x.iso?token=S3cret"
    drives = [Drive("c", image=image), Drive("d", image="http://[broken/x.iso")]
    _bmc, system, machine = bench.machine(system={"drives": drives})
    assert bench.boot(machine, check_mode=True)["would"][0] == "eject https://198.51.100.9/x.iso by its BMC"
    record = bench.boot(machine)
    assert system.images == [ISO]
    assert "worker  https://198.51.100.9/x.iso ejected by its BMC" in bench.lines
    assert "S3cret" not in f"{record} {bench.lines}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://192.0.2.2:8080/a/b.iso", "http://192.0.2.2:8080/a/b.iso"),
        ("nfs://a:b@c@[2001:db8::1]/x@y.iso#part", "nfs://[2001:db8::1]/x@y.iso"),
        ("//192.0.2.2/share/x.iso", "//192.0.2.2/share/x.iso"),
        ("install.iso", "install.iso"),
        ("http://[broken/x.iso", "http://[broken/x.iso"),
    ],
)
def test_any_name_of_an_image_can_be_shown(url: str, shown: str) -> None:
    assert shown_url(url) == shown
