"""The short way into the tables, for pages of which nothing is known yet: COPY, and no merge.

Nearly every page of a first backfill is such a page, and staging and merging it costs the database
half as much again. Whatever is there already, or comes in between, sends the pages the long way; both
leave the same rows, and a test holds them to that.

Ids that the tables would make by themselves are given: a default that is made anew for each row keeps
Postgres from inserting many at once, and random ids put each one elsewhere in the index. Lines are made
before it is their turn, while Postgres still takes those of the pages before.
"""

import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from storelink.sync import merge
from storelink.sync.lane import Lane
from storelink.sync.lines import PARTS, line_of
from storelink.sync.prepared import Prepared
from storelink.sync.stage import ENTITIES, ITEM, RECORD_COLUMNS, Entity, copy_blocks, copy_lines

_KNOWN = """
SELECT clock_timestamp()::text,
    EXISTS (SELECT 1 FROM source_record
            WHERE connector_id = %(connector)s AND resource = %(resource)s AND record_id = ANY(%(ids)s)),
    ARRAY(SELECT customer_id FROM platform_customer
          WHERE connector_id = %(connector)s AND customer_id = ANY(%(customers)s))
"""
"""Customers are asked for by their ids, not joined: a join may read them all for every page."""


class New(NamedTuple):
    """A record that is thought to be new, ready for COPY: its lines, each with its newline."""

    id: str
    customers: tuple[str, ...]
    """Those whom its orders name."""
    record: bytes
    """Of `source_record`."""
    tables: tuple[bytes, ...]
    """Of each of the resource's entities."""
    keys: tuple[list[bytes], ...]
    """Of each of the entities the keys that change events name."""


class Known(NamedTuple):
    """What the lines of a page have in common."""

    connector: str
    platform: str
    resource: str
    read: str
    """When it began, at the earliest: our clock may be wrong."""
    finished: str
    latest: str
    """When it was done, at the latest."""


def pack(known: Known, found: Sequence[tuple[Prepared, tuple[Any, ...]]]) -> list[New]:
    """Records, each with its values of `stage.RECORD_COLUMNS`, as they are written if they are new."""
    entities = ENTITIES[known.resource]
    whose = line_of((known.connector, known.resource, known.read, known.latest))
    owners = [_owners(known, entity) for entity in entities]
    parts = [PARTS.index(entity.part) for entity in entities]
    new, named = [], iter(ids(sum(len(one.lines[_ITEMS]) for one, _ in found)))
    for one, record in found:
        due = known.latest if record[1] == "unsettled" else None
        tables, keys = [], []
        for entity, (kept, trashed), part in zip(entities, owners, parts, strict=True):
            lines, owner = one.lines[part], trashed if one.trashed else kept
            if entity is ITEM:
                tables.append(b"".join([b"%b\t%b\t%b\n" % (next(named), owner, line) for line in lines]))
            else:
                tables.append(b"".join([b"%b\t%b\n" % (owner, line) for line in lines]))
            keys.append([line[: line.index(b"\t")] for line in lines] if entity.event else [])
        line = b"%b\t%b\n" % (whose, line_of((*record[:7], due)))
        new.append(New(one.id, one.customers, line, tuple(tables), tuple(keys)))
    return new


def _owners(known: Known, entity: Entity) -> tuple[bytes, bytes]:
    """The first columns of each line of a record, and of one in the trash."""
    if entity.event is None:
        return known.connector.encode(), known.connector.encode()
    of = known.connector, known.platform
    return line_of((*of, None)), line_of((*of, known.finished))


def _columns(entity: Entity) -> tuple[str, ...]:
    """As `pack` writes them. `synced_at` is the transaction's time by itself."""
    if entity.event is not None:
        return ("connector_id", "platform", "deleted_at", *entity.columns)
    return ("id", "connector_id", *entity.columns) if entity is ITEM else ("connector_id", *entity.columns)


_ITEMS = PARTS.index(ITEM.part)
_RECORD = (
    "connector_id", "resource", "read_started_at", "read_finished_at", *RECORD_COLUMNS[:7], "due_since",
)  # fmt: skip
_EVENT = ("connector_id", "entity", "op", "at", "key")


def write_fresh(lane: Lane, platform: str, new: Sequence[New]) -> bool:
    """Write records into the present transaction. False, with nothing written, if any is known.

    After one of `CONFLICTS` the transaction must be rolled back.
    """
    new = sorted(new, key=lambda one: one.id)  # everybody locks in the order of ids
    at, known, strangers = _look(lane, new)
    if known:
        return False
    if strangers:
        merge.make_stubs(lane, platform, strangers)
    connection = lane.connection
    copy_blocks(connection, "source_record", _RECORD, (one.record for one in new))
    for place, entity in enumerate(ENTITIES[lane.resource]):
        if not any(one.tables[place] for one in new):
            continue
        copy_blocks(connection, entity.table, _columns(entity), (one.tables[place] for one in new))
        if entity.event is not None:
            event = line_of((lane.connector_id, entity.event, "insert", at))
            lines = (b"%b\t%b" % (event, key) for one in new for key in one.keys[place])
            copy_lines(connection, "change_event", _EVENT, lines)
    return True


CONFLICTS = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected)
"""Somebody else wrote one of the records at this very moment, or one came twice."""


def _look(lane: Lane, new: Sequence[New]) -> tuple[str, bool, list[str]]:
    """The present time as text, whether any of the records is known, and customers who are not."""
    customers = {customer for one in new for customer in one.customers}
    row = lane.connection.execute(
        _KNOWN,
        {
            "connector": lane.connector_id, "resource": lane.resource, "ids": [one.id for one in new],
            "customers": list(customers),
        },
    ).fetchone()  # fmt: skip
    assert row is not None
    at, known, held = row
    return at, known, sorted(customers.difference(held))


def ids(count: int) -> list[bytes]:
    """New ids as text, each greater than the one before: UUIDs of version 7 (RFC 9562, 5.7).

    The millisecond goes on counting where more than 4,096 are made in one.
    """
    first = (time.time_ns() // 1_000_000) << 12
    chance = os.urandom(8 * count).hex().encode()
    return [
        b"%012x7%03x8%b" % (at >> 12, at & 4095, chance[place + 1 : place + 16])
        for place, at in zip(range(0, 16 * count, 16), range(first, first + count), strict=True)
    ]
