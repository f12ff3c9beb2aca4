"""Issue 3, Done when 5: stores whose order numbers, SKUs and e-mails clash live in one database."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from shopify_laboratory import ShopifyLaboratory
from woo_laboratory import WooLaboratory

from storelink.conformance.registered import Registered, registered

PLATFORMS = {"woocommerce": WooLaboratory, "shopify": ShopifyLaboratory}
SIZE = {"orders": 40, "products": 20, "customers": 20}
ROWS = {
    "source_record": "resource, record_id",
    "platform_product": "variant_id",
    "platform_customer": "customer_id",
    "platform_order": "order_id",
    "order_item": "order_id, item_id",
    "order_refund": "refund_id",
    "change_event": "id",
    "quarantined_record": "resource, external_id",
    "sync_state": "resource",
}


@pytest.fixture
def stores(database) -> Iterator[dict[str, Registered]]:
    """Two of each platform, all four of them the same shop, and read."""
    with ExitStack() as stack:
        found = {}
        for platform, laboratory in PLATFORMS.items():
            for number in (1, 2):
                lab = stack.enter_context(laboratory(0, **SIZE, seed=7))
                lab.pass_time(3600)
                name = f"{platform} {number}"
                found[name] = stack.enter_context(registered(database, lab, name))
        for store in found.values():
            store.synchronize()
        yield found


def _picture(store: Registered) -> dict[str, list]:
    """All rows of one store."""
    return {
        table: store.select(f"SELECT * FROM {table} WHERE connector_id = %s ORDER BY {key}", store.subject.id)
        for table, key in ROWS.items()
    }


def test_the_stores_clash_and_each_has_its_own_rows(stores):
    for table, column in (
        ("platform_order", "order_number"),
        ("platform_product", "sku"),
        ("platform_customer", "email"),
    ):
        clashing = next(iter(stores.values())).select(
            f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"
            f" GROUP BY {column} HAVING count(DISTINCT connector_id) = 4"
        )
        assert len(clashing) >= 10, (table, column)
    for name, store in stores.items():
        assert {row["platform"] for row in store.rows("orders").values()} == {name.split()[0]}
        assert [line for resource in store.resources for line in store.differences(resource)] == []
        assert [ledger.drift for ledger in store.verify(deep=True)] == [0, 0, 0]


@pytest.mark.parametrize("name", ["woocommerce 1", "shopify 2"])
def test_what_happens_in_one_store_touches_no_row_of_the_others(stores, name):
    worked = stores[name]
    others = {other: _picture(store) for other, store in stores.items() if other != name}
    for resource in worked.resources:
        keys = sorted(worked.lab.truth(resource), key=int)
        first = worked.rows(resource)[keys[0]].get("product_id", keys[0])
        worked.lab.edit(resource, first, "Only here")
        last = worked.rows(resource)[keys[-1]].get("product_id", keys[-1])
        worked.lab.delete(resource, last)
        worked.lab.create(resource)
    worked.lab.pass_time(3600)
    worked.synchronize()
    worked.synchronize(full=True)
    worked.verify(deep=True, fix=True)
    assert [line for resource in worked.resources for line in worked.differences(resource)] == []
    for other, before in others.items():
        assert _picture(stores[other]) == before, other
