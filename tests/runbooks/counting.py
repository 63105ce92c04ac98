"""Counts what the console keeps open at each target of the lab, as the targets themselves see it."""

import asyncio
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg

from bdr_console.config import load
from bdr_console.lab import Lab
from bdr_console.monitor import Monitor

_PAUSE = 0.005
_CONNECTED = "03"
_SESSIONS = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'bdr-console%'"


def _whose(application: str) -> str:
    """`bdr-console run ab12 me@here step hold` -> run; the console itself -> watch."""
    word = re.match(r"bdr-console (\w+)", application)
    return word[1] if word else "watch"


class Counted:
    """The most that was open at one moment, by target and whose it was: run, watchdog, watch."""

    def __init__(self) -> None:
        self.most: dict[str, Counter[str]] = {}
        self.together: Counter[str] = Counter()
        """Of runs and their watchdogs, by target."""
        self.looks = 0

    def note(self, target: str, applications: list[str]) -> None:
        """One look at one target."""
        now = Counter(map(_whose, applications))
        self.most[target] = self.most.get(target, Counter()) | now
        self.together[target] = max(self.together[target], now["run"] + now["watchdog"])
        self.looks += 1

    def of(self, whose: str) -> dict[str, int]:
        """The most by target, of those where there was any."""
        return {target: most[whose] for target, most in self.most.items() if most[whose]}


@contextmanager
def connections_counted(lab: Lab) -> Iterator[Counted]:
    """Count while the block runs, many times a second, with a console watching the lab as well."""
    counted, over = Counted(), threading.Event()
    proxies = load(lab.config).clusters["lab"].proxies
    jobs = [
        partial(_watch, lab, over),
        *(partial(_on_node, lab, node.name, counted, over) for node in lab.layout.nodes),
        *(partial(_on_pooler, lab, pooler.name, counted, over) for pooler in lab.layout.poolers),
        *(partial(_on_proxy, name, proxy.socket, counted, over) for name, proxy in proxies.items()),
    ]
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield counted
    finally:
        over.set()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)


def _watch(lab: Lab, over: threading.Event) -> None:
    async def console() -> None:
        monitor = Monitor("lab", load(lab.config).clusters["lab"], 0.2)
        task = asyncio.create_task(monitor.run())
        await asyncio.to_thread(over.wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(console())


def _on_node(lab: Lab, name: str, counted: Counted, over: threading.Event) -> None:
    # Not in the replicated database: there it would be a client that keeps the node from being drained.
    dsn = lab.layout.dsn(lab.layout.node(name).port, database="postgres")
    with psycopg.connect(dsn, autocommit=True) as session:
        while not over.wait(_PAUSE):
            counted.note(name, [row[0] for row in session.execute(_SESSIONS)])


def _on_pooler(lab: Lab, name: str, counted: Counted, over: threading.Event) -> None:
    dsn = lab.layout.dsn(lab.layout.pooler(name).port, "bdr_console", "pgbouncer")
    with psycopg.connect(dsn, autocommit=True, prepare_threshold=None) as console:
        while not over.wait(_PAUSE):
            cursor = console.execute("SHOW CLIENTS")
            names = [column.name for column in cursor.description or ()]
            rows = [dict(zip(names, map(str, row), strict=True)) for row in cursor]
            here = [row["application_name"] for row in rows if row["database"] == "pgbouncer"]
            counted.note(name, [name for name in here if name.startswith("bdr-console")])


def _on_proxy(name: str, socket: str, counted: Counted, over: threading.Event) -> None:
    """HAProxy does not say who is connected, but the system says how many are: everybody's."""
    while not over.wait(_PAUSE):
        rows = [row.split() for row in Path("/proc/net/unix").read_text().splitlines()]
        connected = [row for row in rows if row[-1].startswith(socket) and row[5] == _CONNECTED]
        counted.note(name, ["bdr-console any"] * len(connected))
