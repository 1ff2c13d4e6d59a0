# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the cluster from here and the site from the web host, so that a host that is away costs its rows alone."""

from __future__ import annotations

import contextlib
import pathlib
import time
import typing as t

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight as checks
from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight_services as services
from ansible_collections.multiarch.openshift.plugins.module_utils import _preflight_site as site
from ansible_collections.multiarch.openshift.plugins.module_utils._artifact import web_address
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import FAIL
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import OK
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import Finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import finding
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import stops
from ansible_collections.multiarch.openshift.plugins.module_utils._finding import table
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import connect
from ansible_collections.multiarch.openshift.plugins.module_utils._preflight_cluster import ClusterView
from ansible_collections.multiarch.openshift.plugins.module_utils._preflight_cluster import look_at_cluster
from ansible_collections.multiarch.openshift.plugins.module_utils._preflight_cluster import sources
from ansible_collections.multiarch.openshift.plugins.module_utils._preflight_room import Files
from ansible_collections.multiarch.openshift.plugins.module_utils._preflight_room import files
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import Client
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import authorization_header
from ansible_collections.multiarch.openshift.plugins.module_utils._transfer import trusted_authorities
from ansible_collections.multiarch.openshift.plugins.modules.payload_info import ask
from ansible_collections.multiarch.openshift.plugins.modules.preflight_info import ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.plugin_utils._environment import apply_environment

WEB_HOST_MODULE = "multiarch.openshift.preflight_web_host_info"

# The server of uploads is asked once, and beside nothing else
UPLOAD_SECONDS = 10

display = Display()


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        apply_environment(self._task.environment)
        if arguments["look"] == "tftp_host":
            answer = self._ask({"tftp": _tftp_questions(arguments), "timeout": arguments["timeout"]}, task_vars or {})
            seen = {key: answer[key] for key in ("facts", "unreachable", "msg") if key in answer}
            return {**result, "changed": False, "seen": seen}
        view = _cluster(arguments)
        findings = view.findings + self._site(arguments, view, task_vars or {})
        if arguments["put_url"] and services.uploads(arguments["machines"]):
            findings.append(_upload(arguments))
        if arguments["bmc_checked"]:
            findings.append(checks.bmcs(arguments["bmc_checked"]))
        fatal = arguments["fatal"]
        lines = table(findings, fatal)
        for line in ("", *lines, ""):
            display.display(line)
        return {
            **result,
            "changed": False,
            "findings": findings,
            "table": lines,
            "stops": [found["check"] for found in stops(findings, fatal)],
            "message": _message(stops(findings, fatal)),
            "machines": _with_power(view.machines or arguments["machines"], arguments["bmc_checked"]),
        }

    def _site(self, arguments: dict[str, t.Any], view: ClusterView, task_vars: dict[str, t.Any]) -> list[Finding]:
        """The rows of the web host; one row where it cannot be asked."""
        machines = arguments["machines"]
        wanted = _files(arguments, view)
        before = time.time()
        answer = self._ask(_questions(arguments, view, wanted), task_vars)
        tftp_answer = answer if arguments["tftp_seen"] is None else arguments["tftp_seen"]
        host = str(self._task.delegate_to or task_vars.get("inventory_hostname") or "the web host")
        if "facts" not in answer:
            rows = [_away("web_host", host, answer), checks.clock(view.clock_offset, None)]
            elsewhere = _tftp(arguments, tftp_answer, []) if arguments["tftp_seen"] else []
            return [*filter(None, rows), *elsewhere]
        facts = answer["facts"]
        rows = [
            finding("web_host", OK, f"Ansible reaches {host}."),
            checks.clock(view.clock_offset, _offset(facts["time"], before, time.time())),
            site.machine_config_server(facts["machine_config"], time.time(), host),
            site.dns_forward(machines, facts["forward"], host),
            site.dns_reverse(machines, facts["reverse"], host),
        ]
        if view.node_names:
            rows.append(site.name_form(machines, view.node_names))
        if facts["web"] is not None:
            rows.append(site.web_server(facts["web"], arguments["base_url"], arguments["directory"]))
        room = ((tftp_answer.get("facts") or {}).get("tftp") or {}).get("room")
        copies = wanted.sizes_of_copies(facts["artifacts"], room["files"]) if room else []
        if facts["folder"] is not None:
            isos = wanted.sizes_of_isos(facts["artifacts"], facts["folder"]["isos"])
            together = tftp_answer is answer and room and room["device"] == facts["folder"]["device"]
            rows.append(
                site.publish_folder(
                    facts["folder"],
                    facts["artifacts"],
                    arguments["directory"],
                    isos=isos,
                    copies=copies if together else [],
                )
            )
            rows.append(site.selinux(facts["folder"], facts["web"], arguments["directory"]))
        making = services.customised(machines)
        if making and arguments["installer"]:
            rows.append(services.iso_installer(facts["installer"], making, host))
        return [*filter(None, rows), *_tftp(arguments, tftp_answer, copies)]

    def _ask(self, questions: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """The answer of the host that this task is delegated to; without ``facts`` where it cannot be asked."""
        try:
            return self._execute_module(module_name=WEB_HOST_MODULE, module_args=questions, task_vars=task_vars)
        except AnsibleConnectionFailure as error:
            return {"unreachable": True, "msg": str(error)}


def _with_power(
    machines: t.Sequence[dict[str, t.Any]], checked: t.Sequence[dict[str, t.Any]]
) -> list[dict[str, t.Any]]:
    """The records with what their BMCs have said of their power, so that they are not asked again."""
    power = {record["name"]: record.get("bmc_power", "unknown") for record in checked}
    return [
        {**machine, "bmc_power": power[machine["name"]]} if machine["name"] in power else machine
        for machine in machines
    ]


def _tftp(arguments: dict[str, t.Any], answer: dict[str, t.Any], copies: t.Sequence[int | None]) -> list[Finding]:
    """The row of the TFTP host; none where no machine needs it.

    :param copies: bytes of each file that will be copied there
    """
    host = arguments["tftp_host"]
    if "facts" not in answer:
        return [_away("tftp_host", host, answer)]
    facts = answer["facts"]["tftp"]
    return [services.tftp_host(facts, host, copies)] if facts else []


def _away(check: str, host: str, answer: dict[str, t.Any]) -> Finding:
    word = "is unreachable" if answer.get("unreachable") else "cannot be asked"
    reason = (str(answer.get("msg") or "").strip() or "no reason given").splitlines()[0].rstrip(".")
    to_do = f"ansible -m ansible.builtin.ping {host} (it needs Python 3.9 or newer there)"
    return finding(check, FAIL, f"{host} {word}: {reason}.", to_do)


def _upload(arguments: dict[str, t.Any]) -> Finding:
    def connect() -> Client:
        authorization = authorization_header(
            arguments["put_username"], arguments["put_password"], arguments["put_token"]
        )
        trust = trusted_authorities(arguments["put_ca_path"])
        return Client(timeout=UPLOAD_SECONDS, trust=trust, proxies={}, authorization=authorization)

    try:
        url = web_address(arguments["put_url"], "put_url")
    except OperationError as error:
        return finding("upload", FAIL, error.message, error.hint)
    return services.upload_target(url, connect)


def _cluster(arguments: dict[str, t.Any]) -> ClusterView:
    """The rows of the cluster; one row where it cannot be asked."""
    try:
        cluster = connect(arguments)
        view = look_at_cluster(
            cluster,
            arguments["machines"],
            lambda: ask(cluster, execute=arguments["exec"], release_metadata=arguments["release_metadata"] or ""),
            stream=arguments["stream"],
            source=arguments["source"],
            now=time.time(),
            account=arguments["account"],
            cordon=arguments["cordon"],
        )
    except OperationError as error:
        return ClusterView(findings=[finding("cluster", FAIL, error.message, error.hint)])
    reached = finding("cluster", OK, f"{cluster.server} is the cluster {view.machines[0]['cluster']['name']}.")
    view.findings.insert(0, reached)
    return view


def _files(arguments: dict[str, t.Any], view: ClusterView) -> Files:
    authority = ""
    if arguments["put_ca_path"] and arguments["base_url"].startswith("https://"):
        # without it the ISOs that are there are not recognised; who needs it says that it cannot be read
        with contextlib.suppress(OSError, UnicodeDecodeError):
            authority = pathlib.Path(arguments["put_ca_path"]).read_text(encoding="utf-8")
    return files(
        view.guarded or view.machines,
        {pool: entry.hash for pool, entry in view.ignition.items()},
        view.artifacts,
        base_url=arguments["base_url"],
        put_url=arguments["put_url"],
        certificate_authority=authority,
    )


def _questions(arguments: dict[str, t.Any], view: ClusterView, wanted: Files) -> dict[str, t.Any]:
    machines = arguments["machines"]
    published = checks.needs_publishing(machines)
    return {
        "directory": arguments["directory"] if published else "",
        "base_url": arguments["base_url"] if published else "",
        "sources": sources(view.ignition),
        "names": [machine["node_name"] for machine in machines],
        "addresses": [address for machine in machines for address in machine["addresses"]],
        "artifacts": wanted.artifacts,
        "proxy": arguments["download_proxy"],
        "installer": arguments["installer"] if services.customised(machines) else [],
        "tftp": _tftp_questions(arguments),
        "timeout": arguments["timeout"],
    }


def _tftp_questions(arguments: dict[str, t.Any]) -> dict[str, t.Any] | None:
    """What the web host is asked of TFTP; None where another host runs it, or nobody."""
    if not arguments["tftp_host"] or arguments["tftp_seen"] is not None:
        return None
    return {
        "machines": [
            {name: machine[name] for name in ("boot_method", "boot_transport", "architecture")}
            for machine in arguments["machines"]
        ],
        "directory": arguments["tftp_directory"],
        "grub_directory": arguments["grub_directory"],
        "address": arguments["tftp_address"],
    }


def _offset(there: float, before: float, after: float) -> float:
    """The web host's time minus ours, as far as the time of its answer does not explain it."""
    if there < before:
        return there - before
    return max(0.0, there - after)


def _message(stopping: t.Sequence[Finding]) -> str:
    """One line: it becomes the verdict of every machine."""
    if not stopping:
        return ""
    first, *others = stopping
    also = f" The table has more: {', '.join(found['check'] for found in others)}." if others else ""
    return " ".join(f"Nothing was touched. {first['sentence']} {first['to_do']}{also}".split())
