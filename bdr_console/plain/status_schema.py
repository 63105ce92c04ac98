"""The JSON of `bdr-console status --json`: every field with its type, its unit and what null means.

Its JSON Schema is docs/status.schema.json. Fields may be added at any time; `schema` is raised when one goes
or changes its meaning.
"""

import json
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

SCHEMA: Literal[1] = 1

LevelWord = Literal["ok", "unknown", "warning", "critical"]
ImpactWord = Literal["other", "redundancy", "data", "clients"]


class Part(BaseModel):
    """One object of the output."""

    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, json_schema_serialization_defaults_required=True
    )


class FindingJson(Part):
    """One thing that is not as it should be."""

    level: LevelWord
    """How bad it is."""
    subject: str
    """What it is about: a node, `a -> b`, `proxy/backend/server`, a pooler, a group, `conflicts`."""
    text: str
    """The reason, in words. The wording may change at any time."""
    code: str
    """What sort of thing it is, for example link.lag; what follows a colon names the case."""
    root: int | None
    """The place in `findings`, from 0, of the finding that causes this one; null for one that stands for
    itself."""
    expected: bool
    """Whether it belongs to a run that is under way; it does not count for the verdict."""
    impact: ImpactWord
    """Who is hurt: clients (cut off or hanging), data (lost, or soon), redundancy, or other."""
    clients: int | None
    """Clients that are cut off or hang by it; null where that is not known."""
    longest_wait_seconds: float | None
    """How long the first of them has waited; null as above."""
    remedy: str
    """What to do next, as a command where there is one. The wording may change at any time."""


class VerdictJson(Part):
    """The judgement of the whole cluster."""

    level: LevelWord
    """The worst finding's."""
    word: str
    """HEALTHY, UNKNOWN, DEGRADED or CRITICAL."""
    exit_code: Literal[0, 1, 2, 3]
    """What the command ends with: 0 ok, 1 warning, 2 critical, 3 unknown."""
    headline: str
    """One line: the word, the finding that hurts most, and how many more there are; with nothing wrong what
    is proved."""
    findings: tuple[FindingJson, ...]
    """By who is hurt: clients, data, redundancy, the rest; each followed by what it causes."""


class TargetJson(Part):
    """What every node, proxy and pooler has."""

    name: str
    """Its name in the configuration."""
    address: str
    """Where it is reached."""
    level: LevelWord
    """The worst finding about it."""
    fresh: bool
    """Whether what follows may be taken for the present."""
    seen_at: AwareDatetime | None
    """When it was read last; null when it never was."""
    error: str | None
    """Why the latest reading failed; null when it did not."""
    warning: str | None
    """What is wrong with the way it is reached, although it answers."""


class SessionsJson(Part):
    """Client backends of a node, without the console's own."""

    total: int
    """All of them."""
    active: int
    """Those that run a statement."""
    idle_in_transaction: int
    """Those that hold a transaction open and do nothing."""
    max_connections: int
    """The server's limit."""
    oldest_transaction_seconds: float | None
    """Age of the oldest open transaction; null when there is none."""


class NodeJson(TargetJson):
    """A PostgreSQL node."""

    state: str
    """`up`, `up, read-only`, `in recovery`, `joining`, `parted` ..., by the latest reading."""
    takes_traffic: bool | None
    """Whether it can take the clients' writes, whatever HAProxy sends there: a ready, writable member that
    lets in the users of the PgBouncers. Null where that cannot be told."""
    why_not: str | None
    """Why it cannot, or why that cannot be told, to be read after its name; null when it can."""
    engine: str | None
    """The replication engine and its version."""
    server_version: str | None
    """PostgreSQL's."""
    node_name: str | None
    """Its own name in the engine; null when it is no member, or has none."""
    group: str | None
    """Its node group."""
    membership: str | None
    """What the node says of its membership: ready, joining, standby, parting, parted, unknown."""
    read_only: bool | None
    """Whether it is set read-only."""
    apply_paused: bool | None
    """Whether it applies nothing at the moment; null where the engine has no such switch."""
    wal_lsn: str | None
    """Its WAL insert position, X/Y."""
    sessions: SessionsJson | None
    """Null when they could not be read."""
    unread: tuple[str, ...]
    """Parts of the reading that could not be had, each with the reason."""


class LinkJson(Part):
    """One direction of replication between two nodes."""

    origin: str
    """The node whose changes go this way."""
    target: str
    """The node that applies them."""
    level: LevelWord
    """The worst finding about it."""
    state: str
    """streaming, catching up, paused, down, unknown, no link."""
    reason: str
    """Why, in words."""
    fresh: bool
    """Whether it may be taken for the present."""
    seen_at: AwareDatetime | None
    """When the readings behind it were made."""
    lag_bytes: int | None
    """WAL that the target has not confirmed; null when nobody can see it."""
    lag_seconds: float | None
    """How old the oldest change is that was not applied; null while that is not known."""
    lag_seconds_at_least: float | None
    """How old it is at least: proved, also while lag_seconds is null."""
    retained_bytes: int | None
    """WAL that the origin keeps for the target."""
    pending_rows: int | None
    """Rows that wait to be sent, where an engine counts these instead of bytes."""


class ServerJson(Part):
    """A server of an HAProxy backend."""

    backend: str
    """The backend's name."""
    name: str
    """The server's name."""
    node: str | None
    """The configured node behind it; null when none could be matched."""
    level: LevelWord
    """The worst finding about it."""
    state: str
    """up, going down, down, coming up, maintenance, draining, not load-balanced, not checked, unknown."""
    takes_traffic: bool | None
    """Whether it can take the traffic: HAProxy would give it a new connection, and the node behind it can
    take the writes. A backup that waits for its turn can. Null where that cannot be told."""
    why_not: str | None
    """Why it cannot, or why that cannot be told; null when it can."""
    in_maintenance: bool
    """Whether it was taken out of service."""
    backup: bool
    """Whether it takes traffic only when the others do not."""
    weight: int | None
    """Null where HAProxy shows none."""
    sessions: int
    """Now."""
    queue: int
    """Requests that wait for it."""
    check: str | None
    """The check's result, for example L4OK; null while none runs."""
    since_seconds: int | None
    """How long it has been in this state."""
    sticky_keys: tuple[str, ...] | None
    """Keys of the backend's stick table that lead to it; null when they may not be read."""


class ProxyJson(TargetJson):
    """An HAProxy."""

    version: str | None
    """HAProxy's."""
    servers: tuple[ServerJson, ...]
    """Of the watched backends."""


class PoolJson(Part):
    """A pool of a PgBouncer."""

    database: str
    """The name that clients use."""
    user: str
    """Of its server connections."""
    mode: str
    """transaction, session or statement."""
    paused: bool
    """Whether its database is paused."""
    clients_active: int
    """Clients with a server connection, or in need of none."""
    clients_waiting: int
    """Clients that wait for a server connection."""
    max_wait_seconds: float
    """How long the first of them has waited."""
    servers_active: int
    """Server connections that serve a client."""
    servers_idle: int
    """Server connections that serve nobody."""
    servers: int
    """All of the pool's server connections."""
    close_needed: int | None
    """Server connections still to be closed after RECONNECT; null before PgBouncer 1.9."""


class PoolerJson(TargetJson):
    """A PgBouncer."""

    version: str | None
    """PgBouncer's."""
    pools: tuple[PoolJson, ...]
    """Without its own admin database."""


class RunJson(Part):
    """A run of this host that is under way, or that ended and left something changed."""

    run: str
    """Its id."""
    node: str
    """What it is about; of a rolling run the nodes."""
    who: str
    """user@host."""
    status: str
    """running, holding, undoing, or how it ended."""
    step: str | None
    """Where it stands; null between two steps."""
    started_at: AwareDatetime
    """When it began."""
    message: str
    """Why it waits, or what is to be done next."""


class LockJson(Part):
    """Who holds the operators' lock, on the first node that shows it."""

    node: str
    """Where it was seen."""
    holder: str
    """What the holder says of itself; its role when it says nothing."""
    client: str
    """The address it connects from."""
    since: str
    """When its session began, ISO 8601."""
    pid: int
    """Its backend on the node."""


class StatusJson(Part):
    """The state of one cluster at one moment."""

    schema_: Literal[1] = Field(alias="schema")
    """The version of this shape."""
    generated_at: AwareDatetime
    """When it was judged."""
    readings: int
    """Readings of every target that answers, at least, that the judgement rests on."""
    cluster: str
    """Its name in the configuration."""
    environment: str
    """Its label; empty for none."""
    verdict: VerdictJson
    """The judgement."""
    nodes: tuple[NodeJson, ...]
    """In the order of the configuration."""
    links: tuple[LinkJson, ...]
    """Every ordered pair of nodes."""
    proxies: tuple[ProxyJson, ...]
    """In the order of the configuration."""
    poolers: tuple[PoolerJson, ...]
    """In the order of the configuration."""
    runs: tuple[RunJson, ...]
    """The newest first."""
    lock: LockJson | None
    """Null when nobody holds it, as far as the nodes that answer tell."""


def schema() -> str:
    """The JSON Schema of one object of the output, as text that ends with a newline."""
    made = StatusJson.model_json_schema(mode="serialization")
    told = {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "bdr-console status"}
    return json.dumps(told, indent=2) + "\n"
