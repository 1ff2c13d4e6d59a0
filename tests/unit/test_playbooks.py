# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for all playbooks and roles, and the inventory that users copy."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TASK_FILES = sorted((*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/tasks/*.yml")))

PLAN = """
- hosts: arm_workers
  gather_facts: false
  tasks:
    - multiarch.openshift.plan:
        group: "{{ groups['arm_workers'] }}"
        site:
          publish_directory: "{{ publish_directory }}"
          publish_base_url: "{{ publish_base_url }}"
          netboot_tftp_directory: "{{ netboot_tftp_directory | default('') }}"
          netboot_grub_directory: "{{ netboot_grub_directory | default('') }}"
      run_once: true
"""


def _tasks(content: t.Any) -> t.Iterator[dict[str, t.Any]]:
    if isinstance(content, list):
        for item in content:
            yield from _tasks(item)
    elif isinstance(content, dict):
        yield content
        for key in ("tasks", "pre_tasks", "post_tasks", "block", "rescue", "always"):
            yield from _tasks(content.get(key))


@pytest.mark.parametrize("path", TASK_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_starts_a_module_for_each_machine(path: pathlib.Path) -> None:
    """A task for all hosts of a play would be seen in a recap; one with a loop counts once there."""
    for task in _tasks(yaml.safe_load(path.read_text())):
        assert [key for key in task if key == "loop" or key.startswith("with_")] == [], task.get("name")


def test_the_inventory_that_users_copy_can_be_planned(tmp_path: pathlib.Path) -> None:
    playbook = tmp_path / "plan.yml"
    playbook.write_text(PLAN)
    done = subprocess.run(
        [pathlib.Path(sys.prefix, "bin", "ansible-playbook"), playbook, "-i", ROOT / "examples/inventory"],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "failed=0" in done.stdout
