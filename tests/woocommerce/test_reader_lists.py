"""Lists of versions: everything, and what changed since."""

from datetime import UTC, datetime, timedelta

import pytest
from woo_reading import LONG_AGO, RESOURCES, SETTINGS, Reading, Shop, asked, hidden, ids, lines, truth

from storelink.connectors.protocol import Listed, Rows
from storelink.connectors.woocommerce.normalize import normalize


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


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_a_store_that_keeps_its_statuses_to_itself(shop: Shop, reading: Reading, status: int) -> None:
    """Reports may be closed to keys that may read orders."""
    store = shop(orders=60)
    store.admin.faults([{"match": {"path": "reports"}, "do": {"status": status}}])
    reader = reading(store, statuses=[])
    assert set(ids(reader.backfill("orders", None))) == set(truth(store, "orders")) - hidden(store)


@pytest.mark.parametrize("wrong", [-86_400, 86_400])
def test_case_11_the_time_of_a_list_is_the_stores_own_as_it_began(
    shop: Shop, reading: Reading, wrong: float
) -> None:
    """Neither our clock nor the latest date in the answer: both may be ahead of what was listed."""
    store = shop(orders=120, https=True)
    store.admin.set_clock(wrong)
    store.admin.stamp("orders", [max(truth(store, "orders"))], "2030-01-01T00:00:00")
    before = store.admin.now()
    [first, *_] = reading(store).list_since("orders", LONG_AGO)
    seen = first.read.store_time
    assert seen is not None and before - 2 <= seen.timestamp() <= store.admin.now()
    assert first.read.started <= first.read.finished <= datetime.now(UTC)
