# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs that a booting machine fetches by itself. Private to the collection.

Firmware, boot loader and live system know no private CA, no proxy and often no DNS. What the web host's own clients
could cope with is therefore refused here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import urllib.parse

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._loader_text import passes_unchanged


@dataclasses.dataclass(frozen=True)
class MachineUrl:
    """An http URL, taken apart as boot loaders want it."""

    text: str
    authority: str
    """Host and port as written; IPv6 in brackets."""
    host: str
    path: str
    """From the slash on, as written."""

    @property
    def has_address(self) -> bool:
        """Whether the host is an IP address and no name has to be resolved."""
        return self.ip_version is not None

    @property
    def ip_version(self) -> int | None:
        """4 or 6; None where the host is a name."""
        try:
            return ipaddress.ip_address(self.host).version
        except ValueError:
            return None


def machine_url(text: str, what: str) -> MachineUrl:
    """Take apart the URL of ``what``; raise OperationError where a machine could not fetch it."""
    if not text:
        raise OperationError(f"No URL of the {what} is given.", "Set publish_base_url.")
    # Before urlsplit: it drops newlines and tabs without a word.
    if not passes_unchanged(text):
        raise OperationError(
            f"The URL of the {what}, {text!r}, has a space, a control character, a quote, a backslash"
            " or a letter outside ASCII.",
            "Percent-encode it, or publish under a plain name.",
        )
    try:
        parts = urllib.parse.urlsplit(text)
        host = parts.hostname or ""
        _unused = parts.port
    except ValueError as exc:
        raise OperationError(f"The URL of the {what}, {text!r}, is not valid: {exc}.") from exc
    if "@" in parts.netloc:
        # Not shown: it holds a password.
        raise OperationError(
            f"The URL of the {what} carries a user name or password, which every machine and log would show.",
            "Let machines fetch without credentials.",
        )
    if parts.scheme == "https":
        raise OperationError(
            f"Machines would fetch the {what} from {text}, and a booting machine does not know a private CA.",
            "Publish by https, and let machines fetch by http with the hash pinned:"
            " set publish_base_url to the http URL.",
        )
    if parts.scheme != "http" or not host:
        raise OperationError(f"The URL of the {what}, {text!r}, is not of the form http://ADDRESS[:PORT]/PATH.")
    return MachineUrl(text=text, authority=parts.netloc, host=host, path=text.split("://", 1)[1][len(parts.netloc) :])


__all__ = ("MachineUrl", "machine_url")
