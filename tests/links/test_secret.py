"""A password reaches libpq and nothing else: no text, no log, no traceback, no other process."""

import io
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console
from rich.traceback import Traceback

from bdr_console.config import ClusterSettings
from bdr_console.links import conninfo, session
from bdr_console.links.errors import LinkError, NotReached
from bdr_console.links.factory import Links
from bdr_console.links.postgres import PostgresReader
from bdr_console.links.secret import PasswordCommand, PasswordFile, Secret
from bdr_console.links.session import Session

HIDDEN = "hunter2-is-not-shown"


def python(code: str) -> tuple[str, ...]:
    """A password command."""
    return (sys.executable, "-c", code)


def kept(tmp_path: Path, text: str = HIDDEN + "\n", mode: int = 0o600) -> Path:
    """A password file."""
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_secret_shows_itself_nowhere_until_it_is_revealed() -> None:
    secret = Secret(HIDDEN)
    stream = io.StringIO()
    log = logging.Logger("secret")
    log.addHandler(logging.StreamHandler(stream))
    log.warning("%s %r %s", secret, secret, {"password": secret})
    shown = f"{secret} {secret!r} {secret!s} {secret:>40} {[secret]} {stream.getvalue()}" + str(secret)
    assert HIDDEN not in shown
    assert secret.reveal() == HIDDEN
    assert type(secret.reveal()) is str


def test_the_keywords_of_a_dsn_do_not_show_its_password() -> None:
    for dsn in (
        f"host=a password={HIDDEN} user=u",
        f"postgresql://u:{HIDDEN}@a/db",
        f"host=a sslpassword={HIDDEN}",
    ):
        words = conninfo.parse("node1", dsn)
        assert HIDDEN not in f"{words} {words!r}"
        assert HIDDEN in conninfo.revealed(words).values()


def everything(error: BaseException) -> str:
    """What the most talkative tracebacks tell of an error: the variables of every frame."""
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    screen = Console(file=io.StringIO(), width=400)
    screen.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
    assert isinstance(screen.file, io.StringIO)
    chain: list[BaseException | None] = [error]
    while chain[-1] is not None:  # also what `from None` only hides
        told += "".join(traceback.TracebackException.from_exception(chain[-1], capture_locals=True).format())
        chain.append(chain[-1].__context__)
    return told + screen.file.getvalue()


async def test_no_traceback_of_a_failed_login_holds_the_password_even_with_its_variables(
    tmp_path: Path, closed_port: int, silent_port: int
) -> None:
    source = PasswordFile(str(kept(tmp_path)))
    for port, deadline in ((closed_port, 2.0), (silent_port, 0.3)):
        words = conninfo.parse("n", f"host=127.0.0.1 port={port} user=u dbname=d password={HIDDEN}")
        for given in ({**words}, {key: words[key] for key in ("host", "port", "user", "dbname")}):
            with pytest.raises((psycopg.Error, TimeoutError)) as caught:
                await Session.open(given, deadline, None, source)
            assert HIDDEN not in everything(caught.value)
            assert "Session" in everything(caught.value) or "open" in everything(caught.value)
        reader = PostgresReader("n", f"host=127.0.0.1 port={port} password={HIDDEN}", deadline=deadline)
        with pytest.raises(LinkError) as failed:
            await reader.fetch({"one": "SELECT 1"})
        assert HIDDEN not in everything(failed.value)


async def test_a_password_file_gives_its_first_line(tmp_path: Path) -> None:
    for text in (HIDDEN, f"{HIDDEN}\n", f"{HIDDEN}\r\nmore\n"):
        assert (await PasswordFile(str(kept(tmp_path, text))).password()).reveal() == HIDDEN
    spaced = await PasswordFile(str(kept(tmp_path, " a b \n"))).password()
    assert spaced.reveal() == " a b "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
async def test_a_password_file_that_others_may_touch_is_refused_with_the_command_that_helps(
    tmp_path: Path, mode: int
) -> None:
    path = kept(tmp_path, mode=mode)
    with pytest.raises(NotReached, match="may be read by others") as caught:
        await PasswordFile(str(path)).password()
    assert caught.value.remedy == f"chmod 0600 {path}"


async def test_a_password_file_that_is_of_no_use_says_why(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "absent", "no such file"),
        (tmp_path, "is no regular file"),
        (kept(tmp_path, "\nsecond"), "its first line is empty"),
    ):
        with pytest.raises(NotReached) as caught:
            await PasswordFile(str(path)).password()
        assert reason in caught.value.reason
    if os.geteuid() == 0:
        foreign = kept(tmp_path)
        os.chown(foreign, 12345, -1)
        with pytest.raises(NotReached, match="belongs to another user"):
            await PasswordFile(str(foreign)).password()


async def test_a_password_command_runs_once_for_all_and_again_when_it_was_refused(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    code = f"open({str(runs)!r}, 'a').write('x'); print({HIDDEN!r}); print('second line')"
    settings = ClusterSettings.model_validate(
        {"nodes": {n: {"dsn": "host=127.0.0.1", "password_command": python(code)} for n in ("a", "b")}}
    )
    a, b = Links(settings).nodes(PostgresReader).values()
    one, other = a._password, b._password
    assert one is not None
    assert one is other
    assert (await one.password()).reveal() == HIDDEN
    one.refused()  # just now: it would come out the same
    await one.password()
    assert runs.read_text() == "x"
    assert isinstance(one, PasswordCommand)
    one._since -= 60
    one.refused()
    await one.password()
    assert runs.read_text() == "xx"


async def test_a_password_command_has_no_terminal_no_shell_and_no_password_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", HIDDEN)
    code = "import os, sys; print(os.environ.get('PGPASSWORD'), sys.stdin.read() == '', sys.argv[1])"
    told = await PasswordCommand((*python(code), "$(id);`id`")).password()
    assert told.reveal() == "None True $(id);`id`"


async def test_a_password_command_that_fails_is_named_with_its_own_words() -> None:
    for command, deadline, reason in (
        (
            python("import sys; print('sealed vault', file=sys.stderr); sys.exit(3)"),
            20.0,
            "code 3: sealed vault",
        ),
        (python("import time; time.sleep(60)"), 0.5, "did not end within"),
        (python("pass"), 20.0, "its first line is empty"),
        (("/nonexistent/vault",), 20.0, "no such file"),
    ):
        with pytest.raises(NotReached) as caught:
            await PasswordCommand(command, deadline).password()
        assert reason in caught.value.reason
        assert caught.value.remedy


async def test_a_target_without_its_password_says_so_as_any_other_failure(tmp_path: Path) -> None:
    path = kept(tmp_path, mode=0o644)
    login = {"dsn": "host=127.0.0.1 user=u", "password_file": str(path)}
    (reader,) = Links(ClusterSettings.model_validate({"nodes": {"n1": login}})).nodes(PostgresReader).values()
    with pytest.raises(LinkError) as caught:
        await reader.fetch({"one": "SELECT 1"})
    assert caught.value.reason == f"password_file {path} may be read by others (mode 0644)"
    assert caught.value.remedy == f"chmod 0600 {path}"


@pytest.mark.parametrize(
    ("password", "tls", "address", "expected"),
    [
        (True, False, b"10.0.0.1", True),
        (True, True, b"10.0.0.1", False),
        (False, False, b"10.0.0.1", False),
        (True, False, b"127.0.0.1", False),
        (True, False, b"::1", False),
        (True, False, b"fe80::1%eth0", True),
        (True, False, b"", False),
    ],
)
def test_a_password_goes_in_clear_when_it_leaves_the_host_without_tls(
    password: bool, tls: bool, address: bytes, expected: bool
) -> None:
    class FakeConnection:
        used_password, ssl_in_use, hostaddr = password, tls, address

    made: Any = object.__new__(session.Session)
    made._pgconn = FakeConnection()
    assert made.password_in_clear is expected
