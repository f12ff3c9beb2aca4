"""A toy store that can act, in a real database. Time passes only when a test says so: due times move back."""

import uuid
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import text
from till import Till
from toy import ToyConnector, ToyStore

from storelink.db import Database
from storelink.models import AddressUpdateRequest, ConnectorConfig, RefundRequest, SyncState
from storelink.sync.act import act
from storelink.sync.lane import hold
from storelink.sync.request import Rules
from storelink.sync.subject import Subject

R = TypeVar("R", RefundRequest, AddressUpdateRequest)
_MOMENTS = ("requested_at", "next_try_at", "sent_at", "settled_at")
_PASSING = [
    *(
        f"UPDATE {table} SET {', '.join(f'{name} = {name} - :by' for name in moments)}"
        for table, moments in (
            ("refund_request", (*_MOMENTS, "approved_at")),
            ("address_update_request", _MOMENTS),
            ("action_preview", ("made_at",)),
        )
    ),
    "UPDATE refund_request SET seen = jsonb_set(seen, '{first_at}', to_jsonb("
    "((seen->>'first_at')::timestamptz - :by)::text)) WHERE seen ? 'first_at'",
]


class ToyHouse:
    """One store, `actions` being what can be done in it (`Till`, or a kind of it)."""

    calm = 500
    """Nothing that is due later, in seconds, is waited for."""

    def __init__(self, database: Database, actions: type[Till]) -> None:
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
        self.actions = self.store.actions = actions(self.store, clock)  # type: ignore[attr-defined]
        self.subject = Subject(row.id, "toy", self.connector, self.store, {})
        self.rules = Rules()
        self.enqueued: list[str] = []

    def enqueue(self, _session: Any, _store: uuid.UUID, order: str) -> None:
        self.enqueued.append(order)

    # -- what storelink does

    def act(self, order: str = "1") -> float | None:
        return act(self.database, self.subject, order, self.rules)

    def pass_time(self, seconds: float) -> None:
        """So much time goes by for all requests and previews."""
        with self.database.engine.begin() as connection:
            for statement in _PASSING:
                connection.execute(text(statement), {"by": timedelta(seconds=seconds)})

    def until_calm(self, order: str = "1", rounds: int = 60) -> None:
        """Act until nothing more is due soon."""
        for _ in range(rounds):
            again = self.act(order)
            if again is None or again > self.calm:
                return
            self.pass_time(again + 0.01)
        raise AssertionError("it never comes to rest")

    # -- what there is then

    def now(self, request: R) -> R:
        with self.database.session() as session:
            return session.get_one(type(request), request.id)

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]
