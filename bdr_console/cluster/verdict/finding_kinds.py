"""Every code that a finding may have: what it means, who is hurt by it, what to do next. Pure.

One table for verdict line, alarm list, details, plain text, JSON and plugin. A new finding needs a row here;
`tests/cluster/test_finding_kinds.py` fails for a code that has none.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

_WORDS: tuple[Literal["other", "redundancy", "data", "clients"], ...] = (
    "other",
    "redundancy",
    "data",
    "clients",
)


class Impact(IntEnum):
    """Who is hurt; the highest names the cluster."""

    OTHER = 0
    """Nobody yet."""
    REDUNDANCY = 1
    """The next fault would hurt: fewer nodes could take over, or one is behind."""
    DATA = 2
    """Data are lost, differ, or soon will: changes thrown away, a slot lost, writes on two nodes."""
    CLIENTS = 3
    """Clients are cut off, refused, or hang."""

    @property
    def word(self) -> Literal["other", "redundancy", "data", "clients"]:
        """How JSON names it."""
        return _WORDS[self.value]


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One sort of finding."""

    reason: str
    """What it means, in one sentence without the figures of the case."""
    impact: Impact
    """Who is hurt as a rule; a finding that knows better says so itself."""
    remedy: str
    """What a DBA does next, a key or a command. Places in braces are filled from the finding's subject:

    `{subject}`, `{detail}` (what follows the colon in the code), `{at}` (the address of the node, proxy or
    pooler that it is about), `{origin}`, `{target}`, `{origin_at}`, `{target_at}` (of a link), `{proxy}`,
    `{backend}`, `{server}` (of HAProxy), `{pooler}`, `{database}` (of PgBouncer).
    """
    command: str = ""
    """The same where there are no keys: in plain text, and in a console that is read-only. Empty where the
    remedy names none."""


_OTHER, _REDUNDANCY, _DATA, _CLIENTS = Impact
_DETAILS = "enter: details"
_STATUS = "`bdr-console status --json` has its details"

KINDS: dict[str, FindingKind] = {
    # What does not answer
    "node.unreachable": FindingKind(
        "The node does not answer, so nothing is known of it.",
        _REDUNDANCY,
        "look at PostgreSQL on {at}; its log names the cause",
    ),
    "proxy.unreachable": FindingKind(
        "The HAProxy does not answer, so nothing is known of the clients that come through it.",
        _CLIENTS,
        "look at HAProxy at {at}: systemctl status haproxy",
    ),
    "pooler.unreachable": FindingKind(
        "The PgBouncer does not answer, so its clients may be cut off.",
        _CLIENTS,
        "look at PgBouncer at {at}: systemctl status pgbouncer",
    ),
    "host.unreachable": FindingKind(
        "Nothing on one host answers, or nothing that is reached through it.",
        _REDUNDANCY,
        "look whether {subject} and its network are up",
    ),
    "network.unreachable": FindingKind(
        "Nothing answers at all, so nothing is known.",
        _OTHER,
        "look at the network of this host first, then log in to a node",
    ),
    # Nodes
    "node.cut_off": FindingKind(
        "The node answers, but no peer exchanges changes with it: what clients write there stays there.",
        _DATA,
        "s: take {subject} out of service, then look at its network, {at}",
        "`bdr-console switchover {subject} --plan` takes it out of service; then look at its network, {at}",
    ),
    "node.caveat": FindingKind(
        "A setting or a state of the node makes replication or a switchover unsafe.",
        _REDUNDANCY,
        "enter: details of {subject}",
        "correct it on {at}",
    ),
    "node.read_only": FindingKind(
        "The node takes no writes.",
        _REDUNDANCY,
        "if nobody meant that, make {subject} writable again: enter shows its settings",
        "if nobody meant that, make {subject} writable again on {at}",
    ),
    "node.transaction": FindingKind(
        "An old transaction keeps vacuum and a switchover waiting.",
        _OTHER,
        "on {at}: SELECT pg_terminate_backend(pid)",
    ),
    "node.connections": FindingKind(
        "The node soon refuses new connections.",
        _REDUNDANCY,
        "end idle sessions on {at}, or raise max_connections",
    ),
    "node.unread": FindingKind(
        "A part of the node's state could not be read, so it cannot be judged.",
        _OTHER,
        "`bdr-console grants` prints what the console's role needs",
    ),
    "node.same": FindingKind(
        "Two configured nodes are one server, so a node is missing or a DSN leads elsewhere.",
        _DATA,
        "correct the DSN of {at}: does it lead through a proxy?",
    ),
    "node.logins": FindingKind(
        "The node refuses users that another node lets in, so it cannot take over.",
        _REDUNDANCY,
        "let the user in on {at} (role, password, pg_hba.conf)",
    ),
    "node.unserved": FindingKind(
        "No HAProxy server leads to the node.",
        _REDUNDANCY,
        "set `server:` of {subject} in the configuration to its name in HAProxy",
    ),
    "clock.skew": FindingKind(
        "Where the last update wins, a wrong clock lets an older one win.",
        _DATA,
        "set the clock of {at}: chronyc tracking, timedatectl",
    ),
    "sequence": FindingKind(
        "A sequence runs out of values; inserts will fail.",
        _REDUNDANCY,
        "give sequence {detail} on {at} a new range",
    ),
    # Members and groups
    "member.state": FindingKind(
        "The node is not, or not for everybody, a ready member of its group.",
        _REDUNDANCY,
        "compare the member lists: enter on each node",
        "compare the member lists: `bdr-console status --json` has that of each node",
    ),
    "member.unconfigured": FindingKind(
        "A member of the group is not in the configuration: its state, its lag and its WAL are watched by"
        " nobody.",
        _REDUNDANCY,
        "add it to the configuration (nodes: {subject}: {dsn: host=...}), or part it;"
        " `bdr-console init` finds where it is",
    ),
    "member.version": FindingKind(
        "Nodes run different versions.", _OTHER, "update {at} when the rolling update goes on"
    ),
    "raft.leaderless": FindingKind(
        "Without a Raft leader DDL, joins and global sequences wait.",
        _REDUNDANCY,
        "bring the missing nodes back: a majority elects a leader",
    ),
    "raft.split": FindingKind(
        "Nodes follow different Raft leaders, so they do not see each other.",
        _DATA,
        "look at the network between the nodes",
    ),
    "raft.lost": FindingKind(
        "The node follows no Raft leader.", _REDUNDANCY, "look at the network of {at}; its log has the cause"
    ),
    "raft.candidate": FindingKind(
        "The node does not accept the leader of the others.",
        _REDUNDANCY,
        "look at the network of {at}; its log has the cause",
    ),
    "raft.alone": FindingKind(
        "The node is alone in its Raft group.", _REDUNDANCY, "look at {at}: was its join finished?"
    ),
    "group.split": FindingKind(
        "Nodes send writes to different nodes.", _DATA, "look at the network between the nodes"
    ),
    "group.leaderless": FindingKind(
        "Without a write leader nothing routes writes.",
        _CLIENTS,
        "bring the nodes of {subject} back, or choose a leader",
    ),
    "group.fenced": FindingKind(
        "The write leader must not take writes.", _CLIENTS, "unfence it, or choose another leader"
    ),
    "lock": FindingKind(
        "A lock over all nodes is waited for or held too long.",
        _REDUNDANCY,
        "end the session that holds it (its pid on {at})",
    ),
    # Links
    "link.unknown": FindingKind(
        "Whether changes arrive cannot be told.",
        _OTHER,
        "enter: what each end says of the link",
        "look at the slot on {origin_at} and the subscription on {target_at}",
    ),
    "link.down": FindingKind(
        "Changes do not arrive, and their WAL is kept.",
        _REDUNDANCY,
        "the logs of {target} and {origin} name the cause",
    ),
    "link.lost": FindingKind(
        "The slot is gone: what was written since does not arrive any more.",
        _DATA,
        "compare the rows of {target} with {origin}'s, and join {target} anew",
    ),
    "link.paused": FindingKind(
        "Apply was stopped; changes wait.", _REDUNDANCY, "enable apply of {origin} on {target_at}"
    ),
    "link.stuck": FindingKind(
        "One transaction fails again and again; nothing after it is applied.",
        _DATA,
        "the cause is in {target}'s log; mend the row or the table on {target_at}",
    ),
    "link.lag": FindingKind(
        "The target is behind the origin.",
        _REDUNDANCY,
        "enter: what {target} is at (locks, load, apply)",
        "look what {target_at} is at: locks, load, apply",
    ),
    "wal.unreserved": FindingKind(
        "The WAL that the target needs is about to be removed; then it must be joined anew.",
        _DATA,
        "bring the reader back, or raise max_slot_wal_keep_size on {origin_at}",
    ),
    "slot.orphan": FindingKind(
        "Nobody reads the slot; its WAL is kept until the disk is full.",
        _DATA,
        "if nobody needs it, on {at}: SELECT pg_drop_replication_slot('{detail}')",
    ),
    "topology": FindingKind(
        "Links made by hand do not connect every node with every other.",
        _DATA,
        "create the missing subscription, with origin = none",
    ),
    "sets.missing": FindingKind(
        "A node takes a publication or replication set that does not exist, so changes are lost to it.",
        _DATA,
        "create it on {origin_at}; compare the rows",
    ),
    "sets.not_taken": FindingKind(
        "A node does not take a replication set that holds tables of its own: changes are lost to it.",
        _DATA,
        "add set {detail} to the subscription on {target_at}; compare the rows",
    ),
    "sets.changes": FindingKind(
        "A publication or replication set leaves out some sorts of changes, so rows differ.",
        _DATA,
        "let {detail} send every change on {origin_at}; compare the rows",
    ),
    "tables.not_sent": FindingKind(
        "A table is not sent any more, or not at all, so its changes are lost to a node that wants them.",
        _DATA,
        "add the table to a publication or set on {origin_at}; compare the rows",
    ),
    "tables.uncompared": FindingKind(
        "There are too many tables to read all names, and the sums of those that are sent each way differ.",
        _OTHER,
        "list the tables in no set on {origin_at}; add to one those that {target} has too",
    ),
    "link.blocked": FindingKind(
        "Apply waits for a lock, so nothing more of the origin is applied.",
        _REDUNDANCY,
        "end the session that holds the lock on {target_at}",
    ),
    "apply.blocked": FindingKind(
        "A replication worker waits for a lock.",
        _REDUNDANCY,
        "end the session that holds the lock on {at}",
    ),
    "subscription.down": FindingKind(
        "A subscription has no apply worker, and no node is known that it reads.",
        _DATA,
        "{at}'s log names the cause; was the slot dropped at the publisher?",
    ),
    "conflict.dropped": FindingKind(
        "The node threw changes of its peers away, so its rows differ.",
        _DATA,
        "compare the rows of {subject} with its peers', then SELECT pg_stat_reset_subscription_stats(NULL)",
    ),
    "conflict.deletes": FindingKind(
        "Deletes find no row: two nodes delete the same rows, or rows were missing before.",
        _OTHER,
        "nothing if two nodes delete the same rows; else compare the rows of {subject} with its peers'",
    ),
    "node.prepared": FindingKind(
        "A prepared transaction that nobody ends keeps its locks, and holds back vacuum and WAL.",
        _REDUNDANCY,
        "on {at}: SELECT * FROM pg_prepared_xacts, then ROLLBACK PREPARED or COMMIT PREPARED",
    ),
    "tables.not_taken": FindingKind(
        "A table is published, but the subscription does not know it: its changes are thrown away.",
        _DATA,
        "on {target_at}: ALTER SUBSCRIPTION ... REFRESH PUBLICATION",
    ),
    "tables.absent": FindingKind(
        "A table that is published does not exist on the subscriber.",
        _REDUNDANCY,
        "create it on {target_at}, then ALTER SUBSCRIPTION ... REFRESH PUBLICATION",
    ),
    "tables.gone": FindingKind(
        "A table that a node subscribes to does not exist on the publisher.",
        _REDUNDANCY,
        "drop it on {target_at} too, or create it on {origin_at}",
    ),
    "tables.one_way": FindingKind(
        "A table goes one way only, so what is written on the other side stays there.",
        _DATA,
        "publish it on {origin_at} too",
    ),
    "tables.narrowed": FindingKind(
        "A publication sends only some rows or columns of a table.",
        _DATA,
        "if nobody meant that, publish the whole table on {origin_at}",
    ),
    "apply.paused": FindingKind(
        "The node applies nothing that its peers write.", _REDUNDANCY, "resume apply on {at}"
    ),
    # Conflicts
    "conflict.stops": FindingKind(
        "A conflict that no engine resolves stops apply.",
        _DATA,
        "the row is named in {subject}'s log; mend it on {at}",
    ),
    "conflict.rising": FindingKind(
        "Rows are changed on several nodes at once; one of the changes is lost.",
        _DATA,
        "lead clients to one node; enter on a conflict shows the rows",
        "lead clients to one node",
    ),
    "conflict.unresolved": FindingKind(
        "Nothing decides between two changes of one row, so rows differ for good.",
        _DATA,
        "lead clients to one node: s takes the other one out of service",
        "lead clients to one node: `bdr-console switchover NODE --plan` takes the other one out of service",
    ),
    # HAProxy
    "backend.none": FindingKind(
        "No server takes new connections: clients are refused.",
        _CLIENTS,
        "bring a server of {backend} back: set server {backend}/NAME state ready on {proxy}",
    ),
    "backend.last": FindingKind(
        "No other server could take over.", _REDUNDANCY, "bring the other servers of {backend} back"
    ),
    "server.down": FindingKind(
        "HAProxy's check fails; clients are kept off.", _REDUNDANCY, "look at the server's node and its check"
    ),
    "server.failing": FindingKind(
        "HAProxy's check has begun to fail.", _REDUNDANCY, "look at the server's node and its check"
    ),
    "server.rising": FindingKind(
        "HAProxy waits for enough good checks.", _REDUNDANCY, "wait: it takes traffic after its checks"
    ),
    "server.maint": FindingKind(
        "The server was taken out of service.",
        _REDUNDANCY,
        "if nobody works on it, on {proxy}: set server {backend}/{server} state ready",
    ),
    "server.drain": FindingKind(
        "The server gets no new clients.",
        _REDUNDANCY,
        "if nobody works on it, on {proxy}: set server {backend}/{server} state ready",
    ),
    "server.stopping": FindingKind(
        "The server gets no new clients.",
        _REDUNDANCY,
        "look at the check of {server}: it says 404 or stopping",
    ),
    "server.unknown": FindingKind("HAProxy shows a state that is not known.", _OTHER, _DETAILS, _STATUS),
    "server.weight": FindingKind(
        "The server gets no new clients.",
        _REDUNDANCY,
        "on {proxy}: set server {backend}/{server} weight 100%",
    ),
    "traffic.misplaced": FindingKind(
        "Clients are on a node that must not have them; what they write goes nowhere.",
        _DATA,
        "s: take {subject} out of service",
        "`bdr-console switchover {subject} --plan` takes it out of service",
    ),
    "traffic.split": FindingKind(
        "Clients write on two nodes at once.",
        _DATA,
        "make the HAProxies agree: s on the node that must not have them",
        "make the HAProxies agree: `bdr-console switchover` of the node that must not have them",
    ),
    "traffic.uncarried": FindingKind(
        "Server connections bypass every HAProxy that answers, as after a reload.",
        _DATA,
        "RECONNECT on the PgBouncers moves them",
    ),
    # PgBouncer
    "pooler.paused": FindingKind(
        "Clients of the database wait.",
        _CLIENTS,
        "o: let them go on",
        "on {pooler}: RESUME {database}; `bdr-console runs` names the run that paused it",
    ),
    "pooler.disabled": FindingKind(
        "Clients of the database are refused.", _CLIENTS, "on {pooler}: ENABLE {database}"
    ),
    "pooler.throttled": FindingKind(
        "One server connection for each pool, as a run that died leaves it: clients queue.",
        _CLIENTS,
        "o: put it back",
        "`bdr-console runs` names the run; `bdr-console undo` puts it back",
    ),
    "pool.waiting": FindingKind(
        "Clients wait for a server connection.",
        _CLIENTS,
        "enter on {subject}: who holds the connections; else raise pool_size",
        "on {pooler}: SHOW SERVERS names who holds the connections; else raise pool_size",
    ),
    # Runs
    "run.work": FindingKind(
        "A run works on the node; what that brings along is expected.",
        _REDUNDANCY,
        "w: open the run; g there brings {subject} back",
        "`bdr-console runs` names the run; `bdr-console go` brings {subject} back",
    ),
    "run.left": FindingKind(
        "A run ended and left something changed.",
        _REDUNDANCY,
        "o: resume or undo it",
        "`bdr-console runs` names it; `bdr-console resume` or `undo` ends it",
    ),
}
"""By the code, or by what stands before its colon."""

_UNLISTED = FindingKind("Something is not as it should be.", Impact.OTHER, _DETAILS, _STATUS)


def kind_of(code: str) -> FindingKind:
    """The row of a code; a general one for a code that has none, so that the finding is still shown."""
    return KINDS.get(code.partition(":")[0], _UNLISTED)
