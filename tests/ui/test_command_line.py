"""The command line: any command by its name, completed, and mended when it was mistyped."""

import pytest

from bdr_console.errors import ConsoleError
from bdr_console.ui.screens.command_line import TypedCommand, choice, completed, parse
from bdr_console.ui.screens.overview import Overview
from bdr_console.ui.screens.plan import PlanScreen
from tests.ui.driving import FakeActs, FakeRuns, console, line_with, text, until, until_shown
from tests.ui.scenes import FixedSource, run, snapshot
from tests.ui.test_clusters import shop, stage

_DONE: list[str] = []
COMMANDS = {
    name: TypedCommand(name, f"does {name}", _DONE.append, argument, lambda names=names: names, why)  # type: ignore[misc]
    for name, argument, names, why in (
        ("pane", "PANE", ("nodes", "lag", "links"), ""),
        ("palette", "", (), ""),
        ("refresh", "[SECONDS]", (), ""),
        ("quit", "", (), ""),
        ("switchover", "[NODE]", ("node1", "node2"), "this console is read-only"),
    )
}


@pytest.mark.parametrize(
    ("typed", "name", "argument"),
    [
        ("quit", "quit", ""),
        ("q", "quit", ""),
        ("  pane   lag ", "pane", "lag"),
        ("refresh", "refresh", ""),
        ("refresh 2", "refresh", "2"),
    ],
)
def test_a_command_is_named_in_full_or_by_its_beginning(typed: str, name: str, argument: str) -> None:
    command, said = parse(typed, COMMANDS)
    assert (command.name, said) == (name, argument)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("qiut", "did you mean 'quit'?"),
        ("pa", "it may be: palette, pane"),
        ("zzz", "known are: palette, pane, quit, refresh, switchover"),
        ("quit now", "'quit' takes nothing after it"),
        ("pane", "'pane' needs PANE"),
        ("switchover node1", "this console is read-only"),
    ],
)
def test_a_mistake_is_said_with_what_was_meant(typed: str, said: str) -> None:
    with pytest.raises(ConsoleError) as caught:
        parse(typed, COMMANDS)
    assert said in f"{caught.value.problem} {caught.value.remedy}"


@pytest.mark.parametrize(
    ("typed", "longer", "may_be"),
    [
        ("p", "pa", ("palette", "pane")),
        ("pan", "pane ", ("pane",)),
        ("q", "quit", ("quit",)),
        ("pane l", "pane l", ("lag", "links")),
        ("pane la", "pane lag", ("lag",)),
        ("pane x", "pane x", ()),
        ("nothing x", "nothing x", ()),
        ("", "", tuple(sorted(COMMANDS))),
    ],
)
def test_tab_goes_on_as_far_as_it_is_certain(typed: str, longer: str, may_be: tuple[str, ...]) -> None:
    assert completed(typed, COMMANDS) == (longer, may_be)


def test_an_argument_may_be_a_beginning_too() -> None:
    assert choice("node2", ("node2", "node20"), "node") == "node2"
    assert choice("la", ("lag", "links"), "pane") == "lag"
    with pytest.raises(ConsoleError, match="there is no pane 'l'"):
        choice("l", ("lag", "links"), "pane")


async def test_a_command_goes_to_a_pane_and_to_a_node() -> None:
    async with console(snapshot(), size=(80, 24)) as (app, pilot):
        await pilot.press("colon")
        await until_shown(pilot, "tab completes, enter does it")
        await pilot.press(*"pane la", "tab")
        await until_shown(pilot, ":pane lag")
        await pilot.press("enter")
        await until_shown(pilot, "Trend")
        await pilot.press("colon", *"node node2", "enter")
        await until(pilot, lambda: isinstance(app.screen, Overview) and app.screen.selected is not None)
        await until(pilot, lambda: app.screen.selected.node == "node2")  # type: ignore[attr-defined]
        assert "Oldest tx" in text(app)


async def test_a_command_opens_the_plan_of_a_node_and_quits() -> None:
    async with console(snapshot(), acts=FakeActs()) as (app, pilot):
        await pilot.press("colon", *"switchover node1", "enter")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        await pilot.press("colon", *"quit", "enter")
        await until(pilot, lambda: app.return_value == 0)


async def test_a_command_sets_the_pace_and_the_theme() -> None:
    source = FixedSource(snapshot())
    async with console(source=source) as (app, pilot):
        await until_shown(pilot, "every 1 s")
        await pilot.press("colon", *"refresh 2.5", "enter")
        await until_shown(pilot, "every 2.5 s")
        assert source.pace == 2.5
        await pilot.press("colon", *"refresh soon", "enter")
        await until_shown(pilot, "'soon' is no pace", "0.2 to 60")
        await pilot.press("colon", *"theme light", "enter")
        await until(pilot, lambda: app.theme == "light")
        await pilot.press("colon", "up", "up")
        await until_shown(pilot, ":refresh soon")


async def test_a_mistyped_command_is_said_in_place_and_escape_leaves_it() -> None:
    async with console(snapshot()) as (app, pilot):
        await pilot.press("colon", *"qiut", "enter")
        await until_shown(pilot, "there is no command 'qiut'. did you mean 'quit'?")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Overview))
        assert app.return_value is None


async def test_a_watching_console_says_why_it_cannot_whichever_way_it_is_asked() -> None:
    async with console(snapshot()) as (app, pilot):
        assert "(s Switchover)" in text(app).splitlines()[-1]
        await pilot.press("s")
        await until_shown(pilot, "this console is read-only")
        await pilot.press("colon", *"switch")
        await until_shown(pilot, "switchover [NODE]", "not now: this console is read-only")
        await pilot.press(*"over node1", "enter")
        await until_shown(pilot, "'switchover': this console is read-only")
        await pilot.press("escape", "ctrl+p")
        await pilot.press(*"switchover")
        await until_shown(pilot, "(Switchover)", "not now: this console is read-only")
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, Overview))


async def test_a_word_that_the_run_does_not_take_now_says_so() -> None:
    async with console(snapshot(), runs=FakeRuns(run()), acts=FakeActs()) as (app, pilot):
        await until_shown(pilot, "RUN node1")
        await pilot.press("w")
        await until_shown(pilot, "(g Go on)")
        await pilot.press("g")
        await until_shown(pilot, "the run does not take that at its present step")
        assert "g Go on" in line_with(app, "Abort")


async def test_a_cluster_its_alarms_its_log_and_a_nodes_details_are_commands() -> None:
    async with console(snapshot(), others=(shop(), stage())) as (_app, pilot):
        await pilot.press("colon", *"cluster s")
        await until_shown(pilot, "shop  stage")
        await pilot.press("h", "tab", "enter")
        await until_shown(pilot, " shop ", " PROD ")
        await pilot.press("colon", *"cluster nowhere", "enter")
        await until_shown(pilot, "there is no cluster 'nowhere'")
        await pilot.press("colon", *"details node2", "enter")
        await until_shown(pilot, "Node node2", "Findings")
        await pilot.press("escape", "colon", *"alarms", "enter")
        await until_shown(pilot, "Alarms: 1", "node2")
        await pilot.press("escape", "colon", *"log node2 lost", "enter")
        await until_shown(pilot, 'Event log: all, every level, with "node2 lost"')
        await pilot.press("escape", "escape", "colon", *"save", "enter")
        await until_shown(pilot, "the last minutes are not kept")


async def test_with_one_cluster_there_is_no_command_to_show_another() -> None:
    async with console(snapshot()) as (_app, pilot):
        await pilot.press("colon", *"cluster lab", "enter")
        await until_shown(pilot, "there is no command 'cluster'")
