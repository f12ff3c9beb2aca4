"""The generated shop's people and their addresses."""

from collections.abc import Iterator
from random import Random
from typing import Any

from storelink.sandbox import words
from storelink.sandbox.shop import ENDS, SPAN, Address, Customer, Plan


def make_address(rng: Random, first: str, last: str, number: int) -> Address:
    """An address of somebody; the country decides the taxes."""
    country, state, city, postcode = words.PLACES[int(rng.random() * len(words.PLACES))]
    streets, companies = words.STREETS, words.COMPANIES
    return Address(
        first=first,
        last=last,
        company=companies[int(rng.random() * len(companies))],
        line1=f"{1 + number % 900} {streets[int(rng.random() * len(streets))]}",
        line2="" if rng.random() < 0.8 else f"Apt {number % 50}",
        city=city,
        state=state,
        postcode=postcode,
        country=country,
        phone=f"555-01{number:04d}" if rng.random() < 0.9 else "",
    )


def make_customers(plan: Plan) -> Iterator[Customer]:
    """`plan.customers` accounts: the first is an admin, the next a manager, then mostly customers."""
    rng = Random(f"customers {plan.seed}")  # noqa: S311
    for index in range(plan.customers):
        yield _customer(rng, index)


def _role(rng: Random, index: int) -> str:
    if index < 2:
        return ("admin", "manager")[index]
    draw = rng.random()
    if draw < 0.005:
        return "manager"
    return "subscriber" if draw < 0.015 else "customer"


def _customer(rng: Random, index: int) -> Customer:
    first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
    role = _role(rng, index)
    login = {0: "admin", 1: "manager"}.get(index, f"customer{index}")
    created = ENDS - SPAN + rng.randrange(SPAN)
    billing = make_address(rng, first, last, index) if rng.random() < 0.95 else None
    untouched = index == 0 or (index > 1 and rng.random() < 1 / 150)
    return Customer(
        first=first if rng.random() < 0.97 else "",
        last=last,
        email=f"{login}@example.test" if rng.random() < 0.9 else f"{login}+Shop@Example.TEST",
        login=login,
        role=role,
        created=created,
        modified=None if untouched else rng.randrange(created, ENDS),
        billing=billing,
        shipping=billing if rng.random() < 0.8 else None,
        paying=rng.random() < 0.6,
        extra=_extra(rng),
    )


def _extra(rng: Random) -> tuple[tuple[str, Any], ...]:
    draw = rng.random()
    if draw < 0.8:
        return ()
    if draw < 0.95:
        return (("default_password_nag", "1"),)
    return (("_interests", ["garden", "küche"]), ("_points", {"earned": rng.randrange(500)}))
