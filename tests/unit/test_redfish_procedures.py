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
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import booting_failed
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import disarm_all
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_run import run
from lab.bmc import Bmc
from lab.bmc import BmcSystem
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
            procedures.boot(record, self.client(record), LIMITS, say, changes, check_mode=check_mode)

        records, _changed = run(
            [machine], procedures.due_to_boot, work, failed=booting_failed, parallel=1, say=self.lines.append
        )
        return records[0]

    def disarm(self, machine: Record) -> Record:
        records, _changed = disarm_all(
            [machine],
            self.client,
            say=self.lines.append,
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
