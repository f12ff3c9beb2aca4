"""One writer per order, across all workers: an advisory lock on the connection that it writes with.

A crash frees it. What the lock cannot hold (a connection that a proxy revived, a lock freed by hand)
is held by `request.advance`: every step names the stage and the attempt that it goes out from.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import psycopg

from storelink.db import Database
from storelink.errors import LaneHeld
from storelink.sync.clock import DatabaseClock, read_clock
from storelink.sync.lane import Psycopg, lock_key


@dataclass(frozen=True, slots=True)
class HeldOrder:
    """An order that nobody else acts on: our connection, and the database's clock."""

    connection: Psycopg
    clock: DatabaseClock
    connector_id: uuid.UUID
    order_id: str


@contextmanager
def hold_order(database: Database, connector_id: uuid.UUID, order_id: str) -> Iterator[HeldOrder]:
    """Take an order for ourselves. Raises `LaneHeld` where another has it, `DatabaseAway`."""
    pooled = database.borrow()
    connection = cast(Psycopg, pooled.driver_connection)
    key = lock_key(connector_id, order_id, "order")
    try:
        with database.translated():
            connection.rollback()
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
            connection.commit()
            if row is None or not row[0]:
                raise LaneHeld(f"another process acts on order {order_id}")
            try:
                yield HeldOrder(connection, read_clock(connection), connector_id, order_id)
            finally:
                with suppress(psycopg.Error):
                    connection.rollback()
                    connection.execute("SELECT pg_advisory_unlock(%s)", (key,))
                    connection.commit()
    finally:
        pooled.close()
