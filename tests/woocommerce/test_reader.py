"""Reading a simulated store over real sockets: what is listed, fetched and backfilled."""

import itertools
import json
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from storelink.connectors.protocol import Limits, Listed, RawPage, Rows
from storelink.connectors.woocommerce.normalize import normalize
from storelink.connectors.woocommerce.reader import Reader
from storelink.errors import AuthFailed, Misconfigured, Retryable
from storelink.sandbox.running import Running

Shop = Callable[..., Running]
Reading = Callable[..., Reader]
RESOURCES = ("products", "customers", "orders")
SETTINGS = {"currency": "USD", "time_zone": "America/New_York"}
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def ids(pages: Iterable[RawPage]) -> list[int]:
    return [raw["id"] for page in pages for raw in page.records]


def lines(pages: Iterable[Any]) -> list[Listed]:
    return [line for page in pages for line in page.records]


def truth(store: Running, kind: str) -> dict[int, dict[str, Any]]:
    """What the store has, drafts left out, which are in no list."""
    rows = store.admin.truth()[kind]
    return {row["id"]: row for row in rows if row["status"] not in ("checkout-draft", "auto-draft")}


def hidden(store: Running) -> set[int]:
    return {key for key, row in truth(store, "orders").items() if row["status"] == "archived"}


def asked(store: Running) -> list[dict[str, Any]]:
    return [entry for entry in store.admin.requests() if entry["path"].startswith("/wp-json/wc/")]


def poison(kind: str, record: int, **match: Any) -> list[dict[str, Any]]:
    """A record that crashes PHP whenever its content is asked for; not where only ids are."""
    return [
        {"match": match, "do": {"poison": [kind, record]}},
        {"match": {"query": "_fields=id"}, "do": {"poison": [kind, 0]}},
    ]


# -- backfill --------------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_backfill_brings_every_record_once_trash_and_all(
    shop: Shop, reading: Reading, resource: str
) -> None:
    store = shop(orders=350, products=230, customers=210)
    pages = list(reading(store).backfill(resource, None))
    found = ids(pages)
    assert sorted(found) == sorted(truth(store, resource))
    assert len(set(found)) == len(found)
    assert pages[-1].cursor == {"stage": "done", "last_id": 0, "offset": 0}
    assert pages[-1].total == len(found)
    assert not any(page.broken for page in pages)
    assert all(page.read.store_time for page in pages)


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_record_of_the_store_becomes_rows(shop: Shop, reading: Reading, resource: str) -> None:
    store = shop()
    for page in reading(store).backfill(resource, None):
        for raw in page.records:
            assert isinstance(normalize(resource, raw, SETTINGS), Rows)


def test_orders_come_with_their_refunds_and_only_with_those(shop: Shop, reading: Reading) -> None:
    store = shop(orders=250, refunded_share=0.5)
    seen = 0
    for page in reading(store).backfill("orders", None):
        for raw in page.records:
            named = [refund["id"] for refund in raw["refunds"]]
            assert [refund["id"] for refund in raw.get("refund_details", [])] == named
            seen += len(named)
    assert seen == store.admin.counts()["refunds"] > 60


def test_products_come_with_their_variations(shop: Shop, reading: Reading) -> None:
    store = shop(products=250)
    children = [row["id"] for row in store.admin.truth()["variations"] if row["status"] != "trash"]
    found = [
        detail["id"]
        for page in reading(store).backfill("products", None)
        for raw in page.records
        for detail in raw.get("variation_details", [])
    ]
    assert sorted(found) == sorted(children) and len(found) > 100


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_empty_store_gives_a_page_with_the_time_of_its_read(
    shop: Shop, reading: Reading, resource: str
) -> None:
    store = shop(orders=0, products=0, customers=0)
    pages = list(reading(store).backfill(resource, None))
    assert pages and pages[0].read.store_time is not None
    assert set(ids(pages)) == set(truth(store, resource))


@pytest.mark.parametrize("resource", RESOURCES)
def test_a_backfill_resumes_from_any_cursor_with_no_gap_and_no_repeat(
    shop: Shop, reading: Reading, resource: str
) -> None:
    store = shop(orders=420, products=320, customers=320)
    cursor, found = None, []
    for _ in range(80):
        pages = reading(store).backfill(resource, json.loads(json.dumps(cursor)))
        page = next(pages, None)
        pages.close()
        if page is None:
            break
        found += [raw["id"] for raw in page.records]
        cursor = page.cursor
    assert sorted(found) == sorted(truth(store, resource))


@pytest.mark.parametrize(
    "cursor",
    [{}, {"stage": "other"}, {"stage": "live", "last_id": "x", "offset": 0}, {"last_id": 5}, {"stage": None}],
)
def test_a_cursor_of_another_making_starts_anew(shop: Shop, reading: Reading, cursor: dict[str, Any]) -> None:
    store = shop(orders=30)
    assert sorted(ids(reading(store).backfill("orders", cursor))) == sorted(truth(store, "orders"))


def scripted(seed: int, store: Running, kind: str) -> list[dict[str, Any]]:
    """Edits of every sort just before some of the requests."""
    import random

    chance = random.Random(seed)
    rows = truth(store, kind)
    single = kind.removesuffix("s")
    live = [key for key, row in rows.items() if row["status"] != "trash"]
    trashed = [key for key, row in rows.items() if row["status"] == "trash"]
    chance.shuffle(live)
    rules = []
    for nth in range(2, 14):
        edits: list[Any] = []
        for _ in range(chance.choice([0, 1, 2, 12])):
            act = chance.choice(["trash", "delete", "edit", "create", "restore"])
            if act == "restore" and trashed:
                edits.append(["restore", kind, trashed.pop()])
            elif act == "create":
                edits.append([f"create_{single}"])
            elif act == "edit" and live:
                edits.append(
                    [f"edit_{single}", live.pop(), {"status": "draft" if kind == "products" else "on-hold"}]
                )
            elif act in ("trash", "delete") and live:
                edits.append([act, kind, live.pop()])
        rules.append({"match": {"nth": nth, "path": "/wp-json/wc/"}, "do": {"edits": edits}})
    return rules


@pytest.mark.parametrize("kind", ["orders", "products"])
def test_case_14_rows_moving_between_pages_are_all_read_or_listed_later(
    shop: Shop, reading: Reading, kind: str, scale: Callable[[int, int], int]
) -> None:
    """Trashed, deleted, created, edited and restored between any two requests, for many seeds.

    A row that did not change itself must come with the backfill, since nothing later asks for it.
    """
    for seed in range(scale(6, 100)):
        store = shop(orders=520, products=420, customers=10, seed=seed)
        before = truth(store, kind)
        store.admin.faults(scripted(seed, store, kind))
        reader = reading(store)
        pages = list(reader.backfill(kind, None))
        store.admin.faults([])
        after = truth(store, kind)
        quiet = {key for key, row in after.items() if before.get(key) == row}
        assert len(quiet) > 300
        found = set(ids(pages))
        assert quiet <= found, f"seed {seed} lost {sorted(quiet - found)}"
        # and whatever did change is in the next list of changes
        since = pages[0].read.store_time
        assert since is not None
        listed = {int(line.id) for line in lines(reader.list_since(kind, since))}
        assert set(after) <= found | listed, seed


def test_case_15_what_changes_while_the_backfill_runs_is_listed_after_it(
    shop: Shop, reading: Reading
) -> None:
    """The watermark is the store's clock as the first request began, not when the last one ended."""
    store = shop(orders=300)
    reader = reading(store)
    pages = reader.backfill("orders", None)
    first = next(pages)
    read = max(raw["id"] for raw in first.records)
    store.admin.edit_order(read, customer_note="while it runs")
    list(pages)
    assert first.read.store_time is not None
    assert str(read) in {line.id for line in lines(reader.list_since("orders", first.read.store_time))}


def test_closing_a_backfill_early_leaves_no_thread(shop: Shop, reading: Reading) -> None:
    store = shop(orders=700, latency=0.02)
    before = set(threading.enumerate())
    pages = reading(store).backfill("orders", None)
    for _ in range(3):
        next(pages)
    pages.close()
    left = [thread for thread in threading.enumerate() if thread not in before]
    assert not [thread for thread in left if "storelink-read" in thread.name]


def test_a_composite_is_as_old_as_its_first_request_and_as_new_as_its_last(
    shop: Shop, reading: Reading
) -> None:
    store = shop(orders=90, refunded_share=0.5)
    ticks = itertools.count()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    reader = reading(store, clock=lambda: begin + timedelta(seconds=next(ticks)))
    page = next(reader.backfill("orders", None))
    # tick 0 and 1: the statuses; 2 and 3: the orders; 4 and 5: their refunds
    assert (page.read.started, page.read.finished) == (
        begin + timedelta(seconds=2),
        begin + timedelta(seconds=5),
    )


# -- stores that answer strangely ------------------------------------------------------------------


def test_a_list_that_never_ends_is_a_clear_error(shop: Shop, reading: Reading) -> None:
    store = shop(orders=300, https=True)
    store.admin.faults([{"match": {"path": "orders$"}, "do": {"ignore_offset": True}}])
    with pytest.raises(Misconfigured, match="ignores the parameters offset"):
        list(reading(store).backfill("orders", None))


def test_case_43_a_cache_that_drops_the_query_string_is_a_clear_error(shop: Shop, reading: Reading) -> None:
    store = shop(orders=50, https=True)
    store.admin.faults([{"match": {"path": "/wp-json/wc/v3/orders$"}, "do": {"strip_query": True}}])
    with pytest.raises(Misconfigured, match="ignores the parameters"):
        list(reading(store).list_all("orders"))


def test_a_record_twice_in_a_page_is_read_once(shop: Shop, reading: Reading) -> None:
    store = shop(orders=330)
    store.admin.faults([{"match": {"path": "orders$"}, "do": {"duplicate": True}}])
    found = ids(reading(store).backfill("orders", None))
    assert sorted(found) == sorted(truth(store, "orders"))


@pytest.mark.parametrize("fault", [{"bom": True}, {"notice": True}])
def test_what_php_prints_in_front_of_the_json_is_no_harm(
    shop: Shop, reading: Reading, fault: dict[str, Any]
) -> None:
    store = shop(orders=120)
    store.admin.faults([{"match": {}, "do": fault}])
    assert sorted(ids(reading(store).backfill("orders", None))) == sorted(truth(store, "orders"))


@pytest.mark.parametrize("nth", [1, 2, 3, 5])
@pytest.mark.parametrize("fault", [{"status": 502}, {"truncate": 0.5}, {"drop": "after"}, {"html": True}])
def test_a_failure_that_passes_costs_nothing(
    shop: Shop, reading: Reading, nth: int, fault: dict[str, Any]
) -> None:
    store = shop(orders=250)
    store.admin.faults([{"match": {"nth": nth, "path": "/wp-json/wc/"}, "do": fault}])
    assert sorted(ids(reading(store).backfill("orders", None))) == sorted(truth(store, "orders"))


@pytest.mark.parametrize("fault", [{"status": 500}, {"truncate": 0.5}, {"html": True}, {"maintenance": True}])
def test_a_store_that_is_down_is_an_error_and_no_quarantine(
    shop: Shop, reading: Reading, fault: dict[str, Any]
) -> None:
    store = shop(orders=150)
    store.admin.faults([{"match": {"path": "/wp-json/wc/v3/orders$"}, "do": fault}])
    with pytest.raises(Retryable):
        list(reading(store).backfill("orders", None))


def test_a_store_whose_whole_records_all_fail_is_down(shop: Shop, reading: Reading) -> None:
    """Ids alone still come: as on a host whose memory limit was lowered."""
    store = shop(orders=150)
    store.admin.faults(
        [
            {
                "match": {"path": "/wp-json/wc/v3/orders$"},
                "do": {"replace": [['{"id":', '{"id":"x'], ["[", "{"]]},
            },
            {"match": {"query": "_fields=id"}, "do": {"replace": []}},
        ]
    )
    with pytest.raises(Retryable):
        list(reading(store).backfill("orders", None))


# -- records that cannot be delivered --------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("place", [0, 57, 99, -1])
def test_one_record_that_crashes_php_costs_only_itself(
    shop: Shop, reading: Reading, resource: str, place: int
) -> None:
    store = shop(orders=250, products=220, customers=220)
    rows = truth(store, resource)
    bad = sorted(key for key, row in rows.items() if row["status"] != "trash")[place]
    store.admin.faults(poison(resource, bad))
    pages = list(reading(store).backfill(resource, None))
    assert sorted(ids(pages)) == sorted(set(rows) - {bad})
    [broken] = [item for page in pages for item in page.broken]
    assert broken.id == str(bad) and "500" in broken.error
    assert pages[-1].cursor["stage"] == "done"


def test_a_poisoned_record_is_found_in_few_requests(shop: Shop, reading: Reading) -> None:
    store = shop(orders=100)
    bad = sorted(truth(store, "orders"))[40]
    store.admin.faults(poison("orders", bad))
    list(reading(store).backfill("orders", None))
    assert len(asked(store)) < 30


def test_a_record_alone_in_its_page_may_be_the_broken_one(shop: Shop, reading: Reading) -> None:
    store = shop(orders=0, products=1, customers=0)
    [bad] = truth(store, "products")
    store.admin.faults(poison("products", bad))
    pages = list(reading(store).backfill("products", None))
    assert [item.id for page in pages for item in page.broken] == [str(bad)]


def test_a_variation_that_crashes_php_costs_its_product_and_no_other(shop: Shop, reading: Reading) -> None:
    store = shop(products=120)
    child = next(row for row in store.admin.truth()["variations"] if row["status"] == "publish")
    store.admin.faults(poison("variations", child["id"], path="variations"))
    pages = list(reading(store).backfill("products", None))
    [broken] = [item for page in pages for item in page.broken]
    assert broken.id == str(child["parent"]) and f"variation {child['id']}" in broken.error
    assert broken.payload["id"] == child["parent"]
    assert set(ids(pages)) == set(truth(store, "products")) - {child["parent"]}


def test_a_refund_that_crashes_php_costs_its_order_and_no_other(shop: Shop, reading: Reading) -> None:
    store = shop(orders=150, refunded_share=0.3)
    refund = store.admin.truth()["refunds"][3]
    store.admin.faults(poison("refunds", refund["id"], path="refunds"))
    pages = list(reading(store).backfill("orders", None))
    [broken] = [item for page in pages for item in page.broken]
    assert broken.id == str(refund["parent"]) and f"refund {refund['id']}" in broken.error
    assert set(ids(pages)) == set(truth(store, "orders")) - {refund["parent"]}


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(shop: Shop, reading: Reading) -> None:
    store = shop(orders=220)
    limits = Limits(timeout=10, width=2, body_limit=100_000)
    pages = list(reading(store, limits=limits).backfill("orders", None))
    assert sorted(ids(pages)) == sorted(truth(store, "orders"))


def test_a_record_that_is_too_large_is_broken_and_the_rest_is_read(shop: Shop, reading: Reading) -> None:
    store = shop(orders=150)
    bad = sorted(truth(store, "orders"))[70]
    store.admin.set_field_silently("orders", bad, customer_note="x" * 200_000)
    limits = Limits(timeout=10, width=2, body_limit=150_000)
    reader = reading(store, limits=limits)
    pages = list(reader.backfill("orders", None))
    [broken] = [item for page in pages for item in page.broken]
    assert broken.id == str(bad) and "longer than" in broken.error
    assert set(ids(pages)) == set(truth(store, "orders")) - {bad}
    [page] = reader.fetch("orders", [str(bad)])
    assert [item.id for item in page.broken] == [str(bad)] and not page.unanswered


def test_a_list_of_versions_names_the_record_that_it_could_not_show(shop: Shop, reading: Reading) -> None:
    store = shop(orders=150)
    bad = sorted(truth(store, "orders"))[70]
    store.admin.faults(
        [
            {"match": {"path": "orders$"}, "do": {"poison": ["orders", bad]}},
            {"match": {"query": "_fields=id&"}, "do": {"poison": ["orders", 0]}},
        ]
    )
    found = {line.id: line for line in lines(reading(store).list_all("orders"))}
    assert set(found) == {str(key) for key in truth(store, "orders")}
    assert found[str(bad)].version is None


# -- stores of every age ---------------------------------------------------------------------------


@pytest.mark.parametrize("known", [True, False])
def test_a_store_without_the_lists_over_all_records(shop: Shop, reading: Reading, known: bool) -> None:
    """Older than 9.0 and 10.3; `known` is whether the check has learnt so, or they went away since."""
    store = shop(orders=120, products=80, refunded_share=0.3, has_variations=False, has_refunds=False)
    reader = reading(store, has_variations=not known, has_refunds=not known)
    details = {"orders": "refund_details", "products": "variation_details"}
    for resource, key in details.items():
        raws = [raw for page in reader.backfill(resource, None) for raw in page.records]
        assert sorted(raw["id"] for raw in raws) == sorted(truth(store, resource))
        parts = {"orders": "refunds", "products": "variations"}[resource]
        for raw in raws:
            named = [part["id"] if isinstance(part, dict) else part for part in raw[parts]]
            assert [part["id"] for part in raw.get(key, [])] == named
    assert {line.id for line in lines(reader.list_all("products"))} == {
        str(key) for key in truth(store, "products")
    }
    assert lines(reader.list_since("products", LONG_AGO))


def test_more_refunds_than_a_page_holds(shop: Shop, reading: Reading) -> None:
    store = shop(orders=3, refunded_share=0.0, has_refunds=False)
    order = sorted(truth(store, "orders"))[0]
    for _ in range(130):
        store.admin.add_refund(order, "0.01")
    [page] = reading(store, has_refunds=False).fetch("orders", [str(order)])
    assert len(page.found[str(order)]["refund_details"]) == 130


def test_a_variation_that_goes_away_while_it_is_read(shop: Shop, reading: Reading) -> None:
    """The product is read once more, and is complete again."""
    store = shop(products=60)
    child = next(row for row in store.admin.truth()["variations"] if row["status"] == "publish")
    store.admin.faults(
        [
            {
                "match": {"path": "v3/variations", "nth": 1},
                "do": {"edits": [["delete", "variations", child["id"]]]},
            }
        ]
    )
    pages = list(reading(store).backfill("products", None))
    assert not [item for page in pages for item in page.broken]
    raw = next(raw for page in pages for raw in page.records if raw["id"] == child["parent"])
    assert child["id"] not in raw["variations"]
    assert [part["id"] for part in raw["variation_details"]] == raw["variations"]


def test_a_variation_that_only_a_stale_cache_still_names_is_left_out(shop: Shop, reading: Reading) -> None:
    store = shop(products=40)
    parent = next(row["parent"] for row in store.admin.truth()["variations"] if row["status"] == "publish")
    store.admin.faults(
        [{"match": {"path": "v3/products"}, "do": {"replace": [['"variations":[', '"variations":[999999,']]}}]
    )
    [page] = reading(store).fetch("products", [str(parent)])
    raw = page.found[str(parent)]
    assert 999999 in raw["variations"] and raw["variation_details"]
    assert 999999 not in [part["id"] for part in raw["variation_details"]]
    assert isinstance(normalize("products", raw, SETTINGS), Rows)


def test_a_trashed_variation_that_a_stale_cache_still_names_is_left_out(shop: Shop, reading: Reading) -> None:
    store = shop(products=40)
    child = next(row for row in store.admin.truth()["variations"] if row["status"] == "publish")
    store.admin.trash("variations", child["id"])
    stale = [['"variations":[', f'"variations":[{child["id"]},']]
    store.admin.faults([{"match": {"path": "v3/products$|v3/products/[0-9]+$"}, "do": {"replace": stale}}])
    [page] = reading(store).fetch("products", [str(child["parent"])])
    raw = page.found[str(child["parent"])]
    assert child["id"] in raw["variations"]
    assert child["id"] not in [part["id"] for part in raw["variation_details"]]


def test_a_product_that_goes_away_while_it_is_read_is_gone(shop: Shop, reading: Reading) -> None:
    store = shop(products=40)
    parent = next(row["parent"] for row in store.admin.truth()["variations"] if row["status"] == "publish")
    store.admin.faults(
        [{"match": {"path": "v3/variations", "nth": 1}, "do": {"edits": [["delete", "products", parent]]}}]
    )
    [page] = reading(store).fetch("products", [str(parent)])
    assert page.gone == [str(parent)] and not page.found


# -- lists of versions -----------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_full_list_has_every_record_with_the_version_that_its_rows_get(
    shop: Shop, reading: Reading, resource: str
) -> None:
    store = shop(orders=250, products=150, customers=150, refunded_share=0.3)
    reader = reading(store)
    listed: dict[str, Listed] = {}
    for line in lines(reader.list_all(resource)):
        if not line.exact:
            continue  # a trashed variation
        known = listed.get(line.id)
        later = max(filter(None, (known and known.version, line.version)), default=None)
        listed[line.id] = Listed(line.id, later, line.parts or (known.parts if known else None))
    assert set(listed) == {str(key) for key in truth(store, resource)}
    for page in reader.backfill(resource, None):
        for raw in page.records:
            rows = normalize(resource, raw, SETTINGS)
            assert isinstance(rows, Rows)
            assert (rows.version, rows.parts or None) == (
                listed[rows.id].version,
                listed[rows.id].parts or None,
            )


def test_nothing_new_costs_two_requests_for_orders_and_four_for_products(
    shop: Shop, reading: Reading
) -> None:
    store = shop(orders=300, products=200)
    reader = reading(store)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for resource, requests in (("orders", 2), ("products", 4)):
        store.admin.clear_requests()
        pages = list(reader.list_since(resource, tomorrow))
        assert lines(pages) == [] and all(page.read.store_time for page in pages)
        assert len(asked(store)) == requests


def test_case_05_changes_are_asked_for_by_date_of_change(shop: Shop, reading: Reading) -> None:
    """An order made years ago and edited today is new to us."""
    store = shop(orders=120)
    oldest = min(truth(store, "orders"))
    store.admin.edit_order(oldest, customer_note="new")
    found = lines(reading(store).list_since("orders", datetime.now(UTC) - timedelta(minutes=1)))
    assert str(oldest) in {line.id for line in found}
    [entry] = [entry for entry in asked(store) if "status=trash" not in entry["query"]][:1]
    assert "modified_after=" in entry["query"] and "dates_are_gmt=true" in entry["query"]
    assert "&after=" not in entry["query"]


@pytest.mark.parametrize("late", [0, 1, 30, 3600, 7190])
def test_case_10_what_was_stamped_before_the_watermark_and_came_late_is_listed(
    shop: Shop, reading: Reading, late: int
) -> None:
    """The same second, a slow request, an hour that daylight saving repeats: two hours are read again."""
    store = shop(orders=60)
    order = min(truth(store, "orders"))
    watermark = datetime(2026, 11, 20, 12, tzinfo=UTC)
    store.admin.stamp("orders", [order], (watermark - timedelta(seconds=late)).strftime("%Y-%m-%dT%H:%M:%S"))
    found = {line.id: line for line in lines(reading(store).list_since("orders", watermark))}
    assert found[str(order)].version == watermark - timedelta(seconds=late)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "UTC"])
def test_case_43_times_are_asked_for_so_that_no_time_zone_shifts_them(
    shop: Shop, reading: Reading, zone: str
) -> None:
    store = shop(orders=60, time_zone=zone)
    one, two = sorted(truth(store, "orders"))[:2]
    watermark = datetime(2026, 6, 15, 12, tzinfo=UTC)
    store.admin.stamp("orders", [one], "2026-06-15T10:00:01")
    store.admin.stamp("orders", [two], "2026-06-15T09:59:59")
    found = {line.id for line in lines(reading(store).list_since("orders", watermark))}
    assert str(one) in found and str(two) not in found
    # a watermark in another zone is the same moment
    elsewhere = watermark.astimezone(tz=None)
    assert {line.id for line in lines(reading(store).list_since("orders", elsewhere))} == found


def test_case_18_more_records_of_one_second_than_fit_a_page(shop: Shop, reading: Reading) -> None:
    store = shop(orders=430)
    everything = sorted(truth(store, "orders"))
    store.admin.stamp("orders", everything, "2026-11-01T12:00:00")
    found = lines(reading(store).list_since("orders", datetime(2026, 11, 1, 12, tzinfo=UTC)))
    assert sorted(int(line.id) for line in found) == everything


def test_case_27_a_trashed_order_is_in_the_list_of_changes(shop: Shop, reading: Reading) -> None:
    store = shop(orders=60)
    order = min(key for key, row in truth(store, "orders").items() if row["status"] == "completed")
    reader = reading(store)
    now = datetime.now(UTC)
    store.admin.trash("orders", order)
    assert str(order) in {line.id for line in lines(reader.list_since("orders", now))}
    [page] = reader.fetch("orders", [str(order)])
    rows = normalize("orders", page.found[str(order)], SETTINGS)
    assert isinstance(rows, Rows) and rows.trashed and rows.orders[0].status == "completed"


def test_case_28_a_deleted_refund_shows_in_the_parts_of_the_full_list(shop: Shop, reading: Reading) -> None:
    store = shop(orders=80, refunded_share=0.4)
    refund = store.admin.truth()["refunds"][0]
    reader = reading(store)

    def listed() -> Listed:
        return next(line for line in lines(reader.list_all("orders")) if line.id == str(refund["parent"]))

    before = listed()
    store.admin.delete_refund(refund["id"])
    after = listed()
    assert before.version == after.version
    assert set(before.parts or ()) - set(after.parts or ()) == {str(refund["id"])}


def test_case_03_a_variations_edit_speaks_for_its_product(shop: Shop, reading: Reading) -> None:
    """Even where the product's own date stands still."""
    store = shop(products=60)
    child = next(row for row in store.admin.truth()["variations"] if row["status"] == "publish")
    store.admin.stamp("variations", [child["id"]], "2026-11-21T09:00:00")
    watermark = datetime(2026, 11, 21, 9, tzinfo=UTC)
    for pages in (reading(store).list_since("products", watermark), reading(store).list_all("products")):
        found = [line for line in lines(pages) if line.id == str(child["parent"])]
        assert any(line.version == watermark and line.exact for line in found)
        assert str(child["id"]) not in {line.id for line in found}


def test_a_trashed_variation_is_a_lower_bound_for_its_product(shop: Shop, reading: Reading) -> None:
    store = shop(products=60)
    child = next(row for row in store.admin.truth()["variations"] if row["status"] == "publish")
    now = datetime.now(UTC)
    store.admin.trash("variations", child["id"])
    found = [
        line for line in lines(reading(store).list_since("products", now)) if line.id == str(child["parent"])
    ]
    assert [line.exact for line in found] == [True, False]


def test_customers_are_listed_whole_and_of_every_role(shop: Shop, reading: Reading) -> None:
    store = shop(customers=130)
    everybody = store.admin.truth()["customers"]
    assert {row["kind"] for row in everybody} > {"customer"}
    found = lines(reading(store).list_since("customers", datetime.now(UTC)))
    assert {line.id for line in found} == {str(row["id"]) for row in everybody}
    undated = {str(row["id"]) for row in everybody if row["date_modified_gmt"] is None}
    assert {line.id for line in found if line.version is None} == undated


def test_statuses_that_plugins_hide_from_lists_are_asked_for_by_name(shop: Shop, reading: Reading) -> None:
    store = shop(orders=60)
    order = min(key for key, row in truth(store, "orders").items() if row["status"] == "completed")
    store.admin.set_field_silently("orders", order, status="archived")
    reader = reading(store, statuses=[])
    assert order in ids(reader.backfill("orders", None))
    assert str(order) in {line.id for line in lines(reader.list_since("orders", LONG_AGO))}


def test_a_status_that_the_store_no_longer_knows_is_given_up(shop: Shop, reading: Reading) -> None:
    store = shop(orders=60)
    reader = reading(store, statuses=["completed", "of-a-plugin-long-gone"])
    found = {int(line.id) for line in lines(reader.list_since("orders", LONG_AGO))}
    assert found == set(truth(store, "orders")) - hidden(store)


def test_a_store_that_keeps_its_statuses_to_itself(shop: Shop, reading: Reading) -> None:
    store = shop(orders=60)
    store.admin.faults([{"match": {"path": "reports"}, "do": {"status": 400}}])
    reader = reading(store, statuses=[])
    assert set(ids(reader.backfill("orders", None))) == set(truth(store, "orders")) - hidden(store)


# -- fetch -----------------------------------------------------------------------------------------


def test_every_id_asked_for_is_answered_in_one_of_four_ways(shop: Shop, reading: Reading) -> None:
    store = shop(orders=80)
    rows = truth(store, "orders")
    live = min(key for key, row in rows.items() if row["status"] == "completed")
    trashed, deleted, hidden = sorted(set(rows) - {live})[:3]
    store.admin.trash("orders", trashed)
    store.admin.delete("orders", deleted)
    store.admin.set_field_silently("orders", hidden, status="archived")
    wanted = [str(live), str(trashed), str(deleted), str(hidden), "abc", "-5", str(live)]
    [page] = reading(store).fetch("orders", wanted)
    assert set(page.found) == {str(live), str(trashed), str(hidden)}
    assert list(page.gone) == [str(deleted)]
    assert set(page.unanswered) == {"abc", "-5"}
    assert page.found[str(trashed)]["status"] == "trash"


def test_ids_that_are_none_need_no_answer_of_the_store(shop: Shop, reading: Reading) -> None:
    [page] = reading(shop(orders=3)).fetch("orders", ["?1f"])
    assert set(page.unanswered) == {"?1f"} and not page.gone


def test_nothing_to_fetch_is_no_page(shop: Shop, reading: Reading) -> None:
    assert list(reading(shop(orders=3)).fetch("orders", [])) == []


@pytest.mark.parametrize("resource", RESOURCES)
def test_many_ids_are_fetched_a_hundred_at_a_time(shop: Shop, reading: Reading, resource: str) -> None:
    store = shop(orders=330, products=330, customers=330)
    wanted = [str(key) for key in truth(store, resource)]
    pages = list(reading(store).fetch(resource, wanted))
    assert len(pages) == -(-len(wanted) // 100)
    assert [key for page in pages for key in sorted(page.found, key=wanted.index)] == wanted


def test_what_is_fetched_is_what_a_backfill_brings(shop: Shop, reading: Reading) -> None:
    """One road: the same record read either way gives the same rows."""
    store = shop(orders=120, products=90, refunded_share=0.3)
    reader = reading(store)
    for resource in RESOURCES:
        whole = {
            str(raw["id"]): normalize(resource, raw, SETTINGS)
            for page in reader.backfill(resource, None)
            for raw in page.records
        }
        singly = {
            key: normalize(resource, raw, SETTINGS)
            for page in reader.fetch(resource, list(whole))
            for key, raw in page.found.items()
        }
        assert singly == whole


def test_case_30_a_variation_is_never_taken_for_a_product(shop: Shop, reading: Reading) -> None:
    store = shop(products=60)
    child = next(row for row in store.admin.truth()["variations"] if row["status"] == "publish")
    [page] = reading(store).fetch("products", [str(child["id"])])
    assert page.gone == [str(child["id"])] and not page.found


@pytest.mark.parametrize("status", [403, 404, 410])
def test_case_30_no_refusal_but_the_stores_own_word_means_gone(
    shop: Shop, reading: Reading, status: int
) -> None:
    """A firewall, a moved route, a plugin: none of them knows that the record does not exist."""
    store = shop(orders=40)
    order = min(truth(store, "orders"))
    store.admin.faults(
        [
            {"match": {"query": "include="}, "do": {"replace": [[f'"id":{order},', '"id":999999,']]}},
            {"match": {"path": rf"orders/{order}$"}, "do": {"status": status}},
        ]
    )
    reader = reading(store)
    if status == 410:
        [page] = reader.fetch("orders", [str(order)])
        assert list(page.unanswered) == [str(order)] and not page.gone
        return
    with pytest.raises((Misconfigured, AuthFailed)):
        list(reader.fetch("orders", [str(order)]))


def test_records_nobody_asked_for_are_not_taken(shop: Shop, reading: Reading) -> None:
    """A cache that ignores `include` answers with others; the wanted one is then asked for alone."""
    store = shop(orders=40)
    order = max(truth(store, "orders"))
    store.admin.faults([{"match": {"query": "include="}, "do": {"replace": [[f'"id":{order},', '"id":7,']]}}])
    [page] = reading(store).fetch("orders", [str(order)])
    assert set(page.found) == {str(order)}


def test_a_record_that_fails_alone_stays_due(shop: Shop, reading: Reading) -> None:
    store = shop(orders=60)
    one, bad, two = sorted(truth(store, "orders"))[:3]
    store.admin.faults(poison("orders", bad))
    [page] = reading(store).fetch("orders", [str(one), str(bad), str(two)])
    assert set(page.found) == {str(one), str(two)} and not page.broken
    assert "500" in page.unanswered[str(bad)]


def test_refused_keys_are_raised(shop: Shop, reading: Reading) -> None:
    store = shop(orders=20)
    reader = reading(store)
    store.admin.faults([{"match": {"path": "orders"}, "do": {"replace": [["x", "x"]], "status": 401}}])
    for ask in (
        lambda: list(reader.fetch("orders", ["1"])),
        lambda: list(reader.list_all("orders")),
        lambda: list(reader.backfill("orders", None)),
    ):
        with pytest.raises((AuthFailed, Misconfigured)):
            ask()


def test_a_store_that_is_not_there_is_raised(shop: Shop, reading: Reading) -> None:
    store = shop(orders=20)
    reader = reading(store)
    store.admin.faults([{"match": {"path": "/wp-json/wc/"}, "do": {"drop": "before"}}])
    with pytest.raises(Retryable):
        list(reader.fetch("orders", ["1"]))
