"""Refunds as people ask for them: previewed, requested, approved, tried again, settled by hand.

Here is decided what may be done, and it is written down; `carry.py` does it. A caller's transaction
holds all of one deed, with its row of the audit and its job, so that none is there without the others.
"""

import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, select

from storelink.connectors.action import Plan, Wish
from storelink.db import Database
from storelink.errors import Misconfigured, NeedsDecision
from storelink.models import ActionPreview, ConnectorConfig, RefundRequest
from storelink.sync import audit
from storelink.sync.act import demand_actions, named
from storelink.sync.limit import Asker, Limits, order_turn
from storelink.sync.plan_document import digest, plan_document, wish_document
from storelink.sync.request import APPROVAL, REQUESTED, Refused
from storelink.sync.subject import Subject

PREVIEW_LASTS = timedelta(minutes=30)
SAME_WITHIN = timedelta(days=1)
"""An equal request within this time has to be meant (`again`)."""
KEY_MOST = 200
REASON_MOST = 200
"""Characters of public words."""

Enqueue = Callable[[Session, uuid.UUID, str], None]
"""Has a worker see to an order, in the transaction of the session."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan that was written down, so that a request can be made of it."""

    id: uuid.UUID
    plan: Plan
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Particulars:
    """What is said with a refund beside how much. `reason` may be read by the customer, `note` not."""

    reason: str = ""
    note: str | None = None
    notify: bool = False
    again: bool = False
    """An equal one was asked for lately, and this one is meant all the same."""
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A request; `new` is false where the caller's key had made it already."""

    request: RefundRequest
    new: bool


def preview(database: Database, subject: Subject, order_id: str, wish: Wish, asker: Asker) -> Preview:
    """Ask the store what `wish` would give back, and write that down. Raises what reading raises."""
    actions = demand_actions(subject)
    with database.session() as session:
        under_way = session.exec(
            select(RefundRequest.reference).where(
                RefundRequest.connector_id == subject.id,
                RefundRequest.order_id == order_id,
                RefundRequest.status == "pending",
            )
        ).all()
    with named(order_id):
        plan = actions.plan_refund(order_id, wish)
    document = plan_document(plan, [mark for mark in under_way if mark])
    row = ActionPreview(
        connector_id=subject.id, order_id=order_id, kind="refund", wish=wish_document(wish), shown=document,
        digest=digest(document), made_by=asker.name,
    )  # fmt: skip
    with database.session() as session:
        session.add(row)
        session.commit()
    return Preview(row.id, plan, document)


# -- making a request --------------------------------------------------------------------------------


def create(
    session: Session,
    preview_id: uuid.UUID,
    particulars: Particulars,
    *,
    asker: Asker,
    limits: Limits,
    enqueue: Enqueue,
) -> Created:
    """Make a request of a preview; the caller commits.

    Raises `Refused` for what must not be, `NeedsDecision` for what has to be meant, `Misconfigured` for
    a preview that is unknown, too old or used.
    """
    shown = session.get(ActionPreview, preview_id)
    if shown is None or shown.kind != "refund":
        raise Misconfigured(f"There is no preview {preview_id} of a refund.")
    if particulars.idempotency_key is not None:
        earlier = of_key(session, shown.connector_id, particulars.idempotency_key)
        if earlier is not None:
            _demand_same(earlier, shown)
            return Created(earlier, new=False)
    order_turn(session, shown.connector_id, shown.order_id)
    shown = usable(session, preview_id)
    store = session.get(ConnectorConfig, shown.connector_id)
    if store is None or store.status == "uninstalled":
        raise Misconfigured("The store was removed.")
    _check(session, shown, particulars, asker, limits)
    amount = Decimal(shown.shown["amount"])
    stage = APPROVAL if limits.needs_approval(amount) else REQUESTED
    request = _request(shown, store, particulars, asker, stage)
    session.add(request)
    session.flush()
    if stage == REQUESTED:
        due(session, request)
    shown.used_by = request.id
    session.add(shown)
    record(session, request, stage, asker, amount=str(amount), currency=request.currency)
    if stage == REQUESTED:
        enqueue(session, request.connector_id, request.order_id)
    session.refresh(request)
    return Created(request, new=True)


def check(
    session: Session, preview_id: uuid.UUID, particulars: Particulars, *, asker: Asker, limits: Limits
) -> None:
    """Raises as `create` does where the preview may not become a request: to be known before one asks."""
    _check(session, usable(session, preview_id), particulars, asker, limits)


def of_key(session: Session, connector_id: uuid.UUID, key: str) -> RefundRequest | None:
    """The request that this key has made. Nobody else makes one with it until the transaction ends."""
    if not key.strip() or len(key) > KEY_MOST:
        raise Misconfigured(f"An idempotency key has 1 to {KEY_MOST} characters.")
    turn = f"key/{connector_id}/{key}"
    session.scalar(select(func.pg_advisory_xact_lock(func.hashtextextended(turn, 0))))
    return session.exec(
        select(RefundRequest).where(
            RefundRequest.connector_id == connector_id, RefundRequest.idempotency_key == key
        )
    ).first()


def _demand_same(earlier: RefundRequest, shown: ActionPreview) -> None:
    if (earlier.order_id, earlier.wish) != (shown.order_id, shown.wish):
        raise Misconfigured(f"This idempotency key belongs to another request, {earlier.id}.")


def usable(session: Session, preview_id: uuid.UUID) -> ActionPreview:
    """The preview, ours alone until the transaction ends."""
    query = select(ActionPreview).where(ActionPreview.id == preview_id).with_for_update()
    shown = session.exec(query.execution_options(populate_existing=True)).one()
    if shown.used_by is not None:
        raise Misconfigured(f"This preview has been used, by request {shown.used_by}. Preview it again.")
    if now(session) - shown.made_at > PREVIEW_LASTS:
        raise Misconfigured("This preview is more than half an hour old. Preview it again.")
    return shown


def _check(
    session: Session, shown: ActionPreview, particulars: Particulars, asker: Asker, limits: Limits
) -> None:
    plan = shown.shown
    amount, currency = Decimal(plan["amount"]), plan["currency"]
    if plan["refusals"]:
        raise Refused(" ".join(one["words"] for one in plan["refusals"]))
    units = any(line["quantity"] for line in plan["lines"])
    if amount < 0 or (amount == 0 and not units):
        raise Refused("There is nothing to refund.")
    if len(particulars.reason) > REASON_MOST or not particulars.reason.isprintable():
        raise Misconfigured(f"A reason is one line of at most {REASON_MOST} characters.")
    others = _others(session, shown)
    if any(one.requested_at > shown.made_at and one.status != "failed" for one in others):
        raise Refused("Another refund of this order was asked for since the preview. Preview it again.")
    visible = {one["reference"] for one in plan["refunds"]}
    waiting = sum(
        (one.amount or Decimal(0))
        for one in others
        if one.status == "pending" and one.reference not in visible
    )
    if amount + waiting > Decimal(plan["left"]):
        words = f" beside the {waiting} that are under way" if waiting else ""
        raise Refused(f"Only {plan['left']} {currency} are left to refund{words}.")
    if not particulars.again:
        _demand_new(session, shown, others)
    limits.check_one(asker, amount, currency)
    limits.check_day(session, asker, amount, currency)


def _others(session: Session, shown: ActionPreview) -> Sequence[RefundRequest]:
    query = select(RefundRequest).where(
        RefundRequest.connector_id == shown.connector_id, RefundRequest.order_id == shown.order_id
    )
    return session.exec(query.execution_options(populate_existing=True)).all()


def _demand_new(session: Session, shown: ActionPreview, others: Sequence[RefundRequest]) -> None:
    """Raises `NeedsDecision` where the same was asked for within a day."""
    since = now(session) - SAME_WITHIN
    lines = _units(shown.shown["lines"])
    for one in others:
        same = one.amount == Decimal(shown.shown["amount"]) and _units(one.lines) == lines
        if same and one.status != "failed" and one.requested_at > since:
            raise NeedsDecision(
                f"The same refund of this order was asked for within a day: {one.id}, by {one.requested_by}. "
                "If one more is meant, say so (--again)."
            )


def _units(lines: Sequence[dict[str, Any]]) -> list[tuple[str, int]]:
    return sorted((line["item_id"], line["quantity"]) for line in lines if line["quantity"])


def _request(
    shown: ActionPreview, store: ConnectorConfig, particulars: Particulars, asker: Asker, stage: str
) -> RefundRequest:
    plan = shown.shown
    return RefundRequest(
        connector_id=shown.connector_id, order_id=shown.order_id, platform=store.platform, status="pending",
        stage=stage, wish=shown.wish, plan=plan, reference=secrets.token_hex(5).upper(),
        note=particulars.note, requested_by=asker.name, requested_role=asker.role,
        idempotency_key=particulars.idempotency_key, amount=Decimal(plan["amount"]),
        shipping_amount=Decimal(plan["shipping"]) + Decimal(plan["shipping_tax"]), currency=plan["currency"],
        lines=[
            {name: line[name] for name in ("item_id", "title", "sku", "quantity", "amount", "tax")}
            for line in plan["lines"] if line["quantity"]
        ],
        reason=particulars.reason or None, restock=bool(shown.wish["restock"]), notify=particulars.notify,
        by_hand=bool(shown.wish["by_hand"]),
    )  # fmt: skip


# -- shared with `refund_decision` -------------------------------------------------------------------


def now(session: Session) -> datetime:
    """The database's clock."""
    found: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return found


def due(session: Session, request: RefundRequest) -> None:
    """Something is to be done for it at once."""
    request.next_try_at, request.misses = now(session), 0
    session.add(request)
    session.flush()


def record(session: Session, request: RefundRequest, deed: str, asker: Asker, **detail: Any) -> None:
    """A row of the audit: the order, and never anything personal."""
    audit.record(
        session, f"refund.{deed}", actor=asker.name, connector_id=request.connector_id,
        subject=str(request.id), order=request.order_id, **detail,
    )  # fmt: skip
