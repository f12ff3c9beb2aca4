"""A toy store with addresses, in a real database. Time passes only when a test says so."""

from typing import Any

import pytest
from post import Post
from toy_house import ToyHouse

from storelink.db import Database
from storelink.models.request import AddressUpdateRequest
from storelink.sync import address
from storelink.sync.address import Created, Particulars, Preview
from storelink.sync.limit import Asker

ANNA = Asker("cli:anna", "support")


class House(ToyHouse):
    """A store whose orders' addresses can be changed."""

    calm = 3000

    def __init__(self, database: Database) -> None:
        super().__init__(database, Post)
        assert isinstance(self.actions, Post)
        self.post = self.actions

    def preview(self, order: str = "1", kind: str = "shipping", **wish: str) -> Preview:
        return address.preview(self.database, self.subject, order, kind, wish or {"city": "Potsdam"}, ANNA)

    def create(self, preview: Preview, **particulars: Any) -> Created:
        with self.database.session() as session:
            created = address.create(
                session, preview.id, Particulars(**particulars), asker=ANNA, enqueue=self.enqueue
            )
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


@pytest.fixture
def house(database: Database) -> House:
    house = House(database)
    house.post.sell("1")
    return house
