# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""BMCs that do not boot their image as others do: what is done about it, and what is said."""

from __future__ import annotations

import contextlib
import pathlib
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish import Limits
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_answer import BmcError
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Credentials
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import boot
from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_machine import disarm
from lab.bmc import Bmc
from lab.bmc import BmcSystem
from lab.loop import LoopThread
from lab.pki import Authority

Record = dict[str, t.Any]
BASE_URL = "http://192.0.2.2:8080/openshift"
ISO = f"{BASE_URL}/lab/install-aarch64-0123456789abcdef.iso"
BY_HTTPS = ISO.replace("http:", "https:")
BY_NAME = ISO.replace("192.0.2.2:8080", "web.example.com")
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
MAC = "52:54:00:00:07:01"
LIMITS = Limits(media=2, power=3, setting=1)


class Bench:
    """A machine that boots an ISO, and its BMC with a quirk."""

    def __init__(self, stack: contextlib.ExitStack, directory: pathlib.Path, loop: LoopThread, quirk: str) -> None:
        authority = Authority(directory / "pki", "bmc-ca")
        self.system = BmcSystem([MAC])
        tls = authority.server("bmc", ["127.0.0.1"])
        self.bmc = Bmc([self.system], loop=loop, tls=tls, quirks=[quirk]).start()
        stack.callback(self.bmc.close)
        account = Credentials(self.bmc.username, self.bmc.password, str(authority.certificate_path))
        self.client = Client(self.bmc.url, account, timeout=5)
        self.lines: list[str] = []

    def boot(
        self, iso: str = ISO, *, certificates: t.Sequence[str] = (), check: bool = False, **given: t.Any
    ) -> Record:
        """The record after it."""
        host = {
            "machine_addresses": ["192.0.2.11"],
            "machine_boot_method": "iso",
            "machine_macs": [MAC],
            "machine_install_device": "/dev/disk/by-id/nvme-lab",
            "machine_bmc_url": self.bmc.url,
            "machine_bmc_username": self.bmc.username,
            "machine_bmc_password": self.bmc.password,
            **given,
        }
        records, problems = plan({"worker": host}, ["worker"], [])
        assert problems == []
        machine = {**records[0], "iso_url": iso}
        changes: Record = {}
        how: Record = {"base_url": BASE_URL, "certificates": certificates, "check_mode": check}
        boot(machine, self.client, LIMITS, self._say, changes, **how)
        return {**machine, **changes}

    def _say(self, line: str, *_unused: str) -> None:
        self.lines.append(line)

    def disarm(self, machine: Record) -> Record:
        """What it has changed in the record."""
        changes: Record = {}
        disarm(machine, self.client, LIMITS, self._say, changes, base_url=BASE_URL, check_mode=False)
        return changes


@pytest.fixture
def bench(tmp_path: pathlib.Path) -> t.Iterator[t.Callable[[str], Bench]]:
    loop = LoopThread("bmcs")
    with contextlib.ExitStack() as stack:
        stack.callback(loop.close)
        yield lambda quirk: Bench(stack, tmp_path, loop, quirk)


@pytest.mark.parametrize(
    ("quirk", "first", "said", "wanted"),
    [
        ("usb_cd", "UsbCd", "", "Cd"),
        ("grace_cd", "Cd", "set machine_bmc_boot_target: UsbCd", "Cd"),
        ("grace_disk", "Cd", "set machine_bmc_boot_target: UsbCd", "UsbCd"),
        ("virtual_cd", "Cd", "set machine_bmc_boot_target: VCD-DVD", "VCD-DVD"),
    ],
)
def test_the_name_of_the_boot_source_can_be_chosen_and_a_doubtful_one_is_told(
    bench: t.Callable[[str], Bench], quirk: str, first: str, said: str, wanted: str
) -> None:
    stub = bench(quirk)
    record = stub.boot()
    assert stub.system.boots[-1].target == record["bmc"]["target"] == first
    assert bool(record["warnings"]) == bool(said)
    assert all(said in warning for warning in record["warnings"])
    stub.disarm(record)
    stub.system.power = "Off"

    record = stub.boot(machine_bmc_boot_target=wanted)
    assert stub.system.boots[-1].target == record["bmc"]["target"] == wanted
    # one of them is the name that this hardware does not boot by
    assert bool(stub.system.boots[-1].image) == ((quirk, wanted) != ("usb_cd", "Cd"))
    assert record["warnings"] == []


def test_what_an_idrac_was_told_to_boot_once_is_taken_back(bench: t.Callable[[str], Bench]) -> None:
    stub = bench("virtual_cd")
    assert "boot once from VCD-DVD" in stub.boot(check=True, machine_bmc_boot_target="VCD-DVD")["would"][-1]
    assert stub.bmc.changing_requests() == []
    record = stub.boot(machine_bmc_boot_target="VCD-DVD")
    assert stub.system.attributes["ServerBoot.1.FirstBootDevice"] == "Normal"
    # as if the machine had not started
    stub.system.attributes["ServerBoot.1.FirstBootDevice"] = "VCD-DVD"
    stub.disarm(record)
    assert stub.system.attributes["ServerBoot.1.FirstBootDevice"] == "Normal"
    assert "boot override cleared by its BMC" in stub.lines


def test_a_bmc_that_is_no_idrac_says_so_before_anything_is_changed(bench: t.Callable[[str], Bench]) -> None:
    stub = bench("second_slot")
    with pytest.raises(BmcError, match="has no attribute ServerBoot") as raised:
        stub.boot(machine_bmc_boot_target="VCD-DVD")
    assert raised.value.code == "bmc_boot"
    assert stub.bmc.changing_requests() == []


@pytest.mark.parametrize(
    ("quirk", "iso", "reason", "hint", "changes"),
    [
        ("detached", ISO, "are detached", "AutoAttach", False),
        ("no_backend", ISO, "has no virtual drive", "OpenBMC", False),
        ("media_in_use", ISO, "already in use", "close consoles and sessions", True),
        ("no_dns", BY_NAME, "cannot be reached", "an address in place of web.example.com", True),
    ],
)
@pytest.mark.parametrize("power", ["Off", "On"])
def test_an_image_that_does_not_come_to_the_machine_has_its_reason(
    bench: t.Callable[[str], Bench], quirk: str, iso: str, reason: str, hint: str, changes: bool, power: str
) -> None:
    stub = bench(quirk)
    stub.system.power = power
    with pytest.raises(BmcError, match=reason) as raised:
        stub.boot(iso, machine_power_policy="restart")
    assert hint in raised.value.hint
    # one that cannot be booted is not switched off
    assert bool(stub.bmc.changing_requests()) == changes
    assert stub.system.boots == []


def test_a_drive_with_certificates_of_its_own_verifies_the_images_server(bench: t.Callable[[str], Bench]) -> None:
    stub = bench("verify_certificate")
    [drive] = stub.system.drives
    record = stub.boot(BY_HTTPS, certificates=[CERTIFICATE])
    assert (drive.verifies, drive.certificates, drive.image) == (True, [CERTIFICATE], BY_HTTPS)
    assert record["warnings"] == []
    stub.disarm(record)
    stub.system.power = "Off"
    # what it has is not given a second time
    stub.boot(BY_HTTPS, certificates=[CERTIFICATE.replace("\n", "\r\n")])
    assert drive.certificates == [CERTIFICATE]


def test_a_drive_that_does_not_verify_is_warned_of(bench: t.Callable[[str], Bench]) -> None:
    stub = bench("verify_certificate")
    record = stub.boot(BY_HTTPS)
    assert stub.system.boots[0].image == BY_HTTPS
    [warning] = record["warnings"]
    assert "does not verify the certificate" in warning
    assert not stub.system.drives[0].verifies


def test_an_image_by_http_changes_nothing_of_a_drives_certificates(bench: t.Callable[[str], Bench]) -> None:
    stub = bench("verify_certificate")
    assert stub.boot(certificates=[CERTIFICATE])["warnings"] == []
    assert stub.system.drives[0].certificates == []


def test_an_override_that_a_bmc_says_to_have_cleared_is_looked_for(bench: t.Callable[[str], Bench]) -> None:
    stub = bench("clear_ignored")
    record = stub.boot()
    # as if the machine had not started
    stub.system.target, stub.system.enabled = "Cd", "Once"
    stub.disarm(record)
    assert (stub.system.target, stub.system.enabled) == ("None", "Disabled")
    assert "boot override cleared by its BMC" in stub.lines


def test_an_override_that_stays_is_warned_of(bench: t.Callable[[str], Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    stub = bench("continuous")
    record = stub.boot()
    monkeypatch.setattr(stub.bmc, "_patch_boot", lambda *_unused: None)
    changes = stub.disarm(record)
    assert "goes on to show Cd" in changes["warnings"][-1]
    assert "boot override cleared by its BMC" not in stub.lines
