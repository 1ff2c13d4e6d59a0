# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel in a gzip file and iPXE, which boots it only since February 2022: the shipped playbook from end to end."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable

from lab.site import Site
from lab.site import machine_spec

IMAGE = b"MZ" + bytes(54) + b"ARM\x64" + bytes(range(256)) * 200
CONFIG_MAP = "/api/v1/namespaces/openshift-machine-config-operator/configmaps/coreos-bootimages"


def ship(site: Site, kernel: bytes) -> None:
    """The operating system's maker has this aarch64 kernel."""
    made = next(a for a in site.mirror.artifacts if (a.architecture, a.kind) == ("aarch64", "kernel"))
    (site.mirror.web.directory / made.url.removeprefix(f"{site.mirror.url}/")).write_bytes(kernel)
    config = site.api.get(CONFIG_MAP)
    stream = config["data"]["stream"].replace(made.sha256, hashlib.sha256(kernel).hexdigest())
    site.api.patch(CONFIG_MAP, {"data": {"stream": stream}})


def test_ipxe_gets_a_decompressed_kernel_on_request_and_a_warning_otherwise(
    make_site: Callable[..., Site], site_block: int
) -> None:
    machines = [machine_spec(1, block=site_block, boot_method="ipxe"), machine_spec(2, block=site_block)]
    site = make_site(machines=machines)
    ship(site, gzip.compress(IMAGE))
    packed = site.run("prepare")
    assert packed.rc == 0, packed.stdout
    assert "publish_decompressed_kernel" in packed.stdout
    assert list(site.publish_directory.rglob("*.decompressed")) == []

    asked = {"publish_decompressed_kernel": True}
    run = site.run("prepare", extra_vars=asked)
    assert run.rc == 0, run.stdout
    assert "publish_decompressed_kernel" not in run.stdout
    (copy,) = site.publish_directory.rglob("*.decompressed")
    assert copy.read_bytes() == IMAGE
    (script,) = (path.read_text() for path in site.boot_files("worker-arm-1"))
    assert f"kernel {site.base_url}/{copy.relative_to(site.publish_directory)} initrd=main" in script
    # GRUB unpacks it by itself
    assert all("decompressed" not in path.read_text() for path in site.boot_files("worker-arm-2"))

    again = site.run("prepare", extra_vars=asked)
    assert (again.rc, again.changed) == (0, 0), again.stdout
