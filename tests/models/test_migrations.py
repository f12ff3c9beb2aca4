"""The migrations make exactly what the models say."""

from contextlib import closing
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text

from storelink import embedded
from storelink.config import Settings
from storelink.db import Database, alembic_config, newest, open_database, pending
from storelink.models import metadata

# Everything that pg_dump would tell apart, as one sorted list of facts.
FACTS = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text,
       coalesce(pg_get_expr(d.adbin, d.adrelid), ''), a.attidentity::text,
       coalesce(col_description(c.oid, a.attnum), '') || a.attstorage::text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v')
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', '', ''
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '', '', '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'view', viewname, definition, coalesce(obj_description(viewname::regclass), ''), '', '', '', ''
FROM pg_views WHERE schemaname = 'public'
"""


def facts(database: Database) -> set[Any]:
    with database.connect() as connection:
        rows = [tuple(row) for row in connection.execute(text(FACTS))]
    return {row for row in rows if row[1] != "alembic_version"}


def test_no_difference_between_models_and_migrations(database: Database) -> None:
    with database.engine.begin() as connection:
        try:
            command.check(alembic_config(connection))
        except CommandError as error:
            pytest.fail(f"{error}\nwrite the missing migration: make migration m='...'")


def test_the_last_file_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [newest()]


def test_migrations_and_models_make_the_same_schema(cluster: embedded.Server, database: Database) -> None:
    name = "from_models"
    with closing(embedded.connect(cluster)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            url = cluster.url(name).render_as_string()
            with open_database(Settings(database_url=url), migrate=False) as made:  # type: ignore[arg-type]
                metadata.create_all(made.engine)
                difference = facts(made) ^ facts(database)
                assert sorted(difference) == []
                metadata.drop_all(made.engine)
                assert facts(made) == set()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_nothing_is_pending_after_an_upgrade(database: Database) -> None:
    assert pending(database.engine) == []


def test_downgrades_lead_back_to_nothing(database: Database) -> None:
    with database.engine.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert facts(database) == set()
