# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages' playbook commands are run on a site in a box, their nginx configurations by nginx."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import re
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from collections.abc import Iterator

import pytest

from ansible_collections.multiarch.openshift.plugins.modules.artifact_publish import main
from lab.machines import MachineSpec
from lab.nginx import nginx_program
from lab.processes import Process
from lab.site import Site
from lab.site import machine_spec
from support.module import run_module
from support.pages import Page
from support.pages import pages
from support.paths import PROGRAMS
from support.paths import ROOT
from support.said import PUT_TOGETHER
from support.said import is_printed
from support.said import was_printed

MakeSite = Callable[..., Site]
PAGES = pages()
# Of a web host and a TFTP server
SERVICES = (
    "publish_directory",
    "publish_base_url",
    "publish_access_log",
    "netboot_tftp_directory",
    "netboot_grub_directory",
    "netboot_entry_paths",
)
# Commands that build on each other, in this order; all others come after them, with machines that are nodes
IN_ORDER = ("preflight", "verify_payload", "export_ignition", "publish", "prepare", "approve_csrs")


# What stands in a row of the map that a good run does not print
NOT_IN_A_GOOD_RUN = {"B3"}


def kind(page: Page) -> str:
    """How the machines of a page's inventory boot: iso, external, or network, also for all other pages."""
    examples = "\n".join(block.text for block in page.blocks if block.language == "yaml")
    methods = set(re.findall(r"^ +machine_boot_method: (\w+)", examples, re.MULTILINE))
    return methods.pop() if methods in ({"iso"}, {"external"}) else "network"


def documented(wanted: str) -> list[tuple[str, ...]]:
    """The playbook commands of all pages of a kind, without their inventory: those that only look come first."""
    found = set()
    for page in PAGES:
        texts = [command.words for command in page.commands]
        texts += [tuple(shlex.split(text)) for text in page.inline if text.startswith("ansible-playbook multiarch.")]
        for words in texts:
            if words[:1] != ("ansible-playbook",) or not words[1].startswith("multiarch."):
                continue
            # a report is one, however machines have booted
            if wanted == ("network" if words[1].endswith(".report") else kind(page)):
                given = list(words[2:])
                if "-i" in given:
                    del given[given.index("-i") : given.index("-i") + 2]
                found.add((words[1].removeprefix("multiarch.openshift."), *given))

    def order(command: tuple[str, ...]) -> tuple[bool, int, tuple[str, ...]]:
        place = IN_ORDER.index(command[0]) if command[0] in IN_ORDER else len(IN_ORDER) + (command[0] == "report")
        return "--check" not in command, place, command

    return sorted(found, key=order)


def machines(wanted: str, block: int) -> list[MachineSpec]:
    if wanted == "network":
        return [machine_spec(1, block=block), machine_spec(2, block=block, boot_method="ipxe")]
    if wanted == "external":
        return [machine_spec(1, block=block, boot_method="external")]
    by_bmc = machine_spec(2, block=block, boot_method="iso", bmc=True)
    if not (PROGRAMS / "coreos-installer").exists():
        by_bmc.variables = {"machine_iso_install": "by_hand"}
    return [machine_spec(1, block=block, boot_method="iso"), by_bmc]


@pytest.mark.timeout(900)  # a dozen runs
@pytest.mark.parametrize("wanted", ["network", "iso", "external"])
def test_every_playbook_command_of_the_pages_does_what_they_say(
    make_site: MakeSite, site_block: int, wanted: str
) -> None:
    site = make_site(machines=machines(wanted, site_block))
    # no web host is needed, says the page
    inventory = site.inventory(dict.fromkeys(SERVICES) if wanted == "external" else None)
    nothing = site.files()
    output: dict[str, str] = {}
    report = ""
    for playbook, *arguments in documented(wanted):
        joins = playbook in ("approve_csrs", "add_arm_workers") and "--check" not in arguments
        extra = {"report_directory": report} if playbook == "report" else None
        with site.operator() if joins else contextlib.nullcontext():
            run = site.run(playbook, *arguments, inventory=inventory, extra_vars=extra, timeout=240)
        assert run.rc == 0, f"{playbook} {arguments}\n{run.stdout}"
        output[playbook] = output.get(playbook, "") + run.stdout
        if "--check" in arguments:
            assert site.files() == nothing
        if playbook == "publish" and "--check" not in arguments:
            assert f'"{site.base_url}/{site.infrastructure_name}/worker-' in run.stdout
        if playbook == "prepare":
            assert all(site.armed(name) for name in site.machines)
        if joins:
            assert run.stdout.count(": proven") == len(site.machines), run.stdout
            assert not any(site.boot_files(name) for name in site.machines)
        if playbook == "add_arm_workers" and joins:
            report = str(run.directory / "multiarch-report")
    if wanted == "network":
        assert report
        assert set(output) == {path.stem for path in ROOT.glob("playbooks/*.yml")}
        assert_printed_as_the_pages_say(output)


def assert_printed_as_the_pages_say(output: dict[str, str]) -> None:
    """Lines that the code puts together of single words, and the map's: each by the playbook that has the step."""
    everything = [" ".join(text.split()) for text in output.values()]
    for page in PAGES:
        put_together = [line for line in (*page.output, *page.printed) if PUT_TOGETHER.search(line)]
        assert [line for line in put_together if not is_printed(line, everything)] == [], page.name
        if page.path.name not in ("procedure-map.md", "procedure-map.ja.md"):
            continue
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in page.prose.splitlines() if re.match(r"\| [A-D]\d", line)]
        assert len(rows) > 20
        for number, _by_hand, here, _variables, prints in rows:
            playbook = re.match(r" `(\w+)`", here)
            if playbook is None or number.strip() in NOT_IN_A_GOOD_RUN:
                continue
            name = playbook[1]
            for text in re.findall(r"`([^`]+)`", prints):
                if text in output:
                    name = text
                elif text != "--diff":
                    assert was_printed(text, output[name]), f"{page.name}, {number}: {name} does not print {text}"


def test_the_files_are_named_where_there_is_no_way_to_them_yet(make_site: MakeSite, site_block: int) -> None:
    """The commands of the page on disconnected sites, while the source is down."""
    (page,) = [page for page in PAGES if page.name == "docs/disconnected.md"]
    settings, publish = [each.words for each in page.commands if not each.needs]
    assert (settings[0], publish[1]) == ("export", "multiarch.openshift.publish")
    site = make_site(machines=[machine_spec(1, block=site_block)])
    site.mirror.close()
    nothing = site.files()
    environment = dict(setting.split("=") for setting in settings[1:])
    run = site.run("publish", *publish[4:], environment=environment)
    assert run.rc == 0, run.stdout
    assert site.files() == nothing
    wanted = [artifact for artifact in site.mirror.artifacts if artifact.architecture == "aarch64"]
    handed_on = run.stdout.partition("CUSTOM STATS")[2]
    for artifact in wanted:
        if artifact.kind in ("kernel", "initramfs", "rootfs"):
            assert artifact.url in handed_on, artifact
            assert artifact.sha256 in handed_on, artifact
    assert "not reachable from here" in run.stdout


# -- nginx -------------------------------------------------------------------------------------------------------------

_AROUND = """\
daemon off;
master_process off;
user root;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  {server}
}}
"""
# publisher:publisher, as htpasswd -p writes it
_ACCOUNT = "publisher:{PLAIN}publisher\n"


def configurations() -> list[str]:
    page = next(page for page in PAGES if page.name == "docs/publishing.md")
    return [block.text for block in page.blocks if block.language == "nginx"]


@pytest.fixture
def serve(tmp_path: pathlib.Path) -> Iterator[Callable[[str], str]]:
    """Runs a configuration of the page as it is, but for port and folders; returns the folder's URL."""
    program = nginx_program()
    if program is None:
        pytest.skip("nginx is not here: apt-get install nginx-light")
    running: list[Process] = []

    def start(server: str) -> str:
        port = _free_port()
        root, accounts = tmp_path / "root", tmp_path / "accounts"
        (root / "openshift").mkdir(parents=True)
        accounts.write_text(_ACCOUNT)
        for written, here in (
            ("listen 8080;", f"listen 127.0.0.1:{port};"),
            ("/var/www/html", str(root)),
            ("/etc/nginx/publish.htpasswd", str(accounts)),
        ):
            assert written in server or "htpasswd" in written
            server = server.replace(written, here)
        path = tmp_path / "nginx.conf"
        path.write_text(_AROUND.format(directory=tmp_path, server=server))
        checked = subprocess.run([program, "-t", "-c", path], capture_output=True, text=True, check=False)
        if 'unknown directive "dav_methods"' in checked.stderr:
            pytest.skip("this nginx has no DAV module: apt-get install nginx-light")
        assert checked.returncode == 0, checked.stderr
        running.append(Process([program, "-c", str(path)], tmp_path / "nginx.log"))
        url = f"http://127.0.0.1:{port}/openshift"
        _wait_for(url)
        return url

    yield start
    for process in running:
        process.stop()


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing answers at {url}")


def _publish(tmp_path: pathlib.Path, url: str, **target: str) -> str:
    """A file of more than 1 MiB, by the module; the URL that it has then."""
    source = tmp_path / "rootfs.img"
    source.write_bytes(bytes(range(256)) * 5000)
    name = "9.6.20251125-1/aarch64/rootfs.img"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    artifact = {"name": name, "remote_file": str(source), "sha256": digest, "kind": "rootfs"}
    answer = run_module(main, {"artifacts": [artifact], "verify_full": True, **target})
    assert not answer.get("failed"), answer
    assert answer["artifacts"][0]["action"] == "published"
    assert answer.get("warnings", []) == []
    return f"{url}/{name}"


def _as_a_machine_asks(url: str) -> None:
    head = urllib.request.urlopen(urllib.request.Request(url, method="HEAD", headers={"Accept-Encoding": "gzip"}))
    assert head.headers["Content-Length"] == str(256 * 5000)
    part = urllib.request.urlopen(urllib.request.Request(url, headers={"Range": "bytes=256-259"}))
    assert (part.status, part.read()) == (206, bytes(range(4)))


def test_nginx_serves_what_is_published_with_the_configuration_of_the_page(
    serve: Callable[[str], str], tmp_path: pathlib.Path
) -> None:
    (configuration,) = [text for text in configurations() if "dav_methods" not in text]
    url = serve(configuration)
    _as_a_machine_asks(_publish(tmp_path, url, directory=str(tmp_path / "root" / "openshift"), base_url=url))


def test_nginx_takes_uploads_with_the_configuration_of_the_page_and_from_nobody_else(
    serve: Callable[[str], str], tmp_path: pathlib.Path
) -> None:
    (configuration,) = [text for text in configurations() if "dav_methods" in text]
    url = serve(configuration)
    _as_a_machine_asks(_publish(tmp_path, url, put_url=url, base_url=url, username="publisher", password="publisher"))
    for method in ("PUT", "DELETE"):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(urllib.request.Request(f"{url}/x", data=b"x", method=method))


def test_the_page_has_a_configuration_for_each_way() -> None:
    assert len(configurations()) == 2
    assert all(re.search(r"location /openshift/", text) for text in configurations())
