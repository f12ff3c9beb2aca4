"""What an answer to a mutation says of what was done: the one table. Pure.

Only what is certain counts as not done: what Shopify turns away before any work, and what it refuses in
`userErrors`. An error whose path leads into the mutation's answer came after the work. With `@idempotent`
anything else costs nothing: the very same is sent again, and is done once.
Docs: https://shopify.dev/docs/api/usage/idempotent-requests and
https://shopify.dev/docs/api/usage/response-codes
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from storelink.connectors.http import Answer
from storelink.connectors.retry import retry_after
from storelink.connectors.shopify.refusal import Hide, code_of, cost_of, errors_of, plain
from storelink.errors import AuthFailed, OutcomeUnknown, Rejected, Retryable, StorelinkError

AGAIN, CREDENTIALS, REFUSED, UNKNOWN = "again", "credentials", "refused", "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of answer: what it means, and why, in words that complete a sentence."""

    then: str
    why: str


STATUSES: Mapping[int, Row] = {
    400: Row(REFUSED, "it does not understand the request"),
    401: Row(CREDENTIALS, "it does not accept the access token"),
    402: Row(REFUSED, "the shop is frozen, as its bill is not paid"),
    403: Row(CREDENTIALS, "the app may not use the shop's Admin API"),
    404: Row(REFUSED, "it knows no shop of this name, or not this API version"),
    413: Row(REFUSED, "the request is too large"),
    422: Row(REFUSED, "it refuses the values"),
    423: Row(REFUSED, "the shop is locked"),
    429: Row(AGAIN, "it was asked too often"),
    430: Row(AGAIN, "it turned us away for its security"),
}
"""By HTTP status, where Shopify's API says it, in JSON. Anything else outside 2xx is unknown."""

CODES: Mapping[str, Row] = {
    "THROTTLED": Row(AGAIN, "the query limit is used up"),
    "ACCESS_DENIED": Row(REFUSED, "the app lacks a scope"),
    "SHOP_INACTIVE": Row(REFUSED, "the shop is closed or frozen"),
    "BAD_REQUEST": Row(REFUSED, "it does not take the request"),
    "INVALID_VARIABLE": Row(REFUSED, "it does not take the values"),
    "GRAPHQL_VALIDATION_FAILED": Row(REFUSED, "this API version does not know the request"),
    "PARSE_ERROR": Row(REFUSED, "it cannot read the request"),
    "undefinedField": Row(REFUSED, "this API version does not know the request"),
    "argumentNotAccepted": Row(REFUSED, "this API version does not know the request"),
    "missingRequiredArguments": Row(REFUSED, "this API version asks for more"),
    "MAX_COST_EXCEEDED": Row(REFUSED, "it costs more than one request may"),
    "MAX_INPUT_SIZE_EXCEEDED": Row(REFUSED, "it is too long"),
    "IDEMPOTENCY_CONCURRENT_REQUEST": Row(UNKNOWN, "the same is being worked on"),
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH": Row(UNKNOWN, "something else was sent with this key before"),
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED": Row(UNKNOWN, "an earlier request with this key failed"),
}
"""By the code of an error inside 200. Any other code is unknown."""

WORDS: Sequence[tuple[re.Pattern[str], Row]] = (
    (
        re.compile(r"currently in progress|already (being )?process|try again|concurrent", re.IGNORECASE),
        CODES["IDEMPOTENCY_CONCURRENT_REQUEST"],
    ),
    (
        re.compile(r"different (operation )?parameters|idempotency key cannot be used", re.IGNORECASE),
        CODES["IDEMPOTENCY_KEY_PARAMETER_MISMATCH"],
    ),
    (
        re.compile(r"previous request with this idempotency key", re.IGNORECASE),
        CODES["IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"],
    ),
)
"""By the words of a user error, as those of `refundCreate` have no code. Any others are a refusal."""


def told(answer: Answer, root: str, hide: Hide) -> Mapping[str, Any]:
    """What the mutation `root` answered, errors of its user among it.

    Raises `Retryable`, `AuthFailed` or `Rejected` where it was certainly not done, else `OutcomeUnknown`.
    """
    said = _object(answer)
    if not 200 <= answer.status < 300:
        raise _outside(answer, said, hide)
    if said is None:
        raise _unknown(answer, "that is no answer of Shopify's API")
    data = said.get("data")
    payload = data.get(root) if isinstance(data, dict) else None
    if isinstance(payload, dict):
        return payload
    for error in errors_of(said):
        raise _failed(answer, error, said, hide)
    raise _unknown(answer, "neither data nor errors are in it")


def made(answer: Answer, payload: Mapping[str, Any], record: str, hide: Hide) -> Mapping[str, Any]:
    """The record that a mutation made, out of its answer. Raises as `told` does."""
    found = payload.get(record)
    if isinstance(found, dict):
        return found
    errors = payload.get("userErrors")
    if not isinstance(errors, list) or not errors:
        raise _unknown(answer, f"it shows neither a {record} nor why there is none")
    words = [hide(str(one.get("message") or "")) if isinstance(one, dict) else "" for one in errors]
    quoted = "; ".join(f"“{word or 'an error without words'}”" for word in words)
    for pattern, row in WORDS:
        if any(pattern.search(word) for word in words):
            raise _unknown(answer, f"{row.why}: {quoted}")
    raise Rejected(f"Shopify refuses: {quoted}", code="user_errors", status=answer.status)


def _outside(answer: Answer, said: Mapping[str, Any] | None, hide: Hide) -> StorelinkError:
    row = STATUSES.get(answer.status)
    if row is None or (said is None and answer.status != 429):
        return _unknown(answer, "it does not say what was done")
    errors = errors_of(said or {})
    words = hide(str(errors[0].get("message") or "")) if errors else ""
    return _error(row, answer, f' ("{words}")' if words else "", None)


def _failed(answer: Answer, error: Mapping[str, Any], said: Mapping[str, Any], hide: Hide) -> StorelinkError:
    code, path = code_of(error), error.get("path")
    words = hide(str(error.get("message") or "an error without words"))
    row = CODES.get(code or "")
    if row is None or (isinstance(path, list) and len(path) > 1):
        return _unknown(answer, f'{code or "an error"}: "{words}"')
    cost = cost_of(said.get("extensions")) if row.then == AGAIN else None
    after = (cost.requested - cost.available) / max(cost.restore, 1.0) if cost else None
    return _error(row, answer, f' ("{words}")', code, after)


def _error(
    row: Row, answer: Answer, quoted: str, code: str | None, after: float | None = None
) -> StorelinkError:
    message = f"{answer.url} answered {answer.status}: {row.why}{quoted}"
    if row.then == AGAIN:
        hint = retry_after(answer.headers, answer.read.finished) if after is None else max(after, 0.1)
        return Retryable(message, after=hint, status=answer.status, code=code)
    if row.then == CREDENTIALS:
        return AuthFailed(message, code="invalid_token" if answer.status == 401 else "forbidden",
                          status=answer.status)  # fmt: skip
    if row.then == REFUSED:
        return Rejected(message, code=code, status=answer.status)
    return OutcomeUnknown(message)


def _unknown(answer: Answer, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"{answer.url} answered {answer.status}: {plain(why)}")


def _object(answer: Answer) -> Mapping[str, Any] | None:
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
