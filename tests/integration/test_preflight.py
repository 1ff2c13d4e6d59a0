# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The preflight on a site in a box: what it finds, and that it writes nothing."""

from __future__ import annotations

import datetime
import pathlib
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import a_file
from ansible_collections.multiarch.openshift.plugins.module_utils._web_host_look import look
from lab import namespace
from lab import objects
from lab.bmc import Bmc
from lab.bmc import BmcSystem
from lab.mcs import MachineConfigServer
from lab.nginx import nginx_program
from lab.pki import Authority
from lab.pki import certificate_pem
from lab.pki import general_names
from lab.pki import key_pem
from lab.pki import subject
from lab.playbook import Run
from lab.site import Site
from lab.site import machine_spec
from lab.site import machine_specs
from lab.web import WebServer

MakeSite = Callable[..., Site]
HERE = pathlib.Path(__file__).parent
MANIFEST = HERE.parents[1] / "docs/rbac.yml"
OPERATOR = "system:serviceaccount:multiarch-openshift:add-arm-workers"
ROW = re.compile(r"^(ok|warn|fail)  ( *)(\w+) ")
ACCEPT = "application/vnd.coreos.ignition+json;version=3.4.0, */*;q=0.1"


def rows(run: Run) -> dict[str, str]:
    """The verdict of each check, as the table shows it."""
    return {match[3]: match[1] for match in map(ROW.match, run.stdout.splitlines()) if match is not None}


def writes(site: Site, since: int) -> list[str]:
    return [
        f"{request.verb} {request.path}"
        for request in site.plane.requests[since:]
        if request.user == "system:admin"
        and request.verb in ("create", "update", "patch", "delete")
        and "selfsubjectaccessreviews" not in request.path
    ]


def test_a_sound_site_has_no_failed_check_and_nothing_is_written(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(3, block=site_block))
    (site.publish_directory / "readme.txt").write_text("served by the site already\n")
    files, since = site.files(), len(site.plane.requests)
    run = site.run("preflight")
    assert run.rc == 0, run.stdout
    found = rows(run)
    assert "fail" not in found.values(), run.stdout
    fine = ("access", "payload", "pools", "ignition", "ignition_ca", "boot_artifacts", "existing_nodes", "clocks")
    assert all(found[check] == "ok" for check in (*fine, "web_server", "publish_folder", "no_proxy")), run.stdout
    # the lab has no resolver
    assert found["dns_forward"] == found["dns_reverse"] == "warn"
    assert "machine_taints: [{key: multiarch.openshift.io/arch, value: arm64, effect: NoSchedule}]" in run.stdout
    assert run.changed == 0
    assert site.files() == files
    assert writes(site, since) == []
    if site.proof_possible:
        assert found["machine_config_server"] == "ok", run.stdout
        # by HEAD: the answer to GET holds the bootstrap token
        assert [(asked.method, asked.path, asked.accept) for asked in site.machine_config.requests] == [
            ("HEAD", "/config/worker", ACCEPT)
        ]


def test_everything_that_is_wrong_is_found_in_one_run(make_site: MakeSite, site_block: int) -> None:
    machines = [machine_spec(1, block=site_block), machine_spec(2, block=site_block)]
    site = make_site(machines=machines, payload="single", leave_out=[("ConfigMap", "coreos-bootimages")])
    site.machine_config.broken = True
    site.web.stop()
    site.existing_node("other-node", machines[1].addresses[0], ready=False, architecture="x86_64")
    agent = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "agent", "namespace": "default"}}
    labels = {"app": "agent"}
    container = {"name": "agent", "image": "registry.example.com/agent"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    pool = site.api.get("/apis/machineconfiguration.openshift.io/v1/machineconfigpools/worker")
    pool["spec"]["paused"] = True
    site.api.apply(
        [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}},
            {**agent, "spec": {"selector": {"matchLabels": labels}, "template": template}},
            pool,
        ]
    )
    loop = [site.stranger().client_request(f"node-{number}")["metadata"]["name"] for number in range(2)]
    for name in loop:
        site.approve(name)
    files = site.files()
    run = site.run("add_arm_workers")
    assert run.rc == 2, run.stdout
    found = rows(run)
    failed = {check for check, verdict in found.items() if verdict == "fail"}
    expected = {"payload", "boot_artifacts", "web_server", "existing_nodes"}
    assert failed - {"machine_config_server"} == expected, run.stdout
    assert ("machine_config_server" in failed) == site.proof_possible, run.stdout
    warned = {check for check, verdict in found.items() if verdict == "warn"}
    assert {"pools", "amd64_only_work", "other_approvers"} <= warned, run.stdout
    for said in ("default/agent", "Something approves kubelets' requests by itself", "other-node", "--to-multi-arch"):
        assert said in " ".join(run.stdout.split()), said
    # every machine has its verdict, and the check that stops them is in it
    assert run.failed == ["worker-arm-1", "worker-arm-2"]
    assert site.files() == files


def test_missing_rights_are_named_and_the_other_checks_run(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    site.api.apply(
        objects.rights(
            "reader",
            [
                {"apiGroups": ["config.openshift.io"], "resources": ["*"], "verbs": ["get"]},
                {"apiGroups": ["machineconfiguration.openshift.io"], "resources": ["*"], "verbs": ["get", "list"]},
                {"apiGroups": [""], "resources": ["namespaces", "nodes", "configmaps"], "verbs": ["get", "list"]},
            ],
        )
    )
    environment = {
        "K8S_AUTH_KUBECONFIG": "",
        "K8S_AUTH_HOST": site.plane.url,
        "K8S_AUTH_API_KEY": site.plane.token("reader"),
        "K8S_AUTH_SSL_CA_CERT": str(site.plane.ca_path),
    }
    run = site.run("preflight", environment=environment)
    assert run.rc == 2, run.stdout
    found = rows(run)
    assert {check for check, verdict in found.items() if verdict == "fail"} == {"access", "ignition", "other_approvers"}
    assert (found["payload"], found["existing_nodes"]) == ("ok", "warn"), run.stdout
    said = " ".join(run.stdout.split())
    assert "BareMetalHosts are not comparable: the account may not list them" in said
    assert "get secrets named worker-user-data-managed in openshift-machine-api" in said
    assert "approve signers of certificates.k8s.io named kubernetes.io/kubelet-serving" in said


def test_the_manifest_gives_every_right_that_a_row_needs(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    site.api.apply(yaml.safe_load(MANIFEST.read_text())["items"])
    run = site.run(
        "preflight", environment={"K8S_AUTH_KUBECONFIG": str(site.plane.kubeconfig(token=site.plane.token(OPERATOR)))}
    )
    assert run.rc == 0, run.stdout
    found = rows(run)
    assert (found["access"], found["no_proxy"]) == ("ok", "ok"), run.stdout
    said = " ".join(run.stdout.split())
    assert "there is no ClusterPodPlacementConfig" in said
    assert "(docs/rbac.yml)" not in said


def test_a_cluster_that_is_away_costs_its_own_rows_alone(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    away = {"K8S_AUTH_KUBECONFIG": "", "K8S_AUTH_HOST": "https://127.0.0.1:1", "K8S_AUTH_API_KEY": "none"}
    run = site.run("preflight", environment={**away, "ANSIBLE_SHOW_CUSTOM_STATS": "true"})
    assert run.rc == 2, run.stdout
    found = rows(run)
    assert found["cluster"] == "fail", run.stdout
    assert found["publish_folder"] == "ok", run.stdout
    assert "payload" not in found
    assert "name_form" not in found
    assert "the API did not tell its time" in " ".join(run.stdout.split())
    # also where it stops
    assert "multiarch_preflight" in run.stdout.rpartition("CUSTOM STATS")[2]


def test_bmcs_are_asked_by_the_plugin_of_the_run_and_a_wrong_password_stops_no_other(
    make_site: MakeSite, site_block: int, tmp_path: pathlib.Path
) -> None:
    site = make_site(machines=machine_specs(2, block=site_block))
    authority = Authority(tmp_path, "bmc-ca")
    tls = authority.server("bmc", ["127.0.0.1"])
    overrides, bmcs = {}, []
    for name, password in (("worker-arm-1", "lab-secret"), ("worker-arm-2", "another-secret")):
        bmc = Bmc([BmcSystem(site.machines[name].spec.macs)], loop=site.loop, tls=tls).start()
        bmcs.append(bmc)
        overrides[name] = {
            "machine_bmc_url": bmc.url,
            "machine_bmc_username": "lab-operator",
            "machine_bmc_password": password,
            "machine_bmc_ca_path": str(authority.certificate_path),
        }
    try:
        run = site.run("preflight", inventory=site.inventory(overrides=overrides))
    finally:
        for bmc in bmcs:
            bmc.close()
    assert run.rc == 0, run.stdout
    assert rows(run)["bmc"] == "fail", run.stdout
    assert "1 of 2 BMCs: worker-arm-2" in " ".join(run.stdout.split())
    assert "another-secret" not in run.stdout
    assert [bmc.changing_requests() for bmc in bmcs] == [[], []]


def with_tftp_host(site: Site, path: pathlib.Path, **variables: Any) -> pathlib.Path:
    """The inventory with a host of its own for TFTP."""
    content = yaml.safe_load(path.read_text())
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    content["all"]["children"]["tftp_host"] = {"hosts": {"tftp.example.com": {**here, **variables}}}
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_tftp_host_of_its_own_is_looked_at_and_its_absence_stops_the_run(
    make_site: MakeSite, site_block: int
) -> None:
    site = make_site(machines=machine_specs(1, block=site_block))
    inventory = with_tftp_host(site, site.inventory(), ansible_host="127.0.0.1")
    run = site.run("preflight", inventory=inventory)
    assert run.rc == 0, run.stdout
    # the lab has no TFTP server
    assert rows(run)["tftp_host"] == "warn", run.stdout
    assert "No TFTP server answers at 127.0.0.1 port 69" in " ".join(run.stdout.split())

    missing = with_tftp_host(site, site.inventory({"netboot_tftp_directory": str(site.directory / "absent")}))
    run = site.run("add_arm_workers", inventory=missing)
    assert run.rc == 2, run.stdout
    assert rows(run)["tftp_host"] == "fail"
    assert "absent does not exist on tftp.example.com" in " ".join(run.stdout.split())

    away = with_tftp_host(site, site.inventory(), ansible_connection="unplugged")
    environment = {"ANSIBLE_CONNECTION_PLUGINS": str(HERE / "connection_plugins")}
    run = site.run("preflight", inventory=away, environment=environment)
    found = rows(run)
    assert found["tftp_host"] == "fail", run.stdout
    assert "tftp.example.com is unreachable" in " ".join(run.stdout.split())
    # all other rows are there
    assert found["publish_folder"] == found["web_host"] == "ok"
    assert site.boot_files("worker-arm-1") == []


def test_uploads_and_the_maker_of_isos_are_looked_at_where_they_are_used(make_site: MakeSite, site_block: int) -> None:
    machines = [
        machine_spec(1, block=site_block, boot_method="external"),
        machine_spec(2, block=site_block, boot_method="iso", variables={"machine_iso_install": "unattended"}),
    ]
    site = make_site(machines=machines)
    folder = site.directory / "dav"
    account = ("publisher", "canary-password")
    with WebServer(
        folder, site.service_address(5), writable=True, credentials=account, protect_reads=True, loop=site.loop
    ) as server:
        variables = {
            "publish_put_url": server.url,
            "publish_username": account[0],
            "publish_password": account[1],
            "publish_proxy": "http://127.0.0.1:1",
            "iso_installer_command": ["coreos-installer-absent"],
        }
        run = site.run("preflight", "-vvv", inventory=site.inventory(variables))
        assert run.rc == 0, run.stdout
        assert rows(run)["upload"] == "ok", run.stdout
        # fails the machines that need it; the others go on
        assert rows(run)["iso_installer"] == "fail"
        # the proxy for downloads is none for the cluster
        assert rows(run)["cluster"] == "ok"
        assert account[1] not in run.stdout
        wrong = site.inventory({**variables, "publish_password": "mistyped"})
        run = site.run("add_arm_workers", inventory=wrong)
    assert run.rc == 2, run.stdout
    assert rows(run)["upload"] == "fail"
    assert "Check publish_username and publish_password" in " ".join(run.stdout.split())
    assert list(folder.iterdir()) == []


# -- the look from the web host ----------------------------------------------------------------------------------------


@pytest.fixture
def asked(make_site: MakeSite, site_block: int) -> Callable[..., Any]:
    """Asks a machine-config server that this certificate belongs to; `loop` is the site's."""
    if not namespace.inside():
        pytest.skip("the lab has no addresses of its own here")
    site = make_site(machines=[])

    def ask(authority: Authority, trusted: Authority, *, pool: str = "worker", broken: bool = False) -> Any:
        server = MachineConfigServer(site.service_address(8), authority, "{}", loop=site.loop).start()
        server.broken = broken
        try:
            source = {"url": f"{server.url}/config/{pool}", "accept": ACCEPT, "authorities": trusted.pem}
            return look_at([source])["machine_config"][0]
        finally:
            server.stop()

    return ask


def look_at(sources: list[dict[str, str]], **values: Any) -> Any:
    nothing: dict[str, Any] = {"directory": "", "base_url": "", "names": [], "addresses": [], "artifacts": []}
    return look(sources=sources, **{**nothing, "proxy": "", "seconds": 2.0, **values})


def test_the_machine_config_server_is_asked_as_ignition_asks_it(
    asked: Callable[..., Any], tmp_path: pathlib.Path
) -> None:
    ours, theirs = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "theirs", "theirs")
    good = asked(ours, ours)
    assert (good["state"], good["status"]) == ("answered", 200)
    assert good["not_after"] > datetime.datetime.now().timestamp() + 300 * 86400
    assert asked(ours, theirs)["state"] == "untrusted"
    assert asked(ours, ours, pool="absent")["status"] == 404
    assert asked(ours, ours, broken=True)["status"] == 500


class Expired(Authority):
    """Its certificates ended yesterday."""

    def server(self, file_name: str, names: Any) -> tuple[pathlib.Path, pathlib.Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        lifetime = datetime.timedelta(seconds=-60)
        made = self.issue(
            subject(file_name), key.public_key(), ["server auth"], general_names(names), lifetime=lifetime
        )
        paths = self.directory / "expired.crt", self.directory / "expired.key"
        paths[0].write_bytes(certificate_pem(made))
        paths[1].write_bytes(key_pem(key))
        return paths


def test_an_expired_certificate_is_said(asked: Callable[..., Any], tmp_path: pathlib.Path) -> None:
    authority = Expired(tmp_path / "ca", "ca")
    found = asked(authority, authority)
    assert (found["state"], found["detail"]) == ("untrusted", "certificate has expired")


def test_a_port_that_is_closed_or_speaks_something_else(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[])
    trusted = {"accept": ACCEPT, "authorities": site.machine_config_authority.pem}
    host, port = site.web.address, site.web.port
    sources = [{"url": f"https://{host}:{number}/config/worker", **trusted} for number in (1, port)]
    closed, plain = look_at(sources)["machine_config"]
    assert (closed["state"], closed["detail"]) == ("unreachable", "Connection refused")
    assert plain["state"] == "broken"


@pytest.mark.parametrize("web", ["lab", "nginx"])
def test_the_server_is_compared_with_the_folder(make_site: MakeSite, site_block: int, web: str) -> None:
    if web == "nginx" and nginx_program() is None:
        pytest.skip("nginx is not installed")
    site = make_site(machines=[], web=web)
    folder = site.publish_directory
    where = {"directory": str(folder), "base_url": site.base_url}
    empty = look_at([], **where)["web"]
    assert (empty["state"], empty["file"]) == ("answered", "")
    (folder / "lab x").mkdir()
    (folder / "lab x" / "worker.ign").write_text('{"ignition": {"version": "3.4.0"}}')
    found = look_at([], **where)["web"]
    assert found["same"]
    assert found["head_fits"]
    assert found["local"]
    assert (found["head"], found["range"]) == (200, 206)
    # another folder's URL
    (site.directory / "other").mkdir()
    (site.directory / "other" / "worker.ign").write_text('{"ignition": {"version": "3.1.0"}}')
    assert look_at([], directory=str(site.directory / "other"), base_url=site.base_url)["web"]["head"] == 404


def test_a_server_with_tls_is_verified_by_what_the_web_host_trusts(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "theirs", "theirs")
    folder = tmp_path / "www"
    with WebServer(folder, tls=ours.server("web", ["127.0.0.1"])) as server:
        (folder / "worker.ign").write_text('{"ignition": {"version": "3.4.0"}}')
        where = {"directory": str(folder), "base_url": server.url}
        monkeypatch.setenv("SSL_CERT_FILE", str(ours.certificate_path))
        found = look_at([], **where)["web"]
        assert (found["state"], found["head"], found["range"], found["same"]) == ("answered", 200, 206, True)
        monkeypatch.setenv("SSL_CERT_FILE", str(theirs.certificate_path))
        assert look_at([], **where)["web"]["state"] == "untrusted"


def test_artifacts_that_are_there_need_no_room_and_others_have_the_size_of_their_source(
    make_site: MakeSite, site_block: int
) -> None:
    site = make_site(machines=[])
    kernel = site.mirror.streams["aarch64"]["kernel"]["location"]
    (site.publish_directory / "initramfs").write_bytes(b"here")
    found = look_at(
        [],
        directory=str(site.publish_directory),
        artifacts=[
            {"name": "kernel", "location": kernel},
            {"name": "initramfs", "location": kernel},
            {"name": "rootfs", "location": f"{kernel}-absent"},
            {"name": "copy", "location": str(site.publish_directory / "initramfs")},
        ],
    )["artifacts"]
    assert [(entry["present"], entry["size"] is None) for entry in found] == [
        (False, False),
        (True, False),
        (False, True),
        (False, False),
    ]
    assert "answers 404" in found[2]["problem"]
    assert found[1]["size"] == found[3]["size"] == 4


def test_a_folder_with_nothing_to_compare(tmp_path: pathlib.Path) -> None:
    (tmp_path / ".hidden").write_text("x" * 100)
    (tmp_path / "short").write_text("x")
    assert a_file(tmp_path) is None
    assert a_file(tmp_path / "absent") is None
