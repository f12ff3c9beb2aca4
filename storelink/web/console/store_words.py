"""What is said of one store: its standing in sentences, its passes, its payloads. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storelink.models import QuarantinedRecord, SyncRun
from storelink.sync.delivery import Traffic
from storelink.sync.guardian import Standing
from storelink.sync.masking import masked
from storelink.sync.pace import Step
from storelink.sync.status import ResourceStatus, StoreStatus
from storelink.web.console.words import count, number, spell

LINES = 16
"""Lines of a payload that a page shows around what is wrong."""
_PASSES = {
    "backfill": "Whole read", "incremental": "Changes", "targeted": "By name", "verify": "Check",
    "renormalize": "Worked out anew", "webhook": "By webhook",
}  # fmt: skip
DONE = {
    "sync": "storelink reads it now. What comes of it is below, in a few seconds.",
    "verify": "The check begins now. What differs is asked for by id and fetched.",
    "accepted": "Accepted. The check begins now, and marks what is gone as deleted here.",
    "pause": "Paused. Nothing is read until it is resumed.",
    "resume": "Resumed. The first pass begins now.",
    "intervals": "The intervals are kept, from now on.",
    "wider": "Orders since then are read once more, from now on. Nothing that is held goes.",
    "narrower": "Older orders are read only when they change, from now on. Nothing that is held goes.",
    "keys": "The new keys work and are kept, sealed.",
    "installed": "The store let the app in again. Its new token works and is kept, sealed.",
    "unreadable": "The store let the app in, and cannot be read with that. Nothing changed here."
    " Test the connection to see what is missing.",
    "webhooks": "The webhooks are installed.",
    "unhooked": "The webhooks are removed. The store is polled as before.",
    "retried": "Tried again. What could be read is in the tables now.",
    "still": "Tried again: still not to be read. Nothing else changed.",
    "connected": "Connected. The first read begins now.",
}
"""What was done, by the word in the address."""


def sentence(store: StoreStatus) -> str:
    """The answer to: what is wrong here, and does it mend itself?"""
    if store.status == "auth_failed":
        return "The store refuses our key, so reading has stopped. What changed there since is not here."
    if store.status == "paused":
        return "Paused by a person: nothing is read until it is resumed. What is held stays."
    if store.restored_at:
        return (
            "The store looks as if it had been restored from a backup. Refunds and changes of address wait"
            " until a full check finds all in order."
        )
    said = []
    calm = [one for one in store.resources if one.state == "in_step"]
    if calm:
        names = _listed([one.resource for one in calm]).capitalize()
        said.append(f"{names} are in step.")
    said += [words for one in store.resources if (words := _trouble(one))]
    quarantined = sum(one.quarantined for one in store.resources)
    if quarantined:
        said.append(f"{count(quarantined, 'record')} could not be read and wait in quarantine.")
    return " ".join(said)


def _trouble(one: ResourceStatus) -> str:
    many = one.differing
    words = {
        "drift": f"{count(many, one.resource[:-1])} {'differs' if many == 1 else 'differ'} from the store.",
        "failing": f"Reading {one.resource} failed {count(one.failures, 'time')} in a row; storelink tries"
        " again by itself.",
        "first_read": f"{one.resource.capitalize()} are being read for the first time.",
        "full_read": f"{one.resource.capitalize()} are being read anew.",
        "stopped": f"The first read of {one.resource} has stopped; it goes on from there at the next pass.",
        "new": f"{one.resource.capitalize()} are not read yet.",
        "late": f"Nobody has read {one.resource} though they were due: is a worker running?",
    }
    return words.get(one.state, "")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def last_pass(step: Step | None, status: ResourceStatus) -> str:
    """What the last pass of a resource came to."""
    if status.last_success_at is None:
        return "None yet"
    if step is None or step.last_at is None or (status.last_success_at - step.last_at).total_seconds() > 5:
        return "Nothing new"
    parts = [
        f"{number(many)} {word}"
        for many, word in (
            (step.inserted, "new"), (step.updated, "changed"), (step.deleted, "gone"),
            (step.quarantined, "into quarantine"),
        )
        if many
    ]  # fmt: skip
    return ", ".join([count(step.fetched, "record") + " read", *parts])


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass as the page shows it."""

    run: SyncRun
    title: str
    tone: str
    sign: str
    words: str
    more: str
    took: str

    @property
    def written(self) -> int:
        """Records that came out otherwise."""
        return self.run.inserted + self.run.updated + self.run.deleted


def passes(runs: Sequence[tuple[str, SyncRun]]) -> list[Pass]:
    """The runs with their words."""
    return [_pass(run) for _, run in runs]


def _pass(run: SyncRun) -> Pass:
    tone, sign, words = {
        "done": ("ok", "ok", "Done"), "running": ("info", "run", "Running"),
        "failed": ("bad", "bad", "Failed"),
    }.get(run.status, ("warn", "pause", "Interrupted"))  # fmt: skip
    more = run.error or (f"{number(run.quarantined)} into quarantine" if run.quarantined else "")
    seconds = (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
    took = "–" if seconds is None else f"{seconds:.1f} s" if seconds < 60 else spell(seconds)
    return Pass(run, f"{_PASSES.get(run.kind, run.kind)}, {run.resource}", tone, sign, words, more, took)


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook topic: how it stands in the store, if the store was asked, and what came in 24 hours."""

    topic: str
    tone: str
    sign: str
    words: str
    last: Any
    came: int
    failed: int


def hooks(traffic: Sequence[Traffic], standing: Standing | None) -> list[Hook]:
    """By topic; without `standing` only those that delivered lately are known."""
    states: dict[str, tuple[str, str, str]] = {}
    if standing is not None:
        states |= dict.fromkeys(standing.missing, ("bad", "bad", "Missing"))
        states |= dict.fromkeys(standing.inactive, ("warn", "warn", "Switched off by the store"))
        states |= dict.fromkeys(standing.active, ("ok", "ok", "Delivers"))
    topics = sorted({*states, *(one.topic for one in traffic)})
    found = []
    for topic in topics:
        own = [one for one in traffic if one.topic == topic]
        unasked = ("second", "info", "Delivered") if standing is None else ("second", "info", "Not ours")
        tone, sign, words = states.get(topic, unasked)
        found.append(
            Hook(
                topic, tone, sign, words, max((one.last for one in own), default=None),
                sum(one.count for one in own), sum(one.count for one in own if one.status == "failed"),
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record in quarantine: its payload as lines, the faulty ones marked."""

    row: QuarantinedRecord
    title: str
    lines: Sequence[tuple[str, bool]]
    left_out: int


def set_aside(row: QuarantinedRecord) -> SetAside:
    """One record with its personal fields masked, cut to the part around what is wrong."""
    name = row.resource[:-1].capitalize()
    title = f"{name} without an id" if row.external_id.startswith("?") else f"{name} {row.external_id}"
    if row.payload is None:
        return SetAside(row, title, (), 0)
    text = json.dumps(masked(row.payload), indent=2, ensure_ascii=False, default=str)
    faulty = _named(row.error)
    lines = [(line, _is_of(line, faulty)) for line in text.splitlines()]
    first = next((at for at, (_, hit) in enumerate(lines) if hit), 0)
    begin = max(0, min(first - LINES // 2, len(lines) - LINES))
    return SetAside(row, title, lines[begin : begin + LINES], max(0, len(lines) - LINES))


def _named(error: str) -> frozenset[str]:
    """The field that a message begins with: `line_items[0].total is no amount: '-'` names `total`."""
    path = error.split(maxsplit=1)[0] if error else ""
    last = re.sub(r"\[\w*\]", "", path).rpartition(".")[2].rstrip(":")
    return frozenset({last}) if re.fullmatch(r"\w{2,}", last) else frozenset()


def _is_of(line: str, names: frozenset[str]) -> bool:
    found = re.match(r'\s*"(\w+)":', line)
    return found is not None and found[1] in names


def facts(settings: Mapping[str, Any], title: str) -> list[str]:
    """What is known of the store beside its name: version, currency, time zone."""
    version = settings.get("version") or settings.get("api_version")
    known = (f"{title} {version}" if version else title, settings.get("currency"), settings.get("time_zone"))
    return [str(one) for one in known if one]


# -- the check against the store ---------------------------------------------------------------------

_WHY = {
    "missing": ("Missing", "In the store, and not here"),
    "stale": ("Stale", "Here it was as it had been before"),
    "gone": ("Gone", "No longer in the store"),
    "withheld": ("Gone", "No longer in the store, kept here"),
    "unanswered": ("No answer", "The store did not say; it is asked again"),
}
_MENDED = frozenset({"missing", "stale", "gone"})


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that differed: its id, why in words, and whether that was mended."""

    id: str
    why: str
    more: str
    mended: bool

    @property
    def held(self) -> bool:
        """Whether there is a row of it here."""
        return self.mended or self.why != "Missing"


@dataclass(frozen=True, slots=True)
class Ledger:
    """One resource in the table of the check. `counts` None: nothing is kept of the last one."""

    status: ResourceStatus
    counts: Mapping[str, Any] | None
    differing: tuple[Difference, ...]

    @property
    def left(self) -> int:
        """Records that still differ and can be fetched."""
        return max(0, (self.status.last_drift or 0) - self.status.withheld)

    @property
    def more(self) -> int:
        """Records that differed and are not named."""
        counts = self.counts or {}
        found = sum(int(counts.get(name, 0)) for name in ("missing", "stale", "gone"))
        return max(0, found - len(self.differing))


def ledger(status: ResourceStatus, step: Step | None) -> Ledger:
    """Of what the last verify kept."""
    kept = step.ledger if step else None
    if kept is None:
        return Ledger(status, None, ())
    named = []
    for key, why in kept.get("differing", ()):
        word, more = _WHY.get(why, (why, ""))
        named.append(Difference(key, word, more, bool(kept.get("fix")) and why in _MENDED))
    return Ledger(status, kept, tuple(named))


def rate(steps: Sequence[Step | None]) -> Mapping[str, Any] | None:
    """What the store said last of its rate limit, by whichever pass."""
    said = [one.rate for one in steps if one is not None and one.rate]
    return max(said, key=lambda one: str(one["at"]), default=None)
