"""A simulated cluster for the step engine, no server behind it: obeys commands, unless told to misbehave."""

import asyncio
import errno
import os
import re
from dataclasses import dataclass, field, replace
from typing import Literal

from bdr_console.cluster.access import Access
from bdr_console.cluster.nodes import NodeFacts, PeerPosition, WalPositions
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.poolers import Pool, PoolDatabase, PoolerFacts
from bdr_console.cluster.proxies import (
    ProxyFacts,
    ProxyFile,
    ProxyServer,
    ServerOptions,
    ServerState,
    StateLoad,
    StickEntry,
)
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.errors import ConsoleError
from bdr_console.links.haproxy_text import ProxySession
from bdr_console.runbooks.journal.journal_file import Journal
from bdr_console.runbooks.model.reading import (
    Area,
    Backend,
    Load,
    Obstacles,
    PoolerSetup,
    PoolLoad,
    Reading,
    Rights,
    ServerConnection,
)
from bdr_console.runbooks.model.step import Act, TargetKind
from tests.cluster.builders import NAMES, NOW, node_facts

SERVERS = {"bdr_initial_node": "node1", "bdr_next_node": "node2", "bdr_node3": "node3"}
ENABLE = "enable server bk_db/bdr_initial_node"
NOTHING = Area(0)
NO_ANSWER = "timed out after 2.0 s"

SETTINGS = ClusterSettings.model_validate(
    {
        "environment": "test",
        "nodes": {node: {"dsn": f"host={node}", "server": server} for server, node in SERVERS.items()},
        "proxies": {
            name: {"socket": f"/run/{name}.sock", "listen": ["127.0.0.1:5433"]}
            for name in ("haproxy1", "haproxy2")
        },
        "poolers": {"pgb-tx": {"dsn": "host=127.0.0.1 port=6432 user=dba"}},
    }
)


@dataclass
class FakeConnection:
    """A server connection of the simulated pooler."""

    port: int
    server: str
    close_needed: bool = False
    busy: bool = False
    """Its client has a transaction open, so the pooler cannot close it."""
    started: str = "2026-11-22 02:00:00.000000+00"
    """backend_start of its backend, whose pid is the port."""


def direct(
    node: str = "node1", pid: int = 4711, age: float | None = None, application: str = "nightly-etl"
) -> Backend:
    """A session on a node that no PgBouncer knows."""
    state = "idle" if age is None else "idle in transaction"
    started = "2026-11-22 01:00:00.000000+00"
    return Backend(
        node, pid, started, "app", application, "10.9.9.9:1234", state, age, "INSERT INTO t", "app"
    )


def _maintenance() -> dict[str, set[str]]:
    return {"haproxy1": set(), "haproxy2": set()}


@dataclass
class FakeWorld:
    """Three nodes behind two HAProxies and one PgBouncer. Tests change its fields during a run."""

    nodes: dict[str, NodeFacts] = field(default_factory=lambda: {name: node_facts(name) for name in NAMES})
    maintenance: dict[str, set[str]] = field(default_factory=_maintenance)
    down: set[str] = field(default_factory=set)
    """Names of servers that HAProxy's checks find down."""
    weightless: set[str] = field(default_factory=set)
    """Names of servers that somebody has given weight 0."""
    marked_read_only: set[str] = field(default_factory=set)
    """Nodes that the engine marks read-only."""
    no_login: set[str] = field(default_factory=set)
    """Nodes where role app may not log in."""
    connections: list[FakeConnection] = field(
        default_factory=lambda: [FakeConnection(40000 + i, "bdr_initial_node") for i in range(3)]
    )
    silent: set[str] = field(default_factory=set)
    """Targets that do not answer."""
    refuse: dict[str, str] = field(default_factory=dict)
    """Command -> the error it is refused with."""
    lose_answer: set[str] = field(default_factory=set)
    """Commands that take effect but whose answer is lost."""
    ineffective: set[str] = field(default_factory=set)
    """Commands that are answered but change nothing."""
    logins: int = 0
    """Server connections that are logging in; counts down with each reading."""
    foreign: list[str] = field(default_factory=list)
    """Sources of sessions on the leaving server that no pooler knows."""
    direct: list[Backend] = field(default_factory=list)
    """Sessions on the nodes that came past HAProxy, or through an old process of one."""
    old_process: set[int] = field(default_factory=set)
    """Ports of pooled connections that an old process of HAProxy carries: no list shows them."""
    unplanned: set[int] = field(default_factory=set)
    """Ports of pooled connections of another database, whose address is not recognised."""
    half_closed: int = 0
    """Sessions on the leaving server whose clients have gone: a hanging server keeps them, no command ends
    them."""
    sticky: bool = False
    """New connections stay on the server that the traffic moved to, as a stick table keeps them."""
    stuck: dict[str, str] = field(default_factory=dict)
    """By HAProxy: what its stick table holds since clients came through it."""
    reloads: dict[str, int] = field(default_factory=dict)
    """How often each HAProxy was reloaded: another process answers then, without maintenance and table."""
    resumed_split: bool = False
    """Clients went on while one HAProxy kept node1 out and another one did not."""
    crash: Area = NOTHING
    """Parts whose reading raises an error that nobody has expected."""
    crash_on: set[str] = field(default_factory=set)
    """Commands at which such an error is raised, before they are sent."""
    confirmed: bool = True
    sent: list[tuple[str, str]] = field(default_factory=list)
    signals: list[tuple[str, str, int]] = field(default_factory=list)
    """(node, cancel or terminate, pid) of every backend that was signalled."""
    may_signal: bool = True
    may_see_backends: bool = True
    kills_clients: bool = False
    """PgBouncer is 1.24 or later: it has KILL_CLIENT, and clients have an id (here their port)."""
    waiting_closed: int = 0
    paused: bool = False
    """Database app is paused."""
    listed: bool = True
    """Whether SHOW DATABASES lists the database: one made by `*` vanishes while nobody is connected."""
    waited_on: bool = False
    """A WAIT_CLOSE was used before: PAUSE answers at once, with that tag."""
    settings: dict[str, str] = field(
        default_factory=lambda: {
            "server_login_retry": "15",
            "server_fast_close": "0",
            "default_pool_size": "20",
            "reserve_pool_size": "0",
        }
    )
    own_pool_size: int | None = None
    """Database app has a pool_size of its own, which no SET reaches."""
    failing_user: str = ""
    """Whose logins to database app fail again and again."""
    idle_databases: tuple[str, ...] = ()
    """Further databases that lead here, with nothing connected when the plan is made."""
    others: dict[str, Load] = field(default_factory=dict)
    """What further databases of the pooler are doing."""
    unserved: int = 0
    """Clients in a pool that has no server connection."""
    cuts_when_down: bool = False
    """HAProxy cuts the sessions of a server that is disabled (on-marked-down shutdown-sessions)."""
    cuts_backups_when_up: bool = False
    """It cuts those of the backup servers when the first one is enabled (on-marked-up)."""
    has_files: bool = True
    """HAProxy's configuration file is read: the console's own names it."""
    ended: dict[str, int] = field(default_factory=dict)
    """By server: sessions that HAProxy has cut there. It counts those that it has had."""
    broken_transactions: int = 0
    """Transactions that were open on a session that HAProxy has cut."""
    behind: int = 0
    """Looks under the pause for which node2 has not applied everything."""
    apply_blocked: bool = False
    """node2 applies nothing, pause or not."""
    unapplied_moves: int = 0
    """Clients that went on elsewhere before everything was applied there: each could lose an update."""

    async def read(self, parts: Area) -> Reading:
        """The parts asked for; the rest unread."""
        await asyncio.sleep(0)
        if parts & self.crash:
            raise ZeroDivisionError("nobody expected this")
        self._close_flagged()
        now_logging_in, self.logins = self.logins, max(0, self.logins - (Area.POOLERS in parts))
        snapshot = Snapshot(
            "shop",
            "test",
            NOW,
            1.0,
            tuple(self._node(name) for name in self.nodes) if Area.NODES in parts else (),
            tuple(self._proxy(name) for name in self.maintenance) if Area.PROXIES in parts else (),
            (self._pooler(now_logging_in),) if Area.POOLERS in parts else (),
        )
        heard = [name for name in self.maintenance if name not in self.silent]
        return Reading(
            snapshot,
            {name: self._sessions() for name in heard} if Area.SESSIONS in parts else {},
            {"pgb-tx": self._held()} if Area.CONNECTIONS in parts and "pgb-tx" not in self.silent else {},
            {name: () for name in self.nodes if name not in self.silent} if Area.ACTIVITY in parts else {},
            {f"haproxy/{name}": Rights(True, "level admin") for name in heard}
            | {"pgbouncer/pgb-tx": Rights(True, "user dba is an admin", 11800)},
            {name: self._backends(name) for name in self.nodes if name not in self.silent}
            if Area.BACKENDS in parts and self.may_see_backends
            else {},
            {name: Obstacles((), 3) for name in self.nodes if name not in self.silent}
            if Area.OBSTACLES in parts
            else {},
            {"pgb-tx": PoolerSetup(False, False, 1, None)} if Area.RIGHTS in parts else {},
            {name: frozenset({(name, "5432")}) for name in self.nodes},
            {"pgb-tx": self._loads()} if Area.LOADS in parts and "pgb-tx" not in self.silent else {},
            {"pgb-tx": dict(self.settings)} if Area.SETTINGS in parts and "pgb-tx" not in self.silent else {},
            files={name: self._file() for name in heard} if Area.FILES in parts and self.has_files else {},
        )

    async def positions(self, node: str) -> WalPositions:
        """The peers' positions; behind ones catch up by one look each."""
        await asyncio.sleep(0)
        if node in self.silent:
            raise ConsoleError(f"{node}: {NO_ANSWER}")
        self.behind = max(0, self.behind - self.paused)
        late = self.apply_blocked or (self.paused and self.behind)
        names = [name for name in self.nodes if name != node]
        return WalPositions(
            "0/200",
            tuple(PeerPosition(n, True, "0/100" if late and n == "node2" else "0/200") for n in names),
        )

    async def warm(self, poolers: frozenset[str], nodes: frozenset[str]) -> None:
        """Everything is always warm here."""

    async def send(self, kind: TargetKind, target: str, text: str) -> str:
        """Obey one command."""
        await asyncio.sleep(0)
        if text in self.crash_on:
            raise ZeroDivisionError("nobody expected this")
        self.sent.append((target, text))
        if target in self.silent:
            raise ConsoleError(f"{target}: `{text}`: {NO_ANSWER}")
        if text in self.refuse:
            raise ConsoleError(f"{target}: `{text}`: {self.refuse[text]}")
        if text not in self.ineffective:
            self._obey(target, text)
        if text in self.lose_answer:
            raise ConsoleError(f"{target}: `{text}`: {NO_ANSWER}")
        return text.split(maxsplit=1)[0]

    async def send_waiting(self, target: str, text: str) -> str:
        """Never answers by itself, as WAIT_CLOSE may."""
        self.sent.append((target, text))
        if text in self.refuse:
            raise ConsoleError(f"{target}: `{text}`: {self.refuse[text]}")
        if text.startswith("PAUSE"):
            self._obey(target, text)
            while any(c.busy for c in self.connections) and not self.waited_on:  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.001)
            return "WAIT_CLOSE" if self.waited_on else "PAUSE"
        try:
            await asyncio.Event().wait()
        finally:
            self.waiting_closed += 1
        return text

    async def signal(self, node: str, how: Literal["cancel", "terminate"], pid: int, started: str) -> bool:
        """End a backend, if that very one is still there."""
        await asyncio.sleep(0)
        if not self.may_signal:
            raise ConsoleError(f"{node}: permission denied", "Grant pg_signal_backend.")
        found = [c for c in self.connections if c.port == pid and c.started == started]
        if found:
            self.signals.append((node, how, pid))
            if how == "terminate":
                self.connections.remove(found[0])
        return bool(found)

    def _backends(self, node: str) -> tuple[Backend, ...]:
        # Under a PAUSE PgBouncer closes every server connection that is not in use.
        pooled = tuple(
            Backend(
                node,
                c.port,
                c.started,
                "app",
                "billing" if c.busy else "",
                "127.0.0.1:1",
                "idle in transaction" if c.busy else "idle",
                41.0 if c.busy else None,
                "UPDATE t SET n = 1",
            )
            for c in self.connections
            if SERVERS[c.server] == node and (c.busy or not self.paused)
        )
        foreign = self.foreign if node == "node1" else []
        return (
            *pooled,
            *(direct(node, 9000 + i, application="report") for i in range(len(foreign))),
            *(backend for backend in self.direct if backend.node == node),
        )

    def _obey(self, target: str, text: str) -> None:
        word, _, rest = text.partition(" ")
        if word in ("disable", "enable"):
            self._maintain(target, rest.rpartition("/")[2], out=word == "disable")
        elif word in ("shutdown", "KILL_CLIENT"):
            self._cut(target, text)
        elif word == "RECONNECT":
            for connection in self.connections:
                connection.close_needed = True
        elif word == "KILL":
            self.connections.clear()
            self.paused = True
        elif word == "PAUSE":
            self.paused = True
        elif word == "RESUME":
            if not self.paused:
                raise ConsoleError(f"{target}: `{text}`: database app is not paused")
            self.paused = False
            out = {"bdr_initial_node" in servers for servers in self.maintenance.values()}
            self.resumed_split |= len(out) > 1 and ("haproxy1", ENABLE) not in self.sent
            self.stuck = {proxy: self._takes_at(proxy) for proxy in self.maintenance}
            moved = [c for c in self.connections if not c.busy]
            if self._takes() != "bdr_initial_node" and (self.behind or self.apply_blocked):
                self.unapplied_moves += len(moved)
            for connection in moved:
                connection.server = self._takes()
        elif text == "RELOAD":
            self.settings = FakeWorld().settings
        elif match := re.fullmatch(r"SET (\w+) = '(\w*)'", text):
            self.settings[match[1]] = match[2]

    def _maintain(self, proxy: str, server: str, *, out: bool) -> None:
        (self.maintenance[proxy].add if out else self.maintenance[proxy].discard)(server)
        if proxy != "haproxy1":
            return  # the sessions are the same ones on both: they are cut once
        if out and self.cuts_when_down:
            self._cut_by_haproxy([c for c in self.connections if c.server == server])
        elif not out and self.cuts_backups_when_up and server == "bdr_initial_node":
            self._cut_by_haproxy([c for c in self.connections if c.server != server])

    def _cut_by_haproxy(self, cut: list[FakeConnection]) -> None:
        """PgBouncer has none of its sessions under a PAUSE but those in use."""
        self.broken_transactions += sum(c.busy for c in cut)
        for connection in cut:
            self.connections.remove(connection)
            self.ended[connection.server] = self.ended.get(connection.server, 0) + (
                connection.busy or not self.paused
            )
            self.connections.append(FakeConnection(connection.port + 1000, self._takes()))

    def _cut(self, target: str, text: str) -> None:
        """End the sessions on one server, or those of one client."""
        whose = re.split("[ /]", text)[-1]
        left = [c for c in self.connections if whose not in (c.server, str(c.port))]
        if left == self.connections and text.startswith("KILL_CLIENT"):
            raise ConsoleError(f"{target}: `{text}`: client not found")
        self.connections = left

    def _close_flagged(self) -> None:
        for connection in [c for c in self.connections if c.close_needed and not c.busy]:
            self.connections.remove(connection)
            self.connections.append(FakeConnection(connection.port + 1000, self._takes()))

    def reload(self, proxy: str) -> None:
        """Reload a HAProxy: the new process knows neither the maintenance nor the stick table."""
        self.maintenance[proxy].clear()
        self.stuck.pop(proxy, None)
        self.reloads[proxy] = self.reloads.get(proxy, 0) + 1

    def _takes(self) -> str:
        usable = [
            name
            for name in SERVERS
            if name not in self.weightless and not any(name in out for out in self.maintenance.values())
        ]
        if self.sticky and (kept := self.stuck.get("haproxy1")) in usable and kept is not None:
            return kept
        return usable[0] if usable else "bdr_next_node"

    def _takes_at(self, proxy: str) -> str:
        """The server that one HAProxy sends new connections to."""
        usable = [n for n in SERVERS if n not in self.maintenance[proxy] and n not in self.weightless]
        kept = self.stuck.get(proxy) if self.sticky else None
        return kept if kept in usable and kept is not None else usable[0] if usable else "bdr_next_node"

    def _loads(self) -> dict[str, Load]:
        busy = sum(c.busy for c in self.connections)
        size = self.own_pool_size or int(self.settings["default_pool_size"])
        load = Load(busy, self.logins, len(self.connections), 0, None, None, self.unserved)
        own = replace(load, paused=self.paused, pool_size=size) if self.listed else load
        if self.failing_user:
            tries = PoolLoad(self.failing_user, 0, 1, 1)
            served = PoolLoad("app", len(self.connections), 0, 0)
            own = replace(
                own,
                busy=own.busy + 1,
                logins=own.logins + 1,
                servers=own.servers + 1,
                pools=(served, tries),
            )
        return self.others | {"app": own}

    def _node(self, name: str) -> Observed[NodeFacts]:
        if name in self.silent:
            return Observed(name, f"{name}:5432", error=NO_ANSWER)
        facts = self.nodes[name]
        if name in self.marked_read_only:
            members = tuple(replace(m, read_only=m.is_local) for m in facts.members)
            facts = replace(facts, members=members)
        if name in self.no_login:
            facts = replace(facts, logins=(Access("app", "app", can_login=False),))
        if not self.confirmed:
            facts = replace(facts, slots=tuple(replace(slot, confirmed_lsn="0/1") for slot in facts.slots))
        return Observed(name, f"{name}:5432", facts, NOW)

    def _proxy(self, name: str) -> Observed[ProxyFacts]:
        address = f"/run/{name}.sock"
        if name in self.silent:
            return Observed(name, address, error=NO_ANSWER)
        servers = tuple(self._server(name, server, node) for server, node in SERVERS.items())
        reloads = self.reloads.get(name, 0)
        stick = (StickEntry("bk_db", "127.0.0.1", self._takes_at(name)),)
        facts = ProxyFacts("2.6.12", 1 + reloads, 1 if reloads else 60, 1, servers, stick)
        return Observed(name, address, facts, NOW)

    def _file(self) -> ProxyFile:
        """As haproxy.cfg has it: lines 9 (default-server) and 14 (the first server)."""
        down, up = 9 if self.cuts_when_down else None, 14 if self.cuts_backups_when_up else None
        servers = tuple(
            ServerOptions("bk_db", name, down, up if name == "bdr_initial_node" else None) for name in SERVERS
        )
        return ProxyFile("/etc/haproxy/haproxy.cfg", servers, (StateLoad("bk_db", None),))

    def _server(self, proxy: str, server: str, node: str) -> ProxyServer:
        out, down = server in self.maintenance[proxy], server in self.down
        state = ServerState.MAINT if out else ServerState.DOWN if down else ServerState.UP
        # Under a PAUSE PgBouncer closes every server connection that is not in use.
        sessions = sum(c.server == server and (c.busy or not self.paused) for c in self.connections)
        sessions += len(self.foreign) + self.half_closed if server == "bdr_initial_node" else 0
        return ProxyServer(
            "bk_db", server, f"{node}:5432", node, state.name, state, server != "bdr_initial_node",
            0 if server in self.weightless else 1,
            sessions, sessions + self.ended.get(server, 0), 0, "L4OK", None, 60, 1 if out else 0,
        )  # fmt: skip

    def _sessions(self) -> tuple[ProxySession, ...]:
        open_ = [c for c in self.connections if c.busy or not self.paused]
        open_ = [c for c in open_ if c.port not in self.old_process]
        pooled = [(f"127.0.0.1:{c.port}", c.server) for c in open_]
        gone = [f"127.0.0.1:{39000 + i}" for i in range(self.half_closed)]
        named = [*pooled, *((source, "bdr_initial_node") for source in (*self.foreign, *gone))]
        return tuple(ProxySession("0x1", source, "ft", "bk_db", server, "1s") for source, server in named)

    def _held(self) -> tuple[ServerConnection, ...]:
        return tuple(
            ServerConnection(
                "odd" if c.port in self.unplanned else "app",
                "app",
                "active" if c.busy else "idle",
                f"127.0.0.1:{c.port}",
                c.close_needed,
                c.port,
                "billing" if c.busy else "",
                "10.0.3.7:5000" if c.busy else None,
                "2026-11-22 03:00:00 UTC",
                client_id=str(c.port) if c.busy and self.kills_clients else None,
            )
            for c in self.connections
        )

    def _pooler(self, logins: int) -> Observed[PoolerFacts]:
        if "pgb-tx" in self.silent:
            return Observed("pgb-tx", "127.0.0.1:6432", error=NO_ANSWER)
        flagged = sum(c.close_needed for c in self.connections)
        pool = Pool("app", "app", "transaction", 3, 0, 0, 3, 0, 0, logins, 0.0, flagged)
        size = self.own_pool_size or 20
        leads = ("haproxy1", "haproxy2")
        database = PoolDatabase("app", "127.0.0.1", 5433, self.paused, False, size, 3, "app", leads)
        known = (database, *(replace(database, name=name) for name in self.idle_databases))
        return Observed("pgb-tx", "127.0.0.1:6432", PoolerFacts("1.18.0", (pool,), known), NOW)


class FullDiskJournal(Journal):
    """A journal whose disk is full while `full` says so."""

    full = False

    def _append(self, line: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super()._append(line)


class FakeWatch:
    """A watchdog that starts no process: it remembers what it was told."""

    def __init__(self) -> None:
        self.armed = 0
        self.told: list[tuple[str, ...]] = []
        self.stood_down = 0
        self.gone = False

    async def arm(self) -> None:
        """Count it."""
        self.armed += 1

    def tell(self, acts: tuple[Act, ...], until: float) -> None:
        """Remember the commands that it would send."""
        self.told.append(tuple(act.undo.text for act in acts if act.undo))

    def stand_down(self) -> None:
        """Count it."""
        self.stood_down += 1
