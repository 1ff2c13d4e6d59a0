# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module writes, leaves alone and removes, on real folders."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._arming import Decision
from ansible_collections.multiarch.openshift.plugins.module_utils._arming import arm
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Folders
from ansible_collections.multiarch.openshift.plugins.module_utils._netboot import Published
from ansible_collections.multiarch.openshift.plugins.modules import netboot_config
from support.module import run_module
from support.netboot import BASE_URL
from support.netboot import CLUSTER
from support.netboot import artifacts
from support.netboot import ignition
from support.netboot import initrds
from support.netboot import machine

MAC, OTHER_MAC = "52:54:00:00:00:0b", "52:54:00:00:00:0c"
NAME, OTHER_NAME = "grub.cfg-01-52-54-00-00-00-0b", "grub.cfg-01-52-54-00-00-00-0c"
OURS = f"# multiarch.openshift cluster={CLUSTER} machine=worker-arm-1\nold\n"


class Site:
    """The folders of a web host that is the TFTP host as well."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.www, self.efi, self.tftp = root / "www", root / "tftp/efi", root / "tftp"
        for folder in (self.www, self.efi):
            folder.mkdir(parents=True)
        self.grub = self.www / "grub"

    def run(
        self, *machines: dict[str, t.Any], check: bool = False, diff: bool = False, **arguments: t.Any
    ) -> dict[str, t.Any]:
        given: dict[str, t.Any] = {
            "machines": list(machines),
            "cluster": CLUSTER,
            "version": "4.16.3",
            "base_url": BASE_URL,
            "directory": str(self.www),
            "ignition": ignition(),
            "artifacts": [*artifacts(), *artifacts("x86_64")],
            "initrds": initrds(),
            **arguments,
        }
        result = run_module(netboot_config.main, given, check=check, diff=diff)
        assert "exception" not in result, result
        return result

    def put(self, path: pathlib.Path, text: str) -> pathlib.Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def files(self) -> dict[str, str]:
        found = sorted(path for path in self.root.rglob("*") if path.is_file())
        return {str(path.relative_to(self.root)): path.read_text() for path in found}


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    return Site(tmp_path)


def test_every_mac_of_a_machine_gets_its_file(site: Site) -> None:
    result = site.run(machine(macs=[MAC, OTHER_MAC]))
    paths = [str(site.grub / NAME), str(site.grub / OTHER_NAME)]
    assert result["changed"] is True
    assert result["written"] == result["machines"][0]["boot_files"] == paths
    assert (result["machines"][0]["stage"], result["machines"][0]["changed"]) == ("armed", True)
    assert (site.grub / NAME).read_text() == (site.grub / OTHER_NAME).read_text()


def test_each_loader_gets_its_folder(site: Site) -> None:
    machines = [
        machine(),
        machine(name="b", macs=["52:54:00:00:00:02"], boot_method="ipxe"),
        machine(name="c", macs=["52:54:00:00:00:03"], boot_method="pxelinux", architecture="x86_64"),
        machine(name="d", macs=["52:54:00:00:00:04"], boot_transport="tftp"),
    ]
    site.run(*machines, grub_directory=str(site.efi), tftp_directory=str(site.tftp))
    assert list(site.files()) == [
        "tftp/efi/grub.cfg-01-52-54-00-00-00-04",
        f"tftp/efi/{NAME}",
        "tftp/pxelinux.cfg/01-52-54-00-00-00-03",
        f"www/grub/{NAME}",
        "www/ipxe/52-54-00-00-00-02.ipxe",
    ]


def test_files_are_readable_to_the_servers_whatever_the_umask(site: Site) -> None:
    before = os.umask(0o077)
    try:
        site.run(machine())
    finally:
        os.umask(before)
    assert (site.grub / NAME).stat().st_mode & 0o777 == 0o644
    assert site.grub.stat().st_mode & 0o777 == 0o755


def test_nothing_but_boot_files_is_left_in_the_folder(site: Site) -> None:
    site.run(machine())
    assert os.listdir(site.grub) == [NAME]


def test_a_second_run_changes_nothing(site: Site) -> None:
    folders: dict[str, t.Any] = {"grub_directory": str(site.efi), "tftp_directory": str(site.tftp)}
    entry_paths = {"grub": str(site.www / "efi/grub.cfg"), "ipxe": str(site.www / "boot.ipxe")}
    machines = [machine(), machine(name="b", macs=[OTHER_MAC], boot_method="ipxe")]
    first = site.run(*machines, **folders, entry_paths=entry_paths)
    before = site.files()
    second = site.run(*machines, **folders, entry_paths=entry_paths, diff=True)
    assert (first["changed"], second["changed"]) == (True, False)
    assert (second["written"], second["removed"], second["diff"]) == ([], [], [])
    assert site.files() == before
    assert [m["stage"] for m in second["machines"]] == ["armed", "armed"]
    assert [m["changed"] for m in second["machines"]] == [False, False]
    assert second["machines"][0]["boot_files"] == first["machines"][0]["boot_files"]


def test_check_mode_says_the_same_and_writes_nothing(site: Site) -> None:
    site.put(site.grub / OTHER_NAME, OURS.replace("worker-arm-1", "b"))
    before = site.files()
    machines = [machine(), machine(name="b", macs=[OTHER_MAC], arm=False)]
    predicted = site.run(*machines, check=True, diff=True)
    assert site.files() == before
    assert [m["stage"] for m in predicted["machines"]] == ["planned", "planned"]
    done = site.run(*machines, diff=True)
    for key in ("changed", "written", "removed", "diff", "entries"):
        assert predicted[key] == done[key]
    assert done["changed"] is True


def test_check_mode_works_before_the_publish_folder_exists(site: Site) -> None:
    result = site.run(machine(), check=True, directory=str(site.root / "later"))
    assert result["changed"] is True
    assert not (site.root / "later").exists()


def test_the_diff_shows_the_text_before_and_after(site: Site) -> None:
    site.put(site.grub / NAME, OURS)
    stale = site.put(site.www / "ipxe/52-54-00-00-00-0b.ipxe", f"#!ipxe\n{OURS}")
    result = site.run(machine(), diff=True)
    written, removed = result["diff"]
    assert (written["before_header"], written["before"]) == (str(site.grub / NAME), OURS)
    assert written["after"] == (site.grub / NAME).read_text() != OURS
    assert (removed["before_header"], removed["before"], removed["after"]) == (str(stale), f"#!ipxe\n{OURS}", "")


def test_no_diff_without_diff_mode(site: Site) -> None:
    assert "diff" not in site.run(machine())


@pytest.mark.parametrize(
    "text",
    [
        "menuentry 'Memtest' { linux /memtest }\n",
        "",
        OURS.replace(CLUSTER, "other-q1w2e"),
        f"set timeout=5\n{OURS}",
        "# multiarch.openshift entry\n",
    ],
    ids=["no marker", "empty", "another cluster", "marker below", "entry"],
)
def test_a_foreign_file_stops_only_its_machine(site: Site, text: str) -> None:
    foreign = site.put(site.grub / NAME, text)
    result = site.run(machine(macs=[MAC, "52:54:00:00:00:0d"]), machine(name="b", macs=[OTHER_MAC]))
    stopped, other = result["machines"]
    assert foreign.read_text() == text
    assert (stopped["failed"], stopped["reason_code"], stopped["stage"]) == (True, "foreign_file", "planned")
    assert stopped["reason"].startswith(f"foreign_file: {foreign}")
    assert text.split("\n")[0] in stopped["reason"]
    assert f"rm {foreign}" in stopped["hint"]
    assert (stopped["boot_files"], other["stage"]) == ([], "armed")
    assert sorted(os.listdir(site.grub)) == [NAME, OTHER_NAME]
    assert result["foreign"] == [
        {"path": str(foreign), "machine": "worker-arm-1", "first_line": text.split("\n")[0]},
    ]


def test_a_machine_stopped_by_a_foreign_file_keeps_no_other_boot_file(site: Site) -> None:
    site.put(site.efi / NAME, "the site's\n")
    ours = site.put(site.grub / NAME, OURS)
    result = site.run(machine(), grub_directory=str(site.efi))
    assert result["machines"][0]["failed"] is True
    assert result["removed"] == [str(ours)]
    assert not ours.exists()


def test_a_folder_or_broken_link_in_the_place_is_foreign(site: Site) -> None:
    (site.grub / NAME).mkdir(parents=True)
    (site.grub / OTHER_NAME).symlink_to("nowhere")
    result = site.run(machine(macs=[MAC]), machine(name="b", macs=[OTHER_MAC]))
    assert [m["reason_code"] for m in result["machines"]] == ["foreign_file", "foreign_file"]
    assert (site.grub / OTHER_NAME).is_symlink()


def test_a_file_of_a_machine_that_still_has_the_mac_is_foreign(site: Site) -> None:
    text = OURS.replace("worker-arm-1", "b")
    site.put(site.grub / NAME, text)
    owner = machine(name="b", macs=[MAC], failed=True)
    result = site.run(machine(), owner)
    assert result["machines"][0]["reason_code"] == "foreign_file"
    assert (site.grub / NAME).read_text() == text


def test_the_file_of_a_nic_that_moved_is_taken_over(site: Site) -> None:
    site.put(site.grub / NAME, OURS.replace("worker-arm-1", "b"))
    result = site.run(machine(), machine(name="b", macs=[OTHER_MAC]))
    assert [m["stage"] for m in result["machines"]] == ["armed", "armed"]
    assert result["removed"] == []
    assert "machine=worker-arm-1" in (site.grub / NAME).read_text()


def test_the_file_of_a_renamed_machine_is_taken_over(site: Site) -> None:
    site.put(site.grub / NAME, OURS.replace("worker-arm-1", "old-name"))
    assert site.run(machine())["machines"][0]["stage"] == "armed"


def test_the_file_of_a_nic_that_was_taken_out_is_withdrawn(site: Site) -> None:
    site.put(site.grub / OTHER_NAME, OURS)
    result = site.run(machine())
    assert result["removed"] == [str(site.grub / OTHER_NAME)]


def test_two_machines_with_one_mac_do_not_share_a_file(site: Site) -> None:
    first, second = site.run(machine(), machine(name="b"))["machines"]
    assert (first["stage"], second["failed"]) == ("armed", True)
    assert MAC in second["reason"]


@pytest.mark.parametrize("changes", [{"arm": False}, {"boot_method": "external"}, {"boot_method": "iso"}])
def test_a_machine_that_must_not_be_armed_loses_what_is_left_of_an_earlier_run(
    site: Site, changes: dict[str, t.Any]
) -> None:
    places = [
        site.grub / NAME,
        site.efi / NAME,
        site.www / "ipxe/52-54-00-00-00-0b.ipxe",
        site.tftp / "pxelinux.cfg/01-52-54-00-00-00-0b",
    ]
    for place in places:
        site.put(place, f"#!ipxe\n{OURS}" if place.suffix == ".ipxe" else OURS)
    result = site.run(machine(**changes), grub_directory=str(site.efi), tftp_directory=str(site.tftp))
    assert site.files() == {}
    assert result["removed"] == sorted(str(place) for place in places)
    (record,) = result["machines"]
    assert (record["stage"], record["failed"], record["boot_files"]) == ("planned", False, [])


def test_a_machine_that_must_not_be_armed_is_not_stopped_by_a_foreign_file(site: Site) -> None:
    foreign = site.put(site.grub / NAME, "the site's\n")
    result = site.run(machine(arm=False))
    assert (result["changed"], result["machines"][0]["failed"]) == (False, False)
    assert foreign.exists()


def test_another_loader_leaves_no_file_of_the_first(site: Site) -> None:
    site.run(machine())
    result = site.run(machine(boot_method="ipxe"))
    assert result["removed"] == [str(site.grub / NAME)]
    assert list(site.files()) == ["www/ipxe/52-54-00-00-00-0b.ipxe"]


def test_a_machine_that_failed_before_passes_untouched(site: Site) -> None:
    ours = site.put(site.grub / NAME, OURS)
    given = machine(failed=True, reason="payload", extra={"kept": 1})
    result = site.run(given)
    assert result["machines"] == [given]
    assert (result["changed"], ours.read_text()) == (False, OURS)


def test_a_machine_that_cannot_boot_is_marked_and_disarmed_while_others_go_on(site: Site) -> None:
    site.put(site.grub / NAME, OURS)
    result = site.run(machine(install_device="sda"), machine(name="b", macs=[OTHER_MAC]))
    broken, other = result["machines"]
    assert (broken["failed"], broken["reason_code"], broken["stage"]) == (True, "boot_configuration", "planned")
    assert broken["reason"] == "machine_install_device 'sda' does not start with /dev/"
    assert broken["hint"] == "Give the full path."
    assert (result["removed"], other["stage"]) == ([str(site.grub / NAME)], "armed")


def test_old_releases_refuse_verified_delivery_by_machine(site: Site) -> None:
    result = site.run(machine(), machine(name="b", macs=[OTHER_MAC], ignition_delivery="documented"), version="4.11.9")
    assert ["4.11.9" in m["reason"] for m in result["machines"]] == [True, False]


def test_only_the_folders_of_the_host_at_hand_are_handled(site: Site) -> None:
    on_web = site.run(machine())
    on_tftp = site.run(*on_web["machines"], directory=None, grub_directory=str(site.efi))
    assert on_tftp["written"] == [str(site.efi / NAME)]
    assert on_tftp["removed"] == []
    assert [entry["kind"] for entry in on_tftp["entries"]] == ["grub_tftp"]
    assert on_tftp["machines"][0]["boot_files"] == [str(site.grub / NAME), str(site.efi / NAME)]
    assert on_tftp["machines"][0]["stage"] == "armed"


def test_a_machine_without_a_folder_here_is_not_armed(site: Site) -> None:
    result = site.run(machine(boot_transport="tftp"))
    assert (result["machines"][0]["stage"], result["machines"][0]["boot_files"]) == ("planned", [])


@pytest.mark.parametrize("option", ["grub_directory", "tftp_directory"])
def test_a_tftp_folder_that_does_not_exist_is_named(site: Site, option: str) -> None:
    folder: dict[str, t.Any] = {option: "/nowhere/at/all"}
    result = site.run(machine(), **folder)
    assert result["failed"] is True
    assert f"{option} /nowhere/at/all does not exist" in result["msg"]
    assert site.files() == {}


def test_a_record_of_another_cluster_stops_the_step(site: Site) -> None:
    result = site.run(machine(cluster={"name": "other-q1w2e", "uid": "u"}))
    assert result["failed"] is True
    assert "other-q1w2e" in result["msg"]
    assert site.files() == {}


def test_a_file_that_cannot_be_written_is_named(site: Site) -> None:
    site.put(site.www / "grub", "in the way")
    result = site.run(machine())
    assert result["failed"] is True
    assert str(site.grub) in result["msg"]


def test_entries_are_returned_where_no_path_is_given(site: Site) -> None:
    result = site.run(machine(), machine(name="b", macs=[OTHER_MAC], boot_method="ipxe"))
    assert [(entry["kind"], entry["path"]) for entry in result["entries"]] == [
        ("grub", str(site.grub / "grub.cfg")),
        ("ipxe", str(site.www / "boot.ipxe")),
    ]
    assert f"{BASE_URL}/ipxe/${{netX/mac:hexhyp}}.ipxe" in result["entries"][1]["text"]
    assert not (site.www / "boot.ipxe").exists()


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, ["grub"]),
        ({"boot_method": "ipxe"}, ["ipxe"]),
        ({"boot_transport": "tftp"}, []),
        ({"boot_method": "pxelinux", "architecture": "x86_64"}, []),
        ({"arm": False}, []),
        ({"install_device": None}, []),
    ],
)
def test_only_entries_that_an_armed_machine_needs_are_returned(
    site: Site, changes: dict[str, t.Any], kinds: list[str]
) -> None:
    assert [entry["kind"] for entry in site.run(machine(**changes))["entries"]] == kinds


def test_a_grub_that_came_by_tftp_has_something_to_do_without_a_boot_file(site: Site) -> None:
    folder: dict[str, t.Any] = {"grub_directory": str(site.efi)}
    (entry,) = [entry for entry in site.run(machine(), **folder)["entries"] if entry["kind"] == "grub_tftp"]
    assert (entry["path"], entry["text"].splitlines()[-1]) == (str(site.efi / "grub.cfg"), "exit 1")
    path: dict[str, t.Any] = {"entry_paths": {"grub_tftp": entry["path"]}}
    site.run(machine(), **folder, **path)
    assert (site.efi / "grub.cfg").read_text() == entry["text"]
    # another's menu is as good
    (site.efi / "grub.cfg").write_text("menuentry 'The site' { true }\n")
    assert [entry["kind"] for entry in site.run(machine(), **folder)["entries"]] == ["grub"]


def test_pxelinux_has_something_to_do_without_a_boot_file(site: Site) -> None:
    default = site.tftp / "pxelinux.cfg" / "default"
    booted = machine(boot_method="pxelinux", architecture="x86_64")
    (entry,) = site.run(booted, tftp_directory=str(site.tftp))["entries"]
    assert (entry["kind"], entry["path"]) == ("pxelinux", str(default))
    assert entry["text"].startswith("# multiarch.openshift entry\n")
    assert entry["text"].endswith("LOCALBOOT 0\n")
    # it is every machine's, so the site's to put there
    assert not default.exists()
    site.put(default, "DEFAULT menu\n")
    assert site.run(booted, tftp_directory=str(site.tftp))["entries"] == []


def test_a_loader_that_would_wait_without_a_file_starts_the_disk_until_the_end_of_the_run(site: Site) -> None:
    folders: dict[str, t.Any] = {"grub_directory": str(site.efi), "tftp_directory": str(site.tftp)}
    machines = [
        machine(),
        machine(name="b", macs=["52:54:00:00:00:02"], boot_method="ipxe"),
        machine(name="c", macs=["52:54:00:00:00:03"], boot_method="pxelinux", architecture="x86_64"),
    ]
    armed = site.run(*machines, **folders)["machines"]
    names = [{"name": record["name"], "macs": record["macs"]} for record in armed]
    predicted = site.run(*names, state="local_boot", check=True, diff=True, **folders)
    done = site.run(*names, state="local_boot", diff=True, **folders)
    assert (predicted["diff"], done["changed"], len(done["removed"])) == (done["diff"], True, 2)
    assert site.files() == {
        f"tftp/efi/{NAME}": f"# multiarch.openshift cluster={CLUSTER} machine=worker-arm-1\n"
        "# It is installed, and starts from its disk.\nexit 1\n",
        "tftp/pxelinux.cfg/01-52-54-00-00-00-03": f"# multiarch.openshift cluster={CLUSTER} machine=c\n"
        "DEFAULT disk\nPROMPT 0\nLABEL disk\n  LOCALBOOT 0\n",
    }
    assert site.run(*names, state="local_boot", **folders)["changed"] is False
    # a run that was killed leaves them; the next one arms the machine as ever
    again = site.run(machines[0], **folders)
    assert str(site.efi / NAME) in again["written"]
    site.run(*names, state="local_boot", **folders)
    assert len(site.run(*armed, state="absent", **folders)["removed"]) == 2
    assert site.files() == {}


def test_a_foreign_boot_file_does_not_become_one_for_the_disk(site: Site) -> None:
    theirs = site.put(site.efi / NAME, "menuentry 'The site' { true }\n")
    result = site.run(machine(), state="local_boot", grub_directory=str(site.efi))
    assert (result["changed"], [entry["path"] for entry in result["foreign"]]) == (False, [str(theirs)])


def test_entries_are_written_and_renewed_where_a_path_is_given(site: Site) -> None:
    path = site.put(site.www / "boot.ipxe", "#!ipxe\n# multiarch.openshift entry\nold\n")
    result = site.run(machine(boot_method="ipxe"), entry_paths={"ipxe": str(path)})
    assert (result["entries"], str(path) in result["written"]) == ([], True)
    assert path.read_text().startswith("#!ipxe\n# multiarch.openshift entry\nisset ")


def test_a_foreign_entry_is_left_alone_and_returned(site: Site) -> None:
    path = site.put(site.www / "boot.ipxe", "#!ipxe\nmenu The site\n")
    result = site.run(machine(boot_method="ipxe"), entry_paths={"ipxe": str(path)})
    assert path.read_text() == "#!ipxe\nmenu The site\n"
    assert [entry["path"] for entry in result["entries"]] == [str(path)]
    assert result["machines"][0]["stage"] == "armed"


def decide(*machines: dict[str, t.Any], folders: Folders, **changes: t.Any) -> Decision:
    """The decision behind the module; Ansible shows its warnings in a form of its own."""
    given: dict[str, t.Any] = {"lying": {}, "entry_paths": {}, "lying_entries": {}, "check_mode": False, **changes}
    published = Published(ignition(), [*artifacts(), *artifacts("x86_64")], initrds())
    return arm(list(machines), published, folders=folders, cluster=CLUSTER, base_url=BASE_URL, **given)


def test_warnings_are_on_the_machine_and_once_for_all() -> None:
    machines = [
        machine(name=f"x{n}", macs=[f"52:54:00:00:01:0{n}"], boot_method="pxelinux", architecture="x86_64")
        for n in range(5)
    ]
    first = decide(*machines, folders=Folders(tftp="/tftp"))
    (warning,) = first.machines[4]["warnings"]
    assert "lpxelinux.0" in warning
    assert first.warnings == [f"x0, x1, x2 and 2 more: {warning}"]
    again = decide(*first.machines, folders=Folders(tftp="/tftp"))
    assert again.machines[4]["warnings"] == [warning]


def test_a_foreign_entry_is_a_warning() -> None:
    path = "/www/boot.ipxe"
    decision = decide(
        machine(boot_method="ipxe"),
        folders=Folders("/www"),
        entry_paths={"ipxe": path},
        lying_entries={path: "#!ipxe\nmenu The site\n"},
    )
    assert decision.warnings == [
        f"{path} is not ours (it begins with 'menu The site') and was left alone; add the ipxe entry to it by hand."
    ]


@pytest.mark.parametrize("method", ["grub", "ipxe"])
def test_an_entry_needs_the_base_url(site: Site, method: str) -> None:
    result = site.run(machine(boot_method=method), base_url="")
    assert result["msg"] == "No URL of the published folder is given. Set publish_base_url."
    assert site.files() == {}


def absent(site: Site, *machines: dict[str, t.Any], check: bool = False) -> dict[str, t.Any]:
    arguments = {
        "state": "absent",
        "machines": list(machines),
        "cluster": CLUSTER,
        "directory": str(site.www),
        "grub_directory": str(site.efi),
        "tftp_directory": str(site.tftp),
    }
    return run_module(netboot_config.main, arguments, check=check)


def test_absent_takes_name_and_macs_and_removes_every_file_of_the_machine(site: Site) -> None:
    site.run(machine(), machine(name="b", macs=[OTHER_MAC]), grub_directory=str(site.efi))
    result = absent(site, {"name": "worker-arm-1", "macs": [MAC]})
    assert result["removed"] == [str(site.efi / NAME), str(site.grub / NAME)]
    assert list(site.files()) == [f"tftp/efi/{OTHER_NAME}", f"www/grub/{OTHER_NAME}"]
    assert result["entries"] == []
    assert absent(site, {"name": "worker-arm-1", "macs": [MAC]})["changed"] is False


def test_absent_disarms_failed_machines_too_and_keeps_the_record(site: Site) -> None:
    armed = site.run(machine())["machines"][0]
    result = absent(site, {**armed, "failed": True, "stage": "armed", "reason": "silent"})
    (record,) = result["machines"]
    assert (record["boot_files"], record["stage"], record["reason"]) == ([], "armed", "silent")
    assert site.files() == {}


def test_absent_leaves_foreign_files_and_fails_no_machine(site: Site) -> None:
    theirs = site.put(site.grub / NAME, OURS.replace(CLUSTER, "other-q1w2e"))
    result = absent(site, {"name": "worker-arm-1", "macs": [MAC]})
    assert theirs.exists()
    assert (result["changed"], result["removed"]) == (False, [])
    assert result["machines"] == [{"name": "worker-arm-1", "macs": [MAC], "changed": False, "boot_files": []}]
    assert result["foreign"][0]["path"] == str(theirs)


def test_absent_in_check_mode_removes_nothing(site: Site) -> None:
    site.run(machine())
    result = absent(site, machine(), check=True)
    assert (result["changed"], list(site.files())) == (True, [f"www/grub/{NAME}"])


def test_absent_leaves_dispatcher_and_chain_entry(site: Site) -> None:
    path = site.www / "boot.ipxe"
    site.run(machine(boot_method="ipxe"), entry_paths={"ipxe": str(path)})
    absent(site, machine())
    assert list(site.files()) == ["www/boot.ipxe"]


def test_absent_is_content_with_folders_that_do_not_exist(site: Site) -> None:
    result = run_module(
        netboot_config.main,
        {"state": "absent", "machines": [machine()], "cluster": CLUSTER, "directory": "/nowhere/at/all"},
    )
    assert result["changed"] is False


def test_a_machine_that_is_on_is_not_armed_anew(site: Site) -> None:
    runs = {"bmc_power": "on", "power_policy": "only_if_off"}
    folders: dict[str, t.Any] = {"grub_directory": str(site.efi)}
    result = site.run(machine(**runs), **folders)
    assert (result["changed"], site.files()) == (False, {})
    assert (result["machines"][0]["stage"], result["machines"][0].get("boot_files")) == ("planned", None)

    # with the boot file of an earlier run it goes on
    for allowed in ({"bmc_power": "off"}, {"bmc_power": "on", "power_policy": "restart"}):
        site.run(machine(**allowed), **folders)
    result = site.run(machine(**runs), **folders)
    assert result["changed"] is False
    assert len(result["machines"][0]["boot_files"]) == 2

    # that one was withdrawn when the machine had fetched what it needs
    site.run(machine(), **folders, state="local_boot")
    left = site.files()
    assert site.run(machine(**runs), **folders)["changed"] is False
    assert site.files() == left
