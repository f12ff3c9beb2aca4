"""Two stores with people in them, a Postgres that restarts, and daemons that are killed all the time.

Everything runs in processes of its own, over real sockets. What happens is chosen by a seed, when
it happens by the machine.
"""

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import psutil
import psycopg
from fleet import STORELINK, Fleet, Process, wait_until
from follower import Follower
from patience import crowd
from ports import free_port
from shopify_laboratory import ShopifyLaboratory
from woo_laboratory import WooLaboratory

from storelink import embedded
from storelink.config import Settings
from storelink.conformance.registered import KEYS, TABLES, differences
from storelink.db import open_database
from storelink.errors import DatabaseAway, Misconfigured
from storelink.sandbox.admin import DeskError
from storelink.sandbox.running import start, start_shopify
from storelink.scheduler import ask
from storelink.sync import account, guardian
from storelink.sync.opening import open_subject

ENVIRONMENT = {"STORELINK_WORKER_PULSE": "1", "STORELINK_HTTP_RETRIES": "1", "STORELINK_HTTP_TIMEOUT": "6"}
RESOURCES = ("products", "customers", "orders")
TROUBLES: tuple[dict[str, Any], ...] = (
    {"status": 503}, {"status": 429, "retry_after": 1}, {"status": 500, "html": True}, {"maintenance": True},
    {"drop": "before"}, {"drop": "after"}, {"truncate": 0.5}, {"slow": 1.5}, {"html": True},
)  # fmt: skip
MISHAPS = {"lose": 0.2, "double": 0.2, "late": 0.2, "late_seconds": 3.0, "shuffle": 1.0, "forge": 0.2}


@dataclass
class Shop:
    """One store: its registration, and what was done there that nobody told us of."""

    name: str
    id: Any
    running: Any
    lab: Any
    ids: dict[str, list[int]]
    silent: set[tuple[str, str]] = field(default_factory=set)
    """(resource, record) that no date and no webhook tells of."""
    buried: set[tuple[str, str]] = field(default_factory=set)
    """(resource, record) that were deleted where only a whole list shows it."""
    edits: int = 0

    @property
    def admin(self) -> Any:
        return self.running.admin

    def delivered(self) -> bool:
        """Whether the store has nothing more to tell; WooCommerce tells when somebody visits."""
        if self.name == "woo":
            self.admin.run_cron()
        return bool(self.admin.deliveries_waiting() == 0)


@dataclass
class Slot:
    """A daemon that is started again whenever it has died."""

    words: tuple[str, ...]
    process: Process | None = None
    doomed: bool = False
    """Whether we ended the one that ran last."""


class Town:
    """The whole of it; `town` makes one."""

    def __init__(
        self, server: embedded.Server, fleet: Fleet, shops: list[Shop], many: int, seed: int
    ) -> None:
        self.server, self.fleet, self.shops = server, fleet, shops
        self.chance = Random(f"soak {seed}")
        self.ports = [free_port() for _ in range(many)]
        self.slots = [Slot(("serve", "--port", str(port))) for port in self.ports]
        self.slots += [Slot(("worker",)) for _ in range(many)]
        self.follower = Follower(STORELINK, fleet.environment, lambda: fleet.url)
        self.up = True
        """Whether Postgres runs."""
        self.restarted_at = 0.0
        self.deeds: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        """Deeds that leave an entry in the audit, by its action: tried."""
        self.done: Counter[str] = Counter()
        """…and known to have been done."""
        self.forged: Counter[int] = Counter()
        """What forgeries were answered."""
        self.odd: list[str] = []
        """What should not have happened."""
        self._later: list[tuple[float, Callable[[], object]]] = []

    # -- daemons -----------------------------------------------------------------------------------

    def tend(self) -> None:
        """Start what is not there."""
        for slot in self.slots:
            child = slot.process.child if slot.process else None
            if child is not None and child.poll() is None:
                continue
            if child is not None and not slot.doomed and time.monotonic() - self.restarted_at > 20 * crowd():
                assert slot.process is not None
                self.odd.append(f"{slot.words} ended by itself: {slot.process.log.read_text()[-2000:]}")
            if self.up:
                slot.process, slot.doomed = self.fleet.start(*slot.words), False

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        slot = self.chance.choice(self.slots)
        if slot.process is not None and slot.process.child.poll() is None:
            slot.doomed = True
            slot.process.child.send_signal(how)

    def stop(self) -> list[float]:
        """SIGTERM for all; the seconds that each took."""
        took = []
        for slot in self.slots:
            assert slot.process is not None
            slot.doomed = True
            took.append(slot.process.terminate())
            if slot.process.child.returncode != 0:
                self.odd.append(f"{slot.words} ended with {slot.process.child.returncode}")
        return took

    # -- Postgres ----------------------------------------------------------------------------------

    def restart_postgres(self) -> None:
        """Fast or as after a crash; back after a moment."""
        pid = int((self.server.place.data / "postmaster.pid").read_text().split()[0])
        self.up, self.restarted_at = False, time.monotonic()
        os.kill(pid, self.chance.choice((signal.SIGINT, signal.SIGQUIT)))
        self._after(self.chance.uniform(0.2, 2.0), self.revive_postgres)

    def revive_postgres(self) -> None:
        self.server = self.server.revive()
        self.up, self.restarted_at = True, time.monotonic()

    # -- the stores --------------------------------------------------------------------------------

    def edit(self, shop: Shop) -> None:
        shop.edits += 1
        count = self.chance.choice((1, 1, 2, 4))
        for happening, kind, record in shop.admin.churn(f"{shop.name} {shop.edits}", count):
            if happening == "delete" and shop.name == "woo" and kind != "customers":
                shop.buried.add((kind, str(record)))

    def edit_silently(self, shop: Shop) -> None:
        order = self.chance.choice(shop.ids["orders"])
        field_name = "customer_note" if shop.name == "woo" else "note"
        with suppress(DeskError):
            shop.admin.set_field_silently("orders", order, **{field_name: f"silently {self.chance.random()}"})
            shop.silent.add(("orders", str(order)))

    def trouble(self, shop: Shop) -> None:
        shop.admin.faults([{"match": {}, "do": self.chance.choice(TROUBLES)}])
        self._after(self.chance.uniform(0.5, 4.0), lambda: shop.admin.faults([]))

    def hang(self, shop: Shop) -> None:
        """The store's machine stands still for a while."""
        process = psutil.Process(shop.running.pid)
        process.suspend()
        time.sleep(self.chance.uniform(0.2, 1.5))
        process.resume()

    def drop_webhooks(self, shop: Shop) -> None:
        if shop.name == "woo":
            shop.admin.do("disable_webhooks")
        else:
            shop.admin.do("drop_webhooks")

    def forge(self, shop: Shop) -> None:
        """Somebody who does not know the secret posts an order."""
        port = self.ports[self.shops.index(shop) % len(self.ports)]
        names = {"woo": ("X-WC-Webhook-Topic", "X-WC-Webhook-Signature", "order.updated"),
                 "boutique": ("X-Shopify-Topic", "X-Shopify-Hmac-Sha256", "orders/updated")}  # fmt: skip
        topic, signature, word = names[shop.name]
        with suppress(httpx.HTTPError):
            answer = httpx.post(
                f"http://127.0.0.1:{port}/webhooks/{shop.id}", content=b'{"id":9000666}',
                headers={topic: word, signature: "c29tZXRoaW5n"}, timeout=5, trust_env=False,
            )  # fmt: skip
            self.forged[answer.status_code] += 1

    # -- ops ---------------------------------------------------------------------------------------

    def ask(self, action: str, do: Callable[[Any], object]) -> None:
        """Something that ops do, in one transaction; it may fail with the database."""
        self.asked[action] += 1
        with suppress(DatabaseAway, Misconfigured), self.fleet.database.session() as session:
            do(session)
            session.commit()
            self.done[action] += 1

    def sync_now(self, shop: Shop, *, full: bool = False) -> None:
        self.asked["connector.sync_now"] += 1
        with suppress(DatabaseAway, Misconfigured):
            ask.read_now(self.fleet.database, shop.name, RESOURCES, full=full)
            self.done["connector.sync_now"] += 1

    def pause(self, shop: Shop) -> None:
        self.ask("connector.pause", lambda session: account.pause(session, shop.name))
        self._after(self.chance.uniform(0.3, 2.0), lambda: self.resume(shop))

    def resume(self, shop: Shop) -> None:
        self.ask("connector.resume", lambda session: account.resume(session, shop.name))

    def set_interval(self, shop: Shop) -> None:
        seconds = self.chance.choice((10, 11, 15))
        self.ask("connector.set", lambda session: account.set_interval(session, shop.name, seconds))

    def let_guards_look(self, *_: Any) -> None:
        """Five minutes pass, for those who watch over the webhooks."""
        with suppress(psycopg.OperationalError):
            self.fleet.select(
                "UPDATE connector_config SET settings = jsonb_set(settings, '{webhooks,looked_at}',"
                " to_jsonb((clock_timestamp() - interval '6 minutes')::text))"
            )

    def verify_soon(self, *_: Any) -> None:
        """The day is over."""
        with suppress(psycopg.OperationalError):
            self.fleet.select("UPDATE sync_state SET full_due_at = now() WHERE phase = 'live'")

    # -- time --------------------------------------------------------------------------------------

    def _after(self, seconds: float, do: Callable[[], object]) -> None:
        self._later.append((time.monotonic() + seconds, do))

    def _due(self, *, all_of_it: bool = False) -> None:
        now = time.monotonic()
        for item in [one for one in self._later if all_of_it or one[0] <= now]:
            self._later.remove(item)
            item[1]()

    def live(self, seconds: float, kill_every: float, restart_every: float) -> None:
        """So long everything goes wrong."""
        deeds = (
            (30, self.edit), (3, self.edit_silently), (2, self.trouble), (1, self.hang),
            (1, self.drop_webhooks), (6, self.sync_now), (1, self.pause), (1, self.set_interval),
            (2, self.let_guards_look), (2, self.forge),
        )  # fmt: skip
        begin = time.monotonic()
        kill_at, restart_at, verify_at = begin + kill_every, begin + restart_every * 0.6, begin + 60
        while (now := time.monotonic()) < begin + seconds:
            self._due()
            self.tend()
            (deed,) = self.chance.choices([deed for _, deed in deeds], [weight for weight, _ in deeds])
            shop = self.chance.choice(self.shops)
            self.deeds[deed.__name__] += 1
            deed(shop)
            if now >= kill_at:
                kill_at = now + kill_every * self.chance.uniform(0.5, 1.5)
                self.kill(
                    self.chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
                )
                self.deeds["kill"] += 1
                if self.chance.random() < 0.3:
                    self.follower.kill()
            if now >= restart_at and self.up:
                restart_at = now + restart_every * self.chance.uniform(0.7, 1.3)
                self.restart_postgres()
                self.deeds["restart"] += 1
            if now >= verify_at:
                verify_at = now + 60
                self.chance.choice((self.verify_soon, lambda one: self.sync_now(one, full=True)))(shop)
            time.sleep(max(0.0, 0.25 - (time.monotonic() - now)))

    def calm(self) -> None:
        """Nothing goes wrong any more; every daemon runs."""
        self._due(all_of_it=True)
        if not self.up:
            self.revive_postgres()
        for shop in self.shops:
            shop.admin.faults([])
            shop.admin.mishaps()
            self.resume(shop)
        wait_until(self._all_work, "not every daemon comes up")

    def _all_work(self) -> bool:
        """One that was starting when Postgres went away ends, and is started once more."""
        self.tend()
        events = ("serving" if slot.words[0] == "serve" else "working" for slot in self.slots)
        return all(
            slot.process and slot.process.lines(event) for slot, event in zip(self.slots, events, strict=True)
        )

    # -- what came of it ---------------------------------------------------------------------------

    def differences(self, shop: Shop) -> dict[tuple[str, str], list[str]]:
        """Where the tables say something else than the store: (resource, record) → what."""
        found: dict[tuple[str, str], list[str]] = {}
        for resource, table in TABLES.items():
            rows = self.fleet.select(
                f"SELECT *, deleted_at IS NOT NULL AS deleted FROM {table} WHERE connector_id = %s", shop.id
            )
            held = {row[KEYS[resource]]: row for row in rows}
            for line in differences(resource, held, shop.lab.truth(resource)):
                key = line.split()[1].rstrip(":")
                record = str(held.get(key, {}).get("product_id", key)) if resource == "products" else key
                found.setdefault((resource, record), []).append(line)
        return found


@contextmanager
def town(home: Path, many: int, seed: int, size: int) -> Iterator[Town]:
    """A town of `size` orders a store, with `many` of each daemon; nothing is read yet."""
    plan = {"orders": size, "products": size, "customers": size, "seed": seed, "process": True}
    with ExitStack() as stack:
        server = stack.enter_context(embedded.running(home))
        url = server.url()
        with open_database(Settings(home=home, database_url=url.render_as_string(hide_password=False)),
                           migrate=True):  # fmt: skip
            pass
        settings = Settings(home=home, database_url=url.render_as_string(hide_password=False))
        database = stack.enter_context(open_database(settings))
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        fleet = Fleet(plain, settings, database, home, more=ENVIRONMENT)
        woo = stack.enter_context(start(**plan))
        boutique = stack.enter_context(start_shopify(plan="plus", **plan))
        woo.admin.set_site(cron_seconds=0.5)
        boutique.admin.set_site(hook_pause=0.3)
        shops = [
            _shop("woo", fleet.add_woo(woo, "woo", 10), woo),
            _shop("boutique", fleet.add_shopify(boutique, "boutique", 10, hooks=True), boutique),
        ]
        made = Town(server, fleet, shops, many, seed)
        stack.callback(_end, made)
        for shop, port in zip(shops, (made.ports[0], made.ports[-1]), strict=True):
            with open_subject(database, fleet.keyring, shop.name, settings) as subject:
                guardian.install(database, fleet.keyring, subject, f"http://127.0.0.1:{port}")
            shop.admin.mishaps(**MISHAPS, seed=seed)
        made.follower.start()
        yield made


def _shop(name: str, number: Any, running: Any) -> Shop:
    ids = {kind: [row["id"] for row in rows] for kind, rows in running.admin.truth().items()}
    if name == "woo":
        return Shop(name, number, running, WooLaboratory.over(running), ids)
    lab = object.__new__(ShopifyLaboratory)
    lab.admin = running.admin
    return Shop(name, number, running, lab, ids)


def _end(made: Town) -> None:
    made.follower.stop()
    if kept := os.environ.get("SOAK_LOGS"):  # for whoever wants to know what went on
        for process in made.fleet.processes:
            shutil.copy(process.log, kept)
    for process in made.fleet.processes:
        if process.child.poll() is None:
            process.kill()
