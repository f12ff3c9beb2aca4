"""Where master keys come from, and what is said of sources that are not in order."""

import base64
import os
import shlex
import stat
import subprocess
import sys
import time

import psutil
import pytest
from pydantic import SecretStr

from storelink.config import Settings
from storelink.errors import Misconfigured
from storelink.secrets.provider import CommandProvider, EnvironmentProvider, FileProvider, provider_of

ONE = base64.b64encode(bytes(range(32))).decode()
TWO = base64.b64encode(bytes(range(1, 33))).decode()
SHORT = base64.b64encode(bytes(range(16))).decode()
URL_SAFE = base64.urlsafe_b64encode(b"\xff" * 32).rstrip(b"=").decode()


def refusal(provider, *secrets: str) -> str:
    with pytest.raises(Misconfigured) as caught:
        provider.load()
    for secret in (ONE, TWO, SHORT, *secrets):
        assert secret not in str(caught.value)
        assert secret not in repr(provider)
    return str(caught.value)


# -- which one ------------------------------------------------------------------------------------


def test_the_settings_choose_the_provider(home):
    assert isinstance(provider_of(Settings(home=home)), FileProvider)
    assert isinstance(provider_of(Settings(home=home, master_keys=f"k1:{ONE}")), EnvironmentProvider)
    assert isinstance(provider_of(Settings(home=home, key_command="vault")), CommandProvider)
    with pytest.raises(Misconfigured, match="unset one"):
        provider_of(Settings(home=home, master_keys=f"k1:{ONE}", key_command="vault"))


def test_the_variables_are_read_and_not_shown(home, monkeypatch):
    monkeypatch.setenv("STORELINK_MASTER_KEYS", f"k1:{ONE}")
    settings = Settings(home=home)
    assert ONE not in f"{settings!r} {settings}"
    assert [key.id for key in provider_of(settings).load()] == ["k1"]


# -- environment ----------------------------------------------------------------------------------


def environment(text: str) -> EnvironmentProvider:
    return EnvironmentProvider(SecretStr(text))


def test_environment_keys_keep_their_order():
    keys = environment(f" new:{TWO} , old-1.a_b:{ONE},").load()
    assert [(key.id, key.material) for key in keys] == [
        ("new", bytes(range(1, 33))),
        ("old-1.a_b", bytes(range(32))),
    ]


def test_base64_may_be_url_safe_and_without_padding():
    assert environment(f"k:{URL_SAFE}").load()[0].material == b"\xff" * 32


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no key"),
        (" , ", "holds no key"),
        (ONE, "entry 1 is not of the form"),
        (f"{ONE}:k1", "entry 1 is not of the form"),
        (f":{ONE}", "entry 1 is not of the form"),
        ("k1:", "entry 1 is not of the form"),
        (f"k1 {ONE}", "entry 1 is not of the form"),
        (f"k1:{ONE},k/2:{TWO}", "entry 2 is not of the form"),
        (f"k1:{SHORT}", "entry 1: the key is not 32 bytes"),
        (f"k1:{ONE}{ONE}", "entry 1: the key is not 32 bytes"),
        ("k1:%%%", "entry 1: the key is not 32 bytes"),
        ("k1:\N{SNOWMAN}", "entry 1: the key is not 32 bytes"),
        (f"k1:{ONE},k1:{TWO}", "'k1' is there twice"),
    ],
)
def test_a_bad_variable_is_refused_without_showing_it(text, says):
    assert says in refusal(environment(text))


def test_an_environment_cannot_make_a_key():
    assert environment(f"k1:{ONE}").make(first=True) is None


# -- file -----------------------------------------------------------------------------------------


def test_a_file_is_made_with_the_first_key_and_is_its_owners_alone(home):
    provider = FileProvider(home / "new" / "master.keys")
    before = os.umask(0)
    try:
        assert provider.load() == ()
        assert not provider.path.parent.exists()
        made = provider.make(first=True)
    finally:
        os.umask(before)
    assert stat.S_IMODE(provider.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(provider.path.parent.stat().st_mode) == 0o700
    assert [key.id for key in provider.load()] == [made.id]
    assert provider.load()[0].material == made.material


def test_a_first_key_that_is_there_is_taken(home):
    provider = FileProvider(home / "master.keys")
    assert provider.make(first=True).id == provider.make(first=True).id
    assert len(provider.load()) == 1


def test_a_further_key_is_put_after_the_others_by_a_new_file(home):
    path = home / "master.keys"
    path.touch(0o600)
    path.write_text(f"# mine\n\nk1 {ONE}\n   k2\t{TWO}")  # no newline at the end
    provider = FileProvider(path)
    with path.open() as before:
        made = provider.make(first=False)
        assert made.id not in before.read()  # never written in place: a crash leaves the old one whole
    assert [key.id for key in provider.load()] == ["k1", "k2", made.id]
    assert path.read_text().startswith("# mine\n\nk1 ")
    assert sorted(entry.name for entry in home.iterdir()) == ["master.keys", "master.keys.lock"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o777])
def test_a_file_that_others_may_use_is_refused(home, mode):
    provider = FileProvider(home / "master.keys")
    provider.make(first=True)
    provider.path.chmod(mode)
    assert f"mode {mode:04o}" in refusal(provider)
    with pytest.raises(Misconfigured, match="chmod 600"):
        provider.make(first=False)


def test_a_link_is_judged_by_its_file(home):
    """A mounted secret is often a link; what counts is who may read the file."""
    provider = FileProvider(home / "master.keys")
    (home / "real").touch(0o600)
    (home / "real").write_text(f"k1 {ONE}\n")
    provider.path.symlink_to(home / "real")
    assert [key.id for key in provider.load()] == ["k1"]
    (home / "real").chmod(0o644)
    assert "mode 0644" in refusal(provider)


def test_what_is_no_plain_file_is_refused_and_does_not_hang(home):
    provider = FileProvider(home / "master.keys")
    os.mkfifo(provider.path, 0o600)
    assert "not a plain file" in refusal(provider)
    provider.path.unlink()
    provider.path.mkdir(0o700)
    assert "master.keys" in refusal(provider)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"# keys\n{ONE}\n", "line 2 is not of the form"),
        (f"{ONE} k1\n", "line 1 is not of the form"),
        ("k1\n", "line 1 is not of the form"),
        (f"k1 {ONE} {TWO}\n", "line 1: the key is not 32 bytes"),
        (f"k1 {ONE}\nk1 {ONE}\n", "line 2: master key 'k1' is there twice"),
        ("\x00\xff\n", "line 1 is not of the form"),
        ("x" * 70_000, "far too long"),
    ],
)
def test_a_bad_file_is_refused_without_showing_it(home, text, says):
    path = home / "master.keys"
    path.touch(0o600)
    path.write_text(text, encoding="latin-1")
    assert says in refusal(FileProvider(path))


def test_a_file_that_cannot_be_written_says_so(home):
    (home / "file").touch()
    with pytest.raises(Misconfigured, match=r"master.keys cannot be written: "):
        FileProvider(home / "file" / "master.keys").make(first=True)


def test_processes_that_make_the_first_key_at_once_get_one_key(home):
    script = (
        "import sys; from pathlib import Path\n"
        "from storelink.secrets.provider import FileProvider\n"
        "provider = FileProvider(Path(sys.argv[1]))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(provider.make(first=True).id)\n"
    )
    path = home / "master.keys"
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for maker in makers:
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        maker.stdin.write("go\n")
        maker.stdin.flush()
    ids = {maker.communicate(timeout=60)[0].strip() for maker in makers}
    assert [maker.returncode for maker in makers] == [0] * 4
    assert ids == {key.id for key in FileProvider(path).load()}
    assert len(ids) == 1


# -- command --------------------------------------------------------------------------------------


def command(script: str, *arguments: str, timeout: float = 30.0) -> CommandProvider:
    return CommandProvider(shlex.join([sys.executable, "-c", script, *arguments]), timeout)


def test_a_command_prints_the_keys():
    provider = command(
        "import sys; assert sys.stdin.read() == ''; print('# from the vault'); print(sys.argv[1])",
        f"k1  {ONE}",
    )
    assert [(key.id, key.material) for key in provider.load()] == [("k1", bytes(range(32)))]
    assert provider.make(first=True) is None


def test_a_command_runs_without_a_shell(home):
    marker = home / "made"
    provider = CommandProvider(f"echo k1 {ONE} ; touch {marker} $(touch {marker})", 30)
    refusal(provider)  # one line of far too many words
    assert not marker.exists()


def test_a_failing_command_shows_its_complaint_and_not_its_output():
    provider = command(
        "import sys; print('k1', sys.argv[1]); sys.stderr.write('vault is\\n\\x1b[31m sealed'); sys.exit(7)",
        ONE,
    )
    words = refusal(provider)
    assert words.endswith("exit code 7; it says: vault is [31m sealed")
    assert sys.executable in words


def test_a_command_killed_by_a_signal_says_so():
    assert "signal 9" in refusal(command("import os; os.kill(os.getpid(), 9)"))


def test_a_command_that_hangs_is_killed_with_what_it_started(home):
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1] + '.new', 'w').write(str(child.pid))\n"
        "import os; os.rename(sys.argv[1] + '.new', sys.argv[1])\n"
        "sys.stderr.write('waiting for the vault')\n"
        "sys.stderr.flush()\n"
        "time.sleep(600)\n"
    )
    noted = home / "pid"
    began = time.monotonic()
    words = refusal(command(script, str(noted), timeout=3))
    assert time.monotonic() - began < 30
    assert words.endswith("did not end in time; it says: waiting for the vault")
    _wait_gone(int(noted.read_text()))


def test_a_command_that_leaves_a_child_with_its_output_does_not_hang_us(home):
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "print('k1', sys.argv[2])\n"
    )
    noted = home / "pid"
    assert "did not end in time" in refusal(command(script, str(noted), ONE, timeout=3))
    _wait_gone(int(noted.read_text()))


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("pass", "printed no key"),
        ("import sys; sys.stderr.write('no such secret')", "printed no key; it says: no such secret"),
        (f"print('Welcome to the vault!'); print('k1 {ONE}')", "line 1: the key is not 32 bytes"),
        (f"print('{ONE}')", "line 1 is not of the form"),
        (f"print('k1 {SHORT}')", "line 1: the key is not 32 bytes"),
        ("import sys; sys.stdout.buffer.write(bytes(range(256)))", "is not"),
        (f"while True: print('k1 {ONE}')", "prints more than"),
        ("import sys\nwhile True: sys.stderr.write('x' * 1000)", "prints more than"),
    ],
)
def test_a_command_that_prints_no_keys_is_refused_without_showing_what_it_printed(script, says):
    words = refusal(command(script), "Welcome")
    assert says in words
    assert len(words) < 3000


@pytest.mark.parametrize("line", ["", "  ", "vault 'unclosed"])
def test_a_command_line_that_is_none_is_refused(line):
    assert "is no command" in refusal(CommandProvider(line, 1))


def test_a_command_that_cannot_be_run_is_named_without_its_arguments(home):
    words = refusal(CommandProvider(f"{home}/nowhere --token hvs.token", 1), "hvs.token")
    assert f"{home}/nowhere cannot be run: No such file" in words
    (home / "plain").touch(0o600)
    assert "cannot be run: Permission denied" in refusal(CommandProvider(str(home / "plain"), 1))


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.02)
