# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A web server that does what it is told to do wrong, and remembers what it was asked."""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import socket
import socketserver
import ssl
import struct
import threading
import time
import typing as t
import urllib.parse
from http.server import BaseHTTPRequestHandler
from http.server import HTTPServer

# fault: what happens to a GET or HEAD of a path that ends with its key
FAULTS = ("wrong", "short", "reset", "silent", "chunked", "redirect", "html")


class FaultyServer(socketserver.ThreadingMixIn, HTTPServer):
    """Serves ``root``. ``faults`` maps the end of a path to one of FAULTS or to a status."""

    daemon_threads = True

    def __init__(self, root: pathlib.Path, *, trust: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.faults: dict[str, str | int] = {}
        self.methods = {"GET", "HEAD", "PUT", "MKCOL", "MOVE", "DELETE"}
        self.ranges = True
        self.credentials = ""
        self.seconds_per_mebibyte = 0.0
        self.put_limit = 1 << 40
        self.requests: list[str] = []
        self.scheme = "https" if trust else "http"
        if trust:
            self.socket = trust.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    def fault(self, path: str) -> str | int:
        return next((fault for end, fault in self.faults.items() if path.endswith(end)), "")

    def asked(self, method: str) -> list[str]:
        return [request.partition(" ")[2] for request in self.requests if request.startswith(method + " ")]

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """Clients of these tests hang up on purpose."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def log_message(self, *unused: t.Any) -> None:
        pass

    def __getattr__(self, name: str) -> t.Callable[[], None]:
        if name.startswith("do_"):
            return self._dispatch
        raise AttributeError(name)

    def _dispatch(self) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        if self.command not in self.server.methods:
            self._answer(501)
        elif self.command not in ("GET", "HEAD") and not self._allowed():
            self._answer(401)
        else:
            getattr(self, f"_{self.command.lower()}")()

    def _allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        if given.startswith("Basic "):
            given = base64.b64decode(given[6:]).decode()
        return not self.server.credentials or given == self.server.credentials

    def _file(self, url: str = "") -> pathlib.Path:
        path = urllib.parse.unquote(urllib.parse.urlsplit(url or self.path).path)
        return self.server.root / path.lstrip("/")

    def _answer(self, status: int, **headers: str) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def _head(self) -> None:
        self._get()

    def _get(self) -> None:
        fault = self.server.fault(urllib.parse.urlsplit(self.path).path)
        path = self._file()
        if isinstance(fault, int):
            self._answer(fault)
        elif fault == "redirect":
            self._answer(302, Location=self.path.replace("redirected", "final"))
        elif fault == "silent":
            time.sleep(3)
            self.close_connection = True
        elif not path.is_file():
            self._answer(404)
        else:
            self._send(path, str(fault))

    def _send(self, path: pathlib.Path, fault: str) -> None:
        self.close_connection = True
        self.send_response(200)
        if fault == "html":
            self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        if fault == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        if self.command == "HEAD":
            return
        rest = path.stat().st_size // 2 if fault in ("short", "reset") else path.stat().st_size
        with path.open("rb") as source:
            while rest:
                chunk = source.read(min(rest, 1 << 20))
                rest -= len(chunk)
                if fault in ("wrong", "html"):
                    chunk = bytes(len(chunk) - 1) + b"!"
                frame = b"%x\r\n%b\r\n" % (len(chunk), chunk) if fault == "chunked" else chunk
                self.wfile.write(frame)
                if self.server.seconds_per_mebibyte:
                    time.sleep(self.server.seconds_per_mebibyte)
        if fault == "chunked":
            self.wfile.write(b"0\r\n\r\n")
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _put(self) -> None:
        length = int(self.headers["Content-Length"])
        path = self._file()
        if length > self.server.put_limit:
            self._answer(413)
            return
        if not path.parent.is_dir():
            self._answer(409)
            return
        with path.open("wb") as target:
            while length:
                chunk = self.rfile.read(min(length, 1 << 20))
                if not chunk:
                    return
                length -= len(chunk)
                target.write(chunk)
        self._answer(201)

    def _mkcol(self) -> None:
        path = self._file()
        if path.exists() or not path.parent.is_dir():
            self._answer(405 if path.exists() else 409)
        else:
            path.mkdir()
            self._answer(201)

    def _move(self) -> None:
        if not self._file().exists():
            self._answer(404)
        else:
            os.replace(self._file(), self._file(self.headers["Destination"]))
            self._answer(204)

    def _delete(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._file().unlink()
        self._answer(204)


__all__ = ("FaultyServer",)
