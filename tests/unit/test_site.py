# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._site import site_problems

SITE = {
    "publish_directory": "/srv/www",
    "publish_base_url": "http://192.0.2.5:8080/openshift",
    "netboot_tftp_directory": "",
    "netboot_grub_directory": "",
}
MACHINE = {"name": "a", "boot_method": "grub", "boot_transport": "http"}


def problems(
    *, site: dict[str, str] | None = None, web_hosts: t.Sequence[str] = ("web",), awx: bool = False, **machine: str
) -> list[str]:
    return site_problems(
        {**SITE, **(site or {})}, [{**MACHINE, **machine}], web_hosts=web_hosts, tftp_hosts=[], on_awx=awx
    )


def test_a_complete_site_has_no_problem() -> None:
    assert problems() == []


def test_external_machines_need_no_site() -> None:
    assert problems(site=dict.fromkeys(SITE, ""), web_hosts=[], boot_method="external") == []


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ({"publish_directory": ""}, "publish_directory is missing"),
        ({"publish_directory": "www"}, "must be an absolute path"),
        ({"publish_base_url": ""}, "publish_base_url is missing"),
        ({"publish_base_url": "https://192.0.2.5/x"}, "machines fetch by http"),
        ({"publish_base_url": "http://web.example.com/x"}, "by its IP address"),
        ({"publish_base_url": "http://192.0.2.5:port/x"}, "port is not a number"),
        ({"publish_base_url": "http://192.0.2.5/x?y"}, "plain URL of a folder"),
        ({"publish_base_url": "http://someone:secret@192.0.2.5/x"}, "holds a user or password"),
        ({"netboot_tftp_directory": "tftp"}, "must be an absolute path"),
    ],
)
def test_what_is_wrong_is_named(site: dict[str, str], said: str) -> None:
    assert any(said in problem for problem in problems(site=site))


def test_machines_that_boot_an_iso_may_fetch_by_https_and_by_name() -> None:
    assert problems(site={"publish_base_url": "https://web.example.com/x"}, boot_method="iso") == []
    assert problems(site={"publish_base_url": "ftp://192.0.2.5/x"}, boot_method="iso") != []
    assert problems(web_hosts=[], boot_method="iso") != []


def test_an_ipv6_base_url_is_fine() -> None:
    assert problems(site={"publish_base_url": "http://[2001:db8::5]:8080/x"}) == []


@pytest.mark.parametrize("web_hosts", [[], ["a", "b"]])
def test_there_must_be_exactly_one_web_host(web_hosts: list[str]) -> None:
    assert any("group web_host has" in problem for problem in problems(web_hosts=web_hosts))


def test_localhost_is_refused_as_web_host_under_awx() -> None:
    assert any("container that goes away" in problem for problem in problems(web_hosts=["localhost"], awx=True))


def test_pxelinux_and_tftp_need_their_folders() -> None:
    assert any("needs netboot_tftp_directory" in problem for problem in problems(boot_method="pxelinux"))
    assert any("netboot_grub_directory" in problem for problem in problems(boot_transport="tftp"))


def uploads(machine: dict[str, str | None], **site: str) -> list[str]:
    """Problems of a site that has no web host, but a server that takes uploads."""
    empty = {**dict.fromkeys(SITE, ""), "publish_put_url": "https://files.example.com/dav"}
    given = {**MACHINE, "boot_method": "iso", "iso_install": "by_hand", "bmc_url": None, **machine}
    return site_problems({**empty, **site}, [given], web_hosts=[], tftp_hosts=[], on_awx=False)


def test_a_machine_that_a_person_installs_needs_no_web_host_where_uploads_are_taken() -> None:
    assert uploads({}) == []
    assert any("web_host" in problem for problem in uploads({}, publish_put_url=""))


@pytest.mark.parametrize("machine", [{"iso_install": "unattended"}, {"bmc_url": "https://192.0.2.205"}])
def test_uploads_do_not_replace_the_web_host_for_a_customised_iso_or_a_bmc(machine: dict[str, str | None]) -> None:
    assert any("a: publish_put_url does not do for it" in problem for problem in uploads(machine))


def test_what_is_wrong_with_uploads_is_named() -> None:
    assert "publish_put_url holds a user" in uploads({}, publish_put_url="https://me:secret@files.example.com/dav")[0]
    assert "publish_put_base_url is ftp" in uploads({}, publish_put_base_url="ftp://files.example.com/x")[0]
    assert uploads({}, boot_artifacts_source="/mirror") == []  # of this host
    said = site_problems(
        {**SITE, "publish_put_url": "https://files.example.com/dav", "boot_artifacts_source": "/mirror"},
        [{**MACHINE, "boot_method": "iso", "iso_install": "by_hand", "bmc_url": None}],
        web_hosts=["web"],
        tftp_hosts=[],
        on_awx=False,
    )
    assert any("a folder of the web host" in problem for problem in said)
