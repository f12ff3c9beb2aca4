"""A toy store with a till, in a real database, and a clock that tests put forward."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from till import Till
from toy import ToyConnector, ToyStore

from storelink.connectors.action import Wish, WishedLine
from storelink.db import Database
from storelink.models import ConnectorConfig, RefundRequest, SyncState
from storelink.sync import refund, refund_decision
from storelink.sync.act import act
from storelink.sync.lane import hold
from storelink.sync.limit import Asker, Limits
from storelink.sync.refund import Created, Particulars, Preview
from storelink.sync.request import Rules
from storelink.sync.subject import Subject

ANNA, BELA = Asker("anna", "support"), Asker("bela", "lead")
FREE = Limits(None, {}, {})


class House:
    """One toy store that refunds. Time passes only when a test says so: due times are moved back."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.connector = ToyConnector()
        row = ConnectorConfig(
            id=uuid.uuid4(),
            name="toy",
            platform="toy",
            store_url="https://toy",
            auth_mode="x",
            status="active",
        )
        with database.session() as session:
            session.add(row)
            session.flush()
            for resource in self.connector.resources:
                session.add(SyncState(connector_id=row.id, resource=resource))
            session.commit()
        with hold(database, row.id, "orders", None) as lane:
            clock = lane.clock
        self.store = ToyStore(clock)
        self.till = Till(self.store, clock)
        self.store.actions = self.till  # type: ignore[attr-defined]
        self.subject = Subject(row.id, "toy", self.connector, self.store, {})
        self.rules = Rules()
        self.enqueued: list[str] = []

    # -- what people do

    def preview(self, order: str, asker: Asker = ANNA, **wish: Any) -> Preview:
        if "units" in wish:
            wish["lines"] = (WishedLine(f"{order}-1", wish.pop("units")),)
        if "amount" in wish:
            wish["amount"] = Decimal(wish["amount"])
        return refund.preview(self.database, self.subject, order, Wish(**wish), asker)

    def create(
        self, preview: Preview, asker: Asker = ANNA, limits: Limits = FREE, **particulars: Any
    ) -> Created:
        with self.database.session() as session:
            created = refund.create(
                session, preview.id, Particulars(**particulars), asker=asker, limits=limits,
                enqueue=lambda _session, _store, order: self.enqueued.append(order),
            )  # fmt: skip
            session.commit()
        return created

    def ask(self, order: str, **wish: Any) -> RefundRequest:
        named = {"again", "idempotency_key", "reason", "note"}
        particulars = {name: wish.pop(name) for name in named & wish.keys()}
        return self.create(self.preview(order, **(wish or {"units": 1})), **particulars).request

    def decide(self, deed: str, request: RefundRequest, **more: Any) -> RefundRequest:
        with self.database.session() as session:
            found = getattr(refund_decision, deed)(
                session, request.id, enqueue=lambda *_: None, **{"asker": BELA, **more}
            )
            session.commit()
        return found

    # -- what storelink does

    def act(self, order: str = "1") -> float | None:
        return act(self.database, self.subject, order, self.rules)

    def pass_time(self, seconds: float) -> None:
        """So much time goes by for all requests."""
        moments = ("requested_at", "next_try_at", "sent_at", "settled_at", "approved_at")
        sets = ", ".join(f"{name} = {name} - :by" for name in moments)
        with self.database.engine.begin() as connection:
            connection.execute(text(f"UPDATE refund_request SET {sets}"), {"by": timedelta(seconds=seconds)})
            connection.execute(
                text(
                    "UPDATE refund_request SET seen = jsonb_set(seen, '{first_at}', to_jsonb("
                    "((seen->>'first_at')::timestamptz - :by)::text)) WHERE seen ? 'first_at'"
                ),
                {"by": timedelta(seconds=seconds)},
            )
            connection.execute(
                text("UPDATE action_preview SET made_at = made_at - :by"), {"by": timedelta(seconds=seconds)}
            )

    def until_calm(self, order: str = "1", rounds: int = 60) -> None:
        """Act until nothing more is due within a day."""
        for _ in range(rounds):
            again = self.act(order)
            if again is None or again > 500:
                return
            self.pass_time(again + 0.01)
        raise AssertionError("it never comes to rest")

    # -- what there is then

    def now(self, request: RefundRequest) -> RefundRequest:
        with self.database.session() as session:
            found = session.get(RefundRequest, request.id)
            assert found is not None
            return found

    def steps(self, request: RefundRequest) -> list[str]:
        return [
            action.removeprefix("refund.")
            for (action,) in self.rows(
                "SELECT action FROM audit_event WHERE subject = :id ORDER BY id", id=str(request.id)
            )
        ]

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.database.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]
