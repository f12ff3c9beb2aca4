"""Personal fields of a payload, hidden. Pure.

By name, whatever the platform: a payload in quarantine is by definition one that was not understood.
"""

import re
from typing import Any

_PERSONAL = re.compile(
    r"(^|_)(e?mail|phone|(first|last|full|user|nice)_?name|username|company|address_?\d?|line_?\d|postcode"
    r"|zip|city|ip_address|user_agent|birth\w*|vat\w*|customer_note|note|login)$",
    re.IGNORECASE,
)
_PEOPLE = re.compile(r"^(billing|shipping|customer|default_address|addresses)$", re.IGNORECASE)
_PUBLIC = frozenset({"id", "country", "state", "role"})


def masked(value: Any, *, of_person: bool = False) -> Any:
    """The same shape, with text in personal fields cut to its first letter."""
    if isinstance(value, dict):
        return {key: _field(str(key), item, of_person) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, of_person=of_person) for item in value]
    return _hidden(value) if of_person and isinstance(value, str) else value


def _field(name: str, value: Any, of_person: bool) -> Any:
    if isinstance(value, dict | list):
        return masked(value, of_person=of_person or bool(_PEOPLE.match(name)))
    if isinstance(value, str) and name not in _PUBLIC and (of_person or _PERSONAL.search(name)):
        return _hidden(value)
    return value


def _hidden(text: str) -> str:
    """`o••••@example.test`; what is odd about the text (a NUL, a line end) stays to be seen."""
    name, at, host = text.partition("@")
    odd = "".join(letter for letter in name[1:] if not letter.isprintable())
    return f"{name[:1]}••••{odd}{at}{host}" if text else text
