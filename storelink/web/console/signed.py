"""Who looks at a page: the session behind the cookie, the rights of the role, and forms of ours only."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from fastapi import Depends, Form, Request, Response
from fastapi.responses import PlainTextResponse

from storelink.access import session as browser
from storelink.access.role import Caller, Right
from storelink.web.api.problem import Problem
from storelink.web.services import Use, services_of

COOKIE = "storelink_session"
SIGN_IN = "/console/sign-in"
LIVE = "storelink-live"
"""The header of what a page asks by itself, because something has changed."""
STREAM = "/console/live"
_SAFE = ("GET", "HEAD", "OPTIONS")


class Away(Exception):
    """Answer by leading elsewhere."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


class Foreign(Exception):
    """A form without this session's key."""


async def guard_forms(request: Request, forward: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse what another site made a browser send, and say to browsers what pages may do."""
    if request.method not in _SAFE and not _own(request):
        return PlainTextResponse("This request came from another site. Nothing was done.", 403)
    answer = await forward(request)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' https:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def _own(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")


def signed_in(request: Request, services: Use) -> Caller:
    """Who is signed in. Raises `Away` to the door, which leads back."""
    cookie = request.cookies.get(COOKIE, "")
    caller = None
    if cookie:
        with services.database.session() as session:
            caller = browser.accept(session, cookie)
            # a page that nobody touches does not keep its session alive
            if LIVE not in request.headers and request.url.path != STREAM:
                session.commit()
    if caller is None:
        place = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        back = "" if request.method != "GET" or request.headers.get("hx-request") else f"?next={quote(place)}"
        raise Away(SIGN_IN + back)
    request.state.caller = caller
    return caller


Known = Annotated[Caller, Depends(signed_in)]


class Needs:
    """A page's demand for a right; tests list the pages by it."""

    def __init__(self, right: Right) -> None:
        self.right = right

    def __call__(self, caller: Known) -> Caller:
        """The caller. Raises `Problem` 403."""
        if not caller.may(self.right):
            raise Problem(
                403,
                "role",
                f"Your role, {caller.role}, may not do this. An admin of this server can change it.",
            )
        return caller


Reader = Annotated[Caller, Depends(Needs(Right.READ))]
Actor = Annotated[Caller, Depends(Needs(Right.ACT))]
Operator = Annotated[Caller, Depends(Needs(Right.OPERATE))]
Admin = Annotated[Caller, Depends(Needs(Right.ADMINISTER))]


def own_form(request: Request, form_key: Annotated[str, Form()] = "") -> None:
    """The form carries this session's key. Raises `Foreign`."""
    if not browser.is_form_key(request.cookies.get(COOKIE, ""), form_key):
        raise Foreign


OwnForm = Depends(own_form)
"""Every form that changes something has it among its route's dependencies."""


def keep(request: Request, answer: Response, cookie: str) -> None:
    """Give the browser its session."""
    answer.set_cookie(
        COOKIE, cookie, max_age=int(browser.LONGEST.total_seconds()), path="/console", httponly=True,
        samesite="lax", secure=is_secure(request),
    )  # fmt: skip


def is_secure(request: Request) -> bool:
    """Whether the browser speaks https to us, be it by way of a proxy."""
    public = services_of(request).settings.public_url or ""
    return request.url.scheme == "https" or public.startswith("https://")


def base_url(request: Request) -> str:
    """Where people reach us, without a slash at the end: as it is set, else as this browser did."""
    return (services_of(request).settings.public_url or reached(request)).rstrip("/")


def reached(request: Request) -> str:
    """Where this browser reached us."""
    return str(request.base_url).rstrip("/").removesuffix("/console")


def inside(place: str | None, otherwise: str) -> str:
    """A page of the console to go to, and never another site's."""
    if not place or not place.startswith("/console/") or "\\" in place or any(ord(one) < 32 for one in place):
        return otherwise
    parts = urlsplit(place)
    *steps, last = unquote(parts.path).split("/")[1:]
    straight = not {"", ".", ".."}.intersection(steps) and last not in (".", "..")
    return place if not parts.netloc and not parts.scheme and straight else otherwise
