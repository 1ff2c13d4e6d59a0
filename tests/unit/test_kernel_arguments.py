# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.multiarch.openshift.plugins.filter.kernel_arguments import kernel_arguments
from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import kernel_line
from ansible_collections.multiarch.openshift.plugins.module_utils._kernel_arguments import live_arguments
from support.netboot import machine

ROOTFS = "http://192.0.2.5/rootfs.img"
IGNITION = "http://192.0.2.5/worker.ign"


def arguments(**changes: t.Any) -> list[str]:
    return live_arguments(machine(**changes), ROOTFS, ignition_url=IGNITION)


def test_the_line_has_its_arguments_in_order() -> None:
    changes = {
        "consoles": ["tty0", "ttyAMA0,115200n8"],
        "network_arguments": ["ip=192.0.2.11::192.0.2.1:255.255.255.0:w1:eno1:none", "nameserver=192.0.2.53"],
        "live_kernel_arguments": ["rd.net.timeout.carrier=30"],
    }
    assert arguments(**changes) == [
        "coreos.live.rootfs_url=http://192.0.2.5/rootfs.img",
        "coreos.inst.install_dev=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
        "coreos.inst.ignition_url=http://192.0.2.5/worker.ign",
        "ignition.firstboot",
        "ignition.platform.id=metal",
        "ip=192.0.2.11::192.0.2.1:255.255.255.0:w1:eno1:none",
        "nameserver=192.0.2.53",
        "rd.neednet=1",
        "console=tty0",
        "console=ttyAMA0,115200n8",
        "rd.net.timeout.carrier=30",
    ]


def test_documented_delivery_has_exactly_the_documented_arguments() -> None:
    assert arguments(ignition_delivery="documented", network_arguments=[]) == [
        "coreos.live.rootfs_url=http://192.0.2.5/rootfs.img",
        "coreos.inst.install_dev=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
        "coreos.inst.ignition_url=http://192.0.2.5/worker.ign",
        "rd.neednet=1",
    ]


def test_neednet_is_not_said_twice() -> None:
    assert arguments(network_arguments=["ip=dhcp", "rd.neednet=1"]).count("rd.neednet=1") == 1


@pytest.mark.parametrize(
    "argument",
    [
        "ip=[2001:db8::11]::[2001:db8::1]:64:w1:eno1:none",
        "rd.route=[2001:db8:3::/48]:[2001:db8::1]:eno1",
        "bond=bond0:eno1,eno2:mode=802.3ad,lacp_rate=fast",
        "vlan=eno1.100:eno1",
    ],
)
def test_network_arguments_pass_as_given(argument: str) -> None:
    assert argument in arguments(network_arguments=[argument])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network_arguments": ["ip=[2001:db8::11::[2001:db8::1]:64:w1:eno1:none"]}, "brackets"),
        ({"network_arguments": ["ip=2001:db8::11]:dhcp"]}, "brackets"),
        ({"network_arguments": ["ip=eno1:dhcp rd.break"]}, "machine_network_arguments"),
        ({"live_kernel_arguments": ["a\nb"]}, "machine_live_kernel_arguments"),
        ({"live_kernel_arguments": ["a=\t"]}, "control character"),
        ({"live_kernel_arguments": ["a='b'"]}, "quote"),
        ({"live_kernel_arguments": ['a="b"']}, "quote"),
        ({"live_kernel_arguments": ["a=b\\c"]}, "backslash"),
        ({"live_kernel_arguments": ["a=ü"]}, "ASCII"),
        ({"live_kernel_arguments": [""]}, "starts with"),
        ({"live_kernel_arguments": ["--"]}, "starts with"),
        ({"live_kernel_arguments": ["&&"]}, "starts with"),
        ({"consoles": ["ttyS0 115200"]}, "machine_consoles"),
        ({"live_kernel_arguments": ["coreos.inst.ignition_url=http://192.0.2.66/x.ign"]}, "written by the product"),
        ({"network_arguments": ["coreos.inst.install_dev=/dev/sdb"]}, "machine_install_device"),
        ({"live_kernel_arguments": ["ignition.config.url=http://192.0.2.66/live.ign"]}, "written by the product"),
        ({"install_device": None}, "not set"),
        ({"install_device": "sda"}, "does not start with /dev/"),
        ({"install_device": "/dev/disk/by-id/a b"}, "machine_install_device"),
    ],
)
def test_an_argument_that_would_not_arrive_is_refused(changes: dict[str, t.Any], said: str) -> None:
    with pytest.raises(OperationError, match=said):
        arguments(**changes)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://192.0.2.5/rootfs.img", "let machines fetch by http with the hash pinned"),
        ("ftp://192.0.2.5/rootfs.img", "not of the form"),
        ("http:///rootfs.img", "not of the form"),
        ("http://192.0.2.5/root fs.img", "space"),
        ("http://192.0.2.5/root\nfs.img", "control character"),
        ("http://192.0.2.5:port/rootfs.img", "not valid"),
        ("http://[2001:db8::5/rootfs.img", "not valid"),
    ],
)
@pytest.mark.parametrize("which", ["rootfs", "ignition"])
def test_a_url_that_a_machine_cannot_fetch_is_refused(url: str, said: str, which: str) -> None:
    urls = {"rootfs": ROOTFS, "ignition": IGNITION, which: url}
    with pytest.raises(OperationError, match=said):
        live_arguments(machine(), urls["rootfs"], ignition_url=urls["ignition"])


def test_a_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(OperationError, match="user name or password") as caught:
        live_arguments(machine(), "http://me:canary@192.0.2.5/rootfs.img", ignition_url=IGNITION)
    assert "canary" not in str(caught.value)


def test_the_line_may_have_2046_bytes_with_the_prefix() -> None:
    prefix = "BOOT_IMAGE=/kernel"
    longest = "a" * (2046 - len(prefix) - 1)
    assert kernel_line([longest], prefix) == longest
    with pytest.raises(OperationError, match="2047 bytes"):
        kernel_line([longest + "a"], prefix)


def test_thirty_words_without_a_dot_are_the_limit() -> None:
    words = [f"k{number}=v" for number in range(30)]
    dotted = [f"rd.k{number}=v" for number in range(30)]
    assert kernel_line([*words, *dotted, "quiet"])
    with pytest.raises(OperationError, match="31 words"):
        kernel_line([*words, "k30=v"])


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["console=tty0", "quiet"], "console=tty0 quiet"),
        ([], ""),
        ({}, ""),
        ({"ip": "eno1:dhcp", "rd.neednet": 1, "console": ["tty0", "ttyAMA0"]}, None),
        ({"quiet": None, "debug": True, "splash": False}, "quiet debug"),
        ({"nomodeset": ""}, "nomodeset="),
    ],
)
def test_the_filter_joins_lists_and_dictionaries(given: t.Any, line: str | None) -> None:
    expected = "ip=eno1:dhcp rd.neednet=1 console=tty0 console=ttyAMA0" if line is None else line
    assert kernel_arguments(given) == expected


@pytest.mark.parametrize(
    "given",
    [None, "quiet", 7, True, [1], [None], [["a"]], ["a b"], {"a": {"b": 1}}, {"a": 1.5}, {1: "a"}, {"a": "b c"}],
)
def test_the_filter_names_itself_in_every_error(given: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"multiarch\.openshift\.kernel_arguments"):
        kernel_arguments(given)
