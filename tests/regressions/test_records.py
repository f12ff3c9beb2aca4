"""What went wrong elsewhere with variants, memory, deletions, refunds, hosts, identity (cases 21 to 44)."""

import json
from decimal import Decimal

import pytest

from storelink.conformance import Fault
from storelink.conformance.opened import opened
from storelink.errors import StorelinkError


@pytest.mark.parametrize("has_variations", [True, False], ids=["global list", "list per parent"])
def test_case_21_all_variations_of_a_product_with_more_than_a_page(open_shop, has_variations):
    shop = open_shop(has_variations=has_variations)
    product = shop.first("products", lambda doc: doc["type"] == "variable" and doc["status"] == "publish")
    for number in range(120):
        shop.admin.create_variation(product["id"], f"size {number}")
    shop.store.synchronize("products")
    rows = [row for row in shop.store.rows("products").values() if row["product_id"] == str(product["id"])]
    assert len(rows) == 120 + len(product["variations"])


def test_case_24_a_backfill_holds_a_few_pages_at_most(open_shop):
    shop = open_shop(orders=1500)
    with opened(shop.lab) as reading:
        pages = reading.store.backfill("orders", None)
        before = shop.admin.do("request_count")
        for number, page in zip(range(3), pages, strict=False):
            assert len(page.records) <= 100
            ahead = shop.admin.do("request_count") - before
            assert ahead <= 3 * (number + 2 + shop.lab.limits.width), (
                "it reads on while nobody takes the pages"
            )
        pages.close()


def test_case_27_a_trashed_order_is_seen(shop):
    order = shop.first("orders", lambda doc: doc["status"] == "completed")
    shop.admin.trash("orders", order["id"])
    shop.poll("orders")
    assert shop.row("orders", order["id"])["deleted"]
    shop.admin.restore("orders", order["id"])
    shop.poll("orders")
    assert not shop.row("orders", order["id"])["deleted"]


def test_case_28_a_deleted_refund_is_found(shop):
    refund = shop.first("refunds", lambda doc: Decimal(doc["amount"] or 0) > 0)
    order = refund["parent_id"]
    before = shop.row("orders", order)["refunded_amount"]
    shop.admin.delete_refund(refund["id"])
    shop.poll()
    assert shop.row("orders", order)["refunded_amount"] == before, "neither date nor webhook tells"
    assert shop.stale(fix=True) == 1
    assert shop.row("orders", order)["refunded_amount"] == before - Decimal(refund["amount"])
    assert not shop.store.select("SELECT 1 FROM order_refund WHERE refund_id = %s", str(refund["id"]))


def test_case_29_an_order_with_a_deleted_product_stops_nothing(shop):
    held = shop.store.select("SELECT sku, product_id FROM order_item WHERE sku IS NOT NULL ORDER BY item_id")
    product = int(held[0]["product_id"])
    shop.admin.delete("products", product)
    assert any(line["product_id"] == 0 for doc in shop.admin.records("orders") for line in doc["line_items"])
    shop.poll()
    shop.store.verify(fix=True)  # no list of changes tells of a deletion
    assert shop.stale(deep=True) == 0, "what is held of such a line is as it should be"
    shop.store.synchronize(full=True)
    assert shop.differences() == []
    after = shop.store.select("SELECT sku, product_id FROM order_item WHERE sku IS NOT NULL ORDER BY item_id")
    assert after == held, "a line keeps the sku that it was sold under"


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.NOT_THERE, Fault.FAILED])
def test_case_30_ambiguous_evidence_deletes_nothing(open_shop, fault):
    shop = open_shop(orders=8, products=5, customers=6)  # so few may go without asking
    shop.store.synchronize()
    before = {resource: _live(shop, resource) for resource in shop.store.resources}
    shop.lab.fault(fault, times=None)
    for deed in (shop.poll, lambda: shop.store.verify(fix=True)):
        try:
            deed()
        except StorelinkError as error:
            assert str(error)
    assert {resource: _live(shop, resource) for resource in shop.store.resources} == before


def _live(shop, resource):
    return {key for key, row in shop.store.rows(resource).items() if not row["deleted"]}


def test_case_31_polling_needs_no_webhook(shop):
    order = shop.first("orders", lambda doc: doc["status"] == "completed")
    shop.admin.edit_order(order["id"], status="cancelled")
    made = shop.admin.create_order()
    shop.poll()
    assert shop.row("orders", order["id"])["platform_status"] == "cancelled"
    assert shop.row("orders", made["id"])["total_amount"] == Decimal(made["total"])
    assert not [entry for entry in shop.admin.requests() if "webhooks" in entry["path"]]


def test_case_32_a_record_read_again_and_again_is_one_change(shop):
    order = shop.first("orders", lambda doc: doc["status"] == "completed")
    shop.admin.edit_order(order["id"], status="cancelled")
    for _ in range(4):
        shop.poll("orders")
    events = shop.store.select(
        "SELECT op FROM change_event WHERE entity = 'order' AND key = %s ORDER BY id", str(order["id"])
    )
    assert [row["op"] for row in events] == ["insert", "update"]


def test_case_39_a_line_that_was_removed_goes(shop):
    order = shop.first("orders", lambda doc: len(doc["line_items"]) > 1 and doc["status"] == "completed")
    gone, *rest = order["line_items"]
    shop.admin.edit_order(order["id"], line_items=rest)
    shop.poll("orders")
    items = shop.store.select("SELECT item_id FROM order_item WHERE order_id = %s", str(order["id"]))
    assert {row["item_id"] for row in items} == {str(line["id"]) for line in rest}
    assert str(gone["id"]) not in {row["item_id"] for row in items}


def test_case_40_a_refund_by_amount_and_one_by_lines(shop):
    order = shop.first("orders", lambda doc: doc["status"] == "completed" and not doc["refunds"])
    line = order["line_items"][0]
    shop.admin.add_refund(order["id"], "0.30", "by amount")
    meta = [{"id": 1, "key": "_refunded_item_id", "value": str(line["id"])}]
    part = {**line, "id": 990_001, "quantity": -1, "total": "-0.20", "total_tax": "0.00", "meta_data": meta}
    shop.admin.add_refund(order["id"], "0.20", "by line", lines=[part])
    shop.poll("orders")
    refunds = shop.store.select(
        "SELECT reason, amount, items FROM order_refund WHERE order_id = %s ORDER BY amount", str(order["id"])
    )
    assert [(row["reason"], row["amount"], len(row["items"])) for row in refunds] == [
        ("by line", Decimal("0.20"), 1),
        ("by amount", Decimal("0.30"), 0),
    ]
    row = shop.row("orders", order["id"])
    assert row["refunded_amount"] == Decimal("0.50")
    assert row["current_total_amount"] == row["total_amount"] - Decimal("0.50")
    (item,) = shop.store.select("SELECT * FROM order_item WHERE item_id = %s", str(line["id"]))
    assert item["refunded_quantity"] == 1
    assert item["current_quantity"] == line["quantity"] - 1


def test_case_43_a_cache_that_drops_the_query_string(shop):
    before = shop.differences()
    shop.admin.faults([{"match": {"path": "/wc/v3/"}, "do": {"strip_query": True}}])
    with pytest.raises(StorelinkError):
        shop.poll("orders")
    assert shop.differences() == before == []


def test_case_43_a_host_that_strips_the_authorization_header(open_shop):
    shop = open_shop(https=True, rules=[{"do": {"strip_auth": True}}])
    assert shop.store.opened.settings["key_in_query"] is True
    shop.store.synchronize()
    assert shop.differences() == []


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Pacific/Auckland", "America/New_York"])
def test_case_43_dates_in_store_time(open_shop, zone):
    shop = open_shop(time_zone=zone)
    shop.store.synchronize()
    shop.lab.pass_time(3600)
    order = shop.first("orders", lambda doc: doc["status"] == "completed")
    shop.admin.edit_order(order["id"], status="cancelled")
    shop.poll()
    assert shop.differences() == []


def test_case_43_values_of_types_that_nobody_promised(shop):
    order = shop.first("orders", lambda doc: doc["tax_lines"] and doc["status"] == "completed")
    taxes = [{**tax, "rate_id": str(tax["rate_id"])} for tax in order["tax_lines"]]
    meta = [
        {"id": n, "key": f"k{n}", "value": value} for n, value in enumerate((None, 1, "x", [1], {"a": [{}]}))
    ]
    lines = [{**line, "price": False, "meta_data": meta} for line in order["line_items"]]
    shop.admin.edit_order(order["id"], tax_lines=taxes, meta_data=meta, line_items=lines)
    shop.poll()
    assert shop.store.quarantined() == {}
    assert shop.differences() == []
    kept = shop.row("orders", order["id"])["metadata"]["meta_data"]
    assert json.dumps(kept) == json.dumps(meta)


def test_case_43_html_instead_of_json(shop):
    order = shop.first("orders", lambda doc: doc["status"] == "completed")
    shop.admin.edit_order(order["id"], status="cancelled")
    shop.admin.faults([{"do": {"html": True}}])
    with pytest.raises(StorelinkError, match=r"(?i)html"):
        shop.poll("orders")
    shop.admin.faults([])
    shop.poll("orders")
    assert shop.row("orders", order["id"])["platform_status"] == "cancelled"


def test_case_44_guests_twins_and_neighbours(open_shop):
    one, two = open_shop("one"), open_shop("two", seed=2)
    product = one.first("products", lambda doc: doc["type"] == "variable" and doc["status"] == "publish")
    for label in ("twin A", "twin B"):
        one.admin.create_variation(product["id"], label, sku="TWIN")
    for shop in (one, two):
        shop.store.synchronize()
    assert one.differences() == [] == two.differences(), "stores with the same ids do not mix"
    twins = [row for row in one.store.rows("products").values() if row["sku"] == "TWIN"]
    assert len(twins) == 2, "two variations may share a sku"
    guests = {doc["id"] for doc in one.admin.records("orders") if doc["customer_id"] == 0}
    assert guests
    rows = one.store.rows("orders")
    assert all(rows[str(key)]["customer_id"] is None for key in guests if str(key) in rows)
    accounts = {str(doc["id"]) for doc in one.admin.records("customers")}
    assert set(one.store.rows("customers")) == accounts, "no customer is made up for a guest"
    assert all(row["presentment_total_amount"] == row["total_amount"] for row in rows.values())
