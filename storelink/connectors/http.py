"""HTTP to a store: the one place where HTTP failures become our errors.

One `HttpClient` per store, safe to use from several threads. It sits on httpcore, the lower half
of httpx, rather than on `httpx.Client`, for three reasons: a deadline over the whole answer,
headers included, needs the network backend; a client that keeps cookies and logs every URL with
its keys is not wanted here; and it costs half the time per request.
"""

import random
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpcore
import httpx
import tenacity

import storelink
from storelink.connectors.failure import EXCHANGE_ERRORS, translate, unfinished
from storelink.connectors.protocol import Clock, Limits, Read, Traffic
from storelink.connectors.retry import Retry, http_date, retry_after
from storelink.connectors.status import meaning, moved
from storelink.connectors.wire import (
    BodyBroken,
    BodyTooLarge,
    Deadline,
    DeadlineBackend,
    NotingBackend,
    announced,
    body_of,
    host_header,
    origin_of,
)
from storelink.errors import (
    AuthFailed,
    Misconfigured,
    Rejected,
    Retryable,
    StorelinkError,
    TooLarge,
)

T = TypeVar("T")
Params = Mapping[str, str | int]
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one request. `url` is without its query, so that it can be shown."""

    status: int
    headers: httpx.Headers
    body: bytes = field(repr=False)
    read: Read
    url: str = ""

    @property
    def content_type(self) -> str:
        """The media type alone, lower case; empty where none was said."""
        value: str = self.headers.get("content-type", "")
        return value.partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Signed:
    """A request's query string and extra headers, as one attempt sends them."""

    query: str
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body is read bit by bit, and may be longer than memory."""

    status: int
    headers: httpx.Headers
    chunks: Iterator[bytes] = field(repr=False)
    """As it came over the wire. Raises `Retryable` where it breaks."""


Sign = Callable[[str, str, Params], Signed]
"""(method, URL without query, parameters) → what to send. Called anew for every attempt."""
Explain = Callable[[Answer], StorelinkError | None]
"""A platform's own reading of an answer that is not 2xx; None leaves it to the table."""


# -- status → error --------------------------------------------------------------------------------


def interpret(answer: Answer, words: str = "", *, code: str | None = None) -> StorelinkError:
    """The error that an answer outside 2xx stands for.

    `words` are what the store itself says, with its secrets already taken out; `code` is the
    store's own error code.
    """
    status = answer.status
    row = meaning(status)
    message = f"{answer.url} answered {status}: {row.why}" + (f' ("{words}")' if words else "")
    if row.then == "again":
        after = retry_after(answer.headers, answer.read.finished)
        return Retryable(message, after=after, status=status, code=code)
    if row.then == "less":
        return TooLarge(message, status=status, code=code)
    if row.then == "credentials":
        return AuthFailed(message, code=code, status=status)
    if row.then == "setup":
        return Misconfigured(message, code=code)
    return Rejected(message, code=code, status=status)


# -- the client ------------------------------------------------------------------------------------


class HttpClient:
    """One store's connections. Use from any thread; close it when done."""

    def __init__(
        self,
        base_url: str,
        limits: Limits,
        clock: Clock,
        traffic: Traffic,
        *,
        sign: Sign | None = None,
        explain: Explain | None = None,
        retry: Retry | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], object] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`base_url` has no slash at its end. Raises `Misconfigured` if it is no URL."""
        self._base = base_url
        self._origin = origin_of(base_url)
        self._prefix = urlsplit(base_url).path
        self._limits, self._clock, self._traffic = limits, clock, traffic
        self._sign, self._explain = sign or _unsigned, explain or interpret
        self._retry = retry or Retry(attempts=limits.retries + 1)
        self._closed = threading.Event()
        self._sleep, self._chance = sleep or self._closed.wait, chance
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(limits.width)
        self._deadline = Deadline()
        waits = {"connect": min(limits.timeout, 20.0), "read": limits.timeout}
        self._timeouts = {**waits, "write": limits.timeout, "pool": limits.timeout}
        self._headers = [
            (b"Host", host_header(self._origin)),
            (b"User-Agent", f"storelink/{storelink.__version__}".encode()),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"gzip"),
        ]
        self._tls = tls or (httpx.create_ssl_context() if self.encrypted else None)
        self._pool = httpcore.ConnectionPool(
            ssl_context=self._tls,
            # never reached, as there are fewer slots: with more requests than connections, httpcore
            # closes idle ones to make room, sometimes one that another thread was just given
            max_connections=2 * limits.width + 8,
            max_keepalive_connections=2 * limits.width + 8,
            keepalive_expiry=4.0,  # Apache closes after 5 s; a connection just closed costs a retry
            network_backend=DeadlineBackend(self._deadline, limits.reach),
        )

    @property
    def encrypted(self) -> bool:
        """Whether requests go over https."""
        return self._origin[0] == b"https"

    def close(self) -> None:
        """Close all connections; a request still under way ends at once, as `Retryable`.

        Only a `write` is left to its end: cut off, nobody would know what became of it.
        """
        self._closed.set()
        self._pool.close()

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        parse: Callable[[Answer], T],
        attempts: int | None = None,
        signed: bool = True,
    ) -> T:
        """GET `path` (under the base URL), tried again as `Retry` says, and parse the answer.

        `attempts` overrides `Retry`'s; unsigned, no credentials are sent. `parse` sees 2xx answers
        only, inside each attempt, so that what it raises as `Retryable` is tried again too. Raises
        the errors of `interpret`, `translate` and of `explain`.
        """
        return self.again(lambda: parse(self.send("GET", path, params, signed=signed)), attempts=attempts)

    def again(self, call: Callable[[], T], *, attempts: int | None = None) -> T:
        """`call`, which sends something that may be sent twice, tried again as `Retry` says."""
        runner = self._retry.runner(attempts, self._sleep, self._chance, self._count_wait)
        return runner(call)

    def send(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: bytes | None = None,
        *,
        signed: bool = True,
        headers: Headers = (),
        explain: Explain | None = None,
    ) -> Answer:
        """One request, never repeated. `body` is JSON; `headers` come on top. Raises as `get` does.

        `explain` reads a refusal in place of the client's own.
        """
        url = f"{self._base}/{path}"
        target, lines = self._worded(method, path, params, body, headers, self._sign if signed else _unsigned)
        request = self._request(method, target, lines, body)
        with self._slots:
            if self._closed.is_set():
                raise Retryable(f"{url} was not asked: the client is closed", code="cut")
            answer = self._exchange(request, url)
        if 300 <= answer.status < 400 and (to := answer.headers.get("location")):
            raise moved(self._base, path, to)
        if not 200 <= answer.status < 300:
            raise (explain or self._explain)(answer) or interpret(answer)
        return answer

    def write(
        self,
        method: str,
        path: str,
        params: Params | None = None,
        body: bytes | None = None,
        *,
        headers: Headers = (),
        timeout: float | None = None,
    ) -> Answer:
        """One request that must not be done twice: on a connection of its own, never repeated.

        Every answer is handed back whatever its status; no redirect is followed. `body` is JSON. It
        does not queue behind pages. `timeout` is for all of it, in seconds; None is the store's own.
        Raises `Retryable` with code `unsent` where certainly not a byte of the request left,
        `Misconfigured` for an address that cannot be asked, and `OutcomeUnknown` for everything after.
        """
        url, wait = f"{self._base}/{path}", timeout or self._limits.timeout
        target, lines = self._worded(
            method, path, params, body, (*headers, (b"Connection", b"close")), self._sign
        )
        waits = {"connect": min(wait, 20.0), "read": wait, "write": wait}
        request = self._request(method, target, lines, body, waits)
        if self._closed.is_set():
            raise Retryable(f"{url} was not asked: the client is closed", code="unsent")
        backend = NotingBackend(time.monotonic() + wait, self._limits.reach)
        there = httpcore.Origin(*self._origin)
        connection = httpcore.HTTPConnection(there, self._tls, network_backend=backend)
        try:
            return self._answer(connection.handle_request, request, url)
        except Exception as error:  # after a byte left nobody knows, whatever it was
            quiet = isinstance(error, httpcore.LocalProtocolError | UnicodeError)
            raise unfinished(error, url, sent=backend.sent) from (None if quiet else error)
        finally:
            connection.close()

    @contextmanager
    def stream(self, target: str, url: str, *, headers: Headers = ()) -> Iterator[Stream]:
        """GET `target` (path and query, as it goes over the wire), and read the answer bit by bit.

        Every status is handed back as it is. Only the wait for the next bytes is limited, not the
        whole: that can be gigabytes. `url` names the place in errors. Raises as `translate` does.
        """
        plain = [(name, value) for name, value in self._headers if name != b"Accept-Encoding"]
        lines = [*plain, (b"Accept-Encoding", b"identity"), *headers]
        with self._slots:
            if self._closed.is_set():
                raise Retryable(f"{url} was not asked: the client is closed", code="cut")
            self._deadline.at = time.monotonic() + 5 * self._limits.timeout
            try:
                response = self._pool.handle_request(self._request("GET", target, lines))
            except EXCHANGE_ERRORS as error:
                raise translate(error, url) from error
            finally:
                self._deadline.at = None
                self._count(0)
            chunks = self._chunks(response, url)
            try:
                yield Stream(response.status, httpx.Headers(response.headers), chunks)
            finally:
                chunks.close()
                response.close()

    def _chunks(self, response: httpcore.Response, url: str) -> Generator[bytes]:
        try:
            for chunk in response.iter_stream():
                with self._lock:
                    self._traffic.bytes += len(chunk)
                yield chunk
        except EXCHANGE_ERRORS as error:
            raise translate(error, url) from error

    def _worded(
        self, method: str, path: str, params: Params | None, body: bytes | None, headers: Headers, sign: Sign
    ) -> tuple[str, Headers]:
        """Target and headers of a request, signed anew."""
        target = f"{self._prefix}/{quote(path)}"
        extra = sign(method, f"{self._base}/{quote(path)}", params or {})
        if extra.query:
            target = f"{target}?{extra.query}"
        lines = [*self._headers, *extra.headers, *headers]
        if body is not None:
            lines.append((b"Content-Type", b"application/json"))
            lines.append((b"Content-Length", str(len(body)).encode()))
        return target, lines

    def _request(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes | None = None,
        waits: Mapping[str, float] | None = None,
    ) -> httpcore.Request:
        scheme, host, port = self._origin
        return httpcore.Request(
            method,
            httpcore.URL(scheme=scheme, host=host, port=port, target=target.encode("ascii")),
            headers=list(headers),
            content=body,
            extensions={"timeout": waits or self._timeouts},
        )

    def _exchange(self, request: httpcore.Request, url: str) -> Answer:
        self._deadline.at = time.monotonic() + 5 * self._limits.timeout
        try:
            return self._answer(self._pool.handle_request, request, url)
        except BodyTooLarge:
            limit = self._limits.body_limit // (1024 * 1024)
            raise TooLarge(f"{url}: the answer is longer than {limit} MiB", code="size") from None
        except BodyBroken as error:
            raise Retryable(f"{url}: the answer cannot be read: {error}", code="cut") from None
        except (httpcore.LocalProtocolError, UnicodeError) as error:
            raise translate(error, url) from None  # their text can hold a header's value
        except EXCHANGE_ERRORS as error:
            raise translate(error, url) from error

    def _answer(
        self, ask: Callable[[httpcore.Request], httpcore.Response], request: httpcore.Request, url: str
    ) -> Answer:
        """The answer, read whole. Raises httpcore's errors and those of `body_of`."""
        started, ticks = self._clock(), time.perf_counter()
        wire = 0
        try:
            response = ask(request)
            try:
                headers = httpx.Headers(response.headers)
                body, wire = body_of(
                    response.iter_stream(),
                    encoding=headers.get("content-encoding", "").strip().lower(),
                    announced=announced(headers),
                    limit=self._limits.body_limit,
                )
            finally:
                response.close()
        finally:
            self._count(wire)
        took = time.perf_counter() - ticks
        read = Read(started, self._clock(), _store_time(headers, took))
        return Answer(response.status, headers, body, read, url)

    def count_throttled(self, seconds: float) -> None:
        """Add a wait that the store's limits made us take."""
        with self._lock:
            self._traffic.throttled_seconds += seconds

    def _count(self, wire: int) -> None:
        with self._lock:
            self._traffic.requests += 1
            self._traffic.bytes += wire

    def _count_wait(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "after", None) is not None or getattr(error, "status", None) == 429
        if asked and state.next_action is not None:
            self.count_throttled(state.next_action.sleep)


def _unsigned(_method: str, _url: str, params: Params) -> Signed:
    return Signed(urlencode(params, quote_via=quote))


def _store_time(headers: httpx.Headers, took: float) -> datetime | None:
    """The store's clock when the request left: its `Date` less the time the request took."""
    date = http_date(headers.get("date", ""))
    return date - timedelta(seconds=took) if date else None
