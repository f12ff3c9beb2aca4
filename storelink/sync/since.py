"""From when on a store's orders are read: said in days of the store, kept in `sync_state.reads_from`.

Functions do not commit; the outermost caller does.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session, col, select

from storelink.connectors.bound import RESOURCE, can_bound
from storelink.connectors.protocol import Connector
from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, SyncState

ALL = "all"
_FIRST = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of it. `wider`: orders are missing now, and a full read of them is due."""

    before: datetime | None
    after: datetime | None

    @property
    def wider(self) -> bool:
        return self.before is not None and (self.after is None or self.after < self.before)

    @property
    def narrower(self) -> bool:
        return self.before != self.after and not self.wider


def moment_of(text: str, settings: Mapping[str, Any]) -> datetime | None:
    """A day like `2025-01-01`, as it begins at the store; None for `all`. Raises `Misconfigured`."""
    if text.strip().lower() == ALL:
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Misconfigured(f"{text!r} is neither a day, as in 2025-01-01, nor {ALL!r}.") from None
    return start_of(day, settings)


def start_of(day: date, settings: Mapping[str, Any]) -> datetime:
    """When a day begins at the store. Raises `Misconfigured` for one that has not begun, or before 1970."""
    now = datetime.now(UTC)
    near = _FIRST <= day <= now.date() + timedelta(days=2)
    begins = datetime.combine(day, time(), zone_of(settings)).astimezone(UTC) if near else None
    if begins is None or begins > now:
        raise Misconfigured(f"{day.isoformat()} is no day to read orders since: 1970 to today are.")
    return begins


def day_of(moment: datetime, settings: Mapping[str, Any]) -> date:
    """The day at the store."""
    return moment.astimezone(zone_of(settings)).date()


def zone_of(settings: Mapping[str, Any]) -> tzinfo:
    """The store's time zone as far as its check learnt it, else UTC."""
    name = settings.get("time_zone")
    try:
        if isinstance(name, str) and name:
            return ZoneInfo(name)
        return timezone(timedelta(hours=float(settings.get("gmt_offset") or 0)))
    except (ValueError, TypeError, OverflowError, OSError, KeyError):
        return UTC


def words(since: datetime | None, settings: Mapping[str, Any]) -> str | None:
    """`orders since 23 Aug 2026; older ones when they change`, None where all are read."""
    if since is None:
        return None
    day = day_of(since, settings)
    return f"orders since {day.day} {day:%b %Y}; older ones when they change"


def said(moved: Moved, settings: Mapping[str, Any]) -> str:
    """What that means, in a sentence or two."""
    here = words(moved.after, settings)
    reads = f"Read are {here}." if here else "All orders are read."
    if moved.wider:
        return f"{reads} The missing ones are read from now on; what is held stays."
    return f"{reads} Nothing that is held goes." if moved.narrower else reads


def check(connector: Connector, since: datetime | None) -> None:
    """Raises `Misconfigured` where orders of this platform are always read whole."""
    if since is not None and not can_bound(connector):
        raise Misconfigured(f"Orders of {connector.title} are always read whole.", code="since")


def of(session: Session, row: ConnectorConfig) -> datetime | None:
    """From when on a store's orders are read; None: from the first."""
    return session.exec(
        select(SyncState.reads_from).where(
            SyncState.connector_id == row.id, col(SyncState.resource) == RESOURCE
        )
    ).first()


def told(session: Session, stores: Sequence[uuid.UUID] | None = None) -> list[str]:
    """`shop: orders since …` for each store (of these) of which not all orders are read, by name."""
    query = (
        select(ConnectorConfig.name, SyncState.reads_from, ConnectorConfig.settings)
        .join(SyncState, col(SyncState.connector_id) == ConnectorConfig.id)
        .where(col(SyncState.reads_from).is_not(None), ConnectorConfig.status != "uninstalled")
        .order_by(ConnectorConfig.name)
    )
    if stores is not None:
        query = query.where(col(ConnectorConfig.id).in_(list(stores)))
    return [f"{name}: {words(moment, settings)}" for name, moment, settings in session.exec(query)]


def move(session: Session, row: ConnectorConfig, since: datetime | None) -> Moved:
    """Read orders from `since` on. What is held stays; where some are missing now, all are read anew.

    So is what was not read to its end: a cursor is good for one `since` only. A pass over everything
    that is under way goes by the old one: its token is taken from it, so that it can write no more.
    """
    moved = Moved(of(session, row), since)
    if moved.before != moved.after:
        where = {"connector": row.id, "resource": RESOURCE, "since": since, "wider": moved.wider}
        session.connection().execute(_MOVE, where)
    return moved


_MOVE = text("""
UPDATE sync_state SET reads_from = :since,
    phase = CASE WHEN phase = 'new' THEN 'new' WHEN :wider OR phase <> 'live' THEN 'backfill' ELSE phase END,
    cursor = CASE WHEN :wider OR phase <> 'live' THEN NULL ELSE cursor END,
    full_due_at = CASE WHEN :wider OR phase <> 'live' THEN clock_timestamp() ELSE full_due_at END,
    full_token = full_token + 1
WHERE connector_id = :connector AND resource = :resource
""")
