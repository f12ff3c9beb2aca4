"""`storelink sandbox`: a simulated store in the foreground."""

import threading
from typing import Annotated

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json
from storelink.cli.problems import handled
from storelink.cli.words import count, listed
from storelink.errors import Misconfigured

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

HELP = """\
Serve a simulated WooCommerce store on this machine, to try storelink without a shop.

It answers as a real WooCommerce does, over real HTTP, and runs until Ctrl-C. What is changed in
it is forgotten then; the same seed makes the same shop and the same keys.

\b
Examples:
  storelink sandbox
  storelink sandbox --orders 20000 --woocommerce-port 8080 --seed 7
"""


@app.command(help=HELP, short_help="Serve a simulated store to try things on.")
def sandbox(
    woocommerce_port: Annotated[
        int, typer.Option("--woocommerce-port", metavar="PORT", min=0, max=65_535, help="0: any free one.")
    ] = 0,
    orders: Annotated[int, typer.Option("--orders", min=0, max=1_000_000, help="How many orders.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Which shop.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    with handled(as_json):
        from storelink.sandbox.running import start

        products, customers = max(orders // 10, 20), max(orders // 4, 20)
        try:
            with start(orders, products, customers, seed, port=woocommerce_port, process=True) as store:
                if as_json:
                    print_json({"url": store.url, "consumer_key": store.key, "consumer_secret": store.secret})
                else:
                    _tell(store.url, store.key, store.secret, (orders, products, customers))
                _wait()
        except (RuntimeError, TimeoutError, OSError) as error:
            raise Misconfigured(f"The sandbox did not start: {error}") from None


def _tell(url: str, key: str, secret: str, sizes: tuple[int, int, int]) -> None:
    orders, products, customers = sizes
    show.headline(f"A simulated WooCommerce store answers at {url}", show.GOOD)
    holds = listed([count(orders, "orders"), count(products, "products"), count(customers, "customers")])
    show.say(f"It has {holds}.")
    show.facts([("consumer key", key), ("consumer secret", secret)])
    show.say()
    show.say("To read it, in another terminal:")
    lines = (
        f"export STORELINK_API_KEY={key}",
        f"export STORELINK_SECRET={secret}",
        f"storelink connectors add woocommerce sandbox --store-url {url}",
        "storelink sync sandbox",
        "storelink verify sandbox",
    )
    for line in lines:
        show.say(line, indent=2)
    show.say()
    show.say("Ctrl-C ends it.")


def _wait() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
