"""`/v1/stores`: register stores, check them, change and remove them; their passes and webhooks."""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Response
from sqlmodel import Session, col, select

from storelink.access.role import Caller
from storelink.connectors import registry
from storelink.connectors.protocol import Account, Checkup, Connector
from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, SyncState
from storelink.scheduler import ask
from storelink.sync import account, entry, guardian, since, status
from storelink.sync.opening import FROM_WEB, check_again, examine, measure_clock, open_subject, remembered
from storelink.sync.token import Remembered
from storelink.web.api.caller import Name, Operator, Reader, store_for, stores_for
from storelink.web.api.problem import Problem, documented
from storelink.web.api.runs import queued
from storelink.web.api.store_shapes import (
    Address,
    Change,
    Check,
    Credentials,
    Installed,
    NewStore,
    Queued,
    Registered,
    Removal,
    Standing,
    Store,
    StoreList,
    Wanted,
    WebhookStanding,
    resources_of,
)
from storelink.web.reach import usable_store
from storelink.web.services import Services, Use

router = APIRouter(prefix="/stores", tags=["stores"])

IfMatch = Annotated[
    str | None,
    Header(
        max_length=200,
        description="The ETag that `GET` gave, or `*` for any state. Needed: a newer state refuses.",
        examples=['"6f1c0e52d0b4a319e0c3f4f0"'],
    ),
]
_REFUSED = (401, 403, 404, 422, 429)

# -- routes ------------------------------------------------------------------------------------------


@router.get("", response_model=StoreList, responses=documented(401, 403, 429))
def list_stores(caller: Reader, services: Use) -> dict[str, Any]:
    """Every store that the token may see."""
    rows = stores_for(services, caller)
    with services.database.session() as session:
        return {"data": [_document(session, row) for row in rows]}


@router.post("", response_model=Registered, status_code=201, responses=documented(401, 403, 422, 429, 503))
def add_store(caller: Operator, services: Use, body: NewStore, response: Response) -> dict[str, Any]:
    """Register a store. It is read from then on, everything first, or orders since a day."""
    if caller.connectors is not None:
        raise Problem(403, "scope", "A token for certain stores cannot register others.")
    connector = _connector(body.platform)
    entry.check_name(body.name)
    since.check(connector, since.moment_of(body.orders_since or since.ALL, {}))
    url = usable_store(services.settings, connector, body.store_url, allow_http=body.allow_http)
    mode = entry.usable_mode(connector, body.auth_mode)
    if connector.authorization is not None and connector.authorization.mode == mode:
        raise Problem(422, "auth_mode", f"{mode!r} needs a person's consent in the browser: use the console.")
    entered = entry.check_credentials(connector, mode, body.credentials)
    keeper = Remembered(None)
    candidate = Account(body.name, url, mode, entered, {FROM_WEB: True}, body.allow_http, keeper)
    checkup = examine(services.database, connector, candidate, services.settings) if body.check else None
    if checkup is not None and not checkup.healthy:
        errors = [{"field": one.code, "detail": one.what} for one in checkup.findings
                  if one.level == "problem"]  # fmt: skip
        raise Problem(
            422, "check_failed", "The store cannot be read; nothing was stored. " + errors[0]["detail"],
            errors=errors,
        )  # fmt: skip
    now = measure_clock(services.database)()
    with services.database.session() as session:
        row = account.register(
            session, services.keyring, connector, name=body.name, store_url=url, credentials=entered,
            auth_mode=mode, token=keeper.held(), interval=body.interval, allow_http=body.allow_http,
            settings=(learnt := {FROM_WEB: True} | (remembered(checkup, now) if checkup else {})),
            orders_since=since.moment_of(body.orders_since or since.ALL, learnt), actor=caller.actor,
        )  # fmt: skip
        session.commit()
        document = _document(session, row)
    response.headers["Location"] = f"/v1/stores/{body.name}"
    return {
        "data": document,
        "check": _check(checkup) if checkup else None,
        "notes": list(entry.doubts(connector, mode, entered)),
    }


@router.get("/{store}", response_model=Store, responses=documented(*_REFUSED))
def show_store(caller: Reader, services: Use, store: Name, response: Response) -> dict[str, Any]:
    """One store. Its ETag goes with changes."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        document = _document(session, row)
    response.headers["ETag"] = _etag(document)
    return document


@router.patch("/{store}", response_model=Store, responses=documented(*_REFUSED, 412, 428))
def change_store(
    caller: Operator, services: Use, store: Name, body: Change, response: Response, if_match: IfMatch = None
) -> dict[str, Any]:
    """Change how often it is read, and from when on its orders are. It takes effect without a restart."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        _unchanged(session, row, if_match)
        if body.orders_since is not None:
            moment = since.moment_of(body.orders_since, row.settings)
            account.set_orders_since(session, _connector(row.platform), row.id, moment, actor=caller.actor)
        if body.interval is not None:
            account.set_interval(session, row.id, body.interval, actor=caller.actor)
        for resource, seconds in (body.intervals or {}).items():
            account.set_resource_interval(session, row.id, resource, seconds, actor=caller.actor)
        session.commit()
        document = _document(session, account.find(session, row.id))
    response.headers["ETag"] = _etag(document)
    return document


@router.put("/{store}/credentials", response_model=Store, responses=documented(*_REFUSED, 412, 428))
def change_credentials(
    caller: Operator, services: Use, store: Name, body: Credentials, response: Response,
    if_match: IfMatch = None,
) -> dict[str, Any]:  # fmt: skip
    """Enter new credentials; a store that had refused the old ones is read at once."""
    row = store_for(services, caller, store)
    connector = _connector(row.platform)
    with services.database.session() as session:
        _unchanged(session, row, if_match)
        account.set_credentials(
            session, services.keyring, connector, row.id, body.credentials, auth_mode=body.auth_mode,
            actor=caller.actor,
        )  # fmt: skip
        session.commit()
        document = _document(session, account.find(session, row.id))
    response.headers["ETag"] = _etag(document)
    return document


@router.delete("/{store}", response_model=Removal, responses=documented(*_REFUSED))
def remove_store(
    caller: Operator, services: Use, store: Name,
    purge: Annotated[bool, Query(description="Delete all that was read, too. It cannot be undone.")] = False,
) -> dict[str, Any]:  # fmt: skip
    """Forget a store's credentials and stop reading it."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        removed = account.remove(session, row.id, purge=purge, actor=caller.actor)
        session.commit()
    return {"name": removed.name, "purged": removed.purged, "counts": dict(removed.counts)}


@router.post("/{store}/check", response_model=Check, responses=documented(*_REFUSED, 503))
def check_store(caller: Operator, services: Use, store: Name) -> dict[str, Any]:
    """Look at the store now: what it is, what is missing, and how to mend it."""
    row = store_for(services, caller, store)
    return _check(check_again(services.database, services.keyring, row.name, services.settings))


@router.post("/{store}/pause", response_model=Store, responses=documented(*_REFUSED))
def pause_store(caller: Operator, services: Use, store: Name) -> dict[str, Any]:
    """Stop reading it until it is resumed."""
    return _switched(services, caller, store, "pause")


@router.post("/{store}/resume", response_model=Store, responses=documented(*_REFUSED))
def resume_store(caller: Operator, services: Use, store: Name) -> dict[str, Any]:
    """Read it again, at once."""
    return _switched(services, caller, store, "resume")


@router.post("/{store}/sync", response_model=Queued, status_code=202, responses=documented(*_REFUSED))
def sync_store(caller: Operator, services: Use, store: Name, body: Wanted) -> dict[str, Any]:
    """Have it read now by a worker. `GET …/runs` shows what came of it."""
    row = store_for(services, caller, store)
    wanted = resources_of(row, body.resources)
    ask.read_now(services.database, row.name, wanted, full=body.full, actor=caller.actor)
    return queued(services, row, wanted)


@router.get("/{store}/standing", response_model=Standing, responses=documented(*_REFUSED))
def show_standing(caller: Reader, services: Use, store: Name) -> dict[str, Any]:
    """How it stands: state, freshness, counts, the last comparison, failures."""
    row = store_for(services, caller, store)
    with services.database.session() as session:
        _, found = status.read_status(session, [row.name])
    resources = [
        {name: getattr(one, name) for name in one.__dataclass_fields__} | {"share": one.share}
        for one in found[0].resources
    ]
    return {"name": row.name, "status": row.status, "resources": resources}


@router.get("/{store}/webhooks", response_model=WebhookStanding, responses=documented(*_REFUSED, 502, 503))
def show_webhooks(caller: Operator, services: Use, store: Name) -> dict[str, Any]:
    """Whether the store tells of its changes. It asks the store."""
    row = store_for(services, caller, store)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        found = guardian.look(services.database, subject)
    return {
        "delivery_url": found.url,
        "active": list(found.active),
        "inactive": list(found.inactive),
        "missing": list(found.missing),
        "others": found.others if isinstance(found.others, int) else len(found.others),
    }


@router.put("/{store}/webhooks", response_model=Installed, responses=documented(*_REFUSED, 502, 503))
def install_webhooks(caller: Operator, services: Use, store: Name, body: Address) -> dict[str, Any]:
    """Subscribe to the store's webhooks. Doing it again changes only what has to be changed."""
    row = store_for(services, caller, store)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        report = guardian.install(
            services.database, services.keyring, subject, body.public_url, actor=caller.actor
        )
    return {name: getattr(report, name) for name in Installed.model_fields}


@router.delete("/{store}/webhooks", status_code=204, response_class=Response,
               responses=documented(*_REFUSED, 502, 503))  # fmt: skip
def remove_webhooks(caller: Operator, services: Use, store: Name) -> None:
    """Delete our webhooks in the store; it is polled as before."""
    row = store_for(services, caller, store)
    with open_subject(services.database, services.keyring, row.name, services.settings,
                      announced=True) as subject:  # fmt: skip
        guardian.remove(services.database, subject, actor=caller.actor)


# -- what they have in common ------------------------------------------------------------------------


def _connector(platform: str) -> Connector:
    try:
        return registry.get(platform)
    except Misconfigured as error:
        raise Problem(422, "platform", str(error)) from None


def _document(session: Session, row: ConnectorConfig) -> dict[str, Any]:
    intervals = session.exec(
        select(SyncState.resource, SyncState.interval)
        .where(SyncState.connector_id == row.id)
        .order_by(col(SyncState.resource))
    ).all()
    return {
        "name": row.name, "platform": row.platform, "store_url": row.store_url, "auth_mode": row.auth_mode,
        "status": row.status, "interval": row.sync_interval, "intervals": dict(intervals),
        "orders_since": since.of(session, row),
        "settings": row.settings, "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }  # fmt: skip


def _etag(document: Mapping[str, Any]) -> str:
    return '"' + hashlib.sha256(str(sorted(document.items())).encode()).hexdigest()[:24] + '"'


def _unchanged(session: Session, row: ConnectorConfig, if_match: str | None) -> None:
    """Lock the store; it is as the caller saw it. Raises `Problem` 412 and 428."""
    if if_match is None:
        words = "Send `If-Match` with the ETag of the state that you saw, or `*` if any will do."
        raise Problem(428, "if_match", words)
    held = account.find(session, row.id, lock="row")
    seen = [one.strip().removeprefix("W/") for one in if_match.split(",")]
    if "*" not in seen and _etag(_document(session, held)) not in seen:
        raise Problem(412, "changed", f"{row.name} was changed meanwhile. Read it again, then change it.")


def _check(checkup: Checkup) -> dict[str, Any]:
    return {
        "healthy": checkup.healthy,
        "auth_failed": checkup.auth_failed,
        "findings": [
            {"level": one.level, "code": one.code, "what": one.what, "mend": one.mend}
            for one in checkup.findings
        ],
        "settings": dict(checkup.settings),
    }


def _switched(
    services: Services, caller: Caller, store: str, deed: Literal["pause", "resume"]
) -> dict[str, Any]:
    row = store_for(services, caller, store)
    with services.database.session() as session:
        changed = getattr(account, deed)(session, row.id, actor=caller.actor)
        session.commit()
        return _document(session, changed)
