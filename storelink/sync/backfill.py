"""The first read of a resource, and every full one: all records, then the full list.

The watermark is the store's clock at the first request, kept over crashes in the cursor, so the
first incremental pass reads again whatever changed while the backfill ran.
"""

from collections.abc import Generator, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from storelink.connectors import bound
from storelink.connectors.protocol import RawPage
from storelink.sync import listing, stage, state
from storelink.sync.ahead import ahead
from storelink.sync.fetching import Fetching, due
from storelink.sync.helped import prepare_ahead
from storelink.sync.lane import Lane
from storelink.sync.page import Closed, Page, page_of, write_pages
from storelink.sync.run import Counts, Run
from storelink.sync.subject import Progress, Subject

ANALYZE_AT = (1, 10, 100, 1000)
"""Pages after which the planner is told how the tables have grown; they start empty."""
WAITING = 7_000_000
"""Bytes, about, that may wait to be written, and so go into one transaction."""


def backfill(lane: Lane, subject: Subject, *, restart: bool = False) -> Run:
    """Read everything, from the cursor if there is one. Raises what the store raises."""
    stage.prepare(lane.connection, lane.resource)
    run = Run.begin(lane, "backfill", subject.store.traffic)
    held = state.load(lane)
    cursor = held.cursor
    if restart or held.phase in ("new", "live"):
        cursor = None
        _enter(lane, "backfill", None)
    if restart or held.phase != "listing":
        cursor = _read_all(lane, subject, run, cursor, held.reads_from, first=held.phase != "live")
    assert cursor is not None
    fetching = _compare(lane, subject, run, held.reads_from)
    state.complete(
        lane, subject, run, phase="live", cursor=None,
        watermark=datetime.fromisoformat(cursor["store_time"]), withheld=fetching.withheld,
    )  # fmt: skip
    fetching.demand_decision()
    return run


def _enter(lane: Lane, phase: str, cursor: dict[str, Any] | None) -> None:
    lane.check()
    state.put(lane, phase=phase, cursor=cursor)
    lane.connection.commit()


def _read_all(
    lane: Lane,
    subject: Subject,
    run: Run,
    cursor: dict[str, Any] | None,
    since: datetime | None,
    *,
    first: bool,
) -> dict[str, Any]:
    """Every page, each with the cursor after it. Returns the cursor of the finished read.

    In a `first` one the records are thought to be new.
    """
    after = cursor or {}
    pages_done = 0
    with ahead(_pages(lane, subject, after, since, first), lambda ready: ready[0].size, WAITING) as batches:
        for batch in batches:
            places = [place for _, place in batch]

            def finish(counts: Counts, last: int, places: list[dict[str, Any]] = places) -> None:
                run.counts.add(counts)
                state.put(lane, cursor=places[last])
                run.save()

            write_pages(lane, subject.connector, [page for page, _ in batch], finish, subject.memory)
            if any(pages_done < at <= pages_done + len(batch) for at in ANALYZE_AT):
                _analyze(lane)
            pages_done += len(batch)
            after = places[-1]
            subject.report(Progress(lane.resource, "backfill", after["done"], after["total"]))
    finished = {"store_time": after.get("store_time", lane.clock().isoformat()), "done": after.get("done", 0)}
    _enter(lane, "listing", finished)
    return finished


def _pages(
    lane: Lane, subject: Subject, cursor: dict[str, Any], since: datetime | None, first: bool
) -> Generator[tuple[Page | Closed, dict[str, Any]], None, None]:
    """The rows of each page and the cursor after it; runs ahead of the writing."""
    store_time, done = cursor.get("store_time"), int(cursor.get("done", 0))
    connector, resource, settings = subject.connector, lane.resource, subject.settings
    reading = bound.backfill(subject.store, resource, cursor.get("inner"), since)
    alone: Iterator[tuple[RawPage, None]] = ((raw, None) for raw in reading)
    for raw, ready in prepare_ahead(connector, resource, settings, reading) if first else alone:
        page: Page | Closed
        if ready is None:
            page = page_of(connector, resource, settings, raw)
            if first:
                page.new(lane, connector)  # while Postgres takes those before
        else:
            make = partial(page_of, connector, resource, settings, raw)
            page = Closed(lane, connector, raw.read, ready, make)
        store_time = store_time or (page.read.store_time or page.read.started).isoformat()
        done += len(raw.records)
        yield page, {"store_time": store_time, "inner": raw.cursor, "done": done, "total": raw.total}


def _compare(lane: Lane, subject: Subject, run: Run, since: datetime | None) -> Fetching:
    """List everything made since then, fetch what differs, ask for what is held and not listed."""
    before = lane.clock()
    listing.prepare(lane)
    fetching = Fetching(lane, subject, run, hint=False)
    _, store_time = listing.collect(lane, bound.list_all(subject.store, lane.resource, since), fetching.take)
    future = listing.settle(lane, store_time)
    took = (lane.clock() - before).total_seconds()
    for chunk in listing.differing(lane, store_time):
        fetching.fetch(chunk)
    for ids in listing.absent(lane):
        fetching.fetch_ids(ids)
    for ids in listing.destroyed(lane):
        fetching.fetch_ids(ids)
    for chunk in due(lane):
        fetching.fetch(chunk)
    state.put(lane, list_seconds=round(took, 3), future_stamped=future)
    lane.connection.commit()
    return fetching


def _analyze(lane: Lane) -> None:
    """A small sample will do: the planner must only learn that the tables are not empty any more."""
    lane.connection.execute("SET LOCAL default_statistics_target = 10")
    lane.connection.execute("ANALYZE source_record")
    for entity in stage.ENTITIES[lane.resource]:
        lane.connection.execute(f"ANALYZE {entity.table}")
    lane.connection.commit()
