"""Words with an argument: cancel, terminate, kill-db. What is sent, answered and journaled."""

from pathlib import Path

import pytest

from bdr_console.runbooks.execute import intervene as intervene_module
from bdr_console.runbooks.execute import walkback as walkback_module
from bdr_console.runbooks.model.run import RunStatus, StepStatus, StepView
from tests.runbooks.test_engine import Run
from tests.runbooks.world import FakeWorld


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervene_module, "_RESUME_PAUSE", 0.01)
    monkeypatch.setattr(walkback_module, "_DEADLINE", 0.3)
    monkeypatch.setattr(walkback_module, "_AGAIN_AFTER", 0.05)


@pytest.fixture
def world() -> FakeWorld:
    """A client sits in its transaction on the second connection."""
    made = FakeWorld()
    made.connections[1].busy = True
    return made


def waiting(run: Run) -> StepView:
    return next(step for step in run.view.steps if step.key == "wait_close")


async def offered(run: Run, verb: str) -> str:
    """The word that begins so, as soon as it is offered."""
    await run.until(lambda view: any(offer.word.startswith(verb) for offer in view.offers))
    return next(offer.word for offer in run.view.offers if offer.word.startswith(verb))


async def test_the_holder_is_shown_only_while_wait_close_waits(world: FakeWorld, tmp_path: Path) -> None:
    async with Run(world, tmp_path) as run:
        await run.until(lambda _: any(holder.node for holder in waiting(run).holders))
        (holder,) = waiting(run).holders
        assert (holder.application, holder.pid, holder.node) == ("billing", 40001, "node1")
        assert (holder.state, holder.transaction_age, holder.query) == (
            "idle in transaction",
            41.0,
            "UPDATE t SET n = 1",
        )
        next(c for c in world.connections if c.busy).busy = False
        await run.at("hold", StepStatus.HOLDING)
        assert waiting(run).holders == ()


async def test_terminate_ends_that_backend_and_the_run_goes_on(world: FakeWorld, tmp_path: Path) -> None:
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "terminate"))
        await run.at("hold", StepStatus.HOLDING)
        assert world.signals == [("node1", "terminate", 40001)]
        told = [e for e in run.events() if e["event"] in ("intent", "answer") and "word" in e]
        assert [e["event"] for e in told] == ["intent", "answer"]
        assert "WHERE pid = 40001 AND backend_start = '2026-11-22 02:00:00.000000+00'" in told[0]["command"]
        assert told[0]["who"] == "dba"
        assert told[1]["answer"] == "terminate was sent to pid 40001 on node1"


async def test_a_pid_that_was_given_to_another_backend_meanwhile_is_left_alone(
    world: FakeWorld, tmp_path: Path
) -> None:
    async with Run(world, tmp_path) as run:
        word = await offered(run, "terminate")
        next(c for c in world.connections if c.busy).started = "2026-11-22 03:30:00.000000+00"
        run.say(word)
        await run.until(lambda _: run.messages("pid 40001 on node1 is gone already") > 0)
        assert world.signals == []
        assert waiting(run).status is StepStatus.WAITING


async def test_a_word_about_a_holder_that_has_gone_says_so(world: FakeWorld, tmp_path: Path) -> None:
    async with Run(world, tmp_path) as run:
        word = await offered(run, "terminate")
        next(c for c in world.connections if c.busy).started = "2026-11-22 03:30:00.000000+00"
        await run.until(lambda view: bool(view.offers) and word not in [o.word for o in view.offers])
        accepted, text = run.engine.take_word(word, "dba")
        assert (accepted, text) == (False, "it is gone already: nothing was sent")
        assert world.signals == []


async def test_a_role_that_may_not_signal_is_told_what_to_grant_and_the_offer_stays(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.may_signal = False
    async with Run(world, tmp_path) as run:
        word = await offered(run, "terminate")
        run.say(word)
        await run.until(lambda _: run.messages("Grant pg_signal_backend") > 0)
        assert word in [offer.word for offer in run.view.offers]
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE


async def test_one_word_sends_one_signal(world: FakeWorld, tmp_path: Path) -> None:
    async with Run(world, tmp_path) as run:
        word = await offered(run, "terminate")
        run.say(word)
        accepted, text = run.engine.take_word(word, "dba")
        assert not accepted
        assert "being done" in text
        await run.at("hold", StepStatus.HOLDING)
        assert len(world.signals) == 1


async def test_kill_db_cuts_the_clients_and_resumes_at_once(world: FakeWorld, tmp_path: Path) -> None:
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "kill-db"))
        await run.at("hold", StepStatus.HOLDING)
        assert [text for _, text in world.sent][-2:] == ["KILL app", "RESUME app"]
        assert not world.paused
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE
        assert [text for _, text in world.sent].count("RESUME app") == 1


async def test_a_client_whose_backend_is_not_known_is_ended_through_pgbouncer_and_nothing_is_paused(
    world: FakeWorld, tmp_path: Path
) -> None:
    """As of a node that hangs: nothing can be asked of it, and nothing be signalled there."""
    world.may_see_backends, world.kills_clients = False, True
    client = world.connections[1].port
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "terminate"))
        await run.at("drained", StepStatus.WAITING)  # who is on such a node cannot be read
        assert world.sent[-1] == ("pgb-tx", f"KILL_CLIENT {client}")
        assert world.signals == []
        assert not world.paused
        told = [e for e in run.events() if e["event"] in ("intent", "answer") and "word" in e]
        assert [(e["event"], e["command"]) for e in told] == [
            ("intent", f"KILL_CLIENT {client}"),
            ("answer", f"KILL_CLIENT {client}"),
        ]


async def test_a_client_that_has_gone_meanwhile_is_no_failure(world: FakeWorld, tmp_path: Path) -> None:
    world.may_see_backends, world.kills_clients = False, True
    world.refuse[f"KILL_CLIENT {world.connections[1].port}"] = "client not found"
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "terminate"))
        await run.until(lambda _: run.messages("is gone already: nothing was done") > 0)
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE


@pytest.mark.parametrize("by", ["abort", "the word for it"])
async def test_a_database_that_a_kill_left_paused_is_resumed(
    world: FakeWorld, tmp_path: Path, by: str
) -> None:
    world.refuse["RESUME app"] = "server login has been failing"
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "kill-db"))
        word = await offered(run, "resume-db")
        assert waiting(run).status is StepStatus.WAITING, "nothing goes on while clients are left waiting"
        assert world.paused
        del world.refuse["RESUME app"]
        if by == "abort":
            run.say("abort")
            assert await run.end() is RunStatus.UNDONE
        else:
            run.say(word)
            await run.at("hold", StepStatus.HOLDING)
        assert not world.paused


async def test_what_a_kill_left_paused_for_good_is_a_leftover_with_the_command_for_it(
    world: FakeWorld, tmp_path: Path
) -> None:
    world.refuse["RESUME app"] = "it does not want to"
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "kill-db"))
        await offered(run, "resume-db")
        run.say("abort")
        assert await run.end() is RunStatus.STOPPED
        assert any("To take it back: RESUME app" in line for line in run.view.leftovers)


async def test_a_refused_kill_says_so_and_leaves_nothing_to_undo(world: FakeWorld, tmp_path: Path) -> None:
    world.refuse |= {"KILL app": "admin access needed", "RESUME app": "database app is not paused"}
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "kill-db"))
        await run.until(lambda _: run.messages("did not succeed") > 0)
        assert "admin access needed" in run.view.message
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE


async def test_abort_is_heard_before_a_word_that_is_still_pending(world: FakeWorld, tmp_path: Path) -> None:
    async with Run(world, tmp_path) as run:
        run.say(await offered(run, "terminate"))
        run.say("abort")
        assert await run.end() is RunStatus.UNDONE
        assert world.signals == []
