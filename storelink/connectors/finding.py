"""What a doctor can find, as a table of kinds with words for people; used by every platform."""

from dataclasses import dataclass

from storelink.connectors.protocol import Finding

_ORDER = {"problem": 0, "warning": 1, "note": 2, "ok": 3}


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of finding. `refused` means that the credentials themselves are at fault."""

    code: str
    level: str
    what: str
    mend: str | None = None
    refused: bool = False

    def finding(self, **words: object) -> Finding:
        """This kind, with its blanks filled in."""
        mend = self.mend.format(**words) if self.mend else None
        return Finding(self.level, self.code, self.what.format(**words), mend)


def worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Sorted by level; within a level as they were found."""
    return tuple(sorted(findings, key=lambda one: _ORDER[one.level]))


def in_words(seconds: float) -> str:
    """A span of time for people: `25 minutes`."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
