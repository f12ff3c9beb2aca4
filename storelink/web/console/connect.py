"""Connecting a store: where it is, how to get in, what the check found, and the first read."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.datastructures import FormData
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session

from storelink.access.role import Caller
from storelink.connectors import registry
from storelink.connectors.key_grant import key_grant_of
from storelink.connectors.protocol import Connector
from storelink.errors import Misconfigured, NotFound
from storelink.models import PendingStore
from storelink.sync import admission, pace, pending, since
from storelink.sync.entry import is_this_machine
from storelink.sync.guardian import usable_public_url
from storelink.sync.status import StoreStatus, read_status
from storelink.web.api.caller import store_for
from storelink.web.api.problem import Problem
from storelink.web.console import health
from storelink.web.console.live import marked
from storelink.web.console.page import show
from storelink.web.console.signed import Operator, OwnForm, reached
from storelink.web.reach import usable_store
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=2000)]
EVERYTHING = "everything"
"""What is sent for the choice of all orders; for any other the day."""
INTERVALS = {60: "1 minute", 300: "5 minutes", 900: "15 minutes", 3600: "1 hour"}


async def _form(request: Request) -> FormData:
    return await request.form()


Sent = Annotated[FormData, Depends(_form)]


def _id_of(pending_id: Annotated[str, Path(max_length=64)]) -> uuid.UUID:
    try:
        return uuid.UUID(pending_id)
    except ValueError:
        raise Problem(404, "not_found", "Nobody is connecting a store here.") from None


Which = Annotated[uuid.UUID, Depends(_id_of)]


@router.get("/connect")
def connect(request: Request, caller: Operator) -> Response:
    """The first step: which store."""
    return _first(request, caller)


@router.post("/connect", dependencies=[OwnForm])
def choose(
    request: Request,
    caller: Operator,
    services: Use,
    platform: Text = "",
    name: Text = "",
    store_url: Text = "",
) -> Response:
    """Keep which store it is to be."""
    entered = {"platform": platform, "name": name.strip(), "store_url": store_url.strip()}
    try:
        connector = registry.get(platform)
    except Misconfigured:
        return _first(request, caller, entered, ("platform", "Choose what the store runs on."))
    if not entered["name"] or not entered["store_url"]:
        field = "store_url" if entered["name"] else "name"
        return _first(request, caller, entered, (field, "Enter a name and the address of the store."))
    try:
        url = usable_store(services.settings, connector, entered["store_url"], allow_http=False)
    except Misconfigured as error:
        return _first(request, caller, entered, ("store_url", str(error)))
    with services.database.session() as session:
        try:
            row = pending.begin(session, connector, entered["name"], url, actor=caller.actor)
        except Misconfigured as error:
            session.rollback()
            field = "store_url" if error.code == "store_url" else "name"
            return _first(request, caller, entered, (field, str(error)))
        session.commit()
        to = place(row)
    return RedirectResponse(to, 303)


def _first(
    request: Request, caller: Caller, entered: dict[str, str] | None = None,
    wrong: tuple[str, str] | None = None,
) -> Response:  # fmt: skip
    found = registry.find_all().connectors
    return show(
        request, "connect.html", caller, status=422 if wrong else 200, wrong=wrong,
        entered={"platform": "", "name": "", "store_url": ""} | (entered or {}),
        platforms=sorted(found.values(), key=lambda one: one.title, reverse=True),
    )  # fmt: skip


@router.get("/connect/{pending_id}")
def go_on(request: Request, caller: Operator, services: Use, which: Which) -> Response:
    """The step that it has come to."""
    with services.database.session() as session:
        return _step(request, caller, services, session, find(session, which, caller))


@router.get("/connect/{pending_id}/waiting")
def waiting(request: Request, caller: Operator, services: Use, which: Which) -> Response:
    """For a page that waits for the store's answer: leads on when that is there."""
    mark = marked(services, f"connect/{which}")
    with services.database.session() as session:
        row = find(session, which, caller)
    if row.answer_digest is None:
        return Response(headers={"HX-Redirect": place(row)})
    return show(request, "connect_waiting.html", caller, row=row, mark=mark)


@router.post("/connect/{pending_id}/keys", dependencies=[OwnForm])
def enter_keys(request: Request, caller: Operator, services: Use, which: Which, form: Sent) -> Response:
    """Seal the keys and test them; those of an app that a person lets in are for going there first."""
    with services.database.session() as session:
        row = find(session, which, caller)
        connector = registry.get(row.platform)
        mode = str(form.get("auth_mode") or "")
        values = {one.name: form.get(one.name) for one in connector.auth_modes.get(mode, ())}
        try:
            pending.enter(session, services.keyring, row, mode, values)
        except Misconfigured as error:
            session.rollback()
            return _step(request, caller, services, session, find(session, which, caller), str(error))
        session.commit()
    if connector.authorization is None or connector.authorization.mode != mode:
        look(services, row)
    return RedirectResponse(place(row), 303)


@router.post("/connect/{pending_id}/test", dependencies=[OwnForm])
def test_again(caller: Operator, services: Use, which: Which) -> Response:
    """Ask the doctor again."""
    with services.database.session() as session:
        row = find(session, which, caller)
    look(services, row)
    return RedirectResponse(place(row), 303)


@router.post("/connect/{pending_id}/forget", dependencies=[OwnForm])
def stop(caller: Operator, services: Use, which: Which) -> Response:
    """Do not connect it."""
    with services.database.session() as session:
        pending.forget(session, find(session, which, caller))
        session.commit()
    return RedirectResponse("/console/connect", 303)


@router.post("/connect/{pending_id}/start", dependencies=[OwnForm])
def start(
    request: Request, caller: Operator, services: Use, which: Which, interval: Text = "300",
    back: Text = EVERYTHING,
) -> Response:  # fmt: skip
    """Register it; it is read from now on, everything first or orders since a day."""
    seconds = int(interval) if interval.isascii() and interval.isdecimal() and len(interval) < 7 else 0
    with services.database.session() as session:
        row = find(session, which, caller)
        by_consent = registry.get(row.platform).authorization
        # `connectors authorize` sends people back to the same place
        sent = {"redirect_url": redirect_url(request, services, row.platform)}
        more = sent if by_consent is not None and by_consent.mode == row.auth_mode else {}
        try:
            moment = since.moment_of(since.ALL if back == EVERYTHING else back, row.settings)
            made = pending.finish(
                session, services.keyring, row, interval=seconds, actor=caller.actor, settings=more,
                orders_since=moment,
            )  # fmt: skip
        except Misconfigured as error:
            session.rollback()
            return _step(
                request, caller, services, session, find(session, which, caller), str(error), chosen=back
            )
        session.commit()
        name = made.name
    return RedirectResponse(f"/console/stores/{name}/first-read", 303)


@router.get("/stores/{store}/first-read")
def first_read(request: Request, caller: Operator, services: Use, store: str) -> Response:
    """How far the first read is; the part that moves comes alone when it is asked for by htmx."""
    row = store_for(services, caller, store)
    mark = marked(services, f"store/{row.name}")
    with services.database.session() as session:
        _, found = read_status(session, [row.name])
        speeds = pace.speeds(session, row.id)
    status = found[0]
    part = "first_read_part.html" if request.headers.get("hx-request") else "first_read.html"
    over = all(one.state not in ("new", "first_read", "stopped") for one in status.resources)
    return show(
        request, part, caller, mark=mark, store=status, over=over, health=health.health(status),
        platform=row.platform, title=registry.get(row.platform).title,
        failing=any(one.failures for one in status.resources), speeds=speeds, left=_left(status, speeds),
    )  # fmt: skip


def _left(status: StoreStatus, speeds: Mapping[str, float]) -> float | None:
    """About how many seconds the first read still takes; None where that is not known of each resource."""
    waiting = [one for one in status.resources if one.state in ("new", "first_read", "stopped")]
    if not waiting or not all(one.total and one.resource in speeds for one in waiting):
        return None
    return sum(max(0, (one.total or 0) - (one.done or 0)) / speeds[one.resource] for one in waiting)


# -- what the steps share ------------------------------------------------------------------------------


def find(session: Session, which: uuid.UUID, caller: Caller) -> PendingStore:
    """The caller's row. Raises `Problem` 404."""
    try:
        return pending.find(session, which, actor=caller.actor)
    except NotFound as error:
        raise Problem(404, "not_found", str(error)) from None


def look(services: Services, row: PendingStore) -> None:
    """Ask the doctor; that the address leads out of the network is made sure of again."""
    usable_store(services.settings, registry.get(row.platform), row.store_url, allow_http=False)
    pending.look(services.database, services.keyring, services.settings, row)


def place(row: PendingStore) -> str:
    """The page of a store that is being connected."""
    return f"/console/connect/{row.id}"


def public_url(request: Request, services: Services) -> str | None:
    """Where stores and their owners' browsers reach us; on this machine, where the browser did."""
    here = reached(request) if is_this_machine(request.base_url.hostname or "") else None
    given = services.settings.public_url or here
    return usable_public_url(given) if given else None


def redirect_url(request: Request, services: Services, platform: str) -> str:
    """Where a platform sends people back to."""
    base = public_url(request, services) or reached(request)
    return f"{base}/console/connect/{platform}/return"


def _step(
    request: Request, caller: Caller, services: Services, session: Session, row: PendingStore,
    wrong: str = "", chosen: str = "",
) -> Response:  # fmt: skip
    connector = registry.get(row.platform)
    hint = None
    if row.data_key is not None:
        candidate = pending.open_candidate(session, services.keyring, row)
        hint = admission.hint_of(next(iter(candidate.credentials.values()), ""))
    findings = row.findings or []
    step = 4 if row.healthy else 3 if findings else 2
    return show(
        request, "connect_step.html", caller, status=422 if wrong else 200, row=row, step=step, wrong=wrong,
        title=connector.title, modes=connector.auth_modes, hint=hint, findings=findings,
        problems=sum(one["level"] == "problem" for one in findings),
        warnings=sum(one["level"] == "warning" for one in findings), intervals=INTERVALS,
        clicking=_clicking(request, services, connector, row), at=place(row), **_amounts(row), mark="",
        chosen=chosen,
        redirect_url=redirect_url(request, services, row.platform),
        by_consent=connector.authorization.mode if connector.authorization else None,
    )  # fmt: skip


def _clicking(request: Request, services: Services, connector: Connector, row: PendingStore) -> str:
    """`no`, `grant`: the store makes keys; `unreachable`: it would; `consent`: the app's keys are there."""
    grant, base = key_grant_of(connector), public_url(request, services)
    if grant is not None:
        try:
            grant.address(row.store_url, "", base or "", base or "")
        except Misconfigured:
            return "unreachable"
        return "grant"
    mode = connector.authorization.mode if connector.authorization else None
    return "consent" if mode is not None and row.auth_mode == mode and row.credentials is None else "no"


def _amounts(row: PendingStore) -> dict[str, Any]:
    """How much there is to read, and about how long that takes, for each choice of how far back."""
    amounts = row.amounts or []
    everything = {"title": "Everything", "day": None, "orders": None, "requests": None, "seconds": None}
    known = bool(amounts) and all(one["total"] is not None for one in amounts)
    if known and not row.choices:
        everything |= {name: sum(one[name] for one in amounts) for name in ("requests", "seconds")}
        everything["orders"] = next((one["total"] for one in amounts if one["resource"] == "orders"), None)
    orders = next((one for one in amounts if one["resource"] == "orders" and one["total"]), None)
    return {
        "choices": row.choices or [everything], "everything": EVERYTHING, "orders": orders,
        "others": [one for one in amounts if one["resource"] != "orders"],
        "boundable": bool(row.choices),
    }  # fmt: skip
