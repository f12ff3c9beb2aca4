"""An incremental pass with nothing new: how many requests and how much CPU it costs."""

import time
from typing import Any

from bench.laboratory import laboratory
from storelink.sync.incremental import incremental
from storelink.sync.lane import POLL, hold
from storelink.sync.synchronize import synchronize


def measure(runs: int = 5) -> dict[str, Any]:
    """Requests and CPU milliseconds (median) of a quiet pass, by resource."""
    with (
        laboratory(orders=2_000, products=600, customers=1_000) as bench,
        bench.subject() as subject,
    ):
        synchronize(bench.database, subject, subject.connector.resources)
        bench.store.admin.advance(3 * 3600)
        synchronize(bench.database, subject, subject.connector.resources)
        found: dict[str, Any] = {}
        for resource in subject.connector.resources:
            spent, requests = [], 0
            for _ in range(runs):
                with hold(bench.database, subject.id, resource, POLL) as lane:
                    began = time.process_time()
                    requests = incremental(lane, subject).requests
                    spent.append((time.process_time() - began) * 1000)
            found[resource] = {"requests": requests, "cpu_ms": sorted(spent)[runs // 2]}
        return found
