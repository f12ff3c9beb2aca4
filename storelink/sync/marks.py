"""Marks: short texts that are another one when what a page shows of something has changed.

One look takes the marks of everything that is watched, by a few queries over indexes, so that it may be
taken every second. A mark says nothing by itself; it is only compared. `xmin` is the transaction that last
wrote a row: whatever was written, it is another one.
"""

import hashlib
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlmodel import Session

from storelink.sync.lane import FULL, held_keys, lock_key

OVERVIEW, STORE, REFUND, ADDRESS, PENDING = "overview", "store", "refund", "address", "connect"
AGING = 30
"""Seconds after which a page of stores is another one though nothing happened: its times are relative."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What is watched: its kind, and a store's name or an id."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}" if self.name else self.kind


def topic_of(written: str) -> Topic | None:
    """The topic that `str` wrote; None for what is none."""
    kind, _, name = written.partition("/")
    if kind == OVERVIEW:
        return Topic(kind) if not name else None
    if kind == STORE:
        return Topic(kind, name) if name and "\0" not in name else None
    if kind not in (REFUND, ADDRESS, PENDING):
        return None
    try:
        return Topic(kind, str(uuid.UUID(name)))
    except ValueError:
        return None


def mark_of(session: Session, topic: Topic) -> str:
    """The mark of one topic, `gone` where there is no such thing."""
    return read_marks(session, [topic])[topic]


def read_marks(session: Session, topics: Iterable[Topic]) -> Mapping[Topic, str]:
    """The mark of each topic, `gone` where there is no such thing."""
    found: dict[Topic, str] = dict.fromkeys(topics, "gone")
    names: dict[str, list[str]] = {}
    for topic in found:
        names.setdefault(topic.kind, []).append(topic.name)
    if OVERVIEW in names or STORE in names:
        locks = held_keys(session)
    if OVERVIEW in names:
        rows = session.execute(text(_OVERVIEW)).all()
        requests = session.execute(text(_REQUESTS)).one()
        found[Topic(OVERVIEW)] = _digest(_age(), tuple(requests), *(_told(row, locks) for row in rows))
    if STORE in names:
        for row in session.execute(text(_STORES), {"names": names[STORE]}):
            found[Topic(STORE, row.name)] = _digest(_age(), _told(row, locks))
    for kind, query in ((REFUND, _REFUNDS), (ADDRESS, _ADDRESSES), (PENDING, _PENDING)):
        if kind in names:
            sent = text(query).bindparams(bindparam("ids", type_=ARRAY(UUID())))
            for row in session.execute(sent, {"ids": [uuid.UUID(name) for name in names[kind]]}):
                found[Topic(kind, str(row.id))] = _digest(row.mark)
    return found


def _told(row: Any, locks: set[int]) -> tuple[Any, ...]:
    """A store's row, with whether each of its resources is being read whole now."""
    held = [lock_key(row.id, one, FULL) in locks for one in row.resources or ()]
    return (row.name, row.mark, held)


def _age() -> int:
    return int(time.time()) // AGING


def _digest(*parts: Any) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=9).hexdigest()


# Of all stores only what changes a line or a deed: a pass that finds a store as it was is no news.
_OVERVIEW = """
SELECT c.id, c.name, s.resources, concat_ws('/', c.status, c.settings->>'restored',
    c.settings->'webhooks' IS NULL, c.sync_interval, s.mark, a.mark) AS mark
FROM connector_config c
LEFT JOIN LATERAL (
    SELECT array_agg(resource ORDER BY resource) AS resources,
           string_agg(concat_ws('.', phase, consecutive_failures, last_drift, last_verified_at,
             last_success_at IS NULL, watermark IS NULL, cursor->>'done', cursor->>'total'), ','
             ORDER BY resource) AS mark
    FROM sync_state WHERE connector_id = c.id) AS s ON true
LEFT JOIN LATERAL (
    SELECT string_agg(id || '.' || words, ',' ORDER BY id) AS mark
    FROM alert WHERE connector_id = c.id AND closed_at IS NULL) AS a ON true
WHERE c.status <> 'uninstalled' ORDER BY c.name
"""

_REQUESTS = """
SELECT (SELECT concat_ws('.', count(*), max(xmin::text::bigint)) FROM refund_request
        WHERE status = 'pending' AND stage IN ('needs_attention', 'waiting_approval')),
       (SELECT concat_ws('.', count(*), max(xmin::text::bigint)) FROM address_update_request
        WHERE status = 'pending' AND stage IN ('needs_attention', 'waiting_approval'))
"""

_STORES = """
SELECT c.id, c.name, s.resources, concat_ws('/', c.xmin, s.mark, a.mark, r.mark) AS mark
FROM connector_config c
LEFT JOIN LATERAL (
    SELECT array_agg(resource ORDER BY resource) AS resources,
           string_agg(resource || '.' || xmin, ',' ORDER BY resource) AS mark
    FROM sync_state WHERE connector_id = c.id) AS s ON true
LEFT JOIN LATERAL (
    SELECT string_agg(id || '.' || xmin, ',' ORDER BY id) AS mark
    FROM alert WHERE connector_id = c.id AND closed_at IS NULL) AS a ON true
LEFT JOIN LATERAL (
    SELECT string_agg(id || '.' || last.x, ',' ORDER BY id) AS mark
    FROM (SELECT id, xmin AS x FROM sync_run WHERE connector_id = c.id
          ORDER BY started_at DESC LIMIT 8) AS last) AS r ON true
WHERE c.name = ANY(:names) AND c.status <> 'uninstalled'
"""

# One that waits for others of its order says which: theirs belong to its mark.
_REFUNDS = """
SELECT w.id, string_agg(concat_ws('.', r.id, r.xmin), ',' ORDER BY r.id) AS mark
FROM refund_request w
JOIN refund_request r ON r.connector_id = w.connector_id AND r.order_id = w.order_id
WHERE w.id = ANY(:ids) GROUP BY w.id
"""

_ADDRESSES = "SELECT id, xmin::text AS mark FROM address_update_request WHERE id = ANY(:ids)"

_PENDING = "SELECT id, xmin::text AS mark FROM pending_store WHERE id = ANY(:ids)"
