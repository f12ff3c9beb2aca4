"""A registered store, opened for a pass: from its row and its sealed credentials to a `Subject`.

What the doctor learns of a store (currency, time zone, version, features) is kept in the store's
settings: when it is registered, at every check, and again by the first pass of each day, since
shops are updated without anybody telling us.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog

from storelink.config import Settings
from storelink.connectors import registry
from storelink.connectors.protocol import Account, Checkup, Connector, Limits, Reach, Store
from storelink.db import Database
from storelink.models import ConnectorConfig
from storelink.secrets.keyring import Keyring
from storelink.sync import account, process
from storelink.sync.clock import DatabaseClock, read_clock
from storelink.sync.erased import Memory
from storelink.sync.lane import Psycopg
from storelink.sync.subject import Progress, Subject, silent

log = structlog.get_logger(__name__)

CHECKED_AT = "checked_at"
"""The setting that says when the doctor last saw the store (ISO 8601, database clock)."""
FROM_WEB = "from_web"
"""The setting of a store whose address was entered over HTTP: where it may lead is looked at ever after."""
FRESH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opened:
    """A store that is connected, before anything is read."""

    config: ConnectorConfig
    connector: Connector
    account: Account
    store: Store
    clock: DatabaseClock


@contextmanager
def open_subject(
    database: Database,
    keyring: Keyring,
    name: str,
    settings: Settings,
    *,
    report: Callable[[Progress], None] = silent,
    accept_deletes: bool = False,
    refresh: bool = True,
    announced: bool = False,
) -> Iterator[Subject]:
    """The store `name`, ready for passes; closed at the end.

    With `refresh` the doctor looks first if it has not for a day. `announced`: this process says by
    itself which master keys it holds. Raises `Misconfigured` for a
    store that is unknown or removed, or whose credentials cannot be opened.
    """
    if refresh:
        _refresh(database, keyring, name, settings)
    with (
        nullcontext() if announced else process.reported(database.session, keyring),
        open_store(database, keyring, name, settings) as opened,
    ):
        yield Subject(
            opened.config.id,
            opened.config.name,
            opened.connector,
            opened.store,
            opened.account.settings,
            opened.config.sync_interval,
            report,
            accept_deletes,
            Memory(database, keyring, opened.config.id),
        )


@contextmanager
def open_store(database: Database, keyring: Keyring, name: str, settings: Settings) -> Iterator[Opened]:
    """The store `name`, connected; makes no request. Raises as `open_subject` does."""
    with database.session() as session:
        config = account.find(session, name)
        opened = account.open_account(session, keyring, name, database=database)
    connector = registry.get(config.platform)
    clock = measure_clock(database)
    store = connector.open(opened, limits(settings, opened), clock)
    try:
        yield Opened(config, connector, opened, store, clock)
    finally:
        store.close()


def examine(database: Database, connector: Connector, candidate: Account, settings: Settings) -> Checkup:
    """What the doctor says of a store that need not be registered."""
    store = connector.open(candidate, limits(settings, candidate), measure_clock(database))
    try:
        return store.check()
    finally:
        store.close()


def check_again(database: Database, keyring: Keyring, name: str, settings: Settings) -> Checkup:
    """Ask the doctor, and keep what it learns. A store whose keys work again is active again."""
    with open_store(database, keyring, name, settings) as opened:
        checkup = opened.store.check()
        now = opened.clock()
    with database.session() as session:
        if checkup.healthy:
            account.remember(session, name, remembered(checkup, now))
        if checkup.healthy and opened.config.status == "auth_failed":
            account.resume(session, name)
        session.commit()
    return checkup


def remembered(checkup: Checkup, now: datetime) -> dict[str, Any]:
    """What is kept of a check-up at `now`."""
    return {**checkup.settings, CHECKED_AT: now.isoformat(timespec="seconds")}


def limits(settings: Settings, candidate: Account) -> Limits:
    """What this process may ask of one store, and where that may be."""
    reach: Reach = "private" if settings.allow_private_stores else "public"
    return Limits(
        timeout=settings.http_timeout, retries=settings.http_retries, width=settings.width,
        reach=reach if candidate.settings.get(FROM_WEB) else "anywhere",
    )  # fmt: skip


def entered_at(row: ConnectorConfig) -> dict[str, Any]:
    """What a candidate for new keys takes over of the store's settings: where its address came from."""
    return {FROM_WEB: True} if row.settings.get(FROM_WEB) else {}


def measure_clock(database: Database) -> DatabaseClock:
    """The database's clock, measured now. Raises `DatabaseAway`."""
    pooled = database.borrow()
    try:
        with database.translated():
            return read_clock(cast(Psycopg, pooled.driver_connection))
    finally:
        pooled.close()


def _refresh(database: Database, keyring: Keyring, name: str, settings: Settings) -> None:
    """Look at the store if that is due. A store that is ill is left to the pass to complain of."""
    with database.session() as session:
        checked_at = account.find(session, name).settings.get(CHECKED_AT)
    now = measure_clock(database)()
    if _fresh(checked_at, now):
        return
    checkup = check_again(database, keyring, name, settings)
    if checkup.healthy:
        return
    log.info("store.check", store=name, findings=[one.code for one in checkup.findings])
    if checked_at is not None:  # what is known stays good enough for another day
        with database.session() as session:
            account.remember(session, name, {CHECKED_AT: now.isoformat(timespec="seconds")})
            session.commit()


def _fresh(checked_at: object, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(str(checked_at)) < FRESH
    except (ValueError, TypeError):
        return False
