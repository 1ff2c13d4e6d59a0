# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the HTML report looks. Private to the collection."""

from __future__ import annotations

STYLE = """\
:root {
  --back: #f6f7f9; --card: #fff; --ink: #1b1f24; --soft: #59636e; --line: #d5dae1;
  --good: #1a7f37; --weak: #8a5a00; --bad: #c62828; --link: #0b5cad;
  --boot: #b3bcc8; --join: #4d8fd6; --proof: #2e9e4f; --code: #eceff3;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #12161b; --card: #1b2027; --ink: #e6e9ed; --soft: #9aa5b1; --line: #323a44;
    --good: #57c26e; --weak: #e3b04b; --bad: #ff7b72; --link: #79b8ff;
    --boot: #5b6674; --join: #4d8fd6; --proof: #3fae5d; --code: #272e37;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 70rem; padding: 1rem; background: var(--back); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 0 0 .75rem; font-size: 1.15rem; }
h3 { margin: .75rem 0 .25rem; font-size: 1rem; }
details > summary { margin: .75rem 0 .25rem; font-weight: 600; cursor: pointer; }
p { margin: .4rem 0; }
a { color: var(--link); }
code, pre { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .85em; }
pre { margin: .4rem 0 0; padding: .5rem .7rem; background: var(--code); border-radius: .3rem; white-space: pre-wrap; }
header, section {
  margin: 0 0 1rem; padding: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
}
.outcome { font-size: 1.15rem; font-weight: 600; color: var(--bad); }
.outcome.done { color: var(--good); }
.outcome.interrupted, .warning { color: var(--weak); }
.problem { color: var(--bad); }
.facts, .legend, time, dt { color: var(--soft); }
.facts, .legend { font-size: .9rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .5rem; margin: .75rem 0; }
.tile {
  display: flex; flex-direction: column; min-width: 5.5rem; padding: .3rem .8rem;
  border: 1px solid var(--line); border-radius: .4rem;
}
.tile dd { margin: 0; font-size: 1.4rem; font-weight: 600; line-height: 1.3; }
.tile dt { font-size: .85rem; }
.tile.proven dd { color: var(--good); }
.tile.failed dd { color: var(--bad); }
.tile.joined dd, .tile.unfinished dd { color: var(--weak); }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
.legend i {
  display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem;
  border-radius: .2rem; vertical-align: -.05rem;
}
i.boot { background: var(--boot); }
i.join { background: var(--join); }
i.proof { background: var(--proof); }
i.stopped { background: var(--bad); }
.machine { border-top: 1px solid var(--line); padding: .45rem 0; }
.machine > summary {
  margin: 0; display: grid; grid-template-columns: 1rem minmax(8rem, 16rem) 11rem 1fr; gap: .75rem; align-items: center;
  cursor: pointer;
}
.machine summary::before { content: "\\25B8"; color: var(--soft); }
.machine[open] summary::before { content: "\\25BE"; }
.machine summary::-webkit-details-marker { display: none; }
.machine > p, .machine > ol { margin-left: 1.75rem; }
.name { font-weight: 600; }
.pill {
  justify-self: start; padding: 0 .55rem; border: 1px solid currentColor; border-radius: 1rem;
  font-size: .85rem; white-space: nowrap;
}
.pill.proven { color: var(--good); }
.pill.joined, .pill.unfinished { color: var(--weak); }
.pill.failed { color: var(--bad); }
.bar { position: relative; height: .6rem; background: var(--code); border-radius: .2rem; overflow: hidden; }
.bar i { position: absolute; top: 0; bottom: 0; min-width: 3px; }
.timeline { margin: .4rem 0; padding: 0; list-style: none; font-size: .9rem; }
.timeline li { display: grid; grid-template-columns: 6.5rem 1fr; gap: .75rem; padding: .1rem 0; }
.timeline time { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.timeline .failed span { color: var(--bad); }
.timeline .warning span, .timeline .left span { color: var(--weak); }
.timeline .proven span { color: var(--good); }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
th { text-align: left; color: var(--soft); font-weight: 500; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.versions { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
.versions dd { margin: 0; }
ol.left { margin: 0; padding-left: 1.6rem; }
ol.left li { padding: .35rem 0; }
@media (max-width: 45rem) {
  body { padding: .5rem; }
  header, section { padding: .75rem; }
  .machine summary { grid-template-columns: 1rem 1fr auto; gap: .3rem .5rem; }
  .machine summary .bar { grid-column: 2 / -1; }
  .machine > p, .machine > ol { margin-left: 0; }
  .timeline li { grid-template-columns: 5.8rem 1fr; gap: .6rem; }
  thead { display: none; }
  table, tbody, tr, td { display: block; }
  tr { padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td { padding: .1rem 0; border: 0; }
  td::before { content: attr(data-head) ": "; color: var(--soft); }
  .versions { display: block; }
  .versions dd { margin-bottom: .3rem; }
}
@media print {
  body { background: none; }
  header, section { break-inside: avoid-page; }
}
"""

__all__ = ("STYLE",)
