"""`bdr-console runs`: the runs of this host, who holds one up, and what to do about that from a script."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from bdr_console.cluster.text import format_seconds
from bdr_console.commands import completion
from bdr_console.errors import ConsoleError
from bdr_console.runbooks.execute import launch
from bdr_console.runbooks.journal.journal_file import JournalFollower
from bdr_console.runbooks.model.run import Holder, Offer, RunStatus, RunView, exit_code, table

_TOLD_WITHIN = 10.0
"""Seconds until the runner has sent what it was told to send, and heard of it."""


@click.group(
    invoke_without_command=True,
    epilog=f"\b\nExit codes of the commands that run or finish something:\n{table()}",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_context
def runs(ctx: click.Context, as_json: bool) -> None:
    """List the runs started from this host, newest first; or end what holds one up."""
    if ctx.invoked_subcommand is not None:
        return
    known = launch.runs()
    if as_json:
        click.echo(json.dumps([_row(view) for view in known], ensure_ascii=False, indent=2))
        return
    if not known:
        click.echo("No run was started from this host yet.", err=True)
    for view in known:
        at = f" at '{view.current.title}'" if view.current else ""
        began = f"{view.started_at.astimezone():%Y-%m-%d %H:%M:%S}"
        subject = f"{view.cluster}/{view.subject}"
        click.echo(f"{view.run_id}  {began}  {subject}  {view.who}  {view.status.value}{at}")
        if view.status in (RunStatus.LOST, RunStatus.STOPPED):
            click.echo(f"    bdr-console resume {view.run_id}   or   bdr-console undo {view.run_id}")


def _row(view: RunView) -> dict[str, object]:
    return {
        "run": view.run_id,
        "cluster": view.cluster,
        "node": view.node,
        "nodes": list(view.nodes or (view.node,)),
        "who": view.who,
        "reason": view.reason,
        "started_at": view.started_at.isoformat(),
        "status": view.status.value,
        "step": view.current.key if view.current else None,
        "message": view.message,
        "exit_code": exit_code(view) if view.status.over else None,
    }


@runs.command("holders")
@click.argument("run", required=False, shell_complete=completion.runs)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_holders(run: str | None, as_json: bool) -> None:
    """Who holds RUN up: each client, its backend on the node, and the command that ends it."""
    view = launch.find(run)
    held = _holders(view)
    if as_json:
        told = [
            {**asdict(holder), "offered": [o.word for o in view.offers if o.subject == holder.id]}
            for holder in held
        ]
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        return
    if not held:
        click.echo(f"Nobody is known to hold {view.run_id} up: {view.message}", err=True)
    for number, holder in enumerate(held, start=1):
        for line in _lines(number, holder):
            click.echo(line)
        for offer in (o for o in view.offers if o.subject == holder.id):
            click.echo(f"   bdr-console runs {offer.word.split(' ')[0]} {view.run_id} {holder.id}")
    for offer in view.offers:
        if offer.word.startswith(("kill-db ", "resume-db ")):
            word = offer.word.partition("-db")[0]
            click.echo(f"{offer.label}:\n   bdr-console runs {word} {view.run_id} {offer.subject}")


def _holders(view: RunView) -> tuple[Holder, ...]:
    return view.current.holders if view.current else ()


def _lines(number: int, holder: Holder) -> Iterator[str]:
    where = f"pid {holder.pid}" if holder.pid else "no backend known"
    where += f" on {holder.node}" if holder.node else ""
    where += f", connected since {holder.backend_start}" if holder.backend_start else ""
    yield f"{number}. {holder.id}: app={holder.application or '(unnamed)'}, {where}"
    client = f"client {holder.client} " if holder.client else ""
    age = f" for {format_seconds(holder.transaction_age)}" if holder.transaction_age is not None else ""
    yield f"   {client}{holder.way}, {holder.state}{age}"
    if holder.query:
        yield f"   {holder.query}"


@runs.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("backend")
def cancel(run: str, backend: str) -> None:
    """Cancel the statement of BACKEND (a pid, or an id of `runs holders`) that holds RUN up.

    An id stands for one backend alone; a pid for the one that has it in the run's latest look. Either way
    the command names pid and start of the backend, so it hits no other one.
    """
    _signal(run, "cancel", backend)


@runs.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("backend")
def terminate(run: str, backend: str) -> None:
    """End the session of BACKEND (a pid, or an id of `runs holders`) that holds RUN up. As `cancel`."""
    _signal(run, "terminate", backend)


@runs.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("database", metavar="POOLER/DATABASE")
def kill(run: str, database: str) -> None:
    """Cut every client of a PgBouncer's database that holds RUN up; it is resumed at once."""
    _do(launch.find(run), f"kill-db {database}", f"no client of {database} holds it up")


@runs.command()
@click.argument("run", shell_complete=completion.runs)
@click.argument("database", metavar="POOLER/DATABASE")
def resume(run: str, database: str) -> None:
    """Resume a database that `runs kill` has left paused."""
    _do(launch.find(run), f"resume-db {database}", f"no KILL of this run has left {database} paused")


@runs.command()
@click.argument("run", shell_complete=completion.runs)
@click.option("--reason", required=True, metavar="TEXT", help="Why they may stay; it stands in the report.")
def leave(run: str, reason: str) -> None:
    """Have RUN wait no longer for the sessions that came past every PgBouncer to the leaving node."""
    view = launch.find(run)
    click.echo(f"{view.run_id}: {asyncio.run(launch.send(launch.run_dir(view.run_id), f'leave {reason}'))}")


def _signal(run: str, how: str, given: str) -> None:
    view = launch.find(run)
    held = _holders(view)
    fits = [holder for holder in held if given in (holder.id, str(holder.pid))]
    if not fits:
        raise ConsoleError(
            f"{given} does not hold {view.run_id} up: it is gone, or never did",
            f"Who does: bdr-console runs holders {view.run_id}",
        )
    if len(fits) > 1:
        named = ", ".join(holder.id for holder in fits)
        raise ConsoleError(f"pid {given} could be several backends: {named}", "Name one by its id.")
    idle = "it runs no statement: terminate it" if how == "cancel" else "its backend could not be told"
    _do(view, f"{how} {fits[0].id}", idle)


def _do(view: RunView, word: str, otherwise: str) -> None:
    """Say the word and tell what came of it; raises ConsoleError when it is not offered, or did nothing."""
    offer: Offer | None = next((offer for offer in view.offers if offer.word == word), None)
    if offer is None:
        raise ConsoleError(f"'{word}' is not offered by {view.run_id}: {otherwise}")
    directory = launch.run_dir(view.run_id)
    follower = JournalFollower(directory)
    for _ in follower.added():
        pass  # what was done before
    asyncio.run(launch.send(directory, word))
    for command in offer.commands:
        click.echo(f"{command.host}: {command.text}", err=True)
    click.echo(_outcome(follower, directory, word, len(offer.commands)))


def _outcome(follower: JournalFollower, directory: Path, word: str, commands: int) -> str:
    """What the runner heard from the server, one answer for each command."""
    until = time.monotonic() + _TOLD_WITHIN
    answers: list[str] = []
    while time.monotonic() < until:
        for event in follower.added():
            if event.get("word") != word or event.get("event") not in ("answer", "error"):
                continue
            if event["event"] == "error":
                raise ConsoleError(f"{event['command']} on {event['host']}: {event['error']}")
            if event.get("there") is False:
                raise ConsoleError(str(event["answer"]))
            answers.append(str(event["answer"]))
        if len(answers) >= commands:
            return "; ".join(answers)
        time.sleep(0.05)
    raise ConsoleError(
        f"'{word}' was said, and what came of it is not known within {_TOLD_WITHIN:.0f} s",
        f"See bdr-console attach {directory.name}",
    )
