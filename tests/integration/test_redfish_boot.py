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
import posixpath
import re
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan
from lab.bmc import QUIRKS
from lab.bmc import Bmc
from lab.bmc import BmcSystem
from lab.bmc import Drive
from lab.emulator import Account
from lab.emulator import emulator
from lab.loop import LoopThread
from lab.pki import Authority
from lab.playbook import Run
from lab.playbook import RunningPlaybook
from lab.playbook import start_playbook
from lab.processes import processes_of
from lab.web import WebServer

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
        ca_path: "{{ ca_path | default('') }}"
        request_timeout: "{{ request_timeout | default(10) }}"
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
        # as they come from the comparison with the cluster's nodes
        boots_from = {"boot_method": "iso", "iso_url": ISO, "existing_node": None, **(record or {})}
        self.cases[name] = Case(name, bmc, known, host, {**records[0], **boots_from})
        return self.cases[name]

    def play(
        self, state: str, *arguments: str, records: list[dict[str, Any]] | None = None, **extra: Any
    ) -> tuple[Run, dict[str, dict[str, Any]]]:
        running, answers = self.start(state, *arguments, records=records, **extra)
        run = running.wait(60)
        assert run.rc == 0, run.stdout
        text = answers.read_text()
        for secret in (PASSWORD, USERNAME):
            assert secret not in run.stdout
            assert secret not in text
        answer = json.loads(text)
        return run, {record["name"]: record for record in answer["machines"]} | {"": answer}

    def start(
        self, state: str, *arguments: str, records: list[dict[str, Any]] | None = None, **extra: Any
    ) -> tuple[RunningPlaybook, pathlib.Path]:
        """The play, and the file in which its answer will be."""
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
        return running, directory / "answer.json"

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
    "clear_ignored",
    "continuous",
    "etag",
    "ilo_not_ready",
    "idrac_not_ready",
    "action_info",
    "no_force_off",
    "ipv6_media",
    "grace_disk",
    "virtual_cd",
    "no_dns",
    "verify_certificate",
)
# Quirks that take no image, with a reason (tests/unit/test_redfish_quirk_stubs.py)
REFUSE = ("detached", "media_in_use", "no_backend")
# Those whose boot source somebody has to name
NAMED = {"grace_disk": "UsbCd", "virtual_cd": "VCD-DVD"}


def test_every_quirk_boots_its_image_once_and_is_disarmed(rack: Rack) -> None:
    assert sorted([*BOOTS, *REFUSE]) == sorted(QUIRKS)
    for quirk in BOOTS:
        old = [Drive("drive-c", image=OTHER_ISO)] if quirk in ("eject_body", "stale_image") else []
        running = "On" if quirk in ("no_force_off", "action_info") else "Off"
        system = {"drives": old, "power": running, "mode": "Legacy"}
        policy = {"machine_power_policy": "restart"}
        named = {"bmc_boot_target": NAMED.get(quirk)}
        rack.machine(quirk, quirks=[quirk], system=system, variables=policy, record=named)

    # check mode changes nothing and says what would be done
    _run, records = rack.play("booted", "--check")
    for quirk, case in rack.cases.items():
        assert not records[quirk]["failed"], records[quirk]
        assert case.bmc.changing_requests() == []
        power = "restart it" if case.system.power == "On" else "power it on"
        usb = case.system.manufacturer == "Supermicro" and "ARS" not in case.system.model
        target = NAMED.get(quirk) or ("UsbCd" if usb else "Cd")
        lying = case.system.images
        assert records[quirk]["would"] == [
            *(f"eject {posixpath.basename(image) if quirk == 'stale_image' else image} by its BMC" for image in lying),
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
        if quirk not in ("no_mode", "mode_read_only", "virtual_cd"):
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


def self_signed(directory: pathlib.Path, name: str) -> tuple[pathlib.Path, pathlib.Path]:
    """A certificate as BMCs come with: its own issuer, for a name that is not the BMC's."""
    other = Authority(directory / name, "factory-default")
    return other.certificate_path, other.key_path


def test_each_machine_boots_or_fails_for_its_own_reason(rack: Rack) -> None:
    pxe = {"boot_method": "grub"}
    swapped = "00112233-4455-6677-8899-aabbccddeeff"
    rack.machine("plain", record=pxe)
    rack.machine("restarted", record=pxe, system={"power": "On"}, variables={"machine_power_policy": "restart"})
    rack.machine("http-only", record=pxe, system={"targets": ["None", "UefiHttp", "Hdd"]})
    rack.machine("bios", record={"boot_method": "pxelinux"}, system={"architecture": "x86_64", "mode": "Legacy"})
    rack.cases["bios"].record["architecture"] = "x86_64"
    rack.machine("no-boot-target", record=pxe, system={"targets": ["None", "Hdd"]})
    rack.machine("wrong-password", record=pxe, password="another")
    rack.machine("wrong-mac", record=pxe, system={"macs": ["52:54:00:99:99:99"]})
    rack.machine("wrong-architecture", record=pxe, system={"architecture": "x86_64"})
    rack.machine("architecture-unknown", record=pxe, system={"processors": False})
    rack.machine("vouched", system={"macs": [], "processors": False}, variables={"machine_bmc_identity": "unchecked"})
    rack.machine("nothing-listed", system={"macs": [], "uuid": "00000000-0000-0000-0000-000000000000"})
    rack.machine(
        "other-byte-order",
        record=pxe,
        system={"macs": [], "uuid": "33221100-5544-7766-8899-aabbccddeeff"},
        variables={"machine_system_uuid": swapped},
    )
    rack.machine("already-on", record=pxe, system={"power": "On"})
    rack.machine("installing", system={"power": "On", "drives": [Drive("drive-c", image=ISO)]})
    lay_there = {**pxe, "boot_files": ["/var/lib/tftpboot/grub/grub.cfg-01-x"], "changed": False}
    rack.machine("armed-earlier", record=lay_there, system={"power": "On"})
    rack.machine("armed-now-and-on", record={**lay_there, "changed": True}, system={"power": "On"})
    rack.machine("asks", record={**pxe, "asks_to_join": True}, system={"power": "On"})
    rack.machine("unreachable", record=pxe, variables={"machine_bmc_url": "https://127.0.0.1:9"})
    rack.machine("not-trusted", record=pxe, variables={"machine_bmc_ca_path": None})
    factory = self_signed(rack.directory, "factory")
    rack.machine("pinned", record=pxe, tls=factory, variables={"machine_bmc_ca_path": str(factory[0])})
    another = self_signed(rack.directory, "another")
    rack.machine("not-the-pinned", record=pxe, tls=factory, variables={"machine_bmc_ca_path": str(another[0])})
    rack.machine("no-ca-file", record=pxe, variables={"machine_bmc_ca_path": "/nowhere/ca.pem"})
    rack.machine("talkative", record={"iso_url": f"{BASE_URL}/missing.iso"}, repeats_secrets=True)
    rack.machine("task-fails", record={"iso_url": f"{BASE_URL}/missing.iso"}, quirks=["accepted"])
    rack.machine("no-drive", system={"drives": [Drive("drive-a", ("Floppy",))]})
    rack.machine("in-web-root", record={"iso_url": "http://192.0.2.2/worker.iso"}, quirks=["web_root"])
    rack.machine("from-ipv6", record={"iso_url": "http://[2001:db8::2]/openshift/a.iso"}, quirks=["ipv6_media"])
    rack.machine("no-iso", record={"iso_url": ""})
    rack.machine("is-a-node", record={**pxe, "arm": False})
    rack.machine("has-failed", record={**pxe, "failed": True, "reason": "an earlier reason", "reason_code": "x"})
    rack.machine("external", record={"boot_method": "external"})

    run, records = rack.play("booted", media_timeout=2)
    booted = {
        "plain": "Pxe",
        "restarted": "Pxe",
        "http-only": "UefiHttp",
        "bios": "Pxe",
        "vouched": "Cd",
        "other-byte-order": "Pxe",
        "pinned": "Pxe",
    }
    for name, target in booted.items():
        assert not records[name]["failed"], records[name]
        assert [boot.target for boot in rack.cases[name].system.boots] == [target], name
        assert f"boots once from {target}" in lines(run, name)[-1]
    assert rack.cases["bios"].system.boots[0].mode == "Legacy"
    assert lines(run, "restarted") == ["powered off by its BMC", "powered on by its BMC, boots once from Pxe"]

    failed = {
        "no-boot-target": ("bmc_boot", "offers none of Pxe, UefiHttp"),
        "wrong-password": ("bmc_credentials", "refuses user and password (401), and says: While accessing"),
        "wrong-mac": ("bmc_identity", "another machine's: it lists 52:54:00:99:99:99"),
        "wrong-architecture": ("bmc_identity", "processors are x86_64, not aarch64"),
        "architecture-unknown": ("bmc_identity", "does not say which architecture"),
        "nothing-listed": ("bmc_identity", "no usable UUID"),
        "already-on": ("powered_on", "machine_power_policy is only_if_off"),
        "armed-now-and-on": ("powered_on", "machine_power_policy is only_if_off"),
        "unreachable": ("bmc_unreachable", "Connection refused"),
        "not-trusted": ("bmc_tls", "is not trusted: unable to get local issuer certificate"),
        "not-the-pinned": ("bmc_tls", "is not trusted"),
        "no-ca-file": ("bmc_tls", "/nowhere/ca.pem cannot be used: No such file"),
        "talkative": ("bmc_refused", "missing.iso cannot be reached. (… … Basic …)"),
        "task-fails": ("bmc_media", "The image was not found."),
        "no-drive": ("bmc_media", "no virtual drive"),
        "in-web-root": ("bmc_media", "root of a web server"),
        "from-ipv6": ("bmc_media", "no image from an IPv6 address"),
        "no-iso": ("no_iso", "no ISO was published"),
    }
    for name, (code, said) in failed.items():
        record, case = records[name], rack.cases[name]
        assert record["failed"], name
        assert (record["reason_code"], said in record["reason"]) == (code, True), record
        assert record["hint"], name
        assert case.system.boots == [], name
        if code not in ("bmc_media", "bmc_refused"):
            assert case.bmc.changing_requests() == [], name
    # a second wrong password may lock the account
    assert len(rack.cases["wrong-password"].bmc.requests) == 1

    untouched = {"is-a-node", "has-failed", "external"}
    assert {name: records[name] for name in untouched} == {name: rack.cases[name].record for name in untouched}
    assert all(rack.cases[name].bmc.requests == [] for name in untouched)
    # killed runs have started these
    left_alone = {"installing", "armed-earlier", "asks"}
    for name in left_alone:
        assert rack.cases[name].bmc.changing_requests() == [], name
        assert not records[name]["failed"], name
    assert set(booted) | set(failed) | untouched | left_alone == set(rack.cases)


def test_the_machine_is_found_among_several_systems_behind_one_bmc(rack: Rack) -> None:
    uuid = "27946b59-9e44-4fa7-8e91-f3527a1ef094"
    systems = [
        BmcSystem(["52:54:00:00:07:01"], name="blade-1"),
        BmcSystem([], name="blade-2", uuid=uuid),
        BmcSystem(["52:54:00:00:07:03"], name="blade-3"),
        BmcSystem(["52:54:00:00:08:01"], name="blade-4"),
    ]
    bmc = rack.bmc(systems)
    record = {"boot_method": "iso"}
    rack.machine("by-mac", bmc=bmc, record=record)
    rack.machine("by-uuid", bmc=bmc, record=record, variables={"machine_system_uuid": uuid})
    named = {"machine_bmc_url": f"{bmc.url}/redfish/v1/Systems/blade-3"}
    rack.machine("by-url", bmc=bmc, record=record, variables=named)
    wrong = {"machine_bmc_url": f"{bmc.url}/redfish/v1/Systems/blade-4"}
    rack.machine("wrong-url", bmc=bmc, record=record, variables=wrong)
    missing = {"machine_bmc_url": f"{bmc.url}/redfish/v1/Systems/1"}
    rack.machine("no-such", bmc=bmc, record=record, variables=missing)
    rack.machine("not-there", bmc=bmc, record=record)
    _run, records = rack.play("booted")
    assert [len(system.boots) for system in systems] == [1, 1, 1, 0]
    assert [system.images for system in systems] == [[ISO], [ISO], [ISO], []]
    reasons = {name: record["reason"] for name, record in records.items() if name and record["failed"]}
    assert set(reasons) == {"wrong-url", "no-such", "not-there"}
    assert "another machine's" in reasons["wrong-url"]
    assert "has no system /redfish/v1/Systems/1" in reasons["no-such"]
    assert "blade-4" in records["no-such"]["hint"]
    assert "none of them" in reasons["not-there"]


def test_disarming_takes_what_is_ours_and_leaves_the_rest(rack: Rack) -> None:
    leftover = f"{BASE_URL}/415.92/aarch64/worker-old.iso"
    done = {"stage": "proven", "arm": False}
    rack.machine("leftover", record={**done, "iso_url": ""}, system={"drives": [Drive("c", image=leftover)]})
    rack.machine("foreign", record=done, system={"drives": [Drive("c", image=OTHER_ISO)]})
    rack.machine("own-override", record=done, system={"target": "Pxe", "enabled": "Continuous"})
    # a run has put something in place, and now the BMC does not answer
    armed = {"bmc": {"system": "/redfish/v1/Systems/node-0a", "media": ISO, "target": "Cd"}}
    gone = {"machine_bmc_url": "https://127.0.0.1:9"}
    rack.machine("gone", record={**done, **armed}, variables=gone)
    late = {"failed": True, "reason": "no certificate request came", "reason_code": "no_csr"}
    rack.machine("gone-too", record={**armed, **late}, variables=gone)
    rack.machine("never-reached", record={"failed": True, "reason": "x", "reason_code": "bmc_credentials"})
    rack.machine("network", record={**done, "boot_method": "grub"}, system={"target": "Pxe", "enabled": "Once"})
    was_iso = {"drives": [Drive("c", image=leftover)]}
    rack.machine("was-iso", record={**done, "boot_method": "external", "iso_url": ""}, system=was_iso)
    rack.machine("refused", record=done, system={"macs": ["52:54:00:99:99:99"], "drives": [Drive("c", image=leftover)]})

    run, records = rack.play("disarmed", "--check")
    assert all(case.bmc.changing_requests() == [] for case in rack.cases.values())
    assert records["leftover"]["would"] == [f"eject {leftover} by its BMC"]

    run, records = rack.play("disarmed")
    assert rack.cases["leftover"].system.images == []
    assert f"{leftover} ejected by its BMC" in lines(run, "leftover")
    assert rack.cases["foreign"].system.images == [OTHER_ISO]
    # set by the site, for every boot
    assert rack.cases["own-override"].system.target == "Pxe"
    assert (records["gone"]["failed"], records["gone"]["reason_code"]) == (True, "still_armed")
    assert records["gone-too"]["reason"] == "no certificate request came"
    assert "may still hold" in records["gone-too"]["warnings"][-1]
    assert rack.cases["never-reached"].bmc.requests == []
    # the site may want this node to boot from the network once more
    assert rack.cases["network"].bmc.changing_requests() == []
    assert rack.cases["was-iso"].system.images == []
    assert rack.cases["refused"].system.images == [leftover]
    assert not records["refused"]["failed"]
    assert all(case.system.boots == [] for case in rack.cases.values())


def test_what_lies_in_the_drives_of_nodes_is_ejected_before_others_boot(rack: Rack) -> None:
    ours = f"{BASE_URL}/lab-x7k2p/install-aarch64-0123456789abcdef.iso"
    node = {"stage": "planned", "arm": False, "iso_url": "", "existing_node": {"name": "a"}}
    rack.machine("leftover", record=node, system={"drives": [Drive("c", image=ours)]})
    rack.machine("name-alone", record=node, system={"drives": [Drive("c", image=ours)]}, quirks=["stale_image"])
    rack.machine("foreign", record=node, system={"drives": [Drive("c", image=OTHER_ISO)]}, quirks=["stale_image"])
    rack.machine("gone", record=node, variables={"machine_bmc_url": "https://127.0.0.1:9"})
    was_iso = {"drives": [Drive("c", image=ours)]}
    rack.machine("now-by-network", record={**node, "boot_method": "grub"}, system=was_iso)
    _run, records = rack.play("booted")
    left = {name: case.system.images for name, case in rack.cases.items()}
    assert left == {"leftover": [], "name-alone": [], "foreign": [OTHER_ISO], "gone": [], "now-by-network": []}
    assert not any(records[name]["failed"] for name in rack.cases)
    assert "may still hold" in records["gone"]["warnings"][-1]
    assert all(case.system.boots == [] for case in rack.cases.values())

    # the end of the run has nothing more to ask those that have answered
    asked = len(rack.cases["leftover"].bmc.requests)
    rack.play("disarmed", records=[records[name] for name in rack.cases])
    assert len(rack.cases["leftover"].bmc.requests) == asked


def test_machines_that_nobody_has_looked_for_among_the_nodes_are_not_booted(rack: Rack) -> None:
    case = rack.machine("unknown", variables={"machine_power_policy": "restart"}, system={"power": "On"})
    record = {key: value for key, value in case.record.items() if key != "existing_node"}
    running, _answers = rack.start("booted", records=[record])
    run = running.wait(60)
    assert run.rc == 2, run.stdout
    assert "unknown: not compared with the nodes of the cluster yet" in run.stdout
    assert case.bmc.requests == []


def test_bmcs_are_checked_without_a_change(rack: Rack) -> None:
    rack.machine("good", system={"power": "On"})
    rack.machine("bad", password="another")
    run, records = rack.play("checked")
    assert lines(run, "good") == ["its BMC answers: Lab L1, power on"]
    assert (records["good"]["failed"], records["bad"]["reason_code"]) == (False, "bmc_credentials")
    assert not records[""]["changed"]
    assert rack.cases["good"].bmc.changing_requests() == []


# --- the emulator of OpenStack's sushy-tools -------------------------------------------------------------------------


def test_no_bmc_is_told_anything_once_ansible_playbook_was_killed(rack: Rack) -> None:
    """Ansible gives its worker a session of its own, which survives the kill."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        rack.machine("waits", variables={"machine_bmc_url": url})
        running, _answers = rack.start("booted", request_timeout=600)
        with silent.accept()[0]:
            try:
                # its worker too would go on for ten minutes
                assert len(processes_of(rack.directory)) > 1
            finally:
                running.kill()
            running.wait()
            deadline = time.monotonic() + 30
            while left := processes_of(rack.directory):
                assert time.monotonic() < deadline, left
                time.sleep(0.1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_emulator_of_sushy_tools_is_booted_from_an_image_and_disarmed(rack: Rack, scheme: str) -> None:
    """By https it verifies the server, by the certificate that its drive is given."""
    uuid, mac = "27946b59-9e44-4fa7-8e91-f3527a1ef094", "52:54:00:00:07:01"
    www = rack.directory / "www" / "openshift"
    www.mkdir(parents=True)
    (www / "worker.iso").write_bytes(b"an image\n" * 100)
    authority = Authority(rack.directory / "web-pki", "site-ca")
    tls = authority.server("web", ["127.0.0.1"]) if scheme == "https" else None
    web = WebServer(www.parent, loop=rack.loop, tls=tls).start()
    image = f"{web.url}/openshift/worker.iso"
    system = {"uuid": uuid, "name": "arm-1", "nics": [{"mac": mac, "ip": "192.0.2.11"}]}
    account = Account(USERNAME, PASSWORD)
    with emulator(rack.directory / "emulator", system, tls=rack.tls, account=account) as url:
        # it says nothing of processors, so that the machine has to be vouched for
        rack.machine("unproven", variables={"machine_bmc_url": url}, record={"iso_url": image})
        vouched = {"machine_bmc_url": f"{url}/redfish/v1/Systems/{uuid}", "machine_bmc_identity": "unchecked"}
        rack.machine("emulated", variables=vouched, record={"iso_url": image})
        run, records = rack.play("booted", power_timeout=30, ca_path=str(authority.certificate_path))
        assert records["unproven"]["reason_code"] == "bmc_identity", records["unproven"]
        record = records["emulated"]
        assert not record["failed"], record
        assert lines(run, "emulated") == [
            "worker.iso inserted by its BMC",
            "powered on by its BMC, boots once from Cd",
        ]
        assert [(request.method, request.status) for request in web.seen("/openshift/worker.iso")] == [("GET", 200)]
        # the emulator knows no single boot
        assert ["every boot" in warning for warning in record["warnings"]] == [True]

        # a second run finds the machine on with this image, and leaves it alone
        run, again = rack.play("booted", records=[rack.cases["emulated"].record])
        assert not again["emulated"]["failed"]
        assert not again[""]["changed"]

        run, records = rack.play("disarmed", records=[record])
        assert not records["emulated"]["failed"], records["emulated"]
        assert "worker.iso ejected by its BMC" in " ".join(lines(run, "emulated"))
        assert "boot override cleared by its BMC" in lines(run, "emulated")
        assert records["emulated"]["warnings"] == record["warnings"]
    web.close()
