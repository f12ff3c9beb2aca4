"""Stores, a database, and the daemons that work on them: real processes, watched from outside."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fleet import Fleet

from storelink.config import Settings
from storelink.db import Database
from storelink.sandbox.running import Running, RunningShopify, start, start_shopify
from storelink.scheduler.work import Work


@pytest.fixture
def fleet(database: Database, settings: Settings, database_url: str, home: Path) -> Iterator[Fleet]:
    fleet = Fleet(database_url.replace("postgresql+psycopg", "postgresql"), settings, database, home)
    yield fleet
    for process in fleet.processes:
        if process.child.poll() is None:
            process.kill()


@pytest.fixture
def work(fleet: Fleet) -> Work:
    """What jobs work with, to run them in this process."""
    return Work(fleet.database, fleet.keyring, fleet.settings, threading.Event())


@pytest.fixture
def shop() -> Iterator[Running]:
    with start(orders=60, products=12, customers=15) as shop:
        yield shop


@pytest.fixture
def boutique() -> Iterator[RunningShopify]:
    with start_shopify(orders=60, products=12, customers=15) as boutique:
        yield boutique
