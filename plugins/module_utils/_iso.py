# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an RHCOS live ISO says about itself: what it can be told, and how much room it has for that. Private to the
collection.

Only a few sectors are read, whatever the ISO's size. Source of the layout: ISO 9660 (ECMA-119), and coreos-installer,
src/live/.
"""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

_SECTOR = 2048
_ROOT_RECORD = slice(156, 190)
_IS_FOLDER = 0x02
_FEATURES, _KARGS, _IGNITION = "COREOS/FEATURES.JSO", "COREOS/KARGS.JSO", "COREOS/IGNINFO.JSO"
_OLD_IGNITION = "IMAGES/IGNITION.IMG"
# No folder and no JSON of an RHCOS ISO comes near it; a broken length must not fill the memory.
_LARGEST = 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Iso:
    """A live ISO as it lies there."""

    features: frozenset[str]
    """What COREOS/FEATURES.JSO says it can; nested names joined by a dot."""
    ignition_room: int
    """Bytes for the live system's Ignition config, compressed."""
    kernel_arguments_room: int
    """Bytes for the live system's kernel arguments; 0 where they cannot be changed."""
    kernel_arguments: str
    """Those that it boots with."""
    customized: bool
    """Whether somebody has put something in already."""

    @property
    def names_directives(self) -> bool:
        """Whether it says which keys of an installer config it knows; ISOs before 2022 do not."""
        return any(feature.startswith("installer-config-directives.") for feature in self.features)


def read_iso(path: str) -> Iso:
    """Read what the ISO says.

    :raises OperationError: it cannot be read, or is no RHCOS live ISO
    """
    try:
        with open(path, "rb") as file:
            return _iso(_Files(file), path)
    except OSError as exc:
        raise OperationError(f"The ISO {path} cannot be read: {exc.strerror}.") from None
    except (ValueError, KeyError, TypeError, IndexError) as exc:
        raise OperationError(
            f"{path} is no RHCOS live ISO, or a broken one: {exc}.", "Compare its hash with the ConfigMap's."
        ) from None


class _Files:
    """Files of an ISO 9660 image by their path in capitals."""

    def __init__(self, file: t.BinaryIO) -> None:
        self._file = file
        descriptor = self._read(16 * _SECTOR, _SECTOR)
        if descriptor[:6] != b"\x01CD001":
            raise ValueError("it has no ISO 9660 volume descriptor")
        self._root = _Record(descriptor[_ROOT_RECORD])

    def find(self, path: str) -> _Record | None:
        found = self._root
        for name in path.upper().split("/"):
            records = {record.name: record for record in self._folder(found)}
            if name not in records:
                return None
            found = records[name]
        return found

    def document(self, path: str) -> dict[str, t.Any] | None:
        """A JSON object; None where there is no such file."""
        record = self.find(path)
        if record is None:
            return None
        document = json.loads(self.content(record))
        if not isinstance(document, dict):
            raise ValueError(f"{path} holds no object")
        return document

    def content(self, record: _Record, offset: int = 0, length: int | None = None) -> bytes:
        return self._read(record.start + offset, record.size - offset if length is None else length)

    def _folder(self, folder: _Record) -> t.Iterator[_Record]:
        content, position = self.content(folder), 0
        while position < len(content):
            length = content[position]
            if length == 0:  # a record never lies across two sectors
                position += _SECTOR - position % _SECTOR
                continue
            yield _Record(content[position : position + length])
            position += length

    def _read(self, start: int, length: int) -> bytes:
        if not 0 <= length <= _LARGEST:
            raise ValueError(f"something in it is said to have {length} bytes")
        self._file.seek(start)
        content = self._file.read(length)
        if len(content) != length:
            raise ValueError("it ends too early")
        return content


class _Record:
    """A directory record (ECMA-119, 9.1)."""

    def __init__(self, content: bytes) -> None:
        self.start = int.from_bytes(content[2:6], "little") * _SECTOR
        self.size = int.from_bytes(content[10:14], "little")
        self.is_folder = bool(content[25] & _IS_FOLDER)
        name = content[33 : 33 + content[32]].decode("ascii", "replace")
        self.name = name.partition(";")[0].rstrip(".").upper()


def _iso(files: _Files, path: str) -> Iso:
    features = files.document(_FEATURES) or {}
    room, filled = _ignition_area(files)
    kargs = files.document(_KARGS)
    arguments_room, arguments, changed = _kernel_arguments(files, kargs) if kargs else (0, "", False)
    return Iso(frozenset(_names(features)), room, arguments_room, arguments, filled or changed)


def _names(features: t.Mapping[str, t.Any], prefix: str = "") -> t.Iterator[str]:
    for name, value in features.items():
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{name}.")
        elif value:
            yield f"{prefix}{name}"


def _ignition_area(files: _Files) -> tuple[int, bool]:
    """Its size, and whether something is in it."""
    info = files.document(_IGNITION) or {"file": _OLD_IGNITION}
    record = files.find(info["file"])
    if record is None:
        raise ValueError(f"it has no {info['file']}")
    offset = int(info.get("offset") or 0)
    length = int(info.get("length") or record.size - offset)
    return length, bool(files.content(record, offset, min(length, _SECTOR)).strip(b"\0"))


def _kernel_arguments(files: _Files, kargs: t.Mapping[str, t.Any]) -> tuple[int, str, bool]:
    """Room, arguments, and whether they differ from those that the ISO was made with."""
    size, place = int(kargs["size"]), kargs["files"][0]
    record = files.find(place["path"])
    if record is None:
        raise ValueError(f"it has no {place['path']}")
    area = files.content(record, int(place["offset"]), size).decode("ascii", "replace")
    arguments = area.rstrip(str(place.get("pad") or "#")).strip()
    return size, arguments, arguments != str(kargs["default"]).strip()


__all__ = ("Iso", "read_iso")
