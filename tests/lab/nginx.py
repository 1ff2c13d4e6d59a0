# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's nginx on a folder of the site, where it is installed."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import socket
import time

from lab.processes import Process
from lab.web import WebRequest

_LINE = re.compile(r'(\S+) - \S+ \[.*?\] "(\S+) (\S+) [^"]*" (\d+) (\d+) "[^"]*" "([^"]*)"')
# One process that stays the user it is: a worker of root would be nobody, who cannot enter a private folder.
_CONFIGURATION = """\
daemon off;
master_process off;
{user}
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 1024; }}
http {{
  types {{ }}
  default_type application/octet-stream;
  access_log {directory}/access.log combined;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen {address}:{port};
    root {root};
  }}
}}
"""


def nginx_program() -> str | None:
    return shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class NginxServer:
    """The same face as lab.web.WebServer, without faults."""

    def __init__(self, root: pathlib.Path, directory: pathlib.Path, address: str = "127.0.0.1") -> None:
        self.directory = root
        self.address = address
        self.port = 0
        self._directory = directory
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def access_log(self) -> pathlib.Path:
        return self._directory / "access.log"

    @property
    def requests(self) -> list[WebRequest]:
        found = [_LINE.match(line) for line in self.access_log.read_text().splitlines()]
        return [WebRequest(0.0, m[1], m[2], m[3], int(m[4]), int(m[5]), m[6]) for m in found if m is not None]

    def start(self) -> NginxServer:
        program = nginx_program()
        if program is None:
            raise FileNotFoundError("nginx is not installed")
        self._directory.mkdir(parents=True, exist_ok=True)
        if not self.port:
            with socket.socket() as probe:
                probe.bind((self.address, 0))
                self.port = probe.getsockname()[1]
        user = "user root;" if os.getuid() == 0 else ""  # it gives its folders to that user
        configuration = self._directory / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                directory=self._directory, root=self.directory, address=self.address, port=self.port, user=user
            )
        )
        arguments = [program, "-p", str(self._directory), "-e", str(self._directory / "error.log"), "-c"]
        self._process = Process([*arguments, configuration], self._directory / "nginx.log")
        self._wait()
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop(0.5)
            self._process = None

    def close(self) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection((self.address, self.port), 1).close()
                return
            except OSError:
                if self._process is not None and not self._process.running:
                    break
                time.sleep(0.02)
        raise RuntimeError("nginx does not start: " + (self._process.last_lines() if self._process else ""))
