"""What an answer to a refund, or to a change of address, says of what was done: the one table. Pure.

Only what is certain counts as not done. WooCommerce saves the refund, lets the gateway pay, and then goes
on with restocking, e-mails and other people's plugins; whatever fails there is answered with the code of a
refused refund and any words at all, and the refund is taken away, though the money moved. A gateway whose
own call timed out says that it declined. So a code alone proves nothing, and neither do the gateway's words.
Docs: https://woocommerce.github.io/woocommerce-rest-api-docs/#create-a-refund
"""

from collections.abc import Callable
from dataclasses import dataclass

from storelink.connectors.http import Answer
from storelink.connectors.retry import retry_after
from storelink.connectors.woocommerce.refusal import Hide, error_body
from storelink.errors import AuthFailed, OutcomeUnknown, Rejected, Retryable, StorelinkError

BEFORE_WORK = frozenset(("rest_invalid_param", "rest_missing_callback_param", "rest_invalid_json"))
"""WordPress checks parameters before it calls anybody."""
NO_SUCH = frozenset(
    (
        "woocommerce_rest_invalid_order_id",
        "woocommerce_rest_invalid_order_refund",
        "woocommerce_rest_shop_order_invalid_id",
    )
)
"""The order, or the amount's sign: looked at before anything is made."""
MAY_NOT = frozenset(
    (
        "woocommerce_rest_authentication_error",
        "woocommerce_rest_cannot_create",
        "woocommerce_rest_cannot_view",
        "woocommerce_rest_cannot_edit",
    )
)
REFUSED = "woocommerce_rest_cannot_create_order_refund"
BEFORE_GATEWAY = frozenset(
    (
        "Invalid refund amount.",
        "Invalid order ID.",
        "The payment gateway for this order does not exist.",
        "The payment gateway for this order does not support automatic refunds.",
    )
)
"""WooCommerce's own words, said before a gateway is called. In another language they are not known."""
MAINTENANCE = b"Briefly unavailable for scheduled maintenance"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer outside 2xx, read. `code` and `words` are "" where WordPress did not answer."""

    answer: Answer
    code: str
    words: str
    asked_gateway: bool

    @property
    def status(self) -> int:
        return self.answer.status


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of answer. The first row that fits decides."""

    name: str
    fits: Callable[[Said], bool]
    then: str
    """again · credentials · refused · done_with (unknown, and nothing comes later) · unknown."""
    why: str


def _maintenance(said: Said) -> bool:
    # its own page only: a cache in front of the store says 503 for what it handed on, too
    hint = said.answer.headers.get("retry-after")
    return said.status == 503 and hint == "600" and MAINTENANCE in said.answer.body


def _woo(said: Said) -> bool:
    return said.code.startswith(("woocommerce_", "wc_"))


def _refused(said: Said) -> bool:
    return said.status == 500 and said.code == REFUSED


TABLE: tuple[Row, ...] = (
    Row("redirect", lambda it: it.status < 400, "unknown", "it sends us elsewhere"),
    Row(
        "bad parameters",
        lambda it: it.status == 400 and it.code in BEFORE_WORK,
        "refused",
        "not as it takes it",
    ),
    Row(
        "no route", lambda it: it.code == "rest_no_route", "again", "WooCommerce is not active there just now"
    ),
    Row("no such order", lambda it: it.code in NO_SUCH, "refused", "there is nothing to refund"),
    Row(
        "keys",
        lambda it: it.status in (401, 403) and it.code in MAY_NOT,
        "credentials",
        "it refuses our keys",
    ),
    Row(
        "throttled",
        lambda it: it.status == 429 and not _woo(it),
        "again",
        "it turned us away, being asked too often",
    ),
    Row("maintenance", _maintenance, "again", "it is being updated"),
    Row(
        "refused before",
        lambda it: _refused(it) and it.words in BEFORE_GATEWAY,
        "refused",
        "it refuses the refund",
    ),
    Row(
        "refused by hand",
        lambda it: _refused(it) and not it.asked_gateway,
        "refused",
        "it refuses to record it",
    ),
    Row(
        "refused",
        _refused,
        "done_with",
        "the gateway declined, or something failed after it paid",
    ),
    Row(
        "died",
        lambda it: it.code == "internal_server_error",
        "done_with",
        "it broke down while working on it",
    ),
    Row("WooCommerce", lambda it: bool(it.code), "done_with", "it does not say whether the refund was made"),
    Row("somebody else", lambda _it: True, "unknown", "that was not WooCommerce's own answer"),
)


def row_of(said: Said) -> Row:
    """The row that decides."""
    return next(row for row in TABLE if row.fits(said))


def outcome(answer: Answer, hide: Hide, *, asked_gateway: bool) -> StorelinkError:
    """The error that an answer outside 2xx stands for."""
    body = error_body(answer)
    said = Said(answer, body.code if body else "", hide(body.message) if body else "", asked_gateway)
    row = row_of(said)
    about = f"{answer.url} answered {answer.status} {said.code}".rstrip() + f": {row.why}"
    if said.words:
        about += f' ("{said.words}")'
    if row.then == "again":
        return Retryable(about, status=answer.status, code=said.code or row.name, after=_after(answer))
    if row.then == "credentials":
        return AuthFailed(about, code=said.code, status=answer.status)
    if row.then == "refused":
        return Rejected(about, code=said.code, status=answer.status)
    return OutcomeUnknown(about, answered=row.then == "done_with")


def _after(answer: Answer) -> float | None:
    return retry_after(answer.headers, answer.read.finished)
