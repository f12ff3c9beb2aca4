"""Who holds the access token, and sees to a fresh one before the old one ends.

A static token lasts until somebody withdraws it. A token by client credentials lives a day, an
offline token of the authorization code grant an hour, with a refresh token that is replaced at
every use: the pair is kept by the account's `TokenKeeper`, one exchange at a time on all machines.
"""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from storelink.connectors.http import HttpClient
from storelink.connectors.protocol import Account, Clock, Token, TokenKeeper
from storelink.connectors.shopify.grant import AHEAD, grant
from storelink.errors import AuthFailed, Misconfigured, Retryable

_USABLE = re.compile(r"[!-~]+")
Exchange = Callable[[Token | None], Token]


class Tokens(Protocol):
    """The access token of one shop; any thread may ask."""

    @property
    def scopes(self) -> frozenset[str] | None:
        """The scopes that came with it; None where it came without."""

    @property
    def kept(self) -> Token | None:
        """The token with its dates; None for a static one."""

    def current(self) -> str:
        """An access token that should do. Raises `AuthFailed`, `Retryable`, `Misconfigured`."""

    def refused(self, token: str) -> bool:
        """Shopify refused `token`: sees to another one, and says whether there is one to try."""


class StaticToken:
    """A token that was entered, and that nobody renews."""

    scopes = None
    kept = None

    def __init__(self, token: str) -> None:
        self._token = token

    def current(self) -> str:
        """See `Tokens`."""
        return self._token

    def refused(self, token: str) -> bool:
        """See `Tokens`."""
        return token != self._token


class MemoryKeeper:
    """Keeps a token in this process alone, where the account has no keeper."""

    def __init__(self, token: Token | None = None) -> None:
        self._token = token
        self._lock = threading.Lock()

    def held(self) -> Token | None:
        """See `protocol.TokenKeeper`."""
        return self._token

    def renew(self, stale: Token | None, exchange: Exchange) -> Token:
        """See `protocol.TokenKeeper`."""
        with self._lock:
            if self._token is None or self._token == stale:
                self._token = exchange(self._token)
            return self._token


class RenewedToken:
    """A token that ends and is exchanged for the next one in time."""

    def __init__(self, keeper: TokenKeeper, exchange: Exchange, clock: Clock) -> None:
        self._keeper, self._exchange, self._clock = keeper, exchange, clock
        self._held: Token | None = None
        self._lock = threading.Lock()

    @property
    def scopes(self) -> frozenset[str] | None:
        """See `Tokens`."""
        said = (self._held or {}).get("scope")
        return frozenset(filter(None, re.split(r"[,\s]+", said))) if isinstance(said, str) and said else None

    @property
    def kept(self) -> Token | None:
        """See `Tokens`."""
        return self._held

    def current(self) -> str:
        """See `Tokens`."""
        held = self._held
        if held is not None and not self._due(held):
            return _value(held)
        usable = held is not None and not self._over(held)
        # while the old one is good, one thread renews it and the others go on
        if not self._lock.acquire(blocking=not usable):
            assert held is not None
            return _value(held)
        try:
            return _value(self._renewed())
        finally:
            self._lock.release()

    def refused(self, token: str) -> bool:
        """See `Tokens`."""
        with self._lock:
            held = self._held
            if held is not None and held.get("access_token") == token:
                self._held = self._keeper.renew(held, self._exchange)
            return True

    def _renewed(self) -> Token:
        held = self._held or self._keeper.held()
        for _ in range(3):  # another process may have kept one that has ended since, too
            if held is not None and not self._due(held):
                break
            try:
                held = self._keeper.renew(held, self._exchange)
            except Retryable:
                if held is None or self._over(held):
                    raise
                break  # it is good for some minutes yet
        if held is None or self._over(held):
            raise Retryable("Shopify granted a token that has ended already; clocks may differ", code="clock")
        self._held = held
        return held

    def _due(self, token: Token) -> bool:
        renewed = moment_of(token.get("renew_at"))
        ends = moment_of(token.get("expires_at"))
        if renewed is None and ends is not None:
            renewed = ends - timedelta(seconds=AHEAD)
        return renewed is not None and self._clock() >= renewed

    def _over(self, token: Token) -> bool:
        ends = moment_of(token.get("expires_at"))
        return ends is not None and self._clock() >= ends


def tokens_of(account: Account, http: HttpClient, clock: Clock) -> Tokens:
    """The token of an account, in its mode. Raises `Misconfigured` where what is needed is missing."""
    mode = account.auth_mode
    if mode == "token":
        return StaticToken(_entered(account, "access_token"))
    if mode not in ("client-credentials", "code"):
        raise Misconfigured(f"{account.name}: Shopify has no way to sign in called {mode!r}", code="keys")
    credentials = {name: _entered(account, name) for name in ("client_id", "client_secret")}

    def by_credentials(_kept: Token | None) -> dict[str, Any]:
        form = {"grant_type": "client_credentials"}
        return http.again(lambda: grant(http, clock, credentials, form), attempts=3)

    def by_refresh(kept: Token | None) -> dict[str, Any]:
        refresh = (kept or {}).get("refresh_token")
        if not isinstance(refresh, str) or not refresh:
            raise AuthFailed(
                f"{account.name}: the shop has not approved the app yet, or has to do it again: "
                "run `storelink connectors authorize`",
                code="invalid_grant",
            )
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        # the old refresh token stays good until the new one is used: asking again does no harm
        return http.again(lambda: grant(http, clock, credentials, form), attempts=3)

    exchange = by_credentials if mode == "client-credentials" else by_refresh
    return RenewedToken(account.tokens or MemoryKeeper(), exchange, clock)


def moment_of(value: object) -> datetime | None:
    """A kept date; None where there is none or it is none."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _value(token: Mapping[str, Any]) -> str:
    value = token.get("access_token")
    if not isinstance(value, str) or not _USABLE.fullmatch(value):
        raise AuthFailed("the access token that is kept is none", code="invalid_token")
    return value


def _entered(account: Account, name: str) -> str:
    value = account.credentials.get(name, "").strip()
    label = name.replace("_", " ")
    if not value:
        raise Misconfigured(f"{account.name}: the {label} is needed", code="keys")
    if not _USABLE.fullmatch(value):
        raise Misconfigured(
            f"{account.name}: the {label} has characters that none has; copy it anew", code="keys"
        )
    return value
