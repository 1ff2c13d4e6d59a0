# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and passwords of BMCs, for action plugins. Private to the collection.

They are read from the machines' own variables: in task arguments they would be in every log. To be called from the
plugin's own thread, since variables are templates.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader

from ansible_collections.multiarch.openshift.plugins.module_utils._redfish_client import Credentials


def bmc_accounts(
    machines: t.Iterable[t.Mapping[str, t.Any]], hostvars: t.Mapping[str, t.Any], loader: DataLoader
) -> dict[str, Credentials]:
    """The credentials of these machines' BMCs, by the machines' names."""
    found = {}
    for machine in machines:
        name = machine["name"]
        if name not in hostvars:
            raise AnsibleActionFail(f"The inventory has no host {name}, whose BMC's user and password are needed.")
        variables = hostvars[name]
        ca_path = str(variables.get("machine_bmc_ca_path") or "")
        found[name] = Credentials(
            str(variables.get("machine_bmc_username") or ""),
            str(variables.get("machine_bmc_password") or ""),
            loader.path_dwim(ca_path) if ca_path else "",
        )
    return found


__all__ = ("bmc_accounts",)
