# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing anything.
    support: full
  diff_mode:
    description: Returns the text that is written when in diff mode.
    support: none
"""

    # For modules that never change anything
    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing anything.
    support: full
    details:
      - This module only reads, so it does the same in check mode.
  diff_mode:
    description: Returns the text that is written when in diff mode.
    support: N/A
"""

    # For modules that write text files
    DIFF = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what would change without changing anything.
    support: full
  diff_mode:
    description: Returns the text that is written when in diff mode.
    support: full
"""
