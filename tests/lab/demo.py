# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job on a site in a box, to be watched: seven machines join, a node is left alone, a stranger stays out."""

from __future__ import annotations

import logging
import pathlib
import sys
import tempfile
import time

from lab import namespace
from lab.machines import MachineSpec
from lab.playbook import RunningPlaybook
from lab.site import Site
from lab.site import machine_spec
from lab.site import machine_specs
from support.paths import PROGRAMS

JOINING = [f"worker-arm-{number}" for number in range(1, 6)]
NODE = "worker-arm-6"
BY_HAND, BY_BMC = "worker-arm-7", "worker-arm-8"
STRANGER = "worker-arm-9"


def say(text: str) -> None:
    print(f"\n*** {text}\n", flush=True)


def follow(running: RunningPlaybook) -> None:
    """Prints what a run prints, as it does."""
    shown = 0
    while True:
        going_on = running.running
        output = running.output
        print(output[shown:], end="", flush=True)
        shown = len(output)
        if not going_on:
            return
        time.sleep(0.1)


def node_table(site: Site) -> list[str]:
    lines = [f"{'NAME':15} {'STATUS':9} {'ARCH':6} ADDRESS"]
    for node in site.api.list("/api/v1/nodes"):
        ready = any(item["type"] == "Ready" and item["status"] == "True" for item in node["status"]["conditions"])
        address = next(item["address"] for item in node["status"]["addresses"] if item["type"] == "InternalIP")
        architecture = node["status"]["nodeInfo"]["architecture"]
        lines.append(f"{node['metadata']['name']:15} {'Ready' if ready else 'NotReady':9} {architecture:6} {address}")
    return lines


def iso_machines() -> tuple[list[MachineSpec], str]:
    """One that a person installs and one that its BMC boots, and what is to be said of the latter."""
    by_hand, by_bmc = machine_spec(7, boot_method="iso"), machine_spec(8, boot_method="iso", bmc=True)
    if (PROGRAMS / "coreos-installer").exists():
        return [by_hand, by_bmc], f"{BY_BMC} by its BMC, from an ISO of its own that installs by itself"
    by_bmc.variables = {"machine_iso_install": "by_hand"}
    return [by_hand, by_bmc], (
        f"{BY_BMC} by its BMC, and by hand from there (what makes ISOs that install by themselves, coreos-installer, is"
        f" not in {PROGRAMS}: set KUBEBUILDER_ASSETS to a folder that has it)"
    )


def demo(site: Site, how_by_bmc: str) -> list[str]:
    """Shows everything; returns what did not come out as it should."""
    wrong = []
    site.existing_node(NODE)
    stranger = site.stranger().client_request(STRANGER)["metadata"]["name"]
    say(
        f"A cluster of three amd64 nodes; {NODE} is a node of it already, {', '.join(JOINING)} are not (GRUB and iPXE)."
        f" Two more boot an ISO: {BY_HAND} by hand, {how_by_bmc}."
        f" A stranger has asked for the certificate of {STRANGER} ({stranger})."
    )
    inventory = site.inventory()
    say("ansible-playbook multiarch.openshift.add_arm_workers -i inventory")
    with site.operator():
        running = site.start("add_arm_workers", inventory=inventory)
        follow(running)
        first = running.wait()
    if first.rc != 0:
        wrong.append("the run failed")
    if site.machines[NODE].events("boot_file"):
        wrong.append(f"{NODE} was given a boot file")
    if any(bmc.systems[0].images for bmc in site.bmcs.values()):
        wrong.append("an ISO was left in a BMC's drive")
    typed = site.install_directory / f"{BY_HAND}.txt"
    if typed.exists():
        say(f"A person has booted {BY_HAND} from the ISO and pasted what the run had said:")
        print(typed.read_text())
    say("The nodes of the cluster:")
    nodes = node_table(site)
    print("\n".join(nodes))
    missing = [name for name in (*JOINING, BY_HAND, BY_BMC) if not any(line.startswith(f"{name} ") for line in nodes)]
    if missing:
        wrong.append(f"{', '.join(missing)} did not join")
    request = site.api.get(f"/apis/certificates.k8s.io/v1/certificatesigningrequests/{stranger}")
    if request.get("status", {}).get("conditions"):
        wrong.append(f"{stranger} was decided on")
    say(f"The stranger's {stranger} is still pending. The same command again:")
    running = site.start("add_arm_workers", inventory=inventory)
    follow(running)
    second = running.wait()
    if second.rc != 0 or second.changed:
        wrong.append("the second run changed something")
    say(f"Second run: changed={second.changed}.")
    return wrong


def main() -> None:
    entry = namespace.enter()
    # the lab's servers mention every connection that a client cuts
    logging.disable(logging.CRITICAL)
    if not entry:
        say(f"Without the proof on port 10250: {entry.reason}.")
    machines, how_by_bmc = iso_machines()
    with (
        tempfile.TemporaryDirectory(prefix="multiarch-demo-") as directory,
        Site(pathlib.Path(directory), machines=[*machine_specs(6), *machines]) as site,
    ):
        wrong = demo(site, how_by_bmc)
    if wrong:
        sys.exit(f"The demo did not come out as it should: {'; '.join(wrong)}.")


if __name__ == "__main__":
    main()
