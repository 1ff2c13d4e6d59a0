# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bare-metal site in a box: control plane, web host, mirror and machines, and the inventory that describes them."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import contextlib
import os
import pathlib
import re
import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from lab import namespace
from lab import objects
from lab import recorded
from lab.api import Api
from lab.bmc import Bmc
from lab.bmc import BmcSystem
from lab.bmc import Boot
from lab.control_plane import control_plane
from lab.kubelet import BOOTSTRAPPER
from lab.kubelet import CLIENT_SIGNER
from lab.kubelet import REQUESTS
from lab.kubelet import Cluster
from lab.kubelet import Timing
from lab.loop import LoopThread
from lab.machines import BootNetwork
from lab.machines import MachineSpec
from lab.machines import Rack
from lab.machines import RackMachine
from lab.machines import SimulatedMachine
from lab.mcs import MachineConfigServer
from lab.mcs import bootstrap_kubeconfig
from lab.mirror import Mirror
from lab.nginx import NginxServer
from lab.pki import Authority
from lab.playbook import Run
from lab.playbook import RunningPlaybook
from lab.playbook import start_playbook
from lab.real_machine import RealMachine
from lab.real_machine import Workshop
from lab.strangers import Stranger
from lab.web import WebServer
from support.paths import PROGRAMS
from support.paths import SHARED_DATA

INFRASTRUCTURE = "lab-x7k2p"
VERSION = "4.21.3"
# Looked for in everything that a run prints or writes
BMC_PASSWORD = "canary-bmc-password"
PUT_PASSWORD = "canary-put-password"
MARKER = "# multiarch.openshift cluster="
# The first two documentation networks; the third is where the control plane's nodes and the ingress of the objects are.
_NETWORKS = ("192.0.2", "198.51.100")
_PER_NETWORK = 200
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def machine_specs(count: int = 5, *, block: int = 0, methods: Sequence[str] = ("grub", "ipxe")) -> list[MachineSpec]:
    """`worker-arm-1` and so on; their boot methods take turns."""
    return [machine_spec(i + 1, block=block, boot_method=methods[i % len(methods)]) for i in range(count)]


def machine_spec(number: int, *, block: int = 0, **values: Any) -> MachineSpec:
    """The machine of this number (from 1) of a block: name, MAC, address and disk follow from the number."""
    defaults: dict[str, Any] = {
        "name": f"worker-arm-{number}",
        "addresses": [machine_address(number, block)],
        "macs": [f"52:54:00:{number >> 8:02x}:{block:02x}:{number & 255:02x}"],
        "install_device": f"/dev/disk/by-id/nvme-lab-{number:04d}",
    }
    return MachineSpec(**{**defaults, **values})


def machine_address(number: int, block: int = 0) -> str:
    """192.0.2.11 for the first machine of block 0; blocks never share an address."""
    if number < _PER_NETWORK:
        return f"{_network(block)}.{10 + number}"
    rest = number - _PER_NETWORK
    return f"198.19.{block * 8 % 256 + rest // 250}.{1 + rest % 250}"


def _network(block: int) -> str:
    return _NETWORKS[block] if block < len(_NETWORKS) else f"198.18.{block}"


class Site:
    """Everything between the rack and the API; `with` starts it and ends it.

    :param machines: what stands in the rack; five by default
    :param control_plane: simulated or real
    :param machine_kind: simulated or real (`lab.real_machine.missing` says what those need)
    :param block: sites that run at the same time have different blocks (0 to 31), and so different addresses
    :param web: lab (with faults) or nginx
    :param uploads: whether what the web server shows can be written and read by https as well, at a WebDAV server
        whose certificate is of the site's own authority
    :param payload: multi, single, unknown or migrating
    :param leave_out: (kind, name) of cluster objects that are missing
    :param reboot: seconds that a machine which boots from the network first takes to restart while it is armed
    """

    def __init__(
        self,
        directory: pathlib.Path,
        machines: Sequence[MachineSpec] | None = None,
        *,
        control_plane: str = "simulated",
        machine_kind: str = "simulated",
        block: int = 0,
        web: str = "lab",
        uploads: bool = False,
        payload: str = "multi",
        infrastructure_name: str = INFRASTRUCTURE,
        version: str = VERSION,
        architectures: Sequence[str] = ("aarch64", "x86_64"),
        artifact_sizes: Mapping[str, int] | None = None,
        leave_out: Sequence[tuple[str, str]] = (),
        timing: Timing | None = None,
        reboot: float = 1.0,
    ) -> None:
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.block = block
        self.specs = list(machines) if machines is not None else machine_specs(block=block)
        self.infrastructure_name = infrastructure_name
        self.version = version
        self.proof_possible = namespace.inside()
        """Whether machines can listen on their own addresses."""
        self.publish_directory = self.directory / "www" / "openshift"
        self.tftp_directory = self.directory / "tftp"
        self.grub_directory = self.tftp_directory / "grub"
        self.install_directory = self.directory / "install"
        """Where a run writes down what a person has to do."""
        self.machines: dict[str, Any] = {}
        """SimulatedMachine or RealMachine by name."""
        self.bmcs: dict[str, Bmc] = {}
        """BMCs by the machine's name."""
        self._kind = control_plane
        self._machine_kind = machine_kind
        self._web_kind = web
        self._takes_uploads = uploads
        self._payload = payload
        self._leave_out = set(leave_out)
        self._reboot = reboot
        self._timing = timing or Timing(heartbeat=max(10.0, len(self.specs) / 5))
        self._artifacts = (tuple(architectures), dict(artifact_sizes or {}))
        self._stack = contextlib.ExitStack()
        self._runs = 0
        self._others: dict[str, RackMachine] = {}
        self._workshop: Workshop | None = None

    # --- start and end --------------------------------------------------------------------------------------

    def __enter__(self) -> Site:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends everything; may be called twice."""
        self._stack.close()

    def _start(self) -> None:
        self._make_folders()
        self.loop = LoopThread("site")
        self._stack.callback(self.loop.close)
        self.mirror = Mirror(
            self.directory / "mirror",
            self.service_address(3),
            architectures=self._artifacts[0],
            sizes=self._artifacts[1],
            loop=self.loop,
        ).start()
        self._stack.callback(self.mirror.close)
        self.plane: Any = control_plane(self.directory / "plane", self._kind, self.service_address(4))
        self._stack.callback(self.plane.stop)
        self.plane.start()
        self.plane.api.apply(self._cluster_objects())
        self.web: Any = self._web_server()
        self._stack.callback(self.web.close)
        self.web.start()
        if self._takes_uploads:
            self._start_uploads()
        self._fill_rack()

    def _make_folders(self) -> None:
        for folder in (self.publish_directory, self.grub_directory, self.tftp_directory / "pxelinux.cfg"):
            folder.mkdir(parents=True, exist_ok=True)
        # What a site has there already; only their presence counts.
        for name in ("grub/grubaa64.efi", "pxelinux.0", "lpxelinux.0", "ipxe-arm64.efi"):
            (self.tftp_directory / name).write_bytes(b"a boot loader\n")

    def _web_server(self) -> WebServer | NginxServer:
        address = self.service_address(2)
        root = self.directory / "www"
        if self._web_kind == "nginx":
            return NginxServer(root, self.directory / "nginx", address)
        return WebServer(root, address, access_log=self.directory / "access.log", loop=self.loop)

    def _start_uploads(self) -> None:
        self.site_authority = Authority(self.directory / "site-authority", "site-ca")
        address = self.service_address(6)
        tls = self.site_authority.server("uploads", [address])
        account = ("publisher", PUT_PASSWORD)
        self.uploads = WebServer(
            self.directory / "www", address, writable=True, credentials=account, tls=tls, loop=self.loop
        )
        self._stack.callback(self.uploads.close)
        self.uploads.start()

    def _cluster_objects(self) -> list[dict[str, Any]]:
        self.machine_config_authority = Authority(self.directory / "machine-config", "machine-config-server-ca")
        made = objects.cluster_objects(
            self.infrastructure_name,
            self.version,
            self.plane.address,
            f"https://{self.plane.address}:22623",
            self.machine_config_authority.pem,
            self.mirror.streams,
            self._payload,
            signer_ca_pem=self.plane.ca_pem,
        )
        if self._machine_kind == "real":
            made = [recorded.instead_of(item, SHARED_DATA) for item in made]
        return [item for item in made if (item["kind"], item["metadata"]["name"]) not in self._leave_out]

    def _fill_rack(self) -> None:
        token = self.plane.token(BOOTSTRAPPER, extra={})  # as the machine-config server hands it out
        cluster = self.loop.run(_made(lambda: Cluster(self.plane.url, self.plane.ca_path, token, self._timing)))
        self._stack.callback(lambda: self.loop.run(cluster.close()))
        self.machine_config = MachineConfigServer(
            self.plane.address,
            self.machine_config_authority,
            bootstrap_kubeconfig(self.plane.url, self.plane.ca_path, token),
            loop=self.loop,
        )
        if self.proof_possible:
            self.machine_config.start()
            self._stack.callback(self.machine_config.stop)
        if self._machine_kind == "real":
            pointer = objects.pointer_ignition(self.machine_config.url, "worker", self.machine_config_authority.pem)
            self._workshop = Workshop(self.directory / "workshop", PROGRAMS, pointer)
        network = BootNetwork(self.base_url, self.web.address, self.tftp_directory, self.grub_directory)
        self._rack = Rack(
            self.loop,
            network,
            cluster,
            self.mirror.by_sha256(),
            self.directory / "machines",
            api_address=self.plane.address,
            proof_possible=self.proof_possible,
            site_authority=self.site_authority.certificate_path if self._takes_uploads else None,
            reboot=self._reboot,
            armed=lambda name: any(_installs(path) for path in self.boot_files(name)),
        )
        self.machines = {spec.name: self._machine(spec) for spec in self.specs}
        self._stack.callback(self._switch_off)
        self._start_bmcs([machine for machine in self.machines.values() if machine.spec.bmc])

    def _machine(self, spec: MachineSpec) -> RackMachine:
        if self.proof_possible:
            for address in spec.addresses:
                if ":" in address:
                    namespace.add_address(address)
        if self._workshop is not None:
            return RealMachine(spec, self._rack, self._workshop)
        return SimulatedMachine(spec, self._rack)

    def _start_bmcs(self, machines: Sequence[RackMachine]) -> None:
        if not machines:
            return
        address = self.service_address(5)
        self.bmc_authority = Authority(self.directory / "bmc", "bmc-ca")
        tls = self.bmc_authority.server("bmc", [address])
        for machine in machines:
            bmc = Bmc([_system_of(machine)], loop=self.loop, tls=tls, address=address, password=BMC_PASSWORD)
            self._stack.callback(bmc.close)
            self.bmcs[machine.name] = bmc.start()

    def _switch_off(self) -> None:
        for machine in (*self.machines.values(), *self._others.values()):
            machine.power_off()

    # --- what a test looks at -------------------------------------------------------------------------------

    @property
    def api(self) -> Api:
        """The administrator's client."""
        return self.plane.api

    @property
    def base_url(self) -> str:
        """The URL of `publish_directory`, as machines see it."""
        return f"{self.web.url}/{self.publish_directory.name}"

    @property
    def kubeconfig(self) -> pathlib.Path:
        return self.plane.kubeconfig()

    def service_address(self, number: int) -> str:
        """Address of the web host (2), the mirror (3), the API (4), or of more services of this site (5 to 9)."""
        return f"{_network(self.block)}.{number}" if self.proof_possible else "127.0.0.1"

    def boot_files(self, name: str) -> list[pathlib.Path]:
        """Every boot file that lies about for the MACs of this machine, whichever loader it is for."""
        found = []
        for mac in self.machines[name].spec.macs:
            dashes = mac.replace(":", "-")
            found += [
                self.publish_directory / f"ipxe/{dashes}.ipxe",
                self.publish_directory / f"grub/grub.cfg-01-{dashes}",
                self.grub_directory / f"grub.cfg-01-{dashes}",
                self.tftp_directory / f"pxelinux.cfg/01-{dashes}",
            ]
        return [path for path in found if path.exists()]

    def requests_of(self, node_name: str, signer: str | None = None) -> list[dict[str, Any]]:
        """Certificate requests whose requester or subject is this node, oldest first (by the second)."""
        found = [item for item in self.api.list(REQUESTS) if node_of(item) == node_name]
        found = [item for item in found if signer in (None, item["spec"]["signerName"])]
        return sorted(found, key=lambda item: str(item["metadata"]["creationTimestamp"]))

    def node(self, name: str) -> dict[str, Any] | None:
        return next((item for item in self.api.list("/api/v1/nodes") if item["metadata"]["name"] == name), None)

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Everything that lies on the web and TFTP host, with time and content: to compare before and after."""
        return {
            str(path.relative_to(self.directory)): (path.stat().st_mtime_ns, path.read_bytes())
            for root in (self.directory / "www", self.tftp_directory)
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    # --- what people do at a site ---------------------------------------------------------------------------

    @contextlib.contextmanager
    def operator(self, before: Mapping[str, Callable[[], None]] | None = None) -> Any:
        """Somebody who switches each machine on the moment its boot file is there (external ones: at once).

        :param before: what else happens to a machine in that moment, by name
        """
        watching = self.power_on_when_armed(before)
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(concurrent.futures.CancelledError):
                watching.result(10)

    def power_on_when_armed(
        self, before: Mapping[str, Callable[[], None]] | None = None
    ) -> concurrent.futures.Future[None]:
        """Starts that somebody; `cancel()` ends the shift, as closing the site does."""
        return self.loop.spawn(self._operate(before or {}))

    async def _operate(self, before: Mapping[str, Callable[[], None]]) -> None:
        waiting = {
            machine
            for machine in self.machines.values()
            if machine.state == "off" and (not machine.spec.bmc or _is_installed_by_hand(machine.spec))
        }
        while waiting:
            for machine in list(waiting):
                if machine.spec.boot_method == "iso":
                    if await self._follow_instructions(machine):
                        waiting.remove(machine)
                elif machine.spec.boot_method == "external" or self.armed(machine.name):
                    waiting.remove(machine)
                    if machine.name in before:
                        await asyncio.to_thread(before[machine.name])
                    await machine.switch_on()
            await asyncio.sleep(0.05)

    async def _follow_instructions(self, machine: RackMachine) -> bool:
        """Boots the ISO that the run has written down, and types the commands; whether there is nothing more to do."""
        path = self.install_directory / f"{machine.name}.txt"
        text = path.read_text() if path.exists() else ""
        url = re.search(r"^# (https?://\S+)$", text, re.MULTILINE)
        if url is None:
            return False
        if not machine.media:
            if machine.spec.bmc:
                return False  # which boots it
            machine.insert_iso(url.group(1))
            await machine.switch_on()
            return re.search(r"^sudo ", text, re.MULTILINE) is None
        if machine.state == "shell":
            await machine.receive(text)
        return machine.state in ("shell", "stuck")

    def armed(self, name: str) -> bool:
        """True where its loader will find a boot file of ours; a foreign one makes nobody press a button."""
        machine = self.machines[name]
        by_tftp = {"grub-tftp": self.grub_directory, "pxelinux": self.tftp_directory, "lpxelinux": self.tftp_directory}
        path = by_tftp.get(machine.spec.loader, self.publish_directory) / machine.boot_file
        return _installs(path, MARKER)

    def approve(self, name: str) -> None:
        """Approves a certificate request, as `oc adm certificate approve` does."""
        request = self.api.get(f"{REQUESTS}/{name}")
        condition = {"type": "Approved", "status": "True", "reason": "LabApprove", "message": "approved by the lab"}
        request["status"] = {**request.get("status", {}), "conditions": [condition]}
        self.api.put(f"{REQUESTS}/{name}/approval", request)

    def visitor(self, spec: MachineSpec) -> RackMachine:
        """A machine that stands at the site and is in no inventory; off."""
        self._others[spec.name] = self._machine(spec)
        return self._others[spec.name]

    def stranger(self) -> Stranger:
        """Somebody with the bootstrap token, or with another node's certificate."""
        stranger = Stranger(self.plane)
        self._stack.callback(stranger.close)
        return stranger

    def existing_node(
        self,
        name: str,
        address: str | None = None,
        *,
        ready: bool = True,
        pending_serving: bool = False,
        architecture: str = "aarch64",
    ) -> dict[str, Any]:
        """A node that the cluster has before the run; the machine of this name, if there is one, is switched on.

        Ready: its kubelet runs, with its serving certificate issued or, `pending_serving`, still asked for.
        Not Ready: only the Node is there.
        """
        known = self.machines.get(name)
        spec = known.spec if known else None
        addresses = [address] if address else list(spec.addresses if spec else [self.service_address(9)])
        if not ready:
            go = "arm64" if architecture == "aarch64" else "amd64"
            return self.api.apply([objects.node(name, addresses[0], go, ready=False)])[0]
        if known is None or spec is None or spec.addresses != addresses:
            spec = MachineSpec(name, addresses, ["52:54:00:ff:ff:ff"], architecture, "external")
            known = self._others[name] = self._machine(spec)
        known.start_kubelet()
        self.approve(known.wait_for("client_csr").details["name"])
        known.wait_for("ready")
        serving = known.wait_for("serving_csr").details["name"]
        if not pending_serving:
            self.approve(serving)
            known.wait_for("serving")
        self.api.wait_for(f"/api/v1/nodes/{name}", _is_ready)
        return dict(self.api.get(f"/api/v1/nodes/{name}"))

    # --- the user's side ------------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """For ansible-playbook: this cluster, no proxies, nothing of the user's own configuration."""
        inherited = {
            key: value
            for key, value in os.environ.items()
            if key.lower() not in _PROXIES and not key.startswith(("ANSIBLE_", "K8S_AUTH_", "AWX_"))
        }
        return {
            **inherited,
            "K8S_AUTH_KUBECONFIG": str(self.kubeconfig),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_RETRY_FILES_ENABLED": "false",
            "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
        }

    def inventory(
        self,
        extra_vars: Mapping[str, Any] | None = None,
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        machines: Sequence[str] | None = None,
    ) -> pathlib.Path:
        """Path of an inventory of this site; None as a value of a variable takes it away.

        :param extra_vars: site variables
        :param overrides: variables by machine; a machine that the rack does not have is added
        :param machines: only these
        """
        names = list(self.machines if machines is None else machines)
        hosts = {name: self._machine_variables(self.machines[name].spec) for name in names}
        for name, values in (overrides or {}).items():
            hosts[name] = _without_none({**hosts.get(name, {}), **values})
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        content = {
            "all": {
                "vars": _without_none({**self._site_variables(), **(extra_vars or {})}),
                "children": {"arm_workers": {"hosts": hosts}, "web_host": {"hosts": {"localhost": here}}},
            }
        }
        self._runs += 1
        path = self.directory / f"inventory-{self._runs}.yml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    def _site_variables(self) -> dict[str, Any]:
        uploads = {}
        if self._takes_uploads:
            uploads = {
                "publish_put_url": f"{self.uploads.url}/{self.publish_directory.name}",
                "publish_username": "publisher",
                "publish_password": PUT_PASSWORD,
                "publish_ca_path": str(self.site_authority.certificate_path),
            }
        return {
            **uploads,
            "publish_directory": str(self.publish_directory),
            "publish_base_url": self.base_url,
            "publish_access_log": str(self.web.access_log),
            "netboot_tftp_directory": str(self.tftp_directory),
            "netboot_grub_directory": str(self.grub_directory),
            "iso_installer_command": [str(PROGRAMS / "coreos-installer")],
            "prepare_iso_directory": str(self.install_directory),
            "netboot_entry_paths": {
                "grub": str(self.publish_directory / "grub/grub.cfg"),
                "ipxe": str(self.publish_directory / "boot.ipxe"),
            },
        }

    def _machine_variables(self, spec: MachineSpec) -> dict[str, Any]:
        values: dict[str, Any] = {
            "machine_addresses": list(spec.addresses),
            "machine_architecture": spec.architecture,
            "machine_boot_method": spec.boot_method,
            "machine_macs": list(spec.macs),
        }
        if spec.node_name != spec.name:
            values["machine_node_name"] = spec.node_name
        if spec.install_device and spec.boot_method != "external":
            values["machine_install_device"] = spec.install_device
        if spec.boot_transport != "http":
            values["machine_boot_transport"] = spec.boot_transport
        if spec.name in self.bmcs:
            bmc = self.bmcs[spec.name]
            values["machine_bmc_url"] = bmc.url
            values["machine_bmc_username"] = bmc.username
            values["machine_bmc_password"] = bmc.password
            values["machine_bmc_ca_path"] = str(self.bmc_authority.certificate_path)
        return {**values, **spec.variables}

    def run(
        self,
        playbook: str,
        *arguments: str,
        inventory: pathlib.Path | None = None,
        extra_vars: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Run:
        """Runs a playbook to its end: a name of the collection's, or a path."""
        running = self.start(playbook, *arguments, inventory=inventory, extra_vars=extra_vars, environment=environment)
        return running.wait(timeout)

    def start(
        self,
        playbook: str,
        *arguments: str,
        inventory: pathlib.Path | None = None,
        extra_vars: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> RunningPlaybook:
        """Starts a playbook and lets it run."""
        inventory = inventory or self.inventory()
        self._runs += 1
        running = start_playbook(
            playbook,
            *arguments,
            inventory=inventory,
            directory=self.directory / f"run-{self._runs}",
            environment={**self.environment, **(environment or {})},
            extra_vars=extra_vars,
        )
        self._stack.callback(running.end)
        return running


def _is_installed_by_hand(spec: MachineSpec) -> bool:
    default = "unattended" if spec.bmc else "by_hand"
    return spec.boot_method == "iso" and spec.variables.get("machine_iso_install", default) == "by_hand"


def _system_of(machine: RackMachine) -> BmcSystem:
    """The machine as its BMC sees and switches it."""

    async def start(boot: Boot) -> None:
        machine.tell("bmc_boot", target=boot.target, image=boot.image)
        if boot.image:
            machine.insert_iso(boot.image)
        await machine.switch_on()

    system = BmcSystem(
        list(machine.spec.macs),
        machine.spec.architecture,
        uuid=machine.spec.system_uuid,
        on_boot=start,
        on_off=machine.switch_off,
        on_eject=machine.eject_iso,
        runs=lambda: machine.state != "off",
    )
    machine.keeps_media = system.keeps_media
    return system


def node_of(request: Mapping[str, Any]) -> str:
    """The node that a certificate request is about: its requester, or for a client request its subject."""
    spec = request["spec"]
    if spec["signerName"] != CLIENT_SIGNER:
        return str(spec.get("username", "")).removeprefix("system:node:")
    parsed = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
    names = parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[-1].value).removeprefix("system:node:") if names else ""


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _installs(path: pathlib.Path, marker: str = "") -> bool:
    """Whether a boot file installs its machine, instead of sending it to its disk."""
    with contextlib.suppress(FileNotFoundError):
        text = path.read_text(errors="replace")
        return marker in text and not re.search(r"^\s*(exit|LOCALBOOT)\b", text, re.MULTILINE)
    return False


async def _made(make: Any) -> Any:
    return make()
