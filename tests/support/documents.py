"""The documents as tests read them: their code, their tables, their links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/command-line.md",
    "docs/adding-a-platform.md", "docs/operations.md", "docs/index.md", "docs/woocommerce.md",
    "docs/shopify.md", "docs/console.md", "docs/api.md",
)  # fmt: skip
_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.M | re.S)
_INLINE = re.compile(r"`([^`]+)`")
_INDENTED = re.compile(r"^(?: {4}|\t)(.+)$", re.M)


@dataclass(frozen=True)
class Page:
    """One document. `prose` is its text without fenced blocks."""

    name: str
    text: str

    @property
    def prose(self) -> str:
        return _FENCED.sub("", self.text)

    @property
    def spans(self) -> list[str]:
        """What stands in the text as code, line ends as blanks."""
        return [" ".join(span.split()) for span in _INLINE.findall(self.prose)]

    @property
    def code(self) -> list[str]:
        """Every line of every block of code, outer blanks off."""
        fenced = [line for _, block in _FENCED.findall(self.text) for line in block.splitlines()]
        return [line.strip() for line in [*fenced, *_INDENTED.findall(self.prose)] if line.strip()]

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of one language."""
        return [block for name, block in _FENCED.findall(self.text) if name == language]

    def rows(self, head: str) -> list[list[str]]:
        """The cells of the table whose first heading is `head`."""
        lines = self.text.splitlines()
        begin = next(at for at, line in enumerate(lines) if line.startswith(f"| {head} |"))
        found = []
        for line in lines[begin + 2 :]:
            if not line.startswith("|"):
                break
            found.append([cell.strip() for cell in line.strip("|").split("|")])
        return found


def page(name: str) -> Page:
    """A document by its path."""
    return Page(name, (ROOT / name).read_text())


def pages() -> list[Page]:
    """All that are written by hand."""
    return [page(name) for name in PAGES]
