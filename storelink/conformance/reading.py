"""Cases about reading alone: what a connector's store says when it is asked."""

import json
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from storelink.conformance.laboratory import Fault, Laboratory
from storelink.conformance.opened import Opened, ending, opened, records_of, several_pages
from storelink.connectors.protocol import FetchPage, Ignored, Packed, Rejection, Rows
from storelink.errors import AuthFailed, Retryable

_FAILURES = (Fault.FAILED, Fault.HANGS, Fault.CUT)


class Reading:
    """Lists, fetches and backfills, on a store of three pages."""

    laboratory: type[Laboratory]

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Cases run once for each of what they name, as far as platform and laboratory have it."""
        lab, resources = self.laboratory, self.laboratory.connector.resources
        followed = [name for name in resources if name not in lab.connector.listed_whole]
        values = {
            "resource": resources,
            "followed": followed,
            "trashed": [name for name in resources if name in lab.trash_cans],
            "pause": [60, 3 * 86_400],
            "failure": [fault for fault in _FAILURES if fault in lab.faults],
        }
        for name, several in values.items():
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, several)

    def start(self, records: int | None = None) -> Laboratory:
        """A store of three pages, or of so many records."""
        return self.laboratory(several_pages(self.laboratory) if records is None else records)

    # -- walks

    def test_walks_all_pages(self, resource: str) -> None:
        """A backfill brings every record, and the list shows every one, the last page included."""
        with self.start() as lab, opened(lab) as store:
            known = records_of(lab, resource)
            assert len(known) > 2 * lab.page, f"the laboratory made only {len(known)} {resource}"
            found = store.backfill(resource)
            assert not known - found.keys(), "the backfill lacks some"
            assert not [key for key in found.keys() - known if _has_rows(found[key])], "it has too many"
            listed = {line.id for line in store.list_all(resource)}
            assert not known - listed, "the list lacks some"
            assert _ignored(store, resource, listed - known), "the list shows what does not exist"

    def test_ties_larger_than_a_page(self, resource: str) -> None:
        """More records changed in one second than fit a page: all are listed, and the list ends."""
        with self.start() as lab, opened(lab) as store:
            known = sorted(records_of(lab, resource))
            lab.pass_time(86_400)
            watermark = store.store_time(resource)
            lab.pass_time(60)
            tied = known[: lab.page + lab.page // 2 + 1]
            for key in tied:
                lab.edit(resource, key, "tied")
            lab.pass_time(60)
            listed = store.list_all if resource in lab.connector.listed_whole else None
            lines = listed(resource) if listed else store.list_since(resource, watermark)
            stamps = {line.version for line in lines if line.id in tied}
            assert {line.id for line in lines} >= set(tied), "the list lacks some"
            assert len(stamps) == 1, f"the laboratory gave them {len(stamps)} different stamps"

    def test_a_change_in_the_second_of_the_watermark_is_listed(self, followed: str) -> None:
        """A watermark is a whole second, and a record may change later in the same one."""
        with self.start(5) as lab, opened(lab) as store:
            key = min(records_of(lab, followed))
            lab.pass_time(86_400)
            watermark = store.store_time(followed)
            lab.edit(followed, key, "at once")
            lab.pass_time(60)
            assert key in {line.id for line in store.list_since(followed, watermark)}

    def test_what_was_changed_before_the_watermark_is_mostly_left_out(self, followed: str) -> None:
        """A list of changes is no full list: what is a day older than the watermark is not on it."""
        with self.start(5) as lab, opened(lab) as store:
            lab.pass_time(3 * 86_400)
            assert store.list_since(followed, store.store_time(followed)) == []

    def test_resumes_from_any_checkpoint_without_a_gap(self, resource: str) -> None:
        """Each page's cursor, as JSON, leads to exactly what was not read yet, also after deletions."""
        with self.start() as lab, opened(lab) as store:
            known = records_of(lab, resource)
            seen: set[str] = set()
            checkpoints = []
            for page in ending(store.store.backfill(resource, None)):
                seen |= {rows.id for rows in store.understood(resource, page.records)}
                checkpoints.append((frozenset(seen), json.dumps(page.cursor)))
            assert not known - seen
            # the first page may be empty, only to keep a cursor that would be lost otherwise
            first = min(next(before for before, _ in checkpoints if before))
            lab.delete(resource, first)  # rows behind a checkpoint move those before it
            for before, cursor in checkpoints:
                after = set(store.backfill(resource, json.loads(cursor)))
                assert not known - before - after - {first}, "a gap"

    def test_packed_records_are_the_same_wherever_they_are_prepared(self, resource: str) -> None:
        """Where they come packed: with their ids, and with functions that another process finds by name."""
        with self.start() as lab, opened(lab) as store:
            for page in ending(store.store.backfill(resource, None)):
                if not isinstance(page.records, Packed):
                    continue
                functions = pickle.dumps((page.records.unpack, page.records.normalize))
                unpack, normalize = pickle.loads(functions)  # noqa: S301 - our own
                for key, part in zip(page.records.ids, page.records.parts, strict=True):
                    there = normalize(resource, unpack(part), store.settings)
                    here = store.normalize(resource, unpack(part))
                    assert there == here, f"{key} is another record elsewhere"
                    assert here.id in (key, None), f"{key} is {here.id}"

    def test_no_record_is_lost_while_rows_move_between_pages(self, resource: str) -> None:
        """Records edited, trashed, deleted and made between pages cost no other record its place."""
        with self.start() as lab, opened(lab) as store:
            known = records_of(lab, resource)
            for walk in (_backfilled, _listed):
                touched: set[str] = set()
                seen: set[str] = set()
                for ids in walk(store, resource):
                    seen |= ids
                    _disturb(lab, resource, sorted(known & ids - touched), touched)
                known -= touched
                assert not known - seen, f"{walk.__name__}: untouched records were lost"

    def test_trashed_records_are_read_too(self, trashed: str) -> None:
        """A trashed record is listed, fetched and backfilled, and says that it is trashed."""
        with self.start(5) as lab, opened(lab) as store:
            key = min(records_of(lab, trashed))
            lab.pass_time(86_400)
            watermark = store.store_time(trashed)
            lab.pass_time(60)
            lab.trash(trashed, key)
            lab.pass_time(60)
            assert key in {line.id for line in store.list_all(trashed)}
            if trashed not in lab.connector.listed_whole:
                assert key in {line.id for line in store.list_since(trashed, watermark)}
            assert store.fetch(trashed, [key])[key].trashed
            assert store.backfill(trashed)[key].trashed

    # -- fetches

    def test_fetch_answers_every_id_in_exactly_one_way(self, resource: str) -> None:
        """Found, gone, unanswered or broken: one of them for each id asked for, and none besides."""
        with self.start() as lab, opened(lab) as store:
            known = sorted(records_of(lab, resource))
            lab.delete(resource, known[0])
            asked = [*known, "999999999999", "0"]
            answered: list[str] = []
            for page in ending(store.store.fetch(resource, asked)):
                answered += _answers(page)
            assert sorted(answered) == sorted(asked)
            fetched = store.fetch(resource, known[1:])
            assert set(fetched) == set(known[1:])

    def test_gone_is_only_what_the_platform_calls_gone(self, resource: str) -> None:
        """A deleted record is gone; one that somebody else's 404 or a failure hides is not."""
        with self.start(6) as lab, opened(lab) as store:
            *kept, deleted = sorted(records_of(lab, resource))[:4]
            lab.delete(resource, deleted)
            gone = [key for page in store.store.fetch(resource, [deleted]) for key in page.gone]
            assert gone == [deleted], "a deleted record is not said to be gone"
            for fault in {Fault.NOT_THERE, Fault.FAILED, Fault.EMPTY} & lab.faults:
                lab.fault(fault, times=None)
                try:
                    gone = [key for page in store.store.fetch(resource, kept) for key in page.gone]
                except Exception as error:  # any refusal to answer is right here
                    assert not isinstance(error, AssertionError)
                    gone = []
                lab.heal()
                assert gone == [], f"{fault} was taken for a deletion"

    def test_list_versions_equal_record_versions(self, resource: str) -> None:
        """An exact line of a list says the version and parts that the record itself has."""
        with self.start() as lab, opened(lab) as store:
            if resource in lab.trash_cans:
                lab.trash(resource, min(records_of(lab, resource)))
            lab.pass_time(60)
            records = store.backfill(resource)
            lines = [line for line in store.list_all(resource) if line.id in records]
            versions: dict[str, list[datetime | None]] = {}
            for line in lines:
                if line.exact:
                    versions.setdefault(line.id, []).append(line.version)
                if line.parts is not None:
                    assert sorted(line.parts) == sorted(records[line.id].parts or ()), f"parts of {line.id}"
            assert lines and versions
            for key, found in versions.items():  # a record listed more than once is as new as its newest line
                newest = max(filter(None, found), default=None)
                assert newest == records[key].version, f"version of {key}"

    def test_times_of_reads_are_aware_and_in_order(self, resource: str) -> None:
        """Reads start before they finish, and the store's clock is the store's."""
        with self.start() as lab, opened(lab) as store:
            lab.pass_time(86_400)
            keys = sorted(records_of(lab, resource))[:3]
            pages: list[Any] = [
                *store.store.list_all(resource),
                *store.store.backfill(resource, None),
                *store.store.fetch(resource, keys),
            ]
            for page in pages:
                assert page.read.started <= page.read.finished
                if page.read.store_time is not None:
                    ahead = page.read.store_time - page.read.started
                    assert ahead > timedelta(hours=12), "not the store's clock, which is a day ahead"
            for line in store.list_all(resource):
                assert line.version is None or line.version.utcoffset() is not None

    def test_several_threads_may_ask_at_once(self, resource: str) -> None:
        """One opened store answers four threads as it answers one."""
        with self.start(8) as lab, opened(lab) as store:
            keys = sorted(records_of(lab, resource))
            alone = store.fetch(resource, keys)
            with ThreadPoolExecutor(4) as pool:
                together = list(pool.map(lambda key: store.fetch(resource, [key]), keys))
            assert together == [{key: alone[key]} for key in keys]

    def test_only_what_was_deleted_is_called_destroyed(self, followed: str) -> None:
        """A list of changes may name what was destroyed; a fetch then confirms each of them."""
        with self.start(5) as lab, opened(lab) as store:
            key = min(records_of(lab, followed))
            watermark = store.store_time(followed)
            lab.pass_time(60)
            lab.delete(followed, key)
            lab.pass_time(60)
            pages = list(ending(store.store.list_since(followed, watermark)))
            destroyed = {one for page in pages for one in page.destroyed}
            assert not destroyed & records_of(lab, followed), "it calls destroyed what is there"
            fetched = ending(store.store.fetch(followed, sorted(destroyed)))
            assert {one for page in fetched for one in page.gone} == destroyed

    def test_records_that_come_with_a_list_are_whole(self, followed: str) -> None:
        """They are those of the lines, and the same that a fetch brings."""
        with self.start(5) as lab, opened(lab) as store:
            lab.pass_time(3600)
            watermark = store.store_time(followed)
            lab.pass_time(3 * 86_400)
            for key in sorted(records_of(lab, followed)):
                lab.edit(followed, key, "changed")
            lab.pass_time(60)
            pages = [
                *ending(store.store.list_since(followed, watermark)),
                *ending(store.store.list_all(followed)),
            ]
            found = {key: raw for page in pages for key, raw in page.found.items()}
            if not found:
                pytest.skip(f"lists of {followed} bring versions alone")
            for page in pages:
                assert page.found.keys() <= {line.id for line in page.records}, "records without a line"
            listed = {rows.id: rows for rows in store.understood(followed, found.values())}
            assert listed.keys() == found.keys(), "they come under other ids than theirs"
            assert listed == store.fetch(followed, found), "a fetch brings something else"

    # -- when things go wrong

    def test_an_empty_page_is_not_the_end(self) -> None:
        """A page in mid-walk that comes empty costs what is on it at most; those after it are read."""
        resource = self.laboratory.connector.resources[-1]
        with self.start(5 * self.laboratory.page + 1) as lab, opened(lab) as store:
            _need(lab, Fault.EMPTY)
            known = records_of(lab, resource)
            for walk in (_backfilled, _listed):
                seen: set[str] = set()
                try:
                    for number, ids in enumerate(walk(store, resource)):
                        seen |= ids
                        if number == 0:
                            lab.fault(Fault.EMPTY)
                except Retryable:
                    continue
                assert len(known - seen) <= lab.page, f"{walk.__name__} ended at an empty page"

    def test_asked_to_wait_it_waits_as_long_as_told(self) -> None:
        """429 with a hint: not before that time, and the walk goes on where it was."""
        resource = self.laboratory.connector.resources[-1]
        with self.start() as lab, opened(lab) as store:
            _need(lab, Fault.THROTTLED)
            known = records_of(lab, resource)
            lab.fault(Fault.THROTTLED, nth=2)
            began = time.monotonic()
            try:
                assert set(store.backfill(resource)) == known
            except Retryable as error:
                assert error.after is not None and error.after >= 0.9, f"the hint was lost: {error!r}"
            else:
                assert time.monotonic() - began >= 0.9, "asked again too soon"
                assert store.store.traffic.throttled_seconds >= 0.9, "the wait is not counted"

    def test_asked_to_wait_without_a_hint_it_gives_up_in_the_end(self) -> None:
        """429 for ever without a hint: `Retryable`, after few requests."""
        resource = self.laboratory.connector.resources[-1]
        with self.start(5) as lab, opened(lab) as store:
            _need(lab, Fault.THROTTLED_SILENTLY)
            lab.fault(Fault.THROTTLED_SILENTLY, times=None)
            before = store.store.traffic.requests
            with pytest.raises(Retryable):
                store.backfill(resource)
            asked = store.store.traffic.requests - before
            assert asked <= 4 * (lab.limits.retries + 1), f"{asked} requests to a store that wants none"

    def test_a_failure_in_mid_walk_costs_nothing(self, resource: str, failure: Fault) -> None:
        """Once: the walk ends complete, or goes on complete from the last cursor it gave."""
        with self.start() as lab, opened(lab) as store:
            known = records_of(lab, resource)
            lab.fault(failure, nth=2)
            seen: set[str] = set()
            cursor = None
            for _ in range(3):
                try:
                    for page in ending(store.store.backfill(resource, cursor)):
                        cursor = json.loads(json.dumps(page.cursor))
                        seen |= {rows.id for rows in store.understood(resource, page.records)}
                except Retryable:
                    continue
                break
            assert not known - seen

    def test_a_failure_for_good_is_raised_as_retryable(self, failure: Fault) -> None:
        """For good: the walk neither ends as if it were complete nor goes on for ever."""
        resource = self.laboratory.connector.resources[-1]
        with self.start() as lab, opened(lab) as store:
            lab.fault(failure, nth=2, times=None)
            with pytest.raises(Retryable):
                store.backfill(resource)
            with pytest.raises(Retryable):
                store.list_all(resource)

    def test_refused_credentials_are_told_at_once(self) -> None:
        """`AuthFailed`, and no hammering: a few requests at most."""
        resource = self.laboratory.connector.resources[-1]
        with self.start(5) as lab, opened(lab) as store:
            _need(lab, Fault.REFUSED)
            lab.fault(Fault.REFUSED, times=None)
            for ask in (store.backfill, store.list_all):
                before = store.store.traffic.requests
                with pytest.raises(AuthFailed):
                    ask(resource)
                assert store.store.traffic.requests - before <= 2 * lab.limits.width


def _need(lab: Laboratory, fault: Fault) -> None:
    if fault not in lab.faults:
        pytest.skip(f"the laboratory cannot play {fault}")


def _backfilled(store: Opened, resource: str) -> Any:
    for page in ending(store.store.backfill(resource, None)):
        yield {rows.id for rows in store.understood(resource, page.records)}


def _listed(store: Opened, resource: str) -> Any:
    for page in ending(store.store.list_all(resource)):
        yield {line.id for line in page.records}


def _disturb(lab: Laboratory, resource: str, read: list[str], touched: set[str]) -> None:
    """Change the store after a page: the worst is done to what has been read."""
    lab.pass_time(1)
    deeds: list[Any] = [
        lambda key: lab.edit(resource, key, "moved"),
        lambda key: lab.delete(resource, key),
    ]
    if resource in lab.trash_cans:
        deeds.append(lambda key: lab.trash(resource, key))
    for key, deed in zip(read, deeds, strict=False):
        deed(key)
        touched.add(key)
    if read:  # not for ever, or the store would grow as fast as it is read
        lab.create(resource)


def _answers(page: FetchPage) -> list[str]:
    return [*page.found, *page.gone, *page.unanswered, *page.out_of_sight, *(item.id for item in page.broken)]


def _ignored(store: Opened, resource: str, keys: set[str]) -> bool:
    """Whether these exist, and are left out by design or for want of a readable form."""
    for page in store.store.fetch(resource, sorted(keys)) if keys else ():
        results = [store.normalize(resource, raw) for raw in page.found.values()]
        if page.gone or not all(_stands_for_no_row(result) for result in results):
            return False
    return True


def _stands_for_no_row(result: Any) -> bool:
    return not _has_rows(result) if isinstance(result, Rows) else isinstance(result, Ignored | Rejection)


def _has_rows(rows: Rows) -> bool:
    return bool(rows.products or rows.customers or rows.orders)
