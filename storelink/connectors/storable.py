"""JSON as Postgres can store it. Pure."""

from typing import Any

import orjson

from storelink.connectors.rows import Json
from storelink.connectors.text import UNSTORABLE
from storelink.connectors.unfit import Unfit

_MOST = 2**63
_DEEPEST = 200


def json_text(value: Any) -> Json:
    """JSON for a jsonb column. Keys are sorted, so that the same content is the same text.

    Raises `Unfit` if it is nested deeper than any tool reads.
    """
    try:
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers beyond 64 bits, lone surrogates, too many levels
        data = orjson.dumps(_tamed(value, 0), option=orjson.OPT_SORT_KEYS)
    if b"\\" in data and b"\\u0000" in data:  # one character is found much sooner
        data = orjson.dumps(_tamed(value, 0), option=orjson.OPT_SORT_KEYS)
    return memoryview(data).tobytes()  # what orjson gives keeps the room it was written in: ten times as much


def _tamed(value: Any, depth: int) -> Any:
    """What JSON and Postgres can both hold: U+FFFD for NUL and half characters, text for huge numbers."""
    if depth > _DEEPEST:
        raise Unfit(f"the record is nested more than {_DEEPEST} levels deep")
    if type(value) is str:
        return UNSTORABLE.sub("\ufffd", value)
    if type(value) is dict:
        return {_tamed(str(key), depth): _tamed(part, depth + 1) for key, part in value.items()}
    if type(value) is list:
        return [_tamed(part, depth + 1) for part in value]
    if type(value) is int and not -_MOST <= value < 2 * _MOST:
        return str(value) if value.bit_length() < 10_000 else None
    if value is None or type(value) in (bool, int, float):
        return value
    raise Unfit(f"the record holds a {type(value).__name__}, which is no JSON")
