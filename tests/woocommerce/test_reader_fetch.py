"""Records by id: each one asked for is answered in one of four ways."""

import pytest
from woo_reading import RESOURCES, SETTINGS, Reading, Shop, poison, truth

from storelink.connectors.woocommerce.normalize import normalize
from storelink.errors import AuthFailed, Misconfigured, Retryable


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
