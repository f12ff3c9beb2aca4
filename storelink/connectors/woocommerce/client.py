"""The WooCommerce REST API v3 over HTTP: signing, errors, and JSON that is not quite JSON.

Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/ (authentication, errors, pagination).
Over plain http WooCommerce looks at OAuth 1.0a signatures only, over https at Basic credentials or
at keys in the query string. Lists go in their comma form (`status=completed,processing`).
"""

import base64
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import orjson

from storelink.connectors.http import (
    Answer,
    HttpClient,
    Params,
    Sign,
    Signed,
)
from storelink.connectors.protocol import Account, Clock, Limits, Traffic
from storelink.connectors.retry import Retry, http_date
from storelink.connectors.woocommerce.jsontext import Unreadable, parse_json
from storelink.connectors.woocommerce.refusal import (
    AUTHENTICATION,
    ErrorBody,
    error_body,
    foreign,
    store_error,
    unreadable,
)
from storelink.errors import AuthFailed, Misconfigured, Retryable, StorelinkError

T = TypeVar("T")
API = "wp-json/wc/v3"
SITE = "wp-json/"
_COUNT = re.compile("[0-9]{1,15}")
# refusals that no fresh signature mends; other languages than English cost one request more
_LASTING = ("Consumer ", "Invalid signature", "The API key provided")


class SignAgain(AuthFailed):
    """The signature was refused, perhaps for its nonce or its time: a fresh one may do."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An answer and what its JSON says.

    `total` is the store's count of the whole list, None where the page is empty: past the end the
    header says 0, whatever the list holds.
    """

    data: Any
    answer: Answer
    total: int | None


class Client:
    """One store. Safe to use from several threads; close it when done."""

    def __init__(
        self,
        account: Account,
        limits: Limits,
        clock: Clock,
        *,
        key_in_query: bool | None = None,
        retry: Retry | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        """Makes no request. `key_in_query` overrides what the account's settings say.

        Raises `Misconfigured` if the address or the keys cannot be used.
        """
        self.traffic = Traffic()
        self.encrypted = urlsplit(account.store_url).scheme == "https"
        self._key, self._secret = _keys(account)
        if key_in_query is None:
            key_in_query = bool(account.settings.get("key_in_query"))
        self.key_in_query = key_in_query
        self._offset = 0
        self._http = HttpClient(
            account.store_url,
            limits,
            clock,
            self.traffic,
            sign=self._signing(),
            explain=self._explain,
            retry=retry,
            tls=tls,
            sleep=sleep,
        )

    def get(self, path: str, params: Params | None = None, *, attempts: int | None = None) -> Parsed:
        """GET `path` under `/wp-json/wc/v3/`.

        Raises `Retryable` (after its own retries), `TooLarge`, `AuthFailed`, `Rejected`, `NotFound`
        (only for WooCommerce's own not-found codes) and `Misconfigured`.
        """
        return self._again(
            lambda: self._http.get(f"{API}/{path}", params, parse=self._parsed, attempts=attempts)
        )

    def get_site(
        self, path: str = "", params: Params | None = None, *, attempts: int | None = None
    ) -> Parsed:
        """GET `path` under `/wp-json/` as nobody: WordPress refuses keys that it does not know.

        With an empty path the site's own description, with `wc/v3` the routes of WooCommerce.
        """
        return self.get_public(SITE + path, params, attempts=attempts)

    def get_public(self, path: str, params: Params | None = None, *, attempts: int | None = None) -> Parsed:
        """GET `path` under the store's address as nobody. Raises as `get` does."""
        return self._http.get(path, params, parse=self._parsed, attempts=attempts, signed=False)

    def put_probe(self) -> None:
        """Ask to change order 0, which never exists. Always raises what the store says to that.

        `Rejected` means that the keys may write, `AuthFailed` that they may not.
        """
        self._again(lambda: self._http.send("PUT", f"{API}/orders/0", {}, b"{}"))

    def send(
        self, method: str, path: str, params: Params | None = None, document: Mapping[str, Any] | None = None
    ) -> Parsed:
        """One write under `/wp-json/wc/v3/`; sent again only where its signature was refused.

        Raises as `get` does. After `Retryable` the store may have done it or not.
        """
        body = None if document is None else orjson.dumps(document)
        return self._again(lambda: self._parsed(self._http.send(method, f"{API}/{path}", params, body)))

    def write(self, method: str, path: str, body: str, *, timeout: float) -> Answer:
        """One write under `/wp-json/wc/v3/` that must not be done twice; see `HttpClient.write`.

        A signature that was refused for its nonce or its time is `Retryable`: the next is a fresh one.
        """
        answer = self._http.write(method, f"{API}/{path}", None, body.encode(), timeout=timeout)
        if answer.status == 401 and isinstance(error := self._explain(answer), SignAgain):
            raise Retryable(str(error), code="signature", status=401) from None
        return answer

    def hidden(self, text: str) -> str:
        """`text` without this store's keys."""
        return self._hidden(text)

    def close(self) -> None:
        """Let go of all connections."""
        self._http.close()

    def _again(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except SignAgain:
            return call()

    def _signing(self) -> Sign:
        if not self.encrypted:
            return self._oauth()
        if self.key_in_query:
            keys = {"consumer_key": self._key, "consumer_secret": self._secret}
            return lambda _method, _url, params: Signed(_encoded({**params, **keys}))
        token = base64.b64encode(f"{self._key}:{self._secret}".encode())
        headers = ((b"Authorization", b"Basic " + token),)
        return lambda _method, _url, params: Signed(_encoded(params), headers)

    def _oauth(self) -> Sign:
        # not imported before it is needed: the package brings `requests` with it
        from storelink.connectors.woocommerce.oauth import signed_query

        def sign(method: str, url: str, params: Params) -> Signed:
            now = int(time.time()) + self._offset
            query = _encoded(params)
            return Signed(signed_query(method, url, query, self._key, self._secret, now))

        return sign

    def _explain(self, answer: Answer) -> StorelinkError:
        body = error_body(answer)
        if body is None:
            return foreign(answer, self._hidden)
        words = self._hidden(body.message)
        if not self.encrypted and _may_pass(answer, body):
            self._learn_clock(answer)
            return SignAgain(f'{answer.url} answered 401: "{words}"', code=body.code, status=401)
        return store_error(answer, body, words)

    def _learn_clock(self, answer: Answer) -> None:
        """Signatures are good for 15 minutes around the store's own time: move to it when far off."""
        date = http_date(answer.headers.get("date", ""))
        if date is not None:
            offset = round(date.timestamp() - time.time())
            self._offset = offset if abs(offset) > 60 else 0

    def _parsed(self, answer: Answer) -> Parsed:
        """The answer's JSON. Raises `Retryable` with a `code` if it is none."""
        try:
            data = parse_json(answer.body)
        except Unreadable as error:
            raise unreadable(answer, error, self._hidden) from None
        total = answer.headers.get("x-wp-total", "")
        listed = data and isinstance(data, list)
        return Parsed(data, answer, int(total) if listed and _COUNT.fullmatch(total) else None)

    def _hidden(self, text: str) -> str:
        for value in (self._key, self._secret):
            text = text.replace(value, "…")
        return text


def _may_pass(answer: Answer, body: ErrorBody) -> bool:
    """Nonce and time are refused with the code of everything else, in the store's language."""
    refused = answer.status == 401 and body.code == AUTHENTICATION
    return refused and not body.message.startswith(_LASTING)


def _encoded(params: Params) -> str:
    return urlencode(params, quote_via=quote, safe="")


def _keys(account: Account) -> tuple[str, str]:
    key = account.credentials.get("consumer_key", "").strip()
    secret = account.credentials.get("consumer_secret", "").strip()
    if not key or not secret:
        raise Misconfigured(f"{account.name}: consumer key and consumer secret are both needed", code="keys")
    if not all(re.fullmatch("[!-~]+", value) for value in (key, secret)):
        raise Misconfigured(
            f"{account.name}: consumer key or secret has characters that no key has; "
            "copy both anew from the store",
            code="keys",
        )
    return key, secret
