# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the documentation, taken apart: blocks, commands, quoted messages, links."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
import re
import shlex
import textwrap

from support.paths import ROOT

SHELL = ("sh", "bash", "console")
# What a block needs that no test has, on the line before it
MARKERS = ("hardware", "a cluster", "a host", "root on a host", "a container engine", "AWX")

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(r"<!-- needs (.+?) -->\s*\Z")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+(?:\([^()]*\)[^()\s]*)*)\)")
# Heads of columns that hold what a run prints
_PRINTED = ("what it prints", "what the run prints", "what the run says", "what you see", "表示")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block."""

    where: str
    language: str
    text: str
    needs: str
    """What its marker says; empty where there is none."""


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of a shell block, in words as the shell sees them."""

    where: str
    words: tuple[str, ...]
    needs: str

    def __str__(self) -> str:
        return shlex.join(self.words)


@dataclasses.dataclass(frozen=True)
class Page:
    path: pathlib.Path
    text: str

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @functools.cached_property
    def blocks(self) -> list[Block]:
        found = []
        for match in _FENCE.finditer(self.text):
            line = self.text.count("\n", 0, match.start()) + 1
            marker = _MARKER.search(self.text[: match.start()])
            text = textwrap.dedent(match["text"])
            found.append(Block(f"{self.name}:{line}", match["language"], text, marker[1] if marker else ""))
        return found

    @functools.cached_property
    def prose(self) -> str:
        """Without its blocks."""
        return _FENCE.sub("", self.text)

    @functools.cached_property
    def inline(self) -> list[str]:
        """Inline code, but for that in quoted messages."""
        return _INLINE.findall(re.sub(r"^> .*$", "", self.prose, flags=re.MULTILINE))

    @functools.cached_property
    def quotes(self) -> list[str]:
        """Messages of a run: each line that begins with >."""
        return [line[2:] for line in self.prose.splitlines() if line.startswith("> ")]

    @functools.cached_property
    def output(self) -> list[str]:
        """What a run prints, in blocks without a language: an entry has the lines that it was wrapped to."""
        found: list[str] = []
        for block in self.blocks:
            for line in block.text.splitlines() if not block.language else ():
                if re.match(r" |and ", line) and found:
                    found[-1] += " " + line.strip()
                elif line != "…":
                    found.append(line)
        return found

    @functools.cached_property
    def printed(self) -> list[str]:
        """What a run prints, in columns of tables that say so: often a part, with … for the rest."""
        found: list[str] = []
        columns: set[int] = set()
        for line in self.prose.splitlines():
            if not line.startswith("|"):
                columns = set()
                continue
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not columns:
                columns = {number for number, cell in enumerate(cells) if cell in _PRINTED} or {-1}
                continue
            found += [text for number, cell in enumerate(cells) if number in columns for text in _INLINE.findall(cell)]
        return found

    @functools.cached_property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @functools.cached_property
    def anchors(self) -> set[str]:
        """As GitHub names the headings."""
        found: set[str] = set()
        for heading in re.findall(r"^#{1,6} (.+)$", self.prose, re.MULTILINE):
            slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
            same = sum(1 for known in found if re.fullmatch(rf"{re.escape(slug)}(-\d+)?", known))
            slug = f"{slug}-{same}" if slug in found else slug
            found.add(slug)
        return found

    @functools.cached_property
    def commands(self) -> list[Command]:
        return [command for block in self.blocks if block.language in SHELL for command in _commands(block)]


def _commands(block: Block) -> list[Command]:
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    found = []
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in ("|", "&&", ";"):
                if words:
                    found.append(Command(block.where, tuple(words), block.needs))
                words = []
            else:
                words.append(word)
    return found


def pages() -> list[Page]:
    """The README and everything in docs/."""
    return [Page(path, path.read_text()) for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))]
