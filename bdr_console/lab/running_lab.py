"""A running lab, as the commands, the tests and the bench use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bdr_console.lab import bucardo_mesh, faults, layout, lifecycle, processes, recovery, workload
from bdr_console.lab.layout import Layout
from bdr_console.lab.pgbench import Stall
from bdr_console.lab.processes import ProcessState
from bdr_console.lab.programs import Wanted
from bdr_console.lab.workload import LoadOrder, LoadResult


@dataclass(frozen=True, slots=True)
class Lab:
    """One lab: real PostgreSQL nodes, HAProxy and PgBouncers on loopback."""

    layout: Layout

    @classmethod
    def load(cls, directory: Path) -> "Lab":
        """The lab that `up` has made in `directory`; raises ConsoleError when there is none."""
        return cls(layout.load(directory.absolute()))

    @property
    def config(self) -> Path:
        """The console's configuration file for this lab."""
        return self.layout.config

    def down(self) -> None:
        """Stop every process of the lab and remove its directory."""
        lifecycle.down(self.layout.directory)

    def status(self) -> tuple[ProcessState, ...]:
        """Every server of the lab, and the load and the held transaction where there are any."""
        programs = self.layout.programs
        servers = {
            **{
                node.name: f"PostgreSQL {programs.postgres.version} 127.0.0.1:{node.port}"
                for node in self.layout.servers
            },
            **{
                proxy.name: f"HAProxy {programs.haproxy.version} 127.0.0.1:{proxy.port}"
                for proxy in self.layout.proxies
            },
            **{
                pooler.name: f"PgBouncer {programs.pgbouncer.version} 127.0.0.1:{pooler.port}"
                f" ({pooler.mode} pool, to {pooler.proxy})"
                for pooler in self.layout.poolers
            },
        }
        if self.layout.engine == "bucardo":
            servers[bucardo_mesh.NAME] = "Bucardo's daemons"
        clients = {**workload.names(self.layout), **faults.CLIENTS}
        running = {name: what for name, what in clients.items() if processes.find(self.layout, name)}
        return tuple(_state(self.layout, name, what) for name, what in {**servers, **running}.items())

    def start_load(
        self,
        clients: int = 16,
        rate: int | None = 200,
        protocol: str = "simple",
        pooler: str | None = None,
        seconds: int | None = None,
    ) -> LoadOrder:
        """Start pgbench through a PgBouncer, or spread over the transaction pool of every HAProxy.

        `rate` is in transactions per second of all clients (None: as many as go).
        """
        return workload.start(self.layout, clients, rate, protocol, pooler, seconds)

    def stop_load(self) -> LoadResult:
        """End the load, wait for replication to come to rest, and count what arrived on every node."""
        return workload.stop(self.layout)

    @property
    def load_runs(self) -> bool:
        """Whether any part of a load is under way."""
        return any(processes.find(self.layout, name) for name in workload.names(self.layout))

    def load_result(self) -> LoadResult:
        """Count the latest load again; while it runs, what it has done so far."""
        return workload.result(self.layout)

    def break_(self, fault: str, target: str | None = None) -> None:
        """Make a fault on purpose (see `faults.FAULTS`) and return when it has its effect."""
        faults.strike(self.layout, fault, target)

    def mend(self, fault: str, target: str | None = None) -> None:
        """End a fault; harmless when there is none."""
        faults.mend(self.layout, fault, target)

    def mend_all(self) -> None:
        """End every fault and every leftover of a switchover: the lab is as after `up`; a load goes on."""
        recovery.mend_all(self.layout)

    def stall(self, since: datetime, until: datetime) -> Stall | None:
        """The longest transaction of the load that touches the window; None when none does."""
        return workload.stall(self.layout, since, until)


def _state(planned: Layout, name: str, what: str) -> ProcessState:
    process = processes.find(planned, name)
    if process is None:
        return ProcessState(name, what, "stopped", None)
    return ProcessState(name, what, "frozen" if process.frozen else "running", process.pid)


def up(
    directory: Path,
    nodes: int = 3,
    environment: str = "lab",
    engine: str = "bdr3",
    proxies: int = 1,
    wanted: Wanted = Wanted(),  # noqa: B008 - frozen
) -> Lab:
    """Start a lab in `directory` and return when it replicates and takes traffic; `wanted` names programs.

    A half-started lab is cleaned up; raises ConsoleError when one runs there or a part does not start.
    """
    return Lab(lifecycle.up(directory, nodes, environment, engine, proxies, wanted))


@contextmanager
def temporary(directory: Path, nodes: int = 3, engine: str = "bdr3") -> Iterator[Lab]:
    """A lab for as long as the block runs; no server of it, frozen or not, is left.

    A signal that would end the program ends the block first, and no second one interrupts the cleaning.
    Raises ConsoleError as `up` does.
    """
    with lifecycle.signals_end_it():
        made = up(directory, nodes, engine=engine)
        try:
            yield made
        finally:
            with lifecycle.signals_ignored():
                made.down()
