"""HAProxy that cuts sessions: what the plan says of it, and what a run counts."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdr_console.cluster.proxies import ProxyFacts, ProxyFile, ProxyServer, StateLoad
from bdr_console.runbooks.checks.preflight import ALL_PARTS
from bdr_console.runbooks.execute.catalog import planned
from bdr_console.runbooks.journal.journal_file import Journal, read_events
from bdr_console.runbooks.journal.progress_writer import ProgressWriter
from bdr_console.runbooks.journal.report import markdown, report
from bdr_console.runbooks.model.plan_id import seen_by
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.run import PROBLEMS, Check, Outcome, RunView, StepStatus, exit_code
from bdr_console.runbooks.model.step import CutSessions, Plan, Step, StepPlan
from bdr_console.runbooks.steps.disable import SessionCount
from tests.runbooks.test_engine import Run
from tests.runbooks.world import SETTINGS, FakeWorld

FILE = "/etc/haproxy/haproxy.cfg"
UP = "on-marked-up shutdown-backup-sessions (cuts at `enable server`)"
CUTS = "cuts no transaction at"


def read(**world: Any) -> Reading:
    return asyncio.run(FakeWorld(**world).read(ALL_PARTS))


def plan_of(reading: Reading, mode: str = "quiesce", node: str = "node1") -> tuple[Plan, Check]:
    """The plan, and what it says of cut sessions on the first HAProxy."""
    made, checks = planned(reading, SETTINGS, {"node": node, "mode": mode})
    return made, next(check for check in checks if CUTS in check.title)


def test_sessions_cut_at_disable_refuse_a_gradual_plan_and_name_the_line() -> None:
    made, check = plan_of(read(cuts_when_down=True), "gradual")
    assert check.outcome is Outcome.FAIL
    assert check.seen == (
        "`disable server bk_db/bdr_initial_node` cuts its 3 sessions"
        " (on-marked-down shutdown-sessions, line 9 of haproxy.cfg)"
    )
    assert check.remedy == (
        "Choose mode quiesce, in which no transaction is open at `disable server`; or delete the option from"
        f" line 9 of {FILE} and reload haproxy1 before the switchover."
    )
    assert any("cuts its 3 sessions" in note and "open transactions fail" in note for note in made.notes)


def test_a_quiesce_takes_them_when_no_transaction_is_open() -> None:
    _, check = plan_of(read(cuts_when_down=True))
    assert (check.outcome, check.seen.endswith(", when no transaction is open")) == (Outcome.PASS, True)
    assert "haproxy1" in check.title


def test_a_client_that_no_pause_reaches_would_be_cut_in_a_quiesce_too() -> None:
    _, check = plan_of(read(cuts_when_down=True, foreign=["10.9.9.9:1234"]))
    assert check.outcome is Outcome.WARN
    assert "also of 1 client past PgBouncer, whom no pause reaches" in check.seen


@pytest.mark.parametrize("mode", ["quiesce", "gradual"])
def test_sessions_cut_on_the_way_back_refuse_either_mode(mode: str) -> None:
    _, check = plan_of(read(cuts_backups_when_up=True, cuts_when_down=mode == "quiesce"), mode)
    assert check.outcome is Outcome.FAIL
    assert check.seen == (
        "`enable server bk_db/bdr_initial_node` cuts every session on bdr_next_node, bdr_node3"
        " (on-marked-up shutdown-backup-sessions, line 14 of haproxy.cfg)"
    )
    assert check.remedy == (
        f"Delete the option from line 14 of {FILE} and reload haproxy1 before the switchover."
    )


def test_both_are_named_in_one_plan() -> None:
    _, check = plan_of(read(cuts_backups_when_up=True, cuts_when_down=True), "gradual")
    assert "`disable server" in check.seen
    assert "`enable server" in check.seen
    assert check.remedy == (
        f"Delete the option from lines 9 and 14 of {FILE} and reload haproxy1 before the switchover."
    )


def test_a_backup_server_that_comes_back_cuts_nobody() -> None:
    _, check = plan_of(read(cuts_backups_when_up=True), node="node2")
    assert check.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("mode", "looks_for"),
    [
        (
            "gradual",
            f"on-marked-down shutdown-sessions (cuts at `disable server`) and {UP}",
        ),
        ("quiesce", UP),
    ],
)
def test_what_the_socket_does_not_show_is_warned_of_with_what_to_look_for(mode: str, looks_for: str) -> None:
    _, check = plan_of(read(has_files=False), mode)
    assert check.outcome is Outcome.WARN
    assert check.seen.endswith("and no config_file is configured")
    assert check.remedy == (
        f"Look in haproxy.cfg for {looks_for}, or have the console do so: proxies.haproxy1.config_file."
    )


def test_a_file_that_cannot_be_read_leaves_it_unknown() -> None:
    reading = read()
    broken = dict.fromkeys(reading.files, ProxyFile(FILE, problem=f"{FILE}: permission denied"))
    _, check = plan_of(replace(reading, files=broken))
    assert (check.outcome, check.seen) == (Outcome.WARN, f"{FILE}: permission denied")
    assert "config_file" not in check.remedy


def test_a_plan_does_not_hold_when_the_file_has_changed() -> None:
    before, after = read(), read(cuts_backups_when_up=True)
    made, _ = plan_of(before)
    assert seen_by(before, made) != seen_by(after, made)


@pytest.mark.parametrize(
    ("load", "seen"),
    [
        (StateLoad("bk_db", None), f"bk_db loads no server state from a file ({FILE})"),
        (
            StateLoad("bk_db", "/var/state"),
            f"server states are loaded at a reload: bk_db from /var/state ({FILE})",
        ),
        (StateLoad("bk_db", None, "line 3 ..."), "line 3 ..."),
    ],
)
def test_whether_a_reload_keeps_the_maintenance_is_said_by_the_file(load: StateLoad, seen: str) -> None:
    reading = read()
    files = {name: replace(file, states=(load,)) for name, file in reading.files.items()}
    _, checks = planned(replace(reading, files=files), SETTINGS, {"node": "node1"})
    check = next(check for check in checks if "keeps the maintenance over a reload" in check.title)
    assert (check.outcome, check.seen.startswith(f"{seen}; pid 1")) == (Outcome.WARN, True)


async def run_through(world: FakeWorld, directory: Path, mode: str, word: str = "go") -> tuple[RunView, str]:
    """A whole run as it was planned, and its report; `word` is said in the hold."""
    async with Run(world, directory, mode) as run:
        await run.at("hold", StepStatus.HOLDING)
        run.say(word)
        await run.end()
        made = report(run.events())
    assert made is not None
    return made.run, markdown(made)


async def test_a_run_says_which_sessions_haproxy_has_cut_at_each_command(tmp_path: Path) -> None:
    world = FakeWorld(cuts_when_down=True, cuts_backups_when_up=True, has_files=False)
    view, text = await run_through(world, tmp_path, "gradual")
    assert view.problems[0] == (
        "haproxy1 cut 3 sessions on bk_db/bdr_initial_node at `disable server bk_db/bdr_initial_node`: any "
        "transaction that was open there has failed. Look for on-marked-down in haproxy.cfg."
    )
    assert view.problems[-1] == (
        "haproxy2 cut 3 sessions on bk_db/bdr_next_node, bk_db/bdr_node3 at `enable server "
        "bk_db/bdr_initial_node`: any transaction that was open there has failed. Look for on-marked-up in "
        "haproxy.cfg."
    )
    assert exit_code(view) == PROBLEMS
    assert "- disable server bk_db/bdr_initial_node on haproxy1: sessions cut 3 (" in text
    assert "- enable server bk_db/bdr_initial_node on haproxy1: sessions cut 3 (" in text


@pytest.mark.parametrize("mode", ["gradual", "quiesce"])
async def test_where_nothing_is_cut_the_report_says_so_and_nothing_else(tmp_path: Path, mode: str) -> None:
    view, text = await run_through(FakeWorld(), tmp_path, mode)
    assert view.problems == ()
    assert "- disable server bk_db/bdr_initial_node on haproxy1: sessions cut 0 (" in text
    assert "- enable server bk_db/bdr_initial_node on haproxy1: sessions cut 0 (" in text


async def test_what_is_cut_when_a_run_goes_back_is_counted_too(tmp_path: Path) -> None:
    world = FakeWorld(cuts_backups_when_up=True, has_files=False)
    view, text = await run_through(world, tmp_path, "gradual", "abort")
    assert any("cut 3 sessions" in problem and "on-marked-up" in problem for problem in view.problems)
    assert "- enable server bk_db/bdr_initial_node on haproxy1: sessions cut 3 (" in text


def server(name: str, sessions: int, total: int, *, out: bool = False) -> ProxyServer:
    made = next(s for s in proxy_facts().servers if s.name == name)
    return replace(made, sessions=sessions, total_sessions=total, admin_state=1 if out else 0)


def proxy_facts() -> ProxyFacts:
    facts = read().proxy("haproxy1")
    assert facts is not None
    return facts


def looks(*servers: tuple[ProxyServer, ...], pid: int = 1) -> tuple[CutSessions, ...]:
    """What is counted over these looks at one HAProxy; `pid` is that of the last."""
    count, reading = SessionCount(), read()
    act = planned(reading, SETTINGS, {"node": "node1"})[0].step("disable").acts[0]
    for number, found in enumerate(servers, 1):
        facts = replace(proxy_facts(), servers=found, pid=pid if number == len(servers) else 1)
        (first, *others) = reading.snapshot.proxies
        snapshot = replace(reading.snapshot, proxies=(replace(first, facts=facts), *others))
        count.look(replace(reading, snapshot=snapshot), [act])
    return count.take()


A, B = "bdr_initial_node", "bdr_next_node"


@pytest.mark.parametrize(
    ("before", "after", "ended", "all_cut"),
    [
        ((5, 9), (0, 9), 5, True),
        ((5, 9), (5, 9), 0, False),
        ((5, 9), (4, 9), 1, False),
        ((1, 9), (0, 9), 1, False),
        ((0, 9), (0, 9), 0, False),
        ((5, 9), (0, 2), None, False),
    ],
    ids=["all at once", "none", "one by itself", "the only one", "nobody there", "counters cleared"],
)
def test_what_has_ended_is_what_was_there_and_is_not_any_more(
    before: tuple[int, int], after: tuple[int, int], ended: int | None, all_cut: bool
) -> None:
    (cut,) = looks((server(A, *before),), (server(A, *after, out=True),))
    assert (cut.before, cut.ended, cut.all_cut) == (before[0], ended, all_cut)


def test_those_that_have_connected_anew_meanwhile_are_counted_as_cut() -> None:
    first = (server(A, 0, 9, out=True), server(B, 5, 5))
    (cut,) = looks(first, (server(A, 0, 9), server(B, 5, 10)))
    assert (cut.command, cut.servers, cut.ended) == (f"enable server bk_db/{A}", f"bk_db/{B}", 5)


def test_a_reload_meanwhile_leaves_nothing_to_count() -> None:
    (cut,) = looks((server(A, 5, 9),), (server(A, 0, 0, out=True),), pid=2)
    assert cut.ended is None


def test_looks_between_which_the_server_stays_as_it_is_count_nothing() -> None:
    assert looks((server(A, 5, 9),), (server(A, 3, 9),), (server(A, 0, 9),)) == ()


class Ended(Step):
    """A step during which all 2 sessions of a server ended."""

    def take_cuts(self) -> tuple[CutSessions, ...]:
        return (CutSessions("haproxy1", self.plan.title, "bk_db/bdr_initial_node", 2, 2),)


@pytest.mark.parametrize(
    ("command", "pause", "alarms"),
    [
        ("disable server bk_db/bdr_initial_node", None, 1),
        ("disable server bk_db/bdr_initial_node", 10.0, 0),
        ("enable server bk_db/bdr_initial_node", 10.0, 1),
    ],
    ids=["clients work", "a paused PgBouncer closes its own", "those of the other servers are not paused"],
)
def test_sessions_that_ended_under_a_pause_are_counted_and_are_no_problem(
    tmp_path: Path, command: str, pause: float | None, alarms: int
) -> None:
    journal = Journal(tmp_path, "r1")
    ProgressWriter(journal).mark(Ended(StepPlan("disable", command, pause=pause)), StepStatus.DONE)
    kinds = [event["event"] for event in read_events(tmp_path)]
    assert kinds.count("cut") == 1
    assert kinds.count("alarm") == alarms
