"""What went wrong with dates and watermarks elsewhere, from the store to the tables (cases 1 to 18)."""

from decimal import Decimal

import pytest

from storelink.conformance.opened import ending, opened
from storelink.errors import Retryable

PLAIN = ("processing", "completed", "on-hold")


def _plain_order(shop):
    return shop.first("orders", lambda doc: doc["status"] in PLAIN and not doc["refunds"])


def test_case_01_totals_that_change_without_a_date(shop):
    order = _plain_order(shop)
    shop.admin.set_field_silently("orders", order["id"], total="77.77")
    shop.poll()
    assert shop.row("orders", order["id"])["total_amount"] != Decimal("77.77"), "no list can show it"
    assert shop.stale(deep=True, fix=True) == 1
    assert shop.row("orders", order["id"])["total_amount"] == Decimal("77.77")


def test_case_02_stock_that_changes_without_a_date(shop):
    product = shop.first("products", lambda doc: doc["type"] == "simple" and doc["status"] == "publish")
    shop.admin.set_field_silently("products", product["id"], manage_stock=True, stock_quantity=7)
    shop.poll()
    assert shop.stale(deep=True, fix=True) == 1
    assert shop.row("products", product["id"])["inventory_quantity"] == 7


@pytest.mark.parametrize("has_variations", [True, False], ids=["global list", "list per parent"])
def test_case_03_a_variation_that_changes_without_its_parent(shop, has_variations):
    variation = shop.first("variations", lambda doc: doc["status"] == "publish")
    shop.admin.set_field_silently("variations", variation["id"], regular_price="3.21", price="3.21")
    shop.admin.stamp("variations", [variation["id"]], shop.stamp())
    if has_variations:
        shop.poll()
    else:  # an older WooCommerce, where only a deep look can show it
        shop.admin.set_site(has_variations=False)
        shop.poll()
        assert shop.stale(deep=True, fix=True) == 1
    assert shop.row("products", variation["id"])["price"] == Decimal("3.21")


def test_case_04_a_refund_that_leaves_the_orders_date(shop):
    order = _plain_order(shop)
    shop.admin.add_refund(order["id"], "0.50", "by the gateway")
    shop.admin.stamp("orders", [order["id"]], order["date_modified_gmt"])
    shop.poll()
    assert shop.row("orders", order["id"])["refunded_amount"] == 0, "no list of changes can show it"
    assert shop.stale(fix=True) == 1, "but the full list names the refund"
    assert shop.row("orders", order["id"])["refunded_amount"] == Decimal("0.50")


def test_case_05_an_old_order_that_is_edited_today(shop):
    order = min(shop.admin.records("orders"), key=lambda doc: doc["date_created_gmt"])
    shop.admin.edit_order(order["id"], status="on-hold")
    shop.poll("orders")
    assert shop.row("orders", order["id"])["platform_status"] == "on-hold"


def test_case_08_an_edit_between_an_interrupted_run_and_its_resume(open_shop):
    shop = open_shop(orders=240)
    shop.admin.faults([{"match": {"path": "/orders$", "nth": 3}, "do": {"edits": [["faults", _DOWN]]}}])
    with pytest.raises(Retryable):
        shop.store.synchronize("orders")
    read = [int(key) for key, row in shop.store.rows("orders").items() if row["platform_status"] in PLAIN]
    shop.admin.faults([])
    shop.admin.edit_order(read[0], status="failed")
    shop.lab.pass_time(86_400)
    shop.store.synchronize("orders")
    shop.poll("orders")
    assert shop.row("orders", read[0])["platform_status"] == "failed"


_DOWN = [{"do": {"status": 503, "html": True}}]


def test_case_09_an_empty_window_moves_the_watermark_to_the_stores_clock(shop):
    before = shop.store.select("SELECT watermark FROM sync_state WHERE resource = 'orders'")[0]["watermark"]
    shop.poll("orders")
    (after,) = shop.store.select("SELECT watermark FROM sync_state WHERE resource = 'orders'")
    assert 55 <= (after["watermark"] - before).total_seconds() <= 70


def test_case_10_two_edits_in_the_second_of_the_read(shop):
    order = _plain_order(shop)
    shop.lab.pass_time(60)
    shop.admin.edit_order(order["id"], status="on-hold")
    shop.store.synchronize("orders")
    shop.admin.edit_order(order["id"], status="cancelled")  # under the same stamp
    shop.poll("orders")
    assert shop.row("orders", order["id"])["platform_status"] == "cancelled"


@pytest.mark.parametrize("days", [-1, 1], ids=["a day behind", "a day ahead"])
def test_case_11_a_store_whose_clock_is_not_ours(open_shop, days):
    shop = open_shop()
    shop.lab.pass_time((days - 3) * 86_400)
    shop.store.synchronize()
    for status in ("on-hold", "cancelled"):
        order = _plain_order(shop)
        shop.lab.pass_time(3 * 3600)
        shop.admin.edit_order(order["id"], status=status)
        shop.poll("orders")
        assert shop.row("orders", order["id"])["platform_status"] == status


def test_case_12_a_pass_with_nothing_new_asks_for_lists_only(shop):
    shop.poll()
    shop.admin.clear_requests()
    results = {result.resource: result for result in shop.poll("orders", "products")}
    asked = [entry["query"] for entry in shop.admin.requests()]
    assert results["orders"].requests == 2, asked
    assert results["products"].requests == 4, asked
    assert all("_fields=id%2Cdate_modified_gmt" in query for query in asked), asked


def test_case_13_a_finished_backfill_is_not_begun_again(shop):
    shop.lab.pass_time(30 * 86_400)
    assert {result.kind for result in shop.store.synchronize()} <= {"incremental", "targeted"}


def test_case_14_offset_drift_loses_no_order(open_shop):
    shop = open_shop(orders=420)
    with opened(shop.lab) as reading:
        known = {doc["id"] for doc in shop.admin.records("orders") if doc["status"] != "checkout-draft"}
        seen: set[int] = set()
        touched: set[int] = set()
        for page in ending(reading.store.backfill("orders", None)):
            ids = [raw["id"] for raw in page.records]
            seen.update(ids)
            for key, act in zip(ids, ("edit_order", "delete", "trash", "delete"), strict=False):
                shop.admin.do(act, *([key] if act == "edit_order" else ["orders", key]))
                touched.add(key)
    assert known - touched <= seen


def test_case_15_an_edit_while_a_pass_runs(shop):
    order = _plain_order(shop)
    late = [["edit_order", order["id"], {"status": "failed"}]]
    # the live list was answered when this happens; the trash is asked for now
    shop.admin.faults(
        [{"match": {"path": "/orders$", "query": "status=trash", "nth": 1}, "do": {"edits": late}}]
    )
    shop.poll("orders")
    shop.admin.faults([])
    shop.poll("orders")
    assert shop.row("orders", order["id"])["platform_status"] == "failed"


def test_case_18_more_orders_of_one_second_than_fit_a_page(open_shop):
    shop = open_shop(orders=160)
    shop.store.synchronize("orders")
    shop.lab.pass_time(86_400)
    ids = [doc["id"] for doc in shop.admin.records("orders") if doc["status"] in PLAIN][:130]
    assert len(ids) > 100
    for key in ids:
        shop.admin.set_field_silently("orders", key, customer_note="tied")
    shop.admin.stamp("orders", ids, shop.stamp())
    shop.poll("orders")
    tied = shop.store.select("SELECT 1 FROM platform_order WHERE metadata->>'customer_note' = 'tied'")
    assert len(tied) == len(ids)
