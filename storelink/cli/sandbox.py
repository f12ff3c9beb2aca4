"""`storelink sandbox`: a simulated store in the foreground."""

import sys
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
        from storelink.sandbox.serving import Keys, serve_forever

        sizes = {"orders": orders, "products": max(orders // 10, 20), "customers": max(orders // 4, 20)}

        def ready(url: str, keys: Keys, _ca_file: object) -> None:
            key, secret = keys.full
            if as_json:
                print_json({"url": url, "consumer_key": key, "consumer_secret": secret})
            else:
                _tell(url, key, secret, sizes)
            sys.stdout.flush()

        try:
            serve_forever(ready, **sizes, seed=seed, port=woocommerce_port)
        except OSError as error:
            raise Misconfigured(
                f"The sandbox cannot use port {woocommerce_port}: {error.strerror}."
            ) from None
        except KeyboardInterrupt:
            return  # that is how it ends


def _tell(url: str, key: str, secret: str, sizes: dict[str, int]) -> None:
    show.headline(f"A simulated WooCommerce store answers at {url}", show.GOOD)
    show.say(f"It has {listed(count(number, things) for things, number in sizes.items())}.")
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
