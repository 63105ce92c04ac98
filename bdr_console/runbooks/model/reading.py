"""One reading of the live cluster as steps and checks need it: a snapshot and the sessions behind it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Flag, auto

from bdr_console.cluster.activity import PreparedTransaction
from bdr_console.cluster.addresses import Names, Place
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.poolers import PoolerFacts
from bdr_console.cluster.proxies import ProxyFacts, ProxyFile, ProxyServer
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.links.haproxy_text import ProxySession
from bdr_console.links.ssh_route import Login


class Area(Flag):
    """What to read: each part costs one round trip to its targets, all targets at the same time."""

    NODES = auto()
    PROXIES = auto()
    SESSIONS = auto()
    """HAProxy's sessions (show sess)."""
    POOLERS = auto()
    CONNECTIONS = auto()
    """PgBouncer's server connections and the clients that hold them (SHOW SERVERS, SHOW CLIENTS)."""
    ACTIVITY = auto()
    """Open transactions on the nodes by backend pid (pg_stat_activity)."""
    RIGHTS = auto()
    """What the console may do at each HAProxy and PgBouncer, and how each PgBouncer is set up."""
    BACKENDS = auto()
    """Every client backend of the nodes, with or without a transaction (pg_stat_activity)."""
    OBSTACLES = auto()
    """What on a node stands in the way: prepared transactions, global locks, reserved connections."""
    LOADS = auto()
    """What each PgBouncer's databases are doing right now, and whether they are paused: the quick look."""
    SETTINGS = auto()
    """The settings of each PgBouncer that a run changes and puts back (SHOW CONFIG)."""
    FILES = auto()
    """HAProxy's configuration files, where they are configured; only with PROXIES."""


@dataclass(frozen=True, slots=True)
class ServerConnection:
    """One server connection of a PgBouncer, with the client that holds it."""

    database: str
    user: str
    state: str
    local: str
    """host:port on the pooler's side: the `source` of the HAProxy session it goes through."""
    close_needed: bool
    remote_pid: int | None
    """The backend's pid on the node; None when PgBouncer does not know it."""
    application: str = ""
    """Of the client that holds it, or of the connection itself."""
    client: str | None = None
    """host:port of the client that holds it; None when no client does."""
    since: str = ""
    """When the last request began, as PgBouncer writes it."""
    dialled: str = ""
    """host:port that PgBouncer connected to: HAProxy's address as `stick on dst` sees it."""
    client_id: str | None = None
    """What KILL_CLIENT names the client by; None where PgBouncer is older than that (1.24)."""


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """One backend with a transaction open, from pg_stat_activity."""

    node: str
    pid: int
    age: float
    """Seconds since the transaction began."""
    state: str
    application: str
    client: str


@dataclass(frozen=True, slots=True)
class Backend:
    """One client backend, from pg_stat_activity."""

    node: str
    pid: int
    started: str | None
    """backend_start as the server writes it in UTC, to the microsecond; None when the role may not see it."""
    user: str
    application: str
    client: str
    state: str
    transaction_age: float | None
    """Seconds since its transaction began; None when none is open."""
    query: str
    """The current or last statement: cleaned, passwords masked, at most 200 characters."""
    database: str = ""
    hidden: bool = False
    """The role may not see more than that it is there: a client, or a process of the server's own."""
    may_signal: bool = True
    """Whether the console's role may cancel or terminate it."""
    of_superuser: bool = False


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What on one node stands in the way of a switchover."""

    prepared: tuple[PreparedTransaction, ...] | None
    """None when they could not be read."""
    reserved: int
    """Connections that only superusers get (superuser_reserved_connections and its like)."""
    why: str = ""
    """Why a part could not be read."""
    blockers: tuple[int, ...] = ()
    """The pids whose locks an apply worker waits for; 0 for a prepared transaction."""


@dataclass(frozen=True, slots=True)
class PoolerSetup:
    """How one PgBouncer is set up and reached, from SHOW CONFIG and SHOW STATE."""

    reuse_port: bool
    """so_reuseport: several processes may share its port."""
    by_socket: bool
    """The console reaches it over a UNIX socket, which belongs to one process."""
    processes: int
    """How many different processes answered a few connections to the same address."""
    paused: bool | None
    """A PAUSE of all databases; None before 1.19, where it cannot be seen without sending a command."""


@dataclass(frozen=True, slots=True)
class PoolLoad:
    """One user's pool in that database."""

    user: str
    established: int
    """Server connections past their login."""
    logins: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Load:
    """One database of a PgBouncer at this moment, all its pools together (SHOW POOLS, SHOW DATABASES)."""

    busy: int
    """Server connections that are in use, being tested, or logging in: 0 under a PAUSE means drained."""
    logins: int
    servers: int
    waiting: int
    """Clients that wait for a server connection."""
    paused: bool | None
    """None when SHOW DATABASES does not list it: one made by `*` vanishes while nobody is connected, and
    stays paused if it was."""
    pool_size: int | None = None
    """How many server connections each of its pools may have; None when it is not listed."""
    unserved: int = 0
    """Clients that wait in a pool without any server connection: it logs in whatever its size."""
    pools: tuple[PoolLoad, ...] = ()
    """By user; empty where nobody asks for them."""

    def without(self, users: Collection[str]) -> "Load":
        """The same without the pools of these users, as far as logins go."""
        left_out = [pool for pool in self.pools if pool.user in users]
        logins = sum(pool.logins for pool in left_out)
        return replace(
            self,
            busy=self.busy - logins,
            logins=self.logins - logins,
            servers=self.servers - logins,
            unserved=self.unserved - sum(p.waiting for p in left_out if not p.established + p.logins),
        )


@dataclass(frozen=True, slots=True)
class CatchUp:
    """How long the peers of a node needed to apply what it had written at one moment."""

    seconds: float | None
    """None when they had not applied it while they were watched."""
    why: str = ""
    """Who had not, and how far it was."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What the console may do at one target; None where it could not be asked."""

    may_act: bool | None
    said: str
    """What the target answered, as evidence."""
    version: int = 0
    """PgBouncer's version as a number (11800 for 1.18.0); 0 for HAProxy."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything one look brought. A target that did not answer has its error in the snapshot, and is
    missing from the mappings: nothing may be concluded about it."""

    snapshot: Snapshot
    sessions: Mapping[str, tuple[ProxySession, ...]] = field(default_factory=dict)
    connections: Mapping[str, tuple[ServerConnection, ...]] = field(default_factory=dict)
    activity: Mapping[str, tuple[OpenTransaction, ...]] = field(default_factory=dict)
    rights: Mapping[str, Rights] = field(default_factory=dict)
    """By kind and name: `haproxy/haproxy1`, `pgbouncer/pgb-tx`."""
    backends: Mapping[str, tuple[Backend, ...]] = field(default_factory=dict)
    obstacles: Mapping[str, Obstacles] = field(default_factory=dict)
    setups: Mapping[str, PoolerSetup] = field(default_factory=dict)
    """By PgBouncer; read with RIGHTS."""
    places: Mapping[str, frozenset[Place]] = field(default_factory=dict)
    """Where each node is known to be, by its DSN and by the address that was reached."""
    loads: Mapping[str, Mapping[str, Load]] = field(default_factory=dict)
    """By PgBouncer and database."""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By PgBouncer and key: server_login_retry, default_pool_size and their like."""
    names: Names = field(default_factory=dict)
    """What host names and machines have turned out to be."""
    machines: Mapping[str, str] = field(default_factory=dict)
    """By HAProxy: the machine that it runs on; its loopback is that machine's."""
    logins: Mapping[str, Login] = field(default_factory=dict)
    """By SSH host: how it let this process in."""
    catch_up: Mapping[str, CatchUp] = field(default_factory=dict)
    """By node, where it was measured."""
    unguarded: Mapping[str, str] = field(default_factory=dict)
    """By PgBouncer behind SSH: why no watchdog can run beside it; empty when one can. Read with RIGHTS."""
    files: Mapping[str, ProxyFile] = field(default_factory=dict)
    """By HAProxy: what its configuration file says, where one is configured and HAProxy answers."""

    def node(self, name: str) -> NodeFacts | None:
        """What that node said just now; None when it did not answer."""
        observed = self.snapshot.node(name)
        return observed.facts if observed and not observed.error else None

    def present(self) -> dict[str, NodeFacts]:
        """What each node said just now, by name; those that did not answer are not in it."""
        return {node.name: node.facts for node in self.snapshot.nodes if node.facts and not node.error}

    def proxy(self, name: str) -> ProxyFacts | None:
        """What that HAProxy said just now; None when it did not answer."""
        found = next((proxy for proxy in self.snapshot.proxies if proxy.name == name), None)
        return found.facts if found and not found.error else None

    def pooler(self, name: str) -> PoolerFacts | None:
        """What that PgBouncer said just now; None when it did not answer."""
        found = next((pooler for pooler in self.snapshot.poolers if pooler.name == name), None)
        return found.facts if found and not found.error else None

    def load(self, pooler: str, database: str) -> Load | None:
        """What that database is doing; None when its PgBouncer did not answer."""
        found = self.loads.get(pooler)
        return None if found is None else found.get(database, Load(0, 0, 0, 0, None))

    def server(self, proxy: str, subject: str) -> ProxyServer | None:
        """The server `backend/name` as that HAProxy shows it now."""
        facts = self.proxy(proxy)
        return next((s for s in facts.servers if f"{s.backend}/{s.name}" == subject), None) if facts else None
