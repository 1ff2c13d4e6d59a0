# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes' JSONPath templates, as ``oc -o jsonpath`` takes them. Private to the collection.

Behaves like k8s.io/client-go/util/jsonpath with ``allowMissingKeys``, its peculiarities included; the tests compare
it with kubectl. Two things differ on purpose: maps are walked in the order of their keys (Go's order is random), and
``['a.b']``, which Kubernetes reads as the path ``.a.b``, also finds a key ``a.b`` where that path finds nothing.
"""

from __future__ import annotations

import decimal
import json
import re
import typing as t
from dataclasses import dataclass
from dataclasses import field

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError


@dataclass(frozen=True)
class _Node:
    position: int


@dataclass(frozen=True)
class _Literal(_Node):
    """A text, number or boolean of the template. Numbers and booleans come once per input, as in Kubernetes."""

    value: t.Any


@dataclass(frozen=True)
class _Field(_Node):
    name: str


@dataclass(frozen=True)
class _Key(_Node):
    """``['…']``: a path, and the key that the same letters name."""

    path: list[_Node]
    name: str


@dataclass(frozen=True)
class _Wildcard(_Node):
    pass


@dataclass(frozen=True)
class _Recursive(_Node):
    pass


@dataclass(frozen=True)
class _Slice(_Node):
    """``[start:stop:step]``. ``single`` is set for ``[start]``."""

    start: int | None
    stop: int | None
    step: int | None
    single: bool


@dataclass(frozen=True)
class _Union(_Node):
    paths: list[list[_Node]]


@dataclass(frozen=True)
class _Filter(_Node):
    left: list[_Node]
    operator: str
    right: list[_Node]


@dataclass(frozen=True)
class _Word(_Node):
    """``range``, ``end``, or a mistake that is reported when it is reached."""

    name: str


@dataclass(frozen=True)
class _Action(_Node):
    """What stands between two braces: steps that follow one another."""

    nodes: list[_Node] = field(default_factory=list)


_END = ""
_TERMINATORS = frozenset(" \t\r\n.,[]$@{}") | {_END}
_DIGITS = frozenset("0123456789")
_DICT_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?[0-9]*)(:-?[0-9]*)?(:-?[0-9]*)?")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+?)", re.DOTALL)
_OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}
_CODE = re.compile(r"x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")


def _error(template: str, position: int, problem: str) -> OperationError:
    return OperationError(f"JSONPath template {template!r}, position {position + 1}: {problem}.")


class _Parser:
    """Reads ``template[position:stop]``; positions in errors are those of the whole template."""

    def __init__(self, template: str, position: int = 0, stop: int | None = None) -> None:
        self.template = template
        self.position = position
        self.stop = len(template) if stop is None else stop

    def _fail(self, problem: str, position: int | None = None) -> OperationError:
        return _error(self.template, self.position if position is None else position, problem)

    def _peek(self) -> str:
        return self.template[self.position] if self.position < self.stop else _END

    def _next(self) -> str:
        character = self._peek()
        self.position += 1
        return character

    def _starts_with(self, text: str) -> bool:
        return self.template.startswith(text, self.position, self.stop)

    def template_nodes(self) -> list[_Node]:
        """Texts and actions, in their order."""
        nodes: list[_Node] = []
        while self.position < self.stop:
            opening = self.template.find("{", self.position, self.stop)
            text_end = self.stop if opening < 0 else opening
            if text_end > self.position:
                nodes.append(_Literal(self.position, self.template[self.position : text_end]))
            self.position = text_end
            if opening >= 0:
                self.position += 1
                nodes.append(_Action(opening, self._action(opening)))
        return nodes

    def _action(self, opening: int) -> list[_Node]:
        nodes: list[_Node] = []
        while not self._starts_with("}"):
            if self._peek() in (_END, "\r", "\n"):
                raise self._fail("expected '}' for the action that is opened here", opening)
            nodes += self._step(nodes)
        self.position += 1
        return nodes

    def path(self) -> list[_Node]:
        """The steps of an expression that has no braces of its own."""
        nodes: list[_Node] = []
        while self.position < self.stop:
            nodes += self._step(nodes)
        return nodes

    def _step(self, before: t.Sequence[_Node]) -> list[_Node]:
        position = self.position
        if self._starts_with("[?("):
            return [self._filter()]
        if self._starts_with(".."):
            return self._recursive(before)
        character = self._next()
        if character in (" ", "@", "$"):
            return []
        if character == "[":
            return self._brackets(position)
        if character in ('"', "'"):
            return [self._quoted(position, character)]
        if character == ".":
            return [self._field(position)]
        self.position = position
        if character in ("+", "-") or character in _DIGITS:
            return [self._number()]
        if character == "_" or character.isalnum():
            return [self._word()]
        raise self._fail(f"unexpected {character!r}; expected '.', '[', '@', '$', a quoted text, a number or a word")

    def _field(self, position: int) -> _Node:
        start = self.position
        while self._peek() not in _TERMINATORS:
            self.position += 2 if self._peek() == "\\" else 1
        self.position = min(self.position, self.stop)
        name = self.template[start : self.position]
        return _Wildcard(position) if name == "*" else _Field(position, name.replace("\\", ""))

    def _recursive(self, before: t.Sequence[_Node]) -> list[_Node]:
        position = self.position
        if before and isinstance(before[-1], _Recursive):
            raise self._fail("'..' follows '..'; expected a field or '['")
        self.position += 2
        nodes: list[_Node] = [_Recursive(position)]
        if self._peek() == "_" or self._peek().isalnum():
            nodes.append(self._field(self.position))
        return nodes

    def _number(self) -> _Node:
        start = self.position
        self.position += 1
        while self._peek() == "." or self._peek() in _DIGITS:
            self.position += 1
        text = self.template[start : self.position]
        try:
            return _Literal(start, float(text) if "." in text else int(text))
        except ValueError:
            raise self._fail(f"expected a number, not {text!r}", start) from None

    def _word(self) -> _Node:
        start = self.position
        while self._peek() not in _TERMINATORS:
            self.position += 1
        word = self.template[start : self.position]
        return _Literal(start, word == "true") if word in ("true", "false") else _Word(start, word)

    def _quoted(self, start: int, quote: str) -> _Node:
        while True:
            character = self._next()
            if character in (_END, "\n"):
                raise self._fail(f"expected {quote} for the text that is opened here", start)
            # One backslash before the quote keeps the text open, even one that is escaped itself.
            if character == quote and self.template[self.position - 2] != "\\":
                return _Literal(start, self._unquote(start + 1, self.position - 1, quote))

    def _unquote(self, start: int, stop: int, quote: str) -> str:
        text = self.template[start:stop]
        raw = bytearray()
        index = 0
        while index < len(text):
            if text[index] != "\\":
                raw += text[index].encode("utf-8", "surrogatepass")
                index += 1
                continue
            escape = text[index + 1 : index + 2]
            code = _CODE.match(text, index + 1)
            if escape and (escape in _ESCAPES or escape == quote):
                raw += _ESCAPES.get(escape, escape).encode()
                index += 2
            elif code:
                raw += self._coded(code, start + index)
                index = code.end()
            else:
                raise self._fail(f"unknown escape {text[index : index + 2]!r} in a quoted text", start + index)
        return raw.decode("utf-8", "replace")

    def _coded(self, code: re.Match[str], position: int) -> bytes:
        single_byte, octal = code.group(1), code.group(2)
        number = int(octal, 8) if octal else int(single_byte or code.group(3) or code.group(4), 16)
        if octal or single_byte:
            if number < 256:
                return bytes([number])
        elif number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF:
            return chr(number).encode()
        raise self._fail(f"the escape \\{code.group()} names no character", position)

    def _brackets(self, start: int) -> list[_Node]:
        while self._peek() != "]":
            if self._peek() in (_END, "\n"):
                raise self._fail("expected ']' for the '[' that is opened here", start)
            self.position += 1
        inner_start, inner_stop = start + 1, self.position
        self.position += 1
        parts = self.template[inner_start:inner_stop].split(",")
        if len(parts) == 1:
            return [self._bracket(inner_start, inner_stop)]
        paths: list[list[_Node]] = []
        for part in parts:
            part_start = inner_start + len(part) - len(part.lstrip(" "))
            paths.append([self._bracket(part_start, max(part_start, inner_start + len(part.rstrip(" "))))])
            inner_start += len(part) + 1
        return [_Union(start, paths)]

    def _bracket(self, start: int, stop: int) -> _Node:
        text = self.template[start:stop]
        key = _DICT_KEY.fullmatch(text)
        if key:
            inner = _Parser(self.template, start + 1, stop - 1)
            path = [inner._field(start + 1), *inner.path()]
            return _Key(start, path, key.group(1).replace("\\", ""))
        parts = _SLICE.fullmatch(":" if text == "*" else text)
        if parts is None:
            raise self._fail(f"expected an index, a slice, '*' or 'key' between '[' and ']', not {text!r}", start)
        numbers: list[int | None] = []
        for part in parts.groups():
            digits = (part or "").lstrip(":")
            if digits == "-":
                raise self._fail(f"expected a number in {text!r}", start)
            numbers.append(int(digits) if digits else None)
        # "[]" is "[0]" to Kubernetes
        return _Slice(start, numbers[0], numbers[1], numbers[2], single=parts.group(2) is None)

    def _filter(self) -> _Node:
        start = self.position
        self.position += len("[?(")
        inner_start = self.position
        quote = ""
        closed = False
        while True:
            character = self._next()
            if character in (_END, "\n"):
                raise self._fail("expected ')]' for the filter that is opened here", start)
            if character in ('"', "'"):
                # Kubernetes looks for one quoted text in a filter; a parenthesis inside it is text.
                if not quote:
                    quote = character
                elif character == quote and self.template[self.position - 2] != "\\":
                    closed = True
            elif character == ")" and bool(quote) == closed:
                break
        inner_stop = self.position - 1
        if self._next() != "]":
            raise self._fail("expected ']' after ')' of the filter", inner_stop + 1)
        comparison = _COMPARISON.fullmatch(self.template[inner_start:inner_stop])
        if comparison is None:
            return _Filter(start, _Parser(self.template, inner_start, inner_stop).path(), "", [])
        operator = comparison.group(2)
        if operator not in _OPERATORS:
            position = inner_start + comparison.start(2)
            raise self._fail(f"expected one of {' '.join(_OPERATORS)}, not {operator!r}", position)
        left = _Parser(self.template, inner_start, inner_start + comparison.end(1)).path()
        right = _Parser(self.template, inner_start + comparison.start(3), inner_stop).path()
        return _Filter(start, left, operator, right)


class _NoValue:
    """What Kubernetes has for ``@`` in a range over null."""


_NO_VALUE = _NoValue()


def _is_list(value: t.Any) -> bool:
    return isinstance(value, (list, tuple))


def _children(value: t.Any) -> list[t.Any]:
    if isinstance(value, t.Mapping):
        return [value[key] for key in sorted(value, key=str)]
    if isinstance(value, str):
        return list(value.encode("utf-8", "surrogatepass"))  # bytes, as Go sees a string
    return list(value) if _is_list(value) else []


def _type_name(value: t.Any) -> str:
    if value is None or value is _NO_VALUE:
        return "null"
    for kind, name in (
        (bool, "a boolean"),
        (int, "an integer"),
        (float, "a number with decimals"),
        (str, "a text"),
        (t.Mapping, "an object"),
    ):
        if isinstance(value, kind):
            return name
    return "a list" if _is_list(value) else type(value).__name__


class _Evaluation:
    """One walk of a template over a document."""

    def __init__(self, template: str, nodes: t.Sequence[_Node]) -> None:
        self.template = template
        self.nodes = nodes
        self.range_begins = False
        self.range_ends = False
        self.depth = 0
        self.last_end: int | None = None

    def _fail(self, node: _Node, problem: str) -> OperationError:
        return _error(self.template, node.position, problem)

    def results(self, current: t.Any, start: int = 0) -> list[list[t.Any]]:
        """The values of each text and action from ``start`` to the ``end`` of the range it is in."""
        found: list[list[t.Any]] = []
        index = start
        while index < len(self.nodes):
            values = self._walk([current], self.nodes[index])
            if self.range_ends:
                self.range_ends = False
                self.last_end = index
                break
            if self.range_begins:
                self.range_begins = False
                self.depth += 1
                rounds = [self.results(_NO_VALUE if value is None else value, index + 1) for value in values]
                if rounds:
                    found += [row for one_round in rounds for row in one_round]
                else:
                    self.results(_NO_VALUE, index + 1)  # only to find the matching end
                self.depth -= 1
                # A range that is never ended goes on with the outer object, as in Kubernetes.
                if self.last_end is not None and self.last_end > index:
                    index = self.last_end
            else:
                found.append(values)
            index += 1
        return found

    def _walk(self, values: list[t.Any], node: _Node) -> list[t.Any]:
        if isinstance(node, _Action):
            return self._walk_all(values, node.nodes)
        if isinstance(node, _Literal):
            return [node.value] if isinstance(node.value, str) else [node.value for _unused in values]
        if isinstance(node, _Field):
            return [value[node.name] for value in values if isinstance(value, t.Mapping) and node.name in value]
        if isinstance(node, _Key):
            return [found for value in values for found in self._key(value, node)]
        if isinstance(node, _Wildcard):
            return [child for value in values for child in _children(value)]
        if isinstance(node, _Recursive):
            return [found for value in values for found in _descendants(value)]
        if isinstance(node, _Slice):
            return [found for value in values for found in self._slice(value, node)]
        if isinstance(node, _Union):
            return [found for path in node.paths for found in self._walk_all(values, path)]
        if isinstance(node, _Filter):
            return [item for value in values for item in self._filter(value, node)]
        return self._word(values, t.cast("_Word", node))

    def _walk_all(self, values: list[t.Any], nodes: t.Sequence[_Node]) -> list[t.Any]:
        for node in nodes:
            values = self._walk(values, node)
        return values

    def _word(self, values: list[t.Any], node: _Word) -> list[t.Any]:
        if node.name == "range":
            self.range_begins = True
            return values
        if node.name != "end":
            raise self._fail(node, f"unknown word {node.name!r}; expected 'range', 'end', 'true' or 'false'")
        if not self.depth:
            raise self._fail(node, "'end' without 'range'")
        self.range_ends = True
        return []

    def _key(self, value: t.Any, node: _Key) -> list[t.Any]:
        found = self._walk_all([value], node.path)
        if not found and isinstance(value, t.Mapping) and node.name in value:
            return [value[node.name]]
        return found

    def _slice(self, value: t.Any, node: _Slice) -> list[t.Any]:
        if value is None or value is _NO_VALUE:
            return []
        if not _is_list(value):
            raise self._fail(node, f"expected a list here, not {_type_name(value)}")
        length = len(value)
        start = node.start or 0
        start += length if start < 0 else 0
        if node.single:
            stop = start + 1
        else:
            stop = length if node.stop is None else node.stop
            stop += length if stop < 0 else 0
        if start == stop:
            return []
        if not 0 <= start < length:
            raise self._fail(node, f"index {start} is outside the list of {length}")
        if not 0 <= stop <= length:
            raise self._fail(node, f"index {stop - 1} is outside the list of {length}")
        if start > stop:
            raise self._fail(node, f"the slice starts at {start}, after its end {stop}")
        if node.step is not None and node.step <= 0:
            raise self._fail(node, "the step of a slice must be above 0")
        return list(value[start : stop : node.step or 1])

    def _filter(self, value: t.Any, node: _Filter) -> list[t.Any]:
        if not _is_list(value):
            raise self._fail(node, f"expected a list to filter, not {_type_name(value)}")
        if not node.operator:
            return [item for item in value if self._exists(item, node)]
        return [item for item in value if self._compares(item, node)]

    def _exists(self, item: t.Any, node: _Filter) -> bool:
        values = [item]
        for step in node.left:
            try:
                values = self._walk(values, step)
            except OperationError:
                break  # Kubernetes looks only at what came before the step that failed
        return bool(values)

    def _compares(self, item: t.Any, node: _Filter) -> bool:
        sides = []
        for nodes in (node.left, node.right):
            found = self._walk_all([item], nodes)
            if not found:
                return False
            if len(found) > 1:
                raise self._fail(node, f"a side of the comparison gives {len(found)} values; expected one")
            sides.append(found[0])
        left, right = sides
        kinds = [_kind(side) for side in sides]
        for kind, side in zip(kinds, sides):
            if kind is None:
                raise self._fail(node, f"{_type_name(side)} cannot be compared")
        if kinds[0] is not kinds[1]:
            raise self._fail(node, f"{_type_name(left)} cannot be compared with {_type_name(right)}")
        if node.operator in ("==", "!="):
            return (left == right) is (node.operator == "==")
        if kinds[0] is bool:
            raise self._fail(node, "booleans have no order")
        if left == right:
            return node.operator in ("<=", ">=")
        return (left < right) is node.operator.startswith("<")


def _descendants(value: t.Any) -> list[t.Any]:
    children = _children(value)
    if not children:
        return []
    if isinstance(value, str):
        return [value]
    return [value] + [found for child in children for found in _descendants(child)]


def _kind(value: t.Any) -> type | None:
    return next((kind for kind in (bool, int, float, str) if isinstance(value, kind)), None)


def _number(value: float, exponents: range, *, exponent_digits: int) -> str:
    """A float as Go writes it: the shortest digits, and an exponent where it is not one of ``exponents``."""
    number = decimal.Decimal(repr(float(value)))
    if not number.is_finite() or not number:
        return "0" if not number else {"Infinity": "+Inf", "-Infinity": "-Inf"}.get(str(number), "NaN")
    exponent = number.adjusted()
    if exponent in exponents:
        text = format(number, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    sign, digits, _unused = number.normalize().as_tuple()
    fraction = "".join(str(digit) for digit in digits[1:])
    mantissa = f"{'-' if sign else ''}{digits[0]}{'.' if fraction else ''}{fraction}"
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):0{exponent_digits}d}"


def _json(value: t.Any) -> str:
    """Compact JSON as Go's encoding/json writes it."""
    if isinstance(value, t.Mapping):
        return "{" + ",".join(f"{_json(str(key))}:{_json(value[key])}" for key in sorted(value, key=str)) + "}"
    if _is_list(value):
        return "[" + ",".join(_json(item) for item in value) + "]"
    if value is None or isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, float):
        return _number(value, range(-6, 21), exponent_digits=1)
    text = json.dumps(str(value), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _text(value: t.Any) -> str:
    if value is _NO_VALUE:
        return "<no value>"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return _number(value, range(-4, 6), exponent_digits=2)
    return _json(value)


def render(template: str, document: t.Any) -> str:
    """What ``oc -o jsonpath=TEMPLATE`` prints for the document.

    Missing keys print nothing.

    :raises OperationError: names the position in the template and what was expected there
    """
    nodes = _Parser(template).template_nodes()
    return "".join(
        " ".join(_text(value) for value in values) for values in _Evaluation(template, nodes).results(document)
    )


__all__ = ("render",)
