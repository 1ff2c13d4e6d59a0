# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sites without a web host of Ansible's: a person installs from an ISO that lies where files are uploaded to by PUT."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab.site import Site
from lab.site import machine_spec
from lab.web import WebServer

MakeSite = Callable[..., Site]
PASSWORD = "canary-put-password"


class Store:
    """A WebDAV folder that asks for an account, and a plain server that shows the same files to everybody."""

    def __init__(self, site: Site, folder: pathlib.Path) -> None:
        address = site.service_address(6)
        shown = folder / "shown"
        self.writer = WebServer(
            folder, address, writable=True, credentials=("publisher", PASSWORD), protect_reads=True, loop=site.loop
        )
        shown.mkdir(parents=True)
        self.reader = WebServer(shown, address, loop=site.loop)

    def __enter__(self) -> Store:
        self.writer.start()
        self.reader.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.reader.close()
        self.writer.close()

    @property
    def variables(self) -> dict[str, Any]:
        return {
            "publish_directory": None,
            "publish_base_url": None,
            "publish_access_log": None,
            "netboot_tftp_directory": None,
            "netboot_grub_directory": None,
            "netboot_entry_paths": None,
            "publish_put_url": f"{self.writer.url}/shown",
            "publish_put_base_url": self.reader.url,
            "publish_username": "publisher",
            "publish_password": PASSWORD,
        }


@pytest.fixture
def store(make_site: MakeSite, site_block: int, tmp_path: pathlib.Path) -> Iterator[tuple[Site, Store]]:
    site = make_site(machines=[machine_spec(number, block=site_block, boot_method="iso") for number in (1, 2)])
    with Store(site, tmp_path / "dav") as opened:
        yield site, opened


def without_web_host(inventory: pathlib.Path) -> pathlib.Path:
    content = yaml.safe_load(inventory.read_text())
    del content["all"]["children"]["web_host"]
    inventory.write_text(yaml.safe_dump(content, sort_keys=False))
    return inventory


def test_what_a_person_needs_is_uploaded_and_no_web_host_is_asked_for(store: tuple[Site, Store]) -> None:
    site, dav = store
    inventory = without_web_host(site.inventory(dav.variables))
    check = site.run("add_arm_workers", "--check", inventory=inventory)
    assert check.rc == 0, check.stdout
    assert not [request for request in dav.writer.requests if request.method == "PUT"]

    with site.operator():
        run = site.run("add_arm_workers", "-v", inventory=inventory)
    assert run.rc == 0, run.stdout
    text = (site.install_directory / "worker-arm-1.txt").read_text()
    # shown as it is written, so that it can be pasted
    assert text in run.stdout
    assert f"# {dav.reader.url}/" in text
    assert f"--ignition-url={dav.reader.url}/{site.infrastructure_name}/worker-" in text
    for machine in site.machines.values():
        assert machine.media.startswith(f"{dav.reader.url}/")
        assert machine.events("ignition")[0].details["verified"]
    assert not any(site.publish_directory.rglob("*"))
    assert PASSWORD not in run.stdout
    assert PASSWORD not in text

    again = site.run("add_arm_workers", inventory=inventory)
    assert again.rc == 0, again.stdout
    assert again.changed == 0, again.stdout


def test_an_iso_that_installs_by_itself_is_refused_without_a_web_host(store: tuple[Site, Store]) -> None:
    site, dav = store
    inventory = without_web_host(site.inventory(dav.variables, {"worker-arm-2": {"machine_iso_install": "unattended"}}))
    run = site.run("add_arm_workers", inventory=inventory)
    assert run.rc != 0
    assert "Nothing was touched" in run.stdout
    assert "worker-arm-2: publish_put_url does not do for it" in run.stdout
    assert "worker-arm-1: publish_put_url" not in run.stdout
    assert not dav.writer.requests
