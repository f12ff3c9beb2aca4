"""One request to the provider of single sign-on: a deadline over all of the answer, a limit of its size.

Nothing is repeated, no redirect is followed, and what was sent stands in no error.
"""

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import httpcore
import httpx

import storelink
from storelink.connectors.failure import EXCHANGE_ERRORS, translate
from storelink.connectors.wire import Deadline, DeadlineBackend
from storelink.errors import StorelinkError

PATIENCE = 6.0
"""Seconds for one answer, from the first packet to the last."""
LARGEST = 1_048_576
"""Bytes of an answer that are read."""

What = Literal[
    "away", "odd", "denied", "refused", "late", "unverified", "unknown", "taken", "disabled", "many"
]  # fmt: skip
"""Why nobody was let in; the console has words for each."""


class NotSignedOn(StorelinkError):
    """Single sign-on came to nothing. The message is for the log, `what` for the person."""

    def __init__(self, what: What, why: str) -> None:
        super().__init__(why)
        self.what = what


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider answered: status, and the JSON object if it is one."""

    status: int
    data: dict[str, Any] | None = field(repr=False)


def ask(
    url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """GET `url`, or POST `form` to it. Raises `NotSignedOn`: `away`, and `odd` if it is too long."""
    place = f"{urlsplit(url).netloc}{urlsplit(url).path}"
    lines = {
        "User-Agent": f"storelink/{storelink.__version__}",
        "Accept": "application/json",
        **(headers or {}),
    }
    content = None if form is None else urlencode(form).encode()
    if content is not None:
        lines["Content-Type"] = "application/x-www-form-urlencoded"
    deadline = Deadline()
    deadline.at = time.monotonic() + PATIENCE
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_trusted(), network_backend=DeadlineBackend(deadline)) as web,
            web.stream(
                "GET" if form is None else "POST", url, headers=list(lines.items()),
                content=content, extensions={"timeout": {"connect": PATIENCE, "read": PATIENCE}},
            ) as answer,
        ):  # fmt: skip
            body = _body(answer, place)
    except (*EXCHANGE_ERRORS, UnicodeError) as error:
        raise NotSignedOn("away", str(translate(error, f"{urlsplit(url).scheme}://{place}"))) from None
    if answer.status >= 500 or answer.status == 429:
        raise NotSignedOn("away", f"{place} answered {answer.status}")
    return Reply(answer.status, _object(body))


def _body(answer: httpcore.Response, place: str) -> bytes:
    parts, size = [], 0
    for part in answer.iter_stream():
        size += len(part)
        if size > LARGEST:
            raise NotSignedOn("odd", f"{place} answers more than {LARGEST} bytes")
        parts.append(part)
    return b"".join(parts)


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


@cache
def _trusted() -> ssl.SSLContext:
    """Whom we trust; SSL_CERT_FILE and SSL_CERT_DIR name others."""
    return httpx.create_ssl_context()
