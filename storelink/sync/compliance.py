"""What a platform asks for in its customers' name: to export or erase a person, a shop, or to let go.

The requests come as webhooks and lie in `webhook_delivery` as ids only (`delivery.py`); a job sees to
them here. What may not be done without a person is written down and said, never guessed.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import func, update
from sqlmodel import Session, col, select

from storelink.connectors import registry
from storelink.connectors.hook import webhooks_of
from storelink.db import Database
from storelink.models import AuditEvent, ConnectorConfig, SyncState, WebhookDelivery
from storelink.secrets.keyring import Keyring
from storelink.sync import account, audit, privacy
from storelink.sync.person import gather

log = structlog.get_logger(__name__)

DUE = (
    "SELECT connector_id, min(received_at) AS since FROM webhook_delivery"
    " WHERE status = 'received' AND resource IS NULL GROUP BY connector_id"
)
"""Stores with requests that nobody saw to yet, for the clock."""
ACTOR = "store"
UNINSTALLED = "the app was uninstalled from the shop"


@dataclass(slots=True)
class Request:
    """One delivery: what is asked (`hook.Notice.request`), and the records it names."""

    topic: str
    word: str
    about: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    triggered: datetime | None = None

    def ids(self, resource: str) -> list[str]:
        """Ids of the named records of one resource."""
        return [one.partition("/")[2] for one in self.about if one.startswith(f"{resource}/")]


def follow_requests(database: Database, keyring: Keyring, connector_id: uuid.UUID) -> list[Request]:
    """See to all that this store asked for; each request in one transaction. Returns what was done."""
    done = []
    with database.session() as session:
        store = session.get(ConnectorConfig, connector_id)
        waiting = [] if store is None else _waiting(session, store)
    for request in waiting:
        with database.session() as session:
            row = session.get(ConnectorConfig, connector_id)
            if row is None:  # a shop that was erased has nothing more to erase
                break
            _settle(session, request)
            handle(session, keyring, row, request)
            session.commit()
        done.append(request)
    return done


def handle(session: Session, keyring: Keyring, store: ConnectorConfig, request: Request) -> None:
    """Do one request in the present transaction; the caller commits."""
    told = log.bind(store=store.name, topic=request.topic, about=request.about)
    if request.word == "erase":
        person = gather(session, store, request.ids("customers"), request.ids("orders"))
        held = privacy.erase(session, keyring, store, person, actor=ACTOR, reason=request.topic)
        told.warning("privacy.erased", customers=len(held.customers), orders=len(held.orders))
    elif request.word == "export":
        _record(session, store, "privacy.data_requested", request)
        told.warning("privacy.data_requested", mend=f"storelink privacy export {store.name}")
    elif request.word == "uninstalled":
        _let_go(session, store, request)
    elif request.word == "erase_shop":
        if store.status in ("auth_failed", "uninstalled"):
            account.remove(session, store.id, purge=True, actor=ACTOR)
            told.warning("privacy.shop_erased")
        else:  # it is read with credentials that work: whoever entered them has to say that this is meant
            _record(session, store, "privacy.shop_kept", request)
            told.error("privacy.shop_kept", mend=f"storelink connectors remove {store.name} --purge")


def _let_go(session: Session, store: ConnectorConfig, request: Request) -> None:
    """Stop the schedule. The app's secret stays: what the shop asks for later is signed with it."""
    since = session.exec(
        select(func.max(AuditEvent.at)).where(
            AuditEvent.connector_id == store.id,
            col(AuditEvent.action).in_(("connector.add", "connector.set_credentials", "connector.authorize")),
        )
    ).one()
    if request.triggered is not None and since is not None and request.triggered < since:
        return  # a late word of an app that was let in again since
    if store.status in ("active", "paused"):
        store.status, store.credentials, store.token_expires_at = "auth_failed", None, None
        session.add(store)
        session.exec(
            update(SyncState).where(col(SyncState.connector_id) == store.id).values(last_error=UNINSTALLED)
        )
    _record(session, store, "connector.uninstalled", request)
    log.warning("connector.uninstalled", store=store.name)


def _record(session: Session, store: ConnectorConfig, action: str, request: Request) -> None:
    audit.record(
        session, action, actor=ACTOR, connector_id=store.id, subject=store.name,
        topic=request.topic, about=request.about,
    )  # fmt: skip


def _waiting(session: Session, store: ConnectorConfig) -> Sequence[Request]:
    """Requests in the order of their arrival; the rows of one delivery are one request."""
    words = getattr(webhooks_of(registry.get(store.platform)), "requests", {})
    rows = session.exec(
        select(WebhookDelivery)
        .where(
            WebhookDelivery.connector_id == store.id,
            WebhookDelivery.status == "received",
            col(WebhookDelivery.resource).is_(None),
        )
        .order_by(col(WebhookDelivery.id))
    ).all()
    found: dict[str, Request] = {}
    for row in rows:
        name = (row.dedupe_key or f"{row.topic} {row.triggered_at}").partition("#")[0]
        one = found.setdefault(name, Request(row.topic, words.get(row.topic, ""), triggered=row.triggered_at))
        one.rows.append(row.id or 0)
        if row.external_id:
            one.about.append(row.external_id)
    return list(found.values())


def _settle(session: Session, request: Request) -> None:
    session.exec(
        update(WebhookDelivery)
        .where(col(WebhookDelivery.id).in_(request.rows))
        .values(status="done" if request.word else "ignored", attempts=col(WebhookDelivery.attempts) + 1)
    )
