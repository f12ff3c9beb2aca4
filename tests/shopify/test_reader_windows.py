"""Very many orders: several bulk operations at once, each over a window of creation times, over HTTP."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from patience import crowd

from storelink.connectors.protocol import Account, Limits, RawPage
from storelink.connectors.shopify import everything, queries
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.reader import Reader
from storelink.connectors.shopify.windows import LARGE, Plan, plan_of
from storelink.errors import Retryable
from storelink.sandbox.running import RunningShopify, start_shopify

QUERY = queries.inlined("bulk_orders")
Reading = Callable[..., Reader]


@pytest.fixture
def shop() -> Iterator[RunningShopify]:
    with start_shopify(orders=120, products=20, customers=30, plan="enterprise") as running:
        yield running


@pytest.fixture
def reading(shop: RunningShopify) -> Iterator[Reading]:
    clients: list[Client] = []

    def open_reader(*, large: int = 50, sleep: Callable[[float], object] = lambda _: None) -> Reader:
        account = Account("shop", shop.url, "token", {"access_token": shop.token}, {}, allow_http=True)
        clients.append(Client(account, Limits(retries=1), lambda: datetime.now(UTC)))
        return Reader(clients[-1], {}, Limits(), sleep=sleep, large=large)

    yield open_reader
    for client in clients:
        client.close()


def pause(seconds: float) -> None:
    time.sleep(min(seconds, 0.1))


def keys_of(pages: list[RawPage]) -> list[str]:
    return sorted(record["id"].rpartition("/")[2] for page in pages for record in page.records)


def truth(shop: RunningShopify) -> list[str]:
    return sorted(str(record["id"]) for record in shop.admin.truth()["orders"])


def operations(reader: Reader) -> list[dict[str, Any]]:
    """All of this app's operations that read orders, oldest first."""
    answer = reader._client.ask(queries.load("bulk_recent"), {"first": 50})
    found = [node for node in answer.data["bulkOperations"]["nodes"] if "ReadOrders" in node["query"]]
    return found[::-1]


def asked(shop: RunningShopify, operation: str) -> int:
    return sum(entry.get("operation") == operation for entry in shop.admin.requests())


# -- windows -----------------------------------------------------------------------------------------


def test_every_moment_is_in_one_window() -> None:
    oldest = datetime(2019, 3, 1, 7, 0, 1, tzinfo=UTC)
    plan = Plan.between(oldest, datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert plan is not None
    filters = [text.split('"')[1] for text in plan.texts(QUERY)]
    assert len(filters) == 5
    ends = [part.split("'")[1] for each in filters for part in each.split() if ":<'" in part]
    starts = [part.split("'")[1] for each in filters for part in each.split() if ":>='" in part]
    assert starts == ends == sorted(set(ends))
    assert "2019-03-01T07:00:01Z" < ends[0] < ends[-1] < "2026-11-21T12:00:00Z"
    assert filters[0] == f"created_at:<'{ends[0]}'"
    assert filters[-1] == f"created_at:>='{ends[-1]}'"
    assert Plan.between(oldest, oldest + timedelta(seconds=2)) is None


def test_a_window_is_known_by_its_text() -> None:
    plan = Plan(1_600_000_000, 1_790_000_000, 5)
    texts = plan.texts(QUERY)
    assert {plan_of(text, QUERY) for text in texts} == {plan}
    assert plan_of(QUERY, QUERY) is None
    assert plan_of(texts[0].replace("phone", "note", 1), QUERY) is None
    assert plan_of(texts[0].replace("_5 {", "_999999 {", 1), QUERY) is None
    assert plan_of(texts[0].replace("_1790000000_", "_179000000000000000_", 1), QUERY) is None


# -- reading -----------------------------------------------------------------------------------------


def test_five_run_at_the_same_time_and_bring_every_order_once(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_seconds=3.0)
    reader = reading(sleep=pause)
    began = time.monotonic()
    pages = list(reader.backfill("orders", None))
    assert time.monotonic() - began < 14 * crowd()  # one after the other: 15
    assert keys_of(pages) == truth(shop)
    assert asked(shop, "OrderSpan") == 1
    assert len({each["query"] for each in operations(reader)}) == len(operations(reader)) == 5
    created = sorted(datetime.fromisoformat(each["createdAt"]) for each in operations(reader))
    assert created[-1] - created[0] < timedelta(seconds=3)
    assert list(pages[0].records) == []
    assert len(pages[0].cursor["bulk"]) == 5
    assert pages[0].read.store_time == created[0]
    assert pages[-1].cursor == {"done": True}
    assert {page.total for page in pages} == {len(truth(shop))}


def test_a_page_is_as_old_as_its_own_operation(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_occupied=4)  # one after the other
    reader = reading(sleep=lambda _: shop.admin.advance(60) and None)
    times: dict[str, set[Any]] = {}
    for page in reader.backfill("orders", None):
        if page.records and "bulk" in page.cursor and not page.records[0]["refunds"]:
            own = page.cursor["bulk"][page.cursor["at"]]
            times.setdefault(own["bulk"], set()).add(page.read.store_time)
            assert page.read.started.isoformat() == own["started"]
    created = {each["id"]: datetime.fromisoformat(each["createdAt"]) for each in operations(reader)}
    assert len(times) >= 3
    assert times == {key: {created[key]} for key in times}


def test_a_shop_with_fewer_orders_has_one_operation(shop: RunningShopify, reading: Reading) -> None:
    reader = reading(large=len(truth(shop)))
    assert keys_of(list(reader.backfill("orders", None))) == truth(shop)
    assert [each["query"] for each in operations(reader)] == [QUERY]
    assert len(truth(shop)) < LARGE
    list(reading(large=0).backfill("customers", None))
    assert asked(shop, "BulkStart") == 2


def test_a_crash_at_any_page_loses_nothing_and_starts_nothing(
    shop: RunningShopify, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(everything, "BATCH", 11)
    pages = list(reading().backfill("orders", None))
    assert len({page.cursor.get("at") for page in pages}) == 6
    for number, page in enumerate(pages, 1):
        rest = list(reading().backfill("orders", page.cursor))
        assert sorted(keys_of(pages[:number]) + keys_of(rest)) == truth(shop)
    assert len(operations(reading())) == 5


@pytest.mark.parametrize("died_at", [1, 3, 5])
def test_those_of_a_process_that_died_before_it_wrote_are_found(
    shop: RunningShopify, reading: Reading, died_at: int
) -> None:
    shop.admin.set_site(bulk_seconds=2.0)
    dying = reading()
    begun: list[str] = []
    run = dying._bulk._run

    def dies(query: str) -> Any:
        if len(begun) == died_at:
            raise KeyboardInterrupt
        begun.append(query)
        return run(query)

    dying._bulk._run = dies  # type: ignore[method-assign]
    if died_at == 5:
        next(dying.backfill("orders", None))
    else:
        with pytest.raises(KeyboardInterrupt):
            next(dying.backfill("orders", None))
    shop.admin.create_order()
    before = operations(dying)
    assert len(before) == died_at
    reader = reading(sleep=pause)
    pages = list(reader.backfill("orders", None))
    assert set(keys_of(pages)) >= set(truth(shop)[:-1])
    assert operations(reader)[:died_at] == [{**each, "status": "COMPLETED"} for each in before]
    assert len(operations(reader)) == 5
    assert pages[0].read.store_time == min(datetime.fromisoformat(each["createdAt"]) for each in before)


def test_a_whole_one_of_a_process_that_died_is_taken(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_seconds=1.0)
    old = next(reading(large=LARGE).backfill("orders", None))
    assert keys_of(list(reading(sleep=pause).backfill("orders", old.cursor))) == truth(shop)
    shop.admin.set_site(bulk_seconds=2.0)
    next(reading(large=LARGE).backfill("orders", None))
    assert keys_of(list(reading(sleep=pause).backfill("orders", None))) == truth(shop)
    assert [each["query"] for each in operations(reading())] == [QUERY, QUERY]


@pytest.mark.parametrize("fault", ["failed", "failed_empty", "expired", "wrong_count", "url_expired", "cut"])
def test_a_window_that_fails_is_begun_anew_alone(shop: RunningShopify, reading: Reading, fault: str) -> None:
    shop.admin.set_site(bulk_fault=fault, bulk_fault_times=1)
    reader = reading()
    pages = list(reader.backfill("orders", None))
    assert keys_of(pages) == truth(shop)
    counts = Counter(each["query"] for each in operations(reader))
    assert sorted(counts.values()) == [1, 1, 1, 1, 2]
    assert counts[operations(reader)[0]["query"]] == 2
    assert asked(shop, "OrderPage") == 0


def test_one_that_is_lost_between_windows_is_begun_anew_alone(shop: RunningShopify, reading: Reading) -> None:
    pages: list[RawPage] = []
    for page in reading().backfill("orders", None):
        pages.append(page)
        if page.cursor["at"] == 2:
            break
    texts = [each["query"] for each in operations(reading())]
    cursor = {**pages[-1].cursor, "bulk": [dict(each) for each in pages[-1].cursor["bulk"]]}
    cursor["bulk"][3]["bulk"] = "gid://shopify/BulkOperation/1"
    rest = list(reading().backfill("orders", cursor))
    assert sorted(keys_of(pages) + keys_of(rest)) == truth(shop)
    assert [each["query"] for each in operations(reading())] == [*texts, texts[3]]


def test_after_three_attempts_it_goes_by_pages(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_fault="failed")
    reader = reading()
    assert keys_of(list(reader.backfill("orders", None))) == truth(shop)
    counts = Counter(each["query"] for each in operations(reader))
    assert sorted(counts.values()) == [1, 1, 1, 1, 3]
    assert asked(shop, "OrderPage") >= 1


# each lasts so long that the last of those that fit is begun before the first has ended
@pytest.mark.parametrize(("occupied", "seconds"), [(1, 4.0), (3, 2.5), (4, 1.5)])
def test_what_fits_is_started_and_the_others_when_there_is_room(
    shop: RunningShopify, reading: Reading, occupied: int, seconds: float
) -> None:
    shop.admin.set_site(bulk_seconds=seconds, bulk_occupied=occupied)
    reader = reading(sleep=pause)
    pages = list(reader.backfill("orders", None))
    assert sum(map(bool, pages[0].cursor["bulk"])) == 5 - occupied
    assert keys_of(pages) == truth(shop)
    assert len({each["query"] for each in operations(reader)}) == len(operations(reader)) == 5
    for number, page in enumerate(pages, 1):
        rest = list(reading(sleep=pause).backfill("orders", page.cursor)) if number % 5 == 0 else None
        assert rest is None or sorted(keys_of(pages[:number]) + keys_of(rest)) == truth(shop)


def test_room_that_comes_while_one_is_waited_for_is_used(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_seconds=2.0, bulk_occupied=4)
    reader = reading(sleep=pause)
    pages = reader.backfill("orders", None)
    first = next(pages)
    shop.admin.set_site(bulk_occupied=0)
    second = next(pages)
    assert [bool(each) for each in first.cursor["bulk"]] == [True, False, False, False, False]
    assert all(second.cursor["bulk"])
    assert list(second.records) == []
    assert [each["status"] for each in operations(reader)].count("COMPLETED") == 0
    assert keys_of([first, second, *pages]) == truth(shop)


def test_no_room_at_all_is_waited_for_and_then_said(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_occupied=5)
    with pytest.raises(Retryable) as caught:
        list(reading().backfill("orders", None))
    assert caught.value.code == "bulk_busy"
