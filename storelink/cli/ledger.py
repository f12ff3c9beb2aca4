"""The ledger that `verify` ends with."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storelink.cli import show
from storelink.cli.words import count, listed, number

if TYPE_CHECKING:
    from storelink.sync.verify import Ledger

_COLUMNS = (
    ("in store", "in_store"),
    ("older", "older"),
    ("held", "held"),
    ("missing", "missing"),
    ("stale", "stale"),
    ("gone", "gone"),
    ("out of sight", "out_of_sight"),
    ("quarantined", "quarantined"),
    ("fixed", "fixed"),
)
_ALWAYS = ("in_store", "held", "missing", "stale", "gone", "quarantined")
_DIFFERENCES = ("missing", "stale", "gone")


def drift(ledgers: "Sequence[Ledger]") -> int:
    """Records that still differ."""
    return sum(ledger.drift for ledger in ledgers)


def document(name: str, ledgers: "Sequence[Ledger]", errors: list[dict[str, str]]) -> dict[str, Any]:
    """As JSON; `in_step` only if everything was compared and nothing differs."""
    return {
        "name": name,
        "in_step": not errors and drift(ledgers) == 0,
        "drift": drift(ledgers),
        "ledgers": [{**asdict(ledger), "drift": ledger.drift} for ledger in ledgers],
        "errors": errors,
    }


def tell(name: str, ledgers: "Sequence[Ledger]", *, fix: bool) -> None:
    """The table, then in words what is so and what to do."""
    shown = [
        (title, key) for title, key in _COLUMNS
        if key in _ALWAYS or any(getattr(ledger, key) for ledger in ledgers)
    ]  # fmt: skip
    rows = [[ledger.resource, *(_cell(getattr(ledger, key), key) for _, key in shown)] for ledger in ledgers]
    if len(ledgers) > 1:
        sums = [sum(getattr(ledger, key) for ledger in ledgers) for _, key in shown]
        rows.append(["all", *(_cell(value, key) for value, (_, key) in zip(sums, shown, strict=True))])
    titles = [title for title, _ in shown]
    show.table(["", *titles], rows, right=titles)
    _tell_outcome(name, ledgers, fix)
    for ledger in ledgers:
        _tell_notes(name, ledger)


def _cell(value: int, key: str) -> show.Cell:
    if value and key in (*_DIFFERENCES, "quarantined"):
        return show.Toned(number(value), show.WARN)
    return number(value)


def _tell_outcome(name: str, ledgers: "Sequence[Ledger]", fix: bool) -> None:
    left, found = drift(ledgers), sum(ledger.found for ledger in ledgers)
    compared = sum(ledger.in_store for ledger in ledgers)
    deep = sum(ledger.deep for ledger in ledgers)
    whole = f", {number(deep)} of them read whole" if deep else ""
    asked = count(sum(ledger.requests for ledger in ledgers), "requests")
    if left:
        show.headline(f"{_differ(ledgers)} from the store.", show.WARN)
        if not fix:
            show.say(f"`storelink verify {name} --fix` fetches what differs. Nothing was written now.")
        elif found > left:
            show.say(f"{number(found - left)} of {number(found)} were fixed.")
    elif found:
        was = "record differed and was" if found == 1 else "records differed and were"
        show.headline(f"In step now: {number(found)} {was} fixed.", show.GOOD)
    elif aside := sum(ledger.quarantined for ledger in ledgers):
        show.headline(f"In step, but for {count(aside, 'records')} in quarantine.", show.GOOD)
    else:
        show.headline(f"In step: nothing differs. The tables hold {_what(name, ledgers)}.", show.GOOD)
    show.say(show.Toned(f"{number(compared)} records compared{whole}, {asked}.", show.FAINT))


def _what(name: str, ledgers: "Sequence[Ledger]") -> str:
    bounded = any(ledger.bound for ledger in ledgers)
    return f"what is read of {name}" if bounded else f"what {name} holds"


def _differ(ledgers: "Sequence[Ledger]") -> str:
    parts = [(ledger.drift, ledger.resource) for ledger in ledgers if ledger.drift]
    told = listed(count(value, resource) for value, resource in parts)
    return f"{told} {'differs' if parts == [(1, parts[0][1])] else 'differ'}"


def _tell_notes(name: str, ledger: "Ledger") -> None:
    things = ledger.resource
    if ledger.bound:
        asked = f" {count(ledger.older, 'older ones')} here, asked for by id." if ledger.older else ""
        show.say(f"Read are {ledger.bound}.{asked}")
    if ledger.withheld:
        show.say(
            f"{count(ledger.withheld, things)} no longer exist in the store. With them more than a fifth"
            " would be gone within 30 days, so they are kept. If it is meant:"
            f" `storelink verify {name} --fix --accept-deletes`."
        )
    if ledger.unanswered:
        show.say(f"{count(ledger.unanswered, things)} brought no answer; the next pass asks again.")
    if ledger.quarantined:
        verb, them = ("is", "it") if ledger.quarantined == 1 else ("are", "them")
        show.say(
            f"{count(ledger.quarantined, things)} {verb} in quarantine: the store has {them}, storelink could"
            f" not understand {them}. `storelink quarantine list {name}` shows why."
        )
    if ledger.restored:
        words = (
            f"The list of {things} looks as if the store had been put back to an older backup: what is"
            " held here is newer than what is there."
        )
        show.say(show.Toned(words, show.WARN))
