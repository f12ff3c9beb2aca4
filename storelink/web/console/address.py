"""Another address for an order: the old beside the new, what it would do, and the one request."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from storelink.access.role import Caller
from storelink.errors import Misconfigured, NeedsDecision, StorelinkError
from storelink.models import ActionPreview, ConnectorConfig
from storelink.scheduler.acting import enqueue_order
from storelink.sync import address
from storelink.sync.act import demand_actions
from storelink.sync.address import Particulars, Preview
from storelink.sync.address_plan import changes_since
from storelink.sync.limit import Asker
from storelink.sync.opening import open_subject
from storelink.sync.postal import FIELDS
from storelink.sync.request import Refused
from storelink.web.api.caller import store_for
from storelink.web.api.problem import Problem
from storelink.web.console.address_form import fields_of, label_of, wish_of
from storelink.web.console.orders import order_link
from storelink.web.console.page import show
from storelink.web.console.signed import Actor, OwnForm
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

Kind = Literal["shipping", "billing"]
Which = Annotated[Kind, Query()]
Text = Annotated[str, Form(max_length=1000)]
_IDLE = "nothing_changes"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose address: an order of a store, and which of the two."""

    store: ConnectorConfig
    order_id: str
    kind: Kind

    @property
    def link(self) -> str:
        """Where the form is."""
        return f"{order_link(self.store.name, self.order_id)}/address"


def place_of(caller: Actor, services: Use, store: str, order_id: str, kind: Which = "shipping") -> Place:
    """What the address of the page names. Raises `Problem` 404."""
    row = store_for(services, caller, store)
    if not (order_id.isascii() and order_id.isdecimal() and len(order_id) <= 64):
        raise Problem(404, "not_found", f"No order has the id {order_id[:64]!r}.")
    return Place(row, order_id, kind)


Where = Annotated[Place, Depends(place_of)]


@dataclass(frozen=True, slots=True)
class Sent:
    """What the form held. `opened` and `seen` are the previews it was opened with and last showed."""

    typed: Mapping[str, str]
    opened: str
    seen: str = ""
    key: str = ""
    force: bool = False
    again: bool = False
    province_of: str = ""


def sent_in(
    first_name: Text = "", last_name: Text = "", company: Text = "", address1: Text = "",
    address2: Text = "", city: Text = "", province: Text = "", postcode: Text = "", country: Text = "",
    phone: Text = "", email: Text = "", opened: Text = "", seen: Text = "", key: Text = "",
    force: Text = "", again: Text = "", province_of: Text = "",
) -> Sent:  # fmt: skip
    """The form as it came."""
    # in the order of `FIELDS`
    values = (
        first_name,
        last_name,
        company,
        address1,
        address2,
        city,
        province,
        postcode,
        country,
        phone,
        email,
    )
    typed = {name: value.replace("\0", "") for name, value in zip(FIELDS, values, strict=True)}
    return Sent(typed, opened, seen, key, bool(force), bool(again), province_of)


Filled = Annotated[Sent, Depends(sent_in)]


@dataclass(frozen=True, slots=True)
class Look:
    """What a change would do now, as the store says. `moved`: what the store changed since it was opened."""

    preview: Preview
    title: str
    listed: Mapping[str, str] | None
    moved: list[str] = field(default_factory=list)


# -- the pages ---------------------------------------------------------------------------------------


@router.get("/orders/{store}/{order_id}/address")
def open_form(request: Request, caller: Actor, services: Use, where: Where) -> Response:
    """The address as the store has it now, to be changed."""
    look = _look(services, caller, where, {}, "")
    sent = Sent(look.preview.document["old"], str(look.preview.id), key=uuid.uuid4().hex)
    return _page(request, caller, where, look, sent)


@router.post("/orders/{store}/{order_id}/address/preview", dependencies=[OwnForm])
def preview(request: Request, caller: Actor, services: Use, where: Where, sent: Filled) -> Response:
    """What it would do: a part of the page as one types, the whole page without JavaScript."""
    look, sent = _look_again(services, caller, where, sent)
    if request.headers.get("hx-request"):
        return _page(request, caller, where, look, sent, page="address_live.html")
    return _page(request, caller, where, look, sent)


@router.post("/orders/{store}/{order_id}/address", dependencies=[OwnForm])
def ask(request: Request, caller: Actor, services: Use, where: Where, sent: Filled) -> Response:
    """Make the request, if what was shown is what is sent; else show it first."""
    opened = _opened(services, where, sent.opened)
    seen = _kept(services, where, sent.seen)
    wish = wish_of(opened.shown["old"], sent.typed)
    doubled = _made_already(services, where, sent.key, wish)
    if doubled is not None:
        return RedirectResponse(f"/console/requests/address/{doubled}", 303)
    if seen is None or seen.wish != wish:
        look, sent = _look_again(services, caller, where, sent)
        plan = look.preview.document
        wrong = "" if plan["problems"] or look.moved else "Look once more at what it would do."
        if not plan["changes"] and not plan["problems"]:
            wrong = "Change a field first: the address is the one that the store has."
        status = 422 if plan["problems"] else 409
        return _page(request, caller, where, look, sent, status=status, asked=True, wrong=wrong)
    particulars = Particulars(force=sent.force, again=sent.again, idempotency_key=sent.key or None)
    try:
        with services.database.session() as session:
            made = address.create(
                session, seen.id, particulars, asker=Asker(caller.actor, caller.role), enqueue=enqueue_order
            )
            session.commit()
    except (Refused, Misconfigured, NeedsDecision) as error:
        return _refuse(request, caller, services, where, sent, error)
    return RedirectResponse(f"/console/requests/address/{made.request.id}", 303)


def _refuse(
    request: Request, caller: Caller, services: Services, where: Place, sent: Sent, error: StorelinkError
) -> Response:
    """The form again, with why not. What was typed stays."""
    look, sent = _look_again(services, caller, where, sent)
    meant = isinstance(error, NeedsDecision)
    plan = look.preview.document
    told = any(one["code"] != _IDLE for one in plan["refusals"])  # it says so itself
    return _page(
        request, caller, where, look, sent, status=409, asked=True, doubted=meant,
        wrong="" if meant or told else str(error),
    )  # fmt: skip


# -- asking the store --------------------------------------------------------------------------------


def _look(services: Services, caller: Caller, where: Place, wish: Mapping[str, object], country: str) -> Look:
    with open_subject(
        services.database, services.keyring, where.store.name, services.settings, announced=True
    ) as subject:
        made = address.preview(
            services.database, subject, where.order_id, where.kind, wish, Asker(caller.actor, caller.role)
        )
        country = country or made.document["new"]["country"]
        listed = demand_actions(subject).provinces(country) if country else None
        return Look(made, subject.connector.title, listed)


def _look_again(services: Services, caller: Caller, where: Place, sent: Sent) -> tuple[Look, Sent]:
    """What was typed, held against the order as it is now, and as it was when the form was opened."""
    opened = _opened(services, where, sent.opened)
    wish = wish_of(opened.shown["old"], sent.typed)
    look = _look(services, caller, where, wish, sent.typed["country"])
    moved = changes_since(opened.shown, look.preview.plan.standing)
    idle = not moved and not look.preview.document["problems"] and not look.preview.document["changes"]
    seen = "" if moved or idle or look.preview.document["problems"] else str(look.preview.id)
    after = Sent(sent.typed, sent.opened, seen, sent.key, sent.force, sent.again, sent.province_of)
    return Look(look.preview, look.title, look.listed, moved), after


def _opened(services: Services, where: Place, name: str) -> ActionPreview:
    found = _kept(services, where, name)
    if found is None:
        raise Problem(409, "form_too_old", "This form is too old. Open it again from the order's page. "
                      "Nothing was sent to the store.")  # fmt: skip
    return found


def _kept(services: Services, where: Place, name: str) -> ActionPreview | None:
    """The preview of this id, if it is one of this address."""
    try:
        wanted = uuid.UUID(name)
    except ValueError:
        return None
    with services.database.session() as session:
        found = session.get(ActionPreview, wanted)
    mine = (where.store.id, where.order_id, where.kind)
    return found if found and (found.connector_id, found.order_id, found.kind) == mine else None


def _made_already(services: Services, where: Place, key: str, wish: Mapping[str, object]) -> uuid.UUID | None:
    """What this very form has made: a button pressed twice."""
    if not key:
        return None
    with services.database.session() as session:
        found = address.of_key(session, where.store.id, key)
        if found is not None:
            address.demand_same(found, where.order_id, where.kind, wish)
    return found.id if found else None


# -- drawing -----------------------------------------------------------------------------------------


def _page(
    request: Request, caller: Caller, where: Place, look: Look, sent: Sent, *, status: int = 200,
    asked: bool = False, doubted: bool = False, wrong: str = "", page: str = "address.html",
) -> Response:  # fmt: skip
    plan = look.preview.document
    fields = fields_of(plan, sent.typed, look.listed)
    return show(
        request, page, caller, status=status, where=where, plan=plan, look=look, sent=sent, fields=fields,
        errors=[(one.name, one.wrong) for one in fields if one.wrong] if asked else [],
        problems=_words_of(plan["problems"]), changed=_changed_in(plan),
        refusals=[one for one in plan["refusals"] if one["code"] != _IDLE],
        idle=any(one["code"] == _IDLE for one in plan["refusals"]),
        country=sent.typed.get("country", ""), standing=standing_words(plan["states"]), doubted=doubted,
        wrong=wrong, other="billing" if where.kind == "shipping" else "shipping",
        total=Decimal(plan["total"]), title=look.title,
    )  # fmt: skip


def standing_words(states: list[str]) -> str:
    """`not shipped`, `partly shipped, on hold`."""
    parcel = "partly shipped" if "partly_fulfilled" in states else "not shipped"
    words = ["shipped" if "fulfilled" in states else parcel]
    words += [one.replace("_", " ") for one in states if "fulfilled" not in one]
    return ", ".join(words)


def _words_of(problems: list[dict[str, Any]]) -> str:
    """`the postcode and the city`."""
    names = [f"the {label_of(one['field']).lower()}" for one in problems if one["field"]]
    return " and ".join(dict.fromkeys(names)) or "see above"


def _changed_in(plan: Mapping[str, Any]) -> list[str]:
    """`street`, `postcode`: what becomes another, in words."""
    return [label_of(name, plan["new"]["country"]).lower() for name in FIELDS if name in plan["changes"]]
