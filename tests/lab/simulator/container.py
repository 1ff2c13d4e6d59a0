# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command in a container prints: whatever the pod's annotation says, over a WebSocket as kubelets speak it."""

from __future__ import annotations

import json

from aiohttp import web

from lab.simulator.store import Item

PRINTS = "lab.example.com/prints"
PROTOCOL = "v4.channel.k8s.io"
STDOUT, ERROR = b"\x01", b"\x03"


async def run(request: web.Request, pod: Item) -> web.StreamResponse:
    """Source: k8s.io/apimachinery, pkg/util/remotecommand: a channel byte, then its bytes; the status comes last."""
    socket = web.WebSocketResponse(protocols=[PROTOCOL])
    await socket.prepare(request)
    text = pod["metadata"].get("annotations", {}).get(PRINTS, "")
    # in two frames, for a reader must not take the first for all
    middle = len(text) // 2
    for part in (text[:middle], text[middle:]):
        await socket.send_bytes(STDOUT + part.encode())
    await socket.send_bytes(ERROR + json.dumps({"metadata": {}, "status": "Success"}).encode())
    await socket.close()
    return socket
