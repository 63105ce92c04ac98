"""What HAProxy would cut by its configuration file when a node's servers are disabled and enabled. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from bdr_console.cluster.text import counted
from bdr_console.runbooks.reading import Reading
from bdr_console.runbooks.seen import Subject

NO_FILE = "on-marked-down and on-marked-up are not shown by the socket, and no config_file is configured"


@dataclass(frozen=True, slots=True)
class Cut:
    """One command that cuts sessions."""

    text: str
    """Which command, whose sessions, by which option."""
    line: int
    """Where the option is in the file."""


@dataclass(frozen=True, slots=True)
class CutRisk:
    """Where sessions end with a command, on one HAProxy."""

    at_disable: tuple[Cut, ...] = ()
    """For each of the servers whose own sessions are cut."""
    at_enable: tuple[Cut, ...] = ()
    """For each that cuts the sessions on the backup servers when it is back."""
    unknown: str = ""
    """Why it cannot be told; empty when it can."""
    path: str = ""
    """The file; empty when none was read."""
    backups: bool = False
    """Whether one of the servers could cut others: it is no backup itself, and backup servers are there."""


def cut_risk(reading: Reading, proxy: str, subjects: Iterable[str]) -> CutRisk:
    """What `disable server` and `enable server` of these (`backend/name`) would cut on that HAProxy."""
    facts = reading.proxy(proxy)
    file = reading.files.get(proxy)
    at_disable, at_enable = [], []
    unknown, before_backups = "", False
    for subject in subjects:
        backend, _, name = subject.partition("/")
        server = reading.server(proxy, subject)
        backups = [s.name for s in (facts.servers if facts else ()) if s.backend == backend and s.backup]
        # A backup server that comes back cuts nobody (HAProxy's manual, on-marked-up).
        cuts_others = server is not None and not server.backup and bool(backups)
        before_backups = before_backups or cuts_others
        if file is None:
            continue
        options = file.server(backend, name)
        unknown = unknown or options.unknown
        if options.cut_when_down is not None:
            line = options.cut_when_down
            whose = f"its {_sessions(reading, (proxy, subject))}"
            option = f"on-marked-down shutdown-sessions, line {line} of {file.name}"
            at_disable.append(Cut(f"`disable server {subject}` cuts {whose} ({option})", line))
        if options.cuts_backups_when_up is not None and cuts_others:
            line = options.cuts_backups_when_up
            whose = f"every session on {', '.join(backups)}"
            option = f"on-marked-up shutdown-backup-sessions, line {line} of {file.name}"
            at_enable.append(Cut(f"`enable server {subject}` cuts {whose} ({option})", line))
    return CutRisk(
        tuple(at_disable),
        tuple(at_enable),
        NO_FILE if file is None else unknown,
        file.path if file else "",
        before_backups,
    )


def _sessions(reading: Reading, subject: Subject) -> str:
    server = reading.server(*subject)
    return counted(server.sessions, "session") if server and server.sessions else "sessions"
