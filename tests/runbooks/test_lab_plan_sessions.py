"""What stands in the way of a real switchover is ended from its plan, and the plan turns ready."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from bdr_console.config import load
from bdr_console.lab import Lab
from bdr_console.runbooks.model.run import Check, Outcome
from bdr_console.ui.live_services import LiveRunbooks
from bdr_console.ui.services import PlanView, Terms
from tests.runbooks.test_lab_holders import sessions
from tests.runbooks.test_lab_switchover import CLUSTER, NODE
from tests.runbooks.test_plan_sessions import Kept
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]


def desk_of(lab: Lab) -> LiveRunbooks:
    return LiveRunbooks(lab.config, CLUSTER, load(lab.config).clusters[CLUSTER])


def named(plan: PlanView) -> list[Check]:
    return [check for check in plan.checks if check.holders]


async def ended(desk: LiveRunbooks, plan: PlanView) -> tuple[PlanView, Kept]:
    """The plan after its only session was ended."""
    (end,) = plan.interventions
    record = Kept()
    assert "terminate was sent to pid" in await desk.end(plan, end.offer.word, record)
    return await desk.plan(NODE, Terms()), record


async def test_a_holder_keeps_quiesce_from_being_chosen_until_it_is_ended_from_the_plan(
    healthy_lab: Lab,
) -> None:
    healthy_lab.start_load(clients=2, rate=20)
    healthy_lab.break_("hold-transaction", "pgb-tx")
    desk = desk_of(healthy_lab)
    plans: list[PlanView] = []

    async def old_enough() -> bool:
        plans[:] = [await desk.plan(NODE, Terms())]
        return any(check.title == "a pause would end within 2 s" for check in plans[0].checks)

    await eventually(old_enough, "the transaction is older than a pause may last", seconds=30)
    (plan,) = plans
    assert plan.refusals
    ((pid, started),) = sessions(healthy_lab, "billing").items()
    (holder,) = {holder.id: holder for check in named(plan) for holder in check.holders}.values()
    assert (holder.pid, holder.backend_start, holder.user) == (pid, started, "app")
    ready, record = await ended(desk, plan)
    assert sessions(healthy_lab, "billing") == {}
    assert (ready.refusals, ready.mode, named(ready)) == ((), "quiesce", [])
    intent, answer = record.events
    assert (intent[0], answer[0]) == ("intent", "answer")
    assert f"WHERE pid = {pid} AND backend_start = '{started}'" in intent[1]["command"]


async def test_a_job_past_the_poolers_is_ended_from_the_plan(healthy_lab: Lab) -> None:
    healthy_lab.break_("direct-client", NODE)
    desk = desk_of(healthy_lab)
    plan = await desk.plan(NODE, Terms())
    titles = {check.title for check in named(plan)}
    assert f"every client of {NODE} comes through a known PgBouncer" in titles
    after, _ = await ended(desk, plan)
    assert sessions(healthy_lab, "etl") == {}
    assert named(after) == []


@contextmanager
def lock_at(lab: Lab, node: str) -> Iterator[psycopg.Connection[Any]]:
    """A session at that node locks what the other nodes' writes go to."""
    dsn = lab.layout.dsn(lab.layout.node(node).port) + " application_name=report"
    with psycopg.connect(dsn) as connection:
        connection.execute("LOCK TABLE counter IN SHARE MODE")
        try:
            yield connection
        finally:
            connection.close()


def waits_for_a_lock(lab: Lab, node: str) -> bool:
    """Whether a session of that node waits for a lock."""
    with psycopg.connect(lab.layout.dsn(lab.layout.node(node).port), autocommit=True) as connection:
        return connection.execute("SELECT FROM pg_locks WHERE NOT granted").rowcount > 0


async def test_apply_that_waits_for_a_lock_at_the_taker_is_traced_to_the_session_that_holds_it(
    healthy_lab: Lab,
) -> None:
    healthy_lab.start_load(clients=2, rate=20)
    desk = desk_of(healthy_lab)
    with lock_at(healthy_lab, "node2") as locker:
        await eventually(lambda: waits_for_a_lock(healthy_lab, "node2"), "apply waits at node2")
        plan = await desk.plan(NODE, Terms("quiesce"))
        (check,) = (one for one in plan.checks if one.title == "no lock holds up apply on node2")
        assert check.outcome is Outcome.FAIL
        assert "app=report" in check.seen
        (holder,) = check.holders
        assert (holder.node, holder.pid) == ("node2", locker.info.backend_pid)
        # It is a superuser's session: the console's role may not end it, and says who may.
        assert "only a superuser" in check.remedy
        assert plan.interventions == ()


async def test_without_the_right_to_signal_no_end_is_offered(healthy_lab: Lab) -> None:
    healthy_lab.break_("direct-client", NODE)
    desk = desk_of(healthy_lab)
    admin = psycopg.connect(healthy_lab.layout.dsn(healthy_lab.layout.node(NODE).port), autocommit=True)
    with admin:
        admin.execute("REVOKE pg_signal_backend FROM bdr_console")
        try:
            plan = await desk.plan(NODE, Terms())
        finally:
            admin.execute("GRANT pg_signal_backend TO bdr_console")
    assert plan.interventions == ()
    (check,) = (one for one in named(plan) if "comes through a known PgBouncer" in one.title)
    assert "Grant pg_signal_backend" in check.remedy
