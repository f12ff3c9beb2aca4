"""Stores that answer strangely, records that cannot be delivered, stores of every age."""

from typing import Any

import pytest
from woo_reading import LONG_AGO, RESOURCES, SETTINGS, Reading, Shop, asked, ids, lines, poison, truth

from storelink.connectors.protocol import Limits, Rows
from storelink.connectors.woocommerce.normalize import normalize
from storelink.errors import Misconfigured, Retryable


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
