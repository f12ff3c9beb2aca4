"""The short way into the tables, for pages of which nothing is known yet: COPY, and no merge.

Nearly every page of a first backfill is such a page, and staging and merging it costs the database
half as much again. Whatever is there already, or comes in between, sends the pages the long way; both
leave the same rows, and a test holds them to that.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import psycopg

from storelink.connectors.protocol import Rows
from storelink.connectors.rows import OrderRow
from storelink.sync import merge
from storelink.sync.lane import Lane
from storelink.sync.lines import Lines, line_of
from storelink.sync.stage import ENTITIES, RECORD_COLUMNS, Entity, copy_lines, copy_rows

_KNOWN = """
SELECT now()::text,
    EXISTS (SELECT 1 FROM source_record
            WHERE connector_id = %(connector)s AND resource = %(resource)s AND record_id = ANY(%(ids)s)),
    ARRAY(SELECT id FROM unnest(%(customers)s::text[]) id
          WHERE NOT EXISTS (SELECT 1 FROM platform_customer
                            WHERE connector_id = %(connector)s AND customer_id = id))
"""


class New(NamedTuple):
    """A record that is thought to be new: its rows, its values of `stage.RECORD_COLUMNS`, its read."""

    rows: Rows
    lines: Lines
    record: tuple[Any, ...]
    started: str
    finished: str


def write_fresh(lane: Lane, platform: str, new: Sequence[New]) -> bool:
    """Write records into the present transaction. False, with nothing written, if any is known.

    After one of `CONFLICTS` the transaction must be rolled back.
    """
    new = sorted(new, key=lambda one: one.rows.id)  # everybody locks in the order of ids
    rows = [one.rows for one in new]
    now, known, strangers = _look(lane, rows)
    if known:
        return False
    if strangers:
        merge.make_stubs(lane, platform, strangers)
    connector = str(lane.connector_id)
    copy_rows(
        lane.connection, "source_record",
        ("connector_id", "resource", "read_started_at", "read_finished_at", "due_since", *RECORD_COLUMNS[:7]),
        ((connector, lane.resource, one.started, one.finished,
          one.finished if one.record[1] == "unsettled" else None, *one.record[:7]) for one in new),
    )  # fmt: skip
    for entity in ENTITIES[lane.resource]:
        _copy(lane, platform, entity, new, now)
    return True


CONFLICTS = (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected)
"""Somebody else wrote one of the records at this very moment, or one came twice."""


def _look(lane: Lane, rows: Sequence[Rows]) -> tuple[str, bool, list[str]]:
    """The transaction's time as text, whether any of the records is known, and customers who are not."""
    orders: Iterator[OrderRow] = (row for one in rows for row in one.orders)
    row = lane.connection.execute(
        _KNOWN,
        {
            "connector": lane.connector_id, "resource": lane.resource, "ids": [one.id for one in rows],
            "customers": sorted({row.customer_id for row in orders if row.customer_id is not None}),
        },
    ).fetchone()  # fmt: skip
    assert row is not None
    return row


def _copy(lane: Lane, platform: str, entity: Entity, new: Sequence[New], now: str) -> None:
    """The rows of one table, and its change events if it has them."""
    found = entity.rows((one.rows, one.lines) for one in new)
    if not found:
        return
    connector, name = str(lane.connector_id), entity.event
    if name is None:
        first = connector.encode()
        copy_lines(
            lane.connection, entity.table, ("connector_id", *entity.columns),
            (b"%b\t%b" % (first, line) for _, line, _ in found),
        )  # fmt: skip
        return
    kept, trashed = (line_of((connector, platform, now, gone)) for gone in (None, now))
    copy_lines(
        lane.connection, entity.table,
        ("connector_id", "platform", "synced_at", "deleted_at", *entity.columns),
        (b"%b\t%b" % (trashed if gone else kept, line) for _, line, gone in found),
    )  # fmt: skip
    event = line_of((connector, name, "insert"))
    copy_lines(
        lane.connection, "change_event", ("connector_id", "entity", "op", "key"),
        (b"%b\t%b" % (event, line.partition(b"\t")[0]) for _, line, _ in found),
    )  # fmt: skip
