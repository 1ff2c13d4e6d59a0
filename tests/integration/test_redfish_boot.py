# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""redfish_boot, run by ansible-playbook, against BMCs of the lab: all of them in one play, as in a real run."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan
from lab.bmc import Bmc
from lab.bmc import BmcSystem
from lab.bmc import Drive
from lab.loop import LoopThread
from lab.pki import Authority
from lab.pki import certificate_pem
from lab.pki import key_pem
from lab.pki import subject
from lab.playbook import Run
from lab.playbook import start_playbook

BASE_URL = "http://192.0.2.2:8080/openshift"
ISO = f"{BASE_URL}/416.94/aarch64/worker-arm.iso"
OTHER_ISO = "http://198.51.100.9/tools/rescue.iso"
# looked for in everything that a run prints or writes
PASSWORD = "canary-password-7f3a"
USERNAME = "canary-user-7f3a"
PLAYBOOK = """
- hosts: machines
  gather_facts: false
  tasks:
    - name: Talk to the BMCs
      multiarch.openshift.redfish_boot:
        machines: "{{ lookup('file', 'records.json') | from_json }}"
        state: "{{ state }}"
        base_url: "{{ base_url }}"
        request_timeout: 10
        media_timeout: "{{ media_timeout | default(5) }}"
        power_timeout: "{{ power_timeout | default(5) }}"
      run_once: true
      register: answer
    - name: Keep the records
      ansible.builtin.copy:
        content: "{{ answer | to_json }}"
        dest: "{{ playbook_dir }}/answer.json"
        mode: "0600"
      check_mode: false
      run_once: true
      connection: local
"""


@dataclasses.dataclass
class Case:
    """A machine and its BMC."""

    name: str
    bmc: Bmc
    system: BmcSystem
    variables: dict[str, Any]
    record: dict[str, Any]


class Rack:
    """Machines with BMCs, and the play that talks to them."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self.loop = LoopThread("bmcs")
        self.authority = Authority(directory / "pki", "bmc-ca")
        self.tls = self.authority.server("bmc", ["127.0.0.1"])
        self.cases: dict[str, Case] = {}
        self._bmcs: list[Bmc] = []
        self._runs = 0

    def close(self) -> None:
        for bmc in self._bmcs:
            bmc.close()
        self.loop.close()

    def bmc(self, systems: list[BmcSystem], **values: Any) -> Bmc:
        values = {"loop": self.loop, "tls": self.tls, "username": USERNAME, "password": PASSWORD, **values}
        self._bmcs.append(Bmc(systems, **values))
        return self._bmcs[-1].start()

    def machine(
        self,
        name: str,
        *,
        bmc: Bmc | None = None,
        system: dict[str, Any] | None = None,
        variables: dict[str, Any] | None = None,
        record: dict[str, Any] | None = None,
        **values: Any,
    ) -> Case:
        """A machine that boots from an ISO, with a BMC of its own; what is given differs from that."""
        number = len(self.cases) + 1
        mac = f"52:54:00:00:07:{number:02x}"
        known = BmcSystem(**{"macs": [mac], **(system or {})})
        bmc = bmc or self.bmc([known], **values)
        host = {
            "machine_node_name": name.replace("_", "-"),
            "machine_addresses": [f"192.0.2.{number + 10}"],
            "machine_boot_method": "grub",
            "machine_macs": [mac],
            "machine_install_device": "/dev/disk/by-id/nvme-lab",
            "machine_bmc_url": bmc.url,
            "machine_bmc_username": USERNAME,
            "machine_bmc_password": PASSWORD,
            "machine_bmc_ca_path": str(self.authority.certificate_path),
            **(variables or {}),
        }
        records, problems = plan({name: host}, [name], [])
        assert problems == []
        boots_from = {"boot_method": "iso", "iso_url": ISO, **(record or {})}
        self.cases[name] = Case(name, bmc, known, host, {**records[0], **boots_from})
        return self.cases[name]

    def play(
        self, state: str, *arguments: str, records: list[dict[str, Any]] | None = None, **extra: Any
    ) -> tuple[Run, dict[str, dict[str, Any]]]:
        self._runs += 1
        directory = self.directory / f"play-{self._runs}"
        directory.mkdir()
        (directory / "play.yml").write_text(PLAYBOOK)
        given = records if records is not None else [case.record for case in self.cases.values()]
        (directory / "records.json").write_text(json.dumps(given))
        hosts = {case.name: case.variables for case in self.cases.values()}
        inventory = directory / "hosts.yml"
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        inventory.write_text(yaml.safe_dump({"machines": {"hosts": hosts, "vars": here}}))
        running = start_playbook(
            str(directory / "play.yml"),
            "-vvv",
            *arguments,
            inventory=inventory,
            directory=directory / "run",
            environment=self._environment(),
            extra_vars={"state": state, "base_url": BASE_URL, **extra},
        )
        run = running.wait(60)
        assert run.rc == 0, run.stdout
        text = (directory / "answer.json").read_text()
        for secret in (PASSWORD, USERNAME):
            assert secret not in run.stdout
            assert secret not in text
        answer = json.loads(text)
        return run, {record["name"]: record for record in answer["machines"]} | {"": answer}

    @staticmethod
    def _environment() -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_AUTH_"))}
        elsewhere = "http://192.0.2.250:9"
        return {
            **kept,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "LC_ALL": "C.UTF-8",
            # neither other CAs nor a proxy of the environment may be taken
            "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
            "CURL_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
            "https_proxy": elsewhere,
            "HTTPS_PROXY": elsewhere,
            "no_proxy": "",
        }


@pytest.fixture
def rack(tmp_path: pathlib.Path) -> Iterator[Rack]:
    with contextlib.closing(Rack(tmp_path)) as rack:
        yield rack


def lines(run: Run, name: str) -> list[str]:
    return [match[1] for match in re.finditer(rf"^{re.escape(name)}\s\s+([a-z].*)$", run.stdout, re.M)]


# Quirks that boot from an image like any other BMC, and what the BMC must have got for it
SENT: dict[str, dict[str, Any]] = {
    "image_only": {"Image": ISO},
    "transfer_protocol": {"Image": ISO, "TransferProtocolType": "HTTP"},
    "transfer_method": {"Image": ISO, "TransferMethod": "Stream"},
    "credentials": {"Image": ISO, "UserName": "none", "Password": "none"},
    "patch_media": {"Image": ISO, "Inserted": True, "WriteProtected": True},
}
BOOTS = (
    *SENT,
    "remote_slots",
    "second_slot",
    "systems_media",
    "eject_body",
    "stale_image",
    "accepted",
    "web_root",
    "usb_cd",
    "grace_cd",
    "settings",
    "no_mode",
    "mode_read_only",
    "mode_reverts",
    "clear_wants_mode",
    "continuous",
    "etag",
    "ilo_not_ready",
    "idrac_not_ready",
    "action_info",
    "no_force_off",
    "ipv6_media",
)


def test_every_quirk_boots_its_image_once_and_is_disarmed(rack: Rack) -> None:
    for quirk in BOOTS:
        quirks = (quirk,)
        old = [Drive("drive-c", image=OTHER_ISO)] if quirk in ("eject_body", "stale_image") else []
        running = "On" if quirk in ("no_force_off", "action_info") else "Off"
        restart = {"machine_power_policy": "restart"}
        rack.machine(quirk, quirks=quirks, system={"drives": old, "power": running, "mode": "Legacy"}, variables=restart)

    # check mode changes nothing and says what would be done
    _run, records = rack.play("booted", "--check")
    for quirk, case in rack.cases.items():
        assert not records[quirk]["failed"], records[quirk]
        assert case.bmc.changing_requests() == []
        power = "restart it" if case.system.power == "On" else "power it on"
        target = "UsbCd" if case.system.manufacturer == "Supermicro" and "ARS" not in case.system.model else "Cd"
        assert records[quirk]["would"] == [
            f"insert {ISO} by its BMC",
            f"{power} by its BMC to boot once from {target}",
        ]
    assert records[""]["changed"]

    run, records = rack.play("booted")
    for quirk, case in rack.cases.items():
        record = records[quirk]
        assert not record["failed"], (record, case.bmc.changing_requests())
        assert [(boot.image, len(case.system.boots)) for boot in case.system.boots] == [(ISO, 1)], record
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["powered_on"])
        assert record["stage"] == "armed"
        assert record["changed"]
        assert "by its BMC, boots once from " in lines(run, quirk)[-1]
        # an ARM machine that is started in a BIOS mode does not boot
        if quirk not in ("no_mode", "mode_read_only"):
            assert case.system.boots[0].mode == "UEFI", quirk
    for quirk, body in SENT.items():
        accepted = [request for request in rack.cases[quirk].bmc.changing_requests() if request.status == 204]
        assert body in [request.body for request in accepted]
    assert f"{OTHER_ISO} ejected by its BMC" in lines(run, "eject_body")
    assert [request.status for request in rack.cases["ilo_not_ready"].bmc.changing_requests()][:3] == [400, 400, 204]
    assert "restarted by its BMC, boots once from Cd" in lines(run, "no_force_off")
    assert "powered off by its BMC" in lines(run, "action_info")
    assert any("every boot" in warning for warning in records["continuous"]["warnings"])

    # the installed system is there: media are ejected and overrides cleared, and power is left alone
    before = {quirk: len(case.bmc.requests) for quirk, case in rack.cases.items()}
    run, records = rack.play("disarmed", records=[records[quirk] for quirk in rack.cases])
    for quirk, case in rack.cases.items():
        assert not records[quirk]["failed"], records[quirk]
        assert case.system.images == [], quirk
        assert case.system.enabled == "Disabled", quirk
        assert not [request for request in case.bmc.requests[before[quirk] :] if "Reset" in request.path]

    # and again: nothing is left to do
    run, records = rack.play("disarmed", records=[{**records[quirk], "changed": False} for quirk in rack.cases])
    assert not records[""]["changed"]
