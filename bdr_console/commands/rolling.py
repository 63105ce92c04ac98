"""`bdr-console rolling`: maintenance of several nodes, one after the other, as one plan and one run."""

import asyncio
import json
import sys
from dataclasses import asdict

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
from bdr_console.runbooks.execute.preview import look
from bdr_console.runbooks.execute.resume import as_event
from bdr_console.runbooks.execute.rolling_plan import Turn, named, seen, turns, whole_checks
from bdr_console.runbooks.model.plan_id import KeptPlan, keep, recall
from bdr_console.runbooks.model.run import REFUSED, table
from bdr_console.runbooks.plan.printable_plan import paper


@click.command(epilog=f"\b\nExit codes:\n{table()}")
@click.argument("nodes", nargs=-1, metavar="NODE...", shell_complete=completion.nodes)
@click.option("--all", "every", is_flag=True, help="Every node of the cluster, in the configuration's order.")
@plan_options
@click.pass_obj
def rolling(options: Options, nodes: tuple[str, ...], every: bool, plan: PlanOptions) -> None:
    """Take each NODE out of service and back, strictly one after the other; stop at the first problem.

    --plan changes nothing and exits with 10 when a check of any turn would refuse. With --apply each node is
    planned and checked anew when its turn comes, and the next one begins only when it has caught up both
    ways. Without --hold-for or --hold-command the run waits at each node for `bdr-console go`. The
    operators' lock is held all the while.
    """
    if every == bool(nodes):
        raise click.UsageError("name the nodes, or say --all")
    config, cluster = options.config, options.cluster
    path = find(config)
    name, settings = opened(path).cluster(cluster)
    chosen = named(settings, name, nodes or tuple(settings.nodes))
    if plan.plan_only:
        terms = {"mode": plan.mode, "session_pools": plan.session_pools}
        sys.exit(_plan(settings, name, chosen, terms, plan.as_json))
    order = plan.order
    if plan.on_node:
        need_hosts(settings, chosen)
    kept = recall(str(plan.apply_id), ",".join(chosen), name, command=f"rolling {' '.join(chosen)}")
    run = launch.start(
        path,
        name,
        chosen[0],
        plan.reason,
        plan=kept,
        hold=order,
        mode=kept.terms["mode"],
        session_pools=kept.terms["session_pools"],
        until=plan.over_by,
        nodes=chosen,
    )
    sys.exit(see_through(run, order))


def _plan(
    settings: ClusterSettings, cluster: str, nodes: tuple[str, ...], terms: dict[str, str], as_json: bool
) -> int:
    with keys_unlocked(settings):
        reading = asyncio.run(look(settings, cluster, {**terms, "node": nodes[0], "nodes": nodes}))
    made = turns(reading, settings, {**terms, "node": nodes[0], "nodes": nodes})
    kept = keep(cluster, ",".join(nodes), seen(reading, made), terms=terms)
    refused = bool(refuses(whole_checks(made)))
    if as_json:
        click.echo(json.dumps(_data(made, kept, refused=refused), ensure_ascii=False, indent=2))
        return REFUSED if refused else 0
    for number, (plan, checks) in enumerate(made, start=1):
        click.echo(f"Turn {number} of {len(made)}")
        click.echo(paper(plan, checks))
    click.echo("Each turn is planned and checked anew when it comes: what is shown above is how it is now.")
    click.echo(f"Plan {kept.id}, good until {kept.valid_until.astimezone():%H:%M:%S %Z}.")
    apply = f"bdr-console rolling {' '.join(nodes)} --apply {kept.id}"
    click.echo("The checks refuse it." if refused else f"To carry it out: {apply}")
    return REFUSED if refused else 0


def _data(made: tuple[Turn, ...], kept: KeptPlan, *, refused: bool) -> dict[str, object]:
    return {
        "id": kept.id,
        "made_at": kept.made_at.isoformat(),
        "valid_until": kept.valid_until.isoformat(),
        "refused": refused,
        "turns": [
            {"node": plan.node, "plan": as_event(plan), "checks": [asdict(check) for check in checks]}
            for plan, checks in made
        ],
        "seen": kept.seen,
    }
