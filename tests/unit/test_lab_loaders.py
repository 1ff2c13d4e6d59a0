# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab's boot loaders read their files as the real ones in QEMU do: what arrives on the kernel line, what not."""

from __future__ import annotations

import asyncio

import pytest

from lab.loaders import Boot
from lab.loaders import BootError
from lab.loaders import Grub
from lab.loaders import Ipxe
from lab.loaders import LocalBoot
from lab.loaders import Pxelinux

MAC = "52:54:00:aa:bb:01"
FILES = {
    "(http,192.0.2.5:8080)/k": b"kernel",
    "(http,192.0.2.5:8080)/i": b"initrd",
    "(tftp,192.0.2.5)/k": b"kernel",
    "http://192.0.2.5/k": b"kernel",
    "http://192.0.2.5/i": b"initrd",
    "http://192.0.2.5/v": b"verify",
    "/k": b"kernel",
    "/i": b"initrd",
}


async def read(path: str) -> bytes | None:
    return FILES.get(path)


def grub(arguments: str, before: str = "set timeout=0") -> Boot:
    entry = f"linux (http,192.0.2.5:8080)/k {arguments}\n initrd (http,192.0.2.5:8080)/i"
    return run_grub(f"{before}\nmenuentry 'Install' --class os {{\n {entry}\n}}\n")


def run_grub(script: str, more: dict[str, bytes] | None = None) -> Boot:
    files = {**FILES, **(more or {})}

    async def read_all(path: str) -> bytes | None:
        return files.get(path)

    loader = Grub(read_all, MAC, root="(tftp,192.0.2.5)", prefix="/grub", server="192.0.2.5", address="192.0.2.11")
    return asyncio.run(loader.boot(script.encode()))


def ipxe(script: str) -> Boot:
    loader = Ipxe(read, MAC, server="192.0.2.5", address="192.0.2.11", architecture="aarch64")
    return asyncio.run(loader.boot(script.encode(), "http://192.0.2.5/boot.ipxe"))


GRUB_WORDS = {
    "a=b": "a=b",
    "'a=b&c;d|e<f>g{h}#i$j'": "a=b&c;d|e<f>g{h}#i$j",
    "'a=b c'": '"a=b c"',
    '"a=b"': "a=b",
    "'a=\"b\"'": 'a=\\"b\\"',
    "'a=b\\c'": "a=b\\\\c",
    "a=$unset.": "a=.",
    "a=${net_default_mac}": f"a={MAC}",
    "'a=$b'": "a=$b",
    '"a=\\$b"': "a=$b",
    "a=[fd00::1]%!*~b#c": "a=[fd00::1]%!*~b#c",
    "a=1 # not here": "a=1",
    "a=1 \\\n b=2": "a=1 b=2",
}


@pytest.mark.parametrize(("written", "arrives"), GRUB_WORDS.items())
def test_grub_hands_over_words(written: str, arrives: str) -> None:
    assert grub(written).line == f"BOOT_IMAGE=(http,192.0.2.5:8080)/k {arrives}"


@pytest.mark.parametrize("written", ["a=b&c", "a=b|c", "a=b>c", "a='b", "a=b}"])
def test_grub_refuses_operators_outside_quotes(written: str) -> None:
    with pytest.raises(BootError):
        grub(written)


def test_grub_ends_a_word_at_a_semicolon() -> None:
    with pytest.raises(BootError, match="can't find command `c'"):
        grub("a=b;c")


def test_grub_waits_in_a_menu_without_timeout() -> None:
    with pytest.raises(BootError, match="waits in its menu"):
        grub("a=b", before="set default=0")


DISPATCHER = """\
insmod regexp
if regexp --set=1:a --set 2:b '^(..):(..)' "$net_default_mac"; then
  configfile (http,192.0.2.5:8080)/grub.cfg-$a-$b
fi
exit
"""


def test_grub_boots_the_menu_of_a_nested_configuration() -> None:
    inner = b"set timeout=0\nmenuentry x {\n linux (tftp,192.0.2.5)/k x=1\n}\n"
    boot = run_grub(DISPATCHER, {"(http,192.0.2.5:8080)/grub.cfg-52-54": inner})
    assert boot.line == "BOOT_IMAGE=(tftp,192.0.2.5)/k x=1"


def test_grub_goes_on_after_a_configuration_that_is_not_there() -> None:
    with pytest.raises(LocalBoot, match=r"grub\.cfg-52-54' not found"):
        run_grub(DISPATCHER)


def test_grub_takes_one_branch_of_a_condition() -> None:
    script = (
        "set timeout=0\nif [ -f (tftp,192.0.2.5)/k ]; then set x=yes; else set x=no; fi\n"
        'if [ "$x" = no ]; then exit; fi\nmenuentry x { linux /k x=$x; }\n'
    )
    assert run_grub(script).line == "BOOT_IMAGE=/k x=yes"


def test_ipxe_takes_arguments_as_they_are_and_names_initrds() -> None:
    boot = ipxe(
        "#!ipxe\nkernel http://192.0.2.5/k initrd=main initrd=v a='b\"&;#$c\\\ninitrd --name main http://192.0.2.5/i\n"
        "initrd http://192.0.2.5/v\nboot\n"
    )
    assert boot.line == "k initrd=main initrd=v a='b\"&;#$c\\"
    assert [content for _unused, content in boot.initrds] == [b"initrd", b"verify"]


def test_ipxe_expands_its_settings() -> None:
    boot = ipxe("#!ipxe\nkernel http://192.0.2.5/k m=${net0/mac:hexhyp} n=${net9/mac}.\nboot || shell\n")
    assert boot.line == "k m=52-54-00-aa-bb-01 n=."


def test_ipxe_leaves_for_the_disk_when_no_script_is_there() -> None:
    script = (
        "#!ipxe\nisset ${net0/mac} && chain --autofree http://192.0.2.5/none.ipxe ||\n"
        "isset ${net1/mac} && shell ||\nexit 1\n"
    )
    with pytest.raises(LocalBoot, match="No such file"):
        ipxe(script)


def test_pxelinux_loads_only_by_tftp_unless_it_is_lpxelinux() -> None:
    script = b"default install\nlabel install\n kernel http://192.0.2.5/k\n append initrd=http://192.0.2.5/i a=b\n"
    with pytest.raises(BootError, match="lpxelinux"):
        asyncio.run(Pxelinux(read, http=False).boot(script))
    boot = asyncio.run(Pxelinux(read, http=True).boot(script))
    assert boot.line == "BOOT_IMAGE=http://192.0.2.5/k initrd=http://192.0.2.5/i a=b"
