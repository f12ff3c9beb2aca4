"""First reads of 200 stores by one worker process and by two: twice the workers, about half the time.

The stores answer after 50 ms, so that what is shared is waiting, as with real shops; on two cores two
processes cannot compute more than two. Time counts from when the jobs were there and all workers were up.
"""

import time
from contextlib import ExitStack
from typing import Any

from bench.house import BARE, house
from bench.shops import shops
from storelink.connectors.woocommerce import connector as woocommerce
from storelink.scheduler import queue
from storelink.scheduler.work import FULLS

STORES = 200
LATENCY = 0.05
LEARNT = BARE | {"has_variations": True, "has_refunds": True, "time_zone": "America/New_York"}


def measure(stores: int = STORES) -> dict[str, Any]:
    """Seconds with one worker and with two, and their ratio."""
    with shops(stores, LATENCY) as addresses:
        one, two = _read(addresses, 1), _read(addresses, 2)
    return {"stores": stores, "one": one, "two": two, "ratio": two["seconds"] / one["seconds"]}


def _read(addresses: list[Any], workers: int) -> dict[str, Any]:
    with house() as ours, ExitStack() as stack:
        ids = []
        for at, (url, key, secret) in enumerate(addresses):
            keys = {"consumer_key": key, "consumer_secret": secret}
            ids += ours.add(woocommerce.CONNECTOR, [f"shop-{at}"], url, keys, "keys", settings=LEARNT)
        running = [stack.enter_context(ours.process("worker")) for _ in range(workers)]
        for worker in running:
            worker.wait_for("working")
        before, postgres = [worker.cpu() for worker in running], ours.postgres_cpu()
        began = time.perf_counter()
        with ours.database.session() as session:
            queue.enqueue(session.connection().connection.driver_connection, FULLS, ids)  # type: ignore[arg-type]
            session.commit()
        ours.wait("SELECT bool_and(phase = 'live') FROM sync_state", patience=400)
        took = time.perf_counter() - began
        return {
            "seconds": took, "orders": ours.one("SELECT count(*) FROM platform_order"),
            "cores": [(worker.cpu() - spent) / took for worker, spent in zip(running, before, strict=True)],
            "postgres_cores": (ours.postgres_cpu() - postgres) / took,
        }  # fmt: skip
