"""Fetching records by id and writing them: what incremental, targeted and verify have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from storelink.connectors.protocol import FetchPage, ListPage
from storelink.errors import NeedsDecision
from storelink.sync import stage, state
from storelink.sync.lane import Lane
from storelink.sync.listing import CHUNK, Candidate
from storelink.sync.page import Page, normalize_page, write_page
from storelink.sync.run import Run
from storelink.sync.subject import Progress, Subject

ATTEMPTS = 5
"""Reads in a row without an answer before a record is quarantined."""
GONE_SHARE = 5
"""More than a fifth of a store gone within 30 days stops and asks."""
GONE_FEW = 10
"""So many may always go: a fifth of a store of twelve is no sign of anything."""


@dataclass(slots=True)
class Fetching:
    """Fetches candidates and writes what the store says of them.

    `keep` false writes nothing and only looks. `inspect` sees each staged page before it is written.
    """

    lane: Lane
    subject: Subject
    run: Run
    keep: bool = True
    hint: bool = True
    inspect: Callable[[Lane], None] | None = None
    accepted: int = 0
    """So many more may be gone than go without asking: a person saw how many, and accepted it."""
    withheld: int = 0
    """Records that are gone, and were kept because that would be too many."""
    unanswered: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    """Their ids."""
    _staged: bool = False

    def fetch(self, candidates: Sequence[Candidate]) -> None:
        """Fetch these and write them, page by page."""
        listed = {item.id: (item.listed, item.exact) for item in candidates}
        for answer in self.subject.store.fetch(self.lane.resource, sorted(listed)):
            self._write(answer, {key: listed[key] for key in answer.found if key in listed})

    def fetch_ids(self, ids: Iterable[str]) -> None:
        """The same for ids that no list led to."""
        for answer in self.subject.store.fetch(self.lane.resource, list(ids)):
            self._write(answer, {})

    def take(self, page: ListPage) -> None:
        """Write what came whole with a page of a list; nobody need fetch that any more."""
        if page.found:
            listed = {line.id: (line.version, line.exact) for line in page.records if line.id in page.found}
            self._write(FetchPage(page.found, page.read), listed)

    def _write(self, answer: FetchPage, listed: dict[str, tuple[datetime | None, bool]]) -> None:
        if not self._staged:
            stage.prepare(self.lane.connection, self.lane.resource)
            self._staged = True
        page = normalize_page(
            self.subject.connector, self.lane.resource, self.subject.settings,
            answer.found.items(), answer.broken, answer.read,
        )  # fmt: skip
        page.listed = listed
        page.gone = self._admit(answer.gone) if self.keep else list(answer.gone)
        page.out_of_sight = answer.out_of_sight
        write_page(
            self.lane, self.subject.connector, page,
            hint=self.hint, finish=self.run.note, inspect=self.inspect, keep=self.keep,
            memory=self.subject.memory,
        )  # fmt: skip
        if self.keep:
            _settle_ignored(self.lane, answer, page)
        if answer.unanswered:
            self.unanswered.update(answer.unanswered)
            if self.keep:
                note_unanswered(self.lane, answer.unanswered)
        self.subject.report(Progress(self.lane.resource, self.run.kind, self.run.counts.fetched))

    def _admit(self, gone: Sequence[str]) -> list[str]:
        """Those of the gone records that may be marked so without asking."""
        if not gone or self.subject.accept_deletes:
            return list(gone)
        asked = self.kept | set(gone)
        row = self.lane.connection.execute(
            _GONE,
            {
                "connector": self.lane.connector_id,
                "resource": self.lane.resource,
                "ids": sorted(asked),
            },
        ).fetchone()
        self.lane.connection.commit()
        assert row is not None
        held, lately, new = row
        if lately + new > GONE_FEW and (lately + new) * GONE_SHARE > held + lately:
            if new <= self.accepted:
                self.accepted -= new
                return list(gone)
            self.kept, self.withheld = asked, new
            self._withhold(gone)
            return []
        return list(gone)

    def _withhold(self, ids: Sequence[str]) -> None:
        """Keep them; those that hints named are not asked for at every pass. Commits."""
        self.lane.connection.execute(
            "UPDATE source_record SET retry_after = clock_timestamp() + interval '1 hour'"
            " WHERE connector_id = %s AND resource = %s AND record_id = ANY(%s) AND due_since IS NOT NULL",
            (self.lane.connector_id, self.lane.resource, sorted(ids)),
        )
        state.withhold(self.lane, self.withheld)

    def demand_decision(self) -> None:
        """Raises `NeedsDecision` if deletions were withheld."""
        if self.withheld:
            raise NeedsDecision(
                f"{self.withheld} {self.lane.resource} no longer exist in the store, and with them more"
                " than a fifth would be gone within 30 days. They are kept. If this is meant, run"
                f" `storelink verify {self.subject.name} --fix --accept-deletes`."
            )


def due(lane: Lane) -> Iterator[list[Candidate]]:
    """Records that must be read again and became due before now, in chunks by id."""
    before, after = lane.clock(), ""
    while True:
        found = lane.connection.execute(
            "SELECT record_id, listed_version, true, content_hash IS NOT NULL FROM source_record"
            " WHERE connector_id = %s AND resource = %s AND due_since < %s AND record_id > %s"
            " AND (retry_after IS NULL OR retry_after <= clock_timestamp())"
            " ORDER BY record_id LIMIT %s",
            (lane.connector_id, lane.resource, before, after, CHUNK),
        ).fetchall()
        lane.connection.commit()
        if not found:
            return
        yield [Candidate(*row) for row in found]
        after = found[-1][0]


def _settle_ignored(lane: Lane, answer: FetchPage, page: Page) -> None:
    """What is not kept by design, such as a draft, is not due either. Commits."""
    ids = sorted(key for key in answer.found if key not in page.rows and key not in page.rejected)
    if not ids:
        return
    lane.check()
    where = {"connector": lane.connector_id, "resource": lane.resource, "ids": ids,
             "started": answer.read.started}  # fmt: skip
    lane.connection.execute(_FORGET, where)
    lane.connection.execute(_NOT_DUE, where)
    lane.connection.commit()


def note_unanswered(lane: Lane, unanswered: Mapping[str, str]) -> None:
    """Keep them due with backoff (1, 2, 4 … minutes); quarantine after five. Commits.

    The webhooks that named those were not followed after all, and say so.
    """
    lane.check()
    lost: dict[str, str] = {}
    for key in sorted(unanswered):
        row = lane.connection.execute(
            _UNANSWERED, {"connector": lane.connector_id, "resource": lane.resource, "id": key}
        ).fetchone()
        if row is not None and row[0] >= ATTEMPTS:
            lost[key] = f"no answer in {row[0]} reads: {unanswered[key]}"
            lane.connection.execute(
                _GIVE_UP,
                {"connector": lane.connector_id, "resource": lane.resource, "id": key, "error": lost[key]},
            )  # fmt: skip
    if lost:
        lane.connection.execute(
            _NOT_FOLLOWED, (list(lost), list(lost.values()), lane.connector_id, lane.resource)
        )
    lane.connection.commit()


_GONE = """
SELECT count(*) FILTER (WHERE state NOT IN ('gone', 'stub')),
       count(*) FILTER (WHERE gone_at > clock_timestamp() - interval '30 days'),
       count(*) FILTER (WHERE state NOT IN ('gone', 'stub') AND record_id = ANY(%(ids)s))
FROM source_record WHERE connector_id = %(connector)s AND resource = %(resource)s
"""

_FORGET = """
DELETE FROM source_record
WHERE connector_id = %(connector)s AND resource = %(resource)s AND record_id = ANY(%(ids)s)
  AND state = 'stub' AND content_hash IS NULL AND due_since <= %(started)s
"""

_NOT_DUE = """
UPDATE source_record SET due_since = NULL, retry_after = NULL, attempts = 0
WHERE connector_id = %(connector)s AND resource = %(resource)s AND record_id = ANY(%(ids)s)
  AND due_since <= %(started)s
"""

_UNANSWERED = """
INSERT INTO source_record AS t (connector_id, resource, record_id, state, due_since, attempts, retry_after)
VALUES (%(connector)s, %(resource)s, %(id)s, 'stub', clock_timestamp(), 1,
        clock_timestamp() + interval '1 minute')
ON CONFLICT (connector_id, resource, record_id) DO UPDATE SET
    due_since = coalesce(t.due_since, clock_timestamp()), attempts = t.attempts + 1,
    retry_after = clock_timestamp() + interval '1 minute' * least(power(2, t.attempts), 360)
RETURNING attempts
"""

# What was delivered before the last read that brought the record was followed by that one.
_NOT_FOLLOWED = """
UPDATE webhook_delivery d SET status = 'failed', error = g.error
FROM unnest(%s::text[], %s::text[]) AS g (id, error), source_record s
WHERE d.connector_id = %s AND d.resource = %s AND d.external_id = g.id AND d.status = 'done'
  AND s.connector_id = d.connector_id AND s.resource = d.resource AND s.record_id = g.id
  AND d.received_at >= coalesce(s.read_started_at, '-infinity')
"""

_GIVE_UP = """
WITH noted AS (
    UPDATE source_record SET state = 'quarantined', due_since = NULL, retry_after = NULL, attempts = 0
    WHERE connector_id = %(connector)s AND resource = %(resource)s AND record_id = %(id)s
)
INSERT INTO quarantined_record AS q
    (connector_id, resource, external_id, error, seen, first_seen_at, last_seen_at)
VALUES (%(connector)s, %(resource)s, %(id)s, %(error)s, 1, now(), now())
ON CONFLICT (connector_id, resource, external_id) DO UPDATE SET
    error = EXCLUDED.error, seen = q.seen + 1, last_seen_at = EXCLUDED.last_seen_at
"""
