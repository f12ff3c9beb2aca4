"""Shopify's Admin GraphQL API over HTTP: one question, one answer, and all that can go wrong.

Docs: https://shopify.dev/docs/api/admin-graphql and https://shopify.dev/docs/api/usage/versioning
"""

import hashlib
import re
import ssl
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import orjson
import structlog

from storelink.connectors.http import Answer as HttpAnswer
from storelink.connectors.http import HttpClient
from storelink.connectors.protocol import Account, Clock, Limits, Rate, Read, Traffic
from storelink.connectors.retry import Retry
from storelink.connectors.shopify.bucket import CAP, Cost, Ticket, shared_bucket
from storelink.connectors.shopify.download import Downloads
from storelink.connectors.shopify.refusal import (
    Throttled,
    cost_of,
    errors_of,
    graphql_error,
    http_error,
    intolerable,
    plain,
    search_warning,
    unreadable,
)
from storelink.connectors.shopify.token import Tokens, tokens_of
from storelink.errors import AuthFailed, Retryable

API_VERSION = "2026-10"
_VERSION = re.compile(r"20[0-9]{2}-(01|04|07|10)")
_NAME = re.compile(r"\b(?:query|mutation)\s+([A-Za-z_]\w*)")
_PATIENCE = 300.0
"""Seconds in which a query may be throttled again and again before that is an error."""
_PAUSE = 120.0
"""Seconds until it is worth trying again after that: longer than a client waits by itself."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What Shopify said. `errors` are those that the caller said it can live with."""

    data: dict[str, Any] = field(repr=False)
    read: Read
    cost: Cost | None
    """None where the answer says nothing of it."""
    errors: tuple[Mapping[str, Any], ...] = ()


class Client:
    """One shop. Safe to use from several threads; close it when done.

    `served` is the API version that the last answer came from, `deprecated` what Shopify says of
    calls that it will drop.
    """

    def __init__(
        self,
        account: Account,
        limits: Limits,
        clock: Clock,
        *,
        retry: Retry | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        """Makes no request. Raises `Misconfigured` if the address or the credentials cannot be used."""
        self.traffic = Traffic()
        self.version = _version(account)
        self.served: str | None = None
        self.deprecated: str | None = None
        self._path = f"admin/api/{self.version}/graphql.json"
        self._url = f"{account.store_url}/{self._path}"
        self._secrets = [value for value in account.credentials.values() if len(value) >= 6]
        self._closed = threading.Event()
        self._http = HttpClient(
            account.store_url,
            limits,
            clock,
            self.traffic,
            explain=lambda answer: http_error(answer, self.hidden),
            retry=retry,
            tls=tls,
            sleep=sleep,
        )
        self._tokens: Tokens = tokens_of(account, self._http, clock)
        self._downloads = Downloads(account.store_url, limits, clock, self.traffic, retry=retry, tls=tls)
        self._bucket = shared_bucket(_bucket_key(account))

    def ask(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        at_least: float | None = None,
        allow: Collection[str] = (),
        repeat: bool = True,
        attempts: int | None = None,
    ) -> Answer:
        """Send a document of one operation, when the bucket has the points for it.

        `at_least` is what the query is known to cost; else that is learnt from earlier answers.
        `allow` are codes of errors (`ACCESS_DENIED`, …) that may stand beside data. A mutation that
        must not be done twice is sent with `repeat=False`: then only what was certainly not done
        (throttled, or refused for the token) is sent again.

        Raises `Retryable` (after its own retries), `TooLarge`, `AuthFailed`, `Misconfigured`, and
        `Rejected` with Shopify's code: `MAX_COST_EXCEEDED` means a smaller page, `ACCESS_DENIED` a
        scope that is missing, `NOT_APPROVED` protected customer data, `search_warning` a search
        that was not understood.
        """
        asked = _Question(document, dict(variables or {}), at_least, allow)

        def once() -> Answer:
            return self._unthrottled(asked)

        if repeat:
            return self._http.again(once, attempts=attempts)
        try:
            return self._http.again(lambda: _surely(once), attempts=attempts)
        except _Unsure as unsure:
            raise unsure.error from None

    def download(self, url: str, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The file at `url`, from byte `offset`, in pieces; see `download.Downloads.open`."""
        return self._downloads.open(url, offset)

    def write(self, body: str, *, points: float, timeout: float | None = None) -> HttpAnswer:
        """Send a mutation that must not be done twice: once, with a token that is renewed before if due.

        `body` is the whole request; `points` are what it may cost. Every answer is handed back. Raises
        `Retryable`, `AuthFailed` and `Misconfigured` where nothing was sent, else `OutcomeUnknown`.
        """
        ticket, waited = self._bucket.take(points, self._closed.is_set)
        cost: Cost | None = None
        try:
            if waited > 0.01:
                self._http.count_throttled(waited)
            headers = ((b"X-Shopify-Access-Token", self._tokens.current().encode("ascii")),)
            answer = self._http.write(
                "POST", self._path, body=body.encode(), headers=headers, timeout=timeout
            )
            cost = _cost_in(answer)
            return answer
        finally:
            self._settle(ticket, cost)

    def _settle(self, ticket: Ticket, cost: Cost | None) -> None:
        self._bucket.settle(ticket, cost)
        if cost is not None:
            self.traffic.rate = Rate(cost.available, cost.maximum, cost.restore)

    @property
    def granted(self) -> frozenset[str] | None:
        """The scopes that came with the access token; None where they are not known from it."""
        return self._tokens.scopes

    @property
    def tokens(self) -> Tokens:
        """Who holds the access token; for the doctor."""
        return self._tokens

    def close(self) -> None:
        """Let go of all connections; who waits for the bucket gets `Retryable`."""
        self._closed.set()
        self._bucket.wake()
        self._http.close()
        self._downloads.close()

    # -- one question --------------------------------------------------------------------------------

    def _unthrottled(self, asked: "_Question") -> Answer:
        until = monotonic() + _PATIENCE
        while True:
            try:
                return self._once(asked)
            except Throttled as error:
                # the bucket knows now how full it is; others were quicker
                if monotonic() > until or self._closed.is_set():
                    raise Retryable(str(error), after=_PAUSE, status=200, code="THROTTLED") from None

    def _once(self, asked: "_Question") -> Answer:
        estimate = self._bucket.estimate(asked.document, asked.variables, asked.at_least)
        ticket, waited = self._bucket.take(estimate, self._closed.is_set)
        cost: Cost | None = None
        try:
            if waited > 0.01:
                self._http.count_throttled(waited)
            answer = self._authorised(asked.body)
            said = self._parsed(answer)
            extensions = said.get("extensions")
            cost = cost_of(extensions)
        finally:
            self._settle(ticket, cost)
        if cost is not None and 0 < cost.requested <= CAP:
            self._bucket.learn(asked.document, asked.variables, cost.requested)
        self._notice(answer)
        return self._accept(asked, answer, said, cost)

    def _accept(
        self, asked: "_Question", answer: HttpAnswer, said: dict[str, Any], cost: Cost | None
    ) -> Answer:
        """The answer, if it is one."""
        data, errors = said.get("data"), errors_of(said)
        if intolerable_ones := intolerable(errors, asked.allow, isinstance(data, dict) and any_of(data)):
            raise graphql_error(intolerable_ones, answer.url, self.hidden, cost)
        if not isinstance(data, dict):
            raise Retryable(f"{answer.url} answered 200, but with neither data nor errors", code="shape")
        if (warning := search_warning(said.get("extensions"), answer.url, self.hidden)) is not None:
            raise warning
        return Answer(data, answer.read, cost, tuple(errors))

    def _authorised(self, body: bytes) -> HttpAnswer:
        """One request; with a token that is refused, once more with a fresh one."""
        token = self._tokens.current()
        try:
            return self._send(token, body)
        except AuthFailed as error:
            if error.code != "invalid_token" or not self._tokens.refused(token):
                raise
        return self._send(self._tokens.current(), body)

    def _send(self, token: str, body: bytes) -> HttpAnswer:
        headers = ((b"X-Shopify-Access-Token", token.encode("ascii")),)
        return self._http.send("POST", self._path, body=body, headers=headers)

    def _parsed(self, answer: HttpAnswer) -> dict[str, Any]:
        try:
            data = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            raise unreadable(answer, self.hidden) from None
        if not isinstance(data, dict):
            raise unreadable(answer, self.hidden)
        return data

    def _notice(self, answer: HttpAnswer) -> None:
        """Which version answered, and what it says of its future; said once each in the log."""
        served = answer.headers.get("x-shopify-api-version")
        if served and served != self.served:
            self.served = plain(served)
            if served != self.version:
                log.warning("shopify serves another API version", asked=self.version, served=self.served)
        reason = answer.headers.get("x-shopify-api-deprecated-reason")
        if reason and plain(reason) != self.deprecated:
            self.deprecated = plain(reason)
            log.warning("shopify will drop something that is asked", said=self.deprecated)

    def hidden(self, text: str) -> str:
        """One short line of a text, without our secrets."""
        kept = self._tokens.kept or {}
        issued = [str(kept[name]) for name in ("access_token", "refresh_token") if kept.get(name)]
        for value in (*self._secrets, *issued):
            text = text.replace(value, "…")
        return plain(text)


class _Unsure(Exception):
    """It may have been done, and must not be tried again."""

    def __init__(self, error: Retryable) -> None:
        self.error = error


def _surely(call: Callable[[], Answer]) -> Answer:
    """`call`, whose failure may be tried again only if nothing was done: 429 is said before anything is."""
    try:
        return call()
    except Retryable as error:
        if error.status == 429:
            raise
        raise _Unsure(error) from error


class _Question:
    """One document with its variables, ready to be sent."""

    def __init__(
        self, document: str, variables: dict[str, Any], at_least: float | None, allow: Collection[str]
    ) -> None:
        self.document, self.variables = document, variables
        self.at_least, self.allow = at_least, allow
        content: dict[str, Any] = {"query": document, "variables": variables}
        if name := _NAME.search(document):
            content["operationName"] = name[1]
        self.body = orjson.dumps(content)


def _cost_in(answer: HttpAnswer) -> Cost | None:
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return cost_of(said.get("extensions")) if isinstance(said, dict) else None


def any_of(data: Mapping[str, Any]) -> bool:
    """Whether there is anything in an answer's data."""
    return any(value is not None for value in data.values())


def _version(account: Account) -> str:
    """The API version to ask; a test may pin another one in the settings."""
    pinned = account.settings.get("api_version")
    return pinned if isinstance(pinned, str) and _VERSION.fullmatch(pinned) else API_VERSION


def _bucket_key(account: Account) -> str:
    """Names the app in the shop, without its secrets."""
    app = account.credentials.get("client_id") or account.credentials.get("access_token", "")
    return hashlib.sha256(f"{account.store_url}\n{app}".encode()).hexdigest()
