"""Credentials and tokens as the sealed columns of `connector_config`."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from storelink.connectors.protocol import Connector, Token
from storelink.secrets.envelope import DataKey

SLOTS = ("api_key", "secret")
"""The columns of what ops entered."""
TOKEN = "credentials"  # noqa: S105
"""The column of the token that the platform issued."""


def seal_credentials(
    connector: Connector,
    mode: str,
    key: DataKey,
    values: Mapping[str, str],
    token: Token | None = None,
) -> dict[str, Any]:
    """Column → sealed JSON of the fields that the connector puts there; a token in its own column."""
    slots: dict[str, dict[str, str]] = {}
    for entry in connector.auth_modes[mode]:
        if entry.slot not in SLOTS:
            raise ValueError(f"{connector.platform}: no column {entry.slot!r} for {entry.name}")
        if entry.name in values:
            slots.setdefault(entry.slot, {})[entry.name] = values[entry.name]
    sealed = {slot: key.seal(slot, json.dumps(named)) for slot, named in slots.items()}
    return sealed if token is None else sealed | seal_token(key, token)


def seal_token(key: DataKey, token: Token) -> dict[str, Any]:
    """The columns of `connector_config` that keep a token. Raises `ValueError` for what is none."""
    access, expires = token.get("access_token"), token.get("expires_at")
    if not isinstance(access, str) or not access:
        raise ValueError("a token without its access_token")
    until = None if expires is None else datetime.fromisoformat(expires)
    if until is not None and until.utcoffset() is None:
        raise ValueError("a token's expires_at has no zone")
    return {TOKEN: key.seal(TOKEN, json.dumps(dict(token))), "token_expires_at": until}
