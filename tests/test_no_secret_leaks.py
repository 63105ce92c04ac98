"""One password in every place where it may be kept; afterwards it is found in none where it may not."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
import yaml

from tests.terminal.tmux import Tmux
from tests.test_cli import closed_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bdr_console.lab import Lab

pytestmark = pytest.mark.timeout(240)

_CRASH = """
import sys
from bdr_console.ui.app import Painter
painted = []
def paint(self, *_, _paint=Painter.paint, **__):
    painted.append(self)
    if len(painted) > 3:
        raise RuntimeError("a crash for a test")
    return _paint(self)
Painter.paint = paint
sys.argv = ["bdr-console", *sys.argv[1:]]
from bdr_console.cli import main
main()
"""
"""The program, with a mistake in its painting once the servers have answered."""
_HEADLESS_CRASH = """
import sys
from bdr_console.runbooks.execute import cluster_reader
async def broken(*_):
    raise RuntimeError("a crash for a test")
cluster_reader.target_queries.pooler_rights = broken
sys.argv = ["bdr-console", *sys.argv[1:]]
from bdr_console.cli import main
main()
"""


def content(path: Path) -> bytes:
    """What a file holds; of a recording, what it holds unpacked."""
    data = path.read_bytes()
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


class ProcessWatch:
    """Looks through the arguments and the environment of every process, again and again."""

    def __init__(self, secret: str) -> None:
        self.found: set[str] = set()
        self.looks = 0
        self._secret = secret.encode()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.looks += 1
            for process in Path("/proc").glob("[0-9]*"):
                for part in ("cmdline", "environ"):
                    with contextlib.suppress(OSError):
                        if self._secret in (process / part).read_bytes():
                            self.found.add(f"{part} of {(process / 'cmdline').read_bytes()[:200]!r}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


class Scene:
    """A configuration of the lab with the password in another place for each target."""

    def __init__(self, lab: Lab, tmp_path: Path) -> None:
        layout = lab.layout
        self.secret = layout.console_passfile.read_text().strip().rpartition(":")[2]
        assert len(self.secret) > 20
        self.planted = tmp_path / "planted"
        self.planted.mkdir(mode=0o700)
        self.state = tmp_path / "state"
        kept = self._keep("secret", self.secret + "\n")
        pooler = layout.pooler("pgb-tx")
        services = self._keep(
            "services",
            f"[tx]\nhost=127.0.0.1\nport={pooler.port}\nuser=bdr_console\npassword={self.secret}\n",
        )
        pgpass = self._keep("pgpass", f"127.0.0.1:*:*:bdr_console:{self.secret}\n")
        told = yaml.safe_load(lab.config.read_text())
        cluster = told["clusters"]["lab"]
        nodes, poolers = cluster["nodes"], cluster["poolers"]
        for target in (*nodes.values(), *poolers.values()):
            target["dsn"] = target["dsn"].partition(" passfile=")[0]  # node1 and pgb-session: PGPASSFILE
        nodes["node2"]["password_file"] = str(kept)
        nodes["node3"]["password_command"] = ["cat", str(kept)]
        poolers["pgb-tx"]["dsn"] = "service=tx"
        self.config = self._keep("config.yaml", yaml.safe_dump(told))
        self.node = nodes["node1"]["dsn"]
        self.written = tmp_path / "written.yaml"
        nodes["node1"]["dsn"] = f"host=127.0.0.1 port={closed_port()} user=bdr_console dbname=app"
        nodes["node2"]["dsn"] = nodes["node2"]["dsn"].replace("user=bdr_console", "user=nobody_here")
        nodes["node3"]["password_command"] = ["cat", "/nonexistent/secret"]
        poolers["pgb-session"]["dsn"] = poolers["pgb-session"]["dsn"].replace(
            "user=bdr_console", "user=nobody_here"
        )
        poolers["pgb-session"]["password_file"] = str(kept)
        self.wrong = self._keep("wrong.yaml", yaml.safe_dump(told))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PG")},
            "BDR_CONSOLE_STATE": str(self.state),
            "PGSERVICEFILE": str(services),
            "PGPASSFILE": str(pgpass),
            "LANG": "C.UTF-8",
        }
        self.said: dict[str, str] = {}

    def _keep(self, name: str, text: str) -> Path:
        path = self.planted / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def run(
        self, *arguments: str, config: Path | None = None, code: str | None = None, pgpassword: str = ""
    ) -> str:
        """What one command says on both streams."""
        program = ["-c", code] if code else ["-m", "bdr_console"]
        done = subprocess.run(
            [sys.executable, *program, "--config", str(config or self.config), *arguments],
            env={**self.environment, **({"PGPASSWORD": pgpassword} if pgpassword else {})},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=90,
            check=False,
        )
        self.said[f"{arguments} {config} {code}"] = done.stdout + done.stderr
        return done.stdout + done.stderr

    def screen(
        self,
        *arguments: str,
        wait: tuple[str, ...],
        keys: Sequence[str] = "",
        code: str | None = None,
        config: Path | None = None,
    ) -> None:
        """The console in a terminal: what it shows at once, and after each key."""
        program = ["-c", code] if code else ["-m", "bdr_console"]
        command = [sys.executable, *program, "--config", str(config or self.config), *arguments]
        with Tmux(command, 140, 40, self.environment) as terminal:
            shown = terminal.wait_for(*wait, seconds=60)
            for key in keys:
                terminal.press(key)
                shown += terminal.wait_for("", seconds=5)
            self.said[f"screen {arguments} {code} {config}"] = shown + terminal.screen()


@pytest.mark.parametrize("place", ["argument", "environment"])
def test_the_watch_finds_what_it_looks_for(place: str) -> None:
    secret = f"planted-{os.getpid()}"
    arguments = ["-c", "input()", *([secret] if place == "argument" else [])]
    environment = {**os.environ, **({"PLANTED": secret} if place == "environment" else {})}
    command = [sys.executable, *arguments]
    with (
        ProcessWatch(secret) as watch,
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as it,
    ):
        wait_until(lambda: watch.found, "the watch finds it")
        it.communicate(b"\n")
    assert all(found.startswith("cmdline" if place == "argument" else "environ") for found in watch.found)


@pytest.mark.lab
@pytest.mark.terminal
def test_no_file_output_screen_or_process_holds_the_password(healthy_lab: Lab, tmp_path: Path) -> None:
    scene = Scene(healthy_lab, tmp_path)
    with ProcessWatch(scene.secret) as watch:
        with ThreadPoolExecutor(max_workers=2) as at_once:
            asked = [
                at_once.submit(scene.run, *words.split(), config=config)
                for words, config in (
                    ("config check --connect --json", None),
                    ("config check --connect", scene.wrong),
                    ("config show", None),
                    ("grants --check", None),
                    ("switchover node2 --plan", scene.wrong),
                    ("switchover node2 --plan --mode gradual --json", None),
                )
            ]
            checked, failed, shown, _, _, plan = (future.result() for future in asked)
            screens: list[Future[str] | Future[None]] = [
                at_once.submit(scene.screen, "watch", wait=("HEALTHY", "node3"), keys="?r"),
                at_once.submit(scene.screen, "watch", wait=("The report is ",), code=_CRASH),
                at_once.submit(scene.run, "switchover", "node1", "--plan", code=_HEADLESS_CRASH),
                at_once.submit(scene.run, "record", str(tmp_path / "kept.bdrrec"), "--for", "6s"),
                at_once.submit(scene.run, "screenshot", "--format", "svg", "--size", "80x24"),
                at_once.submit(scene.run, "status", "--json"),
                at_once.submit(scene.run, "status", config=scene.wrong),
                at_once.submit(scene.run, "top", "--count", "1"),
                at_once.submit(scene.run, "init", "--node", scene.node, "--yes", "-o", str(scene.written)),
                at_once.submit(
                    scene.screen,
                    *("--record", str(tmp_path / "shown.bdrrec"), "watch"),
                    wait=("CRITICAL", "node1"),
                    keys=("a", "Escape", "e", "Escape", "S"),
                    config=scene.wrong,
                ),
            ]
            for future in screens:
                future.result()
            kept = str(tmp_path / "shown.bdrrec")
            played: list[Future[str] | Future[None]] = [
                at_once.submit(scene.run, "replay", kept, "--events"),
                at_once.submit(scene.run, "screenshot", "--recording", kept, "--size", "80x24"),
                at_once.submit(scene.run, "events", config=scene.wrong),
                at_once.submit(scene.screen, "replay", kept, wait=("REPLAY", "node1"), keys="ae"),
            ]
            for replayed in played:
                replayed.result()
        made = json.loads(plan[plan.index("{") : plan.rindex("}") + 1])
        scene.run("switchover", "node2", "--apply", str(made["id"]), "--hold-for", "1s")
        (run,) = (path.name for path in (scene.state / "runs").iterdir() if path.is_dir())
        with ThreadPoolExecutor(max_workers=2) as at_once:
            last = [
                at_once.submit(scene.run, *words.split())
                for words in (f"report {run}", f"paper {run}", "runs")
            ]
            report = last[0].result()
    by_environment = scene.run("config", "check", "--connect", pgpassword=scene.secret)

    # the scene was what it is meant to be: every target was reached, every failure happened
    assert json.loads(checked)["ok"], checked
    assert "all reached" in by_environment
    assert [line for line in failed.splitlines() if line.startswith("FAIL")] != []
    for words in ("Connection refused", "authentication failed", "cat ended with exit code 1"):
        assert words.lower() in failed.lower(), failed
    assert "password_file" in shown
    assert "a crash for a test" in "".join(scene.said.values())
    assert list(scene.state.glob("crash-*.txt"))
    assert "node2" in report
    assert watch.looks > 10

    recorded = content(tmp_path / "kept.bdrrec")
    assert b'"engine":"BDR' in recorded
    assert "nodes:" in scene.written.read_text()

    files = [path for path in scene.state.rglob("*") if path.is_file()]
    assert len(files) > 4
    files += [scene.written, *tmp_path.glob("*.bdrrec*")]
    leaks = [str(path) for path in files if scene.secret.encode() in content(path)]
    leaks += [what for what, said in scene.said.items() if scene.secret in said]
    assert leaks == []
    assert watch.found == set()
