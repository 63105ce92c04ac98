"""`bdr-console switchover`: the plan on paper, and the same plan carried out by a script."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import click

from bdr_console.config import ClusterSettings, find, opened
from bdr_console.follow_command import see_through
from bdr_console.options import Options
from bdr_console.runbooks import launch
from bdr_console.runbooks.checks import refuses
from bdr_console.runbooks.exit_codes import REFUSED, table
from bdr_console.runbooks.hold import expected_end
from bdr_console.runbooks.hold_command import need_hosts
from bdr_console.runbooks.paper import paper
from bdr_console.runbooks.plan_id import KeptPlan, keep, recall, seen_by
from bdr_console.runbooks.preview import look, planned
from bdr_console.runbooks.resume import as_event
from bdr_console.runbooks.run import Check
from bdr_console.runbooks.step import Plan
from bdr_console.runbooks.terms import DEFAULT_MODE, MODES, SESSION_POOLS
from bdr_console.runbooks.unattended import HoldOrder, duration
from bdr_console.ssh_keys import keys_unlocked


@click.command(epilog=f"\b\nExit codes:\n{table()}")
@click.argument("node")
@click.option("--plan", "plan_only", is_flag=True, help="Print the plan, the checks and the plan's id.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default=DEFAULT_MODE,
    show_default=True,
    help="With --plan: quiesce has clients wait once and loses nothing, gradual moves them one by one.",
)
@click.option(
    "--session-pools",
    type=click.Choice(SESSION_POOLS),
    default="wait",
    show_default=True,
    help="With --plan: wait until those clients leave, or end their sessions between two transactions.",
)
@click.option("--isolate", is_flag=True, help="With --plan: NODE is dead already; fewer checks.")
@click.option("--json", "as_json", is_flag=True, help="With --plan: as JSON.")
@click.option("--apply", "apply_id", metavar="ID", help="Carry out the plan of that id, if it still holds.")
@click.option("--hold-for", metavar="DURATION", help="With --apply: end the hold after 15m, 90s, 1h30m.")
@click.option(
    "--hold-command",
    metavar="COMMAND",
    help="With --apply: run this here by /bin/sh in the hold, and go on when it exits with 0.",
)
@click.option("--on-node", is_flag=True, help="With --hold-command: run it on NODE itself, over SSH.")
@click.option("--reason", default="", metavar="TEXT", help="With --apply: why, for the journal.")
@click.option("--until", metavar="WHEN", help="With --apply: when it should be over: 2h, 04:30, ISO 8601.")
@click.pass_obj
def switchover(
    options: Options,
    node: str,
    plan_only: bool,
    mode: str,
    session_pools: str,
    isolate: bool,
    as_json: bool,
    apply_id: str | None,
    hold_for: str | None,
    hold_command: str | None,
    on_node: bool,
    reason: str,
    until: str | None,
) -> None:
    """Take NODE out of service and back: print the plan, or apply one that was printed.

    --plan changes nothing and exits with 10 when a check would refuse. A plan is good for 10 minutes.
    --apply runs it without asking, progress on stderr, the result on stdout. Without --hold-for or
    --hold-command it stops when NODE is out of service and says how to go on. The run is a process of
    its own: it survives this command.
    """
    if plan_only == bool(apply_id):
        raise click.UsageError("say --plan, or --apply ID (or press s in the console)")
    if as_json and not plan_only:
        raise click.UsageError("--json goes with --plan; of a run: bdr-console report --json")
    if (hold_for or hold_command or reason or until) and plan_only:
        raise click.UsageError("--hold-for, --hold-command, --reason and --until go with --apply")
    if hold_for and hold_command:
        raise click.UsageError("say --hold-for or --hold-command, not both")
    if on_node and not hold_command:
        raise click.UsageError("--on-node goes with --hold-command")
    config, cluster = options.config, options.cluster
    path = find(config)
    name, settings = opened(path).cluster(cluster)
    if plan_only:
        runbook = "isolate" if isolate else "switchover"
        terms = {"mode": mode, "session_pools": session_pools, "runbook": runbook}
        sys.exit(_plan(settings, name, node, terms, as_json=as_json))
    order = HoldOrder(duration(hold_for) if hold_for else None, hold_command, on_node)
    if on_node:
        need_hosts(settings, [node])
    kept = recall(str(apply_id), node, name)
    terms = kept.terms
    run = launch.start(
        path,
        name,
        node,
        reason,
        plan=kept,
        hold=order,
        mode=terms.get("mode", "auto"),
        session_pools=terms.get("session_pools", "wait"),
        until=expected_end(until) if until else None,
        runbook=terms.get("runbook", "switchover"),
    )
    sys.exit(see_through(run, order))


def _plan(settings: ClusterSettings, cluster: str, node: str, terms: dict[str, str], *, as_json: bool) -> int:
    with keys_unlocked(settings):
        reading = asyncio.run(look(settings, cluster))
    made, checks = planned(reading, settings, {**terms, "node": node})
    if made.choice is not None:
        terms = {**terms, "mode": made.choice.mode}  # what is applied is what was printed
    kept = keep(cluster, node, seen_by(reading, made), terms=terms)
    refused = bool(refuses(checks))
    if as_json:
        click.echo(json.dumps(_data(made, checks, kept, refused=refused), ensure_ascii=False, indent=2))
    else:
        click.echo(paper(made, checks))
        click.echo(f"Plan {kept.id}, good until {kept.valid_until.astimezone():%H:%M:%S %Z}.")
        apply = f"bdr-console switchover {node} --apply {kept.id}"
        click.echo("The checks refuse it." if refused else f"To carry it out: {apply}")
    return REFUSED if refused else 0


def _data(made: Plan, checks: tuple[Check, ...], kept: KeptPlan, *, refused: bool) -> dict[str, Any]:
    return {
        "id": kept.id,
        "made_at": kept.made_at.isoformat(),
        "valid_until": kept.valid_until.isoformat(),
        "refused": refused,
        "plan": as_event(made),
        "checks": [asdict(check) for check in checks],
        "seen": kept.seen,
    }
