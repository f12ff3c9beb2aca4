"""Peak memory of `storelink sync` with its helper, in processes of their own, against the bare import of the
command.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bench.laboratory import Bench, laboratory, watched
from storelink.sync.helper import PROGRAM

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
import storelink.connectors.shopify.connector
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
    return {"bare_mb": bare(), "small": _peak(2_000), "large": _peak(20_000)}


def _peak(orders: int) -> dict[str, float]:
    with laboratory(orders=orders, products=orders // 4, customers=orders // 2) as bench:
        for number, order in enumerate(bench.store.admin.truth()["orders"]):
            if number % EVERY == 0:
                bench.store.admin.edit_order(order["id"], meta_data=[{"key": "_note", "value": HEAVY}])
        return sync_peak(bench, "woocommerce", bench.store.key, bench.store.secret)


def sync_peak(bench: Bench[Any], platform: str, key: str, secret: str) -> dict[str, float]:
    """Megabytes of a first `storelink sync` of the bench's store, registered with these credentials."""
    env = {
        **os.environ, "STORELINK_HOME": str(bench.home), "STORELINK_API_KEY": key, "STORELINK_SECRET": secret
    }  # fmt: skip
    _run(
        env, "-c", _COMMAND, "connectors", "add", platform, "bench", "--store-url", bench.store.url
    )  # fmt: skip
    with watched(_helper, 0.02) as helpers:
        own = _last_number(_run(env, "-c", _SYNC)) / 1024
    helper = max((peak for _, peak in helpers), default=0) / 1024
    return {"peak_mb": own + helper, "helper_mb": helper, "above_bare_mb": own + helper - bare()}


def _helper() -> int:
    """The peak, in kilobytes, of a helper that is about; it lives until its read ends. 0 if there is none."""
    for process in psutil.process_iter(["cmdline"]):
        if PROGRAM in (process.info["cmdline"] or ()):
            with suppress(OSError, StopIteration), Path(f"/proc/{process.pid}/status").open() as status:
                return int(next(line for line in status if line.startswith("VmHWM")).split()[1])
    return 0


def bare() -> float:
    """Megabytes of the command with all it imports."""
    out = subprocess.run([sys.executable, "-c", _BARE], capture_output=True, text=True, check=True)
    return _last_number(out.stdout) / 1024


def _run(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], check=False, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return done.stdout


def _last_number(text: str) -> int:
    return int(text.strip().splitlines()[-1])
