"""What a DBA is told of BDR 3.7 to PGD 6 in each state. (On stand-ins from documentation: standin_pgd.)"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from bdr_console.cluster.groups import Consensus, Group
from bdr_console.cluster.nodes import Membership
from bdr_console.cluster.snapshot import to_json
from bdr_console.cluster.verdict.findings import Level, Thresholds
from bdr_console.cluster.verdict.judge import judge
from tests.engines.standin_pgd import NOW, VERSIONS, Change, Standin, Tables, healthy, member, raft, slot
from tests.links.servers import Postgres

NEW = ("pgd_5", "pgd_6")


@pytest.fixture(scope="module")
def standin(postgres: Postgres) -> Iterator[Standin]:
    made = Standin.on(postgres)
    yield made
    made.close()


def as_it_is(tables: Tables, me: str) -> None:
    """Nothing is changed."""


def joining(tables: Tables, me: str) -> None:
    for row in tables["node_summary"]:
        if row["node_name"] == "n3":
            row["peer_state_name"] = "CATCHUP"


def node_down(tables: Tables, me: str) -> None:
    for row in tables["node_slots"]:
        if row.get("target_name") == "n3":
            row |= {"active": False, "active_pid": None, "state": "disconnected", "replay_lsn": "0/4000000"}
            row |= {"confirmed_flush_lsn": "0/4000000", "restart_lsn": "0/3F00000"}
    for row in tables["subscription_summary"]:
        if row["origin_name"] == "n3":
            row["subscription_status"] = "down"


def disabled(tables: Tables, me: str) -> None:
    for row in tables["subscription_summary"] if me == "n2" else ():
        if row["origin_name"] == "n1":
            row |= {"sub_enabled": False, "subscription_status": "disabled"}


def blocked(tables: Tables, me: str) -> None:
    """As replication_status says it up to PGD 4, and the counters of every version."""
    if me == "n2":
        tables["stat_subscription"][0]["retries_at_same_lsn"] = 4


def lagging(tables: Tables, me: str) -> None:
    for row in tables["node_slots"] if me == "n1" else ():
        if row.get("target_name") == "n2":
            row |= {"state": "catchup", "replay_lsn": "0/1000000", "replay_lag": timedelta(seconds=45)}
    for row in tables.get("node_replication_rates", ()):
        if row["target_name"] == "n2":
            row["catchup_interval"] = timedelta(seconds=120)


def parted_leftovers(tables: Tables, me: str) -> None:
    tables["node_summary"].append(member("n4", "PARTED", "PARTED"))
    if me == "n1":
        left = slot("n1", "n4")
        left |= {"active": False, "active_pid": None, "state": "disconnected", "restart_lsn": "0/3000000"}
        tables["node_slots"].append(left)


def standby(tables: Tables, me: str) -> None:
    for row in tables["node_summary"]:
        if row["node_name"] == "n3":
            row |= {"peer_state_name": "STANDBY", "peer_target_state_name": "STANDBY"}


def table_in_no_set(tables: Tables, me: str) -> None:
    if me == "n1":
        tables["tables"] = []


def set_not_taken(tables: Tables, me: str) -> None:
    for row in tables["subscription_summary"] if me == "n2" else ():
        row["sub_replication_sets"] = ["other"]
    tables["replication_sets"].append({**tables["replication_sets"][0], "set_name": "other"})


def set_without_updates(tables: Tables, me: str) -> None:
    tables["replication_sets"][0]["replicate_update"] = False


def leaderless(tables: Tables, me: str) -> None:
    state = "CANDIDATE" if me == "n2" else "FOLLOWER"
    if "standin_raft" in tables:
        tables["standin_raft"] = [raft(f"RAFT_{state}", None)]
    for row in tables.get("stat_raft_state", ()):
        row |= {"raft_stat": state, "leader_name": None}


def two_leaders(tables: Tables, me: str) -> None:
    leads = {"n1": "n1", "n2": "n1", "n3": "n3"}[me]
    state = "LEADER" if leads == me else "FOLLOWER"
    if "standin_raft" in tables:
        tables["standin_raft"] = [raft(f"RAFT_{state}", leads)]
    for row in tables.get("stat_raft_state", ()):
        row |= {"raft_stat": state, "leader_name": leads}


def ddl_lock_waits(tables: Tables, me: str) -> None:
    """n1 asked for it, n2 has answered, n3 has not."""
    row = {
        "origin_node_name": "n1", "lock_type": "GLOBAL_LOCK_DML", "relation": "public.orders",
        "acquire_stage": "acquire_global_lock", "waiters": 2, "local_lock_request_time": NOW,
        "last_state_change_time": NOW,
    }  # fmt: skip
    if me == "n1":
        row |= {"pid": 4711, "global_lock_request_time": NOW - timedelta(seconds=75)}
    tables["global_locks"] = [row] if me != "n3" else []


def writers_disagree(tables: Tables, me: str) -> None:
    if me == "n3":
        tables["node_group_routing_summary"][0]["write_lead"] = "n2"


def nobody_leads_writes(tables: Tables, me: str) -> None:
    tables["node_group_routing_summary"][0]["write_lead"] = None


def fenced_leader(tables: Tables, me: str) -> None:
    for row in tables["node_routing_config_summary"]:
        row["route_fence"] = row["node_name"] == "n1"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("state", "down", "level", "subject", "reason"),
    [
        (as_it_is, (), Level.OK, "", ""),
        (joining, (), Level.WARN, "n3", "is joining, not ready"),
        (standby, (), Level.WARN, "n3", "is standby, not ready"),
        (node_down, ("n3",), Level.CRIT, "n1 -> n3", "slot inactive: n3 is not connected"),
        (disabled, (), Level.WARN, "n1 -> n2", "apply is disabled on n2"),
        (blocked, (), Level.CRIT, "n2", "subscription bdr_app_g_n1_n2 has begun 4 times at the same LSN"),
        (lagging, (), Level.WARN, "n1 -> n2", "lags 64.0 MiB"),
        (
            parted_leftovers,
            (),
            Level.WARN,
            "n1",
            "slot bdr_app_g_n4: left from n4, which is parted; it keeps 32.0 MiB",
        ),
        (
            table_in_no_set,
            (),
            Level.CRIT,
            "n1 -> n2",
            "app.orders is in no replication set of n1: changes do not reach n2",
        ),
        (
            set_not_taken,
            (),
            Level.CRIT,
            "n1 -> n2",
            "n2 does not take set g of n1: changes to app.orders do not arrive",
        ),
        (
            set_without_updates,
            (),
            Level.CRIT,
            "n1 -> n2",
            "replication set g of n1 sends no updates of app.orders: n2 comes to differ",
        ),
        (
            leaderless,
            (),
            Level.CRIT,
            "",
            "no Raft leader (n1 RAFT_FOLLOWER, n2 RAFT_CANDIDATE and n3 RAFT_FOLLOWER)",
        ),
        (
            two_leaders,
            (),
            Level.CRIT,
            "",
            "nodes disagree on the Raft leader: n1 and n2 follow n1; n3 follows n3",
        ),
        (
            ddl_lock_waits,
            (),
            Level.CRIT,
            "n1",
            "n2 says acquire_global_lock and n3 has not answered it",
        ),
    ],
)
def test_each_state_has_its_verdict_with_the_reason(
    standin: Standin,
    version: str,
    state: Change,
    down: tuple[str, ...],
    level: Level,
    subject: str,
    reason: str,
) -> None:
    snapshot = standin.cluster(version, state, down)
    verdict = judge(snapshot, Thresholds(), NOW)
    assert verdict.level is level, verdict.findings
    if reason:
        told = [f.subject for f in verdict.findings if reason in f.text]
        assert told, verdict.findings
        # Raft is of the whole before PGD 6, and of a group from then on.
        assert not subject or subject in told
    assert "hunter2" not in to_json(snapshot), "no DSN comes out of a reading"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_healthy_node_shows_all_that_its_version_has(standin: Standin, version: str) -> None:
    facts = standin.read(version, healthy(version, "n1"))
    assert facts.unread == ()
    assert facts.engine.split()[0] == ("BDR" if version == "bdr_3_7" else "PGD")
    assert facts.edition == ("EE" if version == "bdr_3_7" else None)
    assert (facts.node_name, facts.group, facts.membership) == ("n1", "g", Membership.READY)
    assert [(s.target, s.lag_bytes, s.retained_bytes, s.lag_seconds) for s in facts.slots] == [
        ("n2", 4096, 65536, 0.02),
        ("n3", 4096, 65536, 0.02),
    ]
    first = facts.subscriptions[0]
    assert (first.origin, first.status, first.apply_pid, first.errors) == ("n2", "replicating", 202, 0)
    assert (first.replication_sets, first.apply_delay, first.received_lsn) == (("g",), None, "0/4FFF000")
    assert facts.consensus == (Consensus("RAFT_LEADER", "n1", 7, 3, 3, "g" if version == "pgd_6" else None),)
    assert facts.sequences == (), "while there is a leader no sequence is at risk"
    assert {m.kind for m in facts.members} == ({"data"} if version in NEW else {None})
    if version in NEW:
        router = "PGD Proxy" if version == "pgd_5" else "Connection Manager"
        assert facts.groups == (
            Group("g", None, "global", raft_leader="n1"),
            Group("dc1", "g", "data", "n1", "n2", ("n2", "n3"), routing=router),
        )
    else:
        assert facts.groups == (Group("g", raft_leader="n1"),)


@pytest.mark.parametrize("version", VERSIONS[:3])
def test_a_node_without_a_raft_leader_says_so_and_names_the_sequences_at_risk(
    standin: Standin, version: str
) -> None:
    tables = healthy(version, "n2")
    tables["standin_raft"] = [raft("RAFT_CANDIDATE", None)]
    facts = standin.read(version, tables)
    assert facts.consensus == (Consensus("RAFT_CANDIDATE", None, 7, 3, 3),)
    assert [s.name for s in facts.sequences] == ["public.orders_id_seq"]
    assert facts.sequences[0].left is None, "how many values are left is not known, and not 0"


def test_a_restarting_consensus_worker_is_an_unknown_opinion_and_no_failure_of_the_reading(
    standin: Standin,
) -> None:
    facts = standin.read("pgd_5", {**healthy("pgd_5", "n1"), "standin_raft": []})
    assert facts.consensus == (Consensus("unknown: could not find consensus worker", None),)
    assert facts.sequences == ()
    assert facts.unread == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_conflicts_of_the_last_hour_are_shown_once_for_all_nodes_that_met_them(
    standin: Standin, version: str
) -> None:
    old = version == "bdr_3_7"
    names = {"schema": "public", "table": "t"} if old else {"nspname": "public", "relname": "t"}
    change = {} if old else {"origin_node_id": 2, "remote_commit_lsn": "0/4FF1000", "remote_change_nr": 1}
    conflict = {
        **names, **change, "local_time": NOW - timedelta(minutes=5), "conflict_type": "update_origin_change",
        "conflict_resolution": "apply_remote", "remote_commit_time": NOW - timedelta(minutes=5),
    }  # fmt: skip
    older = {**conflict, "local_time": NOW - timedelta(hours=2)}
    keys = set()
    for node in ("n1", "n3"):
        tables = {**healthy(version, node), "conflict_history_summary": [conflict, older]}
        (found,) = standin.read(version, tables).conflicts
        assert (found.table, found.kind, found.resolution) == (
            "public.t",
            "update_origin_change",
            "apply_remote",
        )
        assert found.origin == (None if old else "n2")
        keys.add(found.key)
    assert len(keys) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_the_latest_error_of_a_worker_stands_at_its_subscription(standin: Standin, version: str) -> None:
    tables = healthy(version, "n1")
    at = NOW - timedelta(minutes=3)
    if version in NEW:
        tables["event_summary"] = [
            {"event_type": "WORKER", "event_sub_type": "ERROR", "event_source": "receiver bdr_app_g_n2_n1",
             "event_time": at, "event_text": "duplicate key value"},
            {"event_type": "RAFT", "event_sub_type": "STATE_CHANGE", "event_source": "bdr_app_g_n2_n1",
             "event_time": NOW, "event_text": "RAFT_LEADER"},
        ]  # fmt: skip
    else:
        tables["worker_errors"] = [
            {"sub_name": "bdr_app_g_n2_n1", "error_time": at, "error_message": "duplicate key value"},
            {"sub_name": "bdr_app_g_n2_n1", "error_time": NOW - timedelta(days=9), "error_message": "old"},
        ]  # fmt: skip
    first, second = standin.read(version, tables).subscriptions
    assert (first.last_error, first.last_error_at) == ("duplicate key value", at)
    assert second.last_error is None


@pytest.mark.parametrize("version", VERSIONS[:2])
def test_apply_that_the_engine_calls_blocked_is_severe(standin: Standin, version: str) -> None:
    row = {"sub_name": "bdr_app_g_n2_n1", "origin_node_name": "n2", "replication_blocked": True}
    (caveat,) = standin.read(version, {**healthy(version, "n1"), "replication_status": [row]}).caveats
    assert caveat.severe
    assert caveat.text.startswith("subscription bdr_app_g_n2_n1 from n2 has begun again")


@pytest.mark.parametrize("version", NEW)
@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (fenced_leader, "its write leader n1 is fenced"),
        (writers_disagree, "nodes disagree on the write leader: n1 and n2 say n1; n3 says n2"),
        (nobody_leads_writes, "has no write leader: nothing routes writes"),
    ],
)
def test_what_is_wrong_with_the_write_leader_is_told_of_its_group(
    standin: Standin, version: str, state: Change, reason: str
) -> None:
    verdict = judge(standin.cluster(version, state), Thresholds(), NOW)
    assert [(f.level, f.subject, f.text) for f in verdict.findings] == [(Level.CRIT, "dc1", reason)]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_engines_own_estimate_of_the_time_to_catch_up_is_shown(standin: Standin, version: str) -> None:
    tables = healthy(version, "n1")
    lagging(tables, "n1")
    first = standin.read(version, tables).slots[0]
    assert first.catchup_seconds == (None if version == "bdr_3_7" else 120)
