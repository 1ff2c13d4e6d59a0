# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
import threading
import time

from ansible_collections.multiarch.openshift.plugins.plugin_utils._parent import ended_with_parent

# The child keeps its output open as long as it lives.
STORY = """
import os, time
from ansible_collections.multiarch.openshift.plugins.plugin_utils._parent import ended_with_parent
started, told = os.pipe()
if os.fork() == 0:
    os.setsid()
    with ended_with_parent():
        os.write(told, b"x")
        time.sleep(60)
os.read(started, 1)
"""


def test_action_ends_when_ansible_playbook_is_gone() -> None:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", STORY], stdout=subprocess.PIPE, timeout=30, check=True)
    assert time.monotonic() - begun < 20


def test_nothing_watches_once_the_action_is_over() -> None:
    with ended_with_parent():
        assert any(thread.name == "parent" for thread in threading.enumerate())
    time.sleep(0.1)
    assert not any(thread.name == "parent" for thread in threading.enumerate())
