"""Why a record cannot become rows."""

from typing import Any


class Unfit(Exception):
    """Part of a record is not usable. The message names the field and ends up in the quarantine."""

    def within(self, place: str) -> "Unfit":
        """The same, said of a field inside `place`."""
        return Unfit(f"{place}.{self}")


def shown(value: Any) -> str:
    """A value as an error message shows it: short, and never failing."""
    if isinstance(value, int) and value.bit_length() > 100:
        return "a huge number"
    text = repr(value)
    return text if len(text) <= 42 else text[:40] + "…"
