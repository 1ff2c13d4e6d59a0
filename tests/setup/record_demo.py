# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the demo and draw what it says as a terminal: record_demo.py PICTURE.svg [OUTPUT.txt]

The picture is an excerpt, for a run prints a few hundred lines: whole lines, in their order, nothing added but the
prompt. With OUTPUT.txt the run is not made; that file has what one has printed.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import textwrap
import xml.sax.saxutils

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = 126
LINE, TOP, LEFT, WIDTH = 18, 52, 20, 7.83
# What is worth a line of the picture, and its colour; anything else is left out
KEPT = (
    (r"\*\*\* (?P<text>ansible-playbook .*)", "command"),
    (r"\*\*\* (?P<text>.*)", "note"),
    (r"(?P<text>Preflight: .*)", "plain"),
    (r' +"(?P<text>[\w-]+: (?:power it on|boot it from) .*)",?', "ask"),
    (r"(?P<text>\S+  (?:client|serving) CSR .* approved .*)", "plain"),
    (r"(?P<text>\S+  \S+ inserted by its BMC)", "plain"),
    (r"(?P<text>\S+  powered on by its BMC.*)", "plain"),
    (r"(?P<text>\S+  \S+ ejected by its BMC)", "plain"),
    (r"(?P<text>(?:sudo coreos-installer install|  --ignition-\S+|  /dev/disk/\S+)(?: \\)?)", "typed"),
    (r"(?P<text>\S+  proven: .*)", "good"),
    (r"(?P<text>(?:NAME|\S+) +(?:STATUS +ARCH +ADDRESS|Ready +\S+ +[\d.]+))", "plain"),
    (r"(?P<text>Left alone:)", "plain"),
    (r"(?P<text>csr-\S+  (?:client|serving) request for .*)", "plain"),
    (r"(?P<text>  left alone: .*)", "plain"),
    (r"(?P<text>  oc adm certificate approve \S+)", "plain"),
)
COLOURS = {
    "command": "#ffffff",
    "note": "#8fa3bf",
    "plain": "#d5dce6",
    "ask": "#e8c56b",
    "typed": "#9cc3f0",
    "good": "#7fd08a",
}


def record() -> str:
    """What the demo prints."""
    demo = [sys.executable, "-m", "lab.demo"]
    environment = {"PYTHONPATH": str(ROOT / "tests"), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(demo, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\n{done.stderr}\nThe demo did not come out as it should; no picture was made.")
    return done.stdout


def excerpt(output: str) -> list[tuple[str, str]]:
    """Lines of the picture, each with its kind."""
    lines: list[tuple[str, str]] = []
    running = False
    for line in output.splitlines():
        for pattern, kind in KEPT:
            match = re.fullmatch(pattern, line)
            if match is None:
                continue
            if kind == "typed" and running:
                break  # it is shown where it is typed
            text = f"$ {match['text']}" if kind == "command" else match["text"]
            if kind in ("command", "note"):
                lines.append(("", "plain"))
                running = kind == "command"
            lines += [
                (part, kind)
                for part in textwrap.wrap(
                    text, COLUMNS, drop_whitespace=False, break_on_hyphens=False, subsequent_indent="  "
                )
            ]
            break
    return lines[1:]


def svg(lines: list[tuple[str, str]]) -> str:
    """The terminal. It has its own background, so it is read alike on a light and on a dark page."""
    width, height = round(2 * LEFT + COLUMNS * WIDTH), TOP + LINE * len(lines) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' role="img" aria-label="Terminal: make demo">',
        '<style>text { font: 13px "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre }',
        *(f".{kind} {{ fill: {colour} }}" for kind, colour in COLOURS.items()),
        "</style>",
        f'<rect width="{width}" height="{height}" rx="9" fill="#141a23" stroke="#3a4657"/>',
        *(
            f'<circle cx="{22 + 20 * i}" cy="20" r="6" fill="{fill}"/>'
            for i, fill in enumerate(("#e0685e", "#e3b94e", "#6bbf68"))
        ),
        f'<text class="note" x="{width / 2:.0f}" y="25" text-anchor="middle">make demo (excerpt)</text>',
    ]
    for number, (text, kind) in enumerate(lines):
        if text:
            # the length is said, for the reader's font may have another width
            size = f'textLength="{len(text) * WIDTH:.1f}" lengthAdjust="spacingAndGlyphs"'
            place = f'x="{LEFT}" y="{TOP + LINE * number + 8}"'
            parts.append(
                f'<text xml:space="preserve" class="{kind}" {place} {size}>{xml.sax.saxutils.escape(text)}</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    output = pathlib.Path(sys.argv[2]).read_text() if len(sys.argv) > 2 else record()
    pathlib.Path(sys.argv[1]).write_text(svg(excerpt(output)))


if __name__ == "__main__":
    main()
