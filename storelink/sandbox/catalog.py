"""The generated shop's products."""

from collections.abc import Iterator
from random import Random
from typing import Any

from storelink.sandbox import words
from storelink.sandbox.shop import ENDS, SPAN, Plan, Product, Variant

STATES = ("published",) * 44 + ("draft", "draft", "pending", "private", "trashed", "published")


def make_products(plan: Plan) -> Iterator[Product]:
    """`plan.products` products; about `plan.variable_share` of them with variants."""
    rng = Random(f"products {plan.seed}")  # noqa: S311
    for index in range(plan.products):
        yield _product(rng, plan, index)


def _kind(rng: Random, plan: Plan, index: int) -> str:
    draw = rng.random()
    if draw < plan.variable_share:
        return "variable"
    rest = (draw - plan.variable_share) / (1 - plan.variable_share)
    if rest < 0.03:
        return "external"
    if rest < 0.06 and index > 3:
        return "grouped"
    return "virtual" if rest < 0.14 else "simple"


def _sku(rng: Random, index: int, kind: str) -> str:
    draw = rng.random()
    if draw < 0.05:
        return ""
    if draw < 0.08:
        return "SKU-REPEATED"  # imports leave such behind
    return f"VAR-{index + 1}" if kind == "variable" else f"SKU-{index + 1}"


def _price(rng: Random) -> int:
    draw = rng.random()
    if draw < 0.15:
        return rng.randrange(1, 200) * 100
    return rng.randrange(99, 20_000)


def _product(rng: Random, plan: Plan, index: int) -> Product:
    kind = _kind(rng, plan, index)
    title = f"{rng.choice(words.ADJECTIVES)} {rng.choice(words.NOUNS)} {index + 1}"
    created = ENDS - SPAN - 86_400 + rng.randrange(SPAN // 2)
    modified = created if rng.random() < 0.3 else rng.randrange(created, ENDS)
    priced = kind not in ("variable", "grouped") and rng.random() > 0.01
    price = _price(rng) if priced else None
    on_sale = price is not None and rng.random() < 0.12
    counted = kind == "simple" and rng.random() < 0.8
    return Product(
        title=title,
        kind=kind,
        state=rng.choice(STATES),
        sku=_sku(rng, index, kind),
        price=price,
        sale=price * 4 // 5 if price is not None and on_sale else None,
        stock=rng.randrange(-5, 400) if counted else None,
        created=created,
        modified=modified,
        description=f"<p>Long description &amp; more for {title}</p>\n" * rng.randrange(4),
        summary="<p>Short</p>\n" if rng.random() < 0.6 else "",
        category=rng.randrange(len(words.CATEGORIES)),
        weight="" if kind != "simple" or rng.random() < 0.2 else f"{rng.randrange(1, 90) / 10:g}",
        sold=rng.randrange(200),
        image=index + 1 if rng.random() < 0.35 else 0,
        option=rng.choice(("Size", "Colour")) if kind == "variable" else "",
        variants=tuple(_variants(rng, index, modified)) if kind == "variable" else (),
        members=_members(rng, index) if kind == "grouped" else (),
        extra=_extra(rng),
    )


def _members(rng: Random, index: int) -> tuple[int, ...]:
    return tuple(sorted(rng.sample(range(index), min(3, index))))


def _variants(rng: Random, index: int, modified: int) -> Iterator[Variant]:
    base = _price(rng)
    same = rng.random() < 0.05  # two variants under one SKU, as shops have them
    for label in words.SIZES[: rng.randrange(2, 6)]:
        price = base + rng.randrange(0, 2_500)
        yield Variant(
            label=label,
            sku=f"VAR-{index + 1}" if same else f"VAR-{index + 1}-{label}",
            price=None if rng.random() < 0.01 else price,
            sale=price * 9 // 10 if rng.random() < 0.08 else None,
            stock=rng.randrange(-30, 200) if rng.random() < 0.85 else None,
            modified=modified if rng.random() < 0.5 else rng.randrange(modified, ENDS),
            weight=f"{rng.randrange(1, 30) / 10:g}",
            image=100_000 + index if rng.random() < 0.1 else 0,
            enabled=rng.random() > 0.03,
        )


def _extra(rng: Random) -> tuple[tuple[str, Any], ...]:
    draw = rng.random()
    if draw < 0.6:
        return ()
    if draw < 0.75:
        return (("_internal", "hidden"),)
    if draw < 0.9:
        return (("_related_blocks", [1, "two", {"three": 3}]), ("_flag", "1"))
    return (("_import", {"source": "csv", "row": rng.randrange(9_999), "tags": ["a", "b"]}),)
