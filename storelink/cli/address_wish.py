"""From what somebody typed to the fields of an address."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from storelink.errors import Misconfigured


def read_wish(sets: Sequence[str] | None, file: Path | None) -> dict[str, object]:
    """The fields that were given. Raises `Misconfigured` for what is not of their form, or for none."""
    wish: dict[str, object] = {}
    if file is not None:
        wish |= _fields_in(file)
    for text in sets or ():
        field, sign, value = text.partition("=")
        if not sign or not field.strip():
            raise Misconfigured(f"{text!r} is not of the form FIELD=TEXT, as in city=Wien.")
        wish[field.strip()] = value
    if not wish:
        raise Misconfigured("Say what to change: --set FIELD=TEXT, as in --set city=Wien, or --file.")
    return wish


def _fields_in(file: Path) -> Mapping[str, object]:
    import json

    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{file} cannot be read as JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Misconfigured(f'{file} has to hold one JSON object, as in {{"city": "Wien"}}.')
    return found
