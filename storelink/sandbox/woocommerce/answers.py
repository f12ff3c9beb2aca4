"""Answers and errors, as WordPress shapes them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from storelink.sandbox.woocommerce.php import encode


@dataclass(slots=True)
class Answer:
    """One answer. `allow` None or "" leaves the Allow header out; `link` replaces the usual Link."""

    status: int
    body: bytes
    allow: str | None = None
    link: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Later:
    """An answer that takes the store `seconds` more to `finish`; the world goes on meanwhile."""

    seconds: float
    finish: "Callable[[], Answer | Later]"


class Refused(Exception):
    """The request gets an error. `data` is what it carries beside code and message.

    `allow` None is filled in by the route, "" leaves the header out for good.
    """

    def __init__(
        self, status: int, code: str, message: str, *, data: Any = None, allow: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.data: Any = {"status": status} if data is None else data
        self.allow = allow

    def item(self) -> dict[str, Any]:
        """The error as it stands in a batch answer."""
        return {"code": self.code, "message": self.message, "data": self.data}

    def answer(self) -> Answer:
        return Answer(self.status, encode(self.item()), allow=self.allow)


NO_ROUTE = ("rest_no_route", "No route was found matching the URL and request method.")


def no_route() -> Refused:
    return Refused(404, *NO_ROUTE)


def invalid_param(name: str, message: str, code: str | None = None) -> Refused:
    """400 `rest_invalid_param`; `code` names the finer reason where WordPress gives one."""
    details = {name: {"code": code, "message": message, "data": None}} if code else {}
    data = {"status": 400, "params": {name: message}, "details": details}
    return Refused(400, "rest_invalid_param", f"Invalid parameter(s): {name}", data=data)


def json_answer(value: Any, *, status: int = 200, allow: str | None = None) -> Answer:
    return Answer(status, encode(value), allow=allow)
