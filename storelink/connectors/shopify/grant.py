"""Shopify's token endpoint: what is sent to be granted a token, and what its refusals mean.

Docs: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens (client
credentials grant, authorization code grant, expiring offline access tokens)
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from storelink.connectors.http import Answer, HttpClient, interpret
from storelink.connectors.protocol import Clock
from storelink.connectors.shopify.refusal import Hide, plain
from storelink.errors import AuthFailed, Misconfigured, Retryable, StorelinkError

PATH = "admin/oauth/access_token"
AHEAD = 300.0
"""Seconds before its end at which a token is renewed; a short-lived one, a tenth of its life before."""
_TITLE = re.compile(rb"Oauth error (\w+):?\s*([^<]{0,200})")
_USABLE = re.compile(r"[!-~]{1,4096}")

_AUTHORIZE = "The shop has to approve the app anew: run `storelink connectors authorize`"
_WORDS = {
    "invalid_client": "Shopify does not know this client id, or the client secret is wrong",
    "invalid_grant": f"What was granted has expired, was used already or was withdrawn. {_AUTHORIZE}",
    "shop_not_permitted": "Client credentials work only for shops of the organisation that owns the app. "
    "For another shop, register it with --auth code",
    "app_not_installed": "The app is not installed in this shop: install it there first",
    "application_cannot_be_found": "Shopify knows no app with this client id",
    "unsupported_grant_type": "This app may not be granted tokens in this way",
    "unauthorized_client": "This app may not be granted tokens in this way",
}


def grant(
    http: HttpClient, clock: Clock, credentials: Mapping[str, str], form: Mapping[str, Any]
) -> dict[str, Any]:
    """One exchange at the token endpoint, never repeated: a token as `protocol.Token` has it.

    `credentials` has client_id and client_secret; `form` what is exchanged. Raises `AuthFailed`
    with Shopify's code, `Retryable`, `Misconfigured`.
    """
    asked = clock()
    app = {name: credentials.get(name, "") for name in ("client_id", "client_secret")}
    secrets = [value for value in (*app.values(), *map(str, form.values())) if len(value) >= 12]
    answer = _post(http, orjson.dumps(app | dict(form)), secrets)
    return token_of(answer, asked)


def token_of(answer: Answer, asked: datetime) -> dict[str, Any]:
    """The token in an answer; its lives are counted from when it was asked for."""
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        said = None
    value = said.get("access_token") if isinstance(said, dict) else None
    if not isinstance(said, dict) or not isinstance(value, str) or not _USABLE.fullmatch(value):
        raise Retryable(f"{answer.url} answered 200, but with no token", status=200, code="unreadable")
    token: dict[str, Any] = {"access_token": value, "expires_at": None, "scope": str(said.get("scope") or "")}
    if (life := _seconds(said.get("expires_in"))) is not None:
        token["expires_at"] = _after(asked, life)
        token["renew_at"] = _after(asked, life - min(AHEAD, life / 10))
    if isinstance(refresh := said.get("refresh_token"), str) and refresh:
        token["refresh_token"] = refresh
        if (life := _seconds(said.get("refresh_token_expires_in"))) is not None:
            token["refresh_expires_at"] = _after(asked, life)
    return token


def _post(http: HttpClient, body: bytes, secrets: list[str]) -> Answer:
    def hidden(text: str) -> str:
        for value in secrets:
            text = text.replace(value, "…")
        return plain(text)

    return http.send("POST", PATH, body=body, explain=lambda answer: refusal(answer, hidden))


def refusal(answer: Answer, hide: Hide) -> StorelinkError:
    """What an answer of the token endpoint outside 2xx means."""
    status = answer.status
    code, said = _error(answer.body)
    words = f' ("{hide(said)}")' if said else ""
    if code is not None and 400 <= status < 500 and status != 429:
        if code == "invalid_request" and "refresh_token" in said:
            code = "invalid_grant"  # said of a refresh token that was replaced or withdrawn
        why = _WORDS.get(code, "Shopify grants no token")
        return AuthFailed(
            f"{answer.url} answered {status} {hide(code)}: {why}{words}", code=code, status=status
        )
    if status == 404:
        return Misconfigured(
            f"{answer.url} answered 404: Shopify knows no shop of this name", code="unknown_shop"
        )
    if status in (400, 401, 403):
        return AuthFailed(f"{answer.url} answered {status}: Shopify grants no token{words}", status=status)
    if status in (402, 423):
        code = "frozen" if status == 402 else "locked"
        return Misconfigured(f"{answer.url} answered {status}: the shop is {code}{words}", code=code)
    return interpret(answer, hide(said))


def _error(body: bytes) -> tuple[str | None, str]:
    """OAuth's code and words, from JSON or from the page that Shopify shows instead."""
    try:
        data = orjson.loads(body[:100_000])
    except orjson.JSONDecodeError:
        found = _TITLE.search(body[:100_000])
        if found is None:
            return None, ""
        return found[1].decode(), found[2].decode("utf-8", "replace").strip()
    if not isinstance(data, dict):
        return None, ""
    code = data.get("error")
    said = data.get("error_description") or data.get("errors") or ""
    return (code[:100] if isinstance(code, str) and code else None), str(said)


def _seconds(value: object) -> float | None:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    return float(value) if isinstance(value, int | float) and 0 < value < 1e9 else None


def _after(asked: datetime, seconds: float) -> str:
    return (asked + timedelta(seconds=seconds)).isoformat()
