# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live system of RHCOS: kernel line, initrds, live Ignition and what coreos-installer makes of it all.

As the real programs do it; where an old quirk would let a mistake pass, this one refuses.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import lzma
import re
import shlex
import urllib.parse
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import yaml

LINE_LIMIT = 2047
ENVIRONMENT_LIMIT = 32
# Keys without a dot that the kernel itself knows: they do not end in init's environment.
_KERNEL_KEYS = frozenset(["console", "root", "loglevel", "earlycon", "acpi", "mitigations", "panic", "crashkernel"])
_INSTALLER_FILES = "/etc/coreos/installer.d/"
_INSTALLER_KEYS = frozenset(
    [
        "stream",
        "image-url",
        "image-file",
        "ignition-file",
        "ignition-url",
        "ignition-hash",
        "architecture",
        "platform",
        "console",
        "append-karg",
        "delete-karg",
        "copy-network",
        "network-dir",
        "save-partlabel",
        "save-partindex",
        "offline",
        "insecure",
        "insecure-ignition",
        "stream-base-url",
        "preserve-on-error",
        "fetch-retries",
        "secure-ipl",
        "dest-device",
    ]
)
_INSTALLER_ARGUMENTS = frozenset(
    [
        "install_dev",
        "ignition_url",
        "image_url",
        "platform_id",
        "stream",
        "save_partlabel",
        "save_partindex",
        "insecure",
        "skip_reboot",
        "secure_ipl",
    ]
)
_ANCHORS = "/etc/pki/ca-trust/source/anchors/"
# Arguments of the live line that the installed system gets for its first boot.
_FIRST_BOOT = re.compile(
    r"(ip|ifname|rd\.route|bootdev|BOOTIF|rd\.bootif|nameserver|rd\.peerdns|biosdevname|vlan|bond|team|bridge"
    r"|rd\.net\.timeout\.carrier|coreos\.(no|force)_persist_ip|ipv6\.disable|net\.ifnames|net\.naming-scheme)="
)
_LIVE_SPEC = re.compile(r"3\.[0-4]\.0")  # what RHCOS from 4.12 on reads
_FIRST_BOOT_SPEC = re.compile(r"3\.[0-6]\.0")
IGNITION_ACCEPT = "application/vnd.coreos.ignition+json;version=3.5.0, */*;q=0.1"
_CONSOLE = re.compile(r"(tty\d+|hvc0|ttysclp0|ttyS\d+|ttyAMA\d+)(,\d+([neo]\d?)?)?")


class Panic(Exception):
    """The machine stands: a kernel panic, an emergency shell, or an installer that gave up."""


class Login(Panic):
    """Nothing told the live system to install: it shows its shell."""


class LiveMedia(NamedTuple):
    """What the live system finds on the ISO that it was booted from."""

    line: str
    ignition: bytes
    keyfiles: Mapping[str, str]


class KernelLine:
    """A kernel command line, word by word."""

    def __init__(self, line: str) -> None:
        self.text = line
        # a word may be quoted as a whole; values with spaces are refused by the product and rare
        self.words = [word.replace('"', "") for word in re.findall(r'(?:"[^"]*"|[^\s"])+', line)]

    def check(self) -> None:
        """What a kernel does not survive."""
        if len(self.text) > LINE_LIMIT:
            raise Panic(f"the kernel line has {len(self.text)} bytes, the kernel takes {LINE_LIMIT}")
        environment = [word for word in self.words if re.fullmatch(r"[^.=]+=.*", word)]
        environment = [word for word in environment if word.split("=")[0] not in _KERNEL_KEYS]
        if len(environment) > ENVIRONMENT_LIMIT:
            raise Panic(f"Kernel panic - not syncing: Too many boot env vars at `{environment[ENVIRONMENT_LIMIT]}'")

    def values(self, key: str) -> list[str]:
        return [word.split("=", 1)[1] for word in self.words if word.startswith(f"{key}=")]

    def value(self, key: str) -> str | None:
        """The last one counts."""
        found = self.values(key)
        return found[-1] if found else None

    @property
    def has_live_ignition(self) -> bool:
        return "ignition.firstboot" in self.words and self.value("ignition.platform.id") == "metal"

    @property
    def host_name(self) -> str | None:
        """The name that `ip=` gives (its field 5), with IPv6 addresses in brackets."""
        for value in self.values("ip"):
            fields = re.split(r":(?![^\[]*\])", value)
            if len(fields) >= 6 and fields[4]:
                return fields[4]
        return None


class Installation(NamedTuple):
    """What coreos-installer was told to do."""

    device: str
    ignition_url: str | None
    ignition_hash: str | None
    consoles: tuple[str, ...]
    kernel_arguments: tuple[str, ...]
    first_boot_arguments: tuple[str, ...]


def unpack_initrd(content: bytes) -> dict[str, bytes]:
    """Files of an initrd; ValueError with the kernel's words where its decoder gives up."""
    if content.startswith(b"\xfd7zXZ\0"):
        content = _decompress_xz(content)
    elif content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return _read_newc(content)


def _decompress_xz(content: bytes) -> bytes:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
    try:
        result = decoder.decompress(content)
    except lzma.LZMAError as error:
        raise ValueError(f"XZ-compressed data is corrupt ({error})") from None
    if not decoder.eof:
        raise ValueError("XZ-compressed data is truncated")
    if decoder.check not in (lzma.CHECK_CRC32, lzma.CHECK_NONE):
        raise ValueError("decoder failed: the kernel's XZ decoder knows the check CRC32 only")
    if decoder.unused_data.strip(b"\0"):
        raise ValueError("junk within compressed archive")
    return result


def _read_newc(archive: bytes) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    offset = 0
    while True:
        header = archive[offset : offset + 110]
        if len(header) < 110 or header[:6] not in (b"070701", b"070702"):
            raise ValueError("no cpio magic")
        try:
            fields = [int(header[6 + 8 * i : 14 + 8 * i], 16) for i in range(13)]
        except ValueError:
            raise ValueError("a cpio header is damaged") from None
        size, name_size = fields[6], fields[11]
        start = offset + 110
        name = archive[start : start + name_size].rstrip(b"\0").decode(errors="replace")
        body = _aligned(start + name_size)
        if name == "TRAILER!!!":
            return files
        if body + size > len(archive):
            raise ValueError("the cpio archive is truncated")
        if fields[1] & 0o170000 == 0o100000:
            files[name.removeprefix("./").lstrip("/")] = archive[body : body + size]
        offset = _aligned(body + size)


def _aligned(offset: int) -> int:
    return offset + -offset % 4


def apply_live_ignition(config: bytes) -> dict[str, bytes]:
    """The files that a live Ignition config writes, by path; those of configs that it merges come first."""
    parsed = _ignition(config, _LIVE_SPEC)
    files: dict[str, bytes] = {}
    for entry in parsed["ignition"].get("config", {}).get("merge", []):
        files |= apply_live_ignition(_resource(entry, "the config to merge"))
    own: dict[str, bytes] = {}
    for entry in parsed.get("storage", {}).get("files", []):
        path = entry.get("path", "")
        if not path.startswith("/"):
            raise Panic(f"Ignition: the path {path!r} is not absolute")
        if path in own:
            raise Panic(f"Ignition: {path} is written twice")
        mode = entry.get("mode", 0o644)
        if not isinstance(mode, int) or not 0 <= mode <= 0o7777:
            raise Panic(f"Ignition: {path} has an illegal mode {mode!r}")
        own[path] = _resource(entry.get("contents", {}), path)
    return {**files, **own}


def _resource(resource: Mapping[str, Any], path: str) -> bytes:
    content = _data_url(resource.get("source", ""), path)
    return gzip.decompress(content) if resource.get("compression") == "gzip" else content


def _ignition(config: bytes, versions: re.Pattern[str]) -> dict[str, Any]:
    try:
        parsed = json.loads(config)
        version = parsed["ignition"]["version"]
    except (ValueError, KeyError, TypeError):
        raise Panic("Ignition: error parsing config: not a config") from None
    if not versions.fullmatch(str(version)):
        raise Panic(f"Ignition: unsupported config version {version}")
    return dict(parsed)


def _data_url(source: str, path: str) -> bytes:
    head, comma, content = source.partition(",")
    if not source.startswith("data:") or not comma:
        raise Panic(f"Ignition: cannot fetch {source!r} for {path}")
    raw = urllib.parse.unquote_to_bytes(content)
    if not head.endswith(";base64"):
        return raw
    try:
        return base64.b64decode(raw, validate=True)
    except ValueError:
        raise Panic(f"Ignition: the data URL of {path} is not base64") from None


def installer_starts(line: KernelLine, files: Iterable[str]) -> bool:
    """Whether coreos-installer runs at all, or the live system just waits at its login."""
    # a file without a device does not start it usefully, but start it does
    return line.value("coreos.inst.install_dev") is not None or any(p.startswith(_INSTALLER_FILES) for p in files)


def installation(line: KernelLine, files: dict[str, bytes]) -> Installation:
    """Merges installer config files, in the order of their names, with the arguments of the kernel line."""
    for word in line.words:
        key = word.split("=")[0]
        if key.startswith("coreos.inst.") and key.removeprefix("coreos.inst.") not in _INSTALLER_ARGUMENTS:
            raise Panic(f"coreos-installer-service reads no {key}")
    config: dict[str, Any] = {}
    for path in sorted(path for path in files if path.startswith(_INSTALLER_FILES) and path.endswith(".yaml")):
        config = _merged(config, _installer_config(path, files[path]))
    device = line.value("coreos.inst.install_dev")
    if device and config.get("dest-device"):
        raise Panic(f"coreos-installer: error: unexpected argument '{device}' found")
    device = device or config.get("dest-device")
    if not device:
        raise Panic("coreos-installer: error: required arguments were not provided: <DEST_DEVICE>")
    if not device.startswith("/dev/"):
        raise Panic(f"coreos-installer: {device} is no path below /dev/")
    url = line.value("coreos.inst.ignition_url") or config.get("ignition-url")
    url = None if url == "skip" else url
    wanted = config.get("ignition-hash")
    if url and not url.startswith(("http://", "https://")):
        raise Panic(f"coreos-installer: unknown protocol for ignition URL {url}")
    documented = line.value("coreos.inst.ignition_url") is not None
    if url and url.startswith("http://") and not (documented or wanted or config.get("insecure-ignition")):
        raise Panic("refusing to fetch Ignition config over HTTP without --ignition-hash or --insecure-ignition")
    consoles = tuple(config.get("console", ()))
    for number, console in enumerate(consoles):
        if not _CONSOLE.fullmatch(str(console)):
            raise Panic(f"console[{number}]: invalid or unsupported console argument")
    kept = tuple(word for word in line.words if _FIRST_BOOT.match(word))
    return Installation(device, url, wanted, consoles, tuple(config.get("append-karg", ())), kept)


def own_keyfiles(keyfiles: Mapping[str, str], macs: Iterable[str]) -> dict[str, str]:
    """Keyfiles that NetworkManager takes up on a machine with these NICs, with the bonds that their members start."""
    profiles = {name: _profile(text) for name, text in keyfiles.items()}
    own = {name for name, profile in profiles.items() if profile.get("mac-address", "").lower() in set(macs)}
    bonds = {profiles[name].get("master") for name in own}
    own |= {name for name, profile in profiles.items() if profile.get("uuid") in bonds}
    uuids = {profiles[name].get("uuid") for name in own}
    own |= {name for name, profile in profiles.items() if profile.get("parent") in uuids}
    return {name: keyfiles[name] for name in keyfiles if name in own}


def _profile(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def typed_files(script: str) -> dict[str, str]:
    """Files that a pasted script writes with `sudo tee PATH <<'WORD'`."""
    found = re.findall(r"^sudo tee (\S+) >/dev/null <<'(\S+)'\n(.*?)^\2$", script, re.MULTILINE | re.DOTALL)
    return {path: text for path, _word, text in found}


def trusted(files: Mapping[str, bytes]) -> str:
    """The certificates in PEM that a live system trusts with these files, beside those of RHCOS."""
    return "".join(files[path].decode() for path in sorted(files) if path.startswith(_ANCHORS))


def typed_installation(script: str) -> Installation:
    """What the `coreos-installer install` of a pasted script does."""
    found = re.search(r"^sudo coreos-installer install((?:\\\n|.)*)$", script, re.MULTILINE)
    if found is None:
        raise Panic("nobody typed a coreos-installer command")
    parser = argparse.ArgumentParser(exit_on_error=False)
    for option in ("--ignition-url", "--ignition-hash", "--firstboot-args"):
        parser.add_argument(option)
    for option in ("--console", "--append-karg"):
        parser.add_argument(option, action="append", default=[])
    parser.add_argument("--copy-network", action="store_true")
    parser.add_argument("device")
    try:
        said, rest = parser.parse_known_args(shlex.split(found.group(1).replace("\\\n", "")))
    except argparse.ArgumentError as error:
        raise Panic(f"coreos-installer: error: {error}") from None
    if rest:
        raise Panic(f"coreos-installer: error: unexpected argument '{rest[0]}' found")
    if str(said.ignition_url).startswith("http://") and not said.ignition_hash:
        raise Panic("refusing to fetch Ignition config over HTTP without --ignition-hash or --insecure-ignition")
    kept = tuple((said.firstboot_args or "").split())
    return Installation(
        said.device, said.ignition_url, said.ignition_hash, tuple(said.console), tuple(said.append_karg), kept
    )


def _installer_config(path: str, content: bytes) -> dict[str, Any]:
    try:
        config = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise Panic(f"coreos-installer: parsing config file {path}: {error}") from None
    if not isinstance(config, dict):
        raise Panic(f"coreos-installer: parsing config file {path}: not a mapping")
    unknown = sorted(set(config) - _INSTALLER_KEYS)
    if unknown:
        raise Panic(f"coreos-installer: parsing config file {path}: unknown field `{unknown[0]}`")
    return config


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Lists grow, single values are replaced."""
    result = dict(first)
    for key, value in second.items():
        result[key] = [*result.get(key, []), *value] if isinstance(value, list) else value
    return result


def check_ignition_hash(content: bytes, wanted: str | None) -> None:
    """The installer's own check, made when it writes the config."""
    if wanted is None:
        return
    algorithm, _unused, digest = wanted.partition("-")
    sizes = {"sha256": 64, "sha512": 128}
    if len(digest) != sizes.get(algorithm, -1):
        raise Panic(f"coreos-installer: invalid ignition hash {wanted!r}")
    if hashlib.new(algorithm, content).hexdigest() != digest:
        raise Panic("coreos-installer: failed to validate Ignition configuration digest; the disk was cleared")


def check_first_boot(config: bytes) -> str:
    """The source that the installed system's first Ignition run merges; that is the machine-config server."""
    parsed = _ignition(config, _FIRST_BOOT_SPEC)
    sources = [entry.get("source", "") for entry in parsed["ignition"].get("config", {}).get("merge", [])]
    if not sources or not all(source.startswith(("https://", "http://")) for source in sources):
        raise Panic("Ignition: the config merges nothing: the machine stays a bare RHCOS")
    return str(sources[0])


def authorities(config: bytes) -> str:
    """The certificates in PEM that a config makes Ignition trust."""
    security = _ignition(config, _FIRST_BOOT_SPEC)["ignition"].get("security", {})
    sources = [entry.get("source", "") for entry in security.get("tls", {}).get("certificateAuthorities", [])]
    return "".join(_data_url(source, "certificateAuthorities").decode() for source in sources)
