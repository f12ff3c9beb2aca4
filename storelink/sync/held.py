"""How many records of each kind are held, for pages and answers that say how a store stands.

Counting reads every row. Where there are many, what was counted is good for a while: nobody waits for a
million rows at each look.
"""

import threading
import time
import uuid
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlmodel import Session

MANY = 50_000
"""Records of a store from which on its counts are kept."""
KEPT = 20.0
"""Seconds for which they are."""

Counts = Mapping[str, int]
ByResource = Mapping[str, Counts]

_lock, _counting = threading.Lock(), threading.Lock()
_kept: dict[uuid.UUID, tuple[float, ByResource]] = {}


def counts_of(session: Session, stores: Sequence[uuid.UUID]) -> dict[tuple[uuid.UUID, str], Counts]:
    """Records by (store, resource) and state; those of large stores as they were up to `KEPT` seconds ago.

    While one thread counts a large store anew, others go on with what is kept.
    """
    known, missing = _known(stores, KEPT)
    if missing and _counting.acquire(blocking=False):
        try:
            known |= _count(session, missing)
        finally:
            _counting.release()
    elif missing:
        older, missing = _known(missing, float("inf"))
        known |= older
        if missing:
            known |= _count(session, missing)
    return {(store, resource): counts for store, each in known.items() for resource, counts in each.items()}


def _known(stores: Sequence[uuid.UUID], age: float) -> tuple[dict[uuid.UUID, ByResource], list[uuid.UUID]]:
    """What is kept and not older than `age` seconds; the stores of which there is nothing."""
    since = time.monotonic() - age
    with _lock:
        known = {one: _kept[one][1] for one in stores if one in _kept and _kept[one][0] >= since}
    return known, [one for one in stores if one not in known]


def _count(session: Session, stores: Sequence[uuid.UUID]) -> dict[uuid.UUID, ByResource]:
    began = time.monotonic()
    found: dict[uuid.UUID, dict[str, Counts]] = {one: {} for one in stores}
    for row in session.connection().execute(text(_COUNTS), {"ids": list(stores)}).mappings():
        counts = {key: int(row[key]) for key in row if key not in ("connector_id", "resource")}
        found[row["connector_id"]][row["resource"]] = counts
    with _lock:
        for store, each in found.items():
            if sum(counts["all_of_them"] for counts in each.values()) > MANY:
                _kept[store] = (began, each)
            else:
                _kept.pop(store, None)
    return dict(found)


_COUNTS = """
SELECT connector_id, resource, count(*) AS all_of_them,
       count(*) FILTER (WHERE state IN ('held', 'unsettled', 'partial')) AS held,
       count(*) FILTER (WHERE state = 'stub' OR due_since IS NOT NULL) AS waiting,
       count(*) FILTER (WHERE state = 'gone') AS gone,
       count(*) FILTER (WHERE state = 'out_of_sight') AS out_of_sight,
       count(*) FILTER (WHERE state = 'quarantined') AS quarantined
FROM source_record WHERE connector_id = ANY(:ids) GROUP BY 1, 2
"""
