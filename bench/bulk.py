"""Shopify's bulk road against the floor: the same JSONL, COPYed raw, a line a row, into one unindexed table.

The results of the bulk operations are made once and kept in bench/results/bulk (0.6 GB, made in two
minutes), so that the sandbox does nothing but serve files; they are made anew when the sandbox has
changed. Nothing is refunded in them: a bulk operation cannot carry refunds whole, those orders come
by id, and how long that takes is decided by the store's points, not by us (see `paged`).
"""

import re
import shutil
import threading
from pathlib import Path
from queue import Queue
from typing import Any
from zlib import crc32

from bench.laboratory import Bench, clocked, median, shopify_laboratory
from bench.memory import sync_peak
from storelink import sandbox
from storelink.connectors.protocol import Account, Limits
from storelink.connectors.shopify import queries
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.kind import KINDS
from storelink.sandbox.running import RunningShopify, start_shopify
from storelink.sync.opening import measure_clock
from storelink.sync.synchronize import synchronize

ORDERS = 100_000
FOLDER = Path(__file__).parent / "results" / "bulk"
_REFUNDS = re.compile(rb'"refunds":\[\{"id":"[^"]*"\}(,\{"id":"[^"]*"\})*\]')
AHEAD = 16
"""Chunks of the floor's download that wait for the database."""


def plan(orders: int) -> dict[str, Any]:
    """A shop with so many orders of three lines; a few in a hundred are checkouts, which nobody sees."""
    return {
        "orders": orders + orders // 125, "products": 5_000, "customers": 25_000, "items_per_order": 3,
        "refunded_share": 0.0, "bulk_folder": str(FOLDER),
    }  # fmt: skip


def measure(runs: int = 3, orders: int = ORDERS) -> dict[str, Any]:
    """Median of the ratios of `runs` pairs; floor and backfill of the orders take turns."""
    prepare(orders)
    with shopify_laboratory(**plan(orders)) as bench:
        url, size, lines = _operation(bench)
        floors, backfills, ratios, records = [], [], [], 0
        for _ in range(runs):
            bench.empty()
            floors.append(clocked(lambda: _floor(bench, url, lines)))
            bench.empty()
            with bench.subject() as subject:
                synchronize(bench.database, subject, ("products", "customers"))

                def backfill(subject: Any = subject) -> None:
                    nonlocal records
                    records = synchronize(bench.database, subject, ("orders",))[0].counts.inserted

                backfills.append(clocked(backfill))
            ratios.append(backfills[-1] / floors[-1])
        took = median(backfills)
        return {
            "floor_seconds": median(floors), "backfill_seconds": took, "ratio": median(ratios),
            "ratios": ratios, "orders": records, "lines": lines, "bytes": size,
            "orders_per_second": records / took,
        }  # fmt: skip


def memory(orders: int = ORDERS) -> dict[str, float]:
    """Peak memory of a first `storelink sync` of this shop, and how much of it is above the bare import."""
    prepare(orders)
    with shopify_laboratory(**plan(orders)) as bench:
        return sync_peak(bench, "shopify", bench.store.client_id, bench.store.client_secret)


def prepare(orders: int) -> None:
    """Have the results made of every bulk operation that a backfill starts, if they are not there."""
    wanted = [queries.inlined(name) for kind in KINDS.values() for name in (kind.bulk, kind.bulk_list)]
    what = f"{crc32(''.join(wanted).encode() + _sandbox()):08x}"
    marked = FOLDER / f"{orders}-{what}.made"
    if marked.exists():
        return
    if not list(FOLDER.glob(f"*-{what}.made")):
        shutil.rmtree(FOLDER, ignore_errors=True)
    with start_shopify(process=True, **plan(orders)) as store:
        for query in wanted:
            store.admin.prepare_bulk(query)
    for path in FOLDER.glob("*.jsonl"):
        _forget_refunds(path)
    marked.touch()


def _sandbox() -> bytes:
    """The sandbox's own code: what it answers, and under which name it keeps that, follows from it."""
    return b"".join(path.read_bytes() for path in sorted(Path(sandbox.__file__).parent.rglob("*.py")))


def _forget_refunds(path: Path) -> None:
    """Orders that were cancelled have a refund of goods that never left: take it out."""
    part = path.with_suffix(".part")
    with path.open("rb") as old, part.open("wb") as new:
        for line in old:
            new.write(_REFUNDS.sub(b'"refunds":[]', line))
    part.replace(path)


def _client(bench: Bench[RunningShopify]) -> Client:
    account = Account("floor", bench.store.url, "token", {"access_token": bench.store.token})
    return Client(account, Limits(), measure_clock(bench.database))


def _operation(bench: Bench[RunningShopify]) -> tuple[str, int, int]:
    """Where the orders' result is, its bytes and its lines."""
    client = _client(bench)
    try:
        query = queries.inlined(KINDS["orders"].bulk)
        started = client.ask(queries.load("bulk_start"), {"query": query}, repeat=False)
        key = started.data["bulkOperationRunQuery"]["bulkOperation"]["id"]
        while True:
            done = client.ask(queries.load("bulk_status"), {"id": key}).data["bulkOperation"]
            if done["status"] == "COMPLETED":
                return done["url"], int(done["fileSize"]), int(done["objectCount"])
    finally:
        client.close()


def _floor(bench: Bench[RunningShopify], url: str, lines: int) -> None:
    """Download in one thread and stream into Postgres in another, nothing looked at."""
    client = _client(bench)
    chunks: Queue[bytes | None] = Queue(AHEAD)

    def download() -> None:
        try:
            with client.download(url) as parts:
                for part in parts:
                    chunks.put(part)
        finally:
            chunks.put(None)

    thread = threading.Thread(target=download)
    thread.start()
    try:
        with bench.database.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.execute("CREATE TABLE floor (line jsonb)")
            with driver.cursor().copy("COPY floor FROM STDIN") as copy:
                while (chunk := chunks.get()) is not None:
                    copy.write(chunk.replace(b"\\", b"\\\\"))  # COPY's own escape
            driver.commit()
            found = driver.execute("SELECT count(*) FROM floor").fetchone()
            assert found == (lines,), found
    finally:
        thread.join()
        client.close()
