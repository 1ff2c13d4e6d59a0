# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to a host that is never there."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: unplugged
short_description: never connects
description: For tests.
"""


class Connection(ConnectionBase):
    transport = "unplugged"

    def _connect(self) -> Any:
        raise AnsibleConnectionFailure("the cable is out")

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        return self._connect()

    def put_file(self, in_path: str, out_path: str) -> Any:
        return self._connect()

    def fetch_file(self, in_path: str, out_path: str) -> Any:
        return self._connect()

    def close(self) -> None:
        """Nothing was opened."""
