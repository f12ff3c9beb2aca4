"""What went wrong elsewhere, held to a Shopify store from the store to the tables.

The cases are those of README.md beside this file.
"""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from shopify_laboratory import ShopifyLaboratory

from storelink.conformance import Fault
from storelink.conformance.opened import ending, opened
from storelink.conformance.registered import registered
from storelink.connectors.protocol import Limits
from storelink.connectors.shopify import bulk, walk
from storelink.errors import StorelinkError


class Shop:
    """A store in the sandbox and its tables here."""

    def __init__(self, lab, store):
        self.lab, self.admin, self.store = lab, lab.admin, store

    def ids(self, kind="orders"):
        return [row["id"] for row in self.admin.truth()[kind]]

    def poll(self, *resources):
        self.lab.pass_time(60)
        return self.store.synchronize(*resources)

    def note(self, key):
        return self.store.rows("orders")[str(key)]["metadata"]["note"]

    def differences(self):
        return [line for resource in self.store.resources for line in self.store.differences(resource)]

    def lines(self, key):
        found = self.store.select("SELECT * FROM order_item WHERE order_id = %s", str(key))
        return {row["item_id"]: row for row in found}

    def drift(self, **how):
        return sum(ledger.found for ledger in self.store.verify(**how))


@pytest.fixture
def new(database, monkeypatch):
    """Registered, not read yet."""
    monkeypatch.setattr(bulk, "FIRST_WAIT", 0.02)
    with ShopifyLaboratory(0, orders=60, products=16, customers=20) as lab:
        lab.limits = Limits(timeout=30, retries=2, width=2)
        lab.pass_time(3 * 86_400)
        with registered(database, lab) as store:
            yield Shop(lab, store)


@pytest.fixture
def shop(new):
    """Read once, and then nothing happened for a day."""
    new.store.synchronize()
    new.lab.pass_time(86_400)
    new.store.synchronize()
    return new


@pytest.fixture(params=["bulk", "pages"])
def road(request, new):
    """How everything is read."""
    if request.param == "pages":
        new.admin.set_site(bulk_fault="access_denied", max_cost=330)
    return request.param


# -- watermarks ------------------------------------------------------------------------------------


def test_case_01_what_changes_without_a_date_on_shopify(shop):
    key = shop.ids()[0]
    shop.admin.set_field_silently("orders", key, note="silent")
    shop.poll()
    assert shop.note(key) != "silent", "no list can show it"
    assert shop.drift(deep=True, fix=True) == 1
    assert shop.note(key) == "silent"


def test_case_03_a_variant_that_changes_speaks_for_its_product(shop):
    unit = shop.admin.records("variations")[0]["id"]
    shop.admin.edit_variation(unit, price="3.21")
    shop.poll()
    assert shop.store.rows("products")[str(unit)]["price"] == Decimal("3.21")


def test_cases_05_06_an_old_order_that_is_edited_today(shop):
    oldest = min(shop.admin.records("orders"), key=lambda doc: doc["createdAt"])["id"]
    shop.admin.edit_order(oldest, note="today")
    shop.poll("orders")
    assert shop.note(oldest) == "today"


def test_case_07_a_list_that_is_begun_anew_goes_on_where_it_was(new, road, monkeypatch):
    monkeypatch.setattr(walk, "REACH", 20)
    new.store.synchronize()
    assert new.differences() == []
    for key in new.ids():
        new.admin.edit_order(key, note="all of them")
        new.lab.pass_time(1)
    new.lab.pass_time(4000)
    new.store.synchronize()
    assert new.differences() == []


def test_case_08_an_edit_between_an_interrupted_run_and_its_resume_on_shopify(new, road):
    operation = "BulkStatus" if road == "bulk" else "OrderPage"
    down = [{"match": {"path": "/graphql"}, "do": {"status": 503, "html": True}}]
    nth = {"operation": operation, "nth": 1 if road == "bulk" else 2}
    new.admin.faults([{"match": nth, "do": {"edits": [["faults", down]]}}])
    with pytest.raises(StorelinkError):
        new.store.synchronize("orders")
    new.admin.faults([])
    first = new.ids()[0]
    new.admin.edit_order(first, note="meanwhile")
    new.lab.pass_time(86_400)
    new.store.synchronize("orders")
    new.poll("orders")
    assert new.note(first) == "meanwhile"
    new.poll()
    assert new.drift() == 0


def test_case_09_an_empty_window_moves_the_watermark_on_shopify(shop):
    query = "SELECT watermark FROM sync_state WHERE resource = 'orders'"
    (before,) = shop.store.select(query)
    shop.poll("orders")
    (after,) = shop.store.select(query)
    assert 55 <= (after["watermark"] - before["watermark"]).total_seconds() <= 70


@pytest.mark.parametrize("lag", [0, 600], ids=["at once", "ten minutes late in the index"])
def test_cases_10_11_15_an_edit_of_the_second_of_the_read(shop, lag):
    shop.admin.set_site(index_lag=lag)
    key = shop.ids()[0]
    shop.lab.pass_time(60)
    shop.admin.edit_order(key, note="first")
    shop.store.synchronize("orders")
    shop.admin.edit_order(key, note="second")  # under the same stamp
    shop.poll("orders")
    shop.lab.pass_time(lag)
    shop.poll("orders")
    assert shop.note(key) == "second"


def test_cases_12_13_a_pass_with_nothing_new_asks_for_lists_only(shop):
    shop.admin.clear_requests()
    results = shop.poll()
    assert {result.kind for result in results} == {"incremental"}
    asked = {entry["operation"] for entry in shop.admin.requests()}
    assert asked == {"Destroyed", "OrderList", "ProductList", "CustomerList"}
    assert [result.requests for result in results] == [2, 2, 2]


def test_case_14_rows_that_move_between_pages_lose_no_other(new, road):
    with opened(new.lab) as reading:
        known, seen, touched = set(new.ids()), set(), set()
        for page in ending(reading.store.backfill("orders", None)):
            ids = [int(raw["id"].rpartition("/")[2]) for raw in page.records]
            seen.update(ids)
            for key in ids[:3]:
                new.admin.edit_order(key, note="moved")
                touched.add(key)
    assert known <= seen
    assert touched


def test_case_18_more_orders_of_one_second_than_a_list_can_reach(shop, monkeypatch):
    monkeypatch.setattr(walk, "REACH", 20)
    stamp = datetime.fromtimestamp(int(shop.admin.now()), UTC).isoformat()[:19] + "Z"
    for key in shop.ids():
        shop.admin.set_field_silently("orders", key, note="tied")
    shop.admin.stamp("orders", shop.ids(), stamp)
    shop.poll("orders")
    assert {shop.note(key) for key in shop.ids()} == {"tied"}


# -- bulk operations -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["failed", "wrong_count", "wrong_root_count", "cut", "broken_line", "expired"]
)
def test_cases_16_17_a_result_that_is_not_whole_is_not_taken(new, fault):
    new.admin.set_site(bulk_fault=fault, bulk_fault_times=1)
    new.store.synchronize()
    assert new.differences() == []
    assert new.drift() == 0


@pytest.mark.parametrize("fault", ["no_newline", "children_first"])
def test_cases_17_25_lines_in_any_order_and_a_last_one_without_newline(new, fault):
    new.admin.set_site(bulk_fault=fault)
    new.store.synchronize()
    assert new.differences() == []


def test_cases_19_20_21_nested_lists_are_read_to_their_end(new, road):
    order, product = new.ids()[0], new.ids("products")[0]
    for _ in range(60):
        new.admin.do("add_line", order, price="1.00")
    new.admin.do("create_many_variants", product, count=130)
    lines = new.admin.record("orders", order)["_lines"]
    new.admin.add_refund(order, None, lines=[{"id": line["id"], "quantity": 1} for line in lines[-55:]])
    new.store.synchronize()
    assert set(new.lines(order)) == {str(line["id"]) for line in lines}
    assert sum(row["refunded_quantity"] for row in new.lines(order).values()) >= 55
    units = [row for row in new.store.rows("products").values() if row["product_id"] == str(product)]
    assert len(units) == 130


def test_case_22_operations_of_others_are_waited_for_or_left_alone(new):
    new.admin.set_site(bulk_occupied=4)  # of five
    new.store.synchronize()
    assert new.differences() == []


def test_case_23_an_alias_of_another_shop_is_not_followed(new):
    new.admin.set_site(mode="moved", moved_to="https://other.myshopify.com/admin/api")
    with pytest.raises(StorelinkError):
        new.store.synchronize("orders")
    assert new.store.rows("orders") == {}


def test_case_24_a_bulk_result_comes_in_small_pages(new):
    with opened(new.lab) as reading:
        sizes = [len(page.records) for page in ending(reading.store.backfill("orders", None))]
    assert max(sizes) <= 100


# -- deletions -------------------------------------------------------------------------------------


def test_case_26_what_was_destroyed_is_told_by_the_events(shop):
    order, product = shop.ids()[0], shop.ids("products")[0]
    idle = next(doc["id"] for doc in shop.admin.records("customers") if not doc["_orders"])
    shop.admin.delete("orders", order)
    shop.admin.delete("products", product)
    shop.admin.delete("customers", idle)
    shop.poll()
    assert shop.store.rows("orders")[str(order)]["deleted"]
    assert shop.store.rows("customers")[str(idle)]["deleted"]
    gone = [
        row["deleted"] for row in shop.store.rows("products").values() if row["product_id"] == str(product)
    ]
    assert gone
    assert all(gone)
    assert shop.differences() == []


def test_case_29_lines_of_a_deleted_product_keep_what_they_were_sold_under(shop):
    held = shop.store.select("SELECT sku, product_id, variant_id FROM order_item ORDER BY item_id")
    sold = int(next(row["product_id"] for row in held if row["product_id"]))
    named = "SELECT count(*) AS orders FROM platform_order WHERE line_items::text LIKE %s"
    shop.admin.delete("products", sold)
    shop.poll()
    assert shop.drift() == 0, "no date of an order moves"
    assert shop.store.select(named, f"%/{sold}%")[0]["orders"] > 0
    assert shop.drift(deep=True) == 0, "what is held of such a line is as it should be"
    edited = next(
        doc["id"] for doc in shop.admin.records("orders")
        if any(line["_product"] is None for line in doc["_lines"])
    )  # fmt: skip
    shop.admin.set_field_silently("orders", edited, note="silent")
    assert shop.drift(deep=True) == 1, "anything else in such an order is not"
    shop.drift(deep=True, fix=True)
    assert shop.store.select(named, f"%/{sold}%")[0]["orders"] == 0, "the raw lines are the store's"
    assert shop.drift(deep=True) == 0
    assert shop.store.select("SELECT sku, product_id, variant_id FROM order_item ORDER BY item_id") == held


@pytest.mark.parametrize("fault", [Fault.EMPTY, Fault.NOT_THERE, Fault.FAILED])
def test_case_30_ambiguous_evidence_deletes_nothing_on_shopify(shop, fault):
    shop.lab.fault(fault, times=None)
    for deed in (shop.poll, shop.store.verify):
        try:
            deed()
        except StorelinkError as error:
            assert str(error)
    shop.lab.heal()
    assert [
        row for kind in shop.store.resources for row in shop.store.rows(kind).values() if row["deleted"]
    ] == []


# -- money, identity, what may be seen -------------------------------------------------------------


def test_case_32_a_record_read_again_and_again_is_one_change_on_shopify(shop):
    key = shop.ids()[0]
    shop.admin.edit_order(key, note="once")
    for _ in range(4):
        shop.poll("orders")
    events = shop.store.select(
        "SELECT op FROM change_event WHERE entity = 'order' AND key = %s ORDER BY id", str(key)
    )
    assert [row["op"] for row in events] == ["insert", "update"]


def test_cases_37_39_an_exchange_and_a_line_taken_off(shop):
    whole = [doc for doc in shop.admin.records("orders") if not doc["_refunds"] and not doc["cancelledAt"]]
    doc = next(doc for doc in whole if doc["_lines"][0]["currentQuantity"])
    unit = shop.admin.records("variations")[0]["id"]
    shop.admin.do("exchange", doc["id"], doc["_lines"][0]["id"], unit)
    shop.poll("orders")
    assert shop.store.rows("orders")[str(doc["id"])]["refunded_amount"] == 0
    assert shop.differences() == []
    added = shop.admin.record("orders", doc["id"])["_lines"][-1]
    shop.admin.do("remove_line", doc["id"], added["id"])
    shop.poll("orders")
    line = shop.lines(doc["id"])[str(added["id"])]
    assert (line["quantity"], line["current_quantity"], line["total_amount"]) == (1, 0, 0)
    assert shop.differences() == []


def test_case_38_amounts_stay_in_the_shops_currency(shop):
    key = shop.ids()[0]
    shop.admin.edit_order(key, presentmentCurrencyCode="EUR")
    shop.poll("orders")
    row = shop.store.rows("orders")[str(key)]
    assert (row["currency"], row["presentment_currency"]) == ("USD", "EUR")
    assert row["presentment_total_amount"] != row["total_amount"]
    assert shop.differences() == []


def test_case_42_orders_out_of_sight_are_not_deleted(shop):
    before = len(shop.store.rows("orders"))
    shop.admin.set_site(all_orders=False)
    shop.poll()
    shop.store.verify(fix=True)
    rows = shop.store.rows("orders").values()
    assert len(rows) == before
    assert not [row for row in rows if row["deleted"]]


def test_case_44_guests_and_twins_on_shopify(shop):
    made = shop.admin.create_order(customer=None)
    first, second = (unit["id"] for unit in shop.admin.records("variations")[:2])
    for unit in (first, second):
        shop.admin.edit_variation(unit, sku="TWIN")
    shop.poll()
    assert shop.store.rows("orders")[str(made["id"])]["customer_id"] is None
    rows = shop.store.rows("products")
    assert rows[str(first)]["sku"] == rows[str(second)]["sku"] == "TWIN"
    assert shop.differences() == []
