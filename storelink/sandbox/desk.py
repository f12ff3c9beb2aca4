"""The back office of a sandbox store over HTTP: edits, faults, clock, truth.

`POST /_sandbox/do` with `{"name": …, "args": […], "named": {…}}` and the store's token answers
`{"value": …}`, or 400 `{"error": …}`. Only this machine may ask.
"""

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import orjson

from storelink.sandbox.capacity import Capacity
from storelink.sandbox.clock import Clock
from storelink.sandbox.faults import Script, read_rules
from storelink.sandbox.journal import Journal

Reply = tuple[int, list[tuple[str, str]], bytes]
TOKEN_HEADER = "x-sandbox-token"  # noqa: S105
_HERE = frozenset(("127.0.0.1", "::1"))


class Desk:
    """Takes orders by name; `edits` are the platform's own."""

    def __init__(
        self,
        token: str,
        clock: Clock,
        script: Script,
        capacity: Capacity,
        journal: Journal,
        edits: Mapping[str, Callable[..., Any]],
    ) -> None:
        self._token = token
        self._clock = clock
        self._script = script
        self._capacity = capacity
        self._journal = journal
        self.after: Callable[[], None] = lambda: None
        """Called when an action is done."""
        self.actions: dict[str, Callable[..., Any]] = {
            **edits,
            "faults": self._faults,
            "fired": self._fired,
            "requests": self._requests,
            "in_hand": journal.in_hand,
            "clear_requests": journal.clear,
            "request_count": lambda: journal.count,
            "now": clock.seconds,
            "advance": clock.advance,
            "hold_clock": clock.hold,
            "release_clock": clock.release,
            "set_clock": self._set_clock,
            "set_capacity": self._set_capacity,
        }

    def answer(self, client: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Do what is asked, if the one who asks may."""
        token = headers.get(TOKEN_HEADER, "")
        if client not in _HERE or not hmac.compare_digest(token, self._token):
            return _json(403, {"error": "the sandbox's desk needs its token, from this machine"})
        if path != "/_sandbox/do":
            return _json(404, {"error": f"no {path} here"})
        asked = json.loads(body)
        try:
            value = self.run(asked["name"], *asked.get("args", []), **asked.get("named", {}))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            return _json(400, {"error": f"{type(error).__name__}: {error}"})
        return _json(200, {"value": value})

    def run(self, name: str, /, *args: Any, **named: Any) -> Any:
        """One action by its name."""
        if name not in self.actions:
            raise ValueError(f"the desk knows no action {name!r}")
        try:
            return self.actions[name](*args, **named)
        finally:
            self.after()

    def run_all(self, edits: list[list[Any]]) -> None:
        """Edits as fault rules write them: `[name, argument, …, {named arguments}]`."""
        for name, *args in edits:
            named = args.pop() if args and isinstance(args[-1], dict) else {}
            self.run(name, *args, **named)

    def _faults(self, rules: list[dict[str, Any]]) -> None:
        self._script.rules = read_rules(rules)

    def _fired(self) -> list[int]:
        return [rule.fired for rule in self._script.rules]

    def _requests(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self._journal.entries]

    def _set_clock(self, offset: float) -> None:
        self._clock.release()
        self._clock.offset = offset

    def _set_capacity(self, **values: Any) -> None:
        for name, value in values.items():
            if name not in ("latency", "service_time", "cores"):
                raise ValueError(f"capacity has no {name}")
            setattr(self._capacity, name, value)


def _json(status: int, value: Any) -> Reply:
    try:
        body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits: slowly, but as it is
        body = json.dumps(value).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    return status, headers, body
