"""A refund from the page of an order: chosen, previewed by the store, confirmed once."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from storelink.access.role import Caller
from storelink.errors import Misconfigured, NeedsDecision, StorelinkError
from storelink.models import ActionPreview, ConnectorConfig, OrderItem, RefundRequest
from storelink.scheduler.acting import enqueue_order
from storelink.sync import refund
from storelink.sync.limit import Asker, limits_of
from storelink.sync.opening import open_subject
from storelink.sync.order_story import Told
from storelink.sync.plan_document import wish_document
from storelink.sync.request import Refused
from storelink.web.api.caller import store_for
from storelink.web.api.problem import Problem, problem_of
from storelink.web.console import refund_form
from storelink.web.console.opened import read_order, title_of
from storelink.web.console.orders import face_of, name_of, order_link
from storelink.web.console.page import TEMPLATES, show
from storelink.web.console.refund_form import Filled
from storelink.web.console.signed import Actor, OwnForm
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

Store = Annotated[str, Path(max_length=63)]
Order = Annotated[str, Path(max_length=64)]
PATIENCE = 20.0
"""Seconds that a store may take to say what it would do."""


async def sent_form(request: Request) -> Mapping[str, str]:
    """The fields of the form, the last of each name."""
    form = await request.form(max_fields=2000, max_files=0)
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


Sent = Annotated[Mapping[str, str], Depends(sent_form)]


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands in the box on the right. Without a plan: why there is none."""

    plan: Mapping[str, Any] | None = None
    preview: str = ""
    errors: tuple[tuple[str, str], ...] = ()
    trouble: str = ""
    forbidden: str = ""
    """Why this person may not ask for it, in words."""
    approval: bool = False
    alone: Decimal | None = None
    """Up to which amount nobody else has to agree; None is any."""
    sums: Mapping[str, Decimal] = field(default_factory=dict)


@router.get("/orders/{store}/{order_id}/refund")
def choose(
    request: Request, caller: Actor, services: Use, store: Store, order_id: Order, how: str = "",
) -> Response:  # fmt: skip
    """The form, with nothing chosen; the store is not asked yet."""
    row = store_for(services, caller, store)
    told = read_order(services, row, order_id)
    filled = Filled(lines={}, by_hand=how == "hand")
    return _page(request, caller, row, told, filled, Shown(), _key())


@router.post("/orders/{store}/{order_id}/refund/preview", dependencies=[OwnForm])
def preview(
    request: Request, caller: Actor, services: Use, store: Store, order_id: Order, form: Sent
) -> Response:
    """What the store would do with it now: the box alone for htmx, else the page."""
    row = store_for(services, caller, store)
    told = read_order(services, row, order_id)
    filled = _filled(form, told)
    shown = _ask(services, caller, row, order_id, filled)
    if request.headers.get("hx-request") and request.headers.get("hx-target") != "refund":
        return show(request, "refund_preview.html", caller, **_box(row, told, filled, shown, _kept(form)),
                    live=True)  # fmt: skip
    return _page(request, caller, row, told, filled, shown, _kept(form))


@router.post("/orders/{store}/{order_id}/refund/words", dependencies=[OwnForm])
def words(
    request: Request, caller: Actor, services: Use, store: Store, order_id: Order, form: Sent
) -> Response:
    """What the customer may read of it, as it is typed; the store is not asked."""
    row = store_for(services, caller, store)
    order = read_order(services, row, order_id).story.order
    return show(request, "refund_words.html", caller, filled=refund_form.fill(form), order=order)


def _filled(form: Mapping[str, str], told: Told) -> Filled:
    """The form, with everything that is left or nothing of it where one of these buttons was pressed."""
    filled = refund_form.fill(form)
    if form.get("fill") == "all":
        left = {one.item_id: str(int(one.current_quantity)) for one in told.story.items
                if one.current_quantity >= 1}  # fmt: skip
        return refund_form.all_of(filled, left, shipping=bool(told.story.order.shipping_amount))
    return refund_form.none_of(filled) if form.get("fill") == "none" else filled


@router.post("/orders/{store}/{order_id}/refund", dependencies=[OwnForm])
def confirm(
    request: Request, caller: Actor, services: Use, store: Store, order_id: Order, form: Sent
) -> Response:
    """Make the request, once, of what was shown and of nothing else."""
    row = store_for(services, caller, store)
    told = read_order(services, row, order_id)
    filled, once = _filled(form, told), _kept(form)
    trouble = ""
    try:
        with services.database.session() as session:
            made = _create(session, services, caller, row, order_id, filled, form, once)
            session.commit()
            request_id = made.request.id
    except (Refused, NeedsDecision, Misconfigured) as error:
        trouble = "again" if isinstance(error, NeedsDecision) else str(error)
    else:
        return RedirectResponse(f"/console/requests/refund/{request_id}", 303)
    asked = _ask(services, caller, row, order_id, filled)
    shown = Shown(asked.plan, asked.preview, asked.errors, trouble or asked.trouble, asked.forbidden,
                  asked.approval, asked.alone, asked.sums)  # fmt: skip
    return _page(request, caller, row, told, filled, shown, _key(), status=409)


def _create(
    session: Session, services: Services, caller: Caller, row: ConnectorConfig, order_id: str,
    filled: Filled, form: Mapping[str, str], once: str,
) -> refund.Created:  # fmt: skip
    shown = _preview_of(session, row, order_id, form.get("preview_id", ""))
    read = refund_form.read(filled)
    if read.errors or shown is None:
        raise Misconfigured("Nothing was sent. Look at what would happen first, then confirm it.")
    if wish_document(read.wish) != shown.wish:
        raise Misconfigured(
            "Nothing was sent: the form was changed after what you were shown. This is what would happen now."
        )
    said = refund.Particulars(
        reason=filled.public, note=filled.note.strip() or None, notify=filled.notify, again=filled.again,
        idempotency_key=f"console:{once}",
    )  # fmt: skip
    return refund.create(
        session, shown.id, said, asker=asker_of(caller), limits=limits_of(services.settings),
        enqueue=enqueue_order,
    )  # fmt: skip


def _preview_of(session: Session, row: ConnectorConfig, order_id: str, key: str) -> ActionPreview | None:
    try:
        shown = session.get(ActionPreview, uuid.UUID(key))
    except ValueError:
        return None
    same = shown is not None and (shown.connector_id, shown.order_id) == (row.id, order_id)
    return shown if same else None


# -- what the store says -----------------------------------------------------------------------------


def _ask(services: Services, caller: Caller, row: ConnectorConfig, order_id: str, filled: Filled) -> Shown:
    if filled.empty:
        return Shown()
    read = refund_form.read(filled)
    if read.errors:
        return Shown(errors=tuple(read.errors))
    try:
        made = preview_of(services, caller, row, order_id, read.wish)
    except StorelinkError as error:
        return Shown(trouble=problem_of(error).detail)
    return shown_of(services, caller, made)


def preview_of(
    services: Services, caller: Caller, row: ConnectorConfig, order_id: str, wish: Any
) -> refund.Preview:
    """Ask the store, as long as a person waits. Raises what reading raises."""
    hasty = services.settings.model_copy(update={"http_timeout": PATIENCE, "http_retries": 1})
    with open_subject(services.database, services.keyring, row.name, hasty, announced=True) as subject:
        return refund.preview(services.database, subject, order_id, wish, asker_of(caller))


def shown_of(services: Services, caller: Caller, made: refund.Preview) -> Shown:
    """A preview as it is drawn, with what this person's limits say of it."""
    plan = made.document
    amount = Decimal(plan["amount"])
    limits, asker = limits_of(services.settings), asker_of(caller)
    forbidden = ""
    with services.database.session() as session:
        try:
            limits.check_one(asker, amount, plan["currency"])
            limits.check_day(session, asker, amount, plan["currency"])
        except Refused as error:
            forbidden = str(error)
        session.rollback()
    lines = [line for line in plan["lines"] if line["quantity"]]
    sums = {line["item_id"]: Decimal(line["amount"]) + Decimal(line["tax"]) for line in lines}
    return Shown(
        plan=plan,
        preview=str(made.id),
        forbidden=forbidden,
        approval=limits.needs_approval(amount),
        alone=limits.approval_above,
        sums=sums,
    )


def asker_of(caller: Caller) -> Asker:
    """Who asks, for limits and the audit."""
    return Asker(caller.actor, caller.role)


# -- drawing -----------------------------------------------------------------------------------------


def _page(
    request: Request, caller: Caller, row: ConnectorConfig, told: Told, filled: Filled, shown: Shown,
    once: str, *, status: int = 200,
) -> Response:  # fmt: skip
    order = told.story.order
    if order.deleted_at is not None:
        raise Problem(409, "gone", "The store has this order no more: there is nothing to refund.")
    return show(
        request, "refund.html", caller, status=status, live=False, reasons=refund_form.REASONS,
        other=refund_form.OTHER, items=told.story.items, errors=dict(shown.errors),
        pending=[one for one in told.story.requests if isinstance(one, RefundRequest)
                 and one.status == "pending"],
        **_box(row, told, filled, shown, once),
    )  # fmt: skip


def _box(row: ConnectorConfig, told: Told, filled: Filled, shown: Shown, once: str) -> dict[str, Any]:
    order = told.story.order
    face = face_of(order.platform, order.shipping_address, order.billing_address, order.attributes)
    plan = shown.plan
    before = [one for one in told.story.refunds if one.refund_request_id is None]
    return {
        "store": row, "order": order, "face": face, "filled": filled, "shown": shown, "plan": plan,
        "once": once, "link": order_link(row.name, order.order_id), "platform": title_of(row),
        "name": name_of(face.shipping) or name_of(face.billing), "before": before, "told": told,
        "amount": Decimal(plan["amount"]) if plan else None,
        "after": Decimal(plan["left"]) - Decimal(plan["amount"]) if plan else None,
        "shipping": Decimal(plan["shipping"]) + Decimal(plan["shipping_tax"]) if plan else None,
        "tax": _tax(plan) if plan else None,
        "units": sum(int(line["quantity"]) for line in plan["lines"]) if plan else 0,
        "titles": {line["item_id"]: line["title"] for line in plan["lines"]} if plan else {},
        "ways": _ways(plan) if plan else [],
    }  # fmt: skip


def _ways(plan: Mapping[str, Any]) -> list[str]:
    """What the money goes back to, in the store's words; only what the store can move by itself."""
    return [one["title"] or one["gateway"] for one in plan["payments"] if one["automatic"]]


def _tax(plan: Mapping[str, Any]) -> Decimal:
    lines = [Decimal(line["tax"]) for line in plan["lines"] if line["quantity"]]
    return sum(lines, Decimal(plan["shipping_tax"]))


def each_taxed(item: OrderItem) -> Decimal:
    """What one unit of a line comes to, taxes included: so much goes back for it."""
    whole = item.total_amount + item.tax_amount
    return (whole / item.quantity).quantize(Decimal("0.01")) if item.quantity else item.price


TEMPLATES.filters.update(each_taxed=each_taxed, decimal=Decimal)


def _key() -> str:
    """What makes a form good for one request."""
    return secrets.token_urlsafe(18)


def _kept(form: Mapping[str, str]) -> str:
    once = form.get("once", "")
    fine = 16 <= len(once) <= 64 and once.isascii() and once.replace("-", "").replace("_", "").isalnum()
    return once if fine else _key()
