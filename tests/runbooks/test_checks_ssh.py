"""What the plan says of the SSH hosts on a run's way."""

from datetime import UTC, datetime

import pytest

from bdr_console.cluster.snapshot import Snapshot
from bdr_console.config import ClusterSettings
from bdr_console.links.ssh_route import Login
from bdr_console.runbooks.checks.preflight import check_ssh
from bdr_console.runbooks.model.reading import Reading
from bdr_console.runbooks.model.run import Outcome

EMPTY = Snapshot("c", "", datetime(2026, 1, 1, tzinfo=UTC), 1.0, (), (), ())


def settings(dsn: str, **node: str) -> ClusterSettings:
    return ClusterSettings.model_validate({"via": "bastion", "nodes": {"node1": {"dsn": dsn, **node}}})


@pytest.mark.parametrize(
    ("login", "outcome"),
    [
        (Login("/k", unattended=True), Outcome.PASS),
        (Login("agent", unattended=True), Outcome.WARN),
        (Login("/k", unattended=False), Outcome.FAIL),
    ],
)
def test_a_run_that_could_not_log_in_by_itself_is_refused(login: Login, outcome: Outcome) -> None:
    (check,) = check_ssh(Reading(EMPTY, logins={"bastion": login}), settings("host=10.0.0.1"), pauses=True)
    assert check.outcome is outcome
    assert "bastion" in check.title


@pytest.mark.parametrize(
    ("dsn", "node", "warned"),
    [
        ("host=10.0.0.1 sslmode=verify-full", {}, True),
        ("postgresql://10.0.0.1/app?sslmode=require", {}, True),
        ("host=10.0.0.1 sslmode=prefer", {}, False),
        ("host=10.0.0.1 sslmode=require", {"via": "direct"}, False),
    ],
)
def test_tls_that_ssh_cannot_give_is_said(dsn: str, node: dict[str, str], warned: bool) -> None:
    found = list(check_ssh(Reading(EMPTY), settings(dsn, **node), pauses=True))
    assert [check.outcome for check in found] == ([Outcome.WARN] if warned else [])


@pytest.mark.parametrize(
    ("pauses", "why_none", "outcomes"),
    [(True, "", [Outcome.PASS]), (True, "there is no psql", [Outcome.WARN]), (False, "there is no psql", [])],
)
def test_a_pause_that_only_this_side_could_end_is_said(
    pauses: bool, why_none: str, outcomes: list[Outcome]
) -> None:
    told = {"via": "bastion", "nodes": {"n": {"dsn": "host=a"}}, "poolers": {"pgb": {"dsn": "host=b"}}}
    reading = Reading(EMPTY, unguarded={"pgb": why_none})
    found = list(check_ssh(reading, ClusterSettings.model_validate(told), pauses=pauses))
    assert [check.outcome for check in found] == outcomes
