"""A toy store whose orders have addresses, with a script of what a change of one meets.

`post.letters` holds, for the sends to come, how each ends; empty means that all goes well.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from till import Till

from storelink.connectors.action import Address, Remark, Standing
from storelink.errors import AuthFailed, OutcomeUnknown, Rejected, Retryable

HANNA = Address(
    first_name="Hanna", last_name="Weiss", address1="Lindenweg 44", city="Berlin", postcode="10119",
    country="DE", phone="+49 30 5550 0142",
)  # fmt: skip


class Post(Till):
    """See `till.Till`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.letters: list[str] = []
        self.posted: list[tuple[str, str]] = []
        self.waiting: list[tuple[str, str]] = []
        self.addresses: dict[tuple[str, str], Address] = {}
        self.states: dict[str, frozenset[str]] = {}

    # -- the shop's side

    def sell(self, order_id: str, total: str = "30.00", units: int = 3, **more: Any) -> None:
        super().sell(order_id, total, units, **more)
        for kind in ("shipping", "billing"):
            self.addresses[order_id, kind] = HANNA

    def edit(self, order_id: str, kind: str = "shipping", **fields: str) -> None:
        """Somebody changes the address in the store's admin."""
        self.addresses[order_id, kind] = replace(self.addresses[order_id, kind], **fields)
        self.touch(order_id)

    def touch(self, order_id: str) -> None:
        """Something of the order changes: its version moves."""
        self.store.pass_time(1)
        self.store.put("orders", order_id)

    def deliver(self) -> None:
        """What was held up in front of the store is worked now."""
        late, self.waiting = self.waiting, []
        for order_id, body in late:
            self._write(order_id, body)

    # -- the seam

    def look(self, order_id: str) -> Standing:
        standing = super().look(order_id)
        kept = {kind: held for (order, kind), held in self.addresses.items() if order == order_id}
        return replace(standing, addresses=kept, states=self.states.get(order_id, frozenset()))

    def address_remarks(
        self, standing: Standing, kind: str, changes: Mapping[str, str]
    ) -> tuple[Remark, ...]:
        return (Remark("recalculates", "The till counts anew."),)

    def compose_address(self, standing: Standing, kind: str, changes: Mapping[str, str]) -> str:
        return json.dumps([kind, dict(changes)])

    def send_address(self, order_id: str, body: str) -> None:
        self.before("send")
        self.posted.append((order_id, body))
        fate = self.letters.pop(0) if self.letters else "well"
        if fate == "unsent":
            raise Retryable("connection refused", code="unsent")
        if fate == "no keys":
            raise AuthFailed("the keys are refused")
        if fate == "rejected":
            raise Rejected("Enter a last name", code="invalid")
        if fate == "lost before":
            raise OutcomeUnknown("cut off")
        if fate == "late":
            self.waiting.append((order_id, body))
            raise OutcomeUnknown("no answer in time")
        self._write(order_id, body, fate)
        if fate == "lost after":
            raise OutcomeUnknown("the answer was lost")

    def _write(self, order_id: str, body: str, fate: str = "well") -> None:
        kind, changes = json.loads(body)
        if fate == "ignored":
            return
        if fate == "other":
            changes = {name: f"{value} (checked)" for name, value in changes.items()}
        if fate == "loud":
            changes = {name: value.upper() for name, value in changes.items()}
        if fate == "dearer":
            self.totals[order_id] += Decimal("1.26")
        self.edit(order_id, kind, **changes)

    def held(self, order_id: str = "1", kind: str = "shipping") -> dict[str, str]:
        return asdict(self.addresses[order_id, kind])
