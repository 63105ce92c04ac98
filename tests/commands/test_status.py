"""`bdr-console status` and `top` as scripts, monitoring systems and poor terminals meet them."""

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import jsonschema
import pytest
import yaml

from bdr_console.lab import Lab
from bdr_console.plain.status_schema import schema
from tests.test_cli import PROGRAM, config, run


def test_without_a_configuration_the_state_is_unknown_and_not_critical(tmp_path: Path) -> None:
    done = run("status", config=tmp_path / "none.yaml")
    assert done.returncode == 3
    assert "none.yaml" in done.stderr


@pytest.mark.parametrize(
    "words", [("--bogus",), ("--json", "--plugin"), ("--timeout", "soon"), ("--timeout", "0")]
)
def test_a_mistake_on_the_command_line_is_no_state_either(words: Sequence[str], tmp_path: Path) -> None:
    assert run("status", *words, config=config(tmp_path)).returncode == 3


def test_targets_that_refuse_are_critical_on_the_first_line(tmp_path: Path) -> None:
    done = run("status", config=config(tmp_path))
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("CRITICAL: haproxy1 does not answer: no such file or directory")
    done = run("status", "--plugin", config=config(tmp_path))
    assert done.returncode == 2
    assert done.stdout.startswith("CRITICAL - shop: haproxy1 ")
    assert " | nodes_up=0;;;0;1" in done.stdout


def test_several_clusters_end_with_the_worst_and_print_a_json_line_each(tmp_path: Path) -> None:
    path = config(tmp_path)
    text = path.read_text()
    path.write_text(text + text.removeprefix("clusters:\n").replace("shop:", "other:"))
    done = run("status", "--all", "--json", config=path)
    assert done.returncode == 2
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["cluster"] for one in told} == {"shop", "other"}
    done = run("status", "--cluster", "none", config=path)
    assert done.returncode == 3
    assert "no cluster named 'none'" in done.stderr


def test_a_reader_who_leaves_changes_no_exit_code_and_sees_no_traceback(tmp_path: Path) -> None:
    words = ["--config", str(config(tmp_path))]
    for command, code in ((("status",), 2), (("top",), 0), (("status", "--watch", "1", "--json"), 2)):
        with subprocess.Popen(
            [*PROGRAM, *words, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.wait(30) == code
            assert process.stderr is not None
            assert process.stderr.read() == ""


def in_a_terminal(
    *words: str, until: str, environment: dict[str, str], seconds: float = 30
) -> tuple[str, int]:
    """Run the program on a pty, read until `until` has come twice, press Ctrl-C; its output and exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM[0], [*PROGRAM, *words], {**os.environ, **environment})  # noqa: S606
    text, end, pressed = "", time.monotonic() + seconds, False
    while time.monotonic() < end:
        try:
            text += os.read(terminal, 65536).decode()
        except OSError:
            break
        if text.count(until) >= 2 and not pressed:
            os.write(terminal, b"\x03")
            pressed = True
    else:
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return text, code


@pytest.mark.parametrize("words", [("top", "--every", "0.5"), ()])
def test_a_dumb_terminal_gets_pages_of_ascii_one_under_the_other(
    words: Sequence[str], tmp_path: Path
) -> None:
    poor = {"TERM": "dumb", "LANG": "C", "LC_ALL": "C"}
    text, code = in_a_terminal(
        "--config", str(config(tmp_path)), *words, until="CRITICAL: ", environment=poor
    )
    assert code == 0, text
    assert text.isascii()
    assert "\x1b" not in text
    assert "-" * 60 in text
    if not words:
        assert "This terminal cannot show the screen" in text


@pytest.mark.parametrize("how", ["LANG=C", "--ascii", "ascii: true"])
def test_status_writes_nothing_but_ascii_where_the_screen_would_not_either(how: str, tmp_path: Path) -> None:
    path = config(tmp_path)
    more = "ascii: true\n" if how == "ascii: true" else ""
    path.write_text(more + path.read_text().replace("shop:", "shop:\n    environment: prüf"))
    command = [*PROGRAM, "--config", str(path), *(("--ascii",) if how == "--ascii" else ()), "status"]
    locale = {"LC_ALL": "", "LC_CTYPE": "", "LANG": "C" if how == "LANG=C" else "C.UTF-8"}
    done = subprocess.run(command, env={**os.environ, **locale}, capture_output=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout.isascii()
    assert b"[pr\\xfcf]" in done.stdout


def test_a_terminal_that_can_move_its_cursor_gets_each_page_in_place(tmp_path: Path) -> None:
    able = {"TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    words = ("--config", str(config(tmp_path)), "--plain")
    text, code = in_a_terminal(*words, until="CRITICAL: ", environment=able)
    assert code == 0, text
    assert text.count("\x1b[H") >= 2
    assert "----" not in text


def test_who_starts_without_a_configuration_is_welcomed_on_a_terminal(tmp_path: Path) -> None:
    bare = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "BDR_CONSOLE_CONFIG": str(tmp_path / "no"),
    }
    text, code = in_a_terminal(until="never", environment=bare)
    assert code == 2
    assert "bdr-console init" in text
    assert "bdr-console lab up" in text


@pytest.mark.lab
@pytest.mark.timeout(150)
def test_the_states_of_the_lab_end_with_their_codes(healthy_lab: Lab, tmp_path: Path) -> None:
    def status(*words: str) -> tuple[int, str]:
        done = run("status", *words, config=healthy_lab.config)
        assert done.stderr == ""
        return done.returncode, done.stdout

    assert status()[0] == 0
    code, text = status("--json")
    told = json.loads(text)
    jsonschema.validate(told, json.loads(schema()))
    assert (code, told["verdict"]["word"], len(told["links"])) == (0, "HEALTHY", 6)
    assert told["readings"] == 3

    strict = tmp_path / "strict.yaml"
    told = yaml.safe_load(healthy_lab.config.read_text())
    told["clusters"]["lab"]["thresholds"] = {"lag_bytes_warn": 0}  # then the least lag is too much
    strict.write_text(yaml.safe_dump(told))
    done = run("status", config=strict)
    assert done.returncode == 1
    assert done.stdout.startswith("DEGRADED: node1 -> node2 lags ")

    healthy_lab.break_("freeze", "node2")
    code, text = status("--timeout", "8s")
    assert code == 2
    assert text.startswith("CRITICAL: node2 does not answer: ")
    assert "node1  up" in text
    healthy_lab.mend_all()

    healthy_lab.break_("stop", "node3")
    code, text = status("--plugin")
    assert code == 2
    assert "node3 is down: Connection refused" in text
    assert "nodes_up=2;;;0;3" in text
