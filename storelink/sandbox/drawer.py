"""Records as prepared bytes, with a small index beside them.

The bytes of a record are made once, when it changes, and kept in a temporary file; what is in
memory is one small `Row` per record. A page of a list is a handful of file reads, so that neither
the size of a store nor the speed of making JSON shows in a measurement of whoever reads it.
"""

import os
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

#: how many ready lists (filter + order) and sets of picked-out fields are kept
_KEPT = 32


@dataclass(slots=True)
class Row:
    """What lists filter and sort by; times in seconds since 1970, UTC.

    `kind` is a product's type or a customer's role; `parent` a variation's product, a refund's
    order, an order's customer. `place` and `size` say where the bytes are.
    """

    id: int
    created: int
    modified: int | None
    status: str = ""
    kind: str = ""
    sku: str = ""
    parent: int = 0
    name: str = ""
    email: str = ""
    place: int = 0
    size: int = 0


class Drawer:
    """All records of one kind. Not for several threads: the server's loop alone uses it."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.revision = 0
        self._file = tempfile.TemporaryFile(prefix="storelink-sandbox-")  # noqa: SIM115
        self._end = 0
        self._waiting: list[bytes] = []
        self._families: dict[int, list[int]] | None = None
        self._lists: dict[Hashable, Sequence[Row]] = {}
        self._picked: dict[Hashable, dict[int, bytes]] = {}

    def close(self) -> None:
        self._file.close()

    def put(self, row: Row, body: bytes) -> None:
        """Store or replace a record. Kept with a comma behind it, so that neighbours join by themselves."""
        row.place, row.size = self._end, len(body) + 1
        self._end += row.size
        self._waiting.append(body + b",")
        self.rows[row.id] = row
        if len(self._waiting) >= 1000:
            self._flush()
        self._changed(row.id)

    def remove(self, record: int) -> None:
        del self.rows[record]
        self._changed(record)

    def replace(self, rows: dict[int, Row]) -> None:
        """Hold exactly these rows again, whose bytes were stored before."""
        self.rows = rows
        self.revision += 1
        self._lists.clear()
        self._picked.clear()
        self._families = None

    def _changed(self, record: int) -> None:
        self.revision += 1
        self._lists.clear()
        self._families = None
        for picked in self._picked.values():
            picked.pop(record, None)

    def _flush(self) -> None:
        if self._waiting:
            self._file.seek(0, os.SEEK_END)
            self._file.write(b"".join(self._waiting))
            self._file.flush()
            self._waiting.clear()

    def body(self, record: int) -> bytes:
        """The bytes of one record."""
        row = self.rows[record]
        return self._read(row.place, row.size - 1)

    def _read(self, place: int, size: int) -> bytes:
        self._flush()
        return os.pread(self._file.fileno(), size, place)

    def of_parent(self, parent: int) -> list[int]:
        """The records of one parent, by id."""
        if self._families is None:
            self._families = {}
            for record in sorted(self.rows):
                self._families.setdefault(self.rows[record].parent, []).append(record)
        return self._families.get(parent, [])

    def page(self, rows: Sequence[Row]) -> bytes:
        """A JSON list of these records."""
        if not rows:
            return b"[]"
        parts = [self._read(place, size) for place, size in _runs(rows)]
        return b"[" + b"".join(parts)[:-1] + b"]"

    def listed(self, key: Hashable, make: Callable[[Iterable[Row]], Sequence[Row]]) -> Sequence[Row]:
        """The rows that `make` picks and sorts, remembered under `key` until something changes."""
        found = self._lists.get(key)
        if found is None:
            found = make(self.rows.values())
            if len(self._lists) >= _KEPT:
                self._lists.pop(next(iter(self._lists)))
            self._lists[key] = found
        return found

    def picked(self, key: Hashable, rows: Sequence[Row], make: Callable[[Row], bytes]) -> bytes:
        """A JSON list of what `make` picks out of each record, remembered per record."""
        ready = self._picked.get(key)
        if ready is None:
            if len(self._picked) >= _KEPT:
                self._picked.pop(next(iter(self._picked)))
            ready = self._picked.setdefault(key, {})
        parts = []
        for row in rows:
            part = ready.get(row.id)
            if part is None:
                part = ready[row.id] = make(row)
            parts.append(part)
        return b"[" + b",".join(parts) + b"]"


def _runs(rows: Sequence[Row]) -> Iterator[tuple[int, int]]:
    """Where to read, neighbours in one go."""
    place, size = rows[0].place, rows[0].size
    for row in rows[1:]:
        if row.place == place + size:
            size += row.size
        else:
            yield place, size
            place, size = row.place, row.size
    yield place, size
