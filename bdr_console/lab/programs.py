"""The programs that a lab runs: chosen once, when it is started, and the same ever after."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bdr_console.errors import ConsoleError
from bdr_console.lab import installations
from bdr_console.lab.account import Account
from bdr_console.lab.installations import NEWEST, OLDEST, Installation, at, installed, version_of

_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_WITHOUT_ROOT = f"pip install 'bdr-console[lab]' brings PostgreSQL {NEWEST} for --engine native"


@dataclass(frozen=True, slots=True)
class _Need:
    """What an engine asks of the server it runs on."""

    library: str
    package: str
    """Debian's package with that library; {} stands for the server's major version."""
    oldest: int = OLDEST


_NEEDS = {
    # The stand-in reads the origin of a commit (pg_xact_commit_timestamp_origin).
    "bdr3": _Need("pglogical", "postgresql-{}-pglogical", oldest=14),
    "bdr1": _Need("pglogical", "postgresql-{}-pglogical"),
    "pglogical": _Need("pglogical", "postgresql-{}-pglogical"),
    "native": _Need("pgoutput", "postgresql-{}", oldest=16),
    "bucardo": _Need("plperl", "postgresql-plperl-{}"),
}


@dataclass(frozen=True, slots=True)
class Program:
    """A program's file, and the version it calls itself."""

    path: Path
    version: str

    def at_least(self, *numbers: int) -> bool:
        """Whether it is of that version or a later one."""
        return tuple(int(number) for number in re.findall(r"\d+", self.version)) >= numbers


@dataclass(frozen=True, slots=True)
class Programs:
    """Everything that one lab runs."""

    postgres: Installation
    pgbench: Program
    psql: Program
    haproxy: Program
    pgbouncer: Program
    bucardo: Program | None = None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Programs":
        """From `asdict` with paths as text, as `lab.json` has it; raises KeyError or TypeError."""

        def program(name: str) -> Program:
            return Program(Path(content[name]["path"]), content[name]["version"])

        server = content["postgres"]
        return cls(
            Installation(Path(server["bin_dir"]), server["version"], server["embedded"]),
            program("pgbench"),
            program("psql"),
            program("haproxy"),
            program("pgbouncer"),
            program("bucardo") if content["bucardo"] else None,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Programs that the operator names; None: what is found."""

    postgres: Path | None = None
    haproxy: Path | None = None
    pgbouncer: Path | None = None


def choose(engine: str, wanted: Wanted, account: Account) -> Programs:
    """The programs for a lab of `engine` that `account` runs; raises ConsoleError that names what is missing.

    The server is the newest that fits, the system's before the Python package's. The package's may lie where
    the account may not go (below /root): see `placed_in`.
    """
    server = _server(engine, wanted.postgres)
    if not server.embedded:
        version_of(server.bin_dir / "postgres", account)
    return Programs(
        server,
        _client("pgbench", server),
        _client("psql", server),
        _find("haproxy", wanted.haproxy, account),
        _find("pgbouncer", wanted.pgbouncer, account),
        _find("bucardo", None, account) if engine == "bucardo" else None,
    )


def placed_in(directory: Path, chosen: Programs, account: Account) -> Programs:
    """The same programs, with the Python package's in a copy below `directory` where `account` cannot run
    them in place: `bring` makes it."""
    moved = {}
    for name in ("pgbench", "psql"):
        program: Program = getattr(chosen, name)
        if program.path.parent == installations.embedded_bin_dir() and not _runs(program.path, account):
            moved[name] = replace(program, path=_copy(directory) / name)
    server = chosen.postgres
    if server.embedded and not _runs(server.bin_dir / "postgres", account):
        server = replace(server, bin_dir=_copy(directory))
    return replace(chosen, postgres=server, **moved)


def bring(directory: Path, programs: Programs) -> None:
    """Make the copy that `placed_in` spoke of; does nothing where there is no need of one."""
    used = (programs.postgres.bin_dir, programs.pgbench.path.parent, programs.psql.path.parent)
    if _copy(directory) in used:
        root = directory / "programs"
        root.mkdir()
        installations.copy_embedded_to(root)


def _copy(directory: Path) -> Path:
    return installations.embedded_bin_dir_in(directory / "programs")


def _runs(program: Path, account: Account) -> bool:
    try:
        version_of(program, account)
    except ConsoleError:
        return False
    return True


def find(name: str) -> Path:
    """The program `name` (haproxy, pgbouncer) from PATH or the system directories; raises ConsoleError."""
    found = shutil.which(name) or shutil.which(name, path=":".join(_SYSTEM))
    if found is None:
        raise _missing(name)
    return Path(found)


def _missing(what: str, package: str = "") -> ConsoleError:
    return ConsoleError(
        f"the lab needs {what}, which is not installed here",
        f"On Debian: apt-get install {package or what} (script/bootstrap installs everything at once).",
    )


def _find(name: str, wanted: Path | None, account: Account) -> Program:
    if wanted is not None and not wanted.is_file():
        raise ConsoleError(
            f"there is no program {wanted}", f"Name the file itself: --{name} /usr/sbin/{name}."
        )
    path = wanted.absolute() if wanted else find(name)
    return Program(path, version_of(path, account))


def _client(name: str, server: Installation) -> Program:
    """pgbench or psql: the server's own, or those of another server, which talk to this one as well."""
    places = (server.bin_dir, *(other.bin_dir for other in installed()))
    path = next((place / name for place in places if (place / name).is_file()), None)
    if path is None and (found := shutil.which(name)):
        path = Path(found)
    if path is None:
        raise _missing(name, "postgresql-client")
    return Program(path, version_of(path, None))


def _server(engine: str, wanted: Path | None) -> Installation:
    """The server that is wanted, else the newest that fits; raises ConsoleError where none does."""
    known = (server for server in installed() if OLDEST <= server.major <= NEWEST)
    found = (at(wanted),) if wanted else tuple(known)
    for server in found:
        if _unfit(engine, server) is None:
            return server
    # The system's own first: what it lacks can be installed.
    for server in sorted(found, key=lambda server: server.embedded):
        raise _unfit(engine, server) or AssertionError
    raise ConsoleError(
        f"the lab needs PostgreSQL {OLDEST} to {NEWEST}, which is not installed here",
        f"On Debian: apt-get install postgresql {_NEEDS[engine].package.format('VERSION')}"
        f" (script/bootstrap installs everything at once). Without root: {_WITHOUT_ROOT}.",
    )


def _unfit(engine: str, server: Installation) -> ConsoleError | None:
    """Why `engine` does not run on that server; None when it does."""
    need = _NEEDS[engine]
    others = ", ".join(name for name, other in _NEEDS.items() if _meets(server, other))
    other = f" Or choose another engine: {others}." if others else ""
    if server.major < OLDEST:
        return ConsoleError(
            f"{server.described} is too old for a lab", f"A lab takes PostgreSQL {OLDEST} to {NEWEST}."
        )
    if server.major < need.oldest:
        return ConsoleError(
            f"the engine {engine} needs PostgreSQL {need.oldest} or later, and this is {server.described}",
            f"Without root: {_WITHOUT_ROOT}.{other}",
        )
    if not _meets(server, need):
        package = need.package.format("VERSION" if server.embedded else server.major)
        return ConsoleError(
            f"the engine {engine} needs {need.library}, which {server.described} does not have",
            f"On Debian: apt-get install {'postgresql ' if server.embedded else ''}{package}"
            f" (script/bootstrap installs everything at once).{other}",
        )
    return None


def _meets(server: Installation, need: _Need) -> bool:
    return server.major >= need.oldest and server.has(need.library)
