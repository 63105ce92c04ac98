"""`bdr-console init`: from the DSN of one node to a configuration that was tried."""

import asyncio
import getpass
import sys
from collections.abc import Iterable
from pathlib import Path

import click
from pydantic import ValidationError

from bdr_console.commands.config import examined, told
from bdr_console.commands.options import FILE
from bdr_console.commands.ssh_keys import keys_unlocked
from bdr_console.config import ClusterSettings, search_path
from bdr_console.config.options import Options
from bdr_console.errors import ConsoleError
from bdr_console.init.config_writer import Draft, exists, write
from bdr_console.init.local import haproxy_sockets, pgbouncer_dsn
from bdr_console.init.nodes import FoundNode, find_nodes, without_password
from bdr_console.init.proxies import fronted
from bdr_console.links import conninfo

_LEFT_OUT = (
    "the password in the DSN is left out: it is never written. Put it into ~/.pgpass (mode 0600), or name a"
    " file with passfile= in the DSN. On a command line others can see it: change it if they may have."
)


@click.command()
@click.option("--node", "nodes", multiple=True, metavar="DSN", help="A node; the others are found from it.")
@click.option(
    "--haproxy",
    "haproxies",
    multiple=True,
    metavar="SOCKET",
    help="A HAProxy's runtime socket, or HOST:PORT.",
)
@click.option("--pgbouncer", "pgbouncers", multiple=True, metavar="DSN", help="A PgBouncer's admin console.")
@click.option("--cluster", "cluster", metavar="NAME", help="What to call the cluster; else its node group.")
@click.option("--environment", metavar="LABEL", default="", help="prod, staging ...; prod is unmistakable.")
@click.option("--via", metavar="HOST", help="Reach every target through this SSH host.")
@click.option("--output", "-o", type=FILE, help="The file to write; else where it is looked for.")
@click.option("--yes", is_flag=True, help="Ask nothing: take what is found on this machine too.")
@click.option("--force", is_flag=True, help="Replace the file when it is there already.")
@click.pass_obj
def init(
    options: Options,
    nodes: tuple[str, ...],
    haproxies: tuple[str, ...],
    pgbouncers: tuple[str, ...],
    cluster: str | None,
    environment: str,
    via: str | None,
    output: Path | None,
    yes: bool,
    force: bool,
) -> None:
    """Write a first configuration, from one node of a cluster.

    The other nodes are found from it. On a terminal it asks for what no option says. Servers are only read.
    The file is written for its owner alone (mode 0600), without any password, and then checked as `config
    check --connect` does: exit 0 when everything was reached, 1 when something was not.
    """
    path = output or options.config or search_path()[0]
    if path.exists() and not force:
        raise exists(path)
    asks = sys.stdin.isatty() and not yes
    if not nodes and not asks:
        raise ConsoleError(
            "init needs one node of the cluster",
            "For example: bdr-console init --node 'host=10.0.0.11 dbname=app user=bdr_console'",
        )
    dsns = nodes or (click.prompt(_WHICH_NODE, err=True),)
    try:
        way = ClusterSettings.model_validate({"via": via, "nodes": {"node": {"dsn": "host=unused"}}})
        with keys_unlocked(way):
            draft = _draft(dsns, cluster or options.cluster, environment, via, asks=asks)
            draft = _in_front(draft, haproxies, pgbouncers, asks=asks, take=yes)
        draft.settings()
    except ValidationError as error:
        raise _refused(error) from None
    write(path, draft.text(), force=force)
    click.echo(f"Written: {path}", err=True)
    sys.exit(_checked(path))


_WHICH_NODE = "One node of the cluster (for example host=10.0.0.11 dbname=app user=bdr_console)"


def _draft(
    dsns: Iterable[str], cluster: str | None, environment: str, via: str | None, *, asks: bool
) -> Draft:
    """The nodes, under the cluster's name. Raises ConsoleError when a given node cannot be read."""
    given = [_kept(dsn) for dsn in dsns]
    while True:
        found = asyncio.run(find_nodes(given, via, _say))
        answers = [_where_is(name) for name in found.unplaced] if asks else []
        if not any(answers):
            break
        given += [_kept(dsn) for dsn in answers if dsn]
    for name in found.unplaced:
        _say(f"{name}: a member, but the catalogs do not tell where it is: name it with --node too")
    group = next((node.facts.group for node in found.nodes if node.facts and node.facts.group), None)
    if asks and not cluster:
        cluster = click.prompt("Name of the cluster", default=_name(group), err=True)
    if asks and not environment:
        environment = click.prompt("Environment (prod, staging, lab ...)", default="", err=True)
    return Draft(cluster or _name(group), environment, via, tuple(found.nodes), {}, {}, {})


def _where_is(name: str) -> str:
    answer: str = click.prompt(f"Where is {name}? A DSN, or nothing to leave it out", default="", err=True)
    return answer.strip()


def _kept(dsn: str) -> str:
    """The DSN without a password, which nobody keeps for us."""
    kept, had = without_password(dsn)
    if had:
        _say(_LEFT_OUT)
    return kept


def _name(group: str | None) -> str:
    kept = "".join(
        letter for letter in group or "" if letter.isascii() and (letter.isalnum() or letter in "_.-")
    )
    return kept.lstrip(".-") or "main"


def _in_front(
    draft: Draft, haproxies: tuple[str, ...], pgbouncers: tuple[str, ...], *, asks: bool, take: bool
) -> Draft:
    """The proxies and poolers: those that options name, else those that are found here and wanted."""
    here = draft.via is None
    sockets = haproxies or _chosen(
        "HAProxy runtime sockets (paths or HOST:PORT)",
        ",",
        haproxy_sockets() if here else (),
        asks=asks,
        take=take,
    )
    suggested = pgbouncer_dsn(_user(draft.nodes)) if here else None
    dsns = pgbouncers or _chosen(
        "PgBouncer admin consoles (DSNs)",
        ";",
        (suggested,) if suggested else (),
        asks=asks,
        take=take,
    )
    draft = Draft(
        draft.cluster,
        draft.environment,
        draft.via,
        draft.nodes,
        {},
        {f"haproxy{number}": socket for number, socket in enumerate(sockets, 1)},
        {f"pgbouncer{number}": _kept(dsn) for number, dsn in enumerate(dsns, 1)},
    )
    if not draft.proxies:
        return draft
    return _with_servers(draft, next(iter(draft.settings().clusters.values())))


def _with_servers(draft: Draft, settings: ClusterSettings) -> Draft:
    seen = asyncio.run(fronted(settings))
    for note in seen.notes:
        _say(note)
    return Draft(
        draft.cluster, draft.environment, draft.via, draft.nodes, seen.servers, draft.proxies, draft.poolers
    )


def _chosen(
    question: str, between: str, suggested: tuple[str, ...], *, asks: bool, take: bool
) -> tuple[str, ...]:
    if asks:
        answer = click.prompt(
            f"{question}, {between} between, - for none", default=between.join(suggested) or "-", err=True
        )
        return tuple(part.strip() for part in answer.split(between) if part.strip() not in ("", "-"))
    if suggested and not take:
        _say(f"found here and left out: {', '.join(suggested)}; --yes takes what is found")
    return suggested if take else ()


def _user(nodes: tuple[FoundNode, ...]) -> str:
    return conninfo.parse("node", nodes[0].dsn).get("user") or getpass.getuser()


def _refused(error: ValidationError) -> ConsoleError:
    """The first thing that a configuration does not take."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    what = first["msg"].removeprefix("Value error, ")
    return ConsoleError(f"{place}: {what}", "Correct the option or the answer that says so.")


def _checked(path: Path) -> int:
    """`config check --connect` on what was written: 0 when everything was reached."""
    report = examined(path, None, connect=True)
    for line in told(report):
        click.echo(line)
    for warning in report.warnings:
        _say(f"warning: {warning}")
    if report.good:
        _say("Open it: bdr-console" + ("" if path in search_path() else f" --config {path}"))
    else:
        _say(f"Mend that or the file, then: bdr-console --config {path} config check --connect")
    return 0 if report.good else 1


def _say(text: str) -> None:
    click.echo(text, err=True)
