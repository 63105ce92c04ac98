"""The list of output plugins that late minor releases of PostgreSQL have."""

import pytest

from bdr_console.engines.core.activity import plugin_caveats

LISTED = "output_plugin_libraries does not list "


@pytest.mark.parametrize(
    ("allowed", "needed", "severe", "text"),
    [
        (None, ["pglogical_output"], None, ""),
        ("pgoutput, test_decoding", None, None, ""),
        ("pgoutput, test_decoding", ["pgoutput"], None, ""),
        ("pgoutput,pglogical_output", ["pglogical_output", "pgoutput"], None, ""),
        ("pgoutput, test_decoding", ["bdr", "pgoutput"], True, LISTED + "bdr: once its walsenders end"),
        ('"pglogical_output,pgoutput"', ["pglogical_output"], True, "one name with a comma"),
        ('"a, b", pgoutput', ["pgoutput"], False, "ALTER SYSTEM SET output_plugin_libraries = 'a', 'b'"),
    ],
)
def test_a_slot_whose_plugin_is_not_listed_is_told_before_it_stops(
    allowed: str | None, needed: list[str] | None, severe: bool | None, text: str
) -> None:
    found = plugin_caveats({"allowed": allowed, "needed": needed})
    assert [caveat.severe for caveat in found] == ([] if severe is None else [severe])
    assert all(text in caveat.text for caveat in found)


def test_a_server_that_was_not_asked_has_no_caveat() -> None:
    assert plugin_caveats(None) == ()
