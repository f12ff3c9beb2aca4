"""What a record's rows do to the tables: parts that went, columns that are set once, one page at a time."""

from decimal import Decimal

import pytest
from fleet import wait_until

from storelink.errors import LaneLost
from storelink.sync.backfill import backfill
from storelink.sync.incremental import incremental


def _follow(world, resource="orders"):
    with world.poll(resource) as lane:
        return incremental(lane, world.subject)


def _start(world, resource="orders"):
    with world.full(resource) as lane:
        backfill(lane, world.subject)
    world.store.pass_time(60)


def test_a_line_gone_from_an_order_goes(world):
    world.store.put("orders", 1, items={"1": "A", "2": "B"})
    world.store.pass_time(60)
    _start(world)
    world.store.put("orders", 1, items={"2": "B"})
    world.store.pass_time(60)
    _follow(world)
    assert world.rows("SELECT item_id FROM order_item") == [("2",)]


def test_a_deleted_products_line_keeps_the_sku_it_was_sold_under(world):
    world.store.put("orders", 1, items={"1": "A"})
    world.store.pass_time(60)
    _start(world)
    world.store.put("orders", 1, items={"1": None}, status="completed")
    world.store.pass_time(60)
    _follow(world)
    assert world.rows("SELECT sku, product_id, variant_id FROM order_item") == [("A", "A", "A")]
    assert world.one("SELECT status FROM platform_order") == "completed"


def test_a_refund_the_store_no_longer_has_goes(world):
    world.store.put("orders", 1, refunds={"9": "3.00", "8": "1.00"})
    world.store.pass_time(60)
    _start(world)
    assert world.one("SELECT refunded_amount FROM platform_order") == Decimal("4.0000")
    world.store.put("orders", 1, refunds={"9": "3.00"})
    world.store.pass_time(60)
    _follow(world)
    assert world.rows("SELECT refund_id FROM order_refund") == [("9",)]
    assert world.one("SELECT current_total_amount FROM platform_order") == Decimal("7.0000")


def test_a_products_rows_are_exactly_its_variants(world):
    world.store.put("products", 1, variants=["a", "b"])
    world.store.put("products", 2, variants=["a"])
    world.store.pass_time(60)
    _start(world, "products")
    world.store.put("products", 1, variants=["b", "c"])
    world.store.pass_time(60)
    _follow(world, "products")
    live = world.rows("SELECT variant_id FROM platform_product WHERE deleted_at IS NULL ORDER BY 1")
    assert live == [("1-b",), ("1-c",), ("2-a",)]
    assert ("1-a", "delete") in world.events("product")


def test_product_by_sku_shows_the_newest_live_row(world):
    world.store.put("products", 1, variants=["S"], title="old")
    world.store.pass_time(60)
    world.store.put("products", 2, variants=["S"], title="new")
    world.store.pass_time(60)
    _start(world, "products")
    assert world.one("SELECT title FROM product_by_sku WHERE platform = 'toy' AND sku = 'S'") == "new"
    world.store.delete("products", 2)
    with world.full("products") as lane:
        backfill(lane, world.subject, restart=True)
    assert world.one("SELECT title FROM product_by_sku WHERE platform = 'toy' AND sku = 'S'") == "old"


def test_customers_of_changed_orders_become_due(world):
    world.store.put("customers", 7, name="Ann")
    world.store.put("orders", 1, customer="7")
    world.store.pass_time(60)
    _start(world, "customers")
    _start(world)
    assert world.one("SELECT due_since IS NULL FROM source_record WHERE resource = 'customers'")
    world.store.put("orders", 1, status="completed")
    world.store.pass_time(60)
    _follow(world)
    assert world.one("SELECT due_since IS NOT NULL FROM source_record WHERE resource = 'customers'")


def test_two_stores_with_the_same_ids_do_not_touch_each_other(make_world):
    one, two = make_world("one"), make_world("two")
    for world, total in ((one, "1.00"), (two, "2.00")):
        world.store.put("orders", 1, total=total, items={"1": "A"}, refunds={"5": "1.00"})
        world.store.pass_time(60)
        _start(world)
    two.store.put("orders", 1, total="3.00", items={}, refunds={})
    two.store.pass_time(60)
    _follow(two)
    mine = "SELECT total_amount FROM platform_order WHERE connector_id = %s"
    assert one.one(mine, one.subject.id) == Decimal(1)
    assert two.one(mine, two.subject.id) == Decimal(3)
    assert one.one("SELECT count(*) FROM order_item WHERE connector_id = %s", one.subject.id) == 1
    assert one.one("SELECT count(*) FROM order_refund WHERE connector_id = %s", one.subject.id) == 1


def test_a_pass_whose_lane_was_taken_over_writes_nothing(world):
    for number in range(1, 8):
        world.store.put("orders", number)
    world.store.pass_time(60)

    def take_over(what):
        if what == "backfill orders 3":  # reading runs ahead of writing
            wait_until(lambda: world.one("SELECT count(*) FROM platform_order") == 3, "nothing is written")
            with world.database.connect() as connection:
                connection.exec_driver_sql("UPDATE sync_state SET full_token = full_token + 1")
                connection.commit()

    world.store.before.append(take_over)
    with pytest.raises(LaneLost), world.full() as lane:
        backfill(lane, world.subject)
    assert world.one("SELECT count(*) FROM platform_order") == 3
