# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a text that a page shows as a run's is one: by the texts of the code, or by what runs have printed."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence

from support.paths import ROOT

_FILLED_IN = "\0"
# Lines that the code puts together of single words;
# tests/integration/test_documented_commands.py looks for them in runs
PUT_TOGETHER = re.compile(r"Preflight: |: proven, unchanged$")
# What a machine fetches, in lists of any length
_FETCHED = ("boot file", "kernel", "initramfs", "rootfs")


def _text(node: ast.AST) -> str:
    """A text of the code, with a mark where something is filled in; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or _FILLED_IN for part in node.values)
    return ""


@functools.cache
def _texts() -> list[str]:
    texts = {_text(node) for path in ROOT.glob("plugins/**/*.py") for node in ast.walk(ast.parse(path.read_text()))}
    for path in (*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("playbooks/*.yml")):
        for text in re.findall(r'(?:msg|fail_msg): "([^"]+)"', path.read_text()):
            texts.add(re.sub(r"\{\{.*?\}\}", _FILLED_IN, text))
    return sorted(texts)


@functools.cache
def _templates() -> list[re.Pattern[str]]:
    """Regular expressions of the texts of the code. One without some words in a row would fit everything."""
    found = []
    for text in _texts():
        parts = text.strip(f"{_FILLED_IN} \n").split(_FILLED_IN)
        if max(len(part.strip()) for part in parts) >= 10:
            found.append(re.compile(".{1,120}?".join(map(re.escape, parts))))
    return found


def share_of_the_code(quote: str) -> float:
    """How many of a quoted message's words are the code's. Names, numbers and paths are not counted."""
    covered: set[int] = set()
    for template in _templates():
        for match in template.finditer(quote):
            covered.update(range(match.start(), match.end()))
    words = [match.start() for match in re.finditer(r"(?<!\S)[A-Za-z]+[,.;:]?(?!\S)", quote)]
    return sum(1 for word in words if word in covered) / len(words) if words else 1.0


def is_printed(line: str, output: Sequence[str] = ()) -> bool:
    """Whether it is a message of the code, whole or in part, or was printed by a run.

    :param line: names, numbers, paths and the like in it are examples; … stands for anything
    :param output: what runs have printed
    """
    return share_of_the_code(line) > 0.65 or any(was_printed(line, text) for text in (*_shown_texts(), *output))


def was_printed(line: str, output: str) -> bool:
    return bool(_pattern(line).search(output))


@functools.cache
def _shown_texts() -> list[str]:
    return [" ".join(text.replace(_FILLED_IN, "x").split()) for text in _texts()]


def _pattern(line: str) -> re.Pattern[str]:
    for thing in _FETCHED:
        line = re.sub(rf"\b{thing}(?=[ ,]|$)", "0", line)
    line = re.sub(r"\b0(, 0)*( and 0)?(?= |$)", "0", line)
    return re.compile(r"\s+".join(_token(token) for token in line.split()))


def _token(token: str) -> str:
    ending = re.escape(token[len(token.rstrip(",.;:")) :])
    if token.rstrip(",.;:") == "…":
        return f".*?{ending}"
    return rf"\S+{ending}" if re.search(r"[\d/…]|^\(|[a-z][A-Z]", token) else re.escape(token)


__all__ = ("PUT_TOGETHER", "is_printed", "share_of_the_code", "was_printed")
