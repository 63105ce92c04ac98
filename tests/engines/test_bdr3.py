"""BDR 3 and PGD rows as types. (Rows by hand: the product itself is not to be had.)"""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from bdr_console.cluster.nodes import Membership, NodeFacts, Unread
from bdr_console.config import EngineWord
from bdr_console.engines.bdr3 import Bdr3, membership
from bdr_console.engines.detect import KINDS, kind_of
from bdr_console.engines.engine import Identity
from bdr_console.links.postgres import Rows, Unreadable

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

SERVER = {
    "in_recovery": False,
    "wal_lsn": "0/1A2B3C4",
    "started_at": NOW,
    "max_connections": 100,
    "prepared_transactions": 2,
    "read_only": False,
}
SESSIONS = {
    "total": 7,
    "active": 2,
    "idle_in_transaction": 1,
    "hidden": 0,
    "oldest_pid": 42,
    "oldest_transaction": 3.5,
}
MEMBER = {
    "node_group_name": "g",
    "peer_state_name": "ACTIVE",
    "peer_target_state_name": "ACTIVE",
    "is_local": False,
}
SLOT = {
    "slot_name": "bdr_app_g_b",
    "target_name": "b",
    "active": True,
    "active_pid": 99,
    "state": "streaming",
    "lag_bytes": 2048,
    "retained_bytes": 4096,
    "lag_seconds": 0.2,
    "confirmed_lsn": "0/1A2B000",
}
SUBSCRIPTION = {
    "sub_name": "bdr_app_g_b_a",
    "origin_name": "b",
    "sub_enabled": True,
    "subscription_status": "replicating",
    "last_xact_replay_timestamp": NOW,
}


def read(**changed: Rows | Unreadable) -> NodeFacts:
    answers: dict[str, Rows | Unreadable] = {
        "server": [SERVER],
        "sessions": [SESSIONS],
        "members": [{"node_name": "a", **MEMBER, "is_local": True}, {"node_name": "b", **MEMBER}],
        "slots": [SLOT],
        "subscriptions": [SUBSCRIPTION],
    }
    engine = Bdr3("BDR 3.7.23", "15.18", 150018, relations=frozenset({"bdr.tables"}))
    return engine.facts({**answers, **changed})


def test_a_healthy_node_shows_its_name_group_peers_slots_and_subscriptions() -> None:
    facts = read()
    assert (facts.node_name, facts.group, facts.membership) == ("a", "g", Membership.READY)
    assert facts.sessions
    assert (facts.sessions.total, facts.sessions.max_connections, facts.sessions.prepared_transactions) == (
        7,
        100,
        2,
    )
    assert [(s.target, s.active, s.lag_bytes, s.retained_bytes) for s in facts.slots] == [
        ("b", True, 2048, 4096)
    ]
    assert [(s.origin, s.status, s.last_commit_at) for s in facts.subscriptions] == [
        ("b", "replicating", NOW)
    ]
    assert facts.unread == ()


@pytest.mark.parametrize(
    ("state", "target", "expected"),
    [
        ("ACTIVE", "ACTIVE", Membership.READY),
        ("CREATED", "ACTIVE", Membership.JOINING),
        ("JOIN_START", "ACTIVE", Membership.JOINING),
        ("JOINING", "ACTIVE", Membership.JOINING),
        ("CATCHUP", "ACTIVE", Membership.JOINING),
        ("STANDBY", "ACTIVE", Membership.JOINING),
        ("STANDBY", "STANDBY", Membership.STANDBY),
        ("PROMOTE", "ACTIVE", Membership.JOINING),
        ("PROMOTING", "ACTIVE", Membership.JOINING),
        ("PART_START", "PARTED", Membership.PARTING),
        ("PARTING", "PARTED", Membership.PARTING),
        ("PART_CATCHUP", "PARTED", Membership.PARTING),
        ("PARTED", "PARTED", Membership.PARTED),
        ("NONE", "NONE", Membership.UNKNOWN),
        ("SOMETHING_NEW", "ACTIVE", Membership.UNKNOWN),
    ],
)
def test_every_state_word_of_the_catalog_has_its_membership(
    state: str, target: str, expected: Membership
) -> None:
    assert membership(state, target) is expected


def test_a_disconnected_slot_says_so_and_its_unknown_figures_are_not_zero() -> None:
    lost = {
        **SLOT,
        "active": False,
        "active_pid": None,
        "state": None,
        "lag_bytes": None,
        "lag_seconds": None,
    }
    (slot,) = read(slots=[lost]).slots
    assert (slot.active, slot.state, slot.lag_bytes, slot.lag_seconds, slot.pid) == (
        False,
        "disconnected",
        None,
        None,
        None,
    )


def test_a_version_without_the_view_of_tables_says_that_they_are_not_compared() -> None:
    facts = Bdr3("BDR 3", "15", 150000).facts({"server": [SERVER], "sessions": [SESSIONS]})
    assert facts.table_groups is None
    assert facts.unread == (
        Unread("tables by replication set", "this version has no view bdr.tables", judged=False),
    )


def test_a_node_that_has_joined_no_group_is_no_member() -> None:
    alone = {
        "node_name": "a",
        **MEMBER,
        "node_group_name": None,
        "peer_state_name": "CREATED",
        "is_local": True,
    }
    facts = read(members=[alone], slots=[], subscriptions=[])
    assert (facts.node_name, facts.group, facts.membership) == ("a", None, Membership.JOINING)
    assert read(members=[], slots=[], subscriptions=[]).membership is Membership.UNKNOWN


def test_a_part_that_may_not_be_read_is_unread_and_leaves_the_rest_alone() -> None:
    facts = read(
        slots=Unreadable("permission denied for view node_slots", "42501"),
        sessions=[{**SESSIONS, "hidden": 3}],
    )
    assert facts.slots == ()
    assert facts.sessions is None
    assert [part.what for part in facts.unread] == ["sessions", "slots"]
    assert Unread("slots", "permission denied for view node_slots") in facts.unread
    assert (
        facts.why_unread("sessions") == "the role may not see other roles' sessions: GRANT pg_monitor to it"
    )
    assert facts.membership is Membership.READY


def test_hostile_names_are_made_visible_once() -> None:
    evil = "n\x1b]52;c;aGk=\x07[/]\u202e"
    facts = read(
        members=[{"node_name": evil, **MEMBER, "is_local": True}],
        slots=[{**SLOT, "slot_name": evil, "target_name": evil, "state": evil}],
        subscriptions=[{**SUBSCRIPTION, "sub_name": evil, "origin_name": evil, "subscription_status": evil}],
    )
    shown = r"n\x1b]52;c;aGk=\x07[/]\u202e"
    assert facts.node_name == shown
    assert (facts.slots[0].name, facts.slots[0].target, facts.slots[0].state) == (shown, shown, shown)
    assert (facts.subscriptions[0].origin, facts.subscriptions[0].status) == (shown, shown)


def identity(*tables: str, standin: bool = False, **extensions: str) -> Identity:
    return Identity(150018, "15.18", extensions, frozenset(tables), frozenset({"bdr"} if standin else ()))


VIEW = "bdr.node_summary"


@pytest.mark.parametrize(
    ("found", "version", "name"),
    [
        (identity(VIEW, bdr="3.7.23", pglogical="3.7.23"), "3.7.23", "BDR 3.7.23"),
        (identity(VIEW, bdr="3.7.23", pglogical="3.7.23"), None, "BDR 3.7.23"),
        (identity(VIEW, bdr="5.6.1"), "5.6.1-abc", "PGD 5.6.1"),
        (identity(VIEW, bdr="6.0.0"), "6.0.0", "PGD 6.0.0"),
        (identity(VIEW, pglogical="2.4.2", standin=True), "3.7.23-standin", "BDR 3.7.23 (lab stand-in)"),
        (identity(bdr="1.0.7.0"), None, "PostgreSQL 15.18 with bdr 1.0.7.0"),
        (identity(VIEW, bdr="2.0.5.0"), None, "PostgreSQL 15.18 with bdr 2.0.5.0"),
        (identity(pglogical="2.4.2"), None, "PostgreSQL 15.18 with pglogical 2.4.2"),
        (identity(), None, "PostgreSQL 15.18"),
    ],
)
def test_the_engine_is_named_by_what_the_catalogs_say(
    found: Identity, version: str | None, name: str
) -> None:
    engine = kind_of(found).make(found, version)
    assert engine.name == name
    assert isinstance(engine, Bdr3) is (name.startswith(("BDR", "PGD")))


def test_the_configuration_has_the_last_word_on_the_engine() -> None:
    assert kind_of(identity(VIEW, bdr="3.7.23"), "plain").word == "plain"
    assert {kind.word for kind in KINDS} == set(get_args(EngineWord)), "every engine can be named there"


def test_rows_of_any_python_type_are_not_needed_for_an_empty_answer() -> None:
    empty: dict[str, Any] = {"server": [], "sessions": [], "members": [], "slots": [], "subscriptions": []}
    facts = Bdr3("BDR 3", "15", 150000).facts(empty)
    assert (facts.sessions, facts.slots, facts.wal_lsn) == (None, (), None)
