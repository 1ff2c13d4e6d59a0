# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pages say is looked up in the code: variables, options, playbooks, links, commands, quoted messages.

The commands themselves are run by tests/integration/test_documented_commands.py.
"""

from __future__ import annotations

import ast
import functools
import os
import pathlib
import re
import subprocess
import sys
import typing as t
import xml.etree.ElementTree

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

from ansible_collections.multiarch.openshift.plugins.module_utils import _machine
from ansible_collections.multiarch.openshift.plugins.module_utils._site import site_problems
from support.pages import MARKERS
from support.pages import SHELL
from support.pages import Command
from support.pages import Page
from support.pages import pages
from support.paths import ROOT
from support.said import PUT_TOGETHER
from support.said import is_printed
from support.said import share_of_the_code

PAGES = pages()
MACHINE = dict(_machine._DEFAULTS)
LANGUAGES = (*SHELL, "", "yaml", "json", "nginx", "apache", "ini", "text", "dockerfile")
by_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])

# -- what there is in the code -----------------------------------------------------------------------------------------


def load(path: pathlib.Path) -> t.Any:
    return yaml.safe_load(path.read_text())


@functools.cache
def role_options() -> dict[str, dict[str, t.Any]]:
    """Every option of every role, by its name."""
    found: dict[str, dict[str, t.Any]] = {}
    for path in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        for entry in load(path)["argument_specs"].values():
            found.update(entry.get("options") or {})
    return found


@functools.cache
def site_variables() -> set[str]:
    """What roles and playbooks read of the inventory: variables that are no role's own."""
    texts = [path.read_text() for path in (*ROOT.glob("roles/*/defaults/main.yml"), *ROOT.glob("playbooks/*.yml"))]
    read = {
        name for text in texts for name in re.findall(r"\b([a-z][a-z0-9_]*) \| (?:ansible\.builtin\.)?default", text)
    }
    return {name for name in read if re.match(r"(publish|netboot|boot_artifacts|iso|add_arm_workers)_", name)}


@functools.cache
def variables() -> set[str]:
    return {*MACHINE, *role_options(), *site_variables()}


@functools.cache
def named_things() -> set[str]:
    """Playbooks, roles, modules, plugins: what stands behind multiarch.openshift."""
    found = {path.stem for path in ROOT.glob("playbooks/*.yml")}
    found |= {path.name for path in ROOT.glob("roles/*")}
    found |= {path.stem for path in ROOT.glob("plugins/*/*.py") if not path.stem.startswith("_")}
    return found


SOURCES = ("plugins", "roles", "playbooks", "extensions", "examples", "meta", "galaxy.yml", "docs/rbac.yml")


@functools.cache
def words_of_the_code(*more: str) -> frozenset[str]:
    """Every identifier of the code."""
    found: set[str] = set()
    for name in (*SOURCES, *more):
        path = ROOT / name
        for file in [path] if path.is_file() else path.rglob("*"):
            if file.suffix in (".py", ".yml", ".txt", "") and file.is_file() and "__pycache__" not in file.parts:
                found.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", file.read_text(errors="replace")))
    return frozenset(found)


@functools.cache
def texts_of_the_code() -> frozenset[str]:
    """Every whole text of a plugin."""
    return frozenset(
        node.value
        for path in ROOT.glob("plugins/**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


# -- words -------------------------------------------------------------------------------------------------------------

_WORD = re.compile(r"(?<![\w./:@%-])[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+(?![\w(]|\.\w)")
_OURS = re.compile(r"(machine|publish|netboot|boot_artifacts|iso|add_arm_workers)_")
# Names of others
FOREIGN = {
    "httpd_sys_content_t",
    "httpd_sys_rw_content_t",
    "http_port_t",
    "tftpdir_t",
    "openshift_access_log",
    "access_log",
    "default_type",
    "client_max_body_size",
    "auth_basic",
    "auth_basic_user_file",
    "dav_methods",
    "dav_access",
    "create_full_put_path",
    "limit_except",
    "x86_64",
    "vault_bmc_password",
    "vault_publish_password",
    "rootfs_url",
    "net_default_server",
    "install_dev",
    "ignition_url",
    "csr_name",
    "HTTP_server",
    "node_type",
    "my_group",
    "CONTROLLER_OAUTH_TOKEN",
    "CONTROLLER_HOST",
    "EE_BASE_IMAGE",
    "additional_build_files",
    "no_proxy",
    "https_proxy",
    "no_log",
    "set_stats",
    "KUBEBUILDER_ASSETS",
    "ANSIBLE_SHOW_CUSTOM_STATS",
    "group_vars",
    "REQUESTS_CA_BUNDLE",
    "ANSIBLE_RETRY_FILES_ENABLED",
    "encrypt_string",
    "module_defaults",
    "bearer_token",
    "ssh_key_data",
}


def words(text: str) -> set[str]:
    return set(_WORD.findall(text))


def said_in_code(page: Page) -> str:
    return "\n".join([*page.inline, *(block.text for block in page.blocks)])


@by_page
def test_every_name_on_a_page_is_one_of_the_code(page: Page) -> None:
    tests_too = page.name in ("docs/contributing.md", "docs/testing.md")
    known = words_of_the_code("tests", "Makefile") if tests_too else words_of_the_code()
    unknown = words(said_in_code(page)) - known - FOREIGN
    assert not unknown, f"{page.name} has names that the code does not know"


@by_page
def test_every_variable_of_the_inventory_on_a_page_is_read_by_something(page: Page) -> None:
    """Stricter than the code's words: machine_adresses is a word of the code's own error messages and tests."""
    roles = tuple(path.name for path in (ROOT / "roles").iterdir())
    results = {f"{role}_{what}" for role in roles for what in ("result", "published", "due")}
    named = {word for word in words(said_in_code(page)) if _OURS.match(word)}
    # checks of the preflight, keys of results
    named -= {*roles, *named_things(), *texts_of_the_code()}
    unknown = {name for name in named if name not in variables() and name not in results}
    assert not unknown, f"{page.name} has variables that nothing reads"


@by_page
def test_every_playbook_role_and_plugin_on_a_page_exists(page: Page) -> None:
    named = set(re.findall(r"\bmultiarch\.openshift\.([a-z_]\w*)", page.text))
    assert named <= named_things() | {"auth", "attributes", "cluster"}, page.name


@by_page
def test_every_path_on_a_page_exists(page: Page) -> None:
    roots = ("docs", "plugins", "roles", "playbooks", "extensions", "examples", "tests", "changelogs", "meta")
    named = {text.rstrip("/") for text in page.inline if re.fullmatch(rf"({'|'.join(roots)})/[\w./-]*", text)}
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == [], page.name


@by_page
def test_every_link_leads_somewhere(page: Page) -> None:
    broken = []
    for link in page.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _hash, anchor = link.partition("#")
        path = (page.path.parent / target).resolve() if target else page.path
        if not path.exists() or (
            anchor and path.suffix == ".md" and anchor not in Page(path, path.read_text()).anchors
        ):
            broken.append(link)
    assert not broken, page.name


@pytest.mark.parametrize("name", ["flow.svg", "demo.svg"])
def test_the_pictures_are_whole_and_need_nothing_from_elsewhere(name: str) -> None:
    root = xml.etree.ElementTree.parse(ROOT / "docs" / name).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert not [value for each in root.iter() for key, value in each.items() if key.endswith("href")]
    assert not re.search(r"@import|@font-face|url\((?!#)", (ROOT / "docs" / name).read_text())


# -- values ------------------------------------------------------------------------------------------------------------

# A sound machine, to which a page's example is added
_BASE = {"machine_addresses": ["192.0.2.11"], "machine_boot_method": "grub", "machine_macs": ["52:54:00:00:00:0b"]}
_NETWORK = {"interfaces": [{"name": "eno1", "mac": "52:54:00:00:00:0b", "dhcp": "ipv4"}]}


def _examples(document: t.Any, inherited: t.Mapping[str, t.Any] | None = None) -> t.Iterator[dict[str, t.Any]]:
    """Every dictionary of a document that has variables of ours, with those of a group's `vars` above it."""
    inherited = dict(inherited or {})
    if isinstance(document, dict):
        if isinstance(document.get("vars"), dict):
            inherited.update(document["vars"])
        if any(name in variables() for name in map(str, document)):
            yield {**inherited, **document}
        for value in document.values():
            yield from _examples(value, inherited)
    elif isinstance(document, list):
        for value in document:
            yield from _examples(value, inherited)


def _documents(page: Page) -> t.Iterator[tuple[str, t.Any]]:
    for block in page.blocks:
        if block.language == "yaml":
            yield block.where, yaml.safe_load(block.text)
    for text in page.inline:
        name = text.partition(":")[0]
        if name in variables() and ": " in text and "…" not in text:
            yield f"{page.name}: `{text}`", yaml.safe_load(text)


@by_page
def test_every_example_of_machine_variables_is_accepted(page: Page) -> None:
    for where, document in _documents(page):
        for example in _examples(document):
            given = {name: value for name, value in example.items() if str(name).startswith("machine_")}
            if not given:
                continue
            base: dict[str, t.Any] = dict(_BASE)
            if given.get("machine_iso_install"):
                base["machine_boot_method"] = "iso"
            if given.get("machine_network"):
                base["machine_addresses"] = _addresses(given["machine_network"]) or base["machine_addresses"]
            if "machine_set_hostname" in given and "machine_network" not in given:
                base["machine_network"] = _NETWORK
            if str(given.get("machine_bmc_url") or ""):
                base.update(machine_bmc_username="operator", machine_bmc_password="secret")
            base["machine_install_device"] = "/dev/disk/by-id/x"
            if given.get("machine_boot_method") == "pxelinux":
                base["machine_architecture"] = "x86_64"
            _record, problems = _machine.machine("example", {**base, **given})
            assert problems == [], where


def _addresses(network: t.Mapping[str, t.Any]) -> list[str]:
    return [address.partition("/")[0] for each in network["interfaces"] for address in each.get("addresses") or []]


@by_page
def test_every_example_of_role_variables_is_accepted(page: Page) -> None:
    for where, document in _documents(page):
        for example in _examples(document):
            given = {name: value for name, value in example.items() if name in role_options()}
            specification = {
                name: {
                    key: role_options()[name][key]
                    for key in ("type", "elements", "choices")
                    if key in role_options()[name]
                }
                for name in given
            }
            result = ArgumentSpecValidator(specification).validate(given)
            assert result.error_messages == [], where


def _inventories() -> list[t.Any]:
    found = []
    for page in PAGES:
        for block in page.blocks:
            document = yaml.safe_load(block.text) if block.language == "yaml" else None
            if isinstance(document, dict) and ("all" in document or "arm_workers" in document):
                found.append(pytest.param(document, id=block.where))
    return found


def _problems(inventory: dict[str, t.Any], directory: pathlib.Path, *, whole: bool) -> list[str] | None:
    """What the run would refuse of an inventory, as Ansible reads it; None where no machine of it can be told.

    :param whole: whether the site's variables and groups are part of it
    """
    path = directory / "inventory.yml"
    path.write_text(yaml.safe_dump(inventory))
    loader = DataLoader()
    manager = InventoryManager(loader=loader, sources=[str(path)])
    variables_of = VariableManager(loader=loader, inventory=manager)
    machines = manager.groups["arm_workers"].get_hosts()
    hosts = {host.name: variables_of.get_vars(host=host) for host in machines}
    if not any("machine_boot_method" in values for values in hosts.values()):
        return None
    records, problems = _machine.plan(hosts, list(hosts), list(hosts))
    if not whole:
        return list(problems)
    site = {
        name: str(next(iter(hosts.values())).get(name) or "") for name in (*site_variables(), "netboot_grub_directory")
    }
    groups = {name: [host.name for host in group.get_hosts()] for name, group in manager.groups.items()}
    hosts_of = {"web_hosts": groups.get("web_host", []), "tftp_hosts": groups.get("tftp_host", [])}
    return [*problems, *site_problems(site, records, **hosts_of, on_awx=False)]


@pytest.mark.parametrize("document", _inventories())
def test_every_inventory_can_be_planned(document: dict[str, t.Any], tmp_path: pathlib.Path) -> None:
    """With values of its own where a page shows a part."""
    whole = "all" in document
    problems = _problems(document if whole else {"all": {"children": document}}, tmp_path, whole=whole)
    if problems is None:
        pytest.skip("shows where machines stand, not what they are")
    assert problems == []


def _whole(page: Page) -> dict[str, t.Any]:
    """All examples of a page in one inventory, as somebody has it who has followed the page."""
    whole: dict[str, t.Any] = {"vars": {}, "children": {}}
    for block in page.blocks:
        if block.language != "yaml":
            continue
        document = yaml.safe_load(block.text)
        given = document.get("all") or ({"children": document} if "arm_workers" in document else {"vars": document})
        for part, values in whole.items():
            values.update(given.get(part) or {})
    return {"all": whole}


GUIDES = [page for page in PAGES if page.path.parent.name == "paths"]


@pytest.mark.parametrize("page", GUIDES, ids=[page.path.stem for page in GUIDES])
def test_the_inventory_of_each_path_is_one_that_a_run_takes(page: Page, tmp_path: pathlib.Path) -> None:
    assert _problems(_whole(page), tmp_path, whole=True) == []


def test_an_inventory_without_a_web_host_is_found(tmp_path: pathlib.Path) -> None:
    (page,) = [page for page in GUIDES if page.path.stem == "grub"]
    inventory = _whole(page)
    del inventory["all"]["children"]["web_host"], inventory["all"]["vars"]["publish_directory"]
    problems = _problems(inventory, tmp_path, whole=True)
    assert problems
    assert [text.split()[:3] for text in problems] == [
        ["the", "group", "web_host"],
        ["publish_directory", "is", "missing:"],
    ]


# -- the inventory reference -------------------------------------------------------------------------------------------


def _reference() -> dict[str, list[str]]:
    """Name of a variable to the cells of its row."""
    rows = {}
    for line in (ROOT / "docs" / "inventory.md").read_text().splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            names = re.findall(r"`([a-z_]+)`", cells[0])
            # several variables of one row have their defaults in their order
            defaults = cells[1].split(", ") if len(names) == cells[1].count(", ") + 1 else [cells[1]] * len(names)
            rows.update({name: [cells[0], default, *cells[2:]] for name, default in zip(names, defaults)})
    return rows


def test_the_inventory_reference_has_every_variable_of_machines_and_site() -> None:
    missing = ({*MACHINE, *site_variables()} - {"publish_artifacts_published"}) - set(_reference())
    assert not missing


def test_the_inventory_reference_has_the_defaults_of_the_code() -> None:
    for name, default in MACHINE.items():
        cell = _reference()[name][1]
        if isinstance(default, str):
            assert cell.startswith(f"`{default}`"), name
        elif re.fullmatch(r"`[^`]+`", cell):
            pytest.fail(f"{name} has no default in the code, and {cell} in the reference")
    for name, cells in _reference().items():
        option = role_options().get(name)
        if option is None or "default" not in option or len(cells) < 3:
            continue
        default = option["default"]
        if isinstance(default, bool):
            assert cells[1] == f"`{str(default).lower()}`", name
        elif isinstance(default, (str, int)) and default != "":
            assert cells[1].strip("`").startswith(str(default)), name


# -- quoted messages ---------------------------------------------------------------------------------------------------


@by_page
def test_every_quoted_message_is_one_of_the_code(page: Page) -> None:
    for quote in page.quotes:
        assert share_of_the_code(quote) > 0.65, f"{page.name}: {quote}"


@by_page
def test_all_output_on_a_page_is_a_runs(page: Page) -> None:
    """In blocks without a language, and in the columns of tables that say what a run prints."""
    shown = [line for line in (*page.output, *page.printed) if not PUT_TOGETHER.search(line)]
    assert [line for line in shown if not is_printed(line)] == []


def test_a_message_that_nothing_prints_is_found() -> None:
    assert share_of_the_code("The payload is nice, and the cluster runs; all machines are happy nodes.") < 0.5


# -- commands ----------------------------------------------------------------------------------------------------------

COMMANDS = [command for page in PAGES for command in page.commands]


@by_page
def test_every_block_has_a_known_language_and_a_known_marker(page: Page) -> None:
    for block in page.blocks:
        assert block.language in LANGUAGES, block.where
        assert block.needs in ("", *MARKERS), block.where


# Documentation that a page tells to read
DOCUMENTED = {("module", "multiarch.openshift.plan")}
# What runs a command of the pages: a test, a line of CI, or another command that it is part of. Playbooks of the
# collection are run by tests/integration/test_documented_commands.py, with all options that the pages give.
DEMO = "tests/integration/test_demo.py::test_seven_machines_join_and_nobody_else_and_the_picture_shows_it"
DOCUMENTED_COMMANDS = (
    "tests/integration/test_documented_commands.py::test_every_playbook_command_of_the_pages_does_what_they_say"
)
BUILT = "tests/unit/test_docs.py::test_the_collection_is_built_and_installed_as_the_pages_say"
AWX_PROJECT = "tests/integration/test_awx.py::test_the_project_is_made_as_the_page_says"
AWX_OBJECTS = "tests/integration/test_awx.py::test_the_playbook_brings_them_into_awx_and_a_second_time_changes_nothing"
FOLDERS = "tests/unit/test_docs.py::test_a_virtual_environment_and_an_inventory_are_made_as_the_pages_say"
RUN_BY = {
    "make demo": DEMO,
    "make picture": DEMO,
    "make test": ".ci/run",
    "make lint": ".ci/run",
    "make sanity": ".ci/run",
    "make venv": "make lint",
    "make real": "make test",
    "make firmware": "make test",
    "make molecule": "make test",
    ".venv/bin/python -m pytest tests/unit/test_machine.py -q": "make test",
    "tests/setup/network_manager.sh .cache/network-manager": ".ci/run",
    "pip install -r requirements.txt": "make venv",
    "python3 -m venv ~/arm-workers": FOLDERS,
    "source ~/arm-workers/bin/activate": FOLDERS,
    "cp -r examples/inventory inventory": FOLDERS,
    "ansible-galaxy collection build": BUILT,
    "ansible-galaxy collection install multiarch-openshift-0.1.0.tar.gz": BUILT,
    "ansible-builder create": "tests/integration/test_awx.py::test_the_execution_environment_can_be_built",
    "ansible-doc -t module multiarch.openshift.plan": (
        "tests/unit/test_docs.py::test_documentation_that_a_page_tells_to_read_is_there"
    ),
    "export K8S_AUTH_KUBECONFIG=~/kubeconfig": DOCUMENTED_COMMANDS,
    "export ANSIBLE_SHOW_CUSTOM_STATS=true": (
        "tests/integration/test_documented_commands.py::test_the_files_are_named_where_there_is_no_way_to_them_yet"
    ),
    "cp -r extensions/awx/project arm-workers": AWX_PROJECT,
    "cp -r examples/inventory arm-workers/inventory": AWX_PROJECT,
    "git init arm-workers": AWX_PROJECT,
    "git -C arm-workers add .": AWX_PROJECT,
    "git -C arm-workers commit -m ARM workers": AWX_PROJECT,
    "export CONTROLLER_HOST=https://awx.example.com CONTROLLER_OAUTH_TOKEN=…": AWX_OBJECTS,
    "ansible-playbook extensions/awx/apply.yml -e @my-awx.yml": AWX_OBJECTS,
}
# No test runs these, which stand in a line of text, where no comment can say what they need
NOT_RUN = {
    "make legs": "before a release: other Pythons",
    "make docs": "before a release: antsibull-docs",
    "make importer": "before a release: galaxy-importer",
    "make gates": "before a release",
    "make bench": "measures",
    "python -m bench": "measures",
    "python -m bench approvals": "measures",
    "PYTHON=python3.12 make test": "before a release: another Python",
    "PYTHON=python3.13 make test": "before a release: another Python",
    "ansible-playbook your-playbook.yml -e @extensions/awx/objects.yml -e @my-awx.yml": "not public",
    "ansible-vault encrypt_string --name vault_bmc_password": "somebody who types a password",
}
# What these do is done to a cluster, a host or a machine
PROGRAMS_OF_OTHERS = {
    *("oc", "podman", "curl"),
    *("sudo", "dnf", "systemctl", "semanage", "restorecon", "ls", "rm"),
    *("dhcpd", "kea-dhcp4", "dnsmasq", "named-checkzone"),
    *("coreos-installer", "journalctl", "racadm"),
}
OURS = ("make ", "PYTHON=", "python", ".venv/", "tests/setup/", "pip ", "ansible-", "git ", "cp ", "export ", "source ")


def _is_run(command: str) -> bool:
    return command in RUN_BY or command.startswith("ansible-playbook multiarch.openshift.")


def _inline_commands(page: Page) -> list[str]:
    """Commands in lines of text: a program and an argument at least."""
    return [
        text for text in page.inline if " " in text and (text.startswith(OURS) or text.split()[0] in PROGRAMS_OF_OTHERS)
    ]


@pytest.mark.parametrize("command", COMMANDS, ids=[f"{each.where} {each}" for each in COMMANDS])
def test_every_command_is_run_by_a_test_or_says_what_it_needs(command: Command) -> None:
    assert command.needs or _is_run(" ".join(command.words)), "no test runs it: mark the block with <!-- needs … -->"


@by_page
def test_every_command_in_a_line_is_run_by_a_test_or_is_known_not_to_be(page: Page) -> None:
    unknown = [
        text
        for text in _inline_commands(page)
        if not _is_run(text) and text not in NOT_RUN and text.split()[0] not in PROGRAMS_OF_OTHERS
    ]
    assert unknown == [], page.name


@pytest.mark.parametrize("command", sorted(RUN_BY))
def test_what_runs_a_command_is_there(command: str) -> None:
    runner = RUN_BY[command]
    if "::" in runner:
        path, _colons, name = runner.partition("::")
        assert f"\ndef {name}(" in (ROOT / path).read_text()
    elif runner in RUN_BY:
        assert RUN_BY[runner] != command
    else:
        assert re.search(rf"^{re.escape(command)}\b", (ROOT / runner).read_text(), re.MULTILINE)


def test_no_command_is_listed_that_stands_on_no_page() -> None:
    written = {" ".join(command.words) for command in COMMANDS}
    written |= {text for page in PAGES for text in _inline_commands(page)}
    assert {*RUN_BY, *NOT_RUN} - written == set()


def test_a_virtual_environment_and_an_inventory_are_made_as_the_pages_say(tmp_path: pathlib.Path) -> None:
    lines = [
        line for page in PAGES for block in page.blocks if block.language == "sh" for line in block.text.splitlines()
    ]
    wanted = [next(line for line in lines if line.startswith(name)) for name, test in RUN_BY.items() if test == FOLDERS]
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    script = "\n".join([*wanted, "command -v pip"])
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(tmp_path / "arm-workers/bin/pip"), done.stderr
    assert (tmp_path / "inventory/hosts.yml").is_file()


def _playbook_commands() -> list[tuple[str, ...]]:
    written = {each.words for each in COMMANDS if each.words[0] == "ansible-playbook"}
    for page in PAGES:
        written |= {tuple(text.split()) for text in page.inline if text.startswith("ansible-playbook multiarch.")}
    return sorted(written)


@pytest.mark.parametrize("words_", _playbook_commands(), ids=" ".join)
def test_every_playbook_command_is_one_that_ansible_understands(words_: tuple[str, ...]) -> None:
    from ansible.cli.playbook import PlaybookCLI

    try:
        PlaybookCLI(list(words_)).parse()
    except SystemExit:
        pytest.fail(f"ansible-playbook does not take {' '.join(words_[1:])}")
    given = [word for flag, word in zip(words_, words_[1:]) if flag in ("-e", "--extra-vars") and "=" in word]
    for setting in given:
        assert setting.partition("=")[0] in variables(), setting


def _run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = pathlib.Path(sys.prefix, "bin", arguments[0])
    return subprocess.run(
        [str(program), *arguments[1:]],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("playbook", sorted(path.stem for path in ROOT.glob("playbooks/*.yml")))
def test_every_playbook_passes_the_syntax_check_with_the_example_inventory(playbook: str) -> None:
    done = _run("ansible-playbook", f"multiarch.openshift.{playbook}", "-i", "examples/inventory", "--syntax-check")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("kind", "name"), sorted(DOCUMENTED))
def test_documentation_that_a_page_tells_to_read_is_there(kind: str, name: str) -> None:
    done = _run("ansible-doc", "-t", kind, name)
    assert done.returncode == 0, done.stderr


def test_the_collection_is_built_and_installed_as_the_pages_say(tmp_path: pathlib.Path) -> None:
    """The tarball's name is the pages' own; playbooks, modules and the example inventory are in it."""
    built = _run("ansible-galaxy", "collection", "build", "--output-path", str(tmp_path))
    assert built.returncode == 0, built.stderr
    names = {each.words[3] for each in COMMANDS if each.words[:3] == ("ansible-galaxy", "collection", "install")}
    assert names == {path.name for path in tmp_path.iterdir()}
    (name,) = names
    target = tmp_path / "collections"
    installed = _run(
        "ansible-galaxy",
        "collection",
        "install",
        "--offline",
        "--no-deps",
        "--force",
        str(tmp_path / name),
        "-p",
        str(target),
    )
    assert installed.returncode == 0, installed.stderr
    folder = target / "ansible_collections" / "multiarch" / "openshift"
    for part in (
        "playbooks/add_arm_workers.yml",
        "plugins/modules/plan.py",
        "examples/inventory/hosts.yml",
        "docs/flow.svg",
    ):
        assert (folder / part).is_file(), part


# -- the checks themselves ---------------------------------------------------------------------------------------------

SLIPS = [
    ("`machine_adresses` is required.", test_every_variable_of_the_inventory_on_a_page_is_read_by_something),
    ("```yaml\npublish_base_ur: http://192.0.2.5\n```\n", test_every_name_on_a_page_is_one_of_the_code),
    ("Set `approve_csrs_timout`.", test_every_name_on_a_page_is_one_of_the_code),
    ("The code is `aproved_by_other`.", test_every_name_on_a_page_is_one_of_the_code),
    ("Run `multiarch.openshift.add_arm_worker`.", test_every_playbook_role_and_plugin_on_a_page_exists),
    ("See `tests/unit/test_doc.py`.", test_every_path_on_a_page_exists),
    ("[there](inventory.md#the-sites)", test_every_link_leads_somewhere),
    ("[there](inventry.md)", test_every_link_leads_somewhere),
    ("`machine_ignition_delivery: verify`", test_every_example_of_machine_variables_is_accepted),
    (
        "```yaml\nmachine_network:\n  interfaces: [{name: eno1, dhpc: ipv4}]\n```\n",
        test_every_example_of_machine_variables_is_accepted,
    ),
    ("```yaml\napprove_csrs_ambiguous: newst\n```\n", test_every_example_of_role_variables_is_accepted),
    (
        "> it sent no request, and has fetched nothing from the web service (no line)",
        test_every_quoted_message_is_one_of_the_code,
    ),
    ("```\nworker-arm-1  node worker-arm-1 enlisted\n```\n", test_all_output_on_a_page_is_a_runs),
    (
        "| | what it prints |\n|---|---|\n| B2 | `worker-arm-1  fetched root file and worker-f9b11542dc3db4ca.ign` |\n",
        test_all_output_on_a_page_is_a_runs,
    ),
    ("<!-- needs luck -->\n```sh\nmake test\n```\n", test_every_block_has_a_known_language_and_a_known_marker),
]


@pytest.mark.parametrize(("text", "check"), SLIPS, ids=[text for text, _check in SLIPS])
def test_a_slip_of_the_pen_is_found(text: str, check: t.Callable[[Page], None]) -> None:
    with pytest.raises(AssertionError):
        check(Page(ROOT / "docs" / "page.md", text))


@pytest.mark.parametrize(
    "line", ["make tests", "ansible-playbok x.yml", "oc get csr", "pip install -r requirement.txt"]
)
def test_a_command_that_no_test_runs_is_found(line: str) -> None:
    (command,) = Page(ROOT / "docs" / "page.md", f"```sh\n{line}\n```\n").commands
    with pytest.raises(AssertionError):
        test_every_command_is_run_by_a_test_or_says_what_it_needs(command)


def test_a_command_in_a_line_that_no_test_runs_is_found() -> None:
    page = Page(ROOT / "docs" / "page.md", "`make all` does it.")
    with pytest.raises(AssertionError):
        test_every_command_in_a_line_is_run_by_a_test_or_is_known_not_to_be(page)


@pytest.mark.parametrize("options", [("--chek",), ("-e", "approve_csrs_timout=1")])
def test_a_slip_in_the_options_of_a_playbook_is_found(options: tuple[str, ...]) -> None:
    words_ = ("ansible-playbook", "multiarch.openshift.add_arm_workers", "-i", "inventory", *options)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test_every_playbook_command_is_one_that_ansible_understands(words_)
