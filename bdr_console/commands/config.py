"""`bdr-console config`: check the configuration, show what is in force, print the schema for editors."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from bdr_console.commands.config_check import Asked, ask_all
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config import ClusterSettings, ConfigurationError, Loaded, Mistake, find, opened, read
from bdr_console.config.access import warnings
from bdr_console.config.json_schema import schema, shown
from bdr_console.config.keys import listed
from bdr_console.config.mistakes import at, mark_of
from bdr_console.config.options import Options
from bdr_console.links.secret import source
from bdr_console.paths import shipped

_FAILED = 1
EXAMPLE = "config.example.yaml"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a check found."""

    path: Path
    loaded: Loaded | None
    mistakes: tuple[Mistake, ...]
    warnings: tuple[str, ...] = ()
    targets: tuple[Asked, ...] | None = None
    """None when nobody was asked."""

    @property
    def good(self) -> bool:
        """Warnings alone leave it good."""
        return not self.mistakes and all(asked.reached and not asked.fault for asked in self.targets or ())


@click.group()
def config() -> None:
    """Check the configuration, show it, and print its JSON Schema."""


@config.command()
@click.option("--connect", is_flag=True, help="Ask every target too: version, engine and rights.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.pass_obj
def check(options: Options, connect: bool, as_json: bool) -> None:
    """Name every mistake of the configuration at once, each with its file, line and column.

    Exits with 0 when the configuration holds (and, with --connect, every target was reached), else with 1.
    With --cluster NAME only that cluster's targets are asked. Nothing is changed anywhere.
    """
    path, name = options.config, options.cluster
    report = examined(find(path), name, connect=connect)
    if as_json:
        click.echo(json.dumps(_as_json(report), indent=2))
    else:
        for line in told(report):
            click.echo(line)
        for warning in report.warnings:
            click.echo(f"warning: {warning}", err=True)
    sys.exit(0 if report.good else _FAILED)


@config.command()
@click.pass_obj
def show(options: Options) -> None:
    """Print the configuration in force, with defaults and everything that is included.

    It holds no password. With --cluster NAME only that cluster.
    """
    path, name = options.config, options.cluster
    click.echo(shown(opened(path), name), nl=False)


@config.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of the configuration, for editors that check YAML while it is written."""
    click.echo(schema(), nl=False)


@config.command()
def example() -> None:
    """Print an example that names every key with its default."""
    click.echo(shipped(EXAMPLE).read_text(encoding="utf-8"), nl=False)


@config.command("keys")
def keys_command() -> None:
    """List the actions that `keys:` can give other keys to: name, key, what it does."""
    for line in listed():
        click.echo(line)


def examined(path: Path, name: str | None, *, connect: bool) -> Report:
    """Everything about a configuration; with `connect` every target is asked too. Raises ConsoleError."""
    try:
        loaded = read(path)
    except ConfigurationError as error:
        return Report(path, None, error.mistakes)
    mistakes = tuple(_passwords(loaded))
    targets = None
    if connect:
        settings = loaded.settings
        chosen = [settings.cluster(name)] if name else list(settings.clusters.items())
        targets = tuple(asked for cluster in chosen for asked in _ask(*cluster))
    return Report(path, loaded, mistakes, warnings(loaded.files), targets)


def _ask(name: str, settings: ClusterSettings) -> tuple[Asked, ...]:
    with keys_unlocked(settings):
        return asyncio.run(ask_all(name, settings))


def _passwords(loaded: Loaded) -> Iterator[Mistake]:
    """Password files that cannot be used; a command would have to be run to know."""
    for name, cluster in loaded.settings.clusters.items():
        for kind, targets in (("nodes", cluster.nodes), ("poolers", cluster.poolers)):
            for target, login in targets.items():
                kept = source(login.password_file, login.password_command)
                problem = kept.problem() if kept else None
                if problem:
                    where = ("clusters", name, kind, target, "password_file")
                    yield at(
                        mark_of(loaded.root, where),
                        where,
                        f"{problem[0].removeprefix('password_file ')}: {problem[1]}",
                    )


def told(report: Report) -> Iterator[str]:
    """The same for people, a line each."""
    yield from map(str, report.mistakes)
    if report.loaded is None:
        yield f"{_count(len(report.mistakes), 'mistake')} in {report.path}"
        return
    files = len(report.loaded.files)
    where = str(report.path) + (f" and {_count(files - 1, 'included file')}" if files > 1 else "")
    if report.mistakes:
        yield f"{_count(len(report.mistakes), 'mistake')} in {where}"
    else:
        clusters = report.loaded.settings.clusters
        yield f"{where}: no mistake; {_count(len(clusters), 'cluster')}: {', '.join(clusters)}"
    for asked in report.targets or ():
        state = "ok  " if asked.reached and not asked.fault else "FAIL"
        yield f"{state} {asked.cluster} {asked.kind} {asked.target} ({asked.address})"
        yield from (f"     {line}" for line in (*asked.said.split("; "), *asked.notes) if line)
    if report.targets is not None:
        lost = sum(not asked.reached for asked in report.targets)
        total = _count(len(report.targets), "target")
        wrong = sum(asked.fault for asked in report.targets)
        reached = f"{lost} not reached" if lost else "all reached"
        yield f"{total}, {reached}" + (f"; the configuration is wrong about {wrong}" if wrong else "")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_json(report: Report) -> dict[str, object]:
    return {
        "ok": report.good,
        "files": [str(file) for file in report.loaded.files] if report.loaded else [str(report.path)],
        "clusters": list(report.loaded.settings.clusters) if report.loaded else [],
        "mistakes": [asdict(mistake) for mistake in report.mistakes],
        "warnings": list(report.warnings),
        "targets": None if report.targets is None else [asdict(asked) for asked in report.targets],
    }
