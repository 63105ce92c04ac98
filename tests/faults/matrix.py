"""The fault matrix: every step of a switchover x everything that can go wrong, on real labs of one HAProxy
and of two.

A cell runs a switchover under load up to a step, strikes, looks at what the run makes of it, mends, and
brings the run to an end as an operator would: by a word where the runner lives, by `undo` or `resume` where
not. Then the cluster must be as it was: it serves, nobody is paused, no server is left out; the load is
counted: what was acknowledged is on every node; and a run that says that all is well leaves one node written,
not two. With two HAProxies a fault strikes the second, or a PgBouncer in front of it.
"""

import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.journal_file import JOURNAL, RUNNER_LOCK
from bdr_console.runbooks.locks import holder_of
from bdr_console.runbooks.model.run import RunStatus, RunView, StepStatus
from tests.waiting import wait_until

CLUSTER, LEAVING, TAKER = "lab", "node1", "node2"
_OF_EACH_MODE = {
    "gradual": ("disable", "reconnect", "wait_close", "served", "drained", "hold", "ready", "enable"),
    "quiesce": ("rehearse", "prepare", "pause", "quiet", "disable", "barrier", "resume", "served", "restore"),
}
STEPS = tuple((mode, step) for mode, steps in _OF_EACH_MODE.items() for step in steps)
"""(mode, step); the steps from the hold on are the same in both modes."""

_WRITE = "UPDATE counter SET n = n + 1 WHERE client = -2 RETURNING current_setting('cluster_name')"
"""A counter of nobody in the load: a write of ours must not be counted as one of theirs."""
_PAUSE_DEADLINE = 40
"""Seconds. With the default of 10 s a run would be refused for a transaction that is held open on purpose."""
_HELD = ("hold-transaction", None)
"""Makes WAIT_CLOSE and the wait under PAUSE last, so that a strike falls into them."""
_LASTING: dict[str, tuple[str, str | None]] = {
    "wait_close": _HELD,
    # A link that lags before the start would be refused: these are made when the run is under way.
    "drained": ("pause-apply", f"{LEAVING}:{TAKER}"),
    "barrier": ("pause-apply", f"{LEAVING}:{TAKER}"),
    "quiet": _HELD,
    "ready": ("pause-apply", f"{TAKER}:{LEAVING}"),
}
"""What makes a step last until it is mended."""


def _patient_config(lab: Lab, state: Path) -> Path:
    """The lab's configuration with pauses that may last longer."""
    content = yaml.safe_load(lab.config.read_text())
    content["clusters"][CLUSTER]["quiesce"] = {"pause_deadline": _PAUSE_DEADLINE}
    path = state.with_name("config.yaml")
    path.write_text(yaml.safe_dump(content))
    path.chmod(0o600)
    return path


class Console:
    """A process that starts the run, as a console does, and can be killed without it."""

    def __init__(self, lab: Lab, state: Path, mode: str) -> None:
        code = (
            "import sys, time; from pathlib import Path; from bdr_console.runbooks.execute import launch\n"
            f"run = launch.start(Path(sys.argv[1]), '{CLUSTER}', '{LEAVING}', mode='{mode}')\n"
            "print(run, flush=True)\n"
            "time.sleep(300)"
        )
        environment = {**os.environ, "BDR_CONSOLE_STATE": str(state)}
        command = [sys.executable, "-c", code, str(_patient_config(lab, state))]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, "the run did not start"
        self.run = Path(line)

    def close(self) -> None:
        """End it; the run is not its child any more."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


@dataclass
class Cell:
    """One run that something happens to."""

    lab: Lab
    state: Path
    console: Console
    step: str

    def __post_init__(self) -> None:
        self._follower = launch.follow(self.console.run)

    @property
    def proxy(self) -> str:
        """The HAProxy that faults strike."""
        return self.lab.layout.proxies[-1].name

    @property
    def pooler(self) -> str:
        """The PgBouncer that faults strike: the transaction pool in front of that HAProxy."""
        return next(p.name for p in self.lab.layout.poolers_of(self.proxy) if p.mode == "transaction")

    @property
    def view(self) -> RunView:
        """What a console would see now."""
        view = self._follower.poll()
        assert view is not None
        return view

    def until(self, condition: Callable[[RunView], bool], what: str, seconds: float = 40.0) -> RunView:
        """The first view for which the condition holds."""
        seen: list[RunView] = []

        def there() -> bool:
            seen[:] = [self.view]
            return condition(seen[0])

        wait_until(
            there,
            lambda: f"{what}; now {seen[0].status.value}: {seen[0].message}",
            seconds=seconds,
            pause=0.01,
        )
        return seen[0]

    def say(self, word: str) -> None:
        """Send a word; a runner that has gone meanwhile does not hear it."""
        with suppress(ConsoleError):
            asyncio.run(launch.send(self.console.run, word))

    @property
    def pid(self) -> int | None:
        """The living runner."""
        holder = holder_of(self.console.run / RUNNER_LOCK)
        return int(holder["pid"]) if holder else None

    def reach(self) -> None:
        """Let the run come to the step."""
        if self.step in ("drained", "barrier"):
            self._begun("wait_close" if self.step == "drained" else "quiet")
            self.lab.break_(*_LASTING[self.step])
            self.lab.mend(*_HELD)
        if self.step in ("ready", "enable"):
            self.until(lambda view: view.status is RunStatus.HOLDING, "the hold")
            if self.step == "ready":
                self.lab.break_(*_LASTING["ready"])
            self.say("go")
        self._begun(self.step)

    def _begun(self, step: str) -> None:
        self.until(lambda view: _status(view, step) is not StepStatus.PENDING, f"step {step}")


def _status(view: RunView, key: str) -> StepStatus:
    """A run that has ended early has perhaps not come to that step; its plan has it."""
    return next(step.status for step in view.steps if step.key == key)


Strike = Callable[[Cell], Callable[[], None]]
"""Makes the fault and returns what mends it."""


def _nothing() -> None:
    """Nothing to mend."""


def of_the_lab(name: str, where: Callable[[Cell], str]) -> Strike:
    """A fault that the lab makes."""

    def strike(cell: Cell) -> Callable[[], None]:
        cell.lab.break_(name, where(cell))
        return lambda: cell.lab.mend(name, where(cell))

    return strike


def _proxy(cell: Cell) -> str:
    return cell.proxy


def _pooler(cell: Cell) -> str:
    return cell.pooler


def _leaving(_cell: Cell) -> str:
    return LEAVING


def _taker(_cell: Cell) -> str:
    return TAKER


def kill_runner(cell: Cell) -> Callable[[], None]:
    """kill -9 of the runner."""
    if pid := cell.pid:
        os.kill(pid, signal.SIGKILL)
    return _nothing


def fill_the_disk(cell: Cell) -> Callable[[], None]:
    """Whatever the runner and its watchdog write to a file fails, as on a full disk (EFBIG for ENOSPC)."""
    pids: list[int] = []
    if (pid := cell.pid) is not None:
        with suppress(psutil.NoSuchProcess):
            pids = [pid, *(child.pid for child in psutil.Process(pid).children())]

    def limit(most: int) -> None:
        for each in pids:
            with suppress(ProcessLookupError):
                resource.prlimit(each, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    limit(0)
    return lambda: limit(resource.RLIM_INFINITY)


def delete_directory(cell: Cell) -> Callable[[], None]:
    """Somebody tidies up and deletes the directory of the run."""
    lives = cell.pid is not None
    if lives:  # without a runner nobody brings a journal back
        shutil.rmtree(cell.console.run)
        wait_until((cell.console.run / JOURNAL).exists, "the runner makes it anew", seconds=10)
    return _nothing


def kill_and_resume(cell: Cell) -> Callable[[], None]:
    """kill -9 of the runner, and at once somebody says resume."""
    if cell.pid is not None:
        kill_runner(cell)
        if not cell.view.status.over or cell.view.status is RunStatus.LOST:
            launch.again(cell.console.run.name, undo=False)
    return _nothing


def kill_runner_and_watchdog(cell: Cell) -> Callable[[], None]:
    """kill -9 of everything that could let clients go on by itself."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "bdr_console.runbooks.guard.watchdog" in words and str(cell.console.run) in words:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    return kill_runner(cell)


def hang_up(cell: Cell) -> Callable[[], None]:
    """The terminal goes: SIGHUP to the runner and to its console."""
    for pid in (cell.pid, cell.console.process.pid):
        if pid:
            os.kill(pid, signal.SIGHUP)
    return _nothing


def kill_console(cell: Cell) -> Callable[[], None]:
    """kill -9 of the console."""
    cell.console.process.kill()
    return _nothing


def restart_pooler(cell: Cell) -> Callable[[], None]:
    """The transaction pooler is restarted: it forgets its pause, and which connections it was to close."""
    cell.lab.break_("stop-pooler", cell.pooler)
    cell.lab.mend("stop-pooler", cell.pooler)
    return _nothing


def second_operator(cell: Cell) -> Callable[[], None]:
    """Somebody starts another switchover from another state directory; it must be refused."""
    code = (
        "import sys; from pathlib import Path; from bdr_console.runbooks.execute import launch\n"
        "from bdr_console.errors import ConsoleError\n"
        "try:\n"
        f"    launch.start(Path(sys.argv[1]), '{CLUSTER}', '{TAKER}')\n"
        "except ConsoleError as error:\n"
        "    sys.exit(error.exit_code)\n"
    )
    environment = {**os.environ, "BDR_CONSOLE_STATE": str(cell.state / "elsewhere")}
    command = [sys.executable, "-c", code, str(cell.lab.config)]
    busy = not cell.view.status.over
    done = subprocess.run(command, env=environment, timeout=40, check=False)
    if busy and not cell.view.status.over:
        assert done.returncode == 11, f"the second operator was not locked out: exit {done.returncode}"
    return _nothing


def fake_socket(answer: Callable[[bytes, Path], bytes]) -> Strike:
    """A FAKE listener in the place of HAProxy's socket: answers that the real one cannot be made to give."""

    def strike(cell: Cell) -> Callable[[], None]:
        path = cell.lab.layout.socket(cell.proxy)
        aside = path.with_suffix(".real")
        path.rename(aside)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, suppress(OSError):
                        client.sendall(answer(client.recv(65536), aside))

        threading.Thread(target=serve, daemon=True).start()

        def mend() -> None:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            aside.rename(path)

        return mend

    return strike


def _garbage(_asked: bytes, _real: Path) -> bytes:
    return b"\x00\xff\x1b]0;not haproxy\x07" * 100


def _lost_answer(asked: bytes, real: Path) -> bytes:
    """The command reaches HAProxy; what it says to a change does not come back."""
    with socket.socket(socket.AF_UNIX) as onward:
        onward.settimeout(5)
        onward.connect(str(real))
        onward.sendall(asked)
        told = b""
        while piece := onward.recv(65536):
            told += piece
    return told if asked.startswith(b"show") else b""


def undo_fails_too(cell: Cell) -> Callable[[], None]:
    """The operator aborts while HAProxy is gone: nothing can be put back now."""
    cell.lab.break_("freeze-haproxy", cell.proxy)
    cell.say("abort")
    return lambda: cell.lab.mend("freeze-haproxy", cell.proxy)


FAULTS: dict[str, Strike] = {
    "runner killed": kill_runner,
    "runner killed, resumed": kill_and_resume,
    "runner, watchdog killed": kill_runner_and_watchdog,
    "state disk full": fill_the_disk,
    "run directory deleted": delete_directory,
    "console killed": kill_console,
    "terminal hung up": hang_up,
    "HAProxy stopped": of_the_lab("stop-haproxy", _proxy),
    "HAProxy reloaded": of_the_lab("reload-haproxy", _proxy),
    "HAProxy hangs": of_the_lab("freeze-haproxy", _proxy),
    "HAProxy answers garbage": fake_socket(_garbage),
    "answer lost": fake_socket(_lost_answer),
    "pooler stopped": of_the_lab("stop-pooler", _pooler),
    "pooler restarted": restart_pooler,
    "pooler hangs": of_the_lab("freeze-pooler", _pooler),
    "target frozen": of_the_lab("freeze", _taker),
    "target stopped": of_the_lab("stop", _taker),
    "leaving node frozen": of_the_lab("freeze", _leaving),
    "leaving node stopped": of_the_lab("stop", _leaving),
    "target's weight set to 0": of_the_lab("weight0", _taker),
    "client past the poolers": of_the_lab("direct-client", _leaving),
    "second operator": second_operator,
    "undo fails too": undo_fails_too,
}
_HURTS_NOTHING = {"console killed", "terminal hung up", "second operator"}
"""The run goes on to its end; nobody notices."""
_GOES_ON = {"HAProxy reloaded", "target's weight set to 0", "client past the poolers", *_HURTS_NOTHING}
"""Here the operator lets the run go on as long as it does: it must see for itself what has changed."""
_PATIENCE = 12.0
"""Seconds that a run which is let go on may make no way, before the operator aborts it."""
_MOVES_CLIENTS = {"leaving node stopped"}
"""HAProxy itself then sends clients to another node, whether that one has caught up or not."""
_FORGETS = {"HAProxy stopped", "HAProxy reloaded"}
"""The maintenance is forgotten: behind RESUME, when clients write on the other node, new ones come back."""


def moves_by_itself(mode: str, step: str, fault: str) -> bool:
    """Whether the fault alone may send clients to another node, which no run can keep it from."""
    quiesce = _OF_EACH_MODE["quiesce"]
    waiting = mode == "quiesce" and step in quiesce[: quiesce.index("resume")]
    return fault in _MOVES_CLIENTS or (fault in _FORGETS and not waiting)


@contextmanager
def _own_state(state: Path) -> Iterator[None]:
    before = os.environ.get("BDR_CONSOLE_STATE")
    os.environ["BDR_CONSOLE_STATE"] = str(state)
    try:
        yield
    finally:
        if before is None:
            del os.environ["BDR_CONSOLE_STATE"]
        else:
            os.environ["BDR_CONSOLE_STATE"] = before


def run_cell(lab: Lab, state: Path, mode: str, step: str, fault: str) -> str:
    """Run one cell and return how the run ended; raises AssertionError when the cluster is not whole then."""
    with _own_state(state):
        if step in ("wait_close", "drained", "quiet", "barrier"):
            lab.break_(*_HELD)
        console = Console(lab, state, mode)
        cell = Cell(lab, state, console, step)
        try:
            cell.reach()
            mend = FAULTS[fault](cell)
            _react(cell)
            mend()
            if step in _LASTING:
                lab.mend(*_LASTING[step])
            ended, view = _finish(cell, goes_on=fault in _GOES_ON)
            assert fault not in _HURTS_NOTHING or ended == RunStatus.DONE.value, f"it should be done: {ended}"
            moved = moves_by_itself(mode, step, fault)
            written = "+".join(sorted(_whole(lab)))
            # A run may be done although a proxy lost its memory meanwhile, with the split as its problem.
            all_well = view.status in (RunStatus.DONE, RunStatus.UNDONE) and not _says_split(view)
            assert not all_well or "+" not in written, f"{ended}, but {written} are written"
            # A gradual run may lose updates, and says so.
            counted = _counted(lab, losing=moved or mode == "gradual")
        finally:
            _end(cell)
        return f"{ended}; {written} written; {counted}"


def _counted(lab: Lab, *, losing: bool) -> str:
    """What the load says of it; raises AssertionError when a node lacks what was acknowledged to a client."""
    result = lab.stop_load()
    assert not result.unread, f"not counted: {dict(result.unread)}"
    missing = {c.node: result.transactions - c.ledger_rows for c in result.counts}
    assert all(rows <= 0 for rows in missing.values()), f"acknowledged transactions are missing: {missing}"
    assert losing or result.lost == 0, f"{result.lost} increments were overwritten by another node's"
    return f"{result.transactions} done, {result.failed} failed, {result.lost} overwritten"


def _react(cell: Cell) -> None:
    """Let the run live with the fault: until it ends, or three seconds are over."""
    end = time.monotonic() + 3
    wait_until(lambda: cell.view.status.over or time.monotonic() > end, "three seconds pass", pause=0.05)


def _finish(cell: Cell, *, goes_on: bool) -> tuple[str, RunView]:
    """Bring the run to its end as an operator would; says how, and the run as it is at last."""
    behind = cell.step in ("hold", "ready", "enable")
    said, moved, before = 0.0, time.monotonic(), None

    def word(view: RunView) -> str:
        if view.status is RunStatus.HOLDING:
            return "go" if goes_on or behind else "abort"
        return "go" if behind and not goes_on else "abort"

    def over() -> RunView | None:
        nonlocal said, moved, before
        view = cell.view
        offered = [offer.word for offer in view.offers]
        if view.status.over:
            return view
        if (steps := (view.status, *(step.status for step in view.steps))) != before:
            moved, before = time.monotonic(), steps
        on_its_way = goes_on and view.status is not RunStatus.HOLDING and time.monotonic() - moved < _PATIENCE
        if not on_its_way and time.monotonic() - said > 1 and (word(view) in offered or "abort" in offered):
            cell.say(word(view) if word(view) in offered else "abort")
            said = time.monotonic()
        return None

    def stands() -> str:
        return f"the run ends: {cell.view.status.value}: {cell.view.message}"

    view = wait_until(over, stands, seconds=90, pause=0.05)
    assert view is not None
    ended = [view.status.value]
    for _ in range(3):
        if view.status not in (RunStatus.LOST, RunStatus.STOPPED) or _only_split(view):
            break
        launch.again(view.run_id, undo=True)
        view = cell.until(lambda now: now.status.over and _recovered(cell), "undo to end", 60)
        ended.append(f"undo: {view.status.value}")
    stays = f"{' -> '.join(ended)}: {view.message} In force: {view.in_force}; left: {view.leftovers}"
    assert view.status not in (RunStatus.LOST, RunStatus.STOPPED) or _only_split(view), stays
    return " -> ".join((*ended, *(["writes are split"] if _says_split(view) else []))), view


def _says_split(view: RunView) -> bool:
    """Whether the run's problems name the two nodes that are written."""
    return any(text.startswith("Writes are split") for text in view.problems)


def _only_split(view: RunView) -> bool:
    """Whether all is taken back, and the run says that two nodes are written: no undo can take that back."""
    return view.status is RunStatus.STOPPED and not view.in_force and "write on two nodes" in view.message


def _recovered(cell: Cell) -> bool:
    """Whether the runner that took over has ended."""
    return cell.pid is None


def _whole(lab: Lab) -> set[str]:
    """Wait until writes succeed through every pooler and HAProxy, every server takes traffic, and nobody is
    paused; returns the nodes that were written."""
    wrong: list[str] = []
    written: set[str] = set()
    ways = {way.name: way.port for way in lab.layout.poolers} | {
        way.name: way.port for way in lab.layout.proxies
    }

    def whole() -> bool:
        wrong[:] = _left_out(lab)
        written.clear()
        for name, port in ways.items():
            node, error = _write(lab, port)
            written.add(node)
            if error:
                wrong.append(f"no write through {name}: {error}")
        return not wrong

    wait_until(whole, lambda: "; ".join(wrong), seconds=40, pause=0.2)
    return written


def _left_out(lab: Lab) -> list[str]:
    return [line for proxy in lab.layout.proxies for line in _left_out_of(lab, proxy.name)]


def _left_out_of(lab: Lab, proxy: str) -> list[str]:
    command = ["socat", "-", f"UNIX-CONNECT:{lab.layout.socket(proxy)}"]
    asked = "show servers state bk_db\n"
    told = subprocess.run(
        command, input=asked, capture_output=True, text=True, timeout=10, check=False
    ).stdout
    rows = [line.split() for line in told.splitlines() if line[:1].isdigit() and len(line.split()) > 10]
    if not rows:
        return [f"{proxy} does not answer"]
    return [f"{proxy}: {row[3]} is left out" for row in rows if int(row[6]) & 0x27 or row[5] == "0"]


def _write(lab: Lab, port: int) -> tuple[str, str]:
    """The node that was written, or what kept it from that."""
    dsn = lab.layout.dsn(port, "app") + " connect_timeout=3"
    command = ["timeout", "5", "psql", "-qAtX", "-c", _WRITE, dsn]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return ("", done.stderr.strip()[:120] or "no answer") if done.returncode else (done.stdout.strip(), "")


def _end(cell: Cell) -> None:
    """Leave nothing behind, whatever happened."""
    cell.console.close()
    for journal in cell.state.glob(f"**/{JOURNAL}"):
        holder = holder_of(journal.parent / RUNNER_LOCK)
        if holder:
            with suppress(OSError):
                os.kill(int(holder["pid"]), signal.SIGKILL)


def commands_sent(run: Path) -> list[str]:
    """What went out, for a failure's message."""
    events = [json.loads(line) for line in (run / JOURNAL).read_text().splitlines()]
    return [event["command"] for event in events if event["event"] == "intent"]
