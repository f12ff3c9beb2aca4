"""What a person decides about a refund that was requested: approved, tried again, settled by hand."""

import secrets
import uuid
from decimal import Decimal

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storelink.errors import Misconfigured
from storelink.models import RefundRequest
from storelink.sync.limit import Asker, Limits
from storelink.sync.refund import Enqueue, due, now, record, usable
from storelink.sync.request import APPROVAL, ATTENTION, FAILED, REQUESTED, SETTLED, UNKNOWN, Refused


def approve(
    session: Session, request_id: uuid.UUID, *, asker: Asker, limits: Limits, enqueue: Enqueue
) -> RefundRequest:
    """A second person agrees; the caller commits. Raises `Refused` for the first one."""
    request = locked(session, request_id)
    if request.stage != APPROVAL:
        raise Misconfigured(f"Request {request_id} does not wait for approval: it is {request.stage}.")
    if asker.name == request.requested_by:
        raise Refused("Whoever asked for a refund cannot approve it too.")
    assert request.amount is not None
    assert request.currency is not None
    limits.check_one(asker, request.amount, request.currency)
    request.stage, request.approved_by, request.approved_at = REQUESTED, asker.name, now(session)
    due(session, request)
    record(session, request, "approved", asker)
    enqueue(session, request.connector_id, request.order_id)
    return request


def retry(
    session: Session, request_id: uuid.UUID, preview_id: uuid.UUID | None, *, asker: Asker, enqueue: Enqueue
) -> RefundRequest:
    """Send again what needs a person, or look at once at what waits; the caller commits.

    What is sent again goes out under a mark and a key of its own, as `preview_id`, made just now for the
    same wish, shows it. Should the first send be worked after all, there are two refunds of one amount:
    the alarm says so.
    """
    request = locked(session, request_id)
    if request.stage == ATTENTION:
        _send_again(session, request, preview_id, asker)
    elif request.stage in (REQUESTED, UNKNOWN):
        record(session, request, "hurried", asker)
    else:
        raise Misconfigured(f"Request {request_id} is {request.stage}: there is nothing to try again.")
    due(session, request)
    enqueue(session, request.connector_id, request.order_id)
    return request


def _send_again(session: Session, request: RefundRequest, preview_id: uuid.UUID | None, asker: Asker) -> None:
    if preview_id is None:
        raise Misconfigured("What is sent again has to be previewed first.")
    shown = usable(session, preview_id)
    if (shown.connector_id, shown.order_id, shown.wish) != (
        request.connector_id, request.order_id, request.wish,
    ):  # fmt: skip
        raise Misconfigured("This preview is of something else.")
    if shown.shown["refusals"]:
        raise Refused(" ".join(one["words"] for one in shown.shown["refusals"]))
    if Decimal(shown.shown["amount"]) != request.amount:
        raise Refused(
            f"It would give back {shown.shown['amount']} now, not {request.amount}. Resolve this request, and"
            " make another."
        )
    record(session, request, "retried", asker, reference=request.reference)
    request.stage, request.plan, request.reference = REQUESTED, shown.shown, secrets.token_hex(5).upper()
    request.send_key, request.sent_at, request.body, request.seen = uuid.uuid4(), None, None, None
    request.refund_id, request.error = None, None
    shown.used_by = request.id
    session.add_all([request, shown])
    session.flush()


def resolve(
    session: Session,
    request_id: uuid.UUID,
    *,
    moved: bool | None,
    why: str,
    asker: Asker,
    enqueue: Enqueue,
    refund_id: str | None = None,
) -> RefundRequest:
    """A person who has looked says what is so; the caller commits.

    What needs attention: whether the money `moved`. What has not been sent: `moved` false withdraws it.
    What raised an alarm: that it was seen to (`moved` None).
    """
    request = locked(session, request_id)
    if not why.strip():
        raise Misconfigured("Say why (--why): it is kept with the request.")
    alarmed = request.alarm is not None and request.alarm_over_at is None
    if request.stage == ATTENTION and moved is not None:
        _settle_by_hand(session, request, moved, why, asker, refund_id)
    elif request.stage in (REQUESTED, APPROVAL) and moved is False:
        _end(session, request, FAILED, f"Withdrawn by {asker.name}: {why}")
    elif not (request.stage == SETTLED and alarmed and moved is None):
        raise Misconfigured(_unresolvable(request, moved))
    if alarmed:
        request.alarm_over_at = now(session)
    record(session, request, "resolved", asker, moved=moved, alarm=request.alarm)
    session.add(request)
    session.flush()
    session.exec(
        update(RefundRequest)
        .where(
            col(RefundRequest.connector_id) == request.connector_id,
            col(RefundRequest.order_id) == request.order_id,
            col(RefundRequest.stage) == REQUESTED,
        )
        .values(next_try_at=func.clock_timestamp())
    )
    enqueue(session, request.connector_id, request.order_id)
    return request


def _settle_by_hand(
    session: Session, request: RefundRequest, moved: bool, why: str, asker: Asker, refund_id: str | None
) -> None:
    if not moved:
        _end(session, request, FAILED, f"Not done, says {asker.name}: {why}")
        return
    request.refund_id = refund_id or request.refund_id
    request.moved_amount = request.amount
    request.response = {"resolved_by": asker.name, "why": why}
    _end(session, request, SETTLED, None)
    due(session, request)


def _end(session: Session, request: RefundRequest, stage: str, words: str | None) -> None:
    request.stage, request.status = stage, "processed" if stage == SETTLED else FAILED
    request.settled_at, request.next_try_at, request.error = now(session), None, words
    session.add(request)
    session.flush()


def _unresolvable(request: RefundRequest, moved: bool | None) -> str:
    if request.stage == ATTENTION:
        return "Say what is so: --moved or --not-moved."
    if request.stage in (REQUESTED, APPROVAL):
        return "It was not sent: only --not-moved is true of it, and withdraws it."
    if moved is not None or request.stage == FAILED:
        return f"Request {request.id} is {request.stage}; nothing is to be resolved."
    return f"Request {request.id} is {request.stage}: storelink is still looking what became of it."


def locked(session: Session, request_id: uuid.UUID) -> RefundRequest:
    """The request, its row ours until the transaction ends."""
    query = select(RefundRequest).where(RefundRequest.id == request_id).with_for_update()
    row = session.exec(query.execution_options(populate_existing=True)).first()
    if row is None:
        raise Misconfigured(f"There is no refund request {request_id}.")
    return row
