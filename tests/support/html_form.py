"""A form of a page, as a browser without JavaScript would send it."""

from html.parser import HTMLParser


class _Fields(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self.action, self.inside, self.found = action, False, {}
        self._select: str | None = None
        self._choices: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        held = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.inside = held.get("action", "") == self.action
        if not self.inside:
            return
        if tag == "input" and "name" in held:
            if held.get("type") in ("checkbox", "radio") and "checked" not in held:
                return
            self.found[held["name"]] = held.get("value", "")
        elif tag == "select":
            self._select = held["name"]
            self._choices[self._select] = []
        elif tag == "option" and self._select:
            self._choices[self._select].append(held.get("value", ""))
            if "selected" in held or self._select not in self.found:
                self.found[self._select] = held.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        if tag == "select":
            self._select = None


def form_of(page: str, action: str) -> dict[str, str]:
    """The fields of the form with this action. Fails where there is none."""
    parser = _Fields(action)
    parser.feed(page)
    assert parser.found, f"no form {action}"
    return parser.found


def choices_of(page: str, action: str, name: str) -> list[str]:
    """The values of a select in that form."""
    parser = _Fields(action)
    parser.feed(page)
    return parser._choices[name]
