"""Changing a store: how often it is read, its keys, and removing it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.datastructures import FormData
from fastapi.responses import RedirectResponse, Response
from sqlmodel import Session, col, select

from storelink.access.role import Caller
from storelink.connectors import registry
from storelink.connectors.bound import can_bound
from storelink.connectors.protocol import Account
from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, SyncState
from storelink.sync import account, entry, since
from storelink.sync.opening import entered_at, examine, measure_clock, remembered
from storelink.sync.token import Remembered
from storelink.web.api.caller import store_for
from storelink.web.console.page import show
from storelink.web.console.signed import Operator, OwnForm
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Path(max_length=63)]
Text = Annotated[str, Form(max_length=2000)]
_BOUNDS = (10, 86_400)


async def _form(request: Request) -> FormData:
    return await request.form()


@router.get("/stores/{store}/change")
def change(request: Request, caller: Operator, services: Use, store: Name) -> Response:
    """The forms."""
    return _page(request, caller, services, store_for(services, caller, store))


@router.post("/stores/{store}/intervals", dependencies=[OwnForm])
def set_intervals(
    request: Request, caller: Operator, services: Use, store: Name, form: Annotated[FormData, Depends(_form)]
) -> Response:
    """How often the store, and each resource of it, is read."""
    row = store_for(services, caller, store)
    wrong: list[tuple[str, str]] = []
    whole = _seconds(form.get("interval"), "interval", wrong)
    if whole is None and not wrong:
        wrong.append(("interval", "Enter how many seconds pass between two reads, such as 300."))
    with services.database.session() as session:
        before = _intervals(session, row)
        after = {one: _seconds(form.get(one), f"interval-{one}", wrong) for one in before}
        if wrong or whole is None:
            return _page(request, caller, services, row, wrong=wrong, status=422)
        if whole != row.sync_interval:
            account.set_interval(session, row.id, whole, actor=caller.actor)
        for resource, seconds in after.items():
            if seconds != before[resource]:
                account.set_resource_interval(session, row.id, resource, seconds, actor=caller.actor)
        session.commit()
    return RedirectResponse(f"/console/stores/{row.name}?done=intervals", 303)


def _seconds(value: object, field: str, wrong: list[tuple[str, str]]) -> int | None:
    """The number that was entered; None for nothing. What is no number goes among what is wrong."""
    text = str(value or "").strip()
    if not text:
        return None
    least, most = _BOUNDS
    if text.isascii() and text.isdecimal() and len(text) < 9 and least <= int(text) <= most:
        return int(text)
    wrong.append((field, f"Enter whole seconds, {least} to {most}."))
    return None


@router.post("/stores/{store}/since", dependencies=[OwnForm])
def set_since(
    request: Request, caller: Operator, services: Use, store: Name, orders_since: Text = ""
) -> Response:
    """From when on orders are read; nothing entered: from the first."""
    row = store_for(services, caller, store)
    try:
        moment = since.moment_of(orders_since.strip() or since.ALL, row.settings)
        with services.database.session() as session:
            moved = account.set_orders_since(
                session, registry.get(row.platform), row.id, moment, actor=caller.actor
            )
            session.commit()
    except Misconfigured as error:
        wrong = [("orders_since", str(error))]
        return _page(request, caller, services, row, wrong=wrong, status=422, entered=orders_since)
    done = "?done=wider" if moved.wider else "?done=narrower" if moved.narrower else ""
    return RedirectResponse(f"/console/stores/{row.name}{done}", 303)


@router.post("/stores/{store}/keys", dependencies=[OwnForm])
def set_keys(
    request: Request, caller: Operator, services: Use, store: Name, form: Annotated[FormData, Depends(_form)]
) -> Response:
    """Try new keys, and keep them if they work."""
    row = store_for(services, caller, store)
    connector = registry.get(row.platform)
    try:
        mode = entry.usable_mode(connector, str(form.get("auth_mode") or row.auth_mode))
        if connector.authorization is not None and connector.authorization.mode == mode:
            raise Misconfigured("This way needs a person's consent in the browser.")
        fields = {one.name: form.get(one.name) for one in connector.auth_modes[mode]}
        entered = entry.check_credentials(connector, mode, fields)
    except Misconfigured as error:
        return _page(request, caller, services, row, wrong=[("keys", str(error))], status=422)
    keeper = Remembered(None)
    candidate = Account(
        row.name, row.store_url, mode, entered, entered_at(row), row.allow_http, keeper
    )  # fmt: skip
    checkup = examine(services.database, connector, candidate, services.settings)
    if not checkup.healthy:
        words = [("keys", "The store cannot be read with these keys.")]
        return _page(request, caller, services, row, wrong=words, findings=checkup.findings, status=422)
    now = measure_clock(services.database)()
    with services.database.session() as session:
        account.set_credentials(
            session, services.keyring, connector, row.id, entered, auth_mode=mode, token=keeper.held(),
            actor=caller.actor,
        )  # fmt: skip
        account.remember(session, row.id, remembered(checkup, now))
        session.commit()
    return RedirectResponse(f"/console/stores/{row.name}?done=keys#access", 303)


@router.post("/stores/{store}/remove", dependencies=[OwnForm])
def remove(
    request: Request, caller: Operator, services: Use, store: Name, confirm: Text = "", purge: Text = ""
) -> Response:
    """Forget the keys, and with `purge` all that was read; the name is typed to confirm."""
    row = store_for(services, caller, store)
    if confirm.strip() != row.name:
        wrong = [("confirm", f"Type {row.name}, exactly. Nothing was removed.")]
        return _page(request, caller, services, row, wrong=wrong, status=422)
    with services.database.session() as session:
        account.remove(session, row.id, purge=purge == "yes", actor=caller.actor)
        session.commit()
    return RedirectResponse("/console/overview", 303)


def _intervals(session: Session, row: ConnectorConfig) -> dict[str, int | None]:
    query = select(SyncState.resource, SyncState.interval).where(SyncState.connector_id == row.id)
    return dict(session.exec(query.order_by(col(SyncState.resource))).all())


def _page(
    request: Request, caller: Caller, services: Services, row: ConnectorConfig, *, status: int = 200,
    wrong: list[tuple[str, str]] | None = None, findings: Any = (), entered: str | None = None,
) -> Response:  # fmt: skip
    connector = registry.get(row.platform)
    by_consent = connector.authorization.mode if connector.authorization else None
    with services.database.session() as session:
        intervals, held = _intervals(session, row), since.of(session, row)
    day = since.day_of(held, row.settings).isoformat() if held else ""
    return show(
        request, "store_change.html", caller, status=status, row=row, intervals=intervals, findings=findings,
        modes={mode: fields for mode, fields in connector.auth_modes.items() if mode != by_consent},
        wrong=wrong or [], boundable=can_bound(connector), bound=since.words(held, row.settings),
        entered_since=day if entered is None else entered, wrong_since=dict(wrong or ()).get("orders_since"),
    )  # fmt: skip
