"""Done when 2: a store that is worked on while it is read for the first time.

Records of every kind are made, edited, refunded, trashed and deleted between the pages of the
backfill, while its bulk operations run and between these and the lists. After the next incremental
pass the store's own list and the tables agree, and the tables say what the store says, field by
field. Of Shopify, where a change takes time to reach the search index, it is the next pass after that.

What no list can show (an edit that moves no date, on WooCommerce a deletion after the last list and a
deleted refund) comes after that, and is what `verify --deep --fix` is for.
"""

import os
from typing import Any

import pytest
from worked import SHOPS, Worked

from storelink.conformance.registered import Registered, registered
from storelink.connectors.shopify import bulk, windows

ALL = os.environ.get("STORELINK_SOAK") == "1"
SEEDS = {
    "woocommerce": range(1, 101 if ALL else 11),
    "shopify by bulk": range(1, 101 if ALL else 5),
    "shopify by pages": range(1, 101) if ALL else range(6, 10),
    "shopify by windows": range(1, 31 if ALL else 3),
}


@pytest.mark.parametrize(
    ("platform", "seed"), [(platform, seed) for platform in SHOPS for seed in SEEDS[platform]]
)
def test_verify_is_zero_after_a_backfill_of_a_store_that_is_worked_on(database, monkeypatch, platform, seed):
    monkeypatch.setattr(bulk, "FIRST_WAIT", 0.02)
    if platform == "shopify by windows":  # as if it had very many orders
        monkeypatch.setattr(windows, "LARGE", 100)
    shop = SHOPS[platform](seed)
    try:
        with registered(database, shop.lab) as store:
            _read_and_judge(shop, store)
        if platform == "shopify by windows":
            begun = [one for one in shop.admin.requests() if one.get("operation") == "BulkStart"]
            assert len(begun) >= windows.PARTS + 2, "the orders were read by one operation"
    finally:
        shop.close()


def _read_and_judge(shop: Worked, store: Registered) -> None:
    lab, admin = shop.lab, shop.admin
    lab.pass_time(3600)
    admin.faults(shop.script(160))
    store.synchronize(report=lambda page: shop.work(page.resource, listed=_listed(store, page.resource)))
    assert sum(admin.fired()[:160]) > 20, "next to nothing happened between two requests"
    store.synchronize()  # still worked on
    shop.rest()
    if shop.lag:
        lab.pass_time(10)
        store.synchronize()  # the lists do not show the last edits yet
    lab.pass_time(shop.chance.choice((120, 120, 4000)) + shop.lag)
    store.synchronize()

    assert _drift(store.verify()) == {}
    assert _differences(shop, store) == []

    shop.work_unseen()
    lab.pass_time(120 + shop.lag)
    store.synchronize()
    store.verify(deep=True, fix=True)
    assert _drift(store.verify(deep=True)) == {}
    assert _differences(shop, store) == []


def _listed(store: Registered, resource: str) -> bool:
    (state,) = store.select("SELECT phase FROM sync_state WHERE resource = %s", resource)
    return state["phase"] != "backfill"


def _drift(ledgers: list[Any]) -> dict[str, Any]:
    """The resources that differ, by what `verify` found."""
    return {
        ledger.resource: ledger
        for ledger in ledgers
        if ledger.found or ledger.drift or ledger.unanswered or ledger.quarantined or ledger.withheld
    }


def _differences(shop: Worked, store: Registered) -> list[str]:
    """Where the tables say something else than the store does, lines and refunds included."""
    found = [line for resource in store.resources for line in store.differences(resource)]
    for table, column, wanted in shop.parts():
        held: dict[str, set[str]] = {}
        for row in store.select(f"SELECT order_id, {column} FROM {table}"):
            held.setdefault(row["order_id"], set()).add(row[column])
        found += [
            f"order {key}: {table} has {held.get(key)}, the store {ids}"
            for key, ids in wanted.items() if held.get(key, set()) != ids
        ]  # fmt: skip
    return found
