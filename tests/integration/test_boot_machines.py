# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines that their BMCs boot, in the whole run, from the first check to proven nodes."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

import yaml

from lab.playbook import Run
from lab.site import BMC_PASSWORD
from lab.site import Site
from lab.site import machine_spec

MakeSite = Callable[..., Site]


def verdicts(run: Run) -> dict[str, str]:
    return dict(re.findall(r'"msg": "([-\w.]+): (.*)"', run.stdout.rpartition("TASK [Give the verdict]")[2]))


def test_bmcs_boot_machines_from_network_and_iso_and_one_without_is_asked_for(
    make_site: MakeSite, site_block: int
) -> None:
    specs = [
        machine_spec(1, block=site_block, bmc=True),
        machine_spec(2, block=site_block, bmc=True, boot_method="ipxe"),
        machine_spec(3, block=site_block, bmc=True, boot_method="iso"),
        machine_spec(4, block=site_block),
        machine_spec(5, block=site_block, bmc=True),
    ]
    site = make_site(machines=specs)
    site.existing_node("worker-arm-5")
    inventory = site.inventory()

    check = site.run("add_arm_workers", "--check", inventory=inventory)
    assert check.rc == 0, check.stdout
    assert all(bmc.changing_requests() == [] for bmc in site.bmcs.values())

    with site.operator():
        run = site.run("add_arm_workers", "-vvv", inventory=inventory)
    assert run.rc == 0, run.stdout
    said = verdicts(run)
    assert all(said[f"worker-arm-{number}"] == "proven" for number in range(1, 5)), said
    for name, target in (("worker-arm-1", "Pxe"), ("worker-arm-2", "Pxe"), ("worker-arm-3", "Cd")):
        assert f"{name}  powered on by its BMC, boots once from {target}" in run.stdout
        assert [event.details["target"] for event in site.machines[name].events("bmc_boot")] == [target]
    assert "worker-arm-4: power it on" in run.stdout
    assert "worker-arm-1: power it on" not in run.stdout
    # a node is neither restarted nor set to boot from elsewhere
    assert site.bmcs["worker-arm-5"].changing_requests() == []
    assert said["worker-arm-5"] == "proven, unchanged"
    assert BMC_PASSWORD not in run.stdout
    for path in run.directory.rglob("*"):
        assert path.is_dir() or BMC_PASSWORD not in path.read_text(errors="replace"), path


ROLE = """
- hosts: arm_workers
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        multiarch_machines: "{{ hostvars | multiarch.openshift.machines(ansible_play_hosts_all) }}"
      run_once: true
    - ansible.builtin.import_role:
        name: multiarch.openshift.boot_machines
      run_once: true
    - ansible.builtin.set_fact:
        multiarch_machines: "{{ boot_machines_result }}"
      run_once: true
    - ansible.builtin.debug:
        msg: "{{ item.name }} {{ item.stage }} {{ item.reason_code }} {{ item.bmc.target | default('-') }}"
      loop: "{{ multiarch_machines }}"
      run_once: true
    - ansible.builtin.import_role:
        name: multiarch.openshift.boot_machines
        tasks_from: disarm
      run_once: true
    - ansible.builtin.debug:
        msg: "{{ item.name }} disarmed {{ item.bmc | default('-') }}"
      loop: "{{ boot_machines_result }}"
      run_once: true
"""


def test_the_role_alone_asks_the_cluster_before_it_boots(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(machines=[machine_spec(number, block=site_block, bmc=True) for number in (1, 2)])
    site.existing_node("worker-arm-1")
    for bmc in site.bmcs.values():
        [system] = bmc.systems
        system.runs, system.power = None, "On"
    restart = {name: {"machine_power_policy": "restart"} for name in site.bmcs}
    playbook = tmp_path / "role.yml"
    playbook.write_text(ROLE)
    run = site.run(str(playbook), inventory=site.inventory(overrides=restart))
    assert run.rc == 0, run.stdout
    assert site.bmcs["worker-arm-1"].changing_requests() == []
    assert "worker-arm-2 armed  Pxe" in run.stdout


def test_the_role_alone_boots_marks_and_disarms(make_site: MakeSite, site_block: int, tmp_path: pathlib.Path) -> None:
    site = make_site(machines=[machine_spec(number, block=site_block, bmc=True) for number in (1, 2)])
    # no boot file is there: the machine finds nothing, and the override is spent all the same
    playbook = tmp_path / "role.yml"
    playbook.write_text(ROLE)
    wrong = {"worker-arm-2": {"machine_bmc_password": "wrong"}}
    run = site.run(str(playbook), inventory=site.inventory(overrides=wrong))
    assert run.rc == 0, run.stdout
    assert "worker-arm-1 armed  Pxe" in run.stdout
    assert "worker-arm-2 planned bmc_credentials -" in run.stdout
    assert "worker-arm-1 disarmed {}" in run.stdout
    # asked once when it was to boot, and not again when it was disarmed
    assert [request.status for request in site.bmcs["worker-arm-2"].requests] == [401]


STEPS = """
- ansible.builtin.import_playbook: multiarch.openshift.prepare  # which boots the machines at its end
- hosts: arm_workers
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: multiarch.openshift.approve_csrs
      run_once: true
      vars:
        approve_csrs_machines: "{{ boot_machines_result }}"
    - ansible.builtin.import_role:
        name: multiarch.openshift.boot_machines
        tasks_from: disarm
      run_once: true
      vars:
        boot_machines_machines: "{{ approve_csrs_result.machines }}"
    - ansible.builtin.debug:
        msg: "{{ item.name }} {{ item.stage }} {{ item.bmc }} {{ item.failed }}"
      loop: "{{ boot_machines_result }}"
      run_once: true
"""


def test_media_are_ejected_when_the_installed_system_shows(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(
        machines=[
            machine_spec(1, block=site_block, bmc=True, boot_method="iso"),
            machine_spec(2, block=site_block, bmc=True),
        ]
    )
    # this one keeps its override: cleared, it starts from its disk
    site.bmcs["worker-arm-2"].quirks = frozenset({"continuous"})
    playbook = tmp_path / "steps.yml"
    playbook.write_text(STEPS)
    run = site.run(str(playbook))
    assert run.rc == 0, run.stdout
    ejected = re.search(r"^worker-arm-1  \S+\.iso ejected by its BMC$", run.stdout, re.M)
    assert ejected, run.stdout
    assert ejected.start() < run.stdout.index("Eject media and clear boot overrides")
    assert "worker-arm-2  boot override cleared by its BMC" in run.stdout
    for number in (1, 2):
        assert f"worker-arm-{number} proven {{}} False" in run.stdout
    assert site.bmcs["worker-arm-1"].systems[0].images == []
    assert site.bmcs["worker-arm-2"].systems[0].enabled == "Disabled"
    # what was disarmed in between is only looked at when the run ends
    changing = [request.path for request in site.bmcs["worker-arm-1"].changing_requests()]
    assert len([path for path in changing if path.endswith("EjectMedia")]) == 1
    assert all(len(site.machines[name].events("bmc_boot")) == 1 for name in site.bmcs)


def test_what_prepare_has_armed_is_disarmed_by_approve_csrs(make_site: MakeSite, site_block: int) -> None:
    site = make_site(
        machines=[
            machine_spec(1, block=site_block, bmc=True, boot_method="iso"),
            machine_spec(2, block=site_block, bmc=True),
        ]
    )
    for bmc in site.bmcs.values():
        bmc.quirks = frozenset({"continuous"})
    prepared = site.run("prepare")
    assert prepared.rc == 0, prepared.stdout
    assert site.bmcs["worker-arm-1"].systems[0].images != []
    # the second playbook has only the inventory to go by
    run = site.run("approve_csrs")
    assert run.rc == 0, run.stdout
    assert verdicts(run) == {"worker-arm-1": "proven", "worker-arm-2": "proven"}
    for name, bmc in site.bmcs.items():
        assert (bmc.systems[0].images, bmc.systems[0].enabled) == ([], "Disabled"), name
    # when the installed system shows, not when the run ends
    ejected = re.search(r"^worker-arm-1  \S+\.iso ejected by its BMC$", run.stdout, re.M)
    cleared = run.stdout.index("worker-arm-2  boot override cleared by its BMC")
    assert ejected, run.stdout
    assert max(ejected.start(), cleared) < run.stdout.index("Eject media and clear boot overrides")
    assert site.boot_files("worker-arm-2") == []
    assert (run.directory / "multiarch-report" / "report.html").exists()


def test_a_machine_that_a_killed_run_has_had_installed_is_not_armed_and_installed_again(
    make_site: MakeSite, site_block: int
) -> None:
    # its boot file is withdrawn when it has fetched what it needs, minutes before its kubelet asks
    site = make_site(machines=[machine_spec(1, block=site_block, bmc=True, behaviour="network_first silent")])
    machine = site.machines["worker-arm-1"]
    running = site.start("add_arm_workers")
    running.wait_for_output("worker-arm-1  boot files withdrawn", 240)
    running.kill()
    running.wait()
    machine.wait_for("first_boot", 60)
    files, installed = site.boot_files("worker-arm-1"), len(machine.events("installed"))

    again = site.start("add_arm_workers")
    again.wait_for_output("is on and fetched rootfs and ignition", 240)
    assert site.boot_files("worker-arm-1") == files
    machine.spec.behaviour = frozenset({"network_first"})
    machine.start_kubelet()
    run = again.wait()
    assert run.rc == 0, run.stdout
    assert verdicts(run)["worker-arm-1"] == "proven", run.stdout
    assert [len(machine.events(name)) for name in ("bmc_boot", "installed")] == [1, installed]


HOOK = """
- name: Switch the sockets of the rack on
  ansible.builtin.copy:
    content: "{{ boot_machines_due | map(attribute='name') | join(' ') }}"
    dest: "{{ sockets }}"
    mode: "0600"
  delegate_to: localhost
"""


def test_the_sites_own_task_file_powers_machines_on(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(machines=[machine_spec(number, block=site_block) for number in (1, 2)])
    site.existing_node("worker-arm-2")
    hook, sockets = tmp_path / "power_on.yml", tmp_path / "sockets"
    hook.write_text(HOOK)
    inventory = site.inventory({"add_arm_workers_boot_hook": str(hook), "sockets": str(sockets)})

    check = site.run("add_arm_workers", "--check", inventory=inventory)
    assert check.rc == 0, check.stdout
    assert not sockets.exists()

    running = site.start("add_arm_workers", inventory=inventory)
    running.wait_for_output("Approve the requests of the machines")
    assert sockets.read_text() == "worker-arm-1"
    site.machines["worker-arm-1"].power_on()
    run = running.wait()
    assert run.rc == 0, run.stdout
    assert verdicts(run) == {"worker-arm-1": "proven", "worker-arm-2": "proven, unchanged"}
    assert "power it on" not in run.stdout


def test_inputs_of_all_steps_are_checked_before_prepare_publishes(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block)])
    files, requests = site.files(), len(site.plane.requests)
    run = site.run(
        "prepare", inventory=site.inventory({"boot_machines_parallel": "many", "prepare_iso_timeout": "long"})
    )
    assert run.rc == 2, run.stdout
    assert "role boot_machines: argument 'boot_machines_parallel'" in run.stdout
    assert "role prepare_iso: argument 'prepare_iso_timeout'" in run.stdout
    assert site.files() == files
    assert len(site.plane.requests) == requests


def test_an_unverified_cluster_is_refused_before_a_bmc_is_asked(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block, bmc=True)])
    content = yaml.safe_load(site.plane.kubeconfig().read_text())
    content["clusters"][0]["cluster"] = {"server": site.plane.url, "insecure-skip-tls-verify": True}
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(content))
    requests = len(site.plane.requests)
    run = site.run("add_arm_workers", environment={"K8S_AUTH_KUBECONFIG": str(kubeconfig)})
    assert run.rc == 2, run.stdout
    assert "insecure-skip-tls-verify" in run.stdout
    assert len(site.plane.requests) == requests
    assert site.bmcs["worker-arm-1"].requests == []
