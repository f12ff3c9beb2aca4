"""Files that Shopify hands out at signed addresses: the results of bulk operations.

They lie with a storage provider, need no token and get none. The address is a secret as long as it
lives (7 days): errors name its host alone.
Docs: https://shopify.dev/docs/api/usage/bulk-operations/queries#download-result-data
"""

import contextlib
import re
import ssl
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urljoin, urlsplit

import httpx

from storelink.connectors.http import Headers, HttpClient, Stream
from storelink.connectors.protocol import Clock, Limits, Traffic
from storelink.connectors.retry import Retry
from storelink.connectors.shopify.address import is_loopback
from storelink.connectors.status import meaning
from storelink.errors import Misconfigured, Rejected, Retryable

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_REDIRECTS = 3


class Downloads:
    """Downloads of one shop's files. Use from any thread; close it when done."""

    def __init__(
        self,
        store_url: str,
        limits: Limits,
        clock: Clock,
        traffic: Traffic,
        *,
        retry: Retry | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        """Makes no request."""
        self._local = is_loopback(store_url)
        self._limits, self._clock, self._traffic = limits, clock, traffic
        self._retry = retry or Retry(attempts=limits.retries + 1)
        self._tls, self._sleep = tls, sleep
        self._clients: dict[str, HttpClient] = {}
        self._lock = threading.Lock()
        self._closed = False

    def open(self, url: str, offset: int = 0) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of the file from `offset` on, in pieces, however long it is.

        A broken connection is taken up where it broke, as often as `Retry` says in a row without a
        byte. Leave the context to stop early. Raises, on entering and while reading: `Retryable`;
        `Rejected` with the code `download_expired` (ask Shopify for a new address) or
        `download_changed` (the file is not the one that was begun); `Misconfigured` for an address
        that is not https.
        """
        return self._open(url, offset)

    @contextmanager
    def _open(self, url: str, offset: int) -> Generator[Iterator[bytes]]:
        pieces = _Pieces(self, url, offset)
        try:
            pieces.begin()
            yield pieces.read()
        finally:
            pieces.close()

    def close(self) -> None:
        """Let go of all connections; a download under way ends as `Retryable`."""
        with self._lock:
            self._closed = True
            clients = list(self._clients.values())
        for client in clients:
            client.close()

    # -- one request ---------------------------------------------------------------------------------

    def again(self, call: Callable[[], Stream], url: str) -> Stream:
        """`call`, tried again as `Retry` says."""
        return self._client(url).again(call)

    def request(self, url: str, headers: Headers, stack: contextlib.ExitStack) -> Stream:
        """The answer for `url`; a few redirects are followed, to https alone."""
        for _ in range(_REDIRECTS + 1):
            client, parts = self._client(url), urlsplit(url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            opened = contextlib.ExitStack()
            try:
                stream = opened.enter_context(client.stream(target, _place(url), headers=headers))
            except BaseException:
                opened.close()
                raise
            location = stream.headers.get("location")
            if stream.status in (301, 302, 303, 307, 308) and location:
                opened.close()
                url = urljoin(url, location)
                continue
            stack.push(opened)
            return stream
        raise Misconfigured(f"{_place(url)}: the file is behind too many redirects", code="redirect")

    def _client(self, url: str) -> HttpClient:
        base = _place(url)
        if not url.isascii() or not url.isprintable() or " " in url:
            raise Misconfigured(f"{base}: the file's address has characters that none has", code="url")
        if not base.startswith("https://") and not (self._local and is_loopback(base)):
            raise Misconfigured(f"{base}: a file is fetched over https only", code="url")
        with self._lock:
            if self._closed:
                raise Retryable(f"{base} was not asked: the client is closed", code="cut")
            if base not in self._clients:
                self._clients[base] = HttpClient(
                    base,
                    self._limits,
                    self._clock,
                    self._traffic,
                    retry=self._retry,
                    tls=self._tls,
                    sleep=self._sleep,
                )
            return self._clients[base]


class _Pieces:
    """One download: where it is, and what it is read from at the moment."""

    def __init__(self, downloads: Downloads, url: str, offset: int) -> None:
        self._downloads, self._url = downloads, url
        self._at = offset
        self._tag: str | None = None
        self._total: int | None = None
        self._stack = contextlib.ExitStack()
        self._stream: Stream | None = None
        self._skip = 0

    def begin(self) -> None:
        """Ask for the file from where we are."""
        self._stream = self._downloads.again(self._asked, self._url)

    def read(self) -> Iterator[bytes]:
        """The pieces; asks anew where the connection breaks."""
        barren = 0
        while self._stream is not None:
            before = self._at
            try:
                yield from self._rest(self._stream)
                if self._total is None or self._at >= self._total:
                    return
                raise Retryable(f"{_place(self._url)}: the file ended early", code="cut")
            except Retryable:
                barren = 0 if self._at > before else barren + 1
                if barren > 2:
                    raise
                self.begin()

    def close(self) -> None:
        """Leave the connection."""
        self._stack.close()

    def _rest(self, stream: Stream) -> Iterator[bytes]:
        for chunk in stream.chunks:
            if self._skip:
                cut = min(self._skip, len(chunk))
                self._skip -= cut
                chunk = chunk[cut:]  # noqa: PLW2901  # the server began at the start of the file
            if chunk:
                self._at += len(chunk)
                yield chunk

    def _asked(self) -> Stream:
        self._stack.close()
        self._stack = contextlib.ExitStack()
        headers: list[tuple[bytes, bytes]] = []
        if self._at:
            headers.append((b"Range", b"bytes=%d-" % self._at))
        stream = self._downloads.request(self._url, headers, self._stack)
        try:
            return self._checked(stream)
        except BaseException:
            self._stack.close()
            raise

    def _checked(self, stream: Stream) -> Stream:
        """The answer, if it is the file we began with, from where we are."""
        place, status, headers = _place(self._url), stream.status, stream.headers
        if status == 416:
            total = headers.get("content-range", "").rpartition("/")[2]
            if total.isdigit() and int(total) == self._at:
                self._total = self._at
                return Stream(status, headers, iter(()))
            raise _changed(place)
        if status not in (200, 206):
            raise _refused(place, status)
        start, total_length = 0, _length(headers)
        if status == 206:
            found = _RANGE.fullmatch(headers.get("content-range", "").strip())
            if found is None or int(found[1]) != self._at:
                raise Retryable(f"{place} answered with another part of the file", status=206, code="cut")
            start = self._at
            total_length = int(found[3]) if found[3].isdigit() else None
        tag = headers.get("etag")
        if (self._tag and tag and tag != self._tag) or (
            self._total is not None and total_length is not None and total_length != self._total
        ):
            raise _changed(place)
        self._tag, self._total = tag or self._tag, self._total if total_length is None else total_length
        self._skip = self._at - start
        return stream


def _refused(place: str, status: int) -> Rejected | Retryable:
    row = meaning(status)
    if status in (400, 401, 403, 404, 410):
        return Rejected(
            f"{place} answered {status}: the address of the file has expired",
            code="download_expired",
            status=status,
        )
    if row.then == "again":
        return Retryable(f"{place} answered {status}: {row.why}", status=status)
    return Rejected(f"{place} answered {status}: {row.why}", status=status)


def _changed(place: str) -> Rejected:
    return Rejected(f"{place}: the file is not the one that was begun", code="download_changed")


def _place(url: str) -> str:
    """Scheme and host of an address; the rest is secret."""
    try:
        parts = httpx.URL(url)
        name = f"[{parts.host}]" if ":" in parts.host else parts.raw_host.decode("ascii")
        return f"{parts.scheme}://{name}{f':{parts.port}' if parts.port else ''}"
    except (httpx.InvalidURL, ValueError):
        raise Misconfigured("the address of the file is none", code="url") from None


def _length(headers: httpx.Headers) -> int | None:
    value = headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None
