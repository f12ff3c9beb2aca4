"""The short way into the tables, for pages of which nothing is known yet: COPY, and no merge.

Nearly every page of a first backfill is such a page, and staging and merging it costs the database
half as much again. Whatever is there already, or comes in between, sends the pages the long way; both
leave the same rows, and a test holds them to that.

Ids and times that the tables would make by themselves are given: a default that is made anew for each
row keeps Postgres from inserting many at once, and its random ids put each one elsewhere in the index.
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
from storelink.sync.stage import ENTITIES, ITEM, RECORD_COLUMNS, Entity, copy_lines

_KNOWN = """
SELECT now()::text, clock_timestamp()::text,
    EXISTS (SELECT 1 FROM source_record
            WHERE connector_id = %(connector)s AND resource = %(resource)s AND record_id = ANY(%(ids)s)),
    ARRAY(SELECT customer_id FROM platform_customer
          WHERE connector_id = %(connector)s AND customer_id = ANY(%(customers)s))
"""
"""Customers are asked for by their ids, not joined: a join may read them all for every page."""


class New(NamedTuple):
    """A record that is thought to be new, and its values of `stage.RECORD_COLUMNS`."""

    one: Prepared
    record: tuple[Any, ...]
    read: bytes
    """Connector, resource, and when the read began and was done, as a line."""
    finished: str


def write_fresh(lane: Lane, platform: str, new: Sequence[New]) -> bool:
    """Write records into the present transaction. False, with nothing written, if any is known.

    After one of `CONFLICTS` the transaction must be rolled back.
    """
    new = sorted(new, key=lambda each: each.one.id)  # everybody locks in the order of ids
    now, at, known, strangers = _look(lane, [each.one for each in new])
    if known:
        return False
    if strangers:
        merge.make_stubs(lane, platform, strangers)
    copy_lines(
        lane.connection, "source_record",
        ("connector_id", "resource", "read_started_at", "read_finished_at", *RECORD_COLUMNS[:7], "due_since"),
        (b"%b\t%b" % (each.read, line_of(
            (*each.record[:7], each.finished if each.record[1] == "unsettled" else None))) for each in new),
    )  # fmt: skip
    for entity in ENTITIES[lane.resource]:
        _copy(lane, platform, entity, [each.one for each in new], now, at)
    return True


CONFLICTS = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected)
"""Somebody else wrote one of the records at this very moment, or one came twice."""


def _look(lane: Lane, new: Sequence[Prepared]) -> tuple[str, str, bool, list[str]]:
    """The transaction's time and the present one as text, whether any of the records is known, and
    customers who are not.
    """
    customers = {customer for one in new for customer in one.customers}
    row = lane.connection.execute(
        _KNOWN,
        {
            "connector": lane.connector_id, "resource": lane.resource, "ids": [one.id for one in new],
            "customers": list(customers),
        },
    ).fetchone()  # fmt: skip
    assert row is not None
    now, at, known, held = row
    return now, at, known, sorted(customers.difference(held))


def _copy(lane: Lane, platform: str, entity: Entity, new: Sequence[Prepared], now: str, at: str) -> None:
    """The rows of one table, and its change events if it has them. A key that comes twice is a conflict."""
    part = PARTS.index(entity.part)
    found = [(line, one.trashed) for one in new for line in one.lines[part]]
    if not found:
        return
    connector, name = str(lane.connector_id), entity.event
    if name is None:
        first = connector.encode()
        firsts = [first] * len(found)
        columns = ("connector_id", *entity.columns)
        if entity is ITEM:
            columns = ("id", *columns)
            firsts = [b"%b\t%b" % (key, first) for key in ids(len(found))]
        copy_lines(
            lane.connection, entity.table, columns,
            (b"%b\t%b" % (first, line) for first, (line, _) in zip(firsts, found, strict=True)),
        )  # fmt: skip
        return
    kept, trashed = (line_of((connector, platform, now, gone)) for gone in (None, now))
    copy_lines(
        lane.connection, entity.table,
        ("connector_id", "platform", "synced_at", "deleted_at", *entity.columns),
        (b"%b\t%b" % (trashed if gone else kept, line) for line, gone in found),
    )  # fmt: skip
    event = line_of((connector, name, "insert", at))
    copy_lines(
        lane.connection, "change_event", ("connector_id", "entity", "op", "at", "key"),
        (b"%b\t%b" % (event, line.partition(b"\t")[0]) for line, _ in found),
    )  # fmt: skip


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
