"""The chart of a day, drawn on the server: it needs no script, and says in words what it shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from storelink.sync.activity import Hour
from storelink.web.console.words import Clock, number, spell

_NICE = (1, 2, 4, 5, 8, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour; x, heights and tops in the picture's 240 by 100."""

    x: float
    top_1: float
    high_1: float
    top_2: float
    high_2: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, a line, the labels beside them, and the same in words."""

    bars: tuple[Bar, ...]
    steps: tuple[str, ...]
    line: str
    area: str
    lag_steps: tuple[str, ...]
    hours: tuple[str, ...]
    said: str
    lag_said: str
    total: int
    rows: tuple[tuple[str, int, int, str], ...]


def draw(hours: Sequence[Hour], clock: Clock) -> Chart:
    """The chart of these hours, the latest on the right."""
    most = nice(max((one.by_webhook + one.by_poll for one in hours), default=0))
    lags = [one.lag or 0.0 for one in hours]
    most_lag = max(nice(max(lags, default=0)), 10)
    step = 240 / max(len(hours), 1)
    points = [f"{at * step + step / 2:.1f},{100 - 100 * lag / most_lag:.1f}" for at, lag in enumerate(lags)]
    names = [f"{one.begins.astimezone(clock.zone):%H:%M}" for one in hours]
    peak = max(hours, key=lambda one: one.by_webhook + one.by_poll, default=None)
    total = sum(one.by_webhook + one.by_poll for one in hours)
    said = f"Changes an hour over the last {len(hours)} hours, {number(total)} in all."
    if peak is not None and total:
        said += f" Highest {number(peak.by_webhook + peak.by_poll)} at {names[list(hours).index(peak)]}."
    known = [one.lag for one in hours if one.lag is not None]
    lag_said = f"Lag, up to {spell(max(known))}." if known else "No lag is known: nothing changed."
    return Chart(
        tuple(_bar(at * step, step, one, most, names[at]) for at, one in enumerate(hours)),
        (number(most), number(most // 2) if most > 1 else "", "0"),
        " ".join(points), " ".join(["0,100", *points, "240,100"]),
        (spell(most_lag), spell(most_lag / 2), "0"),
        tuple(names[:: max(len(names) // 4, 1)]), said, lag_said, total,
        tuple((name, one.by_webhook, one.by_poll, spell(one.lag) if one.lag is not None else "–")
              for name, one in zip(names, hours, strict=True)),
    )  # fmt: skip


def nice(most: float) -> int:
    """The next round number for the top of an axis."""
    size = 1
    while True:
        for head in _NICE:
            if most <= head * size:
                return head * size
        size *= 10


def _bar(x: float, step: float, one: Hour, most: int, name: str) -> Bar:
    high_1, high_2 = 100 * one.by_webhook / most, 100 * one.by_poll / most
    title = f"{name}: {number(one.by_webhook)} by webhook, {number(one.by_poll)} by poll"
    return Bar(round(x + step * 0.12, 1), round(100 - high_1, 1), round(high_1, 1),
               round(100 - high_1 - high_2, 1), round(high_2, 1), title)  # fmt: skip
