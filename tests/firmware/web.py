# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A web server on loopback that notes who asked for what."""

from __future__ import annotations

import functools
import http.server
import pathlib
import re
import shutil
import threading
from typing import Any
from typing import NamedTuple


class Request(NamedTuple):
    """One GET or HEAD."""

    path: str
    status: int
    user_agent: str


class WebServer:
    """Serves a folder; `url` is what a guest of QEMU's user network calls it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.requests: list[Request] = []
        handler = functools.partial(_Handler, directory=str(folder), requests=self.requests)
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://10.0.2.2:{self._server.server_address[1]}"

    def __enter__(self) -> WebServer:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def statuses(self, path: str) -> list[int]:
        """Answers to the requests for that path."""
        return [request.status for request in self.requests if request.path == path]


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, requests: list[Request], **options: Any) -> None:
        self._requests = requests
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        # GRUB seeks in a gzip'd kernel by Range. A server without it ends in "premature end of compressed".
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        file = pathlib.Path(self.translate_path(self.path))
        if not (wanted and file.is_file()):
            super().do_GET()
            return
        size, start = file.stat().st_size, int(wanted[1])
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        with file.open("rb") as stream:
            stream.seek(start)
            shutil.copyfileobj(stream, self.wfile)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            # GRUB drops the connection to seek.
            self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        self._requests.append(Request(self.path, int(code), self.headers.get("User-Agent", "")))

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing on the terminal."""


__all__ = ("Request", "WebServer")
