"""What a bulk operation wrote, put together again in constant memory.

One object a line; the rows of nested connections have lines of their own with `__parentId`, in any
order. Lines are shared out by the ids of their records (see `partition`), and one part at a time is read
back: so records come by rising id, as the database likes them best. Lines are looked at as bytes;
whoever wants the record parses them, once.
Docs: https://shopify.dev/docs/api/usage/bulk-operations/queries#download-result-data
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType
from typing import Any, Self

import orjson

from storelink.connectors.protocol import Raw
from storelink.connectors.shopify.partition import MOST, Part, Partition

PARTITION = 4 * 1024 * 1024
"""Bytes that a part should have; one of more than four times as many is shared out once more."""
HEAVY = 1024 * 1024
"""Bytes of lines after which a batch is not made larger."""


_BRACE = ord("{")


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
    """Some records, whole, by rising id.

    `loose` are ids of records whose lines do not fit together: their own is missing or twice there.
    """

    records: dict[str, bytes]
    """Id → what `unpack` makes the record of."""
    loose: list[str]
    passed: int
    """Records given so far, loose ones too; the same result is always given in the same order."""


class Assembly:
    """Takes a result in chunks, then gives its records. A context: what it wrote is gone at its end."""

    def __init__(
        self, layout: Layout, size: int, *, partition: int = PARTITION, bounds: Sequence[int] = ()
    ) -> None:
        """`size` is the result's own, in bytes."""
        self._layout, self._limit = layout, partition
        self._partition = Partition(max(partition // 2, size // MOST), bounds)  # what comes later adds to it
        own = rb'\{(?:"__typename":"\w+",)?"id":"gid://shopify/%s/(\d+)"' % layout.root.encode()
        self._own_line = re.compile(own).match
        self._parent = b'"__parentId":"gid://shopify/%b/' % layout.root.encode()
        self._part_lines = tuple(b'{"__typename":"%b",' % kind.encode() for kind in layout.parts)
        self._tail: list[bytes] = []
        self.lines = 0
        """Objects so far; compare with the operation's `objectCount`."""
        self.roots = 0
        """Records so far; compare with `rootObjectCount`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._partition.close()

    # -- taking ------------------------------------------------------------------------------------

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the result. Raises `Damaged`, and `Misconfigured` if the disk is full."""
        cut = chunk.rfind(b"\n") + 1
        if cut:
            self._tail.append(chunk[:cut])
            self._share_out(b"".join(self._tail))
            self._tail = []
        self._tail.append(chunk[cut:])

    def finish(self) -> None:
        """There is no more; the last line may lack its newline. Raises `Damaged` if it was cut."""
        last = b"".join(self._tail)
        self._tail = []
        if last.strip():
            _parsed(last)
            self._share_out(last + b"\n")

    def _share_out(self, text: bytes) -> None:
        """Put each of these whole lines where its record belongs; those that follow each other together."""
        part: Part | None = None
        low, high, start, first, least, most = 0.0, -1.0, 0, 0, 0, 0
        before, number, lines, roots = b"", 0, 0, 0
        for at, _, key, own in self._lines(text):
            lines += 1
            roots += own
            if key == before:  # most lines follow another of their record
                continue
            before, number = key, number_of(key)
            if low <= number <= high:
                if number > most:
                    most = number
                elif number < least:
                    least = number
                continue
            if part is not None:
                self._partition.put(part, first, text[start:at], least, most)
            part, low, high = self._partition.place(number)
            start, first, least, most = at, number, number, number
        if part is not None:
            self._partition.put(part, first, text[start:], least, most)
        self.lines += lines
        self.roots += roots

    def _lines(self, text: bytes) -> Iterator[tuple[int, int, bytes, bool]]:
        """Of each line begin, end, the id of the record that it belongs to, and whether it is its own."""
        at, end, find, whose = 0, len(text), text.find, self._whose
        while at < end:
            stop = find(b"\n", at)
            if stop < 0:
                stop = end
            if text[at] == _BRACE or text[at:stop].strip():
                key, own = whose(text, at, stop)
                yield at, stop, key, own
            at = stop + 1

    def _whose(self, text: bytes, at: int, stop: int) -> tuple[bytes, bool]:
        """The id of the record that a line belongs to, and whether it is the record's own line.

        A quote inside a JSON string has a backslash, so what is looked for is found in no string.
        Raises `Damaged`.
        """
        if text.startswith(self._part_lines, at):
            found = text.rfind(self._parent, at, stop)
            key = text[found + len(self._parent) : stop - 2]
            if found >= 0 and key.isdigit() and text.endswith(b'"}', at, stop):
                return key, False
        else:
            own = self._own_line(text, at, stop)
            if own is not None and text.endswith(b"}", at, stop):
                return own[1], True
        row = _parsed(text[at:stop])  # not written as Shopify writes them, or cut
        gid = row.get("__parentId", row.get("id"))
        key = gid.rpartition("/")[2].encode() if isinstance(gid, str) else b""
        if not key:
            raise Damaged("a line belongs to no record")
        return key, "__parentId" not in row

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

    def rows(self, size: int) -> Iterator[list[Raw]]:
        """The lines as they are, parsed, `size` at a time: for records without parts. Raises `Damaged`."""
        found: list[Raw] = []
        for part in self._partition.parts:
            for text in self._partition.blocks(part):
                for line in text.split(b"\n"):
                    if line and not line.isspace():
                        found.append(_parsed(line))
                    if len(found) >= size:
                        yield found
                        found = []
        if found:
            yield found

    def _groups(self) -> Iterator[tuple[bytes, _Group]]:
        """All records by rising number, whatever the ranges are: a read goes on after any of them."""
        for part in self._partition.parts:
            if part.size > 4 * self._limit and (bounds := self._partition.finer(part)):
                with self._finer(part, bounds) as finer:
                    yield from finer._groups()
                continue
            groups: dict[bytes, _Group] = {}
            for text in self._partition.blocks(part):
                for at, stop, key, own in self._lines(text):
                    group = groups.get(key)
                    if group is None:
                        group = groups[key] = _Group()
                    line = text[at:stop]
                    if own:
                        group.own.append(line)
                    else:
                        group.parts.append(line)
                        group.strange |= not (line.startswith(self._part_lines) or self._is_part(line))
            yield from sorted(groups.items(), key=lambda item: (number_of(item[0]), item[0]))

    def _is_part(self, line: bytes) -> bool:
        """Whether a line that is not written as Shopify writes them is of a kind that was asked for."""
        return _parsed(line).get("__typename") in self._layout.parts

    def _finer(self, part: Part, bounds: Sequence[int]) -> "Assembly":
        """A part too large for memory, shared out once more."""
        finer = Assembly(self._layout, part.size, partition=self._limit, bounds=bounds)
        for text in self._partition.blocks(part):
            finer._share_out(text)
        return finer


def number_of(key: bytes) -> int:
    """The number that an id is; 0 for one that is none."""
    return int(key) if key.isdigit() and len(key) < 20 else 0


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
