"""Changes of an address as a kind of request: looked at again before they are sent, and judged by the order.

Neither platform has compare-and-set. So the order is read immediately before the write, and one that
changed since it was shown is left alone; what is read afterwards says what became of it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from storelink.connectors.action import Actions, Address, Standing
from storelink.models.request import AddressUpdateRequest
from storelink.sync.address_plan import changes_since
from storelink.sync.lane import Psycopg
from storelink.sync.postal import LABELS, differences
from storelink.sync.request import (
    Attention,
    Moment,
    Prepared,
    Refused,
    Resend,
    Settled,
    Undone,
    Verdict,
    Wait,
)

SENDS = 2
"""How often the same change is sent in all, where nobody answers and nothing happens."""


class AddressKind:
    """See `request.Kind`."""

    name = "address"
    table = "address_update_request"
    done = "updated"

    def row(self, values: Mapping[str, Any]) -> AddressUpdateRequest:
        """See `request.Kind`."""
        return AddressUpdateRequest(**values)

    def prepare(self, actions: Actions, request: AddressUpdateRequest) -> Prepared:
        """See `request.Kind`. The order must be as it was shown: what forbids it was seen then."""
        standing = actions.look(request.order_id)
        plan = request.plan or {}
        if changes := changes_since(plan, standing):
            raise Refused(
                f"The order changed in the store since it was shown: {'; '.join(changes)}."
                " Nothing was sent; preview it again."
            )
        old = standing.addresses.get(request.kind, Address())
        values = {
            "old_address": asdict(old),
            "total_before": standing.total.amount,
            "currency": standing.total.currency,
        }
        return Prepared(actions.compose_address(standing, request.kind, plan["changes"]), values)

    def send(self, actions: Actions, request: AddressUpdateRequest) -> Mapping[str, Any]:
        """See `request.Kind`."""
        assert request.body is not None
        actions.send_address(request.order_id, request.body)
        return {}

    def judge(self, request: AddressUpdateRequest, standing: Standing, moment: Moment) -> Verdict:
        """See `request.Kind`. Equal is done, however the store writes it; the old one may be sent again."""
        if request.kind not in standing.addresses:
            return Attention("It was sent, and the store does not show the address: look there.")
        proof = _Proof(request, standing)
        values = {"total_after": standing.total.amount, "seen": proof.document}
        if proof.untouched:
            return _untouched(request, values, moment)
        if not proof.unequal:
            return Settled(proof.document, values)
        if proof.still_old:
            words = (
                "The store has the old address still, and the order was changed meanwhile: somebody else is"
                " at it, or put the old address back. Look at the order."
            )
            return Attention(words, values)
        return Attention(f"The store has something else than was asked for: {proof.words}.", values)

    def close(self, connection: Psycopg, request: AddressUpdateRequest) -> Mapping[str, Any]:  # noqa: ARG002
        """See `request.Kind`. Our tables have what they have by reading the order again."""
        return {}


ADDRESS = AddressKind()


class _Proof:
    """What was asked for beside what the store has, field by field."""

    def __init__(self, request: AddressUpdateRequest, standing: Standing) -> None:
        old, new = Address(**(request.old_address or {})), Address(**(request.new_address or {}))
        found = standing.addresses[request.kind]
        changed = (request.plan or {})["changes"]
        unequal, otherwise = differences(new, found)
        self.unequal = {name: pair for name, pair in unequal.items() if name in changed}
        # where only capitals change, old and new are the same however one reads: then the version tells
        self.still_old = all(getattr(found, name) == getattr(old, name) for name in changed)
        version = standing.version.isoformat() if standing.version else None
        self.untouched = self.still_old and version is not None and version == (request.plan or {})["version"]
        before, after = (request.plan or {})["total"], standing.total.amount
        self.document = {
            "fields": [
                {"field": name, "before": getattr(old, name), "asked": getattr(new, name),
                 "found": getattr(found, name), "equal": name not in unequal,
                 "written_otherwise": name in otherwise}
                for name in changed
            ],
            "besides": {name: {"expected": pair[0], "found": pair[1]} for name, pair in unequal.items()
                        if name not in changed},
            "total_before": before,
            "total_after": str(after),
            "currency": standing.total.currency,
            "version": version,
        }  # fmt: skip

    @property
    def words(self) -> str:
        """`its city is “Wein” instead of “Wien”`."""
        return "; ".join(
            f"its {LABELS[name]} is {_quoted(found)} instead of {_quoted(asked)}"
            for name, (asked, found) in self.unequal.items()
        )


def _untouched(request: AddressUpdateRequest, values: dict[str, Any], moment: Moment) -> Verdict:
    """Nothing happened to the order. The same again does no harm, but not for ever."""
    refused = (request.seen or {}).get("refused")
    if refused is not None:
        values = {**values, "seen": {**values["seen"], "refused": refused}}
    elif request.attempts < SENDS:
        words = "It was sent, and the order is as it was before: the very same is sent once more."
        return Resend(words, values)
    if moment.now - (request.sent_at or request.requested_at) < timedelta(seconds=moment.rules.grace):
        return Wait("It was sent, and the order is as it was before; it is looked at again.", values)
    if refused is not None:
        return Undone(f"The store refuses: {refused}", values)
    words = (
        f"It was sent {'twice' if request.attempts > 1 else 'once'} and never took: the order is as it was"
        " before. It may still come; look at the order before it is tried again."
    )
    return Attention(words, values)


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "empty"
