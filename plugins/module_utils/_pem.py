# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bundles of certificates as text. Private to the collection."""

from __future__ import annotations

import re

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


def certificates(bundle: str) -> list[str]:
    """The certificates of a bundle, without what is written between them."""
    return [f"{certificate}\n" for certificate in _CERTIFICATE.findall(bundle)]


__all__ = ("certificates",)
