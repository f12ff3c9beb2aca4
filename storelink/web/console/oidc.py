"""Single sign-on: out to the provider, back with a code, and out of it again."""

from typing import Annotated
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from storelink.access import attempt
from storelink.access import session as browser
from storelink.access.asking import NotSignedOn
from storelink.access.provider import Provider
from storelink.access.sign_on import Rules, admit
from storelink.web.api.problem import Problem
from storelink.web.console.page import HOME
from storelink.web.console.signed import COOKIE, SIGN_IN, base_url, inside, is_secure, keep
from storelink.web.services import Services, Use, remote_address

log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)

ATTEMPT = "storelink_sign_on"
"""The cookie of a browser that is at the provider. Lax: it comes along when the provider leads back."""
PLACE = f"{SIGN_IN}/sso"
WORDS = {
    "away": "{title} does not answer just now, so it cannot let anybody in. Try again in a"
    " minute{otherwise}.",
    "odd": "{title} answered with something that storelink cannot use. What it was is in storelink’s log; an"
    " admin of this server can mend it.",
    "denied": "{title} did not let you in, or you turned back there.",
    "refused": "What {title} sent back does not fit together, so nobody was signed in. Begin again; if it"
    " stays so, an admin of this server finds the reason in storelink’s log.",
    "late": "This sign-in was used already, began in another browser, or is older than 10 min. Begin again.",
    "unverified": "{title} tells storelink no e-mail address of yours that is verified. Verify it there, or"
    " ask an admin of this server.",
    "unknown": "{title} knows you, but there is no account for you here. Ask an admin of this server to add"
    " you with your e-mail address.",
    "taken": "The account with your e-mail address is linked to somebody else at {title}. An admin of this"
    " server can unlink it.",
    "disabled": "Your account here is disabled. Ask an admin of this server.",
    "many": "There were too many tries from your address. Wait 15 min.",
}  # fmt: skip
"""What the door says, by `NotSignedOn.what`."""
_COUNTED = ("refused", "unverified", "unknown", "taken", "disabled")
"""Those that count as a failed try from an address, as a wrong password does."""

EACH_MINUTE = RateLimitItemPerMinute(60)
"""Browsers that leave from one address: each makes storelink write, and perhaps wait for the provider."""
WINDOWS = MovingWindowRateLimiter(MemoryStorage())

Text = Annotated[str, Query(max_length=4096)]


def provider_of(request: Request) -> Provider | None:
    """The provider of single sign-on, if there is one."""
    found: Provider | None = request.app.state.provider
    return found


def words_of(what: str, provider: Provider | None, services: Services) -> str:
    """What to say to somebody who was not let in; empty for what is no reason of ours."""
    if provider is None:
        return ""
    otherwise = ", or sign in with your password" if services.settings.passwords else ""
    return WORDS.get(what, "").format(title=provider.title, otherwise=otherwise)


@router.get("/sign-in/sso")
def leave(request: Request, services: Use, next: Annotated[str, Query(max_length=2000)] = "") -> Response:
    """Out to the provider. By GET: the browser lets no form of ours lead to another site."""
    provider, back, address = _provider(request), inside(next, ""), remote_address(request)
    if not WINDOWS.hit(EACH_MINUTE, address):
        return _door("many", back)
    with services.database.session() as session:
        if browser.tries_left(session, None, address) < 1:
            return _door("many", back)
        begun = attempt.begin(session, back)
        session.commit()
    try:  # with no connection to the database in hand: it may take seconds
        to = provider.leave_url(begun, _returns(request))
    except NotSignedOn as error:
        _say(error, provider)
        return _door(error.what, back)
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        ATTEMPT, begun.secret, max_age=int(attempt.LASTS.total_seconds()), path=PLACE, httponly=True,
        samesite="lax", secure=is_secure(request),
    )  # fmt: skip
    return answer


@router.get("/sign-in/sso/answer")
def come_back(
    request: Request, services: Use, state: Text = "", code: Text = "", error: Text = "",
    iss: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:  # fmt: skip
    """Back from the provider. The address holds a code, so that every answer leads on to another."""
    provider, address = _provider(request), remote_address(request)
    with services.database.session() as session:
        begun = attempt.take(session, request.cookies.get(ATTEMPT, ""), state)
        session.commit()
        blocked = browser.tries_left(session, None, address) < 1
    if begun is None or blocked:
        return _forget(_door("many" if blocked else "late", ""))
    try:
        if error or not code:
            raise NotSignedOn("denied" if error == "access_denied" else "refused", "the provider says no")
        identity = provider.redeem(begun, _returns(request), code, iss)
        rules: Rules = request.app.state.rules
        with services.database.session() as session:
            try:
                row = admit(session, identity, rules)
            except NotSignedOn:
                session.commit()  # whom no group lets in any more is signed out everywhere
                raise
            browser.end(session, request.cookies.get(COOKIE, ""))
            cookie = browser.begin(session, row, through=provider.issuer)
            browser.tidy(session)
            session.commit()
    except NotSignedOn as why:
        _say(why, provider)
        if why.what in _COUNTED:
            with services.database.session() as session:
                browser.note_try(session, None, address)
                session.commit()
        return _forget(_door(why.what, begun.back))
    answer = _forget(RedirectResponse(inside(begun.back, HOME), 303))
    keep(request, answer, cookie)
    return answer


@router.get("/sign-out/sso")
def leave_provider(request: Request) -> Response:
    """Out of the provider too; it asks for a confirmation, as it does not learn from us who it is."""
    provider = _provider(request)
    try:
        to = provider.sign_out_url(f"{base_url(request)}{SIGN_IN}")
    except NotSignedOn as error:
        _say(error, provider)
        return _door(error.what, "")
    return RedirectResponse(to or SIGN_IN, 303)


def offers_sign_out(request: Request, through: str | None) -> bool:
    """Whether a session through this issuer can be ended at the provider too."""
    provider = provider_of(request)
    if provider is None or through != provider.issuer:
        return False
    try:
        return provider.sign_out_url("") is not None
    except NotSignedOn:
        return False


def _provider(request: Request) -> Provider:
    found = provider_of(request)
    if found is None:
        raise Problem(404, "no_sign_on", "Single sign-on is not set up on this server.")
    return found


def _returns(request: Request) -> str:
    return f"{base_url(request)}{PLACE}/answer"


def _door(what: str, back: str) -> Response:
    return RedirectResponse(f"{SIGN_IN}?{urlencode({'sso': what} | ({'next': back} if back else {}))}", 303)


def _forget(answer: Response) -> Response:
    answer.delete_cookie(ATTEMPT, path=PLACE)
    return answer


def _say(error: NotSignedOn, provider: Provider) -> None:
    log.warning("single sign-on came to nothing", what=error.what, why=str(error), issuer=provider.issuer)
