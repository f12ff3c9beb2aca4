"""Peak memory of `storelink sync` in a process of its own, against the bare import of the command."""

import os
import subprocess
import sys
from typing import Any

from bench.laboratory import Bench, laboratory
from storelink.sandbox.running import Running

HEAVY = "x" * 95_000
EVERY = 20
"""One order in so many weighs about 100 kB; the others what orders usually weigh."""

# not ru_maxrss on Linux: it counts what the process was before it became this one
_PEAK = """
import resource, sys
def peak():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
"""
_BARE = (
    _PEAK
    + """
import storelink.cli.main, storelink.cli.sync, storelink.sync.opening, storelink.sync.synchronize
import storelink.connectors.woocommerce.connector, storelink.connectors.woocommerce.oauth
import storelink.models, alembic.command, rich.progress
print(peak())
"""
)
_COMMAND = "from storelink.cli.main import main; main()"
_SYNC = (
    _PEAK
    + """
from storelink.cli.main import main
sys.argv = ["storelink", "sync", "bench"]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(peak())
"""
)


def measure() -> dict[str, Any]:
    """Megabytes: the bare import, and what a first sync needs on top, for a store and one ten times it."""
    return {"bare_mb": _bare(), "small": _peak(2_000), "large": _peak(20_000)}


def _peak(orders: int) -> dict[str, float]:
    with laboratory(orders=orders, products=orders // 4, customers=orders // 2) as bench:
        for number, order in enumerate(bench.store.admin.truth()["orders"]):
            if number % EVERY == 0:
                bench.store.admin.edit_order(order["id"], meta_data=[{"key": "_note", "value": HEAVY}])
        _run(
            bench, "-c", _COMMAND, "connectors", "add", "woocommerce", "bench", "--store-url", bench.store.url
        )
        peak = _last_number(_run(bench, "-c", _SYNC)) / 1024
        return {"peak_mb": peak, "above_bare_mb": peak - _bare()}


def _bare() -> float:
    out = subprocess.run([sys.executable, "-c", _BARE], capture_output=True, text=True, check=True)
    return _last_number(out.stdout) / 1024


def _run(bench: Bench[Running], *arguments: str) -> str:
    env = {
        **os.environ, "STORELINK_HOME": str(bench.home), "STORELINK_API_KEY": bench.store.key,
        "STORELINK_SECRET": bench.store.secret,
    }  # fmt: skip
    done = subprocess.run([sys.executable, *arguments], check=False, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def _last_number(text: str) -> int:
    return int(text.strip().splitlines()[-1])
