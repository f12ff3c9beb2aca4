"""The console: pages for ops and support, drawn on the server, whole without JavaScript."""

from contextlib import suppress

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from storelink.access.provider import provider_of
from storelink.access.sign_on import read_rules
from storelink.errors import DatabaseAway, StorelinkError
from storelink.web.api.problem import Problem, problem_of
from storelink.web.console import (
    address,
    address_request,
    asset,
    audit,
    catalog,
    connect,
    connect_click,
    customers,
    door,
    live,
    oidc,
    order,
    orders,
    overview,
    people,
    refund,
    refund_request,
    requests,
    saving,
    settings,
    store,
    store_change,
)
from storelink.web.console.page import HOME, shut
from storelink.web.console.signed import HEADERS, Away, Foreign, guard_forms, signed_in
from storelink.web.services import Services, services_of

PARTS = (
    asset,
    door,
    oidc,
    live,
    overview,
    orders,
    order,
    refund,
    refund_request,
    customers,
    catalog,
    requests,
    saving,
    audit,
    people,
    connect,
    connect_click,
    settings,
    store,
    store_change,
    address,
    address_request,
)


def create(services: Services) -> FastAPI:
    """The application that is mounted at `/console`. Raises `Misconfigured` for settings of no sense."""
    app = FastAPI(title="storelink console", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services, app.state.lookout = services, live.Lookout(services)
    app.state.provider = provider_of(services.settings)
    app.state.rules = read_rules(services.settings.oidc_roles)
    app.middleware("http")(guard_forms)
    for part in PARTS:
        app.include_router(part.router)

    @app.exception_handler(Away)
    async def on_away(request: Request, error: Away) -> Response:
        if request.headers.get("hx-request"):
            return Response(headers={"HX-Redirect": error.to})
        return RedirectResponse(error.to, 303)

    @app.exception_handler(Foreign)
    async def on_foreign(request: Request, _error: Foreign) -> Response:
        return shut(request, 403, "This form did not come from a page of yours",
                    "Nothing was done. Open the page again, and send it from there.")  # fmt: skip

    @app.exception_handler(Problem)
    async def on_problem(request: Request, error: Problem) -> Response:
        return shut(request, error.status, _head_of(error.status), error.detail)

    @app.exception_handler(StorelinkError)
    async def on_error(request: Request, error: StorelinkError) -> Response:
        found = problem_of(error)
        head, words = _head_of(found.status), found.detail
        if found.status == 503:
            head = _AWAY if isinstance(error, DatabaseAway) else _STORE_AWAY
            after = (found.headers or {}).get("Retry-After")
            words += f" Try again in {after} s." if after and request.method == "GET" else ""
        return shut(request, found.status, head, words)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(DataError)  # a NUL, say: no value of any column
    async def on_invalid(request: Request, error: Exception) -> Response:
        if isinstance(error, RequestValidationError) and any(
            one["loc"][0] == "path" for one in error.errors()
        ):
            return shut(request, 404, _HEADS[404], _GONE)
        words = "Something in its address or its form is not as the page sends it. Nothing was done."
        return shut(request, 422, _HEADS[422], words)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        _recognise(request)  # the page of somebody signed in has the menu, wherever it leads
        return shut(request, error.status_code, _head_of(error.status_code), _GONE)

    @app.exception_handler(Exception)
    async def on_break(request: Request, _error: Exception) -> Response:
        request.state.caller = None  # a page without the menu asks nothing of what may have broken
        words = _OURS if request.method != "GET" else _OURS_LOOKING
        answer = shut(request, 500, _HEADS[500], words)
        answer.headers.update(HEADERS)
        return answer

    @app.get("/", include_in_schema=False)
    def begin() -> Response:
        """The console's own address leads to its first page."""
        return RedirectResponse(HOME, 303)

    return app


def _recognise(request: Request) -> None:
    """Note who is signed in, where no route asked for it."""
    with suppress(Away, StorelinkError):
        signed_in(request, services_of(request))


def _head_of(status: int) -> str:
    return _HEADS.get(status, "That cannot be done")


_AWAY, _STORE_AWAY = "The database does not answer just now", "The store does not answer just now"
_OURS = (
    "It is in its log, for whoever runs storelink. What you sent may or may not be done: look before"
    " you send it again."
)
_OURS_LOOKING = (
    "Looking changes nothing. Try again; if it stays, whoever runs storelink finds the reason in its log."
)
_GONE = "Perhaps it was removed, or the address was cut short."
_HEADS = {
    403: "This is not for your role",
    404: "There is no such page",
    405: "This page cannot be asked so",
    409: "Not as things stand",
    413: "This is more than storelink takes at once",
    422: "This cannot be read as it was sent",
    429: "Too much was asked for at once",
    500: "Something went wrong on our side",
    502: "The store refuses",
    504: "The store does not answer",
}
