"""Options of `switchover` and `rolling` that go with --plan and with --apply."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import click

from bdr_console.cluster.text import parse_duration
from bdr_console.runbooks.execute.unattended import HoldOrder
from bdr_console.runbooks.model.run import DEFAULT_MODE, MODES, SESSION_POOLS
from bdr_console.runbooks.steps.hold import expected_end


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """As the command line gave them; those that do not go together are refused already."""

    plan_only: bool
    mode: str
    session_pools: str
    as_json: bool
    apply_id: str | None
    hold_for: str | None
    hold_command: str | None
    on_node: bool
    reason: str
    until: str | None

    def __post_init__(self) -> None:
        if self.plan_only == bool(self.apply_id):
            raise click.UsageError("say --plan, or --apply ID (or press s in the console)")
        if self.as_json and not self.plan_only:
            raise click.UsageError("--json goes with --plan; of a run: bdr-console report --json")
        if self.plan_only and (self.hold_for or self.hold_command or self.reason or self.until):
            raise click.UsageError("--hold-for, --hold-command, --reason and --until go with --apply")
        if self.hold_for and self.hold_command:
            raise click.UsageError("say --hold-for or --hold-command, not both")
        if self.on_node and not self.hold_command:
            raise click.UsageError("--on-node goes with --hold-command")

    @property
    def order(self) -> HoldOrder:
        """What is to be done in the hold; raises ConsoleError for what is no duration."""
        return HoldOrder(
            parse_duration(self.hold_for) if self.hold_for else None, self.hold_command, self.on_node
        )

    @property
    def over_by(self) -> datetime | None:
        """When it should be over; raises ConsoleError for what is no time."""
        return expected_end(self.until) if self.until else None


_OPTIONS = (
    click.option("--plan", "plan_only", is_flag=True, help="Print the plan, the checks and the plan's id."),
    click.option(
        "--mode",
        type=click.Choice(MODES),
        default=DEFAULT_MODE,
        show_default=True,
        help="With --plan: quiesce has clients wait once and loses nothing, gradual moves them one by one.",
    ),
    click.option(
        "--session-pools",
        type=click.Choice(SESSION_POOLS),
        default="wait",
        show_default=True,
        help="With --plan: wait until those clients leave, or end their sessions between two transactions.",
    ),
    click.option("--json", "as_json", is_flag=True, help="With --plan: as JSON."),
    click.option(
        "--apply", "apply_id", metavar="ID", help="Carry out the plan of that id, if it still holds."
    ),
    click.option("--hold-for", metavar="DURATION", help="With --apply: end each hold after 15m, 90s, 1h30m."),
    click.option(
        "--hold-command",
        metavar="COMMAND",
        help="With --apply: run this here by /bin/sh in each hold ($BDR_CONSOLE_NODE is the node), and go on "
        "when it exits with 0.",
    ),
    click.option("--on-node", is_flag=True, help="With --hold-command: run it on NODE itself, over SSH."),
    click.option("--reason", default="", metavar="TEXT", help="With --apply: why, for the journal."),
    click.option(
        "--until", metavar="WHEN", help="With --apply: when it should be over: 2h, 04:30, ISO 8601."
    ),
)


def plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; it gets them as `plan`."""
    names = [field.name for field in fields(PlanOptions)]

    @functools.wraps(command)
    def collected(*arguments: Any, **values: Any) -> None:
        plan = PlanOptions(**{name: values.pop(name) for name in names})
        command(*arguments, plan=plan, **values)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected
