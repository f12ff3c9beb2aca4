"""One page into the database: rows, what we know of each record, change events and cursor together."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import orjson

from storelink.connectors.protocol import (
    Broken,
    Connector,
    Ignored,
    Packed,
    Raw,
    RawPage,
    Read,
    Rejection,
    Rows,
)  # fmt: skip
from storelink.sync import erased, fresh, merge, stage, verdict, withheld
from storelink.sync.fingerprint import fingerprint, payload_fingerprint
from storelink.sync.lane import Lane
from storelink.sync.lines import Lines, lines_of
from storelink.sync.prepared import Prepared, prepare, prepared
from storelink.sync.run import Counts

LAZY = "SET LOCAL synchronous_commit = off"
"""Lets Postgres answer before the page is on disk."""
UNSETTLED = timedelta(seconds=2)
"""A version younger than this when it was read may be edited again under the same stamp."""


@dataclass(slots=True)
class Page:
    """Records of one read, ready to be staged. Each record id stands once."""

    read: Read
    rows: dict[str, Rows] = field(default_factory=dict)
    rejected: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """id → (why, payload)."""
    gone: list[str] = field(default_factory=list)
    out_of_sight: Sequence[str] = ()
    prepared: dict[str, Prepared] = field(default_factory=dict)
    """id → what is written of its rows."""
    listed: Mapping[str, tuple[datetime | None, bool]] = field(default_factory=dict)
    """id → (version in the list, whether exact), where a list made us fetch it."""
    _new: list[fresh.New] | None = field(default=None, init=False, repr=False)

    def put(self, rows: Rows, normalizer: int, *, held: bool = False) -> None:
        """Have these rows written for their record. What is withheld of `held` ones is not in their print."""
        if held and rows.withheld:
            rows = replace(rows, partial=True)
            lines, digest = lines_of(rows), fingerprint(withheld.blanked(rows), normalizer)
            self.prepared[rows.id] = prepared(rows, lines, digest)
        else:
            self.prepared[rows.id] = prepare(rows, normalizer)
        self.rows[rows.id] = rows
        self._new = None

    def new(self, lane: Lane, connector: Connector) -> list[fresh.New]:
        """What is written where nothing of it is known; made once."""
        if self._new is None:
            ready = [one._replace(lines=self.lines(key)) for key, one in self.prepared.items()]
            self._new = _new(lane, connector, self, ready)
            for key, one in self.prepared.items():  # the text need not be held twice
                self.prepared[key] = one._replace(lines=())
        return self._new

    def lines(self, key: str) -> Lines:
        """The lines of a record that became rows; made anew where they went into what is new."""
        return self.prepared[key].lines or lines_of(self.rows[key])

    def __len__(self) -> int:
        return len(self.rows) + len(self.rejected) + len(self.gone) + len(self.out_of_sight)

    @property
    def size(self) -> int:
        """About how many bytes it takes while it waits to be written."""
        return sum([one.size for one in self.prepared.values()])

    def opened(self) -> "Page":
        """Itself; see `Closed`."""
        return self


class Closed:
    """A page that another process prepared, all of it records that became rows.

    The rows are made here only if somebody asks for them.
    """

    listed: Mapping[str, tuple[datetime | None, bool]] = MappingProxyType({})
    gone: Sequence[str] = ()
    out_of_sight: Sequence[str] = ()

    def __init__(
        self,
        lane: Lane,
        connector: Connector,
        read: Read,
        ready: Sequence[Prepared],
        make: Callable[[], Page],
    ) -> None:
        """`make` makes the same page here."""
        self.read, self._make = read, make
        self.size = sum([one.size for one in ready])
        self._new = _new(lane, connector, self, ready)
        self._page: Page | None = None

    def opened(self) -> Page:
        """The page with its rows."""
        if self._page is None:
            self._page = self._make()
        return self._page

    def new(self, lane: Lane, connector: Connector) -> list[fresh.New]:
        """See `Page.new`."""
        return self._new if self._page is None else self._page.new(lane, connector)

    @property
    def rows(self) -> dict[str, Rows]:
        return self.opened().rows

    @property
    def rejected(self) -> dict[str, tuple[str, Any]]:
        return {} if self._page is None else self._page.rejected

    def put(self, rows: Rows, normalizer: int) -> None:
        """See `Page.put`."""
        self.opened().put(rows, normalizer)

    def __len__(self) -> int:
        return len(self._new)


def normalize_page(
    connector: Connector,
    resource: str,
    settings: Mapping[str, Any],
    records: Iterable[tuple[str | None, Raw]],
    broken: Sequence[Broken],
    read: Read,
    rebuilt: Collection[str] = (),
) -> Page:
    """Raw records → rows and rejections. A normalizer that crashes costs its record, not the page.

    `records` are (the id that was asked for, or None in a backfill; the raw record). `rebuilt` are
    those rebuilt from partial rows: what the store withholds is in them, and not in their print.
    """
    page = Page(read)
    for asked, raw in records:
        try:
            result = connector.normalize(resource, raw, settings)
        except Exception as error:
            result = Rejection(None, f"the normalizer failed: {type(error).__name__}: {error}")
        if isinstance(result, Rows) and asked not in (None, result.id):
            result = Rejection(asked, f"asked for {asked}, the store answered with {result.id}")
        if isinstance(result, Rows):
            try:
                page.put(result, connector.normalizer_version, held=result.id in rebuilt)
            except ValueError as error:
                result = Rejection(result.id, f"the normalizer gave what cannot be stored: {error}")
        if isinstance(result, Rows):
            page.rejected.pop(result.id, None)
        elif isinstance(result, Rejection):
            page.rejected[asked or result.id or unnamed(raw)] = (result.error, raw)
        else:
            assert isinstance(result, Ignored)
    for item in broken:
        page.rejected[item.id] = (item.error, item.payload)
    return page


def page_of(connector: Connector, resource: str, settings: Mapping[str, Any], raw: RawPage) -> Page:
    """The rows of a page of a backfill. What is packed is parsed one by one: a core's cache holds one."""
    if not isinstance(raw.records, Packed):
        records = [(None, record) for record in raw.records]
        return normalize_page(connector, resource, settings, records, raw.broken, raw.read)
    broken = list(raw.broken)

    def unpacked(packed: Packed) -> Iterator[tuple[str | None, Raw]]:
        for at, key in enumerate(packed.ids):
            try:
                yield None, packed[at]
            except ValueError as error:
                broken.append(Broken(key, f"the record cannot be read: {error}"))

    return normalize_page(connector, resource, settings, unpacked(raw.records), broken, raw.read)


def unnamed(payload: Any) -> str:
    """The quarantine's name for a record without an id."""
    return "?" + blake2b(json_text(payload).encode(), digest_size=8).hexdigest()


def write_page(
    lane: Lane,
    connector: Connector,
    page: Page,
    *,
    hint: bool = False,
    finish: Callable[[Counts], None] | None = None,
    inspect: Callable[[Lane], None] | None = None,
    keep: bool = True,
    lazy: bool = False,
    memory: erased.Memory | None = None,
) -> Counts:
    """Write a page in one transaction and commit it.

    `finish` runs in the same transaction (cursor, run). `hint` makes the customers of changed
    orders due. `inspect` sees the judged page beside what is still held. With `keep` false all is
    rolled back: the counts say what would have changed.
    `lazy` lets Postgres answer before the page is on disk: a crash of Postgres itself, never one of
    ours, then costs the pages of its last second, their cursor with them. `memory` knows who was
    erased; what is theirs is written without them. Raises `LaneLost` before anything is written.
    """
    connection, resource = lane.connection, lane.resource
    if lazy:
        connection.execute(LAZY)
    lane.check()
    blanked = erased.erase_known(lane, connector, memory, [page])
    _stage(lane, connector.normalizer_version, page)
    added = verdict.judge(lane, page.read.started, page.read.finished, len(page))
    fresh = added == len(page)
    if page.rows and not fresh:
        withheld.keep_held(lane, page.rows.values())
    if inspect:
        inspect(lane)
    if page.rows:
        if resource == "orders":
            merge.merge_orders(lane, connector.platform, fresh=fresh, hint=hint)
        elif resource == "customers":
            merge.merge_customers(lane, connector.platform)
        else:
            merge.merge_products(lane, connector.platform)
    if page.gone:
        merge.mark_gone(lane)
    _quarantine(lane, page)
    erased.note(lane, blanked)
    counts = _counts(lane)
    if finish and keep:
        finish(counts)
    if keep:
        connection.commit()
    else:
        connection.rollback()
    return counts


def write_pages(
    lane: Lane,
    connector: Connector,
    pages: Sequence[Page | Closed],
    finish: Callable[[Counts, int], None],
    memory: erased.Memory | None = None,
) -> None:
    """Write pages of a backfill: all at once if nothing of them is known, else one by one.

    `finish` is told how many pages were written, less one: the place of the last one.
    """
    last = len(pages) - 1
    if not _write_fresh(lane, connector, pages, lambda counts: finish(counts, last), memory):
        for at, page in enumerate(pages):
            write_page(
                lane, connector, page.opened(), finish=partial(_at, finish, at), lazy=True, memory=memory
            )


def _at(finish: Callable[[Counts, int], None], at: int, counts: Counts) -> None:
    finish(counts, at)


def _write_fresh(
    lane: Lane,
    connector: Connector,
    pages: Sequence[Page | Closed],
    finish: Callable[[Counts], None],
    memory: erased.Memory | None,
) -> bool:
    """The short way, where nothing of the pages is known; commits. False: nothing was done."""
    if any(page.rejected or page.gone or page.out_of_sight for page in pages) or not any(map(len, pages)):
        return False
    try:
        lane.connection.execute(LAZY)
        lane.check()
        blanked = erased.erase_known(lane, connector, memory, pages)
        new = [one for page in pages for one in page.new(lane, connector)]
        if not fresh.write_fresh(lane, connector.platform, new):
            lane.connection.rollback()
            return False
        erased.note(lane, blanked)
        finish(Counts(fetched=len(new), inserted=len(new)))
        lane.connection.commit()
    except fresh.CONFLICTS:
        lane.connection.rollback()
        return False
    return True


def _new(lane: Lane, connector: Connector, page: Page | Closed, ready: Iterable[Prepared]) -> list[fresh.New]:
    """The records of a page as they are written if they are new."""
    error, read = lane.clock.error, page.read
    known = fresh.Known(
        str(lane.connector_id), connector.platform, lane.resource, str(read.started - error),
        str(read.finished), str(read.finished + error),
    )  # fmt: skip
    return fresh.pack(known, [(one, _record(one, connector.normalizer_version, page)) for one in ready])


def _stage(lane: Lane, normalizer: int, page: Page) -> None:
    """COPY the page into the staging tables."""
    records = [
        *(_record(one, normalizer, page) for one in page.prepared.values()),
        *((key, "quarantined", None, page.listed.get(key, (None, True))[0], None,
           _bytea(payload_fingerprint(why + json_text(payload))), normalizer, False)
          for key, (why, payload) in page.rejected.items()),
        *((key, "gone", None, None, None, None, None, False) for key in page.gone),
        *((key, "out_of_sight", None, None, None, None, None, False) for key in page.out_of_sight),
    ]  # fmt: skip
    stage.copy_rows(lane.connection, "stage_record", stage.RECORD_COLUMNS, records)
    for entity in stage.ENTITIES[lane.resource]:
        lines = entity.lines((rows, page.lines(key)) for key, rows in page.rows.items())
        if lines:
            stage.copy_lines(lane.connection, entity.stage, entity.columns, lines)


def _record(one: Prepared, normalizer: int, page: Page | Closed) -> tuple[Any, ...]:
    """The line of `stage_record` for a record that became rows.

    Where a list led to the record, the list's version is noted only if the record is not older:
    a cache in front of the store may have answered, and then the next list must differ again.
    """
    version = one.version
    listed, exact = page.listed.get(one.id, (version, True))
    if listed and version and listed > version and exact and not one.trashed:
        listed = version
    state = "partial" if one.partial else "held"
    seen = page.read.store_time or page.read.started
    until = seen + (page.read.finished - page.read.started) + UNSETTLED
    if version is not None and seen - UNSETTLED < version <= until:
        state = "unsettled"
    return (
        one.id, state, version, listed, one.parts, _bytea(one.digest), normalizer, one.trashed,
    )  # fmt: skip


def _bytea(value: bytes) -> str:
    """As Postgres takes it from text."""
    return f"\\x{value.hex()}"


def _quarantine(lane: Lane, page: Page) -> None:
    """Set rejected records aside; let go of those that are understood now."""
    where = {"connector": lane.connector_id, "resource": lane.resource}
    lane.connection.execute(_RELEASE, where)
    for key, (why, payload) in page.rejected.items():
        text = None if payload is None else json_text(payload)
        lane.connection.execute(_SET_ASIDE, {**where, "id": key, "error": why, "payload": text})


def json_text(payload: Any) -> str:
    """JSON that Postgres takes: whatever cannot be said in it becomes text or U+FFFD."""
    try:
        text = orjson.dumps(payload, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError):  # integers over 64 bits, halves of surrogate pairs
        return json.dumps(_sayable(payload), default=str)
    return json.dumps(_sayable(payload), default=str) if "\\u0000" in text else text


def _sayable(value: Any) -> Any:
    """The value without NUL and without halves of surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_sayable(item) for item in value]
    if isinstance(value, dict):
        return {_sayable(str(key)): _sayable(item) for key, item in value.items()}
    return value


def _counts(lane: Lane) -> Counts:
    counts = Counts()
    for what, state, trashed, number in verdict.count_verdicts(lane):
        counts.fetched += number
        written = what in verdict.WRITTEN
        if state == "quarantined":
            counts.quarantined += number
        elif what == "same":
            counts.unchanged += number
        elif written and (state == "gone" or (trashed and what == "update")):
            counts.deleted += number
        elif what in ("insert", "fill"):
            counts.inserted += number
        elif what == "update":
            counts.updated += number
    return counts


_RELEASE = """
DELETE FROM quarantined_record q USING stage_record s
WHERE q.connector_id = %(connector)s AND q.resource = %(resource)s AND q.external_id = s.record_id
  AND s.state <> 'quarantined' AND s.verdict IN ('insert', 'fill', 'update', 'same')
"""

_SET_ASIDE = """
INSERT INTO quarantined_record AS q
    (connector_id, resource, external_id, payload, error, seen, first_seen_at, last_seen_at)
SELECT %(connector)s, %(resource)s, %(id)s, %(payload)s, %(error)s, 1, now(), now()
FROM stage_record WHERE record_id = %(id)s AND verdict IN ('insert', 'fill', 'update', 'same')
ON CONFLICT (connector_id, resource, external_id) DO UPDATE SET
    payload = EXCLUDED.payload, error = EXCLUDED.error, seen = q.seen + 1,
    last_seen_at = EXCLUDED.last_seen_at
"""
