# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine made of real parts: coreos-installer on a loop disk, Ignition, and an arm64 kubelet under qemu-user.

Nothing reaches it past the published files, except what real live media carry: the image to write. What the installer
puts on the disk is what boots, and what the machine-config server answers is what its kubelet joins with.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import re
import shlex
import shutil
import sys
from typing import Any
from typing import NamedTuple

import yaml

from lab import image
from lab import live
from lab import real_plane
from lab.kubelet import ApiConnection
from lab.live import KernelLine
from lab.live import LiveMedia
from lab.live import Login
from lab.live import Panic
from lab.loop_disk import LoopDisk
from lab.machines import NODE_ARCHITECTURE
from lab.machines import MachineSpec
from lab.machines import Rack
from lab.machines import RackMachine
from lab.room import Room
from lab.wire import Wire

_INSTALLER_PROGRAMS = ("coreos-installer", "coreos-installer-service", "ignition", "ignition-apply")
PROGRAMS = (*_INSTALLER_PROGRAMS, "kubelet", "kubelet-arm64", "fake-cri")
# Program and the Debian package that has it
SYSTEM_PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "partx": "util-linux",
    "blkid": "util-linux",
    "lsblk": "util-linux",
    "sfdisk": "fdisk",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
}
# By the name that Debian 12 gives it, and by that of Debian 13
EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")
SHIMS = pathlib.Path(__file__).parent / "shims"
_PATH = f"{SHIMS}:{os.environ['PATH']}"
_DISK_SIZE = 128 * image.MEBIBYTE
_BOOT_FILES = ("ignition/config.ign", "ignition.firstboot", "loader/entries/ostree-1.conf", "grub2/grub.cfg")
_CONNECTIONS = "etc/NetworkManager/system-connections"
_FIRST_BOOT_SECONDS = 15.0
# Where a machine's own folder is seen inside its rooms: paths of sockets must be short.
_INSIDE = "/media"
_BEHAVIOURS = frozenset(
    ["dead", "silent", "localhost", "polling", "network_first", "loses_keys_early", "loses_keys_late"]
)


def missing(programs: pathlib.Path) -> str:
    """Empty where real machines can be made here, else one line that says how to get what is missing."""
    if sys.platform != "linux" or not _is_root():
        return "real machines need root on Linux, for mounts and loop devices"
    absent = [name for name in (*real_plane.PROGRAMS, *PROGRAMS) if not (programs / name).exists()]
    absent += [name for name in SYSTEM_PROGRAMS if shutil.which(name) is None]
    if emulator() is None:
        absent.append(EMULATORS[0])
    if absent:
        packages = " ".join(sorted(set(SYSTEM_PROGRAMS.values())))
        return (
            f"real machines need {', '.join(absent)}: set KUBEBUILDER_ASSETS to a folder with the programs of"
            f" Kubernetes and CoreOS (now {programs}), and have those of the system in PATH (apt-get install {packages}"
            " qemu-user-static, from Debian 13 on qemu-user)"
        )
    if not pathlib.Path("/dev/loop-control").exists():
        return "this system has no loop devices: modprobe loop"
    return ""


def _is_root() -> bool:
    """Root of the system: the lab makes every user root of a namespace, who may take no loop device."""
    return pathlib.Path("/proc/self/uid_map").read_text().split()[:2] == ["0", "0"] and os.geteuid() == 0


def emulator() -> str | None:
    """Path of the program that runs arm64 programs here."""
    return next(filter(None, map(shutil.which, EMULATORS)), None)


class Installed(NamedTuple):
    """What the installer left in the disk's `boot` file system."""

    ignition: bytes
    first_boot: str
    entry: str
    grub: str
    keyfiles: dict[str, str]
    """Of the network configuration that was copied, by path in the initramfs."""


class Workshop:
    """What the real machines of a site share: programs, and the image to write."""

    def __init__(self, directory: pathlib.Path, programs: pathlib.Path, pointer: bytes) -> None:
        """
        :param pointer: pointer config of machines that somebody else installed
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.programs = programs
        self.pointer = pointer
        media = image.make_image(directory / "metal.raw")
        self.media = directory / "media.yaml"
        self.media.write_text(f"image-file: {media}\ninsecure: true\n")


class RealMachine(RackMachine):
    """A machine whose live system, disk, first boot and kubelet are the real programs."""

    def __init__(self, spec: MachineSpec, rack: Rack, workshop: Workshop) -> None:
        unknown = set(spec.behaviour) - _BEHAVIOURS
        if unknown:
            raise ValueError(f"a real machine cannot be {', '.join(sorted(unknown))}")
        super().__init__(spec, rack)
        self.disk: Installed | None = None
        self.live_ignition = b""
        """What the initrds carried."""
        self.installer_said: list[str] = []
        """All arguments of the installer."""
        self.live_media: dict[str, Any] = {}
        """What is in the one config file among them that no product wrote."""
        self.installer_files: dict[str, str] = {}
        """Config files among them, by path."""
        self._workshop = workshop

    # --- live system and installer --------------------------------------------------------------------------

    async def _live_system(self, line: KernelLine, initrds: list[tuple[str, bytes]]) -> None:
        root = self._fresh("live")
        configuration = root / "etc/coreos"
        (configuration / "installer.d").mkdir(parents=True)
        if line.has_live_ignition:
            for path, content in initrds:
                await self._apply_live_ignition(path, content, root)
        files = sorted((configuration / "installer.d").iterdir())
        self.installer_files = {f"/etc/coreos/installer.d/{file.name}": file.read_text() for file in files}
        if not live.installer_starts(line, self.installer_files):
            raise Login("the live system waits at its login: nothing told it to install")
        (root / "cmdline").write_text(line.text + "\n")
        await self._install(root)

    async def _read_iso(self, content: bytes) -> LiveMedia:
        folder = self._fresh("media")
        iso = folder / "media.iso"
        iso.write_bytes(content)
        installer = self._workshop.programs / "coreos-installer"
        code, line, errors = await _run(installer, "iso", "kargs", "show", iso)
        if code:
            raise Panic(f"No bootable device: {errors}")
        # there is none in the original
        _code, ignition, _errors = await _run(installer, "iso", "ignition", "show", iso)
        await _run(installer, "iso", "network", "extract", "--directory", folder, iso)
        keyfiles = {file.name: file.read_text() for file in folder.glob("*.nmconnection")}
        return LiveMedia(line.decode().strip(), ignition, keyfiles)

    async def _live_media(self, line: KernelLine, media: LiveMedia) -> None:
        root = self._live_root()
        if media.ignition and line.has_live_ignition:
            await self._apply_config("the ISO", media.ignition, root)
        for name, text in media.keyfiles.items():
            (root / _CONNECTIONS / name).write_text(text)
        files = sorted((root / "etc/coreos/installer.d").iterdir())
        self.installer_files = {f"/etc/coreos/installer.d/{file.name}": file.read_text() for file in files}
        if not live.installer_starts(line, self.installer_files):
            raise Login("the live system waits at its login: nothing told it to install")
        (root / "cmdline").write_text(line.text + "\n")
        # as their units do it, which run before the installer's
        before = [f"{root}/usr/local/bin/{unit.stem}" for unit in root.glob("etc/systemd/system/pre-install-*.service")]
        await self._install(root, [*before, f"bash {self._workshop.programs}/coreos-installer-service"])

    async def _install_by_hand(self, script: str) -> None:
        root = self._live_root()
        (root / "cmdline").write_text("\n")
        (root / "typed").write_text(script)
        await self._install(root, [f"bash -e {root}/typed"])

    def _live_root(self) -> pathlib.Path:
        root = self._fresh("live")
        for folder in ("etc/coreos/installer.d", _CONNECTIONS, "etc/pki/ca-trust/source/anchors"):
            (root / folder).mkdir(parents=True)
        return root

    async def _apply_live_ignition(self, path: str, content: bytes, root: pathlib.Path) -> None:
        initrd = root / "extra.img"
        initrd.write_bytes(content)
        installer = self._workshop.programs / "coreos-installer"
        code, output, errors = await _run(installer, "pxe", "ignition", "unwrap", initrd)
        if code:
            self.tell("initrd_ignored", path=path, reason=errors)
            return
        await self._apply_config(path, output, root)

    async def _apply_config(self, path: str, content: bytes, root: pathlib.Path) -> None:
        config = root / "live.ign"
        config.write_bytes(content)
        self.live_ignition = content
        code, _unused, errors = await _run(self._workshop.programs / "ignition-apply", "--root", root, config)
        if code:
            raise Panic(f"live Ignition of {path}: {errors}")
        self.tell("live_ignition", path=path)

    async def _install(self, root: pathlib.Path, commands: list[str] | None = None) -> None:
        """
        :param commands: instead of the installer's service alone
        """
        self.disk, self.installed = None, False
        self.tell("installing")
        disk = LoopDisk(self._directory / "disk.raw", _DISK_SIZE)
        said = root / "said"
        said.write_text("")
        # A machine sees no disk but its own: whoever opens a disk makes such kernels forget its partitions.
        # Without udev for the same reason; the installer only wants to see its socket.
        known_as = pathlib.PurePosixPath("/run", (self.spec.install_device or disk.device).lstrip("/"))
        # It sees an /etc of its own, with what root has: nothing is made or mounted in the host's.
        whole = root / "whole"
        script = [
            "mount -t tmpfs tmpfs /run",
            f"mkdir -p /run/udev/data {shlex.quote(str(known_as.parent))}",
            "touch /run/udev/control",
            f"cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom {disk.device} /run/dev",
            "ln -s /proc/self/fd /run/dev/fd",
            f"[ -e {shlex.quote(str(known_as))} ] || ln -s {disk.device} {shlex.quote(str(known_as))}",
            "mount --bind /run/dev /dev",
            f"mount --bind {root}/cmdline /proc/cmdline",
            f"mkdir {whole}",
            f"cp -a /etc {whole}",
            f"rm -rf {whole}/etc/coreos",
            f"cp -a {root}/etc {whole}",
            f"mount --bind {whole}/etc /etc",
        ]
        script += commands or [f"exec bash {self._workshop.programs}/coreos-installer-service"]
        environment = {
            "PATH": _PATH,
            "LAB_INSTALLER": str(self._workshop.programs / "coreos-installer"),
            "LAB_MEDIA": str(self._workshop.media),
            "LAB_SAID": str(said),
            "SSL_CERT_FILE": f"{root}/trusted.pem",
            "RUST_BACKTRACE": "0",
        }
        log = self._directory / "installer.log"
        log.write_bytes(b"")
        try:
            with self._wire() as wire:
                room = Room(
                    "\n".join(script),
                    log,
                    host_name="localhost",
                    environment=environment,
                    network=wire.namespace,
                )
                code = await room.finished()
            self.installer_said = said.read_text().splitlines()
            self.live_media = yaml.safe_load(self._workshop.media.read_text())
            if code:
                raise Panic(f"coreos-installer: {_complaint(log)}")
            ignition, *texts = [await asyncio.to_thread(image.read_boot, disk.device, name) for name in _BOOT_FILES]
            first_boot, entry, grub = (text.decode() for text in texts)
            initramfs = await asyncio.to_thread(image.read_boot, disk.device, "initramfs")
            added = initramfs[len(image.INITRAMFS) :]
            keyfiles = live.unpack_initrd(added.lstrip(b"\0")) if added else {}
            self.disk = Installed(
                ignition, first_boot, entry, grub, {name: keyfiles[name].decode() for name in keyfiles}
            )
            self.installed = True
        finally:
            disk.close()

    # --- first boot and kubelet -----------------------------------------------------------------------------

    async def _join(self) -> None:
        self.state = "node"
        await self._first_boot()
        if "silent" not in self.spec.behaviour:
            await self._run_kubelet()

    async def _first_boot(self) -> None:
        """Ignition asks the machine-config server, and writes what that answers."""
        root, state = self._fresh("sysroot"), self._fresh("ignition")
        (state / "config.ign").write_bytes(self.disk.ignition if self.disk else self._workshop.pointer)
        policy = root / "etc/selinux/config"  # Ignition wants to know what to label its files with
        policy.parent.mkdir(parents=True)
        policy.write_text("SELINUX=disabled\nSELINUXTYPE=targeted\n")
        log = self._directory / "ignition.log"
        log.write_bytes(b"")
        script = f"""
            for stage in fetch files; do
              {self._workshop.programs}/ignition --stage $stage --platform file --log-to-stdout --root {root} \\
                --config-cache {state}/cache --state-file {state}/state --neednet {state}/neednet
            done
        """
        environment = {"PATH": _PATH, "IGNITION_CONFIG_FILE": f"{state}/config.ign"}
        self.tell("first_boot", name=self.host_name)
        with self._wire() as wire:
            room = Room(script, log, host_name=self.host_name, environment=environment, network=wire.namespace)
            try:
                code = await asyncio.wait_for(room.finished(), _FIRST_BOOT_SECONDS)
            except asyncio.TimeoutError:
                code = -1  # it tries for ever
        if code:
            raise Panic(f"Ignition: {_complaint(log)}")

    @property
    def host_name(self) -> str:
        """From `ip=` of the first boot, else from DHCP."""
        kept = re.search(r'ignition_network_kcmdline="([^"]*)"', self.disk.first_boot) if self.disk else None
        given = KernelLine(kept.group(1)).host_name if kept else None
        return given or ("localhost.localdomain" if "localhost" in self.spec.behaviour else self.spec.host_name)

    def _wire(self) -> Wire:
        return Wire(self.spec.addresses, self._directory / "wire.log")

    async def _kubelet_runs(self) -> None:
        with self._wire() as wire:
            await self._kubelet(wire.namespace)

    async def _kubelet(self, network: str) -> None:
        log = self._directory / "kubelet.log"
        log.write_bytes(b"")
        (self._directory / "var").mkdir(exist_ok=True)
        # one that is about to lose its keys must not come any further, whatever is faster
        serving, register = not self._losing, "client_csr" not in self._losing
        configuration = _KUBELET.format(
            address=self.spec.addresses[0],
            inside=_INSIDE,
            serving=str(serving).lower(),
            register=str(register).lower(),
        )
        (self._directory / "kubelet.yaml").write_text(configuration)
        programs = self._workshop.programs
        arm = NODE_ARCHITECTURE[self.spec.architecture] == "arm64"
        kubelet = f"{emulator()} {programs}/kubelet-arm64" if arm else f"{programs}/kubelet"
        script = f"""
            cp {self._rack.cluster.ca_path} {self._directory}/ca.crt
            mount --bind {self._directory} {_INSIDE}
            {programs}/fake-cri unix://{_INSIDE}/cri.sock &
            while ! [ -S {_INSIDE}/cri.sock ]; do sleep 0.05; done
            exec {kubelet} --v=2 --bootstrap-kubeconfig {_INSIDE}/sysroot/etc/kubernetes/kubeconfig \\
              --kubeconfig {_INSIDE}/var/kubeconfig --cert-dir {_INSIDE}/var/pki --root-dir {_INSIDE}/var/kubelet \\
              --config {_INSIDE}/kubelet.yaml --container-runtime-endpoint unix://{_INSIDE}/cri.sock \\
              --node-ip {",".join(self.spec.addresses)}
        """
        (self._directory / "cri.sock").unlink(missing_ok=True)
        room = Room(script, log, host_name=self.host_name, environment={}, network=network)
        running, watching = asyncio.ensure_future(room.finished()), asyncio.ensure_future(self._watch(log))
        try:
            await asyncio.wait([running, watching], return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()  # or KeysLost
            raise Panic(f"kubelet ended with {await running}: {_complaint(log)}")
        finally:
            room.end()
            for task in (running, watching):
                task.cancel()
            await asyncio.gather(running, watching, return_exceptions=True)

    async def _watch(self, log: pathlib.Path) -> None:
        """Tells what the kubelet's own log and files say."""
        pki = self._directory / "var/pki"
        requests = self._rack.cluster.certificates
        requests.start()
        before = len(requests.of(self.host_name))
        signs = {
            "client_csr": lambda text: len(requests.of(self.host_name)) > before,
            "client_certificate": lambda text: (pki / "kubelet-client-current.pem").is_symlink(),
            "registered": lambda text: "Successfully registered node" in text,
            "serving": lambda text: (pki / "kubelet-server-current.pem").is_symlink(),
        }
        ready: asyncio.Task[None] | None = None
        try:
            while signs or ready:
                text = log.read_text(errors="replace")
                for what, happened in list(signs.items()):
                    if not happened(text):
                        break  # they are told in this order, whichever is seen first
                    del signs[what]
                    self.tell(what)
                    if what == "registered":
                        ready = asyncio.ensure_future(self._until_ready(pki))
                if ready and ready.done():
                    ready.result()
                    ready = None
                    self.tell("ready")
                await asyncio.sleep(0.05)
        finally:
            if ready:
                ready.cancel()

    async def _until_ready(self, pki: pathlib.Path) -> None:
        """Until the cluster says that this node is Ready; asked with the node's own certificate."""
        certificate = pki / pathlib.Path(os.readlink(pki / "kubelet-client-current.pem")).name
        context = self._rack.cluster.context()
        context.load_cert_chain(certificate)
        connection = ApiConnection(self._rack.cluster.url, context)
        try:
            while True:
                node = await connection.call("GET", f"/api/v1/nodes/{self.host_name}")
                conditions = node.get("status", {}).get("conditions", [])
                if any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions):
                    return
                await asyncio.sleep(0.2)
        finally:
            await connection.close()

    def forget_keys(self) -> None:
        shutil.rmtree(self._directory / "var", ignore_errors=True)

    def _fresh(self, name: str) -> pathlib.Path:
        folder = self._directory / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


_KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
serverTLSBootstrap: {serving}
registerNode: {register}
rotateCertificates: true
failSwapOn: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
localStorageCapacityIsolation: false
makeIPTablesUtilChains: false
address: {address}
healthzBindAddress: {address}
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: false}}, x509: {{clientCAFile: {inside}/ca.crt}}}}
authorization: {{mode: AlwaysAllow}}
podLogsDir: {inside}/var/log
"""


async def _run(*arguments: str | os.PathLike[str]) -> tuple[int, bytes, str]:
    """Exit status, output and the last line of errors of a program that is quick."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output, _last(errors.decode(errors="replace"))


def _complaint(log: pathlib.Path) -> str:
    """What a person would read out of the log: its chain of causes, its last error, or its last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("unshare:")]
    causes = [re.sub(r"^\d+: ", "", line) for line in lines if re.match(r"\d+: ", line)]
    wrong = [line for line in lines if re.search(r"error|fail|refus|x509|no such", line, re.IGNORECASE)]
    return ": ".join(causes) or (wrong or lines or ["ended without a word"])[-1]


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
