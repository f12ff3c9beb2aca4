"""What a bulk operation wrote, put together again in constant memory.

One object a line; the rows of nested connections have lines of their own with `__parentId`, in any
order. Lines are shared out by their record into partitions of a file that has no name, so that it is
gone whatever becomes of this process, and one partition at a time is read back. Lines are looked at
as bytes; whoever wants the record parses them, once.
Docs: https://shopify.dev/docs/api/usage/bulk-operations/queries#download-result-data
"""

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import IO, Any, Self
from zlib import crc32

import orjson

from storelink.connectors.protocol import Raw
from storelink.errors import Misconfigured

PARTITION = 4 * 1024 * 1024
"""Bytes that a partition should have."""
MOST = 256
"""Most partitions; one that grows too large is shared out once more as it is read back."""
BUFFER = 4 * 1024 * 1024
"""Bytes of lines that wait to be written."""
HEAVY = 1024 * 1024
"""Bytes of lines after which a batch is not made larger."""


class Damaged(ValueError):
    """A line that is no JSON object or belongs to no record: the result cannot be used."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What lines there are: the type of the records, and type → key of the rows nested in them."""

    root: str
    parts: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Group:
    """The lines of one record: its own, of which there should be one, and those of its parts."""

    own: list[bytes] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    strange: bool = False
    """Whether one of the parts is of a kind that was not asked for."""

    @property
    def weight(self) -> int:
        return sum(map(len, self.own)) + sum(map(len, self.parts))


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records, whole, in no order.

    `loose` are ids of records whose lines do not fit together: their own is missing or twice there.
    """

    records: dict[str, bytes]
    """Id → what `unpack` makes the record of."""
    loose: list[str]
    passed: int
    """Records given so far, loose ones too; the same result is always given in the same order."""


@dataclass(slots=True)
class _Bucket:
    """One partition: lines that wait, and where in the file its earlier ones are."""

    waiting: list[bytes] = field(default_factory=list)
    extents: list[tuple[int, int]] = field(default_factory=list)

    @property
    def written(self) -> int:
        return sum(length for _, length in self.extents)


class Assembly:
    """Takes a result in chunks, then gives its records. A context: what it wrote is gone at its end."""

    def __init__(self, layout: Layout, size: int, *, partition: int = PARTITION, level: int = 1) -> None:
        """`size` is the result's own, in bytes; results of one size are shared out in one way."""
        self._layout, self._partition, self._level = layout, partition, level
        self._fan = max(1, min(MOST, -(-size // partition)))
        own = rb'\{(?:"__typename":"\w+",)?"id":"gid://shopify/%s/(\d+)"' % layout.root.encode()
        self._own_line = re.compile(own).match
        self._parent = b'"__parentId":"gid://shopify/%b/' % layout.root.encode()
        self._part_lines = tuple(b'{"__typename":"%b",' % kind.encode() for kind in layout.parts)
        self._buckets = [_Bucket() for _ in range(self._fan)]
        self._tail: list[bytes] = []
        self._buffered = 0
        self._file: IO[bytes] | None = None
        self._end = 0
        self.lines = 0
        """Objects so far; compare with the operation's `objectCount`."""
        self.roots = 0
        """Records so far; compare with `rootObjectCount`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._buckets.clear()
        if self._file is not None:
            self._file.close()

    # -- taking ------------------------------------------------------------------------------------

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the result. Raises `Damaged`, and `Misconfigured` if the disk is full."""
        first, newline, rest = chunk.partition(b"\n")
        self._tail.append(first)
        if newline:
            lines = rest.split(b"\n")
            lines.insert(0, b"".join(self._tail))
            self._tail = [lines.pop()]
            self._share_out(lines)

    def finish(self) -> None:
        """There is no more; the last line may lack its newline. Raises `Damaged` if it was cut."""
        last = b"".join(self._tail)
        self._tail = []
        if last.strip():
            _parsed(last)
            self._share_out([last])

    def _share_out(self, lines: list[bytes]) -> None:
        """Put each line into the partition of its record."""
        buckets, fan, level, whose = self._buckets, self._fan, self._level, self._whose
        for line in lines:
            if not line or line.isspace():
                continue
            key, own = whose(line)
            buckets[crc32(key) // level % fan].waiting.append(line)
            self.lines += 1
            self.roots += own
            self._buffered += len(line)
        if self._buffered > BUFFER:
            self._write()

    def _whose(self, line: bytes) -> tuple[bytes, bool]:
        """The id of the record that a line belongs to, and whether it is the record's own line.

        A quote inside a JSON string has a backslash, so what is looked for is found in no string.
        Raises `Damaged`.
        """
        if line.startswith(self._part_lines):
            at = line.rfind(self._parent)
            key = line[at + len(self._parent) : -2]
            if at >= 0 and key.isdigit() and line.endswith(b'"}'):
                return key, False
        else:
            own = self._own_line(line)
            if own is not None and line.endswith(b"}"):
                return own[1], True
        row = _parsed(line)  # not written as Shopify writes them, or cut
        gid = row.get("__parentId", row.get("id"))
        key = gid.rpartition("/")[2].encode() if isinstance(gid, str) else b""
        if not key:
            raise Damaged("a line belongs to no record")
        return key, "__parentId" not in row

    def _write(self) -> None:
        """Write out what waits, partition by partition."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="storelink-")  # noqa: SIM115  # closed on exit
            for bucket in self._buckets:
                if bucket.waiting:
                    block = b"\n".join(bucket.waiting)
                    self._file.write(block)
                    bucket.extents.append((self._end, len(block)))
                    bucket.waiting = []
                    self._end += len(block)
            self._file.flush()
        except OSError as error:
            raise Misconfigured(
                f"the result of a bulk operation cannot be kept in {tempfile.gettempdir()}:"
                f" {error.strerror}; make room there or set TMPDIR",
                code="temp",
            ) from error
        self._buffered = 0

    # -- giving ------------------------------------------------------------------------------------

    def batches(self, size: int, passed: int = 0) -> Iterator[Batch]:
        """All records after the first `passed`, `size` at a time, fewer where they are heavy."""
        batch: dict[bytes, _Group] = {}
        weight = 0
        for key, group in islice(self._groups(), passed, None):
            batch[key] = group
            weight += group.weight
            if len(batch) >= size or weight >= HEAVY:
                passed += len(batch)
                yield _joined(batch, passed)
                batch, weight = {}, 0
        if batch:
            yield _joined(batch, passed + len(batch))

    def _groups(self) -> Iterator[tuple[bytes, _Group]]:
        for bucket in self._buckets:
            if bucket.written > 4 * self._partition and self._level < 2**24:
                with self._finer(bucket) as finer:
                    yield from finer._groups()
                continue
            groups: dict[bytes, _Group] = {}
            for line in self._read(bucket):
                key, own = self._whose(line)
                group = groups.get(key)
                if group is None:
                    group = groups[key] = _Group()
                if own:
                    group.own.append(line)
                else:
                    group.parts.append(line)
                    group.strange |= not (line.startswith(self._part_lines) or self._is_part(line))
            yield from groups.items()

    def _is_part(self, line: bytes) -> bool:
        """Whether a line that is not written as Shopify writes them is of a kind that was asked for."""
        return _parsed(line).get("__typename") in self._layout.parts

    def _finer(self, bucket: _Bucket) -> "Assembly":
        """A partition too large for memory, shared out once more by other digits of the hash."""
        level = self._level * self._fan
        finer = Assembly(self._layout, bucket.written, partition=self._partition, level=level)
        for extent in bucket.extents:
            finer.feed(self._block(extent))
            finer.feed(b"\n")
        finer._share_out(bucket.waiting)
        return finer

    def _read(self, bucket: _Bucket) -> Iterator[bytes]:
        for extent in bucket.extents:
            yield from self._block(extent).split(b"\n")
        yield from bucket.waiting

    def _block(self, extent: tuple[int, int]) -> bytes:
        assert self._file is not None
        self._file.seek(extent[0])
        return self._file.read(extent[1])


def _joined(groups: Mapping[bytes, _Group], passed: int) -> Batch:
    """The records of some groups."""
    records: dict[str, bytes] = {}
    loose: list[str] = []
    for key, group in groups.items():
        name = key.decode(errors="replace")
        if group.strange or len(group.own) != 1:
            loose.append(name)
        else:
            records[name] = b"[%b]" % b",".join([group.own[0], *group.parts])
    return Batch(records, loose, passed)


def unpack(layout: Layout, lines: bytes) -> Raw:
    """One record of the lines of a `Batch`. Raises `Damaged`."""
    try:
        rows = orjson.loads(lines)
        record: Raw = rows[0]
        key = record["id"]
        record.pop("__typename", None)
        lists: dict[str, list[Raw]] = {name: [] for name in layout.parts.values()}
        for row in rows[1:]:
            if row.pop("__parentId") != key:
                raise Damaged("a line is of another record")
            lists[layout.parts[row.pop("__typename")]].append(row)
    except orjson.JSONDecodeError as error:
        raise Damaged(f"a line is no JSON ({error.msg})") from None
    except (LookupError, TypeError, AttributeError):
        raise Damaged("the lines of a record do not fit together") from None
    for name, items in lists.items():
        record[name] = in_order(items)
    return record


def in_order(items: list[Raw]) -> list[Raw]:
    """The parts of a record by id, so that they come out the same however they were read."""
    if len(items) > 1:
        items.sort(key=_by_id)
    return items


def _by_id(item: Raw) -> tuple[int, str]:
    gid = str(item.get("id") or "")
    return len(gid), gid


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Damaged(f"a line is no JSON ({error.msg})") from None
    if not isinstance(row, dict):
        raise Damaged("a line is no JSON object")
    return row
