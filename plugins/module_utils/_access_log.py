# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of a web server's access log: nginx' combined, httpd's common, combined and vhost_combined.

Private to the collection.
"""

from __future__ import annotations

import calendar
import posixpath
import re
import typing as t
import urllib.parse
from dataclasses import asdict
from dataclasses import dataclass

# The address stands before ident and user, after a virtual host where there is one; the user may hold blanks.
_BEGIN = r"^(?:\S+:\d+ )?(?P<address>[0-9A-Fa-f:.]+) \S+ .*?\[(?P<time>[^\]]+)\] "
_USUAL = re.compile(_BEGIN + '"')
_LINE = re.compile(
    _BEGIN + r'"(?P<method>[A-Z]+) (?P<target>\S+)(?: HTTP/[\d.]+)?" (?P<status>\d{3}) (?P<size>\d+|-)(?: |$)'
)
_TIME = re.compile(r"(\d{1,2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")
# By name and not by strptime: the month is English whatever the locale
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


@dataclass(frozen=True)
class Hit:
    """One request that the server has answered. ``time`` is when it wrote the line, in seconds since 1970."""

    time: float
    address: str
    method: str
    path: str
    status: int
    size: int

    def as_dict(self) -> dict[str, t.Any]:
        return asdict(self)


def parse_line(line: str) -> Hit | None:
    """The request of a line; None for a line of another form."""
    match = _LINE.match(line)
    moment = _seconds(match["time"]) if match else None
    if match is None or moment is None:
        return None
    size = 0 if match["size"] == "-" else int(match["size"])
    path = request_path(match["target"])
    address = match["address"]
    if address.lower().startswith("::ffff:") and "." in address:
        address = address[len("::ffff:") :]  # a server that listens on both families with one socket
    return Hit(moment, address, match["method"], path, int(match["status"]), size)


def is_usual(line: str) -> bool:
    """Whether a line begins as those of the usual formats; what some clients ask for is nonsense, or nothing."""
    match = _USUAL.match(line)
    return match is not None and _seconds(match["time"]) is not None


def request_path(target: str) -> str:
    """The path of a request's target as it names a file: without query, escapes and doubled slashes."""
    path = urllib.parse.urlsplit(target).path if "://" in target else target.partition("?")[0]
    # POSIX keeps two slashes at the start apart from one; a web server does not
    return posixpath.normpath("/" + urllib.parse.unquote(path).lstrip("/"))


def _seconds(text: str) -> float | None:
    match = _TIME.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return None
    month = _MONTHS.index(match[2]) // 3 + 1
    day, year, hour, minute, second, zone_hours, zone_minutes = (int(match[part]) for part in (1, 3, 4, 5, 6, 8, 9))
    zone = (zone_hours * 3600 + zone_minutes * 60) * (1 if match[7] == "+" else -1)
    return float(calendar.timegm((year, month, day, hour, minute, second)) - zone)


__all__ = ("Hit", "is_usual", "parse_line", "request_path")
