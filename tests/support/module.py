# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a module's main() as Ansible would."""

from __future__ import annotations

import contextlib
import io
import json
import typing as t
from unittest import mock

from ansible.module_utils import _internal
from ansible.module_utils.common import warnings
from ansible.module_utils.testing import patch_module_args


def run_module(
    main: t.Callable[[], t.Any], arguments: dict[str, t.Any], *, check: bool = False, diff: bool = False
) -> dict[str, t.Any]:
    """The result that the module prints, be it success or failure."""
    output = io.StringIO()
    with (
        patch_module_args({**arguments, "_ansible_check_mode": check, "_ansible_diff": diff}),
        contextlib.redirect_stdout(output),
        contextlib.suppress(SystemExit),
        # as in a process of its own: its warnings are returned, and those of another module are not
        mock.patch.object(_internal, "is_controller", False),
        mock.patch.dict(warnings._global_warnings, clear=True),
    ):
        main()
    return dict(json.loads(output.getvalue()))
