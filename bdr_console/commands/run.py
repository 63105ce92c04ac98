"""The commands about one run (follow, steer, finish, report), and the lock for other programs."""

import asyncio
import json
import sys
from pathlib import Path

import click

from bdr_console.commands import completion
from bdr_console.commands.following import follow, result
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config import find as find_config
from bdr_console.config import opened
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute import launch, resume
from bdr_console.runbooks.execute.preview import look
from bdr_console.runbooks.journal.journal_file import read_events
from bdr_console.runbooks.journal.report import as_data, markdown, report
from bdr_console.runbooks.model.run import DONE, PROBLEMS, RunStatus, RunView
from bdr_console.runbooks.operator_lock import held_by, holders
from bdr_console.runbooks.plan.printable_plan import rest

_RUN_HELP = "RUN is an id, its beginning or its last four characters; without it, the one run that fits."


@click.command(help=f"Follow a run in plain text until it ends; exits with its code. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
def attach(run: str | None) -> None:
    """Follow a run."""
    view = launch.find(run)
    sys.exit(result(follow(launch.run_dir(view.run_id), err=False)))


def _say(run: str | None, word: str) -> None:
    view = launch.find(run)
    click.echo(f"{view.run_id}: {asyncio.run(launch.send(launch.run_dir(view.run_id), word))}")


@click.command(help=f"End the maintenance hold: check the node and bring it back. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
def go(run: str | None) -> None:
    """Say go."""
    _say(run, "go")


@click.command(help=f"Stop a run and put back what it changed. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
def abort(run: str | None) -> None:
    """Say abort."""
    _say(run, "abort")


@click.command(help=f"Give the step that waits more time, or let it try again. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
def wait(run: str | None) -> None:
    """Say wait."""
    _say(run, "wait")


@click.command("resume", help=f"Go on with a run whose runner is gone, from what is seen. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option(
    "--node",
    metavar="NODE",
    shell_complete=completion.nodes,
    help="Without a journal: take over what is in force on NODE.",
)
@click.option("--reason", default="", metavar="TEXT", help="With --node: why, for the journal.")
@click.pass_obj
def resume_command(options: Options, run: str | None, node: str | None, reason: str) -> None:
    """Go on."""
    directory = _begin_again(options, run, node, reason, undo=False)
    view = follow(directory, err=True, stop=lambda view: view.status is RunStatus.HOLDING)
    if view.status is RunStatus.HOLDING:
        click.echo(f"{view.node} is out of service. To bring it back: bdr-console go {view.run_id}")
        sys.exit(DONE)
    sys.exit(result(view))


@click.command("undo", help=f"Put back what an unfinished run changed; 0 when that was done. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option(
    "--node",
    metavar="NODE",
    shell_complete=completion.nodes,
    help="Without a journal: put back what is in force on NODE.",
)
@click.option("--reason", default="", metavar="TEXT", help="With --node: why, for the journal.")
@click.pass_obj
def undo_command(options: Options, run: str | None, node: str | None, reason: str) -> None:
    """Take back."""
    view = follow(_begin_again(options, run, node, reason, undo=True), err=True)
    code = result(view)
    asked_for = view.status in (RunStatus.UNDONE, RunStatus.MOVED)
    sys.exit((PROBLEMS if view.problems else DONE) if asked_for else code)


def _begin_again(options: Options, run: str | None, node: str | None, reason: str, *, undo: bool) -> Path:
    if run and node:
        raise click.UsageError("say a run or --node, not both")
    if node is None:
        view = launch.find(run, unfinished=True)
        return launch.again(view.run_id, undo=undo)
    config, cluster = options.config, options.cluster
    path = find_config(config)
    name, settings = opened(path).cluster(cluster)
    with keys_unlocked(settings):
        if held := asyncio.run(holders(settings)):
            raise held_by(held[0])
        _tell_found(path, name, node)
    return launch.take_over(path, name, node, reason, undo=undo)


def _tell_found(path: Path, cluster: str, node: str) -> None:
    """Say what is there before any of it counts as ours."""
    _, settings = opened(path).cluster(cluster)
    if node not in settings.nodes:
        raise ConsoleError(
            f"cluster '{cluster}' has no node named '{node}'", f"It has: {', '.join(settings.nodes)}."
        )
    reading = asyncio.run(look(settings, cluster))
    click.echo("Nobody holds the operators' lock. Found in force:", err=True)
    for line in (*resume.found(reading, node), *resume.unseen(reading)):
        click.echo(f"  {line}", err=True)
    last = next((v for v in launch.runs() if (v.cluster, v.node) == (cluster, node)), None)
    told = f"run {last.run_id} of {last.who}, {last.status.value}" if last else "none on this host"
    click.echo(f"The last journal of {node}: {told}.", err=True)
    click.echo("What is in force is taken over as this run's own, because you say so.", err=True)


@click.command("report", help=f"Print what a run did: timeline, commands and answers, leftovers. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of markdown.")
def report_command(run: str | None, as_json: bool) -> None:
    """Report a run."""
    view = launch.find(run) if run else _latest()
    made = report(read_events(launch.run_dir(view.run_id)), view)
    if made is None:
        raise ConsoleError(f"run {view.run_id} has no journal yet")
    if as_json:
        click.echo(json.dumps(as_data(made), indent=2, default=str))
    else:
        click.echo(markdown(made), nl=False)


@click.command("paper", help=f"Print the rest of a run as instructions, done steps ticked. {_RUN_HELP}")
@click.argument("run", required=False, shell_complete=completion.runs)
def paper_command(run: str | None) -> None:
    """The rest of a run on paper."""
    click.echo(rest(launch.find(run) if run else _latest()), nl=False)


def _latest() -> RunView:
    known = launch.runs()
    if not known:
        raise ConsoleError("no run was started from this host yet")
    return next((view for view in known if not view.status.over), known[0])
