"""The GraphQL that is sent to Shopify, one document a file.

A file holds one operation, or one fragment whose name is the file's: `OrderFields` is in
`order_fields.graphql`. Comments stay in the files.
"""

import re
from functools import cache
from importlib import resources

_SPREAD = re.compile(r"\.\.\.\s*([A-Z]\w*)")
_COMMENT = re.compile(r"(?m)^\s*#.*\n?")
_ROOT = re.compile(r"\{ (\w+) \{")
_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


@cache
def load(name: str) -> str:
    """The operation in `<name>.graphql`, followed by the fragments it uses, each once."""
    found = [_text(name)]
    seen: set[str] = set()
    for text in found:  # grows as fragments use fragments
        for fragment in _SPREAD.findall(text):
            if fragment not in seen:
                seen.add(fragment)
                found.append(_text(_file_of(fragment)))
    return "\n".join(found)


@cache
def inlined(name: str) -> str:
    """The operation with its fragments' fields in their places, on one line.

    That is how bulk operations are started: nothing says that they take fragments, and an operation
    is found again by its text.
    """
    text = _text(name)
    while _SPREAD.search(text):
        text = _SPREAD.sub(lambda spread: _fields(_file_of(spread[1])), text)
    return squeezed(text)


def filtered(query: str, search: str) -> str:
    """An inlined bulk query of only what this search finds. `search` has no double quotes."""
    return _ROOT.sub(lambda root: f'{{ {root[1]}(query: "{search}") {{', query, count=1)


def squeezed(document: str) -> str:
    """A document with single spaces, to compare it with another."""
    return " ".join(document.split())


def names() -> list[str]:
    """All documents there are."""
    files = resources.files(__name__).iterdir()
    return sorted(file.name.removesuffix(".graphql") for file in files if file.name.endswith(".graphql"))


def _text(name: str) -> str:
    whole = resources.files(__name__).joinpath(f"{name}.graphql").read_text(encoding="utf-8")
    return _COMMENT.sub("", whole).strip() + "\n"


def _file_of(fragment: str) -> str:
    return _WORDS.sub("_", fragment).lower()


def _fields(name: str) -> str:
    """What stands between the braces of a fragment."""
    text = _text(name)
    return text[text.index("{") + 1 : text.rindex("}")]
