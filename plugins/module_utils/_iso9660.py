# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file out of an ISO 9660 image, by its plain name. Private to the collection."""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

_SECTOR = 2048
_FIRST_DESCRIPTOR = 16
_PRIMARY, _LAST = 1, 255
_FOLDER = 2
# A folder of an installation medium has some dozens of entries.
_FOLDER_LIMIT = 1024 * 1024


def read_iso_file(image: t.BinaryIO, path: str, *, limit: int) -> bytes:
    """The content of a file of at most ``limit`` bytes; raises OperationError where there is none."""
    try:
        start, size, _flags = _find(image, path)
    except (struct.error, IndexError):
        raise OperationError("It is not an ISO 9660 image, or is cut off.") from None
    if size > limit:
        raise OperationError(f"{path} in it has {size} bytes, which is more than {limit}.")
    content = _read(image, start, size)
    if len(content) < size:
        raise OperationError("It is cut off.")
    return content


def _find(image: t.BinaryIO, path: str) -> tuple[int, int, int]:
    """Offset, size and flags of a file or folder."""
    found = _root(image)
    for name in path.split("/"):
        start, size, flags = found
        if not flags & _FOLDER or size > _FOLDER_LIMIT:
            raise OperationError(f"There is no {path} in it.")
        entries = dict(_entries(_read(image, start, size)))
        if name.upper() not in entries:
            raise OperationError(f"There is no {path} in it.")
        found = entries[name.upper()]
    return found


def _root(image: t.BinaryIO) -> tuple[int, int, int]:
    for number in range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + 32):
        descriptor = _read(image, number * _SECTOR, _SECTOR)
        if descriptor[1:6] != b"CD001" or descriptor[0] == _LAST:
            break
        if descriptor[0] == _PRIMARY:
            return _record(descriptor[156:190])
    raise OperationError("It is not an ISO 9660 image.")


def _entries(folder: bytes) -> t.Iterator[tuple[str, tuple[int, int, int]]]:
    position = 0
    while position < len(folder):
        length = folder[position]
        if length == 0:
            # a record never lies across two sectors
            position = (position // _SECTOR + 1) * _SECTOR
            continue
        record = folder[position : position + length]
        name = record[33 : 33 + record[32]].decode("ascii", "replace").partition(";")[0].rstrip(".")
        yield name.upper(), _record(record)
        position += length


def _record(record: bytes) -> tuple[int, int, int]:
    (extent,) = struct.unpack_from("<I", record, 2)
    (size,) = struct.unpack_from("<I", record, 10)
    return extent * _SECTOR, size, record[25]


def _read(image: t.BinaryIO, start: int, size: int) -> bytes:
    image.seek(start)
    return image.read(size)


__all__ = ("read_iso_file",)
