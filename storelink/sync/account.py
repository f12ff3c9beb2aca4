"""Registered stores and their credentials: where `connector_config` meets the secrets.

Credentials go in sealed and come out only as an `Account`. Each sealed column holds a JSON object,
name → value, of the credential fields that the connector puts into that column, so that opening
needs no connector. Functions do not commit; the outermost caller does. What ops do is written to
`audit_event`, without any secret.

A store removed without purging keeps its row, its name and everything read from it, and loses its
credentials. Registering the same URL again takes that row up where it was, under the new name. If
another store wants the name of a removed one, the removed one's is lengthened by `-removed-` and
the start of its id.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, or_, update
from sqlmodel import Session, col, select

from storelink.connectors.hook import webhooks_of
from storelink.connectors.protocol import Account, Connector, Token
from storelink.db import Database
from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, SyncState, metadata
from storelink.secrets.envelope import new_data_key
from storelink.secrets.keyring import Keyring
from storelink.sync import audit, keys, schedule, sight, signing, since
from storelink.sync.entry import (
    check_credentials,
    check_interval,
    check_name,
    is_this_machine,
    url_parts,
    usable_mode,
    usable_url,
)
from storelink.sync.sealed import SLOTS, TOKEN, seal_credentials
from storelink.sync.token import SETTING, Keeper, noted

_WIPED = dict.fromkeys((*SLOTS, TOKEN, "webhook_secrets", "data_key", "key_id", "token_expires_at"), None)

# -- registering -------------------------------------------------------------------------------------


def register(
    session: Session,
    keyring: Keyring,
    connector: Connector,
    *,
    name: str,
    store_url: str,
    credentials: Mapping[str, str],
    auth_mode: str | None = None,
    token: Token | None = None,
    interval: int = 300,
    allow_http: bool = False,
    settings: Mapping[str, Any] | None = None,
    orders_since: datetime | None = None,
    actor: str | None = None,
) -> ConnectorConfig:
    """A new store, or a removed one taken up again where it was; every resource is due at once.

    `credentials` go by `CredentialField.name`; `interval` is in seconds; `settings` is what a check
    learnt; `auth_mode` None is the connector's usual one; `token` is what it issued already; older
    orders than `orders_since` are read only when they change.
    Raises `Misconfigured` saying what is wrong with which of them.
    """
    check_name(name)
    check_interval(interval)
    since.check(connector, orders_since)
    url = usable_url(connector, store_url, allow_http=allow_http)
    mode = usable_mode(connector, auth_mode)
    values = check_credentials(connector, mode, credentials)
    key = keys.current_key(session, keyring, actor=actor)  # its lock lets one register at a time
    row = session.exec(
        select(ConnectorConfig)
        .where(ConnectorConfig.platform == connector.platform, ConnectorConfig.store_url == url)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()
    if row is not None and row.status != "uninstalled":
        raise Misconfigured(f"{url} is registered already, as {row.name!r}.")
    _free_name(session, name, row)
    taken_up = row is not None
    if row is None:
        row = ConnectorConfig(platform=connector.platform, store_url=url)
    row.name, row.auth_mode, row.status = name, mode, "active"
    row.sync_interval, row.allow_http = interval, allow_http
    row.settings = {**(settings or {}), **noted(token)}
    data_key = new_data_key(row.id)
    for column, sealed in seal_credentials(connector, mode, data_key, values, token).items():
        setattr(row, column, sealed)
    row.data_key, row.key_id = key.wrap(data_key), key.id
    session.add(row)
    session.flush()
    _change(session, row)
    schedule.start(session, row.id, connector.resources)
    since.move(session, row, orders_since)
    bound = {"orders_since": orders_since.isoformat()} if orders_since else {}
    _record(session, row, "connector.add", actor, store_url=url, taken_up=taken_up, **bound)
    return row


def _free_name(session: Session, name: str, row: ConnectorConfig | None) -> None:
    """See to it that nobody but `row` is called `name`."""
    other = session.exec(
        select(ConnectorConfig).where(ConnectorConfig.name == name).execution_options(populate_existing=True)
    ).first()
    if other is None or (row is not None and other.id == row.id):
        return
    if other.status != "uninstalled":
        raise Misconfigured(f"The name {name!r} is taken, by {other.store_url}.")
    suffix = f"-removed-{other.id.hex[:8]}"
    _change(session, other, name=name[: 63 - len(suffix)] + suffix)


# -- credentials -------------------------------------------------------------------------------------


def open_account(
    session: Session, keyring: Keyring, name_or_id: str | uuid.UUID, *, database: Database | None = None
) -> Account:
    """How to reach a store, its credentials opened. Whether it is paused is the caller's business.

    Tokens are kept in `database`; without one the account has no keeper.
    Raises `Misconfigured` for a store that is unknown, removed, or sealed with a key that is not
    here; that is never `AuthFailed`.
    """
    row = find(session, name_or_id)
    if row.status == "uninstalled" or row.data_key is None:
        raise Misconfigured(f"{row.name!r} has no credentials: it was removed. Register it again.")
    key = keys.opening_key(session, keyring, row.key_id or "")
    data_key = key.unwrap(row.id, row.data_key)
    opened: dict[str, str] = {}
    for slot in SLOTS:
        sealed = getattr(row, slot)
        if sealed is not None:
            opened |= json.loads(data_key.open(slot, sealed))
    keeper = Keeper(database, data_key, (row.api_key, row.secret), row.name) if database else None
    host, _, _ = url_parts(row.store_url)
    return Account(
        name=row.name,
        store_url=row.store_url,
        auth_mode=row.auth_mode,
        credentials=opened,
        settings=row.settings,
        allow_http=row.allow_http or is_this_machine(host),
        tokens=keeper,
    )


def set_credentials(
    session: Session,
    keyring: Keyring,
    connector: Connector,
    name_or_id: str | uuid.UUID,
    credentials: Mapping[str, str],
    *,
    auth_mode: str | None = None,
    token: Token | None = None,
    actor: str | None = None,
) -> ConnectorConfig:
    """New credentials under a new data key; a store that had refused the old ones is due at once.

    They are for `auth_mode`, or for the mode it has. `token` is what was issued to them already.
    The old ones need not open, so that this also mends a lost master key. Tokens that belonged to
    them are dropped: the platform issues new ones. What webhooks are signed with is carried over
    where it opens, since deliveries signed with it are under way.
    """
    key = keys.current_key(session, keyring, actor=actor)
    row = _locked(session, name_or_id)
    if row.platform != connector.platform:
        raise Misconfigured(f"{row.name!r} is a {row.platform} store, not a {connector.platform}.")
    mode = usable_mode(connector, auth_mode or row.auth_mode)
    values = check_credentials(connector, mode, credentials)
    data_key = new_data_key(row.id)
    sealed = seal_credentials(connector, mode, data_key, values, token)
    was_refused = row.status == "auth_failed"
    status = "active" if was_refused else row.status
    wrapped = {"data_key": key.wrap(data_key), "key_id": key.id, "status": status, "auth_mode": mode}
    signed = signing.carried(session, keyring, row, webhooks_of(connector), data_key)
    told = {"settings": {name: one for name, one in row.settings.items() if name != SETTING} | noted(token)}
    _change(session, row, **(_WIPED | sealed | wrapped | signed | told))
    if was_refused:
        schedule.make_due(session, row)
    _record(session, row, "connector.set_credentials", actor, auth_mode=mode, fields=sorted(values))
    return row


# -- settings of a store -----------------------------------------------------------------------------


def set_interval(
    session: Session, name_or_id: str | uuid.UUID, seconds: int, *, actor: str | None = None
) -> ConnectorConfig:
    """Seconds between incremental passes, of resources that have no interval of their own."""
    check_interval(seconds)
    row = _locked(session, name_or_id)
    before = row.sync_interval
    _change(session, row, sync_interval=seconds)
    schedule.make_sooner(session, row, seconds, None)
    _record(session, row, "connector.set", actor, interval=[before, seconds])
    return row


def set_resource_interval(
    session: Session,
    name_or_id: str | uuid.UUID,
    resource: str,
    seconds: int | None,
    *,
    actor: str | None = None,
) -> ConnectorConfig:
    """Seconds between passes of one resource; None: the store's interval again."""
    if seconds is not None:
        check_interval(seconds)
    row = _locked(session, name_or_id)
    states = session.exec(
        select(SyncState.resource, SyncState.interval)
        .where(SyncState.connector_id == row.id)
        .order_by(SyncState.resource)
    ).all()
    before = dict(states)
    if resource not in before:
        raise Misconfigured(f"{row.name!r} has no resource {resource!r}; it has {_listed(before)}.")
    session.exec(
        update(SyncState)
        .where(col(SyncState.connector_id) == row.id, col(SyncState.resource) == resource)
        .values(interval=seconds)
    )
    _change(session, row)
    schedule.make_sooner(session, row, seconds or row.sync_interval, resource)
    _record(session, row, "connector.set", actor, resource=resource, interval=[before[resource], seconds])
    return row


def set_orders_since(
    session: Session, connector: Connector, name_or_id: str | uuid.UUID, moment: datetime | None,
    *, actor: str | None = None,
) -> since.Moved:  # fmt: skip
    """Read orders from that moment on, None: all of them. See `since.move`."""
    since.check(connector, moment)
    row = _locked(session, name_or_id)
    moved = since.move(session, row, moment)
    if moved.before != moved.after:
        _change(session, row)
        told = [None if one is None else one.isoformat() for one in (moved.before, moved.after)]
        _record(session, row, "connector.set_since", actor, orders_since=told)
    return moved


def remember(session: Session, name_or_id: str | uuid.UUID, settings: Mapping[str, Any]) -> ConnectorConfig:
    """Add what a check learnt of the store to its settings.

    Where the credentials may see more or less now, what was partial or out of sight is due.
    """
    row = _locked(session, name_or_id)
    sight.look_again(session, row, settings)
    _change(session, row, settings={**row.settings, **settings})
    return row


def pause(session: Session, name_or_id: str | uuid.UUID, *, actor: str | None = None) -> ConnectorConfig:
    """No pass is started until `resume`; one that runs is not stopped."""
    row = _locked(session, name_or_id)
    if row.status != "paused":
        _change(session, row, status="paused")
        _record(session, row, "connector.pause", actor)
    return row


def resume(session: Session, name_or_id: str | uuid.UUID, *, actor: str | None = None) -> ConnectorConfig:
    """Passes again, the first at once; also for a store that refused credentials and may not now."""
    row = _locked(session, name_or_id)
    if row.status != "active":
        _change(session, row, status="active")
        schedule.make_due(session, row)
        _record(session, row, "connector.resume", actor)
    return row


# -- removing ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Removed:
    """What `remove` did. `counts` is table → rows deleted; empty where nothing was purged."""

    name: str
    purged: bool
    counts: Mapping[str, int] = field(default_factory=dict)


def remove(
    session: Session,
    name_or_id: str | uuid.UUID,
    *,
    purge: bool = False,
    actor: str | None = None,
) -> Removed:
    """Forget a store's credentials and stop reading it; with `purge` delete all that was read too.

    Rows of `audit_event` stay. A pass that runs while its store is purged fails at its next write.
    """
    row = find(session, name_or_id, lock="key" if purge else "row")
    counts = {}
    if purge:
        connector_id = row.id
        session.expunge(row)
        for table in reversed(metadata.sorted_tables):
            own = table.c.get("id" if table.name == "connector_config" else "connector_id")
            if own is not None and table.name != "audit_event":
                deleted = session.exec(delete(table).where(own == connector_id)).rowcount
                counts[table.name] = deleted
    elif row.status != "uninstalled":
        _change(session, row, status="uninstalled", **_WIPED)
        session.exec(
            update(SyncState)
            .where(col(SyncState.connector_id) == row.id)
            .values(next_due_at=None, full_due_at=None)
        )
    else:
        return Removed(row.name, purged=False)
    _record(session, row, "connector.remove", actor, purged=purge, counts=counts)
    return Removed(row.name, purge, counts)


# -- finding and changing rows -----------------------------------------------------------------------


def registered(session: Session, *, removed: bool = False) -> Sequence[ConnectorConfig]:
    """The stores by name; with `removed` also those whose rows were kept."""
    query = select(ConnectorConfig).order_by(ConnectorConfig.name)
    if not removed:
        query = query.where(ConnectorConfig.status != "uninstalled")
    return session.exec(query.execution_options(populate_existing=True)).all()


def find(session: Session, name_or_id: str | uuid.UUID, *, lock: str | None = None) -> ConnectorConfig:
    """The store of this name, or of this id, removed ones included; a text is a name first.

    `lock`: "row" keeps others from changing it, "key" also from adding rows that belong to it.
    Raises `Misconfigured` naming the stores that there are.
    """
    by_name = col(ConnectorConfig.name) == (name_or_id if isinstance(name_or_id, str) else None)
    query = (
        select(ConnectorConfig)
        .where(or_(by_name, col(ConnectorConfig.id) == _uuid(name_or_id)))
        .order_by(by_name.desc())
        .execution_options(populate_existing=True)
    )
    if lock:
        query = query.with_for_update(key_share=lock == "row")
    row = session.exec(query).first()
    if row is None:
        names = [store.name for store in registered(session)]
        there = f"registered are {_listed(names)}" if names else "none is registered yet"
        raise Misconfigured(f"No store is called {str(name_or_id)!r}; {there}.")
    return row


def _locked(session: Session, name_or_id: str | uuid.UUID) -> ConnectorConfig:
    """A store that is not removed, for a change. Passes go on meanwhile."""
    row = find(session, name_or_id, lock="row")
    if row.status == "uninstalled":
        raise Misconfigured(f"{row.name!r} was removed; register it again first.")
    return row


def _uuid(text: str | uuid.UUID) -> uuid.UUID | None:
    try:
        return text if isinstance(text, uuid.UUID) else uuid.UUID(text)
    except ValueError:
        return None


def _listed(names: Sequence[str] | Mapping[str, Any]) -> str:
    shown = ", ".join(list(names)[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"


def _change(session: Session, row: ConnectorConfig, **values: Any) -> None:
    """Set columns and the time of the change, and read the row again."""
    session.exec(
        update(ConnectorConfig)
        .where(col(ConnectorConfig.id) == row.id)
        .values(updated_at=func.now(), **values)
    )
    session.refresh(row)


def _record(session: Session, row: ConnectorConfig, action: str, actor: str | None, **detail: Any) -> None:
    audit.record(session, action, actor=actor, connector_id=row.id, subject=row.name, **detail)
