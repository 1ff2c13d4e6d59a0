# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one check of the preflight found, and the table of them. Private to the collection."""

from __future__ import annotations

import textwrap
import typing as t

OK, WARN, FAIL = "ok", "warn", "fail"
# As wide as a log in AWX shows without a scroll bar
WIDTH = 100
MOST_NAMES = 5

Finding = dict[str, t.Any]


def finding(check: str, verdict: str, sentence: str, to_do: str = "", *, machines: t.Iterable[str] = ()) -> Finding:
    """One row: what was found, in one sentence, and what to do about it.

    :param to_do: what is to be copied follows on a line of its own, indented by two blanks
    :param machines: names of the machines that it is about; empty where it is about all or none
    """
    return {"check": check, "verdict": verdict, "sentence": sentence, "to_do": to_do, "machines": sorted(machines)}


def some(names: t.Iterable[str], most: int = MOST_NAMES) -> str:
    """``a, b, c and 4 more``."""
    found = list(names)
    if len(found) <= most:
        return ", ".join(found)
    return f"{', '.join(found[:most])} and {len(found) - most} more"


def stops(findings: t.Iterable[Finding], fatal: t.Collection[str]) -> list[Finding]:
    """Failed checks that end the run."""
    return [found for found in findings if found["verdict"] == FAIL and found["check"] in fatal]


def table(findings: t.Sequence[Finding], fatal: t.Collection[str] = (), *, width: int = WIDTH) -> list[str]:
    """Lines of at most ``width`` columns: verdict, check, sentence, and below it what to do."""
    column = max([len(found["check"]) for found in findings], default=0)
    margin = " " * (6 + column + 2)
    lines = []
    for found in findings:
        texts = [found["sentence"]]
        if found["verdict"] != OK and found["to_do"]:
            texts += f"-> {found['to_do']}".splitlines()
        first, *rest = [line for text in texts for line in _wrap(text, width - len(margin))]
        lines.append(f"{found['verdict']:<4}  {found['check']:<{column}}  {first}")
        lines += [margin + line for line in rest]
    return [*lines, summary(findings, fatal)]


def _wrap(text: str, width: int) -> list[str]:
    # What is to be copied into a shell or an inventory stands on a line of its own, however long
    return [text] if text.startswith("  ") else textwrap.wrap(text, width, break_on_hyphens=False)


def summary(findings: t.Sequence[Finding], fatal: t.Collection[str] = ()) -> str:
    """How many there are of each, and whether the run goes on."""
    count = {verdict: sum(found["verdict"] == verdict for found in findings) for verdict in (OK, WARN, FAIL)}
    ending = stops(findings, fatal)
    end = f"; these stop the run: {', '.join(found['check'] for found in ending)}" if ending else ""
    return f"Preflight: {count[OK]} ok, {count[WARN]} warn, {count[FAIL]} fail{end}."


__all__ = ("FAIL", "OK", "WARN", "Finding", "finding", "some", "stops", "summary", "table")
