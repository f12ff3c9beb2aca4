"""Who did what: the audit log, the latest first."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from storelink.access.role import Caller
from storelink.sync import audit, audit_log
from storelink.sync.order_story import names_of
from storelink.web.api.caller import stores_for
from storelink.web.console import sheet
from storelink.web.console.page import clock_of, show
from storelink.web.console.signed import Operator
from storelink.web.console.timeline import person
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)
Text = Annotated[str, Query(max_length=200)]
LIMIT = 50
ABOUT: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "refunds": ("Refunds", ("refund.",)),
    "addresses": ("Addresses", ("address.",)),
    "stores": ("Stores", ("connector.", "webhooks.")),
    "people": ("People and tokens", ("user.", "token.")),
    "privacy": ("Privacy and keys", ("privacy.", "key.", "list.")),
}
"""What can be asked for → its words, and how its actions begin."""
_WORDS = {
    "connector.add": "connected the store", "connector.remove": "removed the store",
    "connector.pause": "paused reading", "connector.resume": "resumed reading",
    "connector.set": "changed how often it is read",
    "connector.set_since": "changed how far back its orders are read",
    "connector.set_credentials": "entered new keys",
    "connector.sync_now": "had it read at once", "connector.verify_now": "had it checked at once",
    "connector.uninstalled": "found the app taken out of the store",
    "webhooks.install": "had webhooks installed", "webhooks.remove": "had webhooks removed",
    "token.create": "made a token", "token.revoke": "revoked a token",
    "user.create": "made an account", "user.invite": "made a one-time link", "user.sign_in": "signed in",
    "user.set_password": "chose a password", "user.set_role": "changed a role",
    "user.disable": "disabled an account", "user.enable": "enabled an account",
    "user.link": "was linked to single sign-on", "user.unlink": "ended a link to single sign-on",
    "user.use_link": "signed in by a one-time link",
    "privacy.erase": "erased a person", "privacy.export": "handed out what is held of a person",
    "list.save": "saved a list", "key.begin": "made the first master key",
    "refund.requested": "asked for a refund", "refund.waiting_approval": "asked for a refund, to be approved",
    "refund.approved": "approved a refund", "refund.sent": "sent a refund to the store",
    "refund.settled": "settled a refund", "refund.failed": "ended a refund: it was not done",
    "refund.needs_attention": "stopped: a refund needs a person", "refund.resolved": "decided about a refund",
    "refund.unknown": "had no answer to a refund", "refund.retried": "had a refund sent again",
    "address.requested": "asked for a change of address", "address.sent": "sent a change of address",
    "address.settled": "settled a change of address",
    "address.unknown": "had no answer to a change of address",
    "address.failed": "ended a change of address: it was not done",
    "address.needs_attention": "stopped: a change of address needs a person",
    "address.resolved": "decided about a change of address",
}  # fmt: skip


def asked_in(
    store: Text = "", who: Text = "", what: Text = "", since: Text = "", until: Text = ""
) -> dict[str, str]:
    """The filters as they stand in the page's address, empty ones too."""
    return {"store": store, "who": who.strip().replace("\0", ""), "what": what if what in ABOUT else "",
            "since": _day(since), "until": _day(until)}  # fmt: skip


Filters = Annotated[dict[str, str], Depends(asked_in)]


@router.get("/audit")
def log(
    request: Request, caller: Operator, services: Use, filters: Filters,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:  # fmt: skip
    """Every deed of a person or of storelink itself."""
    asked, stores = _asked(request, caller, services, filters)
    with services.database.session() as session:
        found = audit_log.read(session, asked, before=before, limit=LIMIT + 1)
        names = names_of(session)
    rows, kept = found[:LIMIT], {name: value for name, value in filters.items() if value}
    older = {**kept, "before": rows[-1].id} if len(found) > LIMIT else None
    return show(
        request, "audit.html", caller, rows=[_row(one, names) for one in rows], stores=stores,
        filters=filters, about=ABOUT, people=names, narrowed=bool(kept),
        older=f"/console/audit?{urlencode(older)}" if older else None,
        newer=_link("/console/audit", kept) if before else None, csv=_link("/console/audit.csv", kept),
    )  # fmt: skip


@router.get("/audit.csv")
def save(request: Request, caller: Operator, services: Use, filters: Filters) -> Response:
    """The same as a file, whole."""
    asked, _ = _asked(request, caller, services, filters)
    with services.database.session() as session:
        audit.record(session, "list.save", actor=caller.actor, subject="audit log")
        session.commit()
    clock = clock_of(request)
    head = ("when", "who", "name", "did what", "action", "store", "to", "details")
    return sheet.answer(f"audit-{clock.now:%Y-%m-%d}", head, _cells(services, asked), clock.zone)


def _cells(services: Services, asked: audit_log.Asked) -> Iterator[tuple[sheet.Cell, ...]]:
    before, full = None, True
    with services.database.session() as session:
        names = names_of(session)
        while full:
            rows = audit_log.read(session, asked, before=before, limit=1000)
            session.rollback()
            for one in rows:
                detail = orjson.dumps(one.detail).decode() if one.detail else ""
                yield (one.at, one.actor, person(one.actor, names), in_words(one.action), one.action,
                       one.store, one.subject, detail)  # fmt: skip
            before, full = (rows[-1].id if rows else None), len(rows) == 1000


def _asked(
    request: Request, caller: Caller, services: Services, filters: Mapping[str, str]
) -> tuple[audit_log.Asked, list[str]]:
    """The filters as the log takes them, and the names of the stores that can be chosen."""
    rows = stores_for(services, caller)
    chosen = [one.id for one in rows if one.name == filters["store"]]
    ids = chosen or (None if caller.connectors is None else [one.id for one in rows])
    begins = ABOUT[filters["what"]][1] if filters["what"] else ()
    zone = clock_of(request).zone
    since, until = (
        datetime.combine(date.fromisoformat(filters[name]), time(), zone) if filters[name] else None
        for name in ("since", "until")
    )
    end = until + timedelta(days=1) if until else None
    asked = audit_log.Asked(ids, filters["who"] or None, begins, since, end)
    return asked, [one.name for one in rows]


def _day(text: str) -> str:
    """A day as a form sends it; "" for what is none, or is out of all calendars."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return ""
    return text if 1970 < found.year < 9000 and len(text) == 10 else ""


def _row(one: audit_log.Deed, names: Mapping[str, str]) -> dict[str, Any]:
    kind = one.action.partition(".")[0]
    request = f"/console/requests/{kind}/{one.subject}" if kind in ("refund", "address") else None
    order = str(one.detail.get("order") or "") if request else ""
    through = one.detail.get("through") if one.action == "user.sign_in" else None
    words = in_words(one.action) + (f" through {through}" if through else "")
    return {"at": one.at, "actor": one.actor, "name": person(one.actor, names), "words": words,
            "store": one.store, "subject": one.subject, "detail": one.detail, "request": request,
            "order": order}  # fmt: skip


def _link(place: str, kept: Mapping[str, object]) -> str:
    return place + (f"?{urlencode(kept)}" if kept else "")


def in_words(action: str) -> str:
    """The deed as a person would say it: `refund.twin` is `Refund: twin`."""
    kind, _, deed = action.partition(".")
    words = _WORDS.get(action) or f"{kind.replace('_', ' ')}: {deed.replace('_', ' ')}"
    return words[:1].upper() + words[1:]
