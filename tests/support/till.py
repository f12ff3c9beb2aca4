"""A toy store that can act: orders with money, a gateway with a ledger, and a script of what goes wrong.

`till.script` holds, for the sends to come, how each ends; an empty script means that all goes well.
The ledger is the truth: what the gateway paid out, and it never forgets.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from toy import ToyStore

from storelink.connectors.action import (
    Address,
    Money,
    Payment,
    Plan,
    PlannedLine,
    Remark,
    ReturnedLine,
    SeenRefund,
    Standing,
    Wish,
    Words,
    marked,
    reference_in,
)
from storelink.connectors.protocol import Read
from storelink.errors import AuthFailed, NotFound, OutcomeUnknown, Rejected, Retryable


@dataclass(frozen=True)
class Paid:
    """A payment that the gateway made."""

    order: str
    amount: Decimal
    reference: str | None


class Till:
    """The `Actions` of a toy store. It knows repetitions by their key where `resends_within` is set."""

    address_kinds = frozenset({"shipping", "billing"})

    def __init__(self, store: ToyStore, clock: Callable[[], datetime] | None = None) -> None:
        self.store = store
        self.clock = clock or (lambda: datetime.now(UTC))
        self.resends_within: timedelta | None = None
        self.script: list[str] = []
        self.ledger: list[Paid] = []
        self.refunds: dict[str, list[SeenRefund]] = {}
        self.totals: dict[str, Decimal] = {}
        self.answers: dict[str, SeenRefund] = {}
        self.bodies: dict[str, str] = {}
        self.sends: list[tuple[str, str]] = []
        self.looks = 0
        self.down: Exception | None = None
        self.before: Callable[[str], None] = lambda _what: None
        self.arriving: list[tuple[str, str]] = []
        self._lock = threading.RLock()
        self._number = 500

    # -- the shop's side

    def sell(self, order_id: str, total: str = "30.00", units: int = 3, **more: Any) -> None:
        self.totals[order_id] = Decimal(total)
        self.refunds[order_id] = []
        self.store.put(
            "orders", order_id, total=total, refunds={}, items={f"{order_id}-1": "SHIRT"}, units=units, **more
        )

    def by_hand(self, order_id: str, amount: str) -> SeenRefund:
        """A refund that somebody makes in the store's admin."""
        with self._lock:
            made = self._enter(order_id, Decimal(amount), "Made by hand")
            self._pay(order_id, made)
            return made

    def remove(self, order_id: str, refund_id: str) -> None:
        with self._lock:
            self.refunds[order_id] = [one for one in self.refunds[order_id] if one.id != refund_id]
            self._show(order_id)

    def arrive(self) -> None:
        """What was held up in front of the store is worked now."""
        with self._lock:
            late, self.arriving = self.arriving, []
            for order_id, body in late:
                self._work(order_id, body)

    def money(self, order_id: str) -> Decimal:
        return sum((one.amount for one in self.ledger if one.order == order_id), Decimal(0))

    # -- the seam

    def look(self, order_id: str) -> Standing:
        self.before("look")
        self.looks += 1
        if self.down is not None:
            raise self.down
        with self._lock:
            if order_id not in self.totals:
                raise NotFound("no such order")
            total, refunds = self.totals[order_id], tuple(self.refunds[order_id])
            given = sum((one.amount for one in refunds), Decimal(0))
            now = self.clock()
            return Standing(
                order_id, order_id, self.store.records["orders"][order_id]["updated"], Read(now, now),
                Money(total, "EUR"), given, total - given, refunds=refunds,
                addresses={"shipping": Address(city="Ghent"), "billing": Address()},
            )  # fmt: skip

    def plan_refund(self, order_id: str, wish: Wish) -> Plan:
        self.before("plan")
        standing = self.look(order_id)
        units = int(self.store.records["orders"][order_id]["units"])
        each = standing.total.amount / units
        given = sum((line.quantity for refund in standing.refunds for line in refund.lines), Decimal(0))
        left = units - int(given)
        wanted = left if wish.everything else sum(line.quantity for line in wish.lines)
        amount = standing.left if wish.everything else (each * wanted).quantize(Decimal("0.01"))
        amount = wish.amount if wish.amount is not None else amount
        refusals = []
        if amount > standing.left or wanted > left:
            refusals.append(Remark("too_much", f"Only {standing.left} EUR are left to refund."))
        line = PlannedLine(
            f"{order_id}-1", "Shirt", "SHIRT", wanted, left, amount if wanted else Decimal(0), Decimal(0)
        )
        return Plan(
            wish, standing, (line,), Decimal(0), Decimal(0), Decimal(0), amount,
            payments=(Payment("toypay", "Toy Pay", Money(amount, "EUR"), standing.left, not wish.by_hand),),
            refusals=tuple(refusals),
        )  # fmt: skip

    def compose_refund(self, plan: Plan, words: Words) -> str:
        units = sum(line.quantity for line in plan.lines)
        return json.dumps(
            {
                "amount": str(plan.amount),
                "reason": marked(words),
                "units": units,
                "pay": not plan.wish.by_hand,
            }
        )

    def send_refund(self, order_id: str, key: str, body: str) -> SeenRefund:
        self.before("send")
        with self._lock:
            self.sends.append((order_id, key))
            fate = self.script.pop(0) if self.script else "well"
            return self._meet(fate, order_id, key, body)

    def provinces(self, country: str) -> Mapping[str, str] | None:
        return None

    def compose_address(self, standing: Standing, kind: str, changes: Mapping[str, str]) -> str:
        return json.dumps([kind, dict(changes)])

    def address_remarks(
        self, standing: Standing, kind: str, changes: Mapping[str, str]
    ) -> tuple[Remark, ...]:
        return ()

    def send_address(self, order_id: str, body: str) -> None:
        raise NotImplementedError

    # -- what happens

    def _meet(self, fate: str, order_id: str, key: str, body: str) -> SeenRefund:
        if fate == "unsent":
            raise Retryable("connection refused", code="unsent")
        if fate == "no keys":
            raise AuthFailed("the keys are refused")
        if fate == "rejected":
            raise Rejected("Invalid refund amount.", code="invalid")
        if fate == "lost before":
            raise OutcomeUnknown("cut off")
        if fate == "late":
            self.arriving.append((order_id, body))
            raise OutcomeUnknown("no answer in time")
        if fate == "bug":
            raise ZeroDivisionError("a bug")
        made = self._once(order_id, key, body, fate)
        if fate in ("well", "pending", "failed"):
            return made
        if fate in ("declined", "fails after"):
            self.remove(order_id, made.id)
            raise OutcomeUnknown("the gateway declined, or something failed", answered=True)
        if fate == "dies":
            raise OutcomeUnknown("it broke down", answered=True)
        raise OutcomeUnknown("the answer was lost")  # lost after, half, half unpaid, declining

    def _once(self, order_id: str, key: str, body: str, fate: str) -> SeenRefund:
        if self.resends_within is not None:
            if self.bodies.setdefault(key, body) != body:
                raise OutcomeUnknown("the same key with another body")
            if key in self.answers:
                return self.answers[key]
        made = self._work(order_id, body, fate)
        self.answers[key] = made
        return made

    def _work(self, order_id: str, body: str, fate: str = "well") -> SeenRefund:
        said = json.loads(body)
        amount = Decimal(said["amount"])
        if amount > self.totals[order_id] - sum((one.amount for one in self.refunds[order_id]), Decimal(0)):
            raise Rejected("Invalid refund amount.", code="invalid")
        made = self._enter(order_id, amount, said["reason"], said["units"])
        if fate in ("half unpaid", "declining", "declined", "dies") or not said["pay"]:
            return made
        if fate in ("half", "fails after"):
            self.ledger.append(Paid(order_id, amount, made.reference))
            return made
        if fate == "pending":
            return self._change(order_id, made.id, money="pending")
        if fate == "failed":
            return self._change(order_id, made.id, money="failed", detail="insufficient funds")
        return self._pay(order_id, made)

    def finish(self, order_id: str, refund_id: str, *, paid: bool) -> None:
        """The gateway that was slow has ended."""
        with self._lock:
            (made,) = [one for one in self.refunds[order_id] if one.id == refund_id]
            if paid:
                self._pay(order_id, made)
            else:
                self._change(order_id, refund_id, money="failed")

    def _enter(self, order_id: str, amount: Decimal, reason: str, units: int = 0) -> SeenRefund:
        self._number += 1
        lines = (ReturnedLine(f"{order_id}-1", Decimal(units), amount, Decimal(0)),) if units else ()
        made = SeenRefund(
            str(self._number), amount, "EUR", "none", reference=reference_in(reason), words=reason,
            created_at=self.clock(), lines=lines,
        )  # fmt: skip
        self.refunds[order_id].append(made)
        self._show(order_id)
        return made

    def _pay(self, order_id: str, made: SeenRefund) -> SeenRefund:
        self.ledger.append(Paid(order_id, made.amount, made.reference))
        return self._change(order_id, made.id, money="moved", moved=made.amount)

    def _change(self, order_id: str, refund_id: str, **values: Any) -> SeenRefund:
        found = self.refunds[order_id]
        for at, one in enumerate(found):
            if one.id == refund_id:
                found[at] = replace(one, **values)
                self._show(order_id)
                return found[at]
        raise KeyError(refund_id)

    def _show(self, order_id: str) -> None:
        found = self.refunds[order_id]
        self.store.put(
            "orders",
            order_id,
            refunds={one.id: str(one.amount) for one in found},
            refunded_at={one.id: one.created_at for one in found},
        )
