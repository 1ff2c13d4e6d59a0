# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's machines do what real ones do, and stop where real ones stop. Boot files are written by hand here."""

from __future__ import annotations

import base64
import hashlib
import lzma
import pathlib
import socket
import ssl
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
import requests

from lab import namespace
from lab.api import ApiError
from lab.control_plane import real_available
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import PORT
from lab.kubelet import REQUESTS
from lab.kubelet import SERVING_SIGNER
from lab.kubelet import Timing
from lab.machines import SimulatedMachine
from lab.nginx import nginx_program
from lab.pki import Authority
from lab.site import MARKER
from lab.site import Site
from lab.site import machine_address
from lab.site import machine_spec
from lab.site import machine_specs
from lab.web import WebServer

Words = dict[str, "str | None"]
MakeSite = Callable[..., Site]
LIVE = "ignition.firstboot ignition.platform.id=metal"
needs_network = pytest.mark.skipif(not namespace.inside(), reason="no network namespace on this system")


class Bench:
    """A site with one machine, everything published, and a boot file that can be spoilt."""

    def __init__(self, make_site: MakeSite, block: int, **values: Any) -> None:
        site_values = {key: values.pop(key) for key in ("timing", "control_plane", "web") if key in values}
        spec = machine_spec(1, block=block, **values)
        self.site = make_site(machines=[spec], **site_values)
        self.machine: SimulatedMachine = self.site.machines["worker-arm-1"]
        self.kinds = {a.kind: a for a in self.site.mirror.artifacts if a.architecture == spec.architecture}
        secret = self.site.api.get("/api/v1/namespaces/openshift-machine-api/secrets/worker-user-data-managed")
        self.ignition = base64.b64decode(secret["data"]["userData"])
        self.put("worker.ign", self.ignition)
        self.put("verify.img", verifying_initrd(f"ignition-hash: {sha512(self.ignition)}"))
        for artifact in self.kinds.values():
            self.put(artifact.kind, self.original(artifact.kind))

    def original(self, kind: str, architecture: str = "") -> bytes:
        wanted = architecture or self.machine.spec.architecture
        artifact = next(a for a in self.site.mirror.artifacts if (a.kind, a.architecture) == (kind, wanted))
        return (self.site.mirror.web.directory / urllib.parse.urlsplit(artifact.url).path[1:]).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        for folder in (self.site.publish_directory, self.site.tftp_directory):
            (folder / name).write_bytes(content)

    def line(self, changes: Words) -> str:
        base = self.site.base_url
        words: Words = {
            "coreos.live.rootfs_url": f"{base}/rootfs",
            "coreos.inst.install_dev": self.machine.spec.install_device,
            "coreos.inst.ignition_url": f"{base}/worker.ign",
            "rd.neednet": "1",
            **changes,
        }
        return " ".join(f"{key}={value}" for key, value in words.items() if value is not None)

    def boot(
        self, more: str = LIVE, spoil: Callable[[str], str] = lambda text: text, changes: Words | None = None
    ) -> None:
        """Writes the boot file for the machine's loader and switches it on."""
        self.write(spoil(self.boot_file(f"{self.line(changes or {})} {more}".strip())))
        self.machine.power_on()

    def boot_file(self, line: str) -> str:
        loader, base = self.machine.spec.loader, self.site.base_url
        if loader == "ipxe":
            return (
                f"#!ipxe\nkernel {base}/kernel initrd=main initrd=verify {line}\n"
                f"initrd --name main {base}/initramfs\ninitrd --name verify {base}/verify.img\nboot\n"
            )
        if loader.startswith("grub"):
            root = base.replace("http://", "(http,").replace("/openshift", ")/openshift")
            return (
                f"set timeout=0\nmenuentry 'Install' {{\n  linux {root}/kernel {line}\n"
                f"  initrd {root}/initramfs {root}/verify.img\n}}\n"
            )
        root = base if loader == "lpxelinux" else ""
        return (
            f"DEFAULT install\nLABEL install\n  KERNEL {root}/kernel\n"
            f"  APPEND initrd={root}/initramfs,{root}/verify.img {line}\n"
        )

    @property
    def boot_path(self) -> pathlib.Path:
        folders = {"grub-tftp": self.site.grub_directory, "pxelinux": self.site.tftp_directory}
        folders["lpxelinux"] = self.site.tftp_directory
        return folders.get(self.machine.spec.loader, self.site.publish_directory) / self.machine.boot_file

    def write(self, text: str) -> None:
        self.boot_path.parent.mkdir(exist_ok=True)
        self.boot_path.write_text(text)

    def stuck(self, timeout: float = 5.0) -> str:
        self.machine.wait_for("stuck", timeout)
        return self.machine.result

    def approve(self, event: str = "client_csr", count: int = 1) -> str:
        name = str(self.machine.wait_for(event, count=count).details["name"])
        self.site.approve(name)
        return name


@pytest.fixture
def bench(make_site: MakeSite, site_block: int) -> Callable[..., Bench]:
    return lambda **values: Bench(make_site, site_block, **values)


def sha512(content: bytes) -> str:
    return "sha512-" + hashlib.sha512(content).hexdigest()


def verifying_initrd(text: str, check: int = lzma.CHECK_CRC32) -> bytes:
    """Live Ignition that writes one installer config, in an xz-compressed newc archive."""
    source = "data:," + urllib.parse.quote(text)
    config = (
        '{"ignition":{"version":"3.2.0"},"storage":{"files":[{"path":"/etc/coreos/installer.d/20.yaml",'
        f'"mode":420,"contents":{{"source":"{source}"}}}}]}}}}'
    ).encode()
    archive = _entry("config.ign", 0o100600, config) + _entry("TRAILER!!!", 0, b"")
    return lzma.compress(archive, format=lzma.FORMAT_XZ, check=check)


def _entry(name: str, mode: int, content: bytes) -> bytes:
    fields = [0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)


def presented(bench: Bench) -> bytes:
    """The certificate that the kubelet's port presents, in DER; ssl.SSLError where it presents none."""
    context = ssl.create_default_context(cafile=str(bench.site.plane.ca_path))
    with (
        socket.create_connection((bench.machine.spec.addresses[0], PORT), 5) as plain,
        context.wrap_socket(plain, server_hostname="worker-arm-1") as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


LOADERS = {
    "grub-tftp": {},
    "grub-http": {"loader": "grub-http"},
    "ipxe": {"boot_method": "ipxe"},
    "ipxe-x86": {"boot_method": "ipxe", "architecture": "x86_64"},
    "pxelinux": {"boot_method": "pxelinux", "architecture": "x86_64", "boot_transport": "tftp"},
    "lpxelinux": {"boot_method": "pxelinux", "architecture": "x86_64"},
}


@pytest.mark.parametrize("values", LOADERS.values(), ids=LOADERS)
def test_machine_joins_through_every_loader(bench: Callable[..., Bench], values: dict[str, str]) -> None:
    b = bench(**values)
    b.boot()
    b.approve()
    b.approve("serving_csr")
    b.machine.wait_for("serving")
    b.machine.wait_for("ready")
    node = b.site.api.get("/api/v1/nodes/worker-arm-1")
    architecture = "amd64" if "architecture" in values else "arm64"
    assert node["metadata"]["labels"]["kubernetes.io/arch"] == architecture
    assert node["status"]["nodeInfo"]["architecture"] == architecture
    assert [entry["type"] for entry in node["status"]["addresses"]] == ["InternalIP", "Hostname"]
    assert b.machine.events("ignition")[0].details["verified"] is True
    if namespace.inside():
        issued = b.site.requests_of("worker-arm-1", SERVING_SIGNER)[0]["status"]["certificate"]
        assert ssl.DER_cert_to_PEM_cert(presented(b)) in base64.b64decode(issued).decode()


@pytest.mark.real
@pytest.mark.skipif(bool(real_available()), reason=real_available() or "available")
def test_machine_joins_the_real_control_plane(bench: Callable[..., Bench]) -> None:
    b = bench(control_plane="real")
    b.boot()
    b.approve()
    b.approve("serving_csr")
    b.machine.wait_for("serving")
    assert not namespace.inside() or presented(b)


@needs_network
def test_port_10250_sends_an_alert_until_the_certificate_is_issued(bench: Callable[..., Bench]) -> None:
    b = bench(boot_method="external")
    b.machine.power_on()
    b.approve()
    b.machine.wait_for("ready")
    with pytest.raises(ssl.SSLError, match="ALERT_INTERNAL_ERROR"):
        presented(b)
    b.approve("serving_csr")
    b.machine.wait_for("serving")
    assert presented(b)
    b.machine.power_off()
    with pytest.raises(ConnectionRefusedError):
        presented(b)


@needs_network
def test_dual_stack_machine_reports_and_answers_on_both_addresses(make_site: MakeSite, site_block: int) -> None:
    addresses = [machine_address(1, site_block), f"2001:db8:{site_block:x}::11"]
    site = make_site(machines=[machine_spec(1, addresses=addresses, boot_method="external")])
    node = site.existing_node("worker-arm-1")
    reported = [entry["address"] for entry in node["status"]["addresses"] if entry["type"] == "InternalIP"]
    assert reported == addresses
    context = ssl.create_default_context(cafile=str(site.plane.ca_path))
    for address in addresses:
        with socket.create_connection((address, PORT), 5) as plain, context.wrap_socket(plain, server_hostname=address):
            pass  # the handshake checks the name


GRUB_STOPS: dict[str, tuple[Callable[[str], str], str]] = {
    "linuxefi": (lambda text: text.replace("  linux ", "  linuxefi "), "can't find command"),
    "no timeout": (lambda text: text.replace("set timeout=0\n", ""), "waits in its menu"),
    "unquoted &": (lambda text: text.replace("rd.neednet", "a&b rd.neednet"), "syntax error"),
    "open quote": (lambda text: text.replace("'Install'", "'Install"), "never closed"),
    "URL instead of a device": (lambda text: text.replace("(http,", "http://").replace(")/", "/"), "not found"),
    "kernel that is not there": (lambda text: text.replace("/kernel ", "/kerne "), "not found"),
    "too long": (lambda text: text.replace("rd.neednet", f"a.b={'x' * 2000} rd.neednet"), "kernel line has"),
    "too many variables": (
        lambda text: text.replace("rd.neednet", " ".join(f"k{i}=1" for i in range(33)) + " rd.neednet"),
        "Too many boot env vars",
    ),
    "no initrd": (lambda text: "\n".join(line for line in text.split("\n") if "initrd" not in line), "no initrd"),
    "initrds swapped": (lambda text: text.replace("initramfs", "x").replace("verify.img", "initramfs"), "not found"),
}


@pytest.mark.parametrize(("spoil", "reason"), GRUB_STOPS.values(), ids=GRUB_STOPS)
def test_grub_stops_at(bench: Callable[..., Bench], spoil: Callable[[str], str], reason: str) -> None:
    b = bench()
    b.boot(spoil=spoil)
    assert reason in b.stuck()
    assert b.machine.disk is None


IPXE_STOPS: dict[str, tuple[Callable[[str], str], str]] = {
    "no magic": (lambda text: text.replace("#!ipxe\n", "# a comment\n"), "Exec format error"),
    "other name": (lambda text: text.replace("--name main", "--name other"), "initrd=main,verify"),
    "no boot": (lambda text: text.replace("boot\n", "\n"), "ends without boot"),
    "no initrd=": (lambda text: text.replace("initrd=main initrd=verify ", ""), "looks for initrd="),
}


@pytest.mark.parametrize(("spoil", "reason"), IPXE_STOPS.values(), ids=IPXE_STOPS)
def test_ipxe_stops_at(bench: Callable[..., Bench], spoil: Callable[[str], str], reason: str) -> None:
    b = bench(boot_method="ipxe")
    b.boot(spoil=spoil)
    assert reason in b.stuck()


def test_pxelinux_stops_at_long_names_and_does_not_start_on_arm(bench: Callable[..., Bench]) -> None:
    b = bench(boot_method="pxelinux", architecture="x86_64", boot_transport="tftp")
    b.boot(spoil=lambda text: text.replace("/kernel", f"/{'k' * 127}"))
    assert "too long" in b.stuck()
    b.machine.spec.architecture = "aarch64"
    b.machine.power_on()
    b.machine.wait_for("local")
    assert "x86_64" in b.machine.result


LINE_STOPS: dict[str, tuple[Words, str]] = {
    "no rootfs": ({"coreos.live.rootfs_url": None}, "no rootfs"),
    "device without a path": ({"coreos.inst.install_dev": "sda"}, "no path below /dev/"),
    "another disk": ({"coreos.inst.install_dev": "/dev/disk/by-id/other"}, "no such device"),
    "no device": ({"coreos.inst.install_dev": None}, "DEST_DEVICE"),
    "unknown argument": ({"coreos.inst.ignition_hash": "sha512-00"}, "reads no coreos.inst.ignition_hash"),
    "unknown protocol": ({"coreos.inst.ignition_url": "ftp://192.0.2.9/x"}, "unknown protocol"),
}


@pytest.mark.parametrize(("changes", "reason"), LINE_STOPS.values(), ids=LINE_STOPS)
def test_installer_stops_at(bench: Callable[..., Bench], changes: Words, reason: str) -> None:
    b = bench()
    b.boot(changes=changes)
    assert reason in b.stuck()
    assert b.machine.disk is None


CONFIG_STOPS = {
    "dest-device: /dev/sda\n": "unexpected argument",
    "ignition-hsh: sha512-00\n": "unknown field",
    "console: [ttyAMA0,115200n8]\n": "console[1]: invalid",
    "ignition-hash: sha512-00\n": "invalid ignition hash",
}


@pytest.mark.parametrize(("config", "reason"), CONFIG_STOPS.items())
def test_installer_config_stops_at(bench: Callable[..., Bench], config: str, reason: str) -> None:
    b = bench()
    b.put("verify.img", verifying_initrd(config))
    b.boot()
    assert reason in b.stuck()


def test_changed_ignition_is_refused_with_the_hash_and_installed_without(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.put("worker.ign", b.ignition + b"\n")
    b.boot()
    assert "digest" in b.stuck()
    assert b.machine.disk is None
    b.boot(more="")  # without ignition.firstboot the live Ignition does not run
    b.machine.wait_for("installed")
    assert b.machine.events("live_ignition_ignored")
    assert b.machine.events("ignition")[-1].details["verified"] is False


def test_initrd_with_another_check_than_crc32_is_not_unpacked(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.put("verify.img", verifying_initrd("ignition-hash: x", check=lzma.CHECK_CRC64))
    b.boot()
    b.machine.wait_for("installed")
    assert "CRC32" in b.machine.events("initrd_ignored")[0].details["reason"]


@pytest.mark.parametrize("kind", ["kernel", "initramfs", "rootfs"])
def test_other_bytes_than_the_makers_do_not_boot(bench: Callable[..., Bench], kind: str) -> None:
    b = bench()
    b.site.web.fault("wrong_bytes", f"*/{kind}")
    b.boot()
    assert kind in b.stuck()


def test_kernel_of_another_architecture_does_not_boot(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.put("kernel", b.original("kernel", "x86_64"))
    b.boot()
    assert "Exec format error" in b.stuck()


def test_rootfs_needs_an_answer_to_head(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.site.web.fault("refuse_head", "*/rootfs")
    b.boot()
    assert "HEAD answers 405" in b.stuck()


def test_ignition_is_tried_again_on_5xx_and_given_up_on_404(bench: Callable[..., Bench]) -> None:
    b = bench()
    b.site.web.fault("error", "*.ign", times=2)
    b.boot()
    b.machine.wait_for("installed")
    assert len(b.machine.events("ignition_retry")) == 2
    b.site.web.fault("not_found", "*.ign")
    b.machine.wipe_disk()
    b.machine.power_on()
    assert "HTTP status 404" in b.stuck()


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"boot_method": "ipxe"}, "local"),
        # at its prompt, and waiting for a key
        ({"boot_method": "grub"}, "stuck"),
        ({"boot_method": "pxelinux", "architecture": "x86_64"}, "stuck"),
    ],
)
def test_machine_without_a_boot_file_does_nothing_until_one_appears(
    bench: Callable[..., Bench], values: dict[str, Any], state: str
) -> None:
    b = bench(**values)
    b.machine.power_on()
    b.machine.wait_for(state)
    assert b.machine.disk is None
    polling = machine_spec(1, behaviour="polling").behaviour
    b.machine.spec.behaviour = polling
    b.machine.power_on()
    time.sleep(0.3)
    b.write(b.boot_file(b.line({})))
    b.machine.wait_for("installed")


def test_machine_that_boots_from_the_network_first_installs_until_it_is_disarmed(bench: Callable[..., Bench]) -> None:
    b = bench(behaviour="network_first", boot_method="ipxe")
    b.boot()
    b.machine.wait_for("installed", count=2)
    b.boot_path.unlink()
    b.machine.wait_for("client_csr", 5)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"boot_method": "grub"}, "exit 1\n"),
        (
            {"boot_method": "pxelinux", "architecture": "x86_64"},
            "DEFAULT disk\nPROMPT 0\nLABEL disk\n  LOCALBOOT 0\n",
        ),
    ],
)
def test_a_boot_file_may_send_a_machine_to_its_disk(
    bench: Callable[..., Bench], values: dict[str, Any], text: str
) -> None:
    b = bench(behaviour="network_first", **values)
    b.boot()
    b.machine.wait_for("installed")
    b.write(text)
    b.machine.wait_for("client_csr", 5)


def test_machine_without_a_name_from_dhcp_calls_itself_localhost(bench: Callable[..., Bench]) -> None:
    b = bench(behaviour="localhost")
    b.boot()
    b.machine.wait_for("client_csr")
    assert b.machine.events("first_boot")[0].details["name"] == "localhost.localdomain"
    assert b.site.requests_of("localhost.localdomain")
    b.machine.wipe_disk()
    b.boot(changes={"ip": "192.0.2.9::192.0.2.1:255.255.255.0:worker-arm-1:eno1:none"})
    b.machine.wait_for("client_csr", count=2)
    assert b.site.requests_of("worker-arm-1")


def test_silent_machine_installs_and_is_never_heard_of(bench: Callable[..., Bench]) -> None:
    b = bench(behaviour="silent")
    b.boot()
    b.machine.wait_for("first_boot")
    time.sleep(0.2)
    assert b.site.api.list(REQUESTS) == []


def test_never_serving_and_lying_machines(make_site: MakeSite, site_block: int) -> None:
    specs = [
        machine_spec(1, block=site_block, boot_method="external", behaviour="never_serving"),
        machine_spec(2, block=site_block, boot_method="external", behaviour="lies"),
    ]
    site = make_site(machines=specs)
    for machine in site.machines.values():
        machine.power_on()
        site.approve(machine.wait_for("client_csr").details["name"])
        machine.wait_for("ready")
    site.machines["worker-arm-2"].wait_for("serving_csr")
    node = site.node("worker-arm-2")
    assert node is not None
    assert site.plane.address in [entry["address"] for entry in node["status"]["addresses"]]
    assert not site.machines["worker-arm-1"].events("serving_csr")


def test_kubelet_gives_up_and_asks_with_a_new_key(bench: Callable[..., Bench]) -> None:
    b = bench(boot_method="external", timing=Timing(certificate_wait=0.2, retry=0.05))
    b.machine.power_on()
    b.machine.wait_for("client_csr", count=2)
    keys = {item["spec"]["request"] for item in b.site.requests_of("worker-arm-1")}
    assert len(keys) >= 2


def test_kubelet_requests_are_those_of_1_34(bench: Callable[..., Bench]) -> None:
    b = bench(boot_method="external", rsa=True)
    b.machine.power_on()
    b.approve()
    serving = b.site.api.get(f"{REQUESTS}/{b.machine.wait_for('serving_csr').details['name']}")["spec"]
    client = b.site.requests_of("worker-arm-1", CLIENT_SIGNER)[0]["spec"]
    assert client["usages"] == ["digital signature", "key encipherment", "client auth"]  # RSA
    assert serving["usages"] == ["digital signature", "key encipherment", "server auth"]
    assert client["signerName"] == CLIENT_SIGNER
    assert client["username"].endswith(":node-bootstrapper")
    assert serving["username"] == "system:node:worker-arm-1"
    assert set(serving["groups"]) == {"system:nodes", "system:authenticated"}


def test_restarted_kubelet_keeps_its_keys_or_asks_again(bench: Callable[..., Bench]) -> None:
    b = bench(boot_method="external")
    b.machine.power_on()
    b.approve()
    b.machine.wait_for("serving_csr")
    b.machine.restart_kubelet(keep_keys=True)
    b.machine.wait_for("serving_csr", count=2)
    assert len(b.machine.events("client_csr")) == 1
    b.machine.restart_kubelet(keep_keys=False)
    b.approve(count=2)
    b.machine.wait_for("registered", count=3)
    assert b.machine.events("registered")[-1].details["existed"] is True


def test_kubelet_outlives_an_api_that_goes_away(bench: Callable[..., Bench]) -> None:
    b = bench(boot_method="external")
    b.machine.power_on()
    b.machine.wait_for("client_csr")
    b.site.plane.faults.restart(0.5)
    time.sleep(0.7)
    b.approve()
    b.machine.wait_for("ready")


def test_strangers_post_what_a_token_holder_can(make_site: MakeSite) -> None:
    site = make_site(machines=[])
    stranger = site.stranger()
    assert stranger.client_request("worker-arm-1")["spec"]["username"].endswith(":node-bootstrapper")
    admin = stranger.client_request(
        "worker-arm-1", signer="kubernetes.io/kube-apiserver-client", organizations=["system:cluster-admins"]
    )
    assert admin["spec"]["signerName"] == "kubernetes.io/kube-apiserver-client"
    serving = stranger.serving_request("worker-x", ["worker-x", "192.0.2.200"])
    assert serving["spec"]["username"] == "system:node:worker-x"
    with pytest.raises(ApiError):
        stranger.serving_request("worker-arm-1", ["worker-arm-1"], user="system:node:other")
    assert len(stranger.flood(3)) == 3


def test_existing_nodes_in_every_state(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=machine_specs(2, block=site_block))
    waiting = site.existing_node("worker-arm-1", pending_serving=True)
    assert waiting["status"]["addresses"][0]["address"] == machine_address(1, site_block)
    assert not site.requests_of("worker-arm-1", SERVING_SIGNER)[0].get("status")
    site.existing_node("worker-arm-2")
    assert site.machines["worker-arm-2"].events("serving")
    gone = site.existing_node("old", "203.0.113.77", ready=False)
    ready = [condition for condition in gone["status"]["conditions"] if condition["type"] == "Ready"]
    assert ready[0]["status"] == "False"


def test_operator_switches_on_what_is_armed_and_ignores_foreign_files(make_site: MakeSite, site_block: int) -> None:
    site = make_site(machines=[*machine_specs(2, block=site_block), machine_spec(3, boot_method="external")])
    with site.operator():
        armed, foreign, external = site.machines.values()
        (site.grub_directory / armed.boot_file).write_text(f"{MARKER}lab-x7k2p machine=worker-arm-1\n")
        (site.publish_directory / "ipxe").mkdir()
        (site.publish_directory / foreign.boot_file).write_text("#!ipxe\nexit\n")
        armed.wait_for("power_on")
        external.wait_for("power_on")
        time.sleep(0.1)
    assert foreign.state == "off"
    assert [path.name for path in site.boot_files("worker-arm-1")] == [armed.boot_file.name]


def test_playbooks_run_with_this_cluster_and_the_inventory(make_site: MakeSite, tmp_path: pathlib.Path) -> None:
    site = make_site(control_plane="simulated")
    playbook = tmp_path / "look.yml"
    playbook.write_text(
        "- hosts: arm_workers\n  gather_facts: false\n  tasks:\n"
        "    - ansible.builtin.debug: {msg: \"{{ lookup('env', 'K8S_AUTH_KUBECONFIG') }}\"}\n"
        "    - ansible.builtin.fail: {msg: as asked}\n      when: fails | default(false)\n"
    )
    inventory = site.inventory({"publish_directory": None}, {"worker-arm-1": {"fails": True}})
    run = site.run(str(playbook), inventory=inventory)
    assert run.rc == 2
    assert run.failed == ["worker-arm-1"]
    assert run.stats["worker-arm-2"]["ok"] == 1
    assert str(site.kubeconfig) in run.stdout
    assert "publish_directory" not in inventory.read_text()


FAULT_ANSWERS = {"not_found": 404, "forbidden": 403, "unauthorized": 401, "error": 500, "refuse_head": 405}


@pytest.mark.parametrize(("kind", "status"), FAULT_ANSWERS.items())
def test_web_faults_hit_as_often_as_asked(tmp_path: pathlib.Path, kind: str, status: int) -> None:
    (tmp_path / "file").write_bytes(b"content")
    with WebServer(tmp_path) as web:
        web.fault(kind, "/file", times=1)
        assert requests.head(f"{web.url}/file", timeout=5).status_code == status
        assert requests.head(f"{web.url}/file", timeout=5).status_code == 200


def test_web_serves_ranges_cuts_bodies_and_keeps_a_log(tmp_path: pathlib.Path) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www/file").write_bytes(b"0123456789")
    log = tmp_path / "access.log"
    with WebServer(tmp_path / "www", access_log=log) as web:
        part = requests.get(f"{web.url}/file", headers={"Range": "bytes=7-"}, timeout=5)
        assert (part.status_code, part.content) == (206, b"789")
        assert part.headers["Content-Range"] == "bytes 7-9/10"
        web.fault("short", "/file", times=1)
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.get(f"{web.url}/file", timeout=5)
        web.fault("wrong_bytes", "/file", times=1)
        assert requests.get(f"{web.url}/file", timeout=5).content != b"0123456789"
        web.stop()  # what has been answered is written down by now
        assert [request.status for request in web.seen("/file")] == [206, 200, 200]
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"{web.url}/file", timeout=5)
        web.start()
        assert requests.get(f"{web.url}/file", timeout=5).ok
    assert '"GET /file HTTP/1.1" 206 3 "-" "python-requests/' in log.read_text()


def test_webdav_over_tls_with_a_private_ca_and_a_password(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path / "pki")
    tls = authority.server("web", ["127.0.0.1"])
    with (
        WebServer(tmp_path / "www", writable=True, credentials=("user", "secret"), tls=tls) as web,
        requests.Session() as session,
    ):
        session.verify, session.trust_env = str(authority.certificate_path), False
        assert session.put(f"{web.url}/a", b"x").status_code == 401
        session.auth = ("user", "secret")
        assert session.put(f"{web.url}/no/a", b"x").status_code == 409
        assert session.request("MKCOL", f"{web.url}/no").status_code == 201
        assert session.put(f"{web.url}/no/a.part", b"x").status_code == 201
        moved = session.request("MOVE", f"{web.url}/no/a.part", headers={"Destination": f"{web.url}/no/a"})
        assert moved.status_code == 201
        assert session.get(f"{web.url}/no/a").content == b"x"
        assert session.delete(f"{web.url}/no/a").status_code == 204
        web.fault("full", "/no/*", methods=["PUT"])
        assert session.put(f"{web.url}/no/a", b"x").status_code == 507


@pytest.mark.skipif(nginx_program() is None, reason="nginx is not installed: apt-get install nginx-light")
def test_machine_installs_from_nginx(bench: Callable[..., Bench]) -> None:
    b = bench(web="nginx")
    b.boot()
    b.machine.wait_for("installed")
    deadline = time.monotonic() + 5  # nginx writes its log after the answer
    while not any(request.path.endswith("/worker.ign") for request in b.site.web.requests):
        assert time.monotonic() < deadline
        time.sleep(0.02)
