"""The promise: list the store, compare it with what is held, and say what is not so.

A difference counts only after the record was fetched again and still differs, so that a store
that is being worked on can reach zero.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from storelink.connectors import bound
from storelink.connectors.protocol import ListPage
from storelink.sync import listing, stage, state, verdict
from storelink.sync import since as reading_since
from storelink.sync.emptied import emptied
from storelink.sync.fetching import Fetching, due
from storelink.sync.lane import Lane
from storelink.sync.listing import CHUNK, Candidate, Restored
from storelink.sync.page import page_of, write_page
from storelink.sync.run import Counts, Run
from storelink.sync.subject import Progress, Subject

LISTED = 100
"""Records that differ, of which a ledger that is kept names so many."""
DEEP_SHARE = 30
"""The daily verify reads one thirtieth of the store deep, so that all of it is read in a month."""


@dataclass(slots=True)
class Ledger:
    """The outcome for one resource. Zero drift means that store and tables agree."""

    resource: str
    in_store: int = 0
    """Those that the store lists, and those it does not list because they are older than what is read."""
    older: int = 0
    """Held, made before the time from which on orders are read: asked for by id."""
    held: int = 0
    missing: int = 0
    stale: int = 0
    gone: int = 0
    out_of_sight: int = 0
    quarantined: int = 0
    fixed: int = 0
    deep: int = 0
    """How many records were read whole and compared by content."""
    unanswered: int = 0
    withheld: int = 0
    """Deletions that wait for `--accept-deletes`."""
    requests: int = 0
    bound: str | None = None
    """What of it is read, in words, where that is not all."""
    restored: bool = False
    """The store looks as if it had been put back to an older backup."""

    @property
    def found(self) -> int:
        """Records that differed."""
        return self.missing + self.stale + self.gone

    @property
    def drift(self) -> int:
        """Records that still differ: what was found less what was fixed."""
        return self.found - self.fixed


@dataclass(slots=True)
class _Judge:
    """Sees each staged page and remembers what differs."""

    ledger: Ledger
    keep: bool
    seen: set[str] = field(default_factory=set)
    differing: dict[str, str] = field(default_factory=dict)
    """Id → missing, stale or gone."""
    rejected: int = 0
    unseen: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)
    """Those that differ, but were read at the same time as what is held."""

    def __call__(self, lane: Lane) -> None:
        self.unseen |= set(verdict.unseen(lane))
        self.undecided |= set(verdict.undecided(lane))
        harmless = emptied(lane)
        for key, found, kind in verdict.written(lane):
            if key in self.seen:
                continue
            self.seen.add(key)
            if key in harmless:
                continue
            if kind == "quarantined":
                self.rejected += 1
                continue
            if kind == "gone":
                self.ledger.gone += found == "update"
            elif found == "update":
                self.ledger.stale += 1
            else:
                self.ledger.missing += 1
            if kind != "gone" or found == "update":
                why = "gone" if kind == "gone" else "stale" if found == "update" else "missing"
                self.differing[key] = why
            self.ledger.fixed += self.keep and not (kind == "gone" and found != "update")


def verify(
    lane: Lane,
    subject: Subject,
    *,
    fix: bool = False,
    deep: bool = False,
    share: int | None = None,
) -> Ledger:
    """Compare one resource with the store. With `fix` what differs is written.

    `deep` reads every record whole; `share` (0 to 29) only that thirtieth of them, because some
    edits move no modification time at all.
    """
    stage.prepare(lane.connection, lane.resource)
    run = Run.begin(lane, "verify", subject.store.traffic)
    since = state.load(lane).reads_from
    ledger = Ledger(lane.resource, bound=reading_since.words(since, subject.settings))
    judge = _Judge(ledger, fix)
    accepted = state.accepted(lane) if fix else 0
    fetching = Fetching(lane, subject, run, keep=fix, hint=False, inspect=judge, accepted=accepted)
    sign = _compare_list(lane, subject, fetching, ledger, since)
    if deep:
        _read_deep(lane, subject, run, ledger, judge, fix, since)
    elif share is not None:
        _fetch_share(lane, fetching, ledger, share)
    if undecided := sorted(judge.undecided - judge.seen):
        fetching.fetch_ids(undecided)
    if not fix:
        run.counts = Counts()
    if since is not None:
        gone = {key for key, why in judge.differing.items() if why == "gone"}
        ledger.older = listing.older(lane, sorted(gone | fetching.kept))
        ledger.in_store += ledger.older
    _close(lane, run, ledger, fetching, judge, sign)
    return ledger


def _compare_list(
    lane: Lane, subject: Subject, fetching: Fetching, ledger: Ledger, since: datetime | None
) -> Restored:
    listing.prepare(lane)
    _, store_time = listing.collect(lane, _reported(subject, lane.resource, since), fetching.take)
    future = listing.settle(lane, store_time)
    ledger.in_store = listing.count(lane)
    sign = listing.restored(lane, since)
    for chunk in listing.differing(lane, store_time, patient=False):
        fetching.fetch(chunk)
    for ids in listing.absent(lane):
        fetching.fetch_ids(ids)
    for ids in listing.destroyed(lane):
        fetching.fetch_ids(ids)
    for chunk in due(lane):
        fetching.fetch(chunk)
    state.put(lane, future_stamped=future)
    lane.connection.commit()
    return sign


def _reported(subject: Subject, resource: str, since: datetime | None) -> Iterator[ListPage]:
    done = 0
    for page in bound.list_all(subject.store, resource, since):
        done += len(page.records)
        subject.report(Progress(resource, "verify", done))
        yield page


def _read_deep(
    lane: Lane,
    subject: Subject,
    run: Run,
    ledger: Ledger,
    judge: Callable[[Lane], None],
    fix: bool,
    since: datetime | None,
) -> None:
    """Read every record (made since then) as a backfill does and compare the content."""
    for raw in bound.backfill(subject.store, lane.resource, None, since):
        write_page(
            lane, subject.connector, page_of(subject.connector, lane.resource, subject.settings, raw),
            inspect=judge, finish=run.note, keep=fix, memory=subject.memory,
        )  # fmt: skip
        ledger.deep += len(raw.records)
        subject.report(Progress(lane.resource, "verify", ledger.deep, raw.total))


def _fetch_share(lane: Lane, fetching: Fetching, ledger: Ledger, share: int) -> None:
    """Fetch one thirtieth of the held records, chosen by id."""
    after = ""
    while True:
        found = lane.connection.execute(
            "SELECT record_id, listed_version, true, true FROM source_record"
            " WHERE connector_id = %s AND resource = %s AND record_id > %s"
            " AND state IN ('held', 'unsettled', 'partial')"
            " AND mod(hashtext(record_id)::bigint + 2147483648, %s) = %s"
            " ORDER BY record_id LIMIT %s",
            (lane.connector_id, lane.resource, after, DEEP_SHARE, share, CHUNK),
        ).fetchall()
        lane.connection.commit()
        if not found:
            return
        fetching.fetch([Candidate(*row) for row in found])
        ledger.deep += len(found)
        after = found[-1][0]


def _close(
    lane: Lane,
    run: Run,
    ledger: Ledger,
    fetching: Fetching,
    judge: _Judge,
    sign: Restored,
) -> None:
    """Count what is held now, note the verify and any sign of a restored backup."""
    ledger.withheld = fetching.withheld
    ledger.gone += fetching.withheld
    ledger.unanswered = len(fetching.unanswered)
    ledger.missing += ledger.unanswered
    ledger.restored = sign.likely
    ledger.requests = run.requests
    row = lane.connection.execute(_HELD, (lane.connector_id, lane.resource)).fetchone()
    assert row is not None
    ledger.held, ledger.out_of_sight, ledger.quarantined = row
    if not judge.keep:
        ledger.quarantined += judge.rejected
        ledger.out_of_sight += len(judge.unseen)
        ledger.held -= len(judge.unseen)
    lane.check()
    state.verified(lane, ledger.drift)
    if judge.keep:
        state.put(lane, withheld=ledger.withheld, accepted=0)
    state.put(lane, ledger=_kept(ledger, fetching, judge, run), **state.seen_rate(run))
    if sign.likely or (judge.keep and not ledger.drift):
        lane.connection.execute(
            "UPDATE connector_config SET settings = CASE WHEN %(seen)s AND NOT %(whole)s THEN"
            " jsonb_set(settings, '{restored}', to_jsonb(clock_timestamp()::text))"
            " ELSE settings - 'restored' END WHERE id = %(connector)s",
            {"seen": sign.likely, "whole": judge.keep and not ledger.drift, "connector": lane.connector_id},
        )  # fmt: skip
    run.finish()
    lane.connection.commit()


def _kept(ledger: Ledger, fetching: Fetching, judge: _Judge, run: Run) -> dict[str, Any]:
    """What is kept of the verify: the counts, and the first records that differed, each with why."""
    waiting = dict.fromkeys(fetching.kept, "withheld") | dict.fromkeys(fetching.unanswered, "unanswered")
    differing = waiting | {key: why for key, why in judge.differing.items() if key not in waiting}
    seconds = (run.lane.clock() - run.started).total_seconds()
    counts = {name: value for name, value in asdict(ledger).items() if name not in ("resource", "restored")}
    return {
        **counts, "fix": judge.keep, "seconds": round(seconds, 1),
        "differing": [[key, differing[key]] for key in list(differing)[:LISTED]],
    }  # fmt: skip


_HELD = """
SELECT count(*) FILTER (WHERE state IN ('held', 'unsettled', 'partial')),
       count(*) FILTER (WHERE state = 'out_of_sight'),
       count(*) FILTER (WHERE state = 'quarantined')
FROM source_record WHERE connector_id = %s AND resource = %s
"""
