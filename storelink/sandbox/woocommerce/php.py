"""What PHP does with JSON, query strings and URLs, where it differs from Python."""

import codecs
import json
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_plus

import orjson

#: a parsed query: values are text, or tables of values where the name had brackets
Query = dict[str, Any]


def encode(value: Any) -> bytes:
    r"""JSON as `json_encode` writes it: no spaces, `\uXXXX` for all non-ASCII, `\/` for a slash."""
    try:
        raw = orjson.dumps(value)
    except TypeError:  # lone surrogates and huge numbers, which only Python's own writes
        text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
        return text.replace("/", "\\/").encode()
    if not raw.isascii():
        raw = raw.decode().encode("ascii", "storelink-sandbox-escape")
    return raw.replace(b"/", b"\\/")


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return _escaped(error.object[error.start : error.end]), error.end


@lru_cache(2048)
def _escaped(text: str) -> str:
    r"""Non-ASCII text as `\uXXXX`, in two halves beyond the first plane."""
    units = text.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


codecs.register_error("storelink-sandbox-escape", _escape)


def decode(raw: bytes) -> Any:
    """JSON that `encode` wrote; a number beyond 64 bits becomes a float, as in PHP."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return json.loads(raw)


def parse_query(text: str) -> Query:
    """A query string as PHP puts it into `$_GET`: `a[]=1&a[]=2` is `{"a": {"0": "1", "1": "2"}}`."""
    found: Query = {}
    for pair in text.split("&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition("=")
        name, value = unquote_plus(raw_name), unquote_plus(raw_value)
        base, bracket, rest = name.partition("[")
        base = base.replace(".", "_").replace(" ", "_")
        if not bracket or "]" not in rest:
            found[base] = value
        else:
            _nest(found, base, rest, value)
    return found


def _nest(found: Query, base: str, rest: str, value: str) -> None:
    keys = [part.partition("]")[0] for part in rest.split("[")]
    table = found.get(base)
    if not isinstance(table, dict):
        table = found[base] = {}
    for key in keys[:-1]:
        deeper = table.setdefault(key or str(len(table)), {})
        if not isinstance(deeper, dict):
            return
        table = deeper
    table[keys[-1] or str(len(table))] = value


def urlencode(text: str) -> str:
    """As PHP's `urlencode`: a space is a plus, `-_.` stay."""
    return quote(text, safe="-_. ").replace("~", "%7E").replace(" ", "+")


def build_query(query: Query) -> str:
    """A query string of nested values, as WordPress' `add_query_arg` writes it after `urlencode_deep`."""
    return "&".join(_pairs(query, ""))


def _pairs(table: Query, prefix: str) -> list[str]:
    parts: list[str] = []
    for key, value in table.items():
        name = f"{prefix}%5B{urlencode(str(key))}%5D" if prefix else urlencode(str(key))
        if isinstance(value, dict):
            parts.extend(_pairs(value, name))
        else:
            parts.append(f"{name}={urlencode(str(value))}")
    return parts


def texts(value: Any) -> list[str]:
    """A list parameter: bracketed, or one text with commas or spaces between, as WordPress reads it."""
    if isinstance(value, dict):
        return [str(part) for part in value.values()]
    if isinstance(value, list):
        return [str(part) for part in value]
    return [part for part in str(value).replace(",", " ").split() if part]
