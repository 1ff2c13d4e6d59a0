# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first step of every playbook: everything that can be known to be wrong before anything is touched."""

from __future__ import annotations

import contextlib
import os
import pathlib
import typing as t

import yaml
from ansible.errors import AnsibleActionFail
from ansible.errors import AnsibleUndefinedVariable
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kube import refuse_unverified
from ansible_collections.multiarch.openshift.plugins.module_utils._machine import plan
from ansible_collections.multiarch.openshift.plugins.module_utils._site import site_problems
from ansible_collections.multiarch.openshift.plugins.modules.plan import ARGUMENT_SPEC
from ansible_collections.multiarch.openshift.plugins.plugin_utils._environment import apply_environment

_ROLES = pathlib.Path(__file__).resolve().parents[2] / "roles"


def _role_problems(role: str, variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> list[str]:
    """What the role's own argument specification will refuse once the role starts."""
    specification = yaml.safe_load((_ROLES / role / "meta" / "argument_specs.yml").read_text())
    options = specification["argument_specs"]["main"]["options"]
    # the records come from the step before; everything else is known now
    given = {}
    for name in options:
        # the records, and what an earlier step leaves to a later one, do not exist yet
        if name == f"{role}_machines" or name not in variables:
            continue
        with contextlib.suppress(AnsibleUndefinedVariable):
            given[name] = template(variables[name])
    result = ArgumentSpecValidator({name: _checked_part(options[name]) for name in given}).validate(given)
    # what follows the second colon names Python's classes, not the user's value
    return [f"role {role}: {message.partition(': ')[0]}." for message in result.error_messages]


def _checked_part(option: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        key: value for key, value in option.items() if key in ("type", "elements", "choices", "required", "options")
    }


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        variables = task_vars or {}
        result = super().run(tmp, variables)
        _validation, arguments = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        apply_environment(self._task.environment)
        groups = variables["groups"]
        hosts = list(arguments["hosts"] or variables["ansible_play_hosts_all"])
        machines, problems = plan(variables["hostvars"], hosts, arguments["group"] or [])
        site = {name: str(value or "") for name, value in (arguments["site"] or {}).items()}
        if site:
            problems += site_problems(
                site,
                machines,
                web_hosts=list(groups.get("web_host", [])),
                tftp_hosts=list(groups.get("tftp_host", [])),
                on_awx="awx_job_id" in variables,
            )
        for role in arguments["roles"] or []:
            problems += _role_problems(role, variables, self._templar.template)
        try:
            refuse_unverified(arguments, os.environ)
        except OperationError as exc:
            problems.append(str(exc))
        if problems:
            raise AnsibleActionFail(
                "\n".join([f"Nothing was touched: {len(problems)} problem(s) in the inventory.", *problems])
            )
        for machine in machines:
            for warning in machine["warnings"]:
                result.setdefault("warnings", []).append(f"{machine['name']}: {warning}")
        return {**result, "changed": False, "machines": machines}
