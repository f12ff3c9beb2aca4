"""A paged incremental of Shopify: how much of the points that the store restores is used."""

import time
from datetime import UTC, datetime
from typing import Any

from bench.laboratory import shopify_laboratory, watched
from storelink.sync.incremental import incremental
from storelink.sync.lane import POLL, hold
from storelink.sync.synchronize import synchronize

CHANGED = 10_000
APART = 3 * 3600
"""Seconds between the first read and the changes: most of what the list shows is new, as after a night."""


EVERY = 0.5
"""Seconds between two looks at the bucket."""
FAR = 0.6
"""Seconds that an answer of a shop far away takes."""


def measure_far(orders: int = CHANGED) -> dict[str, Any]:
    """The same of a shop whose plan restores twice as much, and which answers late."""
    return measure(orders, "advanced", FAR)


def measure(orders: int = CHANGED, plan: str = "standard", latency: float = 0.0) -> dict[str, Any]:
    """Read as many changed orders; `share` of what was restored was spent once the full bucket was used.

    The bucket is full at first and drawn down in a moment: from when it is at most half full, what is
    spent is what comes in. Where that never happens, something else held the read up, and the share is
    that of the whole time.
    """
    with (
        shopify_laboratory(
            orders=orders + orders // 125,
            products=500,
            customers=orders // 4,
            items_per_order=3,
            plan=plan,
            latency=latency,
        ) as bench,
        bench.subject() as subject,
    ):
        admin = bench.store.admin
        synchronize(bench.database, subject, subject.connector.resources)
        admin.advance(APART)
        ids = [order["id"] for order in admin.truth()["orders"][-orders:]]
        admin.stamp("orders", ids, datetime.fromtimestamp(admin.now(), UTC).isoformat(timespec="seconds"))
        before = admin.spent()
        with hold(bench.database, subject.id, "orders", POLL) as lane, watched(admin.spent, EVERY) as seen:
            began = time.perf_counter()
            run = incremental(lane, subject)
            took = time.perf_counter() - began
        steady = [one for one in seen if one[1]["level"] <= one[1]["size"] / 2]
        if len(steady) < 2:
            steady = seen
        (start, first), (end, last) = steady[0], steady[-1]
        return {
            "orders": run.counts.updated, "requests": run.requests, "seconds": took,
            "points": last["actual"] - before["actual"], "rate": last["rate"],
            "steady_seconds": end - start,
            "share": (last["actual"] - first["actual"]) / (last["rate"] * (end - start)),
            "throttled": last["throttled"] - before["throttled"],
        }  # fmt: skip
