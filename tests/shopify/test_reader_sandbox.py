"""The reader and the client against a simulated shop, over HTTP."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storelink.connectors.protocol import Account, Clock, FetchPage, Limits, ListPage, RawPage
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.reader import Reader
from storelink.errors import Retryable, StorelinkError
from storelink.sandbox.running import RunningShopify, start_shopify

RESOURCES = ("products", "customers", "orders")
SCOPES = ["read_all_orders", "read_customers", "read_orders", "read_products"]
Reading = Callable[..., Reader]


def _clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def shop() -> Iterator[RunningShopify]:
    with start_shopify(orders=120, products=30, customers=40, plan="enterprise") as running:
        yield running


@pytest.fixture
def reading(shop: RunningShopify) -> Iterator[Reading]:
    clients: list[Client] = []

    def open_reader(*, sleep: Callable[[float], object] = lambda _: None, version: str = "2026-10") -> Reader:
        settings = {"api_version": version, "scopes": SCOPES}
        account = Account("shop", shop.url, "token", {"access_token": shop.token}, settings, allow_http=True)
        clock: Clock = _clock
        clients.append(Client(account, Limits(retries=1), clock))
        return Reader(clients[-1], settings, Limits(), sleep=sleep)

    yield open_reader
    for client in clients:
        client.close()


def key_of(record: dict[str, Any]) -> str:
    return str(record["id"]).rpartition("/")[2]


def records_of(pages: Iterator[RawPage]) -> dict[str, dict[str, Any]]:
    found = [record for page in pages for record in page.records]
    assert len({record["id"] for record in found}) == len(found)
    return {key_of(record): record for record in found}


def fetched(pages: Iterator[FetchPage]) -> dict[str, dict[str, Any]]:
    return {key: record for page in pages for key, record in page.found.items()}


def listed(pages: Iterator[ListPage]) -> dict[str, datetime | None]:
    return {item.id: item.version for page in pages for item in page.records}


def truth(shop: RunningShopify, kind: str) -> set[str]:
    return {str(record["id"]) for record in shop.admin.truth()[kind]}


def asked(shop: RunningShopify, operation: str) -> list[dict[str, Any]]:
    return [entry for entry in shop.admin.requests() if entry.get("operation") == operation]


@pytest.mark.parametrize("version", ["2026-07", "2026-10"])
def test_bulk_pages_and_ids_give_the_same_records(
    shop: RunningShopify, reading: Reading, version: str
) -> None:
    shop.admin.churn(3, 80)
    for resource in RESOURCES:
        by_bulk = records_of(reading(version=version).backfill(resource, None))
        by_pages = records_of(reading(version=version).backfill(resource, {"after": None}))
        by_id = fetched(reading(version=version).fetch(resource, sorted(by_bulk)))
        assert set(by_bulk) == truth(shop, resource)
        assert by_bulk == by_pages == by_id
        assert listed(reading(version=version).list_all(resource)).keys() == by_bulk.keys()
    assert asked(shop, "BulkStart")


def test_records_have_no_trace_of_how_they_were_read(reading: Reading) -> None:
    traces = {"edges", "nodes", "pageInfo", "__parentId", "__typename"}

    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for item in value.values() for name in keys(item)}
        return {name for item in value for name in keys(item)} if isinstance(value, list) else set()

    for resource in RESOURCES:
        assert not traces & keys(list(records_of(reading().backfill(resource, None)).values()))


def test_refunded_orders_have_their_lines(shop: RunningShopify, reading: Reading) -> None:
    orders = records_of(reading().backfill("orders", None))
    refunds = [refund for order in orders.values() for refund in order["refunds"]]
    assert any(refund["refundLineItems"] for refund in refunds)
    assert any(refund["transactions"] for refund in refunds)


def test_a_product_of_2048_variants_is_whole(shop: RunningShopify, reading: Reading) -> None:
    product = shop.admin.truth()["products"][0]["id"]
    shop.admin.do("create_many_variants", product, count=2_000)
    by_bulk = records_of(reading().backfill("products", None))[str(product)]
    assert len(by_bulk["variants"]) >= 2_000
    assert fetched(reading().fetch("products", [str(product)]))[str(product)] == by_bulk
    assert records_of(reading().backfill("products", {"after": None}))[str(product)] == by_bulk


@pytest.mark.parametrize(
    "fault",
    [
        "failed", "failed_empty", "timeout", "expired", "url_expired", "wrong_count", "wrong_root_count",
        "canceled", "cut", "broken_line",
    ],
)  # fmt: skip
@pytest.mark.parametrize("times", [1, 0])
def test_whatever_becomes_of_an_operation_all_is_read(
    shop: RunningShopify, reading: Reading, fault: str, times: int
) -> None:
    shop.admin.set_site(bulk_fault=fault, bulk_fault_times=times)
    assert set(records_of(reading().backfill("orders", None))) == truth(shop, "orders")
    assert len(asked(shop, "BulkStart")) == (2 if times else 3)


@pytest.mark.parametrize("oddity", ["no_newline", "children_first", "no_newline children_first"])
def test_odd_results_are_whole_all_the_same(shop: RunningShopify, reading: Reading, oddity: str) -> None:
    usual = records_of(reading().backfill("orders", None))
    shop.admin.set_site(bulk_fault=oddity)
    shop.admin.clear_requests()
    assert records_of(reading().backfill("orders", None)) == usual
    assert len(asked(shop, "BulkStart")) == 1


def test_a_shop_with_nothing_in_it(reading: Reading) -> None:
    with start_shopify(orders=0, products=1, customers=0) as empty:
        account = Account("shop", empty.url, "token", {"access_token": empty.token}, {}, allow_http=True)
        client = Client(account, Limits(), _clock)
        try:
            reader = Reader(client, {}, Limits())
            assert records_of(reader.backfill("orders", None)) == {}
            assert listed(reader.list_all("orders")) == {}
            assert listed(reader.list_since("orders", _clock())) == {}
        finally:
            client.close()


def test_a_read_goes_on_with_its_operation(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_seconds=1.0)
    pages = reading().backfill("orders", None)
    first = next(pages)
    pages.close()  # type: ignore[attr-defined]  # it is a generator
    rest = records_of(reading(sleep=_sleep).backfill("orders", first.cursor))
    assert set(rest) == truth(shop, "orders")
    assert len(asked(shop, "BulkStart")) == 1


def test_one_begun_by_a_process_that_died_is_found(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_seconds=1.0)
    next(reading().backfill("orders", None))
    assert set(records_of(reading(sleep=_sleep).backfill("orders", None))) == truth(shop, "orders")
    assert len(asked(shop, "BulkStart")) == 1


def test_others_that_run_are_waited_for(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(bulk_occupied=5)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            shop.admin.set_site(bulk_occupied=0)

    assert set(records_of(reading(sleep=sleep).backfill("orders", None))) == truth(shop, "orders")
    assert len(waits) >= 3
    shop.admin.set_site(bulk_occupied=5)
    with pytest.raises(Retryable):
        list(reading().backfill("orders", None))


def test_changes_are_found_by_their_time(shop: RunningShopify, reading: Reading) -> None:
    before = datetime.fromtimestamp(shop.admin.now(), UTC)
    shop.admin.advance(3600)
    kinds = {"orders": "edit_order", "customers": "edit_customer", "products": "edit_product"}
    for resource, action in kinds.items():
        records = [int(key) for key in sorted(truth(shop, resource))[:4]]
        for record in records:
            getattr(shop.admin, action)(
                record, **({"title": "New"} if resource == "products" else {"note": "New"})
            )
        shop.admin.advance(1)
        now = datetime.fromtimestamp(shop.admin.now(), UTC)
        lines = listed(reading().list_since(resource, now - timedelta(minutes=1)))
        assert set(lines) == {str(record) for record in records}
        with_records = list(reading().list_since(resource, before))
        found = {key: record for page in with_records for key, record in page.found.items()}
        assert set(found) >= {str(record) for record in records}
        assert found == fetched(reading().fetch(resource, sorted(found)))


def test_what_was_destroyed_is_told(shop: RunningShopify, reading: Reading) -> None:
    product = sorted(truth(shop, "products"))[0]
    shop.admin.delete("products", int(product))
    now = datetime.fromtimestamp(shop.admin.now(), UTC)
    told = [key for page in reading().list_since("products", now) for key in page.destroyed]
    assert told == [product]
    (page,) = reading().fetch("products", [product])
    assert page.gone == [product]


def test_orders_that_the_app_may_not_see_are_out_of_sight(shop: RunningShopify, reading: Reading) -> None:
    made = [str(shop.admin.create_order()["id"]) for _ in range(3)]
    whole = records_of(reading().backfill("orders", None))
    shop.admin.set_site(all_orders=False)
    seen = records_of(reading().backfill("orders", None))
    assert 0 < len(seen) < len(whole)
    hidden = sorted(set(whole) - set(seen))
    young = made[1]
    shop.admin.delete("orders", int(young))
    reader = reading()
    reader._nodes._scopes = frozenset(SCOPES) - {"read_all_orders"}
    pages = list(reader.fetch("orders", [*hidden, young]))
    assert [key for page in pages for key in page.gone] == [young]
    assert sorted(key for page in pages for key in page.out_of_sight) == hidden


@pytest.mark.parametrize(
    "switches",
    [{"scopes": ["read_customers", "read_products"]}, {"protected": "none"}, {"mode": "uninstalled"}],
)
def test_nothing_is_gone_because_the_app_may_not_look(
    shop: RunningShopify, reading: Reading, switches: dict[str, Any]
) -> None:
    ids = sorted(truth(shop, "orders"))[:5]
    shop.admin.set_site(**switches)
    try:
        pages = list(reading().fetch("orders", ids))
    except StorelinkError:
        pages = []
    assert not [key for page in pages for key in (*page.gone, *page.found)]
    with pytest.raises(StorelinkError):
        list(reading().list_all("orders"))
    with pytest.raises(StorelinkError):
        list(reading().backfill("orders", None))


def test_queries_that_are_too_dear_are_made_cheaper(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.set_site(max_cost=100)
    assert set(records_of(reading().backfill("orders", {"after": None}))) == truth(shop, "orders")
    assert set(fetched(reading().fetch("orders", sorted(truth(shop, "orders"))))) == truth(shop, "orders")


def test_a_list_that_never_ends_is_left(shop: RunningShopify, reading: Reading) -> None:
    shop.admin.faults([{"match": {"operation": "OrderList"}, "do": {"ignore_offset": True}}])
    for record in sorted(truth(shop, "orders")):
        shop.admin.edit_order(int(record), note="New")
    reader = reading()
    now = datetime.fromtimestamp(shop.admin.now(), UTC)
    assert set(listed(reader.list_since("orders", now))) <= truth(shop, "orders")


def _sleep(seconds: float) -> None:
    import time

    time.sleep(min(seconds, 0.3))
