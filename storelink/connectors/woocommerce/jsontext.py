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
_BLANK = "\ufeff \t\r\n"
_HALF = re.compile(r"[\w.+\\\"-]{0,10}")
_CANDIDATES = 200
"""Brackets that are tried: notices have a few, and each try may read the whole text."""
_PRELUDE = 200
"""Characters that may look like JSON in a notice."""


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
        return _storable(_document(body.decode("utf-8", "replace")))
    except RecursionError:
        raise Unreadable("deep", "its JSON is nested too deeply") from None


def _document(text: str) -> Any:
    """The JSON that fills the text, but for what is printed in front of it or behind.

    The largest document counts, and only if it reaches the start or the end. Two things must not
    be taken for the whole, or a damaged page reads as an empty one: what follows a document that
    met the end of the text (a cut answer), and what follows one that broke off far from its start.
    """
    begin = len(text) - len(text.lstrip(_BLANK))
    end = len(text.rstrip(_BLANK))
    best, span, anchored, at = None, 0, False, 0
    for _ in range(_CANDIDATES):
        match = _START.search(text, at)
        if match is None:
            break
        start = match.start()
        try:
            value, stop = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as error:
            if _met_the_end(error, text[error.pos : end]):
                raise Unreadable("cut", "its JSON ends before its end") from None
            if error.pos - start > _PRELUDE:
                raise Unreadable("junk", "its JSON is damaged") from None
            at = start + 1
            continue
        if stop - start > span:
            best, span, anchored = value, stop - start, start == begin or stop >= end
        at = stop
    else:
        anchored = False
    if not anchored:
        raise Unreadable("junk", "it is not JSON")
    return best


def _met_the_end(error: json.JSONDecodeError, rest: str) -> bool:
    """Whether the text was right up to its end; half a word or number is reported as wrong."""
    return error.msg.startswith("Unterminated string") or _HALF.fullmatch(rest) is not None


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
