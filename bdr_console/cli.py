"""The commands: parse, load the configuration, hand over. Everything heavy is imported when it is needed."""

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bdr_console import __version__
from bdr_console.cluster.text import clean
from bdr_console.commands import completion
from bdr_console.commands.options import FILE, byte_count, theme_option
from bdr_console.errors import CRASHED, ConsoleError
from bdr_console.plain import stream_writer

if TYPE_CHECKING:
    from bdr_console.config.options import Options

_LAZY = {
    "lab": "bdr_console.commands.lab:lab",
    "status": "bdr_console.commands.status:status",
    "top": "bdr_console.commands.top:top",
    "init": "bdr_console.commands.init:init",
    "completion": "bdr_console.commands.completion:completion",
    "man": "bdr_console.commands.man:man",
    "config": "bdr_console.commands.config:config",
    "grants": "bdr_console.commands.grants:grants",
    "switchover": "bdr_console.commands.switchover:switchover",
    "rolling": "bdr_console.commands.rolling:rolling",
    "events": "bdr_console.commands.events:events",
    "runs": "bdr_console.commands.runs:runs",
    "attach": "bdr_console.commands.run:attach",
    "go": "bdr_console.commands.run:go",
    "abort": "bdr_console.commands.run:abort",
    "wait": "bdr_console.commands.run:wait",
    "resume": "bdr_console.commands.run:resume_command",
    "undo": "bdr_console.commands.run:undo_command",
    "report": "bdr_console.commands.run:report_command",
    "paper": "bdr_console.commands.run:paper_command",
    "record": "bdr_console.commands.record:record",
    "replay": "bdr_console.commands.replay:replay",
    "screenshot": "bdr_console.commands.screenshot:screenshot",
    "with-lock": "bdr_console.commands.with_lock:with_lock",
}


GARBAGE_AFTER = (5_000, 10, 5)
"""How seldom garbage is searched for (`gc.set_threshold`). Python's own 700 do so some hundred times while
the program starts. Everything is searched every 250 000 new objects: about 10 MiB, by script/bench soak."""


class _Commands(click.Group):
    """A group whose parts are imported only when they are named: the console starts without them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LAZY])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LAZY:
            module, _, name = _LAZY[cmd_name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--config", "-c", type=FILE, help="The configuration file.")
@click.option(
    "--cluster",
    "-C",
    metavar="NAME",
    shell_complete=completion.clusters,
    help="The cluster to show first, or to act on; the first one when left out.",
)
@theme_option
@click.option("--read-only", is_flag=True, help="Watch only: nothing can be changed from this console.")
@click.option("--plain", is_flag=True, help="Pages of plain text instead of the screen: see `top --help`.")
@click.option("--debug", is_flag=True, help="Log more, to bdr-console.log in the state directory.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option(
    "--ascii", "ascii_only", is_flag=True, help="Nothing but ASCII on the screen and on plain pages."
)
@click.option("--record", type=FILE, metavar="FILE", help="Record what the console shows to FILE.")
@click.option(
    "--record-limit",
    metavar="SIZE",
    callback=byte_count,
    help="The size of that recording, 100MiB; the oldest half goes.",
)
@click.version_option(__version__, prog_name="bdr-console")
@click.pass_context
def cli(
    ctx: click.Context,
    config: Path | None,
    cluster: str | None,
    theme: str | None,
    read_only: bool,
    plain: bool,
    debug: bool,
    no_mouse: bool,
    ascii_only: bool,
    record: Path | None,
    record_limit: int | None,
) -> None:
    """Watch a PostgreSQL multi-master cluster, and take its nodes out of service and back safely.

    Without a command, opens the console.
    """
    from bdr_console import logs
    from bdr_console.config.options import Options

    logs.start(debug=debug)
    options = ctx.obj = Options(
        config,
        cluster,
        theme,
        mouse=not no_mouse,
        plain=plain,
        ascii=ascii_only,
        record=record,
        record_limit=record_limit,
    )
    if ctx.invoked_subcommand is None:
        ctx.exit(_console(options, read_only=read_only))


@cli.command()
@click.pass_obj
def watch(options: "Options") -> int:
    """The same screen, read-only: no act is reachable and every session is read-only."""
    sys.exit(_console(options, read_only=True))


def _console(options: "Options", *, read_only: bool) -> int:
    from bdr_console.config import find, opened, search_path
    from bdr_console.plain.stream_writer import is_dumb, term

    os.umask(0o077)
    if options.config is None and not any(path.exists() for path in search_path()) and sys.stdin.isatty():
        from bdr_console.init.welcome import WELCOME

        click.echo(WELCOME, err=True)
        return 2
    path = find(options.config)
    settings = opened(path)
    name, _ = settings.cluster(options.cluster)
    # The screen is painted on stderr; where that is no terminal it says so itself.
    if options.plain or (is_dumb() and sys.stdin.isatty() and sys.stderr.isatty()):
        from bdr_console.commands.top import run_top

        if options.record is not None:
            raise ConsoleError(
                "only the screen records what it shows", f"Without it: bdr-console record {options.record}"
            )
        if not options.plain:
            said = f"This terminal cannot show the screen ({term()}): pages of plain text instead."
            click.echo(clean(said), err=True)
        run_top(options)
        return 0
    from bdr_console.commands.ssh_keys import keys_unlocked
    from bdr_console.ui.start import run_console

    with keys_unlocked(*settings.clusters.values()):
        return run_console(path, settings, name, options, read_only=read_only)


def main() -> None:
    """The entry point: turns every error into one paragraph on stderr and an exit code."""
    gc.set_threshold(*GARBAGE_AFTER)
    stream_writer.prepare()
    code: object = 0
    try:
        try:
            cli.main(prog_name="bdr-console", standalone_mode=True)
        except SystemExit as ended:
            code = ended.code
        stream_writer.flush()
    except ConsoleError as error:
        # What it quotes may come from a server, a file or the command line.
        click.echo("\n".join(clean(line) for line in f"bdr-console: {error}".split("\n")), err=True)
        code = error.exit_code
    except Exception as error:
        from bdr_console import crash

        click.echo(crash.ending(error), err=True)
        code = CRASHED
    sys.exit(code)
