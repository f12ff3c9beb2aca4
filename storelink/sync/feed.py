"""The change feed: one publisher numbers committed events, readers follow the numbers.

An event's `id` says when it was written, and one with a lower id may be committed later: whoever
read on by `id` would miss it. `seq` is given afterwards, to what is committed, by one publisher at
a time, so that a reader who keeps the last `seq` it saw misses nothing and sees nothing twice.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from storelink.errors import NeedsDecision

CHANNEL = "storelink_changes"
"""Postgres notifies it after every batch; the payload is the last number."""
BATCH = 5000
_LOCK = 7_305_806_143_518_228_786  # any number that nobody else locks

Psycopg = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One change of a unified row."""

    seq: int
    store: str
    connector_id: uuid.UUID
    entity: str
    key: str
    op: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the feed is numbered. Numbers mean something only together with their epoch."""

    epoch: uuid.UUID | None
    last: int
    cut: int


def publish(connection: Psycopg, batch: int = BATCH) -> int:
    """Number what is committed, in order of writing; commits. 0 if nothing is there or another does it."""
    with connection.transaction():
        if not connection.execute(_ANY).fetchone():
            return 0
        (ours,) = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,)).fetchone() or (False,)
        if not ours:
            return 0
        _begin(connection)
        row = connection.execute(_NUMBER, (batch,)).fetchone()
        assert row is not None
        numbered, last = row
        if numbered:
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, str(last)))
    return int(numbered)


def _begin(connection: Psycopg) -> None:
    """The feed's row, in an epoch of this server: a restored copy numbers anew what others may know."""
    row = connection.execute(_SERVER).fetchone()
    assert row is not None
    server, private = row
    if private:
        copied = connection.execute(_COPIED).fetchone()
        assert copied is not None
        server += f"/{copied[0]}"
    connection.execute(_EPOCH, {"epoch": uuid.uuid4(), "server": server})


def standing(connection: Psycopg) -> Standing:
    """Where the feed is; the epoch is None before its first event."""
    row = connection.execute("SELECT epoch, last_seq, cut_seq FROM change_feed").fetchone()
    connection.commit()
    return Standing(*row) if row else Standing(None, 0, 0)


def read(
    connection: Psycopg, after: int, *, epoch: uuid.UUID | None = None, limit: int = 1000
) -> Iterator[Event]:
    """Events numbered higher than `after`, to the end. Raises `NeedsDecision` where some are missing."""
    now = standing(connection)
    if epoch is not None and now.epoch is not None and epoch != now.epoch:
        raise NeedsDecision(
            f"The feed has a new epoch, {now.epoch}: the database was restored or moved, so that numbers"
            " may have been given twice. Read the tables whole, then follow from"
            f" {now.last} on."
        )
    if after < now.cut or after > now.last:
        what = "were deleted since" if after < now.cut else "were never given"
        raise NeedsDecision(
            f"Numbers after {after} {what}: the feed goes from {now.cut} to {now.last}, epoch {now.epoch}."
            " Read the tables whole, then follow from its end."
        )
    while True:
        rows = connection.execute(_READ, (after, limit)).fetchall()
        connection.commit()
        for row in rows:
            yield Event(*row)
        if len(rows) < limit:
            return
        after = rows[-1][0]


_ANY = "SELECT 1 FROM change_event WHERE seq IS NULL LIMIT 1"

_SERVER = """
SELECT (SELECT system_identifier FROM pg_control_system()) || '/'
    || (SELECT timeline_id FROM pg_control_checkpoint()) || '/'
    || (SELECT oid FROM pg_database WHERE datname = current_database()),
    current_setting('listen_addresses') = ''
    AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
"""

# A data directory put back file by file is the same server to itself. No server ever writes this file
# again, and no copy keeps the time at which its inode changed. Only a superuser may look: the private one.
_COPIED = "SELECT extract(epoch FROM change)::text FROM pg_stat_file('PG_VERSION')"

_EPOCH = """
INSERT INTO change_feed AS f (id, epoch, last_seq, cut_seq, server)
VALUES (1, %(epoch)s, 0, 0, %(server)s)
ON CONFLICT (id) DO UPDATE SET epoch = EXCLUDED.epoch, server = EXCLUDED.server
WHERE f.server <> EXCLUDED.server
"""

_NUMBER = """
WITH feed AS (SELECT last_seq FROM change_feed WHERE id = 1 FOR UPDATE),
waiting AS (SELECT id FROM change_event WHERE seq IS NULL ORDER BY id LIMIT %s),
numbered AS (
    UPDATE change_event e SET seq = feed.last_seq + w.place
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM waiting) w, feed
    WHERE e.id = w.id RETURNING e.seq
),
moved AS (
    UPDATE change_feed SET last_seq = greatest(last_seq, (SELECT max(seq) FROM numbered))
    WHERE id = 1 AND EXISTS (SELECT 1 FROM numbered) RETURNING last_seq
)
SELECT (SELECT count(*) FROM numbered), (SELECT last_seq FROM moved)
"""

_READ = """
SELECT e.seq, coalesce(c.name, ''), e.connector_id, e.entity, e.key, e.op, e.at
FROM change_event e LEFT JOIN connector_config c ON c.id = e.connector_id
WHERE e.seq > %s ORDER BY e.seq LIMIT %s
"""
