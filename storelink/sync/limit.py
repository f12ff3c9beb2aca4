"""How much one person may refund: at once, within a day, and from where on a second person is asked.

Amounts are in the order's own currency. These hold storelink's users, not the store: what is left of an
order is looked at elsewhere, just before anything is sent.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import func
from sqlmodel import Session, col, select

from storelink.config import Settings
from storelink.errors import Misconfigured
from storelink.models import RefundRequest
from storelink.sync.request import Refused

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, by what name the audit knows them, and in what role."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What the settings allow. Keys are (role, currency or "" for every other one)."""

    approval_above: Decimal | None
    ceilings: Mapping[tuple[str, str], Decimal]
    day_ceilings: Mapping[tuple[str, str], Decimal]

    def needs_approval(self, amount: Decimal) -> bool:
        """Whether a second person has to agree."""
        return self.approval_above is not None and amount > self.approval_above

    def check_one(self, asker: Asker, amount: Decimal, currency: str) -> None:
        """Raises `Refused` for more than somebody of this role may refund at once."""
        most = _of(self.ceilings, asker.role, currency)
        if most is not None and amount > most:
            raise Refused(
                f"{amount} {currency} is more than the role {asker.role!r} may refund at once: {most}."
            )

    def check_day(self, session: Session, asker: Asker, amount: Decimal, currency: str) -> None:
        """Raises `Refused` for more than that person may refund in a day.

        Others of the same person wait until the present transaction has ended, so that two at once
        cannot both slip under the ceiling.
        """
        most = _of(self.day_ceilings, asker.role, currency)
        if most is None:
            return
        session.scalar(select(func.pg_advisory_xact_lock(func.hashtextextended(f"day/{asker.name}", 0))))
        spent = session.scalar(
            select(func.coalesce(func.sum(RefundRequest.amount), 0)).where(
                col(RefundRequest.requested_by) == asker.name,
                col(RefundRequest.currency) == currency,
                col(RefundRequest.status) != "failed",
                col(RefundRequest.requested_at) > func.clock_timestamp() - DAY,
            )
        )
        if (spent or Decimal(0)) + amount > most:
            raise Refused(
                f"{asker.name} has refunded {spent} {currency} within a day; {amount} more would be above the"
                f" {most} of the role {asker.role!r}."
            )


def limits_of(settings: Settings) -> Limits:
    """As the settings say. Raises `Misconfigured` for ceilings that cannot be read."""
    return Limits(
        settings.refund_approval_above,
        read_ceilings(settings.refund_ceilings or ""),
        read_ceilings(settings.refund_day_ceilings or ""),
    )


def read_ceilings(text: str) -> dict[tuple[str, str], Decimal]:
    """`support=200,support:JPY=30000` → by role and currency."""
    found: dict[tuple[str, str], Decimal] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, number = part.partition("=")
        role, _, currency = (one.strip() for one in name.partition(":"))
        try:
            most = Decimal(number.strip())
        except ArithmeticError:
            most = Decimal(-1)
        if not equals or not role or not most.is_finite() or most < 0:
            raise Misconfigured(f"A ceiling is written `role=200` or `role:EUR=200`, not {part!r}.")
        found[role, currency.upper()] = most
    return found


def _of(ceilings: Mapping[tuple[str, str], Decimal], role: str, currency: str) -> Decimal | None:
    return ceilings.get((role, currency), ceilings.get((role, "")))


def order_turn(session: Session, connector_id: uuid.UUID, order_id: str) -> None:
    """Wait until nobody else makes a request for this order, and let nobody until this transaction ends."""
    key = f"request/{connector_id}/{order_id}"
    session.scalar(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))
