"""How the console says times, money and states. Pure, but for the clock that is passed in."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.core import UnknownLocaleError
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal
from markupsafe import Markup, escape

_STEPS = ((60, "s", 1), (3600, "min", 60), (86_400, "h", 3600), (30 * 86_400, "day", 86_400),
          (365 * 86_400, "month", 30 * 86_400))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clock:
    """The viewer's clock: what time it is, in which zone, and whether times are wanted whole."""

    now: datetime
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    exact: bool = False

    def time(self, moment: datetime | None, *, clock_only: bool = False) -> Markup:
        """`<time>`: relative, with the whole time on hover; whole where that is wanted."""
        if moment is None:
            return Markup("never")
        local = moment.astimezone(self.zone)
        return _time(local, f"{local:%H:%M:%S}" if clock_only else self.short(moment))

    def stamp(self, moment: datetime) -> Markup:
        """`<time>` where order matters: `21 Nov 13:55:00`, with the year where it is another one."""
        local = moment.astimezone(self.zone)
        year = "" if local.year == self.now.astimezone(self.zone).year else f" {local.year}"
        return _time(local, f"{local.day} {local:%b}{year} {local:%H:%M:%S}")

    def at(self, text: str | None) -> Markup:
        """The same for a time that is text (ISO 8601)."""
        return self.time(datetime.fromisoformat(text) if text else None)

    def short(self, moment: datetime) -> str:
        """As it stands in a line: `4 min ago`, or the whole time."""
        local = moment.astimezone(self.zone)
        if self.exact:
            return f"{local:%Y-%m-%d %H:%M:%S}"
        return ago(self.now - moment)

    def day(self, moment: datetime) -> str:
        """The heading of a day in a timeline: `Yesterday, Friday 20 November`."""
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        whole = f"{local:%A} {local.day} {local:%B}" + ("" if local.year == today.year else f" {local.year}")
        near = {0: "Today, ", 1: "Yesterday, "}.get((today - local.date()).days, "")
        return near + whole


def _time(local: datetime, shown: str) -> Markup:
    whole = f"{local:%a} {local.day} {local:%b %Y, %H:%M:%S} {local.tzname()}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        local.isoformat(timespec="seconds"), whole, shown
    )


def zone_of(name: str | None) -> tuple[tzinfo, str]:
    """The zone that a browser named; UTC for none or an unknown one."""
    try:
        return (ZoneInfo(name), name) if name and len(name) < 64 else (UTC, "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC, "UTC"


def ago(span: timedelta) -> str:
    """`4 min ago`, `in 40 s`, `yesterday`, `3 days ago`."""
    seconds = int(span.total_seconds())
    if abs(seconds) < 5:
        return "just now"
    if 86_400 <= seconds < 2 * 86_400:
        return "yesterday"
    words = spell(abs(seconds))
    return f"in {words}" if seconds < 0 else f"{words} ago"


def spell(seconds: float) -> str:
    """A span as a person would say it: `41 min`, `41 days`."""
    whole = int(seconds)
    for below, unit, size in _STEPS:
        if whole < below:
            return _counted(whole // size, unit)
    return _counted(whole // (365 * 86_400), "year")


def _counted(number: int, unit: str) -> str:
    plural = "s" if number != 1 and unit in ("day", "month", "year") else ""
    return f"{number} {unit}{plural}"


def money(amount: Decimal | None, currency: str | None) -> str:
    """`€150.00`, `$412.90`, `¥12,400`, `NOK 420.00`; the minus is a minus."""
    if amount is None:
        return "–"
    try:
        text = format_currency(amount, currency or "", locale="en")
    except (UnknownCurrencyError, UnknownLocaleError, ValueError):
        text = f"{currency or ''} {format_decimal(amount, '#,##0.00##', locale='en')}".strip()
    return text.replace("-", "−")


def number(value: Decimal | int | None) -> str:
    """A count or a quantity, without idle zeros."""
    if value is None:
        return "–"
    return format_decimal(value, "#,##0.####", locale="en").replace("-", "−")


def count(value: int, one: str, many: str | None = None) -> str:
    """`1 store`, `3 stores`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def marked(text: str | None, wanted: str) -> Markup:
    """The text with what was searched for marked in it."""
    if not text or not wanted:
        return escape(text or "")
    at = text.lower().find(wanted.lower())
    if at < 0 or len(text.lower()) != len(text):
        return escape(text)
    end = at + len(wanted)
    return escape(text[:at]) + Markup("<mark>{}</mark>").format(text[at:end]) + escape(text[end:])
