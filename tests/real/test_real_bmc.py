# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One whole run in which nothing on the way is ours but the run: BMC, ISO, installer, Ignition, kubelet, API."""

from __future__ import annotations

import base64
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from lab.emulator import Account
from lab.emulator import Bridge
from lab.emulator import emulator
from lab.pki import Authority
from lab.site import Site
from lab.site import machine_spec

pytestmark = pytest.mark.real

ACCOUNT = Account("canary-user-91c4", "canary-password-91c4")
NAME = "worker-arm-1"


def test_a_bmc_that_is_not_ours_boots_the_iso_and_the_machine_joins(
    make_site: Callable[..., Site], site_block: int, tmp_path: pathlib.Path
) -> None:
    spec = machine_spec(1, block=site_block, boot_method="iso", install_device="/dev/disk/by-id/nvme-lab-bmc")
    nic = {"name": "eno1", "mac": spec.macs[0], "addresses": [f"{spec.addresses[0]}/24"]}
    spec.variables = {"machine_network": {"interfaces": [nic], "nameservers": ["192.0.2.53"]}}
    # the emulator keeps what is set for one boot: a machine that restarts before that is cleared installs again
    site = make_site(machines=[spec], machine_kind="real", control_plane="real", reboot=60.0)
    machine = site.machines[NAME]
    address = site.service_address(5)
    authority = Authority(tmp_path / "pki", "bmc-ca")
    system = {
        "uuid": spec.system_uuid,
        "name": NAME,
        "nics": [{"mac": spec.macs[0], "ip": spec.addresses[0]}],
    }
    with (
        Bridge(machine, site.loop, address).serving() as told,
        emulator(
            tmp_path / "emulator",
            system,
            tls=authority.server("bmc", [address]),
            account=ACCOUNT,
            address=address,
            notified=told,
        ) as url,
    ):
        bmc = {
            "machine_bmc_url": f"{url}/redfish/v1/Systems/{spec.system_uuid}",
            "machine_bmc_username": ACCOUNT.username,
            "machine_bmc_password": ACCOUNT.password,
            "machine_bmc_ca_path": str(authority.certificate_path),
            # its fake driver knows no processors, and would call them x86
            "machine_bmc_identity": "unchecked",
        }
        run = site.run("add_arm_workers", inventory=site.inventory(overrides={NAME: bmc}), timeout=300)
        assert run.rc == 0, (run.stdout, machine.seen)
        said = run.stdout.rpartition("TASK [Give the verdict]")[2]
        assert f"{NAME}: proven" in said

        # the BMC has fetched the ISO, once, and the machine has booted what it fetched
        [iso] = site.publish_directory.rglob("install-*.iso")
        asked = [request for request in site.web.seen() if request.path.endswith(f"/{iso.name}")]
        asked = [request for request in asked if request.agent.startswith("python-requests")]
        assert [(request.method, request.status) for request in asked] == [("GET", 200)]
        [booted] = machine.events("iso")
        assert pathlib.Path(booted.details["url"]).parent.parent == tmp_path / "emulator/images"
        assert [event.details["target"] for event in machine.events("bmc_boot")] == ["Cd"]

        # the real installer has put there what the ISO names, and once only
        assert [event.what for event in machine.seen if event.what in ("installed", "ready")] == ["installed", "ready"]
        assert machine.disk.ignition == user_data(site)
        assert any("ignition-hash" in text for text in machine.installer_files.values())

        # and nothing is left in its drive
        lines = [line for line in run.stdout.splitlines() if line.startswith(f"{NAME}  ")]
        assert f"{NAME}  boot override cleared by its BMC" in lines
        assert f"{NAME}  {site.base_url}/{iso.relative_to(site.publish_directory)} ejected by its BMC" in lines
        assert [path for path in (tmp_path / "emulator/images").rglob("*") if path.is_file()] == []
    for secret in ACCOUNT:
        assert secret not in run.stdout


def user_data(site: Site) -> Any:
    secret = site.api.get("/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data-managed")
    return base64.b64decode(secret["data"]["userData"])
