"""One operator at a time, from whatever bastion."""

from collections.abc import AsyncIterator

import pytest

from bdr_console.config import ClusterSettings, load
from bdr_console.errors import ConsoleError
from bdr_console.lab import Lab
from bdr_console.links.postgres import PostgresWriter
from bdr_console.runbooks.operator_lock import (
    LockHolderName,
    OperatorLock,
    holders,
    lock_holder_name,
    shown_name,
)


@pytest.mark.parametrize(
    ("who", "step", "expected"),
    [
        ("alice@bastion1 from 10.0.0.9", "hold", "bdr-console run 3f2a alice@bastion1 step hold"),
        ("alice@b", "", "bdr-console run 3f2a alice@b"),
        ("a" * 90 + "@b", "hold", "bdr-console run 3f2a " + "a" * 32 + " step hold"),
        ("jürg'\\;@b\n", "hold", "bdr-console run 3f2a j_rg__;@b_ step hold"),
    ],
)
def test_who_holds_the_lock_at_which_step_fits_into_what_a_node_shows(
    who: str, step: str, expected: str
) -> None:
    assert shown_name("run 3f2a", who, step) == expected
    assert len(expected.encode()) <= 63


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (
            shown_name("run 3f2a", "alice@b from 10.0.0.9", "hold"),
            LockHolderName("run 3f2a", "alice@b", "hold"),
        ),
        (
            shown_name("run 3f2a", "eve as postgres@b", "enable"),
            LockHolderName("run 3f2a", "eve as postgres@b", "enable"),
        ),
        (shown_name("lock vacuumdb", "root@b", ""), LockHolderName("lock vacuumdb", "root@b", "")),
        ("bdr-console run 3f2a step hold", LockHolderName("run 3f2a", "", "hold")),
        ("psql", LockHolderName("psql", "", "")),
        ("", LockHolderName("", "", "")),
    ],
)
def test_what_a_holder_says_of_itself_is_read_back(shown: str, said: LockHolderName) -> None:
    assert lock_holder_name(shown) == said


@pytest.fixture
async def two(healthy_lab: Lab) -> AsyncIterator[tuple[OperatorLock, OperatorLock, ClusterSettings]]:
    settings = load(healthy_lab.config).clusters["lab"]
    alice = OperatorLock(settings, "run aaaa", "alice@bastion1")
    bob = OperatorLock(settings, "run bbbb", "bob@bastion2")
    yield alice, bob, settings
    await alice.close()
    await bob.close()


async def _end_backends(settings: ClusterSettings, node: str) -> None:
    """Another superuser-like hand: ends alice's session on one node."""
    writer = PostgresWriter(node, settings.nodes[node].dsn)
    ended = await writer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%alice%'"
    )
    await writer.close()
    assert ended


@pytest.mark.lab
async def test_the_second_operator_is_told_who_is_at_work_and_gets_nothing(
    two: tuple[OperatorLock, OperatorLock, ClusterSettings],
) -> None:
    alice, bob, settings = two
    alice.at("wait_close")
    await alice.take()
    assert alice.held == ("node1", "node2", "node3")
    with pytest.raises(ConsoleError) as refused:
        await bob.take()
    assert refused.value.exit_code == 11
    assert "run aaaa alice@bastion1 step wait_close, from 127.0.0.1, since 2" in refused.value.problem
    assert not bob.held
    assert await alice.look() == ()
    assert {holder.node for holder in await holders(settings)} == {"node1", "node2", "node3"}
    await alice.close()
    await bob.take()
    assert bob.held == ("node1", "node2", "node3")


@pytest.mark.lab
async def test_a_frozen_node_does_not_keep_the_lock_from_the_others(
    two: tuple[OperatorLock, OperatorLock, ClusterSettings], healthy_lab: Lab
) -> None:
    alice, bob, _ = two
    healthy_lab.break_("freeze", "node1")
    await alice.take()
    assert alice.held == ("node2", "node3")
    assert "timed out" in alice.unlocked["node1"]
    with pytest.raises(ConsoleError, match="run aaaa"):
        await bob.take()


@pytest.mark.lab
async def test_a_lock_that_was_lost_for_a_moment_is_taken_again_and_remembered(
    two: tuple[OperatorLock, OperatorLock, ClusterSettings],
) -> None:
    alice, _, settings = two
    await alice.take()
    await _end_backends(settings, "node2")
    told = [*await alice.look(), *await alice.look()]
    assert alice.held == ("node1", "node2", "node3")
    assert [loss.node for loss in told if "lost" in loss.text] == ["node2"]
    assert not any(loss.grave for loss in told)
    assert len(alice.lost) == 1


@pytest.mark.lab
async def test_operators_in_different_databases_of_one_server_meet(
    two: tuple[OperatorLock, OperatorLock, ClusterSettings],
) -> None:
    alice, _, settings = two
    await alice.take()
    other = settings.model_copy(
        update={
            "nodes": {
                name: node.model_copy(update={"dsn": f"{node.dsn} dbname=postgres"})
                for name, node in settings.nodes.items()
            }
        }
    )
    carol = OperatorLock(other, "run cccc", "carol@bastion3")
    with pytest.raises(ConsoleError, match="run aaaa"):
        await carol.take()
    assert carol.held == ()


@pytest.mark.lab
async def test_two_names_for_one_node_do_not_lock_each_other_out(
    two: tuple[OperatorLock, OperatorLock, ClusterSettings],
) -> None:
    _, _, settings = two
    twice = settings.model_copy(update={"nodes": {**settings.nodes, "again": settings.nodes["node1"]}})
    dave = OperatorLock(twice, "run dddd", "dave@bastion4")
    await dave.take()
    assert len(dave.held) == 3
    assert await dave.look() == ()
    await dave.close()
