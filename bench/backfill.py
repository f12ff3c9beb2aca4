"""Backfill against the floor: the same pages by the same client, COPYed raw into one unindexed table."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from bench.laboratory import Bench, clocked, laboratory, median
from storelink.connectors.protocol import Account, Limits
from storelink.connectors.woocommerce.client import Client
from storelink.sandbox.running import Running
from storelink.sync.opening import measure_clock
from storelink.sync.synchronize import synchronize

PLAN = {"orders": 20_000, "products": 5_000, "customers": 10_000, "items_per_order": 3}
WIDTH = 6


def measure(runs: int = 5) -> dict[str, Any]:
    """Median of the ratios of `runs` pairs; floor and backfill take turns on the same machine."""
    with laboratory(**PLAN) as bench:
        floors, backfills, ratios = [], [], []
        pages, records, size = _pages(bench)
        for _ in range(runs):
            bench.empty()
            floors.append(clocked(lambda: _floor(bench, pages)))
            bench.empty()
            backfills.append(clocked(lambda: _backfill(bench)))
            ratios.append(backfills[-1] / floors[-1])
        took = median(backfills)
        return {
            "floor_seconds": median(floors), "backfill_seconds": took, "ratio": median(ratios),
            "ratios": ratios, "records": records, "records_per_second": records / took,
            "bytes": size, "bytes_per_record": size / records,
        }  # fmt: skip


def _backfill(bench: Bench[Running]) -> None:
    with bench.subject(WIDTH) as subject:
        synchronize(bench.database, subject, subject.connector.resources)


def _pages(bench: Bench[Running]) -> tuple[list[tuple[str, dict[str, str]]], int, int]:
    """The requests for records that a backfill makes (not its lists of versions), and what they bring."""
    bench.empty()
    bench.store.admin.clear_requests()
    with bench.subject(WIDTH) as subject:
        results = synchronize(bench.database, subject, subject.connector.resources)
        size = subject.store.traffic.bytes
    made = bench.store.admin.requests()
    pages = []
    for request in made:
        path = request["path"].partition("/wp-json/wc/v3/")[2]
        query = dict(parse_qsl(request["query"]))
        if path and "_fields" not in query:
            pages.append((path, query))
    return pages, sum(result.counts.fetched for result in results), size


def _floor(bench: Bench[Running], pages: list[tuple[str, dict[str, str]]]) -> None:
    """Read the pages `WIDTH` at a time and stream the bodies into Postgres as they come."""
    account = Account(
        "floor", bench.store.url, "keys",
        {"consumer_key": bench.store.key, "consumer_secret": bench.store.secret},
    )  # fmt: skip
    client = Client(account, Limits(width=WIDTH), measure_clock(bench.database))
    bodies: queue.Queue[bytes | None] = queue.Queue(WIDTH * 2)

    def read() -> None:
        with ThreadPoolExecutor(WIDTH) as pool:
            for answer in pool.map(
                lambda page: client._http.send("GET", f"wp-json/wc/v3/{page[0]}", page[1]), pages
            ):
                bodies.put(answer.body)
        bodies.put(None)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with bench.database.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("CREATE TABLE floor (body jsonb)")
            with driver.cursor().copy("COPY floor FROM STDIN") as copy:
                while (body := bodies.get()) is not None:
                    copy.write_row((body.decode(),))
            driver.commit()
    finally:
        reader.join()
        client.close()
