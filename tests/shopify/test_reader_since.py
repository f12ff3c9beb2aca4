"""Orders from a time on, of a simulated shop over HTTP: by bulk, in windows and by pages."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from storelink.connectors.bound import Extent
from storelink.connectors.protocol import Account, Limits, RawPage
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.reader import Reader
from storelink.connectors.shopify.windows import Plan, plan_of
from storelink.errors import Rejected
from storelink.sandbox.running import RunningShopify, start_shopify

QUERY = queries.inlined("bulk_orders")
SINCE = datetime(2026, 8, 23, 10, tzinfo=UTC)
Reading = Callable[..., Reader]


@pytest.fixture(scope="module")
def running() -> Iterator[RunningShopify]:
    with start_shopify(orders=120, products=20, customers=30, plan="enterprise") as shop:
        yield shop


@pytest.fixture
def shop(running: RunningShopify) -> Iterator[RunningShopify]:
    yield running
    running.admin.faults([])
    running.admin.set_site(bulk_fault="")


@pytest.fixture
def reading(shop: RunningShopify) -> Iterator[Reading]:
    clients: list[Client] = []

    def open_reader(*, large: int = 10_000) -> Reader:
        account = Account("shop", shop.url, "token", {"access_token": shop.token}, {}, allow_http=True)
        clients.append(Client(account, Limits(retries=1), lambda: datetime.now(UTC)))
        return Reader(
            clients[-1], {}, Limits(), sleep=lambda seconds: time.sleep(min(seconds, 0.05)), large=large
        )

    yield open_reader
    for client in clients:
        client.close()


def made(shop: RunningShopify) -> dict[str, datetime]:
    return {str(one["id"]): datetime.fromisoformat(one["createdAt"]) for one in shop.admin.records("orders")}


def middle(shop: RunningShopify) -> datetime:
    times = sorted(made(shop).values())
    return times[len(times) // 2]


def keys_of(pages: list[RawPage]) -> list[str]:
    return sorted(record["id"].rpartition("/")[2] for page in pages for record in page.records)


@pytest.mark.parametrize(
    ("large", "cursor"), [(10_000, None), (10, None), (10_000, {"after": None})], ids=["one", "five", "pages"]
)
def test_everything_made_since_is_read_and_nothing_else(
    shop: RunningShopify, reading: Reading, large: int, cursor: Any
) -> None:
    moment = middle(shop)
    wanted = sorted(key for key, at in made(shop).items() if at >= moment)
    assert 30 < len(wanted) < len(made(shop)) - 30
    pages = list(reading(large=large).backfill("orders", cursor, moment))
    assert keys_of(pages) == wanted
    for page in pages[:: max(1, len(pages) // 4)]:
        rest = keys_of(list(reading(large=large).backfill("orders", page.cursor, moment)))
        assert set(rest) <= set(wanted)
    assert keys_of(list(reading(large=large).backfill("orders", pages[0].cursor, moment)))[-1:] == wanted[-1:]


@pytest.mark.parametrize("bulk", [True, False])
def test_everything_made_since_is_listed_and_nothing_else(
    shop: RunningShopify, reading: Reading, bulk: bool
) -> None:
    if not bulk:
        shop.admin.set_site(bulk_fault="access_denied")
    moment = middle(shop)
    pages = list(reading().list_all("orders", moment))
    found = {line.id: line.version for page in pages for line in page.records}
    assert sorted(found) == sorted(key for key, at in made(shop).items() if at >= moment)
    assert all(found.values())


def test_how_many_there_are(shop: RunningShopify, reading: Reading) -> None:
    times, moment = made(shop), middle(shop)
    assert reading().extent("orders") == Extent(len(times), min(times.values()))
    since = [at for at in times.values() if at >= moment]
    assert reading().extent("orders", moment) == Extent(len(since), moment)
    assert reading().extent("orders", datetime(2099, 1, 1, tzinfo=UTC)) == Extent(0, None)


def test_a_filter_that_was_ignored_is_no_count(shop: RunningShopify, reading: Reading) -> None:
    warning = {
        "field": "created_at",
        "message": "Invalid search field for this query.",
        "code": "invalid_field",
    }
    search = json.dumps({"search": [{"path": ["orders"], "query": "q", "warnings": [warning]}]})[:-1] + ","
    replace = [['"extensions":{', '"extensions":' + search]]
    shop.admin.faults([{"match": {"operation": "OrderSpan"}, "do": {"replace": replace}}])
    with pytest.raises(Rejected) as told:
        reading().extent("orders", SINCE)
    assert told.value.code == "search_warning"


# -- windows ---------------------------------------------------------------------------------------


def test_windows_begin_at_the_bound_and_say_so() -> None:
    plan = Plan.between(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC), SINCE)
    assert plan is not None
    filters = [text.split('"')[1] for text in plan.texts(QUERY)]
    assert filters[0].startswith("created_at:>='2026-08-23T10:00:00Z' created_at:<'2026-09")
    assert all("created_at:>='" in each for each in filters)


def test_windows_of_another_bound_are_others() -> None:
    args = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)
    bounded, whole = Plan.between(*args, SINCE), Plan.between(*args)
    assert bounded is not None and whole is not None
    assert {plan_of(text, QUERY, SINCE) for text in bounded.texts(QUERY)} == {bounded}
    assert {plan_of(text, QUERY) for text in whole.texts(QUERY)} == {whole}
    assert not any(plan_of(text, QUERY) for text in bounded.texts(QUERY))
    assert not any(plan_of(text, QUERY, SINCE) for text in whole.texts(QUERY))
    assert not set(bounded.texts(QUERY)) & set(whole.texts(QUERY))
