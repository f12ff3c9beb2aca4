"""The console over two stores that were read, with a signed-in browser of each role."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from webhook_house import House, Shop, install, register, serving

from storelink.access import person, token
from storelink.access import session as browser
from storelink.access.role import ROLES, Right
from storelink.access.session import form_key
from storelink.config import Settings
from storelink.db import Database
from storelink.sandbox.running import start, start_shopify
from storelink.secrets.keyring import Keyring
from storelink.secrets.provider import provider_of
from storelink.web import console
from storelink.web.console.signed import COOKIE, Needs, own_form, signed_in

PASSWORD = "seven grey geese over the bay"


@dataclass(frozen=True)
class Route:
    """One of the console's: its path below /console, the right that it needs, whether its form is keyed."""

    method: str
    path: str
    right: Right | None
    signed: bool
    keyed: bool
    queries: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def routes() -> tuple[Route, ...]:
    """Every route of the console, from the application."""
    app = console.create(type("Nothing", (), {"settings": Settings(home="/nowhere")})())  # type: ignore[arg-type]
    found = []
    for route in _leaves(app.routes):
        assert isinstance(route, APIRoute), route
        calls = list(_calls(route.dependant))
        right = next((one.right for one in calls if isinstance(one, Needs)), None)
        found += [
            Route(
                method, route.path, right, signed_in in calls, own_form in calls,
                tuple(one.alias for one in route.dependant.query_params),
                tuple(one.alias for one in route.dependant.body_params),
            )
            for method in sorted(route.methods)
        ]  # fmt: skip
    return tuple(found)


def _leaves(all_routes: Any) -> Iterator[Any]:
    for route in all_routes:
        if hasattr(route, "original_router"):  # one that was included; its routes have their whole paths
            yield from _leaves(route.original_router.routes)
        else:
            yield route


def _calls(dependant: Dependant) -> Iterator[Any]:
    for one in dependant.dependencies:
        yield one.call
        yield from _calls(one)


def filled(path: str, **values: str) -> str:
    """The address of a route; what is not given is `1`."""
    return "/console" + re.sub(r"\{(\w+)(:\w+)?\}", lambda found: values.get(found[1], "1"), path)


@dataclass
class Browser:
    """Somebody's browser, signed in or not."""

    client: httpx.Client = field(repr=False)
    cookie: str = field(default="", repr=False)
    role: str = ""

    @property
    def key(self) -> str:
        """What forms of this session carry."""
        return form_key(self.cookie)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer; no redirect is followed."""
        headers = dict(options.pop("headers", {}))
        if self.cookie:
            headers["Cookie"] = f"{COOKIE}={self.cookie}"
        try:
            return self.client.request(method, path, headers=headers, **options)
        except httpx.TransportError as error:
            error.add_note(f"{method} {path}")
            raise

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def send(self, path: str, **fields: Any) -> httpx.Response:
        """A form of this session's own."""
        return self.ask("POST", path, data={"form_key": self.key, **fields})


@dataclass
class ConsoleHouse:
    """The application over a database, with stores, people, a token and requests."""

    shops: House
    woo: Shop
    shopify: Shop
    client: httpx.Client
    secrets: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def database(self) -> Database:
        return self.shops.database

    def sign_in(self, role: str) -> Browser:
        """A new session of the person with this role."""
        with self.database.session() as session:
            cookie = browser.begin(session, person.find(session, f"{role}@shop.example"))
            session.commit()
        return Browser(self.client, cookie, role)

    def stranger(self) -> Browser:
        return Browser(self.client)

    def values(self, platform: str = "woocommerce") -> dict[str, str]:
        """What stands for the names in routes' paths, for records that there are."""
        shop = self.woo if platform == "woocommerce" else self.shopify
        first = "SELECT {} FROM {} WHERE connector_id = :id ORDER BY 1 LIMIT 1"
        found = {
            name: str(self.shops.one(first.format(name, table), id=shop.id))
            for name, table in (("variant_id", "platform_product"), ("customer_id", "platform_customer"))
        }
        refund = self.shops.rows(
            "SELECT id, order_id FROM refund_request WHERE connector_id = :id", id=shop.id
        )
        order = (
            refund[0][1] if refund else self.shops.one(first.format("order_id", "platform_order"), id=shop.id)
        )
        return found | {
            "store": shop.name, "platform": platform, "order_id": str(order), "resource": "orders",
            "request_id": str(refund[0][0] if refund else uuid.uuid4()),
        }  # fmt: skip

    def pages(self, *platforms: str) -> list[str]:
        """The address of every page, of each platform's records where it names one; else of both."""
        found: dict[str, None] = {}
        for route in routes():
            if route.method != "GET" or route.path in ("/", "/static/{digest}/{name}"):
                continue
            for platform in (
                (platforms or ("woocommerce", "shopify")) if "{" in route.path else ("woocommerce",)
            ):
                found[filled(route.path, **self.values(platform) | self._named(route.path))] = None
        return list(found)

    def known(self, path: str, platform: str = "woocommerce") -> dict[str, str]:
        """What stands for the names in one route's path."""
        return self.values(platform) | self._named(path)

    def _named(self, path: str) -> dict[str, str]:
        if path.startswith("/requests/address"):
            ((request,),) = self.shops.rows("SELECT id FROM address_update_request ORDER BY id LIMIT 1")
            return {"request_id": str(request)}
        return {}


@contextmanager
def furnished(database: Database, settings: Settings) -> Iterator[ConsoleHouse]:
    """A house with both sandbox stores, webhooks, people of every role, a token and requests."""
    loose = settings.model_copy(update={"allow_private_stores": True, "api_rate": 100_000})
    house = House(database, Keyring(provider_of(loose)), loose)
    with (
        start(25, 6, 8, seed=1) as woo,
        start_shopify(20, 8, 10) as shopify,
        serving(house),
        httpx.Client(base_url=house.url, timeout=60, limits=httpx.Limits(keepalive_expiry=2)) as client,
    ):
        made = ConsoleHouse(
            house, register(house, "woocommerce", woo, name="fjord-wool"),
            register(house, "shopify", shopify, name="linden-tea"), client,
        )  # fmt: skip
        made.secrets = {
            "consumer_key": woo.key, "consumer_secret": woo.secret, "access_token": shopify.token,
            "client_secret": shopify.client_secret, "password": PASSWORD,
        }  # fmt: skip
        made.secrets["webhook_secret"] = install(made.woo)
        _people(made)
        _requests(made)
        yield made


def _people(house: ConsoleHouse) -> None:
    with house.database.session() as session:
        for role in ROLES:
            row, _ = person.create(
                session, f"{role}@shop.example", role, full_name=f"Ines {role.title()}", password=PASSWORD
            )
            house.secrets[f"hash of {role}"] = row.password_hash or ""
        invited, link = person.create(session, "new@shop.example", "reader", full_name="Nora New")
        house.secrets["invitation"] = link or ""
        _, house.secrets["api token"] = token.create(session, "warehouse", "reader")
        session.commit()
        assert invited.password_hash is None


_STAGES = ("waiting_approval", "needs_attention", "settled", "failed")


def _requests(house: ConsoleHouse) -> None:
    """Refunds in the stages that people see, and a change of address, of each store."""
    for shop in (house.woo, house.shopify):
        orders = house.shops.rows(
            "SELECT order_id, currency FROM platform_order WHERE connector_id = :id"
            " ORDER BY order_id LIMIT 4",
            id=shop.id,
        )
        for number, ((order, currency), stage) in enumerate(zip(orders, _STAGES, strict=True)):
            house.shops.do(
                _REFUND, id=uuid.uuid4(), store=shop.id, order=order, platform=shop.platform, stage=stage,
                status={"settled": "processed", "failed": "failed"}.get(stage, "pending"), currency=currency,
                amount=12 + number, mark=f"{shop.platform[0]}{number:09}",
            )  # fmt: skip
        house.shops.do(
            _ADDRESS, id=uuid.uuid4(), store=shop.id, order=orders[0][0], platform=shop.platform,
            mark=f"{shop.platform[0]}A00000000",
        )  # fmt: skip


_REFUND = """
INSERT INTO refund_request (id, connector_id, order_id, platform, stage, status, wish, plan, amount, currency,
    shipping_amount, lines, reason, note, requested_by, requested_role, requested_at, reference, send_key,
    attempts, misses, restock, notify, by_hand, error, settled_at)
VALUES (:id, :store, :order, :platform, :stage, :status, '{}', NULL, :amount, :currency, 0, '[]',
    'Damaged in the post', 'Asked on the phone', 'user:support@shop.example', 'support', now(), :mark,
    gen_random_uuid(), 1, 0, false, false, false,
    CASE WHEN :stage IN ('needs_attention', 'failed') THEN 'The store did not say what became of it.' END,
    CASE WHEN :status = 'pending' THEN NULL ELSE now() END)
"""

_ADDRESS = """
INSERT INTO address_update_request (id, connector_id, order_id, platform, stage, status, kind, wish, plan,
    new_address, old_address, requested_by, requested_role, requested_at, reference, send_key, attempts,
    misses, note, settled_at)
VALUES (:id, :store, :order, :platform, 'settled', 'updated', 'shipping', '{}', NULL,
    '{"first_name": "Ada", "address1": "12 New Street", "city": "Bergen", "country": "NO"}',
    '{"first_name": "Ada", "address1": "1 Old Street", "city": "Bergen", "country": "NO"}',
    'user:support@shop.example', 'support', now(), :mark, gen_random_uuid(), 1, 0, 'Moved house', now())
"""
