# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWX as code: the objects, their way into AWX, and the playbooks as AWX runs them."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from lab.site import Site
from lab.site import machine_specs
from support.awx import TOKEN
from support.awx import AwxStub
from support.pages import Page
from support.paths import ROOT

MakeSite = Callable[..., Site]
AWX = ROOT / "extensions" / "awx"
PROJECT = AWX / "project"
AWX_PAGE = Page(ROOT / "docs/awx.md", (ROOT / "docs/awx.md").read_text())
PROGRAMS = pathlib.Path(sys.prefix, "bin")
# It renders what a run has left in its folder; under AWX that folder went away with the job's container.
NOT_FOR_AWX = {"report"}
needs_awx = pytest.mark.skipif(
    importlib.util.find_spec("ansible_collections.awx") is None,
    reason="this ansible package has no awx.awx (14 and newer)",
)


@functools.cache
def objects() -> dict[str, Any]:
    """The data file as a playbook sees it."""
    loader = DataLoader()
    raw = loader.load_from_file(str(AWX / "objects.yml"), unsafe=False, trusted_as_template=True)
    values = Templar(loader=loader, variables=raw).template(raw)
    return dict(values)


def tasks() -> list[dict[str, Any]]:
    """Of the playbook that applies the data file: module, options and list of each."""
    (play,) = yaml.safe_load((AWX / "apply.yml").read_text())
    found = []
    for task in play["tasks"]:
        (module,) = [key for key in task if key.startswith("awx.awx.")]
        name = re.search(r"controller_\w+", task["loop"])
        assert name
        found.append({"module": module.rpartition(".")[2], "options": set(task[module]), "list": name[0]})
    return found


def playbooks() -> set[str]:
    return {path.stem for path in (ROOT / "playbooks").glob("*.yml")} - NOT_FOR_AWX


def survey_variables() -> list[str]:
    return [question["variable"] for question in objects()["multiarch_awx_survey"]["spec"]]


# --- the objects --------------------------------------------------------------------------------------------


def reader_into(specification: dict[str, Any]) -> Any:
    """Stands for the class that takes a module's argument specification, and ends the module there."""

    def read(argument_spec: Any, **_rest: Any) -> None:
        specification.update(argument_spec)
        raise SystemExit

    return read


@needs_awx
def test_every_object_fits_the_module_that_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in tasks():
        module = importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{task['module']}")
        specification: dict[str, Any] = {}

        monkeypatch.setattr(module, "ControllerAPIModule", reader_into(specification))

        with pytest.raises(SystemExit):
            module.main()
        for item in objects().get(task["list"], []):
            result = ArgumentSpecValidator(specification).validate(item)
            assert result.error_messages == [], (task["list"], item["name"])


def test_everything_in_the_data_file_is_applied() -> None:
    listed = {task["list"]: task["options"] for task in tasks()}
    assert {name for name in objects() if name.startswith("controller_")} == set(listed) - {"controller_credentials"}
    for name, options in listed.items():
        for item in objects().get(name, []):
            assert set(item) <= options, (name, item["name"])


def test_each_playbook_has_a_job_template_and_a_file_in_the_project() -> None:
    templates = objects()["controller_templates"]
    files = {path.stem for path in PROJECT.glob("*.yml")}
    assert files == playbooks() | {"workflow_result"}
    assert {template["playbook"] for template in templates} == {f"{name}.yml" for name in files}
    for name in playbooks():
        (play,) = yaml.safe_load((PROJECT / f"{name}.yml").read_text())
        assert play["ansible.builtin.import_playbook"] == f"multiarch.openshift.{name}"


def test_the_project_and_the_execution_environment_install_this_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    environment = yaml.safe_load((ROOT / "extensions/ee/execution-environment.yml").read_text())
    for collections in (
        yaml.safe_load((PROJECT / "collections" / "requirements.yml").read_text())["collections"],
        environment["dependencies"]["galaxy"]["collections"],
    ):
        assert {"name": "multiarch.openshift", "version": version} in collections
    assert objects()["multiarch_awx_image"].endswith(f":{version}")


def test_questions_are_about_the_site_and_need_no_answer() -> None:
    site = re.search(r"## The site\n(.*?)\n## ", (ROOT / "docs" / "inventory.md").read_text(), re.S)
    assert site
    documented = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^\| (.*?) \|", site[1], re.M))))
    roles = tuple(f"{path.name}_" for path in (ROOT / "roles").iterdir())
    for question in objects()["multiarch_awx_survey"]["spec"]:
        assert question["variable"] in documented
        assert not question["variable"].startswith(("machine_", *roles))
        assert question["required"] is False
        # AWX sends a default along even where nobody was asked, and so would hide the inventory
        assert "default" not in question


def test_no_two_jobs_run_at_once_and_each_takes_a_limit() -> None:
    for template in objects()["controller_templates"]:
        assert (template["allow_simultaneous"], template["job_slice_count"]) == (False, 1), template["name"]
        assert template["ask_limit_on_launch"], template["name"]
    (workflow,) = objects()["controller_workflows"]
    assert workflow["allow_simultaneous"] is False
    assert workflow["ask_limit_on_launch"]


def test_a_job_has_what_was_pushed_before_its_launch() -> None:
    """An inventory out of a project is as old as the project."""
    projects = {project["name"]: project for project in objects()["controller_projects"]}
    for source in objects()["controller_inventory_sources"]:
        assert source["update_on_launch"]
        assert projects[source["source_project"]]["scm_update_on_launch"]


def test_the_project_is_made_as_the_page_says(tmp_path: pathlib.Path) -> None:
    (block,) = [block for block in AWX_PAGE.blocks if "git init" in block.text]
    for name in ("extensions", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    somebody = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **somebody, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["sh", "-e", "-c", block.text], cwd=tmp_path, env=environment, check=True, capture_output=True)
    listed = subprocess.run(
        ["git", "-C", "arm-workers", "ls-files"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    (source,) = objects()["controller_inventory_sources"]
    assert {source["source_path"], "add_arm_workers.yml", "collections/requirements.yml"} <= set(listed.stdout.split())


def test_what_is_handed_on_hides_nothing_that_a_later_job_sets() -> None:
    """AWX gives it to later jobs as extra variables, which win over everything."""
    handed_on: set[str] = set()
    own: set[str] = set(survey_variables())
    for path in (*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").glob("*/*/*.yml")):
        content = yaml.safe_load(path.read_text())
        if path.parent.name in ("defaults", "vars"):
            own |= set(content)
        for task in _tasks_in(content):
            handed_on |= set(task.get("ansible.builtin.set_stats", {}).get("data", {}))
            own |= set(task.get("ansible.builtin.set_fact", {})) | {str(task.get("register"))}
    assert {"multiarch_payload", "multiarch_published", "multiarch_prepared", "multiarch_result"} <= handed_on
    assert handed_on & own == set()


def _tasks_in(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, list):
        return [task for item in content for task in _tasks_in(item)]
    if not isinstance(content, dict):
        return []
    return [content, *(task for value in content.values() for task in _tasks_in(value))]


# --- their way into AWX ---------------------------------------------------------------------------------------


def my_awx() -> dict[str, Any]:
    """The file my-awx.yml, as the page has it in two parts."""
    whole: dict[str, Any] = {}
    for block in AWX_PAGE.blocks:
        part = yaml.safe_load(block.text) if block.language == "yaml" else {}
        if "controller_credentials" in part:
            credentials = [*whole.get("controller_credentials", []), *part["controller_credentials"]]
            whole.update({**part, "controller_credentials": credentials})
    return whole


class Administrator:
    """Somebody in a folder of their own, with the files that the page names."""

    def __init__(self, folder: pathlib.Path, awx: AwxStub) -> None:
        self.folder = folder
        (folder / "extensions").symlink_to(ROOT / "extensions")
        (folder / "my-awx.yml").write_text(yaml.safe_dump(my_awx()))
        for name in ("api-ca.crt", "web-host-key", "bmc-ca.pem"):
            (folder / name).write_text(f"canary-{name}")
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
            "HOME": str(folder),
            "CONTROLLER_HOST": awx.url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            "K8S_AUTH_API_KEY": "canary-token",
            "MULTIARCH_BMC_PASSWORD": "canary-password",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "true",
        }

    def apply(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The page's own command."""
        (command,) = [each for each in AWX_PAGE.commands if each.words[0] == "ansible-playbook"]
        return subprocess.run(
            [str(PROGRAMS / command.words[0]), *command.words[1:], *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@needs_awx
def test_the_playbook_brings_them_into_awx_and_a_second_time_changes_nothing(tmp_path: pathlib.Path) -> None:
    with AwxStub(path.name for path in PROJECT.glob("*.yml")) as awx:
        administrator = Administrator(tmp_path, awx)
        first = administrator.apply("-vvvv")
        assert first.returncode == 0, first.stdout
        assert "canary" not in first.stdout + first.stderr
        written = list(awx.writes)
        again = administrator.apply()
        assert again.returncode == 0, again.stdout
        assert re.search(r"^localhost .* changed=0 ", again.stdout, re.M), again.stdout
        assert awx.writes == written

        assert_as_in_the_data_file(awx)


def assert_as_in_the_data_file(awx: AwxStub) -> None:
    (workflow,) = objects()["controller_workflows"]
    endpoint = "workflow_job_template_nodes"
    nodes = {node["identifier"]: awx.named(endpoint, node["identifier"]) for node in workflow["workflow_nodes"]}
    links = {
        name: (awx.names(endpoint, node, "success_nodes"), awx.names(endpoint, node, "always_nodes"))
        for name, node in nodes.items()
    }
    assert links == {
        "verify": (["publish"], []),
        "publish": (["prepare"], []),
        "prepare": ([], ["approve"]),
        "approve": ([], ["report"]),
        "report": ([], []),
    }
    templates = {node["identifier"]: node["unified_job_template"]["name"] for node in workflow["workflow_nodes"]}
    for name, node in nodes.items():
        assert node["unified_job_template"] == awx.named("job_templates", templates[name])["id"]
    add = awx.named("job_templates", "ARM workers: add")
    assert sorted(awx.names("job_templates", add, "credentials")) == ["BMCs", "OpenShift cluster", "web host"]
    assert awx.surveys["job_templates", add["id"]] == objects()["multiarch_awx_survey"]
    assert len(awx.surveys) == 1 + sum(template["survey_enabled"] for template in objects()["controller_templates"])
    # AWX's templates have reached AWX as they are
    injectors = awx.named("credential_types", "multiarch.openshift BMC")["injectors"]
    assert injectors["env"]["MULTIARCH_BMC_PASSWORD"] == "{{ password }}"


# --- the playbooks as AWX runs them -----------------------------------------------------------------------------


class Job:
    """One job: ansible-runner in a private data directory, as AWX fills it."""

    def __init__(self, site: Site, directory: pathlib.Path, inventory: str) -> None:
        self._site = site
        self.directory = directory
        self.token = site.plane.token("awx", ["system:masters"])
        shutil.copytree(PROJECT, directory / "project")
        (directory / "inventory").mkdir()
        (directory / "inventory" / "hosts.yml").write_text(inventory)
        (directory / "env").mkdir()
        self._number = 0

    def run(
        self,
        playbook: str,
        *,
        extra_vars: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        limit: str = "",
        check: bool = False,
    ) -> Outcome:
        self._number += 1
        envvars = {
            **{key: value for key, value in self._site.environment.items() if key != "K8S_AUTH_KUBECONFIG"},
            "HOME": str(self.directory),
            "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
            # as AWX's credential of type OpenShift or Kubernetes API Bearer Token
            "K8S_AUTH_HOST": self._site.plane.url,
            "K8S_AUTH_API_KEY": self.token,
            "K8S_AUTH_VERIFY_SSL": "True",
            "K8S_AUTH_SSL_CA_CERT": str(self._site.plane.ca_path),
            **(environment or {}),
        }
        variables = {"awx_job_id": self._number, "tower_job_id": self._number, **(extra_vars or {})}
        (self.directory / "env" / "extravars").write_text(json.dumps(variables))
        arguments = (["--limit", limit] if limit else []) + (["--check"] if check else [])
        (self.directory / "env" / "cmdline").write_text(shlex.join(arguments))
        runner = str(PROGRAMS / "ansible-runner")
        command = [runner, "run", str(self.directory), "-p", playbook, "-i", str(self._number)]
        done = subprocess.run(
            command, env=envvars, capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL
        )
        return Outcome(done.returncode, self.directory / "artifacts" / str(self._number), done.stdout + done.stderr)


class Outcome:
    """What AWX keeps of a job."""

    def __init__(self, rc: int, directory: pathlib.Path, said: str) -> None:
        self.rc = rc
        self.said = said
        events = [json.loads(path.read_text()) for path in directory.glob("job_events/*.json")]
        self.events = sorted(events, key=lambda event: event["counter"])
        self.stdout = "\n".join(event["stdout"] for event in self.events)

    @property
    def artifacts(self) -> dict[str, Any]:
        """What set_stats handed on."""
        (stats,) = [event for event in self.events if event["event"] == "playbook_on_stats"]
        return dict(stats["event_data"]["artifact_data"])

    @property
    def failed(self) -> list[str]:
        return sorted({event["event_data"]["host"] for event in self.events if event["event"] == "runner_on_failed"})


def inventory_of(site: Site) -> str:
    """The site's inventory, with a name for the web host: localhost is refused under AWX."""
    return site.inventory().read_text().replace("localhost:", "web1:")


def as_text(values: Mapping[str, str]) -> dict[str, str]:
    assert set(values) == set(survey_variables())
    return dict(values)


def test_the_workflow_joins_the_machines_of_its_limit_and_hands_on_no_secret(
    make_site: MakeSite, site_block: int
) -> None:
    site = make_site(machines=machine_specs(3, block=site_block))
    job = Job(site, site.directory / "job", inventory_of(site))
    secret = site.api.get("/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data-managed")
    # every answer is text, and AWX sends empty ones along
    empty = as_text(dict.fromkeys(survey_variables(), ""))
    mirror = f"{site.mirror.url}/art/storage/prod/streams/builds/{site.mirror.release}/aarch64"
    answers = as_text({**empty, "boot_artifacts_source": mirror})
    limit = "worker-arm-1,worker-arm-2"
    files = site.files()

    check = job.run("add_arm_workers.yml", extra_vars=empty, limit=limit, check=True)
    assert check.rc == 0, check.said
    assert site.files() == files
    assert set(check.artifacts["multiarch_result"]) == {"worker-arm-1", "worker-arm-2"}

    outcomes = []
    handed_on: dict[str, Any] = {}
    with site.operator():
        for name, extra in (
            ("verify_payload", empty),
            ("publish", answers),
            # nothing is left to download, so that the proxy is not asked
            ("prepare", as_text({**answers, "publish_proxy": "http://192.0.2.250:3128"})),
            # not a question of ours; a site that asks it gets text
            ("approve_csrs", {**empty, "approve_csrs_timeout": "60"}),
            ("workflow_result", empty),
        ):
            outcome = job.run(f"{name}.yml", extra_vars={**extra, **handed_on}, limit=limit)
            assert outcome.rc == 0, f"{name}: {outcome.said}"
            outcomes.append(outcome)
            handed_on.update(outcome.artifacts)
    assert handed_on["multiarch_payload"]["cluster"] == site.infrastructure_name
    assert [entry["pool"] for entry in handed_on["multiarch_published"]["ignition"]] == ["worker"]
    assert set(handed_on["multiarch_prepared"]) == {"worker-arm-1", "worker-arm-2"}
    assert all(handed_on["multiarch_prepared"].values())
    assert {name: entry["failed"] for name, entry in handed_on["multiarch_result"].items()} == {
        "worker-arm-1": False,
        "worker-arm-2": False,
    }
    assert site.node("worker-arm-1")
    assert site.node("worker-arm-3") is None
    assert site.boot_files("worker-arm-3") == []
    # who looks at the job while it runs sees the machines' progress
    assert re.search(r"worker-arm-1\s+client CSR csr-\S+ approved", outcomes[3].stdout)
    assert "worker-arm-2: proven" in outcomes[4].stdout

    kept = [path for path in (job.directory / "artifacts").rglob("*") if path.is_file()]
    # what ansible-runner writes of its own command holds the environment; AWX masks it
    texts = {path: path.read_text(errors="replace") for path in kept if path.name != "command"}
    assert len(texts) > 50
    for canary in (job.token, secret["data"]["userData"], '"merge"', r"\"merge\""):
        assert [path for path, text in texts.items() if canary in text] == []


def test_the_last_job_fails_for_each_machine_that_is_no_node(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(3, block=site_block))
    job = Job(site, site.directory / "job", inventory_of(site))
    result = {
        "worker-arm-1": {"failed": False, "line": "worker-arm-1: proven"},
        "worker-arm-2": {"failed": True, "line": "worker-arm-2: no certificate request came."},
    }
    outcome = job.run("workflow_result.yml", extra_vars={"multiarch_result": result})
    assert outcome.rc == 2
    assert outcome.failed == ["worker-arm-2", "worker-arm-3"]
    assert "no certificate request came" in outcome.stdout
    assert "worker-arm-3: no job handed on what became of it" in outcome.stdout


def test_a_job_is_refused_where_its_ca_was_never_saved_and_where_its_files_would_go_away(
    make_site: MakeSite, site_block: int
) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    since = len(site.plane.requests)
    job = Job(site, site.directory / "job", site.inventory().read_text())
    outcome = job.run("add_arm_workers.yml", environment={"K8S_AUTH_VERIFY_SSL": "False", "K8S_AUTH_SSL_CA_CERT": ""})
    assert outcome.rc == 2, outcome.said
    assert "paste the CA into 'Certificate Authority data'" in outcome.stdout
    assert "web_host is localhost, which under AWX is a container that goes away" in outcome.stdout
    assert len(site.plane.requests) == since


def test_the_inventory_takes_the_bmc_user_from_the_credential(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(2, block=site_block, methods=["external"]))
    names = {
        "username": "MULTIARCH_BMC_USERNAME",
        "password": "MULTIARCH_BMC_PASSWORD",
        "ca_path": "MULTIARCH_BMC_CA_PATH",
    }
    (bmc,) = [kind for kind in objects()["controller_credential_types"] if kind["name"] == "multiarch.openshift BMC"]
    assert set(bmc["injectors"]["env"]) == set(names.values())
    from_credential = {
        f"machine_bmc_{key}": f"{{{{ lookup('ansible.builtin.env', '{name}') }}}}" for key, name in names.items()
    }
    assert all(f'{key}: "{value}"' in (ROOT / "docs/awx.md").read_text() for key, value in from_credential.items())
    inventory = site.inventory(
        overrides={
            "worker-arm-1": {"machine_bmc_url": "https://192.0.2.9", **from_credential},
            "worker-arm-2": {"machine_bmc_url": "https://192.0.2.8"},
        }
    )
    job = Job(site, site.directory / "job", inventory.read_text().replace("localhost:", "web1:"))
    environment = {names["username"]: "admin", names["password"]: "canary-password", names["ca_path"]: ""}
    outcome = job.run("verify_payload.yml", environment=environment)
    assert outcome.rc == 2
    assert "worker-arm-2: machine_bmc_username is missing" in outcome.stdout
    assert "worker-arm-1:" not in outcome.stdout
    assert "canary-password" not in json.dumps(outcome.events)


# --- the execution environment ----------------------------------------------------------------------------------


def test_the_execution_environment_can_be_built(tmp_path: pathlib.Path) -> None:
    definition = ROOT / "extensions" / "ee" / "execution-environment.yml"
    arguments = ["create", "-f", str(definition), "-c", str(tmp_path / "context"), "--output-filename", "Containerfile"]
    subprocess.run(
        [str(PROGRAMS / "ansible-builder"), *arguments], check=True, capture_output=True, cwd=tmp_path, timeout=60
    )
    containerfile = (tmp_path / "context" / "Containerfile").read_text()
    assert 'EE_BASE_IMAGE="quay.io/centos/centos:stream9"' in containerfile
    assert "coreos-installer" in (tmp_path / "context/_build/bindep.txt").read_text().split()
    content = yaml.safe_load(definition.read_text())["dependencies"]
    pinned = [content["ansible_core"]["package_pip"], content["ansible_runner"]["package_pip"], *content["python"]]
    assert [text for text in pinned if not re.fullmatch(r"[-\w]+==[\d.]+", text)] == []


def test_the_collection_tells_the_builder_what_it_needs(tmp_path: pathlib.Path) -> None:
    needs = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text())["dependencies"]
    place = tmp_path / "ansible_collections" / "multiarch" / "openshift"
    (place / "meta").mkdir(parents=True)
    for name in ("execution-environment.yml", *(pathlib.Path(path).name for path in needs.values())):
        shutil.copy(ROOT / "meta" / name, place / "meta")
    (place / "MANIFEST.json").write_text("{}")
    answer = subprocess.run(
        [PROGRAMS / "ansible-builder", "introspect", tmp_path], check=True, capture_output=True, text=True, timeout=60
    )
    said = yaml.safe_load(answer.stdout)
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if not line.startswith(("#", "ansible"))]
    assert [line.partition("  #")[0] for line in said["python"]] == wanted
    assert any(line.startswith("coreos-installer ") for line in said["system"])


def test_nothing_at_run_time_reads_extensions() -> None:
    for folder in ("plugins", "roles", "playbooks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".yml"):
                assert "extensions/" not in path.read_text(), path
