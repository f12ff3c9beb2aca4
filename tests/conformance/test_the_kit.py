"""Each case of the kit can fail: a connector that is wrong in just that way does not get past it."""

import copy
import pickle
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from inspect import signature
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog
from toy import PAGE, ToyConnector
from toy_laboratory import SHOPS, CarefulStore, CarefulToy, ToyLaboratory, moment

from storelink.conformance import Fault, connector_tests
from storelink.connectors.protocol import (
    Checkup,
    FetchPage,
    Finding,
    Listed,
    ListPage,
    Packed,
    RawPage,
    Read,
    Rejection,
    Rows,
)
from storelink.errors import AuthFailed, Misconfigured, Retryable, StorelinkError

CASES: list[tuple[str, type[CarefulStore] | type[CarefulToy], dict[str, Any]]] = []


def caught_by(*names: str, **arguments: Any) -> Any:
    """Which cases must catch a wrong store or connector, and what they are called with."""

    def enter(wrong: Any) -> Any:
        CASES.extend((f"test_{name}", wrong, arguments) for name in names)
        return wrong

    return enter


@pytest.mark.parametrize(
    ("case", "wrong", "arguments"), CASES, ids=[f"{c[5:]}-{w.__name__}" for c, w, _ in CASES]
)
def test_the_kit_catches(case, wrong, arguments, request):
    run = getattr(connector_tests(laboratory(wrong))(), case)
    if "database" in signature(run).parameters:
        arguments = {"database": request.getfixturevalue("database"), **arguments}
    try:
        with pytest.raises((AssertionError, pytest.fail.Exception, StorelinkError, *CRASHES.get(wrong, ()))):
            run(**arguments)
    except pytest.skip.Exception as skipped:
        pytest.fail(f"the case was skipped: {skipped}")


def test_every_case_has_a_wrong_connector():
    cases = {name for name in dir(connector_tests(ToyLaboratory)) if name.startswith("test_")}
    assert cases == {name for name, _, _ in CASES}


def laboratory(wrong: Any) -> type[ToyLaboratory]:
    """The toy's laboratory with a wrong store or a wrong connector in it."""
    if issubclass(wrong, CarefulStore):
        wrong = type("Wrong", (CarefulToy,), {"store": wrong})
    return type("WrongLaboratory", (ToyLaboratory,), {"connector": wrong()})


# -- wrong walks -----------------------------------------------------------------------------------


@caught_by("walks_all_pages", resource="orders")
class LosesTheShortPage(CarefulStore):
    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        for page in super().backfill(resource, cursor):
            if len(page.records) == PAGE:
                yield page


@caught_by("ties_larger_than_a_page", resource="orders")
class PagesByTimeStrictly(CarefulStore):
    strictly = True

    def _listed(self, resource: str, since: Any) -> Iterator[ListPage]:
        while True:
            started = self._request(f"list {resource}")
            newer = [
                (raw["updated"], key) for key, raw in self.records[resource].items()
                if since is None or (raw["updated"] > since if self.strictly else raw["updated"] >= since)
            ]  # fmt: skip
            page = sorted(newer)[:PAGE]
            yield ListPage([Listed(key, stamp) for stamp, key in page], self._read(started))
            if len(page) < PAGE:
                return
            since = page[-1][0]


@caught_by("ties_larger_than_a_page", resource="orders")
class PagesByTimeForEver(PagesByTimeStrictly):
    strictly = False


@caught_by("a_change_in_the_second_of_the_watermark_is_listed", followed="orders")
class HasNoOverlap(CarefulStore):
    def list_since(self, resource: str, watermark: Any) -> Iterator[ListPage]:
        return self._listed(resource, watermark)


@caught_by("only_what_was_deleted_is_called_destroyed", followed="orders")
class CallsDestroyedWhatIsThere(CarefulStore):
    def list_since(self, resource: str, watermark: Any) -> Iterator[ListPage]:
        for page in super().list_since(resource, watermark):
            yield replace(page, destroyed=self.keys(resource))


@caught_by("a_token_is_kept_and_used_again")
@caught_by("a_token_that_ended_is_renewed")
class HasATokenIssuedEachTime(CarefulToy):
    def open(self, account: Any, limits: Any, clock: Any) -> Any:
        if account.tokens:
            account.tokens.renew(account.tokens.held(), lambda kept: {"access_token": f"{kept}1"})
        return super().open(account, limits, clock)


@caught_by("what_was_changed_before_the_watermark_is_mostly_left_out", followed="orders")
class ListsEverything(CarefulStore):
    def list_since(self, resource: str, watermark: Any) -> Iterator[ListPage]:
        return self._listed(resource, None)


@caught_by("resumes_from_any_checkpoint_without_a_gap", resource="orders")
@caught_by("no_record_is_lost_while_rows_move_between_pages", resource="orders")
class PagesByOffset(CarefulStore):
    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        at = cursor["at"] if cursor else 0
        while keys := self.keys(resource)[at : at + PAGE]:
            started = self._request(f"backfill {resource} {at}")
            at += PAGE
            records = [copy.deepcopy(self.records[resource][key]) for key in keys]
            yield RawPage(records, self._read(started), {"at": at})


@caught_by("resumes_from_any_checkpoint_without_a_gap", resource="orders")
class SavesTheCursorTooEarly(CarefulStore):
    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        for page in super().backfill(resource, cursor):
            yield RawPage(page.records, page.read, {"after": page.cursor["after"] + 1})


def elsewhere(resource: str, raw: dict[str, Any], settings: Any) -> Any:
    """A normalizer that another process finds."""
    return CarefulToy().normalize(resource, {**raw, "status": "cancelled"}, settings)


@caught_by("packed_records_are_the_same_wherever_they_are_prepared", resource="orders")
class PacksForAnotherNormalizer(CarefulStore):
    ids = staticmethod(lambda keys: keys)
    normalizer: Any = staticmethod(elsewhere)

    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        for page in super().backfill(resource, cursor):
            keys = self.ids([raw["id"] for raw in page.records])
            parts = [pickle.dumps(raw) for raw in page.records]
            yield replace(page, records=Packed(keys, parts, pickle.loads, self.normalizer))


@caught_by("packed_records_are_the_same_wherever_they_are_prepared", resource="orders")
class MistakesWhoIsPacked(PacksForAnotherNormalizer):
    ids = staticmethod(lambda keys: keys[::-1])
    normalizer = CarefulToy().normalize


@caught_by("trashed_records_are_read_too", trashed="orders")
class LeavesOutTheTrash(CarefulStore):
    def _listed(self, resource: str, since: Any) -> Iterator[ListPage]:
        for page in super()._listed(resource, since):
            live = [line for line in page.records if not self.records[resource][line.id]["trashed"]]
            yield ListPage(live, page.read)


@caught_by("an_empty_page_is_not_the_end")
class EndsAtAnEmptyPage(CarefulStore):
    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        for page in super().backfill(resource, cursor):
            if not page.records:
                return
            yield page


# -- wrong fetches and lists -----------------------------------------------------------------------


@caught_by("fetch_answers_every_id_in_exactly_one_way", resource="orders")
class ForgetsWhatIsNotThere(CarefulStore):
    def fetch(self, resource: str, ids: Any) -> Iterator[FetchPage]:
        for page in super().fetch(resource, ids):
            yield FetchPage(page.found, page.read)


@caught_by("gone_is_only_what_the_platform_calls_gone", resource="orders")
class TakesAny404ForGone(CarefulStore):
    def fetch(self, resource: str, ids: Any) -> Iterator[FetchPage]:
        try:
            yield from super().fetch(resource, ids)
        except Misconfigured:
            now = self.clock()
            yield FetchPage({}, Read(now, now), gone=list(ids))


@caught_by("gone_is_only_what_the_platform_calls_gone", resource="orders")
@caught_by("an_empty_list_deletes_nothing")
class TakesSilenceForGone(CarefulStore):
    def fetch(self, resource: str, ids: Any) -> Iterator[FetchPage]:
        for page in super().fetch(resource, ids):
            yield FetchPage(page.found, page.read, [*page.gone, *page.unanswered])


@caught_by("list_versions_equal_record_versions", resource="orders")
class ListsOtherVersions(CarefulStore):
    def _listed(self, resource: str, since: Any) -> Iterator[ListPage]:
        for page in super()._listed(resource, since):
            lines = [Listed(line.id, line.version + timedelta(hours=1)) for line in page.records]
            yield ListPage(lines, page.read)


@caught_by("times_of_reads_are_aware_and_in_order", resource="orders")
class TakesItsOwnClock(CarefulStore):
    def _read(self, started: Any) -> Read:
        return Read(started, self.clock(), started)


@caught_by("times_of_reads_are_aware_and_in_order", resource="orders")
class ReadsBackwards(CarefulStore):
    def _read(self, started: Any) -> Read:
        return Read(started, started - timedelta(seconds=1), self.now)


@caught_by("several_threads_may_ask_at_once", resource="orders")
class IsForOneThread(CarefulStore):
    def fetch(self, resource: str, ids: Any) -> Iterator[FetchPage]:
        self.asked = ids
        time.sleep(0.05)
        yield from super().fetch(resource, self.asked)


# -- wrong answers to trouble ----------------------------------------------------------------------


@caught_by("asked_to_wait_it_waits_as_long_as_told")
@caught_by("asked_to_wait_without_a_hint_it_gives_up_in_the_end")
@caught_by("a_failure_for_good_is_raised_as_retryable", failure=Fault.FAILED)
class AsksAgainAtOnce(CarefulStore):
    def _request(self, what: str) -> Any:
        for _ in range(50):
            with suppress(Retryable):
                return super()._request(what)
        raise StopAsking

    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        with suppress(StopAsking):
            yield from super().backfill(resource, cursor)


class StopAsking(Exception):
    pass


@caught_by("a_failure_in_mid_walk_costs_nothing", resource="orders", failure=Fault.CUT)
class SkipsAFailedPage(CarefulStore):
    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        after = cursor["after"] if cursor else 0
        while left := [key for key in self.keys(resource) if int(key) > after][:PAGE]:
            after = int(left[-1])
            with suppress(Retryable):
                started = self._request("backfill")
                records = [self.records[resource][key] for key in left]
                yield RawPage(records, self._read(started), {"after": after})


@caught_by("a_failure_for_good_is_raised_as_retryable", failure=Fault.FAILED)
class TakesAFailureForTheEnd(CarefulStore):
    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        with suppress(Retryable):
            yield from super().backfill(resource, cursor)


@caught_by("refused_credentials_are_told_at_once")
@caught_by("refused_credentials_stop_the_store")
class HopesForOtherCredentials(CarefulStore):
    def _request(self, what: str) -> Any:
        try:
            return super()._request(what)
        except AuthFailed as error:
            raise Retryable("not now") from error


@caught_by("a_failure_for_good_keeps_what_was_read")
class ReadsAllBeforeItGivesAny(CarefulStore):
    def backfill(self, resource: str, cursor: Any) -> Iterator[RawPage]:
        pages = list(super().backfill(resource, cursor))
        yield RawPage([raw for page in pages for raw in page.records], pages[0].read, pages[-1].cursor)


# -- wrong normalizers -----------------------------------------------------------------------------


@caught_by("recorded_records_become_rows")
class UnderstandsNoCustomer(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        return Rejection("1", "no") if resource == "customers" else super().normalize(resource, raw, settings)


@caught_by("normalize_is_total", "null_and_missing_fields")
class TrustsTheStore(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        return ToyConnector.normalize(self, resource, {**raw, "updated": moment(raw["updated"])}, settings)


@caught_by("unicode_and_hostile_text")
class TakesAnyName(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        found = super().normalize(resource, {**raw, "name": None}, settings)
        for row in getattr(found, "customers", ()):
            return Rows(found.id, found.version, customers=[row._replace(name=raw.get("name"))])
        return found


@caught_by("money_is_exact", "unicode_and_large_amounts_arrive_as_they_are")
class CountsInFloats(CarefulToy):
    def _orders(self, key: str, raw: dict[str, Any], settings: Any) -> Rows:
        return super()._orders(key, {**raw, "total": repr(float(raw.get("total", "10.00")))}, settings)


@caught_by("recorded_records_become_rows")
class WithholdsWhatIsNoColumn(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        found = super().normalize(resource, raw, settings)
        withheld = frozenset({"e_mail", "email.domain"})
        return replace(found, partial=True, withheld=withheld) if isinstance(found, Rows) else found


@caught_by("recorded_records_become_rows")
class WithholdsAndIsWhole(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        found = super().normalize(resource, raw, settings)
        return replace(found, withheld=frozenset({"metadata"})) if isinstance(found, Rows) else found


@caught_by("recorded_records_become_rows")
class DividesAsItComes(CarefulToy):
    def _orders(self, key: str, raw: dict[str, Any], settings: Any) -> Rows:
        rows = super()._orders(key, raw, settings)
        items = [item._replace(price=item.price / Decimal(3)) for item in rows.items]
        return Rows(rows.id, rows.version, orders=rows.orders, items=items)


@caught_by("normalize_is_pure")
class KeepsNotesInTheRecord(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        if isinstance(raw, dict):
            raw["seen"] = True
        return super().normalize(resource, raw, settings)


@caught_by(
    "normalize_is_pure", "what_did_not_change_is_not_written", "rebuilding_from_what_is_held_changes_nothing"
)
class CountsItsCalls(CarefulToy):
    def __init__(self) -> None:
        super().__init__()
        self.calls = count()

    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        if isinstance(raw, dict):
            raw = {**raw, "call": next(self.calls)}
        return super().normalize(resource, raw, settings)


@caught_by("normalize_is_pure")
class ReadsAFile(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        Path(__file__).read_bytes()
        return super().normalize(resource, raw, settings)


@caught_by("the_tables_say_what_the_store_says")
class MistakesTheTimeZone(CarefulToy):
    def _customers(self, key: str, raw: dict[str, Any], settings: Any) -> Rows:
        return super()._customers(key, {**raw, "updated": raw["updated"] - timedelta(hours=5)}, settings)


@caught_by("trash_and_restore")
class DoesNotKnowTrash(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        if isinstance(raw, dict):
            raw = {**raw, "trashed": False}
        return super().normalize(resource, raw, settings)


@caught_by("an_unreadable_record_costs_only_itself")
class MakesTheBestOfIt(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        if isinstance(raw, dict):
            raw = {**raw, "bad": None}
        return super().normalize(resource, raw, settings)


@caught_by("unicode_and_large_amounts_arrive_as_they_are")
class KnowsAsciiOnly(CarefulToy):
    def _customers(self, key: str, raw: dict[str, Any], settings: Any) -> Rows:
        return super()._customers(
            key, {**raw, "name": raw["name"].encode("ascii", "ignore").decode()}, settings
        )


@caught_by("rebuilding_from_what_is_held_changes_nothing")
class RebuildsHalf(CarefulToy):
    def rebuild(self, resource: str, rows: Any) -> dict[str, Any]:
        raw = super().rebuild(resource, rows)
        raw.pop("refunds", None)
        return raw


# -- wrong passes ----------------------------------------------------------------------------------


@caught_by("the_next_pass_brings_what_changed", pause=60)
class NeverListsChanges(CarefulStore):
    def list_since(self, resource: str, watermark: Any) -> Iterator[ListPage]:
        yield ListPage([], self._read(self._request("list")))


@caught_by("deleted_records_are_found_by_verify")
class NeverSaysGone(CarefulStore):
    def fetch(self, resource: str, ids: Any) -> Iterator[FetchPage]:
        for page in super().fetch(resource, ids):
            yield FetchPage(page.found, page.read, unanswered=dict.fromkeys(page.gone, "not there"))


@caught_by("no_record_is_lost_while_the_store_is_worked_on")
class LosesAndDoesNotLook(PagesByOffset):
    def _listed(self, resource: str, since: Any) -> Iterator[ListPage]:
        for page in super()._listed(resource, since):
            yield page
            return


@caught_by("two_stores_side_by_side")
class KnowsOneStore(CarefulToy):
    def __init__(self) -> None:
        super().__init__()
        self.shops: dict[str, Any] = {}

    def open(self, account: Any, limits: Any, clock: Any) -> Any:
        shop = self.shops.setdefault(account.name, SHOPS.get(account.store_url))
        return CarefulStore(clock, shop, known=True)


@caught_by("records_that_come_with_a_list_are_whole", followed="orders")
class ListsHalfARecord(CarefulStore):
    def list_since(self, resource: str, watermark: Any) -> Iterator[ListPage]:
        for page in super().list_since(resource, watermark):
            half = {key: {**raw, "items": {}} for key, raw in page.found.items()}
            yield replace(page, found=half)


@caught_by("what_the_store_calls_destroyed_is_gone_after_the_next_pass")
class KeepsWhatWasDestroyedToItself(CarefulStore):
    def list_since(self, resource: str, watermark: Any) -> Iterator[ListPage]:
        for page in super().list_since(resource, watermark):
            yield replace(page, destroyed=())


@caught_by("what_is_out_of_sight_is_not_gone")
class TakesTheUnseenForGone(CarefulStore):
    def fetch(self, resource: str, ids: Any) -> Iterator[FetchPage]:
        for page in super().fetch(resource, ids):
            yield FetchPage(page.found, page.read, [*page.gone, *page.out_of_sight])


@caught_by("what_is_withheld_keeps_what_is_held")
class TakesNullForAnAnswer(CarefulToy):
    def normalize(self, resource: str, raw: Any, settings: Any) -> Any:
        found = super().normalize(resource, raw, settings)
        return replace(found, withheld=frozenset()) if isinstance(found, Rows) else found


@caught_by("what_is_withheld_keeps_what_is_held")
class KeepsItsSightToItself(CarefulStore):
    def check(self) -> Checkup:
        found = super().check()
        told = {name: one for name, one in found.settings.items() if name != "protected"}
        return replace(found, settings=told)


# -- wrong doctors ---------------------------------------------------------------------------------


@caught_by("check_of_a_healthy_store")
class IsNeverContent(CarefulStore):
    def check(self) -> Checkup:
        return Checkup((Finding("problem", "gloom", "It looks bad.", "Find another shop at once."),))


@caught_by("check_names_the_mend_for_wrong_credentials")
class KnowsNoMend(CarefulStore):
    def check(self) -> Checkup:
        found = super().check()
        return Checkup(tuple(Finding(f.level, f.code, f.what) for f in found.findings), {}, found.auth_failed)


@caught_by("check_never_raises")
class Faints(CarefulStore):
    def check(self) -> Checkup:
        self._request("hello")
        return super().check()


@caught_by("check_never_raises")
class BlamesTheCredentials(CarefulStore):
    def check(self) -> Checkup:
        found = super().check()
        return Checkup(found.findings, {}, auth_failed=not found.healthy)


@caught_by("what_is_listed_and_read_since_then_was_made_since_then", "a_bounded_store_agrees_with_the_store")
class ListsWhatIsOlder(CarefulStore):
    def list_all(self, resource: str, since: Any = None) -> Iterator[ListPage]:
        return super().list_all(resource)


@caught_by("narrower_nothing_goes_and_wider_the_rest_comes")
class ShowsOnlyWhatItListed(CarefulStore):
    """Takes what it did not list for deleted."""

    bound: Any = None

    def list_all(self, resource: str, since: Any = None) -> Iterator[ListPage]:
        self.bound = since
        return super().list_all(resource, since)

    def fetch(self, resource: str, ids: Any) -> Iterator[FetchPage]:
        for page in super().fetch(resource, ids):
            older = [key for key, raw in page.found.items() if self.bound and raw["made"] < self.bound]
            found = {key: raw for key, raw in page.found.items() if key not in older}
            yield replace(page, found=found, gone=[*page.gone, *older])


@caught_by("secrets_never_show")
class PutsTheTokenInErrors(CarefulToy):
    def open(self, account: Any, limits: Any, clock: Any) -> Any:
        class Telling(CarefulStore):
            def _request(self, what: str) -> Any:
                try:
                    return super()._request(what)
                except Retryable as error:
                    raise Retryable(f"GET /?token={account.credentials['token']}: {error}") from None

        return Telling(clock, SHOPS.get(account.store_url), known=True)


@caught_by("secrets_never_show")
class LogsWhatWasIssued(CarefulStore):
    def list_all(self, resource: str) -> Iterator[ListPage]:
        yield from super().list_all(resource)
        structlog.get_logger("toy").debug("listed", token=dict(self.tokens.held()) if self.tokens else None)


@caught_by("secrets_never_show")
class LogsTheToken(CarefulToy):
    def open(self, account: Any, limits: Any, clock: Any) -> Any:
        structlog.get_logger("toy").debug("opened", credentials=dict(account.credentials))
        return super().open(account, limits, clock)


CRASHES = {
    TrustsTheStore: (AttributeError, TypeError, KeyError, ValueError, ArithmeticError, ExceptionGroup),
    AsksAgainAtOnce: (StopAsking,),
}
