"""What somebody filled in on a refund's form, read into a wish. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from storelink.connectors.action import Wish, WishedLine

REASONS = ("Arrived damaged", "Not as described", "Too late", "Customer changed their mind", "Price adjusted")
OTHER = "Other"
LINE = "line-"
"""Before a line's id, the name of its field."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent. `lines` are the quantities as typed, by line id.

    `everything`: all that is left was asked for, and nothing was chosen otherwise since.
    """

    lines: Mapping[str, str]
    everything: bool = False
    ship: str = "none"
    """none, all or part."""
    ship_amount: str = ""
    amount: str = ""
    reason: str = ""
    own_reason: str = ""
    note: str = ""
    by_hand: bool = False
    restock: bool = False
    location: str = ""
    notify: bool = False
    again: bool = False

    @property
    def public(self) -> str:
        """The words that the customer may read."""
        return (self.own_reason if self.reason == OTHER else self.reason).strip()

    @property
    def seal(self) -> str:
        """What stands in the form beside “everything”: as long as it fits, nothing was chosen otherwise."""
        lines = ",".join(f"{item}={text.strip()}" for item, text in sorted(self.lines.items()))
        return f"{lines};{self.ship};{self.amount.strip()}"

    @property
    def empty(self) -> bool:
        """Whether nothing was chosen yet."""
        chosen = any(text.strip() not in ("", "0") for text in self.lines.values())
        return not (self.everything or chosen or self.ship != "none" or self.amount.strip())


@dataclass(frozen=True, slots=True)
class Read:
    """The wish, or what is wrong with the form: (field, words)."""

    wish: Wish
    errors: Sequence[tuple[str, str]] = ()


def fill(form: Mapping[str, str]) -> Filled:
    """The form out of its fields; a NUL is no letter that anybody types."""
    given = {name: value.replace("\0", "")[:2000] for name, value in form.items()}
    lines = {name.removeprefix(LINE): value for name, value in given.items() if name.startswith(LINE)}
    filled = Filled(
        lines=lines, ship=given.get("ship", "none"),
        ship_amount=given.get("ship_amount", ""), amount=given.get("amount", ""),
        reason=given.get("reason", ""), own_reason=given.get("own_reason", ""), note=given.get("note", ""),
        by_hand=given.get("how") == "hand", restock="restock" in given,
        location=given.get("location", "").strip(), notify="notify" in given, again="again" in given,
    )  # fmt: skip
    return replace(filled, everything=given.get("whole") == filled.seal)


def all_of(filled: Filled, left: Mapping[str, str], *, shipping: bool = True) -> Filled:
    """The form with everything that is left in it; the reason, the note and the rest stay."""
    return replace(filled, lines=left, everything=True, ship="all" if shipping else "none", ship_amount="",
                   amount="")  # fmt: skip


def none_of(filled: Filled) -> Filled:
    """The form with nothing chosen."""
    return replace(filled, lines={}, everything=False, ship="none", ship_amount="", amount="")


def read(filled: Filled) -> Read:
    """The wish of a form."""
    errors: list[tuple[str, str]] = []
    lines = []
    for item, text in filled.lines.items():
        quantity = _units(text)
        if quantity is None:
            errors.append((f"{LINE}{item}", "Enter how many, a whole number like 2"))
        elif quantity:
            lines.append(WishedLine(item, quantity))
    shipping = amount = None
    if filled.ship == "part":
        shipping = _money(filled.ship_amount)
        if shipping is None:
            errors.append(("ship_amount", "Enter how much of the shipping, like 4.90"))
    if filled.amount.strip():
        amount = _money(filled.amount)
        if amount is None:
            errors.append(("amount", "Enter an amount above zero, like 12.50"))
    if not filled.public.isprintable() or len(filled.public) > 200:
        errors.append(("own_reason", "Enter the reason in one line of at most 200 characters"))
    wish = Wish(
        everything=filled.everything,
        lines=() if filled.everything else tuple(sorted(lines, key=lambda one: one.item_id)),
        shipping=None if filled.everything else shipping,
        whole_shipping=filled.ship == "all" and not filled.everything,
        amount=None if filled.everything else amount,
        restock=filled.restock, location=filled.location or None if filled.restock else None,
        by_hand=filled.by_hand,
    )  # fmt: skip
    return Read(wish, errors)


def _units(text: str) -> int | None:
    """A whole number; nothing is none."""
    found = text.strip() or "0"
    return int(found) if found.isascii() and found.isdecimal() and len(found) <= 7 else None


def _money(text: str) -> Decimal | None:
    """An amount above zero with at most four decimals; a comma counts as a point."""
    found = text.strip().replace(" ", "").replace(",", ".")
    try:
        value = Decimal(found)
    except InvalidOperation:
        return None
    exponent = value.as_tuple().exponent
    fine = value.is_finite() and 0 < value < 10**12 and isinstance(exponent, int) and exponent >= -4
    return value if fine else None
