"""People who sign in, and tokens that programs send: made, changed, ended."""

import uuid
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from storelink.access import person, token
from storelink.access.role import ROLES, Caller
from storelink.errors import Misconfigured
from storelink.sync import account
from storelink.sync.order_story import names_of
from storelink.web.console import timeline
from storelink.web.console.page import show
from storelink.web.console.signed import Admin, OwnForm, base_url
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=300)]
PEOPLE = "/console/people"
MEANINGS = {
    "reader": "sees stores, orders, customers and how they stand",
    "support": "also refunds, changes addresses and approves",
    "ops": "also connects stores and changes how they are read, but refunds nothing",
    "admin": "may do everything, and manages people and tokens",
}


@router.get("/people")
def people(request: Request, caller: Admin, services: Use) -> Response:
    """All accounts and tokens."""
    return _page(request, caller, services)


@router.post("/people/accounts", dependencies=[OwnForm])
def add_person(
    request: Request, caller: Admin, services: Use, name: Text = "", full_name: Text = "", role: Text = ""
) -> Response:
    """A new account; its one-time link is shown once."""
    with services.database.session() as session:
        try:
            row, link = person.create(session, name, role, full_name=full_name, actor=caller.actor)
        except Misconfigured as error:
            session.rollback()
            return _page(request, caller, services, status=422, wrong=("name", str(error)))
        session.commit()
    return _page(request, caller, services, link=_link(request, link), whose=row.full_name)


@router.post("/people/accounts/{name}/{deed}", dependencies=[OwnForm])
def change_person(
    request: Request, caller: Admin, services: Use, name: str, deed: str, role: Text = ""
) -> Response:
    """Another role, a new link, out, or in again."""
    with services.database.session() as session:
        try:
            row = person.find(session, name)
            link = _do(session, row, deed, role, caller.actor)
        except Misconfigured as error:
            session.rollback()
            return _page(request, caller, services, status=422, wrong=(f"role-{name}", str(error)))
        session.commit()
    if link is not None:
        return _page(request, caller, services, link=_link(request, link), whose=row.full_name)
    return RedirectResponse(PEOPLE, 303)


def _do(session: Any, row: Any, deed: str, role: str, actor: str) -> str | None:
    if deed == "invite":
        return person.invite(session, row, actor=actor)
    if deed == "role":
        person.set_role(session, row, role, actor=actor)
    elif deed == "disable":
        person.disable(session, row, actor=actor)
    elif deed == "enable":
        person.enable(session, row, actor=actor)
    else:
        raise Misconfigured("There is no such deed.")
    return None


@router.post("/people/tokens", dependencies=[OwnForm])
def add_token(
    request: Request, caller: Admin, services: Use, token_name: Text = "", token_role: Text = "",
    days: Text = "90", stores: Annotated[list[str] | None, Form()] = None,
) -> Response:  # fmt: skip
    """A new token, shown once. Without a store it is for all."""
    with services.database.session() as session:
        try:
            ids: list[uuid.UUID] | None = [account.find(session, one).id for one in stores or ()] or None
            lasts = int(days) if days.isdecimal() and len(days) < 6 else 0
            row, secret = token.create(
                session, token_name, token_role, connectors=ids, days=lasts, actor=caller.actor
            )
        except Misconfigured as error:
            session.rollback()
            return _page(request, caller, services, status=422, wrong=("token_name", str(error)))
        session.commit()
    return _page(request, caller, services, secret=secret, whose=row.name)


@router.post("/people/tokens/{name}/revoke", dependencies=[OwnForm])
def end_token(request: Request, caller: Admin, services: Use, name: str) -> Response:
    """It works no more."""
    with services.database.session() as session:
        try:
            token.revoke(session, name, actor=caller.actor)
        except Misconfigured as error:
            return _page(request, caller, services, status=404, wrong=("tokens", str(error)))
        session.commit()
    return RedirectResponse(f"{PEOPLE}#tokens", 303)


def _link(request: Request, secret: str | None) -> str | None:
    return None if secret is None else f"{base_url(request)}/console/welcome?key={quote(secret)}"


def _page(
    request: Request, caller: Caller, services: Services, *, status: int = 200,
    wrong: tuple[str, str] | None = None, **shown: Any,
) -> Response:  # fmt: skip
    with services.database.session() as session:
        now = token.now_of(session)
        stores = account.registered(session)
        names = {str(row.id): row.name for row in account.registered(session, removed=True)}
        tokens = [
            {
                "row": row, "works": token.works(row, now),
                "stores": None if row.connectors is None else [names.get(one, one) for one in row.connectors],
            }
            for row in token.tokens(session)
        ]  # fmt: skip
        accounts = person.people(session)
        known = names_of(session)
    return show(
        request, "people.html", caller, status=status, accounts=accounts, tokens=tokens, roles=list(ROLES),
        meanings=MEANINGS, stores=[row.name for row in stores], wrong=wrong,
        person=lambda actor: timeline.person(actor, known),
        link=shown.get("link"), secret=shown.get("secret"), whose=shown.get("whose"),
    )  # fmt: skip
