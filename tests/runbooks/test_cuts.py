"""HAProxy that cuts sessions: what the plan says of it, and what a run counts."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bdr_console.cluster.proxy_file import ProxyFile, StateLoad
from bdr_console.runbooks.catalog import planned
from bdr_console.runbooks.checks import ALL_PARTS
from bdr_console.runbooks.plan_id import seen_by
from bdr_console.runbooks.reading import Reading
from bdr_console.runbooks.run import Check, Outcome
from bdr_console.runbooks.step import Plan
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
    assert check.seen.startswith("no config_file is configured")
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
