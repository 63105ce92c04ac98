"""The watchdog of a pause: a small process of its own session that lets the clients go on when the run dies.

`python -m bdr_console.runbooks.guard.watchdog RUN_DIRECTORY`. It opens its connections, says `ready`, and
follows the pipe that the runner writes to: each line is the list of what would have to be taken back now,
and until when. When the pipe ends (the runner is gone, however) or the time is up, it takes that back:
servers first, so that clients go on where they were, then on each PgBouncer by itself RESUME and the
settings. `{"done": true}` ends it without a command. It writes what it does to the run's journal beside
that, and keeps the run's locks to its end. It ignores SIGHUP, SIGINT and SIGTERM: it ends with its runner.
"""

import asyncio
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bdr_console.cluster.poolers import nothing_paused
from bdr_console.config import ClusterSettings, load
from bdr_console.errors import ConsoleError, described
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.haproxy import HaproxyAdmin
from bdr_console.links.pgbouncer import PgBouncerAdmin
from bdr_console.links.sentry import Sentry
from bdr_console.paths import open_private
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.step import Act

_READY_WITHIN = 20.0
_DEADLINE = 1.0
"""Seconds that one target may take to answer: a server that hangs must not keep clients waiting."""
_RESUME_FOR, _SET_FOR, _SERVERS_WITHIN = 60.0, 5.0, 1.5
"""Seconds for which a RESUME or a setting is tried on a PgBouncer that does not answer, half a second apart,
and after which clients go on although a HAProxy has not answered."""
_AFTER_US, _UNTIL_TOLD = 2.0, 600.0
"""Seconds that a watchdog beside a PgBouncer waits longer than this one; and where no time was named."""


class Watchdog:
    """The runner's end: starts the process, tells it what is in force, and lets it go."""

    def __init__(self, directory: Path, journal: Journal, locks: Sequence[int] = ()) -> None:
        """`locks` are descriptors of the run's locks: they stay held until the watchdog has ended too, so
        that no other run begins while it takes something back."""
        self._directory = directory
        self._journal = journal
        self._locks = tuple(locks)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def gone(self) -> bool:
        """Whether it has ended: it has acted already, or it was killed."""
        return self._process is not None and self._process.poll() is not None

    async def arm(self) -> None:
        """Start it, connected and ready; raises ConsoleError when it cannot be."""
        process = self._process = await asyncio.to_thread(self._spawn)
        ready = process.stdout is not None and await asyncio.to_thread(_ready, process, process.stdout)
        if not ready:
            process.kill()
            raise ConsoleError(
                "it did not get ready: it could not reach a PgBouncer or HAProxy, or could not start",
                f"Look at {self._directory / 'watchdog.log'}.",
            )
        self._journal.write("watchdog", pid=process.pid, text="ready")

    def tell(self, acts: tuple[Act, ...], until: float) -> None:
        """From now on it would take back these, in this order, when the run is gone or at `until`."""
        told = [
            {"kind": act.kind, "target": act.target, "host": act.undo.host, "text": act.undo.text}
            for act in acts
            if act.undo
        ]
        self._write({"until": None if math.isinf(until) else until, "acts": told})

    def stand_down(self) -> None:
        """Nothing is left to take back: it ends."""
        self._write({"done": True})
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            threading.Thread(target=process.wait, name=f"watchdog {process.pid}", daemon=True).start()

    def _spawn(self) -> subprocess.Popen[bytes]:
        log = open_private(self._directory / "watchdog.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "bdr_console.runbooks.guard.watchdog", str(self._directory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                pass_fds=self._locks,
                cwd="/",
            )
        finally:
            os.close(log)

    def _write(self, message: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):  # it has ended: `gone` says so
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()


def _ready(process: subprocess.Popen[bytes], said: IO[bytes]) -> bool:
    until = time.monotonic() + _READY_WITHIN
    os.set_blocking(said.fileno(), False)
    while time.monotonic() < until and process.poll() is None:
        if said.read():
            return True
        time.sleep(0.01)
    return False


@dataclass(frozen=True, slots=True)
class TakeBack:
    """One command that would take something back."""

    kind: str
    target: str
    host: str
    text: str


@dataclass(frozen=True, slots=True)
class WatchdogOrders:
    """What the runner told last."""

    until: float | None
    acts: tuple[TakeBack, ...]
    done: bool = False


def parse(line: bytes) -> WatchdogOrders | None:
    """One line from the runner; None for a torn one: what was told before stays in force."""
    try:
        told = json.loads(line)
        acts = tuple(
            TakeBack(item["kind"], item["target"], item["host"], item["text"])
            for item in told.get("acts", ())
        )
        return WatchdogOrders(told.get("until"), acts, bool(told.get("done")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def servers_of(acts: Sequence[TakeBack]) -> tuple[TakeBack, ...]:
    """What goes to HAProxy: at once, and before any client goes on."""
    return tuple(act for act in acts if act.kind == "haproxy")


def by_pooler(acts: Sequence[TakeBack]) -> tuple[tuple[TakeBack, ...], ...]:
    """What goes to each PgBouncer, in the order of doing: RESUME, then settings."""
    names = dict.fromkeys(act.target for act in acts if act.kind == "pgbouncer")
    return tuple(
        tuple(
            sorted(
                (act for act in acts if (act.kind, act.target) == ("pgbouncer", name)),
                key=lambda act: not act.text.startswith("RESUME "),
            )
        )
        for name in names
    )


class WatchdogProcess:
    """The watchdog's own end: its connections, and what it does when its time comes."""

    def __init__(self, settings: ClusterSettings, journal: Journal) -> None:
        self._journal = journal
        self._writer = ThreadPoolExecutor(1, "journal")
        self._links = Links(settings, application_name="bdr-console watchdog", deadline=_DEADLINE)
        self._proxies = self._links.proxies(HaproxyAdmin)
        self._poolers = self._links.poolers(PgBouncerAdmin)
        self._sentries: dict[str, Sentry] = {}

    async def connect(self) -> None:
        """Reach every target once; raises ConsoleError."""
        await asyncio.gather(
            *(pooler.connect() for pooler in self._poolers.values()),
            *(proxy.show("show info") for proxy in self._proxies.values()),
            *(self._post(name) for name in self._poolers),
        )

    async def close(self) -> None:
        """Let go of everything; a watchdog on the other side that was not told to stand down acts now."""
        for sentry in self._sentries.values():
            sentry.leave()
        await asyncio.gather(*(pooler.close() for pooler in self._poolers.values()))
        await self._links.close()

    async def _post(self, name: str) -> None:
        """A second watchdog, on the other side of the SSH connection; the plan has warned of those that
        there cannot be."""
        try:
            sentry = await self._poolers[name].post_sentry()
        except LinkError as error:
            self._write("watchdog", text=f"none beside {name}: {error.reason}")
            return
        if sentry is not None:
            self._sentries[name] = sentry
            self._write("watchdog", text=f"another one beside {name}: {self._poolers[name].address}")

    def pass_on(self, charge: WatchdogOrders) -> None:
        """Tell the watchdogs on the other side what was told here; they leave us time to do it first."""
        left = _UNTIL_TOLD if charge.until is None else max(0.0, charge.until - time.monotonic())
        for name, sentry in self._sentries.items():
            mine = [act.text for act in charge.acts if act.kind == "pgbouncer" and act.target == name]
            sentry.tell(mine, left + _AFTER_US)

    async def stand_down(self) -> None:
        """The watchdogs on the other side end too."""
        await asyncio.gather(*(sentry.stand_down() for sentry in self._sentries.values()))

    async def take_back(self, acts: Sequence[TakeBack], why: str) -> None:
        """Take back what is in force, and say so in the journal."""
        self._write("watchdog", text=f"acts: {why}")
        servers = [asyncio.create_task(self._send(act, _SET_FOR)) for act in servers_of(acts)]
        if servers:
            await asyncio.wait(servers, timeout=_SERVERS_WITHIN)
        # A PgBouncer that hangs keeps nothing from the others.
        await asyncio.gather(*servers, *(self._each(chain) for chain in by_pooler(acts)))
        self._write("watchdog", text="has taken back what it could")

    async def _each(self, acts: Sequence[TakeBack]) -> None:
        for act in acts:
            await self._send(act, _RESUME_FOR if act.text.startswith("RESUME ") else _SET_FOR)

    async def _send(self, act: TakeBack, seconds: float) -> None:
        fields = {"step": "watchdog", "by": "watchdog", "undo": True, "host": act.host, "command": act.text}
        until, failed = time.monotonic() + seconds, ""
        self._write("intent", **fields)
        while True:
            try:
                if act.kind == "haproxy":
                    await self._proxies[act.target].act(act.text)
                else:
                    await self._poolers[act.target].act(act.text)
            except Exception as error:
                why = described(error)
                if nothing_paused(why):
                    self._write("error", **fields, error=why)
                    return
                if why != failed:
                    self._write("error", **fields, error=why)
                failed = why
            else:
                self._write("answer", **fields, answer="done")
                return
            if time.monotonic() >= until:
                return
            await asyncio.sleep(0.5)

    def _write(self, event: str, **fields: Any) -> None:
        """Beside the commands: a disk that hangs must not hold up the next one."""
        self._writer.submit(self._journal.write, event, **fields)


async def keep(keeper: WatchdogProcess, lines: asyncio.StreamReader) -> None:
    """Follow the runner until it says done, is gone, or the time is up; take back what is in force then."""
    charge = WatchdogOrders(None, ())
    while True:
        left = None if charge.until is None else max(0.0, charge.until - time.monotonic())
        try:
            async with asyncio.timeout(left):
                line = await lines.readline()
        except TimeoutError:
            await keeper.take_back(charge.acts, "the pause has lasted as long as it may")
            return
        if not line.endswith(b"\n"):
            if charge.acts:
                await keeper.take_back(charge.acts, "the runner is gone")
            return
        told = parse(line)
        if told is not None and told.done:
            await keeper.stand_down()
            return
        if told is not None:
            keeper.pass_on(told)
        charge = told or charge


async def _main(directory: Path) -> None:
    request = json.loads((directory / "request.json").read_text(encoding="utf-8"))
    _, settings = load(Path(request["config"])).cluster(request["cluster"])
    keeper = WatchdogProcess(settings, Journal(directory, request["run"]))
    try:
        await keeper.connect()
        loop = asyncio.get_running_loop()
        lines = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        os.write(sys.stdout.fileno(), b"ready\n")
        await keep(keeper, lines)
    finally:
        await keeper.close()


def main(arguments: list[str]) -> int:
    """Until the runner is done or gone; 0 when it did what was to do, 2 when it could not start."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o077)
    try:
        asyncio.run(_main(Path(arguments[0])))
    except ConsoleError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
