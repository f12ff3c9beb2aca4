"""The job queue: procrastinate's tables in a schema of their own, vacuumed as busy tables need.

Procrastinate's own migrations are applied, up to the release named here; a later release with more
of them gets a migration of ours. Its functions name their tables without a schema, so each is told
where they are, whoever calls it.

Each is also told to go by the indexes. A queue is empty one moment and has ten thousand jobs the next;
plans made for the empty one are kept, and took 20 s to fetch one of ten thousand jobs.
"""

from importlib import resources
from typing import Any

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LAST = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
"""The last of procrastinate's migrations that belongs to this one."""

BUSY = ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers")
"""Tables that are filled and emptied all day: what counts is how much changed, not how large they are."""

SETTINGS = (
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,"
    " autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 5000,"
    " autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 500"
)

BY_INDEX = ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin")
"""What the planner is not to use within the functions of the queue."""


def upgrade() -> None:
    # psycopg itself: the files hold many statements each
    connection: Any = op.get_bind().connection.driver_connection
    connection.execute("CREATE SCHEMA storelink_jobs")
    (path,) = connection.execute("SELECT current_setting('search_path')").fetchone()
    connection.execute("SET LOCAL search_path = storelink_jobs")
    folder = resources.files("procrastinate.sql") / "migrations"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    for file in files:
        if file.name <= LAST:
            connection.execute(file.read_text(encoding="utf-8"))
    for table in BUSY:
        connection.execute(f"ALTER TABLE {table} SET ({SETTINGS})")
    # procrastinate's has the columns the other way round, and is searched from end to end for a lock
    connection.execute("DROP INDEX procrastinate_jobs_id_lock_idx_v1")
    connection.execute(
        "CREATE INDEX procrastinate_jobs_id_lock_idx_v1 ON procrastinate_jobs (lock, id)"
        " WHERE status IN ('todo', 'doing')"
    )
    for (function,) in connection.execute(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'storelink_jobs'::regnamespace"
    ).fetchall():
        connection.execute(f"ALTER FUNCTION {function} SET search_path = storelink_jobs, pg_temp")
        for way in BY_INDEX:
            connection.execute(f"ALTER FUNCTION {function} SET enable_{way} = off")
    connection.execute("SELECT set_config('search_path', %s, true)", (path,))


def downgrade() -> None:
    op.execute("DROP SCHEMA storelink_jobs CASCADE")
