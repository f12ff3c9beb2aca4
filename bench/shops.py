"""Many small sandbox stores in one process: `python -m bench.shops COUNT LATENCY`, until its input ends."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any

from storelink.sandbox.running import make_setup
from storelink.sandbox.serving import Service


def main() -> None:
    """Serve them."""
    count, latency = int(sys.argv[1]), float(sys.argv[2])
    services = [
        Service(make_setup(orders=20, products=5, customers=8, seed=seed, latency=latency))
        for seed in range(count)
    ]
    for service in services:
        threading.Thread(target=service.run, daemon=True).start()
    print(json.dumps([[one.url, *one.keys.full] for one in services]), flush=True)
    sys.stdin.read()


@contextmanager
def shops(count: int, latency: float) -> Iterator[list[Any]]:
    """Their addresses, keys and secrets. `latency` is in seconds a request."""
    command = [sys.executable, "-m", "bench.shops", str(count), str(latency)]
    child = Popen(command, stdin=PIPE, stdout=PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None
    try:
        yield json.loads(child.stdout.readline())
    finally:
        child.stdin.close()
        child.kill()
        child.wait()
        child.stdout.close()


if __name__ == "__main__":
    main()
