# Copyright (c) 2026, multiarch.openshift contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files out of a FAT12, FAT16 or FAT32 image, by their short names. Private to the collection.

Boot loaders have names of 8.3 characters, so long names are not read.
"""

from __future__ import annotations

import struct
import typing as t

from ansible_collections.multiarch.openshift.plugins.module_utils._errors import OperationError

_ENTRY = 32
_FOLDER, _LABEL = 0x10, 0x08
# Source: Microsoft's FAT specification: the number of clusters alone says which FAT it is.
_MOST_FAT12, _MOST_FAT16 = 4084, 65524


class Entry(t.NamedTuple):
    """A file or folder."""

    name: str
    is_folder: bool
    cluster: int
    size: int


class FatImage:
    """A file system in memory; raises OperationError where it is none."""

    def __init__(self, image: bytes) -> None:
        self._image = image
        try:
            self._read_geometry()
        except struct.error:
            raise OperationError("It is not a FAT file system.") from None

    def _read_geometry(self) -> None:
        sector, per_cluster, reserved, tables, root_entries, small_total = struct.unpack_from(
            "<HBHBHH", self._image, 11
        )
        (small_table,) = struct.unpack_from("<H", self._image, 22)
        (large_total, large_table) = struct.unpack_from("<II", self._image, 32)
        if (
            self._image[510:512] != b"\x55\xaa"
            or sector not in (512, 1024, 2048, 4096)
            or not per_cluster
            or not tables
        ):
            raise OperationError("It is not a FAT file system.")
        root_sectors = (root_entries * _ENTRY + sector - 1) // sector
        root = reserved + tables * (small_table or large_table)
        self._data = (root + root_sectors) * sector
        self._cluster_size = per_cluster * sector
        self._clusters = ((small_total or large_total) - root - root_sectors) // per_cluster
        self._table = reserved * sector
        self._root = self._image[root * sector : self._data]
        # whatever the header says, no chain is longer than the image
        self._most = len(self._image) // self._cluster_size + 1
        self._bits = 12 if self._clusters <= _MOST_FAT12 else 16 if self._clusters <= _MOST_FAT16 else 32
        if self._bits == 32:
            (cluster,) = struct.unpack_from("<I", self._image, 44)
            self._root = self._chain(cluster)

    def entries(self, path: str) -> list[Entry]:
        """What lies in a folder; nothing where it does not exist."""
        content = self._root
        for name in [part for part in path.split("/") if part]:
            folder = next((e for e in self._parse(content) if e.is_folder and e.name == name.upper()), None)
            if folder is None:
                return []
            content = self._chain(folder.cluster)
        return list(self._parse(content))

    def read(self, path: str) -> bytes | None:
        """The content of a file; None where there is none."""
        folder, _slash, name = path.rpartition("/")
        for entry in self.entries(folder):
            if entry.name == name.upper() and not entry.is_folder:
                content = self._chain(entry.cluster) if entry.size else b""
                if len(content) < entry.size:
                    raise OperationError(f"{path} in it is cut off.")
                return content[: entry.size]
        return None

    def _parse(self, content: bytes) -> t.Iterator[Entry]:
        for start in range(0, len(content) - _ENTRY + 1, _ENTRY):
            entry = content[start : start + _ENTRY]
            if entry[0] == 0:
                return
            # deleted, or a label or a part of a long name
            if entry[0] == 0xE5 or entry[11] & _LABEL:
                continue
            stem, extension = (entry[a:b].decode("ascii", "replace").rstrip() for a, b in ((0, 8), (8, 11)))
            high, low = struct.unpack_from("<H", entry, 20)[0], struct.unpack_from("<H", entry, 26)[0]
            cluster = low | (high << 16 if self._bits == 32 else 0)
            name = f"{stem}.{extension}" if extension else stem
            yield Entry(name, bool(entry[11] & _FOLDER), cluster, struct.unpack_from("<I", entry, 28)[0])

    def _chain(self, cluster: int) -> bytes:
        parts = []
        while 2 <= cluster < self._clusters + 2:
            start = self._data + (cluster - 2) * self._cluster_size
            parts.append(self._image[start : start + self._cluster_size])
            if len(parts) > self._most:
                raise OperationError("Its FAT runs in a circle.")
            cluster = self._next(cluster)
        return b"".join(parts)

    def _next(self, cluster: int) -> int:
        try:
            if self._bits == 12:
                (pair,) = struct.unpack_from("<H", self._image, self._table + cluster * 3 // 2)
                return int(pair >> 4 if cluster & 1 else pair & 0xFFF)
            if self._bits == 16:
                return int(struct.unpack_from("<H", self._image, self._table + cluster * 2)[0])
            return int(struct.unpack_from("<I", self._image, self._table + cluster * 4)[0] & 0x0FFFFFFF)
        except struct.error:
            raise OperationError("Its FAT is cut off.") from None


__all__ = ("Entry", "FatImage")
