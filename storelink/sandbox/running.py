"""Starting a sandbox store from Python, in a thread or in a process of its own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from storelink.sandbox.admin import Admin
from storelink.sandbox.serving import Keys, Service, Setup
from storelink.sandbox.shop import Plan

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Running:
    """A store that is up. Each pair is (key, secret); `password` is a user's application password.

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


def make_setup(**options: Any) -> Setup:
    """Sort the options of `start` into the plan of the shop and the setup of its server."""
    names = {part.name for part in fields(Plan)}
    plan = Plan(**{name: value for name, value in options.items() if name in names})
    rest = {name: value for name, value in options.items() if name not in names}
    return Setup(plan=plan, **rest)


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
    `more` is what else `Setup` and `Plan` know: clock_offset, has_variations, has_refunds, hpos,
    refunded_share, variable_share. The same seed makes the same shop.
    """
    setup = make_setup(
        orders=orders, products=products, customers=customers, seed=seed, https=https,
        latency=latency, service_time=service_time, cores=cores, time_zone=time_zone,
        items_per_order=items_per_order, port=port, **more,
    )  # fmt: skip
    with _own_process(setup) if process else _thread(setup) as store:
        yield store


@contextmanager
def _thread(setup: Setup) -> Iterator[Running]:
    service = Service(setup)
    thread = threading.Thread(target=service.run, name="sandbox store", daemon=True)
    thread.start()
    try:
        _wait_until(lambda: service.server.started or not thread.is_alive())
        if not service.server.started:
            raise RuntimeError("the sandbox store did not start")
        yield _running(service.url, service.keys, service.ca_file)
    finally:
        service.server.should_exit = True
        thread.join(30)


@contextmanager
def _own_process(setup: Setup) -> Iterator[Running]:
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
        pairs = {name: tuple(pair) for name, pair in told["keys"].items() if name != "token"}
        keys = Keys(**pairs, token=told["keys"]["token"])
        ca_file = None if told["ca_file"] is None else Path(told["ca_file"])
        store = _running(told["url"], keys, ca_file, child.pid)
        _wait_until(lambda: _answers(store.admin))
        yield store
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


def _running(url: str, keys: Keys, ca_file: Path | None, pid: int | None = None) -> Running:
    return Running(
        url=url,
        admin=Admin(url, keys.token, ca_file),
        ca_file=ca_file,
        key=keys.full[0],
        secret=keys.full[1],
        read_key=keys.read_only,
        write_only_key=keys.write_only,
        customer_key=keys.customer,
        manager_key=keys.manager,
        password=keys.password,
        pid=pid,
    )
