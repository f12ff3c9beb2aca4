"""Below `http.py`: sockets that obey one deadline, and bodies that are read only up to a limit.

httpcore's timeouts are per read, so a server that sends a byte now and then is never given up.
Here every read waits at most until the deadline of the whole answer, its headers included.
"""

import contextlib
import logging
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from storelink.connectors.protocol import Reach
from storelink.connectors.reach import usable
from storelink.errors import Misconfigured

Origin = tuple[bytes, bytes, int]
"""Scheme, host as it goes over the wire, port."""
_HOST = re.compile(rb"[a-z0-9._:-]+")
_IN_QUERY = re.compile(
    r"((?:consumer_|oauth_)\w+|\b(?:access_token|refresh_token|client_secret|hmac|code|signature)"
    r"|X-(?:Goog|Amz)-(?:Signature|Credential|Security-Token))=[^&'\"\s]+",
    re.IGNORECASE,
)
_IN_HEADER = re.compile(r"\b(Basic|Bearer|OAuth) [^\s'\"]+", re.IGNORECASE)


def redact(text: str) -> str:
    """`text` without credentials, should it repeat a query string or an Authorization header."""
    return _IN_HEADER.sub(r"\1 …", _IN_QUERY.sub(r"\1=…", text))


class _Redacting(logging.Filter):
    """At debug level httpcore logs the headers of answers, and a redirect repeats the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = None
        return True


logging.getLogger("httpcore.http11").addFilter(_Redacting())


def origin_of(base_url: str) -> Origin:
    """Where a store is. Raises `Misconfigured` if that is no http(s) address."""
    try:
        url = httpx.URL(base_url)
        port = url.port or (443 if url.scheme == "https" else 80)
        if url.scheme not in ("http", "https") or port > 65535:
            raise ValueError
        if not _HOST.fullmatch(url.raw_host):
            raise ValueError
    except (httpx.InvalidURL, ValueError):
        raise Misconfigured(f"{base_url!r} is not the address of a store", code="url") from None
    return url.raw_scheme, url.raw_host, port


def host_header(origin: Origin) -> bytes:
    """The `Host` header: IPv6 in brackets, the port only where it is not the scheme's own."""
    scheme, host, port = origin
    name = b"[%s]" % host if b":" in host else host
    if (scheme, port) in ((b"http", 80), (b"https", 443)):
        return name
    return b"%s:%d" % (name, port)


class BodyTooLarge(Exception):
    """The body is longer than the limit, as announced or as unpacked."""


class BodyBroken(Exception):
    """The body is packed in a way that cannot be unpacked, or ends before its end."""


class Deadline(threading.local):
    """When the request of this thread must be over; monotonic seconds."""

    at: float | None = None

    def left(self, timeout: float | None) -> float | None:
        """Seconds that one more wait may take. Raises `httpcore.ReadTimeout` at the end."""
        if self.at is None:
            return timeout
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the whole answer took too long")
        return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    """A socket whose reads and writes end at the deadline, and that any thread may close."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._in_use = threading.Lock()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with self._in_use:
            return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with self._in_use:
            self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        """Wakes a thread that waits on the socket, then closes it.

        A number freed under a reader may be the next socket's: it would read another's answer.
        """
        with contextlib.suppress(OSError):
            self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        with self._in_use:
            self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore.SyncBackend):
    """Opens sockets that obey `deadline`, to addresses within `reach` alone."""

    def __init__(self, deadline: Deadline, reach: Reach = "anywhere") -> None:
        self._deadline = deadline
        self._reach = reach

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        # what was looked at is what is connected to: a name that is asked twice may answer otherwise
        places = [host] if self._reach == "anywhere" else usable(host, port, self._reach)
        for left, place in zip(range(len(places))[::-1], places, strict=True):
            try:
                stream = super().connect_tcp(
                    place, port, self._deadline.left(timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not left:
                    raise
            else:
                return _Stream(stream, self._deadline)
        raise httpcore.ConnectError(f"{host} has no address")


class _NotingStream(httpcore.NetworkStream):
    """A socket that notes when the first byte of a request is about to leave."""

    def __init__(self, stream: httpcore.NetworkStream, note: "NotingBackend") -> None:
        self._stream = stream
        self._note = note

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._note.sent = True
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _NotingStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._note)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class NotingBackend(DeadlineBackend):
    """For one exchange, from one thread: all of it ends at `at`, and `sent` says whether it began.

    A handshake is no part of a request: as long as `sent` is false, the store knows nothing of it.
    """

    def __init__(self, at: float, reach: Reach = "anywhere") -> None:
        """`at` in monotonic seconds."""
        deadline = Deadline()
        deadline.at = at
        super().__init__(deadline, reach)
        self.sent = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _NotingStream(super().connect_tcp(host, port, timeout, local_address, socket_options), self)


def announced(headers: httpx.Headers) -> int | None:
    """How long the body says it is, packed."""
    value = headers.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else None


def body_of(
    chunks: Iterable[bytes], *, encoding: str, announced: int | None, limit: int
) -> tuple[bytes, int]:
    """The unpacked body and the bytes that came over the wire.

    `limit` counts unpacked bytes, so that a small answer cannot unpack to a huge one; at most one
    byte more than it is ever held. Raises `BodyTooLarge` and `BodyBroken`.
    """
    if announced is not None and announced > limit:
        raise BodyTooLarge
    if encoding in ("", "identity"):
        return _plain(chunks, limit)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _unpacked(chunks, limit)
    raise BodyBroken(f"it is packed as {encoding[:40]!r}, which was not asked for")


def _plain(chunks: Iterable[bytes], limit: int) -> tuple[bytes, int]:
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge
        parts.append(chunk)
    return (parts[0] if len(parts) == 1 else b"".join(parts)), size


def _unpacked(chunks: Iterable[bytes], limit: int) -> tuple[bytes, int]:
    # 32 + 15: zlib finds out by itself whether it is gzip or zlib
    unpack = zlib.decompressobj(32 + zlib.MAX_WBITS)
    parts: list[bytes] = []
    size = wire = 0
    try:
        for chunk in chunks:
            wire += len(chunk)
            part = unpack.decompress(chunk, limit + 1 - size)
            size += len(part)
            if size > limit:
                raise BodyTooLarge
            parts.append(part)
    except zlib.error:
        raise BodyBroken("its gzip is damaged") from None
    if wire and not unpack.eof:
        raise BodyBroken("its gzip ends before its end")
    return b"".join(parts), wire
