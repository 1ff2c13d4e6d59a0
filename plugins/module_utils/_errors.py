# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error that the collection's logic raises. Private to the collection."""

from __future__ import annotations


class OperationError(Exception):
    """Something could not be done.

    ``message`` is one sentence: what was tried, on what, and what is wrong.
    ``hint`` is what to do next; empty where the message says it already.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


__all__ = ("OperationError",)
