"""How a store stands, in words: the summary, the states, and what a person has to do. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from storelink.cli import show
from storelink.cli.words import ago, ahead, count, listed, sentence, span

if TYPE_CHECKING:
    from storelink.scheduler.queue import Standing
    from storelink.sync.alert import Open
    from storelink.sync.status import ResourceStatus, StoreStatus

_TONES = {
    "in_step": show.GOOD, "first_read": show.INFO, "full_read": show.INFO, "paused": show.INFO,
    "new": show.INFO, "late": show.WARN, "stopped": show.WARN, "drift": show.WARN,
    "failing": show.BAD, "key_refused": show.BAD,
}  # fmt: skip
_WORDS = {
    "in_step": "in step", "paused": "paused", "new": "not read yet", "late": "late",
    "failing": "failing", "key_refused": "key refused",
}  # fmt: skip


_ROADS = {
    "webhook": "webhook", "incremental": "poll", "targeted": "named", "verify": "verify",
    "backfill": "full read", "renormalize": "renormalize",
}  # fmt: skip
"""Kind of a pass → the road by which its changes came; `named` are customers whom orders named."""
_ALONE = {
    "subscription_lost": ("storelink webhooks status {}",),
    "token_expiring": ("storelink connectors check {}",),
    "needs_attention": (
        "storelink refund list {} --stage needs_attention",
        "storelink address list {} --stage needs_attention",
    ),
    "over_refunded": ("storelink refund list {}",),
}
"""Alerts of which nothing else here tells → what to do."""


def rank(store: "StoreStatus") -> int:
    """Stores are shown worst first."""
    return -1 if store.restored_at else store.rank


def state(one: "ResourceStatus") -> show.Cell:
    """The state of one resource as a cell."""
    words = _WORDS.get(one.state, "")
    if one.state == "drift":
        words = "1 differs" if one.differing == 1 else f"{one.differing:,} differ"
    elif one.state in ("first_read", "full_read", "stopped"):
        name = "first read" if one.last_success_at is None else "full read"
        done = "comparing" if one.phase == "listing" else _percent(one.share)
        words = f"{name}, {done}" if one.state != "stopped" else f"{name} stopped, {done}"
    return show.Toned(words.rstrip(", "), _TONES.get(one.state, ""))


def _percent(share: float | None) -> str:
    return "" if share is None else f"{int(share * 100)} %"


def summary(stores: "Sequence[StoreStatus]") -> tuple[str, str]:
    """(One sentence or two that answer the question, tone)."""
    if not stores:
        return "No store is registered yet. `storelink connectors add` registers one.", ""
    waiting = [store.name for store in stores if store.needs_person]
    if not waiting and all(store.worst == "in_step" for store in stores):
        if len(stores) == 1:
            return f"{stores[0].name} is in step.", show.GOOD
        return f"All {len(stores)} stores are in step.", show.GOOD
    others = _others([store for store in stores if store.name not in waiting])
    if waiting and len(stores) == 1:
        return f"{waiting[0]} needs a person.", show.BAD
    if waiting:
        verb = "needs" if len(waiting) == 1 else "need"
        head = f"{len(waiting)} of {count(len(stores), 'stores')} {verb} a person: {listed(waiting)}."
        return f"{head} {others}".rstrip(), show.BAD
    tone = show.WARN if any(store.worst in ("late", "stopped", "failing") for store in stores) else show.INFO
    return f"Nothing needs a person. {others}".rstrip(), tone


_OTHERS = (
    ("in_step", "is in step", "are in step"),
    ("first_read", "is being read for the first time", "are being read for the first time"),
    ("full_read", "is being read anew", "are being read anew"),
    ("new", "was not read yet", "were not read yet"),
    ("stopped", "has a first read that was stopped", "have a first read that was stopped"),
    ("late", "is late", "are late"),
    ("failing", "had a pass that failed", "had passes that failed"),
    ("paused", "is paused", "are paused"),
)


def _others(stores: "Sequence[StoreStatus]") -> str:
    """What the stores are that need nobody: `2 are in step, old is paused.`"""
    told = []
    for word, singular, plural in _OTHERS:
        names = [store.name for store in stores if store.worst == word]
        if names:
            told.append(f"{names[0]} {singular}" if len(names) == 1 else f"{len(names)} {plural}")
    return f"{listed(told)}." if told else ""


# -- what to do --------------------------------------------------------------------------------------


def to_do(stores: "Sequence[StoreStatus]", now: datetime) -> list[list[str]]:
    """For each thing worth knowing: what is so, what it means, what to do. Worst first."""
    return [lines for store in stores for lines in (*_of_store(store, now), *_of_resources(store, now))]


def _of_store(store: "StoreStatus", now: datetime) -> list[list[str]]:
    last = max((one.last_success_at for one in store.resources if one.last_success_at), default=None)
    found: list[list[str]] = []
    if store.status == "auth_failed":
        since = f"Nothing newer than {ago(last, now)} is here." if last else "Nothing was read yet."
        said = next((sentence(one.last_error) for one in store.resources if one.last_error), None)
        found.append(
            [
                f"{store.name}: the store refuses our keys. {since}",
                *([said] if said else []),
                f"storelink connectors set-credentials {store.name}",
            ]
        )
    if store.status == "paused":
        since = f"it was last read {ago(last, now)}" if last else "it was never read"
        found.append(
            [
                f"{store.name} is paused; {since}.",
                f"storelink connectors resume {store.name}",
            ]
        )
    if store.restored_at:
        found.append(
            [
                f"{store.name} looks as if it had been put back to an older backup"
                f" (seen {_at(store.restored_at, now)}). What is held may be newer than the store.",
                f"storelink verify {store.name} --fix",
            ]
        )
    for alert in store.alerts:
        if alert.kind in _ALONE:
            found.append(
                [
                    f"{store.name}: {alert.words}. Found {ago(alert.opened_at, now)}.",
                    *(command.format(store.name) for command in _ALONE[alert.kind]),
                ]
            )
    return found


def _of_resources(store: "StoreStatus", now: datetime) -> list[list[str]]:
    """One entry for each kind of trouble, with all resources that have it."""
    found = []
    for word, tell in _TELL:
        having = [one for one in store.resources if one.state == word]
        if word == "drift":
            having = [one for one in having if (one.last_drift or 0) > one.withheld]
        if having:
            found.append(tell(store.name, having, now))
    kept = [one for one in store.resources if one.withheld]
    if kept:
        found.append(_withheld(store.name, kept))
    future = [one for one in store.resources if one.future_stamped]
    if future:
        told = listed(count(one.future_stamped, one.resource) for one in future)
        found.append([f"{store.name}: {told} stamped in the future; they are compared whole at each pass."])
    aside = [one for one in store.resources if one.quarantined]
    if aside:
        told = listed(count(one.quarantined, one.resource) for one in aside)
        found.append(
            [
                f"{store.name}: {told} could not be understood; all else went on.",
                f"storelink quarantine list {store.name}",
            ]
        )
    return found


def _failing(name: str, having: "Sequence[ResourceStatus]", now: datetime) -> list[str]:
    things = listed(one.resource for one in having)
    worst_one = max(having, key=lambda one: one.failures)
    passes = "pass" if worst_one.failures == 1 else f"{worst_one.failures} passes"
    return [
        f"{name}: the last {passes} over {things} failed. {_newest(having, now)}",
        *(
            [f"The next try is {_try(having, now)}; after each failure it waits longer, up to an hour."]
            if any(one.next_at for one in having)
            else []
        ),
        sentence(worst_one.last_error or ""),
        f"storelink connectors check {name}",
    ]


def _try(having: "Sequence[ResourceStatus]", now: datetime) -> str:
    return ahead(min(one.next_at for one in having if one.next_at), now)


def _drifting(name: str, having: "Sequence[ResourceStatus]", now: datetime) -> list[str]:
    told = listed(count(one.last_drift or 0, one.resource) for one in having)
    verb = "differs" if len(having) == 1 and having[0].last_drift == 1 else "differ"
    when = ago(max(one.last_verified_at for one in having if one.last_verified_at), now)
    return [
        f"{name}: {told} {verb} from the store, found by verify {when}.",
        f"storelink verify {name} --fix",
    ]


def _withheld(name: str, having: "Sequence[ResourceStatus]") -> list[str]:
    told = listed(count(one.withheld, one.resource) for one in having)
    return [
        f"{name}: {told} no longer exist in the store, more than a fifth within 30 days. They are kept.",
        "Look whether the store lost them. If it is meant:",
        f"storelink verify {name} --fix --accept-deletes",
    ]


def _stopped(name: str, having: "Sequence[ResourceStatus]", _now: datetime) -> list[str]:
    told = listed(f"{one.resource}{_where(one)}" for one in having)
    return [f"{name}: a first read was stopped, {told}. What was read is stored.", f"storelink sync {name}"]


def _late(name: str, having: "Sequence[ResourceStatus]", now: datetime) -> list[str]:
    things, every = listed(one.resource for one in having), span(min(one.interval for one in having))
    return [
        f"{name}: nobody has read its {things} though they are due every {every}. {_newest(having, now)}",
        f"storelink sync {name}",
    ]


_TELL = (("failing", _failing), ("drift", _drifting), ("stopped", _stopped), ("late", _late))


def _newest(having: "Sequence[ResourceStatus]", now: datetime) -> str:
    """How old what is here may be."""
    oldest = min((one.last_success_at for one in having if one.last_success_at), default=None)
    if oldest is None:
        return "Nothing was read yet."
    return f"What is here was read {ago(oldest, now)}."


# -- cells and lines ---------------------------------------------------------------------------------


def last_change(one: "ResourceStatus", now: datetime) -> str:
    """By which road the last change came, and how long ago: `webhook 12 s`; empty after a day without."""
    if not one.roads:
        return ""
    last = one.roads[0]
    return f"{_ROADS.get(last.kind, last.kind)} {span(max(round((now - last.last).total_seconds()), 0))}"


def next_try(one: "ResourceStatus", now: datetime) -> str:
    """When a worker reads it next: `in 4 min`, `now`, `at it`."""
    return "at it" if one.running else ahead(one.next_at, now, never="–")


def alerts(stores: "Sequence[StoreStatus]", now: datetime) -> str:
    """Those that are open, in one line; empty where there is none."""
    told = [f"{store.name} {_alert(one, now)}" for store in stores for one in store.alerts]
    return f"Open alerts: {listed(told)}." if told else ""


def _alert(one: "Open", now: datetime) -> str:
    return f"{one.kind} for {span(max(round((now - one.opened_at).total_seconds()), 0))}"


def queue(standing: "Standing") -> str:
    """`Workers live; 3 jobs wait and 1 job runs (2 poll, 1 full).`"""
    if not standing.workers:
        return "No worker runs. `storelink serve` reads every store by itself."
    waiting = sum(standing.waiting.values()) - standing.put_off
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(standing.waiting.items()))
    parts = [f"{count(waiting, 'jobs')} {'waits' if waiting == 1 else 'wait'}"] if waiting else []
    if standing.running:
        parts.append(f"{count(standing.running, 'jobs')} {'runs' if standing.running == 1 else 'run'}")
    if standing.put_off:
        verb = "is" if standing.put_off == 1 else "are"
        parts.append(f"{count(standing.put_off, 'jobs')} {verb} put off after a failure")
    told = f"{listed(parts)}{f' ({kinds})' if kinds else ''}" if parts else "no job waits"
    return f"Workers live; {told}."  # a process is one or two of them: their number says nothing


def _where(one: "ResourceStatus") -> str:
    percent = _percent(one.share)
    return f" at {percent}" if percent else ""


def _at(moment: str, now: datetime) -> str:
    try:
        return ago(datetime.fromisoformat(moment), now)
    except ValueError:
        return moment
