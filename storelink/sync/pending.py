"""Stores that are being connected: from an address and a way in to a registered store.

Keys are sealed from the moment they come, as those of registered stores are. What a row holds is good
for an hour, and for the person who began it. A store's answer is known by a random text of which only
the digest is kept, and which is good once. A row sealed with a master key that is retired meanwhile
does not open any more: its person begins again. Functions do not commit; the outermost caller does.
"""

import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from storelink.config import Settings
from storelink.connectors import registry
from storelink.connectors.protocol import Account, Checkup, Connector, Token
from storelink.db import Database
from storelink.errors import Misconfigured, NotFound
from storelink.models import ConnectorConfig, PendingStore
from storelink.secrets.envelope import new_data_key
from storelink.secrets.keyring import Keyring
from storelink.sync import account, amount, entry, keys
from storelink.sync.opening import FROM_WEB, entered_at, examine, limits, measure_clock, remembered
from storelink.sync.sealed import SLOTS, TOKEN, seal_credentials, seal_token
from storelink.sync.token import Remembered

LASTS = timedelta(hours=1)
MOST = 20
"""Rows that one person may have under way."""


def begin(session: Session, connector: Connector, name: str, url: str, *, actor: str) -> PendingStore:
    """A store to connect; `url` is in its kept form. What is over goes. Raises `Misconfigured`."""
    entry.check_name(name)
    for store in account.registered(session):
        if store.name == name:
            raise Misconfigured(f"The name {name!r} is taken, by {store.store_url}.", code="name")
        if (store.platform, store.store_url) == (connector.platform, url):
            raise Misconfigured(f"{url} is connected already, as {store.name!r}.", code="store_url")
    session.exec(delete(PendingStore).where(col(PendingStore.ends_at) < func.now()))
    mine = session.exec(select(func.count()).where(PendingStore.made_by == actor)).one()
    if mine >= MOST:
        raise Misconfigured(f"You have {mine} stores under way. Go on with one, or wait an hour.")
    row = PendingStore(
        platform=connector.platform, name=name, store_url=url, made_by=actor, ends_at=_now(session) + LASTS
    )
    session.add(row)
    session.flush()
    return row


def begin_again(session: Session, keyring: Keyring, store: ConnectorConfig, *, actor: str) -> PendingStore:
    """A registered store whose owner is to let the app in once more, with the keys that it has.

    Raises `Misconfigured`, also where its way in needs nobody's consent.
    """
    connector = registry.get(store.platform)
    if connector.authorization is None or connector.authorization.mode != store.auth_mode:
        raise Misconfigured(f"{store.name} is not let into by clicking: enter new keys.")
    values = account.open_account(session, keyring, store.id).credentials
    session.exec(
        delete(PendingStore).where(
            col(PendingStore.made_by) == actor, col(PendingStore.platform) == store.platform,
            col(PendingStore.store_url) == store.store_url,
        )
    )  # fmt: skip
    row = PendingStore(
        platform=store.platform, name=store.name, store_url=store.store_url, made_by=actor,
        ends_at=_now(session) + LASTS,
    )  # fmt: skip
    session.add(row)
    session.flush()
    enter(session, keyring, row, store.auth_mode, values)
    return row


def registered(session: Session, row: PendingStore) -> ConnectorConfig | None:
    """The store that is let into again; None for one that is being connected."""
    where = (row.platform, row.store_url)
    known = account.registered(session)
    return next((store for store in known if (store.platform, store.store_url) == where), None)


def find(session: Session, pending_id: uuid.UUID, *, actor: str) -> PendingStore:
    """This person's row. Raises `NotFound` for others', and for what is over."""
    row = session.exec(
        select(PendingStore).where(
            PendingStore.id == pending_id, PendingStore.made_by == actor,
            col(PendingStore.ends_at) > func.now(),
        )
    ).first()  # fmt: skip
    if row is None:
        raise NotFound("Nobody of your name is connecting this store: an hour has passed, or it is done.")
    return row


def forget(session: Session, row: PendingStore) -> None:
    """Nothing of it is kept."""
    session.delete(row)
    session.flush()


# -- the store's answer --------------------------------------------------------------------------------


def ask(session: Session, row: PendingStore) -> str:
    """A new random text for the store to answer with; one that was given before is good no more."""
    text = secrets.token_urlsafe(32)
    row.answer_digest, row.asked_at, row.trouble = _digest(text), _now(session), None
    session.add(row)
    session.flush()
    return text


def answered(session: Session, platform: str, text: str) -> PendingStore:
    """The row that waits for this answer, which is thereby spent. Raises `NotFound`."""
    row = session.exec(
        select(PendingStore)
        .where(
            PendingStore.platform == platform, PendingStore.answer_digest == _digest(text),
            col(PendingStore.ends_at) > func.now(),
        )
        .with_for_update()
    ).first()  # fmt: skip
    if row is None:
        raise NotFound("No store is being connected by this answer.")
    row.answer_digest = None
    session.add(row)
    session.flush()
    return row


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


# -- keys ----------------------------------------------------------------------------------------------


def enter(
    session: Session, keyring: Keyring, row: PendingStore, mode: str, values: Mapping[str, Any]
) -> None:
    """Keys for one of the connector's modes, sealed; what was known of others is forgotten."""
    connector = registry.get(row.platform)
    mode = entry.usable_mode(connector, mode)
    checked = entry.check_credentials(connector, mode, values)
    key = keys.current_key(session, keyring)
    data_key = new_data_key(row.id)
    for slot in (*SLOTS, TOKEN):
        setattr(row, slot, None)
    for slot, sealed in seal_credentials(connector, mode, data_key, checked).items():
        setattr(row, slot, sealed)
    row.data_key, row.key_id, row.auth_mode = key.wrap(data_key), key.id, mode
    row.findings, row.amounts, row.choices, row.healthy, row.trouble = None, None, None, False, None
    session.add(row)
    session.flush()


def open_candidate(session: Session, keyring: Keyring, row: PendingStore) -> Account:
    """How to reach the store, with the token that was issued, if any. Raises `Misconfigured`."""
    if row.data_key is None or row.auth_mode is None:
        raise Misconfigured("No keys were entered yet.")
    data_key = keys.opening_key(session, keyring, row.key_id or "").unwrap(row.id, row.data_key)
    values: dict[str, str] = {}
    for slot in SLOTS:
        if (sealed := getattr(row, slot)) is not None:
            values |= json.loads(data_key.open(slot, sealed))
    token = json.loads(data_key.open(TOKEN, row.credentials)) if row.credentials else None
    host, _, _ = entry.url_parts(row.store_url)
    plain = entry.is_this_machine(host)
    from_web = {FROM_WEB: True}
    return Account(row.name, row.store_url, row.auth_mode, values, from_web, plain, Remembered(token))


def keep_token(session: Session, keyring: Keyring, row: PendingStore, token: Token) -> None:
    """The token that the store issued, sealed."""
    if row.data_key is None:
        raise Misconfigured("No keys were entered yet.")
    data_key = keys.opening_key(session, keyring, row.key_id or "").unwrap(row.id, row.data_key)
    row.credentials = seal_token(data_key, token)[TOKEN]
    session.add(row)
    session.flush()


# -- looking at it -------------------------------------------------------------------------------------


def look(database: Database, keyring: Keyring, settings: Settings, row: PendingStore) -> Checkup:
    """Ask the doctor, measure how much there is, and keep both. Commits."""
    connector = registry.get(row.platform)
    with database.session() as session:
        candidate = open_candidate(session, keyring, row)
    clock = measure_clock(database)
    store = connector.open(candidate, limits(settings, candidate), clock)
    try:
        checkup = store.check()
    finally:
        store.close()
    amounts, choices = [], []
    if checkup.healthy:
        learnt = replace(candidate, settings={**checkup.settings, **candidate.settings})
        known = connector.open(learnt, limits(settings, learnt), clock)
        try:
            amounts = [amount.measure(known, resource) for resource in connector.resources]
            choices = amount.choices(known, connector, amounts, dict(learnt.settings))
        finally:
            known.close()
    with database.session() as session:
        kept = find(session, row.id, actor=row.made_by)
        kept.findings = [asdict(one) for one in checkup.findings]
        kept.healthy, kept.settings = checkup.healthy, remembered(checkup, clock())
        kept.amounts = [asdict(one) for one in amounts]
        kept.choices = [asdict(one) for one in choices]
        token = candidate.tokens.held() if candidate.tokens else None
        if token is not None:
            keep_token(session, keyring, kept, token)
        session.add(kept)
        session.commit()
    return checkup


# -- done ----------------------------------------------------------------------------------------------


def finish(
    session: Session, keyring: Keyring, row: PendingStore, *, interval: int, actor: str,
    settings: Mapping[str, Any] | None = None, orders_since: datetime | None = None,
) -> ConnectorConfig:  # fmt: skip
    """The store is registered with what was learnt of it, and due; the row goes.

    `settings` come on top of what the check learnt; `orders_since` is as in `account.register`. Raises
    `Misconfigured`, also for a store that was not found readable.
    """
    if not row.healthy:
        raise Misconfigured("Test the connection first: the store has not been found readable yet.")
    candidate = open_candidate(session, keyring, row)
    made = account.register(
        session, keyring, registry.get(row.platform), name=row.name, store_url=row.store_url,
        credentials=candidate.credentials, auth_mode=candidate.auth_mode,
        token=candidate.tokens.held() if candidate.tokens else None, interval=interval,
        allow_http=candidate.allow_http, settings={**row.settings, **candidate.settings, **(settings or {})},
        orders_since=orders_since, actor=actor,
    )  # fmt: skip
    forget(session, row)
    return made


def replace_keys(
    database: Database, keyring: Keyring, settings: Settings, row: PendingStore, *, actor: str,
    more: Mapping[str, Any],
) -> bool:  # fmt: skip
    """The registered store takes the token that came, if it can be read with it. The row goes. Commits."""
    connector = registry.get(row.platform)
    with database.session() as session:
        candidate = open_candidate(session, keyring, row)
        store = registered(session, row)
    if store is None or candidate.tokens is None:
        raise Misconfigured("The store was removed meanwhile.")
    candidate = replace(candidate, allow_http=store.allow_http, settings=entered_at(store))
    checkup = examine(database, connector, candidate, settings)
    now = measure_clock(database)()
    with database.session() as session:
        forget(session, find(session, row.id, actor=actor))
        if checkup.healthy:
            account.set_credentials(
                session, keyring, connector, store.id, candidate.credentials, auth_mode=candidate.auth_mode,
                token=candidate.tokens.held() if candidate.tokens else None, actor=actor,
            )  # fmt: skip
            account.remember(session, store.id, {**remembered(checkup, now), **more})
        session.commit()
    return checkup.healthy


def _now(session: Session) -> datetime:
    found: datetime = session.scalar(select(func.clock_timestamp()))
    return found
