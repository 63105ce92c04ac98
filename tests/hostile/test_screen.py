"""What strangers write is read on the screen and on the command line, and does nothing there."""

import json
import os
import subprocess
import sys
from pathlib import Path

from rich.cells import cell_len

from bdr_console.runbooks.journal.journal_file import JOURNAL
from tests.hostile.fakes import fake_haproxy, fake_pgbouncer
from tests.hostile.targets import CAPTURES, unsafe
from tests.links.servers import PASSWORD, Postgres
from tests.runbooks.test_run_from_journal import beginning, event
from tests.terminal.tmux import Tmux
from tests.ui.test_terminal import Terminal, terminal

PAYLOAD = "\x1b]0;OWNED\x07\x9b31m\u202e[red]\u4e2d\u0301\u0301\u0301\u0301\u0301"
"""A new title, a colour by C1, text run backwards, markup, a wide letter with a tower on it."""
SHOWN = "\\x1b]0;OWNED\\x07"
_INFO = b"Name: HAProxy\nVersion: 2.8.0\nPid: 7\nUptime_sec: 5\n"
_POOL = (
    b"database",
    b"user",
    b"pool_mode",
    b"cl_active",
    b"cl_waiting",
    b"maxwait",
    b"close_needed",
    b"name",
)


def evil_stat() -> bytes:
    """`show stat` with a server whose name and check are hostile, and very much text."""
    known = (CAPTURES / "haproxy-2.8.0/one-session/show-stat.csv").read_text().splitlines()
    header = known[0].removeprefix("# ").split(",")
    row = dict.fromkeys(header, "")
    row |= {"pxname": "bk_db", "svname": f"srv{PAYLOAD}", "type": "2", "status": f"UP{PAYLOAD}"}
    row |= {"addr": "127.0.0.1:1", "scur": "9" * 4000, "last_chk": "x" * 100_000, "weight": "\u00b2"}
    return "\n".join([known[0], ",".join(f'"{row[name]}"' for name in header), ""]).encode()


def evil_pools(_: str) -> tuple[tuple[bytes, ...], list[tuple[bytes, ...]]]:
    """The same rows for every SHOW: hostile names, bytes that are no UTF-8, digits that are no numbers."""
    evil = PAYLOAD.encode()
    return _POOL, [
        (b"db" + evil, b"u\xff\xfe" + evil, evil, "\u00b2".encode(), b"9" * 5000, b"-1", evil, evil)
    ]


def harmless(shown: Terminal) -> None:
    """Nothing of PAYLOAD reached the terminal as it was."""
    assert b"\x1b]0;OWNED" not in shown.out
    text = shown.out.decode("utf-8", "replace")
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert "Traceback" not in text


def test_hostile_servers_are_shown_and_do_nothing_to_the_terminal(postgres: Postgres, tmp_path: Path) -> None:
    """A HAProxy and a PgBouncer that lie, a database named to hurt, a journal that somebody else wrote."""
    run = tmp_path / "runs" / "20260304T095940-node1-ab12"
    run.mkdir(parents=True, mode=0o700)
    evil = beginning() | {
        "run": run.name,
        "cluster": "demo",
        "who": f"dba{PAYLOAD}",
        "node": f"node1{PAYLOAD}",
    }
    last = event(5, "end", status="stopped, leftovers remain", message=PAYLOAD, leftovers=[PAYLOAD])
    answer = event(2, "answer", step="disable", host="h", command="c", answer=PAYLOAD)
    (run / JOURNAL).write_text(
        "".join(json.dumps(line) + "\n" for line in (evil, answer | {"event": "intent"}, answer, last))
    )
    answers = {"show info": _INFO, "show stat": evil_stat(), "show servers": b"1\n# be_id\n", "show": b""}
    socket = tmp_path / "ha.sock"
    with fake_haproxy(socket, answers) as came, fake_pgbouncer(evil_pools) as port:
        config = tmp_path / "hostile.yaml"
        node = f"host=127.0.0.1 port={postgres.port} user=postgres"
        config.write_text(
            "clusters: {demo: {nodes: {"
            f"node1: {{dsn: '{node} dbname=postgres'}}, "
            f"node2: {{dsn: {json.dumps(node + ' dbname=' + repr(PAYLOAD)[1:-1].replace(' ', ''))}}}}}, "
            f"proxies: {{haproxy1: {{socket: {socket}, backends: [bk_db]}}}}, "
            f"poolers: {{pgb: {{dsn: 'host=127.0.0.1 port={port} user=x'}}}}}}}}\n"
        )
        with terminal(tmp_path, "--config", str(config), size=(200, 50), PGPASSWORD=PASSWORD) as shown:
            shown.read_until(b"srv" + SHOWN.encode())
            shown.read_until(b"db" + SHOWN.encode())
            for key in b"w", b"\x1b", b"4", b"z", b"z", b"5", b"z", b"z", b"6", b"o", b"?":
                os.write(shown.master, key)
                shown._read(0.2)
            shown.process.terminate()
            assert shown.wait() == 143
            harmless(shown)
        assert all(command.startswith("show ") for command in came)
        environment = {**os.environ, "BDR_CONSOLE_STATE": str(tmp_path), "PGPASSWORD": PASSWORD}
        for words in (["runs"], ["report", run.name], ["report", run.name, "--json"], ["attach", run.name]):
            done = subprocess.run(
                [sys.executable, "-m", "bdr_console", "--config", str(config), *words],
                env=environment,
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            said = done.stdout + done.stderr
            assert "OWNED" in said, (words, said)
            assert not unsafe(said.replace("\n", "")), (words, said)
            assert "Traceback" not in said


def test_every_column_stands_where_it_should_beside_wide_and_piled_up_names(
    postgres: Postgres, tmp_path: Path
) -> None:
    """tmux counts cells by itself: the frame's right edge stands in one column in every line."""
    answers = {"show info": _INFO, "show stat": evil_stat(), "show servers": b"1\n# be_id\n", "show": b""}
    socket = tmp_path / "ha.sock"
    with fake_haproxy(socket, answers), fake_pgbouncer(evil_pools) as port:
        config = tmp_path / "hostile.yaml"
        config.write_text(
            f"clusters: {{demo: {{nodes: {{node1: {{dsn: 'host=127.0.0.1 port={postgres.port}'}}}}, "
            f"proxies: {{haproxy1: {{socket: {socket}, backends: [bk_db]}}}}, "
            f"poolers: {{pgb: {{dsn: 'host=127.0.0.1 port={port} user=x'}}}}}}}}\n"
        )
        environment = {"BDR_CONSOLE_STATE": str(tmp_path), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        command = [sys.executable, "-m", "bdr_console", "--config", str(config), "watch"]
        with Tmux(command, 140, 40, environment) as tmux:
            screen = tmux.wait_for("srv" + SHOWN, "db" + SHOWN, seconds=45)
    for line in screen.splitlines():
        assert cell_len(line) <= 140, line
        assert not unsafe(line), line
