"""How every store stands: what `storelink status` and `storelink runs` read.

Only the database is asked, never a store, so that it answers when nothing else does.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text, tuple_
from sqlmodel import Session, col, select

from storelink.models import ConnectorConfig, SyncRun, SyncState
from storelink.models.columns import Moment
from storelink.sync import since
from storelink.sync.alert import FAILURES, OF_PEOPLE, Open, still_open
from storelink.sync.delivery import Road, roads_of
from storelink.sync.held import Counts, counts_of
from storelink.sync.lane import FULL, POLL, held_keys, lock_key
from storelink.sync.opening import CHECKED_AT

_ORDER = ("products", "customers", "orders")
_BEHIND = 2
"""A resource is late once twice its interval has passed since it was due."""


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """One resource of one store. Times are the database's, spans seconds.

    `state` is one word, the worst that is so: `paused`, `key_refused`, `failing`, `new`,
    `first_read`, `stopped` (a first read that nobody carries on), `full_read`, `drift`, `late`,
    `in_step`.
    """

    resource: str
    state: str
    phase: str
    running: bool
    done: int | None
    total: int | None
    interval: int
    last_success_at: Moment
    next_due_at: Moment
    held: int
    waiting: int
    """Records known by name or due to be read again."""
    gone: int
    out_of_sight: int
    quarantined: int
    last_verified_at: Moment
    last_drift: int | None
    failures: int
    last_error: str | None
    future_stamped: int
    reads_from: Moment = None
    """Orders made earlier are here only if they changed since; None: all are."""
    withheld: int = 0
    """Records that are gone from the store, and kept until somebody accepts it."""
    next_at: Moment = None
    """When a worker is to read it next; after failures when it is tried again. None: not by itself."""
    next_verify_at: Moment = None
    """When it is next compared with the store; None before it was read whole."""
    roads: tuple[Road, ...] = ()
    """By which roads changes came in the last 24 hours, the latest first."""

    @property
    def differing(self) -> int:
        """Records that are known to differ from the store."""
        return max(self.last_drift or 0, self.withheld)

    @property
    def share(self) -> float | None:
        """How much of an unfinished full read is done, 0 to 1."""
        if self.state not in ("first_read", "full_read", "stopped") or not self.total:
            return None
        return min((self.done or 0) / self.total, 1.0)


_WORST_FIRST = (
    "key_refused", "failing", "drift", "stopped", "late", "new", "first_read", "full_read", "paused",
    "in_step",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """One store and its resources."""

    id: uuid.UUID
    name: str
    platform: str
    store_url: str
    status: str
    interval: int
    changed_at: datetime
    checked_at: str | None
    restored_at: str | None
    """When verify saw signs of an older backup; None once a full verify found all in step."""
    resources: tuple[ResourceStatus, ...]
    bound: str | None = None
    """What of its orders is read, in words; None where all are."""
    alerts: tuple[Open, ...] = ()
    """What a person was told of and is not over."""

    @property
    def worst(self) -> str:
        """The worst state of its resources."""
        return min((one.state for one in self.resources), key=_WORST_FIRST.index, default="new")

    @property
    def needs_person(self) -> bool:
        """Whether something of it does not mend itself."""
        if self.status == "paused":  # reading waits because somebody wants it; what was asked for does not
            return any(one.kind in OF_PEOPLE for one in self.alerts)
        return bool(self.restored_at or self.alerts) or any(
            one.state in ("key_refused", "drift") or one.failures >= FAILURES or one.quarantined
            for one in self.resources
        )

    @property
    def rank(self) -> int:
        """Where that stands among the states, 0 for the worst there is."""
        return _WORST_FIRST.index(self.worst)


def read_status(session: Session, names: Iterable[str] | None = None) -> tuple[datetime, list[StoreStatus]]:
    """(The database's clock, the stores by name); removed stores are left out."""
    now: datetime = session.scalar(text("SELECT clock_timestamp()"))
    query = select(ConnectorConfig).where(ConnectorConfig.status != "uninstalled")
    if names is not None:
        query = query.where(col(ConnectorConfig.name).in_(list(names)))
    stores = session.exec(query.order_by(ConnectorConfig.name)).all()
    ids = [store.id for store in stores]
    states = sorted(
        session.exec(select(SyncState).where(col(SyncState.connector_id).in_(ids))),
        key=lambda state: (_ORDER.index(state.resource) if state.resource in _ORDER else 9, state.resource),
    )
    known = _Known(
        now, counts_of(session, ids), held_keys(session), roads_of(session, ids), still_open(session, ids)
    )
    return now, [
        _store(store, [one for one in states if one.connector_id == store.id], known) for store in stores
    ]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was asked for all stores at once."""

    now: datetime
    counts: dict[tuple[uuid.UUID, str], Counts]
    locks: set[int]
    roads: dict[uuid.UUID, list[Road]]
    alerts: dict[uuid.UUID, list[Open]]


def _store(store: ConnectorConfig, states: Sequence[SyncState], known: _Known) -> StoreStatus:
    return StoreStatus(
        id=store.id,
        name=store.name,
        platform=store.platform,
        store_url=store.store_url,
        status=store.status,
        interval=store.sync_interval,
        changed_at=store.updated_at,
        checked_at=store.settings.get(CHECKED_AT),
        restored_at=store.settings.get("restored"),
        resources=tuple(_resource(store, one, known) for one in states),
        bound=next(
            (since.words(one.reads_from, store.settings) for one in states if one.reads_from is not None),
            None,
        ),
        alerts=tuple(known.alerts.get(store.id, ())),
    )


def _resource(store: ConnectorConfig, state: SyncState, known: _Known) -> ResourceStatus:
    full = lock_key(store.id, state.resource, FULL) in known.locks
    counts = known.counts.get((store.id, state.resource), {})
    cursor: dict[str, Any] = state.cursor or {}
    return ResourceStatus(
        resource=state.resource,
        state=_word(store, state, full, known.now),
        phase=state.phase,
        running=full or lock_key(store.id, state.resource, POLL) in known.locks,
        done=cursor.get("done"),
        total=cursor.get("total"),
        interval=state.interval or store.sync_interval,
        last_success_at=state.last_success_at,
        next_due_at=state.next_due_at,
        held=counts.get("held", 0),
        waiting=counts.get("waiting", 0),
        gone=counts.get("gone", 0),
        out_of_sight=counts.get("out_of_sight", 0),
        quarantined=counts.get("quarantined", 0),
        last_verified_at=state.last_verified_at,
        last_drift=state.last_drift,
        failures=state.consecutive_failures,
        last_error=state.last_error,
        future_stamped=state.future_stamped,
        reads_from=state.reads_from,
        withheld=state.withheld,
        next_at=_next(store, state),
        next_verify_at=state.full_due_at if state.phase == "live" else None,
        roads=tuple(road for road in known.roads.get(store.id, ()) if road.resource == state.resource),
    )


def _next(store: ConnectorConfig, state: SyncState) -> Moment:
    """A resource is followed once it has a watermark; until then its first read is what is due."""
    if store.status != "active":
        return None
    return state.next_due_at if state.watermark is not None else state.full_due_at


def _word(store: ConnectorConfig, state: SyncState, full: bool, now: datetime) -> str:
    reading = full and state.phase in ("backfill", "listing")
    worst_first = (
        ("paused", store.status == "paused"),
        ("key_refused", store.status == "auth_failed"),
        ("first_read", reading and state.last_success_at is None),
        ("full_read", reading),
        ("failing", state.consecutive_failures > 0),
        ("new", state.phase == "new"),
        ("stopped", state.phase != "live"),
        ("drift", bool(state.last_drift or state.withheld)),
        ("late", _late(store, state, now)),
    )
    return next((word for word, so in worst_first if so), "in_step")


def _late(store: ConnectorConfig, state: SyncState, now: datetime) -> bool:
    """Nobody read it though it was due: a pass or two may be slow, more means nobody runs them."""
    if state.next_due_at is None:
        return False
    return (now - state.next_due_at).total_seconds() > _BEHIND * (state.interval or store.sync_interval)


def read_runs(
    session: Session,
    connector_id: uuid.UUID | None = None,
    *,
    resource: str | None = None,
    kind: str | None = None,
    failed: bool = False,
    before: tuple[datetime, uuid.UUID] | None = None,
    limit: int = 20,
) -> list[tuple[str, SyncRun]]:
    """(store's name, pass), latest first, `before` a start and id. A pass that changed nothing has no row."""
    query = select(ConnectorConfig.name, SyncRun).join(
        ConnectorConfig, col(ConnectorConfig.id) == SyncRun.connector_id
    )
    if connector_id is not None:
        query = query.where(SyncRun.connector_id == connector_id)
    if resource is not None:
        query = query.where(SyncRun.resource == resource)
    if kind is not None:
        query = query.where(SyncRun.kind == kind)
    if before is not None:
        query = query.where(tuple_(col(SyncRun.started_at), col(SyncRun.id)) < before)
    if failed:
        query = query.where(col(SyncRun.status).in_(("failed", "interrupted")))
    query = query.order_by(col(SyncRun.started_at).desc(), col(SyncRun.id).desc())
    found = session.exec(query.limit(limit)).all()
    locks = held_keys(session)
    for _, run in found:
        session.expunge(run)
        if run.status == "running" and not _runs(run, locks):
            run.status = "interrupted"
    return [(name, run) for name, run in found]


def _runs(run: SyncRun, locks: set[int]) -> bool:
    """Whether somebody is still at it: a pass that was killed has let go of its lane."""
    lane = {"incremental": POLL, "targeted": None}.get(run.kind, FULL)
    return lane is None or lock_key(run.connector_id, run.resource, lane) in locks
