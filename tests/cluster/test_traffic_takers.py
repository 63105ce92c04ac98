"""Who can take the clients' traffic, and where HAProxy sends new connections: the one rule."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bdr_console.cluster.access import Access, accounts
from bdr_console.cluster.nodes import Membership, NodeFacts, Unread
from bdr_console.cluster.poolers import PoolDatabase, PoolerFacts
from bdr_console.cluster.proxies import ProxyServer, ServerFigures, ServerState, StickEntry
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.cluster.traffic import chosen, haproxy_refusal, taker
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import (
    NAMES,
    NOW,
    node,
    node_facts,
    pool,
    pooler,
    proxy,
    server,
    snapshot,
    with_node,
)

PARTED, JOINING = Membership.PARTED, Membership.JOINING
UP, MAINT, DOWN, DRAIN = ServerState.UP, ServerState.MAINT, ServerState.DOWN, ServerState.DRAIN
Change = Callable[[NodeFacts], NodeFacts]


def own_row(**changed: object) -> Change:
    return lambda facts: replace(
        facts,
        members=tuple(replace(m, **changed) if m.is_local else m for m in facts.members),  # type: ignore[arg-type]
    )


def row_of(name: str, **changed: object) -> Change:
    return lambda facts: replace(
        facts,
        members=tuple(replace(m, **changed) if m.name == name else m for m in facts.members),  # type: ignore[arg-type]
    )


def login(**changed: object) -> Change:
    return lambda facts: replace(facts, logins=(replace(Access("app", "app"), **changed),))  # type: ignore[arg-type]


def field(**changed: object) -> Change:
    return lambda facts: replace(facts, **changed)  # type: ignore[arg-type]


UNREAD = field(logins=(), unread=(Unread("logins", "permission denied"),))


@pytest.mark.parametrize(
    ("of", "change", "takes", "why"),
    [
        ("node2", field(), True, ""),
        ("node2", field(in_recovery=True), False, "node2 is in recovery"),
        ("node2", field(read_only=True), False, "node2 is read-only (default_transaction_read_only)"),
        ("node2", field(is_control=True), False, "node2 holds the control database"),
        ("node2", own_row(read_only=True), False, "node2 is marked read-only in the group"),
        ("node2", own_row(fenced=True), False, "node2 is fenced (route_fence)"),
        ("node2", own_row(kind="witness"), False, "node2 is a witness node"),
        ("node2", own_row(kind="data"), True, ""),
        ("node2", own_row(membership=JOINING), False, "node2 is joining, not ready"),
        ("node2", own_row(membership=PARTED), False, "node2 is parted, not ready"),
        ("node2", own_row(membership=Membership.STANDBY), False, "node2 is standby, not ready"),
        ("node2", field(members=()), True, ""),  # an engine without membership says nothing
        (
            "node1",
            row_of("node2", membership=PARTED, raw_state="PARTED"),
            False,
            "(node1 says PARTED)",
        ),
        (
            "node1",
            row_of("node2", membership=JOINING, raw_state="CATCHUP"),
            False,
            "node2 is joining",
        ),
        ("node2", login(role_exists=False), False, 'node2 refuses clients: role "app" does not exist'),
        ("node2", login(can_login=False), False, 'role "app" is not permitted to log in (NOLOGIN)'),
        ("node2", login(role_limit=0), False, 'role "app" has the connection limit 0'),
        ("node2", login(role_limit=0, superuser=True), True, ""),
        ("node2", login(role_limit=5, role_used=5), True, ""),  # that is room, not a right
        ("node2", login(database_exists=False), False, 'database "app" does not exist'),
        ("node2", login(allows=False), False, 'database "app" accepts no connections'),
        ("node2", login(database_limit=0), False, 'database "app" has the connection limit 0'),
        ("node2", login(may_connect=False), False, 'role "app" lacks CONNECT on database "app"'),
        ("node2", login(read_only=True), False, 'role "app" is read-only in database "app"'),
        ("node2", UNREAD, None, "node2 does not show whether users can log in: permission denied"),
    ],
)
def test_a_server_takes_traffic_when_its_node_is_fit_by_every_word(
    of: str, change: Change, takes: bool | None, why: str
) -> None:
    nodes = {name: change(node_facts(name)) if name == of else node_facts(name) for name in NAMES}
    found = taker(server("b", "node2"), nodes)
    assert found.takes is takes
    assert why in found.why
    assert bool(found.why) is not bool(found.takes)


def test_what_every_node_refuses_keeps_clients_off_none() -> None:
    nowhere = {name: login(role_exists=False)(node_facts(name)) for name in NAMES}
    assert taker(server("b", "node2"), nowhere).takes


def test_a_peer_that_is_no_member_itself_or_knows_only_some_says_nothing_of_others() -> None:
    parted = row_of("node2", membership=PARTED)
    for unfit in (own_row(membership=PARTED), field(meshed=False)):
        nodes = {"node1": unfit(parted(node_facts("node1"))), "node2": node_facts("node2")}
        assert taker(server("b", "node2"), nodes).takes


def test_a_node_that_does_not_answer_or_is_not_configured_is_unknown() -> None:
    assert taker(server("b", "node2"), {"node1": node_facts("node1")}).takes is None
    assert taker(replace(server("b", "node2"), node=None), {}).why == "no configured node stands behind it"


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (server("a", "node1"), ""),
        (server("a", "node1", ServerState.UNCHECKED), ""),
        (server("a", "node1", MAINT), "is in maintenance"),
        (server("a", "node1", DRAIN), "is draining"),
        (server("a", "node1", DOWN), "is down"),
        (replace(server("a", "node1"), weight=0), "has weight 0"),
        (
            replace(server("a", "node1", MAINT), admin_state=0x20),
            "has no address: its name cannot be resolved",
        ),
    ],
)
def test_haproxy_itself_must_give_it_new_connections(shown: ProxyServer, why: str) -> None:
    assert haproxy_refusal(shown).startswith(why)
    assert bool(why) is bool(haproxy_refusal(shown))


@pytest.mark.parametrize(
    ("servers", "sticky", "expected"),
    [
        # The sticky server keeps the traffic, an active one comes before a backup, else the first backup.
        ([("a", False, UP, 1), ("b", True, UP, 1), ("c", True, UP, 1)], "c", ("c",)),
        ([("a", False, UP, 1), ("b", True, UP, 1), ("c", True, UP, 1)], "a", ("b",)),
        ([("a", False, UP, 1), ("b", False, UP, 1), ("c", False, UP, 1)], "a", ("b", "c")),
        ([("a", False, UP, 1), ("b", True, DOWN, 1), ("c", True, UP, 1)], "b", ("c",)),
        ([("a", False, UP, 1), ("b", True, DOWN, 1)], "a", ()),
        # Weight 0 and drain keep what a stick table sends there, and get nothing else.
        ([("a", False, UP, 1), ("b", False, UP, 0), ("c", True, UP, 1)], "a", ("c",)),
        ([("a", False, UP, 1), ("b", False, UP, 0), ("c", True, UP, 1)], "b", ("b",)),
        ([("a", False, UP, 1), ("b", True, DRAIN, 1), ("c", True, UP, 1)], "b", ("b",)),
        ([("a", False, UP, 1), ("b", True, MAINT, 1), ("c", True, UP, 1)], "b", ("c",)),
        ([("a", False, UP, 1), ("b", True, UP, 0)], "a", ()),
    ],
)
def test_new_connections_go_to_the_sticky_server_then_the_active_ones_then_a_backup(
    servers: list[tuple[str, bool, ServerState, int]], sticky: str, expected: tuple[str, ...]
) -> None:
    shown = [
        replace(server(name, name, state, backup=backup), weight=weight)
        for name, backup, state, weight in servers
    ]
    stick = [StickEntry("bk_db", "127.0.0.1", sticky)]
    assert tuple(found.name for found in chosen(shown, stick, without="a")) == expected


def found(shown: Snapshot) -> set[tuple[Level, str, str]]:
    return {(f.level, f.subject, f.text) for f in judge(shown, Thresholds(), NOW).findings}


def weights(*given: int, configured: int = 1) -> Snapshot:
    servers = [
        replace(
            server(f"s{i}", f"node{i}", backup=i > 1),
            weight=weight,
            sessions=0,
            figures=ServerFigures(configured_weight=configured if not weight else 1),
        )
        for i, weight in enumerate(given, start=1)
    ]
    return replace(snapshot(), proxies=(proxy(*servers, sticky="s1"),))


def test_servers_that_are_all_up_at_weight_0_are_critical() -> None:
    reasons = "s1: has weight 0; s2: has weight 0; s3: has weight 0"
    assert (Level.CRIT, "haproxy1/bk_db", f"no server takes traffic ({reasons})") in found(weights(0, 0, 0))


def test_one_server_at_weight_0_is_told_unless_the_configuration_says_so() -> None:
    told = "has weight 0: it gets no new connection"
    assert found(weights(1, 0, 1)) == {(Level.WARN, "haproxy1/bk_db/s2", told)}
    assert found(weights(1, 0, 1, configured=0)) == set()
    assert found(weights(1, 0, 0, configured=0)) == set()
    assert (Level.WARN, "haproxy1/bk_db", "s1 is the last server that takes traffic") in found(
        weights(1, 0, 0)
    )


def test_clients_that_are_sent_where_nobody_lets_them_in_are_critical() -> None:
    shown = with_node(snapshot(), node("node1", login(can_login=False)(node_facts("node1"))))
    (crit,) = (text for level, subject, text in found(shown) if (level, subject) == (Level.CRIT, "node1"))
    assert crit == (
        'refuses clients: role "app" is not permitted to log in (NOLOGIN), but has 4 sessions of '
        "haproxy1/bk_db, and new connections go there"
    )


def test_clients_left_on_a_parted_node_are_critical_and_what_they_write_is_lost() -> None:
    """Its server drains: no new connection comes, but those that are there go on writing."""
    told = row_of("node1", membership=PARTED, raw_state="k")
    parted = with_node(snapshot(), node("node2", told(node_facts("node2"))))
    servers = (server("a", "node1", DRAIN), server("b", "node2"))
    shown = replace(parted, proxies=(proxy(*servers, sticky="b"),))
    text = (
        "is parted (node2 says k), but has 4 sessions of haproxy1/bk_db: what they write reaches no other"
        " node"
    )
    assert (Level.CRIT, "node1", text) in found(shown)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (own_row(read_only=True), "is marked read-only in the group"),
        (field(read_only=True), "is read-only (default_transaction_read_only)"),
        (own_row(membership=PARTED), "is parted, not ready"),
    ],
)
def test_a_node_that_takes_no_writes_must_not_stand_up_as_a_backup(change: Change, why: str) -> None:
    shown = with_node(snapshot(), node("node3", change(node_facts("node3"))))
    idle = tuple(replace(s, sessions=0) if s.node == "node3" else s for s in proxy().facts.servers)  # type: ignore[union-attr]
    text = (
        f"{why}, but bdr_node3 stands UP in haproxy1/bk_db: clients would be sent there when the others fail"
    )
    assert (Level.WARN, "node3", text) in found(replace(shown, proxies=(proxy(*idle),)))
    out = tuple(replace(s, state=MAINT, admin_state=1) if s.node == "node3" else s for s in idle)
    assert not [f for f in found(replace(shown, proxies=(proxy(*out),))) if "stands UP" in f[2]]


def test_a_pgbouncer_that_leads_straight_to_a_parted_node_is_critical() -> None:
    shown = with_node(snapshot(), node("node3", own_row(membership=PARTED)(node_facts("node3"))))
    direct = PoolDatabase("app", "node3", 5432, False, False, 20, 8, "app", (), ("node3",))
    past = replace(pooler(), facts=PoolerFacts("1.18.0", (pool(),), (direct,)))
    text = (
        "is parted, not ready, but pgb-tx/app leads there (8 server connections): what they write reaches no"
        " other node"
    )
    assert (Level.CRIT, "node3", text) in found(replace(shown, poolers=(past,)))


def test_an_empty_slot_of_a_server_template_is_nobodys_maintenance() -> None:
    slot = replace(server("dyn1", "node1", MAINT), node=None, admin_state=0x20, status="MAINT (resolution)")
    shown = replace(snapshot(), proxies=(proxy(*proxy().facts.servers, slot),))  # type: ignore[union-attr]
    assert found(shown) == set()
    lost = replace(slot, name="dyn2", node="node2")
    told = found(replace(snapshot(), proxies=(proxy(*proxy().facts.servers, lost),)))  # type: ignore[union-attr]
    assert (Level.WARN, "haproxy1/bk_db/dyn2", "its name cannot be resolved") in told


def test_the_accounts_are_the_users_of_pools_in_use_and_the_databases_behind_their_names() -> None:
    databases = (PoolDatabase("shop", "h", 5433, False, False, 20, 8, database="shop_live"),)
    idle = replace(pool(), user="old", clients_active=0, servers_active=0, servers_idle=0)
    pools = (replace(pool(), database="shop"), replace(pool(), database="hidden"), idle)
    seen = PoolerFacts("1.18.0", pools, databases)
    assert accounts((seen, None)) == {("app", "shop_live"): 6, ("app", "hidden"): 6}
    assert accounts([pooler().facts]) == {("app", "app"): 6}


def limits(role: int, role_used: int, database: int = -1, database_used: int = 0) -> Access:
    return Access(
        "app",
        "app",
        role_limit=role,
        role_used=role_used,
        database_limit=database,
        database_used=database_used,
    )


OF_ROLE, OF_DATABASE = 'connection limit of role "app"', 'connection limit of database "app"'


@pytest.mark.parametrize(
    ("access", "room"),
    [
        (Access("app", "app"), None),
        (limits(10, 4), (6, OF_ROLE)),
        (limits(10, 4, 9, 8), (1, OF_DATABASE)),
        (limits(-1, 0, 5, 9), (0, OF_DATABASE)),
        (replace(limits(1, 1), superuser=True), None),
    ],
)
def test_the_room_of_an_account_is_what_its_tightest_limit_leaves(
    access: Access, room: tuple[int, str] | None
) -> None:
    assert access.room == room
