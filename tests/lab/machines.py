# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines: what stands in the rack. One small interface; here the simulated machine, by the hundred in one event loop.

It does what a real one does, in that order: firmware and boot loader look for the boot file of its MAC, the live system
installs, the installed system's kubelet joins the cluster. What a real one would stumble over stops it.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import dataclasses
import hashlib
import pathlib
import ssl
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import aiohttp

from lab import live
from lab.iso import LiveIso
from lab.kubelet import Cluster
from lab.kubelet import Identity
from lab.kubelet import Kubelet
from lab.live import Installation
from lab.live import KernelLine
from lab.live import LiveMedia
from lab.live import Login
from lab.live import Panic
from lab.loaders import Boot
from lab.loaders import BootError
from lab.loaders import Grub
from lab.loaders import Ipxe
from lab.loaders import LocalBoot
from lab.loaders import Pxelinux
from lab.loaders import Waits
from lab.loop import LoopThread
from lab.mirror import Artifact

BEHAVIOURS = {
    "dead": "does nothing when it is powered on",
    "silent": "installs, but its kubelet never asks for a certificate",
    "localhost": "has no name from DHCP: calls itself localhost.localdomain unless ip= gives it a name",
    "never_serving": "never asks for a serving certificate",
    "lies": "reports the API's address as one of its own",
    "loses_keys_early": "its kubelet starts again without its keys right after its first request",
    "loses_keys_late": "its kubelet starts again without its keys once its Node is Ready",
    "network_first": "boots from the network, or from its ISO, first, also after the installation",
    "patient": "its installer ends when its BMC no longer lets every boot be from the ISO",
    "polling": "looks for its boot file again and again while it finds none",
    "slow": "takes `pace` seconds for every stage",
}
# The GRUB of the distribution is found over TFTP, or by UEFI HTTP boot; iPXE and PXELINUX are what DHCP offers.
LOADERS = ("grub-tftp", "grub-http", "ipxe", "pxelinux", "lpxelinux")
NODE_ARCHITECTURE = {"aarch64": "arm64", "x86_64": "amd64"}


@dataclasses.dataclass
class MachineSpec:
    """A machine as it is, which may differ from what the inventory says."""

    name: str
    addresses: list[str]
    macs: list[str]
    architecture: str = "aarch64"
    boot_method: str = "grub"
    boot_transport: str = "http"
    loader: str = ""
    install_device: str = ""
    """Its only disk; any device is taken where empty."""
    node_name: str = ""
    host_name: str = ""
    """The name that it gets from DHCP; default: the node name."""
    behaviour: frozenset[str] | set[str] | str = frozenset()
    reported_addresses: list[str] = dataclasses.field(default_factory=list)
    reported_architecture: str = ""
    rsa: bool = False
    system_uuid: str = ""
    pace: float = 0.0
    """Seconds that a slow one takes for each stage, and that one without its keys takes to start again."""
    bmc: bool = False
    """Has a BMC, and the inventory says so; nobody presses its button then."""
    variables: dict[str, Any] = dataclasses.field(default_factory=dict)
    """More variables for the inventory."""

    def __post_init__(self) -> None:
        if isinstance(self.behaviour, str):
            self.behaviour = frozenset(self.behaviour.split())
        unknown = set(self.behaviour) - set(BEHAVIOURS)
        if unknown:
            raise ValueError(f"no behaviour {', '.join(sorted(unknown))}; there are {', '.join(BEHAVIOURS)}")
        self.loader = self.loader or {
            "grub": "grub-tftp",
            "pxelinux": "lpxelinux" if self.boot_transport == "http" else "pxelinux",
        }.get(self.boot_method, "ipxe")
        if self.loader not in LOADERS:
            raise ValueError(f"no loader {self.loader}; there are {', '.join(LOADERS)}")
        self.node_name = self.node_name or self.name
        self.host_name = self.host_name or self.node_name
        self.system_uuid = self.system_uuid or str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name + self.macs[0]))


class Event(NamedTuple):
    """Something that happened to a machine."""

    time: float
    what: str
    details: Mapping[str, Any]

    def __str__(self) -> str:
        return " ".join([self.what, *(f"{key}={value}" for key, value in self.details.items())])


class Machine(abc.ABC):
    """Any machine, simulated or real: it can be switched on, and what happens is seen."""

    def __init__(self, spec: MachineSpec) -> None:
        self.spec = spec
        self.state = "off"  # off, firmware, live, local, node, stuck
        self.result = ""  # why it is stuck, or does nothing
        self.seen: list[Event] = []
        self._changed = threading.Condition()

    @property
    def name(self) -> str:
        return self.spec.name

    @abc.abstractmethod
    def power_on(self) -> None:
        """Switches it on, or off and on again; returns at once."""

    @abc.abstractmethod
    def power_off(self) -> None:
        """Switches it off."""

    def events(self, what: str) -> list[Event]:
        with self._changed:
            return [event for event in self.seen if event.what == what]

    def wait_for(self, what: str, timeout: float = 10.0, *, count: int = 1) -> Event:
        """The event, once it happened (for the count-th time); AssertionError with all events where it does not."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [event for event in self.seen if event.what == what]
                if len(found) >= count:
                    return found[count - 1]
                if not self._changed.wait(deadline - time.monotonic()):
                    story = "; ".join(str(event) for event in self.seen)
                    raise AssertionError(f"{self.name}: no {what} within {timeout} s; {self.state}; seen: {story}")

    def tell(self, what: str, **details: Any) -> None:
        with self._changed:
            self.seen.append(Event(time.time(), what, details))
            self._changed.notify_all()


class BootNetwork(NamedTuple):
    """What DHCP tells every machine: where boot files come from."""

    base_url: str
    server: str
    tftp_directory: pathlib.Path | None
    grub_directory: pathlib.Path | None


class Rack:
    """What simulated machines share: the loop, the network, the cluster, and what the maker's files look like."""

    def __init__(
        self,
        loop: LoopThread,
        network: BootNetwork,
        cluster: Cluster,
        artifacts: Mapping[str, Artifact],
        directory: pathlib.Path,
        *,
        api_address: str,
        proof_possible: bool,
        poll: float = 0.2,
        retry: float = 0.1,
        reboot: float = 1.0,
        armed: Callable[[str], bool] = lambda _name: True,
        site_authority: pathlib.Path | None = None,
    ) -> None:
        """
        :param site_authority: what the site's people trust, who download ISOs
        """
        self.loop = loop
        self.network = network
        self.cluster = cluster
        self.artifacts = artifacts
        self.directory = directory
        self.api_address = api_address
        self.proof_possible = proof_possible
        self.poll = poll
        self.retry = retry
        self.reboot = reboot
        """Seconds, at most."""
        self.armed = armed
        """Whether a boot file lies there for the machine of this name."""
        self.trust = ssl.create_default_context()
        if site_authority is not None:
            self.trust.load_verify_locations(cafile=site_authority)


# Behaviour and the event after which it shows
_LOSES_KEYS = {"loses_keys_early": "client_csr", "loses_keys_late": "ready"}


class KeysLost(Exception):
    """The kubelet ended, and its keys are gone."""


class RackMachine(Machine):
    """A machine that is a task in the rack's event loop up to its kernel; live system and disk differ."""

    def __init__(self, spec: MachineSpec, rack: Rack) -> None:
        super().__init__(spec)
        self.installed = False
        self.media = ""
        """URL of the ISO in its drive (virtual media, a stick with that image), or the file that its BMC fetched."""
        self.keeps_media: Callable[[], bool] = lambda: False
        """Whether its BMC lets it boot from that ISO whenever it restarts."""
        self._typed: asyncio.Future[str] | None = None
        self._losing = {event for behaviour, event in _LOSES_KEYS.items() if behaviour in spec.behaviour}
        self._rack = rack
        self._task: asyncio.Task[None] | None = None
        self._directory = rack.directory / spec.name

    @abc.abstractmethod
    async def _live_system(self, line: KernelLine, initrds: list[tuple[str, bytes]]) -> None:
        """Live Ignition from the initrds after the first, then the installer, which sets `installed`."""

    @abc.abstractmethod
    async def _read_iso(self, content: bytes) -> LiveMedia:
        """What the machine finds on an ISO."""

    @abc.abstractmethod
    async def _live_media(self, line: KernelLine, media: LiveMedia) -> None:
        """Live system and installer from an ISO; `live.Login` where that tells it nothing."""

    @abc.abstractmethod
    async def _install_by_hand(self, script: str) -> None:
        """Does what was typed into the live system's shell."""

    @abc.abstractmethod
    async def _join(self) -> None:
        """The installed system comes up; runs as long as its kubelet."""

    @abc.abstractmethod
    async def _kubelet_runs(self) -> None:
        """The kubelet alone."""

    async def _run_kubelet(self) -> None:
        while True:
            try:
                return await self._kubelet_runs()
            except KeysLost:
                self.forget_keys()
                await asyncio.sleep(self.spec.pace or self._rack.reboot)

    def tell(self, what: str, **details: Any) -> None:
        super().tell(what, **details)
        if what in self._losing:
            self._losing.remove(what)
            super().tell("keys_lost")
            raise KeysLost

    @abc.abstractmethod
    def forget_keys(self) -> None:
        """Keys and kubeconfig of the kubelet are deleted."""

    def power_on(self) -> None:
        self._rack.loop.run(self.switch_on())

    async def switch_on(self) -> None:
        """`power_on` for callers in the rack's own loop."""
        await self._restart(self._life)

    async def switch_off(self) -> None:
        """`power_off` for callers in the rack's own loop."""
        await self._restart(None)
        self.state = "off"

    def insert_iso(self, url: str) -> None:
        """Puts an ISO into its drive, from which it boots while its disk is empty."""
        self.media = url

    def eject_iso(self, url: str) -> None:
        """Takes this ISO out of its drive. A live system that runs from it goes on, unlike a real one."""
        if self.media == url:
            self.media = ""

    async def receive(self, text: str) -> None:
        """Somebody types or pastes this into the shell that it shows (state shell)."""
        if self._typed is None or self._typed.done():
            raise RuntimeError(f"{self.name} shows no shell: {self.state}")
        self._typed.set_result(text)

    def power_off(self) -> None:
        self._rack.loop.run(self.switch_off())

    def restart_kubelet(self, *, keep_keys: bool = True) -> None:
        """Starts the kubelet again, with its keys or, as after a re-installation, without."""
        if self.state != "node":
            raise RuntimeError(f"{self.name} has no kubelet yet")
        self._rack.loop.run(self._restart(None))
        if not keep_keys:
            self.forget_keys()
        self._rack.loop.run(self._restart(self._run_kubelet))

    def start_kubelet(self) -> None:
        """Lets the installed system come up, without firmware and installer: for machines booted by other means."""
        self._rack.loop.run(self._restart(self._join))

    @property
    def boot_file(self) -> pathlib.PurePosixPath:
        """The name of its own boot file, in the folder where its loader looks."""
        dashes = self.spec.macs[0].replace(":", "-")
        names = {"ipxe": f"ipxe/{dashes}.ipxe", "grub-http": f"grub/grub.cfg-01-{dashes}"}
        names |= {"grub-tftp": f"grub.cfg-01-{dashes}"}
        return pathlib.PurePosixPath(names.get(self.spec.loader, f"pxelinux.cfg/01-{dashes}"))

    async def _restart(self, what: Any) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if what is not None:
            self._task = asyncio.get_running_loop().create_task(self._guarded(what))

    async def _guarded(self, what: Any) -> None:
        try:
            await what()
        except (Panic, BootError) as error:
            self._stop("stuck", error)
        except Exception as error:
            # a mistake of the lab itself must not look like a quiet machine
            self._stop("stuck", error)
            raise

    def _stop(self, state: str, reason: object) -> None:
        self.state, self.result = state, str(reason)
        self.tell(state, reason=str(reason))

    # --- the story ------------------------------------------------------------------------------------------

    async def _life(self) -> None:
        self.state, self.result = "firmware", ""
        self.tell("power_on")
        if "dead" in self.spec.behaviour:
            return
        if self.spec.boot_method == "external":
            await self._join()
            return
        while not self.installed or self._starts_elsewhere():
            await self._pause()
            if self.media:
                await self._boot_iso()
            elif self.spec.boot_method == "iso":
                self.result = "no ISO in its drive"
                break
            else:
                boot = await self._firmware()
                if boot is None:
                    break
                await self._live(boot)
            if self._starts_elsewhere():
                await self._restart_slowly()
        if not self.installed:
            self._stop("local", self.result or "no boot file and an empty disk")
            return
        await self._join()

    async def _restart_slowly(self) -> None:
        """A real one takes minutes, in which it can be disarmed."""
        until = time.monotonic() + self._rack.reboot
        while (
            time.monotonic() < until and self._starts_elsewhere() and (self.media or self._rack.armed(self.spec.name))
        ):
            await asyncio.sleep(0.05)

    def _starts_elsewhere(self) -> bool:
        """Whether its firmware passes its disk over."""
        return "network_first" in self.spec.behaviour or (bool(self.media) and self.keeps_media())

    async def _pause(self) -> None:
        if "slow" in self.spec.behaviour:
            await asyncio.sleep(self.spec.pace)

    async def _firmware(self) -> Boot | None:
        """What the loader found; None where it leaves the machine to its disk."""
        while True:
            self.state = "firmware"
            try:
                async with _Fetcher(self._rack.network, self.spec, _AGENTS[self.spec.loader]) as fetcher:
                    boot = await _load(self.spec, self._rack.network, fetcher, self.tell)
            except LocalBoot as error:
                self.result = str(error)
                boot = None
            except Waits as error:
                if "polling" not in self.spec.behaviour:
                    raise
                # somebody resets it
                self.result = str(error)
                boot = None
            if boot is not None or "polling" not in self.spec.behaviour or self.installed:
                break
            await asyncio.sleep(self._rack.poll)
        if boot is None:
            self.tell("local_boot", reason=self.result)
        return boot

    async def _live(self, boot: Boot) -> None:
        """Kernel, initramfs, rootfs, live Ignition, installer."""
        self.state = "live"
        self.tell("kernel", line=boot.line)
        line = KernelLine(boot.line)
        line.check()
        self._expect(boot.kernel, "kernel")
        if not boot.initrds:
            raise Panic("VFS: Cannot open root device: no initrd")
        self._expect(boot.initrds[0], "initramfs")
        await self._pause()
        async with _Fetcher(self._rack.network, self.spec, "curl/7.76.1") as fetcher:
            await self._fetch_rootfs(line, fetcher)
        await self._live_system(line, boot.initrds[1:])
        self.tell("installed")

    async def _boot_iso(self) -> None:
        """Loader, live Ignition and installer, all from the ISO in the drive."""
        self.state = "live"
        if self.media.startswith("/"):
            content = await asyncio.to_thread(pathlib.Path(self.media).read_bytes)
        else:
            async with _Fetcher(self._rack.network, self.spec, "virtual media", self._rack.trust) as fetcher:
                status, content = await fetcher.request("GET", self.media)
            if status != 200:
                raise Panic(f"No bootable device: {self.media}: {status}")
        self._expect((self.media, LiveIso(content).original), "iso")
        media = await self._read_iso(content)
        line = KernelLine(media.line)
        self.tell("iso", url=self.media)
        self.tell("kernel", line=media.line)
        line.check()
        keyfiles = live.own_keyfiles(media.keyfiles, self.spec.macs)
        if media.keyfiles and not keyfiles:
            raise Panic("no network: the ISO has no keyfile for any of its NICs")
        self.tell("network", keyfiles=sorted(keyfiles))
        await self._pause()
        try:
            await self._live_media(line, media)
        except live.Login:
            self._typed = asyncio.get_running_loop().create_future()
            self.state = "shell"
            self.tell("login")
            await self._install_by_hand(await self._typed)
        self.tell("installed")

    def _expect(self, file: tuple[str, bytes], kind: str) -> None:
        """Stops unless these are the maker's bytes for this machine."""
        path, content = file
        artifact = self._rack.artifacts.get(_sha256(content))
        if artifact is None:
            raise Panic(f"{path}: these are not the bytes of a {kind}")
        if artifact.kind != kind:
            raise Panic(f"{path} is a {artifact.kind}, no {kind}")
        if artifact.architecture != self.spec.architecture:
            raise Panic(f"{path}: Exec format error: it is for {artifact.architecture}")

    async def _fetch_rootfs(self, line: KernelLine, fetcher: _Fetcher) -> None:
        url = line.value("coreos.live.rootfs_url")
        if not url:
            raise Panic("no rootfs: neither coreos.live.rootfs_url nor an initrd with it")
        status, _unused = await fetcher.request("HEAD", url)
        if not 200 <= status < 300:
            raise Panic(f"Couldn't establish connectivity with {url}: HEAD answers {status}")
        status, content = await fetcher.request("GET", url)
        if status != 200:
            raise Panic(f"{url}: {status}")
        artifact = self._rack.artifacts.get(_sha256(content))
        if artifact is None or artifact.kind != "rootfs" or artifact.architecture != self.spec.architecture:
            raise Panic(f"{url}: hash mismatch: it is not the rootfs of this initramfs")
        self.tell("rootfs", url=url)


class SimulatedMachine(RackMachine):
    """A machine without a program: live system, installer and kubelet are tasks of the rack's event loop as well."""

    def __init__(self, spec: MachineSpec, rack: Rack) -> None:
        super().__init__(spec, rack)
        self.disk: dict[str, Any] | None = None
        """What is installed: ignition (bytes), installation (live.Installation)."""
        self.kubelet: Kubelet | None = None

    async def _live_system(self, line: KernelLine, initrds: list[tuple[str, bytes]]) -> None:
        files = self._unpack(line, initrds)
        if not live.installer_starts(line, files):
            raise Login("the live system waits at its login: nothing told it to install")
        await self._install(live.installation(line, files), line)

    async def _read_iso(self, content: bytes) -> LiveMedia:
        iso = LiveIso(content)
        return LiveMedia(iso.kernel_line, iso.ignition, iso.keyfiles)

    async def _live_media(self, line: KernelLine, media: LiveMedia) -> None:
        files = self._apply(line, media.ignition) if media.ignition else {}
        if not live.installer_starts(line, files):
            raise Login("the live system waits at its login: nothing told it to install")
        await self._install(live.installation(line, files), line, trust=live.trusted(files))

    async def _install_by_hand(self, script: str) -> None:
        installation = live.typed_installation(script)
        files = {path: text.encode() for path, text in live.typed_files(script).items()}
        line = KernelLine(" ".join(installation.first_boot_arguments))
        await self._install(installation, line, trust=live.trusted(files), patient=False)

    def wipe_disk(self) -> None:
        """Empties the disk, so that the machine boots from the network again."""
        self.disk, self.installed = None, False

    def forget_keys(self) -> None:
        if self.kubelet is not None:
            self.kubelet.forget_keys()

    def _unpack(self, line: KernelLine, initrds: list[tuple[str, bytes]]) -> dict[str, bytes]:
        """Files in /etc that the live Ignition of the initrds writes."""
        unpacked: dict[str, bytes] = {}
        for path, content in initrds:
            try:
                unpacked |= live.unpack_initrd(content)
            except ValueError as error:
                # the kernel says so and boots on, without these files
                self.tell("initrd_ignored", path=path, reason=f"Initramfs unpacking failed: {error}")
        config = unpacked.get("config.ign")
        return self._apply(line, config) if config is not None else {}

    def _apply(self, line: KernelLine, config: bytes) -> dict[str, bytes]:
        if not line.has_live_ignition:
            self.tell("live_ignition_ignored", reason="no ignition.firstboot ignition.platform.id=metal")
            return {}
        files = live.apply_live_ignition(config)
        self.tell("live_ignition", files=sorted(files))
        return files

    async def _install(
        self, installation: Installation, line: KernelLine, *, trust: str = "", patient: bool = True
    ) -> None:
        """
        :param trust: certificates in PEM beside those of RHCOS
        :param patient: as the installer's service tells it to be, which a person does not
        """
        self.tell("installing", device=installation.device, ignition_hash=installation.ignition_hash)
        # as the real one does, before it looks at the disk
        url = installation.ignition_url
        content = await self._fetch_ignition(url, trust, patient=patient) if url else b""
        if self.spec.install_device and installation.device != self.spec.install_device:
            raise Panic(f"coreos-installer: checking for exclusive access to {installation.device}: no such device")
        self.disk, self.installed = None, False  # from here on what was there is gone
        if url:
            self.tell("ignition", url=url, verified=installation.ignition_hash is not None)
            live.check_ignition_hash(content, installation.ignition_hash)
        await self._pause()
        while "patient" in self.spec.behaviour and self.keeps_media():
            await asyncio.sleep(self._rack.poll)
        self.disk = {"ignition": content, "installation": installation, "host_name": line.host_name}
        self.installed = True

    async def _fetch_ignition(self, url: str, trust: str, *, patient: bool) -> bytes:
        """4xx ends it at once; everything else is tried for ever, or once."""
        context = ssl.create_default_context()
        if trust:
            context.load_verify_locations(cadata=trust)
        pause = self._rack.retry
        while True:
            async with _Fetcher(self._rack.network, self.spec, "coreos-installer/0.24.0", context) as fetcher:
                try:
                    status, content = await fetcher.request("GET", url)
                    problem = f"HTTP status {status}"
                except BootError as error:
                    status, content, problem = 0, b"", str(error)
            if status == 200:
                return content
            if 400 <= status < 500 or not patient:
                raise Panic(f"coreos-installer: fetching {url}: {problem}")
            self.tell("ignition_retry", status=status)
            await asyncio.sleep(pause)
            pause = min(16 * self._rack.retry, pause * 2)

    async def _join(self) -> None:
        self.state = "node"
        name = self.spec.host_name
        if "localhost" in self.spec.behaviour:
            name = "localhost.localdomain"
        source = ""  # somebody else installed it
        if self.disk is not None:
            source = live.check_first_boot(self.disk["ignition"])
            name = self.disk["host_name"] or name
        self.tell("first_boot", source=source, name=name)
        if self.disk is not None and self._rack.proof_possible:
            await self._machine_config(source, live.authorities(self.disk["ignition"]))
        if "silent" in self.spec.behaviour:
            return
        if self.kubelet is None or self.kubelet.identity.name != name or self._reinstalled():
            self.kubelet = self._new_kubelet(name)
        await self._pause()
        await self._run_kubelet()

    async def _machine_config(self, source: str, authorities: str) -> None:
        """What the machine-config server answers; it is asked for ever while it is broken."""
        context = ssl.create_default_context(cadata=authorities) if authorities else ssl.create_default_context()
        pause = self._rack.retry
        while True:
            try:
                async with self._ignition_session() as session, session.get(source, ssl=context) as answer:
                    if answer.status < 400:
                        return
                    if answer.status < 500:
                        raise Panic(f"Ignition: GET {source}: {answer.status}")
            except aiohttp.ClientConnectorCertificateError:
                raise Panic(f"Ignition: GET {source}: x509: certificate signed by unknown authority") from None
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(pause)
            pause = min(16 * self._rack.retry, pause * 2)

    @staticmethod
    def _ignition_session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(headers={"Accept": live.IGNITION_ACCEPT})

    def _reinstalled(self) -> bool:
        installed = [event.what for event in self.seen if event.what in ("installed", "client_certificate")]
        return bool(installed) and installed[-1] == "installed"

    def _new_kubelet(self, name: str) -> Kubelet:
        spec = self.spec
        addresses = list(spec.reported_addresses or spec.addresses)
        if "lies" in spec.behaviour:
            addresses.append(self._rack.api_address)
        architecture = spec.reported_architecture or NODE_ARCHITECTURE[spec.architecture]
        self._directory.mkdir(parents=True, exist_ok=True)
        return Kubelet(
            self._rack.cluster,
            Identity(name, tuple(addresses), architecture, spec.system_uuid, spec.rsa),
            self._directory,
            self.tell,
            serves="never_serving" not in spec.behaviour,
            listens=spec.addresses if self._rack.proof_possible else (),
        )

    async def _kubelet_runs(self) -> None:
        if self.kubelet is not None:
            await self.kubelet.run()


_AGENTS = {
    "grub-tftp": "GRUB 2.06",
    "grub-http": "GRUB 2.06",
    "ipxe": "iPXE/1.21.1+",
    "pxelinux": "Syslinux/6.04",
    "lpxelinux": "Syslinux/6.04",
}


async def _load(spec: MachineSpec, network: BootNetwork, fetcher: _Fetcher, tell: Any) -> Boot:
    """Lets the machine's loader look for the file of each NIC in turn, as firmware tries one after the other."""
    left = LocalBoot("no NIC found a boot file")
    for mac in spec.macs:
        try:
            return await _load_by_mac(spec, network, fetcher, tell, mac)
        except LocalBoot as error:
            left = error
    raise left


async def _load_by_mac(spec: MachineSpec, network: BootNetwork, fetcher: _Fetcher, tell: Any, mac: str) -> Boot:
    dashes = mac.replace(":", "-")
    base = network.base_url
    if spec.loader in ("grub-tftp", "grub-http") and spec.architecture != "aarch64":
        raise LocalBoot("grubaa64.efi does not start on x86_64")
    if spec.loader in ("pxelinux", "lpxelinux") and spec.architecture != "x86_64":
        raise LocalBoot(f"{spec.loader}.0 is a program for x86_64")
    if spec.loader == "ipxe":
        names = [f"{base}/boot.ipxe", f"{base}/ipxe/boot.ipxe", f"{base}/ipxe/{dashes}.ipxe"]
        path, script = await fetcher.first(names)
        tell("boot_file", path=path)
        ipxe = Ipxe(fetcher.read, mac, server=network.server, address=spec.addresses[0], architecture=spec.architecture)
        return await ipxe.boot(script, path)
    if spec.loader in ("pxelinux", "lpxelinux"):
        path, script = await fetcher.first([f"pxelinux.cfg/01-{dashes}", "pxelinux.cfg/default"])
        tell("boot_file", path=path)
        return await Pxelinux(fetcher.read, http=spec.loader == "lpxelinux").boot(script)
    if spec.loader == "grub-http":
        parts = urllib.parse.urlsplit(base)
        root, prefix = f"(http,{parts.netloc})", f"{parts.path}/grub"
        names = ["grub.cfg", f"grub.cfg-01-{dashes}"]  # without our dispatcher the site's own menu leads there
    else:
        root, prefix = f"(tftp,{network.server})", _grub_prefix(network)
        names = [f"grub.cfg-01-{dashes}", "grub.cfg"]
    path, script = await fetcher.first([f"{root}{prefix}/{name}" for name in names])
    tell("boot_file", path=path)
    grub = Grub(fetcher.read, mac, root=root, prefix=prefix, server=network.server, address=spec.addresses[0])
    return await grub.boot(script)


def _grub_prefix(network: BootNetwork) -> str:
    """The folder of the loader below the root of the TFTP server."""
    if network.grub_directory is None or network.tftp_directory is None or not network.grub_directory.is_dir():
        raise LocalBoot("TFTP has no grubaa64.efi")
    relative = network.grub_directory.relative_to(network.tftp_directory).as_posix()
    return "" if relative == "." else f"/{relative}"


class _Fetcher:
    """A machine's network: HTTP from its own address, TFTP from the folder that is served."""

    def __init__(
        self, network: BootNetwork, spec: MachineSpec, agent: str, trust: ssl.SSLContext | None = None
    ) -> None:
        self._network = network
        self._trust = trust
        self._address = spec.addresses[0]
        self._agent = agent
        self._waits = spec.loader in ("grub-tftp", "pxelinux", "lpxelinux")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> _Fetcher:
        same_family = (":" in self._address) == (":" in self._network.server)
        local = (self._address, 0) if same_family and not self._network.server.startswith("127.") else None
        trust = True if self._trust is None else self._trust
        connector = aiohttp.TCPConnector(local_addr=local, force_close=False, limit=2, ssl=trust)
        self._session = aiohttp.ClientSession(
            connector=connector, headers={"User-Agent": self._agent}, timeout=aiohttp.ClientTimeout(total=120)
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def first(self, names: list[str]) -> tuple[str, bytes]:
        """The first of these files that exists; a server that does not answer is like none.

        Without any, loaders that look by TFTP wait: GRUB at its prompt, PXELINUX for a key.
        """
        reason = "no boot file"
        for name in names:
            try:
                content = await self.read(name)
            except BootError as error:
                reason = str(error)
                continue
            if content is not None:
                return name, content
        raise (Waits if self._waits else LocalBoot)(reason)

    async def read(self, path: str) -> bytes | None:
        """As loaders name it: (http,host:port)/path, (tftp,host)/path, a URL, or a path of the TFTP server."""
        if path.startswith("(http,"):
            host, _unused, rest = path[len("(http,") :].partition(")")
            path = f"http://{host}{rest}"
        elif path.startswith("(tftp"):
            path = path.partition(")")[2]
        elif path.startswith("("):
            raise BootError(f"error: no such device: {path}")
        if "://" not in path:
            return self._tftp(path)
        if not path.startswith("http://"):
            raise BootError(f"{path}: protocol not supported, or its certificate unknown")
        status, content = await self.request("GET", path)
        if status == 404:
            return None
        if status != 200:
            raise BootError(f"{path}: HTTP status {status}")
        return content

    async def request(self, method: str, url: str) -> tuple[int, bytes]:
        if self._session is None:
            raise RuntimeError("used outside of its context")
        try:
            async with self._session.request(method, url, allow_redirects=True) as answer:
                return answer.status, await answer.read()
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
            raise BootError(f"{url}: certificate verify failed: unable to get local issuer certificate") from None
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            raise BootError(f"{url}: {type(error).__name__}: {error}") from None

    def _tftp(self, path: str) -> bytes | None:
        root = self._network.tftp_directory
        if root is None:
            return None
        target = (root / path.lstrip("/")).resolve()
        if not target.is_relative_to(root.resolve()):
            return None
        with contextlib.suppress(OSError):
            return target.read_bytes()
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
