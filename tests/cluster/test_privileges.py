"""What helps a role to see or end other sessions, by the server's version."""

import pytest

from bdr_console.cluster.access import ends_sessions, sees_sessions


@pytest.mark.parametrize(
    ("version", "monitor", "signal"),
    [
        ("9.4.12", False, False),
        ("9.6.24", False, True),
        ("10.1", True, True),
        ("15.20", True, True),
        ("18beta1", True, True),
        ("", True, True),
        (None, True, True),
    ],
)
def test_a_hint_names_only_roles_that_the_server_has(
    version: str | None, monitor: bool, signal: bool
) -> None:
    assert ("pg_monitor" in sees_sessions(version)) is monitor
    assert ("pg_signal_backend" in ends_sessions(version)) is signal
    assert monitor or "superusers only" in sees_sessions(version)
