"""A toy store over the real database: what the engine's own rules are tested with."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from toy import ToyConnector, ToyStore

from storelink.models import ConnectorConfig, SyncState
from storelink.sync.backfill import backfill
from storelink.sync.lane import FULL, POLL, hold
from storelink.sync.subject import Subject


class World:
    """One toy store registered in a real database."""

    def __init__(self, database: Any, name: str = "toy") -> None:
        self.database = database
        self.connector = ToyConnector()
        row = ConnectorConfig(
            id=uuid.uuid4(), name=name, platform="toy", store_url=f"https://{name}", auth_mode="x"
        )
        with database.session() as session:
            session.add(row)
            session.flush()
            for resource in self.connector.resources:
                session.add(SyncState(connector_id=row.id, resource=resource))
            session.commit()
        with hold(database, row.id, "orders", None) as lane:
            self.clock = lane.clock
        self.store = ToyStore(self.clock)
        self.subject = Subject(row.id, row.name, self.connector, self.store, {})

    def hold_orders(self, many: int) -> None:
        """Orders from 1 on, in the store and read."""
        for number in range(1, many + 1):
            self.store.put("orders", number)
        self.store.pass_time(3600)
        with self.full() as lane:
            backfill(lane, self.subject)

    def full(self, resource: str = "orders") -> Any:
        return hold(self.database, self.subject.id, resource, FULL)

    def poll(self, resource: str = "orders") -> Any:
        return hold(self.database, self.subject.id, resource, POLL)

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with hold(self.database, self.subject.id, "orders", None) as lane:
            return lane.connection.execute(statement, values).fetchall()

    def one(self, statement: str, *values: Any) -> Any:
        ((value,),) = self.rows(statement, *values)
        return value

    def events(self, entity: str = "order") -> list[tuple[str, str]]:
        return self.rows("SELECT key, op FROM change_event WHERE entity = %s ORDER BY id", entity)


@pytest.fixture
def world(database: Any) -> World:
    return World(database)


@pytest.fixture
def make_world(database: Any) -> Callable[[str], World]:
    return lambda name: World(database, name)
