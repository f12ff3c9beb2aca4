"""What a browser would make of a page: its elements and their attributes, without looking at the text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

_RAW = {"script", "style"}


@dataclass
class Element:
    """A start tag. `text` is what a script or style element holds."""

    name: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class _Reader(HTMLParser):
    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1].name in _RAW:
            self.elements[-1].text += data


def elements(page: str) -> list[Element]:
    """Every element of the page, in order."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.elements


@lru_cache(maxsize=100)
def _faults(page: str) -> tuple[str, ...]:
    return tuple(_unsafe(elements(page)))


def unsafe(page: str) -> list[str]:
    """What a strict Content-Security-Policy would refuse, and links that run something."""
    return list(_faults(page))


def _unsafe(found: list[Element]) -> Iterator[str]:
    for one in found:
        if one.name == "style" or (
            one.name == "script" and ("src" not in one.attributes or one.text.strip())
        ):
            yield f"<{one.name}> of its own"
        if one.name in ("iframe", "object", "embed", "base", "marquee"):
            yield f"<{one.name}>"
        for name, value in one.attributes.items():
            if name == "style" or name.startswith(("on", "hx-on")):
                yield f"<{one.name} {name}>"
            if name in ("href", "src", "action", "formaction", "xlink:href") and not _is_place(value):
                yield f"<{one.name} {name}={value!r}>"


def _is_place(value: str) -> bool:
    return urlsplit(value.strip()).scheme.lower() in ("", "http", "https", "mailto", "tel")
