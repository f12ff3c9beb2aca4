"""Starting a sandbox store from Python, in a thread or in a process of its own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from storelink.sandbox.admin import Admin
from storelink.sandbox.serving import PLATFORMS, Service
from storelink.sandbox.setup import Setup
from storelink.sandbox.shop import Plan
from storelink.sandbox.shopify_admin import ShopifyAdmin

Pair = tuple[str, str]
_PLAN = frozenset(part.name for part in fields(Plan))
_SETUP = frozenset(part.name for part in fields(Setup)) - {"plan", "platform", "options"}


@dataclass(frozen=True, slots=True)
class Running:
    """A WooCommerce store that is up. Each pair is (key, secret); `password` is a user's application one.

    `ca_file` names the certificate to trust, https only. `pid` is that of its own process, if any.
    """

    url: str
    admin: Admin
    ca_file: Path | None
    key: str = field(repr=False)
    secret: str = field(repr=False)
    read_key: Pair = field(repr=False)
    write_only_key: Pair = field(repr=False)
    customer_key: Pair = field(repr=False)
    manager_key: Pair = field(repr=False)
    password: Pair = field(repr=False)
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class RunningShopify:
    """A Shopify store that is up. `domain` is the name it knows itself by, `….myshopify.com`.

    `token` is a static Admin token with every scope that the shop grants; `other_token` one of another
    app on the same shop; `client_id` and `client_secret` are those of an app of the same organisation.
    """

    url: str
    domain: str
    admin: ShopifyAdmin
    ca_file: Path | None
    token: str = field(repr=False)
    other_token: str = field(repr=False)
    client_id: str
    client_secret: str = field(repr=False)
    pid: int | None = None


def make_setup(platform: str = "woocommerce", /, **options: Any) -> Setup:
    """Sort the options of `start` into the plan of the shop, the setup of its server and the platform's."""
    known = {part.name for part in fields(import_module(PLATFORMS[platform]).Options)}
    unknown = sorted(set(options) - _PLAN - _SETUP - known)
    if unknown:
        raise TypeError(f"a {platform} store has no option {', '.join(unknown)}")
    plan = Plan(**{name: value for name, value in options.items() if name in _PLAN})
    return Setup(
        plan=plan,
        platform=platform,
        options={name: value for name, value in options.items() if name in known},
        **{name: value for name, value in options.items() if name in _SETUP},
    )


@contextmanager
def start(
    orders: int = 200,
    products: int = 60,
    customers: int = 80,
    seed: int = 1,
    *,
    process: bool = False,
    https: bool = False,
    latency: float = 0.0,
    service_time: float = 0.0,
    cores: int | None = None,
    time_zone: str = "America/New_York",
    items_per_order: int | None = None,
    port: int = 0,
    **more: Any,
) -> Iterator[Running]:
    """Run a simulated WooCommerce store until the block ends.

    `time_zone` is a name or, for a shop that has none, an offset like `+05:30`.
    `latency` and `service_time` are seconds per request, the latter served by `cores` at a time;
    `more` is what else `Setup`, `Plan` and WooCommerce's `Options` know: clock_offset,
    has_variations, has_refunds, hpos, refunded_share, variable_share. The same seed makes the same
    shop.
    """
    setup = make_setup(
        orders=orders, products=products, customers=customers, seed=seed, https=https,
        latency=latency, service_time=service_time, cores=cores, time_zone=time_zone,
        items_per_order=items_per_order, port=port, **more,
    )  # fmt: skip
    with _up(setup, process) as (url, keys, admin, ca_file, pid):
        pairs = {name: tuple(pair) for name, pair in keys.items() if name != "token"}
        yield Running(
            url=url,
            admin=admin,
            ca_file=ca_file,
            key=pairs["full"][0],
            secret=pairs["full"][1],
            read_key=pairs["read_only"],
            write_only_key=pairs["write_only"],
            customer_key=pairs["customer"],
            manager_key=pairs["manager"],
            password=pairs["password"],
            pid=pid,
        )


@contextmanager
def start_shopify(
    orders: int = 200,
    products: int = 60,
    customers: int = 80,
    seed: int = 1,
    *,
    process: bool = False,
    https: bool = False,
    api_versions: Sequence[str] = ("2026-07", "2026-10"),
    plan: str = "standard",
    latency: float = 0.0,
    time_zone: str = "America/New_York",
    port: int = 0,
    **more: Any,
) -> Iterator[RunningShopify]:
    """Run a simulated Shopify store until the block ends: the same shop as `start` with the same seed.

    `plan` decides the rate limit: standard, advanced, plus or enterprise. `more` is what else
    `Setup`, `Plan` and Shopify's `Options` know.
    """
    setup = make_setup(
        "shopify",
        orders=orders, products=products, customers=customers, seed=seed, https=https, plan=plan,
        api_versions=tuple(api_versions), latency=latency, time_zone=time_zone, port=port, **more,
    )  # fmt: skip
    with _up(setup, process) as (url, keys, _, ca_file, pid):
        yield RunningShopify(
            url=url,
            domain=keys["domain"],
            admin=ShopifyAdmin(url, keys["token"], ca_file),
            ca_file=ca_file,
            token=keys["static"],
            other_token=keys["other"],
            client_id=keys["client_id"],
            client_secret=keys["client_secret"],
            pid=pid,
        )


Up = tuple[str, dict[str, Any], Admin, Path | None, int | None]


def _up(setup: Setup, process: bool) -> Any:
    return _own_process(setup) if process else _thread(setup)


@contextmanager
def _thread(setup: Setup) -> Iterator[Up]:
    service = Service(setup)
    thread = threading.Thread(target=service.run, name="sandbox store", daemon=True)
    thread.start()
    try:
        _wait_until(lambda: service.server.started or not thread.is_alive())
        if not service.server.started:
            raise RuntimeError("the sandbox store did not start")
        admin = Admin(service.url, service.keys.token, service.ca_file)
        yield service.url, asdict(service.keys), admin, service.ca_file, None
    finally:
        service.server.should_exit = True
        thread.join(30)


@contextmanager
def _own_process(setup: Setup) -> Iterator[Up]:
    command = [sys.executable, "-m", "storelink.sandbox.serving"]
    child = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; the store ends when its input does
    )
    assert child.stdin is not None and child.stdout is not None
    try:
        child.stdin.write(json.dumps(asdict(setup)) + "\n")
        child.stdin.flush()
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox store did not start (exit {child.wait(30)})")
        told = json.loads(line)
        ca_file = None if told["ca_file"] is None else Path(told["ca_file"])
        admin = Admin(told["url"], told["keys"]["token"], ca_file)
        _wait_until(lambda: _answers(admin))
        yield told["url"], told["keys"], admin, ca_file, child.pid
    finally:
        child.stdin.close()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _answers(admin: Admin) -> bool:
    try:
        admin.now()
    except OSError:
        return False
    return True


def _wait_until(ready: Any, patience: float = 60.0) -> None:
    deadline = time.monotonic() + patience
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError("the sandbox store did not come up")
        time.sleep(0.005)
