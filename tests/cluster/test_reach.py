"""What is said of a target that does not answer."""

from dataclasses import replace

from bdr_console.cluster.verdict.findings import Thresholds
from bdr_console.cluster.verdict.judge import judge
from tests.cluster.builders import NOW, node, snapshot, with_node


def test_a_login_that_is_refused_is_said_and_what_to_check() -> None:
    """The server runs: neither its log nor its host is the place to look."""
    why = 'login refused: password authentication failed for user "bdr_console"'
    shown = with_node(snapshot(), replace(node("node2", age=60.0), error=why))
    (found,) = (f for f in judge(shown, Thresholds(), NOW).findings if f.code == "node.unreachable")
    assert found.text == f"{why}; last seen 1m 00s ago"
    assert found.remedy == (
        "it runs and refuses the console's login: check user, password and pg_hba.conf for node2 (node2:5432)"
    )
