# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths into documents, as jmespath expressions. Private to the collection."""

from __future__ import annotations

import sys
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

try:
    import jmespath
except ImportError:
    jmespath = None  # type: ignore[assignment]


def search(expression: str, document: t.Any) -> t.Any:
    """What the expression finds, or None.

    :raises OperationError: jmespath is not installed
    """
    if jmespath is None:
        raise OperationError(
            f"A requirement of multiarch.openshift is missing for {sys.executable}: jmespath: pip install jmespath"
        )
    return jmespath.search(expression, document)


__all__ = ("search",)
