"""`bdr-console man`: the manual page, and what it tells beside the commands."""

import click

from bdr_console import __version__
from bdr_console.errors import CRASHED
from bdr_console.manual import Section, page
from bdr_console.runbooks.exit_codes import MEANINGS
from bdr_console.ui.terminal.signals import HANGUP_EXIT

_EXIT_STATUS = Section(
    "EXIT STATUS",
    [
        *((str(code), meaning) for code, meaning in MEANINGS.items()),
        (
            str(CRASHED),
            "ended by an error of its own; the report is named on stderr, and a run under way goes on",
        ),
        (str(HANGUP_EXIT), "the terminal of the console is gone; runs under way go on"),
    ],
    "Of the console, and of the commands that make, run or finish a plan. `status` ends as a monitoring"
    " plugin does, with 0 to 3, and `with-lock` with the code of the command that it ran; `config check`,"
    " `lab load stop` and `lab load show` end with 1 when they have found something wrong. Data is on stdout,"
    " everything else on stderr.",
)
_ENVIRONMENT = Section(
    "ENVIRONMENT",
    [
        ("BDR_CONSOLE_CONFIG", "The configuration file, where --config does not name one."),
        (
            "BDR_CONSOLE_STATE",
            "The directory of runs, event logs and acknowledgements, instead of ~/.local/state/bdr-console.",
        ),
        (
            "BDR_CONSOLE_NODE",
            "Set for the command of --hold-command: the node that is out of service.",
        ),
        ("XDG_CONFIG_HOME, XDG_STATE_HOME", "Instead of ~/.config and ~/.local/state."),
        ("NO_COLOR", "Set to anything: the theme without a single colour."),
        ("TERM", "dumb, unknown or empty: pages of plain text instead of the screen, as `top` prints them."),
        ("LC_ALL, LC_CTYPE, LANG", "Where the locale is no UTF-8, only ASCII is printed, as with --ascii."),
        (
            "PGHOST, PGHOSTADDR, PGPORT, PGUSER, PGDATABASE, PGPASSFILE, PGSERVICEFILE, PGSYSCONFDIR",
            "Defaults for every DSN, as for psql(1).",
        ),
        (
            "PGPASSWORD",
            "As for psql(1); commands of --hold-command and password_command do not get it.",
        ),
        ("SSH_AUTH_SOCK", "The SSH agent whose keys are tried, where a target is reached through SSH."),
        (
            "SUDO_USER, SSH_CONNECTION, SSH_CLIENT",
            "Who the operator is, for journals and for the operators' lock.",
        ),
        ("TMUX", "Notifications are passed through tmux to the terminal."),
    ],
    "Values in the configuration file may name any variable as ${NAME} or ${NAME:-default}.",
)
_FILES = Section(
    "FILES",
    [
        (
            "~/.config/bdr-console/config.yaml, /etc/bdr-console/config.yaml",
            "The configuration: the first one found. `config example` prints one that names every key.",
        ),
        (
            "~/.config/bdr-console/themes/*.yaml",
            "Themes of your own; also in themes/ beside the configuration.",
        ),
        (
            "~/.local/state/bdr-console/",
            "Runs with their journals, plans, the event log and acknowledgements. Private to its user.",
        ),
        ("~/.pgpass, ~/.pg_service.conf", "Passwords and services, as for psql(1)."),
        ("~/.ssh/config, ~/.ssh/known_hosts", "Of targets that are reached through SSH, as for ssh(1)."),
        (
            "/var/tmp/bdr-console-lab/",  # noqa: S108 - named, not used
            "The lab that root has started; that of another user is in ~/.local/state/bdr-console/lab.",
        ),
    ],
)
_SEE_ALSO = Section("SEE ALSO", [], "psql(1), haproxy(1), pgbouncer(1), pgbouncer(5), ssh_config(5)")


@click.command(
    epilog="""\b
To read it:     bdr-console man | man -l -
To install it:  bdr-console man > ~/.local/share/man/man1/bdr-console.1"""
)
@click.pass_context
def man(ctx: click.Context) -> None:
    """Print the manual page: every command, exit codes, environment variables and files, as roff."""
    click.echo(page(ctx.find_root(), __version__, (_EXIT_STATUS, _ENVIRONMENT, _FILES, _SEE_ALSO)), nl=False)
