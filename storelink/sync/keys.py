"""Which master key is current, and the way from one to the next.

The database knows every master key by id and check value, and says which one is current: with
that one everything is sealed, with the others things only open. `add` makes a key known, `rotate`
makes it current and wraps every data key anew, `retire` says that a key is needed no more.

Whatever seals or changes a key's status holds the lock of `_lock` until its transaction ends, so
that nothing is sealed with a key that has just ceased to be current. It is taken before any row of
`connector_config` is locked.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import and_, func, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig, MasterKey
from storelink.secrets.envelope import WrappingKey
from storelink.secrets.keyring import Keyring
from storelink.sync import audit
from storelink.sync.process import other_reports

# -- sealing and opening -----------------------------------------------------------------------------


def current_key(session: Session, keyring: Keyring, *, actor: str | None = None) -> WrappingKey:
    """The one key that may seal; locked as such until the transaction ends.

    Where nothing is sealed yet, the provider's first key becomes current, and a provider that
    keeps its own file makes one. Raises `Misconfigured` naming the key that is missing or wrong.
    """
    _lock(session)
    row = _current(session)
    if row is None:
        return _begin(session, keyring, actor)
    key_id, check_value = row
    if keyring.find(key_id) is None and not _in_use(session) and not _held_elsewhere(session, key_id):
        _set_status(session, key_id, "retired")
        return _begin(session, keyring, actor)
    return _right(keyring, key_id, check_value)


def opening_key(session: Session, keyring: Keyring, key_id: str) -> WrappingKey:
    """The key that opens what was sealed under `key_id`.

    Raises `Misconfigured` naming it: unknown to the database, missing here, or another key.
    """
    check_value = _check_value(session, key_id)
    if check_value is None:
        raise Misconfigured(
            f"This database does not know master key {key_id!r}, which some of its credentials are "
            f"sealed with. If the key is at hand, `storelink secrets add {key_id}` makes it known."
        )
    return _right(keyring, key_id, check_value)


def _right(keyring: Keyring, key_id: str, check_value: bytes) -> WrappingKey:
    key = keyring.get(key_id)
    if not key.matches(check_value):
        raise Misconfigured(
            f"Master key {key_id!r} in {keyring.source} is not the key that this database knows "
            "by that id. Put the right one back; nothing was sealed or opened with this one."
        )
    return key


def _begin(session: Session, keyring: Keyring, actor: str | None) -> WrappingKey:
    """The first key of a database in which nothing is sealed."""
    used = _in_use(session)
    if used:
        raise Misconfigured(
            f"Credentials are sealed with master key {next(iter(used))!r}, but this database does "
            f"not say which key is current. `storelink secrets add {next(iter(used))}` mends it."
        )
    fresh = [key for key in keyring.keys if _status(session, key.id) != "retired"]
    key = fresh[0] if fresh else keyring.make(first=not keyring.keys)
    if key is None:
        raise Misconfigured(
            f"{keyring.source} holds no key that is not retired already. {keyring.provider.hint}"
        )
    _register(session, key, "current")
    audit.record(session, "key.begin", actor=actor, subject=key.id)
    return key


# -- add ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Added:
    """A key made known. `status` is added, or current where the database had no current key."""

    key_id: str
    status: str


def add(
    session: Session,
    keyring: Keyring,
    key_id: str | None = None,
    *,
    lost: bool = False,
    actor: str | None = None,
) -> Added:
    """Make a key known to the database. It opens from now on; `rotate` lets it seal.

    Without `key_id`: the one key that the provider holds and the database does not know, or a new
    one where storelink keeps the key file. `lost` says that the current key is gone for good,
    which otherwise is refused: a new key beside a lost one is a mistake more often than a rescue.
    Raises `Misconfigured` where the key is not there, is known already, or the choice is not clear.
    """
    _lock(session)
    keyring.reload()
    row = _current(session)
    if row is not None and not lost:
        _right(keyring, *row)
    if row is None and not lost:
        key_id = key_id or next(iter(_in_use(session)), None)  # what is sealed says what it needs
    key = keyring.get(key_id) if key_id else _unknown_key(session, keyring)
    known = _check_value(session, key.id)
    if known is not None:
        _right(keyring, key.id, known)
        raise Misconfigured(f"Master key {key.id!r} is known already: {_status(session, key.id)}.")
    _prove(session, key)
    status = "added" if row is not None else "current"
    _register(session, key, status)
    audit.record(session, "key.add", actor=actor, subject=key.id)
    return Added(key.id, status)


def _unknown_key(session: Session, keyring: Keyring) -> WrappingKey:
    """The provider's only key that the database does not know, or one made now."""
    unknown = [key for key in keyring.keys if _status(session, key.id) is None]
    if len(unknown) > 1:
        names = ", ".join(key.id for key in unknown)
        raise Misconfigured(f"{keyring.source} holds several new keys, {names}: say which to add.")
    key = unknown[0] if unknown else keyring.make(first=False)
    if key is None:
        raise Misconfigured(f"{keyring.source} holds no new key. {keyring.provider.hint}")
    return key


def _prove(session: Session, key: WrappingKey) -> None:
    """Refuse a key under whose id something is sealed that it does not open."""
    wrapped = session.exec(
        select(ConnectorConfig.id, ConnectorConfig.data_key).where(ConnectorConfig.key_id == key.id)
    ).all()
    refusal = None
    for connector_id, data_key in wrapped:
        try:
            key.unwrap(connector_id, data_key or b"")
        except Misconfigured as reason:
            refusal = reason
        else:
            return  # what else does not open was damaged, and says so when it is used
    if refusal is not None:
        raise refusal


# -- rotate ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. `failed` names stores whose data key did not open, with the reason."""

    key_id: str
    rewrapped: int
    failed: dict[str, str] = field(default_factory=dict)


def rotate(
    sessions: Callable[[], Session],
    keyring: Keyring,
    to: str | None = None,
    *,
    lost: bool = False,
    actor: str | None = None,
) -> Rotation:
    """Make `to` current and wrap every data key with it, a transaction per store.

    Without `to`: first whatever an interrupted rotation left undone, else the key added last that
    never was current. Stopped at any point it can be run again; until then both keys are needed.
    Raises `Misconfigured` where a running process cannot open the new key, and where an old key is
    missing here, unless `lost` says that it is gone for good: then its stores are left behind, and
    their credentials have to be entered again.
    """
    with sessions() as session:
        target = _switch(session, keyring, to, lost=lost, actor=actor)
        session.commit()
        waiting = session.exec(
            select(ConnectorConfig.id, ConnectorConfig.name)
            .where(
                or_(
                    *(
                        and_(wrapped.is_not(None), key_id.is_distinct_from(target))
                        for wrapped, key_id in _WRAPPED
                    )
                )
            )
            .order_by(ConnectorConfig.name)
        ).all()
    rewrapped = 0
    failed = {}
    for connector_id, name in waiting:
        with sessions() as session:
            try:
                rewrapped += _rewrap(session, keyring, connector_id, target)
            except _Unopened as reason:
                failed[name] = str(reason)
            session.commit()
    return Rotation(target, rewrapped, failed)


class _Unopened(Misconfigured):
    """The data key of one store does not open; the others can go on."""


def _switch(session: Session, keyring: Keyring, to: str | None, *, lost: bool, actor: str | None) -> str:
    """Make the target current, if all is as it must be, and return its id."""
    _lock(session)
    row = _current(session)
    target = to or _next_key(session)
    if _status(session, target) == "retired":
        raise Misconfigured(f"Master key {target!r} is retired; add a new one.")
    opening_key(session, keyring, target)
    if not lost:
        for key_id in _in_use(session):
            opening_key(session, keyring, key_id)
    blind = [report for report in other_reports(session) if target not in report.key_ids]
    if blind:
        names = ", ".join(f"{report.pid} on {report.host}" for report in blind)
        raise Misconfigured(
            f"Running storelink processes cannot open master key {target!r}: {names}. Give them "
            "the key and start them again; one that has ended is forgotten after five minutes."
        )
    if row is None or row[0] != target:
        if row is not None:
            _set_status(session, row[0], "added")
        _set_status(session, target, "current")
        audit.record(session, "key.rotate", actor=actor, subject=target, before=row[0] if row else None)
    return target


def _next_key(session: Session) -> str:
    """Where a rotation without a named key goes."""
    row = _current(session)
    if row is not None and set(_in_use(session)) - {row[0]}:
        return row[0]
    newest = session.exec(
        select(MasterKey.key_id)
        .where(MasterKey.status == "added", col(MasterKey.current_since).is_(None))
        .order_by(col(MasterKey.added_at).desc(), col(MasterKey.key_id))
    ).first()
    if newest is None:
        raise Misconfigured("There is no new master key to rotate to; `storelink secrets add` brings one.")
    return newest


def _rewrap(session: Session, keyring: Keyring, connector_id: uuid.UUID, target: str) -> int:
    """Wrap one data key with `target`, which must still be current. Returns how many it were."""
    key = current_key(session, keyring)
    if key.id != target:
        raise Misconfigured(
            f"Another rotation, to {key.id!r}, began meanwhile; this one to {target!r} ends here."
        )
    row = session.exec(
        select(ConnectorConfig)
        .where(ConnectorConfig.id == connector_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).first()
    values: dict[str, object] = {}
    for column, key_column in _NAMES:
        wrapped, key_id = (getattr(row, column), getattr(row, key_column)) if row else (None, None)
        if wrapped is None or key_id == target:
            continue  # removed, or made anew, meanwhile
        try:
            inner = opening_key(session, keyring, key_id or "").unwrap(connector_id, wrapped, column)
        except Misconfigured as reason:
            raise _Unopened(str(reason)) from None
        values |= {column: key.wrap(inner, column), key_column: target}
    if values:
        session.exec(update(ConnectorConfig).where(col(ConnectorConfig.id) == connector_id).values(**values))
    return int(bool(values))


# -- retire ------------------------------------------------------------------------------------------


def retire(session: Session, key_id: str, *, actor: str | None = None) -> None:
    """Say that `key_id` is needed no more; its provider may then drop it.

    Raises `Misconfigured` where it is unknown, current, or still wraps a store's data key.
    """
    _lock(session)
    status = _status(session, key_id)
    if status is None:
        raise Misconfigured(f"This database does not know master key {key_id!r}.")
    if status == "current":
        raise Misconfigured(f"Master key {key_id!r} is the current one; rotate to another first.")
    used = or_(*(column == key_id for _, column in _WRAPPED))
    stores = session.exec(select(ConnectorConfig.name).where(used).order_by(ConnectorConfig.name)).all()
    if stores:
        raise Misconfigured(
            f"Master key {key_id!r} is still used by {len(stores)} of the stores: "
            f"{', '.join(stores[:10])}. `storelink secrets rotate` moves them to the current key."
        )
    if status != "retired":
        _set_status(session, key_id, "retired")
        audit.record(session, "key.retire", actor=actor, subject=key_id)


_WRAPPED = (
    (col(ConnectorConfig.data_key), col(ConnectorConfig.key_id)),
    (col(ConnectorConfig.erasure_key), col(ConnectorConfig.erasure_key_id)),
)
"""What a master key wraps for each store, and the columns that say which one did."""
_NAMES = (("data_key", "key_id"), ("erasure_key", "erasure_key_id"))
"""The same by name."""


# -- rows of master_key ------------------------------------------------------------------------------


def _lock(session: Session) -> None:
    """One at a time from here to the end of the transaction; readers go on."""
    session.connection().execute(text("LOCK TABLE master_key IN SHARE ROW EXCLUSIVE MODE"))


def _current(session: Session) -> tuple[str, bytes] | None:
    """Id and check value of the current key."""
    row = session.exec(
        select(MasterKey.key_id, MasterKey.check_value).where(MasterKey.status == "current")
    ).first()
    return None if row is None else (row[0], row[1])


def _check_value(session: Session, key_id: str) -> bytes | None:
    return session.exec(select(MasterKey.check_value).where(MasterKey.key_id == key_id)).first()


def _status(session: Session, key_id: str) -> str | None:
    return session.exec(select(MasterKey.status).where(MasterKey.key_id == key_id)).first()


def _in_use(session: Session) -> dict[str, int]:
    """Key id → how many keys of stores it wraps. Empty: nothing is sealed."""
    found: dict[str, int] = {}
    for wrapped, key_id in _WRAPPED:
        rows = session.exec(
            select(key_id, func.count()).where(wrapped.is_not(None)).group_by(key_id).order_by(key_id)
        ).all()
        for used, count in rows:
            found[used or ""] = found.get(used or "", 0) + count
    return found


def _held_elsewhere(session: Session, key_id: str) -> bool:
    return any(key_id in report.key_ids for report in other_reports(session))


def _register(session: Session, key: WrappingKey, status: str) -> None:
    since = func.now() if status == "current" else None
    row = {"status": status, "check_value": key.check_value(), "current_since": since}
    session.exec(
        insert(MasterKey)
        .values(key_id=key.id, **row)
        .on_conflict_do_update(index_elements=["key_id"], set_=row)
    )


def _set_status(session: Session, key_id: str, status: str) -> None:
    values: dict[str, object] = {"status": status}
    if status == "current":
        values["current_since"] = func.now()
    if status == "retired":
        values["retired_at"] = func.now()
    session.exec(update(MasterKey).where(col(MasterKey.key_id) == key_id).values(**values))
