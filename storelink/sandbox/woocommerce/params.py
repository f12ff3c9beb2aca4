"""Checking what was asked: the wording of WordPress, all faults of a request in one error."""

from collections.abc import Iterable, Sequence
from typing import Any

from storelink.sandbox.woocommerce.answers import Refused
from storelink.sandbox.woocommerce.php import Query, texts


def spoken(names: Sequence[str]) -> str:
    """`a, b, and c`, as WordPress joins names."""
    if len(names) < 3:
        return " and ".join(names)
    return ", ".join(names[:-1]) + ", and " + names[-1]


class Checks:
    """Collects faults; `done` raises them as one 400 `rest_invalid_param`."""

    def __init__(self) -> None:
        self._faults: dict[str, tuple[str, str]] = {}

    def fault(self, name: str, code: str, message: str) -> None:
        self._faults.setdefault(name, (code, message))

    def add(self, refused: Refused) -> None:
        """Take over the faults of another check."""
        for name, detail in refused.data["details"].items():
            self.fault(name, detail["code"], detail["message"])

    def done(self) -> None:
        if not self._faults:
            return
        data = {
            "status": 400,
            "params": {name: message for name, (_, message) in self._faults.items()},
            "details": {
                name: {"code": code, "message": message, "data": None}
                for name, (code, message) in self._faults.items()
            },
        }
        names = ", ".join(self._faults)
        raise Refused(400, "rest_invalid_param", f"Invalid parameter(s): {names}", data=data)

    def whole(
        self,
        query: Query,
        name: str,
        default: int,
        *,
        least: int | None = None,
        most: int | None = None,
    ) -> int:
        """A whole number within bounds."""
        if name not in query:
            return default
        value = number(query[name])
        if value is None:
            self.fault(name, "rest_invalid_type", f"{name} is not of type integer.")
            return default
        low, high = least is not None and value < least, most is not None and value > most
        if low or high:
            bounds = f"greater than or equal to {least}"
            if most is not None:
                bounds = f"between {least} (inclusive) and {most} (inclusive)"
            self.fault(name, "rest_out_of_bounds", f"{name} must be {bounds}")
        return value

    def numbers(self, query: Query, name: str) -> list[int]:
        """A list of whole numbers, bracketed or with commas."""
        found = []
        for at, part in enumerate(texts(query.get(name, ""))):
            value = number(part)
            if value is None:
                self.fault(name, "rest_invalid_type", f"{name}[{at}] is not of type integer.")
            else:
                found.append(value)
        return found

    def one_of(self, query: Query, name: str, allowed: Sequence[str], default: str) -> str:
        """One of a few words."""
        value = str(query.get(name, default))
        if value not in allowed:
            self.fault(name, "rest_not_in_enum", f"{name} is not one of {spoken(allowed)}.")
        return value

    def some_of(self, query: Query, name: str, allowed: Sequence[str]) -> list[str]:
        """Several of a few words."""
        values = texts(query.get(name, ""))
        for at, value in enumerate(values):
            if value not in allowed:
                words = spoken(allowed)
                self.fault(name, "rest_not_in_enum", f"{name}[{at}] is not one of {words}.")
        return values


def number(value: Any) -> int | None:
    """A whole number as WordPress takes it from a query: `"7"`, `"7.0"`, `7`."""
    try:
        parsed = float(str(value))
    except ValueError:
        return None
    return int(parsed) if parsed == parsed // 1 else None


def known(query: Query, names: Iterable[str]) -> dict[str, Any]:
    return {name: query[name] for name in names if name in query}
