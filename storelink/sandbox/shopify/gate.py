"""Who may come in: access tokens, and the OAuth endpoints that give them out.

Client credentials, authorization code, expiring tokens with a refresh token that rotates:
https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from storelink.sandbox.clock import Clock
from storelink.sandbox.shopify.switches import Switches

INVALID = "[API] Invalid API key or access token (unrecognized login or wrong password)"
NON_EXPIRING = (
    "[API] Non-expiring access tokens are no longer accepted for the Admin API. Start using expiring "
    "offline tokens: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/"
    "offline-access-tokens"
)
CODE_SECONDS = 3_600
#: how long a refresh token that was replaced may still be used, from its first use
GRACE_SECONDS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class App:
    """An app that is installed on the shop."""

    name: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(slots=True)
class Token:
    """An access token. `ends` None: never. `pair` numbers the expiring offline pair it belongs to."""

    app: App
    text: str = field(repr=False)
    ends: float | None
    pair: int = 0
    revoked: bool = False


@dataclass(slots=True)
class Refresh:
    """A refresh token. `used` is when it was first exchanged, `retired` that its replacement was used."""

    app: App
    text: str = field(repr=False)
    ends: float
    pair: int
    used: float | None = None
    retired: bool = False


class Refused(Exception):
    """A request to the OAuth endpoints that is refused: HTTP status, error and description."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status, self.error, self.description = status, error, description


class Gate:
    """The tokens of one shop. Everything it gives out follows from the seed and the order of requests."""

    def __init__(self, seed: int, domain: str, clock: Clock, switches: Switches) -> None:
        self._seed = seed
        self.domain = domain
        self._clock = clock
        self._switches = switches
        self._made = 0
        self.app = App("storelink", self._word("client id"), f"shpss_{self._word('client secret')}")
        self.other = App("another app", self._word("other id"), f"shpss_{self._word('other secret')}")
        self.static = f"shpat_{self._word('static')}"
        self.other_static = f"shpat_{self._word('other static')}"
        self.tokens = {
            self.static: Token(self.app, self.static, None),
            self.other_static: Token(self.other, self.other_static, None),
        }
        self._refreshes: dict[str, Refresh] = {}
        self._codes: dict[str, tuple[App, float, str]] = {}
        self._pair: dict[str, int] = {}

    def _word(self, name: str) -> str:
        return hashlib.sha256(f"{self._seed} shopify {name}".encode()).hexdigest()[:32]

    def _fresh(self, kind: str) -> str:
        self._made += 1
        return self._word(f"{kind} {self._made}")

    # coming in

    def admit(self, text: str) -> tuple[Token | None, int, str]:
        """The token that was shown, or the status and words to refuse it with."""
        token = self.tokens.get(text)
        now = self._clock.seconds()
        if (
            token is None
            or token.revoked
            or (token.ends is not None and token.ends <= now)
            or self._switches.mode == "uninstalled"
        ):
            return None, 401, INVALID
        if token.ends is None and self._switches.nonexpiring_refused:
            return None, 403, NON_EXPIRING
        self._first_use(token.app, token.pair)
        return token, 200, ""

    def revoke(self, text: str | None = None) -> int:
        """End a token at once, or all of the app's that were given out; says how many."""
        found = [
            token
            for token in self.tokens.values()
            if (token.text == text if text else token.app is self.app) and not token.revoked
        ]
        for token in found:
            token.revoked = True
        return len(found)

    def expire(self) -> None:
        """Let every access token that ends be over; refresh tokens stay."""
        for token in self.tokens.values():
            if token.ends is not None:
                token.ends = min(token.ends, self._clock.seconds())

    # giving out

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Where the merchant's browser is sent: the app is approved at once. Raises `Refused`."""
        app = self._by_id(asked.get("client_id", ""))
        target = asked.get("redirect_uri", "")
        parts = urlsplit(target)
        if parts.scheme not in ("http", "https") or not parts.hostname or not self._known(target):
            raise Refused(400, "invalid_request", "The redirect_uri is not whitelisted")
        now = self._clock.seconds()
        code = self._fresh("code")
        self._codes[code] = (app, now + CODE_SECONDS, asked.get("scope", ""))
        told = {
            "code": code,
            "host": base64.b64encode(f"{self.domain}/admin".encode()).decode().rstrip("="),
            "shop": self.domain,
            "timestamp": str(int(now)),
        }
        if "state" in asked:
            told["state"] = asked["state"]
        told["hmac"] = signed(told, app.client_secret)
        joint = "&" if parts.query else "?"
        return f"{target}{joint}{urlencode(told)}"

    def _known(self, target: str) -> bool:
        return not self._switches.redirects or target.partition("?")[0] in self._switches.redirects

    def exchange(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """POST /admin/oauth/access_token. Raises `Refused`."""
        grant = str(asked.get("grant_type") or "authorization_code")
        app = self._by_id(str(asked.get("client_id", "")))
        if not hmac.compare_digest(str(asked.get("client_secret", "")), app.client_secret):
            raise Refused(401, "invalid_client", "The client secret does not match")
        if self._switches.mode == "uninstalled":
            raise Refused(400, "app_not_installed", "The app is not installed on this shop")
        if grant == "client_credentials":
            return self._credentials(app)
        if grant == "refresh_token":
            return self._refreshed(app, str(asked.get("refresh_token", "")))
        if grant == "authorization_code":
            code = str(asked.get("code", ""))
            return self._coded(app, code, expiring=str(asked.get("expiring", "0")) == "1")
        raise Refused(400, "unsupported_grant_type", f"The grant type {grant} is not supported")

    def _by_id(self, client_id: str) -> App:
        for app in (self.app, self.other):
            if app.client_id == client_id:
                return app
        raise Refused(400, "application_cannot_be_found", "No app has this client_id")

    def _scope(self) -> str:
        return ",".join(self._switches.granted())

    def _credentials(self, app: App) -> dict[str, Any]:
        lives = self._switches.grant_seconds
        token = Token(app, f"shpat_{self._fresh('credentials')}", self._clock.seconds() + lives)
        self.tokens[token.text] = token
        return {"access_token": token.text, "scope": self._scope(), "expires_in": int(lives)}

    def _coded(self, app: App, code: str, *, expiring: bool) -> dict[str, Any]:
        held = self._codes.pop(code, None)
        if held is None or held[0] is not app or held[1] <= self._clock.seconds():
            words = "The authorization code was not found or was already used"
            raise Refused(400, "invalid_request", words)
        if expiring:
            return self._pair_of(app)
        token = Token(app, f"shpat_{self._fresh('offline')}", None)
        self.tokens[token.text] = token
        return {"access_token": token.text, "scope": self._scope()}

    def _refreshed(self, app: App, text: str) -> dict[str, Any]:
        held, now = self._refreshes.get(text), self._clock.seconds()
        if (
            held is None
            or held.app is not app
            or held.ends <= now
            or held.retired
            or (held.used is not None and held.used + GRACE_SECONDS <= now)
        ):
            raise Refused(400, "invalid_grant", "The refresh token is invalid, expired or was revoked")
        self._first_use(app, held.pair)
        if held.used is None:
            held.used = now
        return self._pair_of(app, held)

    def _pair_of(self, app: App, before: Refresh | None = None) -> dict[str, Any]:
        """A new pair; the access token before it ends, its refresh token once this pair is first used."""
        now, switches = self._clock.seconds(), self._switches
        for token in self.tokens.values():
            if token.app is app and token.pair:
                token.revoked = True
        for other in self._refreshes.values():
            if other.app is app and other is not before:
                other.retired = True
        number = self._pair[app.client_id] = self._pair.get(app.client_id, 0) + 1
        token = Token(app, f"shpat_{self._fresh('expiring')}", now + switches.access_seconds, number)
        self.tokens[token.text] = token
        refresh = Refresh(app, f"shprt_{self._fresh('refresh')}", now + switches.refresh_seconds, number)
        if before is not None and not switches.rotates:
            refresh = replace(before, pair=number, used=None)
        self._refreshes[refresh.text] = refresh
        return {
            "access_token": token.text,
            "scope": self._scope(),
            "expires_in": int(switches.access_seconds),
            "refresh_token": refresh.text,
            "refresh_token_expires_in": int(refresh.ends - now),
        }

    def _first_use(self, app: App, pair: int) -> None:
        """From the first use of a pair on, the refresh tokens before it are worth nothing."""
        if not pair:
            return
        for other in self._refreshes.values():
            if other.app is app and other.pair < pair:
                other.retired = True


def signed(params: Mapping[str, str], secret: str) -> str:
    """The hmac of a callback: SHA-256, hex, over the other parameters sorted, delimiters escaped."""
    pairs = []
    for name, value in params.items():
        if name != "hmac":
            key = name.replace("%", "%25").replace("=", "%3D")
            pairs.append(f"{key}={value.replace('%', '%25')}".replace("&", "%26"))
    return hmac.new(secret.encode(), "&".join(sorted(pairs)).encode(), hashlib.sha256).hexdigest()
