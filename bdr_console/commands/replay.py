"""`bdr-console replay`: a recording on the same screens, or its events as text."""

import sys
from pathlib import Path

import click

from bdr_console.cluster.verdict.changes import Event
from bdr_console.commands.options import FILE
from bdr_console.config.options import Options
from bdr_console.recording.reader import Recording


@click.command()
@click.argument("file", type=FILE)
@click.option("--at", metavar="TIME", help="Begin there: 12:03, +5m, end, or words of an event. Paused.")
@click.option("--events", is_flag=True, help="Print the events as text instead; no screen.")
@click.pass_obj
def replay(options: Options, file: Path, at: str | None, events: bool) -> None:
    """Show a recording on the screens of the console, marked REPLAY. Nothing is connected to.

    In it: p pause, . and , one snapshot on and back, + and - speed, n and N next event and the one before,
    ctrl+g to a time or to words of an event.
    """
    with Recording(file) as recording:
        for note in recording.notes:
            click.echo(note, err=True)
        if events:
            for event in recording.events:
                click.echo(told(event))
            return
        from bdr_console.ui.replay.app import run_replay

        sys.exit(run_replay(recording, options, at=at))


def told(event: Event) -> str:
    """One event as a line: local time with its date, level, subject, text."""
    word = {0: "ok", 1: "unknown", 2: "warning", 3: "CRITICAL"}[int(event.level)]
    moment = event.at.astimezone().isoformat(sep=" ", timespec="seconds")
    return f"{moment}  {word:<8}  {event.subject}  {event.text}"
