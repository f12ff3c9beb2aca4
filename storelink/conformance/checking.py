"""Cases about the doctor, and about secrets."""

import json
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog

from storelink.conformance.laboratory import Ability, Fault, Laboratory
from storelink.conformance.opened import ending, need, now
from storelink.connectors.protocol import Account, Checkup, CredentialField, Store, Token
from storelink.sync.token import Remembered

_TOKENS = ("access_token", "refresh_token")


class Checking:
    """What `check` says of stores good and bad, and what nothing ever says."""

    laboratory: type[Laboratory]

    def test_check_of_a_healthy_store(self) -> None:
        """Healthy, nothing to mend, and what it learnt can be kept as JSON."""
        with self.laboratory(3) as lab:
            checkup = _check(lab, lab.account)
            assert checkup.healthy, checkup.findings
            assert not checkup.auth_failed
            assert json.loads(json.dumps(checkup.settings)) == dict(checkup.settings)

    def test_check_names_the_mend_for_wrong_credentials(self) -> None:
        """Each credential wrong in turn: refused, and what to do is said in words."""
        with self.laboratory(3) as lab:
            for field in _fields(lab):
                checkup = _check(lab, _wrong(lab.account, field.name))
                assert checkup.auth_failed, f"{field.name} wrong: {checkup.findings}"
                assert not checkup.healthy
                problems = [one for one in checkup.findings if one.level == "problem"]
                assert all(len((one.mend or "").split()) >= 4 for one in problems), problems
                assert checkup.findings[0] in problems, "the worst comes first"

    def test_check_never_raises(self) -> None:
        """Every fault, and a store that is not there: findings, and not that the keys are wrong."""
        with self.laboratory(3) as lab:
            for fault in lab.faults - {Fault.EMPTY}:
                lab.fault(fault, times=None)
                checkup = _check(lab, lab.account)
                lab.heal()
                assert not checkup.healthy, f"{fault}: {checkup.findings}"
                assert checkup.findings[0].what
                assert checkup.auth_failed == (fault is Fault.REFUSED), f"{fault}: {checkup.findings}"
            account = lab.account
        checkup = _check(lab, account)  # its laboratory is closed now
        assert not checkup.healthy
        assert not checkup.auth_failed

    def test_a_token_is_kept_and_used_again(self) -> None:
        """What the platform issued is left with the keeper, and serves the next one who opens it."""
        with self.laboratory(3) as lab:
            keeper = _Counting()
            account = replace(lab.issued or lab.account, tokens=keeper)
            for _ in range(3):
                checkup = _check(lab, account)
                assert checkup.healthy, checkup.findings
            assert keeper.renewals <= 1, "each who opened the store had a token issued"

    def test_a_token_that_ended_is_renewed(self) -> None:
        """Once, for all threads that met its end; each gets its answer."""
        with self.laboratory(3) as lab:
            need(lab, Ability.ISSUES)
            assert lab.issued is not None
            keeper = _Counting()
            store = lab.connector.open(replace(lab.issued, tokens=keeper), lab.limits, now)
            try:
                assert store.check().healthy
                first = keeper.held()
                assert first is not None, "the keeper was not given the token"
                lab.expire_tokens()
                resources = lab.connector.resources
                with ThreadPoolExecutor(len(resources)) as pool:
                    found = list(pool.map(lambda name: _ids(store, name), resources))
                assert [bool(ids) for ids in found] == [True] * len(resources)
                assert keeper.renewals == 2, f"{keeper.renewals - 1} renewals of one token"
                assert keeper.held() != first
            finally:
                store.close()

    def test_secrets_never_show(self) -> None:
        """Not in a repr, a log, an error or its traceback, a finding, or what is kept of the store."""
        shown: list[str] = []
        with self.laboratory(3) as lab, _listening(shown):
            accounts = [lab.account]
            accounts += [_wrong(lab.account, field.name) for field in _fields(lab)]
            keeper = _Counting()
            if lab.issued is not None:
                accounts.append(replace(lab.issued, tokens=keeper))
            for account in accounts:
                _show(lab, account, shown)
            for fault in lab.faults:
                lab.fault(fault, times=None)
                _show(lab, lab.account, shown, lab.connector.resources[-1:])
                lab.heal()
        secrets = {
            account.credentials[field.name]
            for account in accounts
            for field in lab.connector.auth_modes[account.auth_mode]
            if field.secret and field.name in account.credentials
        }
        secrets |= {str(value) for name, value in (keeper.held() or {}).items() if name in _TOKENS}
        assert secrets or not _fields(lab)
        for text in shown:
            for secret in secrets:
                assert secret not in text, f"a secret shows in {text!r:.300}"


class _Counting(Remembered):
    """Keeps a token, and counts how often one was asked for."""

    renewals = 0

    def renew(self, stale: Token | None, exchange: Callable[[Token | None], Token]) -> Token:
        def counted(kept: Token | None) -> Token:
            self.renewals += 1
            return exchange(kept)

        return Remembered.renew(self, stale, counted)


def _ids(store: Store, resource: str) -> set[str]:
    return {line.id for page in ending(store.list_all(resource)) for line in page.records}


def _check(lab: Laboratory, account: Account) -> Checkup:
    store = lab.connector.open(account, lab.limits, now)
    try:
        return store.check()
    finally:
        store.close()


def _fields(lab: Laboratory) -> Sequence[CredentialField]:
    """What was entered for the laboratory's account."""
    fields = lab.connector.auth_modes[lab.account.auth_mode]
    return [field for field in fields if field.name in lab.account.credentials]


def _wrong(account: Account, field: str) -> Account:
    """The account with one credential wrong, of the same length and form."""
    right = account.credentials[field]
    last = "0" if right[-1] != "0" else "1"
    return replace(account, credentials={**account.credentials, field: right[:-1] + last})


def _show(lab: Laboratory, account: Account, shown: list[str], resources: Sequence[str] = ()) -> None:
    """Everything that a process would print of this account, its store, and its errors."""
    shown.append(repr(account))
    store = lab.connector.open(account, replace(lab.limits, retries=0), now)
    try:
        shown.append(repr(store))
        checkup = store.check()
        shown += [repr(checkup), json.dumps(dict(checkup.settings), default=str)]
        for resource in resources or lab.connector.resources:
            _show_reads(store, resource, shown)
    finally:
        store.close()


def _show_reads(store: Store, resource: str, shown: list[str]) -> None:
    for pages in (store.list_all(resource), store.backfill(resource, None), store.fetch(resource, ["1"])):
        try:
            shown += [repr(page) for page in ending(pages)]
        except Exception as error:
            shown += traceback.format_exception(error)
            shown += [repr(error), repr(vars(error))]


@contextmanager
def _listening(shown: list[str]) -> Iterator[None]:
    """Take down every log line, of storelink and of the libraries, down to debug."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            shown.append(record.getMessage())

    def take_down(_logger: Any, _name: str, event: Any) -> Any:
        shown.append(repr(event))
        raise structlog.DropEvent

    ear, root = Ear(), logging.getLogger()
    level, held = root.level, structlog.get_config()
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    structlog.configure(
        processors=[take_down],
        wrapper_class=structlog.BoundLogger,
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        structlog.configure(**held)
        root.setLevel(level)
        root.removeHandler(ear)
