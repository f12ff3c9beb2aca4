"""`storelink sandbox`: simulated stores in the foreground."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from storelink.cli import show
from storelink.cli.context import JsonFlag, print_json
from storelink.cli.problems import handled
from storelink.cli.words import count, listed
from storelink.errors import Misconfigured

if TYPE_CHECKING:
    from storelink.sandbox.serving import Service

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

HELP = """\
Serve a simulated Shopify and a simulated WooCommerce store, to try storelink without a shop.

They answer as real ones do, over real HTTP on this machine, and run until Ctrl-C. Both sell the
same things to the same people. What is changed in them is forgotten then; the same seed makes the
same shop and the same keys.

\b
Examples:
  storelink sandbox
  storelink sandbox --no-woocommerce --orders 20000
  storelink sandbox --shopify-port 8081 --woocommerce-port 8080 --seed 7
"""


@app.command(help=HELP, short_help="Serve a simulated store to try things on.")
def sandbox(
    shopify_port: Annotated[
        int, typer.Option("--shopify-port", metavar="PORT", min=0, max=65_535, help="0: any free one.")
    ] = 0,
    woocommerce_port: Annotated[
        int, typer.Option("--woocommerce-port", metavar="PORT", min=0, max=65_535, help="0: any free one.")
    ] = 0,
    no_shopify: Annotated[bool, typer.Option("--no-shopify", help="No Shopify store.")] = False,
    no_woocommerce: Annotated[bool, typer.Option("--no-woocommerce", help="No WooCommerce store.")] = False,
    orders: Annotated[int, typer.Option("--orders", min=0, max=1_000_000, help="How many orders.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Which shop.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    with handled(as_json):
        ports = {"shopify": shopify_port, "woocommerce": woocommerce_port}
        left_out = {"shopify": no_shopify, "woocommerce": no_woocommerce}
        wanted = [platform for platform in ports if not left_out[platform]]
        if not wanted:
            raise Misconfigured("With --no-shopify and --no-woocommerce there is nothing to serve.")
        from storelink.sandbox.running import make_setup
        from storelink.sandbox.serving import serve_all

        sizes = {"orders": orders, "products": max(orders // 10, 20), "customers": max(orders // 4, 20)}
        setups = [make_setup(name, **sizes, seed=seed, port=ports[name]) for name in wanted]

        def ready(services: "Sequence[Service]") -> None:
            told = {service.setup.platform: _keys(service) for service in services}
            if as_json:
                print_json(told)
            else:
                _tell(told, sizes)
            sys.stdout.flush()

        try:
            serve_all(setups, ready)
        except OSError as error:
            raise Misconfigured(f"The sandbox cannot use port {error.filename}: {error.strerror}.") from None
        except KeyboardInterrupt:
            return  # that is how it ends


def _keys(service: "Service") -> dict[str, str]:
    keys: Any = service.keys
    if service.setup.platform == "woocommerce":
        return {"url": service.url, "consumer_key": keys.full[0], "consumer_secret": keys.full[1]}
    return {
        "url": service.url,
        "client_id": keys.client_id,
        "client_secret": keys.client_secret,
        "access_token": keys.static,
    }


def _tell(told: dict[str, dict[str, str]], sizes: dict[str, int]) -> None:
    contents = listed(count(number, things) for things, number in sizes.items())
    for platform, keys in told.items():
        name = {"shopify": "Shopify", "woocommerce": "WooCommerce"}[platform]
        show.headline(f"A simulated {name} store answers at {keys['url']}", show.GOOD)
        show.facts([(label.replace("_", " "), keys[label]) for label in keys if label != "url"])
        show.say()
    show.say(f"{'Each' if len(told) > 1 else 'It'} has {contents}. To read, in another terminal:")
    for platform, keys in told.items():
        key, secret = (
            ("client_id", "client_secret") if platform == "shopify" else ("consumer_key", "consumer_secret")
        )
        name = "sandbox-shopify" if platform == "shopify" else "sandbox-woo"
        show.say()
        lines = (
            f"export STORELINK_API_KEY={keys[key]}",
            f"export STORELINK_SECRET={keys[secret]}",
            f"storelink connectors add {platform} {name} --store-url {keys['url']}",
            f"storelink sync {name}",
            f"storelink verify {name}",
        )
        for line in lines:
            show.say(line, indent=2)
    show.say()
    show.say("Ctrl-C ends it.")
