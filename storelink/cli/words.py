"""How numbers, times and names are put in words. Pure."""

import difflib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SINGULAR = {"requests": "request", "queries": "query"}


def number(value: int) -> str:
    """48209 → `48,209`; below zero with a proper minus."""
    return f"{value:,}".replace("-", "−")


def count(value: int, things: str) -> str:
    """`1 order`, `2,000 orders`; `things` is the plural."""
    return f"{number(value)} {one(things) if value == 1 else things}"


def one(things: str) -> str:
    """`orders` → `order`."""
    if things in _SINGULAR:
        return _SINGULAR[things]
    return things[:-3] + "y" if things.endswith("ies") else things.removesuffix("s")


def span(value: float | timedelta) -> str:
    """A length of time as a person says it: `40 ms`, `8.2 s`, `5 min`, `2 h 25 min`, `41 d`."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if 0 < seconds < 0.1:
        return f"{max(round(seconds * 1000), 1)} ms"
    if seconds < 10:
        return f"{max(seconds, 0):.1f}".removesuffix(".0") + " s"
    left = round(seconds)
    for size, unit in _UNITS:
        if left >= size or unit == "s":
            whole, rest = divmod(left, size)
            minutes = rest // 60
            if unit == "h" and minutes and whole < 10:
                return f"{whole} h {minutes} min"
            if unit == "min" and rest and whole < 3:
                return f"{whole} min {rest} s"
            return f"{whole} {unit}"
    raise AssertionError("the last unit takes everything")


def ago(moment: datetime | None, now: datetime, *, never: str = "never") -> str:
    """`2 min ago`; `never` for None."""
    if moment is None:
        return never
    seconds = (now - moment).total_seconds()
    if seconds < 1:
        return "just now"
    return f"{span(round(seconds))} ago"


def ahead(moment: datetime | None, now: datetime, *, never: str = "") -> str:
    """`in 4 min`; `now` once it is due."""
    if moment is None:
        return never
    seconds = (moment - now).total_seconds()
    if seconds < 1:
        return "now"
    return f"in {span(round(seconds / 60) * 60 if seconds >= 90 else round(seconds))}"


def clock(moment: datetime | None) -> str:
    """`2026-11-21 13:04:58 UTC`; empty for None."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def size(value: int) -> str:
    """Bytes as people read them: `940 kB`, `12.4 MB`."""
    if value < 1_000_000:
        return f"{max(value, 0) / 1000:.0f} kB" if value >= 1000 else f"{value} B"
    return f"{value / 1_000_000:.1f} MB"


def listed(names: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = list(names) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def nearest(name: str, known: Sequence[str]) -> str:
    """` Did you mean "alma"?` with a blank before it, or nothing where no name is near."""
    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    return f" Did you mean {found[0]!r}?" if found else ""


def sentence(text: str) -> str:
    """With a capital and a full stop, unless it begins with an address or ends in a sign of its own."""
    text = text.strip()
    first = text.split(" ", 1)[0]
    if first.isalpha() and first.islower():
        text = text[0].upper() + text[1:]
    ended = text.rstrip('"”')[-1:] in (*".!?:…", "")
    return text if ended else f"{text}."
