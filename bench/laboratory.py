"""What every bench stands on: a sandbox store in its own process and a private database in a folder."""

import shutil
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from storelink.config import Settings
from storelink.connectors.protocol import Account, Connector, Limits
from storelink.connectors.shopify import connector as shopify
from storelink.connectors.woocommerce import connector as woocommerce
from storelink.db import Database, open_database
from storelink.models import ConnectorConfig, SyncState, metadata
from storelink.sandbox.running import Running, RunningShopify, start, start_shopify
from storelink.sync.opening import measure_clock
from storelink.sync.subject import Subject

S = TypeVar("S", Running, RunningShopify)
T = TypeVar("T")

SETTINGS = {
    "currency": "USD", "time_zone": "America/New_York", "has_variations": True, "has_refunds": True,
}  # fmt: skip


@dataclass(frozen=True)
class Bench(Generic[S]):
    """A store and a database."""

    store: S
    database: Database
    home: Path

    @contextmanager
    def subject(self, width: int = 6) -> Iterator[Subject]:
        """The store registered anew under a name of its own, opened; its rows go at the end."""
        connector, account = self._account()
        config = ConnectorConfig(
            id=uuid.uuid4(), name=uuid.uuid4().hex, platform=connector.platform, auth_mode=account.auth_mode,
            store_url=f"{self.store.url}/{uuid.uuid4().hex}",
        )  # fmt: skip
        with self.database.session() as session:
            session.add(config)
            session.flush()
            session.add_all(
                SyncState(connector_id=config.id, resource=resource) for resource in connector.resources
            )
            session.commit()
        opened = connector.open(account, Limits(width=width), measure_clock(self.database))
        try:
            yield Subject(config.id, "bench", connector, opened, account.settings)
        finally:
            opened.close()

    def _account(self) -> tuple[Connector, Account]:
        store = self.store
        if isinstance(store, Running):
            keys = {"consumer_key": store.key, "consumer_secret": store.secret}
            return woocommerce.CONNECTOR, Account("bench", store.url, "keys", keys, SETTINGS)
        account = Account("bench", store.url, "token", {"access_token": store.token})
        opened = shopify.CONNECTOR.open(account, Limits(), measure_clock(self.database))
        try:
            learnt = opened.check().settings
        finally:
            opened.close()
        return shopify.CONNECTOR, replace(account, settings=learnt)

    def empty(self) -> None:
        """Throw all rows away, so that each run meets empty tables."""
        ours = ", ".join(name for name, table in metadata.tables.items() if "connector_id" in table.c)
        with self.database.connect() as connection:
            connection.exec_driver_sql(f"TRUNCATE connector_config, {ours} CASCADE")
            connection.exec_driver_sql("DROP TABLE IF EXISTS floor")
            connection.commit()
            connection.exec_driver_sql("CHECKPOINT")
            connection.commit()


def laboratory(**plan: object) -> AbstractContextManager[Bench[Running]]:
    """Start a WooCommerce store and a database; all is gone at the end."""
    return _laboratory(start, plan)


def shopify_laboratory(**plan: object) -> AbstractContextManager[Bench[RunningShopify]]:
    """The same with a Shopify store."""
    return _laboratory(start_shopify, plan)


@contextmanager
def _laboratory(begin: Callable[..., AbstractContextManager[S]], plan: dict[str, Any]) -> Iterator[Bench[S]]:
    home = Path(tempfile.mkdtemp(prefix="storelink-bench-", dir="/tmp"))
    try:
        with begin(process=True, **plan) as store, open_database(Settings(home=home)) as database:
            yield Bench(store, database, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def watched(look: Callable[[], T], every: float) -> Iterator[list[tuple[float, T]]]:
    """Looks, each with its time, every so many seconds; the last one is not at the end but before it."""
    seen: list[tuple[float, T]] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(every):
            seen.append((time.perf_counter(), look()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def clocked(work: Callable[[], object]) -> float:
    """Seconds of wall time."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)
