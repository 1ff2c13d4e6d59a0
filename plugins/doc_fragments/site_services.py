# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  base_url:
    description:
      - URL of the published folder as machines see it.
      - When left out, nothing is said about UEFI HTTP boot and iPXE's script.
    type: str
    default: ''
  tftp_address:
    description:
      - IPv4 address of the TFTP server.
      - When left out or not an IPv4 address, dnsmasq names itself, and the fragments for other servers ask for it.
    type: str
    default: ''
  tftp_directory:
    description:
      - Root of the TFTP server.
      - When left out, nothing is said about loaders that come by TFTP.
    type: str
    default: ''
  grub_directory:
    description:
      - Folder of C(grubaa64.efi) below it.
      - When left out, nothing is said about a GRUB that comes by TFTP.
    type: str
    default: ''
  grub_loader:
    description:
      - What the firmware of 64-bit ARM machines loads before GRUB's menu, C(grubaa64.efi) or C(shimaa64.efi).
    type: str
    default: grubaa64.efi
  ipxe_entry_url:
    description:
      - URL of the script that sends each iPXE to its own.
      - When left out, C(boot.ipxe) below O(base_url).
    type: str
    default: ''
"""
