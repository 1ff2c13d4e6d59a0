# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boot loaders: what GRUB, iPXE and PXELINUX make of the files they find.

Strict: what a real loader stumbles over is an error. Each ends with a `Boot`: kernel, initrds, and the kernel line as
the kernel gets it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable
from collections.abc import Callable
from typing import NamedTuple

# Content of a file, None where there is none. Raises BootError where the way to it fails.
Read = Callable[[str], Awaitable["bytes | None"]]

PXELINUX_NAME = 127
_MANY = 50  # chained or nested files: more is a loop


class BootError(Exception):
    """The loader gives up; the message is what stands on the machine's screen."""


class LocalBoot(BootError):
    """The loader leaves: the firmware goes on with its next boot device, which is the disk."""


class Waits(BootError):
    """The loader has found no file and waits for somebody."""


class Boot(NamedTuple):
    """What a loader hands to the kernel; `files` are (path or URL, content)."""

    kernel: tuple[str, bytes]
    initrds: list[tuple[str, bytes]]
    line: str


# --- GRUB ---------------------------------------------------------------------------------------------------

# Commands that load, print or set something that makes no difference here.
_GRUB_QUIET = frozenset(
    [
        "insmod",
        "echo",
        "sleep",
        "export",
        "terminal_output",
        "terminal_input",
        "serial",
        "clear",
        "background_color",
        "loadfont",
        "set_background",
    ]
)
_GRUB_NAME = re.compile(r"\w+|[?#@*]")


class _Word(NamedTuple):
    """A word of a GRUB script: pieces of text with whether `$` counts in them; `quoted` where quotes stood."""

    pieces: tuple[tuple[str, bool], ...]
    quoted: bool

    @property
    def text(self) -> str:
        return "".join(piece for piece, _unused in self.pieces)


def _grub_tokens(text: str) -> list[_Word | str]:
    """Words, and ; { } newline between them, by GRUB's quoting rules (`&`, `|`, `<`, `>` outside quotes are errors)."""
    tokens: list[_Word | str] = []
    pieces: list[tuple[str, bool]] = []
    quoted = False
    line, i = 1, 0

    def end_word() -> None:
        nonlocal quoted
        if pieces or quoted:
            tokens.append(_Word(tuple(pieces), quoted))
        pieces.clear()
        quoted = False

    while i < len(text):
        c = text[i]
        if c == "\\":
            if i + 1 >= len(text):
                raise BootError(f"error: syntax error at line {line}: nothing after the backslash")
            if text[i + 1] == "\n":
                line += 1
            else:
                pieces.append((text[i + 1], False))
            i += 2
            continue
        if c == "'":
            end = text.find("'", i + 1)
            if end < 0:
                raise BootError(f"error: syntax error at line {line}: a ' is never closed")
            pieces.append((text[i + 1 : end], False))
            quoted = True
            line += text.count("\n", i, end)
            i = end + 1
            continue
        if c == '"':
            i += 1
            quoted = True
            while i < len(text) and text[i] != '"':
                if text[i] == "\\" and text[i + 1 : i + 2] in ('"', "\\", "$"):
                    pieces.append((text[i + 1], False))
                    i += 1
                else:
                    pieces.append((text[i], True))
                i += 1
            if i >= len(text):
                raise BootError(f'error: syntax error at line {line}: a " is never closed')
            i += 1
            continue
        if c == "$" and text[i + 1 : i + 2] == "{":
            end = text.find("}", i)
            if end < 0:
                raise BootError(f"error: syntax error at line {line}: a ${{ is never closed")
            pieces.append((text[i : end + 1], True))
            i = end + 1
            continue
        if c in "&|<>":
            raise BootError(f"error: syntax error at line {line}: {c!r} stands outside quotes")
        if c == "#" and not pieces and not quoted:
            i = text.find("\n", i)
            if i < 0:
                break
            continue
        if c in " \t":
            end_word()
        elif c in ";{}\n":
            end_word()
            tokens.append(c)
            line += c == "\n"
        elif c == "\r":
            raise BootError(f"error: syntax error at line {line}: the line ends with a carriage return")
        else:
            pieces.append((c, True))
        i += 1
    end_word()
    tokens.append("\n")
    return tokens


class Grub:
    """GRUB for arm64 EFI (`linux`, `initrd`; no `linuxefi`), started over TFTP or by UEFI HTTP boot.

    :param root: GRUB's device: `tftp` or `(http,host:port)`
    :param prefix: the folder of the loader on it
    """

    def __init__(self, read: Read, mac: str, *, root: str, prefix: str, server: str, address: str) -> None:
        self._read = read
        self._root = root
        self.variables = {
            "root": root.strip("()"),
            "prefix": f"{root}{prefix}",
            "net_default_mac": mac,
            "net_default_ip": address,
            "net_default_server": server,
            "net_default_interface": "efinet0",
            "grub_platform": "efi",
            "grub_cpu": "arm64",
        }
        self._kernel: tuple[str, bytes] | None = None
        self._initrds: list[tuple[str, bytes]] = []
        self._line = ""
        self._entries: list[list[_Word | str]] = []
        self._depth = 0
        self.screen: list[str] = []

    async def boot(self, script: bytes) -> Boot:
        """Runs the configuration and then its default entry."""
        try:
            return await self._boot(script)
        except _Booted as booted:
            return booted.boot

    async def _boot(self, script: bytes) -> Boot:
        await self._configuration(script)
        raise BootError("; ".join(["GRUB waits at its prompt: no menuentry and no boot", *self.screen]))

    async def _configuration(self, script: bytes) -> None:
        """Runs a configuration and, where it makes a menu, that menu's default entry."""
        outer, self._entries = self._entries, []
        await self._run(_grub_tokens(_decode(script)))
        entries, self._entries = self._entries, outer
        if not entries:
            return
        if not re.fullmatch(r"\d+", self.variables.get("timeout", "")):
            raise BootError("GRUB waits in its menu: no timeout is set")
        default = self.variables.get("default", "0") or "0"
        if not default.isdigit() or int(default) >= len(entries):
            raise BootError(f"GRUB waits in its menu: there is no entry {default}")
        await self._run(entries[int(default)])
        if self._kernel is None:
            raise BootError("GRUB waits in its menu: the entry loads no kernel")
        raise _Booted(Boot(self._kernel, self._initrds, self._line))

    async def _run(self, tokens: list[_Word | str]) -> None:
        self._depth += 1
        if self._depth > _MANY:
            raise BootError("GRUB runs in circles")
        i = 0
        while i < len(tokens):
            command: list[_Word] = []
            while i < len(tokens) and isinstance(tokens[i], _Word):
                command.append(tokens[i])  # type: ignore[arg-type]
                i += 1
            separator = tokens[i] if i < len(tokens) else "\n"
            i += 1
            name = command[0].text if command and not command[0].quoted else ""
            if separator == "{":
                if name not in ("menuentry", "submenu"):
                    raise BootError("error: syntax error: a { that belongs to no menuentry")
                i, body = _block(tokens, i)
                self._entries.append(body)
            elif separator == "}":
                raise BootError("error: syntax error: a } too many")
            elif name == "if":
                i = await self._if(command[1:], tokens, i)
            elif name in ("menuentry", "then", "else", "elif", "fi"):
                raise BootError(f"error: syntax error near {name}")
            elif command:
                await self._command([self._expand(word) for word in command], self._expanded_arguments(command[1:]))
        self._depth -= 1

    async def _if(self, condition: list[_Word], tokens: list[_Word | str], i: int) -> int:
        parts: dict[str, list[_Word | str]] = {"then": [], "else": []}
        where = ""
        depth = 0
        while i < len(tokens):
            token = tokens[i]
            word = token.text if isinstance(token, _Word) and not token.quoted else ""
            starts = i == 0 or not isinstance(tokens[i - 1], _Word) or word in ("then", "else", "fi")
            i += 1
            if starts and word == "if":
                depth += 1
            if starts and word == "fi":
                if depth == 0:
                    taken = parts["then" if await self._true(condition) else "else"]
                    await self._run([*taken, "\n"])
                    return i
                depth -= 1
            if starts and depth == 0 and word in ("then", "else"):
                where = word
            elif starts and depth == 0 and word == "elif":
                raise BootError("error: syntax error: elif is not understood here")
            elif where:
                parts[where].append(token)
        raise BootError("error: syntax error: an if without fi")

    async def _true(self, condition: list[_Word]) -> bool:
        words = [self._expand(word) for word in condition]
        if words and words[0] == "regexp":
            return self._regexp(words[1:])
        if words[:1] == ["["] and words[-1:] == ["]"]:
            inner = words[1:-1]
            negate = inner[:1] == ["!"]
            inner = inner[1:] if negate else inner
            if len(inner) == 2 and inner[0] in ("-e", "-f", "-s"):
                return (await self._read(self._path(inner[1])) is not None) != negate
            if len(inner) == 2 and inner[0] in ("-n", "-z"):
                return ((inner[1] != "") == (inner[0] == "-n")) != negate
            if len(inner) == 3 and inner[1] in ("=", "==", "!="):
                return ((inner[0] == inner[2]) == (inner[1] != "!=")) != negate
        raise BootError(f"error: syntax error: if {' '.join(words)}")

    async def _command(self, words: list[str], arguments: list[str]) -> None:
        name = words[0]
        if re.fullmatch(r"\w+=.*", name, re.DOTALL) and not arguments:
            name, arguments = "set", [name]
        if name in _GRUB_QUIET:
            return
        if name == "set":
            for argument in arguments:
                key, equals, value = argument.partition("=")
                if not equals:
                    raise BootError(f"error: not an assignment: {argument}")
                self.variables[key] = value
        elif name == "unset":
            for argument in arguments:
                self.variables.pop(argument, None)
        elif name == "regexp":
            self._regexp(arguments)
        elif name in ("configfile", "source", "."):
            await self._configfile(name, arguments)
        elif name == "linux":
            await self._linux(arguments)
        elif name == "initrd":
            if self._kernel is None:
                raise BootError("error: you need to load the kernel first.")
            self._initrds = [await self._load(argument) for argument in arguments]
        elif name == "boot":
            if self._kernel is None:
                raise BootError("error: you need to load the kernel first.")
            raise _Booted(Boot(self._kernel, self._initrds, self._line))
        elif name == "exit":
            raise LocalBoot("; ".join(["GRUB leaves by exit", *self.screen]))
        elif name in ("reboot", "halt"):
            raise BootError(f"GRUB ends with {name}")
        else:
            raise BootError(f"error: can't find command `{name}'.")

    async def _configfile(self, command: str, arguments: list[str]) -> None:
        if len(arguments) != 1:
            raise BootError("error: one argument expected.")
        path = self._path(arguments[0])
        content = await self._read(path)
        if content is None:
            self.screen.append(f"error: file `{path}' not found.")  # the script goes on
            return
        if command == "configfile":
            await self._configuration(content)
        else:
            await self._run(_grub_tokens(_decode(content)))

    async def _linux(self, arguments: list[str]) -> None:
        if not arguments:
            raise BootError("error: filename expected.")
        self._kernel = await self._load(arguments[0])
        self._initrds = []
        self._line = " ".join([f"BOOT_IMAGE={arguments[0]}", *(_grub_argument(argument) for argument in arguments[1:])])

    async def _load(self, name: str) -> tuple[str, bytes]:
        path = self._path(name)
        content = await self._read(path)
        if content is None:
            raise BootError(f"error: file `{name}' not found.")
        return path, content

    def _path(self, name: str) -> str:
        """With its device; a relative one lies below the root of the server."""
        if "://" in name:
            raise BootError(f"error: file `{name}' not found (GRUB writes (http,host:port)/path).")
        if name.startswith("("):
            return name
        device = self.variables["root"]
        return f"({device})/{name.lstrip('/')}"

    def _regexp(self, arguments: list[str]) -> bool:
        names: dict[int, str] = {}
        rest = []
        pending = ""
        for argument in arguments:
            if pending or argument.startswith(("--set=", "-s=")):
                number, _unused, name = (argument if pending else argument.split("=", 1)[1]).partition(":")
                names[int(number) if name else 1] = name or number
                pending = ""
            elif argument in ("--set", "-s"):
                pending = argument
            else:
                rest.append(argument)
        if len(rest) != 2:
            raise BootError("error: regexp takes a pattern and a text.")
        match = re.search(rest[0], rest[1])  # POSIX extended; the same for what a dispatcher needs
        if match:
            for group, name in names.items():
                self.variables[name] = match.group(group) or ""
        return match is not None

    def _expanded_arguments(self, words: list[_Word]) -> list[str]:
        """An unquoted word that expands to nothing disappears."""
        expanded = [(self._expand(word), word.quoted) for word in words]
        return [text for text, quoted in expanded if text or quoted]

    def _expand(self, word: _Word) -> str:
        text = ""
        active = "".join(piece if counts else "\0" * len(piece) for piece, counts in word.pieces)
        raw = word.text
        i = 0
        while i < len(raw):
            if active[i] == "$":
                braced = active[i + 1 : i + 2] == "{"
                match = _GRUB_NAME.match(active, i + 1 + braced)
                if match:
                    text += self.variables.get(match.group(), "")
                    i = match.end() + braced
                    continue
            text += raw[i]
            i += 1
        return text


class _Booted(Exception):
    def __init__(self, boot: Boot) -> None:
        super().__init__("boot")
        self.boot = boot


def _block(tokens: list[_Word | str], i: int) -> tuple[int, list[_Word | str]]:
    depth, start = 1, i
    while i < len(tokens):
        depth += {"{": 1, "}": -1}.get(tokens[i], 0) if isinstance(tokens[i], str) else 0  # type: ignore[arg-type]
        i += 1
        if depth == 0:
            return i, [*tokens[start : i - 1], "\n"]
    raise BootError("error: syntax error: a menuentry is never closed")


def _grub_argument(argument: str) -> str:
    """As the kernel gets it: GRUB quotes words with spaces and escapes quotes and backslashes."""
    escaped = re.sub(r"([\\'\"])", r"\\\1", argument)
    return f'"{escaped}"' if " " in escaped else escaped


# --- iPXE ---------------------------------------------------------------------------------------------------

_IPXE_QUIET = frozenset(
    [
        "echo",
        "dhcp",
        "sleep",
        "set",
        "clear",
        "ifopen",
        "ifclose",
        "ifstat",
        "route",
        "imgfree",
        "imgstat",
        "menu",
        "item",
        "prompt",
        "colour",
    ]
)


class Ipxe:
    """iPXE with one NIC.

    The names of images must be those that the kernel line gives (`initrd=`): under UEFI the kernel looks for them.
    """

    def __init__(self, read: Read, mac: str, *, server: str, address: str, architecture: str) -> None:
        self._read = read
        dashes = mac.replace(":", "-")
        settings = {"mac": mac, "mac:hexhyp": dashes, "mac:hexraw": dashes.replace("-", ""), "ip": address}
        self._settings = {
            **settings,
            **{f"{nic}/{name}": value for nic in ("net0", "netX") for name, value in settings.items()},
            "next-server": server,
            "buildarch": "arm64" if architecture == "aarch64" else "x86_64",
            "platform": "efi",
        }
        self._kernel: tuple[str, str, bytes] | None = None  # name, URL, content
        self._arguments: list[str] = []
        self._images: list[tuple[str, str, bytes]] = []
        self._scripts = 0
        self._depth = 0
        self.screen: list[str] = []

    async def boot(self, script: bytes, url: str) -> Boot:
        """What the script at this URL boots."""
        self._scripts += 1
        if self._scripts > _MANY:
            raise BootError("iPXE chains in circles")
        self._depth += 1
        try:
            return await self._run(script, url)
        finally:
            self._depth -= 1

    async def _run(self, script: bytes, url: str) -> Boot:
        lines = _decode(script).split("\n")
        if lines[0].rstrip() != "#!ipxe":
            raise BootError("iPXE: Exec format error: the first line is not #!ipxe (2e008081)")
        labels = {line[1:].strip(): i for i, line in enumerate(lines) if line.startswith(":")}
        i, steps = 1, 0
        while i < len(lines):
            steps += 1
            if steps > 1000:
                raise BootError("iPXE runs in circles")
            line = lines[i].strip()
            i += 1
            if not line or line.startswith(("#", ":")):
                continue
            outcome = await self._line(self._expand(line), url)
            if isinstance(outcome, Boot):
                return outcome
            if outcome == "exit":
                if self._depth > 1:
                    raise BootError("iPXE: a chained script leaves by exit")
                raise LocalBoot("; ".join(["iPXE leaves by exit", *self.screen]))
            if outcome.startswith("goto "):
                if outcome[5:] not in labels:
                    raise BootError(f"iPXE: No such label: {outcome[5:]}")
                i = labels[outcome[5:]]
        raise BootError("iPXE: the script ends without boot")

    async def _line(self, line: str, url: str) -> Boot | str:
        """Runs commands joined by && and ||; iPXE knows these only as words of their own."""
        words = line.split()
        commands: list[list[str]] = [[]]
        operators = []
        for word in words:
            if word in ("||", "&&"):
                operators.append(word)
                commands.append([])
            else:
                commands[-1].append(word)
        error: BootError | None = None
        for number, command in enumerate(commands):
            if number and (operators[number - 1] == "&&") == (error is not None):
                continue
            error = None
            if not command:
                continue
            try:
                outcome = await self._command(command, url)
            except BootError as failed:
                if isinstance(failed, LocalBoot):
                    raise
                self.screen.append(str(failed))
                error = failed
                continue
            if outcome:
                return outcome
        if error:
            raise error
        return ""

    async def _command(self, words: list[str], url: str) -> Boot | str:
        name, arguments = words[0], words[1:]
        if name in _IPXE_QUIET:
            if name == "set" and len(arguments) > 1:
                self._settings[arguments[0]] = " ".join(arguments[1:])
            return ""
        if name in ("isset", "iseq"):
            if not arguments or (name == "iseq" and (len(arguments) != 2 or arguments[0] != arguments[1])):
                raise BootError(f"iPXE: {name} is false")
            return ""
        if name in ("exit", "shell", "reboot", "poweroff"):
            if name != "exit":
                raise BootError(f"iPXE ends with {name}")
            return "exit"
        if name == "goto":
            return f"goto {arguments[0]}" if arguments else ""
        if name in ("kernel", "initrd", "imgfetch", "module", "chain", "imgexec"):
            image_name, rest = _ipxe_options(arguments)
            if not rest:
                raise BootError(f"iPXE: {name} without a URL")
            target = _join(url, rest[0])
            content = await self._read(target)
            if content is None:
                raise BootError(f"iPXE: {target}: No such file or directory (2d0c613b)")
            image = (image_name or target.rsplit("/", 1)[-1], target, content)
            if name in ("chain", "imgexec"):
                return await self.boot(content, target)
            if name == "kernel":
                self._kernel, self._arguments = image, rest[1:]
            else:
                self._images.append(image)
            return ""
        if name == "boot":
            return self._boot()
        raise BootError(f"iPXE: {name}: command not found (2e428006)")

    def _boot(self) -> Boot:
        if self._kernel is None:
            raise BootError("iPXE: boot without a kernel: Exec format error")
        wanted = [word[len("initrd=") :] for word in self._arguments if word.startswith("initrd=")]
        wanted = [name for value in wanted for name in value.split(",")]
        given = [image[0] for image in self._images]
        if wanted != given:
            raise BootError(f"the kernel looks for initrd={','.join(wanted)}, iPXE offers {','.join(given)}")
        name, url, content = self._kernel
        # on EFI the line begins with the name of the image
        return Boot((url, content), [(u, c) for _unused, u, c in self._images], " ".join([name, *self._arguments]))

    def _expand(self, line: str) -> str:
        return re.sub(r"\$\{([^}]*)\}", lambda match: self._settings.get(match.group(1), ""), line)


def _ipxe_options(arguments: list[str]) -> tuple[str, list[str]]:
    name = ""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option.startswith("--name="):
            name = option.split("=", 1)[1]
        elif option in ("--name", "-n"):
            if not rest:
                raise BootError("iPXE: --name without a name")
            name = rest.pop(0)
        elif option not in ("--autofree", "-a", "--replace", "-r"):
            raise BootError(f"iPXE: unrecognised option {option}")
    return name, rest


def _join(base: str, url: str) -> str:
    if "://" in url:
        return url
    if url.startswith("/"):
        return "/".join(base.split("/", 3)[:3]) + url
    return base.rsplit("/", 1)[0] + "/" + url


# --- PXELINUX -----------------------------------------------------------------------------------------------


class Pxelinux:
    """PXELINUX; as `lpxelinux` it can also fetch by http."""

    def __init__(self, read: Read, *, http: bool) -> None:
        self._read = read
        self._http = http

    async def boot(self, script: bytes) -> Boot:
        entries: dict[str, dict[str, str]] = {}
        general: dict[str, str] = {}
        current = general
        for raw in _decode(script).split("\n"):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            word, _unused, value = line.partition(" ")
            keyword, value = word.upper(), value.strip()
            if keyword == "LABEL":
                current = entries.setdefault(value, {})
            elif keyword in ("KERNEL", "LINUX", "APPEND", "INITRD", "IPAPPEND", "LOCALBOOT"):
                current[keyword] = value
            elif keyword in ("DEFAULT", "TIMEOUT", "PROMPT", "ONTIMEOUT", "TOTALTIMEOUT"):
                general[keyword] = value
            elif keyword not in ("SERIAL", "SAY", "DISPLAY", "CONSOLE", "MENU", "UI", "NOESCAPE", "ALLOWOPTIONS"):
                raise BootError(f"PXELINUX: Unknown keyword in configuration file: {word}")
        if general.get("PROMPT", "0") != "0" and general.get("TIMEOUT", "0") == "0":
            raise BootError("PXELINUX waits at boot: (PROMPT without TIMEOUT)")
        default = general.get("DEFAULT", "")
        if default not in entries:
            raise BootError(f"PXELINUX: DEFAULT {default!r} is no LABEL; it waits at boot:")
        entry = {**general, **entries[default]}
        return await self._load(entry)

    async def _load(self, entry: dict[str, str]) -> Boot:
        kernel = entry.get("KERNEL") or entry.get("LINUX") or ""
        if "LOCALBOOT" in entry:
            raise LocalBoot("PXELINUX leaves by LOCALBOOT")
        if not kernel:
            raise BootError("PXELINUX: no KERNEL")
        append = entry.get("APPEND", "")
        names = [value for word in append.split() if word.startswith("initrd=") for value in word[7:].split(",")]
        if entry.get("INITRD"):
            names = entry["INITRD"].split(",")
            append = f"initrd={entry['INITRD']} {append}".strip()
        return Boot(
            (kernel, await self._fetch(kernel)),
            [(name, await self._fetch(name)) for name in names],
            f"BOOT_IMAGE={kernel} {append}".rstrip(),
        )

    async def _fetch(self, path: str) -> bytes:
        if len(path) > PXELINUX_NAME:
            raise BootError(f"PXELINUX: a file name of {len(path)} characters is too long ({PXELINUX_NAME})")
        if "://" in path and not (self._http and path.startswith("http://")):
            raise BootError(f"PXELINUX: {path}: not found (http needs lpxelinux.0)")
        content = await self._read(path)
        if content is None:
            raise BootError(f"PXELINUX: {path}: not found")
        return content


def _decode(script: bytes) -> str:
    try:
        return script.decode("ascii")
    except UnicodeDecodeError:
        raise BootError("the boot file is not plain ASCII") from None
