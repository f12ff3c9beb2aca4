"""Changes of address as people ask for them: previewed, requested, put back, settled by hand.

Here is decided what may be done, and it is written down; `carry.py` does it. A caller's transaction
holds all of one deed, with its row of the audit and its job.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storelink.connectors.action import Address
from storelink.db import Database
from storelink.errors import Misconfigured, NeedsDecision
from storelink.models import ActionPreview, ConnectorConfig
from storelink.models.request import LIVE, AddressUpdateRequest, RefundRequest
from storelink.sync import audit
from storelink.sync.act import demand_actions, named
from storelink.sync.address_plan import AddressPlan, digest, plan_address, plan_document
from storelink.sync.limit import Asker, order_turn
from storelink.sync.refund import KEY_MOST, SAME_WITHIN, Enqueue, now, usable
from storelink.sync.request import ATTENTION, FAILED, REQUESTED, SETTLED, Refused
from storelink.sync.subject import Subject

KINDS = ("shipping", "billing")
_PUT_BACK = "put_back"
"""In a wish: the request whose old address is wished for."""


def restore_wish(request: AddressUpdateRequest) -> dict[str, Any]:
    """The wish of putting back what was there before a request."""
    return {_PUT_BACK: str(request.id)}


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan that was written down, so that a request can be made of it. `document` is what is shown."""

    id: uuid.UUID
    plan: AddressPlan
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Particulars:
    """How it is meant. `again`: an equal change was asked for lately, and this one is meant all the same."""

    force: bool = False
    again: bool = False
    note: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A request; `new` is false where the caller's key had made it already."""

    request: AddressUpdateRequest
    new: bool


def preview(
    database: Database, subject: Subject, order_id: str, kind: str, wish: Mapping[str, object], asker: Asker
) -> Preview:
    """See what `wish` (field → text) would do to the order's address now, and write that down.

    What cannot be is a plan with problems or refusals, not an error. Raises what reading raises.
    """
    with named(order_id):
        plan = plan_address(demand_actions(subject), order_id, kind, wish)
    return _keep(database, subject, plan, dict(wish), asker)


def preview_restore(
    database: Database, subject: Subject, request: AddressUpdateRequest, asker: Asker
) -> Preview:
    """The same for putting back what was there before a request. Raises `Refused` if nothing was kept."""
    if request.old_address is None:
        raise Refused(f"Request {request.id} was never sent, so nothing is to be put back.")
    old = Address(**request.old_address)
    with named(request.order_id):
        plan = plan_address(demand_actions(subject), request.order_id, request.kind, {}, old=old)
    return _keep(database, subject, plan, restore_wish(request), asker)


def _keep(
    database: Database, subject: Subject, plan: AddressPlan, wish: dict[str, Any], asker: Asker
) -> Preview:
    document = plan_document(plan)
    with database.session() as session:
        document["refusals"] += _under_way(session, subject.id, plan.standing.order_id)
        row = ActionPreview(
            connector_id=subject.id, order_id=plan.standing.order_id, kind=plan.kind, wish=wish,
            shown=document, digest=digest(document), made_by=asker.name,
        )  # fmt: skip
        session.add(row)
        session.commit()
    return Preview(row.id, plan, document)


def _under_way(session: Session, connector_id: uuid.UUID, order_id: str) -> list[dict[str, Any]]:
    """What is not yet over for the order: until it is, nobody knows how the order stands.

    A refund that waits for a second person may wait for days, and holds nothing up.
    """
    found = []
    for model, what in ((RefundRequest, "refund"), (AddressUpdateRequest, "change of address")):
        query = select(model.id, model.stage).where(
            model.connector_id == connector_id, model.order_id == order_id, model.status == "pending"
        )
        for number, stage in session.exec(query).all():
            word = "needs a person" if stage == ATTENTION else "is not settled yet"
            live = stage in (*LIVE, REQUESTED) or model is AddressUpdateRequest
            if live:
                words = (
                    f"A {what} of this order {word} ({str(number)[:8]}): wait for it, or resolve it first."
                )
                found.append({"code": "under_way", "words": words, "forceable": False})
    return found


# -- making a request --------------------------------------------------------------------------------


def create(
    session: Session, preview_id: uuid.UUID, particulars: Particulars, *, asker: Asker, enqueue: Enqueue
) -> Created:
    """Make a request of a preview; the caller commits.

    Raises `Refused` for what must not be, `NeedsDecision` for what has to be meant, `Misconfigured` for
    a preview that is unknown, too old or used.
    """
    shown = session.get(ActionPreview, preview_id)
    if shown is None or shown.kind not in KINDS:
        raise Misconfigured(f"There is no preview {preview_id} of a change of address.")
    if particulars.idempotency_key is not None:  # before the order, as refunds do: neither waits for ever
        earlier = of_key(session, shown.connector_id, particulars.idempotency_key)
        if earlier is not None:
            demand_same(earlier, shown.order_id, shown.kind, shown.wish)
            return Created(earlier, new=False)
    order_turn(session, shown.connector_id, shown.order_id)
    shown = usable(session, preview_id)
    store = session.get(ConnectorConfig, shown.connector_id)
    if store is None or store.status == "uninstalled":
        raise Misconfigured("The store was removed.")
    _check(session, shown, particulars)
    request = AddressUpdateRequest(
        connector_id=shown.connector_id, order_id=shown.order_id, platform=store.platform, status="pending",
        stage=REQUESTED, kind=shown.kind, wish=shown.wish, plan=shown.shown, note=particulars.note,
        requested_by=asker.name, requested_role=asker.role, force=particulars.force,
        idempotency_key=particulars.idempotency_key, new_address=shown.shown["new"],
        total_before=None, currency=shown.shown["currency"], next_try_at=now(session),
    )  # fmt: skip
    session.add(request)
    session.flush()
    shown.used_by = request.id
    session.add(shown)
    _record(
        session, request, REQUESTED, asker, address=request.kind, fields=sorted(shown.shown["changes"]),
        force=particulars.force,
    )  # fmt: skip
    enqueue(session, request.connector_id, request.order_id)
    session.refresh(request)
    return Created(request, new=True)


def check(session: Session, preview_id: uuid.UUID, particulars: Particulars) -> None:
    """Raises as `create` does where the preview may not become a request: to be known before one asks."""
    _check(session, usable(session, preview_id), particulars)


def _check(session: Session, shown: ActionPreview, particulars: Particulars) -> None:
    plan = shown.shown
    if plan["problems"]:
        raise Misconfigured(" ".join(f"{one['words']}." for one in plan["problems"]))
    against = [one for one in plan["refusals"] if not (particulars.force and one["forceable"])]
    against += [one for one in _under_way(session, shown.connector_id, shown.order_id) if one not in against]
    if against:
        hint = " With --force it is done all the same." if all(one["forceable"] for one in against) else ""
        raise Refused(" ".join(one["words"] for one in against) + hint)
    if not particulars.again:
        _demand_new(session, shown)


def _demand_new(session: Session, shown: ActionPreview) -> None:
    """Raises `NeedsDecision` where the same was asked for within a day."""
    query = select(AddressUpdateRequest).where(
        AddressUpdateRequest.connector_id == shown.connector_id,
        AddressUpdateRequest.order_id == shown.order_id,
        AddressUpdateRequest.kind == shown.kind,
        AddressUpdateRequest.status != FAILED,
        col(AddressUpdateRequest.requested_at) > now(session) - SAME_WITHIN,
    )
    for one in session.exec(query.execution_options(populate_existing=True)).all():
        if one.new_address == shown.shown["new"]:
            raise NeedsDecision(
                f"The same change of this order's address was asked for within a day: {one.id}, by"
                f" {one.requested_by}. The store has another one now, so somebody changed it since. If it is"
                " meant, say so (--again)."
            )


def of_key(session: Session, connector_id: uuid.UUID, key: str) -> AddressUpdateRequest | None:
    """The request that this key has made. Nobody else makes one with it until the transaction ends."""
    if not key.strip() or len(key) > KEY_MOST:
        raise Misconfigured(f"An idempotency key has 1 to {KEY_MOST} characters.")
    turn = f"key/{connector_id}/{key}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(turn, 0))))
    return session.exec(
        select(AddressUpdateRequest).where(
            AddressUpdateRequest.connector_id == connector_id, AddressUpdateRequest.idempotency_key == key
        )
    ).first()


def demand_same(earlier: AddressUpdateRequest, order_id: str, kind: str, wish: Mapping[str, Any]) -> None:
    """Raises `Misconfigured` where a key's request was for something else."""
    if (earlier.order_id, earlier.kind, earlier.wish) != (order_id, kind, wish):
        raise Misconfigured(f"This idempotency key belongs to another request, {earlier.id}.")


# -- what a person decides afterwards ----------------------------------------------------------------


def resolve(
    session: Session, request_id: uuid.UUID, *, updated: bool, why: str, asker: Asker, enqueue: Enqueue
) -> AddressUpdateRequest:
    """A person who has looked at the store says whether the address is as it should be; the caller commits.

    What was not sent yet is withdrawn by `updated` false. Raises `Misconfigured` for one that is over, or
    that storelink still looks for.
    """
    query = select(AddressUpdateRequest).where(AddressUpdateRequest.id == request_id).with_for_update()
    request = session.exec(query.execution_options(populate_existing=True)).one()
    if not why.strip():
        raise Misconfigured("Say why (--why): it is kept with the request.")
    if request.stage == ATTENTION and updated:
        request.response = {**(request.seen or {}), "resolved_by": asker.name, "why": why}
        _end(session, request, SETTLED, None)
    elif request.stage == ATTENTION or (request.stage == REQUESTED and not updated):
        word = "Withdrawn by" if request.stage == REQUESTED else "Not done, says"
        _end(session, request, FAILED, f"{word} {asker.name}: {why}")
    else:
        raise Misconfigured(f"Request {request.id} is {request.stage}: there is nothing to resolve.")
    _record(session, request, "resolved", asker, updated=updated)
    for model in (RefundRequest, AddressUpdateRequest):
        session.exec(
            update(model)
            .where(
                col(model.connector_id) == request.connector_id,
                col(model.order_id) == request.order_id,
                col(model.stage) == REQUESTED,
            )
            .values(next_try_at=func.clock_timestamp())
        )
    enqueue(session, request.connector_id, request.order_id)
    return request


def _end(session: Session, request: AddressUpdateRequest, stage: str, words: str | None) -> None:
    request.stage, request.status = stage, "updated" if stage == SETTLED else FAILED
    request.settled_at, request.error = now(session), words
    request.next_try_at = now(session) if stage == SETTLED else None  # the order is read once more
    session.add(request)
    session.flush()


def _record(session: Session, request: AddressUpdateRequest, deed: str, asker: Asker, **detail: Any) -> None:
    """A row of the audit: the order and the names of fields, never what is in them."""
    audit.record(
        session, f"address.{deed}", actor=asker.name, connector_id=request.connector_id,
        subject=str(request.id), order=request.order_id, **detail,
    )  # fmt: skip
