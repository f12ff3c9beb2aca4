"""How the master keys stand: what the database knows against what this process holds."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from storelink.models import ConnectorConfig, MasterKey
from storelink.secrets.envelope import WrappingKey
from storelink.secrets.keyring import Keyring
from storelink.sync.process import live_reports


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One master key.

    `status` is current, added or retired as the database has it, `new` for one that only the
    provider holds, and `unknown` for one that only sealed rows name. `held` says what this process
    holds under the id: right, wrong (another key) or missing. `stores` counts whose credentials
    are sealed with it.
    """

    key_id: str
    status: str
    held: str
    stores: int
    added_at: datetime | None = None
    current_since: datetime | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A running process and the keys it said that it holds."""

    host: str
    pid: int
    key_ids: tuple[str, ...]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """All of it. `problems` are sentences, each naming a key id; empty if all is well."""

    source: str
    current: str | None
    keys: tuple[KeyStatus, ...]
    processes: tuple[ProcessStatus, ...]
    problems: tuple[str, ...]


def status(session: Session, keyring: Keyring) -> Status:
    """How things stand; makes no key. Raises `Misconfigured` only where the provider fails."""
    keyring.reload()
    keys = _keys(session, {key.id: key for key in keyring.keys})
    return Status(
        source=keyring.source,
        current=next((key.key_id for key in keys if key.status == "current"), None),
        keys=keys,
        processes=tuple(
            ProcessStatus(report.host, report.pid, tuple(report.key_ids), report.seen_at)
            for report in live_reports(session)
        ),
        problems=tuple(words for key in keys if (words := _problem(key, keyring.source))),
    )


def _keys(session: Session, held: dict[str, WrappingKey]) -> tuple[KeyStatus, ...]:
    """The current key first, then the others as they were added, then what is not known."""
    stores = dict(
        session.exec(
            select(ConnectorConfig.key_id, func.count())
            .where(col(ConnectorConfig.data_key).is_not(None))
            .group_by(col(ConnectorConfig.key_id))
        ).all()
    )
    rows = session.exec(
        select(MasterKey)
        .order_by(col(MasterKey.status) != "current", col(MasterKey.added_at), col(MasterKey.key_id))
        .execution_options(populate_existing=True)
    ).all()
    known = [
        KeyStatus(
            row.key_id,
            row.status,
            _held(held.get(row.key_id), row.check_value),
            stores.pop(row.key_id, 0),
            row.added_at,
            row.current_since,
            row.retired_at,
        )
        for row in rows
    ]
    known_ids = {row.key_id for row in rows}
    new = [
        KeyStatus(key_id, "unknown" if key_id in stores else "new", "right", stores.pop(key_id, 0))
        for key_id in held
        if key_id not in known_ids
    ]
    lost = [KeyStatus(key_id or "", "unknown", "missing", n) for key_id, n in stores.items()]
    return (*known, *new, *lost)


def _held(key: WrappingKey | None, check_value: bytes) -> str:
    if key is None:
        return "missing"
    return "right" if key.matches(check_value) else "wrong"


def _problem(key: KeyStatus, source: str) -> str | None:
    needed = key.status == "current" or key.stores > 0
    if key.status == "unknown":
        return (
            f"{key.stores} of the stores are sealed with master key {key.key_id!r}, which this "
            f"database does not know; if it is at hand, `storelink secrets add {key.key_id}`."
        )
    if key.held == "wrong":
        return f"Master key {key.key_id!r} in {source} is not the key this database knows by that id."
    if key.held == "missing" and needed:
        return f"Master key {key.key_id!r} is not in {source}; {key.stores} of the stores need it."
    return None
