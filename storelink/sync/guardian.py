"""Subscriptions to a store's webhooks: made, watched over, taken away.

Stores switch webhooks off by themselves: WooCommerce after seven failed deliveries, Shopify deletes
a subscription after eight. The guardian compares what there is with what there should be, makes
anew what is missing, and sees to it that the time without deliveries is read again. One that
WooCommerce disabled is never made active again: it would keep its count of failures.

Where a store delivers to is kept in its settings under `webhooks`: `public_url`; `looked_at`, when it
was last asked; `healthy_at`, when all was last put right (ISO 8601, database clock).
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from storelink.connectors.hook import Subscription, Subscriptions, Webhooks, bare, webhooks_of
from storelink.db import Database
from storelink.errors import LaneHeld, Misconfigured, Rejected
from storelink.models import ConnectorConfig
from storelink.secrets.keyring import Keyring
from storelink.sync import account, audit, signing
from storelink.sync.entry import is_this_machine
from storelink.sync.lane import lock_key
from storelink.sync.subject import Subject

SETTING = "webhooks"
PATH = "/webhooks/"
EVERY = 300
"""Seconds between two looks at a store's subscriptions."""
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Report:
    """What was found and done. Topics are the platform's words."""

    url: str
    present: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    """Were missing, and are there now."""
    replaced: list[str] = field(default_factory=list)
    """Were there and delivered nothing; made anew."""
    removed: int = 0
    """Old, double or to another address of ours."""
    refused: dict[str, str] = field(default_factory=dict)
    """Topic → why the store will not have it."""
    outage: datetime | None = None
    """Since when deliveries may be missing; they are read by the next pass, which is due now."""

    @property
    def whole(self) -> bool:
        """Whether all was as it should be."""
        return not (self.created or self.replaced or self.refused)


def delivery_url(public_url: str, connector_id: uuid.UUID) -> str:
    """Where a store delivers to. By id: a name may be given to another store."""
    return f"{public_url}{PATH}{connector_id}"


def usable_public_url(url: str) -> str:
    """The address under which stores reach us, in one form. Raises `Misconfigured` with words."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise Misconfigured(f"{url!r} is no address that stores can deliver to, as https://sync.example is.")
    if parts.query or parts.fragment:
        raise Misconfigured("The public address has no ? or # in it; /webhooks/… is added to it.")
    if parts.scheme == "http" and not is_this_machine(host):
        raise Misconfigured(
            "Deliveries carry customers' data: the public address begins with https://. "
            "A reverse proxy in front of `storelink serve` is the usual way."
        )
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


# -- by hand -----------------------------------------------------------------------------------------


def install(
    database: Database,
    keyring: Keyring,
    subject: Subject,
    public_url: str,
    *,
    new_secret: bool = False,
    actor: str | None = None,
) -> Report:
    """Subscribe to what is wanted, deliveries going to `public_url`; again is no harm.

    With `new_secret` deliveries are signed anew; those signed with the one before are accepted for
    a day. Raises `Misconfigured` for a platform without webhooks or a secret that is missing.
    """
    webhooks = _webhooks(subject)
    url = usable_public_url(public_url)
    with database.session() as session:
        kept = account.find(session, subject.id).settings.get(SETTING) or {}
        account.remember(session, subject.id, {SETTING: {**kept, "public_url": url}})
        audit.record(
            session, "webhooks.install", actor=actor, connector_id=subject.id, subject=subject.name,
            public_url=url, new_secret=new_secret,
        )  # fmt: skip
        session.commit()
    with _alone(database, subject.id):
        return _put_right(database, keyring, subject, webhooks, url, new_secret=new_secret)


def remove(database: Database, subject: Subject, *, actor: str | None = None) -> int:
    """Delete our subscriptions, whatever address they deliver to, and watch no more. Says how many."""
    webhooks = _webhooks(subject)
    with database.session() as session:
        account.remember(session, subject.id, {SETTING: None})
        audit.record(session, "webhooks.remove", actor=actor, connector_id=subject.id, subject=subject.name)
        session.commit()
    with _alone(database, subject.id):
        subscriptions = webhooks.subscriptions(bare(subject.store))
        ours = [one for one in subscriptions.list() if _ours(one, subject.id)]
        for one in ours:
            subscriptions.delete(one)
    return len(ours)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is subscribed to, compared with what should be."""

    url: str | None
    """None where nothing was installed."""
    active: tuple[str, ...]
    inactive: tuple[str, ...]
    missing: tuple[str, ...]
    others: int
    """Webhooks of the store that are none of ours."""
    healthy_at: datetime | None


def look(database: Database, subject: Subject) -> Standing:
    """Ask the store, and change nothing."""
    webhooks = _webhooks(subject)
    kept = _kept(database, subject.id)
    url = delivery_url(kept["public_url"], subject.id) if kept else None
    there = webhooks.subscriptions(bare(subject.store)).list()
    ours = [one for one in there if one.url == url or (url is None and _ours(one, subject.id))]
    active = {one.topic for one in ours if one.active}
    wanted = webhooks.wanted(subject.settings)
    return Standing(
        url,
        tuple(topic for topic in wanted if topic in active),
        tuple(sorted({one.topic for one in ours if not one.active} - active)),
        tuple(topic for topic in wanted if topic not in active),
        sum(not _ours(one, subject.id) for one in there),
        datetime.fromisoformat(kept["healthy_at"]) if kept.get("healthy_at") else None,
    )


# -- by the clock --------------------------------------------------------------------------------------


def guard(database: Database, keyring: Keyring, subject: Subject) -> Report | None:
    """Put a store's subscriptions right; None where none were ever installed.

    For the scheduler, every few minutes. After an outage every resource is due at once, from before
    it. Raises what asking the store raises, and `LaneHeld` where another process is at it.
    """
    kept = _kept(database, subject.id)
    webhooks = webhooks_of(subject.connector)
    if not kept or webhooks is None:
        return None
    with _alone(database, subject.id):
        with database.session() as session:
            _note(session, subject.id, "looked_at", _now(database))  # whatever comes of it
            session.commit()
        report = _put_right(database, keyring, subject, webhooks, kept["public_url"])
    if report.created or report.replaced:
        log.warning(
            "webhooks.lost", store=subject.name, created=report.created, replaced=report.replaced,
            since=report.outage and report.outage.isoformat(),
        )  # fmt: skip
    return report


DUE = f"""
SELECT connector_id, since FROM (
    SELECT id AS connector_id,
           coalesce((settings #>> '{{webhooks,looked_at}}')::timestamptz, '-infinity') AS since
    FROM connector_config WHERE settings #>> '{{webhooks,public_url}}' IS NOT NULL
) watched WHERE since < clock_timestamp() - interval '{EVERY} seconds'
"""  # noqa: S608
"""The stores that `guard` should be called for, as `scheduler.queue.Kind.due` wants it."""

_NOTE = """
UPDATE connector_config
SET settings = jsonb_set(settings, ARRAY['webhooks', :name], to_jsonb(CAST(:value AS text)))
WHERE id = :connector AND settings #>> '{webhooks,public_url}' IS NOT NULL
"""


def _note(session: Session, connector_id: uuid.UUID, name: str, at: datetime) -> bool:
    """Write a time down; false where webhooks were removed meanwhile. Nobody at ops changed anything."""
    done = session.execute(text(_NOTE), {"name": name, "value": at.isoformat(), "connector": connector_id})
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _put_right(
    database: Database,
    keyring: Keyring,
    subject: Subject,
    webhooks: Webhooks,
    public_url: str,
    *,
    new_secret: bool = False,
) -> Report:
    url = delivery_url(public_url, subject.id)
    report = Report(url)
    secret, fresh = _secret(database, keyring, subject, webhooks, renew=new_secret)
    subscriptions = webhooks.subscriptions(bare(subject.store))
    began = _now(database)
    there = [one for one in subscriptions.list() if _ours(one, subject.id)]
    keep: set[str] = set()
    for topic in webhooks.wanted(subject.settings):
        held = [one for one in there if one.topic == topic and one.url == url]
        active = next((one for one in held if one.active), None)
        if active is None:
            made = _create(subscriptions, topic, url, secret, report)
            if made:
                (report.replaced if held else report.created).append(topic)
            continue
        keep.add(active.id)
        report.present.append(topic)
        if fresh:
            subscriptions.resign(active, secret)
    for one in there:
        # what the store refused to make anew stays as it is
        if one.id not in keep and one.topic not in report.refused:
            subscriptions.delete(one)
            report.removed += 1
    _remember(database, subject, report, began, signed_anew=fresh and not new_secret)
    return report


def _create(
    subscriptions: Subscriptions, topic: str, url: str, secret: str, report: Report
) -> Subscription | None:
    try:
        return subscriptions.create(topic, url, secret)
    except Rejected as error:  # one topic that the store will not have is no reason to lose the others
        report.refused[topic] = str(error)
        return None


def _secret(
    database: Database, keyring: Keyring, subject: Subject, webhooks: Webhooks, *, renew: bool
) -> tuple[str, bool]:
    """What deliveries are to be signed with, and whether the store does not know it yet.

    Kept for good before the store learns it, so that no delivery meets us unprepared.
    """
    with database.session() as session:
        row = account.find(session, subject.id, lock="row")
        if not webhooks.makes_secret:
            if not signing.accepted(session, keyring, row, webhooks):
                raise Misconfigured(
                    f"{subject.name} has no secret that deliveries could be checked with: enter the"
                    f" app's API secret key with `storelink connectors set-credentials {subject.name}`."
                )
            return "", False
        known = signing.present(session, keyring, row)
        if known is not None and not renew:
            return known, False
        made = signing.renew(session, keyring, row)
        session.commit()
        return made, True


def _remember(
    database: Database, subject: Subject, report: Report, began: datetime, *, signed_anew: bool
) -> None:
    """Note that all is well, or since when it was not; then the time between is due to be read."""
    lost = bool(report.created or report.replaced or signed_anew)
    with database.session() as session:
        since = (account.find(session, subject.id).settings.get(SETTING) or {}).get("healthy_at")
        _note(session, subject.id, "looked_at", began)
        if not _note(session, subject.id, "healthy_at", began):
            return
        if lost and since:
            report.outage = datetime.fromisoformat(since)
            _read_again(session, subject.id, report.outage)
        session.commit()


def _read_again(session: Session, connector_id: uuid.UUID, since: datetime) -> None:
    """The next incremental passes begin before the outage, and now."""
    session.execute(
        text(
            "UPDATE sync_state SET watermark = least(watermark, :since), next_due_at = clock_timestamp()"
            " WHERE connector_id = :connector AND phase = 'live'"
        ),
        {"since": since, "connector": connector_id},
    )


# -- small things ----------------------------------------------------------------------------------------


def _webhooks(subject: Subject) -> Webhooks:
    found = webhooks_of(subject.connector)
    if found is None:
        raise Misconfigured(f"{subject.connector.title} stores send no webhooks that storelink knows.")
    return found


def _ours(one: Subscription, connector_id: uuid.UUID) -> bool:
    """Whether it delivers to this store's place with us, under whatever address."""
    return one.url.rstrip("/").endswith(f"{PATH}{connector_id}")


def _kept(database: Database, connector_id: uuid.UUID) -> Mapping[str, Any]:
    with database.session() as session:
        row: ConnectorConfig = account.find(session, connector_id)
        return row.settings.get(SETTING) or {}


def _now(database: Database) -> datetime:
    with database.connect() as connection:
        now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now


@contextmanager
def _alone(database: Database, connector_id: uuid.UUID) -> Iterator[None]:
    """One process at a time sees to a store's subscriptions. Raises `LaneHeld`."""
    number = {"number": lock_key(connector_id, "webhooks", "guard")}
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:number)"), number).scalar_one():
            raise LaneHeld("another process is seeing to the webhooks of this store")
        try:
            yield
        finally:
            try:
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)
            except DBAPIError:
                connection.invalidate()


__all__: Sequence[str] = (
    "DUE", "Report", "Standing", "delivery_url", "guard", "install", "look", "remove",
    "usable_public_url",
)  # fmt: skip
