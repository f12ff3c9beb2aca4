"""What every bench stands on: a sandbox store in its own process and a private database in a folder."""

import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storelink.config import Settings
from storelink.connectors.protocol import Account, Limits
from storelink.connectors.woocommerce.connector import CONNECTOR
from storelink.db import Database, open_database
from storelink.models import ConnectorConfig, SyncState
from storelink.sandbox.running import Running, start
from storelink.sync.opening import measure_clock
from storelink.sync.subject import Subject

SETTINGS = {
    "currency": "USD", "time_zone": "America/New_York", "has_variations": True, "has_refunds": True,
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """A store and a database."""

    store: Running
    database: Database
    home: Path

    @contextmanager
    def subject(self, width: int = 6) -> Iterator[Subject]:
        """The store registered anew under a name of its own, opened; its rows go at the end."""
        config = ConnectorConfig(
            id=uuid.uuid4(), name=uuid.uuid4().hex, platform="woocommerce", auth_mode="keys",
            store_url=f"{self.store.url}/{uuid.uuid4().hex}",
        )  # fmt: skip
        with self.database.session() as session:
            session.add(config)
            session.flush()
            session.add_all(
                SyncState(connector_id=config.id, resource=resource) for resource in CONNECTOR.resources
            )
            session.commit()
        keys = {"consumer_key": self.store.key, "consumer_secret": self.store.secret}
        account = Account("bench", self.store.url, "keys", keys, SETTINGS)
        opened = CONNECTOR.open(account, Limits(width=width), measure_clock(self.database))
        try:
            yield Subject(config.id, "bench", CONNECTOR, opened, SETTINGS)
        finally:
            opened.close()

    def empty(self) -> None:
        """Throw all rows away, so that each run meets empty tables."""
        with self.database.connect() as connection:
            connection.exec_driver_sql("TRUNCATE connector_config CASCADE")
            connection.exec_driver_sql("DROP TABLE IF EXISTS floor")
            connection.commit()
            connection.exec_driver_sql("CHECKPOINT")
            connection.commit()


@contextmanager
def laboratory(**plan: object) -> Iterator[Bench]:
    """Start both; all is gone at the end."""
    home = Path(tempfile.mkdtemp(prefix="storelink-bench-", dir="/tmp"))
    try:
        with (
            start(process=True, **plan) as store,  # type: ignore[arg-type]
            open_database(Settings(home=home)) as database,
        ):
            yield Bench(store, database, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def clocked(work: Callable[[], object]) -> float:
    """Seconds of wall time."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def median(values: list[float]) -> float:
    """The middle one."""
    return statistics.median(values)
