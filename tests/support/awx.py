# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of AWX's REST API as awx.awx needs to define objects. Stricter than AWX, which ignores unknown fields."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

import jinja2
import jinja2.sandbox
from aiohttp import web

from lab.loop import LoopThread

TOKEN = "token-of-the-administrator"
PREFIX = "/api/v2"
# one, so that whoever reads only the first page sees too little
PAGE_SIZE = 1
TYPES = {
    "organizations": "organization",
    "credential_types": "credential_type",
    "credentials": "credential",
    "execution_environments": "execution_environment",
    "projects": "project",
    "inventories": "inventory",
    "inventory_sources": "inventory_source",
    "job_templates": "job_template",
    "workflow_job_templates": "workflow_job_template",
    "workflow_job_template_nodes": "workflow_job_template_node",
}
_PROMPTS = "job_type job_tags skip_tags limit diff_mode verbosity forks job_slice_count timeout scm_branch"
_ASK = (
    "diff_mode variables limit tags skip_tags job_type verbosity inventory credential execution_environment forks"
    " scm_branch instance_groups job_slice_count labels timeout"
)
_ASK_WORKFLOW = "variables inventory scm_branch limit labels skip_tags tags"


def _asked(names: str) -> str:
    return " ".join(f"ask_{name}_on_launch" for name in names.split())


# Fields that AWX 24.6 lets a client write, from its serializers
FIELDS = {
    "organizations": "name description max_hosts default_environment",
    "credential_types": "name description kind inputs injectors managed",
    "credentials": "name description organization credential_type inputs user team",
    "execution_environments": "name description organization image credential pull",
    "projects": "name description local_path scm_type scm_url scm_branch scm_refspec scm_clean scm_track_submodules"
    " scm_delete_on_update credential timeout organization scm_update_on_launch scm_update_cache_timeout"
    " allow_override default_environment signature_validation_credential",
    "inventories": "name description organization kind host_filter variables prevent_instance_group_fallback",
    "inventory_sources": "name description source source_path source_vars scm_branch credential enabled_var"
    " enabled_value host_filter overwrite overwrite_vars timeout verbosity limit execution_environment inventory"
    " update_on_launch update_cache_timeout source_project",
    "job_templates": f"name description organization inventory project playbook extra_vars {_PROMPTS} force_handlers"
    " start_at_task use_fact_cache execution_environment host_config_key survey_enabled become_enabled"
    " allow_simultaneous webhook_service webhook_credential prevent_instance_group_fallback " + _asked(_ASK),
    "workflow_job_templates": "name description extra_vars organization survey_enabled allow_simultaneous inventory"
    " limit scm_branch webhook_service webhook_credential skip_tags job_tags " + _asked(_ASK_WORKFLOW),
    "workflow_job_template_nodes": f"extra_data inventory {_PROMPTS} execution_environment workflow_job_template"
    " unified_job_template all_parents_must_converge identifier",
}
REFERENCES = {
    "organization": "organizations",
    "credential_type": "credential_types",
    "execution_environment": "execution_environments",
    "default_environment": "execution_environments",
    "project": "projects",
    "source_project": "projects",
    "inventory": "inventories",
    "workflow_job_template": "workflow_job_templates",
    "unified_job_template": "unified_job_templates",
}
UNIFIED = ("projects", "inventory_sources", "job_templates", "workflow_job_templates")
ASSOCIATIONS = {
    "job_templates": {"credentials": "credentials"},
    "workflow_job_template_nodes": dict.fromkeys(
        ("success_nodes", "failure_nodes", "always_nodes"), "workflow_job_template_nodes"
    ),
}
# What names an object among its like
IDENTITY = {
    "credentials": ("name", "organization", "credential_type"),
    "workflow_job_template_nodes": ("identifier", "workflow_job_template"),
    "inventory_sources": ("name", "inventory"),
}
QUESTION_KEYS = {
    "question_name", "question_description", "variable", "type", "required", "default", "choices", "min", "max",
}  # fmt: skip
FIELD_KEYS = {"id", "label", "type", "secret", "multiline", "help_text", "choices", "format", "ask_at_runtime"}
QUESTION_TYPES = ("text", "textarea", "password", "multiplechoice", "multiselect", "integer", "float")


class Refusal(Exception):
    """Answered with 400 and this, as AWX says it."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.body = {field: [text]}


class AwxStub:
    """The API; `with` starts it on a port of its own.

    :param playbooks: what the project's update finds
    """

    def __init__(self, playbooks: Iterable[str]) -> None:
        self.objects: dict[str, dict[int, dict[str, Any]]] = {endpoint: {} for endpoint in TYPES}
        self.surveys: dict[tuple[str, int], dict[str, Any]] = {}
        self.associated: dict[tuple[str, int, str], list[int]] = {}
        self.writes: list[str] = []
        self._playbooks = set(playbooks)
        self._updates: dict[int, int] = {}
        self._ids = itertools.count(1)
        self._loop = LoopThread("awx")
        self._runner: web.AppRunner | None = None
        self.url = ""
        self._add("organizations", {"name": "Default"})
        for name, kind in (("OpenShift or Kubernetes API Bearer Token", "kubernetes"), ("Machine", "ssh")):
            self._add("credential_types", {"name": name, "kind": kind})

    def __enter__(self) -> AwxStub:
        self._loop.run(self._start())
        return self

    def __exit__(self, *exception: object) -> None:
        if self._runner:
            self._loop.run(self._runner.cleanup())
        self._loop.close()

    def named(self, endpoint: str, name: str) -> dict[str, Any]:
        """The object of that name or identifier."""
        items = self.objects[endpoint].values()
        (found,) = [item for item in items if name in (item.get("name"), item.get("identifier"))]
        return found

    def names(self, endpoint: str, item: Mapping[str, Any], association: str) -> list[str]:
        """Names of what is associated with an object."""
        target = ASSOCIATIONS[endpoint][association]
        ids = self.associated.get((endpoint, item["id"], association), [])
        return [self.objects[target][i].get("name") or self.objects[target][i]["identifier"] for i in ids]

    async def _start(self) -> None:
        application = web.Application(middlewares=[self._answer_errors])
        routes = application.router
        routes.add_get(PREFIX + "/project_updates/{id}/", self._project_update)
        routes.add_route("*", PREFIX + "/{endpoint}/", self._collection)
        routes.add_route("*", PREFIX + "/{endpoint}/{id}/", self._object)
        routes.add_route("*", PREFIX + "/{endpoint}/{id}/survey_spec/", self._survey)
        routes.add_route("*", PREFIX + "/{endpoint}/{id}/{association}/", self._association)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"detail": "Authentication credentials were not provided."}, status=401)
        if request.method not in ("GET", "HEAD"):
            self.writes.append(f"{request.method} {request.path}")
        try:
            answer: web.StreamResponse = await handler(request)
        except Refusal as refusal:
            answer = web.json_response(refusal.body, status=400)
        except KeyError:
            answer = web.json_response({"detail": "Not found."}, status=404)
        answer.headers.update({"X-API-Product-Name": "AWX", "X-API-Product-Version": "24.6.1"})
        return answer

    # --- objects --------------------------------------------------------------------------------------------

    async def _collection(self, request: web.Request) -> web.Response:
        endpoint = request.match_info["endpoint"]
        if request.method == "GET":
            return self._page(request, self._found(endpoint, request.query))
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "POST"])
        values = await request.json()
        self._check(endpoint, values, None)
        return web.json_response(self._add(endpoint, values), status=201)

    async def _object(self, request: web.Request) -> web.Response:
        endpoint, item = request.match_info["endpoint"], self._item(request)
        if request.method == "PATCH":
            values = await request.json()
            self._check(endpoint, values, item)
            item.update(self._kept(endpoint, values))
        elif request.method != "GET":
            raise web.HTTPMethodNotAllowed(request.method, ["GET", "PATCH"])
        return web.json_response(item)

    def _item(self, request: web.Request) -> dict[str, Any]:
        return self.objects[request.match_info["endpoint"]][int(request.match_info["id"])]

    def _found(self, endpoint: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        endpoints: Iterable[str] = UNIFIED if endpoint == "unified_job_templates" else (endpoint,)
        items = [item for name in endpoints for item in self.objects[name].values()]
        known = {"name", "type", "organization"} if endpoint == "unified_job_templates" else FIELDS[endpoint].split()
        for key, value in query.items():
            if key == "page":
                continue
            if key not in known:
                raise Refusal("detail", f"{TYPES.get(endpoint, endpoint)} has no field named '{key}'")
            items = [item for item in items if str(item.get(key)) == value]
        return items

    @staticmethod
    def _page(request: web.Request, items: list[dict[str, Any]]) -> web.Response:
        page = int(request.query.get("page", 1))
        more = len(items) > page * PAGE_SIZE
        following = request.rel_url.update_query(page=page + 1)
        shown = items[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        return web.json_response(
            {"count": len(items), "next": str(following) if more else None, "previous": None, "results": shown}
        )

    def _add(self, endpoint: str, values: Mapping[str, Any]) -> dict[str, Any]:
        identifier = next(self._ids)
        url = f"{PREFIX}/{endpoint}/{identifier}/"
        item: dict[str, Any] = {
            field: "" if field in ("kind", "description") else None for field in FIELDS[endpoint].split()
        }
        item.update(self._kept(endpoint, values), id=identifier, type=TYPES[endpoint], url=url, summary_fields={})
        item["related"] = {"survey_spec": f"{url}survey_spec/"} if endpoint.endswith("job_templates") else {}
        self.objects[endpoint][identifier] = item
        if endpoint == "projects":
            item["scm_revision"] = ""
            return {**item, "summary_fields": {"current_update": {"id": identifier}}}
        return item

    @staticmethod
    def _kept(endpoint: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """As AWX stores what it was sent."""
        kept = dict(values)
        if endpoint == "inventories" and kept.get("kind") is None:
            kept["kind"] = ""
        if endpoint == "credentials":
            secret = ("bearer_token", "password", "ssh_key_data", "become_password", "token")
            kept["inputs"] = {key: "$encrypted$" if key in secret else value for key, value in kept["inputs"].items()}
        return kept

    async def _project_update(self, request: web.Request) -> web.Response:
        identifier = int(request.match_info["id"])
        self._updates[identifier] = self._updates.get(identifier, 0) + 1
        finished = self._updates[identifier] > 1
        if finished:
            self.objects["projects"][identifier]["scm_revision"] = "0" * 40
        return web.json_response({"id": identifier, "status": "successful" if finished else "running"})

    # --- what AWX refuses -----------------------------------------------------------------------------------

    def _check(self, endpoint: str, values: Mapping[str, Any], item: Mapping[str, Any] | None) -> None:
        for field in values:
            if field not in FIELDS[endpoint].split():
                raise Refusal(field, "this field is unknown")
        for field, target in REFERENCES.items():
            if values.get(field) is not None and values[field] not in self._ids_of(target):
                raise Refusal(field, f'Invalid pk "{values[field]}" - object does not exist.')
        whole = {**(item or {}), **values}
        same = IDENTITY.get(endpoint, ("name", "organization") if "organization" in FIELDS[endpoint] else ("name",))
        for other in self.objects[endpoint].values():
            if other is not item and all(other.get(field) == whole.get(field) for field in same):
                raise Refusal("__all__", f"{TYPES[endpoint]} with this {' and '.join(same)} already exists.")
        if endpoint == "credential_types":
            _check_credential_type(whole)
        if endpoint == "job_templates":
            self._check_playbook(whole)
        if endpoint == "inventory_sources" and not self._updated(whole["source_project"]):
            raise Refusal("source_project", "Project has not been updated.")

    def _ids_of(self, target: str) -> set[int]:
        endpoints = UNIFIED if target == "unified_job_templates" else (target,)
        return {identifier for endpoint in endpoints for identifier in self.objects[endpoint]}

    def _updated(self, project: int) -> bool:
        return bool(self.objects["projects"][project]["scm_revision"])

    def _check_playbook(self, template: Mapping[str, Any]) -> None:
        if not self._updated(template["project"]) or template["playbook"] not in self._playbooks:
            raise Refusal("playbook", "Playbook not found for project.")

    # --- surveys and associations ---------------------------------------------------------------------------

    async def _survey(self, request: web.Request) -> web.Response:
        item = self._item(request)
        key = (request.match_info["endpoint"], item["id"])
        if request.method == "GET":
            return web.json_response(self.surveys.get(key, {}))
        if request.method == "DELETE":
            self.surveys.pop(key, None)
            return web.json_response({})
        survey = await request.json()
        if set(survey) != {"name", "description", "spec"} or not survey["spec"]:
            return web.json_response({"error": "name, description and spec are needed"}, status=400)
        for question in survey["spec"]:
            if (
                not {"question_name", "variable", "type", "required"} <= set(question) <= QUESTION_KEYS
                or question["type"] not in QUESTION_TYPES
            ):
                return web.json_response({"error": f"not a question: {question}"}, status=400)
        self.surveys[key] = survey
        return web.json_response({})

    async def _association(self, request: web.Request) -> web.Response:
        endpoint, association = request.match_info["endpoint"], request.match_info["association"]
        target = self.objects[ASSOCIATIONS[endpoint][association]]
        item = self._item(request)
        ids = self.associated.setdefault((endpoint, item["id"], association), [])
        if request.method == "GET":
            return self._page(request, [target[identifier] for identifier in ids])
        values = await request.json()
        if values.get("disassociate"):
            ids.remove(values["id"])
            return web.Response(status=204)
        other = target[values["id"]]
        if association == "credentials" and other["credential_type"] in [target[i]["credential_type"] for i in ids]:
            raise Refusal("detail", "Cannot assign multiple credentials of one type.")
        if association.endswith("_nodes") and other["workflow_job_template"] != item["workflow_job_template"]:
            raise Refusal("detail", "The node is of another workflow.")
        ids.append(values["id"])
        return web.Response(status=204)


def _check_credential_type(values: Mapping[str, Any]) -> None:
    """Only clouds and networks can be added, and injectors can only name what the inputs have."""
    if values["kind"] not in ("cloud", "net"):
        raise Refusal("kind", "Must be a cloud or net.")
    names: dict[str, Any] = {field["id"]: "EXAMPLE" for field in values["inputs"]["fields"]}
    for field in values["inputs"]["fields"]:
        unknown = set(field) - FIELD_KEYS
        if unknown or field.get("type", "string") not in ("string", "boolean"):
            raise Refusal("inputs", f"Additional properties are not allowed: {sorted(unknown)}")
    if not set(values["inputs"].get("required", [])) <= set(names):
        raise Refusal("inputs", "required names no field")
    files = [name.partition(".")[2] for name in values["injectors"].get("file", {})]
    names["awx"] = {"filename": dict.fromkeys(files, "EXAMPLE_FILENAME") if any(files) else "EXAMPLE_FILENAME"}
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for kind, templates in values["injectors"].items():
        if kind not in ("file", "env", "extra_vars"):
            raise Refusal("injectors", f"{kind} is not valid")
        for name, template in templates.items():
            if kind == "env" and name.startswith("ANSIBLE_"):
                raise Refusal("injectors", f"Environment variable {name} may affect Ansible configuration")
            try:
                environment.from_string(template).render(names)
            except jinja2.UndefinedError as exc:
                raise Refusal("injectors", f"{name}: {exc}") from exc
