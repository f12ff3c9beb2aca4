"""A process that reads a Shopify store's orders by pages, over and over: `paged_reader.py URL TOKEN`.

Ends when its input does, and says how many orders it read, and how many requests that took.
"""

import json
import sys
import threading
from datetime import UTC, datetime

from storelink.connectors.protocol import Account, Limits
from storelink.connectors.shopify.client import Client
from storelink.connectors.shopify.reader import Reader
from storelink.errors import Retryable


def main(url: str, token: str) -> None:
    account = Account("shop", url, "token", {"access_token": token})
    limits = Limits(timeout=30)
    client = Client(account, limits, lambda: datetime.now(UTC))
    reader = Reader(client, {}, limits)
    ended = threading.Event()

    def end() -> None:
        sys.stdin.read()
        ended.set()
        reader.close()
        client.close()

    threading.Thread(target=end, daemon=True).start()
    orders = 0
    try:
        while not ended.is_set():
            for page in reader.backfill("orders", {"after": None}):
                orders += len(page.records)
                if ended.is_set():
                    break
    except Retryable:  # closed while it waited
        if not ended.is_set():
            raise
    print(json.dumps({"orders": orders, "requests": client.traffic.requests}))


if __name__ == "__main__":
    main(*sys.argv[1:])
