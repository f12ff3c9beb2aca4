"""The pass that runs every few minutes: list what changed, fetch what differs, and what is due.

Mostly nothing did. Temporary tables are made only once there is something to put in: making and
dropping them was most of what a pass cost the database.
"""

from collections.abc import Iterable, Iterator

from storelink.connectors.protocol import ListPage
from storelink.sync import listing, state
from storelink.sync.fetching import Fetching, due
from storelink.sync.lane import Lane
from storelink.sync.run import Run
from storelink.sync.subject import Subject


def incremental(lane: Lane, subject: Subject) -> Run:
    """One pass. A resource that cannot be listed by change is listed whole."""
    run = Run.begin(lane, "incremental", subject.store.traffic)
    held = state.load(lane)
    assert held.watermark is not None, "a resource is followed only after its backfill"
    whole = lane.resource in subject.connector.listed_whole
    store = subject.store
    before = lane.clock()
    fetching = Fetching(lane, subject, run)
    pages = _Pages(
        lane, store.list_all(lane.resource) if whole else store.list_since(lane.resource, held.watermark)
    )
    if whole:
        pages.prepare()
    lines, store_time = listing.collect(lane, pages, fetching.take)
    took = (lane.clock() - before).total_seconds()
    future = 0
    if lines or whole:
        future = listing.settle(lane, store_time)
        for chunk in listing.differing(lane, store_time):
            fetching.fetch(chunk)
        if whole:
            for ids in listing.absent(lane):
                fetching.fetch_ids(ids)
    if pages.prepared:
        for ids in listing.destroyed(lane):
            fetching.fetch_ids(ids)
    for chunk in due(lane):
        fetching.fetch(chunk)
    columns = {"list_seconds": round(took, 3), "withheld": fetching.withheld} if whole else {}
    state.complete(
        lane, subject, run, watermark=store_time or held.watermark, future_stamped=future, **columns
    )
    fetching.demand_decision()
    return run


class _Pages:
    """The pages of a list; its tables are made before the first page that has anything."""

    def __init__(self, lane: Lane, pages: Iterable[ListPage]) -> None:
        self._lane, self._pages = lane, pages
        self.prepared = False

    def prepare(self) -> None:
        """Make the tables."""
        listing.prepare(self._lane)
        self.prepared = True

    def __iter__(self) -> Iterator[ListPage]:
        for page in self._pages:
            if not self.prepared and (page.records or page.destroyed):
                self.prepare()
            yield page


def targeted(lane: Lane, subject: Subject, ids: list[str] | None = None) -> Run:
    """Fetch these records, or all that are due. Takes no lane: the guard makes writers safe."""
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
