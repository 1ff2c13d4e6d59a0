# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import boot_artifacts
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import check_source
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import needed
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import read_stream
from ansible_collections.multiarch.openshift.plugins.module_utils._stream import stamp_warnings
from support import paths

Document = dict[str, t.Any]
CONFIG_MAP = "ConfigMap openshift-machine-config-operator/coreos-bootimages"
PXE = [("aarch64", "pxe")]


@pytest.fixture
def config_map() -> Document:
    return yaml.safe_load((paths.FIXTURES / "cluster" / "coreos-bootimages.yml").read_text(encoding="utf-8"))


@pytest.fixture
def stream(config_map: Document) -> Document:
    return read_stream(config_map)[0]


def problem(stream: Document, pairs: list[tuple[str, str]], where: str = "stream") -> list[str]:
    with pytest.raises(OperationError) as caught:
        boot_artifacts(stream, where, pairs)
    return str(caught.value).splitlines()


def test_pxe_gives_kernel_initramfs_and_rootfs_as_the_stream_names_them(stream: Document) -> None:
    artifacts = boot_artifacts(stream, "stream", PXE)
    assert [artifact["kind"] for artifact in artifacts] == ["kernel", "initramfs", "rootfs"]
    assert artifacts[0] == {
        "architecture": "aarch64",
        "kind": "kernel",
        "location": "https://rhcos.example.com/418/aarch64/rhcos-418.94.202601010000-0-live-kernel-aarch64",
        "name": "rhcos-418.94.202601010000-0-live-kernel-aarch64",
        "sha256": "2" * 64,
        "release": "418.94.202601010000-0",
    }


def test_each_architecture_and_format_is_found(stream: Document) -> None:
    artifacts = boot_artifacts(stream, "stream", [("aarch64", "iso"), ("x86_64", "iso")])
    assert [(artifact["architecture"], artifact["kind"]) for artifact in artifacts] == [
        ("aarch64", "iso"),
        ("x86_64", "iso"),
    ]


def test_named_stream_is_taken_from_streams(config_map: Document) -> None:
    document, where = read_stream(config_map, "rhel-10")
    assert where == "streams[rhel-10]"
    artifacts = boot_artifacts(document, where, [("aarch64", "iso")])
    assert artifacts[0]["name"] == "rhcos-10.2.20260715-0-live-iso.aarch64.iso"


@pytest.mark.parametrize("name", ["rhcos-4.22", "rhel-8"])
def test_unknown_stream_is_answered_with_those_that_exist(config_map: Document, name: str) -> None:
    with pytest.raises(OperationError, match=rf"has no stream '{name}'\. It has rhel-10, rhel-9\."):
        read_stream(config_map, name)


def test_stream_cannot_be_named_where_there_is_only_one(config_map: Document) -> None:
    del config_map["data"]["streams"]
    with pytest.raises(OperationError, match="has no streams to choose 'rhel-9' from"):
        read_stream(config_map, "rhel-9")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, "has no key stream. It has nothing."),
        ({"releaseVersion": "4.7"}, "has no key stream. It has releaseVersion."),
        ({"stream": "{"}, "key stream, is not JSON"),
        ({"stream": "[]"}, "no object"),
    ],
)
def test_config_map_without_a_stream_is_refused(data: Document | None, expected: str) -> None:
    with pytest.raises(OperationError) as caught:
        read_stream({"data": data})
    assert CONFIG_MAP in str(caught.value)
    assert expected in str(caught.value)


def test_missing_config_map_is_named() -> None:
    with pytest.raises(OperationError, match=f"{CONFIG_MAP} does not exist"):
        read_stream(None)


def test_all_holes_are_reported_with_path_and_what_exists(stream: Document) -> None:
    metal = stream["architectures"]["aarch64"]["artifacts"]["metal"]
    del metal["formats"]["iso"]
    metal["formats"]["pxe"]["kernel"] = {"location": "null", "sha256": "null"}
    metal["formats"]["pxe"]["initramfs"]["sha256"] = "abc"
    metal["formats"]["pxe"]["rootfs"]["location"] = None
    pairs = [("aarch64", "iso"), ("aarch64", "pxe"), ("x86_64", "pxe"), ("s390x", "iso")]
    formats = f"{CONFIG_MAP}, stream: .architectures.aarch64.artifacts.metal.formats"
    assert problem(stream, pairs) == [
        f"{formats}.iso is missing (there is only pxe).",
        f"{formats}.pxe.kernel.location is missing (there is only location, sha256).",
        f"{formats}.pxe.kernel.sha256 is missing (there is only location, sha256).",
        f"{formats}.pxe.initramfs.sha256 is 'abc', not 64 hexadecimal digits.",
        f"{formats}.pxe.rootfs.location is missing (there is only location, sha256).",
        f"{CONFIG_MAP}, stream: .architectures.x86_64.artifacts.metal.formats.pxe is missing (there is only iso).",
        f"{CONFIG_MAP}, stream: .architectures.s390x is missing (there is only aarch64, x86_64).",
    ]


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (("formats", "pxe", "kernel", "location"), "ftp://h/kernel", "no http or https URL"),
        (("formats", "pxe", "kernel", "location"), "http://[h/kernel", "no http or https URL"),
        (("formats", "pxe", "kernel", "location"), "https://h/a/", "ends in '', which cannot be used as a file name"),
        (("formats", "pxe", "kernel", "location"), "https://h/..", "ends in '..'"),
        (("formats", "pxe", "kernel", "location"), "https://h/a$(b)", "ends in 'a$(b)'"),
        (("formats", "pxe", "kernel", "location"), {"a": 1}, 'is {"a": 1}, not a text'),
        (("formats", "pxe"), "text", ".formats.pxe.kernel is missing"),
        (("formats", "pxe"), [1], ".formats.pxe.kernel is missing"),
        (("release",), "null", ".release is missing"),
        (("release",), "../x", "cannot be used as a folder name"),
    ],
)
def test_value_that_cannot_be_used_is_refused(
    stream: Document, path: tuple[str, ...], value: t.Any, expected: str
) -> None:
    parent = stream["architectures"]["aarch64"]["artifacts"]["metal"]
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    lines = problem(stream, PXE)
    assert any(expected in line for line in lines)


def test_upper_case_hash_is_the_same_hash(stream: Document) -> None:
    kernel = stream["architectures"]["aarch64"]["artifacts"]["metal"]["formats"]["pxe"]["kernel"]
    kernel["sha256"] = "AB" * 32
    assert boot_artifacts(stream, "stream", PXE)[0]["sha256"] == "ab" * 32


@pytest.mark.parametrize(
    ("source", "location"),
    [
        ("http://mirror.example.com/rhcos/", "http://mirror.example.com/rhcos/"),
        ("http://mirror.example.com", "http://mirror.example.com/"),
        ("/srv/rhcos", "/srv/rhcos/"),
    ],
)
def test_mirror_replaces_the_place_and_never_the_hash(stream: Document, source: str, location: str) -> None:
    kernel = boot_artifacts(stream, "stream", PXE, source=source)[0]
    assert kernel["location"] == f"{location}rhcos-418.94.202601010000-0-live-kernel-aarch64"
    assert kernel["sha256"] == "2" * 64


@pytest.mark.parametrize("source", ["rhcos", "./rhcos", "ftp://h/x", "http:///x", "http://a b/x", "http://[h", ""])
def test_source_that_is_no_place_is_refused(source: str) -> None:
    with pytest.raises(OperationError, match="an http or https URL, or an absolute folder"):
        check_source(source)


def test_source_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(OperationError) as caught:
        check_source("https://user:hunter2@mirror.example.com/rhcos")
    assert "hunter2" not in str(caught.value)


def test_machines_need_what_they_boot_from() -> None:
    def machine(architecture: str, boot_method: str, *, failed: bool = False) -> Document:
        return {"architecture": architecture, "boot_method": boot_method, "failed": failed}

    machines = [
        machine("x86_64", "pxelinux"),
        machine("aarch64", "grub"),
        machine("aarch64", "ipxe"),
        machine("aarch64", "external"),
        machine("x86_64", "iso"),
        machine("aarch64", "iso", failed=True),
    ]
    assert needed(machines) == [("aarch64", "pxe"), ("x86_64", "iso"), ("x86_64", "pxe")]


def test_stamp_of_another_release_is_a_warning(config_map: Document) -> None:
    assert stamp_warnings(config_map, "4.18.3") == []
    assert stamp_warnings(config_map, "") == []
    assert "stamped by the Machine Config Operator of 4.18.3" in stamp_warnings(config_map, "4.18.4")[0]


def recorded(name: str, stream: str = "") -> tuple[Document, str]:
    return read_stream(yaml.safe_load(paths.shared_data(name).read_text(encoding="utf-8")), stream)


def test_recorded_4_8_has_no_aarch64() -> None:
    assert problem(recorded("coreos-bootimages-4.8-no-aarch64.yaml")[0], PXE) == [
        f"{CONFIG_MAP}, stream: .architectures.aarch64 is missing (there is only ppc64le, s390x, x86_64)."
    ]


def test_recorded_4_10_has_all_of_aarch64() -> None:
    pairs = [("aarch64", "pxe"), ("aarch64", "iso"), ("x86_64", "pxe")]
    artifacts = boot_artifacts(*recorded("coreos-bootimages-4.10-aarch64.yaml"), pairs)
    assert len(artifacts) == 7
    assert artifacts[3]["name"] == "rhcos-410.84.202111111403-0-live.aarch64.iso"
    assert artifacts[3]["release"] == "410.84.202111111403-0"
    assert artifacts[0]["sha256"].startswith("210ad7e3")


@pytest.mark.parametrize("stream", ["", "rhel-9", "rhel-10"])
def test_recorded_5_0_has_no_metal(stream: str) -> None:
    document, where = recorded("coreos-bootimages-5.0-streams.yaml", stream)
    lines = problem(document, PXE, where)
    assert len(lines) == 1
    assert lines[0].startswith(f"{CONFIG_MAP}, {where}: .architectures.aarch64.artifacts.metal is missing (there is")


def test_recorded_5_0_is_not_asked_by_the_inner_name() -> None:
    with pytest.raises(OperationError, match="It has rhel-10, rhel-9"):
        recorded("coreos-bootimages-5.0-streams.yaml", "rhcos-4.21")


def test_recorded_names_of_both_schemes() -> None:
    excerpts = json.loads(paths.shared_data("rhcos-aarch64-metal-excerpts.json").read_text(encoding="utf-8"))
    names = []
    for origin in ("rhcos-4.16", "rhcos-4.22-rhel-10"):
        document = {"architectures": {"aarch64": {"artifacts": {"metal": excerpts[origin]["metal"]}}}}
        names += [artifact["name"] for artifact in boot_artifacts(document, "stream", [("aarch64", "iso"), *PXE])]
    assert any(name.endswith("-live-kernel-aarch64") for name in names)
    assert any(name.endswith("-live-kernel.aarch64") for name in names)
    assert any(name.endswith("-live-iso.aarch64.iso") for name in names)
