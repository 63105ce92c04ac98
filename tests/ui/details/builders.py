"""Moments of a cluster of which much is known, for the tests of details."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bdr_console.cluster.activity import Activity, Parameter, SessionGroup, SlotRoom, Transaction
from bdr_console.cluster.conflicts import Conflict, ConflictCount
from bdr_console.cluster.groups import GlobalLock
from bdr_console.cluster.nodes import NodeFacts
from bdr_console.cluster.poolers import PoolerConnections, PoolHold, WaitingClient
from bdr_console.cluster.proxies import ServerFigures
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.ui.details.block import lay_out
from bdr_console.ui.judged_snapshot import JudgedSnapshot, Timeline
from bdr_console.ui.screens.detail import blocks_about
from bdr_console.ui.text.cells import Subject, SubjectKind
from bdr_console.ui.theming.styles import ASCII, DEFAULTS, UNICODE, Styles
from tests.ui.scenes import NOW, snapshot

STYLES = Styles(DEFAULTS, ansi=False)

HELD = Transaction(
    pid=2211,
    age=41.0,
    state="idle in transaction",
    user="app",
    application="billing",
    client="127.0.0.1:40001",
    query="UPDATE invoice SET paid = true WHERE id = 7",
)
BLOCKED = Transaction(
    2212,
    12.0,
    "active",
    "app",
    "report",
    "127.0.0.1:40002",
    "DELETE FROM invoice",
    waits_for="Lock: transactionid",
    blocked_by=(2211,),
)
CONFLICT = Conflict(
    at=NOW - timedelta(minutes=4),
    table="public.invoice",
    kind="update_origin_differs",
    resolution="last_update_wins_keep_local",
    origin="node2",
    key="c0ffee",
    local_tuple="{id: 7, paid: true}",
    remote_tuple="{id: 7, paid: false}",
    local_commit_at=NOW - timedelta(minutes=4),
)
HOLD = PoolHold(
    "app",
    "app",
    "active",
    close_needed=True,
    address="127.0.0.1:5000",
    local="127.0.0.1:51000",
    pid=2211,
    since="2026-03-04 09:59:19 UTC",
    client="10.0.3.7:55112",
    client_state="active",
    application="billing",
)


def on_node(shown: Snapshot, name: str, **fields: object) -> Snapshot:
    """The same with other facts of one node."""

    def changed(facts: NodeFacts | None) -> NodeFacts | None:
        return replace(facts, **fields) if facts else None  # type: ignore[arg-type]

    return replace(
        shown, nodes=tuple(replace(n, facts=changed(n.facts)) if n.name == name else n for n in shown.nodes)
    )


def known() -> Snapshot:
    """A cluster of which everything is known that details show."""
    shown = snapshot()
    same = tuple(Parameter(name, "on") for name in ("fsync", "track_commit_timestamp"))
    for name, senders in (("node1", "10"), ("node2", "20"), ("node3", "20")):
        parameters = (Parameter("max_wal_senders", senders, restart=name == "node3"), *same)
        shown = on_node(shown, name, parameters=parameters, seldom_at=NOW - timedelta(seconds=7))
    shown = on_node(
        shown,
        "node1",
        activity=Activity(
            (SessionGroup("billing", "idle in transaction", 3, 41.0), SessionGroup("", "idle", 18)),
            (HELD, BLOCKED),
        ),
        slot_room=(
            SlotRoom("bdr_app_node2", 48 * 1024**2, 64 * 1024**2),
            SlotRoom("bdr_app_node3", None, None),
        ),
        conflicts=(CONFLICT,),
        conflict_counts=(ConflictCount("node2", "update_origin_differs", 3),),
        locks=(GlobalLock("GLOBAL_LOCK_DDL", "node2", "public.invoice", "acquired", 5.0),),
    )
    pooler = shown.poolers[0]
    assert pooler.facts is not None
    connections = PoolerConnections(
        NOW - timedelta(seconds=4),
        (HOLD,),
        0,
        (WaitingClient("app", "app", "10.0.3.9:40111", 2.5, "shop"),),
        0,
        17,
    )
    proxy = shown.proxies[0]
    assert proxy.facts is not None
    figures = ServerFigures(
        sessions_most=33,
        sessions_limit=50,
        rate=4,
        connect_errors=2,
        check_ms=3,
        check_health=4,
        check_rise=2,
        check_fall=3,
        downs=1,
        downtime=70,
        configured_weight=10,
        throttle=40,
    )
    servers = (
        replace(proxy.facts.servers[0], figures=figures, op_state=2, admin_state=0x09),
        *proxy.facts.servers[1:],
    )
    return replace(
        shown,
        poolers=(replace(pooler, facts=replace(pooler.facts, connections=connections)), *shown.poolers[1:]),
        proxies=(replace(proxy, facts=replace(proxy.facts, servers=servers)),),
    )


def moment(*shown: Snapshot, ascii_only: bool = False) -> JudgedSnapshot:
    """The moment of the last of those snapshots, with what the ones before leave in memory."""
    timeline = Timeline(Thresholds(), ASCII if ascii_only else UNICODE)
    for one in shown:
        timeline.take(one)
    found = timeline.at(shown[-1].taken_at)
    assert found is not None
    return found


def read(kind: SubjectKind, *key: str, at: JudgedSnapshot, width: int = 78) -> str:
    """What a reader sees of that subject, to the end, blanks run together."""
    lines = lay_out(blocks_about(Subject(kind, key), at, width), width, STYLES, at.glyphs).lines
    return "\n".join(" ".join(line.plain.split()) for line in lines)


def missing(text: str, words: Sequence[str]) -> list[str]:
    """Those of `words` that do not stand in the text."""
    return [word for word in words if word not in text]
