# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job: the shipped playbook, run by ansible-playbook, on a site in a box."""

from __future__ import annotations

import base64
import json
import pathlib
import re
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import pytest

from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import Timing
from lab.playbook import Run
from lab.site import BMC_PASSWORD
from lab.site import Site
from lab.site import machine_spec
from lab.site import machine_specs
from lab.web import WebServer

MakeSite = Callable[..., Site]
# what the run says of a machine at its end
VERDICT = re.compile(r'"msg": "(?P<line>(?P<name>[-\w.]+): .*)"')
HERE = pathlib.Path(__file__).parent
PLAYBOOKS = HERE.parents[1] / "playbooks"
# how long a machine has in tests of machines that never become nodes; honest ones need about two seconds
SHORT = {"approve_csrs_timeout": 12, "approve_csrs_heartbeat": 5}


def verdicts(run: Run) -> dict[str, str]:
    end = run.stdout.rpartition("TASK [Give the verdict]")[2]
    return {match["name"]: match["line"] for match in VERDICT.finditer(end)}


def assert_proven(site: Site, run: Run, names: Iterable[str]) -> None:
    said = verdicts(run)
    for name in names:
        node = site.node(name)
        assert node is not None, run.stdout
        assert {"type": "Ready", "status": "True"}.items() <= node["status"]["conditions"][-1].items(), run.stdout
        assert said[name].startswith(f"{name}: proven"), run.stdout
        assert site.boot_files(name) == []
        requests = site.requests_of(name)
        assert [bool(request["status"].get("certificate")) for request in requests] == [True, True]


def approved_by_the_run(site: Site) -> set[str]:
    return {approval.name for approval in site.plane.approvals}


def written_to_the_api(site: Site, since: int) -> list[str]:
    return [
        f"{request.verb} {request.path}"
        for request in site.plane.requests[since:]
        if request.user == "system:admin"
        and request.verb in ("create", "update", "patch", "delete")
        and "selfsubjectaccessreviews" not in request.path
    ]


def test_machines_join_a_node_is_left_alone_a_stranger_stays_out_and_a_second_run_changes_nothing(
    make_site: MakeSite, site_block: int
) -> None:
    site = make_site(machines=machine_specs(6, block=site_block))
    joining = [f"worker-arm-{number}" for number in range(1, 6)]
    site.existing_node("worker-arm-6")
    before_the_run = approved_by_the_run(site)
    stranger = site.stranger().client_request("worker-arm-7")["metadata"]["name"]
    inventory = site.inventory()

    # check mode writes nothing, anywhere
    files, since = site.files(), len(site.plane.requests)
    check = site.run("add_arm_workers", "--check", "--diff", inventory=inventory)
    assert check.rc == 0, check.stdout
    assert site.files() == files
    assert not site.install_directory.exists()
    assert {path.name for path in check.directory.iterdir()} == {"output.txt", ".ansible"}
    assert list(check.directory.rglob("*.ign")) == []
    assert written_to_the_api(site, since) == []
    assert all("would arm" in verdicts(check)[name] for name in joining), check.stdout
    assert "proven, unchanged" in verdicts(check)["worker-arm-6"]

    # the run
    with site.operator():
        run = site.run("add_arm_workers", inventory=inventory)
    assert run.rc == 0, run.stdout
    assert_proven(site, run, joining)
    requests = {request["metadata"]["name"] for name in joining for request in site.requests_of(name)}
    assert approved_by_the_run(site) - before_the_run == requests
    assert len(requests) == 10
    assert verdicts(run)["worker-arm-6"] == "worker-arm-6: proven, unchanged"
    assert site.machines["worker-arm-6"].events("boot_file") == []
    assert f"oc adm certificate approve {stranger}" in run.stdout
    for name in joining:
        assert re.search(rf"^{name}\s+client CSR csr-\S+ approved \(\d+\.\d s after it appeared\)", run.stdout, re.M)

    # a second run changes nothing and says so
    files = site.files()
    again = site.run("add_arm_workers", inventory=inventory)
    assert again.rc == 0, again.stdout
    assert again.changed == 0, again.stdout
    assert site.files() == files
    assert all("proven, unchanged" in line for line in verdicts(again).values())
    assert approved_by_the_run(site) - before_the_run == requests


def test_fifty_machines_join(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(50, block=site_block))
    with site.operator():
        run = site.run("add_arm_workers", timeout=200)
    assert run.rc == 0, run.stdout[-5000:]
    assert_proven(site, run, site.machines)
    # one task per machine, the verdict; everything else runs once, for all
    tasks = {counts["ok"] for host, counts in run.stats.items() if host not in ("localhost", "worker-arm-1")}
    assert tasks == {1}


def test_a_limit_touches_that_machine_alone(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(3, block=site_block))
    # a run with another limit has armed this one
    armed = site.run("prepare", "--limit", "worker-arm-3")
    assert armed.rc == 0, armed.stdout
    files = [path.read_bytes() for path in site.boot_files("worker-arm-3")]
    assert files
    with site.operator():
        run = site.run("add_arm_workers", "--limit", "worker-arm-1")
    assert run.rc == 0, run.stdout
    assert_proven(site, run, ["worker-arm-1"])
    assert site.boot_files("worker-arm-2") == []
    assert [path.read_bytes() for path in site.boot_files("worker-arm-3")] == files


def test_each_machine_fails_by_itself_with_its_reason(make_site: MakeSite, site_block: int) -> None:
    machines = [
        machine_spec(1, block=site_block),
        machine_spec(2, block=site_block, boot_method="ipxe", behaviour="silent"),
        machine_spec(3, block=site_block, behaviour="localhost"),
        machine_spec(4, block=site_block),  # the site has a boot file of its own for it
        machine_spec(5, block=site_block),  # a node of its name exists and is not Ready
        machine_spec(6, block=site_block),  # another node has its address
        machine_spec(7, block=site_block, boot_method="external"),
    ]
    site = make_site(machines=machines)
    foreign = site.grub_directory / f"grub.cfg-01-{machines[3].macs[0].replace(':', '-')}"
    foreign.write_text("# the site's own menu\n")
    site.existing_node("worker-arm-5", ready=False)
    site.existing_node("other-node", machines[5].addresses[0], ready=False)
    with site.operator():
        run = site.run("add_arm_workers", extra_vars=SHORT)
    said = verdicts(run)
    assert run.rc == 2, run.stdout
    assert_proven(site, run, ["worker-arm-1", "worker-arm-7"])
    assert run.failed == [f"worker-arm-{number}" for number in range(2, 7)]
    assert "sent no request" in said["worker-arm-2"], said
    assert "localhost.localdomain" in said["worker-arm-3"], said
    assert str(foreign) in said["worker-arm-4"], said
    assert foreign.read_text() == "# the site's own menu\n"
    assert "machine_replace_node_uid" in said["worker-arm-5"], said
    assert "other-node" in said["worker-arm-6"], said
    assert site.machines["worker-arm-5"].events("boot_file") == []
    for name in site.machines:
        assert site.boot_files(name) == ([foreign] if name == "worker-arm-4" else [])


STOPS: list[Any] = [
    pytest.param({"payload": "single"}, "oc adm upgrade --to-multi-arch", id="payload-single"),
    pytest.param({"payload": "unknown"}, "verify_payload_release_metadata", id="payload-unknown"),
    pytest.param({"payload": "migrating"}, "oc get clusterversion version --watch", id="payload-migrating"),
    pytest.param(
        {"architectures": ["x86_64"]},
        ".architectures.aarch64 is missing (there is only x86_64)",
        id="no-aarch64-in-the-stream",
    ),
    pytest.param({"leave_out": [("Secret", "worker-user-data-managed")]}, "worker-user-data-managed", id="no-secret"),
    pytest.param({"leave_out": [("ConfigMap", "coreos-bootimages")]}, "coreos-bootimages", id="no-configmap"),
]


@pytest.mark.parametrize(("site_values", "said"), STOPS)
def test_what_is_wrong_with_the_cluster_stops_the_run_before_anything_is_written(
    make_site: MakeSite, site_block: int, site_values: dict[str, Any], said: str
) -> None:
    site = make_site(machines=machine_specs(2, block=site_block), **site_values)
    files = site.files()
    run = site.run("add_arm_workers")
    assert run.rc == 2, run.stdout
    assert said in run.stdout
    assert run.failed == ["worker-arm-1", "worker-arm-2"]
    assert site.files() == files


def test_a_spec_2_stub_is_refused_and_the_managed_secret_named(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    secrets = "/api/v1/namespaces/openshift-machine-api/secrets"
    stub = site.api.get(f"{secrets}/worker-user-data-managed")
    stub["metadata"] = {"name": "worker-user-data", "namespace": "openshift-machine-api"}
    stub["data"]["userData"] = "eyJpZ25pdGlvbiI6eyJ2ZXJzaW9uIjoiMi4yLjAiLCJjb25maWciOnsiYXBwZW5kIjpbXX19fQ=="
    site.api.apply([stub])
    files = site.files()
    run = site.run("add_arm_workers", extra_vars={"export_ignition_secret_name": "worker-user-data"})
    assert run.rc == 2, run.stdout
    assert "2.2.0" in run.stdout
    assert "Use the Secret worker-user-data-managed" in run.stdout
    assert site.files() == files


@pytest.mark.parametrize(
    ("fault", "said"),
    [("wrong_bytes", "wanted"), ("not_found", "404")],
)
def test_a_bad_mirror_stops_the_run_and_arms_nothing(
    make_site: MakeSite, site_block: int, fault: str, said: str
) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    site.mirror.fault(fault, "*rootfs*")
    run = site.run("add_arm_workers")
    assert run.rc == 2, run.stdout
    assert "rootfs" in run.stdout
    assert said in run.stdout.lower()
    assert site.boot_files("worker-arm-1") == []
    assert not list(site.publish_directory.rglob("*rootfs*"))


def test_a_web_server_that_is_down_arms_nothing(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    site.web.stop()
    run = site.run("add_arm_workers")
    assert run.rc == 2, run.stdout
    assert f"Nothing serves {site.base_url}" in run.stdout
    assert site.boot_files("worker-arm-1") == []


def test_the_ignition_of_external_machines_is_uploaded(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block, boot_method="external")])
    folder = site.directory / "dav"
    folder.mkdir()
    credentials = ("publisher", "canary-password")
    with WebServer(folder, site.service_address(5), writable=True, credentials=credentials, loop=site.loop) as server:
        upload = {
            "publish_put_url": server.url,
            "publish_username": credentials[0],
            "publish_password": credentials[1],
        }
        with site.operator():
            run = site.run("add_arm_workers", "-vvv", inventory=site.inventory(upload))
    assert run.rc == 0, run.stdout
    assert_proven(site, run, ["worker-arm-1"])
    uploaded = list(folder.rglob("*.ign"))
    secret = site.api.get("/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data-managed")
    assert [path.read_bytes() for path in uploaded] == [base64.b64decode(secret["data"]["userData"])]
    assert "canary-password" not in run.stdout


def test_an_unreachable_web_host_gives_every_machine_its_verdict(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(2, block=site_block))
    inventory = site.inventory()
    content = (
        inventory.read_text()
        .replace("localhost:", "web.example.com:")
        .replace("ansible_connection: local", "ansible_connection: unplugged")
    )
    inventory.write_text(content)
    environment = {"ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins")}
    run = site.run("add_arm_workers", inventory=inventory, environment=environment)
    assert run.rc != 0, run.stdout
    assert set(verdicts(run)) == {"worker-arm-1", "worker-arm-2"}, run.stdout
    assert all("unreachable" in line for line in verdicts(run).values())


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("prepare_netboot : Look for nodes that exist", "unreachable"),
        ("Waiting for 2 machines", "may still be armed"),
    ],
)
def test_a_web_host_that_goes_away_ends_nothing_without_a_word(
    make_site: MakeSite, site_block: int, moment: str, said: str
) -> None:
    site = make_site(machines=machine_specs(2, block=site_block))
    torn = site.directory / "torn"
    inventory = site.inventory(SHORT)
    inventory.write_text(
        inventory.read_text()
        .replace("localhost:", "web.example.com:")
        .replace("ansible_connection: local", "ansible_connection: torn")
    )
    environment = {"ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins"), "TORN_WHEN": str(torn)}
    with site.operator():
        running = site.start("add_arm_workers", inventory=inventory, environment=environment)
        running.wait_for_output(moment, timeout=300)
        torn.touch()
        run = running.wait()
    assert run.rc != 0, run.stdout
    assert set(verdicts(run)) == {"worker-arm-1", "worker-arm-2"}, run.stdout
    assert all(said in line for line in verdicts(run).values()), verdicts(run)
    assert (run.directory / "multiarch-report/report.html").exists()


def test_a_bad_inventory_is_refused_with_all_problems_at_once(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(9, block=site_block))
    first = site.machines["worker-arm-1"].spec
    overrides: dict[str, dict[str, Any]] = {
        "worker-arm-2": {"machine_macs": None},
        "worker-arm-3": {"machine_macs": first.macs},
        "worker-arm-4": {"machine_addresses": ["somewhere"]},
        "worker-arm-5": {"machine_boot_method": "pxelinux"},
        "worker-arm-6": {"machine_install_device": "sda"},
        "worker-arm-7": {"machine_node_name": "Not_A_Name"},
        "worker-arm-8": {"machine_adresses": []},
        "worker-arm-9": {"machine_addresses": first.addresses, "machine_ignition_delivery": "hope"},
    }
    extra = {"publish_base_url": "https://web.example.com", "approve_csrs_timeout": "soon"}
    since, files = len(site.plane.requests), site.files()
    run = site.run("add_arm_workers", inventory=site.inventory(extra, overrides))
    assert run.rc == 2, run.stdout
    for said in (
        "worker-arm-2: machine_macs is missing",
        "worker-arm-1, worker-arm-3: the MAC address",
        "worker-arm-4: machine_addresses: 'somewhere' is not an IP address",
        "worker-arm-5: machine_boot_method pxelinux does not boot aarch64",
        "worker-arm-6: machine_install_device is 'sda'",
        "'Not_A_Name' cannot be a node's name",
        "do you mean machine_addresses?",
        f"worker-arm-1, worker-arm-9: the address {first.addresses[0]}",
        "worker-arm-9: machine_ignition_delivery is 'hope'",
        "publish_base_url is https://web.example.com",
        "role approve_csrs: argument 'approve_csrs_timeout'",
    ):
        assert said in run.stdout, said
    assert site.files() == files
    assert len(site.plane.requests) == since
    assert len(verdicts(run)) == 9


def test_an_empty_group_is_an_error_of_each_playbook(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    inventory = site.inventory(machines=[])
    # a report is of a run that was, whoever is in the inventory now
    for playbook in sorted({path.stem for path in PLAYBOOKS.glob("*.yml")} - {"report"}):
        run = site.run(playbook, inventory=inventory)
        assert run.rc == 2, (playbook, run.stdout)
        assert "The group arm_workers is empty" in run.stdout, playbook


def test_the_api_may_restart_in_the_middle(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(4, block=site_block))
    with site.operator():
        running = site.start("add_arm_workers", extra_vars={"approve_csrs_timeout": 60})
        running.wait_for_output("client CSR")
        site.plane.faults.restart(2.0)
        run = running.wait()
    assert run.rc == 0, run.stdout
    assert_proven(site, run, site.machines)


def test_a_killed_run_is_taken_up_by_the_next(make_site: MakeSite, site_block: int) -> None:
    machines = [
        machine_spec(1, block=site_block),
        machine_spec(2, block=site_block, behaviour="dead"),
    ]
    # between the two approvals there is time to kill the run
    site = make_site(machines=machines, timing=Timing(serving_delay=3.0))
    with site.operator():
        running = site.start("add_arm_workers")
        running.wait_for_output("node worker-arm-1 registered")
        running.kill()
        running.wait()
        client, serving = site.requests_of("worker-arm-1", CLIENT_SIGNER), site.machines["worker-arm-1"]
        assert [bool(request["status"].get("certificate")) for request in client] == [True]
        serving.wait_for("serving_csr")
        assert site.boot_files("worker-arm-2"), "the killed run leaves the other machine armed"
        run = site.run("add_arm_workers", extra_vars=SHORT)
    assert_proven(site, run, ["worker-arm-1"])
    assert run.failed == ["worker-arm-2"]
    assert site.boot_files("worker-arm-2") == []


def test_no_secret_leaves_the_run(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[machine_spec(1, block=site_block, bmc=True), machine_spec(2, block=site_block)])
    token = site.plane.token("canary-user", ["system:masters"])
    ignition = site.api.get("/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data-managed")
    authority = json.loads(base64.b64decode(ignition["data"]["userData"]))["ignition"]["security"]["tls"]
    stretch = authority["certificateAuthorities"][0]["source"].partition(",")[2][200:240]
    uploads = {"publish_put_url": f"http://{site.service_address(6)}:9/", "publish_token": "canary-upload-token"}
    canaries = [token, ignition["data"]["userData"], stretch, BMC_PASSWORD, '"merge"', r"\"merge\"", "canary-"]
    environment = {
        "K8S_AUTH_KUBECONFIG": "",
        "K8S_AUTH_HOST": site.plane.url,
        "K8S_AUTH_API_KEY": token,
        "K8S_AUTH_SSL_CA_CERT": str(site.plane.ca_path),
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(site.directory / "facts"),
    }

    def run(overrides: dict[str, Any], *, rc: int) -> Run:
        result = site.run(
            "add_arm_workers",
            "-vvv",
            "--diff",
            inventory=site.inventory({**SHORT, **uploads}, overrides),
            environment=environment,
        )
        assert result.rc == rc, result.stdout
        left = {path for path in result.directory.rglob("*") if path.is_file()}
        assert {"output.txt", "report.json", "report.html", "events.jsonl"} <= {path.name for path in left}
        left |= {path for path in site.directory.rglob("facts/*") if path.is_file()}
        for canary in canaries:
            assert len(canary) > 6
            assert [path for path in left if canary in path.read_text(errors="replace")] == []
        return result

    # where something fails, its arguments are likeliest to be printed
    site.mirror.fault("not_found", "*rootfs*", methods=["GET"])
    stopped = run({}, rc=2)
    assert "404" in verdicts(stopped)["worker-arm-1"], verdicts(stopped)
    site.mirror.web.faults.clear()
    refused = run({"worker-arm-1": {"machine_bmc_password": "canary-wrong"}}, rc=2)
    assert "refuses user and password" in verdicts(refused)["worker-arm-1"], verdicts(refused)
    with site.operator():
        joined = run({}, rc=0)
    assert "powered on by its BMC" in joined.stdout
    assert len(list(site.publish_directory.rglob("*.ign"))) == 1
