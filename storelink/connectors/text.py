"""Text for the database: no NUL, no half characters, no markup. Pure."""

import re
from html import unescape
from math import isfinite
from typing import Any

from storelink.connectors.unfit import Unfit

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""Postgres stores neither NUL nor lone surrogates."""
_CONTROL = re.compile("[\x01-\x08\x0b-\x1f\x7f-\x9f]")
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
_TAG = re.compile(r"""<[^>"']*+(?:"[^"]*+"[^>"']*+|'[^']*+'[^>"']*+)*+>""")
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)")
_BLOCKS = frozenset(
    ("address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption",
     "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main",
     "nav", "ol", "p", "pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul")
)  # fmt: skip
_SILENT = frozenset(("script", "style"))
INDEXED = 500
"""Characters that an indexed column takes: a B-tree entry of Postgres holds 2,704 bytes."""


def text(value: Any, name: str) -> str | None:
    """A text field as the store has it; None for "", null and PHP's false.

    Numbers are taken as they are written. Raises `Unfit` for anything else.
    """
    if type(value) is str:
        if value.isascii() and "\x00" not in value:
            return value or None
        return UNSTORABLE.sub("\ufffd", value)
    if value is None or value is False:
        return None
    if type(value) is int and value.bit_length() < 10_000:
        return str(value)
    if type(value) is float and isfinite(value):
        return str(value)
    raise Unfit(f"{name} is no text: {type(value).__name__}")


def short(value: Any, name: str) -> str | None:
    """The same for an indexed column, without spaces around it."""
    if type(value) is str and len(value) <= INDEXED and value.isprintable():
        return value.strip() or None
    found = text(value, name)
    if found is None:
        return None
    found = found.strip()
    if len(found) > INDEXED:
        raise Unfit(f"{name} is longer than {INDEXED} characters")
    return found or None


def line(value: Any, name: str) -> str | None:
    """A name or title as one line of plain text."""
    if type(value) is str and value.isprintable() and not ("<" in value or "&" in value or "  " in value):
        return value.strip() or None  # what nearly every title looks like
    found = text(value, name)
    if found is None:
        return None
    if "<" in found or "&" in found:
        found = plain(found)
    return _joined(found)


def one_line(value: Any, name: str) -> str | None:
    """A name or title that is no markup, as one line: `<` and `&` stand for themselves."""
    if type(value) is str and value.isprintable() and "  " not in value:
        return value.strip() or None
    found = text(value, name)
    return None if found is None else _joined(found)


def _joined(found: str) -> str | None:
    return " ".join(_CONTROL.sub(" ", found).split()) or None


def paragraphs(value: Any, name: str) -> str | None:
    """A description as plain text; what HTML shows as blocks begins on lines of its own."""
    found = text(value, name)
    if found is None:
        return None
    found = _SPACES.sub(" ", _CONTROL.sub(" ", plain(found)))
    return _LINES.sub("\n", found).strip() or None


def plain(markup: str) -> str:
    """HTML without its tags, entities decoded. Never fails, and takes time in proportion.

    The standard library's parser can do neither: it stops at `<![x` with an AssertionError, and
    takes hours over a megabyte of unclosed comments.
    """
    found: list[str] = []
    at, end = 0, len(markup)
    while at < end:
        start = markup.find("<", at)
        if start < 0:
            found.append(markup[at:])
            break
        found.append(markup[at:start])
        after, shown = _skip(markup, start)
        found.append(shown)
        at = after
    return UNSTORABLE.sub("\ufffd", unescape("".join(found)))


def _skip(markup: str, start: int) -> tuple[int, str]:
    """Where the text goes on after the "<" at `start`, and what stands for what was skipped."""
    if markup.startswith("<!--", start):
        stop = markup.find("-->", start + 4)
        return (len(markup) if stop < 0 else stop + 3), ""
    tag = _NAME.match(markup, start + 1)
    if tag is None and markup[start + 1 : start + 2] not in ("!", "?"):
        return start + 1, "<"
    stop = _tag_end(markup, start)
    if stop < 0:
        return len(markup), markup[start:]
    name = tag.group(1).lower() if tag else ""
    if name in _SILENT and markup[start + 1] != "/":
        return _after_silent(markup, stop, name), ""
    return stop, "\n" if name in _BLOCKS else ""


def _tag_end(markup: str, start: int) -> int:
    """The index after the tag's ">", which may stand in a quoted value; -1 if it never ends."""
    tag = _TAG.match(markup, start, start + 5000)
    if tag:
        return tag.end()
    return markup.find(">", start) + 1 or -1  # a quote that is never closed is no quote


def _after_silent(markup: str, stop: int, name: str) -> int:
    """Past the end tag of a script or style; what is inside is never shown."""
    closing = re.compile(f"</{name}", re.IGNORECASE).search(markup, stop)
    if closing is None:
        return len(markup)
    end = markup.find(">", closing.end())
    return len(markup) if end < 0 else end + 1
