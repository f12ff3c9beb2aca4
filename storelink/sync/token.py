"""Tokens that a platform issues, kept for all processes that read the store.

The token lies sealed in `connector_config.credentials`, under the data key of the credentials that
it was issued to. It is renewed by one process at a time: an advisory lock is held, on a connection
without a transaction, while the platform is asked, and what it answers is committed before anybody
uses it. A process killed in between has lost the answer and no more: what was kept is still there.

Each renewal needs one connection beside that of the pass it is for, and a process has few: so it
renews one token at a time. That a renewal failed is noted in the store's settings under `token`, for
the token is good for some minutes yet, and somebody should hear of it before it ends.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlmodel import select

from storelink.connectors.protocol import Token
from storelink.db import Database
from storelink.errors import DatabaseAway, Retryable, StorelinkError
from storelink.models import ConnectorConfig
from storelink.secrets.envelope import DataKey
from storelink.sync.sealed import TOKEN, seal_token

WAIT = 180
"""Most seconds to wait for another process that renews: longer than a request can take."""
SETTING = "token"
"""Of the store: `failed_at`, since when it cannot be renewed; `refresh_until`, the end of what renews it."""
_TURN = threading.BoundedSemaphore(1)


@dataclass(slots=True)
class Remembered:
    """The keeper of a store that is not registered yet: keeps its token in memory."""

    token: Token | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def held(self) -> Token | None:
        """See `TokenKeeper`."""
        return self.token

    def renew(self, stale: Token | None, exchange: Callable[[Token | None], Token]) -> Token:
        """See `TokenKeeper`."""
        with self._lock:
            if self.token is None or self.token == stale:
                self.token = exchange(self.token)
            return self.token


class Keeper:
    """The keeper of one registered store; see `TokenKeeper`.

    `entered` are the sealed columns of the credentials as they were opened. When others are there,
    ops entered new ones: a token is then neither taken nor kept, but `Retryable` raised, and the
    next pass opens the store with the new ones.
    """

    def __init__(self, database: Database, key: DataKey, entered: tuple[str | None, ...], name: str) -> None:
        self._database, self._key, self._entered, self._name = database, key, entered, name
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Keeper({self._name})"

    def held(self) -> Token | None:
        """See `TokenKeeper`."""
        with self._database.session() as session:
            row = session.exec(_columns(self._key.connector_id)).one_or_none()
        return self._opened(row)

    def renew(self, stale: Token | None, exchange: Callable[[Token | None], Token]) -> Token:
        """See `TokenKeeper`. Raises `Retryable` where another process renews for too long."""
        with self._lock, self._turn(), self._alone() as connection:
            kept = self._opened(connection.execute(_columns(self._key.connector_id)).one_or_none())
            if kept is not None and kept != stale:
                return kept
            try:
                token = dict(exchange(kept))
            except StorelinkError:
                with suppress(DBAPIError, DatabaseAway):
                    connection.execute(_FAILED, {"connector": self._key.connector_id})
                raise
            self._keep(connection, token)
            return token

    def _keep(self, connection: Connection, token: Token) -> None:
        api_key, secret = self._entered
        values = {
            **seal_token(self._key, token), "note": json.dumps(noted(token)), "api_key": api_key,
            "secret": secret, "connector": self._key.connector_id,
        }  # fmt: skip
        if not connection.execute(_KEEP, values).rowcount:
            raise self._replaced()

    def _opened(self, row: tuple[str | None, ...] | None) -> Token | None:
        """The token of a row, if it still belongs to our credentials."""
        if row is None or tuple(row[1:]) != self._entered:
            raise self._replaced()
        if row[0] is None:
            return None
        token: Token = json.loads(self._key.open(TOKEN, row[0]))
        return token

    def _replaced(self) -> Retryable:
        return Retryable(f"The credentials of {self._name} were replaced meanwhile.")

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be the one of this process who renews."""
        if not _TURN.acquire(timeout=WAIT):
            raise Retryable(f"Other tokens are renewed for too long; that of {self._name} waits.")
        try:
            yield
        finally:
            _TURN.release()

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        """Hold the store's lock, on a connection that has no transaction open."""
        number = {"number": lock_number(self._key.connector_id)}
        with self._database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"SET lock_timeout = '{WAIT}s'"))
            try:
                connection.execute(text("SELECT pg_advisory_lock(:number)"), number)
            except OperationalError as error:
                if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                    raise
                raise Retryable(f"Another process renews the token of {self._name} for too long.") from None
            finally:
                with suppress(DBAPIError):
                    connection.execute(text("RESET lock_timeout"))
            try:
                yield connection
            finally:
                # a connection that broke has let go of it already
                with suppress(DBAPIError):
                    connection.execute(text("SELECT pg_advisory_unlock(:number)"), number)


def _columns(connector_id: uuid.UUID) -> Any:
    return select(ConnectorConfig.credentials, ConnectorConfig.api_key, ConnectorConfig.secret).where(
        ConnectorConfig.id == connector_id
    )


def noted(token: Token | None) -> dict[str, Any]:
    """What the store's settings say of a token that was just issued; nothing where there is none."""
    return {} if token is None else {SETTING: {"refresh_until": token.get("refresh_expires_at")}}


# In one statement: what ops entered meanwhile is not overwritten.
_KEEP = text(
    "UPDATE connector_config SET credentials = :credentials, token_expires_at = :token_expires_at,"
    " settings = settings || CAST(:note AS jsonb) WHERE id = :connector"
    " AND api_key IS NOT DISTINCT FROM :api_key AND secret IS NOT DISTINCT FROM :secret"
)

_FAILED = text(
    "UPDATE connector_config SET settings = settings || jsonb_build_object('token',"
    " coalesce(settings -> 'token', '{}') || jsonb_build_object('failed_at', clock_timestamp()))"
    " WHERE id = :connector AND settings #>> '{token,failed_at}' IS NULL"
)


def lock_number(connector_id: uuid.UUID) -> int:
    """The number of the advisory lock under which a store's token is renewed."""
    digest = blake2b(f"{connector_id}/token".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
