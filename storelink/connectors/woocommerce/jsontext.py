"""JSON as WordPress really sends it: with a BOM or PHP notices in front, cut off, or slightly wrong.

Pure. The common case is one call of orjson; everything else is looked at only when that refuses.
"""

import json
import math
import re
from typing import Any

import orjson

_START = re.compile(r"[\[{]")
_PAGE = re.compile(rb"^[\xef\xbb\xbf\s]*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
# Postgres stores neither, in text or in jsonb
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CANDIDATES = 200


class Unreadable(ValueError):
    """The body is no JSON. `code`: empty · html · cut · deep · junk."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def parse_json(body: bytes) -> Any:
    """What `body` says.

    A BOM or text in front is skipped; NUL and lone surrogates become U+FFFD; NaN and numbers that
    no float holds become None. Raises `Unreadable`, and nothing else.
    """
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _tolerant(body)
    if b"\\u0000" in body:
        data = _storable(data)
    return data


def _tolerant(body: bytes) -> Any:
    if not body.strip():
        raise Unreadable("empty", "it is empty")
    if _PAGE.match(body):
        raise Unreadable("html", "it is a page of HTML, not JSON")
    try:
        return _storable(_first_document(body.decode("utf-8", "replace")))
    except RecursionError:
        raise Unreadable("deep", "its JSON is nested too deeply") from None


def _first_document(text: str) -> Any:
    """The JSON from some bracket up to the end of the text.

    A candidate that is right as far as it goes but meets the end of the text means that the answer
    was cut; what follows it must not be taken for the whole, or a cut page reads as an empty one.
    """
    end = len(text.rstrip())
    begin = len(text) - len(text.lstrip("\ufeff \t\r\n"))
    leading: list[Any] = []
    for tried, match in enumerate(_START.finditer(text)):
        if tried == _CANDIDATES:
            break
        try:
            value, stop = _DECODER.raw_decode(text, match.start())
        except json.JSONDecodeError as error:
            if _met_the_end(error, end):
                raise Unreadable("cut", "its JSON ends before its end") from None
            continue
        if stop >= end:
            return value
        if match.start() == begin:
            leading.append(value)
    if leading:  # a notice printed after the answer
        return leading[0]
    raise Unreadable("junk", "it is not JSON")


def _met_the_end(error: json.JSONDecodeError, end: int) -> bool:
    # a literal or an escape that is cut is reported where it begins
    return error.pos >= end - 6 or error.msg.startswith("Unterminated string")


def _number(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _integer(text: str) -> int | float | None:
    # Python refuses to read integers of more than 4300 digits
    return int(text) if len(text) < 400 else None


_DECODER = json.JSONDecoder(
    strict=False, parse_float=_number, parse_int=_integer, parse_constant=lambda _name: None
)


def _storable(value: Any) -> Any:
    try:
        return _cleaned(value)
    except RecursionError:
        raise Unreadable("deep", "its JSON is nested too deeply") from None


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in value.items()}
    return value
