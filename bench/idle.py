"""Thousands of stores in which nothing happens: is the schedule kept, and what does that cost.

Simulated: the stores. They are rows of `connector_config` and `sync_state` like any other, of a platform
whose reader answers at once with an empty list (`standin.py`); the schedule, claims, queue, worker and
the whole road of a pass are real, in one `storelink serve`. What the same passes cost when they are
called one after the other, without clock and queue, is measured too and taken off: the rest is overhead.

Intervals are five minutes, and a run looks at one minute of them: due times are spread over five minutes,
as they are after any five minutes. Daily verifies are spread over the day.
"""

import json
import logging
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import structlog

from bench.house import BARE, House, Process, house, percentile
from bench.standin import CONNECTOR, installed
from storelink.config import Settings
from storelink.db import open_database
from storelink.models import ConnectorConfig, SyncState
from storelink.scheduler.work import Work, run_polls
from storelink.secrets.envelope import new_data_key
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.sync import keys

INTERVAL = 300
SIZES = ((100, 20), (1_000, 20), (10_000, 60))
"""Stores, and seconds to look at them."""
SETTLING = 5.0
"""Seconds before counting, in which what was due at once is done."""
BURST = 15.0


def measure() -> dict[str, Any]:
    """By number of stores: what share of a core it takes, and how late passes are, in seconds."""
    found: dict[str, Any] = {}
    with house() as ours:
        path = installed(ours.settings.home / "platform")
        with ours.process("serve", "--port", "0", PYTHONPATH=path) as serve:
            serve.wait_for("serving")
            for size, seconds in SIZES:
                _add(ours, size - ours.one("SELECT count(*) FROM connector_config"))
                found[str(size)] = _watched(ours, serve, seconds)
            found["burst"] = _burst(ours)
        found["pass_seconds"] = _bare(ours, path)
    for one in (found[str(size)] for size, _ in SIZES):
        one["overhead_cores"] = one["cores"] - one["passes_per_second"] * found["pass_seconds"]
    return found


def _add(ours: House, count: int) -> None:
    """As many stores more; as `account.register` does it, many at once. Then spread what is due."""
    names = [uuid.uuid4().hex for _ in range(count)]
    with ours.database.session() as session:
        key = keys.current_key(session, ours.keyring)
        rows = [
            ConnectorConfig(
                id=uuid.uuid4(), name=name, platform="standin", auth_mode="none", store_url=f"standin://{name}",
                sync_interval=INTERVAL, settings=BARE, key_id=key.id,
            )
            for name in names
        ]  # fmt: skip
        for row in rows:
            row.data_key = key.wrap(new_data_key(row.id))
        session.add_all(rows)
        session.flush()
        session.add_all(
            SyncState(connector_id=row.id, resource=resource, phase="live")
            for row in rows
            for resource in CONNECTOR.resources
        )
        session.commit()
    ours.select("ANALYZE connector_config, sync_state")


def _spread(ours: House) -> None:
    """All resources of a store are due together, as they are after its first read."""
    ours.select(
        "WITH s AS MATERIALIZED (SELECT id, random() AS at, random() AS full FROM connector_config)"
        " UPDATE sync_state t SET watermark = now(),"
        " next_due_at = now() + s.at * %s * interval '1 second',"
        " full_due_at = now() + s.full * interval '1 day' FROM s WHERE s.id = t.connector_id",
        INTERVAL,
    )


def _watched(ours: House, serve: Process, seconds: float) -> dict[str, Any]:
    _spread(ours)
    time.sleep(SETTLING)
    begin, due = ours.one("SELECT clock_timestamp()"), _due(ours)
    before, postgres, began = serve.cpu(), ours.postgres_cpu(), time.perf_counter()
    passes = ours.one("SELECT sum(quiet_passes)::int FROM sync_state")
    time.sleep(seconds)
    took = time.perf_counter() - began
    after, end = _due(ours), ours.one("SELECT clock_timestamp()")
    spent, spent_there = serve.cpu() - before, ours.postgres_cpu() - postgres
    late = []
    for key, (at, _) in due.items():
        ran = after[key][1]
        if begin <= at < end:
            late.append(((ran if ran and ran >= begin else end) - at).total_seconds())
    done = ours.one("SELECT sum(quiet_passes)::int FROM sync_state") - passes
    return {
        "passes_per_second": done / took, "due_per_second": len(late) / took,
        "serve_cores": spent / took, "postgres_cores": spent_there / took,
        "cores": (spent + spent_there) / took,
        "late_p50": percentile(late, 0.5), "late_p99": percentile(late, 0.99), "late_max": max(late),
        "complaints": serve.complaints()[:3],
    }  # fmt: skip


def _due(ours: House) -> dict[tuple[Any, str], tuple[Any, Any]]:
    rows = ours.select("SELECT connector_id, resource, next_due_at, last_success_at FROM sync_state")
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _burst(ours: House) -> dict[str, Any]:
    """All are due at once, as after an outage: stores a second while thousands of jobs wait."""
    ours.select("UPDATE sync_state SET next_due_at = clock_timestamp()")
    time.sleep(SETTLING)
    waiting = "SELECT count(DISTINCT connector_id) FROM sync_state WHERE next_due_at <= clock_timestamp()"
    before, began = ours.one(waiting), time.perf_counter()
    queued = ours.one("SELECT count(*) FROM storelink_jobs.procrastinate_jobs WHERE status = 'todo'")
    time.sleep(BURST)
    took = time.perf_counter() - began
    return {"queued": queued, "stores_per_second": (before - ours.one(waiting)) / took}


def _bare(ours: House, path: str) -> float:
    """Seconds of CPU, ours and the database's, that one pass takes without clock and queue."""
    ours.select("UPDATE sync_state SET next_due_at = clock_timestamp() - interval '1 second'")
    postgres = ours.postgres_cpu()
    done = subprocess.run(
        [sys.executable, "-m", "bench.idle", str(ours.settings.home)], env={"PYTHONPATH": path},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    return float(told["cpu"] + (ours.postgres_cpu() - postgres) * told["counted"]) / told["passes"]


def run_passes(home: Path, stores: int = 150) -> None:
    """In a process of its own: the passes of some stores; prints what the last two thirds of them took."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    settings = Settings(home=home)
    with open_database(settings) as database:
        work = Work(database, Keyring(provider_of(settings)), settings)
        with work.connection() as connection:
            rows = connection.execute("SELECT id FROM connector_config LIMIT %s", (stores,)).fetchall()
        began = 0.0
        for at, (store,) in enumerate(rows):
            if at == len(rows) // 3:  # imports and first plans are done with
                began = time.process_time()
            run_polls(work, store, lambda: False)
        passes = (len(rows) - len(rows) // 3) * len(CONNECTOR.resources)
        print(json.dumps({"cpu": time.process_time() - began, "passes": passes, "counted": 2 / 3}))


if __name__ == "__main__":
    run_passes(Path(sys.argv[1]))
