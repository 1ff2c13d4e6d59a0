# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a BMC answers, and how it says no. Private to the collection."""

from __future__ import annotations

import json
import time
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

Json = dict[str, t.Any]


class BmcError(OperationError):
    """One machine's BMC cannot do what is wanted. ``code`` becomes the record's ``reason_code``."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = code


class Refused(BmcError):
    """The BMC answered with an error; ``says`` is all that it said, to look for names of properties in."""

    def __init__(self, message: str, status: int, says: str) -> None:
        super().__init__("bmc_refused", message, "The BMC's own words say what it wants.")
        self.status = status
        self.says = says


class Answer(t.NamedTuple):
    """A response that was read to its end. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: Json

    @property
    def etag(self) -> str:
        return self.headers.get("etag") or str(self.body.get("@odata.etag") or "")

    @property
    def patchable(self) -> bool:
        return "PATCH" in self.headers.get("allow", "").upper()


def parsed(content: bytes) -> Json:
    """The JSON object of a body; empty where it is none, as bodies of errors often are."""
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def words(body: t.Mapping[str, t.Any]) -> str:
    """What a body says in ``@Message.ExtendedInfo``, else in its message (DSP0266, error responses)."""
    said = [str(entry.get("Message") or entry.get("MessageId") or "") for entry in _extended(body)]
    error = body.get("error")
    if not any(said) and isinstance(error, dict):
        said = [str(error.get("message") or error.get("code") or "")]
    return " ".join(dict.fromkeys(text.strip() for text in said if text.strip()))


def everything(body: t.Mapping[str, t.Any]) -> str:
    """All of an error's texts, names of properties included: some BMCs name them only in arguments."""
    error = body.get("error")
    code = str(error.get("code") or "") if isinstance(error, dict) else ""
    return " ".join([code, words(body), *(json.dumps(entry) for entry in _extended(body))])


def _extended(body: t.Mapping[str, t.Any]) -> list[Json]:
    error = body.get("error")
    for holder in (error if isinstance(error, dict) else {}, body):
        entries = holder.get("@Message.ExtendedInfo")
        if entries:
            # a single object instead of a list is seen as well
            return [entry for entry in (entries if isinstance(entries, list) else [entries]) if isinstance(entry, dict)]
    return []


def link(body: t.Mapping[str, t.Any], *names: str) -> str:
    """The path that a property links to; empty where it does not."""
    value: t.Any = body
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    found = value.get("@odata.id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def links(body: t.Mapping[str, t.Any], *names: str) -> list[str]:
    """The paths that a list of links leads to."""
    value: t.Any = body
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return [entry["@odata.id"] for entry in value or [] if isinstance(entry, dict) and entry.get("@odata.id")]


def wait_for(
    look: t.Callable[[], t.Any],
    *,
    seconds: float,
    clock: t.Callable[[], float] = time.monotonic,
    sleep: t.Callable[[float], None] = time.sleep,
) -> t.Any:
    """What ``look`` finds as soon as that is true, or its last answer when the time is over."""
    until = clock() + seconds
    pause = 0.2
    while True:
        found = look()
        if found or clock() + pause > until:
            return found
        sleep(pause)
        pause = min(5.0, pause * 1.5)


__all__ = ("Answer", "BmcError", "Json", "Refused", "everything", "link", "links", "parsed", "wait_for", "words")
