"""The queue and the clock, over a real Postgres: claimed once, however many clocks tick."""

import threading
import uuid
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from sqlalchemy import text

from storelink.models import ConnectorConfig, SyncState
from storelink.models.migrations import versions
from storelink.scheduler import queue
from storelink.scheduler.work import FULLS, POLLS
from storelink.sync import state
from storelink.sync.lane import FULL, POLL, hold


def add_stores(fleet, count, status="active", watermark=True):
    """Stores of which every resource is due in both lanes."""
    with fleet.database.session() as session:
        found = []
        for _ in range(count):
            name = uuid.uuid4().hex
            store = ConnectorConfig(
                name=name,
                platform="woocommerce",
                store_url=f"https://{name}",
                auth_mode="keys",
                status=status,
            )
            session.add(store)
            session.flush()
            found.append(store.id)
            for resource in ("products", "customers", "orders"):
                session.add(SyncState(connector_id=store.id, resource=resource, phase="live"))
        session.commit()
        at = "now() - interval '1 minute'"
        mark = at if watermark else "NULL"
        session.connection().execute(
            text(f"UPDATE sync_state SET next_due_at = {at}, full_due_at = {at}, watermark = {mark}")
        )
        session.commit()
    return found


def jobs(fleet):
    return fleet.select("SELECT * FROM storelink_jobs.procrastinate_jobs ORDER BY id")


def test_clocks_side_by_side_claim_every_store_once(fleet, work):
    stores = add_stores(fleet, 300)
    claimed, ready = [], threading.Barrier(4)

    def tick():
        with work.connection() as connection:
            ready.wait()
            claimed.append(queue.claim(connection, POLLS))

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    while len(jobs(fleet)) < 300:  # what one clock passed over because another held it is found again
        with work.connection() as connection:
            assert queue.claim(connection, POLLS)
    made = jobs(fleet)
    assert sorted(job["args"]["connector"] for job in made) == sorted(map(str, stores))
    assert {job["lock"] for job in made} == {job["queueing_lock"] for job in made}
    assert len(claimed) == 4
    with work.connection() as connection:
        assert queue.claim(connection, POLLS) == 0


@pytest.mark.parametrize("status", ["paused", "auth_failed", "uninstalled"])
def test_only_active_stores_are_claimed(fleet, work, status):
    add_stores(fleet, 1, status)
    with work.connection() as connection:
        assert queue.claim(connection, POLLS) == queue.claim(connection, FULLS) == 0


def test_what_was_never_read_is_not_polled(fleet, work):
    add_stores(fleet, 1, watermark=False)
    with work.connection() as connection:
        assert queue.claim(connection, POLLS) == 0
        assert queue.claim(connection, FULLS) == 1


def test_a_job_that_runs_is_not_joined_by_another_from_the_clock(fleet, work):
    add_stores(fleet, 1)
    with work.connection() as connection:
        assert queue.claim(connection, POLLS) == 1
    fleet.select("UPDATE storelink_jobs.procrastinate_jobs SET status = 'doing'")
    with work.connection() as connection:
        assert queue.claim(connection, POLLS) == 0


def test_one_waits_beside_the_one_that_runs_and_no_more(fleet, work):
    (store,) = add_stores(fleet, 1)
    with work.connection() as connection:
        assert queue.enqueue(connection, POLLS, [store]) == 1
        assert queue.enqueue(connection, POLLS, [store]) == 0
        assert queue.enqueue(connection, FULLS, [store]) == 1
    fleet.select("UPDATE storelink_jobs.procrastinate_jobs SET status = 'doing' WHERE task_name = 'poll'")
    with work.connection() as connection:
        assert queue.enqueue(connection, POLLS, [store, store], delay=60) == 1
    late = jobs(fleet)[-1]
    assert late["scheduled_at"] is not None


def test_enqueuing_belongs_to_the_transaction_of_the_caller(fleet, work):
    (store,) = add_stores(fleet, 1)
    with work.connection() as connection:
        before = connection.execute("SHOW search_path").fetchone()
        queue.enqueue(connection, POLLS, [store])
        assert connection.execute("SHOW search_path").fetchone() == before
        connection.rollback()
    assert jobs(fleet) == []


def test_the_tables_of_jobs_are_vacuumed_by_how_much_changed(fleet):
    options = fleet.one(
        "SELECT reloptions FROM pg_class WHERE oid = 'storelink_jobs.procrastinate_jobs'::regclass"
    )
    assert {"autovacuum_vacuum_scale_factor=0", "autovacuum_analyze_threshold=500"} <= set(options)


def test_the_pinned_procrastinate_has_no_migration_that_ours_lacks():
    folder = resources.files("procrastinate.sql") / "migrations"
    last = max(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    ours = (resources.files(versions) / "0002_job_queue.py").read_text()
    assert f'LAST = "{last}"' in ours


def test_failures_back_off_to_a_cap_and_the_interval_varies(fleet, database):
    (store,) = add_stores(fleet, 1)
    waits = []
    with hold(database, store, "orders", POLL) as lane:
        for _ in range(12):
            state.note_failure(lane.connection, store, "orders", POLL, "no answer", interval=300)
            lane.connection.commit()
            waits.append(lane.connection.execute(DUE_IN, (store,)).fetchone()[0])
        for number, wait in enumerate(waits):
            middle = min(30 * 2**number, 3600)
            assert 0.74 * middle - 1 < wait < 1.26 * middle
        state.note_failure(lane.connection, store, "orders", POLL, "later", interval=300, after=9000)
        assert lane.connection.execute(DUE_IN, (store,)).fetchone()[0] > 8990
        state.note_failure(lane.connection, store, "orders", FULL, "no answer", interval=300)
        full = (
            "SELECT extract(epoch FROM full_due_at - now())::float FROM sync_state WHERE resource = 'orders'"
        )
        assert lane.connection.execute(full).fetchone()[0] > 890, "a verify is dear"


def test_stores_that_were_due_together_part(fleet, database, work):
    """A thousand passes end in one moment; the next ones do not begin in one."""
    add_stores(fleet, 1000)
    with work.connection() as connection:
        connection.execute(
            state._SUCCESS.replace("connector_id = %(connector)s AND", ""),
            {"interval": 300, "share": 0, "full": False, "verify": 86400, "quiet": 1, "requests": 1,
             "resource": "orders", "started": datetime.now(UTC) + timedelta(hours=1)},
        )  # fmt: skip
        connection.commit()
    (row,) = fleet.select(
        "SELECT min(x) AS first, max(x) AS last FROM"
        " (SELECT extract(epoch FROM next_due_at - now())::float AS x FROM sync_state"
        " WHERE resource = 'orders') a"
    )
    assert 280 < row["first"] < 290
    assert 310 < row["last"] < 316
    most = fleet.one(
        "SELECT max(n) FROM (SELECT count(*) AS n FROM sync_state WHERE resource = 'orders'"
        " GROUP BY date_trunc('second', next_due_at)) a"
    )
    assert most < 100, "they wake together"


DUE_IN = (
    "SELECT extract(epoch FROM next_due_at - now())::float FROM sync_state"
    " WHERE connector_id = %s AND resource = 'orders'"
)


def test_a_full_queue_is_taken_from_by_index_though_its_plans_were_made_when_it_was_empty(fleet, work):
    stores = add_stores(fleet, 1)
    with fleet.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("jobs", "events"):
            connection.exec_driver_sql(f"VACUUM (ANALYZE) storelink_jobs.procrastinate_{table}")
    with work.connection() as connection:
        (worker,) = connection.execute(
            "INSERT INTO storelink_jobs.procrastinate_workers DEFAULT VALUES RETURNING id"
        ).fetchone()

        def take(name):
            (job,) = connection.execute(
                "SELECT id FROM storelink_jobs.procrastinate_fetch_job_v2(ARRAY[%s], %s)", (name, worker)
            ).fetchone()
            if job is not None:
                connection.execute(
                    "SELECT storelink_jobs.procrastinate_finish_job_v1(%s, 'succeeded', true)", (job,)
                )
            return job

        def looked_at():
            (rows,) = connection.execute(
                "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables"
                " WHERE relname IN ('procrastinate_jobs', 'procrastinate_events')"
            ).fetchone()
            return rows

        for _ in range(10):  # more often than a plan takes to be kept
            queue.enqueue(connection, POLLS, stores)
            assert take("poll") is not None
            connection.commit()
        waiting = [uuid.uuid4() for _ in range(3000)]
        assert queue.enqueue(connection, POLLS, waiting) == len(waiting)
        connection.commit()
        before = looked_at()
        for _ in range(10):
            assert take("poll") is not None
        assert looked_at() - before < 10 * 30, "rows that were looked at to take ten jobs"
