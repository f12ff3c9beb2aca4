"""A paged incremental of Shopify: how much of the points that the store restores is used."""

import time
from typing import Any

from bench.laboratory import shopify_laboratory
from storelink.sync.incremental import incremental
from storelink.sync.lane import POLL, hold
from storelink.sync.synchronize import synchronize

CHANGED = 10_000
APART = 3 * 3600
"""Seconds between the first read and the edits: most of what the list shows is new, as after a night."""


def measure(orders: int = CHANGED, plan: str = "advanced") -> dict[str, Any]:
    """Read as many changed orders from an empty bucket; `share` of what was restored meanwhile was spent."""
    with (
        shopify_laboratory(
            orders=orders + orders // 125, products=500, customers=orders // 4, items_per_order=3, plan=plan
        ) as bench,
        bench.subject() as subject,
    ):
        admin = bench.store.admin
        synchronize(bench.database, subject, subject.connector.resources)
        admin.advance(APART)
        for order in admin.truth()["orders"][-orders:]:
            admin.edit_order(order["id"], note="Leave it with the neighbours")
        admin.drain()
        before = admin.spent()
        with hold(bench.database, subject.id, "orders", POLL) as lane:
            began = time.perf_counter()
            run = incremental(lane, subject)
            took = time.perf_counter() - began
        after = admin.spent()
        points = after["actual"] - before["actual"]
        return {
            "orders": run.counts.updated, "requests": run.requests, "seconds": took, "points": points,
            "rate": after["rate"], "share": points / (after["rate"] * took),
            "throttled": after["throttled"] - before["throttled"],
        }  # fmt: skip
