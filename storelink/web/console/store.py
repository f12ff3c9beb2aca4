"""One store: how it stands, what it is asked, and the deeds of ops."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from storelink.access.role import Caller
from storelink.connectors import registry
from storelink.connectors.bound import can_bound
from storelink.connectors.hook import webhooks_of
from storelink.connectors.protocol import Checkup, Connector
from storelink.models import ConnectorConfig
from storelink.scheduler import ask
from storelink.sync import account, admission, delivery, guardian, pace
from storelink.sync.lane import hold
from storelink.sync.opening import check_again, open_subject
from storelink.sync.quarantine import list_quarantined, retry
from storelink.sync.status import read_runs, read_status
from storelink.web.api.caller import store_for
from storelink.web.api.problem import Problem
from storelink.web.console import health, store_words
from storelink.web.console.live import marked
from storelink.web.console.orders import order_link
from storelink.web.console.page import show
from storelink.web.console.signed import Operator, OwnForm, Reader
from storelink.web.services import Services, Use

router = APIRouter(include_in_schema=False)

Name = Annotated[str, Path(max_length=63)]
Text = Annotated[str, Form(max_length=2000)]
PASSES, ALL_PASSES, ASIDE = 8, 200, 25
"""Rows that a page shows: passes, all passes, records in quarantine."""


@router.get("/stores/{store}")
def store_page(
    request: Request, caller: Reader, services: Use, store: Name,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """How one store stands. It asks the database only."""
    return page(request, caller, services, store_for(services, caller, store), done=done)


@router.get("/stores/{store}/reading")
def reading(request: Request, caller: Reader, services: Use, store: Name) -> Response:
    """The part that tells of reading, for a page that is open."""
    row = store_for(services, caller, store)
    return show(request, "store_reading.html", caller, **_reading(services, row, registry.get(row.platform)))


@router.post("/stores/{store}/sync", dependencies=[OwnForm])
def sync_now(caller: Operator, services: Use, store: Name) -> Response:
    """Have everything read by a worker at once."""
    row = store_for(services, caller, store)
    wanted = registry.get(row.platform).resources
    ask.read_now(services.database, row.name, wanted, actor=caller.actor)
    return _back(row, "sync")


@router.post("/stores/{store}/verify", dependencies=[OwnForm])
def verify_now(caller: Operator, services: Use, store: Name, resource: Text = "") -> Response:
    """Have all, or one resource, compared with the store; what differs is fetched."""
    row = store_for(services, caller, store)
    wanted = [one for one in registry.get(row.platform).resources if resource in ("", one)]
    ask.verify_now(services.database, row.name, wanted, actor=caller.actor)
    return _back(row, "verify", "verify")


@router.post("/stores/{store}/accept", dependencies=[OwnForm])
def accept_deletions(
    caller: Operator, services: Use, store: Name, resource: Text = "", accepted: Text = ""
) -> Response:
    """What is gone from the store may be marked so: as many as the person saw, and no more."""
    row = store_for(services, caller, store)
    many = int(accepted) if accepted.isascii() and accepted.isdecimal() and len(accepted) < 10 else 0
    if resource not in registry.get(row.platform).resources or not many:
        raise Problem(422, "accepted", "Say of what, and how many deletions are accepted.")
    ask.verify_now(services.database, row.name, [resource], accepted=many, actor=caller.actor)
    return _back(row, "accepted", "verify")


@router.post("/stores/{store}/pause", dependencies=[OwnForm])
def pause(caller: Operator, services: Use, store: Name) -> Response:
    """Stop reading it."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        account.pause(session, row.id, actor=caller.actor)
        session.commit()
    return _back(row, "pause")


@router.post("/stores/{store}/resume", dependencies=[OwnForm])
def resume(caller: Operator, services: Use, store: Name) -> Response:
    """Read it again."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        account.resume(session, row.id, actor=caller.actor)
        session.commit()
    return _back(row, "resume")


@router.post("/stores/{store}/check", dependencies=[OwnForm])
def check(request: Request, caller: Operator, services: Use, store: Name) -> Response:
    """Ask the store what it is and what is missing; what was found is shown once."""
    row = store_for(services, caller, store)
    checkup = check_again(services.database, services.keyring, row.name, services.settings)
    return page(request, caller, services, store_for(services, caller, store), checkup=checkup)


@router.post("/stores/{store}/webhooks/look", dependencies=[OwnForm])
def look_at_webhooks(request: Request, caller: Operator, services: Use, store: Name) -> Response:
    """Ask the store for its webhooks; what was found is shown once."""
    row = store_for(services, caller, store)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        found = guardian.look(services.database, subject)
    return page(request, caller, services, row, standing=found)


@router.post("/stores/{store}/webhooks/install", dependencies=[OwnForm])
def install_webhooks(
    request: Request, caller: Operator, services: Use, store: Name, public_url: Text = ""
) -> Response:
    """Subscribe to the store's webhooks; again changes only what has to be changed."""
    row = store_for(services, caller, store)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        report = guardian.install(
            services.database, services.keyring, subject, public_url, actor=caller.actor
        )
        if report.refused:
            found = guardian.look(services.database, subject)
            again = store_for(services, caller, store)
            return page(request, caller, services, again, standing=found, refused=report.refused)
    return _back(row, "webhooks", "webhooks")


@router.post("/stores/{store}/webhooks/remove", dependencies=[OwnForm])
def remove_webhooks(caller: Operator, services: Use, store: Name) -> Response:
    """Delete our webhooks in the store."""
    row = store_for(services, caller, store)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        guardian.remove(services.database, subject, actor=caller.actor)
    return _back(row, "unhooked", "webhooks")


@router.post("/stores/{store}/quarantine/retry", dependencies=[OwnForm])
def retry_set_aside(
    caller: Operator, services: Use, store: Name, resource: Text = "", record: Text = ""
) -> Response:
    """Read what is set aside again: one record, or all of the store's."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        held = {one.resource for one in list_quarantined(session, row.id)}
    tried = released = 0
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        for one in sorted(held if not resource else held & {resource}):
            with hold(services.database, row.id, one, None) as lane:
                done = retry(lane, subject, [record] if record else None)
            tried, released = tried + done.tried, released + done.released
    return _back(row, "retried" if released or not tried else "still", "quarantine")


def _back(row: ConnectorConfig, done: str, part: str = "") -> Response:
    return RedirectResponse(f"/console/stores/{row.name}?done={done}{'#' + part if part else ''}", 303)


# -- the page ----------------------------------------------------------------------------------------


def page(
    request: Request, caller: Caller, services: Services, row: ConnectorConfig, *, done: str = "",
    checkup: Checkup | None = None, standing: guardian.Standing | None = None,
    refused: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    """The whole page, with what was just done or found."""
    connector = registry.get(row.platform)
    shown = _reading(services, row, connector)
    status = shown["store"]
    with services.database.session() as session:
        aside = list_quarantined(session, row.id)
        traffic = delivery.traffic(session, row.id)
        way = admission.read(session, services.keyring, row, connector)
        asked = pace.pace(session, row.id)
    kept = row.settings.get(guardian.SETTING) or {}
    return show(
        request, "store.html", caller, **shown, row=row, aside_count=len(aside),
        facts=store_words.facts(row.settings, connector.title), health=_health(status),
        sentence=store_words.sentence(status), aside=[store_words.set_aside(one) for one in aside[:ASIDE]],
        hooks=store_words.hooks(traffic, standing), hooked=webhooks_of(connector) is not None,
        webhooks=kept, standing=standing, refused=refused or {}, way=way, pace=asked, checkup=checkup,
        broken_hooks=any(one.kind == "subscription_lost" for one in status.alerts),
        done=store_words.DONE.get(done, ""),
        public_url=kept.get("public_url") or services.settings.public_url, width=services.settings.width,
        admin=_admin(row, connector), order_link=order_link,
        boundable=can_bound(connector),
        by_consent=connector.authorization is not None and connector.authorization.mode == row.auth_mode,
        rate=store_words.rate([line.step for line in shown["lines"]]),
        checked_at=max(filter(None, (one.last_verified_at for one in status.resources)), default=None),
        ledgers=[store_words.ledger(line.status, line.step) for line in shown["lines"]],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Line:
    """One resource in the table of what is read."""

    status: Any
    fresh: health.Freshness
    last: str
    step: pace.Step | None
    whole: bool
    """Whether the store cannot list it by change."""


def _reading(services: Services, row: ConnectorConfig, connector: Connector) -> dict[str, Any]:
    mark = marked(services, f"store/{row.name}")
    with services.database.session() as session:
        now, found = read_status(session, [row.name])
        steps = pace.steps(session, row.id)
        runs = read_runs(session, row.id, limit=PASSES)
    status = found[0]
    lines = [
        _Line(
            one, health.freshness(status, now, one.resource),
            store_words.last_pass(steps.get(one.resource), one), steps.get(one.resource),
            one.resource in connector.listed_whole,
        )
        for one in status.resources
    ]  # fmt: skip
    nexts = [one.next_at for one in status.resources if one.next_at is not None]
    return {
        "mark": mark, "store": status, "title": connector.title, "lines": lines,
        "passes": store_words.passes(runs),
        "next_at": min(nexts, default=None), "db_now": now,
    }  # fmt: skip


@router.get("/stores/{store}/passes")
def all_passes(
    request: Request, caller: Reader, services: Use, store: Name, failed: bool = False
) -> Response:
    """The last passes that changed something or failed."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        runs = read_runs(session, row.id, failed=failed, limit=ALL_PASSES)
    return show(
        request, "store_passes.html", caller, row=row, passes=store_words.passes(runs), failed=failed,
        most=ALL_PASSES,
    )  # fmt: skip


def _health(status: Any) -> health.Health:
    if status.status != "paused" and status.needs_person:
        return health.Health("bad" if status.status == "auth_failed" else "warn", "warn", "Needs a person")
    return health.health(status)


def _admin(row: ConnectorConfig, connector: Connector) -> str | None:
    path = getattr(connector, "admin_path", None)
    return f"{row.store_url}{path}" if path else None
