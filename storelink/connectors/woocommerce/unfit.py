"""Why a record cannot become rows."""


class Unfit(Exception):
    """Part of a record is not usable. The message names the field and ends up in the quarantine."""

    def within(self, place: str) -> "Unfit":
        """The same, said of a field inside `place`."""
        return Unfit(f"{place}.{self}")
