"""Which mode a plan gets, what it says of its price, and what the operator must choose."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from bdr_console.cluster.nodes import NodeFacts, PeerPosition, WalPositions
from bdr_console.cluster.observed import Observed
from bdr_console.cluster.snapshot import Snapshot
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import ALL_PARTS, preflight, refuses
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.reading_queries import switch_back_target
from bdr_console.runbooks.model.run import Outcome
from bdr_console.runbooks.model.step import Plan, Proof
from bdr_console.runbooks.plan.modes import FAST_CLOSE_TEXT, choose
from bdr_console.runbooks.plan.switchover import plan
from bdr_console.runbooks.steps.barrier import applied
from tests.runbooks.world import NO_ANSWER, SETTINGS, FakeWorld

Change = Callable[[Snapshot], Snapshot]


def healthy() -> Reading:
    return asyncio.run(FakeWorld().read(ALL_PARTS))


def with_node(name: str, change: Callable[[NodeFacts], NodeFacts] | None) -> Change:
    def changed(node: Observed[NodeFacts]) -> Observed[NodeFacts]:
        if node.name != name or node.facts is None:
            return node
        return replace(node, facts=change(node.facts)) if change else Observed(name, "x", error=NO_ANSWER)

    return lambda snapshot: replace(snapshot, nodes=tuple(changed(node) for node in snapshot.nodes))


def transaction_open_for(seconds: float) -> Change:
    def change(facts: NodeFacts) -> NodeFacts:
        assert facts.sessions is not None
        return replace(facts, sessions=replace(facts.sessions, oldest_transaction=seconds))

    return with_node("node1", change)


def lag_of(seconds: float | None) -> Change:
    def change(facts: NodeFacts) -> NodeFacts:
        slots = tuple(replace(s, lag_seconds=seconds, lag_bytes=64 * 1024**2) for s in facts.slots)
        return replace(facts, slots=slots)

    return with_node("node1", change)


def session_pooled(snapshot: Snapshot) -> Snapshot:
    (pooler,) = snapshot.poolers
    assert pooler.facts is not None
    pools = tuple(replace(pool, mode="session") for pool in pooler.facts.pools)
    return replace(snapshot, poolers=(replace(pooler, facts=replace(pooler.facts, pools=pools)),))


def silent_pooler(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, poolers=(Observed("pgb-tx", "x", error=NO_ANSWER),))


AGAINST = [
    (transaction_open_for(3.0), "clients would wait about 3"),
    (lag_of(5.0), "clients would wait about 5"),
    (lag_of(None), "cannot be told in seconds"),
    (with_node("node3", None), "node3 does not answer"),
    (with_node("node1", lambda facts: replace(facts, sessions=None)), "cannot be seen"),
    (session_pooled, "is session-pooled with 3 clients"),
    (silent_pooler, "pgb-tx does not answer"),
]


def checked(change: Change, mode: str, session_pools: str = "wait") -> tuple[Plan, Reading]:
    reading = healthy()
    made = plan(change(reading.snapshot), SETTINGS, "node1", mode, session_pools=session_pools)
    return made, reading


def outcome(made: Plan, reading: Reading) -> tuple[Outcome, str]:
    (check,) = [c for c in preflight(reading, made, SETTINGS) if "how the clients move" in c.title]
    return check.outcome, f"{check.seen} {check.remedy}"


def test_on_a_healthy_cluster_auto_is_quiesce_and_states_the_wait() -> None:
    made, reading = checked(lambda snapshot: snapshot, "auto")
    assert made.choice is not None
    assert made.choice.mode == "quiesce"
    assert any("every client waits once" in note and "no update is lost" in note for note in made.notes)
    assert outcome(made, reading)[0] is Outcome.PASS


@pytest.mark.parametrize(("change", "words"), AGAINST)
def test_what_speaks_against_a_quiesce_is_told_and_the_operator_chooses(change: Change, words: str) -> None:
    made, reading = checked(change, "auto")
    result, text = outcome(made, reading)
    assert result is Outcome.FAIL
    assert words in text
    assert "updates may be lost" in text
    assert any("Not quiesce, because" in note and words in note for note in made.notes)
    assert refuses(preflight(reading, made, SETTINGS))


@pytest.mark.parametrize(("change", "words"), AGAINST)
def test_gradual_that_was_asked_for_warns_that_updates_may_be_lost(change: Change, words: str) -> None:
    del words
    made, reading = checked(change, "gradual")
    result, text = outcome(made, reading)
    assert result is Outcome.WARN
    assert "updates may be lost" in text
    assert "pause" not in [step.key for step in made.steps]


def test_a_quiesce_that_was_asked_for_warns_of_a_long_wait() -> None:
    made, reading = checked(transaction_open_for(3.0), "quiesce")
    assert outcome(made, reading)[0] is Outcome.WARN


def test_a_quiesce_of_session_pools_needs_a_word_on_them_and_names_their_error() -> None:
    made, reading = checked(session_pooled, "quiesce")
    assert outcome(made, reading)[0] is Outcome.FAIL
    made, reading = checked(session_pooled, "quiesce", "fast-close")
    assert outcome(made, reading)[0] is Outcome.PASS
    assert any(FAST_CLOSE_TEXT in note for note in made.notes)
    assert [act.command.text for act in made.step("flag").acts] == ["RECONNECT app"]


def test_fast_close_is_set_and_put_back_in_both_modes() -> None:
    for mode in ("quiesce", "gradual"):
        reading = healthy()
        made = plan(
            session_pooled(reading.snapshot),
            SETTINGS,
            "node1",
            mode,
            session_pools="fast-close",
            remembered=reading.settings,
        )
        sent = [act.command.text for act in made.step("prepare").acts]
        back = [act.command.text for act in made.step("restore").acts]
        assert "SET server_fast_close = '1'" in sent
        assert "SET server_fast_close = '0'" in back


@pytest.mark.parametrize(("mode", "pools"), [("fast", "wait"), ("auto", "kill")])
def test_a_word_that_is_no_mode_is_refused_with_the_known_ones(mode: str, pools: str) -> None:
    with pytest.raises(ConsoleError) as refused:
        choose(healthy().snapshot, SETTINGS, "node1", mode, pools)
    assert "Choose one of" in refused.value.remedy


def test_a_setting_that_was_not_read_is_not_changed() -> None:
    made = plan(healthy().snapshot, SETTINGS, "node1", "quiesce")
    assert made.step("prepare").acts == made.step("restore").acts == ()


def test_the_node_to_take_out_for_a_switch_back_is_the_one_that_has_the_traffic() -> None:
    world = FakeWorld()
    assert switch_back_target(asyncio.run(world.read(ALL_PARTS)).snapshot, "node1") is None
    for out in world.maintenance.values():
        out.add("bdr_initial_node")
    assert switch_back_target(asyncio.run(world.read(ALL_PARTS)).snapshot, "node1") == "node2"


def positions(*peers: tuple[str | None, bool, str | None]) -> WalPositions:
    return WalPositions("0/200", tuple(PeerPosition(*peer) for peer in peers))


NAMED = frozenset({"b", "c"})


@pytest.mark.parametrize(
    ("now", "peers", "expected", "proof"),
    [
        (positions(("b", True, "0/200"), ("c", True, "1/0")), NAMED, 2, Proof.MET),
        (positions(("b", True, "0/1FF"), ("c", True, "0/200")), NAMED, 2, Proof.UNMET),
        # A peer that is not connected tells nothing, whatever its slot says.
        (positions(("b", True, "0/200"), ("c", False, "0/200")), NAMED, 2, Proof.UNKNOWN),
        (positions(("b", True, "0/200")), NAMED, 2, Proof.UNKNOWN),
        # Slots that name no node: all that are connected, and as many as there are peers.
        (positions((None, True, "0/200"), (None, True, "0/200")), None, 2, Proof.MET),
        (positions((None, True, "0/200"), (None, True, "0/1")), None, 2, Proof.UNMET),
        (positions((None, True, "0/200"), (None, False, None)), None, 2, Proof.UNKNOWN),
    ],
)
def test_the_barrier_holds_only_when_every_peer_has_applied_the_last_commit(
    now: WalPositions, peers: frozenset[str] | None, expected: int, proof: Proof
) -> None:
    assert applied(now, "0/200", peers, expected)[0] is proof
