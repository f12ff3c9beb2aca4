"""docs/command-line.md promises shapes to scripts: each is compared with what the command prints."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from storelink.sandbox.running import Running

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
AUSTIN = {
    "first_name": "Jo", "last_name": "Park", "address_1": "1 Main St", "address_2": "", "company": "",
    "city": "Austin", "state": "TX", "postcode": "78701", "country": "US", "phone": "",
}  # fmt: skip
FREE = frozenset({"settings", "payload", "deleted_rows", "shipping_address", "billing_address"})
"""Objects whose names are not promised: they are the store's, or the tables'."""


def examples() -> dict[str, Any]:
    """Command → the JSON that the page shows for it."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^### `storelink (.+?)`\n.*?^```json\n(.+?)^```", text, re.MULTILINE | re.DOTALL)
    return {command: json.loads(block) for command, block in found}


def shape(value: Any) -> Any:
    """Names and nesting; a list is as its first item, a value is just a value."""
    if isinstance(value, dict):
        return {name: None if name in FREE else shape(item) for name, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def agree(promised: Any, printed: Any, place: str) -> None:
    if isinstance(promised, dict) and isinstance(printed, dict):
        assert list(promised) == list(printed), place
        for name, inner in promised.items():
            agree(inner, printed[name], f"{place}.{name}")
    elif isinstance(promised, list) and isinstance(printed, list):
        agree(promised[0], printed[0], f"{place}[]")


def _pays_back(one: Any, other: Any) -> bool:
    """Paid by a gateway that refunds by itself, and not touched otherwise."""
    fit = one["status"] == "processing" and one["payment_method"] == "fakepay" and not one["refunds"]
    return bool(fit and one["id"] != other["id"] and one["currency"] == "USD")


def test_every_example_is_what_the_command_prints(cli: Any, keys: Running) -> None:
    promised = examples()
    order = next(one for one in keys.admin.records("orders") if one["status"] == "processing")
    keys.admin.edit_order(order["id"], shipping=AUSTIN)
    sold = next(one for one in keys.admin.records("orders") if _pays_back(one, order))
    unit = f"--line {sold['line_items'][0]['id']}:1"
    dallas = "--set city=Dallas --set postcode=75201"
    steps: list[tuple[str, str]] = [
        ("connectors add", f"connectors add woocommerce shop --store-url {keys.url}"),
        ("connectors list", "connectors list"),
        ("connectors check", "connectors check shop"),
        ("connectors set-credentials", "connectors set-credentials shop"),
        ("connectors set", "connectors set shop --interval 600"),
        ("connectors pause", "connectors pause shop"),
        ("connectors resume", "connectors resume shop"),
        ("sync", "sync shop"),
        ("refund preview", f"refund preview shop {sold['id']} {unit}"),
        ("refund create", f"refund create shop {sold['id']} {unit} --reason Damaged --yes --wait"),
        ("refund list", "refund list"),
        ("orders find", f"orders find --number {sold['number']}"),
        ("orders show", f"orders show shop {sold['id']}"),
        ("address preview", f"address preview shop {order['id']} {dallas}"),
        ("address update", f"address update shop {order['id']} {dallas} --yes --wait"),
        ("address list", "address list"),
        ("break an order", ""),
        ("quarantine list", "quarantine list"),
        ("quarantine show", f"quarantine show shop {order['id']}"),
        ("quarantine retry", "quarantine retry shop"),
        ("connectors show", "connectors show shop"),
        ("verify", "verify shop"),
        ("renormalize", "renormalize shop"),
        ("status", "status"),
        ("runs", "runs"),
        ("webhooks install", "webhooks install shop --public-url http://127.0.0.1:9"),
        ("webhooks status", "webhooks status shop"),
        ("webhooks remove", "webhooks remove shop"),
        ("privacy export", f"privacy export shop --order {order['id']}"),
        ("privacy erase", f"privacy erase shop --order {order['id']} --yes"),
        ("tokens create", "tokens create recommendations --role reader --connector shop"),
        ("tokens list", "tokens list"),
        ("tokens revoke", "tokens revoke recommendations"),
        ("users create", "users create joel@shop.example --role support"),
        ("users list", "users list"),
        ("users invite", "users invite joel@shop.example"),
        ("users set-role", "users set-role joel@shop.example --role ops"),
        ("users disable", "users disable joel@shop.example"),
        ("users enable", "users enable joel@shop.example"),
        ("users unlink", "users unlink joel@shop.example"),
        ("secrets status", "secrets status"),
        ("secrets add", "secrets add"),
        ("secrets rotate", "secrets rotate"),
        ("db url", "db url"),
        ("db upgrade", "db upgrade"),
        ("connectors remove", "connectors remove shop --purge --yes"),
    ]
    for command, line in steps:
        if not line:
            keys.admin.edit_order(order["id"], total="-")
            assert cli("sync", "shop").code == 0
            continue
        done = cli(*line.split(), "--json")
        assert done.code in (0, 1), done.err
        agree(shape(promised.pop(command)), shape(done.json), command)
    left = ["privacy rekey", "secrets retire", "sandbox"]
    assert list(promised) == left, "shown on the page and not compared here"


def test_an_error_is_one_document_too(cli: Any, environment: dict[str, str]) -> None:
    done = cli("sync", "nowhere", "--json")
    assert done.code == 2
    assert done.out == ""
    error = json.loads(done.err)["error"]
    assert set(error) == {"kind", "message"}
    assert error["kind"] == "Misconfigured"


@pytest.mark.parametrize("place", ["README.md", "docs/command-line.md"])
def test_commands_in_the_pages_exist(place: str) -> None:
    from storelink.cli.main import COMMANDS, load

    text = (PAGE.parents[1] / place).read_text(encoding="utf-8")
    lines = re.findall(r"(?:^ {4,}|^\$ |`)storelink ([a-z][^`\n#]*)", text, re.MULTILINE)
    assert len(lines) > 20
    for line in lines:
        first, *rest = line.split()
        entry = next((one for one in COMMANDS if one.name == first), None)
        assert entry is not None, line
        command = load(entry)
        if inner := getattr(command, "commands", None):
            assert rest and rest[0] in inner, line
            command = inner[rest[0]]
        known = {name for parameter in command.params for name in parameter.opts}
        for word in rest:
            assert not word.startswith("--") or word.split("=")[0] in known, line
