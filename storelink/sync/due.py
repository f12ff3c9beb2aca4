"""What is due, lane by lane: the one place that reads `next_due_at` and `full_due_at`."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import func, text, update
from sqlmodel import Session, col

from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import account, audit, state
from storelink.sync.lane import FULL, POLL

# A resource is followed once it has a watermark, even while it is read whole again.
STORES = {
    POLL: "SELECT connector_id, min(next_due_at) AS since FROM sync_state"
    " WHERE next_due_at <= now() AND watermark IS NOT NULL GROUP BY connector_id",
    FULL: "SELECT connector_id, min(full_due_at) AS since FROM sync_state"
    " WHERE full_due_at <= now() GROUP BY connector_id",
}
"""Lane → a query for the stores that have something due in it, and since when."""

_RESOURCES = {
    POLL: "next_due_at <= now() AND watermark IS NOT NULL",
    FULL: "full_due_at <= now()",
}


@dataclass(frozen=True, slots=True)
class Due:
    """A resource whose turn it is."""

    resource: str
    phase: str
    failures: int
    share: int
    """Which thirtieth the verify reads whole."""


def resources(connection: psycopg.Connection[Any], connector_id: uuid.UUID, kind: str) -> list[Due]:
    """The resources of a store that are due in the lane `kind`. Commits."""
    rows = connection.execute(
        "SELECT resource, phase, consecutive_failures, verify_share FROM sync_state"  # noqa: S608
        f" WHERE connector_id = %s AND {_RESOURCES[kind]}",
        (connector_id,),
    ).fetchall()
    connection.commit()
    return [Due(*row) for row in rows]


def put_off(
    connection: psycopg.Connection[Any],
    connector_id: uuid.UUID,
    due: Sequence[Due],
    kind: str,
    error: str,
    *,
    interval: int,
) -> None:
    """No pass could begin, or one broke down: count a failure and try again later. Commits."""
    for one in due:
        state.note_failure(connection, connector_id, one.resource, kind, error, interval=interval)
    connection.commit()


def next_share(connection: psycopg.Connection[Any], connector_id: uuid.UUID, resource: str) -> None:
    """A thirtieth was read whole; the next verify takes the next one. Commits."""
    connection.execute(
        "UPDATE sync_state SET verify_share = mod(verify_share + 1, 30)"
        " WHERE connector_id = %s AND resource = %s",
        (connector_id, resource),
    )
    connection.commit()


def make_due(
    session: Session,
    name: str,
    wanted: Sequence[str],
    *,
    full: bool = False,
    actor: str | None = None,
) -> ConnectorConfig:
    """Somebody wants these resources read now; with `full` whole. The caller enqueues and commits.

    Raises `Misconfigured` for a store that is not active.
    """
    store = _active(session, name)
    if full:  # a read that is under way goes on; a new one begins where none is
        live = col(SyncState.phase) == "live"
        session.exec(
            update(SyncState)
            .where(col(SyncState.connector_id) == store.id, col(SyncState.resource).in_(wanted), live)
            .values(phase="backfill", cursor=None)
        )
    session.exec(
        update(SyncState)
        .where(col(SyncState.connector_id) == store.id, col(SyncState.resource).in_(wanted))
        .values(next_due_at=func.now(), full_due_at=text(_UNFINISHED_NOW))
    )
    audit.record(
        session, "connector.sync_now", actor=actor, connector_id=store.id, subject=name,
        resources=list(wanted), full=full,
    )  # fmt: skip
    return store


def make_compared(
    session: Session, name: str, wanted: Sequence[str], *, accepted: int = 0, actor: str | None = None
) -> ConnectorConfig:
    """Somebody wants these resources compared with the store now. The caller enqueues and commits.

    `accepted` are so many records of each that may be marked as gone, because a person saw that they wait
    for it. One that is not read yet is read on instead. Raises `Misconfigured` for a store that is not
    active.
    """
    store = _active(session, name)
    session.exec(
        update(SyncState)
        .where(col(SyncState.connector_id) == store.id, col(SyncState.resource).in_(wanted))
        .values(full_due_at=func.now(), accepted=accepted)
    )
    detail = {"accepted": accepted} if accepted else {}
    audit.record(
        session, "connector.verify_now", actor=actor, connector_id=store.id, subject=name,
        resources=list(wanted), **detail,
    )  # fmt: skip
    return store


def _active(session: Session, name: str) -> ConnectorConfig:
    store = account.find(session, name, lock="row")
    if store.status != "active":
        raise Misconfigured(f"The store {name!r} is {_STANDING.get(store.status, store.status)}.")
    return store


_UNFINISHED_NOW = "CASE WHEN phase <> 'live' THEN now() ELSE full_due_at END"
_STANDING = {"paused": "paused", "auth_failed": "waiting for new keys", "uninstalled": "removed"}
