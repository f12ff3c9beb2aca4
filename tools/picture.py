"""Draw docs/verify.svg from what storelink really says: `.venv/bin/python tools/picture.py`.

A simulated store is read, worked on behind its own dates, verified and mended; what the commands
print to a terminal becomes the picture. Nothing in it is written by hand.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

from storelink.sandbox.running import Running, start

COLUMNS = 88
TARGET = Path(__file__).resolve().parent.parent / "docs" / "verify.svg"
STORELINK = Path(sys.executable).parent / "storelink"
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def run(*words: str) -> str:
    """What a command prints to a terminal of `COLUMNS`, colours included."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    with subprocess.Popen(
        [STORELINK, *words], stdin=subprocess.DEVNULL, stdout=its, stderr=subprocess.DEVNULL
    ):
        os.close(its)
        said = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # how Linux says that the other end is closed
                break
            if not piece:
                break
            said += piece
    os.close(ours)
    return said.decode().replace("\r\n", "\n").rstrip("\n")


def work(store: Running) -> None:
    """What moves no date in the store: a deleted refund, and a status written past WooCommerce."""
    orders = store.admin.records("orders")
    refunded = next(order for order in orders if order["refunds"])
    store.admin.delete_refund(int(refunded["refunds"][0]["id"]))
    other = next(order for order in orders if order["status"] == "processing")
    store.admin.set_field_silently("orders", int(other["id"]), status="completed")


def draw(parts: list[str]) -> str:
    """SVG of a terminal. Its fonts are the reader's own: none is fetched from anywhere."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for part in parts:
        console.print(Text.from_ansi(part), soft_wrap=True)
    svg = console.export_svg(title="storelink verify", unique_id="storelink")
    svg = re.sub(r"\s*@font-face\s*\{[^}]*\}", "", svg)
    svg = svg.replace("font-family: Fira Code, monospace", f"font-family: {FONTS}")
    lines = (line.rstrip() for line in svg.splitlines())
    return "\n".join(lines).strip() + "\n"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as home,
        start(orders=2000, products=120, customers=400, seed=3, process=True) as store,
    ):
        os.environ |= {
            "STORELINK_HOME": home, "STORELINK_API_KEY": store.key, "STORELINK_SECRET": store.secret,
            "COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "COLORTERM": "truecolor",
        }  # fmt: skip
        run("connectors", "add", "woocommerce", "shop", "--store-url", store.url)
        run("sync", "shop")
        work(store)
        said = []
        for words in ("sync shop", "verify shop --fix --deep", "status"):
            said.append(f"\x1b[1m$ storelink {words}\x1b[0m\n{run(*words.split())}\n")
        TARGET.write_text(draw(said))
        print("\n".join(said))


main()
