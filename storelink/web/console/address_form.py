"""The form in which an address is changed: its rows, the old value beside the new one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storelink.connectors.action import BILLING
from storelink.sync.place import country_name, country_names, in_country, province_word, provinces
from storelink.sync.postal import FIELDS, FREE_PROVINCE, LABELS, needs_province

_OPTIONAL = frozenset(("company", "address2", "phone"))
_MODES = {"phone": "tel", "email": "email"}
_SHORT = frozenset(("postcode",))


@dataclass(frozen=True, slots=True)
class Field:
    """One row. `now` and `back`, the old and the new value in words; `choices` (code, name) where there
    is a list."""

    name: str
    label: str
    now: str
    back: str
    value: str
    changed: bool
    wrong: str | None
    hint: str
    choices: tuple[tuple[str, str], ...] | None = None
    mode: str | None = None
    short: bool = False


def fields_of(
    plan: Mapping[str, Any], typed: Mapping[str, str], listed: Mapping[str, str] | None
) -> list[Field]:
    """The rows of a plan (`plan_document`). `typed` is what the form held, `listed` the store's own
    provinces of the new country, as `Actions.provinces` gives them."""
    wrong = {one["field"]: one["words"] for one in reversed(plan["problems"])}
    country = typed.get("country") or plan["new"]["country"]
    names = [name for name in FIELDS if name != "email" or plan["kind"] == BILLING]
    order = sorted(names, key=_ORDER.index)
    return [
        Field(
            name,
            label_of(name, country),
            said(name, plan["old"][name], plan["old"]["country"], listed),
            said(name, plan["new"][name], plan["new"]["country"], listed),
            value := _value(name, plan, typed, listed),
            name in plan["changes"] or name in wrong,
            wrong.get(name),
            _hint(name, country, listed),
            _choices(name, value, country, listed),
            _MODES.get(name),
            name in _SHORT,
        )
        for name in order
    ]


_ORDER = ("first_name", "last_name", "company", "address1", "address2", "postcode", "city", "country",
          "province", "phone", "email")  # fmt: skip
"""As the design has them."""


def label_of(name: str, country: str = "") -> str:
    """`Street`, or what a province is called there."""
    return (province_word(country) if name == "province" else LABELS.get(name, name)).capitalize()


def said(name: str, value: str | None, country: str, listed: Mapping[str, str] | None = None) -> str:
    """A field's value in words: a country and a province by name, "none" where there is none."""
    if not value:
        return "none"
    if name == "country":
        return country_name(value)
    if name == "province":
        return (listed or {}).get(value) or provinces(country).get(value) or value
    return value


def wish_of(old: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, object]:
    """The fields that somebody changed: a browser gives back all of them, and line breaks as spaces."""
    return {
        name: text for name, text in typed.items() if " ".join(text.split()) != " ".join(old[name].split())
    }


def choices_of_provinces(country: str, listed: Mapping[str, str] | None) -> Mapping[str, str] | None:
    """What a province is chosen from; None where it is typed freely."""
    if country in FREE_PROVINCE:
        return None
    if listed is not None:
        return listed
    return provinces(country) or None


def _value(
    name: str, plan: Mapping[str, Any], typed: Mapping[str, str], listed: Mapping[str, str] | None
) -> str:
    if name == "province":
        country = typed.get("country") or plan["new"]["country"]
        held = typed.get(name, plan["new"][name])
        offered = choices_of_provinces(country, listed)
        moved = country != plan["old"]["country"]
        gone = offered is not None and held not in offered and held == plan["old"][name]
        return "" if moved and gone else held
    return typed.get(name, str(plan["new"][name]))


def _choices(
    name: str, value: str, country: str, listed: Mapping[str, str] | None
) -> tuple[tuple[str, str], ...] | None:
    if name == "country":
        found: Mapping[str, str] | None = country_names()
    elif name == "province":
        found = choices_of_provinces(country, listed)
    else:
        found = None
    if found is None:
        return None
    # what the store has stays to be chosen, whatever it is
    held = () if value in found or not value else ((value, value),)
    none = (("", "None" if name == "province" else "Choose a country"),)
    return none + held + tuple(sorted(found.items(), key=lambda pair: pair[1]))


def _hint(name: str, country: str, listed: Mapping[str, str] | None) -> str:
    if name == "province":
        return "" if not country or needs_province(country, listed) else f"optional {in_country(country)}"
    return "optional" if name in _OPTIONAL else ""
