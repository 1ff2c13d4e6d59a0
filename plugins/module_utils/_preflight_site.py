# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks before anything is touched, on what the web host sees. Private to the collection.

Each check takes a part of the facts that ``_web_host_look`` collects and returns one row of the table.
"""

from __future__ import annotations

import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._finding import FAIL
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import OK
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import WARN
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import Finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import some
from ansible_collections.multiarch.openshift.plugins.module_utils._progress import readable_size
from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import ANSWERED
from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import UNREACHABLE
from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import UNTRUSTED

Facts = t.Mapping[str, t.Any]
Machines = t.Sequence[t.Mapping[str, t.Any]]

DAY = 86400
EXPIRY_DAYS = 30
# Kept free beside what is published: logs of the server, the temporary copy of one file
RESERVE = 100 * 1024 * 1024
# Source: selinux-policy, apache.te and rsync/ftp's public_content; a container's volume carries its own
SERVED_TYPES = (
    "httpd_sys_content_t",
    "httpd_sys_rw_content_t",
    "httpd_sys_ra_content_t",
    "httpd_user_content_t",
    "public_content_t",
    "public_content_rw_t",
    "container_file_t",
    "container_ro_file_t",
    "tftpdir_t",
    "tftpdir_rw_t",
    "nfs_t",
)


def machine_config_server(answers: t.Sequence[Facts], now: float, host: str) -> Finding:
    """Whether each pool's configuration can be fetched as Ignition does it, and is trusted by the ignition's CA."""
    check = "machine_config_server"
    if not answers:
        return finding(check, WARN, "No ignition says where the machine-config server is.")
    untrusted = [answer for answer in answers if answer["state"] == UNTRUSTED]
    if untrusted:
        return finding(
            check,
            FAIL,
            f"The ignition's CA does not verify {untrusted[0]['url']}: {untrusted[0]['detail'].rstrip('.')}.",
            "Machines would stop there (x509). Something else answers at that address, or the Secret is stale:"
            " oc get co machine-config",
        )
    broken = [answer for answer in answers if answer["state"] == ANSWERED and answer["status"] != 200]
    if broken:
        status, url = broken[0]["status"], broken[0]["url"]
        to_do = "See `oc get mcp` and `oc logs -n openshift-machine-config-operator -l k8s-app=machine-config-server`."
        if status == 404:
            to_do = "Is that pool's name right? It renders the pools of `oc get mcp`."
        return finding(check, FAIL, f"{url} answers {status}: machines would ask it for ever.", to_do)
    unheard = [answer for answer in answers if answer["state"] not in (ANSWERED, UNREACHABLE)]
    if unheard:
        return finding(
            check,
            FAIL,
            f"{unheard[0]['url']} does not answer as a machine-config server: {unheard[0]['detail']}.",
            "Is the load balancer's port 22623 passed on to the control plane as it is (TCP)?",
        )
    unreachable = [answer for answer in answers if answer["state"] == UNREACHABLE]
    if unreachable:
        return finding(
            check,
            WARN,
            f"{unreachable[0]['url']} is not reachable from {host}: {unreachable[0]['detail']}.",
            "If machines are in the same network, they will hang at their first boot: check DNS of api-int, load"
            " balancer and firewall for port 22623.",
        )
    urls = sorted({answer["url"] for answer in answers})
    ends = [answer["not_after"] for answer in answers if answer["not_after"]]
    if ends and min(ends) - now < EXPIRY_DAYS * DAY:
        return finding(
            check,
            WARN,
            f"{urls[0]} answers, and its certificate ends on {_day(min(ends))}.",
            "The Machine Config Operator renews it: oc get co machine-config",
        )
    return finding(check, OK, f"{some(urls, 2)} answers Ignition, and the ignition's CA verifies it.")


def dns_reverse(machines: Machines, reverse: t.Mapping[str, t.Sequence[str] | None], host: str) -> Finding:
    """Whether addresses resolve to the node's name: without a name by DHCP a machine calls itself by its PTR record."""
    check = "dns_reverse"
    wrong: dict[str, str] = {}
    odd: dict[str, str] = {}
    missing: dict[str, str] = {}
    for machine in machines:
        named = _is_named(machine)
        for address in machine["addresses"]:
            names = [name.rstrip(".").lower() for name in reverse.get(address) or []]
            if names and machine["node_name"] not in names:
                others = odd if named else wrong
                others[machine["name"]] = f"{address} is {names[0]}, not {machine['node_name']}"
            elif not names and not named:
                missing.setdefault(machine["name"], address)
    if wrong:
        return finding(
            check,
            FAIL,
            f"PTR records name another node: {some(wrong.values(), 3)}.",
            "Correct the PTR record or machine_node_name. A machine that takes its name from DNS asks for a certificate"
            " of the other name, which is refused.",
            machines=wrong,
        )
    if odd:
        return finding(
            check,
            WARN,
            f"PTR records name another node: {some(odd.values(), 3)}. The kernel line names these machines.",
            "Does the address belong to that other node? Then correct machine_addresses and machine_network, else the"
            " PTR record.",
            machines=odd,
        )
    late = [address for address in missing.values() if reverse.get(address) is None]
    if late:
        return _late(check, late, host)
    if missing:
        return finding(
            check,
            WARN,
            f"{len(missing)} of {len(machines)} machines have no PTR record, says {host}: {some(missing.values())}.",
            "Make sure that DHCP or machine_network gives each machine its name; else it calls itself localhost.",
            machines=missing,
        )
    if machines and all(map(_is_named, machines)):
        return finding(check, OK, "All machines get their names by the kernel line, whatever DNS says.")
    return finding(check, OK, "The addresses of all machines resolve to their node names.")


def _late(check: str, asked: t.Sequence[str], host: str) -> Finding:
    return finding(
        check,
        WARN,
        f"The resolver of {host} did not answer in time for {len(asked)} names or addresses: {some(asked)}.",
        "Look at /etc/resolv.conf there, or give it more time by preflight_timeout.",
    )


def _is_named(machine: t.Mapping[str, t.Any]) -> bool:
    """Whether the installer is told the name (``ip=…:<name>:…``), which then is the system's own."""
    return any(machine["node_name"] in argument.split(":") for argument in machine.get("network_arguments") or [])


def dns_forward(machines: Machines, forward: t.Mapping[str, t.Sequence[str] | None], host: str) -> Finding:
    """Whether node names resolve to the machines' addresses."""
    check = "dns_forward"
    wrong: dict[str, str] = {}
    missing: list[str] = []
    for machine in machines:
        found = forward.get(machine["node_name"]) or []
        if not found:
            missing.append(machine["name"])
        elif not set(found) & set(machine["addresses"]):
            wrong[machine["name"]] = f"{machine['node_name']} is {some(found, 2)}"
    if wrong:
        return finding(
            check,
            WARN,
            f"Names resolve to addresses that machine_addresses does not list: {some(wrong.values(), 3)}.",
            "Correct the A or AAAA record, or machine_addresses.",
            machines=wrong,
        )
    late = [machine["node_name"] for machine in machines if forward.get(machine["node_name"]) is None]
    if late:
        return _late(check, late, host)
    if missing:
        return finding(
            check,
            WARN,
            f"{len(missing)} of {len(machines)} node names do not resolve on {host}: {some(missing)}.",
            "OpenShift expects A or AAAA records for nodes.",
            machines=missing,
        )
    return finding(check, OK, "All node names resolve to the machines' addresses.")


def name_form(machines: Machines, node_names: t.Sequence[str]) -> Finding:
    """Whether the new nodes are named as the cluster's nodes are: all short, or all with their domain.

    :param node_names: those of the cluster's nodes, one at least
    """
    check = "name_form"
    long_nodes = [name for name in node_names if "." in name]
    if 0 < len(long_nodes) < len(node_names):
        return finding(check, OK, "The cluster's nodes have no one form of name.")
    long_form = bool(long_nodes)
    names = {machine["name"]: machine["node_name"] for machine in machines}
    other = {machine: name for machine, name in names.items() if ("." in name) != long_form}
    form, not_form = ("full domain names", "short") if long_form else ("short names", "with a domain")
    if other:
        return finding(
            check,
            WARN,
            f"The cluster's nodes have {form}, these are {not_form}: {some(other.values())}.",
            "DHCP or DNS names a machine: correct machine_node_name if it will come with the other form.",
            machines=other,
        )
    return finding(check, OK, f"All nodes have {form}, as the machines do.")


def web_server(facts: Facts, base_url: str, directory: str) -> Finding:
    """Whether the server returns the folder's bytes under the URL that machines will use."""
    check = "web_server"
    if facts["state"] == UNTRUSTED:
        return finding(
            check,
            FAIL,
            f"The web host does not trust the certificate of {base_url}: {facts['detail'].rstrip('.')}.",
            "Add the CA that signed it to the web host's own (update-ca-trust, update-ca-certificates): what is"
            " published is read back from there and compared.",
        )
    if facts["state"] != ANSWERED:
        return finding(
            check,
            FAIL,
            f"Nothing serves {base_url}: {facts['detail']}.",
            "Start the web server, open its port, or correct publish_base_url.",
        )
    if not facts["file"]:
        return finding(
            check,
            WARN,
            f"A server answers at {base_url}; {directory} holds no file yet that could be compared.",
            "The step publish_artifacts compares what it publishes, byte for byte, before a machine is armed.",
        )
    if facts["head"] in (403, 401):
        return finding(
            check,
            FAIL,
            f"The server answers {facts['head']} for {facts['file']}.",
            "Its user must be able to read the file and to enter every folder above it (mode, SELinux, access rules).",
        )
    if facts["head"] == 405:
        return finding(
            check, FAIL, f"The server refuses HEAD for {facts['file']}.", "Allow HEAD: the live system asks by it."
        )
    if facts["head"] != 200 or not facts.get("same"):
        return finding(
            check,
            FAIL,
            f"{base_url} does not serve {directory}: for {facts['file']} it answers {facts['head']}"
            f"{'' if facts.get('same') else ', with other bytes' if facts['head'] == 200 else ''}.",
            "Correct publish_base_url or publish_directory: one must be the URL of the other.",
        )
    doubts = []
    if facts.get("range") != 206:
        doubts.append("answers no ranges")
    if not facts.get("head_fits"):
        doubts.append("gives no length in its answer to HEAD")
    if not facts["local"]:
        doubts.append("has an address that is not this host's")
    if doubts:
        return finding(
            check,
            WARN,
            f"The server at {base_url} returns the folder's bytes, but it {' and '.join(doubts)}.",
            "Use the plain file server of nginx or httpd, without compression or a cache in between.",
        )
    return finding(check, OK, f"{base_url} returns the bytes of {directory}, and answers HEAD and ranges.")


def selinux(folder: Facts, web: Facts | None, directory: str) -> Finding:
    """Whether what is put into the folder gets a type that a confined web server reads."""
    check = "selinux"
    kind = folder["type"]
    if not kind:
        return finding(check, OK, "The web host labels no files.")
    if kind in SERVED_TYPES:
        return finding(check, OK, f"Files in {directory} get the type {kind}.")
    served = bool(web and web.get("same") and web.get("type") == kind)
    command = f"semanage fcontext -a -t httpd_sys_content_t '{directory}(/.*)?' && restorecon -Rv {directory}"
    line = f"On the web host:\n  {command}"
    if served or not folder["enforcing"]:
        why = "which the server reads nevertheless" if served else "but SELinux does not enforce"
        return finding(check, WARN if not served else OK, f"Files in {directory} get the type {kind}, {why}.", line)
    return finding(check, FAIL, f"Files in {directory} get the type {kind}, which httpd and nginx may not read.", line)


def publish_folder(
    folder: Facts,
    artifacts: t.Sequence[Facts],
    directory: str,
    *,
    isos: t.Sequence[int | None] = (),
    copies: t.Sequence[int | None] = (),
) -> Finding:
    """Whether the folder can be written to, and has room for what will be published.

    :param isos: bytes of each ISO that will be made there; None where they are not known
    :param copies: those of each file that will be written for TFTP on the same file system
    """
    check = "publish_folder"
    if not folder["is_directory"]:
        return finding(check, FAIL, f"{folder['nearest']} is no folder.", "Correct publish_directory.")
    if not folder["writable"]:
        where = directory if folder["exists"] else f"{directory} does not exist, and {folder['nearest']}"
        return finding(
            check,
            FAIL,
            f"{where} cannot be written to by Ansible's user.",
            "Give it to that user, or set ansible_become for the web host.",
        )
    published = [artifact["size"] for artifact in artifacts if not artifact["present"]]
    wanted = sum(size or 0 for size in (*published, *isos, *copies))
    parts = [f"{len(isos)} {'ISO' if len(isos) == 1 else 'ISOs'} of machines"] if isos else []
    parts += ["the copies for TFTP"] if copies else []
    among = f" ({' and '.join(parts)} among it)" if parts else ""
    unknown = [artifact for artifact in artifacts if artifact["size"] is None]
    free = folder["free"]
    if free is not None and wanted + (RESERVE if wanted else 0) > free:
        return finding(
            check,
            FAIL,
            f"{folder['nearest']} has {readable_size(free)} free, what will be written needs {readable_size(wanted)}"
            f"{among}.",
            "Make room, or let publish_directory lie on another file system.",
        )
    if unknown:
        problem = unknown[0].get("problem") or "no answer in time"
        return finding(
            check,
            WARN,
            f"{len(unknown)} boot artifacts have no size that the web host can learn ({problem}).",
            "Can the web host reach their source? See publish_proxy and boot_artifacts_source.",
        )
    room = f", {readable_size(free)} are free" if free is not None else ""
    if not artifacts:
        return finding(check, OK, f"{directory} is writable{room}.")
    if not wanted:
        return finding(check, OK, f"{directory} is writable and holds the boot artifacts{room}.")
    return finding(check, OK, f"{directory} is writable; {readable_size(wanted)} will be written{among}{room}.")


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))


__all__ = (
    "dns_forward",
    "dns_reverse",
    "machine_config_server",
    "name_form",
    "publish_folder",
    "selinux",
    "web_server",
)
