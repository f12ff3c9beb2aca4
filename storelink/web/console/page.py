"""Pages: templates, what all of them share, and how they are answered."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy import text

import storelink
from storelink.access.role import Caller, Right
from storelink.access.session import form_key
from storelink.errors import DatabaseAway
from storelink.web.console import asset, words
from storelink.web.console.signed import COOKIE
from storelink.web.services import services_of

HOME = "/console/overview"
ZONE, TIMES = "storelink_zone", "storelink_times"
"""Cookies of the viewer's taste; nothing depends on them."""

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
)  # fmt: skip
TEMPLATES.globals.update(asset=asset.place, Right=Right, version=storelink.__version__)
TEMPLATES.filters.update(money=words.money, number=words.number, count=words.count, marked=words.marked,
                         spell=words.spell)  # fmt: skip


def show(
    request: Request, page: str, caller: Caller | None = None, /, *, status: int = 200, **context: Any
) -> Response:
    """A page, or a part of one."""
    template = TEMPLATES.get_template(page)
    shared = {
        "request": request,
        "caller": caller,
        "clock": clock_of(request),
        "form_key": Markup('<input type="hidden" name="form_key" value="{}">').format(
            form_key(request.cookies.get(COOKIE, ""))
        ),
        "here": request.url.path,
        "host": request.headers.get("host", ""),
        "waiting": _waiting(request) if caller is not None and not _partial(request) else _NOBODY,
    }
    return HTMLResponse(template.render(shared | context), status)


def shut(request: Request, status: int, head: str, detail: str) -> Response:
    """A page that says why there is none, and what to do."""
    caller = getattr(request.state, "caller", None)
    if _partial(request):
        answer = show(request, "refusal.html", status=200, head=head, detail=detail)
        if request.headers.get("hx-target") == "refund":  # the form stays; it is said in its box
            answer.headers.update(
                {"HX-Retarget": "#preview", "HX-Reswap": "innerHTML", "HX-Reselect": ".alert"}
            )
        return answer
    again = request.method == "GET" and (status in (409, 429) or status >= 500)
    return show(request, "shut.html", caller, status=status, head=head, detail=detail, again=again,
                sign=_SIGNS.get(status, "bad" if status >= 500 else "warn"))  # fmt: skip


_SIGNS = {403: "lock", 404: "search", 429: "wait"}


def clock_of(request: Request) -> words.Clock:
    """The viewer's clock."""
    zone, name = words.zone_of(request.cookies.get(ZONE))
    exact = request.query_params.get("times", request.cookies.get(TIMES)) == "exact"
    return words.Clock(datetime.now(UTC), zone, name, exact)


def _partial(request: Request) -> bool:
    return bool(request.headers.get("hx-request"))


def _waiting(request: Request) -> dict[str, int]:
    """How much waits for a person, for the side bar."""
    try:
        with services_of(request).database.connect() as connection:
            row = connection.execute(text(_WAITING)).mappings().one()
            return dict(row)
    except DatabaseAway:
        return _NOBODY


_NOBODY = {"stores": 0, "requests": 0, "approvals": 0}
_WAITING = """
SELECT (SELECT count(DISTINCT connector_id) FROM alert WHERE closed_at IS NULL) AS stores,
  (SELECT count(*) FROM refund_request WHERE stage = 'needs_attention')
    + (SELECT count(*) FROM address_update_request WHERE stage = 'needs_attention') AS requests,
  (SELECT count(*) FROM refund_request WHERE stage = 'waiting_approval') AS approvals
"""
