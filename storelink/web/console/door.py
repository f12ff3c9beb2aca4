"""Signing in and out, and the one-time link by which a password is chosen."""

from threading import BoundedSemaphore
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from storelink.access import person
from storelink.access import session as browser
from storelink.errors import Misconfigured
from storelink.models import ConsoleUser
from storelink.web.console.oidc import offers_sign_out, provider_of, words_of
from storelink.web.console.page import HOME, show
from storelink.web.console.signed import COOKIE, SIGN_IN, Known, OwnForm, inside, keep
from storelink.web.services import Services, Use, remote_address

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=2000)]


@router.get("/sign-in")
def ask(
    request: Request, services: Use, next: Annotated[str, Query(max_length=2000)] = "",
    sso: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """The door. `sso` is what became of single sign-on."""
    with services.database.session() as session:
        empty = not person.people(session)
    return _door(request, services, 200, next=next, empty=empty, sso=sso)


@router.post("/sign-in")
def sign_in(
    request: Request, services: Use, name: Text = "", password: Text = "", next: Text = "",
) -> Response:  # fmt: skip
    """Let somebody in, under a session of their own; guessing gets slow."""
    if not services.settings.passwords:
        return _door(request, services, 403, next=next)
    address = remote_address(request)
    with services.database.session() as session:
        if browser.tries_left(session, name, address) < 1:
            return _door(request, services, 429, next=next, name=name, wrong=_MANY)
        tried = browser.note_try(session, name, address)
        session.commit()
        left = browser.tries_left(session, name, address)
    with _HASHING, services.database.session() as session:
        row = person.check_password(session, name, password) if left >= 0 else None
        if row is None:
            status, wrong = (403, _wrong(left)) if left >= 0 else (429, _MANY)
            return _door(request, services, status, next=next, name=name, wrong=wrong)
        browser.forgive(session, name, tried)
        browser.end(session, request.cookies.get(COOKIE, ""))
        cookie = browser.begin(session, row)
        browser.tidy(session)
        session.commit()
    answer = RedirectResponse(inside(next, HOME), 303)
    keep(request, answer, cookie)
    return answer


_HASHING = BoundedSemaphore(3)
"""Passwords that are looked at together: each takes 64 MiB, and a connection to the database meanwhile."""
_MANY = "There were too many tries. Wait 15 min, or ask an admin for a one-time link."


def _wrong(left: int) -> str:
    if left == 0:
        return "Name and password do not fit together. Wait 15 min, or ask an admin for a one-time link."
    tries = f"{left} {'try' if left == 1 else 'tries'}"
    return f"Name and password do not fit together. {tries} left before a pause of 15 min."


def _door(
    request: Request, services: Services, status: int, *, next: str, name: str = "", wrong: str = "",
    empty: bool = False, sso: str = "",
) -> Response:  # fmt: skip
    provider = provider_of(request)
    return show(
        request, "door.html", status=status, next=inside(next, ""), name=name, wrong=wrong, empty=empty,
        provider=provider.title if provider else None, passwords=services.settings.passwords,
        failed=words_of(sso, provider, services), left=provider is not None and sso == "left",
    )  # fmt: skip


@router.post("/sign-out", dependencies=[OwnForm])
def sign_out(request: Request, services: Use, caller: Known) -> Response:  # noqa: ARG001 - whoever it is
    """End this browser's session; one that came by single sign-on is told that the provider's goes on."""
    with services.database.session() as session:
        through = browser.end(session, request.cookies.get(COOKIE, ""))
        session.commit()
    answer = RedirectResponse(SIGN_IN + ("?sso=left" if offers_sign_out(request, through) else ""), 303)
    answer.delete_cookie(COOKIE, path="/console")
    return answer


@router.get("/welcome")
def welcome(request: Request, services: Use, key: Annotated[str, Query(max_length=100)] = "") -> Response:
    """A one-time link: choose a password."""
    with services.database.session() as session:
        row = person.invited(session, key)
    return _welcome(request, services, 200 if row else 404, row, key)


@router.post("/welcome")
def choose(
    request: Request, services: Use, key: Text = "", password: Text = "", again: Text = ""
) -> Response:
    """Keep the password and let them in; the link is spent. Without passwords it lets in once."""
    with services.database.session() as session:
        row = person.invited(session, key)
        if row is None:
            return _welcome(request, services, 404, None)
        try:
            if not services.settings.passwords:
                person.spend_link(session, row)
            elif password != again:
                raise Misconfigured("Type the same password twice.")
            else:
                person.set_password(session, row, password)
        except Misconfigured as error:
            session.rollback()
            row = person.invited(session, key)
            return _welcome(request, services, 422, row, key, str(error))
        browser.end(session, request.cookies.get(COOKIE, ""))
        cookie = browser.begin(session, row)
        session.commit()
    answer = RedirectResponse(HOME, 303)
    keep(request, answer, cookie)
    return answer


def _welcome(
    request: Request, services: Services, status: int, row: ConsoleUser | None, key: str = "", wrong: str = ""
) -> Response:
    return show(
        request, "welcome.html", status=status, row=row, key=key if row else "", wrong=wrong,
        passwords=services.settings.passwords,
    )  # fmt: skip
