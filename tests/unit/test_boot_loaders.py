# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Boot loaders for ARM: taken out of an ISO or given, and laid beside what a site has."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import pathlib
import random
import threading
import typing as t

import pytest

from ansible_collections.multiarch.openshift.plugins.module_utils._boot_loaders import loaders_of_iso
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._fat import FatImage
from ansible_collections.multiarch.openshift.plugins.modules import boot_loaders
from lab.efi import efi_program
from lab.efi import fat_image
from lab.iso import make_iso
from support.module import run_module

GRUB, SHIM = efi_program("aarch64", "grub"), efi_program("aarch64", "shim")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Host:
    """An ISO, and the folders of a site."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.iso = make_iso(root / "live.iso", "aarch64", "9.6.20251125-1")
        self.iso_sha256 = sha256(self.iso.read_bytes())
        self.folders = [root / "www/grub", root / "tftp/grub"]

    def run(self, *, check: bool = False, **changes: t.Any) -> dict[str, t.Any]:
        given: dict[str, t.Any] = {"directories": [str(folder) for folder in self.folders], **changes}
        if "loaders" not in given:
            given = {"iso": str(self.iso), "iso_sha256": self.iso_sha256, **given}
        return run_module(boot_loaders.main, given, check=check)

    def files(self) -> dict[str, bytes]:
        found = sorted(path for folder in self.folders if folder.exists() for path in folder.iterdir())
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}


@pytest.fixture
def host(tmp_path: pathlib.Path) -> Host:
    return Host(tmp_path)


def test_grub_and_shim_of_the_iso_lie_beside_the_loaders_of_the_site(host: Host) -> None:
    host.folders[1].mkdir(parents=True)
    (host.folders[1] / "grubx64.efi").write_bytes(b"the site's")
    predicted = host.run(check=True, base_url="http://192.0.2.5/grub/")
    assert list(host.files()) == ["tftp/grub/grubx64.efi"]
    done = host.run(base_url="http://192.0.2.5/grub/")
    assert predicted == done
    assert host.files() == {
        "tftp/grub/grubaa64.efi": GRUB,
        "tftp/grub/grubx64.efi": b"the site's",
        "tftp/grub/shimaa64.efi": SHIM,
        "www/grub/grubaa64.efi": GRUB,
        "www/grub/shimaa64.efi": SHIM,
    }
    assert done["loaders"] == [
        {"name": "grubaa64.efi", "sha256": sha256(GRUB), "url": "http://192.0.2.5/grub/grubaa64.efi"},
        {"name": "shimaa64.efi", "sha256": sha256(SHIM), "url": "http://192.0.2.5/grub/shimaa64.efi"},
    ]
    again = host.run()
    assert (again["changed"], again["written"]) == (False, [])


def test_another_loader_of_that_name_is_left_alone_and_nothing_is_written(host: Host) -> None:
    host.folders[1].mkdir(parents=True)
    theirs = host.folders[1] / "grubaa64.efi"
    theirs.write_bytes(b"the site's")
    assert f"{theirs} is another boot loader" in host.run()["msg"]
    assert host.files() == {"tftp/grub/grubaa64.efi": b"the site's"}


def test_an_iso_that_is_not_the_published_one_gives_nothing(host: Host) -> None:
    result = host.run(iso_sha256="00" * 32)
    assert "has sha256" in result["msg"]
    assert host.files() == {}


def test_check_mode_is_content_with_an_iso_that_is_still_to_come(host: Host) -> None:
    host.iso.unlink()
    result = host.run(check=True, iso_sha256="00" * 32)
    assert [entry["name"] for entry in result["loaders"]] == ["grubaa64.efi", "shimaa64.efi"]
    assert result["changed"] is True
    assert "cannot be read" in host.run(iso_sha256="00" * 32)["msg"]


def test_given_files_are_compared_and_laid(host: Host) -> None:
    file = host.root / "mine.efi"
    file.write_bytes(GRUB)
    loader = {"name": "grubaa64.efi", "path": str(file), "sha256": sha256(GRUB)}
    assert host.run(loaders=[loader])["changed"] is True
    assert host.files() == {"tftp/grub/grubaa64.efi": GRUB, "www/grub/grubaa64.efi": GRUB}
    assert "has sha256" in host.run(loaders=[{**loader, "sha256": "00" * 32}])["msg"]


def test_a_loader_is_fetched_from_the_web_host(host: Host) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/grubaa64.efi" else 404)
            self.send_header("Content-Length", str(len(GRUB)))
            self.end_headers()
            self.wfile.write(GRUB)

        def log_message(self, format: str, *arguments: t.Any) -> None:
            """Nothing on the terminal."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/grubaa64.efi"
        loader = {"name": "grubaa64.efi", "url": url, "sha256": sha256(GRUB)}
        assert host.run(loaders=[loader])["changed"] is True
        assert "404" in host.run(loaders=[{**loader, "url": f"{url}.old"}])["msg"]
        server.shutdown()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"GRUB", "is not a program for UEFI"),
        (b"MZ" + bytes(200), "is not a program for UEFI"),
        (efi_program("x86_64", "grub"), "not for 64-bit ARM (its machine type is 0x8664)"),
    ],
)
def test_what_an_arm_machine_cannot_start_is_refused(host: Host, content: bytes, said: str) -> None:
    file = host.root / "mine.efi"
    file.write_bytes(content)
    result = host.run(loaders=[{"name": "grubaa64.efi", "path": str(file), "sha256": sha256(content)}])
    assert said in result["msg"]
    assert host.files() == {}


@pytest.mark.parametrize(
    ("files", "loaders"),
    [
        (
            {"EFI/debian/grubaa64.efi": GRUB, "EFI/debian/shimaa64.efi": SHIM},
            {"grubaa64.efi": GRUB, "shimaa64.efi": SHIM},
        ),
        ({"EFI/BOOT/BOOTAA64.EFI": SHIM, "EFI/BOOT/GRUBAA64.EFI": GRUB}, {"grubaa64.efi": GRUB, "shimaa64.efi": SHIM}),
        ({"EFI/fedora/grubaa64.efi": GRUB}, {"grubaa64.efi": GRUB}),
        ({"EFI/BOOT/BOOTAA64.EFI": GRUB}, "There is no grubaa64.efi in the folders of its images/efiboot.img: BOOT."),
        ({"grubaa64.efi": GRUB}, "There is no grubaa64.efi in the folders of its images/efiboot.img: none."),
    ],
)
def test_loaders_are_found_where_distributions_put_them(
    tmp_path: pathlib.Path, files: dict[str, bytes], loaders: dict[str, bytes] | str
) -> None:
    iso = make_iso(tmp_path / "live.iso", "aarch64", "9.6", efi=fat_image(files))
    with iso.open("rb") as file:
        if isinstance(loaders, dict):
            assert loaders_of_iso(file) == loaders
        else:
            with pytest.raises(OperationError, match="no grubaa64") as caught:
                loaders_of_iso(file)
            assert caught.value.message == loaders


def test_a_broken_iso_is_an_error_of_ours_and_no_crash(host: Host) -> None:
    whole = host.iso.read_bytes()
    chance = random.Random(7)
    for _each in range(300):
        broken = bytearray(whole[: chance.randrange(len(whole))])
        for _byte in range(20):
            # where volume descriptors, folders and FAT are
            position = chance.randrange(32768, 80000)
            if position < len(broken):
                broken[position] = chance.randrange(256)
        with contextlib.suppress(OperationError):
            loaders_of_iso(io.BytesIO(bytes(broken)))


def test_a_fat_that_runs_in_a_circle_ends() -> None:
    image = bytearray(fat_image({"A/B.EFI": bytes(2000)}))
    # cluster 3, the file's first, is followed by itself
    image[512 + 4] = image[512 + 4] & 0x0F | 0x30
    image[512 + 5] = 0
    with pytest.raises(OperationError, match="circle"):
        FatImage(bytes(image)).read("A/B.EFI")
