# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""JSONPath templates. Every case is also put to kubectl, so that the expectations here are Kubernetes' own."""

from __future__ import annotations

import json
import pathlib
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.multiarch.openshift.plugins.filter.jsonpath import jsonpath
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._jsonpath import render
from support import paths

DOCUMENT: dict[str, t.Any] = {
    "apiVersion": "example.com/v1",
    "kind": "Thing",
    "metadata": {"name": "x", "annotations": {"a.b": "dotted", "q": "<&>\u2028é\u0007\b\x7f"}},
    "a": {"b": "nested"},
    "n": 1,
    "f": 1.5,
    "floats": [1e30, 1e-7, 2.0, 1e20, 1e21, 0.0001, 0.00001, -2.5e-9, 1e16, 123456.789, 0.0, 1234567.5],
    "t": True,
    "z": None,
    "l": [{"k": "one", "v": 1}, {"k": "two", "v": 2, "m": {}, "l": [7, 8]}, {"k": "three", "v": 30}],
    "mixed": [{"v": 1.5}, {"v": 2}],
    "quoted": [{"k": "a)b"}, {"k": 'tw"o'}],
    "bools": [{"b": True}, {"b": False}],
    "e": [],
    "s": "str",
    "d": {"x": 1, "y": [1, 2, {"b": None}]},
}

PRINTED = {
    # texts and plain paths
    ".a.b": ".a.b",
    "": "",
    "text } more {.n}": "text } more 1",
    "{.a.b}": "nested",
    "{ .a.b }": "nested",
    "{.a .b}": "nested",
    "{$.a.b}{@.a.b}{.a@.b}{@$@.n}": "nestednestednested1",
    "{.a}": '{"b":"nested"}',
    "{.nope}{.s.x}{.n.x}{.l.k}{.d.x.y}|": "|",
    "{.}x{.l[*].}": "x",
    "{.z}": "null",
    "{.z.x}{.z[*]}{.z[0]}{.z.*}{..z}": "null",
    "{.n} {.f} {.t} {.e} {.s}": "1 1.5 true [] str",
    "{.metadata.annotations.q}": "<&>\u2028é\u0007\b\x7f",
    "{.metadata.annotations}": '{"a.b":"dotted","q":"\\u003c\\u0026\\u003e\\u2028é\\u0007\\b\x7f"}',
    "{.floats}": (
        "[1e+30,1e-7,2,100000000000000000000,1e+21,0.0001,0.00001,-2.5e-9,10000000000000000,123456.789,0,1234567.5]"
    ),
    "{.floats[*]}": "1e+30 1e-07 2 1e+20 1e+21 0.0001 1e-05 -2.5e-09 1e+16 123456.789 0 1.2345675e+06",
    # keys with dots, brackets
    "{.metadata.annotations.a\\.b}": "dotted",
    "{.metadata.annotations['a\\.b']}": "dotted",
    "{['a.b']}": "nested",
    "{['a']['b']}{['a'].b}": "nestednested",
    "{['metadata.name','a.b']}": "x nested",
    "{.metadata.annotations['']}{.a\\.b}": "",
    # lists
    "{.l[*].k}": "one two three",
    "{.l[0].k}{.l[-1].k}{.l[01].k}": "onethreetwo",
    "{.l[0:2].k}|{.l[::2].k}|{.l[1:].k}|{.l[:1].k}|{.l[-2:].k}|{.l[:-1].k}": (
        "one two|one three|two three|one|two three|one two"
    ),
    "{.l[1:1].k}{.l[:0].k}{.e[*]}{.e[:]}{.nope[0]}": "",
    "{.l[].k}": "one",
    "{.l[0,1].k}|{.l[0, 2].k}|{.l[*,0].k}": "one two|one three|one two three one",
    "{.l[0]['k','v']}|{.l[*]['k', 'v']}": "one 1|one two three 1 2 30",
    "{.l.*.k}|{.a.*}|{.e.*}|{.s.*}": "one two three|nested||115 116 114",
    # recursion
    "{..k}": 'one two three a)b tw"o',
    "{.l..v}|{.a..b}|{..['x']}|{.d..b}": "1 2 30|nested|1|null",
    # filters
    '{.l[?(@.k=="two")].v}': "2",
    "{.l[?(@.k=='two')].v}": "2",
    '{.l[?(  @.k == "two" )].v}': "2",
    "{.l[?(@['k']==\"two\")].v}": "2",
    '{.l[?(@.k!="two")].v}': "1 30",
    "{.l[?(@.v>2)].k}|{.l[?(@.v>=2)].k}|{.l[?(@.v<2)].k}|{.l[?(@.v<=2)].k}": "three|two three|one|one two",
    "{.l[?(@.v==2)].k}|{.l[?(2==@.v)].k}|{.l[?(@.v==@.v)].k}": "two|two|one two three",
    '{.l[?(@.k>"one")].k}': "two three",
    "{.l[?(@.m)].k}|{.l[?(@.nope)].k}|{.l[?(@)].k}|{.l[?()].k}": "two||one two three|one two three",
    "{.l[?(@.k[5])].k}|{.l[?(@.l[5])].k}": "one two three|two",
    '{.quoted[?(@.k=="a)b")].k}|{.quoted[?(@.k==\'tw"o\')].k}': 'a)b|tw"o',
    '{.quoted[?(@.k=="tw\\"o")].k}': 'tw"o',
    "{.bools[?(@.b==true)]}": '{"b":true}',
    '{.nope[?(@.k=="x")]}{.l[?(@.z==1)].k}': "",
    "{.l[?(@.k==\"two\")]['v','k']}": "2 two",
    "{.mixed[?(@.v)]}": '{"v":1.5} {"v":2}',
    # range
    '{range .l[*]}{.k}={.v}{"\\n"}{end}': "one=1\ntwo=2\nthree=30\n",
    "{range .nope[*]}{.k}{end}{range .e[*]}{.k}{end}after": "after",
    "{range .l[*]}[{.k},{range .k}{@}{end}] {end}z": "[one,one] [two,two] [three,three] z",
    "{range .l[*]}[{.k}] {end}{range .l[*]}<{.v}>{end}{.n}": "[one] [two] [three] <1><2><30>1",
    "{range .l[*]}{range .zz[*]}x{end}{.k}{end}y{.n}": "onetwothreey1",
    "{range .l[*]}{.k}{range .l[*]}({@}){end};{end}": "one;two(7)(8);three;",
    "{ range  .l[*] }{.k}{ end }|{range.l[0]}{.k}{end}": "onetwothree|one",
    "{range .l[*]}{.k}": "onetwothree",
    "{range .z}{@}|{.x}{end}": "<no value>|",
    # literals
    '{"a"}{\'b\'}{"\\t\\u00e9"}{1}{1.5}{true}{-3}{+5}{-1.25}': "ab\té11.5true-35-1.25",
    "{\"a\\\"b\"}{'it\\'s'}{'x\\ny'}": "a\"bit'sx\ny",
    '{"\\x41\\101\\u00e9\\U0001F600"}': "AAé😀",
    'é{"é"}{.é}': "éé",
}

REFUSED = {
    "{.a.b": (1, "expected '}'"),
    "{.a\n.b}": (1, "expected '}'"),
    "x{.a}{.b": (6, "expected '}'"),
    "{.l[}": (4, "expected ']'"),
    "{.l[a]}": (5, "expected an index"),
    '{.l["k"]}': (5, "expected an index"),
    "{.l[ 0 ]}": (5, "expected an index"),
    "{.l['a,b']}": (5, "expected an index"),
    "{.l[-]}": (5, "expected a number"),
    "{#}": (2, "unexpected '#'"),
    "{.a,.b}": (4, "unexpected ','"),
    "{..*}": (4, "unexpected '*'"),
    "{....a}": (4, "'..' follows '..'"),
    "{'x}": (2, "expected '"),
    '{"\\\\"}': (2, 'expected "'),
    '{"a\\q"}': (4, "unknown escape"),
    '{"\\ud800"}': (3, "names no character"),
    "{1.2.3}": (2, "expected a number"),
    '{.l[?(@.k=="two"}': (4, "expected ')]'"),
    '{.l[?(@.k=="two")}': (18, "expected ']'"),
    '{.l[?(@.k=="two" && @.v==2)].v}': (18, "unexpected '&'"),
    '{.l[?(@.k="two")].v}': (10, "expected one of =="),
    "{.l[5].k}": (5, "outside the list of 3"),
    "{.l[-4].k}": (5, "outside the list of 3"),
    "{.l[0:9].k}": (5, "outside the list of 3"),
    "{.e[0]}{.e[-1]}": (5, "outside the list of 0"),
    "{.l[2:1].k}": (5, "after its end"),
    "{.l[::0].k}": (5, "above 0"),
    "{.s[0]}": (5, "expected a list here, not a text"),
    "{.a[0]}": (5, "not an object"),
    "{.n[*]}": (5, "not an integer"),
    "{.a[?(@.k)]}": (4, "expected a list to filter"),
    "{.z[?(@.x)]}": (4, "not null"),
    "{foo}": (2, "unknown word 'foo'"),
    "{.l[?(@.k==null)].k}": (12, "unknown word 'null'"),
    "{end}": (2, "'end' without 'range'"),
    "{range .l[*]}{.k}{end}{end}": (24, "'end' without 'range'"),
    "{.l[?(@.k==1)].k}": (4, "a text cannot be compared with an integer"),
    "{.mixed[?(@.v>1)].v}": (8, "a number with decimals cannot be compared with an integer"),
    "{.d.y[?(@>0)]}": (6, "an object cannot be compared"),
    "{.bools[?(@.b<true)]}": (8, "booleans have no order"),
    '{.l[?(@.*=="x")].k}': (4, "gives 2 values"),
}


@pytest.mark.parametrize(("template", "expected"), PRINTED.items())
def test_template_prints_what_oc_prints(template: str, expected: str) -> None:
    assert render(template, DOCUMENT) == expected


@pytest.mark.parametrize(("template", "expected"), REFUSED.items())
def test_mistake_is_named_with_its_position(template: str, expected: tuple[int, str]) -> None:
    position, problem = expected
    with pytest.raises(OperationError) as caught:
        render(template, DOCUMENT)
    assert f"position {position}: " in str(caught.value)
    assert problem in str(caught.value)


def test_key_with_a_dot_in_brackets_is_found_where_the_path_is_not() -> None:
    assert render("{.metadata.annotations['a.b']}", DOCUMENT) == "dotted"
    assert render("{.metadata.annotations['a.b','q']}", {"metadata": {"annotations": {"a.b": 1, "q": 2}}}) == "1 2"
    assert render("{['a.b']}", {"a.b": "key", "a": {"b": "path"}}) == "path"


def test_maps_are_walked_in_the_order_of_their_keys() -> None:
    document = {"b": {"n": 2}, "a": {"n": 1}, "c": 3}
    assert render("{.*}|{..n}", document) == '{"n":1} {"n":2} 3|1 2'


def test_metadata_of_the_release_prints_as_the_documented_command_does() -> None:
    release = {"metadata": {"metadata": {"url": "https://u", "release.openshift.io/architecture": "multi"}}}
    printed = render("{ .metadata.metadata}", release)
    assert printed == '{"release.openshift.io/architecture":"multi","url":"https://u"}'
    assert render("{ .metadata.metadata}", {"metadata": {}}) == ""


def test_filter_names_itself_and_the_type_it_was_given() -> None:
    with pytest.raises(AnsibleFilterError, match=r"openshift\.jsonpath: the template must be a text, not int"):
        jsonpath({}, 1)
    with pytest.raises(AnsibleFilterError, match=r"openshift\.jsonpath: JSONPath template '\{\.a', position 1"):
        jsonpath({}, "{.a")


def _kubectl(document: pathlib.Path, template: str) -> subprocess.CompletedProcess[str]:
    # "annotate --local" prints without asking any server; the annotation that it removes is not there
    arguments = ["annotate", "--local", "-f", str(document), "absent-", "-o", f"jsonpath={template}"]
    return subprocess.run(
        [str(paths.program("kubectl")), *arguments], capture_output=True, text=True, timeout=60, check=False
    )


SEPARATOR = "\n--- next ---\n"


def test_kubectl_prints_the_same(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "document.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    # An open range swallows what follows it, so it stands last.
    templates = sorted(
        PRINTED,
        key=lambda template: template.count("{range") + template.count("{ range") > template.count("end"),
    )
    answer = _kubectl(path, SEPARATOR.join(templates))
    assert answer.stderr == ""
    # kubectl ends the whole output with one line feed
    printed = answer.stdout.removesuffix("\n").split(SEPARATOR)
    # kubectl walks maps in random order
    ordered = [template for template in templates if ".." not in template]
    theirs = {template: text for template, text in zip(templates, printed, strict=True) if template in ordered}
    assert theirs == {template: PRINTED[template] for template in ordered}


@pytest.mark.parametrize("template", REFUSED)
def test_kubectl_refuses_the_same(template: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "document.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    answer = _kubectl(path, template)
    assert answer.returncode == 1
    assert "error" in answer.stderr
