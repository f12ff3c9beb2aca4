"""The database as the rest sees it: what is refused, what going away looks like, how it heals."""

import json
import threading
from collections.abc import Callable
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import structlog
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from storelink import db, embedded
from storelink.config import Settings
from storelink.db import Database, open_database, pending, upgrade
from storelink.errors import DatabaseAway, Misconfigured

Find = Callable[[Path], psutil.Process | None]


@pytest.fixture
def empty_url(cluster: embedded.Server, database_url: str) -> str:
    """A database of ours without any table."""
    with closing(psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("DROP SCHEMA storelink_jobs CASCADE")
        connection.execute("CREATE SCHEMA public")
    return database_url


def every_migration() -> list[str]:
    folder = Path(str(resources.files("storelink.models.migrations"))) / "versions"
    found = sorted(path.name[:4] for path in folder.glob("0*.py"))
    assert found[:2] == ["0001", "0002"]
    return found


def settings(url: str, **more: Any) -> Settings:
    return Settings(database_url=url, **more)  # type: ignore[arg-type]


def one(database: Database) -> Any:
    with database.connect() as connection:
        return connection.scalar(text("SELECT 1"))


def test_an_outer_database_that_is_behind(empty_url: str) -> None:
    with (
        pytest.raises(Misconfigured, match=r"behind .* [0-9]+ migration.*`storelink db upgrade`"),
        open_database(settings(empty_url)),
    ):
        pass
    with open_database(settings(empty_url), migrate=False) as database:
        assert pending(database.engine) == every_migration()
    with open_database(settings(empty_url), migrate=True) as database:
        assert pending(database.engine) == []
    with open_database(settings(empty_url)) as database:
        assert one(database) == 1


def test_a_database_made_by_a_newer_storelink(database_url: str, database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match="newer storelink"), open_database(settings(database_url)):
        pass


def test_a_postgres_that_is_too_old(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "OLDEST", 19)
    with (
        pytest.raises(Misconfigured, match="is PostgreSQL 18; storelink needs 19 or newer"),
        open_database(settings(database_url)),
    ):
        pass
    assert db.OLDEST == 19
    monkeypatch.undo()
    assert db.OLDEST == 15


def test_a_database_that_is_not_utf8(cluster: embedded.Server) -> None:
    with closing(embedded.connect(cluster)) as connection:
        connection.execute(
            "CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
        )
        try:
            with (
                pytest.raises(Misconfigured, match="text as LATIN1"),
                open_database(settings(cluster.url("narrow").render_as_string())),
            ):
                pass
        finally:
            connection.execute("DROP DATABASE narrow")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hidden-word@h/d",
        "sqlite:///hidden-word",
        "hidden-word",
        "postgresql://u:hidden-word@h:port/d",
        "",
    ],
)
def test_a_url_that_is_none(url: str) -> None:
    with (
        pytest.raises(Misconfigured, match="postgresql://user:password") as caught,
        open_database(settings(url)),
    ):
        pass
    assert "hidden-word" not in str(caught.value)
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("changed", [{"database": "nosuch"}, {"username": "stranger"}])
def test_who_is_refused_is_told_so_without_the_password(wire: Any, changed: dict[str, str]) -> None:
    url = make_url(wire.url).set(**changed).render_as_string(hide_password=False)  # type: ignore[arg-type]
    with (
        pytest.raises(Misconfigured, match="does not let us in") as caught,
        open_database(settings(url)),
    ):
        pass
    assert "hidden-word" not in str(caught.value)


def test_nobody_listens() -> None:
    with (
        pytest.raises(DatabaseAway, match=r"127.0.0.1:1/d"),
        open_database(settings("postgresql://u:hidden-word@127.0.0.1:1/d")),
    ):
        pass


def test_nothing_shows_the_password(wire: Any) -> None:
    with open_database(settings(wire.url + "&password=other-word")) as database:
        shown = f"{database!r} {database.url} {database.engine!r}"
    assert "127.0.0.1" in shown
    assert "hidden-word" not in shown
    assert "other-word" not in database.url


def test_a_user_who_may_not_make_tables(empty_url: str) -> None:
    with closing(psycopg.connect(empty_url.replace("+psycopg", ""), autocommit=True)) as connection:
        connection.execute("DROP ROLE IF EXISTS weak")
        connection.execute("CREATE ROLE weak")
        try:
            with (
                pytest.raises(Misconfigured, match=r"may not make tables.*GRANT"),
                open_database(settings(f"{empty_url}&options=-c role=weak"), migrate=True),
            ):
                pass
        finally:
            connection.execute("DROP ROLE weak")


def test_many_upgrades_at_once(empty_url: str) -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            upgrade(empty_url)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with open_database(settings(empty_url)) as database:
        assert one(database) == 1


def test_rows_stay_readable_after_the_commit(database: Database) -> None:
    from storelink.models import AuditEvent

    with database.session() as session:
        event = AuditEvent(actor="storelink", action="test")
        session.add(event)
        session.commit()
    assert event.action == "test"


def test_no_plan_is_kept_and_times_are_utc(database: Database) -> None:
    with database.connect() as connection:
        for _ in range(10):
            connection.execute(text("SELECT count(*) FROM platform_order WHERE order_id = :id"), {"id": "1"})
        assert connection.scalar(text("SELECT count(*) FROM pg_prepared_statements")) == 0
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW application_name")) == "storelink"


def test_errors_quote_no_values(database: Database) -> None:
    with database.connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT CAST(:email AS int)"), {"email": "ada@example.com"})
    assert "SQL parameters hidden" in str(caught.value)


def test_going_away_in_the_middle_is_survived(wire: Any) -> None:
    with open_database(settings(wire.url)) as database:
        with pytest.raises(DatabaseAway), database.session() as session:
            session.execute(text("CREATE TABLE half (id int)"))
            wire.cut()
            session.execute(text("SELECT 1"))
        with pytest.raises(DatabaseAway):
            one(database)
        wire.mend()
        assert one(database) == 1
        with database.connect() as connection:
            assert connection.scalar(text("SELECT to_regclass('half')")) is None


def test_going_away_at_the_commit(wire: Any) -> None:
    with open_database(settings(wire.url)) as database, database.session() as session:
        session.execute(text("SELECT 1"))
        wire.cut()
        with pytest.raises(DatabaseAway):
            session.commit()


def test_going_away_in_a_copy(wire: Any) -> None:
    with open_database(settings(wire.url)) as database:
        with pytest.raises(DatabaseAway), database.translated(), database.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            with raw.cursor() as cursor, cursor.copy("COPY audit_event (actor) FROM STDIN") as copy:
                wire.cut()
                for _ in range(100_000):
                    copy.write_row(["somebody with a name that fills the buffers"])
        wire.mend()
        assert one(database) == 1


def test_the_whole_pool_heals(wire: Any) -> None:
    with open_database(settings(wire.url, database_pool=4)) as database:
        held = [database.connect() for _ in range(4)]
        for connection in held:
            connection.close()
        wire.cut()
        wire.mend()
        for connection in [database.connect() for _ in range(4)]:
            assert connection.scalar(text("SELECT 1")) == 1
            connection.close()


def test_an_outage_is_reported_once_and_its_end_once(wire: Any) -> None:
    with open_database(settings(wire.url)) as database, structlog.testing.capture_logs() as logs:
        wire.cut()
        for _ in range(3):
            with pytest.raises(DatabaseAway):
                one(database)
        wire.mend()
        assert [one(database), one(database)] == [1, 1]
        wire.cut()
        with pytest.raises(DatabaseAway):
            one(database)
    assert [entry["event"] for entry in logs] == ["database.away", "database.back", "database.away"]
    assert "hidden-word" not in json.dumps(logs)


def test_a_full_disk_is_reported_once_though_connections_work(database: Database) -> None:
    raise_full = text("DO $$ BEGIN RAISE 'no space left' USING ERRCODE = '53100'; END $$")
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(DatabaseAway, match="no space left"), database.connect() as connection:
                connection.execute(raise_full)
            database.engine.dispose()  # a new connection proves nothing
        with database.engine.begin() as connection:
            connection.execute(text("SELECT 1"))
    assert [entry["event"] for entry in logs] == ["database.away", "database.back"]


def test_other_errors_stay_what_they_are(database: Database) -> None:
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(IntegrityError), database.engine.begin() as connection:
            connection.execute(text("INSERT INTO audit_event (actor) VALUES (NULL)"))
        with pytest.raises(DBAPIError) as caught, database.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 1"))
            connection.execute(text("SELECT pg_sleep(10)"))
    assert not isinstance(caught.value, DatabaseAway)
    assert logs == []


def test_a_killed_private_server_comes_back_under_its_users(home: Path, postmaster: Find) -> None:
    with open_database(Settings(home=home)) as database:
        with database.engine.begin() as connection:
            connection.execute(text("CREATE TABLE kept AS SELECT 1 AS id"))
        killed = postmaster(home)
        assert killed
        with pytest.raises(DatabaseAway), database.session() as session:
            session.execute(text("INSERT INTO kept VALUES (1)"))
            killed.kill()
            session.execute(text("SELECT pg_sleep(60)"))
        with database.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM kept WHERE id = 1")) == 1
        revived = postmaster(home)
        assert revived and revived.pid != killed.pid
    assert postmaster(home) is None


def test_the_url_is_one_that_psql_takes(home: Path) -> None:
    with open_database(Settings(home=home)) as database:
        assert database.url.startswith("postgresql://storelink@")
        with closing(psycopg.connect(database.url)) as connection:
            assert connection.execute("SELECT count(*) FROM platform_order").fetchone() == (0,)


def test_a_private_database_is_brought_up_to_date_by_itself(home: Path) -> None:
    with open_database(Settings(home=home), migrate=False) as database:
        assert pending(database.engine) == every_migration()
    with open_database(Settings(home=home)) as database:
        assert pending(database.engine) == []


def test_a_connection_that_cannot_be_made_is_an_outage_however_it_is_asked_for(wire: Any) -> None:
    """The pool makes connections where no statement is under way, and nothing translated its errors."""
    with open_database(settings(wire.url)) as database:
        wire.cut()
        with pytest.raises(DatabaseAway):
            database.borrow()
        wire.mend()
        database.borrow().close()
