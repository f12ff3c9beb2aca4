"""Signing in and out, and the one-time link by which a password is chosen."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from storelink.access import person
from storelink.access import session as browser
from storelink.errors import Misconfigured
from storelink.web.console.page import HOME, show
from storelink.web.console.signed import COOKIE, SIGN_IN, Known, OwnForm, inside, keep
from storelink.web.services import Use

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=2000)]


@router.get("/sign-in")
def ask(request: Request, services: Use, next: Annotated[str, Query(max_length=2000)] = "") -> Response:
    """The door."""
    with services.database.session() as session:
        empty = not person.people(session)
    return show(request, "door.html", next=inside(next, ""), name="", wrong="", empty=empty)


@router.post("/sign-in")
def sign_in(
    request: Request, services: Use, name: Text = "", password: Text = "", next: Text = "",
) -> Response:  # fmt: skip
    """Let somebody in, under a session of their own; guessing gets slow."""
    address = request.client.host if request.client else ""
    with services.database.session() as session:
        if browser.blocked(session, name, address):
            words = "There were too many tries. Wait 15 min, or ask an admin for a one-time link."
            return show(request, "door.html", status=429, next=inside(next, ""), name=name, wrong=words,
                        empty=False)  # fmt: skip
        row = person.check_password(session, name, password)
        if row is None:
            browser.note_failure(session, name, address)
            session.commit()
            return show(
                request, "door.html", status=403, next=inside(next, ""), name=name, empty=False,
                wrong="Name and password do not fit together.",
            )  # fmt: skip
        browser.forget_failures(session, name)
        cookie = browser.begin(session, row)
        browser.tidy(session)
        session.commit()
    answer = RedirectResponse(inside(next, HOME), 303)
    keep(request, answer, cookie)
    return answer


@router.post("/sign-out", dependencies=[OwnForm])
def sign_out(request: Request, services: Use, caller: Known) -> Response:  # noqa: ARG001 - whoever it is
    """End this browser's session."""
    with services.database.session() as session:
        browser.end(session, request.cookies.get(COOKIE, ""))
        session.commit()
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, path="/console")
    return answer


@router.get("/welcome")
def welcome(request: Request, services: Use, key: Annotated[str, Query(max_length=100)] = "") -> Response:
    """A one-time link: choose a password."""
    with services.database.session() as session:
        row = person.invited(session, key)
    return show(request, "welcome.html", status=200 if row else 404, row=row, key=key, wrong="")


@router.post("/welcome")
def choose(
    request: Request, services: Use, key: Text = "", password: Text = "", again: Text = ""
) -> Response:
    """Keep the password and let them in; the link is spent."""
    with services.database.session() as session:
        row = person.invited(session, key)
        if row is None:
            return show(request, "welcome.html", status=404, row=None, key="", wrong="")
        try:
            if password != again:
                raise Misconfigured("Type the same password twice.")
            person.set_password(session, row, password)
        except Misconfigured as error:
            session.rollback()
            row = person.invited(session, key)
            return show(request, "welcome.html", status=422, row=row, key=key, wrong=str(error))
        cookie = browser.begin(session, row)
        session.commit()
    answer = RedirectResponse(HOME, 303)
    keep(request, answer, cookie)
    return answer
