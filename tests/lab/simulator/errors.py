# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that are not a success, in Kubernetes' own words."""

from __future__ import annotations

from typing import Any

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class StatusError(Exception):
    """An error with the body that the API server sends for it."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = REASONS.get(code, "") if reason is None else reason
        self.details = details
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return body


class FieldError:
    """One complaint about a field; several of them make one 422."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        self.reason = reason
        self.field = field
        self.message = message

    @classmethod
    def required(cls, field: str, message: str = "") -> FieldError:
        return cls("FieldValueRequired", field, f"Required value: {message}" if message else "Required value")

    @classmethod
    def invalid(cls, field: str, value: str, message: str) -> FieldError:
        return cls("FieldValueInvalid", field, f"Invalid value: {value}: {message}")

    @classmethod
    def duplicate(cls, field: str, value: str) -> FieldError:
        return cls("FieldValueDuplicate", field, f'Duplicate value: "{value}"')

    @classmethod
    def unsupported(cls, field: str, value: str, supported: list[str]) -> FieldError:
        words = ", ".join(f'"{each}"' for each in supported)
        return cls("FieldValueNotSupported", field, f'Unsupported value: "{value}": supported values: {words}')

    @classmethod
    def forbidden(cls, field: str, message: str) -> FieldError:
        return cls("FieldValueForbidden", field, f"Forbidden: {message}")


def details(group: str, kind: str, name: str = "", **more: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    if name:
        result["name"] = name
    if group:
        result["group"] = group
    result["kind"] = kind
    return {**result, **more}


def invalid(group: str, kind: str, name: str, errors: list[FieldError]) -> StatusError:
    words = [f"{error.field}: {error.message}" for error in errors]
    text = words[0] if len(words) == 1 else f"[{', '.join(words)}]"
    causes = [{"reason": error.reason, "message": error.message, "field": error.field} for error in errors]
    qualified = f"{kind}.{group}" if group else kind
    return StatusError(
        422, f'{qualified} "{name}" is invalid: {text}', details=details(group, kind, name, causes=causes)
    )
