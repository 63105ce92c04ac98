"""`bdr-console grants`: what a role must be granted to watch, and what the configured one cannot read yet."""

import asyncio
import shlex
import sys
from dataclasses import dataclass

import click

from bdr_console.cluster.nodes import Unread
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config import ClusterSettings, opened
from bdr_console.config.options import Options
from bdr_console.engines import Probe
from bdr_console.engines import grants as of_engines
from bdr_console.errors import ConsoleError
from bdr_console.links.errors import LinkError
from bdr_console.links.factory import Links
from bdr_console.links.postgres import PostgresReader, Unreadable
from bdr_console.runbooks.model.run import REFUSED

_DEFAULT_ROLE = "bdr_console"


@dataclass(frozen=True, slots=True)
class _Seen:
    """One node through the configured role."""

    word: str
    """The engine as the configuration would call it."""
    name: str = ""
    role: str = ""
    unread: tuple[Unread, ...] = ()

    @property
    def refused(self) -> tuple[Unread, ...]:
        """The parts that the verdict misses."""
        return tuple(part for part in self.unread if part.judged)


@click.command()
@click.option(
    "--engine",
    type=click.Choice(of_engines.words()),
    help="The engine; left out, the configured nodes are asked which they run.",
)
@click.option(
    "--role", metavar="ROLE", default=_DEFAULT_ROLE, show_default=True, help="The role that shall watch."
)
@click.option("--check", is_flag=True, help="Connect as configured and say what cannot be read.")
@click.pass_obj
def grants(options: Options, engine: str | None, role: str, check: bool) -> None:
    """Print the SQL that lets ROLE watch, for psql; no DSN that may hold a password becomes readable by it.

    With --check nothing is printed to run: every node is read with the role of its DSN, and what that role
    cannot read is named with the GRANT that helps. It exits with 10 when there is such a part or a node
    does not answer. Nothing is changed either way.
    """
    config, cluster = options.config, options.cluster
    if engine is not None and check:
        raise click.UsageError("--check asks every node itself: leave out --engine")
    if engine is not None:
        _print(engine, role, "")
        return
    _, settings = opened(config).cluster(cluster)
    with keys_unlocked(settings):
        seen = asyncio.run(_look(settings, deep=check))
    if check:
        sys.exit(_report(seen))
    nodes: dict[str, list[str]] = {}
    for node, found in seen.items():
        if isinstance(found, _Seen):
            nodes.setdefault(found.word, []).append(node)
        else:
            click.echo(f"{node} was not asked which engine it runs: {found.reason}", err=True)
    if not nodes:
        raise ConsoleError(
            "no node said which engine it runs",
            f"Name the engine: bdr-console grants --engine {'|'.join(of_engines.words())}",
        )
    for word, names in nodes.items():
        _print(word, role, f" on {', '.join(names)}")


def _print(word: str, role: str, where: str) -> None:
    click.echo(
        f"-- What `bdr-console watch` reads{where}, engine {word}. For each node:\n"
        f"--   bdr-console grants --engine {word} | psql -v ON_ERROR_STOP=1 'host=NODE dbname=DATABASE'\n--\n"
        f"{of_engines.grants(word, role)}",
        nl=False,
    )


async def _look(settings: ClusterSettings, *, deep: bool) -> dict[str, _Seen | LinkError]:
    links = Links(settings)
    readers = links.nodes(PostgresReader)
    try:
        found = await asyncio.gather(
            *(_node(link, settings.nodes[name].engine, deep=deep) for name, link in readers.items())
        )
    finally:
        await links.close()
    return dict(zip(readers, found, strict=True))


async def _node(reader: PostgresReader, wanted: str | None, *, deep: bool) -> _Seen | LinkError:
    probe = Probe(reader, wanted)
    try:
        word = (await probe.kind()).word
        if not deep:
            return _Seen(word)
        facts = await probe.read()
        role = (await reader.fetch({"role": "SELECT current_user::text AS role"}))["role"]
    except LinkError as error:
        return error
    finally:
        await reader.close()
    known = _DEFAULT_ROLE if isinstance(role, Unreadable) else str(role[0]["role"])
    return _Seen(word, facts.engine, known, facts.unread)


def _report(seen: dict[str, _Seen | LinkError]) -> int:
    """Print what each node hides from its role; returns the exit code."""
    for node, found in seen.items():
        if isinstance(found, LinkError):
            click.echo(f"{node}: not reached: {found.reason}")
            continue
        click.echo(f"{node}: {found.name}, as {found.role}: {_many(found.refused)}")
        for part in found.unread:
            click.echo(f"  {part.what}: {part.why}")
        helps = [of_engines.helping_grant(found.word, found.role, part.why) for part in found.refused]
        for statement in dict.fromkeys(filter(None, helps)):
            click.echo(f"  what helps: {statement}")
    blind = [found.role for found in seen.values() if isinstance(found, _Seen) and found.refused]
    for role in dict.fromkeys(blind):
        click.echo(f"Everything that watch mode needs: bdr-console grants --role {shlex.quote(role)}")
    whole = not blind and all(isinstance(found, _Seen) for found in seen.values())
    return 0 if whole else REFUSED


def _many(unread: tuple[Unread, ...]) -> str:
    if not unread:
        return "every part can be read"
    return f"{len(unread)} {'part' if len(unread) == 1 else 'parts'} cannot be read"
