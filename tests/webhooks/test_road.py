"""From an edit in the store to a row in the tables, by webhook alone."""

from dataclasses import replace
from typing import Any

import pytest
from webhook_house import install

from storelink.errors import AuthFailed, Stopped
from storelink.sync.hint import follow_hints
from storelink.sync.stopping import Stoppable


def order_of(shop: Any) -> int:
    truth = shop.admin.truth()["orders"]
    return next(one["id"] for one in truth if one["status"] not in ("trash", "checkout-draft"))


def note_of(shop: Any, order: int) -> Any:
    name = "note" if shop.platform == "shopify" else "customer_note"
    return shop.house.one(
        "SELECT metadata ->> :name FROM platform_order WHERE order_id = :id", name=name, id=str(order)
    )


def edit(shop: Any, order: int, words: str) -> None:
    shop.admin.edit_order(order, **{"note" if shop.platform == "shopify" else "customer_note": words})


def test_an_edit_arrives_without_a_poll(shop: Any) -> None:
    install(shop)
    order = order_of(shop)
    edit(shop, order, "by webhook")
    done = shop.pull()
    assert note_of(shop, order) == "by webhook"
    assert done.deliveries >= 1
    assert shop.house.one("SELECT count(*) FROM webhook_delivery WHERE status = 'received'") == 0
    roads = shop.house.rows("SELECT resource, kind, updated FROM sync_run WHERE kind = 'webhook'")
    assert ("orders", "webhook", 1) in roads


def test_a_new_order_comes_with_its_customer(shop: Any) -> None:
    install(shop)
    customer = shop.admin.create_customer()["id"]
    fields = {"customer": customer} if shop.platform == "shopify" else {"customer_id": customer}
    order = shop.admin.create_order(**fields)["id"]
    shop.pull()
    held = shop.house.rows(
        "SELECT o.customer_id, c.email FROM platform_order o"
        " JOIN platform_customer c USING (connector_id, customer_id) WHERE o.order_id = :id",
        id=str(order),
    )
    assert held[0][0] == str(customer)
    assert held[0][1]


def test_a_product_and_its_variant(shop: Any) -> None:
    install(shop)
    unit = shop.admin.records("variations")[0]
    parent = unit["_product"] if shop.platform == "shopify" else unit["parent_id"]
    name = "price" if shop.platform == "shopify" else "regular_price"
    shop.admin.edit_variation(unit["id"], **{name: "77.77"})
    shop.pull()
    found = shop.house.rows(
        "SELECT product_id, price::text FROM platform_product WHERE variant_id = :id", id=str(unit["id"])
    )
    assert found == [(str(parent), "77.7700")]


def test_a_deletion_is_asked_about(shopify: Any) -> None:
    install(shopify)
    product = shopify.admin.truth()["products"][0]["id"]
    shopify.admin.delete("products", product)
    shopify.pull()
    left = "SELECT count(*) FROM platform_product WHERE product_id = :id AND deleted_at IS NULL"
    assert shopify.house.one(left, id=str(product)) == 0


def test_a_deletion_that_did_not_happen_changes_nothing(shop: Any) -> None:
    secret = install(shop)
    order = order_of(shop)
    topic = "orders/delete" if shop.platform == "shopify" else "order.deleted"
    assert shop.deliver(topic, b'{"id":%d}' % order, secret) == 200
    shop.pull()
    assert shop.house.rows("SELECT deleted_at FROM platform_order WHERE order_id = :id", id=str(order)) == [
        (None,)
    ]


def test_trash_and_back(woo: Any) -> None:
    install(woo)
    order = order_of(woo)
    woo.admin.trash("orders", order)
    woo.pull()
    gone = "SELECT deleted_at IS NOT NULL FROM platform_order WHERE order_id = :id"
    assert woo.house.one(gone, id=str(order)) is True
    woo.admin.restore("orders", order)
    woo.pull()
    assert woo.house.one(gone, id=str(order)) is False


def test_a_trashed_variation_is_known_by_its_id_alone(woo: Any) -> None:
    install(woo)
    unit = next(one for one in woo.admin.records("variations") if one["status"] != "trash")
    woo.admin.trash("variations", unit["id"])
    woo.delivered()
    told = woo.house.rows("SELECT external_id FROM webhook_delivery WHERE topic = 'product.deleted'")
    assert told == [(f"variant:{unit['id']}",)]
    woo.follow()
    dead = woo.house.one(
        "SELECT deleted_at IS NOT NULL FROM platform_product WHERE variant_id = :id", id=str(unit["id"])
    )
    assert dead is True


def test_a_draft_is_not_asked_for_for_ever(woo: Any) -> None:
    secret = install(woo)
    draft = woo.admin.create_order(status="checkout-draft")["id"]
    assert woo.deliver("order.created", b'{"id":%d}' % draft, secret) == 200
    woo.pull()
    assert woo.house.rows("SELECT state FROM source_record WHERE record_id = :id", id=str(draft)) == []
    assert woo.house.one("SELECT count(*) FROM webhook_delivery WHERE status = 'received'") == 0


def test_a_refund_leads_to_its_order(shopify: Any) -> None:
    install(shopify)
    order = shopify.admin.create_order()["id"]
    shopify.pull()
    shopify.admin.add_refund(order, "1.00", "scratched")
    shopify.delivered()
    topics = {topic for (topic,) in shopify.house.rows("SELECT topic FROM webhook_delivery")}
    assert {"refunds/create", "order_transactions/create"} <= topics
    shopify.follow()
    assert shopify.house.one("SELECT amount FROM order_refund WHERE order_id = :id", id=str(order)) == 1


def test_stock_leads_to_its_product(shopify: Any) -> None:
    secret = install(shopify)
    unit = shopify.admin.records("variations")[0]
    shopify.admin.set_field_silently("variations", unit["id"], inventoryQuantity=4711)
    shopify.delivered()
    shopify.house.do("DELETE FROM webhook_delivery")
    item = 2_000_000_000_000 + unit["id"]
    assert shopify.deliver("inventory_levels/update", b'{"inventory_item_id":%d}' % item, secret) == 200
    assert shopify.deliver("inventory_levels/update", b'{"inventory_item_id":1}', secret) == 200
    shopify.pull()
    held = "SELECT inventory_quantity FROM platform_product WHERE variant_id = :id"
    assert shopify.house.one(held, id=str(unit["id"])) == 4711


def test_merged_customers(shopify: Any) -> None:
    install(shopify)
    kept, gone = (shopify.admin.create_customer()["id"] for _ in range(2))
    shopify.pull()
    shopify.admin.merge_customers(kept, gone)
    shopify.pull()
    deleted = "SELECT deleted_at IS NOT NULL FROM platform_customer WHERE customer_id = :id"
    assert shopify.house.one(deleted, id=str(gone)) is True
    assert shopify.house.one(deleted, id=str(kept)) is False


def test_a_flood_for_one_record_is_one_read(shop: Any) -> None:
    secret = install(shop)
    order = order_of(shop)
    topic = "orders/updated" if shop.platform == "shopify" else "order.updated"
    edit(shop, order, "the last word")
    for _ in range(150):
        assert shop.deliver(topic, b'{"id":%d}' % order, secret) == 200
    shop.delivered()
    done = shop.follow()
    assert done.deliveries >= 150
    assert done.requests <= 4
    assert note_of(shop, order) == "the last word"


def test_old_deliveries_after_new_ones_do_no_harm(shop: Any) -> None:
    secret = install(shop)
    order = order_of(shop)
    edit(shop, order, "newest")
    shop.pull()
    topic = "orders/updated" if shop.platform == "shopify" else "order.updated"
    old = b'{"id":%d,"note":"oldest","customer_note":"oldest","updated_at":"2020-01-01T00:00:00Z"}' % order
    for _ in range(3):
        assert shop.deliver(topic, old, secret) == 200
    shop.pull()
    assert note_of(shop, order) == "newest"
    assert shop.house.one("SELECT count(*) FROM platform_order WHERE order_id = :id", id=str(order)) == 1


def test_lost_doubled_late_shuffled_and_forged(shop: Any) -> None:
    install(shop)
    shop.admin.mishaps(double=0.5, late=0.3, late_seconds=0.3, shuffle=0.3, forge=0.5, seed=3)
    order, others = order_of(shop), [shop.admin.create_order()["id"] for _ in range(5)]
    for turn in range(12):
        edit(shop, order, f"turn {turn}")
    for other in others:
        edit(shop, other, "shuffled")
    shop.pull()
    assert {note_of(shop, other) for other in others} == {"shuffled"}
    assert note_of(shop, order) == "turn 11"
    sent = shop.admin.deliveries()
    assert any(one["forged"] for one in sent)
    assert all(one["status"] == 401 for one in sent if one["forged"])


def test_what_arrives_while_a_record_is_read_is_read_again(shop: Any) -> None:
    secret = install(shop)
    order = order_of(shop)
    topic = "orders/updated" if shop.platform == "shopify" else "order.updated"
    edit(shop, order, "first")
    shop.delivered()
    with shop.subject() as subject:
        fetch = subject.store.fetch

        def during(resource: str, ids: Any) -> Any:
            for page in fetch(resource, ids):
                # the answer is on its way to us already
                subject.store.fetch = fetch
                edit(shop, order, "second")
                shop.delivered()
                assert shop.deliver(topic, b'{"id":%d}' % order, secret) == 200
                yield page

        subject.store.fetch = during
        follow_hints(shop.house.database, subject)
    assert note_of(shop, order) == "first"
    open_hints = "SELECT count(*) FROM webhook_delivery WHERE status = 'received'"
    assert shop.house.one(open_hints) >= 1
    shop.follow()
    assert note_of(shop, order) == "second"
    assert shop.house.one(open_hints) == 0


def test_a_hint_older_than_the_last_read_costs_no_request(shop: Any) -> None:
    install(shop)
    order = order_of(shop)
    edit(shop, order, "polled")
    shop.delivered()
    shop.sync()
    assert note_of(shop, order) == "polled"
    done = shop.follow()
    assert done.deliveries >= 1
    assert done.counts.fetched == 0


def test_a_store_that_is_down_keeps_its_hints(shop: Any) -> None:
    install(shop)
    order = order_of(shop)
    edit(shop, order, "kept")
    shop.delivered()
    words = [["sandbox_fault", "woocommerce_rest_authentication_error"]]
    words += [["As scripted.", "Consumer key is invalid."]]
    shop.admin.faults([{"do": {"status": 401, "replace": words}}])
    with pytest.raises(AuthFailed):
        shop.follow()
    assert shop.house.one("SELECT status FROM connector_config WHERE id = :id", id=shop.id) == "auth_failed"
    assert shop.house.one("SELECT max(attempts) FROM webhook_delivery WHERE status = 'received'") == 1
    shop.admin.faults([])
    shop.follow()
    assert note_of(shop, order) == "kept"


def test_a_process_that_stops_leaves_its_hints_open(shop: Any) -> None:
    install(shop)
    order = order_of(shop)
    edit(shop, order, "later")
    shop.delivered()
    with shop.subject() as subject, pytest.raises(Stopped):
        follow_hints(shop.house.database, replace(subject, store=Stoppable(subject.store, lambda: True)))
    states = shop.house.rows("SELECT DISTINCT status, attempts, error FROM webhook_delivery")
    assert states == [("received", 0, None)]
    shop.follow()
    assert note_of(shop, order) == "later"
