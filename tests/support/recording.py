"""The recorded answers, and what "the same" means when an answer is held to one."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "captures" / "woocommerce"
_NUMBERS = re.compile(r"\d+")
#: keys that hold null or a text, a number or null, and so on, from record to record
LOOSE = frozenset((
    "date_completed", "date_paid", "date_completed_gmt", "date_paid_gmt", "sku", "price",
    "global_unique_id", "parent_name", "value", "display_value", "id", "stock_quantity", "image",
    "rate_percent", "date_modified", "date_modified_gmt", "nominal_amount", "total_sales",
))  # fmt: skip


@dataclass(frozen=True)
class Recorded:
    """One exchange; `headers` None where only a body was recorded."""

    request: str
    sent: str
    status: int
    headers: dict[str, str] | None
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def recorded(name: str) -> Recorded:
    """Read one file of the captures."""
    raw = (FOLDER / name).read_text(encoding="utf-8-sig")
    if name.endswith(".json"):
        return Recorded("", "", 200, None, raw)
    if raw[:3].isdigit():  # status, a dictionary of headers, body
        status, headers, *rest = raw.split("\n", 2)
        if headers.startswith("{'"):
            pairs = dict(re.findall(r"'([^']+)': '([^']*)'", headers))
            return Recorded("", "", int(status), pairs, rest[0] if rest else "")
        return Recorded("", "", int(status), None, "\n".join([headers, *rest]))
    head, _, text = raw.partition("\n\n")
    asked, _, answered = head.partition("\n--- ")
    request, _, sent = asked.partition("\n")
    status, *lines = answered.split("\n")
    return Recorded(request, sent, int(status), dict(line.split(": ", 1) for line in lines), text)


def tidy(value: str) -> str:
    """A header's value without the numbers and addresses that differ from store to store."""
    return _NUMBERS.sub("#", re.sub(r"https?://[\d.:]+", "//host", value))


def differences(wanted: Any, got: Any, path: str = "$") -> list[str]:
    """Where two JSON values differ in keys, their order, or types.

    An empty list fits any list; a list's parts must each look like some part of the recorded one.
    """
    key = path.rpartition(".")[2]
    if isinstance(wanted, dict) and isinstance(got, dict):
        if list(wanted) != list(got):
            return [f"{path}: {[*wanted]} is not {[*got]}"]
        return [d for name in wanted for d in differences(wanted[name], got[name], f"{path}.{name}")]
    if isinstance(wanted, list) and isinstance(got, list):
        if not wanted or not got:
            return []
        worst: list[str] = []
        for at, part in enumerate(got):
            tries = [differences(example, part, f"{path}[{at}]") for example in wanted]
            worst += min(tries, key=len)
        return worst
    if type(wanted) is type(got) or key in LOOSE or {type(wanted), type(got)} == {int, float}:
        return []
    return [f"{path}: {type(wanted).__name__} is not {type(got).__name__}"]
