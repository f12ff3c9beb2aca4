"""What a store says of itself, taken out of an answer that may be anything. Pure, and total."""

from collections.abc import Mapping
from typing import Any


def part(root: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object in a field; an empty one where there is none."""
    found = root.get(name)
    return found if isinstance(found, dict) else {}


def words(value: object) -> str | None:
    """A text that says something, else None."""
    return value if isinstance(value, str) and value else None
