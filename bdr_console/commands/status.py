"""`bdr-console status`: the state of a cluster once, as text, as a plugin's line or as JSON."""

import asyncio
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from bdr_console.cluster.text import clean, parse_duration
from bdr_console.cluster.verdict.findings import Level
from bdr_console.commands import completion
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.plain.stream_writer import ascii_only, read_or_not, size
from bdr_console.plain.words import EXIT_CODES, UNKNOWN

if TYPE_CHECKING:
    from bdr_console.config import ClusterSettings
    from bdr_console.plain.status_reader import StatusReport

    Cluster = tuple[str, ClusterSettings, float]
    Form = Callable[[StatusReport, ClusterSettings], list[str]]

_SHORTEST, _LONGEST = 0.5, 86400.0
_NEAREST = 1.0
"""Seconds; nothing new is known sooner than this."""


class _Misused(click.UsageError):
    """A mistake on the command line, which is no state either."""

    exit_code = UNKNOWN


class _Plugin(click.Command):
    """A command whose own failures all end with 3: to a monitoring system 1 and 2 would be states."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConsoleError as error:
            error.exit_code = UNKNOWN
            raise
        except click.UsageError as error:
            raise _Misused(error.format_message(), error.ctx) from None
        except (click.exceptions.Exit, click.Abort, click.ClickException):
            raise
        except Exception as error:
            from bdr_console.crash import as_console_error

            unknown = as_console_error(error, "reading the state")
            unknown.exit_code = UNKNOWN
            raise unknown from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise _Misused(error.format_message(), error.ctx) from None


def _seconds(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """`10`, `10s`, `1m30s`."""
    if value is None:
        return None
    try:
        seconds = parse_duration(value)
    except ConsoleError as error:
        raise click.BadParameter(error.problem) from None
    if not _SHORTEST <= seconds <= _LONGEST:
        raise click.BadParameter(f"{value} is not between {_SHORTEST:g} s and a day")
    return seconds


@click.command(
    cls=_Plugin,
    epilog="\b\nExit codes:\n  0  OK\n  1  WARNING\n  2  CRITICAL\n"
    "  3  UNKNOWN: not enough could be read, or the command itself failed",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON; --schema prints its shape.")
@click.option("--plugin", is_flag=True, help="As a monitoring plugin: with performance data behind a bar.")
@click.option(
    "--watch",
    "every",
    is_flag=False,
    flag_value="5",
    metavar="[SECONDS]",
    callback=_seconds,
    help="Again and again, every 5 seconds if not said otherwise, until Ctrl-C; with --json a line each.",
)
@click.option(
    "--timeout",
    "patience",
    default="10s",
    show_default=True,
    metavar="TIME",
    callback=_seconds,
    help="What has not answered by then is shown as not answering.",
)
@click.option(
    "--cluster",
    "name",
    metavar="NAME",
    shell_complete=completion.clusters,
    help="This cluster instead of the first one.",
)
@click.option(
    "--all", "every_cluster", is_flag=True, help="Every cluster; the worst one gives the exit code."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of --json, and nothing else.")
@click.pass_obj
def status(
    options: Options,
    as_json: bool,
    plugin: bool,
    every: float | None,
    patience: float,
    name: str | None,
    every_cluster: bool,
    schema: bool,
) -> None:
    """Say how a cluster is; exit with 0 to 3 as a plugin does.

    The first line is the verdict. Every target is read three times, about a second apart, so that it shows
    where a lag is heading; what only shows over half a minute (an apply that fails again and again) needs
    --watch. Nothing can be changed from here: every session is read-only.
    """
    if schema:
        from bdr_console.plain.status_schema import schema as published

        with read_or_not():
            click.echo(published(), nl=False)
        return
    if as_json and plugin:
        raise click.UsageError("--json and --plugin are two forms of the same: name one")
    if every_cluster and (name or options.cluster):
        raise click.UsageError("--all and --cluster contradict each other")
    clusters, plain = _chosen(options, name, every_cluster=every_cluster)
    text = partial(_text, plain=plain)
    form: Form = _json if as_json else _plugin if plugin else text
    if as_json and (every is not None or every_cluster):
        form = _json_line
    worst = _Worst()
    try:
        with keys_unlocked(*(settings for _, settings, _ in clusters)), read_or_not():
            asyncio.run(_tell(clusters, patience, every, form, worst, apart=form is text))
    except KeyboardInterrupt:
        sys.exit(0 if every is not None else UNKNOWN)
    sys.exit(EXIT_CODES[worst.level])


class _Worst:
    """What was found out so far; a reader who goes away does not change it."""

    level = Level.UNKNOWN


def _chosen(options: Options, name: str | None, *, every_cluster: bool) -> "tuple[list[Cluster], bool]":
    """Name, settings and refresh of every cluster that is meant, and whether only ASCII may be written.

    Raises ConsoleError.
    """
    from bdr_console.config import find, opened

    settings = opened(find(options.config))
    plain = ascii_only(options.ascii, settings.ascii)
    if every_cluster:
        return [(each, found, settings.refresh) for each, found in settings.clusters.items()], plain
    return [(*settings.cluster(name or options.cluster), settings.refresh)], plain


async def _tell(
    clusters: "list[Cluster]",
    patience: float,
    every: float | None,
    form: "Form",
    worst: _Worst,
    *,
    apart: bool,
) -> None:
    """Look, and print what was seen, the worst cluster first; again and again where `every` says so.

    `apart`: with an empty line between two, for what takes many lines.
    """
    from bdr_console.plain.status_reader import StatusReader, unknown_runs

    if why := unknown_runs():
        click.echo(f"runs of this host are not known: {clean(why)}", err=True)
    readers = [(StatusReader(*cluster), cluster[1]) for cluster in clusters]
    pace = _NEAREST if every is None else max(every, _NEAREST)
    looks = [(reader.reports(patience, pace), settings) for reader, settings in readers]
    try:
        while True:
            seen = await asyncio.gather(*(anext(look) for look, _ in looks))
            found = sorted(
                zip(seen, (settings for _, settings in looks), strict=True),
                key=lambda pair: -pair[0].verdict.level,
            )
            worst.level = found[0][0].verdict.level
            text = ("\n\n" if apart else "\n").join("\n".join(form(*pair)) for pair in found)
            click.echo(text)
            if every is None:
                return
            if apart:
                click.echo()
    finally:
        await asyncio.gather(*(reader.close() for reader, _ in readers))


def _text(report: "StatusReport", _settings: "ClusterSettings", *, plain: bool) -> list[str]:
    from bdr_console.plain.page import page

    return page(report, size()[0], ascii_only=plain)


def _plugin(report: "StatusReport", settings: "ClusterSettings") -> list[str]:
    from bdr_console.plain.plugin import plugin_lines

    return plugin_lines(report, settings.thresholds.thresholds())


def _json(report: "StatusReport", _settings: "ClusterSettings") -> list[str]:
    from bdr_console.plain.status_json import status_document

    return [status_document(report).model_dump_json(by_alias=True, indent=2)]


def _json_line(report: "StatusReport", _settings: "ClusterSettings") -> list[str]:
    from bdr_console.plain.status_json import status_document

    return [status_document(report).model_dump_json(by_alias=True)]
