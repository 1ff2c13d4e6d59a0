# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be seen from the web host, which is near the machines. Private to the collection.

Facts alone; what they mean is judged where the playbook runs. Needs nothing but Python here, and writes nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import pathlib
import shutil
import socket
import ssl
import stat
import subprocess
import time
import typing as t
import urllib.error
import urllib.parse
import urllib.request

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._in_time import answers_in_time
from ansible_collections.multiarch.openshift.plugins.module_utils._iso_build import Installer
from ansible_collections.multiarch.openshift.plugins.module_utils._publication import CUSTOMIZED_NAME
from ansible_collections.multiarch.openshift.plugins.module_utils._tftp_look import free_space
from ansible_collections.multiarch.openshift.plugins.module_utils._tftp_look import tftp

Facts = dict[str, t.Any]

# What became of a conversation with a server
ANSWERED, UNREACHABLE, UNTRUSTED, BROKEN = "answered", "unreachable", "untrusted", "broken"

SAMPLE_BYTES = 16
# A served folder can hold a whole mirror; one file is enough to compare
MOST_ENTRIES = 2000
# Since Python 3.10 under this name. Go, and so Ignition, takes any certificate of its pool as the end of a chain.
PARTIAL_CHAIN = getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0x80000)


def look(
    *,
    directory: str,
    base_url: str,
    sources: t.Sequence[t.Mapping[str, str]],
    names: t.Sequence[str],
    addresses: t.Sequence[str],
    artifacts: t.Sequence[t.Mapping[str, str]],
    proxy: str,
    seconds: float,
    installer: t.Sequence[str] = (),
    tftp_questions: t.Mapping[str, t.Any] | None = None,
) -> Facts:
    """Everything at once; what did not answer in time is missing in the answer.

    :param sources: ``url``, ``accept`` and ``authorities`` (PEM) of each address of the machine-config server
    :param names: node names to resolve
    :param addresses: addresses to resolve backwards
    :param artifacts: ``name`` below the folder and ``location`` (a URL or a path here) of what will be published
    :param installer: the command of coreos-installer; empty where no ISO is made here
    :param tftp_questions: ``machines``, ``directory``, ``grub_directory`` and ``address``; None where this is not the
        TFTP host
    """
    questions: dict[t.Any, t.Callable[[], t.Any]] = {}
    for number, source in enumerate(sources):
        questions["machine_config", number] = _bind(machine_config, source, seconds)
    for number, artifact in enumerate(artifacts):
        questions["artifact", number] = _bind(artifact_size, artifact, directory, proxy, seconds)
    if base_url:
        questions["web", 0] = _bind(web, directory, base_url, seconds)
    if installer:
        questions["installer", 0] = _bind(iso_installer, installer, seconds)
    if tftp_questions:
        questions["tftp", 0] = _bind(tftp_server, tftp_questions, seconds)
    questions.update({("forward", name): _bind(forward, name) for name in names})
    questions.update({("reverse", address): _bind(reverse, address) for address in addresses})
    found = answers_in_time(questions, seconds)
    late = {"state": UNREACHABLE, "detail": f"no answer within {seconds:g} s"}
    return {
        "time": time.time(),
        "machine_config": [
            {"url": source["url"], **found.get(("machine_config", number), late)}
            for number, source in enumerate(sources)
        ],
        "forward": {name: found.get(("forward", name)) for name in names},
        "reverse": {address: found.get(("reverse", address)) for address in addresses},
        "web": found.get(("web", 0), late) if base_url else None,
        "folder": folder(directory) if directory else None,
        "installer": found.get(("installer", 0)),
        "tftp": found.get(("tftp", 0)),
        "artifacts": [
            {"name": artifact["name"], **found.get(("artifact", number), {"present": False, "size": None})}
            for number, artifact in enumerate(artifacts)
        ],
    }


def _bind(function: t.Callable[..., t.Any], *arguments: t.Any) -> t.Callable[[], t.Any]:
    return lambda: function(*arguments)


# -- the machine-config server -----------------------------------------------------------------------------------------


def machine_config(source: t.Mapping[str, str], seconds: float) -> Facts:
    """How the machine-config server answers Ignition, by HEAD: its answer to GET holds the bootstrap token."""
    parts = urllib.parse.urlsplit(source["url"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= PARTIAL_CHAIN
    if source["authorities"]:
        try:
            context.load_verify_locations(cadata=source["authorities"])
        except ssl.SSLError as error:
            return {"state": UNTRUSTED, "detail": f"the authorities of the ignition cannot be loaded: {error.reason}"}
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=seconds, context=context)
    try:
        connection.connect()
        certificate = connection.sock.getpeercert() or {}
        connection.request("HEAD", parts.path or "/", headers={"Accept": source["accept"]})
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError as error:
        return {"state": UNTRUSTED, "detail": error.verify_message}
    except ssl.SSLError as error:
        return {"state": BROKEN, "detail": f"TLS: {error.reason or error}"}
    except http.client.HTTPException as error:
        return {"state": BROKEN, "detail": f"no HTTP answer: {type(error).__name__}"}
    except OSError as error:
        return {"state": UNREACHABLE, "detail": _reason(error)}
    finally:
        connection.close()
    not_after = certificate.get("notAfter")
    end = ssl.cert_time_to_seconds(str(not_after)) if not_after else None
    return {"state": ANSWERED, "status": status, "not_after": end, "detail": ""}


# -- names -------------------------------------------------------------------------------------------------------------


def forward(name: str) -> list[str]:
    """The addresses of a name, as this host's resolver knows them."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return sorted({str(entry[4][0]) for entry in found})


def reverse(address: str) -> list[str]:
    """The names of an address."""
    try:
        name, aliases, _addresses = socket.gethostbyaddr(address)
    except (OSError, UnicodeError):
        return []
    return sorted({name, *aliases})


# -- the served folder -------------------------------------------------------------------------------------------------


def web(directory: str, base_url: str, seconds: float) -> Facts:
    """Whether the server returns, under its address, what lies in the folder."""
    parts = urllib.parse.urlsplit(base_url)
    sample = a_file(pathlib.Path(directory))
    path = parts.path.rstrip("/") + "/"
    if sample is not None:
        path += urllib.parse.quote(sample.relative_to(directory).as_posix())
    facts: Facts = {
        "state": ANSWERED,
        "detail": "",
        "local": _is_local(parts.hostname or ""),
        "file": str(sample) if sample else "",
        "type": security_type(sample) if sample else "",
    }
    connection = _connection(parts, seconds)
    try:
        connection.request("HEAD", path)
        answer = connection.getresponse()
        answer.read()
        facts.update(head=answer.status, server=answer.headers.get("Server", ""))
        if sample is None:
            return facts
        length = answer.headers.get("Content-Length")
        facts["head_fits"] = length == str(sample.stat().st_size)
        facts.update(_part(connection, path, sample))
    except ssl.SSLCertVerificationError as error:
        facts.update(state=UNTRUSTED, detail=error.verify_message)
    except ssl.SSLError as error:
        facts.update(state=BROKEN, detail=f"TLS: {error.reason or error}")
    except http.client.HTTPException as error:
        facts.update(state=BROKEN, detail=f"no HTTP answer: {type(error).__name__}")
    except OSError as error:
        facts.update(state=UNREACHABLE, detail=_reason(error))
    finally:
        connection.close()
    return facts


def _connection(parts: urllib.parse.SplitResult, seconds: float) -> http.client.HTTPConnection:
    """Trusts what this host does, as it will when what was published is compared."""
    if parts.scheme == "https":
        trust = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=seconds, context=trust)
    return http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=seconds)


def _part(connection: http.client.HTTPConnection, path: str, sample: pathlib.Path) -> Facts:
    """The answer to a range: a rootfs is fetched in one piece, but loaders and retries ask for parts."""
    connection.request("GET", path, headers={"Range": f"bytes=0-{SAMPLE_BYTES - 1}"})
    answer = connection.getresponse()
    content = answer.read(SAMPLE_BYTES)
    with sample.open("rb") as stream:
        same = content == stream.read(SAMPLE_BYTES)
    return {"range": answer.status, "same": same}


def a_file(directory: pathlib.Path) -> pathlib.Path | None:
    """A file of the folder with enough bytes to compare, our own kinds first; None where there is none."""
    fallback = None
    seen = 0
    for parent, folders, names in os.walk(directory):
        folders.sort()
        for name in sorted(names):
            seen += 1
            path = pathlib.Path(parent, name)
            try:
                usable = path.is_file() and path.stat().st_size >= SAMPLE_BYTES and os.access(path, os.R_OK)
            except OSError:
                continue
            if usable and name.endswith((".ign", ".img")):
                return path
            if usable and not name.startswith("."):
                fallback = fallback or path
        if seen > MOST_ENTRIES:
            break
    return fallback


def _is_local(host: str) -> bool:
    """Whether the address is one of this host's."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def folder(directory: str) -> Facts:
    """The folder, or the nearest one above it that exists."""
    nearest = pathlib.Path(directory)
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    free, device = free_space(nearest)
    return {
        "exists": str(nearest) == str(pathlib.Path(directory)),
        "nearest": str(nearest),
        "is_directory": nearest.is_dir(),
        "writable": os.access(nearest, os.W_OK | os.X_OK),
        "free": free,
        "device": device,
        "isos": _isos(pathlib.Path(directory)),
        "type": security_type(nearest),
        "enforcing": _enforcing(),
    }


def _isos(directory: pathlib.Path) -> list[str]:
    """Names below the folder of the ISOs that runs have made."""
    found = (path for path in directory.glob("*/*.iso") if CUSTOMIZED_NAME.fullmatch(path.name))
    return sorted(path.relative_to(directory).as_posix() for path in found)


def security_type(path: pathlib.Path) -> str:
    """The SELinux type of a file, empty where there is none."""
    try:
        label = os.getxattr(path, "security.selinux").rstrip(b"\0").decode("ascii", "replace")
    except (OSError, AttributeError):
        return ""
    fields = label.split(":")
    return fields[2] if len(fields) > 2 else ""


def _enforcing() -> bool:
    try:
        return pathlib.Path("/sys/fs/selinux/enforce").read_text(encoding="ascii").strip() == "1"
    except OSError:
        return False


# -- what else a run uses here -----------------------------------------------------------------------------------------


def iso_installer(command: t.Sequence[str], seconds: float) -> Facts | None:
    """Whether ISOs can be made; None where that takes too long.

    What starts a container is not started, for that may fetch its image.
    """
    try:
        if len(command) > 1 and shutil.which(command[0]):
            return {"said": f"{command[0]} is there, which starts coreos-installer", "problem": "", "hint": ""}
        return {"said": Installer(command).check_version(0.9 * seconds), "problem": "", "hint": ""}
    except subprocess.TimeoutExpired:
        return None
    except OperationError as error:
        return {"said": "", "problem": error.message, "hint": error.hint}


def tftp_server(questions: t.Mapping[str, t.Any], seconds: float) -> Facts | None:
    """The TFTP server's folders and what it serves."""
    # the answer has to be back before the others' time is over
    return tftp(
        questions["machines"],
        questions["directory"],
        questions["grub_directory"],
        questions["address"],
        0.75 * seconds,
    )


# -- what will be published --------------------------------------------------------------------------------------------


def artifact_size(artifact: t.Mapping[str, str], directory: str, proxy: str, seconds: float) -> Facts:
    """Whether it lies in the folder already, and how large it is."""
    with contextlib.suppress(OSError):
        facts = os.stat(pathlib.Path(directory, artifact["name"]))
        if stat.S_ISREG(facts.st_mode):
            return {"present": True, "size": facts.st_size}
    location = artifact["location"]
    if "://" not in location:
        try:
            return {"present": False, "size": os.stat(location).st_size}
        except OSError as error:
            return {"present": False, "size": None, "problem": f"{location}: {_reason(error)}"}
    # Without the argument the environment's proxies would be used, which the downloads do not
    proxies = {"http": proxy, "https": proxy} if proxy else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies))
    host = urllib.parse.urlsplit(location).hostname
    try:
        with opener.open(urllib.request.Request(location, method="HEAD"), timeout=seconds) as answer:
            length = answer.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        return {"present": False, "size": None, "problem": f"{host} answers {error.code}"}
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        text = _reason(reason) if isinstance(reason, OSError) else str(reason)
        return {"present": False, "size": None, "problem": f"{host}: {text}"}
    return {"present": False, "size": int(length) if length and length.isdigit() else None}


def _reason(error: OSError) -> str:
    if isinstance(error, socket.timeout):
        return "no answer in time"
    return error.strerror or str(error) or type(error).__name__


__all__ = (
    "ANSWERED",
    "BROKEN",
    "UNREACHABLE",
    "UNTRUSTED",
    "a_file",
    "artifact_size",
    "folder",
    "forward",
    "iso_installer",
    "look",
    "machine_config",
    "reverse",
    "security_type",
    "tftp_server",
    "web",
)
