"""Retry as a value, and the hints that stores give."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from storelink.connectors.retry import Retry, http_date, retry_after
from storelink.errors import AuthFailed, Misconfigured, Rejected, Retryable, TooLarge

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (Retryable("x"), True),
        (Retryable("x", after=60), True),
        (Retryable("x", after=61), False),  # longer than a pass should hold a connection
        (TooLarge("x"), False),  # the same request would be as large
        (AuthFailed("x"), False),
        (Rejected("x"), False),
        (Misconfigured("x"), False),
        (KeyError("x"), False),
    ],
)
def test_what_is_tried_again(error: Exception, again: bool) -> None:
    assert Retry(patience=60).again(error) is again


@pytest.mark.parametrize(
    ("tries", "after", "chance", "seconds"),
    [
        (1, None, 1.0, 0.5),
        (2, None, 1.0, 1.0),
        (3, None, 1.0, 2.0),
        (4, None, 1.0, 4.0),
        (9, None, 1.0, 30.0),  # the cap
        (500, None, 1.0, 30.0),
        (3, None, 0.0, 0.0),  # full jitter begins at nothing
        (3, None, 0.25, 0.5),
        (1, 17.0, 0.9, 17.0),  # the store's own hint, whatever the jitter
        (9, 45.0, 0.1, 45.0),  # and above the cap
    ],
)
def test_how_long_is_waited(tries: int, after: float | None, chance: float, seconds: float) -> None:
    retry = Retry(base=0.5, cap=30.0)
    assert retry.wait(tries, Retryable("x", after=after), chance) == seconds


def test_runs_as_often_as_it_says_and_raises_the_last_error() -> None:
    waits: list[float] = []
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise Retryable(f"try {len(tries)}")

    with pytest.raises(Retryable, match="try 4"):
        Retry(attempts=4, base=1.0).runner(None, waits.append, lambda: 1.0)(work)
    assert waits == [1.0, 2.0, 4.0]


def test_attempts_of_one_call_override_the_value() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise Retryable("no")

    with pytest.raises(Retryable):
        Retry(attempts=4).runner(1, lambda _seconds: None, lambda: 1.0)(work)
    assert len(tries) == 1


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("7", None, 7.0),
        (" 7 ", None, 7.0),
        ("1.5", None, 1.5),
        ("0", None, None),
        ("-3", None, None),
        ("", None, None),
        ("soon", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("1e400", None, None),
        ("999999999", None, 86400.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", None, 30.0),
        ("Sat, 21 Nov 2026 11:59:30 GMT", None, None),
        ("Saturday, 21-Nov-26 12:00:30 GMT", None, 30.0),
        # a store whose clock is a day ahead means its own clock
        ("Sun, 22 Nov 2026 12:00:30 GMT", "Sun, 22 Nov 2026 12:00:00 GMT", 30.0),
        ("Sat, 99 Nov 2026 12:00:30 GMT", None, None),
    ],
)
def test_retry_after_in_both_forms(value: str, date: str | None, seconds: float | None) -> None:
    headers = httpx.Headers({"Retry-After": value, **({"Date": date} if date else {})})
    assert retry_after(headers, NOW) == seconds


def test_no_hint_is_no_hint() -> None:
    assert retry_after(httpx.Headers(), NOW) is None


@pytest.mark.parametrize("value", ["", "x", "Mon", "1", "Sat, 21 Nov 2026", "\x00"])
def test_a_date_that_is_none(value: str) -> None:
    assert http_date(value) is None


def test_dates_are_aware() -> None:
    when = http_date("Sat, 21 Nov 2026 07:33:08 GMT")
    assert when == NOW - timedelta(hours=4, minutes=26, seconds=52)
    assert http_date("Sat, 21 Nov 2026 07:33:08 -0000") == when
