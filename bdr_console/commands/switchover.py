"""`bdr-console switchover`: the plan on paper, and the same plan carried out by a script."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import click

from bdr_console.commands import completion
from bdr_console.commands.following import see_through
from bdr_console.commands.plan_options import PlanOptions, plan_options
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config import ClusterSettings, find, opened
from bdr_console.config.options import Options
from bdr_console.runbooks.checks.preflight import refuses
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.execute.hold_command import need_hosts
from bdr_console.runbooks.execute.preview import look, planned
from bdr_console.runbooks.execute.resume import as_event
from bdr_console.runbooks.model.plan_id import KeptPlan, keep, recall, seen_by
from bdr_console.runbooks.model.run import REFUSED, Check, table
from bdr_console.runbooks.model.step import Plan
from bdr_console.runbooks.plan.printable_plan import paper


@click.command(epilog=f"\b\nExit codes:\n{table()}")
@click.argument("node", shell_complete=completion.nodes)
@click.option("--isolate", is_flag=True, help="With --plan: NODE is dead already; fewer checks.")
@plan_options
@click.pass_obj
def switchover(options: Options, node: str, isolate: bool, plan: PlanOptions) -> None:
    """Take NODE out of service and back: print the plan, or apply one that was printed.

    --plan changes nothing and exits with 10 when a check would refuse. A plan is good for 10 minutes.
    --apply runs it without asking, progress on stderr, the result on stdout. Without --hold-for or
    --hold-command it stops when NODE is out of service and says how to go on. The run is a process of
    its own: it survives this command.
    """
    config, cluster = options.config, options.cluster
    path = find(config)
    name, settings = opened(path).cluster(cluster)
    if plan.plan_only:
        runbook = "isolate" if isolate else "switchover"
        terms = {"mode": plan.mode, "session_pools": plan.session_pools, "runbook": runbook}
        sys.exit(_plan(settings, name, node, terms, as_json=plan.as_json))
    order = plan.order
    if plan.on_node:
        need_hosts(settings, [node])
    kept = recall(str(plan.apply_id), node, name)
    terms = kept.terms
    run = launch.start(
        path,
        name,
        node,
        plan.reason,
        plan=kept,
        hold=order,
        mode=terms.get("mode", "auto"),
        session_pools=terms.get("session_pools", "wait"),
        until=plan.over_by,
        runbook=terms.get("runbook", "switchover"),
    )
    sys.exit(see_through(run, order))


def _plan(settings: ClusterSettings, cluster: str, node: str, terms: dict[str, str], *, as_json: bool) -> int:
    with keys_unlocked(settings):
        reading = asyncio.run(look(settings, cluster, {**terms, "node": node}))
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
