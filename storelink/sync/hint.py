"""Following hints: the records that webhooks named are read again, many in one request.

Hints of one record are one read, however many they are. A read answers for those hints that had
arrived before its request left; `source_record.due_since` keeps the others open. Deletions come
this way too: the store is asked for the record, and says itself that it is gone.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from storelink.connectors.hook import VARIANT, bare, webhooks_of
from storelink.db import Database
from storelink.errors import AuthFailed, NeedsDecision, Stopped, StorelinkError
from storelink.sync import delivery, stage
from storelink.sync.fetching import Fetching
from storelink.sync.lane import Lane, hold
from storelink.sync.run import Counts, Run
from storelink.sync.subject import Subject

MOST = 2_000
"""Deliveries looked at together."""
CHUNK = 500
"""Records fetched and written before the next are asked for."""
ROUNDS = 3
"""Reads of one record in one go, where another pass read it at the same moment."""
STUBS = 200
"""Customers that are known by name only, read along with the orders that name them."""


@dataclass(slots=True)
class Followed:
    """What one call did. `oldest` is when the first of the deliveries had arrived."""

    deliveries: int = 0
    records: int = 0
    counts: Counts = field(default_factory=Counts)
    requests: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Open:
    """Deliveries taken in hand: their ids, and when each record was last said to have changed."""

    ids: Sequence[int]
    named: Mapping[str, Mapping[str, datetime]]
    """Resource → record (or part, as written) → database clock."""
    oldest: datetime | None


def follow_hints(database: Database, subject: Subject) -> Followed:
    """Read what the store's open hints name, until none is open.

    Takes no lane: the read-order guard makes it safe beside any pass, and beside itself. Raises
    what fetching raises; the hints then stay open. `AuthFailed` stops the store's schedule.
    `NeedsDecision` comes after all else was done.
    """
    done = Followed()
    decision: NeedsDecision | None = None
    while True:
        with hold(database, subject.id, subject.connector.resources[0], None) as lane:
            taken = _take(lane, subject)
        if not taken.ids:
            break
        done.deliveries += len(taken.ids)
        done.oldest = done.oldest or taken.oldest
        try:
            decision = _follow(database, subject, taken, done) or decision
        except Stopped:
            raise  # no failure: the hints stay open for the next process
        except (StorelinkError, psycopg.Error) as error:
            _note_failure(database, subject, taken, error)
            raise
        _close(database, subject, taken)
        if len(taken.ids) < MOST:
            break
    if decision is not None:
        raise decision
    return done


def read_now(database: Database, subject: Subject, resource: str, ids: Sequence[str]) -> Followed:
    """Read these records down the road in, as they are now. Raises what fetching raises."""
    done = Followed()
    with hold(database, subject.id, resource, None) as lane:
        now = lane.clock()
        decision = _read(lane, subject, _mark(lane, dict.fromkeys(ids, now)), done)
    if decision is not None:
        raise decision
    return done


def _take(lane: Lane, subject: Subject) -> _Open:
    found = lane.connection.execute(
        "SELECT id, resource, external_id, received_at FROM webhook_delivery"
        " WHERE connector_id = %s AND status = 'received' AND resource = ANY(%s)"
        " ORDER BY id LIMIT %s",
        (lane.connector_id, list(subject.connector.resources), MOST),
    ).fetchall()
    lane.connection.commit()
    named: dict[str, dict[str, datetime]] = {}
    for _, resource, key, at in found:
        of = named.setdefault(resource, {})
        of[key] = max(at, of.get(key, at))
    return _Open([row[0] for row in found], named, min((row[3] for row in found), default=None))


def _follow(database: Database, subject: Subject, taken: _Open, done: Followed) -> NeedsDecision | None:
    decision = None
    for resource in subject.connector.resources:
        if resource not in taken.named:
            continue
        with hold(database, subject.id, resource, None) as lane:
            marked = _mark(lane, _resolved(lane, subject, taken.named[resource]))
            decision = _read(lane, subject, marked, done) or decision
    if "orders" in taken.named and "customers" in subject.connector.resources:
        with hold(database, subject.id, "customers", None) as lane:
            decision = _read(lane, subject, _stubs(lane), done) or decision
    return decision


def _resolved(lane: Lane, subject: Subject, named: Mapping[str, datetime]) -> dict[str, datetime]:
    """Record → when it was last said to have changed; parts are traced to their records."""
    records: dict[str, datetime] = {}
    parts: dict[str, dict[str, datetime]] = {}
    for text, at in named.items():
        part, key = delivery.read(text)
        of = parts.setdefault(part, {}) if part else records
        of[key] = max(at, of.get(key, at))
    for part, ids in parts.items():
        for key, owner in _owners(lane, subject, part, list(ids)).items():
            if key in ids:
                records[owner] = max(ids[key], records.get(owner, ids[key]))
    return records


def _owners(lane: Lane, subject: Subject, part: str, ids: list[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    if part == VARIANT:
        known = dict(
            lane.connection.execute(
                "SELECT variant_id, product_id FROM platform_product"
                " WHERE connector_id = %s AND variant_id = ANY(%s)",
                (lane.connector_id, ids),
            ).fetchall()
        )
        lane.connection.commit()
    webhooks = webhooks_of(subject.connector)
    rest = [key for key in ids if key not in known]
    if rest and webhooks is not None:
        known |= webhooks.owners(bare(subject.store), part, rest)
    return known


def _mark(lane: Lane, records: Mapping[str, datetime]) -> list[str]:
    """Make them due, unless they were read since; returns those that are. Commits. Raises `LaneLost`."""
    lane.check()
    ids = sorted(records)
    found = lane.connection.execute(
        _MARK,
        {"connector": lane.connector_id, "resource": lane.resource, "ids": ids,
         "times": [records[key] for key in ids]},
    ).fetchall()  # fmt: skip
    lane.connection.commit()
    return [row[0] for row in found]


# A read that began after the delivery had arrived has seen what it tells of.
_MARK = """
INSERT INTO source_record AS t (connector_id, resource, record_id, state, due_since)
SELECT %(connector)s, %(resource)s, g.id, 'stub', g.at
FROM unnest(%(ids)s::text[], %(times)s::timestamptz[]) AS g (id, at) ORDER BY g.id
ON CONFLICT (connector_id, resource, record_id) DO UPDATE
SET due_since = greatest(t.due_since, EXCLUDED.due_since)
WHERE t.read_started_at IS NULL OR t.read_started_at <= EXCLUDED.due_since
RETURNING t.record_id
"""


def _read(lane: Lane, subject: Subject, ids: Sequence[str], done: Followed) -> NeedsDecision | None:
    """Fetch those that are due, until none is, and write them."""
    wanted = _ready(lane, ids, settled=False)
    if not wanted:
        return None
    stage.prepare(lane.connection, lane.resource)
    run = Run.begin(lane, "webhook", subject.store.traffic)
    fetching = Fetching(lane, subject, run)
    done.records += len(wanted)
    for _ in range(ROUNDS):
        for at in range(0, len(wanted), CHUNK):
            fetching.fetch_ids(wanted[at : at + CHUNK])
        wanted = _ready(lane, ids, settled=True)
        if not wanted:
            break
    run.finish()
    lane.connection.commit()
    done.counts.add(run.counts)
    done.requests += run.requests
    try:
        fetching.demand_decision()
    except NeedsDecision as decision:
        return decision
    return None


def _ready(lane: Lane, ids: Sequence[str], *, settled: bool) -> list[str]:
    """Those of them that are due. With `settled` not those that are only read too early to be sure."""
    found = lane.connection.execute(_READY_NOW, {
        "connector": lane.connector_id, "resource": lane.resource, "ids": list(ids), "settled": settled,
    }).fetchall()  # fmt: skip
    lane.connection.commit()
    return [row[0] for row in found]


_READY_NOW = """
SELECT record_id FROM source_record
WHERE connector_id = %(connector)s AND resource = %(resource)s AND record_id = ANY(%(ids)s)
  AND due_since IS NOT NULL AND (retry_after IS NULL OR retry_after <= clock_timestamp())
  AND NOT (%(settled)s AND (state = 'unsettled' OR read_started_at > due_since))
ORDER BY record_id
"""


def _stubs(lane: Lane) -> list[str]:
    """Customers whom orders name and nobody has read."""
    found = lane.connection.execute(
        "SELECT record_id FROM source_record WHERE connector_id = %s AND resource = 'customers'"
        " AND due_since IS NOT NULL AND state = 'stub' ORDER BY due_since DESC LIMIT %s",
        (lane.connector_id, STUBS),
    ).fetchall()
    lane.connection.commit()
    return [row[0] for row in found]


def _close(database: Database, subject: Subject, taken: _Open) -> None:
    with hold(database, subject.id, subject.connector.resources[0], None) as lane:
        lane.connection.execute(
            "UPDATE webhook_delivery SET status = 'done', attempts = attempts + 1, error = NULL"
            " WHERE id = ANY(%s) AND status = 'received'",
            (list(taken.ids),),
        )
        lane.connection.commit()


def _note_failure(database: Database, subject: Subject, taken: _Open, error: Exception) -> None:
    """Write down why, if the database is there; keys that were refused stop the schedule."""
    words = str(error) or type(error).__name__
    with (
        suppress(psycopg.Error, StorelinkError),
        hold(database, subject.id, subject.connector.resources[0], None) as lane,
    ):
        lane.connection.execute(
            "UPDATE webhook_delivery SET attempts = attempts + 1, error = %s"
            " WHERE id = ANY(%s) AND status = 'received'",
            (words, list(taken.ids)),
        )
        if isinstance(error, AuthFailed):
            lane.connection.execute(
                "UPDATE connector_config SET status = 'auth_failed' WHERE id = %s AND status = 'active'",
                (lane.connector_id,),
            )
        lane.connection.commit()
