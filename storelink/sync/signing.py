"""The secrets that deliveries of webhooks are signed with, sealed in `connector_config.webhook_secrets`.

A list, newest first, of objects `{"secret", "until"}`: after `until` (ISO 8601) a secret is accepted
no more, null is the present one. While a new one spreads, deliveries come signed with either. Where
the platform signs with one of the credentials, only those that were replaced are kept here.
"""

import json
import secrets as chance
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, select

from storelink.connectors.hook import Webhooks
from storelink.errors import Misconfigured
from storelink.models import ConnectorConfig
from storelink.secrets.envelope import DataKey
from storelink.secrets.keyring import Keyring
from storelink.sync import keys
from storelink.sync.sealed import SLOTS

COLUMN = "webhook_secrets"
GRACE = timedelta(days=1)
"""How long a replaced secret is accepted. Shopify takes up to an hour to sign with a new one, and
repeats deliveries for four, as they were."""


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret, and until when it is accepted (ISO 8601); None for the present one."""

    secret: str = field(repr=False)
    until: str | None = None

    def accepted(self, now: datetime) -> bool:
        """Whether it still is."""
        return self.until is None or datetime.fromisoformat(self.until) > now


def accepted(session: Session, keyring: Keyring, row: ConnectorConfig, webhooks: Webhooks) -> tuple[str, ...]:
    """All that a delivery to this store may be signed with now. None for a store without credentials.

    Raises `Misconfigured` where its master key is not here.
    """
    if row.data_key is None:
        return ()
    data_key = _data_key(session, keyring, row)
    now = _now(session)
    kept = tuple(one.secret for one in _opened(data_key, row) if one.accepted(now))
    return (*webhooks.secrets(_credentials(data_key, row)), *kept)


def present(session: Session, keyring: Keyring, row: ConnectorConfig) -> str | None:
    """The secret that we chose for this store, if there is one."""
    for one in _opened(_data_key(session, keyring, row), row):
        if one.until is None:
            return one.secret
    return None


def renew(session: Session, keyring: Keyring, row: ConnectorConfig) -> str:
    """A new secret of our choice; the one before is accepted for a while. Does not commit."""
    data_key = _data_key(session, keyring, row)
    fresh = Secret(chance.token_urlsafe(32))
    row.webhook_secrets = _sealed(data_key, [fresh, *_retired(_opened(data_key, row), _now(session))])
    session.add(row)
    session.flush()
    return fresh.secret


def carried(
    session: Session, keyring: Keyring, row: ConnectorConfig, webhooks: Webhooks | None, fresh: DataKey
) -> dict[str, str]:
    """The column for credentials under the data key `fresh`, so that what is under way is still accepted.

    Empty where what was sealed cannot be opened: then the guardian signs anew.
    """
    if webhooks is None or row.data_key is None:
        return {}
    try:
        data_key = _data_key(session, keyring, row)
        kept = _opened(data_key, row)
        replaced = webhooks.secrets(_credentials(data_key, row))
    except (Misconfigured, ValueError):
        return {}
    now = _now(session)
    held = {one.secret for one in kept}
    until = (now + GRACE).isoformat()
    kept += [Secret(secret, until) for secret in replaced if secret not in held]
    kept = [one for one in kept if one.accepted(now)]
    return {COLUMN: _sealed(fresh, kept)} if kept else {}


def _retired(kept: Sequence[Secret], now: datetime) -> list[Secret]:
    until = (now + GRACE).isoformat()
    return [Secret(one.secret, one.until or until) for one in kept if one.accepted(now)]


def _data_key(session: Session, keyring: Keyring, row: ConnectorConfig) -> DataKey:
    if row.data_key is None:
        raise Misconfigured(f"{row.name!r} has no credentials: it was removed. Register it again.")
    return keys.opening_key(session, keyring, row.key_id or "").unwrap(row.id, row.data_key)


def _opened(data_key: DataKey, row: ConnectorConfig) -> list[Secret]:
    if row.webhook_secrets is None:
        return []
    return [Secret(**one) for one in json.loads(data_key.open(COLUMN, row.webhook_secrets))]


def _credentials(data_key: DataKey, row: ConnectorConfig) -> dict[str, str]:
    opened: dict[str, str] = {}
    for slot in SLOTS:
        sealed = getattr(row, slot)
        if sealed is not None:
            opened |= json.loads(data_key.open(slot, sealed))
    return opened


def _sealed(data_key: DataKey, kept: Sequence[Secret]) -> str:
    return data_key.seal(COLUMN, json.dumps([asdict(one) for one in kept]))


def _now(session: Session) -> datetime:
    now: datetime = session.exec(select(func.clock_timestamp())).one()
    return now
