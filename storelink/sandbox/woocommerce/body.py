"""Reading and checking what a write request carries.

A body counts as JSON or as a form by its Content-Type; with any other it is as good as empty, which
is how a mistyped header makes an empty order (facts §5). Checks are those of a single call; a batch
skips them (facts §11).
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from storelink.sandbox.woocommerce.answers import Refused
from storelink.sandbox.woocommerce.params import Checks, number, spoken
from storelink.sandbox.woocommerce.php import parse_query

Body = dict[str, Any]
#: a field's type: a name, a tuple of allowed words, or a mapping for an object
Kind = str | tuple[str, ...] | Mapping[str, Any]
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_TRUTHS = (True, False, 0, 1, "true", "false", "0", "1", "", "TRUE", "FALSE")

_ADDRESS: dict[str, Kind] = dict.fromkeys(
    (
        "first_name", "last_name", "company", "address_1", "address_2", "city", "state",
        "postcode", "country", "phone",
    ),
    "string",
)  # fmt: skip
SHIPPING: Kind = _ADDRESS
BILLING: Kind = {**_ADDRESS, "email": "email"}


def read_body(content_type: str, raw: bytes) -> Body:
    """The parameters in a body. Raises 400 `rest_invalid_json`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        if not raw:
            return {}
        try:
            found = json.loads(raw)
        except ValueError:
            data = {"status": 400, "json_error_code": 4, "json_error_message": "Syntax error"}
            raise Refused(400, "rest_invalid_json", "Invalid JSON body passed.", data=data) from None
        return found if isinstance(found, dict) else {}
    if kind == "application/x-www-form-urlencoded":
        return parse_query(raw.decode("utf-8", "replace"))
    return {}


def required(body: Body, names: Sequence[str]) -> None:
    """Raise 400 `rest_missing_callback_param` naming what is missing."""
    missing = [name for name in names if name not in body]
    if missing:
        raise Refused(
            400,
            "rest_missing_callback_param",
            f"Missing parameter(s): {', '.join(missing)}",
            data={"status": 400, "params": missing},
        )


def check_body(schema: Mapping[str, Kind], body: Body) -> None:
    """Raise one 400 for all fields that have the wrong type."""
    checks = Checks()
    for name, value in body.items():
        if name in schema:
            _check(checks, name, name, value, schema[name])
    checks.done()


def _check(checks: Checks, top: str, name: str, value: Any, kind: Kind) -> None:
    if isinstance(kind, tuple):
        if value not in kind:
            checks.fault(top, "rest_not_in_enum", f"{name} is not one of {spoken(kind)}.")
    elif isinstance(kind, Mapping):
        if not isinstance(value, dict | list):
            checks.fault(top, "rest_invalid_type", f"{name} is not of type object.")
        elif isinstance(value, dict):
            for key, part in value.items():
                if key in kind:
                    _check(checks, top, f"{name}[{key}]", part, kind[key])
    elif kind == "email":
        if not isinstance(value, str):
            checks.fault(top, "rest_invalid_type", f"{name} is not of type string.")
        elif not _EMAIL.fullmatch(value):
            checks.fault(top, "rest_invalid_email", "Invalid email address.")
    elif not _fits(value, kind):
        checks.fault(top, "rest_invalid_type", f"{name} is not of type {kind}.")


def _fits(value: Any, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return value in _TRUTHS
    if kind == "array":
        return isinstance(value, list | dict | str)
    if kind in ("integer", "number"):
        if isinstance(value, bool) or value is None:
            return False
        return number(value) is not None if kind == "integer" else _numeric(value)
    return True


def _numeric(value: Any) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def truth(value: Any) -> bool:
    """A boolean as WordPress reads one out of whatever was sent."""
    if isinstance(value, str):
        return value.lower() not in ("false", "0", "")
    return bool(value)


def items(value: Any) -> list[Body]:
    """A list of objects, whatever else was sent left out; forms send tables with numbered keys."""
    parts = list(value.values()) if isinstance(value, dict) else value
    return [part for part in parts or [] if isinstance(part, dict)]
