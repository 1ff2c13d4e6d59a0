# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site's own services, as the inventory gives them: what is missing or cannot work. Private to the collection."""

from __future__ import annotations

import ipaddress
import typing as t
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._machine import INSTALLED
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import NETWORK_BOOT
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import takes_uploads


def _base_url_problems(base_url: str, *, by_loader: bool, name: str = "publish_base_url") -> t.Iterator[str]:
    """:param by_loader: whether boot loaders fetch from it; live systems know more."""
    parts = urllib.parse.urlsplit(base_url)
    if parts.username is not None or parts.password is not None:
        yield f"{name} holds a user or password, which boot files and logs would show: leave them out."
        return
    if parts.scheme not in ("http", "https"):
        yield f"{name} is {base_url}: it must be an http or https URL."
        return
    if parts.scheme == "https" and by_loader:
        yield (
            f"publish_base_url is {base_url}: machines fetch by http, with the ignition pinned by its hash;"
            " a boot loader has no way to verify https."
        )
        return
    try:
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        yield f"{name} is {base_url}: its port is not a number."
        return
    if by_loader and not _is_address(host):
        yield (
            f"publish_base_url is {base_url}: name the web host by its IP address,"
            " boot loaders often cannot resolve names."
        )
    if parts.query or parts.fragment or any(character.isspace() for character in base_url):
        yield f"{name} is {base_url}: it must be a plain URL of a folder."


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def site_problems(
    site: t.Mapping[str, str],
    machines: t.Sequence[t.Mapping[str, t.Any]],
    *,
    web_hosts: t.Sequence[str],
    tftp_hosts: t.Sequence[str],
    on_awx: bool,
) -> list[str]:
    """Every problem of the site's variables for these machines.

    :param site: the site variables by name; empty text where one is not given
    :param web_hosts: members of the group ``web_host``
    :param tftp_hosts: members of the group ``tftp_host``
    :param on_awx: the play runs in a container that goes away
    """
    problems: list[str] = []
    booted = [machine for machine in machines if machine["boot_method"] in NETWORK_BOOT]
    put_url = site.get("publish_put_url") or ""
    uploaded = [machine for machine in machines if put_url and takes_uploads(machine)]
    problems += _upload_problems(site, uploaded, web_hosts)
    if any(machine["boot_method"] in INSTALLED and machine not in uploaded for machine in machines):
        if len(web_hosts) != 1:
            problems.append(
                f"the group web_host has {len(web_hosts)} hosts; it must hold the one host whose HTTP server publishes"
                " the files (localhost, if it is this one)."
            )
        elif on_awx and web_hosts[0] in ("localhost", "127.0.0.1"):
            problems.append("web_host is localhost, which under AWX is a container that goes away: name the web host.")
        if not site["publish_directory"]:
            problems.append("publish_directory is missing: the folder on the web host that its HTTP server serves.")
        elif not site["publish_directory"].startswith("/"):
            problems.append(f"publish_directory is {site['publish_directory']}; it must be an absolute path.")
        if not site["publish_base_url"]:
            problems.append(
                "publish_base_url is missing: the URL of publish_directory as machines see it, for example"
                " http://192.0.2.5:8080/openshift."
            )
        else:
            problems += _base_url_problems(site["publish_base_url"], by_loader=bool(booted))
        if put_url and not (web_hosts and site["publish_directory"]):
            problems += [
                f"{machine['name']}: publish_put_url does not do for it, since its ISO is made on the web host, or read"
                " from there by its BMC. It does for machines with machine_iso_install: by_hand and no machine_bmc_url."
                for machine in machines
                if machine["boot_method"] == "iso" and machine not in uploaded
            ]
    if len(tftp_hosts) > 1:
        problems.append(f"the group tftp_host has {len(tftp_hosts)} hosts; it can hold one.")
    for name in ("netboot_tftp_directory", "netboot_grub_directory"):
        if site[name] and not site[name].startswith("/"):
            problems.append(f"{name} is {site[name]}; it must be an absolute path.")
    for machine in booted:
        if machine["boot_method"] == "pxelinux" and not site["netboot_tftp_directory"]:
            problems.append(f"{machine['name']}: machine_boot_method pxelinux needs netboot_tftp_directory.")
        if machine["boot_transport"] == "tftp" and machine["boot_method"] != "ipxe":
            wanted = {"grub": ("netboot_tftp_directory", "netboot_grub_directory")}.get(
                machine["boot_method"], ("netboot_tftp_directory",)
            )
            missing = [name for name in wanted if not site[name]]
            if missing:
                problems.append(f"{machine['name']}: machine_boot_transport tftp needs {' and '.join(missing)}.")
    return list(dict.fromkeys(problems))


def _upload_problems(
    site: t.Mapping[str, str], uploaded: t.Sequence[t.Mapping[str, t.Any]], web_hosts: t.Sequence[str]
) -> t.Iterator[str]:
    """What stands against uploads for these machines."""
    if not any(machine["boot_method"] == "iso" for machine in uploaded):
        return
    name = "publish_put_base_url" if site.get("publish_put_base_url") else "publish_put_url"
    yield from _base_url_problems(site[name], by_loader=False, name=name)
    source = site.get("boot_artifacts_source") or ""
    if source.startswith("/") and list(web_hosts) not in ([], ["localhost"]):
        yield (
            f"boot_artifacts_source is {source}, a folder of the web host, from which no ISO can be sent to"
            " publish_put_url: give the URL of a mirror, or leave publish_put_url out."
        )


__all__ = ("site_problems",)
