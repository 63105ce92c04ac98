"""`bdr-console events`: the event log that the consoles of this host keep, for scripts and the day after."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from bdr_console.cluster.text import clean, span
from bdr_console.cluster.verdict.findings import Level
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.event_store import EventLog
from bdr_console.event_store.record import Record, as_data, level_word
from bdr_console.paths import state_dir

_LEVELS = {"ok": Level.OK, "warn": Level.WARN, "crit": Level.CRIT}


@click.command()
@click.option("--since", metavar="TIME", help="From then on: 10m, 2h, 3d ago, or 2026-03-04T14:30.")
@click.option("--level", type=click.Choice(list(_LEVELS)), default="ok", help="That level and worse.")
@click.option("--grep", metavar="TEXT", default="", help="Only events with this text, capitals or not.")
@click.option("--json", "as_json", is_flag=True, help="As JSON lines.")
@click.pass_obj
def events(options: Options, since: str | None, level: str, grep: str, as_json: bool) -> None:
    """What has happened to the cluster, as far as a console of this user was open here, oldest first."""
    cluster = _cluster(options)
    wanted = grep.lower()
    try:
        records = EventLog(cluster).read(_moment(since) if since else None)
    except OSError as error:
        raise ConsoleError(f"the event log cannot be read: {error}", f"It is below {state_dir()}.") from error
    found = [
        record
        for record in records
        if record.event.level >= _LEVELS[level]
        and wanted in f"{record.event.subject} {record.event.text} {record.event.code}".lower()
    ]
    for record in found:
        click.echo(json.dumps(as_data(record), ensure_ascii=False) if as_json else _line(record))
    if not found and not as_json:
        click.echo(f"No such event of {cluster} is kept here.", err=True)


def _line(record: Record) -> str:
    event = record.event
    when = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}"
    return f"{when}  {level_word(event.level):<7}  {event.subject}: {event.text}"


def _moment(text: str) -> datetime:
    now = datetime.now(UTC)
    if (ago := span(text)) is not None:
        return now - timedelta(seconds=ago)
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConsoleError(
            f"--since {clean(text, 40)} is no time",
            "Write 10m, 2h or 3d for so long ago, or 2026-03-04T14:30.",
        ) from None


def _cluster(options: Options) -> str:
    """The cluster named; without a name the configuration's first, or the only one with a log."""
    kept = state_dir() / "clusters"
    if options.cluster is not None and _is_kept(kept, options.cluster):
        return options.cluster
    from bdr_console.config import find, opened

    name, _ = opened(find(options.config)).cluster(options.cluster)
    return name


def _is_kept(kept: Path, name: str) -> bool:
    """Only a plain name can be one: it becomes a path."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) is not None and (kept / name).is_dir()
