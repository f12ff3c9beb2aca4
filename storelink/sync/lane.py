"""Lanes: who may run which pass, and the proof that nobody else wrote meanwhile.

A lane is a Postgres advisory lock on the very connection that the pass writes with, so a crash
frees it. The fencing token, checked in every writing transaction, covers what the lock cannot: a
connection that a proxy revived, or a person who freed the lock by hand.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, cast

import psycopg
from sqlalchemy import text
from sqlmodel import Session

from storelink.db import Database
from storelink.errors import LaneHeld, LaneLost
from storelink.sync import interpreter
from storelink.sync.clock import DatabaseClock, read_clock

FULL = "full"
"""Backfill and verify."""
POLL = "poll"
"""Incremental."""

Psycopg = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane that is held: its connection, the database's clock and our token."""

    connection: Psycopg
    clock: DatabaseClock
    connector_id: uuid.UUID
    resource: str
    kind: str | None
    token: int = 0

    def check(self) -> None:
        """Lock the store, and our token, for the rest of this transaction. Raises `LaneLost`.

        What is written of a store hangs on no foreign key (see `PlatformOrder`): whoever removes it waits
        for this lock, and who comes after that finds no store.
        """
        found = self.connection.execute(
            _CHECK[self.kind],
            {"connector": self.connector_id, "resource": self.resource, "token": self.token},
        ).fetchone()
        if found is None and self.kind is None:
            raise LaneLost("this store is not registered any more")
        if found is None:
            raise LaneLost(f"another process took over the {self.kind} lane of {self.resource}")


@contextmanager
def hold(database: Database, connector_id: uuid.UUID, resource: str, kind: str | None) -> Iterator[Lane]:
    """Take a lane, or with `kind` None just a connection. Raises `LaneHeld`, `DatabaseAway`."""
    pooled = database.borrow()
    connection = cast(Psycopg, pooled.driver_connection)
    try:
        with database.translated(), interpreter.set_for_passes():
            connection.rollback()
            clock = read_clock(connection)
            token = _take(connection, connector_id, resource, kind) if kind else 0
            yield Lane(connection, clock, connector_id, resource, kind, token)
    finally:
        with suppress(psycopg.Error):
            connection.rollback()
            if kind:
                connection.execute("SELECT pg_advisory_unlock(%s)", (lock_key(connector_id, resource, kind),))
            connection.execute("DISCARD TEMP")
            connection.commit()
        pooled.close()


def _take(connection: Psycopg, connector_id: uuid.UUID, resource: str, kind: str) -> int:
    key = lock_key(connector_id, resource, kind)
    # the token need not outlive a crash of the server: no holder does
    row = connection.execute(
        "SELECT pg_try_advisory_lock(%s), set_config('synchronous_commit', 'off', true)", (key,)
    ).fetchone()
    if row is None or not row[0]:
        raise LaneHeld(f"another process is reading {resource} ({kind} lane)")
    row = connection.execute(
        f"UPDATE sync_state SET {kind}_token = {kind}_token + 1"  # noqa: S608
        " WHERE connector_id = %s AND resource = %s"
        f" RETURNING {kind}_token",
        (connector_id, resource),
    ).fetchone()
    connection.commit()
    if row is None:
        raise LaneLost(f"{resource} of this store is not registered any more")
    return int(row[0])


def lock_key(connector_id: uuid.UUID, resource: str, kind: str) -> int:
    """The number of the lane's advisory lock, as `pg_locks` shows it."""
    digest = blake2b(f"{connector_id}/{resource}/{kind}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def held_keys(session: Session) -> set[int]:
    """The numbers of the lanes that are held now, by whichever process."""
    return {row[0] for row in session.execute(text(_HELD))}


_CHECK: dict[str | None, str] = {
    None: "SELECT 1 FROM connector_config WHERE id = %(connector)s FOR KEY SHARE",
    **{
        kind: "SELECT 1 FROM connector_config c JOIN sync_state s ON s.connector_id = c.id"  # noqa: S608
        f" WHERE c.id = %(connector)s AND s.resource = %(resource)s AND s.{kind}_token = %(token)s"
        " FOR KEY SHARE OF c FOR NO KEY UPDATE OF s"
        for kind in (FULL, POLL)
    },
}

_HELD = """
SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
WHERE locktype = 'advisory' AND objsubid = 1 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
