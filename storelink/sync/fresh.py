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


class Packet(NamedTuple):
    """A page of records that are thought to be new, ready for COPY."""

    ids: list[str]
    customers: frozenset[str]
    """Those whom its orders name."""
    records: bytes
    """Lines of `source_record`, each with its newline, as all that follow."""
    tables: tuple[bytes, ...]
    """Lines of each of the resource's entities."""
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


def pack(known: Known, new: Sequence[tuple[Prepared, tuple[Any, ...]]]) -> Packet:
    """The packet of records, each with its values of `stage.RECORD_COLUMNS`."""
    entities = ENTITIES[known.resource]
    whose = line_of((known.connector, known.resource, known.read, known.latest))
    records = [
        b"%b\t%b\n" % (whose, line_of((*record[:7], known.latest if record[1] == "unsettled" else None)))
        for _, record in new
    ]
    ones = [one for one, _ in new]
    return Packet(
        [one.id for one in ones],
        frozenset(customer for one in ones for customer in one.customers),
        b"".join(records),
        tuple(_table(known, entity, ones) for entity in entities),
        tuple(_keys(entity, ones) for entity in entities),
    )


def _table(known: Known, entity: Entity, ones: Sequence[Prepared]) -> bytes:
    part = PARTS.index(entity.part)
    if entity.event is not None:
        kept, gone = (line_of((known.connector, known.platform, when)) for when in (None, known.finished))
        found = [
            b"%b\t%b\n" % (gone if one.trashed else kept, line) for one in ones for line in one.lines[part]
        ]
        return b"".join(found)
    whose = known.connector.encode()
    lines = [line for one in ones for line in one.lines[part]]
    if entity is ITEM:
        found = [
            b"%b\t%b\t%b\n" % (key, whose, line) for key, line in zip(ids(len(lines)), lines, strict=True)
        ]
        return b"".join(found)
    return b"".join([b"%b\t%b\n" % (whose, line) for line in lines])


def _keys(entity: Entity, ones: Sequence[Prepared]) -> list[bytes]:
    if entity.event is None:
        return []
    part = PARTS.index(entity.part)
    return [line[: line.index(b"\t")] for one in ones for line in one.lines[part]]


def write_fresh(lane: Lane, platform: str, packets: Sequence[Packet]) -> bool:
    """Write packets into the present transaction. False, with nothing written, if any record is known.

    After one of `CONFLICTS` the transaction must be rolled back.
    """
    at, known, strangers = _look(lane, packets)
    if known:
        return False
    if strangers:
        merge.make_stubs(lane, platform, strangers)
    connection = lane.connection
    copy_blocks(connection, "source_record", _RECORD, (packet.records for packet in packets))
    for place, entity in enumerate(ENTITIES[lane.resource]):
        blocks = [packet.tables[place] for packet in packets if packet.tables[place]]
        if not blocks:
            continue
        copy_blocks(connection, entity.table, _columns(entity), blocks)
        if entity.event is not None:
            event = line_of((lane.connector_id, entity.event, "insert", at))
            lines = (b"%b\t%b" % (event, key) for packet in packets for key in packet.keys[place])
            copy_lines(connection, "change_event", _EVENT, lines)
    return True


CONFLICTS = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected)
"""Somebody else wrote one of the records at this very moment, or one came twice."""
_RECORD = (
    "connector_id", "resource", "read_started_at", "read_finished_at", *RECORD_COLUMNS[:7], "due_since",
)  # fmt: skip
_EVENT = ("connector_id", "entity", "op", "at", "key")


def _columns(entity: Entity) -> tuple[str, ...]:
    """As `_table` writes them. `synced_at` is the transaction's time by itself."""
    if entity.event is not None:
        return ("connector_id", "platform", "deleted_at", *entity.columns)
    return ("id", "connector_id", *entity.columns) if entity is ITEM else ("connector_id", *entity.columns)


def _look(lane: Lane, packets: Sequence[Packet]) -> tuple[str, bool, list[str]]:
    """The present time as text, whether any of the records is known, and customers who are not."""
    customers = frozenset().union(*[packet.customers for packet in packets])
    row = lane.connection.execute(
        _KNOWN,
        {
            "connector": lane.connector_id, "resource": lane.resource, "customers": list(customers),
            "ids": [key for packet in packets for key in packet.ids],
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
