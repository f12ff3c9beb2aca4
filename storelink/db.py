"""The database as the rest of storelink sees it: an engine, sessions, migrations.

Here, and nowhere else, errors of Postgres become ours: a lost or refusing server is
`DatabaseAway`, a server that cannot be used as it is set up is `Misconfigured`. Everything else
(a constraint, a deadlock) stays SQLAlchemy's own.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import structlog
from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    PoolProxiedConnection,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError
from sqlmodel import Session

from storelink import embedded
from storelink.config import Settings
from storelink.errors import DatabaseAway, Misconfigured

log = structlog.get_logger(__name__)

OLDEST = 15
"""The oldest PostgreSQL that has all we use (MERGE, NULLS NOT DISTINCT)."""

# https://www.postgresql.org/docs/18/errcodes-appendix.html
_UNABLE = ("53", "58", "25")  # classes: out of disk or memory, I/O failed, read-only
_AWAY_CODES = ("57P01", "57P02", "57P03", "57P05", "25006")  # going, crashed, coming, read-only

_REVIVE_WAIT = 120.0  # seconds: recovery included; a start at the beginning may take longer

_MIGRATIONS = Path(__file__).parent / "models" / "migrations"
_UPGRADE_LOCK = 7_305_806_143_518_228_785  # any number that nobody else locks

# What a server says when it will not let us in at all; libpq gives no code before the login.
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "no pg_hba.conf entry",
    "permission denied",
    "does not support SSL",
    "certificate",
)


_MAY_NOT = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName)


class Outage:
    """Says once that Postgres went away, and once that it is back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away = self._reachable = False
        self.told = True
        """Whether it is said at all; not where another process of ours does."""

    def began(self, error: DatabaseAway, *, reachable: bool) -> None:
        """Log the first failure; the ones after it belong to the same outage.

        `reachable`: it answers but cannot work (disk full), so that a connection proves nothing.
        """
        with self._lock:
            first, self._away, self._reachable = not self._away, True, reachable
        if first and self.told:
            log.error("database.away", error=str(error))

    def connected(self) -> None:
        """A connection was made."""
        if self._away and not self._reachable:
            self.worked()

    def worked(self) -> None:
        """A transaction went through: log it, if it is the first after a failure."""
        if not self._away:
            return
        with self._lock:
            back, self._away = self._away, False
        if back and self.told:
            log.warning("database.back")


class Database:
    """An open database. Threads may share it; each takes its own session."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.outage = Outage()
        event.listen(engine, "handle_error", self._handle)
        event.listen(engine, "connect", lambda *_: self.outage.connected())
        event.listen(engine, "commit", lambda *_: self.outage.worked())

    def __repr__(self) -> str:
        return f"Database({self.url})"

    @property
    def url(self) -> str:
        """Where it is, the password masked."""
        return masked(self.engine.url)

    def session(self) -> Session:
        """A new session; rows stay readable after its commit."""
        return Session(self.engine, expire_on_commit=False)

    def connect(self) -> Connection:
        """A new connection; psycopg's own is at `.connection.driver_connection`."""
        return self.engine.connect()

    def borrow(self) -> PoolProxiedConnection:
        """A connection of the pool for psycopg's own ways; `close` gives it back. Raises `DatabaseAway`."""
        with self.translated():
            return self.engine.raw_connection()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Around direct use of psycopg (COPY): a lost server becomes `DatabaseAway` here too."""
        try:
            yield
        except psycopg.Error as error:
            away = self._away(error)
            if away is None:
                raise
            raise away from error

    def _handle(self, context: ExceptionContext) -> BaseException | None:
        if context.is_pre_ping:
            return None  # the pool finds a dead connection and makes another: nobody noticed
        return self._away(context.original_exception)

    def _away(self, error: BaseException | None) -> DatabaseAway | None:
        away = went_away(error)
        if away is not None:
            code = getattr(error, "sqlstate", None)
            self.outage.began(away, reachable=code is not None and code[:2] in _UNABLE)
        return away


def went_away(error: BaseException | None) -> DatabaseAway | None:
    """The `DatabaseAway` that this error of Postgres means, None if it means something else."""
    if isinstance(error, DBAPIError):
        error = error.orig
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
        return None
    code = error.sqlstate
    if code is None:
        # no answer at all; psycopg's InterfaceError also means that it was used wrongly
        if isinstance(error, psycopg.OperationalError) or "connection is" in str(error):
            return DatabaseAway(f"Postgres does not answer: {' '.join(str(error).split())}")
        return None
    if code[:2] in ("08", "53", "58") or code in _AWAY_CODES:
        # only the first line: the others quote values of the statement
        return DatabaseAway(f"Postgres cannot go on: {str(error).splitlines()[0]} ({code})")
    return None


@contextmanager
def open_database(
    settings: Settings, *, migrate: bool | None = None, name: str = "storelink"
) -> Iterator[Database]:
    """The database named by the settings, else the private one, up to date.

    `migrate` None applies migrations only to the private one; True also to an outer one; False
    leaves either as it is and does not ask. `name` is what the server calls us. Raises `Misconfigured`
    if an outer one is behind, too old or refuses us, `DatabaseAway` if it does not answer.
    """
    if settings.database_url is not None:
        url = _parse(settings.database_url.get_secret_value())
        with _opened(url, settings.database_pool, name) as database:
            _check_server(database)
            if migrate:
                upgrade(database.engine)
            elif migrate is None:
                _require_current(database)
            yield database
        return
    with (
        embedded.running(settings.home, user=settings.embedded_user) as server,
        _opened(server.url(), settings.database_pool, name) as database,
    ):
        _keep_alive(database.engine, server)
        if migrate is not False:
            upgrade(database.engine)
        yield database


@contextmanager
def _opened(url: URL, pool: int, name: str = "storelink") -> Iterator[Database]:
    engine = make_engine(url, pool, name)
    try:
        yield Database(engine)
    finally:
        engine.dispose()


def _keep_alive(engine: Engine, server: embedded.Server) -> None:
    """Whoever finds the private server killed starts it again."""

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Dialect, _record: Any, args: Any, parameters: dict[str, Any]) -> Any:
        try:
            return dialect.connect(*args, **parameters)
        except psycopg.OperationalError:
            parameters["host"] = str(server.revive(_REVIVE_WAIT).socket)
            return dialect.connect(*args, **parameters)


def make_engine(url: URL, pool: int, name: str = "storelink") -> Engine:
    """At most `pool` connections, each tried before it is handed out; the server calls them `name`."""
    options: dict[str, Any] = {
        "application_name": name,
        "connect_timeout": 10,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,
        "options": "-c timezone=UTC -c jit=off",
    }
    given = {name: value for name, value in options.items() if name not in url.query}
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
        hide_parameters=True,  # they are personal data, and errors are logged
        # no server-side plans: they would be kept from when the tables were empty
        connect_args={**given, "prepare_threshold": None},
    )


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # the reason is not passed on: it quotes the URL, password and all
        raise Misconfigured(
            "STORELINK_DATABASE_URL is not of the form postgresql://user:password@host:port/name"
        ) from None
    if url.drivername not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise Misconfigured(
            f"STORELINK_DATABASE_URL names {url.drivername!r}: storelink needs PostgreSQL, "
            "postgresql://user:password@host:port/name"
        )
    return url.set(drivername="postgresql+psycopg")


def masked(url: URL) -> str:
    """The URL without anything secret, as psql takes it."""
    url = url.set(drivername="postgresql")
    secret = {name for name in url.query if "password" in name or name == "passfile"}
    return url.difference_update_query(secret).render_as_string(hide_password=True)


def _check_server(database: Database) -> None:
    try:
        with database.connect() as connection:
            version = int(connection.scalar(text("SHOW server_version_num")) or 0)
            encoding = connection.scalar(text("SHOW server_encoding"))
    except DatabaseAway as error:
        if any(words in str(error) for words in _REFUSALS):
            raise Misconfigured(f"{database.url} does not let us in: {error}") from error
        raise DatabaseAway(f"{database.url}: {error}") from error
    if version < OLDEST * 10_000:
        raise Misconfigured(
            f"{database.url} is PostgreSQL {version // 10_000}; storelink needs {OLDEST} or newer"
        )
    if encoding != "UTF8":
        raise Misconfigured(
            f"{database.url} stores text as {encoding}; storelink needs a database made with ENCODING 'UTF8'"
        )


def _require_current(database: Database) -> None:
    missing = pending(database.engine)
    if missing:
        raise Misconfigured(
            f"the tables in {database.url} are behind this storelink by {len(missing)} "
            "migration(s): run `storelink db upgrade`"
        )


_UPGRADING = threading.Lock()


def upgrade(where: Engine | str) -> None:
    """Apply all migrations in one transaction; a second process waits, then finds nothing to do."""
    if isinstance(where, str):
        with _opened(_parse(where), 2) as database:
            upgrade(database.engine)
        return
    if not pending(where):
        return
    from alembic import command

    try:
        # Alembic keeps its context in the module: one thread of a process at a time
        with _UPGRADING, where.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK})
            command.upgrade(alembic_config(connection), "head")
    except ProgrammingError as error:
        if not isinstance(error.orig, _MAY_NOT):
            raise
        raise Misconfigured(
            f"the user of {masked(where.url)} may not make tables there: "
            f"{str(error.orig).splitlines()[0]} (as the owner: GRANT ALL ON SCHEMA public TO …)"
        ) from error


def pending(engine: Engine) -> list[str]:
    """The migrations that this database lacks, oldest first."""
    with engine.connect() as connection:
        held = _held(connection)
    if held == [newest()]:
        return []
    from alembic.script import ScriptDirectory
    from alembic.script.revision import ResolutionError

    scripts = ScriptDirectory.from_config(alembic_config())
    try:
        missing = [script.revision for script in scripts.iterate_revisions("heads", tuple(held) or "base")]
    except ResolutionError as error:
        raise Misconfigured(
            f"the tables in {masked(engine.url)} were made by a newer storelink "
            f"(migration {', '.join(held)}): update storelink"
        ) from error
    return missing[::-1]


def newest() -> str:
    """The last migration of this storelink, by its file: every command asks, and Alembic is slow to load."""
    return max(path.name for path in _MIGRATIONS.glob("versions/[0-9]*.py")).partition("_")[0]


def _held(connection: Connection) -> list[str]:
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return []
    return list(connection.scalars(text("SELECT version_num FROM alembic_version")))


def alembic_config(connection: Connection | None = None) -> Any:
    """Alembic's configuration in code, so that an installed package needs no alembic.ini."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
