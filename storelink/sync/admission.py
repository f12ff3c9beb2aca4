"""How storelink gets into a store: by which way, with which key, entered by whom, and what of it ends when.

Nothing that is secret leaves here: of a key the last four letters, so that people can tell it from another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from storelink.connectors.protocol import Connector
from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig
from storelink.secrets.keyring import Keyring
from storelink.sync import account

_PREFIX = 6
"""A key that names its kind (`ck_`, `shpat_`) does so within so many letters."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends, or is not granted. `at` None: not by time; `renews`: without a person."""

    what: str
    at: datetime | None
    renews: bool = False
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Admission:
    """How a store is signed in to. `hint` is `ck_…e41f`, None where the keys cannot be opened here."""

    mode: str
    label: str
    """What the platform calls the key."""
    hint: str | None
    entered_at: datetime
    entered_by: str | None
    """Who entered it; None where no deed tells."""
    sealed_with: str | None
    endings: tuple[Ending, ...]
    all_orders: bool | None
    """Whether orders of every age may be seen; None where the platform does not tell them apart."""


def read(session: Session, keyring: Keyring, row: ConnectorConfig, connector: Connector) -> Admission:
    """How `row` is signed in to now."""
    fields = connector.auth_modes.get(row.auth_mode, ())
    field = next((one for one in fields if one.slot == "api_key"), None)
    entered = session.execute(text(_ENTERED), {"connector": row.id}).one_or_none()
    sees = row.settings.get("all_orders")
    return Admission(
        mode=row.auth_mode,
        label=field.label if field else "Key",
        hint=_hint(session, keyring, row, field.name) if field else None,
        entered_at=entered.at if entered else row.created_at,
        entered_by=entered.who if entered else None,
        sealed_with=row.key_id,
        endings=tuple(_endings(row, connector)),
        all_orders=sees if isinstance(sees, bool) else None,
    )


def _hint(session: Session, keyring: Keyring, row: ConnectorConfig, name: str) -> str | None:
    try:
        value = account.open_account(session, keyring, row.id).credentials.get(name, "")
    except Misconfigured:
        return None
    return hint_of(value)


def hint_of(value: str) -> str | None:
    """`ck_…e41f`; None for what is too short to show anything of."""
    if len(value) < 16:
        return None
    kind, line, _ = value.partition("_")
    return f"{kind + line if line and len(kind) < _PREFIX else ''}…{value[-4:]}"


def _endings(row: ConnectorConfig, connector: Connector) -> list[Ending]:
    found = []
    token: Mapping[str, Any] = row.settings.get("token") or {}
    if row.token_expires_at is not None:
        found.append(Ending("Access token", row.token_expires_at, True, _moment(token.get("failed_at"))))
    if (until := _moment(token.get("refresh_until"))) is not None:
        found.append(Ending("Refresh token", until, renews=True))
    served: Callable[[Mapping[str, Any]], datetime | None] | None = getattr(connector, "served_until", None)
    if served is not None and (ends := served(row.settings)) is not None:
        version = str(row.settings.get("api_version") or "").strip()
        found.append(Ending(f"API {version}" if version else "API version", ends))
    return found


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.utcoffset() is not None else None


_ENTERED = """
SELECT e.at, coalesce(u.full_name, e.actor) AS who FROM audit_event e
LEFT JOIN console_user u ON e.actor = 'user:' || u.name
WHERE e.connector_id = :connector AND e.action IN ('connector.add', 'connector.set_credentials')
ORDER BY e.id DESC LIMIT 1
"""
