"""A toy store with addresses, in a real database. Time passes only when a test says so."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from post import Post
from sqlalchemy import text
from toy import ToyConnector, ToyStore

from storelink.db import Database
from storelink.models import ConnectorConfig, SyncState
from storelink.models.request import AddressUpdateRequest
from storelink.sync import address
from storelink.sync.act import act
from storelink.sync.address import Created, Particulars, Preview
from storelink.sync.lane import hold
from storelink.sync.limit import Asker
from storelink.sync.request import Rules
from storelink.sync.subject import Subject

ANNA = Asker("cli:anna", "support")


class House:
    """A store whose orders' addresses can be changed."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connector = ToyConnector()
        row = ConnectorConfig(
            id=uuid.uuid4(), name="toy", platform="toy", store_url="https://toy", auth_mode="x",
            status="active",
        )  # fmt: skip
        with database.session() as session:
            session.add(row)
            session.flush()
            for resource in self.connector.resources:
                session.add(SyncState(connector_id=row.id, resource=resource))
            session.commit()
        with hold(database, row.id, "orders", None) as lane:
            clock = lane.clock
        self.store = ToyStore(clock)
        self.post = Post(self.store, clock)
        self.store.actions = self.post  # type: ignore[attr-defined]
        self.subject = Subject(row.id, "toy", self.connector, self.store, {})
        self.rules = Rules()
        self.enqueued: list[str] = []

    # -- what people do

    def preview(self, order: str = "1", kind: str = "shipping", **wish: str) -> Preview:
        return address.preview(self.database, self.subject, order, kind, wish or {"city": "Potsdam"}, ANNA)

    def create(self, preview: Preview, **particulars: Any) -> Created:
        with self.database.session() as session:
            created = address.create(
                session, preview.id, Particulars(**particulars), asker=ANNA,
                enqueue=lambda _session, _store, order: self.enqueued.append(order),
            )  # fmt: skip
            session.commit()
        return created

    def ask(self, order: str = "1", kind: str = "shipping", **wish: Any) -> AddressUpdateRequest:
        named = {"again", "idempotency_key", "force", "note"}
        particulars = {name: wish.pop(name) for name in named & wish.keys()}
        return self.create(self.preview(order, kind, **wish), **particulars).request

    def restore(self, request: AddressUpdateRequest, **particulars: Any) -> AddressUpdateRequest:
        shown = address.preview_restore(self.database, self.subject, self.now(request), ANNA)
        return self.create(shown, **particulars).request

    def resolve(self, request: AddressUpdateRequest, *, updated: bool) -> AddressUpdateRequest:
        with self.database.session() as session:
            found = address.resolve(
                session, request.id, updated=updated, why="Looked", asker=ANNA, enqueue=lambda *_: None
            )
            session.commit()
        return found

    # -- what storelink does

    def act(self, order: str = "1") -> float | None:
        return act(self.database, self.subject, order, self.rules)

    def pass_time(self, seconds: float) -> None:
        by = {"by": timedelta(seconds=seconds)}
        moments = ("requested_at", "next_try_at", "sent_at", "settled_at")
        sets = ", ".join(f"{name} = {name} - :by" for name in moments)
        with self.database.engine.begin() as connection:
            for table in ("address_update_request", "refund_request"):
                connection.execute(text(f"UPDATE {table} SET {sets}"), by)
            connection.execute(text("UPDATE action_preview SET made_at = made_at - :by"), by)

    def until_calm(self, order: str = "1", rounds: int = 60) -> None:
        """Act until nothing more is due within a day."""
        for _ in range(rounds):
            again = self.act(order)
            if again is None or again > 3000:
                return
            self.pass_time(again + 0.01)
        raise AssertionError("it never comes to rest")

    # -- what there is then

    def now(self, request: AddressUpdateRequest) -> AddressUpdateRequest:
        with self.database.session() as session:
            found = session.get(AddressUpdateRequest, request.id)
            assert found is not None
            return found

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]


@pytest.fixture
def house(database: Database) -> House:
    house = House(database)
    house.post.sell("1")
    return house
