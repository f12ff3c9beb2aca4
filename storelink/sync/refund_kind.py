"""Refunds as a kind of request: planned again before they are sent, and judged by what the order shows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from storelink.connectors.action import Actions, Money, SeenRefund, Standing, Words
from storelink.models.request import RefundRequest
from storelink.sync import over_refund
from storelink.sync.lane import Psycopg
from storelink.sync.plan_document import changes_since, plan_document, read_wish, seen_document
from storelink.sync.request import (
    Attention,
    Moment,
    NotYet,
    Prepared,
    Refused,
    Resend,
    Settled,
    Undone,
    Verdict,
    Wait,
)


class RefundKind:
    """See `request.Kind`."""

    name = "refund"
    table = "refund_request"
    done = "processed"

    def row(self, values: Mapping[str, Any]) -> RefundRequest:
        """See `request.Kind`."""
        return RefundRequest(**values)

    def prepare(self, actions: Actions, request: RefundRequest) -> Prepared:
        """See `request.Kind`. What would be given back must be what was shown, and be left."""
        plan = actions.plan_refund(request.order_id, read_wish(request.wish))
        if plan.refusals:
            raise Refused(" ".join(one.words for one in plan.refusals))
        changes = changes_since(request.plan or {}, plan_document(plan))
        if changes:
            raise Refused(
                f"The order is not as it was shown: {'; '.join(changes)}. Nothing was sent; preview it again."
            )
        if plan.amount != request.amount or plan.amount > plan.standing.left:
            raise Refused(f"Only {plan.standing.left} {request.currency} are left to refund.")
        assert request.reference is not None
        words = Words(request.reason or "", request.reference, request.notify)
        return Prepared(actions.compose_refund(plan, words))

    def send(self, actions: Actions, request: RefundRequest) -> Mapping[str, Any]:
        """See `request.Kind`."""
        assert request.body is not None
        key = str(request.send_key or request.id)
        found = actions.send_refund(request.order_id, key, request.body)
        return {"refund_id": found.id, "seen": {**seen_document(found), "answered": True}}

    def judge(self, request: RefundRequest, standing: Standing, moment: Moment) -> Verdict:
        """See `request.Kind`. A refund is ours by its mark, or by the id that the store answered."""
        ours = [
            refund
            for refund in standing.refunds
            if (refund.reference is not None and refund.reference == request.reference)
            or refund.id == request.refund_id
        ]
        if not ours:
            return _absent(request, moment)
        if len(ours) > 1:
            ids = ", ".join(refund.id for refund in ours)
            return Attention(
                f"The store has {len(ours)} refunds with the mark of this one ({ids}): the money may have"
                " moved more than once.",
                {"alarm": over_refund.TWIN},
            )
        return _present(request, ours[0], moment)

    def close(self, connection: Psycopg, request: RefundRequest) -> Mapping[str, Any]:
        """See `request.Kind`. The refund's row gets our request's id; too much of it raises the alarm."""
        tied = connection.execute(
            "UPDATE order_refund SET refund_request_id = %s WHERE connector_id = %s AND refund_id = %s",
            (request.id, request.connector_id, request.refund_id),
        ).rowcount
        if not tied and request.refund_id is not None:
            raise NotYet(f"The order was read again, and refund {request.refund_id} is not in it yet.")
        return over_refund.raise_alarm(connection, request)


REFUND = RefundKind()


def _present(request: RefundRequest, found: SeenRefund, moment: Moment) -> Verdict:
    """The order shows it: has the money moved?"""
    seen = _seen(request, found, moment.now)
    values = {"seen": seen, "refund_id": found.id}
    if found.money == "moved":
        return _moved(request, found, values)
    if found.money == "failed":
        if found.moved:
            return _partly(request, found, values)
        return Undone(f"The payment was declined{_said(found)}. No money moved.", values)
    if found.money == "pending":
        return _pending(request, found, values, moment)
    return _without_payment(request, values, moment)


def _pending(request: RefundRequest, found: SeenRefund, values: dict[str, Any], moment: Moment) -> Verdict:
    if _since(request, moment) > moment.rules.give_up:
        return Attention(f"The gateway has not said whether it paid{_said(found)}.", values)
    after = min(moment.rules.look * 2.0 ** min(request.misses, 20), moment.rules.hourly)
    return Wait(f"The gateway has not paid yet{_said(found)}.", values, after)


def _without_payment(request: RefundRequest, values: dict[str, Any], moment: Moment) -> Verdict:
    """The store says of no payment: as it should be, if none was asked for."""
    seen, rules = values["seen"], moment.rules
    if request.by_hand or request.amount == 0 or not _automatic(request):
        if moment.now - datetime.fromisoformat(seen["first_at"]) >= timedelta(seconds=rules.survive):
            return Settled(seen, {**values, "moved_amount": Decimal(0)})
        return Wait("The store has it; it is looked at once more.", values, rules.survive)
    if _since(request, moment) < timedelta(seconds=rules.survive if seen.get("done_with") else rules.grace):
        return Wait("The store has it and does not say that the gateway paid.", values)
    return Attention(
        "The store has the refund and never said that the gateway paid: it may or may not have. Look at"
        f" the gateway.{_answer(seen)}",
        values,
    )


def _moved(request: RefundRequest, found: SeenRefund, values: dict[str, Any]) -> Verdict:
    if found.moved != found.amount or not _as_planned(request, found):
        return _partly(request, found, values)
    if request.by_hand:
        return Attention("It was to be recorded only, and the gateway paid all the same.", values)
    return Settled(_response(found), {**values, "moved_amount": found.moved - _hand_part(request, found)})


def _hand_part(request: RefundRequest, found: SeenRefund) -> Decimal:
    """What of it goes back by hand, of an order that was paid in part so: no gateway moves that.

    Payments are in the currency that the customer paid in; the shop's share follows from theirs.
    """
    plan = request.plan or {}
    by_hand = [Decimal(one["amount"]) for one in plan.get("payments") or () if not one["automatic"]]
    shown = plan.get("presentment")
    if not by_hand or not shown:
        return sum(by_hand, Decimal(0))
    return (found.amount * sum(by_hand) / Decimal(shown["amount"])).quantize(found.amount)


def _as_planned(request: RefundRequest, found: SeenRefund) -> bool:
    """Whether it is the amount that was asked for, in either of the order's currencies."""
    shown = (request.plan or {}).get("presentment")
    if found.amount == request.amount or not shown:
        return found.amount == request.amount
    return found.presentment == Money(Decimal(shown["amount"]), shown["currency"])


def _automatic(request: RefundRequest) -> bool:
    """Whether a gateway was to move any of it."""
    payments = (request.plan or {}).get("payments")
    return not payments or any(one["automatic"] for one in payments)


def _partly(request: RefundRequest, found: SeenRefund, values: dict[str, Any]) -> Attention:
    words = (
        f"{request.amount} {request.currency} were to be refunded; the store has {found.amount}, and the"
        f" gateway moved {found.moved}{_said(found)}."
    )
    return Attention(words, {**values, "moved_amount": found.moved})


def _absent(request: RefundRequest, moment: Moment) -> Verdict:
    """The order does not show it."""
    seen = request.seen or {}
    since = _since(request, moment)
    if "id" in seen:
        return _vanished(request, seen, moment)
    if "refused" in seen:
        return Undone(f"The store refuses: {seen['refused']}")
    if moment.resends_within is not None and since < moment.resends_within:
        return Resend(
            "It was sent and not answered, and the order does not show it: the very same is sent again."
        )
    return _unanswered(seen, since, moment)


def _unanswered(seen: Mapping[str, Any], since: timedelta, moment: Moment) -> Verdict:
    """Nothing of it is there, and it must not be sent again."""
    if seen.get("done_with"):
        if since < timedelta(seconds=moment.rules.survive):
            return Wait("The store is done with it, and the order does not show it; it is looked for again.")
        return Attention(
            "The store has no refund for it: the gateway declined, or it paid and something failed after"
            f" that. Look at the gateway.{_answer(seen)}"
        )
    if since < timedelta(seconds=moment.rules.grace):
        return Wait("It was sent and not answered; the order does not show it yet.")
    return Attention(
        "It was sent and never answered, and the order does not show it. It may still come: look at the"
        " order and at the gateway before it is sent again (`refund retry`) or given up (`refund resolve`)."
    )


def _vanished(request: RefundRequest, seen: dict[str, Any], moment: Moment) -> Verdict:
    """It was there. A declined payment takes its refund away again, and so does whatever fails after the
    gateway paid, or a person: only where no gateway was asked is it certain that nothing moved."""
    gone = seen.get("gone_at")
    values = {"seen": {**seen, "gone_at": gone or moment.now.isoformat()}}
    if gone is None:
        return Wait(
            "The refund was there and is gone; it is looked for once more.", values, moment.rules.survive
        )
    if request.by_hand:
        return Undone("The store took the record back; no money was to move.", values)
    return Attention(
        f"The store had this refund ({seen['id']}) and has it no more: the gateway declined, or it paid and"
        f" the refund was deleted after that. Look at the gateway.{_answer(seen)}",
        values,
    )


def _answer(seen: Mapping[str, Any]) -> str:
    return f" The store said: {seen['said']}" if seen.get("said") else ""


def _seen(request: RefundRequest, found: SeenRefund, now: datetime) -> dict[str, Any]:
    before = request.seen or {}
    first = before.get("first_at") or now.isoformat()
    kept: dict[str, Any] = {name: before[name] for name in ("said", "done_with") if name in before}
    return {**kept, **seen_document(found), "first_at": first, "last_at": now.isoformat()}


def _since(request: RefundRequest, moment: Moment) -> timedelta:
    return moment.now - (request.sent_at or request.requested_at)


def _response(found: SeenRefund) -> dict[str, Any]:
    return {**seen_document(found), "detail": found.detail}


def _said(found: SeenRefund) -> str:
    return f" ({found.detail})" if found.detail else ""
