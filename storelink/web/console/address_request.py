"""One change of an address: how it goes, the proof, what a person decides, and the old address put back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from storelink.access.role import Caller, Right
from storelink.errors import Misconfigured, NeedsDecision
from storelink.models import AddressUpdateRequest, ConnectorConfig
from storelink.scheduler.acting import enqueue_order
from storelink.sync import address
from storelink.sync.address import Particulars
from storelink.sync.limit import Asker
from storelink.sync.opening import open_subject
from storelink.sync.postal import FIELDS
from storelink.sync.request import ATTENTION, FAILED, REQUESTED, SENT, SETTLED, UNKNOWN, Refused
from storelink.web.api.problem import Problem
from storelink.web.console.address import standing_words
from storelink.web.console.address_form import fields_of, label_of, said
from storelink.web.console.orders import order_link
from storelink.web.console.page import show
from storelink.web.console.requests import STAGES
from storelink.web.console.signed import Actor, OwnForm, Reader
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Step:
    """One of the stations of a request. `tone`: done, now, ask, wrong or todo-step."""

    tone: str
    sign: str
    title: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A field of the proof."""

    label: str
    before: str
    asked: str
    found: str | None
    equal: bool = False
    otherwise: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A request with its store."""

    row: AddressUpdateRequest
    store: ConnectorConfig

    @property
    def link(self) -> str:
        """Its page."""
        return f"/console/requests/address/{self.row.id}"

    @property
    def order(self) -> str:
        """The order's page."""
        return order_link(self.store.name, self.row.order_id)

    @property
    def rests(self) -> bool:
        """Whether nothing moves any more before a person does something."""
        row = self.row
        return row.stage in (ATTENTION, FAILED, None) or (
            row.stage == SETTLED and (row.read_at is not None or row.misses > 0)
        )


def change_of(caller: Reader, services: Use, request_id: str) -> Change:
    """The request that the page names. Raises `Problem` 404."""
    try:
        wanted = uuid.UUID(request_id)
    except ValueError:
        wanted = uuid.UUID(int=0)
    with services.database.session() as session:
        row = session.get(AddressUpdateRequest, wanted)
        store = session.get(ConnectorConfig, row.connector_id) if row else None
    if row is None or store is None or not caller.sees(store.id):
        raise Problem(404, "not_found", "There is no such change of an address.")
    return Change(row, store)


Which = Annotated[Change, Depends(change_of)]


# -- how it stands -----------------------------------------------------------------------------------


@router.get("/requests/address/{request_id}")
def follow(request: Request, caller: Reader, services: Use, change: Which) -> Response:  # noqa: ARG001
    """The request, whole."""
    return _page(request, caller, change)


@router.get("/requests/address/{request_id}/state")
def state(request: Request, caller: Reader, services: Use, change: Which) -> Response:  # noqa: ARG001
    """The part of the page that moves; it asks again by itself until the request rests."""
    return _page(request, caller, change, page="address_state.html")


@router.post("/requests/address/{request_id}/resolve", dependencies=[OwnForm])
def resolve(
    request: Request, caller: Actor, services: Use, change: Which, found: Text = "", why: Text = ""
) -> Response:
    """What a person saw who looked at the store; or that it shall not be sent after all."""
    try:
        if found not in ("updated", "not_updated"):
            raise Misconfigured("Say what you found.")
        if not why.strip():
            raise Misconfigured("Say what shows it: it is kept with the request.")
        with services.database.session() as session:
            address.resolve(
                session, change.row.id, updated=found == "updated", why=why.strip().replace("\0", ""),
                asker=Asker(caller.actor, caller.role), enqueue=enqueue_order,
            )  # fmt: skip
            session.commit()
    except Misconfigured as error:
        field = "found" if "found" in str(error) else "why"
        return _page(request, caller, change_of(caller, services, str(change.row.id)), status=422,
                     wrong=(field, str(error)), why=why, found=found)  # fmt: skip
    return RedirectResponse(change.link, 303)


def _page(
    request: Request, caller: Caller, change: Change, *, page: str = "address_request.html",
    status: int = 200, wrong: tuple[str, str] | None = None, why: str = "", found: str = "",
) -> Response:  # fmt: skip
    row = change.row
    proof = row.response or row.seen or {}
    return show(
        request, page, caller, status=status, change=change, row=row, is_now=STAGES.get(row.stage or ""),
        steps=steps_of(row, who(row.requested_by, caller)), by=who(row.requested_by, caller),
        lines=lines_of(row), total=total_of(row), proof=proof,
        besides=[(label_of(name), said(name, pair["found"], "")) for name, pair in _besides(proof).items()],
        may=caller.may(Right.ACT), wrong=wrong, why=why, found=found, number=(row.plan or {}).get("number"),
    )  # fmt: skip


def who(actor: str | None, caller: Caller) -> str:
    """`you`, or the name under which somebody signs in, or what else asked."""
    if actor == caller.actor:
        return "you"
    return (actor or "nobody known").removeprefix("user:")


def steps_of(row: AddressUpdateRequest, by: str) -> list[Step]:
    """Asked, sent, read back: how far it is."""
    asked = Step("done", "ok", "Asked", f"by {by}")
    sent = Step("done", "ok", "Sent to the store")
    again = f"{row.attempts} times" if row.attempts > 1 else "once"
    if row.stage == REQUESTED:
        waits = Step("now", "wait", "Waiting its turn", row.error or "one change at a time per order")
        return [asked, waits, Step("todo-step", "todo", "Sent to the store"),
                Step("todo-step", "todo", "Read back")]  # fmt: skip
    if row.stage == SENT:
        return [asked, Step("now", "run", "Sent to the store", "waiting for its answer"),
                Step("todo-step", "todo", "Read back")]  # fmt: skip
    if row.stage == UNKNOWN:
        return [asked, Step("ask", "unknown", "Sent to the store", f"{again}, no certain answer"),
                Step("now", "run", "Looking in the store", row.error or "")]  # fmt: skip
    if row.stage == ATTENTION:
        return [asked, Step("ask", "unknown", "Sent to the store", again),
                Step("wrong", "unknown", "Needs a person")]  # fmt: skip
    if row.stage == SETTLED:
        last = Step("done", "ok", "Read back", "equal, field by field")
        if (row.response or {}).get("resolved_by"):
            last = Step("done", "person", "Settled by a person", str((row.response or {})["resolved_by"]))
        return [asked, sent, last]
    return [asked, sent if row.sent_at else Step("todo-step", "todo", "Not sent"),
            Step("wrong", "bad", "Not done")]  # fmt: skip


def lines_of(row: AddressUpdateRequest) -> list[Line]:
    """Field by field: before, asked for, and what the store has now as far as that was seen."""
    plan = row.plan or {}
    old, new = row.old_address or plan.get("old") or {}, row.new_address or {}
    seen = {one["field"]: one for one in (row.response or row.seen or {}).get("fields", ())}
    names = seen.keys() | plan.get("changes", {}).keys()
    return [
        Line(
            label_of(name, new.get("country", "")),
            said(name, old.get(name), old.get("country", "")),
            said(name, new.get(name), new.get("country", "")),
            said(name, seen[name]["found"], new.get("country", "")) if name in seen else None,
            bool(name in seen and seen[name]["equal"]),
            bool(name in seen and seen[name]["written_otherwise"]),
        )
        for name in FIELDS
        if name in names
    ]


@dataclass(frozen=True, slots=True)
class Total:
    """The order's total before and after. `apart` is what it is more (or, negative, less)."""

    before: Decimal | None
    after: Decimal | None
    currency: str | None

    @property
    def apart(self) -> Decimal:
        """After less before; nothing where one of them is not known."""
        known = self.before is not None and self.after is not None
        return self.after - self.before if known else Decimal(0)  # type: ignore[operator] # both are known


def total_of(row: AddressUpdateRequest) -> Total:
    """As it was just before it was sent, and as it was read back."""
    return Total(row.total_before, row.total_after, row.currency)


def _besides(proof: Mapping[str, Any]) -> Mapping[str, Any]:
    found = proof.get("besides")
    return found if isinstance(found, Mapping) else {}


# -- the old address put back ------------------------------------------------------------------------


@router.get("/requests/address/{request_id}/restore")
def see_restore(request: Request, caller: Actor, services: Use, change: Which) -> Response:
    """What putting the old address back would do now."""
    return _restore_page(request, caller, services, change)


@router.post("/requests/address/{request_id}/restore", dependencies=[OwnForm])
def restore(
    request: Request, caller: Actor, services: Use, change: Which, seen: Text = "", key: Text = "",
    force: Text = "", again: Text = "",
) -> Response:  # fmt: skip
    """Ask for it: a change of its own."""
    said_so = Particulars(
        bool(force), bool(again), f"puts back what {str(change.row.id)[:8]} changed", key or None
    )
    try:
        with services.database.session() as session:
            made = address.create(
                session, _uuid(seen), said_so, asker=Asker(caller.actor, caller.role), enqueue=enqueue_order
            )
            session.commit()
    except NeedsDecision:
        return _restore_page(request, caller, services, change, status=409, doubted=True, key=key)
    except (Refused, Misconfigured) as error:
        return _restore_page(request, caller, services, change, status=409, wrong=str(error), key=key)
    return RedirectResponse(f"/console/requests/address/{made.request.id}", 303)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Misconfigured("This form is not whole. Nothing was sent to the store.") from None


def _restore_page(
    request: Request, caller: Caller, services: Services, change: Change, *, status: int = 200,
    wrong: str = "", doubted: bool = False, key: str = "",
) -> Response:  # fmt: skip
    with open_subject(
        services.database, services.keyring, change.store.name, services.settings, announced=True
    ) as subject:
        made = address.preview_restore(
            services.database, subject, change.row, Asker(caller.actor, caller.role)
        )
        title = subject.connector.title
    plan = made.document
    refusals = plan["refusals"]
    if any(not one["forceable"] for one in refusals):
        wrong = ""  # the page says it itself
    return show(
        request, "address_restore.html", caller, status=status, change=change, plan=plan, made=made,
        fields=fields_of(plan, {}, None), refusals=refusals, wrong=wrong, doubted=doubted,
        key=key or uuid.uuid4().hex, standing=standing_words(plan["states"]), title=title,
        by=who(change.row.requested_by, caller),
        total=Decimal(plan["total"]), hard=[one for one in refusals if not one["forceable"]],
        back=[one for one in fields_of(plan, {}, None) if one.changed],
    )  # fmt: skip
