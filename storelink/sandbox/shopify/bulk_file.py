"""The JSONL of a bulk operation, written slice by slice into a file.

Grouped, a node is followed by what hangs on it; else all nodes of the root connection come first and
those of the connections inside after them, so that nobody may rely on neighbours.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import orjson

from storelink.sandbox.shopify.bulk_query import Shape

Doc = Mapping[str, Any]


class BulkFile:
    """A result being written. `objects` and `roots` count lines."""

    def __init__(self, path: Path, shape: Shape, *, grouped: bool, children_first: bool = False) -> None:
        self.path = path
        self.objects = 0
        self.roots = 0
        self._shape = shape
        self._grouped = grouped
        self._children_first = children_first
        self._levels = [path] if grouped else [path.with_suffix(f".{depth}") for depth in range(3)]
        self._files: list[IO[bytes]] = [level.open("wb") for level in self._levels]

    def add(self, edges: Iterable[Doc]) -> None:
        """Write nodes of the root connection and all that hangs on them."""
        lines: list[list[bytes]] = [[] for _ in self._files]
        for edge in edges:
            self.roots += 1
            self._node(edge["node"], self._shape, None, lines)
        for file, written in zip(self._files, lines, strict=True):
            file.writelines(written)

    def _node(self, node: Doc, shape: Shape, parent: Any, lines: list[list[bytes]]) -> None:
        own = {key: value for key, value in node.items() if key not in shape.inner}
        if parent is not None:
            own["__parentId"] = parent
        self.objects += 1
        place = lines[0 if self._grouped else shape.depth]
        at = len(place)
        for key, inner in shape.inner.items():
            for edge in (node[key] or {"edges": ()})["edges"]:
                self._node(edge["node"], inner, node["id"], lines)
        line = orjson.dumps(own, option=orjson.OPT_APPEND_NEWLINE)
        place.insert(len(place) if self._children_first else at, line)

    def close(self) -> int:
        """Put the levels into one file; returns its size in bytes."""
        for file in self._files:
            file.close()
        if not self._grouped:
            order = self._levels[::-1] if self._children_first else self._levels
            with self.path.open("wb") as whole:
                for level in order:
                    with level.open("rb") as part:
                        shutil.copyfileobj(part, whole, 1 << 20)
                    level.unlink()
        return self.path.stat().st_size

    def discard(self) -> None:
        """Stop and leave nothing behind."""
        for file in self._files:
            file.close()
        for level in self._levels:
            level.unlink(missing_ok=True)


def first_lines(path: Path, share: float = 0.5) -> int:
    """How many bytes the first whole lines of a file take, up to a share of it."""
    wanted = int(path.stat().st_size * share)
    with path.open("rb") as file:
        file.seek(wanted)
        rest = file.readline()
        return wanted + len(rest)


def count_lines(path: Path, size: int) -> int:
    """How many lines end within the first `size` bytes."""
    found = 0
    with path.open("rb") as file:
        while size > 0 and (part := file.read(min(size, 1 << 20))):
            found += part.count(b"\n")
            size -= len(part)
    return found


def without_last_newline(path: Path) -> None:
    size = path.stat().st_size
    if size:
        with path.open("r+b") as file:
            file.truncate(size - 1)


def break_a_line(path: Path) -> None:
    """Make the line in the middle of a file no JSON."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.readline()
        if file.tell() >= size:
            file.seek(0)
        file.write(b"?")
