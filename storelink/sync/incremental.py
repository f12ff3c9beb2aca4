"""The pass that runs every few minutes: list what changed, fetch what differs, and what is due."""

from storelink.sync import listing, stage, state
from storelink.sync.fetching import Fetching, due
from storelink.sync.lane import Lane
from storelink.sync.run import Run
from storelink.sync.subject import Subject


def incremental(lane: Lane, subject: Subject) -> Run:
    """One pass. A resource that cannot be listed by change is listed whole."""
    stage.prepare(lane.connection, lane.resource)
    run = Run.begin(lane, "incremental", subject.store.traffic)
    held = state.load(lane)
    assert held.watermark is not None, "a resource is followed only after its backfill"
    whole = lane.resource in subject.connector.listed_whole
    store = subject.store
    before = lane.clock()
    listing.prepare(lane)
    fetching = Fetching(lane, subject, run)
    lines, store_time = listing.collect(
        lane,
        store.list_all(lane.resource) if whole else store.list_since(lane.resource, held.watermark),
        fetching.take,
    )
    took = (lane.clock() - before).total_seconds()
    future = 0
    if lines or whole:
        future = listing.settle(lane, store_time)
        for chunk in listing.differing(lane, store_time):
            fetching.fetch(chunk)
        if whole:
            for ids in listing.absent(lane):
                fetching.fetch_ids(ids)
    for ids in listing.destroyed(lane):
        fetching.fetch_ids(ids)
    for chunk in due(lane):
        fetching.fetch(chunk)
    columns = {"list_seconds": round(took, 3)} if whole else {}
    state.complete(
        lane, subject, run, watermark=store_time or held.watermark, future_stamped=future, **columns
    )
    fetching.demand_decision()
    return run


def targeted(lane: Lane, subject: Subject, ids: list[str] | None = None) -> Run:
    """Fetch these records, or all that are due. Takes no lane: the guard makes writers safe."""
    stage.prepare(lane.connection, lane.resource)
    run = Run.begin(lane, "targeted", subject.store.traffic)
    fetching = Fetching(lane, subject, run)
    if ids is not None:
        fetching.fetch_ids(ids)
    else:
        for chunk in due(lane):
            fetching.fetch(chunk)
    run.finish()
    lane.connection.commit()
    fetching.demand_decision()
    return run
