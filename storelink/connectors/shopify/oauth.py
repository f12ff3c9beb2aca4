"""The authorization code grant: the address to approve the app at, and what comes back from there.

Docs: https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/authorization-code-grant

Address and signature are the official package's. It keeps the secret in a class attribute, makes
`evil.myshopify.com` of `evil.com`, and fails on a timestamp that is no number: all of that is
seen to here. It is imported when it is needed, as that takes a while.
"""

import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from storelink.connectors.http import HttpClient
from storelink.connectors.protocol import Account, Clock, Limits, Token, Traffic
from storelink.connectors.shopify.address import SHOP, is_loopback
from storelink.connectors.shopify.grant import grant
from storelink.errors import Misconfigured

SCOPES = ("read_products", "read_customers", "read_orders", "write_orders")
"""What storelink asks for. `read_all_orders` needs Shopify's consent first: asking fails without."""
_AHEAD = 600
"""Seconds by which the callback's clock may be ahead of ours."""


def authorize_url(shop: str, client_id: str, scopes: Sequence[str], redirect_uri: str, state: str) -> str:
    """Where the shop's owner approves the app. `shop` is the store's address as we keep it.

    `state` is a fresh random text, to be given to `accept_callback`. Raises `Misconfigured`.
    """
    from shopify.session import Session

    if not state or not client_id:
        raise Misconfigured("a client id and a state are needed to approve the app", code="keys")
    session = Session(_checked_host(shop), "unstable")
    session.url = urlsplit(shop).netloc  # it knows no port and no other host
    session.api_key = client_id
    url = str(session.create_permission_url(list(scopes), redirect_uri, state))
    return url if shop.startswith("https://") else url.replace("https://", "http://", 1)


def accept_callback(answered: str | Mapping[str, str], *, state: str, client_secret: str, shop: str) -> str:
    """The code in what came back: the address that the browser ended at, or its parameters.

    Checks that it answers our question (`state`), is for this shop, was signed by Shopify, and is
    not older than a day. Raises `Misconfigured` with words; they hold nothing of what came back.
    """
    params = _parameters(answered) if isinstance(answered, str) else dict(answered)
    if error := params.get("error"):
        raise Misconfigured(
            f"the app was not approved ({'access_denied' if error == 'access_denied' else 'an error'})",
            code="access_denied",
        )
    if not state or not hmac.compare_digest(params.get("state", "").encode(), state.encode()):
        raise Misconfigured("this is not the answer to our question: its state is another", code="state")
    if not _same_shop(params.get("shop", ""), shop):
        raise Misconfigured("this is the answer of another shop", code="shop")
    stamp = params.get("timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        raise Misconfigured("the answer has no time", code="timestamp")
    if int(stamp) > time.time() + _AHEAD:
        raise Misconfigured("the answer is from the future: set this machine's clock", code="timestamp")
    _check_signature(params, client_secret)
    if not (code := params.get("code", "")):
        raise Misconfigured("the answer has no code", code="code")
    return code


def exchange(
    shop: str,
    credentials: Mapping[str, str],
    code: str,
    *,
    clock: Clock,
    limits: Limits | None = None,
    expiring: bool = True,
) -> dict[str, Any]:
    """The code for a token, as `TokenKeeper` keeps it. A code is good once: never repeated.

    `credentials` has client_id and client_secret. Raises `AuthFailed`, `Retryable`, `Misconfigured`.
    """
    http = HttpClient(shop, limits or Limits(), clock, Traffic())
    try:
        form: dict[str, Any] = {"code": code}
        if expiring:
            form["expiring"] = "1"
        return grant(http, clock, credentials, form)
    finally:
        http.close()


class CodeGrant:
    """The round trip as the seam has it; see `protocol.Authorization`."""

    mode = "code"

    def address(self, account: Account, redirect_url: str, state: str) -> str:
        """See `authorize_url`."""
        client_id = account.credentials.get("client_id", "")
        return authorize_url(account.store_url, client_id, SCOPES, redirect_url, state)

    def accept(self, account: Account, answered: str, state: str, limits: Limits, clock: Clock) -> Token:
        """See `accept_callback` and `exchange`."""
        secret = account.credentials.get("client_secret", "")
        code = accept_callback(answered, state=state, client_secret=secret, shop=account.store_url)
        return exchange(account.store_url, account.credentials, code, clock=clock, limits=limits)


def _check_signature(params: Mapping[str, str], client_secret: str) -> None:
    from shopify.session import Session

    if not client_secret:
        raise Misconfigured("the client secret is needed to check the answer", code="keys")
    signer: Any = type("_Signer", (Session,), {"secret": client_secret})
    try:
        good = signer.validate_hmac(params)
        fresh = signer.validate_params(params)
    except (TypeError, ValueError, UnicodeError):
        good = fresh = False
    if not good:
        raise Misconfigured("the answer is not signed by Shopify, or the client secret is wrong", code="hmac")
    if not fresh:
        raise Misconfigured("the answer is older than a day: approve the app again", code="timestamp")


def _parameters(address: str) -> dict[str, str]:
    query = urlsplit(address.strip()).query if "?" in address else address.strip()
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    params = dict(pairs)
    if len(params) != len(pairs):
        raise Misconfigured("the answer has a parameter twice", code="hmac")
    return params


def _same_shop(named: str, shop: str) -> bool:
    """Whether `named` is our shop. One on this machine, the sandbox, has a name of its own."""
    if is_loopback(shop):
        return SHOP.fullmatch(named) is not None
    return named == _checked_host(shop)


def _checked_host(shop: str) -> str:
    """The shop as it names itself in the callback."""
    parts = urlsplit(shop)
    if is_loopback(shop):
        return parts.netloc
    if parts.scheme != "https" or not SHOP.fullmatch(parts.netloc):
        raise Misconfigured(f"{shop!r} is not a shop's address", code="url")
    return parts.netloc
