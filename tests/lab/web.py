# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The site's HTTP server: reads with ranges, WebDAV writes, an nginx-like access log, and faults on demand."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import email.utils
import fnmatch
import hmac
import os
import pathlib
import re
import shutil
import ssl
import threading
import time
import urllib.parse
from collections.abc import AsyncIterator
from collections.abc import Sequence
from typing import BinaryIO
from typing import NamedTuple

from aiohttp import BasicAuth
from aiohttp import web

from lab.loop import LoopThread

CHUNK = 256 * 1024
READS = ("GET", "HEAD")
WRITES = ("PUT", "DELETE", "MKCOL", "MOVE")
FAULTS = {
    "wrong_bytes": "one byte of the body is another one",
    "not_found": "404",
    "forbidden": "403",
    "unauthorized": "401",
    "error": "500",
    "full": "507, as a full disk",
    "short": "the connection ends after half of the body",
    "slow": "every answer waits for `seconds`",
    "refuse_head": "405 for HEAD only",
    "drop": "the connection is closed without an answer",
}
_STATUS = {"not_found": 404, "forbidden": 403, "unauthorized": 401, "error": 500, "full": 507}
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class WebRequest(NamedTuple):
    """A request that was answered (status 0: it was dropped)."""

    time: float
    address: str
    method: str
    path: str
    status: int
    size: int
    agent: str


class _FileResponse(web.StreamResponse):
    """Counts the bytes of the body, as the access log wants them."""

    sent = 0


class Fault:
    """Something that goes wrong for paths that match, `times` times or until it is removed."""

    def __init__(self, kind: str, pattern: str, *, methods: Sequence[str], times: int | None, seconds: float) -> None:
        if kind not in FAULTS:
            raise ValueError(f"no fault {kind}; there are {', '.join(FAULTS)}")
        self.kind = kind
        self.pattern = pattern
        self.methods = tuple(methods)
        self.times = times
        self.seconds = seconds
        self.hits = 0
        self.active = True

    def remove(self) -> None:
        self.active = False

    def take(self, method: str, path: str) -> bool:
        """True, and counted, where this request is hit."""
        if not self.active or not fnmatch.fnmatch(path, self.pattern):
            return False
        if self.methods and method not in self.methods:
            return False
        if self.kind == "refuse_head" and method != "HEAD":
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        self.hits += 1
        return True


class WebServer:
    """Serves a folder from a thread of its own, or from a loop that is given.

    :param writable: WebDAV methods that are allowed; all of WRITES where True
    :param credentials: (user, password), or a bearer token; asked for on writes, and with `protect_reads` on reads too
    :param tls: paths of certificate and key: then it speaks https
    """

    def __init__(
        self,
        directory: pathlib.Path,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        writable: bool | Sequence[str] = False,
        credentials: tuple[str, str] | str | None = None,
        protect_reads: bool = False,
        tls: tuple[pathlib.Path, pathlib.Path] | None = None,
        access_log: pathlib.Path | None = None,
        loop: LoopThread | None = None,
    ) -> None:
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.address = address
        self.port = port
        self.access_log = access_log
        self.requests: list[WebRequest] = []
        self.faults: list[Fault] = []
        self._methods = READS + (WRITES if writable is True else tuple(writable or ()))
        self._credentials = credentials
        self._protected = (*WRITES, *(READS if protect_reads else ()))
        self._tls = tls
        self._own_loop = loop is None
        self._loop = loop or LoopThread("web")
        self._runner: web.ServerRunner | None = None
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def start(self) -> WebServer:
        """Listens; after a stop on the same port again."""
        if self._runner is None:
            self._loop.run(self._listen())
        return self

    def stop(self) -> None:
        """Refuses connections from now on."""
        if self._runner is not None:
            self._loop.run(self._runner.cleanup())
            self._runner = None

    def close(self) -> None:
        self.stop()
        if self._own_loop:
            self._loop.close()

    def __enter__(self) -> WebServer:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.close()

    def fault(
        self,
        kind: str,
        pattern: str = "*",
        *,
        methods: Sequence[str] = (),
        times: int | None = None,
        seconds: float = 1.0,
    ) -> Fault:
        """Lets requests whose path (with its leading slash) matches the shell pattern go wrong."""
        fault = Fault(kind, pattern, methods=methods, times=times, seconds=seconds)
        self.faults.append(fault)
        return fault

    def seen(self, pattern: str = "*", method: str | None = None) -> list[WebRequest]:
        """The requests so far whose path matches."""
        with self._lock:
            requests = list(self.requests)
        return [
            request
            for request in requests
            if fnmatch.fnmatch(request.path, pattern) and method in (None, request.method)
        ]

    async def _listen(self) -> None:
        context = None
        if self._tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._tls)
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address, self.port, ssl_context=context, reuse_address=True, backlog=1024)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = urllib.parse.unquote(request.rel_url.raw_path)
        for slow in [fault for fault in self.faults if fault.kind == "slow" and fault.take(request.method, path)]:
            await asyncio.sleep(slow.seconds)
        others = (fault for fault in self.faults if fault.kind != "slow")
        # one at a time, in the order they were asked for
        kind = next((fault.kind for fault in others if fault.take(request.method, path)), "")
        if kind == "drop":
            self._note(request, path, 0, 0)
            _cut(request)
            return web.Response(status=500)
        response = await self._answer(request, path, kind)
        body = response.body if isinstance(response, web.Response) else None
        size = len(body) if isinstance(body, bytes) and request.method != "HEAD" else getattr(response, "sent", 0)
        self._note(request, path, response.status, size)
        return response

    async def _answer(self, request: web.BaseRequest, path: str, fault: str) -> web.StreamResponse:
        if fault in _STATUS:
            return _text(_STATUS[fault])
        if fault == "refuse_head" or request.method not in self._methods:
            return _text(405, {"Allow": ", ".join(self._methods)})
        if request.method in self._protected and not self._allowed(request):
            return _text(401, {"WWW-Authenticate": 'Basic realm="lab"'})
        target = self._target(path)
        if target is None:
            return _text(400)
        if request.method in READS:
            return await self._read(request, target, fault)
        return await self._write(request, target)

    def _allowed(self, request: web.BaseRequest) -> bool:
        if self._credentials is None:
            return True
        if isinstance(self._credentials, str):
            wanted = f"Bearer {self._credentials}"
        else:
            wanted = "Basic " + base64.b64encode(":".join(self._credentials).encode()).decode()
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode())

    def _target(self, path: str) -> pathlib.Path | None:
        parts = [part for part in path.split("/") if part]
        if ".." in parts or "\0" in path:
            return None
        return self.directory.joinpath(*parts)

    async def _read(self, request: web.BaseRequest, target: pathlib.Path, fault: str) -> web.StreamResponse:
        if not target.exists():
            return _text(404)
        if target.is_dir() or not os.access(target, os.R_OK):
            return _text(403)
        with target.open("rb") as stream:
            facts = os.fstat(stream.fileno())
            span = _span(request.headers.get("Range"), facts.st_size)
            if span is None:
                return _text(416, {"Content-Range": f"bytes */{facts.st_size}"})
            start, end, partial = span
            response = _FileResponse(status=206 if partial else 200)
            response.content_length = end - start
            response.content_type = "application/octet-stream"
            response.headers["Accept-Ranges"] = "bytes"
            response.headers["Last-Modified"] = email.utils.formatdate(facts.st_mtime, usegmt=True)
            response.headers["ETag"] = f'"{int(facts.st_mtime):x}-{facts.st_size:x}"'
            if partial:
                response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{facts.st_size}"
            await response.prepare(request)
            if request.method == "GET":
                await _send(request, response, stream, (start, end), fault)
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
        return response

    async def _write(self, request: web.BaseRequest, target: pathlib.Path) -> web.StreamResponse:
        if request.method == "DELETE":
            if not target.exists():
                return _text(404)
            shutil.rmtree(target) if target.is_dir() else target.unlink()
            return _text(204)
        if request.method == "MOVE":
            return self._move(request, target)
        if not target.parent.is_dir():
            return _text(409)  # RFC 4918: a parent must exist
        if request.method == "MKCOL":
            if target.exists():
                return _text(405)
            target.mkdir()
            return _text(201)
        if target.is_dir():
            return _text(405)
        return await self._put(request, target)

    async def _put(self, request: web.BaseRequest, target: pathlib.Path) -> web.StreamResponse:
        existed = target.exists()
        spool = target.with_name(f".{target.name}.{id(request):x}.upload")
        try:
            with spool.open("wb") as stream:
                async for chunk in request.content.iter_chunked(CHUNK):
                    stream.write(chunk)
            spool.replace(target)
        finally:
            spool.unlink(missing_ok=True)
        return _text(204 if existed else 201)

    def _move(self, request: web.BaseRequest, source: pathlib.Path) -> web.StreamResponse:
        where = urllib.parse.urlsplit(request.headers.get("Destination", ""))
        target = self._target(urllib.parse.unquote(where.path)) if where.path else None
        if target is None or (where.netloc and where.netloc != request.headers.get("Host")):
            return _text(502 if where.netloc else 400)
        if not source.exists():
            return _text(404)
        if not target.parent.is_dir():
            return _text(409)
        existed = target.exists()
        if existed and request.headers.get("Overwrite", "T") == "F":
            return _text(412)
        source.replace(target)
        return _text(204 if existed else 201)

    def _note(self, request: web.BaseRequest, path: str, status: int, size: int) -> None:
        agent = request.headers.get("User-Agent", "-")
        entry = WebRequest(time.time(), request.remote or "-", request.method, path, status, size, agent)
        with self._lock:
            self.requests.append(entry)
        if self.access_log is None:
            return
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%d/%b/%Y:%H:%M:%S +0000")
        user = "-"
        with contextlib.suppress(ValueError):
            user = BasicAuth.decode(request.headers.get("Authorization", "")).login
        line = (
            f'{entry.address} - {user} [{when}] "{request.method} {request.raw_path} HTTP/1.1" {status} {size} '
            f'"{request.headers.get("Referer", "-")}" "{agent}"\n'
        )
        with self.access_log.open("a", encoding="utf-8") as stream:
            stream.write(line)


def _text(status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, headers=headers, text="" if status == 204 else f"{status}\n")


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _span(header: str | None, size: int) -> tuple[int, int, bool] | None:
    """First byte, byte after the last, whether partial; None where the range cannot be satisfied."""
    match = _RANGE.fullmatch(header or "")
    if match is None or match.group(0) == "bytes=-":
        return 0, size, False  # several ranges are answered with the whole, as RFC 9110 allows
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size, True
    start, end = int(first), min(int(last) + 1 if last else size, size)
    return (start, end, True) if start < end else None


async def _send(
    request: web.BaseRequest,
    response: _FileResponse,
    stream: BinaryIO,
    span: tuple[int, int],
    fault: str,
) -> None:
    start, end = span
    async for chunk in _chunks(stream, start, (start + end) // 2 if fault == "short" else end):
        spoilt = fault == "wrong_bytes" and response.sent == 0
        data = bytes([chunk[0] ^ 0xFF]) + chunk[1:] if spoilt else chunk
        try:
            await response.write(data)
        except ConnectionError:
            return  # the client went away
        response.sent += len(data)
    if fault == "short":
        await asyncio.sleep(0.05)  # what is written must be out before the connection is cut
        _cut(request)


async def _chunks(stream: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    stream.seek(start)
    while start < end:
        chunk = stream.read(min(CHUNK, end - start))
        if not chunk:
            return
        start += len(chunk)
        yield chunk
