"""What HAProxy's configuration file says that its runtime socket does not show."""

from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """One server of a backend, as the file has it."""

    backend: str
    name: str
    cut_when_down: int | None = None
    """The line with `on-marked-down shutdown-sessions` that holds for it; None without one."""
    cuts_backups_when_up: int | None = None
    """The line with `on-marked-up shutdown-backup-sessions` that holds for it; None without one."""
    unknown: str = ""
    """Why that cannot be told from the file; empty when it can."""


@dataclass(frozen=True, slots=True)
class StateLoad:
    """Whether a backend takes its servers' states from a file when HAProxy is started or reloaded."""

    backend: str
    file: str | None
    """The file's name as it is written; None when it loads none."""
    unknown: str = ""
    """Why that cannot be told from the file; empty when it can."""


@dataclass(frozen=True, slots=True)
class ProxyFile:
    """One HAProxy's configuration file, or why it says nothing."""

    path: str
    servers: tuple[ServerOptions, ...] = ()
    states: tuple[StateLoad, ...] = ()
    problem: str = ""
    """Why nothing can be told from it: it could not be read, or it is not what HAProxy runs with."""

    @property
    def name(self) -> str:
        """The file's own name, without directory and host."""
        return PurePosixPath(self.path.split(" via ")[0]).name

    def server(self, backend: str, name: str) -> ServerOptions:
        """The options of that server; unknown when the file does not have it."""
        if self.problem:
            return ServerOptions(backend, name, unknown=self.problem)
        for server in self.servers:
            if (server.backend, server.name) == (backend, name):
                return server
        return ServerOptions(backend, name, unknown=f"{self.path} has no server {backend}/{name}")

    def state_load(self, backend: str) -> StateLoad:
        """Where that backend's states come from; unknown when the file does not have it."""
        if self.problem:
            return StateLoad(backend, None, self.problem)
        for load in self.states:
            if load.backend == backend:
                return load
        return StateLoad(backend, None, f"{self.path} has no backend {backend}")
