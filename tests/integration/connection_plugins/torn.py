# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to a host that is there until somebody makes the file that TORN_WHEN names."""

from __future__ import annotations

import os
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = """
name: torn
short_description: connects until it is torn
description: For tests.
"""


class Connection(Local):
    transport = "torn"

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> Any:
        self._look()
        return super().exec_command(cmd, in_data, sudoable)

    def put_file(self, in_path: str, out_path: str) -> None:
        self._look()
        super().put_file(in_path, out_path)

    def _look(self) -> None:
        if os.path.exists(os.environ["TORN_WHEN"]):
            raise AnsibleConnectionFailure("the cable is out")
