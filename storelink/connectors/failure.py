"""Exchanges that brought no answer: what httpcore raises, as our errors. Used by `http.py` alone."""

import ssl
from urllib.parse import urlsplit

import httpcore

from storelink.connectors.wire import BodyBroken, BodyTooLarge
from storelink.errors import Misconfigured, OutcomeUnknown, Retryable, StorelinkError

EXCHANGE_ERRORS = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
    OSError,
)


def translate(error: Exception, url: str) -> StorelinkError:
    """The error that a failed exchange stands for. `url` is without query."""
    host = urlsplit(url).netloc
    if isinstance(error, UnicodeError | httpcore.UnsupportedProtocol | httpcore.LocalProtocolError):
        return Misconfigured(f"{url} is not an address that can be asked", code="url")
    code, why = _reason(error, host)
    return Retryable(why, code=code)


def unfinished(error: Exception, url: str, *, sent: bool) -> StorelinkError:
    """The error that a failed exchange stands for which must not be done twice.

    `sent` says that a byte of the request may have left.
    """
    if isinstance(error, BodyTooLarge):
        return OutcomeUnknown(f"{url}: the answer is too long to be read")
    if isinstance(error, BodyBroken):
        return OutcomeUnknown(f"{url}: the answer cannot be read: {error}")
    found = error if isinstance(error, Misconfigured) else translate(error, url)
    if sent:
        return OutcomeUnknown(f"{found}; the request may have been carried out, or may still be")
    return (
        found if isinstance(found, Misconfigured) else Retryable(f"{found}; nothing was sent", code="unsent")
    )


def _reason(error: Exception, host: str) -> tuple[str, str]:
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "tls", f"{host}: its certificate is not valid ({getattr(cause, 'verify_message', cause)})"
    if isinstance(cause, ssl.SSLError):
        return "tls", f"{host}: no encrypted connection ({getattr(cause, 'reason', None) or 'TLS error'})"
    if isinstance(cause, OSError) and type(cause).__name__ in ("gaierror", "herror"):
        return "dns", f"{host}: no such host is known (DNS)"
    for kind, code, words in _FAILURES:
        if isinstance(error, kind):
            return code, f"{host}: {words}"
    return "network", f"{host}: the exchange failed ({type(error).__name__})"


_FAILURES: tuple[tuple[type[Exception], str, str], ...] = (
    (httpcore.ConnectTimeout, "timeout", "no connection in time"),
    (httpcore.PoolTimeout, "timeout", "no free connection in time"),
    (httpcore.WriteTimeout, "timeout", "the store did not take the request in time"),
    (httpcore.ReadTimeout, "timeout", "no answer in time"),
    (httpcore.TimeoutException, "timeout", "no answer in time"),
    (httpcore.ProxyError, "proxy", "a proxy failed"),
    (httpcore.ConnectError, "unreachable", "nothing accepts the connection"),
    (httpcore.ReadError, "cut", "the connection broke while the answer was read"),
    (httpcore.WriteError, "cut", "the connection broke while the request was sent"),
    (httpcore.NetworkError, "cut", "the connection broke"),
    (httpcore.RemoteProtocolError, "cut", "the answer ended early or is not HTTP"),
    (httpcore.ProtocolError, "cut", "the answer is not HTTP"),
    (httpcore.ConnectionNotAvailable, "cut", "the connection was no longer there"),
)


def _root(error: BaseException) -> BaseException | None:
    """The operating system's own error below httpcore's, if there is one."""
    if not isinstance(error, httpcore.NetworkError):
        return error
    deeper = error.__cause__ or error.__context__
    while deeper is not None and not isinstance(deeper, OSError):
        deeper = deeper.__cause__ or deeper.__context__
    return deeper
