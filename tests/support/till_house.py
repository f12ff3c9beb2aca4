"""A toy store with a till, and people who give money back there."""

from decimal import Decimal
from typing import Any

from till import Till
from toy_house import ToyHouse

from storelink.connectors.action import Wish, WishedLine
from storelink.db import Database
from storelink.models import RefundRequest
from storelink.sync import refund, refund_decision
from storelink.sync.limit import Asker, Limits
from storelink.sync.refund import Created, Particulars, Preview

ANNA, BELA = Asker("anna", "support"), Asker("bela", "lead")
FREE = Limits(None, {}, {})


class House(ToyHouse):
    """One toy store that refunds."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Till)
        self.till = self.actions

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
                enqueue=self.enqueue,
            )  # fmt: skip
            session.commit()
        return created

    def ask(self, order: str, **wish: Any) -> RefundRequest:
        named = {"again", "idempotency_key", "reason", "note"}
        particulars = {name: wish.pop(name) for name in named & wish.keys()}
        return self.create(self.preview(order, **(wish or {"units": 1})), **particulars).request

    def decide(self, deed: str, request: RefundRequest, **more: Any) -> RefundRequest:
        with self.database.session() as session:
            found: RefundRequest = getattr(refund_decision, deed)(
                session, request.id, enqueue=lambda *_: None, **{"asker": BELA, **more}
            )
            session.commit()
        return found

    def steps(self, request: RefundRequest) -> list[str]:
        return [
            action.removeprefix("refund.")
            for (action,) in self.rows(
                "SELECT action FROM audit_event WHERE subject = :id ORDER BY id", id=str(request.id)
            )
        ]
