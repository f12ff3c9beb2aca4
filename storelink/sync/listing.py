"""A list of the store's versions, kept in a temporary table and compared with `source_record` in SQL.

The list may be longer than memory; only differences ever leave the database.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from storelink.connectors.protocol import Listed, ListPage
from storelink.sync.fingerprint import parts_digest
from storelink.sync.lane import Lane
from storelink.sync.lines import line_of
from storelink.sync.stage import copy_lines

CHUNK = 500
LINES = 2000
"""Lines of a list that are written at once."""
FUTURE = timedelta(seconds=60)
"""A record stamped further ahead of the store's own clock than this is stamped in the future."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that a list shows to differ from what is held."""

    id: str
    listed: datetime | None
    exact: bool
    held: bool
    """Whether we hold some content of it already."""


@dataclass(frozen=True, slots=True)
class Restored:
    """Signs that the store was put back to an older backup."""

    older: int
    listed: int
    fell: bool

    @property
    def likely(self) -> bool:
        """Over 1 % of the list (and more than two records) older than held, or the highest id fell."""
        return self.fell or (self.older > 2 and self.older * 100 > self.listed)


def prepare(lane: Lane) -> None:
    """Make the empty table of this pass."""
    lane.connection.execute("DROP TABLE IF EXISTS listed")
    lane.connection.execute("DROP TABLE IF EXISTS listed_destroyed")
    lane.connection.execute(
        "CREATE TEMP TABLE listed (record_id text, version timestamptz, parts text, exact boolean)"
    )
    lane.connection.execute("CREATE TEMP TABLE listed_destroyed (record_id text)")
    lane.connection.commit()


def collect(
    lane: Lane, pages: Iterable[ListPage], take: Callable[[ListPage], None]
) -> tuple[int, datetime | None]:
    """Write a list into the table; (lines, the store's clock as the list began).

    `take` writes the records that came with a page.
    """
    lines, store_time = 0, None
    waiting: list[bytes] = []
    for page in pages:
        if store_time is None:
            store_time = page.read.store_time or page.read.started
        waiting.extend(map(_line, page.records))
        lines += len(page.records)
        if page.destroyed:
            lane.connection.execute(
                "INSERT INTO listed_destroyed SELECT unnest(%s::text[])", (list(page.destroyed),)
            )
            lane.connection.commit()
        take(page)
        if len(waiting) >= LINES:
            _keep(lane, waiting)
            waiting.clear()
    if waiting:
        _keep(lane, waiting)
    return lines, store_time


def _line(item: Listed) -> bytes:
    """A row of the table for COPY; in fewer steps where nothing in it can need an escape."""
    if item.parts is None and item.version is not None and item.id.isalnum():
        return f"{item.id}\t{item.version}\t\\N\t{item.exact}".encode()
    return line_of((item.id, item.version, parts_digest(item.parts), item.exact))


def _keep(lane: Lane, lines: list[bytes]) -> None:
    copy_lines(lane.connection, "listed", ("record_id", "version", "parts", "exact"), lines)
    lane.connection.commit()


def settle(lane: Lane, store_time: datetime | None) -> int:
    """One line an id (the latest version of its lines). Returns how many are stamped in the future."""
    lane.connection.execute("DROP TABLE IF EXISTS listed_once")
    lane.connection.execute(
        "CREATE TEMP TABLE listed_once AS SELECT record_id, max(version) AS version, max(parts) AS parts,"
        # whether the line that has the latest version is an exact one
        " max(version) FILTER (WHERE exact) IS NOT DISTINCT FROM max(version) AS exact"
        " FROM listed GROUP BY record_id"
    )
    lane.connection.execute("ALTER TABLE listed_once ADD PRIMARY KEY (record_id)")
    lane.connection.execute("ANALYZE listed_once")
    row = lane.connection.execute(
        "SELECT count(*) FROM listed_once WHERE version > %s", (_horizon(store_time),)
    ).fetchone()
    lane.connection.commit()
    assert row is not None
    return int(row[0])


def count(lane: Lane) -> int:
    """How many records the list has."""
    row = lane.connection.execute("SELECT count(*) FROM listed_once").fetchone()
    lane.connection.commit()
    assert row is not None
    return int(row[0])


def differing(lane: Lane, store_time: datetime | None, *, patient: bool = True) -> Iterator[list[Candidate]]:
    """Listed records that are not held as listed, in chunks by id; no transaction stays open.

    `patient` leaves out those that brought no answer lately and are to be asked again later.
    """
    for found in _chunks(lane, _DIFFERING, horizon=_horizon(store_time), patient=patient):
        yield [Candidate(*row) for row in found]


def destroyed(lane: Lane) -> Iterator[list[str]]:
    """Records that we hold and that the store's events call destroyed. A fetch is to confirm it."""
    for found in _chunks(lane, _DESTROYED):
        yield [row[0] for row in found]


def absent(lane: Lane) -> Iterator[list[str]]:
    """Records that we hold and the list does not show. That proves nothing yet."""
    for found in _chunks(lane, _ABSENT):
        yield [row[0] for row in found]


def _chunks(lane: Lane, query: str, **values: Any) -> Iterator[list[tuple[Any, ...]]]:
    """What a query finds, in chunks by its first column; no transaction stays open in between."""
    where = {"connector": lane.connector_id, "resource": lane.resource, "limit": CHUNK, **values}
    after = ""
    while True:
        found = lane.connection.execute(query, {**where, "after": after}).fetchall()
        lane.connection.commit()
        if not found:
            return
        yield found
        after = found[-1][0]


def older(lane: Lane, gone: Sequence[str]) -> int:
    """How many records are held that a list from a time on does not show, less these that are gone."""
    row = lane.connection.execute(
        _OLDER, {"connector": lane.connector_id, "resource": lane.resource, "gone": list(gone)}
    ).fetchone()
    lane.connection.commit()
    assert row is not None
    return int(row[0])


def restored(lane: Lane, since: datetime | None = None) -> Restored:
    """Compare the list as a whole with what is held; of orders older than `since` a list says nothing.

    One of those may well have the highest id of all: it was entered afterwards, under its own date.
    """
    row = lane.connection.execute(
        _RESTORED if since is None else _RESTORED_SINCE,
        {"connector": lane.connector_id, "resource": lane.resource, "since": since},
    ).fetchone()
    lane.connection.commit()
    assert row is not None
    older, listed, highest, held = row
    return Restored(older, listed, bool(listed and held is not None and highest < held))


def _horizon(store_time: datetime | None) -> datetime | None:
    return None if store_time is None else store_time + FUTURE


# `listed_version` is what the list said when the record was last fetched because of it, so that a
# list which rounds or counts otherwise than the record itself does not differ for ever.
_DIFFERING = """
SELECT l.record_id, l.version, l.exact, h.content_hash IS NOT NULL
FROM listed_once l
LEFT JOIN source_record h ON h.connector_id = %(connector)s AND h.resource = %(resource)s
    AND h.record_id = l.record_id
WHERE l.record_id > %(after)s
  AND (NOT %(patient)s OR h.retry_after IS NULL OR h.retry_after <= clock_timestamp())
  AND (h.record_id IS NULL OR h.state IN ('stub', 'gone', 'out_of_sight')
    OR l.version IS NULL OR h.listed_version IS NULL
    OR (l.exact AND l.version <> h.listed_version)
    OR (NOT l.exact AND l.version > h.listed_version)
    OR (l.parts IS NOT NULL AND h.state <> 'quarantined' AND l.parts IS DISTINCT FROM h.parts)
    OR l.version > %(horizon)s)
ORDER BY l.record_id LIMIT %(limit)s
"""

_ABSENT = """
SELECT h.record_id FROM source_record h
WHERE h.connector_id = %(connector)s AND h.resource = %(resource)s AND h.record_id > %(after)s
  AND h.state NOT IN ('gone', 'stub', 'out_of_sight') AND h.record_id NOT LIKE '?%%'
  AND NOT EXISTS (SELECT 1 FROM listed_once l WHERE l.record_id = h.record_id)
ORDER BY h.record_id LIMIT %(limit)s
"""

_DESTROYED = """
SELECT h.record_id FROM source_record h
WHERE h.connector_id = %(connector)s AND h.resource = %(resource)s AND h.record_id > %(after)s
  AND h.state <> 'gone' AND h.record_id IN (SELECT record_id FROM listed_destroyed)
ORDER BY h.record_id LIMIT %(limit)s
"""

_OLDER = """
SELECT count(*) FROM source_record h
WHERE h.connector_id = %(connector)s AND h.resource = %(resource)s
  AND h.state IN ('held', 'unsettled', 'partial') AND h.record_id <> ALL(%(gone)s)
  AND NOT EXISTS (SELECT 1 FROM listed_once l WHERE l.record_id = h.record_id)
"""

_SIGNS = """
SELECT count(*) FILTER (WHERE l.exact AND l.version < h.listed_version),
       count(l.record_id),
       max(l.record_id::numeric) FILTER (WHERE l.record_id ~ '^[0-9]+$'),
       max(h.record_id::numeric) FILTER (WHERE h.record_id ~ '^[0-9]+$' {listable}
                                         AND h.state NOT IN ('gone', 'stub', 'quarantined', 'out_of_sight'))
FROM listed_once l
FULL JOIN (SELECT s.* {made} FROM source_record s {orders}
           WHERE s.connector_id = %(connector)s AND s.resource = %(resource)s) h
    ON h.record_id = l.record_id
"""
_RESTORED = _SIGNS.format(listable="", made="", orders="")
_RESTORED_SINCE = _SIGNS.format(
    listable="AND h.created_at >= %(since)s",
    made=", o.created_at",
    orders="LEFT JOIN platform_order o ON o.connector_id = s.connector_id AND o.order_id = s.record_id",
)
