# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ISOs and typed commands that the real coreos-installer follows, on a loop disk: what is then on the disk."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._install_command import instructions
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import machine as read_machine
from ansible_collections.multiarch.openshift.plugins.modules.install_iso import main as install_iso
from lab.machines import MachineSpec
from lab.pki import Authority
from lab.site import Site
from lab.site import machine_spec
from lab.web import WebServer
from support.module import run_module
from support.paths import PROGRAMS

pytestmark = pytest.mark.real

MakeSite = Callable[..., Site]
DISK = "/dev/disk/by-id/nvme-lab-iso"
CONSOLES = ["ttyAMA0,115200n8"]


def iso_machine(number: int, block: int, **variables: Any) -> MachineSpec:
    spec = machine_spec(number, block=block, boot_method="iso", install_device=DISK, behaviour="silent")
    nic = {"name": "eno1", "mac": spec.macs[0], "addresses": [f"{spec.addresses[0]}/24"]}
    network = {"interfaces": [nic], "nameservers": ["192.0.2.53"]}
    values = {"machine_network": network, "machine_consoles": CONSOLES, "machine_kernel_arguments": ["lab=a;b"]}
    spec.variables = {**values, **variables}
    return spec


def user_data(site: Site) -> bytes:
    secret = site.api.get("/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data-managed")
    return base64.b64decode(secret["data"]["userData"])


@pytest.fixture
def prepared(make_site: MakeSite, site_block: int) -> Site:
    """One machine that installs itself, one by hand, and one by hand whose name is in its kernel arguments."""
    unattended = {"machine_iso_install": "unattended"}
    site = make_site(
        machines=[
            iso_machine(1, site_block, **unattended),
            iso_machine(2, site_block),
            iso_machine(3, site_block, machine_set_hostname=True),
        ],
        machine_kind="real",
    )
    run = site.run("prepare")
    assert run.rc == 0, run.stdout
    return site


def test_what_was_published_is_installed_with_consoles_arguments_and_network(prepared: Site) -> None:
    with prepared.operator():
        for machine in prepared.machines.values():
            machine.wait_for("installed", 30)
            machine.power_off()
    for name, machine in prepared.machines.items():
        assert machine.disk.ignition == user_data(prepared)
        assert "console=ttyAMA0,115200n8" in machine.disk.entry
        assert "lab=a;b" in machine.disk.entry
        assert "serial --unit=0 --speed=115200" in machine.disk.grub
        if name == "worker-arm-3":
            assert machine.host_name == name
            assert machine.disk.keyfiles == {}
        else:
            (text,) = machine.disk.keyfiles.values()
            assert f"mac-address={machine.spec.macs[0]}" in text


def test_changed_bytes_are_refused(prepared: Site) -> None:
    (published,) = prepared.publish_directory.rglob("*.ign")
    published.write_bytes(published.read_bytes() + b" ")
    with prepared.operator():
        for machine in prepared.machines.values():
            reason = machine.wait_for("stuck", 30).details["reason"]
            assert "failed to validate Ignition configuration digest" in reason
            assert not machine.installed


@pytest.fixture
def tls(make_site: MakeSite, site_block: int, tmp_path: pathlib.Path) -> Iterator[tuple[Site, WebServer, str]]:
    """A site, and a web server with a certificate of a private authority."""
    site = make_site(machines=[iso_machine(1, site_block)], machine_kind="real")
    authority = Authority(tmp_path / "ca", "site-ca")
    address = site.service_address(5)
    certificate, key = authority.server("web", [address])
    server = WebServer(tmp_path / "www", address, tls=(certificate, key), loop=site.loop)
    server.start()
    (server.directory / "worker.ign").write_bytes(user_data(site))
    yield site, server, authority.pem
    server.close()


@pytest.mark.parametrize("how", ["unattended", "by_hand"])
@pytest.mark.parametrize("trusts", [True, False])
def test_a_private_authority_is_trusted_when_it_is_given(
    tls: tuple[Site, WebServer, str], how: str, trusts: bool
) -> None:
    site, server, authority = tls
    machine = site.machines["worker-arm-1"]
    spec = machine.spec
    variables = {
        **spec.variables,
        "machine_addresses": spec.addresses,
        "machine_boot_method": "iso",
        "machine_iso_install": how,
        "machine_install_device": DISK,
    }
    record, problems = read_machine(spec.name, variables)
    assert problems == []
    found = next(each for each in site.mirror.artifacts if (each.kind, each.architecture) == ("iso", "aarch64"))
    artifact = {**found._asdict(), "release": site.mirror.release}
    base = site.publish_directory / site.mirror.release / "aarch64" / found.name
    base.parent.mkdir(parents=True)
    base.write_bytes(next(site.mirror.web.directory.rglob(found.name)).read_bytes())
    ignition = [{"pool": "worker", "url": f"{server.url}/worker.ign", "hash": _sha512(user_data(site))}]
    bundle = authority if trusts else ""
    made = run_module(
        install_iso,
        {
            "machines": [record],
            "cluster": site.infrastructure_name,
            "ignition": ignition,
            "artifacts": [artifact],
            "directory": str(site.publish_directory),
            "base_url": site.base_url,
            "certificate_authority": bundle,
            "command": [str(PROGRAMS / "coreos-installer")],
        },
    )
    (done,) = made["machines"]
    assert not done["failed"], done
    machine.insert_iso(done["iso_url"])
    machine.power_on()
    if how == "by_hand":
        machine.wait_for("login", 30)
        text = instructions({**done, "arm": True}, ignition, artifact["sha256"], certificate_authority=bundle)
        site.loop.run(machine.receive(text))
    if trusts:
        machine.wait_for("installed", 30)
        assert json.loads(machine.disk.ignition) == json.loads(user_data(site))
    elif how == "by_hand":
        assert "certificate" in machine.wait_for("stuck", 30).details["reason"]
    else:
        # the installer's service tries for ever
        machine.wait_for("installing", 30)
        log = site.directory / "machines" / machine.name / "installer.log"
        deadline = time.monotonic() + 30
        while not log.exists() or "Error fetching" not in log.read_text(errors="replace"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert not machine.installed


def _sha512(content: bytes) -> str:
    return f"sha512-{hashlib.sha512(content).hexdigest()}"
