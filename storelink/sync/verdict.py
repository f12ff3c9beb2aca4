"""Which of the staged records may be written: the version and read-order guard, in SQL.

Each record of a page gets one verdict:

    insert    never seen                                   → write
    fill      known by name only until now                 → write
    update    differs, and is newer or was read later      → write
    same      nothing differs                              → note the read, write nothing
    refetch   differs, but the two reads overlapped        → ask the store once more
    late      older, and read before what is held          → drop
    unseen    the store shows nothing, and proves nothing  → note that it is out of sight, no more
    hidden    the same, and that was known                 → nothing
"""

from datetime import datetime
from typing import Any

from storelink.sync.lane import Lane

_INSERT = """
WITH added AS (
    INSERT INTO source_record (
        connector_id, resource, record_id, state, version, listed_version, parts, content_hash,
        normalizer, read_started_at, read_finished_at, due_since, gone_at)
    SELECT %(connector)s, %(resource)s, record_id, state, version, listed_version, parts,
           content_hash, normalizer, %(started)s, %(finished)s,
           CASE WHEN state = 'unsettled' THEN %(finished)s::timestamptz END,
           CASE WHEN state = 'gone' THEN %(finished)s::timestamptz END
    FROM stage_record ORDER BY record_id
    ON CONFLICT DO NOTHING RETURNING record_id
)
UPDATE stage_record s SET verdict = CASE WHEN s.state = 'out_of_sight' THEN 'hidden' ELSE 'insert' END
FROM added WHERE s.record_id = added.record_id
"""

# A row is only compared when it is locked, and rows are locked in the order of their ids.
_JUDGE = """
WITH held AS MATERIALIZED (
    SELECT h.* FROM source_record h JOIN stage_record s USING (record_id)
    WHERE h.connector_id = %(connector)s AND h.resource = %(resource)s AND s.verdict IS NULL
    ORDER BY h.record_id FOR UPDATE OF h
)
UPDATE stage_record s SET verdict = CASE
    WHEN s.state = 'out_of_sight' THEN CASE
        WHEN h.state IN ('out_of_sight', 'gone', 'quarantined') THEN 'hidden'
        WHEN %(started)s <= h.read_finished_at THEN 'late'
        ELSE 'unseen' END
    WHEN h.state <> 'stub'
         AND (h.state = 'quarantined') = (s.state = 'quarantined')
         AND h.content_hash IS NOT DISTINCT FROM s.content_hash THEN 'same'
    WHEN h.state = 'stub' OR h.read_finished_at IS NULL THEN 'fill'
    WHEN s.state <> 'gone' AND s.version > h.version THEN 'update'
    WHEN %(started)s > h.read_finished_at THEN 'update'
    WHEN %(finished)s < h.read_started_at THEN 'late'
    ELSE 'refetch' END
FROM held h WHERE s.record_id = h.record_id
"""

_NOTE = """
UPDATE source_record h SET
    state = CASE WHEN s.verdict <> 'same' OR h.state IN ('held', 'unsettled', 'partial', 'out_of_sight')
                 THEN s.state ELSE h.state END,
    version = CASE WHEN s.state IN ('gone', 'quarantined') THEN coalesce(s.version, h.version)
                   ELSE s.version END,
    listed_version = coalesce(s.listed_version, h.listed_version),
    parts = coalesce(s.parts, h.parts),
    content_hash = s.content_hash, normalizer = s.normalizer,
    read_started_at = greatest(h.read_started_at, %(started)s),
    read_finished_at = greatest(h.read_finished_at, %(finished)s),
    due_since = CASE WHEN s.state = 'unsettled' THEN %(finished)s
                     WHEN h.due_since > %(started)s THEN h.due_since END,
    retry_after = NULL, attempts = 0,
    gone_at = CASE WHEN s.state = 'gone' THEN coalesce(h.gone_at, %(finished)s) END
FROM stage_record s
WHERE h.connector_id = %(connector)s AND h.resource = %(resource)s
  AND h.record_id = s.record_id AND s.verdict IN ('fill', 'update', 'same')
"""

# When it was read stays as it was: a read that shows the record is worth more than this one.
_UNSEEN = """
UPDATE source_record h SET
    state = CASE s.verdict WHEN 'unseen' THEN 'out_of_sight' ELSE h.state END,
    due_since = CASE WHEN h.due_since > %(started)s THEN h.due_since END,
    retry_after = NULL, attempts = 0
FROM stage_record s
WHERE h.connector_id = %(connector)s AND h.resource = %(resource)s
  AND h.record_id = s.record_id AND s.verdict IN ('unseen', 'hidden')
"""

_AGAIN = """
UPDATE source_record h SET due_since = clock_timestamp() FROM stage_record s
WHERE h.connector_id = %(connector)s AND h.resource = %(resource)s
  AND h.record_id = s.record_id AND s.verdict = 'refetch'
"""

_COUNT = """
SELECT verdict, state, trashed, count(*) FROM stage_record GROUP BY 1, 2, 3
"""


def judge(lane: Lane, started: datetime, finished: datetime, staged: int) -> int:
    """Give every staged record its verdict and note the reads in `source_record`.

    Times are the read's (database clock). Returns how many records were never seen before.
    """
    where: dict[str, Any] = {
        "connector": lane.connector_id,
        "resource": lane.resource,
        "started": started - lane.clock.error,
        "finished": finished + lane.clock.error,
    }
    added = lane.connection.execute(_INSERT, where).rowcount
    if added < staged:
        lane.connection.execute(_JUDGE, where)
        lane.connection.execute(_NOTE, where)
        lane.connection.execute(_AGAIN, where)
        lane.connection.execute(_UNSEEN, where)
    return added


WRITTEN = ("insert", "fill", "update")


def written(lane: Lane) -> list[tuple[str, str, str]]:
    """(record id, verdict, state) of what this page changes."""
    return lane.connection.execute(
        "SELECT record_id, verdict, state FROM stage_record WHERE verdict IN ('insert', 'fill', 'update')"
    ).fetchall()


def unseen(lane: Lane) -> list[str]:
    """Records held that this page finds to be out of sight, and that were not so before."""
    found = lane.connection.execute(
        "SELECT record_id FROM stage_record JOIN source_record h USING (record_id)"
        " WHERE verdict = 'unseen' AND h.connector_id = %s AND h.resource = %s"
        " AND h.content_hash IS NOT NULL",
        (lane.connector_id, lane.resource),
    ).fetchall()
    return [row[0] for row in found]


def undecided(lane: Lane) -> list[str]:
    """Records that are to be asked for once more."""
    found = lane.connection.execute("SELECT record_id FROM stage_record WHERE verdict = 'refetch'").fetchall()
    return [row[0] for row in found]


def count_verdicts(lane: Lane) -> list[tuple[str, str, bool, int]]:
    """(verdict, state, trashed, how many) of the staged page."""
    return lane.connection.execute(_COUNT).fetchall()
