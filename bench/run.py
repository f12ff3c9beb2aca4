"""Speed and memory, as ratios within one run: `make bench`.

The figures of a run go to bench/results/ as JSON and to the terminal as a table. Nothing here is a
test: machines are noisy, and a bound that fails now and then teaches people to look away.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import backfill, bulk, console, idle, memory, paged, quiet, webhooks, width, workers

PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "backfill": backfill.measure,
    "bulk": bulk.measure,
    "paged": paged.measure,
    "paged-far": paged.measure_far,
    "memory": memory.measure,
    "bulk-memory": bulk.memory,
    "quiet": quiet.measure,
    "width": width.measure,
    "webhooks": webhooks.measure,
    "idle": idle.measure,
    "workers": workers.measure,
    "console": console.measure,
}


def main() -> None:
    """Measure the parts named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="default: all")
    names = parser.parse_args().parts or list(PARTS)
    results: dict[str, Any] = {}
    for name in names:
        print(f"measuring {name} …", flush=True)
        results[name] = PARTS[name]()
        _save(results)
    for line in table(results):
        print(line)


def _save(results: dict[str, Any]) -> None:
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(results, indent=1))


def table(results: dict[str, Any]) -> list[str]:
    """The lines of the report: what, figure, bound."""
    lines: list[str] = []

    def add(what: str, figure: str, bound: str = "") -> None:
        lines.append(f"{what:<52} {figure:>22}  {bound}")

    if found := results.get("backfill"):
        add("backfill, floor", f"{found['floor_seconds']:.2f} s")
        add("backfill, storelink", f"{found['backfill_seconds']:.2f} s")
        add("backfill, ratio (median of the pairs)", f"{found['ratio']:.2f}", "at most 2.2, aim 1.8")
        add(
            "backfill, records a second",
            f"{found['records_per_second']:,.0f}",
            f"{found['bytes_per_record']:,.0f} bytes each",
        )
    if found := results.get("bulk"):
        add("bulk, floor", f"{found['floor_seconds']:.2f} s", f"{found['bytes'] / 1e6:,.0f} MB")
        add("bulk, storelink", f"{found['backfill_seconds']:.2f} s", f"{found['lines']:,} lines")
        add("bulk, ratio (median of the pairs)", f"{found['ratio']:.2f}", "at most 2.2, aim 1.8")
        add("bulk, orders a second", f"{found['orders_per_second']:,.0f}")
    for name in ("paged", "paged-far"):
        if found := results.get(name):
            add(f"{name}, share of the restored points", f"{found['share']:.1%}", "at least 95 %")
            add(
                f"{name}, orders a second",
                f"{found['orders'] / found['seconds']:,.0f}",
                f"{found['rate']:.0f} points/s",
            )
            add(f"{name}, throttled", f"{found['throttled']}", "0")
    if found := results.get("bulk-memory"):
        add("bulk, memory of a first sync above import", f"{found['above_bare_mb']:.0f} MB", "at most 60")
    if found := results.get("memory"):
        add("memory, bare import", f"{found['bare_mb']:.0f} MB")
        small, large = found["small"]["above_bare_mb"], found["large"]["above_bare_mb"]
        add("memory, first sync above it", f"{small:.0f} MB", "at most 60")
        add("memory, the same, store ten times as large", f"{large:.0f} MB", "at most 60")
        peaks = found["large"]["peak_mb"] / found["small"]["peak_mb"]
        add("memory, peak large / small", f"{peaks:.2f}", "at most 1.10")
    for resource, cost in results.get("quiet", {}).items():
        add(
            f"quiet pass, {resource}",
            f"{cost['requests']} req, {cost['cpu_ms']:.0f} ms CPU",
            "orders 2, products 4; under 50 ms",
        )
    if found := results.get("width"):
        for wide, seconds in found["fixed"].items():
            add(f"width, fixed {wide}", f"{seconds:.2f} s")
        add("width, adaptive", f"{found['adaptive']:.2f} s")
        add("width, adaptive / best fixed", f"{found['ratio']:.2f}", "at most 1.10")
    _daemon(results, add)
    return lines


def _daemon(results: dict[str, Any], add: Callable[..., None]) -> None:
    """What of it is about `serve` and `worker`."""
    if found := results.get("webhooks"):
        for name, bound in (
            ("alone", "1,000/s for 60 s, under 100 ms"),
            ("beside", "500/s while passes run"),
        ):
            one = found[name]
            add(f"webhooks {name}, answer p99", f"{one['p99'] * 1000:.0f} ms", bound)
            answered = one["statuses"].get("200", 0)
            add(
                f"webhooks {name}, accepted, of them lost",
                f"{answered:,} of {one['sent']:,}, {one['lost']}",
                "0",
            )
            cores = f"{one['serve_cores']:.2f} + {one['postgres_cores']:.2f}"
            add(f"webhooks {name}, cores of serve + Postgres", cores)
        one = found["lag"]
        add("hint to row, p95", f"{one['p95']:.2f} s", f"under 2 s; {one['rate']:.0f} orders a second")
        add("hint to row, orders seen", f"{one['seen']} of {one['edited']}", "all")
    if found := results.get("idle"):
        for size in sorted((name for name in found if name.isdecimal()), key=int):
            one = found[size]
            add(
                f"idle, {int(size):,} stores, cores of clock and queue",
                f"{one['overhead_cores']:.2f}",
                "under 0.5",
            )
            add(f"idle, {int(size):,} stores, cores in all", f"{one['cores']:.2f}")
            add(f"idle, {int(size):,} stores, late p99", f"{one['late_p99']:.1f} s", "under 30 s")
        add("idle, all due at once, stores a second", f"{found['burst']['stores_per_second']:.0f}")
    if found := results.get("console"):
        for name, where, bound in (
            ("order page", "pages", "under 100 ms"), ("search by number", "pages", "under 100 ms"),
            ("search by e-mail", "pages", "under 100 ms"), ("search by full name", "pages", ""),
            ("search by SKU", "pages", ""), ("orders", "pages", ""), ("overview", "pages", ""),
            ("order read", "api", ""), ("orders", "api", ""), ("orders by e-mail", "api", ""),
        ):  # fmt: skip
            one = found[where][{"order page": "order", "order read": "order"}.get(name, name)]
            add(
                f"{'console' if where == 'pages' else 'API'}, {name}, p50 and p95",
                f"{one['p50'] * 1000:.0f} ms, {one['p95'] * 1000:.0f} ms", bound,
            )  # fmt: skip
        heaviest = max(one["bytes"] for one in found["pages"].values()) + found["static_bytes"]
        add("console, heaviest page with sheets and scripts", f"{heaviest / 1000:.0f} kB", "under 200 kB")
    if found := results.get("workers"):
        add("workers, one", f"{found['one']['seconds']:.1f} s", f"{found['stores']} stores")
        add("workers, two / one", f"{found['ratio']:.2f}", "at most 0.6")


if __name__ == "__main__":
    main()
