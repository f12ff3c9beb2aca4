"""Who asks, and what they may do: every case of facts §1.

Basic and query keys count on https alone, OAuth 1.0a everywhere; a key that is not known over https
is simply nobody; a bad signature, time or nonce is an error of its own.
"""

import base64
import hashlib
import hmac
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from storelink.sandbox.woocommerce.answers import Refused
from storelink.sandbox.woocommerce.php import Query

WINDOW = 15 * 60
_NEEDED = (
    "oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature",
    "oauth_signature_method",
)  # fmt: skip
_ALGORITHMS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
READS = frozenset(("GET", "HEAD"))


@dataclass(frozen=True, slots=True)
class Key:
    """A REST key. `may`: read, write or read_write; `role`: of the user who owns it."""

    consumer: str
    secret: str
    may: str
    role: str = "administrator"


@dataclass(frozen=True, slots=True)
class Asked:
    """The parts of a request that signing covers."""

    method: str
    url: str
    query: Query
    authorization: str
    secure: bool


def failed(message: str) -> Refused:
    return Refused(401, "woocommerce_rest_authentication_error", message)


def encoded(text: str) -> str:
    """RFC 3986 after undoing what was encoded already."""
    return quote(unquote(text), safe="~")


class Gate:
    """The store's keys, and the nonces it has seen."""

    def __init__(self, keys: list[Key], password: tuple[str, str] | None = None) -> None:
        self.keys = {key.consumer: key for key in keys}
        self.password = password
        self._nonces: dict[str, None] = {}
        self._order: deque[str] = deque()

    def identify(self, asked: Asked, now: float) -> Key | None:
        """The key behind a request, None for nobody. Raises `Refused` for what is plainly wrong."""
        if asked.secure:
            found = self._basic(asked)
            if found is not None:
                return found
        return self._oauth(asked, now)

    def _basic(self, asked: Asked) -> Key | None:
        name, secret = (
            str(asked.query.get("consumer_key", "")),
            str(asked.query.get("consumer_secret", "")),
        )
        if not (name and secret):
            name, secret = basic_pair(asked.authorization)
        if not (name and secret):
            return None
        if self.password and (name, secret.replace(" ", "")) == self.password:
            return Key("", "", "read_write")
        key = self.keys.get(name)
        if key is None:
            return None
        if not hmac.compare_digest(key.secret.encode(), secret.encode()):
            raise failed("Consumer secret is invalid.")
        return key

    def _oauth(self, asked: Asked, now: float) -> Key | None:
        params = {**asked.query, **header_params(asked.authorization)}
        missing = [name for name in _NEEDED if not params.get(name)]
        if len(missing) == len(_NEEDED):
            return None
        if missing:
            plural = "parameter" if len(missing) == 1 else "parameters"
            raise Refused(
                401,
                "woocommerce_rest_authentication_missing_parameter",
                f"Missing OAuth {plural} {', '.join(missing)}",
            )
        key = self.keys.get(str(params["oauth_consumer_key"]))
        if key is None:
            raise failed("Consumer key is invalid.")
        _check_signature(asked, params, key)
        self._check_once(str(params["oauth_timestamp"]), str(params["oauth_nonce"]), now)
        return key

    def _check_once(self, timestamp: str, nonce: str, now: float) -> None:
        try:
            age = abs(now - int(timestamp))
        except ValueError:
            age = WINDOW + 1.0
        if age > WINDOW:
            raise failed("Invalid timestamp.")
        if nonce in self._nonces:
            raise failed("Invalid nonce - nonce has already been used.")
        self._nonces[nonce] = None
        self._order.append(nonce)
        if len(self._order) > 50_000:
            del self._nonces[self._order.popleft()]


def basic_pair(authorization: str) -> tuple[str, str]:
    """User and password of a Basic header, two empty texts where it is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except ValueError:
        return "", ""
    return name, secret


def header_params(authorization: str) -> dict[str, str]:
    """The parameters of an `Authorization: OAuth a="b", …` header."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() != "oauth":
        return {}
    found = {}
    for part in value.split(","):
        name, _, quoted = part.strip().partition("=")
        if name.startswith("oauth_"):
            found[name] = unquote(quoted.strip('"'))
    return found


def _check_signature(asked: Asked, params: dict[str, Any], key: Key) -> None:
    sent = unquote(str(params["oauth_signature"]).replace(" ", "+"))
    algorithm = _ALGORITHMS.get(str(params["oauth_signature_method"]))
    if algorithm is None:
        raise failed("Invalid signature - signature method is invalid.")
    rest = {name: value for name, value in params.items() if name != "oauth_signature"}
    text = "&".join((asked.method, quote(asked.url, safe="~"), "%26".join(_joined(rest))))
    digest = hmac.new(f"{key.secret}&".encode(), text.encode(), algorithm).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), sent):
        raise failed("Invalid signature - provided signature does not match.")


def _joined(params: dict[str, Any], prefix: str = "") -> list[str]:
    """`name%3Dvalue` of every parameter, sorted; tables as `name[key]`, which no client signs."""
    parts: list[str] = []
    for name in sorted(params):
        value = params[name]
        inner = f"{prefix}%5B{encoded(name)}%5D" if prefix else encoded(name)
        if isinstance(value, dict):
            parts.extend(_joined(value, inner))
        else:
            parts.append(quote(f"{inner}={encoded(str(value))}", safe="~"))
    return parts


def may(key: Key, method: str) -> None:
    """Raise what the store answers when a key lacks the permission bit."""
    if method == "OPTIONS":
        return
    wanted = "read" if method in READS else "write"
    if wanted not in key.may:
        raise failed(f"The API key provided does not have {wanted} permissions.")
