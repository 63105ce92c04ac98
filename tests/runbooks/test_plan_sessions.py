"""The sessions that a plan's checks name, and what may be done about each before the run."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute import intervene as intervene_module
from bdr_console.runbooks.execute.catalog import planned
from bdr_console.runbooks.execute.intervene import end_before_run
from bdr_console.runbooks.model.pool_holders import interventions, why_not_ended
from bdr_console.runbooks.model.reading import CatchUp, Obstacles, Reading
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.runbooks.model.step import Intervention
from tests.runbooks.world import SETTINGS, FakeWorld, direct

BLOCKED = CatchUp(None, "not applied within 3 s: node2: has applied 0/1, waiting for 0/2")
PAST = "every client of node1 comes through a known PgBouncer"


def healthy() -> Reading:
    return asyncio.run(FakeWorld().read(ALL_PARTS))


def held(age: float) -> Reading:
    """One pooled transaction on the leaving node is that old."""
    reading = healthy()
    known = tuple(
        replace(b, state="idle in transaction", transaction_age=age) if b.pid == 40001 else b
        for b in reading.backends["node1"]
    )
    return replace(reading, backends={**reading.backends, "node1": known})


def past_poolers(**changed: Any) -> Reading:
    reading = healthy()
    etl = replace(direct("node1", 4711, 24.0), **changed)
    return replace(reading, backends={**reading.backends, "node1": (*reading.backends["node1"], etl)})


def blocked(*pids: int) -> Reading:
    """Apply at node2 waits for a lock of these sessions there."""
    reading = healthy()
    report = direct("node2", 7001, 33.0, application="report")
    return replace(
        reading,
        backends={**reading.backends, "node2": (*reading.backends["node2"], report)},
        obstacles={**reading.obstacles, "node2": Obstacles((), 3, blockers=pids)},
        catch_up={"node1": BLOCKED},
    )


def named(reading: Reading, mode: str) -> tuple[tuple[Check, ...], tuple[Intervention, ...]]:
    """The checks that name a session, and what may be done about these."""
    _, checks = planned(reading, SETTINGS, {"node": "node1", "mode": mode})
    found = tuple(check for check in checks if check.holders)
    return found, interventions(reading, [one for check in found for one in check.holders], ())


@pytest.mark.parametrize(
    ("reading", "mode", "title", "outcome", "pid"),
    [
        (lambda: held(41.0), "quiesce", "the pause can end within 10 s", Outcome.FAIL, 40001),
        (lambda: held(41.0), "auto", "a pause would end within 2 s", Outcome.WARN, 40001),
        (
            lambda: held(61.0),
            "gradual",
            "no pooled transaction is open for long on node1",
            Outcome.WARN,
            40001,
        ),
        (past_poolers, "quiesce", PAST, Outcome.WARN, 4711),
        (past_poolers, "gradual", PAST, Outcome.WARN, 4711),
        (lambda: blocked(7001), "quiesce", "no lock holds up apply on node2", Outcome.FAIL, 7001),
        (lambda: blocked(7001), "auto", "no lock holds up apply on node2", Outcome.WARN, 7001),
    ],
)
def test_a_check_that_fails_because_of_a_session_names_it_and_it_can_be_ended(
    reading: Callable[[], Reading], mode: str, title: str, outcome: Outcome, pid: int
) -> None:
    (check,), (end,) = named(reading(), mode)
    assert (check.title, check.outcome) == (title, outcome)
    assert (end.pid, end.how) == (pid, "terminate")
    assert f"pid {pid}" in check.seen
    assert f"WHERE pid = {pid} AND backend_start = '2026-11-22" in end.command.text


def test_on_a_healthy_cluster_no_check_names_a_session() -> None:
    assert named(healthy(), "auto") == ((), ())


def test_a_lock_that_delays_no_peer_is_no_finding() -> None:
    for caught_up in ({}, {"node1": CatchUp(0.004)}):
        assert named(replace(blocked(7001), catch_up=caught_up), "auto") == ((), ())


def test_apply_that_waits_for_a_prepared_transaction_or_an_unknown_session_is_named_without_an_end() -> None:
    _, checks = planned(blocked(0, 99), SETTINGS, {"node": "node1", "mode": "quiesce"})
    (check,) = (one for one in checks if one.title == "no lock holds up apply on node2")
    assert check.seen == (
        "apply on node2 waits for a lock of a prepared transaction; apply on node2 waits for a lock of pid 99"
    )
    assert check.holders == ()


@pytest.mark.parametrize(
    ("of_superuser", "who"),
    [
        (True, "only a superuser may end a superuser's session"),
        (False, "Grant pg_signal_backend to the console's role"),
    ],
)
def test_where_the_role_may_not_end_it_the_remedy_says_who_may_and_no_end_is_offered(
    of_superuser: bool, who: str
) -> None:
    (check,), offered = named(past_poolers(may_signal=False, of_superuser=of_superuser), "gradual")
    assert offered == ()
    assert who in check.remedy
    assert "The console's role may not end it" in check.remedy


def test_a_role_that_may_signal_is_told_nothing() -> None:
    assert why_not_ended(healthy(), direct()) == ""


class Kept:
    """Keeps what was written down."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def write(self, event: str, durable: bool = True, /, **fields: Any) -> None:
        """Append one."""
        self.events.append((event, fields))


class Ends(FakeWorld):
    """A world that can be closed, and where sessions past the poolers can be ended too."""

    closed = False

    async def signal(self, node: str, how: Any, pid: int, started: str) -> bool:
        """End that session."""
        found = [one for one in self.direct if (one.node, one.pid, one.started) == (node, pid, started)]
        if not self.may_signal:
            raise ConsoleError(f"{node}: permission denied", "Grant pg_signal_backend.")
        for one in found:
            self.direct.remove(one)
        return bool(found)

    async def close(self) -> None:
        """It is over."""
        self.closed = True


@pytest.mark.parametrize(
    ("may_signal", "events", "said"),
    [
        (True, ["intent", "answer"], "terminate was sent to pid 4711 on node1."),
        (False, ["intent", "error"], "did not succeed: node1: permission denied. Grant pg_signal_backend."),
    ],
)
async def test_before_a_run_the_end_is_written_down_before_and_after_and_its_links_are_closed(
    monkeypatch: pytest.MonkeyPatch, may_signal: bool, events: list[str], said: str
) -> None:
    world = Ends(direct=[direct()], may_signal=may_signal)
    monkeypatch.setattr(intervene_module, "LiveWorld", lambda *_, **__: world)
    monkeypatch.setattr(intervene_module, "_GONE_WITHIN", 0.05)
    reading = await world.read(ALL_PARTS)
    _, (end,) = named(reading, "gradual")
    record = Kept()
    answer = await end_before_run(SETTINGS, "shop", end, "dba@bastion", record)
    assert said in answer
    assert [event for event, _ in record.events] == events
    assert all(fields["command"] == end.command.text for _, fields in record.events)
    assert all(fields["who"] == "dba@bastion" for _, fields in record.events)
    assert (world.closed, bool(world.direct)) == (True, not may_signal)
