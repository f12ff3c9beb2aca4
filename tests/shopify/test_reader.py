"""The reader over answers that it counts: what it asks, what it makes of it, and what it does in trouble."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from counter_shop import NOW, CounterShop, Operation, jsonl_of, number

from storelink.connectors.protocol import FetchPage, Limits, ListPage, Packed, RawPage
from storelink.connectors.shopify import everything, queries, reader, walk
from storelink.connectors.shopify.reader import Reader
from storelink.errors import Rejected, Retryable, TooLarge


def line(key: int) -> dict[str, Any]:
    return {"id": f"gid://shopify/LineItem/{key}", "quantity": 1}


def refund(key: int, lines: int) -> dict[str, Any]:
    return {
        "id": f"gid://shopify/Refund/{key}",
        "updatedAt": "2026-11-20T11:00:00Z",
        "refundLineItems": [{"id": f"gid://shopify/RefundLineItem/{at}"} for at in range(1, lines + 1)],
        "refundShippingLines": [],
        "orderAdjustments": [],
        "transactions": [{"id": f"gid://shopify/OrderTransaction/{key}"}],
    }


@pytest.fixture
def shop() -> CounterShop:
    """Ten orders; one with 60 lines, one with a refund of 70 lines, one with nothing."""
    shop = CounterShop()
    for key in range(101, 111):
        shop.add("Order", key, lineItems=[line(key * 1000 + at) for at in range(key % 4)])
    shop.nodes["gid://shopify/Order/103"]["lineItems"] = [line(at) for at in range(1, 61)]
    shop.nodes["gid://shopify/Order/104"]["refunds"] = [refund(7, 70)]
    return shop


def reading(shop: CounterShop, **settings: Any) -> Reader:
    return Reader(shop, settings, Limits(), sleep=shop.sleep)


def records_of(pages: list[RawPage]) -> dict[str, Any]:
    found = [record for page in pages for record in page.records]
    assert len({record["id"] for record in found}) == len(found)
    return {record["id"].rpartition("/")[2]: record for record in found}


def truth(shop: CounterShop, kind: str = "Order") -> dict[str, Any]:
    return {str(number(node)): node for node in shop.nodes.values() if f"/{kind}/" in node["id"]}


def lines_of(pages: list[ListPage]) -> dict[str, datetime | None]:
    return {item.id: item.version for page in pages for item in page.records}


# -- backfill ----------------------------------------------------------------------------------------


def test_bulk_and_pages_give_the_same_records(shop: CounterShop) -> None:
    by_bulk = records_of(list(reading(shop).backfill("orders", None)))
    by_pages = records_of(list(reading(shop).backfill("orders", {"after": None})))
    assert by_bulk == by_pages == truth(shop)
    assert [item["id"] for item in by_bulk["103"]["lineItems"]] == [line(at)["id"] for at in range(1, 61)]
    assert len(by_bulk["104"]["refunds"][0]["refundLineItems"]) == 70


def test_parts_come_by_id_however_they_are_read(shop: CounterShop) -> None:
    shop.nodes["gid://shopify/Order/101"]["lineItems"] = [line(9), line(100), line(20)]
    by_bulk = records_of(list(reading(shop).backfill("orders", None)))
    by_pages = records_of(list(reading(shop).backfill("orders", {"after": None})))
    (fetched,) = reading(shop).fetch("orders", ["101"])
    for record in (by_bulk["101"], by_pages["101"], fetched.found["101"]):
        assert record["lineItems"] == [line(9), line(20), line(100)]


@pytest.mark.parametrize(
    ("resource", "kind", "part"),
    [("products", "Product", "variants"), ("customers", "Customer", "addresses")],
)
def test_large_products_and_customers_are_read_to_their_end(resource: str, kind: str, part: str) -> None:
    shop = CounterShop()
    child = {"variants": "ProductVariant", "addresses": "MailingAddress"}[part]
    shop.add(kind, 1, **{part: [{"id": f"gid://shopify/{child}/{at}"} for at in range(1, 2049)]})
    shop.add(kind, 2)
    by_bulk = records_of(list(reading(shop).backfill(resource, None)))
    by_pages = records_of(list(reading(shop).backfill(resource, {"after": None})))
    (fetched,) = reading(shop).fetch(resource, ["1", "2"])
    assert by_bulk == by_pages == fetched.found == truth(shop, kind)
    assert len(fetched.found["1"][part]) == 2048


def test_the_operation_is_named_before_it_is_waited_for(shop: CounterShop) -> None:
    first = next(iter(reading(shop).backfill("orders", None)))
    assert list(first.records) == []
    assert first.cursor["bulk"] == shop.operations[0].id
    assert shop.names()["BulkStatus"] == 0
    assert first.read.store_time == shop.operations[0].created


def test_a_bulk_read_is_as_old_as_its_start(shop: CounterShop) -> None:
    shop.new = lambda operation: setattr(operation, "statuses", ["RUNNING"] * 5 + ["COMPLETED"])
    pages = list(reading(shop).backfill("orders", None))
    read = pages[1].read
    assert read.started <= NOW + timedelta(seconds=1)
    assert read.finished > NOW + timedelta(seconds=5)
    assert read.store_time == shop.operations[0].created
    (refunded,) = [
        page for page in pages if [each["id"] for each in page.records] == ["gid://shopify/Order/104"]
    ]
    assert refunded.read.started >= read.finished


def test_a_crash_at_any_page_loses_nothing(shop: CounterShop, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the cursor of every page, the rest is read; together that is everything, by one operation."""
    monkeypatch.setattr(everything, "BATCH", 3)
    pages = list(reading(shop).backfill("orders", None))
    for number_of, page in enumerate(pages, 1):
        before = [record["id"] for each in pages[:number_of] for record in each.records]
        after = [
            record["id"] for each in reading(shop).backfill("orders", page.cursor) for record in each.records
        ]
        assert sorted(before + after) == sorted(shop.nodes)
    assert len(shop.operations) == 1


def test_an_operation_that_a_dead_process_began_is_found_by_its_text(shop: CounterShop) -> None:
    began = shop.begin(queries.inlined("bulk_orders"))
    shop.begin(queries.inlined("bulk_products"))
    shop.now += timedelta(minutes=10)
    pages = list(reading(shop).backfill("orders", None))
    assert pages[0].cursor["bulk"] == began.id
    assert len(shop.operations) == 2
    assert pages[0].read.started <= NOW
    assert pages[0].read.store_time == NOW


def test_a_finished_one_is_not_taken_for_ours(shop: CounterShop) -> None:
    began = shop.begin(queries.inlined("bulk_orders"))
    began.polls = 5
    pages = list(reading(shop).backfill("orders", None))
    assert pages[0].cursor["bulk"] != began.id


def test_polls_come_slower_and_slower(shop: CounterShop) -> None:
    shop.new = lambda operation: setattr(operation, "statuses", ["RUNNING"] * 20 + ["COMPLETED"])
    list(reading(shop).backfill("orders", None))
    assert shop.slept == sorted(shop.slept)
    assert shop.slept[0] < 0.5
    assert shop.slept[-1] == 10.0


def cut(operation: Operation) -> None:
    operation.body = operation.body[: len(operation.body) // 2]


def counted_more(operation: Operation) -> None:
    operation.objects += 1


def counted_fewer_roots(operation: Operation) -> None:
    operation.roots -= 1


def failed(operation: Operation) -> None:
    operation.statuses, operation.error = ["RUNNING", "FAILED"], "INTERNAL_SERVER_ERROR"


def expired(operation: Operation) -> None:
    operation.statuses = ["EXPIRED"]


def canceled(operation: Operation) -> None:
    operation.statuses = ["CANCELING", "CANCELED"]


def kept_no_longer(operation: Operation) -> None:
    operation.url = None


def damaged(operation: Operation) -> None:
    operation.body = operation.body.replace(b"\n{", b"\n?{", 1)


@pytest.mark.parametrize(
    "trouble",
    [cut, counted_more, counted_fewer_roots, failed, expired, canceled, kept_no_longer, damaged],
)
@pytest.mark.parametrize("listed", [False, True])
def test_an_operation_that_is_not_whole_is_begun_anew(
    shop: CounterShop, trouble: Callable[[Operation], None], listed: bool
) -> None:
    shop.new = lambda operation: trouble(operation) if len(shop.operations) == 1 else None
    if listed:
        assert set(lines_of(list(reading(shop).list_all("orders")))) == set(truth(shop))
    else:
        pages = list(reading(shop).backfill("orders", None))
        assert records_of(pages) == truth(shop)
        assert {page.cursor.get("bulk", shop.operations[1].id) for page in pages if page.records} == {
            shop.operations[1].id
        }
    assert len(shop.operations) == 2


def test_a_line_that_is_no_json_inside_costs_its_record_alone(shop: CounterShop) -> None:
    """It is found when the record is wanted; whoever wants it then sets it aside by its id."""

    def spoil(operation: Operation) -> None:
        operation.body = operation.body.replace(b'"quantity":1', b'"quantity":', 1)

    shop.new = spoil
    pages = list(reading(shop).backfill("orders", None))
    packed = [page.records for page in pages if isinstance(page.records, Packed)]
    unread = []
    for records in packed:
        for at, key in enumerate(records.ids):
            try:
                assert records[at] == truth(shop)[key]
            except ValueError:
                unread.append(key)
    assert len(unread) == 1
    assert sum(map(len, packed)) > 1
    assert len(shop.operations) == 1


@pytest.mark.parametrize("trouble", [failed, counted_more])
def test_after_three_of_them_it_goes_by_pages(
    shop: CounterShop, trouble: Callable[[Operation], None]
) -> None:
    shop.new = trouble
    assert records_of(list(reading(shop).backfill("orders", None))) == truth(shop)
    assert len(shop.operations) == 3
    assert shop.names()["OrderPage"] >= 1
    shop.operations.clear()
    assert set(lines_of(list(reading(shop).list_all("orders")))) == set(truth(shop))
    assert shop.names()["OrderList"] >= 1


def test_an_operation_that_was_denied_access_is_not_begun_again(shop: CounterShop) -> None:
    def denied(operation: Operation) -> None:
        operation.statuses, operation.error = ["FAILED"], "ACCESS_DENIED"

    shop.new = denied
    assert records_of(list(reading(shop).backfill("orders", None))) == truth(shop)
    assert len(shop.operations) == 1


def test_an_operation_that_shopify_forgot_is_begun_anew(shop: CounterShop) -> None:
    pages = list(reading(shop).backfill("orders", None))
    cursor = pages[0].cursor
    shop.operations.clear()
    shop.begin("query StorelinkListProducts { products }")
    shop.operations[0].id = "gid://shopify/BulkOperation/99"
    again = list(reading(shop).backfill("orders", cursor))
    assert records_of(again) == truth(shop)


def test_an_address_that_expired_is_asked_for_again(shop: CounterShop) -> None:
    pages = list(reading(shop).backfill("orders", None))
    shop.expired.add(shop.operations[0].url)

    def renewed(given: dict[str, Any], inner: Any = shop._BulkStatus) -> Any:
        if shop.names()["BulkStatus"] > 3:
            shop.operations[0].url = "https://files/new"
        return inner(given)

    shop._BulkStatus = renewed  # type: ignore[method-assign]
    assert records_of(list(reading(shop).backfill("orders", pages[0].cursor))) == truth(shop)
    assert len(shop.operations) == 1


def test_an_address_that_stays_expired_begins_another(shop: CounterShop) -> None:
    shop.new = lambda operation: shop.expired.add("https://files/1")
    assert records_of(list(reading(shop).backfill("orders", None))) == truth(shop)
    assert len(shop.operations) == 2


def test_a_download_that_ends_early_goes_on(shop: CounterShop) -> None:
    whole = shop.download
    offsets: list[int] = []

    def short(url: str, offset: int = 0) -> Any:
        offsets.append(offset)
        (operation,) = [each for each in shop.operations if each.url == url]
        body = operation.body
        if len(offsets) == 1:
            operation.body = body[: len(body) // 3]
        found = whole(url, offset).__enter__()
        chunks = list(found)
        operation.body = body
        from contextlib import nullcontext

        return nullcontext(iter(chunks))

    shop.download = short  # type: ignore[method-assign]
    assert records_of(list(reading(shop).backfill("orders", None))) == truth(shop)
    assert len(shop.operations) == 1
    assert len(offsets) == 2
    assert offsets[1] > 0


def test_an_empty_shop_has_no_file() -> None:
    shop = CounterShop()
    pages = list(reading(shop).backfill("orders", None))
    assert records_of(pages) == {}
    assert pages[-1].cursor == {"done": True}
    assert list(reading(shop).backfill("orders", pages[-1].cursor)) == []
    assert lines_of(list(reading(shop).list_all("orders"))) == {}
    assert len(list(reading(shop).list_all("orders"))) >= 1


@pytest.mark.parametrize("code", ["OPERATION_IN_PROGRESS", "LIMIT_REACHED"])
def test_another_operation_is_waited_for(shop: CounterShop, code: str) -> None:
    shop.refuse = [[{"field": None, "message": "busy", "code": code}]] * 4
    assert records_of(list(reading(shop).backfill("orders", None))) == truth(shop)
    assert len([wait for wait in shop.slept if wait >= 1]) == 4


def test_one_that_never_ends_is_not_waited_for_without_end(shop: CounterShop) -> None:
    shop.refuse = [[{"field": None, "message": "busy", "code": "LIMIT_REACHED"}]] * 10_000
    with pytest.raises(Retryable) as caught:
        list(reading(shop).backfill("orders", None))
    assert caught.value.code == "bulk_busy"
    assert 600 < sum(shop.slept) < 1200


def test_a_start_whose_answer_was_lost_is_found(shop: CounterShop) -> None:
    start = shop._BulkStart

    def lost(given: dict[str, Any]) -> Any:
        start(given)
        raise Retryable("no answer")

    shop._BulkStart = lost  # type: ignore[method-assign]
    assert records_of(list(reading(shop).backfill("orders", None))) == truth(shop)
    assert len(shop.operations) == 1


@pytest.mark.parametrize("how", ["denied", "invalid"])
def test_a_token_that_may_not_run_operations_reads_by_pages(shop: CounterShop, how: str) -> None:
    if how == "denied":
        shop.failing["BulkStart"] = [
            Rejected("no", code="ACCESS_DENIED"),
            Rejected("no", code="ACCESS_DENIED"),
        ]
    else:
        shop.refuse = [[{"field": None, "message": "not for this token", "code": "INVALID"}]] * 2
    pages = list(reading(shop).backfill("orders", None))
    assert records_of(pages) == truth(shop)
    assert pages[-1].cursor == {"done": True}
    assert set(lines_of(list(reading(shop).list_all("orders")))) == set(truth(shop))
    assert shop.operations == []


def test_pages_go_on_after_any_of_them(shop: CounterShop) -> None:
    shop.too_dear = 3
    pages = list(reading(shop).backfill("orders", {"after": None}))
    assert len(pages) >= 4
    for at, page in enumerate(pages, 1):
        before = [record["id"] for each in pages[:at] for record in each.records]
        after = [
            record["id"] for each in reading(shop).backfill("orders", page.cursor) for record in each.records
        ]
        assert sorted(before + after) == sorted(shop.nodes)


def test_a_list_longer_than_shopify_shows_is_begun_anew(
    shop: CounterShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "REACH", 4)
    shop.too_dear = 2
    assert records_of(list(reading(shop).backfill("orders", {"after": None}))) == truth(shop)
    assert any(
        (given.get("query") or "").startswith("id:>=") for name, given in shop.asked if name == "OrderPage"
    )


# -- lists since -------------------------------------------------------------------------------------


def stamped(shop: CounterShop, kind: str, key: int, minutes: float) -> None:
    """A record changed so many minutes before now."""
    at = (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    shop.add(kind, key, updatedAt=at)


@pytest.mark.parametrize(("resource", "kind"), [("orders", "Order"), ("customers", "Customer")])
def test_changes_are_listed_with_an_overlap_and_no_older_ones(resource: str, kind: str) -> None:
    shop = CounterShop()
    for key, minutes in enumerate((0, 3, 12, 19, 21, 300, 5000), 1):
        stamped(shop, kind, key, minutes)
    pages = list(reading(shop).list_since(resource, NOW - timedelta(minutes=5)))
    assert set(lines_of(pages)) == {"1", "2", "3", "4"}
    assert not any(page.found for page in pages)
    assert lines_of(pages)["1"] == NOW


@pytest.mark.parametrize(("resource", "kind"), [("orders", "Order"), ("customers", "Customer")])
def test_after_a_pause_records_come_with_the_list(resource: str, kind: str) -> None:
    shop = CounterShop()
    for key in range(1, 500):
        stamped(shop, kind, key, key)
    shop.cost = 100
    pages = list(reading(shop).list_since(resource, NOW - timedelta(minutes=100)))
    found = {key: record for page in pages for key, record in page.found.items()}
    assert set(found) == set(lines_of(pages)) == {str(key) for key in range(1, 116)}
    assert found == {key: record for key, record in truth(shop, kind).items() if key in found}
    assert all(set(page.found) == {item.id for item in page.records} for page in pages)


def test_a_customer_list_stops_where_it_is_older() -> None:
    """The filter matches whole days; a day of many changes is not read whole."""
    shop = CounterShop()
    for key in range(1, 1400):
        stamped(shop, "Customer", key, key)
    pages = list(reading(shop).list_since("customers", NOW - timedelta(minutes=5)))
    assert set(lines_of(pages)) == {str(key) for key in range(1, 21)}
    assert shop.names()["CustomerList"] == 2


@pytest.mark.parametrize(("resource", "kind"), [("orders", "Order"), ("customers", "Customer")])
@pytest.mark.parametrize("spread", [True, False])
def test_more_changes_than_a_list_can_reach(
    monkeypatch: pytest.MonkeyPatch, resource: str, kind: str, spread: bool
) -> None:
    monkeypatch.setattr(reader, "REACH", 500)
    shop = CounterShop()
    for key in range(1, 1600):
        stamped(shop, kind, key, key / 200 if spread else 3)
    pages = list(reading(shop).list_since(resource, NOW - timedelta(minutes=8)))
    assert set(lines_of(pages)) == set(truth(shop, kind))
    if kind == "Customer" or not spread:
        assert "updated_at:>=" in shop.operations[0].query
    else:
        assert shop.operations == []


def test_what_was_destroyed_comes_first() -> None:
    shop = CounterShop(destroyed=[f"gid://shopify/Order/{key}" for key in range(1, 6)])
    shop.destroyed.append("gid://shopify/Product/9")
    pages = list(reading(shop).list_since("orders", NOW))
    assert [key for page in pages for key in page.destroyed] == ["1", "2", "3", "4", "5"]
    assert "created_at:>='2026-11-21T11:45:00Z'" in shop.asked[0][1]["query"]


def test_events_that_may_not_be_read_are_done_without(shop: CounterShop) -> None:
    shop.failing["Destroyed"] = [Rejected("no", code="ACCESS_DENIED")]
    stamped(shop, "Order", 5, 1)
    assert set(lines_of(list(reading(shop).list_since("orders", datetime.now(NOW.tzinfo))))) <= {"5"}


def test_a_list_that_goes_round_in_a_circle_is_left(shop: CounterShop) -> None:
    def circle(given: dict[str, Any]) -> Any:
        return {"page": {"pageInfo": {"hasNextPage": True, "endCursor": "x"}, "nodes": []}}

    shop._OrderPage = circle  # type: ignore[method-assign]
    with pytest.raises(Retryable):
        list(reading(shop).backfill("orders", {"after": None}))


# -- by id -------------------------------------------------------------------------------------------


def only(pages: list[FetchPage]) -> FetchPage:
    (page,) = pages
    return page


def test_every_id_is_answered_once(shop: CounterShop) -> None:
    ids = ["101", "104", "55", "x", "0", "9" * 30, "103", "101"]
    page = only(list(reading(shop).fetch("orders", ids)))
    assert page.found == {key: truth(shop)[key] for key in ("101", "103", "104")}
    assert set(page.unanswered) == {"x", "0", "9" * 30}
    assert (page.gone, page.out_of_sight) == ([], ["55"])


def test_ids_that_are_none_make_no_request_for_records(shop: CounterShop) -> None:
    page = only(list(reading(shop).fetch("orders", ["x"])))
    assert set(page.unanswered) == {"x"}
    assert shop.names()["OrderNodes"] == 0


@pytest.mark.parametrize("fits", [1, 2, 7])
def test_a_page_that_is_too_dear_is_made_smaller(shop: CounterShop, fits: int) -> None:
    shop.too_dear = fits
    reader = reading(shop)
    found: dict[str, Any] = {}
    for page in reader.fetch("orders", list(truth(shop))):
        found |= page.found
    assert found == truth(shop)
    asked = len(shop.asked)
    list(reader.fetch("orders", ["101"]))
    assert len(shop.asked) == asked + 1, "the size is remembered"


def test_pages_grow_while_they_are_cheap(shop: CounterShop) -> None:
    shop.cost = 10
    for key in range(1000, 4000):
        shop.add("Order", key)
    reader = reading(shop)
    for page in reader.fetch("orders", list(truth(shop))):
        assert page.found
    assert max(len(given["ids"]) for name, given in shop.asked if name == "OrderNodes") == 250


def test_what_cannot_be_made_smaller_is_said(shop: CounterShop) -> None:
    shop.failing["OrderNodes"] = [TooLarge("too long") for _ in range(50)]
    with pytest.raises(TooLarge):
        list(reading(shop).fetch("orders", ["101"]))


def test_a_record_that_makes_shopify_fail_spoils_no_other(shop: CounterShop) -> None:
    whole = shop._OrderNodes

    def poisoned(given: dict[str, Any]) -> Any:
        if any(gid.endswith("/105") for gid in given["ids"]):
            raise Retryable("it fails", code="INTERNAL_SERVER_ERROR", status=200)
        return whole(given)

    shop._OrderNodes = poisoned  # type: ignore[method-assign]
    page = only(list(reading(shop).fetch("orders", list(truth(shop)))))
    assert set(page.found) == set(truth(shop)) - {"105"}
    assert set(page.unanswered) == {"105"}


def test_an_outage_is_no_poison(shop: CounterShop) -> None:
    shop.failing["OrderNodes"] = [Retryable("away", status=503)]
    with pytest.raises(Retryable):
        list(reading(shop).fetch("orders", list(truth(shop))))


def test_a_record_that_changes_while_it_is_read_is_read_again(shop: CounterShop) -> None:
    gid = "gid://shopify/Order/103"
    shop.touched.add(gid)
    more = shop._MoreLineItems

    def settles(given: dict[str, Any]) -> Any:
        found = more(given)
        shop.touched.clear()
        return found

    shop._MoreLineItems = settles  # type: ignore[method-assign]
    page = only(list(reading(shop).fetch("orders", ["103", "101"])))
    assert page.found == {key: truth(shop)[key] for key in ("103", "101")}
    assert page.found["103"]["updatedAt"] == "2026-11-20T10:00:01Z"


def test_one_that_never_stops_changing_stays_due(shop: CounterShop) -> None:
    shop.touched.add("gid://shopify/Order/103")
    page = only(list(reading(shop).fetch("orders", ["103", "101"])))
    assert set(page.found) == {"101"}
    assert set(page.unanswered) == {"103"}
    pages = list(reading(shop).backfill("orders", {"after": None}))
    assert set(records_of(pages)) == set(truth(shop)) - {"103"}


# -- gone, or out of sight ---------------------------------------------------------------------------


@pytest.mark.parametrize("resource", ["products", "customers"])
def test_what_is_not_there_is_gone(shop: CounterShop, resource: str) -> None:
    page = only(list(reading(shop, scopes=shop.scopes).fetch(resource, ["5", "6"])))
    assert (page.gone, page.out_of_sight) == (["5", "6"], [])


def test_an_answer_that_is_not_one_to_each_id_says_nothing_of_any(shop: CounterShop) -> None:
    """Shopify answers null for what is not there, never less than was asked for."""
    shop._OrderNodes = lambda given: {"nodes": []}  # type: ignore[attr-defined]
    page = only(list(reading(shop, scopes=shop.scopes).fetch("orders", ["5", "6"])))
    assert (page.gone, page.out_of_sight, set(page.unanswered)) == ([], [], {"5", "6"})


def test_an_operation_that_cannot_be_started_is_no_lack_of_room(shop: CounterShop) -> None:
    shop.failing["BulkStart"] = [Retryable("inner error", code="INTERNAL_SERVER_ERROR")] * 50
    with pytest.raises(Retryable, match="inner error"):
        list(reading(shop).backfill("orders", None))
    assert shop.names()["BulkStart"] <= 5


def test_writing_implies_reading(shop: CounterShop) -> None:
    shop.scopes = ["write_products"]
    page = only(list(reading(shop, scopes=["read_products", "write_products"]).fetch("products", ["5"])))
    assert page.gone == ["5"]


@pytest.mark.parametrize("scopes", [["read_orders"], ["read_products"]])
def test_nothing_is_gone_while_scopes_are_lost(shop: CounterShop, scopes: list[str]) -> None:
    """Neither where the one that is needed was lost, nor where any other was."""
    shop.scopes = scopes
    page = only(list(reading(shop, scopes=["read_orders", "read_products"]).fetch("products", ["5"])))
    assert (page.gone, page.out_of_sight) == ([], ["5"])


@pytest.fixture
def aged() -> CounterShop:
    """Orders of every tenth day of half a year; those older than 60 days are not shown."""
    shop = CounterShop()
    for days in range(0, 60, 10):
        created = (NOW - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        shop.add("Order", 10_000 - days * 10, createdAt=created)
    return shop


def test_young_orders_that_are_not_there_are_gone_and_old_ones_out_of_sight(aged: CounterShop) -> None:
    page = only(list(reading(aged, scopes=aged.scopes).fetch("orders", ["9999", "9501", "9499", "7"])))
    assert (page.gone, page.out_of_sight) == (["9999", "9501"], ["9499", "7"])
    assert (
        "created_at:>='2026-09-23T"
        in next(given for name, given in aged.asked if name == "OldestOrder")["query"]
    )


def test_with_all_orders_in_sight_what_is_not_there_is_gone(aged: CounterShop) -> None:
    aged.scopes.append("read_all_orders")
    page = only(list(reading(aged, scopes=aged.scopes).fetch("orders", ["9999", "7"])))
    assert page.gone == ["9999", "7"]


def test_a_shop_without_young_orders_proves_nothing(aged: CounterShop) -> None:
    aged.nodes.clear()
    page = only(list(reading(aged, scopes=aged.scopes).fetch("orders", ["9999"])))
    assert page.out_of_sight == ["9999"]


def test_parts_of_a_bulk_list_are_none(shop: CounterShop) -> None:
    assert all(
        list(jsonl_of(node, True)) == [{"id": node["id"], "updatedAt": node["updatedAt"]}]
        for node in shop.nodes.values()
    )
